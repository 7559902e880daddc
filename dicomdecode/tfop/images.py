"""`decode_dicom_image` for tensors: of one file, or of several."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dicomdecode.tfop.batches import batch_of
from dicomdecode.tfop.single import checked, image_of

__all__ = ["decode_dicom_image"]


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
    window: Any = None,
    frames: Any = None,
    region: tuple[int, int, int, int] | None = None,
    reduce: int = 0,
) -> tf.Tensor | tf.RaggedTensor:
    """Decode a DICOM image. The tensor equals the array of `dicomdecode.decode_dicom_image`, to the bit.

    Parameters
    ----------
    contents : tf.Tensor of tf.string, or bytes
        The bytes of one file; or 1-D, those of several, which are decoded as by `decode_dicom_batch`.
    color_dim : bool
        Keep a samples axis of 1 for monochrome images.
    on_error : {"skip", "strict", "lossy"}
        "strict" raises. "skip" gives an empty 1-D tensor when the content cannot be decoded, or when the possible
        range of the values does not fit in `dtype`. "lossy" goes on (and clips) when only the range does not fit.
    scale : {"preserve", "auto"}
        "preserve" converts value by value; "auto" stretches the possible range over an integer dtype, or onto [0, 1].
    dtype : tf.DType
        uint8/16/32/64, int8/16/32/64, float16/32/64, bfloat16. A signed CT does not fit in the default uint16: ask for
        int16. bfloat16 is the float32 result, rounded half to even.
    name : str, optional
        Of the operation.
    values, color, frame_dim, window, frames, region, reduce
        As in `dicomdecode.decode_dicom_image`: Python values, not tensors.

    Returns
    -------
    tf.Tensor
        [frames, rows, columns, samples]; the axes of frames and samples only where there are several, or as `frame_dim`
        and `color_dim` say. In a graph the rank is known only under ``on_error="strict"``, with ``color_dim=True`` and
        a frames axis that does not depend on the file (`frame_dim` or `frames` is given): a skipped image is 1-D. With
        ``values="tfio"`` rank 4 is always declared, as tensorflow-io does.

    Raises
    ------
    tf.errors.InvalidArgumentError
        The content cannot be decoded (only under "strict"); it lacks a requested frame or region.
    ValueError, TypeError
        An argument is wrong.

    Examples
    --------
    >>> import tensorflow as tf
    >>> import dicomdecode.tensorflow as dtf
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> image = dtf.decode_dicom_image(tf.io.read_file(path), dtype=tf.int16)
    >>> image.shape, image.dtype
    (TensorShape([128, 128]), tf.int16)
    """
    call = checked(color_dim, on_error, scale, dtype, values, color, frame_dim, window, frames, region, reduce)
    rank = getattr(contents, "_rank", None)  # of eager tensors, whose `shape` takes 3 us to make
    if (_is_vector(contents) if rank is None else rank() == 1) and not call.image.is_tfio:
        return batch_of(contents, call, name)
    return image_of(contents, call, name)


def _is_vector(contents: Any) -> bool:
    """Whether several strings are given; a tensor of unknown rank is taken for one."""
    if isinstance(contents, (bytes, str)):
        return False
    return bool(tf.convert_to_tensor(contents, tf.string).shape.rank == 1)
