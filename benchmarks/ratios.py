"""Prints what this package must reach, as ratios measured in one run.

    python benchmarks/ratios.py              all of them
    python benchmarks/ratios.py RLE import   those of a group that holds one of the words
    python benchmarks/ratios.py --json

What is compared takes turns, so that a slow moment of the machine is a slow moment for both; the figure is the median
of the rounds' ratios. Times are processor time, of all threads together: other processes do not enter, and threads buy
nothing. Results are checked for equality before anything is timed. Exit code 1: a bound was missed.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pydicom
from pydicom.pixels import apply_modality_lut, apply_voi_lut

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)  # last: what is installed is measured, not the sources beside this file

import dicomdecode as dd  # noqa: E402
from benchmarks import samples  # noqa: E402
from benchmarks.bench_header import TEN_TAGS  # noqa: E402

Work = Callable[[], Any]


@dataclass
class Figure:
    """One line of the report."""

    name: str
    ours: float  # seconds, or bytes
    theirs: float
    against: str
    ratio: float
    bound: float
    unit: str = "s"

    @property
    def reached(self) -> bool:
        return self.ratio <= self.bound

    def __str__(self) -> str:
        shown = _bytes if self.unit == "bytes" else _seconds
        word = "ok  " if self.reached else "MISS"
        return (
            f"{word} {self.name:62} {self.ratio:8.4f} of at most {self.bound:6.3f}   "
            f"{shown(self.ours)} against {shown(self.theirs)} ({self.against})"
        )


def _seconds(t: float) -> str:
    return f"{t * 1e6:.1f} us" if t < 1e-3 else f"{t * 1e3:.2f} ms"


def _bytes(n: float) -> str:
    return f"{n / 1e6:.2f} MB"


def _timed(work: Work, number: int) -> float:
    start = time.process_time()
    for _ in range(number):
        work()
    return (time.process_time() - start) / number


def _number(work: Work) -> int:
    """How often, so that one sample takes about 4 ms."""
    work()
    once = min(_timed(work, 1) for _ in range(3))
    return max(1, round(0.004 / max(once, 1e-7)))


def compare(name: str, ours: Work, theirs: dict[str, Work], bound: float, rounds: int = 41) -> Figure:
    """Ours against the fastest of theirs."""
    everyone = {"": ours, **theirs}
    numbers = {who: _number(work) for who, work in everyone.items()}
    times: dict[str, list[float]] = {who: [] for who in everyone}
    gc.collect()
    gc.disable()
    try:
        for i in range(rounds):
            order = list(everyone) if i % 2 else list(reversed(everyone))
            for who in order:
                times[who].append(_timed(everyone[who], numbers[who]))
    finally:
        gc.enable()
    fastest = min(theirs, key=lambda who: statistics.median(times[who]))
    ratio = statistics.median(a / b for a, b in zip(times[""], times[fastest], strict=True))
    medians = [statistics.median(times[who]) for who in ("", fastest)]
    return Figure(name, medians[0], medians[1], fastest, ratio, bound)


def _equal(a: Any, b: Any) -> None:
    assert np.array_equal(np.asarray(a).reshape(-1), np.asarray(b).reshape(-1)), "the results differ"


def xray() -> Iterator[Figure]:
    contents, pixels = samples.xray(), samples.picture(1024, 1024, 8).reshape(-1)
    raw = pixels.tobytes()

    def ours() -> Any:
        return dd.decode_dicom_image(contents, on_error="strict")

    def theirs() -> Any:
        return np.frombuffer(raw, np.uint8).astype(np.uint16)

    _equal(ours(), theirs())
    yield compare("X-ray 1024x1024, 8 bits, memory -> uint16", ours, {"frombuffer, astype": theirs}, 1.3)


def on_disk() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "x.dcm")
        contents = samples.radiograph()
        with open(path, "wb") as file:
            file.write(contents)
        pixels = samples.picture(2048, 2048, 16)[0]
        ready = np.empty(len(contents), np.uint8)
        out = np.empty_like(pixels)

        def readinto() -> None:
            with open(path, "rb", buffering=0) as file:
                file.readinto(ready)  # type: ignore[arg-type]

        def read_new() -> Any:
            new = np.empty(len(contents), np.uint8)
            with open(path, "rb", buffering=0) as file:
                file.readinto(new)  # type: ignore[arg-type]
            return new

        _equal(dd.imread(path, values="stored"), pixels)
        _equal(dd.imread(path, values="stored", out=out), pixels)
        name = "radiograph 2048x2048, 16 bits, disk -> stored values"
        yield compare(
            f"{name}, out=",
            lambda: dd.imread(path, values="stored", out=out),
            {"readinto, ready array": readinto},
            1.25,
        )
        yield compare(
            f"{name}, new array", lambda: dd.imread(path, values="stored"), {"readinto, new array": read_new}, 1.25
        )


def small_ct() -> Iterator[Figure]:
    contents = samples.small_ct()

    def ours() -> Any:
        return dd.decode_dicom_image(contents, on_error="strict", dtype=np.float32)

    def theirs() -> Any:
        return pydicom.dcmread(io.BytesIO(contents)).pixel_array

    def tags() -> None:
        image = dd.open(contents)
        for tag in TEN_TAGS:
            image.tag(tag)

    def their_tags() -> None:
        dataset = pydicom.dcmread(io.BytesIO(contents), stop_before_pixels=True)
        for tag in TEN_TAGS:
            dataset.get(tag)

    _equal(ours(), theirs())
    assert ours().shape == (128, 128)
    yield compare("CT_small.dcm, memory -> float32 (8 us where pydicom takes 1000)", ours, {"pydicom": theirs}, 0.008)
    # The bound is stated against the 1000 microseconds of pydicom's pixel_array, not against its own ten tags.
    yield compare("CT_small.dcm, open and ten tags (10 us where pydicom takes 1000)", tags, {"pydicom": theirs}, 0.010)
    yield compare("CT_small.dcm, open and ten tags, pydicom's time for the same", tags, {"pydicom": their_tags}, 0.1)


def rle() -> Iterator[Figure]:
    """Our whole file, header and all, against their bare decoding of its one frame."""
    import imagecodecs

    for name, side, bits, count in (("2048x2048, 16 bits", 2048, 16, 1), ("1024x1024, RGB", 1024, 8, 3)):
        contents, streams = samples.rle(side, bits, count)
        stream, kind = streams[0], np.dtype(f"<u{bits // 8}")
        cells = np.empty(side * side * count * kind.itemsize, np.uint8)
        theirs: dict[str, Work] = {
            "imagecodecs": lambda stream=stream, kind=kind, cells=cells: imagecodecs.dicomrle_decode(  # type: ignore[misc]
                stream, kind, out=cells
            )
        }
        planar = samples.picture(side, side, bits, 1, count).reshape(-1, count).T
        theirs["imagecodecs"]()
        _equal(cells.view(kind), planar)
        try:
            from rle.utils import decode_frame
        except ImportError:
            print("pylibjpeg-rle is not installed: RLE is measured without it", file=sys.stderr)
        else:
            theirs["pylibjpeg-rle"] = lambda stream=stream, n=side * side, bits=bits: decode_frame(stream, n, bits, "<")  # type: ignore[misc]
            _equal(np.frombuffer(theirs["pylibjpeg-rle"](), kind), planar)
        out = np.empty((side, side, count) if count > 1 else (side, side), kind)

        def ours(contents: bytes = contents, out: Any = out) -> Any:
            return dd.imread(contents, values="stored", out=out)

        _equal(ours(), planar.T)
        yield compare(f"RLE {name}, whole file against their bare frame", ours, theirs, 0.5)


#: Part of a name -> the bound against the codec alone; 1.05 for all others.
_BOUNDS = {"lossless": 0.6, "JPEG-LS": 0.8}


def codecs() -> Iterator[Figure]:
    """Whole files against the codec's own call on the frame; `competitors.py` has other readers of whole files."""
    for name, (_, side, bits, count, _) in samples.COMPRESSED.items():
        contents, streams = samples.compressed(name)
        kind = np.uint8 if bits == 8 else np.uint16
        # Both write the same memory: see `layers`.
        out = np.empty((side, side, 3) if count > 1 else (side, side), kind)
        decode = samples.bare_decoder(name)

        def ours(contents: bytes = contents, out: Any = out) -> Any:
            return dd.imread(contents, values="stored", out=out)

        def bare(decode: Any = decode, stream: bytes = streams[0], out: Any = out) -> Any:
            return decode(stream, out)

        _equal(ours().copy(), bare())
        bound = next((b for word, b in _BOUNDS.items() if word in name), 1.05)
        yield compare(f"{name}, whole file against the bare codec", ours, {"imagecodecs": bare}, bound, 11)


