"""Overlays (PS3.3 C.9): as arrays and burned in, their own data and the unused bits of Pixel Data, and damaged ones."""

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

import dicomdecode as dd
from dicomdecode.cli import main
from tests import synthesise as s
from tests.kit import NEEDS_KIT, kit_files

RNG = np.random.default_rng(5)
PIXELS = RNG.integers(0, 100, (9, 11), np.uint8)


def overlay(
    bits: np.ndarray, group: int = 0x6000, origin: tuple[int, int] = (1, 1), *, vr: str = "OW", **more: Any
) -> list[s.Element]:
    """The elements of an overlay [rows, columns] or [frames, rows, columns]; `more` adds elements, or drops one."""
    base = group << 16
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    found: dict[int, s.Element] = {
        0x0010: (base | 0x0010, "US", bits.shape[-2]),
        0x0011: (base | 0x0011, "US", bits.shape[-1]),
        0x0040: (base | 0x0040, "CS", "G"),
        0x0050: (base | 0x0050, "SS", list(origin)),
        0x0100: (base | 0x0100, "US", 1),
        0x0102: (base | 0x0102, "US", 0),
        0x3000: (base | 0x3000, vr, np.frombuffer(packed + b"\0" * (len(packed) % 2), "<u2") if vr == "OW" else packed),
    }
    if bits.ndim == 3:
        found[0x0015] = (base | 0x0015, "IS", len(bits))
    for name, value in more.items():
        element = int(name[1:], 16)
        if value is None:
            del found[element]
        else:
            found[element] = (base | element, *value)
    return [found[element] for element in sorted(found)]


def bits_of(*shape: int) -> np.ndarray:
    return RNG.random(shape) < 0.4


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.IMPLICIT_LE, s.EXPLICIT_BE, s.RLE])
@pytest.mark.parametrize("vr", ["OW", "OB"])
@pytest.mark.parametrize("shape", [(9, 11), (1, 1), (3, 5), (20, 30), (8, 16)], ids=str)
def test_all_groups(syntax: str, vr: str, shape: tuple[int, int]) -> None:
    wanted = [bits_of(*shape) for _ in range(16)]
    extra = [e for i, bits in enumerate(wanted) for e in overlay(bits, 0x6000 + 2 * i, (i - 3, 2), vr=vr)]
    image = dd.open(s.image(PIXELS, syntax=syntax, extra=extra))
    assert not image.issues
    for i, (found, bits) in enumerate(zip(image.overlays, wanted, strict=True)):
        assert (found.group, found.origin, found.type) == (0x6000 + 2 * i, (i - 3, 2), "G")
        assert (found.rows, found.columns, found.frames, found.embedded) == (*shape, 1, False)
        assert found.array.dtype == np.bool_ and found.array.flags.writeable
        np.testing.assert_array_equal(found.array, bits)
    np.testing.assert_array_equal(image.pixels(values="stored"), PIXELS)  # never unasked


def test_attributes() -> None:
    texts = {"x0022": ("LO", "a description"), "x1500": ("LO", "a label"), "x0045": ("LO", "USER")}
    found = dd.open(s.image(PIXELS, extra=overlay(bits_of(3, 4), 0x601E, x0040=("CS", "R"), **texts))).overlays[0]
    assert (found.label, found.description, found.type, found.subtype) == ("a label", "a description", "R", "USER")
    assert repr(found) == "<Overlay 601E R 1 x 3 x 4>"
    assert found.frame_origin == 1
    assert dd.open(s.image(PIXELS)).overlays == ()
    assert dd.open(s.dataset([(0x00080060, "CS", "PR"), *overlay(bits_of(3, 4))])).overlays[0].array.shape == (3, 4)


def burned(pixels: np.ndarray, bits: np.ndarray, origin: tuple[int, int], top: float) -> np.ndarray:
    """Pixel by pixel."""
    out = pixels.copy()
    for r, c in np.argwhere(bits):
        y, x = r + origin[0] - 1, c + origin[1] - 1
        if 0 <= y < out.shape[0] and 0 <= x < out.shape[1]:
            out[y, x] = top
    return out


