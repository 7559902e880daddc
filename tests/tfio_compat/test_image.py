"""values="tfio": images as tensorflow-io 0.37.1 returned them. Values are worked out by hand from its rules."""

from __future__ import annotations

import itertools
import struct
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.tfio_compat.pixels import decimal
from tests import synthesise as s

RNG = np.random.default_rng(7)
INTERCEPT, SLOPE, SHAPE = 0x00281052, 0x00281053, 0x20500020


def tfio(contents: Any, dtype: Any = np.uint16, **options: Any) -> np.ndarray:
    return dd.decode_dicom_image(contents, dtype=dtype, values="tfio", **{"on_error": "strict", **options})


def mono(pixels: Any, dtype: Any = np.uint8, **options: Any) -> bytes:
    return s.image(np.array(pixels, dtype), **options)


def raw_image(value: bytes, *elements: s.Element, vr: str = "OW", syntax: str = s.EXPLICIT_LE, **header: Any) -> bytes:
    """A file with this pixel data; header: photometric, rows, columns, allocated, stored, high_bit, signed, frames."""
    h = {"photometric": "MONOCHROME2", "rows": 1, "columns": 4, "allocated": 8, "signed": 0, "samples": 1, **header}
    h.setdefault("stored", h["allocated"])
    h.setdefault("high_bit", h["stored"] - 1)
    items: list[s.Element] = [(0x00280002, "US", [h["samples"]]), (0x00280004, "CS", h["photometric"])]
    if h["samples"] > 1:
        items.append((0x00280006, "US", [h.get("planar", 0)]))
    if "frames" in h:
        items.append((0x00280008, "IS", str(h["frames"])))
    items += [(0x00280010, "US", [h["rows"]]), (0x00280011, "US", [h["columns"]])]
    items += [(0x00280100, "US", [h["allocated"]]), (0x00280101, "US", [h["stored"]])]
    items += [(0x00280102, "US", [h["high_bit"]]), (0x00280103, "US", [h["signed"]])]
    items += [*elements, (0x7FE00010, vr, value)]
    return s.dataset(sorted(items, key=lambda e: e[0]), syntax=syntax)  # type: ignore[arg-type,index]


def flat(found: np.ndarray) -> list[Any]:
    return found.reshape(-1).tolist()


# --- wrapper ---------------------------------------------------------------------------------------------------------


def test_always_four_dimensions() -> None:
    contents = mono([[1, 2, 3]])
    assert tfio(contents, np.uint8).shape == (1, 1, 3, 1)
    assert tfio(contents, np.uint8, color_dim=True).shape == (1, 1, 3, 1)
    assert tfio(s.image(np.zeros((2, 3, 5, 3), np.uint8), photometric="RGB"), np.uint8).shape == (2, 3, 5, 3)


def test_bits_move_to_the_top() -> None:
    contents = mono([[0, 1], [1, 0]], allocated=1, bits_stored=1)
    assert flat(tfio(contents, np.uint8, scale="auto")) == [0, 128, 128, 0]
    assert flat(tfio(contents, np.uint16, scale="auto")) == [0, 32768, 32768, 0]
    assert flat(tfio(contents, np.uint64, scale="auto")) == [0, 1, 1, 0]
    assert flat(tfio(contents, np.float32, scale="auto")) == [0, 1, 1, 0]
    assert flat(tfio(contents, np.uint8)) == [0, 1, 1, 0]


def test_floats() -> None:
    contents = mono([[0, 1, 4095, 2000]], np.uint16, bits_stored=12)
    assert flat(tfio(contents, np.float64, scale="auto")) == [0, 1 / 4095, 1, 2000 / 4095]
    assert flat(tfio(contents, np.float32, scale="auto")) == flat(np.float32([0, 1, 4095, 2000]) / np.float32(4095))
    halves = np.float16(np.float32(np.float64([0, 1, 4095, 2000]) / 4095))
    assert flat(tfio(contents, np.float16, scale="auto")) == flat(halves)
    assert flat(tfio(contents, np.float16)) == [0, 1, 4096, 2000]
    high = mono([[65535, 65519]], np.uint16)
    assert flat(tfio(high, np.float16)) == [np.inf, 65504]


