"""VOI and Presentation LUTs, windows by index and explanation, real world values, damage (PS3.3 C.11.1, C.11.2)."""

from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import rules
from tests import synthesise as s
from tests.pixels.test_chain import lut_item
from tests.pixels.test_levels import SIGNED, TWELVE, close, rescale, windowed

RNG = np.random.default_rng(6)
RISING = np.sort(RNG.integers(0, 4096, 4096))
RISING[-1] = 4095
BONE = np.minimum(np.arange(4096) * 2, 4095)


def voi_lut(*items: list[s.Element]) -> s.Element:
    return (0x00283010, "SQ", list(items))


def modality_lut(first: int, entries: np.ndarray, bits: int = 16) -> s.Element:
    return (0x00283000, "SQ", [[*lut_item(first, entries, bits), (0x00283004, "LO", "US")]])


def raises(tag: int, contents: bytes, **options: Any) -> dd.MalformedError:
    with pytest.raises(dd.MalformedError) as caught:
        dd.imread(contents, **options)
    assert caught.value.tag == tag, caught.value
    assert dd.decode_dicom_image(contents, values="stored", dtype="f8").size
    return caught.value


STORED = [
    *windowed(["2000", "100"], ["1000", "50"]),
    (0x00281055, "LO", "SOFT\\Bone "),
    voi_lut(lut_item(0, RISING, 12, "NORMAL"), lut_item(0, BONE, 12, "BONE")),
]


def test_lut_beats_window_and_comes_first() -> None:
    """window=n: VOI LUTs first, then windows."""
    contents = s.image(TWELVE, bits_stored=12, extra=STORED)
    normal, bone = RISING[TWELVE] / 4095, BONE[TWELVE] / 4095
    wide, narrow = rules.window(TWELVE, 2000, 1000), rules.window(TWELVE, 100, 50)
    close(dd.imread(contents, values="voi"), normal)
    for i, want in enumerate((normal, bone, wide, narrow)):
        close(dd.imread(contents, values="voi", window=i), want)
        close(dd.imread(contents, values="display", window=np.int64(i)), want * 255)
    for bad in (4, -1):
        assert raises(0x00281050, contents, values="voi", window=bad).code == "window_index"


def test_by_explanation() -> None:
    """In any case and without padding; a VOI LUT before a window of the same name."""
    contents = s.image(TWELVE, bits_stored=12, extra=STORED)
    close(dd.imread(contents, values="voi", window="soft"), rules.window(TWELVE, 2000, 1000))
    close(dd.imread(contents, values="voi", window=" BONE"), BONE[TWELVE] / 4095)
    error = raises(0x00281055, contents, values="voi", window="LUNG")
    assert error.code == "window_explanation" and "SOFT" not in str(error) and "LUNG" not in str(error)
    only = s.image(TWELVE, bits_stored=12, extra=[STORED[-1]])
    raises(0x00283003, only, values="voi", window="LUNG")
    raises(0x00283010, only, values="voi", window=2)
    raises(0x00281050, s.image(TWELVE), values="voi", window=0)
    for values in ("stored", "modality"):
        with pytest.raises(ValueError, match="window has no effect"):
            dd.imread(contents, values=values, window="BONE")


def test_frames_choose_among_their_own() -> None:
    pixels = np.stack([TWELVE] * 4)

    def frame(*elements: s.Element) -> list[s.Element]:
        return [(0x00289132, "SQ", [list(elements)])]

    pixel_value = (0x00289145, "SQ", [[*rescale(2, -5), (0x00281054, "LO", "US")]])
    named = [*windowed(["700", "1500"], ["200", "900"]), (0x00281055, "LO", "LUNG\\BONE")]
    shared = [pixel_value, *frame(*windowed("1000", "500", "SIGMOID"), (0x00281055, "LO", "BONE"))]
    frames = [
        frame(*named),
        [(0x00289145, "SQ", [rescale(1, 0)])],
        frame(voi_lut(lut_item(0, BONE, 12, "BONE"))),
        frame(*named),
    ]
    contents = s.image(pixels, bits_stored=12, extra=[(0x52009229, "SQ", [shared]), (0x52009230, "SQ", frames)])
    x = TWELVE * 2.0 - 5
    found = dd.imread(contents, values="voi")
    beyond = BONE[np.clip(x, 0, 4095).astype(int)] / 4095
    close(found[0], rules.window(x, 700, 200))
    close(found[1], rules.window(TWELVE, 1000, 500, "SIGMOID"))
    close(found[2], beyond)
    np.testing.assert_array_equal(found[3], found[0])
    bone = dd.imread(contents, values="voi", window="BONE")
    close(bone[0], rules.window(x, 1500, 900))
    close(bone[1], rules.window(TWELVE, 1000, 500, "SIGMOID"))
    close(bone[2], beyond)
    assert raises(0x00281050, contents, values="voi", window=1).code == "window_index"
    close(dd.imread(contents, values="voi", window=1, frames=[0, 3])[1], rules.window(x, 1500, 900))
    given = dd.imread(contents, values="voi", window=(50, 300))
    close(given[0], rules.window(x, 50, 300))
    close(given[1], rules.window(TWELVE, 50, 300))


