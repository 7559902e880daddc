"""HTJ2K streams that no encoder at hand writes: one code-block each, with refinement passes, placeholders, or mixed.

The cleanup segments are OpenJPH's, of the lowest resolution of a picture. What refines them is written here, from ITU-T
T.814 clauses 7.4 and 7.5, bit by bit.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import imagecodecs
import numpy as np

from dicomdecode.codecs import jpeg2000
from tests.codecs.streams import picture, spec_of

HT, MIXED, CAUSAL = 0x40, 0xC0, 8


class Cleanup(NamedTuple):
    """A cleanup segment that holds all bit-planes."""

    data: bytes
    values: np.ndarray  # the coefficients, [rows, columns]
    planes: int  # Mb


class HeaderBits:
    """Bits of a packet header, read or written, with a 0 behind each byte 0xFF (T.800 B.10.1)."""

    def __init__(self, data: bytes = b"") -> None:
        self.bits: list[int] = []
        self.size = 0
        after = False
        for byte in data:
            self.bits += [byte >> k & 1 for k in range(6 if after else 7, -1, -1)]
            after = byte == 0xFF

    def take(self, n: int) -> int:
        value = 0
        for _ in range(n):
            value = value << 1 | self.bits.pop(0)
            self.size += 1
        return value

    def put(self, value: int, n: int) -> None:
        self.bits += [value >> k & 1 for k in range(n - 1, -1, -1)]

    def written(self) -> bytes:
        out = bytearray()
        bits = list(self.bits)
        while bits or (out and out[-1] == 0xFF):
            n = 7 if out and out[-1] == 0xFF else 8
            taken = (bits[:n] + [0] * n)[:n]
            del bits[:n]
            out.append(int("".join(map(str, taken)), 2))
        return bytes(out)


def cleanup_of(rows: int, columns: int, bits: int, seed: int) -> Cleanup:
    """That of a block of rows x columns, at most 64 x 64, with much that is 0."""
    a = picture(2 * rows, 2 * columns, 1, bits, signed=True, seed=seed).astype("i2")
    a[np.random.default_rng(seed).random((rows, columns)).repeat(2, 0).repeat(2, 1) < 0.6] = 0
    a[:2, :2] = 2 ** (bits - 1) - 1
    stream = bytes(imagecodecs.htj2k_encode(a[..., 0], reversible=True, resolutions=1))
    low = np.empty((rows, columns, 1), "i2")
    jpeg2000.decode_by_openjpeg(stream, spec_of(a), low, reduce=1)
    quantization = stream.index(b"\xff\x5c")
    planes = (stream[quantization + 5] >> 3) + (stream[quantization + 4] >> 5) - 1
    header = stream.index(b"\xff\x93") + 2
    packet = HeaderBits(stream[header : header + 40])
    assert packet.take(2) == 3, "a packet, and its block"
    zero_planes = 0
    while not packet.take(1):
        zero_planes += 1
    assert zero_planes == planes - 1 and packet.take(1) == 0, "one pass, of all bit-planes"
    length_bits = 3
    while packet.take(1):
        length_bits += 1
    size = packet.take(length_bits)
    used = 0
    while len(HeaderBits(stream[header : header + used]).bits) < packet.size:
        used += 1
    used += stream[header + used - 1] == 0xFF
    return Cleanup(stream[header + used :][:size], low[..., 0].astype(int), planes)


def put_passes(header: HeaderBits, n: int) -> None:
    """Table B.4 of T.800."""
    if n < 3:
        header.put((0, 2)[n - 1], n)
    elif n < 6:
        header.put(0b1100 | n - 3, 4)
    elif n < 37:
        header.put(0b1111 << 5 | n - 6, 9)
    else:
        header.put(0b111111111 << 7 | n - 37, 16)


def one_block(
    shape: tuple[int, int],
    segments: list[tuple[int, bytes]],
    *,
    planes: int,
    zero_planes: int,
    style: int = HT,
    bits: int = 16,
    most_bits: int = 0,
) -> bytes:
    """A codestream of one code-block: `segments` are (passes that its length counts for, bytes).

    `most_bits` is a Lblock to begin with: a mixed stream's first length has a 0 in front where the block is HT.
    """
    header = HeaderBits()
    header.put(3, 2)
    header.put(1, zero_planes + 1)
    put_passes(header, sum(passes for passes, _ in segments))
    widths = [passes.bit_length() - 1 for passes, _ in segments]
    length_bits = max(3, most_bits, *(len(d).bit_length() - w for w, (_, d) in zip(widths, segments, strict=True)))
    header.put((1 << length_bits - 2) - 2, length_bits - 2)
    for width, (_, data) in zip(widths, segments, strict=True):
        header.put(len(data), length_bits + width)
    rows, columns = shape
    body = header.written() + b"".join(data for _, data in segments)
    size = struct.pack(">HHIIIIIIIIH3B", 41, 0x4000, columns, rows, 0, 0, columns, rows, 0, 0, 1, 127 + bits, 1, 1)
    coding = struct.pack(">HBBHBBBBBB", 12, 0, 0, 1, 0, 0, 4, 4, style, 1)
    main = b"\xff\x4f\xff\x51" + size + b"\xff\x50" + struct.pack(">HIH", 8, 0x20000, 0) + b"\xff\x52" + coding
    main += b"\xff\x5c" + struct.pack(">HBB", 4, 1 << 5, planes << 3)
    return main + b"\xff\x90" + struct.pack(">HHIBB", 10, 0, 14 + len(body), 0, 1) + b"\xff\x93" + body + b"\xff\xd9"


def forward(bits: list[int]) -> bytes:
    """Bits as SigProp has them: from the lowest bit on, seven in a byte behind 0xFF."""
    out = bytearray()
    while bits:
        n = 7 if out and out[-1] == 0xFF else 8
        out.append(sum(bit << k for k, bit in enumerate(bits[:n])))
        bits = bits[n:]
    return bytes(out)


def backward(bits: list[int]) -> bytes:
    """Bits as MagRef has them, from the last byte on: seven in a byte 0x7F or 0xFF before one above 0x8F."""
    out = bytearray()
    before = 0xFF
    while bits:
        n = 7 if before > 0x8F and bits[:7] == [1] * 7 else 8
        before = sum(bit << k for k, bit in enumerate(bits[:n]))
        out.append(before)
        bits = bits[n:]
    return bytes(out[::-1])


def refined(values: np.ndarray, rng: np.random.Generator, causal: bool, passes: int) -> tuple[bytes, np.ndarray]:
    """A refinement segment with bits by chance, and the coefficients with one bit-plane more.

    Those of which no bit of that plane is known are in the middle of what is open.
    """
    rows, columns = values.shape
    significant = values != 0
    found = np.zeros((rows + 2, columns + 2), bool)
    found[1:-1, 1:-1] = significant
    out = np.where(significant, np.sign(values) * (2 * np.abs(values) + 1), 0)
    bits: list[int] = []
    for top in range(0, rows, 4):
        for first in range(0, columns, 4):
            places = [
                (y, x) for x in range(first, min(first + 4, columns)) for y in range(top, min(top + 4, rows))
            ]  # fmt: skip
            new = []
            for y, x in places:
                around = found[y : y + 3, x : x + 3].copy()
                if causal and y == top + 3:
                    around[2] = False
                if significant[y, x] or not around.any():
                    continue
                bits.append(int(rng.integers(2)))
                if bits[-1]:
                    found[y + 1, x + 1] = True
                    new.append((y, x))
            for place in new:
                bits.append(int(rng.integers(2)))
                out[place] = -1 if bits[-1] else 1
    more: list[int] = []
    if passes > 1:
        for top in range(0, rows, 4):
            for x in range(columns):
                for y in range(top, min(top + 4, rows)):
                    if significant[y, x]:
                        more.append(int(rng.integers(2)))
                        out[y, x] = np.sign(values[y, x]) * (2 * abs(values[y, x]) + more[-1])
    return forward(bits) + backward(more), out
