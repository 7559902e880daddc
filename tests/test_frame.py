"""`decode_frame`: one frame without a file. It gives what `imread` gives for the file that holds the frame."""

import io
from typing import Any

import imagecodecs
import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

ROOT = "1.2.840.10008.1.2.4."
RNG = np.random.default_rng(4)
Y, X = np.mgrid[:20, :33]
GREY = {
    np.uint8: (X * 5 + Y * 3) % 256,
    np.uint16: (X * 700 + Y * 31) % 4096,
    np.int16: (X * 70 - Y * 99) % 4096 - 2048,
}
COLOUR = np.stack([X * 7 % 256, Y * 9 % 256, (X + Y) * 4 % 256], -1).astype(np.uint8)
NATIVE = [s.EXPLICIT_LE, s.IMPLICIT_LE, s.EXPLICIT_BE, s.GE_PRIVATE, s.DEFLATED]


def cells_of(pixels: np.ndarray, syntax: str) -> bytes:
    order = ">" if syntax in (s.EXPLICIT_BE, s.GE_PRIVATE) else "<"
    return pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()


@pytest.mark.parametrize("syntax", [*NATIVE, s.ENCAPSULATED_UNCOMPRESSED, s.DEFLATED_FRAME, s.RLE])
@pytest.mark.parametrize("dtype", GREY)
def test_native_cells(syntax: str, dtype: Any) -> None:
    pixels = GREY[dtype].astype(dtype)
    data = cells_of(pixels, syntax)
    if syntax == s.GE_PRIVATE and dtype == np.uint8:  # cells of 16 bits are swapped there, whatever is in them
        data = s.swap_pairs(data)
    if syntax == s.RLE:
        data = s.rle_frame(pixels[..., None])
    elif syntax == s.DEFLATED_FRAME:
        data = s.deflate_frame(data)
    described: dict[str, Any] = {"rows": 20, "columns": 33, "bits_allocated": 8 * pixels.itemsize}
    described |= {"signed": pixels.dtype.kind == "i", "transfer_syntax": syntax}
    for codestream in (data, bytearray(data), memoryview(data), np.frombuffer(data, np.uint8)):
        found = dd.decode_frame(codestream, **described)
        assert found.dtype == dtype and found.flags.writeable
        np.testing.assert_array_equal(found, pixels)
    np.testing.assert_array_equal(dd.decode_frame(data, values="modality", **described), pixels.astype(np.float32))
    out = np.empty((20, 33), np.float64)
    assert dd.decode_frame(data, out=out, dtype="f8", **described) is out
    np.testing.assert_array_equal(out, pixels)


STREAMS = {
    "57": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=8 * a.itemsize),
    "80": imagecodecs.jpegls_encode,
    "90": lambda a: imagecodecs.jpeg2k_encode(a, level=0, reversible=True),
    "201": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
    "110": lambda a: imagecodecs.jpegxl_encode(a, lossless=True),
}


@pytest.mark.parametrize("suffix", STREAMS)
@pytest.mark.parametrize(
    "pixels", [GREY[np.uint8].astype(np.uint8), GREY[np.uint16].astype(np.uint16), COLOUR], ids=str
)
def test_codestreams(suffix: str, pixels: np.ndarray) -> None:
    """Padding at the end does no harm."""
    samples = 1 if pixels.ndim == 2 else 3
    stream = bytes(STREAMS[suffix](pixels))
    for data in (stream, stream + b"\0" * (1 + len(stream) % 2)):
        found = dd.decode_frame(
            data,
            transfer_syntax=ROOT + suffix,
            rows=20,
            columns=33,
            samples=samples,
            bits_allocated=8 * pixels.itemsize,
            photometric="RGB" if samples == 3 else None,
        )
        np.testing.assert_array_equal(found, pixels)


