"""TensorFlow for the tests that need it: they are skipped only where it is not installed; a broken one is a failure."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import dicomdecode

if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("tensorflow: not installed", allow_module_level=True)
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # TensorFlow's own, while it is imported
    import tensorflow as tf
# Here and not in the tests, where it would be sorted in front of this module; and behind the block above, not in it:
# that the native ops can not be loaded is a warning, and so a failure.
import dicomdecode.tensorflow as dtf
from dicomdecode import tfio
from dicomdecode.tfop import native

__all__ = ["dtf", "native", "python", "tf", "tfio"]

ROOT = Path(dicomdecode.__file__).parent.parent


def python(code: str, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Code in a process of its own."""
    lines = f"import sys; sys.path.insert(0, {str(ROOT)!r})\nimport logging; logging.disable(logging.WARNING)\n{code}"
    command = [sys.executable, "-P", "-c", lines, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout)
