"""Pictures, headers and damage that the tests of the codecs share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.errors import DicomError, MalformedError

Decode = Callable[[Any, FrameSpec, np.ndarray], str]


def picture(
    rows: int, columns: int, samples: int = 1, bits: int = 8, signed: bool = False, seed: int = 0
) -> np.ndarray:
    """A smooth picture with noise and both ends of its range, [rows, columns, samples]."""
    rng = np.random.default_rng(seed)
    y, x, s = np.mgrid[:rows, :columns, :samples]
    a = (np.sin(x / 9 + s) + np.cos(y / 7 - s) + 2) / 4 * (2**bits - 1) + rng.normal(0, 2**bits / 64, x.shape)
    a = a.round().clip(0, 2**bits - 1).astype(np.int64)
    a[0, 0], a[-1, -1] = 0, 2**bits - 1
    kind = ("i" if signed else "u") + ("1" if bits <= 8 else "2")
    return (a - (2 ** (bits - 1) if signed else 0)).astype(kind)


def plain(a: np.ndarray) -> np.ndarray:
    """As encoders take it: without a sample axis of one, without sign."""
    return np.ascontiguousarray(a.squeeze(2) if a.shape[2] == 1 else a).view(f"u{a.itemsize}")


def spec_of(a: np.ndarray, bits: int | None = None, **changes: Any) -> FrameSpec:
    values: dict[str, Any] = {
        "rows": a.shape[0],
        "columns": a.shape[1],
        "samples": a.shape[2],
        "bits_allocated": 8 * a.itemsize,
        "bits_stored": bits or 8 * a.itemsize,
        "signed": a.dtype.kind == "i",
        "photometric": "MONOCHROME2" if a.shape[2] == 1 else "RGB",
        "to_rgb": False,
        "frame": 3,
    }
    return FrameSpec(**values | changes)


def decoded(decode: Decode, stream: Any, like: np.ndarray, **changes: Any) -> tuple[np.ndarray, str]:
    out = np.full(like.shape, 77, like.dtype)
    return out, decode(stream, spec_of(like, **changes), out)


def without_colour(stream: bytes) -> bytes:
    """A JPEG stream without the segments that say its colour, its components named 1, 2, 3."""
    out = bytearray(stream[:2])
    at = 2
    while True:
        length = 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
        segment = bytearray(stream[at : at + length])
        at += length
        if 0xE0 <= segment[1] <= 0xEF:
            continue
        if segment[1] in (0xC0, 0xC1, 0xC2, 0xC3, 0xF7):
            segment[10::3] = bytes(range(1, 1 + segment[9]))
        elif segment[1] == 0xDA:
            segment[5 : 5 + 2 * segment[4] : 2] = bytes(range(1, 1 + segment[4]))
        out += segment
        if segment[1] == 0xDA:
            return bytes(out) + stream[at:]


def with_segment(stream: bytes, marker: int, body: bytes) -> bytes:
    """A JPEG stream with a segment more, behind SOI."""
    return stream[:2] + bytes([0xFF, marker]) + (2 + len(body)).to_bytes(2, "big") + body + stream[2:]


def check_cuts(decode: Decode, stream: bytes, like: np.ndarray, end: int = 2, **changes: Any) -> None:
    """No prefix decodes, but those that lack no more than the last `end` bytes, the marker of the end."""
    step = max(1, len(stream) // 150)
    for n in (*range(0, len(stream) - 60, step), *range(len(stream) - 60, len(stream) - end)):
        with pytest.raises(MalformedError) as caught:
            decoded(decode, stream[:n], like, **changes)
        assert caught.value.frame == 3, n


def check_flips(decode: Decode, stream: bytes, like: np.ndarray, capfd: Any, count: int = 150, **changes: Any) -> None:
    """A damaged stream gives an array or a DicomError, and nothing on the outputs."""
    rng = np.random.default_rng(1)
    errors = 0
    for _ in range(count):
        damaged = bytearray(stream)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(len(stream))] ^= 1 << rng.integers(8)
        try:
            decoded(decode, bytes(damaged), like, **changes)
        except DicomError as error:
            assert error.frame == 3
            errors += 1
    assert errors
    assert capfd.readouterr() == ("", "")


def check_disagreements(decode: Decode, stream: bytes, like: np.ndarray, **changes: Any) -> None:
    """Another size or number of components than the header's is an error that names both."""
    rows, columns, samples = like.shape
    others = {
        ("stream_rows", 0x00280010): (rows + 1, columns, samples),
        ("stream_columns", 0x00280011): (rows, columns - 1, samples),
        ("stream_components", 0x00280002): (rows, columns, 4 - samples),
    }
    for named, shape in others.items():
        with pytest.raises(MalformedError, match=r"expected .*, found ") as caught:
            decoded(decode, stream, np.empty(shape, like.dtype), **changes)
        assert caught.value.frame == 3
        assert (caught.value.code, caught.value.tag) == named  # the same with every codec
