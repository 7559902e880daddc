"""Colour: which conversion a frame needs, YBR to RGB, and palettes folded with all that follows into one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import UnsupportedError
from dicomdecode.pixels import _kernels, transform
from dicomdecode.pixels.plans import Plans, values_by_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.pixels.luts import FrameValues
    from dicomdecode.pixels.native import Layout
    from dicomdecode.pixels.request import Request
    from dicomdecode.reading._file import DicomFile

__all__ = ["Tables", "color_steps", "to_rgb"]

#: Tables kept at a time: frames may each have values of their own, and a table has up to 65536 entries.
_KEPT = 16


def to_rgb(samples: NDArray[Any], photometric: str, bits: int) -> NDArray[Any]:
    """YBR samples (rows, columns, 3) to RGB, in place; RGB stays as it is.

    Raises
    ------
    UnsupportedError
        A Photometric Interpretation that has no conversion here.
    """
    if photometric in ("RGB", "YBR_ICT", "YBR_RCT"):
        return samples  # the last two are undone by the JPEG 2000 codec
    if photometric.startswith(("YBR_FULL", "YBR_PARTIAL")) and samples.dtype.itemsize <= 2 and samples.shape[2] == 3:
        partial = photometric.startswith("YBR_PARTIAL")
        n = samples.shape[0] * samples.shape[1]
        _kernels.ybr_to_rgb(samples, n, samples.dtype.itemsize, bits, samples, partial)
        return samples
    raise UnsupportedError(
        f"No conversion to RGB for Photometric Interpretation {photometric or 'missing'}",
        code="photometric_interpretation",
        tag=0x00280004,
        hint='Ask for color="stored"',
    )


def color_steps(file: DicomFile, layout: Layout) -> tuple[str, ...]:
    """What is applied in front of the modality stage, in words and numbers."""
    palette = layout.palette
    if palette is not None:
        return (f"palette: {len(palette.table)} entries from {palette.first}, {palette.bits} bits",)
    return (f"{file.photometric} -> RGB",) if layout.convert_rgb else ()


class Tables:
    """From palette indices to results in one look-up: palette, profile, scale and clip are folded before a pixel.

    Parameters
    ----------
    file : DicomFile
        The file.
    request : Request
        What to make of it.
    layout : Layout
        With a palette, and the profiles where these are asked for.
    plans : Plans
        What becomes of colour samples.
    """

    def __init__(self, file: DicomFile, request: Request, layout: Layout, plans: Plans) -> None:
        assert layout.palette is not None
        self._file, self._request, self._layout, self._plans = file, request, layout, plans
        self._palette, self._profiles = layout.palette, layout.profiles
        self._supplemental = file.photometric != "PALETTE COLOR"
        self._values = values_by_frame(file, "display", request.window) if self._supplemental else None
        self._made: dict[tuple[int, FrameValues | None], NDArray[Any]] = {}
        # A supplemental palette leaves stored values below its first entry grey: the table is of every stored value.
        cell = layout.cell
        self.first = int(np.iinfo(cell).min) if self._supplemental and cell.itemsize <= 2 else self._palette.first

    def of(self, frame: int) -> NDArray[Any]:
        """The table of a frame: [entries, samples] of the result's dtype; entry 0 is for the stored value `first`."""
        key = (self._profiles.nth(frame) if self._profiles else 0, self._values(frame) if self._values else None)
        found = self._made.get(key)
        if found is None:
            if len(self._made) >= _KEPT:
                self._made.clear()
            found = self._made[key] = self._make(frame, key[1])
        return found

    def _make(self, frame: int, of_frame: FrameValues | None) -> NDArray[Any]:
        table = self._palette.table
        if of_frame is not None and self._layout.cell.itemsize <= 2:
            table = self._with_grey(of_frame)
        if self._profiles is not None:
            table = table.copy()
            self._profiles.of(frame)(table)
        plan, chain = self._plans.of(frame)
        if plan.kind == "numpy":
            assert chain is not None
            return transform.convert_numpy(table, plan, chain, self._request.scale)
        out = np.empty(table.shape, plan.dtype)
        _kernels.run(plan, table, 0, table.size, out)
        return out

    def _with_grey(self, of_frame: FrameValues) -> NDArray[Any]:
        """The colours of all stored values: below the palette's first one what "display" gives, at its depth."""
        palette, cell, request = self._palette, self._layout.cell, self._request
        stored = np.arange(self.first, int(np.iinfo(cell).max) + 1, dtype=np.int64)
        table: NDArray[Any] = palette.table[np.clip(stored - palette.first, 0, len(palette.table) - 1)]
        grey = stored < palette.first
        if grey.any():
            chain = transform.chain_of_file(self._file, "display", of_frame, request.padding)
            shown = chain.evaluate(stored[grey].astype(cell)) * ((1 << palette.bits) - 1)
            table[grey] = transform.convert(shown, table.dtype)[:, None]
        return table
