"""JPEG-LS (PS3.5 A.4.3): CharLS through imagecodecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.codecs.faults import library_error
from dicomdecode.codecs.markers import SOF55, check_end, check_stream, read_header
from dicomdecode.codecs.samples import give_sign, monochrome_or_palette, unsigned_view, ycc_or_rgb
from dicomdecode.errors import MalformedError, UnsupportedError
from dicomdecode.syntaxes import name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.codecs._spec import FrameSpec

__all__ = ["decode"]

_EOI = b"\xff\xd9"


def decode(data: Any, spec: FrameSpec, out: NDArray[Any]) -> str:
    """Decode one frame, lossless or near-lossless, of any interleave mode.

    Parameters
    ----------
    data : bytes-like
        The codestream.
    spec : FrameSpec
        The header's word on the frame.
    out : ndarray
        C-contiguous [rows, columns, samples] of the stored integer type. Where that is signed, the sign bit is the
        highest of the stream's precision, or of Bits Stored where those are fewer.

    Returns
    -------
    str
        "MONOCHROME", "PALETTE COLOR", "RGB", "YBR_FULL", or YBR_PARTIAL_* as in the header: JPEG-LS converts no colour.

    Raises
    ------
    MalformedError
        The stream is damaged, or disagrees with the header.
    TruncatedError
        The stream has no end.
    UnsupportedError
        Its size is not in the frame header.
    """
    import imagecodecs

    view: Any = memoryview(data).cast("B")
    header = read_header(view, spec)
    if header.process != SOF55:
        raise MalformedError(
            f"{name_of(spec.syntax)}: the stream is of another JPEG process", code="stream_process", frame=spec.frame
        )
    if header.rows == 0 or header.columns == 0:
        raise UnsupportedError(
            f"{name_of(spec.syntax)}: no decoder for a size outside the frame header",
            code="stream_dnl",
            frame=spec.frame,
        )
    check_stream(header, spec, 8 * out.dtype.itemsize)
    check_end(view, header, spec)
    if view[-2:] != _EOI:
        # CharLS 2.4 never returns when it reads past entropy-coded data that no marker ends.
        view = b"".join((view, _EOI))
    target = unsigned_view(out)
    place = target.reshape(out.shape[:2]) if spec.samples == 1 else target
    width = 1 if header.precision <= 8 else 2
    by_component = header.interleave == 0 and spec.samples > 1
    shape = (spec.samples, *out.shape[:2]) if by_component else place.shape
    direct = width == out.dtype.itemsize and not by_component
    decoded = place if direct else np.empty(shape, f"u{width}")
    try:
        try:
            imagecodecs.jpegls_decode(view, out=decoded)
        except imagecodecs.JpeglsError:
            # CharLS before 2.4.3 does not take the zero byte that some encoders put before EOI for an even length.
            if view[-3] != 0:
                raise
            imagecodecs.jpegls_decode(b"".join((view[:-3], _EOI)), out=decoded)
    except (imagecodecs.JpeglsError, ValueError, RuntimeError, TypeError) as error:
        raise library_error(error, spec) from None
    if not direct:
        place[...] = np.moveaxis(decoded, 0, -1) if by_component else decoded
    if spec.signed:
        give_sign(out, min(header.precision, spec.bits_stored))
    if spec.samples == 1:
        return monochrome_or_palette(spec)
    return ycc_or_rgb(spec)
