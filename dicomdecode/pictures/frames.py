"""Frames as a person looks at them: windowed, in their physical proportions, of a size that fits."""

from __future__ import annotations

import io
import math
import operator
import re
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from dicomdecode.pixels.auto_window import PERCENTILES, evenly

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.Image import Image

__all__ = [
    "Picturable",
    "Picture",
    "fitted",
    "is_colour",
    "montage_of",
    "number_of",
    "picture_of",
    "png_of",
    "term",
    "title_of",
]

#: The sides of a picture may differ by this factor from those of the array: spacings are sometimes nonsense.
_MOST_STRETCHED = 20.0
#: A picture whose `PERCENTILES` are fewer shades of 256 apart is flat: nothing can be seen in it.
_FEWEST_SHADES = 8
#: Between the frames of a montage.
_GAP = 1


class Picturable(Protocol):
    """What is needed of an image; `dicomdecode.DicomImage` has it."""

    @property
    def frames(self) -> int: ...
    @property
    def rows(self) -> int: ...
    @property
    def columns(self) -> int: ...
    @property
    def bits_stored(self) -> int: ...
    @property
    def photometric(self) -> str: ...
    @property
    def transfer_syntax(self) -> str: ...
    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def spacing(self) -> tuple[float, float] | None: ...
    @property
    def spacing_of(self) -> str | None: ...
    @property
    def issues(self) -> tuple[str, ...]: ...

    def tag(self, tag: int | str | tuple[int, int]) -> Any: ...
    def pixels(
        self, *, values: str, frames: Any = None, window: Any = None, overlays: bool = False, dtype: Any = None
    ) -> NDArray[Any]: ...
    def window_of(self, *, frame: int = 0, window: Any = None) -> tuple[float, float, str] | None: ...
    def steps_of(self, *, values: str, frame: int = 0, window: Any = None) -> tuple[str, ...]: ...


def term(value: Any) -> str:
    """A defined term of the standard (CS: upper case, digits, _) as it is, "" for anything else: a file may have a name
    where a term should be."""
    found = value.strip() if isinstance(value, str) else ""
    return found if re.fullmatch(r"[A-Z][A-Z0-9_ ]{1,15}", found) else ""


def is_colour(image: Picturable) -> bool:
    """Whether display values have samples."""
    return len(image.shape) - (image.frames > 1) == 3


def title_of(image: Picturable, frame: int) -> str:
    """What a frame is called: its modality, and which of how many it is; nothing that names a patient."""
    which = f"frame {frame} of {image.frames}" if image.frames > 1 else ""
    return ", ".join(filter(None, (term(image.tag(0x00080060)), which)))


def number_of(count: int, frame: int | None) -> int:
    """A frame by its number, negative ones from the end; the middle one for None."""
    if frame is None:
        return count // 2
    if not -count <= frame < count:
        raise IndexError(f"there is no frame {frame}: the image has {count}")
    return operator.index(frame) % count


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


def picture_of(
    image: Picturable, *, frame: int | None = None, window: Any = None, overlays: bool = False, dtype: Any = None
) -> Picture:
    """One frame for a person to look at, by the stored window, and by one from the pixels where there is none.

    ``values="display"`` is what the header says. A picture has to show something: where the header stores no window,
    or one in which the frame is a single shade, the window is "auto".

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
    dtype : dtype, optional
        Of the picture; default uint8.

    Raises
    ------
    DicomError
        The frame cannot be decoded.
    IndexError
        The image has no such frame.
    """
    number = number_of(image.frames, frame)

    def by(window: Any) -> NDArray[Any]:
        return image.pixels(values="display", frames=number, window=window, overlays=overlays, dtype=dtype)

    if window is not None or is_colour(image):
        return Picture(by(window), window)
    if image.window_of(frame=number) is not None:
        pixels = by(None)
        low, high = np.percentile(pixels, PERCENTILES)
        top = np.iinfo(pixels.dtype).max if pixels.dtype.kind in "iu" else 1
        if high - low >= _FEWEST_SHADES / 255 * top:
            return Picture(pixels, None)
    return Picture(by("auto"), "auto")


def fitted(image: Picturable, pixels: NDArray[np.uint8], side: int) -> Image:
    """One frame as a picture with square pixels, at most `side` pixels wide and high; it is never enlarged further
    than its proportions need."""
    from PIL import Image as pillow

    picture = pillow.fromarray(pixels)
    width, height = float(picture.width), float(picture.height)
    if image.spacing is not None:
        stretch = image.spacing[0] / image.spacing[1]
        if 1 / _MOST_STRETCHED < stretch < _MOST_STRETCHED:
            width, height = (width, height * stretch) if stretch > 1 else (width / stretch, height)
    shrink = min(1.0, side / max(width, height))
    size = max(1, round(width * shrink)), max(1, round(height * shrink))
    if size == picture.size:
        return picture
    return picture.resize(size, pillow.Resampling.BILINEAR, reducing_gap=3.0)


def png_of(picture: Image) -> bytes:
    """The bytes of a PNG."""
    stream = io.BytesIO()
    picture.save(stream, format="PNG")
    return stream.getvalue()


def montage_of(
    image: Picturable, *, frames: Any = None, columns: int | None = None, side: int = 128, window: Any = None
) -> Image:
    """Frames beside each other; `DicomImage.montage` says how."""
    from PIL import Image as pillow

    for name, value in (("side", side), *((("columns", columns),) if columns is not None else ())):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= 4096:
            raise ValueError(f"{name} must be an int between 1 and 4096, not {value!r}")
    chosen = _chosen(image.frames, frames)
    # One window for all of them, and one frame at a time: those of a large file do not fit in memory, thumbnails do.
    first = picture_of(image, frame=chosen[len(chosen) // 2], window=window)
    thumbs = (fitted(image, picture_of(image, frame=i, window=window or first.window).pixels, side) for i in chosen)
    like = fitted(image, first.pixels, side)
    columns = min(columns or math.ceil(math.sqrt(len(chosen))), len(chosen))
    width, height = like.width + _GAP, like.height + _GAP
    sheet = pillow.new(like.mode, (columns * width - _GAP, math.ceil(len(chosen) / columns) * height - _GAP))
    for i, thumb in enumerate(thumbs):
        sheet.paste(thumb, (i % columns * width, i // columns * height))
    return sheet


def _chosen(count: int, frames: Any) -> list[int]:
    if frames is None:
        return evenly(count, 100)
    found = list(range(count)[frames]) if isinstance(frames, slice) else [number_of(count, i) for i in frames]
    if not found:
        raise ValueError("a montage needs at least one frame")
    return found
