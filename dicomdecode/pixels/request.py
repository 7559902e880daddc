"""What a caller asked for, and the shape and array that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dicomdecode.limits import over_limit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.reading._file import DicomFile

__all__ = ["Region", "Request", "Selection", "allocate", "area_of", "select", "shape_of"]

#: row, column, height, width in full-resolution pixels.
Region = tuple[int, int, int, int]


@dataclass(slots=True)
class Request:
    """The keywords of the public functions, checked."""

    values: str = "stored"
    color: str = "rgb"
    dtype: np.dtype[Any] | None = None
    scale: str = "preserve"
    color_dim: bool = False
    frame_dim: bool | None = None
    frames: int | slice | list[int] | None = None
    out: NDArray[Any] | None = None
    window: Any = None
    padding: float | None = None
    reduce: int = 0
    region: Region | None = None
    threads: int = 1
    overlays: bool = False
    must_fit: bool = False  # raise DoesNotFit rather than clip


class Selection(NamedTuple):
    """The frames asked for, and whether they keep their axis when `frame_dim` does not say."""

    frames: Sequence[int]
    axis: bool


def select(frames: int | slice | list[int] | None, count: int) -> Selection:
    """What `frames`, as `arguments.check_frames` gives it, are of an image with `count` frames.

    Raises
    ------
    IndexError
        A frame that the image does not have.
    """
    if frames is None:
        return Selection(range(count), count > 1)
    if isinstance(frames, slice):
        return Selection(range(count)[frames], True)
    single = isinstance(frames, int)
    numbers = [frames] if isinstance(frames, int) else frames
    for i in numbers:
        if not -count <= i < count:
            raise IndexError(f"frames: there is no frame {i} in an image with {count}")
    return Selection([i % count for i in numbers], not single)


def area_of(file: DicomFile, request: Request) -> tuple[int, int]:
    """(rows, columns) of the result."""
    rows, columns = file.rows, file.columns
    if request.region is None and not request.reduce:
        return rows, columns
    row, column, height, width = request.region or (0, 0, rows, columns)
    inside = row >= 0 and column >= 0 and height >= 1 and width >= 1
    if not inside or row + height > rows or column + width > columns:
        raise ValueError(f"region {request.region} is not inside {rows} rows and {columns} columns")

    def reduced(n: int) -> int:
        return -(-n >> request.reduce)

    # A region of a reduced picture is the slice of it that the region's corners fall on (ITU-T T.800 B.5).
    return reduced(row + height) - reduced(row), reduced(column + width) - reduced(column)


def shape_of(file: DicomFile, request: Request, selection: Selection, samples: int) -> tuple[int, ...]:
    """The shape of the result: the rules of `frame_dim`, `color_dim` and `frames`."""
    count = len(selection.frames)
    shape: tuple[int, ...] = area_of(file, request)
    if samples > 1 or request.color_dim:
        shape += (samples,)
    keep = selection.axis if request.frame_dim is None else request.frame_dim
    if not keep and count != 1:
        raise ValueError(f"frame_dim=False with {count} frames selected; choose one with frames=")
    return (count, *shape) if keep else shape


def allocate(shape: tuple[int, ...], dtype: np.dtype[Any], request: Request, file: DicomFile) -> NDArray[Any]:
    """The caller's `out`, checked, or a new array within the limits."""
    out = request.out
    if out is None:
        size = dtype.itemsize
        for n in shape:
            size *= n
        limit = file.limits.output_bytes
        if size > limit:
            hint = "Select fewer frames with frames=, or pass limits=dicomdecode.Limits(output_bytes=...)"
            raise over_limit("The result exceeds", "limit_output_bytes", limit, size, hint=hint)
        return np.empty(shape, dtype)
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out must have shape {shape} and dtype {dtype}, not {out.shape} and {out.dtype}")
    if not (out.flags.c_contiguous and out.flags.writeable):
        raise ValueError("out must be C-contiguous and writable")
    return out
