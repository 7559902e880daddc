"""`DicomImage`: an opened file, its tags and its pixels."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.errors import DicomError, LimitError
from dicomdecode.indexed import Indexed
from dicomdecode.limits import Limits, limits_of
from dicomdecode.pictures import Pictured
from dicomdecode.pixels import PixelData, Request, decode
from dicomdecode.pixels._core import Frames
from dicomdecode.pixels.decode import check_last_frame, first_codestream
from dicomdecode.pixels.planning import steps_of, window_of
from dicomdecode.reading import DicomFile, open_source
from dicomdecode.reading.planes import affine_of, planes_of
from dicomdecode.reading.spacing import find_spacing

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray
    from pydicom.dataset import Dataset

    from dicomdecode.issues import Issue
    from dicomdecode.pixels.arguments import RegionLike
    from dicomdecode.pixels.overlays import Overlay
    from dicomdecode.reading.planes import Plane
    from dicomdecode.reading.source import SourceLike

__all__ = ["DicomImage"]

#: The most frames whose planes are given whether or not the file holds their pixels.
_PLANES = 1 << 16


class DicomImage(Indexed, Pictured):
    """An opened DICOM file. A file without pixel data opens too; it raises when its pixels are read.

    Use it as a context manager, or `close` it, to release a file opened by its path.

    Attributes
    ----------
    rows, columns, frames, samples, bits_stored : int
        As in the header; 0 where it does not say, `frames` 1.
    photometric : str
        Photometric Interpretation, "" where it is missing.
    transfer_syntax : str
        Its UID; a file without one gets the one that its bytes are written in.
    shape, dtype : tuple of int, numpy.dtype
        Of `pixels()` with its defaults.
    spacing : tuple of float, or None
        (row spacing, column spacing) in mm, of frame 0; `spacing_of` says what it is measured at.
    window : tuple, or None
        (center, width, function) of the first stored window.
    steps : tuple of str
        What `pixels()` with its defaults applies (to frame 0), with the numbers.
    issues : tuple of str
        What is wrong with the file although it decodes: texts, each with a `code` and a `tag`. Found when first read.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> image = dd.open(get_testdata_file("CT_small.dcm"))
    >>> image
    <DicomImage (128, 128) MONOCHROME2 16 bits>
    >>> image.dtype, image.spacing, image.steps
    (dtype('float32'), (0.661468, 0.661468), ('rescale: 1 * stored + -1024',))
    >>> image[0].shape
    (128, 128)
    """

    def __init__(self, source: SourceLike, *, limits: Limits | None = None) -> None:
        self._origin: Any = source
        self._limits = limits_of(limits)
        self._source = open_source(source, self._limits)
        try:
            self._file = DicomFile(self._source, self._limits)
        except BaseException:
            self._source.rest()
            raise
        self._pixels = PixelData(self._file)
        self._source.rest()

    @property
    def rows(self) -> int:
        return self._file.rows

    @property
    def columns(self) -> int:
        return self._file.columns

    @property
    def frames(self) -> int:
        return self._file.frames

    @property
    def samples(self) -> int:
        return self._file.samples

    @property
    def bits_stored(self) -> int:
        return self._file.bits_stored

    @property
    def photometric(self) -> str:
        return self._file.photometric

    @property
    def transfer_syntax(self) -> str:
        return self._file.transfer_syntax

    @property
    def shape(self) -> tuple[int, ...]:
        file = self._file
        samples = 3 if file.photometric == "PALETTE COLOR" else file.samples
        frames = (file.frames,) if file.frames > 1 else ()
        return (*frames, file.rows, file.columns, *((samples,) if samples > 1 else ()))

    @property
    def dtype(self) -> np.dtype[Any]:
        file = self._file
        if file.samples == 1 and file.photometric != "PALETTE COLOR":
            return np.dtype(np.float32)
        if file.photometric == "PALETTE COLOR":
            from dicomdecode.pixels.palette import read_palette

            return np.dtype(np.uint8 if read_palette(self._pixels).bits == 8 else np.uint16)
        with self._awake():  # a codestream may have to be looked at
            return Frames(self._pixels, Request(values="stored", color="stored")).cell

    @property
    def spacing(self) -> tuple[float, float] | None:
        return find_spacing(self._file).spacing

    @property
    def spacing_of(self) -> str | None:
        """What `spacing` is measured at: "pixel" (in the patient), "imager" (at the detector), "nominal", "slide" or
        "region" (of an ultrasound image); None where there is no spacing (PS3.3 10.7)."""
        return find_spacing(self._file).measured_at

    @property
    def position(self) -> NDArray[np.float64] | None:
        """Image Position (Patient): where the centre of the first pixel lies, (x, y, z) in mm (LPS; PS3.3 C.7.6.2.1.1).
        float64, [3] or [frames, 3]; None where a frame has none."""
        return self._of_planes(lambda plane: plane.position)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        try:
            with self._awake():
                check_last_frame(self._pixels)  # one after the other, all are asked for
        except LimitError:
            raise
        except DicomError:  # those that are there are decoded
            pass
        return super().__iter__()

    @property
    def orientation(self) -> NDArray[np.float64] | None:
        """Image Orientation (Patient): the unit vectors along a row and along a column (LPS; PS3.3 C.7.6.2.1.1).
        float64, [6] or [frames, 6]; None where a frame has none."""
        return self._of_planes(lambda plane: plane.orientation)

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """From (column, row, 0, 1) to (x, y, z, 1) in mm (LPS; PS3.3 C.7.6.2.1.1). float64, [4, 4] or [frames, 4, 4].
        The third column is Slice Thickness (else 1 mm) along the normal. None where a frame lacks any of it."""
        return self._of_planes(affine_of)

    def _of_planes(self, part: Callable[[Plane], Any]) -> NDArray[np.float64] | None:
        with self._awake():
            if self._file.frames > _PLANES:
                check_last_frame(self._pixels)
            found = [part(plane) for plane in planes_of(self._file)]
        if any(one is None for one in found):
            return None
        return np.array(found if self._file.frames > 1 else found[0], np.float64)

    @property
    def window(self) -> tuple[float, float, str] | None:
        return self._file.window

    @property
    def overlays(self) -> tuple[Overlay, ...]:
        """The overlays of the file, by group (PS3.3 C.9). Each has its attributes, and an `array`, decoded when it is
        read: bool, [rows, columns] or [frames, rows, columns]."""
        from dicomdecode.pixels.overlays import read_overlays

        return read_overlays(self._pixels)

    @property
    def steps(self) -> tuple[str, ...]:
        return self.steps_of()

    def steps_of(
        self, *, values: str = "modality", frame: int = 0, window: Any = None, padding: float | None = None
    ) -> tuple[str, ...]:
        """What `pixels()` with these keywords applies to one frame, with the numbers.

        Pixels are decoded for ``window="auto"`` only.

        Parameters
        ----------
        values, window, padding
            As in `dicomdecode.imread`.
        frame : int
            Which frame, from 0.

        Returns
        -------
        tuple of str
            In the order in which they are applied.

        Raises
        ------
        DicomError, ValueError
            As from `pixels`, for what the header alone can tell.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> image = dd.open(get_testdata_file("CT_small.dcm"))
        >>> image.steps_of(values="display", window=(40, 400))
        ('rescale: 1 * stored + -1024', 'window LINEAR: center 40, width 400')
        """
        request = Request(values=values, window=window, padding=padding)
        with self._awake():
            return steps_of(Frames(self._pixels, request), request, frame)

    def window_of(self, *, frame: int = 0, window: Any = None) -> tuple[float, float, str] | None:
        """The window of the display values of a frame (PS3.3 C.11.2).

        Parameters
        ----------
        frame : int
            Which frame, from 0.
        window
            As in `dicomdecode.imread`.

        Returns
        -------
        tuple of float, float and str, or None
            (center, width, function), in modality values. A VOI LUT has the function "LUT" and the range of its
            entries. None where the possible range is used, and for colour.

        Raises
        ------
        DicomError, ValueError, IndexError
            As from `pixels`.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> image = dd.open(get_testdata_file("CT_small.dcm"))
        >>> image.window_of(window=(40, 400))
        (40.0, 400.0, 'LINEAR')
        >>> image.window_of() is None  # none is stored
        True
        """
        request = Request(values="display", window=window)
        with self._awake():
            return window_of(Frames(self._pixels, request), request, frame)

    @property
    def issues(self) -> tuple[Issue, ...]:
        from dicomdecode.issues import find_issues

        with self._awake():
            return find_issues(self._pixels, self._source.unwritten)

    def tag(self, tag: int | str | tuple[int, int]) -> Any:
        """The value of an element in the type Python has for it; None when it is absent.

        Parameters
        ----------
        tag : int, pair of int, or str
            0x00100010, (0x0010, 0x0010), "PatientName", "0010,0010", "(0010,0010)", "00100010", or a path
            "[0x0008,0x1115][0][0x0008,0x1140][0][0x0008,0x1155]"; a private one "(0029,[SIEMENS CSA HEADER],10)".

        Returns
        -------
        int, float, str, datetime.date, bytes, list or None
            By the VR (PS3.5 6.2): a list for several values; for a sequence a list of data sets, which have `tag` too.

        Raises
        ------
        ValueError, TypeError
            `tag` is none of these.
        DicomError
            The element's sequence is malformed.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> image = dd.open(get_testdata_file("CT_small.dcm"))
        >>> image.tag("Modality"), image.tag(0x00280030), image.tag("PatientComments")
        ('CT', [0.661468, 0.661468], None)
        """
        return self._file.tag(tag)

    def tags(self) -> list[int]:
        """The tags of the file.

        Returns
        -------
        list of int
            In its order: file meta information, then the data set. Those within sequences are not among them.

        Raises
        ------
        DicomError
            What follows the pixel data is damaged.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> image = dd.open(get_testdata_file("CT_small.dcm"))
        >>> [hex(tag) for tag in image.tags()[:2]]
        ['0x20000', '0x20001']
        """
        return self._file.tags()

    @property
    def codestream(self) -> dict[str, Any] | None:
        """What the codestream of frame 0 says about itself (JPEG 2000: levels, tiles, progression, transform); None of
        uncompressed pixels."""
        with self._awake():
            return first_codestream(self._pixels)

    def pixels(
        self,
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
    ) -> NDArray[Any]:
        """Decode pixels.

        Parameters
        ----------
        values, color, dtype, scale, frames, out, window, padding, reduce, region, threads, overlays, codec
            As in `dicomdecode.imread`.

        Returns
        -------
        ndarray
            As from `dicomdecode.imread`: [frames, rows, columns, samples], in the unit of the values.

        Raises
        ------
        DicomError, OSError, TypeError, ValueError, IndexError
            As from `dicomdecode.imread`; a ValueError after `close`.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> image = dd.open(get_testdata_file("CT_small.dcm"))
        >>> image.pixels(values="stored").dtype, image.pixels(values="display", window=(40, 400)).dtype
        (dtype('int16'), dtype('uint8'))
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
        self._source.wake()
        try:
            return decode(self._pixels, request)
        finally:
            self._source.rest()

    def to_dask(self, **keywords: Any) -> Any:
        """All frames, decoded when they are computed (``pip install 'dicomdecode[cluster]'``).

        Parameters
        ----------
        **keywords
            As in `pixels`, without `frames` and `out`.

        Returns
        -------
        dask.array.Array
            [frames, rows, columns, samples], with a chunk for each frame; the samples axis only for colour.

        Raises
        ------
        ImportError
            dask is not installed.
        DicomError, TypeError, ValueError
            As from `pixels`, for what the header alone can tell.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> frames = dd.open(get_testdata_file("rtdose.dcm")).to_dask()
        >>> frames.shape, frames.chunksize
        ((15, 10, 10), (1, 10, 10))
        """
        from dicomdecode.lazy import as_dask

        with self._awake():
            return as_dask(self, self._pixels, keywords)

    @property
    def dataset(self) -> Dataset:
        """A pydicom Dataset, read on first use.

        Warnings of pydicom while it reads are dropped, because they repeat values of the file. Elements are converted
        when they are first used; warnings of that time are passed on.

        Raises
        ------
        DicomError
            pydicom cannot read the file.
        """
        from pydicom import Dataset

        from dicomdecode.reading.dataset import read_dataset

        return self._origin if isinstance(self._origin, Dataset) else read_dataset(self._bytes())

    def _bytes(self) -> bytes:
        """The whole file."""
        with self._awake():
            return bytes(self._source.read_at(0, self._source.size))

    @contextlib.contextmanager
    def _awake(self) -> Iterator[None]:
        """While it is read: an image at rest holds no descriptor."""
        self._source.wake()
        try:
            yield
        finally:
            self._source.rest()

    def close(self) -> None:
        """Release the file if it was opened by its path. Pixels cannot be read afterwards.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> image = dd.open(get_testdata_file("CT_small.dcm"))
        >>> image.close()
        >>> image.tag("Modality")  # what the header says is known all the same
        'CT'
        """
        self._source.close()

    def __enter__(self) -> DicomImage:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        origin = self._origin
        if not isinstance(origin, (str, bytes)) and not hasattr(origin, "__fspath__"):
            origin = self._bytes()
        return _unpickle, (origin, self._limits)

    def __repr__(self) -> str:
        if not self._file.pixel_kind:
            return "<DicomImage without pixel data>"
        return f"<DicomImage {self.shape} {self._file.photometric_term} {self.bits_stored} bits>"


def _unpickle(origin: Any, limits: Limits) -> DicomImage:
    return DicomImage(origin, limits=limits)
