"""What the pages say is true: examples run, links lead somewhere, tables agree with the code."""

from __future__ import annotations

import ast
import dataclasses
import doctest
import importlib
import importlib.util
import inspect
import itertools
import os
import pkgutil
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from pydicom.data.data_manager import DATA_ROOT

import dicomdecode
from dicomdecode.cli import main
from dicomdecode.error_codes import ERROR_CODES, ISSUE_CODES
from dicomdecode.issues import Issue
from dicomdecode.syntaxes import SYNTAXES
from tests import raised_codes

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def load(name: str) -> ModuleType:
    """A Python file that lies in no package."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, ROOT / name)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_there() -> None:
    assert {"README.md", "docs/index.md", "docs/architecture.md", "docs/contributing.md", "docs/support.md"} <= set(
        NAMES
    )
    assert {"docs/values.md", f"docs/changes/{dicomdecode.__version__}.md"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of a page, from its top to its end, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```", text_of(name), re.DOTALL | re.MULTILINE)
    assert all(">>> " in block for block in blocks), "an example that nothing runs"
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, name, name, 0)
    shipped = {path.name for path in Path(DATA_ROOT).rglob("*")}
    assert set(re.findall(r'get_testdata_file\("([^"]+)"', "\n".join(blocks))) <= shipped, "pydicom would download it"
    reports: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    result = doctest.DocTestRunner(optionflags=flags).run(test, out=reports.append)
    assert not result.failed, "".join(reports)
    if name in ("README.md", "docs/index.md", "docs/values.md", "docs/tags.md", "docs/errors_and_limits.md"):
        assert result.attempted >= 5


#: Examples of docstrings that need an optional library: the last part of the name -> what it imports.
NEEDED = {
    "plot": "matplotlib",
    "browse": "ipywidgets",
    "to_nifti": "nibabel",
    "to_sitk": "SimpleITK",
    "to_xarray": "xarray",
    "to_arrow": "pyarrow",
    "to_pandas": "pandas",
    "to_polars": "polars",
    "to_dask": "dask",
}
#: Modules whose examples run in a process of their own, and what they need.
APART = {
    "tensorflow:": [
        "tensorflow",
        "tfio",
        *(f"tfop.{name}" for name in ("batches", "datasets", "images", "native", "texts")),
    ],
    "torch:": ["torch"],
    **{
        f"plugin host: {host}": [f"plugins.{host}"]
        for host in ("imageio", "kerchunk", "monai", "napari", "pillow", "torchio", "xarray")
    },
}


def test_examples_of_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "Agg")
    apart = {f"dicomdecode.{name}" for names in APART.values() for name in names}
    names = {found.name for found in pkgutil.walk_packages(dicomdecode.__path__, "dicomdecode.")} - apart
    for name in dicomdecode.__all__:
        getattr(dicomdecode, name)  # from now on the package has them all
    attempted = 0
    reports: list[str] = []
    alone = {name for name in names if re.search(r"\.(__main__|tfop|tfio_compat)\b", name)}
    for name in [*sorted(names - alone), "dicomdecode"]:
        for test in doctest.DocTestFinder().find(importlib.import_module(name)):
            needed = NEEDED.get(test.name.rpartition(".")[2])
            if needed is None or importlib.util.find_spec(needed):
                with warnings.catch_warnings(action="ignore" if needed else "error"):
                    attempted += doctest.DocTestRunner().run(test, out=reports.append).attempted
    assert not reports, "".join(reports)
    assert attempted > 120  # and those that need a library


@pytest.mark.slow
@pytest.mark.parametrize("reason", APART)
def test_examples_that_need_a_library(reason: str) -> None:
    host = {"kerchunk": "numcodecs", "napari": "npe2", "pillow": "PIL"}
    library = reason.split(": ")[-1].rstrip(":")
    if not importlib.util.find_spec(host.get(library, library)):
        pytest.skip(f"{reason} is not installed")
    code = (
        "import doctest, importlib, sys\n"
        "results = [doctest.testmod(importlib.import_module('dicomdecode.' + name)) for name in sys.argv[1:]]\n"
        "sys.exit(any(r.failed for r in results) or not sum(r.attempted for r in results))"
    )
    command = [sys.executable, "-P", "-W", "ignore", "-c", code, *APART[reason]]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Jupyter, about itself
def test_the_front_page_in_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first lines, pasted into a cell, and the image as a last one."""
    client = pytest.importorskip("nbclient", reason="nbclient: not installed")
    import nbformat

    lines = re.findall(r"^>>> (.*)$", text_of("docs/index.md"), re.MULTILINE)[:3]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("\n".join([*lines, "image"]))])
    client.NotebookClient(notebook, resources={"metadata": {"path": str(tmp_path)}}).execute()
    (output,) = notebook.cells[0].outputs
    assert {"text/html", "image/png"} <= set(output["data"]) and (tmp_path / "abdomen.png").exists()


