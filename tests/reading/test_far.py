"""Large elements that nobody asked for are stepped over: a file costs its header, whatever else is in it."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

PIXELS = np.random.default_rng(0).integers(0, 4096, (2, 30, 40), np.uint16)
#: Of a value that is a hole in the file.
BIG = 300_000_000
WINDOW = 65536

Sparse = list[bytes | int]


class Counted:
    """A file object that knows how much was read from it."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self.count = 0

    def __del__(self) -> None:
        self._file.close()

    def read(self, size: int) -> bytes:
        found = self._file.read(size)
        self.count += len(found)
        return found

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def seekable(self) -> bool:
        return True


def write(path: Path, parts: Sparse) -> Path:
    """A file of bytes, and of holes of so many bytes."""
    with open(path, "wb") as file:
        for part in parts:
            if isinstance(part, int):
                file.seek(part, os.SEEK_CUR)
            else:
                file.write(part)
        file.truncate()
    return path


def split(contents: bytes, tag: int, encoding: s.Encoding) -> tuple[bytes, bytes]:
    """The file in front of an element, and from there on."""
    at = contents.index(s.tag_bytes(tag, encoding.order))
    return contents[:at], contents[at:]


def hole(tag: int, encoding: s.Encoding, length: int = BIG) -> Sparse:
    """An element whose value is a hole."""
    return [s.header(tag, "OB", length, encoding), length]


def with_holes(path: Path, syntax: str, tags: dict[int, int], **keywords: Any) -> Path:
    """An image with an element of BIG zeros in front of each of the tags."""
    encoding = s.encoding_of(syntax)
    rest = s.image(PIXELS, syntax=syntax, extra=[(0x00181030, "LO", "behind"), *keywords.pop("extra", [])], **keywords)
    parts: Sparse = []
    for before, tag in tags.items():
        front, rest = split(rest, before, encoding)
        parts += [front, *hole(tag, encoding)]
    return write(path, [*parts, rest])


SYNTAXES = [s.EXPLICIT_LE, s.IMPLICIT_LE, s.EXPLICIT_BE, s.RLE]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(
    "tags",
    [{0x00280002: 0x00191010}, {0x00181030: 0x00091001, 0x00280010: 0x00271001}, {0x7FE00010: 0x00E11001}],
    ids=["one", "two", "in front of the pixels"],
)
def test_private_elements_in_front_of_the_pixels(syntax: str, tags: dict[int, int], tmp_path: Path) -> None:
    path = with_holes(tmp_path / "a.dcm", syntax, tags)
    assert path.stat().st_size > BIG * len(tags)
    np.testing.assert_array_equal(dd.imread(path, values="stored"), PIXELS)
    assert dd.decode_dicom_data(path, ["ProtocolName", "Rows"]).tolist() == ["behind", "30"]
    file = Counted(path)
    image = dd.open(file)
    assert (image.rows, image.tag("ProtocolName")) == (30, "behind")
    np.testing.assert_array_equal(image.pixels(values="stored"), PIXELS)
    assert file.count <= (2 + len(tags)) * WINDOW + 2 * PIXELS.nbytes
    assert set(tags.values()) <= set(image.tags())
    with pytest.raises(dd.LimitError, match="The value exceeds"):
        image.tag(next(iter(tags.values())))
    assert image.tag("ProtocolName") == "behind"


@pytest.mark.parametrize("encoding", [s.LITTLE, s.IMPLICIT, s.Encoding(big_endian=True)], ids=["LE", "implicit", "BE"])
@pytest.mark.parametrize("depth", [1, 2, 5])
def test_in_sequences_of_undefined_length(encoding: s.Encoding, depth: int, tmp_path: Path) -> None:
    syntax = {s.LITTLE: s.EXPLICIT_LE, s.IMPLICIT: s.IMPLICIT_LE}.get(encoding, s.EXPLICIT_BE)
    order = encoding.order
    start = s.header(0x00081115, "SQ", s.UNDEFINED, encoding) + s.tag_bytes(0xFFFEE000, order) + b"\xff" * 4
    stop = s.tag_bytes(0xFFFEE00D, order) + bytes(4) + s.tag_bytes(0xFFFEE0DD, order) + bytes(4)
    front, rest = split(s.image(PIXELS, syntax=syntax), 0x00280002, encoding)
    small = s.element(0x00100010, "PN", "A^B", encoding)
    parts: Sparse = [
        front,
        start * depth,
        small,
        *hole(0x00191001, encoding),
        *hole(0x00191002, encoding),
        stop * depth,
    ]
    path = write(tmp_path / "a.dcm", [*parts, *hole(0x00191010, encoding), rest])
    file = Counted(path)
    image = dd.open(file)
    np.testing.assert_array_equal(image.pixels(values="stored"), PIXELS)
    assert file.count <= 5 * WINDOW + 2 * PIXELS.nbytes
    assert image.tags().count(0x00081115) == 1 and 0x00191001 not in image.tags() and 0x00191010 in image.tags()
    with pytest.raises(dd.LimitError):
        image.tag("[0008,1115][0][0010,0010]")
    np.testing.assert_array_equal(dd.imread(path, values="stored"), PIXELS)


