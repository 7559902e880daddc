"""`values="tfio"`: the images that tensorflow-io 0.37.1 returned, to the bit.

Deterministic quirks are reproduced, for models that were trained on them: values are re-based to start at 0 and spread
over a depth that follows from the possible range, inversion is inexact, overlays are burned in, VOI is not applied.
What depends on uninitialised memory there, or ended the process, raises here. All arithmetic is float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from dicomdecode.errors import LimitError, MalformedError, UnsupportedError
from dicomdecode.tfio_pixels import (
    Image,
    Stream,
    decimal,
    fail,
    first_text,
    integer,
    lookup_table,
    number,
    numbers,
    open_lenient,
    read_image,
    stored,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode._dataset import DataSet
    from dicomdecode._file import DicomFile
    from dicomdecode.limits import Limits
    from dicomdecode.source import Source

__all__ = ["DTYPES", "render_tfio"]

#: The dtypes that it has.
DTYPES = ("uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64")

#: X-Ray Angiographic, Radiofluoroscopic and biplane images: no modality transform.
_NO_MODALITY = tuple(f"1.2.840.10008.5.1.4.1.1.12.{i}" for i in (1, 2, 3))
_CHUNK = 1 << 17  # pixels: the float64 temporaries stay in the cache
_PALETTES = ((0x00281101, 0x00281201), (0x00281102, 0x00281202), (0x00281103, 0x00281203))

Function = Callable[["NDArray[Any]"], "NDArray[Any]"]


def render_tfio(source: Source, limits: Limits, dtype: np.dtype[Any], scale: str, on_error: str) -> NDArray[Any]:
    """The image that tensorflow-io 0.37.1 returns.

    Parameters
    ----------
    source : Source
        The file.
    limits : Limits
        What it may ask for.
    dtype : numpy.dtype
        One of `DTYPES`.
    scale : {"preserve", "auto"}
        "auto" moves the depth's highest bit to the dtype's, or divides by the depth's maximum.
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
    if dtype.name not in DTYPES:
        raise ValueError(f'values="tfio" has the dtypes {", ".join(DTYPES)}, not {dtype}')
    file = open_lenient(source, limits)
    image, stream = read_image(file)
    monochrome = image.photometric.startswith("MONOCHROME")
    stage = _modality(file, image) if monochrome else None
    tables = [] if monochrome else _palette(file, image)
    bits = stage.bits if stage else max([bits for _, _, bits in tables] or [0])
    depth = bits if stage or image.photometric == "PALETTECOLOR" else max(bits, image.stored)
    if depth > 8 * dtype.itemsize and on_error != "lossy":
        raise UnsupportedError(
            f"Input argument dtype size smaller than pixelDepth (bits):{depth}",
            code="tfio_depth",
            hint="Ask for a larger dtype, or on_error='lossy'",
        )
    if depth > 32:
        _undefined(f"images of {depth} bits end the process")
    samples = 1 if stage else 3
    if image.total * samples * dtype.itemsize > limits.output_bytes:
        raise LimitError(
            f"The image exceeds the limit output_bytes of {limits.output_bytes}",
            code="limit_output_bytes",
            hint="Pass limits=dicomdecode.Limits(...) to allow it",
        )

    def finish(values: NDArray[Any]) -> NDArray[Any]:
        return _converted(values, depth, dtype, scale)

    flat = _monochrome(file, image, stream, stage, finish) if stage else _colour(image, stream, tables, finish)
    return flat.reshape(image.frames, image.rows, image.columns, samples)


def _undefined(text: str) -> NoReturn:
    raise UnsupportedError(f"tensorflow-io's result is undefined: {text}", code="tfio_undefined")


def _container(bits: int) -> np.dtype[Any]:
    return np.dtype(np.uint8 if bits <= 8 else np.uint16 if bits <= 16 else np.uint32)


