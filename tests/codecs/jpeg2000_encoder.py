"""JPEG 2000 streams that no encoder at hand writes: samples of up to 32 bits, regions of interest.

Written from ITU-T T.800, in Python and slow: small pictures, the 5/3 wavelet, one code-block a sub-band.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from tests.codecs.ht_streams import HeaderBits, put_passes

# Table C.2: Qe, NMPS, NLPS, SWITCH
STATES = [
    (0x5601, 1, 1, 1), (0x3401, 2, 6, 0), (0x1801, 3, 9, 0), (0x0AC1, 4, 12, 0), (0x0521, 5, 29, 0),
    (0x0221, 38, 33, 0),
    (0x5601, 7, 6, 1), (0x5401, 8, 14, 0), (0x4801, 9, 14, 0), (0x3801, 10, 14, 0), (0x3001, 11, 17, 0),
    (0x2401, 12, 18, 0), (0x1C01, 13, 20, 0), (0x1601, 29, 21, 0), (0x5601, 15, 14, 1), (0x5401, 16, 14, 0),
    (0x5101, 17, 15, 0), (0x4801, 18, 16, 0), (0x3801, 19, 17, 0), (0x3401, 20, 18, 0), (0x3001, 21, 19, 0),
    (0x2801, 22, 19, 0), (0x2401, 23, 20, 0), (0x2201, 24, 21, 0), (0x1C01, 25, 22, 0), (0x1801, 26, 23, 0),
    (0x1601, 27, 24, 0), (0x1401, 28, 25, 0), (0x1201, 29, 26, 0), (0x1101, 30, 27, 0), (0x0AC1, 31, 28, 0),
    (0x09C1, 32, 29, 0), (0x08A1, 33, 30, 0), (0x0521, 34, 31, 0), (0x0441, 35, 32, 0), (0x02A1, 36, 33, 0),
    (0x0221, 37, 34, 0), (0x0141, 38, 35, 0), (0x0111, 39, 36, 0), (0x0085, 40, 37, 0), (0x0049, 41, 38, 0),
    (0x0025, 42, 39, 0), (0x0015, 43, 40, 0), (0x0009, 44, 41, 0), (0x0005, 45, 42, 0), (0x0001, 45, 43, 0),
    (0x5601, 46, 46, 0),
]  # fmt: skip
RUN, UNIFORM = 17, 18


class Mq:
    """The MQ encoder of C.2; `out[0]` is the byte before the first."""

    def __init__(self) -> None:
        self.a, self.c, self.count, self.out = 0x8000, 0, 12, bytearray(1)
        self.index = [0] * 19
        self.mps = [0] * 19
        self.index[0], self.index[RUN], self.index[UNIFORM] = 4, 3, 46  # table D.7

    def put(self, bit: int, context: int) -> None:
        qe, if_mps, if_lps, switch = STATES[self.index[context]]
        self.a -= qe
        if bit == self.mps[context]:
            if self.a & 0x8000:
                self.c += qe
                return
            if self.a < qe:
                self.a = qe
            else:
                self.c += qe
            self.index[context] = if_mps
        else:
            if self.a < qe:
                self.c += qe
            else:
                self.a = qe
            self.mps[context] ^= switch
            self.index[context] = if_lps
        while not self.a & 0x8000:
            self.a <<= 1
            self.c <<= 1
            self.count -= 1
            if not self.count:
                self.byte_out()

    def byte_out(self) -> None:
        if self.out[-1] != 0xFF and self.c >= 0x8000000:
            self.out[-1] += 1
            self.c &= 0x7FFFFFF
        self.count = 7 if self.out[-1] == 0xFF else 8
        shift = 27 - self.count
        self.out.append(self.c >> shift)
        self.c &= (1 << shift) - 1

    def flushed(self) -> bytes:
        most = self.c + self.a
        self.c |= 0xFFFF
        if self.c >= most:
            self.c -= 0x8000
        for _ in range(2):
            self.c <<= self.count
            self.byte_out()
        return bytes(self.out[1:]).removesuffix(b"\xff")


def zero_context(kind: int, h: int, v: int, d: int) -> int:
    """Table D.1; sub-bands LL, HL, LH, HH."""
    if kind == 3:
        return 8 if d > 2 else 6 + (h + v > 0) if d == 2 else 3 * d + min(h + v, 2)
    if kind == 1:
        h, v = v, h
    if h == 2:
        return 8
    if h == 1:
        return 7 if v else 6 if d else 5
    return 2 + v if v else min(d, 2)


class Block:
    """A code-block by the passes of D.3; a frame of zeros is around it."""

    def __init__(self, values: np.ndarray, kind: int) -> None:
        self.magnitudes = np.abs(values).tolist()
        self.negative = (values < 0).tolist()
        self.rows, self.columns, self.kind = *values.shape, kind
        self.planes = int(np.abs(values).max()).bit_length()
        self.state = [[0] * (self.columns + 2) for _ in range(self.rows + 2)]  # 1, or -1 for a negative one
        self.refined: set[tuple[int, int]] = set()
        self.visited: set[tuple[int, int]] = set()
        self.mq = Mq()

    def scan(self) -> list[tuple[int, int]]:
        return [
            (y, x)
            for top in range(0, self.rows, 4)
            for x in range(self.columns)
            for y in range(top, min(top + 4, self.rows))
        ]

    def context(self, y: int, x: int) -> int:
        s = [[abs(v) for v in row[x : x + 3]] for row in self.state[y : y + 3]]
        d = s[0][0] + s[0][2] + s[2][0] + s[2][2]
        return zero_context(self.kind, s[1][0] + s[1][2], s[0][1] + s[2][1], d)

    def put_sign(self, y: int, x: int) -> None:
        """Tables D.2 and D.3."""
        s = self.state
        h = max(-1, min(1, s[y + 1][x] + s[y + 1][x + 2]))
        v = max(-1, min(1, s[y][x + 1] + s[y + 2][x + 1]))
        turned = (h, v) < (0, 0)
        if turned:
            h, v = -h, -v
        self.mq.put(self.negative[y][x] ^ turned, 12 + v if h else 9 + v)
        s[y + 1][x + 1] = -1 if self.negative[y][x] else 1

    def bit(self, y: int, x: int, plane: int) -> int:
        return self.magnitudes[y][x] >> plane & 1

    def propagate(self, plane: int) -> None:
        for y, x in self.scan():
            context = self.context(y, x)
            if self.state[y + 1][x + 1] or not context:
                continue
            self.mq.put(self.bit(y, x, plane), context)
            self.visited.add((y, x))
            if self.bit(y, x, plane):
                self.put_sign(y, x)

    def refine(self, plane: int) -> None:
        for y, x in self.scan():
            if not self.state[y + 1][x + 1] or (y, x) in self.visited:
                continue
            context = 16 if (y, x) in self.refined else 14 + (self.context(y, x) > 0)
            self.mq.put(self.bit(y, x, plane), context)
            self.refined.add((y, x))

    def clean_up(self, plane: int) -> None:
        places = self.scan()
        while places:
            y, x = places[0]
            column = places[:4] if y % 4 == 0 and y + 3 < self.rows else []
            if column and not any(
                p in self.visited or self.state[p[0] + 1][x + 1] or self.context(*p) for p in column
            ):  # fmt: skip
                bits = [self.bit(*p, plane) for p in column]
                self.mq.put(int(any(bits)), RUN)
                if not any(bits):
                    del places[:4]
                    continue
                first = bits.index(1)
                self.mq.put(first >> 1, UNIFORM)
                self.mq.put(first & 1, UNIFORM)
                self.put_sign(*column[first])
                del places[: first + 1]
                continue
            del places[0]
            if self.state[y + 1][x + 1] or (y, x) in self.visited:
                continue
            self.mq.put(self.bit(y, x, plane), self.context(y, x))
            if self.bit(y, x, plane):
                self.put_sign(y, x)
        self.visited.clear()

    def encode(self) -> tuple[int, bytes]:
        """How many passes, and their bytes."""
        for plane in range(self.planes - 1, -1, -1):
            if plane < self.planes - 1:
                self.propagate(plane)
                self.refine(plane)
            self.clean_up(plane)
        return 3 * self.planes - 2, self.mq.flushed()


def split(a: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Low and high rows of 5/3 (F.4.8); `first` is the place of the first row."""
    n = len(a)
    if n == 1:
        return (a[:0], 2 * a) if first & 1 else (a, a[:0])
    x = {first + i: a[min(abs(i), 2 * n - 2 - abs(i))] for i in range(-2, n + 2)} if n > 2 else {
        first + i: a[i % 2] for i in range(-2, n + 2)
    }  # fmt: skip
    for i in range(first - 1, first + n + 1):
        if i & 1:
            x[i] = x[i] - ((x[i - 1] + x[i + 1]) >> 1)
    low = [x[i] + ((x[i - 1] + x[i + 1] + 2) >> 2) for i in range(first, first + n) if not i & 1]
    high = [x[i] for i in range(first, first + n) if i & 1]
    empty = a[:0]
    return np.array(low) if low else empty, np.array(high) if high else empty


