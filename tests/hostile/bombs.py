"""Files that ask for much with little, by name; and the verdict on each.

`python -m tests.hostile.bombs` runs each in a child and prints one line of JSON: CPU seconds of the call, bytes of
memory above what the process had, and how it ended. `tests/hostile/test_bombs.py` judges.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import struct
import sys
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

import dicomdecode as dd
from tests import synthesise as s
from tests.hostile import streams
from tests.hostile.measuring import MB, Bomb, run

JPEG, PROGRESSIVE, LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.55", "1.2.840.10008.1.2.4.70"
JPEG_LS, JPEG_2000, HT, JPEG_XL = (f"1.2.840.10008.1.2.4.{n}" for n in (80, 90, 201, 110))


def stored(contents: Any) -> Any:
    return dd.imread(contents, values="stored")


def displayed(contents: Any) -> Any:
    return dd.imread(contents, values="display")


def head(rows: int, columns: int, *, samples: int = 1, bits: int = 8, frames: int = 1, allocated: int = 0) -> list[Any]:
    allocated = allocated or (8 if bits <= 8 else 16)
    found: list[Any] = [(0x00280002, "US", samples), (0x00280004, "CS", "MONOCHROME2" if samples == 1 else "RGB")]
    found += [(0x00280006, "US", 0)] if samples > 1 else []
    found += [(0x00280008, "IS", frames)] if frames > 1 else []
    numbers = (rows, columns, allocated, bits, bits - 1, 0)
    return found + [
        (t, "US", n) for t, n in zip((0x280010, 0x280011, 0x280100, 0x280101, 0x280102, 0x280103), numbers, strict=True)
    ]


def coded(syntax: str, stream: bytes, rows: int, columns: int, **options: Any) -> bytes:
    """A file of one codestream, given for each of its frames."""
    frames = [stream] * options.pop("streams", 1)
    return s.dataset([*head(rows, columns, **options), *s.encapsulate(frames)], syntax=syntax)


def native(extra: list[Any], pixels: np.ndarray | None = None) -> bytes:
    return s.image(np.zeros((4, 4), np.uint16) if pixels is None else pixels, extra=extra)


def zeros_deflated(front: bytes, size: int) -> bytes:
    """`front` and `size` zeros as a deflate stream: one block that repeats."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    out = deflate.compress(front) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(bytes(MB)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return out + block * (size // MB) + deflate.compress(bytes(size % MB)) + deflate.flush()


def deflated(size: int, rows: int = 16, pixels: bool = True) -> bytes:
    """A deflated data set with `size` zeros."""
    header = s.header(s.PIXEL_DATA if pixels else 0x00091010, "OB", size, s.LITTLE)
    front = s.elements(head(rows, rows)) + header if pixels else header
    return bytes(128) + b"DICM" + s.file_meta(s.DEFLATED) + zeros_deflated(front, size)


def deflated_noise(rows: int) -> bytes:
    """A deflated picture that is no smaller than what it holds."""
    pixels = np.random.default_rng(1).bytes(rows * rows)
    deflate = zlib.compressobj(0, zlib.DEFLATED, -15)
    body = deflate.compress(s.elements([*head(rows, rows), (s.PIXEL_DATA, "OB", pixels)])) + deflate.flush()
    return bytes(128) + b"DICM" + s.file_meta(s.DEFLATED) + body


def deflated_frame(size: int, rows: int, columns: int) -> bytes:
    return coded(s.DEFLATED_FRAME, zeros_deflated(b"", size), rows, columns)


def items(tag: int, count: int, item: bytes = b"") -> bytes:
    """A file with a sequence of `count` items."""
    body = (s.tag_bytes(0xFFFEE000) + struct.pack("<I", len(item)) + item) * count
    sequence = s.header(tag, "SQ", len(body), s.LITTLE) + body
    return (
        native([sequence]) if tag > 0x00280103 else s.dataset([sequence, *head(4, 4), (s.PIXEL_DATA, "OB", bytes(16))])
    )


