"""Codestreams by hand that claim much and hold little."""

from __future__ import annotations

import struct


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def huffman(kind: int, lengths: list[int], values: list[int]) -> bytes:
    """A DHT segment: `lengths` codes of 1, 2, ... bits."""
    counts = bytes(lengths + [0] * (16 - len(lengths)))
    return _segment(0xC4, bytes([kind << 4]) + counts + bytes(values))


def jpeg(
    rows: int,
    columns: int,
    *,
    components: int = 1,
    process: int = 0xC0,
    payload: bytes = b"",
    scans: int = 1,
    sampling: list[int] | None = None,
    ac: tuple[list[int], list[int]] = ([1], [0]),
) -> bytes:
    """A DCT or lossless stream with Huffman tables of one code, `0` for "nothing": zeros are an even picture."""
    sampling = sampling or [0x11] * components
    named = b"".join(bytes([i + 1, sampling[i], 0]) for i in range(components))
    out = b"\xff\xd8" + _segment(0xDB, b"\0" + bytes([1] * 64))
    out += _segment(process, struct.pack(">BHHB", 8, rows, columns, components) + named)
    out += huffman(0, [1], [0]) + huffman(1, *ac)
    selected = b"".join(bytes([i + 1, 0]) for i in range(components))
    for k in range(scans):
        first, last, how = (0, 63, 0) if process in (0xC0, 0xC1) else (1, 0, 0) if process == 0xC3 else (0, 0, 0)
        if process == 0xC2 and k:  # one AC coefficient, its lowest bit
            first, last, how, selected = 1, 1, 0, b"\1\0"
        out += _segment(0xDA, bytes([len(selected) // 2]) + selected + bytes([first, last, how])) + payload
        payload = payload if k == 0 else payload[:2]
    return out + b"\xff\xd9"


def jpeg_ls(rows: int, columns: int, *, components: int = 1, payload: bytes = b"", interleave: int = 0) -> bytes:
    named = b"".join(bytes([i + 1, 0x11, 0]) for i in range(components))
    out = b"\xff\xd8" + _segment(0xF7, struct.pack(">BHHB", 8, rows, columns, components) + named)
    selected = b"".join(bytes([i + 1, 0]) for i in range(components))
    return out + _segment(0xDA, bytes([components]) + selected + bytes([0, interleave, 0])) + payload + b"\xff\xd9"


def jpeg_2000(
    rows: int,
    columns: int,
    *,
    components: int = 1,
    levels: int = 5,
    layers: int = 1,
    blocks: tuple[int, int] = (4, 4),
    tile: tuple[int, int] | None = None,
    precincts: list[int] | None = None,
    high_throughput: bool = False,
    packets: bytes | None = None,
    tile_parts: int | None = None,
) -> bytes:
    """A codestream whose packets are empty: one byte 0 each (T.800 B.10.3)."""
    height, width = tile or (rows, columns)
    size = struct.pack(
        ">HIIIIIIIIH", 0x4000 if high_throughput else 0, columns, rows, 0, 0, width, height, 0, 0, components
    )
    out = b"\xff\x4f" + _segment(0x51, size + b"\x07\x01\x01" * components)
    if high_throughput:
        out += _segment(0x50, struct.pack(">IH", 1 << 17, 0))
    style = (0x40 if high_throughput else 0, 1)
    coding = struct.pack(">BBHB", 1 if precincts else 0, 0, layers, 0)
    coding += bytes([levels, blocks[0], blocks[1], *style]) + bytes(precincts or [])
    out += _segment(0x52, coding) + _segment(0x5C, b"\x40" + bytes([8 << 3] * (3 * levels + 1)))
    tiles = -(-rows // height) * -(-columns // width)
    each = components * layers * (levels + 1) if packets is None else 0
    body = packets if packets is not None else bytes(each)
    for i in range(tiles if tile_parts is None else tile_parts):
        out += b"\xff\x90" + struct.pack(">HHIBB", 10, i % tiles, 14 + len(body), 0, 1) + b"\xff\x93" + body
    return out + b"\xff\xd9"


def jpeg_xl(rows: int, columns: int) -> bytes:
    """The head of a grey JPEG XL codestream, and nothing behind it."""
    bits = ""

    def put(value: int, n: int) -> None:
        nonlocal bits
        bits += format(value, f"0{n}b")[::-1] if n else ""

    put(0, 1)  # not small
    put(3, 2)
    put(rows - 1, 30)
    put(0, 3)  # no ratio
    put(3, 2)
    put(columns - 1, 30)
    put(1, 1)  # all_default
    bits += "0" * (-len(bits) % 8)
    return b"\xff\x0a" + bytes(int(bits[i : i + 8][::-1], 2) for i in range(0, len(bits), 8)) + bytes(16)
