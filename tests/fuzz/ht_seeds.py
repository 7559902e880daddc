"""Writes seeds for ht: cleanup and refinement segments of single blocks, each behind six bytes of options.

python tests/fuzz/ht_seeds.py FOLDER
"""

from __future__ import annotations

import os
import sys

import numpy as np

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.codecs.ht_streams import cleanup_of, refined

SHAPES = [(16, 64), (5, 7), (1, 64), (64, 1), (33, 9), (16, 16), (2, 2), (11, 30)]


def main(folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    for k in range(64):
        rows, columns = SHAPES[k % len(SHAPES)]
        cleanup = cleanup_of(rows, columns, 2 + k % 13, k)
        passes, causal = k % 3, k % 2
        segment, _ = refined(cleanup.values, np.random.default_rng(k), bool(causal), passes) if passes else (b"", None)
        segment = segment[: min(255, (len(cleanup.data) + len(segment)) // 4)]
        options = bytes([columns - 1, rows - 1, passes > 0, cleanup.planes - 1, passes | causal << 2, len(segment)])
        with open(os.path.join(folder, f"seed{k}"), "wb") as f:
            f.write(options + cleanup.data + segment)


if __name__ == "__main__":
    main(sys.argv[1])
