"""YBR in its ranges and layouts, palettes with alpha and beside grey, against plain NumPy and pydicom."""

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data.data_manager import DATA_ROOT
from pydicom.pixels import apply_color_lut, convert_color_space

import dicomdecode as dd
from tests import synthesise as s
from tests.codecs.streams import without_colour
from tests.kit import IS_THERE, NEEDS_KIT, kit_files
from tests.pixels.test_palette import looked_up, tables_of
from tests.rules import preserved, window
from tests.test_issues import compressed

RNG = np.random.default_rng(3)


def rgb_of_partial(pixels: np.ndarray, bits: int = 8) -> np.ndarray:
    """PS3.3 C.7.6.3.1.2: Y from 16 to 235, Cb and Cr from 16 to 240, of 8 bits."""
    y, cb, cr = np.moveaxis(pixels.astype(np.float64), -1, 0)
    unit, top = 2.0 ** (bits - 8), 2.0**bits - 1
    y = (y - 16 * unit) / (219 * unit)
    cb, cr = (cb - 128 * unit) / (224 * unit), (cr - 128 * unit) / (224 * unit)
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], -1) * top
    return np.clip(np.floor(rgb + 0.5), 0, top).astype(pixels.dtype)


def close(found: np.ndarray, want: np.ndarray, most: int = 1) -> None:
    assert found.shape == want.shape and found.dtype == want.dtype
    assert np.abs(found.astype(np.int64) - want).max() <= most


PIXELS = RNG.integers(0, 256, (6, 10, 3), np.uint8)
HALF = s.subsampled(PIXELS)


@pytest.mark.parametrize("photometric", ["YBR_PARTIAL_422", "YBR_PARTIAL_420"])
@pytest.mark.parametrize("dtype, bits", [(np.uint8, 8), (np.uint16, 16), (np.uint16, 10)])
@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE, s.RLE])
@pytest.mark.parametrize("planar", [0, 1])
def test_partial_range_with_every_sample(photometric: str, dtype: type, bits: int, syntax: str, planar: int) -> None:
    """Compressed, and where the length says that every sample is stored."""
    pixels = RNG.integers(0, 1 << bits, (2, 6, 10, 3), dtype)
    contents = s.image(
        pixels,
        photometric="YBR_FULL",
        syntax=syntax,
        planar=planar,
        bits_stored=bits,
        extra=[(0x00280004, "CS", photometric)],
    )
    close(dd.imread(contents, values="stored"), rgb_of_partial(pixels, bits))
    np.testing.assert_array_equal(dd.imread(contents, values="stored", color="stored"), pixels)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE, s.IMPLICIT_LE, s.DEFLATED_FRAME])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_partial_422(syntax: str, dtype: type) -> None:
    """Y1 Y2 Cb Cr, as YBR_FULL_422."""
    pixels = RNG.integers(0, np.iinfo(dtype).max, (3, 6, 10, 3), dtype)
    contents = s.image(pixels, photometric="YBR_FULL_422", syntax=syntax, extra=[(0x00280004, "CS", "YBR_PARTIAL_422")])
    want = s.subsampled(pixels)
    bits = 8 * pixels.itemsize
    np.testing.assert_array_equal(dd.imread(contents, values="stored", color="stored"), want)
    close(dd.imread(contents, values="stored"), rgb_of_partial(want, bits))
    close(dd.imread(contents, values="stored", frames=1), rgb_of_partial(want[1], bits))


