"""`dicomdecode check`: what is wrong with files, and how they are decoded all the same."""

from __future__ import annotations

import argparse
import csv
import io
from collections import Counter
from typing import Any

import dicomdecode
from dicomdecode.cli.commands import Commands, add_files, add_jobs, wrong_files
from dicomdecode.cli.files import for_each_file, is_several
from dicomdecode.cli.terminal import clean, say, styled, text_of
from dicomdecode.cli.values import as_json
from dicomdecode.error_codes import ISSUE_CODES
from dicomdecode.errors import DicomError

_COLUMNS = ("file", "frames", "decoded", "error", "issues")


def _checked(name: str, source: Any) -> dict[str, Any]:
    """What is found out about a file, as `--json` says it."""
    found: dict[str, Any] = {"file": name, "frames": 0, "decoded": 0, "issues": [], "error": None}
    try:
        with dicomdecode.open(source) as image:
            found["frames"] = image.frames
            found["issues"] = [{"code": issue.code, "text": str(issue)} for issue in image.issues]
            for _ in image:  # one at a time: all of them may not fit in memory
                found["decoded"] += 1
    except (DicomError, OSError, ImportError) as error:
        found["error"] = {"code": getattr(error, "code", type(error).__name__), "text": text_of(error)}
    return found


def _run(arguments: argparse.Namespace) -> int:
    counts: Counter[str] = Counter()

    def work(name: str, source: Any) -> tuple[str, list[str]]:
        found = _checked(name, source)
        error = found["error"]
        counts["cannot be decoded" if error else "odd" if found["issues"] else "sound"] += 1
        wrong = [f"{error['code']}: {error['text']}"] if error else []
        if arguments.json:
            return as_json(found), wrong
        if arguments.csv:
            return _as_csv(found), wrong
        return _as_text(found, quiet=arguments.quiet), wrong

    if arguments.csv:
        say(",".join(_COLUMNS))
    code = for_each_file(arguments.files, work, arguments.jobs)
    if not (arguments.json or arguments.csv or arguments.quiet) and is_several(arguments.files):
        kinds = ", ".join(f"{counts[kind]} {kind}" for kind in ("sound", "odd", "cannot be decoded") if counts[kind])
        say(f"{counts.total()} file{'s' * (counts.total() != 1)}: {kinds}")
    return code


def _as_text(found: dict[str, Any], *, quiet: bool) -> str:
    name, issues = clean(found["file"]), found["issues"]
    if not issues:
        return "" if found["error"] or quiet else f"{name}: nothing is odd"
    end = "" if found["error"] else "; it decodes all the same"
    lines = [styled(f"{name}: {len(issues)} odd thing{'s' * (len(issues) > 1)}{end}", "name")]
    for issue in issues:
        lines.append(f"  {styled(issue['code'], 'odd')}: {clean(issue['text'])}")
        done = ISSUE_CODES.get(issue["code"], "").partition(": ")[2].removesuffix(".")
        if done and done not in issue["text"]:
            lines[-1] += styled(f"; {done}", "label")
    return "\n".join(lines)


def _as_csv(found: dict[str, Any]) -> str:
    """One row (RFC 4180); the codes of several issues beside each other."""
    row = {**found, "error": (found["error"] or {"code": ""})["code"]}
    row["issues"] = " ".join(issue["code"] for issue in found["issues"])
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(row[column] for column in _COLUMNS)
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
