"""Whole files: bytes in memory, or a path, to an array; and what importing costs."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable

import numpy as np
import pydicom
from pydicom.pixels import apply_modality_lut, apply_voi_lut

import dicomdecode as dd

from . import samples

FILES: dict[str, Callable[[], bytes]] = {
    "small CT": samples.small_ct,
    "X-ray, 1024x1024, 8 bits": samples.xray,
    "radiograph, 2048x2048, 16 bits": samples.radiograph,
    "series, 20 frames of 512x512": samples.series,
    "enhanced, 500 frames of 16x16": samples.enhanced,
    "RLE, 1024x1024 RGB": lambda: samples.rle(1024, 8, 3)[0],
    "RLE, 2048x2048, 16 bits": lambda: samples.rle(2048, 16)[0],
}


class Files:
    """Stored values, and what people do next with them. pydicom takes no notice of a rescale that differs by frame."""

    params = ([*FILES], ["dicomdecode", "pydicom"])
    param_names = ("file", "by")
    timeout = 120

    def setup(self, file: str, by: str) -> None:
        self.contents = FILES[file]()
        self.ours = by == "dicomdecode"
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "x.dcm")
        with open(self.path, "wb") as out:
            out.write(self.contents)

    def teardown(self, file: str, by: str) -> None:
        self.folder.cleanup()

    def _dataset(self) -> pydicom.Dataset:
        return pydicom.dcmread(io.BytesIO(self.contents))

    def time_stored_from_memory(self, file: str, by: str) -> None:
        if self.ours:
            dd.imread(self.contents, values="stored")
        else:
            _ = self._dataset().pixel_array

    def time_stored_from_disk(self, file: str, by: str) -> None:
        if self.ours:
            dd.imread(self.path, values="stored")
        else:
            _ = pydicom.dcmread(self.path).pixel_array

    def time_modality(self, file: str, by: str) -> None:
        if self.ours:
            dd.imread(self.contents)
        else:
            dataset = self._dataset()
            apply_modality_lut(dataset.pixel_array, dataset).astype(np.float32)

    def time_last_frame_from_disk(self, file: str, by: str) -> None:
        if self.ours:
            dd.imread(self.path, values="stored", frames=-1)
        else:
            from pydicom.pixels import pixel_array

            dataset = pydicom.dcmread(self.path, stop_before_pixels=True)
            pixel_array(self.path, index=int(dataset.get("NumberOfFrames") or 1) - 1)

    def peakmem_stored_from_disk(self, file: str, by: str) -> None:
        self.time_stored_from_disk(file, by)


class Display:
    """A window, and 8 bits for the eye."""

    params = (
        ["small CT", "radiograph, 2048x2048, 16 bits", "series, 20 frames of 512x512"],
        ["dicomdecode", "pydicom"],
    )
    param_names = ("file", "by")

    def setup(self, file: str, by: str) -> None:
        self.contents = FILES[file]()
        self.ours = by == "dicomdecode"

    def time_display(self, file: str, by: str) -> None:
        if self.ours:
            dd.imread(self.contents, values="display", window=(40, 400))
        else:
            dataset = pydicom.dcmread(io.BytesIO(self.contents))
            dataset.WindowCenter, dataset.WindowWidth = 40, 400
            shown = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
            low, high = shown.min(), shown.max()
            ((shown - low) / max(high - low, 1) * 255).astype(np.uint8)


class Documented:
    """`decode_dicom_image` with the dtypes people ask for."""

    params = (["uint16", "uint8", "float32"],)
    param_names = ("dtype",)

    def setup(self, dtype: str) -> None:
        self.contents = samples.xray()
        self.small = samples.small_ct()

    def time_xray(self, dtype: str) -> None:
        dd.decode_dicom_image(self.contents, on_error="strict", dtype=dtype)

    def time_xray_stretched(self, dtype: str) -> None:
        dd.decode_dicom_image(self.contents, on_error="strict", dtype=dtype, scale="auto")

    def time_small_ct(self, dtype: str) -> None:
        dd.decode_dicom_image(self.small, on_error="lossy", dtype=dtype)


def timeraw_import() -> str:
    """In a process of its own."""
    return "import dicomdecode"


def timeraw_import_numpy() -> str:
    """What the one above holds in any case."""
    return "import numpy"


def timeraw_import_pydicom() -> str:
    """The competitor."""
    return "import pydicom.pixels"
