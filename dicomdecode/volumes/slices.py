"""The opened files of a series, and the slices that they hold: one frame each, or a tile of a mosaic."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dicomdecode.errors import VolumeError
from dicomdecode.pixels import PixelData
from dicomdecode.pixels.decode import check_last_frame
from dicomdecode.reading import DicomFile, open_source
from dicomdecode.reading.groups import FunctionalGroups
from dicomdecode.reading.planes import Plane, cross, planes_of
from dicomdecode.volumes.mosaic import find_mosaic

if TYPE_CHECKING:
    from dicomdecode.limits import Limits
    from dicomdecode.reading import Source
    from dicomdecode.sources import Item
    from dicomdecode.volumes.mosaic import Mosaic

__all__ = ["Opened", "Slice", "open_file", "place", "slices_of", "uid_of"]

#: Plane Position (Volume) Sequence (PS3.3 C.7.6.16.2.21) and Detector Information Sequence (C.8.4.11).
_POSITION_IN_VOLUME, _DETECTORS = 0x0020930E, 0x00540022
#: In mm: nothing of a patient is further away, no pixel is smaller.
_FAR, _TINY = 1e6, 1e-6
#: How far a direction may be from a unit vector, and two of them from a right angle: they are written in a few digits.
_ROUNDED = 0.01
#: More than any volume has, and each takes objects of Python.
_MOST_FRAMES = 1 << 16


@dataclass(slots=True, eq=False)
class Opened:
    """A file of the series. It is parsed once, and holds no descriptor while nothing of it is read.

    Attributes
    ----------
    number : int
        Its place among the sources, from 0.
    origin : object
        The source as the caller gave it; for a file of a folder or an archive, its path.
    source : Source
        Its bytes.
    file : DicomFile
        Its header.
    pixels : PixelData
        Its pixel data.
    """

    number: int
    origin: Any
    source: Source
    file: DicomFile
    pixels: PixelData

    @contextlib.contextmanager
    def awake(self) -> Iterator[None]:
        """While more than its header is read."""
        self.source.wake()
        try:
            yield
        finally:
            self.source.rest()


@dataclass(slots=True, eq=False)
class Slice:
    """One plane of pixels.

    Attributes
    ----------
    opened : Opened
        Its file.
    frame : int
        The frame that it is, or is a tile of.
    plane : Plane
        Where it lies.
    mosaic : Mosaic or None
        The tiles that it is one of.
    tile : int
        Which of them.
    rows, columns, samples : int
        Its size; of a palette image three samples.
    """

    opened: Opened
    frame: int
    plane: Plane
    mosaic: Mosaic | None = None
    tile: int = 0
    rows: int = field(init=False)
    columns: int = field(init=False)
    samples: int = field(init=False)

    def __post_init__(self) -> None:
        file = self.opened.file
        mosaic = self.mosaic
        self.rows = file.rows if mosaic is None else file.rows // mosaic.down
        self.columns = file.columns if mosaic is None else file.columns // mosaic.across
        self.samples = 3 if file.photometric == "PALETTE COLOR" else file.samples

    @property
    def name(self) -> str:
        """Which it is, for messages: they hold no path."""
        frames = self.opened.file.frames
        return f"source {self.opened.number}" + (f", frame {self.frame}" if frames > 1 else "")


def uid_of(file: DicomFile, tag: int) -> bytes:
    """A UID as it is written; one is the same whatever it is padded with (PS3.5 9.1)."""
    return (file.raw(tag) or b"").strip(b" \0")


def open_file(number: int, item: Item, limits: Limits) -> Opened:
    """Open one source and read its header.

    Raises
    ------
    DicomError, OSError, TypeError
        As `dicomdecode.open`.
    """
    opened = open_source(item.source, limits)
    try:
        file = DicomFile(opened, limits)
        return Opened(number, item.name, opened, file, PixelData(file))
    finally:
        opened.rest()


def slices_of(opened: Opened) -> Iterator[Slice]:
    """The slices of a file in the order of its frames.

    Raises
    ------
    VolumeError
        It is a mosaic that cannot be taken apart.
    DicomError
        A sequence is malformed, or there are fewer frames than the header says.
    """
    if opened.file.frames > 1:
        with opened.awake():
            check_last_frame(opened.pixels)
    if opened.file.frames > _MOST_FRAMES:
        raise VolumeError(
            f"A file of {opened.file.frames} frames is taken for no volume",
            code="not_a_volume",
            hint="dicomdecode.imread reads them",
        )
    mosaic = find_mosaic(opened.file)
    if mosaic is not None:
        for tile, plane in enumerate(mosaic.planes):
            yield Slice(opened, 0, plane, mosaic, tile)
        return
    for frame, plane in enumerate(planes_of(opened.file)):
        yield Slice(opened, frame, plane)


def place(slices: list[Slice]) -> None:
    """Check that every slice says where it lies.

    Raises
    ------
    VolumeError
        One does not.
    """
    for one in slices:
        lacking = _lacking(one)
        if lacking:
            raise VolumeError(
                f"{lacking} ({one.name})",
                code="not_a_volume",
                hint="Projections, ultrasound, photographs and slides have no place in the patient: dicomdecode.imread "
                "reads them",
            )


def _lacking(one: Slice) -> str:
    """What keeps a slice from lying anywhere, in words; "" for none."""
    plane = one.plane
    if plane.position is None:
        return _lacking_position(one)
    if plane.orientation is None:
        return "A slice has no Image Orientation (Patient)"
    if plane.spacing is None:
        return "A slice has no Pixel Spacing"
    if any(abs(x) > _FAR for x in plane.position) or not all(_TINY < x < _FAR for x in plane.spacing):
        return "Image Position (Patient) or Pixel Spacing of a slice is beyond all measure"
    row, column, normal = plane.orientation[:3], plane.orientation[3:], cross(plane.orientation)
    # The normal of two unit vectors at a right angle is one as well.
    if any(abs(sum(x * x for x in vector) - 1) > 2 * _ROUNDED for vector in (row, column, normal)):
        return "Image Orientation (Patient) of a slice is no two unit vectors at a right angle"
    return ""


def _lacking_position(one: Slice) -> str:
    file = one.opened.file
    if file.has_functional_groups and any(FunctionalGroups(file).items(one.frame, _POSITION_IN_VOLUME)):
        return "A slice lies in a volume of ultrasound (Image Position (Volume)), and nowhere in the patient"
    if file.frames > 1 and file.vr(_DETECTORS):
        return (
            "Frames of nuclear medicine are projections, or lack Slice Vector, Spacing Between Slices or the position "
            "of the first slice"
        )
    return "A slice has no Image Position (Patient)"


def names_of(slices: list[Slice]) -> str:
    """A few of the slices, for a message."""
    names = [one.name for one in slices[:3]]
    return "; ".join(names) + (f" and {len(slices) - 3} more" if len(slices) > 3 else "")


def same_origin(first: Any, second: Any) -> bool:
    """Whether two sources are one: the same path, or the same object."""
    if first is second:
        return True
    kinds = (str, os.PathLike)
    return isinstance(first, kinds) and isinstance(second, kinds) and os.path.abspath(first) == os.path.abspath(second)
