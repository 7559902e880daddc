"""The synthesiser against pydicom: what it writes means what it says."""

import io

import numpy as np
import pydicom
import pytest
from pydicom.pixels import convert_color_space, pixel_array
from pydicom.pixels.processing import apply_color_lut

from tests import synthesise as s

RNG = np.random.default_rng(1)


def read(contents: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(io.BytesIO(contents))


@pytest.mark.parametrize("syntax", [s.IMPLICIT_LE, s.EXPLICIT_LE, s.EXPLICIT_BE, s.DEFLATED, s.RLE])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4"])
def test_pixels(syntax: str, dtype: str) -> None:
    info = np.iinfo(dtype)
    pixels = RNG.integers(info.min, info.max, (3, 5, 7), dtype, endpoint=True)
    found = pixel_array(read(s.image(pixels, syntax=syntax)), raw=True)
    assert found.dtype.kind == pixels.dtype.kind
    np.testing.assert_array_equal(found, pixels)


def test_bits_and_chroma() -> None:
    bits = RNG.integers(0, 2, (3, 5, 7), np.uint8)
    np.testing.assert_array_equal(pixel_array(read(s.image(bits, allocated=1))), bits)
    ybr = RNG.integers(0, 256, (4, 6, 3), np.uint8)
    found = pixel_array(read(s.image(ybr, photometric="YBR_FULL_422")), raw=True)
    np.testing.assert_array_equal(found, s.subsampled(ybr))
    np.testing.assert_array_equal(s.rgb_of_ybr_full(ybr), convert_color_space(ybr, "YBR_FULL", "RGB"))


@pytest.mark.parametrize("segmented", [False, True])
def test_palette(segmented: bool) -> None:
    table = np.array([*range(0, 2000, 100), 5, 9, 7, 7, 7, 7, 7, 7, 1] * 2, np.uint16)
    pixels = RNG.integers(0, len(table), (4, 4), np.uint8)
    lut = s.lookup_tables([table, table[::-1], table], segmented=segmented)
    if segmented:
        assert {0, 1, 2} <= set(s.segments_of(table).tolist())
    dataset = read(s.image(pixels, photometric="PALETTE COLOR", extra=lut))
    expected = np.stack([table[pixels], table[::-1][pixels], table[pixels]], -1)
    np.testing.assert_array_equal(apply_color_lut(pixels, dataset), expected)


@pytest.mark.parametrize("explicit", [True, False])
@pytest.mark.parametrize("undefined", [True, False])
def test_elements(explicit: bool, undefined: bool) -> None:
    encoding = s.Encoding(explicit=explicit, undefined_sequences=undefined, undefined_items=undefined)
    items: list[s.Element] = [
        (0x00081115, "SQ", [[(0x0020000E, "UI", "1.2"), (0x00081140, "SQ", [[(0x00081155, "UI", "1.2.3")]])], []]),
        (0x00100010, "PN", "A^B"),
        (0x00181063, "DS", [1.5, 2]),
    ]
    syntax = s.EXPLICIT_LE if explicit else s.IMPLICIT_LE
    dataset = read(s.dataset(items, syntax=syntax, encoding=encoding, group_lengths=True))
    assert dataset[0x00081115][0][0x00081140][0][0x00081155].value == "1.2.3"
    assert len(dataset[0x00081115].value) == 2
    assert dataset.PatientName == "A^B"
    assert dataset[0x00181063].value == [1.5, 2]


def test_rle_packets_of_every_kind() -> None:
    data = bytes(RNG.integers(0, 4, 2000, np.uint8)) + b"\1" * 300 + bytes(range(256))
    packets = s.rle_packets(data, seed=3)
    kinds, pos, found = set(), 0, bytearray()
    while pos < len(packets):
        n = packets[pos]
        if n < 128:
            kinds.add("literal of 128" if n == 127 else "literal")
            found += packets[pos + 1 : pos + 2 + n]
            pos += n + 2
        elif n > 128:
            kinds.add("run of 128" if n == 129 else "run")
            found += packets[pos + 1 : pos + 2] * (257 - n)
            pos += 2
        else:
            kinds.add("nothing")
            pos += 1
    assert found == data
    assert kinds == {"literal", "literal of 128", "run", "run of 128", "nothing"}
