"""Values of tags as JSON and as lines."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from dicomdecode.cli.terminal import clean
from dicomdecode.tags import keyword_of


def as_json(found: dict[str, Any]) -> str:
    """One line of JSON."""
    return json.dumps(_plain(found), allow_nan=False)


def _plain(value: Any) -> Any:
    """A value of `tag` or of `facts_of` as JSON has it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(x) for x in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, (int, float, str)):
        return value
    return {key_of(t): _plain(value.tag(t)) for t in value.tags()} if is_item(value) else str(value)


def key_of(tag: int) -> str:
    """The keyword of a tag; of one that has none, its number."""
    return keyword_of(tag) or number_of(tag)


def number_of(tag: int) -> str:
    """A tag as group and element."""
    return f"{tag >> 16:04x},{tag & 0xFFFF:04x}"


def is_item(value: Any) -> bool:
    """Whether a value is an item of a sequence."""
    return hasattr(value, "tags") and hasattr(value, "tag")


def short(value: Any, absent: str = "(absent)") -> str:
    """A value on one line."""
    if value is None:
        return absent
    if isinstance(value, bytes):
        return f"{len(value)} bytes" if len(value) > 32 else value.hex()
    if isinstance(value, Sequence) and value and is_item(value[0]):
        return f"sequence of {len(value)} item{'s' if len(value) > 1 else ''}"
    # More than is shown, whatever becomes of the ends of its lines: a damaged file has texts of megabytes.
    start = "\\".join(map(str, value[:250])) if isinstance(value, list) else str(value)
    text = clean(" ".join(start[:250].splitlines()))
    return text if len(text) <= 120 else text[:117] + "..."
