"""The texts that `decode_dicom_data` of tensorflow-io 0.37.1 returns, to the byte.

Bytes are never transcoded, numbers are formatted by a routine of its own, and every error ends the whole call. Not
reproduced: an item that a path reaches stays in force there for all later tags of the call.
"""

from __future__ import annotations

import contextlib
import math
import re
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import MalformedError
from dicomdecode.limits import Limits, check_limit, default_limits
from dicomdecode.reading import MemorySource, open_source
from dicomdecode.syntaxes import EXPLICIT_BIG_ENDIAN, IMPLICIT, SYNTAXES
from dicomdecode.tfio_compat._plan import is_first_empty, is_met
from dicomdecode.tfio_compat.dictionary import implicit_vr
from dicomdecode.tfio_compat.pixels import PIXEL_DATA, open_lenient

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.reading._reading import DataSet, DicomFile
    from dicomdecode.reading.source import SourceLike

__all__ = ["float_text", "parse_tfio_tag", "tfio_data", "tfio_text"]

_ILLEGAL_CALL = "Illegal call, perhaps wrong parameters"
_ILLEGAL_PARAMETER = "Illegal parameter"
_SMALLEST = {"f": 2.0**-126, "d": 2.0**-1022}
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d"}
_FIRST_ONLY = {"OF": "f", "OD": "d", "OL": "I", "OV": "Q"}
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
_C_NUMBER = re.compile(r"\s*\+?(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))\s*")


class _IllegalError(Exception):
    """A value that has no text; the message says which of the original's conditions it is."""


def tfio_data(contents: SourceLike, tags: Any, *, limits: Limits | None = None) -> NDArray[np.object_]:
    """The whole call: the texts of all tags.

    Parameters
    ----------
    contents
        As in `dicomdecode.open`.
    tags : array-like of int or str
        In the forms of `parse_tfio_tag`.
    limits : Limits, optional
        What the file may ask for.

    Returns
    -------
    ndarray of object (bytes), the shape of `tags`
        Empty where an element is absent, and for what cannot be read at all.

    Raises
    ------
    MalformedError
        Any value that has no text, with the message of the original.
    ValueError
        A text that is no tag, with the message of the original.
    """
    asked = np.asarray(tags, dtype=object) if isinstance(tags, (list, tuple)) else np.asarray(tags)
    limits = default_limits() if limits is None else limits
    source = open_source(contents, limits)
    try:
        check_limit("The file exceeds", "limit_output_bytes", limits.output_bytes, source.size)
        memory = source if isinstance(source, MemorySource) else MemorySource(source.read_at(0, source.size))
        file: DicomFile | None = None
        with contextlib.suppress(MalformedError):  # parsing errors are ignored there, and nothing is found
            file = open_lenient(memory, limits)
        found = np.empty(asked.size, object)
        for i, tag in enumerate(asked.reshape(-1).tolist()):
            path = parse_tfio_tag(tag)
            found[i] = b"" if file is None else tfio_text(file, path)
        return found.reshape(asked.shape)
    finally:
        source.rest()


def tfio_text(file: DicomFile, tag: int | str | bytes | tuple[int, ...]) -> bytes:
    """The text of one element, cut at its first NUL; empty when the element is absent.

    Parameters
    ----------
    file : DicomFile
        Scanned to its end (`stop_at_pixels=False`).
    tag : int, str, bytes, or what `parse_tfio_tag` returned
        Looked up in the data set (or the item that the path leads to), then in the file meta information.

    Raises
    ------
    MalformedError
        The value has no text, or the path leads nowhere, with the message of the original.
    ValueError
        `tag` is no tag, with the message of the original.
    """
    path = tag if isinstance(tag, tuple) else parse_tfio_tag(tag)
    # A transfer syntax is believed there, also where the bytes contradict it.
    top: Any = _Believed(file) if file.contradicts and file.transfer_syntax in SYNTAXES else file
    data = top
    if top is file and path[0] >> 16 != 2:
        is_shadowed = is_first_empty(file, path[0]) and file.raw(path[0])
        if is_shadowed or not is_met(file, path[0]):
            return b""
    for i in range(0, len(path) - 1, 2):
        data = _item(data, path[i], path[i + 1])
    last = path[-1]
    where = "item"
    if data.written(last) is None or (data is top and last >> 16 == 2):
        data, where = file, "meta"
        if last >> 16 != 2 or data.written(last) is None:
            return b""
    try:
        text = _value(data, last)
    except _IllegalError as error:
        raise MalformedError(f"{where} findAndGetOFStringArray: {error}", code="tfio_text") from None
    return text.partition(b"\0")[0]


