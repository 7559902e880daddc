"""MONAI: ``LoadImage(reader=DicomReader())``, or for every LoadImage by ``loader.register(DicomReader())``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from monai.data import ImageReader
from monai.data.utils import affine_to_spacing

from dicomdecode.plugins._volumes import read_volume

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DicomReader"]


class DicomReader(ImageReader):
    """Modality values [columns, rows(, slices)(, samples)] with an affine in RAS, as MONAI's own readers give them.

    Parameters
    ----------
    **keywords
        As in `dicomdecode.imread`, for each file or series.

    Examples
    --------
    >>> from monai.transforms import LoadImage
    >>> from dicomdecode.plugins.monai import DicomReader
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> LoadImage(reader=DicomReader())(path).shape
    torch.Size([128, 128])
    """

    def __init__(self, **keywords: Any) -> None:
        super().__init__()
        self._keywords = keywords

    def verify_suffix(self, filename: Sequence[Any] | Any) -> bool:
        """Whether a path is a folder, or ends in .dcm or has no suffix."""
        names = [filename] if isinstance(filename, (str, os.PathLike)) else filename
        return all(os.path.isdir(n) or os.path.splitext(n)[1].lower() in (".dcm", ".dicom", "") for n in names)

    def read(self, data: Sequence[Any] | Any, **keywords: Any) -> list[Any]:
        """Pixels and affine of each file or folder."""
        names = [data] if isinstance(data, (str, os.PathLike)) else data
        return [read_volume(name, **self._keywords, **keywords) for name in names]

    def get_data(self, img: list[Any]) -> tuple[NDArray[Any], dict[str, Any]]:
        """The array, several images along a first axis, and the metadata of the first."""
        found = [pixels[:, :, 0] if pixels.shape[2] == 1 else pixels for pixels, _ in img]
        channel = -1 if img[0][0].ndim == 4 else float("nan")
        array = found[0] if len(found) == 1 else np.stack(found)
        affine = img[0][1]
        spatial = found[0].shape[:-1] if channel == -1 else found[0].shape
        return np.ascontiguousarray(array), {
            "affine": affine.copy(),
            "original_affine": affine,
            "space": "RAS",
            "spatial_shape": np.array(spatial),
            "spacing": affine_to_spacing(affine, r=len(spatial)),
            "original_channel_dim": channel if len(found) == 1 else 0,
        }