def test_depth_that_does_not_fit() -> None:
    contents = mono([[0, 300, 4095]], np.uint16, bits_stored=12)
    with pytest.raises(dd.UnsupportedError, match=r"pixelDepth \(bits\):12"):
        tfio(contents, np.uint8)
    assert tfio(contents, np.uint8, on_error="skip").shape == (0,)
    assert flat(tfio(contents, np.uint8, on_error="lossy")) == [0, 255, 255]
    assert flat(tfio(contents, np.uint8, on_error="lossy", scale="auto")) == [0, 18, 255]
    with pytest.raises(dd.UnsupportedError, match="pixelDepth"):  # bytes count, not what a float holds
        tfio(mono([[1]], np.uint32), np.float16)


@pytest.mark.parametrize("on_error", ["skip", "lossy"])
def test_no_image_is_empty(on_error: str) -> None:
    contents = s.image(np.zeros((2, 2, 3), np.uint8), photometric="YBR_RCT")
    found = tfio(contents, np.float32, on_error=on_error)
    assert found.shape == (0,) and found.dtype == np.float32
    with pytest.raises(dd.MalformedError):
        tfio(contents)


def test_arguments() -> None:
    contents = mono([[1]])
    with pytest.raises(ValueError, match="dtypes"):
        tfio(contents, np.int16, on_error="skip")
    with pytest.raises(ValueError, match="frames="):
        tfio(contents, frames=0)


# --- monochrome ------------------------------------------------------------------------------------------------------


def rescaled(pixels: Any, dtype: Any, slope: str, intercept: str, **options: Any) -> bytes:
    return mono(pixels, dtype, extra=[(INTERCEPT, "DS", intercept), (SLOPE, "DS", slope)], **options)


def test_ct_values_double() -> None:
    """12 bits and -1024: [-1024, 3071] needs 13 bits, and 4096 values are spread over 8192."""
    contents = rescaled([[0, 1, 1024, 4095]], np.uint16, "1", "-1024", bits_stored=12)
    assert flat(tfio(contents)) == [0, 2, 2048, 8190]


def test_signed_sixteen_bits_with_intercept_need_seventeen() -> None:
    contents = rescaled([[-32768, 0, 32767]], np.int16, "1", "-1024")
    assert tfio(contents, on_error="skip").shape == (0,)
    assert flat(tfio(contents, np.uint32)) == [0, 65536, 131070]


def test_signed_values_start_at_zero() -> None:
    assert flat(tfio(mono([[-128, -1, 0, 127]], np.int8), np.uint8)) == [0, 127, 128, 255]


def test_inexact_inversion() -> None:
    """255 -> 1 and 128 -> 128: the gradient is (2 - 2^8) / 2^8."""
    contents = mono([[0, 1, 128, 255]], photometric="MONOCHROME1")
    assert flat(tfio(contents, np.uint8)) == [255, 254, 128, 1]


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted"),
    [("MONOCHROME1", "INVERSE", True), ("MONOCHROME1", "IDENTITY", False), ("MONOCHROME2", "INVERSE", True)],
)
def test_inverted_once(photometric: str, shape: str, inverted: bool) -> None:
    contents = mono([[0, 255]], photometric=photometric, extra=[(SHAPE, "CS", shape)])
    assert flat(tfio(contents, np.uint8)) == ([255, 1] if inverted else [0, 255])


def test_fractional_range_depends_on_size() -> None:
    """-0.5 is rounded for a table, which only larger images get: 4 bits, range 16."""
    small = rescaled([[1, 2, 3, 4]], np.uint8, "1", "-0.5", bits_stored=4)
    # [-0.5, 14.5] needs 5 bits, the gradient is 2; t = trunc(v - 0.5) = 0, 1, 2, 3; trunc((t + 0.5) * 2)
    assert flat(tfio(small, np.uint8)) == [1, 3, 5, 7]
    large = rescaled(np.tile([1, 2, 3, 4], (4, 4)), np.uint8, "1", "-0.5", bits_stored=4)
    assert flat(tfio(large, np.uint8))[:4] == [0, 2, 4, 6]  # 64 pixels > 3 * 16


