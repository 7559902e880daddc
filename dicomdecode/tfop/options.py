"""The options of an image op as text: what the attribute `options` of a graph holds.

JSON, without what is at its default: "" is the plain call. Floats keep their value to the bit.
"""

from __future__ import annotations

import json
from typing import Any

from dicomdecode.decode_dicom import ImageCall, checked_call

__all__ = ["read_options", "write_options"]

#: The options and their defaults, which are those of `dicomdecode.decode_dicom_image`.
DEFAULTS: dict[str, Any] = {
    "color_dim": False,
    "on_error": "skip",
    "scale": "preserve",
    "values": "stored",
    "color": "rgb",
    "frame_dim": None,
    "window": None,
    "frames": None,
    "region": None,
    "reduce": 0,
}


def write_options(**options: Any) -> str:
    """The text of options that `checked_call` takes."""
    given = {name: _plain(value) for name, value in options.items() if value != DEFAULTS[name]}
    return json.dumps(given, sort_keys=True) if given else ""


def _plain(value: Any) -> Any:
    if isinstance(value, slice):
        return {"slice": [_plain(value.start), _plain(value.stop), _plain(value.step)]}
    if isinstance(value, (tuple, list, range)):
        return [_plain(part) for part in value]
    return value.item() if hasattr(value, "item") else value


def read_options(text: str, dtype: str) -> ImageCall:
    """The call that a text and a dtype say.

    Raises
    ------
    ValueError, TypeError
        The text is none that `write_options` writes, or an option has a value that it cannot have.
    """
    given = json.loads(text) if text else {}
    if not isinstance(given, dict) or not set(given) <= set(DEFAULTS):
        raise ValueError(f"options must be those of decode_dicom_image, as JSON, not {text!r}")
    given = {name: _argument(value) for name, value in given.items()}
    return checked_call(**{**DEFAULTS, **given}, dtype=dtype)


def _argument(value: Any) -> Any:
    """What `_plain` made this of."""
    if isinstance(value, dict):
        return slice(*value.get("slice", ()))
    return [_argument(part) for part in value] if isinstance(value, list) else value
