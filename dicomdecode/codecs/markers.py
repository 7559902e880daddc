"""What is checked of JPEG streams (ITU-T T.81 B.1 and B.2) before and after a library decodes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.codecs._markers import StreamHeader, check_length, check_stream, find_end, read_header
from dicomdecode.codecs.faults import cut, malformed
from dicomdecode.errors import TruncatedError
from dicomdecode.syntaxes import name_of

if TYPE_CHECKING:
    from dicomdecode.codecs._spec import FrameSpec

__all__ = [
    "SOF3",
    "SOF55",
    "StreamHeader",
    "check_length",
    "check_restarts",
    "check_scans",
    "check_stream",
    "find_end",
    "read_header",
]

SOF3, SOF55 = 0xC3, 0xF7
_EOI, _SOS = 0xD9, 0xDA
#: What cannot stand in entropy-coded data: 0xFF is followed there by a stuffed byte, a restart marker or fill.
_BEHIND_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
#: A progressive stream of few bytes can ask for any number of scans, each a pass over the whole picture: so many are
#: allowed, and fewer where all passes together would see more than so many pixels. Encoders write 10 or so.
_MOST_SCANS, _SCANS_OF_ANY, _MOST_WORK = 200, 32, 1 << 28


def check_scans(data: Any, header: StreamHeader, spec: FrameSpec) -> None:
    """Raise when a stream of several scans has too many, or a component has none: libraries leave it grey."""
    progressive = header.process in (0xC2, 0xCA)
    most = max(_SCANS_OF_ANY, min(_MOST_SCANS, _MOST_WORK // max(1, header.rows * header.columns)))
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
        if scans > most:
            raise malformed(f"the stream has more than {most} scans", "stream_scans", spec, at)
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


def check_restarts(data: Any, header: StreamHeader, end: int, spec: FrameSpec) -> None:
    """Raise when restart markers are missing or out of order, in a DCT stream of one scan (T.81 A.2 and E.2.4).

    After `check_length`.
    """
    expected = (header.units - 1) // header.interval
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
