"""MPEG-2, H.264 and HEVC (PS3.5 A.4.5 to A.4.9) through PyAV, which is optional: `pip install 'dicomdecode[video]'`.

All frames are one stream, cut into fragments anywhere; a frame is decoded only after those before it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from dicomdecode.codecs.faults import check_layout, malformed
from dicomdecode.codecs.mp4 import samples_of_mp4, units_of_sample
from dicomdecode.errors import DicomError, TruncatedError, UnsupportedError
from dicomdecode.reading._reading import ForkLock
from dicomdecode.syntaxes import name_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.codecs._spec import FrameSpec

__all__ = ["VideoReader"]

_HEVC = ("1.2.840.10008.1.2.4.107", "1.2.840.10008.1.2.4.108")
_MPEG2 = ("1.2.840.10008.1.2.4.100", "1.2.840.10008.1.2.4.101")

_START_CODE = b"\0\0\1"
#: Bytes that FFmpeg gets to find out what the stream is: it splits a picture into NAL units there, and keeps 12 KiB for
#: each, however many they are.
_FRONT = 1 << 14
#: Samples of an MP4, pictures and pieces of sound, for which FFmpeg keeps 66 bytes each before it reads one: so many
#: are allowed, and one more for each so many bytes.
_FREE_SAMPLES, _BYTES_OF_SAMPLE = 4096, 32


class _Bytes:
    """The stream as FFmpeg reads it, at first the front alone.

    Attributes
    ----------
    size : int
        Bytes that there are for it.
    units : int
        Start codes in what was read, since somebody has set it to 0.
    most : int
        Nothing is read any more when there are more of them: `is_too_much` is true then.
    """

    def __init__(self, data: memoryview, size: int, most: int) -> None:
        self._data = data
        self._at = 0
        self.size = size
        self.units = 0
        self.most = most

    @property
    def is_too_much(self) -> bool:
        return self.units > self.most

    def read(self, size: int) -> bytes:
        if self.is_too_much:
            return b""
        found = bytes(self._data[self._at : min(self._at + size, self.size)])
        self._at += len(found)
        self.units += found.count(_START_CODE)
        return found

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + (0, self._at, self.size)[whence])
        return self._at

    def tell(self) -> int:
        return self._at


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
        is_mp4 = form == "mp4"  # what it is may stand at its end, and it cannot be read from a byte on
        if is_mp4 and samples_of_mp4(self._data) > _FREE_SAMPLES + len(self._data) // _BYTES_OF_SAMPLE:
            raise malformed(
                "the tables of the MP4 have more samples than its bytes can be", "stream_damaged", self._spec
            )
        source = _Bytes(self._data, len(self._data) if is_mp4 else min(_FRONT, len(self._data)), len(self._data))
        # Nothing is decoded to find out what the stream is: no decoder is called "none".
        options = {"protocol_whitelist": "pipe", "codec_whitelist": "none"}
        with self._av.open(source, "r", format=form, options=options, buffer_size=_FRONT) as container:
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
            # A sequence header on the way may ask for pictures of another size.
            most = str(_in_blocks(self._spec.rows) * _in_blocks(self._spec.columns))
            stream.codec_context.options = {"err_detect": "explode", "max_pixels": most}
            if not is_mp4:
                source.size = len(self._data)
                source.units, source.most = 0, self._most_units()
                container.seek(0, unsupported_byte_offset=True)
            # `container.decode` cannot be closed before its end: PyAV then keeps what it reads from.
            with contextlib.closing(container.demux(stream)) as packets:
                for packet in packets:
                    if source.is_too_much or self._units_of(packet, stream.codec_context) > self._most_units():
                        raise malformed("a picture has more NAL units than macroblocks", "stream_damaged", self._spec)
                    source.units = 0
                    yield from packet.decode()

    def _most_units(self) -> int:
        """More NAL units, or slices of MPEG-2, than a picture has: slices, of a macroblock at least, and a few others.
        FFmpeg keeps up to 8 KiB for each."""
        return 256 + _in_blocks(self._spec.rows) * _in_blocks(self._spec.columns) // 256

    def _units_of(self, packet: Any, codec: Any) -> int:
        """How many NAL units a picture has; beyond the most that are allowed they are not counted."""
        data = bytes(packet)
        return max(
            data.count(_START_CODE), units_of_sample(data, codec.name, codec.extradata or b"", self._most_units())
        )

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


def _in_blocks(size: int) -> int:
    """A size in pixels as it is coded: the next multiple of a macroblock pair, or of a coding tree unit."""
    return -(-size // 64) * 64