def _converted(values: NDArray[Any], depth: int, dtype: np.dtype[Any], scale: str) -> NDArray[Any]:
    """Rendered unsigned values of `depth` bits as `dtype`."""
    auto = scale == "auto"
    most = float((1 << depth) - 1)
    if dtype.kind == "u":
        bits = 8 * dtype.itemsize
        if bits == 64 or (not auto and 8 * values.dtype.itemsize <= bits):
            return values.astype(dtype)
        if not auto:
            return np.minimum(values, values.dtype.type((1 << bits) - 1)).astype(dtype)
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


def _chunks(count: int) -> Iterator[slice]:
    for start in range(0, count, _CHUNK):
        yield slice(start, min(start + _CHUNK, count))


def _signed(raw: NDArray[Any], image: Image) -> NDArray[Any]:
    """Stored bits as int64, sign-extended where Pixel Representation says so."""
    values = raw.astype(np.int64)
    if image.signed:
        sign = 1 << (image.stored - 1)
        values = (values ^ sign) - sign
    return values


def _mapped(raw: NDArray[Any], image: Image, function: Function, out: NDArray[Any]) -> None:
    """`function` of the signed stored values, by a table where that is less work."""
    if image.stored <= 16 and len(raw) > 1 << image.stored:
        table = function(_signed(np.arange(1 << image.stored), image))
        for part in _chunks(len(raw)):
            out[part] = table[raw[part]]
    else:
        for part in _chunks(len(raw)):
            out[part] = function(_signed(raw[part], image))


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

    def function(v: NDArray[Any]) -> NDArray[Any]:
        if slope == 1:
            return np.trunc(v + intercept)
        return np.trunc(v * slope if intercept == 0 else v * slope + intercept)

    return _Stage(function, first, last, _depth(first, last) or bits)


def _table_stage(image: Image, entries: NDArray[Any], first: int, bits: int) -> _Stage:
    limits = (int(entries.min()), int(entries.max()))
    values = entries.astype(np.float64)
    wrap = 0xFF if limits[1] <= 0xFF else 0xFFFF

    def function(v: NDArray[Any]) -> NDArray[Any]:
        if image.stored > 16:  # the table is not applied, yet the values are kept in its type
            return (v & wrap).astype(np.float64)
        return values[np.clip(v - first, 0, len(values) - 1)]

    return _Stage(function, 0.0, float((1 << bits) - 1), bits, limits)


def _depth(low: float, high: float) -> int:
    """Bits of a rescaled range."""
    below, above = abs(low), abs(high)
    if low >= 0:
        return int(high).bit_length()
    return 1 + (max(int(below) - 1, 0) if below > above else int(above)).bit_length()


def _items(data: DataSet, tag: int) -> list[DataSet]:
    return data.items(tag) if data.vr(tag) == "SQ" else []


def _rescale(file: DicomFile) -> tuple[float, float]:
    """Slope and intercept: both of the data set, else both of the shared functional groups, never of a frame's."""
    found = _pair(file)
    if found is None:
        for group in _items(file, 0x52009229)[:1]:
            for item in _items(group, 0x00289145)[:1]:
                found = _pair(item)
    slope, intercept = found or (1.0, 0.0)
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        _undefined("slope or intercept is not finite")
    return (slope, intercept) if slope else (1.0, 0.0)


def _pair(data: DataSet) -> tuple[float, float] | None:
    slope, intercept = (
        decimal((data.raw(tag) or b"").split(b"\\")[0]) if data.vr(tag) == "DS" else None
        for tag in (0x00281053, 0x00281052)
    )
    return None if slope is None or intercept is None else (slope, intercept)


