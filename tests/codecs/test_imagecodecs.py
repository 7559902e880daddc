"""JPEG, JPEG-LS, HTJ2K and JPEG XL: what imagecodecs encodes comes back; what is damaged is an error, never a hang."""

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode._spec import FrameSpec
from dicomdecode.codecs import jpeg, jpeg2000, jpegls, jpegxl

SIZES = [(1, 1), (1, 9), (7, 1), (16, 16), (33, 21)]


def picture(rows: int, columns: int, samples: int, bits: int) -> np.ndarray:
    """Smooth with a little noise, over the whole range of so many bits."""
    y, x, s = np.mgrid[0:rows, 0:columns, 0:samples]
    noise = np.random.default_rng(rows * columns + bits).integers(0, 3, (rows, columns, samples))
    top = (1 << bits) - 1
    values = np.clip((np.sin(x / 7 + s) * np.cos(y / 5) + 1) / 2 * top + noise, 0, top)
    found: np.ndarray = values.astype(np.uint8 if bits <= 8 else np.uint16)
    return found


def spec_of(pixels: np.ndarray, bits: int, *, signed: bool = False, photometric: str = "", **more: Any) -> FrameSpec:
    rows, columns, samples = pixels.shape
    return FrameSpec(
        rows=rows,
        columns=columns,
        samples=samples,
        bits_allocated=8 * pixels.dtype.itemsize,
        bits_stored=bits,
        signed=signed,
        photometric=photometric or ("MONOCHROME2" if samples == 1 else "RGB"),
        syntax="1.2.840.10008.1.2.4.80",
        **more,
    )


def flat(pixels: np.ndarray) -> np.ndarray:
    """As encoders take it: no samples axis for one sample."""
    return np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def lossless_jpeg(pixels: np.ndarray, bits: int) -> bytes:
    return bytes(imagecodecs.jpeg8_encode(flat(pixels), lossless=True, bitspersample=bits))


def jpeg_ls(pixels: np.ndarray, bits: int) -> bytes:
    return bytes(imagecodecs.jpegls_encode(flat(pixels)))


def high_throughput(pixels: np.ndarray, bits: int) -> bytes:
    return bytes(imagecodecs.htj2k_encode(flat(pixels), reversible=True))


def jpeg_xl(pixels: np.ndarray, bits: int) -> bytes:
    return bytes(imagecodecs.jpegxl_encode(flat(pixels), lossless=True))


LOSSLESS: list[tuple[Any, Callable[[np.ndarray, int], bytes]]] = [
    (jpeg, lossless_jpeg),
    (jpegls, jpeg_ls),
    (jpeg2000, high_throughput),
    (jpegxl, jpeg_xl),
]
NAMES = ["lossless JPEG", "JPEG-LS", "HTJ2K", "JPEG XL"]


@pytest.mark.parametrize("codec, encode", LOSSLESS, ids=NAMES)
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_round_trip(codec: Any, encode: Any, samples: int, bits: int, size: tuple[int, int]) -> None:
    pixels = picture(*size, samples, bits)
    out = np.empty_like(pixels)
    assert codec.decode(encode(pixels, bits), spec_of(pixels, bits), out) == ("MONOCHROME" if samples == 1 else "RGB")
    np.testing.assert_array_equal(out, pixels)


@pytest.mark.parametrize("codec, encode", LOSSLESS[:2] + LOSSLESS[3:], ids=NAMES[:2] + NAMES[3:])
def test_sign(codec: Any, encode: Any) -> None:
    """The stream has no sign: its low Bits Stored bits are two's complement where Pixel Representation says so."""
    pixels = picture(16, 16, 1, 16)
    out = np.empty(pixels.shape, np.int16)
    codec.decode(encode(pixels, 16), spec_of(pixels, 16, signed=True), out)
    np.testing.assert_array_equal(out, pixels.view(np.int16))


