"""The three planes through a voxel of a volume, as a person looks at them: head or front up, and where each axis leads.

Which plane is which follows from the affine: the axis of the array that runs most nearly along the body's long axis is
the normal of the axial plane, and so on. Nothing is resampled, so the planes of an oblique volume are oblique.
"""

from __future__ import annotations

import itertools
import math
import operator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from dicomdecode.pixels.auto_window import PERCENTILES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = ["Plane", "Voxels", "as_shown", "picture_of_plane", "plane_of", "planes_of", "range_of"]

#: Along x, y and z of the patient (LPS; PS3.3 C.7.6.2.1.1): towards smaller and larger coordinates.
_LEADS = (("right", "left"), ("front", "back"), ("feet", "head"))
_NAMES = ("sagittal", "coronal", "axial")
#: What a picture has at its left and at its top.
_FIRST = frozenset({"right", "front", "head"})
_AXES = ("slice", "row", "column")
#: Of more voxels, so many are looked at for a window.
_MOST_LOOKED_AT = 1 << 20


class Voxels(Protocol):
    """What is needed of a volume; `dicomdecode.Volume` has it."""

    array: NDArray[Any]
    affine: NDArray[np.float64]

    @property
    def spacing(self) -> tuple[float, float, float]: ...
    @property
    def direction(self) -> NDArray[np.float64]: ...


class Side(NamedTuple):
    """One axis of a picture.

    Attributes
    ----------
    axis : int
        Of the array: 0 slices, 1 rows, 2 columns.
    leads : str
        Where in the patient larger indices lead.
    spacing : float
        mm
    """

    axis: int
    leads: str
    spacing: float

    @property
    def is_turned(self) -> bool:
        """Whether larger indices lie further left, or further up, in the picture."""
        return self.leads in _FIRST

    @property
    def label(self) -> str:
        """What stands beside the axis of a plot."""
        return f"{_AXES[self.axis]}, to the {self.leads} ({self.spacing:.3g} mm)"


class Plane(NamedTuple):
    """One plane of a volume.

    Attributes
    ----------
    name : str
        "axial", "coronal" or "sagittal": which it is most nearly.
    normal : int
        The axis of the array that it has one index of.
    number : int
        Its index there.
    values : ndarray
        [vertical, horizontal], or with samples: as in the array, not turned.
    vertical, horizontal : Side
    """

    name: str
    normal: int
    number: int
    values: NDArray[Any]
    vertical: Side
    horizontal: Side

    def title(self, count: int) -> str:
        """Which plane, and which of how many."""
        return f"{self.name}, {_AXES[self.normal]} {self.number} of {count}"


def planes_of(volume: Voxels, at: Sequence[int | None] | None = None) -> Iterator[Plane]:
    """The planes through a voxel, that of the slices first; `at` is (slice, row, column), None for the middle."""
    indices = [None] * 3 if at is None else list(at)
    if len(indices) != 3:
        raise ValueError(f"at must be (slice, row, column), not {at!r}")
    for normal, index in enumerate(indices):
        yield plane_of(volume, normal, index)


def plane_of(volume: Voxels, normal: int, index: int | None = None) -> Plane:
    """The plane at an index along an axis of the array, negative ones from the end; the middle one for None."""
    count = volume.array.shape[normal]
    if index is not None and not -count <= index < count:
        raise IndexError(f"there is no {_AXES[normal]} {index}: the volume has {count}")
    number = count // 2 if index is None else operator.index(index) % count
    along = _along(volume.direction)
    # The body's long axis is vertical; in axial planes, front to back is.
    horizontal, vertical = sorted((axis for axis in range(3) if axis != normal), key=lambda axis: along[axis])
    values = np.take(volume.array, number, axis=normal)
    if vertical > horizontal:
        values = values.swapaxes(0, 1)
    sides = [_side(volume, axis, along[axis]) for axis in (vertical, horizontal)]
    return Plane(_NAMES[along[normal]], normal, number, values, *sides)


def _along(direction: NDArray[np.float64]) -> tuple[int, ...]:
    """For each axis of the array the one of the patient, x, y or z, that it runs most nearly along: each once."""
    by_axis = np.abs(direction[:, ::-1])  # its columns are those of (column, row, slice)
    return max(itertools.permutations(range(3)), key=lambda along: math.fsum(by_axis[along, range(3)]))


def _side(volume: Voxels, axis: int, along: int) -> Side:
    leads = _LEADS[along][int(volume.direction[along, 2 - axis] > 0)]
    return Side(axis, leads, volume.spacing[axis])


def range_of(volume: Voxels, window: Any) -> tuple[float, float]:
    """The values that are black and white: of a window (center, width), or robust percentiles for None and "auto".

    Bytes are display values already, unless a window is given.
    """
    if window is None and volume.array.dtype == np.uint8:
        return 0.0, 255.0
    if window is not None and window != "auto":
        center, width = map(float, window)
        if not (math.isfinite(center) and 0 < width < math.inf):
            raise ValueError(f"window must be (center, width) with a width above 0, not {window!r}")
        return center - width / 2, center + width / 2
    step = max(1, math.ceil((volume.array.size / _MOST_LOOKED_AT) ** (1 / 3)))
    looked_at = volume.array[::step, ::step, ::step]
    known = looked_at[np.isfinite(looked_at)]
    if not known.size:
        return 0.0, 1.0
    low, high = map(float, np.percentile(known, PERCENTILES))
    return (low, high) if high > low else (float(known.min()), max(float(known.max()), float(known.min()) + 1.0))


def as_shown(plane: Plane) -> NDArray[Any]:
    """The values turned: head or front at the top, the patient's right or front at the left."""
    vertical, horizontal = (
        slice(None, None, -1 if side.is_turned else 1) for side in (plane.vertical, plane.horizontal)
    )
    return plane.values[vertical, horizontal]


def picture_of_plane(plane: Plane, black: float, white: float, side: int) -> Image:
    """A plane as a picture with square pixels, at most `side` pixels wide and high."""
    from PIL import Image as pillow

    values = as_shown(plane)
    if values.ndim == 2:
        shades = np.nan_to_num((values.astype(np.float64) - black) * (255 / (white - black)))
        values = np.clip(np.rint(shades), 0, 255).astype(np.uint8)
    elif values.dtype != np.uint8:
        values = (values / np.iinfo(values.dtype).max * 255).astype(np.uint8)
    height = plane.values.shape[0] * plane.vertical.spacing
    width = plane.values.shape[1] * plane.horizontal.spacing
    per_mm = side / max(height, width)
    size = max(1, round(width * per_mm)), max(1, round(height * per_mm))
    return pillow.fromarray(np.ascontiguousarray(values)).resize(size, pillow.Resampling.BILINEAR)
