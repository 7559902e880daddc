"""Our JPEG 2000 decoder as a share of OpenJPEG's processor time, through imagecodecs and through our own binding.

    python benchmarks/own_jpeg2000.py           all pictures
    python benchmarks/own_jpeg2000.py RGB 9/7   those whose name holds one of the words

The three take turns; the figure is the median of the rounds' ratios. Results are compared before anything is timed: 5/3
to the bit, 9/7 within 1. Exit code 1: a ratio is above 0.85.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator

import imagecodecs
import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)

from dicomdecode.codecs import _jpeg2000, jpeg2000  # noqa: E402
from dicomdecode.codecs._spec import FrameSpec  # noqa: E402

ROUNDS = 9
BOUND = 0.85
ROUND_SECONDS = 0.03


def waves(size: int, bits: int, noise: float, samples: int = 1) -> np.ndarray:
    rng = np.random.default_rng(1)
    y, x, s = np.mgrid[:size, :size, :samples]
    a = (np.sin(x / 37 + s) + np.cos(y / 29 - s) + 2) / 4 * (2**bits - 1) * 0.9 + rng.normal(0, noise, x.shape)
    return a.round().clip(0, 2**bits - 1).astype(np.uint8 if bits <= 8 else np.uint16)


def slice_of_ct(size: int) -> np.ndarray:
    """A disc of tissue with noise, a ring of bone, and nothing around."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:size, :size]
    r = np.hypot(x - size / 2, y - size / 2) / (size / 2)
    tissue = 1000 + 60 * np.sin(x / 9) * np.cos(y / 11) + rng.normal(0, 12, x.shape)
    a = np.where(r < 0.9, tissue, 24)
    a = np.where(np.abs(r - 0.8) < 0.03, 1900 + rng.normal(0, 30, x.shape), a)
    return a.round().clip(0, 4095).astype(np.uint16)[..., None]


def pictures() -> Iterator[tuple[str, np.ndarray, bytes]]:
    def row(name: str, a: np.ndarray, bits: int, level: float | None = None) -> tuple[str, np.ndarray, bytes]:
        flat = np.ascontiguousarray(a.squeeze(2) if a.shape[2] == 1 else a)
        options = {"codecformat": "j2k", "bitspersample": bits, "reversible": level is None, "level": level}
        return name, a, imagecodecs.jpeg2k_encode(flat, mct=a.shape[2] == 3, **options)

    yield row("CT 128x128, 12 bits, 5/3", slice_of_ct(128), 12)
    yield row("CT 512x512, 12 bits, 5/3", slice_of_ct(512), 12)
    yield row("1024x1024, 8 bits, 5/3", waves(1024, 8, 2), 8)
    yield row("1024x1024, 12 bits, 5/3", waves(1024, 12, 8), 12)
    yield row("1024x1024, 16 bits, 5/3", waves(1024, 16, 30), 16)
    yield row("1024x1024, 12 bits without noise, 5/3", waves(1024, 12, 0), 12)
    yield row("RGB 128x128, 5/3 and RCT", waves(128, 8, 3, 3), 8)
    yield row("RGB 512x512, 5/3 and RCT", waves(512, 8, 3, 3), 8)
    yield row("CT 512x512, 12 bits, 9/7", slice_of_ct(512), 12, 60)
    yield row("1024x1024, 12 bits, 9/7", waves(1024, 12, 8), 12, 65)
    yield row("RGB 512x512, 9/7 and ICT", waves(512, 8, 3, 3), 8, 42)


def compare(a: np.ndarray, stream: bytes) -> list[tuple[float, float]]:
    """For imagecodecs and for our binding: the ratio, and our time in seconds."""
    spec = FrameSpec(
        rows=a.shape[0], columns=a.shape[1], samples=a.shape[2], bits_allocated=8 * a.itemsize,
        bits_stored=8 * a.itemsize, signed=False, photometric="RGB" if a.shape[2] == 3 else "MONOCHROME2",
    )  # fmt: skip
    ours, theirs = np.empty_like(a), np.empty_like(a)
    works: list[Callable[[], object]] = [
        lambda: _jpeg2000.decode(stream, spec, ours),
        lambda: imagecodecs.jpeg2k_decode(stream),
        lambda: jpeg2000.decode_by_openjpeg(stream, spec, theirs),
    ]
    for work in works:
        work()
    reversible = str(jpeg2000.inspect_codestream(stream)["transform"]).startswith("5/3")
    if np.abs(ours.astype(int) - theirs).max() > (0 if reversible else 1):
        raise SystemExit("results differ")
    start = time.process_time()
    works[0]()
    number = max(1, round(ROUND_SECONDS / max(time.process_time() - start, 1e-6)))
    rounds: list[list[float]] = []
    for _ in range(ROUNDS):
        times = []
        for work in works:
            start = time.process_time()
            for _ in range(number):
                work()
            times.append((time.process_time() - start) / number)
        rounds.append(times)
    mine = statistics.median(times[0] for times in rounds)
    return [(statistics.median(times[0] / times[k] for times in rounds), mine) for k in (1, 2)]


def main(words: list[str]) -> int:
    missed = False
    print(f"{'':40} {'ours':>9}   of imagecodecs   of our binding")
    for name, a, stream in pictures():
        if words and not any(word in name for word in words):
            continue
        (by_imagecodecs, mine), (by_binding, _) = compare(a, stream)
        missed |= max(by_imagecodecs, by_binding) > BOUND
        print(f"{name:40} {mine * 1e3:6.2f} ms   {by_imagecodecs:14.3f} {by_binding:16.3f}", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
