"""Our own decoders of single frames against imagecodecs' call on the same codestream, in one run.

    python benchmarks/own_codecs.py                 all
    python benchmarks/own_codecs.py "JPEG-LS RGB"   those whose name holds a text

As in `ratios.py`: processor time, both take turns, the median of the ratios, exit code 1 when a bound was missed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

import imagecodecs
import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)

from benchmarks import samples  # noqa: E402
from benchmarks.ratios import Figure, compare  # noqa: E402
from dicomdecode.codecs import jpegls  # noqa: E402
from dicomdecode.codecs._spec import FrameSpec  # noqa: E402

Array = Any


def without_noise(side: int, bits: int) -> Array:
    """A body of smooth grey levels in front of nothing."""
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    value = np.where(np.sqrt(x**2 + 1.3 * y**2) < 0.85, 0.5 + 0.36 * np.cos(2.5 * x) * np.cos(2 * y), 0)
    return (value * (2**bits - 1)).astype("u1" if bits <= 8 else "u2")


def small(bits: int, side: int, count: int = 1) -> list[Array]:
    """64 different frames: a processor learns the branches of one that is decoded again and again."""
    whole = samples.picture(1024, 1024, bits, 1, count)[0]
    at = np.random.default_rng(side).integers(100, 900 - side, (64, 2))
    return [np.ascontiguousarray(whole[y : y + side, x : x + side]) for y, x in at]


#: What is decoded: name -> frames, NEAR, the bound.
def cases() -> dict[str, tuple[list[Array], int, float]]:
    grey = {bits: samples.picture(1024, 1024, bits)[0] for bits in (8, 12, 16)}
    ct = np.frombuffer(samples.small_ct()[-2 * 128 * 128 :], "<u2").reshape(128, 128)
    rgb = samples.picture(1024, 1024, 8, 1, 3)[0]
    return {
        **{f"grey, {bits} bits": ([a], 0, 0.8) for bits, a in grey.items()},
        "grey, 8 bits, NEAR 2": ([grey[8]], 2, 1.0),
        "grey, 12 bits, NEAR 2": ([grey[12]], 2, 0.8),
        "CT, tiled to 1024x1024": ([np.tile(ct, (8, 8))], 0, 0.8),
        "RGB": ([rgb], 0, 0.85),
        "RGB, NEAR 2": ([rgb], 2, 1.0),
        "no noise, 8 bits": ([without_noise(1024, 8)], 0, 1.0),
        "no noise, 12 bits": ([without_noise(1024, 12)], 0, 1.0),
        "long runs, NEAR 3": ([without_noise(1024, 8)], 3, 1.0),
        "all zero, 8 bits": ([np.zeros_like(grey[8])], 0, 1.0),
        "all zero, 16 bits": ([np.zeros_like(grey[16])], 0, 1.0),
        **{
            f"64 frames of {side}x{side}, {b} bits": (small(b, side), 0, 0.8) for side in (128, 64) for b in (8, 12, 16)
        },
        "64 frames of 128x128, RGB": (small(8, 128, 3), 0, 0.85),
    }


def jpeg_ls(words: list[str]) -> Iterator[Figure]:
    for name, (frames, near, bound) in cases().items():
        if not all(word in f"JPEG-LS {name}" for word in words):
            continue
        a = frames[0]
        streams = [bytes(imagecodecs.jpegls_encode(frame, level=near)) for frame in frames]
        spec = FrameSpec(
            rows=a.shape[0],
            columns=a.shape[1],
            samples=a.shape[2] if a.ndim == 3 else 1,
            bits_allocated=8 * a.itemsize,
            bits_stored=8 * a.itemsize,
            signed=False,
            photometric="RGB" if a.ndim == 3 else "MONOCHROME2",
        )
        out, theirs = np.empty_like(a), np.empty_like(a)

        def ours(streams: list[bytes] = streams, spec: FrameSpec = spec, out: Array = out) -> None:
            for stream in streams:
                jpegls.decode(stream, spec, out)

        def charls(streams: list[bytes] = streams, out: Array = theirs) -> None:
            for stream in streams:
                imagecodecs.jpegls_decode(stream, out=out)

        ours()
        charls()
        assert np.array_equal(out, theirs), name
        yield compare(f"JPEG-LS {name}", ours, {"CharLS": charls}, bound, 15)


def main() -> int:
    missed = 0
    for figure in jpeg_ls(sys.argv[1:]):
        missed += not figure.reached
        print(figure, flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
