"""imageio v3: ``imageio.v3.imread(path, plugin=DicomPlugin)``, or just ``imread(path)`` after `register()`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from imageio.config import FileExtension, PluginConfig, extension_list, known_extensions, known_plugins
from imageio.core.request import InitializationError, Request
from imageio.core.v3_plugin_api import ImageProperties, PluginV3

import dicomdecode

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DicomPlugin", "register"]


class DicomPlugin(PluginV3):
    """Reads DICOM; keywords of `read` and `iter` are those of `dicomdecode.imread`.

    Examples
    --------
    >>> import imageio.v3 as iio
    >>> from dicomdecode.plugins.imageio import DicomPlugin, register
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> iio.imread(path, plugin=DicomPlugin).dtype
    dtype('float32')
    >>> iio.imread(path, plugin=DicomPlugin, values="display", window=(40, 400)).dtype
    dtype('uint8')
    """

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        if request.mode.io_mode == "w":
            raise InitializationError("DICOM is read here, not written")
        try:
            self._image = dicomdecode.open(request.get_file())
        except dicomdecode.DicomError as error:
            raise InitializationError(str(error)) from error

    def read(self, *, index: Any = None, **keywords: Any) -> NDArray[Any]:
        """Frame `index`; None for the image in its own shape, ... for all frames along a first axis."""
        if index is None or index is ...:
            pixels = self._image.pixels(**keywords)
            return pixels[np.newaxis] if index is ... and self._image.frames == 1 else pixels
        if not 0 <= index < self._image.frames:
            raise ValueError(f"there is no frame {index}: the image has {self._image.frames}")
        return self._image.pixels(frames=int(index), **keywords)

    def iter(self, **keywords: Any) -> Iterator[NDArray[Any]]:
        """The frames, one by one."""
        return (self.read(index=i, **keywords) for i in range(self._image.frames))

    def properties(self, index: Any = None) -> ImageProperties:
        """Shape and dtype of `read` with its defaults; nothing is decoded."""
        frame = self._image.shape[1:] if self._image.frames > 1 else self._image.shape
        shape = (self._image.frames, *frame) if index is ... else self._image.shape if index is None else frame
        spacing = self._image.spacing
        return ImageProperties(shape, self._image.dtype, index is ..., spacing=spacing)

    def metadata(self, index: Any = None, exclude_applied: bool = True) -> dict[str, Any]:
        """What the image is; ``dicomdecode.open`` gives its tags, which may name a patient."""
        return {"modality": self._image.tag("Modality"), "spacing": self._image.spacing, "steps": self._image.steps}


def register() -> None:
    """Let imageio take this plugin for .dcm and .dicom, and know it as ``plugin="dicomdecode"``.

    Examples
    --------
    >>> import imageio.v3 as iio
    >>> from dicomdecode.plugins.imageio import DicomPlugin, register
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> register()
    >>> iio.imread(path).dtype
    dtype('float32')
    """
    known_plugins["dicomdecode"] = PluginConfig("dicomdecode", DicomPlugin.__name__, module_name=__name__)
    for ending in (".dcm", ".dicom"):
        if not any("dicomdecode" in found.priority for found in known_extensions.get(ending, [])):
            extension = FileExtension(extension=ending, priority=["dicomdecode"], name="DICOM")
            extension_list.append(extension)
            known_extensions.setdefault(ending, []).insert(0, extension)
