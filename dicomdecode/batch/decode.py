"""`decode_batch`: the pixels of many files."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from dicomdecode.batch.crew import Crew, ExecutorCrew, Job, Outcome, ThreadCrew, checked_executor, count_workers
from dicomdecode.batch.parts import PartDone, Parts, PartWork, bytes_of
from dicomdecode.batch.placing import Placing
from dicomdecode.batch.progress import Progress
from dicomdecode.batch.stream import Result, Stream
from dicomdecode.limits import Limits, limits_of
from dicomdecode.pixels import Request
from dicomdecode.pixels._core import ManyFiles
from dicomdecode.pixels.arguments import check_flag, check_number, one_of
from dicomdecode.read_image import read_pixels
from dicomdecode.sources import Expansion, Item, Some, expand

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from numpy.typing import DTypeLike, NDArray

    from dicomdecode.pixels.arguments import RegionLike

__all__ = ["Batch", "Decoded", "decode_batch"]

_SECONDS_OF_A_PART = 3e-4
_MOST_OF_A_PART = 16  # files
_BYTES_OF_A_PART = 1 << 21  # of results: with more, they leave the cache before anybody looks at them


@dataclass(slots=True, eq=False)
class Decoded:
    """The outcome for one file of a batch.

    Attributes
    ----------
    index : int
        Its place in the input, counted from 0.
    source : object
        The source as it was given; for a file of a folder or an archive, its path.
    array : ndarray or None
        The pixels, as `imread` gives them; None exactly when `error` is not.
    error : Exception or None
        Why there are none.
    shape : tuple of int or None
        Of the decoded image: of `array` before it was filled up with `pad`.
    seconds : float
        The time that it took.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> path = get_testdata_file("CT_small.dcm")
    >>> (each,) = dd.decode_batch([path], dtype="int16")
    >>> each.index, each.array.shape, each.error
    (0, (128, 128), None)
    """

    index: int
    source: Any
    array: NDArray[Any] | None
    error: Exception | None
    shape: tuple[int, ...] | None
    seconds: float


class _Decode:
    """The work on one file, with Python. It can be pickled, if it does not decode into an `out`."""

    def __init__(self, keywords: dict[str, Any], limits: Limits, placing: Placing) -> None:
        self._keywords = keywords
        self._limits = limits
        self._placing = placing
        self.request = Request(**keywords)

    def __call__(self, job: Job) -> NDArray[Any]:
        index, placing = job.index, self._placing
        return read_pixels(
            job.source,
            self.request,
            self._limits,
            allocate=lambda shape, dtype: placing.allocate(index, shape, dtype),
            threads=job.threads,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return _Decode, (self._keywords, self._limits, self._placing)


class Batch(Iterator[Decoded]):
    """The results of `decode_batch`, one by one.

    It is also a context manager: when that ends, or after `close`, no further file is begun.

    Attributes
    ----------
    decoded, failed : int
        Files so far.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> with dd.decode_batch([get_testdata_file("CT_small.dcm"), "not there.dcm"]) as batch:
    ...     for each in batch:
    ...         print(each.shape, each.error)
    (128, 128) None
    None [Errno 2] No such file or directory: 'not there.dcm'
    """

    def __init__(self, files: _Files, on_error: str) -> None:
        self.decoded = 0
        self.failed = 0
        self._files = files
        self._ready: list[Decoded] = []  # of a part, the next one last
        self._on_error = on_error

    def __next__(self) -> Decoded:
        while True:
            while self._ready:
                decoded = self._ready.pop()  # what the caller lets go is free before the next one is wanted
                if decoded.error is None:
                    self.decoded += 1
                    return decoded
                self.failed += 1
                if self._on_error == "raise":
                    self.close()
                    raise decoded.error
                if self._on_error == "record":
                    return decoded
            self._ready = next(self._files)
            self._ready.reverse()

    def close(self) -> None:
        """Begin no further file; finished results can still be taken.

        Examples
        --------
        >>> import dicomdecode as dd
        >>> from pydicom.data import get_testdata_file
        >>> path = get_testdata_file("CT_small.dcm")
        >>> batch = dd.decode_batch([path] * 3)
        >>> next(batch).shape
        (128, 128)
        >>> batch.close()
        """
        self._files.stop()

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class _Files(Iterator[list[Decoded]]):
    """The files of a batch, part by part.

    Parts are as large as what is done in less than a millisecond, so that a thread is not woken for each small file.

    Parameters
    ----------
    items : Expansion
        The files.
    crew : Crew
        Decodes parts.
    placing : Placing
        Where results go.
    is_placed : bool
        Workers put them there, and tell the shape of the image with each; else an array is all that they give.
    """

    def __init__(
        self, items: Expansion, crew: Crew, placing: Placing, *, is_placed: bool, ordered: bool, shown: Progress
    ) -> None:
        self._items = items
        self._placing = placing
        self._is_placed = is_placed
        self._shown = shown
        self._failure: Exception | None = None
        self._parts = Parts(items, 1, of_lists_only=True)
        held = _held_by(placing, is_placed)
        self._stream = Stream(self._parts, crew, ordered=ordered, progress=Progress(False), bytes_of=held)

    def __next__(self) -> list[Decoded]:
        try:
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            result = next(self._stream)
        except BaseException:
            self.stop()
            raise
        found = self._decoded(result)
        self._shown.step(len(found), sum(each.error is not None for each in found), self._items.total)
        return found

    def _decoded(self, result: Result) -> list[Decoded]:
        some: Some = result.item.name
        first, count = result.item.source.first, len(some.names)
        if result.outcome.error is None:
            done: PartDone = result.outcome.value
            self._set_size(done)
        else:
            done = PartDone.failed(result.outcome.error, count)
        try:
            self._placing.check_room(first + count)
        except ValueError as failure:  # behind what came before it
            self._failure = failure
            count = self._placing.room(first)
        errors = done.errors | some.errors
        found = []
        for i in range(count):
            error, array, shape = errors.get(i), None, None
            if error is None:
                value = done.values[i]
                array, shape = value if self._is_placed else self._placing.finish(first + i, value)
            found.append(Decoded(first + i, some.names[i], array, error, shape, done.seconds[i]))
        return found

    def _set_size(self, done: PartDone) -> None:
        """Adjust the size of the next parts by the time of this one, step by step because files differ."""
        count = len(done.values)
        last = done.values[-1]
        size = int(_SECONDS_OF_A_PART * count / max(done.busy, 1e-6))
        if last is not None:
            array = last[0] if self._is_placed else last
            size = min(size, _BYTES_OF_A_PART // max(array.nbytes, 1))
        self._parts.size = max(1, count // 2, min(size, 2 * count, _MOST_OF_A_PART))

    def stop(self) -> None:
        self._stream.stop()
        self._shown.close()


def _held_by(placing: Placing, is_placed: bool) -> Callable[[Item, Outcome], int]:
    """How much memory a part takes while it waits."""
    is_outside = is_placed and placing.out is not None

    def held(item: Item, outcome: Outcome) -> int:
        size = bytes_of(item.name)
        if is_outside or outcome.error is not None:
            return size
        done: PartDone = outcome.value
        for value in done.values:
            if value is not None:
                size += value[0].nbytes if is_placed else value.nbytes
        return size

    return held


def decode_batch(
    sources: Any,
    *,
    threads: int | None = None,
    ordered: bool = True,
    on_error: str = "record",
    out: NDArray[Any] | None = None,
    shape: Sequence[int] | None = None,
    pad: float | None = None,
    progress: bool = False,
    executor: Executor | None = None,
    isolation: str | None = None,
    timeout: float | None = None,
    values: str = "modality",
    color: str = "rgb",
    dtype: DTypeLike | None = None,
    scale: str = "preserve",
    frames: Any = None,
    window: Any = None,
    padding: float | None = None,
    reduce: int = 0,
    region: RegionLike | None = None,
    overlays: bool = False,
    limits: Limits | None = None,
) -> Batch:
    """Decode many files.

    Parameters
    ----------
    sources : iterable, or one source
        Anything that `dicomdecode.open` takes, folders, patterns (``"scans/**/*.dcm"``), archives ("scans.zip",
        ``"scans.zip/a/*.dcm"``) and URLs. It may be endless: at most ``2 * threads`` files are read ahead, and more
        only while one is slow (see `ordered`).
    threads : int, optional
        How many files are decoded side by side; default: one for each core. Where there are fewer files than threads,
        each gets several for its frames.
    ordered : bool
        Results in the order of the sources, else as they are finished. In order, others are begun until a slow one is
        finished, as long as the results that wait for it take less memory than 4 MiB, or than ``2 * threads`` of the
        largest so far.
    on_error : {"record", "raise", "skip"}
        What happens when a file fails: its result has the error; the error is raised after the results before it; or
        the file is only counted in `failed`.
    out : ndarray (N, ...), optional
        C-contiguous; result i goes into ``out[i]``. Its dtype is that of the results.
    shape : tuple of int, optional
        Of each result; a file of another shape is an error.
    pad : float, optional
        With `shape` or `out`: smaller results are filled up with this at the end of each axis.
    progress : bool
        Show on a terminal how many files are done and failed, how many per second, and how long the rest will take.
    executor : concurrent.futures.Executor, optional
        Decodes instead of threads of our own; `threads` then is how many files it decodes side by side.
    isolation : "process", optional
        Decodes in processes with a memory limit: a file that kills its process gets an `IsolationError`, nothing more.
    timeout : float, optional
        With `isolation`: seconds for each file.
    values, color, dtype, scale, frames, window, padding, reduce, region, overlays, limits
        As in `dicomdecode.imread`.

    Returns
    -------
    Batch
        An iterator of `Decoded`: index, source, array, error, shape, seconds.

    Raises
    ------
    ValueError, TypeError
        At once: an argument is wrong. While iterating: there are more sources than `out` has room for.
    Exception
        While iterating: what `sources` itself raises; under "raise", what a file fails with.

    Examples
    --------
    >>> import dicomdecode as dd
    >>> from pydicom.data import get_testdata_file
    >>> paths = [get_testdata_file(name) for name in ("CT_small.dcm", "rtplan.dcm")]
    >>> [decoded.shape or decoded.error.code for decoded in dd.decode_batch(paths)]
    [(128, 128), 'no_pixel_data']
    """
    one_of("on_error", on_error, ("record", "raise", "skip"))
    check_flag("ordered", ordered)
    allowed = limits_of(limits)
    placing = Placing(out, shape, pad)
    keywords = {
        "values": values,
        "color": color,
        "dtype": placing.dtype(dtype),
        "scale": scale,
        "frames": frames,
        "window": window,
        "padding": padding,
        "reduce": reduce,
        "region": region,
        "overlays": overlays,
    }
    crew = _crew(keywords, allowed, placing, threads, executor, _isolated(isolation, timeout, executor))
    items = expand(sources, allowed)
    placing.check_room(items.total or 0)
    shown = Progress(check_flag("progress", progress))
    return Batch(_Files(items, crew, placing, is_placed=executor is None, ordered=ordered, shown=shown), on_error)


@dataclass(frozen=True, slots=True)
class _Isolation:
    """Files are decoded in processes, for so many seconds each."""

    timeout: float | None


def _isolated(isolation: str | None, timeout: float | None, executor: Executor | None) -> _Isolation | None:
    """`isolation=` and `timeout=`, checked."""
    if isolation is None:
        if timeout is not None:
            raise ValueError('timeout has no effect without isolation="process"')
        return None
    one_of("isolation", isolation, ("process",))
    if executor is not None:
        raise ValueError("isolation and executor cannot be used together")
    if timeout is not None and not 0 < check_number("timeout", timeout) <= threading.TIMEOUT_MAX:
        raise ValueError(f"timeout must be a positive number of seconds, not {timeout!r}")
    return _Isolation(timeout)


def _crew(
    keywords: dict[str, Any],
    limits: Limits,
    placing: Placing,
    threads: int | None,
    executor: Executor | None,
    isolation: _Isolation | None,
) -> Crew:
    """The workers that decode the files of a batch."""
    size = count_workers(threads)
    if executor is None and isolation is None:
        here = _Decode(keywords, limits, placing)
        many = ManyFiles(here.request, limits, placing.out, placing.shape, placing.pads())
        return ThreadCrew(PartWork(partial(placing.do, here), many.decode), size)
    work = _Decode(keywords, limits, placing.elsewhere())  # somewhere else, where `out` cannot be reached
    if isolation is None:
        return ExecutorCrew(PartWork(work), checked_executor(executor), size)
    from dicomdecode.batch.children import Children

    children = Children(work, placing, limits, isolation.timeout, size)
    return ThreadCrew(PartWork(partial(placing.do, children)), size, children.close)
