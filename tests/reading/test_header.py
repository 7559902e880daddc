"""What is read of the image attributes when a writer was careless."""

from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def stored(contents: bytes) -> np.ndarray:
    return dd.imread(contents, values="stored")


@pytest.mark.parametrize(("vr", "value"), [("UL", [3]), ("IS", "3"), ("SS", [3]), ("US", [3, 9]), ("DS", "3.0")])
def test_rows_in_another_vr(vr: str, value: Any) -> None:
    np.testing.assert_array_equal(stored(s.image(PIXELS, extra=[(0x00280010, vr, value)])), PIXELS)


@pytest.mark.parametrize("text", ["MONOCHROME2", " MONOCHROME2 ", "monochrome2", "MONOCHROME2\0"])
def test_photometric_as_written(text: str) -> None:
    contents = s.image(PIXELS, extra=[(0x00280004, "CS", text.encode())])
    np.testing.assert_array_equal(stored(contents), PIXELS)
    assert dd.open(contents).photometric == "MONOCHROME2"


def test_photometric_missing_or_unknown() -> None:
    np.testing.assert_array_equal(stored(s.image(PIXELS, without=[0x00280004])), PIXELS)
    np.testing.assert_array_equal(stored(s.image(PIXELS, extra=[(0x00280004, "CS", "")])), PIXELS)


def test_planar_configuration_does_not_count_for_one_sample() -> None:
    np.testing.assert_array_equal(stored(s.image(PIXELS, extra=[(0x00280006, "US", 1)])), PIXELS)


@pytest.mark.parametrize("number", [0, 20, 65535])
def test_high_bit_that_can_not_be(number: int) -> None:
    """Then the usual place is meant."""
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4) * 300
    contents = s.image(pixels, bits_stored=12, extra=[(0x00280102, "US", number)])
    np.testing.assert_array_equal(stored(contents), pixels)


def test_bits_stored_missing() -> None:
    np.testing.assert_array_equal(stored(s.image(PIXELS, without=[0x00280101, 0x00280102])), PIXELS)


@pytest.mark.parametrize("number", ["0", "", " ", "-1", "x", "1.5e0", "01"])
def test_number_of_frames_that_is_none(number: str) -> None:
    """What is no count means one frame."""
    contents = s.image(PIXELS, extra=[(0x00280008, "IS", number)])
    np.testing.assert_array_equal(stored(contents), PIXELS)


def test_attributes_in_nested_items_do_not_count() -> None:
    """Rows of an icon image are not those of the image."""
    icon = [(0x00280010, "US", 1), (0x00280011, "US", 1), (0x00280100, "US", 8), (0x7FE00010, "OB", b"\1\2")]
    for encoding in (s.Encoding(), s.Encoding(undefined_sequences=True, undefined_items=True)):
        contents = s.image(PIXELS, extra=[(0x00880200, "SQ", [icon])], encoding=encoding)
        np.testing.assert_array_equal(stored(contents), PIXELS)
        assert dd.decode_dicom_data(contents, ["[0088,0200][0][Rows]"]).tolist() == ["1"]


def test_attributes_by_duplicates() -> None:
    head = s.image(PIXELS, extra=[s.element(0x00280010, "US", 99)])
    np.testing.assert_array_equal(stored(head), PIXELS)


def test_padding_value_in_any_vr() -> None:
    signed = PIXELS.astype(np.int16) - 6
    for vr, value in (("SS", -6), ("US", 65530)):
        found = dd.imread(s.image(signed, extra=[(0x00280120, vr, value)]), padding=100)
        assert found[0, 0] == 100 and found[0, 1] == -5


@pytest.mark.parametrize("text", ["40", "40\\300", " 40.0 ", "4e1", "+40", "040"])
def test_decimal_strings(text: str) -> None:
    contents = s.image(PIXELS, extra=[(0x00281050, "DS", text), (0x00281051, "DS", "10")])
    assert dd.open(contents).window[:2] == (40.0, 10.0)


def test_decimal_strings_are_rounded_as_by_python() -> None:
    rng = np.random.default_rng(0)
    texts = [
        f"{x:.{int(n)}g}"
        for x, n in zip(
            rng.normal(size=300) * 10.0 ** rng.integers(-20, 20, 300), rng.integers(1, 17, 300), strict=True
        )
    ]
    texts += ["0.1", "1e-310", "123456789.123456789", "9007199254740993", "1E5", ".5", "5.", "-0"]
    for text in texts:
        window = [(0x00281050, "DS", text), (0x00281051, "DS", "9")]
        found = dd.open(s.image(PIXELS, extra=window))
        assert found.window[:2] == (float(text), 9), text
        assert found.tag(0x00281050) == float(text)
