"""Lossless JPEG: round trips against an encoder of this file and that of imagecodecs, cut and damaged streams."""

from __future__ import annotations

import contextlib
import itertools
import struct
from concurrent.futures import ThreadPoolExecutor

import imagecodecs
import numpy as np
import pytest

from dicomdecode.codecs._ljpeg import decode
from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.errors import DicomError, MalformedError, TruncatedError, UnsupportedError

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def code_lengths(kind: str, symbols: list[int]) -> dict[int, int]:
    """Lengths of the codes by SSSS: all 5 bits, or 2, 2, 2, 3, 4 ... 16 in the order given."""
    if kind == "flat":
        return dict.fromkeys(symbols, 5)
    return dict(zip(symbols, [2, 2, *range(2, 17)], strict=False))


def dht(lengths: dict[int, int], number: int = 0) -> bytes:
    ordered = sorted(lengths, key=lambda s: lengths[s])
    counts = bytes(sum(v == n for v in lengths.values()) for n in range(1, 17))
    return segment(0xC4, bytes([number]) + counts + bytes(ordered))


def codes(lengths: dict[int, int]) -> dict[int, str]:
    """T.81 C.2: codes in the order of their lengths."""
    out, code, before = {}, 0, 0
    for symbol in sorted(lengths, key=lambda s: lengths[s]):
        code <<= lengths[symbol] - before
        before = lengths[symbol]
        out[symbol] = format(code, f"0{before}b")
        code += 1
    return out


def differences(plane: np.ndarray, predictor: int, start: int) -> np.ndarray:
    """T.81 H.1.2.1 for one component and one restart interval, modulo 2**16 as -32767..32768."""
    x = plane.astype(np.int64)
    a, b, c = np.roll(x, 1, 1), np.roll(x, 1, 0), np.roll(np.roll(x, 1, 0), 1, 1)
    px = {1: a, 2: b, 3: c, 4: a + b - c, 5: a + ((b - c) >> 1), 6: b + ((a - c) >> 1), 7: (a + b) >> 1}[predictor]
    px[:, 0] = b[:, 0]
    px[0] = a[0]
    px[0, 0] = start
    d = (x - px) & 0xFFFF
    return np.where(d > 32768, d - 65536, d)