def anchors(text: str) -> set[str]:
    """What the headings of a page are called in links."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_what_contributors_are_led_to_is_there() -> None:
    """Files that the page names, and functions and classes in the files beside which it names them."""
    page = text_of("docs/contributing.md").split("## A new plugin")[1].split("## Fuzzing")[0]
    roots = (ROOT, ROOT / "dicomdecode", ROOT / "dicomdecode" / "pixels", ROOT / "tests" / "pixels")
    files = set(re.findall(r"`((?:[\w.]+/)*[\w.]+\.(?:py|pyx|h|c|toml|md))`", page))
    assert len(files) > 15 and not {name for name in files if not any((root / name).exists() for root in roots)}
    for names, name in re.findall(r"`([\w.]+)`(?:, further down,)? in\s`([\w/.]+\.(?:py|h|c))`", page):
        path = next(root / name for root in roots if (root / name).exists())
        assert re.search(rf"\b{names.split('.')[-1]}\b", path.read_text(encoding="utf-8")), (names, name)


@pytest.mark.parametrize("name", NAMES)
def test_links(name: str) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text_of(name)):
        if "://" in target:
            continue
        found = (ROOT / name).parent.joinpath(target).resolve() if target else ROOT / name
        assert found.exists() and ROOT in found.parents, target
        assert not anchor or anchor in anchors(found.read_text(encoding="utf-8")), f"{target}#{anchor}"


def test_index_names_every_page() -> None:
    named = set(re.findall(r"\]\(([^)#\s]+)", text_of("docs/index.md")))
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages - named if not page.startswith("changes/unreleased/")} == {"index.md"}
    trees = " ".join(
        re.findall(r"^```{toctree}\n(.*?)^```", text_of("docs/index.md"), re.DOTALL | re.MULTILINE)
    ).split()
    listed = {page.removesuffix(".md") for page in pages if not page.startswith("changes/unreleased/")}
    assert listed - {"index"} <= set(" ".join(trees).split()), "the site's contents, at the end of docs/index.md"


def test_changes_have_a_kind() -> None:
    """By which the page of changes puts them in order: docs/changes/unreleased/README.md."""
    names = {path.name for path in (ROOT / "docs/changes/unreleased").glob("*.md")} - {"README.md"}
    assert [name for name in names if not re.fullmatch(r"\w+\.(new|changed|fixed|faster)\.md", name)] == []


def test_every_public_name_is_in_the_reference() -> None:
    page = text_of("docs/api.md")
    assert [name for name in dicomdecode.__all__ if not re.search(rf":: {name}$|`{name}`", page, re.MULTILINE)] == []


def sections_of(text: str) -> set[str]:
    return set(re.findall(r"^ *(\w+)\n *-+$", text, re.MULTILINE))


#: Of dicomdecode, by its name there, or by its module's: what cannot fail.
CANNOT_FAIL = {"Batch.close", "DicomImage.close", "DicomError.located", "native.is_native", "napari.get_reader"}
CANNOT_FAIL |= {"imageio.register", "pillow.register", "pydicom_plugin.register", "pydicom_plugin.unregister"}


def callables() -> dict[str, Any]:
    """Public functions, and the public methods of public classes; those of a class where they are defined."""
    found = {name: getattr(dicomdecode, name) for name in dicomdecode.__all__ if callable(getattr(dicomdecode, name))}
    for name, kind in list(found.items()):
        for method, function in inspect.getmembers(kind, callable) if isinstance(kind, type) else ():
            inherited = any(hasattr(base, method) for base in kind.__bases__ if base.__name__ in found)
            if "dicomdecode" in str(getattr(function, "__module__", "")) and not (method.startswith("_") or inherited):
                found[f"{name}.{method}"] = function
    return found


def named_in(section: str) -> set[str]:
    """The parameters that a docstring lists."""
    lines = re.findall(r"^(\S.*)$", section, re.MULTILINE)
    return {name.strip(" *") for line in lines for name in line.partition(" :")[0].split(",")}


@pytest.mark.parametrize("name", callables())
def test_docstrings_say_it_all(name: str) -> None:
    """Every argument, what comes out, what is raised, and an example, which `test_examples_of_docstrings` runs."""
    found = callables()[name]
    text = inspect.getdoc(found) or ""
    sections = sections_of(text)
    assert "Examples" in sections
    if not isinstance(found, type):
        signature = inspect.signature(found)
        check_sections(name, text, set(signature.parameters), signature.return_annotation)


def check_sections(name: str, text: str, asked: set[str], returned: str) -> None:
    sections = sections_of(text)
    listed = re.search(r"^Parameters\n-+\n(.*?)(?=^\w+\n-+$|\Z)", text, re.MULTILINE | re.DOTALL)
    assert asked - {"self", "cls"} <= named_in(listed[1] if listed else ""), name
    assert returned == "None" or sections & {"Returns", "Yields"}, name
    assert ("Raises" in sections) != (name in CANNOT_FAIL), name


def test_properties_say_what_they_are() -> None:
    """In a docstring of their own, or in the class's; and their type, which the reference shows."""
    for name, kind in ((name, getattr(dicomdecode, name)) for name in dicomdecode.__all__):
        for key, found in inspect.getmembers(kind, lambda found: isinstance(found, property)):
            if isinstance(kind, type) and "dicomdecode" in found.fget.__module__ and not key.startswith("_"):
                of_class = re.search(r"^Attributes\n-+\n(.*?)(?=^\w+\n-+$)", inspect.getdoc(kind) or "", re.M | re.S)
                assert found.__doc__ or key in named_in(of_class[1] if of_class else ""), f"{name}.{key}"
                assert found.fget.__annotations__.get("return"), f"{name}.{key}"


