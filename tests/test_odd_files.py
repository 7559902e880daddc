"""Files that break a rule of the standard in a way that public bug reports describe, and that decode all the same."""

from __future__ import annotations

import dataclasses
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.tfop import core

GREY = np.array([[1, 2, 3], [300, 5, 6]], np.uint16)
NATIVE = (s.EXPLICIT_LE, s.IMPLICIT_LE, s.EXPLICIT_BE)


def codes(contents: bytes) -> list[str]:
    return [issue.code for issue in dd.open(contents).issues]


def everywhere(contents: bytes, want: np.ndarray, folder: Path, **keywords: Any) -> None:
    """By each way in."""
    path = folder / "x.dcm"
    path.write_bytes(contents)
    values = keywords.pop("values", "stored")
    for source in (contents, path, io.BytesIO(contents)):
        np.testing.assert_array_equal(dd.imread(source, values=values, **keywords), want)
    for source in (contents, path):
        with dd.open(source) as image:
            np.testing.assert_array_equal(image.pixels(values=values, **keywords), want)
    dtype = want.dtype.name
    np.testing.assert_array_equal(dd.decode_dicom_image(contents, values=values, dtype=dtype, on_error="strict"), want)
    np.testing.assert_array_equal(
        core.decode(contents, values=values, dtype=dtype, on_error="strict").reshape(want.shape), want
    )


def behind_meta(contents: bytes, syntax: str, between: bytes) -> bytes:
    at = 132 + len(s.file_meta(syntax))
    return contents[:at] + between + contents[at:]


def replaced(contents: bytes, old: s.Element, new: list[s.Element], syntax: str = s.EXPLICIT_LE) -> bytes:
    """With other elements in the place of one."""
    before, after = (s.elements(items, s.encoding_of(syntax)) for items in ([old], new))
    assert contents.count(before) == 1
    return contents.replace(before, after)


# --- bytes that belong to nothing -------------------------------------------------------------------------------------

COMMANDS = [(0x00000002, "UI", "1.2.840.10008.5.1.4.1.1.7"), (0x00000100, "US", [1]), (0x00000800, "US", [0])]


@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE])
@pytest.mark.parametrize("encoding", [s.LITTLE, s.IMPLICIT])
@pytest.mark.parametrize("with_length", [True, False])
def test_command_set(syntax: str, encoding: s.Encoding, with_length: bool, tmp_path: Path) -> None:
    commands = s.elements(s.with_group_lengths(COMMANDS, encoding) if with_length else COMMANDS, encoding)
    contents = behind_meta(s.image(GREY, syntax=syntax), syntax, commands)
    everywhere(contents, GREY, tmp_path)
    assert "foreign_bytes" in codes(contents)
    assert dd.decode_dicom_data(contents, ["Rows"], on_error="strict").tolist() == ["2"]


@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE])
@pytest.mark.parametrize("garbage", [b"\0", b"\0\0\0\0", b"\xff" * 7, b"garbage\n", b"\0" * 300])
def test_garbage_in_front_of_the_data_set(syntax: str, garbage: bytes, tmp_path: Path) -> None:
    contents = behind_meta(s.image(GREY, syntax=syntax), syntax, garbage)
    everywhere(contents, GREY, tmp_path)
    assert "foreign_bytes" in codes(contents)


@pytest.mark.parametrize("garbage", [b"\n", b"\0", b"II*\0", b"--part\r\nContent-Type: application/dicom\r\n\r\n"])
def test_garbage_in_front_of_the_file(garbage: bytes, tmp_path: Path) -> None:
    for syntax in (*NATIVE, s.RLE, s.DEFLATED):
        contents = garbage + s.image(GREY, syntax=syntax)
        everywhere(contents, GREY, tmp_path)
        assert "foreign_bytes" in codes(contents)


