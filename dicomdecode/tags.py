"""What is known about tags: keywords, old-style names, value representations, and how callers write a tag.

The data dictionary is pydicom's; its tables are loaded when a keyword or an implicit VR is first met.
"""

from __future__ import annotations

import difflib
import functools
import importlib.machinery
import importlib.util
import operator
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "Path",
    "dicom_tags",
    "is_defined",
    "keyword_of",
    "may_be_several",
    "parse_tag",
    "private_vr_of",
    "vr_of",
]

#: A tag, or an alternation tag, item number, tag, ... that ends with a tag.
Path = tuple[int, ...]

_NUMBER = re.compile(r"\s*(0[xX])?([0-9a-fA-F]{1,4})\s*")
_PAIR = re.compile(r"\(?([^,()]+),([^,()]+)\)?")
_OTHER_THAN_NAMES = re.compile(r"[^A-Za-z0-9]")
_WHOLE = re.compile(r"(?:0[xX])?([0-9a-fA-F]{8})")


#: Groups whose tags need no look into the dictionary, which takes a hundredth of a second to load.
_WELL_KNOWN = frozenset({0x0002, 0x0008, 0x0010, 0x0018, 0x0020, 0x0028, 0x7FE0, 0xFFFE})
#: VR, VM, name, whether it is retired, keyword.
_Entry = tuple[str, str, str, str, str]


def _dictionary(name: str) -> ModuleType:
    """A module of pydicom that is nothing but a table. The package around it, which takes 0.1 s to import, is left out.

    Where pydicom is imported already it is that module, with what its user has added to it.
    """
    loaded = sys.modules.get(f"pydicom.{name}")
    if loaded is not None:
        return loaded
    package = importlib.util.find_spec("pydicom")
    places = package.submodule_search_locations if package is not None else None
    spec = importlib.machinery.PathFinder.find_spec(name, places)
    if spec is None or spec.loader is None:  # packed in a way of its own
        return importlib.import_module(f"pydicom.{name}")
    table = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(table)
    return table


@functools.cache
def _public() -> Mapping[int, _Entry]:
    """Tag -> entry."""
    entries: Mapping[int, _Entry] = _dictionary("_dicom_dict").DicomDictionary
    return entries


@functools.cache
def _repeating() -> Sequence[tuple[int, int, _Entry]]:
    """Of tags in repeating groups (PS3.5 7.6): the digits that are given, as a mask, their values, the entry."""
    repeaters: Mapping[str, _Entry] = _dictionary("_dicom_dict").RepeatersDictionary
    return [
        (int("".join("0" if c == "x" else "F" for c in key), 16), int(key.replace("x", "0"), 16), entry)
        for key, entry in repeaters.items()
    ]


