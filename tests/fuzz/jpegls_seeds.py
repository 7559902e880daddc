"""First inputs of the JPEG-LS fuzzer: small streams of every kind. python jpegls_seeds.py FOLDER"""

import sys
from pathlib import Path

import imagecodecs
import numpy as np

sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.codecs.jpegls_encoder import LINE, NONE, SAMPLE, Parameters, encode, segment
from tests.codecs.streams import picture, plain


def main(folder: str) -> None:
    for bits in (2, 8, 12, 16):
        whole = (1 << bits) - 1
        for samples in (1, 3, 4):
            a = picture(9, 14, samples, bits, seed=bits).astype(int)
            a[3:, :9] = whole // 2
            for near in (0, 1):
                if samples < 4:
                    stream = bytes(imagecodecs.jpegls_encode(plain(a.astype("u1" if bits <= 8 else "u2")), level=near))
                    Path(folder, f"charls_{bits}_{samples}_{near}").write_bytes(stream)
                for interleave in (NONE, LINE, SAMPLE):
                    name = f"{bits}_{samples}_{near}_{interleave}"
                    plan = {"interleave": interleave, "restart": 4 * near}
                    Path(folder, name).write_bytes(encode(a, bits, Parameters(whole, near), **plan)[0])
                    odd = Parameters(whole - near, near, 2, 2, 2, 5)
                    Path(folder, f"{name}_preset").write_bytes(encode(a.clip(0, whole - near), bits, odd, **plan)[0])
    rng = np.random.default_rng(0)
    for name, a in (("long", rng.integers(0, 30000, (70, 90))), ("long_rgb", rng.integers(0, 120, (60, 70, 3)))):
        kind = np.uint16 if a.max() > 255 else np.uint8
        Path(folder, name).write_bytes(bytes(imagecodecs.jpegls_encode(a.astype(kind))))
    a = picture(9, 14, 3, 8)
    for transform in range(1, 4):
        extra = segment(0xE8, b"mrfx" + bytes([transform]))
        Path(folder, f"hp{transform}").write_bytes(encode(a, 8, interleave=LINE, extra=extra)[0])
    for width in (1, 2):
        table = segment(0xF8, bytes([2, 7, width]) + bytes(range(200)))
        table += segment(0xF8, bytes([3, 7, width]) + bytes(width * 256 - 200))
        stream = encode(a, 8, interleave=SAMPLE, extra=table, tables={0: 7, 2: 7}, lines=0)[0]
        Path(folder, f"table{width}").write_bytes(stream)


if __name__ == "__main__":
    main(sys.argv[1])
