"""Files behind URLs: only what is needed is fetched, counted at a real server; what goes wrong has a word."""

from __future__ import annotations

import gzip
import pickle
import re
import sys
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
        self.files: dict[str, Any] = {}  # bytes, or a `Hole`
        self.ranges = True
        self.requests: list[int] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client may go away."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_HEAD(self) -> None:  # aiohttp asks for the size
        self.do_GET()

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
        if path[1:] not in self.server.files:
            self.send_error(404)
            return
        data = self.server.files[path[1:]]
        if path == "/cut.dcm":  # promises all, and goes away
            self.send_response(200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:-7])
            return
        if path == "/packed.dcm":  # though nobody has asked for it
            data = gzip.compress(data)
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
            return
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
        if self.command == "GET":
            self.server.requests.append(len(data))
            self.wfile.write(data)


class Hole:
    """Bytes, and so many zeros behind them, which nobody has to keep."""

    def __init__(self, front: bytes, zeros: int, back: bytes = b"") -> None:
        self._front, self._zeros, self._back = front, zeros, back

    def __len__(self) -> int:
        return len(self._front) + self._zeros + len(self._back)

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(len(self))
        behind = len(self) - len(self._back)
        zeros = max(min(stop, behind) - max(start, len(self._front)), 0)
        return self._front[start:stop] + bytes(zeros) + self._back[max(start - behind, 0) : max(stop - behind, 0)]


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


@pytest.mark.parametrize("table", ["", "full", "extended"])
@pytest.mark.parametrize("frames", [0, 15, slice(7, 9)])
def test_of_many_frames_only_those_asked_for_are_fetched(server: Server, table: str, frames: Any) -> None:
    syntax = s.ENCAPSULATED_UNCOMPRESSED if table else s.EXPLICIT_LE
    server.files["large.dcm"] = s.image(FRAMES, syntax=syntax, **({"table": table} if table else {}))
    found = dd.imread(f"{server.url}/large.dcm", values="stored", frames=frames)
    np.testing.assert_array_equal(found, FRAMES[frames])
    wanted = found.nbytes
    assert len(server.requests) <= 2 + wanted // FRAMES[0].nbytes  # the front, the end, and each frame at once
    assert sum(server.requests) <= wanted + 300_000


@pytest.mark.parametrize("dtype", ["u2", "f4"])
def test_of_a_region_only_its_rows_are_fetched(server: Server, dtype: str) -> None:
    """By a loop, and by the plan of floats, which is Python; a request is of 256 KiB at least."""
    server.files["large.dcm"] = s.image(FRAMES.astype(dtype))
    request: dict[str, Any] = {"values": "display", "window": (30000, 60000), "region": (100, 7, 30, 20)}
    found = dd.imread(f"{server.url}/large.dcm", frames=[3, 12], **request)
    np.testing.assert_array_equal(found, dd.imread(server.files["large.dcm"], frames=[3, 12], **request))
    assert server.requests == [1 << 18] * 3  # the front, and the rows of each frame


@pytest.mark.parametrize("frame", [0, 1000, 2047])
def test_one_frame_of_a_gigabyte(server: Server, frame: int) -> None:
    """Of 2048 frames of 512 KiB, all of them zeros but the last."""
    whole = s.image(FRAMES[-2:], extra=[(0x00280008, "IS", "2048")])
    size = FRAMES[0].nbytes
    length = whole.rindex((2 * size).to_bytes(4, "little"))
    front = whole[:length] + (2048 * size).to_bytes(4, "little")
    server.files["large.dcm"] = Hole(front, 2047 * size, FRAMES[-1].tobytes())
    found = dd.imread(f"{server.url}/large.dcm", values="stored", frames=frame)
    np.testing.assert_array_equal(found, FRAMES[-1] if frame == 2047 else 0)
    assert len(server.requests) <= 3 and sum(server.requests) <= size + 1_500_000


