"""TorchIO: ``torchio.ScalarImage(path, reader=read_dicom)``, for a file or a folder of one series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dicomdecode.plugins._volumes import read_volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_dicom"]


def read_dicom(path: Any, **keywords: Any) -> tuple[torch.Tensor, NDArray[np.float64]]:
    """Modality values as TorchIO wants them.

    Parameters
    ----------
    path : str or os.PathLike
        A file, or a folder of one series.
    **keywords
        As in `dicomdecode.imread`.

    Returns
    -------
    torch.Tensor, ndarray
        [channels, columns, rows, slices]; 4 x 4 float64, index -> mm in RAS.

    Raises
    ------
    DicomError, OSError
        The file cannot be decoded; the files of the folder are no one volume.

    Examples
    --------
    >>> import torchio
    >>> from dicomdecode.plugins.torchio import read_dicom
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> torchio.ScalarImage(path, reader=read_dicom).shape
    (1, 128, 128, 1)
    """
    pixels, affine = read_volume(path, **keywords)
    channels = np.moveaxis(pixels, 3, 0) if pixels.ndim == 4 else pixels[np.newaxis]
    if channels.dtype.kind == "u" and channels.dtype.itemsize > 1:  # which torch barely knows
        channels = channels.astype(np.int32 if channels.dtype.itemsize == 2 else np.int64)
    return torch.from_numpy(channels).contiguous(), affine  # twice as fast as NumPy turns axes round
