"""Files that are there whole or not at all: written beside their place, flushed to the disk, then moved."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dicomdecode.errors import ExportError

__all__ = ["PARTIAL", "Output", "Stream", "Written", "disk_errors"]

#: The folder of what is not finished, in the folder of the results: renaming needs one file system.
PARTIAL = ".partial"
#: Flushes side by side: a disk takes hardly longer for many than for one.
_FLUSHES = 16
#: Bytes of a file that are hashed at a time.
_PIECE = 1 << 20
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True, slots=True)
class Written:
    """A file, or a folder, that is there whole.

    Attributes
    ----------
    name : str
        Below the folder of the results.
    size : int
        In bytes.
    checksum : str
        SHA-256, of a folder over the names and contents of its files.
    """

    name: str
    size: int
    checksum: str


@contextlib.contextmanager
def disk_errors() -> Iterator[None]:
    """What the disk refuses is an `ExportError` that says so in a line."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ExportError(
                "The disk is full",
                code="disk_full",
                hint="What is finished stays; make room and run it again to go on from there",
            ) from error
        raise ExportError(
            f"The results cannot be written: {error.strerror or type(error).__name__}", code="not_writable"
        ) from error


class Output:
    """The files of one unit of work. None of them is at its place before all are whole.

    Parameters
    ----------
    folder : Path
        Of the results.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._written: list[Written] = []
        self._streams: list[Stream] = []
        with disk_errors():
            (folder / PARTIAL).mkdir(exist_ok=True)
            self._partial = Path(tempfile.mkdtemp(dir=folder / PARTIAL))  # a worker that is lost may still write

    def path(self, name: str) -> Path:
        """Where a file or a folder is written before it is finished."""
        return self._partial / name

    def stream(self, name: str) -> Stream:
        """A file that is written part by part; it counts once it was closed."""
        with disk_errors():
            stream = Stream(name, self.path(name).open("wb", buffering=0), self._written)
        self._streams.append(stream)
        return stream

    def write(self, name: str, parts: Iterable[Any]) -> None:
        """Write a file of these bytes."""
        stream = self.stream(name)
        try:
            stream.write(parts)
        finally:
            stream.close()

    def take(self, name: str) -> None:
        """Take a file or a folder that something else has written at `path`."""
        with disk_errors():
            path = self._partial / name
            digest, size = hashlib.sha256(), 0
            for each in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
                if path.is_dir():
                    digest.update(each.relative_to(path).as_posix().encode())
                with each.open("rb") as file:
                    while data := file.read(_PIECE):
                        digest.update(data)
                        size += len(data)
        self._written.append(Written(name, size, digest.hexdigest()))

    def finish(self) -> list[Written]:
        """Flush the files, and move them to their places."""
        with disk_errors():
            paths = [self._partial / each.name for each in self._written]
            _flush(file for path in paths for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())
            for each, path in zip(self._written, paths, strict=True):
                target = self._folder / each.name
                if target.is_dir():
                    shutil.rmtree(target)
                os.replace(path, target)
            flush_folder(self._folder)
            self._partial.rmdir()
        return self._written

    def discard(self) -> None:
        """Leave nothing behind."""
        for stream in self._streams:
            stream.abandon()
        shutil.rmtree(self._partial, ignore_errors=True)


class Stream:
    """A file that is being written, and its checksum."""

    def __init__(self, name: str, file: IO[bytes], written: list[Written]) -> None:
        self._name = name
        self._file = file
        self._written = written
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, parts: Iterable[Any]) -> None:
        with disk_errors():
            for part in parts:
                view = memoryview(part).cast("B")
                self._digest.update(view)
                self._size += len(view)
                while view:  # a write may take less than it is given
                    view = view[self._file.write(view) :]

    def abandon(self) -> None:
        self._file.close()

    def close(self) -> None:
        with disk_errors():
            self._file.close()
        self._written.append(Written(self._name, self._size, self._digest.hexdigest()))


def _flush(paths: Iterable[Path]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    listed = list(paths)
    if len(listed) == 1:
        _flush_one(listed[0])
        return
    with ThreadPoolExecutor(_FLUSHES) as threads:
        list(threads.map(_flush_one, listed))


def _flush_one(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """That files are at their places is on the disk only once their folder is; Windows has no such call."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
