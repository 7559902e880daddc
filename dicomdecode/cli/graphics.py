"""Pictures in a terminal: by the protocol of kitty, by sixels, or by half blocks where there is neither."""

from __future__ import annotations

import base64
import os
import re
import select
import shutil
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

#: How a picture can be drawn; the first that the terminal knows.
WAYS = ("kitty", "sixel", "blocks")
_KITTY = ("kitty", "ghostty", "wezterm")
_SIXEL = ("mlterm", "foot", "contour", "yaft", "iterm.app")
#: Pixels of a character cell, where the terminal does not say.
_CELL = (8, 16)
_ANSWER_WITHIN = 0.2  # seconds


def way_of_terminal() -> str:
    """What the terminal says of itself: its name in the environment, else its answer to Primary Device Attributes."""
    names = " ".join(os.environ.get(key, "") for key in ("TERM", "TERM_PROGRAM")).lower()
    if os.environ.get("KITTY_WINDOW_ID") or any(name in names for name in _KITTY):
        return "kitty"
    if "sixel" in names or any(name in names for name in _SIXEL):
        return "sixel"
    answer = re.search(r"\x1b\[\?([\d;]+)c", _asked("\x1b[c"))
    return "sixel" if answer and "4" in answer[1].split(";") else "blocks"


def _asked(question: str) -> str:
    """The terminal's answer to a control sequence; "" where there is no terminal or it is silent."""
    try:
        import termios
        import tty
    except ImportError:  # Windows
        return ""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return ""
    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    answer = b""
    try:
        tty.setcbreak(number)
        sys.stdout.write(question)
        sys.stdout.flush()
        while not answer.endswith(b"c") and len(answer) < 64 and select.select([number], [], [], _ANSWER_WITHIN)[0]:
            answer += os.read(number, 64)
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
    return answer.decode("ascii", "replace")


def drawn(picture: Image, way: str) -> str:
    """The text that draws a picture, as wide as the terminal allows."""
    columns, lines = shutil.get_terminal_size()
    if way == "blocks":
        return _blocks(_within(picture, columns, 2 * (lines - 2)))
    shown = _within(picture, columns * _CELL[0], (lines - 2) * _CELL[1])
    return _kitty(shown) if way == "kitty" else _sixel(shown)


def _within(picture: Image, width: int, height: int) -> Image:
    from PIL import Image as pillow

    by = min(width / picture.width, height / picture.height, 4.0)
    size = max(1, int(picture.width * by)), max(1, int(picture.height * by))
    return picture.resize(size, pillow.Resampling.BOX if by < 1 else pillow.Resampling.NEAREST)


def _kitty(picture: Image) -> str:
    from dicomdecode.pictures.frames import png_of

    data = base64.standard_b64encode(png_of(picture)).decode()
    parts = [data[i : i + 4096] for i in range(0, len(data), 4096)]
    text = ""
    for i, part in enumerate(parts):
        first = "f=100,a=T," if i == 0 else ""
        text += f"\x1b_G{first}m={int(i + 1 < len(parts))};{part}\x1b\\"
    return text


def _sixel(picture: Image) -> str:
    """Six rows at a time, one colour after the other: a character's low six bits are the pixels of a column."""
    import numpy as np

    indexed = picture.convert("RGB").quantize(64)
    palette = np.array(indexed.getpalette(), np.int64).reshape(-1, 3)
    cells: Any = np.asarray(indexed)
    used = np.unique(cells).tolist()
    text = [f'\x1bPq"1;1;{picture.width};{picture.height}']
    text += [f"#{i};2;" + ";".join(str(int(v) * 100 // 255) for v in palette[i]) for i in used]
    for top in range(0, picture.height, 6):
        band = cells[top : top + 6]
        weights = (1 << np.arange(len(band)))[:, None]
        for i in np.unique(band).tolist():
            bits = ((band == i) * weights).sum(0) + 63
            text.append(f"#{i}{_packed(bytes(bits.astype(np.uint8)).decode('ascii'))}$")
        text.append("-")
    return "".join(text) + "\x1b\\"


def _packed(row: str) -> str:
    """Repeats as a count."""
    return re.sub(r"(.)\1{3,}", lambda run: f"!{len(run[0])}{run[1]}", row)


def _blocks(picture: Image) -> str:
    """Two pixels in a character: the upper is its colour, the lower its background."""
    import numpy as np

    true_colour = os.environ.get("COLORTERM", "") in ("truecolor", "24bit")
    pixels: Any = np.asarray(picture.convert("RGB"))
    if len(pixels) % 2:
        pixels = np.concatenate([pixels, np.zeros_like(pixels[:1])])

    def colour(pixel: Any, ground: int) -> str:
        if true_colour:
            return f"{ground + 8};2;{pixel[0]};{pixel[1]};{pixel[2]}"
        red, green, blue = (int(v) * 5 // 255 for v in pixel)
        grey = max(pixel) - min(pixel) < 16
        return f"{ground + 8};5;{232 + int(pixel[0]) * 23 // 255 if grey else 16 + 36 * red + 6 * green + blue}"

    lines = []
    for upper, lower in zip(pixels[::2], pixels[1::2], strict=True):
        cells = (f"\x1b[{colour(a, 30)};{colour(b, 40)}m▀" for a, b in zip(upper, lower, strict=True))
        lines.append("".join(cells) + "\x1b[0m")
    return "\n".join(lines)
