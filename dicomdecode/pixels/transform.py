"""Modality, VOI, presentation, scale and clip, folded into ONE affine map or ONE table before a pixel is touched.

Order (PS3.3 C.11, C.7.6.3): stored -> Modality LUT or rescale -> padding -> VOI LUT or window -> Presentation LUT ->
inversion -> dtype. Real world values are another path: stored -> mapping -> padding. All arithmetic is float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import UnsupportedError
from dicomdecode.pixels import _plans
from dicomdecode.pixels._plans import Affine, Plan, range_of_bits, range_of_type, type_number
from dicomdecode.pixels.luts import FUNCTIONS, FrameValues, Lut, RealWorld, Window, modality_lut, presentation_lut

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.reading._reading import DicomFile

__all__ = ["Affine", "Chain", "Range", "chain_of_color", "chain_of_file", "fits", "make_plan", "padding_range"]

#: The lowest and the highest value, from the header and never from the pixels.
Range = tuple[float, float]

_IDENTITY = Affine()
LARGEST_HALF = 65504.0


def _as_they_are(x: Any) -> Any:
    return x


@dataclass(frozen=True, slots=True)
class Chain:
    """The stages from stored values to a level, before conversion to a dtype.

    Attributes
    ----------
    range : tuple of float, or None
        The possible range of the level; None when it is unbounded.
    function : callable
        The whole chain on float64 arrays, stage by stage: the ends of a range or a window come out exactly.
    affine : Affine or None
        The same folded, where it is one affine map.
    unit : bool
        The level is [0, 1], and is stretched over an integer dtype.
    steps : tuple of str
        What is applied, with the numbers.
    """

    range: Range | None
    function: Callable[[Any], Any] = _as_they_are
    affine: Affine | None = _IDENTITY
    unit: bool = False
    steps: tuple[str, ...] = ()

    def evaluate(self, stored: NDArray[Any]) -> NDArray[np.float64]:
        """The level's values of stored values, in float64. The numbers of a header may overflow: then to infinity."""
        with np.errstate(all="ignore"):  # a signalling NaN warns when it is cast
            x = stored.astype(np.float64)
            return np.asarray((self.affine or self.function)(x), np.float64)


def _modality(file: DicomFile, rescale: tuple[float, float] | None) -> Chain:
    """Stored values to modality values (PS3.3 C.11.1): the LUT, else slope and intercept, else as they are."""
    bounds = range_of_bits(file.bits_stored, file.signed) if file.pixel_kind == "integer" else None
    lut = modality_lut(file)
    if lut is not None:
        reached = lut.entries
        if bounds is not None:
            ends = np.clip([bounds[0] - lut.first, bounds[1] - lut.first], 0, len(reached) - 1).astype(int)
            reached = reached[ends[0] : ends[1] + 1]
        return Chain((float(reached.min()), float(reached.max())), lut, None, steps=(f"modality LUT: {lut.words}",))
    chain = Chain(bounds)
    return chain if rescale is None else rescaled(chain, *rescale)


def lowest_modality(file: DicomFile, rescale: tuple[float, float] | None) -> float:
    """The lowest possible input of the VOI stage; below 0 where pixel data are float."""
    bounds = _modality(file, rescale).range
    return -1.0 if bounds is None else bounds[0]


