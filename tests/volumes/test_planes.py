"""Where an image lies: `position`, `orientation`, `affine`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.volumes.series import AXIAL, OBLIQUE, affine, multi_frame, one_slice


@pytest.mark.parametrize("orientation", [AXIAL, OBLIQUE])
def test_one_frame(orientation: tuple[float, ...]) -> None:
    with dd.open(one_slice(1, (-10, 20, 30), orientation=orientation)) as image:
        assert image.position is not None and image.position.tolist() == [-10, 20, 30]
        assert image.orientation is not None and image.orientation.tolist() == list(orientation)
        assert np.allclose(image.affine, affine(step=2.5, orientation=orientation), rtol=0, atol=1e-12)
        assert image.affine is not None and image.affine.dtype == np.float64


def test_without_slice_thickness_a_slice_is_a_millimetre_thick() -> None:
    image = dd.open(one_slice(1, (-10, 20, 30), without=[0x00180050]))
    assert np.array_equal(image.affine, affine(step=1.0))


def test_many_frames() -> None:
    image = dd.open(multi_frame([(1, 2, 3 * k) for k in range(4)], orientations=[AXIAL, OBLIQUE] * 2))
    assert image.position is not None and image.position.tolist() == [[1, 2, 3 * k] for k in range(4)]
    assert image.orientation is not None and image.orientation.shape == (4, 6)
    assert image.affine is not None and image.affine.shape == (4, 4, 4)
    assert np.allclose(image.affine[1], affine(step=2.5, start=(1, 2, 3), orientation=OBLIQUE))


def test_a_frame_without_a_group_has_what_is_shared() -> None:
    shared: list[s.Element] = [
        (0x00209113, "SQ", [[(0x00200032, "DS", [1, 2, 3])]]),
        (0x00209116, "SQ", [[(0x00200037, "DS", AXIAL)]]),
    ]
    per_frame: list[list[s.Element]] = [[(0x00209113, "SQ", [[(0x00200032, "DS", [4, 5, 6])]])]]
    image = dd.open(
        s.image(np.zeros((2, 3, 4), np.uint8), extra=[(0x52009229, "SQ", [shared]), (0x52009230, "SQ", per_frame)])
    )
    assert image.position is not None and image.position.tolist() == [[4, 5, 6], [1, 2, 3]]
    assert image.affine is None, "there is no Pixel Spacing"


@pytest.mark.parametrize(
    "tag, vr, value",
    [
        (0x00200032, "DS", "1\\2"),
        (0x00200032, "DS", "1\\2\\x"),
        (0x00200032, "DS", "1\\2\\1e999"),
        (0x00200032, "DS", ""),
        (0x00200037, "DS", "1\\0\\0\\0\\1"),
        (0x00280030, "DS", "0\\1"),
        (0x00280030, "DS", "1"),
        (0x00280030, "DS", "-1\\1"),
    ],
)
def test_what_is_no_number_is_not_there(tag: int, vr: str, value: Any) -> None:
    image = dd.open(one_slice(1, (-10, 20, 30), extra=[(tag, vr, value)]))
    assert image.affine is None
    with pytest.raises(dd.VolumeError) as caught:
        dd.read_series([one_slice(k, (0, 0, k), extra=[(tag, vr, value)]) for k in range(3)])
    assert caught.value.code == "not_a_volume"


def test_numbers_in_other_vrs_count() -> None:
    image = dd.open(one_slice(1, (0, 0, 0), extra=[(0x00200032, "FD", [1.5, 2.5, 3.5])]))
    assert image.position is not None and image.position.tolist() == [1.5, 2.5, 3.5]


def test_an_image_without_a_place() -> None:
    image = dd.open(s.image(np.zeros((3, 4), np.uint8)))
    assert image.position is None and image.orientation is None and image.affine is None
    assert dd.open(s.dataset([(0x00080060, "CS", "SR")])).affine is None
