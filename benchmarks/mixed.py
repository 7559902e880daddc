"""Files a second over a folder of mixed files, beside other readers: ``python benchmarks/mixed.py [FOLDER ...]``.

Without an argument: the test files of pydicom. Each reader is compared over the files that both decode:

- on one core, file by file: both read it once before it counts, then take turns for a fraction of a second; times are
  those of the processor, which a busy machine spoils less;
- on two, all files by `decode_batch` and by the best of a loop, threads and processes of theirs, in turns; processes
  need not send their arrays back.

`ours / theirs`: how many times as many files a second. Of a palette the others give indices, and ours is looked up.
Readers run in processes of their own: some end with a file. All of it takes a few minutes for 250 files. ``--syntaxes``
shows in which transfer syntaxes the time goes.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import statistics
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

ROOT = str(Path(__file__).resolve().parent.parent)
if ROOT not in sys.path:
    sys.path.append(ROOT)  # last: what is installed is measured, not the sources beside this file

import numpy as np  # noqa: E402

import dicomdecode as dd  # noqa: E402

CORES = 2
#: Of the times of one file, and of all of them; and how long they may take together.
ROUNDS, SECONDS_OF_A_FILE = 7, 0.1
ALL_ROUNDS, SECONDS_OF_ALL = 5, 20.0
#: After which a reader that is silent is taken for hanging.
PATIENCE = 60.0

Read = Callable[[str], Any]


def by_us(path: str) -> Any:
    return dd.imread(path, values="stored")


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


RIVALS: dict[str, Read] = {
    "pydicom": by_pydicom,
    "dicomsdl": by_dicomsdl,
    "pydcm": by_pydcm,
    "SimpleITK": by_simple_itk,
}


class Pair(NamedTuple):
    """Seconds of the processor, medians."""

    ours: float
    theirs: float


def seconds_of(work: Callable[[], object], clock: Callable[[], float]) -> float:
    began = clock()
    work()
    return clock() - began


def pair_of(read: Read, path: str) -> Pair | None:
    """The times of one file; None where one of the two does not decode it."""
    times: list[Pair] = []
    try:
        if not (by_us(path).size and read(path).size):
            return None
        end = time.perf_counter() + SECONDS_OF_A_FILE
        while not times or (len(times) < ROUNDS and time.perf_counter() < end):
            times.append(Pair(*(seconds_of(partial(way, path), time.process_time) for way in (by_us, read))))
    except Exception:  # whatever a library raises
        return None
    return Pair(*map(statistics.median, zip(*times, strict=True)))


def send_pairs(answers: Connection, name: str, paths: list[str]) -> None:
    be_silent()
    for path in paths:
        answers.send(pair_of(RIVALS[name], path))


def send_pairs_apart(answers: Connection, name: str, paths: list[str]) -> None:
    """The same, with a process for each file."""
    be_silent()
    importlib.import_module(name)
    for path in paths:
        with Child("fork", send_pairs, name, [path]) as answer:
            answers.send(answer())


def pairs_of(name: str, paths: list[str]) -> dict[str, Pair]:
    """The times of the files that both decode. What ends a process, or hangs, is left out; and where there is such a
    file, others run apart from it: it may have damaged what they need."""
    for work in (send_pairs, send_pairs_apart):
        with Child("spawn", work, name, paths) as answer:
            answers = [answer() for _ in paths]
        if not any(isinstance(pair, Lost) for pair in answers):
            break
    return {path: pair for path, pair in zip(paths, answers, strict=True) if isinstance(pair, Pair)}


def be_silent() -> None:
    """Some readers write to the standard error whatever they think of a file."""
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


class Lost:
    """In the place of an answer: the process has ended, or does not answer."""


class Child:
    """A process that sends answers."""

    def __init__(self, how: str, work: Callable[..., None], *arguments: Any) -> None:
        context: Any = get_context(how)
        self._answers, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=work, args=(sender, *arguments))
        self._process.start()
        sender.close()

    def __enter__(self) -> Callable[[], Any]:
        return self._next

    def _next(self) -> Any:
        try:
            if self._answers.poll(PATIENCE):
                return self._answers.recv()
            self._process.kill()
        except EOFError:
            pass
        return Lost()

    def __exit__(self, *exception: object) -> None:
        self._process.kill()
        self._process.join()


def run_all(read: Read, paths: list[str]) -> None:
    for path in paths:
        read(path)


def decode_all(paths: list[str]) -> None:
    for each in dd.decode_batch(paths, threads=CORES, values="stored"):
        assert each.error is None, each.error


def in_parts(pool: Executor, read: Read, paths: list[str]) -> None:
    """Small parts in turn, so that no worker is left with all that is slow."""
    parts = [paths[i : i + 8] for i in range(0, len(paths), 8)]
    list(pool.map(run_all, [read] * len(parts), parts))


def send_all(answers: Connection, name: str, paths: list[str]) -> None:
    """The times of each way to read all files, round by round."""
    be_silent()
    read = RIVALS[name]
    with ThreadPoolExecutor(CORES) as threads, ProcessPoolExecutor(CORES, get_context("spawn")) as processes:
        ways: dict[str, Callable[[], object]] = {
            "decode_batch": lambda: decode_all(paths),
            "a loop": lambda: run_all(read, paths),
            "threads": lambda: in_parts(threads, read, paths),
            "processes": lambda: in_parts(processes, read, paths),
        }
        list(processes.map(time.sleep, [0.2] * CORES))  # they are started
        end = time.perf_counter() + SECONDS_OF_ALL
        for _ in range(ALL_ROUNDS):
            for way, work in ways.items():
                answers.send((way, seconds_of(work, time.perf_counter)))
            if time.perf_counter() > end:
                break


def ways_of(name: str, paths: list[str]) -> dict[str, float]:
    """The median time of each way to read all files, of those rounds that the process has lived to end."""
    times: dict[str, list[float]] = defaultdict(list)
    with Child("spawn", send_all, name, paths) as answer:
        while not isinstance(found := answer(), Lost):
            way, seconds = found
            times[way].append(seconds)
    return {way: statistics.median(each) for way, each in times.items()}


def compare(name: str, paths: list[str], syntaxes: dict[str, str]) -> None:
    pairs = pairs_of(name, paths)
    if not pairs:
        print(f"{name:12} decodes none of them")
        return
    ours, theirs = (sum(column) for column in zip(*pairs.values(), strict=True))
    each = statistics.median(pair.theirs / pair.ours for pair in pairs.values())
    ways = ways_of(name, list(pairs))
    best = min(ways.keys() - {"decode_batch"}, key=ways.__getitem__, default="")
    two = f"{ways[best] / ways['decode_batch']:6.2f} on two ({best})" if best else "it ended its process on two"
    one = f"{theirs / ours:6.2f} on one core"
    print(f"{name:12} {len(pairs):5} files: ours / theirs {one}, {two}; median file {each:.2f}")
    rates = {"imread": ours, "theirs, one by one": theirs, **ways}
    print("    " + ", ".join(f"{way} {len(pairs) / seconds:.0f}/s" for way, seconds in rates.items()), flush=True)
    if syntaxes:
        show_syntaxes(pairs, syntaxes)


def show_syntaxes(pairs: dict[str, Pair], syntaxes: dict[str, str]) -> None:
    """Where the time of one core goes."""
    groups: dict[str, list[Pair]] = defaultdict(list)
    for path, pair in pairs.items():
        groups[syntaxes[path]].append(pair)
    for syntax, members in sorted(groups.items(), key=lambda item: -sum(pair.ours for pair in item[1])):
        ours, theirs = (1e3 * sum(column) for column in zip(*members, strict=True))
        print(f"        {syntax:40} {len(members):4} files {ours:9.2f} ms, theirs {theirs:9.2f}: {theirs / ours:6.2f}")


def syntax_of(path: str) -> str:
    from pydicom.uid import UID

    with dd.open(path) as image:
        return UID(image.transfer_syntax).name


def test_files() -> str:
    from pydicom.data import get_testdata_file

    return str(Path(str(get_testdata_file("CT_small.dcm"))).parent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", metavar="FOLDER")
    parser.add_argument("--syntaxes", action="store_true", help="show in which transfer syntaxes the time goes")
    arguments = parser.parse_args()
    folders = arguments.folders or [test_files()]
    ours = dd.decode_batch(folders, values="stored", on_error="skip")
    paths = [str(each.source) for each in ours]
    print(f"{len(paths)} files in {', '.join(Path(folder).name for folder in folders)}", flush=True)
    syntaxes = {path: syntax_of(path) for path in paths} if arguments.syntaxes else {}
    for name in RIVALS:
        if importlib.util.find_spec(name) is None:
            print(f"{name:12} is not installed")
        else:
            compare(name, paths, syntaxes)


if __name__ == "__main__":
    main()
