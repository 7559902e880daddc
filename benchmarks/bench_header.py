"""Scan and header: from the bytes of a file to its elements, and a few of their values."""

from __future__ import annotations

import io

import pydicom

import dicomdecode as dd
from dicomdecode.limits import Limits
from dicomdecode.reading import DicomFile, MemorySource

from . import samples

FILES = {"small CT": samples.small_ct, "enhanced, 500 frames": samples.enhanced}
TEN_TAGS = [
    "Rows",
    "Columns",
    "BitsStored",
    "PixelSpacing",
    "PatientName",
    "PatientID",
    "Modality",
    "StudyInstanceUID",
    "RescaleSlope",
    "RescaleIntercept",
]


class Header:
    """Bytes in memory -> an opened file."""

    params = ([*FILES], ["dicomdecode", "pydicom"])
    param_names = ("file", "by")

    def setup(self, file: str, by: str) -> None:
        self.contents = FILES[file]()
        self.ours = by == "dicomdecode"
        dd.open(self.contents).tag("PatientName")  # loads the dictionary of keywords

    def time_open(self, file: str, by: str) -> None:
        if self.ours:
            dd.open(self.contents)
        else:
            pydicom.dcmread(io.BytesIO(self.contents), stop_before_pixels=True)

    def time_open_and_ten_tags(self, file: str, by: str) -> None:
        if self.ours:
            image = dd.open(self.contents)
            for tag in TEN_TAGS:
                image.tag(tag)
        else:
            dataset = pydicom.dcmread(io.BytesIO(self.contents), stop_before_pixels=True)
            for tag in TEN_TAGS:
                dataset.get(tag)


class Scan:
    """The scanner alone, and the text of elements."""

    params = ([*FILES],)
    param_names = ("file",)

    def setup(self, file: str) -> None:
        self.contents = FILES[file]()
        self.source = MemorySource(self.contents)
        self.limits = Limits()
        dd.decode_dicom_data(self.contents, TEN_TAGS)

    def time_scan(self, file: str) -> None:
        DicomFile(self.source, self.limits)

    def time_decode_dicom_data(self, file: str) -> None:
        dd.decode_dicom_data(self.contents, TEN_TAGS)
