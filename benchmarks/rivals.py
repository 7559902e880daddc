"""Other readers of whole files, and the files that they are timed with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pydicom
from pydicom.pixels import get_decoder, pixel_array

from . import samples

Reader = Callable[[str], Any]

LOSSY = ("4.50", "4.51")


class Case(NamedTuple):
    """A transfer syntax, and at most what share of the fastest other reader's time its files may take."""

    name: str
    suffix: str  # of the transfer syntax UID
    small: float  # 128x128 and 512x512, 12 bits
    large: float  # 2048x2048, 12 bits, and 1024x1024 RGB
    threads: int = 1
    others: int = 1  # processors that the other readers may use; some then use as many threads


class Picture(NamedTuple):
    """What is in a file."""

    name: str
    side: int
    is_rgb: bool = False
    frames: int = 1

    @property
    def is_small(self) -> bool:
        return self.side <= 512


CASES = (
    Case("native", "1", 0.9, 1.0),
    Case("RLE", "5", 0.9, 0.5),
    Case("lossless JPEG", "4.70", 0.9, 0.6),
    Case("JPEG", "4.51", 1.0, 1.05),
    Case("JPEG-LS", "4.80", 1.0, 0.8),
    Case("JPEG 2000", "4.90", 1.1, 1.05),
    Case("JPEG 2000, two threads against one", "4.90", 1.1, 0.7, threads=2),
    Case("JPEG 2000, two threads each", "4.90", 1.1, 1.0, threads=2, others=2),
    Case("HTJ2K", "4.201", 1.1, 1.05),
)
PICTURES = (
    Picture("128x128, 12 bits", 128),
    Picture("512x512, 12 bits", 512),
    Picture("2048x2048, 12 bits", 2048),
    Picture("1024x1024 RGB", 1024, is_rgb=True),
)


def readers(uid: str) -> tuple[dict[str, Reader], list[str]]:
    """Other readers of whole files that can be imported, and the names of those that can not."""
    found: dict[str, Reader] = {}
    missing: list[str] = []

    def add(name: str, make: Callable[[], Reader]) -> None:
        try:
            found[name] = make()
        except ImportError:
            missing.append(f"{name} (not installed)")

    def simple_itk() -> Reader:
        import SimpleITK

        return lambda path: SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(path))

    def dicomsdl() -> Reader:
        import dicomsdl

        return lambda path: dicomsdl.open(path).pixelData(storedvalue=True)

    def pydcm() -> Reader:
        import pydcm

        return lambda path: pydcm.decode(path)

    def gdcm() -> Reader:
        import gdcm

        def read(path: str) -> Any:
            reader = gdcm.ImageReader()
            reader.SetFileName(path)
            if not reader.Read():
                raise ValueError("not read")
            image = reader.GetImage()
            cells = image.GetBuffer().encode("utf-8", errors="surrogateescape")
            return np.frombuffer(cells, image.GetPixelFormat().GetScalarTypeAsString().lower())

        return read

    for name, make in (("SimpleITK", simple_itk), ("dicomsdl", dicomsdl), ("pydcm", pydcm), ("GDCM", gdcm)):
        add(name, make)
    decoder = get_decoder(uid)
    if not decoder.is_encapsulated:
        found["pydicom"] = lambda path: pixel_array(pydicom.dcmread(path))
    for plugin in decoder.available_plugins:
        found[f"pydicom + {plugin}"] = lambda path, plugin=plugin: pixel_array(
            pydicom.dcmread(path), decoding_plugin=plugin
        )
    missing += [f"pydicom + {reason}" for reason in decoder.missing_dependencies]
    return found, missing


def contents_of(case: Case, picture: Picture) -> bytes:
    """RGB of 8 bits, or monochrome of 12 bits."""
    uid = f"1.2.840.10008.1.2.{case.suffix}"
    bits, count = (8, 3) if picture.is_rgb else (12, 1)
    pixels = samples.picture(picture.side, picture.side, bits, picture.frames, count)
    photometric = "MONOCHROME2"
    if picture.is_rgb:
        photometric = "YBR_FULL_422" if case.suffix in LOSSY else "RGB"
    frames = None
    if case.suffix == "5":
        frames = [samples.rle_frame(frame) for frame in pixels]
    elif case.suffix != "1":
        frames = [samples.encode(frame, uid, bits) for frame in pixels]
    return samples.image(pixels, bits_stored=bits, photometric=photometric, syntax=uid, frames=frames)


def same(ours: Any, theirs: Any, lossy: bool) -> bool:
    if theirs.size != ours.size:
        return False
    difference = ours.reshape(-1).astype(np.int64) - np.asarray(theirs).reshape(-1)
    # Decoders of lossy JPEG differ in the inverse transform, in how chroma is brought to full size, and in rounding.
    return bool(np.abs(difference).mean() < 2 if lossy else not difference.any())
