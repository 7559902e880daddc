"""Structured damage to every file, through every way in: nobody dies, hangs, raises what is no DicomError, or tells."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import synthesise as s
from tests.hostile import mutants

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="platform: no fork")
def test_mutants() -> None:
    """More: `python -m tests.hostile.mutants -n 200 -s SEED`."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])}
    found = subprocess.run(
        [sys.executable, "-P", "-m", "tests.hostile.mutants", "-n", "7", "-s", "1"],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert '"arrays"' in found.stdout and '"errors"' in found.stdout


def test_what_is_wrong_is_found() -> None:
    """The suite sees each kind of failure."""
    assert mutants.bad(Counter(arrays=3, errors=4)) == {}
    wrong = Counter({"arrays": 1, "signal -11": 1, "slow": 1, "told: open": 1, "foreign: open: KeyError: 1": 2})
    assert len(mutants.bad(wrong)) == 4


def test_the_same_seed_makes_the_same_mutants() -> None:
    whole = s.dataset([(0x00100010, "PN", "A"), (0x00280010, "US", 3)])
    assert list(mutants.mutants(whole, 30, 5)) == list(mutants.mutants(whole, 30, 5))
    assert list(mutants.mutants(whole, 30, 5)) != list(mutants.mutants(whole, 30, 6))
    assert len(set(mutants.mutants(whole, 100, 5))) > 60


DEATH = """
import os, sys
from tests.hostile import mutants
mutants.Attacker.attack = lambda self, contents: os.abort() if contents == b"b" else self.found.update(arrays=1)
print(dict(mutants.attack(b"", [b"a", b"b", b"c", b"d"])))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="platform: no fork")
@pytest.mark.slow
def test_a_child_that_dies_is_counted() -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])}
    found = subprocess.run(
        [sys.executable, "-P", "-c", DEATH], capture_output=True, text=True, env=environment, timeout=60
    )
    assert "'signal -6': 1" in found.stdout and "'arrays': 2" in found.stdout, found.stdout + found.stderr
