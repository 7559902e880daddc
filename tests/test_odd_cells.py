"""Native pixel data whose Bits Allocated is missing or wrong, and whose length says what a cell is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.test_odd_files import NATIVE, codes, everywhere, replaced

RNG = np.random.default_rng(3)
ALLOCATED, STORED = 0x00280100, 0x00280101


def with_allocated(contents: bytes, right: int, wrong: int | None, syntax: str) -> bytes:
    new = [] if wrong is None else [(ALLOCATED, "US", wrong)]
    return replaced(contents, (ALLOCATED, "US", right), new, syntax)


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("wrong", [None, 0, 1, 8])
@pytest.mark.parametrize("stored", [9, 12, 16])
@pytest.mark.parametrize("frames", [1, 3])
def test_cells_of_16_bits(frames: int, stored: int, wrong: int | None, syntax: str, tmp_path: Path) -> None:
    for dtype in (np.uint16, np.int16):
        pixels = (RNG.integers(0, 1 << stored, (frames, 9, 7)) - (dtype is np.int16) * (1 << stored - 1)).astype(dtype)
        pixels = pixels[0] if frames == 1 else pixels
        right = s.image(pixels, syntax=syntax, bits_stored=stored)
        contents = with_allocated(right, 16, wrong, syntax)
        everywhere(contents, pixels, tmp_path)
        assert "bits_allocated" in codes(contents)
        assert "bits_allocated" not in codes(right)


@pytest.mark.parametrize("wrong", [None, 0, 4])
@pytest.mark.parametrize("photometric", ["RGB", "MONOCHROME2"])
def test_cells_of_8_bits(photometric: str, wrong: int | None, tmp_path: Path) -> None:
    """Of an odd number of bytes, too."""
    pixels = RNG.integers(0, 256, (5, 7, 3)[: 3 if photometric == "RGB" else 2]).astype(np.uint8)
    contents = with_allocated(s.image(pixels, photometric=photometric), 8, wrong, s.EXPLICIT_LE)
    everywhere(contents, pixels, tmp_path)
    assert "bits_allocated" in codes(contents)


def test_cells_of_24_and_32_bits(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 1 << 24, (5, 6)).astype(np.uint32)
    for stored in (25, 32):
        contents = s.image(pixels, bits_stored=stored)
        everywhere(with_allocated(contents, 32, 16, s.EXPLICIT_LE), pixels, tmp_path)
    data = s.element(s.PIXEL_DATA, "OW", pixels.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    contents = s.image(pixels, bits_stored=24, without=[s.PIXEL_DATA], trailing=data)
    everywhere(with_allocated(contents, 32, 16, s.EXPLICIT_LE), pixels, tmp_path)


@pytest.mark.parametrize("wrong", [None, 8])
def test_lengths_that_leave_a_doubt(wrong: int | None) -> None:
    """Bytes more or fewer, another cell, no Bits Stored, pixel data in fragments: the errors that there are."""
    pixels = RNG.integers(0, 4096, (4, 6)).astype(np.uint16)
    right = s.image(pixels, bits_stored=12)
    for size in (24, 36, 46, 50, 96):
        data = s.element(s.PIXEL_DATA, "OW", bytes(size))
        contents = s.image(pixels, bits_stored=12, without=[s.PIXEL_DATA], trailing=data)
        with pytest.raises(dd.MalformedError):
            dd.imread(with_allocated(contents, 16, wrong, s.EXPLICIT_LE))
    for contents in (s.image(pixels, bits_stored=12, syntax=s.RLE), right[:-2]):
        with pytest.raises(dd.MalformedError):
            dd.imread(with_allocated(contents, 16, wrong, s.EXPLICIT_LE))
    if wrong is None:
        with pytest.raises(dd.MalformedError):
            dd.imread(with_allocated(s.image(pixels, without=[STORED]), 16, None, s.EXPLICIT_LE))


@pytest.mark.parametrize("wrong", [None, 8])
def test_tensorflow_io_reads_none_of_them(wrong: int | None) -> None:
    right = s.image(RNG.integers(0, 4096, (4, 6)).astype(np.uint16), bits_stored=12)
    dd.decode_dicom_image(right, values="tfio", on_error="strict")
    with pytest.raises(dd.MalformedError) as caught:
        dd.decode_dicom_image(with_allocated(right, 16, wrong, s.EXPLICIT_LE), values="tfio", on_error="strict")
    assert caught.value.code == "tfio_image"
