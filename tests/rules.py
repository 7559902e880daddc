"""The rules of decoding in plain NumPy and exact Python integers: what results are held against."""

from __future__ import annotations

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
        return 1 / (1 + np.exp(np.minimum(-4 * (x - center) / width, 700)))
    if function == "LINEAR_EXACT":
        low, high, y = center - width / 2, center + width / 2, (x - center) / width + 0.5
    else:
        low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
        y = (x - (center - 0.5)) / (width - 1) + 0.5 if width > 1 else x
    return np.where(x <= low, 0.0, np.where(x > high, 1.0, y))


def shape_of(
    shape: tuple[int, int, int, int], *, color_dim: bool = False, frame_dim: bool | None = None
) -> tuple[int, ...]:
    """The shape of a whole image whose canonical shape is [frames, rows, columns, samples]."""
    frames, rows, columns, samples = shape
    front = (frames,) if frame_dim or (frame_dim is None and frames > 1) else ()
    return (*front, rows, columns, *((samples,) if samples > 1 or color_dim else ()))
