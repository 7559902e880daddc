"""How the work grows: with the size of a picture, with frames, with threads; and the memory that it takes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

import dicomdecode as dd

from . import rivals

SYNTAXES = {case.name: case for case in rivals.CASES if case.threads == 1}
LEAST = 0.05  # seconds of each measurement
ROUNDS = 5


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Of one call, the best of several rounds: processor time, which other work on the machine spoils least."""
    work()
    best, count = float("inf"), 1
    for _ in range(ROUNDS):
        while True:
            start = clock()
            for _ in range(count):
                work()
            taken = clock() - start
            if taken >= LEAST:
                break
            count *= 2
        best = min(best, taken / count)
    return best


class Size:
    """Square pictures of 12 bits, from memory."""

    params = ([*SYNTAXES], [64, 256, 1024, 2048])
    param_names = ("syntax", "side")
    timeout = 120

    def setup(self, syntax: str, side: int) -> None:
        self.contents = rivals.contents_of(SYNTAXES[syntax], rivals.Picture("", side))

    def track_time_of_a_pixel(self, syntax: str, side: int) -> float:
        return seconds(lambda: dd.imread(self.contents, values="stored")) / side**2 * 1e9

    track_time_of_a_pixel.unit = "ns"  # type: ignore[attr-defined]


class Frames:
    """Frames of 128x128, from memory: what each of them costs."""

    params = ([*SYNTAXES], [1, 8, 64])
    param_names = ("syntax", "frames")
    timeout = 120

    def setup(self, syntax: str, frames: int) -> None:
        self.contents = rivals.contents_of(SYNTAXES[syntax], rivals.Picture("", 128, frames=frames))

    def track_time_of_a_frame(self, syntax: str, frames: int) -> float:
        return seconds(lambda: dd.imread(self.contents, values="stored")) / frames * 1e6

    track_time_of_a_frame.unit = "us"  # type: ignore[attr-defined]


class Threads:
    """16 frames of 512x512, side by side."""

    params = ([*SYNTAXES], [1, 2, 4])
    param_names = ("syntax", "threads")
    timeout = 120

    def setup(self, syntax: str, threads: int) -> None:
        if threads > (os.cpu_count() or 1):
            raise NotImplementedError(f"{os.cpu_count()} processors")
        self.contents = rivals.contents_of(SYNTAXES[syntax], rivals.Picture("", 512, frames=16))

    def track_frames_a_second(self, syntax: str, threads: int) -> float:
        return 16 / seconds(lambda: dd.imread(self.contents, values="stored", threads=threads), time.perf_counter)

    track_frames_a_second.unit = "1/s"  # type: ignore[attr-defined]


class Memory:
    """A frame of 2048x2048 by path: 8 MB of result."""

    params = ([*SYNTAXES],)
    param_names = ("syntax",)
    timeout = 120

    def setup_cache(self) -> None:
        # In a process of its own, in the folder that the benchmark runs in, too: making a file takes more memory.
        for i, case in enumerate(SYNTAXES.values()):
            with open(f"{i}.dcm", "wb") as out:
                out.write(rivals.contents_of(case, rivals.Picture("", 2048)))

    def peakmem_read(self, syntax: str) -> None:
        dd.imread(f"{[*SYNTAXES].index(syntax)}.dcm", values="stored")
