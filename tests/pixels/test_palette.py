"""PALETTE COLOR: look-up against plain NumPy (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6, C.7.9)."""

import numpy as np
import pytest
from pydicom.pixels import apply_color_lut

import dicomdecode as dd
from tests import synthesise as s
from tests.reference_images import read

RNG = np.random.default_rng(0)


def looked_up(pixels: np.ndarray, tables: list[np.ndarray], first: int = 0) -> np.ndarray:
    index = np.clip(pixels.astype(np.int64) - first, 0, len(tables[0]) - 1)
    return np.stack([t[index] for t in tables], -1)


def tables_of(entries: int, bits: int) -> list[np.ndarray]:
    found = [RNG.integers(0, 1 << bits, entries, np.uint16 if bits > 8 else np.uint8) for _ in range(3)]
    if bits > 8:
        found[0][0] = 0x1234  # neither 8 bits nor equal bytes: 16 bits they stay
    return found


def contents_of(pixels: np.ndarray, tables: list[np.ndarray], **options: object) -> bytes:
    layout = {k: options.pop(k) for k in ("syntax", "bits_stored") if k in options}
    lut = s.lookup_tables(tables, **options)
    return s.image(pixels, photometric="PALETTE COLOR", extra=lut, **layout)


def check(contents: bytes, want: np.ndarray, dtype: type = np.uint8) -> None:
    found = dd.imread(contents, values="stored")
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.IMPLICIT_LE, s.EXPLICIT_BE, s.RLE, s.DEFLATED_FRAME])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_sixteen_bit_entries(syntax: str, dtype: type) -> None:
    tables = tables_of(200, 16)
    pixels = RNG.integers(0, 200, (3, 5, 7), dtype)
    contents = contents_of(pixels, tables, syntax=syntax)
    check(contents, looked_up(pixels, tables), np.uint16)
    np.testing.assert_array_equal(dd.imread(contents, values="stored", color="stored"), pixels)
    np.testing.assert_array_equal(dd.imread(contents, values="stored", frames=1), looked_up(pixels, tables)[1])


@pytest.mark.parametrize("packed", [False, True], ids=["one a word", "two a word"])
@pytest.mark.parametrize("entries", [256, 255, 16])
@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.IMPLICIT_LE])
def test_eight_bit_entries(packed: bool, entries: int, syntax: str) -> None:
    tables = tables_of(entries, 8)
    pixels = RNG.integers(0, entries, (5, 7), np.uint8)
    check(contents_of(pixels, tables, bits=8, packed=packed, syntax=syntax), looked_up(pixels, tables))


def test_tables_of_bytes() -> None:
    """OB has no byte order, in a big-endian data set neither."""
    pixels, tables = RNG.integers(0, 16, (5, 7), np.uint8), tables_of(16, 8)
    descriptors = [e for e in s.lookup_tables(tables, bits=8) if not isinstance(e, bytes) and e[1] == "US"]
    data = [(0x00281201 + i, "OB", table.tobytes()) for i, table in enumerate(tables)]
    for syntax in (s.EXPLICIT_LE, s.EXPLICIT_BE):
        contents = s.image(pixels, photometric="PALETTE COLOR", extra=[*descriptors, *data], syntax=syntax)
        check(contents, looked_up(pixels, tables))


def test_indices_of_more_than_sixteen_bits() -> None:
    contents = contents_of(RNG.integers(0, 200, (5, 7), np.uint32), tables_of(200, 16))
    with pytest.raises(dd.UnsupportedError) as caught:
        dd.imread(contents)
    assert caught.value.code == "palette_bits"
    assert dd.imread(contents, values="stored", color="stored").dtype == np.uint32


def test_depth_that_lies() -> None:
    """16 bits declared: corrected to 8 where entries fit in 8, or have two equal bytes; and the correction is said."""
    tables = tables_of(256, 8)
    pixels = RNG.integers(0, 256, (5, 7), np.uint8)
    want = looked_up(pixels, tables)
    for stored in ([t.astype(np.uint16) for t in tables], [t.astype(np.uint16) * 257 for t in tables]):
        contents = contents_of(pixels, stored, bits=16)
        check(contents, want)
        assert any("palette" in str(issue).lower() for issue in dd.open(contents).issues)
    high = [t.astype(np.uint16) << 8 for t in tables]  # only the high bytes: 16 bits
    check(contents_of(pixels, high, bits=16), looked_up(pixels, high), np.uint16)
    assert not dd.open(contents_of(pixels, tables, bits=8)).issues