@pytest.mark.parametrize("allocated", [1, 4, 12])
def test_half_chroma_in_cells_of_any_width(allocated: int) -> None:
    """Two cells a pixel are stored, and no more are read."""
    pixels = RNG.integers(0, 1 << allocated, (2, 6, 10, 3), np.uint16)
    whole = s.subsampled(pixels)
    y, cb, cr = whole[..., 0], whole[..., ::2, 1], whole[..., ::2, 2]
    cells = np.stack([y[..., ::2], y[..., 1::2], cb, cr], -1)
    attributes = [(0x00280002, 3), (0x00280010, 6), (0x00280011, 10), (0x00280100, allocated), (0x00280101, allocated)]
    elements: list[s.Element] = [(tag, "US", value) for tag, value in attributes]
    elements += [(0x00280004, "CS", "YBR_FULL_422"), (0x00280006, "US", 0), (0x00280008, "IS", 2)]
    elements += [(0x00280102, "US", allocated - 1), (0x00280103, "US", 0)]
    contents = s.dataset([*sorted(elements), (s.PIXEL_DATA, "OB", s.pack_bits(cells, allocated))])  # type: ignore[type-var]
    np.testing.assert_array_equal(dd.imread(contents, values="stored", color="stored"), whole)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.IMPLICIT_LE, s.EXPLICIT_BE, s.ENCAPSULATED_UNCOMPRESSED])
@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_PARTIAL_422"])
@pytest.mark.parametrize("shape", [(1, 3, 3), (1, 3, 5), (2, 3, 3), (2, 1, 3), (3, 3, 7)])
def test_half_chroma_of_an_odd_number_of_columns(shape: tuple[int, ...], photometric: str, syntax: str) -> None:
    """Each row is filled up to a whole pair."""
    frames, rows, columns = shape
    stored = s.subsampled(RNG.integers(0, 256, (frames, rows, columns + 1, 3), np.uint8))
    whole = stored[:, :, :columns].squeeze(0) if frames == 1 else stored[:, :, :columns]
    named: list[s.Element] = [(0x00280004, "CS", photometric), (0x00280011, "US", [columns])]
    contents = s.image(stored, photometric="YBR_FULL_422", syntax=syntax, extra=named)
    np.testing.assert_array_equal(dd.imread(contents, values="stored", color="stored"), whole)
    short: list[s.Element] = [(0x00280010, "US", [2 * rows + 1]), *named]
    with pytest.raises(dd.TruncatedError):
        dd.imread(s.image(stored, photometric="YBR_FULL_422", syntax=syntax, extra=short))


def test_pairs_of_an_even_number_of_pixels_in_odd_columns() -> None:
    """They may go on from row to row, or end with each: the length tells."""
    size: list[s.Element] = [(0x00280010, "US", [6]), (0x00280011, "US", [5]), (0x00280008, "IS", 2)]
    stored = s.subsampled(RNG.integers(0, 256, (2, 30, 3), np.uint8))
    contents = s.image(stored[:, None], photometric="YBR_FULL_422", extra=size)
    found = dd.imread(contents, values="stored", color="stored")
    np.testing.assert_array_equal(found, stored.reshape(2, 6, 5, 3))
    stored = s.subsampled(RNG.integers(0, 256, (2, 6, 6, 3), np.uint8))
    contents = s.image(stored, photometric="YBR_FULL_422", extra=size)
    found = dd.imread(contents, values="stored", color="stored")
    np.testing.assert_array_equal(found, stored[:, :, :5])
    assert [issue.code for issue in dd.open(contents).issues] == ["odd_422"]


def test_partial_range_is_that_of_the_standard() -> None:
    """RGB through the equations that PS3.3 prints comes back."""
    rgb = RNG.integers(0, 256, (20, 20, 3), np.uint8)
    rgb[0, :3] = [[0, 0, 0], [255, 255, 255], [255, 0, 0]]
    r, g, b = np.moveaxis(rgb.astype(np.float64), -1, 0)
    ybr = np.stack(
        [
            0.2568 * r + 0.5041 * g + 0.0979 * b + 16,
            -0.1482 * r - 0.2910 * g + 0.4392 * b + 128,
            0.4392 * r - 0.3678 * g - 0.0714 * b + 128,
        ],
        -1,
    )
    assert np.rint(ybr[0, :2]).tolist() == [[16, 128, 128], [235, 128, 128]]
    contents = s.image(
        np.rint(ybr).astype(np.uint8), photometric="YBR_FULL", extra=[(0x00280004, "CS", "YBR_PARTIAL_422")]
    )
    close(dd.imread(contents, values="stored"), rgb, 3)
    np.testing.assert_array_equal(dd.imread(contents, values="stored")[0, :2], [[0, 0, 0], [255, 255, 255]])


