"""Several files at once: ragged tensors of images, [files, tags] of texts, pipelines from paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.reference_images import read
from tests.tfop.with_tensorflow import dtf, native, tf, tfio

pytestmark = pytest.mark.usefixtures("quiet")

CT = "CT_small.dcm"
SMALL = s.image(np.arange(12, dtype=np.uint16).reshape(2, 2, 3))
OTHER = s.image(np.arange(20, dtype=np.uint16).reshape(4, 5))
COLOUR = s.image(np.arange(12, dtype=np.uint8).reshape(2, 2, 3), photometric="RGB")
BAD = b"no DICOM"
FILES = [SMALL, BAD, OTHER, COLOUR]


@pytest.fixture(params=["native", "numpy_function"])
def each_way(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "native":
        monkeypatch.setattr(native, "ops", None)
    return str(request.param)


def assert_rows(batch: Any, files: list[bytes], samples: int | None = None, **options: Any) -> None:
    """Each row is the array of its file; of one that is skipped it is empty."""
    for i, contents in enumerate(files):
        expected = dd.decode_dicom_image(contents, color_dim=True, frame_dim=True, **options)
        if expected.ndim == 1 or samples not in (None, expected.shape[-1]):
            assert batch[i].nrows().numpy() == 0
            continue
        found = batch[i].to_tensor().numpy()
        assert found.shape == expected.shape and found.tobytes() == expected.tobytes()


def test_ragged(each_way: str) -> None:
    batch = dtf.decode_dicom_batch(FILES)
    assert isinstance(batch, tf.RaggedTensor) and batch.shape.as_list() == [4, None, None, None, None]
    assert batch.bounding_shape().numpy().tolist() == [4, 2, 4, 5, 3]
    assert_rows(batch, FILES)
    assert batch.to_tensor(7).shape == (4, 2, 4, 5, 3)
    traced = tf.function(dtf.decode_dicom_batch)(tf.constant(FILES))
    assert_rows(traced, FILES)
    assert dtf.decode_dicom_batch(tf.constant([], tf.string)).nrows().numpy() == 0


@pytest.mark.parametrize("samples", [1, 3])
def test_samples(samples: int, each_way: str) -> None:
    batch = dtf.decode_dicom_batch(FILES, samples=samples)
    assert batch.shape.as_list() == [4, None, None, None, samples]
    assert_rows(batch, FILES, samples)
    with pytest.raises(tf.errors.InvalidArgumentError, match="samples per pixel"):
        dtf.decode_dicom_batch([SMALL, COLOUR], samples=samples, on_error="strict")
    with pytest.raises(ValueError, match="samples must be"):
        dtf.decode_dicom_batch(FILES, samples=2)


def test_bfloat16(paths: list[Path], each_way: str) -> None:
    batch = dtf.decode_dicom_batch(FILES, dtype=tf.bfloat16)
    assert batch.dtype == tf.bfloat16 and batch[2].to_tensor().numpy().astype(np.float32).max() == 19
    dense = dtf.decode_dicom_batch([OTHER, OTHER], dtype=tf.bfloat16, shape=[4, 5])
    assert dense.dtype == tf.bfloat16 and dense.shape == (2, 4, 5)
    (images,) = list(dtf.dicom_dataset(paths, dtype=tf.bfloat16, batch_size=4, pad=-1))
    assert images.dtype == tf.bfloat16 and images.shape == (4, 1, 5, 6, 1)


def test_contents_that_are_a_vector(each_way: str) -> None:
    """The plain function takes them too, in every form, eagerly and in graphs."""
    options: dict[str, Any] = {"dtype": tf.float32, "values": "modality", "frames": [0], "region": (0, 0, 2, 2)}
    in_numpy = {**options, "dtype": np.float32}
    for contents in (FILES, tf.constant(FILES), np.array(FILES, object)):
        assert_rows(dtf.decode_dicom_image(contents, **options), FILES, **in_numpy)
    files = tf.data.Dataset.from_tensor_slices(FILES).batch(2)
    found = list(files.map(lambda x: dtf.decode_dicom_image(x, **options), num_parallel_calls=2))
    assert_rows(found[0], FILES[:2], **in_numpy)
    assert_rows(found[1], FILES[2:], **in_numpy)
    with pytest.raises(tf.errors.InvalidArgumentError, match="DICOM"):
        dtf.decode_dicom_image(FILES, on_error="strict", dtype=tf.int32)
    with pytest.raises(tf.errors.InvalidArgumentError, match="one string"):
        tfio.image.decode_dicom_image(FILES)  # as the original


def test_damage_behind_the_header(each_way: str) -> None:
    """An image that turns out to be damaged when the others are written is an empty row."""
    damaged = bytearray(read("MR_small_RLE.dcm"))
    end = damaged.rindex(b"\xfe\xff\xdd\xe0")
    damaged[end - 1500 : end] = b"\x80" * 1500  # no-ops
    for files in ([bytes(damaged)], [SMALL, bytes(damaged), read("MR_small_RLE.dcm"), OTHER]):
        assert_rows(dtf.decode_dicom_batch(files, dtype=tf.int32), files, dtype=np.int32)
        with pytest.raises(tf.errors.InvalidArgumentError, match="RLE segment"):
            dtf.decode_dicom_batch(files, dtype=tf.int32, on_error="strict")


def test_shape(each_way: str) -> None:
    expected = np.stack([dd.decode_dicom_image(OTHER)] * 2)
    assert np.array_equal(dtf.decode_dicom_batch([OTHER, OTHER], shape=[4, 5]), expected)
    for files in ([OTHER, SMALL], [OTHER, BAD]):
        with pytest.raises(tf.errors.InvalidArgumentError):
            dtf.decode_dicom_batch(files, shape=[4, 5])
    files = tf.data.Dataset.from_tensor_slices([OTHER, OTHER]).batch(2)
    dense = files.map(lambda x: dtf.decode_dicom_batch(x, shape=[None, None]))
    assert dense.element_spec.shape.as_list() == [None, None, None]


def test_texts(each_way: str) -> None:
    tags: list[Any] = ["PatientName", 0x00280010, "Modality"]
    rows = [[text.encode() for text in dd.decode_dicom_data(contents, tags)] for contents in (read(CT), BAD, OTHER)]
    found = dtf.decode_dicom_data([read(CT), BAD, OTHER], tags)
    assert found.shape == (3, 3) and found.numpy().tolist() == rows
    assert dtf.decode_dicom_data([[read(CT)], [OTHER]], "Rows").numpy().tolist() == [[b"128"], [b"4"]]
    assert dtf.decode_dicom_data(tf.constant([], tf.string), tags).shape == (0, 3)
    assert dtf.decode_dicom_data([BAD], tf.constant([], tf.uint32)).shape == (1, 0)
    with pytest.raises(tf.errors.InvalidArgumentError, match="not a tag"):
        dtf.decode_dicom_data([read(CT), OTHER], tf.constant(["Nonsense"]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="one string"):
        tfio.image.decode_dicom_data([read(CT), OTHER], [tfio.image.dicom_tags.Rows])

    @tf.function
    def names(contents: Any) -> Any:
        return dtf.decode_dicom_data(contents, tags)

    assert names.get_concrete_function(tf.TensorSpec([None], tf.string)).output_shapes.as_list() == [None, 3]
    assert names(tf.constant([read(CT), BAD, OTHER])).numpy().tolist() == rows


# --- a static rank ----------------------------------------------------------------------------------------------------


def test_resize_behind_the_drop_in(each_way: str) -> None:
    """The original declares four dimensions whatever the arguments, and so `tf.image.resize` takes its images."""
    files = tf.data.Dataset.from_tensor_slices([read(CT), read(CT)])
    images = files.map(
        lambda x: tf.image.resize(tfio.image.decode_dicom_image(x, dtype=tf.float32, scale="auto"), [8, 8])
    )
    assert [image.shape for image in images] == [(1, 8, 8, 1)] * 2


def test_a_skipped_file_behind_the_drop_in(each_way: str) -> None:
    """As with tensorflow-io 0.37.1: 1-D eagerly and in functions, an error where it leaves a pipeline."""
    assert tfio.image.decode_dicom_image(BAD).shape == (0,)

    @tf.function
    def decode(contents: Any) -> Any:
        return tfio.image.decode_dicom_image(contents)

    assert decode(tf.constant(BAD)).numpy().shape == (0,)
    images = tf.data.Dataset.from_tensor_slices([OTHER, BAD, OTHER]).map(decode)
    assert images.element_spec.shape.as_list() == [None] * 4
    with pytest.raises(tf.errors.InvalidArgumentError, match="Incompatible shapes"):
        list(images)
    assert len(list(images.filter(lambda image: tf.size(image) > 0))) == 2


def test_resize_in_pipelines_of_ours(each_way: str) -> None:
    """The ways that the tutorial names."""
    files = tf.data.Dataset.from_tensor_slices([OTHER, BAD, SMALL])

    def strict(contents: Any) -> Any:
        image = dtf.decode_dicom_image(contents, on_error="strict", color_dim=True, frame_dim=True)
        return tf.image.resize(image, [8, 8])

    assert [image.shape for image in files.take(1).map(strict)] == [(1, 8, 8, 1)]
    skipping = (
        files.map(lambda x: dtf.decode_dicom_image(x, color_dim=True, frame_dim=True))
        .filter(lambda image: tf.rank(image) == 4)
        .map(lambda image: tf.image.resize(tf.ensure_shape(image, [None] * 4), [8, 8]))
    )
    assert [image.shape for image in skipping] == [(1, 8, 8, 1), (2, 8, 8, 1)]


# --- pipelines from paths ---------------------------------------------------------------------------------------------


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Four images of two sizes, and a file that is none between them."""
    found = []
    for i in range(4):
        pixels = np.full((4 + i % 2, 6), i, np.uint16)
        found.append(tmp_path / f"{i}.dcm")
        found[-1].write_bytes(s.image(pixels, extra=[(0x00281052, "DS", "-10"), (0x00281053, "DS", "2")]))
    found.insert(2, tmp_path / "bad.dcm")
    found[2].write_bytes(BAD)
    return found


