"""The table codec name -> function. A codec is loaded when its first frame is decoded.

A codec either restores native cells (`cells`: what follows treats the frame as uncompressed pixel data) or gives stored
samples. Both have the contract of `FrameSpec`: ``decode(data, spec, out) -> photometric interpretation``.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

__all__ = ["CODECS", "Codec", "does_areas", "load"]


class Codec(NamedTuple):
    """One row: where the decoder is and what it gives.

    Attributes
    ----------
    module, function : str
        Where `decode` is found.
    cells : bool
        It writes native cells (bytes), not samples.
    planar : bool
        Of `cells`: Planar Configuration holds for them.
    ratio : int
        Of `cells`: the most bytes it gives for each byte it takes; 0 where there is no such bound.
    pixels_per_bit : int
        The most pixels that one bit of its streams can stand for; 0 where there is no such bound: then
        `Limits.pixels_per_byte` holds. A block of 64 coefficients costs a bit in a DCT process of JPEG, and a component
        may have a 16th of the picture's blocks; a run of JPEG-LS costs a bit for up to 2^15 pixels.
    trims : bool
        Of `cells`: it clears, or fills with the sign, up to 7 bits above Bits Stored.
    areas : bool
        It takes ``reduce=`` and ``region=`` and decodes no more than that.
    gil : bool
        It holds the GIL while it decodes; all others let other threads run.
    stream : bool
        All frames are one stream: `function` is a class with ``read(frame, out)``, made once from all fragments.
    """

    module: str
    function: str = "decode"
    cells: bool = False
    planar: bool = False
    ratio: int = 0
    pixels_per_bit: int = 0
    trims: bool = False
    areas: bool = False
    gil: bool = False
    stream: bool = False


CODECS: Mapping[str, Codec] = MappingProxyType(
    {
        "uncompressed": Codec("dicomdecode.codecs.uncompressed", cells=True, planar=True, ratio=1, gil=True),
        "deflate": Codec("dicomdecode.codecs.deflate", cells=True, planar=True, ratio=1032),
        "rle": Codec("dicomdecode.codecs._rle", cells=True, ratio=64, trims=True),
        "jpeg": Codec("dicomdecode.codecs.jpeg", pixels_per_bit=64 * 16),
        "jpegls": Codec("dicomdecode.codecs.jpegls", pixels_per_bit=1 << 15),
        "htj2k": Codec("dicomdecode.codecs.jpeg2000", areas=True),
        "jpegxl": Codec("dicomdecode.codecs.jpegxl"),
        "jpeg2000": Codec("dicomdecode.codecs.jpeg2000", areas=True),
        # of no transfer syntax: what codec="openjpeg" asks for
        "openjpeg": Codec("dicomdecode.codecs.jpeg2000", function="decode_by_openjpeg", areas=True),
        "video": Codec("dicomdecode.codecs.video", function="VideoReader", stream=True),
    }
)


@functools.cache
def load(name: str) -> Callable[..., Any]:
    """The decode function of a row."""
    row = CODECS[name]
    return getattr(importlib.import_module(row.module), row.function)  # type: ignore[no-any-return]


def does_areas(name: str) -> bool:
    """Whether a codec decodes reduced resolutions and regions by itself."""
    return name in CODECS and CODECS[name].areas
