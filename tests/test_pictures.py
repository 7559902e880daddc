"""Pictures for people: right, in their proportions, and with nobody's name."""

from __future__ import annotations

import base64
import io
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


def test_spread() -> None:
    assert (
        pictures.spread(3, 7) == [0, 1, 2] and pictures.spread(100, 3) == [0, 50, 99] and pictures.spread(9, 1) == [4]
    )


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
