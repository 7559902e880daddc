"""Deflated Image Frame Compression (PS3.5 A.4.13): each frame is one raw RFC 1951 stream of its native form."""

from __future__ import annotations

import zlib
from typing import Any

from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.errors import MalformedError, TruncatedError
from dicomdecode.reading.inflate import Inflater, wbits_of

#: Frames from this size on are worth the import of imagecodecs, which has libdeflate: half of zlib's time.
_LARGE = 1 << 16
#: Bytes that come out at a time.
_STEP = 1 << 20


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


class FrameEnds:
    """Where the streams of frames end that are cut into fragments.

    Parameters
    ----------
    cells : int
        Bytes of a frame.
    """

    def __init__(self, cells: int) -> None:
        self._cells = cells
        self._zlib: Any = None
        self._given = 0

    def take(self, fragment: bytes) -> bool:
        """Whether the stream of a frame ends with this fragment, the next one of all.

        Raises
        ------
        zlib.error
            It is no part of a stream that gives just the cells of a frame.
        """
        if self._zlib is None:
            self._zlib, self._given = zlib.decompressobj(wbits_of(fragment[:5])), 0
        piece = self._zlib.decompress(fragment, _STEP)
        while piece and self._given <= self._cells:
            self._given += len(piece)
            piece = self._zlib.decompress(self._zlib.unconsumed_tail, _STEP)
        if not self._zlib.eof:
            if self._given > self._cells:
                raise zlib.error("more than a frame")
            return False
        if not 0 <= self._given - self._cells <= self._cells % 2 or len(self._zlib.unused_data) > 1:
            raise zlib.error("not a frame")
        self._zlib = None
        return True
