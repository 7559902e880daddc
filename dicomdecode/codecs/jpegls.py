"""JPEG-LS (PS3.5 A.4.3): CharLS through imagecodecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.codecs.markers import check_stream, give_sign, library_error, read_header, unsigned_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode._spec import FrameSpec

__all__ = ["decode"]


def decode(data: Any, spec: FrameSpec, out: NDArray[Any]) -> str:
    """Decode one frame, lossless or near-lossless, of any interleave mode.

    Parameters
    ----------
    data : bytes-like
        The codestream.
    spec : FrameSpec
        The header's word on the frame.
    out : ndarray
        C-contiguous [rows, columns, samples] of the stored integer type.

    Returns
    -------
    str
        "MONOCHROME", "PALETTE COLOR", "RGB" or "YBR_FULL": JPEG-LS converts no colour.

    Raises
    ------
    MalformedError
        The stream is damaged, or disagrees with the header.
    TruncatedError
        The stream ends before its first scan.
    """
    import imagecodecs

    view: Any = memoryview(data).cast("B")
    header = read_header(view, spec)
    check_stream(header, spec, 8 * out.dtype.itemsize)
    width = 1 if header.precision <= 8 else 2
    target = unsigned_view(out)
    direct = spec.samples == 1 and width == out.dtype.itemsize
    try:
        if direct:
            imagecodecs.jpegls_decode(view, out=target.reshape(out.shape[:2]))
        else:
            target[...] = _interleaved(imagecodecs.jpegls_decode(view), out.shape)
    except (imagecodecs.JpeglsError, ValueError, RuntimeError, TypeError) as error:
        raise library_error(error, spec) from None
    if spec.signed:
        give_sign(out, spec.bits_stored)
    if spec.samples == 1:
        return "PALETTE COLOR" if spec.photometric == "PALETTE COLOR" else "MONOCHROME"
    return "YBR_FULL" if spec.photometric.startswith("YBR_FULL") else "RGB"


def _interleaved(decoded: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """Samples of a pixel side by side: interleave mode 0 comes as planes."""
    rows, columns, samples = shape
    if samples > 1 and decoded.shape == (samples, rows, columns):
        return np.moveaxis(decoded, 0, -1)
    return decoded.reshape(shape)
