"""Whole file to array, beside other readers, in one run; who is not installed, or gives other pixels, has no figure.

`competitors.py` compares the same readers more closely: they take turns there, and there are bounds.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from typing import Any

import dicomdecode as dd

from . import rivals

FILES = {
    f"{case.name}, {picture.name}": (case, picture)
    for case in rivals.CASES
    for picture in rivals.PICTURES
    if case.threads == 1 and picture.name in ("128x128, 12 bits", "1024x1024 RGB")
}
OURS = "dicomdecode"


def reader_of(by: str, suffix: str) -> rivals.Reader:
    """A reader by its name; "pydicom" takes the first plugin that it finds, as it does for its users."""
    if by == OURS:
        return lambda path: dd.imread(path, values="stored")
    found, missing = rivals.readers(f"1.2.840.10008.1.2.{suffix}")
    for name, read in found.items():
        if name.partition(" + ")[0] == by:
            return read
    raise NotImplementedError("; ".join(missing) or f"{by} is not installed")


class Readers:
    """Stored values by path; processor time, which other work on the machine spoils least."""

    timer = time.process_time
    params = ([*FILES], [OURS, "pydicom", "SimpleITK", "dicomsdl", "pydcm", "GDCM"])
    param_names = ("file", "by")
    timeout = 120

    def setup(self, file: str, by: str) -> None:
        case, picture = FILES[file]
        self.read = reader_of(by, case.suffix)
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "x.dcm")
        with open(self.path, "wb") as out:
            out.write(rivals.contents_of(case, picture))
        right = dd.imread(self.path, values="stored")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not rivals.same(right, self._pixels(), case.suffix in rivals.LOSSY):
                raise NotImplementedError(f"{by} gives other pixels")

    def _pixels(self) -> Any:
        try:
            return self.read(self.path)
        except Exception as error:
            raise NotImplementedError(type(error).__name__) from None

    def teardown(self, file: str, by: str) -> None:
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def time_read(self, file: str, by: str) -> None:
        self.read(self.path)
