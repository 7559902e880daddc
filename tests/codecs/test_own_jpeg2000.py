"""Our own JPEG 2000 decoder beside OpenJPEG: round trips of every kind of stream, damage, memory, who decodes."""

from __future__ import annotations

import os
import random
import struct
import subprocess
import sys
import textwrap
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.codecs import _jpeg2000, jpeg2000
from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.errors import DicomError, MalformedError, TruncatedError, UnsupportedError
from tests import synthesise
from tests.codecs import jpeg2000_encoder
from tests.codecs import openjpeg_encoder as openjpeg
from tests.codecs.openjpeg_encoder import ORDERS, encode, packed
from tests.codecs.streams import picture, spec_of

SHAPES = [(64, 64), (32, 32), (4, 4), (16, 8), (1024, 4), (4, 1024), (128, 32), (8, 512), (256, 16)]


def decode(stream: bytes, like: np.ndarray, reduce: int = 0, region: Any = None, **changes: Any) -> np.ndarray:
    """By our decoder, which must take the stream."""
    spec = spec_of(like, **changes)
    out = np.full((*jpeg2000.output_size(spec.rows, spec.columns, reduce, region), spec.samples), 77, like.dtype)
    assert _jpeg2000.decode(stream, spec, out, reduce, region) is not None
    return out


def decode_by_openjpeg(stream: bytes, like: np.ndarray, reduce: int = 0, region: Any = None) -> np.ndarray:
    spec = spec_of(like)
    out = np.empty((*jpeg2000.output_size(spec.rows, spec.columns, reduce, region), spec.samples), like.dtype)
    jpeg2000.decode_by_openjpeg(stream, spec, out, reduce=reduce, region=region)
    return out


def settings(rnd: random.Random, samples: int) -> dict[str, Any]:
    """A kind of stream that OpenJPEG's encoder writes rightly."""
    levels = rnd.randint(0, 5)
    found: dict[str, Any] = {
        "order": rnd.choice(ORDERS),
        "style": rnd.choice((0, 0, rnd.randint(0, 63), 1, 5, 63)),
        "resolutions": levels + 1,
        "blocks": rnd.choice(SHAPES),
        "irreversible": rnd.random() < 0.3,
        "sop": rnd.random() < 0.3,
        "eph": rnd.random() < 0.3,
    }
    if samples >= 3:
        found["transform"] = rnd.random() < 0.5
    if rnd.random() < 0.3:
        found["precincts"] = [rnd.choice(((32, 32), (16, 64), (128, 128), (64, 8)))] * rnd.randint(1, 3)
    if rnd.random() < 0.4:
        found["tile"] = (rnd.randint(32, 90), rnd.randint(32, 90))
    if rnd.random() < 0.3:
        found["image_offset"] = (rnd.randint(0, 31), rnd.randint(0, 31))
        found["tile_offset"] = tuple(rnd.randint(0, n) for n in found["image_offset"])
    if rnd.random() < 0.4:
        found["rates"] = (60, 20, 6) if found["irreversible"] else (40, 12, 5, 0)[rnd.randint(0, 3) :]
    if rnd.random() < 0.15 and levels:
        middle, layers = rnd.randint(1, levels), len(found.get("rates", (0,)))
        found["changes"] = [
            (0, 0, layers, middle, samples, rnd.choice(ORDERS)),
            (middle, 0, layers, levels + 1, samples, rnd.choice(ORDERS)),
        ]
    return found


@pytest.mark.parametrize("seed", range(240))
@pytest.mark.slow
def test_any_kind_of_stream(seed: int) -> None:
    """Lossless streams give the picture, all others what OpenJPEG gives, 9/7 within 1; so do areas and reductions."""
    rnd = random.Random(seed)
    bits, samples = rnd.choice((1, 2, 5, 8, 8, 10, 12, 12, 16, 16)), rnd.choice((1, 1, 3, 4))
    rows, columns = rnd.randint(1, 130), rnd.randint(1, 130)
    signed = bits > 1 and rnd.random() < 0.3
    a = picture(rows, columns, samples, max(bits, 2), signed, seed)
    if bits == 1:
        a >>= 1
    options = settings(rnd, samples)
    try:
        stream = encode(a, bits, **options)
    except ValueError:  # too many levels for a tile, or more markers than OpenJPEG has room for
        options |= {"resolutions": 1, "changes": (), "style": 0, "precincts": ()}
        stream = encode(a, bits, **options)
    off = 1 if options["irreversible"] else 0
    want = decode_by_openjpeg(stream, a)
    out = decode(stream, a, threads=1 + seed % 2)
    assert np.abs(out.astype(int) - want).max() <= off
    row, column = rnd.randrange(rows), rnd.randrange(columns)
    region = (row, column, rnd.randint(1, rows - row), rnd.randint(1, columns - column))
    part = decode(stream, a, 0, region)
    assert np.abs(part.astype(int) - out[row : row + region[2], column : column + region[3]]).max() <= off
    x, y = options.get("image_offset", (0, 0))
    levels = jpeg2000.inspect_codestream(stream)["levels"]
    for reduce in range(1, levels + 1):
        if not (x | y) & ((1 << reduce) - 1):
            small = decode(stream, a, reduce)
            assert np.abs(small.astype(int) - decode_by_openjpeg(stream, a, reduce)).max() <= off


