"""PNG frames (ISO/IEC 15948): libpng through imagecodecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomdecode.codecs.faults import check_layout, cut, library_error, malformed
from dicomdecode.codecs.samples import monochrome_or_palette

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.codecs._spec import FrameSpec

__all__ = ["decode"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: Samples of a pixel, by colour type: grey, RGB.
_SAMPLES = {0: 1, 2: 3}


def decode(data: Any, spec: FrameSpec, out: NDArray[Any]) -> str:
    """Decode one frame of unsigned grey or RGB samples of 8 or 16 bits into `out`, [rows, columns, samples]."""
    import imagecodecs

    view = memoryview(data).cast("B")
    if bytes(view[:8]) != _SIGNATURE:
        raise malformed("the data are not a PNG stream", "stream_start", spec)
    if len(view) < 26:
        raise cut(spec, len(view))
    columns, rows, bits, kind = (int.from_bytes(view[a:b], "big") for a, b in ((16, 20), (20, 24), (24, 25), (25, 26)))
    check_layout(
        spec, rows=rows, columns=columns, components=_SAMPLES.get(kind, 0), precision=bits, item_bits=8 * out.itemsize
    )
    try:
        out[...] = imagecodecs.png_decode(view).reshape(out.shape)
    except (imagecodecs.PngError, ValueError) as error:
        raise library_error(error, spec) from None
    return monochrome_or_palette(spec) if spec.samples == 1 else "RGB"
