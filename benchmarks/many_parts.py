"""Files of very many parts, against what they must not take: 2 million fragments, functional groups of 200,000 frames.

    python benchmarks/many_parts.py              both
    python benchmarks/many_parts.py fragments

Medians of processor time, each file opened anew. Memory is told on Linux. Exit code 1: a bound was missed.
"""

from __future__ import annotations

import os
import statistics
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)

import dicomdecode as dd  # noqa: E402
from benchmarks import samples  # noqa: E402
from benchmarks.ratios import Figure, measure_groups  # noqa: E402

FRAGMENTS, GROUPS = 2_000_000, 200_000
ROUNDS = 7
UNCOMPRESSED_IN_FRAGMENTS = "1.2.840.10008.1.2.1.98"


def limited(name: str, found: float, most: float, unit: str = "s") -> Figure:
    return Figure(name, found, most, "the most", found / most, 1.0, unit)


def seconds(work: Callable[[], Any]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def fragments() -> Iterator[Figure]:
    """A frame in each fragment, and no offset table."""
    last = FRAGMENTS - 1
    frames = (struct.pack("<II", i, i) for i in range(FRAGMENTS))
    pixels = np.zeros((FRAGMENTS, 2, 2), np.uint16)
    contents = samples.image(pixels, syntax=UNCOMPRESSED_IN_FRAGMENTS, frames=frames)

    def read() -> Any:
        return dd.imread(contents, frames=last, values="stored")

    assert read().tobytes() == struct.pack("<II", last, last)
    taken = statistics.median(seconds(read) for _ in range(ROUNDS))
    yield limited("2,000,000 fragments: opened, and the last frame read", taken, 0.2)


def groups() -> Iterator[Figure]:
    """An intercept of its own for each frame."""
    last = GROUPS - 1
    items = []
    for i in range(GROUPS):
        rescale = samples.element(0x00281052, "DS", str(i)) + samples.element(0x00281053, "DS", "1")
        items.append(samples.element(0x00289145, "SQ", [rescale]))
    sequence = samples.element(0x52009230, "SQ", items)
    contents = samples.image(np.zeros((GROUPS, 2, 2), np.uint16), extra=[sequence])
    del items, sequence
    assert np.all(dd.imread(contents, frames=last) == last)
    opening, reading = [], []
    before = peak(clear=True)
    for _ in range(ROUNDS):
        began = time.process_time()
        image = dd.open(contents)
        opening.append(time.process_time() - began)
        reading.append(seconds(lambda image=image: image.pixels(frames=last)))
    yield limited("200,000 functional groups: opened", statistics.median(opening), 0.5)
    yield limited("200,000 functional groups: frame 199,999 after that", statistics.median(reading), 0.001)
    if before is not None:
        yield limited("200,000 functional groups: memory for both", peak() - before, 50e6, "bytes")


def peak(*, clear: bool = False) -> Any:
    """The most memory that the process had, or has now with `clear`, from where on it is counted; None: not known."""
    if not os.path.exists("/proc/self/clear_refs"):
        return None
    if clear:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))


if __name__ == "__main__":
    sys.exit(measure_groups({"fragments": fragments, "functional groups": groups}, sys.argv[1:], as_json=False))
