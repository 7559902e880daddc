"""An export that is ended in the middle: by a signal, by Ctrl-C, by a full disk. In every format."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from dicomdecode.export.formats import FORMATS
from dicomdecode.export.manifest import Manifest
from tests.export.test_formats import library, lines_of
from tests.volumes.series import one_slice

ROOT = str(Path(dd.__file__).resolve().parent.parent)
POSIX = pytest.mark.skipif(os.name != "posix", reason="platform: no signals, no limits of a process")
#: Some records for each shard, and tags that Parquet has something to write of.
SHARDS: dict[str, Any] = {"shard_size": 8}
TAGS = {"tags": ["InstanceNumber", "SOPInstanceUID"]}


def keywords_of(name: str) -> dict[str, Any]:
    return {"format": name, **TAGS, **(SHARDS if FORMATS[name].has_shards else {})}


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(params=FORMATS)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    if FORMATS[chosen].library:
        library(FORMATS[chosen].library)
    return chosen


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Series of five slices, and the first file and one in the middle are no DICOM."""
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(30):
        contents = one_slice(k, (0, 0, 2.0 * k), series=f"1.2.3.{k // 5}")
        (folder / f"{k:03}.dcm").write_bytes(contents if k not in (0, 15) else b"not DICOM at all, but some text")
    return sorted(folder.iterdir())


def child(code: str, *arguments: Any, **keywords: Any) -> subprocess.Popen[str]:
    text = f"import sys; sys.path.insert(0, {ROOT!r})\nimport dicomdecode as dd\n{code}"
    return subprocess.Popen(
        [sys.executable, "-P", "-c", text, *map(str, arguments)],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **keywords,
    )


SLOWLY = """
import glob, os, random, signal, time
import dicomdecode.export.running, dicomdecode.export.units
dicomdecode.export.units._UNIT_BYTES = 4000
folder, keywords = sys.argv[2], eval(sys.argv[3])
def sources():
    for path in sorted(glob.glob(sys.argv[1] + "/*")):
        time.sleep(0.001)
        yield path
"""

KILLED = """
began = time.monotonic()
dd.convert(sources(), folder + "/clean", **keywords)
taken = time.monotonic() - began
moments = random.Random(0)
for k in range(10):
    process = os.fork()
    if process == 0:
        dd.convert(sources(), f"{folder}/{k}", **keywords)
        os._exit(0)
    time.sleep(moments.uniform(0, taken))
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    report = dd.convert(sources(), f"{folder}/{k}", **keywords)
    print(report.done, report.skipped)
"""


@pytest.mark.slow
@POSIX
def test_a_killed_run_loses_nothing(files: list[Path], tmp_path: Path, name: str) -> None:
    """At ten random moments; the same call goes on, and ends with the files of one clean run, byte for byte."""
    out, errors = child(SLOWLY + KILLED, tmp_path / "in", tmp_path / "out", keywords_of(name)).communicate(timeout=200)
    assert errors == "" and len(out.splitlines()) == 10
    clean = snapshot(tmp_path / "out" / "clean")
    assert len(clean) > 3
    for k in range(10):
        assert snapshot(tmp_path / "out" / str(k)) == clean


