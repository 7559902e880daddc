"""Patterns of paths, as in `glob`; the matches come one by one in a stable order."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator

__all__ = ["find_names", "has_magic", "matches"]

_MAGIC = re.compile(r"[*?[]")


def has_magic(path: str) -> bool:
    """Whether a path is a pattern."""
    return _MAGIC.search(path) is not None


def find_names(pattern: str) -> Iterator[str]:
    """The paths that match a pattern: "*", "?" and "[a-z]" within a name, "**" for folders at any depth.

    Names come in their order, folder by folder. A name that begins with a dot is matched by such a pattern only.
    """
    drive, rest = os.path.splitdrive(pattern)
    parts = [part for part in re.split(r"[/\\]" if os.sep == "\\" else "/", rest) if part]
    root = drive + (os.sep if rest[:1] in ("/", os.sep) else "")
    return _matching(root, parts)


def _matching(folder: str, parts: list[str]) -> Iterator[str]:
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _matching(folder, rest or ["*"])
        for name in _names_in(folder):
            path = os.path.join(folder, name)
            if not name.startswith(".") and os.path.isdir(path) and not os.path.islink(path):
                yield from _matching(path, parts)
        return
    names = [name for name in _names_in(folder) if matches(name, part)] if has_magic(part) else [part]
    for name in names:
        path = os.path.join(folder, name)
        if rest:
            yield from _matching(path, rest)
        elif os.path.lexists(path):
            yield path


def _names_in(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder or os.curdir))
    except NotADirectoryError:
        return []


def matches(name: str, pattern: str) -> bool:
    """Whether a name matches; one that begins with a dot only where the pattern does, too."""
    return fnmatch.fnmatchcase(name, pattern) and (pattern.startswith(".") or not name.startswith("."))
