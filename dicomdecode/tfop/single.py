"""One image as a tensor: the call is checked once, then the op runs, or `tf.numpy_function` in its place."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import tensorflow as tf

from dicomdecode.decode_dicom import ImageCall, checked_call, run_call
from dicomdecode.tfop import native
from dicomdecode.tfop.options import write_options

__all__ = ["TensorCall", "checked", "image_of", "with_all_axes"]

_INTEGERS = (tf.uint8, tf.uint16, tf.uint32, tf.uint64, tf.int8, tf.int16, tf.int32, tf.int64)
_DTYPES = frozenset((*_INTEGERS, tf.float16, tf.bfloat16, tf.float32, tf.float64))


class TensorCall(NamedTuple):
    """The arguments of `decode_dicom_image` but for the contents, checked once.

    Attributes
    ----------
    image : ImageCall
        The same for the Python function.
    options : str
        The same for the ops.
    element : tf.DType
        What the ops give.
    dtype : tf.DType
        What is asked for.
    rank : int, optional
        Where it is certain.
    is_plain : bool
        Nothing is to be done but to run the op for "skip" or "lossy".
    keywords : dict
        The arguments by their names, as they can be hashed.
    """

    image: ImageCall
    options: str
    element: tf.DType
    dtype: tf.DType
    rank: int | None
    is_plain: bool
    keywords: dict[str, Any]


class _Slice(NamedTuple):  # which can be hashed, before Python 3.12 too
    start: Any
    stop: Any
    step: Any


def _frozen(argument: Any) -> Any:
    """An argument as something that can be hashed."""
    if isinstance(argument, slice):
        return _Slice(argument.start, argument.stop, argument.step)
    if hasattr(argument, "tolist"):
        argument = argument.tolist()
    return tuple(map(_frozen, argument)) if isinstance(argument, (list, tuple, range)) else argument


def _thawed(argument: Any) -> Any:
    """The argument that `_frozen` was given."""
    if isinstance(argument, _Slice):
        return slice(*argument)
    return tuple(map(_thawed, argument)) if isinstance(argument, tuple) else argument


def checked(
    color_dim: bool,
    on_error: str,
    scale: str,
    dtype: Any,
    values: str,
    color: str = "rgb",
    frame_dim: bool | None = None,
    window: Any = None,
    frames: Any = None,
    region: Any = None,
    reduce: int = 0,
) -> TensorCall:
    """The call with these arguments.

    Raises
    ------
    ValueError, TypeError
        One of them is wrong.
    """
    window = window if window is None else _frozen(window)  # most often it is None, and a microsecond counts
    frames = frames if frames is None else _frozen(frames)
    region = region if region is None else _frozen(region)
    return _checked(color_dim, on_error, scale, dtype, values, color, frame_dim, window, frames, region, reduce)


@functools.lru_cache(256)
def _checked(
    color_dim: bool,
    on_error: str,
    scale: str,
    dtype: Any,
    values: str,
    color: str,
    frame_dim: bool | None,
    window: Any,
    frames: Any,
    region: Any,
    reduce: int,
) -> TensorCall:
    """The same, of arguments that can be hashed."""
    asked = tf.as_dtype(dtype)
    if asked not in _DTYPES:
        raise TypeError(
            f"dtype must be one of uint8/16/32/64, int8/16/32/64, float16/32/64, bfloat16, not {asked.name}"
        )
    element = tf.float32 if asked == tf.bfloat16 else asked
    options = {
        "color_dim": color_dim,
        "on_error": on_error,
        "scale": scale,
        "values": values,
        "color": color,
        "frame_dim": frame_dim,
        "window": window,
        "frames": frames,
        "region": region,
        "reduce": reduce,
    }
    keywords = {**options, "dtype": dtype}
    options |= {"frames": _thawed(frames), "region": _thawed(region)}
    image = checked_call(**options, dtype=element.as_numpy_dtype)
    rank = _certain_rank(image, color_dim, frame_dim)
    is_plain = on_error != "strict" and not image.is_tfio and element is asked
    return TensorCall(image, write_options(**options), element, asked, rank, is_plain, keywords)


def with_all_axes(call: TensorCall) -> TensorCall:
    """The same call, but [frames, rows, columns, samples] whatever the file holds."""
    return _checked(**{**call.keywords, "color_dim": True, "frame_dim": True})


def _certain_rank(image: ImageCall, color_dim: bool, frame_dim: bool | None) -> int | None:
    if image.on_error != "strict" or image.is_tfio or not color_dim:
        return None
    if frame_dim is None and image.request.frames is not None:
        frame_dim = not isinstance(image.request.frames, int)
    return None if frame_dim is None else 3 + frame_dim


def image_of(contents: Any, call: TensorCall, name: str | None) -> tf.Tensor:
    """The image of one file."""
    ops = native.ops
    if call.is_plain and ops is not None:  # the common case: a microsecond counts
        native.follow_limits()
        return ops.decode_dicom_image(contents, options=call.options, dtype=call.element, name=name)
    eager = tf.executing_eagerly()
    if ops is None:
        image = _by_python(contents, call, name)
        if call.image.is_tfio and not eager:
            image.set_shape([None] * 4)
    else:
        image = _by_op(contents, call, name, ops, eager)
    if call.dtype is not call.element:
        image = tf.cast(image, call.dtype)
    return image if eager or call.rank is None else tf.ensure_shape(image, [None] * call.rank)


def _by_op(contents: Any, call: TensorCall, name: str | None, ops: Any, eager: bool) -> tf.Tensor:
    native.follow_limits()
    arguments = {"options": call.options, "dtype": call.element, "name": name}
    if eager and call.image.on_error == "strict":
        # TensorFlow loses memory with each failure of an op that it raises itself: eagerly, we do.
        image, why = ops.decode_dicom_image_or_why(contents, **arguments)
        if why := why.numpy():
            raise tf.errors.InvalidArgumentError(None, None, why.decode("utf-8", "replace"))
        return image
    return (ops.decode_dicom_image_as_tfio if call.image.is_tfio else ops.decode_dicom_image)(contents, **arguments)


def _by_python(contents: Any, call: TensorCall, name: str | None) -> tf.Tensor:
    def decode(contents: Any) -> Any:
        try:
            return run_call(native.file_bytes(contents), call.image)
        except (ValueError, IndexError) as error:
            raise native.InvalidContents(error) from None

    # As a tensor: NumPy would take the zero bytes from the end of bytes.
    return tf.numpy_function(
        decode, [tf.convert_to_tensor(contents, tf.string)], call.element, stateful=False, name=name
    )
