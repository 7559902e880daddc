"""An image where an array is expected: `image[3]`, `len(image)`, `numpy.asarray(image)`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from dicomdecode.pixels.arguments import full_index, region_of

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["Indexed"]


class _Image(Protocol):
    """What of an image its array is made of."""

    @property
    def rows(self) -> int: ...
    @property
    def columns(self) -> int: ...
    @property
    def frames(self) -> int: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    def pixels(self, *, frames: Any = None, region: Any = None) -> NDArray[Any]: ...


class Indexed:
    """The methods of `dicomdecode.DicomImage` by which NumPy and others take it for an array of modality values."""

    @property
    def ndim(self: _Image) -> int:
        """The number of axes of `shape`."""
        return len(self.shape)

    @property
    def size(self: _Image) -> int:
        """The number of values of `pixels()` with its defaults."""
        return math.prod(self.shape)

    @property
    def nbytes(self: _Image) -> int:
        """The bytes of `pixels()` with its defaults."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __getitem__(self: _Image, frames: Any) -> NDArray[Any]:
        if frames is Ellipsis or isinstance(frames, tuple):
            return _at(self, full_index(frames, len(self.shape)))
        if frames is None:
            raise TypeError("an image cannot be indexed by None, but by ints, slices and sequences of ints")
        return self.pixels(frames=frames)

    def __len__(self: _Image) -> int:
        return self.frames

    def __iter__(self: _Image) -> Iterator[NDArray[Any]]:
        return (self.pixels(frames=i) for i in range(self.frames))

    def __array__(self: _Image, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("an image is decoded into a new array: copy=False cannot be had")
        array = self.pixels()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __dlpack__(self: _Image, **keywords: Any) -> Any:
        """`pixels()` for `torch.as_tensor` and its like, which would take the frames as a sequence of arrays."""
        return self.pixels().__dlpack__(**keywords)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the CPU, by the names of DLPack


def _at(image: _Image, index: tuple[int | slice, ...]) -> NDArray[Any]:
    """What NumPy calls ``array[index]``; frames and regions that are not in it are not decoded."""
    has_frames = image.frames > 1
    frames, inside = (index[0], index[1:]) if has_frames else (None, index)
    region = region_of(inside[0], inside[1], image.rows, image.columns)
    if region is not None:
        inside = (slice(None), slice(None), *inside[2:])
    keeps_frames = has_frames and isinstance(frames, slice)
    return image.pixels(frames=frames, region=region)[(slice(None),) * keeps_frames + inside]
