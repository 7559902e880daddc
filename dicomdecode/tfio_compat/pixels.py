"""What tensorflow-io 0.37.1 reads of a file before it renders: attributes, lookup tables, the pixel stream.

It follows the library inside tensorflow-io, not the standard. `dicomdecode.tfio_compat.image` makes an image of it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from dicomdecode.errors import MalformedError, TruncatedError, UnsupportedError
from dicomdecode.limits import check_limit
from dicomdecode.pixels._plans import Plan, type_number
from dicomdecode.reading import DicomFile, MemorySource
from dicomdecode.syntaxes import SYNTAXES
from dicomdecode.tfio_compat._plan import is_first_empty

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.limits import Limits
    from dicomdecode.reading import DataSet, Source

__all__ = [
    "PIXEL_DATA",
    "Function",
    "Image",
    "PackedSamples",
    "Stream",
    "Table",
    "check_limits",
    "chunks",
    "container",
    "decimal",
    "fail",
    "first_text",
    "floating",
    "integer",
    "lookup_table",
    "mapped",
    "number",
    "numbers",
    "open_lenient",
    "read_attributes",
    "read_native",
    "signed_values",
    "stored",
    "undefined",
    "vr_of",
]

Function = Callable[["NDArray[Any]"], "NDArray[Any]"]
Table = tuple["NDArray[Any]", int, int]  # entries, first value mapped, bits

#: Samples of a pixel in the stream, by Photometric Interpretation without spaces and underscores.
SAMPLES = {
    "MONOCHROME1": 1,
    "MONOCHROME2": 1,
    "PALETTECOLOR": 1,
    "RGB": 3,
    "HSV": 3,
    "ARGB": 4,
    "CMYK": 4,
    "YBRFULL": 3,
    "YBRFULL422": 2,
    "YBRPARTIAL422": 2,
}
PIXEL_DATA = 0x7FE00010
_TEXTS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")
_INTEGER = re.compile(rb"\s*([+-]?\d+)")
_DECIMAL = re.compile(rb"\s*([+-]?)(?=\.?\d)(\d*(?:\.\d*)?)(?:[eE]([+-]?)(\d+))?")
#: A file that holds fewer than 1/64 of the pixels that it announces gets no memory beyond this.
_FREE_BYTES = 1 << 26
_MOST_ENTRIES = 1 << 16  # of a lookup table
_CHUNK = 1 << 17  # pixels: float64 temporaries stay in the cache


@dataclass(frozen=True)
class Image:
    """The attributes that describe the pixels, as tensorflow-io understands them."""

    photometric: str  # letters and digits only
    rows: int
    columns: int
    frames: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    planar: bool
    syntax: str  # the transfer syntax UID

    @property
    def samples(self) -> int:
        return SAMPLES[self.photometric]

    @property
    def total(self) -> int:
        """Pixels of all frames."""
        return self.frames * self.rows * self.columns


@dataclass(frozen=True)
class Stream:
    """The uncompressed pixel data of all frames: one little-endian stream of bits."""

    data: NDArray[Any]
    cut: bool = False  # the file ends inside it: what is missing is undefined
    word: int = 16  # bits that are read at a time: 8 of OB


def fail(text: str, tag: int | None = None) -> NoReturn:
    """Raise what tensorflow-io calls "Error loading image"."""
    raise MalformedError(f"tensorflow-io does not load this image: {text}", code="tfio_image", tag=tag)


def undefined(text: str) -> NoReturn:
    """Raise where the original's result depends on chance, or where it ends the process."""
    raise UnsupportedError(f"tensorflow-io's result is undefined: {text}", code="tfio_undefined")


def open_lenient(source: Source, limits: Limits) -> DicomFile:
    """The file; where it is malformed, what could be read in front of that (tensorflow-io ignores parsing errors)."""
    try:
        return DicomFile(source, limits)
    except MalformedError as error:
        if not error.offset or error.offset >= source.size or error.code == "not_dicom":
            raise
        return DicomFile(MemorySource(bytes(source.read_at(0, error.offset))), limits)


def vr_of(data: DataSet, tag: int) -> str | None:
    """The VR of an element; None where it is absent, or the first of several is empty, which is the one there."""
    return None if is_first_empty(data, tag) else data.vr(tag)


