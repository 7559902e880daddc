"""What `convert` writes in each format, read by the library that the format is for."""

from __future__ import annotations

import io
import json
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.export._crc32c import crc32c
from dicomdecode.export.formats import read_examples
from dicomdecode.export.places import place_in_slide
from dicomdecode.export.units import Plan
from tests import synthesise as s
from tests.volumes.series import affine, multi_frame, one_slice, stack, values

TAGS: list[Any] = ["Modality", 0x00200013, "ImagePositionPatient", "PatientComments"]
SECRET: list[s.Element] = [(0x00100010, "PN", "SECRET^NAME"), (0x00100020, "LO", "SECRETID")]


def library(name: str) -> Any:
    return pytest.importorskip(name, reason=f"export: {name} is not installed")


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()[1:]]


def test_npy(tmp_path: Path) -> None:
    report = dd.convert(stack(40), tmp_path, format="npy")
    assert (report.done, report.failed, report.skipped) == (40, 0, 0)
    for k in range(40):
        array = np.load(tmp_path / f"{k:08d}.npy")
        assert array.dtype == np.float32 and np.array_equal(array, values([k])[0])
    assert report.bytes == sum(path.stat().st_size for path in tmp_path.glob("*.npy"))


def test_keywords_of_imread(tmp_path: Path) -> None:
    dd.convert(stack(2), tmp_path, format="npy", values="stored", dtype=np.int32, region=(1, 2, 3, 4))
    array = np.load(tmp_path / "00000001.npy")
    assert array.dtype == np.int32 and np.array_equal(array, values([1])[0][1:4, 2:6])


def test_npz(tmp_path: Path) -> None:
    dd.convert(stack(3), tmp_path, format="npz", tags=TAGS)
    with np.load(tmp_path / "00000002.npz") as file:
        assert np.array_equal(file["pixels"], values([2])[0])
        assert file["tag_Modality"] == "MR" and file["tag_InstanceNumber"] == 2
        assert file["tag_ImagePositionPatient"].tolist() == [-10, 20, 34] and file["tag_PatientComments"] == ""


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_png(tmp_path: Path, dtype: Any) -> None:
    import imagecodecs

    frames = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (3, 5, 7)).astype(dtype)
    colour = np.random.default_rng(2).integers(0, 256, (5, 7, 3), np.uint8)
    sources = [s.image(frames[0]), s.image(frames), s.image(colour, photometric="RGB")]
    dd.convert(sources, tmp_path, format="png", values="stored")
    names = sorted(path.name for path in tmp_path.glob("*.png"))
    assert names == ["00000000.png", *(f"00000001_{i:04d}.png" for i in range(3)), "00000002.png"]
    assert np.array_equal(imagecodecs.png_decode((tmp_path / names[0]).read_bytes()), frames[0])
    assert np.array_equal(imagecodecs.png_decode((tmp_path / names[3]).read_bytes()), frames[2])
    assert np.array_equal(imagecodecs.png_decode((tmp_path / names[4]).read_bytes()), colour)


def test_png_shows_by_itself_and_refuses_floats(tmp_path: Path) -> None:
    assert dd.convert(stack(2), tmp_path / "a", format="png").done == 2
    report = dd.convert(stack(2), tmp_path / "b", format="png", values="modality")
    assert report.failed == 2 and lines_of(tmp_path / "b")[0]["code"] == "export_type"


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_tiff(tmp_path: Path, dtype: Any) -> None:
    tifffile = library("tifffile")
    dd.convert([*stack(2), multi_frame([(0, 0, k) for k in range(3)])], tmp_path, format="tiff", dtype=dtype)
    assert np.array_equal(tifffile.imread(tmp_path / "00000001.tiff"), values([1])[0].astype(dtype))
    assert tifffile.imread(tmp_path / "00000002.tiff").shape == (3, 6, 8)


