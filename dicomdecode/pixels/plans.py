"""The plan of each frame: everything behind stored (or RGB) samples, folded. Frames with equal values share one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.pixels import transform
from dicomdecode.pixels._kernels import Plan
from dicomdecode.pixels.luts import Choice, FrameValues, frame_values

if TYPE_CHECKING:
    from dicomdecode.pixels.native import Layout
    from dicomdecode.pixels.request import Request
    from dicomdecode.reading._file import DicomFile

__all__ = ["DoesNotFit", "Planned", "Plans", "values_by_frame"]

#: A plan, and its chain where the plan is for NumPy to follow.
Planned = tuple[Plan, "transform.Chain | None"]


class DoesNotFit(Exception):
    """The possible range of the values does not fit in the dtype asked for."""


@functools.lru_cache(maxsize=512)
def _simple_plan(
    bits: int,
    signed: bool,
    rescale: tuple[float, float] | None,
    cell: np.dtype[Any],
    left: int,
    right: int,
    dtype: np.dtype[Any],
    scale: str,
) -> tuple[Plan, transform.Chain, bool]:
    """The plan of integer pixels with at most a rescale, and whether the range fits; it depends on nothing else."""
    chain = transform.Chain(transform.possible_range(bits, signed))
    if rescale is not None:
        chain = transform.rescaled(chain, *rescale)
    fit = transform.fits(chain.range, cell, dtype, scale)
    return transform.make_plan(chain, cell, left, right, dtype, scale), chain, fit


_UINT8, _FLOAT32 = np.dtype(np.uint8), np.dtype(np.float32)


def native_dtype(values: str, layout: Layout) -> np.dtype[Any]:
    """The dtype of a level when the caller asks for none."""
    if values == "display":
        return _UINT8
    if values == "voi":
        return _FLOAT32
    return layout.colored if layout.out_samples > 1 or values == "stored" else _FLOAT32


def values_by_frame(file: DicomFile, level: str, window: Choice) -> Callable[[int], FrameValues]:
    """What applies to each frame of a monochrome image on its way to a level."""
    return frame_values(file, level, window, functools.partial(transform.lowest_modality, file))


class Plans:
    """The plans of one decode.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the result.
    one : tuple or None
        The plan of every frame, where there is one; else ask `of`.
    """

    def __init__(self, file: DicomFile, request: Request, layout: Layout) -> None:
        self._file, self._request, self._layout = file, request, layout
        dtype = request.dtype
        self.dtype = native_dtype(request.values, layout) if dtype is None else dtype
        self._monochrome = layout.out_samples == 1
        self.one: Planned | None = None
        leveled = self._monochrome and request.values != "stored"
        if not leveled:
            self.one = self._make(None)
        elif request.values == "modality" and not file.has_functional_groups:
            self.one = self._make(FrameValues(file.rescale))
        else:
            self._values = values_by_frame(file, request.values, request.window)
            self._made: dict[FrameValues, Planned] = {}
            if not file.has_functional_groups:
                self.one = self._make(self._values(0))

    def of(self, frame: int) -> Planned:
        """The plan of one frame."""
        if self.one is not None:
            return self.one
        key = self._values(frame)
        planned = self._made.get(key)
        if planned is None:
            planned = self._made[key] = self._make(key)
        return planned

    def _make(self, of_frame: FrameValues | None) -> Planned:
        file, request, layout = self._file, self._request, self._layout
        values, scale = request.values, request.scale
        plan: Plan | None = None
        if not self._monochrome:
            chain = transform.chain_of_color(layout.bits, values)
        elif (
            values in ("stored", "modality")
            and layout.colored.kind in "iu"
            and request.padding is None
            and not (of_frame and file.has_modality_lut)
        ):
            rescale = of_frame.rescale if of_frame else None
            plan, chain, fit = _simple_plan(
                file.bits_stored, file.signed, rescale, layout.colored, layout.left, layout.right, self.dtype, scale
            )
        else:
            chain = transform.chain_of_file(file, values, of_frame or FrameValues(), request.padding)
        if plan is None:
            fit = chain.unit or transform.fits(chain.range, layout.colored, self.dtype, scale)
            plan = transform.make_plan(chain, layout.colored, layout.left, layout.right, self.dtype, scale)
        if request.must_fit and not fit:
            raise DoesNotFit(f"the possible range of the values does not fit in {self.dtype}")
        return plan, chain if plan.kind == "numpy" else None
