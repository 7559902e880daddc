"""`isolation="process"`: a file that kills its process, or never ends, costs one record."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.batch import child, children
from dicomdecode.batch.crew import Job
from dicomdecode.batch.placing import Placing
from tests.reference_images import FOLDER

CT = FOLDER / "test_files" / "CT_small.dcm"


def isolated(sources: Any, **keywords: Any) -> list[Any]:
    return list(dd.decode_batch(sources, isolation="process", threads=2, **keywords))


def test_it_gives_what_threads_give() -> None:
    sources: list[Any] = [CT, str(CT), CT.read_bytes(), b"", CT.with_name("is not there"), 5]
    with open(CT, "rb") as file:
        found = isolated([*sources, file], timeout=60, window=(40, 400), values="display", pad=1, shape=(130, 128))
        wanted = dd.decode_batch([*sources, file], window=(40, 400), values="display", pad=1, shape=(130, 128))
        for mine, other in zip(found, wanted, strict=True):
            assert (mine.index, mine.shape, type(mine.error)) == (other.index, other.shape, type(other.error))
            assert str(mine.error) == str(other.error)
            if other.array is not None:
                np.testing.assert_array_equal(mine.array, other.array)
                assert mine.array.dtype == np.uint8


def test_out() -> None:
    out = np.zeros((3, 128, 128), np.int16)
    found = isolated([CT, b"no DICOM", CT], out=out)
    assert [each.error is None for each in found] == [True, False, True]
    assert found[2].array.base is out and (out[2] == dd.imread(CT)).all() and not out[1].any()


class _Killer:
    """The work of a child: by what the source says."""

    def __call__(self, job: Job) -> np.ndarray:
        if job.source == b"kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if job.source == b"hang":
            time.sleep(60)
        if job.source == b"swell":
            return np.ones(1 << 32, np.uint8)
        if job.source == b"lie":
            os.write(3, b"\xff" * 8)
        if job.source == b"print":
            print("not an answer", flush=True)
        return np.full((2, 2), 7, np.uint8)


@pytest.fixture
def killer() -> Any:
    made = children.Children(_Killer(), Placing(None, None, None), dd.Limits(output_bytes=1 << 20), 1.0, 1)
    yield made
    made.close()


@pytest.mark.skipif(sys.platform == "win32", reason="platform: no signals to a process")
@pytest.mark.parametrize(
    ("source", "code"), [(b"kill", "child_killed"), (b"hang", "child_timeout"), (b"lie", "child_killed")]
)
@pytest.mark.slow
def test_a_child_that_dies_hangs_or_lies_costs_one_record(killer: Any, source: bytes, code: str) -> None:
    for asked in (b"", source, b""):
        if asked == source:
            with pytest.raises(dd.IsolationError) as caught:
                killer(Job(0, asked))
            assert caught.value.code == code
        else:
            assert killer(Job(0, asked)).tolist() == [[7, 7], [7, 7]]


@pytest.mark.slow
def test_a_child_that_dies_between_two_files_is_replaced(killer: Any) -> None:
    assert killer(Job(0, b"")).shape == (2, 2)
    (alive,) = killer._all
    alive._process.kill()
    alive._process.wait()
    assert killer(Job(0, b"print")).shape == (2, 2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="platform: no limit of the address space")
def test_memory_is_limited(killer: Any) -> None:
    with pytest.raises(MemoryError):
        killer(Job(0, b"swell"))
    assert killer(Job(0, b"")).shape == (2, 2)


@pytest.mark.parametrize(
    "told",
    [
        {"error": {"kind": "object", "code": "empty"}},
        {"error": {}},
        {"shape": [1, -1], "dtype": "uint8"},
        {"shape": [1 << 40], "dtype": "float64"},
        {"shape": [2], "dtype": "object"},
        {},
    ],
    ids=str,
)
def test_answers_are_checked(killer: Any, told: dict[str, Any]) -> None:
    with pytest.raises((LookupError, TypeError, ValueError, AttributeError)):
        if "error" in told:
            child.error_of(told["error"])
        else:
            killer._allocated(0, told)


def test_wrong_arguments() -> None:
    for keywords in (
        {"isolation": "thread"},
        {"timeout": 3},
        {"isolation": "process", "timeout": 0},
        {"isolation": "process", "timeout": "3"},
        {"isolation": "process", "executor": object()},
    ):
        with pytest.raises((ValueError, TypeError)):
            dd.decode_batch([b""], **keywords)  # type: ignore[arg-type]


CLOSED = """
import sys, dicomdecode as dd, itertools
batch = dd.decode_batch(itertools.repeat(sys.argv[1]), isolation="process", threads=2)
next(batch)
print([child._process.pid for child in batch._files._stream._crew._work._work.args[0]._all])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="platform: no signals to a process")
@pytest.mark.slow
def test_no_child_is_left(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-c", CLOSED, str(CT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    numbers = [int(number) for number in done.stdout.strip("[]\n").split(",")]
    until = time.monotonic() + 20
    while any(map(is_running, numbers)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(map(is_running, numbers))


def is_running(number: int) -> bool:
    """Whether a process is there, and is more than an exit code that nobody has asked for."""
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{number}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


class BytesPath:
    """A path that the system has as bytes."""

    def __init__(self, path: Path) -> None:
        self._path = os.fsencode(path)

    def __fspath__(self) -> bytes:
        return self._path


@pytest.mark.slow
def test_error_of_a_path_of_bytes() -> None:
    sources: list[Any] = [BytesPath(CT), BytesPath(CT.with_name("is not there"))]
    good, missing = isolated(sources)
    assert good.error is None and isinstance(missing.error, FileNotFoundError)
