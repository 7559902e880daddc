"""The input of an export in units: what is done or not done as a whole."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicomdecode.errors import DicomError
from dicomdecode.open_image import open_image
from dicomdecode.sources import Item, expand

if TYPE_CHECKING:
    from dicomdecode.export.manifest import Entry
    from dicomdecode.export.places import Place, Placing
    from dicomdecode.limits import Limits

__all__ = ["Each", "Plan", "Task", "Unit", "growing_size"]

#: Of the sources of a unit, where it may be smaller than asked for.
_UNIT_BYTES = 1 << 26
#: Sources that are handed to a thread together, at most.
_PART_BYTES, _PART_SOURCES = 1 << 20, 32
#: Units of one source, then of two, of four, and so on.
_OF_ONE_SIZE = 4
#: What of a URL may hold a password or a key.
_SECRETS = re.compile(r"//[^/@]*@|\?.*")


@dataclass(frozen=True, slots=True)
class Each:
    """One source.

    Attributes
    ----------
    index : int
        Its place in the input, counted from 0.
    name : str
        What the manifest calls it.
    size : int or None
        In bytes, where that is known without reading it.
    source : object
        What `open` takes; of a series, or of the levels of a slide, a tuple of them.
    error : Exception or None
        Why there is none.
    """

    index: int
    name: str
    size: int | None
    source: Any
    error: Exception | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """Sources that are done or not done together."""

    number: int
    items: tuple[Each, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """The work on some sources of a unit that follow each other."""

    unit: Unit
    items: tuple[Each, ...]


def growing_size(number: int) -> int:
    """How many sources a unit may have that has files of its own for each."""
    return 1 << number // _OF_ONE_SIZE


class Plan:
    """The units of an input that are still to be done.

    Parameters
    ----------
    sources : object
        As in `expand`.
    size : int
        Sources of a unit.
    limits : Limits
        What a file may ask for.
    alone : bool
        Each source has files of its own. A unit may have fewer sources then, where they are large, and leaves out those
        that are done.
    placing : callable or None
        Says which files are one source, by a look at each header; those of several files come last.
    known : dict
        index -> what the manifest says of it.
    folder : Path
        Where its results are.

    Attributes
    ----------
    skipped : int
        Sources of units that are done.
    """

    def __init__(
        self,
        sources: Any,
        size: int,
        limits: Limits,
        *,
        alone: bool,
        placing: Placing | None,
        known: Mapping[int, Entry],
        folder: Path,
    ) -> None:
        self.skipped = 0
        self._items = expand(sources, limits)
        self._size = size
        self._alone = alone
        self._known = known
        self._folder = folder
        self._each: Iterator[Each]
        if placing is None:
            self._each = map(_each_of, itertools.count(), self._items)
        else:
            self._each = _grouped(self._items, placing, limits)

    @property
    def total(self) -> int | None:
        """Of the sources, as far as it is known."""
        return self._items.total

    def __iter__(self) -> Iterator[Unit]:
        number = 0
        while items := self._next_items(number):
            todo = tuple(each for each in items if not self._is_done(each))
            if todo and not self._alone:
                todo = items  # they share a file
            self.skipped += len(items) - len(todo)
            if todo:
                yield Unit(number, todo)
            number += 1

    def _next_items(self, number: int) -> tuple[Each, ...]:
        """As many as a unit may have. Where they need not be so many, the first units are smaller, so that there is
        work for all workers from the beginning to the end, and large files make a unit smaller."""
        items: list[Each] = []
        left = _UNIT_BYTES
        size = min(self._size, growing_size(number)) if self._alone else self._size
        while len(items) < size and left > 0 and (each := next(self._each, None)) is not None:
            items.append(each)
            left -= (each.size or 0) if self._alone else 0
        return tuple(items)

    def _is_done(self, each: Each) -> bool:
        entry = self._known.get(each.index)
        return (
            entry is not None
            and entry.is_final
            and (entry.source, entry.size) == (each.name, each.size)
            and all((self._folder / name).exists() for name in entry.results)
        )

    def units(self) -> Feed:
        """For workers that do whole units."""
        return Feed(self._items.is_listed, lambda: None, (Item(unit.number, unit) for unit in self))

    def records(self, *, with_pixels: bool) -> Feed:
        """For workers that do a few sources at a time; without pixels, it does not matter how large they are."""
        tasks = (Item(unit.number, Task(unit, items)) for unit in self for items in _parts_of(unit, with_pixels))
        return Feed(self._items.is_listed, lambda: self.total, tasks)


class Feed(Iterator[Item]):
    """What a stream of work is fed with: items, and how many there will be as far as that is known."""

    def __init__(self, is_listed: bool, total: Callable[[], int | None], items: Iterator[Item]) -> None:
        self.is_listed = is_listed
        self._total = total
        self._items = items

    @property
    def total(self) -> int | None:
        return self._total()

    def __next__(self) -> Item:
        return next(self._items)


def _parts_of(unit: Unit, with_pixels: bool) -> Iterator[tuple[Each, ...]]:
    """Small sources several at a time: handing them from thread to thread one by one would take longer than to decode
    them."""
    part: list[Each] = []
    size = 0
    for each in unit.items:
        part.append(each)
        size += _PART_BYTES if each.size is None else each.size * with_pixels
        if size >= _PART_BYTES or len(part) == _PART_SOURCES:
            yield tuple(part)
            part, size = [], 0
    if part:
        yield tuple(part)


def _each_of(index: int, item: Item) -> Each:
    return Each(index, _name_of(item.name), _size_of(item.name), item.source, item.error)


def _name_of(name: Any) -> str:
    if not isinstance(name, (str, os.PathLike)):
        return f"<{type(name).__name__}>"
    text = os.fsdecode(name)
    return _SECRETS.sub(lambda found: "//" if found[0].startswith("//") else "", text) if "://" in text else text


def _size_of(name: Any) -> int | None:
    if isinstance(name, (bytes, bytearray, memoryview)):
        return len(name)
    if not isinstance(name, (str, os.PathLike)):
        return None
    try:
        return os.stat(name).st_size
    except (OSError, ValueError):
        return None


def _grouped(items: Iterator[Item], placing: Placing, limits: Limits) -> Iterator[Each]:
    """The files of each group as one source; what cannot be opened alone.

    A file that is a source by itself comes at once. Groups come at the end, because any file may be one more of theirs;
    their numbers are those of their first files.
    """
    groups: dict[Hashable, list[tuple[Item, Place]]] = {}
    numbers: dict[Hashable, int] = {}
    count = 0
    for item in items:
        place = None
        if item.error is None:
            try:
                with open_image(item.source, limits=limits) as image:
                    place = placing(image)
            except (DicomError, OSError) as error:
                item = item._replace(error=error.with_traceback(None))
        if place is None:
            yield _each_of_group(count, [item])
            count += 1
            continue
        if place.group not in groups:
            numbers[place.group] = count
            count += 1
        groups.setdefault(place.group, []).append((item, place))
    for key, members in groups.items():
        first, *others = _parted(members)
        yield _each_of_group(numbers[key], first)
        for group in others:
            yield _each_of_group(count, group)
            count += 1


def _parted(members: list[tuple[Item, Place]]) -> list[list[Item]]:
    """One group; each file alone where two of them would be the same level."""
    levels = [place.level for _, place in members if place.level is not None]
    items = [item for item, _ in members]
    return [items] if len(set(levels)) == len(levels) else [[item] for item in items]


def _each_of_group(index: int, group: list[Item]) -> Each:
    sizes = [_size_of(item.name) for item in group]
    size = None if None in sizes else sum(size or 0 for size in sizes)
    name = _name_of(group[0].name) + (f" and {len(group) - 1} more" if len(group) > 1 else "")
    return Each(index, name, size, tuple(item.source for item in group), group[0].error)
