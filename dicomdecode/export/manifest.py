"""The manifest of an export: a line of JSON for its settings, then one for each source, in the order of the input.

A line is written once its result is whole and on the disk, so what the manifest names is there. It is also what a
second run relies on, and what keeps two runs from writing into one folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dicomdecode.errors import ExportError
from dicomdecode.export.files import PARTIAL, disk_errors, flush_folder

__all__ = ["MANIFEST", "Entry", "Manifest", "read_manifest"]

MANIFEST = "manifest.jsonl"
_NO_TEXT = re.compile("[\ud800-\udfff]")
_ENCODER = json.JSONEncoder(ensure_ascii=False)
#: How often lines are flushed to the disk. Only where the power fails does it lose those of the last second: what they
#: name is made again.
_FLUSH_SECONDS = 1.0


@dataclass(slots=True)
class Entry:
    """What became of one source.

    Attributes
    ----------
    index : int
        Its place in the input, counted from 0.
    source : str
        Its path; of bytes and file objects what they are.
    size : int or None
        Of the source, in bytes, where that is known without reading it.
    results : tuple of str
        The files it is in.
    checksum : str
        SHA-256 of the first of them.
    error : str
        Why there are none; empty where there are.
    code : str
        The code of the error, or the name of its class.
    """

    index: int
    source: str
    size: int | None
    results: tuple[str, ...] = ()
    checksum: str = ""
    error: str = ""
    code: str = ""

    @property
    def is_final(self) -> bool:
        """Whether a second run can do no better: an error of the content stays, one of the system may have gone."""
        return not self.error or self.code[:1].islower()

    def line(self) -> str:
        fields = {"index": self.index, "source": self.source, "size": self.size, "results": list(self.results)}
        fields |= {"checksum": self.checksum, "error": self.error, "code": self.code}
        return _in_json(fields)

    @classmethod
    def of_line(cls, line: str) -> Entry:
        """The entry that `line` made.

        Raises
        ------
        ValueError, TypeError, KeyError, RecursionError
            The line is damaged. A result is a name in the folder and nothing else: what it names may be removed.
        """
        fields = json.loads(line)
        fields["results"] = tuple(fields["results"])
        entry = cls(**fields)
        texts = (entry.source, *entry.results, entry.checksum, entry.error, entry.code)
        if not isinstance(entry.index, int) or not all(isinstance(text, str) for text in texts):
            raise TypeError("an entry has a field of another type")
        if any(name in ("", ".", "..") or "/" in name or "\\" in name for name in entry.results):
            raise ValueError("a result is not in the folder")
        return entry


def _in_json(fields: dict[str, Any]) -> str:
    """Readable, but for the bytes of paths that are no UTF-8: Python has halves of a surrogate pair for them."""
    return _NO_TEXT.sub(lambda half: f"\\u{ord(half[0]):04x}", _ENCODER.encode(fields))


class Manifest:
    """The manifest of a folder, open to be added to.

    Parameters
    ----------
    folder : Path
        Of the results; it is made where it is not there.
    settings : dict
        What the results depend on.
    resume, overwrite : bool
        Go on from what a run with the same settings has left; throw away what any run has left.

    Raises
    ------
    ExportError
        The folder holds something else, or results of other settings, or another run writes into it.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
        self.path = folder / MANIFEST
        self.known: dict[int, Entry] = {}
        self._flushed = 0.0
        head = _in_json({"dicomdecode": 1, **settings})
        with disk_errors():
            if folder.exists() and not folder.is_dir():
                raise ExportError("The target is a file, and must be a folder", code="target_exists")
            folder.mkdir(parents=True, exist_ok=True)
            if not overwrite and not self.path.exists() and any(each.name != PARTIAL for each in folder.iterdir()):
                raise ExportError(
                    "The target folder is not empty, and holds no manifest of an export",
                    code="target_exists",
                    hint="Choose another folder, or pass overwrite=True to write among what is there",
                )
            self._file = open(self.path, "a+b")  # noqa: SIM115
        try:
            self._lock()
            with disk_errors():
                if overwrite:
                    _remove_results(folder)
                    self._file.truncate(0)
                self._read(head, resume=resume)
                shutil.rmtree(folder / PARTIAL, ignore_errors=True)
        except BaseException:
            self._file.close()
            raise

    def _lock(self) -> None:
        """Keep other runs out; the lock goes with the process, however that ends."""
        try:
            import fcntl
        except ImportError:  # not on Windows
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ExportError("Another run writes into the target folder", code="target_busy") from None
        except OSError:  # a file system without locks
            return

    def _read(self, head: str, *, resume: bool) -> None:
        """Take over the lines that are whole. A line that was cut when its run was ended is written again."""
        self._file.seek(0)
        *lines, cut = self._file.read().split(b"\n")
        if not lines:
            self._file.truncate(0)
            self._append([head])
            return
        if not resume:
            raise ExportError(
                "The target folder holds results of an export",
                code="target_exists",
                hint="Pass resume=True to go on from there, or overwrite=True to throw them away",
            )
        if lines[0] != head.encode():
            raise ExportError(
                "The target folder holds results of an export with other settings",
                code="target_exists",
                hint="Choose another folder, or pass overwrite=True to throw them away",
            )
        for entry in _entries(lines[1:]):
            self.known[entry.index] = entry
        if cut:
            self._file.truncate(self._file.tell() - len(cut))

    def add(self, entries: Iterable[Entry]) -> None:
        """Write the lines of sources whose results are at their places; those that are there are not repeated."""
        new = [entry for entry in entries if self.known.get(entry.index) != entry]
        if new:
            with disk_errors():
                self._append([entry.line() for entry in new])

    def _append(self, lines: list[str]) -> None:
        self._file.write("".join(line + "\n" for line in lines).encode())
        self._file.flush()
        now = time.monotonic()
        if now - self._flushed >= _FLUSH_SECONDS:
            self._flushed = now
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Lines, and the places of what they name, are on the disk then."""
        with disk_errors():
            try:
                os.fsync(self._file.fileno())
                flush_folder(self.path.parent)
            finally:
                self._file.close()


def _entries(lines: list[bytes]) -> list[Entry]:
    try:
        return [Entry.of_line(line.decode()) for line in lines]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ExportError("The manifest in the target folder is damaged", code="target_exists") from None


def read_manifest(folder: Path) -> dict[int, Entry]:
    """What a manifest says, by index; nothing where there is none."""
    path = folder / MANIFEST
    lines = path.read_bytes().split(b"\n")[1:-1] if path.exists() else []
    return {entry.index: entry for entry in _entries(lines)}


def _remove_results(folder: Path) -> None:
    """Remove what a manifest names; nothing else in the folder is touched."""
    for entry in read_manifest(folder).values():
        for name in entry.results:
            target = folder / name
            if target.is_dir() and target.parent == folder:
                shutil.rmtree(target)
            elif target.parent == folder:
                target.unlink(missing_ok=True)
