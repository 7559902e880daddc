"""`read_tags`: typed columns over many files, and which of four things each cell is."""

from __future__ import annotations

import datetime
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.reference_images import FOLDER

CT = FOLDER / "test_files" / "CT_small.dcm"
PIXELS = np.zeros((2, 3), np.uint16)


def file_of(*extra: s.Element, **more: Any) -> bytes:
    return s.image(PIXELS, extra=extra, **more)


def cells(name: str, *files: bytes, **keywords: Any) -> list[Any]:
    return [row[name] for row in dd.read_tags(list(files), [name], **keywords)]


def test_kinds_by_vr() -> None:
    table = dd.read_tags(
        [CT, CT],
        {"id": "PatientID", "rows": 0x00280010, "mm": "SliceThickness", "day": "StudyDate", "at": "StudyTime"},
    )
    assert table.names == ("id", "rows", "mm", "day", "at") and len(table) == 2
    assert [table[name].dtype for name in table.names] == [
        np.dtype(name) for name in ("object", "int64", "float64", "datetime64[D]", "timedelta64[us]")
    ]
    assert next(iter(table)) == {
        "id": "1CT1",
        "rows": 128,
        "mm": 5.0,
        "day": datetime.date(2004, 1, 19),
        "at": datetime.timedelta(hours=7, minutes=27, seconds=30),
    }
    assert table.sources == [CT, CT] and table.errors == {}
    assert all((table.mask(name) == "present").all() for name in table.names)
    assert "rows" in table and "Rows" not in table
    with pytest.raises(KeyError, match="no column"):
        table["Rows"]
    assert "2 rows" in repr(table)


def test_present_empty_absent_and_unreadable_are_four_things() -> None:
    files = [
        file_of((0x00200013, "IS", "5")),
        file_of((0x00200013, "IS", "")),
        file_of(),
        file_of((0x00200013, "IS", "five")),
        b"no DICOM",
    ]
    table = dd.read_tags(files, ["InstanceNumber"])
    assert table.mask("InstanceNumber").tolist() == ["present", "empty", "absent", "unreadable", "unreadable"]
    assert table["InstanceNumber"].tolist() == [5, None, None, None, None]
    assert list(table.errors) == [4] and isinstance(table.errors[4], dd.MalformedError)
    assert [row["InstanceNumber"] for row in table] == [5, None, None, None, None]


def test_several_values_are_lists() -> None:
    name = "ImageType"
    assert cells(name, file_of((0x00080008, "CS", "A\\B")), file_of((0x00080008, "CS", "A"))) == [["A", "B"], ["A"]]
    assert cells("PixelSpacing", file_of((0x00280030, "DS", "1\\2"))) == [[1.0, 2.0]]
    # A file may have more values than the dictionary allows: then the whole column has lists.
    several = [file_of((0x00200013, "IS", "5\\6")), file_of((0x00200013, "IS", "7"))]
    assert cells("InstanceNumber", *several) == [[5, 6], [7]]


@pytest.mark.parametrize(
    ("tag", "vr", "value", "wanted"),
    [
        ("StudyDate", "DA", "20240229", datetime.date(2024, 2, 29)),
        ("StudyDate", "DA", "2024.02.29", datetime.date(2024, 2, 29)),
        ("StudyDate", "DA", "20240230", None),
        ("StudyTime", "TM", "07", datetime.timedelta(hours=7)),
        ("StudyTime", "TM", "235960.5", datetime.timedelta(hours=24, microseconds=500_000)),
        ("StudyTime", "TM", "24", None),
        ("AcquisitionDateTime", "DT", "2024", datetime.datetime(2024, 1, 1)),
        ("AcquisitionDateTime", "DT", "20240229120000.25+0130", datetime.datetime(2024, 2, 29, 10, 30, 0, 250_000)),
        ("AcquisitionDateTime", "DT", "soon", None),
        ("SmallestImagePixelValue", "US", 7, 7),
        ("SliceThickness", "DS", "1e3", 1000.0),
        ("SliceThickness", "DS", "thick", None),
        ("FrameIncrementPointer", "AT", 0x00181063, [0x00181063]),
        ("RedPaletteColorLookupTableData", "OW", b"\1\2", b"\1\2"),
        ("PatientComments", "LT", "a\\b", "a\\b"),
    ],
)
def test_values(tag: str, vr: str, value: Any, wanted: Any) -> None:
    file = file_of((int(dd.dicom_tags.__getattr__(tag)), vr, value))
    table = dd.read_tags([file], [tag])
    assert [row[tag] for row in table] == [wanted]
    assert table.mask(tag)[0] == ("unreadable" if wanted is None else "present")


