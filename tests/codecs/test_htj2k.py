"""High-Throughput JPEG 2000 by our own decoder: round trips, streams that no encoder writes, damage."""

import random
import re
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from dicomdecode.codecs import _jpeg2000, jpeg2000
from dicomdecode.errors import MalformedError
from tests.codecs import openjpeg_encoder as openjpeg
from tests.codecs.ht_streams import CAUSAL, HT, MIXED, cleanup_of, one_block, refined
from tests.codecs.streams import check_cuts, check_disagreements, check_flips, decoded, picture, plain, spec_of


def encode(a, reversible=True, **options):
    a = a.squeeze(2) if a.shape[2] == 1 else a
    return bytes(imagecodecs.htj2k_encode(np.ascontiguousarray(a), reversible=reversible, **options))


def decode_by_openjpeg(stream, like):
    out = np.empty_like(like)
    jpeg2000.decode_by_openjpeg(stream, spec_of(like), out)
    return out


def ours(stream, like, **changes):
    out = np.full(like.shape, 77, like.dtype)
    assert _jpeg2000.decode(stream, spec_of(like, **changes), out) is not None
    return out


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [2, 8, 12, 16])
@pytest.mark.parametrize("rows, columns, samples", [(33, 47, 1), (64, 50, 3), (1, 1, 1), (1, 40, 3), (130, 3, 1)])
def test_reversible_round_trip(bits, signed, rows, columns, samples):
    a = picture(rows, columns, samples, bits, signed)
    out, color = decoded(jpeg2000.decode, encode(a), a)
    assert np.array_equal(out, a)
    assert color == ("MONOCHROME" if samples == 1 else "RGB")


