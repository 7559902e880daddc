"""The command line: ``dicomdecode info | show | tags | demo``.

Exit codes: 0 all files were read, 1 one was not (the others were), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dicomdecode
from dicomdecode.errors import DicomError
from dicomdecode.syntaxes import name_of
from dicomdecode.tags import keyword_of, parse_tag

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["main"]

_PROGRESS_FROM = 8  # files


def _files(names: Sequence[str]) -> Iterator[tuple[str, str | bytes]]:
    """(name as the user would write it, path or bytes): folders in order of their names, '-' is standard input."""
    for name in names:
        if name == "-":
            yield name, sys.stdin.buffer.read()
        elif os.path.isdir(name):
            for folder, folders, files in os.walk(name):
                folders.sort()
                for file in sorted(files):
                    path = os.path.join(folder, file)
                    if _looks_like_dicom(path):
                        yield path, path
        else:
            yield name, name


def _looks_like_dicom(path: str) -> bool:
    """Of the files of a folder, those with the prefix of PS3.10 7.1 or the usual ending."""
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM" or path.lower().endswith((".dcm", ".dicom"))
    except OSError:
        return True  # the command itself then says what is wrong with it


class _Progress:
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
            sys.stderr.write("\r" + " " * 60 + "\r")
            sys.stderr.flush()


def _complain(name: str, error: BaseException) -> None:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
    print(f"dicomdecode: {name}: {text}", file=sys.stderr)


def _each(names: Sequence[str], work: Callable[[str, Any], None]) -> int:
    """Do the work on every file; what fails is named and the rest goes on."""
    files = list(_files(names))
    progress, failed = _Progress(len(files)), not files
    if not files:
        print("dicomdecode: no DICOM file found", file=sys.stderr)
    for name, source in files:
        try:
            work(name, source)
        except (DicomError, OSError, ImportError, MemoryError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            progress.clear()
            _complain(name, error)
            failed = True
        progress.step()
    progress.clear()
    return int(failed)


def _facts(image: dicomdecode.DicomImage) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "transfer_syntax": image.transfer_syntax,
        "transfer_syntax_name": name_of(image.transfer_syntax),
        "modality": image.tag("Modality"),
        "rows": image.rows,
        "columns": image.columns,
        "frames": image.frames,
        "samples": image.samples,
        "bits_stored": image.bits_stored,
        "photometric": image.photometric,
    }
    try:
        facts["steps"] = list(image.steps)
        facts["shape"] = list(image.shape)
        facts["dtype"] = str(image.dtype)
    except DicomError as error:
        facts["pixels"] = str(error)
    facts["spacing"] = image.spacing
    facts["spacing_of"] = image.spacing_of
    facts["window"] = image.window
    codestream = image.codestream
    if codestream:
        facts["codestream"] = codestream
    facts["issues"] = list(image.issues)
    return facts


def _info(arguments: argparse.Namespace) -> int:
    def show(name: str, source: Any) -> None:
        with dicomdecode.open(source) as image:
            facts = _facts(image)
        if arguments.json:
            print(json.dumps({"file": name, **facts}))
            return
        print(name)
        for key, value in facts.items():
            if value not in (None, [], ""):
                print(f"  {key:22}{'; '.join(map(str, value)) if isinstance(value, list) else value}")

    return _each(arguments.files, show)


def _plain(value: Any) -> Any:
    """A value of `tag` for JSON."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_plain(x) for x in value]
    if value is None or isinstance(value, (int, float, str)):
        return value
    return {keyword_of(t) or f"{t:08x}": _plain(value.tag(t)) for t in value.tags()} if _is_item(value) else str(value)


def _is_item(value: Any) -> bool:
    return hasattr(value, "tags") and hasattr(value, "tag")


def _tags(arguments: argparse.Namespace) -> int:
    asked = list(arguments.tag or [])

    def show(name: str, source: Any) -> None:
        with dicomdecode.open(source) as image:
            wanted = asked or [f"{t >> 16:04x},{t & 0xFFFF:04x}" for t in image.tags()]
            if arguments.json:
                print(json.dumps({"file": name, **{tag: _plain(image.tag(tag)) for tag in wanted}}))
                return
            print(name)
            for tag in wanted:
                number = parse_tag(tag)[-1]
                label = f"({number >> 16:04x},{number & 0xFFFF:04x}) {keyword_of(number)}"
                print(f"  {label:48}{_short(image.tag(tag))}")

    return _each(arguments.files, show)


