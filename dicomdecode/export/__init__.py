"""Many files into the forms that train: `convert` is the door."""

from dicomdecode.export.convert import Report, convert
from dicomdecode.export.formats import read_examples

__all__ = ["Report", "convert", "read_examples"]
