"""values="tfio": compressed images as tensorflow-io 0.37.1 returned them."""

from __future__ import annotations

import struct

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.tfio_compat.test_image import RNG, flat, tfio

JPEG_LS, JPEG_2000, JPEG = (f"1.2.840.10008.1.2.4.{n}" for n in (80, 90, 50))


def literal_rle(frame: np.ndarray) -> bytes:
    """A frame [rows, columns(, samples)] of bytes as RLE without runs and no-ops."""
    segments = []
    for plane in np.moveaxis(np.atleast_3d(frame), -1, 0):
        data = plane.tobytes()
        segments.append(
            b"".join(bytes([len(p) - 1]) + p for p in (data[k : k + 100] for k in range(0, len(data), 100)))
        )
    starts = [64 + sum(map(len, segments[:k])) for k in range(len(segments))]
    return struct.pack("<16I", len(segments), *starts, *[0] * (15 - len(segments))) + b"".join(segments)


def grey(rows: int, columns: int, bits: tuple[int, ...] = (8, 8, 7, 0)) -> list[s.Element]:
    """What is said of a grey picture; Bits Allocated, Bits Stored, High Bit, Pixel Representation: `bits`."""
    size: list[s.Element] = [(0x00280010, "US", [rows]), (0x00280011, "US", [columns])]
    depth: list[s.Element] = [(0x00280100 + i, "US", [value]) for i, value in enumerate(bits)]
    return [(0x00280002, "US", [1]), (0x00280004, "CS", "MONOCHROME2"), *size, *depth]


@pytest.mark.parametrize("photometric", ["MONOCHROME2", "RGB"])
@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("syntax", [s.RLE, JPEG_LS, JPEG_2000])
def test_lossless_codecs_give_the_pixels(syntax: str, planar: int, photometric: str) -> None:
    import imagecodecs

    samples = 3 if photometric == "RGB" else 1
    pixels = RNG.integers(0, 256, (2, 9, 8, 3) if samples == 3 else (2, 9, 8), np.uint8)
    encode = {s.RLE: literal_rle, JPEG_LS: imagecodecs.jpegls_encode, JPEG_2000: imagecodecs.jpeg2k_encode}[syntax]
    items = [(0x00280002, "US", [samples]), (0x00280004, "CS", photometric), (0x00280006, "US", [planar])]
    items += [(0x00280008, "IS", "2"), (0x00280010, "US", [9]), (0x00280011, "US", [8])]
    items += [(0x00280100 + i, "US", [value]) for i, value in enumerate((8, 8, 7, 0))]
    contents = s.dataset([*items, *s.encapsulate([bytes(encode(frame)) for frame in pixels])], syntax=syntax)
    found = tfio(contents, np.uint8)
    np.testing.assert_array_equal(found, pixels.reshape(found.shape))


def test_rle_control_byte_128_repeats() -> None:
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + bytes([128, 9, 0, 7])
    found = tfio(s.dataset([*grey(10, 13), *s.encapsulate([frame])], syntax=s.RLE), np.uint8)
    assert flat(found) == [9] * 129 + [7]
    with pytest.raises(dd.MalformedError, match="Samples per Pixel"):
        tfio(s.dataset([*grey(10, 13)[1:], *s.encapsulate([frame])], syntax=s.RLE))


def test_too_many_fragments() -> None:
    frames = [struct.pack("<16I", 1, 64, *[0] * 14) + bytes([129, i]) for i in range(3)]
    items: list[s.Element] = [(0x00280002, "US", [1]), (0x00280004, "CS", "MONOCHROME2"), (0x00280008, "IS", "3")]
    items += [(0x00280010, "US", [8]), (0x00280011, "US", [16])]
    items += [(0x00280100 + i, "US", [value]) for i, value in enumerate((8, 8, 7, 0))]
    contents = s.dataset([*items, *s.encapsulate(frames)], syntax=s.RLE)
    assert flat(tfio(contents, np.uint8)) == [i for i in range(3) for _ in range(128)]
    with pytest.raises(dd.LimitError, match="fragments"):
        tfio(contents, np.uint8, limits=dd.Limits(fragments=2))


def test_jpeg_colour_by_photometric_interpretation() -> None:
    """YBR: converted, whatever the markers say. RGB: components as they are coded."""
    import imagecodecs

    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:] = (200, 100, 50)
    stream = imagecodecs.jpeg8_encode(pixels, level=100, colorspace="RGB", outcolorspace="YCBCR", subsampling="444")
    items = [(0x00280002, "US", [3]), (0x00280010, "US", [8]), (0x00280011, "US", [8])]
    items += [(0x00280100 + i, "US", [value]) for i, value in enumerate((8, 8, 7, 0))]

    def decoded(photometric: str) -> list[int]:
        tags = [*items, (0x00280004, "CS", photometric)]
        data = s.encapsulate([bytes(stream)])
        return flat(tfio(s.dataset([*sorted(tags), *data], syntax=JPEG), np.uint8))[:3]

    assert np.abs(np.subtract(decoded("YBR_FULL_422"), (200, 100, 50))).max() <= 2
    assert np.abs(np.subtract(decoded("RGB"), (124, 86, 182))).max() <= 2
    with pytest.raises(dd.MalformedError):
        decoded("YBR_RCT")


def test_jpeg_of_more_bits_than_its_process_has() -> None:
    import imagecodecs

    stream = imagecodecs.jpeg_encode(np.arange(64, dtype=np.uint16).reshape(8, 8) * 60, level=100, bitspersample=12)
    items = grey(8, 8, (16, 12, 11, 0))
    frame = s.encapsulate([bytes(stream)])
    assert tfio(s.dataset([*items, *frame], syntax=JPEG[:-1] + "1")).shape == (1, 8, 8, 1)
    with pytest.raises(dd.MalformedError, match=r"JPEG Baseline .* samples of 12 bits"):
        tfio(s.dataset([*items, *frame], syntax=JPEG))


def test_no_decoder() -> None:
    frame = s.encapsulate([s.deflate_frame(b"\0" * 16)])
    with pytest.raises(dd.UnsupportedError, match="Deflated"):
        tfio(s.dataset([*grey(4, 4), *frame], syntax=s.DEFLATED_FRAME))
