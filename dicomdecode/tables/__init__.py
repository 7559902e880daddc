"""Data elements of many files as a table. `read_tags` is the door."""

from dicomdecode.tables.read import read_tags
from dicomdecode.tables.table import TagTable

__all__ = ["TagTable", "read_tags"]
