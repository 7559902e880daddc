"""What readers of volumes share: a file or a folder as [columns, rows, slices], with an affine in RAS as in NIfTI."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

import dicomdecode
from dicomdecode.volumes.volume import RAS_OF_LPS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_volume(path: Any, **keywords: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Pixels and affine of a file, a folder of one series, or a list of files.

    Returns
    -------
    ndarray, ndarray
        [columns, rows, slices], or [columns, rows, slices, samples] for colour; 4 x 4 float64, index -> mm in RAS. Of
        one file that does not say where it lies, the affine holds its spacing alone.
    """
    if not isinstance(path, (str, os.PathLike)) or os.path.isdir(path):
        return _of_series(dicomdecode.read_series(path, **keywords))
    with dicomdecode.open(path) as image:
        if image.frames > 1:
            try:
                return _of_series(dicomdecode.read_series(path, **keywords))
            except dicomdecode.VolumeError:
                pass  # frames that are no volume: a film, an angiogram
        pixels = image.pixels(**keywords)
        affine = image.affine
        if affine is None or affine.ndim > 2:
            row, column = image.spacing or (1.0, 1.0)
            affine = np.diag([column, row, 1.0, 1.0])
    return (pixels if image.frames > 1 else pixels[np.newaxis]).swapaxes(0, 2), RAS_OF_LPS @ affine


def _of_series(volume: dicomdecode.Volume) -> tuple[NDArray[Any], NDArray[np.float64]]:
    return volume.array.swapaxes(0, 2), volume.affine_ras