@pytest.mark.parametrize("blocks", [shape for shape in SHAPES if shape != (4, 4)])  # which OpenJPEG has no room for
@pytest.mark.parametrize("style", [0, *(1 << k for k in range(6)), 5, 9, 63])
def test_styles_of_code_blocks(style: int, blocks: tuple[int, int]) -> None:
    a = picture(70, 83, 1, 12)
    assert np.array_equal(decode(encode(a, 12, style=style, blocks=blocks), a), a)


@pytest.mark.parametrize("samples", [1, 3, 4])
@pytest.mark.parametrize("rows, columns", [(33, 33), (34, 97), (97, 35), (65, 66)])
@pytest.mark.parametrize("offset", [(0, 0), (1, 0), (0, 1), (31, 30)])
def test_small_tiles(rows: int, columns: int, samples: int, offset: tuple[int, int]) -> None:
    """Tiles of one row or column, and both parities of the first sample, through five levels."""
    a = picture(rows, columns, samples, 8)
    for irreversible in (False, True):
        stream = encode(a, 8, image_offset=offset, tile=(32, 32), resolutions=6, irreversible=irreversible)
        want = decode_by_openjpeg(stream, a)
        assert np.abs(decode(stream, a).astype(int) - want).max() <= (1 if irreversible else 0)


@pytest.mark.parametrize("bits", [17, 20, 24, 25])
@pytest.mark.parametrize("signed", [False, True])
def test_more_than_16_bits(bits: int, signed: bool) -> None:
    y, x = np.mgrid[:60, :70]
    a = ((np.sin(x / 9) + np.cos(y / 7) + 2) / 4 * (2**bits - 1)).astype(np.int64)[..., None]
    a[0, 0], a[-1, -1] = 0, 2**bits - 1
    a = (a - 2 ** (bits - 1)).astype(np.int32) if signed else a.astype(np.uint32)
    assert np.array_equal(decode(encode(a, bits), a), a)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("style", [0, 1, 5])
def test_region_of_interest(samples: int, style: int) -> None:
    """By its shift a whole component; OpenJPEG itself takes the least background for it (H.1) and is no judge here."""
    a = picture(60, 70, samples, 8)
    stream = encode(a, 8, roi=(samples - 1, 11), style=style)
    assert np.array_equal(decode(stream, a), a)


@pytest.mark.parametrize("where", ["PPM", "PPT"])
@pytest.mark.parametrize("tile", [None, (40, 33)])
@pytest.mark.parametrize("order", ORDERS)
def test_packed_packet_headers(where: str, tile: tuple[int, int] | None, order: str) -> None:
    a = picture(70, 90, 3, 8)
    stream = encode(a, 8, tile=tile, order=order, sop=True, eph=True, rates=(20, 5, 0), resolutions=4)
    moved = packed(stream, where)
    assert moved.count(b"\xff\x91") == 0 and np.array_equal(decode(moved, a), a)
    assert np.array_equal(decode_by_openjpeg(moved, a), a)
    with pytest.raises(DicomError):
        decode(moved[: moved.index(b"\xff\x60" if where == "PPM" else b"\xff\x61") + 30] + moved[-200:], a)


