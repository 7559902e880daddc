"""Folders of strangers: pipes, sockets, links that lead round or nowhere, names that are no text."""

from __future__ import annotations

import io
import json
import os
import socket
import zipfile
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode import cli
from tests import synthesise as s

GOOD = s.image(np.arange(64, dtype=np.uint8).reshape(8, 8))
pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="platform: no pipes with names")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four files that are good, in a tree with what is none."""
    tree = tmp_path / "tree"
    tree.mkdir()
    monkeypatch.chdir(tree)  # the name of a socket must be short
    for name in (b"good.dcm", b"line\nand \x1b[31m.dcm", b"no text \xff.dcm"):
        Path(os.fsdecode(name)).write_bytes(GOOD)
    os.mkdir("under.dcm")
    Path("under.dcm/good").write_bytes(GOOD)
    os.mkfifo("pipe")
    os.mkfifo("pipe.dcm")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind("socket.dcm")
    os.symlink("loop.dcm", "loop.dcm")
    os.symlink("nothing", "dangling.dcm")
    os.symlink(".", "under.dcm/round", target_is_directory=True)
    os.symlink(tree, "under.dcm/up", target_is_directory=True)
    Path("empty.dcm").touch()
    return tree


def test_what_is_found(folder: Path) -> None:
    for sources in (folder, f"{folder}/**/*.dcm"):
        decoded = list(dd.decode_batch([sources], threads=2))
        assert sum(one.error is None for one in decoded) == 4 - ("*" in str(sources))
        assert {type(one.error) for one in decoded} <= {type(None), OSError, FileNotFoundError, dd.TruncatedError}
    table = dd.read_tags([folder], ["Rows"])
    assert table["Rows"].tolist().count(8) == 4


def test_names_that_are_no_text(folder: Path, tmp_path: Path) -> None:
    report = dd.convert([folder], tmp_path / "out", format="npy")
    assert report.done == 4
    lines = [
        json.loads(line) for line in (tmp_path / "out" / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert sum("no text \udcff.dcm" in line.get("source", "") for line in lines) == 1
    assert dd.convert([folder], tmp_path / "out", format="npy").skipped == 5, "they are known again"


def test_command_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["check"], ["info"], ["tags", "-t", "Rows"]):
        cli.main([command[0], str(folder), *command[1:]])
    said = capsys.readouterr()
    assert "\x1b[31m" not in said.out + said.err


def test_a_member_of_a_zip_that_swells() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.dcm", GOOD + bytes(1 << 24))
    limits = dd.Limits(stream_bytes=1 << 20)
    with pytest.raises(dd.LimitError):
        dd.imread(zipfile.Path(packed, "a.dcm"), limits=limits)
