"""What a process keeps of decodes that are over: bytes and descriptors, for each transfer syntax.

    python -m tests.hostile.growth [-n DECODES] [SYNTAX ...]

Every second file is damaged. Each syntax has a child of its own, which prints one line of JSON after a warm-up of a
tenth of the decodes and the decodes themselves.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import dicomdecode as dd
from tests import synthesise as s
from tests.hostile.measuring import give_back

ROOT = "1.2.840.10008.1.2."
PIXELS = np.random.default_rng(0).integers(0, 4096, (16, 16), np.uint16)
COLOUR = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)


def coded(syntax: str, streams: list[bytes], pixels: np.ndarray, **options: Any) -> bytes:
    head = s.image(pixels, syntax=syntax, without=[s.PIXEL_DATA], **options)
    return head + s.elements(s.encapsulate(streams))


def video(codec: str, container: str, syntax: str) -> bytes:
    import av

    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as output:
        track = output.add_stream(codec, rate=25)
        track.width, track.height, track.pix_fmt = 64, 48, "yuv420p"
        for i in range(2):
            picture = np.full((48, 64, 3), 60 * i, np.uint8)
            output.mux(track.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(track.encode())
    return coded(syntax, [stream.getvalue()], np.zeros((2, 48, 64, 3), np.uint8), photometric="YBR_PARTIAL_420")


def _encoded(last: str, encode: Callable[..., Any], pixels: np.ndarray, **options: Any) -> Callable[[], bytes]:
    return lambda: coded(ROOT + last, [bytes(encode(pixels))], pixels, **options)


def files() -> dict[str, Callable[[], bytes]]:
    """Name -> a small file of each transfer syntax."""
    import imagecodecs as ic

    grey = (PIXELS & 255).astype(np.uint8)
    found = {
        name: lambda syntax=syntax: s.image(PIXELS, syntax=syntax, bits_stored=12)
        for name, syntax in (
            ("implicit", s.IMPLICIT_LE),
            ("explicit", s.EXPLICIT_LE),
            ("big-endian", s.EXPLICIT_BE),
            ("deflated", s.DEFLATED),
            ("encapsulated", s.ENCAPSULATED_UNCOMPRESSED),
            ("deflated-frames", s.DEFLATED_FRAME),
            ("RLE", s.RLE),
        )
    }
    found |= {
        "JPEG": _encoded("4.50", ic.jpeg8_encode, grey),
        "JPEG-colour": _encoded("4.50", ic.jpeg8_encode, COLOUR, photometric="YBR_FULL_422"),
        "JPEG-12-bit": _encoded("4.51", lambda a: ic.jpeg8_encode(a, bitspersample=12), PIXELS, bits_stored=12),
        "lossless-JPEG": _encoded("4.70", ic.ljpeg_encode, PIXELS),
        "JPEG-LS": _encoded("4.80", ic.jpegls_encode, PIXELS),
        "JPEG-2000": _encoded("4.90", lambda a: ic.jpeg2k_encode(a, level=0, codecformat="j2k"), PIXELS),
        "HTJ2K": _encoded("4.201", lambda a: ic.htj2k_encode(a, reversible=True), PIXELS),
        "JPEG-XL": _encoded("4.110", lambda a: ic.jpegxl_encode(a, lossless=True), PIXELS),
    }
    with contextlib.suppress(ImportError):
        import av  # noqa: F401

        found |= {
            "MPEG-2": lambda: video("mpeg2video", "mpeg2video", ROOT + "4.100"),
            "H.264": lambda: video("libx264", "mp4", ROOT + "4.102"),
            "HEVC": lambda: video("libx265", "mpegts", ROOT + "4.107"),
        }
    return found


def damaged(whole: bytes, count: int) -> Iterator[bytes]:
    """Copies whose pixel data are cut or changed; a decode may still give something of a few."""
    start = max(132, whole.rfind(s.tag_bytes(s.PIXEL_DATA)) + 20)
    for i in range(count):
        rng = random.Random(i)
        copy = bytearray(whole)
        for _ in range(3):
            copy[rng.randrange(start, len(copy))] ^= rng.randrange(1, 256)
        yield bytes(copy[: rng.randrange(start, len(copy))])


def resident() -> int:
    """Bytes of this process in memory, but for those of files. What is freed is given back before it is counted."""
    give_back()
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("RssAnon"))
    return 1024 * int(line.split()[1])


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def grown(whole: bytes, decodes: int) -> dict[str, int]:
    """Decode a file and damaged copies of it in turns: how many failed, and what the process has more than before."""
    broken = list(damaged(whole, 50))
    failed = 0

    def decode(count: int) -> None:
        nonlocal failed
        for i in range(count):
            try:
                dd.imread(broken[i // 2 % len(broken)] if i % 2 else whole, values="stored")
            except dd.DicomError:
                failed += 1

    decode(max(100, decodes // 10))
    before, opened, failed = resident(), descriptors(), 0
    decode(decodes)
    return {"failed": failed, "bytes": resident() - before, "descriptors": descriptors() - opened}


def in_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    read_end, write_end = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(write_end, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with os.fdopen(read_end) as told:
        found: dict[str, Any] = json.loads(told.read() or "{}")
    os.waitpid(child, 0)
    return found


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="growth")
    parser.add_argument("-n", type=int, default=20_000)
    parser.add_argument("syntaxes", nargs="*")
    asked = parser.parse_args(arguments)
    for name, build in files().items():
        if not asked.syntaxes or name in asked.syntaxes:
            print(json.dumps({"name": name} | in_child(lambda build=build: grown(build(), asked.n))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
