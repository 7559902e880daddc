"""`values="tfio"`: the images that tensorflow-io 0.37.1 returned, to the bit.

Deterministic quirks are reproduced, for models that were trained on them: values are re-based to start at 0 and spread
over a depth that follows from the possible range, inversion is inexact, overlays are burned in, VOI is not applied.
What depends on uninitialised memory there, or ended the process, raises here. All arithmetic is float64.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import UnsupportedError
from dicomdecode.limits import check_limit
from dicomdecode.tfio_compat._plan import decode_plain, finds_pixels
from dicomdecode.tfio_compat.codecs import decompress
from dicomdecode.tfio_compat.color import read_tables, render_color
from dicomdecode.tfio_compat.pixels import (
    PIXEL_DATA,
    Function,
    Image,
    PackedSamples,
    Stream,
    chunks,
    container,
    fail,
    first_text,
    floating,
    integer,
    lookup_table,
    mapped,
    number,
    numbers,
    open_lenient,
    read_attributes,
    read_native,
    signed_values,
    stored,
    undefined,
    vr_of,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.limits import Limits
    from dicomdecode.pixels import Request
    from dicomdecode.reading import Source
    from dicomdecode.reading._reading import DataSet, DicomFile

__all__ = ["DTYPES", "render_tfio"]

#: The dtypes that it has.
DTYPES = ("uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")

_OVERLAY_AT_ONCE = 1 << 20  # bits
#: X-Ray Angiographic, Radiofluoroscopic and biplane images: no modality transform.
_NO_MODALITY = tuple(f"1.2.840.10008.5.1.4.1.1.12.{i}" for i in (1, 2, 3))


def render_tfio(source: Source, limits: Limits, request: Request, on_error: str) -> NDArray[Any]:
    """The image that tensorflow-io 0.37.1 returns.

    Parameters
    ----------
    source : Source
        The file.
    limits : Limits
        What it may ask for.
    request : Request
        With a dtype among `DTYPES`, and a scale: "auto" moves the depth's highest bit to the dtype's, or divides by the
        depth's maximum.
    on_error : {"strict", "skip", "lossy"}
        Only "lossy" takes an image deeper than `dtype`.

    Returns
    -------
    ndarray [frames, rows, columns, samples]
        1 sample for monochrome, 3 (RGB) for colour.

    Raises
    ------
    DicomError
        Where the original raises under "strict" and returns an empty tensor under "skip" and "lossy", and where its
        result is undefined.
    ValueError
        A dtype that it does not have.
    """
    dtype, scale = request.dtype, request.scale
    assert dtype is not None
    if dtype.name not in DTYPES:
        raise ValueError(f'values="tfio" has the dtypes {", ".join(DTYPES)}, not {dtype}')
    file = open_lenient(source, limits)
    if not finds_pixels(file):
        fail("its parser does not come to the pixel data", PIXEL_DATA)
    plain = decode_plain(file, request, on_error == "lossy")
    if plain is not None:
        return plain
    image = read_attributes(file)
    image, stream = decompress(file, image) if file.is_encapsulated else (image, read_native(file, image))
    if on_error == "lossy":
        stream = replace(stream, cut=False)  # what is missing is undefined: any value will do
    monochrome = image.photometric.startswith("MONOCHROME")
    stage = _modality(file, image) if monochrome else None
    tables = [] if monochrome else read_tables(file, image)
    bits = stage.bits if stage else max([bits for _, _, bits in tables] or [0])
    depth = bits if stage or image.photometric == "PALETTECOLOR" else max(bits, image.stored)
    if depth > 8 * dtype.itemsize and on_error != "lossy":
        raise UnsupportedError(
            f"Input argument dtype size smaller than pixelDepth (bits):{depth}",
            code="tfio_depth",
            hint="Ask for a larger dtype, or on_error='lossy'",
        )
    if depth > 32:
        undefined(f"images of {depth} bits end the process")
    samples = 1 if stage else 3
    size = image.total * samples * dtype.itemsize
    check_limit("The result exceeds", "limit_output_bytes", limits.output_bytes, size)

    def finish(values: NDArray[Any]) -> NDArray[Any]:
        return _converted(values, depth, dtype, scale)

    flat = _monochrome(file, image, stream, stage, finish) if stage else render_color(image, stream, tables, finish)
    return flat.reshape(image.frames, image.rows, image.columns, samples)


def _converted(values: NDArray[Any], depth: int, dtype: np.dtype[Any], scale: str) -> NDArray[Any]:
    """Rendered unsigned values of `depth` bits as `dtype`."""
    auto = scale == "auto"
    most = float((1 << depth) - 1)
    if dtype.kind == "u":
        bits = 8 * dtype.itemsize
        if bits == 64 or (not auto and 8 * values.dtype.itemsize <= bits):
            return values.astype(dtype)
        if not auto:
            clipped: NDArray[Any] = np.minimum(values, values.dtype.type((1 << bits) - 1)).astype(dtype)
            return clipped
        shifted = (values.astype(np.uint64) << np.uint64(64 - depth)) >> np.uint64(64 - bits)
        return shifted.astype(dtype)
    if dtype.itemsize == 8:
        exact = values.astype(np.float64)
        return exact / most if auto else exact
    if dtype.itemsize == 4:
        single = values.astype(np.float32)
        return single / np.float32(most) if auto else single
    quotient = (values.astype(np.float64) / most if auto else values).astype(np.float32)
    with np.errstate(over="ignore"):
        return quotient.astype(np.float16)


# --- monochrome ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Stage:
    """The modality stage: its function, the possible range of what it gives, and the depth."""

    function: Function  # signed stored values -> rescaled values, float64
    low: float
    high: float
    bits: int
    limits: tuple[int, int] | None = None  # smallest and largest table entry, for a table


def _modality(file: DicomFile, image: Image) -> _Stage:
    bits = image.stored
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if image.signed else (0, (1 << bits) - 1)
    slope, intercept = 1.0, 0.0
    if first_text(file, 0x00080016) not in _NO_MODALITY:
        for item in _items(file, 0x00283000)[:1]:
            table = lookup_table(item, 0x00283002, 0x00283006, image.signed)
            if table is not None:
                return _table_stage(image, *table)
        slope, intercept = _rescale(file)
    ends = (low * slope + intercept, high * slope + intercept)
    first, last = min(ends), max(ends)
    if not math.isfinite(first) or not math.isfinite(last):
        undefined("the possible range exceeds that of a double")

    def function(v: NDArray[Any]) -> NDArray[Any]:
        if slope == 1:
            return np.trunc(v + intercept)
        return np.trunc(v * slope if intercept == 0 else v * slope + intercept)

    return _Stage(function, first, last, _depth(first, last) or bits)


def _table_stage(image: Image, entries: NDArray[Any], first: int, bits: int) -> _Stage:
    limits = (int(entries.min()), int(entries.max()))
    values: NDArray[Any] = entries.astype(np.float64)
    wrap = 0xFF if limits[1] <= 0xFF else 0xFFFF

    def function(v: NDArray[Any]) -> NDArray[Any]:
        if image.stored > 16:  # the table is not applied, yet the values are kept in its type
            return (v & wrap).astype(np.float64)
        looked_up: NDArray[Any] = values[np.clip(v - first, 0, len(values) - 1)]
        return looked_up

    return _Stage(function, 0.0, float((1 << bits) - 1), bits, limits)


def _depth(low: float, high: float) -> int:
    """Bits of a rescaled range."""
    below, above = abs(low), abs(high)
    if low >= 0:
        return int(high).bit_length()
    return 1 + (max(int(below) - 1, 0) if below > above else int(above)).bit_length()


def _items(data: DataSet, tag: int) -> Sequence[DataSet]:
    return data.items(tag) if vr_of(data, tag) == "SQ" else []


def _rescale(file: DicomFile) -> tuple[float, float]:
    """Slope and intercept: both of the data set, else both of the shared functional groups, never of a frame's."""
    found = _pair(file)
    if found is None:
        for group in _items(file, 0x52009229)[:1]:
            for item in _items(group, 0x00289145)[:1]:
                found = _pair(item)
    slope, intercept = found or (1.0, 0.0)
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        undefined("slope or intercept is not finite")
    return (slope, intercept) if slope else (1.0, 0.0)


