"""How an export grows with workers: measured on this machine, and simulated for machines that are not here.

    pip install 'dicomdecode[cluster]'
    python benchmarks/cluster.py                  one and two workers of Dask, and the simulation of both
    python benchmarks/cluster.py --files 10000000 --workers 64 --latency 0.03 --seconds 0.002

The simulation hands units of work to workers one by one, as a scheduler does. A unit takes a share of the times that
were measured for single files (drawn anew, so that some are stragglers), the time of the scheduler where workers have
to share their processors with it, and for an object store a latency a file, of which so many are fetched side by side.
A worker is lost with a chance; its unit is done again by another one.
Exit code 1: the simulation of two workers is more than 15 % off what was measured.
"""

from __future__ import annotations

import argparse
import heapq
import os
import random
import sys
import tempfile
import time
from typing import Any, NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)  # last: what is installed is measured, not the sources beside this file

import dicomdecode as dd  # noqa: E402
from benchmarks import samples  # noqa: E402
from dicomdecode.export.units import growing_size  # noqa: E402
from dicomdecode.pixels.decode import cores  # noqa: E402

MOST = 256  # files of a unit


class Cluster(NamedTuple):
    """What is simulated."""

    workers: int
    latency: float = 0.0  # seconds a file, of an object store
    fetched: int = 1  # files that a worker fetches side by side
    loss: float = 0.0  # chance that a worker is lost within a unit
    overhead: float = 0.0  # seconds a file, of the scheduler, on the processor of a worker


def simulate(files: int, times: list[float], cluster: Cluster, *, seed: int = 1) -> float:
    """Seconds until all files are done, if each takes one of `times`."""
    draw = random.Random(seed)
    free = [0.0] * cluster.workers
    heapq.heapify(free)
    units = sizes_of_units(files)[::-1]
    while units:
        count = units.pop()
        began = heapq.heappop(free)
        work = sum(draw.choice(times) for _ in range(count))
        needed = max(work, cluster.latency * count / cluster.fetched) + cluster.overhead * count
        if draw.random() < cluster.loss:
            units.append(count)  # from its start, by whoever is free next
            needed *= draw.random()
        heapq.heappush(free, began + needed)
    return max(free)


def sizes_of_units(files: int) -> list[int]:
    sizes: list[int] = []
    while files:
        sizes.append(min(growing_size(len(sizes)), MOST, files))
        files -= sizes[-1]
    return sizes


def write(folder: str, files: int) -> int:
    """Small and large files in one folder; bytes of all."""
    small = samples.image(samples.picture(256, 256, 12), bits_stored=12)
    pixels = samples.picture(512, 512, 12)
    large = samples.image(
        pixels,
        bits_stored=12,
        syntax="1.2.840.10008.1.2.4.90",
        frames=[samples.encode(pixels[0], "1.2.840.10008.1.2.4.90", 12)],
    )
    size = 0
    for k in range(files):
        contents = large if k % 8 == 0 else small
        size += len(contents)
        with open(os.path.join(folder, f"{k:06}.dcm"), "wb") as file:
            file.write(contents)
    return size


def seconds_of_each(paths: list[str]) -> list[float]:
    """Seconds to decode each file, in one thread."""
    found = []
    for path in paths:
        began = time.perf_counter()
        dd.imread(path)
        found.append(time.perf_counter() - began)
    return found


class Taken(NamedTuple):
    """Seconds of an export, and how long this process, with the scheduler in it, used a processor for it."""

    clock: float
    scheduler: float


def measure(paths: list[str], folder: str, workers: int, client: Any) -> Taken:
    """An export by the workers of a cluster."""
    began = Taken(time.perf_counter(), time.process_time())
    report = dd.convert(paths, folder, format="png", executor=client.get_executor(), workers=2 * workers)
    assert report.done == len(paths), report
    return Taken(time.perf_counter() - began.clock, time.process_time() - began.scheduler)


def compare(files: int) -> bool:
    """Print measured and simulated runs of one and two workers."""
    import distributed

    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "in"))
        size = write(os.path.join(folder, "in"), files)
        paths = sorted(os.path.join(folder, "in", name) for name in os.listdir(os.path.join(folder, "in")))
        taken = {}
        for workers in (1, 2):
            with (
                distributed.LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
                ) as cluster,
                distributed.Client(cluster) as client,
            ):
                client.run(lambda: __import__("dicomdecode.export.running"))
                measure(paths[:128], os.path.join(folder, f"warm{workers}"), workers, client)
                taken[workers] = measure(paths, os.path.join(folder, f"out{workers}"), workers, client)
        times = seconds_of_each(paths)
    one, two = taken[1].clock, taken[2].clock
    # What a file takes besides decoding, by the run of one worker: encoding, writing, flushing.
    times = [seconds + max(one - sum(times), 0.0) / files for seconds in times]
    shared = taken[1].scheduler / files if cores() <= 2 else 0.0
    simulated = simulate(files, times, Cluster(2, overhead=shared))
    off = simulated / two - 1
    print(f"{files} files, {size / 1e6:.0f} MB")
    print(f"one worker {one:.2f} s: {files / one:.0f} files/s, {size / one / 1e6:.0f} MB/s")
    print(f"two workers {two:.2f} s: {one / two:.2f} times as fast; the scheduler took {taken[1].scheduler:.2f} s")
    print(f"two workers, simulated {simulated:.2f} s: {off:+.1%}")
    return abs(off) <= 0.15


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=1600)
    parser.add_argument("--workers", type=int, help="simulate so many instead of measuring")
    parser.add_argument("--seconds", type=float, default=0.002, help="of a file, on average; one in 100 takes 50 times")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds a file, of an object store")
    parser.add_argument("--fetched", type=int, default=1, help="files that a worker fetches side by side")
    parser.add_argument("--loss", type=float, default=0.001, help="chance that a worker is lost within a unit")
    arguments = parser.parse_args()
    if arguments.workers is None:
        return 0 if compare(arguments.files) else 1
    usual = arguments.seconds / 1.49  # of 99 usual ones and one straggler the mean is as asked
    cluster = Cluster(arguments.workers, arguments.latency, arguments.fetched, arguments.loss)
    seconds = simulate(arguments.files, [usual] * 99 + [50 * usual], cluster)
    print(f"{arguments.files} files by {arguments.workers} workers: {seconds / 3600:.2f} h")
    return 0


if __name__ == "__main__":
    sys.exit(main())
