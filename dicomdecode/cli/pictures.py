"""Pictures as PNG files, and where they go."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from dicomdecode.cli.files import write_whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def write_png(pixels: NDArray[np.uint8 | np.uint16], target: str) -> None:
    """Write a picture, whole or not at all; "-" is standard output."""
    from PIL import Image

    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, format="PNG")
    if target == "-":
        sys.stdout.buffer.write(picture.getbuffer())
    else:
        write_whole(picture.getbuffer(), target)


def targets(output: str | None) -> Callable[[str], str]:
    """Where the picture of a file goes: no two files of one call to the same place."""
    used: set[str] = set()

    def target_of(name: str) -> str:
        if output is not None and not os.path.isdir(output):
            return output
        stem = "stdin" if name == "-" else os.path.basename(name)
        for ending in (".dcm", ".DCM", ".dicom"):
            stem = stem.removesuffix(ending)
        target, n = os.path.join(output or "", f"{stem}.png"), 1
        while target in used:
            n += 1
            target = os.path.join(output or "", f"{stem}-{n}.png")
        used.add(target)
        return target

    return target_of


def numbered(target: str, number: int) -> str:
    """The file of one of several pictures: scan.png -> scan-007.png."""
    stem, ending = os.path.splitext(target)
    return f"{stem}-{number:03}{ending}"


def wrong_output(output: str | None, several: bool) -> str | None:
    """What is wrong with -o."""
    if output is None or os.path.isdir(output):
        return None
    if several:
        return "with several files, -o names a folder that exists"
    ending = os.path.splitext(output)[1]
    if output != "-" and not os.path.exists(output) and ending.lower() != ".png":
        return f"the picture is a PNG: -o names a folder that exists or ends in .png, not {output}"
    if os.path.isfile(output) and ending.lower() != ".png":
        return f"{output} is there and is no .png: it is not replaced"
    return None
