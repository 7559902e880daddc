"""`color="srgb"`: ICC profiles of the data set and of optical paths, against Pillow and pydicom; and damaged ones."""

import io
import struct
import sys
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageCms
from pydicom.pixels import apply_icc_profile

import dicomdecode as dd
from tests import synthesise as s
from tests.kit import NEEDS_KIT, kit_files
from tests.pixels.test_palette import looked_up, tables_of

RNG = np.random.default_rng(4)
PIXELS = RNG.integers(0, 256, (3, 6, 7, 3), np.uint8)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped() -> bytes:
    """sRGB with the colorants of red and blue exchanged."""
    profile = bytearray(SRGB)
    count = struct.unpack(">I", profile[128:132])[0]
    at = {bytes(profile[p : p + 4]): p for p in range(132, 132 + 12 * count, 12)}
    red, blue = at[b"rXYZ"], at[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile)


SWAPPED = swapped()


def profile_element(profile: bytes) -> s.Element:
    return (0x00282000, "OB", profile)


def converted(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """By Pillow alone."""
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(opened, ImageCms.createProfile("sRGB"), "RGB", "RGB")
    flat = np.ascontiguousarray(pixels).reshape(-1, pixels.shape[-2], 3)
    return np.asarray(ImageCms.applyTransform(Image.fromarray(flat), transform)).reshape(pixels.shape)


def test_swapped_colorants() -> None:
    contents = s.image(PIXELS, photometric="RGB", extra=[profile_element(SWAPPED)])
    np.testing.assert_array_equal(dd.imread(contents), PIXELS)  # never unasked
    found = dd.imread(contents, color="srgb")
    np.testing.assert_array_equal(found, converted(PIXELS, SWAPPED))
    assert np.abs(found.astype(int) - PIXELS[..., ::-1]).max() <= 2
    for i in range(3):
        np.testing.assert_array_equal(dd.imread(contents, color="srgb", frames=i), found[i])
    np.testing.assert_array_equal(dd.imread(contents, color="srgb", threads=3), found)
    np.testing.assert_array_equal(dd.imread(contents, color="srgb", region=(1, 2, 3, 4)), found[:, 1:4, 2:6])
    shown = dd.imread(contents, color="srgb", values="voi")
    np.testing.assert_allclose(shown, found / 255, rtol=1e-6)
    strict = dd.decode_dicom_image(contents, color="srgb", dtype=np.uint16, scale="auto", on_error="strict")
    np.testing.assert_array_equal(strict, found.astype(np.uint16) * 257)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE, s.RLE])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL", "YBR_FULL_422"])
@pytest.mark.parametrize("planar", [0, 1])
def test_behind_the_conversion(syntax: str, photometric: str, planar: int) -> None:
    pixels = np.ascontiguousarray(PIXELS[:, :, :6])
    contents = s.image(
        pixels,
        syntax=syntax,
        photometric=photometric,
        planar=planar if photometric == "RGB" else 0,
        extra=[profile_element(SWAPPED)],
    )
    rgb = dd.imread(contents, color="rgb")
    np.testing.assert_array_equal(dd.imread(contents, color="srgb"), converted(rgb, SWAPPED))


def test_larger_than_a_part() -> None:
    pixels = RNG.integers(0, 256, (1100, 1000, 3), np.uint8)
    found = dd.imread(s.image(pixels, photometric="RGB", extra=[profile_element(SWAPPED)]), color="srgb")
    np.testing.assert_array_equal(found, converted(pixels, SWAPPED))


def test_palette() -> None:
    """The table is converted, not the pixels."""
    tables = tables_of(100, 8)
    pixels = RNG.integers(0, 100, (2, 5, 7), np.uint8)
    extra = [*s.lookup_tables(tables, bits=8), profile_element(SWAPPED)]
    contents = s.image(pixels, photometric="PALETTE COLOR", extra=extra)
    want = converted(looked_up(pixels, tables), SWAPPED)
    np.testing.assert_array_equal(dd.imread(contents, color="srgb"), want)
    np.testing.assert_array_equal(dd.imread(contents, color="srgb", region=(1, 1, 2, 3)), want[:, 1:3, 1:4])
    np.testing.assert_array_equal(dd.imread(contents), looked_up(pixels, tables))


def optical_path(name: str, profile: bytes | None) -> list[s.Element]:
    found: list[s.Element] = [(0x00480106, "SH", name)]
    return ([profile_element(profile)] if profile is not None else []) + found


def path_of_frame(name: str) -> list[s.Element]:
    return [(0x00480207, "SQ", [[(0x00480106, "SH", name)]])]


def test_optical_paths() -> None:
    """Each frame has the profile of its own path; else of the shared one, else of the first."""
    paths: s.Element = (0x00480105, "SQ", [optical_path("A", SRGB), optical_path("B", SWAPPED)])
    per_frame: s.Element = (0x52009230, "SQ", [path_of_frame("B"), path_of_frame("A"), []])
    shared: s.Element = (0x52009229, "SQ", [path_of_frame("B")])
    want = converted(PIXELS, SWAPPED)
    same = converted(PIXELS, SRGB)
    one: s.Element = (0x00480105, "SQ", [optical_path("A", SWAPPED)])
    for extra, swaps in (
        ([one], [True] * 3),
        ([paths], [False] * 3),
        ([paths, per_frame], [True, False, False]),
        ([paths, shared, per_frame], [True, False, True]),
    ):
        found = dd.imread(s.image(PIXELS, photometric="RGB", extra=extra), color="srgb")
        for i, swap in enumerate(swaps):
            np.testing.assert_array_equal(found[i], want[i] if swap else same[i])


