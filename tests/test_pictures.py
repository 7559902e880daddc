"""Pictures for people: right, in their proportions, and with nobody's name."""

from __future__ import annotations

import base64
import io
import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file

import dicomdecode as dd
from dicomdecode.pictures import frames as pictures
from dicomdecode.pictures import planes
from dicomdecode.pictures.plot import unit_of
from tests import synthesise as s

FILES = ["CT_small.dcm", "MR_small.dcm", "examples_palette.dcm", "examples_rgb_color.dcm", "rtdose.dcm", "rtplan.dcm"]
RAMP = np.arange(12 * 16, dtype=np.uint16).reshape(12, 16)


def path_of(name: str) -> str:
    return str(get_testdata_file(name, download=False))


def images_of(card: str) -> list[Image.Image]:
    found = re.findall(r"data:image/png;base64,([^\"]+)", card)
    return [Image.open(io.BytesIO(base64.b64decode(text))) for text in found]


def without_images(card: str) -> str:
    return re.sub(r"base64,[^\"]+", "", card)


@pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom, about values
@pytest.mark.parametrize("name", FILES)
def test_card_names_nobody(name: str) -> None:
    card = without_images(dd.open(path_of(name))._repr_html_())
    assert card.count("<div") == card.count("</div>") and "transfer syntax" in card
    for element in dcmread(path_of(name)).iterall():
        if element.VR in ("PN", "LO", "SH", "DA", "UI", "LT", "ST") and len(str(element.value)) > 3:
            assert str(element.value) not in card, element.keyword


def test_a_name_where_a_term_should_be() -> None:
    data = s.image(RAMP, extra=[(0x00080060, "CS", b"Doe^John"), (0x00281054, "LO", b"Doe^John")])
    image = dd.open(data)
    assert image.tag("Modality") == "Doe^John"
    assert "Doe" not in without_images(image._repr_html_()) and unit_of(image) == ""


def test_text_of_a_file_is_no_markup() -> None:
    mark = '"><script>'
    data = s.image(RAMP, syntax=f"1.2{mark}", extra=[(0x00080060, "CS", mark), (0x00281056, "CS", mark)])
    colour = s.image(np.zeros((2, 2, 3), np.uint8), photometric=mark)
    for contents in (data, colour):
        card = dd.open(contents)._repr_html_()
        assert "<script" not in card and card.count("<div") == card.count("</div>")


def test_card_shows_the_middle_frame_and_a_strip() -> None:
    image = dd.open(path_of("rtdose.dcm"))
    large, *strip = images_of(image._repr_html_())
    assert np.array_equal(np.asarray(large), image.pixels(values="display", frames=7, window="auto"))
    assert len(strip) == 7 and "frame 7 of 15" in image._repr_html_()
    assert np.array_equal(np.asarray(strip[-1]), image.pixels(values="display", frames=14, window="auto"))


def test_card_says_why_there_is_no_picture(tmp_path: Path) -> None:
    plan = dd.open(path_of("rtplan.dcm"))
    assert "holds no pixel data" in plan._repr_html_() and plan._repr_png_() is None
    path = tmp_path / "Doe.dcm"
    path.write_bytes(s.image(np.zeros((2000, 2000), np.uint16)))
    image = dd.open(path)
    path.unlink()
    card = image._repr_html_()
    assert "cannot be read" in card and "Doe" not in card and image._repr_png_() is None


def test_png_is_the_display_of_the_middle_frame() -> None:
    image = dd.open(path_of("examples_overlay.dcm"))
    png = image._repr_png_()
    assert png is not None
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))), image.pixels(values="display"))


@pytest.mark.parametrize(
    ("spacing", "size"),
    [(b"1\\1", (16, 12)), (b"2\\1", (16, 24)), (b"1\\2", (32, 12)), (b"1\\1e9", (16, 12)), (b"0\\1", (16, 12))],
)
def test_pictures_have_physical_proportions(spacing: bytes, size: tuple[int, int]) -> None:
    image = dd.open(s.image(RAMP, extra=[(0x00280030, "DS", spacing)]))
    picture = pictures.fitted(image, image.pixels(values="display"), 100)
    assert picture.size == size
    assert max(pictures.fitted(image, image.pixels(values="display"), 8).size) == 8


