"""Keywords of the public functions, checked: a wrong one is never swallowed by `on_error`, and its error names it."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Region",
    "Selection",
    "checked_float",
    "checked_integer",
    "checked_out",
    "checked_region",
    "checked_window",
    "not_one_of",
    "one_of",
    "select",
]

#: row, column, height, width in full-resolution pixels.
Region = tuple[int, int, int, int]


def not_one_of(name: str, value: Any, allowed: Iterable[str]) -> ValueError:
    """The error for a value that is none of the allowed words."""
    return ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, not {value!r}")


def one_of(name: str, value: Any, allowed: Sequence[str]) -> None:
    """Raise ValueError, with the allowed words, when `value` is none of them."""
    if value not in allowed:
        raise not_one_of(name, value, allowed)


def checked_integer(name: str, value: Any, low: int, high: int | None) -> int:
    """An integer inside [low, high]."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an int, not {type(value).__name__}") from None
    if number < low or (high is not None and number > high):
        bounds = f"at least {low}" if high is None else f"between {low} and {high}"
        raise ValueError(f"{name} must be {bounds}, not {number}")
    return number


def checked_float(name: str, value: Any) -> float:
    """A number as a float."""
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, not {type(value).__name__}") from None


def checked_region(value: Any) -> Region:
    """(row, column, height, width) as ints."""
    try:
        row, column, height, width = (operator.index(n) for n in value)
    except (TypeError, ValueError):
        raise TypeError(f"region must be (row, column, height, width), four ints, not {value!r}") from None
    return row, column, height, width


def checked_window(window: Any, values: str) -> Any:
    """A window (center, width, function), or the index or the explanation of a stored one."""
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

    center, width = (checked_float("window", number) for number in window[:2])
    checked = (center, width, window[2] if len(window) == 3 else "LINEAR")
    window_map(*checked)
    return checked


def checked_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The caller's array, when it can take the result."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy.ndarray, not {type(out).__name__}")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out must have shape {shape} and dtype {dtype}, not {out.shape} and {out.dtype}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out must be C-contiguous and writable")
    return out


class Selection(NamedTuple):
    """The frames asked for, and whether they keep their axis when `frame_dim` does not say."""

    frames: Sequence[int]
    keeps_axis: bool


def select(frames: Any, count: int) -> Selection:
    """Read `frames=` of an image with `count` frames.

    Raises
    ------
    TypeError
        It is no int, slice or sequence of ints.
    IndexError
        A frame that the image does not have.
    """
    if frames is None:
        return Selection(range(count), count > 1)
    if isinstance(frames, slice):
        return Selection(range(count)[frames], True)
    single = not isinstance(frames, Iterable)
    try:
        numbers = [operator.index(frames)] if single else [operator.index(i) for i in frames]
    except TypeError:
        raise TypeError(f"frames must be an int, a slice or a sequence of ints, not {frames!r}") from None
    for i in numbers:
        if not -count <= i < count:
            raise IndexError(f"frames: {i} is not a frame of an image with {count} frames")
    return Selection([i % count for i in numbers], not single)
