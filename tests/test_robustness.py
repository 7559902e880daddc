"""Damaged files: an array or a DicomError and nothing else, in silence; and what pydicom decodes is decoded."""

import contextlib
import io
import warnings
from collections import Counter
from collections.abc import Callable

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array

import dicomdecode as dd
from tests import synthesise as s
from tests.reference_images import OWN, of_syntax, read

# Small enough that a damaged header cannot make a test slow or large.
LIMITS = dd.Limits(
    pixels_per_frame=1 << 22, frames=1 << 12, output_bytes=1 << 26, elements=1 << 16, header_bytes=1 << 24
)
RNG = np.random.default_rng(0)
TAGS = [
    "PatientName",
    "Rows",
    0x00281050,
    "[0008,1140][0][0008,1155]",
    0x00020010,
    0x7FE00010,
    0xFFFCFFFC,
    "[5400,0100][0][003A,0200][0][003A,0203]",
]


def overlays() -> list[s.Element]:
    """One with its data, one in bit 15; a supplemental palette; regions, and functional groups with a spacing."""
    bits = np.packbits(RNG.random((7, 9)) < 0.4, bitorder="little").tobytes()
    found: list[s.Element] = []
    for base, position, data in ((0x60000000, 0, bits), (0x60020000, 15, b"")):
        found += [(base | 0x10, "US", 7), (base | 0x11, "US", 9), (base | 0x50, "SS", [1, -1])]
        found += [(base | 0x102, "US", position)] + ([(base | 0x3000, "OW", data)] if data else [])
    found += s.lookup_tables([RNG.integers(0, 65536, 20, np.uint16)] * 3, first=4000)
    found.append((0x00186011, "SQ", [[(0x00186012, "US", 1), (0x0018602C, "FD", 0.1)]]))
    found.append((0x52009229, "SQ", [[(0x00289110, "SQ", [[(0x00280030, "DS", ["1", "2"])]])]]))
    return found


