"""What the encoding of a record gives, which happens side by side, and who writes it, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from dicomdecode.export.files import Output
    from dicomdecode.export.records import Record

__all__ = ["FileWriter", "Format", "Payload", "StreamWriter", "Writer"]


@dataclass(frozen=True, slots=True)
class Payload:
    """A record, encoded.

    Attributes
    ----------
    index : int
        Of the record.
    files : tuple of (str, sequence)
        What follows the number in the name of a file, and the bytes in it, in parts.
    value : object
        What a format writes that is no bytes yet.
    """

    index: int
    files: tuple[tuple[str, Sequence[Any]], ...] = ()
    value: Any = None


class Writer(Protocol):
    """Writes the records of one unit of work into an `Output`."""

    def __init__(self, output: Output, number: int) -> None: ...

    def add(self, payload: Payload) -> tuple[str, ...]:
        """Write a record, or keep it for the end; the names of the files that it is in."""

    def close(self) -> None:
        """Write what was kept."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format that can be written.

    Attributes
    ----------
    encode : callable
        Record -> Payload; raises `UnsupportedError` for an array that the format cannot hold.
    writer : type
        Of its files.
    per_unit : int
        Records of a unit of work, and of a shard where it has shards.
    has_shards : bool
        Several records lie in one file.
    values : str
        Where the caller names none.
    with_pixels : bool
        False: tags alone.
    by_series : bool
        A record is a volume of all files of a series.
    by_tiles : bool
        A record of a slide is a picture that is decoded while it is written.
    library : str
        What must be installed; empty for nothing.
    """

    encode: Callable[[Record], Payload]
    writer: type[Writer]
    per_unit: int = 256
    has_shards: bool = False
    values: str = "modality"
    with_pixels: bool = True
    by_series: bool = False
    by_tiles: bool = False
    library: str = ""


def name_of(index: int) -> str:
    """The name of a record: its number, since the name of a source may tell whose it is."""
    return f"{index:08d}"


class FileWriter:
    """A file, or several, for each record."""

    def __init__(self, output: Output, number: int) -> None:
        self._output = output

    def add(self, payload: Payload) -> tuple[str, ...]:
        names = []
        for ending, parts in payload.files:
            names.append(name_of(payload.index) + ending)
            self._output.write(names[-1], parts)
        return tuple(names)

    def close(self) -> None:
        pass


class StreamWriter:
    """The records of a unit one after the other in one file."""

    ending = ""
    tail = b""

    def __init__(self, output: Output, number: int) -> None:
        self._name = f"{number:06d}{self.ending}"
        self._output = output
        self._file = output.stream(self._name)

    def add(self, payload: Payload) -> tuple[str, ...]:
        for _, parts in payload.files:
            self._file.write(parts)
        return (self._name,)

    def close(self) -> None:
        self._file.write([self.tail] if self.tail else [])
        self._file.close()
