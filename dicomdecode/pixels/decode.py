"""The stages in order: source -> scan -> header -> frames -> codecs -> color -> transform -> kernels -> ndarray.

Read this first. `render` is the whole decode of an opened file; nothing else calls the stages.
"""

from __future__ import annotations

import functools
import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode import codecs
from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.errors import DicomError, MalformedError, TruncatedError, UnsupportedError
from dicomdecode.pixels import transform
from dicomdecode.pixels._kernels import run
from dicomdecode.pixels.color import Tables, to_rgb
from dicomdecode.pixels.encapsulated import EncapsulatedFrames
from dicomdecode.pixels.icc import Profiles
from dicomdecode.pixels.native import HALF_CHROMA, Layout, NativeFrames, is_plain, keep_stored_bits, unpack
from dicomdecode.pixels.palette import look_up, read_palette
from dicomdecode.pixels.plans import Plans
from dicomdecode.pixels.request import Request, Selection, allocate, select, shape_of
from dicomdecode.reading._file import DicomFile
from dicomdecode.syntaxes import SYNTAXES

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["frames_of", "layout_of", "plans_of", "render", "stored_dtype"]

#: (frame, place for its samples) -> samples [rows, columns, samples], and the Photometric Interpretation they have.
FrameReader = Callable[[int, "NDArray[Any] | None"], "tuple[NDArray[Any], str]"]


@functools.cache
def _integer_type(bits_allocated: int, signed: bool) -> np.dtype[Any]:
    size = 1 if bits_allocated <= 8 else 2 if bits_allocated <= 16 else 4 if bits_allocated <= 32 else 8
    return np.dtype(f"{'i' if signed else 'u'}{size}")


def stored_dtype(file: DicomFile) -> np.dtype[Any]:
    """The type of stored values: an integer of Bits Allocated and Pixel Representation, or a float."""
    kind = file.pixel_kind
    if kind == "float":
        return np.dtype(np.float32)
    if kind == "double":
        return np.dtype(np.float64)
    # A bit has no room for a sign, whatever Pixel Representation says.
    return _integer_type(file.bits_allocated, file.signed and file.bits_allocated > 1)


def layout_of(file: DicomFile, want: str) -> Layout:
    """How the stored values lie, and what `color=want` makes of them; "cells" takes whole cells, with unused bits."""
    syntax = SYNTAXES.get(file.transfer_syntax)
    encapsulated = file.pixels[4]
    if syntax is None:
        if encapsulated:
            raise UnsupportedError("The transfer syntax is unknown", code="transfer_syntax", tag=0x00020010)
        syntax = SYNTAXES["1.2.840.10008.1.2.1"]  # a private syntax with native pixel data
    if syntax.codec == "native" and encapsulated:
        raise MalformedError(
            f"Pixel data are encapsulated under the transfer syntax {syntax.name}", code="encapsulated", tag=0x7FE00010
        )
    if not syntax.codec:
        raise UnsupportedError(
            f"No decoder for the transfer syntax {syntax.name} ({syntax.uid})", code="transfer_syntax", tag=0x00020010
        )
    if want == "cells":
        cell = _integer_type(file.bits_allocated, False)
        return Layout(syntax, cell, 0, 0, file.samples, None, False, file.bits_allocated)
    samples, bits, palette = file.samples, file.bits_stored, None
    photometric = file.photometric
    if want == "rgba" and (samples != 1 or photometric != "PALETTE COLOR"):
        raise UnsupportedError(
            f'color="rgba" needs PALETTE COLOR, not {photometric or "a missing Photometric Interpretation"}',
            code="alpha",
            tag=0x00280004,
        )
    if samples == 1 and ((photometric == "PALETTE COLOR" and want != "stored") or want == "palette"):
        palette = read_palette(file, alpha=want == "rgba")
        bits = palette.bits
    convert = samples == 3 and want != "stored" and photometric != "RGB"
    profiles = None
    if want == "srgb" and (palette is not None or samples == 3):
        if bits != 8:
            raise UnsupportedError(
                f"ICC profiles are applied to samples of 8 bits, not {bits}",
                code="icc_depth",
                hint='Ask for color="rgb"',
            )
        profiles = file.kept.get("profiles") or Profiles(file)
        file.kept["profiles"] = profiles
    integer = file.pixel_kind == "integer" and file.bits_allocated in (8, 16, 32, 64)
    left = file.bits_allocated - 1 - file.high_bit if integer else 0
    right = file.bits_allocated - file.bits_stored if integer else 0
    return Layout(syntax, stored_dtype(file), left, right, samples, palette, convert, bits, profiles)


