"""`read_tags`: data elements of many files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dicomdecode.batch.crew import Crew, ExecutorCrew, Job, ThreadCrew, checked_executor, count_workers
from dicomdecode.batch.parts import PartDone, Parts, PartWork, bytes_of
from dicomdecode.batch.progress import Progress
from dicomdecode.batch.stream import Stream
from dicomdecode.limits import Limits, limits_of
from dicomdecode.pixels.arguments import check_flag, one_of
from dicomdecode.reading import DicomFile, open_source
from dicomdecode.reading.charset import is_known
from dicomdecode.sources import Some, expand
from dicomdecode.tables.columns import Cells, Column, columns_of
from dicomdecode.tables.table import TagTable
from dicomdecode.tables.values import Filled, fill

if TYPE_CHECKING:
    from concurrent.futures import Executor

__all__ = ["read_tags"]

_FILES = 64  # that a worker is given at a time: a header takes it less time than being woken


class _ReadTags:
    """The work on a file: the cells of its row. It can be pickled."""

    def __init__(self, columns: tuple[Column, ...], character_set: list[str] | None, limits: Limits) -> None:
        self._cells = Cells(columns)
        self._character_set = character_set
        self._limits = limits

    def __call__(self, job: Job) -> list[Any]:
        source = open_source(job.source, self._limits)
        try:
            file = DicomFile(source, self._limits)
            if self._character_set is not None:
                file.use_character_set(self._character_set)
            return self._cells(file)
        finally:
            source.rest()


def read_tags(
    sources: Any,
    tags: Sequence[Any] | Mapping[str, Any],
    *,
    types: Mapping[str, Any] | None = None,
    on_error: str = "record",
    threads: int | None = None,
    progress: bool = False,
    executor: Executor | None = None,
    character_set: str | Sequence[str] | None = None,
    limits: Limits | None = None,
) -> TagTable:
    """Read data elements of many files into a table. Only the headers of the files are read.

    Parameters
    ----------
    sources : iterable, or one source
        As in `decode_batch`.
    tags : list, or dict of str and tag
        Each as `decode_dicom_data` takes it; also with all items of a sequence, ``"[PerFrameFunctionalGroupsSequence]
        [*][PlanePositionSequence][0][ImagePositionPatient]"``, and by a private creator,
        ``"(0029,[SIEMENS CSA HEADER],10)"``. The keys of a dict are the names of the columns.
    types : dict of str and type, optional
        Name of a column -> "int", "float", "date", "time", "datetime", "str" or "bytes" (or int, float, str, bytes).
        Default: by the VR that the data dictionary has.
    on_error : {"record", "raise", "skip"}
        What happens when a file cannot be read: it has a row of "unreadable" cells and its error in ``table.errors``;
        the error is raised; or it has no row.
    threads : int, optional
        How many files are read side by side; default: one for each core.
    progress : bool
        Show on a terminal how many files are done.
    executor : concurrent.futures.Executor, optional
        Reads instead of threads of our own.
    character_set : str or list of str, optional
        Terms of Specific Character Set (0008,0005) instead of those in the files: "ISO_IR 192".
    limits : Limits, optional
        What a file may ask for.

    Returns
    -------
    TagTable
        Row i is file i of the sources. A cell is a list where the data dictionary allows several values, for all items
        of a sequence, and in a column in which a file has several values.

    Raises
    ------
    ValueError, TypeError
        An argument is wrong.
    Exception
        What `sources` itself raises; under "raise", what a file fails with.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> table = dd.read_tags([get_testdata_file("CT_small.dcm")], ["Modality", "Rows"])
    >>> next(iter(table))
    {'Modality': 'CT', 'Rows': 128}
    """
    one_of("on_error", on_error, ("record", "raise", "skip"))
    allowed = limits_of(limits)
    columns = columns_of(tags, types)
    work = PartWork(_ReadTags(columns, _terms(character_set), allowed))
    size = count_workers(threads)
    crew: Crew = ThreadCrew(work, size) if executor is None else ExecutorCrew(work, checked_executor(executor), size)
    items = expand(sources, allowed)
    shown = Progress(check_flag("progress", progress))
    parts = Parts(items, _FILES, of_lists_only=False)
    stream = Stream(parts, crew, ordered=True, progress=Progress(False), bytes_of=lambda item, _: bytes_of(item.name))
    rows = _Rows(columns, on_error)
    try:
        for result in stream:
            some: Some = result.item.name
            failed = result.outcome.error
            done: PartDone = result.outcome.value if failed is None else PartDone.failed(failed, len(some.names))
            errors = done.errors | some.errors
            for i, name in enumerate(some.names):
                rows.add(name, done.values[i], errors.get(i))
            shown.step(len(some.names), len(errors), items.total)
    finally:
        stream.stop()
        shown.close()
    return rows.table()


class _Rows:
    """The rows so far."""

    def __init__(self, columns: tuple[Column, ...], on_error: str) -> None:
        self._columns = columns
        self._on_error = on_error
        self._cells: list[list[Any]] = [[] for _ in columns]
        self._sources: list[Any] = []
        self._errors: dict[int, Exception] = {}

    def add(self, source: Any, row: list[Any] | None, error: Exception | None) -> None:
        if error is not None:
            if self._on_error == "raise":
                raise error
            if self._on_error == "skip":
                return
            self._errors[len(self._sources)] = error
        self._sources.append(source)
        if row is None:
            for cells in self._cells:
                cells.append(error)
        else:
            for cells, cell in zip(self._cells, row, strict=True):
                cells.append(cell)

    def table(self) -> TagTable:
        filled: dict[str, Filled] = {}
        for column, cells in zip(self._columns, self._cells, strict=True):
            filled[column.name] = fill(column, cells)
        return TagTable(filled, self._sources, self._errors)


def _terms(character_set: Any) -> list[str] | None:
    """`character_set=`, checked."""
    if character_set is None:
        return None
    terms = [character_set] if isinstance(character_set, str) else character_set
    if not isinstance(terms, (list, tuple)):
        raise TypeError(f"character_set must be a str or a list of str, not {type(terms).__name__}")
    for term in terms:
        if not isinstance(term, str):
            raise TypeError(f"character_set must be a str or a list of str, not {character_set!r}")
        if not is_known(term):
            raise ValueError(f"character_set: {term!r} is no defined term of Specific Character Set that is known")
    return list(terms)
