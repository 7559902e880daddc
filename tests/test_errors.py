"""Errors: what they carry, what they never hold, and that nothing is allocated on a header's word."""

import copy
import dataclasses
import io
import pickle
import re
import struct
import traceback
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import dicomdecode as dd
from tests import synthesise as s

SECRETS = ["SECRETNAME", "SECRETID", "19011231", "SECRETDESC", "SECRETFOLDER", "SECRETFILE", "SECRETUNIT"]
PRIVATE: list[s.Element] = [
    (0x00080005, "CS", "SECRETUNIT"),
    (0x00081030, "LO", "SECRETDESC"),
    (0x00100010, "PN", "SECRETNAME^X"),
    (0x00100020, "LO", "SECRETID"),
    (0x00100030, "DA", "19011231"),
]
PIXELS = np.arange(64, dtype=np.uint16).reshape(8, 8)


def test_tree() -> None:
    assert issubclass(dd.DicomError, ValueError)
    for kind in (dd.MalformedError, dd.TruncatedError, dd.UnsupportedError, dd.LimitError):
        assert issubclass(kind, dd.DicomError)


def test_attributes_and_pickle() -> None:
    with pytest.raises(dd.TruncatedError) as caught:
        dd.imread(s.image(PIXELS)[:-10])
    error = caught.value
    assert isinstance(error.code, str) and re.fullmatch(r"[a-z][a-z0-9_]*", error.code)
    assert error.tag == s.PIXEL_DATA
    assert isinstance(error.offset, int | None) and isinstance(error.frame, int | None) and isinstance(error.hint, str)
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error) and str(again) == str(error)
    for name in ("message", "code", "tag", "offset", "frame", "hint"):
        assert getattr(again, name) == getattr(error, name)


ERRORS = [
    dd.TruncatedError("The file ends", code="element_cut", tag=0x7FE00010, offset=5, frame=2, hint="Get the rest"),
    dd.LimitError("The result exceeds the limit of 5 bytes", code="limit_output_bytes", hint="Raise it"),
    dd.MalformedError("It is wrong", code="stream_damaged", offset=0),
    dd.UnsupportedError("It is new", code="transfer_syntax"),
    dd.DicomError("It is odd", code="frame", frame=0),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_text_repr_and_arguments_agree(error: dd.DicomError) -> None:
    for one in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), error.located()):
        assert type(one) is type(error) and str(one) == str(error) and vars(one) == vars(error)
        assert one.args == (str(one),) and repr(one) == f"{type(one).__name__}({str(one)!r})"
    assert str(error).startswith(error.message) and str(error).endswith(error.hint)


def test_located() -> None:
    """Another error of the same kind: the first is as it was, the second says the new things everywhere."""
    first = dd.TruncatedError("The stream is cut", code="stream_cut", tag=0x7FE00010, offset=7, frame=3, hint="Look")
    first.add_note("a note")
    first.__cause__ = KeyError("why")
    before = (str(first), repr(first), first.args)
    second = first.located(message="JPEG: the stream is cut", offset=1007)
    assert (str(first), repr(first), first.args) == before
    text = "JPEG: the stream is cut [frame 3, element (7FE0,0010), byte offset 1007]. Look"
    assert str(second) == text and second.args == (text,) and repr(second) == f"TruncatedError({text!r})"
    assert (second.message, second.offset, second.code) == ("JPEG: the stream is cut", 1007, "stream_cut")
    assert second.__cause__ is first.__cause__ and second.__notes__ == ["a note"]
    assert str(pickle.loads(pickle.dumps(second))) == text
    assert first.located(offset=0).offset == 0


