"""The plugin for pydicom: its arrays are those of pydicom's other plugins."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import get_decoder, iter_pixels, pixel_array
from pydicom.pixels.decoders.base import _PIXEL_DATA_DECODERS

import dicomdecode as dd
from dicomdecode import pydicom_plugin
from tests import synthesise as s

ROOT = "1.2.840.10008.1.2.4."


@pytest.fixture
def registered() -> Iterator[None]:
    pydicom_plugin.register()
    yield
    pydicom_plugin.unregister()


def shipped() -> list[str]:
    """The compressed images that come with pydicom itself."""
    found = []
    for path in sorted(Path(str(get_testdata_file("CT_small.dcm"))).parent.glob("*.dcm")):
        try:
            with dd.open(path) as image:
                compressed = pydicom_plugin.is_available(image.transfer_syntax) and image.rows
        except dd.DicomError:
            continue
        if compressed:
            found.append(path.name)
    assert len(found) > 20
    return found


def array_of(dataset: Any, **options: Any) -> np.ndarray | str:
    try:
        return pixel_array(dataset, **options)
    except Exception as error:
        return type(error).__name__


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("name", shipped())
def test_same_arrays_as_other_plugins(name: str, raw: bool, registered: None) -> None:
    dataset = pydicom.dcmread(str(get_testdata_file(name)))
    ours = array_of(dataset, decoding_plugin="dicomdecode", raw=raw)
    others = [p for p in get_decoder(dataset.file_meta.TransferSyntaxUID).available_plugins if p != "dicomdecode"]
    theirs = [a for a in (array_of(dataset, decoding_plugin=p, raw=raw) for p in others) if isinstance(a, np.ndarray)]
    assert isinstance(ours, np.ndarray) or not theirs, name
    for other in theirs:
        assert isinstance(ours, np.ndarray)
        assert (ours.shape, ours.dtype) == (other.shape, other.dtype)
        lossy = dataset.file_meta.TransferSyntaxUID in (ROOT + "50", ROOT + "51", ROOT + "91")
        np.testing.assert_allclose(ours.astype(float), other.astype(float), atol=3 if lossy else 0)


def encapsulated(
    suffix: str, cells: np.ndarray, *streams: bytes, photometric: str = "", bits: int = 0
) -> pydicom.Dataset:
    """A data set of `cells` [rows, columns, samples], a frame for each stream."""
    rows, columns, samples = cells.shape
    bits = bits or 8 * cells.itemsize
    photometric = photometric or ("RGB" if samples > 1 else "MONOCHROME2")
    numbers = [(0x00280006, 0)] if samples > 1 else []
    numbers += [(0x00280010, rows), (0x00280011, columns), (0x00280100, bits), (0x00280101, bits)]
    numbers += [(0x00280102, bits - 1), (0x00280103, int(cells.dtype.kind == "i"))]
    head: list[s.Element] = [(0x00280002, "US", samples), (0x00280004, "CS", photometric)]
    head += [(0x00280008, "IS", str(len(streams)))] if len(streams) > 1 else []
    head += [(tag, "US", value) for tag, value in numbers]
    syntax = s.RLE if suffix == "rle" else ROOT + suffix
    return pydicom.dcmread(io.BytesIO(s.dataset([*head, *s.encapsulate(streams)], syntax=syntax)))


STREAMS = {
    "57": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=8 * a.itemsize),
    "70": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=8 * a.itemsize),
    "80": imagecodecs.jpegls_encode,
    "90": lambda a: imagecodecs.jpeg2k_encode(a, level=0, reversible=True),
    "201": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
    "rle": lambda a: s.rle_frame(a.reshape(*a.shape[:2], -1)),
}
LOSSY = {
    "50": lambda a: imagecodecs.jpeg8_encode(a, level=95),
    "51": lambda a: imagecodecs.jpeg8_encode(a, level=95),
    "81": lambda a: imagecodecs.jpegls_encode(a, level=2),
    "91": lambda a: imagecodecs.jpeg2k_encode(a, level=50, codecformat="j2k"),
    "203": lambda a: imagecodecs.htj2k_encode(a, reversible=False),
}


@pytest.mark.parametrize("suffix", STREAMS)
@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_codec(suffix: str, samples: int, bits: int, registered: None) -> None:
    rng = np.random.default_rng(bits + samples)
    cells = rng.integers(0, 1 << bits, (21, 34, samples), np.uint16).astype(f"u{bits // 8}")
    plain = np.ascontiguousarray(cells[..., 0] if samples == 1 else cells)
    dataset = encapsulated(suffix, cells, bytes(STREAMS[suffix](plain)))
    np.testing.assert_array_equal(pixel_array(dataset, decoding_plugin="dicomdecode"), plain)


@pytest.mark.parametrize("suffix", ["57", "80", "90"])
@pytest.mark.parametrize("raw", [False, True])
def test_sign(suffix: str, raw: bool, registered: None) -> None:
    cells = np.arange(-2048, 2048, 3, dtype=np.int16)[: 32 * 40].reshape(32, 40, 1)
    stream = bytes(STREAMS[suffix](np.ascontiguousarray(cells[..., 0]).view(np.uint16)))
    dataset = encapsulated(suffix, cells, stream)
    np.testing.assert_array_equal(pixel_array(dataset, decoding_plugin="dicomdecode", raw=raw), cells[..., 0])


@pytest.mark.parametrize("suffix", [*STREAMS, *LOSSY])
def test_frames(suffix: str, registered: None) -> None:
    """All frames, one by its number, one after the other; equal to what `imread` gives."""
    y, x = np.mgrid[:24, :40]
    frames = np.stack([(x * 3 + y * 2 + 20 * i) % 251 for i in range(3)]).astype(np.uint8)
    streams = [bytes((STREAMS | LOSSY)[suffix](frame)) for frame in frames]
    dataset = encapsulated(suffix, frames[0][..., None], *streams)
    stored = dd.imread(dataset, values="stored")
    decoded = pixel_array(dataset, decoding_plugin="dicomdecode")
    assert decoded.dtype == stored.dtype
    np.testing.assert_array_equal(decoded, stored)
    if suffix in STREAMS:
        np.testing.assert_array_equal(decoded, frames)
    np.testing.assert_array_equal(list(iter_pixels(dataset, decoding_plugin="dicomdecode")), decoded)
    np.testing.assert_array_equal(pixel_array(dataset, index=1, decoding_plugin="dicomdecode"), decoded[1])
    dataset.decompress(decoding_plugin="dicomdecode")
    np.testing.assert_array_equal(dataset.pixel_array, decoded)


def test_single_bits(registered: None) -> None:
    """JPEG 2000 of one bit a sample, which pydicom has as bytes."""
    cells = np.indices((16, 24)).sum(axis=0, dtype=np.uint8)[..., None] // 5 % 2
    stream = imagecodecs.jpeg2k_encode(cells[..., 0], level=0, reversible=True, codecformat="j2k", bitspersample=1)
    dataset = encapsulated("90", cells, bytes(stream), bytes(stream), bits=1)
    for plugin in ("dicomdecode", "pillow"):
        decoded = pixel_array(dataset, decoding_plugin=plugin)
        assert decoded.dtype == np.uint8
        np.testing.assert_array_equal(decoded, [cells[..., 0]] * 2)


@pytest.mark.parametrize(("option", "value"), [("rle_segment_order", "<"), ("byteorder", ">")])
def test_options_of_other_plugins(option: str, value: str) -> None:
    """Options that only they know change the same as without this package."""
    cells = np.arange(300, 300 + 12 * 14, dtype=np.uint16).reshape(12, 14, 1)
    dataset = encapsulated("rle", cells, s.rle_frame(cells))
    decoder = get_decoder(s.RLE)
    before = decoder.as_array(dataset, **{option: value})[0]
    pydicom_plugin.register()
    try:
        np.testing.assert_array_equal(decoder.as_array(dataset, **{option: value})[0], before)
        with pytest.raises(RuntimeError, match=option):
            decoder.as_array(dataset, decoding_plugin="dicomdecode", **{option: value})
    finally:
        pydicom_plugin.unregister()


@pytest.mark.parametrize("transform", [True, False])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_RCT", "YBR_FULL"])
def test_color_of_jpeg_2000(photometric: str, transform: bool, registered: None) -> None:
    """A stream with RCT holds RGB, whatever the header says; other plugins convert YBR_FULL once more."""
    y, x = np.mgrid[:16, :20]
    pixels = np.stack([8 * y, 5 * x, 3 * x + 4 * y], axis=-1).astype(np.uint8)
    stream = imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, codecformat="j2k", mct=transform)
    dataset = encapsulated("90", pixels, bytes(stream), photometric=photometric)
    ours, properties = get_decoder(ROOT + "90").as_array(dataset, decoding_plugin="dicomdecode")
    assert properties["photometric_interpretation"] == "RGB"
    if transform or photometric != "YBR_FULL":
        np.testing.assert_array_equal(ours, pixels)
    if not (transform and photometric == "YBR_FULL"):
        np.testing.assert_array_equal(ours, pixel_array(dataset, decoding_plugin="pillow"))


def test_unregister_restores() -> None:
    uids = [uid for uid in pydicom_plugin.DECODER_DEPENDENCIES if uid in _PIXEL_DATA_DECODERS]
    assert len(uids) > 10
    before = {uid: list(get_decoder(uid)._available.items()) for uid in uids}
    pydicom_plugin.register()
    for uid in uids:
        assert list(get_decoder(uid)._available.items())[1:] == before[uid]
    pydicom_plugin.unregister()
    assert {uid: list(get_decoder(uid)._available.items()) for uid in uids} == before


def test_first_and_only_once(registered: None) -> None:
    pydicom_plugin.register()
    for uid in (ROOT + "50", ROOT + "90", "1.2.840.10008.1.2.5"):
        assert next(iter(get_decoder(uid)._available)) == "dicomdecode"
        assert list(get_decoder(uid)._available).count("dicomdecode") == 1
    pydicom_plugin.unregister()
    pydicom_plugin.unregister()
    for uid in (ROOT + "50", ROOT + "90", "1.2.840.10008.1.2.5"):
        assert "dicomdecode" not in get_decoder(uid).available_plugins


def test_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """`pixel_array` of code that knows nothing of this package."""
    path = str(get_testdata_file("MR_small_RLE.dcm"))
    before = pydicom.dcmread(path).pixel_array
    calls = []
    original = pydicom_plugin.decode_frame

    def decode_frame(*arguments: Any) -> bytearray:
        calls.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(pydicom_plugin, "decode_frame", decode_frame)
    pydicom_plugin.register()
    try:
        np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, before)
    finally:
        pydicom_plugin.unregister()
    assert len(calls) == 1


@pytest.mark.parametrize("suffix", [*STREAMS, *LOSSY])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.8])
def test_cut_streams(suffix: str, part: float, registered: None) -> None:
    rng = np.random.default_rng(5)
    y, x = np.mgrid[:40, :48]
    frame = (x * 2 + y + rng.integers(0, 9, x.shape)).astype(np.uint8)
    stream = bytes((STREAMS | LOSSY)[suffix](frame))
    dataset = encapsulated(suffix, frame[..., None], stream[: int(len(stream) * part)])
    with pytest.raises(RuntimeError, match="dicomdecode: "):
        pixel_array(dataset, decoding_plugin="dicomdecode")


def test_damage_is_told(registered: None) -> None:
    dataset = encapsulated("80", np.zeros((16, 16, 1), np.uint8), b"\xff\xd8 no stream of this kind")
    with pytest.raises(RuntimeError, match=r"dicomdecode: .*marker"):
        pixel_array(dataset)


def test_limits_come_before_memory(registered: None) -> None:
    dataset = encapsulated("80", np.zeros((16, 16, 1), np.uint8), b"\xff\xd8")
    dataset.Rows = dataset.Columns = 65535  # 4 GB of cells
    with pytest.raises(RuntimeError, match=r"dicomdecode: .*pixels_per_frame"):
        pixel_array(dataset, decoding_plugin="dicomdecode")
    before = dd.set_default_limits(dd.Limits(output_bytes=100))
    try:
        with pytest.raises(RuntimeError, match=r"dicomdecode: .*output_bytes"):
            pixel_array(encapsulated("80", np.zeros((16, 16, 1), np.uint8), b"\xff\xd8"), decoding_plugin="dicomdecode")
    finally:
        dd.set_default_limits(before)


@pytest.mark.parametrize("suffix", STREAMS)
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_buffers(suffix: str, bits: int, registered: None) -> None:
    """`as_buffer` and `iter_buffer` give what they say: planes of RLE, cells as wide as the stream's samples."""
    cells = np.random.default_rng(bits).integers(0, 1 << bits, (6, 9, 3), np.uint16)
    for samples in (1, 3):
        plain = np.ascontiguousarray(cells[..., :samples].astype(np.uint8 if bits == 8 else np.uint16))
        stream = bytes(STREAMS[suffix](plain[..., 0] if samples == 1 else plain))
        dataset = encapsulated(suffix, plain, stream, stream)
        decoder = get_decoder(s.RLE if suffix == "rle" else ROOT + suffix)
        whole, said = decoder.as_buffer(dataset, decoding_plugin="dicomdecode")
        frames = [frame for frame, _ in decoder.iter_buffer(dataset, decoding_plugin="dicomdecode")]
        assert b"".join(frames) == whole
        assert said["bits_allocated"] == 8 * plain.itemsize
        shape = (2, 6, 9, samples)
        if samples > 1:
            assert said["planar_configuration"] == (suffix == "rle")
            shape = (2, samples, 6, 9) if suffix == "rle" else shape
        found = np.frombuffer(whole, plain.dtype).reshape(shape)
        found = np.moveaxis(found, 1, -1) if suffix == "rle" and samples > 1 else found
        np.testing.assert_array_equal(found, np.stack([plain, plain]))


