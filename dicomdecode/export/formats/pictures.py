"""PNG, a file for each frame, and TIFF, a file for each source."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from dicomdecode.errors import UnsupportedError
from dicomdecode.export.formats.payload import FileWriter, Format, Payload

if TYPE_CHECKING:
    from dicomdecode.export.records import Record

__all__ = ["PNG", "TIFF"]


def _png(record: Record) -> Payload:
    import imagecodecs

    if record.array.dtype not in (np.uint8, np.uint16):
        raise UnsupportedError(
            f"PNG holds uint8 or uint16, not {record.array.dtype}",
            code="export_type",
            hint='Pass values="display", or dtype="uint16"',
        )
    frames = list(record.array) if record.has_frames else [record.array]
    names = [".png"] if len(frames) == 1 else [f"_{i:04d}.png" for i in range(len(frames))]
    data = [imagecodecs.png_encode(np.ascontiguousarray(frame)) for frame in frames]
    return Payload(record.index, tuple((name, [each]) for name, each in zip(names, data, strict=True)))


def _tiff(record: Record) -> Payload:
    import tifffile

    file = io.BytesIO()
    tifffile.imwrite(
        file,
        record.array,
        photometric="rgb" if record.has_samples else "minisblack",
        compression="adobe_deflate",
        predictor=record.array.dtype.kind != "f",
        metadata=None,
        software="dicomdecode",
    )
    return Payload(record.index, ((".tiff", [file.getbuffer()]),))


PNG = Format(_png, FileWriter, values="display")
TIFF = Format(_tiff, FileWriter, library="tifffile")