AS_IT_IS = {"colorspace": "RGB", "outcolorspace": "RGB"}
STREAMS = {
    "JPEG-LS": ("1.2.840.10008.1.2.4.80", lambda x: imagecodecs.jpegls_encode(x)),
    "JPEG lossless": (
        "1.2.840.10008.1.2.4.70",
        lambda x: without_colour(imagecodecs.jpeg8_encode(x, lossless=True, **AS_IT_IS)),
    ),
    "JPEG 2000": ("1.2.840.10008.1.2.4.90", lambda x: imagecodecs.jpeg2k_encode(x, codecformat="j2k", mct=False)),
    "HTJ2K": ("1.2.840.10008.1.2.4.201", lambda x: imagecodecs.htj2k_encode(x, reversible=True, rgb=False)),
}


@pytest.mark.parametrize("name", list(STREAMS))
@pytest.mark.parametrize("photometric", ["YBR_PARTIAL_422", "YBR_PARTIAL_420", "YBR_FULL", "YBR_FULL_422", "RGB"])
def test_codecs_that_leave_colour_alone(name: str, photometric: str) -> None:
    syntax, encode = STREAMS[name]
    contents = compressed(bytes(encode(PIXELS)), syntax, PIXELS, photometric)
    np.testing.assert_array_equal(dd.imread(contents, values="stored", color="stored"), PIXELS)
    want = {"RGB": PIXELS, "YBR_FULL": s.rgb_of_ybr_full(PIXELS), "YBR_FULL_422": s.rgb_of_ybr_full(PIXELS)}
    close(dd.imread(contents, values="stored"), want.get(photometric, rgb_of_partial(PIXELS)))


@pytest.mark.parametrize("photometric", ["YBR_PARTIAL_422", "YBR_PARTIAL_420"])
def test_lossy_jpeg_of_partial_range(photometric: str) -> None:
    """A lossy JPEG stream is full-range YCbCr, whatever the header calls it: so its encoders and DCMTK have it."""
    flat = np.broadcast_to(RNG.integers(40, 200, (1, 1, 3), np.uint8), (16, 16, 3))
    stream = imagecodecs.jpeg8_encode(np.ascontiguousarray(flat), level=100, colorspace="YCBCR", outcolorspace="YCBCR")
    contents = compressed(stream, "1.2.840.10008.1.2.4.50", flat, photometric)
    stored = dd.imread(contents, values="stored", color="stored")
    close(stored, np.asarray(flat), 2)
    close(dd.imread(contents, values="stored"), s.rgb_of_ybr_full(stored))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("photometric, reversible", [("YBR_RCT", True), ("YBR_ICT", False)])
@pytest.mark.parametrize("color", ["rgb", "stored"])
def test_transforms_of_jpeg_2000(dtype: type, photometric: str, reversible: bool, color: str) -> None:
    """The codec undoes them, so that there is nothing to store."""
    pixels = (np.mgrid[:32, :40].sum(0)[..., None] * [1, 2, 3]).astype(dtype)
    stream = imagecodecs.jpeg2k_encode(
        pixels, codecformat="j2k", mct=True, reversible=reversible, level=0 if reversible else 80
    )
    contents = compressed(bytes(stream), "1.2.840.10008.1.2.4.91", pixels, photometric)
    close(
        dd.imread(contents, values="stored", color=color), pixels, 0 if reversible else 3 if dtype == np.uint8 else 64
    )
    assert not {"photometric"} & {issue.code for issue in dd.open(contents).issues}


