"""`open`, `imread` and `DicomImage`: attributes, tags, indexing, and how it behaves as a Python object."""

import copy
import datetime
import gc
import io
import itertools
import pickle
from pathlib import Path

import numpy as np
import pydicom
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.reference_images import FOLDER, IMAGES, OWN, Reference, of_syntax

PIXELS = np.random.default_rng(0).integers(-1000, 1000, (3, 6, 5), np.int16)
EXTRA: list[s.Element] = [
    (0x00080012, "DA", "20240229"),
    (0x00081115, "SQ", [[(0x0020000E, "UI", "1.9")], []]),
    (0x00100010, "PN", "A^B"),
    (0x00200013, "IS", "5"),
    (0x00280030, "DS", ["0.5", "0.25"]),
    (0x00281050, "DS", ["40", "300"]),
    (0x00281051, "DS", ["400", "1500"]),
    (0x00281052, "DS", "-1024"),
    (0x00281053, "DS", "2"),
]
CONTENTS = s.image(PIXELS, bits_stored=12, extra=EXTRA)


@pytest.mark.parametrize("reference", of_syntax(*OWN), ids=str)
def test_reference_images(reference: Reference) -> None:
    found = dd.imread(reference.path, values="stored", color="stored")
    assert found.shape == reference.shape
    assert found.dtype == np.dtype(reference.dtype)
    for index, value in reference.values.items():
        assert found[index] == value
    image = dd.open(reference.path)
    assert image.photometric == reference.photometric
    assert image.transfer_syntax == reference.syntax


@pytest.mark.parametrize("reference", of_syntax(*OWN), ids=str)
@pytest.mark.filterwarnings("ignore")
def test_shape_and_dtype_are_those_of_pixels(reference: Reference) -> None:
    image = dd.open(reference.path)
    pixels = image.pixels()
    assert image.shape == pixels.shape and image.dtype == pixels.dtype
    assert (image.ndim, image.size, image.nbytes) == (pixels.ndim, pixels.size, pixels.nbytes)
    assert len(image) == image.frames == int(pydicom.dcmread(reference.path).get("NumberOfFrames", 1))
    np.testing.assert_array_equal(np.asarray(image), pixels)
    np.testing.assert_array_equal(dd.imread(reference.path), pixels)


def test_attributes() -> None:
    image = dd.open(CONTENTS)
    assert (image.rows, image.columns, image.frames, image.samples) == (6, 5, 3, 1)
    assert (image.bits_stored, image.photometric) == (12, "MONOCHROME2")
    assert image.transfer_syntax == s.EXPLICIT_LE
    assert image.shape == (3, 6, 5) and image.dtype == np.float32
    assert tuple(image.spacing) == (0.5, 0.25)
    assert tuple(image.window)[:2] == (40.0, 400.0)
    assert any("1024" in str(step) for step in image.steps)
    assert len(image.issues) == 0
    bare = dd.open(s.image(PIXELS))
    assert bare.spacing is None and bare.window is None and len(bare.steps) == 0


def test_attributes_without_pixels() -> None:
    image = dd.open(s.dataset([(0x00100010, "PN", "A")]))
    assert (image.rows, image.columns, image.photometric) == (0, 0, "")
    assert image.tag("PatientName") == "A"
    assert repr(image) == "<DicomImage without pixel data>"
    with pytest.raises(dd.MalformedError) as caught:
        image.pixels()
    assert caught.value.code == "no_pixel_data"


def test_header_attributes_are_read_only() -> None:
    image = dd.open(CONTENTS)
    for name in (
        "rows",
        "columns",
        "frames",
        "samples",
        "bits_stored",
        "photometric",
        "transfer_syntax",
        "shape",
        "dtype",
    ):
        with pytest.raises(AttributeError):
            setattr(image, name, 1)


def test_tag() -> None:
    image = dd.open(CONTENTS)
    assert image.tag("Rows") == 6 and type(image.tag("Rows")) is int
    assert image.tag(0x00280010) == image.tag("0028,0010") == image.tag(dd.dicom_tags.Rows) == 6
    assert image.tag("InstanceNumber") == 5 and type(image.tag("InstanceNumber")) is int
    assert image.tag("RescaleSlope") == 2.0 and type(image.tag("RescaleSlope")) is float
    assert image.tag("PixelSpacing") == [0.5, 0.25]
    assert image.tag("PatientName") == "A^B"
    assert image.tag("InstanceCreationDate") == datetime.date(2024, 2, 29)
    assert image.tag("PatientID") is None
    assert image.tag("[0008,1115][0][0020,000e]") == "1.9"
    assert image.tag("[0008,1115][2][0020,000e]") is None
    assert len(image.tag(0x00081115)) == 2
    assert image.tag("TransferSyntaxUID") == s.EXPLICIT_LE
    with pytest.raises(ValueError):
        image.tag("NoSuchKeyword")