def test_montage() -> None:
    image = dd.open(path_of("rtdose.dcm"))
    sheet = np.asarray(image.montage(columns=5))
    assert sheet.shape == (3 * 11 - 1, 5 * 11 - 1)
    auto = image.pixels(values="display", window="auto")
    for frame in (0, 4, 5, 14):
        row, column = divmod(frame, 5)
        assert np.array_equal(sheet[11 * row : 11 * row + 10, 11 * column : 11 * column + 10], auto[frame])
    assert image.montage(frames=[-1, 3], window=(1, 1)).size == (21, 10)
    assert image.montage(frames=slice(0, 2), side=5).size == (11, 5)
    assert dd.open(path_of("examples_rgb_color.dcm")).montage().mode == "RGB"


@pytest.mark.parametrize(
    ("keywords", "error"),
    [
        ({"side": 0}, ValueError),
        ({"columns": True}, ValueError),
        ({"frames": [15]}, IndexError),
        ({"frames": []}, ValueError),
    ],
)
def test_montage_of_wrong_arguments(keywords: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        dd.open(path_of("rtdose.dcm")).montage(**keywords)


def test_window_of() -> None:
    image = dd.open(path_of("CT_small.dcm"))
    assert image.window_of() is None and image.window_of(window=(40, 400)) == (40, 400, "LINEAR")
    assert dd.open(path_of("examples_overlay.dcm")).window_of() == (450, 790, "LINEAR")
    assert dd.open(path_of("examples_rgb_color.dcm")).window_of() is None
    item = [(0x00283002, "US", (256, 10, 16)), (0x00283006, "OW", np.arange(256, dtype="<u2").tobytes())]
    assert dd.open(s.image(RAMP, extra=[(0x00283010, "SQ", [item])])).window_of() == (137.5, 256.0, "LUT")


def test_plot() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib: not installed")
    matplotlib.use("Agg")
    axes = dd.open(path_of("CT_small.dcm")).plot(window=(40, 400))
    (drawn,) = axes.images
    assert drawn.get_clim() == (-160, 240) and drawn.colorbar.ax.get_ylabel() == "HU"
    assert np.array_equal(drawn.get_array(), dd.imread(path_of("CT_small.dcm")))
    assert axes.get_title() == "CT" and "0.661" in axes.get_xlabel()
    inverse = dd.open(s.image(RAMP, photometric="MONOCHROME1")).plot(colorbar=False).images[0]
    assert inverse.get_cmap().name == "gray_r" and inverse.colorbar is None
    colour = dd.open(path_of("examples_rgb_color.dcm"))
    assert np.array_equal(colour.plot().images[0].get_array(), colour.pixels(values="display"))
    assert dd.open(path_of("rtdose.dcm")).plot(2).get_title() == "RTDOSE, frame 2 of 15"
    matplotlib.pyplot.close("all")


#: A body in the patient's coordinates (z, y, x). Odd counts have a middle.
BODY = np.arange(5 * 3 * 7, dtype=np.int16).reshape(5, 3, 7)


def volume_in(order: tuple[int, ...] = (0, 1, 2), turns: tuple[int, int, int] = (1, 1, 1)) -> dd.Volume:
    """The body with the axes of its array in another order, and turned: the same voxels at the same places."""
    affine = np.eye(4)
    for axis, (of, turn) in enumerate(zip(order, turns, strict=True)):
        step = (2.0, 1.0, 0.5)[of]
        affine[:3, 2 - axis] = np.eye(3)[2 - of] * step * turn
        affine[2 - of, 3] = step * (BODY.shape[of] - 1) * (turn < 0)
    array = BODY.transpose(order)[tuple(slice(None, None, turn) for turn in turns)]
    return dd.Volume(np.ascontiguousarray(array), affine)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("turns", [(1, 1, 1), (-1, 1, 1), (1, -1, -1)])
def test_planes_look_the_same_however_a_volume_is_stored(order: tuple[int, ...], turns: tuple[int, int, int]) -> None:
    shown = {plane.name: planes.as_shown(plane) for plane in planes.planes_of(volume_in(order, turns))}
    assert np.array_equal(shown["axial"], BODY[2])
    assert np.array_equal(shown["coronal"], BODY[::-1, 1])  # the head is up
    assert np.array_equal(shown["sagittal"], BODY[::-1, :, 3])


def test_plot_of_a_volume() -> None:
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib: not installed")
    matplotlib.use("Agg")
    axial, coronal, sagittal = drawn = volume_in().plot((1, 2, -1), window=(4, 8))
    titles = ["axial, slice 1 of 5", "coronal, row 2 of 3", "sagittal, column 6 of 7"]
    assert [ax.get_title() for ax in drawn] == titles
    assert np.array_equal(axial.images[0].get_array(), BODY[1]) and axial.images[0].get_clim() == (0, 8)
    assert [ax.get_aspect() for ax in drawn] == [2, 4, 2]
    assert [bool(ax.yaxis_inverted()) for ax in drawn] == [True, False, False]  # front and head are up
    assert not any(ax.xaxis_inverted() for ax in drawn)
    assert coronal.get_ylabel() == "slice, to the head (2 mm)" and sagittal.get_xlabel() == "row, to the back (1 mm)"
    assert [bool(ax.xaxis_inverted()) for ax in volume_in(turns=(1, 1, -1)).plot()] == [True, True, False]
    colour = dd.Volume(np.zeros((3, 4, 5, 3), np.uint8), np.eye(4))
    assert [ax.images[0].get_array().shape for ax in colour.plot()] == [(4, 5, 3), (3, 5, 3), (3, 4, 3)]
    with pytest.raises(IndexError, match="no slice 5"):
        volume_in().plot((5, 0, 0))
    for wrong in ({"at": (1, 2)}, {"window": (1, 0)}, {"axes": [axial]}):
        with pytest.raises(ValueError):
            volume_in().plot(**wrong)
    matplotlib.pyplot.close("all")


def test_range_of_a_volume() -> None:
    array = np.array([np.nan, -5, 0, 1, 2], np.float32).reshape(1, 1, 5)
    assert planes.range_of(dd.Volume(array, np.eye(4)), None)[0] == pytest.approx(-5, abs=0.1)
    assert planes.range_of(dd.Volume(np.full((1, 2, 3), 7.0), np.eye(4)), "auto") == (7, 8)
    assert planes.range_of(dd.Volume(np.full((1, 2, 3), np.nan), np.eye(4)), None) == (0, 1)
    assert planes.range_of(dd.Volume(np.zeros((1, 2, 3), np.uint8), np.eye(4)), None) == (0, 255)


def test_card_of_a_volume() -> None:
    card = volume_in()._repr_html_()
    axial, coronal, sagittal = images_of(card)
    assert (axial.size, coronal.size, sagittal.size) == ((224, 192), (78, 224), (67, 224))
    assert "coronal, row 1 of 3" in card and "2 x 1 x 0.5 mm" in card


def test_browse() -> None:
    pytest.importorskip("ipywidgets", reason="ipywidgets: not installed")
    image = dd.open(path_of("rtdose.dcm"))
    picture, note, slider = image.browse().children
    assert (slider.value, slider.max) == (7, 14)
    slider.value = 3
    shown = np.asarray(Image.open(io.BytesIO(picture.value)))
    assert np.array_equal(shown, image.pixels(values="display", frames=3, window="auto")) and note.value == ""
    cut = dd.open(s.image(np.zeros((3, 8, 8), np.uint8))[:-64]).browse()
    cut.children[2].value = 2
    assert cut.children[0].value == b"" and "frame 2" in cut.children[1].value
    with pytest.raises(dd.DicomError, match="no pixel data"):
        dd.open(path_of("rtplan.dcm")).browse()
    picture, note, choice, slider = volume_in().browse().children
    assert note.value == "axial, slice 2 of 5"
    choice.value, slider.value = 2, 5
    assert note.value == "sagittal, column 5 of 7" and slider.max == 6
    assert Image.open(io.BytesIO(picture.value)).size == (154, 512)
