"""Every file that pydicom ships: the same pixels, the same tags."""

import itertools
import warnings
from functools import cache
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array

import dicomdecode as dd
from tests.reference_images import FOLDER, IMAGES, OWN, shipped

pytestmark = pytest.mark.filterwarnings("ignore")
FILES = [p for p in shipped() if "TINY_ALPHA" not in p.parts or p.name in ("DICOMDIR", "IM000000")]
NATIVE = (*OWN, "")
PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}


@cache
def read(path: Path) -> pydicom.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True)


def syntax_of(path: Path) -> str:
    return str(getattr(read(path).file_meta, "TransferSyntaxUID", ""))


def decoded(path: Path) -> np.ndarray | None:
    """What pydicom's own decoders give, in native byte order; None where they give nothing."""
    dataset = read(path)
    if syntax_of(path) not in NATIVE:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            pixels = np.asarray(pixel_array(dataset, raw=True))
        except Exception:
            return None
    return pixels.astype(pixels.dtype.newbyteorder("="))


def name(path: Path) -> str:
    return str(path.relative_to(FOLDER))


DECODED = [path for path in FILES if decoded(path) is not None]
#: A data set behind a stray byte, which pydicom takes for the first element.
STRAY_BYTE = FOLDER / "test_files" / "no_meta.dcm"
WITHOUT_PIXELS = [path for path in FILES if not PIXELS & set(read(path).keys()) and path != STRAY_BYTE]
#: The others are compressed, which the tests of codecs look at, or broken in a way that is known.
BROKEN = {
    "test_files/MR_truncated.dcm": "pixels_cut",
    "test_files/meta_missing_tsyntax.dcm": "attribute_missing",
    "test_files/nested_priv_SQ.dcm": "attribute_missing",
}


def test_pydicom_ships_what_the_tests_expect() -> None:
    assert len(IMAGES) >= 50
    assert len(DECODED) >= 50 and len(WITHOUT_PIXELS) >= 20
    native = {
        name(path)
        for path in FILES
        if syntax_of(path) in NATIVE and path not in [*DECODED, *WITHOUT_PIXELS, STRAY_BYTE]
    }
    assert native - {"test_files/badVR.dcm"} == set(BROKEN)  # which pydicom does not read as an image


@pytest.mark.parametrize("path", WITHOUT_PIXELS, ids=name)
def test_no_pixels(path: Path) -> None:
    with pytest.raises(dd.DicomError) as caught:
        dd.imread(path)
    broken = {"rtplan_truncated.dcm": "element_cut"}
    assert caught.value.code == broken.get(path.name, "no_pixel_data")
    assert dd.decode_dicom_image(path).shape == (0,)


def test_a_stray_byte_in_front() -> None:
    image = dd.open(STRAY_BYTE)
    assert "bytes in front of the data set" in " ".join(map(str, image.issues))
    assert np.array_equal(image.pixels(), dd.imread(FOLDER / "test_files" / "CT_small.dcm"))


@pytest.mark.parametrize("path", BROKEN)
def test_broken_images(path: str) -> None:
    with pytest.raises(dd.DicomError) as caught:
        dd.imread(FOLDER / path)
    assert caught.value.code == BROKEN[path]
    assert dd.decode_dicom_image(FOLDER / path).shape == (0,)


@pytest.mark.parametrize("path", DECODED, ids=name)
def test_pixels(path: Path) -> None:
    want = decoded(path)
    assert want is not None
    dataset = read(path)
    stored, allocated = dataset.get("BitsStored", 0), dataset.BitsAllocated
    found = dd.imread(path, values="stored", color="stored")
    assert found.dtype == want.dtype and found.shape == want.shape
    if stored < allocated:
        shift = allocated - stored
        want = np.right_shift(np.left_shift(want, shift), shift)
    np.testing.assert_array_equal(found, want)
    if dataset.PhotometricInterpretation in ("YBR_FULL", "YBR_FULL_422"):
        rgb = np.asarray(pixel_array(dataset))
        assert np.abs(dd.imread(path, values="stored").astype(int) - rgb).max() <= 1
    if dataset.PhotometricInterpretation.startswith("MONOCHROME"):
        slope = float(dataset.get("RescaleSlope", None) or dataset.get("DoseGridScaling", None) or 1)
        intercept = float(dataset.get("RescaleIntercept", None) or 0)
        np.testing.assert_allclose(dd.imread(path, dtype=np.float64), want * slope + intercept, rtol=1e-12)


def text_of(element: pydicom.DataElement) -> str | None:
    """The documented text of a pydicom element; None where pydicom's value has lost what the text needs."""
    vr, value = element.VR, element.value
    many = list(value) if element.VM > 1 else [] if element.VM == 0 else [value]
    if vr in ("US", "SS", "UL", "SL", "UV", "SV"):
        return "\\".join(str(v) for v in many)
    if vr in ("FL", "FD"):
        return "\\".join(str(np.float32(v)) if vr == "FL" else repr(float(v)) for v in many)
    if vr in ("OB", "OW", "UN", "OL", "OV"):
        return bytes(value or b"").hex()
    if vr == "AT":
        return "\\".join(f"({int(v) >> 16:04x},{int(v) & 0xFFFF:04x})" for v in many)
    if vr in ("IS", "DS"):
        return "\\".join("" if v is None or v == "" else getattr(v, "original_string", str(v)).strip() for v in many)
    if vr in ("AE", "CS", "LO", "SH"):
        return "\\".join(str(v or "").strip(" \0") for v in many)
    if vr in ("UI", "AS", "DA", "DT", "TM", "UC", "UR", "LT", "ST", "UT"):
        return "\\".join(str(v or "").rstrip(" \0") for v in many)
    return None


@pytest.mark.parametrize("path", [path for path in FILES if path != STRAY_BYTE], ids=name)
def test_tags(path: Path) -> None:
    """The text of every element of the data set and of file meta, at the top and in every item."""
    dataset = read.__wrapped__(path)  # untouched: looking at an element changes it
    wanted: dict[str, str] = {}

    def collect(items: pydicom.Dataset, prefix: str, depth: int) -> None:
        for tag in list(items.keys()):
            where = f"{tag.group:04x},{tag.elem:04x}"
            try:
                element = items[tag]
            except Exception:
                continue
            if element.VR == "SQ":
                for i, item in enumerate(itertools.islice(element.value, 3)):
                    collect(item, f"{prefix}[{where}][{i}]", depth + 1)
                continue
            text = text_of(element)
            if text is not None:
                wanted[f"{prefix}[{where}]"] = text

    collect(dataset, "", 0)
    collect(getattr(dataset, "file_meta", pydicom.Dataset()), "", 0)
    assert wanted
    found = dict(zip(wanted, dd.decode_dicom_data(path, list(wanted)), strict=True))
    different = {k: (found[k][:60], wanted[k][:60]) for k in wanted if found[k] != wanted[k]}
    assert not different


@pytest.mark.parametrize("path", DECODED, ids=name)
def test_header(path: Path) -> None:
    dataset = read(path)
    wanted = (dataset.Rows, dataset.Columns, dataset.get("BitsStored", 0), int(dataset.get("NumberOfFrames", 1) or 1))
    image = dd.open(path)
    assert (image.rows, image.columns, image.bits_stored, image.frames) == wanted
    assert image.photometric == dataset.PhotometricInterpretation
