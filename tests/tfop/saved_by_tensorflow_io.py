"""Shows that a SavedModel which tensorflow-io 0.37.1 wrote loads and runs without it, and gives the same.

    python tests/tfop/saved_by_tensorflow_io.py --python python3.11
    python tests/tfop/saved_by_tensorflow_io.py --environment FOLDER     one that is there already

It makes an environment of its own (TensorFlow 2.16, tensorflow-io 0.37.1, NumPy 1.26; Python 3.11 at most), writes a
model there and runs it over pydicom's files; then it loads the model here, in this TensorFlow. No part of the test run:
it downloads 250 MB.
"""

from __future__ import annotations

import argparse
import logging
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ["tensorflow-cpu==2.16.2", "tensorflow-io==0.37.1", "numpy<2"]

MODEL = """
import pickle, sys
import tensorflow as tf, tensorflow_io as tfio

def of_image(**options):
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def image(contents):
        return tfio.image.decode_dicom_image(contents, **options)
    return image

def of_data(tags):
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def data(contents):
        return tfio.image.decode_dicom_data(contents, tags)
    return data

tags = tfio.image.dicom_tags
model = tf.Module()
model.skip = of_image()
model.lossy = of_image(dtype=tf.uint8, on_error="lossy", scale="auto")
model.strict = of_image(dtype=tf.float32, on_error="strict", scale="auto", color_dim=True)
model.numbers = of_data(tf.constant([int(tags.PatientsName), int(tags.Modality), int(tags.PixelSpacing)], tf.uint32))
model.paths = of_data(tf.constant(["0x0008,0x0060", "[0x0028,0x0010]"]))
folder = sys.argv[1]
tf.saved_model.save(model, folder + "/model")
with open(folder + "/files.pickle", "rb") as file:
    paths = pickle.load(file)
"""
RUN = """
def run(model, paths):
    results = {}
    for path in paths:
        contents = tf.constant(open(path, "rb").read())
        for name in ("skip", "lossy", "strict", "numbers", "paths"):
            try:
                found = getattr(model, name)(contents).numpy()
                given = found.tolist() if found.dtype == object else found.tobytes()
                results[path, name] = (found.shape, str(found.dtype), given)
            except tf.errors.InvalidArgumentError:
                results[path, name] = "InvalidArgumentError"
    return results
"""
WRITE = """
with open(folder + "/results.pickle", "wb") as file:
    pickle.dump((tf.__version__, run(model, paths)), file)
"""


def files() -> list[str]:
    """pydicom's own, without those for which the original's answer is chance."""
    import dicomdecode as dd
    from tests.reference_images import shipped

    found = []
    for path in shipped():
        if path.stat().st_size > 2_000_000:
            continue
        try:
            dd.decode_dicom_image(path, dtype="uint64", on_error="strict", values="tfio")
        except dd.DicomError as error:
            if error.code in ("tfio_undefined", "pixels_cut", "frame_cut"):
                continue
        found.append(str(path))
    return found


def environment(folder: Path, python: str) -> Path:
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    subprocess.run([folder / "bin" / "pip", "install", "-q", *PACKAGES], check=True)
    return folder


def compare(folder: Path) -> int:
    """The number of results that differ."""
    import tensorflow as tf

    from dicomdecode import tfio

    version, expected = pickle.loads((folder / "results.pickle").read_bytes())
    try:
        tf.saved_model.load(str(folder / "model"))
    except Exception as error:
        assert "IO>DecodeDICOM" in str(error), error
    else:
        raise AssertionError("the model loads without the ops: then it proves nothing")
    tfio.register_saved_model_ops()
    names: dict[str, Any] = {"tf": tf}
    exec(RUN, names)
    found = names["run"](tf.saved_model.load(str(folder / "model")), sorted({path for path, _ in expected}))
    assert "tensorflow_io" not in sys.modules
    wrong = [key for key in expected if found[key] != expected[key]]
    for path, name in wrong:
        print(f"differs: {Path(path).name} {name}: {found[path, name][:2]}, expected {expected[path, name][:2]}")
    images = sum(
        isinstance(result, tuple) and result[1] != "object" and result[0] != (0,) for result in expected.values()
    )
    print(f"written with TensorFlow {version} and tensorflow-io 0.37.1, run with TensorFlow {tf.__version__} and ours:")
    print(f"{len(expected) - len(wrong)} of {len(expected)} results are equal, {images} of them images")
    return len(wrong)


def main() -> int:
    parser = argparse.ArgumentParser(description="A SavedModel of tensorflow-io, run without it.")
    parser.add_argument("--python", default="python3.11", help="makes the environment of tensorflow-io")
    parser.add_argument("--environment", type=Path, help="of tensorflow-io, when it is there already")
    arguments = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "files.pickle").write_bytes(pickle.dumps(files()))
        there = arguments.environment or environment(Path(folder) / "environment", arguments.python)
        python = there / "bin" / "python"
        subprocess.run([python, "-c", MODEL + RUN + WRITE, folder], check=True, stderr=subprocess.DEVNULL)
        return int(compare(Path(folder)) > 0)


if __name__ == "__main__":
    sys.path.append(str(ROOT))  # last: what is installed is run, not the sources beside this file
    sys.exit(main())
