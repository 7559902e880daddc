"""The table of `read_tags`: columns as arrays, and the same for pandas, Arrow and Polars."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.tables.values import PRESENT, STATES, Filled

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow
    from numpy.typing import NDArray

__all__ = ["TagTable"]

_WORDS = np.array(STATES)


class TagTable:
    """Data elements of many files: a row for each file, a column for each tag.

    ``table["Rows"]`` is a `numpy.ma.MaskedArray`: int64, float64, datetime64, timedelta64, or objects (str, bytes,
    lists); masked where there is no value. `mask` says why. A table is iterated over by rows, each a dict of names and
    values, with None where there is none.

    Attributes
    ----------
    names : tuple of str
        Of the columns.
    sources : list
        Of the rows: the sources as they were given; for a file of a folder or an archive, its path.
    errors : dict of int and Exception
        Row -> why the file could not be read.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> table = dd.read_tags([get_testdata_file("CT_small.dcm"), get_testdata_file("rtdose.dcm")], ["Modality", "KVP"])
    >>> len(table), table.names, table["Modality"].tolist()
    (2, ('Modality', 'KVP'), ['CT', 'RTDOSE'])
    """

    def __init__(self, columns: Mapping[str, Filled], sources: list[Any], errors: dict[int, Exception]) -> None:
        self._columns = dict(columns)
        self.sources = sources
        self.errors = errors

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._columns)

    def __len__(self) -> int:
        return len(self.sources)

    def _filled(self, name: str) -> Filled:
        try:
            return self._columns[name]
        except (KeyError, TypeError):
            raise KeyError(f"no column is called {name!r}: there are {', '.join(self.names)}") from None

    def __getitem__(self, name: str) -> np.ma.MaskedArray[Any, Any]:
        column = self._filled(name)
        return np.ma.MaskedArray(column.values, mask=column.states != PRESENT)

    def __contains__(self, name: object) -> bool:
        return name in self._columns

    def mask(self, name: str) -> NDArray[np.str_]:
        """The state of each cell of a column.

        Parameters
        ----------
        name : str
            Of the column.

        Returns
        -------
        ndarray of str
            [rows]: "present", "empty" (without a value), "absent" or "unreadable".

        Raises
        ------
        KeyError
            No column has this name.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> paths = [get_testdata_file("CT_small.dcm"), get_testdata_file("rtdose.dcm")]
        >>> table = dd.read_tags(paths, ["Modality", "KVP"])
        >>> table.mask("KVP").tolist()
        ['present', 'absent']
        """
        return _WORDS[self._filled(name).states]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        columns = {name: (column.values, column.states) for name, column in self._columns.items()}
        for i in range(len(self)):
            yield {
                name: _plain(values[i]) if states[i] == PRESENT else None for name, (values, states) in columns.items()
            }

    def __repr__(self) -> str:
        return f"<TagTable {len(self)} rows, {len(self.errors)} failed: {', '.join(self.names)}>"

    def to_pandas(self) -> pandas.DataFrame:
        """The table for pandas.

        Returns
        -------
        pandas.DataFrame
            The column "source", then those of the table. Numbers are not copied.

        Raises
        ------
        ImportError
            pandas is not installed: ``pip install 'dicomdecode[tables]'``.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> paths = [get_testdata_file("CT_small.dcm"), get_testdata_file("rtdose.dcm")]
        >>> table = dd.read_tags(paths, ["Modality", "KVP"])
        >>> table.to_pandas()["Modality"].tolist()
        ['CT', 'RTDOSE']
        """
        import pandas

        found: dict[str, Any] = {"source": self.sources}
        for name, (values, states) in self._columns.items():
            gone = states != PRESENT
            if values.dtype == np.int64:
                found[name] = pandas.arrays.IntegerArray(values, gone)
            else:
                found[name] = _with_none(values, gone) if values.dtype == object else values
        return pandas.DataFrame(found, copy=False)

    def to_arrow(self) -> pyarrow.Table:
        """The table for Arrow.

        Returns
        -------
        pyarrow.Table
            The column "source" as text, then those of the table.

        Raises
        ------
        ImportError
            pyarrow is not installed: ``pip install 'dicomdecode[tables]'``.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> paths = [get_testdata_file("CT_small.dcm"), get_testdata_file("rtdose.dcm")]
        >>> table = dd.read_tags(paths, ["Modality", "KVP"])
        >>> table.to_arrow().column_names
        ['source', 'Modality', 'KVP']
        """
        import pyarrow as arrow

        found = {"source": arrow.array([_as_text(source) for source in self.sources], arrow.string())}
        for name, (values, states) in self._columns.items():
            gone = states != PRESENT
            if values.dtype == object:
                found[name] = arrow.array(_with_none(values, gone))
            elif values.dtype.kind == "m":  # times of day
                found[name] = arrow.array(values.view(np.int64), arrow.time64("us"), mask=gone)
            else:
                found[name] = arrow.array(values, mask=gone)
        return arrow.table(found)

    def to_polars(self) -> polars.DataFrame:
        """The table for Polars, by way of Arrow.

        Returns
        -------
        polars.DataFrame
            The column "source" as text, then those of the table.

        Raises
        ------
        ImportError
            polars or pyarrow is not installed: ``pip install 'dicomdecode[tables]'``.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> paths = [get_testdata_file("CT_small.dcm"), get_testdata_file("rtdose.dcm")]
        >>> table = dd.read_tags(paths, ["Modality", "KVP"])
        >>> table.to_polars().shape
        (2, 3)
        """
        import polars

        frame = polars.from_arrow(self.to_arrow())
        assert isinstance(frame, polars.DataFrame)
        return frame


def _plain(value: Any) -> Any:
    """A value as Python has it."""
    if isinstance(value, np.generic):
        return value.item()
    return [_plain(each) for each in value] if isinstance(value, list) else value


def _with_none(values: NDArray[Any], gone: NDArray[np.bool_]) -> list[Any]:
    return [None if none else _plain(value) for value, none in zip(values.tolist(), gone.tolist(), strict=True)]


def _as_text(source: Any) -> str:
    """A path as text; for anything else, its type."""
    return str(source) if isinstance(source, str) or hasattr(source, "__fspath__") else f"<{type(source).__name__}>"
