"""`convert`: what a second run does, what a killed one leaves, what is refused."""

from __future__ import annotations

import errno
import json
import os
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dicomdecode as dd
from tests.export.test_formats import lines_of
from tests.volumes.series import stack, values


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "in"
    folder.mkdir()
    for k, contents in enumerate(stack(70)):
        (folder / f"{k:03}.dcm").write_bytes(contents)
    (folder / "035.dcm").write_bytes(b"not DICOM at all, but a text of some length")
    return sorted(folder.iterdir())


def test_manifest(files: list[Path], tmp_path: Path) -> None:
    report = dd.convert(files, tmp_path / "out", format="npy")
    assert (report.done, report.failed) == (69, 1) and report.manifest == tmp_path / "out" / "manifest.jsonl"
    lines = lines_of(tmp_path / "out")
    assert [line["index"] for line in lines] == list(range(70))
    assert lines[3]["source"] == str(files[3]) and lines[3]["size"] == files[3].stat().st_size
    assert lines[3]["results"] == ["00000003.npy"] and len(lines[3]["checksum"]) == 64
    assert lines[35]["code"] == "not_dicom" and lines[35]["results"] == []
    assert not (tmp_path / "out" / ".partial").exists()


@pytest.mark.parametrize("name", ["npy", "tfrecord", "webdataset"])
def test_a_second_run_does_nothing(files: list[Path], tmp_path: Path, name: str) -> None:
    folder = tmp_path / "out"
    dd.convert(files, folder, format=name)
    before, times = snapshot(folder), {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    report = dd.convert(files, folder, format=name)
    assert (report.done, report.skipped, report.failed, report.bytes) == (0, 70, 0, 0)
    assert snapshot(folder) == before and {path: path.stat().st_mtime_ns for path in folder.iterdir()} == times


def test_what_changed_is_done_again(files: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    dd.convert(files, folder, format="npy")
    files[35].write_bytes(stack(1, first=35)[0])
    (folder / "00000066.npy").unlink()
    report = dd.convert(files, folder, format="npy")
    assert report.failed == 0 and report.done == 2 and report.skipped == 68
    assert np.array_equal(np.load(folder / "00000035.npy"), values([35])[0])
    assert (folder / "00000066.npy").exists()
    assert dd.convert(files, folder, format="npy").skipped == 70


def test_more_sources_go_on(files: list[Path], tmp_path: Path) -> None:
    dd.convert(files[:40], tmp_path / "out", format="npy")
    report = dd.convert(files, tmp_path / "out", format="npy")
    assert report.failed == 0  # it was among the first
    assert report.skipped == 40 and report.done == 30
    dd.convert(files, tmp_path / "clean", format="npy")
    assert {k: v for k, v in snapshot(tmp_path / "out").items() if k.endswith("npy")} == {
        k: v for k, v in snapshot(tmp_path / "clean").items() if k.endswith("npy")
    }


def test_errors(files: list[Path], tmp_path: Path) -> None:
    report = dd.convert(files, tmp_path / "skip", format="npy", on_error="skip")
    assert report.failed == 1 and 35 not in [line["index"] for line in lines_of(tmp_path / "skip")]
    with pytest.raises(dd.MalformedError):
        dd.convert(files, tmp_path / "raise", format="npy", on_error="raise")
    assert len(list((tmp_path / "raise").glob("*.npy"))) == 35, "what came before it is written"
    files[35].unlink()
    report = dd.convert(files, tmp_path / "gone", format="npy")
    assert lines_of(tmp_path / "gone")[35]["code"] == "FileNotFoundError" and report.failed == 1
    files[35].write_bytes(stack(1, first=35)[0])
    assert dd.convert(files, tmp_path / "gone", format="npy").failed == 0, "what the system refused is tried again"


@pytest.mark.parametrize("name", ["npy", "tfrecord", "webdataset"])
def test_nothing_but_failures(tmp_path: Path, name: str) -> None:
    report = dd.convert([b"garbage" * 50] * 3, tmp_path, format=name)
    assert (report.done, report.failed) == (0, 3) and list(snapshot(tmp_path)) == ["manifest.jsonl"]


def test_targets(files: list[Path], tmp_path: Path) -> None:
    def refused(folder: Path, code: str, **keywords: Any) -> None:
        before = snapshot(folder) if folder.is_dir() else folder.read_bytes()
        with pytest.raises(dd.ExportError) as caught:
            dd.convert(files[:3], folder, **{"format": "npy", **keywords})
        assert caught.value.code == code and str(tmp_path) not in str(caught.value)
        assert (snapshot(folder) if folder.is_dir() else folder.read_bytes()) == before

    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "00000000.npy").write_bytes(b"mine")
    refused(mine, "target_exists")
    refused(mine / "00000000.npy", "target_exists")
    ours = tmp_path / "ours"
    dd.convert(files[:3], ours, format="npy")
    refused(ours, "target_exists", resume=False)
    refused(ours, "target_exists", values="stored")
    refused(ours, "target_exists", format="npz")
    (ours / "notes.txt").write_text("mine")
    assert dd.convert(files[:3], ours, format="npz", overwrite=True).done == 3
    assert sorted(snapshot(ours)) == [*(f"0000000{k}.npz" for k in range(3)), "manifest.jsonl", "notes.txt"]
    whole = (ours / "manifest.jsonl").read_text()
    (ours / "manifest.jsonl").write_text("{}\n[]\n")
    refused(ours, "target_exists", format="npz")
    (ours / "manifest.jsonl").write_bytes(b"\xff\xfe\n{}\n")
    refused(ours, "target_exists", format="npz")
    (ours / "manifest.jsonl").write_text(whole + "[" * 100_000 + "\n")
    refused(ours, "target_exists", format="npz")


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_runs_do_not_share_a_folder(overwrite: bool, files: list[Path], tmp_path: Path) -> None:
    """The second one is refused before it removes anything."""
    folder = tmp_path / "out"
    dd.convert(files[:1], folder, format="npy")

    def sources() -> Any:
        yield files[0]
        before = sorted(folder.glob("*.npy"))
        with pytest.raises(dd.ExportError) as caught:
            dd.convert(files[:2], folder, format="npy", overwrite=overwrite)
        assert caught.value.code == "target_busy" and before and sorted(folder.glob("*.npy")) == before
        yield files[1]

    report = dd.convert(sources(), folder, format="npy")
    assert (report.done, report.skipped) == (1, 1)
    assert len(list(folder.glob("*.npy"))) == 2


def test_file_systems_without_locks(files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    assert dd.convert(files[:2], tmp_path / "out", format="npy").done == 2


def test_dry_run(files: list[Path], tmp_path: Path) -> None:
    report = dd.convert(files, tmp_path / "out", format="npy", dry_run=True)
    assert (report.done, report.skipped) == (70, 0) and not (tmp_path / "out").exists()
    dd.convert(files[:64], tmp_path / "out", format="npy")
    report = dd.convert(files, tmp_path / "out", format="npy", dry_run=True)
    assert (report.done, report.skipped) == (6, 64)


@pytest.mark.parametrize(
    "keywords, kind",
    [
        ({"format": "jpeg"}, ValueError),
        ({"format": "parquet"}, ValueError),  # which writes tags
        ({"on_error": "stop"}, ValueError),
        ({"values": "raw"}, ValueError),
        ({"tags": ["NoSuchTag"]}, ValueError),
        ({"shard_size": 3}, ValueError),
        ({"shard_size": 0, "format": "tfrecord"}, ValueError),
        ({"workers": 0}, ValueError),
        ({"out": np.zeros(3)}, TypeError),
        ({"nonsense": 3}, TypeError),
        ({"format": "nifti", "frames": 0}, (ValueError, ImportError)),
        ({"executor": 3}, TypeError),
    ],
)
def test_arguments(tmp_path: Path, keywords: dict[str, Any], kind: Any) -> None:
    with pytest.raises(kind) as caught:
        dd.convert(stack(2), tmp_path / "out", **{"format": "npy", **keywords})
    assert not isinstance(caught.value, dd.DicomError)


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
@pytest.mark.parametrize("name", ["npy", "tfrecord"])
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_executors(files: list[Path], tmp_path: Path, kind: Any, name: str) -> None:
    with kind(2) as executor:
        report = dd.convert(files, tmp_path / "a", format=name, executor=executor, workers=2)
    assert (report.done, report.failed) == (69, 1)
    dd.convert(files, tmp_path / "b", format=name)
    assert snapshot(tmp_path / "a") == snapshot(tmp_path / "b")


class Forgetful(ThreadPoolExecutor):
    """Loses the results of some of its workers, as a cluster does."""

    def submit(self, function: Any, /, *arguments: Any, **keywords: Any) -> Any:
        future = super().submit(function, *arguments, **keywords)
        self.begun = getattr(self, "begun", 0) + 1
        if self.begun % 3 == 0:
            wait([future])
            lost: Future[Any] = Future()
            lost.set_exception(RuntimeError("the worker is gone"))
            return lost
        return future


def test_results_that_were_lost_are_made_again(files: list[Path], tmp_path: Path) -> None:
    with Forgetful(2) as executor:
        report = dd.convert(files, tmp_path / "a", format="npy", executor=executor)
    assert (report.done, report.failed) == (69, 1)
    dd.convert(files, tmp_path / "b", format="npy")
    assert snapshot(tmp_path / "a") == snapshot(tmp_path / "b")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(dd.ExportError) as caught:
        dd.convert(stack(2), tmp_path / "file" / "out", format="npy")
    assert caught.value.code == "not_writable"


def test_names_of_urls_hold_no_secrets() -> None:
    from dicomdecode.export.units import _name_of

    assert _name_of("https://user:pass@host/a.dcm?token=1") == "https://host/a.dcm"
    assert _name_of("a@b?c/d.dcm") == "a@b?c/d.dcm" and _name_of(b"x") == "<bytes>"


def test_command_line(files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dicomdecode.cli import main

    arguments = ["convert", str(tmp_path / "in"), str(tmp_path / "out"), "--format", "webdataset", "-t", "Modality"]
    assert main([*arguments, "--dry-run"]) == 0 and capsys.readouterr().out == "70 to convert, 0 done before\n"
    assert main(arguments) == 1
    captured = capsys.readouterr()
    assert captured.out.startswith("69 converted, 0 done before, 1 failed; ")
    assert "035.dcm: Not a DICOM file" in captured.err
    assert main(arguments) == 0 and capsys.readouterr().out.startswith("0 converted, 70 done before, 0 failed")
    assert main([*arguments, "--values", "stored"]) == 1
    assert "other settings" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*arguments, "--format", "jpeg"])
    assert json.loads((tmp_path / "out" / "manifest.jsonl").read_text().splitlines()[0])["tags"] == {
        "Modality": [0x00080060]
    }


DAMAGED = {
    "results": ["..", ".", "", "/", "a/../..", "..\\x", "/tmp", 5],
    "index": [[5], "0", None],
    "source": [5],
    "code": [5],
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field in DAMAGED for value in DAMAGED[field]])
def test_a_manifest_names_nothing_outside_its_folder(tmp_path: Path, field: str, value: Any) -> None:
    """`overwrite` removes what a manifest names, and a manifest may come from anybody."""
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "mine.txt").write_text("kept")
    (out / "mine.txt").write_text("kept")
    entry = {"index": 0, "source": "a", "size": 1, "results": [], "checksum": "", "error": "", "code": ""}
    entry[field] = [value] if field == "results" else value
    (out / "manifest.jsonl").write_text(f"{{}}\n{json.dumps(entry)}\n")
    with pytest.raises(dd.ExportError, match="damaged") as caught:
        dd.convert([], out, format="npy", overwrite=True)
    assert caught.value.code == "target_exists"
    assert (tmp_path / "mine.txt").exists() and (out / "mine.txt").exists()
