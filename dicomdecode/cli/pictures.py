"""Pictures as PNG files: where they go, and written whole or not at all."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

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
        return
    path = Path(os.path.realpath(target))  # what a link leads to is replaced, not the link
    try:
        if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced
            path.write_bytes(picture.getbuffer())
            return
        temporary = path.with_name(f".dicomdecode-{os.getpid()}-{os.urandom(4).hex()}.png")
        try:
            with open(temporary, "xb") as file:
                file.write(picture.getbuffer())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, f"{target} cannot be written: {error.strerror}") from None


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
