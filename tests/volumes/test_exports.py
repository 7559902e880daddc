"""Volumes as other libraries have them: each agrees where every voxel lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests.volumes.series import OBLIQUE, one_slice, stack, values

CORNER = np.array([7.0, 5.0, 4.0])  # column, row, slice


def library(name: str) -> Any:
    return pytest.importorskip(name, reason=f"volumes: {name} is not installed")


@pytest.fixture
def volume() -> dd.Volume:
    return dd.read_series(stack(orientation=OBLIQUE))


@pytest.fixture
def colour() -> dd.Volume:
    pictures = [np.random.default_rng(k).integers(0, 256, (6, 8, 3), np.uint8) for k in range(3)]
    return dd.read_series([one_slice(k, (0, 0, k), pixels=p, photometric="RGB") for k, p in enumerate(pictures)])


def test_nifti(volume: dd.Volume, tmp_path: Any) -> None:
    nibabel = library("nibabel")
    nibabel.save(volume.to_nifti(), tmp_path / "x.nii.gz")
    image = nibabel.load(tmp_path / "x.nii.gz")
    assert image.shape == (8, 6, 5) and image.get_data_dtype() == np.float32
    assert np.array_equal(np.asanyarray(image.dataobj).T, values(range(5)))
    assert np.allclose(image.affine, volume.affine_ras, atol=1e-5)
    assert np.allclose(image.get_qform(), volume.affine_ras, atol=1e-5)
    assert image.header.get_xyzt_units() == ("mm", "unknown")


def test_nifti_of_a_tilted_volume() -> None:
    library("nibabel")
    tilted = dd.read_series([one_slice(k, (0, k, 2 * k)) for k in range(4)], strict=False)
    assert np.allclose(tilted.to_nifti().affine, tilted.affine_ras)


def test_nifti_of_integers(volume: dd.Volume) -> None:
    library("nibabel")
    volume.array = volume.array.astype(np.int64)
    assert volume.to_nifti().get_data_dtype() == np.int64


def test_nifti_of_colour(colour: dd.Volume) -> None:
    library("nibabel")
    data = np.asanyarray(colour.to_nifti().dataobj)
    assert data.shape == (8, 6, 3) and data.dtype.names == ("R", "G", "B")
    assert np.array_equal(data["G"].T, colour.array[..., 1])
    colour.array = colour.array.astype(np.uint16)
    with pytest.raises(ValueError, match="8 bits"):
        colour.to_nifti()


def test_sitk(volume: dd.Volume, colour: dd.Volume) -> None:
    sitk = library("SimpleITK")
    image = volume.to_sitk()
    assert np.array_equal(sitk.GetArrayFromImage(image), volume.array)
    place = image.TransformContinuousIndexToPhysicalPoint(CORNER.tolist())
    assert np.allclose(place, (volume.affine @ [*CORNER, 1])[:3])
    assert np.array_equal(sitk.GetArrayFromImage(colour.to_sitk()), colour.array)


def test_xarray(volume: dd.Volume, colour: dd.Volume) -> None:
    library("xarray")
    array = volume.to_xarray()
    assert array.dims == ("slice", "row", "column") and np.array_equal(array.values, volume.array)
    assert np.allclose(array.coords["column"], np.arange(8) * 0.75) and array.coords["slice"].attrs["units"] == "mm"
    assert np.array_equal(array.attrs["affine"], volume.affine)
    assert colour.to_xarray().dims == ("slice", "row", "column", "sample")
