"""Arguments of the public functions, checked once: a wrong argument is never swallowed by `on_error`."""

from __future__ import annotations

import contextlib
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.pixels.request import Region, Request

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "COLORS",
    "LEVELS",
    "check_dtype",
    "check_flag",
    "check_frames",
    "check_out",
    "check_request",
    "check_whole",
    "one_of",
]

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
    found: np.dtype[Any] | None = None
    if dtype is not None:  # which NumPy takes for float64
        with contextlib.suppress(TypeError, ValueError, SyntaxError):
            found = np.dtype(dtype)
    if found is None or found.kind not in "iuf" or found.itemsize > 8 or not found.isnative:
        raise TypeError(
            "dtype must be one of uint8/16/32/64, int8/16/32/64, float16/32/64 in native order, "
            f"not {dtype if found is None else found}"
        )
    return found


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raise, with the allowed values, when `value` is none of them: TypeError where it is no str at all."""
    if not isinstance(value, str) or value not in allowed:
        error = ValueError if isinstance(value, str) else TypeError
        raise error(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")


def check_flag(name: str, value: Any) -> bool:
    """A bool; TypeError for anything else."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, not {value!r}")
    return bool(value)


def _is_whole(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, (bool, np.bool_, np.ndarray))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> int:
    """An int within bounds; TypeError for anything that is no integer."""
    if not _is_whole(value):
        raise TypeError(f"{name} must be an int, not {value!r}")
    found = operator.index(value)
    if found < least or (most is not None and found > most):
        bounds = f"at least {least}" if most is None else f"between {least} and {most}"
        raise ValueError(f"{name} must be {bounds}, not {found}")
    return found


def check_frames(frames: Any) -> int | slice | list[int] | None:
    """`frames=` in one of three forms, or None for all. Whether the image has them is asked when it is known."""
    if frames is None:
        return None
    if isinstance(frames, slice):
        for part in (frames.start, frames.stop, frames.step):
            if part is not None and not _is_whole(part):
                raise TypeError(f"frames must be a slice of ints, not {frames}")
        if frames.step == 0:
            raise ValueError("frames must be a slice with a step other than 0")
        return frames
    if _is_whole(frames):
        return operator.index(frames)
    chosen: list[Any] = list(frames) if hasattr(frames, "__iter__") and not isinstance(frames, (str, bytes)) else [None]
    if not all(map(_is_whole, chosen)):
        raise TypeError(f"frames must be an int, a slice or a sequence of ints, not {frames!r}")
    return [operator.index(i) for i in chosen]


def check_out(out: Any) -> NDArray[Any] | None:
    """`out=`; its shape and dtype are compared when those of the result are known."""
    if out is not None and not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy.ndarray, not {type(out).__name__}")
    return out


def _check_window(window: Any, values: str) -> Any:
    if isinstance(window, str):
        return window
    if _is_whole(window):
        return operator.index(window)
    if not isinstance(window, (tuple, list)):
        raise TypeError(
            "window must be (center, width), (center, width, function), or the index or explanation of a stored one, "
            f"not {window!r}"
        )
    if values == "real_world":
        raise ValueError(f"window must be the index or the LUT Label of a real world value mapping, not {window!r}")
    if len(window) not in (2, 3):
        raise ValueError(f"window must be (center, width) or (center, width, function), not {window!r}")
    function = window[2] if len(window) == 3 else "LINEAR"
    if not all(map(_is_number, window[:2])) or not isinstance(function, str):
        raise TypeError(f"window must hold two numbers, and the name of a function, not {window!r}")
    from dicomdecode.pixels.transform import window_map

    checked = (float(window[0]), float(window[1]), function)
    try:
        window_map(*checked)
    except ValueError as error:
        raise ValueError(f"window={window!r}: {error}") from None
    return checked


def _check_region(region: Any) -> Region:
    parts: list[Any] = list(region) if hasattr(region, "__iter__") and not isinstance(region, (str, bytes)) else [None]
    if not all(map(_is_whole, parts)):
        raise TypeError(f"region must be four ints (row, column, height, width), not {region!r}")
    if len(parts) != 4:
        raise ValueError(f"region must be (row, column, height, width), not {region!r}")
    row, column, height, width = map(operator.index, parts)
    return row, column, height, width


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
    """The keywords of `imread` as a Request: TypeError for a wrong type, ValueError for a wrong value, both named."""
    one_of("values", values, LEVELS)
    one_of("color", color, COLORS)
    one_of("scale", scale, ("preserve", "auto"))
    if padding is not None and not _is_number(padding):
        raise TypeError(f"padding must be a number, not {padding!r}")
    reduce = check_whole("reduce", reduce, 0, 32)
    if check_flag("overlays", overlays) and (values != "display" or reduce):
        raise ValueError('overlays=True needs values="display", at full resolution')
    return Request(
        values=values,
        color=color,
        dtype=None if dtype is None else check_dtype(dtype),
        scale=scale,
        frames=check_frames(frames),
        out=check_out(out),
        window=None if window is None else _check_window(window, values),
        padding=None if padding is None else float(padding),
        reduce=reduce,
        region=None if region is None else _check_region(region),
        threads=check_whole("threads", threads, 1),
        overlays=bool(overlays),
    )