class _Believed:
    """The data set of a file as its transfer syntax says it is encoded, as far as that makes sense."""

    def __init__(self, file: DicomFile) -> None:
        self._found: dict[int, tuple[str, bytes]] = {}
        uid = file.transfer_syntax
        self._order = ">" if uid == EXPLICIT_BIG_ENDIAN else "<"
        explicit = uid not in IMPLICIT
        contents = bytes(file.source.read_at(0, file.source.size))
        at = 132 if contents[128:132] == b"DICM" else 0
        while contents[at : at + 2] == b"\2\0":
            at = self._step(contents, at, "<", True)
        self._found.clear()
        while at + 8 <= len(contents):
            at = self._step(contents, at, self._order, explicit)

    def _step(self, contents: bytes, at: int, order: str, explicit: bool) -> int:
        """Keep the element here; where the next one begins."""
        group, element = struct.unpack_from(order + "HH", contents, at)
        tag, vr, start = group << 16 | element, "", at + 8
        letters = contents[at + 4 : at + 6]
        if explicit and group != 0xFFFE:
            vr = letters.decode("latin-1") if letters in _SHORT_VRS or letters in _LONG_VRS else "UN"
        if vr and (letters in _LONG_VRS or (letters not in _SHORT_VRS and letters.isalpha() and letters.isupper())):
            start += 4
            length = struct.unpack_from(order + "I", contents.ljust(start, b"\0"), at + 8)[0]
        elif vr:
            length = struct.unpack_from(order + "H", contents, at + 6)[0]
        else:
            length = struct.unpack_from(order + "I", contents, at + 4)[0]
        if length <= len(contents) - start:
            self._found.setdefault(tag, (vr, contents[start : start + length]))
        return int(start + length)

    def written(self, tag: int) -> tuple[str, bool] | None:
        return (self._found[tag][0], False) if tag in self._found else None

    def vr(self, tag: int) -> str | None:
        return self._found[tag][0] if tag in self._found else None

    def words(self, tag: int) -> tuple[bytes, bool] | None:
        return (self._found[tag][1], self._order == ">") if tag in self._found else None

    def items(self, tag: int) -> Sequence[DataSet]:
        return []


def _item(data: DataSet, tag: int, index: int) -> DataSet:
    written = data.written(tag)
    reason = ""
    if written is None:
        reason = "Tag not found"
    elif not _is_sequence(data, tag, written):
        reason = "Invalid VR"
    else:
        with contextlib.suppress(MalformedError):
            items = data.items(tag)
            if index < len(items):
                return items[index]
        reason = _ILLEGAL_PARAMETER
    raise MalformedError(f"item findAndGetSequenceItem: {reason}", code="tfio_path")


def _is_sequence(data: DataSet, tag: int, written: tuple[str, bool]) -> bool:
    vr, undefined_length = written
    if tag == PIXEL_DATA:
        return False
    return undefined_length or vr == "SQ" or (not vr and implicit_vr(data, tag) == "SQ")


# --- tags ------------------------------------------------------------------------------------------------------------


