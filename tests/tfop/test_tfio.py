"""The drop-in for tensorflow-io: signatures, shapes, op names. The values are tested in test_tfio_values."""

from __future__ import annotations

import inspect
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.reference_images import read, shipped
from tests.tfop.with_tensorflow import native, tf, tfio

pytestmark = pytest.mark.usefixtures("quiet")

ROOT = Path(dd.__file__).parent.parent
CT, MR, COLOR = "CT_small.dcm", "MR_small.dcm", "SC_rgb_jpeg_dcmtk.dcm"


def test_signatures() -> None:
    """As documented by tensorflow-io."""
    image = inspect.signature(tfio.image.decode_dicom_image)
    assert list(image.parameters) == ["contents", "color_dim", "on_error", "scale", "dtype", "name"]
    defaults = {name: p.default for name, p in image.parameters.items() if name != "contents"}
    assert defaults == {
        "color_dim": False,
        "on_error": "skip",
        "scale": "preserve",
        "dtype": tf.uint16,
        "name": None,
    }
    assert list(inspect.signature(tfio.image.decode_dicom_data).parameters) == ["contents", "tags", "name"]
    assert tfio.image.dicom_tags.PatientsName == 0x00100010


@pytest.mark.parametrize(("name", "shape"), [(CT, (1, 128, 128, 1)), (MR, (1, 64, 64, 1)), (COLOR, (1, 100, 100, 3))])
@pytest.mark.parametrize("color_dim", [False, True])
def test_shapes(name: str, shape: tuple[int, ...], color_dim: bool) -> None:
    contents = tf.constant(read(name))
    options = {"color_dim": color_dim, "on_error": "lossy", "scale": "auto", "dtype": tf.float32}
    image = tfio.image.decode_dicom_image(contents, **options)
    assert image.shape == shape and image.dtype == tf.float32


@pytest.mark.parametrize("on_error", ["strict", "skip", "lossy"])
def test_what_can_not_be_read(on_error: str) -> None:
    for contents in (b"", b"no DICOM", read(CT)[:3000]):
        if on_error == "strict":
            with pytest.raises(tf.errors.InvalidArgumentError):
                tfio.image.decode_dicom_image(contents, on_error=on_error)
        else:
            assert tfio.image.decode_dicom_image(contents, on_error=on_error).shape == (0,)


def test_shipped_files() -> None:
    for path in shipped():
        contents = path.read_bytes()
        if len(contents) > 1_000_000:
            continue
        for dtype, scale, on_error in ((tf.uint16, "preserve", "skip"), (tf.uint8, "auto", "lossy")):
            expected = dd.decode_dicom_image(
                contents, dtype=dtype.as_numpy_dtype, scale=scale, on_error=on_error, values="tfio"
            )
            found = tfio.image.decode_dicom_image(contents, dtype=dtype, scale=scale, on_error=on_error).numpy()
            assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
            assert found.tobytes() == expected.tobytes()


def test_data() -> None:
    tags = tfio.image.dicom_tags
    contents = tf.constant(read(CT))
    assert tfio.image.decode_dicom_data(contents, tags=tags.PatientsName).numpy() == b"CompressedSamples^CT1"
    found = tfio.image.decode_dicom_data(contents, tags=[[tags.Modality, tags.Rows], [tags.PatientID, 0x00990099]])
    assert found.numpy().tolist() == [[b"CT", b"128"], [b"1CT1", b""]]
    assert tfio.image.decode_dicom_data(contents, ["0x0010,0x0010", "[16,32]"]).numpy().tolist() == [
        b"CompressedSamples^CT1",
        b"1CT1",
    ]
    for wrong in ("PatientName", "[0x0008,0x1140][0][0x0008,0x1155]", "[0x0008,0x1140][0]"):
        with pytest.raises(tf.errors.InvalidArgumentError):
            tfio.image.decode_dicom_data(contents, [wrong])


def test_a_sequence_by_its_path() -> None:
    items: list[s.Element] = [(0x00081140, "SQ", [[(0x00081155, "UI", "1.2")], [(0x00081155, "UI", "3.4")]])]
    paths = ["[0x0008,0x1140][0][0x0008,0x1155]", "[0x0008,0x1140][1][0x0008,0x1155]"]
    assert tfio.image.decode_dicom_data(s.dataset(items), [paths[1]]).numpy().tolist() == [b"3.4"]
    assert tfio.image.decode_dicom_data(s.dataset(items), paths).numpy().tolist() == [b"1.2", b"3.4"]


