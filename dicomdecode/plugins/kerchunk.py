"""References to the frames of a DICOM file, for zarr and fsspec: where each chunk lies, without a copy of it."""

from __future__ import annotations

import json
import os
from typing import Any

from numcodecs.abc import Codec

import dicomdecode
from dicomdecode.plugins._places import Places, places_of

__all__ = ["DicomCodec", "references"]


class DicomCodec(Codec):
    """Chunks that are frames of DICOM files; numcodecs and zarr find it by its entry point.

    Parameters
    ----------
    **keywords
        As in `dicomdecode.decode_frame`.

    Examples
    --------
    >>> from dicomdecode.plugins.kerchunk import DicomCodec
    >>> DicomCodec(transfer_syntax="1.2.840.10008.1.2.5", rows=64, columns=64, bits_allocated=16).get_config()["rows"]
    64
    """

    codec_id = "dicomdecode"

    def __init__(self, **keywords: Any) -> None:
        self.keywords = keywords

    def decode(self, buf: Any, out: Any = None) -> Any:
        """The samples of a frame."""
        found = dicomdecode.decode_frame(buf, **self.keywords)
        if out is None:
            return found
        out[...] = found.reshape(out.shape)
        return out

    def encode(self, buf: Any) -> Any:
        """Frames are read only."""
        raise NotImplementedError("DICOM frames are not written")

    def get_config(self) -> dict[str, Any]:
        """What zarr writes into the metadata of an array."""
        return {"id": self.codec_id, **self.keywords}


def references(source: Any, *, url: str | None = None) -> dict[str, Any]:
    """References of version 1, as kerchunk has them: a group with the array `pixels`.

    Parameters
    ----------
    source
        As in `dicomdecode.open`. Headers and the places of the frames are read, no pixel.
    url : str, optional
        Where readers will find the file; default: `source`, which is a path then.

    Returns
    -------
    dict
        For ``fsspec.filesystem("reference", fo=...)``. `pixels` holds stored values, [frames, rows, columns, samples]
        with the axes that there are; of a slide (TILED_FULL) the whole matrix, [rows, columns, samples], a chunk for
        each tile. Palette images are indices.

    Raises
    ------
    UnsupportedError
        Frames have no place of their own in the file: several fragments each, single bits, video, deflated.

    Examples
    --------
    >>> from dicomdecode.plugins.kerchunk import references
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> sorted(references(path)["refs"])
    ['.zgroup', 'pixels/.zarray', 'pixels/.zattrs', 'pixels/0.0']
    """
    places = places_of(source)
    where = os.fspath(source) if url is None else url
    refs: dict[str, Any] = {".zgroup": '{"zarr_format": 2}'}
    refs["pixels/.zarray"] = json.dumps(_array(places))
    refs["pixels/.zattrs"] = json.dumps({"_ARRAY_DIMENSIONS": list(places.dimensions)})
    for chunk, extent in places.extents.items():
        refs["pixels/" + ".".join(map(str, chunk))] = [where, *extent]
    return {"version": 1, "refs": refs}


def _array(places: Places) -> dict[str, Any]:
    codec = None if places.keywords is None else DicomCodec(**places.keywords).get_config()
    return {
        "zarr_format": 2,
        "shape": places.shape,
        "chunks": places.chunks,
        "dtype": places.dtype.str,
        "compressor": codec,
        "filters": None,
        "order": "C",
        "fill_value": 0,
    }