def test_types_can_be_asked_for() -> None:
    file = file_of((0x00200013, "IS", "5"), (0x00100020, "LO", "0042"), (0x00091001, "UN", b"x\0"))
    table = dd.read_tags([file], ["InstanceNumber", "PatientID"], types={"InstanceNumber": float, "PatientID": "int"})
    assert next(iter(table)) == {"InstanceNumber": 5.0, "PatientID": 42}
    assert table["InstanceNumber"].dtype == np.float64 and table["PatientID"].dtype == np.int64
    assert cells("InstanceNumber", file, types={"InstanceNumber": str}) == ["5"]
    assert cells("0009,1001", file) == [b"x\0"]


def test_private_elements_by_their_creator() -> None:
    name = "(0029,[SIEMENS CSA HEADER],08)"
    files = [
        file_of((0x00290010, "LO", "SIEMENS CSA HEADER"), (0x00291008, "CS", "IMAGE NUM 4")),
        file_of((0x00290010, "LO", "OTHER"), (0x00290012, "LO", "SIEMENS CSA HEADER "), (0x00291208, "CS", "MR")),
        file_of((0x00290010, "LO", "OTHER"), (0x00291008, "CS", "IMAGE NUM 4")),
        file_of(),
    ]
    table = dd.read_tags(files, [name])
    assert [row[name] for row in table] == ["IMAGE NUM 4", "MR", None, None]
    assert table.mask(name).tolist() == ["present", "present", "absent", "absent"]
    images = [dd.open(file) for file in files]
    assert [image.tag(name) for image in images] == ["IMAGE NUM 4", "MR", None, None]
    with pytest.raises(ValueError, match="odd group, not 0028"):
        images[0].tag("(0028,[SIEMENS CSA HEADER],08)")


def test_private_elements_of_items_by_their_creator() -> None:
    item = [(0x00290010, "LO", "OTHER"), (0x00290011, "LO", "ACME 1.1"), (0x00291105, "DS", "2.5")]
    image = dd.open(file_of((0x00290010, "LO", "ACME 1.1"), (0x00081140, "SQ", [item])))
    (found,) = image.tag("ReferencedImageSequence")
    assert found.tag("0029,[ACME 1.1],5") == 2.5 and found.text("0029,[ACME 1.1],05") == "2.5"
    assert image.tag("0029,[ACME 1.1],05") is None
    assert "0029,[ACME 1.1],05" in found and "0029,[ACME 1.2],05" not in found


def test_paths_and_all_items() -> None:
    items: list[list[s.Element]] = [
        [(0x0008103E, "LO", "one"), (0x00081140, "SQ", [[(0x00081155, "UI", "1.2")], [(0x00081155, "UI", "1.3")]])],
        [],
        [(0x0008103E, "LO", ""), (0x00081140, "SQ", [])],
    ]
    files = [file_of((0x00081115, "SQ", items)), file_of((0x00081115, "SQ", [])), file_of()]
    first = "[ReferencedSeriesSequence][0][SeriesDescriptionCodeSequence]"
    with pytest.raises(ValueError, match="is a sequence"):
        dd.read_tags(files, [first])
    path = "[0008,1115][0][0008,103E]"
    assert cells(path, *files) == ["one", None, None]
    every = "[0008,1115][*][0008,103E]"
    table = dd.read_tags(files, [every])
    assert [row[every] for row in table] == [["one", None, None], None, None]
    assert table.mask(every).tolist() == ["present", "empty", "absent"]
    deep = "[0008,1115][*][0008,1140][*][0008,1155]"
    assert cells(deep, *files) == [[["1.2", "1.3"], None, None], None, None]


def test_character_set() -> None:
    name = "Müller^Jürgen"
    file = file_of((0x00100010, "PN", name.encode("utf-8")))
    assert cells("PatientName", file) != [name]
    assert cells("PatientName", file, character_set="ISO_IR 192") == [name]
    greek = file_of((0x00080005, "CS", "ISO_IR 100"), (0x00100010, "PN", "Διονυσιος".encode("iso8859_7")))
    assert cells("PatientName", greek, character_set=["ISO_IR 126"]) == ["Διονυσιος"]


def test_damage_in_one_element_harms_no_other() -> None:
    damaged = file_of((0x00081115, "SQ", b"\1\2\3\4\5\6\7\x08"), (0x00100020, "LO", "P"))
    table = dd.read_tags([damaged], ["PatientID", "[0008,1115][*][0008,103E]"])
    assert table["PatientID"].tolist() == ["P"] and table.errors == {}
    assert table.mask("[0008,1115][*][0008,103E]").tolist() == ["unreadable"]


