"""The run of an export.

    sources -> units of so many records -> (read, encode) side by side -> written -> flushed, moved -> manifest

A unit is what is done or not done. Without an executor, threads do whole units where each record has files of its own;
where records share a file, threads read and encode them, and one thread writes. With an executor, its workers do whole
units, so that pixels do not travel.
"""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import threading
import time
from collections import deque
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.batch.crew import ExecutorCrew, Job, Outcome, ThreadCrew, checked_executor, count_workers
from dicomdecode.batch.crew import run as do
from dicomdecode.batch.progress import Progress
from dicomdecode.batch.stream import Stream
from dicomdecode.errors import ExportError
from dicomdecode.export.files import PARTIAL
from dicomdecode.export.formats import FORMATS
from dicomdecode.export.manifest import MANIFEST, Entry, Manifest, read_manifest
from dicomdecode.export.places import place_in_series, place_in_slide
from dicomdecode.export.records import Reading
from dicomdecode.export.report import Report
from dicomdecode.export.slides import makes_slides
from dicomdecode.export.units import Plan, Task, Unit
from dicomdecode.export.work import EncodeRecord, FillUnit, UnitDone, UnitWriter, WriteUnit, entry_of_error
from dicomdecode.limits import limits_of
from dicomdecode.pixels import Request
from dicomdecode.pixels.arguments import check_flag, check_whole, one_of
from dicomdecode.tables.columns import Cells, Column, columns_of

if TYPE_CHECKING:
    import os
    from concurrent.futures import Executor, Future

    from dicomdecode.export.formats import Format
    from dicomdecode.limits import Limits

__all__ = ["run"]

#: Units whose files are being flushed while others are written.
_FLUSHING = 2
#: How often a unit is given to an executor again whose worker was lost.
_RETRIES = 3


def run(
    sources: Any,
    dest: str | os.PathLike[str],
    format: str,
    keywords: dict[str, Any],
    *,
    tags: Any,
    shard_size: int | None,
    workers: int | None,
    executor: Executor | None,
    on_error: str,
    resume: bool,
    overwrite: bool,
    progress: bool,
    dry_run: bool,
    limits: Limits | None,
) -> Report:
    """Convert; the arguments are those of `convert`."""
    began = time.perf_counter()
    one_of("format", format, tuple(FORMATS))
    one_of("on_error", on_error, ("record", "raise", "skip"))
    chosen = FORMATS[format]
    reading = _reading_of(format, chosen, keywords, tags, limits_of(limits))
    size = _size_of_unit(format, chosen, shard_size)
    size_of_crew = count_workers(workers)
    if executor is not None:
        checked_executor(executor)
    folder = Path(dest)
    if check_flag("dry_run", dry_run):
        return _planned(sources, size, folder, chosen, reading, began)
    check_flag("resume", resume)
    check_flag("overwrite", overwrite)
    manifest = Manifest(folder, _settings(format, size, reading), resume=resume, overwrite=overwrite)
    try:
        plan = _plan_of(sources, size, folder, chosen, reading, manifest.known)
        shown = Progress(check_flag("progress", progress))
        work = _Run(plan, folder, EncodeRecord(format, reading), manifest, on_error)
        if executor is None:
            _by_threads(work, size_of_crew, shown)
        else:
            _by_executor(work, size_of_crew, executor, shown)
    finally:
        shutil.rmtree(folder / PARTIAL, ignore_errors=True)
        manifest.close()  # on a full disk it may raise once more
    seconds = time.perf_counter() - began
    return Report(work.done, plan.skipped, work.failed, work.bytes, seconds, manifest.path)


def _reading_of(name: str, chosen: Format, keywords: dict[str, Any], tags: Any, limits: Limits) -> Reading:
    """What is read of each source; wrong arguments raise now, and not with the first file."""
    cells = Cells(_columns(tags))
    if not cells.columns and not chosen.with_pixels:
        raise ValueError(f'format="{name}" writes tags and nothing else: name some with tags=')
    if chosen.library and importlib.util.find_spec(chosen.library) is None:
        raise ImportError(f'format="{name}" needs {chosen.library}: pip install "dicomdecode[export]"')
    given = _checked(name, chosen, {**keywords, "values": keywords["values"] or chosen.values})
    return Reading(given, cells, limits, chosen.with_pixels, chosen.by_series, chosen.by_tiles)