@pytest.mark.parametrize("parts", ["R", "L", "C"])
def test_tile_parts(parts: str) -> None:
    """Several of each tile, and those of different tiles mixed."""
    order = {"R": "RLCP", "L": "LRCP", "C": "CPRL"}[parts]
    a = picture(64, 96, 3, 8)
    stream = encode(a, 8, parts=parts, order=order, rates=(20, 5, 0), resolutions=3, tile=(48, 64))
    first = stream.index(b"\xff\x90\x00\x0a")
    pieces, at = [], first
    while stream[at : at + 2] == b"\xff\x90":
        length = struct.unpack_from(">I", stream, at + 6)[0]
        pieces.append(stream[at : at + length])
        at += length
    assert len(pieces) > 4
    mixed = sorted(pieces, key=lambda piece: (piece[10], -piece[5]))  # TPsot up, Isot down
    assert mixed != pieces
    assert np.array_equal(decode(stream[:first] + b"".join(mixed) + stream[at:], a), a)


@pytest.mark.slow
def test_threads_give_the_same() -> None:
    a = picture(300, 310, 3, 8)
    for options in ({}, {"tile": (100, 100)}, {"tile": (48, 31)}, {"irreversible": True}, {"style": 63}):
        stream = encode(a, 8, **options)
        one = decode(stream, a)
        part = decode(stream, a, 1, (17, 30, 200, 211))
        for threads in (2, 5, 1000):
            assert np.array_equal(decode(stream, a, threads=threads), one)
            assert np.array_equal(decode(stream, a, 1, (17, 30, 200, 211), threads=threads), part)


@pytest.mark.parametrize("tile", [None, (32, 32)])
def test_threads_and_damage(tile: tuple[int, int] | None) -> None:
    """Whoever meets it, the others end: symbols are missing in all code-blocks, or the last tile."""
    a = picture(150, 130, 1, 8)
    stream = bytearray(encode(a, 8, tile=tile))
    stream[stream.index(b"\xff\x52") + 12] |= openjpeg.SYMBOLS
    cut = stream[: stream.rindex(b"\xff\x90\x00\x0a")]
    for threads in (1, 2, 9):
        with pytest.raises(MalformedError, match="does not end"):
            decode(bytes(stream), a, threads=threads)
        with pytest.raises(DicomError):
            decode(bytes(cut), a, threads=threads)


@pytest.mark.parametrize("options", [{}, {"tile": (32, 32), "style": 5}, {"order": "PCRL", "rates": (9, 0)}])
def test_every_prefix_is_an_error(options: dict[str, Any]) -> None:
    """But that which lacks no more than EOC."""
    a = picture(40, 50, 1, 8)
    stream = encode(a, 8, resolutions=3, **options)
    for n in range(len(stream) - 2):
        with pytest.raises(MalformedError):
            decode(stream[:n], a)
    assert np.array_equal(decode(stream[:-2], a), a)


def test_cut_at_a_packet() -> None:
    """A tile-part without a length whose data end where a packet does: with EOC the rest is empty, else it is cut."""
    a = picture(64, 64, 1, 8)
    stream = encode(a, 8, order="RLCP", sop=True)
    at = stream.index(b"\xff\x90\x00\x0a")
    stream = stream[: at + 6] + bytes(4) + stream[at + 10 :]
    last = stream.rindex(b"\xff\x91\x00\x04")
    with pytest.raises(TruncatedError):
        decode(stream[:last], a)
    short = stream[:last] + b"\xff\xd9"
    assert np.array_equal(decode(short, a), decode_by_openjpeg(short, a))


@pytest.mark.parametrize(
    "options", [{}, {"irreversible": True}, {"style": 63, "tile": (33, 40)}, {"rates": (20, 4, 0)}]
)
def test_flipped_bits_give_an_array_or_an_error(options: dict[str, Any], capfd: Any) -> None:
    a = picture(60, 66, 3, 8)
    stream = encode(a, 8, resolutions=4, **options)
    rng = np.random.default_rng(3)
    out = np.empty_like(a)
    failed = 0
    for k in range(400):
        damaged = bytearray(stream)
        for at in rng.integers(0, len(stream) if k % 2 else 200, rng.integers(1, 4)):
            damaged[at] ^= 1 << rng.integers(8)
        try:
            jpeg2000.decode(bytes(damaged), spec_of(a), out)
        except DicomError as error:
            assert error.frame == 3
            failed += 1
    assert 0 < failed < 400
    assert capfd.readouterr() == ("", "")


def test_many_bit_planes() -> None:
    a = picture(30, 30, 1, 16)
    assert np.array_equal(decode(encode(a, 16, roi=(0, 20), resolutions=3), a), a)


