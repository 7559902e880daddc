"""Any file x any request: the values are those of `tests/rules.py`, and a part of an image is a part of the whole.

Files are drawn at random, the same ones in each run; one that fails is made as small as it can be. With
`--hypothesis-profile=thorough` many more are drawn, others in each run.
"""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import dicomdecode as dd
from tests import rules
from tests import synthesise as s
from tests.pixels.test_chain import DTYPES, lut_item, nearest
from tests.reference_images import JPEG_2000_LOSSLESS

LAYOUTS = (
    s.IMPLICIT_LE,
    s.EXPLICIT_LE,
    s.EXPLICIT_BE,
    s.DEFLATED,
    s.RLE,
    s.ENCAPSULATED_UNCOMPRESSED,
    s.DEFLATED_FRAME,
)
#: Numbers that a Decimal String of 16 bytes (PS3.5 6.2) holds exactly.
NUMBERS = st.integers(-4096, 4096).map(lambda n: n / 16)


@dataclass
class File:
    """A file, what its header says of values, and the stored values [frames, rows, columns]."""

    image: rules.Image
    pixels: np.ndarray
    contents: bytes


@st.composite
def luts(draw: st.DrawFn) -> tuple[int, np.ndarray, int]:
    """First value, entries and bits of a LUT. The last entry needs all of these bits: fewer would be noticed."""
    bits = draw(st.integers(8, 16))
    entries = draw(st.lists(st.integers(0, (1 << bits) - 1), min_size=1, max_size=40))
    return draw(st.integers(0, 200)), np.array([*entries, (1 << bits) - 1]), bits


@st.composite
def windows(draw: st.DrawFn) -> tuple[float, float, str]:
    function = draw(st.sampled_from(["LINEAR", "LINEAR_EXACT", "SIGMOID"]))
    return draw(NUMBERS), draw(st.integers(16, 16000)) / 16, function


@st.composite
def stored_pixels(draw: st.DrawFn, bits: int, signed: bool, allocated: int) -> np.ndarray:
    low, high = rules.possible_range(bits, signed)
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 6)), draw(st.integers(1, 7)))
    edges = st.sampled_from([low, low + 1, high - 1 if bits > 1 else high, high, max(low, 0)])
    few = draw(st.lists(edges | st.integers(low, high), min_size=1, max_size=12))
    return np.resize(np.array(few), shape).astype(f"{'i' if signed else 'u'}{allocated // 8}")


def stages(draw: st.DrawFn, image: rules.Image) -> tuple[list[s.Element], str]:
    """Give the image a modality stage, a VOI stage, a presentation stage and padding; the elements that say so."""
    extra: list[s.Element] = []
    modality = draw(st.none() | st.tuples(NUMBERS.filter(bool), NUMBERS) | luts())
    if modality is not None and len(modality) == 3:
        first, entries, bits = modality
        image.modality = (first, entries)
        extra.append((0x00283000, "SQ", [lut_item(first, entries, bits)]))
    elif modality is not None:
        image.modality = modality
        extra += [(0x00281053, "DS", repr(modality[0])), (0x00281052, "DS", repr(modality[1]))]
    voi = draw(st.none() | windows() | luts())
    if voi is not None and isinstance(voi[1], np.ndarray):
        image.voi = voi
        extra.append((0x00283010, "SQ", [lut_item(*voi)]))
    elif voi is not None:
        image.voi = voi
        extra += [(0x00281050, "DS", repr(voi[0])), (0x00281051, "DS", repr(voi[1])), (0x00281056, "CS", voi[2])]
    photometric = draw(st.sampled_from(["MONOCHROME1", "MONOCHROME2"]))
    shape = draw(st.sampled_from([None, "IDENTITY", "INVERSE"]))
    extra += [(0x20500020, "CS", shape)] if shape else []
    image.inverse = shape == "INVERSE" or (photometric == "MONOCHROME1" and shape is None)
    if image.bits <= 16 and draw(st.booleans()):
        low, high = rules.possible_range(image.bits, image.signed)
        last = draw(st.integers(low, min(high, low + 3)))
        image.padding = ((low, last), draw(st.sampled_from([np.nan, -3.0, 0.0])))
        vr = "SS" if image.signed else "US"
        extra += [(0x00280120, vr, low), (0x00280121, vr, last)]
    return extra, photometric