def test_a_path_without_a_profile() -> None:
    paths: s.Element = (0x00480105, "SQ", [optical_path("A", SRGB), optical_path("B", None)])
    per_frame: s.Element = (0x52009230, "SQ", [path_of_frame("A"), path_of_frame("B"), []])
    contents = s.image(PIXELS, photometric="RGB", extra=[paths, per_frame])
    assert dd.imread(contents, color="srgb", frames=0).shape == PIXELS.shape[1:]
    with pytest.raises(dd.UnsupportedError) as caught:
        dd.imread(contents, color="srgb")
    assert (caught.value.code, caught.value.frame) == ("icc_missing", 1)


@pytest.mark.parametrize(
    "contents, code",
    [
        (s.image(PIXELS, photometric="RGB"), "icc_missing"),
        (s.image(PIXELS.astype(np.uint16), photometric="RGB", extra=[profile_element(SRGB)]), "icc_depth"),
    ],
    ids=["no profile", "16 bits"],
)
def test_unsupported(contents: bytes, code: str) -> None:
    with pytest.raises(dd.UnsupportedError) as caught:
        dd.imread(contents, color="srgb")
    assert caught.value.code == code
    dd.imread(contents)


def test_monochrome_is_as_it_is() -> None:
    grey = PIXELS[..., 0].copy()
    np.testing.assert_array_equal(dd.imread(s.image(grey), color="srgb", values="stored"), grey)


DAMAGED: dict[str, bytes] = {
    "short": SRGB[:100],
    "cut": SRGB[:-30],
    "zeros": bytes(600),
    "a size of 0": bytes(4) + SRGB[4:],
    "no signature": SRGB[:36] + b"xxxx" + SRGB[40:],
    "absurd tags": SRGB[:128] + b"\xff" * 4 + SRGB[132:],
    "no tags": struct.pack(">I", 132) + SRGB[4:128] + bytes(4),
}


@pytest.mark.parametrize("profile", DAMAGED.values(), ids=list(DAMAGED))
def test_damaged(profile: bytes) -> None:
    contents = s.image(PIXELS, photometric="RGB", extra=[profile_element(profile)])
    with pytest.raises(dd.MalformedError) as caught:
        dd.imread(contents, color="srgb")
    assert (caught.value.code, caught.value.tag) == ("icc_profile", 0x00282000)
    np.testing.assert_array_equal(dd.imread(contents), PIXELS)


def test_of_something_else() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    with pytest.raises(dd.UnsupportedError) as caught:
        dd.imread(s.image(PIXELS, photometric="RGB", extra=[profile_element(lab)]), color="srgb")
    assert caught.value.code == "icc_space"


def test_a_huge_profile() -> None:
    with pytest.raises(dd.LimitError) as caught:
        dd.imread(s.image(PIXELS, photometric="RGB", extra=[profile_element(bytes(1 << 24) + SRGB)]), color="srgb")
    assert caught.value.code == "icc_size"


def test_garbage() -> None:
    """Bytes of a profile replaced at random: an array or a DicomError, nothing printed."""
    rng = np.random.default_rng(6)
    errors = 0
    for _ in range(300):
        profile = bytearray(SWAPPED)
        for _ in range(int(rng.integers(1, 12))):
            profile[int(rng.integers(0, len(profile) if rng.random() < 0.5 else 320))] = int(rng.integers(0, 256))
        contents = s.image(PIXELS[0], photometric="RGB", extra=[profile_element(bytes(profile))])
        try:
            assert dd.imread(contents, color="srgb").shape == PIXELS.shape[1:]
        except dd.DicomError:
            errors += 1
    assert 0 < errors < 300


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.ImageCms", None)
    monkeypatch.delattr("PIL.ImageCms", raising=False)
    contents = s.image(PIXELS, photometric="RGB", extra=[profile_element(SRGB)])
    for call in (lambda: dd.imread(contents, color="srgb"), lambda: dd.decode_dicom_image(contents, color="srgb")):
        with pytest.raises(ImportError, match="python3 -m pip install Pillow"):
            call()
    np.testing.assert_array_equal(dd.imread(contents), PIXELS)


@pytest.mark.parametrize("intent", [0, 1, 2, 3, 77])
def test_as_pydicom(intent: int) -> None:
    """With the rendering intent that the profile names."""
    profile = SWAPPED[:64] + struct.pack(">I", intent) + SWAPPED[68:]
    contents = s.image(PIXELS, photometric="RGB", extra=[profile_element(profile)])
    want = PIXELS.copy()
    if intent <= 3:
        apply_icc_profile(want, pydicom.dcmread(io.BytesIO(contents)))
        np.testing.assert_array_equal(dd.imread(contents, color="srgb"), want)
    else:
        assert dd.imread(contents, color="srgb").shape == want.shape


@pytest.mark.slow
@NEEDS_KIT
@pytest.mark.filterwarnings("ignore")
def test_files_of_the_kit() -> None:
    seen = 0
    for path in kit_files():
        try:
            dataset: Any = pydicom.dcmread(path, stop_before_pixels=True)
        except (pydicom.errors.InvalidDicomError, OSError):
            continue
        holder = dataset if "ICCProfile" in dataset else next(iter(dataset.get("OpticalPathSequence", [])), None)
        if holder is None or "ICCProfile" not in holder or "Rows" not in dataset:
            continue
        want = np.ascontiguousarray(dd.imread(path))
        apply_icc_profile(want, holder)
        np.testing.assert_array_equal(dd.imread(path, color="srgb"), want)
        seen += 1
    assert seen >= 1
