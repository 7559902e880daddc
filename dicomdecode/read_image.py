"""`imread`: a DICOM image as an array, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicomdecode.limits import Limits, limits_of
from dicomdecode.pixels import PixelData, Request, decode
from dicomdecode.reading import DicomFile, open_source

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    from dicomdecode.pixels.arguments import Allocate, RegionLike
    from dicomdecode.reading.source import SourceLike

__all__ = ["imread", "read_pixels"]


def imread(
    source: SourceLike,
    *,
    values: str = "modality",
    color: str = "rgb",
    dtype: DTypeLike | None = None,
    scale: str = "preserve",
    frames: Any = None,
    out: NDArray[Any] | None = None,
    window: Any = None,
    padding: float | None = None,
    reduce: int = 0,
    region: RegionLike | None = None,
    threads: int = 1,
    overlays: bool = False,
    codec: str | None = None,
    limits: Limits | None = None,
) -> NDArray[Any]:
    """Read a DICOM image as an array.

    Parameters
    ----------
    source
        As in `dicomdecode.open`.
    values : {"modality", "stored", "voi", "display", "real_world"}
        Which values (PS3.3 C.11): "stored" the Bits Stored bits, sign-extended; "modality" after the Modality LUT or
        slope and intercept (HU for CT); "voi" after the VOI LUT or window, in [0, 1]; "display" also after the
        Presentation LUT, and inverted where the header says so; "real_world" stored values after a Real World Value
        Mapping, NaN where it maps none.
    color : {"rgb", "stored", "palette", "rgba", "srgb"}
        "rgb" converts YBR and looks up PALETTE COLOR; "stored" leaves samples and indices as they are; "palette" also
        applies the supplemental palette of a monochrome image; "rgba" gives the Alpha Palette as a fourth sample of
        PALETTE COLOR; "srgb" also applies the ICC profile of the file (Pillow).
    dtype : dtype, optional
        Of the result. Default: "stored" and colour the stored integer type, "modality" and "voi" float32,
        "display" uint8. Integers round half to even and clip.
    scale : {"preserve", "auto"}
        "auto" stretches the possible range over an integer dtype, or onto [0, 1] of a float.
    frames : int, slice or sequence of int, optional
        Only these; an int drops the frames axis.
    out : ndarray, optional
        C-contiguous, of the shape and dtype of the result; filled and returned.
    window : (center, width), (center, width, function), "auto", int or str, optional
        For "voi" and "display": a window; or "auto", one by robust percentiles of the modality values; or a stored
        VOI LUT or window, by its index (the LUTs first, then the windows) or its explanation ("BONE"). Default: the
        first VOI LUT, else the first window, else the possible range. For "real_world": a mapping, by its index or
        LUT Label.
    padding : float, optional
        What pixels of Pixel Padding Value (and its range) become, after the modality stage.
    reduce : int
        Halve the resolution this many times (JPEG 2000).
    region : (row, column, height, width), or (slice, slice), optional
        Only this part, in full-resolution pixels. The slices of rows and of columns mean what they mean to NumPy:
        ``region=numpy.s_[10:20, -5:]``.
    threads : int
        Frames decoded side by side.
    overlays : bool
        Only with "display": draw the overlays (60xx,3000) at the maximum of the dtype. `DicomImage.overlays` has them
        as arrays.
    codec : {"openjpeg"}, optional
        Decode JPEG 2000 and HTJ2K by OpenJPEG instead of our own decoder; other streams are decoded as usual.
    limits : Limits, optional
        What the file may ask for.

    Returns
    -------
    ndarray
        [frames, rows, columns, samples]: the frames axis only when there are several, the samples axis only for
        colour. C-contiguous, writable, native-endian.

    Raises
    ------
    DicomError
        The content cannot be decoded: `MalformedError`, `TruncatedError`, `UnsupportedError`, `LimitError`.
    OSError, TypeError, ValueError, IndexError
        The path cannot be read; an argument is wrong.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> dd.imread(path).dtype
    dtype('float32')
    >>> int(dd.imread(path, values="display", window=(40, 400)).max())
    255
    """
    request = Request(
        values=values,
        color=color,
        dtype=dtype,
        scale=scale,
        frames=frames,
        out=out,
        window=window,
        padding=padding,
        reduce=reduce,
        region=region,
        threads=threads,
        overlays=overlays,
        codec=codec,
    )
    return read_pixels(source, request, limits_of(limits))


def read_pixels(
    source: SourceLike,
    request: Request,
    limits: Limits,
    *,
    allocate: Allocate | None = None,
    threads: int | None = None,
) -> NDArray[Any]:
    """`imread` of a request that was checked; what `allocate` and `threads` are, `dicomdecode.pixels.decode` says."""
    opened = open_source(source, limits)
    try:
        return decode(PixelData(DicomFile(opened, limits)), request, allocate=allocate, threads=threads)
    finally:
        opened.rest()
