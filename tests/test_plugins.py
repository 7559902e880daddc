"""Plugins, each with the library that it is for."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tokenize
import tomllib
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file

import dicomdecode as dd
from tests import synthesise as s

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("CT_small.dcm", "MR_small_RLE.dcm", "examples_palette.dcm", "SC_rgb_jpeg_dcmtk.dcm", "rtdose.dcm")
CT, RLE, PALETTE, COLOUR, DOSE = FILES = [str(get_testdata_file(name, download=False)) for name in NAMES]
SERIES = Path(str(get_testdata_file("DICOMDIR", download=False))).parent / "98892001" / "CT5N"

# Hosts warn of their own dependencies, when they are imported and later.
pytestmark = pytest.mark.filterwarnings("ignore")


def plugin(name: str, *hosts: str) -> Any:
    """A plugin, where its hosts are installed."""
    with warnings.catch_warnings(action="ignore"):
        for host in hosts:
            pytest.importorskip(host, reason=f"plugin host: {host} is not installed")
        return importlib.import_module(f"dicomdecode.plugins.{name}")


def test_entry_points_lead_to_something() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = tomllib.loads(text)["project"]["entry-points"]
    assert set(found) == {"xarray.backends", "napari.manifest", "numcodecs.codecs"}
    for points in found.values():
        module, _, name = points["dicomdecode"].partition(":")
        path = ROOT.joinpath(*module.split("."))
        if name.endswith(".yaml"):
            assert (path / name).is_file()
        else:
            assert f"class {name}(" in path.with_suffix(".py").read_text(encoding="utf-8")


each_plugin = pytest.mark.parametrize(
    "path", sorted((ROOT / "dicomdecode" / "plugins").glob("[!_]*.py")), ids=lambda path: path.stem
)


@each_plugin
def test_pages_and_settings_know_each_plugin(path: Path) -> None:
    """docs/contributing.md, "A new plugin": it can be found, is measured, and its host may be missing."""
    for place in ("docs/ecosystem.md", "docs/api.md", "benchmarks/plugins.py", "tests/test_docs.py"):
        assert re.search(rf"\b{path.stem}\b", (ROOT / place).read_text(encoding="utf-8")), place
    tree = ast.parse(path.read_text(encoding="utf-8"))
    plain = [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    imported = plain + [node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)]
    hosts = {name.partition(".")[0] for name in imported} - sys.stdlib_module_names
    mocked = re.search(r"^autodoc_mock_imports = (.*)$", (ROOT / "docs/conf.py").read_text(encoding="utf-8"), re.M)
    untyped = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mypy"]["overrides"]
    known = {name for table in untyped for name in table["module"]}
    for host in hosts - {"dicomdecode", "numpy", "PIL"}:
        assert mocked and f'"{host}"' in mocked[1], "docs/conf.py"
        assert f"{host}.*" in known, "pyproject.toml"


@each_plugin
def test_plugins_are_short(path: Path) -> None:
    """Fewer than 60 lines, without those that are empty, comments or docstrings."""
    tokens = [t for t in tokenize.generate_tokens(path.open(encoding="utf-8").readline) if t.type != tokenize.COMMENT]
    spaces = (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    code = {line for t in tokens if t.type not in spaces for line in range(t.start[0], t.end[0] + 1)}
    texts = {line for t in tokens if t.string.startswith('"""') for line in range(t.start[0], t.end[0] + 1)}
    assert len(code - texts) < 60


@pytest.mark.parametrize("path", FILES)
def test_pillow(path: str) -> None:
    from PIL import Image

    pillow = plugin("pillow", "PIL")
    pillow.register()
    pillow.register()
    with Image.open(path) as picture, dd.open(path) as image:
        window = None if image.window_of() or picture.mode == "RGB" else "auto"
        display = image.pixels(values="display", window=window)
        for i in range(image.frames):
            picture.seek(i)
            assert picture.tell() == i
            assert np.array_equal(np.asarray(picture), display[i] if image.frames > 1 else display)
        with pytest.raises(EOFError):
            picture.seek(image.frames)


