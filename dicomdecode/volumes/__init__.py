"""Series of files -> volumes: which slices belong together, whether they are a stack, and where it lies."""

from dicomdecode.volumes.series import read_series
from dicomdecode.volumes.volume import Volume

__all__ = ["Volume", "read_series"]
