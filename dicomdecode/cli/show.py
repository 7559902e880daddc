"""`dicomdecode show`: the picture of a file."""

from __future__ import annotations

import argparse
from typing import Any

import dicomdecode
from dicomdecode.cli.commands import Commands, add_files, add_window, wrong_files
from dicomdecode.cli.files import for_each_file, is_several
from dicomdecode.cli.pictures import targets, write_png, wrong_output
from dicomdecode.cli.terminal import clean
from dicomdecode.errors import DicomError
from dicomdecode.pictures.frames import picture_of


def _run(arguments: argparse.Namespace) -> int:
    target_of = targets(arguments.output)

    def work(name: str, source: Any) -> tuple[str, list[str]]:
        with dicomdecode.open(source) as image:
            frame = arguments.frame
            if frame is not None and not 0 <= frame < image.frames:
                raise DicomError(f"there is no frame {frame}: the image has {image.frames}", code="frame")
            picture = picture_of(image, frame=frame, window=arguments.window, overlays=arguments.overlays).pixels
        target = target_of(name)
        write_png(picture, target)
        return "" if target == "-" else f"{clean(name)} -> {clean(target)}", []

    return for_each_file(arguments.files, work)


def _wrong_usage(arguments: argparse.Namespace) -> str | None:
    return wrong_files(arguments) or wrong_output(arguments.output, is_several(arguments.files))


def add_to(commands: Commands) -> None:
    """The command `show`."""
    parser = commands.add("show", "write the picture as PNG", _run, _wrong_usage)
    add_files(parser)
    parser.add_argument(
        "-o", "--output", help="the PNG, a folder, or - for standard output; default: the file's name, in this folder"
    )
    parser.add_argument("--frame", type=int, help="which frame, from 0; default: the middle one")
    add_window(parser)
    parser.add_argument("--overlays", action="store_true", help="draw the overlays")
