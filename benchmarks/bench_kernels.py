"""The loops over pixels, alone: NumPy is the competitor where it has such a loop."""

from __future__ import annotations

import numpy as np

import dicomdecode as dd
from dicomdecode.codecs._rle import decode as rle_decode
from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.pixels._plans import Affine, Plan, type_number

from . import samples

SIDE = 1024
CELLS = SIDE * SIDE


class Unpack:
    """Native cells to stored values: whole frames in memory, into a ready array."""

    params = (["1 bit", "12 bits packed", "big endian", "planes", "YBR_FULL", "YBR_FULL_422"], ["dicomdecode", "NumPy"])
    param_names = ("cells", "by")

    def setup(self, cells: str, by: str) -> None:
        rng = np.random.default_rng(0)
        raw = rng.integers(0, 256, 3 * CELLS, np.uint8)
        attributes = {
            "1 bit": {"allocated": 1, "stored": 1},
            "12 bits packed": {"allocated": 12, "stored": 12},
            "big endian": {"allocated": 16, "stored": 16, "big_endian": True},
            "planes": {"allocated": 8, "stored": 8, "samples": 3, "planar": 1},
            "YBR_FULL": {"allocated": 8, "stored": 8, "samples": 3, "photometric": "YBR_FULL"},
            "YBR_FULL_422": {"allocated": 8, "stored": 8, "samples": 3, "photometric": "YBR_FULL_422"},
        }[cells]
        self.contents = samples.native(raw, SIDE, **attributes)
        self.out = dd.imread(self.contents, values="stored")
        self.numpy = {
            "1 bit": lambda: np.unpackbits(raw[: CELLS // 8], bitorder="little"),
            "big endian": lambda: raw[: 2 * CELLS].view(np.uint16).byteswap(),
            "planes": lambda: np.ascontiguousarray(raw.reshape(3, -1).T),
        }.get(cells)
        if by == "NumPy" and self.numpy is None:
            raise NotImplementedError("NumPy has no such loop")
        self.ours = by == "dicomdecode"

    def time_unpack(self, cells: str, by: str) -> None:
        if self.ours:
            dd.imread(self.contents, values="stored", out=self.out)
        else:
            self.numpy()


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
        types = type_number(source), type_number(target), target
        self.affine = Plan.of_affine(Affine(1.5, -1024.0), *types)
        self.entries = np.zeros(1 << (8 * source.itemsize), target)
        self.table = Plan.of_table(self.entries, *types)

    def time_affine(self, stored: str, dtype: str, by: str) -> None:
        if self.ours:
            self.affine.apply(self.cells, self.out)
        elif self.out.dtype.kind == "f":
            np.multiply(self.cells, np.float32(1.5), out=self.out, casting="unsafe")
            np.add(self.out, np.float32(-1024), out=self.out)
        else:
            value = self.cells.astype(np.float64) * 1.5 - 1024.0
            self.out[...] = np.clip(np.rint(value, out=value), *self.limits, out=value)

    def time_table(self, stored: str, dtype: str, by: str) -> None:
        if self.ours:
            self.table.apply(self.cells, self.out)
        else:
            np.take(self.entries, self.cells.view(f"u{self.cells.itemsize}"), out=self.out)


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
