"""`dicomdecode info`: what a file holds."""

from __future__ import annotations

import argparse
from typing import Any

import dicomdecode
from dicomdecode.cli.commands import Commands, add_files, add_jobs, wrong_files
from dicomdecode.cli.files import for_each_file
from dicomdecode.cli.terminal import clean
from dicomdecode.cli.values import as_json
from dicomdecode.errors import DicomError
from dicomdecode.syntaxes import name_of


def facts_of(image: dicomdecode.DicomImage) -> dict[str, Any]:
    """What `info` says of a file, in its order."""
    facts: dict[str, Any] = {
        "transfer_syntax": image.transfer_syntax,
        "transfer_syntax_name": name_of(image.transfer_syntax),
        "modality": image.tag("Modality"),
        "rows": image.rows,
        "columns": image.columns,
        "frames": image.frames,
        "samples": image.samples,
        "bits_stored": image.bits_stored,
        "photometric": image.photometric,
    }
    try:
        facts["steps"] = list(image.steps)
        facts["shape"] = image.shape
        facts["dtype"] = str(image.dtype)
    except DicomError as error:
        facts["pixels"] = str(error)
    facts["spacing"] = image.spacing
    facts["spacing_of"] = image.spacing_of
    facts["window"] = image.window
    codestream = image.codestream
    if codestream:
        facts["codestream"] = codestream
    facts["issues"] = [f"{issue.code}: {issue}" for issue in image.issues]
    return facts


def lines_of(facts: dict[str, Any]) -> list[str]:
    """The facts that there are, one a line."""

    def words(value: Any) -> str:
        if isinstance(value, dict):
            return ", ".join(f"{key} {words(item)}" for key, item in value.items())
        if isinstance(value, tuple):
            return "(" + ", ".join(map(words, value)) + ")"
        return "; ".join(map(words, value)) if isinstance(value, list) else str(value)

    return [f"  {key:22}{clean(words(value))}" for key, value in facts.items() if value not in (None, [], "")]


def _run(arguments: argparse.Namespace) -> int:
    def work(name: str, source: Any) -> tuple[str, list[str]]:
        with dicomdecode.open(source) as image:
            facts = facts_of(image)
        if arguments.json:
            return as_json({"file": name, **facts}), []
        return "\n".join([clean(name), *lines_of(facts)]), []

    return for_each_file(arguments.files, work, arguments.jobs)


def add_to(commands: Commands) -> None:
    """The command `info`."""
    parser = commands.add("info", "what a file holds", _run, wrong_files)
    add_files(parser)
    add_jobs(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a file, each on a line")