def test_wrong_segmentation_symbol() -> None:
    """The decoder is told that symbols are there which are not: nearly any damage to the data looks so."""
    a = picture(60, 60, 1, 8)
    stream = bytearray(encode(a, 8))
    stream[stream.index(b"\xff\x52") + 12] |= openjpeg.SYMBOLS
    with pytest.raises(MalformedError, match="does not end"):
        decode(bytes(stream), a)


@pytest.mark.parametrize("seed", range(3))
def test_segmentation_symbol_that_was_cut_off(seed: int) -> None:
    """OpenJPEG's encoder, which drops passes to meet a rate, now and then drops the bits of the last symbol too."""
    a = picture(150, 150, 2, 12, seed=seed)
    stream = encode(a, 12, style=openjpeg.SYMBOLS | openjpeg.RESET, blocks=(8, 8), rates=(50, 30, 20, 12, 7))
    assert np.array_equal(decode(stream, a), decode_by_openjpeg(stream, a))


@pytest.mark.parametrize("style, least", [(openjpeg.TERMINATE, 90), (openjpeg.TERMINATE | openjpeg.BYPASS, 10)])
def test_damage_of_predictable_termination(style: int, least: int) -> None:
    """Of 100 wrong bits in code-blocks nearly all are seen; those in raw passes are where they change what is read."""
    a = picture(60, 60, 1, 12)
    stream = encode(a, 12, style=style | openjpeg.PREDICTABLE)
    assert np.array_equal(decode(stream, a), a)
    rng = np.random.default_rng(5)
    seen = 0
    for at in rng.integers(len(stream) // 2, len(stream) - 20, 100):
        damaged = bytearray(stream)
        damaged[at] ^= 1 << rng.integers(8)
        try:
            decode(bytes(damaged), a)
        except MalformedError as error:
            seen += "does not end" in str(error)
    assert seen >= least


def run(code: str, **environment: str) -> str:
    root = os.path.dirname(os.path.dirname(dd.__file__))
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, here])} | environment
    done = subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.parametrize("rows, scale", [(4096, 0), (2048, 1)])
@pytest.mark.slow
def test_memory(rows: int, scale: int) -> None:
    """It takes rows, not pictures: of code-blocks where something is coded, of samples where nothing is."""
    done = run(f"""
        import resource
        import numpy as np
        from dicomdecode.codecs import _jpeg2000
        from dicomdecode.codecs._spec import FrameSpec
        from tests.codecs.openjpeg_encoder import encode

        y = np.arange({rows}, dtype=np.uint32)
        a = (128 + {scale} * (y[:, None, None] * y[:, None] >> 9)).astype(np.uint8)
        stream = encode(a, 8)
        out = np.ones_like(a)
        spec = FrameSpec(rows={rows}, columns={rows}, samples=1, bits_allocated=8, bits_stored=8, signed=False,
                         photometric="MONOCHROME2")
        limit = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + (8 << 20)
        before = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
        _jpeg2000.decode(stream, spec, out)
        resource.setrlimit(resource.RLIMIT_AS, before)
        print(bool((out == a).all()))
    """)
    assert done == "True\n"


@pytest.mark.slow
def test_choice_of_the_decoder() -> None:
    code = """
        from dicomdecode.codecs import _jpeg2000
        from tests.codecs.openjpeg_encoder import encode
        from tests.codecs.streams import picture, spec_of

        a = picture(20, 20)
        print(_jpeg2000.decode(encode(a, 8), spec_of(a), a.copy()))
    """
    assert run(code) == run(code, DICOMDECODE_JPEG2000="own") == "False\n"
    assert run(code, DICOMDECODE_JPEG2000="openjpeg") == "None\n"
    assert 'DICOMDECODE_JPEG2000 is "own" or "openjpeg"' in run(code, DICOMDECODE_JPEG2000="kakadu")


def test_what_is_not_for_us_is_left_alone() -> None:
    a = picture(64, 64, 3)
    out = np.zeros_like(a)
    stream = bytearray(encode(a, 8))
    stream[stream.index(b"\xff\x52") + 13] = 2  # a wavelet of part 2
    assert _jpeg2000.decode(stream, spec_of(a), out) is None and not out.any()


