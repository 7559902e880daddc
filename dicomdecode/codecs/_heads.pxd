# What the first bytes of a codestream say.
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t

cdef enum Family:
    NO_FAMILY
    JPEG_FAMILY             # JPEG-LS too
    JPEG2000_FAMILY         # HTJ2K too
    JPEG_XL_FAMILY
    RLE_FAMILY

cdef enum:
    RLE_HEADER_BYTES = 64   # the longest of what `family_of` looks at
    MOST_STRAYS = 16        # bytes in front of a codestream that are passed over
    HEAD_BYTES = RLE_HEADER_BYTES + MOST_STRAYS


cdef int family_of(const uint8_t* data, size_t size) noexcept nogil
cdef int family_behind(const uint8_t* data, size_t size, size_t* strays) noexcept nogil
cdef int exact_bits(const uint8_t* data, size_t size, int otherwise) noexcept nogil