def test_a_palette_is_read_once_a_file() -> None:
    contents = s.image(RNG.integers(0, 9, (4, 5, 6), np.uint8), photometric="PALETTE COLOR")
    with pytest.raises(dd.MalformedError):
        dd.imread(contents)
    tables = tables_of(9, 8)
    pixels = RNG.integers(0, 9, (4, 5, 6), np.uint8)
    image = dd.open(s.image(pixels, photometric="PALETTE COLOR", extra=s.lookup_tables(tables, bits=8)))
    for i in (3, 0):
        found = image.pixels(frames=i)
        np.testing.assert_array_equal(found, looked_up(pixels[i], tables))
        found[...] = 0  # a result is the caller's


# --- palettes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", ["stored", "modality", "voi", "display"])
@pytest.mark.parametrize("dtype", [None, np.uint8, np.uint16, np.int32, np.uint64, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("bits", [8, 16])
def test_palette_at_every_level(values: str, dtype: Any, bits: int) -> None:
    tables = tables_of(256, bits)
    pixels = RNG.integers(0, 256, (2, 5, 7), np.uint8)
    contents = s.image(pixels, photometric="PALETTE COLOR", extra=s.lookup_tables(tables, bits=bits))
    rgb = looked_up(pixels, tables)
    found = dd.imread(contents, values=values, dtype=dtype)
    if values in ("stored", "modality"):
        want = preserved(rgb, dtype or rgb.dtype)
    else:
        target = np.dtype(dtype or (np.float32 if values == "voi" else np.uint8))
        unit = rgb / (2.0**bits - 1)
        want = preserved(unit if target.kind == "f" else unit * float(np.iinfo(target).max), target)
    assert found.dtype == want.dtype and found.shape == want.shape
    if want.dtype.kind == "f":
        np.testing.assert_allclose(found, want, rtol=1e-6 if want.itemsize > 2 else 1e-3, atol=1e-7)
    else:
        assert (np.abs(found.astype(np.float64) - want) <= np.maximum(1, 1e-9 * want)).all()
    part = dd.imread(contents, values=values, dtype=dtype, region=(1, 2, 3, 4), frames=1)
    np.testing.assert_array_equal(part, found[1, 1:4, 2:6])
    np.testing.assert_array_equal(dd.imread(contents, values=values, dtype=dtype, threads=2), found)


def test_alpha() -> None:
    tables = [*tables_of(100, 16), RNG.integers(0, 65536, 100, np.uint16)]
    pixels = RNG.integers(0, 100, (3, 5, 7), np.uint8)
    for options in ({}, {"segmented": True}):
        contents = s.image(pixels, photometric="PALETTE COLOR", extra=s.lookup_tables(tables, **options))
        np.testing.assert_array_equal(dd.imread(contents, values="stored"), looked_up(pixels, tables[:3]))
        found = dd.imread(contents, values="stored", color="rgba")
        assert found.shape == (3, 5, 7, 4)
        np.testing.assert_array_equal(found, looked_up(pixels, tables))
        shown = dd.imread(contents, values="voi", color="rgba", frames=2)
        np.testing.assert_allclose(shown, looked_up(pixels[2], tables) / 65535, rtol=1e-6)
        strict = dd.decode_dicom_image(contents, color="rgba", on_error="strict")
        np.testing.assert_array_equal(strict, found)


def test_no_alpha_is_opaque() -> None:
    tables = tables_of(100, 8)
    pixels = RNG.integers(0, 100, (5, 7), np.uint8)
    contents = s.image(pixels, photometric="PALETTE COLOR", extra=s.lookup_tables(tables, bits=8))
    found = dd.imread(contents, values="stored", color="rgba")
    np.testing.assert_array_equal(found[..., :3], looked_up(pixels, tables))
    assert found.dtype == np.uint8 and (found[..., 3] == 255).all()
    for other in (s.image(pixels), s.image(PIXELS, photometric="RGB")):
        with pytest.raises(dd.UnsupportedError) as caught:
            dd.imread(other, color="rgba")
        assert caught.value.code == "alpha"


def test_depth_of_alpha_follows_the_colours() -> None:
    """Colours of 8 bits in 16 make alpha 8 bits too."""
    colours = [t.astype(np.uint16) * 257 for t in tables_of(50, 8)]
    alpha = np.linspace(0, 65535, 50).astype(np.uint16)
    pixels = np.arange(50, dtype=np.uint8).reshape(5, 10)
    contents = s.image(pixels, photometric="PALETTE COLOR", extra=s.lookup_tables([*colours, alpha]))
    found = dd.imread(contents, values="stored", color="rgba")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[..., 3].ravel(), alpha >> 8)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("values", ["stored", "modality", "voi", "display"])
def test_below_a_supplemental_palette_is_grey(dtype: type, bits: int, values: str) -> None:
    """PS3.3 C.7.6.19: what lies below the first entry goes the way of monochrome pixels, at the palette's depth."""
    tables = tables_of(10, bits)
    low, high = (-300, 300) if dtype == np.int16 else (0, 250)
    pixels = RNG.integers(low, high, (6, 7), dtype)
    first = 100
    extra = s.lookup_tables(tables, first=first, bits=bits, descriptor_vr="SS" if dtype == np.int16 else "US")
    extra += [(0x00281050, "DS", "40"), (0x00281051, "DS", "90")]
    contents = s.image(pixels, extra=extra)
    top = (1 << bits) - 1
    grey = np.rint(window(pixels.astype(np.float64), 40, 90) * top)[..., None].repeat(3, -1)
    rgb = np.where((pixels >= first)[..., None], looked_up(pixels, tables, first), grey)
    found = dd.imread(contents, values=values, color="palette")
    if values in ("stored", "modality"):
        want, most = rgb, 0.0
    elif values == "voi":
        want, most = rgb / top, 1e-6
    else:
        want, most = np.rint(rgb * 255 / top), 1.0
    assert np.abs(found - want).max() <= most
    other = dd.imread(contents, values="stored", color="palette", window=(0, 50))
    grey = np.rint(window(pixels.astype(np.float64), 0, 50) * top)
    below = pixels < first
    assert (other[below] == grey[below][:, None]).all()


def test_grey_of_each_frame_has_its_own_window() -> None:
    tables = tables_of(10, 8)
    pixels = RNG.integers(0, 90, (2, 6, 7), np.uint8)
    windows = [[(0x00281050, "DS", str(c)), (0x00281051, "DS", "40")] for c in (20, 60)]
    groups: s.Element = (0x52009230, "SQ", [[(0x00289132, "SQ", [w])] for w in windows])
    contents = s.image(pixels, extra=[*s.lookup_tables(tables, first=100, bits=8), groups])
    found = dd.imread(contents, values="stored", color="palette")
    for i, center in enumerate((20, 60)):
        want = np.rint(window(pixels[i].astype(np.float64), center, 40) * 255)
        np.testing.assert_array_equal(found[i], want[..., None].repeat(3, -1))


def test_many_windows() -> None:
    """Not every frame's table is kept."""
    pixels = RNG.integers(0, 90, (40, 3, 4), np.uint8)
    windows = [[(0x00281050, "DS", str(20 + i)), (0x00281051, "DS", "40")] for i in range(40)]
    groups: s.Element = (0x52009230, "SQ", [[(0x00289132, "SQ", [w])] for w in windows])
    contents = s.image(pixels, extra=[*s.lookup_tables(tables_of(10, 8), first=100, bits=8), groups])
    for threads in (1, 3):
        found = dd.imread(contents, values="stored", color="palette", threads=threads)
        for i in range(40):
            np.testing.assert_array_equal(found[i, ..., 1], np.rint(window(pixels[i].astype(float), 20 + i, 40) * 255))


def segmented(words: np.ndarray, entries: int, bits: int) -> list[s.Element]:
    lut: list[s.Element] = [(0x00281101 + i, "US", [entries % 65536, 0, bits]) for i in range(3)]
    return lut + [(0x00281221 + i, "OW", words.tobytes()) for i in range(3)]


@pytest.mark.parametrize("bits, dtype", [(8, np.uint8), (16, np.uint16)])
def test_all_kinds_of_segments(bits: int, dtype: type) -> None:
    """Discrete, linear up and down, flat, indirect, whose offset is one of bytes."""
    top = (1 << bits) - 1
    words = [0, 3, 5, top, 7, 1, 9, 200, 1, 4, 3, 0, 2, 1, 100]
    offset = 5 * bits // 8  # of the first linear segment
    words += [2, 2, *(offset.to_bytes(4, "little") if bits == 8 else (offset, 0))]
    words += [1, 5, 5, 1, 3, 5]
    table = [5, top, 7]
    for length, end in ((9, 200), (4, 3), (0, (1, 100)), (9, 200), (4, 3), (5, 5), (3, 5)):
        last = table[-1]
        if isinstance(end, tuple):
            table += end
        else:
            table += np.around(np.linspace(last + (end - last) / length, end, length)).astype(int).tolist()
    contents = s.image(
        np.arange(len(table), dtype=np.uint8)[None],
        photometric="PALETTE COLOR",
        extra=segmented(np.array(words, dtype), len(table), bits),
    )
    found = dd.imread(contents, values="stored")
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[0], np.array(table)[:, None].repeat(3, -1))
    if bits == 8:  # pydicom takes the offset of 16-bit segments for one of words; PS3.3 C.7.9.2.3 says bytes
        dataset = pydicom.dcmread(io.BytesIO(contents))
        np.testing.assert_array_equal(found, apply_color_lut(dataset.pixel_array, dataset))