# --- what is not DICOM ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contents", "name"),
    [
        (b"\x1f\x8b\x08\0" + bytes(range(200)), "gzip"),
        (b"PK\x03\x04" + bytes(range(200)) + s.image(GREY), "zip"),
        (b"\x89PNG\r\n\x1a\n" + bytes(200), "PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(200), "JPEG image"),
        (struct.pack("<I", 348) + bytes(340) + b"n+1\0" + bytes(100), "NIfTI"),
        (struct.pack(">I", 348) + bytes(340) + b"n+1\0" + bytes(100), "NIfTI"),
        (b"<!DOCTYPE html>\n<html><body>404</body></html>", "HTML"),
        (b"<?xml version='1.0'?><a/>", "XML"),
        (b'{"00080060": {"vr": "CS"}}', "JSON"),
        (b"patient,age\nx,7\n" * 20, "text"),
        (b"%PDF-1.7\n" + bytes(200), "PDF"),
        (bytes(1000), "zeros"),
        (b"either/or that", "text"),
    ],
)
def test_not_dicom_says_what_it_is(contents: bytes, name: str) -> None:
    with pytest.raises(dd.DicomError, match=name) as caught:
        dd.open(contents)
    assert caught.value.code == "not_dicom"
    assert caught.value.hint


@pytest.mark.parametrize(
    "path", ["/data/scans/x.dcm", "x.dcm", "C:\\data\\x", "gs://bucket/x", "scans/1/IM0001", "/daten/Müller.dcm"]
)
def test_a_path_in_the_place_of_contents(path: str) -> None:
    for function in (dd.open, dd.imread, lambda x: dd.decode_dicom_image(x, on_error="strict")):
        with pytest.raises(dd.DicomError, match=r"os\.fsdecode.*tf\.io\.read_file") as caught:
            function(path.encode())
        assert path not in str(caught.value)


def test_cut_files_say_so() -> None:
    contents = s.image(GREY)
    pixels = contents.index(b"\xe0\x7f\x10\x00")
    for end in range(133, len(contents) - GREY.nbytes):
        with pytest.raises(dd.DicomError) as caught:
            dd.imread(contents[:end])
        text = str(caught.value)
        assert "cut" in text or "ends" in text or caught.value.code in ("not_dicom", "no_pixel_data"), (end, text)
    for end in (pixels, pixels + 3):
        with pytest.raises(dd.DicomError, match=r"cut|ends"):
            dd.imread(contents[:end])


# --- VRs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(2, 3), (5, 42000)])
@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE])
@pytest.mark.parametrize("vr", ["Cs", "cs", "??", "\0\0", "C ", "  ", "ZZ", "\xff\xff"])
def test_vr_that_is_none(vr: str, syntax: str, size: tuple[int, int], tmp_path: Path) -> None:
    """Whatever the size of the file, and in each of the three layouts."""
    pixels = np.arange(size[0] * size[1], dtype=np.uint16).reshape(size)
    encoding = s.encoding_of(syntax)
    order = encoding.order
    short = s.tag_bytes(0x00080060, order) + vr.encode("latin-1") + struct.pack(order + "H", 2) + b"MR"
    long = s.tag_bytes(0x00080060, order) + vr.encode("latin-1") + struct.pack(order + "HI", 0, 2) + b"MR"
    implicit = s.tag_bytes(0x00080060, order) + struct.pack(order + "I", 2) + b"MR"
    for odd in (short, long, implicit):
        contents = s.image(pixels, syntax=syntax, extra=[odd, (0x00100010, "PN", "A^B")])
        everywhere(contents, pixels, tmp_path)
        assert dd.decode_dicom_data(contents, ["Modality", "PatientName"]).tolist() == ["MR", "A^B"]
        assert core.texts(contents, [0x00080060, 0x00100010]) == [b"MR", b"A^B"]
        assert dd.open(contents).tag("Modality") == "MR"
        assert "vr" in codes(contents)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE, s.RLE])
