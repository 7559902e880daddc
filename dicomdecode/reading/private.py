"""Private elements by their creator (PS3.5 7.8.1): the creator says which block of the group is its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicomdecode.reading import DataSet

__all__ = ["private_tag"]

#: The blocks that a creator is looked for in: writers reserve them from 0x10 on.
_BLOCKS = range(0x10, 0x20)


def private_tag(data: DataSet, group: int, creator: str, element: int) -> int | None:
    """The tag of element 0xEE of a creator's block, whichever that is; None where the creator has none."""
    for block in _BLOCKS:
        found = data.raw(group << 16 | block)
        if found is not None and found.strip(b" \0").decode("latin-1") == creator:
            return group << 16 | block << 8 | element
    return None