def test_dataset(paths: list[Path], each_way: str) -> None:
    images = dtf.dicom_dataset(paths)
    assert images.element_spec == tf.TensorSpec([None] * 4, tf.float32)
    found = [image.numpy() for image in images]
    expected = [dd.imread(path, dtype=np.float32)[None, :, :, None] for i, path in enumerate(paths) if i != 2]
    assert [image.tobytes() for image in found] == [image.tobytes() for image in expected]
    assert [image.shape for image in found] == [image.shape for image in expected]
    with pytest.raises(tf.errors.InvalidArgumentError, match="DICOM"):
        list(dtf.dicom_dataset(paths, on_error="strict"))
    with pytest.raises(tf.errors.NotFoundError):
        list(dtf.dicom_dataset([paths[0].with_name("missing.dcm")]))


def test_dataset_of_frames_with_labels(paths: list[Path]) -> None:
    images = dtf.dicom_dataset(paths, [10, 11, 12, 13, 14], frames=0, dtype=tf.uint8, on_error="lossy")
    assert images.element_spec[0] == tf.TensorSpec([None] * 3, tf.uint8)
    assert [label.numpy() for _, label in images] == [10, 11, 13, 14]
    batches = dtf.dicom_dataset(paths, range(5), frames=0, batch_size=4, pad=-7, drop_remainder=True)
    ((batch, labels),) = list(batches)
    assert batch.shape == (4, 5, 6, 1) and labels.numpy().tolist() == [0, 1, 3, 4]
    assert (batch.numpy()[0, 4] == -7).all() and batch.numpy()[1, 4, 0, 0] == 2 * 1 - 10
    assert batches.element_spec[0].shape.as_list() == [4, None, None, None]
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(dtf.dicom_dataset(paths, batch_size=4))  # of two sizes


