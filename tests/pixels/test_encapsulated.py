"""Encapsulated pixel data: from fragments to frames (PS3.5 A.4)."""

import _thread
import io
import itertools
import random
import struct
import time
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

FRAMES = np.random.default_rng(0).integers(0, 65536, (4, 6, 5), np.uint16)
SYNTAXES = [s.RLE, s.ENCAPSULATED_UNCOMPRESSED, s.DEFLATED_FRAME]
TABLES: list[s.Mode] = ["empty", "full", "extended", "lying"]


def stored(contents: bytes, **options: object) -> np.ndarray:
    return dd.imread(contents, values="stored", color="stored", **options)


def streams(syntax: str) -> list[bytes]:
    if syntax == s.RLE:
        return [s.rle_frame(f[..., None]) for f in FRAMES]
    if syntax == s.DEFLATED_FRAME:
        return [s.deflate_frame(f.tobytes()) for f in FRAMES]
    return [f.tobytes() for f in FRAMES]


def around(syntax: str, data: list[s.Element]) -> bytes:
    """A file of four frames with this pixel data element."""
    head: list[s.Element] = [
        (0x00280002, "US", 1),
        (0x00280004, "CS", "MONOCHROME2"),
        (0x00280008, "IS", len(FRAMES)),
        (0x00280010, "US", FRAMES.shape[1]),
        (0x00280011, "US", FRAMES.shape[2]),
        (0x00280100, "US", 16),
        (0x00280101, "US", 16),
        (0x00280102, "US", 15),
        (0x00280103, "US", 0),
    ]
    return s.dataset([*head, *data], syntax=syntax)


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("delimiter", [True, False], ids=["delimited", "to the end"])
def test_one_fragment_a_frame(syntax: str, table: s.Mode, delimiter: bool) -> None:
    contents = s.image(FRAMES, syntax=syntax, table=table, delimiter=delimiter)
    np.testing.assert_array_equal(stored(contents), FRAMES)
    np.testing.assert_array_equal(stored(contents, frames=2), FRAMES[2])
    np.testing.assert_array_equal(stored(contents, frames=[3, 0]), FRAMES[[3, 0]])


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("fragments", [2, 3, 7])
def test_several_fragments_a_frame(syntax: str, fragments: int) -> None:
    """The basic offset table says which fragments make a frame."""
    contents = s.image(FRAMES, syntax=syntax, table="full", fragments=fragments)
    np.testing.assert_array_equal(stored(contents), FRAMES)
    for i in range(len(FRAMES)):
        np.testing.assert_array_equal(stored(contents, frames=i), FRAMES[i])


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("table", ["empty", "full"])
def test_one_frame_in_many_fragments(syntax: str, table: s.Mode) -> None:
    """With one frame every fragment is of it, table or not."""
    contents = s.image(FRAMES[0], syntax=syntax, table=table, fragments=5)
    np.testing.assert_array_equal(stored(contents), FRAMES[0])


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_tables_that_lie(syntax: str) -> None:
    """A table that does not point at fragments is passed over, whatever it says."""
    body = b"".join(s.item(x) for x in streams(syntax))
    lengths = [8 + len(x) + len(x) % 2 for x in streams(syntax)]
    right = [0, *np.cumsum(lengths[:-1]).tolist()]
    rng = np.random.default_rng(5)
    tables = [
        [0, 0, 0, 0],
        right[:2],
        right[::-1],
        [o + 1 for o in right],
        [0xFFFFFFFF] * 4,
        [*right, 9],
        [0, 8, 16, 24],
    ]
    tables += [[*right[1:], sum(lengths)]]  # each entry points at a fragment: of the next frame
    tables += [rng.integers(0, len(body) * 2, 4).tolist() for _ in range(20)]
    for table in tables:
        data = (
            s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE) + s.item(struct.pack(f"<{len(table)}I", *table)) + body
        )
        contents = around(syntax, [data + s.tag_bytes(0xFFFEE0DD) + b"\0" * 4])
        np.testing.assert_array_equal(stored(contents), FRAMES, err_msg=str(table))
        for i in (0, 3):
            np.testing.assert_array_equal(stored(contents, frames=i), FRAMES[i], err_msg=str(table))


