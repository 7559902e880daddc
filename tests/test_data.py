"""`decode_dicom_data`: forms of tags, the text of each VR, character sets, errors."""

import io
from typing import Any

import numpy as np
import pydicom
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.reference_images import FOLDER

NAME: s.Element = (0x00100010, "PN", "A^B")


def one(contents: bytes, tag: Any = None, **options: Any) -> str:
    found = dd.decode_dicom_data(contents, [tag], on_error="strict", **options)
    assert found.shape == (1,) and type(found[0]) is str
    return found[0]


FORMS: list[Any] = [
    0x00100010,
    np.uint32(0x00100010),
    np.int64(0x00100010),
    "PatientName",
    "PatientsName",
    "0010,0010",
    "(0010,0010)",
    "0x0010,0x0010",
    "[PatientName]",
    "[0x0010,0x0010]",
]


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_forms_of_tags(form: Any) -> None:
    assert one(s.dataset([NAME]), form) == "A^B"


@pytest.mark.parametrize("shape", [(), (1,), (0,), (2, 3), (1, 2, 2)])
def test_shape_of_tags(shape: tuple[int, ...]) -> None:
    found = dd.decode_dicom_data(s.dataset([NAME]), np.full(shape, 0x00100010, np.uint32))
    assert found.shape == shape and found.dtype == object
    assert all(text == "A^B" for text in found.ravel())


def test_single_tag_and_array_of_texts() -> None:
    contents = s.dataset([NAME, (0x00100020, "LO", "7")])
    assert dd.decode_dicom_data(contents, "PatientID").item() == "7"
    assert dd.decode_dicom_data(contents, 0x00100020).shape == ()
    found = dd.decode_dicom_data(contents, np.array(["PatientID", "0010,0010"]))
    assert found.tolist() == ["7", "A^B"]
    assert dd.decode_dicom_data(contents, [["PatientID", 0x00100010]]).tolist() == [["7", "A^B"]]


@pytest.mark.parametrize("bad", ["PatientNam", "", "10,10,10", "00100010h", "[0008,1115][0]", "[][]", -1, 1 << 32])
@pytest.mark.parametrize("on_error", ["skip", "strict"])
def test_a_wrong_tag_is_never_swallowed(bad: Any, on_error: str) -> None:
    with pytest.raises(ValueError):
        dd.decode_dicom_data(s.dataset([NAME]), [bad], on_error=on_error)


