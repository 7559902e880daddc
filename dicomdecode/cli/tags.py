"""`dicomdecode tags`: values of data elements."""

from __future__ import annotations

import argparse
from typing import Any

import dicomdecode
from dicomdecode.cli.commands import Commands, add_files, add_jobs, wrong_files, wrong_tags
from dicomdecode.cli.files import for_each_file
from dicomdecode.cli.table import write_csv, write_parquet
from dicomdecode.cli.terminal import clean
from dicomdecode.cli.values import as_json, key_of, number_of, short
from dicomdecode.errors import DicomError
from dicomdecode.tags import keyword_of, parse_tag


def _run(arguments: argparse.Namespace) -> int:
    asked: list[str] = arguments.tag or []
    if arguments.csv is not None:
        return write_csv(arguments.files, asked, arguments.csv, arguments.jobs)
    if arguments.parquet is not None:
        return write_parquet(arguments.files, asked, arguments.parquet, arguments.jobs)

    def work(name: str, source: Any) -> tuple[str, list[str]]:
        found: dict[str, Any] = {}
        wrong: list[str] = []
        with dicomdecode.open(source) as image:
            # All means all but the pixels: those are bulk, and a whole file would have to be read.
            listed = [(key_of(t), t) for t in image.tags() if t >> 16 != 0x7FE0]
            wanted: list[tuple[str, Any]] = [(tag, tag) for tag in asked] or list(listed)
            for key, tag in wanted:
                try:
                    found[key] = image.tag(tag)
                except DicomError as error:
                    wrong.append(f"{key}: {error}")
            if arguments.json:
                return as_json({"file": name, **found}), wrong
            lines = [clean(name)]
            for key, tag in wanted:
                if key in found:
                    number = parse_tag(tag)[-1]
                    label = f"({number_of(number)}) {keyword_of(number)}"
                    lines.append(f"  {label:48}{short(found[key])}".rstrip())
        return "\n".join(lines), wrong

    return for_each_file(arguments.files, work, arguments.jobs or 1)


def _wrong_usage(arguments: argparse.Namespace) -> str | None:
    wrong = wrong_files(arguments)
    if arguments.parquet == "-":
        return "a Parquet table is a file: --parquet does not take -"
    if wrong is None and (arguments.csv is not None or arguments.parquet is not None):
        from dicomdecode.tables.columns import columns_of

        try:
            columns_of(arguments.tag or [], None)
        except ValueError as error:
            return str(error) if arguments.tag else "a table needs the tags of its columns: -t PatientID Rows"
        return None
    return wrong or wrong_tags(arguments.tag or [])


def add_to(commands: Commands) -> None:
    """The command `tags`."""
    parser = commands.add("tags", "print the values of data elements", _run, _wrong_usage)
    add_files(parser)
    add_jobs(parser)
    parser.set_defaults(jobs=None)  # a table is read on all cores
    parser.add_argument(
        "-t",
        "--tag",
        nargs="+",
        action="extend",
        help="which: PatientName, 0010,0010, or a path of items; default: all",
    )
    tables = parser.add_mutually_exclusive_group()
    tables.add_argument("--csv", metavar="TABLE", help="write one table of all files, as CSV; - is standard output")
    tables.add_argument("--parquet", metavar="TABLE", help="the same, as Parquet (pyarrow)")
    tables.add_argument("--json", action="store_true", help="one JSON object for each file, on a line")
