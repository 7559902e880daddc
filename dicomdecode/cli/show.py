"""`dicomdecode show`: the picture of a file, in the terminal or as PNG."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dicomdecode
from dicomdecode.cli.commands import Commands, add_files, add_window, index, wrong_files
from dicomdecode.cli.files import for_each_file, is_several
from dicomdecode.cli.graphics import WAYS, drawn, way_of_terminal
from dicomdecode.cli.pictures import numbered, targets, write_png, wrong_output
from dicomdecode.cli.terminal import clean
from dicomdecode.errors import DicomError, UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _run(arguments: argparse.Namespace) -> int:
    way = _way(arguments)
    target_of = targets(arguments.output)

    def work(name: str, source: Any) -> tuple[str, list[str]]:
        with dicomdecode.open(source) as image:
            if way is not None:
                return _in_terminal(image, arguments, way), []
            pictures = list(_pictures(image, arguments))
        target = target_of(name)
        written = [target] if len(pictures) == 1 else [numbered(target, i) for i in range(len(pictures))]
        for pixels, path in zip(pictures, written, strict=True):
            write_png(pixels, path)
        shown = clean(written[0]) + (f" to {clean(os.path.basename(written[-1]))}" if len(written) > 1 else "")
        return "" if target == "-" else f"{clean(name)} -> {shown}", []

    return for_each_file(arguments.files, work)


def _way(arguments: argparse.Namespace) -> str | None:
    """How to draw in the terminal; None for PNG files."""
    if arguments.draw not in (None, "auto"):
        return str(arguments.draw)
    can_draw = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    if arguments.draw == "auto" or (arguments.output is None and can_draw):
        return way_of_terminal()
    return None


def _in_terminal(image: dicomdecode.DicomImage, arguments: argparse.Namespace, way: str) -> str:
    from dicomdecode.pictures.frames import fitted

    if arguments.montage:
        return drawn(image.montage(window=arguments.window), way)
    pictures = _pictures(image, arguments)
    return "\n".join(drawn(fitted(image, pixels, max(pixels.shape)), way) for pixels in pictures)


def _pictures(image: dicomdecode.DicomImage, arguments: argparse.Namespace) -> Iterator[NDArray[Any]]:
    """What is asked for of a file, one picture after the other."""
    import numpy as np

    from dicomdecode.pictures.frames import picture_of

    if arguments.montage:
        yield np.asarray(image.montage(window=arguments.window))
        return
    frame = arguments.frame
    if frame is not None and frame >= image.frames:
        raise DicomError(f"there is no frame {frame}: the image has {image.frames}", code="frame")
    if arguments.depth == 16 and image.photometric not in ("MONOCHROME1", "MONOCHROME2"):
        raise UnsupportedError("--depth 16 is for grey pictures, and this one has colours", code="export_type")
    dtype = "uint16" if arguments.depth == 16 else None
    for i in range(image.frames) if arguments.all_frames else (frame,):
        yield picture_of(image, frame=i, window=arguments.window, overlays=arguments.overlays, dtype=dtype).pixels


def _wrong_usage(arguments: argparse.Namespace) -> str | None:
    if arguments.all_frames + arguments.montage + (arguments.frame is not None) > 1:
        return "--frame, --all-frames and --montage exclude each other"
    if arguments.montage and (arguments.overlays or arguments.depth == 16):
        return "a montage has 8 bits and no overlays"
    if arguments.draw and (arguments.output or arguments.depth == 16):
        return "--draw is for the terminal; -o and --depth are for files"
    if arguments.all_frames and arguments.output == "-":
        return "several pictures do not go to standard output"
    return wrong_files(arguments) or wrong_output(arguments.output, is_several(arguments.files))


def add_to(commands: Commands) -> None:
    """The command `show`."""
    parser = commands.add("show", "draw the picture in the terminal, or write it as PNG", _run, _wrong_usage)
    add_files(parser)
    parser.add_argument(
        "-o",
        "--output",
        help="a PNG file, a folder, or - for standard output; default: draw in the terminal, or without one write "
        "NAME.png",
    )
    parser.add_argument("--frame", type=index, help="which frame, from 0; default: the middle one")
    parser.add_argument("--all-frames", action="store_true", help="a picture of each frame")
    parser.add_argument("--montage", action="store_true", help="frames on one sheet")
    add_window(parser)
    parser.add_argument("--overlays", action="store_true", help="draw the overlays")
    parser.add_argument("--depth", type=int, choices=(8, 16), default=8, help="bits of a grey PNG; default: 8")
    parser.add_argument(
        "--draw",
        nargs="?",
        const="auto",
        choices=("auto", *WAYS),
        help="draw in the terminal, this way; default: as the terminal can",
    )
