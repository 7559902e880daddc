"""Forks and threads: a child of a process whose other threads decode can decode."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import synthesise as s

#: Threads decode through every lock that there is while the main thread forks; each child decodes as well.
FORKS = """
import io, os, sys, threading, time
import dicomdecode as dd
path = sys.argv[1]
with open(path, "rb") as file:
    contents = file.read()
shared_path, shared_file = dd.open(path), dd.open(io.BytesIO(contents))
for image in (shared_path, shared_file):
    image.pixels()

class Slow(io.BytesIO):
    def read(self, n=-1):
        time.sleep(0.0005)
        return super().read(n)

slow = dd.open(Slow(contents))

def work():
    while True:
        shared_path.pixels(frames=0); shared_file.pixels(frames=0); slow.pixels(frames=0)
        dd.open(path).tag(0xFFFCFFFC)

for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.05)
for i in range(20):
    child = os.fork()
    if not child:
        for image in (shared_path, shared_file, slow):
            image.pixels(frames=0)
        dd.open(path).tag(0xFFFCFFFC)
        dd.imread(contents, threads=2)
        os._exit(0)
    end = time.monotonic() + 20
    while not (done := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > end:
            os.kill(child, 9)
            os.waitpid(child, 0)
            print("child", i, "hangs")
            os._exit(1)
        time.sleep(0.002)
    if done[1]:
        print("child", i, "ended with", done[1])
        os._exit(1)
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="platform: no fork")
def test_fork_while_other_threads_decode(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    pixels = np.random.default_rng(0).integers(0, 4096, (4, 64, 64), np.uint16)
    path.write_bytes(s.image(pixels, trailing=s.elements([(0xFFFCFFFC, "OB", bytes(4))])))
    found = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", FORKS, str(path)], capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, found.stdout + found.stderr
