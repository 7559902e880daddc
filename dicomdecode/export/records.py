"""What is written of one source: an array, its place in the patient, and the requested tags only."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
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
    from dicomdecode.tables.columns import Column
    from dicomdecode.volumes import Volume

__all__ = ["Reading", "Record", "read_record"]


@dataclass(slots=True, eq=False)
class Record:
    """What is known of one source.

    Attributes
    ----------
    index : int
        Its place in the input, counted from 0.
    array : ndarray
        Its pixels; without elements where only tags are written, or volumes.
    has_frames : bool
        The first axis of `array` is that of frames.
    tags : dict
        name -> str, int, float, list of these, or None.
    columns : tuple of Column
        What the tags are.
    volumes : tuple of Volume
        Of a series.
    slide : tuple of Slide
        The picture that the frames are tiles of, and its smaller levels; `array` has no elements then.
    """

    index: int
    array: NDArray[Any]
    has_frames: bool
    tags: dict[str, Any]
    columns: tuple[Column, ...] = ()
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
    columns : tuple of Column
        The tags.
    limits : Limits
        What a file may ask for.
    with_pixels, by_series, by_tiles : bool
        Of the format.
    """

    keywords: dict[str, Any]
    columns: tuple[Column, ...]
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
        volumes = read_series(list(source), **reading.keywords, split="all", threads=threads, limits=reading.limits)
        found = _tags_of(source[0], reading)
        return Record(index, np.empty(0), False, found, reading.columns, tuple(volumes))
    if isinstance(source, tuple):
        if len(source) > 1:
            levels = in_order([_level(each, reading, threads) for each in source])
            return Record(index, np.empty(0), False, _tags_of(source[0], reading), reading.columns, slide=levels)
        (source,) = source
    if not reading.with_pixels:
        return Record(index, np.empty(0), False, _tags_of(source, reading), reading.columns)
    opened = open_source(source, reading.limits)
    try:
        file = DicomFile(opened, reading.limits)
        tags = {column.name: value_of(column.cell(file)) for column in reading.columns}
        slide = slide_of(opened, file, reading.keywords, threads) if reading.by_tiles else None
        if slide is not None:
            return Record(index, np.empty(0), False, tags, reading.columns, slide=(slide,))
        frames = reading.keywords.get("frames")
        has_frames = file.frames > 1 if frames is None else not isinstance(frames, (int, np.integer))
        array = decode(PixelData(file), Request(**reading.keywords), threads=threads)
        return Record(index, array, has_frames, tags, reading.columns)
    finally:
        opened.rest()


def _level(source: Any, reading: Reading, threads: int) -> Slide:
    opened = open_source(source, reading.limits)
    try:
        level = level_of(opened, DicomFile(opened, reading.limits), reading.keywords, threads)
    finally:
        opened.rest()
    if level is None:
        raise UnsupportedError("A level of a slide is no matrix of tiles", code="export_type")
    return level


def _tags_of(source: Any, reading: Reading) -> dict[str, Any]:
    opened = open_source(source, reading.limits)
    try:
        file = DicomFile(opened, reading.limits)
        return {column.name: value_of(column.cell(file)) for column in reading.columns}
    finally:
        opened.rest()


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