@pytest.mark.parametrize("syntax", [s.RLE, s.DEFLATED_FRAME, s.ENCAPSULATED_UNCOMPRESSED])
def test_errors_of_codecs_say_where_in_the_file(syntax: str) -> None:
    """A codec counts from the start of its stream; the error that comes out counts from the start of the file."""
    contents = s.image(np.zeros((2, 64, 64), np.uint16), syntax=syntax, number_of_frames=2)
    second = contents.rindex(s.tag_bytes(0xFFFEE000)) + 8
    damaged = contents[: second - 4] + struct.pack("<I", 2) + contents[second : second + 2]
    with pytest.raises(dd.DicomError) as caught:
        dd.imread(damaged, values="stored")
    error = caught.value
    assert error.frame == 1 and error.offset is not None and second <= error.offset <= second + 2
    assert f"byte offset {error.offset}" in str(error) and error.args == (str(error),) and str(error) in repr(error)
    assert error.__cause__ is None and traceback.extract_tb(error.__traceback__)[-1].name != "read"


def test_errors_of_other_releases() -> None:
    """An error with a code that this release does not know can be unpickled, though not made."""
    error = dd.MalformedError("text", code="stream_damaged")
    other = pickle.dumps(error).replace(b"stream_damaged", b"stream_unheard")
    assert pickle.loads(other).code == "stream_unheard"


def broken() -> Iterator[tuple[str, bytes, type[dd.DicomError]]]:
    """Files that are wrong, each in one way, and the error that is due."""
    good = s.image(PIXELS, extra=PRIVATE)
    rle = s.image(PIXELS, syntax=s.RLE, extra=PRIVATE)

    def changed(tag: int, *value: object, vr: str = "US") -> bytes:
        return s.image(PIXELS, extra=[*PRIVATE, (tag, vr, list(value))])

    def without(*tags: int) -> bytes:
        return s.image(PIXELS, extra=PRIVATE, without=tags)

    yield "empty", b"", dd.TruncatedError
    yield "cut in the meta information", good[:200], dd.DicomError
    yield "cut in the header", good[: good.index(b"SECRETID") + 3], dd.DicomError
    yield "cut in the pixel data", good[:-20], dd.TruncatedError
    yield "cut in a fragment", rle[:-60], dd.TruncatedError
    yield "no pixel data", without(s.PIXEL_DATA), dd.MalformedError
    yield "no rows", without(0x00280010), dd.MalformedError
    yield "no columns", without(0x00280011), dd.MalformedError
    yield "no bits allocated", without(0x00280100, 0x00280101), dd.MalformedError
    yield "rows 0", changed(0x00280010, 0), dd.MalformedError
    yield "columns 0", changed(0x00280011, 0), dd.MalformedError
    yield "more rows than data", changed(0x00280010, 9), dd.TruncatedError
    yield "frames that are not there", changed(0x00280008, 5, vr="IS"), dd.TruncatedError
    nothing_stored = [(0x00280100, "US", 0), (0x00280101, "US", 0)]
    yield "bits allocated 0", s.image(PIXELS, extra=[*PRIVATE, *nothing_stored]), dd.MalformedError
    yield "bits allocated 65535", changed(0x00280100, 65535), dd.DicomError
    yield "bits allocated 24", changed(0x00280100, 24), dd.DicomError
    yield "bits stored above allocated", changed(0x00280101, 17), dd.DicomError
    yield "two samples", changed(0x00280002, 2), dd.DicomError
    yield "65535 samples", changed(0x00280002, 65535), dd.DicomError
    yield "not DICOM", b"SECRETNAME" * 100, dd.DicomError
    yield "palette without tables", changed(0x00280004, "PALETTE COLOR", vr="CS"), dd.MalformedError
    yield "unknown syntax", rle.replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.99999.1.2.5\0"), dd.UnsupportedError
    header = rle.index(struct.pack("<I", 2), rle.index(s.tag_bytes(s.PIXEL_DATA)))
    yield "RLE of 0 segments", rle[:header] + struct.pack("<I", 0) + rle[header + 4 :], dd.MalformedError
    yield "RLE of 2^32 - 1 segments", rle[:header] + b"\xff" * 4 + rle[header + 4 :], dd.MalformedError
    yield "RLE offset outside", rle[:header] + struct.pack("<3I", 2, 64, 1 << 30) + rle[header + 12 :], dd.DicomError
    yield "RLE offsets swapped", rle[:header] + struct.pack("<3I", 2, 90, 64) + rle[header + 12 :], dd.DicomError
    yield "RLE offset 0", rle[:header] + struct.pack("<3I", 2, 0, 64) + rle[header + 12 :], dd.DicomError
    yield "deflate of nothing", s.image(PIXELS, syntax=s.DEFLATED)[:-30], dd.DicomError
    yield "deflated frame damaged", around_deflated(b"\xff" * 50), dd.DicomError
    yield "deflated frame too short", around_deflated(s.deflate_frame(b"\0" * 9)), dd.TruncatedError


