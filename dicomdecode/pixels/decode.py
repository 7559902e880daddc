"""From an opened file to an array: describe -> plan -> allocate -> write.

Read this first. `decode` is the whole decode of an opened file. Each stage is one call: `Frames` says what the frames
are (in the core, without Python), `Plans` what becomes of their values, and the core writes frames through plans.
"""

from __future__ import annotations

import _thread
import itertools
import os
import queue
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from dicomdecode.errors import DicomError
from dicomdecode.pixels._core import Frames, PixelData, Request
from dicomdecode.pixels.planning import Plans

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.pixels.arguments import Allocate

__all__ = ["check_last_frame", "cores", "decode", "first_codestream", "side_by_side"]


def check_last_frame(pixels: PixelData) -> None:
    """Raise where there cannot be as many frames as the header says: before something is made for each of them.

    Raises
    ------
    DicomError
        Frames are missing, or the file cannot be decoded.
    """
    frames = Frames(pixels, Request(values="stored", color="stored"))
    frames.check_all()


def decode(
    pixels: PixelData, request: Request, *, allocate: Allocate | None = None, threads: int | None = None
) -> NDArray[Any]:
    """Decode an opened file.

    Parameters
    ----------
    pixels : PixelData
        Of the file.
    request : Request
        What to make of it.
    allocate : callable, optional
        (shape, dtype) -> the array to fill, C-contiguous; called once the header is known to be within the limits.
        Instead of the request's `out`.
    threads : int, optional
        Instead of the request's.

    Returns
    -------
    ndarray
        [frames, rows, columns, samples] by the shape rules of the request.

    Raises
    ------
    DicomError
        The file cannot be decoded.
    DoesNotFit
        Only with `must_fit`.
    """
    frames = Frames(pixels, request)
    plans = Plans(frames, request)
    out = frames.allocate(request, plans.dtype, plans.samples, allocate)
    threads = request.threads if threads is None else threads
    count = len(frames.numbers)
    if count <= 1 and threads > 1:
        frames.use_threads(threads)  # one frame: they go to its codec
        threads = 1
    if plans.one is not None and threads == 1 and request.frames is None:
        frames.write(0, count, plans.one, out, 0)
    else:
        _write_each(frames, plans, out, threads)
    if request.overlays:
        from dicomdecode.pixels.overlays import burn

        burn(pixels, request, out)
    return out


def _write_each(frames: Frames, plans: Plans, out: NDArray[Any], threads: int) -> None:
    """Decode frame by frame into the result, side by side where threads are allowed."""
    numbers = frames.numbers
    side_by_side(lambda i: frames.write(numbers[i], 1, plans.of(numbers[i]), out, i), len(numbers), threads)


def first_codestream(pixels: PixelData) -> dict[str, Any] | None:
    """What the codestream of frame 0 says of itself; None where it is not JPEG 2000."""
    from dicomdecode.codecs.jpeg2000 import inspect_codestream

    if not pixels.file.is_encapsulated:
        return None
    try:
        frames = Frames(pixels, Request(values="stored"))
        if frames.syntax.codec not in ("jpeg2000", "htj2k"):
            return None
        return inspect_codestream(frames.codestream_bytes(0))
    except DicomError as error:
        return {"error": str(error)}


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def side_by_side(work: Callable[[int], None], count: int, threads: int) -> None:
    """``work(i)`` for each i below `count`, in the caller's thread too; raises the error of the first that fails.

    A pool of threads would take twice the time to start, which is much where frames are small. After an error, Ctrl-C
    among them, nothing new is begun.
    """
    if threads == 1 or count == 1:
        for i in range(count):
            work(i)
        return
    numbers = itertools.count()  # `next` on it is atomic
    errors: dict[int, BaseException] = {}
    ended: queue.SimpleQueue[None] = queue.SimpleQueue()

    def take() -> None:
        while not errors and (i := next(numbers)) < count:
            try:
                work(i)
            except BaseException as error:
                errors[i] = error

    def serve() -> None:
        try:
            take()
        finally:
            ended.put(None)

    begun = 0
    try:
        for _ in range(min(threads, count) - 1):
            # Not threading.Thread: interrupted within its start, it leaves a lock that is never released.
            try:
                _thread.start_new_thread(serve, ())
            except RuntimeError:  # the system gives no more threads
                break
            begun += 1
        take()
        for _ in range(begun):
            ended.get()
    except BaseException as error:  # Ctrl-C between two items, or while waiting
        errors[-1] = error
    if errors:
        raise errors[min(errors)]
