"""Where in a file the frames are, and how they make up one array; for references to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from dicomdecode.errors import UnsupportedError
from dicomdecode.limits import limits_of
from dicomdecode.pixels import PixelData, Request
from dicomdecode.pixels._core import Frames
from dicomdecode.pixels.decode import check_last_frame
from dicomdecode.reading import DicomFile, open_source
from dicomdecode.reading.tiles import tiling_of
from dicomdecode.syntaxes import DEFLATED, EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN


class Places(NamedTuple):
    """The array that the frames of a file make up.

    Attributes
    ----------
    shape, chunks : tuple of int
        Of the array, and of a frame in it.
    dimensions : tuple of str
        The names of the axes.
    dtype : numpy.dtype
    keywords : dict or None
        Of `dicomdecode.decode_frame`; None where the bytes in the file are those of the array.
    extents : dict
        Number of the chunk along each axis -> (offset, length).
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dimensions: tuple[str, ...]
    dtype: np.dtype[Any]
    keywords: dict[str, Any] | None
    extents: dict[tuple[int, ...], tuple[int, int]]


def places_of(source: Any) -> Places:
    """The headers and the places of the frames are read, no pixels."""
    limits = limits_of(None)
    opened = open_source(source, limits)
    try:
        file = DicomFile(opened, limits)
        color = "stored" if file.photometric == "PALETTE COLOR" else "rgb"
        pixels = PixelData(file)
        frames = Frames(pixels, Request(values="stored", color=color))
        if frames.is_stream:
            raise _no_place("a video")
        check_last_frame(pixels)
        samples = (file.samples,) if file.samples > 1 else ()
        frame = (file.rows, file.columns, *samples)
        extents = list(_extents(file, frames))
        keywords = None if _is_plain(file, frames) else _keywords(file, frames)
        tiling = tiling_of(file)
        names = ("row", "column", "sample")[: len(frame)]
        rest = (0,) * len(samples)
        if tiling is not None and tiling.frames is None:
            shape = (tiling.rows, tiling.columns, *samples)
            chunks = {(*divmod(frame, tiling.across), *rest): extent for frame, extent in enumerate(extents)}
            return Places(shape, frame, names, frames.cell, keywords, chunks)
        if file.frames == 1:
            return Places(frame, frame, names, frames.cell, keywords, {(0,) * len(frame): extents[0]})
        chunks = {(i, 0, 0, *rest): extent for i, extent in enumerate(extents)}
        return Places((file.frames, *frame), (1, *frame), ("frame", *names), frames.cell, keywords, chunks)
    finally:
        opened.rest()


def _no_place(what: str) -> UnsupportedError:
    return UnsupportedError(
        f"The frames have no place of their own in the file: it holds {what}",
        code="frame_place",
        hint="Read it with dicomdecode.open",
    )


def _extents(file: DicomFile, frames: Frames) -> Iterator[tuple[int, int]]:
    if file.transfer_syntax == DEFLATED:
        raise _no_place("a deflated data set")
    if frames.is_native and frames.frame_bits % 8:
        raise _no_place("frames that begin within a byte")
    if frames.is_native and _is_big_endian(file, frames) and file.bits_allocated % 16 and file.pixels_vr == "OW":
        raise _no_place("big-endian words of several pixels")
    for i in range(file.frames):
        if frames.is_native:
            yield file.pixels_offset + i * (frames.frame_bits // 8), frames.frame_bits // 8
            continue
        parts = frames.extents(i)
        if len(parts) != 1:
            raise _no_place("frames in several fragments")
        yield parts[0]


def _is_big_endian(file: DicomFile, frames: Frames) -> bool:
    """Whether native cells are big-endian: by the bytes of the data set, which may contradict the transfer syntax."""
    return file.big_endian != frames.syntax.swaps_pixels


def _is_plain(file: DicomFile, frames: Frames) -> bool:
    """Whether the cells in the file are the array's: whole, little-endian, side by side, and in no other colour."""
    return (
        frames.is_native
        and not _is_big_endian(file, frames)
        and file.bits_allocated == file.bits_stored == 8 * frames.cell.itemsize
        and (file.samples == 1 or (not file.planar and file.photometric == "RGB"))
    )


def _keywords(file: DicomFile, frames: Frames) -> dict[str, Any]:
    if frames.cell.kind == "f":
        raise _no_place("big-endian float pixel data")
    syntax = frames.syntax.uid  # what decodes the frames, whatever the file names
    if frames.is_native:
        syntax = EXPLICIT_BIG_ENDIAN if _is_big_endian(file, frames) else EXPLICIT_LITTLE_ENDIAN
    return {
        "transfer_syntax": syntax,
        "rows": file.rows,
        "columns": file.columns,
        "samples": file.samples,
        "bits_allocated": file.bits_allocated,
        "bits_stored": file.bits_stored,
        "high_bit": file.high_bit,
        "signed": file.signed,
        "planar": file.planar,
        "photometric": "MONOCHROME2" if file.photometric == "PALETTE COLOR" else file.photometric or None,
    }
