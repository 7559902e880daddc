"""`open`: a DICOM file, of which pixels are read when they are needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicomdecode.image import DicomImage

if TYPE_CHECKING:
    from dicomdecode.limits import Limits
    from dicomdecode.reading.source import SourceLike

__all__ = ["open_image"]


def open_image(source: SourceLike, *, limits: Limits | None = None) -> DicomImage:
    """Open a DICOM file; its pixels are read when they are needed.

    Parameters
    ----------
    source : bytes, bytearray, memoryview, 1-D uint8 array, str, os.PathLike, binary file object, or pydicom Dataset
        The file's bytes, a path (also in an archive, "study.zip/1.dcm"), a URL, an open file, or a data set.
    limits : Limits, optional
        What the file may ask for.

    Returns
    -------
    DicomImage

    Raises
    ------
    DicomError
        It is not a DICOM file, or its data set is damaged.
    OSError
        The path cannot be opened.
    TypeError
        `source` is none of these.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> with dd.open(get_testdata_file("CT_small.dcm")) as image:
    ...     image.tag("Modality"), image.spacing, image.shape
    ('CT', (0.661468, 0.661468), (128, 128))
    """
    return DicomImage(source, limits=limits)