def _mapped(file: DicomFile, mapping: RealWorld) -> Chain:
    """Stored values to real world values (PS3.3 C.7.6.16.2.11); NaN for those that are not mapped."""
    first, last = mapping.first, mapping.last
    words = f"real world values of [{first:g}, {last:g}]: " + (
        f"{len(mapping.table) // 8} entries" if mapping.table else f"{mapping.slope:g} * stored + {mapping.intercept:g}"
    )
    steps = (f"{words} {mapping.units}".rstrip(),)
    bounds = range_of_bits(file.bits_stored, file.signed) if file.pixel_kind == "integer" else (first, last)
    low, high = max(first, bounds[0]), min(last, bounds[1])
    if mapping.table:
        entries = np.frombuffer(mapping.table, np.float64)

        def function(x: NDArray[np.float64]) -> NDArray[np.float64]:
            inside = (x >= first) & (x <= last)
            found: NDArray[np.float64] = entries[np.where(inside, np.rint(x - first), 0).astype(np.intp)]
            return np.where(inside, found, np.nan)

        reached = entries[int(low - first) : int(high - first) + 1] if low <= high else np.zeros(1)
        return Chain((float(reached.min()), float(reached.max())), function, None, steps=steps)
    slope, intercept = mapping.slope, mapping.intercept
    ends = sorted((low * slope + intercept, high * slope + intercept)) if low <= high else [0.0, 0.0]
    if file.pixel_kind == "integer" and (low, high) == bounds:
        affine = Affine(slope, intercept)
        return Chain((ends[0], ends[1]), affine, affine, steps=steps)
    return Chain(
        (ends[0], ends[1]),
        lambda x: np.where((x >= first) & (x <= last), x * slope + intercept, np.nan),
        None,
        steps=steps,
    )


def rescaled(chain: Chain, slope: float, intercept: float) -> Chain:
    """Stored values, then slope and intercept."""
    bounds = chain.range
    if bounds is not None:
        ends = sorted((bounds[0] * slope + intercept, bounds[1] * slope + intercept))
        bounds = (ends[0], ends[1])
    affine = Affine(slope, intercept)
    return Chain(bounds, affine, affine, steps=(f"rescale: {slope:g} * stored + {intercept:g}",))


def check_window(center: float, width: float, function: str) -> None:
    """Raise a ValueError that says what is wrong with a window."""
    if not (math.isfinite(center) and math.isfinite(width)):
        raise ValueError("a window's center and width must be finite")
    if function not in FUNCTIONS:
        raise ValueError(f"a window's function must be one of {', '.join(FUNCTIONS)}, not {function!r}")
    if function == "LINEAR" and width < 1:
        raise ValueError("a LINEAR window needs a width of at least 1")
    if width <= 0:
        raise ValueError(f"a {function} window needs a width above 0")


