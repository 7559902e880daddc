"""The data dictionary inside tensorflow-io 0.37.1: which VR elements have in Implicit VR.

It is that of DICOM 2021a. Attributes that came later, and all private ones, are unknown to it.
"""

from __future__ import annotations

import bisect
import functools
from typing import TYPE_CHECKING

from dicomdecode.tags import vr_of
from dicomdecode.tfio_compat.pixels import PIXEL_DATA, number

if TYPE_CHECKING:
    from dicomdecode.reading._reading import DataSet

__all__ = ["implicit_vr"]


_PIXEL_REPRESENTATION = 0x00280103
_WAVEFORM_BITS_ALLOCATED = 0x54001004
#: "US or SS" that follow Pixel Representation; others are US, palette descriptors too.
_SIGNED_BY_PIXELS = frozenset(
    {
        *range(0x00280106, 0x0028010A),
        0x00280120,
        0x00280121,
        0x00283002,
        0x00189810,
        0x00409211,
        0x00409216,
        0x00603004,
        0x00603006,
    }
)
#: Attributes of PS3.6 that it does not know, a range or a tag each, in ascending order.
_UNKNOWN = """
    00080017 00080019 0008001C 00080400-0008041A 0008041D-00080429 00081088 00081112 0008119B 00102161
    00120022-00120023 00120032 00120041 00120043 00120054-00120055 00120073 00140200-00140207 00143100-00143101
    00180061 00181203-00181205 00189821-00189836 00200027 0022000F 00283001 00321065 003A0317-003A032E
    00480114-00480117 00660022 006A0001-006A0011 00700315 04000315 10000001-1010FFFF 30020100-30020135
    3006002D-3006002E 3006004B-3006004F 300800A1-300800A4 300800D1 300A0054 300A02A1 300A068B 300A0782
    300A0784-300A07A1 300C0114-300C0129 301000A0 7FE00003
"""


@functools.cache
def _unknown() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """First and last tag of each range."""
    pairs = [part.partition("-") for part in _UNKNOWN.split()]
    return tuple(int(first, 16) for first, _, _ in pairs), tuple(int(last or first, 16) for first, _, last in pairs)


def implicit_vr(data: DataSet, tag: int) -> str:
    """The VR that an element of a data set in Implicit VR gets."""
    element = tag & 0xFFFF
    if element == 0:
        return "UL"
    if tag >> 16 & 1:
        return "LO" if 0x10 <= element <= 0xFF else "UN"
    first, last = _unknown()
    i = bisect.bisect_right(first, tag) - 1
    if i >= 0 and tag <= last[i]:
        return "UN"
    vr = vr_of(tag)
    if len(vr) == 2:
        return vr
    if vr == "US or SS":
        return "SS" if tag in _SIGNED_BY_PIXELS and number(data, _PIXEL_REPRESENTATION) == 1 else "US"
    if vr.startswith("US"):
        return "OW"  # data of lookup tables
    if tag == PIXEL_DATA or (tag >> 24 == 0x60 and element == 0x3000):
        return "OW"
    if tag >> 16 == 0x5400 and number(data, _WAVEFORM_BITS_ALLOCATED) not in (None, 8):
        return "OW"
    return "OB"
