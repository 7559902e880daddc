"""OpenJPEG's encoder with all of its settings, for round trips: neither imagecodecs nor Pillow reaches most of them.

The library is the one that the package itself would use; its structures are glymur's.
"""

from __future__ import annotations

import ctypes
import os
import struct
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from glymur.lib import openjp2

from dicomdecode.codecs import jpeg2000

ORDERS = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")
BYPASS, RESET, TERMINATE, CAUSAL, PREDICTABLE, SYMBOLS = 1, 2, 4, 8, 16, 32


class _Parameters(openjp2.CompressionParametersType):
    """With the fields that came after 2.0, and room for what a later version may append."""

    _fields_ = (("later", ctypes.c_char * 512),)


class _Component(ctypes.Structure):
    """As of 2.1: glymur leaves out `alpha` where it found no library of its own."""

    _fields_ = (*openjp2.ImageCompType._fields_[:12], ("alpha", ctypes.c_uint16))


def library() -> Any:
    """The shared library, loaded."""
    for candidate in (*jpeg2000._in_wheels(), *filter(None, [openjp2.OPENJP2])):
        found = ctypes.CDLL(candidate) if isinstance(candidate, str) else candidate
        found.opj_version.restype = ctypes.c_char_p
        return found
    raise RuntimeError("the tests need a shared OpenJPEG library")


def encode(
    a: np.ndarray,
    bits: int | Sequence[int],
    *,
    order: str = "LRCP",
    style: int = 0,
    resolutions: int = 4,
    blocks: tuple[int, int] = (64, 64),
    precincts: Sequence[tuple[int, int]] = (),
    tile: tuple[int, int] | None = None,
    tile_offset: tuple[int, int] = (0, 0),
    image_offset: tuple[int, int] = (0, 0),
    rates: Sequence[float] = (0,),
    irreversible: bool = False,
    transform: bool = False,
    roi: tuple[int, int] | None = None,
    changes: Sequence[tuple[int, int, int, int, int, str]] = (),
    parts: str = "",
    sop: bool = False,
    eph: bool = False,
    steps: Sequence[tuple[int, int]] = (),
    array: np.ndarray | None = None,
) -> bytes:
    """A codestream of [rows, columns, samples]. `bits` and `steps` (XRsiz, YRsiz) may be given for each component.

    `tile`, `blocks`, `precincts` and offsets are (width, height) and (x, y); precincts from the highest resolution
    down. `rates` are compression ratios of the layers, 0 for lossless; `roi` is component and shift. `changes` are
    first resolution, first component, end of layers, of resolutions, of components, and order. `array` is the matrix
    of a component transform of JPEG 2000 Part 2 (MCT, MCC and MCO segments), with the 9/7 wavelet.
    """
    p = _Parameters()
    lib = library()
    lib.opj_set_default_encoder_parameters(ctypes.byref(p))
    p.prog_order = ORDERS.index(order)
    p.mode = style
    p.numresolution = resolutions
    p.cblockw_init, p.cblockh_init = blocks
    p.res_spec = len(precincts)
    for i, (width, height) in enumerate(precincts):
        p.prcw_init[i], p.prch_init[i] = width, height
    p.csty = (1 if precincts else 0) | sop << 1 | eph << 2
    if tile is not None:
        p.tile_size_on = 1
        p.cp_tdx, p.cp_tdy = tile
    p.cp_tx0, p.cp_ty0 = tile_offset
    p.image_offset_x0, p.image_offset_y0 = image_offset
    p.cp_disto_alloc = 1
    p.tcp_numlayers = len(rates)
    for i, rate in enumerate(rates):
        p.tcp_rates[i] = rate
    p.irreversible = irreversible
    p.tcp_mct = transform
    if roi is not None:
        p.roi_compno, p.roi_shift = roi
    p.numpocs = len(changes)
    for i, change in enumerate(changes):
        poc = p.poc[i]
        poc.resno0, poc.compno0, poc.layno1, poc.resno1, poc.compno1 = change[:5]
        poc.prg1 = ORDERS.index(change[5])
        poc.tile = 1
    if parts:
        p.tp_on, p.tp_flag = 1, ord(parts)
    if array is not None:
        matrix = np.ascontiguousarray(array, np.float32)
        offsets = np.full(a.shape[2], 1 << (max([bits] if isinstance(bits, int) else bits) - 1), np.int32)
        as_pointer = ctypes.c_void_p
        if not lib.opj_set_MCT(
            ctypes.byref(p), as_pointer(matrix.ctypes.data), as_pointer(offsets.ctypes.data), a.shape[2]
        ):
            raise ValueError("OpenJPEG does not take that matrix")
    precisions = [bits] * a.shape[2] if isinstance(bits, int) else list(bits)
    return _run(lib, p, a, precisions, list(steps) or [(1, 1)] * a.shape[2])


