"""The affine of a volume beside SimpleITK, highdicom, dicom2nifti and dcm2niix, which follow rules of their own
(docs/volumes.md has a table), and the volume in other libraries, by where a phantom's balls are."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.volumes.series import OBLIQUE, SAGITTAL, normal_of, one_slice

pytestmark = pytest.mark.filterwarnings("ignore")  # those of the libraries

#: A direction and positions that are rounded, as real ones are.
ROUNDED = (0.97517, 0.153792, -0.159345, -0.097843, 0.944702, 0.312992)
CLASS = "1.2.840.10008.5.1.4.1.1.4"
FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
#: [column, row, slice] and the affine of these to LPS.
Found = tuple[np.ndarray, np.ndarray]


@pytest.fixture(params=[OBLIQUE, SAGITTAL, ROUNDED], ids=["oblique", "sagittal", "rounded"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Eight slices of 40 x 32 whose names and numbers go against their positions."""
    normal = normal_of(request.param)
    extra: list[s.Element] = [
        (0x00080008, "CS", ["ORIGINAL", "PRIMARY", "M"]),
        (0x00080016, "UI", CLASS),
        (0x00080070, "LO", "Nobody"),
        (0x0020000D, "UI", "1.2.3.5"),
        (0x00200011, "IS", 7),
        (0x00200052, "UI", "1.2.3.6"),
        *((tag, "DA", "20200101") for tag in (0x00080020, 0x00080021, 0x00080022)),
        *((tag, "TM", "120000") for tag in (0x00080030, 0x00080031, 0x00080032)),
        *((tag, "LO", "") for tag in (0x00100010, 0x00100020)),
    ]
    for k in range(8):
        position = np.round(np.array([-31.237, 12.503, 4.119]) + 3.3 * k * normal, 3)
        pixels = np.arange(40 * 32).reshape(40, 32).astype(np.int16) + 1300 * k
        contents = one_slice(k, position, orientation=request.param, pixels=pixels, instance=20 - k, extra=extra)
        (tmp_path / f"{(k * 3) % 8}.dcm").write_bytes(contents)
    return tmp_path


def by_sitk(folder: Path) -> Found:
    sitk = pytest.importorskip("SimpleITK", reason="volumes: SimpleITK is not installed")
    image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return sitk.GetArrayFromImage(image).T, affine


def by_highdicom(folder: Path) -> Found:
    highdicom = pytest.importorskip("highdicom", reason="volumes: highdicom is not installed")
    pydicom = pytest.importorskip("pydicom")
    volume = highdicom.get_volume_from_series([pydicom.dcmread(path) for path in folder.iterdir()])
    return volume.array, volume.affine


def by_dicom2nifti(folder: Path) -> Found:
    dicom2nifti = pytest.importorskip("dicom2nifti", reason="volumes: dicom2nifti is not installed")
    dicom2nifti.dicom_series_to_nifti(str(folder), str(folder / "out.nii"), reorient_nifti=False)
    return of_nifti(folder / "out.nii")


