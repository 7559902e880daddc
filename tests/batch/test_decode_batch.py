"""`decode_batch`: results in order, errors beside them, bounded memory, and an end whenever it is wanted."""

from __future__ import annotations

import io
import itertools
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import CancelledError, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.batch import crew, parts
from tests import synthesise as s
from tests.reference_images import FOLDER

CT = FOLDER / "test_files" / "CT_small.dcm"


def contents_of(value: int, rows: int = 2, columns: int = 3, **more: Any) -> bytes:
    return s.image(np.full((rows, columns), value, np.uint16), **more)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("threads", [1, 2, 7, None])
def test_many_files(ordered: bool, threads: int | None) -> None:
    sources = [contents_of(i) for i in range(50)]
    found = list(dd.decode_batch(sources, ordered=ordered, threads=threads, values="stored"))
    if ordered:
        assert [each.index for each in found] == list(range(50))
    assert sorted(each.index for each in found) == list(range(50))
    for each in found:
        assert each.source is sources[each.index] and each.error is None and each.seconds > 0
        assert each.array is not None and (each.array == each.index).all() and each.array.shape == each.shape == (2, 3)
        assert each.array.dtype == np.uint16


def test_it_gives_what_imread_gives() -> None:
    folder = FOLDER / "test_files"
    found = list(dd.decode_batch(folder, threads=2))
    assert len(found) > 80
    assert sum(each.error is not None for each in found) > 20
    for each in found:
        try:
            wanted = dd.imread(each.source)
        except dd.DicomError as error:
            assert str(each.error) == str(error) and each.array is None and each.shape is None
        else:
            assert each.error is None
            np.testing.assert_array_equal(each.array, wanted)


@pytest.mark.parametrize(
    "keywords",
    [
        {"threads": 0},
        {"threads": 2.5},
        {"ordered": 1},
        {"on_error": "ignore"},
        {"values": "raw"},
        {"frames": "all"},
        {"progress": "yes"},
        {"executor": 4},
        {"out": [1]},
        {"out": np.zeros(3)},
        {"out": np.zeros((3, 2, 4))[:, :, ::2]},
        {"out": np.zeros((3, 2, 3)), "shape": (4, 4)},
        {"out": np.zeros((3, 2, 3)), "dtype": np.uint8},
        {"out": np.zeros((1, 2, 3))},
        {"shape": (0, 2)},
        {"shape": "4"},
        {"shape": 4},
        {"pad": 0},
        {"pad": "0", "shape": (4, 4)},
        {"pad": -1, "shape": (4, 4), "dtype": np.uint8},
        {"pad": 1e9, "shape": (4, 4), "dtype": np.float16},
        {"pad": float("nan"), "out": np.zeros((3, 2, 3), np.int16)},
        {"window": (40, 400)},
        {"limits": 5},
    ],
    ids=str,
)
def test_a_wrong_argument_raises_at_once(keywords: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match=next(iter(keywords))):
        dd.decode_batch([b"", b""], **keywords)
    with pytest.raises(TypeError):
        dd.decode_batch(None)


def mixed() -> list[Any]:
    return [contents_of(1), b"no DICOM", CT.with_name("is not there"), contents_of(2), 5]


def test_errors_are_records() -> None:
    batch = dd.decode_batch(mixed(), threads=2)
    found = list(batch)
    kinds = [None if each.error is None else type(each.error) for each in found]
    assert kinds == [None, dd.MalformedError, FileNotFoundError, None, TypeError]
    assert [each.array is None for each in found] == [kind is not None for kind in kinds]
    assert all(each.error.__traceback__ is None for each in found if each.error is not None)
    assert (batch.decoded, batch.failed) == (2, 3)


def test_errors_are_left_out() -> None:
    batch = dd.decode_batch(mixed(), threads=2, on_error="skip")
    assert [each.index for each in batch] == [0, 3]
    assert (batch.decoded, batch.failed) == (2, 3)