@pytest.mark.parametrize("bits, dtype", [(8, np.uint8), (16, np.uint16)])
def test_segments_without_entries_end(bits: int, dtype: type) -> None:
    """Indirect segments over thousands of empty ones would be walked for hours."""
    empty = [0, 1, 7, *[0, 0] * 100_000]
    indirect = [2, 255 if bits == 8 else 65535, *([3, 0, 0, 0] if bits == 8 else [6, 0])] * 30_000
    words = np.array(empty + indirect, dtype)
    contents = s.image(np.zeros((2, 2), np.uint8), photometric="PALETTE COLOR", extra=segmented(words, 256, bits))
    with pytest.raises(dd.MalformedError) as caught:
        dd.imread(contents)
    assert caught.value.code == "palette_segment"


# --- real files ------------------------------------------------------------------------------------------------------

SHIPPED = sorted(p for p in Path(DATA_ROOT).rglob("*.dcm") if p.is_file())


JPEG_XL = [f"1.2.840.10008.1.2.4.{n}" for n in (110, 111, 112)]  # the codec gives RGB only


def as_pydicom(path: Path) -> str:
    """Compare colour with pydicom's, from our stored samples; what was compared."""
    try:
        image = dd.open(path)
        dataset = pydicom.dcmread(path)
        stored = image.pixels(values="stored", color="stored")
    except (dd.DicomError, pydicom.errors.InvalidDicomError, ImportError):
        return ""
    if image.photometric == "PALETTE COLOR":
        want = apply_color_lut(stored, dataset)
        found = image.pixels(values="stored")
        shift = 8 * (want.dtype.itemsize - found.dtype.itemsize)
        high = (want >> 8 if (want > 255).any() else want) if shift else want
        np.testing.assert_array_equal(found, high)
        return "palette"
    if image.photometric in ("YBR_FULL", "YBR_FULL_422") and image.transfer_syntax not in JPEG_XL:
        want = convert_color_space(stored, "YBR_FULL", "RGB")
        close(image.pixels(values="stored"), want)
        return "YBR"
    return ""


