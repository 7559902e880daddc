"""The command line: the terminal, `check`, `bench`, `completion`, several files at a time."""

from __future__ import annotations

import base64
import csv
import io
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.data import get_testdata_file

import dicomdecode as dd
from dicomdecode.cli import main, values
from dicomdecode.cli.graphics import drawn, way_of_terminal
from dicomdecode.cli.terminal import in_options
from tests import synthesise as s

CT, DOSE, ODD, PLAN, COLOUR = (
    str(get_testdata_file(name, download=False))
    for name in ("CT_small.dcm", "rtdose.dcm", "J2K_pixelrep_mismatch.dcm", "rtplan.dcm", "examples_rgb_color.dcm")
)


class Terminal(io.StringIO):
    """Text that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


def picture() -> Image.Image:
    """Eight columns and thirteen rows of few colours."""
    pixels = np.zeros((13, 8, 3), np.uint8)
    pixels[3:9, 2:5] = (255, 0, 0)
    pixels[7:, 6:] = (0, 255, 255)
    return Image.fromarray(pixels)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """One of 80 columns that says nothing of itself."""
    for name in ("TERM", "TERM_PROGRAM", "KITTY_WINDOW_ID", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_: os.terminal_size((80, 26)))
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "value", "way"),
    [
        ("TERM", "xterm-kitty", "kitty"),
        ("KITTY_WINDOW_ID", "1", "kitty"),
        ("TERM_PROGRAM", "WezTerm", "kitty"),
        ("TERM", "foot", "sixel"),
        ("TERM_PROGRAM", "iTerm.app", "sixel"),
        ("TERM", "xterm-256color", "blocks"),
    ],
)
def test_way_of_terminal(terminal: pytest.MonkeyPatch, name: str, value: str, way: str) -> None:
    terminal.setenv(name, value)
    assert way_of_terminal() == way


def test_kitty(terminal: pytest.MonkeyPatch) -> None:
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 300), np.uint8))
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", drawn(noise, "kitty"))
    assert parts[0][0] == "f=100,a=T,m=1" and {keys for keys, _ in parts[1:-1]} == {"m=1"} and parts[-1][0] == "m=0"
    assert all(len(data) <= 4096 for _, data in parts)
    shown = Image.open(io.BytesIO(base64.b64decode("".join(data for _, data in parts))))
    assert shown.size == (576, 384)
    assert np.array_equal(np.asarray(shown), np.asarray(noise.resize((576, 384), Image.Resampling.NEAREST)))


def sixels(text: str) -> Any:
    """A reader of sixels: RGB in percent."""
    found = re.fullmatch(r'\x1bPq"1;1;(\d+);(\d+)(.*)\x1b\\', text, re.DOTALL)
    assert found is not None
    pixels = np.zeros((int(found[2]) + 6, int(found[1]), 3), int)
    palette: dict[int, list[int]] = {}
    row = column = colour = 0
    for token in re.findall(r"#\d+(?:;2;\d+;\d+;\d+)?|!\d+.|.", found[3]):
        if token[0] == "#":
            colour, *rest = map(int, token[1:].split(";"))
            if rest:
                palette[colour] = rest[1:]
        elif token in "$-":
            column, row = 0, row + 6 * (token == "-")
        else:
            count, bits = (int(token[1:-1]), ord(token[-1])) if token[0] == "!" else (1, ord(token))
            for bit in range(6):
                if (bits - 63) >> bit & 1:
                    pixels[row + bit, column : column + count] = palette[colour]
            column += count
    return pixels[: int(found[2])]


def test_sixel(terminal: pytest.MonkeyPatch) -> None:
    expected = np.asarray(picture().resize((32, 52), Image.Resampling.NEAREST)).astype(int) * 100 // 255
    assert np.array_equal(sixels(drawn(picture(), "sixel")), expected)


def blocks(text: str) -> Any:
    """A reader of half blocks: RGB."""

    def colour(words: str) -> list[int]:
        kind, *numbers = map(int, words.split(";"))
        if kind == 2:
            return numbers
        (number,) = numbers  # of the 256 colours of xterm: a cube of 6 x 6 x 6, then 24 greys
        if number >= 232:
            return [(number - 232) * 255 // 23] * 3
        return [(number - 16) // by % 6 * 51 for by in (36, 6, 1)]

    rows = []
    for line in text.split("\n"):
        assert line.endswith("\x1b[0m")
        cells = re.findall(r"\x1b\[38;((?:2;|5;)[\d;]+?);48;((?:2;|5;)[\d;]+)m▀", line)
        rows += [[colour(upper) for upper, _ in cells], [colour(lower) for _, lower in cells]]
    return np.array(rows)


@pytest.mark.parametrize("true_colour", [True, False])
def test_blocks(terminal: pytest.MonkeyPatch, true_colour: bool) -> None:
    if true_colour:
        terminal.setenv("COLORTERM", "truecolor")
    terminal.setattr(shutil, "get_terminal_size", lambda *_: os.terminal_size((8, 30)))
    shown = blocks(drawn(picture(), "blocks"))
    assert np.array_equal(shown[:13], np.asarray(picture())) and not shown[13:].any()


@pytest.mark.parametrize("options", [["--montage"], ["--all-frames"], ["--frame", "3"]])
def test_show_draws(terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str]) -> None:
    assert main(["show", DOSE, "--draw=kitty", *options]) == 0
    told = capsys.readouterr().out
    assert told.count("\x1b_Gf=100,a=T") == (15 if "--all-frames" in options else 1)
    assert main(["show", "--draw", DOSE]) == 0, "the file is no way to draw"


@pytest.mark.parametrize(("name", "draws"), [("xterm", True), ("dumb", False)])
def test_show_draws_where_it_can(terminal: pytest.MonkeyPatch, tmp_path: Path, name: str, draws: bool) -> None:
    """Where there is a terminal, and where it knows more than text; else it writes a file."""
    terminal.chdir(tmp_path)
    terminal.setenv("TERM", name)
    terminal.setattr("sys.stdout", shown := Terminal())
    assert main(["show", CT]) == 0
    assert ("\x1b[38;5;" in shown.getvalue()) == draws != (tmp_path / "CT_small.png").exists()


def test_show_frames_montage_and_depth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "x.png"
    assert main(["show", DOSE, "-o", str(target), "--all-frames"]) == 0
    assert "x-000.png to x-014.png" in capsys.readouterr().out
    auto = dd.imread(DOSE, values="display", window="auto")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "x-014.png")), auto[14])
    assert main(["show", DOSE, "-o", str(target), "--montage"]) == 0
    assert np.array_equal(np.asarray(Image.open(target)), np.asarray(dd.open(DOSE).montage()))
    assert main(["show", CT, "-o", str(target), "--depth", "16", "--window", "40", "400"]) == 0
    deep = np.asarray(Image.open(target))
    assert np.array_equal(deep, dd.imread(CT, values="display", window=(40, 400), dtype="uint16"))
    capsys.readouterr()
    assert main(["show", COLOUR, "-o", str(tmp_path / "none.png"), "--depth", "16"]) == 1
    assert "--depth 16 is for grey pictures" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--frame", "1", "--montage"],
        ["--montage", "--depth", "16"],
        ["--draw", "-o", "x.png"],
        ["--all-frames", "-o", "-"],
    ],
)
def test_show_wrong_usage(options: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["show", DOSE, *options])


@pytest.mark.parametrize("jobs", [[], ["-j", "2"], ["-j", "0"]])
def test_check(capsys: pytest.CaptureFixture[str], jobs: list[str]) -> None:
    assert main(["check", CT, ODD, *jobs]) == 0
    told = capsys.readouterr().out
    assert "CT_small.dcm: nothing is odd" in told and "stream_sign" in told and "decodes all the same" in told
    assert main(["check", "--quiet", CT, PLAN, *jobs]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["check", "--json", DOSE, ODD, *jobs]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["decoded"] for row in rows] == [15, 1] and [row["error"] for row in rows] == [None, None]
    assert [issue["code"] for issue in rows[1]["issues"]] == ["stream_sign"]
    assert main(["check", "--csv", DOSE, ODD, PLAN, "no such.dcm", *jobs]) == 1
    told, complaint = capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(told)))
    assert [row["decoded"] for row in rows] == ["15", "1", "0", "0"]
    assert [row["issues"] + row["error"] for row in rows] == ["", "stream_sign", "", "FileNotFoundError"]
    assert complaint == "dicomdecode: no such.dcm: No such file or directory\n"


def test_check_of_a_tree(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It says how what is odd is decoded, and counts."""
    for name, path in (("a", CT), ("b/odd", ODD), ("b/plan", PLAN)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / name)
    assert main(["check", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "in sign; Pixel Representation decides\n" in told and "plan: it holds no pixels\n" in told
    assert told.endswith("3 files: 1 sound, 1 odd, 1 without pixels\n")
    (tmp_path / "c").write_bytes(Path(CT).read_bytes()[:9000])
    assert main(["check", str(tmp_path)]) == 1
    told, complaint = capsys.readouterr()
    assert told.endswith("4 files: 1 sound, 1 odd, 1 without pixels, 1 cannot be decoded\n")
    assert complaint.startswith(f"dicomdecode: {tmp_path}/c: pixels_cut: ")


@pytest.mark.parametrize(
    ("elements", "code"),
    [
        ([(0x00080060, "CS", "SR")], 0),
        ([(0x00280010, "US", 4), (0x00280011, "US", 4)], 1),  # an image from which its pixels were taken
        ([(0x00280010, "US", 1), (0x00280011, "US", 1), (0x56000020, "OF", bytes(8))], 0),  # a spectrum
        ([(0x7FE00010, "OW", bytes(8))], 1),  # pixels that nothing describes
    ],
)
def test_check_knows_what_pixels_are_missing(elements: list[Any], code: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(s.dataset(elements))
    assert main(["check", str(tmp_path / "x")]) == code


def test_bench(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", CT, DOSE, PLAN, "--repeats", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rates = [line for line in lines if re.fullmatch(r"  (dicomdecode|pydicom) +\d+ MB/s   1 file", line)]
    assert len(rates) == 4 and max(map(len, lines)) <= 80
    assert main(["bench", CT, "--json", "--repeats", "1"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["reader"] for row in rows[:2]] == ["dicomdecode", "pydicom"] and rows[0]["megabytes"] > 0
    assert main(["bench", PLAN]) == 1
    for option in ("--repeats", "--most"):
        with pytest.raises(SystemExit):
            main(["bench", CT, option, "0"])
        assert "a number from 1 on" in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    assert main(["completion", shell]) == 0
    told = capsys.readouterr().out
    assert all(word in told for word in ("montage", "convert", "dicomdecode"))
    if shell == "bash":
        typed = {
            "show --mon": "--montage",
            "convert --format n": "npy npz nifti",
            "completion f": "fish",
            "info ''": "",
        }
        for words, offered in typed.items():
            script = f"{told}\nCOMP_WORDS=(dicomdecode {words})"
            script += '; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _dicomdecode; echo "${COMPREPLY[@]}"'
            done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
            assert (done.stdout, done.stderr) == (f"{offered}\n", "")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["shwo", CT], "show"),
        (["info", CT, "--jsn"], "--json"),
        (["--versoin"], "--version"),
        (["convert", CT, "out", "--fromat", "npy"], "--format"),
    ],
)
def test_did_you_mean(capsys: pytest.CaptureFixture[str], arguments: list[str], meant: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    assert f"did you mean {meant}?" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["-1", "x", "9999"])
def test_wrong_jobs(jobs: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["check", CT, f"-j{jobs}"])


@pytest.mark.parametrize(
    ("name", "value", "coloured"), [("TERM", "xterm", True), ("TERM", "dumb", False), ("NO_COLOR", "1", False)]
)
def test_colours(monkeypatch: pytest.MonkeyPatch, name: str, value: str, coloured: bool) -> None:
    """On a terminal only, and where nobody minds."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.stdout", terminal := Terminal())
    assert main(["info", CT]) == 0
    assert ("\x1b[1m" in terminal.getvalue()) == coloured
    monkeypatch.setattr("sys.stdout", text := io.StringIO())
    assert main(["info", CT]) == 0
    assert "\x1b" not in text.getvalue()
    assert re.sub(r"\x1b\[\d+m", "", terminal.getvalue()) == text.getvalue()


@pytest.mark.parametrize(
    ("hint", "told"),
    [
        ('Pass window="auto", or window=(center, width)', "Pass --window auto, or --window CENTER WIDTH"),
        ('Pass values="display", or dtype="uint16"', "Pass --values display, or --dtype uint16"),
        ("Pass resume=True to go on, or overwrite=True", "Pass --resume to go on, or --overwrite"),
        ("Pass limits=dicomdecode.Limits(frames=...)", "In Python: pass limits=dicomdecode.Limits(frames=...)"),
        ("Install Pillow", "Install Pillow"),
    ],
)
def test_remedies_are_those_of_the_command_line(hint: str, told: str) -> None:
    assert in_options(hint) == told


def test_a_remedy_in_a_complaint(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "float.dcm"
    path.write_bytes(s.image(np.ones((4, 4), np.float32)))
    assert main(["show", str(path), "--window", "NAME", "-o", str(tmp_path / "x.png")]) == 1
    complaint = capsys.readouterr().err
    assert "--window names" in complaint and "window=" not in complaint and complaint.count("\n") == 1
    with pytest.raises(SystemExit, match="2"):
        main(["show", str(path), "--window", "40", "0"])
    assert "window=" not in capsys.readouterr().err
    assert main(["convert", DOSE, str(tmp_path / "out"), "--format", "png", "--values", "modality"]) == 1
    assert "=" not in capsys.readouterr().err.replace("In Python", "")


def test_info_by_series(capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(Path(str(get_testdata_file("DICOMDIR", download=False))).parent / "98892001")
    assert main(["info", "--series", folder]) == 0
    scout, gated = capsys.readouterr().out.split("series ")[1:]
    assert scout.startswith("4, CT, Scout\n") and "no volume" in scout and "2 orientations" in scout
    assert "float32 (5, 16, 16), 2.5 x 0.4883 x 0.4883 mm" in gated and "5 files, 5 frames" in gated
    assert main(["info", "--series", "--json", folder, PLAN, "not there"]) == 1
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["files"] for row in rows] == [1, 2, 5]
    assert rows[2]["volume"] == {"shape": [5, 16, 16], "dtype": "float32", "spacing": [2.5, 0.488281, 0.488281]}


def test_cards_of_odd_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Several values where one should be, none, and characters that move the cursor."""
    texts = [(0x00080060, "CS", b"CT\\MR"), (0x0008103E, "LO", b"two\\words\x1b[2J"), (0x00200011, "IS", b"1\\2")]
    path = tmp_path / "odd.dcm"
    path.write_bytes(s.image(np.zeros((2, 2), np.uint8), extra=texts))
    for options in ([], ["--series"]):
        assert main(["info", *options, str(path)]) == 0
        told, complaint = capsys.readouterr()
        assert "CT\\MR" in told and "two\\words" in told and "\x1b" not in told and complaint == ""


def test_little_of_a_long_text_is_made_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    made_safe: list[str] = []
    monkeypatch.setattr(values, "clean", lambda text: made_safe.append(text) or text)
    for value in ("\r\n" * 1_000_000, "x" * 1_000_000, [""] * 1_000_000, ["12345"] * 1_000_000):
        assert values.short(value).endswith("...") and len(values.short(value)) == 120
    assert max(map(len, made_safe)) < 1000
    assert values.short(["a", "", "b"]) == "a\\\\b" and values.short("x" * 120) == "x" * 120


def test_convert_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", CT, str(tmp_path), "--format", "npy", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["done"], report["failed"]) == (1, 0) and Path(report["manifest"]).exists()


def test_convert_says_what_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert main(["convert", CT, PLAN, *(f"{tmp_path}/{i}.dcm" for i in range(6)), out, "--format", "npy"]) == 1
    told, complaints = capsys.readouterr()
    first, second, *_, last = complaints.splitlines()
    assert told.startswith("1 converted, 0 done before, 7 failed")
    assert first.startswith(f"dicomdecode: {PLAN}: The data set holds no pixel data")
    assert second == f"dicomdecode: {tmp_path}/0.dcm: No such file or directory"
    assert last == "dicomdecode: manifest.jsonl in the target folder names the others"
    for option, word in (("--dtype", "int99"), ("--values", "none")):
        assert main(["convert", CT, out, "--format", "npy", option, word]) == 1
        assert capsys.readouterr().err.startswith(f"dicomdecode: {option} must be one of")


def test_a_name_that_begins_with_a_dash(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(CT, "-scan.dcm")
    with pytest.raises(SystemExit, match="2"):
        main(["info", "-scan.dcm"])
    assert "is written ./-scan.dcm" in capsys.readouterr().err
    assert main(["info", "./-scan.dcm"]) == 0


def test_a_device_is_written_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", CT, "-o", os.devnull]) == 0
    assert not os.path.isfile(os.devnull)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "real" / "x.png")
    assert main(["show", CT, "-o", str(tmp_path / "link.png")]) == 0
    assert (tmp_path / "link.png").is_symlink() and (tmp_path / "real" / "x.png").is_file()
