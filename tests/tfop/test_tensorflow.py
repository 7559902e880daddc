"""The TensorFlow ops: the tensor equals the array to the bit, everywhere that TensorFlow runs ops."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.kit import NEEDS_KIT, kit_files
from tests.reference_images import read, shipped
from tests.tfop.with_tensorflow import dtf, native, tf

pytestmark = pytest.mark.usefixtures("quiet")

CT = "CT_small.dcm"
DTYPES = [tf.uint8, tf.int8, tf.uint16, tf.int16, tf.uint32, tf.int32, tf.uint64, tf.int64]
DTYPES += [tf.float16, tf.float32, tf.float64]


@pytest.fixture(params=["native", "numpy_function"])
def each_way(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a test with the native ops, and with what takes their place."""
    if request.param != "native":
        monkeypatch.setattr(native, "ops", None)
    return str(request.param)


def assert_same(tensor: Any, array: np.ndarray) -> None:
    found = tensor.numpy()
    assert (found.shape, found.dtype) == (array.shape, array.dtype)
    assert found.tobytes() == array.tobytes()


def test_the_native_ops_are_loaded() -> None:
    """No silent fallback: where this fails, every other test here would test numpy_function."""
    assert dtf.is_native()


def test_prototypes_against_tensorflow_headers(tmp_path: Path) -> None:
    """The hand-written list of functions has the types of the headers that this TensorFlow ships."""
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("platform: no C++ compiler")
    folder = Path(__file__).parents[2] / "dicomdecode" / "tfop"
    source = tmp_path / "check.cc"
    source.write_text(
        "#include <type_traits>\n"
        '#include "tensorflow/c/c_api.h"\n#include "tensorflow/c/kernels.h"\n#include "tensorflow/c/ops.h"\n'
        '#include "tensorflow/c/tf_tensor.h"\n#include "tensorflow/c/tf_tstring.h"\n'
        "#define DD_TENSORFLOW_HEADERS\n"
        f'#include "{folder / "tensorflow_c.h"}"\n'
        "#define CHECK(result, name, parameters) \\\n"
        "  static_assert(std::is_same<decltype(&name), result(*) parameters>::value, #name);\n"
        "DD_TENSORFLOW_FUNCTIONS(CHECK)\n"
        'static_assert(sizeof(TF_TString) == 24 && sizeof(TF_DataType) == sizeof(int), "sizes");\n'
        'static_assert(TF_INVALID_ARGUMENT == 3 && TF_RESOURCE_EXHAUSTED == 8 && TF_INTERNAL == 13, "codes");\n'
        'static_assert(TF_UINT16 == 17 && TF_HALF == 19 && TF_UINT32 == 22 && TF_UINT64 == 23, "types");\n'
    )
    include = tf.sysconfig.get_include()
    done = subprocess.run(
        [compiler, "-std=c++17", "-fsyntax-only", "-w", f"-I{include}", f"-I{include}/external/local_tsl", str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_every_dtype(each_way: str) -> None:
    for dtype in DTYPES:
        for scale in ("preserve", "auto"):
            found = dtf.decode_dicom_image(read(CT), dtype=dtype, scale=scale, on_error="lossy")
            expected = dd.decode_dicom_image(read(CT), dtype=dtype.as_numpy_dtype, scale=scale, on_error="lossy")
            assert found.dtype == dtype
            assert_same(found, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"dtype": tf.uint16, "on_error": "lossy"},
        {"dtype": tf.int32},
        {"dtype": tf.float32, "values": "modality", "color_dim": True, "frame_dim": True},
        {"dtype": tf.uint8, "values": "display", "on_error": "lossy"},
        {"dtype": tf.float32, "values": "real_world", "color": "stored"},
        {"dtype": tf.uint8, "color": "rgba", "on_error": "lossy"},
        {"dtype": tf.uint8, "color": "srgb", "on_error": "lossy"},
        {"dtype": tf.uint8, "values": "tfio", "on_error": "lossy", "scale": "auto"},
    ],
)
def test_shipped_files(options: dict[str, Any]) -> None:
    assert_files([path for path in shipped() if path.stat().st_size < 2_000_000], options)


