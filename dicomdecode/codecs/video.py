"""MPEG-2, H.264 and HEVC (PS3.5 A.4.5 to A.4.9) through PyAV, which is optional: `pip install 'dicomdecode[video]'`.

All frames are one stream, cut into fragments anywhere; a frame is decoded only after those before it.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.codecs.faults import check_layout, malformed
from dicomdecode.errors import DicomError, TruncatedError, UnsupportedError
from dicomdecode.reading._reading import ForkLock
from dicomdecode.syntaxes import name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.codecs._spec import FrameSpec

__all__ = ["VideoReader"]

_HEVC = ("1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108")
_MPEG2 = ("1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101")

#: Start codes, as a bare stream and those of MPEG have them; those that begin a picture are of group 1: in H.264 types
#: 1, 2, 5 whose first macroblock is 0 (T-REC-H.264 7.3.1, 7.3.3), in HEVC types below 32 with
#: first_slice_segment_in_pic_flag (T-REC-H.265 7.3.1.2), in MPEG-2 picture_start_code (T-REC-H.262 6.2.3).
_STARTS_H264 = re.compile(rb"(?s)\x00\x00\x01(?:([\x01\x02\x05\x21\x22\x25\x41\x42\x45\x61\x62\x65][\x80-\xff]))?")
_STARTS_HEVC = re.compile(rb"(?s)\x00\x00\x01(?:([\x00-\x3f].[\x80-\xff]))?")
_STARTS_MPEG2 = re.compile(rb"\x00\x00\x01(\x00)?")


class VideoReader:
    """Frames of one stream. Reading them in order decodes each once; going back starts again. Threads take turns.

    Parameters
    ----------
    data : bytes-like
        The fragments of all frames, joined.
    spec : FrameSpec
        The header's word on every frame; `spec.frame` is not used.

    Raises
    ------
    ImportError
        PyAV is not installed.
    """

    def __init__(self, data: Any, spec: FrameSpec) -> None:
        try:
            import av
        except ImportError:
            raise ImportError(
                f"{name_of(spec.syntax)} needs PyAV: pip install 'dicomdecode[video]'", name="av"
            ) from None
        self._av = av
        self._data = memoryview(data).cast("B")
        self._spec = spec
        self._lock = ForkLock()
        self._next = 0
        self._frames: Iterator[Any] | None = None

    def read(self, frame: int, out: NDArray[Any]) -> str:
        """Decode frame `frame` into `out`, C-contiguous [rows, columns, samples] of the stored integer type.

        Returns
        -------
        str
            "RGB" or "MONOCHROME"; with ``spec.to_rgb`` false the Photometric Interpretation of the header, chroma at
            full resolution.

        Raises
        ------
        MalformedError
            The stream is damaged, or disagrees with the header in size or precision.
        TruncatedError
            It ends before this frame.
        UnsupportedError
            A container that is not recognised.
        """
        with self._lock:
            if self._frames is None or frame < self._next:
                self._frames = self._decode()
                self._next = 0
            picture: Any = None
            while self._next <= frame:
                picture = self._advance(frame)
                self._next += 1
            try:
                return self._store(picture, frame, out)
            except (self._av.FFmpegError, ValueError) as error:
                raise self._damaged(error, frame) from None

    def _advance(self, frame: int) -> Any:
        assert self._frames is not None
        try:
            picture = next(self._frames, None)
        except (self._av.FFmpegError, ValueError, IndexError) as error:
            self._frames = None
            raise self._damaged(error, frame) from None
        if picture is None:
            self._frames = None
            raise TruncatedError(
                f"{name_of(self._spec.syntax)}: frames in the stream: expected {frame + 1}, found {self._next}",
                code="frames_missing",
                frame=frame,
            )
        # Of frames on the way to the one asked for, too: a stream whose size changes is not the header's.
        check_layout(self._spec, rows=picture.height, columns=picture.width, frame=frame)
        if picture.is_corrupt:
            raise malformed("the frame is damaged", "stream_damaged", self._spec, frame=frame)
        return picture

    def _decode(self) -> Iterator[Any]:
        # The container is named, not probed: some that FFmpeg knows are lists of other files to open.
        form = self._container()
        if form != "mp4":
            self._check_start_codes()
        # Nothing is decoded to find out what the stream is: no decoder is called "none".
        options = {"protocol_whitelist": "pipe", "codec_whitelist": "none"}
        with self._av.open(io.BytesIO(self._data), "r", format=form, options=options) as container:
            if not container.streams.video:
                raise malformed("the stream holds no video", "stream_start", self._spec)
            stream = container.streams.video[0]
            if stream.codec_context is None:
                raise UnsupportedError(
                    f"{name_of(self._spec.syntax)}: PyAV has no decoder for the video in it", code="stream_process"
                )
            found = stream.codec_context.height, stream.codec_context.width
            if 0 not in found:
                check_layout(self._spec, rows=found[0], columns=found[1])
            stream.codec_context.thread_count = self._spec.threads
            stream.codec_context.options = {"err_detect": "explode"}
            # `container.decode` cannot be closed before its end: PyAV then keeps what it reads from.
            with contextlib.closing(container.demux(stream)) as packets:
                for packet in packets:
                    if form == "mp4":
                        self._check_lengths(packet, stream.codec_context)
                    yield from packet.decode()

    def _most_units(self) -> int:
        """More NAL units than a picture has: slices, of a macroblock at least, and a few others. FFmpeg keeps up to
        8 KiB for each."""
        return 256 + -(-self._spec.rows // 16) * -(-self._spec.columns // 16)

    def _check_start_codes(self) -> None:
        """Raise where a picture has too many NAL units, or slices of MPEG-2."""
        syntax = self._spec.syntax.removesuffix(".1")
        pattern = _STARTS_MPEG2 if syntax in _MPEG2 else _STARTS_HEVC if syntax in _HEVC else _STARTS_H264
        most, count = self._most_units(), 0
        for unit in pattern.finditer(self._data):
            count = 0 if unit[1] else count + 1
            if count > most:
                raise malformed("a picture has more NAL units than macroblocks", "stream_damaged", self._spec)

    def _check_lengths(self, packet: Any, codec: Any) -> None:
        """The same for a picture of MP4, whose NAL units have lengths in front of them (ISO/IEC 14496-15 5.3.3.1 and
        8.3.3.1: how many bytes those take)."""
        about = codec.extradata or b""
        at = 4 if codec.name == "h264" else 21
        if len(about) <= at or about[0] != 1:
            return
        size = 1 + (about[at] & 3)
        data, most, place = bytes(packet), self._most_units(), 0
        while place + size <= len(data):
            place += size + int.from_bytes(data[place : place + size], "big")
            most -= 1
            if most < 0:
                raise malformed("a picture has more NAL units than macroblocks", "stream_damaged", self._spec)

    def _container(self) -> str:
        start = bytes(self._data[:12])
        if start[4:8] == b"ftyp":
            return "mp4"
        if start[:1] == b"\x47":
            return "mpegts"
        if start[:4] == b"\x00\x00\x01\xba":
            return "mpeg"
        if start.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")):
            syntax = self._spec.syntax.removesuffix(".1")
            return "mpegvideo" if syntax in _MPEG2 else "hevc" if syntax in _HEVC else "h264"
        raise UnsupportedError(
            f"{name_of(self._spec.syntax)}: the data are neither a bare stream nor MPEG-TS, MPEG-PS or MP4",
            code="stream_container",
        )

    def _store(self, picture: Any, frame: int, out: NDArray[Any]) -> str:
        spec = self._spec
        bits = picture.format.components[0].bits
        check_layout(
            spec,
            rows=picture.height,
            columns=picture.width,
            components=1 if spec.samples == 1 else 3,  # the decoder converts between grey and colour
            precision=bits,
            item_bits=8 * out.dtype.itemsize,
            frame=frame,
        )
        deep = f"{bits}le" if bits > 8 else ""
        if spec.samples == 1:
            out[..., 0] = picture.to_ndarray(format=f"gray{deep}")
            return "MONOCHROME"
        if spec.to_rgb:
            out[...] = picture.to_ndarray(format=f"gbrp{deep}" if deep else "rgb24")
            return "RGB"
        samples = picture.to_ndarray(format="yuv444p16le" if deep else "yuv444p")
        if samples.shape[0] == 3:
            samples = np.moveaxis(samples, 0, -1)
        np.right_shift(samples, 16 - bits if deep else 0, out=out, casting="unsafe")
        return spec.photometric

    def _damaged(self, error: Exception, frame: int) -> Exception:
        if isinstance(error, DicomError):
            return error
        text = f"the stream cannot be decoded ({type(error).__name__})"
        return malformed(text, "stream_damaged", self._spec, frame=frame)
