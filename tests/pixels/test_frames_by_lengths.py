"""Fragments that hold cells, plain or deflated: which of them make a frame is told by lengths alone (PS3.5 A.4)."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.test_odd_files import codes, everywhere

RNG = np.random.default_rng(11)
CELLS = {
    "u1": RNG.integers(0, 256, (3, 5, 7), np.uint8),  # of an odd number of bytes
    "i2": RNG.integers(-32768, 32768, (3, 6, 40), np.int16),
    "rgb": RNG.integers(0, 256, (3, 4, 6, 3), np.uint8),
    "black": np.zeros((3, 6, 8), np.uint16),
}


def plain(kind: str) -> list[bytes]:
    return [frame.tobytes() for frame in CELLS[kind]]


def deflated(kind: str) -> list[bytes]:
    return [s.deflate_frame(cells) for cells in plain(kind)]


def file_of(kind: str, syntax: str, items: list[bytes], frames: int = 3, end: bytes = b"") -> bytes:
    """A file of these items, the first of them where the Basic Offset Table should be."""
    photometric = "RGB" if kind == "rgb" else "MONOCHROME2"
    data = s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE) + b"".join(map(s.item, items))
    data += s.tag_bytes(0xFFFEE0DD) + bytes(4) + end
    options = {"photometric": photometric, "without": [s.PIXEL_DATA], "trailing": data}
    return s.image(CELLS[kind][:frames], syntax=syntax, **options)  # type: ignore[arg-type]


def parts(data: bytes, *sizes: int) -> list[bytes]:
    found = []
    for size in sizes:
        found.append(data[:size])
        data = data[size:]
    return [*found, data]


@pytest.mark.parametrize("kind", CELLS)
def test_cells_cut_anywhere(kind: str, tmp_path: Path) -> None:
    """In fragments of each frame, padded or not; in one fragment; in fragments that end inside of frames."""
    frames = plain(kind)
    size = len(frames[0])
    even = size & ~1
    padded = [frame + b"\0" * (size % 2) for frame in frames]
    cases = {
        "two a frame": [part for frame in padded for part in parts(frame, 10)],
        "one to three a frame": [*parts(padded[0], 4, 8), padded[1], *parts(padded[2], 2)],
        "empty ones between": [part for frame in padded for part in [*parts(frame, 10), b""]],
        "all in one": [b"".join(frames)],
        "all in one, padded": [b"".join(padded)],
        "cut inside of frames": parts(b"".join(frames), 2 * (size // 3), even, 8),
        "as many as frames, but others": parts(b"".join(frames), 2 * (size // 3), even),
    }
    for name, items in cases.items():
        for table in (b"", struct.pack("<3I", 0, 7, 9)):  # one that lies
            contents = file_of(kind, s.ENCAPSULATED_UNCOMPRESSED, [table, *items])
            everywhere(contents, CELLS[kind], tmp_path)
            np.testing.assert_array_equal(dd.imread(contents, values="stored", frames=2), CELLS[kind][2], err_msg=name)
            assert table or "offset_table" in codes(contents)


@pytest.mark.parametrize("kind", CELLS)
def test_deflated_frames_of_several_fragments(kind: str, tmp_path: Path) -> None:
    """A frame ends where its deflate stream does."""
    streams = deflated(kind)
    cases = [
        [part for stream in streams for part in parts(stream, 4)],
        [*parts(streams[0], 2, 4), streams[1], *parts(streams[2], 6)],
        [*parts(streams[0], 2), b"", *streams[1:], b""],
        [*streams, streams[0]],
    ]
    for items in cases:
        contents = file_of(kind, s.DEFLATED_FRAME, [b"", *items])
        everywhere(contents, CELLS[kind], tmp_path)
        np.testing.assert_array_equal(dd.imread(contents, values="stored", frames=2), CELLS[kind][2])
        assert "offset_table" in codes(contents)
    zlib_streams = [zlib.compress(cells) for cells in plain(kind)]
    everywhere(
        file_of(kind, s.DEFLATED_FRAME, [b"", *(part for x in zlib_streams for part in parts(x, 6))]),
        CELLS[kind],
        tmp_path,
    )


@pytest.mark.parametrize("syntax", [s.ENCAPSULATED_UNCOMPRESSED, s.DEFLATED_FRAME])
@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("frames", [1, 3])
def test_no_offset_table_at_all(kind: str, syntax: str, frames: int, tmp_path: Path) -> None:
    streams = plain(kind) if syntax == s.ENCAPSULATED_UNCOMPRESSED else deflated(kind)
    want = CELLS[kind][:frames] if frames > 1 else CELLS[kind][0]
    for end in (b"", s.element(0xFFFCFFFC, "OB", bytes(20))):
        contents = file_of(kind, syntax, streams[:frames], frames, end)
        everywhere(contents, want, tmp_path)
        assert ("offset_table" in codes(contents)) == (frames > 1)


def test_cells_under_another_name(tmp_path: Path) -> None:
    """All frames in one fragment, of a native transfer syntax and of a codec's."""
    for syntax in (s.EXPLICIT_LE, "1.2.840.10008.1.2.4.80"):
        contents = file_of("i2", syntax, [b"", b"".join(plain("i2"))])
        everywhere(contents, CELLS["i2"], tmp_path)
        assert "stream_codec" in codes(contents)


