"""Deflated data sets that are too large to be held: the same answers as those of small ones."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.reading import inflate
from tests import synthesise as s

PIXELS = np.random.default_rng(5).integers(0, 4096, (9, 64, 64)).astype(np.uint16)
CONTENTS = s.image(PIXELS, syntax=s.DEFLATED, extra=[(0x00091001, "OB", bytes(100_000)), (0xFFFCFFFC, "OB", b"end.")])


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in {"_HELD": 5000, "_APART": 8000, "_GIVEN": 3000, "_READ": 700}.items():
        monkeypatch.setattr(inflate, name, size)


@pytest.mark.usefixtures("small_steps")
@pytest.mark.parametrize("kind", ["bytes", "path", "file object"])
def test_pixels_and_elements(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(CONTENTS)
    source = {"bytes": CONTENTS, "path": path, "file object": io.BytesIO(CONTENTS)}[kind]
    with dd.open(source) as image:
        np.testing.assert_array_equal(image.pixels(values="stored"), PIXELS)
        assert image.tag(0xFFFCFFFC) == b"end." and image.tag(0x00091001) == bytes(100_000)
        for frames in ([8, 0, 3], [2], slice(1, 9, 3)):
            np.testing.assert_array_equal(image.pixels(values="stored", frames=frames, threads=3), PIXELS[frames])
    assert dd.decode_dicom_data(source, ["Rows"]).tolist() == ["64"]
    np.testing.assert_array_equal(
        dd.decode_dicom_image(source, values="tfio", dtype="uint16", on_error="strict")[..., 0], PIXELS
    )


def in_stored_blocks() -> bytes:
    """The same data set in blocks that are not compressed: each begins with a byte of its own."""
    deflate = zlib.compressobj(0, zlib.DEFLATED, -15)
    start = 132 + len(s.file_meta(s.DEFLATED))
    return CONTENTS[:start] + deflate.compress(zlib.decompress(CONTENTS[start:], -15)) + deflate.flush()


@pytest.mark.usefixtures("small_steps")
def test_a_file_that_is_damaged_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    contents = in_stored_blocks()
    path.write_bytes(contents)
    with dd.open(path) as image:
        path.write_bytes(contents[:400] + b"\xff" * (len(contents) - 400))
        with pytest.raises(dd.MalformedError, match="inflated"):
            image.pixels(values="stored")


@pytest.mark.usefixtures("small_steps")
def test_a_stream_that_is_cut() -> None:
    with pytest.raises(dd.TruncatedError):
        dd.imread(in_stored_blocks()[:-4000])
