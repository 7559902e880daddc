"""Raw deflate streams (RFC 1951), inflated step by step: what a stream holds is not known before it is there."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["DEFLATED_STEP", "inflated"]

#: Bytes of a stream that are read at a time; bytes that come out at a time, at most.
DEFLATED_STEP = 1 << 16
_INFLATED_STEP = 1 << 20


def inflated(parts: Iterable[Any]) -> Iterator[tuple[bytes, int]]:
    """What a stream holds, piece by piece, up to its end or that of `parts`.

    Yields
    ------
    bytes, int
        At most 1 MiB, and how many bytes of the stream have been taken so far.

    Raises
    ------
    zlib.error
        The stream is damaged.
    """
    inflater = zlib.decompressobj(wbits=-15)
    taken = 0
    for part in parts:
        taken += len(part)
        while not inflater.eof:
            piece = inflater.decompress(part, _INFLATED_STEP)
            part = inflater.unconsumed_tail
            if piece:
                yield piece, taken - len(part)
            elif not part:
                break
        if inflater.eof:
            return