@pytest.mark.parametrize("levels, kernel, segments", [(0x81, 0, b""), (5, 2, b""), (5, 1, b"\xff\x76\0\x03\0")])
def test_extensions_of_part_2_are_named(levels: int, kernel: int, segments: bytes) -> None:
    """A decomposition by DFS, a kernel by ATK, a non-linearity: T.801 A.2.3, A.3.10."""
    a = picture(64, 64, 3)
    stream = bytearray(encode(a, 8))
    stream[6] |= 0x80  # Rsiz
    at = stream.index(b"\xff\x52")
    stream[at + 9], stream[at + 13] = levels, kernel
    stream[at:at] = segments
    with pytest.raises(UnsupportedError, match="of JPEG 2000 Part 2"):
        _jpeg2000.decode(stream, spec_of(a), np.zeros_like(a))


def test_array_based_transforms_of_part_2() -> None:
    """A stream with a matrix in MCT, of which MCC and MCO make use (T.801 A.3.7 to A.3.10), as OpenJPEG writes it: it
    does not read it. Where COD does not ask for such a transform, it does."""
    a = picture(64, 64, 3)
    matrix = np.array([[0.5, 0.3, 0.2], [-0.4, 0.5, -0.1], [0.1, -0.6, 0.5]])
    stream = bytearray(encode(a, 8, array=matrix))
    assert stream[6] & 0x80 and all(bytes([0xFF, kind]) in stream[:300] for kind in (0x74, 0x75, 0x77, 0x78))
    with pytest.raises(UnsupportedError, match="a component transform of JPEG 2000 Part 2"):
        jpeg2000.decode(stream, spec_of(a), np.zeros_like(a))
    stream[stream.index(b"\xff\x52") + 8] = 0
    out = np.zeros_like(a)
    assert _jpeg2000.decode(stream, spec_of(a), out) is None and not out.any()
    assert jpeg2000.decode(stream, spec_of(a), out) == "RGB" and out.any()


def test_arguments() -> None:
    a = picture(20, 30)
    stream = encode(a, 8)
    for out in (np.empty((20, 29, 1), "u1"), np.empty((20, 30, 1), "u2"), np.empty((20, 30), "u1")):
        with pytest.raises(ValueError, match="out must be"):
            _jpeg2000.decode(stream, spec_of(a), out)
    with pytest.raises(ValueError, match="region"):
        _jpeg2000.decode(stream, spec_of(a), a.copy(), 0, (10, 0, 11, 1))
    with pytest.raises(ValueError, match="reduce"):
        _jpeg2000.decode(stream, spec_of(a), a.copy(), 33)
    with pytest.raises(UnsupportedError, match="levels"):
        _jpeg2000.decode(encode(a, 8, resolutions=1), spec_of(a), np.empty((10, 15, 1), "u1"), 1)
    assert isinstance(spec_of(a), FrameSpec)


def test_tensorflow_io_has_openjpeg() -> None:
    """Its values must agree to the bit, and in the 9/7 wavelet decoders differ in the last."""
    from dicomdecode.tfio_compat.codecs import _sample

    a = picture(40, 40, 1, 8)
    assert _sample(encode(a, 8), "jpeg2000")[2] is jpeg2000.decode
    assert _sample(encode(a, 8, irreversible=True), "jpeg2000")[2] is jpeg2000.decode_by_openjpeg


