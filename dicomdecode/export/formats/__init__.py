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
from dicomdecode.export.report import FORMAT_NAMES

__all__ = ["FORMATS", "Format", "Payload", "Writer", "read_examples"]

FORMATS: Mapping[str, Format] = MappingProxyType(
    dict(zip(FORMAT_NAMES, (NPY, NPZ, PNG, TIFF, NIFTI, ZARR, TFRECORD, WEBDATASET, PARQUET), strict=True))
)
