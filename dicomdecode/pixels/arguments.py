"""Arguments of the public functions, checked once: a wrong argument is never swallowed by `on_error`."""

from __future__ import annotations

import contextlib
import itertools
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Allocate",
    "Region",
    "RegionLike",
    "check_dtype",
    "check_flag",
    "check_frames",
    "check_number",
    "check_out",
    "check_region",
    "check_whole",
    "check_window",
    "fitting",
    "full_index",
    "not_one_of",
    "one_of",
    "region_in",
    "region_of",
]

#: (shape, dtype) -> the array that a result is written into.
Allocate = Callable[[tuple[int, ...], np.dtype[Any]], "NDArray[Any]"]
#: Frames that a sequence may name: as many as an image may have by default.
_MOST_FRAMES = 1 << 22
#: row, column, height, width in full-resolution pixels.
Region = tuple[int, int, int, int]
#: What a caller may give: that, or the slices of rows and of columns.
RegionLike = Region | tuple[slice, slice]


def check_dtype(dtype: Any) -> np.dtype[Any]:
    """The numpy.dtype, in native order; TypeError for one that images are never converted to."""
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


def not_one_of(name: str, value: Any, allowed: Iterable[str]) -> Exception:
    """The error for a value that is none of the allowed words: TypeError where it is no str at all."""
    error = ValueError if isinstance(value, str) else TypeError
    return error(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")


def one_of(name: str, value: Any, allowed: Sequence[str]) -> None:
    """Raise, with the allowed words, when `value` is none of them."""
    if not isinstance(value, str) or value not in allowed:
        raise not_one_of(name, value, allowed)


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


def check_frames(frames: Any) -> int | slice | range | list[int] | None:
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
    if isinstance(frames, range):
        return frames
    is_many = hasattr(frames, "__iter__") and not isinstance(frames, (str, bytes))
    chosen: list[Any] = list(itertools.islice(frames, _MOST_FRAMES + 1)) if is_many else [None]
    if len(chosen) > _MOST_FRAMES:
        raise ValueError(f"frames must name at most {_MOST_FRAMES} frames; ask for more with a slice or a range")
    if not all(map(_is_whole, chosen)):
        raise TypeError(f"frames must be an int, a slice or a sequence of ints, not {frames!r}")
    return [operator.index(i) for i in chosen]


def check_out(out: Any) -> NDArray[Any] | None:
    """`out=`; its shape and dtype are compared when those of the result are known."""
    if out is not None and not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy.ndarray, not {type(out).__name__}")
    return out


def check_window(window: Any, values: str) -> Any:
    """A window (center, width, function), "auto", or the index or the explanation of a stored one."""
    if isinstance(window, str):
        if window == "auto" and values == "real_world":
            raise ValueError('window="auto" has no effect with values="real_world"; ask for "display" or "voi"')
        return window
    if _is_whole(window):
        return operator.index(window)
    if not isinstance(window, (tuple, list)):
        raise TypeError(
            'window must be (center, width), (center, width, function), "auto", or the index or explanation of a '
            f"stored one, not {window!r}"
        )
    if values == "real_world":
        raise ValueError(f"window must be the index or the LUT Label of a real world value mapping, not {window!r}")
    if len(window) not in (2, 3):
        raise ValueError(f"window must be (center, width) or (center, width, function), not {window!r}")
    function = window[2] if len(window) == 3 else "LINEAR"
    if not all(map(_is_number, window[:2])) or not isinstance(function, str):
        raise TypeError(f"window must hold two numbers, and the name of a function, not {window!r}")
    from dicomdecode.pixels import transform

    checked = (float(window[0]), float(window[1]), function)
    try:
        transform.check_window(*checked)
    except ValueError as error:
        raise ValueError(f"window={window!r}: {error}") from None
    return checked


def check_region(region: Any) -> RegionLike:
    """(row, column, height, width) as ints, or the slices of rows and columns."""
    parts: list[Any] = list(region) if hasattr(region, "__iter__") and not isinstance(region, (str, bytes)) else [None]
    if len(parts) == 2 and all(isinstance(part, slice) for part in parts):
        for part in parts:
            if not all(end is None or _is_whole(end) for end in (part.start, part.stop)) or part.step not in (None, 1):
                raise ValueError(f"region must be slices of ints without a step, not {region!r}")
        return parts[0], parts[1]
    if not all(map(_is_whole, parts)):
        raise TypeError(
            "region must be four ints (row, column, height, width), or a slice of rows and one of columns, "
            f"not {region!r}"
        )
    if len(parts) != 4:
        raise ValueError(f"region must be (row, column, height, width), not {region!r}")
    row, column, height, width = map(operator.index, parts)
    return row, column, height, width


def region_in(region: RegionLike | None, rows: int, columns: int) -> Region:
    """What `region`, as `check_region` gives it, is of an image of this size; slices mean what they mean to NumPy.

    Raises
    ------
    ValueError
        It is empty, or not inside the image.
    """
    if region is None:
        return 0, 0, rows, columns
    if len(region) == 2:
        top, bottom, _ = region[0].indices(rows)
        left, right, _ = region[1].indices(columns)
        found = (top, left, bottom - top, right - left)
        if found[2] <= 0 or found[3] <= 0:
            raise ValueError(f"region {region} is empty in {rows} rows and {columns} columns")
        return found
    row, column, height, width = region
    if not (0 <= row < row + height <= rows and 0 <= column < column + width <= columns):
        raise ValueError(f"region {region} is not inside {rows} rows and {columns} columns")
    return region


def full_index(index: Any, ndim: int) -> tuple[int | slice, ...]:
    """An index of all axes of an image, as NumPy and dask write it, with its Ellipsis written out.

    Raises
    ------
    TypeError
        It has other parts than ints and slices, or leaves axes out: ``image[0, 1]`` may mean a row or two frames.
    """
    parts = index if isinstance(index, tuple) else (index,)
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), None)
    if not parts:
        at = 0
    if at is not None:
        parts = parts[:at] + (slice(None),) * (ndim - len(parts[:at]) - len(parts[at + 1 :])) + parts[at + 1 :]
    if len(parts) != ndim or not all(isinstance(part, slice) or _is_whole(part) for part in parts):
        raise TypeError(
            "an image is indexed by frames alone, or by ints and slices of all its axes; write "
            "image[frame][row, column], or image[[0, 1]]"
        )
    return tuple(part if isinstance(part, slice) else operator.index(part) for part in parts)


def region_of(rows: int | slice, columns: int | slice, height: int, width: int) -> RegionLike | None:
    """The region that two indices name; None for the whole, and where it has to be taken from the whole."""
    for part, size in ((rows, height), (columns, width)):
        if not isinstance(part, slice):
            return None
        first, behind, step = part.indices(size)
        if step != 1 or behind <= first:
            return None
    assert isinstance(rows, slice) and isinstance(columns, slice)
    found = region_in((rows, columns), height, width)
    return None if found == (0, 0, height, width) else found


def check_number(name: str, value: Any) -> float:
    """A number as a float; TypeError for anything else."""
    if not _is_number(value):
        raise TypeError(f"{name} must be a number, not {value!r}")
    return float(value)


def fitting(out: NDArray[Any], shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The caller's array, when it can take the result."""
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out must have shape {shape} and dtype {dtype}, not {out.shape} and {out.dtype}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out must be C-contiguous and writable")
    return out
