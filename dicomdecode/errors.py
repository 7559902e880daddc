"""The error tree: what a caller can catch, and what each error carries."""

from __future__ import annotations

__all__ = ["DicomError", "LimitError", "MalformedError", "TruncatedError", "UnsupportedError"]


class DicomError(ValueError):
    """The content of a DICOM file can not be decoded.

    A message says what is wrong, where, and what to do. It never holds a value of the file's data set or a full path.

    Attributes
    ----------
    code : str
        A stable word for programs, such as ``"element_cut"``.
    tag : int or None
        The data element concerned, 0xGGGGEEEE.
    offset : int or None
        Where in the file (in the inflated data set of a deflated file), in bytes from its start.
    frame : int or None
        The frame concerned, counted from 0.
    hint : str
        What the caller can do about it; may be empty.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "malformed",
        tag: int | None = None,
        offset: int | None = None,
        frame: int | None = None,
        hint: str = "",
    ) -> None:
        self.message = message
        self.code = code
        self.tag = tag
        self.offset = offset
        self.frame = frame
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        where = []
        if self.frame is not None:
            where.append(f"frame {self.frame}")
        if self.tag is not None:
            where.append(f"element ({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})")
        if self.offset is not None:
            where.append(f"byte offset {self.offset}")
        text = self.message + (f" [{', '.join(where)}]" if where else "")
        return f"{text}. {self.hint}" if self.hint else text

    def __reduce__(self) -> tuple[object, ...]:
        fields = {"code": self.code, "tag": self.tag, "offset": self.offset, "frame": self.frame, "hint": self.hint}
        return _rebuild, (type(self), self.message, fields)


class MalformedError(DicomError):
    """The file contradicts the standard or itself."""


class TruncatedError(MalformedError):
    """The file ends before the data that its header announces."""


class UnsupportedError(DicomError):
    """The file is (or may be) right, but this package does not decode its kind."""


class LimitError(DicomError):
    """The header asks for more than the limits in force allow; nothing was allocated."""


def _rebuild(kind: type[DicomError], message: str, fields: dict[str, object]) -> DicomError:
    return kind(message, **fields)  # type: ignore[arg-type]
