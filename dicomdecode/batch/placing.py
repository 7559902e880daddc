"""Where the results of a batch go: into arrays of their own, or into one that the caller has made; and their shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import DicomError
from dicomdecode.pixels.arguments import check_number, check_out, check_whole

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

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
        self.shape = None if shape is None else tuple(check_whole("shape", n, 1) for n in shape)
        if self.out is not None:
            if self.shape not in (None, self.out.shape[1:]):
                raise ValueError(f"shape is {self.shape}, but out holds arrays of shape {self.out.shape[1:]}")
            self.shape = self.out.shape[1:]
        self.pad = None if pad is None else check_number("pad", pad)
        if self.pad is not None and self.shape is None:
            raise ValueError("pad has no effect without shape or out")

    def dtype(self, dtype: DTypeLike | None) -> DTypeLike | None:
        """The dtype of the results: that of `out`, if the caller names none."""
        if self.out is None:
            return dtype
        if dtype is not None and np.dtype(dtype) != self.out.dtype:
            raise ValueError(f"dtype is {np.dtype(dtype)}, but out is an array of {self.out.dtype}")
        return self.out.dtype

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

    def finish(self, index: int, array: NDArray[Any]) -> NDArray[Any]:
        """What is handed out of a decoded array."""
        if self.out is not None:
            target = self.place(index)
            if np.may_share_memory(target, array):
                return target
        elif self.shape is None or array.shape == self.shape:
            return array
        else:
            target = np.empty(self.shape, array.dtype)
        if array.shape != target.shape:
            target[...] = self.pad
            target[tuple(map(slice, array.shape))] = array
        else:
            target[...] = array
        return target


def _checked_out(out: NDArray[Any]) -> NDArray[Any]:
    check_out(out)
    if out.ndim < 2:
        raise ValueError(f"out must have shape (N, ...), one place for each file, not {out.shape}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out must be C-contiguous and writable")
    return out
