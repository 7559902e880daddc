"""The rules of decoding in plain NumPy and exact Python integers: what results are held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Bounds = tuple[float, float] | None


def possible_range(bits_stored: int, signed: bool) -> tuple[int, int]:
    """[lo, hi] of stored values, from the header."""
    return (-(1 << (bits_stored - 1)), (1 << (bits_stored - 1)) - 1) if signed else (0, (1 << bits_stored) - 1)


def fits(bounds: Bounds, dtype: Any) -> bool:
    """Whether every possible value lies within the limits of `dtype`."""
    dtype = np.dtype(dtype)
    if bounds is None:
        return False
    if dtype.kind == "f":
        return max(abs(bounds[0]), abs(bounds[1])) <= float(np.finfo(dtype).max)
    return bounds[0] >= np.iinfo(dtype).min and bounds[1] <= np.iinfo(dtype).max


def preserved(values: np.ndarray, dtype: Any) -> np.ndarray:
    """Value by value: into integers half to even, clipped, NaN -> 0; float16 clips."""
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        if dtype.itemsize == 2:
            return np.clip(values.astype(np.float64), -65504, 65504).astype(dtype)
        return values.astype(dtype)
    info = np.iinfo(dtype)
    if values.dtype.kind == "f":
        values = np.rint(np.nan_to_num(values.astype(np.float64), nan=0.0, posinf=np.inf, neginf=-np.inf))
    return np.array([_clipped(v, info) for v in values.ravel().tolist()], dtype).reshape(values.shape)


def _clipped(value: float, info: np.iinfo) -> int:
    return (
        int(min(max(value, int(info.min)), int(info.max)))
        if abs(value) != np.inf
        else int(info.max if value > 0 else info.min)
    )


def stretched(values: np.ndarray, bounds: tuple[int, int], dtype: Any) -> np.ndarray:
    """[lo, hi] linearly onto [min, max] of an integer dtype, rounded; onto [0, 1] of a float dtype. Integer values."""
    dtype = np.dtype(dtype)
    lo, hi = bounds
    if lo == hi:
        return np.zeros(values.shape, dtype)
    if dtype.kind == "f":
        return ((values.astype(np.float64) - lo) / (hi - lo)).astype(dtype)
    info = np.iinfo(dtype)
    low, span, width = int(info.min), int(info.max) - int(info.min), hi - lo
    # 2^a - 1 and 2^b - 1 are odd: no value lies half way between two results.
    exact = [low + (2 * (v - lo) * span + width) // (2 * width) for v in values.ravel().tolist()]
    return np.array([min(max(v, low), int(info.max)) for v in exact], dtype).reshape(values.shape)


def window(values: np.ndarray, center: float, width: float, function: str = "LINEAR") -> np.ndarray:
    """A window onto [0, 1] (PS3.3 C.11.2.1.2.1, C.11.2.1.3)."""
    x = values.astype(np.float64)
    if function == "SIGMOID":
        return np.asarray(1 / (1 + np.exp(np.minimum(-4 * (x - center) / width, 700))))
    if function == "LINEAR_EXACT":
        low, high, y = center - width / 2, center + width / 2, (x - center) / width + 0.5
    else:
        low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
        y = (x - (center - 0.5)) / (width - 1) + 0.5 if width > 1 else x
    return np.where(np.isnan(x), x, np.where(x <= low, 0.0, np.where(x > high, 1.0, y)))


def lut(values: np.ndarray, first: int, entries: np.ndarray) -> np.ndarray:
    """A look-up table: inputs below `first` take the first entry, inputs above its end the last one; NaN stays."""
    out = np.full(values.shape, np.nan)
    for at in np.ndindex(values.shape):
        if not np.isnan(values[at]):
            out[at] = entries[min(max(round(float(values[at])) - first, 0), len(entries) - 1)]
    return out


@dataclass
class Image:
    """What a header says of values: the stages in plain float64 (PS3.3 C.11), for integer pixels.

    `modality` is (slope, intercept), (first, entries) or None; `voi` (center, width, function), (first, entries, bits)
    or None; `presentation` (entries, bits) or None; `padding` ((first, last), fill) or None.
    """

    bits: int
    signed: bool
    modality: Any = None
    voi: Any = None
    presentation: Any = None
    inverse: bool = False
    padding: Any = None

    def _modality(self, x: np.ndarray) -> np.ndarray:
        if self.modality is None:
            return x
        first, second = self.modality
        return lut(x, first, second) if isinstance(second, np.ndarray) else x * first + second

    def bounds(self) -> tuple[float, float]:
        """The possible range of modality values."""
        low, high = possible_range(self.bits, self.signed)
        if self.modality is not None and isinstance(self.modality[1], np.ndarray):
            first, entries = self.modality
            ends = [min(max(x - first, 0), len(entries) - 1) for x in (low, high)]
            reached = entries[ends[0] : ends[1] + 1]
            return float(reached.min()), float(reached.max())
        ends = sorted(float(self._modality(np.float64(x))) for x in (low, high))
        return ends[0], ends[1]

    def level(self, stored: np.ndarray, name: str) -> np.ndarray:
        """The values of a level, in float64."""
        x = self._modality(stored.astype(np.float64))
        if self.padding is not None:
            (first, last), fill = self.padding
            x = np.where((stored >= first) & (stored <= last), fill, x)
        if name == "modality":
            return x
        if self.voi is None:
            low, high = self.bounds()
            x = np.clip((x - low) / (high - low), 0, 1)
        elif isinstance(self.voi[1], np.ndarray):
            x = lut(x, self.voi[0], self.voi[1]) / (2 ** self.voi[2] - 1)
        else:
            x = window(x, *self.voi)
        if name == "voi":
            return x
        if self.presentation is not None:
            entries, bits = self.presentation
            x = lut(x * (len(entries) - 1), 0, entries) / (2**bits - 1)
        return 1 - x if self.inverse else x

    def real(self, stored: np.ndarray, name: str, dtype: Any, scale: str) -> np.ndarray:
        """The same with the stretch to `dtype`, before it is rounded and clipped."""
        x, dtype = self.level(stored, name), np.dtype(dtype)
        if name != "modality":
            return x if dtype.kind == "f" else x * np.iinfo(dtype).max
        if scale == "preserve":
            return x
        low, high = self.bounds()
        bottom, top = (0.0, 1.0) if dtype.kind == "f" else (float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))
        return (x - low) / (high - low) * (top - bottom) + bottom


def shape_of(
    shape: tuple[int, int, int, int], *, color_dim: bool = False, frame_dim: bool | None = None
) -> tuple[int, ...]:
    """The shape of a whole image whose canonical shape is [frames, rows, columns, samples]."""
    frames, rows, columns, samples = shape
    front = (frames,) if frame_dim or (frame_dim is None and frames > 1) else ()
    return (*front, rows, columns, *((samples,) if samples > 1 or color_dim else ()))
