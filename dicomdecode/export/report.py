"""The names of the formats of an export, and its report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FORMAT_NAMES", "Report"]

FORMAT_NAMES = ("npy", "npz", "png", "tiff", "nifti", "zarr", "tfrecord", "webdataset", "parquet")


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an export.

    Attributes
    ----------
    done, skipped, failed : int
        Sources that were converted, that an earlier run had converted, and that failed.
    bytes : int
        The bytes that were written.
    seconds : float
        The time that it took.
    manifest : Path
        The file with a line for each source.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = dd.convert([path], folder, format="npy")
    >>> report.done, report.failed, report.manifest.name
    (1, 0, 'manifest.jsonl')
    """

    done: int
    skipped: int
    failed: int
    bytes: int
    seconds: float
    manifest: Path
