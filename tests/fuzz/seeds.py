"""First inputs of the fuzzers of Cython modules, with their options behind them. python seeds.py TARGET FOLDER"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests import synthesise as s
from tests.codecs.streams import picture
from tests.codecs.test_ljpeg import encode
from tests.hostile import streams

PIXELS = np.random.default_rng(0).integers(0, 4096, (2, 7, 9), np.uint16)
EXTRA: list[s.Element] = [
    (0x00080005, "CS", "ISO_IR 192"),
    (0x00081140, "SQ", [[(0x00081155, "UI", "1.2.3"), (0x00081199, "SQ", [[(0x00081155, "UI", "1")]])], []]),
    (0x00100010, "PN", "Ä^Ö".encode()),
    (0x00280120, "US", 3),
    (0x00281050, "DS", "40\\300.123456789012345678"),
    (0x00281051, "DS", "4e2\\,5"),
    (0x00281052, "DS", "-1024"),
    (0x00281053, "FD", 1.5),
    (0x00281056, "CS", "sigmoid"),
    (0x00283010, "SQ", [[(0x00283002, "SS", [2, -1, 8])]]),
]


def files() -> Iterator[bytes]:
    """A small file of each encoding, and of each way that pixel data lie."""
    for syntax in (s.IMPLICIT_LE, s.EXPLICIT_LE, s.EXPLICIT_BE, s.GE_PRIVATE):
        yield s.image(PIXELS, syntax=syntax, extra=EXTRA, bits_stored=12)
        yield s.image(PIXELS.astype(np.int16) - 2000, syntax=syntax, bits_stored=13, high_bit=14)
    for undefined in itertools.product((False, True), repeat=3):
        yield s.image(PIXELS[0], extra=EXTRA, encoding=s.Encoding(True, False, *undefined))
    for allocated in (1, 12, 32, 64):
        yield s.image(PIXELS & 1, allocated=allocated, bits_stored=min(allocated, 12))
    colour = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    for photometric, planar in itertools.product(("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422"), (0, 1)):
        yield s.image(colour, photometric=photometric, planar=planar)
    for table in ("empty", "full", "extended", "lying", "none"):
        for fragments in (1, 3):
            yield s.image(PIXELS, syntax=s.RLE, table=table, fragments=fragments)  # type: ignore[arg-type]
    yield s.image(PIXELS.astype(np.float32))
    yield s.image(PIXELS.astype(np.float64))
    whole = s.image(PIXELS[0], trailing=s.elements([(0xFFFCFFFC, "OB", b"\0\0")]))
    yield from (whole[132:], whole[128:], b"garbage" * 9 + whole, whole[:300], whole + bytes(100))
    odd = s.header(0x00091010, "UN", s.UNDEFINED, s.LITTLE) + s.item(s.element(0x00091011, "XX", b"abcd"))
    yield s.image(PIXELS[0], extra=[odd + s.tag_bytes(0xFFFEE0DD) + bytes(4)])


def lossless() -> Iterator[bytes]:
    for bits, samples, predictor in itertools.product((2, 8, 12, 16), (1, 3), range(1, 8)):
        a = picture(9, 14, samples, bits, seed=bits)
        for whole in (a, np.zeros_like(a)):
            yield encode(whole, bits, predictor, restart=4 * (predictor == 3), per_component=predictor == 5)


def frames() -> Iterator[bytes]:
    for kind, shape in itertools.product((np.uint8, np.uint16, np.uint32), ((7, 9, 1), (5, 8, 3))):
        cells = np.random.default_rng(2).integers(0, 200, shape).astype(kind)
        yield s.rle_frame(cells)
        yield s.rle_frame(np.zeros_like(cells))


def codestreams() -> Iterator[bytes]:
    for tile, levels, layers in itertools.product((None, (8, 16)), (0, 2, 5), (1, 4)):
        for components, fast in ((1, False), (3, True)):
            yield streams.jpeg_2000(
                30, 40, tile=tile, levels=levels, layers=layers, components=components, high_throughput=fast
            )
    yield streams.jpeg_2000(64, 64, precincts=[0x44] * 6)


#: Target -> streams, and the options that are put behind each.
TARGETS = {
    "reading": (files, [b"\0", b"\1", b"\7"]),
    "core": (files, [b"\0\0\0", b"\1\3\1", b"\0\11\1"]),
    "rle": (frames, [b"\0\10\6\0", b"\0\10\6\4", b"\0\7\4\1", b"\0\7\4\11"]),
    "ljpeg": (lossless, [b"\17", b"\36"]),
    "preflight": (codestreams, [b"\0", b"\5"]),
    "cells": (
        lambda: [bytes(range(200)), bytes(64)],
        [bytes([k] * 6 + [n, m]) for k in (1, 7) for n in range(4) for m in range(7)],
    ),
}


def main(target: str, folder: str) -> None:
    made, options = TARGETS[target]
    for i, (stream, behind) in enumerate(itertools.product(made(), options)):
        Path(folder, str(i)).write_bytes(stream + behind)


if __name__ == "__main__":
    main(*sys.argv[1:])
