"""The command line: ``dicomdecode info | show | tags | demo``.

Exit codes: 0 all files were read, 1 one was not (the others were), 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import json
import math
import os
import sys
import unicodedata
from collections.abc import Callable, Sequence
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
_NAMED = 5  # skipped files

#: (name as the user would write it, what `open` takes) -> text for standard output, complaints about parts of it.
_Work = Callable[[str, Any], tuple[str, list[str]]]


class _OutputError(Exception):
    """Standard output cannot be written."""


def _clean(text: str) -> str:
    """Text of a file, safe on a terminal: control, format and surrogate characters as escapes."""

    def shown(character: str) -> str:
        control = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        return character.encode("unicode_escape").decode() if control else character

    return "".join(map(shown, text))


def _say(text: str) -> None:
    try:
        print(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _OutputError(error.strerror or str(error)) from None


def _complain(name: str, error: BaseException | str) -> None:
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror
    elif isinstance(error, (str, DicomError, OSError, ImportError)):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    print(f"dicomdecode: {_clean(name)}: {_clean(text)}", file=sys.stderr)


def _looks_like_dicom(path: str) -> bool:
    """Of the files of a folder, those with the prefix of PS3.10 7.1 or the usual ending."""
    if not os.path.isfile(path):
        return False  # a pipe would wait for ever
    if path.lower().endswith((".dcm", ".dicom")):
        return True
    try:
        with open(path, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return True  # the command itself then says what is wrong with it


def _find(names: Sequence[str]) -> tuple[list[str], bool]:
    """The files, folders opened in the order of their names; and whether a folder could not be read."""
    found: list[str] = []
    failed = False

    def unreadable(error: OSError) -> None:
        nonlocal failed
        failed = True
        _complain(str(error.filename), error)

    for name in names:
        if name == "-" or not os.path.isdir(name):
            found.append(name)
            continue
        skipped: list[str] = []
        for folder, folders, files in os.walk(name, onerror=unreadable):
            folders.sort()
            for path in (os.path.join(folder, file) for file in sorted(files)):
                (found if _looks_like_dicom(path) else skipped).append(path)
        if skipped:
            more = f" and {len(skipped) - _NAMED} more" if len(skipped) > _NAMED else ""
            listed = ", ".join(os.path.relpath(path, name) for path in skipped[:_NAMED])
            print(f"dicomdecode: {_clean(name)}: not DICOM, skipped: {_clean(listed)}{more}", file=sys.stderr)
    return found, failed


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
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _each(names: Sequence[str], work: _Work) -> int:
    """Do the work on every file; what fails is named and the rest goes on."""
    files, failed = _find(names)
    if not files:
        print("dicomdecode: no DICOM file found", file=sys.stderr)
        failed = True
    progress = _Progress(len(files))
    try:
        for name in files:
            text = ""
            wrong: Sequence[BaseException | str]
            try:
                text, wrong = work(name, sys.stdin.buffer.read() if name == "-" else name)
            except BrokenPipeError:
                raise
            except Exception as error:  # one file never stops the others, whatever is wrong with it
                wrong = [error]
            progress.clear()
            if text:
                _say(text)
            for complaint in wrong:
                _complain(name, complaint)
                failed = True
            progress.step()
    finally:
        progress.clear()
    return int(failed)


def _facts(image: dicomdecode.DicomImage) -> dict[str, Any]:
    """What `info` says of a file, in its order."""
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
        facts["shape"] = image.shape
        facts["dtype"] = str(image.dtype)
    except DicomError as error:
        facts["pixels"] = str(error)
    facts["spacing"] = image.spacing
    facts["spacing_of"] = image.spacing_of
    facts["window"] = image.window
    codestream = image.codestream
    if codestream:
        facts["codestream"] = codestream
    facts["issues"] = [f"{issue.code}: {issue}" for issue in image.issues]
    return facts


def _lines_of(facts: dict[str, Any]) -> list[str]:
    """The facts that there are, one a line."""

    def words(value: Any) -> str:
        if isinstance(value, dict):
            return ", ".join(f"{key} {words(item)}" for key, item in value.items())
        if isinstance(value, tuple):
            return "(" + ", ".join(map(words, value)) + ")"
        return "; ".join(map(words, value)) if isinstance(value, list) else str(value)

    return [f"  {key:22}{_clean(words(value))}" for key, value in facts.items() if value not in (None, [], "")]


def _info(arguments: argparse.Namespace) -> int:
    def work(name: str, source: Any) -> tuple[str, list[str]]:
        with dicomdecode.open(source) as image:
            facts = _facts(image)
        if arguments.json:
            return _json({"file": name, **facts}), []
        return "\n".join([_clean(name), *_lines_of(facts)]), []

    return _each(arguments.files, work)


def _json(found: dict[str, Any]) -> str:
    return json.dumps(_plain(found), allow_nan=False)


def _plain(value: Any) -> Any:
    """A value of `tag` or of `_facts` as JSON has it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return [_plain(x) for x in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (int, float, str)):
        return value
    return {_key_of(t): _plain(value.tag(t)) for t in value.tags()} if _is_item(value) else str(value)


