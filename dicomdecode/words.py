"""The words of the options, and the element types. The position of a word is its number in C: see words.h."""

from __future__ import annotations

__all__ = ["COLORS", "ELEMENT_TYPES", "LEVELS", "ON_ERROR", "SCALES", "VALUES"]

#: What `values=` may be: the levels of PS3.3 C.11, then what tensorflow-io returned.
VALUES = ("stored", "modality", "voi", "display", "real_world", "tfio")
#: Those of the standard.
LEVELS = VALUES[:-1]
#: What `color=` may be.
COLORS = ("rgb", "stored", "palette", "rgba", "srgb")
#: What `scale=` may be.
SCALES = ("preserve", "auto")
#: What `on_error=` may be.
ON_ERROR = ("strict", "skip", "lossy")
#: The NumPy names of the element types that images are converted to.
ELEMENT_TYPES = (
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "float32",
    "float64",
    "float16",
)