@pytest.mark.parametrize("seed", range(120))
def test_any_kind_of_stream(seed):
    """Levels, tiles, components, bits, both wavelets: the picture, or what OpenJPEG gives within 1; and parts of it."""
    rnd = random.Random(seed)
    bits, samples = rnd.choice((1, 4, 8, 8, 10, 12, 16)), rnd.choice((1, 1, 3))
    a = picture(rnd.randint(1, 150), rnd.randint(1, 150), samples, max(bits, 2), bits > 1 and rnd.random() < 0.3, seed)
    if rnd.random() < 0.3:
        a[a.shape[0] // 3 :, a.shape[1] // 4 :] = 0
    options = {"resolutions": rnd.randint(1, 6), "reversible": rnd.random() < 0.6}
    if rnd.random() < 0.4:
        options["tile"] = (rnd.randint(20, 90), rnd.randint(20, 90))
    if samples == 3:
        options |= {"rgb": rnd.random() < 0.5}
    if not options["reversible"]:
        options["level"] = rnd.choice((0.3, 0.01, 0.0001))
    stream = encode(a, **options)
    out = ours(stream, a, threads=1 + seed % 2)
    if options["reversible"]:
        assert np.array_equal(out, a)
    else:
        assert np.abs(out.astype(int) - decode_by_openjpeg(stream, a)).max() <= 1
    rows, columns = a.shape[:2]
    row, column = rnd.randrange(rows), rnd.randrange(columns)
    region = (row, column, rnd.randint(1, rows - row), rnd.randint(1, columns - column))
    part = np.empty((*region[2:], samples), a.dtype)
    jpeg2000.decode(stream, spec_of(a), part, region=region)
    assert np.array_equal(part, out[row : row + region[2], column : column + region[3]])


@pytest.mark.parametrize("rows, columns, bits", [(64, 64, 12), (1, 64, 8), (64, 1, 8), (33, 47, 5), (5, 6, 15)])
def test_one_block(rows, columns, bits):
    cleanup = cleanup_of(rows, columns, bits, 1)
    like = np.empty((rows, columns, 1), "i2")
    stream = one_block((rows, columns), [(1, cleanup.data)], planes=cleanup.planes, zero_planes=cleanup.planes - 1)
    assert np.array_equal(ours(stream, like)[..., 0], cleanup.values)
    for groups in (1, 4):
        # placeholders take the place of bit-planes that are not there
        stream = one_block(
            (rows, columns), [(1 + 3 * groups, cleanup.data)], planes=cleanup.planes,
            zero_planes=cleanup.planes - 1 - groups,
        )  # fmt: skip
        assert np.array_equal(ours(stream, like)[..., 0], cleanup.values)


@pytest.mark.parametrize("passes", [1, 2])
@pytest.mark.parametrize("style", [HT, HT | CAUSAL, MIXED])
@pytest.mark.parametrize("rows, columns, bits", [(64, 64, 12), (33, 47, 3), (6, 64, 2), (7, 9, 4), (64, 2, 2)])
@pytest.mark.parametrize("precision", [16, 30])  # coefficients in 32 bits, and in 64
def test_refinement(precision, rows, columns, bits, style, passes):
    cleanup = cleanup_of(rows, columns, bits, 2)
    segment, want = refined(cleanup.values, np.random.default_rng(1), bool(style & CAUSAL), passes)
    stream = one_block(
        (rows, columns), [(1, cleanup.data), (passes, segment)], planes=cleanup.planes + 1,
        zero_planes=cleanup.planes - 1, style=style, most_bits=len(cleanup.data).bit_length() + 1,
        bits=precision,
    )  # fmt: skip
    out = ours(stream, np.empty((rows, columns, 1), "i4"))[..., 0]
    assert np.array_equal(out, want)
    assert (np.abs(want) == 1).any(), "some are found by significance propagation"


def test_part_1_block_of_a_mixed_stream():
    a = picture(8, 9, 1, 8)
    stream = bytearray(openjpeg.encode(a, 8, resolutions=1))
    style = stream.index(b"\xff\x52") + 12
    assert stream[style] == 0
    stream[style] = MIXED
    assert np.array_equal(ours(bytes(stream), a), a)
    stream[style] = HT
    with pytest.raises(MalformedError):
        ours(bytes(stream), a)


@pytest.mark.parametrize("bits, samples", [(8, 1), (16, 1), (8, 3)])
def test_irreversible_is_close_and_clips(bits, samples):
    a = np.where(picture(70, 90, samples, bits) > 2 ** (bits - 1), 2**bits - 1, 0).astype(f"u{bits // 8}")
    out, _ = decoded(jpeg2000.decode, encode(a, reversible=False), a)
    assert np.abs(out.astype(int) - a).max() < 2**bits / 16, "an overshoot that wraps is far off"


def test_unsigned_stream_of_signed_pixels():
    a = picture(33, 47, 1, 16, signed=True)
    assert np.array_equal(decoded(jpeg2000.decode, encode(plain(a)[..., None]), a)[0], a)


def test_more_room_than_precision():
    a = picture(20, 30, 3)
    for kind in (np.uint16, np.uint32):
        assert np.array_equal(decoded(jpeg2000.decode, encode(a), a.astype(kind))[0], a)
    with pytest.raises(MalformedError, match="expected 8, found 16"):
        decoded(jpeg2000.decode, encode(picture(20, 30, 1, 16)), picture(20, 30))


def test_colour_without_a_transform():
    a = picture(20, 30, 3)
    found = decoded(jpeg2000.decode, encode(a, rgb=False), a, photometric="YBR_FULL", to_rgb=True)[1]
    assert found == "YBR_FULL"
    assert decoded(jpeg2000.decode, encode(a, rgb=True), a, photometric="YBR_RCT", to_rgb=True)[1] == "RGB"


@pytest.mark.parametrize("samples, bits, reversible", [(1, 8, True), (1, 16, True), (3, 8, True), (1, 8, False)])
def test_cut_and_damaged(samples, bits, reversible, capfd):
    a = picture(61, 77, samples, bits)
    stream = encode(a, reversible)
    check_cuts(jpeg2000.decode, stream, a, end=2)
    check_flips(jpeg2000.decode, stream, a, capfd)
    check_disagreements(jpeg2000.decode, stream, a)


def test_damaged_refinement(capfd):
    cleanup = cleanup_of(33, 47, 3, 2)
    segment, _ = refined(cleanup.values, np.random.default_rng(1), False, 2)
    stream = one_block(
        (33, 47), [(1, cleanup.data), (2, segment)], planes=cleanup.planes + 1, zero_planes=cleanup.planes - 1
    )
    check_flips(jpeg2000.decode, stream, np.empty((33, 47, 1), "i2"), capfd)


@pytest.mark.parametrize("size, why", [(0, "length"), (1, "length"), (2, "longer"), (5, "longer")])
def test_cleanup_segment_that_cannot_be(size, why):
    stream = one_block((8, 8), [(4, b"\xff" * size)], planes=9, zero_planes=7)
    like = np.empty((8, 8, 1), "i2")
    if size == 0:
        assert not ours(stream, like).any(), "placeholders alone are no data"
        return
    with pytest.raises(MalformedError, match=why):
        ours(stream, like)


def test_codewords_are_complete_prefix_codes():
    """Each context's codewords of the two tables fill the seven bits that are looked at, once each."""
    text = (Path(__file__).parents[2] / "dicomdecode/codecs/jpeg2000/ht_codes.h").read_text()
    tables = re.findall(r"ht_\w+_codes\[(\d+)\].*?=\s*\{(.*?)\}", text, re.S)
    assert [int(count) for count, _ in tables] == [444, 358]
    for count, body in tables:
        codes = [int(code, 16) for code in re.findall(r"0x[0-9A-F]{8}", body)]
        assert len(codes) == int(count)
        for context in range(8):
            seen = [
                bits
                for code in codes
                for bits in range(128)
                if code >> 28 == context and bits & ((1 << (code & 15)) - 1) == code >> 4 & 0xFF
            ]
            assert sorted(seen) == list(range(128))
        for code in codes:
            rho, known, ones = code >> 24 & 15, code >> 16 & 15, code >> 12 & 15
            assert known & ~rho == 0 and ones & ~known == 0
