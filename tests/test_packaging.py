"""What a release is made of agrees with itself."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import dicomdecode

ROOT = Path(__file__).resolve().parent.parent


def project() -> dict[str, Any]:
    with open(ROOT / "pyproject.toml", "rb") as file:
        return tomllib.load(file)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_one_version() -> None:
    version = dicomdecode.__version__
    assert project()["project"]["version"] == version
    assert re.search(rf"^version: {re.escape(version)}$", text_of("CITATION.cff"), re.MULTILINE)
    assert f'version: "{version}"' in text_of("packaging/conda/recipe.yaml")


def test_conda_asks_for_the_same() -> None:
    asked = {re.sub(r"[ >=].*", "", d.lower()): d for d in project()["project"]["dependencies"]}
    run = text_of("packaging/conda/recipe.yaml").split("  run:\n")[1].split("\n\n")[0]
    found = {line.split()[1]: line.strip("- ").replace(" ", "") for line in run.splitlines() if "python" not in line}
    assert found == {name: text.lower() for name, text in asked.items()}


def build_extensions() -> ModuleType:
    pytest.importorskip("setuptools", reason="setuptools: not installed")
    spec = importlib.util.spec_from_file_location("build_extensions", ROOT / "build_extensions.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("cc") is None, reason="platform: no C compiler of Linux")
@pytest.mark.parametrize(
    ("options", "folder"), [([], "build/lib.*/dicomdecode/tfop"), (["--inplace"], "dicomdecode/tfop")]
)
def test_symbols(options: list[str], folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of static functions: builds in place keep them, for profilers; wheels do not."""
    module = build_extensions()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dicomdecode/tfop").mkdir(parents=True)
    (tmp_path / "tiny.c").write_text("__attribute__((used)) static int known_to_profilers(void) { return 1; }\n")
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1))\n"
        "from build_extensions import BuildExtensions\n"
        "from setuptools import Extension, setup\n"
        "tiny = Extension('dicomdecode.tfop._ops', ['tiny.c'])\n"  # which is no Python
        "setup(name='tiny', packages=[], ext_modules=[tiny], cmdclass={'build_ext': BuildExtensions})"
    )
    command = [sys.executable, "-c", code, str(Path(module.__file__ or "").parent), "-q", "build_ext", *options]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = Path().glob(f"{folder}/_ops*")
    assert (b"known_to_profilers" in built.read_bytes()) == bool(options)


def test_options_of_msvc() -> None:
    module = build_extensions()
    assert module.msvc_options(["-O3", "-g0", "-ffp-contract=off"]) == ["/std:c11", "/O2", "/fp:precise"]
    gnu = {o for e in project()["tool"]["setuptools"]["ext-modules"] for o in e["extra-compile-args"]}
    assert gnu - set(module._MSVC) <= {
        *("-g0", "-fvisibility=hidden", "-fno-wrapv", "-ftree-vectorize", "-fvect-cost-model=dynamic"),
        "-falign-loops=32",
    }, "what is it to MSVC?"
    assert module.clang_options(["-O2", "-fvect-cost-model=dynamic", "-g0"]) == ["-O2", "-g0"]


def test_readme_begins_with_the_wheel() -> None:
    commands = re.findall(r"^    (.*pip install.*)$", text_of("README.md"), re.MULTILINE)
    assert commands[0] == "pip install dicomdecode"


@pytest.mark.parametrize("arguments", [["-c", "import dicomdecode"], ["-m", "dicomdecode", "--help"]])
def test_nothing_is_imported_before_it_is_needed(arguments: list[str]) -> None:
    """A program that imports the package, and a command line that prints its help, do not wait for NumPy."""
    command = [sys.executable, "-P", "-X", "importtime", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert "dicomdecode" in imported and not imported & {"numpy", "pydicom", "imagecodecs", "PIL", "glymur"}


def test_names_that_are_imported_later() -> None:
    assert set(dicomdecode.__all__) <= set(dir(dicomdecode))
    for name in dicomdecode.__all__:
        found = getattr(dicomdecode, name)
        assert name == "dicom_tags" or (found.__module__, found.__name__) == ("dicomdecode", name)
    with pytest.raises(AttributeError, match="no_such_name"):
        dicomdecode.no_such_name  # noqa: B018


def test_one_address() -> None:
    """Of the repository: set in pyproject.toml; `python docs/tables.py` brings it to the other files."""
    urls = project()["project"]["urls"]
    address = urls["Homepage"]
    assert all(url.startswith(address) for url in urls.values())
    for name in ("CITATION.cff", "packaging/conda/recipe.yaml"):
        found = re.findall(r"(?:repository-code|homepage): (.*)", text_of(name))
        assert found == [address], "run: make tables"
    files = (path for folder in ("dicomdecode", "docs", "benchmarks") for path in (ROOT / folder).rglob("*.*"))
    texts = [path for path in files if path.suffix in (".py", ".md", ".yaml", ".pyx")]
    assert len(texts) > 150
    assert [path.name for path in texts if address in path.read_text(encoding="utf-8")] == ["releasing.md"]


def test_scripts_import_what_there_is() -> None:
    """Benchmarks and the makers of pages are run now and then only, and use what is not public."""
    found = 0
    for path in (*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "docs").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("dicomdecode"):
                continue
            name = node.module or ""
            if ".plugins" not in name:  # which need their hosts
                module = importlib.import_module(name)
                assert [each.name for each in node.names if not has(module, each.name)] == [], path.name
                found += 1
    assert found > 20


def has(module: Any, name: str) -> bool:
    """An attribute, or a module of a package."""
    is_package = hasattr(module, "__path__")
    return hasattr(module, name) or (is_package and importlib.util.find_spec(f"{module.__name__}.{name}") is not None)