def layers() -> Iterator[Figure]:
    """What our layers add to a frame: 32 frames of 64x64, where the codec itself costs little; as a share of 20 us.

    Both write the same memory: libjpeg-turbo stores past the cache where that is aligned to 32 bytes, and a picture
    that fits in the cache takes twice the time then.
    """
    for name, (_, _, bits, count, _) in samples.COMPRESSED.items():
        contents, streams = samples.compressed(name, 64, 32)
        kind = np.uint8 if bits == 8 else np.uint16
        out = np.empty((32, 64, 64, 3) if count > 1 else (32, 64, 64), kind)
        decode = samples.bare_decoder(name)

        def ours(contents: bytes = contents, out: Any = out) -> Any:
            return dd.imread(contents, values="stored", out=out)

        def bare(decode: Any = decode, streams: list[bytes] = streams, out: Any = out) -> None:
            for stream, frame in zip(streams, out, strict=True):
                decode(stream, frame)

        measured = compare("", ours, {"imagecodecs": bare}, 0)
        added = (measured.ours - measured.theirs) / len(streams)
        yield Figure(f"layers, a frame of {name.split(',')[0]}", added, 20e-6, "20 us allowed", added / 20e-6, 1.0)


def threads() -> Iterator[Figure]:
    """Two threads against one, by the clock: tells something on an idle machine of two cores only."""
    for name in samples.COMPRESSED:
        contents, _ = samples.compressed(name, 1024, 8)
        out = dd.imread(contents, values="stored")
        times: dict[int, list[float]] = {1: [], 2: []}
        for _ in range(7):
            for count in times:
                start = time.perf_counter()
                dd.imread(contents, values="stored", threads=count, out=out)
                times[count].append(time.perf_counter() - start)
        ratio = statistics.median(b / a for a, b in zip(times[1], times[2], strict=True))
        medians = statistics.median(times[2]), statistics.median(times[1])
        yield Figure(
            f"two threads, 8 frames of 1024x1024, {name.split(',')[0]}", *medians, "one thread", ratio, 1 / 1.7
        )


