"""lightbox: after ``register()``, ``lightbox.show("scan.dcm")``."""

from __future__ import annotations

from typing import Any

import lightbox

import dicomdecode

__all__ = ["read_dicom", "register"]


def read_dicom(path: Any, **keywords: Any) -> Any:
    """Display values, as lightbox wants them.

    Parameters
    ----------
    path : str or os.PathLike
        A file.
    **keywords
        As in `dicomdecode.imread`.

    Returns
    -------
    ndarray
        uint8 [rows, columns], with a frames axis in front of several and a samples axis after colour.

    Raises
    ------
    DicomError, OSError
        The file cannot be decoded.

    Examples
    --------
    >>> from dicomdecode.plugins.lightbox import read_dicom
    >>> from pydicom.data import get_testdata_file
    >>> read_dicom(get_testdata_file("CT_small.dcm"), window="auto").shape
    (128, 128)
    """
    return dicomdecode.imread(path, **{"values": "display"} | keywords)


def register() -> None:
    """Tell lightbox of the reader.

    Examples
    --------
    >>> import lightbox
    >>> from dicomdecode.plugins.lightbox import register
    >>> register()
    >>> "dcm" in lightbox.READERS
    True
    """
    lightbox.READERS["dcm"] = read_dicom
