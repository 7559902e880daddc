"""TFRecord files of tf.train.Example, written and read without TensorFlow.

    a record       length (8 bytes)  its checksum (4)  data  its checksum (4)         all little endian
    a checksum     CRC-32C, rotated right by 15 bits, plus a constant

The data are a protocol buffer: an Example holds Features, those hold a map from names to a list of bytes, of floats, or
of integers. A field is led by its number << 3 | its wire type; wire type 2 is a length and so many bytes.

    Example { features = 1 }   Features { map feature = 1 { key = 1, value = 2 } }
    Feature { bytes_list = 1 | float_list = 2 | int64_list = 3 }   each { value = 1 }
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from dicomdecode.errors import MalformedError, TruncatedError
from dicomdecode.export._crc32c import crc32c
from dicomdecode.export.formats.payload import Format, Payload, StreamWriter

if TYPE_CHECKING:
    from dicomdecode.export.records import Record

__all__ = ["TFRECORD", "read_examples"]

_BYTES, _FLOATS, _INTEGERS = 1, 2, 3  # the fields of a Feature


def _masked(crc: int) -> int:
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; negative numbers as 64 bits in two's complement."""
    number &= 0xFFFFFFFFFFFFFFFF
    parts = bytearray()
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def _field(number: int, *parts: Any) -> list[Any]:
    """A field of wire type 2."""
    size = sum(len(part) for part in parts)
    return [_varint(number << 3 | 2) + _varint(size), *parts]


def _feature(value: Any) -> list[Any]:
    """The Feature of a value, or of a list of values of one kind; None is an empty one."""
    many = [] if value is None else value if isinstance(value, list) else [value]
    if not many:
        return []
    if all(isinstance(each, int) for each in many):
        return _field(_INTEGERS, *_field(1, b"".join(map(_varint, many))))
    if all(isinstance(each, (int, float)) for each in many):
        return _field(_FLOATS, *_field(1, struct.pack(f"<{len(many)}f", *many)))
    texts = [each if isinstance(each, (bytes, memoryview)) else str(each).encode() for each in many]
    return _field(_BYTES, *(part for text in texts for part in _field(1, text)))


def _example(features: dict[str, Any]) -> list[Any]:
    entries: list[Any] = []
    for name, value in features.items():
        entries += _field(1, *_field(1, name.encode()), *_field(2, *_feature(value)))
    return _field(1, *entries)


def _encode(record: Record) -> Payload:
    array = record.array
    features = {
        "pixels": memoryview(array.reshape(-1)).cast("B") if array.size else b"",
        "shape": list(array.shape),
        "dtype": array.dtype.name,
        **record.tags,
    }
    data = _example(features)
    length = struct.pack("<Q", sum(map(len, data)))
    crc = 0
    for part in data:
        crc = crc32c(part, crc)
    head = length + struct.pack("<I", _masked(crc32c(length)))
    return Payload(record.index, (("", [head, *data, struct.pack("<I", _masked(crc))]),))


class _Writer(StreamWriter):
    ending = ".tfrecord"


TFRECORD = Format(_encode, _Writer, has_shards=True)


def read_examples(path: str | os.PathLike[str]) -> Iterator[dict[str, list[Any]]]:
    """Read the Examples of a TFRECORD file, whoever wrote it.

    Parameters
    ----------
    path : str or os.PathLike

    Yields
    ------
    dict
        Of one Example: name -> list of bytes, float or int.

    Raises
    ------
    MalformedError
        A checksum is wrong, or an Example is none.
    TruncatedError
        The file ends inside a record.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> import tempfile
    >>> from pathlib import Path
    >>> from dicomdecode.export.formats import read_examples
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = dd.convert([path], folder, format="tfrecord", tags=["Modality"])
    ...     (example,) = read_examples(next(Path(folder).rglob("*.tfrecord")))
    >>> example["Modality"]
    [b'CT']
    """
    with open(path, "rb") as file:
        left = os.fstat(file.fileno()).st_size
        while head := file.read(12):
            if len(head) < 12:
                raise TruncatedError("The file ends inside the head of a record", code="tfrecord")
            length, check = struct.unpack("<QI", head)
            if _masked(crc32c(head[:8])) != check:
                raise MalformedError("The length of a record has another checksum", code="tfrecord")
            left -= 12
            if length + 4 > left:
                raise TruncatedError("The file ends inside a record", code="tfrecord")
            left -= length + 4
            data, (check,) = file.read(length), struct.unpack("<I", file.read(4))
            if _masked(crc32c(data)) != check:
                raise MalformedError("A record has another checksum", code="tfrecord")
            yield dict(_entries(memoryview(data)))


def _fields(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message, all of wire type 2."""
    while data:
        key, data = _number(data)
        size, data = _number(data)
        if key & 7 != 2 or size > len(data):
            raise MalformedError("A record is no Example", code="tfrecord")
        yield key >> 3, data[:size]
        data = data[size:]


def _number(data: memoryview) -> tuple[int, memoryview]:
    value = 0
    for i, byte in enumerate(data[:10]):
        value |= (byte & 127) << 7 * i
        if byte < 128:
            return value, data[i + 1 :]
    raise MalformedError("A record is no Example", code="tfrecord")


def _entries(example: memoryview) -> Iterator[tuple[str, list[Any]]]:
    for _, features in _fields(example):
        for _, entry in _fields(features):
            parts = dict(_fields(entry))
            try:
                name = bytes(parts.get(1, b"")).decode()
            except UnicodeDecodeError:
                raise MalformedError("A record is no Example", code="tfrecord") from None
            yield name, _values(parts.get(2, memoryview(b"")))


def _values(feature: memoryview) -> list[Any]:
    for kind, values in _fields(feature):
        parts = [part for _, part in _fields(values)]
        if kind == _BYTES:
            return [bytes(part) for part in parts]
        data = parts[0] if parts else memoryview(b"")
        if kind == _FLOATS:
            return list(struct.unpack(f"<{len(data) // 4}f", data[: len(data) // 4 * 4]))
        numbers = []
        while data:
            number, data = _number(data)
            numbers.append(number - (1 << 64) if number >> 63 else number)
        return numbers
    return []
