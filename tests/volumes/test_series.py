"""`read_series`: the order of slices, the affine, what is refused, what is split."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.volumes.series import (
    AXIAL,
    OBLIQUE,
    SAGITTAL,
    affine,
    code_of,
    codes_of,
    multi_frame,
    normal_of,
    one_slice,
    pixels_of,
    shuffled,
    stack,
    values,
)


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, OBLIQUE])
def test_positions_decide(orientation: tuple[float, ...]) -> None:
    files = stack(orientation=orientation)
    for sources in (files, files[::-1], shuffled(files)):
        volume = dd.read_series(sources)
        assert np.array_equal(volume.array, values(range(5)))
        assert np.allclose(volume.affine, affine(orientation=orientation), rtol=0, atol=1e-12)
        assert volume.sources == tuple(files)
        assert volume.issues == ()


def test_numbers_and_locations_do_not() -> None:
    files = [
        one_slice(k, (0, 0, 3 * k), instance=9 - k, extra=[(0x00201041, "DS", f"{-3 * k}"), (0x00180088, "DS", "7")])
        for k in range(4)
    ]
    volume = dd.read_series(files)
    assert np.array_equal(volume.array, values(range(4)))
    assert volume.affine[2, 2] == 3


def test_the_third_column_is_of_the_ends() -> None:
    """Positions are rounded: neither the first two nor Slice Thickness say how far apart slices are."""
    z = [0.0, 0.9, 1.81, 2.72, 3.62, 4.52]
    volume = dd.read_series([one_slice(k, (0, 0, at)) for k, at in enumerate(z)])
    assert volume.affine[2, 2] == 4.52 / 5
    assert volume.spacing == (4.52 / 5, 0.5, 0.75)


def test_what_a_volume_says() -> None:
    volume = dd.read_series(stack(orientation=OBLIQUE))
    assert volume.shape == (5, 6, 8) and volume.dtype == np.float32 and len(volume) == 5
    assert volume.array.flags.c_contiguous and volume.array.flags.writeable
    assert np.allclose(volume.spacing, (2, 0.5, 0.75)) and np.allclose(volume.origin, (-10, 20, 30))
    assert np.allclose(volume.direction * volume.spacing[::-1], volume.affine[:3, :3])
    assert np.allclose(volume.affine_ras, np.diag([-1, -1, 1, 1]) @ volume.affine)
    assert np.asarray(volume) is volume.array
    assert np.asarray(volume, np.int16).dtype == np.int16
    assert repr(volume) == "<Volume (5, 6, 8) float32, 2 x 0.5 x 0.75 mm>"


def test_all_kinds_of_sources(tmp_path: Path) -> None:
    files = stack()
    for k, contents in enumerate(files):
        (tmp_path / f"{9 - k}.dcm").write_bytes(contents)
    paths = sorted(tmp_path.iterdir())
    mixed = [str(paths[0]), paths[1], io.BytesIO(files[2]), files[1], pydicom.dcmread(paths[4])]
    for sources in (paths, [str(p) for p in paths], mixed, iter(mixed), str(tmp_path), tmp_path):
        assert np.array_equal(dd.read_series(sources).array, values(range(5)))


def test_a_folder_may_hold_other_files(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for k, contents in enumerate(stack()):
        (tmp_path / "below" / str(k)).write_bytes(contents)
    (tmp_path / "README").write_text("no DICOM")
    (tmp_path / "empty").touch()
    (tmp_path / "report").write_bytes(s.dataset([(0x00080060, "CS", "SR")]))
    volume = dd.read_series(tmp_path)
    assert volume.shape[0] == 5 and codes_of(volume) == ["no_pixel_data"]
    with pytest.raises(dd.MalformedError) as caught:
        dd.read_series([tmp_path / "README", *(tmp_path / "below").iterdir()])
    assert caught.value.code == "not_dicom" and "source 0" in caught.value.__notes__[0]


def test_one_source_is_a_list_of_one() -> None:
    contents = multi_frame([(0, 0, 3 * k) for k in range(4)])
    for source in (contents, [contents], io.BytesIO(contents), np.frombuffer(contents, np.uint8)):
        assert np.array_equal(dd.read_series(source).array, values(range(4)))


@pytest.mark.parametrize("syntax", [s.IMPLICIT_LE, s.EXPLICIT_BE, s.RLE, s.DEFLATED])
def test_transfer_syntaxes_may_be_mixed(syntax: str) -> None:
    files = stack(2) + stack(3, first=2, start=(-10, 20, 34), syntax=syntax)
    assert np.array_equal(dd.read_series(files).array, values(range(5)))


def test_values_and_dtypes() -> None:
    rescaled = [
        one_slice(k, (0, 0, k), extra=[(0x00281053, "DS", str(k + 1)), (0x00281052, "DS", "-5")]) for k in range(3)
    ]
    volume = dd.read_series(rescaled)
    assert np.array_equal(volume.array, np.stack([pixels_of(k) * (k + 1.0) - 5 for k in range(3)]))
    assert volume.varies == {"RescaleSlope": [1.0, 2.0, 3.0]} and volume.issues == ()
    stored = dd.read_series(rescaled, values="stored")
    assert stored.dtype == np.int16 and codes_of(stored) == ["series_mixed"]
    assert dd.read_series(rescaled, dtype=np.float64).dtype == np.float64
    assert dd.read_series(rescaled, values="display").dtype == np.uint8


@pytest.mark.parametrize("syntax", [s.RLE, s.DEFLATED_FRAME, s.ENCAPSULATED_UNCOMPRESSED])
def test_large_compressed_files(tmp_path: Path, syntax: str) -> None:
    """Behind a long header, the pixel data are read when files were closed in between."""
    long: list[s.Element] = [(0x00090010, "LO", "SOMEBODY"), (0x00091010, "OB", bytes(70_000))]
    pictures = [np.random.default_rng(k).integers(0, 4096, (256, 256), np.uint16) for k in range(4)]
    for k, pixels in enumerate(pictures):
        contents = one_slice(k, (0, 0, k), pixels=pixels, syntax=syntax, fragments=3, extra=long)
        (tmp_path / f"{k}.dcm").write_bytes(contents)
    assert np.array_equal(dd.read_series(tmp_path).array, np.stack(pictures))
    many = s.image(
        np.stack(pictures),
        syntax=syntax,
        extra=[
            *long,
            (0x00200032, "DS", [0, 0, 0]),
            (0x00200037, "DS", AXIAL),
            (0x00280030, "DS", [1, 1]),
            (0x3004000C, "DS", [0, 1, 2, 3]),
        ],
    )
    (tmp_path / "many").write_bytes(many)
    assert np.array_equal(dd.read_series(tmp_path / "many").array, np.stack(pictures))


def test_signed_and_unsigned_slices_share_a_dtype() -> None:
    files = [one_slice(0, (0, 0, 0)), one_slice(1, (0, 0, 1), pixels=np.full((6, 8), 40000, np.uint16))]
    volume = dd.read_series(files, values="stored")
    assert volume.dtype == np.int32 and volume.array[1].min() == 40000


def test_uids_may_be_padded_with_anything() -> None:
    files = [each.replace(b"1.2.3\0", b"1.2.3 ") if k % 2 else each for k, each in enumerate(stack())]
    assert files[1] != stack()[1] and dd.read_series(files).issues == ()


def test_colour() -> None:
    pictures = [np.random.default_rng(k).integers(0, 256, (6, 8, 3), np.uint8) for k in range(3)]
    files = [one_slice(k, (0, 0, k), pixels=p, photometric="RGB") for k, p in enumerate(pictures)]
    volume = dd.read_series(files)
    assert volume.shape == (3, 6, 8, 3) and np.array_equal(volume.array, np.stack(pictures))


def test_threads_change_nothing() -> None:
    files = stack(9)
    one = dd.read_series(files, threads=1)
    for threads in (2, 5):
        assert np.array_equal(dd.read_series(files, threads=threads).array, one.array)


@pytest.mark.parametrize(
    "keywords, kind",
    [
        ({"split": "some"}, ValueError),
        ({"split": False}, ValueError),
        ({"strict": 1}, (TypeError, ValueError)),
        ({"threads": 0}, ValueError),
        ({"values": "raw"}, ValueError),
        ({"limits": 3}, TypeError),
    ],
)
def test_arguments(keywords: dict[str, Any], kind: Any) -> None:
    with pytest.raises(kind) as caught:
        dd.read_series(stack(2), **keywords)
    assert not isinstance(caught.value, dd.DicomError)


def test_limits() -> None:
    with pytest.raises(dd.LimitError) as caught:
        dd.read_series(stack(), limits=dd.Limits(output_bytes=4 * 6 * 8 * 4))
    assert caught.value.code == "limit_output_bytes"


# What is refused, and what `strict=False` makes of it.


def test_missing_slices() -> None:
    files = stack(9)
    code = "slices_missing"
    gone = [files[i] for i in (0, 1, 2, 5, 6, 8)]
    with pytest.raises(dd.VolumeError, match=r"3 of 9 slices are missing.*source 2 and source 3; .*source 4 and sou"):
        dd.read_series(gone)
    volume = dd.read_series(gone, strict=False)
    assert codes_of(volume) == [code] and volume.shape[0] == 6
    assert volume.affine[2, 2] == 16 / 5
    assert dd.read_series(files[::2]).affine[2, 2] == 4, "evenly missing ones cannot be seen"


@pytest.mark.parametrize("off", [0.3, 0.8, 1.0, -0.5])
def test_unequal_spacing(off: float) -> None:
    files = [one_slice(k, (0, 0, 2 * k + (off if k == 2 else 0))) for k in range(6)]
    assert code_of(files) == "spacing_unequal"
    assert codes_of(dd.read_series(files, strict=False)) == ["spacing_unequal"]


@pytest.mark.parametrize("step", [2.027, 1.25, 0.75, 0.625])
def test_positions_that_are_rounded_are_even(step: float) -> None:
    """Written to a tenth of a millimetre, as PET scanners do."""
    files = [one_slice(k, (0, 0, round(step * k, 1))) for k in range(20)]
    assert dd.read_series(files).issues == ()
    assert code_of(files[:7] + files[8:]) == "slices_missing"


@pytest.mark.parametrize("step", [0.5, 1.0, 4.9])
@pytest.mark.parametrize("axis", [0, 2])
@pytest.mark.parametrize("digits", [0, 1, 2])
def test_a_slice_that_lies_elsewhere_is_not_taken_for_rounded(step: float, axis: int, digits: int) -> None:
    """By one unit of the last place, where that is more than a part of a step."""
    off = max(10.0**-digits, round(0.05 * step, digits))
    places = np.round([[3, 4, step * k] for k in range(12)], 1)
    assert dd.read_series([one_slice(k, place) for k, place in enumerate(places)]).issues == ()
    for k in (1, 5, 10):
        moved = places + off * np.outer(np.arange(12) == k, np.arange(3) == axis)
        code = code_of([one_slice(k, place) for k, place in enumerate(moved)])
        assert code in ("spacing_unequal", "slices_missing", "slices_duplicate")
    assert code_of([one_slice(k, place) for k, place in enumerate(places) if k != 6]) == "slices_missing"


@pytest.mark.parametrize("orientation", [OBLIQUE, (0.9, 0.3, -0.316, -0.1, 0.845, 0.517)])
def test_oblique_positions_that_are_rounded_are_even(orientation: tuple[float, ...]) -> None:
    normal = normal_of(orientation)
    places = np.round([k * 2.3 * normal for k in range(25)], 1)
    files = [one_slice(k, place, orientation=orientation) for k, place in enumerate(places)]
    assert dd.read_series(files).issues == ()
    assert code_of(files[:9] + files[10:]) == "slices_missing"


def test_steps_may_differ_a_little() -> None:
    steps = 2 * (1 + 0.004 * np.cos(np.arange(30) ** 2))
    volume = dd.read_series([one_slice(k, (0, 0, z)) for k, z in enumerate(np.cumsum(steps))])
    assert volume.issues == ()
    drift = [one_slice(k, (0, 0, z)) for k, z in enumerate(np.cumsum(np.linspace(1.9, 2.1, 60)))]
    assert code_of(drift) == "spacing_unequal", "which adds up to more than a part of a step"


def test_orientations_may_differ_by_their_last_digits() -> None:
    for k, digits in enumerate((3, 4, 6)):
        noise = np.random.default_rng(k).integers(0, 2, (6, 6)) * 10.0**-digits
        files = [one_slice(i, (0, 0, 2 * i), orientation=np.array(AXIAL) + noise[i]) for i in range(6)]
        assert dd.read_series(files).issues == ()


def test_too_many_orientations_are_refused_soon() -> None:
    angles = np.linspace(0, 3, 1100)
    orientations = [(np.cos(a), np.sin(a), 0, -np.sin(a), np.cos(a), 0) for a in angles]
    assert code_of([multi_frame([(0, 0, k) for k in range(1100)], orientations=orientations)]) == "orientation_mixed"


def test_slices_beside_the_line() -> None:
    files = [one_slice(k, (1.5 if k == 2 else 0, 0, 2 * k)) for k in range(5)]
    with pytest.raises(dd.VolumeError, match=r"beside the line of the stack: source 2") as caught:
        dd.read_series(files)
    assert caught.value.code == "spacing_unequal"


@pytest.mark.parametrize("degrees", [1, -14, 30])
def test_gantry_tilt(degrees: float) -> None:
    shift = 2 * np.tan(np.radians(degrees))
    files = [one_slice(k, (0, shift * k, 2 * k)) for k in range(5)]
    assert code_of(files) == "gantry_tilt"
    volume = dd.read_series(files, strict=False)
    assert codes_of(volume) == ["gantry_tilt"]
    assert np.allclose(volume.affine[:3, 2], (0, shift, 2)), "the affine holds the shear"


def test_rounded_orientation_is_no_tilt() -> None:
    orientation = (0.787, 0.617, 0.0, -0.617, 0.787, 0.0)
    assert dd.read_series(stack(orientation=orientation)).issues == ()


def test_repeated_slices() -> None:
    files = stack()
    again = one_slice(77, (-10, 20, 34), uid="1.2.9")
    assert code_of([*files, again]) == "slices_duplicate"
    volume = dd.read_series([again, *files], strict=False)
    assert codes_of(volume) == ["slices_duplicate"] and np.array_equal(volume.array, values(range(5)))


@pytest.mark.parametrize("off", [0.0005, 0.004, 0.03])
def test_repeated_slices_need_not_lie_at_the_same_place_exactly(off: float) -> None:
    files = stack()
    again = one_slice(77, (-10, 20, 34 + off), uid="1.2.9", instance=1)
    assert code_of([*files, again]) == "slices_duplicate"
    volume = dd.read_series([again, *files], strict=False)
    assert codes_of(volume) == ["slices_duplicate"] and volume.spacing[0] == 2


def test_one_file_twice() -> None:
    files = stack()
    volume = dd.read_series([*files, bytes(bytearray(files[2]))])
    assert codes_of(volume) == ["slices_duplicate"] and len(volume.sources) == 5
    assert "source 5 is source 2 once more" in volume.issues[0]


def test_one_uid_with_other_pixels() -> None:
    files = stack()
    other = one_slice(2, (-10, 20, 34), pixels=pixels_of(50))
    assert code_of([*files, other]) == "slices_duplicate"
    assert codes_of(dd.read_series([*files, other], strict=False)) == ["slices_duplicate"]
    volume = dd.read_series([*files, one_slice(2, (-10, 20, 40), pixels=pixels_of(5))])
    assert codes_of(volume) == ["slices_duplicate"] and np.array_equal(volume.array, values(range(6)))
    assert "source 5" in volume.issues[0]


@pytest.mark.parametrize("strict", [True, False])
def test_what_is_always_refused(strict: bool) -> None:
    files = stack()
    assert code_of([*files, *stack(series="1.2.7", first=9)], strict=strict) == "series_mixed"
    assert code_of([*files, *stack(3, orientation=SAGITTAL, first=9)], strict=strict) == "orientation_mixed"
    larger = one_slice(8, (-10, 20, 40), pixels=pixels_of(1, 6, 9))
    assert code_of([*files, larger], strict=strict) == "size_mixed"
    assert code_of([*files, one_slice(8, (-10, 20, 40), spacing=(0.5, 0.8))], strict=strict) == "size_mixed"
    colour = one_slice(8, (-10, 20, 40), pixels=np.zeros((6, 8, 3), np.uint8), photometric="RGB")
    assert code_of([*files, colour], strict=strict) == "size_mixed"
    assert code_of([one_slice(k, (0, 0, 7)) for k in range(4)], strict=strict) == "not_a_volume"
    for tag in (0x00200032, 0x00200037, 0x00280030):
        lost = one_slice(8, (-10, 20, 40), without=[tag])
        assert code_of([*files, lost], strict=strict) == "not_a_volume"
    assert code_of([], strict=strict) == "not_a_volume"
    assert code_of([s.dataset([(0x00080060, "CS", "SR")])], strict=strict) == "not_a_volume"
    assert code_of([s.image(np.zeros((5, 6, 8), np.uint8))], strict=strict) == "not_a_volume"


@pytest.mark.parametrize(
    "orientation", [(0, 0, 0, 0, 0, 0), (1, 0, 0, 1, 0, 0), (2, 0, 0, 0, 2, 0), (1, 0, 0, 0.5, 1, 0)]
)
def test_impossible_orientations(orientation: tuple[float, ...]) -> None:
    files = [one_slice(k, (0, 0, k), orientation=orientation) for k in range(3)]
    assert code_of(files) == "not_a_volume"


@pytest.mark.parametrize(
    "tag, value", [(0x00200032, "0\\1e308\\0"), (0x00280030, "1e200\\1"), (0x00280030, "5e-324\\1")]
)
def test_numbers_beyond_all_measure(tag: int, value: str) -> None:
    files = [*stack(), one_slice(8, (-10, 20, 40), extra=[(tag, "DS", value)])]
    assert code_of(files, strict=False) == "not_a_volume"


def test_one_slice() -> None:
    assert code_of(stack(1)) == "not_a_volume"
    volume = dd.read_series(stack(1), strict=False)
    assert codes_of(volume) == ["not_a_volume"] and volume.spacing == (2.5, 0.5, 0.75)
    assert code_of(stack(1, without=[0x00180050]), strict=False) == "not_a_volume"


def test_frames_of_reference() -> None:
    files = stack(3, extra=[(0x00200052, "UI", "1.2.5")]) + stack(
        3, first=3, start=(-10, 20, 36), extra=[(0x00200052, "UI", "1.2.6")]
    )
    assert code_of(files) == "series_mixed"
    assert codes_of(dd.read_series(files, strict=False)) == ["series_mixed"]
    parts = dd.read_series(files, split="all")
    assert [part.varies for part in parts] == [{"FrameOfReferenceUID": "1.2.5"}, {"FrameOfReferenceUID": "1.2.6"}]
    (whole,) = dd.read_series(files, split="all", strict=False)
    assert codes_of(whole) == ["series_mixed"]


def test_errors_name_slices_and_nothing_else(tmp_path: Path) -> None:
    for k, contents in enumerate(stack(5, extra=[(0x00100010, "PN", "SECRET^NAME")])):
        if k != 2:
            (tmp_path / f"secret{k}.dcm").write_bytes(contents)
    with pytest.raises(dd.VolumeError) as caught:
        dd.read_series(sorted(tmp_path.iterdir()))
    text = str(caught.value)
    assert "source 1 and source 2" in text
    assert "secret" not in text.lower() and str(tmp_path) not in text


def test_frames_that_are_not_there_cost_no_memory() -> None:
    few = s.image(np.zeros((3, 6, 8), np.uint8), number_of_frames=4_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(dd.TruncatedError) as caught:
            dd.read_series(few)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert caught.value.code in ("frames_missing", "pixels_cut")


def test_a_damaged_slice_is_named() -> None:
    files = stack()
    files[3] = files[3][:-20]
    with pytest.raises(dd.TruncatedError) as caught:
        dd.read_series(files)
    assert "source 3" in caught.value.__notes__[0]


def test_an_automatic_window_is_one_for_all_slices() -> None:
    files = stack(12)  # each slice is 100 brighter than the one below it
    shown = dd.read_series(files, values="display", window="auto")
    levels = shown.array.reshape(12, -1).mean(axis=1)
    assert np.all(np.diff(levels) > 10)
    assert shown.array.min() == 0 and shown.array.max() == 255
    alone = dd.imread(files[0], values="display", window="auto")
    assert np.ptp(alone) > np.ptp(shown.array[0])


def test_a_window_without_effect() -> None:
    with pytest.raises(ValueError, match="window"):
        dd.read_series(stack(3), window="auto")
    fixed = dd.read_series(stack(3), values="display", window=(100, 200)).array
    each = [dd.imread(one, values="display", window=(100, 200)) for one in stack(3)]
    assert np.array_equal(fixed, np.stack(each))
