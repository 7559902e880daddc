"""NIfTI: a file for each volume of a series; its affine goes to the patient's right, front and head (RAS)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dicomdecode.export.formats.payload import FileWriter, Format, Payload

if TYPE_CHECKING:
    from dicomdecode.export.records import Record

__all__ = ["NIFTI"]


def _encode(record: Record) -> Payload:
    files: list[tuple[str, Sequence[Any]]] = []
    for i, volume in enumerate(record.volumes):
        name = ".nii" if len(record.volumes) == 1 else f"_{i:04d}.nii"
        files.append((name, [volume.to_nifti().to_bytes()]))
    if record.tags:
        files.append((".json", [json.dumps(record.tags).encode()]))
    return Payload(record.index, tuple(files))


NIFTI = Format(_encode, FileWriter, per_unit=1, by_series=True, library="nibabel")
