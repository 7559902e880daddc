"""The files that a command is given, and its work on each of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from dicomdecode.cli.terminal import Progress, clean, complain, say
from dicomdecode.sources import looks_like_dicom

_NAMED = 5  # skipped files

#: (name as the user would write it, what `open` takes) -> text for standard output, complaints about parts of it.
Work = Callable[[str, Any], tuple[str, list[str]]]


def find(names: Sequence[str]) -> tuple[list[str], bool]:
    """The files, folders opened in the order of their names; and whether a folder could not be read."""
    found: list[str] = []
    failed = False

    def unreadable(error: OSError) -> None:
        nonlocal failed
        failed = True
        complain(str(error.filename), error)

    for name in names:
        if name == "-" or not os.path.isdir(name):
            found.append(name)
            continue
        skipped: list[str] = []
        for folder, folders, files in os.walk(name, onerror=unreadable):
            folders.sort()
            for path in (os.path.join(folder, file) for file in sorted(files)):
                (found if looks_like_dicom(path) else skipped).append(path)
        if skipped:
            more = f" and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
            listed = ", ".join(os.path.relpath(path, name) for path in skipped[:_NAMED])
            print(f"dicomdecode: {clean(name)}: no DICOM images, skipped: {clean(listed)}{more}", file=sys.stderr)
    return found, failed


def is_several(names: Sequence[str]) -> bool:
    """Whether the names can stand for more than one file."""
    return len(names) > 1 or any(os.path.isdir(name) for name in names)


def for_each_file(names: Sequence[str], work: Work, jobs: int = 1) -> int:
    """Do the work on every file, several side by side; what fails is named and the rest goes on."""
    files, failed = find(names)
    if not files:
        listed = clean(", ".join(names[:_NAMED]))
        print(f"dicomdecode: {listed}: no DICOM file found", file=sys.stderr)
        failed = True
    progress = Progress(len(files))
    try:
        for name, (text, wrong) in zip(files, _done(files, work, jobs), strict=True):
            progress.clear()
            if text:
                say(text)
            for complaint in wrong:
                complain(name, complaint)
                failed = True
            progress.step()
    finally:
        progress.clear()
    return int(failed)


def _done(files: Sequence[str], work: Work, jobs: int) -> Iterator[tuple[str, Sequence[BaseException | str]]]:
    """What the work on each file gives, in their order."""

    def one(name: str) -> tuple[str, Sequence[BaseException | str]]:
        try:
            return work(name, sys.stdin.buffer.read() if name == "-" else name)
        except BrokenPipeError:
            raise
        except Exception as error:  # one file never stops the others, whatever is wrong with it
            return "", [error]

    if jobs == 1:
        yield from map(one, files)
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(one, files)


def write_whole(contents: bytes | memoryview, target: str) -> None:
    """Write a file, whole or not at all: what was there stays if it cannot be written.

    Raises
    ------
    OSError
        It cannot be written; the text names `target`.
    """
    path = Path(os.path.realpath(target))  # what a link leads to is replaced, not the link
    try:
        if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced
            path.write_bytes(contents)
            return
        temporary = path.with_name(f".dicomdecode-{os.getpid()}-{os.urandom(4).hex()}")
        try:
            with open(temporary, "xb") as file:
                file.write(contents)
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, f"{target} cannot be written: {error.strerror}") from None
