"""Encapsulated uncompressed frames (PS3.5 A.4): the fragment is the native frame."""

from __future__ import annotations

from typing import Any

from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.errors import TruncatedError


def decode(data: Any, spec: FrameSpec, out: Any) -> None:
    """Copy one frame of native cells into `out`, a 1-D uint8 array of the frame's size."""
    view = memoryview(data)
    if view.nbytes < out.nbytes:
        raise TruncatedError(
            f"The frame is too short (bytes): expected {out.nbytes}, found {view.nbytes}",
            code="frame_cut",
            frame=spec.frame,
        )
    memoryview(out)[:] = view[: out.nbytes]
