"""The workers for many files: threads of our own, or an executor of the caller."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dicomdecode.pixels.arguments import check_whole
from dicomdecode.pixels.decode import cores

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

__all__ = ["Crew", "ExecutorCrew", "Job", "Outcome", "ThreadCrew", "Work", "checked_executor", "count_workers", "run"]


_MOST = 1024  # threads


@dataclass(slots=True)
class Job:
    """The work on one file.

    Attributes
    ----------
    index : int
        Its place in the input.
    source : object
        What `dicomdecode.open` takes.
    threads : int
        That the work may use.
    """

    index: int
    source: Any
    threads: int = 1


@dataclass(slots=True)
class Outcome:
    """The outcome of a job: `error` if it is not None, else `value`."""

    index: int
    value: Any = None
    error: Exception | None = None
    seconds: float = 0.0


Work = Callable[[Job], Any]


def run(work: Work, job: Job) -> Outcome:
    """Do a job; whatever it raises is its outcome."""
    began = time.perf_counter()
    try:
        value = work(job)
    except Exception as error:
        # The traceback holds the frames of the decoder, and they the bytes of the file.
        return Outcome(job.index, None, error.with_traceback(None), time.perf_counter() - began)
    return Outcome(job.index, value, None, time.perf_counter() - began)


class Crew(Protocol):
    """Workers, and the way to them."""

    size: int  # how many they are

    def submit(self, job: Job) -> None:
        """Have a job done."""

    def take(self, seconds: float) -> Outcome | None:
        """An outcome; None if there is none within so many seconds."""

    def stop(self) -> None:
        """Begin no further job, and wait for none. Outcomes that are there can still be taken."""


class ThreadCrew:
    """Threads of our own. They end with the process, whatever they are doing, so that Ctrl-C need not wait for them.

    Parameters
    ----------
    work : callable
        What to do with a job.
    size : int
        How many threads at most; each is started when there is work for it.
    end : callable, optional
        Called by `stop`.
    """

    def __init__(self, work: Work, size: int, end: Callable[[], None] | None = None) -> None:
        self.size = size
        self._work = work
        self._end = end
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._threads = 0

    def submit(self, job: Job) -> None:
        self._jobs.put(job)
        if self._threads < self.size:
            arguments = (self._work, self._jobs, self._outcomes)
            try:
                threading.Thread(target=_serve, args=arguments, name="dicomdecode", daemon=True).start()
            except RuntimeError:  # the system gives no more threads
                if self._threads == 0:
                    raise
                self.size = self._threads
            else:
                self._threads += 1

    def take(self, seconds: float) -> Outcome | None:
        return _next_of(self._outcomes, seconds)

    def stop(self) -> None:
        try:
            while True:
                self._jobs.get_nowait()
        except queue.Empty:
            pass
        for _ in range(self._threads):
            self._jobs.put(None)
        if self._end is not None:
            self._end()


def _next_of(outcomes: queue.SimpleQueue[Outcome], seconds: float) -> Outcome | None:
    """The next outcome, if there is one within so many seconds."""
    try:
        return outcomes.get(timeout=seconds) if seconds else outcomes.get_nowait()
    except queue.Empty:
        return None


def _serve(work: Work, jobs: queue.SimpleQueue[Job | None], outcomes: queue.SimpleQueue[Outcome]) -> None:
    """The body of a thread. It has no reference to its crew, so that the crew can be collected, and then stops it."""
    while (job := jobs.get()) is not None:
        outcomes.put(run(work, job))


class ExecutorCrew:
    """Any executor of `concurrent.futures`. It stays the caller's: it is not shut down.

    Parameters
    ----------
    work : callable
        What to do with a job; for an executor of processes it can be pickled.
    """

    def __init__(self, work: Work, executor: Executor, size: int) -> None:
        self.size = size
        self._work = work
        self._executor = executor
        self._outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self._futures: set[Future[Outcome]] = set()
        self._is_stopped = False

    def submit(self, job: Job) -> None:
        future = self._executor.submit(run, self._work, job)
        self._futures.add(future)

        def done(future: Future[Outcome]) -> None:
            self._futures.discard(future)
            if not self._is_stopped:
                self._outcomes.put(_outcome_of(future, job))

        future.add_done_callback(done)

    def take(self, seconds: float) -> Outcome | None:
        return _next_of(self._outcomes, seconds)

    def stop(self) -> None:
        self._is_stopped = True
        for future in list(self._futures):
            future.cancel()


def _outcome_of(future: Future[Outcome], job: Job) -> Outcome:
    """The outcome of a future; what waits for it must also learn that it was cancelled."""
    from concurrent.futures import CancelledError

    try:
        return future.result()
    except CancelledError:
        return Outcome(job.index, None, CancelledError("the work on the file was cancelled"))
    except Exception as error:
        return Outcome(job.index, None, error.with_traceback(None))
    except BaseException as error:  # SystemExit, for example
        return Outcome(job.index, None, CancelledError(f"the worker ended with {type(error).__name__}"))


def count_workers(threads: int | None) -> int:
    """`threads=` of a caller: one for each core that this process may use, where it is None."""
    if threads is not None:
        return check_whole("threads", threads, 1, _MOST)
    return cores()


def checked_executor(executor: Any) -> Executor:
    """The executor; TypeError for anything else."""
    if not callable(getattr(executor, "submit", None)):
        raise TypeError(f"executor must be an executor of concurrent.futures, not {type(executor).__name__}")
    found: Executor = executor
    return found