def test_extended_table_that_lies() -> None:
    for wrong in ([1, 2, 3, 4], [1 << 63] * 4, [0, 8, 16, 24], [0], [0, 8, 16, (1 << 64) - 4]):
        front: list[s.Element] = [
            (0x7FE00001, "OV", np.array(wrong, np.uint64)),
            (0x7FE00002, "OV", np.array([1 << 62] * len(wrong), np.uint64)),
        ]
        contents = around(s.RLE, [*front, *s.encapsulate(streams(s.RLE))])
        np.testing.assert_array_equal(stored(contents), FRAMES)
        if wrong != [0, 8, 16, 24]:  # which is seen to be wrong only where frames are read
            assert "offset_table" in [issue.code for issue in dd.open(contents).issues]


def test_empty_fragments_are_no_frames_lost() -> None:
    """Extra bytes behind the last frame, and a table item that is odd in length, change nothing."""
    body = b"".join(s.item(x) for x in streams(s.RLE))
    front = s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE) + s.item(b"")
    end = s.tag_bytes(0xFFFEE0DD) + b"\0" * 4
    for tail in (end + b"\0" * 6, end + s.element(0xFFFCFFFC, "OB", b"\0" * 20)):
        np.testing.assert_array_equal(stored(around(s.RLE, [front + body + tail])), FRAMES)


def test_embedded_delimiters() -> None:
    """Bytes that look like a delimiter inside a fragment are data."""
    pixels = np.frombuffer((s.tag_bytes(0xFFFEE0DD) + b"\0" * 4 + s.tag_bytes(0xFFFEE000) + b"\0" * 4) * 3, np.uint8)
    frames = np.stack([pixels.reshape(6, 8), pixels[::-1].reshape(6, 8)])
    for fragments in (1, 2):
        contents = s.image(frames, syntax=s.ENCAPSULATED_UNCOMPRESSED, table="full", fragments=fragments)
        np.testing.assert_array_equal(stored(contents), frames)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_defined_length_where_fragments_are_due(syntax: str) -> None:
    with pytest.raises(dd.DicomError):
        stored(around(syntax, [(s.PIXEL_DATA, "OB", b"".join(streams(syntax))[:20])]))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_damage_is_an_error(syntax: str) -> None:
    """Something that is no item, a fragment longer than the file, no fragment at all."""
    good = s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE) + s.item(b"")
    for body in (
        b"",
        s.tag_bytes(0xFFFEE0DD) + b"\0" * 4,
        s.tag_bytes(0x00100010) + b"\0" * 12,
        s.tag_bytes(0xFFFEE000) + struct.pack("<I", 1 << 31),
        s.tag_bytes(0xFFFEE000) + struct.pack("<I", s.UNDEFINED),
        s.tag_bytes(0xFFFEE000),
    ):
        with pytest.raises(dd.DicomError) as caught:
            stored(around(syntax, [good + body]))
        assert caught.value.code


def test_fragment_limit() -> None:
    contents = s.image(FRAMES, syntax=s.RLE, fragments=7, table="full")
    with pytest.raises(dd.LimitError):
        stored(s.image(FRAMES[0], syntax=s.RLE, fragments=7), limits=dd.Limits(fragments=3))
    np.testing.assert_array_equal(stored(contents, limits=dd.Limits(fragments=100)), FRAMES)


@pytest.mark.parametrize("fragments", [1, 3])
def test_offset_of_a_damaged_stream_counts_from_the_start_of_the_file(fragments: int) -> None:
    stream = bytearray(imagecodecs.jpeg8_encode((FRAMES[0] >> 8).astype(np.uint8)))
    at = stream.index(b"\xff\xc0")
    stream[at : at + 2] = b"??"
    data = s.encapsulate([bytes(stream)] * 2, fragments=fragments, table="full")
    head: list[s.Element] = [
        (0x00280002, "US", 1), (0x00280004, "CS", "MONOCHROME2"), (0x00280008, "IS", 2), (0x00280010, "US", 6),
        (0x00280011, "US", 5), (0x00280100, "US", 8), (0x00280101, "US", 8), (0x00280102, "US", 7),
        (0x00280103, "US", 0),
    ]  # fmt: skip
    contents = s.dataset([*head, *data], syntax="1.2.840.10008.1.2.4.50")
    with pytest.raises(dd.MalformedError) as caught:
        dd.imread(contents, frames=1)
    assert caught.value.frame == 1
    assert caught.value.offset is not None
    assert caught.value.offset == contents.rindex(b"??")