@st.composite
def files(draw: st.DrawFn) -> File:
    """A monochrome file of any depth, layout and chain."""
    allocated = draw(st.sampled_from([8, 16, 32]))
    signed = draw(st.booleans())
    bits = draw(st.integers(1 + signed, min(allocated, 20)))
    pixels = draw(stored_pixels(bits, signed, allocated))
    image = rules.Image(bits, signed)
    extra, photometric = stages(draw, image)
    contents = s.image(
        pixels,
        syntax=draw(st.sampled_from(LAYOUTS)),
        photometric=photometric,
        bits_stored=bits,
        high_bit=draw(st.integers(bits - 1, allocated - 1)),
        stray=draw(st.none() | st.integers(0, 9)),
        extra=extra,
    )
    return File(image, pixels, contents)


@st.composite
def colour_files(draw: st.DrawFn) -> bytes:
    """A file of three samples, or of indices into a palette."""
    shape = (draw(st.integers(1, 3)), draw(st.integers(1, 6)), 2 * draw(st.integers(1, 4)))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    syntax = draw(st.sampled_from(LAYOUTS))
    photometric = draw(st.sampled_from(["RGB", "YBR_FULL", "YBR_FULL_422", "PALETTE COLOR"]))
    if photometric == "PALETTE COLOR":
        tables = s.lookup_tables([rng.integers(0, 65536, 40, np.uint16) for _ in range(3)], first=3)
        return s.image(rng.integers(0, 60, shape, np.uint8), syntax=syntax, photometric=photometric, extra=tables)
    planar = draw(st.integers(0, 1)) if photometric != "YBR_FULL_422" and syntax != s.RLE else 0
    pixels = rng.integers(0, 256, (*shape, 3), np.uint8)
    return s.image(pixels, syntax=syntax, photometric=photometric, planar=planar)


OTHERS: dict[str, st.SearchStrategy[Any]] = {
    "dtype": st.sampled_from(DTYPES),
    "scale": st.sampled_from(["preserve", "auto"]),
    "padding": st.sampled_from([0.0, -3.0, np.nan]),
    "threads": st.integers(1, 3),
    "color": st.sampled_from(["rgb", "stored"]),
}
# A window has no effect on the other levels, and is refused there.
REQUESTS = st.fixed_dictionaries(
    {"values": st.sampled_from(["stored", "modality", "voi", "display"])}, optional=OTHERS
) | st.fixed_dictionaries({"values": st.sampled_from(["voi", "display"]), "window": windows()}, optional=OTHERS)


@given(files(), st.data())
def test_values(file: File, data: st.DataObject) -> None:
    level = data.draw(st.sampled_from(["modality", "voi", "display"]))
    scale = data.draw(st.sampled_from(["preserve", "auto"])) if level == "modality" else "preserve"
    dtype = data.draw(st.sampled_from(DTYPES))
    low, high = file.image.bounds()
    if low == high:  # one possible value: it has no place in a range to stretch
        scale, level = "preserve", "modality"
    fill = None if file.image.padding is None else file.image.padding[1]
    found = dd.imread(file.contents, values=level, dtype=dtype, scale=scale, padding=fill)
    want = file.image.real(file.pixels if len(file.pixels) > 1 else file.pixels[0], level, dtype, scale)
    assert found.dtype == dtype
    nearest(found, want)


@given(files())
def test_stored_values(file: File) -> None:
    found = dd.imread(file.contents, values="stored")
    assert found.dtype == file.pixels.dtype
    np.testing.assert_array_equal(found, file.pixels if len(file.pixels) > 1 else file.pixels[0])


def same(found: np.ndarray, want: np.ndarray) -> None:
    assert found.dtype == want.dtype and found.shape == want.shape
    np.testing.assert_array_equal(found, want)


