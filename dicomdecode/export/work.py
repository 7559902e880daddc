"""The work of an export: a record read and encoded, a unit written, a line for the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dicomdecode.errors import ExportError
from dicomdecode.export.files import Output
from dicomdecode.export.formats import FORMATS, Payload
from dicomdecode.export.manifest import Entry
from dicomdecode.export.records import Reading, read_record

if TYPE_CHECKING:
    from threading import Event

    from dicomdecode.batch.crew import Job
    from dicomdecode.export.units import Each, Unit

__all__ = ["EncodeRecord", "FillUnit", "UnitDone", "UnitWriter", "WriteUnit", "entry_of_error"]


@dataclass(slots=True)
class UnitDone:
    """What became of a unit whose files are at their places.

    Attributes
    ----------
    entries : list of Entry
        A line of the manifest for each source.
    bytes : int
        Of its files.
    first_error : Exception or None
        Of a source.
    """

    entries: list[Entry]
    bytes: int = 0
    first_error: Exception | None = None


@dataclass(frozen=True, slots=True)
class EncodeRecord:
    """Reads and encodes sources; for threads, and for what can be pickled."""

    format: str
    reading: Reading

    def __call__(self, job: Job) -> list[Payload | Exception]:
        """For each source of a task its record, or why there is none."""
        found: list[Payload | Exception] = []
        for each in job.source.items:
            try:
                found.append(self.payload(each, job.threads))
            except Exception as error:
                found.append(error.with_traceback(None))
        return found

    def payload(self, each: Each, threads: int) -> Payload:
        if each.error is not None:
            raise each.error
        return FORMATS[self.format].encode(read_record(each.index, each.source, self.reading, threads))


class UnitWriter:
    """Writes the records of a unit, in their order.

    Parameters
    ----------
    folder : Path
        Of the results.
    name : str
        Of the format.
    unit : Unit
        What is to be written.
    """

    def __init__(self, folder: Path, name: str, unit: Unit) -> None:
        self._output = Output(folder)
        self._writer = FORMATS[name].writer(self._output, unit.number)
        self._done = UnitDone([])

    @property
    def entries(self) -> list[Entry]:
        return self._done.entries

    @property
    def first_error(self) -> Exception | None:
        """Of a source."""
        return self._done.first_error

    def add(self, each: Each, payload: Payload) -> None:
        results = self._writer.add(payload)
        self._done.entries.append(Entry(each.index, each.name, each.size, results))

    def fail(self, each: Each, error: Exception) -> None:
        self._done.entries.append(entry_of_error(each, error))
        self._done.first_error = self._done.first_error or error

    def finish(self) -> UnitDone:
        """Move the files to their places."""
        done = self._done
        if all(entry.error for entry in done.entries):
            self.discard()
            return done
        self._writer.close()
        written = {each.name: each for each in self._output.finish()}
        done.bytes = sum(each.size for each in written.values())
        for entry in done.entries:
            if entry.results:
                entry.checksum = written[entry.results[0]].checksum
        return done

    def discard(self) -> None:
        """Leave nothing behind."""
        self._output.discard()


@dataclass(frozen=True, slots=True)
class FillUnit:
    """Reads, encodes and writes a whole unit, which is left to be finished.

    Attributes
    ----------
    folder : Path
        Of the results.
    encode : EncodeRecord
        Makes the records.
    stops : bool
        After the first source that fails.
    ended : Event or None
        Set when the rest of the unit is not wanted any more.
    """

    folder: Path
    encode: EncodeRecord
    stops: bool = False
    ended: Event | None = None

    def __call__(self, job: Job) -> UnitWriter:
        unit: Unit = job.source
        writer = UnitWriter(self.folder, self.encode.format, unit)
        try:
            for each in unit.items:
                self._fill(writer, each, job.threads)
                if (self.stops and writer.first_error is not None) or (self.ended is not None and self.ended.is_set()):
                    break
        except BaseException:
            writer.discard()
            raise
        return writer

    def _fill(self, writer: UnitWriter, each: Each, threads: int) -> None:
        try:
            writer.add(each, self.encode.payload(each, threads))
        except ExportError:  # of the target: not the fault of the source
            raise
        except Exception as error:
            writer.fail(each, error.with_traceback(None))


@dataclass(frozen=True, slots=True)
class WriteUnit:
    """Does a whole unit; for workers that are elsewhere."""

    fill: FillUnit

    def __call__(self, job: Job) -> UnitDone:
        writer = self.fill(job)
        try:
            return writer.finish()
        except BaseException:
            writer.discard()
            raise


def entry_of_error(each: Each, error: Exception) -> Entry:
    """The line of a source that failed. What the system says may hold a path, which the line has already."""
    text = (error.strerror or "") if isinstance(error, OSError) else str(error)
    name = type(error).__name__
    return Entry(each.index, each.name, each.size, error=text or name, code=getattr(error, "code", "") or name)