@pytest.mark.parametrize("origin", [(1, 1), (3, 2), (-2, -3), (8, 10), (20, 1), (1, -40), (0, 0)], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_burned_in(origin: tuple[int, int], dtype: type) -> None:
    bits = bits_of(6, 7)
    contents = s.image(PIXELS, extra=overlay(bits, origin=origin))
    plain = dd.imread(contents, values="display", dtype=dtype)
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    want = burned(plain, bits, origin, top)
    np.testing.assert_array_equal(dd.imread(contents, values="display", dtype=dtype, overlays=True), want)
    part = dd.imread(contents, values="display", dtype=dtype, overlays=True, region=(2, 3, 5, 6))
    np.testing.assert_array_equal(part, want[2:7, 3:9])
    out = np.empty_like(want)
    assert dd.open(contents).pixels(values="display", dtype=dtype, overlays=True, out=out) is out
    np.testing.assert_array_equal(out, want)


def test_burned_into_colour() -> None:
    bits = bits_of(9, 11)
    pixels = RNG.integers(0, 250, (2, 9, 11, 3), np.uint8)
    found = dd.imread(s.image(pixels, photometric="RGB", extra=overlay(bits)), values="display", overlays=True)
    assert (found[:, bits] == 255).all()
    np.testing.assert_array_equal(found[:, ~bits], pixels[:, ~bits])


@pytest.mark.parametrize("values", ["stored", "modality", "voi"])
def test_only_for_display(values: str) -> None:
    with pytest.raises(ValueError, match="display"):
        dd.imread(s.image(PIXELS), values=values, overlays=True)
    with pytest.raises(ValueError, match="display"):
        dd.imread(s.image(PIXELS), values="display", reduce=1, overlays=True)


@pytest.mark.parametrize("first", [None, 1, 2, 4])
def test_frames(first: int | None) -> None:
    """Frames are counted from Image Frame Origin, and follow each other to the bit."""
    bits = bits_of(2, 5, 3)
    pixels = RNG.integers(0, 100, (4, 9, 11), np.uint8)
    more = {} if first is None else {"x0051": ("US", first)}
    image = dd.open(s.image(pixels, extra=overlay(bits, **more)))
    found = image.overlays[0]
    np.testing.assert_array_equal(found.array, bits)
    np.testing.assert_array_equal(found.plane(1), bits[1])
    with pytest.raises(IndexError):
        found.plane(2)
    want = image.pixels(values="display")
    for i in range(2):
        frame = (first or 1) - 1 + i
        if frame < 4:
            want[frame] = burned(want[frame], bits[i], (1, 1), 255)
    np.testing.assert_array_equal(image.pixels(values="display", overlays=True), want)
    np.testing.assert_array_equal(image.pixels(values="display", overlays=True, frames=[3, 1]), want[[3, 1]])
    np.testing.assert_array_equal(image.pixels(values="display", overlays=True, frames=1), want[1])


@pytest.mark.parametrize("more", [{}, {"x0051": ("US", 2)}], ids=["each frame", "frame 2"])
def test_one_plane_over_several_frames(more: dict[str, Any]) -> None:
    """One that knows no frames lies over each, as in DCMTK; PS3.3 C.9.3 numbers the frames of others."""
    bits = bits_of(9, 11)
    pixels = RNG.integers(0, 100, (3, 9, 11), np.uint8)
    found = dd.imread(s.image(pixels, extra=overlay(bits, **more)), values="display", overlays=True)
    assert [bool((frame[bits] == 255).all()) for frame in found] == ([False, True, False] if more else [True] * 3)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE, s.RLE, s.DEFLATED_FRAME])
