"""`dicom_tags`: every keyword and every old-style name."""

import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from pydicom.datadict import DicomDictionary
from pydicom.tag import BaseTag

import dicomdecode as dd
from dicomdecode import dicom_tags, tags
from dicomdecode.tags import parse_tag
from tests import synthesise as s

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


def test_the_same_dictionary_as_pydicom() -> None:
    """Tables are read without pydicom's code: every tag, repeating groups, and each private creator."""
    from pydicom import datadict
    from pydicom._dicom_dict import DicomDictionary
    from pydicom._private_dict import private_dictionaries

    drawn = np.random.default_rng(0).integers(0, 1 << 32, 3000).tolist()
    groups = [group << 16 | element for group in range(0x4FFE, 0x6101) for element in (0x5, 0x10, 0x2500, 0x3000)]
    for tag in [*DicomDictionary, *drawn, *groups, *range(0x00203100, 0x00203200)]:
        assert tags.keyword_of(tag) == datadict.keyword_for_tag(tag), hex(tag)
        if datadict.dictionary_has_tag(tag) or (not tag >> 16 & 1 and datadict.mask_match(tag)):
            assert tags.vr_of(tag) == datadict.dictionary_VR(tag), hex(tag)
    for creator, known in private_dictionaries.items():
        for key in known:
            tag = int(key.replace("x", "1"), 16)
            for number in (tag, tag ^ 0x200):
                try:
                    vr = datadict.private_dictionary_VR(number, creator)
                except KeyError:
                    vr = "UN"
                assert tags.private_vr_of(number, creator) == vr, (creator, hex(number))


def test_keywords_without_pydicom() -> None:
    """Importing it takes 0.1 s, in each process that reads a tag."""
    contents = s.image(np.zeros((2, 2), np.uint8), syntax=s.IMPLICIT_LE, extra=[(0x00100010, "PN", "A^B")])
    program = (
        "import sys, dicomdecode as dd\n"
        "image = dd.open(sys.stdin.buffer.read())\n"
        "assert image.tag('PatientName') == image.tag('PatientsName') == 'A^B'\n"
        "assert image.tag('BitsStored') == 8 and dd.dicom_tags.Rows == 0x00280010\n"
        "assert not [name for name in sys.modules if name.split('.')[0] == 'pydicom']\n"
    )
    subprocess.run([sys.executable, "-P", "-c", program], input=contents, check=True)


def test_what_a_user_added_to_pydicom_counts() -> None:
    program = (
        "from pydicom.datadict import add_dict_entry\n"
        "add_dict_entry(0x0018FFF0, 'US', 'MyOwnTag', 'my own tag')\n"
        "from dicomdecode import dicom_tags, tags\n"
        "assert dicom_tags.MyOwnTag == 0x0018FFF0 and tags.vr_of(0x0018FFF0) == 'US'\n"
    )
    subprocess.run([sys.executable, "-P", "-c", program], check=True)


@pytest.mark.parametrize(
    "path", [(), (0x00081115, 0, 0x00081150, 0), (-1,), (1 << 32,), (0x00081115, 0, 1 << 40)], ids=str
)
def test_tuples_that_are_no_paths(path: tuple[int, ...]) -> None:
    image = dd.open(s.image(np.zeros((2, 2), np.uint8)))
    with pytest.raises(ValueError, match=r"not a path|32 bits"):
        image.tag(path)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        parse_tag(("PatientName",))


@pytest.mark.parametrize("number", ["2", "-1", str(1 << 64), "9" * 40])
def test_items_that_are_not_there(number: str) -> None:
    items = [[(0x00081150, "UI", "1.2")]]
    image = dd.open(s.image(np.zeros((2, 2), np.uint8), extra=[(0x00081115, "SQ", items)]))
    path = f"[0x0008,0x1115][{number}][0x0008,0x1150]"
    assert image.tag("[0x0008,0x1115][0][0x0008,0x1150]") == "1.2" and image.tag(path) is None
    assert dd.decode_dicom_data(s.image(np.zeros((2, 2), np.uint8), extra=[(0x00081115, "SQ", items)]), [path]) == [""]
