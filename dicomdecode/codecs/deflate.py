"""Deflated Image Frame Compression (PS3.5 A.4.13): each frame is one raw RFC 1951 stream of its native form."""

from __future__ import annotations

import zlib
from typing import Any

from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.errors import MalformedError, TruncatedError


def decode(data: Any, spec: FrameSpec, out: Any) -> None:
    """Inflate one frame of native cells into `out`, a 1-D uint8 array of the frame's size."""
    inflater = zlib.decompressobj(wbits=-15)
    try:
        cells = inflater.decompress(data, out.nbytes)
    except zlib.error:
        raise MalformedError("The deflated frame cannot be inflated", code="inflate", frame=spec.frame) from None
    if len(cells) < out.nbytes:
        raise TruncatedError(
            f"The deflated frame is too short (bytes): expected {out.nbytes}, found {len(cells)}",
            code="frame_cut",
            frame=spec.frame,
        )
    memoryview(out)[:] = cells