def synthesised() -> dict[str, bytes]:
    pixels = RNG.integers(0, 4096, (2, 7, 9), np.uint16)
    colour = RNG.integers(0, 256, (6, 8, 3), np.uint8)
    nest: list[s.Element] = [
        (0x00080005, "CS", "ISO 2022 IR 6\\ISO 2022 IR 87"),
        (0x00081140, "SQ", [[(0x00081155, "UI", "1.2.3"), (0x00081199, "SQ", [[(0x00081155, "UI", "1")]])], []]),
        (0x00100010, "PN", b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B"),
        (0x00281050, "DS", "40\\300"),
        (0x00281051, "DS", "400\\1500"),
        (0x00281052, "DS", "-1024"),
        (0x00281053, "DS", "1.5"),
    ]
    undefined = s.Encoding(True, False, True, True)
    lut = s.lookup_tables([RNG.integers(0, 65536, 50, np.uint16) for _ in range(3)], segmented=True)
    found = {
        "nested": s.image(pixels, bits_stored=12, extra=nest),
        "undefined": s.image(pixels, bits_stored=12, extra=nest, encoding=undefined),
        "implicit": s.image(pixels, syntax=s.IMPLICIT_LE, extra=nest),
        "big endian": s.image(pixels, syntax=s.EXPLICIT_BE, extra=nest),
        "deflated": s.image(pixels, syntax=s.DEFLATED, extra=nest),
        "RLE": s.image(pixels, syntax=s.RLE, table="full", fragments=3, extra=nest),
        "extended": s.image(pixels, syntax=s.ENCAPSULATED_UNCOMPRESSED, table="extended"),
        "deflated frame": s.image(pixels, syntax=s.DEFLATED_FRAME),
        "one bit": s.image(pixels & 1, allocated=1, syntax=s.EXPLICIT_LE),
        "twelve": s.image(pixels, allocated=12),
        "half chroma": s.image(colour, photometric="YBR_FULL_422"),
        "planes": s.image(colour, photometric="YBR_FULL", planar=1),
        "palette": s.image(colour[..., 0], photometric="PALETTE COLOR", extra=lut),
        "overlays": s.image(pixels, bits_stored=12, extra=overlays()),
        "float": s.image(RNG.normal(size=(5, 7)).astype(np.float32)),
    }
    return found


REAL = [
    "CT_small.dcm", "MR_small_bigendian.dcm", "MR_small_RLE.dcm", "SC_rgb_rle_2frame.dcm", "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm", "image_dfl.dcm", "rtdose_1frame.dcm", "rtdose_rle_1frame.dcm", "rtplan.dcm",
    "rtstruct.dcm", "reportsi.dcm", "UN_sequence.dcm", "nested_priv_SQ.dcm", "no_meta_group_length.dcm",
    "ExplVR_LitEndNoMeta.dcm", "ExplVR_BigEndNoMeta.dcm", "meta_missing_tsyntax.dcm", "test-SR.dcm", "badVR.dcm",
    "JPEGLSNearLossless_08.dcm", "JPEG2000.dcm", "SC_rgb_small_odd_jpeg.dcm", "SC_rgb_jpeg_dcmtk.dcm",
    "MR_truncated.dcm",
]  # fmt: skip
FILES = synthesised() | {name: read(name) for name in REAL}


def outcome(contents: bytes) -> str:
    """Everything a user does with a file; the name of the error, or "array"."""
    result = "array"
    try:
        found = dd.imread(contents, values="stored", limits=LIMITS)
        assert isinstance(found, np.ndarray) and found.ndim >= 2
    except dd.DicomError as error:
        assert error.code and str(error)
        result = type(error).__name__
    try:
        image = dd.open(contents, limits=LIMITS)
    except dd.DicomError:
        assert result != "array"
    else:
        for tag in TAGS:
            try:
                image.tag(tag)
            except dd.DicomError as error:
                assert error.code
        assert isinstance(image.issues, tuple) and repr(image)
        _ = image.rows, image.columns, image.frames, image.samples, image.photometric, image.spacing, image.window
        for overlay in image.overlays:
            with contextlib.suppress(dd.DicomError):
                assert overlay.array.dtype == np.bool_
    for level in ("modality", "display"):
        with contextlib.suppress(dd.DicomError):
            dd.imread(contents, values=level, color="stored", limits=LIMITS, frames=0)
    with contextlib.suppress(dd.DicomError):
        dd.imread(contents, values="display", color="palette", overlays=True, limits=LIMITS, frames=0)
    texts = dd.decode_dicom_data(contents, TAGS, limits=LIMITS)
    assert all(isinstance(text, str) for text in texts)
    return result


@pytest.mark.parametrize("name", FILES)
def test_prefixes(name: str, silent: Callable[[], None]) -> None:
    """A file cut anywhere: at every byte of a short header, else at places all over the file."""
    whole = FILES[name]
    rng = np.random.default_rng(len(whole))
    cuts = {*range(0, min(len(whole), 140), 7), *range(len(whole) - 20, len(whole))}
    cuts |= set(rng.integers(0, len(whole), 150).tolist())
    assert outcome(whole) in ("array", "MalformedError", "UnsupportedError", "TruncatedError")
    for cut in sorted(cuts):
        outcome(whole[:cut])


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_flipped_bits(name: str, silent: Callable[[], None]) -> None:
    """One to eight bits, most of them in the header."""
    whole = FILES[name]
    usual = outcome(whole)
    rng = np.random.default_rng(len(whole) + 1)
    found: Counter[str] = Counter()
    front = 132 if whole[128:132] == b"DICM" else 0
    for i in range(200):
        damaged = bytearray(whole)
        last = len(whole) if i % 4 == 0 else min(len(whole), front + 2500)
        for _ in range(int(rng.integers(1, 9))):
            damaged[int(rng.integers(front, last))] ^= 1 << int(rng.integers(0, 8))
        found[outcome(bytes(damaged))] += 1
    # Most bits of a header and of pixels are values, not lengths: much of the damage is survived, and some is told.
    assert found[usual] >= 20, found
    assert set(found) - {"array"} and sum(found.values()) - found["array"] >= 20, found


@pytest.mark.parametrize("name", ["nested", "undefined", "RLE", "extended", "palette", "CT_small.dcm", "rtplan.dcm"])
def test_replaced_numbers(name: str, silent: Callable[[], None]) -> None:
    """Lengths, offsets and counts: words replaced by the numbers that break arithmetic."""
    whole = FILES[name]
    rng = np.random.default_rng(5)
    numbers = [
        0,
        1,
        0x7FFFFFFF,
        0x80000000,
        0xFFFFFFFE,
        0xFFFFFFFF,
        0xFFFFFFF0,
        len(whole),
        len(whole) - 8,
        0xFFFF,
        0x8000,
    ]
    for _ in range(400):
        damaged = bytearray(whole)
        at = int(rng.integers(132, min(len(whole) - 4, 3000)))
        size = int(rng.choice([2, 4]))
        damaged[at : at + size] = int(rng.choice(numbers)).to_bytes(8, "little")[:size]
        outcome(bytes(damaged))


def test_spliced_files(silent: Callable[[], None]) -> None:
    """The front of one file and the end of another."""
    rng = np.random.default_rng(6)
    names = list(FILES)
    for _ in range(300):
        a, b = FILES[str(rng.choice(names))], FILES[str(rng.choice(names))]
        outcome(a[: int(rng.integers(0, min(len(a), 5000)))] + b[int(rng.integers(0, len(b))) :][:20_000])


def test_noise(silent: Callable[[], None]) -> None:
    rng = np.random.default_rng(7)
    front = s.dataset([])
    for i in range(300):
        noise = rng.integers(0, 256, int(rng.integers(0, 400)), np.uint8).tobytes()
        for contents in (noise, front + noise, b"\0" * 128 + b"DICM" + noise):
            outcome(contents)
        text = s.elements([(int(rng.integers(0, 1 << 32)), "SQ", [[]]) for _ in range(i % 20)])
        outcome(front + text + noise)


#: A header of these is judged as pydicom's; what pydicom takes for an image is one.
JUDGED = [image.name for image in of_syntax(*OWN) if len(image.contents) < 50_000]


LENGTHS_THAT_LEAD_NOWHERE = (
    "element_cut",
    "item_expected",
    "item_length",
    "frames_missing",
    "fragment_cut",
    "not_encapsulated",
)


@pytest.mark.slow
@pytest.mark.parametrize("name", JUDGED)
def test_what_pydicom_decodes_is_decoded(name: str) -> None:
    """Of files with one damaged byte: those that pydicom still decodes decode here, to the same samples."""
    whole = read(name)
    rng = np.random.default_rng(8)
    decoded = 0
    refused = []
    for _ in range(120):
        damaged = bytearray(whole)
        at = int(rng.integers(132, min(len(whole), 2500)))
        damaged[at] ^= 1 << int(rng.integers(0, 8))
        contents = bytes(damaged)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                dataset = pydicom.dcmread(io.BytesIO(contents))
                want = np.asarray(pixel_array(dataset, raw=True))
                usual = dataset.BitsAllocated == dataset.BitsStored == dataset.HighBit + 1
            except Exception:
                continue
        decoded += 1
        try:
            found = dd.imread(contents, values="stored", color="stored")
        except dd.DicomError as error:
            refused.append((hex(at), contents[at], error.code))
            continue
        assert found.size == want.size, hex(at)
        if usual:
            np.testing.assert_array_equal(found.reshape(want.shape), want, err_msg=hex(at))
    assert decoded > 40
    # pydicom goes on behind items and fragments whose lengths lead nowhere; a few of those may be refused.
    assert not [r for r in refused if r[2] not in LENGTHS_THAT_LEAD_NOWHERE]
    assert len(refused) <= 0.08 * decoded, refused
