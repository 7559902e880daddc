"""The error tree: what a caller can catch, and what each error carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomdecode.error_codes import ERROR_CODES

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "DicomError",
    "ExportError",
    "IsolationError",
    "LimitError",
    "MalformedError",
    "TruncatedError",
    "UnsupportedError",
    "VolumeError",
]


class DicomError(ValueError):
    """The content of a DICOM file cannot be decoded.

    The text says what is wrong, where, and what to do. It never holds a value of the file's data set or a full path.
    An error does not change once it is made: `located` makes another one.

    Attributes
    ----------
    message : str
        What is wrong, without the place and the hint.
    code : str
        A stable code for programs, such as ``"element_cut"``; the table is in docs/errors_and_limits.md.
    tag : int or None
        The data element concerned, 0xGGGGEEEE.
    offset : int or None
        Where in the file (in the inflated data set of a deflated file), in bytes from its start.
    frame : int or None
        The frame concerned, counted from 0.
    hint : str
        What the caller can do about it; may be empty.

    Raises
    ------
    ValueError
        `code` is not in the table.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> try:
    ...     dd.imread(get_testdata_file("rtplan.dcm"))
    ... except dd.DicomError as error:
    ...     error.code, hex(error.tag), error.hint
    ('no_pixel_data', '0x7fe00010', '')
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        tag: int | None = None,
        offset: int | None = None,
        frame: int | None = None,
        hint: str = "",
    ) -> None:
        if code not in ERROR_CODES:
            raise ValueError(f"{code!r} is not an error code: dicomdecode.error_codes has the table")
        self.message = message
        self.code = code
        self.tag = tag
        self.offset = offset
        self.frame = frame
        self.hint = hint
        super().__init__(self._text())

    def _text(self) -> str:
        where = []
        if self.frame is not None:
            where.append(f"frame {self.frame}")
        if self.tag is not None:
            where.append(f"element ({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})")
        if self.offset is not None:
            where.append(f"byte offset {self.offset}")
        text = self.message + (f" [{', '.join(where)}]" if where else "")
        return f"{text}. {self.hint}" if self.hint else text

    def located(self, *, message: str | None = None, offset: int | None = None) -> Self:
        """The same error with another message or offset, which a caller further out knows better.

        Parameters
        ----------
        message : str, optional
            Default: that of this error.
        offset : int, optional
            In bytes. Default: that of this error.

        Returns
        -------
        DicomError
            Of the same class, with the traceback, the cause and the notes of this one: raise it
            ``from error.__cause__``.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> error = dd.MalformedError("It is damaged", code="element_cut", offset=4)
        >>> error.located(offset=104)
        MalformedError('It is damaged [byte offset 104]')
        """
        again = type(self)(
            self.message if message is None else message,
            code=self.code,
            tag=self.tag,
            offset=self.offset if offset is None else offset,
            frame=self.frame,
            hint=self.hint,
        )
        for note in getattr(self, "__notes__", ()):
            again.add_note(note)
        again.__cause__, again.__suppress_context__ = self.__cause__, self.__suppress_context__
        return again.with_traceback(self.__traceback__)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.args, self.__dict__)


class MalformedError(DicomError):
    """The file contradicts the standard or itself.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> try:
    ...     dd.open(b"no DICOM file, but some text")
    ... except dd.MalformedError as error:
    ...     error.code
    'not_dicom'
    """


class TruncatedError(MalformedError):
    """The file ends before the data that its header announces.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pathlib import Path
    >>> from pydicom.data import get_testdata_file
    >>> try:
    ...     dd.imread(Path(get_testdata_file("CT_small.dcm")).read_bytes()[:20000])
    ... except dd.TruncatedError as error:
    ...     error.code
    'pixels_cut'
    """


class UnsupportedError(DicomError):
    """The file is, or may be, valid, but this package cannot decode it.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> try:
    ...     dd.imread(get_testdata_file("CT_small.dcm"), color="rgba")
    ... except dd.UnsupportedError as error:
    ...     error.code
    'alpha'
    """


class LimitError(DicomError):
    """The file asks for more than the limits allow; nothing was allocated.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> try:
    ...     dd.imread(get_testdata_file("CT_small.dcm"), limits=dd.Limits(pixels_per_frame=100))
    ... except dd.LimitError as error:
    ...     error.code
    'limit_pixels_per_frame'
    """


class ExportError(DicomError):
    """The results of a conversion cannot be written.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pathlib import Path
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "something else").write_bytes(b"")
    ...     try:
    ...         dd.convert([], folder, format="npy")
    ...     except dd.ExportError as error:
    ...         print(error.code)
    target_exists
    """


class VolumeError(DicomError):
    """Each file can be decoded, but together they are not one volume.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> try:
    ...     dd.read_series(path)
    ... except dd.VolumeError as error:
    ...     error.code
    'not_a_volume'
    """


class IsolationError(DicomError):
    """The process that decoded a file ended or took too long (`isolation="process"`).

    Examples
    --------
    >>> import dicomdecode as dd
    >>> issubclass(dd.IsolationError, dd.DicomError)
    True
    """


def _rebuild(kind: type[DicomError], args: tuple[object, ...], fields: dict[str, object]) -> DicomError:
    """An unpickled error. It may come from a release with other codes, so its code is not looked up."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(fields)
    return error
