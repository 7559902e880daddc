"""values="tfio" of odd files: what tensorflow-io 0.37.1 decoded, and what it refused, as it was seen to do."""

from __future__ import annotations

import struct
from typing import Any

import imagecodecs
import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.tfio_compat.texts import tfio_data
from tests import synthesise as s
from tests.test_odd_files import COMMANDS, GREY, behind_meta, replaced
from tests.tfio_compat.test_image import flat, tfio

ROOT = "1.2.840.10008.1.2.4."
FRAMES = np.stack([np.arange(99, dtype=np.uint8).reshape(9, 11) + 20 * i for i in range(3)])
ENCODERS: dict[str, Any] = {
    "50": lambda a: imagecodecs.jpeg8_encode(a, level=95),
    "70": lambda a: imagecodecs.ljpeg_encode(a),
    "80": lambda a: imagecodecs.jpegls_encode(a),
    "90": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="j2k", level=0, reversible=True),
    "rle": lambda a: s.rle_frame(a[..., None]),
}


def refused(contents: bytes) -> None:
    with pytest.raises(dd.DicomError):
        tfio(contents)
    assert dd.decode_dicom_image(contents, values="tfio").shape == (0,)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.IMPLICIT_LE, s.EXPLICIT_BE, s.RLE])
@pytest.mark.parametrize("encoding", [s.LITTLE, s.IMPLICIT])
def test_command_set(syntax: str, encoding: s.Encoding) -> None:
    """It is read as a part of the data set, if it is encoded as that is."""
    contents = behind_meta(s.image(GREY, syntax=syntax), syntax, s.elements(COMMANDS, encoding))
    if encoding == s.encoding_of(syntax):
        assert flat(tfio(contents)) == GREY.ravel().tolist()
    else:
        refused(contents)
    refused(behind_meta(s.image(GREY, syntax=syntax), syntax, b"\0\0"))


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE])
@pytest.mark.parametrize("undefined_items", [True, False])
def test_items_of_un(syntax: str, undefined_items: bool) -> None:
    """They have no VRs there."""
    for explicit in (False, True):
        inner = s.Encoding(explicit, False, True, undefined_items)
        items = s.sequence(0x00081140, "SQ", [[(0x00080100, "SH", "code")]], inner)[12 if explicit else 8 :]
        sequence = s.header(0x00081140, "UN", s.UNDEFINED, s.encoding_of(syntax)) + items
        contents = s.image(GREY, syntax=syntax, extra=[sequence])
        if explicit:
            refused(contents)
        else:
            assert flat(tfio(contents)) == GREY.ravel().tolist()


@pytest.mark.parametrize("vr", ["Cs", "cs", "??", "\0\0", "C ", "ZZ"])
@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE])
def test_vr_that_is_none(vr: str, syntax: str) -> None:
    """Two capital letters have a length of 32 bits behind them, all others one of 16."""
    encoding = s.encoding_of(syntax)
    for is_long in (False, True):
        odd = s.header(0x00080060, vr, 2, encoding, long_form=is_long) + b"MR"
        contents = s.image(GREY, syntax=syntax, extra=[odd])
        if is_long == (vr == "ZZ"):
            assert flat(tfio(contents)) == GREY.ravel().tolist()
        else:
            refused(contents)


def test_duplicates() -> None:
    """The first one counts, an empty one too."""
    contents = s.image(GREY, extra=[(0x00281053, "DS", "2"), (0x00281052, "DS", "0")])
    for element in ((0x00280010, "US", [2]), (0x00280004, "CS", "MONOCHROME2"), (0x00280103, "US", [0])):
        refused(replaced(contents, element, [(*element[:2], b""), element]))
    assert flat(tfio(contents, np.uint32)) == (GREY * 2).ravel().tolist()
    slope = (0x00281053, "DS", "2")
    assert flat(tfio(replaced(contents, slope, [(*slope[:2], b""), slope]))) == GREY.ravel().tolist()
    other = replaced(contents, (0x00280103, "US", [0]), [(0x00280103, "US", [0]), (0x00280103, "US", [1])])
    assert flat(tfio(other, np.uint32)) == (GREY * 2).ravel().tolist()


def test_numbers_of_another_vr() -> None:
    """FD is taken for DS, others are not."""
    for syntax in (s.EXPLICIT_LE, s.EXPLICIT_BE):
        for vr, wanted in (("FD", 2), ("FL", 1), ("US", 1), ("IS", 1)):
            extra = [(0x00281053, vr, [2]), (0x00281052, "DS", "0")]
            contents = s.image(GREY, syntax=syntax, extra=extra)
            assert flat(tfio(contents, np.uint32)) == (GREY * wanted).ravel().tolist()


