"""JPEG-LS: interleave modes, sign, near-lossless, and streams that end early."""

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

import dicomdecode
from dicomdecode.codecs import jpegls
from dicomdecode.errors import MalformedError, TruncatedError, UnsupportedError
from tests.codecs.streams import check_cuts, check_disagreements, check_flips, decoded, picture, plain


def encode(a, near=0):
    return bytes(imagecodecs.jpegls_encode(plain(a), level=near))


def encode_planes(a):
    """Interleave mode 0, which imagecodecs does not write: one scan a component (T.87 C.2.3)."""
    rows, columns, samples = a.shape
    stream = b"\xff\xd8\xff\xf7" + (8 + 3 * samples).to_bytes(2, "big") + bytes([8 * a.itemsize])
    stream += rows.to_bytes(2, "big") + columns.to_bytes(2, "big") + bytes([samples])
    stream += b"".join(bytes([k + 1, 0x11, 0]) for k in range(samples))
    for k in range(samples):
        one = encode(np.ascontiguousarray(a[..., k : k + 1]))
        stream += b"\xff\xda\x00\x08\x01" + bytes([k + 1]) + bytes(4) + one[one.index(b"\xff\xda") + 10 : -2]
    return stream + b"\xff\xd9"


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    "rows, columns, samples", [(33, 47, 1), (64, 50, 3), (1, 1, 1), (1, 40, 3), (3, 3, 3), (3, 5, 3)]
)
def test_round_trip(bits, rows, columns, samples):
    a = picture(rows, columns, samples, bits)
    out, color = decoded(jpegls.decode, encode(a), a)
    assert np.array_equal(out, a)
    assert color == ("MONOCHROME" if samples == 1 else "RGB")
    assert np.array_equal(decoded(jpegls.decode, encode(a) + b"\0", a)[0], a), "a padding byte"
    if samples > 1:
        assert np.array_equal(decoded(jpegls.decode, encode_planes(a), a)[0], a)


@pytest.mark.parametrize("bits", range(2, 17))
def test_sign(bits):
    a = picture(33, 47, 1, bits, signed=True)
    coded = a.view(f"u{a.itemsize}") & ((1 << bits) - 1)
    assert np.array_equal(decoded(jpegls.decode, encode(coded), a, bits=bits)[0], a)


@pytest.mark.parametrize("samples", [1, 3])
@pytest.mark.parametrize("bits, near", [(8, 1), (8, 5), (16, 2), (16, 40)])
def test_near_lossless(bits, near, samples):
    a = picture(61, 77, samples, bits)
    out, _ = decoded(jpegls.decode, encode(a, near), a)
    assert 0 < np.abs(out.astype(int) - a).max() <= near


def test_more_room_than_precision():
    a = picture(20, 30, 3)
    for stream in (encode(a), encode_planes(a)):
        for kind in (np.uint16, np.uint32):
            assert np.array_equal(decoded(jpegls.decode, stream, a.astype(kind))[0], a)
    a = picture(20, 30, 1, 8, signed=True)
    assert np.array_equal(decoded(jpegls.decode, encode(a), a.astype(np.int16))[0], a), "the sign of the precision"
    with pytest.raises(MalformedError, match="expected at most 8, found 16"):
        decoded(jpegls.decode, encode(picture(20, 30, 1, 16)), picture(20, 30))


def test_colour_is_as_coded():
    a = picture(20, 30, 3)
    assert decoded(jpegls.decode, encode(a), a, photometric="YBR_FULL", to_rgb=True)[1] == "YBR_FULL"
    assert decoded(jpegls.decode, encode(a[..., :1]), a[..., :1], photometric="PALETTE COLOR")[1] == "PALETTE COLOR"


@pytest.mark.parametrize("samples, bits, near", [(1, 8, 0), (1, 16, 0), (3, 8, 0), (1, 8, 3), (3, 16, 2)])
def test_cut_and_damaged(samples, bits, near, capfd):
    a = picture(61, 77, samples, bits)
    stream = encode(a, near)
    check_cuts(jpegls.decode, stream, a, end=0)
    check_flips(jpegls.decode, stream, a, capfd)
    check_disagreements(jpegls.decode, stream, a)


def test_planes_cut_and_damaged(capfd):
    a = picture(31, 37, 3)
    check_cuts(jpegls.decode, encode_planes(a), a, end=0)
    check_flips(jpegls.decode, encode_planes(a), a, capfd)


def test_entropy_coded_data_end_before_eoi():
    # CharLS reads on without end when no marker follows: EOI inside the header of a scan must not pass for one.
    a = picture(61, 77)
    stream = encode(a)
    start = stream.index(b"\xff\xda") + 10
    for n in range(start, len(stream) - 2, 97):
        with pytest.raises(MalformedError):
            decoded(jpegls.decode, stream[:n] + b"\xff\xd9", a)
        with pytest.raises(MalformedError):
            decoded(jpegls.decode, stream[:n] + b"\xff\xd9\0", a)
    scan = stream.index(b"\xff\xda")
    with pytest.raises(TruncatedError):
        decoded(jpegls.decode, stream[: scan + 5] + b"\xff\xd9" + stream[scan + 7 : start + 200], a)


def test_no_size_and_no_jpegls():
    a = picture(20, 30)
    stream = encode(a)
    at = stream.index(b"\xff\xf7")
    with pytest.raises(UnsupportedError, match="size"):
        decoded(jpegls.decode, stream[: at + 5] + b"\0\0" + stream[at + 7 :], a)
    with pytest.raises(MalformedError, match="another JPEG process"):
        decoded(jpegls.decode, bytes(imagecodecs.jpeg8_encode(plain(a))), a)


def test_files_of_pydicom():
    path = get_testdata_file("MR_small_jpeg_ls_lossless.dcm", download=False)
    assert np.array_equal(
        dicomdecode.imread(path, values="stored"), dcmread(get_testdata_file("MR_small.dcm")).pixel_array
    )
    for name in ("SC_rgb_jls_lossy_line.dcm", "SC_rgb_jls_lossy_sample.dcm"):
        out = dicomdecode.imread(get_testdata_file(name, download=False), values="stored").astype(int)
        assert np.abs(out - dcmread(get_testdata_file("SC_rgb_rle.dcm")).pixel_array).max() <= 10
    for name in ("JPEGLSNearLossless_08.dcm", "JPEGLSNearLossless_16.dcm"):
        assert dicomdecode.imread(get_testdata_file(name, download=False), values="stored").std() > 0


def test_zero_before_the_end():
    a = picture(33, 21)
    stream = encode(a)
    assert np.array_equal(decoded(jpegls.decode, stream[:-2] + b"\0\xff\xd9", a)[0], a)