#: What follows the standard, and says where it does.
BY_THE_STANDARD = (
    *("imread", "decode_frame", "read_series", "Volume", "DicomImage.tag", "DicomImage.window_of", "DicomImage.affine"),
    *("DicomImage.position", "DicomImage.orientation", "DicomImage.overlays", "DicomImage.spacing_of"),
    "decode_dicom_data",
)


@pytest.mark.parametrize("name", BY_THE_STANDARD)
def test_docstrings_name_their_source(name: str) -> None:
    owner, _, member = name.partition(".")
    found = getattr(dicomdecode, owner)
    assert re.search(r"PS3\.\d", (getattr(found, member) if member else found).__doc__ or "")


def methods() -> Iterator[tuple[str, str]]:
    """Qualified name and docstring of each public method of a public class."""
    return ((name, inspect.getdoc(found) or "") for name, found in callables().items() if "." in name)


def faces() -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Public functions and classes of the modules that need a library; nothing is imported."""
    of_tensorflow = {"decode_dicom_batch", "decode_dicom_data", "decode_dicom_image", "dicom_dataset", "is_native"}
    modules = [*itertools.chain(*APART.values()), "pydicom_plugin"]
    for path in [ROOT / "dicomdecode" / (name.replace(".", "/") + ".py") for name in modules]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                if path.parent.name == "tfop" and node.name not in of_tensorflow:
                    continue
                if path.stem != "pydicom_plugin" or node.name in ("register", "unregister"):
                    yield f"{path.stem}.{node.name}", node


def test_functions_of_faces_say_it_all() -> None:
    texts = (ROOT / "dicomdecode/export/formats/tfrecord.py").read_text(encoding="utf-8")
    examples = [node for node in ast.parse(texts).body if getattr(node, "name", "") == "read_examples"]
    found = [*faces(), *(("read_examples", node) for node in examples)]
    functions = [(name, node) for name, node in found if isinstance(node, ast.FunctionDef)]
    assert len(functions) > 15
    for name, node in functions:
        arguments = [*node.args.posonlyargs, *node.args.args, node.args.vararg, *node.args.kwonlyargs, node.args.kwarg]
        asked = {argument.arg for argument in arguments if argument is not None}
        returned = ast.unparse(node.returns) if node.returns else ""
        check_sections(name, ast.get_docstring(node) or "", asked, returned)


def test_every_public_name_has_an_example() -> None:
    texts = [*methods(), *((name, ast.get_docstring(node) or "") for name, node in faces())]
    assert len(texts) > 40
    assert [name for name, text in texts if ">>> " not in text] == []


@pytest.mark.parametrize("name", NAMES[1:])
def test_lines_are_short(name: str) -> None:
    """All but table rows, which cannot be broken."""
    lines = text_of(name).splitlines()
    assert not [n for n, line in enumerate(lines, 1) if len(line) > 120 and not line.startswith("|")]


WRITTEN = ["README.md", "docs/support.md", "docs/errors_and_limits.md", "docs/command_line.md"]


@pytest.mark.parametrize("name", [*WRITTEN, "packaging/dicomdecode.1"])
def test_tables(name: str) -> None:
    """As `python docs/tables.py` writes them."""
    tables = load("docs/tables.py")
    assert list(tables.TABLES) == WRITTEN
    assert tables.updated(name) == text_of(name), "run: make tables"


def test_support_table_is_complete() -> None:
    page = text_of("docs/support.md")
    assert all(f"| {uid} |" in page for uid in SYNTAXES)
    table = load("docs/tables.py")
    assert {row.codec for row in SYNTAXES.values()} <= set(table.CODECS), "say in docs/tables.py what it decodes by"


def test_two_commands() -> None:
    """Each is one line to paste."""
    commands = re.findall(r"^    (python3 -m venv .*)$", text_of("README.md"), re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("dicomdecode demo") and "pytest" in commands[1]


def test_commands_that_pages_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Every option of an indented or quoted `dicomdecode ...` line is one that the command has."""
    commands = {"info", "show", "tags", "check", "bench", "convert", "completion", "demo"}
    seen = set()
    for name in NAMES:
        for command, rest in re.findall(
            r"\bdicomdecode (info|show|tags|check|bench|convert|completion|demo)\b([^`\n;]*)", text_of(name)
        ):
            with pytest.raises(SystemExit):
                main([command, "--help"])
            told = capsys.readouterr().out
            for option in re.findall(r"(?<![\w-])--?[a-z-]+", rest.split("  ")[0]):
                assert option in told, f"{name}: dicomdecode {command} has no {option}"
            seen.add(command)
    assert seen == commands


