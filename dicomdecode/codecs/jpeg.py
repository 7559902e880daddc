"""JPEG (PS3.5 A.4.1): libjpeg-turbo through imagecodecs, and our own decoder for lossless streams.

What the stream says decides the process, whatever the transfer syntax promises. The colour is what `spec` says,
which is the word of the stream before that of the header (`_heads.colour_of`); no library guesses it.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.codecs import _ljpeg
from dicomdecode.codecs.faults import cut, library_error, unsupported
from dicomdecode.codecs.markers import (
    SOF3,
    SOF55,
    StreamHeader,
    check_length,
    check_restarts,
    check_scans,
    check_stream,
    find_end,
    read_header,
)
from dicomdecode.codecs.samples import give_sign, monochrome_or_palette, unsigned_view, ycc_or_rgb
from dicomdecode.errors import TruncatedError, UnsupportedError
from dicomdecode.syntaxes import name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.codecs._spec import FrameSpec

__all__ = ["decode"]

_PROGRESSIVE = (0xC2, 0xCA)
#: SOF markers of the processes that libjpeg-turbo has: Huffman and arithmetic, neither hierarchical.
_PROCESSES = (0xC0, 0xC1, 0xC2, SOF3, 0xC9, 0xCA)
#: Entropy-coded bytes (no 0xFF among them) that decode to anything but even grey, and begin with ones: libraries fill
#: in zeros.
_NOISE = bytes(range(253, 0, -2))
_EOI = b"\xff\xd9"


def decode(data: Any, spec: FrameSpec, out: NDArray[Any]) -> str:
    """Decode one frame.

    Parameters
    ----------
    data : bytes-like
        The codestream: baseline, extended, progressive, or lossless. One that is whole but for its EOI is taken.
    spec : FrameSpec
        The header's word on the frame.
    out : ndarray
        C-contiguous [rows, columns, samples] of the stored integer type.

    Returns
    -------
    str
        "MONOCHROME", "PALETTE COLOR", "RGB", "YBR_FULL"; of a lossless stream YBR_PARTIAL_* as in the header.

    Raises
    ------
    MalformedError
        The stream is damaged, or disagrees with the header.
    TruncatedError
        The stream ends too early.
    UnsupportedError
        A hierarchical or arithmetic lossless process, or a stream that tells its number of lines at its end.
    """
    header = read_header(data, spec)
    if header.process == SOF55:
        from dicomdecode.codecs import jpegls

        return jpegls.decode(data, spec, out)
    if header.process not in _PROCESSES:
        raise unsupported(f"the JPEG process of marker SOF{header.process - 0xC0}", "stream_process", spec)
    if header.rows == 0:
        raise unsupported("streams that give the number of lines after the scan (DNL)", "stream_dnl", spec)
    check_stream(header, spec)
    if header.process == SOF3:
        try:
            return _ljpeg.decode(data, spec, out)
        except UnsupportedError:
            pass  # what it does not take, libjpeg-turbo may
    end = find_end(data, header)
    has_end = end >= 0
    check_length(header, end if has_end else len(data), spec)
    if not has_end:
        if header.process in _PROGRESSIVE:  # more scans may be missing
            raise cut(spec, len(data))
        end = _end_of_data(data)
        data = b"".join((data[:end], _EOI))
    one_scan = header.process not in _PROGRESSIVE and header.scan_components == header.components
    if not one_scan:
        check_scans(data, header, spec)
    elif header.interval and header.process != SOF3:
        check_restarts(data, header, end, spec)
    width = 1 if header.precision <= 8 else 2
    target = unsigned_view(out)
    direct = width == out.dtype.itemsize
    place = target if direct else np.empty(out.shape, f"u{width}")
    result = _decode_turbo(data, header, spec, place)
    if not has_end or (one_scan and header.process != SOF3 and _ends_in_grey(place, header.precision)):
        _check_whole(data, header, end, spec, place)
    if not direct:
        target[...] = place
    if spec.signed:
        give_sign(out, spec.bits_stored)
    return result


def _decode_turbo(data: Any, header: StreamHeader, spec: FrameSpec, place: NDArray[Any]) -> str:
    import imagecodecs

    photometric = spec.photometric
    stored = wanted = None  # of one component there is but one colour space, and naming it takes time
    if spec.samples == 1:
        result = monochrome_or_palette(spec)
    elif spec.samples == 3 and photometric.startswith("YBR") and header.process != SOF3:
        stored = "YCBCR"
        wanted = result = "RGB"
        if not spec.to_rgb:
            wanted, result = "YCBCR", "YBR_FULL"
    elif spec.samples == 3:
        stored = wanted = "RGB"
        result = ycc_or_rgb(spec)
    else:
        stored = wanted = "CMYK"
        result = photometric
    try:
        imagecodecs.jpeg8_decode(
            data,
            colorspace=stored,
            outcolorspace=wanted,
            out=place[..., 0] if spec.samples == 1 else place,
        )
    except (imagecodecs.Jpeg8Error, ValueError, RuntimeError, TypeError) as error:
        raise library_error(error, spec) from None
    return result


def _end_of_data(data: Any) -> int:
    """Where entropy-coded data without EOI end: they are padded with ones (T.81 F.1.2.3), so that no zero ends them."""
    end = len(data)
    while end and data[end - 1] == 0:
        end -= 1
    # A zero behind 0xFF is stuffed; it belongs to the data.
    return end + 1 if end < len(data) and data[end - 1] == 0xFF else end


def _ends_in_grey(place: NDArray[Any], precision: int) -> bool:
    """Whether the last block is of the value that the library fills in where data are missing."""
    grey = 1 << (precision - 1)
    if place.item(-1) != grey:
        return False
    rows, columns = place.shape[:2]
    return bool((place[(rows - 1) // 8 * 8 :, (columns - 1) // 8 * 8 :] == grey).all())


def _check_whole(data: Any, header: StreamHeader, end: int, spec: FrameSpec, place: NDArray[Any]) -> None:
    """Raise TruncatedError when entropy-coded data of the picture are missing before `end`.

    Bytes put in behind the data of a whole picture are never read, and change nothing. The picture is decoded into the
    same array, and compared by a checksum: a second array would double the memory.
    """
    before = zlib.crc32(place)
    while data[end - 1] == 0xFF:  # fill, which would make a marker of what comes behind it
        end -= 1
    _decode_turbo(b"".join((data[:end], _NOISE, data[end:])), header, spec, place)
    if zlib.crc32(place) != before:
        raise TruncatedError(
            f"{name_of(spec.syntax)}: the stream ends before its last block",
            code="stream_cut",
            offset=end,
            frame=spec.frame,
        )
