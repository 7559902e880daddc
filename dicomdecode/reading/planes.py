"""Where the frames of a file lie in the patient: position, orientation, spacing, and the affine made of them.

PS3.3 C.7.6.2.1.1: the centre of the pixel in column i and row j is

    position + i * (column spacing * direction of a row) + j * (row spacing * direction of a column)

in mm, in the patient's coordinates: x to the left, y to the back, z to the head (LPS).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from dicomdecode.reading.groups import FunctionalGroups
from dicomdecode.reading.spacing import Spacing, pair_of

if TYPE_CHECKING:
    from dicomdecode.reading._reading import DataSet, DicomFile

__all__ = ["NOWHERE", "Plane", "Vector", "affine_of", "cross", "planes_of", "vector_of"]

Vector = tuple[float, float, float]

_POSITION, _ORIENTATION, _SPACING, _THICKNESS = 0x00200032, 0x00200037, 0x00280030, 0x00180050
# Their sequences in the functional groups (PS3.3 C.7.6.16.2).
_PLANE_POSITION, _PLANE_ORIENTATION, _PIXEL_MEASURES = 0x00209113, 0x00209116, 0x00289110
_GRID_OFFSETS = 0x3004000C
_DETECTORS, _SLICE_VECTOR, _BETWEEN_SLICES = 0x00540022, 0x00540080, 0x00180088


class Plane(NamedTuple):
    """Where a frame lies; None for what the file does not say, or not in numbers.

    Attributes
    ----------
    position : (x, y, z)
        Image Position (Patient): the centre of the first pixel, in mm.
    orientation : (x, y, z, x, y, z)
        Image Orientation (Patient): the unit vectors along a row and along a column.
    spacing : (row spacing, column spacing)
        Pixel Spacing, in mm.
    thickness : float
        Slice Thickness, in mm.
    """

    position: Vector | None = None
    orientation: tuple[float, ...] | None = None
    spacing: Spacing | None = None
    thickness: float | None = None


NOWHERE = Plane()


def planes_of(file: DicomFile) -> list[Plane]:
    """The plane of each frame.

    Raises
    ------
    DicomError
        A sequence is malformed.
    """
    common = _plane_in(file, NOWHERE)
    if file.has_functional_groups:
        return list(_of_groups(file, common))
    if file.frames > 1:
        moved = _of_dose(file, common) or _of_reconstruction(file, common)
        if moved:
            return moved
    return [common] * file.frames


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    if not isinstance(value, list) or len(value) < count:
        return None
    good = all(isinstance(x, (int, float)) and math.isfinite(x) for x in value[:count])
    return tuple(float(x) for x in value[:count]) if good else None


def vector_of(value: Any) -> Vector | None:
    """The three numbers of the value of an element; None where they are fewer, or no numbers."""
    found = _numbers(value, 3)
    return None if found is None else (found[0], found[1], found[2])


# Of what follows the values that count there may be millions.


def _position_in(data: DataSet) -> Vector | None:
    return vector_of(data.first_values(_POSITION, 3))


def _orientation_in(data: DataSet) -> tuple[float, ...] | None:
    return _numbers(data.first_values(_ORIENTATION, 6), 6)


def _spacing_in(data: DataSet) -> Spacing | None:
    return pair_of(data.first_values(_SPACING, 2))


def _thickness_in(data: DataSet) -> float | None:
    """A length in mm; None for what cannot be one."""
    values = data.first_values(_THICKNESS, 2)
    good = len(values) == 1 and isinstance(values[0], (int, float)) and 1e-6 < values[0] < 1e6
    return float(values[0]) if good else None


def _plane_in(data: DataSet, others: Plane) -> Plane:
    """What a data set says itself, else what `others` say."""
    return Plane(
        _position_in(data) or others.position,
        _orientation_in(data) or others.orientation,
        _spacing_in(data) or others.spacing,
        _thickness_in(data) or others.thickness,
    )


def _of_groups(file: DicomFile, common: Plane) -> Iterator[Plane]:
    """A frame's own groups, then the shared ones, then the data set."""
    groups = FunctionalGroups(file)
    shared = common if groups.shared is None else _plane_of_group(groups.shared, common)
    for frame in range(file.frames):
        yield shared if frame >= len(groups.per_frame) else _plane_of_group(groups.per_frame[frame], shared)