def by_dcm2niix(folder: Path) -> Found:
    dcm2niix = pytest.importorskip("dcm2niix", reason="volumes: dcm2niix is not installed")
    command = [dcm2niix.bin, "-f", "out", "-b", "n", "-z", "n", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return of_nifti(folder / "out.nii")


def of_nifti(path: Path) -> Found:
    nibabel = pytest.importorskip("nibabel", reason="volumes: nibabel is not installed")
    image = nibabel.load(path)
    return np.asarray(image.dataobj), FROM_RAS @ image.affine


@pytest.mark.parametrize(
    "read, most",
    [(by_sitk, 5e-4), (by_highdicom, 5e-4), (by_dicom2nifti, 1e-4), (by_dcm2niix, 1e-2)],
    ids=["SimpleITK", "highdicom", "dicom2nifti", "dcm2niix"],
)
def test_corners_lie_where_others_see_them(folder: Path, read: Callable[[Path], Found], most: float) -> None:
    """Every corner of the volume, by its value and by its place in mm."""
    volume = dd.read_series(folder, values="stored")
    array, affine = read(folder)
    theirs = {value: place for place, value in corners(array, affine)}
    found = corners(volume.array.T, volume.affine)
    assert len(theirs) == len(found) == 8
    for place, value in found:
        assert np.linalg.norm(theirs[value] - place) < most


def corners(array: np.ndarray, affine: np.ndarray) -> list[tuple[np.ndarray, int]]:
    ends = [(0, size - 1) for size in array.shape]
    indices = [(i, j, k) for i in ends[0] for j in ends[1] for k in ends[2]]
    return [((affine @ (*index, 1))[:3], int(array[index])) for index in indices]


# Exports, by where a phantom is after they were resampled to another grid.

CENTRES = np.array([[3.0, -5.0, 8.0], [-11.0, 6.0, -2.0], [9.0, 9.0, -9.0]])  # of three balls, LPS in mm
RADII = (4.0, 3.0, 2.5)


@pytest.fixture(params=[OBLIQUE, SAGITTAL, ROUNDED], ids=["oblique", "sagittal", "rounded"])
def phantom(request: pytest.FixtureRequest) -> dd.Volume:
    """Balls of 100, 200 and 300 in a volume that lies at an angle."""
    orientation = np.array(request.param)
    row, column, normal = orientation[:3], orientation[3:], normal_of(request.param)
    files = []
    for k in range(24):
        corner = -23.8 * row - 23.6 * column + (2.0 * k - 23.3) * normal
        j, i = np.mgrid[:48, :64]
        places = corner + i[..., None] * 0.75 * row + j[..., None] * 1.0 * column
        files.append(one_slice(k, corner, orientation=orientation, spacing=(1.0, 0.75), pixels=balls(places)))
    return dd.read_series(files[::-1])


def balls(places: np.ndarray) -> np.ndarray:
    """What the phantom is at places [..., 3] in LPS."""
    pixels = np.zeros(places.shape[:-1], np.int16)
    for number, (centre, radius) in enumerate(zip(CENTRES, RADII, strict=True), 1):
        pixels[np.linalg.norm(places - centre, axis=-1) < radius] = 100 * number
    return pixels


def check_balls(voxels: np.ndarray, places: np.ndarray) -> None:
    """On an axial grid of 1 mm, the balls lie where they were put, within a third of the widest voxel."""
    for number, centre in enumerate(CENTRES, 1):
        found = places[np.abs(voxels - 100 * number) < 1].mean(axis=0)
        assert np.linalg.norm(found - centre) < 0.66


def axial_grid() -> np.ndarray:
    """[z, y, x, 3] in LPS."""
    z, y, x = np.mgrid[-15:16, -15:16, -15:16]
    return np.stack([x, y, z], axis=-1).astype(float)


def test_phantom_in_sitk(phantom: dd.Volume) -> None:
    sitk = pytest.importorskip("SimpleITK", reason="volumes: SimpleITK is not installed")
    grid = sitk.Image(31, 31, 31, sitk.sitkFloat32)
    grid.SetOrigin((-15.0, -15.0, -15.0))
    moved = sitk.Resample(phantom.to_sitk(), grid, sitk.Transform(), sitk.sitkNearestNeighbor, 0.0)
    check_balls(sitk.GetArrayFromImage(moved), axial_grid())


def test_phantom_in_nibabel(phantom: dd.Volume, tmp_path: Path) -> None:
    """By the sform and by the qform of a file that was written and read back."""
    nibabel = pytest.importorskip("nibabel", reason="volumes: nibabel is not installed")
    nibabel.save(phantom.to_nifti(), tmp_path / "phantom.nii.gz")
    image = nibabel.load(tmp_path / "phantom.nii.gz")
    places = axial_grid()
    for affine in (image.get_sform(), image.get_qform()):
        check_balls(nearest(np.asarray(image.dataobj), FROM_RAS @ affine, places), places)


def test_phantom_in_xarray(phantom: dd.Volume) -> None:
    pytest.importorskip("xarray", reason="volumes: xarray is not installed")
    array = phantom.to_xarray()
    places = axial_grid()
    # Coordinates are mm along the axes; the direction turns them to the patient's.
    along = (places - array.attrs["origin"]) @ array.attrs["direction"]
    chosen: Any = {name: (("z", "y", "x"), along[..., axis]) for axis, name in enumerate(("column", "row", "slice"))}
    import xarray

    targets = {name: xarray.DataArray(values, dims=dims) for name, (dims, values) in chosen.items()}
    check_balls(array.sel(targets, method="nearest").transpose("z", "y", "x").values, places)


def nearest(voxels: np.ndarray, affine: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Voxels [column, row, slice] at places in LPS; 0 outside."""
    inverse = np.linalg.inv(affine)
    indices = np.rint(places @ inverse[:3, :3].T + inverse[:3, 3]).astype(int)
    inside = ((indices >= 0) & (indices < voxels.shape)).all(axis=-1)
    picked = voxels[tuple(np.moveaxis(np.where(inside[..., None], indices, 0), -1, 0))]
    return np.where(inside, picked, 0)
