"""WebDataset: a tar with 00000012.npy and 00000012.json for each source; equal input makes equal bytes."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dicomdecode.export.formats.arrays import npy_parts
from dicomdecode.export.formats.payload import Format, Payload, StreamWriter, name_of

if TYPE_CHECKING:
    from dicomdecode.export.records import Record

__all__ = ["WEBDATASET"]


def _member(name: str, parts: Sequence[Any]) -> list[Any]:
    """A member of a tar: head, data, and zeros up to a whole block; without times and owners."""
    info = tarfile.TarInfo(name)
    info.size = sum(map(len, parts))
    return [info.tobuf(tarfile.USTAR_FORMAT), *parts, bytes(-info.size % tarfile.BLOCKSIZE)]


def _encode(record: Record) -> Payload:
    name = name_of(record.index)
    text = json.dumps({"shape": list(record.array.shape), "dtype": record.array.dtype.name, **record.tags})
    parts = [*_member(f"{name}.json", [text.encode()]), *_member(f"{name}.npy", npy_parts(record.array))]
    return Payload(record.index, (("", parts),))


class _Writer(StreamWriter):
    ending = ".tar"
    tail = bytes(2 * tarfile.BLOCKSIZE)


WEBDATASET = Format(_encode, _Writer, has_shards=True)
