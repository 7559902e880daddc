"""Runs the fuzzers that build.sh has built, one after the other, until each has made its executions.

    python tests/fuzz/campaign.py build/fuzz                            what the next release must have had
    python tests/fuzz/campaign.py build/fuzz rle reading --seconds 10   a short pass of two

What each has made in all its runs stands in `counts.txt` beside them: a campaign that is stopped goes on from there.
Ends with 1 at the first finding, which libFuzzer has written beside them as well.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

#: Target -> executions before a release.
GOALS = {
    "rle": 50_000_000,
    "reading": 50_000_000,
    "core": 10_000_000,
    "cells": 10_000_000,
    "ljpeg": 10_000_000,
    "jpegls": 10_000_000,
    "preflight": 10_000_000,
    "ht": 10_000_000,
    "jpeg2000": 10_000_000,
}
#: Seconds of one run of a program. Then the next one begins with what was found, from the smallest input on.
TURN = 300
#: Bytes of an input behind the first tenth of the executions: a few seeds are longer than others, and take the time.
SHORT = 1500


def counts_of(folder: Path) -> dict[str, int]:
    path = folder / "counts.txt"
    lines = path.read_text().splitlines() if path.exists() else []
    return {name: int(count) for name, count in (line.split() for line in lines)}


def run(folder: Path, name: str, runs: int, seconds: int) -> bool:
    """Runs one fuzzer for a while, counts, and says whether it found nothing."""
    longest = max(path.stat().st_size for path in (folder / f"{name}_seeds").iterdir())
    if counts_of(folder).get(name, 0) >= GOALS[name] // 10:
        longest = min(longest, SHORT)
    command = [f"./{name}", f"-max_len={longest}", "-timeout=10", "-rss_limit_mb=2048"]
    command += [f"-max_total_time={seconds}", f"-runs={runs}", "-print_final_stats=1", f"{name}_found", f"{name}_seeds"]
    ended = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, text=True, errors="replace")
    made = re.search(r"stat::number_of_executed_units: (\d+)", ended.stderr)
    speed = re.search(r"stat::average_exec_per_sec: +(\d+)", ended.stderr)
    counts = counts_of(folder)
    counts[name] = counts.get(name, 0) + (int(made[1]) if made else 0)
    (folder / "counts.txt").write_text("".join(f"{each} {count}\n" for each, count in sorted(counts.items())))
    print(f"{name:10} {counts[name]:12,}  {speed[1] if speed else '?':>7} a second", flush=True)
    if ended.returncode:
        print(ended.stderr[-3000:], file=sys.stderr)
    return ended.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("targets", nargs="*", choices=[*GOALS, []], help="all, if none is named")
    parser.add_argument("--seconds", type=int, help="of each, instead of its executions")
    asked = parser.parse_args()
    for name in asked.targets or GOALS:
        if asked.seconds:
            if not run(asked.folder, name, -1, asked.seconds):
                return 1
            continue
        while (left := GOALS[name] - counts_of(asked.folder).get(name, 0)) > 0:
            if not run(asked.folder, name, min(left, GOALS[name] // 10), TURN):
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
