"""Files whose data set or pixel data begin or end elsewhere than their names and lengths say."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.test_odd_files import GREY, NATIVE, codes, everywhere

PIXELS = np.random.default_rng(5).integers(0, 60000, (2, 40, 50)).astype(np.uint16)


@pytest.mark.parametrize("wrapper", ["zlib", "zlib, level 1", "gzip", "none", "not deflated"])
def test_what_is_called_deflated(wrapper: str, tmp_path: Path) -> None:
    """Raw deflate is right; headers of zlib and gzip are met, and data sets that are not deflated at all."""
    for pixels in (GREY, PIXELS):
        plain = s.image(pixels, syntax=s.EXPLICIT_LE)
        body = plain[132 + len(s.file_meta(s.EXPLICIT_LE)) :]
        raw = zlib.compressobj(wbits=-15)
        coded = {
            "zlib": zlib.compress(body),
            "zlib, level 1": zlib.compress(body, 1),
            "gzip": gzip.compress(body, mtime=0),
            "none": raw.compress(body) + raw.flush(),
            "not deflated": body,
        }[wrapper]
        contents = plain[:132] + s.file_meta(s.DEFLATED) + coded
        everywhere(contents, pixels, tmp_path)
        assert ("encoding" in codes(contents)) == (wrapper == "not deflated")


def test_a_stored_block_is_no_header_of_zlib(tmp_path: Path) -> None:
    """Its first byte has padding that may be anything."""
    plain = s.image(GREY, syntax=s.EXPLICIT_LE)
    body = plain[132 + len(s.file_meta(s.EXPLICIT_LE)) :].ljust(0x15E, b"\0")  # so that 0x78 0x5E is no multiple of 31
    for first in (0x78, 0x01):
        for size in range(len(body), len(body) + 62, 2):
            stored = body.ljust(size, b"\0")
            length = len(stored).to_bytes(2, "little")
            coded = bytes([first]) + length + bytes(b ^ 0xFF for b in length) + stored
            coded += b"" if first & 1 else b"\x03\x00"
            contents = plain[:132] + s.file_meta(s.DEFLATED) + coded
            np.testing.assert_array_equal(dd.imread(contents, values="stored"), GREY)


@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE, s.DEFLATED])
@pytest.mark.parametrize("front", [bytes(128), bytes(128) + b"dicm", b"\n"])
def test_file_meta_information_without_its_prefix(front: bytes, syntax: str, tmp_path: Path) -> None:
    contents = front + s.image(GREY, syntax=syntax)[132:]
    everywhere(contents, GREY, tmp_path)
    assert dd.open(contents).transfer_syntax == syntax


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("short", [2, 100, 7998])
def test_pixel_data_that_say_too_few_bytes(short: int, syntax: str, tmp_path: Path) -> None:
    encoding = s.encoding_of(syntax)
    value = PIXELS.astype(PIXELS.dtype.newbyteorder(encoding.order)).tobytes()
    element = s.header(s.PIXEL_DATA, "OW", len(value) - short, encoding) + value
    contents = s.image(PIXELS, syntax=syntax, without=[s.PIXEL_DATA], trailing=element)
    everywhere(contents, PIXELS, tmp_path)
    assert "pixels_length" in codes(contents)
    for other in (contents[:-2], contents + b"\0\0"):  # the file does not end where they would
        with pytest.raises(dd.TruncatedError):
            dd.imread(other)