def test_the_first_error_is_raised_behind_what_came_before_it() -> None:
    batch = dd.decode_batch(mixed(), threads=2, on_error="raise")
    assert next(batch).index == 0
    with pytest.raises(dd.MalformedError):
        next(batch)


def test_an_error_of_the_input_is_raised_behind_what_came_before_it() -> None:
    def sources() -> Iterator[bytes]:
        yield contents_of(1)
        raise LookupError("no more")

    batch = dd.decode_batch(sources(), threads=3)
    assert next(batch).index == 0
    with pytest.raises(LookupError):
        next(batch)


def test_an_endless_input_is_read_as_far_ahead_as_stated() -> None:
    most = 0

    def sources() -> Iterator[bytes]:
        nonlocal most
        while True:
            most += 1
            yield contents_of(1)

    with dd.decode_batch(sources(), threads=3, ordered=False) as batch:
        for i, _ in enumerate(itertools.islice(batch, 100)):
            assert most <= i + 1 + 6
            time.sleep(0.0002)


class Held(io.BytesIO):
    """A file that cannot be read before it may be."""

    def __init__(self, contents: bytes, is_free: threading.Event) -> None:
        super().__init__(contents)
        self._is_free = is_free

    def read(self, size: int | None = -1, /) -> bytes:
        assert self._is_free.wait(20)
        return super().read(size)


@pytest.mark.parametrize("with_out", [False, True])
@pytest.mark.parametrize("rows", [2, 600])
def test_a_slow_file_is_no_reason_to_wait_before_4_mib_are_finished(rows: int, with_out: bool) -> None:
    """Results in an `out` take no memory, and each counts as 4 KiB besides."""
    contents = contents_of(1, rows, 256)
    out = np.zeros((3000, rows, 256), np.int16) if with_out else None
    each = 4096 + len(contents) + (0 if with_out else rows * 256 * 2)
    waiting = -(-(4 << 20) // each)
    taken, is_free = 0, threading.Event()

    def sources() -> Iterator[Any]:
        nonlocal taken
        yield Held(contents, is_free)
        while True:
            taken += 1
            if taken == waiting:
                is_free.set()
            yield contents

    with dd.decode_batch(sources(), threads=3, out=out, dtype="int16") as batch:
        assert next(batch).index == 0
        assert waiting <= taken <= waiting + 2
        for i, found in enumerate(itertools.islice(batch, 50)):
            assert found.index == i + 1 and found.error is None
            assert taken - (i + 1) <= waiting + 3


def test_out() -> None:
    out = np.zeros((4, 2, 3), np.int32)
    found = list(dd.decode_batch([contents_of(7), b"", contents_of(8, 5, 5), contents_of(9)], out=out, threads=2))
    assert [None if each.error is None else each.error.code for each in found] == [None, "empty", "batch_shape", None]
    assert found[0].array is not None and found[0].array.base is out
    assert out[:, 0, 0].tolist() == [7, 0, 0, 9]


def test_out_is_too_small_for_a_folder() -> None:
    out = np.zeros((2, 2, 3), np.float32)
    batch = dd.decode_batch(iter([contents_of(1)] * 3), out=out, threads=1)
    assert [next(batch).index, next(batch).index] == [0, 1]
    with pytest.raises(ValueError, match="room for 2"):
        next(batch)


@pytest.mark.parametrize("with_out", [True, False])
def test_smaller_ones_are_filled_up(with_out: bool) -> None:
    out = np.zeros((3, 4, 5), np.float32) if with_out else None
    sources = [contents_of(1, 4, 5), contents_of(2, 2, 3), contents_of(3, 9, 3)]
    whole, small, large = dd.decode_batch(sources, out=out, shape=(4, 5), pad=-1, threads=2)
    assert (whole.shape, small.shape, large.array) == ((4, 5), (2, 3), None)
    assert isinstance(large.error, dd.DicomError) and large.error.code == "batch_shape"
    assert small.array is not None and small.array.dtype == np.float32
    wanted = np.full((4, 5), -1.0)
    wanted[:2, :3] = 2
    np.testing.assert_array_equal(small.array, wanted)
    if out is not None:
        np.testing.assert_array_equal(out[1], wanted)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float16, np.float64])
