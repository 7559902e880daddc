"""Structured damage to files, and everything a user does with them, in children whose end is counted.

    python -m tests.hostile.mutants [-n COUNT] [-s SEED] [FILE or FOLDER ...]

Without files: those that `tests/test_robustness.py` synthesises, and pydicom's. Every text of a file is a name that no
message may hold. Prints one line of JSON; exits with 1 where a child was killed by a signal, hung, raised what is no
DicomError, or told the name.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import json
import logging
import os
import random
import re
import struct
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import dicomdecode as dd

#: Put in the place of names, and looked for in everything that is said.
SENTINEL = b"Zq8KjV7wXy"
#: CPU seconds of one call: a hang, if it is also 20 times what the whole file takes; and what is never a hang.
HANGS, SOON = 2.0, 0.5
LIMITS = dd.Limits.strict(pixels_per_frame=1 << 22, output_bytes=1 << 26, header_bytes=1 << 24)
TAGS = ["PatientName", "Rows", "WindowCenter", 0x00081155, "[0028,3010][0][0028,3002]"]
WORDS = [0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]
TEXTS = [b"1e308", b"-1", b"0", b"nan", b"1e-320", b"99999999999", b"", b"\\" * 30, b"2147483648", SENTINEL, b"1\\2\\3"]
_ELEMENT = re.compile(rb"(?s)([\x02-\xff]\0..)([A-Z]{2})(..)")
_TEXT = re.compile(rb"(?s)[\x04-\xff]\0..(?:(?:PN|LO|SH|LT|ST|AE)(..)|(?:UT|UC)\0\0(..)\0\0)")
_MARKER = re.compile(rb"(?s)\xff[\x4f-\x93\xc0-\xfe]..")

Damage = Callable[[bytearray, random.Random], None]


def _places(data: bytearray, pattern: re.Pattern[bytes]) -> list[re.Match[bytes]]:
    return list(pattern.finditer(bytes(data[:200_000])))


def named(whole: bytes) -> bytes:
    """The file with the name for each text that has room for it."""
    data = bytearray(whole)
    for text in _TEXT.finditer(whole[:200_000]):
        length = int.from_bytes(text[1] or text[2], "little")
        if len(SENTINEL) <= length < 1000 and text.end() + length <= len(data):
            data[text.end() : text.end() + length] = (SENTINEL * length)[:length]
    return bytes(data)


def flip_bits(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 8)):
        data[rng.randrange(132 if rng.random() < 0.8 and len(data) > 200 else 0, len(data))] ^= 1 << rng.randrange(8)


def set_length(data: bytearray, rng: random.Random) -> None:
    """The length of an element becomes another, of 16 or of 32 bits."""
    for element in rng.sample(found, min(len(found), 2)) if (found := _places(data, _ELEMENT)) else ():
        at = element.end() - 2 if rng.random() < 0.7 else element.end() + 2
        size = rng.choice((2, 4))
        if at + size <= len(data):
            word = rng.choice([*WORDS, len(data), len(data) - at, rng.randrange(1 << 16)])
            data[at : at + size] = (word & ((1 << 8 * size) - 1)).to_bytes(size, "little")


def set_value(data: bytearray, rng: random.Random) -> None:
    """The value of an element of group 0028, or of any, becomes a number or a text that breaks arithmetic."""
    found = _places(data, _ELEMENT)
    image = [element for element in found if element[1][:2] == b"\x28\0"]
    if not found:
        return
    element = rng.choice(image if image and rng.random() < 0.7 else found)
    length = int.from_bytes(element[3], "little")
    at = element.end()
    text = rng.choice(TEXTS)
    if element[2] in (b"US", b"SS", b"UL", b"SL") or rng.random() < 0.2:
        data[at : at + length] = rng.choice(WORDS).to_bytes(8, "little")[:length].ljust(length, b"\0")
    else:
        text += b" " * (len(text) % 2)
        data[at - 2 : at + length] = struct.pack("<H", len(text)) + text


def set_vr(data: bytearray, rng: random.Random) -> None:
    if found := _places(data, _ELEMENT):
        element = rng.choice(found)
        data[element.start(2) : element.end(2)] = rng.choice((b"SQ", b"UN", b"OB", b"US", b"FD", b"DS", b"\0\0", b"ZZ"))


def move_elements(data: bytearray, rng: random.Random) -> None:
    """An element is doubled, left out, or put elsewhere."""
    found = _places(data, _ELEMENT)
    if len(found) < 3:
        return
    i = rng.randrange(len(found) - 1)
    piece = bytes(data[found[i].start() : found[i + 1].start()])
    if rng.random() < 0.6:
        del data[found[i].start() : found[i + 1].start()]
    if rng.random() < 0.7:
        at = min(len(data), rng.choice(found).start())
        data[at:at] = piece


def set_marker(data: bytearray, rng: random.Random) -> None:
    """A marker of a codestream, or the length or a word behind it, becomes another."""
    if found := _places(data, _MARKER):
        at = rng.choice(found).start()
        if rng.random() < 0.3:
            data[at + 1] = rng.choice((0x4F, 0x51, 0x52, 0x5C, 0x90, 0x93, 0xC0, 0xC2, 0xC3, 0xC4, 0xD9, 0xDA, 0xF7))
        else:
            at += rng.choice((2, 4, 5, 6, 7, 8, 9, 12, 16, 20, 24))
            size = rng.choice((1, 2, 4))
            data[at : at + size] = (rng.choice(WORDS) & ((1 << 8 * size) - 1)).to_bytes(size, "big")


def set_items(data: bytearray, rng: random.Random) -> None:
    """The tag or the length of an item, or an entry of an offset table."""
    found = [m.start() for m in re.finditer(rb"\xfe\xff[\0\x0d\xdd]\xe0", bytes(data))]
    if found:
        at = rng.choice(found) + rng.choice((0, 4, 8, 12))
        word = rng.choice([*WORDS, 0xE000FFFE, 0xE00DFFFE, 0xE0DDFFFE, len(data)])
        data[at : at + 4] = word.to_bytes(4, "little")


def cut(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def splice(data: bytearray, rng: random.Random) -> None:
    """A piece is repeated elsewhere, or bytes are put in or taken out."""
    at, n = rng.randrange(len(data)), rng.randint(1, 64)
    kind = rng.randrange(3)
    if kind == 0:
        data[at:at] = data[(start := rng.randrange(len(data))) : start + n]
    elif kind == 1:
        del data[at : at + n]
    else:
        data[at:at] = rng.choice((SENTINEL, bytes(n), b"\xff" * n, rng.randbytes(n)))


DAMAGES: list[Damage] = [flip_bits, set_length, set_value, set_vr, move_elements, set_marker, set_items, cut, splice]


def mutants(whole: bytes, count: int, seed: int) -> Iterator[bytes]:
    """`count` damaged copies of a file, the same for the same seed."""
    for i in range(count):
        rng = random.Random(f"{seed} {i} {len(whole)}")
        data = bytearray(whole)
        for damage in rng.choices(DAMAGES, k=rng.choice((1, 1, 2, 3))):
            if data:
                damage(data, rng)
        yield bytes(data)


def ways_in(contents: bytes) -> Iterator[tuple[str, Callable[[], Any]]]:
    """All that a user does with a file."""
    for values in ("stored", "modality", "voi", "display", "real_world"):
        yield f"imread {values}", lambda values=values: dd.imread(contents, values=values, limits=LIMITS)
    yield "imread palette", lambda: dd.imread(contents, values="display", color="palette", overlays=True, limits=LIMITS)
    yield "imread rgba", lambda: dd.imread(contents, color="rgba", limits=LIMITS)
    yield "imread region", lambda: dd.imread(contents, region=(0, 0, 1, 1), frames=0, dtype="float64", limits=LIMITS)
    yield "imread threads", lambda: dd.imread(contents, values="stored", threads=2, limits=LIMITS)
    yield "file object", lambda: dd.imread(io.BytesIO(contents), values="stored", limits=LIMITS)
    for values in ("stored", "tfio"):
        for on_error in ("skip", "strict", "lossy"):
            yield (
                f"decode_dicom_image {values} {on_error}",
                lambda values=values, on_error=on_error: dd.decode_dicom_image(
                    contents, on_error=on_error, values=values, dtype="uint16", limits=LIMITS
                ),
            )
    yield (
        "decode_dicom_data",
        lambda: dd.decode_dicom_data(contents, ["PatientName", "Rows", 0x7FE00010], limits=LIMITS),
    )
    yield "open", lambda: _look(dd.open(contents, limits=LIMITS))
    yield "read_tags", lambda: dd.read_tags([contents], TAGS, on_error="raise", limits=LIMITS)
    yield "read_series", lambda: dd.read_series([contents], split="all", strict=False, limits=LIMITS)
    yield "decode_batch", lambda: _of_batch([contents, io.BytesIO(contents)])


def ways_by_path(contents: bytes, folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    """What a user does with a file in a folder."""
    path = folder / "a.dcm"
    path.write_bytes(contents)
    yield "imread path", lambda: dd.imread(path, values="stored", limits=LIMITS)
    yield "decode_batch path", lambda: _of_batch([path] * 3, threads=2)
    yield "read_tags path", lambda: dd.read_tags([path], TAGS, on_error="raise", limits=LIMITS)
    yield "convert", lambda: _convert(path, folder)
    yield "check", lambda: _command("check", path)
    yield "info", lambda: _command("info", path) and ""  # it shows values: that is what it is for


def ways_by_others(contents: bytes) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The core of the TensorFlow op as its kernel calls it, and pydicom with the plugin."""
    from tests.tfop import core

    for values in ("stored", "tfio", "display"):
        for on_error in ("skip", "strict", "lossy"):
            options = {"values": values, "on_error": on_error}
            yield f"op {values} {on_error}", lambda options=options: _of_op(core.decode, contents, **options)
    yield "op texts", lambda: _of_op(core.texts, contents, [0x00100010, 0x00280010, 0x7FE00010])
    yield "pydicom plugin", lambda: _of_pydicom(contents)