def test_the_same_as_in_a_file() -> None:
    """Colour by the stream, regions, reduced pictures, levels, bits around the stored ones."""
    stream = bytes(imagecodecs.jpeg8_encode(COLOUR, level=90))
    described: dict[str, Any] = {"rows": 20, "columns": 33, "samples": 3, "bits_allocated": 8}
    file = s.dataset(
        [
            *[(tag, "US", n) for tag, n in ((0x00280002, 3), (0x00280010, 20), (0x00280011, 33), (0x00280100, 8))],
            *[(tag, "US", n) for tag, n in ((0x00280101, 8), (0x00280102, 7), (0x00280103, 0))],
            *s.encapsulate([stream]),
        ],
        syntax=ROOT + "50",
    )
    for photometric in (None, "RGB", "YBR_FULL_422"):
        given = {"transfer_syntax": ROOT + "50", "photometric": photometric, **described}
        np.testing.assert_array_equal(dd.decode_frame(stream, **given), dd.imread(file))
        found = dd.decode_frame(stream, color="stored", region=(2, 3, 4, 5), **given)
        np.testing.assert_array_equal(found, dd.imread(file, color="stored")[2:6, 3:8])
    wavelet = bytes(imagecodecs.jpeg2k_encode(COLOUR, level=0, reversible=True))
    assert dd.decode_frame(wavelet, transfer_syntax=ROOT + "90", reduce=1, **described).shape == (10, 17, 3)
    stray = GREY[np.uint16].astype(np.uint16) << 2 | 0x4001
    shifted = {"transfer_syntax": s.EXPLICIT_LE, "rows": 20, "columns": 33, "bits_allocated": 16}
    found = dd.decode_frame(stray.tobytes(), bits_stored=12, high_bit=13, **shifted)
    np.testing.assert_array_equal(found, GREY[np.uint16])
    planes = np.ascontiguousarray(np.moveaxis(COLOUR, -1, 0)).tobytes()
    np.testing.assert_array_equal(
        dd.decode_frame(planes, transfer_syntax=s.EXPLICIT_LE, planar=True, **described), COLOUR
    )
    shown = dd.decode_frame(stray.tobytes(), values="display", window="auto", **shifted)
    assert shown.dtype == np.uint8 and np.ptp(shown) == 255


def test_another_codec_than_said() -> None:
    stream = bytes(STREAMS["80"](GREY[np.uint8].astype(np.uint8)))
    found = dd.decode_frame(stream, transfer_syntax=ROOT + "90", rows=20, columns=33, bits_allocated=8)
    np.testing.assert_array_equal(found, GREY[np.uint8])


GOOD: dict[str, Any] = {"transfer_syntax": s.EXPLICIT_LE, "rows": 2, "columns": 3, "bits_allocated": 16}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"rows": 0}, ValueError),
        ({"columns": 65536}, ValueError),
        ({"rows": 2.0}, TypeError),
        ({"bits_allocated": 65}, ValueError),
        ({"bits_stored": 17}, ValueError),
        ({"bits_stored": 0}, ValueError),
        ({"bits_stored": 12, "high_bit": 10}, ValueError),
        ({"high_bit": 16}, ValueError),
        ({"samples": 5}, ValueError),
        ({"samples": 2}, ValueError),
        ({"signed": 2}, TypeError),
        ({"photometric": 7}, TypeError),
        ({"transfer_syntax": 5}, TypeError),
        ({"transfer_syntax": "JPEG2000"}, ValueError),
        ({"transfer_syntax": "1.2.3"}, dd.UnsupportedError),
        ({"transfer_syntax": ROOT + "94"}, dd.UnsupportedError),
        ({"values": "modality", "window": (1, 2)}, ValueError),
        ({"columns": 4}, dd.TruncatedError),
        ({"limits": dd.Limits(pixels_per_frame=5)}, dd.LimitError),
    ],
)
def test_wrong_arguments(wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        dd.decode_frame(bytes(12), **{**GOOD, **wrong})


@pytest.mark.parametrize("codestream", [None, "text", 5, np.zeros((4, 4), np.uint16)[:, ::2], io.BytesIO()])
def test_what_is_no_codestream(codestream: Any) -> None:
    with pytest.raises(TypeError, match="codestream"):
        dd.decode_frame(codestream, **GOOD)


def test_offsets_count_from_the_stream() -> None:
    """Nobody has seen the file around it."""
    stream = bytes(STREAMS["80"](GREY[np.uint8].astype(np.uint8)))
    for damaged in (stream[:40], b"\xff\xd8\xff\xf7" + stream[9:], b"", b"nothing"):
        with pytest.raises(dd.DicomError) as caught:
            dd.decode_frame(damaged, transfer_syntax=ROOT + "80", rows=20, columns=33, bits_allocated=8)
        assert caught.value.frame is None
        assert caught.value.offset is None or caught.value.offset <= len(damaged)


def test_photometric_that_is_no_defined_term() -> None:
    for wrong in ("NONSENSE", "", "MONOCHROME", "RGBA", "RGB\\RGB", "MONOCHROME2 " * 2, "A" * 70000, "R\xe9B"):
        with pytest.raises(ValueError, match="photometric must be"):
            dd.decode_frame(bytes(12), **{**GOOD, "photometric": wrong})
    for right in ("MONOCHROME1", "MONOCHROME2 ", "monochrome2"):
        dd.decode_frame(bytes(12), **{**GOOD, "photometric": right})
    with pytest.raises(TypeError, match="photometric"):
        dd.decode_frame(bytes(12), **{**GOOD, "photometric": 5})
