"""The stages in order: source -> scan -> header -> frames -> codecs -> color -> transform -> kernels -> ndarray.

Read this first. `render` is the whole decode of an opened file; nothing else calls the stages.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode import _kernels, codecs, color, transform
from dicomdecode._file import DicomFile
from dicomdecode._spec import FrameSpec
from dicomdecode.errors import LimitError, MalformedError, TruncatedError, UnsupportedError
from dicomdecode.frames import EncapsulatedFrames
from dicomdecode.native import Layout, NativeFrames, unpack
from dicomdecode.syntaxes import SYNTAXES, name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DoesNotFit", "Request", "render", "stored_dtype"]

Region = tuple[int, int, int, int]


class DoesNotFit(Exception):
    """The possible range of the values does not fit in the dtype asked for."""


@dataclass(slots=True)
class Request:
    """What a caller asked for, checked."""

    values: str = "stored"
    color: str = "rgb"
    dtype: np.dtype[Any] | None = None
    scale: str = "preserve"
    color_dim: bool = False
    frame_dim: bool | None = None
    frames: Any = None
    out: NDArray[Any] | None = None
    window: Any = None
    padding: float | None = None
    reduce: int = 0
    region: Region | None = None
    threads: int = 1
    must_fit: bool = False  # raise DoesNotFit rather than clip


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


def _layout(file: DicomFile, request: Request) -> Layout:
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
    cell = stored_dtype(file)
    photometric = file.photometric
    samples = file.samples
    bits = file.bits_stored
    palette = None
    if samples == 1 and ((photometric == "PALETTE COLOR" and request.color == "rgb") or request.color == "palette"):
        palette = color.read_palette(file)
        bits = palette.bits
    convert = samples == 3 and request.color != "stored" and photometric != "RGB"
    integer = file.pixel_kind == "integer" and file.bits_allocated in (8, 16, 32, 64)
    left = file.bits_allocated - 1 - file.high_bit if integer else 0
    right = file.bits_allocated - file.bits_stored if integer else 0
    return Layout(syntax, cell, left, right, samples, palette, convert, bits)


def _selected(frames: Any, count: int) -> tuple[Iterable[int], int, bool]:
    """The frames asked for, how many, and whether the caller named exactly one by an int."""
    if frames is None:
        return range(count), count, False
    if isinstance(frames, slice):
        chosen = range(count)[frames]
        return chosen, len(chosen), False
    try:
        number = operator.index(frames)
    except TypeError:
        numbers = [operator.index(i) for i in frames]
    else:
        numbers = [number]
    for i in numbers:
        if not -count <= i < count:
            raise IndexError(f"frame {i} of an image with {count} frames")
    numbers = [i % count for i in numbers]
    return numbers, len(numbers), not hasattr(frames, "__iter__")


def _shape(file: DicomFile, request: Request, layout: Layout, count: int, single: bool) -> tuple[int, ...]:
    rows, columns = file.rows, file.columns
    if request.region is not None:
        row, column, rows, columns = request.region
        if (
            row < 0
            or column < 0
            or rows < 1
            or columns < 1
            or row + rows > file.rows
            or column + columns > file.columns
        ):
            raise ValueError(f"region {request.region} is not inside {file.rows} rows and {file.columns} columns")
    if request.reduce:
        step = 1 << request.reduce
        rows, columns = -(-rows // step), -(-columns // step)
    keep = file.frames > 1 if request.frame_dim is None else request.frame_dim
    if single:
        keep = bool(request.frame_dim)
    if not keep and count > 1:
        raise ValueError(f"frame_dim=False with {count} frames selected; choose one with frames=")
    shape: tuple[int, ...] = (rows, columns)
    if layout.out_samples > 1 or request.color_dim:
        shape += (layout.out_samples,)
    if keep or count != 1:
        return (count, *shape)
    return shape


def _allocate(shape: tuple[int, ...], dtype: np.dtype[Any], request: Request, file: DicomFile) -> NDArray[Any]:
    out = request.out
    if out is not None:
        if not isinstance(out, np.ndarray):
            raise TypeError(f"out must be a numpy.ndarray, not {type(out).__name__}")
        if out.shape != shape or out.dtype != dtype:
            raise ValueError(f"out must have shape {shape} and dtype {dtype}, not {out.shape} and {out.dtype}")
        if not (out.flags.c_contiguous and out.flags.writeable):
            raise ValueError("out must be C-contiguous and writable")
        return out
    size = dtype.itemsize
    for n in shape:
        size *= n
    limit = file.limits.output_bytes
    if size > limit:
        raise LimitError(
            f"The result exceeds the limit of {limit} bytes: {size}",
            code="limit_output_bytes",
            hint="Select fewer frames with frames=, or pass limits=dicomdecode.Limits(...)",
        )
    return np.empty(shape, dtype)


@functools.lru_cache(maxsize=512)
def _simple_plan(
    bits: int,
    signed: bool,
    rescale: tuple[float, float] | None,
    cell: np.dtype[Any],
    left: int,
    right: int,
    dtype: np.dtype[Any],
    scale: str,
) -> tuple[_kernels.Plan, bool]:
    """The plan of integer pixels with at most a rescale, and whether the range fits; it depends on nothing else."""
    bounds = transform.possible_range(bits, signed)
    chain = transform.Chain(bounds)
    if rescale is not None:
        chain = transform.rescaled(chain, *rescale)
    return transform.make_plan(chain, cell, left, right, dtype, scale), transform.fits(chain.range, cell, dtype, scale)


def _native_dtype(values: str, layout: Layout) -> np.dtype[Any]:
    if values == "display":
        return np.dtype(np.uint8)
    if values == "voi":
        return np.dtype(np.float32)
    if layout.out_samples > 1:
        return layout.palette.table.dtype if layout.palette is not None else layout.cell
    return layout.cell if values == "stored" else np.dtype(np.float32)


def _plan(file: DicomFile, request: Request, layout: Layout) -> tuple[_kernels.Plan, transform.Chain | None]:
    """Fold everything behind the stored (or RGB) samples into one plan."""
    dtype = request.dtype if request.dtype is not None else _native_dtype(request.values, layout)
    scale = request.scale
    monochrome = layout.out_samples == 1
    if (
        monochrome
        and request.values in ("stored", "modality")
        and layout.cell.kind in "iu"
        and request.padding is None
        and not (request.values == "modality" and (file.has_modality_lut or file.has_functional_groups))
    ):
        rescale = file.rescale if request.values == "modality" else None
        plan, fit = _simple_plan(
            file.bits_stored, file.signed, rescale, layout.cell, layout.left, layout.right, dtype, scale
        )
        chain = None
        if plan.kind == "numpy":
            chain = transform.chain_of_file(file, request.values)
    elif monochrome:
        chain = transform.chain_of_file(file, request.values, request.window, request.padding)
        plan = transform.make_plan(chain, layout.cell, layout.left, layout.right, dtype, scale)
        fit = chain.unit or transform.fits(chain.range, layout.cell, dtype, scale)
    else:
        cell = layout.palette.table.dtype if layout.palette is not None else layout.cell
        chain = transform.chain_of_color(layout.bits, request.values)
        plan = transform.make_plan(chain, cell, 0, 0, dtype, scale)
        fit = chain.unit or transform.fits(chain.range, cell, dtype, scale)
    if request.must_fit and not fit:
        raise DoesNotFit(f"the possible range of the values does not fit in {dtype}")
    return plan, chain


#: A frame -> its stored values [rows, columns, samples], and the Photometric Interpretation they have now.
FrameReader = Callable[[int], "tuple[NDArray[Any], str]"]


def _native_reader(file: DicomFile, layout: Layout, native: NativeFrames) -> FrameReader:
    words = native.vr == "OW" or file.bits_allocated >= 16
    swap = (layout.syntax.big_endian or file.big_endian) and words

    def read(frame: int) -> tuple[NDArray[Any], str]:
        offset, size, first_bit = native.range_of(frame)
        if swap and file.bits_allocated < 16:  # whole 16-bit words
            odd = (offset - native.offset) % 2
            offset, size, first_bit = offset - odd, size + odd, first_bit + 8 * odd
            size = min(size + size % 2, native.length - (offset - native.offset))
        cells = file.source.read_at(offset, size)
        if len(cells) < size:
            raise TruncatedError("The file ends inside the pixel data", code="pixels_cut", tag=native.tag, frame=frame)
        planar = file.planar and layout.samples > 1 and not native.is_422
        stored = unpack(cells, first_bit, file, layout, planar=planar, is_422=native.is_422, swap_words=swap)
        return stored, file.photometric

    return read


def _codec_reader(file: DicomFile, request: Request, layout: Layout) -> FrameReader:
    row = codecs.CODECS[layout.syntax.codec]
    decode = codecs.load(layout.syntax.codec)
    frames = EncapsulatedFrames(file)
    rows, columns, samples = file.rows, file.columns, layout.samples

    def read(frame: int) -> tuple[NDArray[Any], str]:
        spec = FrameSpec(
            rows=rows,
            columns=columns,
            samples=samples,
            bits_allocated=file.bits_allocated,
            bits_stored=file.bits_stored,
            signed=file.signed,
            photometric=file.photometric,
            to_rgb=request.color == "rgb",
            frame=frame,
            syntax=layout.syntax.uid,
            threads=request.threads,
        )
        data = frames.read(frame)
        if not row.cells:
            out = np.empty((rows, columns, samples), layout.cell)
            return out, decode(data, spec, out)
        planar = row.planar and file.planar and samples > 1
        is_422 = row.planar and samples == 3 and file.photometric == "YBR_FULL_422"
        bits = rows * columns * (2 if is_422 else samples) * file.bits_allocated
        cells = np.empty((bits + 7) // 8, np.uint8)
        decode(data, spec, cells)
        return unpack(cells, 0, file, layout, planar=planar, is_422=is_422, swap_words=False), file.photometric

    return read


def _fill(
    file: DicomFile,
    request: Request,
    layout: Layout,
    read: FrameReader,
    plan: _kernels.Plan,
    chain: transform.Chain | None,
) -> Callable[[int, NDArray[Any]], None]:
    """A function that decodes one frame into its place in the result."""

    def fill(frame: int, target: NDArray[Any]) -> None:
        samples, photometric = read(frame)
        if layout.palette is not None:
            samples = color.apply_palette(samples, layout.palette)
        elif layout.convert_rgb:
            samples = color.to_rgb(samples, photometric, layout.bits)
        if request.region is not None:
            row, column, rows, columns = request.region
            samples = np.ascontiguousarray(samples[row : row + rows, column : column + columns])
        if plan.kind == "numpy":
            assert chain is not None
            target.reshape(-1)[:] = transform.convert_numpy(samples, plan, chain, request.scale).reshape(-1)
        else:
            _kernels.run(plan, samples, 0, samples.size, target)

    return fill


def _run_direct(
    file: DicomFile,
    layout: Layout,
    native: NativeFrames,
    plan: _kernels.Plan,
    selected: Iterable[int],
    out: NDArray[Any],
) -> None:
    """Native cells straight into the result: one pass, and no copy where the bytes are the values."""
    frame_bytes = native.frame_bits // 8
    cells = frame_bytes // layout.cell.itemsize
    target = memoryview(out.reshape(-1).view(np.uint8))
    step = cells * out.itemsize
    whole = plan.kind == "copy" and not layout.left and not layout.right
    view = getattr(file.source, "view", None)
    frames = list(selected)
    if view is not None and frames == list(range(frames[0], frames[0] + len(frames))):
        _kernels.run(
            plan, view, native.offset + frames[0] * frame_bytes, cells * len(frames), out, 0, layout.left, layout.right
        )
        return
    for i, frame in enumerate(frames):
        offset = native.offset + frame * frame_bytes
        if whole:
            if file.source.read_into(offset, target[i * step : (i + 1) * step]) < frame_bytes:
                raise TruncatedError("The file ends inside the pixel data", code="pixels_cut", frame=frame)
            continue
        part = file.source.read_at(offset, frame_bytes)
        if len(part) < frame_bytes:
            raise TruncatedError("The file ends inside the pixel data", code="pixels_cut", frame=frame)
        _kernels.run(plan, part, 0, cells, out, i * step, layout.left, layout.right)


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
    layout = _layout(file, request)
    plan, chain = _plan(file, request, layout)
    selected, count, single = _selected(request.frames, file.frames)
    native = NativeFrames(file, layout) if layout.syntax.codec == "native" else None
    if native is not None and count:
        native.check(max(selected), file)
    if request.reduce:
        raise UnsupportedError(f"reduce= needs JPEG 2000, not {name_of(file.transfer_syntax)}", code="reduce")
    shape = _shape(file, request, layout, count, single)
    out = _allocate(shape, np.dtype(plan.dtype), request, file)
    if not count:
        return out
    if (
        native is not None
        and layout.palette is None
        and not layout.convert_rgb
        and not native.is_422
        and (layout.samples == 1 or not file.planar)
        and file.bits_allocated in (8, 16, 32, 64)
        and not ((layout.syntax.big_endian or file.big_endian) and (file.bits_allocated > 8 or native.vr == "OW"))
        and request.region is None
        and plan.kind != "numpy"
    ):
        _run_direct(file, layout, native, plan, selected, out)
        return out
    if layout.left or layout.right:
        # What readers give are values, with no bits left to shift.
        plan, chain = _plan(file, request, replace(layout, left=0, right=0))
    read = _native_reader(file, layout, native) if native is not None else _codec_reader(file, request, layout)
    fill = _fill(file, request, layout, read, plan, chain)
    targets = out.reshape((count, -1))
    if request.threads > 1 and count > 1:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(request.threads) as pool:
            list(pool.map(fill, selected, targets))
    else:
        for frame, target in zip(selected, targets, strict=True):
            fill(frame, target)
    return out


def plan_of(file: DicomFile, request: Request) -> _kernels.Plan:
    """The plan that `render` would follow, without decoding."""
    file.check()
    return _plan(file, request, _layout(file, request))[0]