def _pair(data: DataSet) -> tuple[float, float] | None:
    slope, intercept = floating(data, 0x00281053), floating(data, 0x00281052)
    return None if slope is None or intercept is None else (slope, intercept)


def _monochrome(file: DicomFile, image: Image, stream: Stream, stage: _Stage, finish: Function) -> NDArray[Any]:
    total = image.total
    raw = stored(stream, image, total)
    missing = len(raw) < total
    if missing and stage.low > 0:
        undefined("missing pixels below the smallest possible value")
    depth = stage.bits
    kind = container(depth)
    low, high = 0.0, float((1 << depth) - 1)
    shape = first_text(file, 0x20500020)
    if shape == "INVERSE" or (image.photometric == "MONOCHROME1" and shape != "IDENTITY"):
        low, high = high, low
    spread = stage.high - stage.low + 1
    gradient = (high - low + 1) / spread
    base = _base(raw, image, stage, spread, missing)

    def place(t: NDArray[Any]) -> NDArray[Any]:
        return np.trunc(low + (t - base) * gradient).astype(np.int64).astype(kind)

    overlays = list(_overlays(file, image, stream))
    last: Function = (lambda values: values) if overlays else finish

    def function(v: NDArray[Any]) -> NDArray[Any]:
        return last(place(stage.function(v)))

    out = np.empty(total, last(np.empty(0, kind)).dtype)
    mapped(raw, image, function, out[: len(raw)])
    if missing:
        out[len(raw) :] = last(place(np.zeros(1)))
    if not overlays:
        return out
    pixels = out.reshape(image.frames, image.rows, image.columns)
    for overlay in overlays:
        overlay.burn(pixels)
    return finish(out)