@pytest.mark.parametrize("pad", [7, None])
@pytest.mark.parametrize("shape", [(128, 128), (130, 140), (128, 128, 1), (2, 128, 128, 3, 4)])
def test_many_files_in_a_row_are_placed_as_one_by_one(dtype: Any, pad: float | None, shape: tuple[int, ...]) -> None:
    """Paths and bytes go another way than bytearrays."""
    small, frames = contents_of(3), s.image(np.arange(24, dtype=np.uint16).reshape(2, 3, 4))
    sources: list[Any] = [str(CT), CT, small, CT.read_bytes(), frames, b""]
    slow = [bytearray(source if isinstance(source, bytes) else CT.read_bytes()) for source in sources]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy, of values that do not fit
        for out in (False, True):
            arrays = [np.full((6, *shape), 9, dtype) if out else None for _ in range(2)]
            keywords: dict[str, Any] = {"dtype": dtype, "shape": shape, "pad": pad, "values": "stored", "threads": 1}
            fast, wanted = (
                list(dd.decode_batch(files, out=array, **keywords))
                for files, array in zip((sources, slow), arrays, strict=True)
            )
            for one, other in zip(fast, wanted, strict=True):
                assert (one.shape, str(one.error)) == (other.shape, str(other.error))
                np.testing.assert_array_equal(one.array, other.array)
            np.testing.assert_array_equal(arrays[0], arrays[1])


def test_a_pad_that_does_not_fit_is_an_error_of_what_it_would_fill() -> None:
    found = list(dd.decode_batch([contents_of(1), contents_of(1, 1, 1)], shape=(2, 3), pad=-1.5, values="stored"))
    assert found[0].error is None and "pad is -1.5, which uint16 cannot hold" in str(found[1].error)


@pytest.mark.parametrize(
    "keywords",
    [{"padding": -2000}, {"values": "display", "overlays": True}, {"values": "stored", "padding": 0}],
    ids=str,
)
def test_padding_and_overlays(keywords: dict[str, Any]) -> None:
    """With them and without, and files that have neither."""
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8)
    overlay: list[s.Element] = [
        *((0x60000010, "US", 8), (0x60000011, "US", 8), (0x60000040, "CS", "G"), (0x60000050, "SS", [1, 1])),
        *((0x60000100, "US", 1), (0x60000102, "US", 0), (0x60003000, "OW", bytes(range(8)))),
    ]
    sources = [s.image(pixels), s.image(pixels, extra=[(0x00280120, "US", 5)]), s.image(pixels, extra=overlay)]
    found = list(dd.decode_batch(sources, threads=1, **keywords))
    for each, source in zip(found, sources, strict=True):
        np.testing.assert_array_equal(each.array, dd.imread(source, **keywords))
    plain = dd.imread(sources[0], **keywords)
    assert [np.array_equal(each.array, plain) for each in found].count(False) == 1


def test_paths_of_every_kind(tmp_path: Path) -> None:
    """Letters beyond ASCII, bytes that are no text, a null, a folder among files, ends of names."""
    names = ["a.dcm", "\u00fc\u4e2d.dcm", "no ending", "b.", "c.z", "d.t", "e.zi"]
    for i, name in enumerate(names):
        (tmp_path / name).write_bytes(contents_of(i))
    (tmp_path / "folder.dcm").mkdir()
    (tmp_path / "folder.dcm" / "x.dcm").write_bytes(contents_of(50))
    (tmp_path / "folder.dcm" / "y.dcm").write_bytes(contents_of(51))
    sources: list[Any] = [str(tmp_path / name) for name in names]
    sources[3:3] = [tmp_path / "folder.dcm", "a\0b", str(tmp_path / "none.dcm"), tmp_path / names[1]]
    found = list(dd.decode_batch(sources, values="stored", threads=2))
    values = [each.array[0, 0] if each.array is not None else type(each.error) for each in found]
    assert values == [0, 1, 2, 50, 51, ValueError, FileNotFoundError, 1, 3, 4, 5, 6]
    assert [each.index for each in found] == list(range(12))


