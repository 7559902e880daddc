"""napari: files and folders of DICOM dropped on the viewer become layers, in mm. Found by the manifest beside this."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import dicomdecode
from dicomdecode.pictures.frames import is_colour

__all__ = ["get_reader"]

#: data, keywords of the layer, its kind
Layer = tuple[Any, dict[str, Any], str]


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[Layer]] | None:
    """The reader for a path or several, as napari asks for it (npe2).

    Parameters
    ----------
    path : str or list of str
        A file, or a folder of one series; or several of them.

    Returns
    -------
    callable or None
        Path -> layers: (modality values, keywords, "image"), with spacing in mm. None if it is not a DICOM file, and
        napari should try others.

    Examples
    --------
    >>> from dicomdecode.plugins.napari import get_reader
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> read = get_reader(path)
    >>> ((data, keywords, kind),) = read(path)
    >>> data.shape, kind
    ((128, 128), 'image')
    """
    first = path if isinstance(path, str) else path[0]
    if not os.path.isdir(first):
        try:
            dicomdecode.open(first).close()
        except (dicomdecode.DicomError, OSError):
            return None
    return _read


def _read(path: str | list[str]) -> list[Layer]:
    return [_layer_of(name) for name in ([path] if isinstance(path, str) else path)]


def _layer_of(path: str) -> Layer:
    if os.path.isdir(path):
        volume = dicomdecode.read_series(path)
        return volume.array, {"scale": tuple(volume.spacing), "name": "DICOM series"}, "image"
    with dicomdecode.open(path) as image:
        if is_colour(image):
            return image.pixels(values="display"), {**_scale(image), "rgb": True}, "image"
        window = image.window_of() or image.window_of(window="auto")
        assert window is not None
        ends = window[0] - window[1] / 2, window[0] + window[1] / 2
        return image.pixels(), {**_scale(image), "contrast_limits": ends}, "image"


def _scale(image: dicomdecode.DicomImage) -> dict[str, Any]:
    """Frames are drawn 1 apart, because a file of several frames does not always say their distance."""
    return {} if image.spacing is None else {"scale": (*((1.0,) if image.frames > 1 else ()), *image.spacing)}