def test_lengths_that_leave_a_doubt() -> None:
    """Bytes more or fewer than all frames have; streams that end inside a fragment, or give more or less."""
    frames, streams = plain("i2"), deflated("i2")
    halves = [part for frame in frames for part in parts(frame, 100)]
    for items in (halves[:-1], [*halves, bytes(4)], [bytes(4), *halves], [b"".join(frames) + bytes(4)]):
        with pytest.raises(dd.DicomError):
            dd.imread(file_of("i2", s.ENCAPSULATED_UNCOMPRESSED, [b"", *items]))
    cut = [part for stream in streams for part in parts(stream, 100)]
    wrong = s.deflate_frame(bytes(4 * len(frames[0])))
    for items in (
        cut[:-1],
        [b"\xff\xff", *cut],
        [*parts(streams[0] + streams[1], 100), streams[2], b"\0\0"],
        [*parts(wrong, 10), *cut],
        [*parts(s.deflate_frame(frames[0][:-2]), 100), *cut],
        [*parts(streams[0] + bytes(4), 100), *cut],
    ):
        with pytest.raises(dd.DicomError):
            dd.imread(file_of("i2", s.DEFLATED_FRAME, [b"", *items]))


def test_an_offset_table_is_no_frame() -> None:
    """Where the last frame is missing, the table is not taken for the first one."""
    for syntax in (s.ENCAPSULATED_UNCOMPRESSED, s.DEFLATED_FRAME):
        streams = plain("i2") if syntax == s.ENCAPSULATED_UNCOMPRESSED else deflated("i2")
        for table in ([0, 18, 26], [9, 9, 9], [0, 500], [0]):
            contents = file_of("i2", syntax, [struct.pack(f"<{len(table)}I", *table), *streams[:2]])
            np.testing.assert_array_equal(dd.imread(contents, values="stored", frames=[0, 1]), CELLS["i2"][:2])
            with pytest.raises(dd.TruncatedError):
                dd.imread(contents, frames=2)


def test_frames_that_are_much_when_inflated() -> None:
    """They are not looked for: a small file would cost long."""
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = stream.compress(bytes(1 << 20)) + stream.flush()
    pixels = np.zeros((1, 1024, 1024), np.uint8)
    items = s.item(b"") + (s.item(data[:100]) + s.item(data[100:])) * 1100
    trailing = s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE) + items + s.tag_bytes(0xFFFEE0DD) + bytes(4)
    options = {"without": [s.PIXEL_DATA], "trailing": trailing, "syntax": s.DEFLATED_FRAME}
    few = s.image(pixels, number_of_frames=1100, **options)  # type: ignore[arg-type]
    with pytest.raises(dd.DicomError):
        dd.imread(few, frames=1)
