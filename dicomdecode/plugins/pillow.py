"""Pillow: `PIL.Image.open` takes DICOM files, after `register()`."""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageFile

import dicomdecode
from dicomdecode.pictures.frames import is_colour

__all__ = ["DicomImageFile", "register"]


class DicomImageFile(ImageFile.ImageFile):
    """Display values of a DICOM file, mode "L" or "RGB"; `seek` goes from frame to frame.

    Where no window is stored, monochrome frames are shown with ``window="auto"``.

    Examples
    --------
    >>> from PIL import Image
    >>> from dicomdecode.plugins import pillow
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> pillow.register()
    >>> with Image.open(path) as picture:
    ...     picture.size, picture.mode, picture.format
    ((128, 128), 'L', 'DICOM')
    """

    format = "DICOM"
    format_description = "Digital Imaging and Communications in Medicine"

    def _open(self) -> None:
        file: Any = self.fp
        file.seek(128)
        if file.read(4) != b"DICM":
            raise SyntaxError("not a DICOM file")
        file.seek(0)
        try:
            self._dicom = dicomdecode.open(file)
            has_colour = is_colour(self._dicom)
            self._window = None if has_colour or self._dicom.window_of() is not None else "auto"
        except dicomdecode.DicomError as error:
            raise SyntaxError(str(error)) from error
        if not self._dicom.rows or not self._dicom.columns:
            raise SyntaxError("a DICOM file without an image")
        self._size = self._dicom.columns, self._dicom.rows
        self._mode = "RGB" if has_colour else "L"
        self.n_frames = self._dicom.frames
        self.is_animated = self.n_frames > 1
        self._frame, self._decoded = 0, -1

    def load(self) -> Any:
        """Decode the frame that was sought."""
        if self._decoded != self._frame:
            chosen = self._frame if self.n_frames > 1 else None
            pixels = self._dicom.pixels(values="display", frames=chosen, window=self._window)
            self.im = Image.fromarray(pixels).im
            self._decoded = self._frame
        return super().load()

    def seek(self, frame: int) -> None:
        """Go to a frame, counted from 0; EOFError after the last, as Pillow has it."""
        if not 0 <= frame < self.n_frames:
            raise EOFError("no such frame")
        self._frame = frame

    def tell(self) -> int:
        """The frame that is shown."""
        return self._frame


def register() -> None:
    """Let `PIL.Image.open` try DICOM too. Calling it again changes nothing.

    Examples
    --------
    >>> from dicomdecode.plugins import pillow
    >>> pillow.register()
    """
    Image.register_open(DicomImageFile.format, DicomImageFile)
    Image.register_extensions(DicomImageFile.format, [".dcm", ".dicom"])
    Image.register_mime(DicomImageFile.format, "application/dicom")
