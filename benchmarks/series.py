"""A series of files to one volume, against the other readers of series that are installed.

    pip install -r benchmarks/requirements.txt
    python benchmarks/series.py                 native, JPEG-LS and JPEG 2000, 200 slices of 512 x 512
    python benchmarks/series.py native --slices 60

All read the same folder and take turns; times are by the clock, since readers may use all processors, and the figure is
the median of the rounds' ratios. Processor time is shown beside it. A reader that is missing, or fails, is named with
the reason, and so is one whose voxels are others. Exit code 1: a bound was missed.
"""

from __future__ import annotations

import argparse
import glob
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)  # last: what is installed is measured, not the sources beside this file

import dicomdecode as dd  # noqa: E402
from benchmarks import samples  # noqa: E402

SYNTAXES = {"native": samples.EXPLICIT_LE, "JPEG-LS": "1.2.840.10008.1.2.4.80", "JPEG 2000": "1.2.840.10008.1.2.4.90"}
SIDE, BITS = 512, 12


class Reader(NamedTuple):
    """Another reader, and how many times as fast ours must be."""

    name: str
    read: Callable[[str], Any]
    bound: float


def ours(folder: str) -> Any:
    return dd.read_series(folder).array


def by_sitk(folder: str) -> Any:
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(folder))
    return sitk.GetArrayFromImage(reader.Execute())


def by_highdicom(folder: str) -> Any:
    import highdicom
    import pydicom

    datasets = [pydicom.dcmread(path) for path in glob.glob(os.path.join(folder, "*"))]
    return highdicom.get_volume_from_series(datasets, dtype=np.float32).array[::-1]


def by_monai(folder: str) -> Any:
    from monai.data import PydicomReader

    reader = PydicomReader(swap_ij=False)
    return np.moveaxis(reader.get_data(reader.read(folder))[0], -1, 0)


def by_monai_itk(folder: str) -> Any:
    from monai.data import ITKReader

    reader = ITKReader(reverse_indexing=True)
    return reader.get_data(reader.read(folder))[0]


def by_pydcm(folder: str) -> Any:
    import pydcm

    return pydcm.load_series(folder).pixels


OTHERS = (
    Reader("SimpleITK", by_sitk, 5),
    Reader("highdicom", by_highdicom, 5),
    Reader("MONAI (pydicom)", by_monai, 5),
    Reader("MONAI (ITK)", by_monai_itk, 5),
    Reader("pydcm", by_pydcm, 3),
)


def write(folder: str, syntax: str, slices: int) -> None:
    """A CT of `slices` files whose names and Instance Numbers go against their positions."""
    for k in range(slices):
        pixels = samples.picture(SIDE, SIDE, BITS) ^ (k % 7)
        extra = [
            samples.element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2"),
            samples.element(0x00080018, "UI", f"1.2.826.0.1.3680043.2.1125.2.{k + 1}"),
            samples.element(0x00080060, "CS", "CT"),
            samples.element(0x0020000D, "UI", "1.2.826.0.1.3680043.2.1125.4"),
            samples.element(0x0020000E, "UI", "1.2.826.0.1.3680043.2.1125.3"),
            samples.element(0x00200013, "IS", str(slices - k)),
            samples.element(0x00200032, "DS", f"-180\\-180\\{1.25 * k}"),
            samples.element(0x00200037, "DS", "1\\0\\0\\0\\1\\0"),
            samples.element(0x00200052, "UI", "1.2.826.0.1.3680043.2.1125.5"),
            samples.element(0x00280030, "DS", "0.7\\0.7"),
            samples.element(0x00281052, "DS", "-1024"),
            samples.element(0x00281053, "DS", "1"),
        ]
        frames = None if syntax == samples.EXPLICIT_LE else [samples.encode(pixels[0], syntax, BITS)]
        contents = samples.image(pixels, bits_stored=BITS, syntax=syntax, frames=frames, extra=extra)
        with open(os.path.join(folder, f"{(k * 37) % slices:04}.dcm"), "wb") as file:
            file.write(contents)


def usable(folder: str) -> list[Reader]:
    """The readers that give the right voxels; the others are named."""
    wanted = ours(folder)
    found = []
    for reader in OTHERS:
        try:
            voxels = np.asarray(reader.read(folder))
        except Exception as error:
            print(f"     not compared with {reader.name}: {type(error).__name__}: {str(error)[:90]}")
            continue
        if not (np.array_equal(voxels, wanted) or np.array_equal(voxels[::-1], wanted)):
            print(f"     {reader.name} gives other voxels")
        found.append(reader)
    return found


class Taken(NamedTuple):
    """Seconds."""

    clock: float
    processor: float


def timed(read: Callable[[str], Any], folder: str) -> Taken:
    began = Taken(time.perf_counter(), time.process_time())
    read(folder)
    return Taken(time.perf_counter() - began.clock, time.process_time() - began.processor)


def compare(name: str, slices: int, rounds: int) -> bool:
    """Print the lines of one transfer syntax; whether all bounds are reached."""
    reached = True
    with tempfile.TemporaryDirectory() as folder:
        write(folder, SYNTAXES[name], slices)
        readers = usable(folder)
        taken: dict[str, list[Taken]] = {reader.name: [] for reader in readers}
        own: list[Taken] = []
        for _ in range(rounds):
            own.append(timed(ours, folder))
            for reader in readers:
                taken[reader.name].append(timed(reader.read, folder))
        for reader in readers:
            pairs = list(zip(taken[reader.name], own, strict=True))
            ratio = statistics.median(theirs.clock / us.clock for theirs, us in pairs)
            work = statistics.median(theirs.processor / us.processor for theirs, us in pairs)
            theirs, us = (statistics.median(t.clock for t in each) for each in (taken[reader.name], own))
            reached &= ratio >= reader.bound
            print(
                f"{'ok  ' if ratio >= reader.bound else 'MISS'} {name:10} {ratio:6.1f} times as fast as "
                f"{reader.name:16} (at least {reader.bound:g}; processor time {work:.1f})   {us:.3f} s against "
                f"{theirs:.3f} s"
            )
    return reached


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--slices", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    names = [n for n in SYNTAXES if not arguments.words or any(word.lower() in n.lower() for word in arguments.words)]
    return 0 if all([compare(name, arguments.slices, arguments.rounds) for name in names]) else 1


if __name__ == "__main__":
    sys.exit(main())