def _plane_of_group(group: DataSet, others: Plane) -> Plane:
    position, orientation, spacing, thickness = others
    for item in group.items(_PLANE_POSITION)[:1]:
        position = _position_in(item) or position
    for item in group.items(_PLANE_ORIENTATION)[:1]:
        orientation = _orientation_in(item) or orientation
    for item in group.items(_PIXEL_MEASURES)[:1]:
        spacing = _spacing_in(item) or spacing
        thickness = _thickness_in(item) or thickness
    return Plane(position, orientation, spacing, thickness)


def _along_normal(plane: Plane, distances: list[float]) -> list[Plane]:
    """The plane, moved along its normal."""
    if plane.position is None or plane.orientation is None:
        return []
    (x, y, z), (a, b, c) = plane.position, cross(plane.orientation)
    return [plane._replace(position=(x + d * a, y + d * b, z + d * c)) for d in distances]


def _of_dose(file: DicomFile, plane: Plane) -> list[Plane]:
    """Grid Frame Offset Vector of an RT Dose (PS3.3 C.8.8.3.2): offsets from the first frame along the normal, which
    begin with 0; or, of axial planes, z coordinates."""
    offsets = _numbers(file.first_values(_GRID_OFFSETS, file.frames), file.frames)
    if offsets is None:
        return []
    normal_z = 1.0 if plane.orientation is None else cross(plane.orientation)[2]
    return _along_normal(plane, [(x - offsets[0]) * (1.0 if offsets[0] == 0 else normal_z) for x in offsets])


def _of_reconstruction(file: DicomFile, plane: Plane) -> list[Plane]:
    """Reconstructed slices of nuclear medicine (PS3.3 C.8.4.8, C.8.4.15): the first detector says where the first slice
    lies, Slice Vector counts them, and Spacing Between Slices has the sign of the direction along the normal."""
    numbers = _numbers(file.first_values(_SLICE_VECTOR, file.frames), file.frames) if file.vr(_SLICE_VECTOR) else None
    step = file.tag(_BETWEEN_SLICES)
    if numbers is None or not isinstance(step, (int, float)) or not math.isfinite(step):
        return []
    for detector in (file.items(_DETECTORS) if file.vr(_DETECTORS) else [])[:1]:
        plane = _plane_in(detector, plane)
    return _along_normal(plane, [(number - 1) * step for number in numbers])


def cross(orientation: tuple[float, ...]) -> Vector:
    """The normal of a plane: direction of a row x direction of a column."""
    a, b, c, d, e, f = orientation
    return (b * f - c * e, c * d - a * f, a * e - b * d)


def affine_of(plane: Plane, step: Vector | None = None) -> list[list[float]] | None:
    """The rows of the matrix that takes (column, row, slice, 1) to (x, y, z, 1) in mm; None where the plane lacks
    something.

    Parameters
    ----------
    plane : Plane
        Of the first slice.
    step : (x, y, z), optional
        From one slice to the next. Default: Slice Thickness (1 mm where there is none) along the normal.
    """
    position, orientation, spacing, thickness = plane
    if position is None or orientation is None or spacing is None:
        return None
    if step is None:
        normal = cross(orientation)
        scale = (thickness or 1.0) / (math.hypot(*normal) or 1.0)
        step = (normal[0] * scale, normal[1] * scale, normal[2] * scale)
    down, across = spacing
    rows = [
        [orientation[i] * across, orientation[3 + i] * down, step[i], position[i]]  # columns, rows, slices, origin
        for i in range(3)
    ]
    return [*rows, [0.0, 0.0, 0.0, 1.0]]
