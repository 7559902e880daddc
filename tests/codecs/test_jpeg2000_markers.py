"""JPEG 2000 marker segments that no encoder at hand writes: put into streams, and checked by the picture."""

from __future__ import annotations

import contextlib
import random
import struct

import imagecodecs
import numpy as np
import pytest

from dicomdecode.codecs import _jpeg2000, jpeg2000
from dicomdecode.errors import DicomError, MalformedError
from tests.codecs.openjpeg_encoder import encode
from tests.codecs.streams import picture, spec_of
from tests.codecs.test_own_jpeg2000 import decode, decode_by_openjpeg, settings

COD, COC, QCD, QCC, SOT = 0xFF52, 0xFF53, 0xFF5C, 0xFF5D, 0xFF90
Segment = tuple[int, bytes]


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">HH", marker, len(body) + 2) + body


def segments(stream: bytes) -> tuple[list[Segment], bytes]:
    """Those of the main header, and what follows it."""
    found, at = [], 2
    while (marker := int.from_bytes(stream[at : at + 2], "big")) != SOT:
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        found.append((marker, stream[at + 4 : at + 2 + length]))
        at += 2 + length
    return found, stream[at:]


def joined(header: list[Segment], rest: bytes) -> bytes:
    return b"\xff\x4f" + b"".join(segment(*one) for one in header) + rest


def edited(stream: bytes, marker: int, body: bytes) -> bytes:
    """With another body of one segment of the main header."""
    header, rest = segments(stream)
    return joined([(name, body if name == marker else old) for name, old in header], rest)


def body_of(stream: bytes, marker: int) -> bytes:
    return next(body for name, body in segments(stream)[0] if name == marker)


def of_components(stream: bytes, components: int) -> list[Segment]:
    """COC and QCC of each component that say what COD and QCD do."""
    cod, qcd = body_of(stream, COD), body_of(stream, QCD)
    style = bytes([cod[0] & 1])
    return [
        one for i in range(components) for one in ((COC, bytes([i]) + style + cod[5:]), (QCC, bytes([i]) + qcd))
    ]  # fmt: skip


def with_wrong_defaults(stream: bytes) -> bytes:
    """COD with other levels and code-blocks, QCD with other exponents: all of it must be overridden."""
    cod, qcd = bytearray(body_of(stream, COD)), body_of(stream, QCD)
    cod[5:8] = bytes([1, 1, 1])
    return edited(edited(stream, COD, bytes(cod)), QCD, qcd[:1] + bytes(len(qcd) - 1))


def into_tiles(stream: bytes, more: list[Segment]) -> bytes:
    """Segments into the header of the first tile-part of each tile."""
    header, rest = segments(stream)
    extra, parts, at = b"".join(segment(*one) for one in more), b"", 0
    while int.from_bytes(rest[at : at + 2], "big") == SOT:
        length, number = struct.unpack(">IB", rest[at + 6 : at + 11])
        add = b"" if number else extra
        sot = rest[at : at + 6] + struct.pack(">I", length + len(add)) + rest[at + 10 : at + 12]
        parts += sot + add + rest[at + 12 : at + length]
        at += length
    return joined(header, parts + rest[at:])


@pytest.mark.parametrize("irreversible", [False, True])
@pytest.mark.parametrize("options", [{}, {"tile": (40, 33)}, {"precincts": [(32, 32), (16, 16)], "style": 4}])
def test_what_overrides_the_default(options, irreversible):
    """Tile-part COC before tile-part COD before main COC before main COD; the same for quantization (A.6)."""
    a = picture(70, 61, 3, 8)
    right = encode(a, 8, irreversible=irreversible, **options)
    expected = decode(right, a)
    wrong, components = with_wrong_defaults(right), of_components(right, 3)
    header, rest = segments(wrong)
    by_main_coc = joined(header + components, rest)
    by_tile_cod = into_tiles(by_main_coc, [(m, body_of(right, m)) for m in (COD, QCD)])
    misleading = [(m, body_of(wrong, m)) for m in (COD, QCD)]
    for stream in (
        by_main_coc,
        joined([*header[:1], *components, *header[1:]], rest),
        into_tiles(wrong, [(m, body_of(right, m)) for m in (COD, QCD)]),
        by_tile_cod,
        into_tiles(wrong, components),
        into_tiles(right, [*components, *misleading]),
    ):
        assert np.array_equal(decode(stream, a), expected)


