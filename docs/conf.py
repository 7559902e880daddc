"""Sphinx: `make site` builds these pages into build/site. Warnings are errors.

What is not text is made while the pages are built, into docs/_made, which git does not know: pictures
(`docs/pictures.py`), and the changes that no release has yet.
"""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import Any

import dicomdecode

DOCS = Path(__file__).resolve().parent
MADE = DOCS / "_made"
SOURCES = "https://github.com/dicomdecode/dicomdecode/blob/main/"

project = "dicomdecode"
author = "the dicomdecode contributors"
copyright = "the dicomdecode contributors, Apache-2.0"
version = release = dicomdecode.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx", "numpydoc", "sphinx_copybutton"]
exclude_patterns = ["_made", "changes/unreleased"]

html_theme = "furo"
html_title = "dicomdecode"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"source_repository": "https://github.com/dicomdecode/dicomdecode/", "source_branch": "main"}
pygments_style, pygments_dark_style = "friendly", "monokai"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

# Pages are read on the host of the repository too: links and anchors are what its Markdown has.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_typehints = "none"  # the docstrings say it, in words
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
    for i, line in enumerate(lines):
        if not line.lstrip().startswith((">>>", "...")):
            parts = re.split(r"(``.*?``|`.*?`)", line)
            lines[i] = "".join(part if part.startswith("`") else part.replace("*", r"\*") for part in parts)


def _make(_app: Any) -> None:
    MADE.mkdir(exist_ok=True)
    spec = importlib.util.spec_from_file_location("pictures", DOCS / "pictures.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.make_all(MADE)
    fragments = sorted((DOCS / "changes" / "unreleased").glob("*.md"))
    texts = [path.read_text(encoding="utf-8").strip() for path in fragments if path.name != "README.md"]
    items = ["- " + text.replace("\n", "\n  ").replace("](../../", "](") for text in texts]
    (MADE / "unreleased.txt").write_text("\n".join(items) + "\n", encoding="utf-8")


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", _make)
    app.connect("source-read", _of_the_repository)
    app.connect("autodoc-process-docstring", _stars, priority=400)  # before numpydoc, which adds stars that mark
