"""The scanner through the public API: one data set in every encoding, and bytes that are no data set."""

import itertools
import struct

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

ITEMS: list[s.Element] = [
    (0x00080005, "CS", "ISO_IR 100"),
    (0x00080018, "UI", "1.2.3.4.5"),
    (
        0x00081115,
        "SQ",
        [
            [
                (0x00081140, "SQ", [[(0x00081155, "UI", "1.2.1")], [(0x00081155, "UI", "1.2.22")]]),
                (0x0020000E, "UI", "1.9"),
            ],
            [],
            [(0x0020000E, "UI", "1.3")],
        ],
    ),
    (0x00091001, "LO", "private"),
    (0x00100010, "PN", "Family^Given"),
    (0x00181063, "DS", [1.5, -2]),
    (0x00189087, "FD", [0.1]),
    (0x00280010, "US", 7),
    (0x00280103, "US", 1),
    (0x00280106, "SS", -5),
    (0x0040A30A, "DS", "3"),
    (0x00720080, "US", [1, 2, 3]),
]
WANT = {
    "SOPInstanceUID": "1.2.3.4.5",
    "PatientName": "Family^Given",
    "0018,1063": "1.5\\-2",
    "FrameTime": "1.5\\-2",
    0x00189087: "0.1",
    "Rows": "7",
    "[0008,1115][0][0008,1140][1][0008,1155]": "1.2.22",
    "[0008,1115][0][SeriesInstanceUID]": "1.9",
    "[0008,1115][1][SeriesInstanceUID]": "",
    "[0008,1115][2][SeriesInstanceUID]": "1.3",
    "[0008,1115][3][SeriesInstanceUID]": "",
    "NumberOfFrames": "",
}


def read(contents: bytes, want: dict[object, str] | None = None) -> None:
    want = WANT if want is None else want
    found = dd.decode_dicom_data(contents, list(want), on_error="strict")
    assert dict(zip(want, found, strict=True)) == want


@pytest.mark.parametrize("syntax", [s.IMPLICIT_LE, s.EXPLICIT_LE, s.EXPLICIT_BE, s.DEFLATED, s.GE_PRIVATE])
@pytest.mark.parametrize(
    "undefined", list(itertools.product([False, True], repeat=2)), ids=["", "items", "sequences", "both"]
)
def test_encodings(syntax: str, undefined: tuple[bool, bool]) -> None:
    base = s.encoding_of(syntax)
    encoding = s.Encoding(base.explicit, base.big_endian, *undefined)
    for group_lengths, trailing in itertools.product([False, True], [b"", b"\0" * 4, b"\0" * 500]):
        read(s.dataset(ITEMS, syntax=syntax, encoding=encoding, group_lengths=group_lengths, trailing=trailing))


@pytest.mark.parametrize("syntax", [s.IMPLICIT_LE, s.EXPLICIT_LE, s.EXPLICIT_BE])
def test_front_of_the_file(syntax: str) -> None:
    """Preamble, file meta information, its group length, its transfer syntax: each may be missing (PS3.10 7.1)."""
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    for preamble, meta, length in itertools.product([True, False], repeat=3):
        layout = {"preamble": preamble, "meta": meta, "meta_group_length": length}
        read(s.dataset(ITEMS, syntax=syntax, **layout))
        np.testing.assert_array_equal(dd.imread(s.image(pixels, syntax=syntax, **layout), values="stored"), pixels)
        encoding = s.encoding_of(syntax)
        read(s.dataset(ITEMS, syntax=None, encoding=encoding, **layout))


def test_private_preamble() -> None:
    """The preamble may hold anything: a TIFF header, say."""
    contents = bytearray(s.dataset(ITEMS))
    contents[:128] = b"II*\0" + b"\xff" * 124
    read(bytes(contents))


@pytest.mark.parametrize("group_length", [0, 4, 1 << 20, 0xFFFFFFFE])
def test_meta_group_length_that_lies(group_length: int) -> None:
    contents = s.dataset(ITEMS)
    at = contents.index(b"UL\4\0") + 4
    read(contents[:at] + struct.pack("<I", group_length) + contents[at + 4 :])


@pytest.mark.parametrize("claimed", [s.IMPLICIT_LE, s.EXPLICIT_LE, s.RLE, "1.2.3.4.5"])
@pytest.mark.parametrize("actual", [s.IMPLICIT_LE, s.EXPLICIT_LE, s.EXPLICIT_BE])
def test_transfer_syntax_that_lies(claimed: str, actual: str) -> None:
    """The data set is read as it is written; what was odd is said."""
    contents = s.dataset(ITEMS, syntax=claimed, encoding=s.encoding_of(actual))
    read(contents)
    if claimed in (s.IMPLICIT_LE, s.EXPLICIT_LE) and claimed != actual:
        assert dd.open(contents).issues


