"""The verdict on each bomb of `bombs.py`, with its CPU and its memory: measured in a child of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.hostile.bombs import BOMBS
from tests.hostile.bombs_of_faces import MORE
from tests.hostile.measuring import MB, SOON

ROOT = Path(__file__).resolve().parents[2]
#: CPU seconds of what is decoded, on a machine that is busy with other things.
DECODED = 10


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])}
    found = subprocess.run(
        [sys.executable, "-P", "-m", "tests.hostile.bombs"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    assert found.returncode == 0, found.stderr
    return {line["name"]: line for line in map(json.loads, found.stdout.splitlines())}


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "wait4"), reason="platform: a child's memory is not told")
@pytest.mark.parametrize("name", BOMBS | MORE)
def test_bomb(name: str, measured: dict[str, dict[str, Any]]) -> None:
    found = measured[name]
    assert found["end"] == (BOMBS | MORE)[name].verdict, found
    if found["end"] == "refused":
        assert found["cpu"] <= SOON, found
        assert found["memory"] <= 64 * MB, found
    else:
        assert found["cpu"] <= DECODED, found
        assert found["memory"] <= found["output"] + 64 * MB, found
