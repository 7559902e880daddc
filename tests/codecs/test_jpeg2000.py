"""JPEG 2000, by our own decoder and by OpenJPEG: round trips, cut and damaged streams, reduced resolutions and areas,
the choice of the library."""

import concurrent.futures
import itertools
import os
import struct
import subprocess
import sys
import textwrap

import imagecodecs
import numpy as np
import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_frames

from dicomdecode.codecs import _jpeg2000, jpeg2000
from dicomdecode.codecs._spec import FrameSpec
from dicomdecode.errors import DicomError, LimitError, MalformedError, TruncatedError, UnsupportedError
from tests.codecs.streams import picture


@pytest.fixture(params=["own", "openjpeg"], autouse=True)
def decoder(request):
    """Each test runs with both."""
    _jpeg2000.choose(request.param)
    yield request.param
    _jpeg2000.choose("own")


def encode(a, bits, tile=None, **options):
    if tile is not None:
        return tiled(a, bits, tile, **options)
    options = {"codecformat": "j2k", "reversible": True, "bitspersample": bits} | options
    return imagecodecs.jpeg2k_encode(np.ascontiguousarray(a.squeeze(2) if a.shape[2] == 1 else a), **options)


def tiled(a, bits, tile, codecformat="j2k", **options):
    """A stream of square tiles, which imagecodecs does not write: put together from one stream per tile.

    Right for tiles of 32 or 64, no tile smaller than 32: then a tile's levels, wavelet phase and code-blocks do not
    depend on where it lies.
    """
    rows, columns = a.shape[:2]
    across, down = -(-columns // tile), -(-rows // tile)
    stream = b""
    for k in range(across * down):
        row, column = k // across * tile, k % across * tile
        one = encode(a[row : row + tile, column : column + tile], bits, resolutions=3, **options)
        at = one.index(b"\xff\x90\x00\x0a")
        if k == 0:
            stream = patched(patched(one[:at], 8, ">II", columns, rows), 24, ">II", tile, tile)
        stream += patched(one[at:-2], 4, ">H", k)
    stream += b"\xff\xd9"
    if codecformat == "jp2":
        boxes = encode(a, bits, codecformat="jp2", **options)
        at = boxes.index(b"jp2c") + 4
        return boxes[: at - 8] + struct.pack(">I", len(stream) + 8) + b"jp2c" + stream
    return stream


def patched(stream, offset, form, *values):
    stream = bytearray(stream)
    struct.pack_into(form, stream, offset, *values)
    return bytes(stream)


def spec_of(a, bits=None, **changes):
    values = {
        "rows": a.shape[0],
        "columns": a.shape[1],
        "samples": a.shape[2],
        "bits_allocated": 8 * a.itemsize,
        "bits_stored": bits or 8 * a.itemsize,
        "signed": a.dtype.kind == "i",
        "photometric": "MONOCHROME2" if a.shape[2] == 1 else "RGB",
    }
    return FrameSpec(**values | changes)


def decode(stream, like, spec=None, **options):
    spec = spec or spec_of(like)
    size = jpeg2000.output_size(spec.rows, spec.columns, **options)
    out = np.empty((*size, spec.samples), like.dtype)
    color = jpeg2000.decode(stream, spec, out, **options)
    return out, color


@pytest.mark.parametrize("bits, signed", list(itertools.product(range(2, 17), (False, True))))
@pytest.mark.parametrize("rows, columns, samples", [(33, 47, 1), (64, 50, 3), (1, 1, 1), (1, 40, 3)])
def test_reversible_round_trip(bits, signed, rows, columns, samples):
    a = picture(rows, columns, samples, bits, signed)
    out, color = decode(encode(a, bits, resolutions=3), a)
    assert np.array_equal(out, a)
    assert color == ("MONOCHROME" if samples == 1 else "RGB")


@pytest.mark.parametrize("bits, samples", [(8, 1), (12, 1), (16, 1), (8, 3)])
def test_irreversible_is_close(bits, samples):
    a = picture(70, 90, samples, bits)
    out, _ = decode(encode(a, bits, reversible=False, level=60), a)
    assert np.abs(out.astype(int) - a).max() < 2**bits / 16


@pytest.mark.parametrize("container", ["j2k", "jp2"])
@pytest.mark.parametrize("tile", [None, 64])
def test_containers_and_tiles(container, tile):
    a = picture(100, 111, 1, 12)
    stream = encode(a, 12, codecformat=container, tile=tile)
    assert np.array_equal(decode(stream, a)[0], a)
    assert np.array_equal(decode(stream + b"\0", a)[0], a), "a padding byte"


def test_32_bit_output():
    a = picture(20, 30, 1, 16)
    out = np.empty(a.shape, np.uint32)
    jpeg2000.decode(encode(a, 16), spec_of(a, bits_allocated=32), out)
    assert np.array_equal(out, a)


def test_bits_allocated_1_with_a_stream_of_8():
    a = picture(20, 30)
    assert np.array_equal(decode(encode(a, 8), a, spec_of(a, bits_allocated=1, bits_stored=1))[0], a)


def test_sign_follows_pixel_representation():
    a = picture(31, 30, 1, 12)
    out, _ = decode(encode(a, 12), np.empty(0, np.int16), spec_of(a, 12, signed=True))
    assert np.array_equal(out, np.where(a > 2047, a.astype(int) - 4096, a))
    b = picture(31, 30, 1, 12, signed=True)
    out, _ = decode(encode(b, 12), np.empty(0, np.uint16), spec_of(b, 12, signed=False))
    assert np.array_equal(out, b.astype(int) & 4095)


@pytest.mark.parametrize("mct", [True, False])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_RCT", "YBR_ICT", "YBR_FULL"])
def test_color_space_of_the_result(photometric, mct):
    a = picture(30, 30, 3)
    out, color = decode(encode(a, 8, mct=mct), a, spec_of(a, photometric=photometric))
    assert np.array_equal(out, a)
    assert color == ("YBR_FULL" if photometric == "YBR_FULL" and not mct else "RGB")


def test_palette_indices_stay():
    a = picture(30, 30)
    assert decode(encode(a, 8), a, spec_of(a, photometric="PALETTE COLOR"))[1] == "PALETTE COLOR"


@pytest.mark.parametrize("reversible", [True, False])
@pytest.mark.parametrize("tile", [None, 64])
@pytest.mark.parametrize("samples", [1, 3])
def test_region_and_reduce_are_slices(samples, tile, reversible):
    a = picture(97, 123, samples)
    stream = encode(a, 8, tile=tile, reversible=reversible, level=None if reversible else 60)
    for reduce in range(3):
        whole, _ = decode(stream, a, reduce=reduce)
        step = 1 << reduce
        assert whole.shape[:2] == (-(-97 // step), -(-123 // step))
        for row, column, height, width in [(0, 0, 97, 123), (10, 21, 30, 40), (96, 0, 1, 123), (33, 47, 17, 63)]:
            part, _ = decode(stream, a, reduce=reduce, region=(row, column, height, width))
            rows = slice(-(-row // step), -(-(row + height) // step))
            columns = slice(-(-column // step), -(-(column + width) // step))
            assert np.array_equal(part, whole[rows, columns])


def test_arguments_that_do_not_fit():
    a = picture(40, 40)
    stream = encode(a, 8, resolutions=2)
    for region in [(-1, 0, 4, 4), (0, 0, 41, 1), (0, 0, 0, 4), (40, 0, 1, 1), (0, 2**40, 1, 1)]:
        with pytest.raises(ValueError, match="region"):
            jpeg2000.decode(stream, spec_of(a), a.copy(), region=region)
    with pytest.raises(ValueError, match="no pixel"):
        jpeg2000.output_size(40, 40, 3, (1, 1, 2, 2))
    with pytest.raises(ValueError, match="reduce"):
        jpeg2000.decode(stream, spec_of(a), a.copy(), reduce=-1)
    for out in [np.empty((40, 39, 1), "u1"), np.empty((40, 40, 1), "u2"), np.empty((40, 40), "u1")]:
        with pytest.raises(ValueError, match="out"):
            jpeg2000.decode(stream, spec_of(a), out)
    with pytest.raises((BufferError, ValueError)):
        jpeg2000.decode(stream, spec_of(a), np.frombuffer(bytes(1600), "u1").reshape(40, 40, 1))
    with pytest.raises(UnsupportedError, match="levels"):
        decode(stream, a, reduce=5)


@pytest.mark.parametrize("reversible", [True, False])
def test_htj2k(reversible):
    a = picture(100, 120, 3)
    stream = imagecodecs.htj2k_encode(a, level=0.002 if not reversible else None, reversible=reversible)
    assert jpeg2000.inspect_codestream(stream)["high_throughput"]
    whole, _ = decode(stream, a)
    assert np.abs(whole.astype(int) - a).max() <= (0 if reversible else 8)
    part, _ = decode(stream, a, region=(11, 23, 50, 61))
    assert np.array_equal(part, whole[11:61, 23:84])
    half, _ = decode(stream, a, reduce=1)
    part, _ = decode(stream, a, reduce=1, region=(11, 23, 50, 61))
    assert np.array_equal(part, half[6:31, 12:42])


@pytest.mark.parametrize("options", [{}, {"tile": 32}, {"reversible": False, "level": 50}])
@pytest.mark.parametrize("container", ["j2k", "jp2"])
def test_cut_streams(options, container):
    a = picture(96, 96, 1, 12)
    stream = encode(a, 12, codecformat=container, **options)
    want, _ = decode(stream, a)
    assert np.array_equal(decode(stream[:-2], a)[0], want), "only EOC is missing"
    for end in {0, 1, 2, 3, 60, 100, len(stream) // 2, len(stream) * 9 // 10, len(stream) - 10, len(stream) - 4}:
        with pytest.raises(MalformedError):
            decode(stream[:end], a)
    for part in (0.5, 0.9):
        with pytest.raises(TruncatedError):
            decode(stream[: int(len(stream) * part)], a)


def test_cut_stream_whose_tile_part_has_no_length():
    a = picture(96, 96, 1, 12)
    stream = bytearray(encode(a, 12))
    at = stream.index(b"\xff\x90")
    stream[at + 6 : at + 10] = bytes(4)
    assert np.array_equal(decode(stream, a)[0], a)
    assert np.array_equal(decode(stream + b"\0", a)[0], a)
    assert np.array_equal(decode(stream[:-2], a)[0], a)
    for part in (0.3, 0.5, 0.9):
        with pytest.raises(TruncatedError):
            decode(stream[: int(len(stream) * part)], a)


def test_missing_tile():
    a = picture(64, 64)
    stream = encode(a, 8, tile=32)
    last = stream.rindex(b"\xff\x90\x00\x0a")
    for end in (b"", b"\xff\xd9"):
        with pytest.raises(TruncatedError, match="tile"):
            decode(stream[:last] + end, a)


@pytest.mark.parametrize(
    "changes, code, tag",
    [
        ({"rows": 41}, "stream_rows", 0x00280010),
        ({"columns": 39}, "stream_columns", 0x00280011),
        ({"samples": 3}, "stream_components", 0x00280002),
    ],
)
def test_header_disagrees(changes, code, tag):
    a = picture(40, 40)
    spec = spec_of(a, **changes, frame=7)
    with pytest.raises(MalformedError, match=r"expected \d+, found \d+") as caught:
        decode(encode(a, 8), a, spec)
    assert (caught.value.code, caught.value.tag, caught.value.frame) == (code, tag, 7)


def test_precision_above_bits_allocated():
    a = picture(40, 40, 1, 12)
    with pytest.raises(MalformedError, match=r"bits of a sample.*expected 8, found 12"):
        decode(encode(a, 12), np.empty(0, "u1"), spec_of(a, bits_allocated=8, bits_stored=8))


def test_claims_are_refused_before_memory_is_asked_for():
    a = picture(64, 64)
    stream = encode(a, 8)
    with pytest.raises(LimitError, match="tiles"):
        decode(patched(stream, 24, ">II", 1, 1), a)
    with pytest.raises(MalformedError, match="65535"):
        decode(patched(patched(stream, 8, ">II", 2**32 - 1, 2**32 - 1), 24, ">II", 1, 1), a)
    cod = stream.index(b"\xff\x52")
    with pytest.raises(TruncatedError, match="packets"):
        decode(patched(stream, cod + 6, ">H", 65535), a)
    levels = stream[cod + 9]
    sizes = bytes(levels + 1)  # precincts of 1 x 1
    length = 12 + len(sizes)
    tiny = stream[: cod + 2] + struct.pack(">HB", length, 1) + stream[cod + 5 : cod + 14] + sizes + stream[cod + 14 :]
    with pytest.raises(TruncatedError, match="packets"):
        decode(tiny, a)
    with pytest.raises(MalformedError):
        decode(patched(stream, 24, ">II", 0, 64), a)


def test_image_offset():
    a = picture(64, 64)
    plain = encode(a, 8, resolutions=3)
    stream = patched(plain, 8, ">IIIIII", 128, 192, 64, 128, 128, 192)
    assert np.array_equal(decode(stream, a)[0], a)
    assert np.array_equal(decode(stream, a, reduce=1)[0], decode(plain, a, reduce=1)[0])
    assert np.array_equal(decode(stream, a, region=(3, 9, 20, 30))[0], a[3:23, 9:39])
    assert jpeg2000.inspect_codestream(stream)["rows"] == 64


@pytest.mark.parametrize(
    "data", [b"", b"\xff", b"GIF89a", bytes(100), b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"]
)
def test_not_a_stream(data):
    a = picture(8, 8)
    with pytest.raises(MalformedError):
        decode(data, a)
    with pytest.raises(MalformedError):
        jpeg2000.inspect_codestream(data)


def test_hostile_boxes():
    a = picture(8, 8)
    stream = encode(a, 8, codecformat="jp2")
    at = stream.index(b"jp2c") - 4
    assert np.array_equal(decode(stream[:at] + struct.pack(">I", 0) + stream[at + 4 :], a)[0], a)
    long = stream[:at] + struct.pack(">I4sQ", 1, b"jp2c", 2**63) + stream[at + 8 :]
    assert np.array_equal(decode(long, a)[0], a)
    for length in (2, 7, 2**32 - 1):
        with pytest.raises(MalformedError):
            decode(stream[:12] + struct.pack(">I", length) + stream[16:], a)
    with pytest.raises(MalformedError):
        decode(stream[:12] + struct.pack(">I4sQ", 1, b"ftyp", 2**64 - 1) + stream[12:], a)


FLIPS = """
    import numpy as np
    from dicomdecode.codecs import jpeg2000
    from dicomdecode.errors import DicomError
    from tests.codecs.test_jpeg2000 import encode, picture, spec_of
    import imagecodecs

    rng = np.random.default_rng(5)
    a = picture(48, 56, 3)
    b = picture(64, 64, 1, 12)
    streams = [
        (a, encode(a, 8, codecformat="jp2")), (b, encode(b, 12, tile=32)),
        (a, encode(a, 8, reversible=False, level=40)), (a, imagecodecs.htj2k_encode(a, reversible=True)),
    ]
    decoded = 0
    for k in range(1200):
        a, stream = streams[k % 4]
        damaged = bytearray(stream)
        for at in rng.integers(0, len(stream) if k % 3 else min(200, len(stream)), rng.integers(1, 4)):
            damaged[at] ^= 1 << rng.integers(8)
        out = np.empty_like(a)
        try:
            decode = jpeg2000.decode if k // 4 % 2 else jpeg2000.decode_by_openjpeg
            decode(damaged, spec_of(a, threads=1 + k % 2), out)
            decoded += 1
        except DicomError:
            pass
    assert 100 < decoded < 1200
    print("survived")
"""


def run(code, folder, **environment):
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    # the package is imported from where this process has it, whatever folder the child starts in
    import dicomdecode

    root = os.path.dirname(os.path.dirname(dicomdecode.__file__))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, here])} | environment
    return subprocess.run(
        [sys.executable, "-P", "-c", textwrap.dedent(code)], cwd=folder, env=environment, capture_output=True,
        text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_flipped_bits_give_an_array_or_an_error_in_silence(tmp_path):
    done = run(FLIPS, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "survived\n", "")


def test_threads_of_the_codec_and_of_the_caller():
    a = picture(256, 256, 1, 12)
    stream = encode(a, 12)
    assert np.array_equal(decode(stream, a, spec_of(a, threads=4))[0], a)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for out, _ in pool.map(lambda _: decode(stream, a), range(32)):
            assert np.array_equal(out, a)


FILES = [
    "693_J2KI.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "JPEG2000.dcm",
    "MR_small_jp2klossless.dcm",
    "SC_rgb_gdcm_KY.dcm",
    "examples_jpeg2k.dcm",
]


@pytest.mark.parametrize("name", FILES)
def test_files_of_pydicom(name):
    ds = dcmread(get_testdata_file(name, download=False))
    spec = FrameSpec(
        rows=ds.Rows, columns=ds.Columns, samples=ds.SamplesPerPixel, bits_allocated=ds.BitsAllocated,
        bits_stored=ds.BitsStored, signed=bool(ds.PixelRepresentation), photometric=ds.PhotometricInterpretation,
    )  # fmt: skip
    (frame,) = generate_frames(ds.PixelData, number_of_frames=1)
    like = np.empty(0, f"{'i' if spec.signed else 'u'}{ds.BitsAllocated // 8}")
    out, _ = decode(frame, like, spec)
    want = imagecodecs.jpeg2k_decode(frame).reshape(out.shape).astype(np.int64)
    precision = jpeg2000.inspect_codestream(frame)["precision"]
    if spec.signed:
        want = np.where(want >= 1 << (precision - 1), want - (1 << precision), want)
    assert np.abs(out - want).max() <= (1 if jpeg2000.inspect_codestream(frame)["transform"][0] == "9" else 0)


def test_inspect():
    a = picture(100, 75, 3)
    found = jpeg2000.inspect_codestream(encode(a, 8, codecformat="jp2", tile=64))
    assert (found["rows"], found["columns"], found["components"], found["precision"]) == (100, 75, 3, 8)
    assert (found["tiles"], found["tile_shape"], found["levels"]) == ((2, 2), (64, 64), 2)
    assert found["transform"] == "5/3 reversible"
    assert found["component_transform"] and found["jp2"] and not found["high_throughput"]
    assert found["segments"][:3] == ["SOC", "SIZ", "COD"]


def test_setting_names_the_library(tmp_path):
    code = """
        from dicomdecode.codecs import jpeg2000
        try:
            jpeg2000.openjpeg()
        except ImportError as error:
            print(error)
    """
    for name in ("absent.so", "rubbish.so"):
        (tmp_path / "rubbish.so").write_bytes(b"rubbish")
        done = run(code, tmp_path, DICOMDECODE_OPENJPEG=str(tmp_path / name))
        assert "DICOMDECODE_OPENJPEG" in done.stdout and str(tmp_path) not in done.stdout and done.stderr == ""


def test_glymur_is_not_imported_beside_a_glymurrc(tmp_path):
    (tmp_path / "glymurrc").write_text(f"[library]\nopenjp2: {tmp_path}/evil.so\n")
    code = """
        import sys
        from dicomdecode.codecs import jpeg2000
        from tests.codecs.test_jpeg2000 import encode, picture, decode
        a = picture(8, 8)
        decode(encode(a, 8), a)
        jpeg2000.inspect_codestream(encode(a, 8))
        print([name for name in sys.modules if name.startswith("glymur")])
    """
    done = run(code, tmp_path)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.fixture
def no_library(monkeypatch, decoder):
    """Neither a shared OpenJPEG nor our own decoder."""
    monkeypatch.setattr(jpeg2000, "openjpeg", lambda: None)
    _jpeg2000.choose("openjpeg")


def test_without_a_shared_library(no_library):
    for bits, signed, samples in itertools.product((8, 12, 16), (False, True), (1, 3)):
        a = picture(50, 40, samples, bits, signed)
        stream = encode(a, bits)
        assert np.array_equal(decode(stream, a)[0], a)
        assert np.array_equal(decode(stream[:-2], a)[0], a)
        assert np.array_equal(decode(stream, a, region=(3, 4, 20, 30))[0], a[3:23, 4:34])
        with pytest.raises(TruncatedError):
            decode(stream[: len(stream) // 2], a)
    with pytest.raises(UnsupportedError, match="shared OpenJPEG"):
        decode(stream, a, reduce=1)
    with pytest.raises(ValueError, match="out"):
        jpeg2000.decode(stream, spec_of(a), np.empty((2, 2, 3), a.dtype))
    a = picture(31, 30, 1, 12)
    out, _ = decode(encode(a, 12), np.empty(0, np.int16), spec_of(a, 12, signed=True))
    assert np.array_equal(out, np.where(a > 2047, a.astype(int) - 4096, a))


def test_glymur_is_asked_last(monkeypatch):
    asked = []
    monkeypatch.setattr(jpeg2000, "_glymur", lambda module: asked.append(module))
    assert jpeg2000.openjpeg.__wrapped__() is not None and not asked
    monkeypatch.setattr(jpeg2000, "_in_wheels", lambda: iter(["no-such-library.so"]))
    assert jpeg2000.openjpeg.__wrapped__() is None and asked


def test_every_error_is_ours():
    """The message of an error names frame and kind, and holds no address."""
    a = picture(40, 40)
    with pytest.raises(DicomError) as caught:
        decode(encode(a, 8)[:200], a, spec_of(a, frame=3))
    assert caught.value.frame == 3 and "0x" not in str(caught.value)
