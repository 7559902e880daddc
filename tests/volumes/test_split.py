"""`read_series` where there are several volumes, and of multi-frame files."""

from __future__ import annotations

import random

import numpy as np
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

ECHO_1: list[s.Element] = [(0x00180086, "IS", 1), (0x00180081, "DS", "10")]
ECHO_2: list[s.Element] = [(0x00180086, "IS", 2), (0x00180081, "DS", "80")]


# Several volumes.


def test_echoes() -> None:
    files = shuffled(stack(extra=ECHO_1) + stack(first=5, extra=ECHO_2))
    with pytest.raises(dd.VolumeError, match="10 slices are 2 volumes, which differ in EchoNumbers") as caught:
        dd.read_series(files)
    assert caught.value.code == "series_mixed"
    volumes = dd.read_series(files, split="all")
    volumes.sort(key=lambda volume: volume.varies["EchoNumbers"])
    assert [volume.varies for volume in volumes] == [
        {"EchoNumbers": 1, "EchoTime": 10.0},
        {"EchoNumbers": 2, "EchoTime": 80.0},
    ]
    for k, volume in enumerate(volumes):
        assert np.array_equal(volume.array, values(range(5 * k, 5 * k + 5)))
        assert np.array_equal(volume.affine, affine()) and volume.issues == ()


def test_several_attributes_at_once() -> None:
    """b-values, the directions of one of them, and a time that is another in every slice."""
    files: list[bytes] = []
    for b, direction in ((0, None), (1000, (1, 0, 0)), (1000, (0, 1, 0)), (1000, (0, 0, 1))):
        for k in range(3):
            n = len(files)
            extra: list[s.Element] = [(0x00189087, "FD", b), (0x00080032, "TM", f"1200{n:02}")]
            extra += [(0x00189089, "FD", list(direction))] if direction else []
            files.append(one_slice(n, (0, 0, 3 * k), extra=extra))
    volumes = dd.read_series(shuffled(files), split="all")
    assert len(volumes) == 4
    for volume in volumes:
        first = int(volume.array[0, 0, 0]) // 100
        assert np.array_equal(volume.array, values(range(first, first + 3)))
        assert volume.varies["DiffusionBValue"] == (0 if first == 0 else 1000)


def test_a_volume_with_a_missing_slice_among_others() -> None:
    files = stack(extra=ECHO_1) + stack(first=5, extra=ECHO_2)
    del files[7]
    assert code_of(files) == "series_mixed"
    assert code_of(files, split="all") == "slices_missing"
    issues = [codes_of(volume) for volume in dd.read_series(files, split="all", strict=False)]
    assert sorted(issues) == [[], ["slices_missing"]]


@pytest.mark.parametrize("interleaved", [False, True])
def test_repeats_that_only_the_number_tells_apart(interleaved: bool) -> None:
    files = [
        one_slice(10 * t + k, (0, 0, 3 * k), instance=1 + (2 * k + t if interleaved else 4 * t + k))
        for t in range(2)
        for k in range(4)
    ]
    assert code_of(shuffled(files)) == "slices_duplicate"
    volumes = dd.read_series(shuffled(files), split="all")
    assert [codes_of(volume) for volume in volumes] == [["slices_duplicate"]] * 2
    for t, volume in enumerate(volumes):
        assert np.array_equal(volume.array, values(range(10 * t, 10 * t + 4)))
    first = dd.read_series(shuffled(files), strict=False)
    assert np.array_equal(first.array, values(range(4))) and codes_of(first) == ["slices_duplicate"]