def groups(count: int, item: Callable[[int], bytes], rows: int = 1) -> bytes:
    """A file with functional groups for `count` frames."""
    parts = [item(i) for i in range(count)]
    body = b"".join(s.tag_bytes(0xFFFEE000) + struct.pack("<I", len(part)) + part for part in parts)
    sequence = s.header(0x52009230, "SQ", len(body), s.LITTLE) + body
    pixels = bytes(2 * count * rows * rows)
    return s.dataset([*head(rows, rows, bits=16, frames=count), sequence, (s.PIXEL_DATA, "OW", pixels)])


def rescaled_group(i: int) -> bytes:
    return s.element(0x00289145, "SQ", [[(0x00281052, "DS", str(i)), (0x00281053, "DS", "1")]])


def sigmoid_group(i: int) -> bytes:
    window = [(0x00281050, "DS", str(i)), (0x00281051, "DS", "100"), (0x00281056, "CS", "SIGMOID")]
    return s.element(0x00289132, "SQ", [window])


def lut_group(i: int) -> bytes:
    lut = [(0x00283002, "US", [64, i % 65536, 16]), (0x00283006, "OW", bytes(128))]
    return s.element(0x00289132, "SQ", [[(0x00283010, "SQ", [lut])]])


def fragments(count: int, size: int, frames: int = 1) -> bytes:
    pixels = s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE) + s.item(b"")
    pixels += s.item(bytes(size)) * count + s.tag_bytes(0xFFFEE0DD) + bytes(4)
    return s.dataset([*head(16, 16, frames=frames), pixels], syntax=s.RLE)


def rle(segment: bytes, rows: int, columns: int, **options: Any) -> bytes:
    return coded(s.RLE, struct.pack("<16I", 1, 64, *[0] * 14) + segment, rows, columns, **options)


def rle_in_fragments(count: int) -> bytes:
    """A frame of runs of one byte, each in a fragment of its own."""
    first = struct.pack("<16I", 1, 64, *[0] * 14)
    items = b"".join(map(s.item, [b"", first, *[b"\0\0"] * count])) + s.tag_bytes(0xFFFEE0DD) + bytes(4)
    return s.dataset([*head(2000, 2000), s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE) + items], syntax=s.RLE)


def frames_without_ends(count: int, syntax: str, frames: int, table: bytes = b"") -> bytes:
    """Fragments of which none says that it ends a frame."""
    items = b"".join(map(s.item, [table, *[b"\xff\xd8" * 100] * count])) + s.tag_bytes(0xFFFEE0DD) + bytes(4)
    front = s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE)
    return s.dataset([*head(16, 16, frames=frames), front + items], syntax=syntax)


def black_jpeg_ls(size: int) -> bytes:
    import imagecodecs

    return bytes(imagecodecs.jpegls_encode(np.zeros((size, size), np.uint8)))


def windows(text: str, vr: str = "DS") -> bytes:
    """Very many windows, in implicit VR where the dictionary says that they are numbers."""
    extra = [(0x00281050, vr, "40\\" * 8_000_000 + "1"), (0x00281051, vr, text * 8_000_000 + "1")]
    return s.image(np.zeros((4, 4), np.uint16), syntax=s.IMPLICIT_LE, extra=extra)


def text_with(escapes: bytes, count: int) -> bytes:
    return native([(0x00080005, "CS", "ISO 2022 IR 6\\ISO 2022 IR 87"), (0x00104000, "UT", escapes * count)])


def nested(levels: int, undefined: bool = True) -> bytes:
    inner = b""
    for _ in range(levels):
        inner = s.element(0x00081140, "SQ", [[inner]], s.Encoding(True, False, undefined, undefined))
    return s.dataset([inner, *head(4, 4), (s.PIXEL_DATA, "OB", bytes(16))])


def palette(segments: list[int], entries: int = 65536) -> bytes:
    words = np.array(segments, np.uint16)
    extra: list[Any] = [(0x00281101 + i, "US", [entries % 65536, 0, 16]) for i in range(3)]
    extra += [(0x00281221 + i, "OW", words) for i in range(3)]
    return s.image(np.zeros((4, 4), np.uint16), photometric="PALETTE COLOR", extra=extra)


def real_world(count: int) -> bytes:
    item = [(0x00409211, "US", 65535), (0x00409216, "US", 0), (0x00409212, "OD", bytes(8 * 65536))]
    return native([(0x00409096, "SQ", [item] * count)])