@pytest.mark.slow
@NEEDS_KIT
def test_kit() -> None:
    files = list(kit_files())
    assert_files(files, {"dtype": tf.uint16, "on_error": "lossy"})
    assert_files(files, {"dtype": tf.float32, "values": "modality"})
    assert_files(files, {"dtype": tf.uint16, "values": "tfio"})
    assert_files(files, {"dtype": tf.uint8, "values": "tfio", "on_error": "lossy", "scale": "auto"})


def assert_files(files: list[Path], options: dict[str, Any]) -> None:
    in_numpy = options | {"dtype": options["dtype"].as_numpy_dtype}
    for path in files:
        contents = path.read_bytes()
        try:
            expected = dd.decode_dicom_image(contents, **in_numpy)
        except ValueError as error:
            with pytest.raises(tf.errors.InvalidArgumentError) as caught:
                dtf.decode_dicom_image(contents, **options)
            assert str(error) in str(caught.value)
            continue
        assert_same(dtf.decode_dicom_image(contents, **options), expected)


def test_function_data_and_map_fn(each_way: str) -> None:
    expected = dd.decode_dicom_image(read(CT), dtype=np.int16)

    @tf.function
    def decode(contents: Any) -> Any:
        return dtf.decode_dicom_image(contents, dtype=tf.int16)

    assert_same(decode(tf.constant(read(CT))), expected)
    files = tf.data.Dataset.from_tensors(read(CT)).repeat(20)
    images = list(files.map(decode, num_parallel_calls=tf.data.AUTOTUNE))
    assert len(images) == 20
    for image in images:
        assert_same(image, expected)
    stacked = tf.map_fn(decode, tf.constant([read(CT)] * 3), fn_output_signature=tf.int16)
    assert_same(stacked, np.stack([expected] * 3))


def test_static_shapes(each_way: str) -> None:
    def shape_of(**options: Any) -> Any:
        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def decode(contents: Any) -> Any:
            return dtf.decode_dicom_image(contents, **options)

        return decode.get_concrete_function().output_shapes

    assert shape_of().rank is None
    assert shape_of(color_dim=True, frame_dim=True).rank is None
    assert shape_of(on_error="strict", frame_dim=True).rank is None
    assert shape_of(on_error="strict", color_dim=True).rank is None
    assert shape_of(on_error="strict", color_dim=True, frame_dim=True).rank == 4
    assert shape_of(on_error="strict", color_dim=True, frame_dim=False).rank == 3
    assert shape_of(on_error="strict", color_dim=True, frames=0).rank == 3
    assert shape_of(on_error="strict", color_dim=True, frames=[0]).rank == 4
    for on_error in ("strict", "skip", "lossy"):
        assert shape_of(on_error=on_error, values="tfio").as_list() == [None] * 4


def test_constant_contents() -> None:
    """TensorFlow runs the op while a graph is built, to tell shapes: no lock may be held that Python waits for."""
    lut: list[s.Element] = [(0x00283010, "SQ", [[(0x00283002, "US", [4, 0, 16]), (0x00283006, "US", [5, 7, 9, 11])]])]
    for extra, shape in (([], [1, 1]), (lut, [6, 8])):  # planned by the core, and by Python
        contents = s.image(np.arange(20, dtype=np.uint16).reshape(4, 5), extra=extra)
        with tf.Graph().as_default():
            image = dtf.decode_dicom_image(tf.constant(contents), values="display", dtype=tf.uint8)
            size = tf.cast(tf.reshape(image, [-1])[:2], tf.int32) + 1
            assert tf.zeros(size).shape.as_list() == shape


