"""Text in every character set that PS3.3 C.12.1.1.2 defines, one or several in a value."""

from __future__ import annotations

import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.test_odd_files import NATIVE, codes
from tests.tfop import core

TEXTS: list[tuple[str, bytes, str]] = [
    ("ISO_IR 101", b"\xb3", "ł"),
    ("ISO_IR 109", b"\xa6", "Ĥ"),
    ("ISO_IR 110", b"\xa3", "Ŗ"),
    ("ISO_IR 126", b"\xc4\xe9", "Δι"),
    ("ISO_IR 127", b"\xe2", "ق"),
    ("ISO_IR 138", b"\xf9", "ש"),
    ("ISO_IR 144", b"\xbb\xee", "Лю"),
    ("ISO_IR 148", b"\xf0", "ğ"),
    ("ISO_IR 166", b"\xa1", "ก"),
    ("ISO_IR 13", b"\xd4\xcf", "ﾔﾏ"),
    ("ISO_IR 203", b"\xa4uro", "€uro"),
    ("GB18030", b"\xcd\xf5", "王"),
    ("GBK", b"\xcd\xf5", "王"),
    ("ISO-IR 144", b"\xbb\xee", "Лю"),
    ("GB2312", b"\xcd\xf5", "王"),
    ("Big5", b"\xa4\xfd", "王"),
    ("SHIFT_JIS", b"\x8eR\x93c", "山田"),
    ("EUC-KR", b"\xc8\xab", "홍"),
    ("windows-1251", b"\xcb\xfe", "Лю"),
    ("ISO 8859-5", b"\xbb\xee", "Лю"),
    ("ISO 2022 IR 203", b"\xa4", "€"),
    (r"\ISO 2022 IR 203", b"e\x1b-b\xa4", "e€"),
    (r"ISO 2022 IR 100\ISO 2022 IR 144", b"\xe9 \x1b-L\xbb\xee", "é Лю"),
    (r"\ISO 2022 IR 58", b"a \x1b$)A\xd5\xc5 b\r\n\x1b$)A\xd0\xa1", "a 张 b\r\n小"),
    (r"\ISO 2022 IR 149", b"\x1b$)C\xfb\xf3", "洪"),
    (r"\ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B", "山田"),
    (r"\ISO 2022 IR 159", b"\x1b$(D0!\x1b(B", "丂"),
    (r"ISO 2022 IR 6\ISO 2022 IR 13", b"\x1b)I\xd4\xcf", "ﾔﾏ"),
]


@pytest.mark.parametrize(("terms", "value", "text"), TEXTS, ids=[row[0] for row in TEXTS])
def test_character_sets(terms: str, value: bytes, text: str) -> None:
    for syntax in NATIVE:
        contents = s.dataset([(0x00080005, "CS", terms), (0x00081030, "LO", value)], syntax=syntax)
        assert dd.decode_dicom_data(contents, ["StudyDescription"]).tolist() == [text]
        assert dd.open(contents).tag("StudyDescription") == text
        assert core.texts(contents, [0x00081030]) == [text.encode()]
        assert "character_set" not in codes(contents)


@pytest.mark.parametrize(
    ("terms", "value", "text"),
    [
        (r"\ISO 2022 IR 58", b"Zhang^Xiao=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=", "Zhang^Xiao=张^小东="),
        (r"\ISO 2022 IR 149", b"Hong^G=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab", "Hong^G=洪^吉洞=홍"),
        (r"\ISO 2022 IR 149", b"Hong^G=\x1b$)C\xfb\xf3^\xd1\xce", "Hong^G=洪^吉"),  # an escape sequence is missing
        (r"\ISO 2022 IR 87", b"Y^T=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d\x1b(B", "Y^T=山田^太郎=や"),
        (r"ISO 2022 IR 13\ISO 2022 IR 87", b"\xd4\xcf^\xc0=\x1b$B;3\x1b(J^\x1b$BB@\x1b(J", "ﾔﾏ^ﾀ=山^太"),
        ("GB18030", b"Wang=\xcd\xf5^\xd0\xa1", "Wang=王^小"),
    ],
)
def test_names_in_several_sets(terms: str, value: bytes, text: str) -> None:
    contents = s.dataset([(0x00080005, "CS", terms), (0x00100010, "PN", value)])
    assert dd.decode_dicom_data(contents, ["PatientName"]).tolist() == [text]
    item = s.dataset([(0x00080005, "CS", terms), (0x00081140, "SQ", [[(0x00100010, "PN", value)]])])
    assert dd.open(item).tag("[ReferencedImageSequence][0][PatientName]") == text
