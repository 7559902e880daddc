"""What stands for many files -> one file after the other. `expand` is the door."""

from dicomdecode.sources.expand import Expansion, Item, Some, expand, looks_like_dicom

__all__ = ["Expansion", "Item", "Some", "expand", "looks_like_dicom"]