def numbers(data: DataSet, tag: int, *vrs: str) -> list[int]:
    """The 16-bit values of an element, as many as a table can have; none when it is absent or has another VR than
    these, as there."""
    vr = vr_of(data, tag)
    if vr not in vrs:
        return []
    value, big_endian = data.words(tag, 0, 2 * _MOST_ENTRIES) or (b"", False)
    count = len(value) // 2
    return list(struct.unpack(f"{'>' if big_endian else '<'}{count}{'h' if vr == 'SS' else 'H'}", value[: 2 * count]))


def number(data: DataSet, tag: int) -> int | None:
    """The first value of a US element."""
    return next(iter(numbers(data, tag, "US")), None)


def first_text(data: DataSet, tag: int) -> str:
    """The first of the values that backslashes separate, without padding; nothing of what is no text."""
    if vr_of(data, tag) not in _TEXTS:
        return ""
    return (data.raw(tag) or b"").split(b"\\")[0].strip(b" \0").decode("latin-1")


def integer(data: DataSet, tag: int) -> int | None:
    """The first value of an IS element."""
    match = _INTEGER.match(data.raw(tag) or b"") if vr_of(data, tag) == "IS" else None
    return int(match[1]) if match and len(match[1]) < 19 else None


def floating(data: DataSet, tag: int) -> float | None:
    """The first value of a DS, or of an FD in its place."""
    vr = vr_of(data, tag)
    if vr == "DS":
        return decimal((data.raw(tag) or b"").split(b"\\")[0])
    value, big_endian = (data.words(tag) if vr == "FD" else None) or (b"", False)
    if len(value) < 8:
        return None
    number: float = struct.unpack_from(">d" if big_endian else "<d", value)[0]
    return number


def decimal(text: bytes) -> float | None:
    """The value of a DS as tensorflow-io computes it: not always the nearest double.

    At most 18 digits count, zeros in front among them. The last nine of them and those before are read as two integers,
    and the power of ten is a product of powers 10**(2**i), each step rounded.
    """
    match = _DECIMAL.match(text)
    if match is None:
        special = text.strip().lower().lstrip(b"+-")[:3]
        return float(special) if special in (b"nan", b"inf") else None
    sign, digits, exponent_sign, exponent_digits = match.groups()
    whole, _, part = digits.partition(b".")
    kept = (whole + part)[:18]
    leading, last = kept[:-9], kept[-9:]
    mantissa = 1e9 * int(leading or b"0") + int(last)
    exponent = int((exponent_digits or b"0")[:9])
    exponent = len(whole) - len(kept) + (-exponent if exponent_sign == b"-" else exponent)
    power, left, i = 1.0, min(abs(exponent), 511), 0
    while left >> i:
        if left >> i & 1:
            power *= 10.0 ** (1 << i)
        i += 1
    value = mantissa / power if exponent < 0 else mantissa * power
    return -value if sign == b"-" else value


def lookup_table(
    data: DataSet, descriptor_tag: int, data_tag: int, signed: bool
) -> tuple[NDArray[Any], int, int] | None:
    """A lookup table, None when it counts as absent.

    Entries are masked with the bits: a table of 16-bit entries that declares 8 bits keeps the low bytes.
    """
    descriptor = numbers(data, descriptor_tag, "US", "SS")
    words = np.array(numbers(data, data_tag, "US", "OW"), np.int64)
    if len(descriptor) < 3 or not len(words):
        return None
    count, first, bits = (value & 0xFFFF for value in descriptor[:3])
    count = count or 65536
    if len(words) != count and len(words) == (count + 1) // 2:  # else the words that are there are the entries
        words = np.stack([words & 0xFF, words >> 8], axis=1).reshape(-1)[:count]
    if not 8 <= bits <= 16:
        bits = min(max(int(words.max()).bit_length(), 8), 16)
    if signed and first > 0x7FFF:
        first -= 0x10000
    return words & ((1 << bits) - 1), first, bits


