"""JPEG-LS: against CharLS and against an encoder of our own, then damage, cuts and what is refused."""

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file

import dicomdecode
from dicomdecode.codecs import jpegls
from dicomdecode.errors import DicomError, MalformedError, TruncatedError, UnsupportedError
from tests.codecs import jpegls_encoder
from tests.codecs.jpegls_encoder import LINE, NONE, SAMPLE, Parameters, segment
from tests.codecs.streams import check_cuts, check_disagreements, check_flips, decoded, picture, plain


def encode(a, near=0):
    return bytes(imagecodecs.jpegls_encode(plain(a), level=near))


def encode_planes(a, near=0):
    """Interleave mode 0, which imagecodecs does not write: one scan a component (T.87 C.2.3)."""
    rows, columns, samples = a.shape
    head = rows.to_bytes(2, "big") + columns.to_bytes(2, "big") + bytes([samples])
    head = bytes([8 * a.itemsize]) + head + b"".join(bytes([k + 1, 0x11, 0]) for k in range(samples))
    stream = b"\xff\xd8" + segment(0xF7, head)
    for k in range(samples):
        one = encode(np.ascontiguousarray(a[..., k : k + 1]), near)
        stream += segment(0xDA, bytes([1, k + 1, 0, near, 0, 0])) + one[one.index(b"\xff\xda") + 10 : -2]
    return stream + b"\xff\xd9"


def by_charls(stream, like):
    return imagecodecs.jpegls_decode(stream).reshape(like.shape)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    "rows, columns, samples", [(33, 47, 1), (64, 50, 3), (1, 1, 1), (1, 40, 3), (40, 1, 1), (3, 3, 3), (3, 5, 3)]
)
def test_round_trip(bits, rows, columns, samples):
    a = picture(rows, columns, samples, bits)
    out, color = decoded(jpegls.decode, encode(a), a)
    assert np.array_equal(out, a)
    assert color == ("MONOCHROME" if samples == 1 else "RGB")
    assert np.array_equal(decoded(jpegls.decode, encode(a) + b"\0", a)[0], a), "a padding byte"
    if samples > 1:
        assert np.array_equal(decoded(jpegls.decode, encode_planes(a), a)[0], a)


@pytest.mark.parametrize("pt", [1, 5])
@pytest.mark.parametrize("bits, samples, near", [(8, 1, 0), (16, 1, 3), (8, 3, 0)])
@pytest.mark.parametrize("signed", [False, True])
def test_point_transform(bits, samples, near, pt, signed):
    """Samples were divided by 2^Pt before they were coded (T.87 C.2.3); MAXVAL and the contexts know nothing of it."""
    coded = picture(33, 47, samples, bits) >> pt
    stream = bytearray(encode(coded, near))
    scan = stream.index(b"\xff\xda")
    stream[scan + 1 + stream[scan + 3]] = pt
    want = (by_charls(encode(coded, near), coded) << pt).view(f"i{bits // 8}" if signed else coded.dtype)
    assert np.array_equal(decoded(jpegls.decode, bytes(stream), want)[0], want)
    stream[scan + 1 + stream[scan + 3]] = 15
    if bits == 8:
        with pytest.raises(MalformedError, match="leaves no bit"):
            decoded(jpegls.decode, bytes(stream), want)


def noise(rng, rows, columns, samples, most):
    return rng.integers(0, most + 1, (rows, columns, samples))


def terraces(rng, rows, columns, samples, most):
    """Runs of all lengths, rows that are one run among them."""
    edges = rng.random((rows, columns, samples)) < rng.choice([0.01, 0.1, 0.3])
    return np.where(edges, rng.integers(0, most + 1, edges.shape), rng.integers(0, most + 1))


def smooth(rng, rows, columns, samples, most):
    a = picture(rows, columns, samples, 16, seed=int(rng.integers(1 << 16))).astype(int)
    return a * most // 65535


