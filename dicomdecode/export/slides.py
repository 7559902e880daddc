"""A picture of tiles that need not fit in memory: it is decoded a few rows of tiles at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import UnsupportedError
from dicomdecode.limits import check_limit
from dicomdecode.pixels import PixelData, Request, decode
from dicomdecode.reading.spacing import find_spacing
from dicomdecode.reading.tiles import tiling_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.reading import DicomFile, Source
    from dicomdecode.reading.spacing import Spacing
    from dicomdecode.reading.tiles import Tiling

__all__ = ["Slide", "in_order", "level_of", "makes_slides", "slide_of"]

#: Keywords of `imread` with which frames are no tiles any more.
_OTHERS = {"frames", "region", "reduce", "frame_dim"}
#: Of the pixels that are decoded at a time.
_BAND_BYTES = 1 << 26


@dataclass(frozen=True, slots=True, eq=False)
class Slide:
    """The picture.

    Attributes
    ----------
    source : Source
        Its bytes.
    pixels : PixelData
        Of the file.
    keywords : dict
        Of `imread`.
    tiling : Tiling
        Where tiles lie.
    tile : tuple of int
        Rows and columns of one, and samples for colour.
    dtype : numpy.dtype
        Of the result.
    spacing : (row spacing, column spacing) or None
        In mm.
    threads : int
        That decoding may use.
    """

    source: Source
    pixels: PixelData
    keywords: dict[str, Any]
    tiling: Tiling
    tile: tuple[int, ...]
    dtype: np.dtype[Any]
    spacing: Spacing | None
    threads: int

    @property
    def tiles_down(self) -> int:
        """How many rows of tiles a band has."""
        row = int(np.prod(self.tile)) * self.dtype.itemsize * self.tiling.across
        return min(max(_BAND_BYTES // row, 1), self.tiling.down)

    def bands(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """(first row, pixels [rows, columns, ...]); tiles that are not there are 0.

        Raises
        ------
        DicomError, OSError
            A tile cannot be decoded, or not be read.
        """
        height, width = self.tile[:2]
        for top in range(0, self.tiling.down, self.tiles_down):
            places = {
                (row - top, column): frame
                for row in range(top, min(top + self.tiles_down, self.tiling.down))
                for column in range(self.tiling.across)
                if (frame := self.tiling.frame_at(row, column)) is not None
            }
            rows = min(self.tiles_down * height, self.tiling.rows - top * height)
            band = np.zeros((-(-rows // height) * height, self.tiling.across * width, *self.tile[2:]), self.dtype)
            for (row, column), tile in zip(places, self._decoded(list(places.values())), strict=True):
                band[row * height : (row + 1) * height, column * width : (column + 1) * width] = tile
            yield top * height, band[:rows, : self.tiling.columns]

    def _decoded(self, frames: list[int]) -> NDArray[Any]:
        if not frames:
            return np.empty((0, *self.tile), self.dtype)
        self.source.wake()
        try:
            return decode(self.pixels, Request(**self.keywords, frames=frames), threads=self.threads)
        finally:
            self.source.rest()


def slide_of(source: Source, file: DicomFile, keywords: dict[str, Any], threads: int) -> Slide | None:
    """The picture that the frames of a file are tiles of; None where they are none.

    Raises
    ------
    DicomError
        A sequence is malformed, or there are fewer frames than the header says.
    """
    return level_of(source, file, keywords, threads) if file.frames > 1 else None


def level_of(source: Source, file: DicomFile, keywords: dict[str, Any], threads: int) -> Slide | None:
    """The same of a level, which may be one tile."""
    if not file.tag(0x00480006) or not makes_slides(keywords):
        return None
    pixels = PixelData(file)
    last = decode(pixels, Request(**keywords, frames=file.frames - 1))  # before something is made for each
    tiling = tiling_of(file)
    if tiling is None:
        return None
    most = file.limits.output_bytes
    check_limit("A row of tiles exceeds", "limit_output_bytes", most, tiling.across * last.nbytes)
    return Slide(source, pixels, keywords, tiling, last.shape, last.dtype, find_spacing(file).spacing, threads)


def makes_slides(keywords: dict[str, Any]) -> bool:
    """Whether frames are still tiles with these keywords of `imread`."""
    return not _OTHERS & set(keywords)


def in_order(levels: list[Slide]) -> tuple[Slide, ...]:
    """The levels of a slide, the largest first.

    Raises
    ------
    UnsupportedError
        They are no pictures of one kind.
    """
    if len({(level.tile[2:], level.dtype) for level in levels}) > 1:
        raise UnsupportedError("The levels of a slide differ in samples or type", code="export_type")
    return tuple(sorted(levels, key=lambda level: level.tiling.rows * level.tiling.columns, reverse=True))
