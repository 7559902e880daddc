"""`convert` against its parts: `decode_batch` alone, then the writer alone, for 5,000 small files and 300 large ones.

    pip install 'dicomdecode[export]'
    python benchmarks/export.py                    every format whose library is there
    python benchmarks/export.py npy zarr --small 500 --large 30

The figure is (decode_batch + writer) / convert, by the clock: 1 where nothing is lost between them, more where they
overlap. Writing takes most of it, and how long that takes is the disk's affair. Exit code 1: a bound was missed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)  # last: what is installed is measured, not the sources beside this file

import dicomdecode as dd  # noqa: E402
from benchmarks import samples  # noqa: E402
from dicomdecode.export.formats import FORMATS  # noqa: E402
from dicomdecode.export.records import Record  # noqa: E402
from dicomdecode.export.units import Each, Unit  # noqa: E402
from dicomdecode.export.work import UnitWriter  # noqa: E402

BOUND = 0.8


def decode(folder: Path) -> float:
    began = time.perf_counter()
    for each in dd.decode_batch(folder):
        assert each.error is None
    return time.perf_counter() - began


def write(name: str, files: list[Path], target: Path) -> float:
    """Encode and write the pixels of the first file as often as there are files."""
    chosen = FORMATS[name]
    pixels = dd.imread(files[0], values=chosen.values)
    began = time.perf_counter()
    for first in range(0, len(files), chosen.per_unit):
        each = tuple(Each(i, "", 0, None) for i in range(first, min(first + chosen.per_unit, len(files))))
        writer = UnitWriter(target, name, Unit(first // chosen.per_unit, each))
        for one in each:
            writer.add(one, chosen.encode(Record(one.index, pixels, False, {})))
        writer.finish()
    return time.perf_counter() - began


def convert(name: str, folder: Path, target: Path, count: int) -> float:
    began = time.perf_counter()
    report = dd.convert(folder, target, format=name)
    assert report.done == count, report
    return time.perf_counter() - began


def compare(name: str, side: int, count: int, rounds: int) -> bool:
    """Print a line; whether the bound is reached. The parts take turns, and the figure is the median of the rounds."""
    found = []
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "in").mkdir()
        contents = samples.image(samples.picture(side, side, 12), bits_stored=12)
        files = [folder / "in" / f"{k:05}.dcm" for k in range(count)]
        for file in files:
            file.write_bytes(contents)
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(dir=made) as alone, tempfile.TemporaryDirectory(dir=made) as out:
                decoding, writing = decode(folder / "in"), write(name, files, Path(alone))
                taken = convert(name, folder / "in", Path(out), count)
            found.append(((decoding + writing) / taken, taken, decoding, writing))
    ratio, taken, decoding, writing = sorted(found)[len(found) // 2]
    print(
        f"{'ok  ' if ratio >= BOUND else 'MISS'} {name:10} {count:5} files of {side:4} x {side:<4}  {ratio:.2f} of at "
        f"least {BOUND}   {taken:.2f} s against {decoding:.2f} s + {writing:.2f} s",
        flush=True,
    )
    return ratio >= BOUND


def main() -> int:
    # A volume is no file, and a table of tags has no pixels: their parts cannot be told apart so.
    names = [name for name, chosen in FORMATS.items() if chosen.with_pixels and not chosen.by_series]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", metavar="format", help=f"of {', '.join(names)}")
    parser.add_argument("--small", type=int, default=5000)
    parser.add_argument("--large", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    reached = True
    for name in arguments.formats or names:
        library = FORMATS[name].library
        if library and importlib.util.find_spec(library) is None:
            print(f"     not measured: {name} needs {library}")
            continue
        for side, count in ((128, arguments.small), (1024, arguments.large)):
            reached &= compare(name, side, count, arguments.rounds)
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
