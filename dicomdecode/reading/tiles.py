"""Frames that are tiles of one large picture, as of slides (PS3.3 C.7.6.17.3, C.8.12.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dicomdecode.limits import check_limit
from dicomdecode.reading.groups import FunctionalGroups

if TYPE_CHECKING:
    from dicomdecode.reading._reading import DicomFile

__all__ = ["Tiling", "tiling_of"]

_COLUMNS, _ROWS, _ORGANIZATION = 0x00480006, 0x00480007, 0x00209311
_POSITION, _COLUMN, _ROW = 0x0048021A, 0x0048021E, 0x0048021F


class Tiling(NamedTuple):
    """Where tiles lie.

    Attributes
    ----------
    rows, columns : int
        Of the whole picture (Total Pixel Matrix); tiles at its ends stick out.
    down, across : int
        Tiles along each axis.
    frames : dict or None
        (row, column) of a tile -> its frame; what is missing was not scanned. None: all are there, row by row.
    """

    rows: int
    columns: int
    down: int
    across: int
    frames: dict[tuple[int, int], int] | None

    def frame_at(self, row: int, column: int) -> int | None:
        """The frame of a tile; None where it was not scanned."""
        return row * self.across + column if self.frames is None else self.frames.get((row, column))


def tiling_of(file: DicomFile) -> Tiling | None:
    """The tiles of a file; None where its frames are none, or no matrix with a frame at most for each place: several
    focal planes or optical paths, or positions that do not fit in a grid.

    Raises
    ------
    DicomError
        A sequence is malformed, or there is room for more tiles than the limit of frames.
    """
    rows, columns = file.tag(_ROWS), file.tag(_COLUMNS)
    if not isinstance(rows, int) or not isinstance(columns, int) or rows < 1 or columns < 1:
        return None
    down, across = -(-rows // file.rows), -(-columns // file.columns)
    check_limit(
        "The tiles of the whole picture exceed", "limit_frames", file.limits.frames, down * across, tag=_COLUMNS
    )
    if file.tag(_ORGANIZATION) == "TILED_FULL":
        return Tiling(rows, columns, down, across, None) if down * across == file.frames else None
    places = _places(file)
    if places is None or not all(0 <= row < down and 0 <= column < across for row, column in places):
        return None
    if places == [divmod(i, across) for i in range(down * across)]:
        return Tiling(rows, columns, down, across, None)
    frames = {place: frame for frame, place in enumerate(places)}
    return Tiling(rows, columns, down, across, frames) if len(frames) == len(places) else None


def _places(file: DicomFile) -> list[tuple[int, int]] | None:
    """Row and column of each frame's tile, by Plane Position (Slide): the place of its first pixel, counted from 1."""
    groups = FunctionalGroups(file)
    places = []
    for frame in range(file.frames):
        item = next(iter(groups.items(frame, _POSITION)), None)
        row, column = (None, None) if item is None else (item.tag(_ROW), item.tag(_COLUMN))
        if not isinstance(row, int) or not isinstance(column, int):
            return None
        if (row - 1) % file.rows or (column - 1) % file.columns:
            return None
        places.append(((row - 1) // file.rows, (column - 1) // file.columns))
    return places
