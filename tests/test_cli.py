"""The command line as people and scripts use it."""

from __future__ import annotations

import errno
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import dicomdecode as dd
from dicomdecode.cli import main
from dicomdecode.pictures.frames import picture_of
from tests import synthesise as s
from tests.kit import NEEDS_KIT, kit_files
from tests.reference_images import FOLDER

CT = str(FOLDER / "test_files" / "CT_small.dcm")
US = str(FOLDER / "test_files" / "examples_rgb_color.dcm")

Capture = pytest.CaptureFixture[str]


def ramp(**keywords: object) -> bytes:
    return s.image(np.arange(64, dtype=np.uint8).reshape(8, 8), **keywords)  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images in folders, a file that is none, a damaged one, and a pipe that nobody writes to."""
    top = tmp_path / "a study"
    (top / "b").mkdir(parents=True)
    (top / "a").mkdir()
    (top / "b" / "1.dcm").write_bytes(ramp())
    (top / "a" / "1.dcm").write_bytes(ramp(photometric="MONOCHROME1"))
    (top / "notes.txt").write_text("nothing\n")
    os.mkfifo(top / "pipe.dcm")
    return top


def command(*arguments: str, **keywords: object) -> subprocess.CompletedProcess[bytes]:
    path = os.pathsep.join([str(Path(dd.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [sys.executable, "-P", "-m", "dicomdecode", *arguments],
        **{"capture_output": True, "check": False, "env": {**os.environ, "PYTHONPATH": path}} | keywords,
    )


def test_info(capsys: Capture) -> None:
    assert main(["info", CT]) == 0
    shown = capsys.readouterr().out
    for words in ("Explicit VR Little Endian", "1.2.840.10008.1.2.1", "MONOCHROME2", "(128, 128)", "float32", "0.66"):
        assert words in shown
    assert shown.startswith(CT + "\n")


def test_info_as_json(capsys: Capture) -> None:
    assert main(["info", "--json", CT, US]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    with dd.open(CT) as image:
        assert first == {
            "file": CT,
            "transfer_syntax": image.transfer_syntax,
            "transfer_syntax_name": "Explicit VR Little Endian",
            "modality": "CT",
            "rows": 128,
            "columns": 128,
            "frames": 1,
            "samples": 1,
            "bits_stored": 16,
            "photometric": "MONOCHROME2",
            "steps": list(image.steps),
            "shape": [128, 128],
            "dtype": "float32",
            "spacing": [0.661468, 0.661468],
            "spacing_of": "pixel",
            "window": None,
            "series": {"uid": image.tag("SeriesInstanceUID"), "number": 1, "description": None, "image": 1},
            "issues": [],
        }
    assert second["samples"] == 3 and second["file"] == US


def test_info_of_every_file_pydicom_ships(capsys: Capture) -> None:
    """It says what is there, or one line of what is wrong; never a traceback."""
    main(["info", "--json", str(FOLDER / "test_files")])
    captured = capsys.readouterr()
    assert len([json.loads(line) for line in captured.out.splitlines()]) > 80
    for line in captured.err.splitlines():
        assert line.startswith("dicomdecode: ") and "Error: " not in line, line


def test_info_without_pixels(capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "report.dcm"
    path.write_bytes(s.dataset([(0x00080060, "CS", "SR")]))
    assert main(["info", str(path)]) == 0
    assert "no pixel data" in capsys.readouterr().out


def test_show(tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "a picture.png"
    assert main(["show", CT, "-o", str(target), "--window", "40", "400"]) == 0
    assert capsys.readouterr().out == f"{CT} -> {target}\n"
    expected = dd.imread(CT, values="display", window=(40, 400))
    assert np.array_equal(np.asarray(Image.open(target)), expected)
    umask = os.umask(0)
    os.umask(umask)
    assert target.stat().st_mode & 0o777 == 0o666 & ~umask
    assert os.listdir(tmp_path) == ["a picture.png"]


@pytest.mark.parametrize(
    ("words", "window"),
    [
        (["auto"], "auto"),
        (["-100", "400"], (-100, 400)),
        (["40,400,SIGMOID"], (40, 400, "SIGMOID")),
        (["1"], 1),
        (["BONE"], "BONE"),
    ],
)
def test_show_by_a_window(words: list[str], window: Any, tmp_path: Path) -> None:
    """What `imread` takes, before the file and behind it."""
    source, target = tmp_path / "x.dcm", tmp_path / "x.png"
    stored = [(0x00281050, "DS", ["40", "300"]), (0x00281051, "DS", ["400", "9"]), (0x00281055, "LO", "SOFT\\BONE")]
    source.write_bytes(s.image(np.arange(1200, dtype=np.int16).reshape(30, 40), extra=stored))
    expected = dd.imread(source, values="display", window=window)
    for arguments in (["--window", *words, str(source)], [str(source), "--window", *words]):
        assert main(["show", "-o", str(target), *arguments]) == 0
        assert np.array_equal(np.asarray(Image.open(target)), expected)


def test_show_without_a_window_that_shows_anything(tmp_path: Path) -> None:
    target = tmp_path / "x.png"
    assert main(["show", CT, "-o", str(target)]) == 0
    assert np.array_equal(np.asarray(Image.open(target)), dd.imread(CT, values="display", window="auto"))
    floats = tmp_path / "float.dcm"
    floats.write_bytes(s.image(np.linspace(-1, 1, 64, dtype=np.float32).reshape(8, 8)))
    assert main(["show", str(floats), "-o", str(target)]) == 0
    assert np.ptp(np.asarray(Image.open(target))) == 255


@NEEDS_KIT
@pytest.mark.slow
def test_no_picture_of_the_kit_is_flat_for_want_of_a_window() -> None:
    for path in kit_files():
        try:
            with dd.open(path) as image:
                picture = picture_of(image)
                auto = image.pixels(values="display", window="auto", frames=image.frames // 2)
        except dd.DicomError:
            continue
        if picture.pixels.std() < 1:
            assert auto.std() < 1, path.name


def test_show_colour_and_frames(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 6, 3), np.uint8)
    source, target = tmp_path / "x.dcm", tmp_path / "x.png"
    source.write_bytes(s.image(pixels, photometric="RGB"))
    assert main(["show", str(source), "-o", str(target)]) == 0
    assert np.array_equal(np.asarray(Image.open(target)), pixels[1]), "the middle frame"
    assert main(["show", str(source), "-o", str(target), "--frame", "2"]) == 0
    assert np.array_equal(np.asarray(Image.open(target)), pixels[2])


def test_show_a_frame_that_is_not_there(tmp_path: Path, capsys: Capture) -> None:
    source = tmp_path / "x.dcm"
    source.write_bytes(s.image(np.zeros((3, 5, 6), np.uint8)))
    assert main(["show", str(source), "-o", str(tmp_path / "x.png"), "--frame", "3"]) == 1
    assert "no frame 3: the image has 3" in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_show_a_folder(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    """In the order of names; no two pictures at one place; what is no DICOM is named and does not fail."""
    out = tmp_path / "out"
    out.mkdir()
    assert main(["show", str(folder), "-o", str(out)]) == 0
    captured = capsys.readouterr()
    a, b = folder / "a" / "1.dcm", folder / "b" / "1.dcm"
    assert captured.out == f"{a} -> {out}/1.png\n{b} -> {out}/1-2.png\n"
    assert captured.err == f"dicomdecode: {folder}: no DICOM images, skipped: notes.txt, pipe.dcm\n"
    first, second = (np.asarray(Image.open(out / name)) for name in ("1.png", "1-2.png"))
    assert np.array_equal(first, 255 - second), "MONOCHROME1 is inverted"


def test_a_folder_that_can_not_be_read(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "a").chmod(0)
    if os.access(folder / "a", os.R_OK):  # root reads everything: let the system call say it
        scandir = os.scandir

        def refuse(path: str) -> object:
            if os.path.basename(path) == "a":
                raise PermissionError(13, "Permission denied", path)
            return scandir(path)

        monkeypatch.setattr(os, "scandir", refuse)
    try:
        assert main(["info", str(folder)]) == 1
    finally:
        (folder / "a").chmod(0o700)
    captured = capsys.readouterr()
    assert f"dicomdecode: {folder / 'a'}: Permission denied\n" in captured.err
    assert str(folder / "b" / "1.dcm") in captured.out


def test_an_empty_folder(tmp_path: Path, capsys: Capture) -> None:
    assert main(["info", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"dicomdecode: {tmp_path}: no DICOM file found\n"


def test_the_rest_goes_on(tmp_path: Path, capsys: Capture) -> None:
    """A file that fails is named as it was given, with the reason; the others are read."""
    damaged = tmp_path / "damaged file.dcm"
    damaged.write_bytes(ramp()[:200])
    missing = str(tmp_path / "missing.dcm")
    assert main(["show", str(damaged), missing, CT, "-o", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    first, second = captured.err.splitlines()
    assert first.startswith(f"dicomdecode: {damaged}: The file ends inside")
    assert second == f"dicomdecode: {missing}: No such file or directory"
    assert captured.out == f"{CT} -> {tmp_path}/CT_small.png\n"


def test_a_bug_stops_one_file(monkeypatch: pytest.MonkeyPatch, capsys: Capture, tmp_path: Path) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(ramp())
    opened = dd.open

    def bug(source: str) -> dd.DicomImage:
        if source == CT:
            raise KeyError("surprise")
        return opened(source)

    monkeypatch.setattr(dd, "open", bug)
    assert main(["info", CT, str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.err == f"dicomdecode: {CT}: KeyError: 'surprise'\n"
    assert captured.out.startswith(str(path))


def test_tags(capsys: Capture) -> None:
    assert (
        main(
            ["tags", CT, "-t", "PatientName", "0010,0020", "PatientComments", "[OtherPatientIDsSequence][0][PatientID]"]
        )
        == 0
    )
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        CT,
        "(0010,0010) PatientName CompressedSamples^CT1",
        "(0010,0020) PatientID 1CT1",
        "(0010,4000) PatientComments (absent)",
        "(0010,0020) PatientID ABCD1234",
    ]


def test_tags_as_a_table(capsys: Capture, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    asked = ["-t", "PatientID", "ImageType", "PatientComments"]
    assert main(["tags", CT, str(tmp_path / "no.dcm"), *asked, "--csv", str(table)]) == 1
    rows = [f"{CT},1CT1,ORIGINAL\\PRIMARY\\AXIAL,", f"{tmp_path / 'no.dcm'},,,"]
    assert table.read_text().splitlines() == ["source,PatientID,ImageType,PatientComments", *rows]
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err == f"dicomdecode: {tmp_path / 'no.dcm'}: No such file or directory\n"
    assert main(["tags", CT, *asked, "--csv", "-"]) == 0
    assert capsys.readouterr().out.splitlines()[1] == rows[0]
    assert main(["tags", CT, *asked, "--csv", str(tmp_path)]) == 1
    capsys.readouterr()
    assert main(["tags", CT, *asked, "--csv", str(tmp_path / "no folder" / "x.csv")]) == 1
    told = capsys.readouterr().err
    assert told.endswith("x.csv cannot be written: No such file or directory\n") and len(told.splitlines()) == 1
    for wrong in (["--csv", "-"], ["-t", "NoTag", "--csv", "-"], ["-t", "BeamSequence", "--csv", "-"]):
        with pytest.raises(SystemExit) as caught:
            main(["tags", CT, *wrong])
        assert caught.value.code == 2


def test_a_table_that_cannot_be_written_leaves_what_was_there(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "table.csv"
    table.write_text("precious")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.replace", full)
    assert main(["tags", CT, "-t", "Rows", "--csv", str(table)]) == 1
    assert table.read_text() == "precious" and os.listdir(tmp_path) == ["table.csv"]
    assert capsys.readouterr().err == f"dicomdecode: tags: {table} cannot be written: No space left on device\n"


def test_tags_as_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow: not installed")
    target = str(tmp_path / "table.parquet")
    assert main(["tags", CT, "-t", "Rows", "--parquet", target]) == 0
    assert parquet.read_table(target)["Rows"].to_pylist() == [128]


def test_all_tags_as_json(capsys: Capture) -> None:
    assert main(["tags", CT, US, "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found[0]["PatientName"] == "CompressedSamples^CT1"
    assert found[0]["PixelSpacing"] == [0.661468, 0.661468]
    assert found[0]["OtherPatientIDsSequence"][0]["PatientID"] == "ABCD1234"
    assert found[0]["TransferSyntaxUID"] == "1.2.840.10008.1.2.1"
    assert "PixelData" not in found[0], "bulk is given when it is asked for"


def test_one_tag_fails_alone(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "x.dcm"
    sequence = bytearray(s.sequence(0x00081140, "SQ", [[(0x00081155, "UI", "1.2")]], s.LITTLE))
    sequence[16] = 0xFF  # the item says it is longer than the sequence
    path.write_bytes(s.dataset([bytes(sequence), (0x00100020, "LO", "id 7")]))
    assert main(["tags", str(path), "-t", "[0008,1140][0][0008,1155]", "PatientID", "--json"]) == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"file": str(path), "PatientID": "id 7"}
    assert captured.err.startswith(f"dicomdecode: {path}: [0008,1140][0][0008,1155]: An item is longer")


def test_numbers_that_json_lacks(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "x.dcm"
    path.write_bytes(s.dataset([(0x00189074, "FD", float("nan")), (0x00189087, "FD", float("inf"))]))
    assert main(["tags", str(path), "-t", "0018,9074", "0018,9087", "--json"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=lambda word: pytest.fail(word))
    assert (found["0018,9074"], found["0018,9087"]) == ("nan", "inf")


def test_text_of_a_file_can_not_drive_the_terminal(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "x\x1b[2J.dcm"
    path.write_bytes(s.dataset([(0x00100020, "LO", b"\x1b]0;title\x07 \x9b31m")]))
    assert main(["tags", str(path), "-t", "PatientID"]) == 0
    assert main(["info", str(path)]) == 0
    shown = capsys.readouterr().out
    assert not any((ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 for c in shown), repr(shown)


def test_standard_input_and_output() -> None:
    with open(CT, "rb") as file:
        done = command("show", "-", "-o", "-", stdin=file)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"\x89PNG") and done.stdout.endswith(b"IEND\xaeB`\x82")
    with open(CT, "rb") as file:
        done = command("info", "-", "--json", stdin=file)
    assert json.loads(done.stdout)["file"] == "-"
    done = command("info", "-", stdin=subprocess.DEVNULL)
    assert done.returncode == 1 and done.stderr.startswith(b"dicomdecode: -: ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "which command? info, show"),
        (["info"], "FILE"),
        (["show", CT, "--frame", "-1"], "a number from 0 on"),
        (["tags", "-t", "Rows", CT], "write FILE before -t"),
        (["wrong"], "invalid choice"),
        (["tags", CT, "-t", "NoSuchKeyword"], "not a tag: 'NoSuchKeyword'"),
        (["show", CT, "--window", "40", "0"], "width of at least 1"),
        (["show", CT, "--window", "40", "nan"], "finite"),
        (["show", CT, "--window", "40,400,CUBIC"], "CUBIC"),
        (["show", CT, "-o", "picture.jpg"], "the picture is a PNG"),
        (["show", CT, "-o", CT], "is not replaced"),
        (["show", CT, US, "-o", "one.png"], "names a folder"),
        (["show", str(FOLDER), "-o", "one.png"], "names a folder"),
        (["info", "-", "-"], "read once"),
        (["demo", "-o", str(FOLDER)], "not the folder"),
        (["tags", CT, "-t", "Rows", "--parquet", "-"], "does not take -"),
    ],
)
def test_usage(arguments: list[str], words: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    captured = capsys.readouterr()
    assert words in captured.err and captured.out == ""
    assert captured.err.count("\n") == 1


def test_output_that_can_not_be_written(tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "no" / "folder.png"
    assert main(["show", CT, "-o", str(target)]) == 1
    assert capsys.readouterr().err == f"dicomdecode: {CT}: {target} cannot be written: No such file or directory\n"


def test_a_picture_is_whole_or_absent(tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when there is one already: it stays."""
    target = tmp_path / "x.png"
    target.write_bytes(b"what was there")

    def full(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert main(["demo", "-o", str(target)]) == 1
    assert capsys.readouterr().err == f"dicomdecode: demo: {target} cannot be written: No space left on device\n"
    assert target.read_bytes() == b"what was there"
    assert os.listdir(tmp_path) == ["x.png"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="platform: no /dev/full")
@pytest.mark.parametrize(
    "arguments", [["info", CT], ["tags", *[CT] * 20], ["show", CT, "-o", "-"], ["demo", "-o", "/dev/null"]]
)
@pytest.mark.slow
def test_a_full_disk_is_one_line(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = command(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1 and b"No space left on device" in done.stderr


def test_a_reader_that_goes_away() -> None:
    """`dicomdecode tags FILE | head -1`"""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "dicomdecode", "tags", *[CT] * 100], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C while it waits for standard input: no traceback, 130."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "dicomdecode", "info", CT, "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
        assert process.stderr.read() == b""


def test_a_bar_for_people_who_wait() -> None:
    """On a terminal and for many files; never in a file or a pipe."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "dicomdecode", "info", *[CT] * 9], stdout=subprocess.DEVNULL, stderr=follower
    )
    assert process.wait(60) == 0
    os.close(follower)
    shown = b""
    while select.select([leader], [], [], 1)[0]:
        try:
            part = os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(leader)
    assert b"] 9/9" in shown and shown.endswith(b"\r\x1b[K")
    assert command("info", *[CT] * 9).stderr == b""


def test_demo(tmp_path: Path, capsys: Capture) -> None:
    target = tmp_path / "demo.png"
    assert main(["demo", "-o", str(target)]) == 0
    shown = capsys.readouterr().out
    for words in ("CT_small.dcm", "MONOCHROME2", "float32 (128, 128)", "lowest -896, highest 1167", str(target)):
        assert words in shown
    picture = np.asarray(Image.open(target))
    assert picture.shape == (128, 128) and picture.dtype == np.uint8
    assert np.unique(picture).size > 100, "not a flat picture"


def test_version_and_help(capsys: Capture) -> None:
    for arguments in (["--version"], ["--help"], ["show", "--help"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 0
    assert dd.__version__ in capsys.readouterr().out
