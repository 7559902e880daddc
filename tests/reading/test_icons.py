"""Icons: pixel data in front of those of the image (PS3.3 C.7.6.1.1.6)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.test_odd_files import everywhere

PIXELS = np.arange(20, dtype=np.uint16).reshape(4, 5) * 37
SYNTAXES = (s.EXPLICIT_LE, s.IMPLICIT_LE, s.EXPLICIT_BE, s.RLE)
NUMBERS = {0x00280002: 1, 0x00280010: 2, 0x00280011: 2, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7, 0x00280103: 0}
HEAD: list[s.Element] = [(tag, "US", number) for tag, number in NUMBERS.items()]


def with_icon(value: s.Element, syntax: str, undefined: bool) -> bytes:
    own = s.encoding_of(syntax)
    encoding = s.Encoding(own.explicit, own.big_endian, undefined, undefined)
    return s.image(PIXELS, syntax=syntax, extra=[s.sequence(0x00880200, "SQ", [[*HEAD, value]], encoding)])


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
def test_pixel_data_of_an_icon(undefined: bool, syntax: str, tmp_path: Path) -> None:
    order = s.encoding_of(syntax).order
    fragments = s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.encoding_of(syntax))
    for part in (b"", b"\xff\xd8\xff\xe0junk"):
        fragments += s.tag_bytes(0xFFFEE000, order) + len(part).to_bytes(4, "big" if order == ">" else "little") + part
    fragments += s.tag_bytes(0xFFFEE0DD, order) + bytes(4)
    for value in ((s.PIXEL_DATA, "OW", b"\1\2\3\4"), (s.PIXEL_DATA, "OW", b""), fragments):
        everywhere(with_icon(value, syntax, undefined), PIXELS, tmp_path)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("length", [0, 2, 6, 12, 1004, 0x7FFFFFFF])
def test_a_wrong_length_of_it(length: int, undefined: bool, syntax: str, tmp_path: Path) -> None:
    """Four bytes are there."""
    value = s.header(s.PIXEL_DATA, "OW", length, s.encoding_of(syntax)) + b"\1\2\3\4"
    contents = with_icon(value, syntax, undefined)
    everywhere(contents, PIXELS, tmp_path)
    assert dd.open(contents).tag("[IconImageSequence][0][Rows]") == 2


def test_a_wrong_length_without_an_end(tmp_path: Path) -> None:
    value = s.header(s.PIXEL_DATA, "OW", 1 << 30, s.LITTLE) + bytes(3 << 20)
    with pytest.raises(dd.TruncatedError):
        dd.imread(with_icon(value, s.EXPLICIT_LE, undefined=True))
