"""Series of synthesised files: what a volume is made of, with the answer known beforehand."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
#: 3-4-5 and 5-12-13 triangles: unit vectors at right angles, written exactly.
OBLIQUE = (0.8, 0.6, 0.0, -0.6, 0.8, 0.0)
ROWS, COLUMNS = 6, 8
SPACING = (0.5, 0.75)


def normal_of(orientation: Sequence[float]) -> np.ndarray:
    return np.cross(orientation[:3], orientation[3:])


def pixels_of(number: int, rows: int = ROWS, columns: int = COLUMNS) -> np.ndarray:
    return (np.arange(rows * columns).reshape(rows, columns) + 100 * number).astype(np.int16)


def one_slice(
    number: int,
    position: Iterable[float],
    *,
    orientation: Sequence[float] = AXIAL,
    spacing: Sequence[float] = SPACING,
    pixels: np.ndarray | None = None,
    uid: str = "",
    series: str = "1.2.3",
    instance: int | None = None,
    extra: Sequence[s.Element] = (),
    **keywords: Any,
) -> bytes:
    """A file with one slice. `number` makes its pixels, its UID and Instance Number where nothing else does."""
    elements: list[s.Element] = [
        (0x00080018, "UI", uid or f"1.2.3.4.{number}"),
        (0x00080060, "CS", "MR"),
        (0x00180050, "DS", "2.5"),
        (0x0020000E, "UI", series),
        (0x00200013, "IS", number if instance is None else instance),
        (0x00200032, "DS", [f"{x:.10g}" for x in position]),
        (0x00200037, "DS", [f"{x:.10g}" for x in orientation]),
        (0x00280030, "DS", spacing),
    ]
    return s.image(pixels_of(number) if pixels is None else pixels, extra=[*elements, *extra], **keywords)


def stack(
    count: int = 5, *, step: float = 2.0, start: Sequence[float] = (-10.0, 20.0, 30.0), first: int = 0, **keywords: Any
) -> list[bytes]:
    """Slices along the normal of their orientation."""
    normal = normal_of(keywords.get("orientation", AXIAL))
    return [one_slice(first + k, np.array(start) + k * step * normal, **keywords) for k in range(count)]


def affine(
    *, step: float = 2.0, start: Sequence[float] = (-10.0, 20.0, 30.0), orientation: Sequence[float] = AXIAL
) -> np.ndarray:
    """The affine of `stack`, by the formula."""
    matrix = np.eye(4)
    matrix[:3, 0] = np.array(orientation[:3]) * SPACING[1]
    matrix[:3, 1] = np.array(orientation[3:]) * SPACING[0]
    matrix[:3, 2] = normal_of(orientation) * step
    matrix[:3, 3] = start
    return matrix


def values(numbers: Iterable[int]) -> np.ndarray:
    return np.stack([pixels_of(number) for number in numbers]).astype(np.float32)


def multi_frame(
    positions: Sequence[Sequence[float]],
    *,
    orientations: Sequence[Sequence[float]] | None = None,
    contents: Sequence[Sequence[s.Element]] | None = None,
    others: Sequence[Sequence[s.Element]] | None = None,
    uid: str = "1.2.3.9",
    extra: Sequence[s.Element] = (),
) -> bytes:
    """An enhanced multi-frame file: position, Frame Content and other sequences for each frame, the rest shared."""
    frames = []
    for i, position in enumerate(positions):
        groups: list[s.Element] = [(0x00209113, "SQ", [[(0x00200032, "DS", list(position))]])]
        if contents is not None:
            groups.append((0x00209111, "SQ", [list(contents[i])]))
        if orientations is not None:
            groups.append((0x00209116, "SQ", [[(0x00200037, "DS", list(orientations[i]))]]))
        frames.append([*groups, *(others[i] if others is not None else [])])
    shared: list[s.Element] = [(0x00289110, "SQ", [[(0x00180050, "DS", "2.5"), (0x00280030, "DS", SPACING)]])]
    if orientations is None:
        shared.append((0x00209116, "SQ", [[(0x00200037, "DS", AXIAL)]]))
    head: list[s.Element] = [
        (0x00080018, "UI", uid),
        (0x0020000E, "UI", "1.2.3"),
        (0x52009229, "SQ", [shared]),
        (0x52009230, "SQ", frames),
    ]
    return s.image(np.stack([pixels_of(i) for i in range(len(positions))]), extra=[*head, *extra])


def code_of(sources: Any, **keywords: Any) -> str:
    with pytest.raises(dd.VolumeError) as caught:
        dd.read_series(sources, **keywords)
    return caught.value.code


def codes_of(volume: dd.Volume) -> list[str]:
    return [issue.code for issue in volume.issues]


def shuffled(files: list[bytes]) -> list[bytes]:
    return random.Random(3).sample(files, len(files))
