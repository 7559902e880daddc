"""JPEG 2000 (PS3.5 A.4.4) and HTJ2K (PS3.5 A.4.11) by our own decoder; what is left by OpenJPEG.

OpenJPEG comes from a shared library, last from imagecodecs.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from dicomdecode.codecs import _j2k, _jpeg2000
from dicomdecode.codecs._openjpeg import OpenJPEG
from dicomdecode.codecs.samples import monochrome_or_palette, ycc_or_rgb
from dicomdecode.errors import MalformedError, UnsupportedError

if TYPE_CHECKING:
    import numpy as np

    from dicomdecode.codecs._spec import FrameSpec

__all__ = ["decode", "decode_by_openjpeg", "inspect_codestream", "openjpeg", "output_size"]

#: The environment variable that names the OpenJPEG library file to use.
SETTING = "DICOMDECODE_OPENJPEG"
#: `opj_image_comp.alpha` and `opj_dparameters.flags` came with 2.1.
OLDEST = (2, 1)

Region = tuple[int, int, int, int]


def decode(data: Any, spec: FrameSpec, out: np.ndarray, *, reduce: int = 0, region: Region | None = None) -> str:
    """Decode one frame into `out`.

    Our own decoder is for all streams of JPEG 2000 parts 1 and 15: the main header tells, before anything is decoded.
    All others go to OpenJPEG; with DICOMDECODE_JPEG2000=openjpeg in the environment all do.

    Parameters
    ----------
    data : bytes-like
        A codestream or a JP2 file. Bytes behind its EOC are ignored; a missing EOC is tolerated.
    spec : FrameSpec
        The header's word on the frame. `spec.threads` are used within it.
    out : ndarray
        C-contiguous [rows, columns, samples] as `output_size` says, an integer dtype of 1, 2 or 4 bytes. The stream's
        samples get the sign of Pixel Representation: unsigned ones are sign-extended from the stream's precision,
        signed ones keep their bits.
    reduce : int
        Leave out that many resolution levels; each halves the picture.
    region : (row, column, height, width), optional
        Only that area, in pixels of the full resolution.

    Returns
    -------
    str
        "MONOCHROME", "PALETTE COLOR", "RGB" (an RCT or ICT is undone), "YBR_FULL", or YBR_PARTIAL_* as in the header.

    Raises
    ------
    MalformedError
        The stream is damaged, or disagrees with the header in size, components or precision.
    TruncatedError
        The stream ends before its last tile-part or packet.
    UnsupportedError
        Several frames in one stream (JPEG 2000 Part 2), more than 32 bits, a `reduce` beyond the stream's levels. By
        OpenJPEG also subsampled components, and components that differ in precision or sign.
    ValueError
        `region`, `reduce` or `out` do not fit the image.
    """
    if region is not None:
        region = _checked_region(spec.rows, spec.columns, region)
    transformed = _jpeg2000.decode(data, spec, out, reduce, region)
    if transformed is None:
        return decode_by_openjpeg(data, spec, out, reduce=reduce, region=region)
    return _color(spec, transformed)


def decode_by_openjpeg(
    data: Any, spec: FrameSpec, out: np.ndarray, *, reduce: int = 0, region: Region | None = None
) -> str:
    """The same through OpenJPEG, whatever the stream: for what our own decoder is not for, and as a second opinion."""
    if region is not None:
        region = _checked_region(spec.rows, spec.columns, region)
    library = openjpeg()
    if library is not None:
        transformed = library.decode(data, spec, out, reduce, region)
    else:
        transformed = _decode_by_imagecodecs(data, spec, out, reduce, region)
    return _color(spec, transformed)


def _color(spec: FrameSpec, transformed: bool) -> str:
    if spec.samples == 1:
        return monochrome_or_palette(spec)
    return "RGB" if transformed else ycc_or_rgb(spec)


def output_size(rows: int, columns: int, reduce: int = 0, region: Region | None = None) -> tuple[int, int]:
    """Rows and columns of a decoded frame.

    The picture reduced by n has ceil(size / 2^n) pixels along an axis; of an area from a to b it keeps those from
    ceil(a / 2^n) to ceil(b / 2^n), so that it is always a slice of the reduced picture.

    Raises
    ------
    ValueError
        The region does not lie in the image, or nothing of it is left.
    """
    if not 0 <= reduce <= 32:
        raise ValueError(f"reduce must be 0 to 32, not {reduce}")
    row, column, height, width = (0, 0, rows, columns) if region is None else _checked_region(rows, columns, region)
    size = (
        _ceil_shift(row + height, reduce) - _ceil_shift(row, reduce),
        _ceil_shift(column + width, reduce) - _ceil_shift(column, reduce),
    )
    if 0 in size:
        raise ValueError(f"no pixel is left of the region {region} reduced by {reduce}")
    return size


def inspect_codestream(data: Any) -> dict[str, Any]:
    """What the main header of a codestream or JP2 file says.

    Returns
    -------
    dict
        ``rows, columns, components, precision, signed, subsampled, tiles, tile_shape, levels, layers, progression,
        transform, component_transform, high_throughput, jp2, offset``; and, where glymur can be imported, ``segments``:
        the names of the marker segments as it reads them.

    Raises
    ------
    MalformedError
        The header is damaged or cut.
    """
    found = _j2k.describe(data)
    glymur = _glymur("codestream")
    if glymur is not None:
        import io

        stream = bytes(memoryview(data).cast("B")[found["offset"] :])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                segments = glymur.Codestream(io.BytesIO(stream), len(stream)).segment
            found["segments"] = [str(segment.marker_id) for segment in segments]
        except Exception:  # a damaged segment, which our own reading did not need
            found["segments"] = []
    return found


@functools.cache
def openjpeg() -> OpenJPEG | None:
    """The OpenJPEG in use, looked for once; None where there is none.

    The order: the file that the environment variable DICOMDECODE_OPENJPEG names; then the newer one of the libraries in
    the wheels of imagecodecs and Pillow (of equals imagecodecs', which is the faster one for the 9/7 transform); last
    what glymur finds, whose import takes longer than most decodes.

    Raises
    ------
    ImportError
        The setting names a file that is not an OpenJPEG library of version 2.1 or later.
    """
    setting = os.environ.get(SETTING)
    if setting:
        chosen = _bind(setting)
        if chosen is None:
            raise ImportError(f"{SETTING} does not name a shared OpenJPEG library of version 2.1 or later")
        return chosen
    found = [library for library in map(_bind, _in_wheels()) if library is not None]
    if found:
        return max(found, key=lambda library: _numbers(library.version))
    glymur = _glymur("lib.openjp2")
    return None if glymur is None or glymur.OPENJP2 is None else _bind(glymur.OPENJP2)


def _in_wheels() -> Iterator[str]:
    """Files of installed wheels that may be OpenJPEG."""
    from importlib import metadata

    for wheel in ("imagecodecs", "pillow"):
        try:
            files = metadata.files(wheel) or []
        except metadata.PackageNotFoundError:
            continue
        yield from (str(file.locate()) for file in files if file.name.startswith("libopenjp2"))


def _glymur(module: str) -> Any:
    """A module of glymur, or None.

    glymur loads the library that a file `glymurrc` in the current folder names, once, when it is imported: in a folder
    of someone else's files that would be someone else's code. So it is not imported there.
    """
    import importlib

    if "glymur" not in sys.modules and os.path.lexists("glymurrc"):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(f"glymur.{module}")
    except Exception:  # absent, or its configuration is broken: the next choice is as good
        return None


def _bind(library: Any) -> OpenJPEG | None:
    """The functions of a library, given as a file name or a ctypes handle; None when it is not one that can be used."""
    try:
        handle = ctypes.CDLL(library) if isinstance(library, str) else library
        address = _address_in(handle)
        version = ctypes.CFUNCTYPE(ctypes.c_char_p)(address("opj_version"))().decode("ascii")
        return OpenJPEG(handle, address, version) if _numbers(version) >= OLDEST else None
    except (OSError, AttributeError, ValueError):
        return None


def _address_in(handle: Any) -> Callable[[str], int]:
    def address(name: str) -> int:
        try:
            return ctypes.cast(getattr(handle, name), ctypes.c_void_p).value or 0
        except AttributeError:
            return 0

    return address


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _ceil_shift(size: int, steps: int) -> int:
    return (size + (1 << steps) - 1) >> steps


def _checked_region(rows: int, columns: int, region: Region) -> Region:
    row, column, height, width = (int(part) for part in region)
    if not (0 <= row < row + height <= rows and 0 <= column < column + width <= columns):
        raise ValueError(f"region (row, column, height, width) = {region} does not lie in the {rows} x {columns} image")
    return row, column, height, width


def _decode_by_imagecodecs(data: Any, spec: FrameSpec, out: np.ndarray, reduce: int, region: Region | None) -> bool:
    """Decode with the OpenJPEG inside imagecodecs, whole frames only."""
    import imagecodecs
    import numpy as np

    if reduce:
        raise UnsupportedError(
            "a reduced resolution needs a shared OpenJPEG library",
            code="no_openjpeg",
            frame=spec.frame,
            hint=f"Install Pillow or OpenJPEG, or set {SETTING} to the library's file",
        )
    if out.shape != (*output_size(spec.rows, spec.columns, 0, region), spec.samples):
        raise ValueError(f"out has the shape {out.shape}")
    stream, found = _j2k.prepare(data, spec)
    try:
        samples = imagecodecs.jpeg2k_decode(stream, numthreads=spec.threads)
    except (imagecodecs.Jpeg2kError, ValueError):
        raise MalformedError("OpenJPEG cannot decode the codestream", code="stream_damaged", frame=spec.frame) from None
    samples = samples.reshape(spec.rows, spec.columns, spec.samples)
    if region is not None:
        row, column, height, width = region
        samples = samples[row : row + height, column : column + width]
    if found["signed"] != spec.signed:
        samples = samples.astype(np.int64) & ((1 << found["precision"]) - 1)
        if spec.signed:
            half = 1 << (found["precision"] - 1)
            samples = (samples ^ half) - half
    np.copyto(out, samples, casting="unsafe")
    return bool(found["component_transform"])
