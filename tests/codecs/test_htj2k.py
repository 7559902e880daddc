"""High-Throughput JPEG 2000: round trips, both libraries, and what OpenJPH raises where nobody hears it."""

import concurrent.futures
import sys
import threading

import imagecodecs
import numpy as np
import pytest

from dicomdecode.codecs import htj2k
from dicomdecode.errors import DicomError, MalformedError
from tests.codecs.streams import check_cuts, check_disagreements, check_flips, decoded, picture, plain, spec_of


def encode(a, reversible=True, **options):
    a = a.squeeze(2) if a.shape[2] == 1 else a
    return bytes(imagecodecs.htj2k_encode(np.ascontiguousarray(a), reversible=reversible, **options))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [2, 8, 12, 16])
@pytest.mark.parametrize("rows, columns, samples", [(33, 47, 1), (64, 50, 3), (1, 1, 1), (1, 40, 3)])
def test_reversible_round_trip(bits, signed, rows, columns, samples):
    a = picture(rows, columns, samples, bits, signed)
    out, color = decoded(htj2k.decode, encode(a), a)
    assert np.array_equal(out, a)
    assert color == ("MONOCHROME" if samples == 1 else "RGB")


@pytest.mark.parametrize("bits, samples", [(8, 1), (16, 1), (8, 3)])
def test_irreversible_is_close_and_clips(bits, samples):
    a = np.where(picture(70, 90, samples, bits) > 2 ** (bits - 1), 2**bits - 1, 0).astype(f"u{bits // 8}")
    out, _ = decoded(htj2k.decode, encode(a, reversible=False), a)
    assert np.abs(out.astype(int) - a).max() < 2**bits / 16, "an overshoot that wraps is far off"


def test_unsigned_stream_of_signed_pixels():
    a = picture(33, 47, 1, 16, signed=True)
    assert np.array_equal(decoded(htj2k.decode, encode(plain(a)[..., None]), a)[0], a)


def test_more_room_than_precision():
    a = picture(20, 30, 3)
    for kind in (np.uint16, np.uint32):
        assert np.array_equal(decoded(htj2k.decode, encode(a), a.astype(kind))[0], a)
    with pytest.raises(MalformedError, match="expected 8, found 16"):
        decoded(htj2k.decode, encode(picture(20, 30, 1, 16)), picture(20, 30))


def test_colour_without_a_transform():
    a = picture(20, 30, 3)
    assert decoded(htj2k.decode, encode(a, rgb=False), a, photometric="YBR_FULL", to_rgb=True)[1] == "YBR_FULL"
    assert decoded(htj2k.decode, encode(a, rgb=True), a, photometric="YBR_RCT", to_rgb=True)[1] == "RGB"


def test_regions_and_resolutions_are_those_of_the_whole():
    a = picture(64, 80, 1)
    stream = encode(a)
    out = np.empty((10, 20, 1), np.uint8)
    htj2k.decode(stream, spec_of(a), out, region=(30, 40, 10, 20))
    assert np.array_equal(out, a[30:40, 40:60])
    half = np.empty((32, 40, 1), np.uint8)
    htj2k.decode(stream, spec_of(a), half, reduce=1)
    assert np.abs(half.astype(int) - a[::2, ::2]).mean() < 20


@pytest.mark.parametrize("samples, bits, reversible", [(1, 8, True), (1, 16, True), (3, 8, True), (1, 8, False)])
def test_cut_and_damaged(samples, bits, reversible, capfd):
    a = picture(61, 77, samples, bits)
    stream = encode(a, reversible)
    check_cuts(htj2k.decode, stream, a, end=2)
    check_flips(htj2k.decode, stream, a, capfd)
    check_disagreements(htj2k.decode, stream, a)


def damaged_streams(stream, count):
    rng = np.random.default_rng(5)
    for _ in range(count):
        damaged = bytearray(stream)
        for at in rng.integers(stream.index(b"\xff\x93") + 2, len(stream) - 2, 8):
            damaged[at] ^= 0xFF
        yield bytes(damaged)


def test_hooks_are_put_back(capfd):
    a = picture(61, 77)
    before = sys.unraisablehook, sys.excepthook
    stream = encode(a)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:

        def one(damaged):
            try:
                return np.array_equal(decoded(htj2k.decode, damaged, a)[0], a)
            except DicomError:
                return None

        found = list(pool.map(one, [*damaged_streams(stream, 60), *[stream] * 60]))
    assert None in found[:60], "OpenJPH tells of damage, and it is heard"
    assert all(found[60:]), "the error of one thread is not that of another"
    assert (sys.unraisablehook, sys.excepthook) == before
    assert threading.active_count() >= 1
    assert capfd.readouterr() == ("", "")


def test_other_unraisable_errors_pass(monkeypatch):
    heard = []
    monkeypatch.setattr(sys, "unraisablehook", heard.append)

    class Bad:
        def __del__(self):
            raise RuntimeError("of somebody else")

    with htj2k._failures() as failed:
        Bad()
    assert not failed
    assert len(heard) == 1
