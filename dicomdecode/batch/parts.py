"""Files handed out several at a time, where the work on one takes less than waking a thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dicomdecode.batch.crew import Job, Work, run
from dicomdecode.sources import Expansion, Item, Some

__all__ = ["Part", "PartDone", "PartWork", "Parts", "bytes_of"]

_BYTES_OF_A_FILE = 4096  # of the objects that stand for its result
_BYTES_OF_AN_OBJECT = 1 << 18  # of a source that nobody knows the size of: a data set, or an open file


@dataclass(slots=True)
class Part:
    """Some files that follow each other.

    Attributes
    ----------
    first : int
        The index of the first of them.
    sources : list
        What `dicomdecode.open` takes; None where the item has an error.
    """

    first: int
    sources: list[Any]


class Parts(Iterator[Item]):
    """An expansion, `size` files at a time: items whose names are `Some` files, and whose sources are parts.

    Attributes
    ----------
    size : int
        Files of a part, at most; it may be changed at any time.

    Parameters
    ----------
    items : Expansion
        The files.
    of_lists_only : bool
        For an input that is not a list a part holds one file, so that nothing is taken from it too early.
    """

    def __init__(self, items: Expansion, size: int, *, of_lists_only: bool) -> None:
        self.size = size
        self.is_listed = items.is_listed
        self._items = items
        self._count = 0
        self._of_lists_only = of_lists_only

    @property
    def total(self) -> int | None:
        """How many parts there are is not known."""
        return None

    def __next__(self) -> Item:
        some = self._items.take(self.size if self.is_listed or not self._of_lists_only else 1)
        part = Part(self._count, some.sources)
        self._count += len(some.sources)
        return Item(some, part)


@dataclass(slots=True)
class PartDone:
    """The outcome of a part.

    Attributes
    ----------
    values : list
        One for each file, unless it has an error.
    errors : dict of int and Exception
        Place in the part -> why there is no value.
    seconds : list of float
        That the work on each file took.
    busy : float
        Seconds that all took, without waiting for a processor where that can be told.
    """

    values: list[Any]
    errors: dict[int, Exception]
    seconds: list[float]
    busy: float

    @classmethod
    def failed(cls, error: Exception, count: int) -> PartDone:
        """A part of so many files that no worker could do."""
        return cls([None] * count, dict.fromkeys(range(count), error), [0.0] * count, 0.0)


def bytes_of(files: Some) -> int:
    """The memory that a part takes while it waits to be handed out, without the values."""
    return len(files.names) * _BYTES_OF_A_FILE + sum(
        _bytes_of_source(name) for name in files.names if type(name) is not str
    )


def _bytes_of_source(source: Any) -> int:
    if isinstance(source, (str, os.PathLike)):
        return 0
    return len(source) if isinstance(source, (bytes, bytearray)) else _BYTES_OF_AN_OBJECT


class PartWork:
    """The work on a part. It can be pickled if `work` can, and there is no `at_once`.

    Parameters
    ----------
    work : callable
        What to do with one file.
    at_once : callable, optional
        What is tried first, with the list of sources and the index of the first: for each a value, or None.
    """

    def __init__(self, work: Work, at_once: Callable[[list[Any], int], list[Any]] | None = None) -> None:
        self._work = work
        self._at_once = at_once

    def __call__(self, job: Job) -> PartDone:
        part: Part = job.source
        sources, part.sources = part.sources, []  # which may hold the bytes of files: they are not kept
        count = len(sources)
        if self._at_once is not None and job.threads == 1:
            began, busy = time.perf_counter(), time.thread_time()
            values = self._at_once(sources, part.first)
            seconds = [(time.perf_counter() - began) / count] * count
            done = PartDone(values, {}, seconds, time.thread_time() - busy)
        else:
            done = PartDone([None] * count, {}, [0.0] * count, 0.0)
        for i, value in enumerate(done.values):
            if value is None:
                outcome = run(self._work, Job(part.first + i, sources[i], job.threads))
                done.values[i], done.seconds[i] = outcome.value, outcome.seconds
                done.busy += outcome.seconds
                if outcome.error is not None:
                    done.errors[i] = outcome.error
        return done
