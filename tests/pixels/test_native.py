"""Native pixel data, and the codecs that restore native cells: every layout of PS3.5 8.1 and 8.2."""

import io
import itertools

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

UNCOMPRESSED = [s.IMPLICIT_LE, s.EXPLICIT_LE, s.EXPLICIT_BE, s.DEFLATED]
ALL = [*UNCOMPRESSED, s.ENCAPSULATED_UNCOMPRESSED, s.DEFLATED_FRAME, s.RLE]
NAMES = {
    s.IMPLICIT_LE: "implicit", s.EXPLICIT_LE: "explicit", s.EXPLICIT_BE: "big endian", s.DEFLATED: "deflated",
    s.GE_PRIVATE: "GE", s.ENCAPSULATED_UNCOMPRESSED: "encapsulated", s.DEFLATED_FRAME: "deflated frame", s.RLE: "RLE",
}  # fmt: skip
every_syntax = pytest.mark.parametrize("syntax", ALL, ids=NAMES.get)


def stored(contents: bytes, **options: object) -> np.ndarray:
    return dd.imread(contents, values="stored", color="stored", **options)


def same(found: np.ndarray, expected: np.ndarray, what: object = "") -> None:
    assert found.dtype == expected.dtype, what
    np.testing.assert_array_equal(found, expected, err_msg=str(what))
    assert found.flags.c_contiguous and found.flags.writeable and found.flags.owndata and found.dtype.isnative


def values(rng: np.random.Generator, shape: tuple[int, ...], bits: int, signed: bool, dtype: str) -> np.ndarray:
    """Random values of so many bits, the two ends among them."""
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    found = rng.integers(low, high, shape, dtype, endpoint=True)
    found.flat[0], found.flat[-1] = low, high
    return found


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize(
    ("syntax", "allocated"),
    # The private syntax says nothing of bytes.
    [*itertools.product(ALL, (8, 16, 32, 64)), *itertools.product([s.GE_PRIVATE], (16, 32, 64))],
    ids=lambda value: NAMES.get(value, str(value)),
)
def test_bits(syntax: str, allocated: int, signed: bool) -> None:
    """Bits Stored x High Bit x stray bits x frames; odd numbers of rows and columns."""
    rng = np.random.default_rng(allocated)
    dtype = f"{'i' if signed else 'u'}{allocated // 8}"
    for bits in sorted({1 + signed, 3, allocated // 2 + 1, allocated - 4, allocated - 1, allocated}):
        for high_bit in sorted({bits - 1, (bits + allocated) // 2 - 1, allocated - 1}):
            for frames in (1, 3):
                pixels = values(rng, (frames, 5, 7), bits, signed, dtype)
                for stray in (None, 5):
                    contents = s.image(
                        pixels, syntax=syntax, bits_stored=bits, high_bit=high_bit, signed=signed, stray=stray
                    )
                    same(stored(contents), pixels if frames > 1 else pixels[0], (bits, high_bit, frames, stray))


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"])
@pytest.mark.parametrize("source", ["u1", "i1", "u2", "i2", "u4", "i4"])
def test_every_pair_of_types(source: str, dtype: str) -> None:
    """Stored values as they are, or at the ends of the dtype."""
    allocated, signed = 8 * int(source[1]), source[0] == "i"
    ends = np.finfo(dtype) if dtype[0] == "f" else np.iinfo(dtype)
    for bits in (allocated - 3, allocated):
        pixels = values(np.random.default_rng(bits), (5, 7), bits, signed, source)
        expected = pixels.astype(np.float64).clip(float(ends.min), float(ends.max)).astype(dtype)  # 32 bits are exact
        same(stored(s.image(pixels, bits_stored=bits), dtype=dtype), expected, bits)


@every_syntax
@pytest.mark.parametrize("vr", ["OB", "OW"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 5, 7), (3, 5, 7), (9, 1, 1), (2, 3, 8)], ids=str)
def test_one_bit(syntax: str, vr: str, shape: tuple[int, ...]) -> None:
    """Native frames follow each other to the bit; each encapsulated frame begins a byte (PS3.5 8.1.1, 8.2)."""
    pixels = np.random.default_rng(2).integers(0, 2, shape, np.uint8)
    found = stored(s.image(pixels, allocated=1, bits_stored=1, high_bit=0, syntax=syntax, vr=vr))
    same(found, pixels if shape[0] > 1 else pixels[0])


@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, s.ENCAPSULATED_UNCOMPRESSED, s.DEFLATED_FRAME], ids=NAMES.get)
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("shape", [(1, 4, 4), (1, 5, 7), (3, 5, 7)], ids=str)
def test_packed_twelve(syntax: str, signed: bool, shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(12)
    for bits in (12, 9):
        pixels = values(rng, shape, bits, signed, "i2" if signed else "u2")
        contents = s.image(pixels, allocated=12, bits_stored=bits, signed=signed, syntax=syntax, vr="OW", stray=4)
        same(stored(contents), pixels if shape[0] > 1 else pixels[0], bits)


@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, s.RLE], ids=NAMES.get)
def test_eight_bits_in_words(syntax: str) -> None:
    """OW holds two samples a word, also when the number of samples is odd (PS3.5 8.1.2)."""
    for shape in ((4, 4), (3, 5), (3, 3, 3), (4, 3, 5)):
        pixels = np.random.default_rng(8).integers(0, 256, shape, np.uint8)
        same(stored(s.image(pixels, syntax=syntax, vr="OW")), pixels, shape)


