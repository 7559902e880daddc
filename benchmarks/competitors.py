"""Whole file to array, against the fastest of the other readers that are installed.

    pip install -r benchmarks/requirements.txt
    python benchmarks/competitors.py              all files
    python benchmarks/competitors.py RLE 128x     those whose name holds one of the words

All read the same path, take turns, and are timed by the clock; the figure is the median of the rounds' ratios. Some
use as many threads as there are processors: on Linux all are held to one, but where the report says two. A reader that
is missing, fails on a file, or gives other pixels is named with the reason. Exit code 1: a bound was missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)  # last: what is installed is measured, not the sources beside this file

import dicomdecode as dd  # noqa: E402
from benchmarks.rivals import CASES, LOSSY, PICTURES, Case, Picture, contents_of, readers, same  # noqa: E402

Work = Callable[[], Any]

ROUNDS = 15
ALL_PROCESSORS = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def use_processors(count: int) -> None:
    """Hold this process, and threads to come, to so many processors."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(ALL_PROCESSORS)[:count])


def race(everyone: dict[str, Work], case: Case) -> dict[str, list[float]]:
    """Seconds of each round; "" is this package."""
    times: dict[str, list[float]] = {who: [] for who in everyone}
    numbers = {}
    for who, work in everyone.items():
        start = time.perf_counter()
        work()
        numbers[who] = max(1, round(0.01 / (time.perf_counter() - start)))
    for i in range(ROUNDS):
        for who in everyone if i % 2 else reversed(everyone):
            use_processors(case.others if who else case.threads)
            start = time.perf_counter()
            for _ in range(numbers[who]):
                everyone[who]()
            times[who].append((time.perf_counter() - start) / numbers[who])
    return times


def measure(case: Case, picture: Picture, path: str) -> Iterator[str]:
    """Lines of the report."""
    found, without = readers(f"1.2.840.10008.1.2.{case.suffix}")
    with open(path, "wb") as file:
        file.write(contents_of(case, picture))

    def ours() -> Any:
        return dd.imread(path, values="stored", threads=case.threads)

    everyone: dict[str, Work] = {"": ours}
    right = ours()
    for who, read in found.items():
        try:
            if same(right, read(path), case.suffix in LOSSY):
                everyone[who] = lambda read=read: read(path)
            else:
                without.append(f"{who} (other pixels)")
        except Exception as error:
            without.append(f"{who} ({type(error).__name__})")
    name = f"{case.name}, {picture.name}"
    if len(everyone) > 1:
        times = race(everyone, case)
        medians = {who: statistics.median(t) for who, t in times.items()}
        fastest = min((who for who in medians if who), key=medians.__getitem__)
        ratio = statistics.median(a / b for a, b in zip(times[""], times[fastest], strict=True))
        bound = case.small if picture.is_small else case.large
        word = "ok  " if ratio <= bound else "MISS"
        others = ", ".join(f"{who} {t * 1e3:.3f}" for who, t in sorted(medians.items(), key=lambda m: m[1]) if who)
        yield f"{word} {name:57} {ratio:7.3f} of at most {bound:5.2f}   {medians[''] * 1e3:.3f} ms; {others}"
    else:
        yield f"     {name:57} nobody to compare with"
    if without:
        yield f"     without {'; '.join(without)}"


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python benchmarks/competitors.py", description="Other readers, side by side."
    )
    parser.add_argument("words", nargs="*", help="only files whose name holds a word")
    words = [word.lower() for word in parser.parse_args().words]
    warnings.simplefilter("ignore")
    missed = False
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            for picture in PICTURES:
                if case.threads > 1 and picture.is_small:
                    continue
                if words and not any(word in f"{case.name}, {picture.name}".lower() for word in words):
                    continue
                for line in measure(case, picture, os.path.join(folder, "image.dcm")):
                    print(line, flush=True)
                    missed |= line.startswith("MISS")
    return int(missed)


if __name__ == "__main__":
    import logging

    logging.disable()  # pydicom tells there what its plugins refuse
    raise SystemExit(main())
