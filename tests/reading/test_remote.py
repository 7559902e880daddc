"""Files behind URLs: only what is needed is fetched, counted at a real server; what goes wrong has a word."""

from __future__ import annotations

import pickle
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

SMALL = s.image(np.arange(6, dtype=np.uint16).reshape(2, 3))
RNG = np.random.default_rng(0)
#: Frames of 512 KiB.
FRAMES = RNG.integers(0, 1 << 16, (16, 512, 512), np.uint16)


class Server(ThreadingHTTPServer):
    """Serves `files`, by ranges where it may; counts requests and bytes."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.ranges = True
        self.requests: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may go away."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path.startswith("/status/"):
            self.send_error(int(path.rpartition("/")[2]))
            return
        if path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", "file:///etc/passwd" if path == "/to/file" else "/" + path[4:])
            self.end_headers()
            return
        data = self.server.files[path[1:]]
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked and self.server.ranges and int(asked[1]) >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if asked and self.server.ranges else 200)
        if asked and self.server.ranges:
            start, stop = int(asked[1]), min(int(asked[2]) + 1, len(data))
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{len(data)}")
            data = data[start:stop]
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.server.requests.append(len(data))
        self.wfile.write(data)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    made.files["small.dcm"] = SMALL
    thread = threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.ENCAPSULATED_UNCOMPRESSED])
@pytest.mark.parametrize("frames", [0, 15, slice(7, 9)])
def test_of_many_frames_only_those_asked_for_are_fetched(server: Server, syntax: str, frames: Any) -> None:
    server.files["large.dcm"] = s.image(
        FRAMES, syntax=syntax, **({"table": "full"} if syntax in s.ENCAPSULATED else {})
    )
    found = dd.imread(f"{server.url}/large.dcm", values="stored", frames=frames)
    np.testing.assert_array_equal(found, FRAMES[frames])
    wanted = found.nbytes
    assert len(server.requests) <= 2 + wanted // FRAMES[0].nbytes  # the front, the end, and each frame at once
    assert sum(server.requests) <= wanted + 300_000


def test_of_tags_only_the_header_is_fetched(server: Server) -> None:
    server.files["large.dcm"] = s.image(FRAMES[:10], extra=[(0x00100020, "LO", "P7")])
    with dd.open(f"{server.url}/large.dcm") as image:
        assert image.tag("PatientID") == "P7" and len(image) == 10
    assert len(server.requests) <= 2 and sum(server.requests) < 300_000


def test_a_batch(server: Server) -> None:
    urls = [f"{server.url}/small.dcm?signature=secret", f"{server.url}/status/404", f"{server.url}/to/small.dcm"]
    good, missing, moved = dd.decode_batch(urls, threads=3, values="stored")
    assert good.array is not None and good.array.tolist() == [[0, 1, 2], [3, 4, 5]] and good.source == urls[0]
    assert isinstance(missing.error, FileNotFoundError)
    assert moved.error is None


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("status/401", PermissionError),
        ("status/403", PermissionError),
        ("status/404", FileNotFoundError),
        ("status/500", OSError),
        ("to/file", OSError),
    ],
)
def test_refusals(server: Server, path: str, kind: type[OSError]) -> None:
    with pytest.raises(kind) as caught:
        dd.imread(f"{server.url}/{path}?signature=secret".replace("127", "user:secret@127"))
    assert "127.0.0.1" in str(caught.value) and "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_server_that_is_not_there(server: Server) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(ConnectionError, match=r"127\.0\.0\.1 cannot be reached"):
        dd.imread(f"{server.url}/small.dcm")


def test_a_server_without_ranges(server: Server) -> None:
    server.ranges = False
    assert dd.imread(f"{server.url}/small.dcm").shape == (2, 3)
    with pytest.raises(dd.LimitError) as caught:
        dd.imread(f"{server.url}/small.dcm", limits=dd.Limits(stream_bytes=100))
    assert caught.value.code == "limit_stream_bytes"


def test_empty_and_changing_files(server: Server) -> None:
    server.files["empty.dcm"] = b""
    with pytest.raises(dd.TruncatedError):
        dd.imread(f"{server.url}/empty.dcm")
    server.files["large.dcm"] = s.image(FRAMES[:4])
    image = dd.open(f"{server.url}/large.dcm")
    server.files["large.dcm"] = server.files["large.dcm"][:-1000]
    with pytest.raises(dd.MalformedError) as caught:
        image.pixels(frames=3)
    assert caught.value.code == "file_changed"


def test_an_image_behind_a_url_can_be_pickled(server: Server) -> None:
    image = pickle.loads(pickle.dumps(dd.open(f"{server.url}/small.dcm")))
    assert image.pixels(values="stored").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_other_protocols_need_fsspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(ImportError, match="remote"):
        dd.imread("s3://bucket/key")
    (found,) = dd.decode_batch("s3://bucket/key")
    assert isinstance(found.error, ImportError)


def test_fsspec(tmp_path: Any) -> None:
    fsspec = pytest.importorskip("fsspec", reason="fsspec: not installed")
    import zipfile

    memory = fsspec.filesystem("memory")
    memory.pipe({"/scans/b.dcm": SMALL, "/scans/a/1.dcm": SMALL})
    try:
        found = list(dd.decode_batch(["memory://scans", "memory://scans/*.dcm", "memory://nothing.dcm"]))
        assert [str(each.source).rpartition("scans")[2] for each in found[:3]] == ["/a/1.dcm", "/b.dcm", "/b.dcm"]
        assert [type(each.error) for each in found] == [type(None)] * 3 + [FileNotFoundError]
        archive = tmp_path / "scans.zip"
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("a/1.dcm", SMALL)
            file.writestr("a/2.dcm", SMALL)
        found = list(dd.decode_batch([f"zip://a/1.dcm::file://{archive}", f"zip://a::file://{archive}"]))
        assert [each.error for each in found] == [None] * 3
        assert dd.imread(found[2].source).shape == (2, 3)
    finally:
        memory.rm("/scans", recursive=True)
