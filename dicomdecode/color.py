"""Colour: palettes as tables (PS3.3 C.7.9), and which conversion a frame needs."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dicomdecode import _kernels
from dicomdecode.errors import MalformedError, UnsupportedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode._file import DicomFile

__all__ = ["Palette", "read_palette", "to_rgb"]

_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
_DATA = (0x00281201, 0x00281202, 0x00281203)
_SEGMENTED = (0x00281221, 0x00281222, 0x00281223)


class Palette(NamedTuple):
    """A palette as one table.

    Attributes
    ----------
    table : ndarray, (entries, 3), uint8 or uint16
        Red, green, blue of each entry.
    first : int
        The stored value of entry 0.
    bits : int
        8 or 16: the depth of the entries as used.
    corrected : bool
        The descriptors declare 16 bits but the entries have 8.
    """

    table: NDArray[np.uint8] | NDArray[np.uint16]
    first: int
    bits: int
    corrected: bool


def _descriptor(file: DicomFile, tag: int) -> tuple[int, int, int]:
    found = file.words(tag)
    if found is None or len(found[0]) < 6:
        raise MalformedError("A palette descriptor is missing or short", code="palette_descriptor", tag=tag)
    value, big_endian = found
    entries, first, bits = struct.unpack(">HHH" if big_endian else "<HHH", value[:6])
    # PS3.3 C.7.6.3.1.5: the first value mapped has the sign of the pixels; 0 entries means 65536.
    if file.signed and first >= 0x8000:
        first -= 0x10000
    return entries or 65536, first, bits


def _expand_segments(words: NDArray[np.uint16], entries: int, tag: int) -> NDArray[np.uint16]:
    """Segmented palette data to plain entries (PS3.3 C.7.9.2). `words` holds one opcode, length or entry each."""
    out: list[int] = []
    data = words.tolist()

    def expand(at: int, count: int | None, nested: bool) -> None:
        while at + 1 < len(data) and (count is None or count > 0):
            opcode, length = data[at], data[at + 1]
            if len(out) > entries:
                break
            if opcode == 0:  # discrete: the entries follow
                out.extend(data[at + 2 : at + 2 + length])
                at += 2 + length
            elif opcode == 1:  # linear: from the last entry to this one in `length` steps
                if not out or at + 2 >= len(data):
                    raise MalformedError(
                        "A linear palette segment has no start or end", code="palette_segment", tag=tag
                    )
                start, end = out[-1], data[at + 2]
                out.extend(round(start + (end - start) * k / length) for k in range(1, length + 1))
                at += 3
            elif opcode == 2 and not nested:  # indirect: `length` segments again, from a byte offset
                if at + 3 >= len(data):
                    raise MalformedError("An indirect palette segment is cut", code="palette_segment", tag=tag)
                size = 2 if words.dtype.itemsize == 2 else 1
                offset = data[at + 2] | data[at + 3] << (8 * size)
                expand(offset // size, length, True)
                at += 4
            else:
                raise MalformedError("A palette segment has an unknown opcode", code="palette_segment", tag=tag)
            if count is not None:
                count -= 1

    expand(0, None, False)
    return np.array(out[:entries], words.dtype)


def _channel(file: DicomFile, index: int, entries: int, bits: int) -> NDArray[np.uint16]:
    found = file.words(_DATA[index])
    if found is not None and found[0]:
        value, big_endian = found
        if len(value) < 2 * entries and len(value) >= entries:
            # 8-bit entries packed in words (PS3.3 C.7.6.3.1.6): the first is the low byte of the first word.
            packed = np.frombuffer(value, np.uint8)
            if big_endian:
                packed = packed[: len(packed) & ~1].reshape(-1, 2)[:, ::-1].reshape(-1)
            return packed[:entries].astype(np.uint16)
        channel = np.frombuffer(value[: len(value) & ~1], ">u2" if big_endian else "<u2").astype(np.uint16)
    else:
        found = file.words(_SEGMENTED[index])
        if found is None:
            raise MalformedError("Palette data are missing", code="palette_data", tag=_DATA[index])
        value, big_endian = found
        kind = "u1" if bits == 8 else (">u2" if big_endian else "<u2")
        words = np.frombuffer(value[: len(value) & ~1] if bits != 8 else value, kind)
        channel = _expand_segments(words.astype(kind[-2:]), entries, _SEGMENTED[index]).astype(np.uint16)
    if len(channel) < entries:
        if not len(channel):
            raise MalformedError("Palette data are empty", code="palette_data", tag=_DATA[index])
        # Readers repeat the last entry for what is missing.
        channel = np.concatenate([channel, np.full(entries - len(channel), channel[-1], np.uint16)])
    return channel[:entries]


def read_palette(file: DicomFile) -> Palette:
    """The palette of a PALETTE COLOR image.

    The depth is the declared one (third value of the descriptors), corrected to 8 when 16 bits are declared and every
    entry fits in 8 bits or has equal high and low bytes.

    Raises
    ------
    MalformedError
        A descriptor or the data are missing, short or unreadable.
    """
    descriptors = [_descriptor(file, tag) for tag in _DESCRIPTORS]
    entries, first, _ = descriptors[0]
    if any(d[0] != entries or d[1] != first for d in descriptors):
        raise MalformedError("The three palette descriptors differ", code="palette_descriptor", tag=_DESCRIPTORS[1])
    bits = max(d[2] for d in descriptors)
    bits = 8 if bits <= 8 else 16
    channels = np.stack([_channel(file, i, entries, bits) for i in range(3)], axis=1)
    corrected = False
    if bits == 16:
        high, low = channels >> 8, channels & 0xFF
        corrected = bool((high == 0).all() or (high == low).all())
        if corrected:
            bits = 8
    if bits == 8:
        channels = (channels & 0xFF).astype(np.uint8)
    return Palette(np.ascontiguousarray(channels), first, bits, corrected)


def apply_palette(indices: NDArray[np.generic], palette: Palette) -> NDArray[np.generic]:
    """(rows, columns, 1) stored values -> (rows, columns, 3) of the palette's type."""
    if indices.dtype.itemsize > 2:
        raise UnsupportedError("Palette indices of more than 16 bits", code="palette_bits")
    out = np.empty((*indices.shape[:2], 3), palette.table.dtype)
    n = indices.shape[0] * indices.shape[1]
    _kernels.palette(
        indices,
        _kernels.type_code(indices.dtype),
        n,
        palette.first,
        len(palette.table),
        palette.table,
        3,
        palette.table.dtype.itemsize,
        out,
    )
    return out


def to_rgb(samples: NDArray[np.generic], photometric: str, bits: int) -> NDArray[np.generic]:
    """YBR_FULL samples (rows, columns, 3) to RGB, in place; RGB stays as it is.

    Raises
    ------
    UnsupportedError
        A Photometric Interpretation that has no conversion here.
    """
    if photometric in ("RGB", "YBR_ICT", "YBR_RCT"):
        return samples  # the last two are undone by the JPEG 2000 codec
    if photometric in ("YBR_FULL", "YBR_FULL_422") and samples.dtype.itemsize <= 2 and samples.shape[2] == 3:
        _kernels.ybr_to_rgb(samples, samples.shape[0] * samples.shape[1], samples.dtype.itemsize, bits, samples)
        return samples
    raise UnsupportedError(
        f"No conversion to RGB for Photometric Interpretation {photometric or 'missing'}",
        code="photometric_interpretation",
        tag=0x00280004,
        hint='Ask for color="stored"',
    )