def test_files_of_every_size_behind_each_other(tmp_path: Path) -> None:
    """How much of a file is read first depends on the one before it."""

    def file(rows: int, header: int = 0, syntax: str = s.EXPLICIT_LE) -> bytes:
        values = np.random.default_rng(rows).integers(0, 4096, (rows, 256), np.uint16)
        return s.image(values, syntax=syntax, extra=[(0x00091010, "UN", bytes(header))])

    large, small, rle = file(300), file(2), file(300, syntax=s.RLE)
    kinds = [large, small, file(20), file(300, 5000), file(300, 70000), file(2, 70000), rle, file(2, 3000, s.RLE)]
    kinds += [file(7, 4096 - len(file(7))), file(7, 65536 - len(file(7))), large[:30000], large[:300], b""]
    contents = [each for kind in kinds for each in (large, kind, kind, small)]
    paths = [tmp_path / f"{i}.dcm" for i in range(len(contents))]
    for path, each in zip(paths, contents, strict=True):
        path.write_bytes(each)
    for found, source in zip(dd.decode_batch(paths, threads=1), contents, strict=True):
        try:
            wanted = dd.imread(source)
        except dd.DicomError as error:
            assert str(found.error) == str(error)
        else:
            np.testing.assert_array_equal(found.array, wanted)


def test_long_headers_behind_short_ones_are_read_by_the_core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.arange(300 * 256, dtype=np.uint16).reshape(300, 256)
    paths = []
    for i in range(40):
        paths.append(tmp_path / f"{i}.dcm")
        paths[-1].write_bytes(s.image(values, extra=[(0x00091010, "UN", bytes(20_000 * (i % 2)))]))
    monkeypatch.setattr(parts, "run", None)  # which does the work that the core has left
    for found in dd.decode_batch(paths, threads=1, values="stored"):
        np.testing.assert_array_equal(found.array, values)


def test_few_files_of_many_frames_get_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    original = crew.run

    def run(work: Any, job: crew.Job) -> crew.Outcome:
        seen.append(job.threads)
        return original(work, job)

    monkeypatch.setattr(crew, "run", run)
    frames = np.arange(40, dtype=np.uint16).reshape(10, 2, 2)
    (only,) = dd.decode_batch([s.image(frames)], threads=4, values="stored")
    assert only.array is not None and only.array.tolist() == frames.tolist()
    assert seen == [4]
    assert len(list(dd.decode_batch([contents_of(1)] * 20, threads=4))) == 20
    assert set(seen[1:]) == {1}


def test_executors() -> None:
    sources: list[Any] = [CT, contents_of(3), b"", contents_of(4, 3, 3)]
    out = np.zeros((4, 128, 128), np.float32)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes, ThreadPoolExecutor(2) as threads:
        for executor in (processes, threads):
            out[:] = 0
            found = list(dd.decode_batch(sources, executor=executor, threads=2, out=out, pad=0))
            assert [each.error is None for each in found] == [True, True, False, True]
            assert isinstance(found[2].error, dd.TruncatedError) and found[2].error.code == "empty"
            assert found[1].shape == (2, 3) and out[1, 1, 2] == 3 and out[3, 2, 2] == 4
            np.testing.assert_array_equal(out[0], dd.imread(CT))


def test_it_ends_when_nobody_wants_more() -> None:
    before = threading.active_count()
    batch = dd.decode_batch(itertools.repeat(contents_of(1)), threads=4, ordered=False)
    next(batch)
    batch.close()
    assert len(list(batch)) <= 8
    batch = dd.decode_batch(itertools.repeat(contents_of(1)), threads=4)
    next(batch)
    del batch
    until = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert threading.active_count() == before


