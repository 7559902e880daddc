"""Sources that lie, shrink, or never end: an error, soon, with little read."""

from __future__ import annotations

import io
import itertools
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

PIXELS = np.arange(120_000, dtype=np.uint16).reshape(300, 400)
CONTENTS = s.image(PIXELS)


class Odd(io.RawIOBase):
    """A file object that says it has `size` bytes and gives what `gives` returns for (position, count)."""

    def __init__(self, size: int, gives: Callable[[int, int], object]) -> None:
        self.end, self.gives, self.at, self.calls = size, gives, 0, 0

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self.at = self.end if whence == 2 else offset
        return self.at

    def tell(self) -> int:
        return self.at

    def read(self, size: int = -1, /) -> object:  # type: ignore[override]
        self.calls += 1
        assert self.calls < 100, "a loop that makes no progress"
        part = self.gives(self.at, size)
        self.at += len(part) if isinstance(part, bytes) else 0
        return part


@pytest.mark.parametrize("gives", [lambda at, n: b"", lambda at, n: None], ids=["nothing", "None"])
@pytest.mark.parametrize("size", [1, 200, 1_000_000, 1 << 50])
def test_file_object_that_gives_nothing(gives: Callable[[int, int], object], size: int) -> None:
    with pytest.raises(dd.MalformedError) as caught:
        dd.imread(Odd(size, gives))
    assert caught.value.code == "file_changed"


@pytest.mark.parametrize("kept", [100, 131, 400, 70_000, len(CONTENTS) - 1])
def test_file_object_that_ends_before_its_size(kept: int) -> None:
    """At any place: in the first window, in the header, in the pixel data."""
    file = Odd(len(CONTENTS), lambda at, n: CONTENTS[at : min(kept, at + n)])
    with pytest.raises(dd.DicomError) as caught:
        dd.imread(file)
    assert caught.value.code in ("file_changed", "pixels_cut")


def test_file_object_that_says_too_much() -> None:
    """Zeros without end behind a whole file: they are padding, and are not read."""
    file = Odd(1 << 50, lambda at, n: CONTENTS[at : at + n].ljust(n, b"\0"))
    np.testing.assert_array_equal(dd.imread(file, values="stored"), PIXELS)


@pytest.mark.parametrize("size", [-1, 1 << 70])
def test_file_object_of_an_impossible_size(size: int) -> None:
    with pytest.raises(OSError, match="does not say where it ends"):
        dd.imread(Odd(size, lambda at, n: b""))


def test_file_object_that_gives_more_than_asked() -> None:
    with pytest.raises(OSError, match="more bytes than it was asked for"):
        dd.imread(Odd(1000, lambda at, n: bytes(n + 1)))


def test_file_object_of_texts() -> None:
    with pytest.raises(TypeError):
        dd.imread(Odd(1000, lambda at, n: "text"))