def test_a_walk_over_fragments_takes_few_requests(server: Server) -> None:
    """Without an offset table: 512 frames of 32 KiB."""
    other, frame = FRAMES[:2, :128, :128]
    whole = s.image(frame, syntax=s.ENCAPSULATED_UNCOMPRESSED, extra=[(0x00280008, "IS", "512")])
    front, pixels, end = whole.partition(frame.tobytes())
    item = front[-8:]
    each = [pixels if i == 500 else other.tobytes() for i in range(512)]
    server.files["large.dcm"] = front[:-8] + b"".join(item + data for data in each) + end
    found = dd.imread(f"{server.url}/large.dcm", values="stored", frames=500)
    np.testing.assert_array_equal(found, frame)
    assert len(server.requests) <= 10 and max(server.requests) <= 1 << 22
    assert sum(server.requests) <= len(server.files["large.dcm"]) + (1 << 19)


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
        dd.imread(f"{server.url}/{path}?signature=secret".replace("//", "//user:secret@"))
    assert "127.0.0.1" in str(caught.value) and "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_url_without_a_server() -> None:
    with pytest.raises(ConnectionError, match="no host given"):
        dd.imread("http://")


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


@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_that_cuts_its_answer(server: Server, ranges: bool) -> None:
    server.files["cut.dcm"] = SMALL
    server.ranges = ranges
    (found,) = dd.decode_batch(f"{server.url}/cut.dcm")
    assert isinstance(found.error, ConnectionError) and "ends its answer before its end" in str(found.error)


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


def test_a_server_that_compresses_all_the_same(server: Server) -> None:
    server.files["packed.dcm"] = SMALL
    (found,) = dd.decode_batch(f"{server.url}/packed.dcm")
    assert isinstance(found.error, OSError) and "Content-Encoding" in str(found.error)


def test_an_image_behind_a_url_can_be_pickled(server: Server) -> None:
    image = pickle.loads(pickle.dumps(dd.open(f"{server.url}/small.dcm")))
    assert image.pixels(values="stored").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_other_protocols_need_fsspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
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


def test_archives_behind_http(server: Server, tmp_path: Any) -> None:
    for name in ("fsspec", "aiohttp"):
        pytest.importorskip(name, reason=f"{name}: not installed")
    import tarfile
    import zipfile

    (tmp_path / "1.dcm").write_bytes(SMALL)
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as archive:
        archive.write(tmp_path / "1.dcm", "a/1.dcm")
    with tarfile.open(tmp_path / "scans.tar", "w") as tar:
        tar.add(tmp_path / "1.dcm", "a/1.dcm")
    for name in ("scans.zip", "scans.tar"):
        server.files[name] = (tmp_path / name).read_bytes()
        kind = name[-3:]
        found = list(dd.decode_batch(f"{kind}://a::{server.url}/{name}", values="stored"))
        assert [each.shape for each in found] == [(2, 3)], found[0].error
        assert dd.imread(f"{kind}://a/1.dcm::{server.url}/{name}").shape == (2, 3)
        (missing,) = dd.decode_batch(f"{kind}://a/2.dcm::{server.url}/{name}")
        assert isinstance(missing.error, OSError)


def test_a_protocol_without_its_library() -> None:
    fsspec = pytest.importorskip("fsspec", reason="fsspec: not installed")
    with pytest.raises((ImportError, OSError)) as caught:
        dd.imread("nosuch://bucket/key?secret")
    assert "secret" not in str(caught.value)
    needed = "Please install no_such_library"  # so it is with gcsfs
    fsspec.register_implementation("nolibrary", "no_such_library.Files", clobber=True, errtxt=needed)
    (found,) = dd.decode_batch("nolibrary://bucket/key?secret")
    assert isinstance(found.error, ImportError) and "secret" not in str(found.error)
    assert needed in str(found.error) and "dicomdecode[remote]" in str(found.error)


@pytest.mark.parametrize("url", ["angry://bucket/key?secret", "angry://bucket/*?secret"])
def test_what_a_library_raises_is_a_record(url: str) -> None:
    fsspec = pytest.importorskip("fsspec", reason="fsspec: not installed")

    class Refused(Exception):  # no OSError, as gcsfs's HttpError is none
        code = "403"

    class Angry(fsspec.AbstractFileSystem):  # type: ignore[misc, name-defined]
        protocol = "angry"

        def isdir(self, path: str) -> bool:
            raise Refused(path)

        glob = isdir

    fsspec.register_implementation("angry", Angry, clobber=True)
    found, good = dd.decode_batch([url, SMALL])
    assert isinstance(found.error, PermissionError) and good.error is None
    assert "angry://bucket: " in str(found.error) and "secret" not in str(found.error)
