"""Which plan each frame has. The core plans what is one affine map of integers; the rest is chosen here.

Frames with equal values share a plan. A few plans are kept at a time: frames may each have values of their own, and a
plan may hold a table of 65536 entries.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from dicomdecode.errors import UnsupportedError
from dicomdecode.pixels import transform
from dicomdecode.pixels._plans import Plan, type_number
from dicomdecode.pixels.auto_window import auto_window
from dicomdecode.pixels.icc import Profiles, wrong_depth
from dicomdecode.pixels.luts import FrameValues, Lut, Window, frame_values
from dicomdecode.pixels.palette import read_palette

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.pixels._core import Frames, Request

__all__ = ["DoesNotFit", "Plans", "steps_of", "window_of"]

_KEPT = 16


class DoesNotFit(Exception):
    """The possible range of the values does not fit in the dtype asked for."""


class Plans:
    """The plans of one decode.

    Parameters
    ----------
    frames : Frames
        What the frames are.
    request : Request
        What is to become of them.

    Attributes
    ----------
    dtype : numpy.dtype
        Of the result.
    samples : int
        Of a pixel of the result.
    one : Plan or None
        The plan of every frame, where there is one; else ask `of`.

    Raises
    ------
    DoesNotFit
        The possible range does not fit in the dtype, and the request says that it must.
    DicomError
        What the values depend on is damaged or missing.
    """

    __slots__ = ("_made", "_planner", "dtype", "one", "samples")

    def __init__(self, frames: Frames, request: Request) -> None:
        self.samples = frames.samples
        self.one: Plan | None = None
        if frames.uses_profiles:
            _find_profiles(frames)
        planned = frames.integer_plan(request)
        if planned is not None:
            self.one, fit = planned
            self.dtype = self.one.dtype
            if request.must_fit and not fit:
                raise _does_not_fit(self.dtype)
            return
        self._planner = _planner_for(frames, request)
        self.dtype, self.samples = self._planner.dtype, self._planner.samples
        self._made: dict[Hashable, Plan] = {}
        if self._planner.is_constant:
            self.one = self.of(0)

    def of(self, frame: int) -> Plan:
        """The plan of one frame."""
        if self.one is not None:
            return self.one
        key = self._planner.key(frame)
        plan = self._made.get(key)
        if plan is None:
            if len(self._made) >= _KEPT:
                self._made.clear()
            plan = self._made[key] = self._planner.plan(frame, key)
        return plan


def _find_profiles(frames: Frames) -> None:
    """Profiles of the file, read once; of a palette only where they can be applied to it."""
    bits = read_palette(frames.pixels).bits if frames.uses_palette else frames.bits
    if bits != 8:
        raise wrong_depth(bits)
    if frames.pixels.profiles is None:
        frames.pixels.profiles = Profiles(frames.pixels.file)


def _does_not_fit(dtype: np.dtype[Any]) -> DoesNotFit:
    return DoesNotFit(f"the possible range of the values does not fit in {dtype}")


def steps_of(frames: Frames, request: Request, frame: int) -> tuple[str, ...]:
    """What is applied to one frame, in words and numbers."""
    planner = _planner_for(frames, request)
    return planner.steps(planner.key(frame))


def window_of(frames: Frames, request: Request, frame: int) -> Window | None:
    """The window of the VOI stage of one frame; of a VOI LUT the values that it has entries for, and "LUT".

    None where there is no such stage, or the possible range is used.
    """
    key = _planner_for(frames, request).key(frame)
    values = key.values if isinstance(key, _PaletteKey) else key
    voi = None if values is None else values.voi
    if isinstance(voi, Lut):
        return voi.first + (len(voi.entries) - 1) / 2, float(len(voi.entries)), "LUT"
    return voi


class _Planner(Protocol):
    """What makes the plans of one kind of image."""

    dtype: np.dtype[Any]
    samples: int
    is_constant: bool  # all frames have one plan

    def key(self, frame: int) -> Any:
        """What the plan of a frame depends on."""

    def plan(self, frame: int, key: Any) -> Plan: ...

    def steps(self, key: Any) -> tuple[str, ...]: ...


def _planner_for(frames: Frames, request: Request) -> _Planner:
    if frames.uses_palette:
        return _PalettePlanner(frames, request)
    return _MonochromePlanner(frames, request) if frames.samples == 1 else _ColourPlanner(frames, request)


def _folded(
    chain: transform.Chain, frames: Frames, dtype: np.dtype[Any], request: Request, frames_of_plan: int
) -> Plan:
    """The plan of a chain over cells, for so many frames."""
    source = frames.cell
    pixels = frames.pixels.file.rows * frames.pixels.file.columns * frames.samples * frames_of_plan
    if request.must_fit and not (chain.unit or transform.fits(chain.range, source, dtype, request.scale)):
        raise _does_not_fit(dtype)
    return transform.make_plan(chain, source, frames.left, frames.right, dtype, request.scale, pixels)


def _values_of_frames(frames: Frames, request: Request, level: str) -> Callable[[int], FrameValues]:
    """For each frame, what takes it to a level with the requested window."""
    file = frames.pixels.file
    lowest = functools.partial(transform.lowest_modality, file)
    if request.window != "auto":
        return frame_values(file, level, request.window, lowest)
    found = auto_window(frames.pixels)
    values = frame_values(file, level, found.window, lowest)
    return lambda frame: values(frame)._replace(about_voi=(found.words,))


class _MonochromePlanner:
    """One sample: modality, VOI, presentation, by the values of each frame."""

    samples = 1

    def __init__(self, frames: Frames, request: Request) -> None:
        self._frames, self._request = frames, request
        self.dtype = request.dtype or frames.native_dtype(request)
        file = frames.pixels.file
        self.is_constant = request.values == "stored" or not file.has_functional_groups
        self._values = None
        if request.values != "stored":
            self._values = _values_of_frames(frames, request, request.values)

    def key(self, frame: int) -> FrameValues:
        return FrameValues() if self._values is None else self._values(frame)

    def _chain(self, key: FrameValues) -> transform.Chain:
        return transform.chain_of_file(self._frames.pixels.file, self._request.values, key, self._request.padding)

    def plan(self, frame: int, key: FrameValues) -> Plan:
        count = len(self._frames.numbers) if self.is_constant else 1
        return _folded(self._chain(key), self._frames, self.dtype, self._request, count)

    def steps(self, key: FrameValues) -> tuple[str, ...]:
        return self._chain(key).steps


class _ColourPlanner:
    """Three samples or four: as they are, or onto [0, 1]."""

    is_constant = True

    def __init__(self, frames: Frames, request: Request) -> None:
        self._frames, self._request = frames, request
        self.samples = frames.samples
        self.dtype = request.dtype or frames.native_dtype(request)
        self._chain = transform.chain_of_color(frames.bits, request.values)

    def key(self, frame: int) -> None:
        return None

    def plan(self, frame: int, key: None) -> Plan:
        return _folded(self._chain, self._frames, self.dtype, self._request, len(self._frames.numbers))

    def steps(self, key: None) -> tuple[str, ...]:
        colour = self._frames.colour if self._frames.converts_to_rgb else "RGB"
        if colour == self._frames.pixels.file.photometric:
            colour = self._frames.pixels.file.photometric_term
        return ((f"{colour} -> RGB",) if colour != "RGB" else ()) + self._chain.steps


class _PaletteKey(NamedTuple):
    profile: int  # which of the file's profiles
    values: FrameValues | None  # of a supplemental palette: what the grey below it becomes


class _PalettePlanner:
    """Palette, profile, scale and clip, folded into one table from stored values to results."""

    def __init__(self, frames: Frames, request: Request) -> None:
        self._frames, self._request = frames, request
        self._file = file = frames.pixels.file
        if frames.cell.itemsize > 2:
            raise UnsupportedError("Palette indices of more than 16 bits", code="palette_bits")
        self._palette = read_palette(frames.pixels, alpha=request.color == "rgba")
        self._profiles = frames.pixels.profiles if frames.uses_profiles else None
        self._chain = transform.chain_of_color(self._palette.bits, request.values)
        table = self._palette.table
        self.samples = table.shape[1]
        native = table.dtype if request.values in ("stored", "modality") else frames.native_dtype(request)
        self.dtype = request.dtype or native
        # A supplemental palette leaves stored values below its first entry grey: the table is of every stored value.
        self._is_supplemental = file.photometric != "PALETTE COLOR"
        self._values = None
        if self._is_supplemental:
            self._values = _values_of_frames(frames, request, "display")
        self.is_constant = self._profiles is None and not (self._values and file.has_functional_groups)

    def key(self, frame: int) -> _PaletteKey:
        profile = 0 if self._profiles is None else self._profiles.nth(frame)
        return _PaletteKey(profile, None if self._values is None else self._values(frame))

    def plan(self, frame: int, key: _PaletteKey) -> Plan:
        table, first = self._palette.table, self._palette.first
        cell = self._frames.cell
        if key.values is not None:
            first = int(np.iinfo(cell).min)
            table = self._with_grey(key.values, first)
        if self._profiles is not None:
            table = table.copy()
            self._profiles.of(frame)(table)
        plan = transform.make_plan(self._chain, table.dtype, 0, 0, self.dtype, self._request.scale, table.size)
        if self._request.must_fit and not (
            self._chain.unit or transform.fits(self._chain.range, table.dtype, self.dtype, self._request.scale)
        ):
            raise _does_not_fit(self.dtype)
        results = np.empty(table.shape, self.dtype)
        plan.apply(table, results)
        return Plan.of_palette(results, type_number(cell), type_number(self.dtype), self.dtype, first)

    def _with_grey(self, of_frame: FrameValues, first: int) -> NDArray[Any]:
        """The colours of all stored values: below the palette's first one what "display" gives, at its depth."""
        palette, cell = self._palette, self._frames.cell
        stored = np.arange(first, int(np.iinfo(cell).max) + 1, dtype=np.int64)
        table: NDArray[Any] = palette.table[np.clip(stored - palette.first, 0, len(palette.table) - 1)]
        grey = stored < palette.first
        if grey.any():
            chain = transform.chain_of_file(self._file, "display", of_frame, self._request.padding)
            shown = chain.evaluate(stored[grey].astype(cell)) * ((1 << palette.bits) - 1)
            table[grey] = transform.convert(shown, table.dtype)[:, None]
        return table

    def steps(self, key: _PaletteKey) -> tuple[str, ...]:
        palette = self._palette
        words = f"palette: {len(palette.table)} entries from {palette.first}, {palette.bits} bits"
        return (words, *self._chain.steps)
