"""Several files in one tensor: `decode_dicom_batch`."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dicomdecode.tfop import native
from dicomdecode.tfop.single import TensorCall, checked, image_of, with_all_axes

__all__ = ["decode_dicom_batch"]


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
    window: Any = None,
    frames: Any = None,
    region: tuple[int, int, int, int] | None = None,
    reduce: int = 0,
    samples: int | None = None,
    shape: Any = None,
) -> tf.Tensor | tf.RaggedTensor:
    """Decode several files at once.

    Parameters
    ----------
    contents : tf.Tensor of tf.string, 1-D
        The bytes of a file each.
    color_dim, on_error, scale, dtype, name, values, color, frame_dim, window, frames, region, reduce
        As in `decode_dicom_image`; without `shape`, both axes are always kept.
    samples : {1, 3, 4}, optional
        Without `shape`: how many samples each pixel has. A file with another number is skipped, or raises under
        "strict". Without it files may differ, and the last axis is ragged too, which takes 8 bytes a pixel.
    shape : sequence of int or None, optional
        The shape that each image has, by the rules of `decode_dicom_image`.

    Returns
    -------
    tf.RaggedTensor [files, (frames), (rows), (columns), (samples)]
        Without `shape`. A skipped file has no frames. ``batch[i].to_tensor()`` is an image, ``batch.to_tensor(pad)``
        all of them, padded to the largest. With `samples`, the last axis is uniform.
    tf.Tensor [files, *shape]
        With `shape`. A file that was skipped, or has another shape, is an error.

    Raises
    ------
    tf.errors.InvalidArgumentError
        As in `decode_dicom_image`, and for a file that has not `shape`.

    Examples
    --------
    >>> import tensorflow as tf
    >>> import dicomdecode.tensorflow as dtf
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> contents = tf.stack([tf.io.read_file(path)] * 2)
    >>> dtf.decode_dicom_batch(contents, dtype=tf.int16, shape=(128, 128)).shape
    TensorShape([2, 128, 128])
    >>> dtf.decode_dicom_batch(contents, dtype=tf.int16).shape
    TensorShape([2, None, None, None, None])
    """
    if samples is not None and (samples not in (1, 3, 4) or shape is not None):
        raise ValueError(f"samples must be 1, 3 or 4, and goes without shape, not {samples!r}")
    call = checked(color_dim, on_error, scale, dtype, values, color, frame_dim, window, frames, region, reduce)
    if shape is None:
        return batch_of(contents, call, name, samples)

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def dense(file: tf.Tensor) -> tf.Tensor:
        return tf.ensure_shape(image_of(file, call, None), shape)

    with tf.name_scope(name or "decode_dicom_batch"):
        contents = tf.convert_to_tensor(contents, tf.string)
        return tf.map_fn(dense, contents, fn_output_signature=tf.TensorSpec(shape, call.dtype))


def batch_of(contents: Any, call: TensorCall, name: str | None, samples: int | None = None) -> tf.RaggedTensor:
    """Images with both axes kept as a ragged tensor."""
    call = with_all_axes(call)
    with tf.name_scope(name or "decode_dicom_batch"):
        contents = tf.convert_to_tensor(contents, tf.string)
        contents.shape.assert_has_rank(1)
        cells, sizes = (_by_python if native.ops is None else _by_op)(contents, call, samples)
        return _ragged(cells, tf.reshape(sizes, [-1, 4]), samples)


def _by_op(contents: tf.Tensor, call: TensorCall, samples: int | None) -> tuple[tf.Tensor, tf.Tensor]:
    """The cells of all images in a row, and their shapes; zeros where one is skipped."""
    native.follow_limits()
    cells, sizes = native.ops.decode_dicom_batch(
        contents,
        dtype=call.element,
        options=call.options,
        samples=samples or 0,
        is_strict=call.image.on_error == "strict",
    )
    return tf.cast(tf.reshape(cells, [-1]), call.dtype), sizes


def _by_python(contents: tf.Tensor, call: TensorCall, samples: int | None) -> tuple[tf.Tensor, tf.Tensor]:
    """The same, image by image."""

    @tf.autograph.experimental.do_not_convert  # type: ignore[untyped-decorator]
    def flat(file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return _flat(image_of(file, call, None), samples, call.image.on_error == "strict")

    cells, sizes = tf.map_fn(
        flat,
        contents,
        fn_output_signature=(
            tf.RaggedTensorSpec([None], call.dtype, ragged_rank=0, row_splits_dtype=tf.int64),
            tf.TensorSpec([4], tf.int64),
        ),
    )
    return cells.flat_values, sizes


def _flat(image: tf.Tensor, samples: int | None, is_strict: bool) -> tuple[tf.Tensor, tf.Tensor]:
    """The cells of an image in a row, and its shape; none of them, and zeros, where it is skipped."""
    size = tf.cond(tf.rank(image) == 4, lambda: tf.shape(image, tf.int64), lambda: tf.zeros([4], tf.int64))
    cells = tf.reshape(image, [-1])
    if samples is None:
        return cells, size
    is_wanted = size[3] == samples
    if is_strict:
        check = tf.debugging.Assert(is_wanted, [f"an image has not {samples} samples per pixel, but:", size[3]])
        with tf.control_dependencies([check] if check is not None else []):
            return tf.identity(cells), size
    return cells[: tf.where(is_wanted, tf.size(cells), 0)], tf.where(is_wanted, size, tf.zeros_like(size))


def _ragged(cells: tf.Tensor, sizes: tf.Tensor, samples: int | None) -> tf.RaggedTensor:
    """The cells of all images in a row, and their shapes, as [files, (frames), (rows), (columns), (samples)]."""
    frames = sizes[:, 0]
    rows = tf.repeat(sizes[:, 1], frames)
    columns = tf.repeat(tf.repeat(sizes[:, 2], frames), rows)
    if samples is None:
        pixels = tf.RaggedTensor.from_row_splits(cells, _splits_of_pixels(sizes), validate=False)
    else:
        pixels = tf.reshape(cells, [-1, samples])
    return tf.RaggedTensor.from_nested_row_lengths(pixels, [frames, rows, columns], validate=False)


def _splits_of_pixels(sizes: tf.Tensor) -> tf.Tensor:
    """Where each pixel begins; arithmetic where all have as many samples, which takes a tenth of the time."""
    pixels = tf.reduce_prod(sizes[:, :3], 1)
    most = tf.reduce_max(tf.concat([sizes[:, 3], [0]], 0))
    return tf.cond(
        tf.reduce_all((sizes[:, 3] == most) | (pixels == 0)),
        lambda: tf.range(tf.reduce_sum(pixels) + 1) * most,
        lambda: tf.concat([[0], tf.cumsum(tf.repeat(sizes[:, 3], pixels))], 0),
    )