def test_what_happens_to_files_that_fail(tmp_path: Path) -> None:
    sources = [CT, b"no DICOM", tmp_path, tmp_path / "nothing.dcm"]
    table = dd.read_tags(sources, ["Rows"])
    assert {i: type(error) for i, error in table.errors.items()} == {
        1: dd.MalformedError,
        2: dd.DicomError,
        3: FileNotFoundError,
    }
    assert table.sources == sources
    table = dd.read_tags(sources, ["Rows"], on_error="skip")
    assert table.sources == [CT] and table.errors == {}
    with pytest.raises(dd.MalformedError):
        dd.read_tags(sources, ["Rows"], on_error="raise")


@pytest.mark.parametrize(
    "keywords",
    [
        {"tags": "Rows"},
        {"tags": []},
        {"tags": ["NoSuchTag"]},
        {"tags": ["Rows", "Rows"]},
        {"tags": {1: "Rows"}},
        {"tags": ["(0028,[CREATOR],10)"]},
        {"tags": ["[0008,1115][-1][0008,103E]"]},
        {"tags": ["ReferencedSeriesSequence"]},
        {"tags": 0x00280010},
        {"types": {"Columns": "int"}},
        {"types": {"Rows": "number"}},
        {"types": {"Rows": list}},
        {"types": "int"},
        {"on_error": "ignore"},
        {"threads": 0},
        {"progress": 1},
        {"executor": 3},
        {"character_set": "ISO_IR 7"},
        {"character_set": 192},
        {"limits": 1},
    ],
    ids=str,
)
def test_a_wrong_argument_raises(keywords: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        dd.read_tags([CT], **{"tags": ["Rows"], **keywords})


def test_many_files_in_their_order() -> None:
    files = [file_of((0x00200013, "IS", str(i))) for i in range(1000)]
    for threads in (1, 4):
        table = dd.read_tags(iter(files), ["InstanceNumber"], threads=threads)
        assert table["InstanceNumber"].tolist() == list(range(1000))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        assert dd.read_tags(files, ["InstanceNumber"], executor=executor)["InstanceNumber"].sum() == 499500


def test_only_the_header_is_read(tmp_path: Path) -> None:
    """A file whose pixel data are cut off has all its tags."""
    path = tmp_path / "cut.dcm"
    path.write_bytes(s.image(np.zeros((2000, 2000), np.uint16))[:3000])
    assert dd.read_tags(path, ["Rows"])["Rows"].tolist() == [2000]


MIXED = [
    file_of((0x00080020, "DA", "20240229"), (0x00080030, "TM", "0730"), (0x00180050, "DS", "2.5")),
    file_of((0x00080008, "CS", "A\\B"), (0x00200013, "IS", "")),
    b"no DICOM",
]
NAMES = ["Rows", "InstanceNumber", "SliceThickness", "StudyDate", "StudyTime", "ImageType", "PatientID"]


def test_pandas() -> None:
    pandas = pytest.importorskip("pandas", reason="pandas: not installed")
    table = dd.read_tags(MIXED, NAMES)
    frame = table.to_pandas()
    assert list(frame.columns) == ["source", *NAMES] and len(frame) == 3
    assert str(frame["Rows"].dtype) == "Int64" and frame["Rows"].tolist()[:2] == [2, 2] and frame["Rows"].isna()[2]
    assert frame["SliceThickness"].tolist()[0] == 2.5
    assert frame["StudyDate"][0] == pandas.Timestamp(2024, 2, 29) and frame["StudyTime"][0].seconds == 27000
    assert frame["ImageType"][1] == ["A", "B"]
    assert frame["InstanceNumber"].isna().all() and frame["PatientID"].isna().all()


def test_arrow_and_polars() -> None:
    pytest.importorskip("pyarrow", reason="pyarrow: not installed")
    table = dd.read_tags(MIXED, NAMES)
    arrow = table.to_arrow()
    assert arrow.column_names == ["source", *NAMES]
    assert arrow["Rows"].to_pylist() == [2, 2, None]
    assert arrow["StudyDate"].to_pylist() == [datetime.date(2024, 2, 29), None, None]
    assert arrow["StudyTime"].to_pylist() == [datetime.time(7, 30), None, None]
    assert arrow["ImageType"].to_pylist() == [None, ["A", "B"], None]
    assert arrow["source"].to_pylist() == ["<bytes>"] * 3
    polars = pytest.importorskip("polars", reason="polars: not installed")
    frame = table.to_polars()
    assert isinstance(frame, polars.DataFrame) and frame["Rows"].to_list() == [2, 2, None]
