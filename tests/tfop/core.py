"""What the op does, without TensorFlow: the functions that the bridge hands to ops.c, called through ctypes."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import numpy as np

from dicomdecode import words
from dicomdecode.tfop import _bridge

FILLED, AGAIN = 0, 1


class Error(ctypes.Structure):
    _fields_ = (("code", ctypes.c_int), ("message", ctypes.c_char * 512))


class Asked(ctypes.Structure):
    """dd_request of bridge.h."""

    _fields_ = tuple(
        (name, ctypes.c_int) for name in ("type", "color_dim", "on_error", "scale", "values", "color", "frame_dim")
    )


class Image(ctypes.Structure):
    _fields_ = (
        ("dim_count", ctypes.c_int),
        ("dims", ctypes.c_int64 * 4),
        ("bytes", ctypes.c_size_t),
        ("may_change", ctypes.c_int),
        ("state", ctypes.c_void_p),
    )


class Span(ctypes.Structure):
    _fields_ = (("data", ctypes.c_char_p), ("size", ctypes.c_size_t))


POINTER = ctypes.POINTER
SINK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_char), ctypes.c_size_t)


class Core(ctypes.Structure):
    """dd_core of bridge.h."""

    _fields_ = (
        ("version", ctypes.c_uint32),
        (
            "prepare",
            ctypes.CFUNCTYPE(
                ctypes.c_int, POINTER(Asked), ctypes.c_char_p, ctypes.c_size_t, POINTER(Image), POINTER(Error)
            ),
        ),
        ("fill", ctypes.CFUNCTYPE(ctypes.c_int, POINTER(Image), ctypes.c_void_p, POINTER(Error))),
        ("release", ctypes.CFUNCTYPE(None, POINTER(Image))),
        (
            "texts",
            ctypes.CFUNCTYPE(
                ctypes.c_int,
                ctypes.c_int,
                ctypes.c_char_p,
                ctypes.c_size_t,
                POINTER(ctypes.c_uint32),
                POINTER(Span),
                ctypes.c_size_t,
                SINK,
                ctypes.c_void_p,
                POINTER(Error),
            ),
        ),
    )


CORE = Core.from_address(_bridge.address())


def decode(
    contents: bytes,
    *,
    dtype: Any = np.uint16,
    color_dim: bool = False,
    on_error: str = "skip",
    scale: str = "preserve",
    values: str = "stored",
    color: str = "rgb",
    frame_dim: bool | None = None,
) -> np.ndarray:
    """The image that the op would give.

    Raises
    ------
    ValueError
        With the message of the op's error.
    """
    asked = Asked(
        type=words.ELEMENT_TYPES.index(np.dtype(dtype).name),
        color_dim=color_dim,
        on_error=words.ON_ERROR.index(on_error),
        scale=words.SCALES.index(scale),
        values=words.VALUES.index(values),
        color=words.COLORS.index(color),
        frame_dim=-1 if frame_dim is None else frame_dim,
    )
    image, error = Image(), Error()
    if CORE.prepare(asked, contents, len(contents), image, error) < 0:
        raise ValueError(error.message.decode())
    try:
        result = AGAIN
        while result == AGAIN:
            out = np.empty(list(image.dims)[: image.dim_count], dtype)
            assert out.nbytes == image.bytes
            result = CORE.fill(image, out.ctypes.data, error)
        if result != FILLED:
            raise ValueError(error.message.decode())
        return out
    finally:
        CORE.release(image)


def texts(contents: bytes, tags: list[int]) -> list[bytes]:
    """The texts that the op would give for tags given as numbers."""
    found = [b""] * len(tags)
    error = Error()

    @SINK
    def put(target: Any, index: int, text: Any, size: int) -> None:
        found[index] = text[:size]

    numbers = (ctypes.c_uint32 * max(1, len(tags)))(*tags)
    if CORE.texts(0, contents, len(contents), numbers, None, len(tags), put, None, error) < 0:
        raise ValueError(error.message.decode())
    return found


@contextmanager
def watched() -> Iterator[set[str]]:
    """What the bridge asks of Python meanwhile: "image", "texts", or "plan" alone."""
    asked: set[str] = set()
    with ExitStack() as stack:
        for name, what in (("decode_dicom_image", "image"), ("decode_dicom_data", "texts"), ("Plans", "plan")):
            stack.enter_context(mock.patch.object(_bridge, name, _noting(getattr(_bridge, name), what, asked)))
        yield asked


def _noting(function: Any, what: str, asked: set[str]) -> Any:
    def call(*args: Any, **keywords: Any) -> Any:
        asked.add(what)
        return function(*args, **keywords)

    return call
