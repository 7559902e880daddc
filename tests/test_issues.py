"""`DicomImage.issues`: each oddity is told, by a stable word; a sound file has none; nothing of a patient is told."""

import contextlib
import pickle
import re
import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.cli import main
from tests import synthesise as s
from tests.codecs.streams import without_colour
from tests.reference_images import FOLDER, IMAGES

RNG = np.random.default_rng(8)
GREY = RNG.integers(0, 256, (8, 10), np.uint8)
DEEP = RNG.integers(0, 4096, (8, 10), np.uint16)
RGB = RNG.integers(0, 256, (8, 10, 3), np.uint8)


def codes(contents: bytes) -> list[str]:
    return [issue.code for issue in dd.open(contents).issues]


def compressed(stream: bytes, syntax: str, like: np.ndarray, photometric: str, *extra: s.Element) -> bytes:
    """A file of one codestream, with the header of uncompressed pixels like these."""
    samples = like.shape[2] if like.ndim == 3 else 1
    bits = 8 * like.dtype.itemsize
    head: dict[int, s.Element] = {
        0x00280002: (0x00280002, "US", samples),
        0x00280004: (0x00280004, "CS", photometric),
        0x00280006: (0x00280006, "US", 0),
        0x00280010: (0x00280010, "US", like.shape[0]),
        0x00280011: (0x00280011, "US", like.shape[1]),
        0x00280100: (0x00280100, "US", bits),
        0x00280101: (0x00280101, "US", bits),
        0x00280102: (0x00280102, "US", bits - 1),
        0x00280103: (0x00280103, "US", int(like.dtype.kind == "i")),
    }
    head |= {e[0]: e for e in extra if not isinstance(e, bytes)}
    body = [head[tag] for tag in sorted(head)]
    return s.dataset([*body, *s.encapsulate([stream])], syntax=syntax)


JPEG, JPEG_LS, J2K = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"
LUT = [(0x00283002, "US", [4, 0, 8]), (0x00283006, "US", [0, 100, 900, 4000])]
US = "US"


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.IMPLICIT_LE, s.EXPLICIT_BE, s.RLE, s.DEFLATED_FRAME])
def test_a_sound_file_has_none(syntax: str) -> None:
    for pixels, photometric in ((GREY, "MONOCHROME2"), (DEEP, "MONOCHROME1"), (RGB, "RGB"), (RGB, "YBR_FULL")):
        image = dd.open(s.image(pixels, syntax=syntax, photometric=photometric))
        assert image.issues == ()
        image.pixels()
        assert image.issues == ()


def test_an_issue_is_a_text() -> None:
    issue = dd.open(s.image(GREY, without=[0x00280102])).issues[0]
    assert isinstance(issue, str) and issue == "High Bit is missing"
    assert (issue.code, issue.tag) == ("attribute_missing", 0x00280102)
    again = pickle.loads(pickle.dumps(issue))
    assert again == issue and (again.code, again.tag) == (issue.code, issue.tag)


def stray(bits: int, high: int, value: int, signed: int = 0) -> bytes:
    cells = np.full((8, 10), value, np.uint16)
    extra: list[s.Element] = [(0x00280101, US, bits), (0x00280102, US, high), (0x00280103, US, signed)]
    return s.image(cells, extra=extra)