def test_slope_zero_and_lone_intercept_are_ignored() -> None:
    assert flat(tfio(rescaled([[0, 7]], np.uint8, "0", "-5"), np.uint8)) == [0, 7]
    assert flat(tfio(mono([[0, 7]], extra=[(INTERCEPT, "DS", "-5")]), np.uint8)) == [0, 7]


def test_angiography_is_not_rescaled() -> None:
    angio = raw_image(b"\0\1\2\3", (INTERCEPT, "DS", "-5"), (SLOPE, "DS", "1"))
    assert flat(tfio(angio, np.uint16)) != [0, 1, 2, 3]
    angio = raw_image(
        b"\0\1\2\3",
        (0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.12.1"),
        (INTERCEPT, "DS", "-5"),
        (SLOPE, "DS", "1"),
    )
    assert flat(tfio(angio, np.uint8)) == [0, 1, 2, 3]


def test_shared_functional_groups_are_used() -> None:
    item = [(INTERCEPT, "DS", "-128"), (SLOPE, "DS", "1")]
    contents = raw_image(b"\0\1\2\3", (0x52009229, "SQ", [[(0x00289145, "SQ", [item])]]))
    assert flat(tfio(contents, np.uint8)) == [0, 1, 2, 3]  # [-128, 127]: 8 bits again
    wide = raw_image(b"\0\1\2\3", (0x52009229, "SQ", [[(0x00289145, "SQ", [[*item[1:], (INTERCEPT, "DS", "-1")]])]]))
    assert flat(tfio(wide)) == [0, 2, 4, 6]


def lut(vr: str = "US", descriptor: tuple[int, int, int] = (4, 0, 16), entries: Any = (10, 20, 30, 1000)) -> s.Element:
    data = np.array(entries, np.uint16)
    return (0x00283000, "SQ", [[(0x00283002, "US", list(descriptor)), (0x00283006, vr, data)]])


def test_modality_lut_beats_slope() -> None:
    slope = [(INTERCEPT, "DS", "5"), (SLOPE, "DS", "3")]
    assert flat(tfio(raw_image(b"\0\1\2\xff", *slope, lut()))) == [10, 20, 30, 1000]
    assert flat(tfio(raw_image(b"\0\1\2\xff", lut(descriptor=(4, 0, 8))), np.uint8)) == [10, 20, 30, 1000 & 255]
    assert flat(tfio(raw_image(b"\0\1\2\xff", lut("OB")), np.uint8)) == [0, 1, 2, 255]  # an OB table is none
    packed = lut(entries=(0x0201, 0x0403))  # half as many words: two entries in each
    assert flat(tfio(raw_image(b"\0\1\2\3", packed))) == [1, 2, 3, 4]


def test_window_and_padding_are_not_applied() -> None:
    window = [(0x00280120, "US", [7]), (0x00281050, "DS", "2"), (0x00281051, "DS", "1")]
    assert flat(tfio(mono([[0, 7, 255]], extra=window), np.uint8)) == [0, 7, 255]


# --- stored values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("allocated", [7, 10, 12, 20, 24])
def test_odd_cells(allocated: int) -> None:
    pixels = RNG.integers(0, 1 << allocated, 4)
    value = s.pack_bits(pixels.astype(np.uint32), allocated)
    assert flat(tfio(raw_image(value, allocated=allocated), np.uint32)) == pixels.tolist()


def test_high_bit() -> None:
    value = struct.pack("<4H", 0xF12F, 0x0010, 0xFFFF, 0x8000)
    assert flat(tfio(raw_image(value, allocated=16, stored=8, high_bit=11), np.uint8)) == [0x12, 1, 255, 0]


@pytest.mark.parametrize("signed", [0, 1])
@pytest.mark.parametrize("high_bit", [16, 17, 19, 31])
def test_high_bit_outside_of_the_cell(high_bit: int, signed: int) -> None:
    """It says nothing where all bits are stored; else what bits there are end with the cell."""
    cells = [0xF12F, 0x0010, 0xFFFF, 0x8000]
    value = struct.pack("<4H", *cells)
    lowest = 0x8000 * signed
    whole = raw_image(value, allocated=16, stored=16, high_bit=high_bit, signed=signed)
    assert flat(tfio(whole, np.uint32)) == [cell ^ lowest for cell in cells]
    for stored in (12, 8):
        shift, lowest = high_bit + 1 - stored, signed << (stored - 1)
        part = raw_image(value, allocated=16, stored=stored, high_bit=high_bit, signed=signed)
        want = [(cell >> shift & (1 << stored) - 1) ^ lowest for cell in cells]
        assert flat(tfio(part, np.uint32)) == want


def test_high_bit_outside_of_other_cells() -> None:
    """What follows is that of the next samples, as far as the word goes that is read: a byte of OB, else two."""
    pixels = {1: [1, 0, 1, 1], 4: [15, 8, 11, 0], 8: [255, 128, 100, 37], 12: [4095, 2048, 1286, 176]}
    pixels |= {16: [65535, 32768, 16604, 5956], 32: [(1 << 32) - 1, 1 << 31, 193854638, 175495284]}
    for allocated, vr in itertools.product(pixels, ("OB", "OW")):
        if allocated == 32 and vr == "OB":
            continue
        stream = sum(pixel << (allocated * i) for i, pixel in enumerate(pixels[allocated]))
        size = (4 * allocated + 15) // 16 * 2
        for stored, beyond in itertools.product({allocated, (allocated + 1) // 2}, (0, 1, 3)):
            raw = raw_image(
                stream.to_bytes(size, "little"), allocated=allocated, stored=stored, high_bit=allocated + beyond, vr=vr
            )
            word = 8 if vr == "OB" else 16
            shift = 0 if stored == allocated and allocated >= 8 and allocated != 12 else allocated + beyond + 1 - stored
            want = []
            for i in range(4):
                start = allocated * i
                end = start + allocated if allocated == word else 8 * size
                if word % allocated == 0:
                    end = start - start % word + word
                want.append((stream & (1 << end) - 1) >> start >> shift & (1 << stored) - 1)
            assert flat(tfio(raw, np.uint32)) == want, (allocated, vr, stored, beyond)


def test_missing_and_surplus_pixels() -> None:
    assert flat(tfio(raw_image(b"\5\6"), np.uint8)) == [5, 6, 0, 0]
    assert flat(tfio(raw_image(b"\5\6", signed=1), np.uint8)) == [133, 134, 128, 128]
    assert flat(tfio(raw_image(b"\5\6\7\10\11\12"), np.uint8)) == [5, 6, 7, 8]
    assert tfio(raw_image(b"\5\6\7\10", frames=2), np.uint8).shape == (2, 1, 4, 1)
    with pytest.raises(dd.UnsupportedError, match="undefined"):  # they would lie below the smallest value
        tfio(raw_image(b"\5\6", (INTERCEPT, "DS", "100"), (SLOPE, "DS", "1")))


def test_big_endian_words() -> None:
    words = raw_image(b"\1\2\3\4", allocated=16, columns=2, syntax=s.EXPLICIT_BE)
    assert flat(tfio(words)) == [0x0102, 0x0304]
    # Words of 32-bit pixels are swapped each by itself.
    assert flat(tfio(raw_image(b"\1\2\3\4", allocated=32, columns=1, syntax=s.EXPLICIT_BE), np.uint32)) == [0x03040102]
    assert flat(tfio(raw_image(b"\1\2\3\4", vr="OB", syntax=s.EXPLICIT_BE), np.uint8)) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "contents",
    [
        raw_image(b"\0" * 4, photometric="YBR_ICT"),
        raw_image(b"\0" * 4, rows=0),
        raw_image(b"\0" * 4, stored=9),
        raw_image(b"\0" * 4, high_bit=5),
        raw_image(b"\0" * 4, vr="UN"),
        raw_image(b"\0" * 16, vr="OB", allocated=32),
        raw_image(b""),
        raw_image(b"\0" * 8, photometric="PALETTE COLOR"),
        raw_image(b"\0" * 8, photometric="YBR_FULL_422", samples=3, planar=1),
        s.dataset([(0x00280010, "US", [1])]),
        s.dataset([(0x00280010, "UL", [1])], syntax=s.EXPLICIT_LE, encoding=s.IMPLICIT),
        b"no DICOM at all" * 20,
    ],
)
def test_refused(contents: bytes) -> None:
    with pytest.raises(dd.DicomError):
        tfio(contents, np.uint32)
    assert tfio(contents, np.uint32, on_error="lossy").shape == (0,)


def test_hostile_size_is_refused_before_memory_is_asked_for() -> None:
    with pytest.raises(dd.TruncatedError):
        tfio(raw_image(b"\0" * 4, rows=30000, columns=30000, frames=10))
    with pytest.raises(dd.LimitError):
        tfio(raw_image(b"\0" * 4, rows=60000, columns=60000))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"1", 1.0),
        (b" -1024 ", -1024.0),
        (b".5", 0.5),
        (b"1.", 1.0),
        (b"1e2", 100.0),
        (b"1e", 1.0),
        (b"-2.5E-1x", -0.25),
        (b"0000000000000000001", 0.0),  # 18 digits count, zeros in front too; the power of ten still holds
        (b"", None),
        (b"abc", None),
        (b"1e999", float("inf")),
    ],
)
def test_decimal(text: bytes, value: float | None) -> None:
    assert decimal(text) == value


