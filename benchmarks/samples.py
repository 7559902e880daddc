"""The files that are measured: a tiny writer of DICOM, and pixels with the noise and the edges of real ones.

Every function is deterministic. Arrays are the stored values that a right decoder gives.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXPLICIT_LE = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"

_LONG = ("OB", "OW", "SQ", "UN", "UT")
Array = NDArray[Any]


def element(tag: int, vr: str, value: bytes | str | int | Sequence[bytes]) -> bytes:
    """One data element in Explicit VR Little Endian; the items of a sequence are given as bytes."""
    if vr == "SQ":
        value = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in value)  # type: ignore[union-attr,arg-type,misc]
    elif isinstance(value, int):
        value = struct.pack("<H" if vr == "US" else "<I", value)
    elif isinstance(value, str):
        value = value.encode()
    assert isinstance(value, bytes)
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB") else b" "
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    return head + (struct.pack("<HI", 0, len(value)) if vr in _LONG else struct.pack("<H", len(value))) + value


def _encapsulated(frames: Iterable[bytes]) -> bytes:
    parts = [struct.pack("<HHHHI", 0x7FE0, 0x0010, *struct.unpack("<HH", b"OB\0\0"), 0xFFFFFFFF), _item(b"")]
    parts += [_item(frame + b"\0" * (len(frame) % 2)) for frame in frames]
    return b"".join([*parts, struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)])


def _item(data: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(data)) + data


def image(
    pixels: Array,
    *,
    bits_stored: int | None = None,
    photometric: str = "MONOCHROME2",
    syntax: str = EXPLICIT_LE,
    frames: Iterable[bytes] | None = None,
    extra: Iterable[bytes] = (),
) -> bytes:
    """A file that holds `pixels` [frames, rows, columns] or [frames, rows, columns, 3]; `frames` are codestreams."""
    stored = bits_stored or 8 * pixels.dtype.itemsize
    samples = pixels.shape[3] if pixels.ndim == 4 else 1
    elements = [
        element(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),
        element(0x00080018, "UI", "1.2.826.0.1.3680043.2.1125.1"),
        element(0x00080060, "CS", "OT"),
        element(0x00100010, "PN", "Sample^Synthesised"),
        element(0x00100020, "LO", "1"),
        element(0x00280002, "US", samples),
        element(0x00280004, "CS", photometric),
        element(0x00280008, "IS", str(pixels.shape[0])),
        element(0x00280010, "US", pixels.shape[1]),
        element(0x00280011, "US", pixels.shape[2]),
        element(0x00280100, "US", 8 * pixels.dtype.itemsize),
        element(0x00280101, "US", stored),
        element(0x00280102, "US", stored - 1),
        element(0x00280103, "US", int(pixels.dtype.kind == "i")),
        *extra,
    ]
    if samples > 1:
        elements.append(element(0x00280006, "US", 0))
    meta = element(0x00020010, "UI", syntax)
    prefix = bytes(128) + b"DICM" + element(0x00020000, "UL", len(meta)) + meta
    if frames is None:
        data = element(0x7FE00010, "OB" if pixels.dtype.itemsize == 1 else "OW", pixels.tobytes())
    else:
        data = _encapsulated(frames)
    # A writer puts elements in the order of their tags, each once: those of `extra` count.
    ordered = sorted({e[:4]: e for e in elements}.values(), key=lambda e: struct.unpack("<HH", e[:4]))
    return b"".join([prefix, *ordered, data])


def native(
    raw: Array,
    side: int,
    *,
    allocated: int,
    stored: int,
    samples: int = 1,
    planar: int = 0,
    photometric: str = "",
    big_endian: bool = False,
) -> bytes:
    """A file of one frame whose cells are the first of the bytes `raw`, as they are."""
    per_pixel = 2 if photometric.endswith("_422") else samples
    cells = raw[: side * side * per_pixel * allocated // 8].tobytes()
    order = ">" if big_endian else "<"

    def item(tag: int, vr: str, value: bytes) -> bytes:
        value += b" " * (len(value) % 2)
        head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF) + vr.encode()
        return (
            head
            + (struct.pack(order + "HI", 0, len(value)) if vr in _LONG else struct.pack(order + "H", len(value)))
            + value
        )

    def number(tag: int, value: int) -> bytes:
        return item(tag, "US", struct.pack(order + "H", value))

    meta = element(0x00020010, "UI", "1.2.840.10008.1.2.2" if big_endian else EXPLICIT_LE)
    parts = [bytes(128) + b"DICM" + element(0x00020000, "UL", len(meta)) + meta, number(0x00280002, samples)]
    parts.append(item(0x00280004, "CS", (photometric or ("RGB" if samples == 3 else "MONOCHROME2")).encode()))
    parts += [number(0x00280006, planar)] if samples > 1 else []
    parts += [number(0x00280010, side), number(0x00280011, side), number(0x00280100, allocated)]
    parts += [number(0x00280101, stored), number(0x00280102, stored - 1), number(0x00280103, 0)]
    parts.append(item(0x7FE00010, "OW", cells))
    return b"".join(parts)


@functools.cache
def picture(rows: int, columns: int, bits: int, frames: int = 1, samples: int = 1, *, signed: bool = False) -> Array:
    """Smooth anatomy, sharp edges, an empty border and noise of a few grey levels."""
    rng = np.random.default_rng(rows * columns + bits + 7 * frames + samples)
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    body = np.sqrt(x**2 + (1.3 * y) ** 2) < 0.85
    ribs = np.where(np.sin(24 * y + 3 * x) > 0.8, 0.25, 0.0)
    top = 2.0**bits - 1
    made = []
    for i in range(frames * samples):
        value = np.where(body, 0.45 + 0.3 * np.cos(2.5 * x + 0.05 * i) * np.cos(2 * y) + ribs, 0.0)
        noise = rng.normal(0, top / 256, (rows, columns)) * body
        made.append(np.clip(np.rint(value * top + noise), 0, top))
    stack = np.stack(made).reshape(frames, samples, rows, columns).transpose(0, 2, 3, 1)
    if signed:
        stack = stack - 2.0 ** (bits - 1)
    kind = ("i" if signed else "u") + ("1" if bits <= 8 else "2")
    return np.ascontiguousarray(stack if samples > 1 else stack[..., 0], kind)


def rle_frame(frame: Array) -> bytes:
    """One frame as RLE Lossless (PS3.5 annex G): a segment for each byte of each sample, the high bytes first."""
    import imagecodecs

    size = frame.dtype.itemsize
    rows, columns = frame.shape[:2]
    cells = frame.reshape(rows, columns, -1, 1).view(f"u{size}").astype(f">u{size}").view(np.uint8)
    segments = []
    for sample in range(cells.shape[2]):
        for byte in range(size):
            plane = np.ascontiguousarray(cells[:, :, sample, byte])
            packed = b"".join(imagecodecs.packbits_encode(row) for row in plane)
            segments.append(packed + b"\0" * (len(packed) % 2))
    offsets = np.zeros(16, "<u4")
    offsets[0] = len(segments)
    offsets[1 : len(segments) + 1] = 64 + np.cumsum([0, *map(len, segments[:-1])])
    return offsets.tobytes() + b"".join(segments)


# The files, by what they stand for.


@functools.cache
def small_ct() -> bytes:
    """pydicom's CT_small.dcm: 128 x 128, 16 bits signed, a real header of 260 elements."""
    from pydicom.data import get_testdata_file

    with open(str(get_testdata_file("CT_small.dcm", download=False)), "rb") as file:
        return file.read()


