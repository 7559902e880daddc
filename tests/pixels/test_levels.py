"""Modality, VOI and display levels against plain float64 NumPy (PS3.3 C.11, C.7.6.3)."""

from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import rules
from tests import synthesise as s

RNG = np.random.default_rng(0)
TWELVE = RNG.integers(0, 4096, (9, 11), np.uint16)
SIGNED = RNG.integers(-2048, 2048, (9, 11), np.int16)
FUNCTIONS = ["LINEAR", "LINEAR_EXACT", "SIGMOID"]


def rescale(slope: object, intercept: object) -> list[s.Element]:
    return [(0x00281052, "DS", str(intercept)), (0x00281053, "DS", str(slope))]


def windowed(centers: Any, widths: Any, function: str | None = None) -> list[s.Element]:
    found: list[s.Element] = [(0x00281050, "DS", centers), (0x00281051, "DS", widths)]
    return found + ([(0x00281056, "CS", function)] if function else [])


def close(found: np.ndarray, want: np.ndarray) -> None:
    assert found.shape == want.shape
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, want, rtol=1e-6, atol=1e-6 * max(1.0, np.abs(want).max() if want.size else 1))
    else:
        assert np.abs(found.astype(np.float64) - want).max() <= 1  # where the reference lies half way
        assert (found == np.rint(want)).mean() > 0.98


@pytest.mark.parametrize(
    ("slope", "intercept"), [(1, -1024), (2.5, 0.125), (-1, 100), ("1e-3", "0"), (0.0009765625, -7), (0, 5)]
)
@pytest.mark.parametrize("pixels", [TWELVE, SIGNED], ids=["unsigned", "signed"])
def test_rescale(pixels: np.ndarray, slope: Any, intercept: Any) -> None:
    contents = s.image(pixels, bits_stored=12, extra=rescale(slope, intercept))
    want = pixels.astype(np.float64) * float(slope) + float(intercept)
    found = dd.imread(contents)
    assert found.dtype == np.float32
    close(found, want)
    np.testing.assert_array_equal(dd.imread(contents, dtype=np.float64), want)
    for dtype in (np.int16, np.uint8, np.int32, np.float16):
        got = dd.imread(contents, dtype=dtype)
        if np.dtype(dtype).kind == "i" or dtype is np.uint8:
            np.testing.assert_array_equal(got, rules.preserved(want, dtype))
        else:
            np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(dd.imread(contents, values="stored"), pixels)


def test_rescale_halves_to_even() -> None:
    pixels = np.arange(-20, 20, dtype=np.int16).reshape(4, 10)
    for dtype in (np.int8, np.uint8, np.int16, np.uint32, np.int64):
        found = dd.imread(s.image(pixels, extra=rescale(0.5, 0)), dtype=dtype)
        np.testing.assert_array_equal(found, rules.preserved(pixels * 0.5, dtype))


def test_float64_arithmetic() -> None:
    """float32 coefficients round thousands of 16-bit values wrongly."""
    pixels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    contents = s.image(pixels, extra=rescale("0.0123456789", "-123.456789"))
    want = (pixels * 0.0123456789 - 123.456789).astype(np.float32)
    found = dd.imread(contents)
    assert (found != want).mean() < 0.001
    np.testing.assert_allclose(found, want, rtol=2e-7, atol=1e-9)


def test_only_one_of_slope_and_intercept() -> None:
    close(dd.imread(s.image(TWELVE, extra=[(0x00281053, "DS", "2")])), TWELVE * 2.0)
    close(dd.imread(s.image(TWELVE, extra=[(0x00281052, "DS", "-5")])), TWELVE - 5.0)
    close(dd.imread(s.image(TWELVE)), TWELVE * 1.0)


def test_modality_range_decides_auto() -> None:
    contents = s.image(SIGNED, bits_stored=12, extra=rescale(-2, 10))
    want = (SIGNED * -2.0 + 10 - (2047 * -2 + 10)) / (4095 * 2)
    close(dd.imread(contents, dtype=np.float64, scale="auto"), want)
    close(dd.imread(contents, dtype=np.uint8, scale="auto"), want * 255)
    close(dd.imread(contents, dtype=np.int16, scale="auto"), want * 65535 - 32768)
    flat = dd.imread(s.image(SIGNED, extra=rescale(0, 7)), dtype=np.uint8, scale="auto")
    assert not flat.any()


def test_dose_grid_scaling() -> None:
    """The slope of RT Dose when there is no Rescale Slope."""
    extra: list[s.Element] = [(0x3004000E, "DS", "0.001")]
    close(dd.imread(s.image(TWELVE, extra=extra)), TWELVE * 0.001)
    close(dd.imread(s.image(TWELVE, extra=[*rescale(2, 0), *extra])), TWELVE * 2.0)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("center", "width"), [(2048, 4096), (40, 400), (-500.5, 1500.25), (100, 2), (0, 1e6)])
