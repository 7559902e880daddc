"""Deflated Image Frame Compression (PS3.5 A.4.13): each frame is one raw RFC 1951 stream of its native form."""

from __future__ import annotations

import zlib
from typing import Any

from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.errors import MalformedError, TruncatedError
from dicomdecode.reading.inflate import Inflater

#: Frames from this size on are worth the import of imagecodecs, which has libdeflate: half of zlib's time.
_LARGE = 1 << 16


def decode(data: Any, spec: FrameSpec, out: Any) -> None:
    """Inflate one frame of native cells into `out`, a 1-D uint8 array of the frame's size."""
    if len(out) >= _LARGE and _inflate_exactly(data, out):
        return
    stream, cells, done = memoryview(data).cast("B"), memoryview(out), 0
    inflater = Inflater(lambda offset, n: stream[offset : offset + n])
    try:
        while piece := inflater.step():
            last = min(done + len(piece), len(cells))
            cells[done:last] = piece[: last - done]
            done = last
            if done == len(cells):
                return
    except zlib.error:
        raise MalformedError("The deflated frame cannot be inflated", code="inflate", frame=spec.frame) from None
    raise TruncatedError(
        f"The deflated frame is too short (bytes): expected {len(cells)}, found {done}",
        code="frame_cut",
        frame=spec.frame,
    )


def _inflate_exactly(data: Any, out: Any) -> bool:
    """By libdeflate, a stream that fills `out` to the byte; of any other, zlib tells what it is."""
    import imagecodecs

    try:
        return len(imagecodecs.deflate_decode(data, raw=True, out=out)) == len(out)
    except imagecodecs.DeflateError:
        return False
