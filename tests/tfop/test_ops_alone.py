"""The C of the ops without TensorFlow, over a stand-in for its C API: also where sanitizers are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.skipif(shutil.which("cc") is None or sys.platform != "linux", reason="platform: no C compiler"),
]


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("tensorflow") / "fake.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-I", str(ROOT / "dicomdecode" / "tfop")]
    subprocess.run([*command, str(ROOT / "tests/tfop/fake_tensorflow.c"), "-o", str(library)], check=True)
    return library


@pytest.mark.parametrize("part", ["images", "batches", "texts", "damage", "shapes"])
def test_ops(part: str, stand_in: Path) -> None:
    """In a process that has no TensorFlow, whose functions would be found first."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])}
    command = [sys.executable, "-P", "-m", "tests.tfop.ops_alone", str(stand_in), part]
    found = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "compared" in found.stdout