def test_given_window(function: str, center: float, width: float) -> None:
    contents = s.image(SIGNED, bits_stored=12, extra=rescale(1.5, -24))
    want = rules.window(SIGNED * 1.5 - 24, center, width, function)
    found = dd.imread(contents, values="voi", window=(center, width, function))
    assert found.dtype == np.float32
    close(found, want)
    close(dd.imread(contents, values="voi", window=(center, width, function), dtype=np.float64), want)
    display = dd.imread(contents, values="display", window=(center, width, function))
    assert display.dtype == np.uint8
    close(display, want * 255)
    close(dd.imread(contents, values="display", window=(center, width, function), dtype=np.uint16), want * 65535)
    if function == "LINEAR":
        close(dd.imread(contents, values="voi", window=(center, width)), want)


@pytest.mark.parametrize("function", [None, *FUNCTIONS])
def test_stored_windows(function: str | None) -> None:
    """The first of several, or one by its index."""
    extra = [*windowed(["40", "300.5"], ["400", "1500"], function), *rescale(1, -1024)]
    contents = s.image(TWELVE, extra=extra)
    values = TWELVE - 1024.0
    close(dd.imread(contents, values="voi"), rules.window(values, 40, 400, function or "LINEAR"))
    close(dd.imread(contents, values="voi", window=0), rules.window(values, 40, 400, function or "LINEAR"))
    close(dd.imread(contents, values="voi", window=1), rules.window(values, 300.5, 1500, function or "LINEAR"))
    for bad in (2, -3):
        with pytest.raises(ValueError):
            dd.imread(contents, values="voi", window=bad)


def test_width_of_one() -> None:
    """LINEAR with width 1 is a step (PS3.3 C.11.2.1.2.1)."""
    found = dd.imread(s.image(TWELVE), values="voi", window=(2000, 1))
    np.testing.assert_array_equal(found, np.where(TWELVE <= 1999.5, 0.0, 1.0))


@pytest.mark.parametrize(
    "bad", [(1, 0), (1, 0.5), (1, -5), (1, 0, "SIGMOID"), (1, 2, "CUBIC"), (1,), 1.5, True, (1, float("nan"))]
)
def test_a_wrong_window(bad: Any) -> None:
    for on_level in ("voi", "display"):
        with pytest.raises((ValueError, TypeError)) as caught:
            dd.imread(s.image(TWELVE), values=on_level, window=bad)
        assert not isinstance(caught.value, dd.DicomError)


def test_no_window_in_the_file() -> None:
    """The possible range, from the header and not from the pixels, onto [0, 1]."""
    close(dd.imread(s.image(TWELVE, bits_stored=12), values="voi"), TWELVE / 4095)
    close(dd.imread(s.image(SIGNED, bits_stored=12, extra=rescale(2, 7)), values="voi"), (SIGNED + 2048) / 4095)
    close(dd.imread(s.image(SIGNED, bits_stored=12, extra=rescale(-2, 7)), values="voi"), (2047.0 - SIGNED) / 4095)
    close(dd.imread(s.image(TWELVE, bits_stored=12), values="display"), TWELVE / 4095 * 255)


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("shape", [None, "IDENTITY", "INVERSE"])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_inversion_once(photometric: str, shape: str | None, function: str) -> None:
    """Only in "display", after VOI: shape == INVERSE, or MONOCHROME1 and shape != IDENTITY."""
    extra = windowed("2000", "1000", function) + ([(0x20500020, "CS", shape)] if shape else [])
    contents = s.image(TWELVE, photometric=photometric, extra=extra)
    want = rules.window(TWELVE, 2000, 1000, function)
    close(dd.imread(contents, values="voi"), want)
    np.testing.assert_array_equal(dd.imread(contents, values="modality"), TWELVE)
    inverse = shape == "INVERSE" or (photometric == "MONOCHROME1" and shape != "IDENTITY")
    close(dd.imread(contents, values="display", dtype=np.float32), 1 - want if inverse else want)
    close(dd.imread(contents, values="display"), (1 - want if inverse else want) * 255)


@pytest.mark.parametrize("scale", ["preserve", "auto"])
@pytest.mark.parametrize("level", ["voi", "display"])
def test_voi_stretches_over_integers(scale: str, level: str) -> None:
    """[0, 1] over [0, max], whatever `scale` says; floats keep [0, 1]."""
    contents = s.image(TWELVE, bits_stored=12)
    for dtype in (np.uint8, np.int8, np.uint16, np.int16, np.uint32):
        close(dd.imread(contents, values=level, scale=scale, dtype=dtype), TWELVE / 4095 * np.iinfo(dtype).max)
    for dtype in (np.float32, np.float64):
        close(dd.imread(contents, values=level, scale=scale, dtype=dtype), TWELVE / 4095)
    found = dd.decode_dicom_image(contents, values=level, scale=scale, dtype=np.uint8, on_error="strict")
    close(found, TWELVE / 4095 * 255)


