"""More bombs: for `values="tfio"`, overlays, windows of the pixels themselves, series, slides, tables and video."""

from __future__ import annotations

import importlib.util
import io
import struct
from typing import Any

import numpy as np

import dicomdecode as dd
from tests import synthesise as s
from tests.hostile import streams
from tests.hostile.bombs import (
    HT,
    JPEG,
    JPEG_2000,
    JPEG_LS,
    LOSSLESS,
    coded,
    displayed,
    fragments,
    frames_without_ends,
    head,
    items,
    native,
    rle,
    stored,
    video,
)
from tests.hostile.measuring import Bomb

RNG = np.random.default_rng(12)
PLANE = [(0x00200032, "DS", "0\\0\\0"), (0x00200037, "DS", "1\\0\\0\\0\\1\\0"), (0x00280030, "DS", "1\\1")]


def as_tfio(contents: bytes, dtype: str = "uint16") -> Any:
    return dd.decode_dicom_image(contents, values="tfio", on_error="strict", dtype=dtype)


def burned(contents: bytes) -> Any:
    return dd.imread(contents, values="display", overlays=True)


def by_its_pixels(contents: bytes) -> Any:
    return dd.imread(contents, values="display", window="auto")


def as_series(contents: bytes) -> Any:
    return dd.read_series([contents], split="all", strict=False)


def overlay(rows: int, columns: int, data: bytes, *more: Any) -> list[Any]:
    return [
        *((0x60000010, "US", rows), (0x60000011, "US", columns), *more, (0x60000040, "CS", "G")),
        *((0x60000050, "SS", [1, 1]), (0x60000100, "US", 1), (0x60000102, "US", 0), (0x60003000, "OW", data)),
    ]


