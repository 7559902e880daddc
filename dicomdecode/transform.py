"""Modality, VOI, presentation, scale and clip, folded into ONE affine map or ONE table before a pixel is touched.

Order (PS3.3 C.11, C.7.6.3): stored -> Modality LUT or rescale -> padding -> VOI LUT or window -> inversion -> dtype.
All arithmetic is float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode import _kernels
from dicomdecode.errors import MalformedError, UnsupportedError
from dicomdecode.luts import FrameValues, Window, modality_lut, voi_luts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode._file import DicomFile

__all__ = ["Affine", "Chain", "Range", "chain_of_color", "chain_of_file", "fits", "make_plan", "possible_range"]

#: The lowest and the highest value, from the header and never from the pixels.
Range = tuple[float, float]

LARGEST_HALF = 65504.0


@dataclass(frozen=True, slots=True)
class Affine:
    """slope * x + intercept, kept inside [low, high]."""

    slope: float = 1.0
    intercept: float = 0.0
    low: float = -math.inf
    high: float = math.inf

    def then(self, slope: float, intercept: float) -> Affine:
        """This map, then another one without a clip of its own."""
        ends = sorted((self.low * slope + intercept, self.high * slope + intercept)) if slope else [intercept] * 2
        return Affine(self.slope * slope, self.intercept * slope + intercept, ends[0], ends[1])

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.clip(x * self.slope + self.intercept, self.low, self.high)


@dataclass(frozen=True, slots=True)
class Chain:
    """The stages from stored values to a level, before conversion to a dtype.

    Attributes
    ----------
    range : tuple of float, or None
        The possible range of the level; None when it is unbounded.
    affine : Affine or None
        The whole chain, where it is one affine map.
    function : callable or None
        The whole chain on float64 arrays, where it is not.
    unit : bool
        The level is [0, 1], and is stretched over an integer dtype.
    steps : tuple of str
        What is applied, with the numbers.
    """

    range: Range | None
    affine: Affine | None = Affine()
    function: Callable[[Any], Any] | None = None
    unit: bool = False
    steps: tuple[str, ...] = ()

    def evaluate(self, stored: NDArray[Any]) -> NDArray[np.float64]:
        """The level's values of stored values, in float64."""
        x = stored.astype(np.float64)
        if self.affine is not None:
            return self.affine(x)
        assert self.function is not None
        return np.asarray(self.function(x), np.float64)


def possible_range(bits: int, signed: bool) -> Range:
    """[lo, hi] of integers of so many bits."""
    return (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1) if signed else (0.0, 2.0**bits - 1)


def _modality(file: DicomFile, rescale: tuple[float, float] | None) -> Chain:
    """Stored values to modality values (PS3.3 C.11.1): the LUT, else slope and intercept, else as they are."""
    bounds = possible_range(file.bits_stored, file.signed) if file.pixel_kind == "integer" else None
    lut = modality_lut(file)
    if lut is not None:
        reached = lut.entries
        if bounds is not None:
            ends = np.clip([bounds[0] - lut.first, bounds[1] - lut.first], 0, len(reached) - 1).astype(int)
            reached = reached[ends[0] : ends[1] + 1]
        words = (f"modality LUT: {len(lut.entries)} entries from {lut.first}",)
        return Chain((float(reached.min()), float(reached.max())), None, lut, steps=words)
    chain = Chain(bounds)
    return chain if rescale is None else rescaled(chain, *rescale)


def rescaled(chain: Chain, slope: float, intercept: float) -> Chain:
    """Stored values, then slope and intercept."""
    bounds = chain.range
    if bounds is not None:
        ends = sorted((bounds[0] * slope + intercept, bounds[1] * slope + intercept))
        bounds = (ends[0], ends[1])
    return Chain(bounds, Affine(slope, intercept), steps=(f"rescale: {slope:g} * stored + {intercept:g}",))


