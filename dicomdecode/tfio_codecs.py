"""Compressed pixel data as tensorflow-io 0.37.1 decompresses them: to one stream of native pixel data."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode import codecs
from dicomdecode._spec import FrameSpec
from dicomdecode.errors import TruncatedError, UnsupportedError
from dicomdecode.syntaxes import SYNTAXES, name_of
from dicomdecode.tfio_pixels import PIXEL_DATA, Image, Stream, check_limits, fail, number, undefined

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode._file import DicomFile

__all__ = ["decompress"]


def decompress(file: DicomFile, image: Image) -> tuple[Image, Stream]:
    """The pixel stream of encapsulated pixel data, and the attributes as the decoders there change them.

    Raises
    ------
    DicomError
        No decoder is registered there, a frame can not be decoded, or the result is undefined.
    """
    syntax = SYNTAXES.get(file.transfer_syntax)
    if syntax is None or syntax.codec not in ("jpeg", "jpegls", "jpeg2000", "rle"):
        raise UnsupportedError(
            f"tensorflow-io decodes no pixel data in {name_of(file.transfer_syntax)}", code="transfer_syntax"
        )
    fragments = _fragments(file)
    if not fragments:
        fail("there are no fragments", PIXEL_DATA)
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
        fail("a frame is not complete", PIXEL_DATA)
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
    )


def _jpeg(frames: list[Any], image: Image, samples: int) -> tuple[Image, list[Any]]:
    """Photometric Interpretation alone decides on colour conversion, the precision of frame 0 on the cells."""
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
    rgb: NDArray[Any] = np.clip(np.stack([red, green, blue], axis=-1), 0, most).astype(samples.dtype)
    return rgb


def _rle(frame: Any, image: Image, samples: int, index: int) -> NDArray[Any]:
    if image.allocated % 8:
        fail("Bits Allocated of RLE is no multiple of 8", 0x00280100)
    size, pixels = image.allocated // 8, image.rows * image.columns
    out = np.empty(pixels * samples * size, np.uint8)
    decode, spec = codecs.load("rle"), _spec(image, samples, image.allocated, "", index)
    try:
        decode(frame, spec, out)
    except TruncatedError as error:
        if error.code != "rle_segment":
            raise
        decode(_filled(bytes(frame), samples * size, pixels), spec, out)
    return _planes(out.reshape(-1, samples, size), image)


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
    precision, signed = _sample(frame, codec)
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
    codecs.load(codec)(frame, spec, out)
    return _planes(out.reshape(-1, samples), image)


def _sample(frame: Any, codec: str) -> tuple[int, bool]:
    """Bits and sign of a sample by the stream."""
    if codec == "jpegls":
        from dicomdecode.codecs.markers import read_header

        spec = FrameSpec(rows=1, columns=1, samples=1, bits_allocated=8, bits_stored=8, signed=False, photometric="")
        return read_header(memoryview(frame).cast("B"), spec).precision, False
    from dicomdecode.codecs._j2k import describe

    found = describe(frame)
    return found["precision"], found["signed"]