def around_deflated(stream: bytes) -> bytes:
    head = s.image(PIXELS, syntax=s.DEFLATED_FRAME, extra=PRIVATE, without=[s.PIXEL_DATA])
    pixels = (
        head.rindex(s.header(s.PIXEL_DATA, "OB", s.UNDEFINED, s.LITTLE)) if s.tag_bytes(s.PIXEL_DATA) in head else None
    )
    return head[:pixels] + s.elements(s.encapsulate([stream]))


BROKEN = {name: (contents, kind) for name, contents, kind in broken()}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files(name: str, tmp_path: Path, silent: object) -> None:
    """The right class; code and words; no value of the data set, no path; the same from a path as from memory."""
    contents, kind = BROKEN[name]
    folder = tmp_path / "SECRETFOLDER"
    folder.mkdir()
    path = folder / "SECRETFILE.dcm"
    path.write_bytes(contents)
    for source in (contents, path):
        with pytest.raises(kind) as caught:
            dd.imread(source, values="stored")
        text = (
            str(caught.value)
            + repr(caught.value)
            + caught.value.hint
            + str(caught.value.__notes__ if hasattr(caught.value, "__notes__") else "")
        )
        assert len(str(caught.value)) > 10
        assert not [word for word in SECRETS if word in text], text
        assert str(tmp_path) not in text
        assert caught.value.code


def test_skip_says_nothing_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "SECRETFOLDER"
    folder.mkdir()
    for name, (contents, _) in BROKEN.items():
        path = folder / "SECRETFILE.dcm"
        path.write_bytes(contents)
        assert dd.decode_dicom_image(path).shape == (0,), name
    assert len(caplog.records) == len(BROKEN)
    assert not [word for word in SECRETS if word in caplog.text]


CLAIMS = {
    "rows and columns": {0x00280010: ("US", 65535), 0x00280011: ("US", 65535)},
    "frames": {0x00280008: ("IS", 1 << 21)},
    "all": {0x00280010: ("US", 30000), 0x00280011: ("US", 30000), 0x00280008: ("IS", 1 << 21)},
    "endless frames": {0x00280008: ("IS", "99999999999999999999")},
    "negative frames": {0x00280008: ("IS", "-5")},
}


@pytest.mark.parametrize("syntax", [s.EXPLICIT_LE, s.EXPLICIT_BE, s.RLE, s.ENCAPSULATED_UNCOMPRESSED, s.DEFLATED_FRAME])
@pytest.mark.parametrize("claim", CLAIMS)
def test_a_header_that_asks_for_much(syntax: str, claim: str) -> None:
    """An error, and no memory on the header's word: a file of 300 bytes must not cost megabytes."""
    extra = [(tag, vr, value) for tag, (vr, value) in CLAIMS[claim].items()]
    contents = s.image(PIXELS, syntax=syntax, extra=extra)
    tracemalloc.start()
    try:
        try:
            found = dd.imread(contents, values="stored")
        except dd.DicomError:
            pass
        else:
            assert (
                claim in ("negative frames", "endless frames") and found.shape == PIXELS.shape
            )  # no number: one frame
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000


