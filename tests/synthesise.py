"""Writes DICOM bytes by hand, so that what the package reads is checked against something that shares no code with it.

`dataset` writes any data elements, `image` a whole image file. The pixels given to `image` are the stored values that a
right decoder returns; where an encoding changes them (4:2:2), a function here says what comes out.

    >>> from tests.synthesise import EXPLICIT_BE, image
    >>> import numpy as np
    >>> contents = image(np.arange(6, dtype=np.int16).reshape(2, 3) - 3, syntax=EXPLICIT_BE, bits_stored=12)

An element is a tuple (tag, VR, value) or, as it stands, bytes. A value is bytes, a str, numbers by VR, or for SQ a list
of items, each a list of elements.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
RLE = "1.2.840.10008.1.2.5"
GE_PRIVATE = "1.2.840.113619.5.2"
ENCAPSULATED = (ENCAPSULATED_UNCOMPRESSED, DEFLATED_FRAME, RLE)

PIXEL_DATA = 0x7FE00010
UNDEFINED = 0xFFFFFFFF

# VRs with a 16-bit length; all others, unknown ones too, have two reserved bytes and a 32-bit length (PS3.5 7.1.2).
SHORT_VRS = ("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS", "ST", "TM")
SHORT_VRS += ("UI", "UL", "US")
NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q", "FL": "f", "FD": "d", "OF": "f", "OD": "d"}

Element = tuple[int, str, Any] | bytes
Mode = Literal["empty", "full", "extended", "lying", "none"]


@dataclass(frozen=True)
class Encoding:
    """How a data set is written."""

    explicit: bool = True
    big_endian: bool = False
    undefined_sequences: bool = False
    undefined_items: bool = False
    delimit_items: bool = True  # False leaves out Item Delimitation, as some writers do

    @property
    def order(self) -> str:
        return ">" if self.big_endian else "<"


LITTLE = Encoding()
IMPLICIT = Encoding(explicit=False)


def encoding_of(syntax: str) -> Encoding:
    return Encoding(explicit=syntax not in (IMPLICIT_LE, GE_PRIVATE), big_endian=syntax == EXPLICIT_BE)


def tag_bytes(tag: int, order: str = "<") -> bytes:
    return struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)


def value_bytes(vr: str, value: Any, order: str = "<") -> bytes:
    """A value that is no sequence, padded to even length (PS3.5 6.2)."""
    if isinstance(value, (bytes, bytearray)):
        return bytes(value) + b"\0" * (len(value) % 2)
    if isinstance(value, np.ndarray):
        return value_bytes(vr, value.astype(value.dtype.newbyteorder(order)).tobytes(), order)
    many = list(value) if isinstance(value, (list, tuple)) else [value]
    if vr == "AT":
        return b"".join(tag_bytes(tag, order) for tag in many)
    if vr in NUMBERS:
        return struct.pack(f"{order}{len(many)}{NUMBERS[vr]}", *many)
    text = "\\".join(str(v) for v in many).encode("latin-1")
    return text + (b"\0" if vr == "UI" else b" ") * (len(text) % 2)


def header(tag: int, vr: str, length: int, encoding: Encoding, *, long_form: bool | None = None) -> bytes:
    order = encoding.order
    if not encoding.explicit:
        return tag_bytes(tag, order) + struct.pack(order + "I", length)
    if long_form if long_form is not None else vr not in SHORT_VRS:
        return tag_bytes(tag, order) + vr.encode("latin-1") + struct.pack(order + "HI", 0, length)
    return tag_bytes(tag, order) + vr.encode("latin-1") + struct.pack(order + "H", length)


def element(tag: int, vr: str, value: Any, encoding: Encoding = LITTLE) -> bytes:
    """One data element."""
    if isinstance(value, list) and (vr == "SQ" or (vr == "UN" and (not value or not isinstance(value[0], int)))):
        return sequence(tag, vr, value, encoding)
    data = value_bytes(vr, value, encoding.order)
    return header(tag, vr, len(data), encoding) + data


def sequence(tag: int, vr: str, items: list[list[Element]], encoding: Encoding) -> bytes:
    """A sequence (PS3.5 7.5). One written as UN has items in Implicit VR Little Endian (PS3.5 6.2.2)."""
    inner = encoding
    if vr == "UN":
        inner = Encoding(False, False, encoding.undefined_sequences, encoding.undefined_items, encoding.delimit_items)
    order = inner.order
    body = b""
    for item in items:
        data = elements(item, inner)
        if encoding.undefined_items:
            end = tag_bytes(0xFFFEE00D, order) + b"\0" * 4 if encoding.delimit_items else b""
            body += tag_bytes(0xFFFEE000, order) + struct.pack(order + "I", UNDEFINED) + data + end
        else:
            body += tag_bytes(0xFFFEE000, order) + struct.pack(order + "I", len(data)) + data
    if encoding.undefined_sequences:
        return header(tag, vr, UNDEFINED, encoding) + body + tag_bytes(0xFFFEE0DD, order) + b"\0" * 4
    return header(tag, vr, len(body), encoding) + body


def elements(items: Iterable[Element], encoding: Encoding = LITTLE) -> bytes:
    return b"".join(e if isinstance(e, bytes) else element(*e, encoding) for e in items)


def with_group_lengths(items: Sequence[Element], encoding: Encoding) -> list[Element]:
    """The same elements, each group led by its Group Length (gggg,0000)."""
    groups: dict[int, list[Element]] = {}
    for e in items:
        group = struct.unpack(encoding.order + "H", e[:2])[0] if isinstance(e, bytes) else e[0] >> 16
        groups.setdefault(group, []).append(e)
    return [x for g, part in groups.items() for x in [(g << 16, "UL", [len(elements(part, encoding))]), *part]]


def file_meta(syntax: str | None, *, group_length: bool = True, extra: Iterable[Element] = ()) -> bytes:
    """File meta information, always Explicit VR Little Endian (PS3.10 7.1). `syntax` None leaves (0002,0010) out."""
    meta: list[Element] = [(0x00020001, "OB", b"\0\1"), (0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.7")]
    meta += [(0x00020003, "UI", "1.2.3.4")]
    meta += [(0x00020010, "UI", syntax)] if syntax is not None else []
    body = elements([*meta, *extra])
    return (element(0x00020000, "UL", len(body)) if group_length else b"") + body


def dataset(
    items: Iterable[Element],
    *,
    syntax: str | None = EXPLICIT_LE,
    encoding: Encoding | None = None,
    preamble: bool = True,
    meta: bool = True,
    meta_group_length: bool = True,
    group_lengths: bool = False,
    trailing: bytes = b"",
) -> bytes:
    """A file of these elements, in their order. `encoding` overrides what `syntax` says, to make the two contradict."""
    encoding = encoding or encoding_of(syntax or IMPLICIT_LE)
    items = list(items)
    body = elements(with_group_lengths(items, encoding) if group_lengths else items, encoding) + trailing
    if syntax == DEFLATED:
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        body = deflate.compress(body) + deflate.flush()
        body += b"\0" * (len(body) % 2)
    front = b"\0" * 128 + b"DICM" if preamble else b""
    return front + (file_meta(syntax, group_length=meta_group_length) if meta else b"") + body


def pack_bits(cells: np.ndarray, bits: int) -> bytes:
    """Cells of `bits` bits one after the other, the least significant bit first (PS3.5 8.1.1)."""
    spread = (cells.reshape(-1, 1).astype(np.uint64) >> np.arange(bits, dtype=np.uint64)) & np.uint64(1)
    return np.packbits(spread.astype(np.uint8).ravel(), bitorder="little").tobytes()


def swap_pairs(data: bytes) -> bytes:
    """The bytes of 16-bit words (OW) in the other byte order."""
    return np.frombuffer(data + b"\0" * (len(data) % 2), "<u2").byteswap().tobytes()


def cells_of(pixels: np.ndarray, allocated: int, stored: int, high_bit: int, stray: int | None) -> np.ndarray:
    """Stored values in their cells, as unsigned integers; other bits 0, or random from the seed `stray`."""
    mask = (1 << stored) - 1
    shift = high_bit - stored + 1
    word = np.dtype(f"u{max(1, allocated // 8 if allocated != 12 else 2)}" if allocated > 1 else "u1")
    cells = (pixels.astype(np.int64).view(np.uint64) if pixels.dtype != np.uint64 else pixels) & np.uint64(mask)
    cells = cells << np.uint64(shift)
    if stray is not None and stored < allocated:
        noise = np.random.default_rng(stray).integers(0, 1 << 63, pixels.shape, np.uint64)
        cells = cells | (noise & np.uint64(((1 << allocated) - 1) & ~(mask << shift)))
    return cells.astype(word)


def subsampled(pixels: np.ndarray) -> np.ndarray:
    """What native 4:2:2 leaves of YBR pixels [..., columns, 3]: each pair of columns has the chroma of its first."""
    out = pixels.copy()
    odd = out[..., 1::2, 1:]
    odd[...] = out[..., 0::2, 1:][..., : odd.shape[-2], :]
    return out


def rgb_of_ybr_full(pixels: np.ndarray, bits: int = 8) -> np.ndarray:
    """YBR_FULL -> RGB in float64, rounded and clipped (PS3.3 C.7.6.3.1.2)."""
    y, cb, cr = np.moveaxis(pixels.astype(np.float64), -1, 0)
    middle = 1 << (bits - 1)
    cb, cr = cb - middle, cr - middle
    rgb = np.stack([y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb], -1)
    return np.clip(np.floor(rgb + 0.5), 0, (1 << bits) - 1).astype(pixels.dtype)


def frame_bytes(
    cells: np.ndarray, *, planar: int, allocated: int, half_chroma: bool, order: str, word_order: bool
) -> bytes:
    """One frame [rows, columns, samples], or several at once, as the value of native Pixel Data."""
    if half_chroma:  # Y1 Y2 Cb Cr (PS3.3 C.7.6.3.1.2)
        pairs = cells.reshape(*cells.shape[:-2], -1, 2, 3)
        cells = np.stack([pairs[..., 0, 0], pairs[..., 1, 0], pairs[..., 0, 1], pairs[..., 0, 2]], -1)
    elif planar:
        cells = np.moveaxis(cells, -1, -3)
    if allocated in (1, 12):
        data = pack_bits(np.ascontiguousarray(cells), allocated)
        return swap_pairs(data) if order == ">" and word_order else data
    if allocated == 8:
        data = np.ascontiguousarray(cells).tobytes()
        return swap_pairs(data) if order == ">" and word_order else data
    return np.ascontiguousarray(cells).astype(cells.dtype.newbyteorder(order)).tobytes()


def rle_packets(data: bytes, *, seed: int = 0) -> bytes:
    """PackBits (PS3.5 G.3.1) with every kind of packet: literal and replicate runs of 1 to 128 bytes, and no-ops."""
    rng = np.random.default_rng(seed)
    out = bytearray()
    pos = 0
    while pos < len(data):
        if rng.random() < 0.05:
            out.append(128)
        run = 1
        while run < 128 and pos + run < len(data) and data[pos + run] == data[pos]:
            run += 1
        if run >= 2 and rng.random() < 0.9:
            out += bytes([257 - run, data[pos]])
            pos += run
        else:
            n = min(len(data) - pos, int(rng.choice([1, 2, 3, 17, 128])))
            out += bytes([n - 1]) + data[pos : pos + n]
            pos += n
    return bytes(out)


def rle_frame(cells: np.ndarray, *, seed: int = 0, split_rows: bool = True, padding: int = 0) -> bytes:
    """A frame [rows, columns, samples] as an RLE codestream (PS3.5 annex G), most significant byte plane first."""
    size = cells.dtype.itemsize
    planes = [
        np.ascontiguousarray(cells[..., s]).astype(cells.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, size)[:, b]
        for s in range(cells.shape[-1])
        for b in range(size)
    ]
    segments = []
    for i, plane in enumerate(planes):
        rows = plane.reshape(cells.shape[0], -1) if split_rows and cells.shape[0] else plane.reshape(1, -1)
        data = b"".join(rle_packets(row.tobytes(), seed=seed + i + j) for j, row in enumerate(rows))
        segments.append(data + b"\0" * (len(data) % 2 + padding))
    offsets = np.cumsum([64] + [len(s) for s in segments])[:-1]
    return struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(segments)


def deflate_frame(data: bytes) -> bytes:
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    return deflate.compress(data) + deflate.flush()


def item(data: bytes) -> bytes:
    data += b"\0" * (len(data) % 2)
    return tag_bytes(0xFFFEE000) + struct.pack("<I", len(data)) + data


def encapsulate(
    frames: Sequence[bytes], *, fragments: int = 1, table: Mode = "empty", delimiter: bool = True
) -> list[Element]:
    """Pixel Data of these codestreams (PS3.5 A.4), each cut into `fragments`, with the offset tables asked for."""
    body = b""
    offsets, lengths = [], []
    for frame in frames:
        step = max(2, -(-len(frame) // fragments) + 1 & ~1)
        offsets.append(len(body))
        lengths.append(len(frame))
        body += b"".join(item(frame[i : i + step]) for i in range(0, len(frame), step))
    basic: list[int] = []
    if table in ("full", "lying"):
        basic = offsets if table == "full" else [o + 7 for o in offsets]
    front: list[Element] = []
    if table == "extended":
        front = [(0x7FE00001, "OV", np.array(offsets, np.uint64)), (0x7FE00002, "OV", np.array(lengths, np.uint64))]
    data = header(PIXEL_DATA, "OB", UNDEFINED, LITTLE)
    data += b"" if table == "none" else item(struct.pack(f"<{len(basic)}I", *basic))
    data += body + (tag_bytes(0xFFFEE0DD) + b"\0" * 4 if delimiter else b"")
    return [*front, data]


def canonical(pixels: np.ndarray, samples: int) -> np.ndarray:
    """[frames, rows, columns, samples] of 2-D, 3-D or 4-D pixels."""
    if pixels.ndim == 4:
        return pixels
    if pixels.ndim == 3 and samples > 1:
        return pixels[None]
    return pixels.reshape((-1, *pixels.shape[-2:], 1))


def image(
    pixels: np.ndarray,
    *,
    syntax: str = EXPLICIT_LE,
    photometric: str = "MONOCHROME2",
    allocated: int | None = None,
    bits_stored: int | None = None,
    high_bit: int | None = None,
    signed: bool | None = None,
    planar: int = 0,
    vr: str | None = None,
    stray: int | None = None,
    fragments: int = 1,
    table: Mode = "empty",
    delimiter: bool = True,
    number_of_frames: int | str | None = None,
    extra: Sequence[Element] = (),
    without: Sequence[int] = (),
    **layout: Any,
) -> bytes:
    """A file that holds `pixels`: [rows, columns], [frames, rows, columns], [rows, columns, samples] or all four.

    Bits Allocated, Bits Stored and Pixel Representation follow the dtype (a float dtype makes Float or Double Float
    Pixel Data); `stray` seeds random bits outside the stored ones; `extra` adds or replaces elements, `without` removes
    tags; `layout` goes to `dataset`.
    """
    samples = 3 if photometric.startswith(("RGB", "YBR")) else 1
    pixels = canonical(pixels, samples)
    frames, rows, columns, samples = pixels.shape
    floating = pixels.dtype.kind == "f"
    allocated = allocated or pixels.dtype.itemsize * 8
    stored = bits_stored or (allocated if allocated != 1 else 1)
    high = stored - 1 if high_bit is None else high_bit
    signed = pixels.dtype.kind == "i" if signed is None else signed
    order = ">" if syntax in (EXPLICIT_BE, GE_PRIVATE) else "<"
    vr = vr or ("OF" if pixels.dtype.itemsize == 4 else "OD" if floating else "OB" if allocated <= 8 else "OW")
    if not floating and vr in ("OF", "OD"):
        vr = "OW"
    vr = "OW" if not encoding_of(syntax).explicit and not floating else vr
    half = photometric == "YBR_FULL_422" and syntax != RLE
    cells = pixels if floating else cells_of(pixels, allocated, stored, high, stray)
    form = {"planar": planar, "allocated": allocated, "half_chroma": half, "order": order, "word_order": vr == "OW"}
    tag = {("f", 4): 0x7FE00008, ("f", 8): 0x7FE00009}.get((pixels.dtype.kind, pixels.dtype.itemsize), PIXEL_DATA)

    head: dict[int, Element] = {}
    if samples > 1:
        head[0x00280006] = (0x00280006, "US", planar)
    if frames > 1 or number_of_frames is not None:
        n = frames if number_of_frames is None else number_of_frames
        head[0x00280008] = (0x00280008, "IS", n)
    numbers = {0x00280002: samples, 0x00280010: rows, 0x00280011: columns, 0x00280100: allocated}
    if not floating:
        numbers |= {0x00280101: stored, 0x00280102: high, 0x00280103: int(signed)}
    head |= {t: (t, "US", n) for t, n in numbers.items()}
    head[0x00280004] = (0x00280004, "CS", photometric)
    late = []
    for e in extra:
        if isinstance(e, bytes):
            late.append(e)
        else:
            head[e[0]] = e
    body: list[Element] = [e for t, e in sorted(head.items()) if t not in without]
    if syntax == RLE:
        planes = list(cells)
        if allocated == 1:  # one plane of packed bits
            planes = [np.frombuffer(pack_bits(f, 1), np.uint8).reshape(1, -1, 1) for f in cells]
        data = encapsulate(
            [rle_frame(f, seed=i) for i, f in enumerate(planes)], fragments=fragments, table=table, delimiter=delimiter
        )
    elif syntax in ENCAPSULATED:
        streams = [frame_bytes(f, **form) for f in cells]
        if syntax == DEFLATED_FRAME:
            streams = [deflate_frame(s) for s in streams]
        data = encapsulate(streams, fragments=fragments, table=table, delimiter=delimiter)
    else:
        data = [(tag, vr, frame_bytes(cells, **form))]
    return dataset([*body, *late, *(data if tag not in without else [])], syntax=syntax, **layout)


def lookup_tables(
    tables: Sequence[np.ndarray],
    *,
    first: int = 0,
    bits: int = 16,
    packed: bool = False,
    segmented: bool = False,
    descriptor_vr: str = "US",
    base: int = 0x00281100,
) -> list[Element]:
    """Palette Color Lookup Tables (PS3.3 C.7.6.3.1.5, C.7.9); 8-bit entries one a word, or two a word when `packed`."""
    found: list[Element] = []
    for i, table in enumerate(tables):
        count = len(table) % 65536
        found.append((base + 1 + i, descriptor_vr, [count, first, bits]))
    for i, table in enumerate(tables):
        if segmented:
            found.append((base + 0x121 + i, "OW", segments_of(table)))
        else:
            found.append(
                (base + 0x101 + i, "OW", table.astype(np.uint8).tobytes() if packed else table.astype(np.uint16))
            )
    return sorted(found, key=lambda e: e[0])


def segments_of(table: np.ndarray) -> np.ndarray:
    """16-bit segmented lookup data (PS3.3 C.7.9.2): discrete, linear, and an indirect segment where a part repeats."""
    words: list[int] = []
    values = [int(v) for v in table]
    half = len(values) // 2
    repeats = len(values) >= 8 and values[:half] == values[half:]
    part = values[:half] if repeats else values
    starts: list[int] = []
    pos = 0
    while pos < len(part):
        end = pos
        if pos:
            step = part[pos] - part[pos - 1]
            while end + 1 < len(part) and part[end + 1] - part[end] == step:
                end += 1
        starts.append(len(words))
        if pos and end - pos >= 2:
            words += [1, end - pos + 1, part[end]]
            pos = end + 1
        else:
            n = min(4, len(part) - pos)
            words += [0, n, *part[pos : pos + n]]
            pos += n
    if repeats:
        offset = 2 * starts[0]
        words += [2, len(starts), offset & 0xFFFF, offset >> 16]
    return np.array(words, np.uint16)