def _size_of_unit(name: str, chosen: Format, shard_size: int | None) -> int:
    """How many sources a unit has."""
    if shard_size is None:
        return chosen.per_unit
    if not chosen.has_shards:
        raise ValueError(f'shard_size has no effect with format="{name}", which has a file for each source')
    return check_whole("shard_size", shard_size, 1)


def _settings(name: str, size: int, reading: Reading) -> dict[str, Any]:
    """What results depend on, for the manifest."""
    return {
        "format": name,
        "shard_size": size,
        "tags": {column.name: column.path or column.private for column in reading.cells.columns},
        "keywords": {key: _text(value) for key, value in sorted(reading.keywords.items())},
    }


def _plan_of(
    sources: Any, size: int, folder: Path, chosen: Format, reading: Reading, known: Mapping[int, Entry]
) -> Plan:
    placing = place_in_series if chosen.by_series else None
    if chosen.by_tiles and makes_slides(reading.keywords):
        placing = place_in_slide
    alone = not chosen.has_shards
    return Plan(sources, size, reading.limits, alone=alone, placing=placing, known=known, folder=folder)


def _planned(sources: Any, size: int, folder: Path, chosen: Format, reading: Reading, began: float) -> Report:
    """What would be done."""
    plan = _plan_of(sources, size, folder, chosen, reading, read_manifest(folder))
    done = sum(len(unit.items) for unit in plan)
    return Report(done, plan.skipped, 0, 0, time.perf_counter() - began, folder / MANIFEST)


def _checked(name: str, chosen: Format, keywords: dict[str, Any]) -> dict[str, Any]:
    """The keywords of `imread` that were given."""
    given = {key: value for key, value in keywords.items() if value is not None}
    if chosen.by_series and set(given) - {"values", "dtype"}:
        raise ValueError(f'format="{name}" takes values and dtype alone, as read_series does')
    if {"out", "threads"} & set(given):
        raise TypeError("convert takes no out= and no threads=; workers= says how many files are read side by side")
    Request(**given)
    return given


def _columns(tags: Any) -> tuple[Column, ...]:
    """The requested tags, by the rules of `read_tags`; a single tag may be given without a list, and None for none."""
    listed = [tags] if isinstance(tags, (str, int)) else tags
    return columns_of(listed, None) if listed else ()


def _text(value: Any) -> str:
    """A keyword's value, for the manifest."""
    try:
        return np.dtype(value).name if not isinstance(value, (str, int, float, tuple, list, slice)) else repr(value)
    except TypeError:
        return repr(value)


@dataclass(slots=True)
class _Run:
    """What one call works with, and what has become of it so far."""

    plan: Plan
    folder: Path
    encode: EncodeRecord
    manifest: Manifest
    on_error: str
    done: int = 0
    failed: int = 0
    bytes: int = 0

    def take(self, unit: UnitDone) -> None:
        """The files of a unit are at their places: its lines can be written."""
        failed = sum(bool(entry.error) for entry in unit.entries)
        self.manifest.add(entry for entry in unit.entries if not entry.error or self.on_error == "record")
        self.done += len(unit.entries) - failed
        self.failed += failed
        self.bytes += unit.bytes

    def check(self, error: Exception | None) -> None:
        """Raise an error that ends the run."""
        if error is not None and (self.on_error == "raise" or isinstance(error, ExportError)):
            raise error