def test_concurrency() -> None:
    """Eight at a time, 200 times each, pixels and tags."""
    names = [CT, MR, COLOR, "MR_small_RLE.dcm"]
    files = tf.data.Dataset.from_tensor_slices([read(name) for name in names]).repeat(200)

    def both(contents: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        image = tfio.image.decode_dicom_image(contents, on_error="lossy")
        return image, tfio.image.decode_dicom_data(contents, [tfio.image.dicom_tags.PatientsName])

    expected = [dd.decode_dicom_image(read(name), on_error="lossy", values="tfio").tobytes() for name in names]
    count = 0
    for i, (image, _) in enumerate(files.map(both, num_parallel_calls=8)):
        assert image.numpy().tobytes() == expected[i % len(names)]
        count += 1
    assert count == 200 * len(names)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda name: both(tf.constant(read(name)))[0].numpy().tobytes(), names * 20))
    assert found == expected * 20


ORIGINAL = """
import sys; sys.path.insert(0, {root!r})
import logging; logging.disable(logging.WARNING)
import numpy as np, tensorflow as tf
import dicomdecode as dd, dicomdecode.tfio as tfio
"""
SAVE = """
tfio.register_saved_model_ops()
tfio.register_saved_model_ops()
def original(kind, inputs, dtypes, **attributes):
    graph = tf.compat.v1.get_default_graph()
    attributes = {name: value.to_proto() if hasattr(value, "to_proto") else value for name, value in attributes.items()}
    return graph.create_op(kind, inputs, dtypes, attrs=attributes).outputs[0]
def attr(**value):
    return tf.compat.v1.AttrValue(**value)
class Model(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def image(self, contents):
        options = dict(color_dim=attr(b=False), on_error=attr(s=b"lossy"), scale=attr(s=b"auto"))
        uint8 = attr(type=tf.uint8.as_datatype_enum)
        return original("IO>DecodeDICOMImage", [contents], [tf.uint8], dtype=uint8, **options)
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def data(self, contents):
        tags = tf.constant([0x00100010], tf.uint32)
        uint32 = attr(type=tf.uint32.as_datatype_enum)
        return original("IO>DecodeDICOMData", [contents, tags], [tf.string], dtype=uint32)
tf.saved_model.save(Model(), sys.argv[1])
"""
LOAD = """
try:
    tf.saved_model.load(sys.argv[1])
except Exception as error:
    assert "IO>DecodeDICOM" in str(error), error
else:
    raise AssertionError("the names are there without the call")
tfio.register_saved_model_ops()
model = tf.saved_model.load(sys.argv[1])
contents = open(sys.argv[2], "rb").read()
expected = dd.decode_dicom_image(contents, dtype=np.uint8, on_error="lossy", scale="auto", values="tfio")
found = model.image(tf.constant(contents)).numpy()
assert found.shape == expected.shape and found.tobytes() == expected.tobytes()
assert model.data(tf.constant(contents)).numpy().tolist() == [b"CompressedSamples^CT1"]
"""


@pytest.mark.slow
def test_saved_model_with_the_original_names(tmp_path: Path) -> None:
    path = next(path for path in shipped() if path.name == CT)
    for code in (SAVE, LOAD):
        command = [
            sys.executable,
            "-P",
            "-c",
            ORIGINAL.format(root=str(ROOT)) + code,
            str(tmp_path / "model"),
            str(path),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.slow
def test_the_original_names_are_taken() -> None:
    """With tensorflow-io in the process: an error, not an abort. A first registration of ours stands in for it."""
    code = ORIGINAL.format(root=str(ROOT)) + (
        "from dicomdecode.tfop import native\n"
        "assert native.library.dicomdecode_register_originals() is None\n"
        "try:\n    tfio.register_saved_model_ops()\nexcept RuntimeError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0 and "tensorflow-io is loaded" in done.stdout, done.stderr[-2000:]


def test_without_native_ops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "ops", None)
    expected = dd.decode_dicom_image(read(CT), on_error="lossy", values="tfio")
    assert np.array_equal(tfio.image.decode_dicom_image(read(CT), on_error="lossy").numpy(), expected)
    name = tfio.image.decode_dicom_data(read(CT), [tfio.image.dicom_tags.PatientsName]).numpy().tolist()
    assert name == [b"CompressedSamples^CT1"]
    with pytest.raises(tf.errors.InvalidArgumentError):
        tfio.image.decode_dicom_data(read(CT), ["nonsense"])
    with pytest.raises(RuntimeError, match="native ops"):
        tfio.register_saved_model_ops()
