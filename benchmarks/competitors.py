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
from typing import Any, NamedTuple

import numpy as np
import pydicom
from pydicom.pixels import get_decoder, pixel_array

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)  # last: what is installed is measured, not the sources beside this file

import dicomdecode as dd  # noqa: E402
from benchmarks import samples  # noqa: E402

Work = Callable[[], Any]
Reader = Callable[[str], Any]


class Case(NamedTuple):
    """A transfer syntax, and at most what share of the fastest other reader's time its files may take."""

    name: str
    suffix: str  # of the transfer syntax UID
    small: float  # 128x128 and 512x512, 12 bits
    large: float  # 2048x2048, 12 bits, and 1024x1024 RGB
    threads: int = 1
    others: int = 1  # processors that the other readers may use; some then use as many threads


class Picture(NamedTuple):
    """What is in a file."""

    name: str
    side: int
    is_rgb: bool = False

    @property
    def is_small(self) -> bool:
        return self.side <= 512


CASES = (
    Case("native", "1", 0.9, 1.0),
    Case("RLE", "5", 0.9, 0.5),
    Case("lossless JPEG", "4.70", 0.9, 0.6),
    Case("JPEG", "4.51", 1.0, 1.05),
    Case("JPEG-LS", "4.80", 1.0, 0.8),
    Case("JPEG 2000", "4.90", 1.1, 1.05),
    Case("JPEG 2000, two threads against one", "4.90", 1.1, 0.7, threads=2),
    Case("JPEG 2000, two threads each", "4.90", 1.1, 1.0, threads=2, others=2),
    Case("HTJ2K", "4.201", 1.1, 1.05),
)
PICTURES = (
    Picture("128x128, 12 bits", 128),
    Picture("512x512, 12 bits", 512),
    Picture("2048x2048, 12 bits", 2048),
    Picture("1024x1024 RGB", 1024, is_rgb=True),
)
ROUNDS = 15
LOSSY = ("4.50", "4.51")
ALL_PROCESSORS = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def readers(uid: str) -> tuple[dict[str, Reader], list[str]]:
    """Other readers of whole files that can be imported, and the names of those that can not."""
    found: dict[str, Reader] = {}
    missing: list[str] = []

    def add(name: str, make: Callable[[], Reader]) -> None:
        try:
            found[name] = make()
        except ImportError:
            missing.append(f"{name} (not installed)")

    def simple_itk() -> Reader:
        import SimpleITK

        return lambda path: SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))

    def dicomsdl() -> Reader:
        import dicomsdl

        return lambda path: dicomsdl.open(path).pixelData(storedvalue=True)

    def pydcm() -> Reader:
        import pydcm

        return lambda path: pydcm.decode(path)

    def gdcm() -> Reader:
        import gdcm

        def read(path: str) -> Any:
            reader = gdcm.ImageReader()
            reader.SetFileName(path)
            if not reader.Read():
                raise ValueError("not read")
            image = reader.GetImage()
            cells = image.GetBuffer().encode("utf-8", errors="surrogateescape")
            return np.frombuffer(cells, image.GetPixelFormat().GetScalarTypeAsString().lower())

        return read

    for name, make in (("SimpleITK", simple_itk), ("dicomsdl", dicomsdl), ("pydcm", pydcm), ("GDCM", gdcm)):
        add(name, make)
    decoder = get_decoder(uid)
    if not decoder.is_encapsulated:
        found["pydicom"] = lambda path: pixel_array(pydicom.dcmread(path))
    for plugin in decoder.available_plugins:
        found[f"pydicom + {plugin}"] = lambda path, plugin=plugin: pixel_array(
            pydicom.dcmread(path), decoding_plugin=plugin
        )
    missing += [f"pydicom + {reason}" for reason in decoder.missing_dependencies]
    return found, missing


def contents_of(case: Case, picture: Picture) -> bytes:
    """RGB of 8 bits, or monochrome of 12 bits."""
    uid = f"1.2.840.10008.1.2.{case.suffix}"
    bits, count = (8, 3) if picture.is_rgb else (12, 1)
    pixels = samples.picture(picture.side, picture.side, bits, 1, count)
    photometric = "MONOCHROME2"
    if picture.is_rgb:
        photometric = "YBR_FULL_422" if case.suffix in LOSSY else "RGB"
    frames = None
    if case.suffix == "5":
        frames = [samples.rle_frame(frame) for frame in pixels]
    elif case.suffix != "1":
        frames = [samples.encode(frame, uid, bits) for frame in pixels]
    return samples.image(pixels, bits_stored=bits, photometric=photometric, syntax=uid, frames=frames)


def same(ours: Any, theirs: Any, lossy: bool) -> bool:
    if theirs.size != ours.size:
        return False
    difference = ours.reshape(-1).astype(np.int64) - np.asarray(theirs).reshape(-1)
    # Decoders of lossy JPEG differ in the inverse transform, in how chroma is brought to full size, and in rounding.
    return bool(np.abs(difference).mean() < 2 if lossy else not difference.any())


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
