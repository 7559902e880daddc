"""JPEG XL: round trips, the header read before libjxl is asked, and streams that end early."""

import imagecodecs
import numpy as np
import pytest

from dicomdecode.codecs import jpegxl
from dicomdecode.errors import MalformedError, TruncatedError
from tests.codecs.streams import check_cuts, check_disagreements, check_flips, decoded, picture, plain


def encode(a, bits=None, **options):
    options = {"lossless": True} | options
    return bytes(imagecodecs.jpegxl_encode(plain(a), bitspersample=bits or 8 * a.itemsize, **options))


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", range(2, 17))
@pytest.mark.parametrize("rows, columns, samples", [(33, 47, 1), (64, 48, 3), (1, 1, 1), (1, 40, 3)])
def test_lossless_round_trip(bits, signed, rows, columns, samples):
    a = picture(rows, columns, samples, bits, signed)
    coded = a.view(f"u{a.itemsize}") & ((1 << bits) - 1)
    out, color = decoded(jpegxl.decode, encode(coded, bits), a, bits=bits)
    assert np.array_equal(out, a)
    assert color == ("MONOCHROME" if samples == 1 else "RGB")


@pytest.mark.parametrize("samples", [1, 3])
def test_lossy_is_close(samples):
    a = picture(64, 80, samples)
    out, _ = decoded(jpegxl.decode, encode(a, lossless=False, distance=0.5), a)
    assert np.abs(out.astype(int) - a).mean() < 5


@pytest.mark.parametrize(
    "rows, columns", [(256, 256), (100, 120), (256, 100), (8, 16), (300, 400), (9, 520), (270, 480)]
)
@pytest.mark.parametrize("container", [False, True])
def test_sizes_of_the_header(rows, columns, container):
    a = np.zeros((rows, columns, 1), np.uint8)
    assert np.array_equal(decoded(jpegxl.decode, encode(a, usecontainer=container), a)[0], a)


def test_recompressed_jpeg():
    a = picture(64, 80, 3)
    jpeg = bytes(imagecodecs.jpeg8_encode(a, level=95))
    out, color = decoded(jpegxl.decode, bytes(imagecodecs.jpegxl_encode_jpeg(jpeg)), a, photometric="YBR_FULL_422")
    assert color == "RGB"
    assert np.abs(out.astype(int) - imagecodecs.jpeg8_decode(jpeg)).max() <= 6


def test_more_room_than_precision():
    for samples in (1, 3):
        a = picture(20, 30, samples)
        for kind in (np.uint16, np.uint32):
            assert np.array_equal(decoded(jpegxl.decode, encode(a), a.astype(kind))[0], a)
    with pytest.raises(MalformedError, match="expected at most 8, found 16"):
        decoded(jpegxl.decode, encode(picture(20, 30, 1, 16)), picture(20, 30))


def test_colour():
    a = picture(20, 30, 3)
    lossless = "1.2.840.10008.1.2.4.110"
    assert decoded(jpegxl.decode, encode(a), a, photometric="YBR_FULL", syntax=lossless)[1] == "YBR_FULL"
    assert decoded(jpegxl.decode, encode(a), a, photometric="YBR_FULL_422", syntax=lossless)[1] == "RGB"


def test_what_is_not_one_integer_frame():
    a = picture(20, 30)
    real = bytes(imagecodecs.jpegxl_encode(a[..., 0].astype(np.float32) / 255, lossless=True))
    with pytest.raises(MalformedError):
        decoded(jpegxl.decode, real, a)
    with pytest.raises(MalformedError, match="neither"):
        decoded(jpegxl.decode, b"no stream at all", a)
    with pytest.raises(TruncatedError):
        decoded(jpegxl.decode, b"\x00\x00\x00\x0cJXL \r\n\x87\n", a)
    with pytest.raises(MalformedError, match="box"):
        decoded(jpegxl.decode, b"\x00\x00\x00\x0cJXL \r\n\x87\n\x00\x00\x00\x02ftypmore", a)


@pytest.mark.parametrize("preview, animation", [(1, 0), (0, 1)])
def test_what_is_several_pictures(preview, animation):
    """ISO/IEC 18181-1, annex D: SizeHeader of 24 rows and the ratio 1 : 1, and ImageMetadata with extra fields."""
    fields = [(1, 1), (2, 5), (1, 3), (0, 1), (1, 1), (0, 3), (0, 1), (preview, 1), (animation, 1)]
    bits = at = 0
    for value, width in fields:
        bits |= value << at
        at += width
    stream = b"\xff\x0a" + bits.to_bytes(3, "little") + bytes(50)
    with pytest.raises(MalformedError) as caught:
        decoded(jpegxl.decode, stream, picture(24, 24))
    assert caught.value.code == "stream_animation"


@pytest.mark.parametrize("samples, bits, lossless", [(1, 8, True), (1, 16, True), (3, 8, True), (3, 8, False)])
def test_cut_and_damaged(samples, bits, lossless, capfd):
    a = picture(61, 77, samples, bits)
    stream = encode(a, lossless=lossless)
    check_cuts(jpegxl.decode, stream, a, end=0)
    check_flips(jpegxl.decode, stream, a, capfd)
    check_disagreements(jpegxl.decode, stream, a)
