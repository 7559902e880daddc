"""Parquet: a row of tags for each source. Pixels are not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomdecode.export.formats.payload import Format, Payload

if TYPE_CHECKING:
    from dicomdecode.export.files import Output
    from dicomdecode.export.records import Record
    from dicomdecode.tables.columns import Column

__all__ = ["PARQUET"]


def _encode(record: Record) -> Payload:
    return Payload(record.index, value=record)


class _Writer:
    """Collects rows. A column has one type in all files, so that they are one table: it follows from the tag."""

    def __init__(self, output: Output, number: int) -> None:
        self._output = output
        self._name = f"{number:06d}.parquet"
        self._records: list[Record] = []

    def add(self, payload: Payload) -> tuple[str, ...]:
        self._records.append(payload.value)
        return (self._name,)

    def close(self) -> None:
        import pyarrow
        import pyarrow.parquet

        columns = {"index": pyarrow.array([record.index for record in self._records], pyarrow.int64())}
        for column in self._records[0].columns:
            columns[column.name] = _filled(column, [record.tags[column.name] for record in self._records])
        sink = pyarrow.BufferOutputStream()
        pyarrow.parquet.write_table(pyarrow.table(columns), sink)
        self._output.write(self._name, [sink.getvalue()])


def _filled(column: Column, values: list[Any]) -> Any:
    """An Arrow array: whole numbers, numbers, or texts; lists of these, where the dictionary allows several values."""
    import pyarrow

    kinds = {"int": (pyarrow.int64(), int), "float": (pyarrow.float64(), float)}
    kind, make = kinds.get(column.kind, (pyarrow.string(), str))
    if not column.is_list:
        return pyarrow.array([_made(make, value) for value in values], kind)
    lists = [value if isinstance(value, list) or value is None else [value] for value in values]
    found = [None if value is None else [_made(make, each) for each in value] for value in lists]
    return pyarrow.array(found, pyarrow.list_(kind))


def _made(make: type, value: Any) -> Any:
    """A value of the type of its column; None where it is none. Several, where one is allowed, are a text."""
    if value is None:
        return None
    if isinstance(value, list):
        value = "\\".join(map(str, value))
    try:
        return make(value)
    except ValueError:
        return None


PARQUET = Format(_encode, _Writer, per_unit=1024, has_shards=True, with_pixels=False, library="pyarrow")