def _by_executor(run: _Run, workers: int, executor: Executor, shown: Progress) -> None:
    """Units by the workers of an executor, taken in their order."""
    feed = run.plan.units()
    fill = FillUnit(run.folder, run.encode, stops=run.on_error == "raise")
    work = WriteUnit(fill)
    crew = ExecutorCrew(work, executor, workers)
    stream = Stream(feed, crew, ordered=True, progress=shown)
    try:
        for result in stream:
            outcome, unit = result.outcome, result.item.source
            for _ in range(_RETRIES):
                if outcome.error is None or isinstance(outcome.error, ExportError):
                    break
                outcome = _once_more(work, unit, executor)
            error = outcome.error
            if isinstance(error, ExportError):
                raise error
            if error is not None:
                run.take(UnitDone([entry_of_error(each, error) for each in unit.items]))
            else:
                run.take(outcome.value)
                error = outcome.value.first_error
            run.check(error)
    finally:
        stream.stop()


def _once_more(work: WriteUnit, unit: Unit, executor: Executor) -> Outcome:
    """A unit whose worker was lost, or its result with it. What it had written already is written over, by the same."""
    try:
        outcome: Outcome = executor.submit(do, work, Job(0, unit)).result()
    except Exception as error:
        return Outcome(0, None, error.with_traceback(None))
    return outcome


def _by_threads(run: _Run, workers: int, shown: Progress) -> None:
    """Units by threads; one more flushes the files of a unit while the next ones are written."""
    from concurrent.futures import ThreadPoolExecutor

    filled = _shards if FORMATS[run.encode.format].has_shards else _files
    flushing: deque[Future[None]] = deque()
    with ThreadPoolExecutor(1) as flusher, contextlib.closing(filled(run, workers, shown)) as writers:
        for writer in writers:
            flushing.append(flusher.submit(_flush, run, writer))
            if len(flushing) > _FLUSHING:
                flushing.popleft().result()
            if writer.first_error is not None and run.on_error == "raise":
                _wait(flushing)
                raise writer.first_error
        _wait(flushing)


def _files(run: _Run, workers: int, shown: Progress) -> Generator[UnitWriter, None, None]:
    """Units whose sources have files of their own: each is read, encoded and written by one thread. Handing records
    from thread to thread would take longer than to decode small ones."""
    from concurrent.futures import ThreadPoolExecutor

    ended = threading.Event()
    work = FillUnit(run.folder, run.encode, stops=run.on_error == "raise", ended=ended)
    with ThreadPoolExecutor(workers) as pool:
        stream = Stream(run.plan.units(), ExecutorCrew(work, pool, workers), ordered=True, progress=Progress(False))
        try:
            for result in stream:
                if result.outcome.error is not None:
                    raise result.outcome.error
                writer: UnitWriter = result.outcome.value
                shown.step(len(writer.entries), sum(bool(entry.error) for entry in writer.entries), run.plan.total)
                yield writer
        finally:
            ended.set()
            stream.stop()
            shown.close()


def _shards(run: _Run, workers: int, shown: Progress) -> Generator[UnitWriter, None, None]:
    """Units whose sources share a file: threads read and encode a few at a time, and the caller's writes them."""
    crew = ThreadCrew(run.encode, workers)
    records = run.plan.records(with_pixels=FORMATS[run.encode.format].with_pixels)
    stream = Stream(records, crew, ordered=True, progress=Progress(False))
    writer: UnitWriter | None = None
    try:
        for result in stream:
            task: Task = result.item.source
            for each, found in zip(task.items, result.outcome.value, strict=True):
                writer = writer or UnitWriter(run.folder, run.encode.format, task.unit)
                failed = isinstance(found, Exception)
                if isinstance(found, Exception):
                    writer.fail(each, found)
                else:
                    writer.add(each, found)
                shown.step(1, failed, run.plan.total)
                if each is task.unit.items[-1] or (failed and run.on_error == "raise"):
                    filled, writer = writer, None
                    yield filled
    finally:
        stream.stop()
        shown.close()
        if writer is not None:
            writer.discard()


def _flush(run: _Run, writer: UnitWriter) -> None:
    try:
        run.take(writer.finish())
    except BaseException:
        writer.discard()
        raise


def _wait(flushing: deque[Future[None]]) -> None:
    while flushing:
        flushing.popleft().result()