@pytest.mark.filterwarnings("ignore")
def test_files_of_pydicom() -> None:
    seen = [as_pydicom(path) for path in SHIPPED]
    assert seen.count("palette") >= 1 and seen.count("YBR") >= 4


@pytest.mark.slow
@NEEDS_KIT
@pytest.mark.filterwarnings("ignore")
def test_files_of_the_kit() -> None:
    seen = [as_pydicom(path) for path in kit_files()]
    assert seen.count("palette") >= 3 and seen.count("YBR") >= 8


@pytest.mark.parametrize("path", [p for p in SHIPPED if "palettes" in p.parts], ids=lambda p: p.name)
def test_palettes_of_pydicom(path: Path) -> None:
    """Well-known palettes, plain and segmented (PS3.6 annex B): each entry as by pydicom."""
    palette = pydicom.dcmread(path)
    elements = [e for e in palette if 0x00281101 <= e.tag <= 0x00281299 and e.VR in ("US", "SS", "OW")]
    extra: list[s.Element] = [(int(e.tag), e.VR, e.value if e.VR == "OW" else list(e.value)) for e in elements]
    indices = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = dd.imread(s.image(indices, photometric="PALETTE COLOR", extra=extra), values="stored")
    np.testing.assert_array_equal(found, apply_color_lut(indices, palette))