def test_code_map() -> None:
    """The architecture page names every module and no other."""
    page = text_of("docs/architecture.md").split("## Code map")[1].split("## Invariants")[0]
    named = set(re.findall(r"[\w/]+\.(?:pyx|pxd|pxi|py|h)\b", page))
    package = Path(dicomdecode.__file__).parent
    folders = [ROOT / "dicomdecode", package]
    for name in named:
        assert any((folder / name).exists() for folder in [*folders, ROOT]), f"{name} is not there"
    alike = {path for pattern in re.findall(r"`(\w+/\*\.py)`", page) for path in package.glob(pattern)}
    modules = {str(p.relative_to(package)) for p in set(package.rglob("*.py")) - alike} - {"__main__.py"}
    modules = {name for name in modules if not name.endswith("/__init__.py")}
    core = ROOT / "dicomdecode"
    modules |= {str(p.relative_to(core)) for kind in ("pyx", "pxi") for p in core.rglob(f"*.{kind}")}
    assert modules <= named, f"not in the code map: {sorted(modules - named)}"


def test_rules_stand_where_the_page_says() -> None:
    """Each function of the table of rules is defined there, and nowhere else outside tfio_compat."""
    page = text_of("docs/architecture.md").split("## Where each rule stands")[1].split("\n## ")[0]
    rows = re.findall(r"^\|[^|`]*\| `(\w+)` \| `([\w/.]+)`", page, re.MULTILINE)
    assert len(rows) == page.count("\n|") - 2
    sources = [p for kind in ("py", "pyx", "pxi", "pxd") for p in (ROOT / "dicomdecode").rglob(f"*.{kind}")]
    texts = {str(p.relative_to(ROOT / "dicomdecode")): p.read_text(encoding="utf-8") for p in sources}
    for rule, place in rows:
        body = re.compile(rf"^(?:cdef|def) [^()\n]*\b{rule}\((?:[^:\n]|\n )*:$|^{rule} = ", re.MULTILINE)
        found = [name for name, text in texts.items() if body.search(text) and not name.startswith("tfio_compat/")]
        assert found == [place], rule


