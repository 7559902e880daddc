"""Whether slices are evenly stacked along their normal, and the affine of the stack."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from dicomdecode.errors import VolumeError
from dicomdecode.reading.planes import affine_of
from dicomdecode.volumes.slices import names_of
from dicomdecode.volumes.splitting import levels_of, positions_of, unit_normal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.volumes.slices import Slice

    Numbers = NDArray[np.float64]

__all__ = ["affine_of_stack", "faults_of", "in_order", "without_repeats"]

#: How far a slice may lie from where even steps would put it, in parts of a step.
_EVEN = 0.02
#: Positions that are rounded may be off by more: to this at most, in mm and in parts of a step.
_ROUGH, _ROUGH_PART = 0.1, 0.4
#: The angle between the normal and the direction of the stack: real tilts are several degrees. What positions are
#: rounded to counts here too, up to `_ROUGH_TILT`: it turns a stack of few slices.
_TILT, _ROUGH_TILT = math.radians(0.1), math.radians(1.0)
#: Steps that are a whole number of others within this part mean missing slices.
_WHOLE = 0.1
_MISSING_FILES = "Find the missing files, or pass strict=False to take the slices as they are"
_MISSING_FRAMES = "The file leaves them out, as a segmentation may that is empty there; strict=False takes the others"
#: The part of all steps that the usual one makes up at least.
_USUAL = 0.25


def in_order(slices: list[Slice]) -> list[Slice]:
    """By rising position along the normal, a row x a column; at one position by Instance Number, then as given."""
    along = levels_of(slices)
    numbers = [one.opened.file.tag(0x00200013) for one in slices]
    keys = [number if isinstance(number, int) else 0 for number in numbers]
    return [slices[i] for i in sorted(range(len(slices)), key=lambda i: (along[i], keys[i]))]


def without_repeats(slices: list[Slice]) -> tuple[list[Slice], list[Slice]]:
    """Of ordered slices the first at each position, and all others."""
    levels = levels_of(slices)
    _, firsts = np.unique(levels, return_index=True)
    kept = set(firsts.tolist())
    return [slices[i] for i in sorted(kept)], [one for i, one in enumerate(slices) if i not in kept]


def affine_of_stack(slices: list[Slice]) -> Numbers:
    """The affine of ordered slices. Its third column is (last - first position) / (n - 1); of one slice, what
    `affine_of` makes of it."""
    first, last = slices[0].plane, slices[-1].plane
    step = None
    if len(slices) > 1 and first.position is not None and last.position is not None:
        x, y, z = ((b - a) / (len(slices) - 1) for a, b in zip(first.position, last.position, strict=True))
        step = (x, y, z)
    return np.array(affine_of(first, step))


def faults_of(slices: list[Slice]) -> Iterator[VolumeError]:
    """What keeps ordered slices, each at a position of its own, from being an even and straight stack."""
    if len(slices) == 2:
        yield from _tilt(slices)
    if len(slices) < 3:
        return
    positions, normal = positions_of(slices), unit_normal(slices)
    line = positions[0] + np.outer(np.linspace(0, 1, len(slices)), positions[-1] - positions[0])
    off = positions - line
    ahead = off @ normal
    aside = np.linalg.norm(off - np.outer(ahead, normal), axis=1)
    steps = np.diff(positions @ normal)
    allowed = _EVEN * float(np.mean(steps))
    is_even = max(np.abs(ahead).max(), aside.max()) <= allowed or is_rounded_line(positions, float(np.mean(steps)))
    if np.abs(ahead).max() > allowed and not is_even:
        yield _uneven(slices, steps)
    yield from _tilt(slices)
    if aside.max() > allowed and not is_even:
        yield _crooked(slices, aside, allowed)


def rounded_to(positions: Numbers) -> float:
    """The last decimal place that positions are written with, in mm; `_ROUGH` at most."""
    for digits in range(1, 6):
        if np.abs(positions - np.round(positions, digits)).max() < 1e-9:
            return float(10.0**-digits)
    return 0.0


def is_rounded_line(positions: Numbers, step: float) -> bool:
    """Whether positions [slices, 3] may be even ones that were rounded, and nothing else is wrong with them.

    The coordinates a + k s, rounded to a unit, lie within half a unit of a line, and steps between them differ by one
    unit at most. A slice that was moved by a unit makes one step longer and the next one shorter: by two.
    """
    unit = rounded_to(positions)
    most = 1.001 * unit  # of which binary fractions take a little
    if unit > min(_ROUGH, _ROUGH_PART * step) or np.ptp(np.diff(positions, axis=0), axis=0).max() > most:
        return False
    return all(least_band(column) <= most for column in positions.T)


def least_band(numbers: Numbers) -> float:
    """The least width of a band along a line that holds a sequence of numbers; it is convex in the slope."""
    places = np.arange(len(numbers))
    slope = (numbers[-1] - numbers[0]) / places[-1]
    reach = np.ptp(numbers - slope * places)
    low, high = slope - reach, slope + reach
    for _ in range(60):  # a third less each time
        left, right = low + (high - low) / 3, high - (high - low) / 3
        if np.ptp(numbers - left * places) < np.ptp(numbers - right * places):
            high = right
        else:
            low = left
    return float(np.ptp(numbers - low * places))


def _uneven(slices: list[Slice], steps: Numbers) -> VolumeError:
    """Missing slices, where the steps are whole numbers of a usual one, which is not rare; else unequal spacing."""
    short = steps[steps < 1.5 * steps.min()]
    usual = float(np.mean(short))
    counts = np.round(steps / usual)
    wide = np.flatnonzero(counts > 1)
    whole = max(_WHOLE, min(rounded_to(positions_of(slices)) / usual, _ROUGH_PART))
    if len(wide) and len(short) >= _USUAL * len(steps) and np.abs(steps / usual - counts).max() <= whole:
        gaps = [f"between {slices[i].name} and {slices[i + 1].name}" for i in wide[:3].tolist()]
        more = f" and in {len(wide) - 3} more gaps" if len(wide) > 3 else ""
        missing = int(counts.sum()) - len(steps)
        one_file = all(one.opened is slices[0].opened for one in slices)
        return VolumeError(
            f"{missing} of {missing + len(slices)} slices are missing, by even steps of {usual:.4g} mm: "
            + "; ".join(gaps)
            + more,
            code="slices_missing",
            hint=_MISSING_FRAMES if one_file else _MISSING_FILES,
        )
    worst = int(np.argmax(np.abs(steps - np.median(steps))))
    return VolumeError(
        f"Slices are {steps.min():.4g} to {steps.max():.4g} mm apart; the oddest step is from {slices[worst].name} to "
        f"{slices[worst + 1].name}",
        code="spacing_unequal",
        hint="No one spacing is right for them; strict=False takes the mean",
    )


def _tilt(slices: list[Slice]) -> Iterator[VolumeError]:
    """A stack whose slices are each moved within their plane, as by a tilted gantry.

    The angle is atan2 of cross and dot product, because arccos of a number near 1 is imprecise.
    """
    positions, normal = positions_of(slices), unit_normal(slices)
    way = positions[-1] - positions[0]
    aside, along = float(np.linalg.norm(np.cross(way, normal))), float(way @ normal)
    angle = math.atan2(aside, along)
    if angle > min(max(_TILT, math.atan2(rounded_to(positions), along)), _ROUGH_TILT):
        yield VolumeError(
            f"Slices are stacked {math.degrees(angle):.3g} degrees off their normal, as by a tilted gantry: the voxels "
            "are no rectangular grid",
            code="gantry_tilt",
            hint="strict=False gives them with an affine that holds the shear",
        )


def _crooked(slices: list[Slice], aside: Numbers, allowed: float) -> VolumeError:
    """Slices that lie beside the line from the first to the last."""
    astray = [slices[i] for i in np.flatnonzero(aside > allowed).tolist()]
    return VolumeError(
        f"Slices lie up to {aside.max():.4g} mm beside the line of the stack: {names_of(astray)}",
        code="spacing_unequal",
        hint="strict=False takes them as they are",
    )
