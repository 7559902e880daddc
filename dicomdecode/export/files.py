"""Files that are there whole or not at all: written beside their place, flushed to the disk, then moved."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

from dicomdecode.errors import ExportError

__all__ = ["PARTIAL", "Output", "Stream", "Written", "disk_errors", "flush_folder"]

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
        SHA-256, of a folder over the names and checksums of its files.
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
        self._names: list[str] = []
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
            stream = Stream(name, self.path(name).open("wb", buffering=0), self._names)
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
        self._names.append(name)

    def finish(self) -> list[Written]:
        """Flush the files, and move them to their places."""
        with disk_errors():
            files = {name: _files_of(self._partial / name) for name in self._names}
            flushed = _flush([file for many in files.values() for file in many])
            written = [_written(name, self._partial / name, files[name], flushed) for name in self._names]
            for name in self._names:
                target = self._folder / name
                if target.is_dir():
                    shutil.rmtree(target)
                os.replace(self._partial / name, target)
            self._partial.rmdir()
        return written

    def discard(self) -> None:
        """Leave nothing behind."""
        for stream in self._streams:
            stream.abandon()
        shutil.rmtree(self._partial, ignore_errors=True)


class Stream:
    """A file that is being written."""

    def __init__(self, name: str, file: IO[bytes], names: list[str]) -> None:
        self._name = name
        self._file = file
        self._names = names

    def write(self, parts: Iterable[Any]) -> None:
        with disk_errors():
            for part in parts:
                view = memoryview(part).cast("B")
                while view:  # a write may take less than it is given
                    view = view[self._file.write(view) :]

    def abandon(self) -> None:
        self._file.close()

    def close(self) -> None:
        with disk_errors():
            self._file.close()
        self._names.append(self._name)


class _Flushed(NamedTuple):
    """A file that is on the disk: its size in bytes, and its SHA-256."""

    size: int
    digest: bytes


def _files_of(path: Path) -> list[Path]:
    """A file itself, or the files of a folder."""
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _written(name: str, path: Path, files: list[Path], flushed: Mapping[Path, _Flushed]) -> Written:
    if files == [path]:
        return Written(name, flushed[path].size, flushed[path].digest.hex())
    whole = hashlib.sha256()
    for file in files:
        whole.update(file.relative_to(path).as_posix().encode() + b"\0" + flushed[file].digest)
    return Written(name, sum(flushed[file].size for file in files), whole.hexdigest())


def _flush(paths: list[Path]) -> dict[Path, _Flushed]:
    from concurrent.futures import ThreadPoolExecutor

    if len(paths) == 1:
        return {paths[0]: _flush_one(paths[0])}
    with ThreadPoolExecutor(_FLUSHES) as threads:
        return dict(zip(paths, threads.map(_flush_one, paths), strict=True))


def _flush_one(path: Path) -> _Flushed:
    """The checksum is made here, and not while the file is written: others of the unit wait for the disk meanwhile."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb+", buffering=0) as file:
        os.fsync(file.fileno())
        while data := file.read(_PIECE):
            digest.update(data)
            size += len(data)
    return _Flushed(size, digest.digest())


def flush_folder(folder: Path) -> None:
    """That files are at their places is on the disk only once their folder is; Windows has no such call. Where the
    power fails before, a manifest may name results that are not there: a second run makes them again."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
