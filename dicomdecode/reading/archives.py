"""The paths of archives and of their members: "archive.zip/member.dcm". What is in them, `members` reads."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

__all__ = ["MemberPath", "split_archive"]

_ENDING = re.compile(r"\.(?:zip|tar|tar\.gz|tgz|tar\.bz2|tbz2|tar\.xz|txz)(?=[/\\]|$)", re.IGNORECASE)


class MemberPath(NamedTuple):
    """The path of an archive, and the name of a member in it; "" is the archive as a whole."""

    archive: str
    member: str


def split_archive(path: str) -> MemberPath | None:
    """The archive that a path leads through, or to; None where it does not."""
    for match in _ENDING.finditer(path):
        if os.path.isfile(path[: match.end()]):
            return MemberPath(path[: match.end()], path[match.end() + 1 :].replace("\\", "/").strip("/"))
    return None
