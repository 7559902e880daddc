"""A codestream before the header: its colour, its codec, and the bits that it stores beside values."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest

import dicomdecode as dd
from dicomdecode import pydicom_plugin
from dicomdecode.codecs._heads import colour_of
from tests import synthesise as s
from tests.codecs.streams import with_segment, without_colour
from tests.test_issues import codes, compressed
from tests.tfop import core

ROOT = "1.2.840.10008.1.2.4."
BASELINE, LOSSLESS = ROOT + "50", ROOT + "70"
JFIF = (0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
FLAT = np.zeros((16, 16, 3), np.uint8)
FLAT[:, :8], FLAT[:, 8:] = (20, 180, 60), (200, 30, 40)
Read = Callable[..., np.ndarray]


def every_way(contents: bytes, folder: Path) -> list[Read]:
    path = folder / "x.dcm"
    path.write_bytes(contents)
    return [
        lambda **k: dd.imread(contents, **k),
        lambda **k: dd.imread(path, **k),
        lambda **k: dd.imread(io.BytesIO(contents), **k),
        lambda **k: dd.open(path).pixels(**k),
        lambda **k: core.decode(contents, dtype=str(dd.imread(contents, **k).dtype), **k),
    ]


def check(contents: bytes, want: np.ndarray, folder: Path, **options: Any) -> None:
    for read in every_way(contents, folder):
        np.testing.assert_array_equal(read(values="stored", **options), want)


# --- colour ----------------------------------------------------------------------------------------------------------


def ycc(**options: Any) -> bytes:
    """A stream of YCbCr that does not say so."""
    options = {"subsampling": "444", "level": 98} | options
    return without_colour(imagecodecs.jpeg8_encode(FLAT, colorspace="RGB", outcolorspace="YCBCR", **options))


def rgb(**options: Any) -> bytes:
    options = {"subsampling": "444", "level": 98} | options
    return without_colour(imagecodecs.jpeg8_encode(FLAT, colorspace="RGB", outcolorspace="RGB", **options))


def adobe(stream: bytes, transform: int, length: int = 12) -> bytes:
    return with_segment(stream, 0xEE, (b"Adobe\0\x64\0\0\0\0" + bytes([transform]))[:length])


def named(stream: bytes, names: bytes) -> bytes:
    out = bytearray(stream)
    sof = next(at for at in (stream.find(bytes([0xFF, m])) for m in (0xC0, 0xC1, 0xC3)) if at > 0)
    out[sof + 10 : sof + 19 : 3] = names
    sos = stream.index(b"\xff\xda")
    out[sos + 5 : sos + 11 : 2] = names
    return bytes(out)


COLOURS = {
    "JFIF": (with_segment(ycc(), *JFIF), "RGB"),
    "half chroma": (ycc(subsampling="420"), "RGB"),
    "half chroma in one direction": (ycc(subsampling="422"), "RGB"),
    "half chroma, Adobe 0": (adobe(ycc(subsampling="420"), 0), "RGB"),
    "JFIF, Adobe 0": (with_segment(adobe(ycc(), 0), *JFIF), "RGB"),
    "Adobe 1": (adobe(ycc(), 1), "RGB"),
    "Adobe 0": (adobe(rgb(), 0), "YBR_FULL_422"),
    "Adobe 1, named R G B": (adobe(named(ycc(), b"RGB"), 1), "RGB"),
    "named R G B": (named(rgb(), b"RGB"), "YBR_FULL_422"),
    "Adobe 2, named R G B": (adobe(named(rgb(), b"RGB"), 2), "YBR_FULL"),
    "Adobe 2, header RGB": (adobe(rgb(), 2), "RGB"),
    "Adobe 2, header YBR": (adobe(ycc(), 2), "YBR_FULL_422"),
    "a short Adobe": (adobe(rgb(), 0, 5), "RGB"),
    "header RGB": (rgb(), "RGB"),
    "header YBR": (ycc(), "YBR_FULL"),
    "header YBR_ICT": (ycc(), "YBR_ICT"),
    "no header": (ycc(), ""),
}


@pytest.mark.parametrize("name", list(COLOURS))
def test_colour_of_jpeg(name: str, tmp_path: Path) -> None:
    stream, photometric = COLOURS[name]
    contents = compressed(stream, BASELINE, FLAT, photometric)
    for read in every_way(contents, tmp_path):
        found = read(values="stored").astype(int)
        assert np.abs(found - FLAT)[:, [2, 12]].max() < 12
    is_ycc = colour_of(stream, photometric) != "RGB"
    stored = dd.imread(contents, values="stored", color="stored").astype(int)
    coded = imagecodecs.jpeg8_decode(stream, colorspace="YCBCR", outcolorspace="YCBCR").astype(int)
    assert np.abs(stored - coded).max() <= 1, "as the stream stores it"
    overruled = bool(photometric) and is_ycc != photometric.startswith("YBR")
    assert codes(contents) == ["photometric"] * overruled + ["attribute_missing"] * (not photometric)
    source = photometric if photometric.startswith("YBR") else "YBR_FULL"
    assert dd.open(contents).steps == ((f"{source} -> RGB",) if is_ycc else ())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "markers, photometric, is_ycc",
    [
        ("jfif", "RGB", True),
        ("adobe 1", "RGB", True),
        ("adobe 0", "YBR_FULL", False),
        ("RGB", "YBR_FULL", False),
        ("none", "RGB", False),
        ("none", "YBR_FULL", True),
        ("none", "", True),
    ],
)
def test_colour_of_lossless_jpeg(dtype: type, markers: str, photometric: str, is_ycc: bool, tmp_path: Path) -> None:
    bits = 8 * np.dtype(dtype).itemsize
    pixels = np.random.default_rng(1).integers(0, 1 << bits, (8, 10, 3), dtype)
    stream = without_colour(
        imagecodecs.jpeg8_encode(pixels, lossless=True, bitspersample=bits, colorspace="RGB", outcolorspace="RGB")
    )
    marked = {
        "jfif": lambda: with_segment(stream, *JFIF),
        "RGB": lambda: named(stream, b"RGB"),
        "none": lambda: stream,
        "adobe 0": lambda: adobe(stream, 0),
        "adobe 1": lambda: adobe(stream, 1),
    }
    contents = compressed(marked[markers](), LOSSLESS, pixels, photometric)
    want = s.rgb_of_ybr_full(pixels, bits) if is_ycc else pixels
    for read in every_way(contents, tmp_path):
        assert np.abs(read(values="stored").astype(int) - want).max() <= 1
    check(contents, pixels, tmp_path, color="stored")


def test_colour_of_jpeg_ls(tmp_path: Path) -> None:
    """It has no colour of its own, but for a marker."""
    pixels = np.random.default_rng(1).integers(0, 256, (8, 10, 3), np.uint8)
    stream = bytes(imagecodecs.jpegls_encode(pixels))
    for data, photometric, want in (
        (stream, "RGB", pixels),
        (stream, "YBR_FULL", s.rgb_of_ybr_full(pixels)),
        (with_segment(stream, *JFIF), "RGB", s.rgb_of_ybr_full(pixels)),
        (adobe(stream, 0), "YBR_FULL", pixels),
    ):
        found = dd.imread(compressed(data, ROOT + "80", pixels, photometric), values="stored")
        assert np.abs(found.astype(int) - want).max() <= 1


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["JFIF", "half chroma", "Adobe 0", "named R G B", "header RGB", "header YBR"])
def test_pydicom_is_told(name: str) -> None:
    stream, photometric = COLOURS[name]
    dataset = pydicom.dcmread(io.BytesIO(compressed(stream, BASELINE, FLAT, photometric)))
    pydicom_plugin.register()
    try:
        found = pydicom.pixels.pixel_array(dataset, decoding_plugin="dicomdecode")
    finally:
        pydicom_plugin.unregister()
    assert np.abs(found.astype(int) - FLAT)[:, [2, 12]].max() < 12


# --- codec -----------------------------------------------------------------------------------------------------------

GREY = np.random.default_rng(2).integers(0, 256, (2, 9, 11), np.uint8)
CODED: dict[str, Callable[[np.ndarray], bytes]] = {
    "lossless JPEG": lambda a: imagecodecs.jpeg8_encode(a, lossless=True),
    "JPEG-LS": imagecodecs.jpegls_encode,
    "JPEG 2000": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="j2k", level=0),
    "JP2": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="jp2", level=0),
    "HTJ2K": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
    "JPEG XL": lambda a: imagecodecs.jpegxl_encode(a, lossless=True),
    "RLE": lambda a: s.rle_frame(a[..., None]),
}
# Transfer syntax -> what belongs there.
JPEG_2000 = ("JPEG 2000", "JP2", "HTJ2K")
NAMED: dict[str, tuple[str, ...]] = {BASELINE: (), LOSSLESS: ("lossless JPEG",), ROOT + "80": ("JPEG-LS",)}
NAMED |= {ROOT + "90": JPEG_2000, ROOT + "201": JPEG_2000, ROOT + "110": ("JPEG XL",), s.RLE: ("RLE",)}
NAMED |= {s.EXPLICIT_LE: (), s.IMPLICIT_LE: (), s.DEFLATED: ()}


NAMED_FOR = {coded: next(syntax for syntax, coded_so in NAMED.items() if coded in coded_so) for coded in CODED}


def several(streams: list[bytes], syntax: str, like: np.ndarray, **options: Any) -> bytes:
    """A file of a frame for each stream, with the header of uncompressed pixels like these."""
    rows, columns = like.shape
    numbers = {0x00280002: 1, 0x00280010: rows, 0x00280011: columns, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7}
    head: list[s.Element] = [(tag, "US", number) for tag, number in (numbers | {0x00280103: 0}).items()]
    head += [(0x00280004, "CS", "MONOCHROME2"), (0x00280008, "IS", len(streams))]
    head.sort(key=lambda e: e[0])
    return s.dataset([*head, *s.encapsulate(streams, **options)], syntax=syntax, encoding=s.LITTLE)


@pytest.mark.parametrize("syntax", list(NAMED))
@pytest.mark.parametrize("coded", list(CODED))
@pytest.mark.parametrize("table", ["empty", "full", "none"])
def test_another_codec_than_named(syntax: str, coded: str, table: s.Mode, tmp_path: Path) -> None:
    contents = several([bytes(CODED[coded](frame)) for frame in GREY], syntax, GREY[0], table=table)
    check(contents, GREY, tmp_path)
    np.testing.assert_array_equal(dd.imread(contents, values="stored", frames=1), GREY[1])
    said = {"stream_codec", "stream_process"} & set(codes(contents))
    assert bool(said) == (coded not in NAMED[syntax])


@pytest.mark.parametrize(("first", "second"), list(itertools.permutations(CODED, 2)))
def test_each_frame_by_its_own_codec(first: str, second: str, tmp_path: Path) -> None:
    """Editors replace single frames. The plan is the one of all frames, whatever their cells look like."""
    rng = np.random.default_rng(6)
    values = rng.integers(-2048, 2048, (3, 9, 11)).astype(np.int16)
    cells = (values.view(np.uint16) & 0xFFF) << (2 if "JPEG XL" not in (first, second) else 0)
    names = (first, second, first)
    encoders = CODED | {"lossless JPEG": DEEP[LOSSLESS]}
    streams = [bytes(encoders[name](frame)) for name, frame in zip(names, cells, strict=True)]
    high_bit = 13 if cells.max() > 0xFFF else 11
    numbers = {0x00280002: 1, 0x00280010: 9, 0x00280011: 11, 0x00280100: 16, 0x00280101: 12, 0x00280102: high_bit}
    head: list[s.Element] = [(tag, "US", number) for tag, number in (numbers | {0x00280103: 1}).items()]
    head += [(0x00280004, "CS", "MONOCHROME2"), (0x00280008, "IS", 3)]
    for table in ("full", "empty"):
        elements = [*sorted(head, key=lambda e: e[0]), *s.encapsulate(streams, table=table)]
        contents = s.dataset(elements, syntax=NAMED_FOR[first])
        check(contents, values, tmp_path)
        np.testing.assert_array_equal(dd.imread(contents), values)
        np.testing.assert_array_equal(dd.imread(contents, region=(2, 3, 4, 5), threads=2), values[:, 2:6, 3:8])
    if first in JPEG_2000 and second not in JPEG_2000:
        with pytest.raises(dd.UnsupportedError, match="reduce"):
            dd.imread(contents, reduce=1)


@pytest.mark.parametrize("coded", ["lossless JPEG", "JPEG-LS", "JPEG 2000", "JPEG XL"])
def test_an_offset_for_each_fragment(coded: str, tmp_path: Path) -> None:
    """Where there should be one for each frame."""
    streams = [bytes(CODED[coded](frame)) for frame in GREY]
    halves = [part for stream in streams for part in (stream[:40], stream[40:])]
    contents = several(halves, NAMED_FOR[coded], GREY[0], table="full")
    many, two = s.element(0x00280008, "IS", 4), s.element(0x00280008, "IS", 2)
    check(contents.replace(many, two), GREY, tmp_path)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.DEFLATED, s.RLE, BASELINE, ROOT + "90"])
def test_cells_in_fragments(syntax: str, tmp_path: Path) -> None:
    """What is no stream, and has just the length of native cells, is native cells."""
    contents = several([frame.tobytes() for frame in GREY], syntax, GREY[0])
    check(contents, GREY, tmp_path)
    assert "stream_codec" in codes(contents)
    with pytest.raises(dd.MalformedError):
        dd.imread(several([frame.tobytes()[:90] for frame in GREY], syntax, GREY[0]))


def test_lossy_jpeg_in_other_syntaxes(tmp_path: Path) -> None:
    """Colour is decided as in its own."""
    for syntax in (ROOT + "80", ROOT + "91", s.EXPLICIT_LE, s.RLE):
        contents = compressed(COLOURS["JFIF"][0], syntax, FLAT, "RGB")
        for read in every_way(contents, tmp_path):
            assert np.abs(read(values="stored").astype(int) - FLAT)[:, [2, 12]].max() < 12


def test_what_is_no_known_stream_stays_an_error() -> None:
    for syntax, code in ((s.EXPLICIT_LE, "encapsulated"), (ROOT + "90", "stream_start"), (ROOT + "50", "stream_start")):
        with pytest.raises(dd.MalformedError) as caught:
            dd.imread(compressed(b"nothing of the kind " * 6, syntax, GREY[0], "MONOCHROME2"))
        assert caught.value.code == code


# --- bits above Bits Stored ------------------------------------------------------------------------------------------

DEEP = {
    ROOT + "70": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=16),
    ROOT + "80": imagecodecs.jpegls_encode,
    ROOT + "90": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="j2k", level=0),
    ROOT + "91": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="j2k", level=0),
    ROOT + "201": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
    ROOT + "110": lambda a: imagecodecs.jpegxl_encode(a, lossless=True),
    s.RLE: lambda a: s.rle_frame(a[..., None]),
}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [9, 12, 15])
@pytest.mark.parametrize("syntax", list(DEEP))
@pytest.mark.parametrize("above", ["overlay", "zero"])
def test_bits_above_bits_stored(syntax: str, bits: int, signed: bool, above: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(-(1 << bits - 1) if signed else 0, 1 << bits - signed, (9, 11)).astype(
        "i2" if signed else "u2"
    )
    cells = values.view(np.uint16) & ((1 << bits) - 1)
    if above == "overlay":
        cells = cells | (rng.integers(0, 2, cells.shape, np.uint16) << 15)
    extra: list[s.Element] = [(0x00280101, "US", bits), (0x00280102, "US", bits - 1)]
    contents = compressed(bytes(DEEP[syntax](cells)), syntax, values, "MONOCHROME2", *extra)
    check(contents, values, tmp_path)
    assert dd.imread(contents).dtype == np.float32
    np.testing.assert_array_equal(dd.imread(contents), values)
    if syntax in (ROOT + "90", ROOT + "91"):
        np.testing.assert_array_equal(dd.imread(contents, values="stored", region=(2, 3, 4, 5)), values[2:6, 3:8])


@pytest.mark.parametrize("syntax", list(DEEP))
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("bits", "high_bit"), [(12, 15), (12, 13), (10, 12), (8, 11), (15, 15)])
def test_high_bit(syntax: str, signed: bool, bits: int, high_bit: int, tmp_path: Path) -> None:
    """Cells that were coded whole have their stored bits where High Bit says; those of a shorter stream are values."""
    rng = np.random.default_rng(5)
    lowest = -(1 << bits - 1) if signed else 0
    values = rng.integers(lowest, lowest + (1 << bits), (9, 11)).astype("i2" if signed else "u2")
    extra: list[s.Element] = [(0x00280101, "US", bits), (0x00280102, "US", high_bit)]
    mask, low_bit = (1 << bits) - 1, high_bit + 1 - bits
    cells = (values.view(np.uint16) & mask) << low_bit
    around = rng.integers(0, 65536, cells.shape, np.uint16) & np.uint16(~(mask << low_bit) & 0xFFFF)
    for whole in (cells, cells | around):
        check(compressed(bytes(DEEP[syntax](whole)), syntax, values, "MONOCHROME2", *extra), values, tmp_path)
    if bits == 12:
        short = imagecodecs.jpeg8_encode(values.view(np.uint16) & mask, lossless=True, bitspersample=12)
        check(compressed(short, LOSSLESS, values, "MONOCHROME2", *extra), values, tmp_path)


@pytest.mark.parametrize("signed", [False, True])
def test_a_sign_that_is_extended_in_the_stream(signed: bool, tmp_path: Path) -> None:
    values = np.random.default_rng(4).integers(-2048, 2048, (9, 11)).astype(np.int16)
    stream = imagecodecs.jpeg2k_encode(values if signed else values.view(np.uint16), codecformat="j2k", level=0)
    extra: list[s.Element] = [(0x00280101, "US", 12), (0x00280102, "US", 11)]
    check(compressed(stream, ROOT + "90", values, "MONOCHROME2", *extra), values, tmp_path)


def test_a_lossy_stream_is_left_alone() -> None:
    """Where it overshoots Bits Stored, the bit above is no overlay's."""
    values = np.full((32, 32), 4095, np.uint16)
    values[::2] = 0
    stream = imagecodecs.jpeg2k_encode(values, codecformat="j2k", level=30)
    extra: list[s.Element] = [(0x00280101, "US", 12), (0x00280102, "US", 11)]
    coded = imagecodecs.jpeg2k_decode(stream)
    assert coded.max() > 4095
    found = dd.imread(compressed(stream, ROOT + "91", values, "MONOCHROME2", *extra), values="stored")
    np.testing.assert_array_equal(found, coded)


