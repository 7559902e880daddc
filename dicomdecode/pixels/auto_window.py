"""``window="auto"``: a window by the pixels themselves, for files that store none.

Its ends are robust percentiles of the modality values: a few pixels of metal, noise or burned-in text do not decide
what everything else looks like. Padding and what is no number are left out. An image has one such window, whichever
frames, region or resolution of it are asked for, so that parts of it can be put together; the files of a volume share
one.
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dicomdecode.pixels import transform
from dicomdecode.pixels._core import Frames, PixelData, Request
from dicomdecode.pixels.luts import Window, frame_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["PERCENTILES", "AutoWindow", "auto_window", "common_auto_window", "evenly"]

#: Percentiles of the values that become black and white.
PERCENTILES = LOW, HIGH = 0.5, 99.5
#: Of more frames, or more files of a volume, so many are looked at, evenly spread.
_MOST_LOOKED_AT = 8
_COUNTED_AT_ONCE = 1 << 20  # pixels
#: Far enough from infinity that the difference of two values is finite.
_LARGEST = sys.float_info.max / 4
#: Narrower windows have slopes that are not finite.
_NARROWEST = 1e-290


class AutoWindow(NamedTuple):
    """A window, and how it was found, for `image.steps`."""

    window: Window
    words: str


class _Histogram(NamedTuple):
    """Modality values, each once, and how many pixels have them."""

    values: NDArray[np.float64]
    counts: NDArray[np.int64]

    def percentile(self, percent: float) -> float:
        """The smallest value that at least so many percent of the pixels do not exceed."""
        reached = np.cumsum(self.counts)
        return float(self.values[np.searchsorted(reached, percent / 100 * reached[-1])])

    def without(self, value: float) -> _Histogram:
        others = self.values != value
        return _Histogram(self.values[others], self.counts[others])


def auto_window(pixels: PixelData) -> AutoWindow:
    """The window of a monochrome image; frames are decoded for it, once.

    Raises
    ------
    DicomError
        A frame that is looked at cannot be decoded.
    """
    if pixels.auto_window is None:
        pixels.auto_window = _around(_histogram(pixels))
    found: AutoWindow = pixels.auto_window
    return found


def common_auto_window(images: Sequence[PixelData]) -> AutoWindow:
    """One window for several images, by the pixels of all of them.

    Raises
    ------
    DicomError
        A frame that is looked at cannot be decoded.
    """
    return _around(_together([_histogram(image) for image in images]))


def evenly(count: int, most: int = _MOST_LOOKED_AT) -> list[int]:
    """Numbers below `count`, at most so many, evenly spread: the first and the last among them."""
    if count <= most:
        return list(range(count))
    return [i * (count - 1) // (most - 1) for i in range(most)]


def _around(found: _Histogram) -> AutoWindow:
    if not len(found.values):
        return AutoWindow((0.5, 1.0, "LINEAR_EXACT"), "window auto: all pixels are padding")
    low, high = found.percentile(LOW), found.percentile(HIGH)
    words = f"window auto: percentiles {LOW:g} and {HIGH:g} of the modality values"
    if low == high and len(found.values) > 1:
        # Nearly everything is background: what is not decides.
        others = found.without(low)
        low, high = min(low, others.percentile(LOW)), max(high, others.percentile(HIGH))
        words += ", background left out"
    width = high - low
    if width < _NARROWEST:
        return AutoWindow((low, 1.0, "LINEAR_EXACT"), "window auto: all pixels are equal")
    return AutoWindow((low + width / 2, width, "LINEAR_EXACT"), words)


def _histogram(pixels: PixelData) -> _Histogram:
    """The modality values of the frames that are looked at, without padding."""
    file = pixels.file
    frames = Frames(pixels, Request(values="stored", color="stored"))
    rescale_of = frame_values(file, "modality", None, functools.partial(transform.lowest_modality, file))
    padding = transform.padding_range(file)
    parts = []
    for i in evenly(file.frames):
        stored, count = _counted(frames.read(i))
        kept = np.ones(len(stored), bool) if padding is None else (stored < padding[0]) | (stored > padding[1])
        chain = transform.chain_of_file(file, "modality", rescale_of(i))
        found = chain.evaluate(stored[kept])
        known = np.isfinite(found)
        parts.append(_Histogram(np.clip(found[known], -_LARGEST, _LARGEST), count[kept][known]))
    return _together(parts)


def _together(parts: list[_Histogram]) -> _Histogram:
    values, place = np.unique(np.concatenate([part.values for part in parts]), return_inverse=True)
    counts = np.zeros(len(values), np.int64)
    np.add.at(counts, place, np.concatenate([part.counts for part in parts]))
    return _Histogram(values, counts)


def _counted(stored: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Each stored value once, and how often it is there; counted in a table where one is small enough."""
    if stored.dtype.kind not in "iu" or stored.dtype.itemsize > 2:
        each, counts = np.unique(stored, return_counts=True)
        return each, counts.astype(np.int64)
    cells = stored.reshape(-1).view(f"u{stored.dtype.itemsize}")
    size = 1 << (8 * stored.dtype.itemsize)
    # Part by part: each pixel becomes a number of 64 bits for that.
    starts = range(0, max(1, len(cells)), _COUNTED_AT_ONCE)
    parts = (np.bincount(cells[start : start + _COUNTED_AT_ONCE], minlength=size) for start in starts)
    counts = functools.reduce(operator.iadd, parts)
    present = np.flatnonzero(counts)
    return present.astype(cells.dtype).view(stored.dtype), counts[present].astype(np.int64)