def _monochrome(file: DicomFile, image: Image, stream: Stream, stage: _Stage, finish: Function) -> NDArray[Any]:
    total = image.total
    raw = stored(stream, image, total)
    missing = len(raw) < total
    if missing and stage.low > 0:
        _undefined("missing pixels below the smallest possible value")
    depth = stage.bits
    container = _container(depth)
    low, high = 0.0, float((1 << depth) - 1)
    shape = first_text(file, 0x20500020)
    if shape == "INVERSE" or (image.photometric == "MONOCHROME1" and shape != "IDENTITY"):
        low, high = high, low
    spread = stage.high - stage.low + 1
    gradient = (high - low + 1) / spread
    base = _base(raw, image, stage, spread, missing)

    def place(t: NDArray[Any]) -> NDArray[Any]:
        return np.trunc(low + (t - base) * gradient).astype(np.int64).astype(container)

    overlays = list(_overlays(file, image, stream))
    last: Function = (lambda values: values) if overlays else finish

    def function(v: NDArray[Any]) -> NDArray[Any]:
        return last(place(stage.function(v)))

    out = np.empty(total, last(np.empty(0, container)).dtype)
    _mapped(raw, image, function, out[: len(raw)])
    if missing:
        out[len(raw) :] = last(place(np.zeros(1)))
    if not overlays:
        return out
    pixels = out.reshape(image.frames, image.rows, image.columns)
    for overlay in overlays:
        overlay.burn(pixels)
    return finish(out)


def _base(raw: NDArray[Any], image: Image, stage: _Stage, spread: float, missing: bool) -> float:
    """The rescaled value that becomes 0. Where it is fractional, it depends on the size of the image."""
    base = math.trunc(stage.low)
    whole = stage.low == base and stage.high == math.trunc(stage.high)
    if stage.limits is not None or (whole and max(-stage.low, stage.high) < 1 << 31 and not missing):
        return stage.low
    lows, highs = [], []
    for part in _chunks(len(raw)):
        values = _signed(raw[part], image)
        ends = stage.function(np.array([values.min(), values.max()]))
        lows.append(float(ends.min()))
        highs.append(float(ends.max()))
    first, last = min(lows, default=0.0), max(highs, default=0.0)
    if first < -(1 << 31) or last >= 1 << (31 if first < 0 else 32):
        _undefined("rescaled values exceed 32 bits")
    narrow = first >= -(1 << 15) and last < 1 << 15 if first < 0 else last < 1 << 16
    if not (narrow and spread <= 1e7 and image.rows * image.columns > 3 * math.floor(spread)):
        return stage.low
    if missing:
        first, last = min(first, 0.0), max(last, 0.0)
    if first - base < 0 or last - base >= math.floor(spread):
        _undefined("a rescaled value lies outside its table")
    return float(base)


