# What the first bytes of a codestream say: its family, and of JPEG its process and its colour.
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t

cdef enum Family:
    NO_FAMILY
    JPEG_FAMILY             # JPEG-LS too
    JPEG2000_FAMILY         # HTJ2K too
    JPEG_XL_FAMILY
    RLE_FAMILY

cdef enum:
    HEAD_BYTES = 64         # what `family_of` looks at

cdef enum Colour:           # of three components, as far as a JPEG stream says it
    SAYS_NOTHING
    SAYS_RGB
    SAYS_YCC

cdef struct JpegHead:
    int process             # low byte of the SOF marker; 0 where there is none before the first scan
    int precision
    int components
    int near_lossless       # of JPEG-LS: NEAR, 0 for lossless streams
    int colour              # Colour


cdef int family_of(const uint8_t* data, size_t size) noexcept nogil
cdef bint is_frame_header(int marker) noexcept nogil
cdef bint read_jpeg_head(const uint8_t* data, size_t size, JpegHead* head) noexcept nogil
cdef int exact_bits(const uint8_t* data, size_t size, int otherwise) noexcept nogil