@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("bits", [10, 16])
def test_presentation_lut(bits: int, photometric: str) -> None:
    """P-values by a table of any length; then the one inversion."""
    entries = np.sort(RNG.integers(0, 1 << bits, 1000))
    entries[-1] = (1 << bits) - 1
    table = (0x20500010, "SQ", [lut_item(0, entries, bits)])
    contents = s.image(TWELVE, photometric=photometric, extra=[*windowed("2000", "901"), table])
    voi = rules.window(TWELVE, 2000, 901)
    close(dd.imread(contents, values="voi"), voi)
    want = entries[np.rint(voi * 999).astype(int)] / ((1 << bits) - 1)
    want = 1 - want if photometric == "MONOCHROME1" else want
    close(dd.imread(contents, values="display", dtype="f8"), want)
    close(dd.imread(contents, values="display"), want * 255)
    steps = dd.open(contents).steps_of(values="display")
    assert any("Presentation LUT: 1000 entries" in step for step in steps)
    assert (steps[-1] == "inverted") == (photometric == "MONOCHROME1")


def test_65536_entries() -> None:
    """A count of 0."""
    entries = np.roll(np.arange(65536), 7)
    pixels = RNG.integers(0, 65536, (9, 11), np.uint16)
    close(dd.imread(s.image(pixels, extra=[modality_lut(0, entries)]), dtype="f8"), entries[pixels] * 1.0)
    shown = dd.imread(s.image(pixels, extra=[voi_lut(lut_item(0, entries, 16))]), values="voi")
    close(shown, entries[pixels] / 65535)


def test_signed_first_value() -> None:
    """Signed where inputs can be negative: by the pixels for the modality stage, by modality values for VOI."""
    entries = np.arange(0, 4096, 2)
    found = dd.imread(s.image(SIGNED, extra=[modality_lut(-1000, entries)]))
    np.testing.assert_array_equal(found, rules.lut(SIGNED.astype(float), -1000, entries))
    item = voi_lut(lut_item(-1000, entries, 12))
    for pixels, slope, intercept in ((SIGNED, 1, 0), (TWELVE, 1, -1024), (TWELVE, -1, 3000), (SIGNED, 0.5, 3)):
        contents = s.image(pixels, bits_stored=12, extra=[*rescale(slope, intercept), item])
        want = rules.lut(pixels * float(slope) + intercept, -1000, entries) / 4095
        close(dd.imread(contents, values="voi"), want)
    high = voi_lut(lut_item(64536, np.arange(1000), 10))  # the same word, unsigned
    pixels = RNG.integers(64000, 65536, (9, 11), np.uint16)
    want = rules.lut(pixels.astype(float), 64536, np.arange(1000)) / 1023
    close(dd.imread(s.image(pixels, extra=[high]), values="voi"), want)
    unsigned = [modality_lut(-2048, np.arange(4096) + 61000), high]  # behind a Modality LUT nothing is negative
    want = rules.lut(SIGNED + 2048 + 61000.0, 64536, np.arange(1000)) / 1023
    close(dd.imread(s.image(SIGNED, bits_stored=12, extra=unsigned), values="voi"), want)


