"""Files behind URLs: http and https by the standard library, others by fsspec. Only what is needed is fetched."""

from __future__ import annotations

import base64
import errno
import functools
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from dicomdecode.errors import MalformedError
from dicomdecode.limits import over_limit
from dicomdecode.reading.seekable import SeekableFile

if TYPE_CHECKING:
    from urllib.request import OpenerDirector, Request

    from dicomdecode.limits import Limits

__all__ = ["RemoteFile", "Worded", "filesystem_of", "is_http", "is_url", "open_url"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # one letter is a drive of Windows
_FETCH = 1 << 18  # bytes that are fetched at least
_AHEAD = 1 << 22  # at most, where the file is read from front to back
_RECENT = 2  # pieces that are kept besides the first and the last one
_SECONDS = 30.0  # without an answer


def is_url(source: Any) -> bool:
    """Whether a source is the text of a URL, rather than a path."""
    return isinstance(source, str) and _URL.match(source) is not None


def is_http(url: str) -> bool:
    """Whether a URL is read by the standard library."""
    return url[:8].lower().startswith(("http://", "https://")) and "::" not in url


class Piece(NamedTuple):
    """Bytes of a file from `start` on, and the size of the whole file."""

    start: int
    data: bytes
    size: int


class RemoteFile(SeekableFile):
    """A file of which parts are fetched, and a few of them kept.

    Parameters
    ----------
    fetch : callable
        (start, stop) -> Piece, which may hold more or fewer bytes than were requested.
    """

    def __init__(self, url: str, fetch: Callable[[int, int], Piece], limits: Limits) -> None:
        self._url = url
        self._limits = limits
        self._fetch = fetch
        first = fetch(0, _FETCH)
        super().__init__(first.size)
        self._pieces = [first]

    def _bytes(self, start: int, stop: int) -> bytes:
        parts = []
        while start < stop:
            piece = self._piece_at(start, max(stop, start + self._least(start)))
            part = piece.data[start - piece.start : stop - piece.start]
            parts.append(part)
            start += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _piece_at(self, start: int, stop: int) -> Piece:
        for piece in self._pieces:
            if piece.start <= start < piece.start + len(piece.data):
                return piece
        piece = self._fetch(start, min(max(stop, start + _FETCH), self._size))
        if piece.size != self._size:
            raise MalformedError("The file changed while it was read", code="file_changed")
        if not piece.start <= start < piece.start + len(piece.data):
            raise MalformedError("The server sent other bytes than were requested", code="file_changed", offset=start)
        self._pieces = [self._pieces[0], *self._pieces[1:][-_RECENT:], piece]
        return piece

    def _least(self, start: int) -> int:
        """Bytes to fetch from `start` on, where it is not known how many are needed: each time twice as many, while the
        file is read from front to back. A walk over 1 GB of small fragments takes hundreds of requests, not thousands.
        """
        last = self._pieces[-1]
        size = len(last.data)
        follows = 0 <= start - (last.start + size) <= size
        return max(_FETCH, min(2 * size, _AHEAD)) if follows else _FETCH

    def prefetch(self, offset: int, length: int) -> None:
        """Fetch, at once, bytes that are going to be read in parts."""
        stop = min(offset + length, self._size)
        while offset < stop:
            piece = self._piece_at(offset, stop)
            offset = piece.start + len(piece.data)

    def __reduce__(self) -> tuple[Any, ...]:
        return open_url, (self._url, self._limits)


def open_url(url: str, limits: Limits) -> RemoteFile:
    """The file behind a URL.

    Raises
    ------
    OSError
        It is not there, forbidden, or cannot be reached. The error names the server, not the rest of the URL, which
        may hold a password or a signature.
    ImportError
        The protocol needs fsspec, or a library that fsspec needs for it.
    """
    if is_http(url):
        return RemoteFile(url, functools.partial(_fetch_http, url, limits), limits)
    files, path = filesystem_of(url)
    with Worded(url):
        size = int(files.size(path))

    def fetch(start: int, stop: int) -> Piece:
        with Worded(url):
            return Piece(start, bytes(files.cat_file(path, start=start, end=min(stop, size))), size)

    return RemoteFile(url, fetch, limits)


def filesystem_of(url: str) -> tuple[Any, str]:
    """The filesystem of fsspec for a URL, and the path in it."""
    try:
        import fsspec.core
    except ImportError:
        raise ImportError('URLs other than http need fsspec: pip install "dicomdecode[remote]"') from None
    try:
        with Worded(url):
            files, path = fsspec.core.url_to_fs(url)
    except ImportError as error:  # the words are fsspec's own: "Please install gcsfs to access Google Storage"
        raise ImportError(f'{_place_of(url)}: {error} (besides "dicomdecode[remote]")') from None
    return files, str(path)


def _place_of(url: str) -> str:
    """Scheme and host of a URL: what an error may name."""
    from urllib.parse import urlsplit

    try:
        return f"{url.split('://')[0]}://{urlsplit(url).hostname or ''}"
    except ValueError:
        return url.split("://")[0] + "://"


class Worded:
    """Errors of a protocol's library as OSErrors without the URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if error is None or isinstance(error, ImportError) or not isinstance(error, Exception):
            return
        number = getattr(error, "errno", None) or _number_of(error)
        raise OSError(number, f"{_place_of(self._url)}: {os.strerror(number)} ({type(error).__name__})") from None


def _number_of(error: Exception) -> int:
    """The number of an error that comes without one. The class of an OSError goes by it."""
    if isinstance(error, FileNotFoundError):
        return errno.ENOENT
    # gcsfs: 403 is an OSError of these words, 401 an error of its own with the code as text or as a number.
    if isinstance(error, PermissionError) or str(error).startswith("Forbidden") or _status_of(error) in (401, 403):
        return errno.EACCES
    return errno.ETIMEDOUT if isinstance(error, TimeoutError) else errno.EIO


def _status_of(error: Exception) -> int:
    """The status of HTTP that an error tells: aiohttp calls it `status`, Google's libraries `code`; 0: none."""
    told = str(getattr(error, "status", None) or getattr(error, "code", None) or "")
    return int(told) if told.isdecimal() else 0


@functools.cache
def _opener() -> OpenerDirector:
    """What speaks HTTP and nothing else: a redirection to a file or to FTP is refused."""
    from urllib import request

    from dicomdecode.reading.http import HTTPHandler, HTTPSHandler

    opener = request.OpenerDirector()
    for handler in (
        *(request.ProxyHandler, HTTPHandler, HTTPSHandler, request.HTTPRedirectHandler),
        *(request.HTTPDefaultErrorHandler, request.HTTPErrorProcessor, request.UnknownHandler),
    ):
        opener.add_handler(handler())
    return opener


class _Encoded(Exception):
    """An answer is compressed, so that its ranges are not those of the file."""


def _fetch_http(url: str, limits: Limits, start: int, stop: int) -> Piece:
    """A range of a file (RFC 9110, 14.2); the whole of it where the server does not honour ranges."""
    import http.client
    from urllib.error import HTTPError, URLError

    try:
        request = _request_of(url)
        request.add_header("Range", f"bytes={start}-{stop - 1}")
        with _opener().open(request, timeout=_SECONDS) as answer:
            coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
            if coding not in ("", "identity"):  # which is all that was asked for
                raise _Encoded
            found = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", answer.headers.get("Content-Range", "").strip())
            part = found if answer.status == 206 else None
            most = limits.stream_bytes if part is None else stop - start
            data = answer.read(most + 1)
            promised = answer.headers.get("Content-Length", "")
            if promised.isdecimal() and len(data) < min(int(promised), most):
                raise http.client.IncompleteRead(data)
            if part is not None:
                return Piece(int(part[1]), data[:most], int(part[2]))
    except HTTPError as error:
        with error:
            if error.code == 416:  # an empty file has no range
                return Piece(0, b"", 0)
            raise _refused(url, error.code) from None
    except URLError as error:
        why = getattr(error.reason, "strerror", None) or type(error.reason).__name__
        why = error.reason if isinstance(error.reason, str) else why
        raise ConnectionError(f"{_place_of(url)} cannot be reached: {why}") from None
    except TimeoutError:
        raise TimeoutError(f"{_place_of(url)} does not answer") from None
    except http.client.IncompleteRead:
        raise ConnectionError(f"{_place_of(url)} ends its answer before its end") from None
    except _Encoded:
        raise OSError(errno.EIO, f"{_place_of(url)} compresses its answers unasked (Content-Encoding)") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ConnectionError(f"{_place_of(url)} gives no answer of HTTP: {type(error).__name__}") from None
    if len(data) > most:
        raise over_limit("What the server gives exceeds", "limit_stream_bytes", most)
    return Piece(0, data, len(data))


def _request_of(url: str) -> Request:
    """A request, with the user and the password that the URL may name; no other server gets them."""
    from urllib.parse import unquote, urlsplit
    from urllib.request import Request

    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    request = Request(parts._replace(netloc=host, fragment="").geturl(), headers={"Accept-Encoding": "identity"})
    if at:
        told = base64.b64encode(unquote(user).encode()).decode("ascii")
        request.add_unredirected_header("Authorization", f"Basic {told}")
    return request


def _refused(url: str, code: int) -> OSError:
    from http.client import responses

    text = f"{_place_of(url)} answers {code} {responses.get(code, '')}".rstrip()  # not in the words of the server
    if code in (401, 403):
        return PermissionError(errno.EACCES, text)
    return FileNotFoundError(errno.ENOENT, text) if code in (404, 410) else OSError(errno.EIO, text)
