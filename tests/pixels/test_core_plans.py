"""The plans that the core makes are those that `planning.py` and `transform.py` would make."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from dicomdecode.limits import default_limits
from dicomdecode.pixels import PixelData, Request, planning
from dicomdecode.pixels._core import Frames
from dicomdecode.reading import DicomFile, MemorySource
from tests import synthesise as s

RESCALES: list[list[s.Element]] = [
    [],
    [(0x00281052, "DS", "-1024"), (0x00281053, "DS", "1")],
    [(0x00281052, "DS", "0.3"), (0x00281053, "DS", "-2.7")],
    [(0x00281053, "DS", "0")],
]
WINDOWS: list[list[s.Element]] = [
    [],
    [(0x00281050, "DS", "40"), (0x00281051, "DS", "400")],
    [(0x00281050, "DS", "40\\7.5"), (0x00281051, "DS", "0\\33.3")],
    [(0x00281050, "DS", "-3.1"), (0x00281051, "DS", "0.7"), (0x00281056, "CS", "LINEAR_EXACT")],
    [(0x00281050, "DS", "x"), (0x00281051, "DS", "400")],
]
SHOWN: list[dict[str, Any]] = [
    {},
    {"photometric": "MONOCHROME1"},
    {"photometric": "MONOCHROME1", "extra": [(0x20500020, "CS", "IDENTITY")]},
    {"extra": [(0x20500020, "CS", "INVERSE")]},
]


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [1, 7, 8, 12, 16, 20])
def test_levels(bits: int, signed: bool) -> None:
    """For every cell, or many of 32 bits, the same results."""
    size = 8 if bits <= 8 else 16 if bits <= 16 else 32
    pixels = np.zeros((2, 2), f"{'i' if signed else 'u'}{size // 8}")
    cells = np.arange(1 << min(size, 16), dtype=np.uint64).astype(f"u{size // 8}")
    if size == 32:
        cells = np.concatenate([cells, np.random.default_rng(1).integers(0, 1 << 32, 1 << 14, np.uint32)])
    made = 0
    for rescale, window, shown in itertools.product(RESCALES, WINDOWS, SHOWN):
        options = {**shown, "extra": [*rescale, *window, *shown.get("extra", [])]}
        contents = s.image(pixels, bits_stored=bits, signed=signed, **options)
        for values, dtype, given in itertools.product(("voi", "display"), ("u1", "i2", "f4"), (None, (30, 50.5))):
            made += assert_same_plan(contents, cells, Request(values=values, dtype=dtype, window=given))
    assert made > 500


def assert_same_plan(contents: bytes, cells: np.ndarray, request: Request) -> bool:
    """Whether the core makes the plan."""
    frames = Frames(PixelData(DicomFile(MemorySource(contents), default_limits())), request)
    found = frames.integer_plan(request)
    if found is None:
        return False
    planner = planning._planner_for(frames, request)
    expected = planner.plan(0, planner.key(0))
    one, other = np.empty(cells.shape, planner.dtype), np.empty(cells.shape, planner.dtype)
    found[0].apply(cells.view(frames.cell), one, frames.left, frames.right)
    expected.apply(cells.view(frames.cell), other, frames.left, frames.right)
    assert one.tobytes() == other.tobytes(), (request.values, request.dtype, request.window)
    return True


@pytest.mark.parametrize("values", ["voi", "display"])
def test_colour(values: str) -> None:
    contents = s.image(np.zeros((2, 2, 3), np.uint16), photometric="RGB", bits_stored=12)
    for dtype in ("u1", "u2", "f4"):
        assert assert_same_plan(contents, np.arange(1 << 16, dtype=np.uint16), Request(values=values, dtype=dtype))


def test_what_is_for_python() -> None:
    pixels = np.zeros((2, 2), np.uint16)
    lut: s.Element = (0x00283010, "SQ", [[(0x00283002, "US", [4, 0, 16]), (0x00283006, "US", [5, 7, 9, 11])]])
    presentation: s.Element = (0x20500010, "SQ", [[(0x00283002, "US", [4, 0, 16]), (0x00283006, "US", [5, 7, 9, 11])]])
    cells = np.zeros(1, np.uint16)
    for extra, window in (([lut], None), ([presentation], None), ([presentation], (3, 4)), ([], (3, 1)), ([lut], 0)):
        assert not assert_same_plan(s.image(pixels, extra=extra), cells, Request(values="display", window=window))
    assert assert_same_plan(s.image(pixels, extra=[lut]), cells, Request(values="display", window=(3, 4)))
    assert assert_same_plan(s.image(pixels, extra=[presentation]), cells, Request(values="voi"))