def test_eight_bit_entries_in_words() -> None:
    entries = RNG.permutation(256).astype(np.uint8)
    pixels = RNG.integers(0, 256, (9, 11), np.uint8)
    for declared in (8, 16):
        item: list[s.Element] = [(0x00283002, "US", [256, 0, declared]), (0x00283006, "OW", entries.tobytes())]
        contents = s.image(pixels, extra=[voi_lut(item)])
        np.testing.assert_array_equal(dd.imread(contents, values="display"), entries[pixels])
        assert [issue.code for issue in dd.open(contents).issues] == ["lut_depth"] * (declared == 16)
    odd: list[s.Element] = [(0x00283002, "US", [255, 0, 8]), (0x00283006, "OW", entries[:255].tobytes())]
    found = dd.imread(s.image(pixels, extra=[voi_lut(odd)]), values="display")
    np.testing.assert_array_equal(found, entries[np.minimum(pixels, 254)])


@pytest.mark.parametrize(("declared", "top", "has"), [(16, 4095, 12), (16, 255, 8), (12, 4095, 12), (16, 30000, 16)])
def test_declared_bits(declared: int, top: int, has: int) -> None:
    """Entries below a quarter of the declared range have the bits they use; others are believed."""
    entries = np.arange(4096) * top // 4095
    contents = s.image(TWELVE, bits_stored=12, extra=[voi_lut(lut_item(0, entries, declared))])
    close(dd.imread(contents, values="voi"), entries[TWELVE] / (2**has - 1))
    assert [issue.code for issue in dd.open(contents).issues] == ["lut_depth"] * (declared != has)


@pytest.mark.parametrize("declared", [0, 7, 17, 65535])
def test_bits_that_are_none(declared: int) -> None:
    contents = s.image(TWELVE, bits_stored=12, extra=[voi_lut(lut_item(0, RISING, declared))])
    close(dd.imread(contents, values="voi"), RISING[TWELVE] / 4095)
    assert [issue.code for issue in dd.open(contents).issues] == ["lut_depth"]


@pytest.mark.parametrize(
    ("item", "tag"),
    [
        ([(0x00283006, "OW", BONE.astype(np.uint16))], 0x00283002),
        ([(0x00283002, "US", [4096, 0])], 0x00283002),
        ([(0x00283002, "US", [4096, 0, 12])], 0x00283006),
        ([(0x00283002, "US", [4096, 0, 12]), (0x00283006, "OW", b"")], 0x00283006),
        ([(0x00283002, "US", [4096, 0, 12]), (0x00283006, "OW", BONE[:4095].astype(np.uint16))], 0x00283006),
        ([(0x00283002, "US", [4096, 0, 8]), (0x00283006, "OW", BONE[:2047].astype(np.uint16))], 0x00283006),
        ([(0x00283002, "US", [0, 0, 16]), (0x00283006, "OW", BONE.astype(np.uint16))], 0x00283006),
    ],
)
@pytest.mark.parametrize("sequence", [0x00283000, 0x00283010, 0x20500010])
def test_luts_that_can_not_be_read(sequence: int, item: list[s.Element], tag: int) -> None:
    contents = s.image(TWELVE, bits_stored=12, extra=[(sequence, "SQ", [item])])
    if sequence == 0x00283010:  # one that is asked for; else it is passed over
        close(dd.imread(contents, values="voi"), TWELVE / 4095)
        assert "not used" in " ".join(dd.open(contents).steps_of(values="voi"))
        raises(tag, contents, values="display", window=0)
        return
    raises(tag, contents, values="display")
    if sequence != 0x00283000:  # what a level does not need takes nothing from it
        np.testing.assert_array_equal(dd.imread(contents), TWELVE)
    assert dd.open(contents).issues is not None
    assert dd.decode_dicom_image(contents, values="display", dtype="u1").shape == (0,)


def test_items_without_a_table() -> None:
    """What editors leave behind is no LUT."""
    empty = [(sequence, "SQ", [[(0x00283003, "LO", "X")]]) for sequence in (0x00283000, 0x00283010, 0x20500010)]
    contents = s.image(TWELVE, extra=[*rescale(2, 1), *windowed("2000", "400"), *empty])
    np.testing.assert_array_equal(dd.imread(contents), TWELVE * 2 + 1)
    close(dd.imread(contents, values="display"), rules.window(TWELVE * 2 + 1, 2000, 400) * 255)
    assert [issue.code for issue in dd.open(contents).issues] == ["lut_empty"] * 3


