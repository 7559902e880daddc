"""Limits on what a file's header may ask for, checked before memory is allocated."""

from __future__ import annotations

from dataclasses import dataclass, fields

from dicomdecode.errors import LimitError

__all__ = [
    "Limits",
    "check_limit",
    "default_limits",
    "inflated_freely",
    "limits_of",
    "over_limit",
    "set_default_limits",
]

MAX_DEPTH = 256  # the scanner's stack is an array of this many levels
#: What a data set may inflate to whatever its ratio, where `inflate_ratio` is not below the default.
_INFLATED_FREELY = 1 << 25
_INFLATE_RATIO = 200


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may ask for. For one that asks for more, `LimitError` is raised before any allocation.

    Parameters
    ----------
    pixels_per_frame : int
        Rows x Columns.
    frames : int
        Number of Frames.
    output_bytes : int
        Bytes of the resulting array, and of an inflated data set.
    header_bytes : int
        Bytes read in front of the pixel data.
    elements : int
        Data elements read in one data set; outside of sequences an eighth of them, and at least 65,536.
    depth : int
        Levels of nested sequences and items, at most 256.
    fragments : int
        Fragments of encapsulated pixel data.
    inflate_ratio : int
        Inflated bytes for each deflated one. The default applies from 32 MiB on, because small black images are
        deflated a thousandfold; a smaller ratio applies from the first byte.
    pixels_per_byte : int
        Pixels of a frame for each byte of its codestream, for codecs that need hardly a bit for a black picture (JPEG
        2000, JPEG XL, video). Frames of up to 2^26 pixels are never refused by it.
    stream_bytes : int
        Bytes read from a source without a known size or without seeking: a pipe, a device, a file object that cannot
        seek, a member of an archive, a server without ranges.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> small = dd.Limits(pixels_per_frame=1 << 20)
    >>> dd.imread(get_testdata_file("CT_small.dcm"), limits=small).shape
    (128, 128)
    """

    pixels_per_frame: int = 1 << 30
    frames: int = 1 << 22
    output_bytes: int = 1 << 34
    header_bytes: int = 1 << 28
    elements: int = 1 << 22
    depth: int = 64
    fragments: int = 1 << 22
    inflate_ratio: int = _INFLATE_RATIO
    pixels_per_byte: int = 1 << 16
    stream_bytes: int = 1 << 30

    @classmethod
    def strict(cls, **changes: int) -> Limits:
        """Limits for files from untrusted sources: enough for one image or one series, 1 GiB at most.

        Parameters
        ----------
        **changes : int
            Limits to be set to other values.

        Returns
        -------
        Limits
            In pixels, frames, bytes and so on, as their names say.

        Raises
        ------
        TypeError, ValueError
            There is no such limit, or a value is no positive int.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> dd.Limits.strict().frames < dd.Limits().frames
        True
        """
        strict: dict[str, int] = {
            "pixels_per_frame": 1 << 26,
            "frames": 1 << 14,
            "output_bytes": 1 << 30,
            "header_bytes": 1 << 26,
            "elements": 1 << 19,
            "depth": 32,
            "fragments": 1 << 18,
            "pixels_per_byte": 1 << 14,
            "stream_bytes": 1 << 28,
        }
        return cls(**(strict | changes))

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 62:
                raise ValueError(f"limit {field.name} must be a positive int below 2**62, not {value!r}")
        if self.depth > MAX_DEPTH:
            raise ValueError(f"limit depth must be at most {MAX_DEPTH}, not {self.depth!r}")


def inflated_freely(limits: Limits) -> int:
    """Bytes of an inflated data set that are not held against `inflate_ratio`."""
    return _INFLATED_FREELY if limits.inflate_ratio >= _INFLATE_RATIO else 0


# One immutable object, replaced as a whole: rebinding a name is atomic, with and without the GIL.
_default = Limits()


def default_limits() -> Limits:
    """The limits used when a call gives none."""
    return _default


def limits_of(limits: Limits | None) -> Limits:
    """`limits=` of a public function: the default ones for None, TypeError for anything but `Limits`."""
    if limits is None:
        return _default
    if not isinstance(limits, Limits):
        raise TypeError(f"limits must be a dicomdecode.Limits, not {type(limits).__name__}")
    return limits


def set_default_limits(limits: Limits) -> Limits:
    """Replace the limits used when a call gives none, for the whole process.

    Parameters
    ----------
    limits : Limits

    Returns
    -------
    Limits
        Those before.

    Raises
    ------
    TypeError
        `limits` is not a `Limits`.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> before = dd.set_default_limits(dd.Limits(frames=10))
    >>> _ = dd.set_default_limits(before)
    """
    global _default
    if limits is None:
        raise TypeError("limits must be a dicomdecode.Limits, not NoneType")
    previous, _default = _default, limits_of(limits)
    return previous


#: The codes of limits that are counted in bytes.
_IN_BYTES = ("limit_output_bytes", "limit_header_bytes", "limit_inflate_ratio", "limit_stream_bytes", "icc_size")


def over_limit(
    what: str,
    code: str,
    limit: int,
    found: int | None = None,
    *,
    tag: int | None = None,
    offset: int | None = None,
    frame: int | None = None,
    hint: str = "",
) -> LimitError:
    """The error of a file that asks for more than a limit allows, in the same words for all limits.

    Parameters
    ----------
    what : str
        What is too much, and its verb: "Number of Frames exceeds".
    code : str
        "limit_" and the name of a field of `Limits`; another code for a limit that is fixed.
    limit, found : int
        What is allowed; what was requested, if that is known.
    tag, offset, frame, hint
        As in `DicomError`. The usual hint names the limit.
    """
    text = f"{what} the limit of {limit}{' bytes' if code in _IN_BYTES else ''}"
    if found is not None:
        text += f": {found}"
    if not hint and code.startswith("limit_"):
        hint = f"Pass limits=dicomdecode.Limits({code.removeprefix('limit_')}=...) to allow it"
    return LimitError(text, code=code, tag=tag, offset=offset, frame=frame, hint=hint)


def check_limit(what: str, code: str, limit: int, asked: int, *, tag: int | None = None) -> None:
    """Raise what `over_limit` makes when more is asked for than the limit allows."""
    if asked > limit:
        raise over_limit(what, code, limit, asked, tag=tag)
