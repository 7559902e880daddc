"""`decode_dicom_data` for tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from dicomdecode.tags import parse_tag
from dicomdecode.tfop import _bridge, native

__all__ = ["decode_dicom_data", "texts_of"]


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
        The bytes of one file, or of several: each element is a file.
    tags : tf.Tensor of tf.uint32 or tf.string, array, or (nested) list
        Each element is a tag: 0x00100010, "PatientName", "0010,0010", a path "[0x0008,0x1115][0][0x0008,0x1140]".
    name : str, optional
        Of the operation.

    Returns
    -------
    tf.Tensor of tf.string
        The shape of `contents`, then that of `tags`: for one file that of `tags`, for n files [n, tags]. UTF-8. ""
        where an element is absent, or has no text, and for a file that cannot be read.

    Raises
    ------
    tf.errors.InvalidArgumentError
        An element of a string tensor is no tag.
    ValueError, TypeError
        An element of a list is no tag.

    Examples
    --------
    >>> import tensorflow as tf
    >>> import dicomdecode.tensorflow as dtf
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> dtf.decode_dicom_data(tf.io.read_file(path), ["Modality", dtf.dicom_tags.PatientID]).numpy().tolist()
    [b'CT', b'1CT1']
    """
    return texts_of(contents, _tag_tensor(tags), name)


def texts_of(contents: Any, tags: tf.Tensor, name: str | None, *, is_tfio: bool = False) -> tf.Tensor:
    """Texts by the rules of this package, or by those of tensorflow-io, which takes one file."""
    if native.ops is not None:
        native.follow_limits()
        op = native.ops.decode_dicom_data_as_tfio if is_tfio else native.ops.decode_dicom_data
        return op(contents, tags, name=name)

    def texts(contents: Any, tags: Any) -> Any:
        asked = np.asarray(tags)
        given = [
            tag.decode("utf-8", "replace") if isinstance(tag, bytes) else tag for tag in asked.reshape(-1).tolist()
        ]
        files = [contents] if isinstance(contents, bytes) else contents.reshape(-1).tolist()
        shape = () if isinstance(contents, bytes) else contents.shape
        result = np.empty((len(files), len(given)), object)
        try:
            if is_tfio and len(files) != 1:
                raise ValueError("contents must be one string, the bytes of one DICOM file")
            for i, file in enumerate(files):
                result[i] = _bridge.encoded_texts(file, given, is_tfio)
        except ValueError as error:
            raise native.InvalidContents(error) from None
        return result.reshape((() if is_tfio else shape) + asked.shape)

    contents = tf.convert_to_tensor(contents, tf.string)
    found = tf.numpy_function(texts, [contents, tags], tf.string, stateful=False, name=name)
    return tf.ensure_shape(found, tags.shape if is_tfio else contents.shape.concatenate(tags.shape))
