"""Servers and archives that lie: an error, soon, and no more read than the limits allow."""

from __future__ import annotations

import contextlib
import io
import socket
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.reading import http
from tests import synthesise as s
from tests.hostile.bombs import head

CONTENTS = s.image(np.arange(120_000, dtype=np.uint16).reshape(300, 400))
SECRET = "Zq8KjV7w"
Script = Callable[[socket.socket], None]


@contextlib.contextmanager
def server(script: Script) -> Iterator[str]:
    """A server that does with each connection what `script` says."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    with connection, contextlib.suppress(OSError):
                        connection.recv(65536)
                        script(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/a.dcm"
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def answer(body: bytes, *fields: str, status: str = "200 OK") -> Script:
    head = "\r\n".join([f"HTTP/1.1 {status}", *fields, "Connection: close", "", ""])
    return lambda connection: connection.sendall(head.encode("latin-1") + body)


def for_ever(head: bytes, part: bytes, pause: float = 0) -> Script:
    def script(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(part)
            time.sleep(pause)

    return script


PARTIAL = "206 Partial Content"
ODD: dict[str, Script] = {
    "says nothing": lambda connection: None,
    "no HTTP": lambda connection: connection.sendall(b"hello\r\n\r\n"),
    "more than it has": answer(CONTENTS[:1000], "Content-Length: 1000000"),
    "a length that is none": answer(CONTENTS[:1000], "Content-Length: -5"),
    "chunks that are none": answer(b"zz\r\nabc", "Transfer-Encoding: chunked"),
    "a chunk of a size beyond all": answer(b"f" * 40 + b"\r\nabc", "Transfer-Encoding: chunked"),
    "another range": answer(CONTENTS[10:], "Content-Range: bytes 10-99/240500", status=PARTIAL),
    "no bytes": answer(b"", "Content-Range: bytes 0-99/240500", status=PARTIAL),
    "a size beyond all": answer(CONTENTS[:100], f"Content-Range: bytes 0-99/{10**30}", status=PARTIAL),
    "a number of many digits": answer(CONTENTS[:100], f"Content-Range: bytes 0-99/{'9' * 5000}", status=PARTIAL),
    "redirected to itself": answer(b"", "Location: /a.dcm", status="302 Found"),
    "redirected to a file": answer(b"", "Location: file:///etc/passwd", status="302 Found"),
    "in its own words": answer(b"", status=f"500 {SECRET}\x1b[2J"),
    "interim answers for ever": for_ever(b"", b"HTTP/1.1 100 Continue\r\nA: b\r\n\r\n"),
    "header fields for ever": for_ever(b"HTTP/1.1 200 OK\r\n", b"A: " + b"b" * 60_000 + b"\r\n"),
    "a body without end": for_ever(b"HTTP/1.1 200 OK\r\n\r\n" + CONTENTS, bytes(1 << 16)),
}


@pytest.mark.parametrize("name", ODD)
def test_servers(name: str) -> None:
    with server(ODD[name]) as url, pytest.raises((dd.DicomError, OSError)) as caught:
        dd.imread(url, limits=dd.Limits(stream_bytes=2_000_000))
    assert SECRET not in str(caught.value)


def test_pieces_that_are_not_there() -> None:
    """The first piece is right, the others are empty: fetched ahead of what is read."""
    asked = 0
    whole = s.image(np.zeros((1000, 1000), np.uint16))

    def first_alone(connection: socket.socket) -> None:
        nonlocal asked
        asked += 1
        part = whole[: 1 << 18] if asked == 1 else b""
        start = 0 if asked == 1 else 1 << 18
        answer(part, f"Content-Range: bytes {start}-{start + len(part)}/{len(whole)}", status=PARTIAL)(connection)

    with server(first_alone) as url, pytest.raises(dd.MalformedError) as caught:
        dd.imread(url)
    assert caught.value.code == "file_changed" and asked < 5


def test_a_server_that_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then: no time-out of a socket sees it."""
    monkeypatch.setattr(http, "_PATIENCE", 0.3)
    script = for_ever(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x", 0.02)
    with server(script) as url, pytest.raises(TimeoutError):
        dd.imread(url)


def errors_of(path: Path) -> list[Exception | None]:
    return [decoded.error for decoded in dd.decode_batch([path], threads=1)]


@pytest.mark.parametrize(
    "size", [b"\xff" * 10 + b"\xfe\0", b"\xff" * 12, b"\x80" + b"\xff" * 11], ids=["-512", "-1", "most"]
)
@pytest.mark.parametrize("kind", [b"0", b"L", b"x", b"S"])
def test_tar_with_sizes_that_lead_back(tmp_path: Path, size: bytes, kind: bytes) -> None:
    head = bytearray(tarfile.TarInfo("a.dcm").tobuf(tarfile.GNU_FORMAT))
    head[124:136], head[156:157], head[148:156] = size, kind, b" " * 8
    head[148:156] = b"%06o\0 " % sum(head[:512])
    path = tmp_path / "a.tar"
    path.write_bytes(bytes(head[:512]) * 3 + bytes(1024))
    found = errors_of(path)
    assert found and all(isinstance(error, (dd.DicomError, OSError)) for error in found)


def test_members_that_are_no_files(tmp_path: Path) -> None:
    """Links, devices and names that lead out of the archive: nothing but its own bytes is read."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for number, (kind, target) in enumerate(
            ((tarfile.SYMTYPE, "/etc/passwd"), (tarfile.LNKTYPE, "../../etc/passwd"), (tarfile.CHRTYPE, ""))
        ):
            link = tarfile.TarInfo(f"{number}.dcm")
            link.type, link.linkname = kind, target
            tar.addfile(link)
        member = tarfile.TarInfo("../../../b.dcm")
        member.size = len(CONTENTS)
        tar.addfile(member, io.BytesIO(CONTENTS))
    assert errors_of(path) == [None]
    dd.convert(path, tmp_path / "out", format="npy")
    assert sorted(found.name for found in (tmp_path / "out").iterdir()) == ["00000000.npy", "manifest.jsonl"]


def zip_of(method: int) -> bytearray:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("a.dcm", CONTENTS)
    return bytearray(packed.getvalue())


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_zip(tmp_path: Path, method: int) -> None:
    """Of all that zipfile and its decompressors raise, nothing comes out."""
    whole = zip_of(method)
    rng = np.random.default_rng(method)
    path = tmp_path / "a.zip"
    for _ in range(150):
        damaged = bytearray(whole)
        for place in rng.integers(0, 60 if rng.random() < 0.5 else len(whole), 3):
            damaged[-int(place) if rng.random() < 0.5 else int(place)] = int(rng.integers(256))
        path.write_bytes(damaged)
        assert all(error is None or isinstance(error, (dd.DicomError, OSError)) for error in errors_of(path))


def test_a_zip_that_lies_about_what_it_packs(tmp_path: Path) -> None:
    """A member of zeros, said to be packed in as many bytes as it holds."""
    packed = io.BytesIO()
    front = s.dataset([*head(7000, 7000), s.header(s.PIXEL_DATA, "OB", 49_000_000, s.LITTLE)])
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", front + bytes(49_000_000))
    lying = bytearray(packed.getvalue())
    at = lying.rindex(b"PK\1\2")
    lying[at + 20 : at + 24] = (49_000_000).to_bytes(4, "little")
    path = tmp_path / "a.zip"
    path.write_bytes(lying)
    (error,) = errors_of(path)
    assert isinstance(error, dd.DicomError) and error.code in ("limit_inflate_ratio", "archive")
