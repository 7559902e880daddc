"""A picture of one frame for a person to look at: by the stored window, and by one from the pixels where there is none.

`values="display"` is what the header says. A picture has to show something: where the header stores no window, or one
in which the frame is a single shade, the window is "auto".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.image import DicomImage

__all__ = ["Picture", "picture_of"]

#: A picture whose percentiles 0.5 and 99.5 are fewer shades of 256 apart is flat: nobody sees anything in it.
_FEWEST_SHADES = 8


class Picture(NamedTuple):
    """A frame as a person sees it.

    Attributes
    ----------
    pixels : ndarray of uint8
        [rows, columns], or [rows, columns, 3] of colour.
    window : object
        The argument ``window=`` that gives it: None where the header decides.
    """

    pixels: NDArray[np.uint8]
    window: Any


def picture_of(image: DicomImage, *, frame: int | None = None, window: Any = None, overlays: bool = False) -> Picture:
    """One frame for a person to look at.

    Parameters
    ----------
    image : DicomImage
        An opened file with pixel data.
    frame : int, optional
        Counted from 0; the middle one by default.
    window : object, optional
        As in `dicomdecode.imread`; it is kept to. Default: the stored one that shows something, else "auto".
    overlays : bool
        Draw the overlays.

    Raises
    ------
    DicomError
        The frame cannot be decoded.
    IndexError
        The image has no such frame.
    """
    number = image.frames // 2 if frame is None else frame

    def by(window: Any) -> NDArray[np.uint8]:
        return image.pixels(values="display", frames=number, window=window, overlays=overlays)

    if window is not None or image.samples != 1 or image.photometric == "PALETTE COLOR":
        return Picture(by(window), window)
    if image.stores_voi(number):
        pixels = by(None)
        low, high = np.percentile(pixels, (0.5, 99.5))
        if high - low >= _FEWEST_SHADES:
            return Picture(pixels, None)
    return Picture(by("auto"), "auto")
