"""`decode_frame`: one frame without a file, as DICOMweb and the readers of slides have it.

The frame is put into the smallest data set that says what the caller says, so that everything that holds for files
holds for it: colour, bits beside the stored ones, limits, errors. It costs one copy of the codestream.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from dicomdecode.errors import DicomError, UnsupportedError
from dicomdecode.limits import Limits, limits_of
from dicomdecode.pixels import PixelData, Request, decode
from dicomdecode.pixels.arguments import check_flag, check_whole
from dicomdecode.reading import PHOTOMETRIC_TERMS, DicomFile, open_source
from dicomdecode.syntaxes import DEFLATED, EXPLICIT_BIG_ENDIAN, EXPLICIT_LITTLE_ENDIAN, IMPLICIT, SYNTAXES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike, NDArray

    from dicomdecode.pixels.arguments import RegionLike

__all__ = ["decode_frame"]

_UNDEFINED = 0xFFFFFFFF
_MOST = 0xFFFFFFFE  # bytes in an item or a value


class _Encoding(NamedTuple):
    explicit: bool
    order: str

    def element(self, tag: int, vr: str, value: bytes) -> bytes:
        """An element of a VR with a 16-bit length, or Pixel Data (PS3.5 7.1)."""
        value += b"\0" * (len(value) % 2)
        head = struct.pack(self.order + "HH", tag >> 16, tag & 0xFFFF)
        if self.explicit:
            return head + vr.encode("ascii") + struct.pack(self.order + "H", len(value)) + value
        return head + struct.pack(self.order + "I", len(value)) + value

    def number(self, tag: int, value: int) -> bytes:
        return self.element(tag, "US", struct.pack(self.order + "H", value))

    def pixels(self, vr: str, length: int) -> bytes:
        """The header of Pixel Data."""
        form = b"" if not self.explicit else vr.encode("ascii") + b"\0\0"
        return struct.pack(self.order + "HH", 0x7FE0, 0x0010) + form + struct.pack(self.order + "I", length)


class _Frame(NamedTuple):
    """A frame as the caller describes it; the names are those of PS3.3 C.7.6.3."""

    transfer_syntax: str
    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    planar: bool
    photometric: str | None

    def header(self, encoding: _Encoding) -> bytes:
        """The elements in front of Pixel Data."""
        numbers = {
            0x00280002: self.samples,
            0x00280006: int(self.planar),
            0x00280010: self.rows,
            0x00280011: self.columns,
            0x00280100: self.bits_allocated,
            0x00280101: self.bits_stored,
            0x00280102: self.high_bit,
            0x00280103: int(self.signed),
        }
        elements = {tag: encoding.number(tag, value) for tag, value in numbers.items()}
        if self.photometric is not None:
            elements[0x00280004] = encoding.element(0x00280004, "CS", self.photometric.encode("ascii"))
        return b"".join(elements[tag] for tag in sorted(elements))

    def file(self, codestream: memoryview) -> tuple[bytes, int]:
        """A file that holds the frame, and where in it the codestream begins."""
        uid = self.transfer_syntax
        is_native = SYNTAXES[uid].codec == "native"
        if uid == DEFLATED:  # of a whole data set: its frames are native
            uid = EXPLICIT_LITTLE_ENDIAN
        encoding = _Encoding(uid not in IMPLICIT, ">" if uid == EXPLICIT_BIG_ENDIAN else "<")
        meta = _Encoding(True, "<").element(0x00020010, "UI", uid.encode("ascii"))
        front = bytes(128) + b"DICM" + meta + self.header(encoding)
        size = codestream.nbytes
        pad = b"\0" * (size % 2)
        if is_native:
            front += encoding.pixels("OW" if self.bits_allocated > 8 else "OB", size + len(pad))
            end = pad
        else:  # an empty Basic Offset Table, one fragment, the delimiter (PS3.5 A.4)
            front += encoding.pixels("OB", _UNDEFINED) + struct.pack("<HHI", 0xFFFE, 0xE000, 0)
            front += struct.pack("<HHI", 0xFFFE, 0xE000, size + len(pad))
            end = pad + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
        return b"".join((front, codestream, end)), len(front)


def decode_frame(
    codestream: bytes | bytearray | memoryview | NDArray[np.uint8],
    *,
    transfer_syntax: str,
    rows: int,
    columns: int,
    samples: int = 1,
    bits_allocated: int,
    bits_stored: int | None = None,
    high_bit: int | None = None,
    signed: bool = False,
    planar: bool = False,
    photometric: str | None = None,
    values: str = "stored",
    color: str = "rgb",
    dtype: DTypeLike | None = None,
    scale: str = "preserve",
    out: NDArray[Any] | None = None,
    window: Any = None,
    reduce: int = 0,
    region: RegionLike | None = None,
    threads: int = 1,
    limits: Limits | None = None,
) -> NDArray[Any]:
    """Decode one frame that is not in a file.

    Parameters
    ----------
    codestream : bytes-like
        The bytes of the fragments (PS3.5 A.4); for an uncompressed transfer syntax the cells of the frame. Padding at
        the end is allowed.
    transfer_syntax : str
        Its UID. A codestream that is plainly of another codec is decoded by that.
    rows, columns : int
        Of the frame.
    samples : int
        Samples per Pixel.
    bits_allocated, bits_stored, high_bit : int
        Default: all bits are stored; the lowest ones.
    signed : bool
        Pixel Representation 1.
    planar : bool
        Planar Configuration 1; matters to uncompressed frames only.
    photometric : str, optional
        Photometric Interpretation, a defined term of PS3.3 C.7.6.3.1.2. Default: MONOCHROME2, or for colour what a JPEG
        stream says, else RGB.
    values, color, dtype, scale, out, window, reduce, region, threads, limits
        As in `dicomdecode.imread`; `values` is "stored" by default, since a frame alone has no rescale.

    Returns
    -------
    ndarray
        [rows, columns], or [rows, columns, samples] of colour.

    Raises
    ------
    DicomError
        The codestream cannot be decoded, or contradicts the arguments. `offset` counts from its first byte.
    ValueError, TypeError
        An argument is wrong.

    Examples
    --------
    >>> import dicomdecode as dd, numpy as np
    >>> cells = np.arange(6, dtype="<u2").tobytes()
    >>> dd.decode_frame(cells, transfer_syntax="1.2.840.10008.1.2.1", rows=2, columns=3, bits_allocated=16)
    array([[0, 1, 2],
           [3, 4, 5]], dtype=uint16)
    """
    request = Request(
        values=values,
        color=color,
        dtype=dtype,
        scale=scale,
        frame_dim=False,
        out=out,
        window=window,
        reduce=reduce,
        region=region,
        threads=threads,
    )
    allocated = check_whole("bits_allocated", bits_allocated, 1, 64)
    stored = allocated if bits_stored is None else check_whole("bits_stored", bits_stored, 1, allocated)
    samples = check_whole("samples", samples, 1, 4)
    if samples == 2:
        raise ValueError("samples must be 1, 3 or 4, not 2")
    syntax = _known(transfer_syntax)
    frame = _Frame(
        transfer_syntax=syntax,
        rows=check_whole("rows", rows, 1, 65535),
        columns=check_whole("columns", columns, 1, 65535),
        samples=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=stored - 1 if high_bit is None else check_whole("high_bit", high_bit, stored - 1, allocated - 1),
        signed=check_flag("signed", signed),
        planar=check_flag("planar", planar),
        photometric=_photometric(photometric, samples, SYNTAXES[syntax].codec),
    )
    contents, start = frame.file(_bytes_of(codestream))
    allowed = limits_of(limits)
    try:
        return decode(PixelData(DicomFile(open_source(contents, allowed), allowed)), request)
    except DicomError as error:
        raise _counted_from(error, start) from error.__cause__


def _known(transfer_syntax: str) -> str:
    if not isinstance(transfer_syntax, str):
        raise TypeError(f"transfer_syntax must be a UID, a str, not {type(transfer_syntax).__name__}")
    uid = transfer_syntax.strip(" \0")
    if not set(uid) <= set("0123456789."):
        raise ValueError(f"transfer_syntax must be a UID such as '1.2.840.10008.1.2.5', not {transfer_syntax!r}")
    if uid not in SYNTAXES or not SYNTAXES[uid].codec:
        name = f" {SYNTAXES[uid].name}" if uid in SYNTAXES else ""
        raise UnsupportedError(f"No decoder for the transfer syntax{name}", code="transfer_syntax", tag=0x00020010)
    return uid


def _photometric(photometric: str | None, samples: int, codec: str) -> str | None:
    if photometric is None:
        return "MONOCHROME2" if samples == 1 else None if codec in ("jpeg", "jpegls") else "RGB"
    wrong = f"photometric must be a Photometric Interpretation such as 'RGB', not {photometric!r}"
    if not isinstance(photometric, str):
        raise TypeError(wrong)
    term = photometric.strip(" \0").upper()
    if not photometric.isascii() or term not in PHOTOMETRIC_TERMS:
        raise ValueError(wrong)
    return term


def _bytes_of(codestream: Any) -> memoryview:
    try:
        view = memoryview(codestream).cast("B")
    except TypeError:
        raise TypeError(f"codestream must be contiguous bytes, not {type(codestream).__name__}") from None
    if view.nbytes > _MOST - 1:
        raise ValueError(f"codestream has {view.nbytes} bytes; a frame of a DICOM file has fewer than 2^32")
    return view


def _counted_from(error: DicomError, start: int) -> DicomError:
    """The error with an offset that counts from byte `start` of the file made here."""
    offset = error.offset - start if error.offset is not None and error.offset >= start else None
    return type(error)(error.message, code=error.code, tag=error.tag, offset=offset, hint=error.hint)