def rle_of_packets(count: int) -> bytes:
    """A frame of packets of a pixel, in two fragments."""
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + b"\0\7" * count
    parts = b"".join(map(s.item, [b"", frame[: len(frame) // 2], frame[len(frame) // 2 :]]))
    front = s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE)
    return s.dataset([*head(4000, count // 4000), front + parts + s.tag_bytes(0xFFFEE0DD) + bytes(4)], syntax=s.RLE)


def lookup_table(size: int) -> list[Any]:
    table = [(0x00283002, "US", [0, 0, 16]), (0x00283004, "LO", "HU"), (0x00283006, "OW", bytes(size))]
    return [(0x00283000, "SQ", [table])]


def palette_of(size: int) -> bytes:
    extra: list[Any] = [(0x00281101 + i, "US", [0, 0, 16]) for i in range(3)]
    extra += [(0x00281201 + i, "OW", bytes(size)) for i in range(3)]
    return s.image(np.zeros((4, 4), np.uint16), photometric="PALETTE COLOR", extra=extra)


def siemens_mosaic(count: bytes) -> bytes:
    """A mosaic whose private header says how many slices it has."""
    csa = b"SV10\4\3\2\1" + struct.pack("<II", 2, 77)
    for name, values in ((b"NumberOfImagesInMosaic", [count]), (b"SliceNormalVector", [b"0", b"0", b"1"])):
        csa += struct.pack("<64si4siii", name, 1, b"IS", 6, len(values), 77)
        for value in values:
            csa += struct.pack("<4i", len(value), len(value), 77, len(value)) + value + bytes(-len(value) % 4)
    extra = [(0x00080008, "CS", "ORIGINAL\\PRIMARY\\MOSAIC"), (0x00180088, "DS", "1"), *PLANE]
    return native([*extra, (0x00290010, "LO", "SIEMENS CSA HEADER"), (0x00291010, "OB", csa)])


def mosaic_of_items(count: int) -> bytes:
    body = (s.tag_bytes(0xFFFEE000) + bytes(4)) * count
    sequence = s.header(0x00651051, "SQ", len(body), s.LITTLE) + body
    return native([(0x00080008, "CS", "A\\B\\VFRAME"), (0x00650010, "LO", "Image Private Header"), sequence])


def tiles(rows: int, columns: int, frames: int = 2) -> bytes:
    matrix = [(0x00480006, "UL", columns), (0x00480007, "UL", rows), (0x00209311, "CS", "TILED_SPARSE")]
    place = [(0x0048021E, "SL", 1), (0x0048021F, "SL", 1)]
    groups = [[(0x0048021A, "SQ", [place])]] * frames
    return s.image(np.zeros((frames, 1, 1), np.uint8), extra=[*matrix, (0x52009230, "SQ", groups)])


def slide_of(contents: bytes) -> Any:
    from dicomdecode.export.slides import slide_of
    from dicomdecode.limits import Limits
    from dicomdecode.reading import DicomFile, MemorySource

    source = MemorySource(contents)
    slide = slide_of(source, DicomFile(source, Limits()), {}, 1)
    return None if slide is None else sum(len(band) for _, band in slide.bands())


MORE: dict[str, Bomb] = {
    "fragments of an RLE frame each, as tensorflow-io reads them": Bomb(
        "refused", lambda: fragments(1_000_000, 8, 1_000_000), as_tfio
    ),
    "RLE of packets of a pixel, as tensorflow-io reads it": Bomb("decodes", lambda: rle_of_packets(8_000_000), as_tfio),
    "RLE of control bytes of 128, as tensorflow-io reads it": Bomb(
        "decodes", lambda: rle(b"\x80\7" * 160_000, 4000, 5000), as_tfio
    ),
    "JPEG of fill bytes, as tensorflow-io reads it": Bomb(
        "refused", lambda: coded(JPEG, b"\xff\xd8" + b"\xff" * 20_000_000, 64, 64), as_tfio
    ),
    "an offset table of many, as tensorflow-io reads it": Bomb(
        "refused", lambda: frames_without_ends(3, JPEG_2000, 2, bytes(80_000_000)), as_tfio
    ),
    "a lookup table of many, as tensorflow-io reads it": Bomb(
        "decodes", lambda: native(lookup_table(80_000_000)), as_tfio
    ),
    "palettes of many, as tensorflow-io reads them": Bomb("decodes", lambda: palette_of(40_000_000), as_tfio),
    "overlay of many pixels, as tensorflow-io burns it": Bomb(
        "decodes", lambda: native(overlay(30_000, 30_000, bytes(112_500_000))), as_tfio
    ),
    "12 bits a pixel, as tensorflow-io reads them": Bomb(
        "decodes",
        lambda: s.dataset([*head(4000, 4000, bits=12, allocated=12), (s.PIXEL_DATA, "OW", bytes(24_000_000))]),
        as_tfio,
    ),
    "one bit a pixel, as tensorflow-io reads it": Bomb(
        "decodes",
        lambda: s.dataset([*head(10_000, 10_000, bits=1, allocated=1), (s.PIXEL_DATA, "OB", bytes(12_500_000))]),
        lambda contents: as_tfio(contents, "uint8"),
    ),
    "a lookup table of many": Bomb("decodes", lambda: native(lookup_table(80_000_000)), dd.imread),
    "palettes of many": Bomb("decodes", lambda: palette_of(40_000_000), stored),
    "overlay of many pixels": Bomb("decodes", lambda: native(overlay(30_000, 30_000, bytes(112_500_000))), burned),
    "overlay of many frames": Bomb(
        "decodes",
        lambda: s.image(
            np.zeros((50_000, 1, 1), np.uint8), extra=overlay(80, 80, bytes(40_000_000), (0x60000015, "IS", 50_000))
        ),
        burned,
    ),
    "overlay in the pixels": Bomb(
        "decodes",
        lambda: s.image(
            np.zeros((6000, 6000), np.uint16),
            bits_stored=12,
            extra=[*((0x60000010, "US", 6000), (0x60000011, "US", 6000)), (0x60000102, "US", 15)],
        ),
        burned,
    ),
    "a window of 32-bit pixels": Bomb(
        "decodes", lambda: s.image(RNG.integers(0, 1 << 31, (4000, 4000), np.int32)), by_its_pixels
    ),
    "a window of floats": Bomb("decodes", lambda: s.image(RNG.random((4500, 4500), np.float32)), by_its_pixels),
    "values of Pixel Spacing and of the plane": Bomb(
        "decodes",
        lambda: s.image(
            np.zeros((4, 4), np.uint16),
            syntax=s.IMPLICIT_LE,
            extra=[(tag, "DS", "1\\" * 4_000_000 + "1") for tag, _, _ in PLANE],
        ),
        lambda contents: len(str((dd.open(contents).spacing, dd.open(contents).affine))),
    ),
    "terms of Specific Character Set": Bomb(
        "decodes",
        lambda: native([(0x00080005, "UN", b"ISO 2022 IR 6\\" * 2_000_000), (0x00100010, "PN", b"\xc4^\xd6")]),
        lambda contents: len(dd.open(contents).tag("PatientName")),
    ),
    "a table of items": Bomb(
        "decodes",
        lambda: items(0x00081140, 500_000),
        lambda contents: len(dd.read_tags([contents], ["[0008,1140][*][0008,1155]"])),
    ),
    "digits of Instance Number": Bomb(
        "decodes",
        lambda: native([(0x00200013, "UN", b"9" * 10_000_000)]),
        lambda contents: len(dd.read_tags([contents], ["InstanceNumber"], types={"InstanceNumber": "int"})),
    ),
    "digits of the slices of a mosaic": Bomb("refused", lambda: siemens_mosaic(b"9" * 5000), as_series),
    "items of the slices of a mosaic": Bomb("refused", lambda: mosaic_of_items(2_000_000), as_series),
    "a series of four million frames": Bomb(
        "refused", lambda: s.image(np.zeros((4_000_000, 1, 1), np.uint8), extra=PLANE), as_series
    ),
    "a slide with room for many tiles": Bomb("refused", lambda: tiles(1 << 31, 1 << 31), slide_of),
    "JPEG-LS of parameters": Bomb(
        "refused",
        lambda: coded(
            JPEG_LS,
            b"\xff\xd8" + b"\xff\xf8\0\x0d\1\0\xff\0\3\0\7\0\x15\0\x40" * 1_000_000 + streams.jpeg_ls(64, 64),
            64,
            64,
        ),
        stored,
    ),
    "Huffman tables of JPEG": Bomb(
        "decodes",
        lambda: coded(
            LOSSLESS,
            b"\xff\xd8"
            + streams.huffman(0, [1], [0]) * 500_000
            + streams.jpeg(64, 64, process=0xC3, payload=bytes(1024))[2:],
            64,
            64,
        ),
        stored,
    ),
    "HTJ2K of many frames, one after the other": Bomb(
        "refused",
        lambda: coded(HT, streams.jpeg_2000(4096, 4096, high_throughput=True), 4096, 4096, frames=1000, streams=1000),
        lambda contents: sum(1 for _ in dd.open(contents)),
    ),
    "JPEG 2000 of many components": Bomb(
        "refused", lambda: coded(JPEG_2000, streams.jpeg_2000(64, 64, components=16384, levels=0), 64, 64), displayed
    ),
}


def pictures(codec: str, container: str, size: tuple[int, int], count: int) -> bytes:
    """A stream of black pictures."""
    import av

    found = io.BytesIO()
    with av.open(found, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        stream.options = {"preset": "ultrafast"} if codec == "libx264" else {}
        for _ in range(count):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((*size, 3), np.uint8), format="rgb24")))
        output.mux(stream.encode())
    return found.getvalue()


def mp4_of_samples(count: int) -> bytes:
    """An MP4 whose tables say that all samples have a byte, and follow each other."""
    data = bytearray(pictures("libx264", "mp4", (48, 64), 2))
    at = data.index(b"stsz")
    data[at + 8 : at + 16] = struct.pack(">II", 1, count)
    for box, place in ((b"stsc", 16), (b"stts", 12)):
        at = data.index(box)
        data[at + place : at + place + 4] = struct.pack(">I", count)
    return bytes(data)


if importlib.util.find_spec("av"):
    MORE |= {
        "MP4 of many samples": Bomb("refused", lambda: video(mp4_of_samples(1 << 26), "103"), stored),
        "H.264 whose pictures grow": Bomb(
            "refused",
            lambda: video(
                pictures("libx264", "h264", (48, 64), 1) + pictures("libx264", "h264", (4096, 4096), 1), "102"
            ),
            stored,
        ),
        "MPEG-2 whose pictures grow": Bomb(
            "refused",
            lambda: video(
                pictures("mpeg2video", "mpeg2video", (48, 64), 1)
                + pictures("mpeg2video", "mpeg2video", (4080, 4080), 1),
                "100",
            ),
            stored,
        ),
    }
