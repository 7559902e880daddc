"""`DicomImage.spacing` and what it is measured at (PS3.3 10.7.1)."""

from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file

import dicomdecode as dd
from tests import synthesise as s

PIXELS = np.zeros((2, 4, 5), np.uint8)
PIXEL: s.Element = (0x00280030, "DS", ["0.5", "0.25"])
IMAGER: s.Element = (0x00181164, "DS", ["0.2", "0.1"])
NOMINAL: s.Element = (0x00182010, "DS", ["0.3", "0.4"])
PLANE: s.Element = (0x30020011, "DS", ["0.6", "0.7"])


def region(dx: float, dy: float, *, units: int = 3, form: int = 1) -> list[s.Element]:
    return [
        (0x00186012, "US", form),
        (0x00186024, "US", units),
        (0x00186026, "US", units),
        (0x0018602C, "FD", dx),
        (0x0018602E, "FD", dy),
    ]


def groups(tag: int, *pairs: tuple[str, str], sequence: int = 0x00289110, value: int = 0x00280030) -> s.Element:
    return (tag, "SQ", [[(sequence, "SQ", [[(value, "DS", list(pair))]])] for pair in pairs])


SLIDE: list[s.Element] = [(0x00480001, "FL", 20.0), (0x00480002, "FL", 10.0)]
SLIDE += [(0x00480006, "UL", 40000), (0x00480007, "UL", 10000)]
SHARED, PER_FRAME = 0x52009229, 0x52009230
CASES: dict[str, tuple[list[s.Element], Any, str | None]] = {
    "none": ([], None, None),
    "pixel": ([PIXEL], (0.5, 0.25), "pixel"),
    "imager": ([IMAGER], (0.2, 0.1), "imager"),
    "nominal": ([NOMINAL], (0.3, 0.4), "nominal"),
    "plane": ([PLANE], (0.6, 0.7), "imager"),
    "calibrated": ([IMAGER, PIXEL], (0.5, 0.25), "pixel"),
    "not calibrated": ([IMAGER, (0x00280030, "DS", ["0.20", "1e-1"])], (0.2, 0.1), "imager"),
    "imager and nominal": ([IMAGER, NOMINAL], (0.2, 0.1), "imager"),
    "shared": ([groups(SHARED, ("2", "3"))], (2.0, 3.0), "pixel"),
    "per frame": ([groups(SHARED, ("2", "3")), groups(PER_FRAME, ("4", "5"), ("6", "7"))], (4.0, 5.0), "pixel"),
    "groups win": ([PIXEL, groups(SHARED, ("2", "3"))], (2.0, 3.0), "pixel"),
    "groups of something else": ([PIXEL, (SHARED, "SQ", [[]])], (0.5, 0.25), "pixel"),
    "imager in groups": (
        [groups(SHARED, ("2", "3"), sequence=0x00289443, value=0x00181164)],
        (2.0, 3.0),
        "imager",
    ),
    "slide": (SLIDE, (0.001, 0.0005), "slide"),
    "region": ([(0x00186011, "SQ", [region(0.05, -0.04)])], (0.4, 0.5), "region"),
    "two regions": ([(0x00186011, "SQ", [region(0.05, 0.04), region(0.05, 0.04)])], (0.4, 0.5), "region"),
    "regions that differ": ([(0x00186011, "SQ", [region(0.05, 0.04), region(0.01, 0.04)])], None, None),
    "a region of time": ([(0x00186011, "SQ", [region(1, 1, units=4), region(0.05, 0.04)])], (0.4, 0.5), "region"),
    "a spectrum": ([(0x00186011, "SQ", [region(1, 1, form=3)])], None, None),
    "one number": ([(0x00280030, "DS", "0.5"), IMAGER], (0.2, 0.1), "imager"),
    "a text": ([(0x00280030, "DS", ["wide", "0.5"])], None, None),
    "zero": ([(0x00280030, "DS", ["0", "0"])], None, None),
    "negative": ([(0x00280030, "DS", ["-1", "1"])], None, None),
    "not finite": ([(0x00280030, "DS", ["inf", "nan"])], None, None),
}


@pytest.mark.parametrize("extra, spacing, measured", CASES.values(), ids=list(CASES))
@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.IMPLICIT_LE, s.EXPLICIT_BE])
def test_spacing(extra: list[s.Element], spacing: Any, measured: str | None, syntax: str) -> None:
    image = dd.open(s.image(PIXELS, syntax=syntax, extra=extra))
    if spacing is None:
        assert image.spacing is None
    else:
        assert image.spacing == pytest.approx(spacing, rel=1e-6)
    assert image.spacing_of == measured


@pytest.mark.parametrize("name", ["one number", "a text", "zero", "negative", "not finite"])
def test_a_spacing_that_is_none_is_an_issue(name: str) -> None:
    image = dd.open(s.image(PIXELS, extra=CASES[name][0]))
    assert [(issue.code, issue.tag) for issue in image.issues] == [("spacing", 0x00280030)]


@pytest.mark.parametrize(
    "name, spacing, measured",
    [
        ("CT_small.dcm", (0.661468, 0.661468), "pixel"),
        ("examples_palette.dcm", (0.262288, 0.262288), "region"),
        ("examples_ybr_color.dcm", (0.510497, 0.510497), "region"),
        ("examples_rgb_color.dcm", None, None),
    ],
)
def test_files_of_pydicom(name: str, spacing: Any, measured: str | None) -> None:
    image = dd.open(get_testdata_file(name))
    assert image.spacing == (None if spacing is None else pytest.approx(spacing, abs=1e-6))
    assert image.spacing_of == measured


def test_a_damaged_sequence() -> None:
    damaged = s.header(0x00186011, "SQ", 8, s.LITTLE) + b"\xff" * 8
    image = dd.open(s.image(PIXELS, extra=[damaged]))
    assert image.spacing is None and image.spacing_of is None