def video(stream: bytes, syntax: str) -> bytes:
    return coded(f"1.2.840.10008.1.2.4.{syntax}", stream, 48, 64, samples=3, frames=2)


class Endless(io.RawIOBase):
    def __init__(self, front: bytes) -> None:
        self.front = io.BytesIO(front)

    def read(self, size: int = -1, /) -> bytes:
        return self.front.read(size) or bytes(size)


ZEROS_4_MB = bytes(4 * MB + 300_000)
EMPTY_PACKETS = bytes(1 << 16)

BOMBS: dict[str, Bomb] = {
    # Sources.
    "device of zeros": Bomb("refused", lambda: "/dev/zero", stored),
    "device of noise": Bomb("refused", lambda: "/dev/urandom", stored),
    "endless stream": Bomb("refused", lambda: Endless(b""), stored),
    "endless DICOM stream": Bomb(
        "refused",
        lambda: Endless(s.image(np.zeros((4, 4), np.uint8))),
        lambda source: dd.imread(source, limits=dd.Limits.strict(stream_bytes=16 * MB)),
    ),
    "a billion frames asked for": Bomb(
        "refused", lambda: native([]), lambda contents: dd.imread(contents, frames=range(10**9))
    ),
    # Deflate.
    "deflated pixels": Bomb("refused", lambda: deflated(2000 * MB), stored),
    "deflated pixels, tags alone": Bomb(
        "refused", lambda: deflated(2000 * MB), lambda contents: dd.open(contents).tag("Rows")
    ),
    "deflated element": Bomb("refused", lambda: deflated(500 * MB, pixels=False), dd.open),
    "deflated elements": Bomb(
        "refused", lambda: s.dataset([s.element(0x00080005, "CS", "") * 6_000_000], syntax=s.DEFLATED), dd.open
    ),
    "deflated black picture": Bomb(
        "decodes", lambda: s.image(np.zeros((2048, 2048), np.uint16), syntax=s.DEFLATED), stored
    ),
    "deflated noise": Bomb("decodes", lambda: deflated_noise(10_000), stored),
    "deflated frame": Bomb("decodes", lambda: deflated_frame(100_000_000, 10_000, 10_000), stored),
    "deflated frame that is longer": Bomb("decodes", lambda: deflated_frame(500 * MB, 512, 512), stored),
    "deflated frame that is short": Bomb("refused", lambda: deflated_frame(1000, 32_000, 32_000), stored),
    # JPEG.
    "JPEG without data": Bomb("refused", lambda: coded(JPEG, streams.jpeg(32767, 32767), 32767, 32767), stored),
    "JPEG of too few bits": Bomb(
        "refused", lambda: coded(JPEG, streams.jpeg(32767, 32767, payload=bytes(200_000)), 32767, 32767), stored
    ),
    "JPEG of tiny chroma": Bomb(
        "refused",
        lambda: coded(
            JPEG,
            streams.jpeg(30_000, 30_000, components=3, sampling=[0x41, 0x14, 0x11], payload=bytes(200_000)),
            30_000,
            30_000,
            samples=3,
        ),
        stored,
    ),
    "JPEG of one code, cut": Bomb(
        "refused", lambda: coded(JPEG, streams.jpeg(512, 512, payload=bytes(1000)), 512, 512), stored
    ),
    "JPEG of one code, black": Bomb(
        "decodes", lambda: coded(JPEG, streams.jpeg(4096, 4096, payload=bytes(65_536)), 4096, 4096), stored
    ),
    "progressive JPEG of many scans": Bomb(
        "refused",
        lambda: coded(
            PROGRESSIVE,
            streams.jpeg(8192, 8192, process=0xC2, payload=bytes(131_072), scans=199, ac=([0, 1], [0xE0])),
            8192,
            8192,
        ),
        stored,
    ),
    "progressive JPEG of 300 scans": Bomb(
        "refused",
        lambda: coded(
            PROGRESSIVE, streams.jpeg(64, 64, process=0xC2, payload=bytes(64), scans=300, ac=([0, 1], [0xE0])), 64, 64
        ),
        stored,
    ),
    "progressive JPEG without data": Bomb(
        "refused", lambda: coded(PROGRESSIVE, streams.jpeg(32767, 32767, process=0xC2), 32767, 32767), stored
    ),
    "lossless JPEG without data": Bomb(
        "refused", lambda: coded(LOSSLESS, streams.jpeg(32767, 32767, process=0xC3), 32767, 32767), stored
    ),
    "lossless JPEG of too few bits": Bomb(
        "refused",
        lambda: coded(LOSSLESS, streams.jpeg(16384, 16384, process=0xC3, payload=bytes(100_000)), 16384, 16384),
        stored,
    ),
    "arithmetic JPEG without data": Bomb(
        "refused", lambda: coded(JPEG, streams.jpeg(32767, 32767, process=0xC9), 32767, 32767), stored
    ),
    # JPEG-LS.
    "JPEG-LS without data": Bomb(
        "refused", lambda: coded(JPEG_LS, streams.jpeg_ls(65535, 65535), 65535, 65535), stored
    ),
    "JPEG-LS of too few rows": Bomb(
        "refused",
        lambda: coded(JPEG_LS, streams.jpeg_ls(60_000, 16384, payload=b"\xff\x7f" * 50), 60_000, 16384),
        stored,
    ),
    "JPEG-LS, black": Bomb("decodes", lambda: coded(JPEG_LS, black_jpeg_ls(8192), 8192, 8192), stored),
    "JPEG-LS, black, displayed": Bomb("decodes", lambda: coded(JPEG_LS, black_jpeg_ls(16384), 16384, 16384), displayed),
    # JPEG 2000, HTJ2K, JPEG XL.
    "JPEG 2000 of empty packets": Bomb(
        "refused", lambda: coded(JPEG_2000, streams.jpeg_2000(16384, 16384), 16384, 16384), stored
    ),
    "JPEG 2000, black": Bomb("decodes", lambda: coded(JPEG_2000, streams.jpeg_2000(4096, 5120), 4096, 5120), stored),
    "JPEG 2000 of small code-blocks": Bomb(
        "refused", lambda: coded(JPEG_2000, streams.jpeg_2000(8192, 8192, blocks=(0, 0)), 8192, 8192), stored
    ),
    "JPEG 2000 of many layers": Bomb(
        "decodes", lambda: coded(JPEG_2000, streams.jpeg_2000(4096, 4096, layers=10_000), 4096, 4096), stored
    ),
    "JPEG 2000 of more layers than bytes": Bomb(
        "refused",
        lambda: coded(JPEG_2000, streams.jpeg_2000(4096, 4096, layers=65535, packets=b"\0"), 4096, 4096),
        stored,
    ),
    "JPEG 2000 of many tiles": Bomb(
        "refused",
        lambda: coded(JPEG_2000, streams.jpeg_2000(256, 256, tile=(1, 2), levels=0, tile_parts=1), 256, 256),
        stored,
    ),
    "JPEG 2000 of small tiles": Bomb(
        "decodes", lambda: coded(JPEG_2000, streams.jpeg_2000(2000, 2000, tile=(8, 8), levels=0), 2000, 2000), stored
    ),
    "JPEG 2000 of small precincts": Bomb(
        "refused", lambda: coded(JPEG_2000, streams.jpeg_2000(4096, 4096, precincts=[0x11] * 6), 4096, 4096), stored
    ),
    "JPEG 2000 of many tile-parts": Bomb(
        "decodes", lambda: coded(JPEG_2000, streams.jpeg_2000(64, 64, tile_parts=100_000), 64, 64), stored
    ),
    "JPEG 2000 of 32 levels": Bomb(
        "decodes", lambda: coded(JPEG_2000, streams.jpeg_2000(4096, 4096, levels=32), 4096, 4096), stored
    ),
    "JPEG 2000, four components": Bomb(
        "refused",
        lambda: coded(JPEG_2000, streams.jpeg_2000(16384, 16384, components=3), 16384, 16384, samples=3),
        stored,
    ),
    "HTJ2K of empty packets": Bomb(
        "refused", lambda: coded(HT, streams.jpeg_2000(16384, 16384, high_throughput=True), 16384, 16384), stored
    ),
    "HTJ2K of many frames": Bomb(
        "refused",
        lambda: coded(HT, streams.jpeg_2000(4096, 4096, high_throughput=True), 4096, 4096, frames=1000, streams=1000),
        stored,
    ),
    "JPEG XL without data": Bomb(
        "refused", lambda: coded(JPEG_XL, streams.jpeg_xl(30_000, 30_000), 30_000, 30_000), stored
    ),
    # RLE and native cells.
    "RLE of too few bytes": Bomb("refused", lambda: rle(b"\x81\0" * 100, 65535, 65535), stored),
    "RLE, black": Bomb("decodes", lambda: rle(b"\x81\0" * 131_072, 4096, 4096), stored),
    "RLE of no-ops": Bomb("refused", lambda: rle(b"\x80" * 1_000_000, 4096, 4096), stored),
    "native pixels that are not there": Bomb(
        "refused", lambda: s.dataset([*head(65535, 65535, bits=16), (s.PIXEL_DATA, "OW", bytes(100))]), stored
    ),
    "four million frames of nothing": Bomb(
        "refused",
        lambda: s.dataset([*head(65535, 65535, bits=16, frames=4_000_000), (s.PIXEL_DATA, "OW", bytes(100))]),
        stored,
    ),
    "a window of many pixels": Bomb(
        "decodes",
        lambda: native([], np.arange(36_000_000, dtype=np.uint16).reshape(6000, 6000)),
        lambda contents: dd.imread(contents, values="display", window="auto"),
    ),
    "one bit a pixel": Bomb(
        "decodes",
        lambda: s.dataset([*head(10_000, 10_000, bits=1, allocated=1), (s.PIXEL_DATA, "OB", bytes(12_500_000))]),
        stored,
    ),
    "one bit a pixel, as floats": Bomb(
        "decodes",
        lambda: s.dataset([*head(8000, 8000, bits=1, allocated=1), (s.PIXEL_DATA, "OB", bytes(8_000_000))]),
        lambda contents: dd.imread(contents, dtype="float32"),
    ),
    # Elements, items, fragments.
    "JP2 boxes": Bomb(
        "refused",
        lambda: coded(JPEG_2000, b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0\0\0\x08free" * 1_000_000, 64, 64),
        stored,
    ),
    "comments of JPEG": Bomb(
        "decodes",
        lambda: coded(
            JPEG, b"\xff\xd8" + b"\xff\xfe\0\2" * 2_000_000 + streams.jpeg(64, 64, payload=bytes(64))[2:], 64, 64
        ),
        stored,
    ),
    "Number of Frames": Bomb("refused", lambda: native([(0x00280008, "IS", 2**31 - 1)]), stored),
    "empty elements": Bomb("refused", lambda: s.dataset([s.element(0x00080005, "CS", "") * 4_500_000]), dd.open),
    "items": Bomb("decodes", lambda: items(0x00081140, 2_700_000), stored),
    "items asked for": Bomb(
        "decodes", lambda: items(0x00081140, 2_700_000), lambda contents: len(dd.open(contents).tag(0x00081140))
    ),
    "items of VOI LUTs": Bomb("decodes", lambda: items(0x00283010, 800_000), displayed),
    "items of mappings": Bomb(
        "refused", lambda: items(0x00409096, 800_000), lambda contents: dd.imread(contents, values="real_world")
    ),
    "items of undefined length": Bomb(
        "decodes",
        lambda: native(
            [s.element(0x00283010, "SQ", [[] for _ in range(100_000)], s.Encoding(True, False, True, True))]
        ),
        displayed,
    ),
    "deep sequences": Bomb("refused", lambda: nested(300), dd.open),
    "deep sequences of known length": Bomb(
        "refused",
        lambda: nested(300, False),
        lambda contents: dd.open(contents).tag("[0008,1140]" + "[0][0008,1140]" * 250),
    ),
    "functional groups": Bomb(
        "decodes", lambda: groups(200_000, rescaled_group), lambda contents: dd.open(contents).pixels(frames=199_999)
    ),
    "functional groups, their issues": Bomb(
        "decodes", lambda: groups(200_000, rescaled_group), lambda contents: len(dd.open(contents).issues)
    ),
    "functional groups with a curve each": Bomb("decodes", lambda: groups(1000, sigmoid_group), displayed),
    "functional groups with a table each": Bomb("decodes", lambda: groups(1000, lut_group), displayed),
    "fragments": Bomb(
        "refused", lambda: fragments(2_000_000, 8, 2_000_000), lambda contents: dd.imread(contents, frames=1_999_999)
    ),
    "fragments, their issues": Bomb(
        "decodes", lambda: fragments(2_000_000, 8, 2_000_000), lambda contents: len(dd.open(contents).issues)
    ),
    "fragments of one RLE frame, as tensorflow-io reads them": Bomb(
        "refused",
        lambda: rle_in_fragments(10_000),
        lambda contents: dd.decode_dicom_image(contents, values="tfio", on_error="strict"),
    ),
    "fragments without ends, as tensorflow-io reads them": Bomb(
        "refused",
        lambda: frames_without_ends(40_000, JPEG_LS, 2),
        lambda contents: dd.decode_dicom_image(contents, values="tfio", on_error="strict"),
    ),
    "fragments and a table of other ends, as tensorflow-io reads them": Bomb(
        "refused",
        lambda: frames_without_ends(20_000, JPEG_2000, 19_999, bytes(80_000)),
        lambda contents: dd.decode_dicom_image(contents, values="tfio", on_error="strict"),
    ),
    "empty fragments": Bomb("refused", lambda: fragments(3_000_000, 0), stored),
    "planes of frames that are not there": Bomb(
        "refused",
        lambda: s.dataset(
            [*head(4, 4, frames=4_000_000), (0x00200032, "DS", "0\\0\\0"), (s.PIXEL_DATA, "OW", bytes(16))]
        ),
        lambda contents: dd.open(contents).position,
    ),
    # Texts, tables, numbers.
    "windows": Bomb("decodes", lambda: windows("400\\"), displayed),
    "windows that are too narrow": Bomb("decodes", lambda: windows("0\\"), displayed),
    "windows, their issues": Bomb("decodes", lambda: windows("400\\"), lambda contents: len(dd.open(contents).issues)),
    "escapes of ISO 2022": Bomb(
        "decodes",
        lambda: text_with(b"\x1b$B;3\x1b(B", 500_000),
        lambda contents: len(dd.open(contents).tag(0x00104000)),
    ),
    "escapes alone": Bomb(
        "decodes", lambda: text_with(b"\x1b", 4_000_000), lambda contents: len(dd.open(contents).tag(0x00104000))
    ),
    "segments that repeat segments": Bomb("refused", lambda: palette([2, 65535, 0, 0] * 20_000), stored),
    "segments of nothing": Bomb("refused", lambda: palette([0, 0] * 120_000), stored),
    "mapping tables": Bomb(
        "decodes", lambda: real_world(20), lambda contents: dd.imread(contents, values="real_world", window=19)
    ),
}

if importlib.util.find_spec("av"):
    BOMBS |= {
        f"{name} of many NAL units": Bomb(
            "refused", lambda unit=unit, syntax=syntax: video(unit * 1_000_000, syntax), stored
        )
        for name, unit, syntax in (("H.264", b"\0\0\0\1\x67", "102"), ("HEVC", b"\0\0\0\1\x42\1", "107"))
    }


def main(names: list[str]) -> None:
    from tests.hostile.bombs_of_faces import MORE

    warnings.simplefilter("error")
    # What is loaded once is no bomb's fault.
    for syntax in (s.EXPLICIT_LE, s.RLE, s.DEFLATED_FRAME):
        displayed(s.image(np.zeros((8, 8), np.uint16), syntax=syntax))
    for syntax, stream in (
        (JPEG, streams.jpeg(8, 8, payload=bytes(8))),
        (JPEG_2000, streams.jpeg_2000(8, 8, levels=0)),
        (HT, streams.jpeg_2000(8, 8, levels=0, high_throughput=True)),
        (JPEG_XL, streams.jpeg_xl(8, 8)),
    ):
        with contextlib.suppress(dd.DicomError):
            stored(coded(syntax, stream, 8, 8))
    small = s.image(np.zeros((8, 8), np.uint16))
    _ = dd.open(small).issues
    with contextlib.suppress(dd.DicomError):
        dd.read_series([small])
    dd.read_tags([small], ["Rows"])
    dd.decode_dicom_image(s.image(np.zeros((8, 8), np.uint16), syntax=s.RLE), values="tfio")
    for name, bomb in (BOMBS | MORE).items():
        if not names or name in names:
            print(json.dumps({"name": name} | run(bomb)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