@pytest.mark.parametrize(
    "name, tag, vr, texts",
    [
        ("SequenceName", 0x00180024, "SH", ["*ep_b0", "*ep_b1000#1", "*ep_b1000#2"]),
        ("ContrastBolusAgent", 0x00180010, "LO", [None, "Gadolinium", "other"]),
        ("SeriesDescription", 0x0008103E, "LO", ["b 0", "b 500", "b 1000"]),
        ("ImageComments", 0x00204000, "LT", ["b=0", "b=1500(0.4,0,0.9)", "b=1500(0.9,0,0.4)"]),
        ("AcquisitionNumber", 0x00200012, "IS", [3, 4, 5]),
        ("AcquisitionTime", 0x00080032, "TM", ["120000", "120010", "120020"]),
        ("TriggerTime", 0x00181060, "DS", ["0", "33.4", "66.8"]),
        ("NominalPercentageOfRespiratoryPhase", 0x00209245, "FL", [0.0, 10.0, 20.0]),
        ("FrameReferenceTime", 0x00541300, "DS", ["50", "150", "250"]),
        ("ConvolutionKernel", 0x00181210, "SH", ["A", "B", "C"]),
    ],
)
def test_what_makers_and_protocols_name(name: str, tag: int, vr: str, texts: list[object]) -> None:
    files = [
        one_slice(10 * t + k, (0, 0, 3 * k), extra=[(tag, vr, text)] if text else [])
        for t, text in enumerate(texts)
        for k in range(4)
    ]
    with pytest.raises(dd.VolumeError, match=f"differ in {name}"):
        dd.read_series(shuffled(files))
    volumes = dd.read_series(shuffled(files), split="all")
    assert sorted(int(volume.array[0, 0, 0]) for volume in volumes) == [0, 1000, 2000]
    assert all(name in volume.varies and volume.issues == () for volume in volumes)


def test_b_values_of_ge_are_read_modulo_an_offset() -> None:
    files = [
        one_slice(
            10 * t + k,
            (0, 0, 3 * k),
            extra=[(0x00430010, "LO", "GEMS_PARM_01"), (0x00431039, "IS", [1_000_000_000 + b, 8, k, 0])],
        )
        for t, b in enumerate([0, 50])
        for k in range(4)
    ]
    volumes = dd.read_series(shuffled(files), split="all")
    assert sorted(volume.varies["DiffusionBValue (GE)"] for volume in volumes) == [0, 50]


def test_chance_does_not_split() -> None:
    """Two slopes that are spread over three times at random tell no volumes apart."""
    slopes = random.Random(4)
    files = [
        one_slice(10 * t + k, (0, 0, 3 * k), extra=[(0x00281053, "DS", slopes.choice("12"))])
        for t in range(3)
        for k in range(8)
    ]
    volumes = dd.read_series(shuffled(files), split="all", values="stored")
    for t, volume in enumerate(volumes):
        assert np.array_equal(volume.array, values(range(10 * t, 10 * t + 8)))


def test_another_series_comes_before_a_slice_without_a_place() -> None:
    report = s.image(np.zeros((6, 8), np.uint8), extra=[(0x0020000E, "UI", "1.2.99")])
    assert code_of([*stack(), report]) == "series_mixed"


def test_repeats_of_unequal_number_are_not_guessed_apart() -> None:
    files = [one_slice(10 * t + k, (0, 0, 3 * k)) for t in range(2) for k in range(4)][:-1]
    assert code_of(files) == "slices_duplicate"
    assert code_of(files, split="all") == "slices_duplicate"


