"""`read_series`: what a caller asks for. The work is imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from dicomdecode.limits import Limits
    from dicomdecode.volumes.volume import Volume

__all__ = ["read_series"]


@overload
def read_series(
    sources: Any,
    *,
    values: str = ...,
    dtype: DTypeLike | None = ...,
    window: Any = ...,
    strict: bool = ...,
    split: Literal[True] = ...,
    threads: int | None = ...,
    limits: Limits | None = ...,
) -> Volume: ...


@overload
def read_series(
    sources: Any,
    *,
    values: str = ...,
    dtype: DTypeLike | None = ...,
    window: Any = ...,
    strict: bool = ...,
    split: Literal["all"],
    threads: int | None = ...,
    limits: Limits | None = ...,
) -> list[Volume]: ...


def read_series(
    sources: Any,
    *,
    values: str = "modality",
    dtype: DTypeLike | None = None,
    window: Any = None,
    strict: bool = True,
    split: Literal[True, "all"] = True,
    threads: int | None = None,
    limits: Limits | None = None,
) -> Volume | list[Volume]:
    """Read the files of a series as a volume.

    Slices are ordered, and the affine is made, by Image Position and Image Orientation alone (PS3.3 C.7.6.2.1.1): never
    by Instance Number, Slice Location or file name, and nothing is resampled, filled in or left out silently. Enhanced
    multi-frame files, RT Dose, reconstructed nuclear medicine and Siemens mosaics are read as well.

    Parameters
    ----------
    sources : iterable, or one source
        In any order: anything that `dicomdecode.open` takes, folders, patterns, archives, URLs, as in `decode_batch`.
    values, dtype, window
        As in `dicomdecode.imread`. Rescale is applied slice by slice, so slices may differ in it; ``window="auto"`` is
        one window for all slices.
    strict : bool
        False makes missing slices, repeated slices (the first is taken), unequal spacing, a tilt, and a volume of one
        slice issues of the volume. Mixed series, sizes and orientations, and slices without a position, stay errors.
    split : {True, "all"}
        True: the sources must be one volume. "all": a list of all volumes, which echo, b-value, time and the like tell
        apart; with ``strict=False`` the files that are no volume are left out, with an issue.
    threads : int, optional
        Slices decoded side by side; default: as many as there are processors.
    limits : Limits, optional
        What a file, and the volume, may ask for.

    Returns
    -------
    Volume, or list of Volume for ``split="all"``

    Raises
    ------
    VolumeError
        They are not a volume, or several: code `slices_missing`, `slices_duplicate`, `spacing_unequal`, `gantry_tilt`,
        `orientation_mixed`, `size_mixed`, `series_mixed` or `not_a_volume`. Slices are named by their place among the
        sources, counted from 0.
    DicomError
        A file cannot be decoded.
    OSError, TypeError, ValueError
        A path cannot be read; an argument is wrong.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pathlib import Path
    >>> from pydicom.data import get_testdata_file
    >>> volume = dd.read_series(Path(get_testdata_file("DICOMDIR")).parent / "98892001" / "CT5N")
    >>> volume.shape, volume.spacing
    ((5, 16, 16), (2.5, 0.488281, 0.488281))
    """
    from dicomdecode.volumes.building import build

    return build(sources, values, dtype, window, strict=strict, split=split, threads=threads, limits=limits)
