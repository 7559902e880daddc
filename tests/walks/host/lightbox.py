"""A library that shows pictures, and knows its readers by the ending of a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

READERS: dict[str, Callable[[str], Any]] = {}


def show(path: str) -> Any:
    return READERS[path.rpartition(".")[2]](path)