INTERRUPTED = """
import io, itertools, os, signal, sys, threading, time
import numpy as np
import dicomdecode as dd

class Slow(io.BytesIO):
    def read(self, *n):
        time.sleep(20)
        return super().read(*n)

good = open(sys.argv[1], "rb").read()
out = np.zeros((9, 128, 128), np.float32)
batch = dd.decode_batch([good, good, Slow(good), good, good], threads=2, out=out)
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
found = []
try:
    for each in batch:
        found.append(each.index)
except KeyboardInterrupt:
    found += [each.index for each in batch]
    print(found, [bool(x.any()) for x in out[:5]])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="platform: no signals to a process")
def test_ctrl_c_ends_it_and_what_was_finished_is_kept() -> None:
    began = time.monotonic()
    command = [sys.executable, "-P", "-c", INTERRUPTED, str(CT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=15, check=False)
    assert done.stdout.strip() == "[0, 1, 3, 4] [True, True, False, True, True]", done.stderr
    assert done.returncode == 0
    assert time.monotonic() - began < 10  # the file that hangs would take longer


def test_a_handler_of_signals_is_run_while_it_waits() -> None:
    if not hasattr(signal, "setitimer"):
        pytest.skip("platform: no timers")

    class Slow(io.BytesIO):
        def read(self, *n: Any) -> bytes:
            time.sleep(0.3)
            return super().read(*n)

    class Rung(Exception):
        pass

    def ring(*arguments: Any) -> None:
        raise Rung

    previous = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(Rung):
            list(dd.decode_batch([Slow(contents_of(1))], threads=1))
    finally:
        signal.signal(signal.SIGALRM, previous)


def test_archives_and_folders(tmp_path: Path) -> None:
    (tmp_path / "a b.dcm").write_bytes(contents_of(1))
    (tmp_path / "none").mkdir()
    found = list(dd.decode_batch([tmp_path, tmp_path / "none", str(tmp_path / "*.dcm")]))
    assert [each.source for each in found] == [str(tmp_path / "a b.dcm"), tmp_path / "none", str(tmp_path / "a b.dcm")]
    assert [None if each.error is None else each.error.code for each in found] == [None, "no_files", None]


def test_a_system_that_gives_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    start, given = threading.Thread.start, [2]

    def refuse(thread: threading.Thread) -> None:
        if not given[0]:
            raise RuntimeError("can't start new thread")
        given[0] -= 1
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    found = list(dd.decode_batch([contents_of(n) for n in range(1, 30)], threads=8))
    assert [each.error for each in found] == [None] * 29
    with pytest.raises(RuntimeError, match="new thread"):
        list(dd.decode_batch([contents_of(1), contents_of(2)], threads=8))


@pytest.mark.parametrize("read", [dd.decode_batch, lambda sources, **more: dd.read_tags(sources, ["Rows"], **more)])
def test_an_executor_that_is_shut_down(read: Any) -> None:
    """Work that its owner cancels has an end: nobody waits for it for ever."""
    is_begun, may_go_on = threading.Event(), threading.Event()

    class Waiting(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            is_begun.set()
            assert may_go_on.wait(20)
            return super().read(size)

    def shut_down() -> None:
        assert is_begun.wait(20)
        pool.shutdown(wait=False, cancel_futures=True)
        may_go_on.set()

    pool = ThreadPoolExecutor(1)
    threading.Thread(target=shut_down).start()
    sources = [Waiting(contents_of(1)), *([contents_of(2)] * 200)]
    try:
        found = read(iter(sources), executor=pool, threads=2)
        errors = [each.error for each in found] if read is dd.decode_batch else list(found.errors.values())
    except RuntimeError:  # "cannot schedule new futures after shutdown", where there was more to submit
        return
    assert any(isinstance(error, CancelledError) for error in errors)