def parse_tfio_tag(tag: Any) -> tuple[int, ...]:
    """Read a tag: a number, "group,element", or a path "[group,element][item][group,element]".

    Numbers in texts are as in C: decimal, 0x hexadecimal, or with a leading 0 octal. Groups and elements above 0x7FFF
    are refused in texts.

    Returns
    -------
    tuple of int
        The tag, or tag, item number, tag, ... of a path.

    Raises
    ------
    ValueError
        With the message of the original.
    """
    if isinstance(tag, bytes):
        tag = tag.decode("latin-1")
    if not isinstance(tag, str):
        return (int(tag) & 0xFFFFFFFF,)
    parts = tag[1:-1].split("][") if tag.startswith("[") and tag.endswith("]") else [tag]
    if len(parts) % 2 == 0:
        raise ValueError(f"tag sequences should have 2xn + 1 elements, received: {len(parts)}")
    return tuple(_item_number(part) if i % 2 else _tag_number(part) for i, part in enumerate(parts))


def _c_number(text: str) -> int | None:
    match = _C_NUMBER.fullmatch(text)
    if match is None:
        return None
    return int(match[1], 16) if match[1] else int(match[2], 8) if match[2] else int(match[3])


def _tag_number(text: str) -> int:
    parts = text.split(",")
    if len(parts) != 2:
        raise ValueError(f"sequence should consist of group and element numbers, received {text}")
    numbers = []
    for name, part in zip(("group", "element"), parts, strict=True):
        value = _c_number(part)
        if value is None or value > 0xFFFFFFFF:
            raise ValueError(f"{name} number should be an integer, received {part}")
        if value > 0x7FFF:
            raise ValueError(f"{name} number should be uint16, received {part}")
        numbers.append(value)
    return numbers[0] << 16 | numbers[1]


def _item_number(text: str) -> int:
    value = _c_number(text)
    if value is None or value > 0xFFFFFFFF:
        raise ValueError(f"number should be an integer, received {text}")
    return value


# --- values ----------------------------------------------------------------------------------------------------------