def test_segments_that_tell_nothing_of_samples():
    """CAP, PRF, CPF, TLM, PLM, CRG, COM and ones that are not known, anywhere behind SIZ."""
    a = picture(50, 40, 3, 8)
    header, rest = segments(encode(a, 8))
    more = [(marker, bytes(4)) for marker in (0xFF50, 0xFF56, 0xFF59, 0xFF55, 0xFF57, 0xFF63, 0xFF64, 0xFF6F, 0xFF78)]
    for at in range(1, len(header) + 1):
        assert np.array_equal(decode(joined([*header[:at], *more, *header[at:]], rest), a), a)
    assert np.array_equal(decode(into_tiles(joined(header, rest), [(0xFF58, bytes(3)), (0xFF64, bytes(9))]), a), a)


def test_a_component_transform_of_one_component():
    """There is none, whatever COD says; OpenJPEG passes over it, too."""
    a = picture(50, 40, 1, 12)
    stream = encode(a, 12)
    cod = body_of(stream, COD)
    changed = edited(stream, COD, cod[:4] + b"\1" + cod[5:])
    assert np.array_equal(decode(changed, a), a)
    assert np.array_equal(decode_by_openjpeg(changed, a), a)


def test_more_components_than_samples_per_pixel_can_ask_for():
    a = picture(50, 40, 5, 8)
    with pytest.raises(MalformedError, match="components"):
        decode(encode(a, 8), a)


@pytest.mark.parametrize("guard_bits", range(1, 8))
def test_quantization_against_openjpeg(guard_bits):
    """Derived and expounded steps, with any number of guard bits: other pictures, but the same for both decoders."""
    a = picture(64, 70, 1, 12)
    stream = encode(a, 12, irreversible=True)
    qcd = body_of(stream, QCD)
    for body in (
        bytes([guard_bits << 5 | 1]) + qcd[1:3],
        bytes([guard_bits << 5 | 2]) + qcd[1:],
        bytes([guard_bits << 5 | 2]) + b"".join(bytes([qcd[i], qcd[i + 1] ^ 0x55]) for i in range(1, len(qcd), 2)),
    ):
        changed = edited(stream, QCD, body)
        difference = decode(changed, a).astype(int) - decode_by_openjpeg(changed, a)
        assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("rows, columns", [(1, 1), (5, 1), (37, 29)])
@pytest.mark.parametrize("levels", [0, 1, 6, 32])
def test_more_levels_than_the_picture_has(rows, columns, levels):
    """A packet for each resolution, without data: mid-grey."""
    a = np.full((rows, columns, 1), 128, np.uint8)
    stream = encode(a, 8, resolutions=1)
    cod = bytearray(body_of(stream, COD))
    cod[5] = levels
    stream = edited(edited(stream, COD, bytes(cod)), QCD, bytes([0x40] + [8 << 3] * (3 * levels + 1)))
    header, _ = segments(stream)
    body = b"\xff\x93" + bytes(levels + 1)
    part = segment(SOT, struct.pack(">HIBB", 0, 12 + len(body), 0, 1)) + body
    assert np.array_equal(decode(joined(header, part + b"\xff\xd9"), a), a)
    with pytest.raises(DicomError):
        decode(joined(header, part[:-1]), a)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(30))
def test_every_prefix_and_a_bit_of_every_byte(seed, capfd):
    """Thirty kinds of streams, a third of them HTJ2K: an array or a DicomError, each time."""
    rnd = random.Random(seed)
    samples = rnd.choice((1, 1, 3))
    a = picture(rnd.randint(32, 36), rnd.randint(32, 36), samples, 6)
    stream = bytes(imagecodecs.htj2k_encode(np.squeeze(a), reversible=True)) if seed % 3 == 0 else b""
    while not stream:
        with contextlib.suppress(ValueError):  # what OpenJPEG does not write: another kind, then
            stream = encode(a, 6, **settings(rnd, samples))
    out, spec = np.empty_like(a), spec_of(a)
    flipped = bytearray(stream)
    failed = 0
    for at in range(len(stream)):
        flipped[at] ^= 1 << rnd.randrange(8)
        for damaged in (stream[:at], bytes(flipped)):
            try:
                jpeg2000.decode(damaged, spec, out)
            except DicomError:
                failed += 1
        flipped[at] = stream[at]
    assert failed >= len(stream) - 2
    _jpeg2000.decode(stream, spec, out)
    assert capfd.readouterr() == ("", "")
