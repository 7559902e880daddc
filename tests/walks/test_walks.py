"""The walks of docs/contributing.md: a toy of each kind is added to a copy of the sources, step by step.

The numbers in comments are those of the page's steps. What tests hold, as it says, is held here: the repository's own
tests run over the copy, before the last steps too, when they must fail.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import dicomdecode

TOYS = Path(__file__).resolve().parent
ROOT = TOYS.parent.parent

pytestmark = pytest.mark.slow


class Clone:
    """A copy of the sources, with the compiled modules of the package that is tested."""

    def __init__(self, top: Path) -> None:
        self.top = top
        for name in ("dicomdecode", "docs", "tests", "benchmarks", "packaging"):
            shutil.copytree(ROOT / name, top / name, ignore=shutil.ignore_patterns("__pycache__", "_made", "_*.c"))
        for path in ROOT.glob("*.*"):
            if path.is_file():
                shutil.copy2(path, top)
        package = Path(dicomdecode.__file__).parent
        for path in [*package.rglob("*.so"), *package.rglob("*.pyd")]:
            shutil.copy2(path, top / "dicomdecode" / path.relative_to(package))

    def add(self, toy: str, place: str) -> None:
        """A file of this folder at its place."""
        shutil.copy(TOYS / toy, self.top / place)

    def insert(self, name: str, new: str, *, before: str = "", after: str = "") -> None:
        """`new` beside the only place that reads so."""
        path, place = self.top / name, before or after
        text = path.read_text(encoding="utf-8")
        assert text.count(place) == 1, f"{name}: {place}"
        path.write_text(text.replace(place, new + place if before else place + new), encoding="utf-8")

    def python(self, *arguments: str, fails: bool = False) -> str:
        """What a program prints that runs in the copy; it must end well, or not."""
        path = os.pathsep.join([str(self.top), str(TOYS / "host"), *filter(None, sys.path)])
        environment = os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-P", *arguments]
        done = subprocess.run(command, cwd=self.top, env=environment, capture_output=True, text=True)
        told = done.stdout + done.stderr
        assert bool(done.returncode) == fails, told[-3000:]
        return told

    def test(self, *arguments: str, fails: bool = False) -> str:
        return self.python("-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments, fails=fails)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    return Clone(tmp_path / "clone")


def test_a_new_codec(clone: Clone) -> None:
    row = '        "png": Codec("dicomdecode.codecs.png"),\n'
    clone.insert("dicomdecode/codecs/__init__.py", row, after=" = MappingProxyType(\n    {\n")  # 1
    clone.add("png.py", "dicomdecode/codecs/png.py")  # 2 and 3
    row = '    Syntax("1.2.826.0.1.3680043.10.999.1", "PNG frames (private)", "png"),\n'
    clone.insert("dicomdecode/syntaxes.py", row, after="_ROWS = (\n")  # 4
    assert "test_support_table_is_complete" in clone.test("tests/test_docs.py", "-k", "support_table", fails=True)
    clone.insert("docs/tables.py", '    "png": ("PNG frames", "libpng (imagecodecs)"),\n', after="\nCODECS = {\n")
    assert clone.python("docs/tables.py").split("\n")[:2] == ["rewritten: README.md", "rewritten: docs/support.md"]
    clone.add("check_png.py", "tests/codecs/test_png.py")  # 5
    held = ("tests/codecs/test_png.py", "tests/test_docs.py", "tests/test_rooms.py")
    clone.test(*held, "-k", "png or tables or support_table or code_map or codes or import")


def test_a_new_plugin(clone: Clone) -> None:
    clone.add("lightbox.py", "dicomdecode/plugins/lightbox.py")  # 1
    tests = clone.top / "tests" / "test_plugins.py"
    tests.write_text(  # 3
        tests.read_text(encoding="utf-8")
        + '\n\n@pytest.mark.parametrize("path", FILES)\ndef test_lightbox(path: str) -> None:\n'
        '    host = plugin("lightbox", "lightbox")\n    import lightbox\n\n    host.register()\n'
        '    assert np.array_equal(lightbox.show(path), dd.imread(path, values="display"))\n',
        encoding="utf-8",
    )
    held = ("tests/test_plugins.py", "tests/test_docs.py", "-k", "lightbox or code_map")
    told = clone.test(*held, fails=True)
    assert "2 failed" in told and "know_each_plugin[lightbox]" in told and "test_code_map" in told
    row = "| lightbox | `dicomdecode.plugins.lightbox.register()`, then `lightbox.show(path)` |\n"
    clone.insert("docs/ecosystem.md", row, before="| xarray | `xarray")  # 4
    names = "".join(f".. autofunction:: dicomdecode.plugins.lightbox.{name}\n" for name in ("read_dicom", "register"))
    clone.insert("docs/api.md", names, before=".. autoclass:: dicomdecode.plugins.imageio.DicomPlugin\n")
    clone.insert("docs/architecture.md", "`plugins/lightbox.py`, ", before="`plugins/monai.py`, ")
    reader = (
        "def lightbox(ours: bool) -> Read:\n    import lightbox as host\n\n"
        "    from dicomdecode.plugins.lightbox import register\n\n    if ours:\n        register()\n"
        "    return lambda path: host.show(path)\n\n\n"
    )
    clone.insert("benchmarks/plugins.py", reader, before="READERS = {\n")
    clone.insert("benchmarks/plugins.py", '    "lightbox": (lightbox, "nothing"),\n', after="READERS = {\n")
    clone.insert("tests/test_docs.py", '"lightbox", ', before='"monai", "napari", "pillow"')  # 5
    clone.insert("docs/conf.py", '"lightbox", ', before='"monai", "torchio"')
    clone.insert("pyproject.toml", '"lightbox.*", ', before='"monai.*", "npe2.*"')
    clone.test(*held)
    folder = clone.top / "files"
    folder.mkdir()
    shutil.copy(Path(dicomdecode.__file__).parent / "py.typed", folder)  # no image: it is passed over
    shutil.copy(_ct(), folder)
    assert "| lightbox | nothing | 0 | 1 | 0 of 0 | - |" in clone.python("benchmarks/plugins.py", "files")


def _ct() -> str:
    from pydicom.data import get_testdata_file

    return str(get_testdata_file("CT_small.dcm", download=False))


KERNEL = """/* 16 to 32 bits, where nothing need be kept inside a range. */
CLONES static void widen_u16(const void *src, void *dst, size_t n) {
    uint32_t *out = (uint32_t *)dst;
    for (size_t i = 0; i < n; i++) out[i] = (uint32_t)LOAD(uint16_t, src, i) + WRONG;
}

