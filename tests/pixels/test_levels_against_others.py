"""Modality, VOI and display values beside pydicom, highdicom and DCMTK, on every real file that has the feature."""

from __future__ import annotations

import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut

import dicomdecode as dd
from dicomdecode import pydicom_plugin
from tests.kit import NEEDS_KIT, kit_files
from tests.reference_images import shipped

pytestmark = pytest.mark.filterwarnings("ignore")
#: Past this a file says nothing that smaller ones do not.
MOST_BYTES = 8 << 20


@cache
def files(where: str) -> tuple[Path, ...]:
    """Monochrome images that decode."""
    found = [path for path in shipped() if path.stat().st_size < MOST_BYTES]
    if where == "kit":
        found = [path for path in kit_files() if path.stat().st_size < MOST_BYTES]
    kept = []
    for path in found:
        try:
            with dd.open(path) as image:
                if image.rows and image.samples == 1 and image.photometric.startswith("MONOCHROME"):
                    image.pixels(frames=0, values="stored")
                    kept.append(path)
        except dd.DicomError:
            continue
    return tuple(kept)


WHERE = pytest.mark.parametrize("where", ["pydicom's files", pytest.param("kit", marks=[NEEDS_KIT, pytest.mark.slow])])


def datasets(where: str) -> Iterator[tuple[Path, pydicom.Dataset]]:
    for path in files(where):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield path, pydicom.dcmread(path, force=True)


def count(value: Any) -> int:
    return 0 if value in (None, "") else len(value) if isinstance(value, pydicom.multival.MultiValue) else 1


def close(found: np.ndarray, wanted: np.ndarray, path: Path, tolerance: float) -> None:
    assert found.shape == wanted.shape, path.name
    known = ~np.isnan(wanted)
    assert not np.isnan(found[known]).any(), path.name
    worst = np.abs(found.astype(np.float64) - wanted)[known].max(initial=0)
    assert worst <= tolerance, f"{path.name}: differs by {worst}"


def top_level(dataset: pydicom.Dataset) -> bool:
    """Whether values are in the data set itself (pydicom reads no functional groups), and no LUT is an empty item."""
    luts = [item for k in ("ModalityLUTSequence", "VOILUTSequence") for item in dataset.get(k) or []]
    return (
        all(item.get("LUTDescriptor") for item in luts)
        and "PerFrameFunctionalGroupsSequence" not in dataset
        and "SharedFunctionalGroupsSequence" not in dataset
    )


@WHERE
def test_modality_as_in_pydicom(where: str) -> None:
    tried = 0
    for path, dataset in datasets(where):
        if not top_level(dataset) or not ("RescaleSlope" in dataset or "ModalityLUTSequence" in dataset):
            continue
        stored = dd.imread(path, values="stored", color="stored")
        wanted = np.asarray(apply_modality_lut(stored, dataset), np.float64)
        found = dd.imread(path, values="modality", dtype=np.float64)
        close(found, wanted, path, 1e-9 * max(1, np.abs(wanted).max()))
        tried += 1
    assert tried >= 10


@WHERE
def test_voi_as_in_pydicom(where: str) -> None:
    """pydicom leaves a window's output in the range that stored values can have after the modality stage."""
    tried = 0
    for path, dataset in datasets(where):
        luts, windows = len(dataset.get("VOILUTSequence") or []), count(dataset.get("WindowCenter"))
        if not top_level(dataset) or not (luts or windows) or "PixelData" not in dataset:
            continue
        values = dd.imread(path, values="modality", dtype=np.float64, frames=0)
        for i in range(luts + windows):
            is_lut = i < luts
            try:
                given = values.astype(np.int64) if is_lut else values
                wanted = np.asarray(
                    apply_voi_lut(given, dataset, i if is_lut else i - luts, prefer_lut=is_lut), np.float64
                )
            except (ValueError, TypeError, IndexError, NotImplementedError):
                continue  # a window that pydicom does not take
            if is_lut:
                bits = dataset.VOILUTSequence[i].LUTDescriptor[2]
                low, high = 0.0, 2.0**bits - 1
            else:
                low, high = possible(dataset)
            if high <= low:
                continue
            found = dd.imread(path, values="voi", window=i, dtype=np.float64, frames=0)
            close(found, (wanted - low) / (high - low), path, 1e-6)
            tried += 1
    assert tried >= 10


def possible(dataset: pydicom.Dataset) -> tuple[float, float]:
    bits = dataset.BitsStored
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if dataset.PixelRepresentation else (0, 2**bits - 1)
    if "ModalityLUTSequence" in dataset:
        return 0.0, 2.0 ** dataset.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    slope, intercept = float(dataset.get("RescaleSlope") or 1), float(dataset.get("RescaleIntercept") or 0)
    return low * slope + intercept, high * slope + intercept


