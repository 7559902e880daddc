"""What a region of a JPEG 2000 or HTJ2K picture costs: its share of the time of the whole, by its share of the area.

    python benchmarks/regions.py            all pictures
    python benchmarks/regions.py tiles HT   those whose name holds one of the words

No code-block can be decoded in part, so that a window costs the code-blocks that it touches, at every resolution. The
first column is the ratio of shares, the median over windows at random places; the second one is the same of the
coefficients in those code-blocks, counted; the third one is the first by the second. Exit code 1: windows of 16 or more
code-blocks along a side cost more than 1.5 of their area.
"""

from __future__ import annotations

import io
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import imagecodecs
import numpy as np
from PIL import Image

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
if ROOT not in sys.path:
    sys.path.append(ROOT)

from benchmarks.own_jpeg2000 import spec_of, waves  # noqa: E402
from dicomdecode.codecs import _jpeg2000  # noqa: E402

LEVELS = 5
BLOCK = 64
TILE = 512
PLACES = 5
ROUNDS = 5
#: Samples on either side of a window that the inverse wavelet needs of the sub-bands (T.800 F.3.7, halved).
REACH = {"5/3": 1, "9/7": 2}
MOST_OF_AREA, FROM_BLOCKS = 1.5, 16


class Picture(NamedTuple):
    name: str
    size: int
    tile: int
    kernel: str
    stream: bytes


def in_tiles(a: np.ndarray) -> bytes:
    """By Pillow: imagecodecs writes one tile."""
    file = io.BytesIO()
    Image.fromarray(a).save(file, "JPEG2000", no_jp2=True, tile_size=(TILE, TILE), num_resolutions=LEVELS + 1)
    return file.getvalue()


def pictures() -> Iterator[Picture]:
    for size in (2048, 4096):
        a = waves(size, 12, 8)[..., 0]
        for kernel, level in (("5/3", None), ("9/7", 60)):
            options = {"codecformat": "j2k", "bitspersample": 12, "reversible": level is None, "level": level}
            yield Picture(f"{size}, {kernel}", size, size, kernel, bytes(imagecodecs.jpeg2k_encode(a, **options)))
        yield Picture(f"{size}, 5/3, tiles of {TILE}", size, TILE, "5/3", in_tiles(a))
        yield Picture(f"HT {size}, 5/3", size, size, "5/3", bytes(imagecodecs.htj2k_encode(a)))


def touched(first: int, last: int, tile: int, level: int, high: bool, reach: int) -> int:
    """How many samples along one axis of a sub-band of one tile lie in code-blocks that a window of it needs."""
    step = 1 << level
    low = max(0, first // step - reach - high)
    end = min(tile // step, -(-last // step) + reach)
    return min(tile // step, -(-end // BLOCK) * BLOCK) - low // BLOCK * BLOCK


def coded(picture: Picture, row: int, column: int, side: int) -> float:
    """What share of all coefficients lies in the code-blocks that a window touches."""
    needed = 0
    for top in range(0, picture.size, picture.tile):
        for left in range(0, picture.size, picture.tile):
            y = max(row - top, 0), min(row + side - top, picture.tile)
            x = max(column - left, 0), min(column + side - left, picture.tile)
            if y[0] >= y[1] or x[0] >= x[1]:
                continue
            for level in range(1, LEVELS + 1):
                bands = ((0, 1), (1, 0), (1, 1)) + ((0, 0),) * (level == LEVELS)
                for down, across in bands:
                    height = touched(*y, picture.tile, level, bool(down), REACH[picture.kernel])
                    needed += height * touched(*x, picture.tile, level, bool(across), REACH[picture.kernel])
    return needed / picture.size**2


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def measure(picture: Picture, side: int, rng: np.random.Generator) -> tuple[float, float]:
    """The share of time by that of the area, and the share of code-blocks by the same."""
    whole = np.empty((picture.size, picture.size, 1), np.uint16)
    part = np.empty((side, side, 1), np.uint16)
    spec, area = spec_of(whole), (side / picture.size) ** 2
    places = rng.integers(0, picture.size - side + 1, (PLACES, 2)).tolist()
    ratios = []
    for _ in range(ROUNDS):
        all_of_it = seconds(lambda: _jpeg2000.decode(picture.stream, spec, whole))
        for row, column in places:
            one = seconds(lambda: _jpeg2000.decode(picture.stream, spec, part, 0, (row, column, side, side)))  # noqa: B023
            ratios.append(one / all_of_it)
    blocks = statistics.mean(coded(picture, row, column, side) for row, column in places)
    return statistics.median(ratios) / area, blocks / area


def main(words: list[str]) -> int:
    missed = False
    rng = np.random.default_rng(1)
    print(f"{'':26}{'window':>12}{'of area':>10}{'blocks':>10}{'of blocks':>10}")
    for picture in pictures():
        if words and not any(word in picture.name for word in words):
            continue
        side = picture.size // 2
        while side >= BLOCK:
            ratio, blocks = measure(picture, side, rng)
            bad = ratio > MOST_OF_AREA and side >= FROM_BLOCKS * BLOCK
            missed |= bad
            print(f"{picture.name:26}{side:>7} {side // BLOCK:>4}{ratio:>10.2f}{blocks:>10.2f}{ratio / blocks:>10.2f}"
                  f"{'  MISS' if bad else ''}", flush=True)  # fmt: skip
            side //= 2
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