@pytest.mark.parametrize("syntax", [ROOT + "50", ROOT + "80", ROOT + "90", ROOT + "201"])
def test_eight_bits_are_what_the_stream_has(syntax: str, tmp_path: Path) -> None:
    encode = {ROOT + "50": lambda a: imagecodecs.jpeg8_encode(a, level=100)}.get(syntax) or DEEP[syntax]
    stream = bytes(encode(GREY[0]))
    plain = dd.imread(compressed(stream, syntax, GREY[0], "MONOCHROME2"), values="stored")
    extra: list[s.Element] = [(0x00280101, "US", 7), (0x00280102, "US", 6)]
    contents = compressed(stream, syntax, GREY[0], "MONOCHROME2", *extra)
    check(contents, plain, tmp_path)
    assert codes(contents) == ["stream_precision"]


@pytest.mark.parametrize("named", ["MONOCHROME2", "MONOCHROME1", "PALETTE COLOR"])
def test_three_components_named_as_one(named: str, tmp_path: Path) -> None:
    """A stream that says no colour is YCbCr then, as where Photometric Interpretation is missing."""
    head: list[s.Element] = [(0x00280002, "US", [3]), (0x00280004, "CS", named), (0x00280006, "US", [0])]
    head += [(tag, "US", [16]) for tag in (0x00280010, 0x00280011)]
    head += [(0x00280100, "US", [8]), (0x00280101, "US", [8]), (0x00280102, "US", [7]), (0x00280103, "US", [0])]
    contents = s.dataset([*head, *s.encapsulate([ycc()])], syntax=BASELINE)
    for read in every_way(contents, tmp_path):
        assert np.abs(read(values="stored").astype(int) - FLAT)[:, [3, 12]].max() < 12
    assert {"samples_per_pixel", "photometric"} <= set(codes(contents))
