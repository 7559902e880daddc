"""Wrong arguments: each keyword is named in its error, and `on_error` swallows none of them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

CONTENTS = s.image(np.arange(3 * 8 * 8, dtype=np.uint16).reshape(3, 8, 8))
NOTHING = object()

#: keyword -> (what is of a wrong type, what is a wrong value).
WRONG: dict[str, tuple[list[Any], list[Any]]] = {
    "values": ([5, None, NOTHING, np.array(["voi"])], ["hu", ""]),
    "color": ([5, None, NOTHING], ["bgr"]),
    "dtype": (["nothing", "complex64", NOTHING, ">i4", "S4", [1]], []),
    "scale": ([5, None, NOTHING], ["stretch"]),
    "frames": (
        [
            "a",
            b"a",
            1.5,
            "0",
            [0, "a"],
            [1.0],
            True,
            [True, False],
            NOTHING,
            slice("a", None),
            slice(0, 2, 0.5),
            ["x"],
            np.array([0.5]),
        ],
        [slice(None, None, 0), 3, -4, [0, 3], (-4,)],
    ),
    "out": (["x", [1, 2], NOTHING, b"123"], [np.zeros(3, np.uint16), np.zeros((3, 8, 8), np.int8)]),
    "window": (
        [NOTHING, 1.5, True, {}, ("a", "b"), (None, 5), (1, 5, 7), b"x"],
        [(1,), (1, 2, "LINEAR", 4), (1, 0), (1, float("nan")), (1, -5, "SIGMOID"), (1, 5, "CUBIC")],
    ),
    "padding": (["x", "5", NOTHING, [0], True, 1j], []),
    "reduce": (["x", 1.5, None, NOTHING, [1], True], [-1, 33]),
    "region": (
        [5, "abcd", NOTHING, (0, 0, 4, "a"), (0, 0, 4, 4.0), [None] * 4],
        [(0, 0, 4), (0,) * 5, (), (0, 0, 9, 1), (-1, 0, 1, 1), (0, 0, 0, 0)],
    ),
    "threads": (["x", None, 1.5, NOTHING, True], [0, -3]),
    "overlays": ([5, "yes", None, NOTHING, [True]], [True]),
    "codec": ([5, True, NOTHING, ["openjpeg"]], ["own", "OpenJPEG", ""]),
    "limits": ([5, {"frames": 1}, "none", NOTHING, dd.Limits], []),
    "color_dim": ([5, "yes", None, NOTHING], []),
    "frame_dim": ([5, "yes", NOTHING], [False]),
    "on_error": ([5, None, NOTHING], ["raise"]),
}


def pixels(contents: bytes, **keywords: Any) -> Any:
    return dd.open(contents).pixels(**keywords)


def opened(contents: bytes, **keywords: Any) -> Any:
    return dd.open(contents, **keywords).pixels()


FUNCTIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "imread": (dd.imread, dd.imread),
    "decode_dicom_image": (dd.decode_dicom_image, dd.decode_dicom_image),
    "pixels": (pixels, dd.DicomImage.pixels),
    "open": (opened, dd.open),
}
CASES = [
    (name, keyword, value, error)
    for name, (_, signature) in FUNCTIONS.items()
    for keyword in list(inspect.signature(signature).parameters)[1:]
    for values, error in zip(WRONG[keyword], (TypeError, (ValueError, IndexError)), strict=True)
    for value in values
]


@pytest.mark.parametrize(
    ("name", "keyword", "value", "error"), CASES, ids=lambda x: x if isinstance(x, str) else type(x).__name__
)
def test_every_keyword_is_named(name: str, keyword: str, value: Any, error: Any) -> None:
    call = FUNCTIONS[name][0]
    keywords = {keyword: value}
    if keyword == "window":
        keywords["values"] = "voi"
    call(CONTENTS)  # sound without it
    with pytest.raises(error, match=rf"(^|\W){keyword}(\W|$)") as caught:
        call(CONTENTS, **keywords)
    assert not isinstance(caught.value, dd.DicomError)


@pytest.mark.parametrize("keyword", [k for k, (types, _) in WRONG.items() if types])
def test_a_wrong_type_is_told_before_the_file_is_read(keyword: str) -> None:
    """So a file that cannot be decoded, and is skipped, does not hide it."""
    for name, (call, signature) in FUNCTIONS.items():
        if keyword in inspect.signature(signature).parameters and name in ("imread", "decode_dicom_image"):
            for value in WRONG[keyword][0]:
                with pytest.raises(TypeError, match=keyword):
                    call(b"no DICOM file" * 20, **{keyword: value})


@pytest.mark.parametrize(
    ("keyword", "value", "like"),
    [
        ("frames", np.int64(1), 1),
        ("frames", np.array([2, 0]), [2, 0]),
        ("frames", range(1, 3), [1, 2]),
        ("frames", (i for i in (0, 2)), [0, 2]),
        ("frames", slice(np.int8(0), None, 2), slice(0, None, 2)),
        ("padding", np.float32(3), 3.0),
        ("reduce", np.uint8(0), 0),
        ("region", np.array([1, 2, 3, 4]), (1, 2, 3, 4)),
        ("threads", np.int16(2), 2),
        ("overlays", np.False_, False),
        ("window", [100, np.int16(50)], (100.0, 50.0)),
        ("dtype", "f4", np.float32),
    ],
)
def test_what_is_as_good(keyword: str, value: Any, like: Any) -> None:
    """Numbers of NumPy, arrays, ranges and iterators where ints and sequences are meant."""
    values = "voi" if keyword == "window" else "modality"
    found = dd.imread(CONTENTS, values=values, **{keyword: value})
    np.testing.assert_array_equal(found, dd.imread(CONTENTS, values=values, **{keyword: like}))
