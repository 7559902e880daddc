"""Where bytes come from: memory, paths, file objects, pipes, data sets; and how little of a file is read."""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.reference_images import FOLDER, OWN, Reference, of_syntax

PIXELS = np.random.default_rng(0).integers(0, 65536, (40, 64, 50), np.uint16)
NATIVE = s.image(PIXELS)
RLE = s.image(PIXELS, syntax=s.RLE, table="full")


class Folder:
    """An os.PathLike that is no Path."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


class Counted(io.BytesIO):
    """A file object that knows how much was read from it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        n = super().readinto(buffer)
        self.count += n
        return n


MEMORY: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "read-only view of part": lambda b: memoryview(b"xx" + b + b"yy")[2:-2],
    "numpy": lambda b: np.frombuffer(b, np.uint8),
    "signed view": lambda b: memoryview(b).cast("b"),
    "BytesIO": io.BytesIO,
    "BufferedReader": lambda b: io.BufferedReader(io.BytesIO(b)),
}


@pytest.mark.parametrize("kind", MEMORY)
@pytest.mark.parametrize("contents", [NATIVE, RLE], ids=["native", "RLE"])
def test_memory(kind: str, contents: bytes) -> None:
    source = MEMORY[kind](contents)
    for frames in (None, 39):
        found = dd.imread(source, values="stored", frames=frames)
        np.testing.assert_array_equal(found, PIXELS if frames is None else PIXELS[frames])


@pytest.mark.parametrize("name", ["a.dcm", "a b.dcm", "ÄÖ ☃.dcm", "no extension", "-"])
@pytest.mark.parametrize("contents", [NATIVE, RLE], ids=["native", "RLE"])
def test_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, contents: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(contents)
    monkeypatch.chdir(tmp_path)
    for source in (path, str(path), name, Folder(path)):
        np.testing.assert_array_equal(dd.imread(source, values="stored"), PIXELS)
        np.testing.assert_array_equal(dd.imread(source, values="stored", frames=[39, 0]), PIXELS[[39, 0]])


