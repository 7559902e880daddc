"""The frames of an image as a dask array: each is a chunk, and decoded when it is computed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.pixels import PixelData, Request
from dicomdecode.pixels._core import Frames
from dicomdecode.pixels.decode import check_last_frame
from dicomdecode.pixels.planning import Plans

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["as_dask"]


def as_dask(image: Any, pixels: PixelData, keywords: dict[str, Any]) -> Any:
    """A `dask.array.Array` [frames, rows, columns], and samples for colour. Nothing is decoded yet.

    For workers elsewhere the `DicomImage` is pickled: one that was opened by its path as that path.

    Raises
    ------
    ImportError
        dask is not installed.
    """
    import dask.array

    if {"frames", "out"} & set(keywords):
        raise TypeError("to_dask takes no frames= and no out=; take frames of the array")
    request = Request(**keywords, frames=[0])
    check_last_frame(pixels)
    frames = Frames(pixels, request)
    plans = Plans(frames, request)
    one = frames.allocate(request, plans.dtype, plans.samples)
    return dask.array.map_blocks(
        partial(_frame, image, keywords),
        chunks=((1,) * image.frames, *((size,) for size in one.shape[1:])),
        dtype=one.dtype,
        meta=np.empty((0,) * one.ndim, one.dtype),
    )


def _frame(image: Any, keywords: dict[str, Any], block_id: tuple[int, ...] = (0,)) -> NDArray[Any]:
    """The chunk of one frame; dask says which."""
    array: NDArray[Any] = image.pixels(**keywords, frames=[block_id[0]])
    return array
