"""Colour as tensorflow-io 0.37.1 renders it: always RGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.tfio_compat.pixels import (
    Function,
    Image,
    Stream,
    Table,
    chunks,
    container,
    fail,
    lookup_table,
    mapped,
    signed_values,
    stored,
    undefined,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.reading._reading import DicomFile

__all__ = ["read_tables", "render_color"]

_PALETTES = ((0x00281101, 0x00281201), (0x00281102, 0x00281202), (0x00281103, 0x00281203))


def read_tables(file: DicomFile, image: Image) -> list[Table]:
    """The three palette tables, as of `lookup_table`, where the photometric interpretation asks for them."""
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


def render_color(image: Image, stream: Stream, tables: list[Table], finish: Function) -> NDArray[Any]:
    """[pixels, 3] of the result's dtype, which `finish` gives."""
    total, name = image.total, image.photometric
    kind = container(max([image.stored] + [bits for _, _, bits in tables]))
    if name == "PALETTECOLOR":
        kind = container(max(bits for _, _, bits in tables))
    out = np.empty((total, 3), finish(np.empty(0, kind)).dtype)
    done = 0
    if name == "PALETTECOLOR":
        raw = stored(stream, image, total)
        done = len(raw)
        for i, (entries, first, _) in enumerate(tables):
            values = entries.astype(kind)

            def look_up(v: NDArray[Any], values: NDArray[Any] = values, first: int = first) -> NDArray[Any]:
                return finish(values[np.clip(v - first, 0, len(values) - 1)])

            mapped(raw, image, look_up, out[:done, i])
    elif name.endswith("422"):
        if image.planar:
            fail("4:2:2 pixels in planes", 0x00280006)
        if total % 2:
            undefined("an odd number of pixels in pairs")
        raw = stored(stream, image, 2 * total)[:]
        if len(raw) % 4:
            undefined("the pixel data end inside a pair of pixels")
        groups = _unsigned(raw, image).reshape(-1, 4)
        done = 2 * len(groups)
        convert = _ybr_partial if "PARTIAL" in name else _ybr_full
        for part in chunks(len(groups)):
            y0, y1, cb, cr = (groups[part, i] for i in range(4))
            pairs = np.stack([convert(y0, cb, cr, image.stored), convert(y1, cb, cr, image.stored)], axis=1)
            out[2 * part.start : 2 * part.stop] = finish(pairs.reshape(-1, 3).astype(kind))
    else:
        pixels = _in_pixels(stored(stream, image, image.samples * total)[:], image)
        done = len(pixels)
        for part in chunks(done):
            out[part] = finish(_to_rgb(pixels[part], image, tables).astype(np.int64).astype(kind))
    out[done:] = finish(np.zeros(1, kind))[0]
    return out


def _unsigned(raw: NDArray[Any], image: Image) -> NDArray[Any]:
    """Signed samples shifted to start at 0; those of more than 16 bits in the odd way of the original."""
    if not image.signed:
        return raw
    if image.stored <= 16:
        flipped: NDArray[Any] = raw ^ raw.dtype.type(1 << (image.stored - 1))
        return flipped
    return (signed_values(raw, image) ^ ((1 << (image.stored - 1)) - 1)).astype(np.uint32)


def _in_pixels(raw: NDArray[Any], image: Image) -> NDArray[Any]:
    """Samples as [pixels, samples], as many whole pixels as there are."""
    samples, plane = image.samples, image.rows * image.columns
    whole = len(raw) // samples
    if not image.planar:
        return raw[: whole * samples].reshape(-1, samples)
    if image.photometric == "ARGB":
        # It goes three planes further for each frame of four.
        if len(raw) < (3 * (image.frames - 1) + 4) * plane:
            undefined("planes are missing")
        frames = [raw[3 * f * plane : (3 * f + 4) * plane].reshape(4, plane).T for f in range(image.frames)]
        return np.concatenate(frames)
    full = min(whole // plane, image.frames)
    pixels = raw[: full * samples * plane].reshape(full, samples, plane).swapaxes(1, 2).reshape(-1, samples)
    if full == image.frames:
        return pixels
    if image.photometric not in ("RGB", "CMYK"):
        undefined("planes are missing")
    # The planes of a frame that is cut follow each other without gaps.
    rest = raw[full * samples * plane : whole * samples].reshape(samples, -1).T
    return np.concatenate([pixels, rest])


def _to_rgb(pixels: NDArray[Any], image: Image, tables: list[Table]) -> NDArray[Any]:
    name, bits = image.photometric, image.stored
    if name == "ARGB":
        rgb = _unsigned(pixels[:, 1:], image).astype(np.int64)
        alpha = signed_values(pixels[:, 0], image)
        looked_up = [entries[np.clip(alpha - first, 0, len(entries) - 1)] for entries, first, _ in tables]
        return np.where((alpha > 0)[:, np.newaxis], np.stack(looked_up, axis=1), rgb)
    samples = _unsigned(pixels, image)
    if name == "CMYK":
        most = samples.dtype.type((1 << bits) - 1)
        left: NDArray[Any] = most - samples[:, :3] - samples[:, 3:]
        return left
    if name == "HSV":
        return _hsv(samples, bits)
    if name == "YBRFULL":
        if bits == 8 and not image.signed:
            return _ybr_full_bytes(samples)
        return _ybr_full(samples[:, 0], samples[:, 1], samples[:, 2], bits)
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
    clipped: NDArray[Any] = np.clip(rgb, 0, 255)
    return clipped


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
    grey = saturation == 0
    if np.any((i > 5) & ~grey):
        undefined("a hue beyond the full circle")
    sector = np.minimum(i, 5).astype(np.int64)
    red = np.choose(sector, [value, q, p, p, t, value])
    green = np.choose(sector, [t, value, value, q, p, p])
    blue = np.choose(sector, [p, p, t, value, value, q])
    return np.stack([np.where(grey, value, channel) for channel in (red, green, blue)], axis=1)
