"""window=, frames=, region=, reduce= and bfloat16 of the ops: the values of the NumPy call, to the bit."""

from __future__ import annotations

import gc
import itertools
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.decode_dicom import ImageCall
from dicomdecode.tfop.options import read_options, write_options
from tests import synthesise as s
from tests.reference_images import read
from tests.tfop import core
from tests.tfop.with_tensorflow import dtf, native, tf

pytestmark = pytest.mark.usefixtures("quiet")

CT = "CT_small.dcm"
J2K = "MR_small_jp2klossless.dcm"
EIGHT = s.image(np.arange(8 * 6 * 5, dtype=np.uint16).reshape(8, 6, 5), extra=[(0x00281050, "DS", "100"),
                                                                              (0x00281051, "DS", "50")])  # fmt: skip
RLE = s.image(np.arange(8 * 6 * 5, dtype=np.uint16).reshape(8, 6, 5), syntax=s.RLE)
COLOUR = s.image(np.arange(4 * 6 * 5 * 3, dtype=np.uint8).reshape(4, 6, 5, 3), photometric="RGB", planar=1)


@pytest.fixture(params=["native", "numpy_function"])
def each_way(request: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "native":
        monkeypatch.setattr(native, "ops", None)
    return str(request.param)


def assert_same(contents: bytes, **options: Any) -> None:
    """Eagerly and in a function: the array of `decode_dicom_image`."""
    expected = dd.decode_dicom_image(contents, **options)
    found = dtf.decode_dicom_image(contents, **options)
    assert (found.shape, found.dtype.as_numpy_dtype) == (expected.shape, expected.dtype)
    assert found.numpy().tobytes() == expected.tobytes()
    traced = tf.function(lambda x: dtf.decode_dicom_image(x, **options))(tf.constant(contents))
    assert traced.shape == expected.shape and traced.numpy().tobytes() == expected.tobytes()


@pytest.mark.parametrize("contents", [EIGHT, RLE, COLOUR], ids=["native", "RLE", "colour"])
def test_frames(contents: bytes, each_way: str) -> None:
    choices = [0, -1, 3, slice(1, 3), slice(None, None, -2), slice(5, 1), [2, 0, -1], [], np.array([1, 1]), range(2)]
    for frames in choices:
        assert_same(contents, frames=frames)
    assert_same(contents, frames=1, frame_dim=True, color_dim=True)
    with pytest.raises(tf.errors.InvalidArgumentError, match="no frame 8"):
        dtf.decode_dicom_image(contents, frames=8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="frame_dim=False"):
        dtf.decode_dicom_image(contents, frames=[0, 1], frame_dim=False)


def test_region_and_reduce(each_way: str) -> None:
    for contents, region in itertools.product((EIGHT, RLE, COLOUR), ((0, 0, 6, 5), (1, 2, 3, 2), (5, 4, 1, 1))):
        assert_same(contents, region=region)
        assert_same(contents, region=np.array(region), frames=[1, 0])
    for rows, columns in ((slice(1, 4), slice(2, 4)), (slice(None, -1), slice(-3, None)), (slice(None), slice(0, 1))):
        for contents in (EIGHT, RLE, COLOUR):
            assert_same(contents, region=(rows, columns))
            assert_same(contents, region=[rows, columns], frames=slice(0, 2))
    for options in ({"reduce": 1}, {"reduce": 2, "region": (3, 5, 20, 31)}, {"region": (60, 1, 4, 63)}):
        assert_same(read(J2K), dtype=np.int16, **options)
    with pytest.raises(tf.errors.InvalidArgumentError, match="not inside 6 rows"):
        dtf.decode_dicom_image(EIGHT, region=(1, 1, 6, 1))
    assert dtf.decode_dicom_image(EIGHT, reduce=1).shape == (0,)  # no such resolutions: cannot be decoded


WINDOWS: list[Any] = [(40, 400), (40.3, 400.7, "LINEAR_EXACT"), (0.1, 1e3, "SIGMOID"), (30, 1), [50, 60], "auto", 0]


def test_window(each_way: str) -> None:
    for window, values in itertools.product(WINDOWS, ("voi", "display")):
        dtype = np.float32 if values == "voi" else np.uint8
        assert_same(EIGHT, window=window, values=values, dtype=dtype)
        if window != 0:
            assert_same(read(CT), window=window, values=values, dtype=dtype)
    with pytest.raises(ValueError, match="no effect"):
        dtf.decode_dicom_image(EIGHT, window=(40, 400))
    with pytest.raises(ValueError, match="finite"):
        dtf.decode_dicom_image(EIGHT, window=(float("nan"), 400), values="display")


def test_wrong_keywords() -> None:
    with pytest.raises(TypeError, match="frames must be"):
        dtf.decode_dicom_image(EIGHT, frames="all")
    with pytest.raises(ValueError, match="region must be"):
        dtf.decode_dicom_image(EIGHT, region=(1, 2, 3))
    with pytest.raises(ValueError, match="reduce must be"):
        dtf.decode_dicom_image(EIGHT, reduce=-1)
    parts: list[dict[str, Any]] = [{"frames": 0}, {"region": (0, 0, 1, 1)}, {"reduce": 1}, {"window": (1, 2)}]
    for part in (*parts, {"color": "stored"}, {"frame_dim": False}):
        with pytest.raises(ValueError, match="gives the whole image"):
            dtf.decode_dicom_image(EIGHT, values="tfio", **part)


def test_the_core_needs_no_python() -> None:
    """Where it needs none for the whole image."""
    for contents, options in (
        (EIGHT, {"frames": slice(None, None, -1)}),
        (EIGHT, {"frames": [3, -1], "region": (1, 1, 3, 4)}),
        (RLE, {"frames": 2, "region": (0, 2, 5, 3)}),
        (EIGHT, {"window": (40, 400), "values": "display"}),
        (read(J2K), {"reduce": 1, "region": (8, 8, 32, 32), "on_error": "lossy"}),
    ):
        with core.watched() as asked:
            found = core.decode(contents, **options)
        assert not asked
        assert found.tobytes() == dd.decode_dicom_image(contents, **options).tobytes()


@pytest.mark.parametrize("values", ["stored", "modality", "voi"])
def test_bfloat16(values: str, each_way: str) -> None:
    """The float32 result, rounded half to even."""
    half = tf.bfloat16.as_numpy_dtype
    pixels = np.random.default_rng(3).integers(0, 1 << 16, (40, 50), np.uint16)
    pixels[0, :4] = 0x8080, 0x8180, 0x8081, 0xFFFF  # two halves, just above one, carried into the exponent
    contents = s.image(pixels, extra=[(0x00281052, "DS", "-1024.3"), (0x00281053, "DS", "0.37")])
    expected = dd.decode_dicom_image(contents, dtype=np.float32, values=values)
    bits = expected.view(np.uint32).astype(np.uint64)
    rounded = ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)
    found = dtf.decode_dicom_image(contents, dtype=tf.bfloat16, values=values)
    assert found.dtype == tf.bfloat16 and found.numpy().dtype == half
    assert np.array_equal(found.numpy().view(np.uint16), rounded)
    traced = tf.function(lambda x: dtf.decode_dicom_image(x, dtype=tf.bfloat16, values=values))(tf.constant(contents))
    assert np.array_equal(traced.numpy().view(np.uint16), rounded)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"on_error": "strict", "window": (40.1, 1e-7, "LINEAR_EXACT"), "values": "voi"},
        {"frames": slice(None, -1, 2), "frame_dim": False, "color_dim": True},
        {"frames": [3, 2], "region": (1, 2, 3, 4), "reduce": 2},
        {"region": (slice(1, None), slice(None, -2))},
        {"window": 'no "such"\\ window Ä', "values": "display"},
        {"values": "tfio", "scale": "auto"},
    ],
)
def test_options_as_text(options: dict[str, Any]) -> None:
    """What a graph holds is what was asked for."""
    text = write_options(**options)
    assert bool(text) == bool(options)
    call = read_options(text, "uint16")
    assert call.on_error == options.get("on_error", "skip")
    assert call.is_tfio == (options.get("values") == "tfio")
    for name in {"frames", "region", "reduce", "color", "scale"} & set(options):
        assert getattr(call.request, name) == options[name]
    assert call.request.window == options.get("window")


def test_saved_and_loaded(tmp_path: Any) -> None:
    class Model(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def image(self, contents: Any) -> Any:
            options: dict[str, Any] = {"frames": slice(1, 3), "region": (1, 1, 2, 3), "window": (100.7, 40)}
            return dtf.decode_dicom_image(contents, dtype=tf.uint8, values="display", **options)

    tf.saved_model.save(Model(), str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    expected = dd.decode_dicom_image(
        EIGHT, dtype=np.uint8, values="display", frames=slice(1, 3), region=(1, 1, 2, 3), window=(100.7, 40)
    )
    assert loaded.image(tf.constant(EIGHT)).numpy().tobytes() == expected.tobytes()


def test_many_windows_leave_nothing_behind() -> None:
    """Requests of kernels that are gone are freed by the next one."""

    def calls() -> int:
        return sum(isinstance(each, ImageCall) for each in gc.get_objects())

    before = calls()
    for i in range(50):
        with core.opened(np.uint8, values="display", window=(40, 400 + i)):
            pass
    assert calls() <= before + 2
