"""Arguments of the public functions, checked once: a wrong argument is never swallowed by `on_error`."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from dicomdecode.request import Request

__all__ = ["check_dtype", "check_request", "one_of"]

# dtype-like -> numpy.dtype, for the types images are converted to; other spellings go through numpy.dtype.
_DTYPES: dict[Any, np.dtype[Any]] = {
    t: np.dtype(t) for t in (np.uint8, np.uint16, np.uint32, np.uint64, np.int8, np.int16, np.int32, np.int64)
} | {t: np.dtype(t) for t in (np.float16, np.float32, np.float64)}


def check_dtype(dtype: Any) -> np.dtype[Any]:
    """The numpy.dtype, in native order; TypeError for one that images are never converted to."""
    try:
        return _DTYPES[dtype]
    except (KeyError, TypeError):
        pass
    found: np.dtype[Any] = np.dtype(dtype)
    if found.kind not in "iuf" or found.itemsize > 8 or not found.isnative:
        raise TypeError(
            f"dtype must be one of uint8/16/32/64, int8/16/32/64, float16/32/64 in native order, not {found}"
        )
    return found


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raise ValueError, with the allowed values, when `value` is none of them."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")


def _check_window(window: Any) -> Any:
    if window is None or (isinstance(window, (int, np.integer)) and not isinstance(window, bool)):
        return window if window is None else int(window)
    if not isinstance(window, (tuple, list)) or len(window) not in (2, 3):
        raise ValueError(f"window must be (center, width), (center, width, function) or an index, not {window!r}")
    from dicomdecode.transform import window_map

    checked = (float(window[0]), float(window[1]), window[2] if len(window) == 3 else "LINEAR")
    window_map(*checked)
    return checked


def check_request(
    *,
    values: str,
    color: str,
    dtype: Any,
    scale: str,
    frames: Any,
    out: Any,
    window: Any,
    padding: Any,
    reduce: Any,
    region: Any,
    threads: Any,
    overlays: Any = False,
) -> Request:
    """The keywords of `imread` as a Request."""
    one_of("values", values, ("stored", "modality", "voi", "display"))
    one_of("color", color, ("rgb", "stored", "palette"))
    one_of("scale", scale, ("preserve", "auto"))
    if window is not None:
        window = _check_window(window)
    if padding is not None:
        padding = float(padding)
    if region is not None:
        region = tuple(operator.index(n) for n in region)
        if len(region) != 4:
            raise ValueError(f"region must be (row, column, height, width), not {region}")
    reduce, threads = operator.index(reduce), operator.index(threads)
    if not 0 <= reduce <= 32:
        raise ValueError(f"reduce must be between 0 and 32, not {reduce}")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, not {threads}")
    if overlays and (values != "display" or reduce):
        raise ValueError('overlays=True needs values="display", at full resolution')
    return Request(
        values=values,
        color=color,
        dtype=None if dtype is None else check_dtype(dtype),
        scale=scale,
        frames=frames,
        out=out,
        window=window,
        padding=padding,
        reduce=reduce,
        region=region,
        threads=threads,
        overlays=bool(overlays),
    )
