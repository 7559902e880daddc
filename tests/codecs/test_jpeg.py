"""JPEG: colour, sampling, precision, and streams that end early, whatever they look like."""

import io

import imagecodecs
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread
from pydicom.data import get_testdata_file

import dicomdecode
from dicomdecode.codecs import jpeg
from dicomdecode.errors import MalformedError, TruncatedError, UnsupportedError
from tests.codecs.streams import check_cuts, check_disagreements, check_flips, decoded, picture, plain

EOI = b"\xff\xd9"


def encode(a, bits=8, level=95, **options):
    if a.shape[2] == 1:
        color = {}
    elif options.get("lossless"):
        color = {"colorspace": "RGB", "outcolorspace": "RGB"}
    else:
        color = {"colorspace": "RGB", "outcolorspace": "YCBCR"}
    return bytes(imagecodecs.jpeg8_encode(plain(a), level=level, bitspersample=bits, **color | options))


def by_pillow(a, **options):
    stream = io.BytesIO()
    Image.fromarray(plain(a)).save(stream, "JPEG", quality=95, **options)
    return stream.getvalue()


@pytest.mark.parametrize("bits", [8, 12])
@pytest.mark.parametrize("rows, columns, samples", [(33, 47, 1), (64, 50, 3), (1, 1, 1), (1, 40, 3), (17, 1, 3)])
def test_lossy_is_close(bits, rows, columns, samples):
    a = picture(rows, columns, samples, bits)
    changes = {"photometric": "YBR_FULL", "to_rgb": True} if samples == 3 else {}
    out, color = decoded(jpeg.decode, encode(a, bits, level=100, subsampling="444"), a, **changes)
    assert np.abs(out.astype(int) - a).max() <= 2**bits / 50
    assert color == ("MONOCHROME" if samples == 1 else "RGB")


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", range(2, 17))
@pytest.mark.parametrize("rows, columns, samples", [(33, 47, 1), (20, 30, 3), (1, 1, 1)])
def test_lossless_round_trip(bits, signed, rows, columns, samples):
    a = picture(rows, columns, samples, bits, signed)
    coded = a.view(f"u{a.itemsize}") & ((1 << bits) - 1)
    out, _ = decoded(jpeg.decode, encode(coded, bits, lossless=True, predictor=1 + bits % 7), a, bits=bits)
    assert np.array_equal(out, a)


