"""The loops over pixels, alone: NumPy is the competitor where it has such a loop."""

from __future__ import annotations

import numpy as np
from dicomdecode.pixels._kernels import Plan, type_code

from dicomdecode.codecs._rle import decode as rle_decode
from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.pixels import _kernels

from . import samples

SIDE = 1024
CELLS = SIDE * SIDE


class Unpack:
    """Native cells to stored values."""

    def setup(self) -> None:
        rng = np.random.default_rng(0)
        self.packed = rng.integers(0, 256, CELLS * 2, np.uint8)
        self.planes = rng.integers(0, 256, CELLS * 3, np.uint8)
        self.narrow = np.empty(CELLS, np.uint8)
        self.wide = np.empty(CELLS, np.uint16)
        self.colour = np.empty((SIDE, SIDE, 3), np.uint8)

    def time_bits(self) -> None:
        _kernels.unpack(self.packed, 0, 0, CELLS, 1, 0, 1, False, self.narrow, 1)

    def time_bits_numpy(self) -> None:
        np.unpackbits(self.packed[: CELLS // 8], bitorder="little")

    def time_packed_12(self) -> None:
        _kernels.unpack(self.packed, 0, 0, CELLS, 12, 0, 12, False, self.wide, 2)

    def time_swap(self) -> None:
        _kernels.swap(self.packed, 0, CELLS, 2, self.wide)

    def time_swap_numpy(self) -> None:
        self.packed.view(np.uint16).byteswap()

    def time_planar(self) -> None:
        _kernels.interleave(self.planes, 0, CELLS, 3, 1, self.colour)

    def time_planar_numpy(self) -> None:
        np.ascontiguousarray(self.planes.reshape(3, -1).T)

    def time_ybr_to_rgb(self) -> None:
        _kernels.ybr_to_rgb(self.planes, CELLS, 1, 8, self.colour)

    def time_half_chroma(self) -> None:
        _kernels.expand_422(self.packed, 0, CELLS, 1, self.colour)


class Convert:
    """Stored values to a dtype: one pass."""

    params = (["int16", "uint16", "uint8"], ["float32", "uint8", "uint16"], ["dicomdecode", "NumPy"])
    param_names = ("stored", "dtype", "by")

    def setup(self, stored: str, dtype: str, by: str) -> None:
        source, target = np.dtype(stored), np.dtype(dtype)
        self.cells = samples.picture(SIDE, SIDE, 8 * source.itemsize, signed=source.kind == "i")
        self.out = np.empty(self.cells.shape, target)
        self.ours = by == "dicomdecode"
        self.limits = (-1e9, 1e9) if target.kind == "f" else (0.0, float(np.iinfo(target).max))
        codes = type_code(source), type_code(target)
        low, high = self.limits
        self.affine = Plan("affine", target, *codes, slope=1.5, intercept=-1024.0, low=low, high=high)
        table = np.zeros(1 << (8 * source.itemsize), target)
        self.table = Plan("table", target, *codes, table=table)

    def time_affine(self, stored: str, dtype: str, by: str) -> None:
        if self.ours:
            _kernels.run(self.affine, self.cells, 0, CELLS, self.out)
        elif self.out.dtype.kind == "f":
            np.multiply(self.cells, np.float32(1.5), out=self.out, casting="unsafe")
            np.add(self.out, np.float32(-1024), out=self.out)
        else:
            value = self.cells.astype(np.float64) * 1.5 - 1024.0
            self.out[...] = np.clip(np.rint(value, out=value), *self.limits, out=value)

    def time_table(self, stored: str, dtype: str, by: str) -> None:
        if self.ours:
            _kernels.run(self.table, self.cells, 0, CELLS, self.out)
        else:
            np.take(self.table.table, self.cells.view(f"u{self.cells.itemsize}"), out=self.out)


class RunLength:
    """One RLE frame. What the others give is planar; ours is interleaved."""

    params = (["2048x2048, 16 bits", "1024x1024, RGB"], ["dicomdecode", "imagecodecs", "pylibjpeg-rle"])
    param_names = ("frame", "by")

    def setup(self, frame: str, by: str) -> None:
        side, self.bits, count = (2048, 16, 1) if frame.startswith("2048") else (1024, 8, 3)
        self.data = samples.rle(side, self.bits, count)[1][0]
        self.pixels = side * side
        self.out = np.empty(side * side * count * self.bits // 8, np.uint8)
        self.spec = FrameSpec(
            rows=side,
            columns=side,
            samples=count,
            bits_allocated=self.bits,
            bits_stored=self.bits,
            signed=False,
            photometric="MONOCHROME2" if count == 1 else "RGB",
        )
        if by == "imagecodecs":
            import imagecodecs

            self.decode = lambda: imagecodecs.dicomrle_decode(self.data, np.dtype(f"<u{self.bits // 8}"), out=self.out)
        elif by == "pylibjpeg-rle":
            try:
                from rle.utils import decode_frame
            except ImportError:
                raise NotImplementedError("pylibjpeg-rle is not installed") from None
            self.decode = lambda: decode_frame(self.data, self.pixels, self.bits, "<")
        else:
            self.decode = lambda: rle_decode(self.data, self.spec, self.out)

    def time_decode(self, frame: str, by: str) -> None:
        self.decode()
