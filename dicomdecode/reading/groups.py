"""Functional groups of multi-frame files (PS3.3 C.7.6.16): what holds for one frame, and for all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicomdecode.reading._reading import DataSet, DicomFile

__all__ = ["FunctionalGroups"]

_SHARED, _PER_FRAME = 0x52009229, 0x52009230


class FunctionalGroups:
    """The functional groups of a file.

    Attributes
    ----------
    shared : DataSet or None
        What holds for all frames.
    per_frame : sequence of DataSet
        For each frame, what applies to it alone; read when it is needed.
    """

    def __init__(self, file: DicomFile) -> None:
        self.shared: DataSet | None = next(iter(file.items(_SHARED)), None)
        self.per_frame: Sequence[DataSet] = file.items(_PER_FRAME)

    def items(self, frame: int, sequence: int) -> Iterator[DataSet]:
        """The first item of a sequence where a frame's own groups have one, then where the shared ones have one."""
        for group in (*self.per_frame[frame : frame + 1], self.shared):
            if group is not None:
                yield from group.items(sequence)[:1]
