"""`dicomdecode check`: what is wrong with files, and how they are decoded all the same."""

from __future__ import annotations

import argparse
import csv
import io
from dataclasses import asdict, dataclass, field
from typing import Any

import dicomdecode
from dicomdecode.cli.commands import Commands, add_files, add_jobs, wrong_files
from dicomdecode.cli.files import for_each_file, is_several
from dicomdecode.cli.terminal import clean, say, styled, text_of
from dicomdecode.cli.values import as_json
from dicomdecode.error_codes import ISSUE_CODES
from dicomdecode.errors import DicomError

_COLUMNS = ("file", "frames", "decoded", "error", "issues")
_KINDS = ("sound", "odd", "without pixels", "cannot be decoded")
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_SPECTRA = 0x56000020


@dataclass(slots=True)
class _Fault:
    """Something odd, or why a file cannot be decoded."""

    code: str
    text: str


@dataclass(slots=True)
class _Checked:
    """What is found out about a file, as `--json` says it."""

    file: str
    frames: int = 0
    decoded: int = 0
    issues: list[_Fault] = field(default_factory=list)
    error: _Fault | None = None

    @property
    def kind(self) -> str:
        if self.error:
            return "cannot be decoded"
        return "without pixels" if not self.frames else "odd" if self.issues else "sound"


def _checked(name: str, source: Any) -> _Checked:
    found = _Checked(name)
    try:
        with dicomdecode.open(source) as image:
            found.issues = [_Fault(issue.code, str(issue)) for issue in image.issues]
            found.frames = 0 if _is_of_no_pixels(image) else image.frames
            for _ in image if found.frames else ():  # one at a time: all of them may not fit in memory
                found.decoded += 1
    except (DicomError, OSError, ImportError) as error:
        found.error = _Fault(getattr(error, "code", type(error).__name__), text_of(error))
    return found


def _is_of_no_pixels(image: dicomdecode.DicomImage) -> bool:
    """Whether a data set is of something else: a report, a plan, a directory. Where Rows are described, pixels that are
    not there are missing; but spectra have Rows, too (PS3.3 C.8.14.1)."""
    tags = image.tags()
    return not any(tag in _PIXELS for tag in tags) and (not image.rows or _SPECTRA in tags)


def _complaint(error: _Fault) -> str:
    """What is wrong, with its code; an error of the system has the name of a class there, and needs none."""
    return f"{error.code}: {error.text}" if error.code.islower() else error.text


def _run(arguments: argparse.Namespace) -> int:
    kinds: list[str] = []

    def work(name: str, source: Any) -> tuple[str, list[str]]:
        found = _checked(name, source)
        kinds.append(found.kind)
        wrong = [_complaint(found.error)] if found.error else []
        if arguments.json:
            return as_json(asdict(found)), wrong
        if arguments.csv:
            return _as_csv(found), wrong
        return _as_text(found, quiet=arguments.quiet), wrong

    if arguments.csv:
        say(",".join(_COLUMNS))
    code = for_each_file(arguments.files, work, arguments.jobs)
    if not (arguments.json or arguments.csv or arguments.quiet) and is_several(arguments.files):
        counts = ", ".join(f"{kinds.count(kind)} {kind}" for kind in _KINDS if kind in kinds)
        say(f"{len(kinds)} file{'s' * (len(kinds) != 1)}: {counts}")
    return code


def _as_text(found: _Checked, *, quiet: bool) -> str:
    name, issues = clean(found.file), found.issues
    start = name if found.error or found.frames else f"{name}: it holds no pixels"
    if not issues:
        return "" if found.error or quiet else f"{start}: nothing is odd" if found.frames else start
    end = "; it decodes all the same" if found.kind == "odd" else ""
    lines = [styled(f"{start}: {len(issues)} odd thing{'s' * (len(issues) > 1)}{end}", "name")]
    for issue in issues:
        lines.append(f"  {styled(issue.code, 'odd')}: {clean(issue.text)}")
        done = ISSUE_CODES.get(issue.code, "").partition(": ")[2].removesuffix(".")
        if done and done not in issue.text:
            lines[-1] += styled(f"; {done}", "label")
    return "\n".join(lines)


def _as_csv(found: _Checked) -> str:
    """One row of `_COLUMNS` (RFC 4180); the codes of several issues beside each other."""
    issues = " ".join(issue.code for issue in found.issues)
    row = (found.file, found.frames, found.decoded, found.error.code if found.error else "", issues)
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(row)
    return text.getvalue()


def add_to(commands: Commands) -> None:
    """The command `check`."""
    text = "decode every frame, and say what is odd or damaged, and how it is read all the same"
    parser = commands.add("check", text, _run, wrong_files)
    add_files(parser)
    add_jobs(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="leave out files with nothing odd")
    forms = parser.add_mutually_exclusive_group()
    forms.add_argument("--json", action="store_true", help="one JSON object for each file, on a line")
    forms.add_argument("--csv", action="store_true", help="a CSV table: " + ", ".join(_COLUMNS))
