"""Files a second over a folder of mixed files, beside other readers: ``python benchmarks/mixed.py [FOLDER ...]``.

Without an argument: the test files of pydicom. Each reader is compared over the files that both decode, on one core by
a loop, and on two by the best of a loop, threads and processes; processes need not send their arrays back. Rounds are
interleaved, and medians shown. `ours / theirs`: how many times as many files a second.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:
    sys.path.append(ROOT)  # last: what is installed is measured, not the sources beside this file

import numpy as np  # noqa: E402

import dicomdecode as dd  # noqa: E402

ROUNDS = 5
CORES = 2


def by_pydicom(path: str) -> Any:
    from pydicom import dcmread
    from pydicom.pixels import pixel_array

    return pixel_array(dcmread(path))


def by_dicomsdl(path: str) -> Any:
    import dicomsdl

    data = dicomsdl.open(path)
    count = data.getPixelDataInfo()["NumberOfFrames"]
    return np.stack([data.pixelData(i, storedvalue=True) for i in range(count)])  # one is all that a call gives


def by_pydcm(path: str) -> Any:
    import pydcm

    return pydcm.decode(path)


def by_simple_itk(path: str) -> Any:
    import SimpleITK

    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))


RIVALS: dict[str, Callable[[str], Any]] = {
    "pydicom": by_pydicom,
    "dicomsdl": by_dicomsdl,
    "pydcm": by_pydcm,
    "SimpleITK": by_simple_itk,
}


def is_decoded(read: Callable[[str], Any], path: str) -> bool:
    try:
        return bool(read(path).size)
    except Exception:  # whatever a library raises
        return False


def decoded_by(read: Callable[[str], Any], paths: list[str]) -> list[str]:
    """The files that a reader decodes, each tried in a process of its own: some end it, at the second time or later."""
    found = []
    for path in paths:
        one = get_context("fork").Process(target=exit_with, args=(read, path))
        one.start()
        one.join(60)
        found += [path] * (one.exitcode == 0)
        one.kill()
    return found


def exit_with(read: Callable[[str], Any], path: str) -> None:
    sys.exit(not all(is_decoded(read, path) for _ in range(5)))


def run_all(read: Callable[[str], Any], paths: list[str]) -> None:
    for path in paths:
        read(path)


def seconds_of(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def medians(works: dict[str, Callable[[], object]]) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(ROUNDS):
        for name, work in works.items():
            found[name].append(seconds_of(work))
    return {name: statistics.median(each) for name, each in found.items()}


def in_parts(pool: Executor, read: Callable[[str], Any], paths: list[str]) -> None:
    """Small parts in turn, so that no worker is left with all that is slow."""
    parts = [paths[i : i + 8] for i in range(0, len(paths), 8)]
    list(pool.map(run_all, [read] * len(parts), parts))


def decode_all(paths: list[str], threads: int) -> None:
    for each in dd.decode_batch(paths, threads=threads, values="stored"):
        assert each.error is None, each.error


def compare(name: str, read: Callable[[str], Any], paths: list[str], pools: tuple[Executor, Executor]) -> None:
    threads, processes = pools
    found = medians(
        {
            "imread": lambda: run_all(lambda path: dd.imread(path, values="stored"), paths),
            "decode_batch, one thread": lambda: decode_all(paths, 1),
            "decode_batch": lambda: decode_all(paths, CORES),
            "a loop": lambda: run_all(read, paths),
            "threads": lambda: in_parts(threads, read, paths),
            "processes": lambda: in_parts(processes, read, paths),
        }
    )
    best = min(("a loop", "threads", "processes"), key=found.__getitem__)
    one = found["a loop"] / min(found["imread"], found["decode_batch, one thread"])
    two = found[best] / found["decode_batch"]
    print(
        f"{name:12} {len(paths):5} files: ours / theirs {one:6.2f} on one core, {two:6.2f} on two ({best})", flush=True
    )
    print("    " + ", ".join(f"{way} {len(paths) / seconds:.0f}/s" for way, seconds in found.items()))


@contextlib.contextmanager
def workers() -> Iterator[tuple[Executor, Executor]]:
    with ThreadPoolExecutor(CORES) as threads, ProcessPoolExecutor(CORES, get_context("spawn")) as processes:
        yield threads, processes


def folders() -> list[str]:
    if len(sys.argv) > 1:
        return sys.argv[1:]
    from pydicom.data import get_testdata_file

    return [str(Path(str(get_testdata_file("CT_small.dcm"))).parent)]


def main() -> None:
    warnings.simplefilter("ignore")
    ours = [each.source for each in dd.decode_batch(folders(), values="stored", on_error="skip")]
    paths = [str(path) for path in ours]
    print(f"{len(paths)} files in {', '.join(Path(folder).name for folder in folders())}")
    with workers() as pools:
        for name, read in RIVALS.items():
            both = decoded_by(read, paths)
            if both:
                compare(name, read, both, pools)
            else:
                print(f"{name:12} decodes none of them, or is not installed")


if __name__ == "__main__":
    main()