@pytest.mark.parametrize("first", [0, 1, 50, 200])
def test_first_value(first: int) -> None:
    """Below the first value: the first entry; above the last: the last."""
    tables = tables_of(20, 16)
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    check(contents_of(pixels, tables, first=first), looked_up(pixels, tables, first), np.uint16)


def test_first_value_of_signed_pixels() -> None:
    tables = tables_of(100, 16)
    pixels = np.arange(-128, 128, dtype=np.int8).reshape(16, 16)
    contents = contents_of(pixels, tables, first=-50, descriptor_vr="SS")
    check(contents, looked_up(pixels, tables, -50), np.uint16)


def test_all_65536_entries() -> None:
    """0 in the descriptor means 65536."""
    tables = tables_of(65536, 16)
    pixels = RNG.integers(0, 65536, (50, 70), np.uint16)
    pixels.flat[:2] = [0, 65535]
    check(contents_of(pixels, tables), looked_up(pixels, tables), np.uint16)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE])
def test_segmented(syntax: str) -> None:
    table = np.array([*range(1000, 60000, 1000), 5, 9, 7, 7, 7, 7, 7, 1] * 2, np.uint16)
    tables = [table, table[::-1].copy(), np.roll(table, 5)]
    pixels = RNG.integers(0, len(table), (20, 20), np.uint8)
    contents = contents_of(pixels, tables, segmented=True, syntax=syntax)
    check(contents, looked_up(pixels, tables), np.uint16)


def test_segments_are_rounded_as_by_pydicom() -> None:
    """A linear segment whose step is no whole number."""
    import io

    import pydicom

    words = np.array([0, 2, 10, 20, 1, 7, 1000, 1, 5, 3], np.uint16)
    lut: list[s.Element] = [(0x00281101 + i, "US", [14, 0, 16]) for i in range(3)]
    lut += [(0x00281221 + i, "OW", words) for i in range(3)]
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4) % 14
    contents = s.image(pixels, photometric="PALETTE COLOR", extra=lut)
    want = apply_color_lut(pixels, pydicom.dcmread(io.BytesIO(contents)))
    found = dd.imread(contents, values="stored")
    assert np.abs(found.astype(int) - want).max() <= 1


@pytest.mark.filterwarnings("ignore")
def test_pydicoms_palette_image() -> None:
    import io

    import pydicom

    contents = read("examples_palette.dcm")
    dataset = pydicom.dcmread(io.BytesIO(contents))
    want = apply_color_lut(dataset.pixel_array, dataset)
    found = dd.imread(contents, values="stored")
    shift = 8 * (want.dtype.itemsize - found.dtype.itemsize)
    np.testing.assert_array_equal(found, want >> shift)


def test_supplemental_palette() -> None:
    """A MONOCHROME2 image with a palette is monochrome unless the palette is asked for."""
    tables = tables_of(10, 16)
    pixels = RNG.integers(0, 200, (5, 7), np.uint8)
    contents = s.image(pixels, extra=s.lookup_tables(tables, first=100))
    for color in ("rgb", "stored"):
        np.testing.assert_array_equal(dd.imread(contents, values="stored", color=color), pixels)
    found = dd.imread(contents, values="stored", color="palette")
    assert found.shape == (5, 7, 3)
    inside = pixels >= 100
    np.testing.assert_array_equal(found[inside], looked_up(pixels, tables, 100)[inside])


def test_decode_dicom_image() -> None:
    """The possible range is that of the entries."""
    tables = tables_of(256, 8)
    pixels = RNG.integers(0, 256, (5, 7), np.uint8)
    contents = contents_of(pixels, tables, bits=8)
    want = looked_up(pixels, tables)
    np.testing.assert_array_equal(dd.decode_dicom_image(contents, dtype=np.uint8, on_error="strict"), want)
    found = dd.decode_dicom_image(contents, dtype=np.uint16, scale="auto", on_error="strict")
    np.testing.assert_array_equal(found, want.astype(np.uint16) * 257)
    indices = dd.decode_dicom_image(contents, dtype=np.uint8, color="stored", on_error="strict")
    np.testing.assert_array_equal(indices, pixels)


def test_broken_palettes() -> None:
    """A DicomError, or the tolerant reading where every reader tolerates it; never a crash."""
    pixels = RNG.integers(0, 256, (5, 7), np.uint8)
    good = s.lookup_tables(tables_of(256, 16))
    for i in range(6):
        with pytest.raises(dd.DicomError):
            dd.imread(s.image(pixels, photometric="PALETTE COLOR", extra=good[:i] + good[i + 1 :]))
    rng = np.random.default_rng(1)
    for _ in range(300):
        lut: list[s.Element] = [(0x00281101 + i, "US", rng.integers(0, 65536, 3).tolist()) for i in range(3)]
        words = rng.integers(0, 6, int(rng.integers(0, 40)), np.uint16)
        lut += [((0x00281221 if rng.random() < 0.7 else 0x00281201) + i, "OW", words) for i in range(3)]
        if rng.random() < 0.5:
            lut[1:3] = [(t, "US", lut[0][2]) for t in (0x00281102, 0x00281103)]
        try:
            found = dd.imread(s.image(pixels, photometric="PALETTE COLOR", extra=lut), values="stored")
        except dd.DicomError:
            continue
        assert found.shape == (5, 7, 3)


