"""What the boxes of an MP4 file claim (ISO/IEC 14496-12), counted before FFmpeg keeps memory for it."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

__all__ = ["samples_of_mp4", "units_of_sample"]

#: Boxes that count samples: type, version and flags, then
#:
#:     stsz    size of all, count                    (8.7.3.2)
#:     stz2    3 bytes, bits of a size, count        (8.7.3.3)
#:     trun    count                                 (8.8.8)
#:
#: and `cmov`, which is one of them compressed.
_COUNTS = re.compile(rb"(?s)st(?:sz|z2)....(....)(....)|trun....(....)|(cmov)")
#: Sound whose samples are as small as a number of 16 bits: FFmpeg takes many together.
_PLAIN_SOUND = (b"sowt", b"twos", b"lpcm", b"ipcm", b"in24", b"raw ")
_ENDLESS = 1 << 62


def samples_of_mp4(data: memoryview) -> int:
    """How many samples the tables claim, all together; of plain sound, none where there are so many bytes."""
    count = 0
    for start, end in _headers(data):
        for found in _COUNTS.finditer(data, start, end):
            if found[4]:
                return _ENDLESS
            (more,) = struct.unpack(">I", found[2] or found[3])
            size = int.from_bytes(found[1] or b"", "big")
            if not (size and _is_plain_sound(data, start, found.start()) and more * size <= len(data)):
                count += more
    return count


def _headers(data: memoryview) -> Iterator[tuple[int, int]]:
    """Where the boxes of the file lie that hold no samples themselves (4.2)."""
    at = 0
    while len(data) - at >= 8:
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1 and len(data) - at >= 16:
            (size,) = struct.unpack_from(">Q", data, at + 8)
        end = min(at + size, len(data)) if size >= 8 else len(data)
        if kind != b"mdat":
            yield at, end
        at = end


def _is_plain_sound(data: memoryview, start: int, end: int) -> bool:
    """Whether the last sample description in front says so: `stsd`, version and flags, count, size, type (8.5.2)."""
    at = bytes(data[start:end]).rfind(b"stsd")
    return at >= 0 and bytes(data[start + at + 16 : start + at + 20]) in _PLAIN_SOUND


def units_of_sample(sample: bytes, codec: str, about: bytes, most: int) -> int:
    """How many NAL units with their lengths in front of them there are, not counted beyond `most` + 1 (ISO/IEC 14496-15
    5.3.3.1 and 8.3.3.1: `about` tells how many bytes a length takes)."""
    at = 4 if codec == "h264" else 21
    if len(about) <= at or about[0] != 1:
        return 0
    size = 1 + (about[at] & 3)
    place, count = 0, 0
    while place + size <= len(sample) and count <= most:
        place += size + int.from_bytes(sample[place : place + size], "big")
        count += 1
    return count
