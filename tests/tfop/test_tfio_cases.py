"""The cases that tensorflow-io tests itself with, against the drop-in: its 22 images, texts, sequences, concurrency.

Its files are in the kit. What is expected of texts is pydicom's answer, or stands in tensorflow-io's documentation.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pydicom
import pytest

import dicomdecode as dd
from tests.kit import KIT, NEEDS_KIT
from tests.tfop.with_tensorflow import tf, tfio

pytestmark = [NEEDS_KIT, pytest.mark.slow, pytest.mark.usefixtures("quiet")]
FOLDER = KIT / "files" / "tensorflow__io" / "tests" / "test_dicom"

SHAPES = {
    "CR-MONO1-10-chest": (1, 440, 440, 1),
    "CT-MONO2-16-ankle": (1, 512, 512, 1),
    "CT-MONO2-16-brain": (1, 512, 512, 1),
    "CT-MONO2-16-chest": (1, 400, 512, 1),
    "CT-MONO2-16-ort": (1, 512, 512, 1),
    "CT-MONO2-8-abdo": (1, 512, 512, 1),
    "MR-MONO2-12-an2": (1, 256, 256, 1),
    "MR-MONO2-12-shoulder": (1, 1024, 1024, 1),
    "MR-MONO2-16-head": (1, 256, 256, 1),
    "MR-MONO2-16-knee": (1, 256, 256, 1),
    "MR-MONO2-8-16x-heart": (16, 256, 256, 1),
    "NM-MONO2-16-13x-heart": (13, 64, 64, 1),
    "OT-MONO2-8-a7": (1, 512, 512, 1),
    "OT-MONO2-8-colon": (1, 512, 512, 1),
    "OT-MONO2-8-hip": (1, 512, 512, 1),
    "OT-PAL-8-face": (1, 480, 640, 3),
    "TOSHIBA_J2K_OpenJPEGv2Regression": (1, 512, 512, 1),
    "US-MONO2-8-8x-execho": (8, 120, 128, 1),
    "US-PAL-8-10x-echo": (10, 430, 600, 3),
    "US-RGB-8-epicard": (1, 480, 640, 3),
    "US-RGB-8-esopecho": (1, 120, 256, 3),
    "XA-MONO2-8-12x-catheter": (12, 512, 512, 1),
}
NESTED = "2.25.304589190180579357564631626197663875025"


def contents(name: str) -> tf.Tensor:
    return tf.io.read_file(str(FOLDER / f"{name}.dcm"))


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(name: str) -> None:
    options = {"dtype": tf.float32, "on_error": "strict", "scale": "auto", "color_dim": True}
    assert tfio.image.decode_dicom_image(contents(name), **options).shape == SHAPES[name]

    @tf.function
    def in_a_graph(path: tf.Tensor) -> tf.Tensor:
        return tfio.image.decode_dicom_image(tf.io.read_file(path), **options)

    image = in_a_graph(tf.constant(str(FOLDER / f"{name}.dcm"))).numpy()
    assert image.shape == SHAPES[name] and 0 <= image.min() < image.max() <= 1


TEXTS = [
    ("OT-MONO2-8-colon", "StudyInstanceUID", "1.3.46.670589.17.1.7.1.1.16"),
    ("OT-MONO2-8-colon", "Rows", "512"),
    ("OT-MONO2-8-colon", "Columns", "512"),
    ("OT-MONO2-8-colon", "SamplesperPixel", "1"),
    ("US-PAL-8-10x-echo", "StudyInstanceUID", "999.999.3859744"),
    ("US-PAL-8-10x-echo", "SeriesInstanceUID", "999.999.94827453"),
    ("US-PAL-8-10x-echo", "NumberofFrames", "10"),
    ("US-PAL-8-10x-echo", "Rows", "430"),
    ("US-PAL-8-10x-echo", "Columns", "600"),
]


@pytest.mark.parametrize(("name", "tag", "text"), TEXTS)
def test_texts(name: str, tag: str, text: str) -> None:
    number = getattr(tfio.image.dicom_tags, tag)
    assert tfio.image.decode_dicom_data(contents(name), tags=number).numpy() == text.encode()
    written = f"0x{number >> 16:04x},0x{number & 0xFFFF:04x}"
    for form in ([written], [f"[{written}]"]):
        assert tfio.image.decode_dicom_data(contents(name), tags=form).numpy().tolist() == [text.encode()]


def leaves(dataset: pydicom.Dataset, path: str = "") -> Iterator[tuple[str, str]]:
    """Paths and texts of elements within sequences, as pydicom reads them."""
    for element in dataset:
        part = f"[0x{element.tag.group:04x},0x{element.tag.element:04x}]"
        if element.VR == "SQ":
            for i, item in enumerate(element.value):
                yield from leaves(item, f"{path}{part}[{i}]")
        elif path and element.VR in ("CS", "UI", "LO", "SH", "DA", "TM"):
            value: Any = element.value
            joined = value if isinstance(value, str) else "\\".join(map(str, value or []))
            yield path + part, joined.strip()


def test_sequences() -> None:
    found = dict(leaves(pydicom.dcmread(FOLDER / f"{NESTED}.dcm")))
    assert len(found) >= 9 and max(path.count("[") for path in found) >= 5
    texts = tfio.image.decode_dicom_data(contents(NESTED), tags=list(found)).numpy().tolist()
    assert texts == [text.encode() for text in found.values()]
    for path, text in found.items():
        assert tfio.image.decode_dicom_data(contents(NESTED), tags=[path]).numpy().tolist() == [text.encode()]
    assert tfio.image.decode_dicom_image(contents(NESTED)).shape == (0,)  # it has no pixels


def test_concurrency() -> None:
    """Eight at a time, 200 repeats of each file."""
    names = ["OT-MONO2-8-colon", "US-RGB-8-esopecho", "MR-MONO2-16-head", "NM-MONO2-16-13x-heart"]
    paths = [str(FOLDER / f"{name}.dcm") for name in names]
    expected = [dd.decode_dicom_image(path, values="tfio", dtype=np.float32, scale="auto") for path in paths]

    def both(path: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        file = tf.io.read_file(path)
        image = tfio.image.decode_dicom_image(file, dtype=tf.float32, scale="auto")
        return image, tfio.image.decode_dicom_data(file, [tfio.image.dicom_tags.Rows])

    files = tf.data.Dataset.from_tensor_slices(paths).repeat(200)
    count = 0
    for i, (image, rows) in enumerate(files.map(both, num_parallel_calls=8)):
        assert image.numpy().tobytes() == expected[i % 4].tobytes() and image.shape == expected[i % 4].shape
        assert rows.numpy().tolist() == [str(SHAPES[names[i % 4]][1]).encode()]
        count += 1
    assert count == 800
