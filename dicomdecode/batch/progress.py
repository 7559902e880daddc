"""The progress of many files: a bar of tqdm, or a line on a terminal; nothing elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any

__all__ = ["Progress"]

_SECONDS = 0.2  # between two lines


class Progress:
    """How many files are done and failed, how many per second, and how long the rest will take.

    Parameters
    ----------
    shown : bool
        Whether to show anything at all. Where standard error is no terminal, nothing is shown.
    """

    def __init__(self, shown: bool) -> None:
        self._shown = shown and sys.stderr is not None and sys.stderr.isatty()
        self._bar: Any = None
        self._began = self._written = time.monotonic()
        self._done = self._failed = 0
        if self._shown:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self._bar = tqdm(unit=" files", file=sys.stderr)

    def step(self, done: int, failed: int, total: int | None) -> None:
        """Count further files that are done, and how many of them failed; of `total`, if that is known."""
        self._done += done
        self._failed += failed
        if not self._shown:
            return
        if self._bar is not None:
            self._bar.total = total
            if failed:
                self._bar.set_postfix(failed=self._failed, refresh=False)
            self._bar.update(done)
        elif time.monotonic() - self._written >= _SECONDS:
            self._written = time.monotonic()
            sys.stderr.write("\r\x1b[K" + self.text(total))
            sys.stderr.flush()

    def text(self, total: int | None) -> str:
        """The line."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        parts = [f"{self._done}" + (f"/{total}" if total is not None else "") + " files"]
        if self._failed:
            parts.append(f"{self._failed} failed")
        parts.append(f"{self._done / seconds:.0f}/s")
        if total is not None and self._done:
            left = int(seconds * max(total - self._done, 0) / self._done)
            parts.append(f"{left // 60}:{left % 60:02d} left")
        return ", ".join(parts)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._bar is not None:
            self._bar.close()
        elif self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._shown = False
