"""What is written of one source: an array, its place in the patient, and the requested tags only."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dicomdecode.errors import UnsupportedError
from dicomdecode.export.slides import in_order, level_of, slide_of
from dicomdecode.pixels import PixelData, Request, decode
from dicomdecode.reading import DicomFile, open_source
from dicomdecode.volumes import read_series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.export.slides import Slide
    from dicomdecode.limits import Limits
    from dicomdecode.reading import Source
    from dicomdecode.tables.columns import Cells, Column
    from dicomdecode.volumes import Volume

__all__ = ["Reading", "Record", "read_record"]


@dataclass(slots=True, eq=False)
class Record:
    """What is known of one source.

    Attributes
    ----------
    index : int
        Its place in the input, counted from 0.
    tags : dict
        name -> str, int, float, list of these, or None.
    columns : tuple of Column
        What the tags are.
    array : ndarray
        Its pixels; without elements where only tags are written, volumes, or a slide.
    has_frames : bool
        The first axis of `array` is that of frames.
    volumes : tuple of Volume
        Of a series.
    slide : tuple of Slide
        The picture that the frames are tiles of, and its smaller levels.
    """

    index: int
    tags: dict[str, Any]
    columns: tuple[Column, ...]
    array: NDArray[Any] = field(default_factory=lambda: np.empty(0))
    has_frames: bool = False
    volumes: tuple[Volume, ...] = ()
    slide: tuple[Slide, ...] = ()

    @property
    def has_samples(self) -> bool:
        """The last axis of `array` is that of samples."""
        return self.array.ndim > 2 + self.has_frames


class Reading(NamedTuple):
    """What to read of each source.

    Attributes
    ----------
    keywords : dict
        Of `imread`.
    cells : Cells
        Reads the tags.
    limits : Limits
        What a file may ask for.
    with_pixels, by_series, by_tiles : bool
        Of the format.
    """

    keywords: dict[str, Any]
    cells: Cells
    limits: Limits
    with_pixels: bool = True
    by_series: bool = False
    by_tiles: bool = False


def read_record(index: int, source: Any, reading: Reading, threads: int) -> Record:
    """Read one source; of a tuple of sources the volumes of a series, or the levels of a slide.

    Raises
    ------
    DicomError, OSError
        It cannot be decoded, or not be read.
    """
    if reading.by_series:
        return _read_volumes(index, source, reading, threads)
    if isinstance(source, tuple):
        if len(source) > 1:
            return _read_levels(index, source, reading, threads)
        (source,) = source
    with _opened(source, reading) as (opened, file):
        record = Record(index, _tags_of(file, reading), reading.cells.columns)
        slide = slide_of(opened, file, reading.keywords, threads) if reading.by_tiles else None
        if slide is not None:
            record.slide = (slide,)
        elif reading.with_pixels:
            frames = reading.keywords.get("frames")
            record.has_frames = file.frames > 1 if frames is None else not isinstance(frames, (int, np.integer))
            record.array = decode(PixelData(file), Request(**reading.keywords), threads=threads)
    return record


def _read_volumes(index: int, sources: tuple[Any, ...], reading: Reading, threads: int) -> Record:
    volumes = read_series(list(sources), **reading.keywords, split="all", threads=threads, limits=reading.limits)
    with _opened(sources[0], reading) as (_, file):
        return Record(index, _tags_of(file, reading), reading.cells.columns, volumes=tuple(volumes))


def _read_levels(index: int, sources: tuple[Any, ...], reading: Reading, threads: int) -> Record:
    levels = []
    for source in sources:
        with _opened(source, reading) as (opened, file):
            level = level_of(opened, file, reading.keywords, threads)
        if level is None:
            raise UnsupportedError("A level of a slide is no matrix of tiles", code="export_type")
        levels.append(level)
    with _opened(sources[0], reading) as (_, file):
        return Record(index, _tags_of(file, reading), reading.cells.columns, slide=in_order(levels))


@contextlib.contextmanager
def _opened(source: Any, reading: Reading) -> Iterator[tuple[Source, DicomFile]]:
    opened = open_source(source, reading.limits)
    try:
        yield opened, DicomFile(opened, reading.limits)
    finally:
        opened.rest()


def _tags_of(file: DicomFile, reading: Reading) -> dict[str, Any]:
    cells = reading.cells
    return {column.name: value_of(cell) for column, cell in zip(cells.columns, cells(file), strict=True)}


def value_of(cell: Any) -> Any:
    """The cell of a column as what every format can hold.

    Raises
    ------
    DicomError
        The element cannot be read.
    """
    if isinstance(cell, Exception):
        raise cell
    if isinstance(cell, (bytes, bytearray)):
        return bytes(cell).hex()
    if isinstance(cell, (datetime.date, datetime.time)):
        return cell.isoformat()
    if isinstance(cell, list):
        return [value_of(each) for each in cell] or None
    return cell