@functools.cache
def xray() -> bytes:
    """1024 x 1024, 8 bits."""
    return image(picture(1024, 1024, 8, 1))


@functools.cache
def radiograph(bits: int = 16) -> bytes:
    """2048 x 2048, 12 or 16 bits in 16."""
    return image(picture(2048, 2048, bits), bits_stored=bits)


@functools.cache
def series(frames: int = 20) -> bytes:
    """20 frames of 512 x 512, signed 12 bits in 16, with a rescale."""
    rescale = [element(0x00281052, "DS", "-1024"), element(0x00281053, "DS", "1.5")]
    return image(picture(512, 512, 12, frames, signed=True), bits_stored=12, extra=rescale)


@functools.cache
def rle(rows: int, bits: int, samples: int = 1, frames: int = 1) -> tuple[bytes, list[bytes]]:
    """A square RLE file, and its frames."""
    pixels = picture(rows, rows, bits, frames, samples)
    streams = [rle_frame(frame) for frame in pixels]
    photometric = "RGB" if samples > 1 else "MONOCHROME2"
    return image(pixels, bits_stored=bits, photometric=photometric, syntax=RLE, frames=streams), streams


#: Compressed files, by what they stand for: transfer syntax, side, bits, samples a pixel, Photometric Interpretation.
COMPRESSED = {
    "JPEG, 1024x1024 RGB": ("1.2.840.10008.1.2.4.50", 1024, 8, 3, "YBR_FULL_422"),
    "lossless JPEG, 2048x2048, 12 bits": ("1.2.840.10008.1.2.4.70", 2048, 12, 1, "MONOCHROME2"),
    "JPEG-LS, 2048x2048, 12 bits": ("1.2.840.10008.1.2.4.80", 2048, 12, 1, "MONOCHROME2"),
    "JPEG 2000, 2048x2048, 12 bits": ("1.2.840.10008.1.2.4.90", 2048, 12, 1, "MONOCHROME2"),
    "HTJ2K, 2048x2048, 12 bits": ("1.2.840.10008.1.2.4.201", 2048, 12, 1, "MONOCHROME2"),
    "JPEG XL, 1024x1024, 12 bits": ("1.2.840.10008.1.2.4.110", 1024, 12, 1, "MONOCHROME2"),
}


