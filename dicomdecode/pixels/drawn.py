"""Decoding with the overlays drawn: what `imread` and its like give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomdecode.pixels.decode import decode

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.pixels._core import PixelData, Request
    from dicomdecode.pixels.arguments import Allocate

__all__ = ["decode_drawn"]


def decode_drawn(
    pixels: PixelData, request: Request, *, allocate: Allocate | None = None, threads: int | None = None
) -> NDArray[Any]:
    """`decode`, with the overlays drawn where the request asks for them."""
    array = decode(pixels, request, allocate=allocate, threads=threads)
    if request.overlays:
        from dicomdecode.pixels.overlays import burn

        burn(pixels, request, array)
    return array
