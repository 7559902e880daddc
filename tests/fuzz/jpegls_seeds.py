"""First inputs of the JPEG-LS fuzzer: small streams of every kind. python jpegls_seeds.py FOLDER"""

import sys
from pathlib import Path

import imagecodecs

from tests.codecs.streams import picture, plain


def main(folder: str) -> None:
    for bits in (2, 8, 12, 16):
        for samples in (1, 3):
            for near in (0, 1, 3):
                if near > (2**bits - 1) // 2:
                    continue
                a = picture(9, 14, samples, bits, seed=bits)
                stream = bytes(imagecodecs.jpegls_encode(plain(a), level=near))
                Path(folder, f"{bits}_{samples}_{near}").write_bytes(stream)


if __name__ == "__main__":
    main(sys.argv[1])
