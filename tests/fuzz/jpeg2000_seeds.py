"""Writes seeds for jpeg2000: small streams of many kinds, each behind two bytes of options.

python tests/fuzz/jpeg2000_seeds.py FOLDER
"""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from typing import Any

import imagecodecs
import numpy as np

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.codecs import jpeg2000_encoder
from tests.codecs.ht_streams import CAUSAL, HT, MIXED, cleanup_of, one_block, refined
from tests.codecs.openjpeg_encoder import ORDERS, encode, packed
from tests.codecs.streams import picture


def options_of(k: int, order: str, style: int, samples: int) -> dict[str, Any]:
    options: dict[str, Any] = {"order": order, "style": style, "resolutions": 1 + k % 5}
    options |= {"eph": k % 2 == 0, "sop": k % 2 == 0, "transform": samples == 3 and k % 3 == 0}
    if k % 3 == 1:
        options |= {"tile": (11, 9), "image_offset": (5, 3), "resolutions": 1 + k % 3}
    if k % 4 == 1:
        options |= {"precincts": [(8, 16)] * 2, "blocks": (4, 8)}
    if k % 4 == 2:
        options["blocks"] = (1024, 4) if k % 8 == 2 else (4, 1024)
    if k % 6 == 5 and samples == 3:
        options |= {"steps": [(1, 1), (2, 1 + k % 2), (2, 1)], "transform": False}
    if k % 5 == 2:
        options["rates"] = [8, 4, 0]
    if k % 7 == 3:
        options["irreversible"] = True
    elif k % 7 == 5:
        options["roi"] = (0, 12)
    return options


def main(folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    rng = np.random.default_rng(1)
    for k, (style, order, samples) in enumerate(itertools.product((0, 1, 2, 4, 5, 8, 32, 63), ORDERS, (1, 3))):
        bits = (8, 12, 16)[k % 3]
        options = options_of(k, order, style, samples)
        try:
            stream = encode(picture(13, 19, samples, bits, signed=k % 11 == 0, seed=k), bits, **options)
        except ValueError:  # OpenJPEG gives up where markers outweigh the pixels
            continue
        if options["sop"] and k % 4 == 0:
            stream = packed(stream, "PPM" if k % 8 else "PPT")
        first = (0x20 if bits > 8 else 0) | int(rng.integers(16))
        with open(os.path.join(folder, f"seed{k}"), "wb") as f:
            f.write(bytes([first, int(rng.integers(256))]) + stream)
    for k, stream in enumerate(wide_streams()):
        with open(os.path.join(folder, f"wide{k}"), "wb") as f:
            f.write(bytes([0x40 | int(rng.integers(16)), int(rng.integers(256))]) + stream)
    for k, stream in enumerate(ht_streams()):
        with open(os.path.join(folder, f"ht{k}"), "wb") as f:
            f.write(bytes([0x20 | int(rng.integers(16)), int(rng.integers(256))]) + stream)


def wide_streams() -> Iterator[bytes]:
    """What needs 64 bits: samples of up to 32 bits, a region of interest."""
    rng = np.random.default_rng(2)
    for bits, samples in ((27, 1), (32, 1), (32, 3)):
        a = rng.integers(0, 1 << bits, (11, 13, samples)).astype(np.uint32)
        yield jpeg2000_encoder.encode(a, bits, levels=samples, transform=samples == 3)
    a = picture(11, 13, 1, 8)
    yield jpeg2000_encoder.encode(a, 8, region=np.eye(11, 13, dtype=bool), shift=37)


def ht_streams() -> Iterator[bytes]:
    """HTJ2K: of OpenJPH, and single blocks with refinement and placeholders, pure and mixed."""
    for k, samples in itertools.product(range(4), (1, 3)):
        a = picture(13, 19, samples, 8, seed=k)
        a = a[..., 0] if samples == 1 else a
        yield bytes(
            imagecodecs.htj2k_encode(a, reversible=k % 2 == 0, resolutions=1 + k, tile=(8, 8) if k > 1 else None)
        )
    for style, passes in itertools.product((HT, HT | CAUSAL, MIXED), (0, 1, 2)):
        cleanup = cleanup_of(11, 18, 4, passes)
        segments = [(4, cleanup.data)]
        if passes:
            segments.append(
                (passes, refined(cleanup.values, np.random.default_rng(1), style == HT | CAUSAL, passes)[0])
            )
        sizes = {"planes": cleanup.planes + 1, "zero_planes": cleanup.planes - 2, "most_bits": 10}
        yield one_block((11, 18), segments, style=style, **sizes)


if __name__ == "__main__":
    main(sys.argv[1])
