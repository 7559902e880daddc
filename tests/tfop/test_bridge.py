"""The decoding core without the GIL gives what the Python functions give, to the bit. No TensorFlow is needed."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.tfop import _bridge
from tests import synthesise as s
from tests.reference_images import JPEG_LOSSLESS, read, shipped
from tests.tfop import core

pytestmark = pytest.mark.usefixtures("quiet")

DTYPES = [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64]
DTYPES += [np.float32, np.float64, np.float16]
CT = "CT_small.dcm"
ROOT = Path(dd.__file__).parent.parent


def in_python(contents: bytes, **options: Any) -> Any:
    try:
        return dd.decode_dicom_image(contents, **options)
    except (ValueError, IndexError) as error:
        return str(error)


def assert_same(contents: bytes, **options: Any) -> str:
    """Both give one result. How it came: from the "core" alone, by a "plan" of Python, as an "image" from Python."""
    found: Any
    with core.watched() as asked:
        try:
            found = core.decode(contents, **options)
        except ValueError as error:
            found = str(error)
    expected = in_python(contents, **options)
    if isinstance(expected, str) or isinstance(found, str):
        assert found == expected, options
    else:
        assert (found.shape, found.dtype) == (expected.shape, expected.dtype), options
        assert found.tobytes() == expected.tobytes(), options
    return "image" if "image" in asked else "plan" if "plan" in asked else "core"


def ends(bits: int, signed: bool, shape: tuple[int, ...] = (3, 5)) -> np.ndarray:
    """Stored values at both ends of their range and around 0."""
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    values = np.array([low, high, 0, min(1, high), low // 2, high // 2, high // 3], np.int64)
    size = 8 if bits <= 8 else 16 if bits <= 16 else 32
    return np.resize(values, shape).astype(f"{'i' if signed else 'u'}{size // 8}")


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32])
def test_every_plan(bits: int, signed: bool) -> None:
    rescales: list[list[s.Element]] = [
        [],
        [(0x00281052, "DS", "-1024"), (0x00281053, "DS", "1")],
        [(0x00281052, "DS", "0.3"), (0x00281053, "DS", "-2.7")],
        [(0x00281053, "DS", "0")],
        [(0x00281053, "DS", "1e290")],
    ]
    direct = 0
    for high_bit, extra in itertools.product({bits - 1, 31 if bits > 16 else 15 if bits > 8 else 7}, rescales):
        contents = s.image(
            ends(bits, signed), bits_stored=bits, high_bit=high_bit, signed=signed, stray=bits, extra=extra
        )
        for values, scale, on_error in itertools.product(
            ("stored", "modality"), ("preserve", "auto"), ("strict", "lossy")
        ):
            for dtype in DTYPES:
                direct += assert_same(contents, dtype=dtype, values=values, scale=scale, on_error=on_error) == "core"
    assert direct > 200


@pytest.mark.slow
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [1, 2, 7, 8, 9, 12, 15, 16, 17])
def test_every_plan_of_tfio(bits: int, signed: bool) -> None:
    pair = (0x00281053, "DS", "1")
    extras: list[list[s.Element]] = [[], [pair], [(0x00281052, "DS", "-1024")]]
    extras += [[(0x00281052, "DS", i), pair] for i in ("-1024", "0", "-1", "1", "100.0", "-70000 ", "0.5", "1e3")]
    extras += [[(0x00281052, "DS", "-1024"), (0x00281053, "DS", slope)] for slope in ("2", "1.0", "0", "-1", " 1", "x")]
    extras += [
        [(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.12.1"), (0x00281052, "DS", "-1024"), pair],
        [(0x20500020, "CS", "INVERSE")],
        [(0x20500020, "CS", "IDENTITY")],
        [(0x60000050, "SS", [1, 1]), (0x60000010, "US", 2), (0x60000011, "US", 2), (0x60000100, "US", 1),
         (0x60000102, "US", 0), (0x60003000, "OW", b"\x0f\0")],
    ]  # fmt: skip
    direct = 0
    for high_bit, extra in itertools.product({bits - 1, 31 if bits > 16 else 15 if bits > 8 else 7}, extras):
        contents = s.image(
            ends(bits, signed, (2, 3, 5)), bits_stored=bits, high_bit=high_bit, signed=signed, stray=bits, extra=extra
        )
        for scale, on_error in itertools.product(("preserve", "auto"), ("strict", "lossy")):
            for dtype in DTYPES:
                direct += assert_same(contents, dtype=dtype, values="tfio", scale=scale, on_error=on_error) == "core"
    assert (direct > 50) == (bits <= 16)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.IMPLICIT_LE, s.RLE])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2", "RGB"])
def test_shapes(photometric: str, frames: int, syntax: str) -> None:
    samples = 3 if photometric == "RGB" else 1
    pixels = np.random.default_rng(1).integers(0, 4096, (frames, 6, 5, samples), np.uint16)
    contents = s.image(pixels, photometric=photometric, bits_stored=12, stray=3, syntax=syntax)
    for color_dim, frame_dim, color in itertools.product((False, True), (None, True, False), ("rgb", "stored")):
        options: dict[str, Any] = {"color_dim": color_dim, "frame_dim": frame_dim, "color": color, "on_error": "strict"}
        possible = frames == 1 or frame_dim is not False
        assert assert_same(contents, **options) == ("core" if possible else "image")
        assert_same(contents, dtype=np.float32, scale="auto", **options)


@pytest.mark.parametrize(
    "contents",
    [
        s.image(ends(8, False), syntax=s.EXPLICIT_BE),
        s.image(ends(16, False), syntax=s.EXPLICIT_BE),
        s.image(ends(8, False, (4, 4, 3)), photometric="YBR_FULL"),
        s.image(ends(8, False, (4, 4, 3)), photometric="YBR_FULL_422"),
        s.image(ends(8, False, (4, 4, 3)), photometric="RGB", planar=1),
        s.image(ends(1, False, (8, 8)), allocated=1, bits_stored=1),
        s.image(ends(12, False), allocated=12, bits_stored=12),
        s.image(ends(16, False), syntax=s.RLE, fragments=2),
        s.image(ends(16, False, (3, 4, 4)), syntax=s.RLE, table="lying"),
        s.image(ends(16, False, (3, 4, 4)), syntax=s.RLE, table="full"),
        s.image(ends(16, False, (3, 4, 4)), syntax=s.RLE, table="extended"),
        s.image(ends(16, False, (3, 4, 4)), syntax=s.RLE, table="empty"),
    ],
)
def test_every_layout_of_cells(contents: bytes) -> None:
    assert assert_same(contents, on_error="strict") == "core"
    assert assert_same(contents, on_error="skip", dtype=np.float32) == "core"


WINDOW: list[s.Element] = [(0x00281050, "DS", "40"), (0x00281051, "DS", "400")]
MODALITY_LUT: list[s.Element] = [
    (0x00283000, "SQ", [[(0x00283002, "US", [4, 0, 16]), (0x00283006, "US", [5, 7, 9, 11])]])
]


NARROW: list[s.Element] = [(0x00281050, "DS", "40"), (0x00281051, "DS", "1")]
SIGMOID: list[s.Element] = [*WINDOW, (0x00281056, "CS", "SIGMOID")]
VOI_LUT: list[s.Element] = [(0x00283010, "SQ", [[(0x00283002, "US", [4, 0, 16]), (0x00283006, "US", [5, 7, 9, 11])]])]


@pytest.mark.parametrize("extra", [[], WINDOW, MODALITY_LUT, [*WINDOW, *MODALITY_LUT], NARROW, SIGMOID, VOI_LUT])
@pytest.mark.parametrize("values", ["modality", "voi", "display"])
@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.RLE])
def test_python_chooses_the_plan_of_what_is_no_affine_map(syntax: str, values: str, extra: list[s.Element]) -> None:
    # So many pixels that a table for 16-bit cells is made; for fewer, a function on arrays is the plan.
    contents = s.image(ends(12, False, (2, 182, 181)), bits_stored=12, syntax=syntax, extra=extra)
    has_lut = MODALITY_LUT[0] in extra
    for dtype in (np.uint8, np.float32):
        came = assert_same(contents, dtype=dtype, values=values, on_error="strict")
        if values == "modality" and not has_lut:
            assert came == ("core" if dtype is np.float32 else "image")  # 12 bits do not fit in 8: an error
        else:
            assert came == ("plan" if has_lut or extra in (NARROW, SIGMOID, VOI_LUT) else "core")


@pytest.mark.parametrize(
    "contents",
    [
        s.image(np.ones((2, 2), np.float32)),
        s.image(ends(16, False, (3, 4, 4)), number_of_frames=4),
        s.image(ends(16, False), without=[0x00280010]),
    ],
)
def test_other_images_are_for_python(contents: bytes) -> None:
    assert assert_same(contents, on_error="strict") == "image"
    assert_same(contents, on_error="skip", dtype=np.float32)


@pytest.mark.slow
def test_shipped_files() -> None:
    direct = 0
    for path in shipped():
        contents = path.read_bytes()
        for dtype, values in (
            (np.uint16, "stored"),
            (np.int16, "stored"),
            (np.float32, "modality"),
            (np.uint16, "tfio"),
        ):
            direct += assert_same(contents, dtype=dtype, values=values, on_error="lossy") == "core"
    assert direct > 80


def test_damage() -> None:
    """A damaged frame turns up after memory was asked for: the answer is that of the Python functions all the same."""
    rng = np.random.default_rng(5)
    lossless = "SC_rgb_jpeg_gdcm.dcm"
    files = [read(CT), s.image(ends(12, False, (2, 9, 9)), syntax=s.RLE, bits_stored=12), read("MR_small_RLE.dcm")]
    files += [read(lossless)] if any(path.name == lossless for path in shipped()) else []
    for contents in files:
        for _ in range(150):
            damaged = bytearray(contents)
            for at in rng.integers(0, len(damaged), 3):
                damaged[at] ^= 1 << int(rng.integers(8))
            cut = bytes(damaged[: rng.integers(0, len(damaged) + 1)]) if rng.random() < 0.3 else bytes(damaged)
            assert_same(cut, on_error="strict", dtype=np.int32)
            assert_same(cut, on_error="skip", dtype=np.int32)
            assert_same(cut, on_error="lossy", dtype=np.uint16, values="tfio")


def test_lossless_jpeg_needs_no_gil() -> None:
    names = ("SC_rgb_jpeg_gdcm.dcm", "JPEG-LL.dcm", "JPGLosslessP14SV1_1s_1f_8b.dcm")
    found = [path for path in shipped() if path.name in names]
    assert found
    for path in found:
        assert dd.open(path.read_bytes()).transfer_syntax == JPEG_LOSSLESS
        assert assert_same(path.read_bytes(), on_error="strict", dtype=np.int32) == "core"


@pytest.mark.parametrize(
    ("limits", "options"), [({"pixels_per_frame": 100}, {}), ({"fragments": 1}, {"syntax": s.RLE, "fragments": 2})]
)
def test_limits(limits: dict[str, int], options: dict[str, Any]) -> None:
    contents = s.image(ends(16, False, (40, 40)), **options)
    before = dd.set_default_limits(dd.Limits(**limits))
    try:
        _bridge.use_limits(dd.Limits(**limits))
        with pytest.raises(ValueError, match="limit"):
            core.decode(contents, on_error="strict")
        with pytest.raises(dd.LimitError):
            dd.decode_dicom_image(contents, on_error="strict")
    finally:
        dd.set_default_limits(before)
        _bridge.use_limits(before)
    assert assert_same(contents) == "core"


@pytest.mark.parametrize("module", ["tensorflow", "tfio"])
def test_without_tensorflow(module: str) -> None:
    """The rest works; this module says what to install."""
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); sys.modules['tensorflow'] = None\n"
    code += f"import dicomdecode; print(len(dicomdecode.__all__)); import dicomdecode.{module}"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and int(done.stdout) > 5
    assert "pip install 'dicomdecode[tensorflow]'" in done.stderr.splitlines()[-1]


def test_empty_and_short_contents() -> None:
    for size in (0, 1, 7, 8, 131, 132, 140):
        assert assert_same(read(CT)[:size], on_error="strict") == "image"


def texts(contents: bytes, tags: list[int]) -> list[bytes] | None:
    """The core's texts, equal to those of Python; None where it needs Python for one of them."""
    with core.watched() as asked:
        found = core.texts(contents, tags)
    assert found == [text.encode() for text in dd.decode_dicom_data(contents, tags)]
    return None if asked else found