@pytest.mark.parametrize("syntax", [s.IMPLICIT_LE, s.EXPLICIT_LE, s.EXPLICIT_BE, s.DEFLATED], ids=NAMES.get)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_float(syntax: str, dtype: str) -> None:
    pixels = np.random.default_rng(4).normal(size=(2, 5, 7)).astype(dtype) * 1e30
    pixels[0, 0, :4] = [np.nan, np.inf, -np.inf, -0.0]
    found = stored(s.image(pixels, syntax=syntax))
    same(found, pixels)
    assert np.signbit(found[0, 0, 3])
    same(dd.imread(s.image(pixels, syntax=syntax), dtype=dtype), pixels)


@every_syntax
@pytest.mark.parametrize("planar", [0, 1], ids=["by pixel", "by plane"])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
def test_colour(syntax: str, planar: int, photometric: str) -> None:
    rng = np.random.default_rng(planar)
    for dtype in ("u1", "u2"):
        for frames in (1, 3):
            pixels = values(rng, (frames, 5, 7, 3), 8 if dtype == "u1" else 16, False, dtype)
            contents = s.image(pixels, syntax=syntax, photometric=photometric, planar=planar)
            same(stored(contents), pixels if frames > 1 else pixels[0], (dtype, frames))


@every_syntax
def test_colour_to_rgb(syntax: str) -> None:
    """Within 1 of float64 arithmetic; RGB is left as it is."""
    pixels = np.random.default_rng(9).integers(0, 256, (2, 5, 7, 3), np.uint8)
    same(dd.imread(s.image(pixels, syntax=syntax, photometric="RGB"), values="stored"), pixels)
    found = dd.imread(s.image(pixels, syntax=syntax, photometric="YBR_FULL"), values="stored")
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - s.rgb_of_ybr_full(pixels)).max() <= 1


def test_sixteen_bit_ybr_to_rgb() -> None:
    for bits in (16, 12):
        pixels = np.random.default_rng(9).integers(0, 1 << bits, (5, 7, 3), np.uint16)
        found = dd.imread(s.image(pixels, photometric="YBR_FULL", bits_stored=bits), values="stored")
        assert found.dtype == np.uint16
        assert np.abs(found.astype(int) - s.rgb_of_ybr_full(pixels, bits)).max() <= 1