def test_meta_is_little_endian_and_reachable() -> None:
    contents = s.dataset(ITEMS, syntax=s.EXPLICIT_BE)
    read(contents, {"TransferSyntaxUID": s.EXPLICIT_BE, 0x00020000: dd.decode_dicom_data(contents, [0x00020000])[0]})
    assert dd.open(contents).transfer_syntax == s.EXPLICIT_BE


def nested(depth: int, encoding: s.Encoding) -> bytes:
    """A sequence in an item in a sequence, `depth` times."""
    item = s.elements([(0x00081155, "UI", "1.2")], encoding)
    for _ in range(depth):
        head, tail = s.UNDEFINED, s.tag_bytes(0xFFFEE00D) + b"\0" * 4
        length, end = s.UNDEFINED, s.tag_bytes(0xFFFEE0DD) + b"\0" * 4
        if not encoding.undefined_sequences:
            head, tail, length, end = len(item), b"", len(item) + 8, b""
        item = (
            s.header(0x00081140, "SQ", length, encoding)
            + s.tag_bytes(0xFFFEE000)
            + struct.pack("<I", head)
            + item
            + tail
            + end
        )
    return item


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("explicit", [False, True])
def test_depth(undefined: bool, explicit: bool) -> None:
    encoding = s.Encoding(explicit=explicit, undefined_sequences=undefined, undefined_items=undefined)
    syntax = s.EXPLICIT_LE if explicit else s.IMPLICIT_LE
    for depth in (1, 10, 60):
        contents = s.dataset([nested(depth, encoding), (0x00100010, "PN", "A")], syntax=syntax)
        read(contents, {"[0008,1140][0]" * depth + "[0008,1155]": "1.2", "PatientName": "A"})
    contents = s.dataset([nested(70, encoding)], syntax=syntax)
    with pytest.raises(dd.LimitError):
        dd.decode_dicom_data(contents, ["[0008,1140][0]" * 70 + "[0008,1155]"], on_error="strict")
    wide = dd.Limits(depth=200)
    found = dd.decode_dicom_data(contents, ["[0008,1140][0]" * 70 + "[0008,1155]"], on_error="strict", limits=wide)
    assert found[0] == "1.2"


def test_hostile_depth() -> None:
    """A hundred thousand levels end in an error, not in the end of the process."""
    level = s.header(0x00081140, "SQ", s.UNDEFINED, s.LITTLE) + s.tag_bytes(0xFFFEE000) + struct.pack("<I", s.UNDEFINED)
    for body in (level * 100_000, level * 100_000 + b"\0" * 50):
        with pytest.raises(dd.LimitError):
            dd.open(s.dataset([body]))
        assert dd.decode_dicom_image(s.dataset([body]), on_error="skip").shape == (0,)


@pytest.mark.parametrize("tag", [0x00081115, 0x00091010])
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE])
def test_unknown_sequences(tag: int, undefined: bool, syntax: str) -> None:
    """A UN value of undefined length is a sequence in Implicit VR Little Endian (PS3.5 6.2.2)."""
    encoding = s.Encoding(True, syntax == s.EXPLICIT_BE, undefined, undefined)
    inner = [(0x0020000E, "UI", "1.9"), (0x00280010, "US", 258), (0x00081140, "SQ", [[(0x00081155, "UI", "1.5")]])]
    contents = s.dataset([(tag, "UN", [inner]), (0x00100010, "PN", "A")], syntax=syntax, encoding=encoding)
    want = {"PatientName": "A"}
    if undefined or tag == 0x00081115:
        path = f"[0x{tag >> 16:04x},0x{tag & 0xFFFF:04x}][0]"
        want |= {path + "[0020,000e]": "1.9", path + "[Rows]": "258", path + "[0008,1140][0][0008,1155]": "1.5"}
    read(contents, want)


def unknown(tag: int, encoding: s.Encoding, levels: int = 1) -> bytes:
    """A UN element of undefined length around `levels` - 1 others of its kind."""
    inner: s.Element = (0x0020000E, "UI", "1.9")
    for _ in range(levels - 1):
        inner = (0x00081115, "UN", [[inner, (0x00280010, "US", 258)]])
    return s.element(tag, "UN", [[inner]], encoding)


