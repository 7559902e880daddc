"""Many files into the forms that train: `convert.convert` is the door; `formats.read_examples` reads TFRecord."""

from dicomdecode.export.report import Report

__all__ = ["Report"]