@pytest.mark.parametrize("vr", ["cs", "??", "\0\0", "ZZ"])
def test_the_first_vr_is_none(vr: str, syntax: str, tmp_path: Path) -> None:
    """What follows tells that the data set has VRs all the same."""
    order = s.encoding_of(syntax).order
    tag, letters = s.tag_bytes(0x00080060, order), vr.encode("latin-1")
    short, long = letters + struct.pack(order + "H", 2), letters + struct.pack(order + "HI", 0, 2)
    for header in (short, long, struct.pack(order + "I", 2)):
        contents = behind_meta(s.image(GREY, syntax=syntax), syntax, tag + header + b"MR")
        everywhere(contents, GREY, tmp_path)
        assert codes(contents)[0] == "vr"
        assert dd.open(contents).tag("Modality") == "MR"


@pytest.mark.parametrize("named", ["4.50", "4.90", "4.201", "5", "8.1", "4.100"])
@pytest.mark.parametrize("syntax", NATIVE)
def test_decompressed_but_for_the_name(syntax: str, named: str, tmp_path: Path) -> None:
    """Pixel data of a defined length that fits are native, whatever the transfer syntax."""
    for pixels in (
        GREY,
        np.arange(45, dtype=np.uint8).reshape(3, 5, 3),
        np.arange(30, dtype=np.int16).reshape(2, 3, 5),
    ):
        photometric = "RGB" if pixels.dtype == np.uint8 else "MONOCHROME2"
        contents = s.image(pixels, syntax=syntax, photometric=photometric)
        renamed = _renamed(contents, syntax, named)
        everywhere(renamed, pixels, tmp_path)
        assert "not_encapsulated" in codes(renamed)
    with pytest.raises(dd.DicomError):
        dd.imread(_renamed(s.image(GREY, syntax=syntax, number_of_frames=2), syntax, named))


def _renamed(contents: bytes, syntax: str, named: str) -> bytes:
    meta = s.file_meta("1.2.840.10008.1.2." + named)
    return contents[:132] + meta + contents[132 + len(s.file_meta(syntax)) :]


@pytest.mark.parametrize("undefined_items", [True, False])
@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("inner", [s.LITTLE, s.IMPLICIT, s.encoding_of(s.EXPLICIT_BE)])
@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE])
def test_un_sequence(syntax: str, inner: s.Encoding, undefined: bool, undefined_items: bool, tmp_path: Path) -> None:
    """Its items tell by their bytes whether they have VRs; the standard says that they have none."""
    inner = s.Encoding(inner.explicit, inner.big_endian, True, undefined_items)
    items = [[(0x00080100, "SH", "code"), (0x00080104, "LO", "x" * 300)], [(0x00080100, "SH", "second")]]
    nested = s.sequence(0x00081140, "SQ", items, inner)
    nested = nested[12 if inner.explicit else 8 :]
    nested = nested if undefined else nested[:-8]
    length = s.UNDEFINED if undefined else len(nested)
    sequence = s.header(0x00081140, "UN", length, s.encoding_of(syntax)) + nested
    contents = s.image(GREY, syntax=syntax, extra=[sequence, (0x00100010, "PN", "A")])
    everywhere(contents, GREY, tmp_path)
    assert dd.open(contents).tag("[ReferencedImageSequence][0][CodeValue]") == "code"
    assert dd.open(contents).tag("[ReferencedImageSequence][1][CodeValue]") == "second"
    assert dd.open(contents).tag("PatientName") == "A"