@pytest.mark.parametrize("junk", ["abc", "nan", "1e999", "1,5,2", "inf"])
def test_numbers_that_are_none(junk: str) -> None:
    raises(0x00281050, s.image(TWELVE, extra=windowed(junk, "400")), values="voi", window=0)
    raises(0x00281051, s.image(TWELVE, extra=windowed("40", junk)), values="voi", window=0)
    contents = s.image(TWELVE, extra=windowed(["40", junk], ["400", "300"]))
    close(dd.imread(contents, values="voi"), rules.window(TWELVE, 40, 400))
    raises(0x00281050, contents, values="voi", window=1)
    groups = [(0x52009229, "SQ", [[(0x00289145, "SQ", [rescale(junk, 0)])]])]
    raises(0x00281053, s.image(TWELVE, extra=groups))
    raises(0x00281052, s.image(TWELVE, extra=[(0x52009229, "SQ", [[(0x00289145, "SQ", [rescale(1, junk)])]])]))


@pytest.mark.parametrize(("center", "width"), [("", "400"), ("40", ""), ("", ""), ("40", None), (None, "400")])
def test_windows_that_lack_a_number(center: str | None, width: str | None) -> None:
    extra = [(tag, "DS", x) for tag, x in ((0x00281050, center), (0x00281051, width)) if x is not None]
    image = dd.open(s.image(TWELVE, bits_stored=12, extra=extra))
    close(image.pixels(values="voi"), TWELVE / 4095)
    assert [issue.code for issue in image.issues] == ["window_width"]
    assert "not used" in " ".join(image.steps_of(values="voi"))


@pytest.mark.parametrize("width", ["0", "0.5", "-400", "nan", "wide"])
def test_windows_that_can_not_be_used(width: str) -> None:
    """The next one counts; else it is as without a window. One that is asked for is an error."""
    contents = s.image(TWELVE, bits_stored=12, extra=windowed("40", width))
    close(dd.imread(contents, values="voi"), TWELVE / 4095)
    raises(0x00281051, contents, values="display", window=0)
    close(dd.imread(contents, values="voi", window=(40, 400)), rules.window(TWELVE, 40, 400))
    assert "window_width" in [issue.code for issue in dd.open(contents).issues]
    assert any("not used" in step for step in dd.open(contents).steps_of(values="display"))
    assert dd.open(contents).window is None
    several = s.image(TWELVE, extra=windowed(["40", "40"], [width, "400"]))
    close(dd.imread(several, values="voi"), rules.window(TWELVE, 40, 400))
    assert dd.open(several).window == (40, 400, "LINEAR")
    in_groups = [(0x52009229, "SQ", [[(0x00289132, "SQ", [windowed(["40", "40"], [width, "400"])])]])]
    close(dd.imread(s.image(TWELVE, extra=in_groups), values="voi"), rules.window(TWELVE, 40, 400))


def test_windows_of_other_functions() -> None:
    close(
        dd.imread(s.image(TWELVE, extra=windowed("40", "0.5", "LINEAR_EXACT")), values="voi"),
        rules.window(TWELVE, 40, 0.5, "LINEAR_EXACT"),
    )
    for width, function in (("0", "SIGMOID"), ("400", "CUBIC")):
        contents = s.image(TWELVE, bits_stored=12, extra=windowed("40", width, function))
        close(dd.imread(contents, values="voi"), TWELVE / 4095)
        raises(0x00281056 if function == "CUBIC" else 0x00281051, contents, values="voi", window=0)
    # Empty ones are none: the possible range.
    for extra in (windowed("", ""), windowed("40", ""), windowed("", "400")):
        close(dd.imread(s.image(TWELVE, bits_stored=12, extra=extra), values="voi"), TWELVE / 4095)
    close(dd.imread(s.image(TWELVE, extra=windowed("40", "400", "")), values="voi"), rules.window(TWELVE, 40, 400))


def test_padding_is_not_looked_up() -> None:
    """NaN stays NaN through tables and steps, and is 0 in integers."""
    pixels = TWELVE.copy()
    pixels[2] = 4000
    table = [(0x20500010, "SQ", [lut_item(0, BONE, 12)])]
    for extra in ([voi_lut(lut_item(0, RISING, 12))], windowed("2000", "1"), windowed("2000", "300", "SIGMOID"), table):
        contents = s.image(pixels, bits_stored=12, extra=[(0x00280120, "US", 4000), *extra])
        for level in ("voi", "display"):
            found = dd.imread(contents, values=level, padding=np.nan, dtype="f4")
            np.testing.assert_array_equal(np.isnan(found), pixels == 4000)
            assert not dd.imread(contents, values=level, padding=np.nan, dtype="u1")[pixels == 4000].any()


