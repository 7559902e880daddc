"""High-Throughput JPEG 2000 (PS3.5 A.4.11): OpenJPH for reversible streams, OpenJPEG for all others.

OpenJPH through imagecodecs wraps values that overshoot instead of clipping them, so it gets 5/3 streams only, which can
not overshoot.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomdecode.codecs import _j2k, jpeg2000
from dicomdecode.codecs.markers import give_sign, library_error, unsigned_view

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode._spec import FrameSpec
    from dicomdecode.request import Region

__all__ = ["decode"]


def decode(data: Any, spec: FrameSpec, out: NDArray[Any], *, reduce: int = 0, region: Region | None = None) -> str:
    """Decode one frame; the parameters, the result and the errors are those of `jpeg2000.decode`."""
    import imagecodecs

    if reduce or region is not None or spec.samples not in (1, 3) or out.dtype.itemsize > 2:
        return jpeg2000.decode(data, spec, out, reduce=reduce, region=region)
    # Checks size, components, precision and the chain of tile-parts: OpenJPH does not tell a cut stream.
    stream, found = _j2k.prepare(data, spec)
    reversible = str(found["transform"]).startswith("5/3")
    width = 1 if found["precision"] <= 8 else 2
    if not (reversible and found["high_throughput"]) or found["subsampled"] or (found["signed"] != spec.signed):
        return jpeg2000.decode(data, spec, out)
    target = unsigned_view(out)
    try:
        decoded = imagecodecs.htj2k_decode(stream, planar=False)
    except (imagecodecs.Htj2kError, ValueError, RuntimeError, TypeError) as error:
        raise library_error(error, spec) from None
    if decoded.dtype.itemsize != width or decoded.size != out.size:
        return jpeg2000.decode(data, spec, out)
    if spec.signed:
        out[...] = decoded.reshape(out.shape)
        give_sign(out, found["precision"])
    else:
        target[...] = decoded.reshape(out.shape)
    if spec.samples == 1:
        return "PALETTE COLOR" if spec.photometric == "PALETTE COLOR" else "MONOCHROME"
    if not found["component_transform"] and spec.photometric.startswith(("YBR_FULL", "YBR_PARTIAL")):
        return "YBR_FULL"
    return "RGB"
