"""DICOM files that other projects test with: dicomdecode beside pydicom with its own plugins.

python .ci/peer_files.py FOLDER... Prints what became of each kind; what differs by more than the rounding of a lossy
codec is listed, and makes the exit code 1. A file whose stream contradicts Photometric Interpretation is counted by
itself: pydicom believes the header there, dicomdecode the stream (docs/values.md).
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from peer_tally import Outcome, tell

import dicomdecode as dd


def pixels_of(path: Path) -> tuple[Any, Any] | None:
    """What pydicom gives and what dicomdecode gives, None for an error; of no image, nothing."""
    try:
        dataset = pydicom.dcmread(path, force=True)
        if "PixelData" not in dataset:
            return None
    except Exception:
        return None
    color = "stored" if dataset.get("PhotometricInterpretation") == "PALETTE COLOR" else "rgb"
    theirs = ours = None
    with suppress(Exception):
        theirs = dataset.pixel_array
    with suppress(dd.DicomError):
        ours = dd.imread(path, values="stored", color=color)
    return theirs, ours


def compared(path: Path, theirs: Any, ours: Any) -> str:
    if theirs is None or ours is None:
        return "refused by both" if theirs is ours else "refused by " + ("pydicom" if theirs is None else "dicomdecode")
    if theirs.shape == ours.shape and np.abs(theirs.astype(np.int64) - ours.astype(np.int64)).max() <= 1:
        return "equal" if np.array_equal(theirs, ours) else "within 1"
    codes = [issue.code for issue in dd.open(path).issues]
    return "the stream's colour is another" if "photometric" in codes else "differs"


def outcomes(folders: list[str]) -> Iterator[Outcome]:
    for path in sorted(file for folder in folders for file in Path(folder).rglob("*") if file.is_file()):
        pair = pixels_of(path)
        if pair is not None:
            outcome = compared(path, *pair)
            yield outcome, f"{path}: {outcome}" if outcome in ("differs", "refused by dicomdecode") else ""


if __name__ == "__main__":
    tell(outcomes)
