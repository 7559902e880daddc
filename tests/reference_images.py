"""One table of real images, shared by all tests of decoders: files that pydicom's wheel holds (nothing is downloaded).

Shapes, types and values are those of stored values in the stored colour space, taken from pydicom; of JPEG-LS, 12-bit
and lossless JPEG, which pydicom alone does not decode, from imagecodecs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pydicom

from tests.synthesise import DEFLATED, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, RLE

JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_LS_NEAR = "1.2.840.10008.1.2.4.81"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
JPEG_2000 = "1.2.840.10008.1.2.4.91"

#: Syntaxes that need no outside codec.
OWN = (IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED, RLE)

FOLDER = Path(pydicom.__file__).parent / "data"


@dataclass(frozen=True)
class Reference:
    """One image: what `imread(path, values="stored", color="stored")` gives for it."""

    name: str
    syntax: str
    photometric: str
    shape: tuple[int, ...]
    dtype: str
    values: dict[tuple[int, ...], int] = field(hash=False)  # index -> value: the largest, one at random, the middle
    tolerance: int = 0  # two decoders of a lossy stream may differ by this much

    @property
    def path(self) -> Path:
        return FOLDER / "test_files" / self.name

    @property
    def contents(self) -> bytes:
        return read(self.name)

    def __str__(self) -> str:
        return self.name


@cache
def read(name: str) -> bytes:
    return (FOLDER / "test_files" / name).read_bytes()


@cache
def shipped() -> tuple[Path, ...]:
    """Every file that pydicom's wheel holds and that may be DICOM."""
    other = {".py", ".pyc", ".json", ".md", ".txt", ".gz", ".icc", ".dump"}
    found = sorted(p for p in FOLDER.rglob("*") if p.is_file() and p.suffix not in other and p.name != "README")
    assert len(found) >= 100, "pydicom's wheel holds no test files"
    return tuple(found)


def of_syntax(*syntaxes: str) -> list[Reference]:
    return [image for image in IMAGES if image.syntax in syntaxes]


