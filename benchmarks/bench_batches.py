"""Many files: batches by threads, tables of tags, and memory that must not grow with the number of files."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator

import numpy as np

import dicomdecode as dd

from . import samples

FILES: dict[str, Callable[[], bytes]] = {
    "small CT": samples.small_ct,
    "uncompressed, 512x512, 16 bits": lambda: samples.image(samples.picture(512, 512, 16)),
    "RLE, 1024x1024 RGB": lambda: samples.rle(1024, 8, 3)[0],
    "lossless JPEG, 512x512": lambda: samples.compressed("lossless JPEG, 2048x2048, 12 bits", 512)[0],
    "JPEG, 512x512 RGB": lambda: samples.compressed("JPEG, 1024x1024 RGB", 512)[0],
    "HTJ2K, 512x512": lambda: samples.compressed("HTJ2K, 2048x2048, 12 bits", 512)[0],
    "JPEG-LS, 512x512": lambda: samples.compressed("JPEG-LS, 2048x2048, 12 bits", 512)[0],
    "JPEG 2000, 512x512": lambda: samples.compressed("JPEG 2000, 2048x2048, 12 bits", 512)[0],
}
TAGS = [
    *("PatientID", "StudyInstanceUID", "SeriesInstanceUID", "Modality", "Rows", "Columns", "InstanceNumber"),
    *("SliceThickness", "StudyDate", "PixelSpacing"),
]


class Batches:
    """64 files of a kind."""

    params = ([*FILES], [1, 2])
    param_names = ("file", "threads")
    timeout = 120

    def setup(self, file: str, threads: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        contents = FILES[file]()
        self.paths = [os.path.join(self.folder.name, f"{i}.dcm") for i in range(64)]
        for path in self.paths:
            with open(path, "wb") as out:
                out.write(contents)

    def teardown(self, file: str, threads: int) -> None:
        self.folder.cleanup()

    def time_decode_batch(self, file: str, threads: int) -> None:
        for _ in dd.decode_batch(self.paths, threads=threads):
            pass

    def time_decode_batch_into_one_array(self, file: str, threads: int) -> None:
        out = np.empty((64, *dd.open(self.paths[0]).shape), np.float32)
        for _ in dd.decode_batch(self.paths, threads=threads, out=out):
            pass

    def time_read_tags(self, file: str, threads: int) -> None:
        dd.read_tags(self.paths, TAGS, threads=threads)


class Memory:
    """Of many files, half of which fail: it is that of a few."""

    params = ([200, 20_000],)
    param_names = ("files",)
    timeout = 300

    def setup(self, files: int) -> None:
        self.contents = samples.small_ct()

    def _sources(self, files: int) -> Iterator[bytes]:
        for i in range(files):
            yield self.contents if i % 2 else b"no DICOM"

    def peakmem_decode_batch(self, files: int) -> None:
        for _ in dd.decode_batch(self._sources(files), threads=2):
            pass