@functools.cache
def _private() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Private creator -> tag, with xx where the block is (PS3.5 7.8.1) -> entry."""
    creators: Mapping[str, Mapping[str, Sequence[str]]] = _dictionary("_private_dict").private_dictionaries
    return creators


@functools.cache
def _names() -> dict[str, int]:
    """Keyword -> tag."""
    return {entry[4]: tag for tag, entry in _public().items() if entry[4]}


@functools.cache
def _keywords() -> Mapping[str, int]:
    """Keyword, and old-style name (the attribute's name without spaces and punctuation) -> tag."""
    repeaters = {entry[4]: value for _, value, entry in _repeating() if entry[4]}
    old = {_OTHER_THAN_NAMES.sub("", entry[2]): tag for tag, entry in _public().items() if entry[4]}
    return {k: v for k, v in (old | repeaters | _names()).items() if k.isidentifier()}


@functools.lru_cache(maxsize=1024)
def _entry(tag: int) -> _Entry | None:
    """The entry of a tag that is not private."""
    found = _public().get(tag)
    if found is None and not tag >> 16 & 1:
        found = next((entry for mask, value, entry in _repeating() if tag & mask == value), None)
    return found


def may_be_several(tag: int) -> bool:
    """Whether the data dictionary allows several values."""
    found = _entry(tag)
    return found is not None and found[1] != "1"


def vr_of(tag: int) -> str:
    """The VR of a tag by the data dictionary (PS3.6), as written there ("US or SS"); "UN" when unknown."""
    found, element = _entry(tag), tag & 0xFFFF
    if found is not None:
        return found[0]
    if element == 0:
        return "UL"  # group length
    # private creators (PS3.5 7.8.1), and unknown tags
    return "LO" if tag >> 16 & 1 and 0x10 <= element <= 0xFF else "UN"


def is_defined(tag: int) -> bool:
    """Whether a tag means something by the data dictionary (PS3.6), or is of a group of which all but few do."""
    return tag >> 16 in _WELL_KNOWN or (not tag >> 16 & 1 and vr_of(tag) != "UN")


@functools.lru_cache(maxsize=1024)
def private_vr_of(tag: int, creator: str) -> str:
    """The VR of a private tag by pydicom's dictionary of private creators, "UN" when unknown."""
    group, element = f"{tag >> 16:04X}", f"{tag & 0xFFFF:04X}"
    known = _private().get(creator, {})
    for key in (group + element, f"{group}xx{element[-2:]}", f"{group[:2]}xxxx{element[-2:]}"):
        if key in known:
            return known[key][0]
    return "UN"


def keyword_of(tag: int) -> str:
    """The keyword of a tag, or "" when the dictionary has none."""
    found = _entry(tag)
    return found[4] if found is not None else ""


def _hexadecimal(text: str) -> int:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError
    return int(match[2], 16)


def _parse_one(text: str) -> int:
    text = text.strip()
    pair, whole = _PAIR.fullmatch(text), _WHOLE.fullmatch(text)
    try:
        if pair is not None:
            return _hexadecimal(pair[1]) << 16 | _hexadecimal(pair[2])
        if whole is not None:
            return int(whole[1], 16)
        return _names()[text] if text in _names() else _keywords()[text]
    except (KeyError, ValueError):
        near = _nearest_keyword(text)
        raise ValueError(
            f"not a tag: {text!r}; "
            + (f"did you mean {near!r}? Else " if near else "")
            + "write 0x00100010, a keyword such as 'PatientName', '0010,0010', '(0010,0010)', '0x0010,0x0010', "
            "or a path '[0x0008,0x1115][0][0x0008,0x1140]'"
        ) from None


def _nearest_keyword(text: str) -> str | None:
    """The keyword that was probably meant: the same except for upper and lower case, or nearly the same."""
    keywords = {entry[4].lower(): entry[4] for entry in _public().values() if entry[4]}
    near = difflib.get_close_matches(text.lower()[:64], keywords, 1, 0.8)
    return keywords[near[0]] if near else None


@functools.lru_cache(maxsize=4096)
def _parse_text(text: str) -> Path:
    stripped = text.strip()
    if not stripped.startswith("["):
        return (_parse_one(stripped),)
    parts = stripped[1:-1].split("][") if stripped.endswith("]") else []
    if len(parts) % 2 == 0:
        raise ValueError(f"not a path of tag, item number, ..., tag: {text!r}")
    try:
        return tuple(_parse_one(part) if i % 2 == 0 else int(part) for i, part in enumerate(parts))
    except ValueError:
        raise ValueError(f"not a path of tag, item number, ..., tag: {text!r}") from None


def parse_tag(tag: object) -> Path:
    """Read a tag in any of the forms callers write.

    Parameters
    ----------
    tag : int, NumPy integer, pair of int, str, or tuple
        ``0x00100010``, ``(0x0010, 0x0010)``, ``"PatientName"``, ``"0010,0010"``, ``"(0010,0010)"``,
        ``"0x0010,0x0010"``, ``"00100010"``, ``"0x00100010"``, or a path
        ``"[0x0008,0x1115][0][0x0008,0x1140][0][0x0008,0x1155]"``, keywords allowed in the brackets; or what this
        function returns.

    Returns
    -------
    tuple of int
        The tag, or tag, item number, tag, ... of a path.

    Raises
    ------
    ValueError
        A text that is none of these, or a number outside 32 bits.
    TypeError
        Any other type.
    """
    if isinstance(tag, str):
        return _parse_text(tag)
    if isinstance(tag, tuple):
        return (_parse_pair(*tag),) if len(tag) == 2 else _parse_path(tag)
    if isinstance(tag, bytes):
        return _parse_text(tag.decode("utf-8", "replace"))
    return (_parse_number(tag),)


def _parse_number(tag: object) -> int:
    try:
        number = operator.index(tag)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"a tag is an int or a str, not {type(tag).__name__}") from None
    if not 0 <= number <= 0xFFFFFFFF:
        raise ValueError(f"a tag has 32 bits, not {number:#x}")
    return number


def _parse_path(path: tuple[Any, ...]) -> Path:
    """A path as `parse_tag` returns it."""
    if len(path) % 2 == 0:
        raise ValueError(f"not a path of tag, item number, ..., tag: {path!r}")
    return tuple(operator.index(number) if i % 2 else _parse_number(number) for i, number in enumerate(path))


def _parse_pair(group: object, element: object) -> int:
    try:
        numbers = operator.index(group), operator.index(element)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"a tag is a pair of int, not of {type(group).__name__} and {type(element).__name__}") from None
    if not all(0 <= number <= 0xFFFF for number in numbers):
        raise ValueError(f"the group and the element of a tag have 16 bits, not ({numbers[0]:#x}, {numbers[1]:#x})")
    return numbers[0] << 16 | numbers[1]


class _DicomTags:
    """Every keyword of the data dictionary, and every old-style name, as an attribute of type numpy.uint32.

    >>> from dicomdecode import dicom_tags
    >>> hex(dicom_tags.PatientName), hex(dicom_tags.PatientsName)
    ('0x100010', '0x100010')
    """

    __slots__ = ()

    def __getattr__(self, name: str) -> np.uint32:
        if name.startswith("__"):
            raise AttributeError(name)
        tag = _keywords().get(name)
        if tag is None:
            raise AttributeError(f"no attribute of the DICOM data dictionary is called {name!r}")
        import numpy as np

        return np.uint32(tag)

    def __dir__(self) -> list[str]:
        return sorted(_keywords())

    def __iter__(self) -> Iterator[str]:
        return iter(_keywords())

    def __contains__(self, name: object) -> bool:
        return name in _keywords()

    def __len__(self) -> int:
        return len(_keywords())

    def __repr__(self) -> str:
        return "dicomdecode.dicom_tags"

    def __reduce__(self) -> str:
        return "dicom_tags"


dicom_tags = _DicomTags()
