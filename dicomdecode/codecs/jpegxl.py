"""JPEG XL (PS3.5 A.4.12): libjxl through imagecodecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomdecode.codecs.markers import give_sign, library_error, unsigned_view
from dicomdecode.errors import MalformedError
from dicomdecode.syntaxes import name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode._spec import FrameSpec

__all__ = ["decode"]

_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))


def _size(data: bytes) -> tuple[int, int] | None:
    """(rows, columns) of a bare codestream's SizeHeader (ISO/IEC 18181-1 D.2); None for a container."""
    if data[:2] != b"\xff\x0a":
        return None
    bits = int.from_bytes(data[2:16], "little")

    def take(n: int) -> int:
        nonlocal bits
        value = bits & ((1 << n) - 1)
        bits >>= n
        return value

    def length(small: bool) -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    small = bool(take(1))
    rows = length(small)
    ratio = take(3)
    if ratio:
        numerator, denominator = _RATIOS[ratio - 1]
        return rows, rows * numerator // denominator
    return rows, length(small)


def decode(data: Any, spec: FrameSpec, out: NDArray[Any]) -> str:
    """Decode one frame.

    Parameters
    ----------
    data : bytes-like
        A codestream, bare or in its container.
    spec : FrameSpec
        The header's word on the frame.
    out : ndarray
        C-contiguous [rows, columns, samples] of the stored integer type.

    Returns
    -------
    str
        "MONOCHROME", "PALETTE COLOR" or "RGB": the codec undoes its own colour transform.

    Raises
    ------
    MalformedError
        The stream is damaged, or disagrees with the header.
    """
    import imagecodecs

    stream = bytes(data)
    size = _size(stream)
    if size is not None and size != (spec.rows, spec.columns):
        raise _disagrees(spec, size)
    try:
        decoded = imagecodecs.jpegxl_decode(stream, numthreads=spec.threads)
    except (imagecodecs.JpegxlError, ValueError, RuntimeError, TypeError) as error:
        raise library_error(error, spec) from None
    if decoded.shape[:2] != out.shape[:2] or decoded.size != out.size or decoded.dtype.kind != "u":
        raise _disagrees(spec, decoded.shape)
    if decoded.dtype.itemsize > out.dtype.itemsize:
        raise _disagrees(spec, (decoded.dtype.itemsize * 8,))
    unsigned_view(out)[...] = decoded.reshape(out.shape)
    if spec.signed:
        give_sign(out, spec.bits_stored)
    if spec.samples == 1:
        return "PALETTE COLOR" if spec.photometric == "PALETTE COLOR" else "MONOCHROME"
    return "RGB"


def _disagrees(spec: FrameSpec, found: tuple[int, ...]) -> MalformedError:
    expected = f"{spec.rows} x {spec.columns} x {spec.samples} of {spec.bits_allocated} bits"
    return MalformedError(
        f"{name_of(spec.syntax)}: the stream disagrees with the header: expected {expected}, "
        f"found {' x '.join(map(str, found))}",
        code="stream_size",
        frame=spec.frame,
    )