def window_map(center: float, width: float, function: str) -> Affine | Callable[[Any], Any]:
    """A window onto [0, 1] (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    if not (math.isfinite(center) and math.isfinite(width)):
        raise ValueError("a window's center and width must be finite")
    if function == "LINEAR":
        if width < 1:
            raise ValueError("the width of a LINEAR window must be at least 1")
        if width == 1:
            return lambda x: np.where(x > center - 0.5, 1.0, 0.0)
        return Affine(1 / (width - 1), 0.5 - (center - 0.5) / (width - 1), 0.0, 1.0)
    if width <= 0:
        raise ValueError(f"the width of a {function} window must be above 0")
    if function == "LINEAR_EXACT":
        return Affine(1 / width, 0.5 - center / width, 0.0, 1.0)
    if function == "SIGMOID":
        return lambda x: 1 / (1 + np.exp(np.clip(-4 * (x - center) / width, -700, 700)))
    raise ValueError(f"a window's function is LINEAR, LINEAR_EXACT or SIGMOID, not {function!r}")


def _compose(chain: Chain, step: Affine | Callable[[Any], Any], words: str) -> Chain:
    """A chain and one more stage that ends in [0, 1]."""
    steps = (*chain.steps, words)
    if chain.affine is not None and isinstance(step, Affine) and math.isinf(chain.affine.low):
        first = chain.affine
        joined = Affine(step.slope * first.slope, step.slope * first.intercept + step.intercept, step.low, step.high)
        return Chain((0.0, 1.0), joined, unit=True, steps=steps)
    before, after = chain.evaluate, step
    return Chain((0.0, 1.0), None, lambda x: after(before(x)), unit=True, steps=steps)


def _voi(file: DicomFile, chain: Chain, stored: Window | None, window: Window | int | None) -> Chain:
    """Modality values onto [0, 1]: what was asked for, else the first VOI LUT, the first window, the range."""
    if isinstance(window, tuple):
        return _compose(chain, window_map(*window), _window_words(window))
    luts = voi_luts(file)
    index = window
    if index is None and luts:
        index = 0
    if index is not None and 0 <= index < len(luts):
        lut = luts[index]()
        top = 2.0**lut.bits - 1
        return _compose(chain, lambda x: np.clip(lut(x) / top, 0, 1), f"VOI LUT {index}: {len(lut.entries)} entries")
    chosen = stored if index is None else _stored_window(file, index - len(luts))
    if chosen is not None:
        try:
            step = window_map(*chosen)
        except ValueError as error:
            raise MalformedError(f"The stored window can not be used: {error}", code="window", tag=0x00281051) from None
        return _compose(chain, step, _window_words(chosen))
    if chain.range is None:
        raise UnsupportedError(
            "Float pixel data have no range to display by, and the file has no window",
            code="no_window",
            hint="Pass window=(center, width)",
        )
    low, high = chain.range
    span = high - low
    full = Affine(1 / span, -low / span, 0.0, 1.0) if span else Affine(0.0, 0.0, 0.0, 1.0)
    return _compose(chain, full, f"possible range: [{low:g}, {high:g}] onto [0, 1]")


def _window_words(window: Window) -> str:
    return f"window {window[2]}: center {window[0]:g}, width {window[1]:g}"


def _stored_window(file: DicomFile, index: int) -> Window:
    """Window `index` of the file, counted behind its VOI LUTs (PS3.3 C.11.2.1.2: several are alternatives)."""
    centers, widths = file.tag(0x00281050), file.tag(0x00281051)
    centers = centers if isinstance(centers, list) else [centers]
    widths = widths if isinstance(widths, list) else [widths]
    count = min(len(centers), len(widths)) if None not in (*centers, *widths) else 0
    if not 0 <= index < count:
        raise ValueError(f"window= names stored window {index}: the file has {count}")
    if not isinstance(centers[index], float) or not isinstance(widths[index], float):
        raise MalformedError("A stored window is not a number", code="window", tag=0x00281050)
    first = file.window
    return (centers[index], widths[index], first[2] if first is not None else "LINEAR")


def _pad(chain: Chain, file: DicomFile, fill: float) -> Chain:
    """Give the stored values that are padding one value after the modality stage."""
    if file.padding_range is None or file.pixel_kind != "integer":
        return chain
    low, high = file.padding_range
    before = chain.evaluate
    return replace(
        chain,
        affine=None,
        function=lambda x: np.where((x >= low) & (x <= high), fill, before(x)),
        steps=(*chain.steps, f"padding [{low}, {high}] -> {fill:g}"),
    )


def chain_of_file(
    file: DicomFile,
    values: str,
    of_frame: FrameValues,
    window: Window | int | None = None,
    padding: float | None = None,
) -> Chain:
    """The chain of a frame of a monochrome image to a level: "stored", "modality", "voi" or "display"."""
    if values == "stored":
        chain = Chain(possible_range(file.bits_stored, file.signed) if file.pixel_kind == "integer" else None)
        return chain if padding is None else _pad(chain, file, padding)
    chain = _modality(file, of_frame.rescale)
    if padding is not None:
        chain = _pad(chain, file, padding)
    if values == "modality":
        return chain
    chain = _voi(file, chain, of_frame.window, window)
    if values == "display" and file.inverse:
        if chain.affine is not None:
            return replace(chain, affine=chain.affine.then(-1.0, 1.0), steps=(*chain.steps, "inverted"))
        before = chain.evaluate
        return replace(chain, function=lambda x: 1 - before(x), steps=(*chain.steps, "inverted"))
    return chain


def chain_of_color(bits: int, values: str) -> Chain:
    """The chain of colour samples: as they are, or onto [0, 1]."""
    top = 2.0**bits - 1
    if values in ("stored", "modality"):
        return Chain((0.0, top))
    return Chain((0.0, 1.0), Affine(1 / top, 0.0, 0.0, 1.0), unit=True, steps=(f"samples / {top:g}",))


def dtype_limits(dtype: np.dtype[Any]) -> Range:
    """The lowest and the highest value of a dtype."""
    if dtype.kind == "f":
        top = float(np.finfo(dtype).max)
        return (-top, top)
    info = np.iinfo(dtype)
    return (float(info.min), float(info.max))


def fits(bounds: Range | None, source: np.dtype[Any], dtype: np.dtype[Any], scale: str) -> bool:
    """Whether the possible range fits in a dtype: range, not precision. Float pixel data fit a float as wide."""
    if bounds is None:
        return dtype.kind == "f" and dtype.itemsize >= source.itemsize and scale == "preserve"
    if dtype.kind == "f":
        top = dtype_limits(dtype)[1]
        return bounds[0] >= -top and bounds[1] <= top
    info = np.iinfo(dtype)
    # In integers: the ends of the 64-bit types have no float64.
    return math.floor(bounds[0]) >= info.min and _exact(bounds[1]) <= info.max


def _exact(high: float) -> int:
    """The top of a range of 2^n - 1 that float64 rounded to 2^n."""
    n = math.ceil(high)
    return n - 1 if n in (2**63, 2**64) else n


def make_plan(
    chain: Chain, source: np.dtype[Any], left: int, right: int, dtype: np.dtype[Any], scale: str
) -> _kernels.Plan:
    """Fold a chain and the conversion to `dtype` into one plan.

    Parameters
    ----------
    chain : Chain
        The stages from stored values to a level.
    source : numpy.dtype
        The stored integer type of the cells, or float.
    left, right : int
        The shifts that bring the stored bits down in their cell.
    dtype : numpy.dtype
        Of the result.
    scale : str
        "preserve" or "auto".
    """
    source_code = _kernels.type_code(source)
    target_code = _kernels.type_code(dtype)
    chain = _scaled(chain, dtype, scale)
    steps = chain.steps
    if chain.affine is not None:
        a = chain.affine
        as_is = a.slope == 1 and a.intercept == 0 and math.isinf(a.low) and math.isinf(a.high)
        if as_is and source == dtype:
            return _kernels.Plan("copy", dtype, source_code, target_code, steps=steps)
        small = source.kind in "iu" and source.itemsize <= 4
        if as_is and small and dtype.kind in "iu":
            to, of = np.iinfo(dtype), np.iinfo(source)
            low, high = max(int(to.min), int(of.min)), min(int(to.max), int(of.max))
            return _kernels.Plan("clamp", dtype, source_code, target_code, clamp_low=low, clamp_high=high, steps=steps)
        bottom, top = _clip(a, dtype)
        has_kernel = small and target_code in _AFFINE_TARGETS
        return _kernels.Plan(
            "affine" if has_kernel else "numpy",
            dtype,
            source_code,
            target_code,
            slope=a.slope,
            intercept=a.intercept,
            low=bottom,
            high=top,
            steps=steps,
        )
    if source.kind in "iu" and source.itemsize <= 2:
        cells = np.arange(1 << (8 * source.itemsize), dtype=f"u{source.itemsize}").view(source)
        stored = np.right_shift(np.left_shift(cells, left), right) if left or right else cells
        table = convert(chain.evaluate(stored), dtype)
        return _kernels.Plan("table", dtype, source_code, target_code, table=table, steps=steps)
    return _kernels.Plan("numpy", dtype, source_code, target_code, steps=steps)


# Types that dd_affine has loops for, by their code.
_AFFINE_TARGETS = frozenset(_kernels.type_code(np.dtype(t)) for t in ("u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"))


def _clip(a: Affine, dtype: np.dtype[Any]) -> Range:
    """The clip of an affine map together with the ends of an integer dtype and of float16."""
    if dtype.kind == "f" and dtype.itemsize > 2:
        return (a.low, a.high)
    low, high = dtype_limits(dtype)
    return (max(a.low, low), min(a.high, high))


def _scaled(chain: Chain, dtype: np.dtype[Any], scale: str) -> Chain:
    """The chain with the stretch that `scale` and an integer dtype ask for."""
    if chain.unit:
        return chain if dtype.kind == "f" else _stretched(chain, 0.0, dtype_limits(dtype)[1])
    if scale == "preserve" or chain.range is None:
        return chain
    low, high = chain.range
    bottom, top = (0.0, 1.0) if dtype.kind == "f" else dtype_limits(dtype)
    if low == high:
        return replace(chain, affine=Affine(0.0, 0.0), function=None)
    if chain.affine is None:
        before, span = chain.evaluate, high - low
        return replace(chain, function=lambda x: (before(x) - low) / span * (top - bottom) + bottom)
    slope = (top - bottom) / (high - low)
    return replace(chain, affine=chain.affine.then(slope, bottom - low * slope))


def _stretched(chain: Chain, bottom: float, top: float) -> Chain:
    if chain.affine is not None:
        return replace(chain, affine=chain.affine.then(top - bottom, bottom))
    before = chain.evaluate
    return replace(chain, function=lambda x: before(x) * (top - bottom) + bottom)


def convert(x: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """float64 to a dtype, value by value: integers round half to even and clip, NaN -> 0; float16 clips at +-65504."""
    if dtype.kind == "f":
        if dtype.itemsize == 2:
            x = np.clip(x, -LARGEST_HALF, LARGEST_HALF)
        with np.errstate(over="ignore"):
            return x.astype(dtype)
    info = np.iinfo(dtype)
    x = np.rint(np.nan_to_num(x, nan=0.0, posinf=math.inf, neginf=-math.inf))
    out = np.empty(x.shape, dtype)
    inside = (x >= float(info.min)) & (x < float(info.max) + (0.0 if dtype.itemsize == 8 else 1.0))
    out[inside] = x[inside].astype(dtype)
    out[~inside & (x < 0)] = info.min
    out[~inside & (x > 0)] = info.max
    return out


def convert_numpy(stored: NDArray[Any], plan: _kernels.Plan, chain: Chain, scale: str) -> NDArray[Any]:
    """A plan of kind "numpy": the pairs of types that no kernel was made for."""
    dtype = np.dtype(plan.dtype)
    a = chain.affine
    if a is not None and a == Affine() and scale == "preserve" and stored.dtype.kind in "iu" and dtype.kind in "iu":
        from_info, to_info = np.iinfo(stored.dtype), np.iinfo(dtype)
        low, high = max(from_info.min, to_info.min), min(from_info.max, to_info.max)
        return np.asarray(np.clip(stored, stored.dtype.type(low), stored.dtype.type(high)), dtype)
    return convert(_scaled(chain, dtype, scale).evaluate(stored), dtype)