def test_un_of_a_known_tag() -> None:
    for syntax in (s.EXPLICIT_LE, s.EXPLICIT_BE):
        for sign, want in ((0, 65534), (1, -2)):
            extra = [
                (0x00100010, "UN", b"A^B"),
                (0x00280106, "UN", struct.pack("<h", -2)),
                (0x00181164, "UN", rb"0.5\0.25"),
                (0x00431039, "UN", rb"1000\0  "),
                (0x00430010, "LO", "GEMS_PARM_01"),
                (0x00451039, "UN", b"\1\2"),
            ]
            contents = s.image(GREY, syntax=syntax, signed=bool(sign), extra=extra)
            tags = [0x00100010, 0x00280106, 0x00181164, 0x00431039, 0x00451039]
            texts = ["A^B", str(want), r"0.5\0.25", r"1000\0", "0102"]
            assert dd.decode_dicom_data(contents, tags).tolist() == texts
            assert [text.decode() for text in core.texts(contents, tags)] == texts
            image = dd.open(contents)
            assert [image.tag(tag) for tag in tags] == ["A^B", want, [0.5, 0.25], [1000, 0], b"\1\2"]


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE])
def test_un_in_the_header_of_an_image(syntax: str, tmp_path: Path) -> None:
    """Written as UN, a value is little endian (PS3.5 6.2.2)."""
    frames = np.arange(12, dtype=np.int16).reshape(2, 2, 3) - 5
    contents = s.image(frames, syntax=syntax, extra=[(0x00281053, "DS", "2"), (0x00280120, "SS", [-5])])
    encoding = s.encoding_of(syntax)
    numbers = {0x00280010: 2, 0x00280011: 3, 0x00280100: 16, 0x00280101: 16, 0x00280102: 15, 0x00280103: 1}
    for tag, number in numbers.items():
        old, new = s.element(tag, "US", number, encoding), s.element(tag, "UN", struct.pack("<H", number), encoding)
        contents = contents.replace(old, new)
    padding = s.element(0x00280120, "UN", struct.pack("<h", -5), encoding)
    contents = contents.replace(s.element(0x00280120, "SS", [-5], encoding), padding)
    contents = contents.replace(s.element(0x00280008, "IS", 2, encoding), s.element(0x00280008, "UN", b"2 ", encoding))
    everywhere(contents, frames, tmp_path)
    want = (frames * 2).astype(np.float32)
    want[0, 0, 0] = 99
    np.testing.assert_array_equal(dd.imread(contents, padding=99), want)


def test_private_tags_in_implicit_vr() -> None:
    extra = [(0x00430010, "LO", "GEMS_PARM_01"), (0x00431039, "IS", [1000, 0]), (0x00451039, "OB", b"\1\2")]
    contents = s.image(GREY, syntax=s.IMPLICIT_LE, extra=extra)
    assert dd.decode_dicom_data(contents, ["0043,1039", "0045,1039"]).tolist() == [r"1000\0", "0102"]
    assert dd.open(contents).tag("0043,1039") == [1000, 0]
    other = [(0x00430020, "LO", "GEMS_PARM_01"), (0x00432039, "IS", [1000, 0])]  # another block
    assert dd.open(s.image(GREY, syntax=s.IMPLICIT_LE, extra=other)).tag("0043,2039") == [1000, 0]


