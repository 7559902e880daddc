"""Zarr v3: a group with an array for each source, and an OME-Zarr image for each slide.

A frame is a chunk; the frames of a source, or some rows of the tiles of a slide, are a shard.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from dicomdecode.export.files import disk_errors
from dicomdecode.export.formats.payload import Format, Payload, name_of

if TYPE_CHECKING:
    from pathlib import Path

    from dicomdecode.export.files import Output
    from dicomdecode.export.records import Record
    from dicomdecode.export.slides import Slide

__all__ = ["ZARR"]

#: The file that makes a folder a group.
_GROUP = "zarr.json"
#: The most bytes of a shard.
_SHARD = 1 << 30


def _encode(record: Record) -> Payload:
    return Payload(record.index, value=record)


class _Writer:
    """Arrays, each in a folder; the group is their parent, which needs a file of its own. Every unit writes the same:
    it is not known which of them finishes a result first."""

    def __init__(self, output: Output, number: int) -> None:
        self._output = output
        output.write(_GROUP, [b'{"zarr_format": 3, "node_type": "group", "attributes": {}}'])

    def add(self, payload: Payload) -> tuple[str, ...]:
        name = name_of(payload.index)
        place = self._output.path(name)
        try:
            if payload.value.slide:
                _write_slide(payload.value, place)
            else:
                _write_array(payload.value, place)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        self._output.take(name)
        return (name, _GROUP)

    def close(self) -> None:
        pass


def _write_array(record: Record, place: Path) -> None:
    import zarr

    array, has_frames = record.array, record.has_frames
    chunk = (1, *array.shape[1:]) if has_frames else array.shape
    many = max(_SHARD // max(array.nbytes // max(len(array), 1), 1), 1) if has_frames else 1
    with disk_errors():
        written: Any = zarr.create_array(
            store=str(place),
            shape=array.shape,
            dtype=array.dtype,
            chunks=chunk,
            shards=(min(many, len(array)), *array.shape[1:]) if has_frames else None,
            dimension_names=["frame"] * has_frames + ["row", "column", "sample"][: array.ndim - has_frames],
            attributes=record.tags,
            overwrite=True,
        )
        written[...] = array


def _write_slide(record: Record, place: Path) -> None:
    """OME-Zarr 0.5: a group with an array for each level, [y, x], or [c, y, x] for colour: channels come before
    space."""
    import zarr

    with disk_errors():
        attributes = {**record.tags, "ome": _ome(record.slide)}
        group = zarr.create_group(store=str(place), zarr_format=3, attributes=attributes)
    for number, level in enumerate(record.slide):
        _write_level(group, str(number), level)


def _write_level(group: Any, name: str, level: Slide) -> None:
    height, width, *samples = level.tile
    rows = level.tiles_down
    with disk_errors():
        written: Any = group.create_array(
            name,
            shape=(*samples, level.tiling.rows, level.tiling.columns),
            dtype=level.dtype,
            chunks=(*samples, height, width),
            shards=(*samples, rows * height, level.tiling.across * width),
            dimension_names=["c", "y", "x"][-2 - len(samples) :],
        )
    for top, band in level.bands():
        with disk_errors():
            written[..., top : top + len(band), :] = band.transpose(2, 0, 1) if samples else band


def _ome(levels: tuple[Slide, ...]) -> dict[str, Any]:
    """https://ngff.openmicroscopy.org/0.5: axes, and for each level the size of a pixel; where a level does not say its
    own, in pixels of the first."""
    is_color = len(levels[0].tile) > 2
    known = all(level.spacing is not None for level in levels)
    unit = {"unit": "micrometer"} if known else {}
    axes: list[dict[str, str]] = [{"name": "c", "type": "channel"}] if is_color else []
    axes += [{"name": name, "type": "space", **unit} for name in "yx"]
    datasets = []
    for number, level in enumerate(levels):
        down, across = (levels[0].tiling.rows / level.tiling.rows, levels[0].tiling.columns / level.tiling.columns)
        if known and level.spacing is not None:
            down, across = (1000 * each for each in level.spacing)
        scale = [1.0] * is_color + [down, across]
        datasets.append({"path": str(number), "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    return {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}


ZARR = Format(_encode, _Writer, by_tiles=True, library="zarr")