# --- overlays --------------------------------------------------------------------------------------------------------


def overlay(kind: str = "G", origin: tuple[int, ...] = (1, 1), data: bytes = b"\x05\0", **more: int) -> list[s.Element]:
    found: list[s.Element] = [(0x60000010, "US", [1]), (0x60000011, "US", [4])]
    found += [(0x60000015, "IS", str(more["frames"]))] if "frames" in more else []
    found += [(0x60000040, "CS", kind), (0x60000050, "SS", list(origin))]
    return [*found, (0x60000100, "US", [1]), (0x60000102, "US", [0]), (0x60003000, "OW", data)]


def test_overlays_are_burned_in_at_the_maximum_of_the_type() -> None:
    assert flat(tfio(raw_image(b"\1\2\3\4", *overlay()), np.uint8)) == [255, 2, 255, 4]
    twelve = raw_image(struct.pack("<4H", 1, 2, 3, 4), *overlay(), allocated=16, stored=12)
    assert flat(tfio(twelve)) == [65535, 2, 65535, 4]
    assert flat(tfio(twelve, np.float32, scale="auto"))[0] == float(np.float32(65535) / np.float32(4095))
    moved = raw_image(b"\1\2\3\4", *overlay(origin=(1, 2)))
    assert flat(tfio(moved, np.uint8)) == [1, 255, 3, 255]