"""
CHOICE = """    if (source == T_U16 && target == T_U32 && left == 0 && right == 0 && low == 0 && high >= 65535) {
        IN_BLOCKS(2, 4, widen_u16(from, to, m))
        return 1;
    }
"""


@pytest.mark.skipif(sys.platform == "win32", reason="platform: MSVC has no -O0")
def test_a_new_kernel(clone: Clone) -> None:
    if not all(map(importlib.util.find_spec, ("setuptools", "Cython"))):
        pytest.skip("setuptools: it or Cython is not installed")
    if int(importlib.metadata.version("setuptools").partition(".")[0]) < 80:
        pytest.skip("setuptools: older than what [build-system] asks for")
    kernels = "dicomdecode/pixels/kernels.h"
    clone.insert(kernels, KERNEL.replace("WRONG", "1"), before="/* Where float32 arithmetic is exact")  # 1
    clone.insert(kernels, CHOICE, before="    const clamp_kernel one =")  # 2
    # `make build`, of the one module that has changed and without optimisation: it takes a minute otherwise.
    settings = (clone.top / "pyproject.toml").read_text(encoding="utf-8")
    tables = re.split(r"(?m)^(?=\[\[tool\.setuptools\.ext-modules\]\])", settings)
    alone = "".join([tables[0], *(table.replace("-O2", "-O0") for table in tables if 'pixels._plans"' in table)])
    (clone.top / "pyproject.toml").write_text(alone, encoding="utf-8")
    build = ("-c", "from setuptools import setup; setup()", "-q", "build_ext", "--inplace")
    clone.python(*build)
    pairs = ("tests/pixels/test_native.py", "-k", "pair_of_types")
    told = clone.test(*pairs, fails=True)  # 3
    assert "1 failed" in told and "test_every_pair_of_types[u2-u4]" in told
    text = (clone.top / kernels).read_text(encoding="utf-8")
    (clone.top / kernels).write_text(text.replace(" + 1;\n}\n\n/* Where", ";\n}\n\n/* Where"), encoding="utf-8")
    clone.python(*build)
    clone.test(*pairs)


def test_a_new_benchmark(clone: Clone) -> None:
    group = (
        "def toy() -> Iterator[Figure]:\n    contents = samples.xray()\n"
        "    yield compare('toy', lambda: dd.imread(contents), {'tag': lambda: dd.open(contents).rows}, 1e6, 3)\n\n\n"
    )
    clone.insert("benchmarks/ratios.py", group, before="GROUPS = {\n")
    clone.insert("benchmarks/ratios.py", '    "toy": toy,\n', after="GROUPS = {\n")
    assert re.search(r"^ok   toy +\d.* of at most", clone.python("benchmarks/ratios.py", "toy"), re.MULTILINE)
    clone.add("bench_toy.py", "benchmarks/bench_toy.py")
    run = "from benchmarks.bench_toy import Toy; t = Toy(); t.setup('display'); t.time_imread('display')"
    clone.python("-c", run)
