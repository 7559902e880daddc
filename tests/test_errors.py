"""Errors: what they carry, what they never hold, and that nothing is allocated on a header's word."""

import pickle
import re
import struct
import tracemalloc
from collections.abc import Iterator
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
    for name in ("code", "tag", "offset", "frame", "hint"):
        assert getattr(again, name) == getattr(error, name)


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
    yield "no bits allocated", without(0x00280100), dd.MalformedError
    yield "rows 0", changed(0x00280010, 0), dd.MalformedError
    yield "columns 0", changed(0x00280011, 0), dd.MalformedError
    yield "more rows than data", changed(0x00280010, 9), dd.TruncatedError
    yield "frames that are not there", changed(0x00280008, 5, vr="IS"), dd.TruncatedError
    yield "bits allocated 0", changed(0x00280100, 0), dd.MalformedError
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
