"""Encapsulated pixel data with bytes where none may be: in front of a codestream, and behind a fragment."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.test_odd_files import codes, everywhere

ROOT = "1.2.840.10008.1.2.4."
DELIMITATION = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
GREY = np.random.default_rng(9).integers(0, 256, (3, 20, 30), np.uint8)
ENCODERS: dict[str, Any] = {
    "70": lambda a: imagecodecs.ljpeg_encode(a),
    "80": lambda a: imagecodecs.jpegls_encode(a),
    "90": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="j2k", level=0, reversible=True),
    "90, JP2": lambda a: imagecodecs.jpeg2k_encode(a, codecformat="jp2", level=0, reversible=True),
    "201": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
    "110": lambda a: imagecodecs.jpegxl_encode(a, lossless=True, usecontainer=True),
    "rle": lambda a: s.rle_frame(a[..., None]),
}


def syntax_of(kind: str) -> str:
    return s.RLE if kind == "rle" else ROOT + kind.partition(",")[0]


def file_of(pixels: np.ndarray, syntax: str, frames: list[bytes], **options: Any) -> bytes:
    data = s.encapsulate([frame + b"\0" * (len(frame) % 2) for frame in frames], **options)
    return s.image(pixels, syntax=syntax, without=[s.PIXEL_DATA], trailing=b"".join(map(_bytes_of, data)))


def _bytes_of(element: Any) -> bytes:
    return element if isinstance(element, bytes) else s.element(*element)


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("strays", [b"\0", b"\r\n", bytes(16), b"\xff\x4f\xff" * 5, b"\xff" * 3])
def test_stray_bytes_in_front_of_a_codestream(kind: str, strays: bytes, tmp_path: Path) -> None:
    frames = [strays + bytes(ENCODERS[kind](frame)) for frame in GREY]
    syntax = syntax_of(kind)
    for options in ({}, {"table": "full"}, {"fragments": 3}, {"fragments": 3, "table": "full"}):
        contents = file_of(GREY, syntax, frames, **options)
        everywhere(contents, GREY, tmp_path)
        assert "stream_begin" in codes(contents)
    contents = file_of(GREY[0], syntax, frames[:1], fragments=4)
    everywhere(contents, GREY[0], tmp_path)
    described = {"rows": 20, "columns": 30, "bits_allocated": 8}
    np.testing.assert_array_equal(dd.decode_frame(frames[1], transfer_syntax=syntax, **described), GREY[1])
    assert "stream_begin" not in codes(file_of(GREY, syntax, [frame[len(strays) :] for frame in frames]))
    with pytest.raises(dd.DicomError):  # tensorflow-io does not pass over them
        dd.decode_dicom_image(file_of(GREY, syntax, frames), values="tfio", on_error="strict")


def test_too_many_stray_bytes() -> None:
    """17 of them, or none of the codec's streams behind them: the error that there is."""
    stream = bytes(imagecodecs.jpegls_encode(GREY[0]))
    for front in (bytes(17) + stream, bytes(5) + stream[1:], bytes(16), b"\xff" * 17):
        with pytest.raises(dd.DicomError):
            dd.imread(file_of(GREY[0], ROOT + "80", [front]))


def test_stray_bytes_of_a_stream_of_another_codec(tmp_path: Path) -> None:
    frames = [bytes(3) + bytes(imagecodecs.jpeg2k_encode(f, codecformat="j2k", level=0)) for f in GREY]
    contents = file_of(GREY, ROOT + "80", frames)
    everywhere(contents, GREY, tmp_path)
    assert {"stream_codec", "stream_begin"} <= set(codes(contents))


def test_stray_bytes_in_front_of_a_lossy_stream(tmp_path: Path) -> None:
    """What the stream says about its colour is found behind them."""
    colour = np.repeat(np.arange(0, 240, 8, dtype=np.uint8), 3).reshape(5, 6, 3)
    stream = bytes(imagecodecs.jpeg8_encode(colour, level=90))
    files = []
    for front in (b"", b"\0\0"):
        data = b"".join(map(_bytes_of, s.encapsulate([front + stream + b"\0" * (len(stream) % 2)])))
        files.append(s.image(colour, syntax=ROOT + "50", photometric="RGB", without=[s.PIXEL_DATA], trailing=data))
    want = dd.imread(files[0], values="stored")
    assert np.abs(want.astype(int) - colour).max() < 12
    everywhere(files[1], want, tmp_path)
    assert {"photometric", "stream_begin"} <= set(codes(files[1]))