# --- overlays --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Overlay:
    """One overlay plane."""

    bits: NDArray[Any]  # [frames, rows, columns] of 0 and 1
    top: int
    left: int
    frame: int
    region: bool  # of interest: everything else in its rectangle is darkened

    def burn(self, pixels: NDArray[Any]) -> None:
        """Draw into [frames, rows, columns]."""
        top, left = max(0, self.top), max(0, self.left)
        for i, plane in enumerate(self.bits):
            if self.frame + i >= len(pixels):
                return
            part = plane[top - self.top :, left - self.left :]
            target = pixels[self.frame + i, top : top + part.shape[0], left : left + part.shape[1]]
            part = part[: target.shape[0], : target.shape[1]]
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
        data = _overlay_data(file, group | 0x3000)
        if len(data):
            if count > 8 * len(data):
                continue
            bits = np.unpackbits(data[: (count + 7) // 8], bitorder="little")[:count]
        else:
            position, frame = min(position, image.allocated - 1), 0
            if image.high_bit - image.stored < position <= image.high_bit:
                continue
            if count > -(-8 * len(stream.data) // image.allocated):
                continue
            at = np.arange(count, dtype=np.int64) * image.allocated + position
            at = np.minimum(at, 8 * len(stream.data) - 1)
            bits = stream.data[at >> 3] >> (at & 7).astype(np.uint8) & 1
        origin.append(0)
        region = first_text(file, group | 0x0040) == "R"
        yield _Overlay(bits.reshape(frames, rows, columns), origin[0] - 1, origin[1] - 1, frame, region)


def _overlay_data(file: DicomFile, tag: int) -> NDArray[Any]:
    vr = file.vr(tag)
    value, big_endian = file.words(tag) or (b"", False)
    if vr not in ("OB", "OW"):
        return np.empty(0, np.uint8)
    data = np.frombuffer(value + b"\0" * (len(value) % 2), np.uint8)
    return data.view(">u2").astype("<u2").view(np.uint8) if big_endian and vr == "OW" else data


# --- colour ----------------------------------------------------------------------------------------------------------


def _palette(file: DicomFile, image: Image) -> list[tuple[NDArray[Any], int, int]]:
    if image.photometric not in ("PALETTECOLOR", "ARGB"):
        return []
    if image.stored > 16:
        fail("palette indices of more than 16 bits", 0x00280101)
    tables = []
    for descriptor_tag, data_tag in _PALETTES:
        table = lookup_table(file, descriptor_tag, data_tag, image.signed)
        if table is None:
            fail("a palette table is missing", data_tag)
        tables.append(table)
    return tables


def _colour(image: Image, stream: Stream, tables: list[Any], finish: Function) -> NDArray[Any]:
    """[pixels, 3] of the result's dtype."""
    total, name = image.total, image.photometric
    container = _container(max([image.stored] + [bits for _, _, bits in tables]))
    if name == "PALETTECOLOR":
        container = _container(max(bits for _, _, bits in tables))
    out = np.empty((total, 3), finish(np.empty(0, container)).dtype)
    done = 0
    if name == "PALETTECOLOR":
        raw = stored(stream, image, total)
        done = len(raw)
        for i, (entries, first, _) in enumerate(tables):
            values = entries.astype(container)

            def look_up(v: NDArray[Any], values: NDArray[Any] = values, first: int = first) -> NDArray[Any]:
                return finish(values[np.clip(v - first, 0, len(values) - 1)])

            _mapped(raw, image, look_up, out[:done, i])
    elif name.endswith("422"):
        if total % 2:
            _undefined("an odd number of pixels in pairs")
        raw = stored(stream, image, 2 * total)
        groups = _unsigned(raw[: len(raw) // 4 * 4], image).reshape(-1, 4)
        done = 2 * len(groups)
        convert = _ybr_partial if "PARTIAL" in name else _ybr_full
        for part in _chunks(len(groups)):
            y0, y1, cb, cr = (groups[part, i] for i in range(4))
            pairs = np.stack([convert(y0, cb, cr, image.stored), convert(y1, cb, cr, image.stored)], axis=1)
            out[2 * part.start : 2 * part.stop] = finish(pairs.reshape(-1, 3).astype(container))
    else:
        pixels = _in_pixels(stored(stream, image, image.samples * total), image)
        done = len(pixels)
        for part in _chunks(done):
            out[part] = finish(_to_rgb(pixels[part], image, tables).astype(container))
    out[done:] = finish(np.zeros(1, container))[0]
    return out


def _unsigned(raw: NDArray[Any], image: Image) -> NDArray[Any]:
    """Signed samples shifted to start at 0; those of more than 16 bits in the odd way of the original."""
    if not image.signed:
        return raw
    if image.stored <= 16:
        return raw ^ raw.dtype.type(1 << (image.stored - 1))
    return (_signed(raw, image) ^ ((1 << (image.stored - 1)) - 1)).astype(np.uint32)


def _in_pixels(raw: NDArray[Any], image: Image) -> NDArray[Any]:
    """Samples as [pixels, samples], as many whole pixels as there are."""
    samples, plane = image.samples, image.rows * image.columns
    whole = len(raw) // samples
    if not image.planar:
        return raw[: whole * samples].reshape(-1, samples)
    if image.photometric == "ARGB":
        # It goes three planes further for each frame of four.
        if len(raw) < (3 * (image.frames - 1) + 4) * plane:
            _undefined("planes are missing")
        frames = [raw[3 * f * plane : (3 * f + 4) * plane].reshape(4, plane).T for f in range(image.frames)]
        return np.concatenate(frames)
    full = min(whole // plane, image.frames)
    pixels = raw[: full * samples * plane].reshape(full, samples, plane).swapaxes(1, 2).reshape(-1, samples)
    if full == image.frames:
        return pixels
    if image.photometric not in ("RGB", "CMYK"):
        _undefined("planes are missing")
    # The planes of a frame that is cut follow each other without gaps.
    rest = raw[full * samples * plane : whole * samples].reshape(samples, -1).T
    return np.concatenate([pixels, rest])


def _to_rgb(pixels: NDArray[Any], image: Image, tables: list[Any]) -> NDArray[Any]:
    name, bits = image.photometric, image.stored
    if name == "ARGB":
        rgb = _unsigned(pixels[:, 1:], image).astype(np.int64)
        alpha = _signed(pixels[:, 0], image)
        looked_up = [entries[np.clip(alpha - first, 0, len(entries) - 1)] for entries, first, _ in tables]
        return np.where((alpha > 0)[:, np.newaxis], np.stack(looked_up, axis=1), rgb)
    samples = _unsigned(pixels, image)
    if name == "CMYK":
        most = samples.dtype.type((1 << bits) - 1)
        return most - samples[:, :3] - samples[:, 3:]
    if name == "HSV":
        return _hsv(samples, bits)
    if name == "YBRFULL":
        if bits == 8 and not image.signed:
            return _ybr_full_bytes(samples)
        return _ybr_full(*samples.T, bits)
    return samples


def _ybr_full_bytes(samples: NDArray[Any]) -> NDArray[Any]:
    """Each term truncated, unlike for other depths."""
    x = np.arange(256.0)
    red_cr = np.trunc(1.4020 * x - 0.7010 * 255)
    green_cb = np.trunc(0.3441 * x)
    green_cr = np.trunc(0.7141 * x - 0.5291 * 255)
    blue_cb = np.trunc(1.7720 * x - 0.8859 * 255)
    y, cb, cr = samples.T
    rgb = np.stack([y + red_cr[cr], y - green_cb[cb] - green_cr[cr], y + blue_cb[cb]], axis=1)
    return np.clip(rgb, 0, 255)


def _ybr_full(y: NDArray[Any], cb: NDArray[Any], cr: NDArray[Any], bits: int) -> NDArray[Any]:
    most = float((1 << bits) - 1)
    y, cb, cr = (v.astype(np.float64) for v in (y, cb, cr))
    red = y + 1.4020 * cr - 0.7010 * most
    green = y - 0.3441 * cb - 0.7141 * cr + 0.5291 * most
    blue = y + 1.7720 * cb - 0.8859 * most
    return np.trunc(np.clip(np.stack([red, green, blue], axis=1), 0, most))


def _ybr_partial(y: NDArray[Any], cb: NDArray[Any], cr: NDArray[Any], bits: int) -> NDArray[Any]:
    most = float((1 << bits) - 1)
    y, cb, cr = (v.astype(np.float64) for v in (y, cb, cr))
    red = 1.1631 * y + 1.5969 * cr - 0.8713 * most
    green = 1.1631 * y - 0.3913 * cb - 0.8121 * cr + 0.5290 * most
    blue = 1.1631 * y + 2.0177 * cb - 1.0820 * most
    return np.trunc(np.clip(np.stack([red, green, blue], axis=1), 0, most))


def _hsv(samples: NDArray[Any], bits: int) -> NDArray[Any]:
    most = float((1 << bits) - 1)
    hue, saturation, value = (v.astype(np.float64) for v in samples.T)
    h = 6 * hue / (most + 1)
    i = np.trunc(h)
    f, s, v = h - i, saturation / most, value / most
    p = np.trunc(most * v * (1 - s))
    q = np.trunc(most * v * (1 - s * f))
    t = np.trunc(most * v * (1 - s * (1 - f)))
    sector = np.clip(i, 0, 5).astype(np.int64)
    red = np.choose(sector, [value, q, p, p, t, value])
    green = np.choose(sector, [t, value, value, q, p, p])
    blue = np.choose(sector, [p, p, t, value, value, q])
    grey = saturation == 0
    return np.stack([np.where(grey, value, channel) for channel in (red, green, blue)], axis=1)