def values() -> Iterator[Figure]:
    cells = samples.picture(512, 512, 16, signed=True)[0]
    slope = [samples.element(0x00281052, "DS", "-1024"), samples.element(0x00281053, "DS", "1.5")]
    contents = samples.image(cells[None], extra=slope)
    ready = np.empty(cells.shape, np.float32)

    def numpy() -> Any:
        np.multiply(cells, np.float32(1.5), out=ready, casting="unsafe")
        return np.add(ready, np.float32(-1024), out=ready)

    out = np.empty_like(ready)

    def ours() -> Any:
        return dd.imread(contents, out=out)

    assert np.allclose(ours(), numpy())
    yield compare("int16 512x512 -> float32 HU, whole file", ours, {"np.multiply, np.add": numpy}, 1.0)

    image = samples.radiograph(12)

    def show() -> Any:
        return dd.imread(image, values="display", window=(2048, 3000))

    def pydicom_shows() -> Any:
        dataset = pydicom.dcmread(io.BytesIO(image))
        dataset.WindowCenter, dataset.WindowWidth = 2048, 3000
        shown = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
        return np.rint(shown / 4095 * 255).astype(np.uint8)

    assert np.abs(show().astype(int) - pydicom_shows().astype(int)).max() <= 1
    yield compare("display, 2048x2048, 12 bits -> uint8, whole file", show, {"pydicom": pydicom_shows}, 0.1, rounds=11)


