"""What is written to the terminal: text of files made safe, complaints, a bar."""

from __future__ import annotations

import sys
import unicodedata

from dicomdecode.errors import DicomError

_PROGRESS_FROM = 8  # files


class OutputError(Exception):
    """Standard output cannot be written."""


def clean(text: str) -> str:
    """Text of a file, safe on a terminal: control, format and surrogate characters as escapes."""

    def shown(character: str) -> str:
        control = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        return character.encode("unicode_escape").decode() if control else character

    return "".join(map(shown, text))


def say(text: str) -> None:
    """Write text to standard output."""
    try:
        print(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(error.strerror or str(error)) from None


def complain(name: str, error: BaseException | str) -> None:
    """Say on standard error what is wrong with a file."""
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    elif isinstance(error, (str, DicomError, OSError, ImportError)):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    print(f"dicomdecode: {clean(name)}: {clean(text)}", file=sys.stderr)


class Progress:
    """A bar on standard error, only for people who wait for many files."""

    def __init__(self, count: int) -> None:
        self._count, self._done = count, 0
        self._shown = count >= _PROGRESS_FROM and sys.stderr.isatty()

    def step(self) -> None:
        self._done += 1
        if self._shown:
            width = 40 * self._done // self._count
            sys.stderr.write(f"\r[{'#' * width:40}] {self._done}/{self._count}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
