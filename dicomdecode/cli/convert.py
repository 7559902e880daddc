"""`dicomdecode convert`: many files as arrays, pictures, volumes, or shards for training."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any

import dicomdecode
from dicomdecode.cli.commands import Commands, positive, wrong_tags
from dicomdecode.cli.terminal import clean, complain, in_options, say, text_of
from dicomdecode.cli.values import as_json
from dicomdecode.export.manifest import read_manifest
from dicomdecode.export.report import FORMAT_NAMES

_NAMED = 5  # sources that failed


def _run(arguments: argparse.Namespace) -> int:
    keywords: dict[str, Any] = {"dtype": arguments.dtype} if arguments.dtype else {}
    try:
        report = dicomdecode.convert(
            arguments.sources,
            arguments.dest,
            format=arguments.format,
            values=arguments.values,
            tags=arguments.tag or [],
            shard_size=arguments.shard_size,
            workers=arguments.workers,
            on_error=arguments.on_error,
            resume=arguments.resume,
            overwrite=arguments.overwrite,
            dry_run=arguments.dry_run,
            progress=not arguments.dry_run,
            **keywords,
        )
    except (dicomdecode.DicomError, ValueError, TypeError, ImportError, OSError) as error:
        print(f"dicomdecode: {_complaint(error)}", file=sys.stderr)
        return 1
    if arguments.json:
        facts = ("done", "skipped", "failed", "bytes", "seconds")
        say(as_json({name: getattr(report, name) for name in facts} | {"manifest": str(report.manifest)}))
        return 1 if report.failed else 0
    if arguments.dry_run:
        say(f"{report.done} to convert, {report.skipped} done before")
        return 0
    say(
        f"{report.done} converted, {report.skipped} done before, {report.failed} failed; "
        f"{report.bytes / 1e6:.1f} MB in {report.seconds:.1f} s"
    )
    if report.failed:
        _name_failures(report)
    return 1 if report.failed else 0


def _name_failures(report: dicomdecode.Report) -> None:
    """The first of them; the manifest has all."""
    failed = [entry for entry in read_manifest(report.manifest.parent).values() if entry.error]
    for entry in failed[:_NAMED]:
        complain(entry.source, in_options(entry.error))
    if len(failed) > _NAMED:
        print(f"dicomdecode: {report.manifest.name} in the target folder names the others", file=sys.stderr)


def _complaint(error: Exception) -> str:
    """An OSError names the file that it is about, and an argument is named as the option is."""
    if isinstance(error, (ValueError, TypeError)) and not isinstance(error, dicomdecode.DicomError):
        return clean(re.sub(r"^(values|dtype|shard_size|workers)\b", _as_option, str(error)))
    return str(error) if isinstance(error, OSError) else clean(in_options(text_of(error)))


def _as_option(keyword: re.Match[str]) -> str:
    return "--" + keyword[0].replace("_", "-")


def _wrong_usage(arguments: argparse.Namespace) -> str | None:
    if arguments.format == "parquet" and not arguments.tag:
        return "--format parquet writes tags and nothing else: name some with -t"
    return wrong_tags(arguments.tag or [])


def add_to(commands: Commands) -> None:
    """The command `convert`."""
    parser = commands.add(
        "convert", "write many files as arrays, pictures, volumes, or shards for training", _run, _wrong_usage
    )
    parser.add_argument("sources", nargs="+", metavar="SRC", help="files, folders, patterns, archives, URLs")
    parser.add_argument(
        "dest", metavar="DEST", help="the folder of the results: new, empty, or that of an interrupted run"
    )
    parser.add_argument("--format", required=True, choices=FORMAT_NAMES, help="what to write")
    parser.add_argument("--values", help="as in imread; default: display for png, else modality")
    parser.add_argument("--dtype", help="as in imread")
    parser.add_argument("-t", "--tag", nargs="+", action="extend", help="tags to write as well; no others are written")
    parser.add_argument("--shard-size", type=int, metavar="N", help="records in a file, for formats that hold several")
    parser.add_argument(
        "--workers", type=positive, metavar="N", help="how many files at a time; default: one for each core"
    )
    parser.add_argument(
        "--on-error",
        choices=("record", "raise", "skip"),
        default="record",
        help="what becomes of a file that fails; default: record",
    )
    parser.add_argument(
        "--resume",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="continue an interrupted run; default: yes",
    )
    parser.add_argument("--overwrite", action="store_true", help="remove the results of an earlier run first")
    parser.add_argument("--dry-run", action="store_true", help="write nothing; say what would be done")
    parser.add_argument("--json", action="store_true", help="the report as a JSON object")
