"""DICOM files in TensorFlow: `decode_dicom_image`, `decode_dicom_data` and `dicom_tags` as tensors.

>>> import dicomdecode.tensorflow as dtf
>>> image = dtf.decode_dicom_image(tf.io.read_file("chest.dcm"))                                       # doctest: +SKIP

The ops are native: they run without Python, in `tf.data`, in `tf.function` and in a SavedModel. A program that loads
such a SavedModel imports this module first. Where the native ops cannot be loaded, `tf.numpy_function` takes their
place, with one warning.
"""

from __future__ import annotations

try:
    import tensorflow
except ImportError as error:
    raise ImportError("dicomdecode.tensorflow needs TensorFlow: pip install 'dicomdecode[tensorflow]'") from error

from dicomdecode.tags import dicom_tags
from dicomdecode.tfop.batches import decode_dicom_batch
from dicomdecode.tfop.datasets import dicom_dataset
from dicomdecode.tfop.images import decode_dicom_image
from dicomdecode.tfop.native import is_native
from dicomdecode.tfop.texts import decode_dicom_data

__all__ = [
    "decode_dicom_batch",
    "decode_dicom_data",
    "decode_dicom_image",
    "dicom_dataset",
    "dicom_tags",
    "is_native",
]

del tensorflow
