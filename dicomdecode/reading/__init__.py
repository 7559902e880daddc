"""Bytes -> data set -> header: no pixel, no NumPy."""

from dicomdecode.reading._reading import PHOTOMETRIC_TERMS, DataSet, DicomFile, MemorySource, Source
from dicomdecode.reading.source import open_source

__all__ = ["PHOTOMETRIC_TERMS", "DataSet", "DicomFile", "MemorySource", "Source", "open_source"]
