"""A JPEG-LS encoder in plain integers, straight from ITU-T T.87: every interleave mode, parameter and restart interval.

Slow, and for tests only. It returns what a decoder has to give, too.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import numpy as np

J = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15]
NONE, LINE, SAMPLE = range(3)


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def defaults(maxval: int, near: int) -> tuple[int, int, int]:
    """T1, T2, T3 of C.2.4.1.1.1."""

    def clamp(i: int, j: int) -> int:
        return j if i > maxval or i < j else i

    if maxval >= 128:
        factor = (min(maxval, 4095) + 128) // 256
        t1 = clamp(factor + 2 + 3 * near, near + 1)
        t2 = clamp(factor * 4 + 3 + 5 * near, t1)
        return t1, t2, clamp(factor * 17 + 4 + 7 * near, t2)
    factor = 256 // (maxval + 1)
    t1 = clamp(max(2, 3 // factor + 3 * near), near + 1)
    t2 = clamp(max(3, 7 // factor + 5 * near), t1)
    return t1, t2, clamp(max(4, 21 // factor + 7 * near), t2)


@dataclass
class Parameters:
    """Of one scan; 0 means the default."""

    maxval: int
    near: int = 0
    t1: int = 0
    t2: int = 0
    t3: int = 0
    reset: int = 0

    def lse(self) -> bytes:
        return segment(0xF8, struct.pack(">B5H", 1, self.maxval, self.t1, self.t2, self.t3, self.reset))

    def complete(self) -> Parameters:
        t = defaults(self.maxval, self.near)
        return Parameters(self.maxval, self.near, self.t1 or t[0], self.t2 or t[1], self.t3 or t[2], self.reset or 64)


@dataclass
class Interval:
    """What is coded between two markers; `rows` are those that a decoder gives."""

    p: Parameters
    bits: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        maxval, near = self.p.maxval, self.p.near
        self.range = (maxval + 2 * near) // (2 * near + 1) + 1
        self.qbpp = (self.range - 1).bit_length()
        bpp = max(2, maxval.bit_length())
        self.limit = 2 * (bpp + max(8, bpp))
        a = max(2, (self.range + 32) // 64)
        self.contexts = [[a, 0, 0, 1] for _ in range(365)]  # A, B, C, N
        self.runs = [[a, 1, 0] for _ in range(2)]  # A, N, Nn
        self.run_index = [0] * 4

    def quantised(self, d: int) -> int:
        p = self.p
        q = sum(abs(d) >= t for t in (p.near + 1, p.t1, p.t2, p.t3))
        return q if d > 0 else -q

    def golomb(self, value: int, k: int, limit: int) -> None:
        if value >> k < limit - self.qbpp - 1:
            self.bits.append("0" * (value >> k) + "1" + (format(value & ((1 << k) - 1), f"0{k}b") if k else ""))
        else:
            self.bits.append("0" * (limit - self.qbpp - 1) + "1" + format(value - 1, f"0{self.qbpp}b"))

    def error(self, value: int, px: int, sign: int) -> tuple[int, int]:
        """The error, quantised and reduced, and the reconstructed sample (A.4.4, A.4.5)."""
        near, unit = self.p.near, 2 * self.p.near + 1
        e = (value - px) * sign
        e = (e + near) // unit if e > 0 else -((near - e) // unit)
        rx = min(max(px + sign * e * unit, 0), self.p.maxval)
        if e < 0:
            e += self.range
        return (e - self.range if e >= (self.range + 1) // 2 else e), rx

    def context(self, ra: int, rb: int, rc: int, rd: int) -> int:
        return 81 * self.quantised(rd - rb) + 9 * self.quantised(rb - rc) + self.quantised(rc - ra)

    def regular(self, q: int, value: int, ra: int, rb: int, rc: int) -> int:
        sign = -1 if q < 0 else 1
        context = self.contexts[abs(q)]
        a, b, c, n = context
        px = min(ra, rb) if rc >= max(ra, rb) else max(ra, rb) if rc <= min(ra, rb) else ra + rb - rc
        px = min(max(px + sign * c, 0), self.p.maxval)
        e, rx = self.error(value, px, sign)
        k = 0
        while n << k < a:
            k += 1
        if self.p.near == 0 and k == 0 and 2 * b <= -n:
            self.golomb(2 * e + 1 if e >= 0 else -2 * (e + 1), k, self.limit)
        else:
            self.golomb(2 * e if e >= 0 else -2 * e - 1, k, self.limit)
        b += e * (2 * self.p.near + 1)
        a += abs(e)
        if n == self.p.reset:
            a, b, n = a >> 1, b >> 1, n >> 1
        n += 1
        if b <= -n:
            b, c = max(b + n, 1 - n), max(c - 1, -128)
        elif b > 0:
            b, c = min(b - n, 0), min(c + 1, 127)
        context[:] = a, b, c, n
        return rx

    def interruption(self, value: int, ra: int, rb: int, kind: int, index: int) -> int:
        run = self.runs[kind]
        a, n, negative = run
        sign = -1 if not kind and ra > rb else 1
        e, rx = self.error(value, ra if kind else rb, sign)
        k = 0
        while n << k < (a + (n >> 1) if kind else a):
            k += 1
        other = (k == 0 and e > 0 and 2 * negative < n) or (e < 0 and (2 * negative >= n or k != 0))
        mapped = 2 * abs(e) - kind - other
        self.golomb(mapped, k, self.limit - J[index] - 1)
        negative += e < 0
        a += (mapped + 1 - kind) >> 1
        if n == self.p.reset:
            a, n, negative = a >> 1, n >> 1, negative >> 1
        run[:] = a, n + 1, negative
        return rx

    def run(self, length: int, ended: bool, c: int) -> None:
        while length >= 1 << J[self.run_index[c]]:
            self.bits.append("1")
            length -= 1 << J[self.run_index[c]]
            self.run_index[c] = min(self.run_index[c] + 1, 31)
        if not ended:
            j = J[self.run_index[c]]
            self.bits.append("0" + (format(length, f"0{j}b") if j else ""))
        elif length:
            self.bits.append("1")

    def row(self, rows: list[list[int]], above: list[list[int]], left: list[int], sample: bool, c: int) -> None:
        """`rows` of the components that are coded together become what a decoder gives; `left` is Rc of the first."""
        columns, near = len(rows[0]), self.p.near
        x = 0
        while x < columns:
            near_by = []
            for i, (row, up) in enumerate(zip(rows, above, strict=True)):
                ra = row[x - 1] if x else up[0]
                near_by.append((ra, up[x], up[x - 1] if x else left[i], up[min(x + 1, columns - 1)]))
            contexts = [self.context(*around) for around in near_by]
            if any(contexts):
                for row, q, (ra, rb, rc, _) in zip(rows, contexts, near_by, strict=True):
                    row[x] = self.regular(q, row[x], ra, rb, rc)
                x += 1
                continue
            values = [ra for ra, *_ in near_by]
            start = x
            while x < columns and all(abs(row[x] - ra) <= near for row, ra in zip(rows, values, strict=True)):
                for row, ra in zip(rows, values, strict=True):
                    row[x] = ra
                x += 1
            self.run(x - start, x == columns, c)
            if x < columns:
                for row, up, ra in zip(rows, above, values, strict=True):
                    kind = int(not sample and abs(ra - up[x]) <= near)
                    row[x] = self.interruption(row[x], ra, up[x], kind, self.run_index[c])
                self.run_index[c] = max(self.run_index[c] - 1, 0)
                x += 1

    def encode(self, image: np.ndarray, interleave: int) -> tuple[bytes, np.ndarray]:
        """[rows, columns, components]."""
        n, columns = image.shape[2], image.shape[1]
        above, left, out = [[0] * columns for _ in range(n)], [0] * n, []
        for line in image.transpose(0, 2, 1).tolist():
            groups = [list(range(n))] if interleave == SAMPLE else [[c] for c in range(n)]
            for group in groups:
                self.row(
                    [line[c] for c in group],
                    [above[c] for c in group],
                    [left[c] for c in group],
                    interleave == SAMPLE,
                    group[0],
                )
            left = [row[0] for row in above]
            above = line
            out.append(line)
        return stuffed("".join(self.bits)), np.array(out).transpose(0, 2, 1)

    def encode_planes(self, planes: list[np.ndarray], together: list[int]) -> tuple[bytes, list[np.ndarray]]:
        """Components of sizes of their own by line, so many lines of each at a time."""
        lines = [plane.tolist() for plane in planes]
        above = [[0] * plane.shape[1] for plane in planes]
        left, done = [0] * len(planes), [0] * len(planes)
        while any(n < len(rows) for n, rows in zip(done, lines, strict=True)):
            for c, count in enumerate(together):
                for row in lines[c][done[c] : done[c] + count]:
                    self.row([row], [above[c]], [left[c]], False, c)
                    left[c], above[c] = above[c][0], row
                    done[c] += 1
        return stuffed("".join(self.bits)), [np.array(rows) for rows in lines]


def stuffed(bits: str) -> bytes:
    """A 0 before each bit that follows 0xFF (A.1)."""
    out, at = bytearray(), 0
    while at < len(bits) or (out and out[-1] == 0xFF):
        n = 7 if out and out[-1] == 0xFF else 8
        out.append(int(bits[at : at + n].ljust(n, "0"), 2))
        at += n
    return bytes(out)


def encode(
    image: np.ndarray,
    bits: int,
    parameters: Parameters | None = None,
    *,
    interleave: int = NONE,
    scans: list[list[int]] | None = None,
    restart: int = 0,
    extra: bytes = b"",
    tables: dict[int, int] | None = None,
    lines: int | None = None,
) -> tuple[bytes, np.ndarray]:
    """A stream of [rows, columns, components], and the samples that it holds.

    `scans` lists the components of each, in order; `restart` is in lines; `extra` segments go before each scan.
    `tables` are mapping tables by component, to which the samples that are returned are indices; `lines` are Y, where
    it is not the number of rows: where it is 0, DNL follows the first scan.
    """
    rows, columns, n = image.shape
    given = parameters or Parameters((1 << bits) - 1)
    y = rows if lines is None else lines
    head = struct.pack(">BHHB", bits, y, columns, n) + b"".join(bytes([i + 1, 0x11, 0]) for i in range(n))
    out = [b"\xff\xd8", segment(0xF7, head)]
    if given != Parameters((1 << bits) - 1, given.near):
        out.append(given.lse())
    if restart:
        out.append(segment(0xDD, restart.to_bytes(2 + restart % 3, "big")))
    result = np.zeros(image.shape, int)
    for scan in scans or ([[c] for c in range(n)] if interleave == NONE else [list(range(n))]):
        mode = interleave if len(scan) > 1 else NONE
        names = b"".join(bytes([c + 1, (tables or {}).get(c, 0)]) for c in scan)
        body = bytes([len(scan)]) + names + bytes([given.near, mode, 0])
        out += [extra, segment(0xDA, body)]
        for i, first in enumerate(range(0, rows, restart or rows)):
            if i:
                out.append(bytes([0xFF, 0xD0 + (i - 1) % 8]))
            part = slice(first, first + (restart or rows))
            coded, decoded = Interval(given.complete()).encode(image[part][..., scan].astype(int), mode)
            out.append(coded)
            result[part][..., scan] = decoded
        if lines == 0:
            out.append(segment(0xDC, struct.pack(">H", rows)))
            lines = rows
    return b"".join([*out, b"\xff\xd9"]), result


def encode_subsampled(
    planes: list[np.ndarray],
    size: tuple[int, int],
    factors: list[tuple[int, int]],
    parameters: Parameters,
    scans: list[list[int]],
    interleave: int = LINE,
) -> tuple[bytes, list[np.ndarray]]:
    """A stream of 8 bits of components that have sizes of their own, by their factors (Hi, Vi); and what it holds."""
    names = b"".join(bytes([i + 1, h << 4 | v, 0]) for i, (h, v) in enumerate(factors))
    out = [b"\xff\xd8", segment(0xF7, struct.pack(">BHHB", 8, *size, len(planes)) + names)]
    held = list(planes)
    for scan in scans:
        mode = interleave if len(scan) > 1 else NONE
        named = b"".join(bytes([c + 1, 0]) for c in scan)
        out.append(segment(0xDA, bytes([len(scan)]) + named + bytes([parameters.near, mode, 0])))
        interval = Interval(parameters.complete())
        if mode == SAMPLE:
            coded, decoded = interval.encode(np.stack([planes[c] for c in scan], axis=2), mode)
            found = list(decoded.transpose(2, 0, 1))
        else:
            coded, found = interval.encode_planes(
                [planes[c] for c in scan], [factors[c][1] if mode == LINE else 1 for c in scan]
            )
        out.append(coded)
        for c, plane in zip(scan, found, strict=True):
            held[c] = plane
    return b"".join([*out, b"\xff\xd9"]), held
