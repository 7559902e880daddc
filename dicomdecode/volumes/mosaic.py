"""Mosaics: all slices of a volume as the tiles of one picture, and private elements that say so.

        0  1  2      tiles go row by row, and tiles behind the last slice are black
        3  4  5
        6  7  .

Siemens has as many tiles across as down, and a private header (CSA). Image Position is the corner of a plane as large
as the whole picture around the first slice, so the first slice begins half the difference further in. The slices follow
each other along SliceNormalVector, which may point against row x column.

United Imaging has the least width whose square holds all tiles, no more rows of them than it needs, and a private
sequence with the position of each.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, NamedTuple

from dicomdecode.errors import VolumeError
from dicomdecode.reading.planes import Plane, Vector, planes_of, vector_of
from dicomdecode.reading.private import private_tag

if TYPE_CHECKING:
    from dicomdecode.reading import DicomFile

__all__ = ["Mosaic", "find_mosaic", "read_csa"]

_POSITION, _IMAGE_TYPE, _BETWEEN_SLICES = 0x00200032, 0x00080008, 0x00180088
#: What a CSA header may hold at most; real ones have 128 elements.
_MOST_ELEMENTS, _MOST_VALUES = 1024, 1024
#: More tiles than any picture has.
_MOST_SLICES = 1 << 12
_COUNT, _NORMAL = "NumberOfImagesInMosaic", "SliceNormalVector"


class Mosaic(NamedTuple):
    """The slices of a mosaic.

    Attributes
    ----------
    maker : str
        Whose form it is.
    across, down : int
        Tiles of the picture.
    planes : tuple of Plane
        Of each slice, in the order of the tiles.
    """

    maker: str
    across: int
    down: int
    planes: tuple[Plane, ...]


def find_mosaic(file: DicomFile) -> Mosaic | None:
    """The slices of a mosaic; None for any other file.

    Raises
    ------
    VolumeError
        Image Type says that it is one, and private elements are missing or make no sense.
    """
    image_type = file.raw(_IMAGE_TYPE) or b""
    if file.frames == 1 and b"MOSAIC" in image_type:
        return _of_siemens(file)
    return _of_united_imaging(file) if file.frames == 1 and b"VFRAME" in image_type else None


def _of_siemens(file: DicomFile) -> Mosaic | None:
    tag = private_tag(file, 0x0029, "SIEMENS CSA HEADER", 0x10)
    header = read_csa(file.raw(tag) or b"") if tag is not None else {}
    count, normal, step = _whole(header.get(_COUNT)), _vector(header.get(_NORMAL)), file.tag(_BETWEEN_SLICES)
    plane = planes_of(file)[0]
    if count == 1:
        return None
    side = math.isqrt(count - 1) + 1 if count else 1
    start = _first_position(file, plane, side)
    known = count and isinstance(step, (int, float)) and math.isfinite(step) and step > 0
    if not known or normal is None or start is None or file.rows % side or file.columns % side:
        raise VolumeError(
            "A Siemens mosaic cannot be taken apart: NumberOfImagesInMosaic or SliceNormalVector of its CSA header, or "
            "its plane, is missing",
            code="not_a_volume",
        )
    moved = [[start[i] + k * step * normal[i] for i in range(3)] for k in range(count)]
    return Mosaic("Siemens", side, side, tuple(plane._replace(position=(x, y, z)) for x, y, z in moved))


def _of_united_imaging(file: DicomFile) -> Mosaic:
    """MR VFrame Sequence (0065,xx51) has an item for each tile."""
    tag = private_tag(file, 0x0065, "Image Private Header", 0x51)
    items = file.items(tag) if tag is not None else []
    plane = planes_of(file)[0]
    count = len(items)
    across = math.isqrt(count - 1) + 1 if count else 1
    down = -(-count // across)
    fits = 0 < count <= _MOST_SLICES and file.rows % down == file.columns % across == 0
    planes = [plane._replace(position=vector_of(item.tag(_POSITION))) for item in items] if fits else []
    if not planes or any(one.position is None for one in planes):
        raise VolumeError(
            "A mosaic of United Imaging (VFRAME) cannot be taken apart: its private sequence of positions is missing",
            code="not_a_volume",
        )
    return Mosaic("United Imaging", across, down, tuple(planes))


def _first_position(file: DicomFile, plane: Plane, side: int) -> Vector | None:
    if plane.position is None or plane.orientation is None or plane.spacing is None:
        return None
    down = (file.rows - file.rows // side) / 2 * plane.spacing[0]
    across = (file.columns - file.columns // side) / 2 * plane.spacing[1]
    x, y, z = (plane.position[i] + plane.orientation[i] * across + plane.orientation[3 + i] * down for i in range(3))
    return (x, y, z)


def _whole(values: list[str] | None) -> int:
    """The number of slices; 0 for none that can be meant."""
    text = values[0] if values else ""
    return int(text) if text.isdecimal() and len(text) <= 4 and 0 < int(text) <= _MOST_SLICES else 0


def _vector(values: list[str] | None) -> Vector | None:
    try:
        x, y, z = (float(text) for text in (values or [])[:3])
    except ValueError:
        return None
    return (x, y, z) if abs(x * x + y * y + z * z - 1) < 0.01 else None


def read_csa(header: bytes) -> dict[str, list[str]]:
    """The elements of a CSA header, as texts; as many as are whole.

        "SV10" 4 bytes  n  77   elements                the second form; the first begins with n
        element         name[64]  VM  VR[4]  type  items  77   then its items
        item            length[4 numbers]  value, padded to 4 bytes

    The second form has the length of a value as the second number; the first form has it as the first number, more by
    the count of items of the header's first element.
    """
    second = header[:4] == b"SV10"
    at = 8 if second else 0
    found: dict[str, list[str]] = {}
    try:
        (count,) = struct.unpack_from("<I", header, at)
        at += 8
        surplus = None
        for _ in range(min(count, _MOST_ELEMENTS)):
            name, _, _, _, items, _ = struct.unpack_from("<64si4siii", header, at)
            at += 84
            surplus = items if surplus is None else surplus
            values = []
            for _ in range(min(items, _MOST_VALUES)):
                lengths = struct.unpack_from("<4i", header, at)
                length = lengths[1] if second else lengths[0] - surplus
                at += 16
                if not 0 <= length <= len(header) - at:
                    return found
                values.append(header[at : at + length].split(b"\0")[0].decode("latin-1").strip())
                at += -(-length // 4) * 4
            found[name.split(b"\0")[0].decode("latin-1")] = [value for value in values if value]
    except struct.error:  # the header is cut
        pass
    return found