def read_attributes(file: DicomFile) -> Image:
    """What describes the pixels.

    Raises
    ------
    DicomError
        tensorflow-io loads no image of these.
    """
    if file.contradicts and file.transfer_syntax in SYNTAXES:
        # It is believed there, and the data set then read as something else.
        fail("the data set is not encoded as its transfer syntax says", 0x00020010)
    if file.pixels_tag != PIXEL_DATA or not file.pixels_length:
        fail("there is no integer pixel data", PIXEL_DATA)
    if file.pixels_vr not in ("OB", "OW"):
        fail("the VR of the pixel data is neither OB nor OW", PIXEL_DATA)
    photometric = re.sub("[^A-Za-z0-9]", "", first_text(file, 0x00280004)).upper()
    if photometric not in SAMPLES:
        fail("it does not know the photometric interpretation", 0x00280004)
    values = {}
    for tag in (0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280103):
        value = number(file, tag)
        if value is None or (value == 0 and tag != 0x00280103):
            fail("an attribute of the pixels is missing or 0", tag)
        values[tag] = value
    rows, columns, allocated, bits, sign = values.values()
    high_bit = number(file, 0x00280102) or bits - 1
    if bits > allocated or bits > high_bit + 1 or bits > 32:
        fail("Bits Stored exceeds Bits Allocated, High Bit + 1, or 32", 0x00280101)
    planar = number(file, 0x00280006)
    if not photometric.startswith("MONOCHROME"):
        if number(file, 0x00280002) is None:
            fail("Samples per Pixel is missing", 0x00280002)
        if photometric != "PALETTECOLOR" and planar is None and not _sets_planar(file):
            fail("Planar Configuration is missing", 0x00280006)
    frames = integer(file, 0x00280008) or 1
    frames, syntax = max(frames, 1), file.transfer_syntax
    return Image(photometric, rows, columns, frames, allocated, bits, high_bit, sign == 1, planar == 1, syntax)


def _sets_planar(file: DicomFile) -> bool:
    """Whether the decoder there writes Planar Configuration itself."""
    syntax = SYNTAXES.get(file.transfer_syntax)
    if syntax is None or not file.is_encapsulated:
        return False
    return syntax.codec == "jpeg" or (syntax.codec == "jpegls" and number(file, 0x00280002) == 3)


def check_limits(file: DicomFile, image: Image, present: int) -> None:
    """Raise LimitError for more than the limits allow, or much more than the file can hold."""
    limits = file.limits
    needed = image.total * max(image.samples, 3 if image.samples != 1 or image.photometric[0] == "P" else 1)
    pixels = image.rows * image.columns
    check_limit("Rows times Columns exceed", "limit_pixels_per_frame", limits.pixels_per_frame, pixels)
    check_limit("Number of Frames exceeds", "limit_frames", limits.frames, image.frames)
    check_limit("The image exceeds", "limit_output_bytes", limits.output_bytes, needed)
    if needed > _FREE_BYTES and needed > 64 * 8 * present:
        raise TruncatedError("The pixel data cannot hold so many pixels", code="frame_cut", tag=PIXEL_DATA)


