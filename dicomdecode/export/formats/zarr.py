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

#: The most bytes of a shard.
_SHARD = 1 << 30


def _encode(record: Record) -> Payload:
    return Payload(record.index, value=record)


class _Writer:
    """Arrays, each in a folder; the group is their parent, which needs a file of its own. Every unit writes the same:
    it is not known which of them finishes a result first."""

    def __init__(self, output: Output, number: int) -> None:
        self._output = output
        output.write("zarr.json", [b'{"zarr_format": 3, "node_type": "group", "attributes": {}}'])

    def add(self, payload: Payload) -> tuple[str, ...]:
        name = name_of(payload.index)
        place = self._output.path(name)
        try:
            if payload.value.slide is None:
                _write_array(payload.value, place)
            else:
                _write_slide(payload.value, payload.value.slide, place)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        self._output.take(name)
        return (name,)

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


def _write_slide(record: Record, slide: Slide, place: Path) -> None:
    """OME-Zarr 0.5: a group with one resolution, [y, x], or [c, y, x] for colour: channels come before space."""
    import zarr

    height, width, *samples = slide.tile
    rows = slide.tiles_down
    with disk_errors():
        group = zarr.create_group(store=str(place), zarr_format=3, attributes={**record.tags, "ome": _ome(slide)})
        written: Any = group.create_array(
            "0",
            shape=(*samples, slide.tiling.rows, slide.tiling.columns),
            dtype=slide.dtype,
            chunks=(*samples, height, width),
            shards=(*samples, rows * height, slide.tiling.across * width),
            dimension_names=["c", "y", "x"][-2 - len(samples) :],
        )
    for top, band in slide.bands():
        with disk_errors():
            written[..., top : top + len(band), :] = band.transpose(2, 0, 1) if samples else band


def _ome(slide: Slide) -> dict[str, Any]:
    """https://ngff.openmicroscopy.org/0.5: axes, and the size of a pixel where it is known."""
    is_color = len(slide.tile) > 2
    unit = {} if slide.spacing is None else {"unit": "micrometer"}
    axes: list[dict[str, str]] = [{"name": "c", "type": "channel"}] if is_color else []
    axes += [{"name": name, "type": "space", **unit} for name in "yx"]
    down, across = (1e-3, 1e-3) if slide.spacing is None else slide.spacing
    scale = [1.0] * is_color + [down * 1000, across * 1000]
    datasets = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}]
    return {"version": "0.5", "multiscales": [{"axes": axes, "datasets": datasets}]}


ZARR = Format(_encode, _Writer, by_tiles=True, library="zarr")
