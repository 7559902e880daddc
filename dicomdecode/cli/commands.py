"""What every command is made of: a parser, what it runs, and what argparse does not check."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from dicomdecode.cli.terminal import in_options
from dicomdecode.tags import parse_tag

_Run = Callable[[argparse.Namespace], int]
_Check = Callable[[argparse.Namespace], str | None]


@dataclass(frozen=True)
class Commands:
    """The commands of a command line, added one by one."""

    parsers: argparse._SubParsersAction[Parser]

    def add(self, name: str, text: str, run: _Run, wrong_usage: _Check | None = None) -> argparse.ArgumentParser:
        """The parser of a command that runs `run`, once `wrong_usage` has found nothing to complain about."""
        parser = self.parsers.add_parser(name, help=text, description=text)

        def checked(arguments: argparse.Namespace) -> int:
            wrong = wrong_usage(arguments) if wrong_usage is not None else None
            if wrong is not None:
                parser.error(wrong)
            return run(arguments)

        parser.set_defaults(run=checked)
        return parser


def add_files(parser: argparse.ArgumentParser) -> None:
    """The files that a command is given."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="a file, a folder, or - for standard input")


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """How many files are worked on at a time."""
    parser.add_argument(
        "-j",
        "--jobs",
        type=_jobs,
        default=1,
        metavar="N",
        help="how many files at a time; default: 1; 0: one for each core",
    )


def _jobs(text: str) -> int:
    if not text.isdecimal() or int(text) > 1024:
        raise argparse.ArgumentTypeError("a number from 0 to 1024")
    return int(text) or os.cpu_count() or 1


def index(text: str) -> int:
    """The number of a frame."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a number from 0 on")
    return int(text)


def positive(text: str) -> int:
    """The number of an option."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return int(text)


class Parser(argparse.ArgumentParser):
    """argparse's own, which says what may have been meant."""

    _given: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """argparse's own; what was given is kept for remedies."""
        self._given = sys.argv[1:] if args is None else list(args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """End the program with the message, on one line: the usage is what `--help` is for."""
        if message.endswith("are required: command"):
            message = f"which command? {', '.join(self._commands())}"
        self.exit(2, f"{self.prog}: {message.removeprefix('argument ')}; {self._remedy(message)}\n")

    def _remedy(self, message: str) -> str:
        found = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if found:
            return _nearest(found[1], re.findall(r"[\w-]+", found[2])) or f"see {self.prog} --help"
        known = self._options()
        for word in self._given:
            option = word.partition("=")[0]
            if word.startswith("-") and option not in known and os.path.exists(word):
                return f"a name that begins with - is written ./{word}"
            if option.startswith("--") and not any(name.startswith(option) for name in known):
                return _nearest(option, known) or f"see {self.prog} --help"
        if "FILE" in message and "-t" in known and {"-t", "--tag"} & {*self._given}:
            return "write FILE before -t, or -- between them"
        return f"see {self.prog} --help"

    def _commands(self) -> dict[str, Parser]:
        return {
            name: parser
            for action in self._actions
            if isinstance(action, argparse._SubParsersAction)
            for name, parser in action.choices.items()
        }

    def _options(self) -> list[str]:
        """Of this parser and of its commands: argparse finds unknown options at the top."""
        parsers = [self, *self._commands().values()]
        return [option for parser in parsers for action in parser._actions for option in action.option_strings]


def _nearest(word: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, known, 1)
    return f"did you mean {near[0]}?" if near else ""


def add_window(parser: argparse.ArgumentParser) -> None:
    """The window of a picture, as `imread` takes it."""
    parser.add_argument(
        "--window",
        type=_window,
        metavar="WINDOW",
        help="CENTER WIDTH, or auto (from the pixels), or the index or name of a stored window; default: the stored "
        "one, or auto if there is none or it shows nothing",
    )


def join_values(arguments: Sequence[str]) -> list[str]:
    """``--window 40 400`` as one argument, ``--window=40,400``, and ``--draw`` in front of a file as ``--draw=auto``:
    argparse knows options of one count of values only."""
    joined = list(arguments)
    for i in range(len(joined) - 2, -1, -1):
        following = joined[i + 1 : i + 3]
        if joined[i] == "--window" and len(following) == 2 and all(map(_is_number, following)):
            joined[i : i + 3] = [f"--window={','.join(following)}"]
        if joined[i] == "--draw" and os.path.exists(following[0]):
            joined[i] = "--draw=auto"
    return joined


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _window(text: str) -> Any:
    """What `imread` takes: "40,400", "40,400,SIGMOID", an index, or a word."""
    from dicomdecode.pixels.arguments import check_window

    parts = text.split(",")
    if len(parts) in (2, 3) and all(map(_is_number, parts[:2])):
        found: Any = (float(parts[0]), float(parts[1]), *parts[2:])
    else:
        found = int(text) if text.isdecimal() else text
    try:
        return check_window(found, "display")
    except (TypeError, ValueError) as error:
        raise argparse.ArgumentTypeError(in_options(str(error).partition("): ")[2] or str(error))) from None


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