@pytest.mark.parametrize("sampling", ["444", "422", "420"])
@pytest.mark.parametrize("rows, columns", [(48, 64), (45, 51)])
@pytest.mark.parametrize("photometric", ["YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420"])
def test_colour_is_what_photometric_interpretation_says(sampling, rows, columns, photometric):
    a = picture(rows, columns, 3)
    a = (a // 4 + np.mgrid[:rows, :columns].sum(0)[..., None]).astype(np.uint8)
    stream = encode(a, subsampling=sampling)
    rgb, color = decoded(jpeg.decode, stream, a, photometric=photometric, to_rgb=True)
    assert color == "RGB"
    wanted = np.asarray(Image.open(io.BytesIO(stream)))
    assert np.abs(rgb.astype(int) - wanted).max() <= 3
    stored, color = decoded(jpeg.decode, stream, a, photometric=photometric)
    assert color == "YBR_FULL"
    wanted = np.asarray(Image.open(io.BytesIO(stream)).convert("YCbCr"))
    assert np.abs(stored.astype(int) - wanted).mean() < 1
    as_coded, color = decoded(jpeg.decode, stream, a, photometric="RGB", to_rgb=True)
    assert color == "RGB"
    assert np.array_equal(as_coded, stored), "RGB is not converted, whatever JFIF means"


def test_adobe_marker_is_not_asked():
    a = picture(32, 32, 3)
    stream = encode(a, outcolorspace="RGB")
    out, _ = decoded(jpeg.decode, stream, a)
    assert np.abs(out.astype(int) - a).max() < 20
    jfif = by_pillow(a, subsampling=0)
    adobe = jfif[:2] + b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00" + jfif[2:]
    changes = {"photometric": "YBR_FULL", "to_rgb": True}
    out, other = (decoded(jpeg.decode, stream, a, **changes)[0] for stream in (jfif, adobe))
    assert np.array_equal(out, other)


def test_progressive_and_restarts():
    a = picture(70, 90, 3)
    changes = {"photometric": "YBR_FULL", "to_rgb": True}
    plain_one = decoded(jpeg.decode, by_pillow(a), a, **changes)[0]
    for options in ({"progressive": True}, {"restart_marker_blocks": 3}, {"restart_marker_rows": 1}):
        stream = by_pillow(a, **options)
        assert np.array_equal(decoded(jpeg.decode, stream, a, **changes)[0], plain_one)
        assert np.array_equal(decoded(jpeg.decode, stream + b"\0", a, **changes)[0], plain_one), "a padding byte"


def test_scans_are_bounded():
    a = picture(70, 90, 1)
    stream = by_pillow(a, progressive=True)
    first = stream.index(b"\xff\xda")
    second = stream.index(b"\xff\xc4", first)
    with pytest.raises(MalformedError, match="scans"):
        decoded(jpeg.decode, stream[:first] + 300 * stream[first:second] + stream[second:], a)


def test_more_room_than_precision():
    a = picture(30, 40, 1)
    wide = np.zeros(a.shape, np.uint16)
    assert np.array_equal(decoded(jpeg.decode, encode(a), wide)[0], decoded(jpeg.decode, encode(a), a)[0])
    signed = np.zeros(a.shape, np.int8)
    assert np.array_equal(
        decoded(jpeg.decode, encode(a), signed)[0].view(np.uint8), decoded(jpeg.decode, encode(a), a)[0]
    )


@pytest.mark.parametrize(
    "samples, options", [(1, {}), (3, {}), (3, {"progressive": True}), (1, {"restart_marker_rows": 1})]
)
def test_cut_and_damaged(samples, options, capfd):
    a = picture(61, 77, samples)
    changes = {"photometric": "YBR_FULL"} if samples == 3 else {}
    stream = by_pillow(a, **options)
    check_cuts(jpeg.decode, stream, a, end=0 if "progressive" in options else 2, **changes)
    check_flips(jpeg.decode, stream, a, capfd, **changes)
    check_disagreements(jpeg.decode, stream, a, **changes)


@pytest.mark.parametrize("samples, bits", [(1, 8), (1, 16), (3, 8)])
def test_lossless_cut_and_damaged(samples, bits, capfd):
    a = picture(61, 77, samples, bits)
    stream = encode(a, bits, lossless=True, predictor=1)
    check_cuts(jpeg.decode, stream, a)
    check_flips(jpeg.decode, stream, a, capfd)
    check_disagreements(jpeg.decode, stream, a)


@pytest.mark.parametrize(
    "bits, samples, sampling", [(8, 1, None), (12, 1, None), (8, 3, "444"), (8, 3, "420"), (8, 3, "422")]
)
@pytest.mark.parametrize("to_rgb", [False, True])
def test_entropy_coded_data_end_before_eoi(bits, samples, sampling, to_rgb):
    a = picture(160, 160, samples, bits)
    stream = encode(a, bits, subsampling=sampling)
    changes = {"photometric": "YBR_FULL", "to_rgb": to_rgb} if samples == 3 else {}
    start = stream.index(b"\xff\xda") + 20
    for n in range(start, len(stream) - 400, 331):
        with pytest.raises(TruncatedError):
            decoded(jpeg.decode, stream[:n] + EOI, a, **changes)


def test_a_picture_may_end_in_grey():
    a = np.full((64, 64, 1), 128, np.uint8)
    a[:30] = picture(30, 64)
    out, _ = decoded(jpeg.decode, encode(a), a)
    assert (out[40:] == 128).all()
    even = np.full((40, 40, 1), 128, np.uint8)
    assert np.array_equal(decoded(jpeg.decode, encode(even), even)[0], even)


def test_a_scan_is_missing():
    a = picture(64, 64, 3)
    stream = by_pillow(a, progressive=True)
    changes = {"photometric": "YBR_FULL"}
    scan = stream.index(b"\xff\xda")
    end = stream.index(b"\xff\xc4", scan)
    only = bytearray(stream[:end] + EOI)  # all of DC, nothing else: this is complete as far as any decoder can tell
    decoded(jpeg.decode, bytes(only), a, **changes)
    parts = [encode(np.ascontiguousarray(a[..., k : k + 1])) for k in range(3)]
    stream = _by_component(parts)
    out, _ = decoded(jpeg.decode, stream, a)
    assert np.abs(out.astype(int) - a).max() < 20
    last = stream.rindex(b"\xff\xda")
    with pytest.raises(TruncatedError, match="expected 3, found 2"):
        decoded(jpeg.decode, stream[:last] + EOI, a)


def _by_component(parts):
    """One stream of three scans out of three streams of one component with the same tables."""
    first = bytearray(parts[0])
    frame = first.index(b"\xff\xc0")
    length = int.from_bytes(first[frame + 2 : frame + 4], "big") + 2
    three = (
        b"\xff\xc0\x00\x11" + first[frame + 4 : frame + 9] + b"\x03" + b"".join(bytes([k, 0x11, 0]) for k in (1, 2, 3))
    )
    scan = first.index(b"\xff\xda")
    stream = bytes(first[:frame]) + three + bytes(first[frame + length : scan])
    for k, part in enumerate(parts, 1):
        scan = part.index(b"\xff\xda")
        stream += b"\xff\xda\x00\x08\x01" + bytes([k]) + part[scan + 6 : -2]
    return stream + EOI


def test_restart_intervals_are_counted():
    a = picture(64, 64)
    stream = by_pillow(a, restart_marker_rows=1)
    at = stream.index(b"\xff\xd3")
    upto = stream.index(b"\xff\xd4")
    with pytest.raises(TruncatedError, match="restart intervals: expected 8, found 7"):
        decoded(jpeg.decode, stream[: stream.index(b"\xff\xd6")] + EOI, a)
    with pytest.raises(MalformedError):
        decoded(jpeg.decode, stream[:at] + stream[upto:], a)


def test_processes_without_a_decoder():
    a = picture(32, 32)
    stream = encode(a)
    at = stream.index(b"\xff\xc0") + 1
    for marker in (0xC5, 0xC7, 0xCB, 0xCF):
        with pytest.raises(UnsupportedError, match=f"SOF{marker - 0xC0}"):
            decoded(jpeg.decode, stream[:at] + bytes([marker]) + stream[at + 1 :], a)
    with pytest.raises(UnsupportedError, match="DNL"):
        decoded(jpeg.decode, stream[: at + 4] + b"\0\0" + stream[at + 6 :], a)


def test_precision_beyond_the_cells():
    with pytest.raises(MalformedError, match="at most: expected 8, found 12"):
        decoded(jpeg.decode, encode(picture(32, 32, 1, 12), 12), picture(32, 32))


def test_what_the_stream_says_decides():
    a = picture(40, 50)
    name = "1.2.840.10008.1.2.4.50"
    out, _ = decoded(jpeg.decode, encode(a, lossless=True, predictor=1), a, syntax=name)
    assert np.array_equal(out, a), "lossless under baseline"
    out, _ = decoded(jpeg.decode, bytes(imagecodecs.jpegls_encode(plain(a))), a, syntax=name)
    assert np.array_equal(out, a), "JPEG-LS under baseline"
    with pytest.raises(MalformedError, match="does not begin with SOI"):
        decoded(jpeg.decode, b"no stream at all", a, syntax=name)


def test_palette_indices_stay():
    a = picture(20, 20)
    assert decoded(jpeg.decode, encode(a), a, photometric="PALETTE COLOR")[1] == "PALETTE COLOR"


@pytest.mark.parametrize(
    "name, close_to",
    [
        ("JPEG-lossy.dcm", None),
        ("JPGExtended.dcm", None),
        ("SC_rgb_jpeg_dcmtk.dcm", "SC_rgb_rle.dcm"),
        ("SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle.dcm"),
        ("SC_rgb_jpeg_lossy_gdcm.dcm", "SC_rgb_rle.dcm"),
        ("SC_rgb_jpeg_dcmd.dcm", None),
        ("SC_rgb_jpeg_app14_dcmd.dcm", None),
        ("SC_rgb_small_odd_jpeg.dcm", None),
        ("SC_jpeg_no_color_transform.dcm", None),
        ("SC_jpeg_no_color_transform_2.dcm", None),
    ],
)
def test_files_of_pydicom(name, close_to):
    path = get_testdata_file(name, download=False)
    dataset = dcmread(path)
    out = dicomdecode.imread(path, values="stored")
    assert out.shape[:2] == (dataset.Rows, dataset.Columns)
    assert out.std() > 0
    if close_to:
        wanted = dcmread(get_testdata_file(close_to)).pixel_array
        assert np.abs(out.astype(int) - wanted).mean() <= 4


@pytest.mark.parametrize("bits, samples, sampling", [(8, 1, None), (12, 1, None), (8, 3, "444"), (8, 3, "420")])
@pytest.mark.parametrize("rest", [b"", b"\0", b"\xff", b"\0\0\0"])
def test_whole_but_for_eoi(bits, samples, sampling, rest):
    """The picture is that of the stream with its end; a byte less is an error."""
    a = picture(45, 51, samples, bits)
    changes = {"photometric": "YBR_FULL", "to_rgb": True} if samples == 3 else {}
    for seed in range(5):
        a = picture(45, 51, samples, bits, seed=seed)
        stream = encode(a, bits, subsampling=sampling)
        whole = decoded(jpeg.decode, stream, a, **changes)[0]
        open_end = stream.removesuffix(EOI)
        assert np.array_equal(decoded(jpeg.decode, open_end + rest, a, **changes)[0], whole)
        with pytest.raises(TruncatedError):
            decoded(jpeg.decode, open_end[:-2] + rest, a, **changes)


def test_components_one_by_one_without_eoi():
    a = picture(64, 64, 3)
    stream = _by_component([encode(np.ascontiguousarray(a[..., k : k + 1])) for k in range(3)])
    whole = decoded(jpeg.decode, stream, a)[0]
    assert np.array_equal(decoded(jpeg.decode, stream.removesuffix(EOI), a)[0], whole)
