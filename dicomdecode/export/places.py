"""Which files of an export are one result: those of a series, or the levels of a slide."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dicomdecode.image import DicomImage

__all__ = ["Place", "Placing", "place_in_series", "place_in_slide"]

_SERIES, _IMAGE_TYPE, _PYRAMID = 0x0020000E, 0x00080008, 0x00080019
_COLUMNS, _ROWS = 0x00480006, 0x00480007
#: Files with one of these are a part of a level: Total Pixel Matrix Focal Planes and Number of Optical Paths, if more
#: than one, and Concatenation UID.
_SEVERAL, _CONCATENATION = (0x00480303, 0x00480302), 0x00209161


class Place(NamedTuple):
    """Where a file belongs.

    Attributes
    ----------
    group : hashable
        The same for all files of one result.
    level : hashable
        Which level of a slide it is; None where there are no levels.
    """

    group: Hashable
    level: Hashable = None


#: From an opened file to its place; None for a file that is a result by itself.
Placing = Callable[["DicomImage"], "Place | None"]


def place_in_series(image: DicomImage) -> Place | None:
    uid = image.tag(_SERIES) if image.rows else None
    return Place(str(uid)) if uid else None


def place_in_slide(image: DicomImage) -> Place | None:
    """The levels of a slide are of one series, and of one pyramid where it is named; labels and overviews are none
    (PS3.3 C.8.12.4.1.1)."""
    columns, rows, series, kind = image.tag(_COLUMNS), image.tag(_ROWS), image.tag(_SERIES), image.tag(_IMAGE_TYPE)
    if not columns or not rows or not series or not isinstance(kind, list) or kind[2:3] != ["VOLUME"]:
        return None
    if image.tag(_CONCATENATION) or any((image.tag(tag) or 1) != 1 for tag in _SEVERAL):
        return None
    return Place((str(series), str(image.tag(_PYRAMID))), (str(columns), str(rows)))