def test_colour_levels() -> None:
    rgb = RNG.integers(0, 256, (5, 7, 3), np.uint8)
    contents = s.image(rgb, photometric="RGB", extra=[*windowed("40", "400"), *rescale(2, 3)])
    for level in ("stored", "modality"):
        found = dd.imread(contents, values=level)
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, rgb)
    close(dd.imread(contents, values="voi"), rgb / 255)
    np.testing.assert_array_equal(dd.imread(contents, values="display"), rgb)
    deep = RNG.integers(0, 4096, (5, 7, 3), np.uint16)
    close(dd.imread(s.image(deep, photometric="RGB", bits_stored=12), values="display"), deep / 4095 * 255)


def test_padding() -> None:
    """After the modality stage, in output units; a range; NaN; a fill before VOI; and of stored values."""
    pixels = SIGNED.copy()
    pixels[2:4] = -2000
    pixels[5] = -1990
    extra = [(0x00280120, "SS", -2000), *rescale(2, 100)]
    contents = s.image(pixels, extra=extra)
    values = pixels * 2.0 + 100
    np.testing.assert_array_equal(dd.imread(contents), values)
    found = dd.imread(contents, padding=-1)
    np.testing.assert_array_equal(found, np.where(pixels == -2000, -1, values))
    found = dd.imread(contents, padding=np.nan)
    np.testing.assert_array_equal(np.isnan(found), pixels == -2000)
    ranged = s.image(pixels, extra=[*extra, (0x00280121, "SS", -1990)])
    inside = (pixels >= -2000) & (pixels <= -1990)
    np.testing.assert_array_equal(dd.imread(ranged, padding=5.0), np.where(inside, 5, values))
    display = dd.imread(ranged, values="voi", window=(0, 1000), padding=-3000)
    close(display, rules.window(np.where(inside, -3000, values), 0, 1000))
    np.testing.assert_array_equal(dd.imread(s.image(SIGNED), padding=9), SIGNED)
    stored = dd.imread(ranged, values="stored", padding=7)
    np.testing.assert_array_equal(stored, np.where(inside, 7, pixels), strict=True)


def test_float_pixels() -> None:
    pixels = RNG.normal(size=(5, 7)).astype(np.float32)
    np.testing.assert_array_equal(dd.imread(s.image(pixels)), pixels)
    close(dd.imread(s.image(pixels), values="voi", window=(0, 3)), rules.window(pixels, 0, 3))
    with pytest.raises(ValueError):
        dd.imread(s.image(pixels), values="display")


def test_frames_and_paths_give_the_same(tmp_path: Any) -> None:
    """The direct path, the codec path and a chosen frame agree."""
    pixels = RNG.integers(-2048, 2048, (4, 9, 11), np.int16)
    extra = [*rescale(1.5, -10), *windowed("40", "400")]
    options: list[dict[str, Any]] = [{"values": v} for v in ("stored", "modality", "voi", "display")]
    options += [{"dtype": d, "scale": x} for d in ("u1", "i2", "f2", "f4", "f8", "u8") for x in ("preserve", "auto")]
    for option in options:
        want = dd.imread(s.image(pixels, bits_stored=12, extra=extra), **option)
        for syntax in (s.EXPLICIT_BE, s.RLE, s.DEFLATED_FRAME, s.IMPLICIT_LE):
            contents = s.image(pixels, bits_stored=12, high_bit=14, stray=3, syntax=syntax, extra=extra)
            path = tmp_path / "a.dcm"
            path.write_bytes(contents)
            for source in (contents, path):
                np.testing.assert_array_equal(dd.imread(source, **option), want, err_msg=f"{option} {syntax}")
                np.testing.assert_array_equal(dd.imread(source, frames=2, **option), want[2])


def test_steps_tell_the_numbers() -> None:
    image = dd.open(s.image(TWELVE, extra=[*rescale(2.5, -7), *windowed("40", "400")]))
    text = " ".join(str(step) for step in image.steps)
    assert "2.5" in text and "7" in text


@pytest.mark.parametrize("junk", ["abc", "1,5", "", " ", "1e999", "nan", "--1", "0x10"])
def test_a_slope_that_is_no_number(junk: str) -> None:
    """A tolerant reading or a DicomError, and never NaN out of nowhere."""
    contents = s.image(TWELVE, extra=[(0x00281052, "DS", "0"), (0x00281053, "DS", junk)])
    try:
        found = dd.imread(contents)
    except dd.DicomError as error:
        assert error.tag in (0x00281052, 0x00281053)
    else:
        assert np.isfinite(found).all()
    np.testing.assert_array_equal(dd.imread(contents, values="stored"), TWELVE)