@pytest.mark.parametrize("name", NAMES)
def test_no_page_has_a_path_of_one_machine(name: str) -> None:
    assert not re.search(r"(?<![\w.])/(work|tmp|root|home|Users)/", text_of(name))


def test_error_codes() -> None:
    """Each code in the table is raised somewhere, with the classes that the table says, and no other is."""
    raised = raised_codes.everywhere()
    assert set(raised) == set(ERROR_CODES)
    assert raised == {code: set(row.errors) for code, row in ERROR_CODES.items()}
    assert all(hasattr(dicomdecode, error) for row in ERROR_CODES.values() for error in row.errors)


def test_codes_read_alike() -> None:
    page = text_of("docs/errors_and_limits.md")
    meanings = {code: row.meaning for code, row in ERROR_CODES.items()}
    for code, meaning in [*meanings.items(), *ISSUE_CODES.items()]:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", code)
        assert meaning.endswith(".") and "|" not in meaning and f"| `{code}` | {meaning} |" in page
    assert len(set(meanings.values())) == len(meanings), "one kind, one name"
    limits = {f"limit_{field.name}" for field in dataclasses.fields(dicomdecode.Limits)}
    assert limits == {code for code in ERROR_CODES if code.startswith("limit_")}


def test_every_limit_and_option_is_said() -> None:
    page = text_of("docs/errors_and_limits.md")
    for field in dataclasses.fields(dicomdecode.Limits):
        assert f"\n| `{field.name}` | " in page and re.search(
            rf"^{field.name} :", inspect.getdoc(dicomdecode.Limits) or "", re.M
        )
    assert not re.search(r"` \| +\|$", text_of("docs/command_line.md"), re.MULTILINE)


def test_issue_codes() -> None:
    """Each code in the table is made somewhere in the sources, and no other is."""
    sources = [ROOT / "dicomdecode/issues.py", *(ROOT / "dicomdecode/volumes").glob("*.py")]
    made = {code for path in sources for code in raised_codes.of_calls(path.read_text(encoding="utf-8"), "Issue", 1)}
    assert made - set(ERROR_CODES) == set(ISSUE_CODES) - set(ERROR_CODES)


def test_codes_that_no_table_has() -> None:
    with pytest.raises(ValueError, match="'no_such_code'") as caught:
        dicomdecode.MalformedError("text", code="no_such_code")
    assert not isinstance(caught.value, dicomdecode.DicomError)  # which `on_error` would swallow
    with pytest.raises(ValueError, match="'no_such_code'"):
        Issue("text", "no_such_code")
    with pytest.raises(TypeError):
        dicomdecode.MalformedError("text")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "source",
    [
        'raise MalformedError("text", code=chosen)',
        "def f(code):\n    raise LimitError(text, code=code)",
        'raise malformed("text", chosen, spec)',
    ],
)
def test_no_code_hides_in_a_variable(source: str) -> None:
    """What reads the sources says so where it cannot."""
    with pytest.raises(ValueError, match="cannot be told"):
        raised_codes.in_python(source)
    assert raised_codes.in_python('code = "a" if b else "c"\nraise XError("", code=code)') == {
        ("XError", "a"),
        ("XError", "c"),
    }


def test_limits() -> None:
    """The defaults as the page states them."""
    rows = re.findall(r"^\| `(\w+)` \| (2\^)?(\d+)", text_of("docs/errors_and_limits.md"), re.MULTILINE)
    told = {name: 1 << int(number) if power else int(number) for name, power, number in rows}
    assert told == dataclasses.asdict(dicomdecode.Limits())
