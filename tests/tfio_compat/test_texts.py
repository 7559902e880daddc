"""Texts of `decode_dicom_data` as tensorflow-io 0.37.1 returned them."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pydicom
import pytest

import dicomdecode as dd
from dicomdecode.tfio_compat.texts import float_text, parse_tfio_tag, tfio_data
from tests import synthesise as s

TAG = 0x00111001  # private: its VR is what the file says
ILLEGAL = "item findAndGetOFStringArray: Illegal call, perhaps wrong parameters"


def text(vr: str, value: bytes, syntax: str = s.EXPLICIT_LE, tag: int = TAG, before: Any = ()) -> bytes:
    encoding = s.encoding_of(syntax)
    element = s.header(tag, vr, len(value), encoding) + value
    return tfio_data(s.dataset([*before, element], syntax=syntax), [tag])[0]


@pytest.mark.parametrize(
    ("vr", "value", "want"),
    [
        ("CS", rb" A B \ C  ", rb"A B\C"),
        ("LO", b"a\0b ", b"a"),
        ("DS", rb"1.0 \ -2e3", rb"1.0\-2e3"),
        ("PN", rb" A^B \ CD ", rb" A^B\ CD"),
        ("TM", rb"1\ \2 ", rb"1\ \2"),  # a part that is one space stays
        ("AS", b" 043Y ", b" 043Y"),
        ("LT", rb" a \ b  ", rb" a \ b"),
        ("UI", b"1.2 .3\\4\0", rb"1.2.3\4"),
        ("UI", b"1.2\0\\3.4\0", rb"1.2\3.4"),
        ("UC", b"\xe9\x5c\x41 ", b"\xe9\\A"),  # never transcoded
        ("US", b"\1\0\xff\xff\7", rb"1\65535\7"),  # odd length: a byte is added
        ("SS", b"\xff\xff", b"-1"),
        ("UL", b"\1\0\0\0\2\0", b"1"),
        ("SL", b"\xfe\xff\xff\xff", b"-2"),
        ("UV", b"\xff" * 8, b"18446744073709551615"),
        ("SV", b"\xff" * 8, b"-1"),
        ("US", b"", b""),
        ("AT", b"\x10\0\x20\0\xe0\x7f\x10\0", rb"(0010,0020)\(7fe0,0010)"),
        ("OB", b"\1\xab\2", rb"01\ab\02\00"),
        ("UN", b"\1\xab", rb"01\ab"),
        ("OW", b"\1\xab\2\0\7", rb"ab01\0002"),
        ("FL", struct.pack("<2f", 0.1, -2), rb"0.100000001\-2"),
        ("FD", struct.pack("<2d", 0.5, 1e-5), rb"0.5\1e-05"),
        ("OF", struct.pack("<2f", 0.5, 7), b"0.5"),  # only the first
        ("OD", struct.pack("<2d", 0.5, 7), b"0.5"),
        ("OL", struct.pack("<2I", 5, 7), b"5"),
        ("OV", struct.pack("<2Q", 5, 7), b"5"),
    ],
)
def test_values(vr: str, value: bytes, want: bytes) -> None:
    assert text(vr, value) == want


def test_big_endian() -> None:
    assert text("US", b"\1\2\3\4", s.EXPLICIT_BE) == rb"258\772"
    assert text("OW", b"\1\2\3\4", s.EXPLICIT_BE) == rb"0102\0304"
    assert text("OB", b"\1\2\3\4", s.EXPLICIT_BE) == rb"01\02\03\04"
    assert text("AT", b"\1\2\3\4", s.EXPLICIT_BE) == b"(0102,0304)"
    assert text("FD", struct.pack(">d", 1.5), s.EXPLICIT_BE) == b"1.5"


@pytest.mark.parametrize(
    ("vr", "value", "message"),
    [
        ("OB", b"", ILLEGAL),
        ("UN", b"", ILLEGAL),
        ("OW", b"\1", ILLEGAL),
        ("OF", b"", ILLEGAL),
        ("OD", b"\0" * 6, "item findAndGetOFStringArray: Illegal parameter"),
        ("SQ", b"", ILLEGAL),
    ],
)
def test_no_text(vr: str, value: bytes, message: str) -> None:
    with pytest.raises(dd.MalformedError) as caught:
        text(vr, value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("tag", "value", "want"),
    [
        (0x00100010, b"A^B ", b"A^B"),
        (0x00280010, b"\1\0", b"1"),
        (0x00281101, b"\xff\xff", b"65535"),  # palette descriptors are US always
        (0x00280107, b"\xff\xff", b"-1"),
        (0x00283006, b"\1\0\2\0", rb"0001\0002"),
        (0x60023000, b"\1\2", b"0201"),
        (0x54001010, b"\1\2", rb"01\02"),
        (0x00110010, b"ACME", b"ACME"),
        (0x00111010, b"ACME", rb"41\43\4d\45"),
        (0x00100000, b"\4\0\0\0", b"4"),
        (0x00080428, b"\1\2", rb"01\02"),  # came after 2021a
        (0x00101122, b"AB", rb"41\42"),  # unknown
    ],
)
def test_implicit_vr(tag: int, value: bytes, want: bytes) -> None:
    before = [] if tag >> 16 < 0x28 else [(0x00280103, "US", [1])]
    assert text("", value, s.IMPLICIT_LE, tag, before) == want


@pytest.mark.parametrize(
    ("value", "code", "want"),
    [
        (0.0, "d", "0"),
        (-0.0, "d", "0"),
        (5e-324, "d", "0"),
        (1e-40, "f", "0"),
        (float("nan"), "d", "nan"),
        (float("-inf"), "f", "-inf"),
        (1.0, "d", "1"),
        (123.456, "d", "123.456"),
        (1 / 3, "d", "0.3333333333333333"),  # not what C gives: the digits are made in rounded arithmetic
        (1e16, "d", "10000000000000000"),
        (1e17, "d", "1e+17"),
        (1e-4, "d", "0.0001"),
        (1e-5, "d", "1e-05"),
        (float(np.float32(179.0357971)), "f", "179.0357971"),  # zeros behind the point are free
        (float(np.float32(0.1)), "f", "0.100000001"),
        (float(np.float32(1e10)), "f", "1e+10"),
        (999999999.5, "f", "1000000000"),
        (-1234567890.0, "f", "-1.23456789e+09"),
        (0.99999999999, "f", "1"),
    ],
)
def test_numbers(value: float, code: str, want: str) -> None:
    assert float_text(value, code) == want


@pytest.mark.parametrize(
    ("tag", "path"),
    [
        (0x00100010, (0x00100010,)),
        (np.uint32(0xFFFCFFFC), (0xFFFCFFFC,)),
        ("0x10,0x20", (0x00100020,)),
        (b" +16 , 040 ", (0x00100020,)),
        ("[0x8,0x1115][2][0x8,0x1155]", (0x00081115, 2, 0x00081155)),
        ("[0x10,0x10]", (0x00100010,)),
    ],
)
def test_tags(tag: Any, path: tuple[int, ...]) -> None:
    assert parse_tfio_tag(tag) == path


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("[0x10,0x10][0]", "tag sequences should have 2xn + 1 elements, received: 2"),
        ("0x10", "sequence should consist of group and element numbers, received 0x10"),
        ("PatientName", "sequence should consist of group and element numbers, received PatientName"),
        ("a,0x10", "group number should be an integer, received a"),
        ("0x10,09", "element number should be an integer, received 09"),
        ("0x8000,0x10", "group number should be uint16, received 0x8000"),
        ("0x5200,0x9229", "element number should be uint16, received 0x9229"),
        ("4294967296,1", "group number should be an integer, received 4294967296"),
        ("[0x8,0x1115][-1][0x8,0x1155]", "number should be an integer, received -1"),
    ],
)
def test_no_tags(tag: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_tfio_tag(tag)
    assert str(caught.value) == message


SEQUENCE = s.dataset(
    [
        (0x00080020, "DA", "20200101"),
        (0x00081115, "SQ", [[(0x00081155, "UI", "1.2.3"), (0x00081199, "SQ", [[(0x00080100, "SH", "deep")]])], []]),
    ]
)


def test_paths() -> None:
    found = tfio_data(
        SEQUENCE,
        [
            ["[0x8,0x1115][0][0x8,0x1155]", "[0x8,0x1115][0][0x8,0x1199][0][0x8,0x100]"],
            ["[0x8,0x1115][1][0x8,0x1155]", "[0x8,0x1115][0][0x2,0x10]"],
        ],
    )
    assert found.shape == (2, 2)
    assert found.tolist() == [[b"1.2.3", b"deep"], [b"", s.EXPLICIT_LE.encode()]]
    # An item does not stay in force for the next tag, unlike there.
    assert tfio_data(SEQUENCE, ["[0x8,0x1115][0][0x8,0x1155]", "0x8,0x20"]).tolist() == [b"1.2.3", b"20200101"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("[0x8,0x1116][0][0x8,0x1155]", "Tag not found"),
        ("[0x8,0x20][0][0x8,0x1155]", "Invalid VR"),
        ("[0x8,0x1115][2][0x8,0x1155]", "Illegal parameter"),
    ],
)
def test_paths_that_lead_nowhere(path: str, reason: str) -> None:
    with pytest.raises(dd.MalformedError) as caught:
        tfio_data(SEQUENCE, [path])
    assert str(caught.value) == f"item findAndGetSequenceItem: {reason}"


def test_meta_and_absent() -> None:
    assert tfio_data(SEQUENCE, np.uint32([0x00020010, 0x00100010])).tolist() == [s.EXPLICIT_LE.encode(), b""]
    assert tfio_data(b"not a file" * 30, [0x00100010]).tolist() == [b""]


def test_a_believed_transfer_syntax() -> None:
    """Explicit VR is claimed, implicit VR written: the first element reads as an empty UN, the rest is lost."""
    items = [(0x00080008, "CS", "ORIGINAL"), (0x00080060, "CS", "CT")]
    contents = s.dataset(items, syntax=s.EXPLICIT_LE, encoding=s.IMPLICIT)
    with pytest.raises(dd.MalformedError, match="Illegal call"):
        tfio_data(contents, [0x00080008])
    assert tfio_data(contents, [0x00080060, 0x00020010]).tolist() == [b"", s.EXPLICIT_LE.encode()]


def test_pixel_data() -> None:
    contents = s.image(np.array([[1, 2]], np.uint16))
    assert tfio_data(contents, [0x7FE00010]).tolist() == [rb"0001\0002"]
    contents = s.image(np.array([[1, 2]], np.uint8), syntax=s.RLE)
    with pytest.raises(dd.MalformedError, match="Illegal call"):
        tfio_data(contents, [0x7FE00010])


def test_a_file_of_pydicom() -> None:
    path = pydicom.data.get_testdata_file("CT_small.dcm")
    tags = [0x00080008, 0x00100010, 0x00280030, 0x00271049, 0x00431040, 0x00081140]
    found = tfio_data(path, tags[:-1])
    assert found.tolist() == [
        rb"ORIGINAL\PRIMARY\AXIAL",
        b"CompressedSamples^CT1",
        rb"0.661468\0.661468",
        b"179.0357971",
        b"178.0799255",
    ]