def test_text_of_un() -> None:
    contents = s.image(GREY)
    refused(replaced(contents, (0x00280004, "CS", "MONOCHROME2"), [(0x00280004, "UN", b"MONOCHROME2 ")]))


def test_texts_of_what_its_parser_does_not_come_to() -> None:
    """What stands in front is there; of duplicates the first counts."""
    extra: list[s.Element] = [(0x00080060, "CS", "MR"), (0x00100010, "PN", "A^B"), (0x00280010, "US", [2])]
    odd = s.header(0x00080070, "ZZ", 2, s.LITTLE, long_form=False) + b"ab"
    tags = [0x00020010, 0x00080060, 0x00100010, 0x00280010]
    sound = s.image(GREY, extra=extra)
    assert tfio_data(sound, tags).tolist() == [s.EXPLICIT_LE.encode(), b"MR", b"A^B", b"2"]
    assert tfio_data(s.dataset([extra[0], odd, *extra[1:]]), tags[1:]).tolist() == [b"MR", b"", b""]
    for commands, found in ((s.LITTLE, [b"MR", b"A^B", b"2"]), (s.IMPLICIT, [b"", b"", b""])):
        contents = behind_meta(sound, s.EXPLICIT_LE, s.elements(COMMANDS, commands))
        assert tfio_data(contents, tags).tolist() == [s.EXPLICIT_LE.encode(), *found]
    twice = replaced(sound, extra[1], [(0x00100010, "PN", b""), extra[1]])
    assert tfio_data(twice, tags[1:]).tolist() == [b"MR", b"", b"2"]


def encapsulated(kind: str, items: list[bytes], starts: list[int] | None = None, frames: int = 3) -> bytes:
    """A file of these fragments; `starts`: those that the offset table names."""
    offsets = np.cumsum([0, *(8 + len(x) + len(x) % 2 for x in items)])
    table = b"" if starts is None else struct.pack(f"<{len(starts)}I", *offsets[starts])
    data = s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE) + b"".join(map(s.item, [table, *items]))
    data += s.tag_bytes(0xFFFEE0DD) + bytes(4)
    syntax = s.RLE if kind == "rle" else ROOT + kind
    return s.image(FRAMES[:frames], syntax=syntax, without=[s.PIXEL_DATA], trailing=data)


def streams(kind: str) -> list[bytes]:
    found = [bytes(ENCODERS[kind](frame)).rstrip(b"\0" if kind != "rle" else b"") for frame in FRAMES]
    return [stream + b"\0" * (len(stream) % 2) for stream in found]


@pytest.mark.parametrize("kind", ["50", "70", "80", "90"])
def test_streams_without_an_end_marker(kind: str) -> None:
    whole = streams(kind)
    cut = [stream.rstrip(b"\0")[:-2] for stream in whole]
    want = tfio(encapsulated(kind, whole))
    np.testing.assert_array_equal(tfio(encapsulated(kind, [x + b"\x12\x34" for x in whole])), want)
    refused(encapsulated(kind, cut))
    refused(encapsulated(kind, [*whole[:2], cut[2]]))
    refused(encapsulated(kind, cut[:1], frames=1))


@pytest.mark.parametrize("kind", ENCODERS)
def test_empty_fragments(kind: str) -> None:
    """JPEG and RLE stop at one; of the others an offset table passes over it, and there may be some behind JPEG-LS."""
    x, y, z = streams(kind)
    want = tfio(encapsulated(kind, [x, y, z]))
    cases: dict[str, tuple[list[bytes], list[int]]] = {
        "first": ([b"", x, y, z], [1, 2, 3]),
        "between": ([x, b"", y, z], [0, 2, 3]),
        "last": ([x, y, z, b""], [0, 1, 2]),
    }
    for name, (items, starts) in cases.items():
        for table in (None, starts):
            contents = encapsulated(kind, items, table)
            if (name == "last" and kind != "90") or (table and kind in ("80", "90")):
                np.testing.assert_array_equal(tfio(contents), want)
            else:
                refused(contents)
    first = encapsulated(kind, [b"", x], frames=1)
    if kind in ("80", "90"):
        np.testing.assert_array_equal(tfio(first), want[:1])
    else:
        refused(first)


@pytest.mark.parametrize("kind", ["50", "70", "80"])
def test_frames_of_several_fragments(kind: str) -> None:
    whole = streams(kind)
    halves = [part for x in whole for part in (x[: len(x) // 2 & ~1], x[len(x) // 2 & ~1 :])]
    np.testing.assert_array_equal(tfio(encapsulated(kind, halves)), tfio(encapsulated(kind, whole)))
    one = encapsulated(kind, halves[:2], frames=1)
    np.testing.assert_array_equal(tfio(one), tfio(encapsulated(kind, whole[:1], frames=1)))
