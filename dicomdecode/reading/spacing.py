"""The distance between pixel centres, and what it is measured at (PS3.3 10.7.1)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from dicomdecode.errors import DicomError
from dicomdecode.reading.groups import FunctionalGroups

if TYPE_CHECKING:
    from dicomdecode.reading._reading import DataSet, DicomFile

__all__ = ["Spacing", "find_spacing", "pair_of", "wrong_spacing"]

#: (row spacing, column spacing) in mm.
Spacing = tuple[float, float]


class MeasuredSpacing(NamedTuple):
    """A spacing, and what it is measured at; both None where a file names none that can be read."""

    spacing: Spacing | None
    measured_at: str | None


_PIXEL_SPACING, _IMAGER = 0x00280030, 0x00181164
#: Attributes of the data set, the first counts.
_PLAIN = (
    (_PIXEL_SPACING, "pixel"),
    (_IMAGER, "imager"),
    (0x30020011, "imager"),  # Image Plane Pixel Spacing (RT Image)
    (0x00182010, "nominal"),  # Nominal Scanned Pixel Spacing
)
#: Sequences of functional groups, and the attribute in their item.
_GROUPS = (
    (0x00289110, _PIXEL_SPACING, "pixel"),  # Pixel Measures
    (0x00289443, _IMAGER, "imager"),  # Frame Pixel Data Properties
)


def pair_of(value: Any) -> Spacing | None:
    """(row spacing, column spacing) of the value of an element; None where it is no two positive numbers."""
    if not isinstance(value, list) or len(value) < 2:
        return None
    row, column = value[:2]
    good = all(isinstance(x, (int, float)) and math.isfinite(x) and x > 0 for x in (row, column))
    return (float(row), float(column)) if good else None


def _number(item: DataSet, tag: int) -> float | None:
    values = item.first_values(tag, 2)
    good = len(values) == 1 and isinstance(values[0], (int, float)) and math.isfinite(values[0])
    return float(values[0]) if good else None


def find_spacing(file: DicomFile) -> MeasuredSpacing:
    """The spacing of frame 0, and what it is measured at.

    Returns
    -------
    MeasuredSpacing
        In mm; "pixel": in the patient (in projections: calibrated); "imager": at the front of the detector; "nominal":
        of what was scanned; "slide": of the whole slide's volume; "region": of an ultrasound region.
    """
    try:
        return _found(file)
    except DicomError:  # a damaged sequence
        return MeasuredSpacing(None, None)


def _found(file: DicomFile) -> MeasuredSpacing:
    found = _of_groups(file) if file.has_functional_groups else None
    if found is not None:
        return found
    for tag, name in _PLAIN:
        pair = pair_of(file.first_values(tag, 2))
        if pair is not None:
            # In a projection, Pixel Spacing that only repeats the detector's is not calibrated (PS3.3 10.7.1.3).
            repeated = tag == _PIXEL_SPACING and pair == pair_of(file.first_values(_IMAGER, 2))
            return MeasuredSpacing(pair, "imager" if repeated else name)
    return _of_slide(file) or _of_regions(file) or MeasuredSpacing(None, None)


def _of_groups(file: DicomFile) -> MeasuredSpacing | None:
    """Frame 0's functional groups, else the shared ones."""
    groups = FunctionalGroups(file)
    for sequence, tag, name in _GROUPS:
        for item in groups.items(0, sequence):
            pair = pair_of(item.first_values(tag, 2))
            if pair is not None:
                return MeasuredSpacing(pair, name)
    return None


def _of_slide(file: DicomFile) -> MeasuredSpacing | None:
    """Imaged Volume Height and Width over the Total Pixel Matrix (PS3.3 C.8.12.4)."""
    found = [_number(file, tag) for tag in (0x00480002, 0x00480001, 0x00480007, 0x00480006)]
    sizes = [size for size in found if size is not None and size > 0]
    if len(sizes) < 4:
        return None
    height, width, rows, columns = sizes
    return MeasuredSpacing((height / rows, width / columns), "slide")


def _of_regions(file: DicomFile) -> MeasuredSpacing | None:
    """The one spacing of the 2-D regions of an ultrasound image that are measured in cm (PS3.3 C.8.5.5)."""
    found: Spacing | None = None
    for item in file.items(0x00186011) if file.vr(0x00186011) else []:
        if item.tag(0x00186012) != 1 or item.tag(0x00186024) != 3 or item.tag(0x00186026) != 3:
            continue
        across, down = _number(item, 0x0018602C), _number(item, 0x0018602E)
        if not across or not down:
            continue
        pair = (abs(down) * 10, abs(across) * 10)
        if found is not None and not all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(pair, found, strict=True)):
            return None  # regions of different scales: none speaks for the image
        found = pair
    return None if found is None else MeasuredSpacing(found, "region")


def wrong_spacing(file: DicomFile) -> int | None:
    """The tag of a spacing that is there and is none; None where there is no such tag."""
    for tag, _ in _PLAIN:
        values = file.first_values(tag, 2)
        if values and pair_of(values) is None:
            return tag
    return None
