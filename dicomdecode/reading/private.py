"""Private elements by their creator (PS3.5 7.8.1): the creator says which block of the group is its own."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

__all__ = ["PrivateTag", "parse_private_tag", "private_tag"]

#: The blocks that a creator is looked for in: writers reserve them from 0x10 on.
_BLOCKS = range(0x10, 0x20)
_FORM = re.compile(r"\(?\s*([0-9A-Fa-f]{4})\s*,\s*\[([^\[\]]+)\]\s*,\s*([0-9A-Fa-f]{1,2})\s*\)?")


class _DataSet(Protocol):
    def raw(self, tag: int) -> bytes | None: ...


class PrivateTag(NamedTuple):
    """Element 0xEE of the block that a creator has reserved in a group."""

    group: int
    creator: str
    element: int


def parse_private_tag(text: str) -> PrivateTag | None:
    """What "(0029,[SIEMENS CSA HEADER],10)" names; None of a text of another form.

    Raises
    ------
    ValueError
        The group is even: it has no creators.
    """
    form = _FORM.fullmatch(text.strip())
    if form is None:
        return None
    found = PrivateTag(int(form[1], 16), form[2].strip(), int(form[3], 16))
    if not found.group & 1:
        raise ValueError(f"a private creator has an odd group, not {found.group:04X}")
    return found


def private_tag(data: _DataSet, group: int, creator: str, element: int) -> int | None:
    """The tag of element 0xEE of a creator's block, whichever that is; None where the creator has none."""
    for block in _BLOCKS:
        found = data.raw(group << 16 | block)
        if found is not None and found.strip(b" \0").decode("latin-1") == creator:
            return group << 16 | block << 8 | element
    return None
