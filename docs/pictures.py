"""The pictures of the pages, made when the pages are built: python docs/pictures.py FOLDER"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

import dicomdecode as dd

WIDTH = 168
LEVELS = ("stored", "modality", "voi", "display")


def make_all(folder: Path) -> None:
    """Write them all, as PNG."""
    front(folder / "front.png")
    for name, source in SOURCES.items():
        levels(source()).save(folder / f"levels_{name}.png")


def front(path: Path) -> None:
    """A slice of an MR, as `dicomdecode show` draws it."""
    Image.fromarray(dd.imread(example("examples_overlay.dcm"), values="display")).save(path)


def levels(source: Any) -> Image.Image:
    """The values of each level side by side, from the lowest possible value in black to the highest in white."""
    pictures = [titled(picture(source, level), level) for level in LEVELS]
    sheet = Image.new("RGB", (sum(p.width for p in pictures) + 6 * (len(pictures) - 1), pictures[0].height), "black")
    for i, made in enumerate(pictures):
        sheet.paste(made, (i * (made.width + 6), 0))
    return sheet


def picture(source: Any, level: str) -> Image.Image:
    """`scale="auto"` stretches the possible range: what somebody sees who draws the array as it is."""
    with dd.open(source) as image:
        window = "auto" if level in ("voi", "display") and image.samples == 1 and image.window is None else None
        pixels = image.pixels(values=level, dtype="uint8", scale="auto", window=window, frames=None)
    shown = Image.fromarray(pixels).convert("RGB")
    return shown.resize((WIDTH, round(WIDTH * shown.height / shown.width)), Image.Resampling.BILINEAR)


def titled(shown: Image.Image, title: str) -> Image.Image:
    """A picture with a word below it."""
    sheet = Image.new("RGB", (shown.width, shown.height + 18), "black")
    sheet.paste(shown, (0, 0))
    ImageDraw.Draw(sheet).text((4, shown.height + 3), title, fill="white")
    return sheet


def example(name: str) -> str:
    """A file that pydicom ships."""
    from pydicom.data import get_testdata_file

    return str(get_testdata_file(name, download=False))


def drawn_mammogram() -> bytes:
    """A drawing that is stored as mammograms are: MONOCHROME1, 12 bits, with a window. No real one is at hand."""
    from io import BytesIO

    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    y, x = np.mgrid[0:320, 0:256].astype(float)
    breast = np.clip(1.15 - np.hypot(x / 190, (y - 160) / 150), 0, 1) ** 0.4
    rng = np.random.default_rng(1)
    tissue = sum(
        np.exp(-((x - a) ** 2 + (y - b) ** 2) / c) for a, b, c in rng.uniform((10, 60, 50), (120, 260, 900), (40, 3))
    )
    dense = breast * (0.45 + 0.12 * tissue) + rng.normal(0, 0.006, x.shape)
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.Modality, ds.PhotometricInterpretation = "MG", "MONOCHROME1"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = *x.shape, 1
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = 2900, 1700
    ds.PixelData = np.clip(4000 - 2600 * dense, 0, 4095).astype("<u2").tobytes()
    file = BytesIO()
    ds.save_as(file, enforce_file_format=False)
    return file.getvalue()


SOURCES = {
    "ct": lambda: example("CT_small.dcm"),
    "mammogram": drawn_mammogram,
    "ultrasound": lambda: example("examples_rgb_color.dcm"),
    "palette": lambda: example("examples_palette.dcm"),
}

if __name__ == "__main__":
    make_all(Path(sys.argv[1]))
