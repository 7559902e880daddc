"""NumPy's own files: a .npy for each source, or a .npz with its tags."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.export.formats.payload import FileWriter, Format, Payload

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.export.records import Record

__all__ = ["NPY", "NPZ", "npy_parts"]


def npy_parts(array: NDArray[Any]) -> tuple[bytes, memoryview]:
    """The header and the data of a .npy file; the data are the array itself, of C order."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, np.lib.format.header_data_from_array_1_0(array))
    return head.getvalue(), memoryview(array.reshape(-1)).cast("B")


def _npy(record: Record) -> Payload:
    return Payload(record.index, ((".npy", npy_parts(record.array)),))


def _npz(record: Record) -> Payload:
    file = io.BytesIO()
    tags = {f"tag_{name}": np.array("" if value is None else value) for name, value in record.tags.items()}
    members: dict[str, Any] = {"pixels": record.array, **tags}
    np.savez(file, **members)
    return Payload(record.index, ((".npz", [file.getbuffer()]),))


NPY = Format(_npy, FileWriter)
NPZ = Format(_npz, FileWriter)
