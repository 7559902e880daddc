"""High-Throughput JPEG 2000 (PS3.5 A.4.11): OpenJPH for reversible streams, OpenJPEG for all others.

OpenJPH through imagecodecs wraps values that overshoot instead of clipping them, so it gets 5/3 streams only, which can
not overshoot, and whole frames only: an area or a reduced resolution of it may wrap too.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from dicomdecode.codecs import _j2k, jpeg2000
from dicomdecode.codecs.faults import library_error
from dicomdecode.codecs.samples import give_sign, monochrome_or_palette, unsigned_view, ycc_or_rgb

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.codecs._spec import FrameSpec
    from dicomdecode.codecs.jpeg2000 import Region

__all__ = ["decode"]


def decode(data: Any, spec: FrameSpec, out: NDArray[Any], *, reduce: int = 0, region: Region | None = None) -> str:
    """Decode one frame; the parameters, the result and the errors are those of `jpeg2000.decode`."""
    import imagecodecs

    if reduce or region is not None or spec.samples not in (1, 3) or out.dtype.itemsize > 2:
        return jpeg2000.decode(data, spec, out, reduce=reduce, region=region)
    # Checks size, components, precision and the chain of tile-parts: OpenJPH does not tell a cut stream.
    stream, found = _j2k.prepare(data, spec)
    reversible = str(found["transform"]).startswith("5/3")
    if not (reversible and found["high_throughput"]) or found["subsampled"] or found["signed"] != spec.signed:
        return jpeg2000.decode(data, spec, out)
    width = 1 if found["precision"] <= 8 else 2
    target = out if found["signed"] else unsigned_view(out)
    planar = False if spec.samples > 1 else None
    try:
        with _failures() as failed:
            if width == out.dtype.itemsize:
                place = target.reshape(out.shape[:2]) if spec.samples == 1 else target
                imagecodecs.htj2k_decode(stream, planar=planar, out=place)
            else:
                target[...] = imagecodecs.htj2k_decode(stream, planar=planar).reshape(out.shape)
    except (imagecodecs.Htj2kError, ValueError, RuntimeError, TypeError) as error:
        raise library_error(error, spec) from None
    if failed:
        raise library_error(failed[0], spec)
    if spec.signed:
        give_sign(out, found["precision"])
    if spec.samples == 1:
        return monochrome_or_palette(spec)
    return "RGB" if found["component_transform"] else ycc_or_rgb(spec)


class _Hooks:
    """Our hooks in `sys`, there while any thread is in OpenJPH, and what they caught, thread by thread."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.failed: dict[int, list[BaseException]] = {}
        self.before: tuple[Any, Any] = (None, None)

    def on_unraisable(self, unraisable: Any) -> None:
        failed = self.failed.get(threading.get_ident())
        if failed is None or "_htj2k" not in str(unraisable.object):
            self.before[0](unraisable)
        else:
            failed.append(unraisable.exc_value or RuntimeError("OpenJPH"))

    def on_exception(self, kind: Any, value: Any, traceback: Any) -> None:
        if threading.get_ident() not in self.failed:
            self.before[1](kind, value, traceback)


_hooks = _Hooks()


@contextmanager
def _failures() -> Iterator[list[BaseException]]:
    """Collect what OpenJPH raises in this thread.

    imagecodecs calls it in a function that cannot raise: Python prints the error on stderr, and the caller gets an
    array that is filled in part. The only way to hear of it is through the hooks that print; other errors pass through.
    """
    thread = threading.get_ident()
    failed: list[BaseException] = []
    with _hooks.lock:
        if not _hooks.failed:
            _hooks.before = sys.unraisablehook, sys.excepthook
            sys.unraisablehook, sys.excepthook = _hooks.on_unraisable, _hooks.on_exception
        _hooks.failed[thread] = failed
    try:
        yield failed
    finally:
        with _hooks.lock:
            del _hooks.failed[thread]
            if not _hooks.failed:
                # What somebody else put there in the meantime stays.
                if sys.unraisablehook == _hooks.on_unraisable:
                    sys.unraisablehook = _hooks.before[0]
                if sys.excepthook == _hooks.on_exception:
                    sys.excepthook = _hooks.before[1]