# --- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE])
@pytest.mark.parametrize(
    "text", ["2.5\n", "2.5\t", "\t 2.5", "2,5", "2.5\0\0", "2.5\0junk", "\r\n2.5\r\n", "25e-1\n", "+2,50"]
)
def test_text_of_numbers(text: str, syntax: str, tmp_path: Path) -> None:
    extra = [
        (0x00281053, "DS", text),
        (0x00281050, "DS", text),
        (0x00281051, "DS", text),
        (0x00280030, "DS", [text] * 2),
    ]
    contents = s.image(GREY, syntax=syntax, extra=extra)
    everywhere(contents, (GREY * 2.5).astype(np.float32), tmp_path, values="modality")
    image = dd.open(contents)
    assert image.window == (2.5, 2.5, "LINEAR")
    assert image.spacing == (2.5, 2.5)
    assert image.tag(0x00281053) == 2.5
    assert "number_form" in codes(contents) or text.endswith("\0\0")
    groups = [(0x52009229, "SQ", [[(0x00289145, "SQ", [[(0x00281053, "DS", text)]])]])]
    in_groups = s.image(GREY, syntax=syntax, extra=groups)
    np.testing.assert_array_equal(dd.imread(in_groups), (GREY * 2.5).astype(np.float32))


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE])
@pytest.mark.parametrize(("vr", "slope", "intercept"), [("FD", 2.5, -3), ("FL", 2.5, -3), ("SS", 2, -3), ("SL", 2, -3)])
def test_numbers_of_another_vr(vr: str, slope: float, intercept: float, syntax: str, tmp_path: Path) -> None:
    pairs = ((0x00281053, slope), (0x00281052, intercept), (0x00281050, slope), (0x00281051, 400))
    contents = s.image(GREY, syntax=syntax, extra=[(tag, vr, [x]) for tag, x in pairs] + [(0x00280030, vr, [2, 4])])
    everywhere(contents, (GREY * float(slope) + intercept).astype(np.float32), tmp_path, values="modality")
    assert dd.open(contents).window == (slope, 400, "LINEAR")
    assert dd.open(contents).spacing == (2, 4)
    assert "number_form" in codes(contents)
    frames = np.stack([GREY] * 3)
    unsigned = "US" if vr == "SS" else "UL"
    for name in (vr, unsigned):
        counted = replaced(s.image(frames, syntax=syntax), (0x00280008, "IS", "3"), [(0x00280008, name, [3])], syntax)
        np.testing.assert_array_equal(dd.imread(counted, values="stored"), frames)


# --- the Image Pixel module -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["u1", "u2"])
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE])
def test_samples_that_contradict(syntax: str, frames: int, dtype: str, tmp_path: Path) -> None:
    colour = np.arange(frames * 18, dtype=dtype).reshape(frames, 2, 3, 3)
    grey = colour[..., 0].copy()
    colour, grey = (colour, grey) if frames > 1 else (colour[0], grey[0])
    for name in ("MONOCHROME2", "MONOCHROME1", "PALETTE COLOR"):
        contents = s.image(colour, photometric="RGB", syntax=syntax)
        contents = replaced(contents, (0x00280004, "CS", "RGB"), [(0x00280004, "CS", name)], syntax)
        everywhere(contents, colour, tmp_path)
        assert "samples_per_pixel" in codes(contents)
    for name in ("RGB", "YBR_FULL"):
        contents = s.image(grey, syntax=syntax)
        contents = replaced(contents, (0x00280004, "CS", "MONOCHROME2"), [(0x00280004, "CS", name)], syntax)
        everywhere(contents, grey, tmp_path)
        assert "samples_per_pixel" in codes(contents)


@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE, s.ENCAPSULATED_UNCOMPRESSED])
def test_colour_without_a_name(syntax: str, tmp_path: Path) -> None:
    """Three samples without Photometric Interpretation are RGB, but for JPEG, which is YCbCr mostly."""
    colour = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    for without in ([0x00280004], []):
        contents = s.image(colour, photometric="RGB", syntax=syntax, without=without)
        if not without:
            contents = replaced(contents, (0x00280004, "CS", "RGB"), [(0x00280004, "CS", b"")], syntax)
        everywhere(contents, colour, tmp_path)
        assert "attribute_missing" in codes(contents) and not dd.open(contents).steps


def test_samples_by_the_length_of_the_pixel_data() -> None:
    colour = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    one, three = (0x00280002, "US", [1]), (0x00280002, "US", [3])
    contents = replaced(s.image(colour, photometric="RGB"), three, [one])
    assert "samples_per_pixel" in codes(contents)
    np.testing.assert_array_equal(dd.imread(contents, values="stored"), colour)
    contents = replaced(s.image(GREY), one, [three])
    assert "samples_per_pixel" in codes(contents)
    np.testing.assert_array_equal(dd.imread(contents, values="stored"), GREY)


