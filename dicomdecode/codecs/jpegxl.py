"""JPEG XL (PS3.5 A.4.12): libjxl through imagecodecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from dicomdecode.codecs.faults import check_layout, cut, library_error, malformed
from dicomdecode.codecs.samples import give_sign, monochrome_or_palette, unsigned_view
from dicomdecode.errors import DicomError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dicomdecode.codecs._spec import FrameSpec

__all__ = ["decode"]

_LOSSLESS = "1.2.840.10008.1.2.4.110"
_CONTAINER = b"\x00\x00\x00\x0cJXL \r\n\x87\n"
_RATIOS = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))
#: The headers that are read here end within so many bytes.
_ENOUGH = 96


def decode(data: Any, spec: FrameSpec, out: NDArray[Any]) -> str:
    """Decode one frame.

    Parameters
    ----------
    data : bytes-like
        A codestream, bare or in its container.
    spec : FrameSpec
        The header's word on the frame. `spec.threads` are used within it.
    out : ndarray
        C-contiguous [rows, columns, samples] of the stored integer type.

    Returns
    -------
    str
        "MONOCHROME", "PALETTE COLOR" or "RGB": the codec undoes its own colour transform. "YBR_FULL" where a lossless
        stream was made from such samples.

    Raises
    ------
    MalformedError
        The stream is damaged, or disagrees with the header.
    TruncatedError
        The stream ends too early.
    """
    import imagecodecs

    view: Any = memoryview(data).cast("B")
    start = _codestream_start(view, spec)
    if start[:2] != b"\xff\x0a":
        raise malformed("the data are not a JPEG XL codestream", "stream_start", spec)
    bits = _Bits(start[2:])
    found = _read_header(bits)
    if bits.left < 0:
        raise cut(spec, len(view))
    _check(found, spec, 8 * out.dtype.itemsize)
    target = unsigned_view(out)
    place = target.reshape(out.shape[:2]) if spec.samples == 1 else target
    try:
        if found.components == spec.samples and out.dtype.itemsize == (1 if found.precision <= 8 else 2):
            imagecodecs.jpegxl_decode(view, numthreads=spec.threads, out=place)
        else:
            decoded = imagecodecs.jpegxl_decode(view, numthreads=spec.threads)
            if decoded.shape != place.shape or decoded.dtype.kind != "u" or decoded.itemsize > out.itemsize:
                raise malformed("the decoded samples do not match the header of the stream", "stream_damaged", spec)
            place[...] = decoded
    except (imagecodecs.JpegxlError, ValueError, RuntimeError, TypeError) as error:
        if isinstance(error, DicomError):
            raise
        if "NEED_MORE_INPUT" in str(error):
            raise cut(spec, len(view)) from None
        raise library_error(error, spec) from None
    if spec.signed:
        give_sign(out, min(found.precision, spec.bits_stored))
    if spec.samples == 1:
        return monochrome_or_palette(spec)
    return "YBR_FULL" if spec.photometric == "YBR_FULL" and spec.syntax == _LOSSLESS else "RGB"


class _Header(NamedTuple):
    rows: int
    columns: int
    precision: int
    components: int  # 0: not told apart from extra channels
    extra: int
    is_float: bool
    animated: bool


class _Bits:
    """The fields of a codestream's headers (ISO/IEC 18181-1, 6.2): from the lowest bit of each byte upwards."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")
        self.left = 8 * len(data)

    def take(self, n: int) -> int:
        self.left -= n  # below 0 the stream was too short, and zeros were read
        value = self._left & ((1 << n) - 1)
        self._left >>= n
        return value

    def choose(self, *choices: tuple[int, int]) -> int:
        """U32: one of four (constant, bits to add)."""
        constant, n = choices[self.take(2)]
        return constant + self.take(n)

    def length(self, small: int) -> int:
        return 8 * (self.take(5) + 1) if small else self.choose((1, 9), (1, 13), (1, 18), (1, 30))

    def size(self) -> tuple[int, int]:
        """SizeHeader: rows and columns."""
        small = self.take(1)
        rows = self.length(small)
        ratio = self.take(3)
        if ratio:
            numerator, denominator = _RATIOS[ratio - 1]
            return rows, rows * numerator // denominator
        return rows, self.length(small)


def _codestream_start(data: memoryview, spec: FrameSpec) -> bytes:
    """The first bytes of the codestream, out of the boxes of a container (ISO/IEC 18181-2) where there is one."""
    if bytes(data[:2]) == b"\xff\x0a":
        return bytes(data[: 2 + _ENOUGH])
    if data[:12] != _CONTAINER:
        if len(data) < 12 and _CONTAINER.startswith(data):
            raise cut(spec, len(data))
        raise malformed("the data are neither a JPEG XL codestream nor its container", "stream_start", spec)
    found = b""
    at = 12
    while len(data) - at >= 8 and len(found) < _ENOUGH:
        length, head = int.from_bytes(data[at : at + 4], "big"), 8
        if length == 1:
            length, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        kind = bytes(data[at + 4 : at + 8])
        end = len(data) if length == 0 else at + length
        if end < at + head:
            raise malformed("a box is shorter than its header", "stream_box", spec, at)
        if kind == b"jxlc":
            return bytes(data[at + head : min(end, at + head + _ENOUGH)])
        if kind == b"jxlp":  # behind the number of this part
            found += data[at + head + 4 : min(end, at + head + 4 + _ENOUGH)]
        at = end
    if not found:
        raise cut(spec, min(at, len(data)))
    return found


def _read_header(bits: _Bits) -> _Header:
    """SizeHeader and ImageMetadata (ISO/IEC 18181-1, annex D), as far as they say what memory is needed."""
    rows, columns = bits.size()
    if bits.take(1):  # all_default
        return _Header(rows, columns, 8, 3, 0, False, False)
    if bits.take(1):  # extra_fields
        bits.take(3)  # orientation
        if bits.take(1):
            bits.size()  # intrinsic size
        if bits.take(1) or bits.take(1):  # preview, animation
            return _Header(rows, columns, 0, 0, 0, False, True)
    is_float = bool(bits.take(1))
    depths = (32, 16, 24) if is_float else (8, 10, 12)
    precision = bits.choose(*((depth, 0) for depth in depths), (1, 6))
    if is_float:
        bits.take(4)
    bits.take(1)  # modular_16bit_buffers
    extra = bits.choose((0, 0), (1, 0), (2, 4), (1, 12))
    components = 0
    if not extra:
        bits.take(1)  # xyb_encoded
        components = 3
        if not bits.take(1):  # the colour encoding is not the default
            bits.take(1)  # want_icc
            components = 1 if bits.choose((0, 0), (1, 0), (2, 4), (18, 6)) == 1 else 3
    return _Header(rows, columns, precision, components, extra, is_float, False)


def _check(found: _Header, spec: FrameSpec, item_bits: int) -> None:
    """Raise when the stream and the header disagree, before libjxl asks for memory."""
    check_layout(spec, rows=found.rows, columns=found.columns)
    if found.animated:
        raise malformed("the stream is an animation, or has a preview", "stream_animation", spec)
    if found.is_float:
        raise malformed("the stream has floating-point samples", "stream_precision", spec)
    # With extra channels the number of colour channels is not read: there is one at least.
    least = found.extra + 1
    components = found.components or (least if least > spec.samples else None)
    check_layout(
        spec,
        rows=found.rows,
        columns=found.columns,
        components=components,
        precision=found.precision,
        item_bits=item_bits,
    )