def drawn_by_dcmtk(path: Path, target: Path) -> np.ndarray | None:
    """The first frame as dcmj2pnm draws it; None where it has no decoder."""
    program = shutil.which("dcmj2pnm")
    if program is None:
        pytest.skip("DCMTK: dcmj2pnm is not installed")
    target.unlink(missing_ok=True)
    done = subprocess.run([program, str(path), str(target)], capture_output=True, check=False)
    return np.asarray(Image.open(target)) if done.returncode == 0 and target.exists() else None


def synthesised() -> dict[str, bytes]:
    pixels = RNG.integers(0, 256, (16, 20, 3), np.uint8)
    pixels[:8] = np.clip(pixels[:8], 16, 235)
    partial: list[s.Element] = [(0x00280004, "CS", "YBR_PARTIAL_422")]
    indices = RNG.integers(0, 100, (16, 20), np.uint8)
    found = {
        "YBR_FULL": s.image(pixels, photometric="YBR_FULL"),
        "YBR_FULL_422": s.image(pixels, photometric="YBR_FULL_422"),
        "YBR_PARTIAL_422": s.image(pixels, photometric="YBR_FULL_422", extra=partial),
    }
    for bits in (8, 16):
        tables = s.lookup_tables(tables_of(100, bits), first=3, bits=bits)
        found[f"palette of {bits}"] = s.image(indices, photometric="PALETTE COLOR", extra=tables)
    return found


@pytest.mark.parametrize("name", list(synthesised()))
def test_as_dcmtk(name: str, tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(synthesised()[name])
    want = drawn_by_dcmtk(path, tmp_path / "out.ppm")
    assert want is not None
    close(dd.imread(path, values="display"), want, 2)  # its tables are of integers


@pytest.mark.filterwarnings("ignore")
def test_files_as_dcmtk_draws_them(tmp_path: Path) -> None:
    """Of pydicom, and of the kit where it is there."""
    files = [*sorted(p for p in Path(DATA_ROOT).rglob("*") if p.is_file()), *(kit_files() if IS_THERE else ())]
    seen = 0
    for path in {p.name: p for p in files}.values():
        try:
            image = dd.open(path)
        except dd.DicomError:
            continue
        if not image.photometric.startswith(("YBR", "PALETTE")):
            continue
        want = drawn_by_dcmtk(path, tmp_path / "out.ppm")
        if want is not None:
            close(image.pixels(values="display", frames=0), want, 2)
            seen += 1
    assert seen >= 10