def random_parameters(rng, bits):
    """MAXVAL, NEAR and, now and then, thresholds and RESET: anything that T.87 C.2.4.1.1 allows."""
    most = (1 << bits) - 1 if rng.random() < 0.7 else int(rng.integers(1, 1 << bits))
    near = 0 if rng.random() < 0.5 else int(rng.integers(0, min(255, most // 2) + 1)) >> int(rng.integers(8))
    if rng.random() < 0.6:
        return Parameters(most, near)
    t1, t2, t3 = np.sort(rng.integers(near + 1, most + 1, 3)).tolist()
    return Parameters(most, near, t1, t2, t3, int(rng.integers(3, 80)))


def charls_agrees(parameters, bits, samples, interleave):
    """CharLS 2.4 takes 2 ** bits - 1 for MAXVAL, whatever it is, has no pixels of two samples, and with RESET reads
    pixels as if they were samples."""
    pixels = interleave == SAMPLE and parameters.reset not in (0, 64)
    return parameters.maxval == (1 << bits) - 1 and (samples != 2 or interleave == NONE) and not pixels


@pytest.mark.parametrize("seed", range(12))
def test_everything_against_the_encoder_and_charls(seed):
    rng = np.random.default_rng(seed)
    compared = 0
    for _ in range(40):
        bits, samples, interleave = int(rng.integers(2, 17)), int(rng.integers(1, 5)), int(rng.integers(3))
        parameters = random_parameters(rng, bits)
        rows, columns = int(rng.integers(1, 12)), int(rng.choice([1, 2, 15, 16, 17, 33, rng.integers(1, 150)]))
        a = (noise, terraces, smooth)[int(rng.integers(3))](rng, rows, columns, samples, parameters.maxval)
        restart = int(rng.integers(0, 4))
        stream, expected = jpegls_encoder.encode(a, bits, parameters, interleave=interleave, restart=restart)
        assert np.abs(expected - a).max() <= parameters.near
        like = np.zeros(a.shape, np.uint8 if bits <= 8 else np.uint16)
        told = f"{bits} bits, {parameters}, {a.shape}, interleave {interleave}, restart {restart}"
        assert np.array_equal(decoded(jpegls.decode, stream, like)[0], expected), told
        if charls_agrees(parameters, bits, samples, interleave if samples > 1 else NONE):
            assert np.array_equal(by_charls(stream, like), expected), told
            compared += 1
    assert compared > 10


@pytest.mark.parametrize("thresholds", [(0, 0, 0), (3, 32767, 32768), (32768, 32769, 65535), (1, 2, 40000)])
@pytest.mark.parametrize("samples", [1, 3])
def test_rows_that_stay_below_half_of_maxval(thresholds, samples):
    """Gradients of such rows are compared in 16 bits, those of others in 32."""
    rng = np.random.default_rng(7)
    most = rng.choice([4095, 32767, 32768, 65535], (24, 1, samples))
    a = rng.integers(0, 65536, (24, 200, samples)) * most // 65535
    a[::7, 128:140] = 32767
    stream, expected = jpegls_encoder.encode(a, 16, Parameters(65535, 0, *thresholds), interleave=SAMPLE)
    assert np.array_equal(expected, a)
    assert np.array_equal(decoded(jpegls.decode, stream, a.astype(np.uint16))[0], a)


@pytest.mark.parametrize("near", [0, 1, 6])
@pytest.mark.parametrize("bits", range(2, 17))
def test_streams_of_charls(bits, near):
    near = min(near, (1 << bits) // 2 - 1)
    rng = np.random.default_rng(bits)
    for make in (noise, terraces, smooth):
        for rows, columns, samples in ((61, 77, 1), (30, 41, 3), (1, 700, 1), (700, 1, 1), (9, 129, 3)):
            a = make(rng, rows, columns, samples, (1 << bits) - 1).astype(np.uint8 if bits <= 8 else np.uint16)
            for stream in (encode(a, near), encode_planes(a, near)):
                assert np.array_equal(decoded(jpegls.decode, stream, a)[0], by_charls(stream, a)), (make, a.shape)


def test_many_bytes():
    """More than the window of the reader holds, and many stuffed bits: 0xFF is frequent in noise of few bits."""
    rng = np.random.default_rng(0)
    for most, shape in ((30000, (300, 301, 1)), (3, (512, 513, 1)), (120, (90, 91, 3))):
        a = noise(rng, *shape, most).astype(np.uint16 if most > 255 else np.uint8)
        assert np.array_equal(decoded(jpegls.decode, encode(a), a)[0], a)
    long = noise(rng, 2, 65535, 1, 30000).astype(np.uint16)
    assert np.array_equal(decoded(jpegls.decode, encode(long), long)[0], long)


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
        for kind in (np.uint16, np.int16, np.uint32, np.uint64):
            assert np.array_equal(decoded(jpegls.decode, stream, a.astype(kind), signed=False)[0], a)
    a = picture(20, 30, 3, 8, signed=True)
    for kind in (np.int16, np.int32, np.int64):
        assert np.array_equal(decoded(jpegls.decode, encode(a), a.astype(kind))[0], a), "the sign of the precision"
    with pytest.raises(MalformedError, match="expected 8, found 16"):
        decoded(jpegls.decode, encode(picture(20, 30, 1, 16)), picture(20, 30))


def test_colour_is_as_coded():
    a = picture(20, 30, 3)
    assert decoded(jpegls.decode, encode(a), a, photometric="YBR_FULL", to_rgb=True)[1] == "YBR_FULL"
    assert decoded(jpegls.decode, encode(a[..., :1]), a[..., :1], photometric="PALETTE COLOR")[1] == "PALETTE COLOR"


@pytest.mark.parametrize("transform", [1, 2, 3])
@pytest.mark.parametrize("bits, interleave", [(8, LINE), (8, SAMPLE), (16, LINE), (16, SAMPLE)])
def test_colour_transforms_of_hp(bits, interleave, transform):
    a = noise(np.random.default_rng(0), 7, 9, 3, (1 << bits) - 1)
    extra = segment(0xE8, b"mrfx" + bytes([transform]))
    stream, _ = jpegls_encoder.encode(a, bits, interleave=interleave, extra=extra)
    like = np.zeros(a.shape, np.uint8 if bits == 8 else np.uint16)
    out, _ = decoded(jpegls.decode, stream, like)
    assert np.array_equal(out, by_charls(stream, like)) and not np.array_equal(out, a)


def test_scans_in_any_order():
    a = picture(13, 21, 4).astype(int)
    stream, expected = jpegls_encoder.encode(a, 8, interleave=SAMPLE, scans=[[2], [3, 0], [1]], restart=5)
    assert np.array_equal(decoded(jpegls.decode, stream, a.astype(np.uint8))[0], expected)


def test_other_segments():
    a = picture(13, 21, 3).astype(int)
    comment = segment(0xFE, b"\xff\xd9 comment") + b"\xff\xff\xff" + segment(0xE8, b"SPIFF\0" + bytes(24))
    unused = segment(0xF8, b"\2\1\1" + bytes(256)) + segment(0xF8, b"\3\1\1" + bytes(9))
    for interleave in (NONE, LINE, SAMPLE):
        stream, expected = jpegls_encoder.encode(a, 8, interleave=interleave, extra=comment + unused)
        assert np.array_equal(decoded(jpegls.decode, stream, a.astype(np.uint8))[0], expected)


@pytest.mark.parametrize("interleave", [NONE, LINE, SAMPLE])
@pytest.mark.parametrize("width, kind", [(1, "u1"), (1, "i2"), (2, "u2"), (2, "i2"), (3, "u4"), (4, "i4"), (8, "u8")])
def test_mapping_tables(interleave, width, kind):
    """Entries of any width in as many parts as it takes, for some components or for all."""
    rng = np.random.default_rng(width)
    for near, tables in ((0, {0: 9}), (0, {0: 9, 1: 255, 2: 9}), (2, {2: 1, 1: 9})):
        a = terraces(rng, 9, 31, 3, 99)
        entries = {tid: rng.integers(0, 1 << 8 * width, 100 + 3 * near, np.uint64) for tid in tables.values()}
        extra = b""
        for tid, values in entries.items():
            data = values.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - width :].tobytes()
            part = width * 30
            pieces = [data[i : i + part] for i in range(0, len(data), part)]
            extra += b"".join(table(tid, width, piece, 3 if i else 2) for i, piece in enumerate(pieces))
        given = Parameters(99 + near, near)
        stream, indices = jpegls_encoder.encode(a, 7, given, interleave=interleave, extra=extra, tables=tables)
        expected = np.where((kind[0] == "i") & (indices > 63), indices - 128, indices).astype(kind)
        for component, tid in tables.items():
            values = entries[tid][indices[..., component]]
            if kind[0] == "i":  # the sign is the highest bit of an entry
                values = (values << np.uint64(64 - 8 * width)).view(np.int64) >> (64 - 8 * width)
            expected[..., component] = values.astype(kind)
        out, _ = decoded(jpegls.decode, stream, expected, bits=8 * np.dtype(kind).itemsize)
        assert np.array_equal(out, expected)


def test_point_transform_of_mapped_samples():
    stream = mapped(table(7, 1, bytes(256)))
    with pytest.raises(UnsupportedError, match="a point transform together with a mapping table is not supported"):
        decoded(jpegls.decode, replaced(stream, SOS, 7, b"\1"), GREY.astype(np.uint8))


def test_mapping_table_in_a_stream_of_charls():
    """More bits of index than of value, and a table that a later one replaces."""
    a = picture(30, 40, 1, 10)
    stream = encode(a)
    values = np.random.default_rng(0).integers(0, 256, 1024).astype(np.uint8)
    at = stream.index(b"\xff\xda")
    one = table(3, 1, values.tobytes())
    with_tables = stream[:at] + table(3, 2, bytes(8)) + one + stream[at:]
    out, _ = decoded(jpegls.decode, replaced(with_tables, SOS, 4, b"\3"), np.zeros(a.shape, np.uint8))
    assert np.array_equal(out, values[a])


@pytest.mark.parametrize("width", [2, 3, 4])
@pytest.mark.parametrize("y, x", [(True, True), (True, False), (False, True)])
def test_size_in_a_segment(width, y, x):
    """LSE of kind 4 (T.87 C.2.4.1.4) in front of the frame header or behind it, for what is 0 there."""
    stream = replaced(replaced(STREAM, SOF, 3, bytes(2) if y else b"\0\x0c"), SOF, 5, bytes(2) if x else b"\0\x0e")
    size = segment(LSE, bytes([4, width]) + (12).to_bytes(width, "big") + (14).to_bytes(width, "big"))
    at = stream.index(b"\xff\xda")
    for changed in (stream[:2] + size + stream[2:], stream[:at] + size + stream[at:]):
        assert np.array_equal(decoded(jpegls.decode, changed, GREY.astype(np.uint8))[0], GREY)
    wrong = stream[:2] + size[:-1] + b"\x0f" + stream[2:]
    if x:
        with pytest.raises(MalformedError, match="columns of the stream: expected 14, found 15"):
            decoded(jpegls.decode, wrong, GREY.astype(np.uint8))


@pytest.mark.parametrize("interleave", [NONE, SAMPLE])
def test_lines_behind_the_first_scan(interleave):
    a = picture(13, 21, 3).astype(int)
    for restart in (0, 4):
        stream, expected = jpegls_encoder.encode(a, 8, interleave=interleave, lines=0, restart=restart)
        assert np.array_equal(decoded(jpegls.decode, stream, a.astype(np.uint8))[0], expected)
        for changed in (a[:-1], np.concatenate([a, a[:1]])):
            with pytest.raises(DicomError):
                decoded(jpegls.decode, stream, changed.astype(np.uint8))


def test_end_is_not_asked_for():
    a = picture(33, 21)
    stream = encode(a)
    for changed in (
        stream[:-2],
        stream[:-2] + b"\0",
        stream[:-2] + bytes(20_000),
        stream[:-2] + b"\0\xff\xd9",
        stream + b"\xff\xd8 anything",
        bytearray(stream),
        memoryview(stream),
    ):
        assert np.array_equal(decoded(jpegls.decode, changed, a)[0], a)


@pytest.mark.parametrize("samples, bits, near", [(1, 8, 0), (1, 16, 0), (3, 8, 0), (1, 8, 3), (3, 16, 2)])
def test_cut_and_damaged(samples, bits, near, capfd):
    a = picture(61, 77, samples, bits)
    stream = encode(a, near)
    check_cuts(jpegls.decode, stream, a, end=3)
    check_flips(jpegls.decode, stream, a, capfd)
    check_disagreements(jpegls.decode, stream, a)


@pytest.mark.parametrize("interleave, restart", [(NONE, 0), (LINE, 3), (SAMPLE, 0), (SAMPLE, 4)])
def test_every_prefix(interleave, restart):
    a = picture(11, 14, 3).astype(int)
    stream, expected = jpegls_encoder.encode(a, 8, interleave=interleave, restart=restart)
    right = 0
    for n in range(len(stream)):
        try:
            out, _ = decoded(jpegls.decode, stream[:n], a.astype(np.uint8))
            assert np.array_equal(out, expected)
            right += 1
        except TruncatedError as error:
            assert error.code == "stream_cut" and error.frame == 3 and error.offset <= n
    assert right in (2, 3), "without EOI, and without bits that say nothing"


def test_every_flipped_bit():
    a = picture(6, 20, 3).astype(int)
    a[2:, :15] = 77
    seen = set()
    for interleave, restart in ((NONE, 0), (LINE, 2), (SAMPLE, 3)):
        data = bytearray(
            jpegls_encoder.encode(a, 8, Parameters(255, 1, 4, 8, 22, 31), interleave=interleave, restart=restart)[0]
        )
        for bit in range(8 * len(data)):
            data[bit // 8] ^= 1 << bit % 8
            try:
                decoded(jpegls.decode, data, a.astype(np.uint8))
                seen.add("array")
            except DicomError as error:
                assert error.offset is None or 0 <= error.offset <= len(data)
                seen.add(error.code)
            data[bit // 8] ^= 1 << bit % 8
    assert {"array", "stream_cut", "stream_damaged", "stream_restart", "stream_preset", "stream_scan"} <= seen


def test_planes_cut_and_damaged(capfd):
    a = picture(31, 37, 3)
    check_cuts(jpegls.decode, encode_planes(a), a, end=3)
    check_flips(jpegls.decode, encode_planes(a), a, capfd)


def test_entropy_coded_data_end_before_eoi():
    a = picture(61, 77)
    stream = encode(a)
    start = stream.index(b"\xff\xda") + 10
    for n in range(start, len(stream) - 2, 97):
        for end in (b"\xff\xd9", b"\xff\xd9\0"):
            with pytest.raises(TruncatedError):
                decoded(jpegls.decode, stream[:n] + end, a)
    for more in (b"\1\2\3\4", bytes(9) + b"\1"):
        with pytest.raises(MalformedError, match="more than its samples"):
            decoded(jpegls.decode, stream[:-2] + more + b"\xff\xd9", a)


def test_random_bytes_behind_a_right_header():
    rng = np.random.default_rng(3)
    codes = set()
    for a in (picture(40, 600, 1, 16), picture(20, 300, 3)):
        start = encode(a).index(b"\xff\xda") + (10 if a.shape[2] == 1 else 14)
        for kind in (lambda n: rng.integers(0, 256, n), lambda n: rng.integers(0, 2, n), lambda n: np.full(n, 0x7F)):
            for _ in range(20):
                junk = kind(int(rng.integers(1, 60_000))).astype(np.uint8).tobytes().replace(b"\xff", b"\xff\x00")
                try:
                    decoded(jpegls.decode, encode(a)[:start] + junk, a)
                except MalformedError as error:
                    codes.add(error.code)
    assert codes == {"stream_cut", "stream_damaged"}


def replaced(stream, marker, at, new):
    start = stream.index(bytes([0xFF, marker])) + 2 + at
    return stream[:start] + new + stream[start + len(new) :]


GREY = picture(12, 14).astype(int)
STREAM = jpegls_encoder.encode(GREY, 8, restart=5)[0]
PRESET = jpegls_encoder.encode(GREY, 8, Parameters(255, 0, 3, 7, 21, 60))[0]
LINES = jpegls_encoder.encode(GREY, 8, lines=0)[0]
SOF, SOS, LSE, DRI, DNL = 0xF7, 0xDA, 0xF8, 0xDD, 0xDC


def table(tid, width, entries, kind=2):
    """LSE with a mapping table (T.87 C.2.4.1.2), or with the next part of one."""
    return segment(LSE, bytes([kind, tid, width]) + entries)


def mapped(segments):
    return jpegls_encoder.encode(GREY, 8, extra=segments, tables={0: 7})[0]


@pytest.mark.parametrize(
    "stream, error, code",
    [
        (b"", TruncatedError, "stream_cut"),
        (b"not JPEG", MalformedError, "stream_start"),
        (b"\xff\xd8\xff\xd9", TruncatedError, "stream_cut"),
        (b"\xff\xd8\0\0", MalformedError, "stream_marker"),
        (replaced(STREAM, SOF, 0, b"\0\1"), MalformedError, "stream_segment"),
        (replaced(STREAM, SOF, 0, b"\xff\xff"), TruncatedError, "stream_cut"),
        (replaced(STREAM, SOF, 0, b"\0\x0a"), MalformedError, "stream_header"),
        (STREAM[: 2 + 13] + STREAM[2:], MalformedError, "stream_header"),
        (replaced(STREAM, SOF, -1, b"\xc0"), MalformedError, "stream_process"),
        (replaced(STREAM, SOF, -1, b"\xe0"), MalformedError, "stream_scan"),
        (replaced(STREAM, SOF, 2, b"\1"), MalformedError, "stream_precision"),
        (replaced(STREAM, SOF, 2, b"\x11"), MalformedError, "stream_precision"),
        (replaced(STREAM, SOF, 3, b"\0\0"), MalformedError, "stream_dnl"),
        (replaced(LINES, DNL, 2, b"\0\1"), MalformedError, "stream_rows"),
        (replaced(LINES, DNL, 0, b"\0\3"), MalformedError, "stream_dnl"),
        (LINES[:-8], TruncatedError, "stream_cut"),
        (replaced(STREAM, SOF, 3, b"\0\1"), MalformedError, "stream_rows"),
        (replaced(STREAM, SOF, 5, b"\0\1"), MalformedError, "stream_columns"),
        (replaced(STREAM, SOS, 3, b"\5"), MalformedError, "stream_scan"),
        (replaced(STREAM, SOS, 4, b"\1"), MalformedError, "stream_mapping"),
        (mapped(table(7, 1, b"entries")), MalformedError, "stream_mapping"),
        (mapped(table(8, 1, bytes(256))), MalformedError, "stream_mapping"),
        (mapped(table(0, 1, bytes(256))), MalformedError, "stream_mapping"),
        (mapped(table(7, 0, b"")), MalformedError, "stream_mapping"),
        (mapped(table(7, 2, bytes(513))), MalformedError, "stream_mapping"),
        (mapped(table(7, 2, bytes(512))), MalformedError, "stream_precision"),
        (mapped(table(7, 1, bytes(99)) + table(7, 2, bytes(200), 3)), MalformedError, "stream_mapping"),
        (mapped(table(7, 1, bytes(256), 3)), MalformedError, "stream_mapping"),
        (mapped(table(7, 1, bytes(40_000)) + table(7, 1, bytes(40_000), 3)), MalformedError, "stream_mapping"),
        (mapped(b"\xff\xf8\0\4\2\7"), MalformedError, "stream_mapping"),
        (mapped(b"\xff\xf8\0\x08\4\3\0\0\0\0"), MalformedError, "stream_preset"),
        (mapped(b"\xff\xf8\0\5\4\1\0"), MalformedError, "stream_preset"),
        (replaced(STREAM, SOS, 5, b"\x80"), MalformedError, "stream_preset"),
        (replaced(STREAM, SOS, 6, b"\1"), MalformedError, "stream_scan"),
        (replaced(STREAM, SOS, 6, b"\3"), MalformedError, "stream_scan"),
        (replaced(STREAM, SOS, 7, b"\x0f"), MalformedError, "stream_scan"),
        (replaced(STREAM, 0xD0, -1, b"\xd1"), MalformedError, "stream_restart"),
        (replaced(STREAM, 0xD0, -2, b"\0\0\1\xff\xd0"), MalformedError, "stream_restart"),
        (replaced(STREAM, DRI, 0, b"\0\3"), MalformedError, "stream_restart"),
        (replaced(PRESET, LSE, 2, b"\5"), UnsupportedError, "stream_preset"),
        (replaced(PRESET, LSE, 0, b"\0\x0c"), MalformedError, "stream_preset"),
        (replaced(PRESET, LSE, 3, b"\1\0"), MalformedError, "stream_preset"),
        (replaced(PRESET, LSE, 5, b"\0\x08"), MalformedError, "stream_preset"),
        (replaced(PRESET, LSE, 11, b"\0\2"), MalformedError, "stream_preset"),
        (jpegls_encoder.encode(GREY, 8, extra=segment(0xE8, b"mrfx\4"))[0], UnsupportedError, "stream_transform"),
        (jpegls_encoder.encode(GREY, 8, extra=segment(0xE8, b"mrfx\1"))[0], UnsupportedError, "stream_transform"),
    ],
)
def test_errors(stream, error, code):
    with pytest.raises(error) as caught:
        decoded(jpegls.decode, stream, GREY.astype(np.uint8))
    assert (caught.value.code, type(caught.value), caught.value.frame) == (code, error, 3)


def test_components():
    a = picture(12, 14, 3)
    stream = encode_planes(a)
    for factors in (b"\x01", b"\x10", b"\x51", b"\x15"):
        with pytest.raises(MalformedError, match="sampling factors"):
            decoded(jpegls.decode, replaced(stream, SOF, 9, factors), a)
    with pytest.raises(MalformedError, match="of different sizes"):
        decoded(jpegls.decode, replaced(encode(a), SOF, 9, b"\x21"), a)
    with pytest.raises(MalformedError, match="for the second time"):
        decoded(jpegls.decode, stream.replace(b"\xff\xda\0\x08\1\2", b"\xff\xda\0\x08\1\1"), a)


def test_no_jpegls():
    a = picture(20, 30)
    with pytest.raises(MalformedError, match="another JPEG process"):
        decoded(jpegls.decode, bytes(imagecodecs.jpeg8_encode(plain(a))), a)


def test_wrong_arguments():
    a = picture(12, 14)
    with pytest.raises(ValueError, match="output array"):
        decoded(jpegls.decode, STREAM, a, rows=13)
    with pytest.raises(TypeError):
        decoded(jpegls.decode, "text", a)


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