def test_errors(each_way: str) -> None:
    cut = read(CT)[:-1000]
    with pytest.raises(tf.errors.InvalidArgumentError, match="too short for this frame"):
        dtf.decode_dicom_image(cut, on_error="strict", dtype=tf.int16)
    with pytest.raises(tf.errors.InvalidArgumentError, match="does not fit in uint16"):
        dtf.decode_dicom_image(read(CT), on_error="strict")
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"tf\.io\.read_file"):
        dtf.decode_dicom_image("scans/chest.dcm", on_error="strict")
    with pytest.raises(tf.errors.InvalidArgumentError, match="frame_dim=False"):
        dtf.decode_dicom_image(s.image(np.zeros((2, 3, 3), np.uint8)), frame_dim=False)
    for on_error in ("skip", "lossy"):
        for contents in (b"", b"no DICOM", cut):
            image = dtf.decode_dicom_image(contents, on_error=on_error, dtype=tf.int16)
            assert image.shape == (0,) and image.dtype == tf.int16
    assert dtf.decode_dicom_image(read(CT)).shape == (0,)
    with pytest.raises(tf.errors.InvalidArgumentError, match="one string"):
        dtf.decode_dicom_image([[read(CT), read(CT)]])


@pytest.mark.parametrize(
    "options",
    [{"on_error": "ignore"}, {"scale": "full"}, {"values": "hu"}, {"color": "bgr"}, {"frame_dim": 2}],
)
def test_wrong_arguments(options: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError), match="must be"):
        dtf.decode_dicom_image(read(CT), **options)
    with pytest.raises(TypeError, match="dtype must be"):
        dtf.decode_dicom_image(read(CT), dtype=tf.complex64)


@pytest.mark.parametrize("options", ["[]", "{", '{"size": 3}', '{"on_error": "ignore"}', '{"frame_dim": 7}'])
def test_wrong_attributes_of_the_op(options: str) -> None:
    """A graph that was not made by our function."""
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match=r"must be|Expecting"):
        native.ops.decode_dicom_image(read(CT), options=options)
    with tf.Graph().as_default(), pytest.raises((ValueError, TypeError), match=r"complex|allowed"):
        native.ops.decode_dicom_image(tf.constant(b""), dtype=tf.complex64)


def test_damage_behind_the_header() -> None:
    """A damaged frame that is met when the output is allocated already."""
    contents = bytearray(read("MR_small_RLE.dcm"))
    end = contents.rindex(b"\xfe\xff\xdd\xe0")
    contents[end - 1500 : end] = b"\x80" * 1500  # no-ops
    with pytest.raises(tf.errors.InvalidArgumentError, match="RLE segment"):
        dtf.decode_dicom_image(bytes(contents), dtype=tf.int16, on_error="strict")
    assert dtf.decode_dicom_image(bytes(contents), dtype=tf.int16).shape == (0,)


@pytest.mark.slow
def test_large_contents(each_way: str) -> None:
    pixels = np.arange(4096 * 4096, dtype=np.uint16).reshape(4096, 4096)
    assert_same(dtf.decode_dicom_image(s.image(pixels)), pixels)
    trailing = s.image(pixels[:4, :4], trailing=b"") + b"\0" * (1 << 28)
    assert_same(dtf.decode_dicom_image(trailing), pixels[:4, :4])


def test_limits_are_followed() -> None:
    contents = s.image(np.zeros((50, 50), np.uint16))
    before = dd.set_default_limits(dd.Limits(pixels_per_frame=100))
    try:
        with pytest.raises(tf.errors.InvalidArgumentError, match="limit"):
            dtf.decode_dicom_image(contents, on_error="strict")
    finally:
        dd.set_default_limits(before)
    assert dtf.decode_dicom_image(contents, on_error="strict").shape == (50, 50)


TAGS: list[Any] = ["PatientName", 0x00080060, "0028,0010", "(0028,0030)", "TransferSyntaxUID", 0x00990099]


