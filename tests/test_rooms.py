"""The rooms of the house: imports run down only, and every Cython module is compiled by the same rules.

Imports within functions and below `TYPE_CHECKING`, cimports, and C headers count too: a reader has to follow those as
well, and a type that is named is a thing that is known.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "dicomdecode"

#: From the ground up. A room may import what is in it and below it; a name with no dot is a folder or a module.
ROOMS = (
    ("errors", "error_codes", "limits", "log", "tags", "syntaxes", "words", "clones"),
    ("reading",),
    ("codecs",),
    ("pixels",),
    ("tfio_compat",),
    ("pictures",),
    ("image", "indexed", "open_image", "read_image", "frame", "decode_dicom", "issues", "lazy"),
    ("sources",),
    ("volumes",),
    ("batch",),
    ("tables",),
    ("export",),
    ("tfop", "tensorflow", "tfio", "torch", "pydicom_plugin", "plugins", "cli", "__main__", "__init__"),
)
FLOOR = {name: floor for floor, names in enumerate(ROOMS) for name in names}

SOURCES = sorted(p for p in PACKAGE.rglob("*") if p.suffix in (".py", ".pyi", ".pyx", ".pxd"))
CYTHON = [p for p in SOURCES if p.suffix == ".pyx"]
MODULES = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for p in SOURCES}

# Cython is no Python, but its import statements look like Python's, (c)imported names in parentheses included.
FROM = re.compile(r"^[ \t]*from[ \t]+(dicomdecode[\w.]*)[ \t]+c?import[ \t]+(\([^)]*\)|[^\n#]*)", re.MULTILINE)
PLAIN = re.compile(r"^[ \t]*c?import[ \t]+([^\n#]*)", re.MULTILINE)
RELATIVE = re.compile(r"^[ \t]*from[ \t]+\.", re.MULTILINE)


INCLUDE = re.compile(r'^include "([\w.]+)"', re.MULTILINE)


def text_of(path: Path) -> str:
    """The text of a source, with the parts (.pxi) that it includes."""
    text = path.read_text(encoding="utf-8")
    return INCLUDE.sub(lambda match: text_of(path.with_name(match[1])), text) if path.suffix == ".pyx" else text


def room_of(module: str) -> str:
    """`dicomdecode.pixels.decode` -> `pixels`; the package itself is the room of its `__init__`."""
    return [*module.split("."), "__init__"][1]


def of_names(module: str, names: list[str]) -> Iterator[str]:
    """`from module import names`: a name is a module, or something that the module holds."""
    for name in names:
        yield f"{module}.{name}" if f"{module}.{name}" in MODULES else module


def imports(text: str, *, python: bool) -> set[str]:
    """The modules of the package that a source text names in its imports."""
    found: list[str] = []
    if python:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, "imports are absolute"
                found += of_names(node.module or "", [alias.name for alias in node.names])
    else:
        assert not RELATIVE.search(text), "imports are absolute"
        for module, names in FROM.findall(text):
            found += of_names(module, re.findall(r"(?:^|[,(])\s*(\w+)", re.sub(r"#.*", "", names)))
        for modules in PLAIN.findall(text):
            found += re.findall(r"(?:^|,)\s*([\w.]+)", modules)
    return {module for module in found if module.split(".")[0] == "dicomdecode"}


@pytest.mark.parametrize(
    ("text", "python"),
    [
        ("from dicomdecode.pixels import decode, luts as r", True),
        ("import dicomdecode.pixels.decode\nimport dicomdecode.pixels.luts, os", True),
        ("if TYPE_CHECKING:\n    from dicomdecode.pixels.decode import f", True),
        ("def f():\n    if x:\n        from dicomdecode.pixels import decode", True),
        ("from dicomdecode.pixels cimport decode, luts as r", False),
        ("from dicomdecode.pixels.decode cimport (\n    f,  # why, and wherefore\n    g as h,\n)", False),
        ("cdef f():\n    from dicomdecode.pixels.decode import f\n", False),
        ("cimport dicomdecode.pixels.decode as d, dicomdecode.pixels.luts", False),
    ],
)
def test_imports_are_found(text: str, python: bool) -> None:
    found = imports(text, python=python)
    assert "dicomdecode.pixels.decode" in found
    assert found <= {"dicomdecode.pixels.decode", "dicomdecode.pixels.luts"}
    assert ("dicomdecode.pixels.luts" in found) == ("luts" in text)


def test_the_package_itself_is_the_topmost_room() -> None:
    (found,) = imports("from dicomdecode import imread", python=True)
    assert FLOOR[room_of(found)] == len(ROOMS) - 1


def test_every_part_is_included() -> None:
    included = {path.with_name(name) for path in CYTHON for name in INCLUDE.findall(path.read_text(encoding="utf-8"))}
    assert included == set(PACKAGE.rglob("*.pxi"))


def test_every_module_has_a_room() -> None:
    assert {"dicomdecode.pixels._core", "dicomdecode.reading._cursor", "dicomdecode.cli"} <= MODULES
    assert {room_of(module) for module in MODULES} <= set(FLOOR)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_run_down_only(path: Path) -> None:
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    floor = FLOOR[room_of(module)]
    found = imports(text_of(path), python=path.suffix in (".py", ".pyi"))
    assert not {name for name in found if FLOOR[room_of(name)] > floor}


def test_no_imports_go_round() -> None:
    """Within a room neither."""
    graph: dict[str, set[str]] = {}
    for path in SOURCES:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found = imports(text_of(path), python=path.suffix in (".py", ".pyi"))
        graph.setdefault(module, set()).update(found - {module})  # a .pyx and its .pxd are one module
    assert len(list(TopologicalSorter(graph).static_order())) >= len(MODULES)


def extensions() -> list[dict[str, list[str]]]:
    with open(ROOT / "pyproject.toml", "rb") as file:
        found = tomllib.load(file)["tool"]["setuptools"]["ext-modules"]
    assert len(found) == len(CYTHON) + 1  # the ops are plain C
    return list(found)


@pytest.mark.parametrize("extension", extensions(), ids=lambda e: e["name"])
def test_headers_run_down_only(extension: dict[str, list[str]]) -> None:
    """What an extension module is compiled with lies in its room or below it, and it is told of each such file."""
    sources = [ROOT / name for name in extension["sources"]]
    folders = [ROOT / name for name in extension.get("include-dirs", [])]
    seen: set[Path] = set()
    todo = [*sources, *(p for p in (source.with_suffix(".pxd") for source in sources) if p.exists())]
    while todo:
        path = todo.pop()
        text = text_of(path)
        for name in re.findall(r'^\s*(?:#include|cdef extern from) "([\w.]+)"', text, re.MULTILINE):
            header = next(folder / name for folder in [path.parent, *folders] if (folder / name).exists())
            if header not in seen:
                seen.add(header)
                todo.append(header)
    depends = {ROOT / name for name in extension.get("depends", [])}
    assert seen <= depends
    floor = FLOOR[room_of(extension["name"])]
    for path in [*sources, *seen, *depends]:
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        assert FLOOR[room_of(module)] <= floor, path.relative_to(ROOT)


def test_cython_modules_share_their_directives() -> None:
    lines = {tuple(path.read_text(encoding="utf-8").splitlines()[:2]) for path in CYTHON}
    assert len(CYTHON) >= 5 and len(lines) == 1
    assert lines.pop()[0].startswith("# cython: language_level=3, ")
