"""`convert` against its parts: reading alone, then the writer alone, for 5,000 small files and 300 large ones.

    pip install 'dicomdecode[export]'
    python benchmarks/export.py                    every format whose library is there
    python benchmarks/export.py npy zarr --small 500 --large 30
    python benchmarks/export.py --folder /dev/shm  a folder in memory leaves the disk out, and takes a few minutes

Reading is `decode_batch`; for NIfTI `read_series` of 50 slices at a time, and for Parquet `read_tags`.
The figure is (reading + writer) / convert, by the clock: 1 where nothing is lost between them, more where they
overlap. Writing takes most of it, and how long that takes is the disk's affair. Behind it stands the same by the time
of the processor, which a busy machine spoils less. Exit code 1: a bound was missed.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.util
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)  # last: what is installed is measured, not the sources beside this file

import dicomdecode as dd  # noqa: E402
from benchmarks import samples  # noqa: E402
from dicomdecode.export.formats import FORMATS, Format  # noqa: E402
from dicomdecode.export.records import Reading, read_record  # noqa: E402
from dicomdecode.export.units import Each, Unit  # noqa: E402
from dicomdecode.export.work import UnitWriter  # noqa: E402
from dicomdecode.limits import limits_of  # noqa: E402
from dicomdecode.tables.columns import Cells, columns_of  # noqa: E402

BOUND = 0.8
SLICES = 50
TAGS = ["Modality", "SOPInstanceUID"]


def write_sources(folder: Path, side: int, count: int) -> list[Path]:
    """Series of `SLICES` files each."""
    folder.mkdir()
    pixels = samples.picture(side, side, 12)
    files = [folder / f"{k:05}.dcm" for k in range(count)]
    for k, file in enumerate(files):
        extra = [
            samples.element(0x00080018, "UI", f"1.2.826.0.1.3680043.2.1125.2.{k + 1}"),
            samples.element(0x0020000E, "UI", f"1.2.826.0.1.3680043.2.1125.3.{k // SLICES + 1}"),
            samples.element(0x00200032, "DS", f"0\\0\\{k}"),
            samples.element(0x00200037, "DS", "1\\0\\0\\0\\1\\0"),
            samples.element(0x00280030, "DS", "1\\1"),
        ]
        file.write_bytes(samples.image(pixels, bits_stored=12, extra=extra))
    return files


def series_of(files: list[Path]) -> list[tuple[Path, ...]]:
    return [tuple(files[first : first + SLICES]) for first in range(0, len(files), SLICES)]


class Taken(NamedTuple):
    """Seconds."""

    clock: float
    processor: float

    @classmethod
    def now(cls) -> Taken:
        return cls(time.perf_counter(), time.process_time())

    def until_now(self) -> Taken:
        now = Taken.now()
        return Taken(now.clock - self.clock, now.processor - self.processor)


def read(chosen: Format, files: list[Path]) -> Taken:
    began = Taken.now()
    if chosen.by_series:
        for each in series_of(files):
            dd.read_series(each)
    elif not chosen.with_pixels:
        dd.read_tags(files, TAGS)
    else:
        for found in dd.decode_batch(files, values=chosen.values):
            assert found.error is None
    return began.until_now()


def write(name: str, files: list[Path], target: Path) -> Taken:
    """Encode and write what the first source holds as often as there are sources."""
    chosen = FORMATS[name]
    sources: list[Any] = series_of(files) if chosen.by_series else list(files)
    keywords = {"values": chosen.values} if chosen.with_pixels else {}
    reading = Reading(keywords, Cells(columns_of(TAGS, None)), limits_of(None), chosen.with_pixels, chosen.by_series)
    record = read_record(0, sources[0], reading, 1)
    began = Taken.now()
    for first in range(0, len(sources), chosen.per_unit):
        each = tuple(Each(i, "", 0, None) for i in range(first, min(first + chosen.per_unit, len(sources))))
        writer = UnitWriter(target, name, Unit(first // chosen.per_unit, each))
        for one in each:
            writer.add(one, chosen.encode(dataclasses.replace(record, index=one.index)))
        writer.finish()
    return began.until_now()


def convert(name: str, files: list[Path], target: Path) -> Taken:
    began = Taken.now()
    report = dd.convert(files, target, format=name, tags=TAGS)
    assert report.failed == 0 and report.done, report
    return began.until_now()


class Round(NamedTuple):
    """The parts, and the whole."""

    reading: Taken
    writing: Taken
    whole: Taken

    @property
    def ratio(self) -> float:
        return (self.reading.clock + self.writing.clock) / self.whole.clock

    @property
    def work(self) -> float:
        """The same by the time of the processor."""
        return (self.reading.processor + self.writing.processor) / self.whole.processor


def compare(name: str, side: int, count: int, rounds: int, folder: str | None) -> bool:
    """Print a line; whether the bound is reached. The parts take turns, and the figure is the median of the rounds."""
    found: list[Round] = []
    with tempfile.TemporaryDirectory(dir=folder) as made:
        files = write_sources(Path(made) / "in", side, count)
        with tempfile.TemporaryDirectory(dir=made) as out:
            convert(name, files[:SLICES], Path(out))  # which imports what the format needs
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(dir=made) as alone, tempfile.TemporaryDirectory(dir=made) as out:
                reading, writing = read(FORMATS[name], files), write(name, files, Path(alone))
                found.append(Round(reading, writing, convert(name, files, Path(out))))
    middle = sorted(found, key=lambda each: each.ratio)[len(found) // 2]
    print(
        f"{'ok  ' if middle.ratio >= BOUND else 'MISS'} {name:10} {count:5} files of {side:4} x {side:<4}  "
        f"{middle.ratio:.2f} of at least {BOUND} (processor {middle.work:.2f})   {middle.whole.clock:.2f} s against "
        f"{middle.reading.clock:.2f} s + {middle.writing.clock:.2f} s",
        flush=True,
    )
    return middle.ratio >= BOUND


def main() -> int:
    names = list(FORMATS)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", metavar="format", help=f"of {', '.join(names)}")
    parser.add_argument("--small", type=int, default=5000)
    parser.add_argument("--large", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--folder", help="where files are written; default: where temporary files are")
    arguments = parser.parse_args()
    reached = True
    for name in arguments.formats or names:
        library = FORMATS[name].library
        if library and importlib.util.find_spec(library) is None:
            print(f"     not measured: {name} needs {library}")
            continue
        for side, count in ((128, arguments.small), (1024, arguments.large)):
            reached &= compare(name, side, count, arguments.rounds, arguments.folder)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