def test_file_objects(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(NATIVE)
    for buffering in (-1, 0):
        with open(path, "rb", buffering=buffering) as file:
            np.testing.assert_array_equal(dd.imread(file, values="stored"), PIXELS)
            np.testing.assert_array_equal(dd.imread(file, values="stored", frames=3), PIXELS[3])
            assert not file.closed and file.tell() == 0


def test_pipe_as_a_file_object() -> None:
    """What cannot seek is read to its end."""

    def write(descriptor: int, contents: bytes) -> None:
        with os.fdopen(descriptor, "wb") as file:
            file.write(contents)

    for contents in (NATIVE, RLE):
        read_end, write_end = os.pipe()
        with os.fdopen(read_end, "rb") as reader:
            writer = threading.Thread(target=write, args=(write_end, contents))
            writer.start()
            np.testing.assert_array_equal(dd.imread(reader, values="stored"), PIXELS)
            writer.join()


def test_named_pipe(tmp_path: Path) -> None:
    """`show <(cat a.dcm)` gives such a path."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("platform: no named pipes")
    path = tmp_path / "pipe"
    os.mkfifo(path)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError):
            path.write_bytes(NATIVE)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    np.testing.assert_array_equal(dd.imread(path, values="stored"), PIXELS)
    writer.join()


@pytest.mark.parametrize("reference", of_syntax(*OWN), ids=str)
@pytest.mark.filterwarnings("ignore")
def test_pydicom_data_sets(reference: Reference) -> None:
    dataset = pydicom.dcmread(reference.path)
    found = dd.imread(dataset, values="stored", color="stored")
    np.testing.assert_array_equal(found, dd.imread(reference.path, values="stored", color="stored"))


@pytest.mark.filterwarnings("ignore")
def test_a_data_set_made_in_memory() -> None:
    dataset = pydicom.Dataset()
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 2, 3, 1
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = np.arange(6, dtype="<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    found = dd.imread(dataset, values="stored")
    np.testing.assert_array_equal(found.ravel(), range(6))
    assert dd.decode_dicom_data(dataset, ["Rows"]).tolist() == ["2"]


@pytest.mark.filterwarnings("ignore")
def test_native_pixels_assigned_to_a_compressed_data_set() -> None:
    dataset = pydicom.dcmread(io.BytesIO(s.image(PIXELS, syntax=s.RLE)))
    dataset.PixelData = (PIXELS + 1).tobytes()
    np.testing.assert_array_equal(dd.imread(dataset, values="stored"), PIXELS + 1)
    dataset.PixelData = dataset.PixelData[:-2]
    with pytest.raises(dd.DicomError):
        dd.imread(dataset)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        5,
        1.5,
        object(),
        [1, 2],
        {},
        io.StringIO("text"),
        np.zeros((2, 2), np.uint8),
        np.zeros(200, np.uint16),
        ["a.dcm"],
    ],
    ids=lambda x: type(x).__name__,
)
def test_anything_else(bad: Any) -> None:
    for call in (dd.imread, dd.open, dd.decode_dicom_image, lambda x: dd.decode_dicom_data(x, ["Rows"])):
        with pytest.raises(TypeError) as caught:
            call(bad)
        assert "bytes" in str(caught.value) and "path" in str(caught.value)


def test_operating_system_errors(tmp_path: Path) -> None:
    """Never swallowed, whatever on_error says."""
    for on_error in ("strict", "skip", "lossy"):
        with pytest.raises(FileNotFoundError):
            dd.decode_dicom_image(tmp_path / "none.dcm", on_error=on_error)
        with pytest.raises(OSError):
            dd.decode_dicom_image(tmp_path, on_error=on_error)
    with pytest.raises(OSError):
        dd.imread(str(tmp_path))


def test_an_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.dcm"
    path.write_bytes(b"")
    with pytest.raises(dd.DicomError):
        dd.imread(path)
    with pytest.raises(dd.DicomError):
        dd.imread(io.BytesIO())


@pytest.mark.parametrize("contents", [NATIVE, RLE], ids=["native", "RLE"])
def test_only_what_is_asked_for_is_read(contents: bytes) -> None:
    """The header and one frame of forty, not the file."""
    big = np.random.default_rng(0).integers(0, 65536, (40, 256, 100), np.uint16)
    contents = s.image(big, syntax=s.RLE if contents is RLE else s.EXPLICIT_LE, table="full")
    frame = big[0].nbytes * (2 if contents is RLE else 1)
    file = Counted(contents)
    dd.open(file)
    assert file.count <= 2 << 16
    file = Counted(contents)
    np.testing.assert_array_equal(dd.imread(file, values="stored", frames=20), big[20])
    assert file.count <= (2 << 16) + 2 * frame


def test_header_beyond_the_first_window(tmp_path: Path) -> None:
    """A growing window: an element of 300,000 bytes, then ten thousand elements, in front of the pixel data."""
    extra: list[s.Element] = [(0x00091000, "OB", bytes(300_000))]
    extra += [(0x00091001 + i, "LO", f"value {i:06d}") for i in range(10_000)]
    extra += [(0x000D1001, "SQ", [[(0x00100010, "PN", "x" * 60)] for _ in range(5000)])]
    path = tmp_path / "a.dcm"
    for undefined in (False, True):
        encoding = s.Encoding(True, False, undefined, undefined)
        contents = s.image(PIXELS, extra=extra, encoding=encoding)
        path.write_bytes(contents)
        for source in (path, contents, io.BytesIO(contents)):
            np.testing.assert_array_equal(dd.imread(source, values="stored", frames=1), PIXELS[1])
            found = dd.decode_dicom_data(source, [0x00091001 + 9999, "[000d,1001][4999][PatientName]"])
            assert found.tolist() == ["value 009999", "x" * 60]
        with pytest.raises(dd.LimitError):
            dd.open(path, limits=dd.Limits(header_bytes=100_000))


def test_a_file_that_shrinks(tmp_path: Path) -> None:
    """An error, not the end of the process."""
    path = tmp_path / "a.dcm"
    path.write_bytes(NATIVE)
    with dd.open(path) as image:
        os.truncate(path, 5000)
        with pytest.raises(dd.DicomError):
            image.pixels()


def test_a_file_that_shrinks_while_its_header_is_read() -> None:
    """Between the first part of a long header and the rest of it."""

    class Shrinking(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1) -> bytes:
            self.reads += 1
            if self.reads == 2:
                self.truncate(1000)
            return super().read(size)

    with pytest.raises(dd.MalformedError) as caught:
        dd.open(Shrinking(s.image(PIXELS, extra=[(0x00104000, "LT", "x" * 60000), (0x00204000, "LT", "x" * 60000)])))
    assert caught.value.code == "file_changed"


def test_a_sparse_file_that_claims_much(tmp_path: Path) -> None:
    """Five gigabytes of nothing behind a header: only the frame asked for is read."""
    head = s.image(PIXELS, without=[s.PIXEL_DATA, 0x00280008], extra=[(0x00280010, "US", 64)])
    cut = head.index(s.tag_bytes(0x00280010))
    frames = 600_000
    length = frames * PIXELS[0].nbytes
    assert length < 0xFFFFFFFE
    contents = (
        head[:cut] + s.element(0x00280008, "IS", frames) + head[cut:] + s.header(s.PIXEL_DATA, "OW", length, s.LITTLE)
    )
    path = tmp_path / "sparse.dcm"
    with open(path, "wb") as file:
        file.write(contents)
        file.write(PIXELS[0].tobytes())
        file.truncate(len(contents) + length)
    np.testing.assert_array_equal(dd.imread(path, values="stored", frames=0), PIXELS[0])
    assert not dd.imread(path, values="stored", frames=-1).any()


def test_shipped_files_by_path_and_by_bytes_are_equal() -> None:
    paths = sorted((FOLDER / "test_files").glob("*.dcm"))
    assert len(paths) >= 50
    for path in paths:
        by_path = dd.decode_dicom_image(path, dtype=np.float64, on_error="lossy")
        by_bytes = dd.decode_dicom_image(path.read_bytes(), dtype=np.float64, on_error="lossy")
        np.testing.assert_array_equal(by_path, by_bytes, err_msg=path.name)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("contents", [NATIVE, RLE], ids=["native", "RLE"])
def test_members_of_zip_archives(method: int, contents: bytes) -> None:
    """Their file objects say mode "r", and give bytes. They are unpacked once, and stay where they were."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        archive.writestr("a.dcm", contents)
    with zipfile.ZipFile(packed) as archive:
        with archive.open("a.dcm") as member:
            for frames in (None, 3):
                expected = PIXELS if frames is None else PIXELS[frames]
                np.testing.assert_array_equal(dd.imread(member, values="stored", frames=frames), expected)
            assert dd.decode_dicom_data(member, ["Rows"]).tolist() == ["64"] and member.tell() == 0
            np.testing.assert_array_equal(dd.open(member).pixels(values="stored", frames=7), PIXELS[7])
        np.testing.assert_array_equal(dd.imread(zipfile.Path(archive, "a.dcm"), values="stored"), PIXELS)


@pytest.mark.parametrize("module", [gzip, bz2, lzma], ids=lambda module: module.__name__)
def test_file_objects_that_unpack(module: Any) -> None:
    with module.open(io.BytesIO(module.compress(RLE))) as file:
        file.seek(10)
        np.testing.assert_array_equal(dd.imread(file, values="stored"), PIXELS)
        assert file.tell() == 10


class Whole:
    """Its `read` takes no number."""

    def __init__(self, contents: Any) -> None:
        self.contents = contents

    def read(self) -> Any:
        return self.contents


class Slow(io.RawIOBase):
    """A stream that gives a few bytes at a time, as bytearray."""

    def __init__(self, contents: bytes) -> None:
        self._file = io.BytesIO(contents)

    def read(self, size: int = -1) -> Any:
        return bytearray(self._file.read(min(size, 999)))


class Liar(io.BytesIO):
    """It says that it can seek."""

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")


@pytest.mark.parametrize("kind", [Whole, Slow, Liar])
def test_any_object_with_a_read_that_returns_bytes(kind: Any) -> None:
    for contents in (NATIVE, RLE):
        np.testing.assert_array_equal(dd.imread(kind(contents), values="stored"), PIXELS)
    with pytest.raises(dd.DicomError):
        dd.imread(kind(b"nothing of the kind"))


def test_a_read_that_returns_no_bytes() -> None:
    with pytest.raises(TypeError, match="must return bytes, not str"):
        dd.imread(Whole("text"))
    with pytest.raises(BlockingIOError):
        dd.imread(Whole(None))
    with pytest.raises(dd.LimitError):
        dd.imread(Whole(NATIVE), limits=dd.Limits(stream_bytes=1000))


@pytest.mark.parametrize(
    "path", ["a.dcm", "/data/x", "folder/IM0001", "C:\\data\\x.IMA", "/däta/x.dicom", "/data/a b"], ids=repr
)
def test_a_path_given_as_bytes(path: str) -> None:
    """The error says so, and what to do; it does not show the path."""
    for call in (dd.imread, dd.open, lambda x: dd.decode_dicom_data(x, ["Rows"], on_error="strict")):
        with pytest.raises(dd.MalformedError) as caught:
            call(os.fsencode(path))
        assert "os.fsdecode" in str(caught.value) and "tf.io.read_file" in str(caught.value)
        assert caught.value.code == "not_dicom" and path not in str(caught.value)
    for text in ("<a/>", '{"a": "b/c"}', "two\nlines / of text", "no path at all, just words"):
        with pytest.raises(dd.MalformedError) as caught:
            dd.imread(text.encode())
        assert "fsdecode" not in str(caught.value)
