"""Look-up tables, windows and mappings of a file, and which of them is for which frame.

PS3.3 C.11.1 (modality), C.11.2 (VOI), C.11.6 (presentation), C.7.6.16.2 (functional groups).
"""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dicomdecode.errors import MalformedError, UnsupportedError
from dicomdecode.reading.groups import FunctionalGroups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.reading import DataSet, DicomFile

__all__ = [
    "MOST_ITEMS",
    "Choice",
    "FrameValues",
    "Lut",
    "RealWorld",
    "Window",
    "first_voi",
    "frame_values",
    "lut_items",
    "read_lut",
]

#: center, width, function.
Window = tuple[float, float, str]
#: What a caller says of the VOI stage: a window, the index or the explanation of a stored one, or nothing.
Choice = Window | int | str | None

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")

_LUT_DESCRIPTOR = 0x00283002
_LUT_EXPLANATION = 0x00283003
_LUT_DATA = 0x00283006
_MODALITY_LUT = 0x00283000
_VOI_LUT = 0x00283010
_PRESENTATION_LUT = 0x20500010
_CENTER, _WIDTH, _FUNCTION, _EXPLANATION = 0x00281050, 0x00281051, 0x00281056, 0x00281055
_REAL_WORLD = 0x00409096
#: That are looked at for one that can be used.
_MOST_WINDOWS = 64
#: Of a LUT sequence, likewise.
MOST_ITEMS = 1024
_MOST_VALUES = 65537
_PIXEL_VALUE_TRANSFORMATION, _FRAME_VOI_LUT = 0x00289145, 0x00289132


