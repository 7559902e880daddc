"""Cells of a column -> a NumPy array, and the state of each cell."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.tables.columns import Column, Kind

__all__ = ["ABSENT", "EMPTY", "PRESENT", "STATES", "UNREADABLE", "Filled", "fill"]

PRESENT, EMPTY, ABSENT, UNREADABLE = range(4)
#: The words for them.
STATES = ("present", "empty", "absent", "unreadable")

_TIME = re.compile(r"(\d\d):?(?:([0-5]\d):?(?:([0-5]\d|60)(?:\.(\d{1,6}))?)?)?")
_DATETIME = re.compile(
    r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.(\d{1,6}))?)?)?)?)?)?([+-]\d{4})?"  # PS3.5 6.2, DT
)


class Filled(NamedTuple):
    """A column with its values.

    Attributes
    ----------
    values : ndarray
        Of the column's kind; where there is no value 0, NaN, NaT, "", b"" or an empty list.
    states : ndarray of uint8
        PRESENT, EMPTY, ABSENT or UNREADABLE, for each value.
    """

    values: NDArray[Any]
    states: NDArray[np.uint8]


class _Unfit(Exception):
    """A value is not of the kind of its column."""


def fill(column: Column, cells: list[Any]) -> Filled:
    """The array of a column.

    Parameters
    ----------
    column : Column
        Which one.
    cells : list
        What `Column.cell` gives for each file; they are replaced by values.
    """
    states = np.zeros(len(cells), np.uint8)
    kind = column.kind if column.kind != "any" else _kind_found(cells)
    make = _MAKE[kind]
    is_list = column.is_list or any(type(cell) is list and len(cell) > 1 for cell in cells)
    nothing: Any = _NOTHING[kind]
    for i, cell in enumerate(cells):
        if cell is None:
            states[i] = ABSENT
        elif type(cell) is list and not cell:
            states[i] = EMPTY
        elif not isinstance(cell, Exception):
            try:
                cells[i] = _made(make, cell, is_list)
                continue
            except (_Unfit, ValueError, OverflowError):
                states[i] = UNREADABLE
        else:
            states[i] = UNREADABLE
        cells[i] = [] if is_list else nothing
    if not is_list and kind in _DTYPES:
        return Filled(np.array(cells, _DTYPES[kind]), states)
    values = np.empty(len(cells), object)
    for i, cell in enumerate(cells):
        values[i] = cell
    return Filled(values, states)


def _made(make: Callable[[Any], Any], cell: Any, is_list: bool) -> Any:
    if type(cell) is not list:
        return [make(cell)] if is_list else make(cell)
    for i, each in enumerate(cell):  # in its place: there may be millions
        cell[i] = _of_item(make, each)
    return cell


def _of_item(make: Callable[[Any], Any], cell: Any) -> Any:
    """A value, several, or None: an item need not have the element."""
    if isinstance(cell, Exception):
        raise _Unfit
    if isinstance(cell, list):
        return [_of_item(make, each) for each in cell]
    return None if cell is None or cell == "" else make(cell)


def _kind_found(cells: list[Any]) -> Kind:
    """The kind of values whose VR only the files know."""
    found: set[type] = set()
    for cell in cells:
        for each in cell if isinstance(cell, list) else [cell]:
            if each is not None and not isinstance(each, (Exception, list)):
                found.add(type(each))
    if found == {int}:
        return "int"
    if found and found <= {int, float}:
        return "float"
    if found == {datetime.date}:
        return "date"
    return "bytes" if found == {bytes} else "str"


def _int(value: Any) -> int:
    if type(value) is int:
        if -(1 << 63) <= value < 1 << 63:
            return value
        raise _Unfit
    if isinstance(value, float):
        if not value.is_integer():
            raise _Unfit
        return _int(int(value))
    if isinstance(value, str):
        return _int(int(value))
    raise _Unfit


def _float(value: Any) -> float:
    if type(value) is float or isinstance(value, (int, str)):
        return float(value)
    raise _Unfit


def _date(value: Any) -> np.datetime64:
    if isinstance(value, str):
        value = datetime.datetime.strptime(value.strip().replace(".", ""), "%Y%m%d").date()
    if type(value) is not datetime.date:
        raise _Unfit
    return np.datetime64(value, "D")


def _time(value: Any) -> np.timedelta64:
    match = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match[1]) > 23:
        raise _Unfit
    hours, minutes, seconds = (int(part or 0) for part in match.groups()[:3])
    fraction = int((match[4] or "").ljust(6, "0"))
    return np.timedelta64(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + fraction, "us")


def _datetime(value: Any) -> np.datetime64:
    """In UTC where the value names an offset, else as it is written."""
    if type(value) is datetime.date:
        return np.datetime64(value, "us")
    match = _DATETIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise _Unfit
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    parts = (int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), min(int(second or 0), 59))
    found = datetime.datetime(*parts, int((fraction or "").ljust(6, "0")))
    if offset:
        shift = datetime.timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
        found += shift if offset[0] == "-" else -shift
    return np.datetime64(found, "us")


def _str(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.strftime("%Y%m%d") if isinstance(value, datetime.date) else str(value)


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise _Unfit
    return value


_MAKE: Mapping[Kind, Callable[[Any], Any]] = {
    "int": _int,
    "float": _float,
    "date": _date,
    "time": _time,
    "datetime": _datetime,
    "str": _str,
    "bytes": _bytes,
}
_NOTHING: Mapping[Kind, Any] = {
    "int": 0,
    "float": np.nan,
    "date": np.datetime64("NaT", "D"),
    "time": np.timedelta64("NaT", "us"),
    "datetime": np.datetime64("NaT", "us"),
    "str": "",
    "bytes": b"",
}
#: Of the kinds whose values need not be objects.
_DTYPES: Mapping[Kind, str] = {
    "int": "int64",
    "float": "float64",
    "date": "datetime64[D]",
    "time": "timedelta64[us]",
    "datetime": "datetime64[us]",
}
