"""Zarr v3: a group with an array for each source. A frame is a chunk, the frames of a source are a shard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomdecode.export.formats.payload import Format, Payload, name_of

if TYPE_CHECKING:
    from dicomdecode.export.files import Output
    from dicomdecode.export.records import Record

__all__ = ["ZARR"]

#: The most bytes of a shard.
_SHARD = 1 << 30


def _encode(record: Record) -> Payload:
    return Payload(record.index, value=record)


class _Writer:
    """Arrays, each in a folder; the group is their parent, which needs a file of its own."""

    def __init__(self, output: Output, number: int) -> None:
        self._output = output
        if number == 0:
            output.write("zarr.json", [b'{"zarr_format": 3, "node_type": "group", "attributes": {}}'])

    def add(self, payload: Payload) -> tuple[str, ...]:
        import zarr

        record = payload.value
        array, name, has_frames = record.array, name_of(payload.index), record.has_frames
        chunk = (1, *array.shape[1:]) if has_frames else array.shape
        many = max(_SHARD // max(array.nbytes // max(len(array), 1), 1), 1) if has_frames else 1
        shard = (min(many, len(array)), *array.shape[1:]) if has_frames else None
        dims = ["frame"] * has_frames + ["row", "column", "sample"][: array.ndim - has_frames]
        place = self._output.path(name)
        written: Any = zarr.create_array(
            store=str(place),
            shape=array.shape,
            dtype=array.dtype,
            chunks=chunk,
            shards=shard,
            dimension_names=dims,
            attributes=record.tags,
            overwrite=True,
        )
        written[...] = array
        self._output.take(name)
        return (name,)

    def close(self) -> None:
        pass


ZARR = Format(_encode, _Writer, library="zarr")