def test_limits_come_before_allocation() -> None:
    pixels = np.zeros((40, 100, 100), np.uint8)
    contents = s.image(pixels)
    for limits in (
        dd.Limits(pixels_per_frame=9_999),
        dd.Limits(frames=39),
        dd.Limits(output_bytes=399_999),
    ):
        tracemalloc.start()
        try:
            with pytest.raises(dd.LimitError) as caught:
                dd.imread(contents, values="stored", limits=limits)
            assert tracemalloc.get_traced_memory()[1] < 200_000
        finally:
            tracemalloc.stop()
        assert "limits" in str(caught.value).lower()
    exact = dd.Limits(pixels_per_frame=10_000, frames=40, output_bytes=400_000)
    assert dd.imread(contents, values="stored", limits=exact).shape == pixels.shape
    assert dd.imread(contents, values="stored", frames=0, limits=dd.Limits(output_bytes=10_000)).shape == (100, 100)
    with pytest.raises(dd.LimitError):
        dd.imread(contents, values="stored", dtype=np.float64, limits=dd.Limits(output_bytes=400_000))


def too_much(folder: Path) -> Iterator[tuple[str, dd.Limits, Callable[[dd.Limits], object]]]:
    """For each limit, and each place that looks at it: a limit just too low, and a call that meets it."""
    frames = np.zeros((3, 8, 8), np.uint16)
    sequence: s.Element = (0x00081115, "SQ", [[(0x00081140, "SQ", [[(0x00081155, "UI", "1.2")]])]])
    undefined = s.Encoding(True, False, True, True)
    overlay = [(0x60000010, "US", 9), (0x60000011, "US", 9), (0x60003000, "OW", bytes(12))]
    path = folder / "long.dcm"
    path.write_bytes(s.image(frames, extra=[(0x00104000, "LT", "x" * 65000), (0x00324000, "LT", "x" * 65000)]))
    big = folder / "big.dcm"
    big.write_bytes(s.image(np.zeros((300, 300), np.uint16)))
    deflated = s.image(np.zeros((100, 100), np.uint16), syntax=s.DEFLATED)

    def reads(contents: object, **keywords: object) -> Callable[[dd.Limits], object]:
        return lambda limits: dd.imread(contents, values="stored", limits=limits, **keywords)

    def tfio(limits: dd.Limits) -> object:
        return dd.decode_dicom_image(s.image(frames), on_error="strict", values="tfio", limits=limits)

    def overlays(limits: dd.Limits) -> object:
        return dd.open(s.image(PIXELS, extra=overlay), limits=limits).overlays[0].array

    def path_of_tags(limits: dd.Limits) -> object:
        return dd.open(s.dataset([sequence]), limits=limits).tag("[0008,1115][0][0008,1140][0][0008,1155]")

    for call in (reads(s.image(frames)), tfio):
        yield "pixels_per_frame", dd.Limits(pixels_per_frame=63), call
        yield "frames", dd.Limits(frames=2), call
        yield "output_bytes", dd.Limits(output_bytes=383), call
    yield "pixels_per_frame", dd.Limits(pixels_per_frame=80), overlays
    yield "output_bytes", dd.Limits(output_bytes=80), overlays
    yield "output_bytes", dd.Limits(output_bytes=2000), reads(deflated)
    yield "inflate_ratio", dd.Limits(inflate_ratio=2), reads(deflated)
    yield "header_bytes", dd.Limits(header_bytes=66_000), reads(path)
    yield "header_bytes", dd.Limits(header_bytes=140_000), lambda limits: dd.open(big, limits=limits).tag(0x7FE00010)
    yield "elements", dd.Limits(elements=5), reads(s.image(frames))
    yield "depth", dd.Limits(depth=1), path_of_tags
    yield "depth", dd.Limits(depth=1), reads(s.dataset([sequence], encoding=undefined))
    yield "fragments", dd.Limits(fragments=2), reads(s.image(frames, syntax=s.RLE))
    yield "stream_bytes", dd.Limits(stream_bytes=500), lambda limits: dd.imread(Pipe(s.image(frames)), limits=limits)
    yield "pixels_per_byte", dd.Limits(pixels_per_byte=100), reads(black_jpeg_2000(8193))


class Pipe(io.RawIOBase):
    """What cannot seek."""

    def __init__(self, contents: bytes) -> None:
        self.contents = io.BytesIO(contents)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self.contents.read(size)