def _value(data: DataSet, tag: int) -> bytes:
    vr, undefined_length = data.written(tag) or ("", False)
    if undefined_length:
        raise _IllegalError(_ILLEGAL_CALL)
    vr = vr or implicit_vr(data, tag)
    value, big_endian = data.words(tag) or (b"", False)
    if vr == "SQ":
        raise _IllegalError(_ILLEGAL_CALL)
    if vr == "OW":
        if len(value) < 2:
            raise _IllegalError(_ILLEGAL_CALL)
        words = np.frombuffer(value[: len(value) // 2 * 2], ">u2" if big_endian else "<u2")
        return words.astype(">u2").tobytes().hex("\\", 2).encode("ascii")
    value += b"\0" * (len(value) % 2)
    if vr in _NUMBERS:
        return _joined(_NUMBERS[vr], value, big_endian)
    if vr in _FIRST_ONLY:
        code = _FIRST_ONLY[vr]
        if not value:
            raise _IllegalError(_ILLEGAL_CALL)
        if len(value) < struct.calcsize(code):
            raise _IllegalError(_ILLEGAL_PARAMETER)
        return _joined(code, value[: struct.calcsize(code)], big_endian)
    if vr == "AT":
        words = np.frombuffer(value[: len(value) // 4 * 4], ">u2" if big_endian else "<u2").reshape(-1, 2)
        return "\\".join(f"({group:04x},{element:04x})" for group, element in words.tolist()).encode("ascii")
    layout = _TEXTS.get(vr)
    if layout is not None:
        return layout(value)
    if not value:
        raise _IllegalError(_ILLEGAL_CALL)
    return value.hex("\\", 1).encode("ascii")


def _joined(code: str, value: bytes, big_endian: bool) -> bytes:
    count = len(value) // struct.calcsize(code)
    values = struct.unpack(f"{'>' if big_endian else '<'}{count}{code}", value[: count * struct.calcsize(code)])
    if code in "fd":
        return "\\".join(float_text(x, code) for x in values).encode("ascii")
    return "\\".join(map(str, values)).encode("ascii")


def _code_string(value: bytes) -> bytes:
    return b"\\".join(part.strip(b" ") for part in value.rstrip(b" ").split(b"\\"))


def _name(value: bytes) -> bytes:
    return b"\\".join(part if part == b" " else part.rstrip(b" ") for part in value.rstrip(b" ").split(b"\\"))


def _trimmed(value: bytes) -> bytes:
    return value.rstrip(b" ")


def _identifier(value: bytes) -> bytes:
    parts = re.sub(rb"\s", b"", value).split(b"\\")
    return b"\\".join(part if part == b"\0" else part.rstrip(b"\0") for part in parts)


_TEXTS: dict[str, Callable[[bytes], bytes]] = {
    **dict.fromkeys(("AE", "CS", "DS", "IS", "LO", "SH"), _code_string),
    **dict.fromkeys(("DA", "DT", "TM", "PN", "UC"), _name),
    **dict.fromkeys(("AS", "LT", "ST", "UT", "UR"), _trimmed),
    "UI": _identifier,
}


# --- floating-point numbers ------------------------------------------------------------------------------------------


def float_text(x: float, code: str) -> str:
    """A number as text: nearly C's %.9g for "f" (FL, OF), %.17g for "d" (FD, OD), in rounded double arithmetic."""
    if math.isnan(x):
        return "nan"
    sign = "-" if x < 0 else ""
    if math.isinf(x):
        return sign + "inf"
    if abs(x) < _SMALLEST[code]:
        return "0"
    digits = 9 if code == "f" else 17
    fraction, whole = math.modf(abs(x))
    integer = []
    while whole:
        last, whole = math.modf(whole / 10)
        integer.append(int((last + 0.01) * 10))
    integer.reverse()
    if len(integer) > digits or (not integer and 0 < fraction < 0.0001):
        return sign + _exponential(integer, fraction, digits - 1)
    return sign + _fixed(integer, fraction, digits)


def _fixed(integer: list[int], fraction: float, digits: int) -> str:
    number = integer or [0]
    point = len(number)
    left = digits - len(integer)
    has_point = left > 0
    leading = True  # zeros directly behind the point are free
    number = list(number)
    while left and fraction:
        fraction, digit = math.modf(fraction * 10)
        number.append(int(digit))
        leading = leading and not digit
        left -= not leading
    if fraction and int(fraction * 10) > 4 and _round_up(number):
        point += 1
    text = "".join(map(str, number))
    if not has_point:
        return text
    return f"{text[:point]}.{text[point:]}".rstrip("0").rstrip(".")


def _exponential(integer: list[int], fraction: float, digits: int) -> str:
    """One digit, the point, at most `digits` more, and the exponent."""
    if integer:
        exponent = len(integer) - 1
        number, rest = integer[: digits + 1], integer[digits + 1 :]
        if rest:
            fraction = 0.0
            if rest[0] > 4 and _round_up(number):
                exponent += 1
    else:
        exponent, digit = 0, 0.0
        while not digit:
            fraction, digit = math.modf(fraction * 10)
            exponent -= 1
        number = [int(digit)]
    while len(number) <= digits and fraction:
        fraction, digit = math.modf(fraction * 10)
        number.append(int(digit))
    if fraction and int(fraction * 10) > 4 and _round_up(number):
        exponent += 1
    text = "".join(map(str, number))
    mantissa = f"{text[0]}.{text[1:]}".rstrip("0").rstrip(".")
    return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"


def _round_up(number: list[int]) -> bool:
    """Add one to the last digit; True when a digit came in front."""
    for i in range(len(number) - 1, -1, -1):
        if number[i] < 9:
            number[i] += 1
            return False
        number[i] = 0
    number.insert(0, 1)
    return True