@pytest.mark.slow
@POSIX
def test_ctrl_c_leaves_no_half_file(files: list[Path], tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    run = 'print("begun", flush=True)\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n'
    run += "dd.convert(sources(), folder, **keywords)"
    process = child(SLOWLY.replace("0.001", "0.005") + run, tmp_path / "in", folder, keywords_of(name))
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    deadline = time.monotonic() + 20
    while not list(folder.glob("0*")) and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors and process.returncode != 0
    assert not (folder / ".partial").exists()
    named = {result for line in lines_of(folder) for result in line["results"]}
    assert {path.name for path in folder.iterdir()} - {"manifest.jsonl"} == named
    dd.convert(files, folder, **keywords_of(name))
    dd.convert(files, tmp_path / "clean", **keywords_of(name))
    assert snapshot(folder) == snapshot(tmp_path / "clean")


FULL = """
try:
    dd.convert(sorted(__import__("glob").glob(sys.argv[1] + "/*.dcm")), sys.argv[1] + "/out", **eval(sys.argv[2]))
except dd.ExportError as error:
    print(error.code, error)
"""


@POSIX
@pytest.mark.slow
def test_a_full_disk(tmp_path: Path, name: str) -> None:
    """A limit of the size of files stands for the disk: the system refuses to write on."""
    noise = np.random.default_rng(0)
    for k in range(3):
        pixels = noise.integers(0, 1 << 16, (200, 200), np.uint16)
        (tmp_path / f"{k}.dcm").write_bytes(one_slice(k, (0, 0, k), pixels=pixels))
    most = 700 if name == "parquet" else 30_000
    keywords = {**keywords_of(name), **({"values": "stored"} if name == "png" else {})}

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    out, errors = child(FULL, tmp_path, keywords, preexec_fn=limit).communicate(timeout=30)
    assert out.startswith("disk_full The disk is full") and errors == ""
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["manifest.jsonl"]
    sources = sorted(tmp_path.glob("*.dcm"))
    dd.convert(sources, tmp_path / "out", **keywords)
    dd.convert(sources, tmp_path / "clean", **keywords)
    assert snapshot(tmp_path / "out") == snapshot(tmp_path / "clean")


def test_a_disk_that_is_full_for_the_manifest(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it still holds cannot be written when it is closed, either; nothing half is left all the same."""

    def full(manifest: Manifest, *arguments: Any) -> None:
        manifest._file.close()
        raise dd.ExportError("The disk is full", code="disk_full")

    monkeypatch.setattr(Manifest, "add", full)
    monkeypatch.setattr(Manifest, "close", full)
    with pytest.raises(dd.ExportError, match="The disk is full"):
        dd.convert(files, tmp_path / "out", format="tfrecord", shard_size=8)
    assert not (tmp_path / "out" / ".partial").exists()


def test_every_format_goes_on_and_refuses_alike(files: list[Path], tmp_path: Path, name: str) -> None:
    """What a second run, a dry one, other settings, more workers and an error do does not depend on the format."""
    keywords, folder = keywords_of(name), tmp_path / "out"
    planned = dd.convert(files, folder, **keywords, dry_run=True)
    assert not folder.exists()
    report = dd.convert(files, folder, **keywords, workers=1)
    assert report.failed == 2 and report.done + report.failed == planned.done
    assert lines_of(folder)[0]["code"] == "not_dicom" and lines_of(folder)[0]["results"] == []
    before = snapshot(folder)
    again = dd.convert(files, folder, **keywords, workers=3)
    assert (again.done, again.skipped, again.failed) == (0, planned.done, 0) and snapshot(folder) == before
    assert dd.convert(files, folder, **keywords, dry_run=True).done == 0
    for wrong in ({"resume": False}, {"limits": dd.Limits(), "dtype": "uint8"}):
        with pytest.raises(dd.ExportError) as caught:
            dd.convert(files, folder, **{**keywords, **wrong})
        assert caught.value.code == "target_exists" and snapshot(folder) == before
    dd.convert(files, tmp_path / "many", **keywords, workers=3)
    assert snapshot(tmp_path / "many") == before
    skipped = dd.convert(files, tmp_path / "skip", **keywords, on_error="skip")
    assert skipped.failed == 2 and len(lines_of(tmp_path / "skip")) == skipped.done
    with pytest.raises(dd.DicomError):
        dd.convert(files, tmp_path / "raise", **keywords, on_error="raise")
    assert dd.convert(files[:1], tmp_path / "none", **keywords).failed == 1
    assert [path.name for path in (tmp_path / "none").iterdir()] == ["manifest.jsonl"]


def test_a_zarr_group_whose_first_source_failed(files: list[Path], tmp_path: Path) -> None:
    zarr = library("zarr")
    dd.convert(files[:4], tmp_path / "out", format="zarr")
    group = zarr.open_group(tmp_path / "out", mode="r")
    assert [group[f"{k:08d}"].shape for k in (1, 2, 3)] == [(6, 8)] * 3
