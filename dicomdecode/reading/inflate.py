"""Raw deflate streams (RFC 1951), inflated step by step: what a stream holds is not known before it is there."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable
from typing import Any

from dicomdecode.errors import MalformedError
from dicomdecode.limits import Limits, inflated_freely, over_limit

__all__ = ["InflatedFile", "Inflater", "inflated_file", "wbits_of"]

#: Bytes of a stream that are read at a time; bytes that come out at a time, at most.
_READ, _GIVEN = 1 << 16, 1 << 20
#: Bytes of a data set that are held inflated. Those of a larger one are inflated again where they are read, from the
#: last of several places on: each takes 40 kB.
_HELD, _APART = 1 << 25, 1 << 24


class Inflater:
    """What a stream holds, from the front on.

    Parameters
    ----------
    read_at : callable
        ``read_at(offset, n)``: bytes of the stream, fewer than `n` at its end.

    Attributes
    ----------
    taken, given : int
        Bytes of the stream that were used, and bytes that came out.
    """

    def __init__(self, read_at: Callable[[int, int], Any]) -> None:
        self._read_at, self._read = read_at, 0
        self._zlib = zlib.decompressobj(wbits_of(bytes(read_at(0, 5))))
        self.given = 0

    @property
    def taken(self) -> int:
        return self._read - len(self._zlib.unconsumed_tail)

    def step(self) -> bytes:
        """At most 1 MiB; nothing at the end of the stream, or where it is cut.

        Raises
        ------
        zlib.error
            The stream is damaged.
        """
        while not self._zlib.eof:
            part: Any = self._zlib.unconsumed_tail
            if not part:
                part = self._read_at(self._read, _READ)
                self._read += len(part)
            piece = self._zlib.decompress(part, _GIVEN)
            if piece or not len(part):
                self.given += len(piece)
                return piece
        return b""

    def copy(self) -> Inflater:
        """One that goes on from here by itself."""
        other = copy.copy(self)
        other._zlib = self._zlib.copy()
        return other


def wbits_of(head: bytes) -> int:
    """What zlib is told of a stream that begins so: raw, as PS3.5 A.5 says, or with the header of zlib or gzip.

    The first byte of zlib's header is that of a stored block whose padding is not zero; such a block has its length
    twice, the second time inverted.
    """
    if len(head) < 5:
        return -zlib.MAX_WBITS
    is_stored = head[1] ^ head[3] == head[2] ^ head[4] == 0xFF
    is_zlib = head[0] & 0x8F == 8 and int.from_bytes(head[:2], "big") % 31 == 0 and not is_stored
    return 32 + zlib.MAX_WBITS if is_zlib or head[:2] == b"\x1f\x8b" else -zlib.MAX_WBITS


class InflatedFile:
    """A file object: a file as it would be if its data set were not deflated. Little of it is in memory."""

    def __init__(self, source: Any, front: bytes, places: list[Inflater], size: int) -> None:
        self._source, self._front, self._places = source, front, places
        self._size = len(front) + size
        self._at = 0
        self._inflater, self._piece = places[0].copy(), b""

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (self._size if whence == 2 else 0)
        return self._at

    def read(self, n: int) -> Any:
        """Bytes from the position on, often fewer than `n`; none at the end only."""
        inflated = self._at - len(self._front)
        part = self._front[self._at : self._at + n] if inflated < 0 else self._inflated(inflated, n)
        self._at += len(part)
        return part

    def _inflated(self, offset: int, n: int) -> Any:
        place = [place for place in self._places if place.given <= offset][-1]
        if offset < self._inflater.given - len(self._piece) or self._inflater.given < place.given:
            self._inflater, self._piece = place.copy(), b""
        self._source.wake()
        try:
            while self._inflater.given <= offset:
                self._piece = self._inflater.step()
                if not self._piece:
                    return b""
        except zlib.error:
            raise _damaged(len(self._front)) from None
        finally:
            self._source.rest()
        start = offset - self._inflater.given + len(self._piece)
        return memoryview(self._piece)[start : start + n]


def inflated_file(source: Any, start: int, limits: Limits) -> bytearray | InflatedFile:
    """A file as it is without deflation (PS3.5 A.5).

    Parameters
    ----------
    source : Source
        The file.
    start : int
        Where in it the deflated data set begins.
    limits : Limits

    Raises
    ------
    DicomError
        The data set cannot be inflated, or is larger than the limits allow.
    """
    front = bytes(source.read_at(0, start))
    inflater = Inflater(lambda offset, n: source.read_at(start + offset, n))
    places = [inflater.copy()]
    held = bytearray(front)
    try:
        while piece := inflater.step():
            _check_limits(inflater, limits, start)
            if inflater.given - places[-1].given >= _APART:
                places.append(inflater.copy())
            if inflater.given <= _HELD:
                held += piece
            else:
                held.clear()
    except zlib.error:
        raise _damaged(start) from None
    return held if inflater.given <= _HELD else InflatedFile(source, front, places, inflater.given)


def _check_limits(inflater: Inflater, limits: Limits, start: int) -> None:
    allowed = max(inflated_freely(limits), limits.inflate_ratio * inflater.taken)
    if inflater.given > min(allowed, limits.output_bytes):
        code = "limit_inflate_ratio" if allowed < limits.output_bytes else "limit_output_bytes"
        most = min(allowed, limits.output_bytes)
        raise over_limit("The inflated data set exceeds", code, most, offset=start)


def _damaged(start: int) -> MalformedError:
    return MalformedError("The deflated data set cannot be inflated", code="inflate", offset=start)
