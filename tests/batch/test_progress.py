"""What people see of a batch: a bar or a line on a terminal, nothing in a pipe."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from tests.reference_images import FOLDER

CT = FOLDER / "test_files" / "CT_small.dcm"
PROGRAM = """
import sys
if sys.argv[2] == "line":
    sys.modules["tqdm"] = None
import dicomdecode as dd
from dicomdecode.batch import progress
progress._SECONDS = 0
sources = [sys.argv[1]] * 30 + [b"no DICOM"] * 2 + [sys.argv[1]] * 30
for each in dd.decode_batch(sources, threads=1, progress=True):
    pass
dd.read_tags(sources, ["Rows"], progress=True)
"""


def shown(kind: str, *, on_terminal: bool) -> str:
    """What is written to standard error."""
    command = [sys.executable, "-P", "-c", PROGRAM, str(CT), kind]
    if not on_terminal:
        return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=True).stderr
    fcntl, pty, termios = (pytest.importorskip(name, reason="platform: no terminals") for name in TERMINAL)
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, b"\x18\x00\x64\x00" + bytes(4))  # 24 rows, 100 columns
    process = subprocess.Popen(command, stderr=follower)
    os.close(follower)
    written = b""
    try:
        while part := os.read(leader, 4096):
            written += part
    except OSError:
        pass  # the end, on Linux
    os.close(leader)
    assert process.wait() == 0
    return written.decode()


TERMINAL = ("fcntl", "pty", "termios")


def test_a_line() -> None:
    text = shown("line", on_terminal=True)
    lines = text.split("\r\x1b[K")
    assert any(re.fullmatch(r"\d+/62 files, 2 failed, \d+/s, 0:00 left", line) for line in lines), lines
    assert "\n" not in text
    assert lines[-1] == ""  # the terminal is as it was


def test_a_bar() -> None:
    if importlib.util.find_spec("tqdm") is None:
        pytest.skip("tqdm: not installed")
    text = shown("bar", on_terminal=True)
    assert "62/62" in text and "failed=2" in text and "files/s" in text


@pytest.mark.parametrize("kind", ["line", "bar"])
def test_nothing_in_a_pipe(kind: str) -> None:
    assert shown(kind, on_terminal=False) == ""