class RefusalError(Exception):
    """What the op says, or that pydicom refuses."""


def _of_op(call: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    before = dd.set_default_limits(LIMITS)
    try:
        call(*arguments, **options)
    except ValueError as error:
        raise RefusalError(str(error)) from None
    finally:
        dd.set_default_limits(before)


def _of_pydicom(contents: bytes) -> None:
    """The pixels by pydicom, whose own errors, warnings and logs are its own."""
    import pydicom
    from pydicom.pixels import pixel_array

    from dicomdecode import pydicom_plugin

    foreign: list[Exception] = []
    decode_frame = pydicom_plugin.decode_frame

    @functools.wraps(decode_frame)
    def watched(*arguments: Any) -> Any:
        try:
            return decode_frame(*arguments)
        except (dd.DicomError, NotImplementedError):
            raise
        except Exception as error:
            foreign.append(error)
            raise

    logging.getLogger("pydicom").disabled = True
    with warnings.catch_warnings(), mock.patch.object(pydicom_plugin, "decode_frame", watched):
        warnings.simplefilter("ignore")
        pydicom_plugin.register()
        try:
            pixel_array(pydicom.dcmread(io.BytesIO(contents), force=True), decoding_plugin=pydicom_plugin.LABEL)
        except Exception as error:
            if foreign:
                raise foreign[0] from None
            raise RefusalError("by pydicom") from error
        finally:
            pydicom_plugin.unregister()


def _of_batch(sources: list[Any], **keywords: Any) -> None:
    for decoded in dd.decode_batch(sources, values="stored", limits=LIMITS, **keywords):
        if decoded.error is not None:
            raise decoded.error


def _convert(path: Path, folder: Path) -> str:
    """A conversion, and what its manifest says."""
    out = folder / "converted"
    dd.convert(path, out, format="npz", tags=["Rows"], limits=LIMITS, overwrite=True)
    return (out / "manifest.jsonl").read_text()


def _command(*arguments: Any) -> str:
    """What a command of the command line prints."""
    from dicomdecode import cli

    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        cli.main([str(argument) for argument in arguments])
    return told.getvalue()


def _look(image: Any) -> str:
    """Everything that an opened file tells, but for the values of its elements."""
    said = [repr(image)]
    for tag in image.tags()[:200]:
        with contextlib.suppress(dd.DicomError):
            image.tag(tag)
    for name in ("issues", "spacing", "spacing_of", "window", "shape", "dtype", "codestream", "position", "affine"):
        with contextlib.suppress(dd.DicomError):
            said.append(str(getattr(image, name)))
    for name in ("steps", "dataset"):
        with contextlib.suppress(dd.DicomError):
            getattr(image, name)
    for overlay in image.overlays:
        with contextlib.suppress(dd.DicomError):
            _ = overlay.array
    return "\n".join(said)


#: What is asked for is wrong, not the file: a region that is not in the image, a range that does not fit.
_ARGUMENTS = ("region ", "no pixel is left", "frames: ", "the possible range")


class Attacker:
    """Goes through all ways in with one file after the other, and counts what is wrong by its name.

    Attributes
    ----------
    found : Counter
    """

    def __init__(self, folder: Path, whole: bytes) -> None:
        self.found: Counter[str] = Counter()
        self._folder = folder
        self._told = io.StringIO()
        self._usual: dict[str, float] = {}
        root = logging.getLogger()
        root.addHandler(logging.StreamHandler(self._told))
        root.setLevel(logging.DEBUG)
        self._usual = {name: self._try(name, call) for name, call in self._ways(whole)}
        self.found.clear()

    def _ways(self, contents: bytes) -> Iterator[tuple[str, Callable[[], Any]]]:
        yield from ways_in(contents)
        yield from ways_by_path(contents, self._folder)
        yield from ways_by_others(contents)

    def attack(self, contents: bytes) -> None:
        for name, call in self._ways(contents):
            if self._try(name, call) > max(SOON, min(HANGS, 20 * self._usual.get(name, 0))):
                self.found[f"slow: {name}"] += 1

    def attack_one_way(self, contents: bytes, number: int) -> None:
        """One of the ways of `ways_in`."""
        ways = list(ways_in(contents))
        self._try(*ways[number % len(ways)])

    def _try(self, name: str, call: Callable[[], Any]) -> float:
        """One call, and its CPU seconds."""
        self._told.seek(0)
        self._told.truncate()
        said = ""
        began = time.process_time()
        try:
            result = call()
            said = result if isinstance(result, str) else ""
            self.found["arrays"] += 1
        except (dd.DicomError, RefusalError) as error:
            self.found["errors"] += 1
            said = f"{error} {error!r} {getattr(error, 'hint', '')}"
        except Exception as error:
            if not (isinstance(error, (ValueError, IndexError)) and str(error).startswith(_ARGUMENTS)):
                self.found[f"foreign: {name}: {type(error).__name__}: {error}"[:150]] += 1
        spent = time.process_time() - began
        said += self._told.getvalue()
        if SENTINEL.decode() in said or SENTINEL[:8].hex() in said:
            self.found[f"told: {name}"] += 1
        return spent


def _child(whole: bytes, batch: list[bytes], write_end: int) -> None:
    """Attack one file after the other, and say after each which it was, so that a death has a place."""
    import signal

    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as folder:
        signal.alarm(60)
        attacker = Attacker(Path(folder), whole)
        for i, contents in enumerate(batch):
            signal.alarm(60)
            os.write(write_end, f"{i}\n".encode())
            attacker.attack(contents)
    os.write(write_end, (json.dumps(attacker.found) + "\n").encode())
    os._exit(0)


def attack(whole: bytes, batch: list[bytes]) -> Counter[str]:
    """What became of a batch of damaged copies of a file. A child that dies is counted, and the others go on behind the
    file that killed it."""
    found: Counter[str] = Counter()
    while batch:
        read_end, write_end = os.pipe()
        child = os.fork()
        if not child:
            try:
                _child(whole, batch, write_end)
            finally:
                os._exit(1)
        os.close(write_end)
        with os.fdopen(read_end) as told:
            lines = told.read().splitlines()
        status = os.waitpid(child, 0)[1]
        if status == 0:
            return found + Counter(json.loads(lines[-1]))
        at = int(lines[-1]) if lines else 0
        found[f"signal {os.waitstatus_to_exitcode(status)}"] += 1
        batch = batch[at + 1 :]
    return found


def bad(found: Counter[str]) -> dict[str, int]:
    """The outcomes that must not be."""
    return {name: n for name, n in found.items() if name not in ("arrays", "errors")}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="mutants")
    parser.add_argument("-n", type=int, default=200)
    parser.add_argument("-s", type=int, default=0)
    parser.add_argument("files", nargs="*", type=Path)
    asked = parser.parse_args(arguments)
    if asked.files:
        paths = [p for f in asked.files for p in (sorted(f.rglob("*")) if f.is_dir() else [f]) if p.is_file()]
        files = {str(path): path.read_bytes() for path in paths}
    else:
        from tests.test_robustness import FILES

        files = FILES
    found: Counter[str] = Counter()
    for name, contents in files.items():
        whole = named(contents)
        wrong = attack(whole, list(mutants(whole, asked.n, asked.s)))
        found += wrong
        if bad(wrong):
            print(name, json.dumps(bad(wrong)), file=sys.stderr, flush=True)
    print(json.dumps({"files": len(files), "mutants": asked.n * len(files)} | found))
    return int(bool(bad(found)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
