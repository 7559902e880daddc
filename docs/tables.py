"""Writes the tables of README.md and docs/ that follow from the code.

python docs/tables.py            rewrite the pages
python docs/tables.py --check    exit code 1 when one is out of date
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

from dicomdecode import codecs
from dicomdecode.error_codes import ISSUE_CODES, SECTIONS
from dicomdecode.syntaxes import SYNTAXES, Syntax

ROOT = Path(__file__).resolve().parent.parent
#: The page of `man`, which is written as a whole.
MAN = "packaging/dicomdecode.1"
BEGIN, END = "<!-- table: {} -->\n", "<!-- end of table -->\n"

#: codec -> what it decodes, by what. A codec without a row here is named as it stands.
CODECS = {
    "native": ("uncompressed and deflated data sets", "own"),
    "uncompressed": ("encapsulated uncompressed", "own"),
    "rle": ("RLE Lossless", "own"),
    "deflate": ("deflated frames", "libdeflate (imagecodecs), zlib"),
    "jpeg": ("JPEG: baseline, extended, progressive, lossless", "libjpeg-turbo (imagecodecs); lossless: own"),
    "jpegls": ("JPEG-LS", "own"),
    "jpeg2000": ("JPEG 2000", "own"),
    "htj2k": ("High-Throughput JPEG 2000", "own"),
    "jpegxl": ("JPEG XL", "libjxl (imagecodecs)"),
    "video": ("MPEG-2, H.264, H.265", "FFmpeg (PyAV)"),
    "": ("JPIP, SMPTE ST 2110", "none: `UnsupportedError`"),
}


def _codecs() -> list[str]:
    found = dict.fromkeys(row.codec for row in SYNTAXES.values())
    return [codec for codec in found if codec] + ([""] if "" in found else [])


def _rows_of(codec: str) -> list[Syntax]:
    return [row for row in SYNTAXES.values() if row.codec == codec]


def _short(uid: str) -> str:
    return uid.removeprefix("1.2.840.10008.1.2") or uid


def short_table() -> str:
    """One row a codec, for the README."""
    lines = ["| what | transfer syntaxes (a dot in front: 1.2.840.10008.1.2) | decoder |", "|---|---|---|"]
    for codec in _codecs():
        what, by = CODECS.get(codec, (codec, codec))
        rows = _rows_of(codec)
        extras = sorted({row.extra for row in rows if row.extra})
        by += f" (`pip install 'dicomdecode[{','.join(extras)}]'`)" if extras else ""
        uids = " ".join(_short(row.uid) for row in rows) if codec else "[all](docs/support.md)"
        lines.append(f"| {what} | {uids} | {by} |")
    return "\n".join(lines) + "\n"


def long_table() -> str:
    """One row a transfer syntax, for docs/support.md."""
    lines = ["| transfer syntax | UID | decoder | lossy | GIL | extra |", "|---|---|---|---|---|---|"]
    for row in SYNTAXES.values():
        by = CODECS.get(row.codec, (row.codec, row.codec))[1] if row.codec else "none"
        lossy = "can be" if row.lossy else "no"
        held = row.codec in codecs.CODECS and codecs.CODECS[row.codec].gil
        gil = "held" if held else "free" if row.codec else "-"
        lines.append(f"| {row.name} | {row.uid} | {by} | {lossy} | {gil} | {row.extra or '-'} |")
    return "\n".join(lines) + "\n"


def error_codes() -> str:
    """One row a code, for docs/errors_and_limits.md, in the sections of `dicomdecode.error_codes`."""
    lines: list[str] = []
    for section, rows in SECTIONS.items():
        lines += [f"{section}:", "", "| code | what is wrong | error |", "|---|---|---|"]
        lines += [f"| `{code}` | {row.meaning} | {', '.join(row.errors)} |" for code, row in rows.items()]
        lines.append("")
    return "\n".join(lines)


def issue_codes() -> str:
    """One row a code of `image.issues`."""
    lines = ["| code | what is odd, and what is done |", "|---|---|"]
    lines += [f"| `{code}` | {meaning} |" for code, meaning in ISSUE_CODES.items()]
    return "\n".join(lines) + "\n"


def _manual() -> ModuleType:
    """docs/manual.py, which lies in no package."""
    spec = importlib.util.spec_from_file_location("manual", Path(__file__).with_name("manual.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def commands() -> str:
    """A section for each command of the command line."""
    return str(_manual().markdown())


#: page -> name of the table -> what writes it
TABLES = {
    "README.md": {"transfer syntaxes": short_table},
    "docs/support.md": {"transfer syntaxes": long_table},
    "docs/errors_and_limits.md": {"issue codes": issue_codes, "error codes": error_codes},
    "docs/command_line.md": {"commands": commands},
}
#: file -> its key for the address of the repository, which is set in pyproject.toml
ADDRESSES = {"CITATION.cff": "repository-code", "packaging/conda/recipe.yaml": "homepage"}


def updated(name: str) -> str:
    """The text of a file with its tables, or its address, as they should be."""
    if name == MAN:
        return str(_manual().roff())
    text = (ROOT / name).read_text(encoding="utf-8")
    if name in ADDRESSES:
        urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
        return re.sub(rf"({ADDRESSES[name]}: ).*", rf"\g<1>{urls['Homepage']}", text)
    for table, write in TABLES[name].items():
        begin = BEGIN.format(table)
        if text.count(begin) != 1:
            raise ValueError(f"{name} must hold the mark of the table {table!r} once")
        front, _, rest = text.partition(begin)
        text = front + begin + write() + END + rest.partition(END)[2]
    return text


def main() -> int:
    stale = [name for name in (*TABLES, *ADDRESSES, MAN) if updated(name) != (ROOT / name).read_text(encoding="utf-8")]
    if "--check" in sys.argv:
        for name in stale:
            print(f"{name}: out of date; run make tables", file=sys.stderr)
        return int(bool(stale))
    for name in stale:
        (ROOT / name).write_text(updated(name), encoding="utf-8")
        print(f"rewritten: {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