def _key_of(tag: int) -> str:
    return keyword_of(tag) or f"{tag >> 16:04x},{tag & 0xFFFF:04x}"


def _is_item(value: Any) -> bool:
    return hasattr(value, "tags") and hasattr(value, "tag")


def _tags(arguments: argparse.Namespace) -> int:
    asked: list[str] = arguments.tag or []

    def work(name: str, source: Any) -> tuple[str, list[str]]:
        found: dict[str, Any] = {}
        wrong: list[str] = []
        with dicomdecode.open(source) as image:
            # All means all but the pixels: those are bulk, and a whole file would have to be read.
            listed = [(_key_of(t), t) for t in image.tags() if t >> 16 != 0x7FE0]
            wanted: list[tuple[str, Any]] = [(tag, tag) for tag in asked] or list(listed)
            for key, tag in wanted:
                try:
                    found[key] = image.tag(tag)
                except DicomError as error:
                    wrong.append(f"{key}: {error}")
            if arguments.json:
                return _json({"file": name, **found}), wrong
            lines = [_clean(name)]
            for key, tag in wanted:
                if key in found:
                    number = parse_tag(tag)[-1]
                    label = f"({number >> 16:04x},{number & 0xFFFF:04x}) {keyword_of(number)}"
                    lines.append(f"  {label:48}{_short(found[key])}".rstrip())
        return "\n".join(lines), wrong

    return _each(arguments.files, work)


def _short(value: Any) -> str:
    """A value on one line."""
    if value is None:
        return "(absent)"
    if isinstance(value, bytes):
        return f"{len(value)} bytes" if len(value) > 32 else value.hex()
    if isinstance(value, list) and value and _is_item(value[0]):
        return f"sequence of {len(value)} item{'s' if len(value) > 1 else ''}"
    text = "\\".join(map(str, value)) if isinstance(value, list) else str(value)
    text = _clean(" ".join(text.splitlines()))
    return text if len(text) <= 120 else text[:117] + "..."


def _write_png(pixels: NDArray[np.uint8], target: str) -> None:
    """Write a picture, whole or not at all; "-" is standard output."""
    from PIL import Image

    picture = io.BytesIO()
    Image.fromarray(pixels).save(picture, format="PNG")
    if target == "-":
        sys.stdout.buffer.write(picture.getbuffer())
        return
    path = Path(os.path.realpath(target))  # what a link leads to is replaced, not the link
    try:
        if path.exists() and not path.is_file():  # a device or a pipe is written to, never replaced
            path.write_bytes(picture.getbuffer())
            return
        temporary = path.with_name(f".dicomdecode-{os.getpid()}-{os.urandom(4).hex()}.png")
        try:
            with open(temporary, "xb") as file:
                file.write(picture.getbuffer())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OSError(error.errno, f"{target} cannot be written: {error.strerror}") from None


def _targets(output: str | None) -> Callable[[str], str]:
    """Where the picture of a file goes: no two files of one call to the same place."""
    used: set[str] = set()

    def target_of(name: str) -> str:
        if output is not None and not os.path.isdir(output):
            return output
        stem = "stdin" if name == "-" else os.path.basename(name)
        for ending in (".dcm", ".DCM", ".dicom"):
            stem = stem.removesuffix(ending)
        target, n = os.path.join(output or "", f"{stem}.png"), 1
        while target in used:
            n += 1
            target = os.path.join(output or "", f"{stem}-{n}.png")
        used.add(target)
        return target

    return target_of


def _wrong_output(output: str | None, several: bool) -> str | None:
    """What is wrong with -o."""
    if output is None or os.path.isdir(output):
        return None
    if several:
        return "with several files, -o names a folder that exists"
    ending = os.path.splitext(output)[1]
    if output != "-" and not os.path.exists(output) and ending.lower() != ".png":
        return f"the picture is a PNG: -o names a folder that exists or ends in .png, not {output}"
    if os.path.isfile(output) and ending.lower() != ".png":
        return f"{output} is there and is no .png: it is not replaced"
    return None


