"""``window="auto"``: robust percentiles of the modality values."""

from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.pictures.frames import picture_of
from dicomdecode.pixels import auto_window
from tests import synthesise as s
from tests.pixels.test_levels import rescale, windowed

RNG = np.random.default_rng(11)
#: A ramp whose percentiles 0.5 and 99.5 are 50 and 9950: the values 0 to 9999, each once.
RAMP = RNG.permutation(10_000).astype(np.uint16).reshape(100, 100)


def window_of(contents: bytes) -> tuple[float, float]:
    """The ends of the window that is named in the steps."""
    steps = dd.open(contents).steps_of(values="display", window="auto")
    assert any(step.startswith("window auto: ") for step in steps)
    step = next(step for step in steps if step.startswith("window LINEAR_EXACT: "))
    center, width = (float(part.split(" ")[1]) for part in step.removeprefix("window LINEAR_EXACT: ").split(", "))
    return center - width / 2, center + width / 2


def shown(contents: Any, **options: Any) -> np.ndarray:
    return dd.imread(contents, values="display", window="auto", **options)


def test_percentiles_of_the_modality_values() -> None:
    contents = s.image(RAMP, extra=[*rescale(2, -1000), *windowed("5", "10")])
    assert window_of(contents) == (2 * 49 - 1000, 2 * 9949 - 1000)
    found = shown(contents)
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[RAMP <= 49], 0)
    np.testing.assert_array_equal(found[RAMP >= 9949], 255)
    expected = np.rint((np.clip(RAMP, 49, 9949).astype(float) - 49) / 9900 * 255)
    assert np.abs(found - expected).max() <= 1
    np.testing.assert_allclose(
        dd.imread(contents, values="voi", window="auto"), (np.clip(RAMP, 49, 9949) - 49.0) / 9900, atol=1e-6
    )


def test_a_negative_slope_and_monochrome1() -> None:
    contents = s.image(RAMP, extra=rescale(-1, 0), photometric="MONOCHROME1")
    assert window_of(contents) == (-9950, -50)
    np.testing.assert_array_equal(shown(contents), 255 - shown(s.image(RAMP, extra=rescale(-1, 0))))


@pytest.mark.parametrize("value", [-2000, 3000])
def test_padding_does_not_count(value: int) -> None:
    pixels = RNG.integers(0, 1000, (40, 40)).astype(np.int16)
    inside = window_of(s.image(pixels[:20]))
    pixels[20:] = value
    padded = s.image(pixels, extra=[(0x00280120, "SS", value)])
    assert window_of(padded) == inside
    limits = sorted((value - 3, value + 3))
    in_range = s.image(pixels, extra=[(0x00280120, "SS", limits[0]), (0x00280121, "SS", limits[1])])
    assert window_of(in_range) == inside != window_of(s.image(pixels))
    nothing_else = s.image(np.full((4, 4), value, np.int16), extra=[(0x00280120, "SS", value)])
    assert "window auto: all pixels are padding" in dd.open(nothing_else).steps_of(values="voi", window="auto")
    assert shown(nothing_else).shape == (4, 4)


@pytest.mark.parametrize(("dtype", "padding", "vr"), [("<f4", 0x00280122, "FL"), ("<f8", 0x00280123, "FD")])
def test_float_pixel_data(dtype: str, padding: int, vr: str) -> None:
    """They have no possible range: without a window the error says what to do."""
    pixels = (RAMP.astype(dtype) - 5000) / 7
    pixels[0, :3] = [np.nan, np.inf, -np.inf]
    pixels[1:3] = -1e6
    contents = s.image(pixels.astype(dtype), extra=[(padding, vr, -1e6)])
    with pytest.raises(dd.UnsupportedError, match='window="auto"'):
        dd.imread(contents, values="display")
    low, high = window_of(contents)
    assert -712 < low < -700 < 700 < high < 712
    found = shown(contents)
    assert found[0, 1] == 255 and found[0, 2] == 0 and len(np.unique(found)) == 256
    np.testing.assert_array_equal(dd.imread(contents, padding=7)[1:3], 7)


@pytest.mark.parametrize("pixels", [RAMP.astype(np.uint32) * 70_000, RAMP.astype(np.int32) * -70_000], ids=["u4", "i4"])
def test_cells_of_32_bits(pixels: np.ndarray) -> None:
    found = shown(s.image(pixels))
    assert (found.min(), found.max()) == (0, 255) and len(np.unique(found)) == 256


