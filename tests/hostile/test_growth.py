"""A process keeps nothing of decodes that are over, of good files or of damaged ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hostile import growth

ROOT = Path(__file__).resolve().parents[2]
VIDEO = ("MPEG-2", "H.264", "HEVC")
#: Bytes. 20,000 decodes may keep 1 MiB; what is kept of the first few is counted here as well.
MOST = 300_000


def run(decodes: int, *syntaxes: str) -> list[dict[str, int]]:
    found = subprocess.run(
        [sys.executable, "-P", "-m", "tests.hostile.growth", "-n", str(decodes), *syntaxes],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])},
        timeout=300,
    )
    assert found.returncode == 0, found.stderr
    return [json.loads(line) for line in found.stdout.splitlines()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="platform: no /proc")
@pytest.mark.parametrize("kind", ["pictures", "video"])
def test_growth(kind: str) -> None:
    """More: `python -m tests.hostile.growth`, which does 20,000 of each."""
    if kind == "video":
        pytest.importorskip("av", reason="av: an optional library")
    names = [name for name in growth.files() if (name in VIDEO) == (kind == "video")]
    found = run(1000 if kind == "video" else 3000, *names)
    assert [each["name"] for each in found] == names
    for each in found:
        assert each["failed"] > 300 and each["bytes"] < MOST and each["descriptors"] <= 0, each


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="platform: no /proc")
@pytest.mark.slow
def test_what_grows_is_seen() -> None:
    def leak() -> dict[str, int]:
        before, opened = growth.resident(), growth.descriptors()
        kept = [bytes(1000 + i) for i in range(3000)], os.open(os.devnull, os.O_RDONLY)
        return {"bytes": growth.resident() - before, "descriptors": growth.descriptors() - opened, "kept": len(kept)}

    found = growth.in_child(leak)
    assert found["bytes"] > MOST and found["descriptors"] == 1