@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE])
@pytest.mark.parametrize("dtype", ["u1", "i2", "u4"])
def test_bits_stored_0(syntax: str, dtype: str, tmp_path: Path) -> None:
    pixels = np.arange(6, dtype=dtype).reshape(2, 3)
    contents = s.image(pixels, syntax=syntax)
    bits = 8 * pixels.itemsize
    contents = replaced(contents, (0x00280101, "US", [bits]), [(0x00280101, "US", [0])], syntax)
    everywhere(contents, pixels, tmp_path)
    assert "bits_stored" in codes(contents)


@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE])
def test_duplicates_whose_first_is_empty(syntax: str, tmp_path: Path) -> None:
    filled = [(0x00281053, "DS", "2"), (0x00280010, "US", [2]), (0x00100010, "PN", "A")]
    contents = s.image(GREY, syntax=syntax, extra=[filled[0], filled[2]])
    for tag, vr, value in filled:
        others = [(tag, vr, b""), (tag, vr, value), (tag, vr, [3] if vr == "US" else "3")]
        contents = replaced(contents, (tag, vr, value), others, syntax)
    everywhere(contents, (GREY * 2).astype(np.float32), tmp_path, values="modality")
    assert dd.decode_dicom_data(contents, ["PatientName", "Rows"]).tolist() == ["A", "2"]
    assert "element_twice" in codes(contents)


@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE, s.DEFLATED])
@pytest.mark.parametrize("white", ["\n", "\r\n", "\t", " \n"])
def test_white_space_behind_the_transfer_syntax(syntax: str, white: str, tmp_path: Path) -> None:
    contents = s.image(GREY, syntax=syntax)
    at = 132 + len(s.file_meta(syntax))
    meta = s.file_meta(syntax + white)
    contents = contents[:132] + meta + contents[at:]
    everywhere(contents, GREY, tmp_path)
    assert "uid_padding" in codes(contents)
    assert dd.open(contents).transfer_syntax == syntax


# --- headers of another form ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(2, 3), (400, 300)])
@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE, s.RLE])
@pytest.mark.parametrize("vr", ["OB", "UN", "UT", "SQ", "LO", "US"])
@pytest.mark.parametrize("length", [0, 2, 10, 200])
@pytest.mark.slow
def test_lengths_of_the_other_form(vr: str, length: int, syntax: str, size: tuple[int, int], tmp_path: Path) -> None:
    """16 bits where a VR has 32, and the reverse."""
    pixels = np.arange(size[0] * size[1], dtype=np.uint16).reshape(size)
    encoding = s.encoding_of(syntax)
    head = s.header(0x00104000, vr, length, encoding, long_form=vr in s.SHORT_VRS)
    in_place = s.element(0x00080060, "CS", "CT", encoding) + head + b"1 " * (length // 2)
    after = [s.element(0x00181030, "LO", "behind", encoding)]
    elements: list[s.Element] = [in_place, *after]
    everywhere(s.image(pixels, syntax=syntax, extra=elements), pixels, tmp_path)
    assert dd.open(s.image(pixels, syntax=syntax, extra=elements)).tag("ProtocolName") == "behind"


@pytest.mark.parametrize("reserved", [b"  ", b"\1\0", b"ab"])
def test_reserved_bytes_that_are_not_0(reserved: bytes, tmp_path: Path) -> None:
    value = s.element(0x00104000, "UT", "some text")
    contents = s.image(GREY, extra=[value[:6] + reserved + value[8:]])
    everywhere(contents, GREY, tmp_path)
    assert dd.open(contents).tag("PatientComments") == "some text"


@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE])
@pytest.mark.parametrize("inner", [s.LITTLE, s.IMPLICIT, s.Encoding(big_endian=True)])
@pytest.mark.parametrize("is_undefined", [True, False])
@pytest.mark.parametrize("vr", ["SQ", "UN"])  # of which implicit VR writes none
def test_items_of_another_encoding(syntax: str, inner: s.Encoding, is_undefined: bool, vr: str, tmp_path: Path) -> None:
    outer = s.encoding_of(syntax)
    inner = dataclasses.replace(inner, undefined_sequences=is_undefined, undefined_items=is_undefined)
    item: list[s.Element] = [(0x00080100, "SH", "X"), (0x00080104, "LO", "meaning"), (0x00280010, "US", [99])]
    body = s.sequence(0x00081111, "SQ", [item, [], item], inner)[12 if inner.explicit else 8 :]
    head = s.header(0x00081111, vr, s.UNDEFINED if is_undefined else len(body), outer)
    contents = s.image(GREY, syntax=syntax, extra=[head + body])
    everywhere(contents, GREY, tmp_path)
    path = "[0x0008,0x1111][2][CodeMeaning]"
    assert dd.decode_dicom_data(contents, [path], on_error="strict").tolist() == ["meaning"]
    assert dd.open(contents).tag(0x00081111)[2].tag("Rows") == 99


