"""Sphinx: `make site` builds these pages into build/site. Warnings are errors.

What is not text is made while the pages are built, into docs/_made, which git does not know: pictures
(`docs/pictures.py`), and the changes that no release has yet. Pages that are notebooks run while they are built, each
in a folder of its own, and so do the examples of the two tutorials that are none; one that fails stops the build.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import dicomdecode

DOCS = Path(__file__).resolve().parent
MADE = DOCS / "_made"
with open(DOCS.parent / "pyproject.toml", "rb") as _file:
    #: Of the repository: what the wheel says, too.
    SOURCES = tomllib.load(_file)["project"]["urls"]["Homepage"] + "/"

project = "dicomdecode"
author = "the dicomdecode contributors"
copyright = "the dicomdecode contributors, Apache-2.0"
version = release = dicomdecode.__version__

extensions = [
    *(
        "myst_nb",
        "sphinx.ext.autodoc",
        "sphinx.ext.intersphinx",
        "sphinx.ext.viewcode",
        "numpydoc",
        "sphinx_copybutton",
    ),
]
exclude_patterns = ["_made", "changes/unreleased"]

nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 300
nb_execution_in_temp = True
nb_merge_streams = True
# Where MONAI is not installed its page has no results; .ci/run has it wherever there is a PyTorch.
nb_execution_excludepatterns = [] if importlib.util.find_spec("monai") else ["tutorial_monai.md"]
#: What a change that is not released is: the last part of its file's name -> the heading above it.
KINDS = {"new": "New", "changed": "Changed", "fixed": "Fixed", "faster": "Faster"}
#: Tutorials as prose with examples -> what they need.
TUTORIALS = {"tutorial_tensorflow.md": "tensorflow", "tutorial_pytorch.md": "torch"}
# Notebooks import phantom.py, which lies beside them.
os.environ["PYTHONPATH"] = os.pathsep.join([os.environ.get("PYTHONPATH", ""), str(DOCS)]).strip(os.pathsep)

html_theme = "furo"
html_title = "dicomdecode"
html_static_path = ["_static"]
html_css_files = ["site.css"]
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Pages are read on the host of the repository too: links and anchors are what its Markdown has.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

# The docstrings of functions say it, in words; properties show theirs.
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
default_role = "py:obj"
# An example ends with an empty line, which doctest wants and nobody needs to see.
highlight_options = {name: {"stripnl": True} for name in ("python", "pycon")}
autodoc_member_order = "groupwise"
autodoc_mock_imports = ["monai", "torchio", "torch", "imageio", "xarray", "numcodecs"]
numpydoc_show_class_members = False

# Sphinx calls a library's index that cannot be fetched a warning: it is asked for only where there is a network.
if os.environ.get("DICOMDECODE_DOCS_ONLINE"):
    intersphinx_mapping = {
        "python": ("https://docs.python.org/3", None),
        "numpy": ("https://numpy.org/doc/stable", None),
        "pydicom": ("https://pydicom.github.io/pydicom/stable", None),
        "matplotlib": ("https://matplotlib.org/stable", None),
    }


def _of_the_repository(_app: Any, page: str, text: list[str]) -> None:
    """Links that lead out of this folder lead to the repository."""
    folder = "docs/" + (page.rpartition("/")[0] + "/" if "/" in page else "")

    def link(match: re.Match[str]) -> str:
        path = os.path.normpath(folder + match[1])
        outside = not path.startswith("docs/") or path.startswith("docs/changes/unreleased")
        return f"]({SOURCES}{path})" if outside else match[0]

    text[0] = re.sub(r"\]\(((?:\.\./|changes/unreleased)[^)\s]*)\)", link, text[0])


def _stars(_app: Any, _what: str, _name: str, _found: Any, _options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: a star in them is a star, as in "*.dcm", and marks nothing."""
    is_example = False
    for i, line in enumerate(lines):
        is_example = line.lstrip().startswith(">>> ") or (is_example and bool(line.strip()))
        if not is_example:
            parts = re.split(r"(``.*?``|`.*?`)", line)
            lines[i] = "".join(part if part.startswith("`") else part.replace("*", r"\*") for part in parts)


def _make(_app: Any) -> None:
    MADE.mkdir(exist_ok=True)
    spec = importlib.util.spec_from_file_location("pictures", DOCS / "pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make_all(MADE)
    parts = []
    for kind, heading in KINDS.items():
        found = sorted((DOCS / "changes" / "unreleased").glob(f"*.{kind}.md"))
        texts = [path.read_text(encoding="utf-8").strip().replace("\n", "\n  ") for path in found]
        parts += [f"### {heading}\n", *(f"- {text}" for text in texts), ""] if texts else []
    (MADE / "unreleased.txt").write_text("\n".join(parts).replace("](../../", "]("), encoding="utf-8")


def _run_tutorials(_app: Any) -> None:
    """Those that are no notebooks, by doctest: what they print must be what stands on the page."""
    code = (
        "import doctest, sys\n"
        "flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE\n"
        "sys.exit(doctest.testfile(sys.argv[1], module_relative=False, optionflags=flags).failed)"
    )
    for page, needed in TUTORIALS.items():
        if importlib.util.find_spec(needed) is None:
            print(f"{page}: not run, {needed} is not installed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            if page == "tutorial_tensorflow.md":
                subprocess.run([sys.executable, DOCS / "chest_xray.py", "chest.dcm"], cwd=folder, check=True)
            command = [sys.executable, "-W", "ignore", "-c", code, DOCS / page]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{page}: an example does not give what it says\n{done.stdout}{done.stderr[-2000:]}")


def _lies_in(_app: Any, module: str, name: str) -> str | None:
    """For links to the source: the module that defines a name of the package, which imports it when it is asked for."""
    if module != "dicomdecode":
        return None
    top = name.partition(".")[0]
    found = getattr(dicomdecode, top)
    for place in sorted(name for name in sys.modules if name.startswith("dicomdecode.")):
        if getattr(sys.modules[place], top, None) is found:
            source = inspect.getsource(sys.modules[place])
            if re.search(rf"^(class|def) {top}\b", source, re.MULTILINE):
                return place
    return None


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("viewcode-follow-imported", _lies_in)
    app.connect("builder-inited", _run_tutorials)
    app.connect("builder-inited", _make)
    app.connect("source-read", _of_the_repository)
    app.connect("autodoc-process-docstring", _stars, priority=400)  # before numpydoc, which adds stars that mark