@pytest.fixture
def decoders() -> Iterator[None]:
    """Ours in pydicom, for files that its own do not decode."""
    pydicom_plugin.register()
    yield
    pydicom_plugin.unregister()


@WHERE
def test_frames_as_in_highdicom(where: str, decoders: None) -> None:
    """Rescale and window of each frame's functional groups."""
    highdicom = pytest.importorskip("highdicom", reason="highdicom: not installed")
    options = {
        "apply_real_world_transform": False,
        "apply_presentation_lut": False,
        "apply_palette_color_lut": False,
        "apply_icc_profile": False,
        "dtype": np.float64,
    }
    tried = {"modality": 0, "voi": 0}
    for path, dataset in datasets(where):
        if "PerFrameFunctionalGroupsSequence" not in dataset or dataset.BitsAllocated == 1:
            continue  # pydicom decodes no compressed bits
        try:
            image = highdicom.Image.from_dataset(dataset)
        except (ValueError, AttributeError, TypeError):
            continue  # highdicom refuses files that are not as the standard says
        groups = (dataset.PerFrameFunctionalGroupsSequence, dataset.get("SharedFunctionalGroupsSequence"))
        windowed = any("(0028,1050)" in str(group) for group in groups)
        for level in tried:
            if level == "voi" and not windowed:
                continue
            wanted = image.get_frames(apply_modality_transform=None, apply_voi_transform=level == "voi", **options)
            found = dd.imread(path, values=level, dtype=np.float64)
            close(found.reshape(wanted.shape), wanted, path, 1e-6 * max(1, np.nanmax(np.abs(wanted))))
            tried[level] += 1
    assert where != "kit" or all(tried.values()), tried  # pydicom ships none that highdicom takes


def by_dcmtk(path: Path, target: Path, *options: str) -> np.ndarray | None:
    """Frame 1 as dcm2pnm draws it; None where it does not decode the file."""
    program = shutil.which("dcm2pnm")
    if program is None:
        pytest.skip("DCMTK: dcm2pnm is not installed")
    done = subprocess.run([program, "+op", "-O", *options, str(path), str(target)], capture_output=True, check=False)
    if done.returncode or not target.exists():
        return None
    contents = target.read_bytes()
    target.unlink()
    head = re.match(rb"P5\n(?:#.*\n)?(\d+) (\d+)\n255\n", contents)
    assert head is not None
    return np.frombuffer(contents, np.uint8, offset=head.end()).reshape(int(head[2]), int(head[1]))


@WHERE
def test_display_as_in_dcmtk(where: str, tmp_path: Path) -> None:
    """+Wi: a stored window; +Wl: a VOI LUT; +Wm: from the lowest to the highest value; +Wfs: SIGMOID."""
    tried = dict.fromkeys(("+Wi", "+Wl", "+Wm", "+Wfs"), 0)
    wrong = []
    for path, dataset in datasets(where):
        if not top_level(dataset):
            continue  # dcm2pnm reads no functional groups
        luts, windows = len(dataset.get("VOILUTSequence") or []), count(dataset.get("WindowCenter"))
        values = dd.imread(path, values="modality", dtype=np.float64, frames=0)
        if not np.array_equal(values, np.rint(values)):
            continue  # DCMTK keeps modality values as integers
        low, high = values.min(), values.max()
        asked: list[tuple[str, tuple[str, ...], Any]] = []
        if high > low and values.size % 2 == 0:  # else DCMTK counts the byte that fills up the pixel data
            asked.append(("+Wm", ("+Wm",), ((low + high + 1) / 2, high - low + 1)))
        if windows:
            asked.append(("+Wi", ("+Wi", "1"), luts))
            centers, widths = (np.atleast_1d(dataset.get(k)).astype(float) for k in ("WindowCenter", "WindowWidth"))
            asked.append(("+Wfs", ("+Wfs", "+Wi", "1"), (centers[0], widths[0], "SIGMOID")))
        if luts:
            asked.append(("+Wl", ("+Wl", "1"), 0))
        for what, options, window in asked:
            drawn = by_dcmtk(path, tmp_path / "drawn.pgm", *options)
            if drawn is None:
                continue
            try:
                found = dd.imread(path, values="display", window=window, frames=0)
            except ValueError as error:
                wrong.append(f"{path.name} {what}: {error}")
                continue
            worst = int(np.abs(found.astype(int) - drawn).max())
            if worst > 1:
                wrong.append(f"{path.name} {what}: differs by {worst}")
            tried[what] += 1
    assert not wrong, "\n".join(wrong)
    assert tried["+Wi"] >= 5 and tried["+Wm"] >= 10, tried