def _show(arguments: argparse.Namespace) -> int:
    window = tuple(arguments.window) if arguments.window else None
    target_of = _targets(arguments.output)

    def work(name: str, source: Any) -> tuple[str, list[str]]:
        with dicomdecode.open(source) as image:
            frame = arguments.frame if arguments.frame is not None else image.frames // 2
            if not 0 <= frame < image.frames:
                raise DicomError(f"there is no frame {frame}: the image has {image.frames}", code="frame")
            pixels = image.pixels(values="display", frames=frame, window=window, overlays=arguments.overlays)
        target = target_of(name)
        _write_png(pixels, target)
        return "" if target == "-" else f"{_clean(name)} -> {_clean(target)}", []

    return _each(arguments.files, work)


def _demo(arguments: argparse.Namespace) -> int:
    from pydicom.data import get_testdata_file

    path = get_testdata_file("CT_small.dcm", download=False)
    if path is None:
        print("dicomdecode: pydicom ships no CT_small.dcm here", file=sys.stderr)
        return 1
    with dicomdecode.open(str(path)) as image:
        pixels, picture = image.pixels(), image.pixels(values="display", window=(40, 400))
        lines = [f"CT_small.dcm, a CT slice that pydicom {_version('pydicom')} ships", *_lines_of(_facts(image))]
    lines += [
        f"\nimread: {pixels.dtype} {pixels.shape}, in Hounsfield units",
        str(pixels),
        f"lowest {pixels.min():g}, highest {pixels.max():g}, mean {pixels.mean():.1f}, deviation {pixels.std():.1f}",
    ]
    _say("\n".join(lines))
    try:
        _write_png(picture, arguments.output)
    except OSError as error:
        _complain("demo", error)
        return 1
    _say(f"\nwritten: {_clean(arguments.output)} (display values, soft tissue window: center 40, width 400)")
    return 0


def _version(package: str) -> str:
    from importlib.metadata import version

    return version(package)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dicomdecode", description="DICOM files to arrays and pictures.")
    parser.add_argument("--version", action="version", version=f"dicomdecode {dicomdecode.__version__}")
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        if name != "demo":
            made.add_argument("files", nargs="+", metavar="FILE", help="a file, a folder, or - for standard input")
        return made

    info = command("info", _info, "what a file holds")
    info.add_argument("--json", action="store_true", help="one JSON object a file, each on a line")

    show = command("show", _show, "write the picture as PNG")
    show.add_argument(
        "-o", "--output", help="the PNG, a folder, or - for standard output; default: the file's name, in this folder"
    )
    show.add_argument("--frame", type=int, help="which frame, from 0; default: the middle one")
    show.add_argument("--window", type=float, nargs=2, metavar=("CENTER", "WIDTH"), help="instead of the stored one")
    show.add_argument("--overlays", action="store_true", help="draw the overlays")

    tags = command("tags", _tags, "values of data elements")
    tags.add_argument("-t", "--tag", nargs="+", action="extend", help="PatientName, 0010,0010, a path; default: all")
    tags.add_argument("--json", action="store_true", help="one JSON object a file, each on a line")

    demo = command("demo", _demo, "decode a CT that pydicom ships and write its picture")
    demo.add_argument("-o", "--output", default="demo.png", help="the PNG; default: demo.png")
    return parser


def _wrong_usage(parsed: argparse.Namespace) -> str | None:
    """What argparse does not check by itself."""
    for tag in getattr(parsed, "tag", None) or []:
        try:
            parse_tag(tag)
        except ValueError as error:
            return str(error)
    window = getattr(parsed, "window", None)
    if window and not (math.isfinite(window[0]) and math.isfinite(window[1]) and window[1] >= 1):
        return "a window has a finite center and a width of at least 1"
    files = getattr(parsed, "files", [])
    if files.count("-") > 1:
        return "standard input can be read once"
    several = len(files) > 1 or any(os.path.isdir(name) for name in files)
    wrong = _wrong_output(getattr(parsed, "output", None), several)
    if wrong is None and parsed.command == "demo" and os.path.isdir(parsed.output):
        wrong = f"-o names a PNG, not the folder {parsed.output}"
    return wrong


def _close_output() -> None:
    """What is still buffered has nowhere to go: Python would complain about it once more at exit."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = io.StringIO()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a character still gets the rest
    parser = _parser()
    parsed = parser.parse_args(arguments)
    wrong = _wrong_usage(parsed)
    if wrong is not None:
        parser.error(wrong)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader has gone (`| head`)
        _close_output()
        return 0
    except (_OutputError, OSError) as error:
        _complain("standard output", error.strerror or str(error) if isinstance(error, OSError) else str(error))
        _close_output()
        return 1