@given(files().map(lambda file: file.contents) | colour_files(), REQUESTS, st.data())
def test_a_part_is_a_part_of_the_whole(contents: bytes, request: dict[str, Any], data: st.DataObject) -> None:
    """Frames, a region, and an array of the caller's are slices of what is decoded without them."""
    whole = dd.imread(contents, **request)
    image = dd.open(contents)
    frames = whole if image.frames > 1 else whole[None]
    numbers = st.integers(-image.frames, image.frames - 1)
    chosen: Any = data.draw(
        st.none()
        | numbers
        | st.lists(numbers, min_size=1, max_size=4)
        | st.slices(image.frames).filter(lambda part: len(range(image.frames)[part]) > 0)
    )
    top, left = data.draw(st.integers(0, image.rows - 1)), data.draw(st.integers(0, image.columns - 1))
    height = data.draw(st.integers(1, image.rows - top))
    width = data.draw(st.integers(1, image.columns - left))

    of_frames = whole if chosen is None else frames[chosen]
    same(dd.imread(contents, frames=chosen, **request), of_frames)
    index = (np.s_[top : top + height], np.s_[left : left + width])
    want = of_frames[:, *index] if of_frames.ndim > frames[0].ndim else of_frames[index]
    part: dict[str, Any] = {"frames": chosen, "region": (top, left, height, width)}
    same(dd.imread(contents, **part, **request), want)
    out = np.full(want.shape, 77, want.dtype)
    assert dd.imread(contents, out=out, **part, **request) is out
    same(out, want)


@st.composite
def wavelet_files(draw: st.DrawFn) -> bytes:
    """A JPEG 2000 file, which alone has lower resolutions."""
    shape = (draw(st.integers(1, 2)), draw(st.integers(20, 90)), draw(st.integers(20, 90)))
    colour = draw(st.booleans())
    pixels = np.random.default_rng(draw(st.integers(0, 99))).integers(0, 256, (*shape, 3)[: 3 + colour], np.uint8)
    streams = [imagecodecs.jpeg2k_encode(frame, level=0, codecformat="j2k", reversible=True) for frame in pixels]
    return s.image(
        pixels,
        syntax=JPEG_2000_LOSSLESS,
        photometric="RGB" if colour else "MONOCHROME2",
        extra=s.encapsulate(streams),
        without=[s.PIXEL_DATA],
    )


@given(wavelet_files(), st.data())
def test_a_part_of_a_lower_resolution(contents: bytes, data: st.DataObject) -> None:
    """A region is given in pixels of the full resolution: it holds the samples whose places lie in it."""
    image = dd.open(contents)
    assert image.codestream is not None and image.codestream["levels"] >= 1
    reduce = data.draw(st.integers(0, image.codestream["levels"]))
    step = 1 << reduce
    whole = dd.imread(contents, values="stored", reduce=reduce)
    size = (-(-image.rows // step), -(-image.columns // step))
    assert whole.shape == image.shape[: image.frames > 1] + size + image.shape[2 + (image.frames > 1) :]
    frame = data.draw(st.integers(0, image.frames - 1))
    top, left = data.draw(st.integers(0, image.rows - step)), data.draw(st.integers(0, image.columns - step))
    height, width = data.draw(st.integers(step, image.rows - top)), data.draw(st.integers(step, image.columns - left))
    part: dict[str, Any] = {"values": "stored", "reduce": reduce, "region": (top, left, height, width), "frames": frame}
    want = (whole if image.frames > 1 else whole[None])[frame][
        -(-top // step) : -(-(top + height) // step), -(-left // step) : -(-(left + width) // step)
    ]
    same(dd.imread(contents, **part), want)
    out = np.full(want.shape, 77, want.dtype)
    assert dd.imread(contents, out=out, **part) is out
    same(out, want)


@given(files().map(lambda file: file.contents) | colour_files() | wavelet_files(), REQUESTS)
def test_bytes_path_and_file_are_one(contents: bytes, request: dict[str, Any]) -> None:
    want = dd.imread(contents, **request)
    same(dd.imread(memoryview(contents), **request), want)
    same(dd.imread(io.BytesIO(contents), **request), want)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a b.dcm"
        path.write_bytes(contents)
        same(dd.imread(path, **request), want)
        with open(path, "rb") as file:
            same(dd.imread(file, **request), want)
        with dd.open(path) as image:
            same(image.pixels(**request), want)
            assert image.shape == dd.imread(contents).shape
