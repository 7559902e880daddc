"""The library of native ops: loaded once, told of the limits; where it cannot be loaded, `ops` is None."""

from __future__ import annotations

import atexit
import ctypes
import importlib.machinery
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from dicomdecode.limits import default_limits
from dicomdecode.tfop import _bridge

__all__ = ["InvalidContents", "file_bytes", "follow_limits", "is_native"]


def _load() -> tuple[Any, Any]:
    """The module of the native ops, and their library."""
    folder = Path(__file__).parent
    found = [path for suffix in importlib.machinery.EXTENSION_SUFFIXES if (path := folder / f"_ops{suffix}").exists()]
    if not found:
        raise OSError("the library of the ops was not built")
    # TensorFlow must be the first to load it: the library registers its ops while it is loaded.
    ops = tf.load_op_library(str(found[0]))
    library = ctypes.CDLL(str(found[0]))
    library.dicomdecode_problem.restype = ctypes.c_char_p
    library.dicomdecode_register_originals.restype = ctypes.c_char_p
    library.dicomdecode_attach.argtypes = [ctypes.c_void_p]
    problem = library.dicomdecode_problem()
    if problem:
        raise OSError(problem.decode())
    if not hasattr(ops, "decode_dicom_image"):
        raise OSError("another copy of the ops is loaded")
    if library.dicomdecode_attach(_bridge.address()):
        raise OSError("the library of the ops is of another version")
    atexit.register(_bridge.close)
    return ops, library


def _load_or_warn() -> tuple[Any, Any]:
    try:
        return _load()
    except (OSError, AttributeError, tf.errors.OpError) as error:
        warnings.warn(
            f"dicomdecode runs through tf.numpy_function, slowly: its native ops cannot be loaded ({error})",
            RuntimeWarning,
            stacklevel=3,
        )
        return None, None


ops, library = _load_or_warn()
_limits = default_limits()


def is_native() -> bool:
    """Whether the native ops are in use; else `tf.numpy_function` is.

    Returns
    -------
    bool

    Examples
    --------
    >>> import dicomdecode.tensorflow as dtf
    >>> dtf.is_native()
    True
    """
    return ops is not None


def follow_limits() -> None:
    """Give the native ops the default limits, when they were replaced since the last call."""
    global _limits
    limits = default_limits()
    if limits is not _limits:
        _bridge.use_limits(limits)
        _limits = limits


class InvalidContents(tf.errors.InvalidArgumentError, ValueError):  # type: ignore[misc]
    """In graphs, `tf.numpy_function` turns a ValueError into an InvalidArgumentError; run eagerly, it passes it on."""

    def __init__(self, error: Exception) -> None:
        super().__init__(None, None, str(error))


def file_bytes(contents: Any) -> bytes:
    """What `tf.numpy_function` hands over: bytes, or an array of objects when it runs eagerly."""
    if isinstance(contents, np.ndarray):
        if contents.size != 1:
            raise ValueError("contents must be one string, the bytes of one DICOM file")
        contents = contents.reshape(-1)[0]
    return bytes(contents)