def _native_reader(file: DicomFile, layout: Layout, native: NativeFrames) -> FrameReader:
    swap = (layout.syntax.big_endian or file.big_endian) and (native.vr == "OW" or file.bits_allocated >= 16)
    planar = file.planar and layout.samples > 1 and not native.is_422

    def read(frame: int, place: NDArray[Any] | None) -> tuple[NDArray[Any], str]:
        offset, size, first_bit = native.range_of(frame)
        if swap and file.bits_allocated < 16:  # whole 16-bit words
            odd = (offset - native.offset) % 2
            offset, size, first_bit = offset - odd, size + odd, first_bit + 8 * odd
            size = min(size + size % 2, native.length - (offset - native.offset))
        cells = file.source.read_at(offset, size)
        if len(cells) < size:
            raise TruncatedError("The file ends inside the pixel data", code="pixels_cut", tag=native.tag, frame=frame)
        stored = unpack(cells, first_bit, file, layout, planar=planar, is_422=native.is_422, swap_words=swap)
        return stored, file.photometric

    return read


def frames_of(file: DicomFile) -> EncapsulatedFrames:
    """The encapsulated frames of a file; their index is made once."""
    found: EncapsulatedFrames | None = file.kept.get("frames")
    if found is None:
        found = file.kept["frames"] = EncapsulatedFrames(file)
    return found


