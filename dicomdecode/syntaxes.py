"""What is known about transfer syntaxes, one row each (PS3.5 section 10 and annex A, PS3.6 annex A)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = [
    "DEFLATED",
    "DEFLATED_FRAME",
    "ENCAPSULATED_UNCOMPRESSED",
    "EXPLICIT_BIG_ENDIAN",
    "EXPLICIT_LITTLE_ENDIAN",
    "GE_PRIVATE",
    "IMPLICIT",
    "IMPLICIT_LITTLE_ENDIAN",
    "JPEG2000",
    "JPEG_BASELINE",
    "JPEG_XL",
    "RLE",
    "SYNTAXES",
    "Syntax",
    "name_of",
]

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
EXPLICIT_BIG_ENDIAN = "1.2.840.10008.1.2.2"
ENCAPSULATED_UNCOMPRESSED = "1.2.840.10008.1.2.1.98"
RLE = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG2000 = "1.2.840.10008.1.2.4.91"
JPEG_XL = "1.2.840.10008.1.2.4.112"
GE_PRIVATE = "1.2.840.113619.5.2"
#: Those whose data sets have no VRs.
IMPLICIT = (IMPLICIT_LITTLE_ENDIAN, GE_PRIVATE)


class Syntax(NamedTuple):
    """One transfer syntax.

    Attributes
    ----------
    uid : str
        Transfer Syntax UID.
    name : str
        Its name in PS3.6.
    codec : str
        The row of `dicomdecode.codecs` that decodes its frames; "native" for pixel data that are not encapsulated, ""
        where there is no decoder.
    lossy : bool
        Whether compression may have changed values.
    swaps_pixels : bool
        Native pixel data are not in the byte order of the data set.
    extra : str
        The optional extra of this package that its codec needs.
    """

    uid: str
    name: str
    codec: str
    lossy: bool = False
    swaps_pixels: bool = False
    extra: str = ""


_ROOT = "1.2.840.10008.1.2"


def _video(suffix: str, name: str) -> Syntax:
    return Syntax(_ROOT + suffix, name, "video", lossy=True, extra="video")


_ROWS = (
    Syntax(IMPLICIT_LITTLE_ENDIAN, "Implicit VR Little Endian", "native"),
    Syntax(EXPLICIT_LITTLE_ENDIAN, "Explicit VR Little Endian", "native"),
    Syntax(ENCAPSULATED_UNCOMPRESSED, "Encapsulated Uncompressed Explicit VR Little Endian", "uncompressed"),
    Syntax(DEFLATED, "Deflated Explicit VR Little Endian", "native"),
    Syntax(EXPLICIT_BIG_ENDIAN, "Explicit VR Big Endian (retired)", "native"),
    Syntax(GE_PRIVATE, "Implicit VR Little Endian, big endian pixels (GE private)", "native", swaps_pixels=True),
    Syntax(RLE, "RLE Lossless", "rle"),
    Syntax(DEFLATED_FRAME, "Deflated Image Frame Compression", "deflate"),
    Syntax(JPEG_BASELINE, "JPEG Baseline (Process 1)", "jpeg", lossy=True),
    Syntax(_ROOT + ".4.51", "JPEG Extended (Process 2 and 4)", "jpeg", lossy=True),
    Syntax(
        _ROOT + ".4.53", "JPEG Spectral Selection, Non-Hierarchical (Process 6 and 8) (retired)", "jpeg", lossy=True
    ),
    Syntax(
        _ROOT + ".4.55", "JPEG Full Progression, Non-Hierarchical (Process 10 and 12) (retired)", "jpeg", lossy=True
    ),
    Syntax(_ROOT + ".4.57", "JPEG Lossless, Non-Hierarchical (Process 14)", "jpeg"),
    Syntax(_ROOT + ".4.70", "JPEG Lossless, Non-Hierarchical, First-Order Prediction", "jpeg"),
    Syntax(_ROOT + ".4.80", "JPEG-LS Lossless", "jpegls"),
    Syntax(_ROOT + ".4.81", "JPEG-LS Lossy (Near-Lossless)", "jpegls", lossy=True),
    Syntax(_ROOT + ".4.90", "JPEG 2000 (Lossless Only)", "jpeg2000"),
    Syntax(JPEG2000, "JPEG 2000", "jpeg2000", lossy=True),
    Syntax(_ROOT + ".4.92", "JPEG 2000 Part 2 Multi-component (Lossless Only)", "jpeg2000"),
    Syntax(_ROOT + ".4.93", "JPEG 2000 Part 2 Multi-component", "jpeg2000", lossy=True),
    Syntax(_ROOT + ".4.94", "JPIP Referenced", ""),
    Syntax(_ROOT + ".4.95", "JPIP Referenced Deflate", ""),
    _video(".4.100", "MPEG2 Main Profile / Main Level"),
    _video(".4.100.1", "Fragmentable MPEG2 Main Profile / Main Level"),
    _video(".4.101", "MPEG2 Main Profile / High Level"),
    _video(".4.101.1", "Fragmentable MPEG2 Main Profile / High Level"),
    _video(".4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1"),
    _video(".4.102.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1"),
    _video(".4.103", "MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1"),
    _video(".4.103.1", "Fragmentable MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1"),
    _video(".4.104", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video"),
    _video(".4.104.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video"),
    _video(".4.105", "MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video"),
    _video(".4.105.1", "Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video"),
    _video(".4.106", "MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2"),
    _video(".4.106.1", "Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2"),
    _video(".4.107", "HEVC/H.265 Main Profile / Level 5.1"),
    _video(".4.108", "HEVC/H.265 Main 10 Profile / Level 5.1"),
    Syntax(_ROOT + ".4.110", "JPEG XL Lossless", "jpegxl"),
    Syntax(_ROOT + ".4.111", "JPEG XL JPEG Recompression", "jpegxl", lossy=True),
    Syntax(JPEG_XL, "JPEG XL", "jpegxl", lossy=True),
    Syntax(_ROOT + ".4.201", "High-Throughput JPEG 2000 (Lossless Only)", "htj2k"),
    Syntax(_ROOT + ".4.202", "High-Throughput JPEG 2000 with RPCL Options (Lossless Only)", "htj2k"),
    Syntax(_ROOT + ".4.203", "High-Throughput JPEG 2000", "htj2k", lossy=True),
    Syntax(_ROOT + ".4.204", "JPIP HTJ2K Referenced", ""),
    Syntax(_ROOT + ".4.205", "JPIP HTJ2K Referenced Deflate", ""),
    Syntax(_ROOT + ".7.1", "SMPTE ST 2110-20 Uncompressed Progressive Active Video", ""),
    Syntax(_ROOT + ".7.2", "SMPTE ST 2110-20 Uncompressed Interlaced Active Video", ""),
    Syntax(_ROOT + ".7.3", "SMPTE ST 2110-30 PCM Digital Audio", ""),
)

#: Transfer Syntax UID -> row.
SYNTAXES: Mapping[str, Syntax] = MappingProxyType({row.uid: row for row in _ROWS})


#: Private transfer syntaxes without a row: native pixel data in them are Explicit VR Little Endian, as in all others.
_PRIVATE = {"1.3.46.670589.33.1.4.1": "PMSCT_RLE1 (private, of Elscint and Philips)"}


def name_of(uid: str) -> str:
    """The name of a transfer syntax; of an unknown one no text of the file, for this goes into messages."""
    row = SYNTAXES.get(uid)
    return row.name if row is not None else _PRIVATE.get(uid, "an unknown transfer syntax")
