"""DICOM files in TensorFlow: `decode_dicom_image`, `decode_dicom_data` and `dicom_tags` as tensors.

>>> import dicomdecode.tensorflow as dtf
>>> image = dtf.decode_dicom_image(tf.io.read_file("chest.dcm"))                                       # doctest: +SKIP

The ops are native: they run without Python, in `tf.data`, in `tf.function` and in a SavedModel. A program that loads
such a SavedModel imports this module first. Where the native ops cannot be loaded, `tf.numpy_function` takes their
place, with one warning.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import importlib.machinery
import warnings
from pathlib import Path
from typing import Any

import numpy as np

try:
    import tensorflow as tf
except ImportError as error:
    raise ImportError("dicomdecode.tensorflow needs TensorFlow: pip install 'dicomdecode[tensorflow]'") from error

from dicomdecode import decode_dicom
from dicomdecode.limits import default_limits
from dicomdecode.pixels.arguments import one_of
from dicomdecode.tags import dicom_tags, parse_tag
from dicomdecode.tfop import _bridge
from dicomdecode.words import COLORS, ON_ERROR, SCALES, VALUES

__all__ = ["decode_dicom_batch", "decode_dicom_data", "decode_dicom_image", "dicom_tags", "is_native"]

_FRAME_DIM = {None: -1, False: 0, True: 1}
_INTEGERS = (tf.uint8, tf.uint16, tf.uint32, tf.uint64, tf.int8, tf.int16, tf.int32, tf.int64)
_DTYPES = frozenset((*_INTEGERS, tf.float16, tf.float32, tf.float64))


def _load() -> tuple[Any, Any]:
    """The module of the native ops, and their library."""
    folder = Path(__file__).parent / "tfop"
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


_ops, _library = _load_or_warn()
_limits = default_limits()


def is_native() -> bool:
    """Whether the native ops are in use; else `tf.numpy_function` is."""
    return _ops is not None


def _follow_limits() -> None:
    """Give the native ops the default limits, when they were replaced since the last call."""
    global _limits
    limits = default_limits()
    if limits is not _limits:
        _bridge.use_limits(limits)
        _limits = limits


class _InvalidArgumentError(tf.errors.InvalidArgumentError, ValueError):  # type: ignore[misc]
    """In graphs, `tf.numpy_function` turns a ValueError into an InvalidArgumentError; run eagerly, it passes it on."""

    def __init__(self, error: Exception) -> None:
        super().__init__(None, None, str(error))


def _file_bytes(contents: Any) -> bytes:
    """What `tf.numpy_function` hands over: bytes, or an array of objects when it runs eagerly."""
    if isinstance(contents, np.ndarray):
        if contents.size != 1:
            raise ValueError("contents must be one string, the bytes of one DICOM file")
        contents = contents.reshape(-1)[0]
    return bytes(contents)


@functools.lru_cache(256)
def _checked(on_error: str, scale: str, values: str, color: str, frame_dim: bool | None, dtype: Any) -> tf.DType:
    """Raise for a wrong argument; the dtype."""
    one_of("on_error", on_error, ON_ERROR)
    one_of("scale", scale, SCALES)
    one_of("values", values, VALUES)
    one_of("color", color, COLORS)
    if frame_dim not in _FRAME_DIM:
        raise ValueError(f"frame_dim must be None, True or False, not {frame_dim!r}")
    dtype = tf.as_dtype(dtype)
    if dtype not in _DTYPES:
        raise TypeError(f"dtype must be one of uint8/16/32/64, int8/16/32/64, float16/32/64, not {dtype.name}")
    return dtype


def decode_dicom_image(
    contents: Any,
    color_dim: bool = False,
    on_error: str = "skip",
    scale: str = "preserve",
    dtype: Any = tf.uint16,
    name: str | None = None,
    *,
    values: str = "stored",
    color: str = "rgb",
    frame_dim: bool | None = None,
) -> tf.Tensor:
    """Decode a DICOM image. The tensor equals the array of `dicomdecode.decode_dicom_image`, to the bit.

    Parameters
    ----------
    contents : tf.Tensor of tf.string, or bytes
        One string: the bytes of the file.
    color_dim : bool
        Keep a samples axis of 1 for monochrome images.
    on_error : {"skip", "strict", "lossy"}
        "strict" raises. "skip" gives an empty 1-D tensor when the content cannot be decoded, or when the possible
        range of the values does not fit in `dtype`. "lossy" goes on (and clips) when only the range does not fit.
    scale : {"preserve", "auto"}
        "preserve" converts value by value; "auto" stretches the possible range over an integer dtype, or onto [0, 1].
    dtype : tf.DType
        uint8/16/32/64, int8/16/32/64, float16/32/64. A signed CT does not fit in the default uint16: ask for int16.
    name : str, optional
        Of the operation.
    values, color, frame_dim
        As in `dicomdecode.decode_dicom_image`.

    Returns
    -------
    tf.Tensor
        [frames, rows, columns, samples]; the axes of frames and samples only where there are several, or as `frame_dim`
        and `color_dim` say. In a graph the rank is known only under ``on_error="strict"`` with ``color_dim=True`` and a
        `frame_dim` that is not None: a skipped image is 1-D.

    Raises
    ------
    tf.errors.InvalidArgumentError
        The content cannot be decoded (only under "strict"); `contents` is not one string.
    ValueError, TypeError
        An argument is wrong.
    """
    dtype = _checked(on_error, scale, values, color, frame_dim, dtype)
    if _ops is None:
        image = _image_in_python(contents, color_dim, on_error, scale, dtype, name, values, color, frame_dim)
    else:
        _follow_limits()
        # TensorFlow loses memory with each failure of an op that it raises itself: eagerly, we do.
        raises = on_error == "strict" and tf.executing_eagerly()
        op = _ops.decode_dicom_image_or_why if raises else _ops.decode_dicom_image
        image = op(
            contents,
            dtype=dtype,
            color_dim=color_dim,
            on_error=on_error,
            scale=scale,
            values=values,
            color=color,
            frame_dim=_FRAME_DIM[frame_dim],
            name=name,
        )
        if raises:
            image, why = image
            if why := why.numpy():
                raise tf.errors.InvalidArgumentError(None, None, why.decode("utf-8", "replace"))
            return image
    if on_error == "strict" and not tf.executing_eagerly():
        if values == "tfio":
            return tf.ensure_shape(image, [None] * 4)
        if color_dim and frame_dim is not None:
            return tf.ensure_shape(image, [None] * (4 if frame_dim else 3))
    return image


def _image_in_python(
    contents: Any,
    color_dim: bool,
    on_error: str,
    scale: str,
    dtype: tf.DType,
    name: str | None,
    values: str,
    color: str,
    frame_dim: bool | None,
) -> tf.Tensor:
    def decode(contents: Any) -> Any:
        try:
            return decode_dicom.decode_dicom_image(
                _file_bytes(contents),
                color_dim,
                on_error,
                scale,
                dtype.as_numpy_dtype,
                values=values,
                color=color,
                frame_dim=frame_dim,
            )
        except ValueError as error:
            raise _InvalidArgumentError(error) from None

    # As a tensor: NumPy would take the zero bytes from the end of bytes.
    return tf.numpy_function(decode, [tf.convert_to_tensor(contents, tf.string)], dtype, stateful=False, name=name)


def _tag_tensor(tags: Any) -> Any:
    """Tags in any form as a tensor of uint32, or of strings where there are paths."""
    if isinstance(tags, tf.Tensor):
        return tags
    asked = np.asarray(tags, dtype=object) if isinstance(tags, (list, tuple)) else np.asarray(tags)
    paths = [parse_tag(tag) for tag in asked.reshape(-1).tolist()]
    if all(len(path) == 1 for path in paths):
        return tf.constant(np.array([path[0] for path in paths], np.uint32).reshape(asked.shape))
    written = ["".join(_part(n, i) for i, n in enumerate(path)) for path in paths]
    return tf.constant(written, tf.string, asked.shape)


def _part(number: int, place: int) -> str:
    return f"[{number}]" if place % 2 else f"[0x{number >> 16:04x},0x{number & 0xFFFF:04x}]"


def decode_dicom_data(contents: Any, tags: Any, name: str | None = None) -> tf.Tensor:
    """The values of data elements as text, by the rules of `dicomdecode.decode_dicom_data`.

    Parameters
    ----------
    contents : tf.Tensor of tf.string, or bytes
        One string: the bytes of the file.
    tags : tf.Tensor of tf.uint32 or tf.string, array, or (nested) list
        Each element is a tag: 0x00100010, "PatientName", "0010,0010", a path "[0x0008,0x1115][0][0x0008,0x1140]".
    name : str, optional
        Of the operation.

    Returns
    -------
    tf.Tensor of tf.string, the shape of `tags`
        UTF-8. "" where an element is absent, or has no text, and for a file that cannot be read.

    Raises
    ------
    tf.errors.InvalidArgumentError
        An element of a string tensor is no tag.
    ValueError, TypeError
        An element of a list is no tag.
    """
    return _data(contents, _tag_tensor(tags), "documented", name)


def _data(contents: Any, tags: tf.Tensor, values: str, name: str | None) -> tf.Tensor:
    if _ops is not None:
        _follow_limits()
        return _ops.decode_dicom_data(contents, tags, values=values, name=name)

    def texts(contents: Any, tags: Any) -> Any:
        asked = np.asarray(tags)
        given = [
            tag.decode("utf-8", "replace") if isinstance(tag, bytes) else tag for tag in asked.reshape(-1).tolist()
        ]
        try:
            found = _bridge.encoded_texts(_file_bytes(contents), given, values == "tfio")
        except ValueError as error:
            raise _InvalidArgumentError(error) from None
        result = np.empty(len(found), object)
        result[:] = found
        return result.reshape(asked.shape)

    inputs = [tf.convert_to_tensor(contents, tf.string), tags]
    return tf.ensure_shape(tf.numpy_function(texts, inputs, tf.string, stateful=False, name=name), tags.shape)


def decode_dicom_batch(
    contents: Any,
    color_dim: bool = False,
    on_error: str = "skip",
    scale: str = "preserve",
    dtype: Any = tf.uint16,
    name: str | None = None,
    *,
    values: str = "stored",
    color: str = "rgb",
    frame_dim: bool | None = None,
    shape: Any = None,
) -> tf.Tensor | tf.RaggedTensor:
    """Decode several files at once.

    Parameters
    ----------
    contents : tf.Tensor of tf.string, 1-D
        The bytes of a file each.
    color_dim, on_error, scale, dtype, name, values, color, frame_dim
        As in `decode_dicom_image`; without `shape`, both axes are always kept.
    shape : sequence of int or None, optional
        The shape that each image has, by the rules of `decode_dicom_image`.

    Returns
    -------
    tf.RaggedTensor [files, (frames), (rows), (columns), samples]
        Without `shape`. A skipped file has no frames. All images must have as many samples.
    tf.Tensor [files, ...]
        With `shape`, whose axes follow the first. A file that was skipped, or has another shape, is an error.

    Raises
    ------
    tf.errors.InvalidArgumentError
        As in `decode_dicom_image`, and when images do not go together.
    """
    dtype = tf.as_dtype(dtype)
    options = {"on_error": on_error, "scale": scale, "dtype": dtype, "values": values, "color": color}
    with tf.name_scope(name or "decode_dicom_batch"):
        contents = tf.convert_to_tensor(contents, tf.string)

        @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
        def dense(file: tf.Tensor) -> tf.Tensor:
            return tf.ensure_shape(decode_dicom_image(file, color_dim=color_dim, frame_dim=frame_dim, **options), shape)

        @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
        def flat(file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            image = decode_dicom_image(file, color_dim=True, frame_dim=True, **options)
            size = tf.shape(image, tf.int64)
            return tf.reshape(image, [-1]), tf.cond(tf.rank(image) == 4, lambda: size, lambda: tf.zeros([4], tf.int64))

        if shape is not None:
            return tf.map_fn(dense, contents, fn_output_signature=tf.TensorSpec(shape, dtype))
        cells, sizes = tf.map_fn(
            flat,
            contents,
            fn_output_signature=(
                tf.RaggedTensorSpec([None], dtype, ragged_rank=0, row_splits_dtype=tf.int64),
                tf.TensorSpec([4], tf.int64),
            ),
        )
        return _ragged(cells, sizes)


def _ragged(cells: tf.RaggedTensor, sizes: tf.Tensor) -> tf.RaggedTensor:
    """Flat images and their [frames, rows, columns, samples] as [files, (frames), (rows), (columns), samples]."""
    samples = tf.reduce_max(tf.concat([sizes[:, 3], [1]], 0))
    agree = tf.debugging.Assert(
        tf.reduce_all((sizes[:, 3] == samples) | (sizes[:, 3] == 0)),
        ["images of a batch differ in samples per pixel:", sizes[:, 3]],
    )
    with tf.control_dependencies([agree] if agree is not None else []):
        frames = sizes[:, 0]
        rows = tf.repeat(sizes[:, 1], frames)
        columns = tf.repeat(tf.repeat(sizes[:, 2], frames), rows)
        pixels = tf.reshape(cells.flat_values, tf.stack([tf.constant(-1, tf.int64), samples]))
    return tf.RaggedTensor.from_nested_row_lengths(pixels, [frames, rows, columns])
