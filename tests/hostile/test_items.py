"""Items of sequences are found one by one, in any order, and are those of the file."""

from __future__ import annotations

import struct
import threading

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

ENCODINGS = {
    "known lengths": s.Encoding(),
    "undefined lengths": s.Encoding(True, False, True, True),
    "undefined items": s.Encoding(True, False, False, True),
    "implicit": s.Encoding(False),
    "big endian": s.Encoding(True, True),
}


def with_items(count: int, encoding: s.Encoding) -> bytes:
    items: list[list[s.Element]] = [
        [(0x00081150, "UI", f"1.{i}"), (0x00081155, "UI", "2" * (i % 60))] for i in range(count)
    ]
    syntax = s.EXPLICIT_BE if encoding.big_endian else s.EXPLICIT_LE if encoding.explicit else s.IMPLICIT_LE
    return s.dataset([(0x00081140, "SQ", items)], syntax=syntax, encoding=encoding)


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("count", [1, 63, 64, 65, 1024, 1025, 3000])
def test_items_in_any_order(name: str, count: int) -> None:
    items = dd.open(with_items(count, ENCODINGS[name])).tag(0x00081140)
    assert isinstance(items, list) == (count <= 1024)
    numbers = [0, count - 1, count // 2, *np.random.default_rng(count).integers(0, count, 30).tolist(), -1, -count]
    for i in numbers:
        assert items[i].tag(0x00081150) == f"1.{i % count}"
    assert len(items) == count and bool(items)
    for i in numbers[::-1]:
        assert items[i].tag(0x00081150) == f"1.{i % count}"
    assert [item.tag(0x00081150) for item in items] == [f"1.{i}" for i in range(count)]
    for cut in (slice(0, 1), slice(count - 1, count + 5), slice(None, None, 7), slice(None, -1), slice(5, 2)):
        assert [item.tag(0x00081150) for item in items[cut]] == [f"1.{i}" for i in range(count)][cut]
    for i in (count, -count - 1, 10**12):
        with pytest.raises(IndexError):
            items[i]


def test_items_of_several_threads() -> None:
    items = dd.open(with_items(5000, ENCODINGS["undefined lengths"])).tag(0x00081140)
    wrong: list[object] = []

    def look(seed: int) -> None:
        for i in np.random.default_rng(seed).integers(0, 5000, 300).tolist():
            found = items[i].tag(0x00081150)
            if found != f"1.{i}":
                wrong.append((i, found))

    threads = [threading.Thread(target=look, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_damage_behind_an_item_takes_nothing_from_it() -> None:
    good = s.tag_bytes(0xFFFEE000) + struct.pack("<I", 14) + s.element(0x00081150, "UI", "1.234\0")
    body = good * 2000 + b"no item!"
    contents = s.dataset([s.header(0x00081140, "SQ", len(body), s.LITTLE) + body])
    items = dd.open(contents).tag(0x00081140)
    assert items[1999].tag(0x00081150) == "1.234"
    for call in (lambda: len(items), lambda: items[2000], lambda: list(items)):
        with pytest.raises(dd.MalformedError) as caught:
            call()
        assert caught.value.code == "item_expected"
