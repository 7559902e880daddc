"""`dicom_tags`: every keyword and every old-style name."""

import pickle
import re

import numpy as np
import pytest
from pydicom.datadict import DicomDictionary
from pydicom.tag import BaseTag

import dicomdecode as dd
from dicomdecode import dicom_tags
from dicomdecode.tags import parse_tag

OLD_NAMES = {
    "PatientsName": 0x00100010,
    "PatientsBirthDate": 0x00100030,
    "PatientsSex": 0x00100040,
    "PatientsAge": 0x00101010,
    "NumberofFrames": 0x00280008,
    "PhotometricInterpretation": 0x00280004,
    "ReferringPhysiciansName": 0x00080090,
    "TransferSyntaxUID": 0x00020010,
    "PixelData": 0x7FE00010,
    "WindowCenter": 0x00281050,
}


@pytest.mark.parametrize("name", OLD_NAMES)
def test_names(name: str) -> None:
    found = getattr(dicom_tags, name)
    assert found == OLD_NAMES[name]
    assert type(found) is np.uint32


def test_every_keyword() -> None:
    for tag, (_, _, name, _, keyword) in DicomDictionary.items():
        if keyword:
            assert getattr(dicom_tags, keyword) == tag
            old = re.sub(r"[^A-Za-z0-9]", "", name)
            if old.isidentifier():
                assert hasattr(dicom_tags, old), old


def test_repeating_groups() -> None:
    assert dicom_tags.OverlayRows == 0x60000010
    assert dicom_tags.OverlayData == 0x60003000


def test_unknown() -> None:
    with pytest.raises(AttributeError):
        _ = dicom_tags.NoSuchTag
    assert not hasattr(dicom_tags, "__wrapped__")


def test_listing() -> None:
    assert {"PatientName", "PatientsName", "Rows"} <= set(dir(dicom_tags))


def test_use_as_tags() -> None:
    from tests import synthesise as s

    contents = s.dataset([(0x00100010, "PN", "A"), (0x00100020, "LO", "7")])
    found = dd.decode_dicom_data(contents, [dicom_tags.PatientsName, dicom_tags.PatientID])
    assert found.tolist() == ["A", "7"]


def test_pickle() -> None:
    assert pickle.loads(pickle.dumps(dicom_tags)).PatientName == 0x00100010


@pytest.mark.parametrize(
    "tag",
    [(0x28, 0x10), (np.uint16(0x28), 0x10), "00280010", "0x00280010", " 0X00280010 ", BaseTag(0x00280010), "Rows"],
    ids=repr,
)
def test_forms(tag: object) -> None:
    assert parse_tag(tag) == (0x00280010,)


@pytest.mark.parametrize(
    "tag, meant", [("PatientId", "PatientID"), ("rows", "Rows"), ("WindowCentre", "WindowCenter")], ids=str
)
def test_nearest_keyword(tag: str, meant: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean '{meant}'"):
        parse_tag(tag)


def test_no_tags() -> None:
    for tag in ("Xyzzy", "0028001", "002800100", (0x28, 0x10000), (-1, 0)):
        with pytest.raises(ValueError, match=r"not a tag|16 bits") as caught:
            parse_tag(tag)
        assert "did you mean" not in str(caught.value)
    with pytest.raises(TypeError, match="pair of int"):
        parse_tag(("0028", 0x10))
