"""Frames and volumes in matplotlib: values under a colour bar in their unit, pixels in their physical proportions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomdecode.pictures.frames import Picturable, is_colour, number_of, picture_of, term, title_of
from dicomdecode.pictures.planes import Plane, Voxels, planes_of, range_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

__all__ = ["plot_image", "plot_volume", "unit_of"]


def plot_image(
    image: Picturable, frame: int | None = None, *, window: Any = None, ax: Axes | None = None, colorbar: bool = True
) -> Axes:
    """`DicomImage.plot` says how."""
    pyplot = _pyplot()
    frame = number_of(image.frames, frame)
    if ax is None:
        ax = pyplot.subplots(layout="constrained")[1]
    aspect = image.spacing[0] / image.spacing[1] if image.spacing else 1.0
    shown = picture_of(image, frame=frame, window=window)
    if is_colour(image):
        ax.imshow(shown.pixels, aspect=aspect)
    else:
        used = image.window_of(frame=frame, window=shown.window)
        low, high = (used[0] - used[1] / 2, used[0] + used[1] / 2) if used else (None, None)
        inverted = "inverted" in image.steps_of(values="display", frame=frame, window=shown.window)
        pixels = image.pixels(values="modality", frames=frame)
        drawn = ax.imshow(pixels, cmap="gray_r" if inverted else "gray", vmin=low, vmax=high, aspect=aspect)
        if colorbar:
            pyplot.colorbar(drawn, ax=ax, label=unit_of(image))
    ax.set_title(title_of(image, frame))
    _ticks(ax, image)
    return ax


def plot_volume(
    volume: Voxels,
    at: Sequence[int | None] | None = None,
    *,
    window: Any = None,
    axes: Sequence[Axes] | None = None,
    colorbar: bool = True,
) -> Sequence[Axes]:
    """`Volume.plot` says how."""
    pyplot = _pyplot()
    planes = list(planes_of(volume, at))
    black, white = range_of(volume, window)
    if axes is None:
        axes = pyplot.subplots(1, 3, layout="constrained", figsize=(12, 4))[1]
    if len(axes) != len(planes):
        raise ValueError(f"a volume is drawn into 3 axes, not {len(axes)}")
    for ax, plane in zip(axes, planes, strict=True):
        drawn = _draw_plane(ax, plane, black, white)
        ax.set_title(plane.title(volume.array.shape[plane.normal]))
    if colorbar and volume.array.ndim == 3:
        pyplot.colorbar(drawn, ax=list(axes))
    return axes


def _draw_plane(ax: Axes, plane: Plane, black: float, white: float) -> Any:
    aspect = plane.vertical.spacing / plane.horizontal.spacing
    drawn = ax.imshow(plane.values, cmap="gray", vmin=black, vmax=white, aspect=aspect)
    if plane.vertical.is_turned:
        ax.invert_yaxis()
    if plane.horizontal.is_turned:
        ax.invert_xaxis()
    ax.set_xlabel(plane.horizontal.label)
    ax.set_ylabel(plane.vertical.label)
    return drawn


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError("plot() needs matplotlib: pip install 'dicomdecode[plot]'") from error
    return pyplot


def unit_of(image: Picturable) -> str:
    """The unit of modality values as the file names it: Rescale Type, Units (PET) or Dose Units; "" for none."""
    for tag in (0x00281054, 0x00541001, 0x30040002):
        unit = term(image.tag(tag))
        if unit and unit != "US":  # unspecified
            return unit
    return "HU" if image.tag(0x00080060) == "CT" else ""


def _ticks(ax: Axes, image: Picturable) -> None:
    ax.set_xlabel("column")
    ax.set_ylabel("row")
    if image.spacing is not None:
        row, column = image.spacing
        ax.set_xlabel(f"column ({column:.3g} mm)")
        ax.set_ylabel(f"row ({row:.3g} mm)")
