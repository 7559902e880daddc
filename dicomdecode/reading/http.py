"""HTTP for servers that may be hostile: no answer takes for ever, be it slow or without end."""

from __future__ import annotations

import http.client
import io
import time
import urllib.request
from typing import Any

__all__ = ["HTTPHandler", "HTTPSHandler"]

_SLOWEST = 1000  # bytes a second of an answer, after the first
_PATIENCE = 30.0  # seconds
_HEAD = 1 << 17  # bytes in front of the body: status lines, interim answers, header fields


class _Answer(http.client.HTTPResponse):
    """An answer of which the bytes and the seconds are counted."""

    def __init__(self, sock: Any, *arguments: Any, **keywords: Any) -> None:
        super().__init__(sock, *arguments, **keywords)
        self._counted = _Counted(self.fp.detach())
        self.fp = io.BufferedReader(self._counted)

    def begin(self) -> None:
        self._counted.most = _HEAD
        super().begin()
        self._counted.most = None


class _Counted(io.RawIOBase):
    """The bytes of a socket. Its own time-out is for each of them."""

    def __init__(self, raw: Any) -> None:
        self.most: int | None = None
        self._raw = raw
        self._count = 0
        self._began = time.monotonic()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count: int | None = self._raw.readinto(buffer)
        self._count += count or 0
        if self.most is not None and self._count > self.most:
            raise http.client.HTTPException("an answer without a body")
        if time.monotonic() - self._began > _PATIENCE + self._count / _SLOWEST:
            raise TimeoutError("an answer that does not end")
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def _connecting(http_class: Any) -> Any:
    """What makes connections that give such answers."""

    def connection(*arguments: Any, **keywords: Any) -> Any:
        made = http_class(*arguments, **keywords)
        made.response_class = _Answer
        return made

    return connection


class HTTPHandler(urllib.request.HTTPHandler):
    """urllib's own, with such answers."""

    def do_open(self, http_class: Any, req: Any, **keywords: Any) -> Any:
        return super().do_open(_connecting(http_class), req, **keywords)


class HTTPSHandler(urllib.request.HTTPSHandler):
    """urllib's own, with such answers."""

    def do_open(self, http_class: Any, req: Any, **keywords: Any) -> Any:
        return super().do_open(_connecting(http_class), req, **keywords)