@dataclass(frozen=True, slots=True, eq=False)
class Lut:
    """One item of a Modality, VOI or Presentation LUT Sequence. Equal tables are equal.

    Attributes
    ----------
    entries : ndarray of float64
        The table.
    first : int
        The input that entry 0 is for; inputs outside take the first or the last entry.
    bits : int
        Of an entry: its output range is [0, 2^bits - 1].
    declared : int
        Bits that the descriptor declares.
    """

    entries: NDArray[np.float64]
    first: int
    bits: int
    declared: int

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The entries for inputs, which are rounded; NaN stays NaN."""
        unknown = np.isnan(x)
        index = np.clip(np.rint(np.where(unknown, 0, x)) - self.first, 0, len(self.entries) - 1)
        return np.where(unknown, np.nan, self.entries[index.astype(np.intp)])

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Lut)
            and (self.first, self.bits) == (other.first, other.bits)
            and np.array_equal(self.entries, other.entries)
        )

    def __hash__(self) -> int:
        return hash((self.first, self.bits, len(self.entries)))

    @property
    def words(self) -> str:
        """The numbers, for `image.steps`."""
        bits = f"{self.bits} bits" if self.bits == self.declared else f"{self.bits} bits, declared {self.declared}"
        return f"{len(self.entries)} entries from {self.first}, {bits}"


def read_lut(item: DataSet, signed: bool) -> Lut:
    """Read LUT Descriptor and LUT Data of an item.

    Tolerated, and told by `Lut.words`: 8-bit entries packed in words; declared bits that the entries exceed, or that
    are none; entries that all lie below a quarter of the declared range, which then have the bits they use. A count of
    0 is 65536, as PS3.3 says.

    Parameters
    ----------
    item : DataSet
        An item of the sequence.
    signed : bool
        Whether inputs can be negative: the first value mapped is then a signed number.

    Raises
    ------
    MalformedError
        The descriptor is missing or short, or there are fewer data than it says.
    """
    described = item.words(_LUT_DESCRIPTOR)
    if described is None or len(described[0]) < 6:
        raise MalformedError("A LUT Descriptor is missing or short", code="lut_descriptor", tag=_LUT_DESCRIPTOR)
    value, big_endian = described
    count, first, declared = struct.unpack(">HHH" if big_endian else "<HHH", value[:6])
    count = count or 65536
    if signed and first >= 0x8000:
        first -= 0x10000
    data = item.words(_LUT_DATA, 0, 2 * count)
    if data is None or not data[0]:
        raise MalformedError("LUT Data are missing", code="lut_data", tag=_LUT_DATA)
    value, big_endian = data
    if len(value) >= 2 * count:
        entries = np.frombuffer(value[: 2 * count], ">u2" if big_endian else "<u2").astype(np.float64)
    elif len(value) >= count and (declared <= 8 or len(value) <= count + 1):
        packed = np.frombuffer(value, np.uint8)
        if big_endian:
            packed = packed[: len(packed) & ~1].reshape(-1, 2)[:, ::-1].reshape(-1)
        entries = packed[:count].astype(np.float64)
    else:
        raise MalformedError(
            f"LUT Data are shorter than LUT Descriptor says (bytes): expected {2 * count}, found {len(value)}",
            code="lut_short",
            tag=_LUT_DATA,
        )
    used = max(8, int(entries.max()).bit_length())
    sound = 8 <= declared <= 16 and declared - 2 < used <= declared
    return Lut(entries, first, declared if sound else used, declared)


def lut_items(dataset: DataSet, sequence: int) -> list[DataSet]:
    """The first items of a LUT sequence that hold a table; empty ones are left behind by editors, and are none."""
    items = itertools.islice(dataset.items(sequence), MOST_ITEMS)
    return [item for item in items if item.length(_LUT_DESCRIPTOR) or item.length(_LUT_DATA)]


class RealWorld(NamedTuple):
    """One item of a Real World Value Mapping Sequence (PS3.3 C.7.6.16.2.11).

    Attributes
    ----------
    first, last : float
        The stored values that are mapped.
    slope, intercept : float
        Used where there is no table.
    table : bytes
        float64 entries, one for each stored value from first to last; empty where slope and intercept are used.
    units : str
        The code of the measurement units, "" where there is none.
    """

    first: float
    last: float
    slope: float
    intercept: float
    table: bytes
    units: str


class FrameValues(NamedTuple):
    """What takes one frame from stored values to a level; frames with equal ones share a plan.

    Attributes
    ----------
    rescale : (slope, intercept), or None
        When there is no Modality LUT.
    voi : Window or Lut, optional
        The requested or the stored one; None for the possible range.
    real_world : RealWorld, optional
        Of the level "real_world".
    about_voi : tuple of str
        How `voi` was chosen, for `image.steps`: what is stored in front of it and cannot be used, say.
    """

    rescale: tuple[float, float] | None = None
    voi: Window | Lut | None = None
    real_world: RealWorld | None = None
    about_voi: tuple[str, ...] = ()


def _values(dataset: DataSet, tag: int) -> list[Any]:
    """The first values of an element, as many as a table may have; [] when it is absent or empty."""
    return dataset.first_values(tag, _MOST_VALUES)


def _number(dataset: DataSet, tag: int) -> float | None:
    """The first value as a number; None when there is none."""
    values = _values(dataset, tag)
    return _checked(values[0], tag) if values else None


def _checked(value: Any, tag: int) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        raise MalformedError("A value is not a finite number", code="decimal_string", tag=tag)
    return float(value)


def _rescale(dataset: DataSet) -> tuple[float, float] | None:
    slope, intercept = _number(dataset, 0x00281053), _number(dataset, 0x00281052)
    if slope is None and intercept is None:
        return None
    return (1.0 if slope is None else slope, 0.0 if intercept is None else intercept)


def _windows(dataset: DataSet) -> int:
    """How many windows are stored (PS3.3 C.11.2.1.2: several are alternatives)."""
    return min(len(_values(dataset, _CENTER)), len(_values(dataset, _WIDTH)))


def _window(dataset: DataSet, index: int) -> Window:
    center = _checked(_values(dataset, _CENTER)[index], _CENTER)
    width = _checked(_values(dataset, _WIDTH)[index], _WIDTH)
    functions = _values(dataset, _FUNCTION)
    function = str(functions[0]).upper() if functions else "LINEAR"
    if function not in FUNCTIONS:
        raise MalformedError(
            "VOI LUT Function is not LINEAR, LINEAR_EXACT or SIGMOID",
            code="voi_lut_function",
            tag=_FUNCTION,
            hint="Pass window=(center, width, function)",
        )
    if width <= 0 or (function == "LINEAR" and width < 1):
        raise MalformedError(
            f"The stored window is too narrow: {function} needs a width "
            f"{'of at least 1' if function == 'LINEAR' else 'above 0'}",
            code="window",
            tag=_WIDTH,
            hint="Pass window=(center, width)",
        )
    return (center, width, function)


def _named(name: str, explanations: list[Any]) -> int | None:
    """The index of an explanation, in any case."""
    wanted = name.strip().casefold()
    found = (i for i, text in enumerate(explanations) if isinstance(text, str) and text.strip().casefold() == wanted)
    return next(found, None)


def _chosen_voi(dataset: DataSet, choice: int | str, signed: bool) -> Window | Lut:
    """The requested stored VOI LUT or window; the LUTs come first."""
    luts, windows = lut_items(dataset, _VOI_LUT), _windows(dataset)
    if isinstance(choice, str):
        index = _named(choice, [next(iter(_values(item, _LUT_EXPLANATION)), None) for item in luts])
        if index is None:
            index = _named(choice, _values(dataset, _EXPLANATION)[:windows])
            index = None if index is None else index + len(luts)
        if index is None:
            raise MalformedError(
                "No stored window or VOI LUT has the explanation that window= names",
                code="window_explanation",
                tag=_EXPLANATION if windows or not luts else _LUT_EXPLANATION,
                hint="Window Center & Width Explanation (0028,1055) and LUT Explanation (0028,3003) name them",
            )
    else:
        index = choice
        if not 0 <= index < len(luts) + windows:
            raise MalformedError(
                f"window={index} is out of range: {len(luts)} VOI LUTs and {windows} windows are stored",
                code="window_index",
                tag=_CENTER if windows or not luts else _VOI_LUT,
                hint="A window of your own is window=(center, width)",
            )
    return read_lut(luts[index], signed) if index < len(luts) else _window(dataset, index - len(luts))


def first_voi(dataset: DataSet, signed: bool) -> tuple[Window | Lut | None, list[MalformedError]]:
    """The first stored VOI LUT, else the first window, that can be used; and what is wrong with those before it."""
    luts, windows = lut_items(dataset, _VOI_LUT), min(_windows(dataset), _MOST_WINDOWS)
    wrong: list[MalformedError] = []
    for index in range(len(luts) + windows):
        try:
            found = read_lut(luts[index], signed) if index < len(luts) else _window(dataset, index - len(luts))
        except MalformedError as error:
            wrong.append(error)
        else:
            return found, wrong
    if not windows and (dataset.vr(_CENTER) or dataset.vr(_WIDTH)):
        wrong.append(MalformedError("A stored window has no center or no width", code="window", tag=_CENTER))
    return None, wrong


def _stored_voi(rescale: tuple[float, float] | None, dataset: DataSet, signed: bool) -> FrameValues:
    """The values of a frame for which nothing was asked."""
    voi, wrong = first_voi(dataset, signed)
    return FrameValues(rescale, voi, about_voi=tuple(f"not used: {error.message}" for error in wrong))


def _real_world(dataset: DataSet, items: Sequence[DataSet], choice: int | str | None) -> RealWorld:
    """A mapping by its index or LUT Label; the first one if none was requested."""
    if isinstance(choice, str):
        first = itertools.islice(items, MOST_ITEMS)
        index = _named(choice, [next(iter(_values(item, 0x00409210)), None) for item in first])
    else:
        index = choice or 0
    if index is None or not 0 <= index < len(items):
        raise MalformedError(
            f"window= names none of the {len(items)} real world value mappings, by index or LUT Label",
            code="real_world_index",
            tag=_REAL_WORLD,
        )
    item = items[index]
    ends = []
    for tag, double in ((0x00409216, 0x00409214), (0x00409211, 0x00409213)):
        end = _number(item, tag)
        end = _number(item, double) if end is None else end
        if end is None:
            raise MalformedError("A real world value mapping does not say what it maps", code="real_world", tag=tag)
        ends.append(end)
    units = ""
    for code in item.items(0x004008EA)[:1]:
        units = str(next(iter(_values(code, 0x00080100)), ""))
    entries = _values(item, 0x00409212)
    if entries:
        table = np.array([_checked(x, 0x00409212) for x in entries], np.float64)
        if len(table) != ends[1] - ends[0] + 1:
            raise MalformedError(
                f"Real World Value LUT Data do not fit the values mapped: expected {ends[1] - ends[0] + 1:g} entries, "
                f"found {len(table)}",
                code="lut_short",
                tag=0x00409212,
            )
        return RealWorld(ends[0], ends[1], 1.0, 0.0, table.tobytes(), units)
    slope, intercept = _number(item, 0x00409225), _number(item, 0x00409224)
    if slope is None or intercept is None:
        tag = 0x00409225 if slope is None else 0x00409224
        raise MalformedError(
            "A real world value mapping has neither slope and intercept nor a table", code="real_world", tag=tag
        )
    return RealWorld(ends[0], ends[1], slope, intercept, b"", units)


def frame_values(
    file: DicomFile, level: str, choice: Choice, lowest: Callable[[tuple[float, float] | None], float]
) -> Callable[[int], FrameValues]:
    """For each frame: its functional groups, else the shared ones, else the data set itself (PS3.3 C.7.6.16.1).

    Parameters
    ----------
    file : DicomFile
        Of a monochrome image.
    level : str
        What it does not need is not read, so that damage there takes nothing from it.
    choice : tuple, int, str or None
        The window asked for.
    lowest : callable
        The lowest possible modality value under a rescale: whether a VOI LUT has signed input.
    """
    groups = FunctionalGroups(file) if file.has_functional_groups else None
    top_rescale = file.rescale if level != "real_world" else None

    def mapped(frame: int) -> FrameValues:
        assert not isinstance(choice, tuple)
        for group in _groups_of(groups, frame, file):
            items = group.items(_REAL_WORLD)
            if items:
                return FrameValues(real_world=_real_world(group, items, choice))
        raise UnsupportedError(
            "The file has no Real World Value Mapping Sequence",
            code="real_world",
            tag=_REAL_WORLD,
            hint='values="modality" applies slope and intercept',
        )

    def leveled(frame: int) -> FrameValues:
        rescale = top_rescale
        if groups is not None:
            found = (_rescale(item) for item in groups.items(frame, _PIXEL_VALUE_TRANSFORMATION))
            rescale = next((pair for pair in found if pair is not None), top_rescale)
        if level == "modality":
            return FrameValues(rescale)
        if isinstance(choice, tuple):
            return FrameValues(rescale, choice)
        voi: DataSet = file
        if groups is not None:
            items = groups.items(frame, _FRAME_VOI_LUT)
            voi = next((item for item in items if _windows(item) or lut_items(item, _VOI_LUT)), file)
        if choice is None:
            return _stored_voi(rescale, voi, lowest(rescale) < 0)
        return FrameValues(rescale, _chosen_voi(voi, choice, lowest(rescale) < 0))

    of = mapped if level == "real_world" else leveled
    if groups is not None and groups.per_frame:
        return of
    one = of(0)
    return lambda frame: one


def _groups_of(groups: FunctionalGroups | None, frame: int, file: DicomFile) -> list[DataSet]:
    """Where the mappings of a frame may be: its own functional groups, the shared ones, the data set."""
    if groups is None:
        return [file]
    found = [*groups.per_frame[frame : frame + 1], groups.shared, file]
    return [group for group in found if group is not None]


def modality_lut(file: DicomFile) -> Lut | None:
    """The first Modality LUT; None when there is none."""
    items = lut_items(file, _MODALITY_LUT) if file.has_modality_lut else []
    return read_lut(items[0], file.signed) if items else None


def presentation_lut(file: DicomFile) -> Lut | None:
    """The Presentation LUT; None when there is none. Its first input is 0 (PS3.3 C.11.6.1)."""
    items = lut_items(file, _PRESENTATION_LUT)
    return read_lut(items[0], False) if items else None
