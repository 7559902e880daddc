"""DICOM files to NumPy arrays: right, fast, without surprises.

>>> import dicomdecode
>>> from pydicom.data import get_testdata_file
>>> hu = dicomdecode.imread(get_testdata_file("CT_small.dcm"))
>>> hu.shape, hu.dtype
((128, 128), dtype('float32'))
"""

from dicomdecode.batch import Batch, Decoded, decode_batch
from dicomdecode.decode_dicom import decode_dicom_data, decode_dicom_image
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
from dicomdecode.export import Report, convert
from dicomdecode.frame import decode_frame
from dicomdecode.image import DicomImage
from dicomdecode.image import open_image as open
from dicomdecode.limits import Limits, set_default_limits
from dicomdecode.read_image import imread
from dicomdecode.tables import TagTable, read_tags
from dicomdecode.tags import dicom_tags
from dicomdecode.volumes import Volume, read_series

__version__ = "0.1.0"

open.__name__ = open.__qualname__ = "open"
for _public in (
    *(Report, TagTable, Volume, convert, decode_frame, read_series, read_tags),
    *(
        Batch,
        Decoded,
        DicomError,
        ExportError,
        IsolationError,
        LimitError,
        MalformedError,
        TruncatedError,
        UnsupportedError,
        VolumeError,
    ),
    *(DicomImage, Limits, decode_batch, decode_dicom_data, decode_dicom_image, imread, open, set_default_limits),
):
    _public.__module__ = "dicomdecode"
del _public

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
