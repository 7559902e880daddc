"""Folders, patterns and archives -> the files in them, one by one. `expand` is the door."""

from dicomdecode.sources.expand import Expansion, Item, Some, expand, looks_like_dicom

__all__ = ["Expansion", "Item", "Some", "expand", "looks_like_dicom"]