@pytest.mark.parametrize("kind", ["<f4", "<f8", "<i4", "<u4", "<u2"])
def test_as_numpy_has_it(kind: str) -> None:
    """Exactly, of images that are looked at part by part."""
    assert 900 * 700 / auto_window._AT_ONCE > 1
    drawn = np.clip(RNG.standard_normal((2, 900, 700)) / 5, -1, 1) * [[[1.0]], [[1e-3]]]
    pixels = (
        drawn.astype(kind) if kind[1] == "f" else ((drawn + (kind[1] == "u")) * np.iinfo(kind).max / 2).astype(kind)
    )
    expected = np.percentile(pixels.astype(float), auto_window.PERCENTILES, method="inverted_cdf")
    np.testing.assert_allclose(window_of(s.image(pixels)), expected, rtol=1e-6)


def test_nearly_all_background() -> None:
    """Both percentiles are the background: what is not background decides."""
    pixels = np.zeros((100, 100), np.uint16)
    pixels[0, :11] = np.arange(100, 1200, 100)
    assert window_of(s.image(pixels)) == (0, 1100)
    mask = np.zeros((100, 100), np.uint8)
    mask[5, 5] = 1
    np.testing.assert_array_equal(shown(s.image(mask)), mask * 255)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32])
def test_a_constant_image(dtype: Any) -> None:
    contents = s.image(np.full((3, 4), 9, dtype))
    assert "window auto: all pixels are equal" in dd.open(contents).steps_of(values="voi", window="auto")
    np.testing.assert_array_equal(shown(contents), 128)


@pytest.mark.parametrize("frames", [2, 9])
def test_frames_that_are_all_of_one_value(frames: int) -> None:
    contents = s.image(np.full((frames, 4, 4), 3, np.uint16))
    assert shown(contents).shape == (frames, 4, 4)
    assert "window auto: all pixels are equal" in dd.open(contents).steps_of(values="voi", window="auto")


def test_one_window_for_all_frames() -> None:
    pixels = np.stack([RAMP + 1000 * i for i in range(12)])
    contents = s.image(pixels)
    image = dd.open(contents)
    whole = image.pixels(values="display", window="auto")
    np.testing.assert_array_equal(image.pixels(values="display", window="auto", frames=5), whole[5])
    np.testing.assert_array_equal(
        image.pixels(values="display", window="auto", region=(3, 4, 5, 6))[2], whole[2, 3:8, 4:10]
    )
    assert window_of(contents)[1] > 11_000 + 9000


def test_each_frame_by_its_own_rescale() -> None:
    pixel_value = [(0x00289145, "SQ", [rescale(10, 0)])]
    groups = (0x52009230, "SQ", [[(0x00289145, "SQ", [rescale(1, 0)])], pixel_value])
    assert window_of(s.image(np.stack([RAMP, RAMP]), extra=[groups])) == (90, 98_990)


def test_beside_a_supplemental_palette_colour_and_real_world_values() -> None:
    colour = s.image(RNG.integers(0, 256, (4, 4, 3)).astype(np.uint8), photometric="RGB")
    np.testing.assert_array_equal(shown(colour), dd.imread(colour, values="display"))
    with pytest.raises(ValueError, match="no effect"):
        dd.imread(s.image(RAMP), values="real_world", window="auto")
    with pytest.raises(ValueError, match="no effect"):
        dd.imread(s.image(RAMP), window="auto")


@pytest.mark.parametrize(
    ("extra", "window"),
    [
        ([], "auto"),
        (windowed("5000", "10000"), None),
        (windowed("50000", "10"), "auto"),
        (windowed("x", "10"), "auto"),
    ],
)
def test_a_picture_shows_something(extra: list[Any], window: Any) -> None:
    image = dd.open(s.image(RAMP, extra=extra))
    picture = picture_of(image)
    assert picture.window == window and len(np.unique(picture.pixels)) > 200
    np.testing.assert_array_equal(picture.pixels, image.pixels(values="display", window=window))
    assert picture_of(image, window=(50_000, 10)).pixels.max() == 0


def test_the_middle_frame_and_colour() -> None:
    frames = RNG.integers(0, 256, (3, 4, 5, 3)).astype(np.uint8)
    image = dd.open(s.image(frames, photometric="RGB"))
    picture = picture_of(image)
    np.testing.assert_array_equal(picture.pixels, frames[1])
    assert picture.window is None
    with pytest.raises(IndexError):
        picture_of(image, frame=3)
