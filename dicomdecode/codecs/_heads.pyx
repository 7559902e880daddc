# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False
"""What the first bytes of a codestream say: its family, and of JPEG its process and its colour.

The one rule of colour stands here (`colour_of`), and what tells a stream of one codec from that of another.
"""
from libc.string cimport memcmp, memset

from dicomdecode.codecs._j2k cimport Codestream, read_header
from dicomdecode.reading._cursor cimport u32_at
from dicomdecode.reading._reading cimport Fault, ReadBuffer

cdef enum:
    SOF3 = 0xC3
    SOF55 = 0xF7
    SOI = 0xD8
    EOI = 0xD9
    SOS = 0xDA
    APP0 = 0xE0
    APP14 = 0xEE
    MOST_RLE_SEGMENTS = 15


cdef int family_of(const uint8_t* data, size_t size) noexcept nogil:
    """The family of a stream that begins unmistakably, at most HEAD_BYTES of it looked at."""
    if size >= 4 and data[0] == 0xFF:
        if data[1] == SOI and data[2] == 0xFF:
            return JPEG_FAMILY
        if data[1] == 0x4F and data[2] == 0xFF and data[3] == 0x51:     # SOC, SIZ
            return JPEG2000_FAMILY
        return JPEG_XL_FAMILY if data[1] == 0x0A else NO_FAMILY
    if size >= 8 and memcmp(data, <const char*>b"\x00\x00\x00\x0cjP  ", 8) == 0:
        return JPEG2000_FAMILY
    if size >= 8 and memcmp(data, <const char*>b"\x00\x00\x00\x0cJXL ", 8) == 0:
        return JPEG_XL_FAMILY
    return RLE_FAMILY if size >= HEAD_BYTES and is_rle_header(data) else NO_FAMILY


cdef bint is_rle_header(const uint8_t* data) noexcept nogil:
    """Whether 64 bytes are an RLE header (PS3.5 G.5): so many offsets in their order, the first 64, the others 0."""
    cdef uint32_t count = u32_at(data, False)
    cdef uint32_t before = HEAD_BYTES
    cdef uint32_t i, offset
    if not 1 <= count <= MOST_RLE_SEGMENTS or u32_at(data + 4, False) != HEAD_BYTES:
        return False
    for i in range(1, <uint32_t>MOST_RLE_SEGMENTS):
        offset = u32_at(data + 4 + 4 * i, False)
        if offset < before if i < count else offset != 0:
            return False
        before = offset
    return True


cdef bint is_frame_header(int marker) noexcept nogil:
    """SOFn (T.81 table B.1; T.87 C.1.1), not DHT, JPG or DAC."""
    return marker == SOF55 or (0xC0 <= marker <= 0xCF and marker != 0xC4 and marker != 0xC8 and marker != 0xCC)


cdef bint read_jpeg_head(const uint8_t* data, size_t size, JpegHead* head) noexcept nogil:
    """Walk the marker segments up to the first scan; False where that does not lead to a frame header.

    The colour of three components is that of the first of these that speaks (PS3.5 8.2.1): sampling factors that differ
    (chroma only is subsampled), JFIF, the transform of Adobe's APP14 where it is 0 or 1, components named R, G, B.
    """
    cdef size_t at = 2
    cdef size_t length
    cdef const uint8_t* body
    cdef int marker
    cdef int i
    cdef int adobe = -1
    cdef bint is_jfif = False
    cdef bint is_subsampled = False
    cdef bint is_named_rgb = False
    memset(head, 0, sizeof(JpegHead))
    if size < 4 or data[0] != 0xFF or data[1] != SOI:
        return False
    while at + 4 <= size:
        if data[at] != 0xFF:
            at += 1
            continue
        marker = data[at + 1]
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= SOI:   # fill; TEM, RSTn, SOI have no segment
            at += 1 if marker == 0xFF else 2
            continue
        length = <size_t>data[at + 2] << 8 | data[at + 3]
        if marker == EOI or length < 2 or length > size - at - 2:
            break
        body = data + at + 4
        if marker == APP0 and length >= 7 and memcmp(body, <const char*>b"JFIF\x00", 5) == 0:
            is_jfif = True
        elif marker == APP14 and length >= 14 and memcmp(body, <const char*>b"Adobe", 5) == 0:
            adobe = body[11]
        elif is_frame_header(marker) and length >= 8 and length >= 8 + 3 * <size_t>body[5]:
            head.process = marker
            head.precision = body[0]
            head.components = body[5]
            for i in range(1, head.components):
                is_subsampled = is_subsampled or body[7 + 3 * i] != body[7]
            is_named_rgb = head.components == 3 and body[6] == c'R' and body[9] == c'G' and body[12] == c'B'
        elif marker == SOS:
            if length >= 3 and length >= 6 + 2 * <size_t>body[0]:
                head.near_lossless = body[1 + 2 * body[0]]
            break
        at += 2 + length
    if head.components == 3:
        if is_subsampled or is_jfif:
            head.colour = SAYS_YCC
        elif adobe == 0 or adobe == 1:
            head.colour = SAYS_YCC if adobe else SAYS_RGB
        elif is_named_rgb:
            head.colour = SAYS_RGB
    return head.process != 0


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


def colour_of(data, str photometric):
    """Photometric Interpretation of the three components of a JPEG or JPEG-LS stream.

    What the stream says (see `read_jpeg_head`) comes before Photometric Interpretation; of a JPEG stream where neither
    says anything it is YBR_FULL, the usual one.

    Parameters
    ----------
    data : bytes-like
        The codestream.
    photometric : str
        Photometric Interpretation of the header; one of a single sample counts as missing, "" too.

    Returns
    -------
    str
        `photometric`, "RGB" or "YBR_FULL".
    """
    cdef ReadBuffer source = ReadBuffer(data)
    cdef JpegHead head
    read_jpeg_head(source.data, source.size, &head)
    if head.colour == SAYS_RGB:
        return "RGB"
    if head.colour == SAYS_YCC:
        return photometric if photometric.startswith("YBR_FULL") else "YBR_FULL"
    if head.process != SOF55 and (photometric in ("", "PALETTE COLOR") or photometric.startswith("MONOCHROME")):
        return "YBR_FULL"
    return photometric
