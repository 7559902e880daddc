"""The source for anything that a caller may hand in: bytes, a path, a file object, a pydicom Dataset."""

from __future__ import annotations

import io
import os
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from dicomdecode.limits import over_limit
from dicomdecode.reading._reading import FileSource, MemorySource, PathSource, Source

if TYPE_CHECKING:
    import numpy as np
    from pydicom.dataset import Dataset

    from dicomdecode.limits import Limits

    SourceLike: TypeAlias = (
        bytes | bytearray | memoryview | np.ndarray[Any, Any] | str | os.PathLike[str] | IO[bytes] | Dataset
    )

__all__ = ["open_source"]


def open_source(source: Any, limits: Limits) -> Source:
    """The source for anything a caller may give.

    Raises
    ------
    TypeError
        Any other type; the message lists those accepted.
    OSError
        A path that cannot be opened.
    LimitError
        A pipe or a device that gives more than the limits allow.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return MemorySource(source)
    if isinstance(source, (str, os.PathLike)):
        file = PathSource(source)
        return file if file.is_regular else _drained(file, limits)
    if hasattr(source, "__array_interface__") and getattr(source, "ndim", None) == 1 and source.dtype == "uint8":
        return MemorySource(source)
    if hasattr(source, "read") and not _is_text(source):
        if getattr(source, "seekable", lambda: False)():
            return FileSource(source)
        return MemorySource(source.read())
    if hasattr(source, "PatientName") or type(source).__module__.startswith("pydicom."):
        from pydicom.dataset import Dataset

        if isinstance(source, Dataset):
            return MemorySource(_written(source))
    raise TypeError(
        "expected the bytes of a DICOM file (bytes, bytearray, memoryview, 1-D uint8 array), a path (str or "
        f"os.PathLike), a binary file object, or a pydicom Dataset; not {type(source).__name__}"
    )


def _drained(pipe: PathSource, limits: Limits) -> MemorySource:
    """What has no size and no positions, read to its end."""
    most = limits.output_bytes
    try:
        contents = pipe.read_stream(most)
    finally:
        pipe.rest()
    if len(contents) > most:
        raise over_limit("What the pipe or device gives exceeds", "limit_output_bytes", most)
    return MemorySource(contents)


def _is_text(file: Any) -> bool:
    return isinstance(file, io.TextIOBase) or (isinstance(getattr(file, "mode", None), str) and "b" not in file.mode)


def _written(dataset: Dataset) -> bytes:
    """A pydicom Dataset as the bytes of a file."""
    import copy

    from pydicom import dcmwrite
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    buffer = io.BytesIO()
    if not getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None):
        dataset = copy.copy(dataset)
        dataset.file_meta = FileMetaDataset()
        implicit, little_endian = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = (
            ImplicitVRLittleEndian
            if implicit
            else ExplicitVRBigEndian
            if implicit is not None and not little_endian
            else ExplicitVRLittleEndian
        )
    dcmwrite(buffer, dataset)
    return buffer.getvalue()