def read_native(file: DicomFile, image: Image) -> Stream:
    """The pixel stream of pixel data that are not encapsulated."""
    vr, length = file.pixels_vr, file.pixels_length_told
    if vr == "OB" and image.allocated > 16:
        fail("pixel data of more than 16 bits have the VR OB", PIXEL_DATA)
    check_limits(file, image, length)
    data = np.frombuffer(file.source.read_at(file.pixels_offset, length), np.uint8)
    if len(data) % 2 and not file.pixels_cut:
        data = np.append(data, np.uint8(0))
    syntax = SYNTAXES.get(file.transfer_syntax)
    if vr == "OW" and (file.big_endian or (syntax is not None and syntax.swaps_pixels)):
        # Words, also where a pixel has two of them.
        data = data[: len(data) // 2 * 2].view(">u2").astype("<u2").view(np.uint8)
    return Stream(data, file.pixels_cut, 8 if vr == "OB" else 16)


# --- stored values ---------------------------------------------------------------------------------------------------


class PackedSamples:
    """Samples that are not cells of their own in the stream, unpacked as they are asked for: like an array of them.

    Attributes
    ----------
    dtype : numpy.dtype
    """

    def __init__(self, stream: Stream, image: Image, count: int, shift: int) -> None:
        self.dtype = container(image.stored)
        self._data, self._word = stream.data, stream.word
        self._count = count
        self._allocated, self._shift, self._bits = image.allocated, shift, image.stored

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, part: slice) -> NDArray[Any]:
        start, stop, _ = part.indices(self._count)
        allocated = self._allocated
        if allocated == 1 and self._shift == 0:
            cells = np.unpackbits(self._data[start // 8 : (stop + 7) // 8], bitorder="little")
            return cells[start % 8 :][: stop - start]
        front, end = start * allocated // 8, (stop * allocated + self._shift) // 8 + 6
        data = self._data[front:end]
        data = np.append(data, np.zeros(end - front - len(data), np.uint8))
        begin = np.arange(start, stop, dtype=np.int64) * allocated
        first = begin + self._shift - 8 * front
        word = np.zeros(stop - start, np.uint64)
        for i in range(5):  # 32 bits touch five bytes at most
            word |= data[(first >> 3) + i].astype(np.uint64) << np.uint64(8 * i)
        found = (word >> (first & 7).astype(np.uint64)) & np.uint64((1 << self._bits) - 1)
        if self._word % allocated == 0:  # several samples in a word: what follows it is zeros
            left = np.clip(self._word - begin % self._word - self._shift, 0, self._bits)
            found &= (np.uint64(1) << left.astype(np.uint64)) - np.uint64(1)
        return found.astype(self.dtype)


def stored(stream: Stream, image: Image, needed: int) -> NDArray[Any] | PackedSamples:
    """The Bits Stored bits of at most `needed` samples, as unsigned integers of 8, 16 or 32 bits, not sign-extended.

    Sample k has the bits k * Bits Allocated + High Bit + 1 - Bits Stored onwards. A High Bit outside of the cell says
    nothing where all bits are stored; else bits of the samples behind may follow, or zeros.
    """
    allocated, bits = image.allocated, image.stored
    count = min(needed, -(-8 * len(stream.data) // allocated))
    if count * allocated > 8 * len(stream.data):
        undefined("the pixel data end inside a pixel")
    if stream.cut and count < needed:
        raise TruncatedError("The file ends inside the pixel data", code="pixels_cut", tag=PIXEL_DATA)
    shift = image.high_bit + 1 - bits
    if bits == allocated and allocated in (8, 16, 32):
        shift = 0
    if allocated not in (8, 16, 32, 64) or (shift + bits > allocated and allocated != stream.word):
        return PackedSamples(stream, image, count, shift)
    size = allocated // 8
    cells = stream.data[: count * size].view(f"<u{size}")
    if shift:
        cells = cells >> shift
    if shift + bits < allocated:
        cells = cells & cells.dtype.type((1 << bits) - 1)
    return cells.astype(container(bits), copy=False)


def container(bits: int) -> np.dtype[Any]:
    return np.dtype(np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)


def chunks(count: int) -> Iterator[slice]:
    for start in range(0, count, _CHUNK):
        yield slice(start, min(start + _CHUNK, count))


def signed_values(raw: NDArray[Any], image: Image) -> NDArray[Any]:
    """Stored bits as int64, sign-extended where Pixel Representation says so."""
    values = raw.astype(np.int64)
    if image.signed:
        sign = 1 << (image.stored - 1)
        values = (values ^ sign) - sign
    return values


def mapped(raw: NDArray[Any] | PackedSamples, image: Image, function: Function, out: NDArray[Any]) -> None:
    """`function` of the signed stored values, by a table where that is less work."""
    if image.stored <= 16 and len(raw) > 1 << image.stored:
        table = function(signed_values(np.arange(1 << image.stored), image))
        if not out.flags.c_contiguous:
            for part in chunks(len(raw)):
                out[part] = table[raw[part]]
            return
        # The kernel only moves bytes: types of the same size will do.
        entries = np.zeros(1 << 8 * raw.dtype.itemsize, table.dtype)
        entries[: len(table)] = table
        moved = np.dtype({1: "u1", 2: "u2", 4: "u4", 8: "f8"}[table.dtype.itemsize])
        plan = Plan.of_table(entries.view(moved), type_number(raw.dtype), type_number(moved), moved)
        for part in chunks(len(raw)):
            plan.apply(raw[part], out[part].view(moved))
    else:
        for part in chunks(len(raw)):
            out[part] = function(signed_values(raw[part], image))
