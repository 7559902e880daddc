"""The drawn CT of a chest that the tutorials use: a body, two lungs, a heart, a spine, as one file for each slice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SLICE, PIXEL = 6.0, 3.0  # mm
HU = {"air": -1000, "body": 40, "lung": -820, "heart": 60, "spine": 450}


def _in_ellipsoid(grid: Any, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Any:
    return sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radii, strict=True)) < 1


def chest(slices: int = 48, size: int = 128, *, heart: float = 50.0, seed: int = 1) -> Any:
    """Hounsfield units, float [slices, rows, columns]; the heart has this radius in mm."""
    axes = [(np.arange(n) - (n - 1) / 2) * step for n, step in ((slices, SLICE), (size, PIXEL), (size, PIXEL))]
    grid = np.meshgrid(*axes, indexing="ij")  # z to the head, y to the back, x to the left
    hu = np.full(grid[0].shape, HU["air"], float)
    hu[_in_ellipsoid(grid, (0, 0, 0), (400, 110, 170))] = HU["body"]
    for side in (-80, 80):
        hu[_in_ellipsoid(grid, (0, 0, side), (125, 75, 55))] = HU["lung"]
    hu[_in_ellipsoid(grid, (-20, -20, 15), (heart, heart, heart))] = HU["heart"]
    hu[_in_ellipsoid(grid, (0, 75, 0), (1000, 20, 20))] = HU["spine"]
    return hu + np.random.default_rng(seed).normal(0, 12, hu.shape)


def write_chest(folder: str | Path, **keywords: Any) -> list[str]:
    """Write a file for each slice, under names that say nothing of their order; returns the paths."""
    hu = chest(**keywords)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    series, frame_of_reference = generate_uid(), generate_uid()
    names = np.random.default_rng(2).permutation(len(hu))
    paths = []
    for i, pixels in enumerate(hu):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, generate_uid()
        ds.SeriesInstanceUID, ds.FrameOfReferenceUID = series, frame_of_reference
        ds.Modality, ds.PatientName, ds.SeriesNumber, ds.InstanceNumber = "CT", "Nobody^At All", 3, i + 1
        ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        half = PIXEL * (pixels.shape[0] - 1) / 2
        ds.ImagePositionPatient = [-half, -half, SLICE * (i - (len(hu) - 1) / 2)]
        ds.PixelSpacing, ds.SliceThickness = [PIXEL, PIXEL], SLICE
        ds.Rows, ds.Columns, ds.SamplesPerPixel, ds.PhotometricInterpretation = *pixels.shape, 1, "MONOCHROME2"
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = -1024, 1, "HU"
        ds.WindowCenter, ds.WindowWidth = 40, 400
        ds.PixelData = (pixels.round() + 1024).clip(0, 4095).astype("<u2").tobytes()
        path = folder / f"{names[i]:03}.dcm"
        ds.save_as(path, enforce_file_format=True)
        paths.append(str(path))
    return sorted(paths)
