"""Mosaics: a Siemens CSA header written by hand, in both of its forms, whole and damaged; the sequence of UIH."""

from __future__ import annotations

import random
import struct

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.volumes.mosaic import read_csa
from tests import synthesise as s
from tests.volumes.series import AXIAL, SPACING

COUNT, SIDE, ROWS, COLUMNS = 7, 3, 4, 6
START = (-50.0, 40.0, 10.0)


def csa(elements: dict[str, list[str]], *, second: bool = True, count: int | None = None) -> bytes:
    """A CSA header. The first element of the first form counts its items into every length, as scanners did."""
    parts = [b"SV10\4\3\2\1" if second else b"", struct.pack("<II", len(elements) if count is None else count, 77)]
    surplus = None
    for name, values in elements.items():
        surplus = len(values) if surplus is None else surplus
        parts.append(struct.pack("<64si4siii", name.encode(), 1, b"FD\0\0", 4, len(values), 77))
        for value in values:
            data = value.encode() + b"\0"
            lengths = (9, len(data), 77, 9) if second else (len(data) + surplus, 9, 77, 9)
            parts += [struct.pack("<4i", *lengths), data + b"\0" * (-len(data) % 4)]
    return b"".join(parts)


def elements(normal: str = "1", count: int = COUNT) -> dict[str, list[str]]:
    return {
        "EchoLinePosition": ["32", ""],
        "NumberOfImagesInMosaic": [f"{count:8} "],
        "SliceNormalVector": ["0.00000000", "0.00000000", f"{normal}.00000000", "", ""],
    }


def mosaic(header: bytes | None, *, number: int = 0, side: int = SIDE, step: str = "3", creator: int = 0x10) -> bytes:
    tiles = np.zeros((side * side, ROWS, COLUMNS), np.uint16)
    tiles[:COUNT] = slices(number)[: side * side]
    picture = tiles.reshape(side, side, ROWS, COLUMNS).swapaxes(1, 2).reshape(side * ROWS, side * COLUMNS)
    extra: list[s.Element] = [
        (0x00080008, "CS", ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]),
        (0x00080018, "UI", f"1.2.3.{number}"),
        (0x00180050, "DS", "2.5"),
        (0x0020000E, "UI", "1.2.3"),
        (0x00200012, "IS", number),
        (0x00200032, "DS", START),
        (0x00200037, "DS", AXIAL),
        (0x00280030, "DS", SPACING),
    ]
    extra += [(0x00180088, "DS", step)] if step else []
    if header is not None:
        extra += [(0x00290000 | creator, "LO", "SIEMENS CSA HEADER"), (0x00290010 | creator << 8, "OB", header)]
    return s.image(picture, extra=extra)


def slices(number: int = 0) -> np.ndarray:
    return (np.arange(COUNT * ROWS * COLUMNS) + 1000 * number).astype(np.uint16).reshape(COUNT, ROWS, COLUMNS)


@pytest.mark.parametrize("second", [True, False])
@pytest.mark.parametrize("normal", ["1", "-1"])
@pytest.mark.parametrize("creator", [0x10, 0x12])
def test_tiles_become_slices(second: bool, normal: str, creator: int) -> None:
    volume = dd.read_series(mosaic(csa(elements(normal), second=second), creator=creator))
    assert [issue.code for issue in volume.issues] == ["mosaic"]
    up = normal == "1"
    assert np.array_equal(volume.array, slices()[:: 1 if up else -1].astype(np.float32))
    corner = (START[0] + 6 * SPACING[1], START[1] + 4 * SPACING[0], START[2] if up else START[2] - 3 * 6)
    assert np.allclose(volume.affine[:3, 3], corner)
    assert np.allclose(np.diag(volume.affine), (SPACING[1], SPACING[0], 3, 1))


def test_a_mosaic_for_each_time() -> None:
    files = [mosaic(csa(elements()), number=t) for t in range(3)]
    with pytest.raises(dd.VolumeError, match="3 volumes, which differ in AcquisitionNumber"):
        dd.read_series(files)
    for t, volume in enumerate(dd.read_series(files, split="all")):
        assert volume.varies == {"AcquisitionNumber": t} and np.array_equal(volume.array, slices(t))


@pytest.mark.parametrize(
    "contents",
    [
        mosaic(None),
        mosaic(b""),
        mosaic(csa({})),
        mosaic(csa(elements("2"))),
        mosaic(csa(elements(count=0))),
        mosaic(csa(elements(count=65537))),
        mosaic(csa(elements(count=90))),
        mosaic(csa(elements()), step=""),
        mosaic(csa(elements()), step="0"),
    ],
)
def test_what_cannot_be_taken_apart_is_named(contents: bytes) -> None:
    for keywords in ({}, {"strict": False}):
        with pytest.raises(dd.VolumeError, match="Siemens mosaic") as caught:
            dd.read_series(contents, **keywords)
        assert caught.value.code == "not_a_volume"


def test_damaged_headers_end() -> None:
    whole = csa(elements())
    assert read_csa(whole)["NumberOfImagesInMosaic"] == ["7"]
    assert read_csa(csa(elements(), count=1 << 31))["SliceNormalVector"] == ["0.00000000", "0.00000000", "1.00000000"]
    draw = random.Random(5)
    for second in (True, False):
        whole = csa(elements(), second=second)
        for length in range(len(whole)):
            read_csa(whole[:length])
        for _ in range(500):
            damaged = bytearray(whole)
            for _ in range(4):
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
            assert isinstance(read_csa(bytes(damaged)), dict)


def united_imaging(count: int, *, with_positions: bool = True) -> bytes:
    """Tiles of 4 x 6 pixels, as few across as their square needs, in as few rows."""
    across = int(np.ceil(np.sqrt(count)))
    down = int(np.ceil(count / across))
    tiles = np.zeros((down * across, ROWS, COLUMNS), np.uint16)
    tiles[:count] = np.arange(count * ROWS * COLUMNS).reshape(count, ROWS, COLUMNS)
    picture = tiles.reshape(down, across, ROWS, COLUMNS).swapaxes(1, 2).reshape(down * ROWS, across * COLUMNS)
    items: list[list[s.Element]] = [[(0x00200032, "DS", [1, 2, 3 + 4 * k])] for k in range(count)]
    extra: list[s.Element] = [
        (0x00080008, "CS", ["ORIGINAL", "PRIMARY", "M", "VFRAME"]),
        (0x00200037, "DS", AXIAL),
        (0x00280030, "DS", SPACING),
        (0x00650010, "LO", "Image Private Header"),
    ]
    return s.image(picture, extra=[*extra, *([(0x00651051, "SQ", items)] if with_positions else [])])


@pytest.mark.parametrize("count", [2, 5, 7, 12, 20])
def test_tiles_of_united_imaging(count: int) -> None:
    volume = dd.read_series(united_imaging(count))
    wanted = np.arange(count * ROWS * COLUMNS).reshape(count, ROWS, COLUMNS)
    assert np.array_equal(volume.array, wanted.astype(np.float32))
    assert volume.origin == (1, 2, 3) and volume.spacing == (4, *SPACING)
    assert [issue.code for issue in volume.issues] == ["mosaic"]


def test_united_imaging_without_positions() -> None:
    with pytest.raises(dd.VolumeError, match="mosaic of United Imaging") as caught:
        dd.read_series(united_imaging(5, with_positions=False))
    assert caught.value.code == "not_a_volume"
