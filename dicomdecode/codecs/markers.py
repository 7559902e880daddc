"""The frame header of JPEG and JPEG-LS streams (ITU-T T.81 B.1 and B.2, T.87 C.1), read before a codec sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import MalformedError, TruncatedError, UnsupportedError
from dicomdecode.syntaxes import name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode._spec import FrameSpec

__all__ = ["StreamHeader", "check_end", "check_stream", "give_sign", "read_header"]

SOF3, SOF55 = 0xC3, 0xF7
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), SOF55}) - {0xC4, 0xC8, 0xCC}  # not DHT, JPG, DAC
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a segment


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """What a stream says of itself.

    Attributes
    ----------
    process : int
        The low byte of its SOF marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, 0xC3 lossless, 0xF7 JPEG-LS.
    precision, rows, columns, components : int
        Of the frame header.
    scan : int
        Offset of the first SOS marker.
    """

    process: int
    precision: int
    rows: int
    columns: int
    components: int
    scan: int


def _malformed(text: str, code: str, spec: FrameSpec, offset: int | None = None) -> MalformedError:
    return MalformedError(f"{name_of(spec.syntax)}: {text}", code=code, offset=offset, frame=spec.frame)


def _cut(spec: FrameSpec, offset: int) -> TruncatedError:
    return TruncatedError(
        f"{name_of(spec.syntax)}: the stream is cut", code="stream_cut", offset=offset, frame=spec.frame
    )


def read_header(data: memoryview, spec: FrameSpec) -> StreamHeader:
    """Walk the marker segments up to the first scan.

    Raises
    ------
    MalformedError
        No stream of this family begins here, or a segment is damaged.
    TruncatedError
        The stream ends before its first scan.
    """
    size = len(data)
    if size < 4 or data[0] != 0xFF or data[1] != 0xD8:
        raise _malformed("the stream does not begin with SOI", "stream_start", spec, 0)
    at = 2
    found: tuple[int, int, int, int, int] | None = None
    while at + 4 <= size:
        if data[at] != 0xFF:
            raise _malformed("a marker was expected", "stream_marker", spec, at)
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        length = data[at + 2] << 8 | data[at + 3]
        if length < 2:
            raise _malformed("a marker segment is shorter than its length", "stream_segment", spec, at)
        if marker == 0xDA:
            if found is None:
                raise _malformed("a scan comes before the frame header", "stream_scan", spec, at)
            return StreamHeader(*found, at)
        if length > size - at - 2:
            raise _cut(spec, at)
        if marker in _FRAME_HEADERS:
            if length < 8:
                raise _malformed("the frame header is too short", "stream_frame", spec, at)
            precision, rows, columns, components = (
                data[at + 4],
                data[at + 5] << 8 | data[at + 6],
                data[at + 7] << 8 | data[at + 8],
                data[at + 9],
            )
            found = (marker, precision, rows, columns, components)
        at += 2 + length
    raise _cut(spec, size)


def check_stream(header: StreamHeader, spec: FrameSpec, item_bits: int) -> None:
    """Raise MalformedError, naming both, when stream and data set disagree in size, components or room for samples."""
    pairs = (
        ("rows", spec.rows, header.rows),
        ("columns", spec.columns, header.columns),
        ("components", spec.samples, header.components),
    )
    for what, expected, found in pairs:
        if expected != found:
            raise _malformed(f"{what} of the stream: expected {expected}, found {found}", f"stream_{what}", spec)
    if not 1 <= header.precision <= item_bits:
        raise _malformed(
            f"bits of a sample of the stream: expected at most {item_bits}, found {header.precision}",
            "stream_precision",
            spec,
        )


def check_end(data: memoryview, header: StreamHeader, spec: FrameSpec) -> None:
    """Raise TruncatedError when there is no EOI behind the first scan: the library would return grey pixels."""
    start = max(header.scan, len(data) - 256)
    if bytes(data[start:]).rfind(b"\xff\xd9") < 0 and bytes(data[header.scan :]).rfind(b"\xff\xd9") < 0:
        raise _cut(spec, len(data))


def give_sign(out: NDArray[Any], bits_stored: int) -> None:
    """Sign-extend the low Bits Stored bits of each sample, in place (Pixel Representation 1)."""
    shift = 8 * out.dtype.itemsize - bits_stored
    if out.dtype.kind == "i" and shift:
        np.left_shift(out, shift, out=out)
        np.right_shift(out, shift, out=out)


def unsigned_view(out: NDArray[Any]) -> NDArray[Any]:
    """The same memory, as codecs write it."""
    return out.view(f"u{out.dtype.itemsize}")


def library_error(error: Exception, spec: FrameSpec) -> MalformedError | UnsupportedError:
    """What a codec library raised, as an error of ours; its text holds nothing of the data set."""
    text = " ".join(str(error).split())[:120]
    return _malformed(f"the stream can not be decoded ({text})", "stream_damaged", spec)
