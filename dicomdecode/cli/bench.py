"""`dicomdecode bench`: this machine, the user's own files, and the readers that are installed."""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import dicomdecode
from dicomdecode.cli.commands import Commands, add_files, positive
from dicomdecode.cli.files import find
from dicomdecode.cli.terminal import say, styled
from dicomdecode.cli.values import as_json
from dicomdecode.errors import DicomError
from dicomdecode.syntaxes import name_of

_Read = Callable[[str], object]


class _Measured(NamedTuple):
    """One file read by one reader; `seconds` is None where it failed."""

    reader: str
    syntax: str
    megabytes: float
    seconds: float | None


class _Rate(NamedTuple):
    """Megabytes of pixels a second; None where a reader reads no file of a transfer syntax."""

    syntax: str
    reader: str
    files: int
    megabytes: float | None


def _readers() -> dict[str, _Read]:
    """Those that are installed, this package first. All of them give stored values."""
    readers: dict[str, _Read] = {"dicomdecode": lambda path: dicomdecode.imread(path, values="stored")}

    def with_pydicom(path: str) -> object:
        import pydicom

        return pydicom.dcmread(path).pixel_array

    readers["pydicom"] = with_pydicom
    with contextlib.suppress(ImportError):
        import SimpleITK

        SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
        readers["SimpleITK"] = lambda path: SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))
    with contextlib.suppress(ImportError):
        import dicomsdl

        def with_dicomsdl(path: str) -> object:
            file = dicomsdl.open(path)
            return [file.pixelData(i, storedvalue=True) for i in range(int(file.NumberOfFrames or 1))]

        readers["dicomsdl"] = with_dicomsdl
    with contextlib.suppress(ImportError):
        import pydcm

        readers["pydcm"] = pydcm.decode
    with contextlib.suppress(ImportError):
        import gdcm

        def with_gdcm(path: str) -> object:
            reader = gdcm.ImageReader()
            reader.SetFileName(path)
            if not reader.Read():
                raise ValueError("not read")
            return reader.GetImage().GetBuffer()

        gdcm.Trace.WarningOff()
        gdcm.Trace.ErrorOff()
        readers["GDCM"] = with_gdcm
    return readers


def _seconds(read: _Read, path: str, repeats: int) -> float | None:
    """The median of the wall time, after one that does not count; None where it cannot read the file."""
    spent = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        try:
            read(path)
        except Exception:  # whatever a reader raises, it does not read this file
            return None
        spent.append(time.perf_counter() - start)
    return statistics.median(spent[1:])


def _run(arguments: argparse.Namespace) -> int:
    files, failed = find(arguments.files)
    readers = _readers()
    measured: list[_Measured] = []
    with warnings.catch_warnings(action="ignore"):
        for path in files[: arguments.most]:
            try:
                with dicomdecode.open(path) as image:
                    syntax, megabytes = name_of(image.transfer_syntax), image.pixels(values="stored").nbytes / 1e6
            except (DicomError, OSError):
                continue
            for name, read in readers.items():
                measured.append(_Measured(name, syntax, megabytes, _seconds(read, path, arguments.repeats)))
    if not measured:
        print("dicomdecode: no file could be decoded", file=sys.stderr)
        return 1
    rates = list(_rates(measured, list(readers)))
    if arguments.json:
        say("\n".join(as_json(rate._asdict()) for rate in rates))
    else:
        say("\n".join(_table(rates)))
    return int(failed)


def _rates(measured: list[_Measured], readers: list[str]) -> Iterator[_Rate]:
    """Megabytes of pixels a second, for each transfer syntax and reader; of the files that it reads."""
    for syntax in sorted({one.syntax for one in measured}):
        for name in readers:
            read = [m for m in measured if (m.syntax, m.reader) == (syntax, name) and m.seconds is not None]
            spent = sum(m.seconds or 0 for m in read)
            yield _Rate(syntax, name, len(read), sum(m.megabytes for m in read) / spent if read else None)


def _table(rates: list[_Rate]) -> Iterator[str]:
    """A line for each reader, below its transfer syntax: narrower than a terminal, however many readers there are."""
    for syntax in dict.fromkeys(rate.syntax for rate in rates):
        yield styled(syntax, "name")
        for rate in rates:
            if rate.syntax == syntax:
                speed = "-" if rate.megabytes is None else f"{rate.megabytes:.0f} MB/s"
                yield f"  {rate.reader:12}{speed:>12}   {rate.files} file{'s' * (rate.files != 1)}"


def add_to(commands: Commands) -> None:
    """The command `bench`."""
    parser = commands.add("bench", "time decoding of your own files, beside the other readers that are installed", _run)
    add_files(parser)
    parser.add_argument("--most", type=positive, default=200, help="how many files to measure; default: 200")
    parser.add_argument("--repeats", type=positive, default=3, help="how often to read each file; default: 3")
    parser.add_argument("--json", action="store_true", help="one JSON object for each transfer syntax and reader")
