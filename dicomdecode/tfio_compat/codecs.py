"""Compressed pixel data as tensorflow-io 0.37.1 decompresses them: to one stream of native pixel data."""

from __future__ import annotations

import struct
from array import array
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode import codecs
from dicomdecode.codecs._rle import decode_as_dcmtk, skip_packets
from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.errors import TruncatedError, UnsupportedError
from dicomdecode.limits import check_limit
from dicomdecode.syntaxes import SYNTAXES, name_of
from dicomdecode.tfio_compat.pixels import PIXEL_DATA, Image, Stream, check_limits, fail, number, undefined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from dicomdecode.codecs._markers import StreamHeader
    from dicomdecode.reading._reading import DicomFile

__all__ = ["decompress"]


#: Segments in front of a JPEG frame header.
_MOST_SEGMENTS = 1 << 16
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
    fragments = _Fragments(file)
    if not len(fragments):
        fail("there are no fragments", PIXEL_DATA)
    image = replace(image, frames=max(1, min(image.frames, len(fragments))))
    check_limits(file, image, fragments.bytes)
    samples = number(file, 0x00280002)
    if not samples:
        fail("Samples per Pixel is missing", 0x00280002)
    most = file.limits.output_bytes
    check_limit("The image exceeds", "limit_output_bytes", most, image.total * samples * image.allocated // 8)
    if syntax.codec == "rle":
        return image, _rle_frames(fragments, image, samples)
    if syntax.codec == "jpeg":
        return _jpeg(fragments, image, samples)
    return image, _wavelet_or_ls(fragments, image, samples, syntax.codec)


class _Fragments:
    """What is behind the Basic Offset Table, read one after the other: there may be millions."""

    def __init__(self, file: DicomFile) -> None:
        self._read = file.source.read_at
        self._table = next(iter(file.fragments(strict=True)), (0, 0))
        self._places = file.fragments(after=self._table[0], strict=True)

    @property
    def bytes(self) -> int:
        return self._places.bytes

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Any]:
        for offset, length in self._places:
            yield self._read(offset, length)

    def joined(self) -> bytearray:
        return self._places.joined()

    def ends(self, count: int) -> set[int] | None:
        """Where frames end, but for the last, by a table of `count` offsets."""
        offset, length = self._table
        if length // 4 != count:
            return None
        return set(np.frombuffer(self._read(offset, length // 4 * 4), "<u4")[1:].tolist())


def _codestreams(fragments: _Fragments, count: int, codec: str) -> Iterator[Any]:
    """One for each frame."""
    if len(fragments) == count:
        yield from fragments
        return
    if count == 1 and codec != "jpeg":
        yield fragments.joined()
        return
    lasts = _last_fragments(fragments, count, codec)
    stream, frame = bytearray(), 0
    for i, fragment in enumerate(fragments):
        stream += fragment
        if i == lasts[frame]:
            yield stream
            stream, frame = bytearray(), frame + 1
            if frame == count:
                return


def _last_fragments(fragments: _Fragments, count: int, codec: str) -> array[int]:
    """Which fragment is the last one of each frame: by the offset table, of JPEG-LS else by the SOI behind it.

    The decoder of JPEG is fed with fragments until a frame ends.
    """
    found, at = array("Q"), 0
    ends = None if codec == "jpeg" else fragments.ends(count)
    if ends is not None:
        for i, fragment in enumerate(fragments):
            at += 8 + len(fragment)
            if at in ends:
                found.append(i)
        found.append(len(fragments) - 1)
    elif codec == "jpegls":
        for i, fragment in enumerate(fragments):
            if len(found) == count - 1:
                break
            _check_not_empty(fragment)
            if i and bytes(fragment[:2]) == b"\xff\xd8":
                found.append(i - 1)
        found.append(len(fragments) - 1)
    elif codec == "jpeg":
        found = _last_by_end(fragments, count)
    if len(found) != count:
        fail("the fragments of the frames cannot be told apart", PIXEL_DATA)
    return found


def _last_by_end(fragments: _Fragments, count: int) -> array[int]:
    found, end = array("Q"), b""
    for i, fragment in enumerate(fragments):
        _check_not_empty(fragment)
        end += bytes(fragment)
        bare = end.rstrip(b"\0")
        end = bare[-2:] + end[len(bare) : len(bare) + 1]  # what tells the same of more bytes
        if bare.endswith(b"\xff\xd9") or i + 1 == len(fragments):
            found.append(i)
            end = b""
        if len(found) == count:
            break
    return found


def _check_not_empty(fragment: Any) -> None:
    if not len(fragment):
        fail("a fragment is empty", PIXEL_DATA)


def _room(image: Image, samples: int, bits: int) -> NDArray[Any]:
    """For the cells of all frames, [frames, rows, columns, samples]."""
    return np.empty((image.frames, image.rows, image.columns, samples), f"<u{bits // 8}")


def _stream(cells: NDArray[Any]) -> Stream:
    return Stream(cells.reshape(-1).view(np.uint8))


def _separate(cells: NDArray[Any], image: Image) -> None:
    """Move the samples of a frame, [rows, columns, samples, ...], to the order that Planar Configuration says."""
    samples = cells.shape[2]
    if image.planar and samples > 1:
        pixels = cells.reshape(image.rows * image.columns, samples, -1)
        cells.reshape(-1)[...] = pixels.swapaxes(0, 1).reshape(-1).copy()


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


def _jpeg(fragments: _Fragments, image: Image, samples: int) -> tuple[Image, Stream]:
    """Photometric Interpretation alone decides on colour conversion, the precision of frame 0 on the cells."""
    from dicomdecode.codecs.markers import SOF3, read_header

    decode = codecs.load("jpeg")
    is_ybr = image.photometric.startswith("YBR")
    if is_ybr and image.signed:
        fail("signed pixels with a YBR photometric interpretation", 0x00280103)
    precision = _precision(next(iter(fragments)))
    if precision > _MOST_BITS.get(image.syntax, 16):
        fail(f"{name_of(image.syntax)} with samples of {precision} bits", PIXEL_DATA)
    bits = 8 if precision <= 8 else 16
    cells = _room(image, samples, bits)
    for i, frame in enumerate(_codestreams(fragments, image.frames, "jpeg")):
        header = read_header(memoryview(frame).cast("B"), _spec(image, samples, bits, "RGB", i))
        _check_end(frame, header)
        convert = is_ybr and samples == 3 and header.process != SOF3
        name = "YBR_FULL" if convert else ("RGB" if samples == 3 else "CMYK" if samples == 4 else "MONOCHROME2")
        decode(frame, _spec(image, samples, bits, name, i), cells[i])
        if is_ybr and samples == 3 and not convert:
            cells[i] = _ycc_to_rgb(cells[i], precision)
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
    ), _stream(cells)


def _precision(fragment: Any) -> int:
    """Bits of a sample by the frame header, which only the first fragment is searched for."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        if at + 5 > len(fragment) or fragment[at] != 0xFF:
            break
        marker = fragment[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int(fragment[at + 4])
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


def _rle_frames(fragments: _Fragments, image: Image, samples: int) -> Stream:
    """Each frame takes as many fragments as it needs; the last segment of one in a single fragment may be short."""
    if image.allocated % 8:
        fail("Bits Allocated of RLE is not a multiple of 8", 0x00280100)
    cells = _room(image, samples * image.allocated // 8, 8)
    taken, last, count, frame = bytearray(), _LastSegment(image.rows * image.columns), 0, 0
    for i, fragment in enumerate(fragments):
        _check_not_empty(fragment)
        taken += fragment
        count += 1
        left = i + 1 < len(fragments) and len(fragments) != image.frames
        if left and not last.is_whole(taken):
            continue
        _rle(taken, _spec(image, samples, image.allocated, "", frame), cells[frame], not left and count == 1)
        _separate(cells[frame].reshape(image.rows, image.columns, samples, -1), image)
        taken, last, count, frame = bytearray(), _LastSegment(image.rows * image.columns), 0, frame + 1
        if frame == image.frames:
            return _stream(cells)
    fail("a frame is not complete", PIXEL_DATA)


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
        self._at, self._left = skip_packets(frame, self._at, self._left)
        return self._left <= 0


def _rle(frame: bytearray, spec: FrameSpec, cells: NDArray[Any], may_be_short: bool) -> None:
    out = cells.reshape(-1)
    try:
        decode_as_dcmtk(frame, spec, out)
    except TruncatedError as error:
        if error.code != "rle_segment" or not may_be_short:
            raise
        # Zeros behind the whole packets of the last segment.
        start = struct.unpack_from("<I", frame, 4 * cells.shape[2])[0]
        del frame[skip_packets(frame, start, len(out))[0] :]
        decode_as_dcmtk(frame + b"\x81\0" * (spec.rows * spec.columns // 128 + 1), spec, out)


def _wavelet_or_ls(fragments: _Fragments, image: Image, samples: int, codec: str) -> Stream:
    """JPEG-LS or JPEG 2000."""
    wide = image.stored > 8 or image.allocated > 8
    bits = 16 if wide else 8
    cells = _room(image, samples, bits)
    for i, frame in enumerate(_codestreams(fragments, image.frames, codec)):
        precision, signed, decode = _sample(frame, codec)
        _check_precision(precision, wide, samples, codec)
        spec = _spec(image, samples, bits, "RGB" if samples > 1 else "MONOCHROME2", i, signed)
        decode(frame, spec, cells[i].view(f"<i{bits // 8}") if signed else cells[i])
        _separate(cells[i], image)
    return _stream(cells)


def _check_precision(precision: int, wide: bool, samples: int, codec: str) -> None:
    """Raise where the bits of a sample in the stream are not those that cells of 8 or 16 bits are taken from."""
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


def _check_end(frame: Any, header: StreamHeader) -> None:
    from dicomdecode.codecs.markers import find_end

    if find_end(memoryview(frame).cast("B"), header) < 0:
        fail("a stream has no end marker", PIXEL_DATA)


def _sample(frame: Any, codec: str) -> tuple[int, bool, Callable[..., Any]]:
    """Bits and sign of a sample by the stream, and what decodes it. Both decoders there want an end marker."""
    if codec == "jpegls":
        from dicomdecode.codecs.markers import read_header

        spec = FrameSpec(rows=1, columns=1, samples=1, bits_allocated=8, bits_stored=8, signed=False, photometric="")
        header = read_header(memoryview(frame).cast("B"), spec)
        _check_end(frame, header)
        return header.precision, False, codecs.load(codec)
    from dicomdecode.codecs import jpeg2000
    from dicomdecode.codecs._j2k import describe

    found, data = describe(frame), bytes(frame)
    if data.rfind(b"\xff\xd9") < data.rfind(b"\xff\x93"):  # EOC and SOD: neither is among coded data
        fail("a codestream has no end marker", PIXEL_DATA)
    # OpenJPEG is what tensorflow-io has: in the 9/7 wavelet, decoders differ in the last bit
    exact = found["transform"].startswith("5/3")
    return found["precision"], found["signed"], jpeg2000.decode if exact else jpeg2000.decode_by_openjpeg