WAYS: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: path,
    "file": lambda path: io.BytesIO(path.read_bytes()),
    "bytes": lambda path: path.read_bytes(),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("undefined", [False, True])
def test_their_values_are_read_when_asked_for(way: str, undefined: bool, tmp_path: Path) -> None:
    """Each by each way; the answers are those of the bytes."""
    long = "x" * 200_000
    items = [[(0x00100010, "PN", f"{i}"), (0x0040A160, "UT", long)] for i in range(3)]
    extra: list[s.Element] = [
        (0x00081115, "SQ", items),
        (0x00091001, "OB", bytes(range(256)) * 1000),
        (0x00091002, "UT", long),
        (0x00181030, "LO", "behind"),
        (0x00291001, "SQ", items),
    ]
    encoding = s.Encoding(undefined_sequences=undefined, undefined_items=undefined)
    path = tmp_path / "a.dcm"
    path.write_bytes(s.image(PIXELS, extra=extra, encoding=encoding))
    with dd.open(WAYS[way](path)) as image:
        for _ in range(2):
            assert image.tag(0x00091001) == bytes(range(256)) * 1000 and image.tag(0x00091002) == long
            for sequence in ("0008,1115", "0029,1001"):
                assert image.tag(f"[{sequence}][2][PatientName]") == "2"
                assert image.tag(f"[{sequence}][1][0040,A160]") == long
            first, *_ = image.tag("0008,1115")
            assert image.tag("ProtocolName") == "behind" and first.tag("PatientName") == "0"
        np.testing.assert_array_equal(image.pixels(values="stored"), PIXELS)
    tags = ["[0029,1001][1][PatientName]", 0x00091001, "ProtocolName", "[0008,1115][9][PatientName]"]
    expected = ["1", (bytes(range(256)) * 1000).hex(), "behind", ""]
    assert dd.decode_dicom_data(WAYS[way](path), tags).tolist() == expected


def test_look_up_tables_are_read(tmp_path: Path) -> None:
    """Palettes of 128 KiB: what the image needs is there, by path as by bytes."""
    tables = [np.random.default_rng(i).integers(0, 65536, 65536).astype(np.uint16) for i in range(3)]
    contents = s.image(PIXELS, photometric="PALETTE COLOR", extra=s.lookup_tables(tables))
    path = tmp_path / "a.dcm"
    path.write_bytes(contents)
    expected = np.stack([table[PIXELS] for table in tables], -1)
    for source in (path, contents, io.BytesIO(contents)):
        np.testing.assert_array_equal(dd.imread(source), expected)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.RLE])
def test_behind_the_pixels(syntax: str, tmp_path: Path) -> None:
    """What describes the image counts behind a trailing private element of 300 MB as well."""
    encoding = s.encoding_of(syntax)
    contents = s.image(PIXELS, syntax=syntax, vr="OW")
    late = s.element(0x7FE11030, "LO", "late", encoding) + s.element(0x00281052, "DS", "-5", encoding)
    path = write(tmp_path / "a.dcm", [contents, *hole(0x7FE11010, encoding), late])
    file = Counted(path)
    image = dd.open(file)
    np.testing.assert_array_equal(image.pixels(), PIXELS - 5.0)
    assert image.tag(0x7FE11030) == "late"
    assert file.count <= 3 * WINDOW + 2 * PIXELS.nbytes
    np.testing.assert_array_equal(dd.imread(path), PIXELS - 5.0)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.RLE])