def encode(frame: Array, syntax: str, bits: int) -> bytes:
    """A codestream, by imagecodecs."""
    import imagecodecs as ic

    number = int(syntax.rsplit(".", 1)[1])
    if number == 50:
        return bytes(ic.jpeg8_encode(frame, level=90, subsampling="422", optimize=True))
    if number == 51:
        return bytes(ic.jpeg8_encode(frame, level=90, bitspersample=bits))
    if number == 70:
        return bytes(ic.jpeg8_encode(frame, lossless=True, bitspersample=bits))
    if number == 80:
        return bytes(ic.jpegls_encode(frame))
    if number == 90:
        return bytes(ic.jpeg2k_encode(frame, codecformat="j2k", reversible=True, level=0, bitspersample=bits))
    if number == 201:
        return bytes(ic.htj2k_encode(frame, reversible=True))
    return bytes(ic.jpegxl_encode(frame, lossless=True, bitspersample=bits))


@functools.cache
def compressed(name: str, side: int = 0, frames: int = 1) -> tuple[bytes, list[bytes]]:
    """A file of one row of COMPRESSED, its frames; another size when `side` is given."""
    syntax, usual, bits, count, photometric = COMPRESSED[name]
    pixels = picture(side or usual, side or usual, bits, frames, count)
    streams = [encode(frame, syntax, bits) for frame in pixels]
    return image(pixels, bits_stored=bits, photometric=photometric, syntax=syntax, frames=streams), streams


def bare_decoder(name: str) -> Callable[[bytes, Array], Any]:
    """The codec itself, as the spec of the fastest call: (codestream, array) -> array."""
    import imagecodecs as ic

    number = int(COMPRESSED[name][0].rsplit(".", 1)[1])
    if number == 50:
        return lambda data, out: ic.jpeg8_decode(data, colorspace="YCBCR", outcolorspace="RGB", out=out)
    function = {
        70: ic.jpeg8_decode,
        80: ic.jpegls_decode,
        90: ic.jpeg2k_decode,
        201: ic.htj2k_decode,
        110: ic.jpegxl_decode,
    }[number]
    return lambda data, out: function(data, out=out)


@functools.cache
def enhanced(frames: int = 500) -> bytes:
    """An enhanced multi-frame image: a functional group of its own for each of 500 small frames."""

    def group(i: int) -> bytes:
        position = element(0x00200032, "DS", f"0\\0\\{i}")
        rescale = element(0x00281052, "DS", "-1024") + element(0x00281053, "DS", f"{1 + i % 3}")
        return (
            element(0x00209111, "SQ", [element(0x00209157, "UL", i + 1)])
            + element(0x00209113, "SQ", [position])
            + element(0x00289145, "SQ", [rescale])
        )

    groups = element(0x52009230, "SQ", [group(i) for i in range(frames)])
    return image(picture(16, 16, 12, frames, signed=True), bits_stored=12, extra=[groups])
