"""From an input of any length to outcomes: so many files are begun, and so much memory waits to be handed out."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from dicomdecode.batch.crew import Crew, Job, Outcome
from dicomdecode.batch.progress import Progress
from dicomdecode.sources import Item

__all__ = ["Feed", "Result", "Stream"]

_BYTES = 1 << 22  # of results that wait for one before them
_SECONDS = 0.2  # between two looks for Ctrl-C, where the system does not wake who waits


@dataclass(slots=True)
class Result:
    """The outcome for one file.

    Attributes
    ----------
    item : Item
        The file.
    outcome : Outcome
        Its value or its error.
    bytes : int
        That it takes while it waits, where that is asked.
    """

    item: Item
    outcome: Outcome
    bytes: int


class Feed(Protocol):
    """The input of a stream of work: an `Expansion`, or the like."""

    is_listed: bool  # getting the next one never waits for other code

    @property
    def total(self) -> int | None:
        """How many there are, as far as it is known."""

    def __next__(self) -> Item: ...


class Stream(Iterator[Result]):
    """The results of a crew's work on an input.

    At most ``2 * crew.size`` files are begun and not yet handed out. In order, a slow file lets those behind it wait:
    until it is finished, others are begun while fewer than ``crew.size`` besides it are unfinished, and what waits
    takes less memory than 4 MiB, or than ``2 * crew.size`` of the largest result so far, whichever is more.

    After `stop`, what is finished can still be taken; nothing new is begun.

    Parameters
    ----------
    items : Feed
        The input; nothing is taken from it before there is room.
    crew : Crew
        Who does the work.
    ordered : bool
        Results in the order of the input, else as they are finished.
    progress : Progress
        What the user sees of it.
    bytes_of : callable, optional
        The memory that a finished file takes while it waits; never 0. Without it, nothing is begun behind a slow one.
    """

    def __init__(
        self,
        items: Feed,
        crew: Crew,
        *,
        ordered: bool,
        progress: Progress,
        bytes_of: Callable[[Item, Outcome], int] | None = None,
    ) -> None:
        self._items = items
        self._crew = crew
        self._ordered = ordered
        self._progress = progress
        self._bytes_of = bytes_of if ordered else None
        self._most = 2 * crew.size
        self._waiting = 0  # bytes of what is finished
        self._largest = 0  # of them, so far
        self._count = 0  # of the files that were taken
        self._next = 0  # index of the next result in order
        self._begun: dict[int, Item] = {}
        self._finished: dict[int, Result] = {}
        self._is_exhausted = False
        self._is_stopped = False
        self._failure: Exception | None = None  # of the input itself

    def __next__(self) -> Result:
        try:
            result = self._result()
        except BaseException:  # the end, or Ctrl-C
            self.stop()
            raise
        self._progress.step(1, result.outcome.error is not None, self._items.total)
        return result

    def _result(self) -> Result:
        while True:
            self._fill()
            result = self._ready()
            if result is not None:
                return result
            if not self._begun:
                if self._failure is not None:
                    raise self._failure
                raise StopIteration
            self._collect(_SECONDS)

    def _ready(self) -> Result | None:
        """A finished result that can be handed out now."""
        if not self._finished:
            return None
        if self._is_stopped or not self._ordered:
            index = min(self._finished)
        elif self._next in self._finished:
            index = self._next
        else:
            return None
        self._next = index + 1
        result = self._finished.pop(index)
        self._waiting -= result.bytes
        return result

    def _has_room(self) -> bool:
        """Whether another file may be begun."""
        if len(self._begun) + len(self._finished) < self._most:
            return True
        if self._bytes_of is None or len(self._begun) > self._crew.size:
            return False
        self._collect(0)  # getting an item may take long
        return self._next not in self._finished and self._waiting < max(_BYTES, self._most * self._largest)

    def _fill(self) -> None:
        """Begin as many files as there is room for."""
        self._collect(0)
        jobs: list[Job] = []
        while not self._is_exhausted and self._has_room():
            try:
                item = next(self._items)
            except StopIteration:
                self._is_exhausted = True
                break
            except Exception as error:
                self._failure = error
                self._is_exhausted = True
                break
            index, self._count = self._count, self._count + 1
            if item.error is not None:
                self._finish(item, Outcome(index, None, item.error))
                continue
            self._begun[index] = item
            job = Job(index, item.source)
            if self._items.is_listed:
                jobs.append(job)  # how many there are tells how many threads each has
            else:
                self._crew.submit(job)
        self._submit(jobs)

    def _submit(self, jobs: list[Job]) -> None:
        """If there are fewer files than workers, each file gets several threads for its frames."""
        threads = max(self._crew.size // len(self._begun), 1) if jobs and self._is_exhausted else 1
        for job in jobs:
            self._crew.submit(job if threads == 1 else Job(job.index, job.source, threads))

    def _collect(self, seconds: float) -> None:
        """Take the outcomes so far; wait at most this long for the first one."""
        while (outcome := self._crew.take(seconds)) is not None:
            item = self._begun.pop(outcome.index, None)
            if item is not None:
                self._finish(item, outcome)
            seconds = 0

    def _finish(self, item: Item, outcome: Outcome) -> None:
        size = 0 if self._bytes_of is None else self._bytes_of(item, outcome)
        self._waiting += size
        self._largest = max(self._largest, size)
        self._finished[outcome.index] = Result(item, outcome, size)

    def stop(self) -> None:
        """Begin nothing more."""
        if not self._is_stopped:
            self._is_stopped = self._is_exhausted = True
            self._crew.stop()
            self._collect(0)
            self._begun.clear()
            self._progress.close()

    def __del__(self) -> None:
        # When the interpreter ends, its threads stand still, some of them with locks; children see that it is gone.
        if not sys.is_finalizing() and not getattr(self, "_is_stopped", True):
            self.stop()