@pytest.mark.parametrize("threads", [2, 3, 9])
def test_frames_side_by_side(threads: int) -> None:
    contents = s.image(FRAMES, syntax=s.RLE)
    np.testing.assert_array_equal(stored(contents, threads=threads), FRAMES)


@pytest.mark.parametrize("given", [0, 2])
def test_a_system_that_gives_no_more_threads(given: int, monkeypatch: pytest.MonkeyPatch) -> None:
    begin, begun = _thread.start_new_thread, itertools.count()

    def refuse(work: Any, arguments: tuple[()]) -> int:
        if next(begun) >= given:
            raise RuntimeError("can't start new thread")
        return begin(work, arguments)

    frames = np.random.default_rng(0).integers(0, 256, (20, 32, 32), np.uint8)
    contents = s.image(frames, syntax=s.RLE, table="full")
    monkeypatch.setattr(_thread, "start_new_thread", refuse)
    np.testing.assert_array_equal(dd.imread(contents, values="stored", threads=8), frames)
    assert next(begun) == given + 1


def test_the_first_error_of_frames_side_by_side() -> None:
    """Whichever thread is faster, the lowest frame that fails is told; no thread is left."""
    frames = [s.rle_frame(f[..., None]) for f in FRAMES]
    frames[1] = frames[2] = b"\x01\0\0\0" + frames[1][4:32]
    contents = around(s.RLE, s.encapsulate(frames))
    before = _thread._count()  # `threading` does not know these threads
    for _ in range(20):
        with pytest.raises(dd.DicomError) as caught:
            dd.imread(contents, values="stored", threads=2)
        assert caught.value.frame == 1
    end = time.monotonic() + 20
    while _thread._count() > before and time.monotonic() < end:
        time.sleep(0.001)
    assert _thread._count() <= before


OWN = {s.RLE: lambda f: s.rle_frame(f[..., None]), "1.2.840.10008.1.2.4.80": imagecodecs.jpegls_encode}
OWN |= {"1.2.840.10008.1.2.4.90": lambda f: imagecodecs.jpeg2k_encode(f, codecformat="j2k", level=0)}
OWN |= {"1.2.840.10008.1.2.4.70": lambda f: imagecodecs.jpeg8_encode(f, lossless=True, bitspersample=16)}


def by_items(syntax: str, items: list[bytes]) -> bytes:
    """A file of these items, the first of them where the Basic Offset Table should be."""
    body = b"".join(map(s.item, items)) + s.tag_bytes(0xFFFEE0DD) + b"\0" * 4
    return around(syntax, [s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE) + body])


