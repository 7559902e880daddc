"""How far a stream of work reads ahead: exactly as far as it says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dicomdecode.batch.crew import Job, Outcome
from dicomdecode.batch.progress import Progress
from dicomdecode.batch.stream import Stream
from dicomdecode.sources import Item

MIB = 1 << 20


class Endless(Iterator[Item]):
    """An input that counts what is taken from it."""

    is_listed = False
    total = None

    def __init__(self) -> None:
        self.taken = 0

    def __next__(self) -> Item:
        self.taken += 1
        return Item(self.taken - 1, None)


class OneIsSlow:
    """Workers that are done at once, but for one file: that is finished when somebody waits for it."""

    def __init__(self, size: int, slow: int, items: Endless) -> None:
        self.size = size
        self.taken: list[int] = []  # when somebody began to wait
        self._slow = slow
        self._items = items
        self._held: list[int] = []
        self._done: list[int] = []

    def submit(self, job: Job) -> None:
        (self._held if job.index == self._slow else self._done).append(job.index)

    def take(self, seconds: float) -> Outcome | None:
        if not self._done and seconds:
            self.taken.append(self._items.taken)
            self._done, self._held = self._held, []
        return Outcome(self._done.pop(0)) if self._done else None

    def stop(self) -> None:
        pass


@pytest.mark.parametrize("slow", [0, 100])
@pytest.mark.parametrize(
    ("size", "bytes_of_each", "waiting"),
    [(3, 4096, 1024), (2, MIB, 4), (3, MIB, 6), (3, 3 * MIB, 6), (1, 3 * MIB, 2), (20, MIB, 40), (3, None, 5)],
)
def test_files_are_begun_behind_a_slow_one(size: int, bytes_of_each: int | None, waiting: int, slow: int) -> None:
    items = Endless()
    crew = OneIsSlow(size, slow, items)
    bytes_of = None if bytes_of_each is None else (lambda *_: bytes_of_each)
    stream: Any = Stream(items, crew, ordered=True, progress=Progress(False), bytes_of=bytes_of)
    for i in range(slow):
        assert next(stream).item.name == i
        assert items.taken <= i + 1 + 2 * size  # while nothing is slow
    assert next(stream).item.name == slow
    assert crew.taken == [slow + 1 + waiting]
    for i in range(slow + 1, slow + 5000):
        assert next(stream).item.name == i
        assert items.taken <= max(slow + 1 + waiting, i + 2 * size)  # no more before what waits is handed out
    stream.stop()


def test_a_large_result_makes_room_for_small_ones() -> None:
    """As many bytes may wait as six of the largest result have."""
    items = Endless()
    crew = OneIsSlow(3, 1, items)
    stream: Any = Stream(
        items, crew, ordered=True, progress=Progress(False), bytes_of=lambda item, _: MIB if item.name else 5 * MIB
    )
    assert [next(stream).item.name, next(stream).item.name] == [0, 1]
    assert crew.taken == [2 + 30]
    stream.stop()


def test_out_of_order_nothing_waits_for_a_slow_file() -> None:
    items = Endless()
    crew = OneIsSlow(3, 0, items)
    stream: Any = Stream(items, crew, ordered=False, progress=Progress(False), bytes_of=lambda *_: 4096)
    for i in range(100):
        assert next(stream).item.name == i + 1
        assert items.taken <= i + 1 + 6
    stream.stop()
