"""Frames -> values. `decode` is the door: what frames are, what becomes of their values, the array that is returned."""

from dicomdecode.pixels._core import PixelData, Request
from dicomdecode.pixels.decode import decode
from dicomdecode.pixels.planning import DoesNotFit

__all__ = ["DoesNotFit", "PixelData", "Request", "decode"]