def _run(lib: Any, p: _Parameters, a: np.ndarray, bits: list[int], steps: list[tuple[int, int]]) -> bytes:
    rows, columns, samples = a.shape
    kinds = (openjp2.ImageComptParmType * samples)()
    planes = []
    for k, kind in enumerate(kinds):
        kind.dx, kind.dy = steps[k]
        x, y = p.image_offset_x0, p.image_offset_y0
        planes.append(np.ascontiguousarray(a[-y % kind.dy :: kind.dy, -x % kind.dx :: kind.dx, k], np.int32))
        kind.h, kind.w = planes[k].shape
        kind.x0, kind.y0 = x, y
        kind.prec = kind.bpp = bits[k]
        kind.sgnd = a.dtype.kind == "i"
    for name in ("opj_image_create", "opj_create_compress", "opj_stream_create_default_file_stream"):
        getattr(lib, name).restype = ctypes.c_void_p
    image = ctypes.c_void_p(lib.opj_image_create(samples, kinds, 1 if samples == 3 else 2))
    shown = ctypes.cast(image, ctypes.POINTER(openjp2.ImageType)).contents
    shown.x0, shown.y0 = p.image_offset_x0, p.image_offset_y0
    shown.x1, shown.y1 = p.image_offset_x0 + columns, p.image_offset_y0 + rows
    components = ctypes.cast(shown.comps, ctypes.POINTER(_Component))
    for k, plane in enumerate(planes):
        ctypes.memmove(components[k].data, plane.ctypes.data, plane.nbytes)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "stream.j2k")
        codec = ctypes.c_void_p(lib.opj_create_compress(0))
        stream = None
        try:
            done = bool(lib.opj_setup_encoder(codec, ctypes.byref(p), image))
            if done:
                stream = ctypes.c_void_p(lib.opj_stream_create_default_file_stream(path.encode(), 0))
                done = bool(lib.opj_start_compress(codec, image, stream))
                done = done and bool(lib.opj_encode(codec, stream)) and bool(lib.opj_end_compress(codec, stream))
        finally:
            if stream is not None:
                lib.opj_stream_destroy(stream)
            lib.opj_destroy_codec(codec)
            lib.opj_image_destroy(image)
        if not done:
            raise ValueError("OpenJPEG does not encode that")
        with open(path, "rb") as f:
            return f.read()


def packed(stream: bytes, where: str) -> bytes:
    """A stream with SOP and EPH markers, one tile-part a tile, with its packet headers moved to "PPM" or "PPT"."""
    first = stream.index(b"\xff\x90\x00\x0a")
    main, parts, at = stream[:first], [], first
    while stream[at : at + 2] == b"\xff\x90":
        length = struct.unpack_from(">I", stream, at + 6)[0]
        part = stream[at : at + length]
        body = part.index(b"\xff\x93") + 2
        headers, bodies = b"", b""
        for packet in part[body:].split(b"\xff\x91\x00\x04")[1:]:
            end = packet.index(b"\xff\x92", 2) + 2
            headers += packet[2:end]
            bodies += packet[end:]
        parts.append((part[: body - 2], headers, bodies))
        at += length
    cod = main.index(b"\xff\x52") + 4
    main = main[:cod] + bytes([main[cod] & ~2]) + main[cod + 1 :]
    result = b""
    if where == "PPM":
        everything = b"".join(struct.pack(">I", len(headers)) + headers for _, headers, _ in parts)
        result = _segments(0xFF60, everything)
    for head, headers, bodies in parts:
        head += b"" if where == "PPM" else _segments(0xFF61, headers)
        part = head + b"\xff\x93" + bodies
        result += part[:6] + struct.pack(">I", len(part)) + part[10:]
    return main + result + stream[at:]


def _segments(marker: int, contents: bytes) -> bytes:
    """PPM or PPT segments of odd sizes, so that nothing ends where a segment does."""
    step = max(301, len(contents) // 200)
    pieces = [contents[i : i + step] for i in range(0, len(contents), step)]
    return b"".join(struct.pack(">HHB", marker, len(piece) + 3, i) + piece for i, piece in enumerate(pieces))
