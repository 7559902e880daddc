"""What codecs do to the samples that a library gave, and what they say of their colour."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.codecs._spec import FrameSpec

__all__ = ["give_sign", "monochrome_or_palette", "unsigned_view", "ycc_or_rgb"]


def give_sign(out: NDArray[Any], bits_stored: int) -> None:
    """Sign-extend the low Bits Stored bits of each sample, in place (Pixel Representation 1)."""
    shift = 8 * out.dtype.itemsize - bits_stored
    if out.dtype.kind == "i" and shift > 0:
        np.left_shift(out, shift, out=out)
        np.right_shift(out, shift, out=out)


def monochrome_or_palette(spec: FrameSpec) -> str:
    """What a codec returns for frames of one sample a pixel."""
    return "PALETTE COLOR" if spec.photometric == "PALETTE COLOR" else "MONOCHROME"


def ycc_or_rgb(spec: FrameSpec) -> str:
    """What a codec returns for frames of three samples whose colour it leaves as it is."""
    if spec.photometric.startswith("YBR_PARTIAL"):
        return spec.photometric
    return "YBR_FULL" if spec.photometric.startswith("YBR_FULL") else "RGB"


def unsigned_view(out: NDArray[Any]) -> NDArray[Any]:
    """The same memory, as codecs write it."""
    return out if out.dtype.kind == "u" else out.view(f"u{out.dtype.itemsize}")
