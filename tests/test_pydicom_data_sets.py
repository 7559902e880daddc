"""Data sets of pydicom instead of files: with each transfer syntax, and with what pydicom cannot write."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.test_odd_files import GREY, NATIVE


@pytest.mark.parametrize(
    "syntax", [*NATIVE, s.RLE, s.DEFLATED, s.GE_PRIVATE, s.DEFLATED_FRAME, s.ENCAPSULATED_UNCOMPRESSED]
)
@pytest.mark.parametrize("dtype", ["u1", "i2"])
def test_pydicom_data_sets(syntax: str, dtype: str) -> None:
    pydicom = pytest.importorskip("pydicom")
    pixels = np.arange(15, dtype=dtype).reshape(3, 5)
    extra = [(0x00281053, "DS", "2"), (0x00280106, "US" if dtype == "u1" else "SS", [1]), (0xFFFCFFFC, "OB", b"\0\0")]
    contents = s.image(pixels, syntax=syntax, extra=extra)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(io.BytesIO(contents), force=True)
    np.testing.assert_array_equal(dd.imread(dataset, values="stored"), pixels)
    assert dd.open(dataset).transfer_syntax == syntax
    assert dd.open(dataset).tag("RescaleSlope") == 2


@pytest.mark.parametrize("syntax", [*NATIVE, s.RLE])
def test_pydicom_data_sets_with_what_pydicom_cannot_write(syntax: str) -> None:
    """It is left out and told, but where pixels would have other values without it."""
    pydicom = pytest.importorskip("pydicom")
    extra = [(0x00281053, "DS", "2,5"), (0x00180060, "DS", "80,5")]
    dataset = pydicom.dcmread(io.BytesIO(s.image(GREY, syntax=syntax, extra=extra, trailing=b" " * 100)))
    dataset.add_new(0x00189073, "FD", 1.5)
    dataset[0x00189073]._value = "long"
    dataset.PatientID = "1"
    image = dd.open(dataset)
    np.testing.assert_array_equal(image.pixels(), (GREY * 2.5).astype(np.float32))
    assert image.tag("PatientID") == "1" and image.tag("KVP") == 80.5
    assert ("not_written", 0x00189073) in [(issue.code, issue.tag) for issue in image.issues]
    dataset.add_new(0x00280120, "US", 1)
    dataset[0x00280120]._value = "none"
    for read in (dd.open, dd.imread, lambda source: dd.decode_dicom_data(source, "PatientID", on_error="strict")):
        with pytest.raises(dd.MalformedError, match=r"\(0028,0120\)") as caught:
            read(dataset)
        assert (caught.value.code, caught.value.tag) == ("not_written", 0x00280120)


def test_file_meta_of_a_pydicom_data_set() -> None:
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.dcmread(io.BytesIO(s.image(GREY)))
    dataset.file_meta.ImplementationVersionName = "SOMEBODY"
    tags = ["MediaStorageSOPInstanceUID", "ImplementationVersionName", "TransferSyntaxUID"]
    assert dd.decode_dicom_data(dataset, tags).tolist() == ["1.2.3.4", "SOMEBODY", s.EXPLICIT_LE]


def test_pydicom_data_set_of_an_unknown_syntax() -> None:
    pydicom = pytest.importorskip("pydicom")
    for uid in ("1.2.840.10008.1.2.4.110", "1.2.3.4"):
        dataset = pydicom.dcmread(io.BytesIO(s.image(GREY, syntax=s.RLE)))
        dataset.file_meta.TransferSyntaxUID = uid
        image = dd.open(dataset)
        assert image.transfer_syntax == uid
        assert image.tag("Rows") == 2
