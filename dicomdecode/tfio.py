"""The drop-in for tensorflow-io's DICOM functions: one changed import line, the same numbers.

>>> import dicomdecode.tfio as tfio                 # was: import tensorflow_io as tfio
>>> image = tfio.image.decode_dicom_image(contents, dtype=tf.uint16)                                   # doctest: +SKIP
>>> names = tfio.image.decode_dicom_data(contents, tags=tfio.image.dicom_tags.PatientsName)            # doctest: +SKIP

What comes out equals tensorflow-io 0.37.1 to the bit, quirks included; what was undefined or ended the process there
raises. New programs want `dicomdecode.tensorflow`, whose numbers mean what DICOM says.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import dicomdecode.tensorflow  # noqa: F401 - first: it says how to install TensorFlow
from dicomdecode.tags import dicom_tags
from dicomdecode.tfop import native
from dicomdecode.tfop.single import checked, image_of
from dicomdecode.tfop.texts import texts_of

import tensorflow as tf  # isort: skip

__all__ = ["image", "register_saved_model_ops"]

_registered = False


class image:
    """The functions of `tensorflow_io.image` that read DICOM.

    Examples
    --------
    >>> import dicomdecode.tfio as tfio
    >>> import tensorflow as tf
    >>> from pydicom.data import get_testdata_file
    >>> contents = tf.io.read_file(get_testdata_file("CT_small.dcm"))
    >>> tfio.image.decode_dicom_image(contents, dtype=tf.float32).shape
    TensorShape([1, 128, 128, 1])
    """

    dicom_tags = dicom_tags

    @staticmethod
    def decode_dicom_image(
        contents: Any,
        color_dim: bool = False,
        on_error: str = "skip",
        scale: str = "preserve",
        dtype: Any = tf.uint16,
        name: str | None = None,
    ) -> tf.Tensor:
        """Decode an image as tensorflow-io 0.37.1 did.

        Parameters
        ----------
        contents : tf.Tensor of tf.string, or bytes
            One string: the bytes of the file.
        color_dim : bool
            Without effect, as in the original.
        on_error : {"skip", "strict", "lossy"}
            "strict" raises for an image that cannot be decoded or is deeper than `dtype`, "skip" gives an empty
            tensor, "lossy" converts the deeper image.
        scale : {"preserve", "auto"}
            "auto" moves the highest bit of the image to that of `dtype`, or divides by the maximum of its depth.
        dtype : tf.DType
            uint8/16/32/64 or float16/32/64.
        name : str, optional
            Of the operation.

        Returns
        -------
        tf.Tensor [frames, rows, columns, samples]
            1 sample for monochrome, 3 (RGB) for colour; shape (0,) for an image that is skipped. Four dimensions are
            declared in a graph, whatever the arguments: a skipped image that leaves a `tf.data` pipeline is an error
            there, as in the original, unless ``filter(lambda image: tf.size(image) > 0)`` takes it out.

        Raises
        ------
        tf.errors.InvalidArgumentError
            Under "strict".

        Examples
        --------
        >>> import dicomdecode.tfio as tfio
        >>> import tensorflow as tf
        >>> from pydicom.data import get_testdata_file
        >>> contents = tf.io.read_file(get_testdata_file("CT_small.dcm"))
        >>> tfio.image.decode_dicom_image(contents, dtype=tf.float32).shape  # always of rank 4
        TensorShape([1, 128, 128, 1])
        """
        return image_of(contents, checked(color_dim, on_error, scale, dtype, "tfio"), name)

    @staticmethod
    def decode_dicom_data(contents: Any, tags: Any = None, name: str | None = None) -> tf.Tensor:
        """The texts of data elements as tensorflow-io 0.37.1 gave them.

        Parameters
        ----------
        contents : tf.Tensor of tf.string, or bytes
            One string: the bytes of the file.
        tags : tf.Tensor of tf.uint32 or tf.string, or array
            Numbers, or texts "0x0010,0x0010" and "[0x0008,0x1115][0][0x0008,0x1140][0][0x0008,0x1155]".
        name : str, optional
            Of the operation.

        Returns
        -------
        tf.Tensor of tf.string, the shape of `tags`
            Bytes as the file has them, several values joined by one backslash; "" where an element is absent.

        Raises
        ------
        tf.errors.InvalidArgumentError
            Any tag that is none, or has no text: one failure ends the call.

        Examples
        --------
        >>> import dicomdecode.tfio as tfio
        >>> import tensorflow as tf
        >>> from pydicom.data import get_testdata_file
        >>> contents = tf.io.read_file(get_testdata_file("CT_small.dcm"))
        >>> tfio.image.decode_dicom_data(contents, [tfio.image.dicom_tags.Modality]).numpy().tolist()
        [b'CT']
        """
        if not isinstance(tags, tf.Tensor):
            tags = np.asarray(tags)
            tags = tf.constant(tags.astype(np.uint32) if tags.dtype.kind in "iu" else tags)
        return texts_of(contents, tags, name, is_tfio=True)


def register_saved_model_ops() -> None:
    """Register the ops of tensorflow-io under their own names, so that a SavedModel written with it loads and runs.

    Only for processes without tensorflow-io: its library would register the same names. A second call does nothing.

    Raises
    ------
    RuntimeError
        tensorflow-io is loaded already, or the native ops could not be loaded.

    Examples
    --------
    >>> import dicomdecode.tfio as tfio
    >>> tfio.register_saved_model_ops()  # before tf.saved_model.load
    """
    global _registered
    if _registered:
        return
    if not native.is_native():
        raise RuntimeError("the native ops of dicomdecode are not loaded: a SavedModel of tensorflow-io cannot run")
    problem = native.library.dicomdecode_register_originals()
    if problem:
        raise RuntimeError(problem.decode())
    _registered = True
