"""JPEG (PS3.5 A.4.1 and A.4.2): libjpeg-turbo through imagecodecs, and our own decoder for lossless streams.

What the stream says decides the process, whatever the transfer syntax promises. Photometric Interpretation decides the
colour: markers that guess (JFIF, Adobe) are not asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.codecs import _ljpeg
from dicomdecode.codecs.markers import (
    SOF3,
    SOF55,
    StreamHeader,
    check_end,
    check_stream,
    give_sign,
    library_error,
    read_header,
    unsigned_view,
)
from dicomdecode.errors import MalformedError, UnsupportedError
from dicomdecode.syntaxes import name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode._spec import FrameSpec

__all__ = ["decode"]

#: A progressive stream of few bytes can ask for any number of scans, each a pass over the whole picture.
MOST_SCANS = 200


def decode(data: Any, spec: FrameSpec, out: NDArray[Any]) -> str:
    """Decode one frame.

    Parameters
    ----------
    data : bytes-like
        The codestream: baseline, extended, progressive, or lossless.
    spec : FrameSpec
        The header's word on the frame.
    out : ndarray
        C-contiguous [rows, columns, samples] of the stored integer type.

    Returns
    -------
    str
        "MONOCHROME", "PALETTE COLOR", "RGB" or "YBR_FULL".

    Raises
    ------
    MalformedError
        The stream is damaged, or disagrees with the header.
    TruncatedError
        The stream ends too early.
    """
    view = memoryview(data).cast("B")
    header = read_header(view, spec)
    if header.process == SOF55:
        from dicomdecode.codecs import jpegls

        return jpegls.decode(data, spec, out)
    check_stream(header, spec, 8 * out.dtype.itemsize)
    if header.process == SOF3:
        try:
            return _ljpeg.decode(data, spec, out)
        except UnsupportedError:
            pass  # what it does not take, libjpeg-turbo may
    check_end(view, header, spec)
    if header.process == 0xC2 and bytes(view[header.scan :]).count(b"\xff\xda") > MOST_SCANS:
        raise MalformedError(
            f"{name_of(spec.syntax)}: more than {MOST_SCANS} scans", code="stream_scans", frame=spec.frame
        )
    return _decode_turbo(view, header, spec, out)


def _decode_turbo(view: Any, header: StreamHeader, spec: FrameSpec, out: NDArray[Any]) -> str:
    import imagecodecs

    photometric = spec.photometric
    if spec.samples == 1:
        stored = wanted = "GRAYSCALE"
        result = "PALETTE COLOR" if photometric == "PALETTE COLOR" else "MONOCHROME"
    elif spec.samples == 3 and photometric.startswith("YBR") and header.process != SOF3:
        stored = "YCBCR"
        wanted = "RGB" if spec.to_rgb else "YCBCR"
        result = "RGB" if spec.to_rgb else "YBR_FULL"
    elif spec.samples == 3:
        stored = wanted = "RGB"
        result = "YBR_FULL" if photometric.startswith("YBR") else "RGB"
    else:
        stored = wanted = "CMYK"
        result = photometric
    width = 1 if header.precision <= 8 else 2
    target = unsigned_view(out)
    direct = width == out.dtype.itemsize
    place = target if direct else np.empty(out.shape, f"u{width}")
    try:
        imagecodecs.jpeg8_decode(
            view,
            colorspace=stored,
            outcolorspace=wanted,
            out=place.reshape(out.shape[:2]) if spec.samples == 1 else place,
        )
    except (imagecodecs.Jpeg8Error, ValueError, RuntimeError, TypeError) as error:
        raise library_error(error, spec) from None
    if not direct:
        target[...] = place
    if spec.signed:
        give_sign(out, spec.bits_stored)
    return result