@pytest.mark.parametrize("suffix", ["80", "90", "201"])
def test_a_stream_of_eight_bits_in_wider_cells(suffix: str, registered: None) -> None:
    """Buffers have the stream's cells, arrays those of the data set, as with pydicom's other plugins."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, 1), np.uint8)
    dataset = encapsulated(suffix, pixels.astype(np.uint16), bytes(STREAMS[suffix](pixels[..., 0])))
    decoder = get_decoder(ROOT + suffix)
    buffer, said = decoder.as_buffer(dataset, decoding_plugin="dicomdecode")
    assert buffer == pixels.tobytes() and said["bits_allocated"] == 8
    array, said = decoder.as_array(dataset, decoding_plugin="dicomdecode")
    assert array.dtype == np.uint16 and said["bits_allocated"] == 16
    np.testing.assert_array_equal(array, pixels[..., 0])


@pytest.mark.parametrize("suffix", [suffix for suffix in STREAMS if suffix != "rle"])
def test_bits_above_bits_stored_are_masked(suffix: str, registered: None) -> None:
    """An overlay in the high bits of the stream's cells is no part of the array."""
    pixels = np.random.default_rng(1).integers(0, 4096, (8, 8, 1), np.uint16)
    dataset = encapsulated(suffix, pixels, bytes(STREAMS[suffix]((pixels | 0x8000)[..., 0])))
    dataset.BitsStored, dataset.HighBit = 12, 11
    np.testing.assert_array_equal(pixel_array(dataset, decoding_plugin="dicomdecode"), pixels[..., 0])
