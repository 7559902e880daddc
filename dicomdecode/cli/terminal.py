"""What is written to the terminal: text of files made safe, complaints, colours, a bar."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from typing import IO

from dicomdecode.errors import DicomError

_PROGRESS_FROM = 8  # files
#: Select Graphic Rendition (ECMA-48 8.3.117).
_STYLES = {"name": "1", "label": "2", "odd": "33", "wrong": "31"}
#: Keywords of the library in its remedies -> options of the command line.
_OPTIONS = (
    (r"window=\(center, width, function\)", "--window CENTER,WIDTH,FUNCTION"),
    (r"window=\(center, width\)", "--window CENTER WIDTH"),
    (r"\b(window|values|dtype|format)=[\"']?(\w+)[\"']?", r"--\1 \2"),
    (r"\bwindow=", "--window"),
    (r"\b(resume|overwrite)=True", r"--\1"),
)


class OutputError(Exception):
    """Standard output cannot be written."""


def clean(text: str) -> str:
    """Text of a file, safe on a terminal: control, format and surrogate characters as escapes."""

    def shown(character: str) -> str:
        control = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        return character.encode("unicode_escape").decode() if control else character

    return "".join(map(shown, text))


def styled(text: str, style: str, stream: IO[str] | None = None) -> str:
    """Text in a style, "name", "label", "odd" or "wrong": on a terminal, and where nothing in the environment says no
    (https://no-color.org)."""
    out = sys.stdout if stream is None else stream
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM", "") in ("", "dumb") or not out.isatty()
    return text if plain or not text else f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def in_options(text: str) -> str:
    """A remedy in the words of the command line; what it has no option for is said to be Python's."""
    for keyword, option in _OPTIONS:
        text = re.sub(keyword, option, text)
    if not re.search(r"\b[a-z_]+=", text):
        return text
    return f"In Python: {text[0].lower()}{text[1:]}"


def text_of(error: BaseException | str) -> str:
    """What is wrong, on one line."""
    if isinstance(error, DicomError):
        bare = str(error).removesuffix(error.hint)
        return in_options(bare) + in_options(error.hint) if error.hint else in_options(bare)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, str):
        return error
    if isinstance(error, (OSError, ImportError)):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


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
    start = styled(f"dicomdecode: {clean(name)}:", "wrong", sys.stderr)
    print(start, clean(text_of(error)), file=sys.stderr)


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
