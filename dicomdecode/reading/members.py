"""Members of zip and tar archives as files. It is imported when there is one: zipfile and tarfile take long."""

from __future__ import annotations

import errno
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from dicomdecode.errors import DicomError, MalformedError, UnsupportedError
from dicomdecode.limits import check_limit, over_limit
from dicomdecode.reading.archives import MemberPath
from dicomdecode.reading.seekable import SeekableFile

if TYPE_CHECKING:
    from dicomdecode.limits import Limits

__all__ = ["Member", "find_member", "members_of"]

_STEP = 1 << 20  # bytes that are inflated at a time


class Member(NamedTuple):
    """One file in an archive: its name there, and what `open_source` takes."""

    name: str
    source: Any


#: Whether a member is wanted: its name, and a file at its start.
_Wanted = Callable[[str, SeekableFile], bool]


def members_of(archive: str, limits: Limits, wanted: _Wanted) -> Iterator[Member]:
    """The files in an archive, in its own order; most of them are read only when they are needed.

    Raises
    ------
    DicomError
        The archive is damaged, or of a kind that cannot be read.
    OSError
        It cannot be opened.
    """
    if archive.lower().endswith(".zip"):
        members = _members_of_zip(archive, limits, wanted)
    elif archive.lower().endswith(".tar"):
        members = _members_of_tar(archive, wanted)
    else:
        members = _members_of_stream(archive, limits, wanted)
    with _Reading():
        yield from members


def find_member(path: MemberPath, limits: Limits) -> Any:
    """What `open_source` takes for one member.

    Raises
    ------
    FileNotFoundError
        The archive has no such member.
    DicomError, OSError
        As `members_of`.
    """
    for member in members_of(path.archive, limits, lambda name, file: name == path.member):
        return member.source
    raise FileNotFoundError(errno.ENOENT, "The archive has no such member", os.path.join(*path))


def _damaged() -> MalformedError:
    return MalformedError("The archive is damaged", code="archive")


class _Reading:
    """What the modules zipfile and tarfile and their decompressors raise for damaged archives is of every kind."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, Exception) and not isinstance(error, (DicomError, OSError, MemoryError)):
            raise _damaged() from None


def _members_of_zip(archive: str, limits: Limits, wanted: _Wanted) -> Iterator[Member]:
    file = zipfile.ZipFile(_Part(archive, 0, os.path.getsize(archive)))  # which holds no descriptor
    for info in file.infolist():
        member = _ZipMember(archive, file, info, limits)
        if not info.is_dir() and wanted(info.filename, member):
            yield Member(info.filename, member)


def _members_of_tar(archive: str, wanted: _Wanted) -> Iterator[Member]:
    with tarfile.open(archive, "r:") as tar:
        for info in _headers_of(tar):
            part = _Part(archive, info.offset_data, info.size)
            if info.isreg() and not info.issparse() and wanted(info.name, part):
                yield Member(info.name, part)


def _members_of_stream(archive: str, limits: Limits, wanted: _Wanted) -> Iterator[Member]:
    """Of a compressed tar: it has no positions, so that a member is read whole as it is passed."""
    with open(archive, "rb") as packed, tarfile.open(fileobj=packed, mode="r|*") as tar:
        for info in _headers_of(tar):
            file = tar.extractfile(info) if info.isreg() else None
            if file is not None:
                member = _StreamMember(packed, file, info.size, limits)
                if wanted(info.name, member):
                    member.seek(0)
                    yield Member(info.name, member.read())


def _headers_of(tar: Any) -> Iterator[tarfile.TarInfo]:
    """The members of a tar, which tarfile does not keep; each lies behind the one before, whatever sizes they claim."""
    before = -1
    for info in tar:
        tar.members = []
        if info.size < 0 or info.offset <= before:
            raise _damaged()
        before = info.offset
        yield info


class _Part(SeekableFile):
    """A part of another file. No descriptor is held."""

    def __init__(self, path: str, offset: int, size: int) -> None:
        super().__init__(size)
        self._path = path
        self._offset = offset

    def _bytes(self, start: int, stop: int) -> bytes:
        with open(self._path, "rb", buffering=0) as file:
            file.seek(self._offset + start)
            return file.read(stop - start)

    def __reduce__(self) -> tuple[Any, ...]:
        return _Part, (self._path, self._offset, self._size)


class _Inflated(SeekableFile):
    """A compressed member: inflated once, and only as far as it is read, within the limits."""

    def __init__(self, size: int, limits: Limits) -> None:
        super().__init__(size)
        self._limits = limits
        self._stream: IO[bytes] | None = None
        self._held = bytearray()

    def _open(self) -> IO[bytes]:
        raise NotImplementedError

    def _packed(self) -> int:
        """Bytes that it is inflated from, at most."""
        raise NotImplementedError

    def _bytes(self, start: int, stop: int) -> bytes:
        check_limit("The member of the archive exceeds", "limit_stream_bytes", self._limits.stream_bytes, self._size)
        with _Reading():
            if self._stream is None:
                self._stream = self._open()
            self._inflate(self._stream, stop)
        with memoryview(self._held) as held:
            return bytes(held[start:stop])

    def _inflate(self, stream: IO[bytes], stop: int) -> None:
        while len(self._held) < stop:
            part = stream.read(min(stop - len(self._held), _STEP))
            if not part:
                return
            self._held += part
            most = self._limits.inflate_ratio * self._packed()
            if len(self._held) > max(most, _STEP):
                raise over_limit("The inflated member exceeds", "limit_inflate_ratio", most)


class _ZipMember(_Inflated):
    def __init__(self, archive: str, file: zipfile.ZipFile, info: zipfile.ZipInfo, limits: Limits) -> None:
        super().__init__(info.file_size, limits)
        self._archive = archive
        self._file = file
        self._info = info

    def _open(self) -> IO[bytes]:
        try:
            return self._file.open(self._info)
        except (RuntimeError, NotImplementedError):
            raise UnsupportedError(
                "The member of the archive is encrypted, or compressed by a method that is not supported",
                code="archive",
            ) from None

    def _packed(self) -> int:
        return min(self._info.compress_size, os.path.getsize(self._archive))  # what the directory says may be a lie

    def __reduce__(self) -> tuple[Any, ...]:
        return find_member, (MemberPath(self._archive, self._info.filename), self._limits)


class _StreamMember(_Inflated):
    def __init__(self, packed: IO[bytes], file: IO[bytes], size: int, limits: Limits) -> None:
        super().__init__(size, limits)
        self._file = packed
        self._stream = file

    def _packed(self) -> int:
        return self._file.tell()
