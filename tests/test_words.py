"""The words of the options and their numbers in C are the same lists."""

import re
from pathlib import Path

import pytest

from dicomdecode import words

FOLDER = Path(__file__).resolve().parents[1] / "dicomdecode"  # wheels have no headers
SHORT = {"uint": "U", "int": "I", "float": "F"}


def number_names() -> dict[str, list[str]]:
    """List name -> the names of its numbers, in order, from words.h."""
    text = (FOLDER / "words.h").read_text(encoding="utf-8")
    found = re.findall(r"/\* ([A-Z_]+) \*/\nenum \{([^}]*)\}", text)
    return {name: [part.strip() for part in names.split(",")] for name, names in found}


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("VALUES", "VALUES_"), ("COLORS", "COLOR_"), ("SCALES", "SCALE_"), ("ON_ERROR", "ON_ERROR_")],
)
def test_options(name: str, prefix: str) -> None:
    assert number_names()[name] == [prefix + word.upper() for word in getattr(words, name)]


def test_element_types() -> None:
    expected = [re.sub(r"[a-z]+", lambda match: "T_" + SHORT[match[0]], name) for name in words.ELEMENT_TYPES]
    assert number_names()["ELEMENT_TYPES"] == [*expected, "T_COUNT"]


def test_every_list_is_compared() -> None:
    assert set(number_names()) == {"VALUES", "COLORS", "SCALES", "ON_ERROR", "ELEMENT_TYPES"}
