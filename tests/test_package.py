"""What importing costs, what the package holds, and that it says nothing."""

import importlib.machinery
import importlib.metadata
import pickle
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.reference_images import FOLDER

ROOT = Path(__file__).resolve().parent.parent
LATER = [
    "pydicom",
    "imagecodecs",
    "glymur",
    "PIL",
    "tensorflow",
    "torch",
    "zlib_ng",
    "lxml",
    "importlib.metadata",
    "logging",
    "concurrent.futures",
]
NAMES = [
    "DicomError", "DicomImage", "LimitError", "Limits", "MalformedError", "TruncatedError", "UnsupportedError",
    "decode_dicom_data", "decode_dicom_image", "dicom_tags", "imread", "open", "set_default_limits",
]  # fmt: skip


def python(code: str, *options: str) -> subprocess.CompletedProcess[str]:
    folder = str(Path(dd.__file__).parent.parent)
    command = [sys.executable, *options, "-c", f"import sys; sys.path.insert(0, {folder!r})\n{code}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_public_names() -> None:
    assert set(NAMES) <= set(dd.__all__)
    assert all(hasattr(dd, name) for name in dd.__all__)


def test_import_is_light_and_silent() -> None:
    """Heavy libraries are loaded when first needed; nothing is loaded that NumPy does not load, nothing is written."""
    code = "import numpy; before = set(sys.modules); import dicomdecode; print(*(set(sys.modules) - before))"
    done = python(code, "-W", "error")
    assert done.returncode == 0 and done.stderr == ""
    loaded = set(done.stdout.split())
    assert not {name for name in loaded for later in LATER if name == later or name.startswith(later + ".")}


def test_a_plain_decode_is_light_and_silent() -> None:
    """A native explicit file needs no pydicom, nor a look-up by number."""
    contents = s.image(np.zeros((2, 2), np.uint16))
    code = (
        "import dicomdecode as dd\n"
        f"c = {contents!r}\n"
        "assert dd.imread(c).shape == (2, 2)\n"
        "assert dd.decode_dicom_image(c, on_error='strict').shape == (2, 2)\n"
        "assert dd.decode_dicom_data(c, [0x00280010])[0] == '2'\n"
        "print(*[m for m in ('pydicom', 'imagecodecs', 'glymur', 'PIL', 'tensorflow') if m in sys.modules])"
    )
    done = python(code, "-W", "error")
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


SKIPPED = """
import dicomdecode as dd
assert "logging" not in sys.modules
assert dd.decode_dicom_image(b"garbage" * 50).shape == (0,)         # no DICOM file
assert dd.decode_dicom_image(CONTENTS, dtype="int8").shape == (0,)  # its range does not fit
assert dd.decode_dicom_data(b"garbage" * 50, [0x00280010])[0] == ""
"""


def test_what_is_skipped_is_not_printed() -> None:
    """Where nobody configured `logging`, it prints warnings on stderr: not ours."""
    code = SKIPPED.replace("CONTENTS", repr(s.image(np.zeros((2, 2), np.uint16))))
    done = python(code, "-W", "error")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    # The caller who asks for it gets each reason once.
    done = python(
        code.replace("import dicomdecode", "import logging; logging.basicConfig(); import dicomdecode", 1).replace(
            'assert "logging" not in sys.modules', ""
        )
    )
    assert done.returncode == 0
    assert [line.split(" skipped")[0] for line in done.stderr.splitlines()] == [
        "WARNING:dicomdecode:image", "WARNING:dicomdecode:image", "WARNING:dicomdecode:file"
    ]  # fmt: skip


@pytest.mark.parametrize("missing", ["imagecodecs", "glymur", "PIL", "tensorflow"])
def test_an_optional_library_may_be_missing(missing: str) -> None:
    """What needs no outside codec works without it."""
    path = str(FOLDER / "test_files" / "MR_small_RLE.dcm")
    code = f"sys.modules[{missing!r}] = None\nimport dicomdecode as dd\nprint(dd.imread({path!r}).shape)"
    done = python(code)
    assert (done.stdout.strip(), done.stderr) == ("(64, 64)", "")


def test_files_of_the_package() -> None:
    """Type checkers find what they need beside the extension modules."""
    folder = Path(dd.__file__).parent
    assert (folder / "py.typed").exists()
    for extension in importlib.machinery.EXTENSION_SUFFIXES[:1]:
        assert {p.name.split(".")[0] for p in folder.rglob("*" + extension)} >= {"_reading", "_plans", "_core"}
    assert (folder / "reading" / "_reading.pyi").exists()


def test_version() -> None:
    """As pyproject.toml has it, and what is installed, if anything is."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        assert tomllib.load(file)["project"]["version"] == dd.__version__
    installed = [found.version for found in importlib.metadata.distributions(name="dicomdecode")]
    assert set(installed) <= {dd.__version__}


def test_public_names_say_where_they_are_public() -> None:
    for name in dd.__all__:
        thing = getattr(dd, name)
        if name != "dicom_tags":  # an object; its attributes are what is used
            assert (thing.__module__, thing.__qualname__) == ("dicomdecode", name)
            assert pickle.loads(pickle.dumps(thing)) is thing
