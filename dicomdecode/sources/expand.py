"""Paths, folders, patterns, archives and URLs -> the files that they stand for, one by one."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Sized
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from dicomdecode.errors import DicomError
from dicomdecode.reading._reading import count_plain
from dicomdecode.reading.archives import MemberPath, split_archive
from dicomdecode.reading.remote import Worded, filesystem_of, is_http, is_url
from dicomdecode.sources.names import find_names, has_magic, matches

if TYPE_CHECKING:
    from dicomdecode.limits import Limits

__all__ = ["Expansion", "Item", "expand", "looks_like_dicom"]

_ENDINGS = (".dcm", ".dicom")
_PREFIX = 132  # bytes: preamble and "DICM" (PS3.10 7.1)
_NO_FILE = "There is no DICOM file in it"
_LOOKED_AT = 64  # sources of a list whose paths are looked at together


class SupportsRead(Protocol):
    """A binary file."""

    def read(self, size: int = -1, /) -> bytes | None: ...


class Item(NamedTuple):
    """One file, or the reason why something stands for none.

    Attributes
    ----------
    name : object
        What the caller knows it by: the source as given, or the path of a file in a folder or an archive.
    source : object
        What `dicomdecode.open` takes.
    error : Exception or None
        Why there is no file.
    """

    name: Any
    source: Any
    error: Exception | None = None


class Some(NamedTuple):
    """Files that follow each other: items, without an object for each.

    Attributes
    ----------
    names, sources : list
        Those of the items.
    errors : dict of int and Exception
        Place in the lists -> why there is no file.
    """

    names: list[Any]
    sources: list[Any]
    errors: dict[int, Exception]


class Expansion(Iterator[Item]):
    """The files that `sources` stand for, in their order; nothing is examined before it is needed.

    Attributes
    ----------
    total : int or None
        How many there are, as far as it is known: folders count as one until they are opened. None: not known.
    is_listed : bool
        `sources` are a list or the like, so that getting the next one never waits for other code.
    """

    def __init__(self, sources: Any, limits: Limits) -> None:
        listed = [sources] if _is_single(sources) else sources
        if not isinstance(listed, Iterable):
            raise TypeError(f"sources must be an iterable of sources, not {type(sources).__name__}")
        self.is_listed = isinstance(listed, Sized)
        self.total = len(listed) if isinstance(listed, Sized) else None
        step = _LOOKED_AT if isinstance(listed, (list, tuple)) else 1
        self._found = self._expanded(iter(listed), step, limits)
        self._plain: list[Any] = []  # that come before what is found next

    def _expanded(self, sources: Iterator[Any], step: int, limits: Limits) -> Iterator[list[Any] | Item]:
        """Plain paths of files, as many as follow each other, and items of all else."""
        while looked_at := list(itertools.islice(sources, step)):
            at = 0
            while at < len(looked_at):
                plain = count_plain(looked_at, at)  # most are
                if plain:
                    yield looked_at[at : at + plain]
                at += plain
                for source in looked_at[at : at + 1]:
                    at += 1
                    yield from self._counted(_files_of(source, limits))

    def _counted(self, items: Iterator[Item]) -> Iterator[Item]:
        """What one source stands for."""
        for number, item in enumerate(items):
            if number and self.total is not None:
                self.total += 1
            yield item

    def __next__(self) -> Item:
        names, sources, errors = self.take(1)
        return Item(names[0], sources[0], errors.get(0))

    def take(self, most: int) -> Some:
        """The next `most` sources, or those up to the first one that is neither a path nor bytes.

        Raises
        ------
        StopIteration
            There are no more.
        """
        some = Some([], [], {})
        while (room := most - len(some.names)) > 0:
            if not self._plain:
                found = next(self._found, None)
                if found is None:
                    break
                if isinstance(found, Item):
                    if found.error is not None:
                        some.errors[len(some.names)] = found.error
                    some.names.append(found.name)
                    some.sources.append(found.source)
                    if isinstance(found.source, (str, bytes, os.PathLike)):
                        continue
                    break
                self._plain = found
            some.names.extend(self._plain[:room])
            some.sources.extend(self._plain[:room])
            del self._plain[:room]
        if not some.names:
            raise StopIteration
        return some


def expand(sources: Any, limits: Limits) -> Expansion:
    """The files that `sources` stand for.

    Parameters
    ----------
    sources : iterable, or one source
        Of everything that `dicomdecode.open` takes, folders (with all in them that looks like DICOM), patterns
        ("scans/**/*.dcm"), archives ("scans.zip", "scans.tar.gz") and parts of them ("scans.zip/a/*.dcm"), and URLs.
        It may be endless.
    limits : Limits
        What a member of an archive may ask for.

    Returns
    -------
    Expansion
        An iterator of `Item`. In folders the order is that of the names, files before folders; in archives their own.
        What cannot be read, and a folder without DICOM, is an item with an error.

    Raises
    ------
    TypeError
        `sources` can neither be opened nor iterated over.
    """
    return Expansion(sources, limits)


def _is_single(sources: Any) -> bool:
    """Whether this is one source rather than several: some of those can be iterated over, too."""
    return (
        isinstance(sources, (str, os.PathLike, bytes, bytearray, memoryview))
        or hasattr(sources, "read")
        or hasattr(sources, "__array_interface__")
        or type(sources).__module__.startswith("pydicom.")
    )


def _files_of(source: Any, limits: Limits) -> Iterator[Item]:
    if not isinstance(source, (str, os.PathLike)):
        yield Item(source, source)
        return
    try:
        if is_url(source):
            yield from _files_of_url(str(source))
        else:
            yield from _files_of_path(source, limits)
    except (OSError, DicomError, ImportError) as error:
        # The traceback holds the frames, and they the archive, open.
        yield Item(source, None, error.with_traceback(None))


def _files_of_path(source: str | os.PathLike[str], limits: Limits) -> Iterator[Item]:
    path = os.fsdecode(source)
    archive = split_archive(path)
    if archive is not None:
        what = "There is no DICOM file of this name in the archive" if archive.member else _NO_FILE
        yield from _some(source, _files_of_archive(archive, limits), what)
    elif os.path.isdir(path):
        yield from _some(source, _files_of_folder(path))
    elif has_magic(path) and not os.path.lexists(path):
        yield from _some(source, _files_of_pattern(path, limits))
    else:
        yield Item(source, source)


def _some(source: Any, items: Iterator[Item], what: str = _NO_FILE) -> Iterator[Item]:
    """These items; one with an error where there are none."""
    is_empty = True
    for item in items:
        is_empty = False
        yield item
    if is_empty:
        yield Item(source, None, DicomError(what, code="no_files"))


def _files_of_folder(path: str) -> Iterator[Item]:
    errors: list[OSError] = []
    for folder, folders, files in os.walk(path, onerror=errors.append):
        folders.sort()
        for name in sorted(files):
            file = os.path.join(folder, name)
            if looks_like_dicom(file):
                yield Item(file, file)
        while errors:
            error = errors.pop()
            yield Item(error.filename, None, error)
    for error in errors:
        yield Item(error.filename, None, error)


def looks_like_dicom(path: str) -> bool:
    """Of the files of a folder, those with the prefix of PS3.10 7.1 or the usual ending; no DICOMDIR (PS3.10 8.6)."""
    if os.path.basename(path) == "DICOMDIR" or not os.path.isfile(path):  # a pipe would wait for ever
        return False
    if path.lower().endswith(_ENDINGS):
        return True
    try:
        with open(path, "rb", buffering=0) as file:
            return has_prefix(file)
    except OSError:
        return True  # who opens it then says what is wrong with it


def has_prefix(file: SupportsRead) -> bool:
    """Whether a file begins as PS3.10 7.1 says."""
    return (file.read(_PREFIX) or b"")[128:] == b"DICM"


def _files_of_pattern(pattern: str, limits: Limits) -> Iterator[Item]:
    for path in find_names(pattern):
        if os.path.isdir(path):
            if "**" not in pattern:  # which finds what is in the folder by itself
                yield from _files_of_folder(path)
        elif split_archive(path) is not None:
            yield from _files_of_path(path, limits)
        elif os.path.isfile(path) or not os.path.exists(path):  # a pipe would wait for ever
            yield Item(path, path)


def _files_of_archive(path: MemberPath, limits: Limits) -> Iterator[Item]:
    """All of an archive, or the member, the folder or the pattern in it that the path names."""

    def wanted(name: str, file: SupportsRead) -> bool:
        if name == path.member:
            return True
        if has_magic(path.member):
            return matches(name, path.member)
        if path.member and not name.startswith(path.member + "/"):
            return False
        return name.lower().endswith(_ENDINGS) or has_prefix(file)

    from dicomdecode.reading.members import members_of

    for member in members_of(path.archive, limits, wanted):
        yield Item(os.path.join(path.archive, member.name), member.source)


def _files_of_url(url: str) -> Iterator[Item]:
    if is_http(url):  # which has no folders
        yield Item(url, url)
        return
    files, path = filesystem_of(url)
    with Worded(url):
        if has_magic(path):
            found = sorted(files.glob(path))
        elif files.isdir(path):
            found = sorted(files.find(path))
        else:
            found = None
    if found is None:
        yield Item(url, url)
        return
    chain = url.partition("::")[2]
    yield from _some(url, (_item_of(files, name, chain) for name in found))


def _item_of(files: Any, path: str, chain: str) -> Item:
    url = files.unstrip_protocol(path) + (f"::{chain}" if chain else "")
    return Item(url, url)