# Real world values.


def mapping(first: int, last: int, *elements: s.Element, label: str = "", units: str = "HU") -> list[s.Element]:
    code = [(0x00080100, "SH", units), (0x00080102, "SH", "UCUM"), (0x00080104, "LO", "words")]
    vr = "SS" if first < 0 else "US"
    found: list[s.Element] = [(0x004008EA, "SQ", [code]), *([(0x00409210, "SH", label)] if label else [])]
    found += [(0x00409211, vr, last), (0x00409216, vr, first), *elements]
    return sorted(found, key=lambda e: e[0] if isinstance(e, tuple) else 0)


def line(slope: float, intercept: float) -> list[s.Element]:
    return [(0x00409224, "FD", intercept), (0x00409225, "FD", slope)]


def real_world(*items: list[s.Element]) -> s.Element:
    return (0x00409096, "SQ", list(items))


def test_real_world_values() -> None:
    """Another path than modality: it starts at stored values. What is not mapped is NaN."""
    table = RNG.normal(size=1001)
    items = [
        mapping(0, 4095, *line(0.25, -3.5), label="LINE"),
        mapping(1000, 2000, *line(1e-6, 2), label="PART", units="cm2/ml"),
        mapping(500, 1500, (0x00409212, "FD", table.tolist()), label="TABLE"),
    ]
    contents = s.image(TWELVE, bits_stored=12, extra=[*rescale(7, 7), real_world(*items)])
    want = TWELVE * 0.25 - 3.5
    found = dd.imread(contents, values="real_world")
    assert found.dtype == np.float32
    close(found, want)
    close(dd.decode_dicom_image(contents, values="real_world", dtype="f8", on_error="strict"), want)
    np.testing.assert_array_equal(dd.imread(contents, values="real_world", dtype="i2"), np.rint(want))
    close(dd.imread(contents, values="real_world", dtype="u1", scale="auto"), TWELVE / 4095 * 255)
    part = np.where((TWELVE >= 1000) & (TWELVE <= 2000), TWELVE * 1e-6 + 2, np.nan)
    entries = table[np.clip(TWELVE - 500.0, 0, 1000).astype(int)]
    looked_up = np.where((TWELVE >= 500) & (TWELVE <= 1500), entries, np.nan)
    for choice, partial in ((1, part), ("part", part), (2, looked_up), ("TABLE", looked_up)):
        found = dd.imread(contents, values="real_world", window=choice, dtype="f8")
        np.testing.assert_allclose(found, partial, rtol=1e-12)
        integers = dd.imread(contents, values="real_world", window=choice, dtype="i4")
        np.testing.assert_array_equal(integers, np.rint(np.nan_to_num(partial)))
    assert dd.open(contents).steps_of(values="real_world", window=1) == (
        "real world values of [1000, 2000]: 1e-06 * stored + 2 cm2/ml",
    )
    for bad in (3, -1, "NONE"):
        assert raises(0x00409096, contents, values="real_world", window=bad).code == "real_world_index"
    with pytest.raises(ValueError, match="LUT Label"):
        dd.imread(contents, values="real_world", window=(40, 400))
    np.testing.assert_array_equal(dd.imread(contents), TWELVE * 7.0 + 7)


def test_real_world_values_of_signed_and_float_pixels() -> None:
    contents = s.image(SIGNED, bits_stored=12, extra=[real_world(mapping(-1000, 2047, *line(2, 1)))])
    np.testing.assert_array_equal(
        dd.imread(contents, values="real_world"), np.where(SIGNED >= -1000, SIGNED * 2.0 + 1, np.nan)
    )
    nowhere = s.image(TWELVE, bits_stored=12, extra=[real_world(mapping(60000, 61000, *line(2, 1)))])
    assert np.isnan(dd.imread(nowhere, values="real_world")).all()
    pixels = RNG.normal(size=(5, 7)).astype(np.float32)
    ends = [(0x00409213, "FD", 1.0), (0x00409214, "FD", -1.0)]
    code = (0x004008EA, "SQ", [[(0x00080100, "SH", "1")]])
    contents = s.image(pixels, extra=[real_world([code, *ends, *line(10, 1)])])
    want = np.where(np.abs(pixels) <= 1, pixels.astype(np.float64) * 10 + 1, np.nan)
    np.testing.assert_allclose(dd.imread(contents, values="real_world", dtype="f8"), want)