def test_a_segment_bomb() -> None:
    """Indirect segments that repeat each other are bounded by the descriptor."""
    words = np.array([0, 1, 7, *[1, 65535, 9] * 2000, *[2, 2001, 0, 0] * 5000], np.uint16)
    lut: list[s.Element] = [(0x00281101 + i, "US", [256, 0, 16]) for i in range(3)]
    lut += [(0x00281221 + i, "OW", words) for i in range(3)]
    contents = s.image(np.zeros((2, 2), np.uint8), photometric="PALETTE COLOR", extra=lut)
    assert dd.decode_dicom_image(contents).ndim in (1, 3)


def with_descriptors(tables: list[np.ndarray], descriptors: list[list[int]], vr: str = "US") -> list[s.Element]:
    lut: list[s.Element] = [(0x00281101 + i, vr, descriptor) for i, descriptor in enumerate(descriptors)]
    return lut + [(0x00281201 + i, "OW", table) for i, table in enumerate(tables)]


@pytest.mark.parametrize("entries", [1, 3, 130, 199])
@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE, s.RLE])
def test_fewer_entries_than_declared(entries: int, syntax: str) -> None:
    """Of 16 bits: words, and the last one for those that are missing."""
    tables = [t[:entries] for t in tables_of(200, 16)]
    pixels = RNG.integers(0, 256, (5, 7), np.uint8)
    lut = with_descriptors(tables, [[200, 0, 16]] * 3)
    contents = s.image(pixels, photometric="PALETTE COLOR", extra=lut, syntax=syntax)
    check(contents, looked_up(pixels, tables), np.uint16)
    assert "palette_short" in [issue.code for issue in dd.open(contents).issues]


def test_descriptors_that_differ() -> None:
    """Each table is used as its own descriptor says."""
    tables = [t[:n] for t, n in zip(tables_of(200, 16), (200, 150, 90), strict=True)]
    for signed, firsts in ((False, [0, 3, 60]), (True, [-100, -3, 5])):
        pixels = np.arange(256, dtype=np.uint8).reshape(16, 16).view(np.int8 if signed else np.uint8)
        descriptors = [[len(t), first, 16] for t, first in zip(tables, firsts, strict=True)]
        contents = s.image(
            pixels, photometric="PALETTE COLOR", extra=with_descriptors(tables, descriptors, "SS" if signed else "US")
        )
        want = np.stack([looked_up(pixels, [t], f)[..., 0] for t, f in zip(tables, firsts, strict=True)], -1)
        check(contents, want, np.uint16)
        assert [issue.code for issue in dd.open(contents).issues] == ["palette_channels"]


def test_depths_that_differ() -> None:
    """A table of 8 bits beside two of 16 reaches the same white."""
    deep, flat = tables_of(256, 16), tables_of(256, 8)[0]
    pixels = RNG.integers(0, 256, (5, 7), np.uint8)
    lut = with_descriptors([deep[0], flat.astype(np.uint16), deep[2]], [[256, 0, 16], [256, 0, 8], [256, 0, 16]])
    want = looked_up(pixels, [deep[0], flat.astype(np.uint16) * 257, deep[2]])
    check(s.image(pixels, photometric="PALETTE COLOR", extra=lut), want, np.uint16)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE])
def test_eight_bits_declared_and_sixteen_used(syntax: str) -> None:
    tables = tables_of(200, 16)
    pixels = RNG.integers(0, 200, (5, 7), np.uint8)
    contents = contents_of(pixels, tables, bits=8, syntax=syntax)
    check(contents, looked_up(pixels, tables), np.uint16)
    assert [issue.code for issue in dd.open(contents).issues] == ["palette_depth"]


def test_eight_bit_entries_that_are_missing() -> None:
    tables = [t[:60] for t in tables_of(200, 8)]
    pixels = RNG.integers(0, 200, (5, 7), np.uint8)
    contents = s.image(pixels, photometric="PALETTE COLOR", extra=with_descriptors(tables, [[200, 0, 8]] * 3))
    check(contents, looked_up(pixels, tables))
