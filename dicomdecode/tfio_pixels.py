"""What tensorflow-io 0.37.1 reads of a file before it renders: attributes, lookup tables, the pixel stream.

It follows the library inside tensorflow-io, not the standard. `dicomdecode.tfio_values` makes an image of it.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from dicomdecode import codecs
from dicomdecode._file import DicomFile
from dicomdecode._spec import FrameSpec
from dicomdecode.errors import LimitError, MalformedError, TruncatedError, UnsupportedError
from dicomdecode.source import MemorySource
from dicomdecode.syntaxes import SYNTAXES, name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode._dataset import DataSet
    from dicomdecode.limits import Limits
    from dicomdecode.source import Source

__all__ = ["Image", "Stream", "decimal", "first_text", "lookup_table", "numbers", "open_lenient", "read_image", "stored"]

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
_BYTES = 0x7FE00010
_INTEGER = re.compile(rb"\s*([+-]?\d+)")
_DECIMAL = re.compile(rb"\s*([+-]?)(?=\.?\d)(\d*(?:\.\d*)?)(?:[eE]([+-]?)(\d+))?")
#: A file that holds fewer than 1/64 of the pixels that it announces gets no memory beyond this.
_FREE_BYTES = 1 << 26


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


def fail(text: str, tag: int | None = None, code: str = "tfio_image") -> NoReturn:
    """Raise what tensorflow-io calls "Error loading image"."""
    raise MalformedError(f"tensorflow-io loads no such image: {text}", code=code, tag=tag)


def open_lenient(source: Source, limits: Limits, stop_at_pixels: bool = True) -> DicomFile:
    """The file; where it is malformed, what could be read in front of that (tensorflow-io ignores parsing errors)."""
    try:
        return DicomFile(source, limits, stop_at_pixels)
    except MalformedError as error:
        if not error.offset or error.offset >= source.size or error.code == "not_dicom":
            raise
        return DicomFile(MemorySource(bytes(source.read_at(0, error.offset))), limits, stop_at_pixels)


def numbers(data: DataSet, tag: int, *vrs: str) -> list[int]:
    """The 16-bit values of an element; none when it is absent or has another VR than these, as there."""
    vr = data.vr(tag)
    if vr not in vrs:
        return []
    value, big_endian = data.words(tag) or (b"", False)
    count = len(value) // 2
    return list(struct.unpack(f"{'>' if big_endian else '<'}{count}{'h' if vr == 'SS' else 'H'}", value[: 2 * count]))


def number(data: DataSet, tag: int) -> int | None:
    """The first value of a US element."""
    return next(iter(numbers(data, tag, "US")), None)


def first_text(data: DataSet, tag: int) -> str:
    """The first of the values that backslashes separate, without padding."""
    return (data.raw(tag) or b"").split(b"\\")[0].strip(b" \0").decode("latin-1")


def integer(data: DataSet, tag: int) -> int | None:
    """The first value of an IS element."""
    match = _INTEGER.match(data.raw(tag) or b"") if data.vr(tag) == "IS" else None
    return int(match[1]) if match and len(match[1]) < 19 else None


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


def lookup_table(data: DataSet, descriptor_tag: int, data_tag: int, signed: bool) -> tuple[NDArray[Any], int, int] | None:
    """(entries, first value mapped, bits) of a lookup table, None when it counts as absent.

    Entries are masked with the bits: a table of 16-bit entries that declares 8 bits keeps the low bytes.
    """
    descriptor = numbers(data, descriptor_tag, "US", "SS")
    words = np.array(numbers(data, data_tag, "US", "SS", "OW")[:65536], np.int64) & 0xFFFF
    if len(descriptor) < 3 or not len(words):
        return None
    count, first, bits = (value & 0xFFFF for value in descriptor[:3])
    count = count or 65536
    if len(words) != count:
        if len(words) == (count + 1) // 2:
            words = np.stack([words & 0xFF, words >> 8], axis=1).reshape(-1)[:count]
        # Else what is there decides.
    if not 8 <= bits <= 16:
        bits = min(max(int(words.max()).bit_length(), 8), 16)
    if signed and first > 0x7FFF:
        first -= 0x10000
    return words & ((1 << bits) - 1), first, bits


def read_image(file: DicomFile) -> tuple[Image, Stream]:
    """Attributes and pixel stream.

    Raises
    ------
    DicomError
        tensorflow-io loads no image, or what it gives is undefined.
    """
    if file.contradicts and file.transfer_syntax in SYNTAXES:
        # It is believed there, and the data set then read as something else.
        fail("the data set is not encoded as its transfer syntax says", 0x00020010)
    tag, vr, _, length, encapsulated = file.pixels
    if tag != _BYTES or not length:
        fail("there is no integer pixel data", _BYTES)
    if vr not in ("OB", "OW"):
        fail("the VR of the pixel data is neither OB nor OW", _BYTES)
    image = _attributes(file)
    if encapsulated:
        return _decompress(file, image)
    if vr == "OB" and image.allocated > 16:
        fail("pixel data of more than 16 bits have the VR OB", _BYTES)
    return image, _native(file, image)


def _attributes(file: DicomFile) -> Image:
    photometric = re.sub("[^A-Za-z0-9]", "", first_text(file, 0x00280004)).upper()
    if photometric not in SAMPLES:
        fail("its photometric interpretation is unknown to it", 0x00280004)
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
        if photometric != "PALETTECOLOR" and planar is None:
            fail("Planar Configuration is missing", 0x00280006)
        if photometric.endswith("422") and planar == 1:
            fail("4:2:2 pixels in planes", 0x00280006)
    frames = integer(file, 0x00280008) or 1
    return Image(photometric, rows, columns, max(frames, 1), allocated, bits, high_bit, sign == 1, planar == 1)


def check_limits(file: DicomFile, image: Image, present: int) -> None:
    """Raise LimitError for more than the limits allow, or much more than the file can hold."""
    limits = file.limits
    needed = image.total * max(image.samples, 3 if image.samples != 1 or image.photometric[0] == "P" else 1)
    for name, asked in (
        ("pixels_per_frame", image.rows * image.columns),
        ("frames", image.frames),
        ("output_bytes", needed),
    ):
        if asked > getattr(limits, name):
            raise LimitError(
                f"The image exceeds the limit {name} of {getattr(limits, name)}",
                code=f"limit_{name}",
                hint="Pass limits=dicomdecode.Limits(...) to allow it",
            )
    if needed > _FREE_BYTES and needed > 64 * 8 * present:
        raise TruncatedError("The pixel data can not hold so many pixels", code="frame_cut", tag=_BYTES)


def _native(file: DicomFile, image: Image) -> Stream:
    _, vr, offset, length, _ = file.pixels
    check_limits(file, image, length)
    data = np.frombuffer(file.source.read_at(offset, length), np.uint8)
    if len(data) % 2 and not file.pixels_cut:
        data = np.append(data, np.uint8(0))
    syntax = SYNTAXES.get(file.transfer_syntax)
    if vr == "OW" and (file.big_endian or (syntax is not None and syntax.big_endian)):
        # Words, also where a pixel has two of them.
        data = data[: len(data) // 2 * 2].view(">u2").astype("<u2").view(np.uint8)
    return Stream(data, file.pixels_cut)


# --- compressed pixel data -------------------------------------------------------------------------------------------


def _decompress(file: DicomFile, image: Image) -> tuple[Image, Stream]:
    syntax = SYNTAXES.get(file.transfer_syntax)
    if syntax is None or syntax.codec not in ("jpeg", "jpegls", "jpeg2000", "rle"):
        raise UnsupportedError(
            f"tensorflow-io decodes no pixel data in {name_of(file.transfer_syntax)}", code="transfer_syntax"
        )
    fragments = _fragments(file)
    if not fragments:
        fail("there are no fragments", _BYTES)
    image = replace(image, frames=max(1, min(image.frames, len(fragments))))
    check_limits(file, image, sum(len(fragment) for fragment in fragments))
    samples = number(file, 0x00280002) or 1
    frames = _frames(fragments, image.frames, syntax.codec)
    if syntax.codec == "jpeg":
        image, decoded = _jpeg(frames, image, samples)
    elif syntax.codec == "rle":
        decoded = [_rle(frame, image, samples, i) for i, frame in enumerate(frames)]
    else:
        decoded = [_wavelet_or_ls(frame, image, samples, syntax.codec, i) for i, frame in enumerate(frames)]
    return image, Stream(decoded[0] if len(decoded) == 1 else np.concatenate(decoded))


def _fragments(file: DicomFile) -> list[Any]:
    """The fragments that are there, without the offset table, which is not asked."""
    _, _, at, length, _ = file.pixels
    end = at + length
    found: list[Any] = []
    while at + 8 <= end and len(found) <= file.limits.fragments:
        group, element, size = struct.unpack("<HHI", file.source.read_at(at, 8))
        if (group, element) != (0xFFFE, 0xE000) or size > end - at - 8:
            break
        found.append(file.source.read_at(at + 8, size))
        at += 8 + size
    return found[1:]


def _frames(fragments: list[Any], count: int, codec: str) -> list[Any]:
    """One codestream for each frame."""
    if len(fragments) == count:
        return fragments
    if count == 1:
        return [b"".join(map(bytes, fragments))]
    ends = b"\xff\xd9"
    frames, open_frame = [], b""
    for fragment in fragments:
        open_frame += bytes(fragment)
        if codec == "rle" or open_frame.rstrip(b"\0").endswith(ends):
            frames.append(open_frame)
            open_frame = b""
    if len(frames) < count:
        fail("a frame is not complete", _BYTES)
    return frames[:count]


def _spec(image: Image, samples: int, bits: int, photometric: str, frame: int) -> FrameSpec:
    return FrameSpec(
        rows=image.rows,
        columns=image.columns,
        samples=samples,
        bits_allocated=bits,
        bits_stored=bits,
        signed=False,
        photometric=photometric,
        frame=frame,
    )


def _jpeg(frames: list[Any], image: Image, samples: int) -> tuple[Image, list[Any]]:
    """Photometric Interpretation alone says whether colour is converted; the precision of frame 0 how wide samples are."""
    from dicomdecode.codecs.markers import SOF3, read_header

    decode = codecs.load("jpeg")
    is_ybr = image.photometric.startswith("YBR")
    if is_ybr and image.signed:
        fail("signed pixels with a YBR photometric interpretation", 0x00280103)
    precision = read_header(memoryview(frames[0]).cast("B"), _spec(image, samples, 8, "RGB", 0)).precision
    bits = 8 if precision <= 8 else 16
    decoded = []
    for i, frame in enumerate(frames):
        header = read_header(memoryview(frame).cast("B"), _spec(image, samples, bits, "RGB", i))
        convert = is_ybr and samples == 3 and header.process != SOF3
        name = "YBR_FULL" if convert else ("RGB" if samples == 3 else "CMYK" if samples == 4 else "MONOCHROME2")
        out = np.empty((image.rows, image.columns, samples), f"<u{bits // 8}")
        decode(frame, _spec(image, samples, bits, name, i), out)
        if is_ybr and samples == 3 and not convert:
            out = _ycc_to_rgb(out, precision)
        decoded.append(out.reshape(-1).view(np.uint8))
    photometric = image.photometric
    if is_ybr:
        photometric = "RGB" if samples == 3 else "MONOCHROME2"
    return replace(
        image,
        photometric=photometric,
        allocated=bits,
        stored=min(image.stored, precision),
        high_bit=min(image.high_bit, precision - 1),
        planar=False,
    ), decoded


def _ycc_to_rgb(samples: NDArray[Any], precision: int) -> NDArray[Any]:
    """The fixed-point conversion of libjpeg, which its lossless decoder there applies too."""
    width = 8 if precision <= 8 else 12 if precision <= 12 else 16
    most, center, half = (1 << width) - 1, 1 << (width - 1), 1 << 15
    y, cb, cr = (samples[..., i].astype(np.int64) for i in range(3))
    cb -= center
    cr -= center
    red = y + ((91881 * cr + half) >> 16)
    green = y + ((-22554 * cb - 46802 * cr + half) >> 16)
    blue = y + ((116130 * cb + half) >> 16)
    return np.clip(np.stack([red, green, blue], axis=-1), 0, most).astype(samples.dtype)


def _rle(frame: Any, image: Image, samples: int, index: int) -> NDArray[Any]:
    if image.allocated % 8:
        fail("Bits Allocated of RLE is no multiple of 8", 0x00280100)
    size = image.allocated // 8
    stripes = struct.unpack("<I", bytes(frame[:4]))[0] if len(frame) >= 64 else 0
    if stripes != samples * size:
        fail("the RLE segments are not as many as the bytes of a pixel", _BYTES)
    out = np.empty(image.rows * image.columns * samples * size, np.uint8)
    codecs.load("rle")(frame, _spec(image, samples, image.allocated, "", index), out)
    return _planes(out.reshape(-1, samples, size), image)


def _planes(pixels: NDArray[Any], image: Image) -> NDArray[Any]:
    """[pixels, samples, ...] in the order that Planar Configuration says, as bytes."""
    if image.planar and pixels.shape[1] > 1:
        pixels = np.ascontiguousarray(pixels.swapaxes(0, 1))
    return pixels.reshape(-1).view(np.uint8)


def _wavelet_or_ls(frame: Any, image: Image, samples: int, codec: str, index: int) -> NDArray[Any]:
    """JPEG-LS or JPEG 2000."""
    wide = image.stored > 8 or image.allocated > 8
    precision = _precision(frame, codec)
    if codec == "jpeg2000" and samples == 3:
        if wide:
            raise UnsupportedError(
                "tensorflow-io gives undefined values for JPEG 2000 colour of more than 8 bits", code="tfio_undefined"
            )
        if precision > 8:
            fail("JPEG 2000 colour of more than 8 bits", 0x00280100)
    elif wide != (precision > 8):
        if codec == "jpeg2000":
            raise UnsupportedError(
                "tensorflow-io gives undefined values where JPEG 2000 precision and Bits Allocated disagree",
                code="tfio_undefined",
            )
        fail("the precision of the JPEG-LS stream disagrees with Bits Allocated", 0x00280100)
    if codec == "jpegls" and precision < 6:
        fail("JPEG-LS of fewer than 6 bits", 0x00280100)
    bits = 16 if precision > 8 else 8
    out = np.empty((image.rows, image.columns, samples), f"<u{bits // 8}")
    codecs.load(codec)(frame, _spec(image, samples, bits, "RGB" if samples > 1 else "MONOCHROME2", index), out)
    return _planes(out.reshape(-1, samples), image)


def _precision(frame: Any, codec: str) -> int:
    """Bits of a sample by the stream."""
    if codec == "jpegls":
        from dicomdecode.codecs.markers import read_header

        spec = FrameSpec(rows=1, columns=1, samples=1, bits_allocated=8, bits_stored=8, signed=False, photometric="")
        return read_header(memoryview(frame).cast("B"), spec).precision
    from dicomdecode.codecs._j2k import describe

    found = describe(frame)["precision"]
    return int(max(found) if isinstance(found, (list, tuple)) else found)


# --- stored values ---------------------------------------------------------------------------------------------------


def stored(stream: Stream, image: Image, needed: int) -> NDArray[Any]:
    """The Bits Stored bits of at most `needed` samples, as unsigned integers of 8, 16 or 32 bits, not sign-extended.

    Sample k has the bits k * Bits Allocated + High Bit + 1 - Bits Stored onwards.
    """
    allocated, bits = image.allocated, image.stored
    count = min(needed, -(-8 * len(stream.data) // allocated))
    if stream.cut and count < needed:
        raise TruncatedError("The file ends inside the pixel data", code="pixels_cut", tag=_BYTES)
    kind = np.dtype(np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)
    shift = image.high_bit + 1 - bits
    if allocated == 1 and shift == 0:
        return np.unpackbits(stream.data[: (count + 7) // 8], bitorder="little")[:count]
    if allocated in (8, 16, 32, 64) and image.high_bit < allocated:
        size = allocated // 8
        data = stream.data[: count * size]
        if len(data) < count * size:
            data = np.append(data, np.zeros(count * size - len(data), np.uint8))
        cells = data.view(f"<u{size}")
        if shift:
            cells = cells >> shift
        if shift + bits < allocated:
            cells = cells & cells.dtype.type((1 << bits) - 1)
        return cells.astype(kind, copy=False)
    first = np.arange(count, dtype=np.int64) * allocated + shift
    data = np.append(stream.data, np.zeros(-(-(image.high_bit + 1) // 8) + 8, np.uint8))
    word = np.zeros(count, np.uint64)
    for i in range(5):  # 32 bits touch five bytes at most
        word |= data[(first >> 3) + i].astype(np.uint64) << np.uint64(8 * i)
    return ((word >> (first & 7).astype(np.uint64)) & np.uint64((1 << bits) - 1)).astype(kind)

