"""JPEG 2000 of more bits than a code-block in 32 bits has: samples up to 32, against an encoder of our own."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest

from dicomdecode.errors import MalformedError, UnsupportedError
from tests.codecs import jpeg2000_encoder
from tests.codecs.test_own_jpeg2000 import decode, decode_by_openjpeg


def any_samples(bits: int, signed: bool, samples: int = 1) -> np.ndarray:
    """A slope with noise of all magnitudes, and both ends of the range."""
    rng = np.random.default_rng(bits)
    shape = 21, 19, samples
    a = np.linspace(0, 2**bits - 1, 21 * 19).astype(np.int64).reshape(21, 19, 1) + np.zeros(samples, np.int64)
    a = (a ^ rng.integers(0, 2**bits, shape) >> rng.integers(0, bits, shape)).clip(0, 2**bits - 1)
    a[:4, :4], a[9:12, 5:8] = 2**bits - 1, 0
    return (a - 2 ** (bits - 1)).astype(np.int32) if signed else a.astype(np.uint32)


@pytest.mark.parametrize("levels, offset", [(0, (0, 0)), (1, (1, 0)), (3, (0, 1)), (5, (7, 5))])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [25, 26, 27, 28, 29, 30, 31, 32])
@pytest.mark.slow
def test_samples_of_up_to_32_bits(bits: int, signed: bool, levels: int, offset: tuple[int, int]) -> None:
    """By an encoder of our own: OpenJPEG's fails from 26 bits on."""
    a = any_samples(bits, signed)
    stream = jpeg2000_encoder.encode(a, bits, levels=levels, offset=offset)
    assert np.array_equal(decode(stream, a), a)
    assert np.array_equal(decode(stream, a, 0, (3, 2, 11, 9)), a[3:14, 2:11])
    if levels and offset == (0, 1):
        assert decode(jpeg2000_encoder.encode(a, bits, levels=levels), a, 1).shape == (11, 10, 1)
    # the other sign: the bits are the same
    other = a.view("u4" if signed else "i4")
    if bits == 32:
        assert np.array_equal(decode(stream, other), other)
    if bits == 25:
        assert np.array_equal(decode_by_openjpeg(stream, a), a)
    elif bits == 32:
        with pytest.raises(UnsupportedError, match="31 bits"):
            decode_by_openjpeg(stream, a)


@pytest.mark.parametrize("rows, columns", [(21, 19), (1, 19), (21, 1)])
@pytest.mark.parametrize("bits, signed", [(26, True), (31, True), (32, True), (31, False), (32, False)])
def test_high_throughput_of_up_to_32_bits(bits: int, signed: bool, rows: int, columns: int) -> None:
    """By OpenJPH, which takes the upper half of 32 bits without a sign for numbers below 0; `uint32` is of 32 bits."""
    a = np.ascontiguousarray(any_samples(bits, signed)[:rows, :columns])
    stream = bytes(imagecodecs.htj2k_encode(a[..., 0], reversible=True))
    assert np.array_equal(decode(stream, a), a)
    stream = bytes(imagecodecs.htj2k_encode(a[..., 0], reversible=False, level=2**-12))
    theirs = imagecodecs.htj2k_decode(stream).reshape(a.shape)
    assert np.abs(decode(stream, a).astype(float) - theirs).max() < 2**18, "1/K is OpenJPEG's, and 1/30000 off"


@pytest.mark.parametrize("bits", [8, 26, 32])
def test_component_transform_of_up_to_32_bits(bits: int) -> None:
    a = any_samples(bits, False, 3)
    assert np.array_equal(decode(jpeg2000_encoder.encode(a, bits, levels=2, transform=True), a), a)


@pytest.mark.parametrize("bits, shift", [(8, 10), (16, 19), (16, 36), (18, 36)])
def test_region_of_interest_in_part_of_a_picture(bits: int, shift: int) -> None:
    """With both sides of the shift in one code-block (H.1)."""
    a = any_samples(bits, False)
    region = np.zeros(a.shape[:2], bool)
    region[5:12, 3:9] = True
    stream = jpeg2000_encoder.encode(a, bits, region=region, shift=shift)
    assert np.array_equal(decode(stream, a), a)


def test_more_than_32_bits() -> None:
    a = any_samples(32, False)
    stream = bytearray(jpeg2000_encoder.encode(a, 32))
    stream[stream.index(b"\xff\x51") + 40] = 37  # Ssiz of 38 bits
    with pytest.raises(MalformedError, match="expected 32, found 38"):
        decode(bytes(stream), a)
    with pytest.raises(UnsupportedError, match="up to 32 bits"):
        decode(bytes(stream), a.astype(np.uint64))
