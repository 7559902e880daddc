"""Folders, patterns, archives and members of them -> files, in a stable order."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import stat
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.sources import Item, expand
from tests import synthesise as s

CONTENTS = s.image(np.arange(6, dtype=np.uint16).reshape(2, 3))
LIMITS = dd.Limits()


def expanded(*sources: object) -> list[Item]:
    return list(expand(sources, LIMITS))


def names(*sources: object) -> list[object]:
    return [item.name if item.error is None else type(item.error).__name__ for item in expanded(*sources)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """b.dcm, a (DICOM without an ending), notes.txt, DICOMDIR, "in here/c d.dcm", "in here/deep/e.dcm"."""
    (tmp_path / "in here" / "deep").mkdir(parents=True)
    for name in ("b.dcm", "a", "DICOMDIR", "in here/c d.dcm", "in here/deep/e.dcm"):
        (tmp_path / name).write_bytes(CONTENTS)
    (tmp_path / "notes.txt").write_text("no DICOM")
    return tmp_path


def test_one_source_is_a_list_of_one(folder: Path) -> None:
    path = folder / "b.dcm"
    for source in (path, str(path), CONTENTS, bytearray(CONTENTS), np.frombuffer(CONTENTS, np.uint8)):
        (item,) = expand(source, LIMITS)
        assert item.name is source and item.source is source
    with open(path, "rb") as file:
        assert [item.source for item in expand(file, LIMITS)] == [file]


def test_what_is_no_source() -> None:
    with pytest.raises(TypeError, match="sources must be an iterable"):
        expand(5, LIMITS)


def test_folders_are_walked_in_the_order_of_names(folder: Path) -> None:
    wanted = ["a", "b.dcm", "in here/c d.dcm", "in here/deep/e.dcm"]
    assert names(folder) == [str(folder / name) for name in wanted]
    expansion = expand([str(folder), CONTENTS], LIMITS)
    assert expansion.total == 2
    assert len(list(expansion)) == 5 and expansion.total == 5


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*.dcm", ["b.dcm"]),
        ("**/*.dcm", ["b.dcm", "in here/c d.dcm", "in here/deep/e.dcm"]),
        ("in*/?*", ["in here/c d.dcm", "in here/deep/e.dcm"]),
        ("in here/[a-c]*", ["in here/c d.dcm"]),
        ("**", ["DICOMDIR", "a", "b.dcm", "in here/c d.dcm", "in here/deep/e.dcm", "notes.txt"]),
        ("*/nothing*", ["DicomError"]),
    ],
)
def test_patterns(folder: Path, pattern: str, wanted: list[str]) -> None:
    found = names(str(folder / pattern))
    assert sorted(map(str, found)) == sorted(str(folder / n) if n != "DicomError" else n for n in wanted)
    assert found == names(str(folder / pattern))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="platform: no named pipes")
@pytest.mark.parametrize("pattern", ["", "*", "**"])
def test_pipes_are_left_out(tmp_path: Path, pattern: str) -> None:
    os.mkfifo(tmp_path / "pipe.dcm")  # who opens it waits for ever
    assert [type(item.error) for item in expand(str(tmp_path / pattern), LIMITS)] == [dd.DicomError]


def test_a_relative_pattern(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert names("*.dcm") == ["b.dcm"]


def test_a_name_with_the_signs_of_a_pattern_is_a_name(folder: Path) -> None:
    path = folder / "slice[1].dcm"
    path.write_bytes(CONTENTS)
    assert names(str(path)) == [str(path)]


def test_a_member_that_is_not_there(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("there.dcm", CONTENTS)
    (item,) = expanded(tmp_path / "a.zip" / "other.dcm")
    assert isinstance(item.error, dd.DicomError) and item.error.code == "no_files"
    assert "of this name in the archive" in str(item.error)


def test_a_folder_without_dicom(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no DICOM")
    (item,) = expanded(tmp_path)
    assert isinstance(item.error, dd.DicomError) and item.error.code == "no_files"
    assert str(tmp_path) not in str(item.error)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="platform: root may read every folder")
def test_an_unreadable_folder_as_user(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir()
    closed.chmod(0)
    try:
        assert "PermissionError" in names(folder)
    finally:
        closed.chmod(stat.S_IRWXU)


def test_an_unreadable_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of its own; what lies beside it is still found."""
    scan = os.scandir

    def scandir(path: str) -> object:
        if os.path.basename(path) == "deep":
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found = expanded(folder)
    assert [type(item.error) for item in found] == [type(None)] * 3 + [PermissionError]
    assert found[-1].name == str(folder / "in here" / "deep")


