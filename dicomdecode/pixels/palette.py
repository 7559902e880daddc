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
        Red, green, blue, and alpha where it was asked for, of each entry.
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


def _in_pairs(value: bytes) -> NDArray[np.uint8]:
    """The bytes of big-endian words with the low byte of each word first."""
    words = np.frombuffer(value[: len(value) & ~1], np.uint8).reshape(-1, 2)
    return np.ascontiguousarray(words[:, ::-1]).reshape(-1)


def _expand_segments(words: NDArray[Any], entries: int, tag: int) -> NDArray[np.uint16]:
    """Segmented palette data to plain entries (PS3.3 C.7.9.2). `words` holds one opcode, length or entry each."""
    out: list[int] = []
    data = words.tolist()
    size = words.dtype.itemsize
    left = _MOST_SEGMENTS

    def malformed(what: str) -> MalformedError:
        return MalformedError(f"Segmented palette data: {what}", code="palette_segment", tag=tag)

    def expand(at: int, count: int, nested: bool) -> None:
        nonlocal left
        while at + 1 < len(data) and count and len(out) < entries:
            opcode, length = data[at], data[at + 1]
            left -= 1
            if left < 0:
                raise malformed("more segments than there can be entries")
            if opcode == 0:  # discrete: the entries follow
                out.extend(data[at + 2 : at + 2 + length])
                at += 2 + length
            elif opcode == 1:  # linear: from the last entry to this one in `length` steps
                if not out or at + 2 >= len(data):
                    raise malformed("a linear segment has no start or end")
                start, end = out[-1], data[at + 2]
                out.extend(round(start + (end - start) * k / length) for k in range(1, length + 1))
                at += 3
            elif opcode == 2 and not nested:  # indirect: `length` segments again, from an offset of 32 bits
                words_of_offset = 4 // size
                if at + 1 + words_of_offset >= len(data):
                    raise malformed("an indirect segment is cut")
                # In bytes; the low part first, as 16-bit words or as bytes.
                offset = sum(data[at + 2 + k] << (8 * size * k) for k in range(words_of_offset))
                expand(offset // size, length, True)
                at += 2 + words_of_offset
            else:
                raise malformed("an unknown opcode")
            count -= 1

    expand(0, -1, False)
    return np.array(out[:entries], np.uint16)


def _channel(file: DicomFile, index: int, entries: int, bits: int) -> NDArray[np.uint16]:
    found = file.words(_DATA[index])
    if found is not None and found[0]:
        value, big_endian = found
        if len(value) < 2 * entries and len(value) >= entries:
            # 8-bit entries packed in words (PS3.3 C.7.6.3.1.6): the first is the low byte of the first word.
            packed = _in_pairs(value) if big_endian else np.frombuffer(value, np.uint8)
            channel = packed[:entries].astype(np.uint16)
        else:
            channel = np.frombuffer(value[: len(value) & ~1], ">u2" if big_endian else "<u2").astype(np.uint16)
    else:
        found = file.words(_SEGMENTED[index])
        if found is None:
            raise MalformedError("Palette data are missing", code="palette_data", tag=_DATA[index])
        value, big_endian = found[0][:_MOST_BYTES], found[1]
        if bits == 8:
            words: NDArray[Any] = _in_pairs(value) if big_endian else np.frombuffer(value, np.uint8)
        else:
            words = np.frombuffer(value[: len(value) & ~1], ">u2" if big_endian else "<u2")
        channel = _expand_segments(words, entries, _SEGMENTED[index])
    if len(channel) < entries:
        if not len(channel):
            raise MalformedError("Palette data are empty", code="palette_data", tag=_DATA[index])
        # Readers repeat the last entry for what is missing.
        channel = np.concatenate([channel, np.full(entries - len(channel), channel[-1], np.uint16)])
    return channel[:entries]


def read_palette(pixels: PixelData, alpha: bool = False) -> Palette:
    """The palette of a PALETTE COLOR image, or a supplemental one; read once a file.

    The depth is the declared one (third value of the descriptors), corrected to 8 when 16 bits are declared and every
    entry of red, green and blue fits in 8 bits or has equal high and low bytes.

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
    entries, first, _ = descriptors[0]
    for i, descriptor in enumerate(descriptors):
        if descriptor[:2] != (entries, first):
            raise MalformedError("The palette descriptors differ", code="palette_descriptor", tag=_DESCRIPTORS[i])
    bits = max(d[2] for d in descriptors)
    bits = 8 if bits <= 8 else 16
    channels = np.stack([_channel(file, i, entries, bits) for i in range(len(descriptors))], axis=1)
    corrected = False
    if bits == 16:
        colours = channels[:, :3]
        corrected = bool((colours <= 0xFF).all() or (colours >> 8 == colours & 0xFF).all())
        if corrected and has_alpha and (channels[:, _ALPHA] > 0xFF).any():
            channels[:, _ALPHA] >>= 8
        if corrected:
            bits = 8
    if bits == 8:
        channels = (channels & 0xFF).astype(np.uint8)
    if alpha and not has_alpha:
        channels = np.column_stack([channels, np.full(entries, (1 << bits) - 1, channels.dtype)])
    return Palette(np.ascontiguousarray(channels), first, bits, corrected)