@pytest.mark.parametrize("syntax", list(OWN))
@pytest.mark.parametrize("path", [False, True], ids=["memory", "path"])
def test_odd_items(syntax: str, path: bool, tmp_path: Path) -> None:
    """No table at all; empty fragments wherever; one fragment too many; frames of several fragments without a table."""
    frames = [bytes(OWN[syntax](frame)) for frame in FRAMES]
    offsets = np.cumsum([0] + [8 + len(s.item(f)) - 8 for f in frames])[:-1]
    table = struct.pack(f"<{len(offsets)}I", *offsets)
    halves = [part for f in frames for part in (f[: len(f) // 2 & ~1], f[len(f) // 2 & ~1 :])]
    cases = {
        "no table": frames,
        "no table, several fragments": halves,
        "empty first": [b"", b"", *frames],
        "two empty first": [b"", b"", b"", *frames],
        "empty between": [b"", frames[0], b"", *frames[1:]],
        "empty last": [b"", *frames, b""],
        "empty in a frame": [b"", halves[0], b"", *halves[1:]],
        "empty behind a table": [table, b"", *frames],
        "empty last behind a table": [table, *frames, b""],
        "one more": [b"", *frames, frames[0]],
        "one more, no stream": [b"", *frames, b"\0\0"],
        "one more behind a table": [table, *frames, b"more"],
        "several fragments": [b"", *halves],
    }
    for name, items in cases.items():
        contents = by_items(syntax, items)
        place = tmp_path / "x.dcm"
        place.write_bytes(contents)
        given = place if path else contents
        np.testing.assert_array_equal(stored(given), FRAMES, err_msg=name)
        np.testing.assert_array_equal(stored(given, frames=3), FRAMES[3], err_msg=name)
        np.testing.assert_array_equal(stored(given, frames=0), FRAMES[0], err_msg=name)


def test_an_empty_frame_is_missing() -> None:
    """As many fragments as frames: each is one's, and the empty one cannot be decoded."""
    frames = [s.rle_frame(frame[..., None]) for frame in FRAMES]
    contents = by_items(s.RLE, [b"", frames[0], b"", frames[2], frames[3]])
    np.testing.assert_array_equal(stored(contents, frames=2), FRAMES[2])
    with pytest.raises(dd.TruncatedError):
        stored(contents, frames=1)


def outcome(image: dd.DicomImage, frame: int) -> bytes | str:
    """The pixels of a frame, or the code of the error."""
    try:
        return image.pixels(values="stored", frames=frame).tobytes()
    except dd.DicomError as error:
        return str(error.code)


@pytest.mark.parametrize("seed", range(60))
def test_a_frame_is_the_same_before_and_after_all_were_found(seed: int) -> None:
    """Without an offset table: frames of several fragments, empty fragments, frames that are missing, others behind."""
    draw = random.Random(seed)
    body = s.item(b"")
    for stream in draw.choices(streams(s.RLE), k=draw.randint(1, 6)):
        cut = len(stream) if draw.random() < 0.7 else draw.randint(33, len(stream) // 2 - 1) * 2
        body += s.item(stream[:cut]) + (s.item(stream[cut:]) if cut < len(stream) else b"")
        body += s.item(b"") if draw.random() < 0.1 else b""
    end = s.header(0xFFFEE0DD, "", 0, s.IMPLICIT) if draw.random() < 0.8 else b""
    contents = around(s.RLE, [s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE) + body + end])
    known = dd.open(contents)
    assert known.issues is not None  # all fragments were walked
    for frame in range(len(FRAMES)):
        assert outcome(dd.open(contents), frame) == outcome(known, frame), frame


def test_a_tile_is_found_without_the_tiles_behind_it() -> None:
    class Counted(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            return super().read(size)

    tile = s.rle_frame(np.random.default_rng(1).integers(0, 256, (64, 100, 1), np.uint8), split_rows=False)
    assert len(tile) > 6000
    tiles = [tile] * 400
    pixels = np.zeros((400, 64, 100), np.uint8)
    contents = s.image(pixels[:1], syntax=s.RLE, number_of_frames=400, without=[s.PIXEL_DATA])
    contents += b"".join(s.encapsulate(tiles))
    file = Counted(contents)
    assert dd.imread(file, values="stored", frames=5).shape == (64, 100)
    assert file.reads < 20
    with dd.open(file) as image:
        near = image[5]
        for frame in (100, 300, 250, 399, 0):
            assert (image[frame] == near).all()
    assert file.reads < 400 + 60  # what an earlier frame has shown is not looked for again


def test_small_fragments_cost_no_read_each() -> None:
    """Neither to find them, nor to tell which of them begin a frame, nor to put the codestream together."""

    class Counted(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            return super().read(size)

    pixels = np.random.default_rng(2).integers(0, 256, (200, 201), np.uint8)
    for count in (1, 3):
        frames = np.stack([pixels + i for i in range(count)])
        file = Counted(s.image(frames, syntax=s.RLE, fragments=400))
        np.testing.assert_array_equal(stored(file), frames if count > 1 else pixels)
        assert file.reads < 40