@pytest.mark.parametrize("high_bit, bits_stored", [(11, 12), (13, 12)])
@pytest.mark.parametrize("signed", [False, True])
def test_embedded(syntax: str, high_bit: int, bits_stored: int, signed: bool) -> None:
    pixels = RNG.integers(0, 1 << bits_stored, (3, 9, 11), np.uint16)
    unused = [bit for bit in range(16) if not high_bit - bits_stored < bit <= high_bit]
    planes = {bit: bits_of(3, 9, 11) for bit in unused}
    cells = pixels << (high_bit + 1 - bits_stored)
    for bit, plane in planes.items():
        cells |= plane.astype(np.uint16) << bit
    extra: list[s.Element] = [(0x00280101, "US", bits_stored), (0x00280102, "US", high_bit)]
    extra += [(0x00280103, "US", int(signed))]
    for i, bit in enumerate(unused):
        size = {"x0100": ("US", 16), "x0102": ("US", bit), "x3000": None}
        extra += overlay(planes[bit][0], 0x6000 + 2 * i, **size)
    image = dd.open(s.image(cells, syntax=syntax, extra=extra))
    image.pixels()
    assert not {"overlay", "stray_bits"} & {issue.code for issue in image.issues}
    stored = image.pixels(values="stored")
    wanted = pixels.astype(np.int32)
    if signed:
        wanted -= (wanted >> (bits_stored - 1)) << bits_stored
    np.testing.assert_array_equal(stored, wanted)
    plain = image.pixels(values="display")
    for found, bit in zip(image.overlays, unused, strict=True):
        assert found.embedded and found.bit_position == bit and found.frames == 3
        np.testing.assert_array_equal(found.array, planes[bit])
    shown = image.pixels(values="display", overlays=True)
    union = np.logical_or.reduce(list(planes.values()))
    assert (shown[union] == 255).all()
    np.testing.assert_array_equal(shown[~union], plain[~union])


def test_embedded_in_lossless_jpeg() -> None:
    """The bits are in the samples where the stream is as deep as the cells."""
    import imagecodecs

    pixels = RNG.integers(0, 4096, (16, 16), np.uint16)
    plane = bits_of(16, 16)
    stream = imagecodecs.ljpeg_encode(pixels | plane.astype(np.uint16) << 15, bitspersample=16)
    extra: list[s.Element] = [(0x00280101, "US", 12), (0x00280102, "US", 11)]
    extra += overlay(plane, x0100=("US", 16), x0102=("US", 15), x3000=None)
    body: list[s.Element] = [(0x00280002, "US", 1), (0x00280004, "CS", "MONOCHROME2"), (0x00280010, "US", 16)]
    body += [(0x00280011, "US", 16), (0x00280100, "US", 16), *extra[:2], (0x00280103, "US", 0), *extra[2:]]
    image = dd.open(s.dataset([*body, *s.encapsulate([stream])], syntax="1.2.840.10008.1.2.4.70"))
    np.testing.assert_array_equal(image.overlays[0].array, plane)


DAMAGED: dict[str, tuple[dict[str, Any], int]] = {
    "short": ({"x0010": ("US", 500)}, 0x60003000),
    "huge": ({"x0010": ("US", 65535), "x0011": ("US", 65535), "x0015": ("IS", 2000000000)}, 0),
    "no rows": ({"x0010": None}, 0x60000010),
    "no columns": ({"x0011": ("US", 0)}, 0x60000011),
    "no frames": ({"x0015": ("IS", 0)}, 0x60000015),
    "negative frames": ({"x0015": ("IS", -3)}, 0x60000015),
    "a bit that is stored": ({"x3000": None}, 0x60000102),
    "a bit outside": ({"x3000": None, "x0102": ("US", 99)}, 0x60000102),
    "a bit below": ({"x3000": None, "x0102": ("IS", "-1")}, 0x60000102),
    "empty data": ({"x3000": ("OW", b"")}, 0x60000102),
}


