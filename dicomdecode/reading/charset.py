"""Text in the character sets of Specific Character Set (0008,0005): PS3.3 C.12.1.1.2, PS3.5 6.1.2.

What the scanner does not decode itself: all sets but ISO_IR 6, ISO_IR 100 and ISO_IR 192, and code extensions, where
escape sequences of ISO 2022 change the set within a text.
"""

from __future__ import annotations

import re

__all__ = ["decode_text", "is_known", "terms_of"]

#: Codecs of defined terms by their number in the ISO registry. Each decodes ASCII too.
_CODECS = {
    6: "ascii",
    13: "shift_jis",
    14: "ascii",
    58: "gb2312",
    87: "iso2022_jp",
    100: "latin_1",
    101: "iso8859_2",
    109: "iso8859_3",
    110: "iso8859_4",
    126: "iso8859_7",
    127: "iso8859_6",
    138: "iso8859_8",
    144: "iso8859_5",
    148: "iso8859_9",
    149: "euc_kr",
    159: "iso2022_jp_2",
    166: "iso8859_11",
    192: "utf_8",
    203: "iso8859_15",
}
#: Terms that stand alone.
_WHOLE = {"GB18030": "gb18030", "GBK": "gbk", "ISO2022GBK": "gbk", "UTF8": "utf_8", "ISO202258": "gb2312"}
#: Names that PS3.3 does not know, and writers use.
_WHOLE |= {"GB2312": "gb2312", "BIG5": "big5", "SHIFTJIS": "shift_jis", "EUCJP": "euc_jp", "EUCKR": "euc_kr"}
_WHOLE |= {f"ISO8859{n}": f"iso8859_{n}" for n in (*range(1, 12), *range(13, 17))}
_WHOLE |= {f"{name}125{n}": f"cp125{n}" for name in ("WINDOWS", "CP") for n in range(9)}
#: Escape sequences (PS3.3 tables C.12-3 and C.12-4), and the sets that they select.
_ESCAPES = {
    b"(B": 6,
    b"(J": 14,
    b")I": 13,
    b"$@": 87,
    b"$B": 87,
    b"$(D": 159,
    b"$)A": 58,
    b"$)C": 149,
    b"-A": 100,
    b"-B": 101,
    b"-C": 109,
    b"-D": 110,
    b"-F": 126,
    b"-G": 127,
    b"-H": 138,
    b"-L": 144,
    b"-M": 148,
    b"-T": 166,
    b"-b": 203,
}
#: Sets of two bytes with the high bit clear, and the escape sequence by which their codec knows them.
_SEVEN_BITS = {87: b"\x1b$B", 159: b"\x1b$(D"}
_NO_HIGH_HALF = (6, 14, 87, 159)
_MOST_TERMS = 64  # of at most 16 bytes, and a backslash (PS3.5 6.2, CS)
_TERM = re.compile(r"ISO(?:2022)?IR([0-9]{1,3})")
#: An escape sequence, or a run without one; ESC that begins none is text.
_PIECE = re.compile(rb"\x1b(\$\([D]|\$\)[AC]|\$[@B]|[()][BJI]|-[A-Z b])|(\x1b?[^\x1b]+|\x1b+(?=\x1b|\Z))")
#: Behind these the sets of the first term are in force again (PS3.5 6.1.2.5.3).
_TEXT_ENDS = re.compile(rb"[\t\n\f\r\\]")
_NAME_ENDS = re.compile(rb"[\t\n\f\r\\^=]")


def terms_of(value: bytes) -> list[str]:
    """The terms of Specific Character Set as they are written; no more than there can be."""
    return [term.strip(" \0") for term in value[: _MOST_TERMS * 17].decode("latin-1").rstrip(" \0").split("\\")]


def _set_of(term: str) -> int | str | None:
    """The number of a set, or the codec of a term that stands alone; None when the term is unknown."""
    plain = re.sub(r"[^A-Z0-9]", "", term.upper())
    if not plain:
        return 6
    match = _TERM.fullmatch(plain)
    if match is None:
        return _WHOLE.get(plain)
    return int(match[1]) if int(match[1]) in _CODECS else None


def is_known(term: str) -> bool:
    """Whether there is a codec for a term."""
    return _set_of(term) is not None


def decode_text(value: bytes, terms: list[str], is_name: bool) -> str:
    """A text, or the texts that backslashes separate.

    Parameters
    ----------
    value : bytes
        As in the file.
    terms : list of str
        Of Specific Character Set. Bytes of an unknown one are read as ISO_IR 100.
    is_name : bool
        The VR is PN: each component begins with the sets of the first term.
    """
    sets = [_set_of(term) for term in terms]
    whole = next((found for found in sets if isinstance(found, str)), None) or ("utf_8" if 192 in sets else None)
    if whole is not None:
        return value.decode(whole, "replace")
    # Writers leave out escape sequences: then high bytes are those of the first set that has any.
    at_first = next((n for n in sets if isinstance(n, int) and n not in _NO_HIGH_HALF), 100)
    ends = _NAME_ENDS if is_name else _TEXT_ENDS
    low, high = 6, at_first
    text = []
    for piece in _PIECE.finditer(value):
        escape, run = piece.groups(b"")
        number = _ESCAPES.get(escape, 0)
        if not escape:
            end = None if low in _SEVEN_BITS else ends.search(run)
            split = len(run) if end is None else end.start()
            text.append(_decoded(run[:split], low, high))
            if end is not None:
                low, high = 6, at_first
                text.append(_decoded(run[split:], low, high))
        elif number in _NO_HIGH_HALF:
            low = number
        elif number:
            high = number
    return "".join(text)


def _decoded(run: bytes, low: int, high: int) -> str:
    """Bytes without an escape sequence."""
    if low not in _SEVEN_BITS:
        return run.decode(_CODECS[high], "replace")
    if low == 87 and any(byte >= 0x80 for byte in run):  # half-width katakana among kanji, both without escapes
        return run.decode(_CODECS[high], "replace")
    return (_SEVEN_BITS[low] + run + b"\x1b(B").decode(_CODECS[low], "replace")
