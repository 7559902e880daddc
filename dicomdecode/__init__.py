"""DICOM files to NumPy arrays: right, fast, without surprises.

>>> import dicomdecode
>>> from pydicom.data import get_testdata_file
>>> hu = dicomdecode.imread(get_testdata_file("CT_small.dcm"))
>>> hu.shape, hu.dtype
((128, 128), dtype('float32'))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomdecode.errors import (
    DicomError,
    ExportError,
    IsolationError,
    LimitError,
    MalformedError,
    TruncatedError,
    UnsupportedError,
    VolumeError,
)
from dicomdecode.limits import Limits, set_default_limits

if TYPE_CHECKING:
    from dicomdecode.batch import Batch, Decoded, decode_batch
    from dicomdecode.decode_dicom import decode_dicom_data, decode_dicom_image
    from dicomdecode.export import Report
    from dicomdecode.export.convert import convert
    from dicomdecode.frame import decode_frame
    from dicomdecode.image import DicomImage
    from dicomdecode.open_image import open_image as open
    from dicomdecode.read_image import imread
    from dicomdecode.tables import TagTable, read_tags
    from dicomdecode.tags import dicom_tags
    from dicomdecode.volumes import Volume, read_series

__version__ = "0.1.0"

#: Name -> the module that has it. Each is imported on first use: a command line that prints its help, and a
#: program that reads one file, do not wait for the rest.
_LATER = {
    "Batch": "batch",
    "Decoded": "batch",
    "DicomImage": "image",
    "Report": "export",
    "TagTable": "tables",
    "Volume": "volumes",
    "convert": "export.convert",
    "decode_batch": "batch",
    "decode_dicom_data": "decode_dicom",
    "decode_dicom_image": "decode_dicom",
    "decode_frame": "frame",
    "dicom_tags": "tags",
    "imread": "read_image",
    "open": "open_image",
    "read_series": "volumes",
    "read_tags": "tables",
}

for _public in (
    *(DicomError, ExportError, IsolationError, LimitError, MalformedError),
    *(TruncatedError, UnsupportedError, VolumeError, Limits, set_default_limits),
):
    _public.__module__ = "dicomdecode"
del _public


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'dicomdecode' has no attribute {name!r}")
    import importlib

    module = importlib.import_module(f"dicomdecode.{_LATER[name]}")
    found = getattr(module, "open_image" if name == "open" else name)
    if name == "open":
        found.__name__ = found.__qualname__ = "open"
    if name != "dicom_tags":
        found.__module__ = "dicomdecode"
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


__all__ = [
    "Batch",
    "Decoded",
    "DicomError",
    "DicomImage",
    "ExportError",
    "IsolationError",
    "LimitError",
    "Limits",
    "MalformedError",
    "Report",
    "TagTable",
    "TruncatedError",
    "UnsupportedError",
    "Volume",
    "VolumeError",
    "convert",
    "decode_batch",
    "decode_dicom_data",
    "decode_dicom_image",
    "decode_frame",
    "dicom_tags",
    "imread",
    "open",
    "read_series",
    "read_tags",
    "set_default_limits",
]