def test_what_is_not_there_is_looked_for_once(syntax: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(s.image(np.repeat(PIXELS, 200, axis=0), syntax=syntax))
    file = Counted(path)
    image = dd.open(file)
    assert image.tag(0x7FE11030) is None
    count = file.count
    assert [image.tag(tag) for tag in range(0x7FE11031, 0x7FE11036)] == [None] * 5
    assert file.count == count < 2 * path.stat().st_size


def test_at_the_end_and_cut(tmp_path: Path) -> None:
    """A file that ends in such an element has the tags in front of it; without pixels it says so."""
    report = s.dataset([(0x00100010, "PN", "A^B")])
    path = write(tmp_path / "a.dcm", [report, *hole(0x00191010, s.LITTLE)])
    with dd.open(path) as image:
        assert image.tag("PatientName") == "A^B" and image.tags()[-1] == 0x00191010
        with pytest.raises(dd.MalformedError, match="no pixel data"):
            image.pixels()
    write(path, [report, s.header(0x00191010, "OB", BIG, s.LITTLE), BIG // 2])
    with dd.open(path) as image:
        assert image.tag("PatientName") == "A^B"
        with pytest.raises(dd.TruncatedError):
            image.pixels()


def test_many_are_bounded(tmp_path: Path) -> None:
    """Each costs a window; all windows together count as the header."""
    parts: Sparse = [s.dataset([(0x00080060, "CS", "OT")])]
    for i in range(50):
        parts += hole(0x00191001 + i, s.LITTLE, 1 << 20)
    path = write(tmp_path / "a.dcm", parts)
    with dd.open(path) as image:
        assert len([tag for tag in image.tags() if tag >> 16 == 0x19]) == 50
    with pytest.raises(dd.LimitError) as caught:
        dd.open(path, limits=dd.Limits(header_bytes=20 * WINDOW))
    assert caught.value.code == "limit_header_bytes"


LARGE_TABLE = [(0x00283002, "US", [0, 0, 16]), (0x00283006, "OW", np.arange(65535, -1, -1).astype(np.uint16))]
PARTS: dict[str, list[s.Element]] = {
    "Modality LUT": [(0x00283000, "SQ", [LARGE_TABLE])],
    "VOI LUT": [(0x00283010, "SQ", [LARGE_TABLE])],
    "Presentation LUT": [(0x20500010, "SQ", [LARGE_TABLE])],
    "functional groups": [
        s.element(
            0x52009230,
            "SQ",
            [
                [
                    (
                        0x00289145,
                        "SQ",
                        [[(0x00281052, "DS", 7 * i), (0x00281053, "DS", 2), (0x00281055, "UT", "x" * 70_000)]],
                    )
                ]
                for i in range(2)
            ],
        )
    ],
    "windows": [s.element(0x00281050, "UT", "300\\" * 20_000), s.element(0x00281051, "UT", "200\\" * 20_000)],
}


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("part", PARTS)
def test_what_the_header_needs_is_never_stepped_over(part: str, undefined: bool, tmp_path: Path) -> None:
    contents = s.image(PIXELS, extra=PARTS[part], encoding=s.Encoding(undefined_sequences=undefined))
    path = tmp_path / "a.dcm"
    path.write_bytes(contents)
    plain = s.image(PIXELS)
    level = "modality" if part in ("Modality LUT", "functional groups") else "display"
    want = dd.imread(contents, values=level)
    assert not np.array_equal(want, dd.imread(plain, values=level))
    for source in (path, io.BytesIO(contents)):
        np.testing.assert_array_equal(dd.imread(source, values=level), want)


@pytest.mark.parametrize("tag", [0x00280010, 0x00280008, 0x00281050, 0x00281053, 0x20500020])
def test_a_sequence_in_the_place_of_a_number(tag: int, tmp_path: Path) -> None:
    """Of undefined length, and stepped over: it is no number, and nobody looks for one in it."""
    inner = s.header(0x00091011, "OB", 70_000, s.LITTLE) + bytes(70_000)
    sequence = s.header(tag, "UN", s.UNDEFINED, s.LITTLE) + s.item(inner) + s.tag_bytes(0xFFFEE0DD) + bytes(4)
    end = s.tag_bytes(0xFFFEE000) + b"\xff" * 4 + inner + s.tag_bytes(0xFFFEE00D) + bytes(4)
    odd = s.header(tag, "UN", s.UNDEFINED, s.LITTLE) + end + s.tag_bytes(0xFFFEE0DD) + bytes(4)
    for element in (sequence, odd):
        path = write(tmp_path / "a.dcm", [s.dataset([element, (0x60000010, "US", 1)])])
        assert dd.open(path).tag(0x60000010) == 1
