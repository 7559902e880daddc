"""The kit of real files, where it lies beside the checkout: what other decoders gave for them."""

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import dicomdecode as dd
from dicomdecode.syntaxes import SYNTAXES
from tests.kit import KIT, NEEDS_KIT
from tests.synthesise import EXPLICIT_BE


@cache
def rows() -> dict[str, dict[str, object]]:
    with open(KIT / "stored.jsonl") as file:
        return {row["path"]: row for row in map(json.loads, file)}


def is_the_kits_mistake(path: str) -> bool:
    """The kit read some big-endian files as little endian: right values with swapped bytes, cut to Bits Stored."""
    row = rows()[path]
    if row["ts"] != EXPLICIT_BE or "values" not in row:
        return False
    image = dd.open(KIT / "files" / path)
    found = image.pixels(values="stored", color="stored")
    swapped = found.byteswap()
    if image.bits_stored < 8 * found.itemsize:
        swapped &= found.dtype.type((1 << image.bits_stored) - 1)
    return hashlib.sha256(swapped.astype(str(row["dtype"])).tobytes()).hexdigest() == row["values"]


@pytest.mark.slow
@NEEDS_KIT
@pytest.mark.parametrize("group", ["stored", "documented", "tfio", "tags"])
def test_kit(group: str) -> None:
    """Every file of a syntax that has a decoder."""
    check = KIT / "check.py"
    if group == "tags" and importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow: not installed")
    path = os.pathsep.join([str(Path(dd.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, str(check), group, "-v"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": path},
    )
    found = re.search(rf"^{group}: (\d+) of (\d+) files agree", done.stdout, re.MULTILINE)
    assert found, done.stderr[-2000:]
    assert int(found[2]) > 100
    failures = re.findall(rf"^  {group}  (\S.*?)  (.*)$", done.stdout, re.MULTILINE)
    assert len(failures) == int(found[2]) - int(found[1])
    wrong = []
    for name, reason in failures:
        syntax = SYNTAXES.get(str(rows()[name]["ts"]))
        no_decoder = reason.startswith("UnsupportedError") and (syntax is None or not syntax.codec)
        if not no_decoder and not is_the_kits_mistake(name):
            wrong.append(f"{name}: {reason}")
    assert not wrong, "\n".join(wrong)