def test_cells_that_look_like_a_codestream(tmp_path: Path) -> None:
    """Of native cells in fragments each byte counts."""
    cells = GREY.copy()
    cells[:, 0, 4:8] = 0xFF, 0xD8, 0xFF, 0xE0
    for syntax in (s.ENCAPSULATED_UNCOMPRESSED, ROOT + "80"):
        contents = file_of(cells, syntax, [frame.tobytes() for frame in cells])
        everywhere(contents, cells, tmp_path)
        assert "stream_begin" not in codes(contents)


def test_errors_behind_stray_bytes_are_located() -> None:
    stream = bytes(imagecodecs.jpegls_encode(GREY[0]))
    damaged = stream[:30] + b"\0" * len(stream[30:])
    found = []
    for front in (b"", bytes(8)):
        with pytest.raises(dd.DicomError) as caught:
            dd.imread(file_of(GREY[0], ROOT + "80", [front + damaged]))
        found.append(caught.value.offset)
    assert found[1] == found[0] + 8


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("options", [{}, {"table": "full"}, {"fragments": 3}, {"delimiter": False}])
def test_item_delimitation_behind_each_fragment(kind: str, options: dict[str, Any], tmp_path: Path) -> None:
    """PS3.5 A.4 has none; its place in an offset table is not agreed on."""
    syntax = syntax_of(kind)
    streams = [bytes(ENCODERS[kind](f)) for f in GREY]
    for frames in (streams, streams[:1]):
        want = GREY[: len(frames)].squeeze()
        plain = file_of(want, syntax, frames, **options)
        if options.get("delimiter", True):
            contents = delimited(plain)
            everywhere(contents, want, tmp_path)
            assert "item_delimitation" in codes(contents)
            assert "item_delimitation" not in codes(plain)
        else:  # a file that ends behind the last one, or in front of it
            for contents in (delimited(plain), delimited(plain)[:-8]):
                np.testing.assert_array_equal(dd.imread(contents, values="stored"), want)


def test_elements_behind_pixels_that_delimit_items(tmp_path: Path) -> None:
    """Elements that follow the pixel data count."""
    contents = delimited(file_of(GREY, s.RLE, [s.rle_frame(frame[..., None]) for frame in GREY]))
    contents += s.elements([(0xFFFCFFFC, "OB", b"abcdef")])
    everywhere(contents, GREY, tmp_path)
    assert dd.open(contents).tag(0xFFFCFFFC) == b"abcdef"


@pytest.mark.parametrize("fragments", [1, 3])
def test_elements_behind_pixels_without_a_delimiter(fragments: int, tmp_path: Path) -> None:
    frames = [s.rle_frame(frame[..., None]) for frame in GREY]
    contents = file_of(GREY, s.RLE, frames, delimiter=False, fragments=fragments)
    contents += s.elements([(0x00281053, "DS", "2"), (0x00284000, "LT", "behind")])
    everywhere(contents, (GREY * 2.0).astype(np.float32), tmp_path, values="modality")
    assert dd.open(contents).tag("ImagePresentationComments") == "behind"


def test_item_delimitation_in_front_of_something_else() -> None:
    """It ends the fragments, as anything else that is no item does."""
    plain = file_of(GREY, s.RLE, [s.rle_frame(frame[..., None]) for frame in GREY], delimiter=False)
    at = plain.rindex(s.tag_bytes(0xFFFEE000))
    for between in (DELIMITATION * 2, DELIMITATION + bytes(8), DELIMITATION[:4] + b"\2\0\0\0"):
        contents = plain[:at] + between + plain[at:]
        np.testing.assert_array_equal(dd.imread(contents, values="stored", frames=[0, 1]), GREY[:2])
        with pytest.raises(dd.TruncatedError):
            dd.imread(contents)


def test_item_delimitation_and_tensorflow_io() -> None:
    """Its parser stops there, behind the Basic Offset Table or a fragment."""
    plain = file_of(GREY[0], s.RLE, [s.rle_frame(GREY[0, ..., None])])
    contents = delimited(plain)
    keywords = {"values": "tfio", "on_error": "strict"}
    dd.decode_dicom_image(plain, **keywords)
    with pytest.raises(dd.MalformedError, match="no fragments"):
        dd.decode_dicom_image(contents, **keywords)
    only_behind_the_frame = contents.replace(DELIMITATION, b"", 1)
    want = dd.decode_dicom_image(plain, **keywords)
    np.testing.assert_array_equal(dd.decode_dicom_image(only_behind_the_frame, **keywords), want)


def delimited(contents: bytes) -> bytes:
    """With an Item Delimitation behind each item of the pixel data."""
    header = s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE)
    at = contents.index(header) + len(header)
    front, left = contents[:at], contents[at:]
    while left.startswith(s.tag_bytes(0xFFFEE000)):
        end = 8 + int.from_bytes(left[4:8], "little")
        front, left = front + left[:end] + DELIMITATION, left[end:]
    return front + left
