"""Where the results of a batch go: into arrays of their own, or into one that the caller has made; and their shape."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import DicomError
from dicomdecode.pixels.arguments import check_number, check_out, check_whole
from dicomdecode.words import ELEMENT_TYPES

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from dicomdecode.batch.crew import Job, Work

__all__ = ["Placing"]


class Placing:
    """The rule for the arrays of a batch.

    Parameters
    ----------
    out : ndarray (N, ...), optional
        Result i goes into ``out[i]``.
    shape : tuple of int, optional
        Of each result; that of ``out[i]`` where there is an `out`.
    pad : float, optional
        What is written around results that are smaller; None: they are errors.

    Raises
    ------
    ValueError, TypeError
        One of them cannot be used, or not with the others.
    """

    def __init__(self, out: NDArray[Any] | None, shape: Sequence[int] | None, pad: float | None) -> None:
        self.out = None if out is None else _checked_out(out)
        self.shape = None if shape is None else _checked_shape(shape)
        if self.out is not None:
            if self.shape not in (None, self.out.shape[1:]):
                raise ValueError(f"shape is {self.shape}, but out holds arrays of shape {self.out.shape[1:]}")
            self.shape = self.out.shape[1:]
        self.pad = None if pad is None else check_number("pad", pad)
        if self.pad is not None and self.shape is None:
            raise ValueError("pad has no effect without shape or out")

    def dtype(self, dtype: DTypeLike | None) -> DTypeLike | None:
        """The dtype of the results: that of `out`, if the caller names none. ValueError where `pad` does not fit."""
        if self.out is not None:
            if dtype is not None and np.dtype(dtype) != self.out.dtype:
                raise ValueError(f"dtype is {np.dtype(dtype)}, but out is an array of {self.out.dtype}")
            dtype = self.out.dtype
        if dtype is not None and self.pad is not None:
            self._padding(np.dtype(dtype))
        return dtype

    def _padding(self, dtype: np.dtype[Any]) -> NDArray[Any]:
        """`pad` in a dtype.

        Raises
        ------
        ValueError
            It does not fit.
        """
        assert self.pad is not None
        if dtype.kind in "iu":
            info = np.iinfo(dtype)
            if not (math.isfinite(self.pad) and self.pad == int(self.pad) and info.min <= self.pad <= info.max):
                raise ValueError(f"pad is {self.pad}, which {dtype} cannot hold")
        elif math.isfinite(self.pad) and abs(self.pad) > float(np.finfo(dtype).max):
            raise ValueError(f"pad is {self.pad}, which {dtype} cannot hold")
        return np.array(self.pad, dtype)

    def pads(self) -> list[bytes | None]:
        """`pad` in each of the element types; None where it does not fit, or there is none."""
        found: list[bytes | None] = []
        for name in ELEMENT_TYPES:
            try:
                found.append(None if self.pad is None else self._padding(np.dtype(name)).tobytes())
            except ValueError:
                found.append(None)
        return found

    def allocate(self, index: int, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """The array that result `index` is decoded into.

        Raises
        ------
        DicomError
            It has another shape than it may have.
        ValueError
            `out` ends before it.
        """
        if self.shape is None or shape == self.shape:
            return np.empty(shape, dtype) if self.out is None else self.place(index)
        fits = self.pad is not None and len(shape) == len(self.shape) and all(map(int.__le__, shape, self.shape))
        if not fits:
            raise DicomError(
                f"The result has shape {shape}, not {self.shape}",
                code="batch_shape",
                hint="Smaller ones are filled up with pad=" if self.pad is None else "",
            )
        return np.empty(shape, dtype)

    def place(self, index: int) -> NDArray[Any]:
        """Result `index` in `out`."""
        assert self.out is not None
        self.check_room(index + 1)
        place: NDArray[Any] = self.out[index]
        return place

    def check_room(self, count: int) -> None:
        """Raise ValueError when `out` has no room for so many results."""
        if self.out is not None and count > len(self.out):
            raise ValueError(f"out has room for {len(self.out)} results, and there are more sources")

    def elsewhere(self) -> Placing:
        """The same rule for a worker that cannot reach `out`: `finish` puts its results there."""
        return Placing(None, self.shape, self.pad)

    def room(self, index: int) -> int:
        """How many results `out` has room for, from this one on."""
        assert self.out is not None
        return max(len(self.out) - index, 0)

    def do(self, work: Work, job: Job) -> tuple[NDArray[Any], tuple[int, ...]]:
        """The work on one file and, behind it, `finish`."""
        return self.finish(job.index, work(job))

    def finish(self, index: int, array: NDArray[Any]) -> tuple[NDArray[Any], tuple[int, ...]]:
        """What is handed out of a decoded array, and the shape that it has before it is filled up."""
        if self.out is not None:
            target = self.place(index)
            if np.may_share_memory(target, array):
                return target, array.shape
        elif self.shape is None or array.shape == self.shape:
            return array, array.shape
        else:
            target = np.empty(self.shape, array.dtype)
        if array.shape != target.shape:
            target[...] = self._padding(target.dtype)
            target[tuple(map(slice, array.shape))] = array
        else:
            target[...] = array
        return target, array.shape


def _checked_shape(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, str) or not isinstance(shape, Iterable):
        raise TypeError(f"shape must be a sequence of ints, not {type(shape).__name__}")
    return tuple(check_whole("shape", n, 1) for n in shape)


def _checked_out(out: NDArray[Any]) -> NDArray[Any]:
    check_out(out)
    if out.ndim < 2:
        raise ValueError(f"out must have shape (N, ...), one place for each file, not {out.shape}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out must be C-contiguous and writable")
    return out
