"""From the slices of a volume to one array: every frame is decoded straight to its place."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dicomdecode.limits import check_limit
from dicomdecode.pixels import Request, decode
from dicomdecode.pixels._core import Frames
from dicomdecode.pixels.auto_window import common_auto_window, evenly
from dicomdecode.pixels.decode import side_by_side
from dicomdecode.pixels.planning import Plans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.limits import Limits
    from dicomdecode.volumes.slices import Opened, Slice

__all__ = ["Wanted", "assemble", "is_same_picture"]


class Wanted(NamedTuple):
    """What to make of pixels: keywords of `imread`."""

    values: str
    dtype: Any
    window: Any


class _Run(NamedTuple):
    """Neighbouring slices of one file, which are decoded in one call."""

    first: int
    slices: list[Slice]


def assemble(slices: list[Slice], wanted: Wanted, threads: int, limits: Limits) -> NDArray[Any]:
    """Decode slices into [slices, rows, columns] or [slices, rows, columns, samples].

    Raises
    ------
    DicomError
        Pixels cannot be decoded, or all of them exceed `Limits.output_bytes`.
    """
    if wanted.window == "auto" and slices[0].opened.file.samples == 1:
        _share_window(slices)
    dtype, samples = _form_of(slices, wanted)
    shape = (len(slices), slices[0].rows, slices[0].columns) + ((samples,) if samples > 1 else ())
    size = math.prod(shape) * dtype.itemsize
    check_limit("The volume exceeds", "limit_output_bytes", limits.output_bytes, size)
    out = np.empty(shape, dtype)
    runs = _runs_of(slices)
    within = threads if len(runs) == 1 else 1
    side_by_side(lambda i: _decode_run(runs[i], wanted, out, within), len(runs), threads)
    return out


def _form_of(slices: list[Slice], wanted: Wanted) -> tuple[np.dtype[Any], int]:
    """The dtype that holds the values of all files, and the samples of a pixel."""
    request = Request(values=wanted.values, window=wanted.window, dtype=wanted.dtype)
    found: dict[tuple[object, ...], tuple[np.dtype[Any], int]] = {}
    for one in slices:
        file = one.opened.file
        kind = (file.photometric, file.samples, file.bits_allocated, file.bits_stored, file.signed, file.pixel_kind)
        if kind not in found:
            with one.opened.awake():  # where frames are is read from the pixel data
                plans = Plans(Frames(one.opened.pixels, request), request)
            found[kind] = (plans.dtype, plans.samples)
    dtype = np.result_type(*(dtype for dtype, _ in found.values()))
    return dtype, max(samples for _, samples in found.values())


def _share_window(slices: list[Slice]) -> None:
    """One window for all files; otherwise each slice would have its own."""
    files = list({one.opened.number: one.opened for one in slices}.values())
    with contextlib.ExitStack() as awake:
        looked_at = [files[i] for i in evenly(len(files))]
        for opened in looked_at:
            awake.enter_context(opened.awake())
        found = common_auto_window([opened.pixels for opened in looked_at])
    for opened in files:
        opened.pixels.auto_window = found


def _runs_of(slices: list[Slice]) -> list[_Run]:
    runs: list[_Run] = []
    for i, one in enumerate(slices):
        if runs and runs[-1].slices[0].opened is one.opened:
            runs[-1].slices.append(one)
        else:
            runs.append(_Run(i, [one]))
    return runs


def _decode_run(run: _Run, wanted: Wanted, out: NDArray[Any], threads: int) -> None:
    place = out[run.first : run.first + len(run.slices)]
    opened = run.slices[0].opened
    frames = [one.frame for one in run.slices]
    try:
        with opened.awake():
            if run.slices[0].mosaic is not None:
                _cut_tiles(run, wanted, place)
                return
            request = Request(
                values=wanted.values,
                window=wanted.window,
                dtype=out.dtype,
                frame_dim=True,
                frames=frames,
                out=place,
                threads=min(threads, len(frames)),
            )
            decode(opened.pixels, request)
    except Exception as error:
        error.add_note(f"in source {opened.number} of the series")
        raise


def _cut_tiles(run: _Run, wanted: Wanted, place: NDArray[Any]) -> None:
    """The tiles of one mosaic; see mosaic.py for their order."""
    picture = decode(
        run.slices[0].opened.pixels, Request(values=wanted.values, window=wanted.window, dtype=place.dtype)
    )
    for target, one in zip(place, run.slices, strict=True):
        down, across = divmod(one.tile, one.mosaic.across if one.mosaic else 1)
        row, column = down * one.rows, across * one.columns
        target[...] = picture[row : row + one.rows, column : column + one.columns]


def is_same_picture(first: Opened, second: Opened) -> bool:
    """Whether two files hold the same stored values."""
    return np.array_equal(_stored(first), _stored(second))


def _stored(opened: Opened) -> NDArray[Any]:
    with opened.awake():
        return decode(opened.pixels, Request(values="stored"))
