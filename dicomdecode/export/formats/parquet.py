"""Parquet: a row of tags for each source. Pixels are not read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomdecode.export.formats.payload import Format, Payload

if TYPE_CHECKING:
    from dicomdecode.export.files import Output
    from dicomdecode.export.records import Record

__all__ = ["PARQUET"]


def _encode(record: Record) -> Payload:
    return Payload(record.index, value={"index": record.index, **record.tags})


class _Writer:
    """Collects rows; a column has one type in all shards, so that they are one table."""

    def __init__(self, output: Output, number: int) -> None:
        self._output = output
        self._name = f"{number:06d}.parquet"
        self._rows: list[dict[str, Any]] = []

    def add(self, payload: Payload) -> tuple[str, ...]:
        self._rows.append(payload.value)
        return (self._name,)

    def close(self) -> None:
        import pyarrow
        import pyarrow.parquet

        names = list(self._rows[0]) if self._rows else ["index"]
        columns = {name: [row[name] for row in self._rows] for name in names}
        table = pyarrow.table({name: pyarrow.array(*_typed(name, column)) for name, column in columns.items()})
        sink = pyarrow.BufferOutputStream()
        pyarrow.parquet.write_table(table, sink)
        self._output.write(self._name, [sink.getvalue()])


def _typed(name: str, column: list[Any]) -> tuple[list[Any], Any]:
    """A column and its type, which follows from the tag and not from the values: whole numbers, numbers, or texts.

    Several values are joined by a backslash, as DICOM writes them.
    """
    import pyarrow

    kind = kind_of(name)
    if kind is int:
        return [value if isinstance(value, int) else None for value in column], pyarrow.int64()
    if kind is float:
        return [float(value) if isinstance(value, (int, float)) else None for value in column], pyarrow.float64()
    return [_text(value) for value in column], pyarrow.string()


def kind_of(name: str) -> type:
    """What the values of a tag are, by its VR and multiplicity in the dictionary; of anything unknown texts."""
    from pydicom.datadict import dictionary_VM

    from dicomdecode.tags import parse_tag, vr_of

    if name == "index":
        return int
    try:
        tag = parse_tag(name)[-1]
        if dictionary_VM(tag) != "1":
            return str
    except (ValueError, KeyError):
        return str
    vr = vr_of(tag)
    if vr in ("IS", "US", "SS", "UL", "SL", "UV", "SV", "US or SS"):
        return int
    return float if vr in ("DS", "FL", "FD") else str


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return "\\".join(map(str, value)) if isinstance(value, list) else str(value)


PARQUET = Format(_encode, _Writer, per_unit=1024, has_shards=True, with_pixels=False, library="pyarrow")