CASES: dict[str, tuple[bytes, list[str]]] = {
    "no transfer syntax": (s.image(GREY, syntax=s.EXPLICIT_LE, meta=False, preamble=False), ["no_transfer_syntax"]),
    "another encoding": (s.image(GREY, syntax=s.EXPLICIT_LE, encoding=s.IMPLICIT), ["encoding"]),
    "no High Bit": (s.image(GREY, without=[0x00280102]), ["attribute_missing"]),
    "no Bits Stored": (s.image(GREY, without=[0x00280101]), ["attribute_missing"]),
    "no Pixel Representation": (s.image(GREY, without=[0x00280103]), ["attribute_missing"]),
    "no Photometric Interpretation": (s.image(GREY, without=[0x00280004]), ["attribute_missing"]),
    "High Bit, left justified": (s.image(DEEP, bits_stored=12, high_bit=15), ["high_bit"]),
    "High Bit outside": (s.image(DEEP, bits_stored=12, extra=[(0x00280102, US, 99)]), ["high_bit"]),
    "stray bits": (stray(12, 11, 0x9123), ["stray_bits"]),
    "stray bits below": (stray(12, 15, 0x9123), ["high_bit", "stray_bits"]),
    "a sign, extended": (stray(12, 11, 0xF923, 1), []),
    "half a sign": (stray(12, 11, 0x7923, 1), ["stray_bits"]),
    "window width": (s.image(GREY, extra=[(0x00281050, "DS", "5"), (0x00281051, "DS", "0")]), ["window_width"]),
    "a slope that is a text": (s.image(GREY, extra=[(0x00281053, "DS", "fast")]), ["decimal_string"]),
    "Modality LUT": (s.image(GREY, extra=[(0x00283000, "SQ", [LUT])]), ["lut_depth"]),
    "VOI LUT": (s.image(GREY, extra=[(0x00283010, "SQ", [LUT])]), ["lut_depth"]),
    "LUT without data": (s.image(GREY, extra=[(0x00283010, "SQ", [LUT[:1]])]), ["lut_data"]),
    "no palette": (s.image(GREY, photometric="PALETTE COLOR"), ["palette_descriptor"]),
    "trailing bytes": (s.image(np.stack([GREY] * 3), number_of_frames=2), ["trailing_bytes"]),
    "too few frames": (s.image(np.stack([GREY] * 3), number_of_frames=5), ["frames_missing"]),
    "no number of frames": (s.image(GREY, number_of_frames="x"), ["number_of_frames"]),
    "0 frames": (s.image(GREY, number_of_frames=0), ["number_of_frames"]),
    "functional groups": (s.image(np.stack([GREY] * 3), extra=[(0x52009230, "SQ", [[]])]), ["functional_groups"]),
    "no offsets": (s.image(np.stack([GREY] * 3), syntax=s.RLE), ["offset_table"]),
    "wrong offsets": (s.image(np.stack([GREY] * 3), syntax=s.RLE, table="lying"), ["offset_table"]),
    "offsets": (s.image(np.stack([GREY] * 3), syntax=s.RLE, table="full"), []),
    "extended offsets": (s.image(np.stack([GREY] * 3), syntax=s.RLE, table="extended"), []),
    "offsets of fewer frames": (
        s.image(np.stack([GREY] * 3), syntax=s.RLE, table="full", number_of_frames=4),
        ["offset_table", "frames_missing"],
    ),
    "more fragments than frames": (
        s.image(np.stack([GREY] * 3), syntax=s.RLE, number_of_frames=2),
        ["offset_table", "frames_extra"],
    ),
    "character set": (s.image(GREY, extra=[(0x00080005, "CS", "KLINGON")]), ["character_set"]),
    "character sets": (s.image(GREY, extra=[(0x00080005, "CS", ["", "ISO 2022 IR 87"])]), []),
    "4:2:2 in full": (
        s.image(RGB, photometric="YBR_FULL", extra=[(0x00280004, "CS", "YBR_FULL_422")]),
        ["full_422"],
    ),
}


@pytest.mark.parametrize("contents, wanted", CASES.values(), ids=list(CASES))
def test_headers(contents: bytes, wanted: list[str], tmp_path: Path) -> None:
    assert codes(contents) == wanted
    path = tmp_path / "x.dcm"
    path.write_bytes(contents)
    with dd.open(path) as image:
        assert [issue.code for issue in image.issues] == wanted


def test_odd_length() -> None:
    element = s.tag_bytes(0x00204000) + b"LT" + struct.pack("<H", 3) + b"abc"
    image = dd.open(s.image(GREY, extra=[element]))
    assert [(issue.code, issue.tag) for issue in image.issues] == [("odd_length", 0x00204000)]


def test_cut() -> None:
    contents = s.image(DEEP)
    assert codes(contents[:-20]) == ["pixels_cut", "frames_missing"]


def before_and_after(contents: bytes) -> None:
    """What was decoded in between does not change what is odd about the file."""
    image = dd.open(contents)
    before = image.issues
    for keywords in ({"values": "stored"}, {"values": "display"}, {"color": "stored"}):
        with contextlib.suppress(dd.DicomError):
            image.pixels(**keywords)
        assert image.issues == before
    assert dd.open(contents).issues == before


@pytest.mark.parametrize(
    "syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE, s.DEFLATED, s.RLE, s.DEFLATED_FRAME, s.ENCAPSULATED_UNCOMPRESSED]
)
def test_stray_bits_before_and_after_pixels(syntax: str) -> None:
    contents = s.image(DEEP, bits_stored=12, stray=3, syntax=syntax)
    assert codes(contents) == ([] if syntax in s.ENCAPSULATED else ["stray_bits"])
    before_and_after(contents)


@pytest.mark.parametrize("contents", [contents for contents, _ in CASES.values()], ids=list(CASES))
def test_issues_before_and_after_pixels(contents: bytes) -> None:
    before_and_after(contents)


