# The marker segments of JPEG and JPEG-LS streams (ITU-T T.81 annex B, T.87 annex C).
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from dicomdecode.reading._cursor cimport Cursor
from dicomdecode.reading._reading cimport Fault

cdef enum:                  # low bytes of markers
    TEM = 0x01
    SOF0 = 0xC0
    SOF1 = 0xC1
    SOF2 = 0xC2
    SOF3 = 0xC3
    DHT = 0xC4
    JPG = 0xC8
    DAC = 0xCC
    SOF15 = 0xCF
    RST0 = 0xD0
    RST7 = 0xD7
    SOI = 0xD8
    EOI = 0xD9
    SOS = 0xDA
    DNL = 0xDC
    DRI = 0xDD
    DHP = 0xDE
    APP0 = 0xE0
    APP8 = 0xE8
    APP14 = 0xEE
    SOF55 = 0xF7            # of JPEG-LS
    LSE = 0xF8
    FILL = 0xFF

cdef enum Colour:           # of three components, as far as a JPEG stream says it
    SAYS_NOTHING
    SAYS_RGB
    SAYS_YCC

cdef struct JpegHead:       # what stands before the entropy-coded data of the first scan
    int process             # low byte of the SOF marker; 0 where there is none
    int precision
    uint32_t rows
    uint32_t columns
    int components
    uint8_t sampling[4]     # of the first components: the horizontal factor in the high four bits
    int near_lossless       # of JPEG-LS: NEAR, 0 for lossless streams
    int colour              # Colour
    uint32_t interval       # from one restart marker to the next, as DRI has it; 0: there are none
    int64_t scan            # offset of the first SOS marker
    int64_t entropy         # offset of what follows its segment
    int scan_components
    int shortest_code[2]    # bits of the shortest Huffman codes, for DC and for AC; 0 where there is no table
    int64_t stray           # offset of the first byte that is of no segment; -1: all are


cdef inline bint is_frame_header(int marker) noexcept nogil:
    """SOFn (T.81 table B.1; T.87 C.1.1), not DHT, JPG or DAC."""
    return marker == SOF55 or (SOF0 <= marker <= SOF15 and marker != DHT and marker != JPG and marker != DAC)


cdef inline bint has_segment(int marker) noexcept nogil:
    return marker != TEM and not RST0 <= marker <= SOI


cdef inline bint are_done(const bint* components, int count) noexcept nogil:
    """Whether the scans so far have brought all of the components. What follows, EOI or not, holds no samples then."""
    cdef int i
    for i in range(count):
        if not components[i]:
            return False
    return True


cdef int begin_stream(Cursor* c, const uint8_t* data, size_t size, Fault* fault) noexcept nogil
cdef int next_marker(Cursor* c) noexcept nogil
cdef int open_segment(Cursor* c, Cursor* part, Fault* fault) noexcept nogil
cdef int walk_to_scan(const uint8_t* data, size_t size, JpegHead* head, Fault* fault) noexcept nogil
cdef bint read_jpeg_head(const uint8_t* data, size_t size, JpegHead* head) noexcept nogil
