"""What a notebook shows: a picture and the facts of an image or volume, and nothing that names the patient."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from dicomdecode.errors import DicomError
from dicomdecode.pictures.frames import Picturable, fitted, picture_of, png_of, term, title_of
from dicomdecode.pictures.planes import Voxels, picture_of_plane, planes_of, range_of
from dicomdecode.pixels.auto_window import evenly
from dicomdecode.syntaxes import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from PIL.Image import Image

__all__ = ["card_of", "card_of_volume", "png_of_image"]

_SIDE, _PLANE, _THUMB, _STRIP = 384, 224, 52, 7
#: The strip decodes several frames: only of images whose frames are small.
_LARGE_FRAME = 1 << 22
#: Issues and texts of the file that are listed.
_MOST_ISSUES, _MOST_TEXT = 6, 80

# A notebook is light or dark, so nothing has a colour of its own but what lies behind a picture.
_BOX = "display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start;font:13px/1.5 system-ui,sans-serif"
_FACTS = "display:grid;grid-template-columns:max-content minmax(0,1fr);gap:0 12px;margin:0"
_LABEL = "opacity:.65;font-weight:normal;margin:0;padding:0"
_VALUE = "margin:0;padding:0;overflow-wrap:anywhere"
_NOTE = "opacity:.65;font-size:12px"


def png_of_image(image: Picturable) -> bytes | None:
    """The middle frame as a PNG; None where it cannot be decoded."""
    try:
        return png_of(fitted(image, picture_of(image).pixels, 1024))
    except (DicomError, OSError, ImportError, ValueError, MemoryError):
        return None  # what the file is shown by then, its text or card, says why


def card_of(image: Picturable) -> str:
    """The card, as HTML that stands by itself."""
    middle = image.frames // 2
    window = None
    try:
        shown = picture_of(image, frame=middle)
        window = shown.window
        alt = title_of(image, middle) or "the picture"
        pictures = _enlarged(fitted(image, shown.pixels, _SIDE), alt, _SIDE) + _strip(image, middle, window)
    except (DicomError, OSError, ImportError, ValueError, MemoryError) as error:
        pictures = f'<div style="max-width:24em;padding:1em;border:1px solid">{html.escape(_reason(error))}</div>'
    return _card(pictures, _facts(image, window))


def card_of_volume(volume: Voxels, issues: Sequence[str]) -> str:
    """The card of a volume: its three planes, and where it lies."""
    black, white = range_of(volume, None)
    pictures = "".join(
        '<div style="margin-bottom:8px">'
        + _img(picture_of_plane(plane, black, white, _PLANE), plane.name)
        + f'<div style="{_NOTE}">{plane.title(volume.array.shape[plane.normal])}</div></div>'
        for plane in planes_of(volume)
    )
    x, y, z = volume.affine[:3, 3]
    facts = [
        ("shape", f"{volume.array.shape} {volume.array.dtype}"),
        ("spacing", " x ".join(f"{step:.4g}" for step in volume.spacing) + " mm (slice, row, column)"),
        ("first voxel", f"x {x:.4g}, y {y:.4g}, z {z:.4g} mm"),
        ("picture", f"black {black:.4g}, white {white:.4g}"),
    ]
    row = f'<div style="display:flex;flex-wrap:wrap;gap:8px">{pictures}</div>'
    return _card(row, [*facts, *_listed(issues)])


def _card(pictures: str, facts: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f'<dt style="{_LABEL}">{label}</dt><dd style="{_VALUE}">{html.escape(_short(value))}</dd>'
        for label, value in facts
    )
    return f'<div style="{_BOX}"><div>{pictures}</div><dl style="{_FACTS}">{rows}</dl></div>'


def _short(text: str) -> str:
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 2 * _MOST_TEXT else text[: 2 * _MOST_TEXT - 3] + "..."


def _img(picture: Image, alt: str, style: str = "") -> str:
    data = base64.b64encode(png_of(picture)).decode()
    return f'<img alt="{alt}" src="data:image/png;base64,{data}" style="display:block;background:#000;{style}">'


def _enlarged(picture: Image, alt: str, side: int) -> str:
    """A picture; a small one several times as large, in whole pixels."""
    times = max(1, round(side / (1.5 * max(picture.size))))
    rendering = "pixelated" if times > 1 else "auto"
    size = f"width:{picture.width * times}px;max-width:100%"
    return _img(picture, alt, f"{size};image-rendering:{rendering}")


def _reason(error: BaseException) -> str:
    """Why there is no picture; an OSError's own text would name the file."""
    if isinstance(error, OSError):
        return f"The file cannot be read: {error.strerror}"
    return str(error) or type(error).__name__


def _strip(image: Picturable, middle: int, window: Any) -> str:
    """Which frame it is, and some of the others."""
    if image.frames < 2:
        return ""
    note = f'<div style="{_NOTE}">frame {middle} of {image.frames}, counted from 0</div>'
    if image.rows * image.columns > _LARGE_FRAME:
        return note
    chosen = evenly(image.frames, _STRIP)
    frames = image.pixels(values="display", frames=chosen, window=window)
    small = (fitted(image, pixels, _THUMB) for pixels in frames)
    thumbs = (_enlarged(thumb, f"frame {i}", _THUMB) for i, thumb in zip(chosen, small, strict=True))
    return f'{note}<div style="display:flex;flex-wrap:wrap;gap:2px;max-width:{_SIDE}px">{"".join(thumbs)}</div>'


def _facts(image: Picturable, window: Any) -> Iterator[tuple[str, str]]:
    """Label and text of each line. Of texts of the file, only those that the standard has a list of words for."""
    modality = term(image.tag(0x00080060))
    if modality:
        yield "modality", modality
    if not image.rows:
        yield "transfer syntax", name_of(image.transfer_syntax)
        return
    try:
        yield "shape", f"{image.shape} {image.dtype}"
        steps = image.steps_of(values="display", frame=image.frames // 2, window=window)
        yield "picture", "; ".join(steps) or "as stored"
    except (DicomError, OSError):
        pass  # the place of the picture says why
    yield "stored", ", ".join(filter(None, (term(image.photometric), f"{image.bits_stored} bits")))
    yield "transfer syntax", name_of(image.transfer_syntax)
    if image.spacing is not None:
        row, column = image.spacing
        what = "" if image.spacing_of == "pixel" else f" ({image.spacing_of})"
        yield "spacing", f"{row:.4g} x {column:.4g} mm{what}"
    try:
        issues = image.issues
    except (DicomError, OSError):
        issues = ()
    yield from _listed(issues)


def _listed(issues: Sequence[str]) -> Iterator[tuple[str, str]]:
    for i, issue in enumerate(issues[:_MOST_ISSUES]):
        yield ("issues" if i == 0 else ""), issue
    if len(issues) > _MOST_ISSUES:
        yield "", f"and {len(issues) - _MOST_ISSUES} more in image.issues"