@pytest.mark.parametrize("more, tag", DAMAGED.values(), ids=list(DAMAGED))
def test_damaged(more: dict[str, Any], tag: int) -> None:
    """An error that names the tag when it is asked for, an issue otherwise; the pixels are no worse for it."""
    contents = s.image(PIXELS, extra=overlay(bits_of(9, 11), **more))
    image = dd.open(contents)
    for call in (
        lambda: image.overlays[0].array,
        lambda: image.overlays[0].plane(0),
        lambda: image.pixels(values="display", overlays=True),
    ):
        with pytest.raises(dd.DicomError) as caught:
            call()
        assert caught.value.tag == tag or (not tag and isinstance(caught.value, dd.LimitError))
        assert isinstance(caught.value, (dd.MalformedError, dd.LimitError)) and caught.value.code
    assert any("overlay" in issue.lower() for issue in image.issues)
    np.testing.assert_array_equal(dd.imread(contents, values="stored"), PIXELS)
    assert dd.imread(contents, values="display").shape == PIXELS.shape


def test_embedded_of_another_size() -> None:
    cells = RNG.integers(0, 65536, (9, 11), np.uint16)
    extra: list[s.Element] = [(0x00280101, "US", 12), (0x00280102, "US", 11)]
    image = dd.open(s.image(cells, extra=extra + overlay(bits_of(4, 4), x0102=("US", 15), x3000=None)))
    with pytest.raises(dd.MalformedError) as caught:
        _ = image.overlays[0].array
    assert caught.value.tag == 0x60000010


def test_limits() -> None:
    contents = s.image(PIXELS, extra=overlay(bits_of(100, 100)))
    image = dd.open(contents, limits=dd.Limits(pixels_per_frame=5000))
    with pytest.raises(dd.LimitError):
        _ = image.overlays[0].array
    assert image.pixels().shape == PIXELS.shape


def test_garbage() -> None:
    """Random elements of the group: an array or a DicomError."""
    rng = np.random.default_rng(9)
    vrs = {0x10: "US", 0x11: "US", 0x15: "IS", 0x50: "SS", 0x51: "US", 0x100: "US", 0x102: "US", 0x3000: "OW"}
    for _ in range(400):
        extra = []
        for element, vr in vrs.items():
            if rng.random() < 0.8:
                size = int(rng.integers(0, 6)) if element != 0x3000 else int(rng.integers(0, 200))
                small = bytes([int(rng.integers(0, 12)), 0]) if rng.random() < 0.7 else rng.bytes(2 * size)
                extra.append((0x60000000 | element, vr, rng.bytes(size) if element == 0x3000 else small))
        image = dd.open(s.image(PIXELS, extra=extra))
        assert isinstance(image.issues, tuple)
        for found in image.overlays:
            try:
                assert found.array.ndim in (2, 3)
            except dd.DicomError:
                continue
        try:
            assert image.pixels(values="display", overlays=True).shape == PIXELS.shape
        except dd.DicomError:
            continue


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.IMPLICIT_LE])
@pytest.mark.filterwarnings("ignore")
def test_as_pydicom(syntax: str) -> None:
    contents = s.image(PIXELS, syntax=syntax, extra=overlay(bits_of(3, 7, 5)) + overlay(bits_of(9, 11), 0x600A))
    dataset = pydicom.dcmread(io.BytesIO(contents))
    overlays = dd.open(contents).overlays
    assert [found.group for found in overlays] == [0x6000, 0x600A]
    for found in overlays:
        np.testing.assert_array_equal(found.array, dataset.overlay_array(found.group))


def test_the_file_of_pydicom() -> None:
    path = get_testdata_file("examples_overlay.dcm")
    image = dd.open(path)
    want = pydicom.dcmread(path).overlay_array(0x6000)
    np.testing.assert_array_equal(image.overlays[0].array, want)
    shown = image.pixels(values="display", overlays=True)
    assert (shown[want != 0] == 255).all()
    np.testing.assert_array_equal(shown[want == 0], image.pixels(values="display")[want == 0])


