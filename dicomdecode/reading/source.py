"""The source for anything that a caller may hand in: bytes, a path, a URL, a file object, a pydicom Dataset."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, TypeAlias

from dicomdecode.errors import DicomError, MalformedError
from dicomdecode.limits import over_limit
from dicomdecode.reading._reading import DicomFile, FileSource, MemorySource, PathSource, Source
from dicomdecode.reading.archives import split_archive
from dicomdecode.reading.remote import is_url, open_url
from dicomdecode.syntaxes import (
    DEFLATED,
    EXPLICIT_BIG_ENDIAN,
    EXPLICIT_LITTLE_ENDIAN,
    IMPLICIT,
    IMPLICIT_LITTLE_ENDIAN,
)

if TYPE_CHECKING:
    import numpy as np
    from pydicom.dataset import Dataset

    from dicomdecode.limits import Limits

    SourceLike: TypeAlias = (
        bytes | bytearray | memoryview | np.ndarray[Any, Any] | str | os.PathLike[str] | IO[bytes] | Dataset
    )

__all__ = ["open_source"]

_STEP = 1 << 20
#: Modules whose file objects can seek, but back only by unpacking everything once more.
_COMPRESSED = ("zipfile", "gzip", "bz2", "lzma")
_TRANSFER_SYNTAX, _PIXEL_DATA = 0x00020010, 0x7FE00010
#: Groups that say what pixels are and mean: the image, presentation, dose, functional groups, float pixel data.
_OF_PIXELS = (0x0028, 0x2050, 0x3004, 0x5200, 0x7FE0)


def open_source(source: Any, limits: Limits) -> Source:
    """The source for anything a caller may give.

    Raises
    ------
    TypeError
        Any other type; the message lists those accepted.
    OSError
        A path that cannot be opened.
    LimitError
        A pipe, a device or a stream that gives more than the limits allow.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return MemorySource(source)
    if isinstance(source, (str, os.PathLike)):
        return _open_name(source, limits)
    if hasattr(source, "__array_interface__") and getattr(source, "ndim", None) == 1 and source.dtype == "uint8":
        return MemorySource(source)
    if hasattr(source, "read") and not _is_text(source):
        return _open_file(source, limits)
    if hasattr(source, "read_bytes"):  # a path that is none of the system's: zipfile.Path, importlib.resources
        with source.open("rb") as stream:
            return _drained(stream, limits)
    if hasattr(source, "PatientName") or type(source).__module__.startswith("pydicom."):
        from pydicom.dataset import Dataset

        if isinstance(source, Dataset):
            return DatasetSource(source)
    raise TypeError(
        "expected the bytes of a DICOM file (bytes, bytearray, memoryview, 1-D uint8 array), a path (str or "
        f"os.PathLike), a binary file object, or a pydicom Dataset; not {type(source).__name__}"
    )


def _open_file(file: Any, limits: Limits) -> Source:
    """The source for a file object: read by position where it can seek, and seeks without reading all before."""
    try:
        if not getattr(file, "seekable", lambda: False)():
            return _drained(file, limits)
        position = file.tell()
        if type(file).__module__ not in _COMPRESSED:
            return FileSource(file)
    except io.UnsupportedOperation:
        return _drained(file, limits)
    file.seek(0)
    try:
        return _drained(file, limits)
    finally:
        file.seek(position)


def _open_name(name: str | os.PathLike[str], limits: Limits) -> Source:
    """The source for a path, the path of a member of an archive, or a URL."""
    if is_url(name):
        return FileSource(open_url(str(name), limits))
    try:
        file = PathSource(name)
    except (FileNotFoundError, NotADirectoryError):
        member = split_archive(os.fsdecode(name))
        if member is None:
            raise
        from dicomdecode.reading.members import find_member

        return open_source(find_member(member, limits), limits)
    return file if file.is_regular else _of_device(file, limits)


def _of_device(device: PathSource, limits: Limits) -> MemorySource:
    """What is in a pipe or a device."""
    try:
        with device.as_stream() as stream:
            return _drained(stream, limits)
    finally:
        device.rest()


def _drained(stream: Any, limits: Limits) -> MemorySource:
    """What has no size and no positions, read to its end. What does not begin as DICOM is read no further."""
    most = limits.stream_bytes
    contents = bytearray()
    while True:
        part, is_all = _read(stream, min(_STEP, most + 1 - len(contents)))
        contents += part
        if len(contents) > most:
            raise over_limit("What the stream gives exceeds", "limit_stream_bytes", most)
        if len(contents) - len(part) < _STEP <= len(contents):
            _check_begin(bytes(contents), limits)
        if is_all or not part:
            return MemorySource(contents)


def _read(stream: Any, size: int) -> tuple[bytes, bool]:
    """The next bytes of a stream, at most `size`; and whether they are all, of one whose `read` takes no number."""
    is_all = False
    try:
        part = stream.read(size)
    except TypeError:
        part, is_all = stream.read(), True
    if part is None:
        raise BlockingIOError("the stream has no bytes now: a stream that does not block cannot be read")
    if not isinstance(part, (bytes, bytearray, memoryview)):
        raise TypeError(f"a file object's read must return bytes, not {type(part).__name__}")
    return bytes(part), is_all


def _check_begin(front: bytes, limits: Limits) -> None:
    """Raise where these first bytes of a file are not DICOM; other faults are reported later."""
    try:
        DicomFile(MemorySource(front), limits)
    except DicomError as error:
        if error.code == "not_dicom":
            raise


