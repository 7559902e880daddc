"""The columns of a table: which element each one holds, how it is found, and the kind of its values."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from dicomdecode.errors import DicomError
from dicomdecode.pixels.arguments import not_one_of
from dicomdecode.reading.private import PrivateTag, parse_private_tag, private_tag
from dicomdecode.tags import keyword_of, may_be_several, parse_tag, private_vr_of, vr_of

if TYPE_CHECKING:
    from dicomdecode.reading import DataSet

__all__ = ["ALL_ITEMS", "Cells", "Column", "Kind", "columns_of"]

#: What values are made; "any": what they are found to be.
Kind: TypeAlias = Literal["int", "float", "date", "time", "datetime", "str", "bytes", "any"]

KINDS: tuple[Kind, ...] = ("int", "float", "date", "time", "datetime", "str", "bytes")
_TYPES: Mapping[object, Kind] = {int: "int", float: "float", str: "str", bytes: "bytes"}
_KIND_OF_VR: Mapping[str, Kind] = {
    **dict.fromkeys(("US", "SS", "UL", "SL", "UV", "SV", "IS", "US or SS", "US or SS or OW"), "int"),
    **dict.fromkeys(("DS", "FL", "FD"), "float"),
    **dict.fromkeys(("AE", "AS", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UI", "UR", "UT"), "str"),
    **dict.fromkeys(("OB", "OD", "OF", "OL", "OV", "OW", "OB or OW", "US or OW"), "bytes"),
    **{"DA": "date", "TM": "time", "DT": "datetime", "AT": "int"},
}

#: Instead of the number of an item: all of them.
ALL_ITEMS = -1


class Column(NamedTuple):
    """One column.

    Attributes
    ----------
    name : str
        What it is called.
    path : tuple
        A tag; or tag, item number (or ALL_ITEMS), ..., tag.
    private : PrivateTag or None
        Instead of the path: an element of a private creator.
    kind : Kind
        Of its values.
    is_list : bool
        Each cell is a list: there may be several values. Else that is found out.
    """

    name: str
    path: tuple[int, ...]
    private: PrivateTag | None
    kind: Kind
    is_list: bool

    @property
    def is_plain(self) -> bool:
        """Whether it is one element of the data set of the file."""
        return self.private is None and len(self.path) == 1

    def cell(self, file: DataSet) -> Any:
        """What a file holds: a value, a list of several, [] where there is none, None where the element is absent; a
        DicomError where it cannot be read."""
        try:
            if self.private is None:
                return _along(file, self.path)
            tag = private_tag(file, *self.private)
            return None if tag is None else file.cells((tag,))[0]
        except DicomError as error:
            return error.with_traceback(None)


class Cells:
    """Reads what a file holds for some columns: a list with the cell of each. It can be pickled."""

    __slots__ = ("_others", "_plain", "_tags", "columns")

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self.columns = columns
        self._tags = tuple(column.path[0] for column in columns if column.is_plain)
        self._plain = [i for i, column in enumerate(columns) if column.is_plain]
        self._others = [i for i, column in enumerate(columns) if not column.is_plain]

    def __call__(self, file: DataSet) -> list[Any]:
        found = file.cells(self._tags)
        if not self._others:
            return found
        row: list[Any] = [None] * len(self.columns)
        for i, cell in zip(self._plain, found, strict=True):
            row[i] = cell
        for i in self._others:
            row[i] = self.columns[i].cell(file)
        return row


def _along(data: DataSet, path: tuple[int, ...]) -> Any:
    """The cell at the end of a path; a list with one for each item where the path names all."""
    if len(path) == 1:
        return data.cells(path)[0]
    tag, number, *rest = path
    if tag not in data:
        return None
    items = data.items(tag)
    if number != ALL_ITEMS:
        item = data.locate((tag, number, 0))
        return None if item is None else _along(item, tuple(rest))
    cells = (_along(item, tuple(rest)) for item in items)
    return [None if isinstance(cell, list) and not cell else cell for cell in cells]


def columns_of(tags: Any, types: Any) -> tuple[Column, ...]:
    """The columns that `tags=` and `types=` of `read_tags` ask for.

    Raises
    ------
    ValueError, TypeError
        One of them is wrong.
    """
    if isinstance(tags, (str, bytes)) or not isinstance(tags, (Mapping, Sequence)):
        raise TypeError(f"tags must be a list of tags, or a dict of names and tags, not {type(tags).__name__}")
    pairs = list(tags.items()) if isinstance(tags, Mapping) else [(_name_of(tag), tag) for tag in tags]
    if types is not None and not isinstance(types, Mapping):
        raise TypeError(f"types must be a dict of names and types, not {type(types).__name__}")
    asked = dict(types or {})
    columns = tuple(_column(name, tag, asked.pop(name, None)) for name, tag in pairs)
    if asked:
        raise ValueError(f"types names no column: {', '.join(map(repr, asked))}")
    names = [column.name for column in columns]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two columns are called {name!r}")
    if not columns:
        raise ValueError("tags names no column")
    return columns


def _name_of(tag: Any) -> str:
    """The name as it was written; for a number, its keyword."""
    if isinstance(tag, str):
        return tag
    path = parse_tag(tag)
    if len(path) > 1:
        return "".join(f"[{n:08X}]" if i % 2 == 0 else f"[{n}]" for i, n in enumerate(path))
    return keyword_of(path[0]) or f"({path[0] >> 16:04X},{path[0] & 0xFFFF:04X})"


def _column(name: Any, tag: Any, kind: Any) -> Column:
    if not isinstance(name, str):
        raise TypeError(f"the name of a column is a str, not {type(name).__name__}")
    private = parse_private_tag(tag) if isinstance(tag, str) else None
    if private is not None:
        vr = private_vr_of(private.group << 16 | 0x1000 | private.element, private.creator)
        return Column(name, (), private, _kind(name, vr, kind), False)
    path = _path_of(tag)
    vr = vr_of(path[-1])
    if vr == "SQ":
        raise ValueError(f"{name} is a sequence: name an element of its items, as in '[SequenceName][*][CodeValue]'")
    is_list = ALL_ITEMS in path[1::2] or may_be_several(path[-1])
    return Column(name, path, None, _kind(name, vr, kind), is_list)


def _path_of(tag: Any) -> tuple[int, ...]:
    """`parse_tag`, with "*" for all items."""
    if not isinstance(tag, str) or "*" not in tag:
        path = parse_tag(tag)
    else:
        parts = re.split(r"\]\s*\[", tag.strip())
        stars = [part.strip() == "*" for part in parts]
        path = parse_tag("][".join("0" if star else part for part, star in zip(parts, stars, strict=True)))
        path = tuple(ALL_ITEMS if star else number for number, star in zip(path, stars, strict=True))
    if any(number < ALL_ITEMS for number in path[1::2]) or (-1 in path[1::2] and "*" not in str(tag)):
        raise ValueError(f"items are counted from 0: {tag!r}")
    return path


def _kind(name: str, vr: str, asked: Any) -> Kind:
    if asked is None:
        return _KIND_OF_VR.get(vr, "any")
    if isinstance(asked, str):
        for kind in KINDS:
            if asked == kind:
                return kind
    elif asked in _TYPES:
        return _TYPES[asked]
    raise not_one_of(f"types[{name!r}]", asked if isinstance(asked, str) else repr(asked), KINDS)
