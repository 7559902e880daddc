# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""What the first bytes of a codestream say: its family, and of JPEG its process and its colour.

The one rule of colour stands here (`colour_of`), and what tells a stream of one codec from that of another.
"""
from libc.stdint cimport uint32_t
from libc.string cimport memcmp

from dicomdecode.codecs._j2k cimport Codestream, read_header
from dicomdecode.codecs._markers cimport SAYS_RGB, SAYS_YCC, SOF3, SOF55, SOI, JpegHead, read_jpeg_head
from dicomdecode.reading._cursor cimport u32_at
from dicomdecode.reading._reading cimport Fault, ReadBuffer

cdef enum:
    MOST_RLE_SEGMENTS = 15


cdef int family_of(const uint8_t* data, size_t size) noexcept nogil:
    """The family of a stream that begins unmistakably, at most RLE_HEADER_BYTES of it looked at."""
    if size >= 4 and data[0] == 0xFF:
        if data[1] == SOI and data[2] == 0xFF:
            return JPEG_FAMILY
        if data[1] == 0x4F and data[2] == 0xFF and data[3] == 0x51:     # SOC, SIZ
            return JPEG2000_FAMILY
        return JPEG_XL_FAMILY if data[1] == 0x0A else NO_FAMILY
    if size >= 8 and data[3] == 12 and data[2] == 0:     # the length of a signature box
        if memcmp(data, <const char*>b"\x00\x00\x00\x0cjP  ", 8) == 0:
            return JPEG2000_FAMILY
        if memcmp(data, <const char*>b"\x00\x00\x00\x0cJXL ", 8) == 0:
            return JPEG_XL_FAMILY
    return RLE_FAMILY if size >= RLE_HEADER_BYTES and is_rle_header(data) else NO_FAMILY


cdef int family_behind(const uint8_t* data, size_t size, size_t* strays) noexcept nogil:
    """The family of a stream with a few bytes in front that belong to none of it; `strays`: how many these are.

    At most HEAD_BYTES are looked at. JPEG XL without a container begins with two bytes that may be anything's: it has
    none in front.
    """
    cdef int family = family_of(data, size)
    cdef size_t at = 1
    strays[0] = 0
    while family == NO_FAMILY and at <= MOST_STRAYS and at < size:
        family = family_of(data + at, size - at)
        if family == JPEG_XL_FAMILY and data[at] == 0xFF:
            family = NO_FAMILY
        strays[0] = at if family != NO_FAMILY else 0
        at += 1
    return family


cdef bint is_rle_header(const uint8_t* data) noexcept nogil:
    """Whether 64 bytes are an RLE header (PS3.5 G.5): so many offsets in their order, the first 64, the others 0."""
    cdef uint32_t count = u32_at(data, False)
    cdef uint32_t before = RLE_HEADER_BYTES
    cdef uint32_t i, offset
    if not 1 <= count <= MOST_RLE_SEGMENTS or u32_at(data + 4, False) != RLE_HEADER_BYTES:
        return False
    for i in range(1, <uint32_t>MOST_RLE_SEGMENTS):
        offset = u32_at(data + 4 + 4 * i, False)
        if offset < before if i < count else offset != 0:
            return False
        before = offset
    return True


cdef int exact_bits(const uint8_t* data, size_t size, int otherwise) noexcept nogil:
    """The precision of a stream that gives back each bit that was coded, 0 of one that loses some.

    `otherwise` of streams that are neither JPEG, JPEG-LS nor JPEG 2000.
    """
    cdef JpegHead head
    cdef Codestream stream
    cdef Fault fault
    cdef int family = family_of(data, size)
    if family == JPEG_FAMILY:
        if read_jpeg_head(data, size, &head) and (
                head.process == SOF3 or (head.process == SOF55 and head.near_lossless == 0)):
            return head.precision
        return 0
    if family == JPEG2000_FAMILY:
        if read_header(data, size, &stream, &fault) == 0 and stream.component[0].transform == 1:
            return stream.component[0].precision
        return 0
    return otherwise


def precision_of(data):
    """Bits of a sample by the header of a JPEG, JPEG-LS or JPEG 2000 stream; 0 where it has none that can be read."""
    cdef ReadBuffer source = ReadBuffer(data)
    cdef JpegHead head
    cdef Codestream stream
    cdef Fault fault
    cdef size_t strays
    cdef int family = family_behind(source.data, source.size, &strays)
    cdef const uint8_t* begin = source.data + strays
    if family == JPEG_FAMILY:
        return head.precision if read_jpeg_head(begin, source.size - strays, &head) else 0
    if family == JPEG2000_FAMILY and read_header(begin, source.size - strays, &stream, &fault) == 0:
        return stream.component[0].precision
    return 0


def colour_of(data, str photometric):
    """Photometric Interpretation of the three components of a stream, as a decoder gives them.

    What a JPEG stream says (see `read_jpeg_head`) comes before Photometric Interpretation; where neither says anything
    it is YBR_FULL, the usual one. JPEG 2000 with a component transform is RGB. Where Photometric Interpretation is one
    of a single sample, a lossy JPEG stream is YBR_FULL, and any other is RGB.

    Parameters
    ----------
    data : bytes-like
        The codestream.
    photometric : str
        Photometric Interpretation of the header; "" where it is missing.

    Returns
    -------
    str
        `photometric`, "RGB" or "YBR_FULL".
    """
    cdef ReadBuffer source = ReadBuffer(data)
    cdef JpegHead head
    cdef Codestream stream
    cdef Fault fault
    cdef bint is_single = photometric == "PALETTE COLOR" or photometric.startswith("MONOCHROME")
    cdef size_t strays
    cdef int family = family_behind(source.data, source.size, &strays)
    cdef const uint8_t* begin = source.data + strays
    if is_single:
        photometric = "RGB"
    if family == JPEG2000_FAMILY:
        if read_header(begin, source.size - strays, &stream, &fault) == 0 and stream.component_transform:
            return "RGB"
        return photometric
    read_jpeg_head(begin, source.size - strays, &head)
    if head.colour == SAYS_RGB:
        return "RGB"
    if head.colour == SAYS_YCC:
        return photometric if photometric.startswith("YBR_FULL") else "YBR_FULL"
    if (photometric == "" and head.process != SOF55) or (is_single and head.process not in (SOF3, SOF55)):
        return "YBR_FULL"
    return photometric
