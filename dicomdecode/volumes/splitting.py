"""Which slices belong together: one volume has one series, one size, one orientation, and each position once."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from dicomdecode.errors import VolumeError
from dicomdecode.reading.planes import cross
from dicomdecode.volumes.attributes import ALWAYS, read_columns
from dicomdecode.volumes.slices import uid_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.volumes.attributes import Columns
    from dicomdecode.volumes.slices import Slice

    Numbers = NDArray[np.float64]

__all__ = ["Group", "Kinds", "kinds_of", "levels_of", "positions_of", "split_repeats", "unit_normal"]

_SERIES, _FRAME_OF_REFERENCE = 0x0020000E, 0x00200052
#: Directions that differ by less in each number are one: they may be written with three decimals.
_SAME_DIRECTION = 1.5e-3
#: Pixel Spacing that differs by less, in parts, is one.
_SAME_SPACING = 1e-4
#: Levels along the normal that are closer are one: parts of the usual step, and no less and no more than so many mm.
_SAME_LEVEL, _LEAST_LEVEL, _MOST_LEVEL = 0.02, 2e-3, 0.05
#: The most orientations, or sizes of pixels, that are distinguished.
_MOST_KINDS = 1000
#: Slices of one level whose first pixels are further apart, in mm, belong to stacks side by side.
_BESIDE = 0.1


@dataclass(slots=True, eq=False)
class Group:
    """Slices that are one volume, as far as their headers tell.

    Attributes
    ----------
    slices : list of Slice
        In no order.
    columns : Columns
        What changes among all slices of its kind.
    rows : list of int
        Where its slices are in `columns`.
    told_by : tuple of str
        The attributes that tell it from the other volumes.
    by_number : bool
        Nothing but Instance Number tells it from them.
    """

    slices: list[Slice]
    columns: Columns
    rows: list[int]
    told_by: tuple[str, ...] = ()
    by_number: bool = False

    def part(self, members: Iterable[int], name: str) -> Group:
        """Some of its slices, which `name` tells from the others."""
        chosen = list(members)
        names = (*self.told_by, name) if name not in self.told_by else self.told_by
        return Group([self.slices[i] for i in chosen], self.columns, [self.rows[i] for i in chosen], names)

    def values(self, name: str) -> list[Hashable]:
        column = self.columns[name]
        return [column[row] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Kinds:
    """Slices by what no volume mixes.

    Attributes
    ----------
    series, frames_of_reference, sizes, orientations, spacings : int
        How many there are; a size is rows, columns and samples.
    groups : list of list of Slice
        The slices of each kind.
    """

    series: int
    frames_of_reference: int
    sizes: int
    orientations: int
    spacings: int
    groups: list[list[Slice]]


def kinds_of(slices: list[Slice], *, same_space: bool) -> Kinds:
    """Sort slices by series, size and spacing, and orientation; if `same_space`, by frame of reference too.

    Raises
    ------
    VolumeError
        There are more than can be distinguished.
    """
    by_key: dict[tuple[Hashable, ...], list[Slice]] = defaultdict(list)
    known: dict[int, tuple[Hashable, Hashable]] = {}
    spacings, orientations = _Alike(relative=_SAME_SPACING), _Alike(absolute=_SAME_DIRECTION)
    spaces: set[Hashable] = set()
    for one in slices:
        file = one.opened.file
        uids = known.get(id(file))
        if uids is None:
            uids = known[id(file)] = uid_of(file, _SERIES), uid_of(file, _FRAME_OF_REFERENCE)
        plane = one.plane
        spacing, orientation = spacings.number(plane.spacing or ()), orientations.number(plane.orientation or ())
        if spacing is None or orientation is None:
            raise VolumeError(f"Slices have over {_MOST_KINDS} orientations or pixel sizes", code="orientation_mixed")
        space = uids[1] if same_space else b""
        spaces.add(uids[1])
        by_key[(uids[0], space, (one.rows, one.columns, one.samples), orientation, spacing)].append(one)
    series, _, sizes, directions, steps = (len(set(column)) for column in zip(*by_key, strict=True))
    return Kinds(series, len(spaces), sizes, directions, steps, list(by_key.values()))


class _Alike:
    """Numbers the tuples of one length that it is shown, from 0; those within a tolerance of an earlier one as that."""

    def __init__(self, absolute: float = 0.0, relative: float = 0.0) -> None:
        self._absolute, self._relative = absolute, relative
        self._equal: dict[tuple[float, ...], int | None] = {}
        self._different: list[tuple[float, ...]] = []

    def number(self, numbers: tuple[float, ...]) -> int | None:
        """None where there are more than `_MOST_KINDS`: looking through them all would take for ever."""
        if numbers not in self._equal:
            self._equal[numbers] = self._nearest(numbers)
        return self._equal[numbers]

    def _nearest(self, numbers: tuple[float, ...]) -> int | None:
        for i, other in enumerate(self._different):
            if all(abs(a - b) <= self._absolute + self._relative * abs(b) for a, b in zip(numbers, other, strict=True)):
                return i
        if len(self._different) == _MOST_KINDS:
            return None
        self._different.append(numbers)
        return len(self._different) - 1


def split_repeats(slices: list[Slice]) -> list[Group]:
    """The volumes among slices of one kind, where their attributes tell several apart; else one.

    Stacks and segments are volumes by themselves. Other attributes are tried in turn while a position is there more
    than once. The first counts that can be what was repeated: it has no more values than there are repeats, and takes
    the same different ones at all positions that have all repeats. Where none is left, Instance Number decides: the
    volumes are the first repeats of all positions, the second, and so on.
    """
    levels = levels_of(slices)
    columns = read_columns(slices, with_private=len(np.unique(levels)) < len(slices))
    beside = _columns_beside(slices, levels)
    whole = Group(slices, {**columns, **beside}, list(range(len(slices))))
    done: list[Group] = []
    todo = [whole]
    for name in ALWAYS:
        if len(set(columns.get(name, ()))) < len(slices):  # else it only counts them
            todo = [part for group in todo for part in (_parts(group, name) if name in columns else [group])]
    todo.reverse()
    while todo:
        group = todo.pop()
        at = [int(levels[row]) for row in group.rows]
        parts = _by_attribute(group, at)
        if parts:
            todo += parts[::-1]
        else:
            done += _by_number(group, at) or [group]
    return done


def levels_of(slices: list[Slice]) -> NDArray[np.int64]:
    """The number of each slice's level along the normal; slices of one level have the same."""
    along = positions_of(slices) @ unit_normal(slices)  # in mm
    order = np.argsort(along, kind="stable")
    gaps = np.diff(along[order])
    closer = min(max(_SAME_LEVEL * _usual(gaps), _LEAST_LEVEL), _MOST_LEVEL)
    levels = np.empty(len(slices), np.int64)
    levels[order] = np.concatenate([[0], np.cumsum(gaps > closer)])
    return levels


