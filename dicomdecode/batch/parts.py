"""Files handed out several at a time, where the work on one takes less than waking a thread."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dicomdecode.batch.crew import Job, Outcome, Work, run
from dicomdecode.sources import Expansion, Item

__all__ = ["Part", "PartWork", "Parts"]


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
    """An expansion, `size` files at a time: items whose names are lists of items, and whose sources are parts.

    Attributes
    ----------
    size : int
        Files of a part, at most; it may be changed at any time.

    Parameters
    ----------
    items : Expansion
        The files.
    of_paths_only : bool
        Of an input that is no list, and of what is no path, a part holds one file: nothing is asked for too early, and
        nothing waits for what may take long.
    """

    def __init__(self, items: Expansion, size: int, *, of_paths_only: bool) -> None:
        self.size = size
        self.is_listed = items.is_listed
        self._items = items
        self._count = 0
        self._of_paths_only = of_paths_only

    @property
    def total(self) -> int | None:
        """How many parts there are is not known."""
        return None

    def __next__(self) -> Item:
        items = [next(self._items)]
        size = self.size if self.is_listed or not self._of_paths_only else 1
        while len(items) < size and (not self._of_paths_only or isinstance(items[-1].source, (str, os.PathLike))):
            item = next(self._items, None)
            if item is None:
                break
            items.append(item)
        part = Part(self._count, [item.source for item in items])
        self._count += len(items)
        return Item(items, part)


class PartWork:
    """The work on a part: an `Outcome` for each file. It can be pickled if `work` can, and there is no `at_once`.

    Parameters
    ----------
    work : callable
        What to do with one file.
    at_once : callable, optional
        What is tried first, with the list of sources: for each a value, or None.
    """

    def __init__(self, work: Work, at_once: Callable[[list[Any]], list[Any]] | None = None) -> None:
        self._work = work
        self._at_once = at_once

    def __call__(self, job: Job) -> list[Outcome]:
        part: Part = job.source
        found: list[Any] = [None] * len(part.sources)
        seconds = 0.0
        if self._at_once is not None and job.threads == 1:
            began = time.perf_counter()
            found = self._at_once(part.sources)
            seconds = (time.perf_counter() - began) / len(found)
        return [
            Outcome(part.first + i, value, None, seconds)
            if value is not None
            else run(self._work, Job(part.first + i, part.sources[i], job.threads))
            for i, value in enumerate(found)
        ]
