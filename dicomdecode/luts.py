"""Look-up tables of the modality and VOI stages, and what applies to which frame (PS3.3 C.11.1, C.11.2, C.7.6.16.2)."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dicomdecode.errors import MalformedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode._dataset import DataSet
    from dicomdecode._file import DicomFile

__all__ = ["FrameValues", "Lut", "Window", "frame_values", "read_lut"]

#: center, width, function.
Window = tuple[float, float, str]

_MODALITY_LUT = 0x00283000
_VOI_LUT = 0x00283010


@dataclass(frozen=True, slots=True, eq=False)
class Lut:
    """One item of a Modality or VOI LUT Sequence.

    Attributes
    ----------
    entries : ndarray of float64
        The table.
    first : int
        The input that entry 0 is for; inputs outside take the first or the last entry.
    bits : int
        Declared bits of an entry.
    """

    entries: NDArray[np.float64]
    first: int
    bits: int

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        index = np.clip(np.rint(x) - self.first, 0, len(self.entries) - 1)
        found: NDArray[np.float64] = self.entries[index.astype(np.intp)]
        return found


def read_lut(item: DataSet, signed: bool) -> Lut:
    """Read LUT Descriptor and LUT Data of an item.

    Tolerated as every reader does: a count of 0 (65536), 8-bit entries packed in words, fewer entries than declared
    (the last one is repeated), declared bits that the entries exceed.

    Raises
    ------
    MalformedError
        The descriptor is missing or short, or there are no data.
    """
    described = item.words(0x00283002)
    if described is None or len(described[0]) < 6:
        raise MalformedError("A LUT Descriptor is missing or short", code="lut_descriptor", tag=0x00283002)
    value, big_endian = described
    count, first, bits = struct.unpack(">HHH" if big_endian else "<HHH", value[:6])
    count = count or 65536
    if signed and first >= 0x8000:
        first -= 0x10000
    data = item.words(0x00283006)
    if data is None or len(data[0]) < 2:
        raise MalformedError("LUT Data are missing", code="lut_data", tag=0x00283006)
    value, big_endian = data
    if count <= len(value) < 2 * count:
        packed = np.frombuffer(value, np.uint8)
        if big_endian:
            packed = packed[: len(packed) & ~1].reshape(-1, 2)[:, ::-1].reshape(-1)
        entries = packed[:count].astype(np.float64)
    else:
        entries = np.frombuffer(value[: len(value) & ~1], ">u2" if big_endian else "<u2")[:count].astype(np.float64)
    if len(entries) < count:
        entries = np.concatenate([entries, np.full(count - len(entries), entries[-1])])
    bits = max(bits, int(entries.max()).bit_length()) if 1 <= bits <= 16 else 16
    return Lut(entries, first, bits)


class FrameValues(NamedTuple):
    """What takes one frame from stored values to display.

    Attributes
    ----------
    rescale : (slope, intercept), or None
        When there is no Modality LUT.
    window : Window or None
        The first stored window.
    """

    rescale: tuple[float, float] | None
    window: Window | None


def _number(dataset: DataSet, tag: int) -> float | None:
    value = dataset.tag(tag)
    first = value[0] if isinstance(value, list) else value
    return float(first) if isinstance(first, (int, float)) and math.isfinite(first) else None


def _rescale(dataset: DataSet) -> tuple[float, float] | None:
    slope, intercept = _number(dataset, 0x00281053), _number(dataset, 0x00281052)
    if slope is None and intercept is None:
        return None
    return (1.0 if slope is None else slope, 0.0 if intercept is None else intercept)


def _window(dataset: DataSet) -> Window | None:
    center, width = _number(dataset, 0x00281050), _number(dataset, 0x00281051)
    if center is None or width is None:
        return None
    function = dataset.tag(0x00281056)
    return (center, width, function.upper() if isinstance(function, str) and function else "LINEAR")


def frame_values(file: DicomFile) -> Callable[[int], FrameValues]:
    """For each frame: its functional groups, else the shared ones, else the data set itself (PS3.3 C.7.6.16.1)."""
    top = FrameValues(file.rescale, file.window)
    if not file.has_functional_groups:
        return lambda frame: top

    def merged(group: DataSet, below: FrameValues) -> FrameValues:
        rescale, window = below.rescale, below.window
        for item in group.items(0x00289145)[:1]:  # Pixel Value Transformation
            rescale = _rescale(item) or rescale
        for item in group.items(0x00289132)[:1]:  # Frame VOI LUT
            window = _window(item) or window
        return FrameValues(rescale, window)

    shared = top
    for group in file.items(0x52009229)[:1]:
        shared = merged(group, top)
    groups = file.items(0x52009230)
    return lambda frame: merged(groups[frame], shared) if frame < len(groups) else shared


def modality_lut(file: DicomFile) -> Lut | None:
    """The first Modality LUT; None when there is none."""
    items = file.items(_MODALITY_LUT) if file.has_modality_lut else []
    return read_lut(items[0], file.signed) if items else None


def voi_luts(file: DicomFile) -> list[Callable[[], Lut]]:
    """The VOI LUTs of the file, read when called. Their first input is signed when modality values can be negative."""
    items = file.items(_VOI_LUT) if file.has_voi_lut else []
    rescale = file.rescale
    signed = file.signed or (rescale is not None and (rescale[1] < 0 or rescale[0] < 0))

    def reader(item: Any) -> Callable[[], Lut]:
        return lambda: read_lut(item, signed)

    return [reader(item) for item in items]
