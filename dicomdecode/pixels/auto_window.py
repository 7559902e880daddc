"""``window="auto"``: a window by the pixels themselves, for files that store none.

Its ends are robust percentiles of the modality values: a few pixels of metal, noise or burned-in text do not decide
what everything else looks like. Padding and what is no number are left out. An image has one such window, whichever
frames, region or resolution of it are asked for, so that parts of it can be put together; the files of a volume share
one.
"""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dicomdecode.pixels import transform
from dicomdecode.pixels._core import Frames, PixelData, Request
from dicomdecode.pixels._plans import Affine, Plan, type_number
from dicomdecode.pixels.luts import Window, frame_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PERCENTILES", "AutoWindow", "auto_window", "common_auto_window", "evenly"]

#: Percentiles of the values that become black and white.
PERCENTILES = LOW, HIGH = 0.5, 99.5
#: Of more frames, or more files of a volume, so many are looked at, evenly spread.
_MOST_LOOKED_AT = 8
_AT_ONCE = 1 << 18  # pixels: a dozen arrays of 64-bit numbers are made of them
_DIGIT = 13  # bits
_SIGN = np.uint64(1 << 63)
#: Far enough from infinity that the difference of two values is finite.
_LARGEST = sys.float_info.max / 4
#: Narrower windows have slopes that are not finite.
_NARROWEST = 1e-290


class AutoWindow(NamedTuple):
    """A window, and how it was found, for `image.steps`."""

    window: Window
    words: str


class _Piece(NamedTuple):
    """Modality values, and how many pixels have each."""

    values: NDArray[np.float64]
    counts: NDArray[np.int64]

    def without(self, value: float) -> _Piece:
        others = self.values != value
        return _Piece(self.values[others], self.counts[others])


#: Goes through the values of all pixels, as often as it is called.
_Walk = Callable[[], Iterable[_Piece]]


def auto_window(pixels: PixelData) -> AutoWindow:
    """The window of a monochrome image; frames are decoded for it, once.

    Raises
    ------
    DicomError
        A frame that is looked at cannot be decoded.
    """
    if pixels.auto_window is None:
        pixels.auto_window = _around(_walk([pixels]))
    found: AutoWindow = pixels.auto_window
    return found


def common_auto_window(images: Sequence[PixelData]) -> AutoWindow:
    """One window for several images, by the pixels of all of them.

    Raises
    ------
    DicomError
        A frame that is looked at cannot be decoded.
    """
    return _around(_walk(images))


