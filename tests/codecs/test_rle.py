"""RLE Lossless (PS3.5 annex G): every packet, every layout of segments, and damage."""

import struct

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.reference_images import RLE, Reference, of_syntax

RNG = np.random.default_rng(0)


def stored(contents: bytes) -> np.ndarray:
    return dd.imread(contents, values="stored", color="stored")


def around(pixels: np.ndarray, stream: bytes, photometric: str = "MONOCHROME2") -> bytes:
    """A file of one frame that holds this codestream."""
    whole = s.image(pixels, syntax=s.RLE, photometric=photometric)
    return whole[: whole.index(s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE))] + s.elements(
        s.encapsulate([stream])
    )


def stream_of(*segments: bytes, offsets: list[int] | None = None, count: int | None = None) -> bytes:
    offsets = offsets or np.cumsum([64, *[len(x) for x in segments]])[:-1].tolist()
    count = len(segments) if count is None else count
    return struct.pack("<16I", count, *offsets, *[0] * (15 - len(offsets))) + b"".join(segments)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4"])
@pytest.mark.parametrize("content", ["noise", "constant", "steps", "mixed"])
@pytest.mark.slow
def test_packets(dtype: str, content: str) -> None:
    info = np.iinfo(dtype)
    for shape in ((1, 1), (1, 129), (129, 1), (7, 257), (64, 64)):
        pixels = RNG.integers(info.min, info.max, shape, dtype, endpoint=True)
        if content == "constant":
            pixels[...] = info.max
        elif content == "steps":
            pixels = np.sort(pixels // 64 * 64)
        elif content == "mixed":
            pixels[RNG.random(shape) < 0.7] = 5
        for split in (True, False):
            for padding in (0, 2):
                stream = s.rle_frame(pixels[..., None], seed=3, split_rows=split, padding=padding)
                np.testing.assert_array_equal(stored(around(pixels, stream)), pixels)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4"])
@pytest.mark.parametrize("planar", [0, 1])
def test_colour(dtype: str, planar: int) -> None:
    """Planes by definition: Planar Configuration changes nothing."""
    pixels = RNG.integers(0, np.iinfo(dtype).max, (2, 5, 7, 3), dtype, endpoint=True)
    np.testing.assert_array_equal(stored(s.image(pixels, syntax=s.RLE, photometric="RGB", planar=planar)), pixels)


@pytest.mark.parametrize(
    "packets", [b"\x07abcdefgh", b"\xf9a", b"\x80\x80\x07abcdefgh\x80", b"\x00a\x00b\xff\x63\x03defg"]
)
def test_packets_by_hand(packets: bytes) -> None:
    want = {b"\xf9": b"aaaaaaaa", b"\x00": b"abccdefg"}.get(packets[:1], b"abcdefgh")
    pixels = np.frombuffer(want, np.uint8).reshape(2, 4)
    np.testing.assert_array_equal(stored(around(pixels, stream_of(packets))), pixels)


def test_segments_longer_than_their_plane() -> None:
    """Bytes behind a full plane are padding, whatever they are."""
    pixels = np.arange(8, dtype=np.uint8).reshape(2, 4)
    for tail in (b"\0", b"\x80\x80", b"\x7f" * 200, b"\x05abcdef"):
        np.testing.assert_array_equal(stored(around(pixels, stream_of(b"\x07" + pixels.tobytes() + tail))), pixels)


def test_a_packet_across_the_end_of_the_plane() -> None:
    pixels = np.full((2, 4), 9, np.uint8)
    np.testing.assert_array_equal(stored(around(pixels, stream_of(b"\x81\x09"))), pixels)
    np.testing.assert_array_equal(stored(around(pixels, stream_of(b"\x0f" + b"\x09" * 16))), pixels)


DAMAGE = {
    "no header": b"",
    "a cut header": b"\x01\0\0\0" + b"\0" * 20,
    "no data": stream_of(b""),
    "a short plane": stream_of(b"\x02abc"),
    "a cut literal": stream_of(b"\x07abc"),
    "a cut run": stream_of(b"\x80\xf9"),
    "only no-ops": stream_of(b"\x80" * 40),
    "0 segments": stream_of(b"\x07abcdefgh", count=0),
    "2 segments": stream_of(b"\x07abcdefgh", b"\x07abcdefgh"),
    "16 segments": stream_of(b"\x07abcdefgh", count=16),
    "an offset into the header": stream_of(b"\x07abcdefgh", offsets=[4]),
    "an offset behind the end": stream_of(b"\x07abcdefgh", offsets=[1 << 31]),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage(name: str) -> None:
    with pytest.raises(dd.DicomError) as caught:
        stored(around(np.zeros((2, 4), np.uint8), DAMAGE[name]))
    assert caught.value.code
    assert caught.value.frame == 0 or caught.value.tag == s.PIXEL_DATA


def test_random_damage() -> None:
    """An array or a DicomError, for thousands of damaged streams; the array has the right shape."""
    pixels = RNG.integers(0, 5, (9, 11, 3), np.uint16)
    good = s.rle_frame(pixels)
    whole = around(pixels, good, "RGB")
    head = whole[: whole.index(s.item(good))]
    np.testing.assert_array_equal(stored(whole), pixels)
    rng = np.random.default_rng(4)
    outcomes = set()
    for _ in range(3000):
        stream = bytearray(good)
        for _ in range(int(rng.integers(1, 4))):
            stream[int(rng.integers(0, len(stream)))] = int(rng.integers(0, 256))
        if rng.random() < 0.3:
            del stream[int(rng.integers(0, len(stream))) :]
        try:
            found = stored(head + s.item(bytes(stream)) + s.tag_bytes(0xFFFEE0DD) + b"\0" * 4)
        except dd.DicomError:
            outcomes.add("error")
        else:
            assert found.shape == pixels.shape
            outcomes.add("array")
    assert outcomes == {"error", "array"}


@pytest.mark.parametrize("reference", of_syntax(RLE), ids=str)
def test_real_files(reference: Reference) -> None:
    found = stored(reference.contents)
    assert found.shape == reference.shape and found.dtype == reference.dtype
    for index, value in reference.values.items():
        assert found[index] == value


def test_against_an_outside_encoder() -> None:
    """What pydicom's RLE encoder writes."""
    from pydicom.pixels.encoders import RLELosslessEncoder

    for dtype, samples in (("u1", 1), ("u2", 1), ("u1", 3)):
        shape = (33, 47, 3) if samples == 3 else (33, 47)
        photometric = "RGB" if samples == 3 else "MONOCHROME2"
        pixels = (RNG.random(shape) ** 8 * np.iinfo(dtype).max).astype(dtype)
        bits = pixels.dtype.itemsize * 8
        form = {"rows": 33, "columns": 47, "samples_per_pixel": samples, "number_of_frames": 1, "bits_allocated": bits}
        form |= {"bits_stored": bits, "pixel_representation": 0, "photometric_interpretation": photometric}
        form |= {"planar_configuration": 0, "encoding_plugin": "pydicom"}
        stream = RLELosslessEncoder.encode(pixels, **form)
        np.testing.assert_array_equal(stored(around(pixels, stream, photometric)), pixels)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    "allocated, stored, high_bit", [(16, 12, 11), (16, 12, 15), (16, 9, 8), (16, 8, 7), (8, 5, 4), (32, 27, 26)]
)
@pytest.mark.parametrize("samples", [1, 3])
def test_bits_that_are_not_stored(signed: bool, allocated: int, stored: int, high_bit: int, samples: int) -> None:
    """Whatever is in them does not reach the values, wherever the stored bits lie."""
    kind = np.dtype(f"{'i' if signed else 'u'}{allocated // 8}")
    low = -(1 << stored - 1) if signed else 0
    values = np.random.default_rng(stored).integers(low, low + (1 << stored), (40, 130, samples)).astype(kind)
    pixels = values if samples > 1 else values[..., 0]
    contents = s.image(
        pixels,
        syntax=s.RLE,
        bits_stored=stored,
        high_bit=high_bit,
        stray=3,
        photometric="RGB" if samples > 1 else "MONOCHROME2",
    )
    np.testing.assert_array_equal(dd.imread(contents, values="stored", color="stored"), pixels)
    if kind.itemsize < 4:
        expected = pixels.astype(np.float32)
        found = dd.decode_dicom_image(contents, on_error="strict", dtype=np.float32, color="stored")
        np.testing.assert_array_equal(found, expected)