def _short(value: Any) -> str:
    """A value on one line."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return f"{len(value)} bytes" if len(value) > 32 else value.hex()
    if isinstance(value, list) and value and _is_item(value[0]):
        return f"sequence of {len(value)} item{'s' if len(value) > 1 else ''}"
    text = "\\".join(map(str, value)) if isinstance(value, list) else str(value)
    text = " ".join(text.splitlines())
    return text if len(text) <= 120 else text[:117] + "..."


def _write_png(pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a picture whole or not at all."""
    from PIL import Image

    if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced
        with open(path, "wb") as device:
            Image.fromarray(pixels).save(device, format="PNG")
        return
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".dicomdecode-", suffix=".png")
    try:
        with os.fdopen(handle, "wb") as file:
            Image.fromarray(pixels).save(file, format="PNG")
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _show(arguments: argparse.Namespace) -> int:
    window = tuple(arguments.window) if arguments.window else None
    several = len(arguments.files) > 1 or any(os.path.isdir(f) for f in arguments.files)
    if several and arguments.output and not os.path.isdir(arguments.output):
        print("dicomdecode: with several files, -o names a folder that exists", file=sys.stderr)
        return 2

    def show(name: str, source: Any) -> None:
        stem = "stdin" if name == "-" else Path(name).name.removesuffix(".dcm")
        target = Path(arguments.output or ".")
        if target.is_dir():
            target = target / f"{stem}.png"
        with dicomdecode.open(source) as image:
            frame = arguments.frame if arguments.frame is not None else image.frames // 2
            if not 0 <= frame < image.frames:
                raise DicomError(f"there is no frame {frame}: the image has {image.frames}", code="frame")
            pixels = image.pixels(values="display", frames=frame, window=window)
        try:
            _write_png(pixels, target)
        except OSError as error:
            raise OSError(error.errno, f"{target} can not be written: {error.strerror}") from None
        print(f"{name} -> {target}")

    return _each(arguments.files, show)


def _demo(arguments: argparse.Namespace) -> int:
    from pydicom.data import get_testdata_file

    path = get_testdata_file("CT_small.dcm", download=False)
    if path is None:
        print("dicomdecode: pydicom ships no CT_small.dcm here", file=sys.stderr)
        return 1
    with dicomdecode.open(str(path)) as image:
        print(f"CT_small.dcm, a CT slice that pydicom {_version('pydicom')} ships")
        for key, value in _facts(image).items():
            if value not in (None, [], ""):
                print(f"  {key:22}{'; '.join(map(str, value)) if isinstance(value, list) else value}")
        pixels = image.pixels()
        print(f"\nimread: {pixels.dtype} {pixels.shape}, in Hounsfield units")
        print(pixels)
        print(f"lowest {pixels.min():g}, highest {pixels.max():g}, mean {pixels.mean():.1f}")
        target = Path(arguments.output)
        try:
            _write_png(image.pixels(values="display", window=(40, 400)), target)
        except OSError as error:
            _complain(str(target), error)
            return 1
    print(f"\nwritten: {target} (soft tissue window, center 40, width 400)")
    return 0


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dicomdecode", description="DICOM files to arrays and pictures.")
    parser.add_argument("--version", action="version", version=f"dicomdecode {dicomdecode.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    files = {"nargs": "+", "metavar": "FILE", "help": "a file, a folder, or - for standard input"}

    info = commands.add_parser("info", help="what a file holds")
    info.add_argument("files", **files)  # type: ignore[arg-type]
    info.add_argument("--json", action="store_true", help="one JSON object a file")
    info.set_defaults(run=_info)

    show = commands.add_parser("show", help="write the picture as PNG")
    show.add_argument("files", **files)  # type: ignore[arg-type]
    show.add_argument("-o", "--output", help="the PNG, or a folder; default: the file's name in this folder")
    show.add_argument("--frame", type=int, help="which frame, from 0; default: the middle one")
    show.add_argument("--window", type=float, nargs=2, metavar=("CENTER", "WIDTH"), help="instead of the stored one")
    show.set_defaults(run=_show)

    tags = commands.add_parser("tags", help="values of data elements")
    tags.add_argument("files", **files)  # type: ignore[arg-type]
    tags.add_argument("-t", "--tag", nargs="+", action="extend", help="PatientName, 0010,0010, a path; default: all")
    tags.add_argument("--json", action="store_true", help="one JSON object a file")
    tags.set_defaults(run=_tags)

    demo = commands.add_parser("demo", help="decode a CT that pydicom ships and write its picture")
    demo.add_argument("-o", "--output", default="demo.png", help="the PNG; default: demo.png")
    demo.set_defaults(run=_demo)
    return parser


def _check_tags(tags: Iterable[str]) -> str | None:
    for tag in tags:
        try:
            parse_tag(tag)
        except ValueError as error:
            return str(error)
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    wrong = _check_tags(getattr(parsed, "tag", None) or [])
    if wrong is None and getattr(parsed, "window", None) and not parsed.window[1] >= 1:
        wrong = "the width of a window must be at least 1"
    if wrong is not None:
        parser.error(wrong)
    try:
        code = int(parsed.run(parsed))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone (`| head`). Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        _complain("standard output", error)
        return 1