def black_jpeg_2000(size: int) -> bytes:
    """A frame of one sample whose codestream holds but the header of JPEG 2000."""
    stream = b"\xff\x4f\xff\x51" + bytes(100)
    numbers = {0x00280010: size, 0x00280011: size, 0x00280100: 8, 0x00280101: 8, 0x00280102: 7, 0x00280103: 0}
    head: list[s.Element] = [(0x00280002, "US", 1), (0x00280004, "CS", "MONOCHROME2")]
    head += [(tag, "US", number) for tag, number in numbers.items()]
    return s.dataset([*head, *s.encapsulate([stream])], syntax="1.2.840.10008.1.2.4.90")


def test_limits_read_alike(tmp_path: Path) -> None:
    """What is too much, the limit of that name, and what to do about it."""
    seen = set()
    for name, limits, call in too_much(tmp_path):
        with pytest.raises(dd.LimitError) as caught:
            call(limits)
        error = caught.value
        assert error.code == f"limit_{name}"
        limit = "[0-9]+ bytes" if name == "inflate_ratio" else rf"{getattr(limits, name)}( bytes)?"
        assert re.fullmatch(rf"[A-Z][\w, ]* exceeds? the limit of {limit}(: [0-9]+)?", error.message), error.message
        assert f"limits=dicomdecode.Limits({name}=...)" in error.hint
        seen.add(name)
    assert seen == {field.name for field in dataclasses.fields(dd.Limits)}


def test_limits_are_values() -> None:
    limits = dd.Limits(frames=5)
    assert limits == dd.Limits(frames=5) and limits != dd.Limits() and hash(limits) == hash(dd.Limits(frames=5))
    assert pickle.loads(pickle.dumps(limits)) == limits
    with pytest.raises(AttributeError):
        limits.frames = 6
    for bad in ({"frames": 0}, {"frames": -1}, {"depth": 100_000}, {"frames": 1.5}, {"frames": True}):
        with pytest.raises((ValueError, TypeError)):
            dd.Limits(**bad)
    with pytest.raises(TypeError):
        dd.Limits(no_such_limit=1)


def test_default_limits() -> None:
    contents = s.image(PIXELS)
    before = dd.set_default_limits(dd.Limits(pixels_per_frame=10))
    try:
        for call in (dd.imread, lambda c: dd.open(c).pixels(), lambda c: dd.decode_dicom_image(c, on_error="strict")):
            with pytest.raises(dd.LimitError):
                call(contents)
        assert dd.imread(contents, limits=dd.Limits()).shape == PIXELS.shape
    finally:
        if isinstance(before, dd.Limits):
            dd.set_default_limits(before)
        else:
            dd.set_default_limits(dd.Limits())
    assert dd.imread(contents).shape == PIXELS.shape
    with pytest.raises(TypeError):
        dd.set_default_limits(5)


@pytest.mark.slow
def test_peak_memory_of_a_decode() -> None:
    """Input + output + one frame."""
    pixels = np.random.default_rng(0).integers(0, 65536, (20, 300, 300), np.uint16)
    frame = pixels[0].nbytes
    for syntax in (s.EXPLICIT_LE, s.EXPLICIT_BE, s.RLE, s.DEFLATED_FRAME):
        contents = s.image(pixels, syntax=syntax)
        dd.imread(contents, values="stored", frames=0)
        tracemalloc.start()
        try:
            dd.imread(contents, values="stored")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < pixels.nbytes + 4 * frame, syntax


def test_nothing_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    """A thousand decodes, half of them failing, leave no memory behind."""
    caplog.set_level("CRITICAL", "dicomdecode")
    good = s.image(np.zeros((100, 100), np.uint16))
    bad = good[:-500]
    tracemalloc.start()
    try:
        for i in range(600):
            dd.decode_dicom_image(good if i % 2 else bad)
            dd.decode_dicom_data(good, ["Rows", "[0008,1115][0][Rows]"])
            if i == 100:
                start = tracemalloc.get_traced_memory()[0]
        assert tracemalloc.get_traced_memory()[0] - start < 300_000
    finally:
        tracemalloc.stop()