def importing() -> Iterator[Figure]:
    """The cost beyond NumPy's, as a share of the 20 ms allowed."""

    def spent() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    def run(modules: str) -> float:
        before = spent()
        subprocess.run([sys.executable, "-P", "-c", f"import {modules}"], check=True, env=environment)
        return spent() - before

    # An installed package has its byte code; a source tree has it after the first import, unless that is forbidden.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    both = ("numpy", "numpy, dicomdecode")
    times: dict[str, list[float]] = {modules: [run(modules) and 0.0] for modules in both}
    for i in range(25):
        for modules in both if i % 2 else both[::-1]:
            times[modules].append(run(modules))
    beyond = statistics.median(a - b for a, b in zip(times[both[1]][1:], times[both[0]][1:], strict=True))
    allowed = 0.020
    yield Figure("import dicomdecode, beyond import numpy", beyond, allowed, "allowed", beyond / allowed, 1.0)


_PEAK = """
import gc, sys
import numpy as np
import dicomdecode as dd
from benchmarks import samples
from benchmarks.ratios import PEAKS

path, name = sys.argv[1:]
keywords = PEAKS[name][1]
small = samples.image(samples.picture(8, 8, 12, 2), bits_stored=12)
for contents in (small, samples.rle(8, 16, 1, 2)[0]):
    dd.imread(contents, **keywords)  # what is loaded once is no part of a decode
with open(path, "rb") as file:
    contents = file.read()
gc.collect()

def status(key):
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(key))

before = status("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")
result = dd.imread(contents, **keywords)
print(status("VmHWM") - before, result.nbytes, result.nbytes // len(result))
"""

#: name -> file, keywords of imread. Frames are large, so that a second one would show.
PEAKS: dict[str, tuple[Callable[[], bytes], dict[str, Any]]] = {
    "native, 20 frames of 512x512 -> float32": (samples.series, {}),
    "native, 20 frames of 512x512 -> stored": (samples.series, {"values": "stored"}),
    "RLE, 6 frames of 1024x1024 -> float32": (lambda: samples.rle(1024, 16, 1, 6)[0], {}),
    "RLE, 6 frames of 1024x1024 -> stored": (lambda: samples.rle(1024, 16, 1, 6)[0], {"values": "stored"}),
}


def peak_memory() -> Iterator[Figure]:
    """What a decode adds to a process that holds the input, against output + one frame."""
    if not os.path.exists("/proc/self/clear_refs"):
        print("peak memory is measured on Linux only", file=sys.stderr)
        return
    for name, (make, _) in PEAKS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "x.dcm")
            with open(path, "wb") as file:
                file.write(make())
            code = f"import sys; sys.path.append({ROOT!r})\n{_PEAK}"
            command = [sys.executable, "-P", "-c", code, path, name]
            peaks = []
            for _ in range(3):
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                peak, output, frame = map(int, done.stdout.split())
                peaks.append(peak)
        allowed = output + frame
        peak = sorted(peaks)[1]
        # The allocator and its arenas: 256 kB are not a frame.
        ratio = max(0, peak - (256 << 10)) / allowed
        yield Figure(f"peak memory beyond the input: {name}", peak, allowed, "output + a frame", ratio, 1.0, "bytes")


GROUPS = {
    "X-ray": xray,
    "disk radiograph": on_disk,
    "CT header": small_ct,
    "RLE": rle,
    "values HU display": values,
    "codecs": codecs,
    "layers": layers,
    "threads": threads,
    "import": importing,
    "peak memory": peak_memory,
}


def measure_groups(groups: Mapping[str, Callable[[], Iterable[Figure]]], words: Sequence[str], *, as_json: bool) -> int:
    """Measure and print the groups whose names hold one of the words, or all. 1 if a figure misses its bound."""
    missed = 0
    for group, measure in groups.items():
        if words and not any(word.lower() in group.lower() for word in words):
            continue
        for figure in measure():
            missed += not figure.reached
            print(json.dumps({**vars(figure), "reached": figure.reached}) if as_json else figure, flush=True)
    return int(missed > 0)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python benchmarks/ratios.py", description="What must be reached, measured.")
    parser.add_argument("words", nargs="*", help=f"only groups that hold a word: {', '.join(GROUPS)}")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    arguments = parser.parse_args()
    print(f"dicomdecode {dd.__version__} of {os.path.dirname(dd.__file__)}", file=sys.stderr)
    return measure_groups(GROUPS, arguments.words, as_json=arguments.json)


if __name__ == "__main__":
    sys.exit(main())