def entropy_coded(d: np.ndarray, words: list[dict[int, str]]) -> bytes:
    """[pixels, components] of differences to bytes, padded with ones and stuffed."""
    text = []
    for pixel in d.tolist():
        for value, word in zip(pixel, words, strict=True):
            size = abs(value).bit_length()
            text.append(word[size])
            if 0 < size < 16:
                text.append(format(value if value > 0 else value + (1 << size) - 1, f"0{size}b"))
    bits = "".join(text)
    bits += "1" * (-len(bits) % 8)
    return int("1" + bits, 2).to_bytes(len(bits) // 8 + 1, "big")[1:].replace(b"\xff", b"\xff\x00")


def encode(
    image, precision, predictor=1, transform=0, scans=None, restart=0, kind="flat", per_component=False, extra=b""
):
    """[rows, columns, components] to a stream; `restart` in rows, `extra` segments go before each scan."""
    rows, columns, n = image.shape
    x = image.astype(np.int64) >> transform
    order = list(range(17))
    tables = [code_lengths(kind, order[k:] + order[:k]) for k in ((0, 7, 11, 3) if per_component else (0,) * 4)]
    body = (
        bytes([precision]) + struct.pack(">HHB", rows, columns, n) + b"".join(bytes([i + 1, 0x11, 0]) for i in range(n))
    )
    out = [SOI, segment(0xE0, b"JFIF"), segment(0xC3, body)]
    for scan in scans or [range(n)]:
        out += [extra, *(dht(tables[k], k) for k in (scan if per_component else [0]))]
        if restart:
            out.append(segment(0xDD, struct.pack(">H", restart * columns)))
        parts = b"".join(bytes([k + 1, (k if per_component else 0) << 4]) for k in scan)
        out.append(segment(0xDA, bytes([len(scan)]) + parts + bytes([predictor, 0, transform])))
        words = [codes(tables[k]) for k in scan]
        for i, first in enumerate(range(0, rows, restart or rows)):
            interval = x[first : first + (restart or rows)]
            d = [differences(interval[..., k], predictor, 1 << (precision - transform - 1)) for k in scan]
            if i:
                out.append(bytes([0xFF, 0xD0 + (i - 1) % 8]))
            out.append(entropy_coded(np.stack(d, -1).reshape(-1, len(scan)), words))
    return b"".join([*out, EOI])


def spec_of(shape, bits_stored, dtype=np.uint16, signed=False, photometric="MONOCHROME2"):
    return FrameSpec(
        rows=shape[0],
        columns=shape[1],
        samples=shape[2],
        bits_allocated=8 * np.dtype(dtype).itemsize,
        bits_stored=bits_stored,
        signed=signed,
        photometric=photometric,
        frame=3,
    )


def decoded(data, shape, bits_stored, dtype=np.uint16, signed=False):
    out = np.full(shape, 77, dtype)
    decode(data, spec_of(shape, bits_stored, dtype, signed), out)
    return out


def picture(shape, bits, seed=0):
    """Steps of every size, the largest included."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(0, 1 << bits, shape) >> rng.integers(0, bits, shape)
    image = (np.cumsum(steps * rng.choice([-1, 1], shape), 1) & ((1 << bits) - 1)).astype(np.uint16)
    image.reshape(-1)[: image.size // 8 : 2] = 1 << (bits - 1)
    image.reshape(-1)[1 : image.size // 8 : 2] = 0
    return image


@pytest.mark.slow
@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize("precision", [2, 3, 7, 8, 9, 12, 15, 16])
def test_round_trip(predictor, precision):
    cases = itertools.product((0, 1, precision - 1), (1, 2, 3, 4), (0, 1, 3), ("flat", "skewed"), (False, True))
    for seed, (transform, n, restart, kind, per_component) in enumerate(cases):
        image = picture((7, 11, n), precision, seed)
        scans = [None, [[k] for k in range(n)], [[n - 1], list(range(n - 1))]][seed % 3] if n > 1 else None
        data = encode(image, precision, predictor, transform, scans, restart, kind, per_component)
        result = decoded(data, image.shape, precision)
        np.testing.assert_array_equal(result, (image >> transform) << transform, err_msg=f"{seed}")
        if precision <= 8:
            narrow = decoded(data, image.shape, precision, np.uint8)
            np.testing.assert_array_equal(narrow, result)


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 1, 3), (1, 40, 1), (40, 1, 1), (1, 40, 3), (40, 1, 3), (3, 2, 4), (9, 9, 1)]
)
@pytest.mark.parametrize("restart", [0, 1, 2])
def test_small_sizes(shape, restart):
    for predictor in range(1, 8):
        image = picture(shape, 12)
        np.testing.assert_array_equal(decoded(encode(image, 12, predictor, restart=restart), shape, 12), image)


# More than 2**14 samples: the look-up of several differences at once.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "restart"), [((190, 181, 1), 0), ((4000, 9, 1), 0), ((100, 111, 3), 7), ((180, 191, 1), 1)]
)
@pytest.mark.parametrize("spread", [0.3, 2, 40])
def test_many_samples(shape, restart, spread):
    rng = np.random.default_rng(5)
    image = np.clip(rng.normal(500, spread, shape), 0, 4095).astype(np.uint16)
    image[20:40] = 7
    for kind, predictor in itertools.product(("flat", "skewed"), (1, 6)):
        data = encode(image, 12, predictor, restart=restart, kind=kind)
        np.testing.assert_array_equal(decoded(data, shape, 12), image)


def test_long_rows_and_stuffing():
    """A row longer than the buffer, and a stream that is mostly FF 00."""
    image = np.zeros((2, 30000, 1), np.uint16)
    image[:, ::2] = 65535 - 32768
    image[0, 5000:9000] = 4095
    np.testing.assert_array_equal(decoded(encode(image, 16), image.shape, 16), image)
    image = ((32768 + 32767 * np.arange(1, 60001)) & 0xFFFF).reshape(1, 60000, 1).astype(np.uint16)
    data = encode(image, 16)
    assert data.count(b"\xff\x00") > len(data) // 4
    np.testing.assert_array_equal(decoded(data, image.shape, 16), image)


@pytest.mark.parametrize("predictor", range(1, 8))
@pytest.mark.parametrize(("bits", "dtype"), [(8, np.uint8), (12, np.uint16), (16, np.uint16)])
def test_against_imagecodecs(predictor, bits, dtype):
    rng = np.random.default_rng(predictor)
    y, x = np.mgrid[:201, :299]
    for n in (1, 3):
        if n == 3 and bits > 8:
            continue
        image = (1 << bits) * (0.5 + 0.3 * np.sin(x / 31) * np.cos(y / 17))[..., None] + rng.normal(0, 3, (201, 299, n))
        image = np.clip(image, 0, (1 << bits) - 1).astype(dtype)
        space = {"colorspace": "RGB", "outcolorspace": "RGB"} if n == 3 else {}
        data = imagecodecs.jpeg8_encode(
            image if n == 3 else image[..., 0], lossless=True, predictor=predictor, bitspersample=bits, **space
        )
        np.testing.assert_array_equal(decoded(data, image.shape, bits, dtype), image)


@pytest.mark.parametrize(
    ("bits_stored", "precision", "dtype"),
    [(12, 12, np.int16), (12, 16, np.int16), (7, 8, np.int8), (8, 8, np.int8), (16, 16, np.int16), (12, 12, np.int32)],
)
def test_signed(bits_stored, precision, dtype):
    rng = np.random.default_rng(1)
    image = rng.integers(-(1 << (bits_stored - 1)), 1 << (bits_stored - 1), (8, 9, 1))
    coded = image & ((1 << bits_stored) - 1)
    np.testing.assert_array_equal(decoded(encode(coded, precision), image.shape, bits_stored, dtype, True), image)


def test_signed_samples_of_sixteen_bits_in_a_stream_of_fewer():
    """Some encoders code the sign-extended cell; arithmetic modulo 2**16 brings it back."""
    image = np.array([[[-5], [3], [-2048], [2047]]])
    data = encode(image & 0xFFFF, 12)
    np.testing.assert_array_equal(decoded(data, image.shape, 12, np.int16, True), image)


def test_widened_and_other_precision():
    image = picture((5, 6, 1), 10)
    np.testing.assert_array_equal(decoded(encode(image, 10), image.shape, 12, np.uint32), image)
    np.testing.assert_array_equal(decoded(encode(image, 16), image.shape, 10), image)


def test_other_segments_and_trailing_bytes():
    image = picture((5, 6, 3), 8)
    comment = segment(0xFE, b"\xff\xda comment \xff") + b"\xff\xff\xff" + segment(0xEE, b"Adobe") + b"\xff\x01"
    data = encode(image, 8, scans=[[2], [0, 1]], per_component=True, extra=comment)
    for changed in (
        data,
        data[:-2],
        data + b"\0",
        data + bytes(100),
        data[:-2] + b"\0\0\0",
        bytearray(data),
        memoryview(data),
    ):
        np.testing.assert_array_equal(decoded(changed, image.shape, 8), image)


def test_a_restart_interval_ends_before_another_scan():
    image = picture((6, 5, 2), 8)
    data = encode(image, 8, scans=[[0], [1]], restart=2)
    np.testing.assert_array_equal(decoded(data, image.shape, 8), image)


@pytest.mark.parametrize("restart", [0, 2])
def test_every_prefix(restart):
    image = picture((6, 7, 3), 12)
    data = encode(image, 12, 4, scans=[[1], [0, 2]], restart=restart, kind="skewed")
    right = 0
    for end in range(len(data)):
        try:
            np.testing.assert_array_equal(decoded(data[:end], image.shape, 12), image)
            right += 1
        except TruncatedError as error:
            assert error.frame == 3
            assert 0 <= error.offset <= end
    assert right == 2  # without EOI


def test_every_prefix_of_many_samples():
    image = np.clip(np.random.default_rng(2).normal(100, 1, (182, 181, 1)), 0, 255).astype(np.uint16)
    data = encode(image, 8)
    for end in [*range(0, len(data), 997), *range(len(data) - 40, len(data) - 2)]:
        with pytest.raises(TruncatedError):
            decoded(data[:end], image.shape, 8)


def test_every_flipped_bit():
    image = picture((5, 6, 3), 9)
    for scans, restart in ((None, 0), ([[0], [1, 2]], 2)):
        data = bytearray(encode(image, 9, 6, scans=scans, restart=restart, kind="skewed"))
        whole = 0
        for bit in range(8 * len(data)):
            data[bit // 8] ^= 1 << bit % 8
            try:
                decoded(data, image.shape, 9)
                whole += 1
            except DicomError as error:
                assert error.offset is None or 0 <= error.offset <= len(data)
            data[bit // 8] ^= 1 << bit % 8
        assert whole


def test_random_bytes_behind_a_right_header():
    rng = np.random.default_rng(3)
    image = picture((64, 600, 1), 12)
    data = encode(image, 12, kind="skewed")
    start = data.index(b"\xff\xda") + 10
    for _ in range(200):
        noise = rng.integers(0, 256, rng.integers(1, 60000), dtype=np.uint8).tobytes().replace(b"\xff", b"\xff\x00")
        with contextlib.suppress(MalformedError):
            decoded(data[:start] + noise, image.shape, 12)


def test_damage_in_many_samples():
    """An array or an error, in bounded time, on the path of the big look-up."""
    rng = np.random.default_rng(4)
    image = np.clip(rng.normal(100, 3, (130, 131, 1)), 0, 255).astype(np.uint8)
    data = bytearray(imagecodecs.jpeg8_encode(image[..., 0], lossless=True, predictor=1))
    seen = set()
    for _ in range(300):
        at, bit = int(rng.integers(2, len(data))), 1 << int(rng.integers(8))
        data[at] ^= bit
        try:
            decoded(data, image.shape, 8, np.uint8)
            seen.add("array")
        except DicomError:
            seen.add("error")
        data[at] ^= bit
    assert seen == {"array", "error"}


def test_threads():
    image = picture((300, 301, 1), 12)
    data = imagecodecs.jpeg8_encode(image[..., 0], lossless=True, predictor=4, bitspersample=12)
    with ThreadPoolExecutor(4) as pool:
        for result in pool.map(lambda _: decoded(data, image.shape, 12), range(20)):
            np.testing.assert_array_equal(result, image)


IMAGE = picture((6, 8, 1), 12)
DATA = encode(IMAGE, 12)


@pytest.mark.parametrize(
    ("shape", "code", "expected", "found"),
    [((5, 8, 1), "stream_rows", 5, 6), ((6, 9, 1), "stream_columns", 9, 8), ((6, 8, 3), "stream_components", 3, 1)],
)
def test_preflight(shape, code, expected, found):
    with pytest.raises(MalformedError, match=f"expected {expected}, found {found}") as caught:
        decoded(DATA, shape, 12)
    assert caught.value.code == code
    assert not isinstance(caught.value, TruncatedError)


def test_precision_exceeds_bits_allocated():
    with pytest.raises(MalformedError, match="expected 8, found 12"):
        decoded(DATA, IMAGE.shape, 8, np.uint8)


def replaced(marker: bytes, at: int, new: bytes, data: bytes = DATA) -> bytes:
    start = data.index(marker) + at
    return data[:start] + new + data[start + len(new) :]


RGB = encode(picture((6, 8, 3), 8), 8)


@pytest.mark.parametrize(
    ("data", "shape", "error", "code"),
    [
        (b"", (6, 8, 1), TruncatedError, "stream_cut"),
        (b"not a JPEG", (6, 8, 1), MalformedError, "stream_start"),
        (SOI + EOI, (6, 8, 1), TruncatedError, "stream_cut"),
        (replaced(b"\xff\xc3", 1, b"\xc1"), (6, 8, 1), UnsupportedError, "stream_process"),
        (replaced(b"\xff\xc3", 1, b"\xcb"), (6, 8, 1), UnsupportedError, "stream_process"),
        (replaced(b"\xff\xc3", 5, b"\0\0"), (6, 8, 1), UnsupportedError, "stream_dnl"),
        (replaced(b"\xff\xc3", 11, b"\x21", RGB), (6, 8, 3), UnsupportedError, "stream_subsampling"),
        (replaced(b"\xff\xc3", 4, b"\x11"), (6, 8, 1), MalformedError, "stream_precision"),
        (replaced(b"\xff\xc3", 4, b"\x01"), (6, 8, 1), MalformedError, "stream_precision"),
        (replaced(b"\xff\xda", 5, b"\x09"), (6, 8, 1), MalformedError, "stream_scan"),
        (replaced(b"\xff\xda", 7, b"\x00"), (6, 8, 1), MalformedError, "stream_scan"),
        (replaced(b"\xff\xda", 7, b"\x08"), (6, 8, 1), MalformedError, "stream_scan"),
        (replaced(b"\xff\xda", 9, b"\x0c"), (6, 8, 1), MalformedError, "stream_scan"),
        (replaced(b"\xff\xda", 6, b"\x10"), (6, 8, 1), MalformedError, "stream_tables"),
        (replaced(b"\xff\xc4", 5, b"\x03"), (6, 8, 1), MalformedError, "stream_tables"),
        (replaced(b"\xff\xc4", 21, b"\x11"), (6, 8, 1), MalformedError, "stream_tables"),
        (replaced(b"\xff\xda", 10, b"\xfb" * 8), (6, 8, 1), MalformedError, "stream_damaged"),
        (encode(IMAGE, 12, extra=segment(0xDD, b"\0\7")), (6, 8, 1), UnsupportedError, "stream_restart"),
        (encode(IMAGE, 12, restart=2).replace(b"\xff\xd0", b"\xff\xd1"), (6, 8, 1), MalformedError, "stream_restart"),
        (
            encode(IMAGE, 12, restart=2).replace(b"\xff\xd0", b"\0\0\0\xff\xd0"),
            (6, 8, 1),
            MalformedError,
            "stream_restart",
        ),
    ],
)
def test_errors(data, shape, error, code):
    with pytest.raises(error) as caught:
        decoded(data, shape, 12)
    assert caught.value.code == code
    assert type(caught.value) is error
    assert caught.value.frame == 3


def test_sample_beyond_the_precision():
    data = replaced(b"\xff\xc3", 4, b"\x0b")
    with pytest.raises(MalformedError, match="precision") as caught:
        decoded(data, IMAGE.shape, 12)
    assert caught.value.code == "stream_sample"


def test_wrong_arguments():
    spec = spec_of(IMAGE.shape, 12)
    with pytest.raises(ValueError, match="output array"):
        decode(DATA, spec, np.empty((6, 7, 1), np.uint16))
    with pytest.raises((ValueError, BufferError)):
        decode(DATA, spec, np.empty((12, 8, 1), np.uint16)[::2])
    with pytest.raises(TypeError):
        decode("text", spec, np.empty(IMAGE.shape, np.uint16))
    with pytest.raises((ValueError, BufferError)):
        decode(DATA, spec, bytes(96))


@pytest.mark.parametrize(
    ("samples", "photometric", "returned"),
    [
        (1, "MONOCHROME1", "MONOCHROME"),
        (1, "PALETTE COLOR", "PALETTE COLOR"),
        (3, "RGB", "RGB"),
        (3, "YBR_FULL", "YBR_FULL"),
        (3, "YBR_FULL_422", "YBR_FULL"),
    ],
)
def test_photometric(samples, photometric, returned):
    image = picture((4, 4, samples), 8)
    out = np.empty(image.shape, np.uint8)
    assert decode(encode(image, 8), spec_of(image.shape, 8, np.uint8, photometric=photometric), out) == returned