def test_acquisitions_that_follow_each_other_are_one_volume() -> None:
    files = [one_slice(k, (0, 0, 3 * k), extra=[(0x00200012, "IS", 1 + k // 3)]) for k in range(6)]
    volume = dd.read_series(files)
    assert volume.varies == {"AcquisitionNumber": [1, 1, 1, 2, 2, 2]} and volume.issues == ()


def test_a_meaning_that_changes_within_a_volume_is_an_issue() -> None:
    files = [one_slice(k, (0, 0, 3 * k), extra=ECHO_2 if k % 2 else ECHO_1) for k in range(6)]
    volume = dd.read_series(files)
    assert codes_of(volume) == ["series_mixed"] and volume.varies["EchoNumbers"] == [1, 2, 1, 2, 1, 2]
    names = ["MONOCHROME2", "MONOCHROME1", "MONOCHROME2"]
    inverted = [one_slice(k, (0, 0, 3 * k), photometric=name) for k, name in enumerate(names)]
    volume = dd.read_series(inverted)
    assert codes_of(volume) == ["series_mixed"] and volume.varies["PhotometricInterpretation"] == names


@pytest.mark.parametrize(
    "name, creator, tag, vr",
    [
        ("ComplexImageComponent (GE)", "GEMS_PARM_01", 0x0043102F, "SS"),
        ("DiffusionGradientOrientation (Philips, x)", "Philips MR Imaging DD 001", 0x200510B0, "FL"),
        ("ReceiveCoilName (Siemens)", "SIEMENS MR HEADER", 0x0051100F, "LO"),
    ],
)
def test_private_attributes_tell_volumes_apart(name: str, creator: str, tag: int, vr: str) -> None:
    files = []
    for n in range(3):
        block = (tag & 0xFFFF0000) | tag >> 8 & 0xFF
        extra: list[s.Element] = [(block, "LO", creator), (tag, vr, str(n) if vr == "LO" else n)]
        files += stack(first=5 * n, extra=extra)
    volumes = dd.read_series(shuffled(files), split="all")
    assert len(volumes) == 3 and all(name in volume.varies for volume in volumes)
    for volume in volumes:
        n = int(volume.varies[name])
        assert np.array_equal(volume.array, values(range(5 * n, 5 * n + 5)))


def test_counters_that_tell_volumes_apart_are_named() -> None:
    files = [multi_frame([(0, 0, 2 * k) for k in range(4)], uid=f"1.2.{n}") for n in (5, 6)]
    volumes = dd.read_series(files, split="all")
    assert [volume.varies for volume in volumes] == [{"SOPInstanceUID": "1.2.5"}, {"SOPInstanceUID": "1.2.6"}]


def test_nothing_has_a_place() -> None:
    with pytest.raises(dd.VolumeError, match=r"no Image Position \(Patient\)"):
        dd.read_series([s.image(np.zeros((9, 9), np.uint8))] * 2, split="all", strict=False)


def test_localizer() -> None:
    files = stack(3) + stack(4, orientation=SAGITTAL, first=3) + stack(3, orientation=OBLIQUE, first=7)
    with pytest.raises(dd.VolumeError, match="3 orientations, as in a localizer: source 0; source 3; source 7"):
        dd.read_series(files)
    volumes = dd.read_series(files, split="all")
    assert [volume.shape[0] for volume in volumes] == [3, 4, 3]
    assert volumes[1].varies == {"ImageOrientationPatient": SAGITTAL}


def test_everything_at_once() -> None:
    files = stack(4) + stack(3, series="1.2.8", first=10) + [s.image(np.zeros((9, 9), np.uint8))]
    assert code_of(files, split="all") == "not_a_volume"
    volumes = dd.read_series(files, split="all", strict=False)
    assert [volume.varies for volume in volumes] == [{"SeriesInstanceUID": "1.2.3"}, {"SeriesInstanceUID": "1.2.8"}]
    assert all(codes_of(volume) == ["not_a_volume"] for volume in volumes)
    single = dd.read_series(files[:4] + stack(1, series="1.2.8", first=10), split="all", strict=False)
    assert [codes_of(volume) for volume in single] == [[], ["not_a_volume"]]


def test_stacks_side_by_side() -> None:
    files = stack(4) + stack(4, start=(100, 20, 30), first=4)
    assert code_of(files) == "series_mixed"
    left, right = dd.read_series(files, split="all")
    assert np.array_equal(left.affine, affine()) and np.array_equal(right.affine, affine(start=(100, 20, 30)))


# Multi-frame files.


def test_multi_frame() -> None:
    order = [2, 0, 3, 1]
    volume = dd.read_series(multi_frame([(-10, 20, 30 + 2 * k) for k in order]))
    assert np.array_equal(volume.array, values(np.argsort(order)))
    assert np.array_equal(volume.affine, affine()) and len(volume.sources) == 1


def test_multi_frame_of_several_volumes() -> None:
    places = [(0, 0, 3 * k) for k in range(3) for _ in range(2)]
    contents = [[(0x00209128, "UL", 1 + i % 2)] for i in range(6)]
    contents_bytes = multi_frame(places, contents=contents)
    assert code_of(contents_bytes) == "series_mixed"
    volumes = dd.read_series(contents_bytes, split="all")
    assert [volume.varies for volume in volumes] == [{"TemporalPositionIndex": 1}, {"TemporalPositionIndex": 2}]
    assert np.array_equal(volumes[0].array, values([0, 2, 4])) and np.array_equal(volumes[1].array, values([1, 3, 5]))


def test_multi_frame_of_several_stacks() -> None:
    places = [(0, 0, 3.0 * k) for k in range(3)] + [(3.0 * k, 0, 0) for k in range(3)]
    contents = [[(0x00209056, "SH", "1" if i < 3 else "2")] for i in range(6)]
    both = multi_frame(places, contents=contents, orientations=[AXIAL] * 3 + [SAGITTAL] * 3)
    assert code_of(both) == "orientation_mixed"
    first, second = dd.read_series(both, split="all")
    assert np.array_equal(first.array, values([0, 1, 2]))
    assert np.array_equal(second.affine[:3, 2], 3 * normal_of(SAGITTAL))


def test_stacks_and_segments_are_volumes_wherever_they_lie() -> None:
    """Segments have frames only where there is something of them."""
    segments = [1, 1, 1, 2, 2]
    others: list[list[s.Element]] = [[(0x0062000A, "SQ", [[(0x0062000B, "US", k)]])] for k in segments]
    places = [(0, 0, 3 * k) for k in (0, 1, 2, 2, 3)]
    volumes = dd.read_series(multi_frame(places, others=others), split="all")
    assert [volume.varies for volume in volumes] == [{"ReferencedSegmentNumber": 1}, {"ReferencedSegmentNumber": 2}]
    assert [volume.shape[0] for volume in volumes] == [3, 2]
    contents: list[list[s.Element]] = [[(0x00209056, "SH", str(i // 3))] for i in range(6)]
    above = multi_frame([(0, 0, 3 * i) for i in range(6)], contents=contents)
    assert code_of(above) == "series_mixed" and len(dd.read_series(above, split="all")) == 2


def test_b_values_in_functional_groups() -> None:
    others: list[list[s.Element]] = [[(0x00189117, "SQ", [[(0x00189087, "FD", 500.0 * (i // 3))]])] for i in range(6)]
    volumes = dd.read_series(multi_frame([(0, 0, 3 * (i % 3)) for i in range(6)], others=others), split="all")
    assert [volume.varies for volume in volumes] == [{"DiffusionBValue": 0}, {"DiffusionBValue": 500}]


def test_dimension_indices_tell_apart_what_nothing_else_does() -> None:
    contents = [[(0x00209157, "UL", [1 + i // 3, 1 + i % 3])] for i in range(6)]
    volumes = dd.read_series(multi_frame([(0, 0, 3 * (i % 3)) for i in range(6)], contents=contents), split="all")
    assert [int(volume.array[0, 0, 0]) for volume in volumes] == [0, 300]


def test_a_file_for_each_volume() -> None:
    files = [multi_frame([(0, 0, 3 * k) for k in range(3)], uid=f"1.2.3.{t}") for t in range(4)]
    assert code_of(files) == "series_mixed"
    assert len(dd.read_series(files, split="all")) == 4


def test_one_volume_in_several_multi_frame_files() -> None:
    files = [multi_frame([(0, 0, 9 * t + 3 * k) for k in range(3)], uid=f"1.2.3.{t}") for t in (1, 0)]
    volume = dd.read_series(files)
    assert np.array_equal(volume.array, values([0, 1, 2] * 2)) and volume.sources == (files[1], files[0])


def test_frames_without_a_place_of_their_own() -> None:
    """A cine with one position: every frame lies there."""
    cine = s.image(np.zeros((5, 6, 8), np.uint8), extra=[(0x00200032, "DS", [0, 0, 0]), (0x00200037, "DS", AXIAL)])
    assert code_of(cine) == "not_a_volume"
    placed = s.image(
        np.zeros((5, 6, 8), np.uint8),
        extra=[(0x00200032, "DS", [0, 0, 0]), (0x00200037, "DS", AXIAL), (0x00280030, "DS", [1, 1])],
    )
    assert code_of(placed) == "not_a_volume"


@pytest.mark.parametrize("offsets, step", [([0, 3, 6], 3.0), ([0, -3, -6], 3.0), ([30, 33, 36], 3.0)])
def test_dose(offsets: list[float], step: float) -> None:
    """Grid Frame Offset Vector: from the first frame, or z of axial planes."""
    dose = s.image(
        np.stack([pixels_of(k).astype(np.uint16) for k in range(3)]),
        extra=[
            (0x00200032, "DS", [-10, 20, 30]),
            (0x00200037, "DS", AXIAL),
            (0x00280030, "DS", [0.5, 0.75]),
            (0x3004000C, "DS", offsets),
        ],
    )
    volume = dd.read_series(dose)
    down = offsets[-1] < 0
    assert np.array_equal(volume.array, values([2, 1, 0] if down else [0, 1, 2]))
    assert np.allclose(volume.affine, affine(step=step, start=(-10, 20, 24 if down else 30)))


@pytest.mark.parametrize("step", [4.0, -4.0])
def test_nuclear_medicine(step: float) -> None:
    detector: list[s.Element] = [(0x00200032, "DS", [-10, 20, 30]), (0x00200037, "DS", AXIAL)]
    spect = s.image(
        np.stack([pixels_of(k) for k in range(3)]),
        extra=[
            (0x00180088, "DS", step),
            (0x00280030, "DS", [0.5, 0.75]),
            (0x00540022, "SQ", [detector]),
            (0x00540080, "US", [1, 2, 3]),
        ],
    )
    volume = dd.read_series(spect)
    assert np.array_equal(volume.array, values([0, 1, 2] if step > 0 else [2, 1, 0]))
    assert np.allclose(volume.affine, affine(step=4.0, start=(-10, 20, 30 if step > 0 else 22)))


def test_nuclear_medicine_without_steps() -> None:
    spect = s.image(
        np.zeros((3, 6, 8), np.uint8),
        extra=[
            (0x00280030, "DS", [0.5, 0.75]),
            (0x00540022, "SQ", [[(0x00200032, "DS", [0, 0, 0]), (0x00200037, "DS", AXIAL)]]),
            (0x00540080, "US", [1, 2, 3]),
        ],
    )
    with pytest.raises(dd.VolumeError, match="Spacing Between Slices"):
        dd.read_series(spect)


def test_a_volume_of_ultrasound_is_not_in_the_patient() -> None:
    shared: list[s.Element] = [
        (0x0020930F, "SQ", [[(0x00209302, "FD", AXIAL)]]),
        (0x00289110, "SQ", [[(0x00280030, "DS", [0.5, 0.75])]]),
    ]
    frames = [[(0x0020930E, "SQ", [[(0x00209301, "FD", [0.0, 0.0, 2.0 * k])]])] for k in range(3)]
    extra: list[s.Element] = [(0x52009229, "SQ", [shared]), (0x52009230, "SQ", frames)]
    with pytest.raises(dd.VolumeError, match=r"Image Position \(Volume\)") as caught:
        dd.read_series(s.image(np.zeros((3, 6, 8), np.uint8), extra=extra))
    assert caught.value.code == "not_a_volume"


def test_frames_that_a_segmentation_leaves_out() -> None:
    places = [(1, 0), (1, 1), (1, 4), (2, 0), (2, 1), (2, 2)]
    segments = [[(0x0062000A, "SQ", [[(0x0062000B, "US", segment)]])] for segment, _ in places]
    contents = multi_frame([(0, 0, 3 * k) for _, k in places], others=segments)
    with pytest.raises(dd.VolumeError, match="segmentation") as caught:
        dd.read_series(contents, split="all")
    assert caught.value.code == "slices_missing"
    volumes = dd.read_series(contents, split="all", strict=False)
    assert [volume.varies["ReferencedSegmentNumber"] for volume in volumes] == [1, 2]
    assert [codes_of(volume) for volume in volumes] == [["slices_missing"], []]


def test_quantities_of_a_parametric_map() -> None:
    mappings = [[(0x00409096, "SQ", [[(0x00409210, "SH", name)]])] for name in ("ADC", "Ktrans") for _ in range(3)]
    volumes = dd.read_series(multi_frame([(0, 0, 3 * k) for k in range(3)] * 2, others=mappings), split="all")
    assert [volume.varies["LUTLabel"] for volume in volumes] == ["ADC", "Ktrans"]
    assert np.array_equal(volumes[1].array, values([3, 4, 5]))


def test_one_issue_for_a_file_without_a_place() -> None:
    cine = s.image(np.zeros((30, 6, 8), np.uint8), extra=[(0x0020000E, "UI", "1.9")])
    (volume,) = dd.read_series([cine, *stack()], split="all", strict=False)
    assert codes_of(volume) == ["not_a_volume"]
