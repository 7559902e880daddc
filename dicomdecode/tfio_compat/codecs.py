"""Compressed pixel data as tensorflow-io 0.37.1 decompresses them: to one stream of native pixel data."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode import codecs
from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.errors import TruncatedError, UnsupportedError
from dicomdecode.limits import check_limit
from dicomdecode.syntaxes import SYNTAXES, name_of
from dicomdecode.tfio_compat.pixels import PIXEL_DATA, Image, Stream, check_limits, fail, number, undefined

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from dicomdecode.reading._reading import DicomFile

__all__ = ["decompress"]


#: What the decoder takes that DCMTK has for a process of JPEG, by transfer syntax; 16 bits for the lossless ones.
_MOST_BITS = {f"1.2.840.10008.1.2.4.{process}": 8 if process == 50 else 12 for process in (50, 51, 53, 55)}


def decompress(file: DicomFile, image: Image) -> tuple[Image, Stream]:
    """The pixel stream of encapsulated pixel data, and the attributes as the decoders there change them.

    Raises
    ------
    DicomError
        No decoder is registered there, a frame cannot be decoded, or the result is undefined.
    """
    syntax = SYNTAXES.get(file.transfer_syntax)
    if syntax is None or syntax.codec not in ("jpeg", "jpegls", "jpeg2000", "rle"):
        raise UnsupportedError(
            f"tensorflow-io does not decode pixel data in {name_of(file.transfer_syntax)}", code="transfer_syntax"
        )
    table, fragments = _fragments(file)
    if not fragments:
        fail("there are no fragments", PIXEL_DATA)
    image = replace(image, frames=max(1, min(image.frames, len(fragments))))
    check_limits(file, image, sum(len(fragment) for fragment in fragments))
    samples = number(file, 0x00280002)
    if not samples:
        fail("Samples per Pixel is missing", 0x00280002)
    most = file.limits.output_bytes
    check_limit("The image exceeds", "limit_output_bytes", most, image.total * samples * image.allocated // 8)
    if syntax.codec == "rle":
        decoded = _rle_frames(fragments, image, samples)
    elif syntax.codec == "jpeg":
        image, decoded = _jpeg(fragments, image, samples)
    else:
        by_table = syntax.codec == "jpeg2000" and image.frames > 1
        frames = _frames(fragments, image.frames, table if by_table else None)
        decoded = [_wavelet_or_ls(frame, image, samples, syntax.codec, i) for i, frame in enumerate(frames)]
    return image, Stream(decoded[0] if len(decoded) == 1 else np.concatenate(decoded))


def _fragments(file: DicomFile) -> tuple[bytes, list[Any]]:
    """The Basic Offset Table, and the fragments that are there."""
    found = [file.source.read_at(offset, length) for offset, length in file.fragments(strict=True)]
    return bytes(found[0]) if found else b"", found[1:]


def _frames(fragments: list[Any], count: int, table: bytes | None = None) -> list[Any]:
    """One codestream for each frame, by the offset table where one is given, else by their ends."""
    if len(fragments) == count:
        return fragments
    if count == 1:
        return [b"".join(map(bytes, fragments))]
    frames, start, at, end = [], 0, 0, b""
    offsets = None if table is None else struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
    ends = set(offsets or ())
    for i, fragment in enumerate(fragments):
        at += 8 + len(fragment)
        if offsets is None:
            end += bytes(fragment)
            bare = end.rstrip(b"\0")
            complete = bare.endswith(b"\xff\xd9")
            end = bare[-2:] + end[len(bare) : len(bare) + 1]  # what tells the same of more bytes
        else:
            complete = at in ends or i + 1 == len(fragments)
        if complete:
            frames.append(b"".join(fragments[start : i + 1]))
            start, end = i + 1, b""
    if len(frames) < count or (offsets is not None and (len(frames) > count or len(offsets) != count)):
        fail("the fragments of the frames cannot be told apart", PIXEL_DATA)
    return frames[:count]


def _spec(image: Image, samples: int, bits: int, photometric: str, frame: int, signed: bool = False) -> FrameSpec:
    return FrameSpec(
        rows=image.rows,
        columns=image.columns,
        samples=samples,
        bits_allocated=bits,
        bits_stored=bits,
        signed=signed,
        photometric=photometric,
        frame=frame,
        syntax=image.syntax,
    )


def _jpeg(fragments: list[Any], image: Image, samples: int) -> tuple[Image, list[Any]]:
    """Photometric Interpretation alone decides on colour conversion, the precision of frame 0 on the cells."""
    from dicomdecode.codecs.markers import SOF3, read_header

    decode = codecs.load("jpeg")
    is_ybr = image.photometric.startswith("YBR")
    if is_ybr and image.signed:
        fail("signed pixels with a YBR photometric interpretation", 0x00280103)
    precision = _precision(bytes(fragments[0]))
    if precision > _MOST_BITS.get(image.syntax, 16):
        fail(f"{name_of(image.syntax)} with samples of {precision} bits", PIXEL_DATA)
    bits = 8 if precision <= 8 else 16
    decoded = []
    for i, frame in enumerate(_frames(fragments, image.frames)):
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


def _precision(fragment: bytes) -> int:
    """Bits of a sample by the frame header, which only the first fragment is searched for."""
    at = 2
    while at + 5 <= len(fragment) and fragment[at] == 0xFF:
        marker = fragment[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return fragment[at + 4]
        at += 1 if marker == 0xFF else 2 + int.from_bytes(fragment[at + 2 : at + 4], "big")
    fail("the first fragment has no JPEG frame header", PIXEL_DATA)


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
    rgb: NDArray[Any] = np.clip(np.stack([red, green, blue], axis=-1), 0, most).astype(samples.dtype)
    return rgb


def _rle_frames(fragments: list[Any], image: Image, samples: int) -> list[NDArray[Any]]:
    """Each frame takes as many fragments as it needs; the last segment of one in a single fragment may be short."""
    decoded: list[NDArray[Any]] = []
    taken, last, count = bytearray(), _LastSegment(image.rows * image.columns), 0
    for i, fragment in enumerate(fragments):
        taken += fragment
        count += 1
        left = i + 1 < len(fragments) and len(fragments) != image.frames
        if left and not last.is_whole(taken):
            continue
        decoded.append(_rle(bytes(taken), image, samples, len(decoded), not left and count == 1))
        taken, last, count = bytearray(), _LastSegment(image.rows * image.columns), 0
        if len(decoded) == image.frames:
            break
    if len(decoded) < image.frames:
        fail("a frame is not complete", PIXEL_DATA)
    return decoded


class _LastSegment:
    """How far the last segment of an RLE frame is there, while fragment after fragment is added: a frame of very many
    is not decoded with each of them."""

    def __init__(self, pixels: int) -> None:
        self._at = 0
        self._left = pixels

    def is_whole(self, frame: bytearray) -> bool:
        """Whether there are bytes for all pixels; or what more bytes do not mend: its decoder tells."""
        if len(frame) < 64:
            return False
        if not self._at:
            segments = struct.unpack_from("<I", frame)[0]
            if not 1 <= segments <= 15:
                return True
            self._at = max(64, struct.unpack_from("<I", frame, 4 * segments)[0])
        while self._left > 0 and self._at < len(frame):
            control = frame[self._at]
            behind = self._at + (control + 2 if control < 128 else 2)
            if behind > len(frame):
                return False
            self._at = behind
            self._left -= control + 1 if control < 128 else 257 - control
        return self._left <= 0


def _rle(frame: bytes, image: Image, samples: int, index: int, may_be_short: bool) -> NDArray[Any]:
    if image.allocated % 8:
        fail("Bits Allocated of RLE is not a multiple of 8", 0x00280100)
    size, pixels = image.allocated // 8, image.rows * image.columns
    out = np.empty(pixels * samples * size, np.uint8)
    decode, spec = codecs.load("rle"), _spec(image, samples, image.allocated, "", index)
    frame = _repeating(frame)
    try:
        decode(frame, spec, out)
    except TruncatedError as error:
        if error.code != "rle_segment" or not may_be_short:
            raise
        decode(_filled(frame, samples * size, pixels), spec, out)
    return _planes(out.reshape(-1, samples, size), image)


def _repeating(frame: bytes) -> bytes:
    """The frame without control bytes of 128: there they repeat a byte 129 times, in PS3.5 G.3.1 they do nothing."""
    if b"\x80" not in frame or len(frame) < 64:
        return frame
    count, *offsets = struct.unpack_from("<16I", frame)
    ends = [*offsets[1:count], len(frame)]
    if not 1 <= count <= 15 or any(not 64 <= a <= b for a, b in zip(offsets[:count], ends, strict=True)):
        return frame
    segments = []
    for at, end in zip(offsets[:count], ends, strict=True):
        kept, pieces = at, []
        while at < end:
            control = frame[at]
            if control == 128 and at + 1 < end:
                value = frame[at + 1 : at + 2]
                pieces += [frame[kept:at], b"\x81", value, b"\0", value]
                kept = at + 2
            at += control + 2 if control < 128 else 2
        segments.append(b"".join([*pieces, frame[kept:end]]))
    starts = [64 + sum(map(len, segments[:i])) for i in range(count)]
    return struct.pack("<16I", count, *starts, *[0] * (15 - count)) + b"".join(segments)


def _filled(frame: bytes, segments: int, pixels: int) -> bytes:
    """The frame with zeros behind the packets of its last segment, which may be short there."""
    at = struct.unpack_from("<I", frame, 4 * segments)[0]
    end = len(frame)
    while at < end and (step := 2 + frame[at] if frame[at] < 128 else 2 if frame[at] > 128 else 1) <= end - at:
        at += step
    return frame[:at] + b"\x81\0" * (pixels // 128 + 1)


def _planes(pixels: NDArray[Any], image: Image) -> NDArray[Any]:
    """[pixels, samples, ...] in the order that Planar Configuration says, as bytes."""
    if image.planar and pixels.shape[1] > 1:
        pixels = np.ascontiguousarray(pixels.swapaxes(0, 1))
    return pixels.reshape(-1).view(np.uint8)


def _wavelet_or_ls(frame: Any, image: Image, samples: int, codec: str, index: int) -> NDArray[Any]:
    """JPEG-LS or JPEG 2000."""
    wide = image.stored > 8 or image.allocated > 8
    precision, signed, decode = _sample(frame, codec)
    if codec == "jpeg2000" and samples == 3:
        if wide:
            undefined("JPEG 2000 colour of more than 8 bits")
        if precision > 8:
            fail("JPEG 2000 colour of more than 8 bits", 0x00280100)
    elif wide != (precision > 8):
        if codec == "jpeg2000":
            undefined("JPEG 2000 precision and Bits Allocated disagree")
        fail("the precision of the JPEG-LS stream disagrees with Bits Allocated", 0x00280100)
    if codec == "jpegls" and precision < 6:
        fail("JPEG-LS of fewer than 6 bits", 0x00280100)
    bits = 16 if precision > 8 else 8
    out = np.empty((image.rows, image.columns, samples), f"<{'i' if signed else 'u'}{bits // 8}")
    spec = _spec(image, samples, bits, "RGB" if samples > 1 else "MONOCHROME2", index, signed)
    decode(frame, spec, out)
    return _planes(out.reshape(-1, samples), image)


def _sample(frame: Any, codec: str) -> tuple[int, bool, Callable[..., Any]]:
    """Bits and sign of a sample by the stream, and what decodes it."""
    if codec == "jpegls":
        from dicomdecode.codecs.markers import read_header

        spec = FrameSpec(rows=1, columns=1, samples=1, bits_allocated=8, bits_stored=8, signed=False, photometric="")
        return read_header(memoryview(frame).cast("B"), spec).precision, False, codecs.load(codec)
    from dicomdecode.codecs import jpeg2000
    from dicomdecode.codecs._j2k import describe

    found = describe(frame)
    # OpenJPEG is what tensorflow-io has: in the 9/7 wavelet, decoders differ in the last bit
    exact = found["transform"].startswith("5/3")
    return found["precision"], found["signed"], jpeg2000.decode if exact else jpeg2000.decode_by_openjpeg
