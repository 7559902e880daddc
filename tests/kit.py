"""The conformance kit: real files, with what other decoders give for them. It is no part of the project.

It lies beside the checkout, or where `DICOMDECODE_CONFORMANCE` says; tests that need it are skipped where it is not.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

KIT = Path(os.environ.get("DICOMDECODE_CONFORMANCE", Path(__file__).resolve().parents[2] / "shared" / "conformance"))
IS_THERE = (KIT / "stored.jsonl").exists()
NEEDS_KIT = pytest.mark.skipif(
    not IS_THERE, reason="conformance kit: not beside this checkout, and DICOMDECODE_CONFORMANCE names none"
)


@cache
def kit_files() -> tuple[Path, ...]:
    """Every file of the kit, for a test that is marked `NEEDS_KIT`."""
    found = tuple(sorted(path for path in (KIT / "files").rglob("*") if path.is_file()))
    assert found, f"{KIT} holds no files"
    return found