@pytest.mark.parametrize("levels", [1, 2, 5])
@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("syntax", [s.IMPLICIT_LE, s.EXPLICIT_LE, s.EXPLICIT_BE, s.DEFLATED])
def test_unknown_sequence_in_the_meta_information(syntax: str, place: int, levels: int) -> None:
    """What follows is explicit again: the rest of group 0002, and the data set as its transfer syntax says."""
    meta: list[s.Element] = [(0x00020001, "OB", b"\0\1"), (0x00020002, "UI", "1.2.3"), (0x00020010, "UI", syntax)]
    meta.append((0x00020012, "UI", "1.2.4"))
    meta.insert(place, unknown(0x00020102, s.Encoding(True, False, True, True), levels))
    plain = s.dataset(ITEMS, syntax=syntax)
    start = plain.index(b"DICM") + 4
    contents = plain[:start] + s.elements(meta) + plain[start + len(s.file_meta(syntax)) :]
    read(contents, WANT | {0x00020002: "1.2.3", 0x00020010: syntax, 0x00020012: "1.2.4"})
    assert dd.open(contents).transfer_syntax == syntax
    assert not [issue for issue in dd.open(contents).issues if issue.code in ("encoding", "no_transfer_syntax")]


@pytest.mark.parametrize("levels", [1, 2, 5])
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("big_endian", [False, True])
def test_unknown_sequence_among_others(big_endian: bool, undefined: bool, levels: int) -> None:
    """In front of, between, behind and inside elements of the data set's own encoding, each of which stays readable."""
    syntax = s.EXPLICIT_BE if big_endian else s.EXPLICIT_LE
    outer = s.Encoding(True, big_endian, undefined, undefined)
    un = s.Encoding(True, big_endian, True, True)
    item = [(0x00081150, "UI", "1.5"), unknown(0x00081198, un, levels), (0x00280010, "US", 258)]
    items: list[s.Element] = [
        unknown(0x00080001, un, levels),
        (0x00081030, "LO", "A"),
        (0x00081115, "SQ", [item]),
        unknown(0x00091010, un, levels),
        (0x00280010, "US", 7),
        unknown(0x00291010, un, levels),
    ]
    inner = "[0008,1115][0]" * (levels - 1)
    want: dict[object, str] = {"StudyDescription": "A", "Rows": "7", "[0008,1115][0][Rows]": "258"}
    for front in ("[0008,0001][0]", "[0009,1010][0]", "[0029,1010][0]", "[0008,1115][0][0008,1198][0]"):
        want[f"{front}{inner}[0020,000e]"] = "1.9"
        want |= {f"{front}[0008,1115][0][Rows]": "258"} if levels > 1 else {}
    read(s.dataset(items, syntax=syntax, encoding=outer), want)


def test_missing_item_delimiter() -> None:
    """A sequence delimiter also ends an open item."""
    encoding = s.Encoding(True, False, True, True, delimit_items=False)
    contents = s.dataset(
        [(0x00081115, "SQ", [[(0x0020000E, "UI", "1.9")]]), (0x00100010, "PN", "A")], encoding=encoding
    )
    read(contents, {"[0008,1115][0][0020,000e]": "1.9", "PatientName": "A"})


def test_unknown_vr() -> None:
    """A VR of a later edition has the long form (PS3.5 7.1.2); some writers use the short one. What follows is read."""
    for long_form in (True, False):
        odd = s.header(0x00091001, "ZZ", 4, s.LITTLE, long_form=long_form) + b"abcd"
        read(s.dataset([(0x00080005, "CS", "ISO_IR 100"), odd, (0x00100010, "PN", "A")]), {"PatientName": "A"})


@pytest.mark.parametrize("vr", [b"\0\0", b"  ", b"??", b"un", b"1A"])
def test_no_vr(vr: bytes) -> None:
    odd = s.tag_bytes(0x00091001) + vr + struct.pack("<H", 4) + b"abcd"
    read(s.dataset([(0x00080005, "CS", "ISO_IR 100"), odd, (0x00100010, "PN", "A")]), {"PatientName": "A"})


def test_private_elements() -> None:
    items: list[s.Element] = [
        (0x00090010, "LO", "CREATOR"),
        (0x00091001, "UN", b"\1\2"),
        (0x00091002, "SQ", [[(0x00091003, "LO", "in")]]),
        (0x00100010, "PN", "A"),
        (0x00111001, "FD", 2.5),
    ]
    read(
        s.dataset(items),
        {0x00090010: "CREATOR", 0x00091001: "0102", "[0009,1002][0][0009,1003]": "in", "0011,1001": "2.5"},
    )
    implicit = s.dataset(items, syntax=s.IMPLICIT_LE)
    read(implicit, {0x00090010: "CREATOR", 0x00091001: "0102", "PatientName": "A"})