@pytest.mark.parametrize("syntax", [*UNCOMPRESSED, s.ENCAPSULATED_UNCOMPRESSED, s.DEFLATED_FRAME], ids=NAMES.get)
@pytest.mark.parametrize("vr", ["OB", "OW"])
def test_half_chroma(syntax: str, vr: str) -> None:
    for frames in (1, 3):
        pixels = np.random.default_rng(6).integers(0, 256, (frames, 3, 6, 3), np.uint8)
        expected = s.subsampled(pixels)
        contents = s.image(pixels, syntax=syntax, photometric="YBR_FULL_422", vr=vr)
        same(stored(contents), expected if frames > 1 else expected[0])
        found = dd.imread(contents, values="stored").reshape(expected.shape)
        assert np.abs(found.astype(int) - s.rgb_of_ybr_full(expected)).max() <= 1


def test_half_chroma_in_name_only() -> None:
    """Some writers say 4:2:2 and store every sample: the length tells."""
    pixels = np.random.default_rng(6).integers(0, 256, (2, 3, 6, 3), np.uint8)
    contents = s.image(pixels, photometric="YBR_FULL", extra=[(0x00280004, "CS", "YBR_FULL_422")])
    same(stored(contents), pixels)
    same(stored(contents, frames=1), pixels[1])


@every_syntax
@pytest.mark.parametrize("kind", ["mono 8", "mono 16", "colour", "one bit"])
def test_frames(syntax: str, kind: str) -> None:
    """frames= by int, negative int, slice and list, and each frame once more through iteration."""
    rng = np.random.default_rng(7)
    form = {"vr": "OW"} if kind == "mono 16" else {"vr": "OB"}
    if kind == "colour":
        pixels = rng.integers(0, 256, (5, 3, 5, 3), np.uint8)
        contents = s.image(pixels, syntax=syntax, photometric="RGB", planar=1)
    elif kind == "one bit":
        pixels = rng.integers(0, 2, (5, 3, 5), np.uint8)
        contents = s.image(pixels, syntax=syntax, allocated=1)
    else:
        pixels = rng.integers(0, 256, (5, 3, 5), np.uint8 if kind == "mono 8" else np.uint16)
        contents = s.image(pixels, syntax=syntax, **form)
    for chosen in (0, 4, -1, -5):
        same(stored(contents, frames=chosen), pixels[chosen], chosen)
    for chosen in (
        slice(None),
        slice(1, 4),
        slice(None, None, -2),
        slice(2, 3),
        [3],
        [0, 0, 4],
        [-1, 2],
        np.array([1, 3]),
    ):
        same(stored(contents, frames=chosen), pixels[chosen], chosen)
    for bad in (5, -6, [0, 5]):
        with pytest.raises(IndexError):
            stored(contents, frames=bad)
    with pytest.raises(TypeError):
        stored(contents, frames="all")
    assert stored(contents, frames=[]).shape == (0, *pixels.shape[1:])


def test_missing_high_bit_and_representation() -> None:
    """What most writers mean is taken where an attribute is missing."""
    pixels = np.random.default_rng(3).integers(0, 4096, (4, 5), np.uint16)
    same(stored(s.image(pixels, bits_stored=12, without=[0x00280102, 0x00280103])), pixels)
    rgb = np.random.default_rng(3).integers(0, 256, (4, 5, 3), np.uint8)
    same(stored(s.image(rgb, photometric="RGB", without=[0x00280006])), rgb)
    same(stored(s.image(pixels[:, :4].astype(np.uint8), without=[0x00280002])), pixels[:, :4].astype(np.uint8))


def test_more_data_than_frames() -> None:
    """Padding behind the last frame is no frame."""
    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4)
    head = s.image(pixels, without=[s.PIXEL_DATA])
    same(stored(head + s.element(s.PIXEL_DATA, "OW", pixels.tobytes() + b"\0" * 10)), pixels)


def test_fewer_frames_than_claimed() -> None:
    """All frames: an error that says where; those that are there decode."""
    pixels = np.arange(36, dtype=np.uint16).reshape(3, 3, 4)
    for syntax in ALL:
        contents = s.image(pixels, syntax=syntax, number_of_frames=5, vr="OW")
        with pytest.raises(dd.TruncatedError) as caught:
            stored(contents)
        assert caught.value.tag == s.PIXEL_DATA or caught.value.frame is not None, NAMES[syntax]
        for frame in range(3):
            same(stored(contents, frames=frame), pixels[frame], NAMES[syntax])