@pytest.mark.parametrize("reference", IMAGES, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_tags_against_pydicom(reference: Reference) -> None:
    """Typed values of every plain element of the file."""
    dataset = pydicom.dcmread(reference.path, stop_before_pixels=True)
    image = dd.open(reference.path)
    checked = 0
    for element in dataset:
        if element.VR in (
            "US",
            "SS",
            "UL",
            "SL",
            "FL",
            "FD",
            "IS",
            "DS",
            "UI",
            "CS",
            "LO",
            "SH",
        ) and element.value not in ("", None):
            found, want = image.tag(int(element.tag)), element.value
            want = list(want) if element.VM > 1 else want
            if element.VR in ("CS", "LO", "SH", "UI"):
                want = [str(v).strip() for v in want] if element.VM > 1 else str(want).strip()
            else:
                want = [float(v) for v in want] if element.VM > 1 else float(want)
            assert found == want, element.tag
            checked += 1
    assert checked > 5


def test_indexing_and_iteration() -> None:
    image = dd.open(CONTENTS)
    whole = image.pixels()
    assert whole.dtype == np.float32
    np.testing.assert_array_equal(whole, PIXELS * 2.0 - 1024)
    np.testing.assert_array_equal(image[1], whole[1])
    np.testing.assert_array_equal(image[-1], whole[-1])
    np.testing.assert_array_equal(image[0:2], whole[0:2])
    np.testing.assert_array_equal(image[::-1], whole[::-1])
    assert len(image) == 3
    frames = list(image)
    assert len(frames) == 3
    np.testing.assert_array_equal(np.stack(frames), whole)
    for bad in (3, -4):
        with pytest.raises(IndexError):
            image[bad]
    with pytest.raises(TypeError, match="frames alone"):
        image[0, 1]  # NumPy's meaning would be a row


def test_one_frame_is_a_sequence_of_one() -> None:
    image = dd.open(s.image(PIXELS[0]))
    assert len(image) == 1 and image.shape == (6, 5)
    np.testing.assert_array_equal(image[0], PIXELS[0])
    np.testing.assert_array_equal(next(iter(image)), PIXELS[0])
    with pytest.raises(IndexError):
        image[1]


def test_asarray() -> None:
    image = dd.open(CONTENTS)
    assert np.asarray(image).dtype == np.float32
    assert np.asarray(image, dtype=np.float64).dtype == np.float64
    assert np.array(image, copy=True).shape == (3, 6, 5)
    np.testing.assert_array_equal(np.asarray(image, np.int32), PIXELS * 2 - 1024)
    assert np.mean(image) == pytest.approx(np.mean(PIXELS * 2.0 - 1024))


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickling(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "a b.dcm"
    path.write_bytes(CONTENTS)
    limits = dd.Limits(frames=17)
    with open(path, "rb") as file:
        for source in (
            CONTENTS,
            bytearray(CONTENTS),
            memoryview(CONTENTS),
            path,
            str(path),
            io.BytesIO(CONTENTS),
            file,
        ):
            image = dd.open(source, limits=limits)
            again = pickle.loads(pickle.dumps(image, protocol))
            np.testing.assert_array_equal(again.pixels(), image.pixels())
            assert again.tag("PatientName") == "A^B"
            again.close()
            image.close()
    small = dd.open(CONTENTS, limits=dd.Limits(pixels_per_frame=3))
    with pytest.raises(dd.LimitError):
        pickle.loads(pickle.dumps(small)).pixels()
    np.testing.assert_array_equal(copy.deepcopy(dd.open(CONTENTS)).pixels(), PIXELS * 2.0 - 1024)


def test_context_manager(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(CONTENTS)
    with dd.open(path) as image:
        assert image.pixels().shape == (3, 6, 5)
    with pytest.raises((ValueError, OSError)):
        image.pixels()
    assert image.rows == 6
    image.close()
    file = io.BytesIO(CONTENTS)
    with dd.open(file):
        pass
    assert not file.closed


@pytest.mark.slow
def test_files_are_closed(tmp_path: Path) -> None:
    """No descriptor is left open: not by imread, not when a file is refused, not by a dropped image."""
    descriptors = Path("/proc/self/fd")
    if not descriptors.exists():
        pytest.skip("platform: no /proc/self/fd")
    good, bad = tmp_path / "good.dcm", tmp_path / "bad.dcm"
    good.write_bytes(CONTENTS)
    bad.write_bytes(b"nonsense" * 100)
    gc.collect()
    before = len(list(descriptors.iterdir()))
    for _ in range(20):
        dd.imread(good)
        dd.decode_dicom_image(bad)
        dd.decode_dicom_data(good, ["PatientName"])
        with pytest.raises(dd.DicomError):
            dd.open(bad)
        dd.open(good)
    gc.collect()
    assert len(list(descriptors.iterdir())) == before


@pytest.mark.slow
def test_garbage_collection() -> None:
    """An image in a reference cycle goes quietly, and so does a refused file that a kept exception holds."""

    def refuse() -> None:
        with pytest.raises(dd.LimitError) as caught:
            dd.open(CONTENTS, limits=dd.Limits(elements=5))
        kept = caught.value  # the cycle: error -> traceback -> this frame -> error
        assert kept.code == "limit_elements"

    for source in (CONTENTS, io.BytesIO(CONTENTS), s.image(PIXELS, syntax=s.DEFLATED)):
        image = dd.open(source)
        image.me = image
        del image
        refuse()
        gc.collect()


def test_dataset(tmp_path: Path) -> None:
    path = tmp_path / "a.dcm"
    path.write_bytes(CONTENTS)
    for source in (CONTENTS, path):
        dataset = dd.open(source).dataset
        assert isinstance(dataset, pydicom.Dataset)
        assert dataset.PatientName == "A^B"
        np.testing.assert_array_equal(dataset.pixel_array, PIXELS)


def test_threads_give_the_same() -> None:
    for syntax in (s.EXPLICIT_LE, s.RLE, s.DEFLATED_FRAME):
        frames = np.random.default_rng(0).integers(0, 65536, (17, 20, 30), np.uint16)
        contents = s.image(frames, syntax=syntax)
        for threads in (1, 2, 5, 40):
            np.testing.assert_array_equal(dd.imread(contents, values="stored", threads=threads), frames)
    with pytest.raises(ValueError):
        dd.imread(contents, threads=0)


def test_one_image_in_many_threads(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    path = tmp_path / "a.dcm"
    path.write_bytes(CONTENTS)
    with open(path, "rb") as file, ThreadPoolExecutor(8) as pool:
        for source in (CONTENTS, path, file):
            image = dd.open(source)
            found = list(pool.map(lambda i, image=image: image[i % 3], range(60)))
            for i, frame in enumerate(found):
                np.testing.assert_array_equal(frame, PIXELS[i % 3] * 2.0 - 1024)
            image.close()


def test_region() -> None:
    for syntax in (s.EXPLICIT_LE, s.RLE):
        contents = s.image(PIXELS, syntax=syntax)
        found = dd.imread(contents, values="stored", region=(1, 2, 4, 3))
        np.testing.assert_array_equal(found, PIXELS[:, 1:5, 2:5])
        for bad in ((0, 0, 7, 1), (-1, 0, 1, 1), (0, 0, 0, 1), (5, 5, 1, 1)):
            with pytest.raises(ValueError):
                dd.imread(contents, region=bad)


def test_dicomdir() -> None:
    paths = sorted((FOLDER / "test_files" / "dicomdirtests").glob("DICOMDIR*"))
    assert len(paths) >= 3
    for path in paths:
        image = dd.open(path)
        assert image.tag("FileSetID") == pydicom.dcmread(path).FileSetID
        with pytest.raises(dd.DicomError) as caught:
            image.pixels()
        assert caught.value.code == "no_pixel_data"


def test_unsupported_syntax_is_named() -> None:
    """Until a decoder is there, and for syntaxes that hold no image: UnsupportedError with the name."""
    contents = s.dataset(
        [
            (0x00280002, "US", 1), (0x00280004, "CS", "MONOCHROME2"), (0x00280010, "US", 2), (0x00280011, "US", 2),
            (0x00280100, "US", 8), (0x00280101, "US", 8), (0x00280102, "US", 7), (0x00280103, "US", 0),
            *s.encapsulate([b"\0" * 20]),
        ],
        syntax="1.2.840.10008.1.2.4.94",
    )  # fmt: skip
    with pytest.raises(dd.UnsupportedError, match="JPIP"):
        dd.imread(contents)
    with pytest.raises(dd.UnsupportedError):
        dd.imread(contents.replace(b"1.2.840.10008.1.2.4.94", b"1.2.840.99999.1.2.4.94"))
    assert dd.decode_dicom_image(contents).shape == (0,)


def test_indices_mean_what_they_mean_to_numpy() -> None:
    pixels = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    image, array = dd.open(s.image(pixels)), pixels.astype(np.float32)
    for index in (1, -1, np.int64(2), slice(0, 2), slice(None, None, -1), [2, 0], np.array([0, 1]), ..., (), (...,)):
        np.testing.assert_array_equal(image[index], array[index])
    every = [0, -1, slice(None), slice(1, 3), slice(-2, None), slice(3, 1), slice(None, None, 2), slice(None, None, -1)]
    for index in itertools.product([1, slice(0, 2), slice(None)], every, every):
        np.testing.assert_array_equal(image[index], array[index])
    for index in ((..., 0), (1, ..., slice(2)), (slice(1), 2, 3, ...), np.s_[..., 1:3, :2]):
        np.testing.assert_array_equal(image[index], array[index])
    for wrong in (None, True, (0, 1), (slice(0, 2), 1), ([0], 1, 1), (0, 0, 0, 0), [True, False, True], 1.0, "0"):
        with pytest.raises(TypeError):
            image[wrong]
    with pytest.raises(IndexError):
        image[0, 4, 0]
    single = dd.open(s.image(pixels[0]))
    np.testing.assert_array_equal(single[...], array[0])
    np.testing.assert_array_equal(single[1:3, -1], array[0, 1:3, -1])
    colour = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    np.testing.assert_array_equal(dd.open(s.image(colour, photometric="RGB"))[1:, 2:4, 0], colour[1:, 2:4, 0])


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.RLE])
def test_regions_by_slices(syntax: str) -> None:
    pixels = np.arange(3 * 40 * 50, dtype=np.uint16).reshape(3, 40, 50)
    image = dd.open(s.image(pixels, syntax=syntax))
    for region in (np.s_[3:9, 5:50], np.s_[:, :], np.s_[-5:, :-3], np.s_[38:100, 0:1:1], [slice(1), slice(np.int8(2))]):
        np.testing.assert_array_equal(image.pixels(values="stored", region=region), pixels[:, region[0], region[1]])
    drawn = image.pixels(values="display", overlays=True, region=np.s_[3:9, 5:50])
    np.testing.assert_array_equal(drawn, image.pixels(values="display")[:, 3:9, 5:50])
    for empty in (np.s_[5:5, :], np.s_[40:, :], np.s_[:, 9:2], np.s_[::2, :], np.s_[:, ::-1], np.s_["a":, :]):
        with pytest.raises(ValueError, match="region"):
            image.pixels(region=empty)
    for wrong in (np.s_[1:3], np.s_[1:3, 1], np.s_[1:3, 1:3, 1:3], ((0, 1), (2, 3)), 5, "whole"):
        with pytest.raises((TypeError, ValueError), match="region"):
            image.pixels(region=wrong)


def test_other_libraries_take_an_image_as_the_array() -> None:
    """A single frame is [rows, columns] there too, not a sequence of one."""
    for pixels in (np.arange(20, dtype=np.uint16).reshape(4, 5), np.arange(60, dtype=np.uint16).reshape(3, 4, 5)):
        image = dd.open(s.image(pixels))
        assert np.asarray(image).shape == np.from_dlpack(image).shape == pixels.shape  # type: ignore[arg-type]
        np.testing.assert_array_equal(np.from_dlpack(image), pixels)  # type: ignore[arg-type]
        assert image.__dlpack_device__() == np.zeros(1).__dlpack_device__()


def test_dask_reads_frames_when_they_are_needed() -> None:
    dask = pytest.importorskip("dask.array", reason="dask: not installed")
    pixels = np.arange(60, dtype=np.uint16).reshape(3, 4, 5)
    for part in (pixels, pixels[0]):
        lazy = dask.from_array(dd.open(s.image(part)))
        assert (lazy.shape, lazy.dtype) == (part.shape, np.float32)
        np.testing.assert_array_equal(lazy.compute(), part)
        np.testing.assert_array_equal(lazy[..., 1:3].compute(), part[..., 1:3])


def test_torch_has_the_shape_of_numpy() -> None:
    torch = pytest.importorskip("torch", reason="torch: not installed")
    for pixels in (np.arange(20, dtype=np.uint16).reshape(4, 5), np.arange(60, dtype=np.uint16).reshape(3, 4, 5)):
        image = dd.open(s.image(pixels))
        for read in (torch.as_tensor, torch.asarray, torch.tensor):
            assert tuple(read(image).shape) == pixels.shape
            np.testing.assert_array_equal(read(image).numpy(), pixels)


def test_an_image_at_rest_says_its_dtype(tmp_path: Path) -> None:
    """Behind a long header, the first codestream is not among the bytes that are kept."""
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    long: list[s.Element] = [(0x00090010, "LO", "SOMEBODY"), (0x00091010, "OB", bytes(70_000))]
    path = tmp_path / "x.dcm"
    path.write_bytes(s.image(pixels, photometric="RGB", syntax=s.RLE, extra=long))
    with dd.open(path) as image:
        assert image.dtype == np.uint8 and image.nbytes == pixels.nbytes
