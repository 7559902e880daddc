"""The command line: ``dicomdecode info | show | tags | check | convert | bench | demo | completion``.

Exit codes: 0 all files were read, 1 one was not (the others were), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import dicomdecode
from dicomdecode.cli import bench, check, completion, convert, demo, info, show, tags
from dicomdecode.cli.commands import Commands, Parser, join_values
from dicomdecode.cli.terminal import OutputError, complain

__all__ = ["main", "parser_of_all"]


def parser_of_all() -> Parser:
    """The parser with all commands; the manual is made from it, too."""
    parser = Parser(prog="dicomdecode", description="DICOM files to arrays and pictures.")
    parser.add_argument("--version", action="version", version=f"dicomdecode {dicomdecode.__version__}")
    commands = Commands(parser.add_subparsers(dest="command", required=True))
    for command in (info, show, tags, check, convert, bench, demo, completion):
        command.add_to(commands)
    return parser


def _close_output() -> None:
    """What is still buffered has nowhere to go: Python would complain about it once more at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = io.StringIO()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a character still gets the rest
    parser = parser_of_all()
    parsed = parser.parse_args(join_values(sys.argv[1:] if arguments is None else arguments))
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has gone (`| head`)
        _close_output()
        return 0
    except (OutputError, OSError) as error:
        complain("standard output", error.strerror or str(error) if isinstance(error, OSError) else str(error))
        _close_output()
        return 1