def _base(raw: NDArray[Any] | PackedSamples, image: Image, stage: _Stage, spread: float, missing: bool) -> float:
    """The rescaled value that becomes 0. Where it is fractional, it depends on the size of the image."""
    base = math.trunc(stage.low)
    whole = stage.low == base and stage.high == math.trunc(stage.high)
    if stage.limits is not None or (whole and max(-stage.low, stage.high) < 1 << 31 and not missing):
        return stage.low
    lows, highs = [], []
    for part in chunks(len(raw)):
        values = signed_values(raw[part], image)
        ends = stage.function(np.array([values.min(), values.max()]))
        lows.append(float(ends.min()))
        highs.append(float(ends.max()))
    first, last = min(lows, default=0.0), max(highs, default=0.0)
    if first < -(1 << 31) or last >= 1 << (31 if first < 0 else 32):
        undefined("rescaled values exceed 32 bits")
    narrow = first >= -(1 << 15) and last < 1 << 15 if first < 0 else last < 1 << 16
    if not (narrow and spread <= 1e7 and image.rows * image.columns > 3 * math.floor(spread)):
        return stage.low
    if missing:
        first, last = min(first, 0.0), max(last, 0.0)
    if first - base < 0 or last - base >= math.floor(spread):
        undefined("a rescaled value lies outside its table")
    return float(base)


# --- overlays --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Overlay:
    """One overlay plane."""

    bits: Callable[[int, int], NDArray[Any]]  # number of the first one, and how many: 0 and 1
    rows: int
    columns: int
    frames: int
    top: int
    left: int
    frame: int
    region: bool  # of interest: everything else in its rectangle is darkened

    def burn(self, pixels: NDArray[Any]) -> None:
        """Draw into [frames, rows, columns]."""
        first, last = max(0, -self.top), min(self.rows, pixels.shape[1] - self.top)
        step = max(1, _OVERLAY_AT_ONCE // self.columns)
        for i in range(min(self.frames, len(pixels) - self.frame)):
            for row in range(first, last, step):
                self._burn_rows(i, row, min(step, last - row), pixels[self.frame + i])

    def _burn_rows(self, frame: int, row: int, count: int, pixels: NDArray[Any]) -> None:
        left = max(0, self.left)
        bits = self.bits((frame * self.rows + row) * self.columns, count * self.columns)
        part = bits.reshape(count, self.columns)[:, left - self.left :]
        target = pixels[self.top + row : self.top + row + count, left : left + part.shape[1]]
        part = part[:, : target.shape[1]]
        if self.region:
            target[part == 0] >>= 4 * pixels.itemsize
        else:
            target[part != 0] = np.iinfo(pixels.dtype).max


def _overlays(file: DicomFile, image: Image, stream: Stream) -> Iterator[_Overlay]:
    for group in range(0x60000000, 0x60200000, 0x00020000):
        origin = numbers(file, group | 0x0050, "SS")
        rows, columns, allocated, position = (number(file, group | e) for e in (0x0010, 0x0011, 0x0100, 0x0102))
        if not origin or not rows or not columns or allocated is None or position is None:
            continue
        frames = max(1, integer(file, group | 0x0015) or 1)
        frame = max(0, (number(file, group | 0x0051) or 1) - 1)
        count = frames * rows * columns
        data = group | 0x3000
        length = file.length(data) if vr_of(file, data) in ("OB", "OW") else 0
        if length:
            if count > 8 * (length + length % 2):
                continue
            bits = functools.partial(_bits_of_data, file, data)
        else:
            position, frame = min(position, image.allocated - 1), 0
            if image.high_bit - image.stored < position <= image.high_bit:
                continue
            if count > -(-8 * len(stream.data) // image.allocated):
                continue
            bits = functools.partial(_bits_of_cells, stream, image.allocated, position)
        origin.append(0)
        region = first_text(file, group | 0x0040) == "R"
        yield _Overlay(bits, rows, columns, frames, origin[0] - 1, origin[1] - 1, frame, region)


def _bits_of_data(file: DicomFile, tag: int, first: int, count: int) -> NDArray[Any]:
    begin = first // 16 * 2
    value, big_endian = file.words(tag, begin, (first + count + 15) // 16 * 2 - begin) or (b"", False)
    data = np.frombuffer(value + b"\0" * (len(value) % 2), np.uint8)
    if big_endian and file.vr(tag) == "OW":
        data = data.view(">u2").astype("<u2").view(np.uint8)
    return np.unpackbits(data, bitorder="little")[first - 8 * begin :][:count]


def _bits_of_cells(stream: Stream, allocated: int, position: int, first: int, count: int) -> NDArray[Any]:
    at = np.arange(first, first + count, dtype=np.int64) * allocated + position
    at = np.minimum(at, 8 * len(stream.data) - 1)
    bits: NDArray[Any] = stream.data[at >> 3] >> (at & 7).astype(np.uint8) & 1
    return bits