def _usual(gaps: Numbers) -> float:
    """The gap in which the middle of the stack lies, by length: gaps between repeats, however many, have none."""
    ordered = np.sort(gaps)
    sums = np.cumsum(ordered)
    return float(ordered[np.searchsorted(sums, sums[-1] / 2)]) if len(gaps) else 0.0


def positions_of(slices: list[Slice]) -> Numbers:
    """[slices, 3] in mm."""
    return np.array([one.plane.position for one in slices], np.float64)


def unit_normal(slices: list[Slice]) -> Numbers:
    """[3]: direction of a row x direction of a column, of the first slice."""
    normal: Numbers = np.array(cross(slices[0].plane.orientation or (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)))
    normal /= np.linalg.norm(normal)
    return normal


def _columns_beside(slices: list[Slice], levels: NDArray[np.int64]) -> dict[str, list[Hashable]]:
    """Stacks side by side: where slices of one level begin at different places of their plane."""
    if len(np.unique(levels)) == len(slices):
        return {}
    positions, normal = positions_of(slices), unit_normal(slices)
    in_plane = positions - np.outer(positions @ normal, normal)
    places = _Alike(absolute=_BESIDE)
    column: list[Hashable] = [places.number(tuple(place)) for place in in_plane.tolist()]
    return {"ImagePositionPatient": column} if len(set(column)) > 1 and None not in column else {}


def _by_attribute(group: Group, levels: list[int]) -> list[Group]:
    """The parts of a group by the first attribute that can be what was repeated; none where no position repeats."""
    members = _members_of(levels)
    most = max(map(len, members))
    if most == 1 or len(members) == 1:
        return []
    for name in group.columns:
        if name == "InstanceNumber":
            continue
        values = group.values(name)
        if not 1 < len(set(values)) <= most:
            continue
        differ = sum(len({values[i] for i in at}) > 1 for at in members)
        if 2 * differ > len(members) and _is_balanced(values, members, most):
            return _parts(group, name)
    return []


def _members_of(keys: Iterable[Hashable]) -> list[list[int]]:
    """For each key, in the order in which they are met, the places that have it."""
    members: dict[Hashable, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        members[key].append(i)
    return list(members.values())


def _parts(group: Group, name: str) -> list[Group]:
    """A part for each value of an attribute; one where there is only one."""
    parts = _members_of(group.values(name))
    return [group.part(chosen, name) for chosen in parts] if len(parts) > 1 else [group]


def _is_balanced(values: list[Hashable], members: Iterable[list[int]], most: int) -> bool:
    """Whether every position that has all repeats has each value equally often: chance does not do that."""
    whole = [Counter(values[i] for i in at) for at in members if len(at) == most]
    return all(counts == whole[0] for counts in whole)


def _by_number(group: Group, levels: list[int]) -> list[Group]:
    """The repeats of a group by Instance Number, where every position has as many."""
    if "InstanceNumber" not in group.columns:
        return []
    numbers = [number if isinstance(number, int) else None for number in group.values("InstanceNumber")]
    members = _members_of(levels)
    repeats = len(members[0])
    whole = all(len(at) == repeats and len({numbers[i] for i in at} - {None}) == repeats for at in members)
    if repeats == 1 or len(members) == 1 or not whole:
        return []
    ordered = [sorted(at, key=lambda i: numbers[i] or 0) for at in members]
    parts = [group.part((at[k] for at in ordered), "InstanceNumber") for k in range(repeats)]
    for part in parts:
        part.by_number = True
    return parts