def test_real_world_values_per_frame() -> None:
    pixels = np.stack([TWELVE] * 3)
    shared = [real_world(mapping(0, 4095, *line(3, 0)))]
    frames = [[], [real_world(mapping(0, 4095, *line(1, 1)))], []]
    groups = [(0x52009229, "SQ", [shared]), (0x52009230, "SQ", frames)]
    found = dd.imread(s.image(pixels, bits_stored=12, extra=groups), values="real_world")
    for frame, want in zip(found, (TWELVE * 3.0, TWELVE + 1.0, TWELVE * 3.0), strict=True):
        np.testing.assert_array_equal(frame, want)


def test_real_world_values_that_are_not_there() -> None:
    with pytest.raises(dd.UnsupportedError) as caught:
        dd.imread(s.image(TWELVE), values="real_world")
    assert caught.value.tag == 0x00409096
    rgb = RNG.integers(0, 256, (5, 7, 3), np.uint8)
    with pytest.raises(dd.UnsupportedError):
        dd.imread(s.image(rgb, photometric="RGB"), values="real_world")
    short = mapping(0, 4095, (0x00409212, "FD", [1.0] * 4095))
    raises(0x00409212, s.image(TWELVE, extra=[real_world(short)]), values="real_world")
    raises(0x00409225, s.image(TWELVE, extra=[real_world(mapping(0, 9))]), values="real_world")
    raises(0x00409216, s.image(TWELVE, extra=[real_world(line(1, 0))]), values="real_world")
    for bad in (float("nan"), float("inf")):
        raises(0x00409225, s.image(TWELVE, extra=[real_world(mapping(0, 9, *line(bad, 0)))]), values="real_world")


# Modalities.


@pytest.mark.parametrize("relationship", ["LIN", "LOG", "DISP"])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("modality", ["XA", "RF"])
def test_xa_and_xrf(modality: str, relationship: str, sign: int) -> None:
    """Pixel Intensity Relationship changes nothing: the Modality LUT (for XA from LOG to LIN) is applied."""
    entries = (np.exp2(np.arange(4096) / 341.25)).astype(np.uint16)
    relation: list[s.Element] = [
        (0x00080060, "CS", modality),
        (0x00281040, "CS", relationship),
        (0x00281041, "SS", sign),
    ]
    plain = s.image(TWELVE, bits_stored=12, extra=[*relation, *windowed("2048", "4096")])
    np.testing.assert_array_equal(dd.imread(plain), TWELVE)
    close(dd.imread(plain, values="voi"), rules.window(TWELVE, 2048, 4096))
    looked_up = s.image(TWELVE, bits_stored=12, extra=[*relation, modality_lut(0, entries), *windowed("2048", "4096")])
    np.testing.assert_array_equal(dd.imread(looked_up), entries[TWELVE])
    close(dd.imread(looked_up, values="voi"), rules.window(entries[TWELVE], 2048, 4096))


def test_pet() -> None:
    """Each slice has a slope of its own; nothing else (Decay Correction, SUV) is applied."""
    common: list[s.Element] = [(0x00080060, "CS", "PT"), (0x00541001, "CS", "BQML"), (0x00541102, "CS", "START")]
    for slope in ("0.543", "2.75"):
        contents = s.image(SIGNED, extra=[*common, *rescale(slope, "0"), (0x00541321, "DS", "1.7")])
        close(dd.imread(contents), SIGNED * float(slope))


@pytest.mark.parametrize("kind", ["u2", "u4"])
def test_rt_dose(kind: str) -> None:
    """Dose Grid Scaling is the slope where there is none; 32 bits are the rule there."""
    pixels = RNG.integers(0, 1 << (8 * int(kind[1]) - 1), (3, 5, 7)).astype(kind)
    scaling = "3.0518043e-07"
    extra: list[s.Element] = [(0x00080060, "CS", "RTDOSE"), (0x30040002, "CS", "GY"), (0x3004000E, "DS", scaling)]
    contents = s.image(pixels, extra=extra)
    np.testing.assert_allclose(dd.imread(contents, dtype="f8"), pixels * float(scaling), rtol=1e-12)
    assert dd.imread(contents).dtype == np.float32
    assert dd.open(contents).steps == ("rescale: 3.0518e-07 * stored + 0",)
    raises(0x3004000E, s.image(pixels, extra=[(0x3004000E, "DS", "abc")]))