@pytest.mark.parametrize("kept", [0, 131, 400, 100_000])
def test_file_that_shrinks_after_it_was_opened(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(CONTENTS)
    image = dd.open(path)
    os.truncate(path, kept)
    for call in (image.pixels, lambda: image.issues, lambda: image.pixels(values="display", frames=0)):
        with pytest.raises(dd.MalformedError) as caught:
            call()
        assert caught.value.code == "file_changed"


@pytest.mark.parametrize("path", ["/sys/kernel/mm/transparent_hugepage/enabled", "/proc/self/status", "/proc/version"])
def test_file_of_the_kernel(path: str) -> None:
    """They name a size and hold fewer bytes, or name none and hold some."""
    if not os.path.exists(path):
        pytest.skip(f"platform: no {path}")
    with pytest.raises(dd.DicomError):
        dd.imread(path)


class Stream:
    """What cannot seek and never ends."""

    def __init__(self, front: bytes, tail: bytes) -> None:
        self.front, self.tail, self.given = io.BytesIO(front), tail, 0

    def read(self, size: int = -1) -> bytes:
        part = self.front.read(size) or self.tail * (size // len(self.tail))
        self.given += len(part)
        return part


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
def test_device_without_end(device: str) -> None:
    if not os.path.exists(device):
        pytest.skip(f"platform: no {device}")
    with pytest.raises(dd.DicomError) as caught:
        dd.imread(device)
    assert caught.value.code == "not_dicom"


def test_stream_without_end() -> None:
    """One that is not DICOM is read for 1 MiB; one that begins as DICOM up to the limit."""
    noise = Stream(b"", b"\0")
    with pytest.raises(dd.MalformedError) as caught:
        dd.imread(noise)
    assert caught.value.code == "not_dicom" and noise.given <= 1 << 20
    endless = Stream(CONTENTS, b"\0")
    with pytest.raises(dd.LimitError) as limited:
        dd.imread(endless, limits=dd.Limits(stream_bytes=5_000_000))
    assert limited.value.code == "limit_stream_bytes" and endless.given <= 5_000_001


def test_stream_that_does_not_block() -> None:
    class Waiting:
        def read(self, size: int = -1) -> None:
            return None

    with pytest.raises(BlockingIOError):
        dd.imread(Waiting())


def test_named_pipe_without_end(tmp_path: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("platform: no named pipes")
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        try:
            with open(path, "wb", buffering=0) as pipe:
                pipe.write(CONTENTS)
                while True:
                    pipe.write(bytes(65536))
        except BrokenPipeError:
            pass

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    with pytest.raises(dd.LimitError):
        dd.imread(path, limits=dd.Limits(stream_bytes=1_000_000))
    writer.join(10)
    assert not writer.is_alive()


def test_frames_without_end() -> None:
    """`frames=` of any length: what the image does not have is found without going through it."""
    for frames in (range(10**9), range(0, -(10**9), -1), range(10**9)[::-1]):
        with pytest.raises(IndexError):
            dd.imread(CONTENTS, frames=frames)
    assert dd.imread(CONTENTS, frames=range(0)).shape == (0, 300, 400)
    assert dd.imread(CONTENTS, frames=range(-1, 0)).shape == (1, 300, 400)
    assert dd.open(CONTENTS).pixels(frames=slice(0, 10**15)).shape == (1, 300, 400)
    with pytest.raises(ValueError, match="at most 4194304 frames"):
        dd.imread(CONTENTS, frames=itertools.repeat(0))


class Slow(io.BytesIO):
    """A file object that lets other threads run while it is read."""

    def read(self, size: int | None = -1, /) -> bytes:
        time.sleep(0.0005)
        return super().read(size)


@pytest.mark.parametrize("table", ["full", "empty"])
def test_threads_that_share_a_file_object(table: s.Mode) -> None:
    """Each needs the index of the frames, and the first one to read gives up the GIL."""
    frames = np.random.default_rng(0).integers(0, 256, (6, 8, 8), np.uint8)
    far: s.Element = (0x00091010, "OB", bytes(1 << 18))  # so that nothing of the pixel data is in memory
    contents = s.image(frames, syntax=s.RLE, table=table, extra=[(0x00090010, "LO", "OURS"), far])
    for _ in range(10):
        image = dd.open(Slow(contents))
        with ThreadPoolExecutor(4) as threads:
            waiting = [threads.submit(image.pixels, values="stored") for _ in range(4)]
        for each in waiting:
            np.testing.assert_array_equal(each.result(), frames)


#: A sequence of undefined length at the end of an encapsulated file: nobody looks for it before somebody asks.
LAST = "[0x7FE2,0x0010][0][0x0008,0x0060]"


def with_last_sequence() -> bytes:
    last = s.sequence(0x7FE20010, "SQ", [[(0x00080060, "CS", "MR")]], s.Encoding(undefined_sequences=True))
    return s.image(np.random.default_rng(0).integers(0, 256, (512, 512), np.uint8), syntax=s.RLE, trailing=last)


def test_threads_that_ask_for_elements_behind_the_pixel_data() -> None:
    contents = with_last_sequence()

    def ask(image: dd.DicomImage, after: float) -> str | None:
        time.sleep(after)
        return image.tag(LAST)

    for _ in range(5):
        image = dd.open(Slow(contents))
        with ThreadPoolExecutor(20) as threads:
            waiting = [threads.submit(ask, image, 0.0002 * i) for i in range(20)]
        assert {each.result() for each in waiting} == {"MR"}


def test_elements_behind_the_pixel_data_that_could_not_be_read_once() -> None:
    class Failing(io.BytesIO):
        fails = False

        def read(self, size: int | None = -1, /) -> bytes:
            if self.fails:
                raise OSError(5, "no answer")
            return super().read(size)

    file = Failing(with_last_sequence())
    image = dd.open(file)
    file.fails = True
    with pytest.raises(OSError, match="no answer"):
        image.tag(LAST)
    file.fails = False
    assert image.tag(LAST) == "MR"


def test_file_object_whose_seek_returns_nothing() -> None:
    class Old(io.BytesIO):
        def seek(self, offset: int, whence: int = 0, /) -> int:
            super().seek(offset, whence)
            return None  # type: ignore[return-value]

    assert np.array_equal(dd.imread(Old(CONTENTS), values="stored"), PIXELS)
