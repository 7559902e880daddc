"""Pictures for people: a card in a notebook, a plot with a colour bar, a montage. Nothing here names a patient.

Pillow, matplotlib and ipywidgets are imported by the call that needs them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import PIL.Image
    from matplotlib.axes import Axes

    from dicomdecode.pictures.frames import Picturable
    from dicomdecode.pictures.planes import Voxels

__all__ = ["Pictured", "PicturedVolume"]


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
            Whether there is one beside a monochrome frame.

        Returns
        -------
        matplotlib.axes.Axes
            Where it is drawn.

        Raises
        ------
        DicomError
            The frame cannot be decoded.
        IndexError
            There is no such frame.
        ImportError
            matplotlib is not installed.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> axes = dd.open(get_testdata_file("CT_small.dcm")).plot(window=(40, 400))
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

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> dd.open(get_testdata_file("rtdose.dcm")).montage(columns=5).size
        (54, 32)
        """
        from dicomdecode.pictures.frames import montage_of

        return montage_of(self, frames=frames, columns=columns, side=side, window=window)

    def browse(self: Picturable, *, window: Any = None, side: int = 512) -> Any:
        """A picture with a slider over the frames, for a notebook (``pip install 'dicomdecode[notebook]'``).

        Parameters
        ----------
        window : optional
            As in `dicomdecode.imread`. Default: what is stored, else "auto".
        side : int
            Of the picture at most, in pixels.

        Returns
        -------
        ipywidgets.VBox
            What a cell shows that ends with it. A frame that cannot be decoded is replaced by the error's text.

        Raises
        ------
        DicomError
            There are no pixel data.
        ImportError
            ipywidgets is not installed.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> slider = dd.open(get_testdata_file("rtdose.dcm")).browse()
        """
        from dicomdecode.pictures.browse import browse_image

        return browse_image(self, window=window, side=side)

    def _repr_html_(self: Picturable) -> str:
        from dicomdecode.pictures.card import card_of

        return card_of(self)

    def _repr_png_(self: Picturable) -> bytes | None:
        from dicomdecode.pictures.card import png_of_image

        return png_of_image(self)


class PicturedVolume:
    """The methods of `dicomdecode.Volume` that make pictures."""

    def plot(
        self: Voxels,
        at: Sequence[int | None] | None = None,
        *,
        window: Any = None,
        axes: Sequence[Axes] | None = None,
        colorbar: bool = True,
    ) -> Sequence[Axes]:
        """Draw the three planes through a voxel with matplotlib (``pip install 'dicomdecode[plot]'``).

        Voxels have their physical proportions. The head, or in axial planes the front, is at the top; the patient's
        right, or in sagittal planes the front, is at the left, as radiologists look at them. The axes say where
        they lead.

        Parameters
        ----------
        at : (slice, row, column), optional
            The voxel. Default: the middle, also of each axis that is None.
        window : (center, width) or "auto", optional
            In the values of the array. Default: percentiles 0.5 and 99.5 become black and white; bytes are drawn as
            they are.
        axes : three matplotlib.axes.Axes, optional
            Where to draw. Default: a new figure.
        colorbar : bool
            Whether there is one beside the planes.

        Returns
        -------
        sequence of matplotlib.axes.Axes
            Of the planes that have one slice, one row and one column.

        Raises
        ------
        ImportError
            matplotlib is not installed.
        IndexError
            There is no such voxel.
        ValueError
            An argument is wrong.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pathlib import Path
        >>> from pydicom.data import get_testdata_file
        >>> volume = dd.read_series(Path(get_testdata_file("DICOMDIR")).parent / "98892001" / "CT5N")
        >>> axes = volume.plot(window=(40, 400))
        """
        from dicomdecode.pictures.plot import plot_volume

        return plot_volume(self, at, window=window, axes=axes, colorbar=colorbar)

    def browse(self: Voxels, *, window: Any = None, side: int = 512) -> Any:
        """A plane with a slider and a choice of planes, for a notebook (``pip install 'dicomdecode[notebook]'``).

        Parameters
        ----------
        window : (center, width) or "auto", optional
            As in `plot`.
        side : int
            Of the picture, in pixels.

        Returns
        -------
        ipywidgets.VBox
            What a cell shows that ends with it.

        Raises
        ------
        ImportError
            ipywidgets is not installed.
        ValueError
            An argument is wrong.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pathlib import Path
        >>> from pydicom.data import get_testdata_file
        >>> volume = dd.read_series(Path(get_testdata_file("DICOMDIR")).parent / "98892001" / "CT5N")
        >>> slider = volume.browse()
        """
        from dicomdecode.pictures.browse import browse_volume

        return browse_volume(self, window=window, side=side)

    def _repr_html_(self: Any) -> str:
        from dicomdecode.pictures.card import card_of_volume

        return card_of_volume(self, self.issues)
