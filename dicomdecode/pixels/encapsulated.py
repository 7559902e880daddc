"""Where the bytes of each frame are: native slices, fragments, offset tables (PS3.5 A.4, PS3.3 C.7.6.3.1.8)."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dicomdecode.errors import MalformedError, TruncatedError
from dicomdecode.limits import over_limit

if TYPE_CHECKING:
    from dicomdecode.reading._file import DicomFile

__all__ = ["EncapsulatedFrames"]

_ITEM = 0xFFFEE000
_SEQUENCE_DELIMITATION = 0xFFFEE0DD

#: What a codestream of each family begins with, to tell frames apart where no offset table does.
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ", b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")

Fragment = tuple[int, int]  # offset in the file, length


class EncapsulatedFrames:
    """The fragments of each frame. What can be read off an offset table is not walked.

    Parameters
    ----------
    file : DicomFile
        A file whose pixel data are encapsulated.

    Attributes
    ----------
    tag : int
        Of the pixel data.
    basic_offsets, extended_offsets : int
        Entries of the Basic and of the Extended Offset Table; 0 where it is empty or absent.
    """

    def __init__(self, file: DicomFile) -> None:
        tag, _, offset, length, encapsulated = file.pixels
        self._source = file.source
        self.tag = self._tag = tag
        self._end = offset + length
        self._frames = file.frames
        self._limit = file.limits.fragments
        self._walked: list[list[Fragment]] | None = None
        kind, table_length = self._header(offset)
        if kind != _ITEM:
            # A defined length does not matter as long as items follow: every reader takes them.
            what = "do not begin with an item" if encapsulated else "of this transfer syntax are not encapsulated"
            code = "item_expected" if encapsulated else "not_encapsulated"
            raise MalformedError(f"Pixel data {what}", code=code, tag=tag, offset=offset)
        if table_length > self._end - offset - 8:
            raise TruncatedError(
                f"The file ends inside the Basic Offset Table (bytes): expected {table_length}, found "
                f"{self._end - offset - 8}",
                code="fragment_cut",
                tag=tag,
                offset=offset,
            )
        self._first = offset + 8 + table_length
        self.basic_offsets, self.extended_offsets = table_length // 4, len(file.raw(0x7FE00001) or b"") // 8
        self._offsets = self._offset_table(file, offset + 8, table_length)

    def _header(self, offset: int) -> tuple[int, int]:
        head = self._source.read_at(offset, 8) if offset + 8 <= self._end else b""
        if len(head) < 8:
            raise TruncatedError(
                "The file ends between fragments", code="fragment_cut", tag=self._tag, offset=min(offset, self._end)
            )
        group, element, length = struct.unpack("<HHI", head)
        return group << 16 | element, length

    def _offset_table(self, file: DicomFile, offset: int, length: int) -> Sequence[int]:
        """Offsets of frames from the first fragment, one a frame; empty when there is no usable table."""
        extended = file.raw(0x7FE00001)
        if extended is not None and len(extended) >= 8 * self._frames:
            offsets: Sequence[int] = struct.unpack(f"<{self._frames}Q", extended[: 8 * self._frames])
        elif length >= 4 * self._frames:
            table = self._source.read_at(offset, 4 * self._frames)
            offsets = struct.unpack(f"<{self._frames}I", table)
        else:
            return ()
        ascending = all(a < b for a, b in itertools.pairwise(offsets))
        inside = offsets[0] == 0 and offsets[-1] <= self._end - self._first - 8
        return offsets if ascending and inside else ()

    @property
    def has_table(self) -> bool:
        """Whether an offset table tells where frames are."""
        return bool(self._offsets)

    def count(self) -> int:
        """How many frames the fragments make, by walking all of them."""
        if self._walked is None:
            self._walked = self._group()
        return len(self._walked)

    def _walk(self, start: int, stop: int) -> list[Fragment]:
        """The fragments from `start` to `stop`, the delimiter, or what is no fragment; of a cut one what is there."""
        found: list[Fragment] = []
        while start < stop and start + 8 <= self._end:
            kind, length = self._header(start)
            if kind != _ITEM or length == 0xFFFFFFFF:
                break
            found.append((start + 8, min(length, self._end - start - 8)))
            if len(found) > self._limit:
                raise over_limit("The number of fragments exceeds", "limit_fragments", self._limit, tag=self._tag)
            start += 8 + length
        return found

    def _group(self) -> list[list[Fragment]]:
        """All frames by walking all fragments."""
        fragments = self._walk(self._first, self._end)
        if self._frames == 1:
            return [fragments] if fragments else []
        if len(fragments) > self._frames:
            starts = [i for i, (offset, _) in enumerate(fragments) if self._begins_codestream(offset)]
            if len(starts) >= self._frames and starts[0] == 0:
                ends = [*starts[1:], len(fragments)]
                return [fragments[a:b] for a, b in zip(starts, ends, strict=True)]
        return [[fragment] for fragment in fragments]

    def _begins_codestream(self, offset: int) -> bool:
        return bytes(self._source.read_at(offset, 8)).startswith(_STARTS)

    def check(self, last: int, frame_bytes: int, ratio: int) -> None:
        """Raise when the pixel data cannot hold so much: before memory is asked for on the header's word."""
        room = self._end - self._first
        if room // 8 <= last:
            raise self._missing(last, room // 8)
        if ratio and (room - 8) * ratio < frame_bytes:
            raise TruncatedError(
                f"The pixel data cannot hold a frame (bytes): expected {frame_bytes // ratio}, found {room - 8}",
                code="frame_cut",
                tag=self._tag,
                offset=self._first,
            )

    def _missing(self, frame: int, found: int) -> TruncatedError:
        return TruncatedError(
            f"Too few frames in the pixel data: expected {self._frames}, found {found}",
            code="frames_missing",
            tag=self._tag,
            frame=frame,
        )

    def fragments(self, frame: int) -> list[Fragment]:
        """The fragments of one frame, in order."""
        if self._walked is None and self._offsets:
            start = self._first + self._offsets[frame]
            last = frame + 1 == len(self._offsets)
            stop = self._end if last else self._first + self._offsets[frame + 1]
            found = self._walk(start, stop)
            if found and (last or found[-1][0] + found[-1][1] == stop):
                return found
            # The table lies: the walk from the front tells where the frames are.
        if self._walked is None:
            self._walked = self._group()
        if frame >= len(self._walked):
            raise self._missing(frame, len(self._walked))
        return self._walked[frame]

    def read(self, frame: int) -> Any:
        """The codestream of one frame, bytes-like; a view where nothing need be copied."""
        fragments = self.fragments(frame)
        if len(fragments) == 1:
            return self._source.read_at(*fragments[0])
        return b"".join(bytes(self._source.read_at(offset, length)) for offset, length in fragments)

    def position(self, frame: int, offset: int) -> int:
        """Where in the file byte `offset` of the codestream of a frame is."""
        found = self._first
        for start, length in self.fragments(frame):
            found = start + min(offset, length)
            if offset <= length:
                break
            offset -= length
        return found

    def read_all(self) -> bytes:
        """All fragments joined: one stream for all frames."""
        fragments = self._walk(self._first, self._end)
        return b"".join(bytes(self._source.read_at(offset, length)) for offset, length in fragments)