@pytest.mark.parametrize("number", ["3 ", " 3", "3.0", "+3"])
def test_number_of_frames_as_written(number: str) -> None:
    pixels = np.arange(36, dtype=np.uint16).reshape(3, 3, 4)
    same(stored(s.image(pixels, number_of_frames=number)), pixels)


def test_undefined_order_of_dimensions() -> None:
    """More rows than 65535 / one column, one row: the shape is rows x columns, not the other way round."""
    pixels = np.arange(7, dtype=np.uint8)
    same(stored(s.image(pixels.reshape(1, 7))), pixels.reshape(1, 7))
    same(stored(s.image(pixels.reshape(7, 1))), pixels.reshape(7, 1))


def test_large_image() -> None:
    """More than one read window, from memory and from a file."""
    pixels = np.random.default_rng(0).integers(0, 65536, (2, 700, 513), np.uint16)
    for syntax in (s.EXPLICIT_LE, s.EXPLICIT_BE, s.RLE, s.DEFLATED):
        same(stored(s.image(pixels, syntax=syntax)), pixels, NAMES[syntax])


class Counting(io.BytesIO):
    """A file object that knows how many bytes were read of it."""

    taken = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found

    def readinto(self, target: object) -> int:
        count = super().readinto(target)
        self.taken += count
        return count


PLAIN = {
    "8 bits": ("uint8", 1, {}, [{}, {"values": "display", "window": (40, 80)}]),
    "12 bits": ("int16", 1, {"bits_stored": 12, "high_bit": 13, "stray": 1}, [{"values": "stored"}, {"dtype": "f8"}]),
    "32 bits": ("int32", 1, {}, [{"values": "stored"}, {"values": "display", "window": (40, 80)}, {"dtype": "f4"}]),
    "floats": ("float32", 1, {}, [{}, {"values": "display", "window": (40, 80)}, {"values": "voi", "window": (4, 8)}]),
    "double floats": ("float64", 1, {}, [{}, {"values": "display", "window": "auto", "dtype": "u2"}]),
    "RGB": ("uint8", 3, {"photometric": "RGB"}, [{}, {"values": "display", "dtype": "f4"}]),
}


@pytest.mark.parametrize("kind", PLAIN)
def test_parts_of_frames_that_are_not_in_memory(kind: str, tmp_path) -> None:
    """Rows are read alone, a part of them at a time: the same as of a file in memory."""
    dtype, samples, layout, requests = PLAIN[kind]
    rng = np.random.default_rng(3)
    shape = (2, 300, 1100) + ((3,) if samples == 3 else ())
    pixels = rng.integers(0, 100, shape).astype(dtype)
    contents = s.image(pixels, **layout)
    path = tmp_path / "a file.dcm"
    path.write_bytes(contents)
    for request, region in itertools.product(requests, [None, (0, 0, 300, 1100), (240, 3, 60, 1000), (17, 1099, 1, 1)]):
        whole = dd.imread(contents, **request)
        top, left, height, width = region or (0, 0, 300, 1100)
        want = whole[:, top : top + height, left : left + width]
        same(dd.imread(path, region=region, **request), want, (request, region))
        same(dd.imread(path, region=region, frames=1, **request), want[1], (request, region))
        same(dd.imread(path, region=region, threads=2, **request), want, (request, region))


def test_no_row_is_read_that_is_not_asked_for() -> None:
    pixels = np.arange(8_000_000, dtype=np.uint16).reshape(2, 2000, 2000)
    file = Counting(s.image(pixels))
    same(stored(file, region=(1500, 20, 30, 40), frames=1), pixels[1, 1500:1530, 20:60])
    assert 30 * 4000 <= file.taken < 30 * 4000 + 300_000  # and what a header is looked for in
    cut = Counting(s.image(pixels)[:-4000])
    with pytest.raises(dd.TruncatedError):
        stored(cut, region=(1980, 0, 20, 1), frames=1)
