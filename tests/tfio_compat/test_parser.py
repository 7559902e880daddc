"""values="tfio": files in which the parser of tensorflow-io loses its way, and ours does not."""

from __future__ import annotations

import struct

import pytest

import dicomdecode as dd
from tests import synthesise as s
from tests.tfio_compat.test_image import raw_image, tfio


def with_group_length(change: int) -> bytes:
    """A file whose file meta information claims to be longer than it is."""
    contents = raw_image(b"\0" * 4)
    (length,) = struct.unpack_from("<I", contents, 140)
    return contents[:140] + struct.pack("<I", length + change) + contents[144:]


@pytest.mark.parametrize(
    "contents",
    [
        raw_image(b"\0" * 4).replace(b"\x28\0\x02\0US", s.tag_bytes(0xFFFEE000) + b"\0" * 4 + b"\x28\0\x02\0US"),
        with_group_length(24),
        with_group_length(0x7FFFFFFF),
        b"\0" + raw_image(b"\0" * 4),
    ],
    ids=["an item in no sequence", "meta ends in the data set", "meta never ends", "a byte in front"],
)
def test_where_its_parser_loses_its_way(contents: bytes) -> None:
    assert dd.imread(contents, values="stored").tolist() == [[0, 0, 0, 0]]
    with pytest.raises(dd.MalformedError, match="parser"):
        tfio(contents)


def test_a_stray_item_behind_the_pixel_data_does_not_matter() -> None:
    assert tfio(raw_image(b"\0" * 4) + s.tag_bytes(0xFFFEE000) + b"\0" * 4).shape == (1, 1, 4, 1)