def test_dataset_from_everything(paths: list[Path]) -> None:
    count = {"pattern": 0, "path": 0, "tensor": 0, "dataset": 0}
    names = [str(path) for path in paths]
    count["pattern"] = len(list(dtf.dicom_dataset(paths[0].with_name("*.dcm"))))
    count["path"] = len(list(dtf.dicom_dataset(names[0])))
    count["tensor"] = len(list(dtf.dicom_dataset(tf.constant(names))))
    pairs = tf.data.Dataset.from_tensor_slices((names, tf.range(5)))
    for _, label in dtf.dicom_dataset(pairs, parallel_calls=2, prefetch=1, deterministic=False):
        assert label.numpy() != 2
        count["dataset"] += 1
    assert count == {"pattern": 4, "path": 1, "tensor": 4, "dataset": 4}
    with pytest.raises(FileNotFoundError, match="no file"):
        dtf.dicom_dataset(str(paths[0]) + ".no*")
    with pytest.raises(ValueError, match="shuffle it"):
        dtf.dicom_dataset(pairs, shuffle=True)
    with pytest.raises(ValueError, match="pad has no effect"):
        dtf.dicom_dataset(paths, pad=0)


@pytest.mark.parametrize(
    "wrong, kind, text",
    [
        ({"paths": 3}, TypeError, "paths must be a path"),
        ({"paths": None}, TypeError, "paths must be a path"),
        ({"paths": b"a.dcm"}, TypeError, "paths must be a path"),
        ({"paths": [3]}, TypeError, "paths must hold paths, not int"),
        ({"labels": [1, 2]}, ValueError, "labels must be one for each of the 1 paths"),
        ({"values": "hu"}, ValueError, "values must be one of"),
        ({"dtype": tf.string}, TypeError, "dtype must be one of"),
        ({"on_error": "ignore"}, ValueError, "on_error must be one of"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"batch_size": "4"}, TypeError, "batch_size must be an int"),
        ({"batch_size": 4, "pad": "0"}, TypeError, "pad must be a number"),
        ({"shuffle": 1}, TypeError, "shuffle must be True or False"),
    ],
)
def test_wrong_arguments_of_a_dataset(wrong: dict[str, Any], kind: type[Exception], text: str) -> None:
    """At once and in one line, not out of a graph."""
    with pytest.raises(kind, match=f"^{text}.*$"):
        dtf.dicom_dataset(**{"paths": ["a.dcm"], **wrong})


def test_dataset_shuffled(paths: list[Path]) -> None:
    labels = dtf.dicom_dataset(paths * 4, range(20), shuffle=True, seed=1).map(lambda _, label: label)
    once, again = ([label.numpy() for label in labels] for _ in range(2))
    assert sorted(once) == sorted(again) == [i for i in range(20) if i % 5 != 2]
    assert once != sorted(once) and once != again


@pytest.mark.filterwarnings("ignore:Your input ran out of data")  # Keras cannot know how many files are skipped
def test_dataset_trains(paths: list[Path]) -> None:
    batches = dtf.dicom_dataset(paths, [0, 1, 0, 1, 0], frames=0, batch_size=2, pad=0)
    batches = batches.map(lambda image, label: (tf.image.resize(image, [4, 4]), label))
    layers = tf.keras.layers
    model = tf.keras.Sequential([layers.Input((4, 4, 1)), layers.Flatten(), layers.Dense(2)])
    model.compile("adam", tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    losses = model.fit(batches, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert len(losses) == 2 and np.isfinite(losses).all()
