"""Palettes as tables (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6, C.7.9)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dicomdecode.errors import MalformedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.pixels._core import PixelData
    from dicomdecode.reading import DicomFile

__all__ = ["Palette", "read_palette"]

# Red, green, blue, alpha.
_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103, 0x00281104)
_DATA = (0x00281201, 0x00281202, 0x00281203, 0x00281204)
_SEGMENTED = (0x00281221, 0x00281222, 0x00281223, 0x00281224)
_ALPHA = 3

#: Segments of one table, repeated ones included: each makes an entry at least, but for those that make none.
_MOST_SEGMENTS = 1 << 17
#: Bytes of one table's data that can matter: opcode, length and value of 16 bits for each of 65536 entries.
_MOST_BYTES = 1 << 19


class Palette(NamedTuple):
    """A palette as one table.

    Attributes
    ----------
    table : ndarray, (entries, 3) or (entries, 4), uint8 or uint16
        Red, green, blue, and alpha where it was requested, of each entry.
    first : int
        The stored value of entry 0.
    bits : int
        8 or 16: the depth of the entries as used.
    declared : int
        8 or 16: the depth as the descriptors declare it.
    is_short : bool
        A table has fewer entries than its descriptor says.
    differs : bool
        The descriptors of red, green and blue differ.
    """

    table: NDArray[np.uint8] | NDArray[np.uint16]
    first: int
    bits: int
    declared: int
    is_short: bool
    differs: bool


class _Descriptor(NamedTuple):
    entries: int
    first: int
    bits: int


def _descriptor(file: DicomFile, tag: int) -> _Descriptor:
    found = file.words(tag)
    if found is None or len(found[0]) < 6:
        raise MalformedError("A palette descriptor is missing or short", code="palette_descriptor", tag=tag)
    value, big_endian = found
    entries, first, bits = struct.unpack(">HHH" if big_endian else "<HHH", value[:6])
    # PS3.3 C.7.6.3.1.5: the first value mapped has the sign of the pixels; 0 entries means 65536.
    if file.signed and first >= 0x8000:
        first -= 0x10000
    return _Descriptor(entries or 65536, first, 8 if bits <= 8 else 16)


def _in_pairs(value: bytes) -> NDArray[np.uint8]:
    """The bytes of big-endian words with the low byte of each word first."""
    words = np.frombuffer(value[: len(value) & ~1], np.uint8).reshape(-1, 2)
    return np.ascontiguousarray(words[:, ::-1]).reshape(-1)


def _expand_segments(words: NDArray[Any], entries: int, tag: int) -> NDArray[np.uint16]:
    """Segmented palette data to plain entries (PS3.3 C.7.9.2). `words` holds one opcode, length or entry each.

    Entries lie on lines between knots: a linear segment ends with one, and each entry of a discrete one is one.
    """
    knots: list[int] = []
    steps: list[int] = []  # entries to each knot from the one before it
    total = 0
    data = words.tolist()
    end = len(data)
    size = words.dtype.itemsize
    left = _MOST_SEGMENTS

    def malformed(what: str) -> MalformedError:
        return MalformedError(f"Segmented palette data: {what}", code="palette_segment", tag=tag)

    def read(at: int, count: int, nested: bool) -> None:
        nonlocal left, total
        while at + 1 < end and count and total < entries:
            opcode, length = data[at], data[at + 1]
            left -= 1
            if left < 0:
                raise malformed("more segments than there can be entries")
            if opcode == 0:  # discrete: the entries follow
                found = data[at + 2 : at + 2 + length]
                knots.extend(found)
                steps.extend([1] * len(found))
                total += len(found)
                at += 2 + length
            elif opcode == 1:  # linear: from the last entry to this one in `length` steps
                if not knots or at + 2 >= end:
                    raise malformed("a linear segment has no start or end")
                if length:
                    knots.append(data[at + 2])
                    steps.append(length)
                    total += length
                at += 3
            elif opcode == 2 and not nested:  # indirect: `length` segments again, from an offset of 32 bits
                words_of_offset = 4 // size
                if at + 1 + words_of_offset >= end:
                    raise malformed("an indirect segment is cut")
                # In bytes; the low part first, as 16-bit words or as bytes.
                offset = sum(data[at + 2 + k] << (8 * size * k) for k in range(words_of_offset))
                read(offset // size, length, True)
                at += 2 + words_of_offset
            else:
                raise malformed("an unknown opcode")
            count -= 1

    read(0, -1, False)
    return _between(np.array(knots, np.float64), np.array(steps, np.int64), entries)


def _between(knots: NDArray[np.float64], steps: NDArray[np.int64], count: int) -> NDArray[np.uint16]:
    """The first entries on the lines between knots, rounded half to even; without the start of the first line."""
    starts = np.concatenate([knots[:1], knots[:-1]])
    done = np.arange(1, steps.sum() + 1) - np.repeat(np.cumsum(steps) - steps, steps)
    line = np.repeat(starts, steps) + np.repeat(knots - starts, steps) * done / np.repeat(steps, steps)
    entries: NDArray[np.uint16] = np.rint(line[:count]).astype(np.uint16)
    return entries


def _channel(file: DicomFile, index: int, descriptor: _Descriptor) -> NDArray[np.uint16]:
    """The entries of one table that are there, no more than its descriptor says."""
    entries, bits = descriptor.entries, descriptor.bits
    found = file.words(_DATA[index], 0, 2 * entries)
    if found is not None and found[0]:
        value, big_endian = found
        # 8-bit entries may be packed in words (PS3.3 C.7.6.3.1.6): the first is the low byte of the first word. Of
        # entries that are declared with 16 bits there must be just so many bytes; others are words, and some missing.
        is_packed = len(value) < 2 * entries and (bits == 8 or len(value) in (entries, entries + entries % 2))
        if is_packed:
            packed = _in_pairs(value) if big_endian else np.frombuffer(value, np.uint8)
            channel = packed.astype(np.uint16)
        else:
            channel = np.frombuffer(value[: len(value) & ~1], ">u2" if big_endian else "<u2").astype(np.uint16)
    else:
        found = file.words(_SEGMENTED[index], 0, _MOST_BYTES)
        if found is None:
            raise MalformedError("Palette data are missing", code="palette_data", tag=_DATA[index])
        value, big_endian = found
        if bits == 8:
            words: NDArray[Any] = _in_pairs(value) if big_endian else np.frombuffer(value, np.uint8)
        else:
            words = np.frombuffer(value[: len(value) & ~1], ">u2" if big_endian else "<u2")
        channel = _expand_segments(words, entries, _SEGMENTED[index])
    if not len(channel):
        raise MalformedError("Palette data are empty", code="palette_data", tag=_DATA[index])
    return channel[:entries]


def read_palette(pixels: PixelData, alpha: bool = False) -> Palette:
    """The palette of a PALETTE COLOR image, or a supplemental one; read once a file.

    The depth is the declared one (third value of the descriptors), corrected to 8 when every entry of red, green and
    blue fits in 8 bits or has equal high and low bytes, and to 16 when 8 bits are declared and an entry has more.
    Where the descriptors differ, each table is used as its own says. What a table lacks is its last entry.

    Parameters
    ----------
    pixels : PixelData
        Of a file with palette descriptors.
    alpha : bool
        Four columns: the Alpha Palette, or all opaque where the file has none.

    Raises
    ------
    MalformedError
        A descriptor or the data are missing, short or unreadable.
    """
    found = pixels.alpha_palette if alpha else pixels.palette
    if found is None:
        found = _read(pixels.file, alpha)
        if alpha:
            pixels.alpha_palette = found
        else:
            pixels.palette = found
    palette: Palette = found
    return palette


def _read(file: DicomFile, alpha: bool) -> Palette:
    has_alpha = alpha and file.vr(_DESCRIPTORS[_ALPHA]) is not None
    descriptors = [_descriptor(file, tag) for tag in _DESCRIPTORS[: 4 if has_alpha else 3]]
    channels = [_channel(file, i, descriptor) for i, descriptor in enumerate(descriptors)]
    declared = max(descriptor.bits for descriptor in descriptors)
    first = min(descriptor.first for descriptor in descriptors)
    entries = max(descriptor.first + descriptor.entries for descriptor in descriptors) - first
    values = np.arange(first, first + entries)
    # A table of 8 bits beside one of 16 goes to the same ends.
    if declared == 16 and any(descriptor.bits == 8 for descriptor in descriptors):
        wide = max(int(channel.max()) for channel in channels) > 0xFF
        for i, descriptor in enumerate(descriptors):
            if wide and descriptor.bits == 8 and channels[i].max() <= 0xFF:
                channels[i] = channels[i] * np.uint16(257)
    # Readers repeat the last entry for what is missing, as for values outside the table.
    table = np.stack(
        [
            channel[np.clip(values - descriptor.first, 0, len(channel) - 1)]
            for channel, descriptor in zip(channels, descriptors, strict=True)
        ],
        axis=1,
    )
    colours = table[:, :3]
    is_8_bit = bool((colours <= 0xFF).all() or (colours >> 8 == colours & 0xFF).all())
    if is_8_bit and has_alpha and (table[:, _ALPHA] > 0xFF).any():
        table[:, _ALPHA] >>= 8
    bits = 8 if is_8_bit else 16
    if bits == 8:
        table = (table & 0xFF).astype(np.uint8)
    if alpha and not has_alpha:
        table = np.column_stack([table, np.full(entries, (1 << bits) - 1, table.dtype)])
    return Palette(
        np.ascontiguousarray(table),
        first,
        bits,
        declared,
        any(len(channel) < descriptor.entries for channel, descriptor in zip(channels, descriptors, strict=True)),
        any(descriptor != descriptors[0] for descriptor in descriptors[:3]),
    )