class Resolution(NamedTuple):
    samples: int
    bands: list[tuple[int, np.ndarray]]  # kind, coefficients


def resolutions_of(a: np.ndarray, levels: int, offset: tuple[int, int]) -> list[Resolution]:
    """From the lowest one on."""
    x, y = offset
    found = []
    for _ in range(levels):
        halves = split(a, y)
        (ll, hl), (lh, hh) = ([part.T for part in split(half.T, x)] for half in halves)
        found.append(Resolution(a.size, [(1, hl), (2, lh), (3, hh)]))
        a, x, y = ll, (x + 1) // 2, (y + 1) // 2
    return [Resolution(a.size, [(0, a)]), *found[::-1]]


class Contribution(NamedTuple):
    """What one layer brings of a code-block."""

    passes: int
    data: bytes


def in_layers(passes: int, data: bytes, layers: int) -> list[Contribution]:
    passes_to = [-(-passes * i // layers) for i in range(layers + 1)]
    data_to = [len(data) * i // layers for i in range(layers + 1)]
    data_to[-2] = data_to[-2] if passes_to[-2] < passes else len(data)
    return [
        Contribution(passes_to[i + 1] - passes_to[i], data[data_to[i] : data_to[i + 1]]) for i in range(layers)
    ]  # fmt: skip


def packets(resolution: Resolution, planes: int, layers: int, lengths_anew: bool) -> list[bytes]:
    """One for each layer; with `lengths_anew` Lblock begins again in each, which B.10.7.1 does not allow."""
    if not resolution.samples:  # it has no precinct (B.6)
        return [b""] * layers
    blocks = [Block(values, kind) for kind, values in resolution.bands if values.size]
    coded = [in_layers(*block.encode(), layers) if block.planes else [] for block in blocks]
    lblock = [3] * len(blocks)
    written = []
    for layer in range(layers):
        header, body = HeaderBits(), b""
        header.put(1, 1)
        for i, block in enumerate(blocks):
            part = coded[i][layer] if coded[i] else Contribution(0, b"")
            header.put(int(part.passes > 0), 1)
            if not part.passes:
                continue
            if layer == 0:
                header.put(1, planes - block.planes + 1)
            put_passes(header, part.passes)
            width = part.passes.bit_length() - 1
            before = 3 if lengths_anew else lblock[i]
            lblock[i] = max(before, len(part.data).bit_length() - width)
            header.put((2 << lblock[i] - before) - 2, lblock[i] - before + 1)
            header.put(len(part.data), lblock[i] + width)
            body += part.data
        written.append(header.written() + body)
    return written


def encode(
    a: np.ndarray,
    bits: int,
    *,
    levels: int = 0,
    offset: tuple[int, int] = (0, 0),
    transform: bool = False,
    region: np.ndarray | None = None,
    planes: int = 0,
    shift: int = 0,
    layers: int = 1,
    lengths_anew: bool = False,
) -> bytes:
    """A codestream of [rows, columns, samples], no band of which is above 64 x 64.

    Coefficients beneath the mask `region`, of the shape of the picture, are moved up by `shift` in the lowest
    resolution (annex H). `planes` are Mb of all sub-bands: as many as they take where it is 0.
    """
    rows, columns, samples = a.shape
    signed = a.dtype.kind == "i"
    planar = [a[..., i].astype(np.int64) - (0 if signed else 1 << bits - 1) for i in range(samples)]
    if transform:
        red, green, blue = planar[:3]
        planar[:3] = [(red + 2 * green + blue) >> 2, blue - green, red - green]
    components = [resolutions_of(part, levels, offset) for part in planar]
    every = [values for component in components for resolution in component for _, values in resolution.bands]
    planes = planes or max(int(np.abs(values).max(initial=1)).bit_length() for values in every)
    if region is not None:
        for component in components:
            values = component[0].bands[0][1]
            values[region] <<= shift
    ordered = [
        packets(component[r], planes + shift, layers, lengths_anew)
        for r in range(levels + 1)
        for component in components
    ]
    body = b"".join(each[layer] for layer in range(layers) for each in ordered)
    x, y = offset
    kinds = bytes([bits - 1 | signed << 7, 1, 1]) * samples
    size = struct.pack(
        ">HHIIIIIIIIH", 38 + 3 * samples, 0, x + columns, y + rows, x, y, x + columns, y + rows, 0, 0, samples
    )
    guard = max(planes - 30, 1)
    coding = struct.pack(">HBBHBBBBBB", 12, 0, 0, layers, transform, levels, 4, 4, 0, 1)
    steps = struct.pack(">HB", 4 + 3 * levels, guard << 5) + bytes([planes + 1 - guard << 3]) * (3 * levels + 1)
    main = b"\xff\x4f\xff\x51" + size + kinds + b"\xff\x52" + coding + b"\xff\x5c" + steps
    if shift:
        main += b"".join(b"\xff\x5e" + struct.pack(">HBBB", 5, i, 0, shift) for i in range(samples))
    return main + b"\xff\x90" + struct.pack(">HHIBB", 10, 0, 14 + len(body), 0, 1) + b"\xff\x93" + body + b"\xff\xd9"