TEXTS: list[tuple[str, Any]] = [
    ("AE", " a b \\ c "), ("CS", "A\\B"), ("DS", " 1.50 \\2"), ("IS", " 7 "), ("LO", " x \\ y "), ("SH", "  "),
    ("AS", "040Y"), ("DA", "20200101"), ("DT", " 2020 "), ("TM", "12 "), ("PN", " A^B = C \\ D "), ("UC", " u \\ v "),
    ("UI", "1.2.3"), ("LT", " a\\b \n "), ("ST", " s "), ("UT", " t\\ "), ("UR", "http://x  "),
    ("US", [0, 65535]), ("SS", [-32768, 32767, -1]), ("UL", [0, 4294967295]), ("SL", [-2147483648, 7]),
    ("UV", [0, 2**64 - 1]), ("SV", [-(2**63), 2**63 - 1]), ("AT", [0x00100010, 0xFFFEABCD]),
    ("OB", b"\0\x01\xfe\xff"), ("OW", b"\x12\x34"), ("UN", b"ab"), ("OL", b"\0\0\0\1"), ("OV", bytes(8)),
    ("ZZ", b"zz"), ("LO", b""), ("US", b""), ("US", b"\1\2\3\4\5\6"), ("SL", b"\1\2\3\4\5\6"), ("LO", b"a\0b\0 \0"),
]  # fmt: skip


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE])
def test_texts_of_every_vr(syntax: str) -> None:
    items = [(0x00091001 + i, vr, value) for i, (vr, value) in enumerate(TEXTS) if vr not in ("UN", "ZZ")]
    found = texts(s.dataset(items, syntax=syntax), [item[0] for item in items])
    assert found is not None and found[TEXTS.index(("US", [0, 65535]))] == b"0\\65535"
    for vr, value in (("FL", [0.1]), ("FD", [0.1]), ("OF", [0.1]), ("OD", [0.1]), ("UN", b"ab"), ("ZZ", b"ab")):
        assert texts(s.dataset([(0x00091001, vr, value)], syntax=syntax), [0x00091001]) is None
    assert texts(s.dataset([(0x00091001, "SQ", [[]])], syntax=syntax), [0x00091001]) == [b""]


