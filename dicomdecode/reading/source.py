"""Where the bytes of a file come from: memory, a path, a file object; one small interface for all.

A source is read by positioned reads: a window at the front for the header, then only the ranges asked for. A remote
object fits in by giving the same four members.
"""

from __future__ import annotations

import io
import os
import threading
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from pydicom.dataset import Dataset

    SourceLike: TypeAlias = (
        bytes | bytearray | memoryview | np.ndarray[Any, Any] | str | os.PathLike[str] | IO[bytes] | Dataset
    )

__all__ = ["FileSource", "MemorySource", "PathSource", "Source", "open_source"]


class Source(Protocol):
    """What the decoder needs of a source."""

    size: int  # bytes in all

    def read_at(self, offset: int, length: int) -> Any:
        """Bytes [offset, offset + length), fewer at the end; any object with a buffer."""

    def read_into(self, offset: int, target: memoryview) -> int:
        """Fill `target` from `offset`; the number of bytes that were there."""

    def close(self) -> None:
        """Release what the source itself opened."""


class MemorySource:
    """Bytes that are in memory; slices are views, not copies."""

    __slots__ = ("size", "view")

    def __init__(self, contents: Any) -> None:
        view = memoryview(contents)
        if not view.c_contiguous:
            raise TypeError("the bytes of a file must be contiguous")
        self.view = view if view.format == "B" and view.ndim == 1 else view.cast("B")
        self.size = view.nbytes

    def read_at(self, offset: int, length: int) -> memoryview:
        return self.view[offset : offset + length]

    def read_into(self, offset: int, target: memoryview) -> int:
        part = self.view[offset : offset + len(target)]
        target[: len(part)] = part
        return len(part)

    def close(self) -> None:
        pass


class PathSource:
    """A file by its path, kept open until closed."""

    __slots__ = ("_descriptor", "_lock", "path", "size")

    def __init__(self, path: str | bytes | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._descriptor = -1
        self._lock = None if hasattr(os, "preadv") else threading.Lock()
        self._descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        self.size = os.fstat(self._descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytearray:
        target = bytearray(max(0, min(length, self.size - offset)))
        del target[self.read_into(offset, memoryview(target)) :]
        return target

    def read_into(self, offset: int, target: memoryview) -> int:
        done = 0
        while done < len(target):
            if self._lock is None:
                n = os.preadv(self._descriptor, [target[done:]], offset + done)
            else:  # no positioned read on this system
                with self._lock:
                    os.lseek(self._descriptor, offset + done, os.SEEK_SET)
                    part = os.read(self._descriptor, len(target) - done)
                    target[done : done + len(part)] = part
                    n = len(part)
            if n == 0:
                break
            done += n
        return done

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


class FileSource:
    """A binary file object that can seek; it stays open, and its position is restored after each read."""

    __slots__ = ("_file", "_lock", "size")

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._lock = threading.Lock()
        position = file.tell()
        self.size = file.seek(0, io.SEEK_END)
        file.seek(position)

    def read_at(self, offset: int, length: int) -> bytearray:
        target = bytearray(max(0, min(length, self.size - offset)))
        del target[self.read_into(offset, memoryview(target)) :]
        return target

    def read_into(self, offset: int, target: memoryview) -> int:
        done = 0
        with self._lock:
            position = self._file.tell()
            try:
                self._file.seek(offset)
                while done < len(target):
                    part = self._file.read(len(target) - done)
                    if not part:
                        break
                    target[done : done + len(part)] = part
                    done += len(part)
            finally:
                self._file.seek(position)
        return done

    def close(self) -> None:
        pass


def _is_text(file: Any) -> bool:
    return isinstance(file, io.TextIOBase) or (isinstance(getattr(file, "mode", None), str) and "b" not in file.mode)


def open_source(source: Any) -> Source:
    """The source for anything a caller may give.

    Raises
    ------
    TypeError
        Any other type; the message lists those accepted.
    OSError
        A path that cannot be opened.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return MemorySource(source)
    if isinstance(source, (str, os.PathLike)):
        if os.path.exists(source) and not os.path.isfile(source):  # a pipe has no size and no positions
            with open(source, "rb") as file:
                return MemorySource(file.read())
        return PathSource(source)
    if hasattr(source, "__array_interface__") and getattr(source, "ndim", None) == 1 and source.dtype == "uint8":
        return MemorySource(source)
    if hasattr(source, "read") and not _is_text(source):
        if getattr(source, "seekable", lambda: False)():
            return FileSource(source)
        return MemorySource(source.read())
    if hasattr(source, "PatientName") or type(source).__module__.startswith("pydicom."):
        from pydicom.dataset import Dataset

        if isinstance(source, Dataset):
            return MemorySource(_written(source))
    raise TypeError(
        "expected the bytes of a DICOM file (bytes, bytearray, memoryview, 1-D uint8 array), a path (str or "
        f"os.PathLike), a binary file object, or a pydicom Dataset; not {type(source).__name__}"
    )


def _written(dataset: Dataset) -> bytes:
    """A pydicom Dataset as the bytes of a file."""
    import copy

    from pydicom import dcmwrite
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    buffer = io.BytesIO()
    if not getattr(getattr(dataset, "file_meta", None), "TransferSyntaxUID", None):
        dataset = copy.copy(dataset)
        dataset.file_meta = FileMetaDataset()
        encoding = dataset.original_encoding
        if encoding[0] is None:
            dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        else:
            from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

            dataset.file_meta.TransferSyntaxUID = (
                ImplicitVRLittleEndian
                if encoding[0]
                else ExplicitVRLittleEndian
                if encoding[1]
                else ExplicitVRBigEndian
            )
    dcmwrite(buffer, dataset)
    return buffer.getvalue()