def test_nifti(tmp_path: Path) -> None:
    nibabel = library("nibabel")
    echoes: list[list[s.Element]] = [[(0x00180086, "IS", k)] for k in (1, 2)]
    two = [file for k in (0, 1) for file in stack(3, series="1.2.9", first=3 * k, extra=echoes[k])]
    sources = [*stack(4), *two, stack(5, series="1.2.10")[0]]
    report = dd.convert(sources[::-1], tmp_path, format="nifti", tags=["Modality"])
    assert (report.done, report.failed) == (2, 1)
    names = sorted(path.name for path in tmp_path.glob("*.nii"))
    assert names == ["00000001_0000.nii", "00000001_0001.nii", "00000002.nii"]
    image = nibabel.load(tmp_path / "00000002.nii")
    assert np.array_equal(np.asanyarray(image.dataobj).T, values(range(4)))
    assert np.allclose(image.affine, np.diag([-1, -1, 1, 1]) @ affine())
    assert json.loads((tmp_path / "00000002.json").read_text()) == {"Modality": "MR"}
    assert [line["code"] for line in lines_of(tmp_path)] == ["not_a_volume", "", ""]


def test_zarr(tmp_path: Path) -> None:
    zarr = library("zarr")
    dd.convert([multi_frame([(0, 0, k) for k in range(5)]), *stack(2)], tmp_path, format="zarr", tags=TAGS[:2])
    group = zarr.open_group(tmp_path, mode="r")
    frames = group["00000000"]
    assert frames.chunks == (1, 6, 8) and frames.shards == (5, 6, 8)
    assert np.array_equal(frames[...], values(range(5)))
    assert np.array_equal(group["00000002"][...], values([1])[0])
    assert dict(group["00000002"].attrs) == {"Modality": "MR", "InstanceNumber": 1}
    dd.convert(stack(1), tmp_path, format="npy", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000000.npy", "manifest.jsonl"]


def slide(*, full: bool, color: bool, lost: int | None = None) -> tuple[bytes, np.ndarray]:
    """Tiles of 4 x 5 of a matrix of 7 x 13, those at the ends stick out; and the whole picture."""
    shape = (6, 4, 5, 3) if color else (6, 4, 5)
    tiles = np.random.default_rng(1).integers(1, 256, shape, np.uint8)
    frames = [i for i in (range(6) if full else (4, 2, 0, 5, 1, 3)) if i != lost]
    places = [
        [(0x0048021A, "SQ", [[(0x0048021E, "SL", 1 + i % 3 * 5), (0x0048021F, "SL", 1 + i // 3 * 4)]])] for i in frames
    ]
    measures = [[(0x00289110, "SQ", [[(0x00280030, "DS", ["0.002", "0.001"])]])]]
    extra: list[s.Element] = [
        (0x00080060, "CS", "SM"),
        (0x00209311, "CS", "TILED_FULL" if full else "TILED_SPARSE"),
        (0x00480006, "UL", 13),
        (0x00480007, "UL", 7),
        (0x52009229, "SQ", measures),
        *([] if full else [(0x52009230, "SQ", places)]),
    ]
    if lost is not None:
        tiles[lost] = 0
    whole = tiles.reshape(2, 3, 4, 5, *shape[3:]).swapaxes(1, 2).reshape(8, 15, *shape[3:])[:7, :13]
    form = {"photometric": "RGB"} if color else {}
    return s.image(tiles[frames], syntax=s.RLE, extra=extra, **form), whole.transpose(2, 0, 1) if color else whole


@pytest.mark.parametrize("color", [True, False])
@pytest.mark.parametrize("full, lost", [(True, None), (False, None), (False, 4)])
def test_slides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool, color: bool, lost: int | None) -> None:
    zarr = library("zarr")
    monkeypatch.setattr("dicomdecode.export.slides._BAND_BYTES", 100)  # one row of tiles at a time
    contents, whole = slide(full=full, color=color, lost=lost)
    report = dd.convert([contents], tmp_path, format="zarr", values="stored", tags=["Modality"])
    assert report.done == 1
    group = zarr.open_group(tmp_path / "00000000", mode="r")
    array = group["0"]
    assert array.dtype == np.uint8 and np.array_equal(array[...], whole)
    assert array.chunks[-2:] == (4, 5) and array.shards[-2:] == (4, 15)
    assert group.attrs["Modality"] == "SM"
    (scale,) = group.attrs["ome"]["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    assert np.allclose(scale["scale"][-2:], (2.0, 1.0))


@pytest.mark.parametrize("color", [True, False])
@pytest.mark.filterwarnings("ignore")
def test_slides_in_ome_zarr(tmp_path: Path, color: bool) -> None:
    library("zarr")
    pytest.importorskip("ome_zarr", reason="export: ome_zarr is not installed")
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    contents, whole = slide(full=True, color=color)
    dd.convert([contents], tmp_path, format="zarr", values="stored")
    (node,) = Reader(parse_url(tmp_path / "00000000"))()
    assert np.array_equal(np.asarray(node.data[0]), whole)
    assert [axis["name"] for axis in node.metadata["axes"]] == (["c"] if color else []) + ["y", "x"]


def level(rows: int, columns: int, *, uid: str = "1.2.3", kind: str = "VOLUME") -> tuple[bytes, np.ndarray]:
    """A level of a slide in tiles of 4 x 4, its pixels 0.004 mm / `columns` wide; and the whole picture."""
    whole = np.random.default_rng(rows).integers(1, 256, (rows, columns), np.uint8)
    tiles = whole.reshape(rows // 4, 4, columns // 4, 4).swapaxes(1, 2).reshape(-1, 4, 4)
    measures = [[(0x00289110, "SQ", [[(0x00280030, "DS", [f"{0.008 / rows:.10g}", f"{0.004 / columns:.10g}"])]])]]
    extra: list[s.Element] = [
        (0x00080008, "CS", ["ORIGINAL", "PRIMARY", kind, "NONE"]),
        (0x00080060, "CS", "SM"),
        (0x0020000E, "UI", uid),
        (0x00209311, "CS", "TILED_FULL"),
        (0x00480006, "UL", columns),
        (0x00480007, "UL", rows),
        (0x52009229, "SQ", measures),
    ]
    return s.image(tiles, extra=extra), whole


def test_levels_of_a_slide_are_one_image(tmp_path: Path) -> None:
    """In any order, between other files; a label of the series stays by itself, and so does another slide."""
    zarr = library("zarr")
    levels = [level(16, 8), level(4, 4), level(8, 4)]
    others = [level(8, 8, kind="LABEL"), level(8, 8, uid="1.2.4")]
    files = [levels[1][0], others[0][0], *stack(1), levels[0][0], others[1][0], levels[2][0]]
    report = dd.convert(files, tmp_path, format="zarr", values="stored", tags=["Modality"])
    assert report.done == 4
    assert [line["index"] for line in lines_of(tmp_path)] == [1, 2, 0, 3], "slides are known when all files are"
    group = zarr.open_group(tmp_path / "00000000", mode="r")
    for name, k in (("0", 0), ("1", 2), ("2", 1)):
        assert np.array_equal(group[name][...], levels[k][1])
    (image,) = group.attrs["ome"]["multiscales"]
    scales = [each["coordinateTransformations"][0]["scale"] for each in image["datasets"]]
    assert np.allclose(scales, [(0.5, 0.5), (1, 1), (2, 1)])
    assert [axis.get("unit") for axis in image["axes"]] == ["micrometer", "micrometer"]
    for name, k in (("00000001", 0), ("00000003", 1)):
        assert np.array_equal(zarr.open_group(tmp_path / name, mode="r")["0"][...], others[k][1])
    assert dd.convert(files, tmp_path, format="zarr", values="stored", tags=["Modality"]).skipped == 4


def test_only_levels_wait_for_other_files(tmp_path: Path) -> None:
    taken: list[int] = []

    def sources() -> Iterator[bytes]:
        for k, contents in enumerate([level(16, 8)[0], *stack(3)]):
            taken.append(k)
            yield contents

    plan = Plan(sources(), 8, dd.Limits(), alone=True, placing=place_in_slide, known={}, folder=tmp_path)
    units = iter(plan)
    assert [each.index for each in next(units).items] == [1] and taken == [0, 1]
    assert [each.index for unit in units for each in unit.items] == [2, 3, 0]


def test_pictures_of_one_size_are_no_levels(tmp_path: Path) -> None:
    library("zarr")
    files = [level(16, 8)[0], level(8, 4)[0], level(8, 4)[0]]
    assert dd.convert(files, tmp_path / "a", format="zarr").done == 3
    assert dd.convert(files, tmp_path / "b", format="zarr", frames=0).done == 3


@pytest.mark.filterwarnings("ignore")
def test_levels_in_ome_zarr(tmp_path: Path) -> None:
    zarr = library("zarr")
    pytest.importorskip("ome_zarr", reason="export: ome_zarr is not installed")
    pytest.importorskip("ome_zarr_models", reason="export: ome_zarr_models is not installed")
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader
    from ome_zarr_models.v05.image import Image

    levels = [level(16, 8), level(8, 4)]
    dd.convert([contents for contents, _ in levels], tmp_path, format="zarr", values="stored")
    (node,) = Reader(parse_url(tmp_path / "00000000"))()
    assert all(np.array_equal(np.asarray(data), whole) for data, (_, whole) in zip(node.data, levels, strict=True))
    Image.from_zarr(zarr.open_group(tmp_path / "00000000", mode="r"))  # raises what is no OME-Zarr 0.5


def test_a_damaged_tile_is_a_failure_of_its_slide(tmp_path: Path) -> None:
    library("zarr")
    contents, _ = slide(full=True, color=False)
    parts = contents.split(item := b"\xfe\xff\x00\xe0")
    parts[-3] = parts[-3][:4] + bytes(4) + parts[-3][8:]  # a tile of no segments
    files = [item.join(parts), *stack(1)]
    report = dd.convert(files, tmp_path, format="zarr")
    assert (report.done, report.failed) == (1, 1) and not (tmp_path / ".partial").exists()
    assert not (tmp_path / "00000000").exists()


def test_tfrecord(tmp_path: Path) -> None:
    dd.convert(stack(5), tmp_path, format="tfrecord", tags=TAGS, shard_size=2)
    assert sorted(path.name for path in tmp_path.glob("*.tfrecord")) == [f"{k:06d}.tfrecord" for k in range(3)]
    found = [each for k in range(3) for each in read_examples(tmp_path / f"{k:06d}.tfrecord")]
    assert len(found) == 5
    array = np.frombuffer(found[4]["pixels"][0], found[4]["dtype"][0].decode()).reshape(found[4]["shape"])
    assert np.array_equal(array, values([4])[0])
    assert found[4]["Modality"] == [b"MR"] and found[4]["InstanceNumber"] == [4]
    assert found[4]["ImagePositionPatient"] == [-10, 20, 38] and found[4]["PatientComments"] == []


@pytest.mark.slow
def test_tfrecord_in_tensorflow(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow", reason="tensorflow: not installed")
    sources = [one_slice(k, (0, 0, k), instance=-3 * k) for k in range(3)]
    dd.convert(sources, tmp_path, format="tfrecord", tags=["InstanceNumber", "PixelSpacing"])
    described = {
        "pixels": tf.io.FixedLenFeature([], tf.string),
        "shape": tf.io.FixedLenFeature([2], tf.int64),
        "InstanceNumber": tf.io.FixedLenFeature([], tf.int64),
        "PixelSpacing": tf.io.FixedLenFeature([2], tf.float32),
    }
    data = tf.data.TFRecordDataset([str(tmp_path / "000000.tfrecord")])
    for k, each in enumerate(data.map(lambda record: tf.io.parse_single_example(record, described))):
        pixels = tf.reshape(tf.io.decode_raw(each["pixels"], tf.float32), each["shape"])
        assert np.array_equal(pixels.numpy(), values([k])[0])
        assert int(each["InstanceNumber"]) == -3 * k and each["PixelSpacing"].numpy().tolist() == [0.5, 0.75]


def test_damaged_tfrecords(tmp_path: Path) -> None:
    dd.convert(stack(2), tmp_path / "whole", format="tfrecord")
    whole = (tmp_path / "whole" / "000000.tfrecord").read_bytes()
    path = tmp_path / "x"
    for length in (3, 11, 12, 20, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(dd.TruncatedError):
            list(read_examples(path))
    for at in (0, 9, 40, len(whole) - 2):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(dd.MalformedError) as caught:
            list(read_examples(path))
        assert caught.value.code == "tfrecord"


def test_crc32c() -> None:
    """The test vectors of RFC 3720 B.4."""
    assert crc32c(b"") == 0 and crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA and crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E and crc32c(bytes(range(31, -1, -1))) == 0x113FDB5C
    assert crc32c(b"456789", crc32c(b"123")) == 0xE3069283


def test_webdataset(tmp_path: Path) -> None:
    dd.convert(stack(5), tmp_path, format="webdataset", tags=TAGS, shard_size=3)
    with tarfile.open(tmp_path / "000001.tar") as tar:
        assert tar.getnames() == [f"{k:08d}.{ending}" for k in (3, 4) for ending in ("json", "npy")]
        member = tar.extractfile("00000004.npy")
        assert member is not None and np.array_equal(np.load(io.BytesIO(member.read())), values([4])[0])
        member = tar.extractfile("00000004.json")
        assert member is not None and json.loads(member.read())["InstanceNumber"] == 4
    assert (tmp_path / "000001.tar").stat().st_size % 512 == 0


def test_parquet(tmp_path: Path) -> None:
    parquet = library("pyarrow.parquet")
    without = [s.dataset([(0x00080060, "CS", "SR")])]
    dd.convert([*stack(3), *without], tmp_path, format="parquet", tags=[*TAGS, "SliceThickness"], shard_size=2)
    tables = [parquet.read_table(path) for path in sorted(tmp_path.glob("*.parquet"))]
    assert tables[0].schema == tables[1].schema
    table = {name: [value for each in tables for value in each[name].to_pylist()] for name in tables[0].column_names}
    assert table["index"] == [0, 1, 2, 3] and table["Modality"] == ["MR", "MR", "MR", "SR"]
    assert table["InstanceNumber"] == [0, 1, 2, None] and table["SliceThickness"] == [2.5, 2.5, 2.5, None]
    assert table["ImagePositionPatient"] == [[-10, 20, 30], [-10, 20, 32], [-10, 20, 34], None]
    assert table["PatientComments"] == [None] * 4


@pytest.mark.parametrize("name", ["npy", "npz", "png", "tfrecord", "webdataset"])
def test_nothing_else_is_written(tmp_path: Path, name: str) -> None:
    sources = []
    for k, contents in enumerate(stack(3, extra=SECRET)):
        (tmp_path / f"secret{k}.dcm").write_bytes(contents)
        sources.append(tmp_path / f"secret{k}.dcm")
    dd.convert(sources, tmp_path / "out", format=name, tags=["Modality"])
    for path in (tmp_path / "out").iterdir():
        if path.name != "manifest.jsonl":
            assert b"secret" not in path.read_bytes().lower() and "secret" not in path.name


def test_header_of_a_record() -> None:
    """By TensorFlow's own description: a masked checksum of the length."""
    from dicomdecode.export.formats.tfrecord import _masked

    assert _masked(crc32c(struct.pack("<Q", 0))) == ((0x8C28B28A >> 15 | 0x8C28B28A << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    """The checksums of a record may be right, and the Example in it still damaged."""
    from dicomdecode.export.formats.tfrecord import _field, _masked

    data = b"".join(_field(1, *_field(1, *_field(1, b"\xff\xfe"), *_field(2))))
    length = struct.pack("<Q", len(data))
    checks = [struct.pack("<I", _masked(crc32c(part))) for part in (length, data)]
    (tmp_path / "x.tfrecord").write_bytes(length + checks[0] + data + checks[1])
    with pytest.raises(dd.MalformedError, match="no Example"):
        list(read_examples(tmp_path / "x.tfrecord"))
