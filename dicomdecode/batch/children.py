"""Files decoded in processes that are killed when they take too long, and may die without harm."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.batch.child import LENGTH, Task, answer_of, error_of
from dicomdecode.batch.crew import Job
from dicomdecode.errors import IsolationError
from dicomdecode.reading import open_source
from dicomdecode.reading.seekable import SeekableFile
from dicomdecode.words import ELEMENT_TYPES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.batch.crew import Work
    from dicomdecode.batch.placing import Placing
    from dicomdecode.limits import Limits

__all__ = ["Children"]

_START = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import sys; sys.path[:] = {path!r}; "
_START += "from dicomdecode.batch.child import serve; serve()"
_SECONDS_TO_START = 120.0
_LEAST_ADDRESS_SPACE = 1 << 30


class Children:
    """The work on a file, done by a child: as many children as there are threads that ask for it.

    Parameters
    ----------
    work : callable
        What a child does; it can be pickled.
    placing : Placing
        Where results go.
    limits : Limits
        Of one file. A child may map twice `output_bytes`, and no more than its part of the machine's memory.
    timeout : float or None
        Seconds for each file.
    size : int
        How many children there are at most.
    """

    def __init__(self, work: Work, placing: Placing, limits: Limits, timeout: float | None, size: int) -> None:
        self._placing = placing
        self._limits = limits
        self._timeout = timeout
        asked = 2 * limits.output_bytes + limits.header_bytes
        self._task = pickle.dumps(Task(work, max(min(asked, _memory() // size), _LEAST_ADDRESS_SPACE)))
        self._lock = threading.Lock()
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()
        self._closed = False

    def __call__(self, job: Job) -> NDArray[Any]:
        """The pixels of a file.

        Raises
        ------
        IsolationError
            The child ended, or took too long.
        Exception
            What it raised.
        """
        question = pickle.dumps(_portable(job.source, self._limits))
        child = self._take()
        try:
            array = child.ask(question, self._timeout, lambda told: self._allocated(job.index, told))
        except _Told as told:
            self._give_back(child)
            raise told.error from None
        except BaseException:
            self._discard(child)
            raise
        self._give_back(child)
        return array

    def _allocated(self, index: int, told: dict[str, Any]) -> NDArray[Any]:
        """The array that an answer announces, which may lie."""
        shape = tuple(told["shape"])
        if not all(isinstance(n, int) and n >= 0 for n in shape) or told["dtype"] not in ELEMENT_TYPES:
            raise ValueError("no array")
        dtype = np.dtype(str(told["dtype"]))
        size = dtype.itemsize
        for n in shape:
            size *= n
            if size > self._limits.output_bytes:
                raise ValueError("an array beyond the limits")
        return self._placing.allocate(index, shape, dtype)

    def _take(self) -> _Child:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.is_alive():
                    return child
                child.kill()
                self._all.discard(child)
        child = _Child(self._task)
        with self._lock:
            self._all.add(child)
            if not self._closed:
                return child
        self._discard(child)
        raise IsolationError("No file is decoded any more", code="child_killed")

    def _give_back(self, child: _Child) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(child)
                return
        self._discard(child)

    def _discard(self, child: _Child) -> None:
        child.kill()
        with self._lock:
            self._all.discard(child)

    def close(self) -> None:
        """Kill all children, whatever they are doing."""
        with self._lock:
            self._closed = True
            for child in self._idle:
                child.kill()
                self._all.discard(child)
            self._idle.clear()
            for child in self._all:
                child.end()  # the thread that waits for it does the rest


class _Told(Exception):
    """A child has reported an error, and goes on."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class _Child:
    """One process.

    Parameters
    ----------
    task : bytes
        A pickled `Task`.
    """

    def __init__(self, task: bytes) -> None:
        command = [sys.executable, "-P", "-c", _START.format(path=sys.path)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._questions, self._answers = self._process.stdin, self._process.stdout
        try:
            answer = self._answer(task, _SECONDS_TO_START)
        except IsolationError:
            answer = {}
        if "ready" not in answer:
            self.kill()
            raise OSError("a process to decode in cannot be started")

    def is_alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, question: bytes, seconds: float | None, allocate: Any) -> NDArray[Any]:
        """Have a source decoded; `_Told` is raised when the child reports an error."""
        with _Alarm(self._process, seconds) as alarm:
            try:
                answer = self._answer_now(question)
                if "error" in answer:
                    error = error_of(answer["error"])
                else:
                    array: NDArray[Any] = allocate(answer)
                    view = memoryview(array.reshape(-1).view(np.uint8))
                    if self._answers.readinto(view) != len(view):  # type: ignore[attr-defined]
                        raise EOFError
                    error = None
            except (OSError, EOFError, LookupError, ValueError, TypeError, AttributeError):
                raise self._ended(alarm) from None
        if alarm.rang:
            raise self._ended(alarm)
        if error is not None:
            raise _Told(error)
        return array

    def _answer(self, question: bytes, seconds: float) -> dict[str, Any]:
        with _Alarm(self._process, seconds) as alarm:
            try:
                return self._answer_now(question)
            except (OSError, EOFError, ValueError):
                raise self._ended(alarm) from None

    def _answer_now(self, question: bytes) -> dict[str, Any]:
        self._questions.write(LENGTH.pack(len(question)))
        self._questions.write(question)
        self._questions.flush()
        answer = answer_of(self._answers)
        if answer is None:
            raise EOFError
        return answer

    def _ended(self, alarm: _Alarm) -> IsolationError:
        if alarm.rang:
            return IsolationError(f"Decoding took longer than {alarm.seconds:g} s", code="child_timeout")
        self._process.kill()
        number = self._process.wait()
        how = f"by signal {-number}" if number < 0 else f"with exit code {number}"
        return IsolationError(f"The process that decoded the file ended {how}", code="child_killed")

    def end(self) -> None:
        """Make it end, from another thread than the one that asks."""
        self._process.kill()

    def kill(self) -> None:
        """End it, and let go of it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._questions, self._answers):
            with contextlib.suppress(OSError):  # what was still to be written has nowhere to go
                pipe.close()


class _Alarm:
    """Kills a process after so many seconds; None: never."""

    def __init__(self, process: subprocess.Popen[bytes], seconds: float | None) -> None:
        self.rang = False
        self.seconds = seconds or 0.0
        self._process = process
        self._timer = None if seconds is None else threading.Timer(seconds, self._ring)

    def _ring(self) -> None:
        self.rang = True
        self._process.kill()

    def __enter__(self) -> _Alarm:
        if self._timer is not None:
            self._timer.daemon = True
            self._timer.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _portable(source: Any, limits: Limits) -> Any:
    """A source as a child can take it."""
    if isinstance(source, (str, os.PathLike, bytes, bytearray, SeekableFile)):
        return source
    opened = open_source(source, limits)
    try:
        return bytes(opened.read_at(0, opened.size))
    finally:
        opened.rest()


def _memory() -> int:
    """Bytes of memory of the machine; a very large number if it does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 1 << 50
