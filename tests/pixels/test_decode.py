"""`decode_dicom_image`: dtype x scale x on_error against the rules in plain NumPy, shapes, frames, out."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import rules
from tests import synthesise as s
from tests.reference_images import OWN, Reference, of_syntax

DTYPES = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8"]
EMPTY = object()
REFUSED = object()


@pytest.fixture(autouse=True)
def quiet_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.CRITICAL, "dicomdecode")
    yield


def expected(values: np.ndarray, bounds: rules.Bounds, dtype: Any, scale: str, on_error: str) -> Any:
    fit = rules.fits(bounds, dtype)
    if not fit and on_error != "lossy":
        return REFUSED if on_error == "strict" else EMPTY
    return rules.stretched(values, bounds, dtype) if scale == "auto" else rules.preserved(values, dtype)


def check(contents: bytes, values: np.ndarray, bounds: rules.Bounds, what: object = "") -> None:
    """Every combination for one file of stored values with this possible range."""
    for dtype in DTYPES:
        for scale in ("preserve", "auto"):
            for on_error in ("strict", "skip", "lossy"):
                label = f"{what} {dtype} {scale} {on_error}"
                want = expected(values, bounds, dtype, scale, on_error)
                call = {"dtype": dtype, "scale": scale, "on_error": on_error}
                if want is REFUSED:
                    with pytest.raises(ValueError):
                        dd.decode_dicom_image(contents, **call)
                    continue
                found = dd.decode_dicom_image(contents, **call)
                assert found.dtype == np.dtype(dtype), label
                if want is EMPTY:
                    assert found.shape == (0,), label
                elif scale == "auto" and np.dtype(dtype).kind == "f":
                    assert found.shape == want.shape
                    np.testing.assert_allclose(found, want, rtol=0, atol=np.finfo(dtype).eps, err_msg=label)
                elif scale == "auto" and np.dtype(dtype).itemsize == 8:  # float64 holds 53 bits of the result
                    assert found.shape == want.shape
                    np.testing.assert_allclose(found.astype(float), want.astype(float), 0, 2**64 * 1e-15, err_msg=label)
                elif scale == "auto" and values.dtype.itemsize >= 4:  # nor of the product with the source
                    assert np.abs(found.astype(np.int64) - want.astype(np.int64)).max() <= 1, label
                else:
                    np.testing.assert_array_equal(found, want, err_msg=label)


@pytest.mark.parametrize("allocated", [8, 16, 32, 64])
@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
def test_integers(allocated: int, signed: bool) -> None:
    rng = np.random.default_rng(allocated)
    dtype = f"{'i' if signed else 'u'}{allocated // 8}"
    for bits in sorted({2, allocated // 2 + 1, allocated - 1, allocated}):
        low, high = rules.possible_range(bits, signed)
        pixels = rng.integers(low, high, (6, 7), dtype, endpoint=True)
        pixels.flat[:6] = [low, high, 0, high // 2, low + 1, high - 1]
        check(s.image(pixels, bits_stored=bits), pixels, (low, high), bits)


@pytest.mark.parametrize("syntax", [s.EXPLICIT_BE, s.RLE, s.ENCAPSULATED_UNCOMPRESSED])
def test_syntaxes(syntax: str) -> None:
    """The same rules where pixels come through another path."""
    pixels = np.random.default_rng(1).integers(-2048, 2048, (2, 5, 3), np.int16)
    check(s.image(pixels, syntax=syntax, bits_stored=12, high_bit=13, stray=3), pixels, (-2048, 2047))


@pytest.mark.slow
@pytest.mark.parametrize("reference", of_syntax(*OWN), ids=str)
def test_real_files(reference: Reference) -> None:
    """Monochrome files that pydicom ships; colour by the range of its samples."""
    dtype = np.dtype(reference.dtype)
    file = dd.open(reference.path)
    values = file.pixels(values="stored")
    bits = file.bits_stored if file.samples == 1 and file.photometric != "PALETTE COLOR" else values.dtype.itemsize * 8
    bounds = rules.possible_range(bits, dtype.kind == "i")
    if values.size > 50_000:  # exact integers are slow; rows apart stand for the image
        for dtype_ in ("u2", "f4"):
            want = expected(values[..., :4], bounds, dtype_, "auto", "lossy")
            found = dd.decode_dicom_image(reference.path, dtype=dtype_, scale="auto", on_error="lossy")
            assert found.shape == values.shape
            np.testing.assert_allclose(found[..., :4].astype(float), want.astype(float), atol=1e-6)
        return
    check(reference.contents, values, bounds)


def test_one_bit_and_packed_twelve() -> None:
    bits = np.random.default_rng(1).integers(0, 2, (5, 7), np.uint8)
    check(s.image(bits, allocated=1), bits, (0, 1))
    twelve = np.random.default_rng(1).integers(0, 4096, (5, 7), np.uint16)
    check(s.image(twelve, allocated=12), twelve, (0, 4095))


def test_colour() -> None:
    rgb = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    check(s.image(rgb, photometric="RGB"), rgb, (0, 255))
    deep = np.random.default_rng(1).integers(0, 65536, (5, 7, 3), np.uint16)
    check(s.image(deep, photometric="RGB", planar=1), deep, (0, 65535))


@pytest.mark.parametrize("source", ["f4", "f8"])
def test_float_pixels(source: str) -> None:
    """Unbounded: only "lossy" brings them into integers; half to even, NaN to 0, the rest clipped."""
    pixels = np.array([[0.5, 1.5, 2.5, -0.5], [np.nan, np.inf, -np.inf, 1e30], [255.4, 254.5, 70000, -3]], source)
    contents = s.image(pixels)
    for dtype in DTYPES:
        kind = np.dtype(dtype)
        lossy = dd.decode_dicom_image(contents, dtype=dtype, on_error="lossy")
        if kind.kind == "f" and kind.itemsize == 2:
            np.testing.assert_array_equal(lossy[0], pixels[0])
            assert lossy[1, 1] == 65504 and lossy[1, 2] == -65504 and np.isnan(lossy[1, 0])
        else:
            np.testing.assert_array_equal(lossy, rules.preserved(pixels, dtype), err_msg=dtype)
        if kind.kind == "i" or kind.kind == "u":
            with pytest.raises(ValueError):
                dd.decode_dicom_image(contents, dtype=dtype, on_error="strict")
            assert dd.decode_dicom_image(contents, dtype=dtype).shape == (0,)
        with pytest.raises(ValueError):
            dd.decode_dicom_image(contents, dtype=dtype, on_error="strict", scale="auto")
        assert dd.decode_dicom_image(contents, dtype=dtype, scale="auto").shape == (0,)
    np.testing.assert_array_equal(dd.decode_dicom_image(contents, dtype=source, on_error="strict"), pixels)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("color_dim", [False, True])
@pytest.mark.parametrize("frame_dim", [None, True, False])
def test_shapes(samples: int, frames: int, color_dim: bool, frame_dim: bool | None) -> None:
    shape = (frames, 4, 5, samples)
    pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    contents = s.image(pixels, photometric="RGB" if samples == 3 else "MONOCHROME2")
    options = {"color_dim": color_dim, "frame_dim": frame_dim, "on_error": "strict"}
    if frame_dim is False and frames > 1:
        for on_error in ("strict", "skip", "lossy"):
            with pytest.raises(ValueError):
                dd.decode_dicom_image(contents, **options | {"on_error": on_error})
    else:
        found = dd.decode_dicom_image(contents, **options)
        assert found.shape == rules.shape_of(shape, color_dim=color_dim, frame_dim=frame_dim)
        np.testing.assert_array_equal(found.reshape(shape), pixels)
    last = (samples,) if samples == 3 or color_dim else ()
    one = dd.decode_dicom_image(contents, **options, frames=frames - 1)
    assert one.shape == (*((1,) if frame_dim else ()), 4, 5, *last)
    np.testing.assert_array_equal(one.ravel(), pixels[-1].ravel())
    part = dd.decode_dicom_image(contents, **options | {"frame_dim": True}, frames=slice(0, 2))
    assert part.shape == (min(2, frames), 4, 5, *last)
    if frames > 1:
        several = dd.decode_dicom_image(contents, **options | {"frame_dim": None}, frames=[frames - 1, 0])
        assert several.shape == (2, 4, 5, *last)


def test_a_list_keeps_the_frames_axis() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    contents = s.image(pixels)
    assert dd.decode_dicom_image(contents, frames=[1]).shape == (1, 2, 2)
    assert dd.decode_dicom_image(contents, frames=slice(1, 2)).shape == (1, 2, 2)
    assert dd.decode_dicom_image(contents, frames=1).shape == (2, 2)
    assert dd.imread(contents, frames=[1]).shape == (1, 2, 2)


def test_out() -> None:
    pixels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    for syntax in (s.EXPLICIT_LE, s.RLE):
        contents = s.image(pixels, syntax=syntax)
        out = np.full((2, 3, 4), 7, np.float32)
        assert dd.decode_dicom_image(contents, dtype=np.float32, out=out) is out
        np.testing.assert_array_equal(out, pixels)
        whole = np.zeros((4, 2, 3, 4), np.uint16)
        dd.decode_dicom_image(contents, out=whole[2])
        np.testing.assert_array_equal(whole[2], pixels)
        assert not whole[[0, 1, 3]].any()
        read_only = np.zeros((2, 3, 4), np.uint16)
        read_only.flags.writeable = False
        wrong = [
            np.zeros((2, 3, 5), np.uint16),
            np.zeros((2, 3, 4), np.int16),
            np.zeros((2, 3, 8), np.uint16)[..., ::2],
        ]
        for bad in (*wrong, np.zeros((2, 3, 4), ">u2"), read_only):
            for on_error in ("strict", "skip", "lossy"):
                with pytest.raises(ValueError):
                    dd.decode_dicom_image(contents, out=bad, on_error=on_error)
        with pytest.raises(TypeError):
            dd.decode_dicom_image(contents, out=[1, 2])


def test_results_own_their_memory() -> None:
    contents = bytearray(s.image(np.arange(12, dtype=np.uint16).reshape(3, 4)))
    found = dd.decode_dicom_image(contents)
    contents[-8:] = b"\xff" * 8
    np.testing.assert_array_equal(found.ravel(), np.arange(12))
    found[...] = 1
    assert found.flags.owndata and found.flags.c_contiguous


BAD_ARGUMENTS: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"on_error": "raise"}, ValueError),
    ({"scale": "none"}, ValueError),
    ({"values": "hounsfield"}, ValueError),
    ({"color": "bgr"}, ValueError),
    ({"dtype": "complex64"}, TypeError),
    ({"dtype": "bool"}, TypeError),
    ({"dtype": "nonsense"}, TypeError),
    ({"dtype": "S4"}, TypeError),
    ({"frames": 9}, IndexError),
]


@pytest.mark.parametrize("on_error", ["skip", "lossy"])
def test_a_wrong_argument_is_never_swallowed(on_error: str) -> None:
    contents = s.image(np.zeros((2, 2), np.uint8))
    for options, error in BAD_ARGUMENTS:
        with pytest.raises(error):
            dd.decode_dicom_image(contents, **{"on_error": on_error} | options)
    with pytest.raises(TypeError):
        dd.decode_dicom_image(None, on_error=on_error)
    with pytest.raises(FileNotFoundError):
        dd.decode_dicom_image("no such file", on_error=on_error)


@pytest.mark.parametrize("on_error", ["skip", "lossy"])
def test_bad_content_gives_the_empty_array(on_error: str) -> None:
    good = s.image(np.zeros((20, 20), np.uint16))
    no_pixels = s.dataset([(0x00100010, "PN", "A")])
    for contents in (b"", b"nonsense", b"\0" * 400, good[:-50], no_pixels, good[:100]):
        found = dd.decode_dicom_image(contents, on_error=on_error, dtype=np.float32)
        assert found.shape == (0,) and found.dtype == np.float32
        with pytest.raises(dd.DicomError):
            dd.decode_dicom_image(contents, on_error="strict")
    found = dd.decode_dicom_image(good, on_error=on_error, limits=dd.Limits(pixels_per_frame=3))
    assert found.shape == (0,)


def test_a_skipped_image_says_why_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "dicomdecode")
    contents = s.image(np.zeros((2, 2), np.int16), extra=[(0x00100010, "PN", "SECRET^NAME")])
    assert dd.decode_dicom_image(contents).shape == (0,)
    assert [(r.name, r.levelname) for r in caplog.records] == [("dicomdecode", "WARNING")]
    assert "uint16" in caplog.text and "SECRET" not in caplog.text
    caplog.clear()
    assert dd.decode_dicom_image(contents, on_error="lossy").shape == (2, 2)
    assert dd.decode_dicom_image(contents, dtype=np.int16).shape == (2, 2)
    assert not caplog.records


def test_default_arguments() -> None:
    """Positional arguments are those of tensorflow-io: contents, color_dim, on_error, scale, dtype."""
    contents = s.image(np.arange(6, dtype=np.uint8).reshape(2, 3))
    assert dd.decode_dicom_image(contents).dtype == np.uint16
    found = dd.decode_dicom_image(contents, True, "strict", "auto", np.uint8)
    assert found.shape == (2, 3, 1) and found.dtype == np.uint8


def test_monochrome1_is_not_inverted() -> None:
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    np.testing.assert_array_equal(dd.decode_dicom_image(s.image(pixels, photometric="MONOCHROME1")), pixels)


def test_stored_is_not_rescaled() -> None:
    extra = [(0x00281052, "DS", "-1024"), (0x00281053, "DS", "2")]
    pixels = np.arange(6, dtype=np.uint16).reshape(2, 3)
    np.testing.assert_array_equal(dd.decode_dicom_image(s.image(pixels, extra=extra)), pixels)
    found = dd.decode_dicom_image(s.image(pixels, extra=extra), values="modality", dtype=np.float32)
    np.testing.assert_array_equal(found, pixels * 2.0 - 1024)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_a_large_frame_becomes_its_result_in_place(dtype: str) -> None:
    """Samples at the end of the result give what samples beside it do: a region of everything takes the other way."""
    import imagecodecs

    rows, columns = 5821, 5837
    grey = (np.arange(rows)[:, None] // 7 + np.arange(columns) // 11).astype(np.uint8)
    head = s.image(grey[:1], number_of_frames=1, without=[0x7FE00010, 0x00280010], syntax="1.2.840.10008.1.2.4.80")
    at = head.index(s.tag_bytes(0x00280011))
    stream = bytes(imagecodecs.jpegls_encode(grey))
    contents = head[:at] + s.element(0x00280010, "US", rows) + head[at:] + s.elements(s.encapsulate([stream]))
    found = dd.imread(contents, values="display", dtype=dtype)
    assert np.array_equal(found, dd.imread(contents, values="display", dtype=dtype, region=(0, 0, rows, columns)))
    assert np.array_equal(dd.imread(contents, values="stored"), grey)


@pytest.mark.slow
def test_a_large_frame_of_bits() -> None:
    bits = np.random.default_rng(3).integers(0, 2, (5800, 5803), np.uint8)
    contents = s.image(bits, allocated=1, bits_stored=1)
    assert np.array_equal(dd.imread(contents, dtype="float32"), bits)
    assert np.array_equal(dd.imread(contents, values="display"), bits * 255)