def test_data(each_way: str) -> None:
    expected = [text.encode() for text in dd.decode_dicom_data(read(CT), TAGS)]
    found = dtf.decode_dicom_data(read(CT), TAGS)
    assert found.numpy().tolist() == expected and found.shape == (len(TAGS),)
    path = "[ReferencedImageSequence][0][ReferencedSOPInstanceUID]"
    items: list[s.Element] = [(0x00081140, "SQ", [[(0x00081155, "UI", "1.2.3")]]), (0x00100010, "PN", b"M\xfcller")]
    contents = s.dataset(items)
    mixed = dtf.decode_dicom_data(contents, [[path, "PatientName"], [0x00100010, "Modality"]])
    assert mixed.numpy().tolist() == [[b"1.2.3", "Müller".encode()], ["Müller".encode(), b""]]
    assert dtf.decode_dicom_data(contents, dtf.dicom_tags.PatientsName).numpy() == "Müller".encode()
    assert dtf.decode_dicom_data(contents, np.array([[0x00100010]])).shape == (1, 1)
    assert dtf.decode_dicom_data(contents, tf.constant([path])).numpy().tolist() == [b"1.2.3"]
    assert dtf.decode_dicom_data(contents, tf.constant([], tf.uint32)).shape == (0,)
    assert dtf.decode_dicom_data(b"", TAGS).numpy().tolist() == [b""] * len(TAGS)
    with pytest.raises(ValueError, match="not a tag"):
        dtf.decode_dicom_data(contents, ["Nonsense"])
    with pytest.raises(tf.errors.InvalidArgumentError, match="not a tag"):
        dtf.decode_dicom_data(contents, tf.constant(["Nonsense"]))

    @tf.function
    def names(contents: Any) -> Any:
        return dtf.decode_dicom_data(contents, TAGS)

    assert names.get_concrete_function(tf.TensorSpec([], tf.string)).output_shapes == (len(TAGS),)
    assert names(tf.constant(read(CT))).numpy().tolist() == expected


def test_texts_of_shipped_files() -> None:
    for path in shipped():
        contents = path.read_bytes()
        try:
            tags = dd.open(contents)._file.tags() if contents else []
        except dd.DicomError:
            tags = []
        tags = [*tags, 0x00100010][:200]
        expected = [text.encode("utf-8", "replace") for text in dd.decode_dicom_data(contents, tags)]
        assert dtf.decode_dicom_data(contents, np.array(tags, np.uint32)).numpy().tolist() == expected


def test_many_threads() -> None:
    """Eight threads, 200 times each, with images of every path through the core, errors among them."""
    files = [read(CT), read("MR_small_RLE.dcm"), read("MR_small_jp2klossless.dcm"), read(CT)[:-1000], b""]
    expected = [dd.decode_dicom_image(contents, dtype=np.int16) for contents in files]
    failures: list[str] = []

    def work(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(200):
            i = int(rng.integers(len(files)))
            found = dtf.decode_dicom_image(files[i], dtype=tf.int16).numpy()
            if found.shape != expected[i].shape or found.tobytes() != expected[i].tobytes():
                failures.append(f"file {i}")

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_memory_does_not_grow() -> None:
    """`benchmarks/tensorflow_ratios.py memory` does this with 100,000 calls."""
    resource = pytest.importorskip("resource", reason="platform: no resource module")
    statm = Path("/proc/self/statm")
    if not statm.exists():
        pytest.skip("platform: no /proc")
    good, bad = tf.constant(read("MR_small_RLE.dcm")), tf.constant(read("MR_small_RLE.dcm")[:-2000])

    def calls(n: int) -> int:
        for _ in range(n):
            dtf.decode_dicom_image(good, dtype=tf.int16)
            dtf.decode_dicom_image(bad, dtype=tf.int16)
            with contextlib.suppress(tf.errors.InvalidArgumentError):
                dtf.decode_dicom_image(bad, dtype=tf.int16, on_error="strict")
            dtf.decode_dicom_data(good, TAGS_TENSOR)
        return int(statm.read_text().split()[1]) * resource.getpagesize()

    before = calls(500)
    assert calls(2500) - before < 10_000_000


TAGS_TENSOR = tf.constant([0x00100010, 0x00080060], tf.uint32)
