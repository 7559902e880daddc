"""The TensorFlow ops in processes of their own: saved models, huge strings, the end of a process, the pages."""

from __future__ import annotations

import importlib.util
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from tests import synthesise as s
from tests.kit import IS_THERE, KIT
from tests.reference_images import shipped
from tests.tfop.with_tensorflow import python

pytestmark = pytest.mark.slow
CT = "CT_small.dcm"

SAVE = """
import tensorflow as tf, dicomdecode.tensorflow as dtf
class Model(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def image(self, contents):
        options = dict(values="modality", on_error="strict", color_dim=True, frame_dim=True)
        return dtf.decode_dicom_image(contents, dtype=tf.float32, **options)
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def name(self, contents):
        return dtf.decode_dicom_data(contents, ["PatientName"])
tf.saved_model.save(Model(), sys.argv[1])
"""
LOAD = """
import numpy as np, tensorflow as tf, dicomdecode as dd, dicomdecode.tensorflow
model = tf.saved_model.load(sys.argv[1])
contents = open(sys.argv[2], "rb").read()
image = model.image(tf.constant(contents)).numpy()
expected = dd.decode_dicom_image(contents, dtype=np.float32, values="modality", color_dim=True, frame_dim=True)
assert image.tobytes() == expected.tobytes() and image.shape == expected.shape == (1, 128, 128, 1)
print(model.name(tf.constant(contents)).numpy()[0].decode())
"""


def test_saved_model_in_a_fresh_process(tmp_path: Path) -> None:
    saved = python(SAVE, str(tmp_path / "model"))
    assert saved.returncode == 0, saved.stderr[-2000:]
    path = next(path for path in shipped() if path.name == CT)
    loaded = python(LOAD, str(tmp_path / "model"), str(path))
    assert loaded.returncode == 0, loaded.stderr[-2000:]
    assert loaded.stdout.strip() == "CompressedSamples^CT1"


FALLBACK = """
import warnings, numpy as np, tensorflow as tf
def refuse(path):
    raise tf.errors.NotFoundError(None, None, "no such library")
tf.load_op_library = refuse
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import dicomdecode as dd, dicomdecode.tensorflow as dtf
ours = [str(w.message) for w in caught if "dicomdecode" in str(w.message)]
assert len(ours) == 1 and "no such library" in ours[0], ours
assert not dtf.is_native()
contents = open(sys.argv[1], "rb").read()
expected = dd.decode_dicom_image(contents, dtype=np.int16)
assert dtf.decode_dicom_image(contents, dtype=tf.int16).numpy().tobytes() == expected.tobytes()
files = tf.data.Dataset.from_tensors(contents).repeat(3).map(lambda x: dtf.decode_dicom_image(x, dtype=tf.int16))
assert all(x.numpy().tobytes() == expected.tobytes() for x in files)
"""


def test_fallback_says_so_once() -> None:
    done = python(FALLBACK, str(next(path for path in shipped() if path.name == CT)))
    assert done.returncode == 0, done.stderr[-2000:]


SKIPPED = """
import os
import tensorflow as tf, dicomdecode.tensorflow as dtf
assert dtf.is_native()
sys.stderr.flush()
read, write = os.pipe()
os.dup2(write, 2)  # TensorFlow has printed what it prints when it is loaded
assert dtf.decode_dicom_image(tf.constant(b"garbage" * 50)).shape == (0,)
assert tf.function(dtf.decode_dicom_image)(tf.constant(b"garbage" * 50)).shape == (0,)
assert dtf.decode_dicom_data(tf.constant(b"garbage" * 50), [0x00280010]).numpy().tolist() == [b""]
sys.stderr.flush()
os.set_blocking(read, False)
try:
    printed = os.read(read, 1 << 16).decode()
except BlockingIOError:
    printed = ""
assert "skipped" not in printed and "DICOM" not in printed, printed
"""


def test_what_is_skipped_is_not_printed() -> None:
    done = python(SKIPPED)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


LARGE = """
import tensorflow as tf, dicomdecode.tensorflow as dtf
contents = tf.io.read_file(sys.argv[1])
assert tf.strings.length(contents) > 1_070_000_000
assert dtf.decode_dicom_data(contents, [0x00280010]).numpy().tolist() == [b"65535"]
image = dtf.decode_dicom_image(contents, dtype=tf.uint8, on_error="strict")
assert image.shape == (65535, 16384) and image[-1, -1].numpy() == 7 and tf.reduce_sum(image[:, :1024]).numpy() == 0
"""