@pytest.mark.parametrize(
    ("terms", "value", "direct"),
    [
        (None, b"M\xfcller", True),
        ("", b"M\xfcller", True),
        ("ISO_IR 100", b"M\xfcller \\ \xe9", True),
        (" ISO_IR 100 ", b"\xa0\xff", True),
        ("ISO_IR 192", "Müller^日本^\U0001f600".encode(), True),
        ("ISO_IR 192", b"M\xfcller", False),
        ("ISO_IR 192", b"\xed\xa0\x80", False),
        ("ISO_IR 192", b"\xc0\x80", False),
        ("ISO_IR 192", b"\xf4\x90\x80\x80", False),
        ("ISO_IR 192", b"\xe6\x97", False),
        ("ISO_IR 101", b"M\xfcller", False),
        ("ISO_IR 101", b"Muller", True),
        ("\\ISO 2022 IR 87", b"\x1b$B;3\x1b(B", False),
    ],
)
def test_character_sets(terms: str | None, value: bytes, direct: bool) -> None:
    items: list[s.Element] = [] if terms is None else [(0x00080005, "CS", terms.encode())]
    contents = s.dataset([*items, (0x00100010, "PN", value), (0x00100020, "LO", value), (0x00100040, "CS", value)])
    assert (texts(contents, [0x00100010, 0x00100020, 0x00100040]) is not None) == direct


def test_texts_of_shipped_files() -> None:
    given = asked = 0
    for path in shipped():
        contents = path.read_bytes()
        try:
            tags = dd.open(contents)._file.tags() if contents else []
        except dd.DicomError:
            continue
        for tag in [*tags, 0x00100010, 0x00020010, 0x00990001]:
            asked += 1
            given += texts(contents, [tag]) is not None
    assert given > 0.7 * asked