def evenly(count: int, most: int = _MOST_LOOKED_AT) -> list[int]:
    """Numbers below `count`, at most so many, evenly spread: the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [i * (count - 1) // (most - 1) for i in range(most)]


def _around(walk: _Walk) -> AutoWindow:
    ends = _percentiles(walk)
    if ends is None:
        return AutoWindow((0.5, 1.0, "LINEAR_EXACT"), "window auto: all pixels are padding")
    low, high = ends
    words = f"window auto: percentiles {LOW:g} and {HIGH:g} of the modality values"
    if low == high and (others := _percentiles(lambda: (piece.without(low) for piece in walk()))):
        # Nearly everything is background: what is not decides.
        low, high = min(low, others[0]), max(high, others[1])
        words += ", background left out"
    width = high - low
    if width < _NARROWEST:
        return AutoWindow((low, 1.0, "LINEAR_EXACT"), "window auto: all pixels are equal")
    return AutoWindow((low + width / 2, width, "LINEAR_EXACT"), words)


def _percentiles(walk: _Walk) -> tuple[float, float] | None:
    """Of each of `PERCENTILES` the smallest value that at least so many percent of the pixels do not exceed; None where
    there are no pixels.

    It is found from its highest bits on: each walk counts the next 13 of the pixels that have those found so far.
    """
    found, below = [0, 0], [0.0, 0.0]
    targets: list[float] = []
    for shift in range(64 - 12, -1, -_DIGIT):
        counts = {bits: np.zeros(1 << _DIGIT) for bits in found}
        for piece in walk():
            keys = _in_order(piece.values)
            for bits, counted in counts.items():
                at = keys >> shift + _DIGIT == bits if targets else slice(None)
                digits = (keys[at] >> shift & (1 << _DIGIT) - 1).astype(np.intp)
                counted += np.bincount(digits, piece.counts[at], 1 << _DIGIT)
        if not targets:
            total = counts[0].sum()
            if not total:
                return None
            targets = [percent / 100 * total for percent in PERCENTILES]
        for i, bits in enumerate(found):
            reached = below[i] + np.cumsum(counts[bits])
            digit = int(np.searchsorted(reached, targets[i]))
            below[i] = float(reached[digit - 1]) if digit else below[i]
            found[i] = bits << _DIGIT | digit
    low, high = _from_order(np.array(found, np.uint64))
    return float(low), float(high)


def _in_order(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """Integers in the order of the numbers: the bits of IEEE 754, whose first is the sign, with those of the magnitude
    inverted below zero."""
    bits = (values + 0.0).view(np.uint64)  # no zero is negative
    return bits ^ np.where(bits >> 63, ~np.uint64(0), _SIGN)


def _from_order(keys: NDArray[np.uint64]) -> NDArray[np.float64]:
    bits: NDArray[np.uint64] = keys ^ np.where(keys >> 63, _SIGN, ~np.uint64(0))
    return bits.view(np.float64)


def _walk(images: Sequence[PixelData]) -> _Walk:
    """Goes through the images. The tables of narrow integers are kept; frames of wide values are read each time."""
    walks: list[_Walk] = []
    for image in images:
        walk = functools.partial(_pieces, image)
        walks.append(functools.partial(iter, list(walk())) if _is_narrow(_frames(image).cell) else walk)
    return lambda: itertools.chain.from_iterable(walk() for walk in walks)


def _pieces(pixels: PixelData) -> Iterator[_Piece]:
    """The modality values of the frames that are looked at, without padding."""
    file = pixels.file
    rescale_of = frame_values(file, "modality", None, functools.partial(transform.lowest_modality, file))
    padding = transform.padding_range(file)
    for i in evenly(file.frames):
        chain = transform.chain_of_file(file, "modality", rescale_of(i))
        for stored, counts in _counted(_parts(pixels, i)):
            kept = np.ones(len(stored), bool) if padding is None else (stored < padding[0]) | (stored > padding[1])
            values = chain.evaluate(stored[kept])
            known = np.isfinite(values)
            yield _Piece(np.clip(values[known], -_LARGEST, _LARGEST), counts[kept][known])


def _frames(pixels: PixelData) -> Frames:
    return Frames(pixels, Request(values="stored", color="stored"))


def _parts(pixels: PixelData, frame: int) -> Iterator[NDArray[Any]]:
    """The stored values of a frame, a few at a time; where rows can be read alone, no more of them are held."""
    rows, columns = pixels.file.rows, pixels.file.columns
    height = max(1, _AT_ONCE // columns)
    if height >= rows or not _frames(pixels).reads_rows:
        whole = _frames(pixels).read(frame).reshape(-1)
        yield from (whole[start : start + _AT_ONCE] for start in range(0, len(whole), _AT_ONCE))
    else:
        for top in range(0, rows, height):
            region = (top, 0, min(height, rows - top), columns)
            frames = Frames(pixels, Request(values="stored", color="stored", region=region))
            out = np.empty(region[2] * columns, frames.cell)
            frames.write(frame, 1, _as_it_is(frames.cell), out, 0)
            yield out


def _as_it_is(cell: np.dtype[Any]) -> Plan:
    plan = Plan.of_affine(Affine(), type_number(cell), type_number(cell), cell)
    assert plan is not None  # a copy
    return plan


def _is_narrow(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "iu" and dtype.itemsize <= 2


def _counted(parts: Iterator[NDArray[Any]]) -> Iterator[tuple[NDArray[Any], NDArray[np.int64]]]:
    """The values of a frame, and how often each is there: of narrow integers each value once, by a table."""
    table: NDArray[np.int64] | None = None
    for part in parts:
        if not _is_narrow(part.dtype):
            yield part, np.ones(len(part), np.int64)
            continue
        cells = part.view(f"u{part.dtype.itemsize}")
        counts = np.bincount(cells, minlength=1 << 8 * part.dtype.itemsize)
        table = counts if table is None else table + counts
    if table is not None:
        present = np.flatnonzero(table)
        yield present.astype(cells.dtype).view(part.dtype), table[present]
