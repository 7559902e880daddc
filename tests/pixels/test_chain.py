"""Every combination of stages equals plain float64 NumPy, whatever it was folded into."""

import itertools
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.pixels import PixelData, Request
from dicomdecode.pixels._core import Frames
from dicomdecode.pixels.planning import Plans
from dicomdecode.reading import DicomFile, open_source
from tests import rules
from tests import synthesise as s

RNG = np.random.default_rng(5)
DTYPES = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8")
ASKED = [("modality", d, x) for d in DTYPES for x in ("preserve", "auto")]
ASKED += [(level, d, "preserve") for level in ("voi", "display") for d in DTYPES]
WINDOWS = [(300.0, 401.0, "LINEAR"), (12.5, 700.0, "LINEAR_EXACT"), (100.0, 350.0, "SIGMOID")]


def lut_item(first: int, entries: np.ndarray, bits: int, explanation: str = "") -> list[s.Element]:
    described = (0x00283002, "US", [len(entries) % 65536, first & 0xFFFF, bits])
    named = [(0x00283003, "LO", explanation)] if explanation else []
    return [described, *named, (0x00283006, "OW", entries.astype(np.uint16))]


def decimal(*values: float) -> str:
    return "\\".join(repr(v) for v in values)


def nearest(found: np.ndarray, want: np.ndarray) -> None:
    """Rounded and clipped as the dtype asks; where float64 itself is not sure of a half, either way."""
    assert found.shape == want.shape
    if found.dtype.kind == "f":
        np.testing.assert_array_equal(np.isnan(found), np.isnan(want))
        if found.dtype.itemsize == 2:
            want = np.clip(want, -65504, 65504)
        relative = {2: 1e-3, 4: 2e-7, 8: 1e-12}[found.dtype.itemsize]
        size = float(np.nanmax(np.abs(want), initial=1.0))
        np.testing.assert_allclose(found, want, rtol=relative, atol=size * max(1e-12, relative / 16))
        return
    info = np.iinfo(found.dtype)
    want = np.clip(np.nan_to_num(want, nan=0.0), float(info.min), float(info.max))
    off = np.abs(found.astype(np.float64) - want)
    sure = 0.5 + 1e-9 + 1e-12 * float(np.abs(want).max(initial=0))
    assert off.max(initial=0) <= sure


def chains(bits: int, signed: bool) -> Any:
    """(reference, elements, photometric) of every combination of stages."""
    low, _ = rules.possible_range(bits, signed)
    table = RNG.integers(0, 4096, 257)
    modalities: list[tuple[Any, list[s.Element]]] = [(None, [])]
    for slope, intercept in ((1.5, -24.0), (-0.75, 10.125)):
        modalities.append(((slope, intercept), [(0x00281052, "DS", repr(intercept)), (0x00281053, "DS", repr(slope))]))
    first = -20 if signed else 3
    modalities.append(((first, table), [(0x00283000, "SQ", [lut_item(first, table, 12)])]))
    shapes = [(None, "MONOCHROME2"), ("INVERSE", "MONOCHROME2"), (None, "MONOCHROME1"), ("IDENTITY", "MONOCHROME1")]
    shapes += [("LUT", "MONOCHROME2"), ("LUT", "MONOCHROME1")]
    presented = np.sort(RNG.integers(0, 1024, 300))
    presented[-1] = 1023
    grey = RNG.integers(0, 65536, 500)
    grey[0] = 65535
    for modality, voi, (shape, photometric), padded in itertools.product(
        range(len(modalities)), [None, *WINDOWS, "LUT"], shapes, [None, "value", "range"]
    ):
        of_modality, elements = modalities[modality]
        image = rules.Image(bits, signed, of_modality)
        extra = list(elements)
        if voi == "LUT":
            start = -100 if image.bounds()[0] < 0 else 40
            image.voi = (start, grey, 16)
            extra.append((0x00283010, "SQ", [lut_item(start, grey, 16)]))
        elif voi is not None:
            image.voi = voi
            extra += [(0x00281050, "DS", repr(voi[0])), (0x00281051, "DS", repr(voi[1])), (0x00281056, "CS", voi[2])]
        if shape == "LUT":
            image.presentation = (presented, 10)
            extra.append((0x20500010, "SQ", [lut_item(0, presented, 10)]))
        elif shape is not None:
            extra.append((0x20500020, "CS", shape))
        image.inverse = shape == "INVERSE" or (photometric == "MONOCHROME1" and shape != "IDENTITY")
        if padded:
            last = low + 2 if padded == "range" else low
            vr = "SS" if signed else "US"
            if bits <= 16:
                image.padding = ((low, last), np.nan if padded == "range" else -3.0)
                extra.append((0x00280120, vr, low))
                extra += [(0x00280121, vr, last)] if padded == "range" else []
        yield image, extra, photometric


