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
from pydicom.pixels import get_decoder, pixel_array

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


def encapsulated(suffix: str, cells: np.ndarray, stream: bytes) -> pydicom.Dataset:
    rows, columns, samples = cells.shape
    bits = 8 * cells.itemsize
    numbers = [(0x00280006, 0)] if samples > 1 else []
    numbers += [(0x00280010, rows), (0x00280011, columns), (0x00280100, bits), (0x00280101, bits)]
    numbers += [(0x00280102, bits - 1), (0x00280103, int(cells.dtype.kind == "i"))]
    head: list[s.Element] = [(0x00280002, "US", samples), (0x00280004, "CS", "RGB" if samples > 1 else "MONOCHROME2")]
    head += [(tag, "US", value) for tag, value in numbers]
    return pydicom.dcmread(io.BytesIO(s.dataset([*head, *s.encapsulate([stream])], syntax=ROOT + suffix)))


STREAMS = {
    "57": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=8 * a.itemsize),
    "70": lambda a: imagecodecs.jpeg8_encode(a, lossless=True, bitspersample=8 * a.itemsize),
    "80": imagecodecs.jpegls_encode,
    "90": lambda a: imagecodecs.jpeg2k_encode(a, level=0, reversible=True),
    "201": lambda a: imagecodecs.htj2k_encode(a, reversible=True),
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


def test_damage_is_told(registered: None) -> None:
    dataset = encapsulated("80", np.zeros((16, 16, 1), np.uint8), b"\xff\xd8 no stream of this kind")
    with pytest.raises(RuntimeError, match=r"dicomdecode: .*marker"):
        pixel_array(dataset)