def test_nothing_is_decompressed_for_issues(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of every reference image: a codec is not even loaded."""

    def refuse(name: str) -> None:
        raise AssertionError(f"the codec {name} was asked for")

    monkeypatch.setattr("dicomdecode.codecs.load", refuse)
    compressed_ones = 0
    for reference in IMAGES:
        with dd.open(reference.path) as image:
            assert isinstance(image.issues, tuple)
            compressed_ones += image.transfer_syntax not in (s.IMPLICIT_LE, s.EXPLICIT_LE, s.EXPLICIT_BE, s.DEFLATED)
    assert compressed_ones > 10


def app14(stream: bytes, transform: int) -> bytes:
    """The stream with an Adobe marker, and without JFIF."""
    at = 4 + struct.unpack(">H", stream[4:6])[0] if stream[2:4] == b"\xff\xe0" else 2
    return stream[:2] + b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform]) + stream[at:]


def jpegs() -> dict[str, tuple[bytes, list[str]]]:
    ybr = imagecodecs.jpeg8_encode(RGB, colorspace="RGB", outcolorspace="YCBCR")
    half = without_colour(ybr)
    plain = without_colour(imagecodecs.jpeg8_encode(RGB, colorspace="RGB", outcolorspace="RGB", subsampling="444"))
    grey = imagecodecs.jpeg8_encode(GREY)
    sos = grey.index(b"\xff\xda")
    scan = bytearray(grey)
    scan[sos + 8] = 0
    return {
        "JFIF, YBR": (compressed(ybr, JPEG, RGB, "YBR_FULL"), []),
        "no markers": (compressed(plain, JPEG, RGB, "RGB"), []),
        "APP14 RGB, header YBR": (compressed(app14(plain, 0), JPEG, RGB, "YBR_FULL_422"), ["photometric"]),
        "APP14 YBR, header RGB": (compressed(app14(ybr, 1), JPEG, RGB, "RGB"), ["photometric"]),
        "APP14 YBR, header YBR": (compressed(app14(ybr, 1), JPEG, RGB, "YBR_FULL"), []),
        "half chroma, header RGB": (compressed(half, JPEG, RGB, "RGB"), ["photometric"]),
        "JFIF, header RGB": (compressed(ybr, JPEG, RGB, "RGB"), ["photometric"]),
        "no end": (compressed(grey.removesuffix(b"\xff\xd9"), JPEG, GREY, "MONOCHROME2"), ["stream_end"]),
        "rows": (compressed(grey, JPEG, GREY[:7], "MONOCHROME2"), ["stream_rows"]),
        "columns": (compressed(grey, JPEG, GREY[:, :7], "MONOCHROME2"), ["stream_columns"]),
        "components": (compressed(grey, JPEG, RGB, "RGB"), ["stream_components"]),
        "bits": (compressed(grey, JPEG, GREY.astype(np.uint16), "MONOCHROME2"), ["stream_precision"]),
        "process": (compressed(imagecodecs.ljpeg_encode(GREY), JPEG, GREY, "MONOCHROME2"), ["stream_process"]),
        "scan header": (compressed(bytes(scan), JPEG, GREY, "MONOCHROME2"), ["stream_scan"]),
        "no stream": (compressed(b"garbage!", JPEG, GREY, "MONOCHROME2"), ["stream_start"]),
        "JPEG-LS": (compressed(imagecodecs.jpegls_encode(GREY), JPEG_LS, GREY, "MONOCHROME2"), []),
        "JPEG-LS in JPEG": (
            compressed(imagecodecs.jpegls_encode(GREY), JPEG, GREY, "MONOCHROME2"),
            ["stream_process"],
        ),
    }


@pytest.mark.parametrize("name", list(jpegs()))
def test_jpeg(name: str) -> None:
    contents, wanted = jpegs()[name]
    assert codes(contents) == wanted
    before_and_after(contents)


def jpeg2000s() -> dict[str, tuple[bytes, list[str]]]:
    plain = imagecodecs.jpeg2k_encode(RGB, codecformat="j2k", level=0, mct=False)
    mixed = imagecodecs.jpeg2k_encode(RGB, codecformat="j2k", level=0, mct=True)
    signed = DEEP.astype(np.int16)
    deep = imagecodecs.jpeg2k_encode(DEEP, codecformat="j2k", level=0)
    return {
        "RGB": (compressed(plain, J2K, RGB, "RGB"), []),
        "RCT": (compressed(mixed, J2K, RGB, "YBR_RCT"), []),
        "RCT, header RGB": (compressed(mixed, J2K, RGB, "RGB"), ["photometric"]),
        "RGB, header RCT": (compressed(plain, J2K, RGB, "YBR_RCT"), ["photometric"]),
        "sign": (compressed(deep, J2K, signed, "MONOCHROME2"), ["stream_sign"]),
        "bits": (compressed(deep, J2K, DEEP, "MONOCHROME2", (0x00280101, US, 12)), ["high_bit", "stream_precision"]),
        "no end": (compressed(deep[:-2], J2K, DEEP, "MONOCHROME2"), ["stream_end"]),
        "size": (compressed(deep, J2K, DEEP[:5, :5], "MONOCHROME2"), ["stream_rows", "stream_columns"]),
        "JPEG": (compressed(imagecodecs.jpeg8_encode(GREY), J2K, GREY, "MONOCHROME2"), ["stream_codec"]),
        "damaged": (compressed(b"nothing of the kind", J2K, DEEP, "MONOCHROME2"), ["stream_start"]),
    }


@pytest.mark.parametrize("name", list(jpeg2000s()))
def test_jpeg2000(name: str) -> None:
    contents, wanted = jpeg2000s()[name]
    assert codes(contents) == wanted
    before_and_after(contents)


@pytest.mark.parametrize("reference", IMAGES, ids=str)
def test_files_of_pydicom(reference: Any) -> None:
    """Of real files: nothing of the patient, and the same from memory and from a path."""
    with dd.open(reference.path) as image:
        found = image.issues
        for issue in found:
            for keyword in ("PatientName", "PatientID", "InstitutionName", "StudyDescription"):
                text = str(image.tag(keyword) or "")
                assert len(text) < 4 or text.lower() not in issue.lower()
        with contextlib.suppress(dd.DicomError):
            image.pixels(frames=0)
        assert isinstance(image.issues, tuple)
    assert dd.open(reference.path.read_bytes()).issues == found


KNOWN = {
    "CT_small.dcm": set(),
    "MR_small.dcm": set(),
    "MR_small_padded.dcm": {"trailing_bytes"},
    "MR_truncated.dcm": {"pixels_cut", "frames_missing"},
    "J2K_pixelrep_mismatch.dcm": {"stream_sign"},
    "693_J2KI.dcm": {"stream_precision"},
    "JPEG-lossy.dcm": {"stream_scan"},
    "badVR.dcm": {"number_of_frames", "trailing_bytes"},
    "meta_missing_tsyntax.dcm": {"no_transfer_syntax"},
}


@pytest.mark.parametrize("name", list(KNOWN))
def test_known_files(name: str) -> None:
    path = next(FOLDER.rglob(name), None)
    assert path is not None
    assert set(codes(path.read_bytes())) == KNOWN[name]


def test_info_shows_them(capsys: pytest.CaptureFixture[str]) -> None:
    path = next(FOLDER.rglob("MR_small_padded.dcm"))
    assert main(["info", str(path)]) == 0
    assert re.search(r"issue +trailing_bytes: 128 bytes", capsys.readouterr().out)


def test_what_is_odd_about_hostile_files() -> None:
    """An unknown transfer syntax, a sequence without its end, two Pixel Data elements, unusable windows, no bits."""
    unknown = dd.open(s.image(DEEP, syntax="1.2.3.4"))
    assert [(issue.code, issue.tag) for issue in unknown.issues] == [("transfer_syntax", 0x00020010)]
    np.testing.assert_array_equal(unknown.pixels(values="stored"), DEEP)
    open_ended = s.header(0x00420010, "SQ", s.UNDEFINED, s.LITTLE) + s.tag_bytes(0xFFFEE000) + struct.pack("<I", 4)
    assert codes(s.dataset([(0x00080060, "CS", "CT")], trailing=open_ended + b"\0\0")) == ["sequence_cut"]
    twice = dd.open(s.image(DEEP, trailing=s.elements([(s.PIXEL_DATA, "OW", bytes(160))])))
    assert [(issue.code, issue.tag) for issue in twice.issues] == [("element_twice", s.PIXEL_DATA)]
    np.testing.assert_array_equal(twice.pixels(values="stored"), DEEP)
    none = [(0x00281050, "DS", "40\\50"), (0x00281051, "DS", "0\\-5")]
    assert codes(s.image(DEEP, extra=none)) == ["window_width", "window_width"]
    assert codes(s.image(DEEP, extra=[(0x00280101, "US", 0), (0x00280102, "US", 15)])) == ["bits_stored"]


def test_tags_that_no_dictionary_defines_are_not_told() -> None:
    """They may be a piece of a name that a misplaced header is made of."""
    odd = s.header(0x4A4B5152, "CS", 3, s.LITTLE) + b"abc"
    found = dd.open(s.dataset([odd])).issues
    assert [(issue.code, issue.tag) for issue in found] == [("odd_length", None)]
