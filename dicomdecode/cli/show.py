"""`dicomdecode show`: the picture of a file."""

from __future__ import annotations

import argparse
import math
from typing import Any

import dicomdecode
from dicomdecode.cli.commands import Commands, add_files, wrong_files
from dicomdecode.cli.files import for_each_file, is_several
from dicomdecode.cli.pictures import targets, write_png, wrong_output
from dicomdecode.cli.terminal import clean
from dicomdecode.errors import DicomError


def _run(arguments: argparse.Namespace) -> int:
    window = tuple(arguments.window) if arguments.window else None
    target_of = targets(arguments.output)

    def work(name: str, source: Any) -> tuple[str, list[str]]:
        with dicomdecode.open(source) as image:
            frame = arguments.frame if arguments.frame is not None else image.frames // 2
            if not 0 <= frame < image.frames:
                raise DicomError(f"there is no frame {frame}: the image has {image.frames}", code="frame")
            pixels = image.pixels(values="display", frames=frame, window=window, overlays=arguments.overlays)
        target = target_of(name)
        write_png(pixels, target)
        return "" if target == "-" else f"{clean(name)} -> {clean(target)}", []

    return for_each_file(arguments.files, work)


def _wrong_usage(arguments: argparse.Namespace) -> str | None:
    window = arguments.window
    if window and not (math.isfinite(window[0]) and math.isfinite(window[1]) and window[1] >= 1):
        return "a window has a finite center and a width of at least 1"
    return wrong_files(arguments) or wrong_output(arguments.output, is_several(arguments.files))


def add_to(commands: Commands) -> None:
    """The command `show`."""
    parser = commands.add("show", "write the picture as PNG", _run, _wrong_usage)
    add_files(parser)
    parser.add_argument(
        "-o", "--output", help="the PNG, a folder, or - for standard output; default: the file's name, in this folder"
    )
    parser.add_argument("--frame", type=int, help="which frame, from 0; default: the middle one")
    parser.add_argument("--window", type=float, nargs=2, metavar=("CENTER", "WIDTH"), help="instead of the stored one")
    parser.add_argument("--overlays", action="store_true", help="draw the overlays")
