"""`dicomdecode demo`: a CT that pydicom ships, decoded and shown."""

from __future__ import annotations

import argparse
import os
import sys

import dicomdecode
from dicomdecode.cli.commands import Commands
from dicomdecode.cli.info import facts_of, lines_of
from dicomdecode.cli.pictures import write_png, wrong_output
from dicomdecode.cli.terminal import clean, complain, say


def _run(arguments: argparse.Namespace) -> int:
    from pydicom.data import get_testdata_file

    from dicomdecode.pictures.frames import picture_of

    path = get_testdata_file("CT_small.dcm", download=False)
    if path is None:
        print("dicomdecode: pydicom ships no CT_small.dcm here", file=sys.stderr)
        return 1
    with dicomdecode.open(str(path)) as image:
        pixels, picture = image.pixels(), picture_of(image).pixels
        shown = image.steps_of(values="display", window="auto")[-1]
        lines = [f"CT_small.dcm, a CT slice that pydicom {_version('pydicom')} ships", *lines_of(facts_of(image))]
    lines += [
        f"\nimread: {pixels.dtype} {pixels.shape}, in Hounsfield units",
        str(pixels),
        f"lowest {pixels.min():g}, highest {pixels.max():g}, mean {pixels.mean():.1f}, deviation {pixels.std():.1f}",
    ]
    say("\n".join(lines))
    try:
        write_png(picture, arguments.output)
    except OSError as error:
        complain("demo", error)
        return 1
    say(f"\nwritten: {clean(arguments.output)} (display values, {shown})")
    return 0


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _wrong_usage(arguments: argparse.Namespace) -> str | None:
    if os.path.isdir(arguments.output):
        return f"-o names a PNG, not the folder {arguments.output}"
    return wrong_output(arguments.output, several=False)


def add_to(commands: Commands) -> None:
    """The command `demo`."""
    parser = commands.add(
        "demo", "decode a CT slice that comes with pydicom, and write its picture", _run, _wrong_usage
    )
    parser.add_argument("-o", "--output", default="demo.png", help="the PNG file; default: demo.png")
