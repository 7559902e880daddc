"""Pictures for people: a card in a notebook, a plot with a colour bar, a montage. Nothing here names a patient.

Pillow and matplotlib are imported by the call that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import PIL.Image
    from matplotlib.axes import Axes

    from dicomdecode.pictures.frames import Picturable

__all__ = ["Pictured"]


class Pictured:
    """The methods of `dicomdecode.DicomImage` that make pictures."""

    def plot(
        self: Picturable, frame: int | None = None, *, window: Any = None, ax: Axes | None = None, colorbar: bool = True
    ) -> Axes:
        """Draw a frame with matplotlib (``pip install 'dicomdecode[plot]'``).

        Monochrome frames are drawn in modality values, with a colour bar in their unit and black and white at the ends
        of the window; colour as it is displayed. Pixels have their physical proportions. Nothing names the patient.

        Parameters
        ----------
        frame : int, optional
            Default: the middle one.
        window : optional
            As in `dicomdecode.imread`. Default: what is stored, else "auto".
        ax : matplotlib.axes.Axes, optional
            Where to draw. Default: a new figure.
        colorbar : bool

        Raises
        ------
        DicomError
            The frame cannot be decoded.
        IndexError
            There is no such frame.
        ImportError
            matplotlib is not installed.
        """
        from dicomdecode.pictures.plot import plot_image

        return plot_image(self, frame, window=window, ax=ax, colorbar=colorbar)

    def montage(
        self: Picturable, *, frames: Any = None, columns: int | None = None, side: int = 128, window: Any = None
    ) -> PIL.Image.Image:
        """Frames beside each other, as a picture that a notebook shows and `numpy.asarray` takes.

        Parameters
        ----------
        frames : slice or sequence of int, optional
            Default: all, of more than 100 so many, evenly spread.
        columns : int, optional
            Default: as many as make the sheet about square.
        side : int
            Of a frame at most, in pixels.
        window : optional
            As in `dicomdecode.imread`. Default: what is stored, else "auto".

        Returns
        -------
        PIL.Image.Image
            "L", or "RGB" for colour.

        Raises
        ------
        DicomError
            A frame cannot be decoded.
        IndexError
            There is no such frame.
        """
        from dicomdecode.pictures.frames import montage_of

        return montage_of(self, frames=frames, columns=columns, side=side, window=window)

    def _repr_html_(self: Picturable) -> str:
        from dicomdecode.pictures.card import card_of

        return card_of(self)

    def _repr_png_(self: Picturable) -> bytes | None:
        from dicomdecode.pictures.card import png_of_image

        return png_of_image(self)
