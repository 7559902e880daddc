"""First inputs of the fuzzers of Cython modules, with their options behind them. python seeds.py TARGET FOLDER"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
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
    delimited = s.item(s.rle_frame(PIXELS[0, ..., None])) + s.tag_bytes(0xFFFEE00D) + bytes(4)
    fragments_of = s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE) + s.item(b"") + 2 * delimited
    yield s.image(PIXELS, syntax=s.RLE, without=[s.PIXEL_DATA], trailing=fragments_of)
    yield s.image(PIXELS, bits_stored=12, without=[0x00280100])
    yield s.image(PIXELS.astype(np.float32))
    yield s.image(PIXELS.astype(np.float64))
    whole = s.image(PIXELS[0], trailing=s.elements([(0xFFFCFFFC, "OB", b"\0\0")]))
    yield from (whole[132:], whole[128:], b"garbage" * 9 + whole, whole[:300], whole + bytes(100))
    odd = s.header(0x00091010, "UN", s.UNDEFINED, s.LITTLE) + s.item(s.element(0x00091011, "XX", b"abcd"))
    yield s.image(PIXELS[0], extra=[odd + s.tag_bytes(0xFFFEE0DD) + bytes(4)])


def odd_headers() -> Iterator[bytes]:
    """One attribute of each kind that the header knows, contradictions, and what is missing."""
    extras: list[list[s.Element]] = [
        [(0x00280120, "SS", -2000), (0x00280121, "SS", -1000), (0x00281055, "LO", "A\\B")],
        [(0x00281050, "DS", "4"), (0x00281051, "DS", "5"), (0x00281056, "CS", "LINEAR_EXACT")],
        [(0x00281056, "CS", "OTHER"), (0x00283000, "SQ", [[]]), (0x00283010, "SQ", [[]]), (0x20500010, "SQ", [[]])],
        [(0x20500020, "CS", "INVERSE"), (0x3004000E, "DS", "0.5"), (0x52009229, "SQ", [[]]), (0x52009230, "SQ", [[]])],
        [(0x20500020, "CS", "IDENTITY"), (0x3004000E, "DS", "half"), (0x00282110, "CS", "01")],
        [(0x00281101, "US", [0, 0, 8]), (0x00281102, "SS", [0, -1, 8]), (0x00281201, "OW", b"\0\0")],
        [(0x60000010, "US", 7), (0x60000011, "US", 9), (0x60000102, "US", 15), (0x60003000, "OW", b"\0\0")],
        [(0x00091010, "AT", b"\x10\0\x20\0"), (0x00091011, "SL", -7), (0x00091012, "UL", 7), (0x00091013, "SS", -1)],
        [(0x00091014, "SV", b"\xff" * 8), (0x00091015, "UV", b"\xff" * 8), (0x00091016, "UN", b"\x1b$B")],
        [(0x00080005, "CS", "ISO_IR 100"), (0x00100010, "PN", b"\xc4^\xd6"), (0x00104000, "LT", "a\\b\r\n")],
        [(0x07A1100A, "OW", b"\0\0")],
        [(0x00281052, "DS", "-1e+2"), (0x00281053, "DS", "+2.5E-1")],
        [(0x00281052, "SL", -7), (0x00281053, "FL", 1.5), (0x00281050, "FD", 40.5), (0x00281051, "FL", 400.5)],
        [(0x00287FE0, "UR", "http://a")],
        [(0x00280002, "US", 3)],
    ]
    for extra in extras:
        yield s.image(PIXELS[0], extra=extra)
        yield s.image(PIXELS, extra=extra, syntax=s.IMPLICIT_LE)
        yield s.dataset(extra)
    for tag in (0x00280010, 0x00280011, 0x00280100, s.PIXEL_DATA):
        yield s.image(PIXELS[0], without=[tag])
    for changed in ((0x00280100, 65), (0x00280101, 17), (0x00280002, 2), (0x00280010, 65535), (0x00280011, 0)):
        yield s.image(PIXELS[0], extra=[(changed[0], "US", changed[1])])
    yield s.image(PIXELS[0], extra=[(0x00280008, "IS", 99_999)])
    yield s.image(PIXELS[0], extra=[(0x00280002, "US", 4), (0x00280004, "CS", "MONOCHROME1")])
    yield s.image(PIXELS[0], syntax=s.DEFLATED)
    yield bytes(128) + b"DICM" + s.file_meta(s.DEFLATED) + s.elements(EXTRA)
    for floats in (np.float32, np.float64):
        yield s.image(PIXELS[0].astype(floats), extra=[(0x00280100, "US", 16)])
    for photometric in ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "HSV", "ARGB", "CMYK", "YBR_ICT"):
        yield s.image(PIXELS[0], photometric=photometric)
        yield s.image(np.zeros((4, 6, 3), np.uint8), photometric=photometric)
    yield s.dataset([(0x00081140, "SQ", [[]] * 3)] * 3 + [(0x0008114A, "OB", bytes(20))])
    large = s.header(0x00091010, "OB", 4096, s.LITTLE)
    sequence = s.header(0x00081140, "SQ", s.UNDEFINED, s.LITTLE) + s.tag_bytes(0xFFFEE000) + b"\xff" * 4
    yield s.dataset([(0x00080005, "CS", ""), large])
    yield s.dataset([(0x00080005, "CS", ""), sequence + large])
    yield s.dataset([sequence * 12])
    unknown = s.header(0x00091010, "UN", s.UNDEFINED, s.LITTLE)
    yield s.dataset([unknown + s.tag_bytes(0xFFFEE000) + b"\xff" * 4 + unknown])


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
    last = streams.jpeg_2000(64, 64, precincts=[0x44] * 6)
    yield last
    # Part 2 (Rsiz has its highest bit), with a component transform and with an extension that is not read.
    siz = 4 + int.from_bytes(last[4:6], "big")
    for marker in (0x74, 0x79):
        yield last[:6] + b"\x80" + last[7:siz] + bytes([0xFF, marker, 0, 4, 0, 0]) + last[siz:]
    # Components that differ, one of them subsampled.
    three = bytearray(streams.jpeg_2000(30, 40, components=3))
    three[42 + 3 : 42 + 6] = bytes([0x8B, 2, 1])
    yield bytes(three)


def coded() -> Iterator[bytes]:
    """A small file of each codec that the core calls, and cells that only some of them have."""
    one = PIXELS[0]
    for pixels, bits in ((one, 12), (one & 255, 8)):
        kind = np.uint8 if bits == 8 else np.uint16
        native = pixels.astype(kind)
        streams_of = {
            "70": encode(pixels[..., None].astype(int), bits, 1),
            "80": bytes(imagecodecs.jpegls_encode(native)),
            "90": bytes(imagecodecs.jpeg2k_encode(native, level=0, codecformat="j2k", reversible=True)),
            "201": bytes(imagecodecs.htj2k_encode(native, reversible=True)),
        }
        for last, stream in streams_of.items():
            head = s.image(native, bits_stored=bits, without=[s.PIXEL_DATA], syntax=f"1.2.840.10008.1.2.4.{last}")
            yield head + s.elements(s.encapsulate([stream]))
            yield head.replace(b"\x0c\0", b"\x0a\0") + s.elements(s.encapsulate([stream]))
    colour = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    for last, stream in (("70", encode(colour.astype(int), 8, 1)), ("80", bytes(imagecodecs.jpegls_encode(colour)))):
        for photometric in ("RGB", "YBR_FULL"):
            head = s.image(
                colour, photometric=photometric, without=[s.PIXEL_DATA], syntax=f"1.2.840.10008.1.2.4.{last}"
            )
            yield head + s.elements(s.encapsulate([stream]))
    for photometric, planar in itertools.product(("RGB", "YBR_FULL"), (0, 1)):
        yield s.image(colour, photometric=photometric, planar=planar, syntax=s.RLE)
    for syntax in (s.EXPLICIT_BE, s.GE_PRIVATE):
        yield s.image(colour, photometric="RGB", planar=1, syntax=syntax)
        yield s.image(PIXELS & 255, allocated=8, bits_stored=8, syntax=syntax)
    for extra in ([(0x00281050, "DS", "40"), (0x00281051, "DS", "400")], [(0x20500020, "CS", "INVERSE")]):
        yield s.image(PIXELS, extra=extra, bits_stored=12)
        yield s.image(PIXELS, extra=[*extra, (0x00281056, "CS", "LINEAR_EXACT")], photometric="MONOCHROME1")
    yield s.image(PIXELS, extra=[(0x3004000E, "DS", "0.5")], bits_stored=10, high_bit=13)
    yield s.image(colour, photometric="RGB", allocated=16, bits_stored=10, high_bit=12)


def partly_held() -> Iterator[bytes]:
    """Files of which more than 8 KiB are in memory, and the pixel data are not."""
    front: list[s.Element] = [(0x00091010, "OB", bytes(11_000))]
    colour = np.random.default_rng(1).integers(0, 256, (6, 8, 3), np.uint8)
    for pixels, options in (
        (PIXELS, {"bits_stored": 12}),
        (PIXELS, {"bits_stored": 12, "syntax": s.RLE, "table": "full", "fragments": 2}),
        (np.resize(PIXELS, (10, 1, 2)), {"bits_stored": 12, "syntax": s.RLE, "table": "full"}),
        (PIXELS, {"bits_stored": 12, "syntax": s.RLE, "table": "extended", "fragments": 1}),
        (PIXELS, {"bits_stored": 12, "syntax": s.RLE, "table": "none", "fragments": 2}),
        (PIXELS[0], {"bits_stored": 12, "syntax": s.RLE, "table": "none", "fragments": 20}),
        (PIXELS & 1, {"allocated": 1, "bits_stored": 1}),
        (PIXELS, {"bits_stored": 12, "syntax": s.EXPLICIT_BE}),
        (colour, {"photometric": "YBR_FULL", "planar": 1}),
    ):
        yield s.image(pixels, extra=front, **options)


def requests() -> Iterator[bytes]:
    """Options of core.c, in front of which the file lies: the last byte comes first."""
    whole, region = [0, 0, 0, 0, 0], [4, 3, 1, 2, 0x80]
    for area, frames, color, how in (
        (whole, (0, 0, 0, 0), 0, 0),
        (whole, (1, 1, 0, 0x20), 1, 0x21),
        (region, (1, 2, 255, 0x31), 25, 0x42),
        (whole, (255, 2, 0, 0x46), 50, 0x63),
        (region, (1, 1, 0, 0x15), 15, 0x17),
        (whole, (0, 0, 0, 4), 60, 0x0B),
    ):
        yield bytes([*area, *frames, color, how])
    yield bytes([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
    yield bytes([*whole, 0, 0, 0, 0, 0, 0x60])  # all frames, as they are stored, with the end of the file not held
    yield bytes([*whole, 0, 0, 0, 0, 45, 0x61])
    for how in (0x23, 0x40, 0x5B, 0xC0, 0xE0):
        yield bytes([*whole, 0, 0, 0, 0, 45, how])
    for how in (0x20, 0x41, 0xA0):  # rows that are not held
        yield bytes([*region, 0, 0, 0, 0, 45, how])


def loops() -> Iterator[bytes]:
    """Options of cells.c, from the last byte on: which loop, the size of a cell, then what it takes."""
    for loop, size, a in itertools.product((1, 2, 3, 4, 5, 6), range(4), (0, 1, 9, 200)):
        yield bytes([0, a, a, a, a, size, loop])
    for source, target in itertools.product(range(10), range(11)):
        for form in range(6):
            yield bytes([255 * (target == 0 and form == 1), 1, 3, form, 100, 190, 2, 5, 24, target, source, 0, 0])
        yield bytes([0, 0, 0, 1, 100, 190, 2, 5, 24, target, source, 0, 0])
    for source, target, palette in itertools.product(range(4), (0, 2, 4, 9, 10), (7, 8)):
        yield bytes([17, 3, 0, 2, target, source, 0, palette])


#: Target -> streams, and the options that are put behind each.
TARGETS = {
    "reading": (lambda: [*files(), *odd_headers()], [b"\0", b"\1", b"\7", b"\x19", b"\x60"]),
    "core": (lambda: [*files(), *coded(), *partly_held()], list(requests())),
    "rle": (frames, [b"\0\10\6\0", b"\0\10\6\100", b"\0\10\6\4", b"\0\7\4\1", b"\0\7\4\11"]),
    "ljpeg": (lossless, [b"\17", b"\36"]),
    "preflight": (codestreams, [b"\0", b"\5"]),
    "cells": (lambda: [bytes(range(64)), bytes(64)], list(loops())),
}


def main(target: str, folder: str) -> None:
    made, options = TARGETS[target]
    for i, (stream, behind) in enumerate(itertools.product(made(), options)):
        Path(folder, str(i)).write_bytes(stream + behind)


if __name__ == "__main__":
    main(*sys.argv[1:])
