"""`dicomdecode info`: what a file holds."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import dicomdecode
from dicomdecode.cli.commands import Commands, add_files, add_jobs, wrong_files
from dicomdecode.cli.files import for_each_file
from dicomdecode.cli.series import cards_of_series
from dicomdecode.cli.terminal import clean, in_options, styled
from dicomdecode.cli.values import as_json, short
from dicomdecode.errors import DicomError
from dicomdecode.syntaxes import name_of

#: What the card says of a codestream; `--json` says all.
_OF_CODESTREAM = ("precision", "levels", "layers", "tiles", "progression", "transform")


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
        facts["pixels"] = in_options(str(error))
    facts["spacing"] = image.spacing
    facts["spacing_of"] = image.spacing_of
    facts["window"] = image.window
    facts["series"] = {
        "uid": image.tag("SeriesInstanceUID"),
        "number": image.tag("SeriesNumber"),
        "description": image.tag("SeriesDescription"),
        "image": image.tag("InstanceNumber"),
    }
    codestream = image.codestream
    if codestream:
        facts["codestream"] = codestream
    facts["issues"] = [f"{issue.code}: {issue}" for issue in image.issues]
    return facts


def lines_of(facts: dict[str, Any]) -> list[str]:
    """The known facts, as a card."""

    def line(label: str, text: str, style: str = "label") -> str:
        return f"  {styled(label.ljust(17), style)}{clean(text)}"

    lines = [line(label, text) for label, text in _lines(facts) if text]
    return [*lines, *(line("issue", issue, "odd") for issue in facts["issues"])]


def _lines(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Label and text of each line; "" where there is nothing to say."""
    frames = f", {facts['frames']} frames" if facts["frames"] > 1 else ""
    size = f"{facts['rows']} x {facts['columns']}{frames}" if facts["rows"] else ""
    stored = f"{facts['bits_stored']} bits" if facts["rows"] else ""
    yield "image", ", ".join(filter(None, (short(facts["modality"], ""), size, facts["photometric"], stored)))
    yield "pixels", facts["pixels"] if "pixels" in facts else f"{facts['dtype']} {facts['shape']}"
    yield "steps", "; ".join(facts.get("steps", []))
    if facts["spacing"] is not None:
        row, column = facts["spacing"]
        yield "spacing", f"{row:g} x {column:g} mm ({facts['spacing_of']})"
    if facts["window"] is not None:
        center, width, function = facts["window"]
        yield "window", f"center {center:g}, width {width:g}, {function}"
    yield "transfer syntax", f"{facts['transfer_syntax_name']} ({facts['transfer_syntax']})"
    codestream = facts.get("codestream", {})
    yield "codestream", ", ".join(f"{key} {codestream[key]}" for key in _OF_CODESTREAM if key in codestream)
    number, description, image = (short(facts["series"][key], "") for key in ("number", "description", "image"))
    yield "series", ", ".join(filter(None, (number, description, image and f"image {image}")))


def _run(arguments: argparse.Namespace) -> int:
    if arguments.series:
        return cards_of_series(arguments.files, as_lines=arguments.json)

    def work(name: str, source: Any) -> tuple[str, list[str]]:
        with dicomdecode.open(source) as image:
            facts = facts_of(image)
        if arguments.json:
            return as_json({"file": name, **facts}), []
        return "\n".join([styled(clean(name), "name"), *lines_of(facts)]), []

    return for_each_file(arguments.files, work, arguments.jobs)


def add_to(commands: Commands) -> None:
    """The command `info`."""
    parser = commands.add("info", "say what a file holds", _run, wrong_files)
    add_files(parser)
    add_jobs(parser)
    parser.add_argument("--series", action="store_true", help="one card for each series, and the volume that it is")
    parser.add_argument("--json", action="store_true", help="one JSON object for each file (or series), on a line")
