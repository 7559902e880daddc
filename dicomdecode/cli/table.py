"""`dicomdecode tags --csv | --parquet`: data elements of many files as one table."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Sequence
from typing import Any

import dicomdecode
from dicomdecode.cli.files import write_whole
from dicomdecode.cli.terminal import complain, say

__all__ = ["write_csv", "write_parquet"]


def write_csv(names: Sequence[str], tags: Sequence[str], target: str, jobs: int | None) -> int:
    """Write a table as CSV (RFC 4180), several values joined by a backslash; "-" is standard output."""
    table, failed = _read(names, tags, jobs)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["source", *table.names])
    for source, row in zip(table.sources, table, strict=True):
        writer.writerow([_name(source), *map(_as_text, row.values())])
    if target == "-":
        say(text.getvalue().removesuffix("\r\n"))
    else:
        failed |= _write(text.getvalue().encode(), target)
    return failed


def write_parquet(names: Sequence[str], tags: Sequence[str], target: str, jobs: int | None) -> int:
    """Write a table as Parquet, by pyarrow."""
    try:
        from pyarrow import parquet
    except ImportError:
        print("dicomdecode: --parquet needs pyarrow: pip install 'dicomdecode[tables]'", file=sys.stderr)
        return 1
    table, failed = _read(names, tags, jobs)
    contents = io.BytesIO()
    parquet.write_table(table.to_arrow(), contents)
    return failed | _write(contents.getbuffer(), target)


def _write(contents: bytes | memoryview, target: str) -> int:
    try:
        write_whole(contents, target)
    except OSError as error:
        complain("tags", error)
        return 1
    return 0


def _read(names: Sequence[str], tags: Sequence[str], jobs: int | None) -> tuple[dicomdecode.TagTable, int]:
    """The table, and the exit code: what cannot be read is named, and has a row all the same."""
    sources: list[Any] = [sys.stdin.buffer.read() if name == "-" else name for name in names]
    table = dicomdecode.read_tags(sources, tags, threads=jobs, progress=True)
    for row, error in table.errors.items():
        complain(_name(table.sources[row]), error)
    return table, int(bool(table.errors))


def _name(source: Any) -> str:
    return source if isinstance(source, str) else "-"


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.hex()
    return "\\".join(map(_as_text, value)) if isinstance(value, list) else str(value)
