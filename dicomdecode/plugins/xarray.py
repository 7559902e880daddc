"""xarray: ``xarray.open_dataset(path, engine="dicomdecode")``; xarray finds it by itself for .dcm files."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from xarray import Dataset, Variable
from xarray.backends import BackendArray, BackendEntrypoint
from xarray.core import indexing

import dicomdecode

__all__ = ["DicomBackend"]


class _Frames(BackendArray):
    """Pixels that are decoded when they are read, and only the frames that are read."""

    def __init__(self, image: dicomdecode.DicomImage, keywords: dict[str, Any]) -> None:
        self._image, self._keywords = image, keywords
        first = image.pixels(frames=[0], **keywords) if image.frames > 1 else image.pixels(**keywords)
        self.dtype = first.dtype
        self.shape = (image.frames, *first.shape[1:]) if image.frames > 1 else first.shape
        self._whole = None if image.frames > 1 else first

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._basic)

    def _basic(self, key: tuple[Any, ...]) -> Any:
        if self._whole is not None:
            return self._whole[key]
        frames = key[0] if isinstance(key[0], slice) else int(key[0])
        rest = key[1:] if isinstance(frames, int) else (slice(None), *key[1:])
        return self._image.pixels(frames=frames, **self._keywords)[rest]


class DicomBackend(BackendEntrypoint):
    """The variable `pixels` with coordinates in mm; attributes hold nothing that names a patient.

    Examples
    --------
    >>> import xarray
    >>> from dicomdecode.plugins.xarray import DicomBackend
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> dataset = xarray.open_dataset(path, engine=DicomBackend)
    >>> dataset.pixels.dims, dataset.pixels.shape
    (('row', 'column'), (128, 128))
    """

    description = "DICOM images, decoded by dicomdecode"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "values", "color", "window")

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: Any = None, values: str = "modality", **keywords: Any
    ) -> Dataset:
        """The image of a file; keywords as in `dicomdecode.imread`."""
        image = dicomdecode.open(filename_or_obj)
        data = _Frames(image, {"values": values, **keywords})
        dimensions = [*(("frame",) if image.frames > 1 else ()), "row", "column", "sample"][: len(data.shape)]
        about = {"values": values, "modality": image.tag("Modality"), "photometric": image.photometric}
        coordinates = {}
        if image.spacing is not None:
            for name, count, step in zip(("row", "column"), (image.rows, image.columns), image.spacing, strict=True):
                coordinates[name] = Variable((name,), np.arange(count) * step, {"units": "mm"})
        variable = Variable(dimensions, indexing.LazilyIndexedArray(data), about)
        found = Dataset({"pixels": variable}, coordinates)
        found.set_close(image.close)
        return found.drop_vars(drop_variables or [], errors="ignore")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """By the suffix of the file."""
        return isinstance(filename_or_obj, (str, os.PathLike)) and str(filename_or_obj).lower().endswith(".dcm")
