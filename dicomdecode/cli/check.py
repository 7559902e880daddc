"""`dicomdecode check`: what is wrong with files, and how they are decoded all the same."""

from __future__ import annotations

import argparse
from typing import Any

import dicomdecode
from dicomdecode.cli.commands import Commands, add_files, add_jobs, wrong_files
from dicomdecode.cli.files import for_each_file
from dicomdecode.cli.terminal import clean
from dicomdecode.cli.values import as_json
from dicomdecode.errors import DicomError


def _run(arguments: argparse.Namespace) -> int:
    def work(name: str, source: Any) -> tuple[str, list[str]]:
        with dicomdecode.open(source) as image:
            issues = [(issue.code, str(issue)) for issue in image.issues]
            wrong: list[str] = []
            decoded = 0
            try:
                for _ in image:  # one at a time: all of them may not fit in memory
                    decoded += 1
            except DicomError as error:
                wrong.append(f"{error.code}: {error}")
        found = {"file": name, "frames": image.frames, "decoded": decoded, "issues": [code for code, _ in issues]}
        if arguments.json:
            return as_json(found), wrong
        if not issues:
            return ("" if wrong or arguments.quiet else f"{clean(name)}: nothing is odd"), wrong
        lines = [f"  {code}: {clean(text)}" for code, text in issues]
        end = "" if wrong else "; it decodes all the same"
        return "\n".join([f"{clean(name)}: {len(issues)} odd thing{'s' * (len(issues) > 1)}{end}", *lines]), wrong

    return for_each_file(arguments.files, work, arguments.jobs)


def add_to(commands: Commands) -> None:
    """The command `check`."""
    text = "say what is odd about files, and decode every frame"
    parser = commands.add("check", text, _run, wrong_files)
    add_files(parser)
    add_jobs(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="say nothing of files without a fault")
    parser.add_argument("--json", action="store_true", help="one JSON object a file, each on a line")