@pytest.mark.slow
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize(("allocated", "bits"), [(8, 8), (8, 5), (16, 12), (16, 16), (32, 20)])
def test_every_combination(allocated: int, bits: int, signed: bool) -> None:
    low, high = rules.possible_range(bits, signed)
    pixels = np.concatenate(
        [RNG.integers(low, high + 1, 40), np.clip(RNG.integers(-60, 900, 60), low, high), [low, low + 1, low + 3, high]]
    )
    pixels = pixels.astype(f"{'i' if signed else 'u'}{allocated // 8}").reshape(8, 13)
    if allocated == 8:  # more pixels than a table has entries
        pixels = np.tile(pixels, (3, 1))
    turn = itertools.cycle(ASKED)
    kinds = set()
    for image, extra, photometric in chains(bits, signed):
        contents = s.image(pixels, bits_stored=bits, photometric=photometric, stray=1, extra=extra)
        fill = None if image.padding is None else image.padding[1]
        for level, dtype, scale in itertools.islice(turn, 7):  # 7 and their number have no common divisor
            found = dd.imread(contents, values=level, dtype=dtype, scale=scale, padding=fill)
            assert found.dtype == dtype
            nearest(found, image.real(pixels, level, dtype, scale))
        limits = dd.Limits()
        file = DicomFile(open_source(contents, limits), limits)
        request = Request(values=level, dtype=np.dtype(dtype), scale=scale, padding=fill)
        kinds.add(Plans(Frames(PixelData(file), request), request).of(0).kind)
    assert {"affine", "table" if allocated == 8 else "function"} <= kinds


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float32", "float64"])
@pytest.mark.parametrize("function", ["SIGMOID", "LUT"])
def test_a_table_gives_what_the_chain_gives(dtype: str, function: str) -> None:
    """A table of 65536 entries is made for pictures of as many pixels; a small one is computed pixel by pixel."""
    pixels = RNG.integers(-2048, 2048, (256, 256), np.int16)
    extra: list[s.Element] = [(0x00281052, "DS", "-7.25"), (0x00281053, "DS", "0.3")]
    if function == "LUT":
        extra.append((0x00283010, "SQ", [lut_item(-100, RNG.integers(0, 4096, 300), 12)]))
    else:
        extra += [(0x00281050, "DS", "40"), (0x00281051, "DS", "300"), (0x00281056, "CS", function)]
    options = {"values": "display", "dtype": dtype}
    kinds = []
    for part in (pixels, pixels[:9, :31]):
        file = DicomFile(open_source(s.image(part, bits_stored=12, extra=extra), dd.Limits()), dd.Limits())
        request = Request(values="display", dtype=np.dtype(dtype))
        kinds.append(Plans(Frames(PixelData(file), request), request).of(0).kind)
    assert kinds == ["table", "function"]
    whole = dd.imread(s.image(pixels, bits_stored=12, stray=1, extra=extra), **options)
    small = dd.imread(s.image(pixels[:9, :31], bits_stored=12, stray=1, extra=extra), **options)
    np.testing.assert_array_equal(small, whole[:9, :31])


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_many_grey_levels(bits: int, signed: bool) -> None:
    """Large images to 8 bits take loops of their own: float32 where it agrees for every cell, else a table."""
    low, high = rules.possible_range(bits, signed)
    kind = f"{'i' if signed else 'u'}{1 if bits == 8 else 2}"
    pixels = RNG.integers(low, high + 1, (513, 523)).astype(kind)
    windows = [((low + high) / 2, float(high - low), "LINEAR_EXACT"), (low + 100.0, 511.0, "LINEAR")]
    windows += [(float(c), float(w), "LINEAR") for c, w in RNG.uniform(10, 400, (20, 2))]
    for window in windows:
        contents = s.image(pixels, bits_stored=bits, stray=2)
        found = dd.imread(contents, values="display", window=window)
        want = rules.window(pixels, *window) * 255
        assert np.abs(found - want).max() <= 0.5 + 1e-9
        small = dd.imread(contents, values="display", window=window, region=(7, 9, 100, 90))
        np.testing.assert_array_equal(small, found[7:107, 9:99])
    odd = s.image(pixels, bits_stored=bits, high_bit=bits if bits == 12 else None, stray=3)
    np.testing.assert_array_equal(dd.imread(odd, values="display", window=window), found)