def _window(chain: Chain, center: float, width: float, function: str) -> Chain:
    """A window onto [0, 1] (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    words = f"window {function}: center {center:g}, width {width:g}"
    if function == "SIGMOID":
        return _compose(chain, lambda x: 1 / (1 + np.exp(np.clip(-4 * (x - center) / width, -700, 700))), None, words)
    is_exact = function == "LINEAR_EXACT"
    middle, span = (center, width) if is_exact else (center - 0.5, width - 1)
    low, high = middle - span / 2, middle + span / 2

    def onto_unit(x: NDArray[np.float64]) -> NDArray[np.float64]:
        inside = (x - middle) / span + 0.5 if span else x  # which is NaN where x is
        return np.where(x <= low, 0.0, np.where(x > high, 1.0, inside))

    return _compose(chain, onto_unit, Affine.of_window(center, width, is_exact) if span else None, words)


def _ranged(chain: Chain, low: float, high: float, words: str) -> Chain:
    """A range onto [0, 1]."""
    span = high - low
    return _compose(
        chain, lambda x: np.clip((x - low) / span, 0, 1) if span else 0 * x, Affine.of_range(low, high), words
    )


def _compose(chain: Chain, function: Callable[[Any], Any], affine: Affine | None, words: str) -> Chain:
    """A chain and one more stage that ends in [0, 1], and may be an affine map."""
    before = chain.function
    folded = None
    if chain.affine is not None and affine is not None and not chain.affine.is_clipped:
        folded = chain.affine.before(affine)
    return Chain((0.0, 1.0), lambda x: function(before(x)), folded, unit=True, steps=(*chain.steps, words))


def _voi(chain: Chain, voi: Window | Lut | None) -> Chain:
    """Modality values onto [0, 1]: by a LUT, a window, or the possible range."""
    if isinstance(voi, Lut):
        lut, top = voi, 2.0**voi.bits - 1
        return _compose(chain, lambda x: lut(x) / top, None, f"VOI LUT: {lut.words}")
    if voi is not None:
        return _window(chain, *voi)
    if chain.range is None:
        raise UnsupportedError(
            "Float pixel data have no range to display by, and the file has no window",
            code="no_window",
            hint='Pass window="auto", or window=(center, width)',
        )
    low, high = chain.range
    return _ranged(chain, low, high, f"possible range: [{low:g}, {high:g}] onto [0, 1]")


def _presented(chain: Chain, lut: Lut) -> Chain:
    """[0, 1] to P-Values on [0, 1]: the input range of a Presentation LUT is that of its entries (PS3.3 C.11.6.1)."""
    last, top = len(lut.entries) - 1, 2.0**lut.bits - 1
    return _compose(chain, lambda x: lut(x * last) / top, None, f"Presentation LUT: {lut.words}")


def padding_range(file: DicomFile) -> Range | None:
    """The stored values that are padding (PS3.3 C.7.5.1.1.2), (first, last); None when the data set names none."""
    if file.pixel_kind == "integer":
        stored: tuple[int, int] | None = file.padding_range
        return stored
    # (Double) Float Pixel Padding Value and Range Limit
    tags = (0x00280122, 0x00280124) if file.pixel_kind == "float" else (0x00280123, 0x00280125)
    value, limit = (file.tag(tag) for tag in tags)
    if not isinstance(value, (int, float)):
        return None
    ends = sorted((float(value), float(limit) if isinstance(limit, (int, float)) else float(value)))
    return ends[0], ends[1]


def _pad(chain: Chain, file: DicomFile, fill: float) -> Chain:
    """Give the stored values that are padding one value after the modality stage."""
    bounds = padding_range(file)
    if bounds is None:
        return chain
    low, high = bounds
    before = chain.function
    return replace(
        chain,
        affine=None,
        function=lambda x: np.where((x >= low) & (x <= high), fill, before(x)),
        steps=(*chain.steps, f"padding [{low:.17g}, {high:.17g}] -> {fill:g}"),
    )


def chain_of_file(
    file: DicomFile,
    values: str,
    of_frame: FrameValues,
    padding: float | None = None,
) -> Chain:
    """The chain of a frame of a monochrome image to one of the levels of `values=`."""
    if values == "stored":
        chain = Chain(range_of_bits(file.bits_stored, file.signed) if file.pixel_kind == "integer" else None)
        return chain if padding is None else _pad(chain, file, padding)
    mapping = of_frame.real_world
    chain = _modality(file, of_frame.rescale) if mapping is None else _mapped(file, mapping)
    if padding is not None:
        chain = _pad(chain, file, padding)
    if values in ("modality", "real_world"):
        return chain
    chain = _voi(replace(chain, steps=(*chain.steps, *of_frame.about_voi)), of_frame.voi)
    if values == "voi":
        return chain
    lut = presentation_lut(file)
    if lut is not None:
        chain = _presented(chain, lut)
    if file.inverse:
        before = chain.function
        affine = None if chain.affine is None else chain.affine.then(-1.0, 1.0)
        return replace(chain, function=lambda x: 1 - before(x), affine=affine, steps=(*chain.steps, "inverted"))
    return chain


def chain_of_color(bits: int, values: str) -> Chain:
    """The chain of colour samples: as they are, or onto [0, 1]."""
    top = 2.0**bits - 1
    if values == "real_world":
        raise UnsupportedError("Only monochrome images have real world values", code="real_world", tag=0x00409096)
    if values in ("stored", "modality"):
        return Chain((0.0, top))
    return _ranged(Chain((0.0, top)), 0.0, top, f"samples / {top:g}")


def fits(bounds: Range | None, source: np.dtype[Any], dtype: np.dtype[Any], scale: str) -> bool:
    """Whether the possible range fits in a dtype: range, not precision. Float pixel data fit a float as wide."""
    if bounds is None:
        return dtype.kind == "f" and dtype.itemsize >= source.itemsize and scale == "preserve"
    return _plans.fits(*bounds, type_number(dtype))


def make_plan(
    chain: Chain, source: np.dtype[Any], left: int, right: int, dtype: np.dtype[Any], scale: str, pixels: int
) -> Plan:
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
    pixels : int
        How many the plan is for: no larger table is made.
    """
    if dtype.kind in "iu" and dtype.itemsize == 8 and (chain.unit or scale == "auto"):
        chain = replace(chain, affine=None)  # there is no loop, and what is folded misses the ends by thousands
    chain = _scaled(chain, dtype, scale)
    cell, target = type_number(source), type_number(dtype)
    if chain.affine is not None:
        plan = Plan.of_affine(chain.affine, cell, target, dtype)
        if plan is not None:
            return plan
    elif source.kind in "iu" and source.itemsize <= 2 and pixels >= 1 << (8 * source.itemsize):
        return Plan.of_table(_table(chain, source, left, right, dtype), cell, target, dtype)
    return Plan.of_function(lambda stored: _applied(chain, stored, dtype), cell, target, dtype)


