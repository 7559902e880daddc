"""TensorFlow for the tests that need it: they are skipped only where it is not installed; a broken one is a failure."""

import importlib.util
import os
import warnings

import pytest

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow: not installed", allow_module_level=True)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own, while it is imported
    import tensorflow as tf
# Here and not in the tests, where it would be sorted in front of this module.
import dicomdecode.tensorflow as dtf
import dicomdecode.tfio as tfio

__all__ = ["dtf", "tf", "tfio"]
