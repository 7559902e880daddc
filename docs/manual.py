"""The manual of the command line, from its own parser: a page of roff for `man`, and Markdown for the site.

python docs/tables.py writes both: packaging/dicomdecode.1 and docs/command_line.md
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from dicomdecode import __version__
from dicomdecode.cli import parser_of_all

EXIT_CODES = (
    ("0", "all files were read"),
    ("1", "a file was not read; the others were"),
    ("2", "wrong usage"),
    ("130", "interrupted"),
)
ENVIRONMENT = (
    ("NO_COLOR", "if it is set, nothing is coloured"),
    ("TERM, TERM_PROGRAM, KITTY_WINDOW_ID, COLORTERM", "how show draws in a terminal"),
)
EXAMPLES = (
    ("dicomdecode show scan.dcm", "draw the middle frame in the terminal"),
    ("dicomdecode show scan.dcm -o scan.png --window 40 400", "write it as PNG, in a window of one's own"),
    ("dicomdecode info --series study", "the series in a folder, and the volume that each is"),
    ("dicomdecode tags study -t PatientID Rows Columns --csv table.csv", "values of tags as a table"),
    ("dicomdecode check study -q -j 0", "what is wrong with the files below a folder, on all cores"),
    ("dicomdecode convert study out --format png", "all files as PNG"),
)


def _commands() -> dict[str, argparse.ArgumentParser]:
    parser = parser_of_all()
    (found,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


def _arguments(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    """How an argument is written, and what it is for."""
    for action in parser._actions:
        if isinstance(action, argparse._HelpAction):
            continue
        value = action.metavar or ("{" + ",".join(map(str, action.choices)) + "}" if action.choices else "")
        if not value and action.nargs != 0:
            value = action.dest.upper()
        plus = {"+": f"{value} ...", "*": f"[{value} ...]", "?": f"[={value}]"}.get(str(action.nargs), str(value))
        written = ", ".join(action.option_strings)
        yield f"{written} {plus}".strip() if action.nargs != "?" else written + plus, action.help or ""


def roff() -> str:
    """A page for `man`, in the macros of man(7)."""

    def plain(text: str) -> str:
        text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
        return re.sub(r"^\.", "\\&.", text)

    lines = [f'.TH DICOMDECODE 1 "" "dicomdecode {__version__}" "User Commands"', ".SH NAME"]
    lines += ["dicomdecode \\- DICOM files to arrays and pictures", ".SH SYNOPSIS"]
    lines += [".B dicomdecode", ".I command", "[arguments]", ".SH COMMANDS"]
    for name, parser in _commands().items():
        lines += [f".SS {name}", plain(parser.description or "") + "."]
        for written, text in _arguments(parser):
            lines += [".TP", f".B {plain(written)}", plain(text)]
    for title, rows in (("EXIT STATUS", EXIT_CODES), ("ENVIRONMENT", ENVIRONMENT), ("EXAMPLES", EXAMPLES)):
        lines.append(f".SH {title}")
        for word, text in rows:
            lines += [".TP", f".B {plain(word)}", plain(text)]
    return "\n".join(lines) + "\n"


def markdown() -> str:
    """A section for each command."""
    lines: list[str] = []
    for name, parser in _commands().items():
        text = parser.description or ""
        lines += [f"### {name}", "", f"{text[0].upper()}{text[1:]}.", "", "| argument | |", "|---|---|"]
        for written, what in _arguments(parser):
            lines.append(f"| `{written}` | {what.replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines)