def _table(chain: Chain, source: np.dtype[Any], left: int, right: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """What each cell of 8 or 16 bits becomes."""
    cells = np.arange(1 << (8 * source.itemsize), dtype=f"u{source.itemsize}").view(source)
    if not (left or right):
        return convert(chain.evaluate(cells), dtype)
    # each stored value once, then the cells that hold it
    stored = np.right_shift(np.left_shift(cells, left), right)
    ends = range_of_bits(8 * source.itemsize - right, source.kind == "i")
    each = convert(chain.evaluate(np.arange(ends[0], ends[1] + 1)), dtype)
    table: NDArray[Any] = each[stored.astype(np.intp) - int(ends[0])]
    return table


def _applied(chain: Chain, stored: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """A chain over an array, for the pairs of types that have no loop."""
    a = chain.affine
    is_identity = a is not None and a.slope == 1 and a.intercept == 0 and not a.is_clipped
    if is_identity and stored.dtype.kind in "iu" and dtype.kind in "iu":  # exact, where float64 is not
        from_info, to_info = np.iinfo(stored.dtype), np.iinfo(dtype)
        low, high = max(from_info.min, to_info.min), min(from_info.max, to_info.max)
        return np.asarray(np.clip(stored, stored.dtype.type(low), stored.dtype.type(high)), dtype)
    return convert(chain.evaluate(stored), dtype)


def _scaled(chain: Chain, dtype: np.dtype[Any], scale: str) -> Chain:
    """The chain with the stretch that `scale` and an integer dtype ask for."""
    target = type_number(dtype)
    if chain.unit:
        if chain.affine is not None:
            return replace(chain, affine=chain.affine.unit_onto(target))
        if dtype.kind == "f":
            return chain
        unit, top = chain.function, range_of_type(target)[1]
        return replace(chain, function=lambda x: unit(x) * top)
    if scale == "preserve" or chain.range is None:
        return chain
    low, high = chain.range
    if chain.affine is not None or low == high:
        return replace(chain, affine=(chain.affine or _IDENTITY).stretched(low, high, target))
    bottom, top = (0.0, 1.0) if dtype.kind == "f" else range_of_type(target)
    before, span = chain.function, high - low
    return replace(chain, function=lambda x: (before(x) - low) / span * (top - bottom) + bottom)


def convert(x: NDArray[np.float64], dtype: np.dtype[Any]) -> NDArray[Any]:
    """float64 to a dtype, value by value: integers round half to even and clip, NaN -> 0; float16 clips at +-65504."""
    if dtype.kind == "f":
        if dtype.itemsize == 2:
            x = np.clip(x, -LARGEST_HALF, LARGEST_HALF)
        with np.errstate(all="ignore"):
            return x.astype(dtype)
    info = np.iinfo(dtype)
    x = np.rint(np.nan_to_num(x, nan=0.0, posinf=math.inf, neginf=-math.inf))
    out = np.empty(x.shape, dtype)
    inside = (x >= float(info.min)) & (x < float(info.max) + (0.0 if dtype.itemsize == 8 else 1.0))
    out[inside] = x[inside].astype(dtype)
    out[~inside & (x < 0)] = info.min
    out[~inside & (x > 0)] = info.max
    return out
