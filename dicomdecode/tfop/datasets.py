"""A pipeline from paths to images: `dicom_dataset`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from dicomdecode.pixels.arguments import check_flag, check_number, check_whole
from dicomdecode.tfop.single import checked, image_of

__all__ = ["dicom_dataset"]


def dicom_dataset(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | tf.Tensor | tf.data.Dataset,
    labels: Any = None,
    *,
    values: str = "modality",
    color: str = "rgb",
    dtype: Any = tf.float32,
    scale: str = "preserve",
    window: Any = None,
    frames: Any = None,
    region: tuple[int, int, int, int] | None = None,
    reduce: int = 0,
    on_error: str = "skip",
    shuffle: bool = False,
    seed: int | None = None,
    batch_size: int | None = None,
    pad: float | None = None,
    drop_remainder: bool = False,
    parallel_calls: int = tf.data.AUTOTUNE,
    prefetch: int = tf.data.AUTOTUNE,
    deterministic: bool = True,
) -> tf.data.Dataset:
    """A `tf.data` pipeline that reads and decodes files side by side, ahead of who consumes it.

    Parameters
    ----------
    paths : path, pattern, sequence of paths, tf.Tensor of tf.string, or tf.data.Dataset
        One path or pattern ("train/*.dcm") of the file systems that TensorFlow knows, several paths, or a dataset
        whose elements are paths, or tuples that begin with one: what follows the path is handed on.
    labels : array-like, optional
        One for each path.
    values, color, dtype, scale, window, frames, region, reduce
        As in `decode_dicom_image`.
    on_error : {"skip", "lossy", "strict"}
        What happens to a file that cannot be decoded: it is left out, or ("strict") ends the run with an error. One
        that cannot be read always is an error. "lossy" keeps images whose possible range does not fit in `dtype`.
    shuffle : bool
        Put the paths in another order each time that the dataset is run through; not of a `paths` that is a dataset.
    seed : int, optional
        Of the order.
    batch_size : int, optional
        Put so many images into a batch. Without `pad` they must be of one shape.
    pad : float, optional
        Pad the images of a batch at their ends to the largest of it, with this value.
    drop_remainder : bool
        Leave out a last batch that is not full: the size of a batch is then known in advance.
    parallel_calls, prefetch : int
        How many files are decoded side by side, and how many elements (batches) are ready ahead.
    deterministic : bool
        Whether elements keep the order of the paths. False is faster where files differ in size.

    Returns
    -------
    tf.data.Dataset
        Of images [frames, rows, columns, samples], or [rows, columns, samples] where `frames` is an int; the rank is
        known. With labels, or with tuples as elements, tuples of an image and the rest.

    Raises
    ------
    ValueError, TypeError
        An argument is wrong.

    Examples
    --------
    >>> import tensorflow as tf
    >>> import dicomdecode.tensorflow as dtf
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> images = dtf.dicom_dataset([path] * 4, batch_size=2)
    >>> [batch.shape for batch in images]
    [TensorShape([2, 1, 128, 128, 1]), TensorShape([2, 1, 128, 128, 1])]
    """
    drops_frames = isinstance(frames, int) and not isinstance(frames, bool)
    rank = 3 if drops_frames else 4
    call = checked(True, on_error, scale, dtype, values, color, not drops_frames, window, frames, region, reduce)
    _check_batch(batch_size, pad)
    for name, flag in (("shuffle", shuffle), ("drop_remainder", drop_remainder), ("deterministic", deterministic)):
        check_flag(name, flag)
    files = _with_labels(paths, labels, shuffle, seed)

    def decode(path: tf.Tensor, *rest: Any) -> tuple[Any, ...]:
        return (image_of(tf.io.read_file(path), call, None), *rest)

    def is_decoded(image: tf.Tensor, *rest: Any) -> tf.Tensor:
        return tf.rank(image) == rank

    def shaped(image: tf.Tensor, *rest: Any) -> Any:
        image = tf.ensure_shape(image, [None] * rank)
        return (image, *rest) if rest else image

    images = files.map(decode, num_parallel_calls=parallel_calls, deterministic=deterministic)
    if on_error != "strict":
        images = images.filter(is_decoded)
    images = images.map(shaped)
    if batch_size is not None:
        if pad is None:
            images = images.batch(batch_size, drop_remainder=drop_remainder)
        else:
            images = images.padded_batch(
                batch_size, padding_values=_padding(images.element_spec, pad), drop_remainder=drop_remainder
            )
    return images.prefetch(prefetch)


def _check_batch(batch_size: Any, pad: Any) -> None:
    if pad is not None:
        check_number("pad", pad)
        if batch_size is None:
            raise ValueError("pad has no effect without batch_size")
    if batch_size is not None:
        check_whole("batch_size", batch_size, 1)


def _with_labels(paths: Any, labels: Any, shuffle: bool, seed: int | None) -> tf.data.Dataset:
    """A dataset of tuples that begin with a path."""
    if isinstance(paths, tf.data.Dataset):
        if labels is not None or shuffle:
            raise ValueError("a dataset of paths has its own order: zip labels to it, and shuffle it, before")
        return paths if isinstance(paths.element_spec, tuple) else paths.map(lambda path: (path,))
    if isinstance(paths, (str, os.PathLike)):
        found = sorted(tf.io.gfile.glob(os.fspath(paths)))
        if not found:
            raise FileNotFoundError("no file has a name that fits the path or pattern")
        paths = found
    if not isinstance(paths, tf.Tensor):
        paths = [_text_of(path) for path in _iterable(paths)]
    parts = (tf.convert_to_tensor(paths, tf.string),) + (() if labels is None else (labels,))
    try:
        files = tf.data.Dataset.from_tensor_slices(parts)
    except ValueError:
        raise ValueError(f"labels must be one for each of the {len(paths)} paths") from None
    return files.shuffle(max(1, len(files)), seed=seed) if shuffle else files


def _iterable(paths: Any) -> Iterable[Any]:
    if not isinstance(paths, Iterable) or isinstance(paths, (bytes, bytearray)):
        raise TypeError(
            "paths must be a path, a pattern, a sequence of paths, a tensor of strings or a dataset, not "
            + type(paths).__name__
        )
    return paths


def _text_of(path: Any) -> str | bytes:
    if not isinstance(path, (str, bytes, os.PathLike)):
        raise TypeError(f"paths must hold paths, not {type(path).__name__}")
    return os.fspath(path)


def _padding(spec: Any, pad: float) -> Any:
    """The padding of a batch: of images the caller's, of all else zeros, as TensorFlow has them."""
    if isinstance(spec, tuple):
        return (tf.cast(pad, spec[0].dtype), *(tf.nest.map_structure(lambda _: None, part) for part in spec[1:]))
    return tf.cast(pad, spec.dtype)
