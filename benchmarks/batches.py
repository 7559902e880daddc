"""What batches and tables must reach, as ratios in one run: ``python benchmarks/batches.py``.

Times are medians of interleaved rounds, on the clock of the wall: run it on a quiet machine. Behind them stands the
time of the processor, which a busy machine spoils less.
"""

from __future__ import annotations

import importlib.util
import os
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:
    sys.path.append(ROOT)  # last: what is installed is measured, not the sources beside this file

import dicomdecode as dd  # noqa: E402
from benchmarks import samples  # noqa: E402
from benchmarks.bench_batches import FILES, TAGS  # noqa: E402

ROUNDS = 7


def timed(works: dict[str, Callable[[], object]], count: int) -> dict[str, tuple[float, float]]:
    """Microseconds a file, on the wall and of the processor."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            cpu, began = time.process_time(), time.perf_counter()
            work()
            found[name].append(((time.perf_counter() - began) / count * 1e6, (time.process_time() - cpu) / count * 1e6))
    return {
        name: (statistics.median(wall for wall, _ in each), statistics.median(cpu for _, cpu in each))
        for name, each in found.items()
    }


def show(what: str, asked: float, found: dict[str, tuple[float, float]], slow: str, fast: str) -> None:
    wall, cpu = (found[slow][i] / found[fast][i] for i in (0, 1))
    print(f"{what:70} {wall:5.2f} (asked: {asked}; processor {cpu:4.2f})")
    for name, (seconds, processor) in found.items():
        print(f"    {name:54} {seconds:8.1f} us a file ({processor:.1f})")


def run_loop(paths: list[str]) -> None:
    for path in paths:
        dd.imread(path)


def run_batch(paths: list[str], threads: int, **keywords: Any) -> None:
    for each in dd.decode_batch(paths, threads=threads, **keywords):
        assert each.error is None


def run_threads(work: Callable[[int], None], count: int) -> None:
    workers = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def read_into(paths: list[str], size: int, threads: int) -> None:
    """Read the files as they are, on so many threads."""

    def work(first: int) -> None:
        buffer = bytearray(size)
        for path in paths[first::threads]:
            with open(path, "rb", buffering=0) as file:
                file.readinto(buffer)

    run_threads(work, threads)


def read_into_places(paths: list[str], out: np.ndarray[Any, Any], threads: int) -> None:
    """Read the pixels, which are at the end of the files, into the places of an array."""

    def work(first: int) -> None:
        for i in range(first, len(paths), threads):
            with open(paths[i], "rb", buffering=0) as file:
                file.seek(-out[i].nbytes, os.SEEK_END)
                file.readinto(out[i].data)

    run_threads(work, threads)


def read_by_pydicom(paths: list[str]) -> None:
    for path in paths:
        data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=TAGS)
        _ = [data.get(tag) for tag in TAGS]


def read_by_dicomsdl(paths: list[str]) -> None:
    import dicomsdl

    for path in paths:
        data = dicomsdl.open(path)
        _ = [data[tag] for tag in TAGS]


def written(folder: str, contents: bytes, count: int) -> list[str]:
    paths = [os.path.join(folder, f"{i}.dcm") for i in range(count)]
    for path in paths:
        Path(path).write_bytes(contents)
    return paths


def compare_kind(kind: str, folder: str) -> None:
    contents = FILES[kind]()
    count = 2000 if kind == "small CT" else 40
    paths = written(folder, contents, count)
    works: dict[str, Callable[[], object]] = {
        "imread, in a loop": lambda: run_loop(paths),
        "decode_batch, one thread": lambda: run_batch(paths, 1),
        "decode_batch, two threads": lambda: run_batch(paths, 2),
    }
    slow = "imread, in a loop" if kind == "small CT" else "decode_batch, one thread"
    show(f"{kind}: {slow} / two threads", 1.8, timed(works, count), slow, "decode_batch, two threads")


def compare_reading(kind: str, folder: str) -> None:
    """Uncompressed files of the page cache beside what reading alone takes: 512 kB that are read into one buffer again
    and again stay in the processor's cache, and so do results that are let go; those in one large array do not, whoever
    reads them there. The array has its memory before anybody begins."""
    contents = FILES[kind]()
    count = 4000
    paths = written(folder, contents, count)
    out = np.zeros((count, 512, 512), np.uint16)
    out.fill(1)
    works: dict[str, Callable[[], object]] = {
        "stored values, let go": lambda: run_batch(paths, 2, values="stored"),
        "readinto one buffer": lambda: read_into(paths, len(contents), 2),
        "stored values into one array": lambda: run_batch(paths, 2, values="stored", out=out),
        "readinto one array": lambda: read_into_places(paths, out, 2),
        "modality values, let go": lambda: run_batch(paths, 2),
    }
    found = timed({f"{name}, two threads": work for name, work in works.items()}, count)
    *names, rest = found
    for fast, slow in ((names[0], names[1]), (names[2], names[3]), (names[2], names[1])):
        both = {name: found[name] for name in (slow, fast)}
        show(f"{kind}: {slow.split(',')[0]} / {fast.split(', two')[0]}", 0.7, both, slow, fast)
    wall, cpu = found[rest]
    print(f"    {rest:54} {wall:8.1f} us a file ({cpu:.1f})")


def compare_tags(folder: str) -> None:
    """10,000 files, of which pydicom reads some."""
    paths = written(folder, samples.small_ct(), 10_000)
    few = paths[:500]
    works: dict[str, Callable[[], object]] = {
        "read_tags, one thread": lambda: dd.read_tags(paths, TAGS, threads=1),
        "read_tags, two threads": lambda: dd.read_tags(paths, TAGS, threads=2),
    }
    if importlib.util.find_spec("dicomsdl") is not None:
        works["dicomsdl"] = lambda: read_by_dicomsdl(paths)
    found = timed(works, len(paths)) | timed({"pydicom": lambda: read_by_pydicom(few)}, len(few))
    show("ten tags: pydicom / read_tags", 20, found, "pydicom", "read_tags, one thread")
    if "dicomsdl" in found:
        show("ten tags: dicomsdl / read_tags", 2.5, found, "dicomsdl", "read_tags, one thread")


def compare_memory(count: int, folder: str) -> None:
    """How much the peak of the process grows over so many files, after the first hundredth of them."""
    paths = written(folder, samples.small_ct(), 100)

    def by_path() -> Iterator[str]:
        for i in range(count):
            yield paths[i % 100] if i % 2 else os.path.join(folder, f"nothing {i}")

    def by_bytes() -> Iterator[bytes]:
        contents = samples.small_ct()
        for i in range(count):
            yield contents if i % 2 else b"no DICOM"

    for name, sources in (("paths in a list", list(by_path())), ("paths", by_path()), ("bytes", by_bytes())):
        first = 0
        for i, _ in enumerate(dd.decode_batch(sources, threads=2)):
            if i == count // 100:
                first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - first
        print(f"{f'peak memory over {count} {name}, half failing':58} {grown / 1024:5.1f} MiB more (asked: 10)")


def main() -> None:
    for kind in FILES:
        if len(sys.argv) == 1 or any(word in kind for word in sys.argv[1:]):
            with tempfile.TemporaryDirectory() as folder:
                compare = compare_reading if "uncompressed" in kind else compare_kind
                compare(kind, folder)
    for name, work in (("tags", compare_tags), ("memory", partial(compare_memory, 100_000))):
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            with tempfile.TemporaryDirectory() as folder:
                work(folder)


if __name__ == "__main__":
    main()
