"""Video through PyAV: frames in any order, streams that end early or are damaged, and no PyAV at all."""

import io
import sys

import numpy as np
import pytest

import dicomdecode
from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.codecs.video import VideoReader
from dicomdecode.errors import DicomError, MalformedError, TruncatedError, UnsupportedError
from tests import synthesise

try:
    import av
except ImportError:
    av = None

ROOT = "1.2.840.10008.1.2.4."
KINDS = [
    ("mpeg2video", "mpeg2video", "100"),
    ("mpeg2video", "mpegts", "101.1"),
    ("libx264", "h264", "102"),
    ("libx264", "mp4", "103"),
    ("libx264", "mpegts", "104"),
]
FRAMES = 5


def picture(i):
    y, x = np.mgrid[:48, :64]
    return np.stack([(x * 3 + i * 20) % 256, (y * 4) % 256, x * 0 + 40 * i % 256], -1).astype(np.uint8)


def encode(codec, container):
    if av is None:
        pytest.skip("av: an optional library")
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as output:
        video = output.add_stream(codec, rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for i in range(FRAMES):
            output.mux(video.encode(av.VideoFrame.from_ndarray(picture(i), format="rgb24")))
        output.mux(video.encode())
    return stream.getvalue()


def spec_of(syntax, **changes):
    values = {
        "rows": 48,
        "columns": 64,
        "samples": 3,
        "bits_allocated": 8,
        "bits_stored": 8,
        "signed": False,
        "photometric": "YBR_PARTIAL_420",
        "syntax": ROOT + syntax,
    }
    return FrameSpec(**values | changes)


@pytest.mark.parametrize("codec, container, syntax", KINDS)
def test_frames_in_any_order(codec, container, syntax):
    reader = VideoReader(encode(codec, container), spec_of(syntax))
    out = np.empty((48, 64, 3), np.uint8)
    for i in (0, 1, 4, 2, 3, 3):
        assert reader.read(i, out) == "RGB"
        assert np.abs(out.astype(int) - picture(i)).mean() < 8
    with pytest.raises(TruncatedError, match="expected 6, found 5"):
        reader.read(5, out)
    assert reader.read(0, out) == "RGB", "an error does not stay"


@pytest.mark.parametrize("codec, container, syntax", KINDS)
def test_cut_and_damaged(codec, container, syntax, capfd):
    stream = encode(codec, container)
    rng = np.random.default_rng(2)
    out = np.empty((48, 64, 3), np.uint8)
    errors = 0
    for k in range(60):
        damaged = bytearray(stream[: rng.integers(len(stream))] if k % 2 else stream)
        for at in rng.integers(0, max(1, len(damaged)), 4):
            damaged[at : at + 1] = bytes(rng.integers(0, 256, 1).astype(np.uint8))
        try:
            reader = VideoReader(bytes(damaged), spec_of(syntax))
            for i in range(FRAMES):
                reader.read(i, out)
        except DicomError:
            errors += 1
    assert errors > 30
    assert capfd.readouterr() == ("", "")


#: NAL units of H.264; other codecs would take each but the first for the beginning of a picture.
UNITS = b"\0\0\1\x67\x42" + b"\0\0\1\0\0" + b"\0\0\1\x21\x80\x80"


def with_units(container, units):
    """H.264 in a container, with more NAL units behind those of the second picture."""
    found = io.BytesIO()
    with av.open(io.BytesIO(encode("libx264", "h264")), format="h264") as source:
        stream = source.streams.video[0]
        with av.open(found, "w", format=container) as output:
            video = output.add_stream_from_template(stream)
            for i, packet in enumerate(source.demux(stream)):
                if packet.size:
                    copy = av.Packet(bytes(packet) + units * (i == 1))
                    copy.stream, copy.time_base, copy.pts, copy.dts = video, stream.time_base, 3600 * i, 3600 * i
                    copy.is_keyframe = packet.is_keyframe
                    output.mux(copy)
    return found.getvalue()


@pytest.mark.parametrize(
    "container, syntax",
    [("mp4", "103"), ("mpegts", "103"), ("mpegts", "101"), ("mpegts", "107"), ("h264", "103")],
)
def test_pictures_of_many_units(container, syntax):
    """FFmpeg keeps memory for each, whatever the transfer syntax says that they are."""
    out = np.empty((48, 64, 3), np.uint8)
    if av is None:
        pytest.skip("av: an optional library")
    assert VideoReader(with_units(container, UNITS[:5] * 3), spec_of(syntax)).read(0, out) == "RGB"
    units = UNITS[:5] if container == "h264" else UNITS  # what looks like the beginning of a picture is one there
    reader = VideoReader(with_units(container, units * 2000), spec_of(syntax))
    with pytest.raises(MalformedError, match="more NAL units than macroblocks"):
        reader.read(1, out)


def test_disagreements():
    stream = encode("mpeg2video", "mpeg2video")
    out = np.empty((48, 32, 3), np.uint8)
    with pytest.raises(MalformedError, match="expected 32, found 64") as caught:
        VideoReader(stream, spec_of("100", columns=32)).read(0, out)
    assert caught.value.code == "stream_columns"
    with pytest.raises(MalformedError, match="expected 4, found 3") as caught:
        VideoReader(stream, spec_of("100", samples=4)).read(0, np.empty((48, 64, 4), np.uint8))
    assert caught.value.code == "stream_components"
    with pytest.raises(UnsupportedError, match="neither"):
        VideoReader(b"#EXTM3U\nhttp://localhost/\n", spec_of("100")).read(0, out)


def test_stored_colour_and_grey():
    stream = encode("mpeg2video", "mpeg2video")
    out = np.empty((48, 64, 3), np.uint8)
    assert VideoReader(stream, spec_of("100", to_rgb=False)).read(0, out) == "YBR_PARTIAL_420"
    grey = np.empty((48, 64, 1), np.uint8)
    spec = spec_of("100", samples=1, photometric="MONOCHROME2")
    assert VideoReader(stream, spec).read(0, grey) == "MONOCHROME"
    assert np.corrcoef(grey.ravel(), out[..., 0].ravel())[0, 1] > 0.99


def test_without_pyav(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"pip install 'dicomdecode\[video\]'"):
        VideoReader(b"", spec_of("102"))


def file_of(codec, container, syntax):
    """A whole file whose stream is cut into fragments anywhere, with an empty offset table."""
    stream = encode(codec, container)
    stream += b"\0" * (len(stream) % 2)
    cut = len(stream) // 3 & ~1
    data = synthesise.item(b"") + synthesise.item(stream[:cut]) + synthesise.item(stream[cut:])
    data += bytes.fromhex("feffdde000000000")
    head = [(0x00280002, "US", 3), (0x00280004, "CS", "YBR_PARTIAL_420"), (0x00280006, "US", 0)]
    head += [(0x00280008, "IS", FRAMES), (0x00280010, "US", 48), (0x00280011, "US", 64)]
    head += [(0x00280100, "US", 8), (0x00280101, "US", 8), (0x00280102, "US", 7), (0x00280103, "US", 0)]
    pixels = bytes.fromhex("e07f10004f420000ffffffff") + data
    return synthesise.dataset([*head, pixels], syntax=ROOT + syntax)


@pytest.mark.parametrize("codec, container, syntax", KINDS)
def test_whole_files(codec, container, syntax):
    contents = file_of(codec, container, syntax)
    whole = dicomdecode.imread(contents)
    assert whole.shape == (FRAMES, 48, 64, 3)
    assert whole.dtype == np.uint8
    assert np.array_equal(dicomdecode.imread(contents, frames=[4, 1]), whole[[4, 1]])
    assert np.array_equal(dicomdecode.imread(contents, threads=2), whole)


def test_frame_by_frame_starts_once(monkeypatch):
    starts = []
    begin = VideoReader._decode
    monkeypatch.setattr(VideoReader, "_decode", lambda self: starts.append(1) or begin(self))
    with dicomdecode.open(file_of(*KINDS[0])) as image:
        assert len(list(image)) == FRAMES
    assert len(starts) == 1
