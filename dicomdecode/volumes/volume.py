"""A volume: an array, the place of its voxels in the patient, and the facts known about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.pictures import PicturedVolume

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from dicomdecode.issues import Issue

__all__ = ["RAS_OF_LPS", "Volume"]

#: From LPS, the patient's coordinates of DICOM, to RAS, those of NIfTI: x and y change their sign.
RAS_OF_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(eq=False, repr=False)
class Volume(PicturedVolume):
    """The slices of a series as one array.

    Attributes
    ----------
    array : ndarray
        [slices, rows, columns] or [slices, rows, columns, samples], C-contiguous. Slices go by rising position along
        the normal: direction of a row x direction of a column.
    affine : ndarray
        float64, 4 x 4: (column, row, slice, 1) -> (x, y, z, 1) in mm, the patient's left, back and head (LPS; PS3.3
        C.7.6.2.1.1). The third column is (last - first position) / (slices - 1).
    sources : tuple
        The sources as they were given, one for each file, in the order of their first slices.
    varies : dict
        keyword -> what it is in each slice, a list, for what changes within the volume. Of a volume out of several, for
        what tells them apart: keyword -> the one value that it has.
    issues : tuple of str
        What is wrong with the series although it is read: texts, each with a `code`.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pathlib import Path
    >>> from pydicom.data import get_testdata_file
    >>> volume = dd.read_series(Path(get_testdata_file("DICOMDIR")).parent / "98892001" / "CT5N")
    >>> volume
    <Volume (5, 16, 16) float32, 2.5 x 0.4883 x 0.4883 mm>
    >>> volume.origin, float(volume.array[0, 0, 0])
    ((-72.199997, -143.0, -1.2375), -33.0)
    """

    array: NDArray[Any]
    affine: NDArray[np.float64]
    sources: tuple[Any, ...] = ()
    varies: Mapping[str, Any] = field(default_factory=dict)
    issues: tuple[Issue, ...] = ()

    @property
    def affine_ras(self) -> NDArray[np.float64]:
        """The affine to the patient's right, front and head (RAS), as NIfTI has it."""
        return RAS_OF_LPS @ self.affine

    @property
    def spacing(self) -> tuple[float, float, float]:
        """(between slices, between rows, between columns) in mm: in the order of the axes of `array`."""
        x, y, z = np.linalg.norm(self.affine[:3, :3], axis=0).tolist()
        return z, y, x

    @property
    def origin(self) -> tuple[float, float, float]:
        """Where the centre of the first voxel lies, in mm (LPS)."""
        x, y, z = self.affine[:3, 3].tolist()
        return x, y, z

    @property
    def direction(self) -> NDArray[np.float64]:
        """3 x 3: its columns are the unit vectors along a row, along a column and from slice to slice (LPS), so that
        affine[:3, :3] is direction * spacing[::-1]."""
        matrix: NDArray[np.float64] = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        return matrix

    @property
    def shape(self) -> tuple[int, ...]:
        """That of `array`: (slices, rows, columns), and samples for colour."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """That of `array`."""
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.array)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            return self.array if dtype is None else np.asarray(self.array, dtype, copy=False)
        return np.array(self.array, dtype) if copy else np.asarray(self.array, dtype)

    def __repr__(self) -> str:
        spacing = " x ".join(f"{x:.4g}" for x in self.spacing)
        odd = f", {len(self.issues)} issues" if self.issues else ""
        return f"<Volume {self.shape} {self.dtype}, {spacing} mm{odd}>"

    def to_nifti(self) -> Any:
        """The volume for nibabel.

        Returns
        -------
        nibabel.Nifti1Image
            [columns, rows, slices], the affine in RAS, units mm. Colour becomes its RGB type.

        Raises
        ------
        ImportError
            nibabel is not installed: ``pip install dicomdecode[volumes]``.
        ValueError
            Colour of more than 8 bits, which NIfTI cannot hold.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pathlib import Path
        >>> from pydicom.data import get_testdata_file
        >>> volume = dd.read_series(Path(get_testdata_file("DICOMDIR")).parent / "98892001" / "CT5N")
        >>> volume.to_nifti().shape
        (16, 16, 5)
        """
        import nibabel

        data = self.array.transpose(2, 1, 0, *range(3, self.array.ndim))
        if data.ndim == 4:
            if data.dtype != np.uint8 or data.shape[3] not in (3, 4):
                raise ValueError(f"NIfTI has colour of 8 bits only, not {data.shape[3]} samples of {data.dtype}")
            names = "RGBA"[: data.shape[3]]
            data = np.ascontiguousarray(data).view([(name, np.uint8) for name in names])[..., 0]
        image = nibabel.Nifti1Image(data, self.affine_ras, dtype=data.dtype)
        image.header.set_xyzt_units("mm")
        image.set_qform(self.affine_ras, code="scanner", strip_shears=True)
        image.set_sform(self.affine_ras, code="scanner")
        return image

    def to_sitk(self) -> Any:
        """The volume for SimpleITK.

        Returns
        -------
        SimpleITK.Image
            With this spacing, origin and direction, in mm (LPS); colour becomes a vector of samples.

        Raises
        ------
        ImportError
            SimpleITK is not installed: ``pip install dicomdecode[volumes]``.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pathlib import Path
        >>> from pydicom.data import get_testdata_file
        >>> volume = dd.read_series(Path(get_testdata_file("DICOMDIR")).parent / "98892001" / "CT5N")
        >>> volume.to_sitk().GetSpacing()
        (0.488281, 0.488281, 2.5)
        """
        import SimpleITK

        image = SimpleITK.GetImageFromArray(self.array, isVector=self.array.ndim == 4)
        image.SetSpacing(self.spacing[::-1])
        image.SetOrigin(self.origin)
        image.SetDirection(self.direction.ravel().tolist())
        return image

    def to_xarray(self) -> Any:
        """The volume for xarray.

        Returns
        -------
        xarray.DataArray
            Dims (slice, row, column), and sample for colour; coordinates in mm from the first voxel along each axis;
            `attrs` hold the affine, the origin and the direction (LPS).

        Raises
        ------
        ImportError
            xarray is not installed: ``pip install dicomdecode[volumes]``.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pathlib import Path
        >>> from pydicom.data import get_testdata_file
        >>> volume = dd.read_series(Path(get_testdata_file("DICOMDIR")).parent / "98892001" / "CT5N")
        >>> volume.to_xarray().dims
        ('slice', 'row', 'column')
        """
        import xarray

        dims = ("slice", "row", "column", "sample")[: self.array.ndim]
        coordinates = {
            name: (name, np.arange(count) * step, {"units": "mm"})
            for name, count, step in zip(dims[:3], self.array.shape, self.spacing, strict=False)
        }
        attributes = {
            "affine": self.affine,
            "origin": self.origin,
            "direction": self.direction,
            "coordinate_system": "LPS",
        }
        return xarray.DataArray(self.array, coordinates, dims, attrs=attributes)
