"""Sliders in a notebook, by ipywidgets: over the frames of an image, and through the planes of a volume."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dicomdecode.errors import DicomError
from dicomdecode.pictures.frames import Picturable, fitted, picture_of, png_of
from dicomdecode.pictures.planes import Voxels, picture_of_plane, plane_of, planes_of, range_of

__all__ = ["browse_image", "browse_volume"]


def browse_image(image: Picturable, *, window: Any = None, side: int = 512) -> Any:
    """`DicomImage.browse` says how."""
    widgets = _widgets()
    picture, note = widgets.Image(format="png", layout={"object_fit": "contain"}), widgets.HTML()
    slider = widgets.IntSlider(image.frames // 2, 0, image.frames - 1, description="frame", continuous_update=False)

    def draw(_change: Any = None) -> None:
        try:
            shown = picture_of(image, frame=slider.value, window=window)
        except DicomError as error:
            picture.value, note.value = b"", str(error)
            return
        picture.value, note.value = png_of(fitted(image, shown.pixels, side)), ""

    if not image.rows:
        picture_of(image)  # raises what is wrong
    return _shown(draw, picture, note, slider)


def browse_volume(volume: Voxels, *, window: Any = None, side: int = 512) -> Any:
    """`Volume.browse` says how."""
    widgets = _widgets()
    black, white = range_of(volume, window)
    picture, note = widgets.Image(format="png", layout={"object_fit": "contain"}), widgets.Label()
    names = [(plane.name, plane.normal) for plane in planes_of(volume)]
    choice = widgets.ToggleButtons(options=names, value=0)
    slider = widgets.IntSlider(len(volume.array) // 2, 0, len(volume.array) - 1, continuous_update=False)

    def draw(_change: Any = None) -> None:
        plane = plane_of(volume, choice.value, slider.value)
        picture.value = png_of(picture_of_plane(plane, black, white, side))
        note.value = plane.title(volume.array.shape[plane.normal])

    def turn(_change: Any) -> None:
        count = volume.array.shape[choice.value]
        slider.value = 0  # within any range
        slider.max = count - 1
        slider.value = count // 2
        draw()

    choice.observe(turn, names="value")
    return _shown(draw, picture, note, choice, slider)


def _shown(draw: Callable[..., None], *parts: Any) -> Any:
    """The widgets in a box; the last of them is the slider."""
    parts[-1].observe(draw, names="value")
    draw()
    return _widgets().VBox(list(parts))


def _widgets() -> Any:
    try:
        import ipywidgets
    except ImportError as error:
        raise ImportError("browse() needs ipywidgets: pip install 'dicomdecode[notebook]'") from error
    return ipywidgets