def test_pillow_leaves_others_alone(tmp_path: Path) -> None:
    from PIL import Image, UnidentifiedImageError

    plugin("pillow", "PIL").register()
    Image.new("L", (3, 2)).save(tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.format == "PNG"
    plan = Path(str(get_testdata_file("rtplan.dcm"))).read_bytes()
    for data in (b"", b"no picture" * 40, plan):
        path = tmp_path / "file"
        path.write_bytes(data)
        with pytest.raises(UnidentifiedImageError):
            Image.open(path)


@pytest.mark.parametrize("path", FILES)
def test_imageio(path: str) -> None:
    host = plugin("imageio", "imageio")
    import imageio.v3 as iio

    host.register()
    host.register()
    expected = dd.imread(path)
    assert np.array_equal(iio.imread(path), expected)
    stored = iio.imread(Path(path).read_bytes(), plugin="dicomdecode", values="stored")
    assert np.array_equal(stored, dd.imread(path, values="stored"))
    properties = iio.improps(path, plugin=host.DicomPlugin)
    assert properties.shape == expected.shape and properties.dtype == expected.dtype
    with dd.open(path) as image:
        frames = list(iio.imiter(path, plugin=host.DicomPlugin))
        assert len(frames) == image.frames and np.array_equal(frames[-1], image[image.frames - 1])
        assert iio.imread(path, index=..., plugin=host.DicomPlugin).shape[0] == image.frames
        assert set(iio.immeta(path, plugin=host.DicomPlugin)) == {"modality", "spacing", "steps"}
    with pytest.raises(ValueError, match="no frame"):
        iio.imread(path, index=99, plugin=host.DicomPlugin)
    with pytest.raises(OSError):
        iio.imread(b"no picture" * 40, plugin=host.DicomPlugin)


@pytest.mark.parametrize("path", FILES)
def test_scikit_image(path: str) -> None:
    """It asks imageio, which has been told of the plugin."""
    host = plugin("imageio", "imageio", "skimage")
    import skimage.io

    host.register()
    assert np.array_equal(skimage.io.imread(path), dd.imread(path))
    stored = skimage.io.imread(path, values="stored")
    assert np.array_equal(stored, dd.imread(path, values="stored"))


@pytest.mark.parametrize("path", FILES)
def test_xarray(path: str) -> None:
    host = plugin("xarray", "xarray")
    import xarray

    expected = dd.imread(path)
    with xarray.open_dataset(path, engine=host.DicomBackend) as dataset:
        pixels = dataset["pixels"]
        assert pixels.shape == expected.shape and pixels.dtype == expected.dtype
        part = pixels[..., 1:4] if expected.shape[-1] > 3 else pixels[..., 1]
        assert np.array_equal(part.values, expected[..., 1:4] if expected.shape[-1] > 3 else expected[..., 1])
        assert np.array_equal(pixels[-1].values, expected[-1]) and np.array_equal(pixels.values, expected)
        spacing = dd.open(path).spacing
        assert spacing is None or dataset["row"].values[1] == pytest.approx(spacing[0])
    assert host.DicomBackend().guess_can_open("a.DCM") and not host.DicomBackend().guess_can_open("a.nc")


def test_xarray_reads_the_frames_that_are_asked_for() -> None:
    host = plugin("xarray", "xarray")
    import xarray

    with xarray.open_dataset(DOSE, engine=host.DicomBackend, values="stored") as dataset:
        assert np.array_equal(dataset["pixels"][2:9:3, 1].values, dd.imread(DOSE, values="stored")[2:9:3, 1])
        assert np.array_equal(dataset["pixels"].sel(row=20.0).values, dd.imread(DOSE, values="stored")[:, 2])


@pytest.mark.parametrize("path", FILES)
def test_napari(path: str) -> None:
    host = plugin("napari", "npe2")
    from npe2 import PluginManager, PluginManifest, read

    manifest = PluginManifest.from_file(ROOT / "dicomdecode" / "plugins" / "napari.yaml")
    if "dicomdecode" not in {known.name for known in PluginManager.instance().iter_manifests()}:
        PluginManager.instance().register(manifest)
    ((data, keywords, kind),) = read([path], stack=False, plugin_name="dicomdecode")
    with dd.open(path) as image:
        colour = path in (PALETTE, COLOUR)
        assert kind == "image" and np.array_equal(data, image.pixels(values="display" if colour else "modality"))
        assert keywords.get("rgb", False) == colour
        assert (image.spacing is None) == ("scale" not in keywords)
    assert host.get_reader(__file__) is None
    layer = host.get_reader(str(SERIES))(str(SERIES))[0]
    assert layer[0].shape == (5, 16, 16) and layer[1]["scale"] == (2.5, 0.488281, 0.488281)


@pytest.mark.parametrize("path", [CT, PALETTE, DOSE, str(SERIES)])
def test_torchio(path: str) -> None:
    host = plugin("torchio", "torch", "torchio")
    import torchio

    image = torchio.ScalarImage(path, reader=host.read_dicom)
    theirs = torchio.ScalarImage(path)
    assert image.shape[1:] == theirs.shape[1:]
    if path != PALETTE:
        np.testing.assert_allclose(image.affine, theirs.affine, atol=1e-6)
        scale = 1e-6 if path == DOSE else 1  # Dose Grid Scaling, which TorchIO's own reader leaves out
        np.testing.assert_allclose(image.data.numpy(), theirs.data.numpy() * scale, rtol=1e-6)


def test_monai() -> None:
    host = plugin("monai", "torch", "monai")
    from monai.transforms import LoadImage

    load, theirs = LoadImage(reader=host.DicomReader(), image_only=True), LoadImage("PydicomReader", image_only=True)
    ct, other = load(CT), theirs(CT)
    assert np.array_equal(ct, other) and np.allclose(ct.affine[:, [0, 1, 3]], other.affine[:, [0, 1, 3]])
    volume, other = load(SERIES), theirs(SERIES)
    # PydicomReader goes by Instance Number, here the other way round.
    assert np.array_equal(volume.numpy(), other.numpy()[..., ::-1])
    corner = np.array([0, 0, 4, 1.0])
    assert np.allclose(volume.affine @ corner, other.affine @ np.array([0, 0, 0, 1.0]))
    assert load(PALETTE).shape == (800, 350, 3) and load(DOSE).shape == (10, 10, 15)
    assert load([CT, CT]).shape == (2, 128, 128)
    reader = host.DicomReader(values="stored")
    assert reader.verify_suffix([CT]) and not reader.verify_suffix("a.nii.gz")
    assert LoadImage(reader=reader, image_only=True)(CT).min() == 128


def opened_by_zarr(path: str) -> Any:
    host = plugin("kerchunk", "numcodecs", "zarr", "fsspec")
    import fsspec
    import numcodecs
    import zarr

    numcodecs.register_codec(host.DicomCodec)
    files = fsspec.filesystem("reference", fo=host.references(path), asynchronous=True, remote_protocol="file")
    return zarr.open_array(zarr.storage.FsspecStore(files, path="pixels"), mode="r", zarr_format=2)


@pytest.mark.parametrize("path", FILES)
def test_references(path: str) -> None:
    array = opened_by_zarr(path)
    expected = dd.imread(path, values="stored", color="stored" if path == PALETTE else "rgb")
    assert array.shape == expected.shape and array.dtype == expected.dtype
    assert np.array_equal(array[...], expected) and np.array_equal(array[-1], expected[-1])


def test_references_of_a_slide(tmp_path: Path) -> None:
    """Six tiles of a full matrix of 2 x 3; those at the ends stick out."""
    tiles = np.random.default_rng(1).integers(0, 256, (6, 4, 5, 3), np.uint8)
    path = tmp_path / "slide.dcm"
    matrix = [(0x00480006, "UL", 13), (0x00480007, "UL", 7), (0x00209311, "CS", b"TILED_FULL")]
    path.write_bytes(s.image(tiles, photometric="RGB", syntax=s.RLE, extra=matrix))
    array = opened_by_zarr(str(path))
    whole = tiles.reshape(2, 3, 4, 5, 3).swapaxes(1, 2).reshape(8, 15, 3)
    assert array.shape == (7, 13, 3) and array.chunks == (4, 5, 3)
    assert np.array_equal(array[...], whole[:7, :13])


@pytest.mark.parametrize(
    ("pixels", "keywords"),
    [
        (np.zeros((3, 5), np.uint8), {"allocated": 1, "bits_stored": 1}),
        (np.zeros((8, 8), np.uint16), {"syntax": s.RLE, "fragments": 2}),
        (np.zeros((8, 8), np.uint16), {"syntax": s.DEFLATED}),
    ],
)
def test_frames_without_a_place(pixels: Any, keywords: dict[str, Any]) -> None:
    host = plugin("kerchunk", "numcodecs")
    data = s.image(pixels, **keywords)
    with pytest.raises(dd.UnsupportedError, match="no place of their own") as caught:
        host.references(data, url="x")
    assert caught.value.code == "frame_place"


@pytest.mark.parametrize(
    ("syntax", "encoding"),
    [
        (s.EXPLICIT_LE, None),
        (s.EXPLICIT_BE, None),
        (s.GE_PRIVATE, None),
        ("1.2.3.4.5", s.LITTLE),
        (s.IMPLICIT_LE, s.Encoding(explicit=True, big_endian=True)),
        (s.EXPLICIT_BE, s.LITTLE),
    ],
)
@pytest.mark.parametrize("stored", [12, 16])
def test_byte_order_of_references(syntax: str, encoding: s.Encoding | None, stored: int) -> None:
    """What a reference says of the bytes is what `imread` makes of them, whatever the transfer syntax is called."""
    from dicomdecode.plugins._places import places_of

    pixels = np.arange(12, dtype=np.uint16).reshape(3, 4) * 300
    order = encoding.order if encoding else ">" if syntax in (s.EXPLICIT_BE, s.GE_PRIVATE) else "<"
    value = pixels.astype(f"{order}u2").tobytes()
    contents = s.image(pixels, bits_stored=stored, syntax=syntax, encoding=encoding, without=[s.PIXEL_DATA])
    contents += s.element(s.PIXEL_DATA, "OW", value, encoding or s.encoding_of(syntax))
    np.testing.assert_array_equal(dd.imread(contents, values="stored"), pixels)
    places = places_of(contents)
    ((start, length),) = places.extents.values()
    cells = contents[start : start + length]
    if places.keywords is None:
        found = np.frombuffer(cells, places.dtype).reshape(places.chunks)
    else:
        found = dd.decode_frame(cells, **places.keywords)
    np.testing.assert_array_equal(found, pixels)
