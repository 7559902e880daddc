"""Any numbers in a header: an array or a DicomError, in silence, at every level, in every dtype."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

#: What breaks arithmetic: the ends of float64, float32 and float16, and of integers; zeros; what is no number.
NUMBERS = [
    "1e308",
    "-1.7e308",
    "1e-308",
    "5e-324",
    "3.5e38",
    "65520",
    "-0",
    "0",
    "1e16",
    "9223372036854775808",
    "1e-40",
]
NO_NUMBERS = ["nan", "inf", "-inf", "1e400", "", "abc", "1\\2"]
DTYPES = ["uint8", "int16", "uint32", "int64", "uint64", "float16", "float32", "float64"]
PIXELS = {
    "u8": np.array([[0, 1, 127, 255]], np.uint8),
    "i16": np.array([[-32768, -1, 0, 32767]], np.int16),
    "u32": np.array([[0, 1, 1 << 31, (1 << 32) - 1]], np.uint32),
    "f32": np.array([[np.nan, np.inf, -np.inf, 3.4e38]], np.float32),
    "signalling NaN": np.array([[0x7F800001, 0xFFA00000, 0x7FC00000, 0]], np.uint32).view(np.float32),
    "f64": np.array([[1e308, -1e308, 5e-324, np.nan]], np.float64),
}


def rescaled() -> Iterator[tuple[str, list[s.Element]]]:
    for slope, intercept in [
        *itertools.product(NUMBERS, ["0", "1e308", "-1e308"]),
        *zip(NUMBERS, NUMBERS, strict=True),
    ]:
        yield f"slope {slope} {intercept}", [(0x00281052, "DS", intercept), (0x00281053, "DS", slope)]
    for text in NO_NUMBERS:
        yield f"slope {text}", [(0x00281053, "DS", text)]
        yield f"intercept {text}", [(0x00281052, "DS", text)]
    for number in NUMBERS:
        yield f"dose {number}", [(0x3004000E, "DS", number)]


def windowed() -> Iterator[tuple[str, list[s.Element]]]:
    for center, width in itertools.product(NUMBERS[:5], [*NUMBERS[2:5], "1", "0"]):
        for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
            window: list[s.Element] = [(0x00281050, "DS", center), (0x00281051, "DS", width)]
            yield f"window {center} {width} {function}", [*window, (0x00281056, "CS", function)]
    for text in NO_NUMBERS:
        yield f"center {text}", [(0x00281050, "DS", text), (0x00281051, "DS", "400")]
        yield f"width {text}", [(0x00281050, "DS", "40"), (0x00281051, "DS", text)]
    both: list[s.Element] = [(0x00281050, "DS", "-1e308"), (0x00281051, "DS", "1e308"), (0x00281052, "DS", "1e308")]
    yield "all large", [*both, (0x00281053, "DS", "1e308")]


def looked_up() -> Iterator[tuple[str, list[s.Element]]]:
    for entries, first, bits in itertools.product((0, 1, 65535), (0, 0x8000, 0xFFFF), (0, 8, 65535)):
        data = np.arange(entries or 65536, dtype=np.uint16)
        lut: list[s.Element] = [(0x00283002, "US", [entries, first, bits]), (0x00283006, "OW", data)]
        for sequence in (0x00283000, 0x00283010, 0x20500010):
            yield f"LUT {sequence:08x} {entries} {first} {bits}", [(sequence, "SQ", [lut])]
    for value in (0, 65535):
        yield f"padding {value}", [(0x00280120, "US", value), (0x00280121, "US", 65535 - value)]


def mapped() -> Iterator[tuple[str, list[s.Element]]]:
    ends = [0, 1, 65535]
    for first, last, slope in itertools.product(ends, ends, [1e308, -1e308, 5e-324, float("nan"), float("inf")]):
        item: list[s.Element] = [(0x00409211, "US", last), (0x00409216, "US", first)]
        item += [(0x00409224, "FD", 1e308), (0x00409225, "FD", slope)]
        yield f"mapping {first} {last} {slope}", [(0x00409096, "SQ", [item])]
    for first, last in itertools.product([1e308, -1e308, float("nan"), 0.5], repeat=2):
        item = [(0x00409213, "FD", last), (0x00409214, "FD", first), (0x00409224, "FD", 0), (0x00409225, "FD", 1)]
        yield f"mapping of doubles {first} {last}", [(0x00409096, "SQ", [item])]
        table: list[s.Element] = [(0x00409212, "FD", [1e308, -1e308, float("nan")])]
        yield f"table of doubles {first} {last}", [(0x00409096, "SQ", [sorted(item[:2] + table, key=lambda e: e[0])])]


KINDS = {"rescale": rescaled, "window": windowed, "LUT": looked_up, "mapping": mapped}
LEVELS = {
    "rescale": ("modality", "voi", "display"),
    "window": ("voi", "display"),
    "LUT": ("modality", "voi", "display"),
    "mapping": ("real_world",),
}


def attempt(contents: bytes, name: str, **keywords: object) -> bool:
    try:
        found = dd.imread(contents, **keywords)  # type: ignore[arg-type]
    except dd.DicomError:
        return False
    assert isinstance(found, np.ndarray), name
    return True


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pixels", PIXELS)
@pytest.mark.slow
def test_numbers(kind: str, pixels: str) -> None:
    """Warnings are errors in these tests."""
    decoded = 0
    for k, (name, extra) in enumerate(KINDS[kind]()):
        contents = s.image(PIXELS[pixels], extra=extra)
        for values in LEVELS[kind]:
            dtype = DTYPES[k % len(DTYPES)]
            decoded += attempt(contents, name, values=values)
            decoded += attempt(contents, name, values=values, dtype=dtype, scale="auto")
            decoded += attempt(contents, name, values=values, dtype=DTYPES[(k + 3) % len(DTYPES)], padding=k % 3 - 1)
        decoded += attempt(contents, name, values="stored", dtype=dtype)
        for values in ("tfio", "stored", LEVELS[kind][-1]):
            unsigned = dtype.replace("int", "uint") if values == "tfio" and dtype.startswith("int") else dtype
            for on_error in ("skip", "lossy"):
                found = dd.decode_dicom_image(contents, values=values, on_error=on_error, dtype=unsigned)
                assert found.dtype == unsigned
        image = dd.open(contents)
        _ = image.window, image.issues, image.spacing
        with contextlib.suppress(dd.DicomError):
            assert isinstance(image.steps, tuple)
    assert decoded > 100


@pytest.mark.parametrize(
    "window", [(1e308, 1e308), (-1e308, 5e-324, "SIGMOID"), (0, 5e-324, "LINEAR_EXACT"), (1e308, 1)]
)
@pytest.mark.parametrize("pixels", PIXELS)
def test_windows_of_the_caller(window: tuple[float, float], pixels: str) -> None:
    extra: list[s.Element] = [(0x00281052, "DS", "-1e308"), (0x00281053, "DS", "1e308")]
    for contents in (s.image(PIXELS[pixels]), s.image(PIXELS[pixels], extra=extra)):
        for values, dtype in itertools.product(("voi", "display"), DTYPES):
            assert dd.imread(contents, values=values, dtype=dtype, window=window).shape == PIXELS[pixels].shape


def test_a_chain_beyond_float64() -> None:
    """What overflows becomes infinite, as in NumPy, and the end of the type in integers."""
    contents = s.image(PIXELS["i16"], extra=[(0x00281053, "DS", "1e308"), (0x00281052, "DS", "0")])
    np.testing.assert_array_equal(dd.imread(contents, dtype=np.float64), [[-np.inf, -1e308, 0, np.inf]])
    np.testing.assert_array_equal(dd.imread(contents, dtype=np.int16), [[-32768, -32768, 0, 32767]])


def test_integers_beyond_float64() -> None:
    """IS of any number of digits: Python reads them, and arithmetic with floats raises OverflowError."""
    digits = "1" + "0" * 400
    extra: list[s.Element] = [
        (tag, "IS", [digits] * count)
        for tag, count in ((0x00200032, 3), (0x00200037, 6), (0x00280030, 2), (0x00281050, 1), (0x00281051, 1))
    ]
    contents = s.image(PIXELS["i16"], extra=extra)
    image = dd.open(contents)
    assert image.tag(0x00281050) == digits and image.tag(0x00280030) == [digits, digits]
    assert (image.spacing, image.position, image.orientation, image.affine) == (None,) * 4
    assert "spacing" in [issue.code for issue in image.issues]
    with pytest.raises(dd.MalformedError):
        image.pixels(values="voi", window=0)
    with pytest.raises(dd.VolumeError):
        dd.read_series([contents, contents])