def test_duplicates_and_disorder() -> None:
    """Of duplicates the first counts; elements out of order are found."""
    items: list[s.Element] = [(0x00100020, "LO", "1"), (0x00100010, "PN", "A"), (0x00100020, "LO", "2")]
    items += [(0x00080060, "CS", "MR"), (0x00200013, "IS", "5"), (0x00080060, "CS", "CT")]
    read(s.dataset(items), {"PatientID": "1", "PatientName": "A", "Modality": "MR", "InstanceNumber": "5"})


def test_duplicates_that_are_far_apart() -> None:
    """As in a data set, or file meta information, that was appended to a copy of itself."""
    once = [(0x00080060 + i, "CS", "A") for i in range(7)]
    again = [(tag, vr, "B") for tag, vr, _ in once]
    read(s.dataset([*once, *again]), {tag: "A" for tag, _, _ in once})
    read(s.dataset([(once[0][0], "CS", ""), *once[1:], *again]), {once[0][0]: "B", once[3][0]: "A"})
    meta = s.file_meta(s.RLE) + s.file_meta(s.IMPLICIT_LE)
    contents = b"\0" * 128 + b"DICM" + meta + s.elements(ITEMS, s.encoding_of(s.RLE))
    assert dd.open(contents).transfer_syntax == s.RLE


def test_delimiters_that_close_nothing() -> None:
    stray = s.tag_bytes(0xFFFEE00D) + b"\0" * 4 + s.tag_bytes(0xFFFEE0DD) + b"\0" * 4
    read(s.dataset([(0x00080060, "CS", "MR"), stray, (0x00100010, "PN", "A")]), {"Modality": "MR", "PatientName": "A"})


def test_behind_the_pixel_data() -> None:
    """Elements behind pixel data are found, encapsulated or not; trailing padding is none."""
    for syntax in (s.EXPLICIT_LE, s.RLE, s.EXPLICIT_BE, s.DEFLATED):
        pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
        encoding = s.encoding_of(syntax)
        tail = s.elements([(0x7FE10010, "LO", "behind"), (0xFFFCFFFC, "OB", b"\0" * 30)], encoding)
        contents = s.image(pixels, syntax=syntax, trailing=tail)
        read(contents, {0x7FE10010: "behind", "Rows": "3"})
        assert dd.open(contents).tag(0x7FE10010) == "behind"
        np.testing.assert_array_equal(dd.imread(contents, values="stored"), pixels)


def test_no_pixel_data() -> None:
    """Any file opens; one without pixels says so only when they are asked for."""
    image = dd.open(s.dataset(ITEMS))
    assert image.tag("PatientName") == "Family^Given"
    with pytest.raises(dd.DicomError) as caught:
        image.pixels()
    assert caught.value.code == "no_pixel_data" and caught.value.tag == 0x7FE00010


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"DICN",
        b"\0" * 7,
        b"\0" * 132,
        b"\0" * 10_000,
        b"\xff" * 10_000,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 500,
        b"%PDF-1.7\n" + b"text " * 300,
        b"PK\x03\x04" + bytes(range(256)) * 4,
        bytes(range(256)) * 40,
        b"a,b,c\n1,2,3\n" * 100,
        b"\x1f\x8b\x08" + bytes(range(200)),
    ],
    ids=lambda b: repr(b[:8]),
)
def test_not_dicom(contents: bytes) -> None:
    with pytest.raises(dd.DicomError):
        dd.imread(contents)
    with pytest.raises(dd.DicomError):
        dd.open(contents)


def test_element_limit() -> None:
    contents = s.dataset([(0x00091000 + i, "US", i) for i in range(1000)])
    with pytest.raises(dd.LimitError):
        dd.open(contents, limits=dd.Limits(elements=500))
    assert dd.open(contents, limits=dd.Limits(elements=2000)).tag(0x00091005) == 5


def test_deflate_bomb() -> None:
    """A gigabyte of zeros in a megabyte is refused where the limits do not allow it, before it is there."""
    contents = s.dataset([(0x00091001, "OB", bytes(5_000_000)), (0x00100010, "PN", "A")], syntax=s.DEFLATED)
    assert len(contents) < 20_000
    with pytest.raises(dd.LimitError):
        dd.open(contents, limits=dd.Limits(inflate_ratio=20))
    with pytest.raises(dd.LimitError):
        dd.open(contents, limits=dd.Limits(output_bytes=1_000_000))
    assert dd.open(contents).tag("PatientName") == "A"
    damaged = contents[:400] + b"\xff" * 100 + contents[500:]
    with pytest.raises(dd.DicomError):
        dd.open(damaged)


def test_odd_lengths() -> None:
    """Values of odd length are against PS3.5 7.1.1 and are met."""
    odd = s.header(0x00080060, "CS", 3, s.LITTLE) + b"MRI"
    read(s.dataset([odd, (0x00100010, "PN", "A")]), {"Modality": "MRI", "PatientName": "A"})