def _is_text(file: Any) -> bool:
    """Not by its mode: that of a member of a zip archive is "r", though it gives bytes."""
    return isinstance(file, io.TextIOBase) or isinstance(getattr(file, "encoding", None), str)


class DatasetSource(MemorySource):
    """A pydicom Dataset as the bytes of a file, of any transfer syntax: pydicom's writer takes only those it knows.

    Parameters
    ----------
    dataset : pydicom.dataset.Dataset
        What is written. It is not changed.

    Attributes
    ----------
    unwritten : tuple of int
        The tags of elements that pydicom has read, or was given, but cannot write. They are left out.

    Raises
    ------
    MalformedError
        One of them describes the pixels, which would have other values without it.
    """

    def __init__(self, dataset: Dataset) -> None:
        writer = _Writer(dataset)
        super().__init__(writer.file())
        self.unwritten = tuple(writer.unwritten)


class _Writer:
    """Writes a data set, and notes what it had to leave out."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._uid = _syntax_of(dataset)
        self._implicit, self._big_endian = self._uid in IMPLICIT, self._uid == EXPLICIT_BIG_ENDIAN
        self.unwritten: list[int] = []

    def file(self) -> bytes:
        dataset, implicit, big_endian = self._dataset, self._implicit, self._big_endian
        body = self._elements(dataset[:_PIXEL_DATA], implicit, big_endian)
        if _PIXEL_DATA in dataset:
            body += _pixels(dataset, implicit, big_endian)
        body += self._elements(dataset[_PIXEL_DATA + 1 :], implicit, big_endian)
        if self._uid == DEFLATED:
            deflater = zlib.compressobj(wbits=-15)
            body = deflater.compress(body) + deflater.flush()
        return bytes(128) + b"DICM" + self._meta() + body

    def _meta(self) -> bytes:
        """The file meta information, with the transfer syntax that the data set is written in."""
        value = self._uid.encode("ascii") + b"\0" * (len(self._uid) % 2)
        syntax = struct.pack("<HH2sH", 2, 0x10, b"UI", len(value)) + value
        meta = getattr(self._dataset, "file_meta", None)
        if meta is None:
            return syntax
        before, behind = meta[0x00020001:_TRANSFER_SYNTAX], meta[_TRANSFER_SYNTAX + 1 :]
        return self._elements(before, False, False) + syntax + self._elements(behind, False, False)

    def _elements(self, dataset: Dataset, implicit: bool, big_endian: bool) -> bytes:
        """The elements as bytes: all at once where that is possible."""
        from pydicom.filebase import DicomBytesIO
        from pydicom.filewriter import write_dataset

        encoding = getattr(self._dataset, "_character_set", "iso8859")

        def written(part: Dataset) -> bytes:
            buffer = DicomBytesIO()
            buffer.is_implicit_VR, buffer.is_little_endian = implicit, not big_endian
            write_dataset(buffer, part, encoding)
            return bytes(buffer.getvalue())

        try:
            return written(dataset)
        except Exception:
            pass  # one of them cannot be written: each by itself
        return b"".join(self._element(dataset, tag, written) for tag in sorted(dataset.keys()))

    def _element(self, dataset: Dataset, tag: Any, written: Callable[[Dataset], bytes]) -> bytes:
        try:
            return written(dataset[tag : tag + 1])  # as it was read
        except Exception:
            pass
        try:
            _ = dataset[tag]  # parsed: the VR of one that was read without is looked up
            return written(dataset[tag : tag + 1])
        except Exception:
            pass
        if tag.group in _OF_PIXELS:
            raise MalformedError(
                "pydicom cannot write an element of its data set that describes the pixels",
                code="not_written",
                tag=int(tag),
                hint="Assign a value that its VR allows, or delete the element",
            )
        self.unwritten.append(int(tag))
        return b""


def _syntax_of(dataset: Dataset) -> str:
    """The transfer syntax of a data set; of one that has none that of how it was read."""
    uid = getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None)
    if uid:
        return str(uid).strip()
    implicit, little_endian = dataset.original_encoding
    if implicit:
        return IMPLICIT_LITTLE_ENDIAN
    return EXPLICIT_BIG_ENDIAN if implicit is not None and not little_endian else EXPLICIT_LITTLE_ENDIAN


def _pixels(dataset: Dataset, implicit: bool, big_endian: bool) -> bytes:
    """Pixel Data (7FE0,0010) as bytes: of undefined length if the value is a sequence of fragments (PS3.5 A.4).

    An element that was read so stays one of undefined length for pydicom when native pixels are assigned to it.
    """
    element = dataset[_PIXEL_DATA]
    value = element.value or b""
    order = ">" if big_endian else "<"
    native = _syntax_of(dataset) in (*IMPLICIT, EXPLICIT_BIG_ENDIAN, DEFLATED, EXPLICIT_LITTLE_ENDIAN)
    fragments = value[:4] == b"\xfe\xff\x00\xe0" and (element.is_undefined_length or not native)
    if not fragments and len(value) % 2:
        value = bytes(value) + b"\0"
    length = 0xFFFFFFFF if fragments else len(value)
    vr = "OB" if fragments else element.VR if element.VR in ("OB", "OW") else "OW"
    tag = struct.pack(order + "HH", _PIXEL_DATA >> 16, _PIXEL_DATA & 0xFFFF)
    written_vr = b"" if implicit else vr.encode("ascii") + b"\0\0"
    end = struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0) if fragments else b""
    return b"".join((tag, written_vr, struct.pack(order + "I", length), value, end))