def test_overlay_touches_frame_0_only() -> None:
    contents = raw_image(bytes(range(8)), *overlay(), frames=2)
    assert flat(tfio(contents, np.uint8)) == [255, 1, 255, 3, 4, 5, 6, 7]
    both = raw_image(bytes(range(8)), *overlay(data=b"\x15\0", frames=2), frames=2)
    assert flat(tfio(both, np.uint8)) == [255, 1, 255, 3, 255, 5, 6, 7]


def test_region_of_interest_darkens_the_rest() -> None:
    assert flat(tfio(raw_image(b"\x10\x20\x30\x40", *overlay("R")), np.uint8)) == [0x10, 2, 0x30, 4]


def test_embedded_overlay() -> None:
    planes = [e for e in overlay() if e[0] != 0x60003000]
    planes = [(t, vr, [12]) if t == 0x60000102 else (t, vr, v) for t, vr, v in planes]  # type: ignore[misc]
    value = struct.pack("<4H", 0x1001, 2, 0x1003, 4)
    assert flat(tfio(raw_image(value, *planes, allocated=16, stored=12))) == [65535, 2, 65535, 4]


def test_overlays_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    data = RNG.bytes(64)
    pixels = RNG.integers(0, 4096, 16 * 20, np.uint16).tobytes()
    for extra in ([(0x60003000, "OW", data)], []):
        found: list[s.Element] = [(0x60000010, "US", [16]), (0x60000011, "US", [20]), (0x60000050, "SS", [2, -3])]
        found += [(0x60000100, "US", [1]), (0x60000102, "US", [13]), *extra]
        contents = raw_image(pixels, *found, allocated=16, stored=12, rows=16, columns=20)
        whole = flat(tfio(contents))
        assert 65535 in whole or not extra
        with monkeypatch.context() as patched:
            patched.setattr("dicomdecode.tfio_compat.image._OVERLAY_AT_ONCE", 45)
            assert flat(tfio(contents)) == whole


# --- colour ----------------------------------------------------------------------------------------------------------