@pytest.mark.parametrize("bad", [None, 1.5, [1.5], {}])
def test_a_tag_of_a_wrong_type(bad: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        dd.decode_dicom_data(s.dataset([NAME]), [bad])


TEXTS: list[tuple[str, Any, str]] = [
    ("AE", " AET ", "AET"),
    ("AS", "042Y", "042Y"),
    ("CS", "ORIGINAL\\PRIMARY ", "ORIGINAL\\PRIMARY"),
    ("DA", "20240229", "20240229"),
    ("DS", " 1.50\\-2e3 ", "1.50\\-2e3"),
    ("DT", "20240229120000.000000", "20240229120000.000000"),
    ("IS", " 12\\+3", "12\\+3"),
    ("LO", "some text ", "some text"),
    ("LT", "a\\b ", "a\\b"),
    ("PN", "Family^Given^^^ ", "Family^Given^^^"),
    ("SH", "short", "short"),
    ("ST", "  kept\\text  ", "  kept\\text"),
    ("TM", "120000.5", "120000.5"),
    ("UC", "a\\b ", "a\\b"),
    ("UI", b"1.2.3\0", "1.2.3"),
    ("UR", "http://example.org/a ", "http://example.org/a"),
    ("UT", "long\\text ", "long\\text"),
    ("US", [1, 65535], "1\\65535"),
    ("SS", [-1, 32767], "-1\\32767"),
    ("UL", [4294967295], "4294967295"),
    ("SL", [-2147483648, 1], "-2147483648\\1"),
    ("UV", [18446744073709551615], "18446744073709551615"),
    ("SV", [-9223372036854775808], "-9223372036854775808"),
    ("AT", [0x00100010, 0xFFFEE0DD], "(0010,0010)\\(fffe,e0dd)"),
    ("OB", b"\x01\xff", "01ff"),
    ("UN", b"\xab\xcd\xef\x01", "abcdef01"),
    ("OW", np.array([1, 0x1234], np.uint16), "01003412"),
    ("OL", np.array([1], np.uint32), "01000000"),
    ("OV", np.array([2], np.uint64), "0200000000000000"),
]


@pytest.mark.parametrize(("vr", "value", "text"), TEXTS, ids=[t[0] for t in TEXTS])
def test_texts(vr: str, value: Any, text: str) -> None:
    assert one(s.dataset([(0x00091001, vr, value)]), 0x00091001) == text
    assert one(s.dataset([(0x00091001, vr, b"")]), 0x00091001) == ""


@pytest.mark.parametrize(
    ("vr", "value", "text"),
    [t for t in TEXTS if t[0] not in ("OW", "OL", "OV")],
    ids=lambda v: v[:2] if isinstance(v, str) else "",
)
def test_texts_big_endian(vr: str, value: Any, text: str) -> None:
    assert one(s.dataset([(0x00091001, vr, value)], syntax=s.EXPLICIT_BE), 0x00091001) == text


@pytest.mark.parametrize("vr", ["FL", "FD", "OF", "OD"])
def test_shortest_floats(vr: str) -> None:
    """The text reads back the same value and none shorter does."""
    dtype = np.float32 if vr in ("FL", "OF") else np.float64
    numbers = np.array(
        [0.1, 1.0, -2.5, 1 / 3, 1e-30, 3e38, 123456.789, 5e-45 if dtype is np.float32 else 5e-324], dtype
    )
    texts = one(s.dataset([(0x00091001, vr, numbers.tolist())]), 0x00091001).split("\\")
    assert len(texts) == len(numbers)
    for text, number in zip(texts, numbers, strict=True):
        assert dtype(text) == number
        digits = len(text.lower().split("e")[0].replace("-", "").replace(".", "").strip("0"))
        assert digits <= len(f"{number!s}".lower().split("e")[0].replace("-", "").replace(".", "").strip("0"))
    odd = one(s.dataset([(0x00091001, vr, [float("nan"), float("inf"), float("-inf")])]), 0x00091001)
    assert odd.lower() == "nan\\inf\\-inf"


def test_pixel_data_is_hexadecimal() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    assert one(s.image(pixels), "PixelData") == "000102030405"


def test_implicit_vrs_come_from_the_dictionary() -> None:
    items: list[s.Element] = [
        (0x00280010, "US", 512),
        (0x00280106, "SS", -5),
        (0x00280103, "US", 1),
        (0x00189087, "FD", 0.5),
        (0x00091001, "LO", "?"),
    ]
    contents = s.dataset(sorted(items), syntax=s.IMPLICIT_LE)
    found = dd.decode_dicom_data(contents, ["Rows", "SmallestImagePixelValue", "DiffusionBValue", 0x00091001])
    assert found.tolist() == ["512", "-5", "0.5", "3f20"]


def test_the_data_set_first_then_file_meta() -> None:
    contents = s.dataset([NAME])
    assert one(contents, "TransferSyntaxUID") == s.EXPLICIT_LE
    assert one(contents, "MediaStorageSOPInstanceUID") == "1.2.3.4"


def test_sequences() -> None:
    contents = s.dataset([(0x00081115, "SQ", [[(0x0020000E, "UI", "1.9")]]), NAME])
    with pytest.raises(dd.DicomError):
        one(contents, "ReferencedSeriesSequence")
    with pytest.raises(dd.DicomError):
        one(contents, "[PatientName][0][Rows]")
    found = dd.decode_dicom_data(
        contents, [0x00081115, "PatientName", "[PatientName][0][Rows]", "[0008,1115][0][0020,000e]"]
    )
    assert found.tolist() == ["", "A^B", "", "1.9"]


def test_one_tags_failure_changes_no_other() -> None:
    """A sequence whose inside is broken fails by itself."""
    broken = s.header(0x00081115, "SQ", 16, s.LITTLE) + b"\xff" * 16
    contents = s.dataset([broken, NAME])
    assert dd.decode_dicom_data(contents, ["[0008,1115][0][Rows]", "PatientName"]).tolist() == ["", "A^B"]
    with pytest.raises(dd.DicomError):
        one(contents, "[0008,1115][0][Rows]")
    assert one(contents, "PatientName") == "A^B"


def test_absent() -> None:
    contents = s.dataset([NAME])
    tags = ["PatientID", 0x12345678, "[0008,1115][0][Rows]", "[0008,1115][5][0008,1140][0][Rows]"]
    assert dd.decode_dicom_data(contents, tags, on_error="strict").tolist() == [""] * 4


def test_bad_content() -> None:
    found = dd.decode_dicom_data(b"nonsense", ["PatientName", "Rows"])
    assert found.tolist() == ["", ""]
    with pytest.raises(dd.DicomError):
        dd.decode_dicom_data(b"nonsense", ["PatientName"], on_error="strict")
    with pytest.raises(FileNotFoundError):
        dd.decode_dicom_data("no such file", ["PatientName"])
    with pytest.raises(ValueError):
        dd.decode_dicom_data(s.dataset([NAME]), ["PatientName"], on_error="lossy!")


def test_a_cut_file_still_has_its_first_tags() -> None:
    contents = s.image(np.zeros((50, 50), np.uint16), extra=[NAME])
    assert one(contents[: len(contents) - 300], "PatientName") == "A^B"


CHARACTER_SETS: list[tuple[str, str, str]] = [
    ("ISO_IR 100", "Müller^José", "latin-1"),
    ("ISO_IR 101", "Łódź^Żaneta", "iso8859-2"),
    ("ISO_IR 144", "Люк^Иван", "iso8859-5"),
    ("ISO_IR 126", "Διονυσιος", "iso8859-7"),
    ("ISO_IR 127", "قباني^لنزار", "iso8859-6"),
    ("ISO_IR 138", "שרון^דבורה", "iso8859-8"),
    ("ISO_IR 192", "王^小東 ☃", "utf-8"),
    ("GB18030", "王^小东", "gb18030"),
    ("GBK", "王^小东", "gbk"),
    ("ISO_IR 13", "ﾔﾏﾀﾞ^ﾀﾛｳ", "shift_jis"),
    ("ISO_IR 166", "ไทย", "tis-620"),
]


@pytest.mark.parametrize(("term", "text", "codec"), CHARACTER_SETS, ids=[c[0] for c in CHARACTER_SETS])
def test_character_sets(term: str, text: str, codec: str) -> None:
    raw = text.encode(codec)
    contents = s.dataset(
        [(0x00080005, "CS", term), (0x00080070, "LO", raw + b" " * (len(raw) % 2)), (0x00100010, "PN", raw)]
    )
    assert one(contents, "Manufacturer") == text
    assert one(contents, "PatientName") == text


def test_the_character_set_of_the_item() -> None:
    """(0008,0005) names the set of its item, and of items below without their own (PS3.5 6.2)."""
    inner = [(0x00080005, "CS", "ISO_IR 192"), (0x00080070, "LO", "Ж".encode())]
    plain = [(0x00080070, "LO", "Ж".encode("iso8859-5"))]
    contents = s.dataset(
        [(0x00080005, "CS", "ISO_IR 144"), (0x00081115, "SQ", [inner, plain, [(0x00081140, "SQ", [plain])]])]
    )
    for path in ("[0008,1115][0]", "[0008,1115][1]", "[0008,1115][2][0008,1140][0]"):
        assert one(contents, path + "[Manufacturer]").rstrip("\0") == "Ж", path


def test_bytes_outside_the_character_set() -> None:
    """Never an exception, and what can be read is."""
    for term in ("", "ISO_IR 6", "ISO_IR 192", "NO SUCH SET", "ISO 2022 IR 87"):
        contents = s.dataset([(0x00080005, "CS", term), (0x00100010, "PN", b"Doe\xff\xfe^J ")])
        text = one(contents, "PatientName")
        assert text.startswith("Doe") and text.endswith("^J"), term


@pytest.mark.parametrize("path", sorted((FOLDER / "charset_files").glob("*.dcm")), ids=lambda p: p.name)
@pytest.mark.filterwarnings("ignore")
def test_pydicoms_character_set_files(path: Any) -> None:
    """Names in every set and code extension that pydicom ships, against pydicom."""
    dataset = pydicom.dcmread(path)
    assert "PatientName" in dataset or "RequestedProcedureCodeSequence" in dataset
    for tag in (0x00100010, 0x00080080, 0x00081030, 0x00324000, 0x00321060):
        if tag in dataset and dataset[tag].VR != "SQ":
            value = dataset[tag].value
            want = "\\".join(map(str, value)) if dataset[tag].VM > 1 else str(value)
            assert one(path.read_bytes(), tag).rstrip("= ") == want.rstrip(), hex(tag)  # pydicom drops empty groups
    if "RequestedProcedureCodeSequence" in dataset:
        want = str(dataset.RequestedProcedureCodeSequence[0].PatientName)
        assert one(path.read_bytes(), "[RequestedProcedureCodeSequence][0][PatientName]") == want


def test_other_sources(tmp_path: Any) -> None:
    contents = s.image(np.zeros((400, 400), np.uint16), extra=[NAME], trailing=s.element(0x7FE10010, "LO", "behind"))
    path = tmp_path / "a b.dcm"
    path.write_bytes(contents)
    for source in (contents, bytearray(contents), memoryview(contents), path, str(path), io.BytesIO(contents)):
        assert dd.decode_dicom_data(source, ["PatientName", 0x7FE10010, "Rows"]).tolist() == ["A^B", "behind", "400"]