@pytest.mark.slow
@NEEDS_KIT
@pytest.mark.filterwarnings("ignore")
def test_files_of_the_kit() -> None:
    seen = 0
    for path in kit_files():
        try:
            found = dd.open(path).overlays
        except dd.DicomError:
            continue
        dataset = pydicom.dcmread(path, force=True) if found else None
        for one in found:
            if dataset is not None and one.rows and not one.embedded:
                np.testing.assert_array_equal(one.array, dataset.overlay_array(one.group))
                seen += 1
    assert seen >= 3


def mixed() -> bytes:
    """Three overlays: two with data of their own, inside and across the edge, and one in bit 14."""
    pixels = RNG.integers(0, 4096, (24, 32), np.uint16)
    plane = bits_of(24, 32)
    extra: list[s.Element] = [(0x00280101, "US", 12), (0x00280102, "US", 11)]
    extra += overlay(bits_of(5, 6), 0x6000, (3, 4)) + overlay(bits_of(9, 9), 0x6002, (-3, 28))
    extra += overlay(plane, 0x6004, x0100=("US", 16), x0102=("US", 14), x3000=None)
    return s.image(pixels | plane.astype(np.uint16) << 14, extra=extra)


@pytest.mark.parametrize("name", ["synthesised", "examples_overlay.dcm", pytest.param("overlay.dcm", marks=NEEDS_KIT)])
def test_as_dcmtk(name: str, tmp_path: Path) -> None:
    """dcm2pnm +O draws the same pixels, embedded overlays and origins outside the image included."""
    program = shutil.which("dcm2pnm")
    if program is None:
        pytest.skip("DCMTK: dcm2pnm is not installed")
    path = tmp_path / "in.dcm"
    if name == "overlay.dcm":
        path = next(path for path in kit_files() if path.name == name)
    else:
        path.write_bytes(mixed() if name == "synthesised" else Path(get_testdata_file(name)).read_bytes())

    def drawn(*options: str) -> np.ndarray:
        target = tmp_path / "out.pgm"
        command = [program, "+Wm", *options, str(path), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return np.asarray(Image.open(target))

    plain, shown = drawn("-O"), drawn("+O", "0")
    image = dd.open(path)
    union = np.zeros(plain.shape, bool)
    for found in image.overlays:
        union |= burned(np.zeros(plain.shape, np.uint8), found.array, found.origin, 1).astype(bool)
    assert union.sum() > 50
    np.testing.assert_array_equal(shown, np.where(union, 255, plain))
    ours = image.pixels(values="display", overlays=True)
    np.testing.assert_array_equal(ours, np.where(union, 255, image.pixels(values="display")))


def test_show_draws_them_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "in.dcm"
    path.write_bytes(mixed())
    for options, overlays in (([], False), (["--overlays"], True)):
        assert main(["show", str(path), "-o", str(tmp_path / "out.png"), *options]) == 0
        want = dd.imread(path, values="display", window="auto", overlays=overlays)
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out.png")), want)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE, s.RLE])
@pytest.mark.parametrize("at", [(1, 1), (-2, 4), (6, -3)])
def test_part_by_part(syntax: str, at: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are unpacked together end anywhere in a byte."""
    extra = overlay(bits_of(3, 9, 11), origin=at)
    embedded = [e for e in overlay(bits_of(9, 11), 0x6002, x0102=("US", 7)) if e[0] != 0x60023000]
    pixels = RNG.integers(0, 256, (3, 9, 11), np.uint8)
    contents = s.image(pixels, syntax=syntax, bits_stored=7, extra=[*extra, *embedded])
    arrays = [one.array for one in dd.open(contents).overlays]
    shown = dd.imread(contents, values="display", overlays=True)
    monkeypatch.setattr("dicomdecode.pixels.overlays._AT_ONCE", 25)
    for one, array in zip(dd.open(contents).overlays, arrays, strict=True):
        np.testing.assert_array_equal(one.array, array)
    np.testing.assert_array_equal(dd.imread(contents, values="display", overlays=True), shown)