def _codec_reader(
    file: DicomFile, request: Request, layout: Layout, frames: EncapsulatedFrames, threads: int
) -> FrameReader:
    row = codecs.CODECS[layout.syntax.codec]
    decode = codecs.load(layout.syntax.codec)
    rows, columns, samples = file.rows, file.columns, layout.samples
    photometric = file.photometric
    planar = row.planar and file.planar and samples > 1
    is_422 = row.planar and samples == 3 and photometric in HALF_CHROMA
    in_order = file.bits_allocated in (8, 16, 32, 64) and not (planar or is_422)
    # A codec may trim cells whose stored bits are the low ones, and must not touch any other.
    trims = row.trims and in_order and layout.left == layout.right < 8
    whole = request.color == "cells" or (row.cells and not trims)
    area: dict[str, Any] = {}
    shape: tuple[int, ...] = (rows, columns, samples)
    if row.areas and (request.reduce or request.region):
        area = {"reduce": request.reduce, "region": request.region}
        shape = (*shape_of(file, replace(request, frame_dim=False), Selection([0], False), 1), samples)

    def spec_of(frame: int) -> FrameSpec:
        return FrameSpec(
            rows=rows,
            columns=columns,
            samples=samples,
            bits_allocated=file.bits_allocated,
            bits_stored=file.bits_allocated if whole else file.bits_stored,
            signed=file.signed and not whole,
            photometric=photometric,
            to_rgb=layout.convert_rgb,
            frame=frame,
            syntax=layout.syntax.uid,
            threads=threads,
        )

    stream = None
    if row.stream:
        # Kept, because a frame is decoded only after those before it: one by one would start again for each.
        stream = file.kept.get(("stream", layout.convert_rgb)) or decode(frames.read_all(), spec_of(0))
        file.kept["stream", layout.convert_rgb] = stream

    def read(frame: int, place: NDArray[Any] | None) -> tuple[NDArray[Any], str]:
        if stream is not None:
            out = np.empty(shape, layout.cell) if place is None else place
            return out, stream.read(frame, out)
        data = frames.read(frame)
        try:
            return decode_one(data, spec_of(frame), place)
        except DicomError as error:
            named = layout.syntax.name in error.message
            message = error.message if named else f"{layout.syntax.name}: {error.message}"
            # Of the codestream so far; where the codec can not tell, its start.
            offset = frames.position(frame, error.offset or 0)
            raise error.located(message=message, offset=offset) from error.__cause__

    def decode_one(data: Any, spec: FrameSpec, place: NDArray[Any] | None) -> tuple[NDArray[Any], str]:
        if in_order or not row.cells:
            out = np.empty(shape, layout.cell) if place is None else place
            if row.cells:
                decode(data, spec, out.reshape(-1).view(np.uint8))
                if not trims:
                    keep_stored_bits(out, layout)
                return out, photometric
            return out, decode(data, spec, out, **area)
        bits = rows * columns * (2 if is_422 else samples) * file.bits_allocated
        cells = np.empty((bits + 7) // 8, np.uint8)
        decode(data, spec, cells)
        return unpack(cells, 0, file, layout, planar=planar, is_422=is_422, swap_words=False), photometric

    return read


def _check_frames(
    file: DicomFile, layout: Layout, native: NativeFrames | None, encapsulated: EncapsulatedFrames | None, last: int
) -> None:
    """Raise when frame `last` can not be there, before memory is asked for."""
    if native is not None:
        native.check(last, file)
    if encapsulated is not None and not codecs.CODECS[layout.syntax.codec].stream:
        samples = 2 if file.photometric in HALF_CHROMA else layout.samples
        frame_bytes = (file.rows * file.columns * samples * file.bits_allocated + 7) // 8
        encapsulated.check(last, frame_bytes, codecs.CODECS[layout.syntax.codec].ratio)


def _crop(samples: NDArray[Any], request: Request) -> NDArray[Any]:
    if request.region is None:
        return samples
    row, column, height, width = request.region
    return np.ascontiguousarray(samples[row : row + height, column : column + width])


def _run_frames(
    file: DicomFile, request: Request, layout: Layout, read: FrameReader, plans: Plans, frames: Any, out: NDArray[Any]
) -> None:
    """Read, colour and transform frame by frame, side by side when threads are allowed."""
    cropped = request.region is not None and not codecs.does_areas(layout.syntax.codec)
    targets = out.reshape((len(frames), -1))
    in_place = not cropped and layout.palette is None and out.dtype == layout.cell
    shape = (*shape_of(file, replace(request, frame_dim=False), Selection([0], False), 1)[:2], layout.samples)
    tables = Tables(file, request, layout, plans) if layout.palette is not None else None

    def one(frame: int, target: NDArray[Any]) -> None:
        plan, chain = plans.of(frame)
        place = target.reshape(shape) if in_place and plan.kind == "copy" else None
        samples, photometric = read(frame, place)
        if cropped:
            samples = _crop(samples, request)
        if tables is not None:
            look_up(samples, tables.first, tables.of(frame), target)
            return
        if layout.convert_rgb:
            samples = to_rgb(samples, photometric, layout.bits)
        if layout.profiles is not None:
            layout.profiles.of(frame)(samples)
        if samples is place:
            return
        if plan.kind == "numpy":
            assert chain is not None
            target[:] = transform.convert_numpy(samples, plan, chain, request.scale).reshape(-1)
        else:
            run(plan, samples, 0, samples.size, target)

    _side_by_side(one, list(zip(frames, targets, strict=True)), request.threads)


def _side_by_side(work: Callable[..., None], items: Sequence[tuple[Any, ...]], threads: int) -> None:
    """``work(*item)`` for all items, the caller's thread among those that work; the error of the first that fails.

    A pool of threads would take twice the time to start, which is much where frames are small. After an error, Ctrl-C
    among them, nothing new is begun.
    """
    if threads == 1 or len(items) == 1:
        for item in items:
            work(*item)
        return
    numbers = itertools.count()  # `next` on it is atomic
    errors: dict[int, BaseException] = {}

    def take() -> None:
        while not errors and (i := next(numbers)) < len(items):
            try:
                work(*items[i])
            except BaseException as error:
                errors[i] = error

    others = [threading.Thread(target=take) for _ in range(min(threads, len(items)) - 1)]
    try:
        for other in others:
            other.start()
        take()
        for other in others:
            other.join()
    except BaseException as error:  # Ctrl-C between two items, or while waiting
        errors[-1] = error
    if errors:
        raise errors[min(errors)]


#: Bytes that are read at a time where a kernel follows, so that it finds them in the cache. The kernel for 8-bit
#: results makes itself a table for each call, and gets more.
_PART, _PART_TO_8_BITS = 1 << 18, 1 << 20


def _run_plain(
    file: DicomFile,
    layout: Layout,
    native: NativeFrames,
    plans: Plans,
    frames: Any,
    out: NDArray[Any],
    threads: int,
) -> None:
    """Native cells straight into the result: one pass, and no copy where the bytes are the values."""
    frame_bytes = native.frame_bits // 8
    cells = frame_bytes // layout.cell.itemsize
    step = cells * out.itemsize
    view = getattr(file.source, "view", None)
    in_order = isinstance(frames, range) and frames.step == 1
    if view is not None and plans.one is not None and in_order and (threads == 1 or len(frames) == 1):
        first = native.offset + frames[0] * frame_bytes
        run(plans.one[0], view, first, cells * len(frames), out, 0, layout.left, layout.right)
        return
    target = out.reshape(-1).view(np.uint8).data

    def one(frame: int, place: int) -> None:
        plan = plans.of(frame)[0]
        offset = native.offset + frame * frame_bytes
        if view is not None:
            run(plan, view, offset, cells, out, place, layout.left, layout.right)
            return
        as_they_are = plan.kind == "copy" and not layout.left and not layout.right
        most = frame_bytes if as_they_are else _PART if out.itemsize > 1 else _PART_TO_8_BITS
        scratch = memoryview(b"" if plan.kind == "copy" else bytearray(min(frame_bytes, most)))
        for start in range(0, frame_bytes, most):
            size = min(most, frame_bytes - start)
            # Where cells become values of the same size they are read into the result, and changed there.
            part = target[place : place + size] if plan.kind == "copy" else scratch[:size]
            if file.source.read_into(offset + start, part) < size:
                raise TruncatedError(
                    "The file ends inside the pixel data", code="pixels_cut", tag=native.tag, frame=frame
                )
            n = size // layout.cell.itemsize
            if not as_they_are:
                run(plan, part, 0, n, out, place, layout.left, layout.right)
            place += n * out.itemsize

    _side_by_side(one, [(frame, i * step) for i, frame in enumerate(frames)], threads)


def render(file: DicomFile, request: Request) -> NDArray[Any]:
    """Decode an opened file.

    Parameters
    ----------
    file : DicomFile
        Scanned up to its pixel data at least.
    request : Request
        What to make of it.

    Returns
    -------
    ndarray
        [frames, rows, columns, samples] by the shape rules of the request.

    Raises
    ------
    DicomError
        The file can not be decoded.
    DoesNotFit
        Only with `must_fit`.
    """
    file.check()
    layout = layout_of(file, request.color)
    plans = Plans(file, request, layout)
    selection = select(request.frames, file.frames)
    frames = selection.frames
    native = NativeFrames(file, layout) if layout.syntax.codec == "native" else None
    encapsulated = None if native else frames_of(file)
    if frames:
        last = max(frames[0], frames[-1]) if isinstance(frames, range) else max(frames)
        _check_frames(file, layout, native, encapsulated, last)
    if request.reduce and not codecs.does_areas(layout.syntax.codec):
        raise UnsupportedError(f"reduce= needs JPEG 2000, not {layout.syntax.name}", code="reduce")
    out = allocate(shape_of(file, request, selection, layout.out_samples), plans.dtype, request, file)
    if not frames:
        return out
    if (
        native is not None
        and is_plain(file, layout, native.vr)
        and not (native.is_422 or layout.palette or layout.convert_rgb or layout.profiles or request.region)
        and (all(plans.of(i)[0].kind != "numpy" for i in frames) if plans.one is None else plans.one[0].kind != "numpy")
    ):
        _run_plain(file, layout, native, plans, frames, out, request.threads)
        return out
    if layout.left or layout.right:
        # What readers give are values, with no bits left to shift.
        plans = Plans(file, request, replace(layout, left=0, right=0))
    if encapsulated is not None:
        # Threads go to frames where there are several, else to the codec.
        read = _codec_reader(file, request, layout, encapsulated, 1 if len(frames) > 1 else request.threads)
    else:
        assert native is not None
        read = _native_reader(file, layout, native)
    _run_frames(file, request, layout, read, plans, frames, out)
    return out


def plans_of(file: DicomFile, request: Request) -> Plans:
    """The plans that `render` would follow, without decoding."""
    file.check()
    return Plans(file, request, layout_of(file, request.color))
