"""Arguments of the public functions, checked once: a wrong argument is never swallowed by `on_error`."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from dicomdecode.pixels.request import Request

__all__ = ["COLORS", "LEVELS", "check_dtype", "check_request", "one_of"]

#: What `values=` may be.
LEVELS = ("stored", "modality", "voi", "display", "real_world")
#: What `color=` may be.
COLORS = ("rgb", "stored", "palette", "rgba", "srgb")

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


def _check_window(window: Any, values: str) -> Any:
    if isinstance(window, str):
        return window
    if isinstance(window, (int, np.integer)) and not isinstance(window, bool):
        return int(window)
    if values == "real_world":
        raise ValueError(f"window must be the index or the LUT Label of a real world value mapping, not {window!r}")
    if not isinstance(window, (tuple, list)) or len(window) not in (2, 3):
        raise ValueError(
            "window must be (center, width), (center, width, function), or the index or explanation of a stored one, "
            f"not {window!r}"
        )
    from dicomdecode.pixels.transform import window_map

    checked = (float(window[0]), float(window[1]), window[2] if len(window) == 3 else "LINEAR")
    window_map(*checked)
    return checked


def check_request(
    *,
    values: str,
    color: str = "rgb",
    dtype: Any = None,
    scale: str = "preserve",
    frames: Any = None,
    out: Any = None,
    window: Any = None,
    padding: Any = None,
    reduce: Any = 0,
    region: Any = None,
    threads: Any = 1,
    overlays: Any = False,
) -> Request:
    """The keywords of `imread` as a Request."""
    one_of("values", values, LEVELS)
    one_of("color", color, COLORS)
    one_of("scale", scale, ("preserve", "auto"))
    if window is not None:
        window = _check_window(window, values)
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
