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
from dicomdecode.tfop.options import write_options

FILLED, AGAIN = 0, 1


class Error(ctypes.Structure):
    _fields_ = (("code", ctypes.c_int), ("message", ctypes.c_char * 512))


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
            "open",
            ctypes.CFUNCTYPE(
                ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, POINTER(ctypes.c_void_p), POINTER(Error)
            ),
        ),
        ("close", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),
        (
            "prepare",
            ctypes.CFUNCTYPE(
                ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, POINTER(Image), POINTER(Error)
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


@contextmanager
def opened(dtype: Any = np.uint16, **options: Any) -> Iterator[ctypes.c_void_p]:
    """The request that a kernel of the op would have."""
    request, error = ctypes.c_void_p(), Error()
    text = write_options(**options).encode()
    if CORE.open(words.ELEMENT_TYPES.index(np.dtype(dtype).name), text, len(text), request, error) < 0:
        raise ValueError(error.message.decode())
    try:
        yield request
    finally:
        CORE.close(request)


def decode(contents: bytes, *, dtype: Any = np.uint16, **options: Any) -> np.ndarray:
    """The image that the op would give.

    Raises
    ------
    ValueError
        With the message of the op's error.
    """
    image, error = Image(), Error()
    with opened(dtype, **options) as request:
        if CORE.prepare(request, contents, len(contents), image, error) < 0:
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
        for name, what in (("run_call", "image"), ("decode_dicom_data", "texts"), ("Plans", "plan")):
            stack.enter_context(mock.patch.object(_bridge, name, _noting(getattr(_bridge, name), what, asked)))
        yield asked


def _noting(function: Any, what: str, asked: set[str]) -> Any:
    def call(*args: Any, **keywords: Any) -> Any:
        asked.add(what)
        return function(*args, **keywords)

    return call