#: A later pydicom may move a file out of its wheel; what is not there is not tested, and test_against_pydicom counts.
# fmt: off
IMAGES = tuple(image for image in (
    Reference("693_J2KI.dcm", JPEG_2000, "MONOCHROME2", (512, 512), "int16",
              {(140, 188): 2836, (313, 359): 1051, (256, 256): 1056}, 1),
    Reference("CT_small.dcm", EXPLICIT_LE, "MONOCHROME2", (128, 128), "int16",
              {(64, 61): 2191, (78, 54): 1069, (64, 64): 1928}),
    Reference("ExplVR_BigEnd.dcm", EXPLICIT_BE, "RGB", (60, 80, 3), "uint8",
              {(0, 7, 0): 255, (44, 36, 1): 255, (30, 40, 1): 255}),
    Reference("J2K_pixelrep_mismatch.dcm", JPEG_2000_LOSSLESS, "MONOCHROME2", (512, 512), "int16",
              {(276, 158): 1896, (258, 93): 21, (256, 256): 27}),
    Reference("JPEG-lossy.dcm", JPEG_EXTENDED, "MONOCHROME2", (1024, 256), "uint16",
              {(421, 143): 264, (153, 225): 1, (512, 128): 14}, 2),
    Reference("JPEG2000.dcm", JPEG_2000, "MONOCHROME2", (1024, 256), "int16",
              {(423, 143): 245, (627, 103): 25, (512, 128): 7}, 1),
    Reference("JPEGLSNearLossless_08.dcm", JPEG_LS_NEAR, "MONOCHROME2", (45, 10), "uint8",
              {(0, 0): 255, (22, 6): 15, (22, 5): 15}),
    Reference("JPEGLSNearLossless_16.dcm", JPEG_LS_NEAR, "MONOCHROME2", (50, 10), "uint16",
              {(0, 0): 65535, (25, 2): 255, (25, 5): 255}),
    Reference("JPGExtended.dcm", JPEG_EXTENDED, "MONOCHROME2", (1024, 256), "uint16",
              {(421, 143): 264, (953, 146): 1, (512, 128): 14}, 2),
    Reference("MR_small.dcm", EXPLICIT_LE, "MONOCHROME2", (64, 64), "int16",
              {(0, 9): 2145, (39, 13): 294, (32, 32): 182}),
    Reference("MR_small_RLE.dcm", RLE, "MONOCHROME2", (64, 64), "int16", {(0, 9): 2145, (34, 30): 184, (32, 32): 182}),
    Reference("MR_small_bigendian.dcm", EXPLICIT_BE, "MONOCHROME2", (64, 64), "int16",
              {(0, 9): 2145, (49, 23): 155, (32, 32): 182}),
    Reference("MR_small_expb.dcm", EXPLICIT_BE, "MONOCHROME2", (64, 64), "int16",
              {(0, 9): 2145, (47, 26): 165, (32, 32): 182}),
    Reference("MR_small_implicit.dcm", IMPLICIT_LE, "MONOCHROME2", (64, 64), "int16",
              {(0, 9): 2145, (19, 18): 394, (32, 32): 182}),
    Reference("MR_small_jp2klossless.dcm", JPEG_2000_LOSSLESS, "MONOCHROME2", (64, 64), "int16",
              {(0, 9): 2145, (32, 17): 291, (32, 32): 182}),
    Reference("MR_small_jpeg_ls_lossless.dcm", JPEG_LS, "MONOCHROME2", (64, 64), "int16",
              {(0, 9): 2145, (59, 52): 1557, (32, 32): 182}),
    Reference("MR_small_padded.dcm", EXPLICIT_LE, "MONOCHROME2", (64, 64), "int16",
              {(0, 9): 2145, (37, 44): 715, (32, 32): 182}),
    Reference("SC_jpeg_no_color_transform.dcm", JPEG_BASELINE, "RGB", (256, 256, 3), "uint8",
              {(46, 48, 1): 252, (27, 16, 0): 244, (128, 128, 1): 244}, 2),
    Reference("SC_jpeg_no_color_transform_2.dcm", JPEG_BASELINE, "RGB", (256, 256, 3), "uint8",
              {(100, 170, 1): 255, (224, 203, 1): 246, (128, 128, 1): 244}, 2),
    Reference("SC_rgb_dcmtk_+eb+cr.dcm", JPEG_BASELINE, "RGB", (100, 100, 3), "uint8",
              {(0, 0, 0): 255, (3, 59, 0): 255, (50, 50, 1): 129}, 2),
    Reference("SC_rgb_dcmtk_+eb+cy+n1.dcm", JPEG_BASELINE, "YBR_FULL", (100, 100, 3), "uint8",
              {(0, 0, 2): 255, (86, 20, 1): 128, (50, 50, 1): 207}, 2),
    Reference("SC_rgb_dcmtk_+eb+cy+n2.dcm", JPEG_BASELINE, "YBR_FULL", (100, 100, 3), "uint8",
              {(0, 0, 2): 255, (86, 20, 1): 128, (50, 50, 1): 192}, 2),
    Reference("SC_rgb_dcmtk_+eb+cy+np.dcm", JPEG_BASELINE, "YBR_FULL_422", (100, 100, 3), "uint8",
              {(0, 0, 2): 255, (86, 20, 1): 128, (50, 50, 1): 207}, 2),
    Reference("SC_rgb_dcmtk_+eb+cy+s2.dcm", JPEG_BASELINE, "YBR_FULL_422", (100, 100, 3), "uint8",
              {(0, 0, 2): 255, (86, 20, 1): 128, (50, 50, 1): 192}, 2),
    Reference("SC_rgb_dcmtk_+eb+cy+s4.dcm", JPEG_BASELINE, "YBR_FULL", (100, 100, 3), "uint8",
              {(0, 0, 2): 255, (86, 20, 1): 128, (50, 50, 1): 192}, 2),
    Reference("SC_rgb_gdcm_KY.dcm", JPEG_2000, "RGB", (100, 100, 3), "uint8",
              {(0, 0, 0): 255, (89, 35, 2): 192, (50, 50, 1): 128}, 1),
    Reference("SC_rgb_jls_lossy_line.dcm", JPEG_LS_NEAR, "RGB", (100, 100, 3), "uint8",
              {(0, 0, 0): 255, (50, 42, 1): 130, (50, 50, 1): 130}),
    Reference("SC_rgb_jls_lossy_sample.dcm", JPEG_LS_NEAR, "RGB", (100, 100, 3), "uint8",
              {(0, 0, 0): 255, (0, 25, 2): 0, (50, 50, 1): 130}),
    Reference("SC_rgb_jpeg.dcm", JPEG_BASELINE, "RGB", (256, 256, 3), "uint8",
              {(46, 48, 1): 252, (238, 100, 2): 244, (128, 128, 1): 244}, 2),
    Reference("SC_rgb_jpeg_app14_dcmd.dcm", JPEG_BASELINE, "RGB", (256, 256, 3), "uint8",
              {(100, 170, 1): 255, (220, 176, 0): 244, (128, 128, 1): 244}, 2),
    Reference("SC_rgb_jpeg_dcmd.dcm", IMPLICIT_LE, "RGB", (256, 256, 3), "uint8",
              {(46, 48, 1): 252, (228, 106, 1): 244, (128, 128, 1): 244}),
    Reference("SC_rgb_jpeg_dcmtk.dcm", JPEG_BASELINE, "YBR_FULL", (100, 100, 3), "uint8",
              {(0, 0, 2): 255, (30, 14, 0): 203, (50, 50, 1): 192}, 2),
    Reference("SC_rgb_jpeg_gdcm.dcm", JPEG_LOSSLESS, "RGB", (100, 100, 3), "uint8",
              {(0, 0, 0): 255, (89, 22, 1): 192, (50, 50, 1): 128}),
    Reference("SC_rgb_jpeg_lossy_gdcm.dcm", JPEG_BASELINE, "YBR_FULL", (100, 100, 3), "uint8",
              {(0, 0, 2): 255, (86, 20, 1): 128, (50, 50, 1): 207}, 2),
    Reference("SC_rgb_rle.dcm", RLE, "RGB", (100, 100, 3), "uint8",
              {(0, 0, 0): 255, (15, 2, 2): 128, (50, 50, 1): 128}),
    Reference("SC_rgb_rle_16bit.dcm", RLE, "RGB", (100, 100, 3), "uint16",
              {(0, 0, 0): 65535, (89, 22, 1): 49344, (50, 50, 1): 32896}),
    Reference("SC_rgb_rle_16bit_2frame.dcm", RLE, "RGB", (2, 100, 100, 3), "uint16",
              {(0, 0, 0, 0): 65535, (0, 0, 51, 1): 0, (1, 50, 50, 1): 32639}),
    Reference("SC_rgb_rle_2frame.dcm", RLE, "RGB", (2, 100, 100, 3), "uint8",
              {(0, 0, 0, 0): 255, (0, 60, 28, 0): 0, (1, 50, 50, 1): 127}),
    Reference("SC_rgb_rle_32bit.dcm", RLE, "RGB", (100, 100, 3), "uint32",
              {(0, 0, 0): 4294967295, (89, 22, 1): 3233857728, (50, 50, 1): 2155905152}),
    Reference("SC_rgb_rle_32bit_2frame.dcm", RLE, "RGB", (2, 100, 100, 3), "uint32",
              {(0, 0, 0, 0): 4294967295, (0, 0, 51, 1): 0, (1, 50, 50, 1): 2139062143}),
    Reference("SC_rgb_small_odd.dcm", EXPLICIT_LE, "RGB", (3, 3, 3), "uint8",
              {(1, 0, 2): 176, (2, 2, 0): 158, (1, 1, 1): 87}),
    Reference("SC_rgb_small_odd_big_endian.dcm", EXPLICIT_BE, "RGB", (3, 3, 3), "uint8",
              {(1, 0, 2): 176, (1, 1, 2): 176, (1, 1, 1): 87}),
    Reference("SC_rgb_small_odd_jpeg.dcm", JPEG_BASELINE, "YBR_FULL", (3, 3, 3), "uint8",
              {(1, 0, 1): 178, (1, 1, 1): 178}, 2),
    Reference("SC_ybr_full_422_uncompressed.dcm", EXPLICIT_LE, "YBR_FULL_422", (100, 100, 3), "uint8",
              {(0, 0, 2): 255, (87, 81, 0): 192, (50, 50, 1): 192}),
    Reference("examples_jpeg2k.dcm", JPEG_2000_LOSSLESS, "YBR_RCT", (480, 640, 3), "uint8",
              {(25, 569, 0): 255, (282, 473, 0): 72, (240, 320, 1): 12}),
    Reference("examples_overlay.dcm", EXPLICIT_LE, "MONOCHROME2", (300, 484), "uint16",
              {(216, 481): 1123, (267, 327): 276, (150, 242): 136}),
    Reference("examples_palette.dcm", EXPLICIT_LE, "PALETTE COLOR", (350, 800), "uint8",
              {(63, 300): 255, (312, 230): 1, (175, 400): 1}),
    Reference("examples_rgb_color.dcm", EXPLICIT_LE, "RGB", (240, 320, 3), "uint8",
              {(78, 10, 0): 255, (185, 31, 1): 0, (120, 160, 1): 10}),
    Reference("examples_ybr_color.dcm", JPEG_BASELINE, "YBR_FULL_422", (30, 240, 320, 3), "uint8",
              {(0, 7, 3, 0): 192, (23, 32, 307, 1): 127, (15, 120, 160, 1): 128}, 2),
    Reference("image_dfl.dcm", DEFLATED, "MONOCHROME2", (512, 512), "uint8",
              {(4, 4): 255, (458, 372): 65, (256, 256): 65}),
    Reference("liver_1frame.dcm", EXPLICIT_LE, "MONOCHROME2", (512, 512), "uint8",
              {(145, 254): 1, (275, 384): 0, (256, 256): 1}),
    Reference("liver_expb_1frame.dcm", EXPLICIT_BE, "MONOCHROME2", (512, 512), "uint8",
              {(145, 254): 1, (154, 165): 0, (256, 256): 1}),
    Reference("rtdose.dcm", IMPLICIT_LE, "MONOCHROME2", (15, 10, 10), "uint32",
              {(0, 0, 7): 1254000, (11, 6, 4): 929000, (7, 5, 5): 975000}),
    Reference("rtdose_1frame.dcm", IMPLICIT_LE, "MONOCHROME2", (10, 10), "uint32",
              {(0, 7): 1254000, (7, 4): 886000, (5, 5): 978000}),
    Reference("rtdose_expb.dcm", EXPLICIT_BE, "MONOCHROME2", (15, 10, 10), "uint32",
              {(0, 0, 7): 1254000, (13, 9, 6): 801000, (7, 5, 5): 975000}),
    Reference("rtdose_expb_1frame.dcm", EXPLICIT_BE, "MONOCHROME2", (10, 10), "uint32",
              {(0, 7): 1254000, (7, 7): 890000, (5, 5): 978000}),
    Reference("rtdose_rle.dcm", RLE, "MONOCHROME2", (15, 10, 10), "uint32",
              {(0, 0, 7): 1254000, (2, 2, 5): 1133000, (7, 5, 5): 975000}),
    Reference("rtdose_rle_1frame.dcm", RLE, "MONOCHROME2", (10, 10), "uint32",
              {(0, 7): 1254000, (3, 0): 1081000, (5, 5): 978000}),
) if image.path.exists())
# fmt: on