def test_openjpeg_by_keyword(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one call, in any order with others, for whole frames and parts; our own decoder is not asked."""
    a = picture(40, 50, 1, 12)
    stream = bytearray(encode(a, 12, style=32))
    stream[len(stream) // 2] ^= 0xFF  # a segmentation symbol is wrong then, which OpenJPEG does not look at
    damaged = dicom_of(bytes(stream), a)
    with dd.open(damaged) as image:
        with pytest.raises(MalformedError):
            image.pixels(values="stored")
        assert image.pixels(values="stored", codec="openjpeg").shape == (40, 50)
        with pytest.raises(MalformedError):
            image.pixels(values="stored")
        assert image.pixels(values="stored", codec="openjpeg", region=(3, 4, 5, 6), reduce=1).shape == (2, 3)
    assert np.array_equal(dd.imread(dicom_of(encode(a, 12), a), values="stored", codec="openjpeg"), a[..., 0])
    with pytest.raises(ValueError, match="codec"):
        dd.imread(damaged, codec="kakadu")


def dicom_of(stream: bytes, a: np.ndarray) -> bytes:
    syntax, tag = "1.2.840.10008.1.2.4.90", synthesise.PIXEL_DATA
    extra = synthesise.encapsulate([stream])
    return synthesise.image(a[..., 0], syntax=syntax, bits_stored=12, without=(tag,), extra=extra)


def shown(a: np.ndarray, steps: list[tuple[int, int]], offset: tuple[int, int]) -> np.ndarray:
    """Each sample of a subsampled component for all the pixels from its place on, the first for those before it too."""
    out = a.copy()
    x, y = (np.arange(first, first + n) for first, n in zip(offset, (a.shape[1], a.shape[0]), strict=True))
    for k, (dx, dy) in enumerate(steps):
        column = np.maximum(x // dx, -(-offset[0] // dx)) * dx - offset[0]
        row = np.maximum(y // dy, -(-offset[1] // dy)) * dy - offset[1]
        out[..., k] = a[row[:, None], column, k]
    return out


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("steps", [[(1, 1), (2, 2), (2, 2)], [(1, 1), (2, 1), (2, 1)], [(2, 1), (1, 1), (1, 3)]])
@pytest.mark.parametrize("options", [{}, {"image_offset": (5, 3)}, {"tile": (34, 46)}, {"precincts": [(32, 16)]}])
def test_subsampled_components(order: str, steps: list[tuple[int, int]], options: dict[str, Any]) -> None:
    """At full resolution, as 4:2:0 and 4:2:2 of JPEG are; tiles of even size have the samples of their pixels."""
    a = picture(61, 90, 3, 8)
    stream = encode(a, 8, order=order, steps=steps, resolutions=3, **options)
    want = shown(a, steps, options.get("image_offset", (0, 0)))
    if "tile" not in options or (1, 3) not in steps:
        assert np.array_equal(decode(stream, a), want)
    out = decode(stream, a, 0, (7, 11, 31, 40))
    assert np.array_equal(out, decode(stream, a)[7:38, 11:51])
    if "image_offset" not in options:
        half = decode(stream, a, 1)
        assert half.shape == (31, 45, 3)
        assert np.abs(half.astype(int) - a[::2, ::2]).mean() < 30
    with pytest.raises(UnsupportedError, match="subsampled"):
        decode_by_openjpeg(stream, a)


def test_tile_without_samples_of_a_component() -> None:
    """A last column of its own has none where every second one has; reduced, one column may have none either."""
    a = picture(20, 33, 3)
    stream = encode(a, 8, steps=[(1, 1), (2, 1), (2, 1)], image_offset=(1, 0), tile=(33, 20), resolutions=2)
    with pytest.raises(UnsupportedError, match="no sample"):
        decode(stream, a)
    a = picture(20, 3, 3)
    stream = encode(a, 8, steps=[(1, 1), (3, 1), (3, 1)], image_offset=(8, 0), resolutions=2)
    assert np.array_equal(decode(stream, a), shown(a, [(1, 1), (3, 1), (3, 1)], (8, 0)))
    with pytest.raises(UnsupportedError, match="no sample"):
        decode(stream, a, 1)


def test_a_transform_needs_samples_of_the_same_pixels() -> None:
    a = picture(20, 30, 3)
    stream = bytearray(encode(a, 8, transform=False, steps=[(1, 1), (2, 1), (1, 1)]))
    stream[stream.index(b"\xff\x52") + 8] = 1
    with pytest.raises(MalformedError, match="transform"):
        decode(bytes(stream), a)


@pytest.mark.parametrize("bits", [(8, 5, 3), (12, 16, 1), (4, 8, 8)])
@pytest.mark.parametrize("signed", [False, True])
def test_components_of_unequal_precision(bits: tuple[int, int, int], signed: bool) -> None:
    a = np.concatenate([picture(40, 50, 1, max(n, 2), signed, n) for n in bits], 2, dtype="i2" if signed else "u2")
    a = a >> np.array([n == 1 for n in bits])
    assert np.array_equal(decode(encode(a, bits), a), a)
    with pytest.raises(UnsupportedError, match="precision"):
        decode_by_openjpeg(encode(a, bits), a)
    with pytest.raises(MalformedError, match="expected 8, found"):
        decode(encode(a, (3, 12, 8)), a.astype("i1" if signed else "u1"))


@pytest.mark.parametrize("layers", [2, 3, 7])
def test_lengths_that_start_anew_in_each_layer(layers: int) -> None:
    """Lblock is a state of its code-block (B.10.7.1); streams of encoders that forget it must not become noise."""
    a = picture(60, 50, 1, 12)
    for lengths_anew in (False, True):
        stream = jpeg2000_encoder.encode(a, 12, levels=2, layers=layers, lengths_anew=lengths_anew)
        assert np.array_equal(decode(stream, a), a)
