"""Native pixel data: where each frame's cells are, and how cells become stored values (PS3.5 8.1 and 8.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import MalformedError, TruncatedError
from dicomdecode.pixels import _kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.pixels.icc import Profiles
    from dicomdecode.pixels.palette import Palette
    from dicomdecode.reading._file import DicomFile
    from dicomdecode.syntaxes import Syntax

__all__ = ["HALF_CHROMA", "Layout", "NativeFrames", "is_plain", "unpack"]

#: Stored as Y1 Y2 Cb Cr: one Cb and Cr for two pixels (PS3.3 C.7.6.3.1.2).
HALF_CHROMA = ("YBR_FULL_422", "YBR_PARTIAL_422")


@dataclass(slots=True)
class Layout:
    """How the stored values of this file lie, and what they become."""

    syntax: Syntax
    cell: np.dtype[Any]  # the stored type of a sample
    left: int  # shifts that bring the stored bits down in a native cell; 0 for values that were unpacked
    right: int
    samples: int  # in the file
    palette: Palette | None
    convert_rgb: bool
    bits: int  # of the samples after colour
    profiles: Profiles | None = None  # to sRGB

    @property
    def out_samples(self) -> int:
        """Samples a pixel after colour."""
        return self.samples if self.palette is None else self.palette.table.shape[1]

    @property
    def colored(self) -> np.dtype[Any]:
        """The type of a sample after colour."""
        return self.cell if self.palette is None else self.palette.table.dtype


class NativeFrames:
    """Pixel data that are not encapsulated: frame i is a slice, to the bit (PS3.5 8.1.1, 8.2)."""

    def __init__(self, file: DicomFile, layout: Layout) -> None:
        self.tag, self.vr, self.offset, self.length, _ = file.pixels
        self.pixels = file.rows * file.columns
        samples = layout.samples
        self.is_422 = samples == 3 and file.photometric in HALF_CHROMA
        if self.is_422:
            full = self.pixels * 3 * file.bits_allocated // 8 * file.frames
            # Some writers say 4:2:2 and store every sample: the length tells (pydicom reads them so).
            self.is_422 = self.length < full
        per_pixel = 2 if self.is_422 else samples
        self.frame_bits = self.pixels * per_pixel * file.bits_allocated

    def check(self, last: int, file: DicomFile) -> None:
        """Raise when frame `last` is not all there."""
        expected = ((last + 1) * self.frame_bits + 7) // 8
        if expected > self.length:
            raise TruncatedError(
                f"The pixel data are too short for frame {last} (bytes): expected {expected}, found {self.length}",
                code="pixels_cut",
                tag=self.tag,
                offset=self.offset,
                frame=last,
            )

    def range_of(self, frame: int) -> tuple[int, int, int]:
        """(offset in the file, bytes, first bit) of a frame's cells."""
        first = frame * self.frame_bits
        last = first + self.frame_bits
        return self.offset + first // 8, (last + 7) // 8 - first // 8, first % 8


def is_plain(file: DicomFile, layout: Layout, vr: str) -> bool:
    """Whether a frame's native cells are its samples in order, in a type the machine has and in its byte order."""
    swapped = (layout.syntax.big_endian or file.big_endian) and (file.bits_allocated > 8 or vr == "OW")
    return file.bits_allocated in (8, 16, 32, 64) and not swapped and (layout.samples == 1 or not file.planar)


def unpack(
    cells: Any, first_bit: int, file: DicomFile, layout: Layout, *, planar: bool, is_422: bool, swap_words: bool
) -> NDArray[Any]:
    """Native cells of one frame to stored values [rows, columns, samples], samples interleaved."""
    rows, columns, samples = file.rows, file.columns, layout.samples
    allocated, cell = file.bits_allocated, layout.cell
    n = rows * columns * samples
    out = np.empty((rows, columns, samples), cell)
    offset = 0
    if swap_words:
        size = 2 if allocated < 16 or allocated % 16 else allocated // 8
        whole = len(cells) - len(cells) % size
        swapped = np.empty(len(cells), np.uint8)
        swapped[whole:] = memoryview(cells)[whole:]
        _kernels.swap(cells, 0, whole // size, size, swapped)
        cells = swapped
    if allocated % 8 == 0:
        offset, first_bit = first_bit // 8, 0
    if allocated % 8 or allocated not in (8, 16, 32, 64):
        stored = min(file.bits_stored, 8 * cell.itemsize)
        shift = file.high_bit + 1 - file.bits_stored
        target = np.empty(n, cell) if planar else out
        _kernels.unpack(cells, offset, first_bit, n, allocated, shift, stored, cell.kind == "i", target, cell.itemsize)
        if planar:
            _kernels.interleave(target, 0, rows * columns, samples, cell.itemsize, out)
        return out
    if is_422:
        if rows * columns % 2:
            raise MalformedError(
                "A 4:2:2 image cannot have an odd number of pixels", code="half_chroma", tag=0x00280004
            )
        _kernels.expand_422(cells, offset, rows * columns, cell.itemsize, out)
        cells, offset = out, 0
    elif planar:
        _kernels.interleave(cells, offset, rows * columns, samples, cell.itemsize, out)
        cells, offset = out, 0
    if layout.left or layout.right or cells is not out:
        _to_stored(cells, offset, layout, out)
    return out


def _to_stored(cells: Any, offset: int, layout: Layout, out: NDArray[Any]) -> None:
    """The Bits Stored bits that end at High Bit of whole cells, sign-extended; `out` may be the cells."""
    code = _kernels.type_code(layout.cell)
    plan = _kernels.Plan("copy", layout.cell, code, code)
    _kernels.run(plan, cells, offset, out.size, out, 0, layout.left, layout.right)


def keep_stored_bits(cells: NDArray[Any], layout: Layout) -> None:
    """Cells of the layout's type to stored values, in place."""
    if layout.left or layout.right:
        _to_stored(cells, 0, layout, cells)
