"""What every command is made of: a parser, what it runs, and what argparse does not check."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dicomdecode.tags import parse_tag

_Run = Callable[[argparse.Namespace], int]
_Check = Callable[[argparse.Namespace], str | None]


@dataclass(frozen=True)
class Commands:
    """The commands of a command line, added one by one."""

    parsers: argparse._SubParsersAction[argparse.ArgumentParser]

    def add(self, name: str, text: str, run: _Run, wrong_usage: _Check | None = None) -> argparse.ArgumentParser:
        """The parser of a command that runs `run`, once `wrong_usage` has found nothing to complain about."""
        parser = self.parsers.add_parser(name, help=text, description=text)
        parser.set_defaults(run=run, wrong_usage=wrong_usage or (lambda arguments: None))
        return parser


def add_files(parser: argparse.ArgumentParser) -> None:
    """The files that a command is given."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file, a folder, or - for standard input")


def wrong_files(arguments: argparse.Namespace) -> str | None:
    """What is wrong with the names of files."""
    return "standard input can be read once" if arguments.files.count("-") > 1 else None


def wrong_tags(names: Sequence[str]) -> str | None:
    """What is wrong with the names of tags."""
    for name in names:
        try:
            parse_tag(name)
        except ValueError as error:
            return str(error)
    return None
