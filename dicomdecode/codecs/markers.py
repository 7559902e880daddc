"""The frame header of JPEG and JPEG-LS streams (ITU-T T.81 B.1 and B.2, T.87 C.1), read before a codec sees them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dicomdecode.codecs.faults import check_layout, cut, malformed
from dicomdecode.errors import TruncatedError
from dicomdecode.syntaxes import name_of

if TYPE_CHECKING:
    from dicomdecode.codecs._spec import FrameSpec

__all__ = [
    "SOF3",
    "SOF55",
    "StreamHeader",
    "check_end",
    "check_restarts",
    "check_scans",
    "check_stream",
    "find_end",
    "read_header",
]

SOF3, SOF55 = 0xC3, 0xF7
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), SOF55}) - {0xC4, 0xC8, 0xCC}  # not DHT, JPG, DAC
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a segment
_EOI, _SOS = 0xD9, 0xDA
#: What cannot stand in entropy-coded data: 0xFF is followed there by a stuffed byte, a restart marker or fill.
_BEHIND_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
#: A progressive stream of few bytes can ask for any number of scans, each a pass over the whole picture.
_MOST_SCANS = 200


class StreamHeader(NamedTuple):
    """What a stream says of itself.

    Attributes
    ----------
    process : int
        The low byte of its SOF marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, 0xC3 lossless, 0xF7 JPEG-LS.
    precision, rows, columns, components : int
        Of the frame header.
    sampling : bytes
        Of its components: horizontal factor in the high four bits, vertical in the low ones.
    interval : int
        MCUs from one restart marker to the next; 0 where there are none.
    scan : int
        Offset of the first SOS marker.
    entropy : int
        Offset of what follows the segment of that marker.
    scan_components : int
        How many components the first scan holds.
    """

    process: int
    precision: int
    rows: int
    columns: int
    components: int
    sampling: bytes
    interval: int
    scan: int
    entropy: int
    scan_components: int


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
    if size < 4:
        raise cut(spec, size)
    if data[0] != 0xFF or data[1] != 0xD8:
        raise malformed("the stream does not begin with SOI", "stream_start", spec, 0)
    at, interval = 2, 0
    found: tuple[int, int, int, int, int, bytes] | None = None
    while at + 4 <= size:
        if data[at] != 0xFF:
            raise malformed("a marker was expected", "stream_marker", spec, at)
        marker = data[at + 1]
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        length = data[at + 2] << 8 | data[at + 3]
        if length < 2:
            raise malformed("a marker segment is shorter than its length field", "stream_segment", spec, at)
        if length > size - at - 2:
            raise cut(spec, at)
        if marker == _SOS:
            if found is None:
                raise malformed("a scan comes before the frame header", "stream_scan", spec, at)
            count = data[at + 4] if length > 2 else 0
            if length != 6 + 2 * count or not 1 <= count <= found[4]:
                raise malformed("a scan header contradicts itself or the frame header", "stream_scan", spec, at)
            return StreamHeader(*found, interval, at, at + 2 + length, count)
        if marker in _FRAME_HEADERS:
            if found is not None:
                raise malformed("there are two frame headers", "stream_header", spec, at)
            components = data[at + 9] if length >= 8 else 0
            if not components or length != 8 + 3 * components:
                raise malformed("the frame header contradicts itself", "stream_header", spec, at)
            rows, columns = data[at + 5] << 8 | data[at + 6], data[at + 7] << 8 | data[at + 8]
            sampling = bytes(data[at + 11 : at + 2 + length : 3])
            found = (marker, data[at + 4], rows, columns, components, sampling)
        elif marker == 0xDD and length >= 4:
            interval = data[at + 4] << 8 | data[at + 5]
        at += 2 + length
    raise cut(spec, size)


def check_stream(header: StreamHeader, spec: FrameSpec, item_bits: int) -> None:
    """Raise MalformedError, naming both, when stream and data set disagree in size, components or room for samples."""
    check_layout(
        spec,
        rows=header.rows,
        columns=header.columns,
        components=header.components,
        precision=header.precision,
        item_bits=item_bits,
    )


def find_end(data: memoryview, header: StreamHeader) -> int:
    """The offset of EOI, -1 where there is none."""
    # Entropy-coded data hold no 0xFFD9, so the last one is the end; nearly always it is among the last bytes.
    start = max(header.entropy, len(data) - 256)
    at = bytes(data[start:]).rfind(b"\xff\xd9")
    if at < 0 and start > header.entropy:
        start = header.entropy
        at = bytes(data[start:]).rfind(b"\xff\xd9")
    return -1 if at < 0 else start + at


def check_end(data: memoryview, header: StreamHeader, spec: FrameSpec) -> int:
    """The offset of EOI; TruncatedError when there is none: libraries return grey pixels, or never return."""
    end = find_end(data, header)
    if end < 0:
        raise cut(spec, len(data))
    return end


def check_scans(data: memoryview, header: StreamHeader, spec: FrameSpec) -> None:
    """Raise when a stream of several scans has too many, or a component has none: libraries leave it grey."""
    progressive = header.process in (0xC2, 0xCA)
    at, scans = header.scan, 0
    ids: set[int] = set()
    while True:
        count = data[at + 4]
        length = data[at + 2] << 8 | data[at + 3]
        if length != 6 + 2 * count or length > len(data) - at - 2:
            raise malformed("a scan header contradicts itself", "stream_scan", spec, at)
        if not progressive or data[at + 5 + 2 * count] == 0:  # Ss: the scan of the DC coefficients
            ids.update(data[at + 5 + 2 * k] for k in range(count))
        scans += 1
        if scans > _MOST_SCANS:
            raise malformed(f"the stream has more than {_MOST_SCANS} scans", "stream_scans", spec, at)
        marker = _SOS
        at += 2 + length
        while True:
            next_marker = _BEHIND_SCAN.search(data, at)
            if next_marker is None:
                raise cut(spec, len(data))
            at = next_marker.start()
            marker = data[at + 1]
            if marker in (_SOS, _EOI):
                break
            if len(data) - at < 4:
                raise cut(spec, at)
            at += 2 + max(2, data[at + 2] << 8 | data[at + 3])
        if marker == _EOI:
            break
        if len(data) - at < 5:
            raise cut(spec, at)
    if len(ids) < header.components:
        raise TruncatedError(
            f"{name_of(spec.syntax)}: components with a scan: expected {header.components}, found {len(ids)}",
            code="stream_cut",
            offset=at,
            frame=spec.frame,
        )


def check_restarts(data: memoryview, header: StreamHeader, end: int, spec: FrameSpec) -> None:
    """Raise when restart markers are missing or out of order, in a DCT stream of one scan (T.81 A.2 and E.2.4)."""
    across = down = 8
    if header.components > 1:
        across *= max(factors >> 4 for factors in header.sampling)
        down *= max(factors & 15 for factors in header.sampling)
    if not (across and down):
        raise malformed("the frame header has a sampling factor of 0", "stream_header", spec)
    units = -(-header.columns // across) * -(-header.rows // down)
    expected = (units - 1) // header.interval
    cells = np.frombuffer(data[header.entropy : end], np.uint8)
    behind = cells[np.flatnonzero(cells[:-1] == 0xFF) + 1]
    markers = behind[(behind & 0xF8) == 0xD0][:expected]
    if len(markers) < expected:
        raise TruncatedError(
            f"{name_of(spec.syntax)}: restart intervals: expected {expected + 1}, found {len(markers) + 1}",
            code="stream_cut",
            offset=end,
            frame=spec.frame,
        )
    if not np.array_equal(markers & 7, np.arange(expected) & 7):
        raise malformed("restart markers are out of order", "stream_restart", spec, header.entropy)
