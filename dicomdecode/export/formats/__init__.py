"""The formats that can be written, by name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dicomdecode.export.formats.arrays import NPY, NPZ
from dicomdecode.export.formats.nifti import NIFTI
from dicomdecode.export.formats.parquet import PARQUET
from dicomdecode.export.formats.payload import Format, Payload, Writer
from dicomdecode.export.formats.pictures import PNG, TIFF
from dicomdecode.export.formats.tfrecord import TFRECORD, read_examples
from dicomdecode.export.formats.webdataset import WEBDATASET
from dicomdecode.export.formats.zarr import ZARR

__all__ = ["FORMATS", "Format", "Payload", "Writer", "read_examples"]

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "npy": NPY,
        "npz": NPZ,
        "png": PNG,
        "tiff": TIFF,
        "nifti": NIFTI,
        "zarr": ZARR,
        "tfrecord": TFRECORD,
        "webdataset": WEBDATASET,
        "parquet": PARQUET,
    }
)