def test_nothing_is_looked_at_before_it_is_asked_for(folder: Path) -> None:
    def endless() -> object:
        while True:
            yield str(folder)

    items = expand(endless(), LIMITS)
    assert items.total is None and not items.is_listed
    assert [next(items).name for _ in range(9)][8] == str(folder / "a")


def make_archive(path: Path, members: dict[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            for name, contents in members.items():
                file.writestr(name, contents)
    else:
        with tarfile.open(path, "w:" + path.suffix[1:].replace("tar", "").replace("tgz", "gz")) as tar:
            for name, contents in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(contents)
                tar.addfile(info, io.BytesIO(contents))
    return path


MEMBERS = {"x/b": CONTENTS, "x/y/a b.dcm": CONTENTS, "notes.txt": b"no DICOM", "c.dcm": CONTENTS}


@pytest.mark.parametrize(
    "name", ["files.zip", "with space.tar", "files.tar.gz", "files.tgz", "files.tar.bz2", "f.tar.xz"]
)
def test_archives(tmp_path: Path, name: str) -> None:
    archive = make_archive(tmp_path / name, MEMBERS)
    inside = [str(archive / member) for member in ("x/b", "x/y/a b.dcm", "c.dcm")]
    assert names(archive) == inside
    assert names(archive / "x") == inside[:2]
    assert names(f"{archive}/x/*") == inside[:2]
    assert names(inside[1], f"{archive}/nothing") == [inside[1], "DicomError"]
    for item in expanded(tmp_path / "*"):
        assert dd.imread(item.source).tolist() == [[0, 1, 2], [3, 4, 5]]
        assert dd.imread(item.name).tolist() == [[0, 1, 2], [3, 4, 5]]
        assert dd.imread(pickle.loads(pickle.dumps(item.source))).shape == (2, 3)
    with pytest.raises(FileNotFoundError):
        dd.imread(archive / "nothing.dcm")


def test_damaged_archives(tmp_path: Path) -> None:
    whole = make_archive(tmp_path / "whole.zip", MEMBERS).read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "noise.tar").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "cut.tar.gz").write_bytes(gzip.compress(bytes(10000))[:20])
    for name in ("cut.zip", "noise.tar", "cut.tar.gz"):
        (item,) = expanded(tmp_path / name)
        assert isinstance(item.error, dd.MalformedError) and item.error.code == "archive"
    damaged = bytearray(whole)
    damaged[60:80] = bytes(20)
    (tmp_path / "damaged.zip").write_bytes(damaged)
    with pytest.raises(dd.MalformedError):
        dd.imread(tmp_path / "damaged.zip" / "x" / "b")


def test_an_encrypted_member(tmp_path: Path) -> None:
    archive = make_archive(tmp_path / "files.zip", {"a.dcm": CONTENTS})
    data = bytearray(archive.read_bytes())
    data[6] |= 1  # general purpose flag, bit 0, of the local header and of the central directory
    data[data.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(dd.UnsupportedError) as caught:
        dd.imread(archive / "a.dcm")
    assert caught.value.code == "archive"


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.tar.gz"])
def test_a_bomb_is_inflated_within_the_limits_only(tmp_path: Path, name: str) -> None:
    """64 MiB of zeros behind the head of a file: what is refused is never held in memory."""
    bomb = CONTENTS[:400] + bytes(1 << 26)
    archive = make_archive(tmp_path / name, {"bomb.dcm": bomb})
    for limits, code in (
        (dd.Limits(stream_bytes=1 << 20), "limit_stream_bytes"),
        (dd.Limits(inflate_ratio=100), "limit_inflate_ratio"),
    ):
        (item,) = expand(archive, limits)
        error = item.error
        if error is None:
            with pytest.raises(dd.LimitError) as caught:
                item.source.seek(1 << 25)
                item.source.read(10)
            error = caught.value
        assert isinstance(error, dd.LimitError) and error.code == code