@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE])
def test_empty_pixel_data_in_front_of_others(syntax: str, tmp_path: Path) -> None:
    contents = s.image(GREY, syntax=syntax, extra=[s.element(s.PIXEL_DATA, "OW", b"", s.encoding_of(syntax))])
    everywhere(contents, GREY, tmp_path)
    with pytest.raises(dd.MalformedError, match="empty"):
        dd.imread(s.image(GREY, without=[s.PIXEL_DATA], trailing=s.element(s.PIXEL_DATA, "OW", b"")))


def test_pixels_that_are_elsewhere() -> None:
    elsewhere = s.image(GREY, extra=[(0x00287FE0, "UR", "https://example.org/x")], without=[s.PIXEL_DATA])
    with pytest.raises(dd.UnsupportedError, match="Pixel Data Provider URL") as caught:
        dd.imread(elsewhere)
    assert "example" not in str(caught.value)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.IMPLICIT_LE, s.EXPLICIT_BE])
@pytest.mark.parametrize(
    "garbage",
    [b"\0", b"x", b"\r\n", bytes(16), bytes(128), bytes(range(1, 100)), b"\xff" * 300, b"x" + bytes(128) + b"DICM"],
)
def test_bytes_in_front_of_a_data_set_without_meta(syntax: str, garbage: bytes, tmp_path: Path) -> None:
    """They are passed over where a data set surely begins behind them, and told."""
    pixels = np.arange(20, dtype=np.uint16).reshape(4, 5)
    whole = s.image(pixels, syntax=syntax, extra=[(0x00080005, "CS", "ISO_IR 100"), (0x00080060, "CS", "CT")])
    start = whole.index(s.tag_bytes(0x00080005, ">" if syntax == s.EXPLICIT_BE else "<"))
    contents = garbage + whole[start:]
    everywhere(contents, pixels, tmp_path)
    assert "foreign_bytes" in codes(contents)
    with pytest.raises(dd.DicomError):
        dd.imread(garbage.ljust(600, b"\xee"))


def test_pixels_of_elscint_are_named() -> None:
    """PMSCT_RLE1 keeps them in a private element; or encapsulated, in a private transfer syntax."""
    private = [(0x07A10010, "LO", "ELSCINT1"), (0x07A1100A, "OW", bytes(40)), (0x07A11011, "CS", "PMSCT_RLE1")]
    hidden = s.image(GREY, extra=private, without=[s.PIXEL_DATA])
    syntax = "1.3.46.670589.33.1.4.1"
    head = [(tag, "US", 2) for tag in (0x00280010, 0x00280011)] + [(0x00280100, "US", 16)]
    encapsulated = s.dataset([*head, *s.encapsulate([bytes(10)])], syntax=syntax)
    for contents in (hidden, encapsulated):
        with pytest.raises(dd.UnsupportedError, match="PMSCT_RLE1") as caught:
            dd.imread(contents)
        assert caught.value.code == "transfer_syntax"
    np.testing.assert_array_equal(dd.imread(s.image(GREY, syntax=syntax), values="stored"), GREY)
