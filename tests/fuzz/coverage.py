"""Which lines each fuzzer has reached, by file, of what runs without the GIL.

    COVERAGE=1 sh tests/fuzz/build.sh build/fuzz-lines
    python tests/fuzz/coverage.py build/fuzz-lines build/fuzz     the corpus found in the second folder

Needs llvm-profdata and llvm-cov. C that Cython made is told by the lines it was made from: a line is reached if any of
its C is. Functions with the GIL are not a fuzzer's, and those that answer the errors of Python are not counted.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Target -> the files that it is for; what else is in its program is another's.
FILES = {
    "reading": r"reading/(?!dataset|file|source|items|buffers|fault|read_at|_reading\.p)",
    "core": r"pixels/(layout|index|choice|frame)\.pxi",
    "cells": r"pixels/(_plans\.pyx|.*\.h)",
    "rle": r"codecs/(_rle\.pyx|rle\.h)",
    "ljpeg": r"codecs/(_ljpeg\.pyx|ljpeg_bits\.h)",
    "jpegls": r"codecs/jpegls/",
    "preflight": r"codecs/(_j2k\.pyx|tile_parts\.pxi)",
    "ht": r"codecs/jpeg2000/ht",
    "jpeg2000": r"codecs/jpeg2000/",
}
_FROM = re.compile(r'^\s*/\* "(dicomdecode/[^"]+)":(\d+)$')
_NO_GIL = re.compile(r"^(?:cdef|cpdef)\b.*\)[^)]*\bnogil\b.*:\s*(?:#.*)?$")


def counts_of(program: Path, corpora: list[Path]) -> dict[str, dict[int, int]]:
    """File -> line -> how often it ran."""
    raw, merged = program.with_suffix(".profraw"), program.with_suffix(".profdata")
    folders = [str(folder) for folder in corpora if folder.is_dir()]
    subprocess.run(
        [str(program), "-runs=0", "-max_len=100000", *folders],
        check=True,
        capture_output=True,
        env=os.environ | {"LLVM_PROFILE_FILE": str(raw)},
    )
    subprocess.run(["llvm-profdata", "merge", "-o", str(merged), str(raw)], check=True)
    found = subprocess.run(
        ["llvm-cov", "export", "-format=lcov", str(program), f"-instr-profile={merged}"],
        check=True,
        capture_output=True,
        text=True,
    )
    files: dict[str, dict[int, int]] = {}
    for line in found.stdout.splitlines():
        if line.startswith("SF:"):
            lines = files.setdefault(line[3:], {})
        elif line.startswith("DA:"):
            number, count = line[3:].split(",")[:2]
            lines[int(number)] = int(count)
    return files


def made_from(generated: Path, counts: dict[int, int]) -> dict[str, dict[int, int]]:
    """Cython's source -> line -> how often the C that it became ran."""
    found: dict[str, dict[int, int]] = defaultdict(dict)
    name, number = "", 0
    for i, line in enumerate(generated.read_text().splitlines(), 1):
        if came := _FROM.match(line):
            name, number = came[1], int(came[2])
        elif i in counts and name:
            found[name][number] = max(found[name].get(number, 0), counts[i])
    return {name: lines for name in found if (lines := _without_gil(name, found[name]))}


def _without_gil(name: str, lines: dict[int, int]) -> dict[int, int]:
    """Of the functions that say `nogil`."""
    kept: dict[int, int] = {}
    inside = False
    head = ""
    for i, line in enumerate((ROOT / name).read_text().splitlines(), 1):
        if line[:1].strip() and not line.startswith("#"):
            head = line
            inside = bool(_NO_GIL.match(head))
        elif head.count("(") > head.count(")"):  # a head of several lines
            head += line
            inside = bool(_NO_GIL.match(head))
        elif inside and i in lines:
            kept[i] = lines[i]
    return kept


def main(lines_folder: Path, corpora: list[Path], only: list[str]) -> None:
    for name in only or FILES:
        program = (lines_folder / name).resolve()
        folders = [(folder / f"{name}_{kind}").resolve() for folder in corpora for kind in ("seeds", "found")]
        files: dict[str, dict[int, int]] = {}
        for file, counts in counts_of(program, folders).items():
            path = Path(file)
            if path.parent == program.parent:
                files |= made_from(path, counts)
            elif (ROOT / path).resolve().is_relative_to(ROOT):
                files[str((ROOT / path).resolve().relative_to(ROOT))] = counts
        wanted = {file: lines for file, lines in sorted(files.items()) if re.search(FILES[name], file)}
        run = sum(sum(count > 0 for count in lines.values()) for lines in wanted.values())
        total = sum(map(len, wanted.values()))
        print(f"{name:10} {run:5} of {total:5} lines  {100 * run / max(1, total):5.1f} %")
        for file, lines in wanted.items():
            missed = [number for number, count in sorted(lines.items()) if not count]
            print(f"    {file}: {len(lines) - len(missed)} of {len(lines)}; not {missed}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(sys.argv[1]), Path(sys.argv[2])], sys.argv[3:])
