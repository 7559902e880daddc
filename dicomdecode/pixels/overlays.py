"""Overlays (PS3.3 C.9.2, C.9.3): planes of one bit, in Overlay Data or in the unused bits of Pixel Data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import MalformedError, TruncatedError
from dicomdecode.limits import check_limit
from dicomdecode.pixels._core import Frames, PixelData, Request
from dicomdecode.pixels._plans import unpack_bits
from dicomdecode.pixels.arguments import region_in
from dicomdecode.pixels.planning import Plans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.pixels.arguments import Region
    from dicomdecode.reading import DicomFile

__all__ = ["Overlay", "burn", "embedded_bits", "read_overlays", "stored_cells"]

#: Repeating groups are the even ones from 6000 to 601E (PS3.5 7.6).
_GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _DESCRIPTION, _TYPE = 0x0010, 0x0011, 0x0015, 0x0022, 0x0040
_SUBTYPE, _ORIGIN, _FRAME_ORIGIN, _BIT_POSITION, _LABEL, _DATA = 0x0045, 0x0050, 0x0051, 0x0102, 0x1500, 0x3000
_AT_ONCE = 1 << 20  # bits


class Overlay:
    """One overlay of a file. Nothing is decoded before `array` or `plane` is read.

    Attributes
    ----------
    group : int
        0x6000, 0x6002, ... 0x601E.
    label, description, type, subtype : str
        As in the file, "" where absent. `type` is "G" for graphics, "R" for a region of interest.
    rows, columns, frames : int
        Its size, and Number of Frames in Overlay. One without that number has a frame; where it is embedded in a
        multi-frame image, as many as the image.
    origin : (row, column)
        Where its first pixel lies in the image. Counted from 1, as in the file; may be negative, or outside.
    frame_origin : int
        The frame of the image that its first frame belongs to, counted from 1, as in the file.
    embedded : bool
        It lies in the unused bits of Pixel Data, in bit `bit_position`.
    """

    def __init__(self, pixels: PixelData, group: int) -> None:
        self._pixels = pixels
        self._file = file = pixels.file
        self.group = group
        self.label, self.description = self._text(_LABEL), self._text(_DESCRIPTION)
        self.type, self.subtype = self._text(_TYPE), self._text(_SUBTYPE)
        self.rows, self.columns = self._number(_ROWS, 0), self._number(_COLUMNS, 0)
        self.embedded = not file.length(self._tag(_DATA))
        self.bit_position = self._number(_BIT_POSITION, 0)
        self.frames = self._number(_FRAMES, file.frames if self.embedded else 1)
        self.frame_origin = self._number(_FRAME_ORIGIN, 1)
        every = self.embedded and self.frames == file.frames
        self._first = 0 if every else self.frame_origin - 1  # the image's frame of its first frame, from 0
        origin = file.tag(self._tag(_ORIGIN))
        whole = isinstance(origin, list) and len(origin) == 2 and all(isinstance(n, int) for n in origin)
        self.origin: tuple[int, int] = (origin[0], origin[1]) if whole else (1, 1)

    def _tag(self, element: int) -> int:
        return self.group << 16 | element

    def _number(self, element: int, default: int) -> int:
        value = self._file.tag(self._tag(element))
        value = value[0] if isinstance(value, list) and value else value
        return value if isinstance(value, int) else default

    def _text(self, element: int) -> str:
        value = self._file.tag(self._tag(element))
        value = value[0] if isinstance(value, list) and value else value
        return value if isinstance(value, str) else ""

    def _malformed(self, text: str, element: int) -> MalformedError:
        return MalformedError(f"Overlay: {text}", code="overlay", tag=self._tag(element))

    def check(self) -> None:
        """Raise when the overlay cannot be there as it is described; nothing is decoded.

        Raises
        ------
        MalformedError
            Its size is missing, its data are too short, its bit is not an unused one.
        LimitError
            It is larger than the limits allow.
        """
        limits = self._file.limits
        for element, size in ((_ROWS, self.rows), (_COLUMNS, self.columns), (_FRAMES, self.frames)):
            if size < 1:
                raise self._malformed("its size is missing, or not positive", element)
        total = self.rows * self.columns * self.frames
        tag, pixels = self._tag(_ROWS), self.rows * self.columns
        check_limit(
            "The pixels of an overlay exceed", "limit_pixels_per_frame", limits.pixels_per_frame, pixels, tag=tag
        )
        check_limit("The frames of an overlay exceed", "limit_frames", limits.frames, self.frames, tag=tag)
        check_limit("An overlay exceeds", "limit_output_bytes", limits.output_bytes, total, tag=tag)
        if self.embedded:
            self._check_embedded()
            return
        expected, found = (total + 7) // 8, self._file.length(self._tag(_DATA))
        if found < expected:
            raise TruncatedError(
                f"Overlay: its data are too short (bytes): expected {expected}, found {found}",
                code="overlay",
                tag=self._tag(_DATA),
            )

    def _check_embedded(self) -> None:
        file = self._file
        if file.pixel_kind != "integer" or file.samples != 1 or file.bits_allocated not in (8, 16, 32, 64):
            raise self._malformed("it has no data of its own, and the pixel data cannot hold it", _DATA)
        if self.bit_position < 0 or not embedded_bits(file) >> self.bit_position & 1:
            raise self._malformed("it has no data of its own, and its bit is not an unused one", _BIT_POSITION)
        if (self.rows, self.columns) != (file.rows, file.columns):
            raise self._malformed("it lies in the pixel data, and its size is not that of the image", _ROWS)
        if self.frames > file.frames:
            raise self._malformed("it lies in the pixel data, and has more frames than the image", _FRAMES)

    def plane(self, frame: int) -> NDArray[np.bool_]:
        """One frame of the overlay, counted from 0: bool [rows, columns].

        Raises
        ------
        DicomError
            As `check`; and, where it is embedded, as for pixels.
        IndexError
            It has no such frame.
        """
        self.check()
        if not 0 <= frame < self.frames:
            raise IndexError(f"frame {frame} of an overlay with {self.frames} frames")
        out = np.empty((self.rows, self.columns), np.bool_)
        for rows in self.parts(0, self.rows):
            out[rows] = self.some_rows(frame, rows)
        return out

    def parts(self, first: int, last: int) -> Iterator[slice]:
        """Rows from `first` to `last`, as many at a time as are to be unpacked together; of a codestream all."""
        step = self.rows if self.embedded and self._file.is_encapsulated else max(1, _AT_ONCE // self.columns)
        return (slice(row, min(row + step, last)) for row in range(first, last, step))

    def some_rows(self, frame: int, rows: slice) -> NDArray[np.bool_]:
        """Rows of a frame of an overlay that was checked: bool [rows, columns]."""
        bits = self._embedded_rows if self.embedded else self._unpacked_rows
        return bits(frame, rows)

    def _embedded_rows(self, frame: int, rows: slice) -> NDArray[np.bool_]:
        file = self._file
        place = self._first + frame
        if not 0 <= place < file.frames:
            raise self._malformed("it lies in the pixel data, in a frame that the image does not have", _FRAME_ORIGIN)
        file.source.wake()
        try:
            cells = stored_cells(self._pixels, place, (rows.start, 0, rows.stop - rows.start, self.columns))
        finally:
            file.source.rest()
        found: NDArray[np.bool_] = (cells[:, :, 0] & cells.dtype.type(1 << self.bit_position)) != 0
        return found

    def _unpacked_rows(self, frame: int, rows: slice) -> NDArray[np.bool_]:
        """Of Overlay Data: a stream of bits, the lowest of a byte first (PS3.5 8.1.2)."""
        tag = self._tag(_DATA)
        first, count = (frame * self.rows + rows.start) * self.columns, (rows.stop - rows.start) * self.columns
        start, stop = first // 16 * 2, -(-(first + count) // 16) * 2
        value, big_endian = self._file.words(tag, start, stop - start) or (b"", False)
        if big_endian and self._file.vr(tag) == "OW":
            swapped = bytearray(value + b"\0" * (len(value) % 2))
            swapped[0::2], swapped[1::2] = swapped[1::2], swapped[0::2]
            value = bytes(swapped)
        out = np.empty((rows.stop - rows.start, self.columns), np.uint8)
        unpack_bits(value, first - 8 * start, count, out)
        return out.view(np.bool_)

    @property
    def array(self) -> NDArray[np.bool_]:
        """All of it, a new array: bool [rows, columns], or [frames, rows, columns] where it has several frames.

        Raises
        ------
        DicomError
            As `plane`.
        """
        if self.frames <= 1:
            return self.plane(0)
        self.check()
        out = np.empty((self.frames, self.rows, self.columns), np.bool_)
        for frame in range(self.frames):
            for rows in self.parts(0, self.rows):
                out[frame, rows] = self.some_rows(frame, rows)
        return out

    def frame_over(self, frame: int) -> int | None:
        """Which of its frames lies over a frame of the image, both counted from 0; None where there is none."""
        if self.frames == 1 and not any(self._file.vr(self._tag(element)) for element in (_FRAMES, _FRAME_ORIGIN)):
            return 0  # it knows no frames: it lies over each
        nth = frame - self._first
        return nth if 0 <= nth < self.frames else None

    def __repr__(self) -> str:
        return f"<Overlay {self.group:04X} {self.type or '?'} {self.frames} x {self.rows} x {self.columns}>"


def embedded_bits(file: DicomFile) -> int:
    """The bits of a cell that hold no stored value, as a mask: where embedded overlays may be."""
    stored = ((1 << file.bits_stored) - 1) << file.low_bit
    return (1 << file.bits_allocated) - 1 & ~stored


def read_overlays(pixels: PixelData) -> tuple[Overlay, ...]:
    """The overlays of a file, by group; damaged ones too."""
    file = pixels.file
    named = (_ROWS, _COLUMNS, _BIT_POSITION, _DATA)
    return tuple(Overlay(pixels, g) for g in _GROUPS if any(file.vr(g << 16 | element) for element in named))


def stored_cells(pixels: PixelData, frame: int, region: Region | None = None) -> NDArray[Any]:
    """The cells of one frame [rows, columns, samples] as unsigned integers, with the bits that are not stored."""
    request = Request(values="stored", color="stored", frames=[frame], region=region, color_dim=True, frame_dim=False)
    frames = Frames(pixels, request, whole_cells=True)
    plans = Plans(frames, request)
    out = frames.allocate(request, plans.dtype, plans.samples)
    frames.write(frame, 1, plans.of(frame), out, 0)
    return out


def burn(pixels: PixelData, request: Request, out: NDArray[Any]) -> None:
    """Draw every overlay into display values, at the maximum of their dtype (1 for floats), clipped to the image.

    Raises
    ------
    DicomError
        An overlay is damaged.
    """
    overlays = read_overlays(pixels)
    if not overlays:
        return
    file = pixels.file
    row, column, height, width = region_in(request.region, file.rows, file.columns)
    frames = request.frames_of(file.frames)
    drawn = out.reshape(len(frames), height, width, -1)
    top = np.iinfo(out.dtype).max if out.dtype.kind in "iu" else 1
    for overlay in overlays:
        overlay.check()
        for i, frame in enumerate(frames):
            nth = overlay.frame_over(frame)
            if nth is None:
                continue
            # In pixels of the result: what lies above or left of it is cut off.
            y, x = overlay.origin[0] - 1 - row, overlay.origin[1] - 1 - column
            for rows in overlay.parts(max(0, -y), min(overlay.rows, height - y)):
                part = overlay.some_rows(nth, rows)[:, max(0, -x) :]
                target = drawn[i, y + rows.start : y + rows.stop, max(0, x) :]
                part = part[:, : target.shape[1]]
                for sample in range(target.shape[2]):
                    np.copyto(target[:, : part.shape[1], sample], top, where=part, casting="unsafe")
