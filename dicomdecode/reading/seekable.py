"""A file that can seek, made of a function that gives any part of it."""

from __future__ import annotations

import io
import os

__all__ = ["SeekableFile"]


class SeekableFile(io.RawIOBase):
    """A file of a known size whose bytes come from `_bytes(start, stop)`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._position = 0

    def _bytes(self, start: int, stop: int) -> bytes:
        raise NotImplementedError

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        stop = self._size if size is None or size < 0 else min(self._position + size, self._size)
        start = min(self._position, self._size)
        part = self._bytes(start, stop) if start < stop else b""
        self._position = start + len(part)
        return part