@pytest.mark.parametrize("codec, encode", LOSSLESS, ids=NAMES)
def test_the_stream_against_the_header(codec: Any, encode: Any) -> None:
    pixels = picture(16, 20, 1, 8)
    stream = encode(pixels, 8)
    for other in (picture(20, 16, 1, 8), picture(16, 21, 1, 8), picture(16, 20, 3, 8)):
        with pytest.raises(dd.MalformedError):
            codec.decode(stream, spec_of(other, 8), np.empty_like(other))


@pytest.mark.parametrize("codec, encode", LOSSLESS, ids=NAMES)
def test_cut_streams(codec: Any, encode: Any) -> None:
    """Cut anywhere: an error, or, where all samples are in front of the cut, the right pixels."""
    pixels = picture(33, 21, 1, 8)
    stream = encode(pixels, 8)
    for n in range(0, len(stream) - 2, 5):
        out = np.zeros_like(pixels)
        try:
            codec.decode(stream[:n], spec_of(pixels, 8), out)
        except dd.DicomError:
            continue
        np.testing.assert_array_equal(out, pixels)


@pytest.mark.parametrize("codec, encode", LOSSLESS, ids=NAMES)
def test_flipped_bits(codec: Any, encode: Any) -> None:
    pixels = picture(24, 24, 1, 8)
    stream = encode(pixels, 8)
    rng = np.random.default_rng(7)
    for _ in range(150):
        damaged = bytearray(stream)
        for _ in range(int(rng.integers(1, 5))):
            damaged[int(rng.integers(0, len(damaged)))] ^= 1 << int(rng.integers(0, 8))
        try:
            codec.decode(bytes(damaged), spec_of(pixels, 8), np.zeros_like(pixels))
        except dd.DicomError as error:
            assert str(error)


@pytest.mark.parametrize("photometric, to_rgb, result", [
    ("YBR_FULL_422", True, "RGB"), ("YBR_FULL", False, "YBR_FULL"), ("RGB", True, "RGB"),
])  # fmt: skip
@pytest.mark.parametrize("subsampling", ["444", "422", "420"])
def test_colour_follows_the_header(photometric: str, to_rgb: bool, result: str, subsampling: str) -> None:
    """Photometric Interpretation decides, whatever the markers of the stream guess."""
    pixels = picture(32, 48, 3, 8)
    coded = "YCBCR" if photometric.startswith("YBR") else "RGB"
    if coded == "RGB" and subsampling != "444":
        subsampling = "444"
    stream = imagecodecs.jpeg8_encode(pixels, level=98, outcolorspace=coded, subsampling=subsampling)
    out = np.empty_like(pixels)
    assert jpeg.decode(bytes(stream), spec_of(pixels, 8, photometric=photometric, to_rgb=to_rgb), out) == result
    wanted = imagecodecs.jpeg8_decode(stream, colorspace=coded, outcolorspace="RGB" if to_rgb else coded)
    np.testing.assert_array_equal(out, wanted)


def test_twelve_bits() -> None:
    pixels = picture(32, 32, 1, 12)
    stream = bytes(imagecodecs.jpeg8_encode(flat(pixels), level=98, bitspersample=12))
    out = np.empty_like(pixels)
    jpeg.decode(stream, spec_of(pixels, 12), out)
    assert np.abs(out.astype(int) - pixels).max() < 40


def test_no_end_of_image() -> None:
    """libjpeg would return grey pixels."""
    pixels = picture(64, 64, 1, 8)
    stream = bytes(imagecodecs.jpeg8_encode(flat(pixels), level=90))
    for n in (len(stream) // 2, len(stream) - 2):
        with pytest.raises(dd.TruncatedError):
            jpeg.decode(stream[:n], spec_of(pixels, 8), np.empty_like(pixels))


def test_end_of_image_behind_a_cut() -> None:
    pixels = picture(64, 64, 1, 8)
    stream = bytes(imagecodecs.jpeg8_encode(flat(pixels), level=90))
    with pytest.raises(dd.DicomError):
        jpeg.decode(stream[: len(stream) // 2] + b"\xff\xd9", spec_of(pixels, 8), np.empty_like(pixels))
