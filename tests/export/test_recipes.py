"""The recipes for clusters (docs/cluster_recipes.md), as they stand there, each in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import synthesise as s
from tests.volumes.series import pixels_of, stack

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "cluster_recipes.md").read_text()
pytestmark = pytest.mark.slow

BEGIN = """
import json, os, sys
files, target = json.loads(sys.argv[1]), sys.argv[2]
"""
#: What a recipe is asked for: [[path, mean of its pixels or None, error], ...].
ENDS = {
    "Ray Data": """
found = [(r["path"], float(r["pixels"].mean()) if r["pixels"].size else None, r["error"]) for r in rows]
ray.shutdown()
print("found", json.dumps(found))
""",
    "Apache Beam": """
found = [(p, float(m), "") for p, m in (line.rstrip().split("\\t") for line in open(target + "/means.tsv"))]
found += [(p, None, e) for p, e in (line.rstrip().split("\\t") for line in open(target + "/failed.tsv"))]
print("found", json.dumps(found))
""",
    "PySpark": """
import numpy as np
def found_in(frame):
    for r in frame.collect():
        pixels = None if r.error else np.frombuffer(r.pixels, r.dtype).reshape(r.rows, r.columns)
        yield r.path.removeprefix("file:"), None if r.error else float(pixels.mean()), r.error or ""
found = sorted(found_in(by_path))
assert [f[1] for f in found] == [f[1] for f in sorted(found_in(by_content))]
spark.stop()
print("found", json.dumps(found))
""",
}
#: What a recipe needs.
NEEDED = {"Ray Data": "ray", "Apache Beam": "apache_beam", "PySpark": "pyspark"}


def code_of(title: str) -> str:
    found = re.search(rf"^## {title}\n.*?^```py\n(.*?)^```", PAGE, re.S | re.M)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("title", ENDS)
def test_recipe(title: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(NEEDED[title]) is None:
        pytest.skip(f"cluster: {NEEDED[title]} is not installed")
    if title == "PySpark" and shutil.which("java") is None:
        pytest.skip("cluster: there is no Java for Spark")
    files = []
    for k, contents in enumerate([*stack(6), s.dataset([(0x00080060, "CS", "SR")])]):
        files.append(str(tmp_path / f"{k}.dcm"))
        Path(files[-1]).write_bytes(contents)
    environment: dict[str, Any] = os.environ | {
        "PYTHONPATH": str(ROOT),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    command = [sys.executable, "-c", BEGIN + code_of(title) + ENDS[title], json.dumps(files), str(tmp_path)]
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    lines = [line for line in ended.stdout.splitlines() if line.startswith("found ")]
    assert ended.returncode == 0 and lines, ended.stderr[-2000:]
    found = {path: (mean, error) for path, mean, error in json.loads(lines[0].removeprefix("found "))}
    assert sorted(found) == files
    for k, path in enumerate(files[:6]):
        assert np.isclose(found[path][0], pixels_of(k).mean(), atol=1e-2) and found[path][1] == ""
    assert found[files[6]][0] is None and found[files[6]][1]