def test_a_string_of_a_gigabyte(tmp_path: Path) -> None:
    """Pixels and tags of a 1.07 GB file, which is sparse on disk."""
    memory = Path("/proc/meminfo")
    if not memory.exists() or int(memory.read_text().split("MemAvailable:")[1].split()[0]) < 4_000_000:
        pytest.skip("platform: less than 4 GB of free memory, or of unknown size")
    small = s.image(np.zeros((1, 1), np.uint8), trailing=b"")
    head = small[: small.rindex(struct.pack("<HH", 0x7FE0, 0x0010))]
    for tag, size in ((0x00280010, 65535), (0x00280011, 16384)):
        element = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"US", 2)
        at = head.index(element) + len(element)
        head = head[:at] + struct.pack("<H", size) + head[at + 2 :]
    count = 65535 * 16384
    head += struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, count)
    path = tmp_path / "large.dcm"
    with path.open("wb") as file:
        file.write(head)
        file.seek(count - 1, os.SEEK_CUR)
        file.write(b"\7")
    done = python(LARGE, str(path))
    path.unlink()
    assert done.returncode == 0, done.stderr[-2000:]


EXIT = """
import tensorflow as tf, dicomdecode.tensorflow as dtf
contents = open(sys.argv[1], "rb").read()
files = tf.data.Dataset.from_tensors(contents).repeat()
it = iter(files.map(lambda x: dtf.decode_dicom_image(x), num_parallel_calls=4).prefetch(64))
print(next(it).shape)
"""


@pytest.mark.parametrize("name", ["SC_rgb_jpeg_dcmtk.dcm", CT])
def test_exit_with_a_pipeline_in_flight(name: str) -> None:
    """Threads of TensorFlow that would enter Python while it ends must not hold the process, nor crash it.

    A process that is held runs into the timeout. benchmarks/tensorflow_ratios.py does this 20 times.
    """
    for _ in range(3):
        done = python(EXIT, str(next(path for path in shipped() if path.name == name)), timeout=60)
        assert done.returncode == 0, done.stderr[-2000:]


PAGE = """
import doctest, re
script = sys.argv[2]
examples = []
with open(sys.argv[1], encoding="utf-8") as page, open(script, "w") as lines:
    blocks = re.findall(r"^```pycon\\n(.*?)^```", page.read(), re.DOTALL | re.MULTILINE)
    for example in doctest.DocTestParser().get_examples("\\n".join(blocks)):
        examples.append((example, lines.tell()))
        lines.write(example.source)
# AutoGraph looks for the source of functions: they are run from the lines of a file.
text, shown = open(script).read(), []
sys.displayhook = lambda value: shown.append(repr(value) + "\\n") if value is not None else None
names = {"__name__": "__main__", "print": lambda *values: shown.append(" ".join(map(str, values)) + "\\n")}
for example, start in examples:
    shown.clear()
    exec(compile("\\n" * text[:start].count("\\n") + example.source, script, "single"), names)
    assert "".join(shown) == example.want, (example.source, example.want, shown)
assert len(examples) > 1
"""


@pytest.mark.parametrize("page", ["tutorial_tensorflow.md", "moving_from_tensorflow_io.md"])
def test_pages(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples of a page, in an empty folder and a process of its own; the X-ray is the kit's, or made up."""
    docs = Path(__file__).parents[2] / "docs"
    spec = importlib.util.spec_from_file_location("chest_xray", docs / "chest_xray.py")
    assert spec is not None and spec.loader is not None
    chest_xray = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chest_xray)
    if IS_THERE:
        monkeypatch.setenv("DICOMDECODE_CONFORMANCE", str(KIT))
    for contents in {chest_xray.find(network=False)[0], chest_xray.made_up()}:
        folder = tmp_path / str(len(contents))
        folder.mkdir()
        monkeypatch.chdir(folder)
        Path("chest.dcm").write_bytes(contents)
        done = python(PAGE, str(docs / page), str(folder / "page.py"))
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
