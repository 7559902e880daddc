"""Forks and threads: a child of a process whose other threads decode can decode."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

ROOT = Path(__file__).resolve().parents[2]

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
@pytest.mark.slow
def test_fork_while_other_threads_decode(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    pixels = np.random.default_rng(0).integers(0, 4096, (4, 64, 64), np.uint16)
    path.write_bytes(s.image(pixels, trailing=s.elements([(0xFFFCFFFC, "OB", bytes(4))])))
    found = subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", FORKS, str(path)], capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, found.stdout + found.stderr


def run(program: str, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """A program in a process of its own, with the package that these tests use."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT)])}
    command = [sys.executable, "-P", "-W", "ignore", "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)


#: The first decodes of a process, in many threads at once, through codecs that nobody has loaded.
FIRST_USE = """
import sys, threading
import numpy as np
sys.setswitchinterval(1e-5)
import dicomdecode as dd
from tests.hostile.test_processes import files
contents = list(files().values())
gate, found, failed = threading.Barrier(16), {}, []

def work(i):
    gate.wait()
    try:
        for k in range(len(contents)):
            n = (i + k) % len(contents)
            found[i, n] = dd.imread(contents[n], values="display").tobytes()
            dd.open(contents[n]).issues
    except BaseException as error:
        failed.append(repr(error))

threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
alone = [dd.imread(each, values="display").tobytes() for each in contents]
sys.exit(str(failed) if failed or any(alone[n] != data for (i, n), data in found.items()) else 0)
"""


def files() -> dict[str, bytes]:
    """A small file for each codec and each way of the plans."""
    import imagecodecs

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 4096, (3, 40, 50), np.uint16)
    window: list[s.Element] = [(0x00281050, "DS", "2000"), (0x00281051, "DS", "900"), (0x00281056, "CS", "SIGMOID")]
    found = {syntax: s.image(pixels, syntax=syntax, bits_stored=12) for syntax in (s.EXPLICIT_LE, s.EXPLICIT_BE, s.RLE)}
    found |= {"deflated": s.image(pixels, syntax=s.DEFLATED), "frames": s.image(pixels, syntax=s.DEFLATED_FRAME)}
    found |= {"window": s.image(pixels, bits_stored=12, extra=window)}
    tables = s.lookup_tables([rng.integers(0, 65536, 256, np.uint16) for _ in range(3)])
    found["palette"] = s.image(pixels.astype(np.uint8), photometric="PALETTE COLOR", extra=tables)
    encoders = {
        "50": lambda a: imagecodecs.jpeg8_encode(a.astype(np.uint8)),
        "70": imagecodecs.ljpeg_encode,
        "80": imagecodecs.jpegls_encode,
        "90": lambda a: imagecodecs.jpeg2k_encode(a, level=0, codecformat="j2k", reversible=True),
    }
    for last, encode in encoders.items():
        bits = 8 if last == "50" else 16
        head = s.image(pixels, allocated=bits, without=[s.PIXEL_DATA], syntax=f"1.2.840.10008.1.2.4.{last}")
        found[last] = head + s.elements(s.encapsulate([bytes(encode(frame)) for frame in pixels]))
    return found


def test_first_use_in_many_threads() -> None:
    found = run(FIRST_USE)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("name", list(files()))
def test_the_same_bits_under_eight_threads(name: str) -> None:
    """One opened image for all threads, and an image for each."""
    contents = files()[name]
    shared = dd.open(contents)
    want = [dd.imread(contents, values=values).tobytes() for values in ("stored", "display")]
    wrong: list[object] = []

    def work(seed: int) -> None:
        for image in (shared, dd.open(contents), dd.open(io.BytesIO(contents))):
            for k, values in enumerate(("stored", "display")):
                if image.pixels(values=values, threads=1 + seed % 3).tobytes() != want[k]:
                    wrong.append((seed, values))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


#: Ctrl-C at any moment: KeyboardInterrupt comes out, and what is decoded afterwards is right.
INTERRUPTED = """
import io, signal, sys, time
import numpy as np
import dicomdecode as dd
from tests.hostile.test_processes import files
path = sys.argv[1]
contents = list(files().values())
want = [dd.imread(each, values="display").tobytes() for each in contents]
with open(path, "wb") as file:
    file.write(contents[2])
opened = [dd.open(path), dd.open(io.BytesIO(contents[2]))]
rng = np.random.default_rng(0)
armed = False
caught = 0

def interrupt(*ignored):
    global armed
    if armed:
        armed = False
        raise KeyboardInterrupt

def work(n, threads):
    dd.imread(contents[n], values="display", threads=threads)
    dd.open(contents[n]).issues
    for image in opened: image.pixels(frames=0)

def time_of(n):
    began = time.perf_counter()
    work(n, 1)
    return time.perf_counter() - began

times = [min(time_of(n) for _ in range(3)) for n in range(len(contents))]
signal.signal(signal.SIGALRM, interrupt)
for i in range(400):
    n = i % len(contents)
    try:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, float(rng.uniform(0, times[n])) + 1e-6)
        work(n, 1 + i % 4)
        armed = False
    except KeyboardInterrupt:
        caught += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert dd.imread(contents[n], values="display").tobytes() == want[n], n
    for image in opened: assert image.pixels(values="display").tobytes() == want[2]
print(caught)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="platform: no timer that sends a signal")
@pytest.mark.slow
def test_interrupted_at_any_moment(tmp_path: Path) -> None:
    found = run(INTERRUPTED, str(tmp_path / "a.dcm"))
    assert found.returncode == 0 and int(found.stdout) > 100, found.stdout + found.stderr


SUBINTERPRETER = """
import dicomdecode, sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
one = interpreters.create()
said = interpreters.run_string(one, "import dicomdecode") if sys.version_info < (3, 13) else None
"""


def test_a_subinterpreter_imports_or_refuses() -> None:
    """Whatever NumPy says to it: the process does not die of it."""
    found = run(SUBINTERPRETER)
    assert found.returncode in (0, 1), found.stderr
    assert found.returncode == 0 or "Error" in found.stderr