def color(value: bytes, photometric: str, **options: Any) -> list[Any]:
    options = {"samples": 3, "columns": len(value) // options.get("samples", 3), **options}
    return flat(tfio(raw_image(value, photometric=photometric, **options), np.uint8))


def test_rgb_is_copied() -> None:
    assert color(bytes(range(6)), "RGB") == [0, 1, 2, 3, 4, 5]
    assert color(bytes(range(6)), "RGB", planar=1) == [0, 2, 4, 1, 3, 5]
    assert color(b"\x80\x00\x7f", "RGB", signed=1) == [0, 128, 255]
    assert color(b"\1\2\3\4\5\6", "RGB", columns=3) == [1, 2, 3, 4, 5, 6, 0, 0, 0]
    assert color(b"\1\2\3\4\5\6", "RGB", columns=3, planar=1) == [1, 3, 5, 2, 4, 6, 0, 0, 0]


def test_ybr_full_truncates_each_term() -> None:
    y, cb, cr = 100, 90, 200
    want = [
        y + int(1.4020 * cr - 0.7010 * 255),
        y - int(0.3441 * cb) - int(0.7141 * cr - 0.5291 * 255),
        y + int(1.7720 * cb - 0.8859 * 255),
    ]
    assert color(bytes([y, cb, cr]), "YBR_FULL") == want


def test_half_chroma() -> None:
    y0, y1, cb, cr = 100, 120, 90, 200
    want = []
    for y in (y0, y1):
        want += [
            int(y + 1.4020 * cr - 0.7010 * 255),
            int(y - 0.3441 * cb - 0.7141 * cr + 0.5291 * 255),
            int(y + 1.7720 * cb - 0.8859 * 255),
        ]
    assert color(bytes([y0, y1, cb, cr]), "YBR_FULL_422", columns=2) == want
    partial = [int(max(0, min(255, 1.1631 * y + 1.5969 * cr - 0.8713 * 255))) for y in (y0, y1)]
    assert color(bytes([y0, y1, cb, cr]), "YBR_PARTIAL_422", columns=2)[::3] == partial
    with pytest.raises(dd.UnsupportedError, match="odd number"):
        color(b"\0" * 6, "YBR_FULL_422", columns=3)


def test_hsv_and_cmyk() -> None:
    assert color(bytes([10, 0, 77]), "HSV") == [77, 77, 77]
    assert color(bytes([0, 255, 200]), "HSV") == [200, 0, 0]
    assert color(bytes([10, 20, 30, 40]), "CMYK", samples=4) == [205, 195, 185]
    assert color(bytes([200, 20, 30, 100]), "CMYK", samples=4) == [(255 - 200 - 100) % 256, 135, 125]


def palette(bits: int, *entries: int, vr: str = "OW") -> list[s.Element]:
    found: list[s.Element] = []
    for i in range(3):
        table = np.array(entries, np.uint16) + np.uint16(i)
        found += [(0x00281101 + i, "US", [len(entries), 0, bits]), (0x00281201 + i, vr, table)]
    return found


def test_palette_of_eight_bits_keeps_the_low_bytes() -> None:
    tables = palette(8, 0x1102, 0x2204, 0x3306)
    contents = raw_image(b"\0\1\2\3", *tables, photometric="PALETTE COLOR")
    assert flat(tfio(contents, np.uint8)) == [2, 3, 4, 4, 5, 6, 6, 7, 8, 6, 7, 8]
    sixteen = raw_image(b"\0\1\2\3", *palette(16, 0x1102, 0x2204, 0x3306), photometric="PALETTE COLOR")
    assert flat(tfio(sixteen))[:3] == [0x1102, 0x1103, 0x1104]
    assert tfio(sixteen, np.uint8, on_error="skip").shape == (0,)
    with pytest.raises(dd.MalformedError):
        tfio(raw_image(b"\0\1\2\3", *palette(8, 1, 2, vr="OB"), photometric="PALETTE COLOR"))


def test_argb() -> None:
    contents = raw_image(bytes([0, 7, 8, 9, 1, 7, 8, 9]), *palette(8, 50, 60), photometric="ARGB", samples=4, columns=2)
    assert flat(tfio(contents, np.uint8)) == [7, 8, 9, 60, 61, 62]
