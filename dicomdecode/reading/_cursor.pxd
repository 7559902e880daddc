# The one bounds check: every byte of a file's structure is read through a Cursor.
#
# `size` and `pos` are size_t and `pos <= size` always holds, so "n > size - pos" cannot overflow.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef struct Cursor:
    const uint8_t* data
    size_t size
    size_t pos
    bint big_endian


cdef inline bint short_of(const Cursor* c, size_t n) noexcept nogil:
    """True when fewer than n bytes are left."""
    return n > c.size - c.pos


cdef inline uint16_t u16_at(const uint8_t* p, bint big_endian) noexcept nogil:
    if big_endian:
        return <uint16_t>((p[0] << 8) | p[1])
    return <uint16_t>((p[1] << 8) | p[0])


cdef inline uint32_t tag_at(const uint8_t* p, bint big_endian) noexcept nogil:
    """A tag 0xGGGGEEEE: two 16-bit words, group first whatever the byte order."""
    return <uint32_t>u16_at(p, big_endian) << 16 | u16_at(p + 2, big_endian)


cdef inline uint32_t u32_at(const uint8_t* p, bint big_endian) noexcept nogil:
    if big_endian:
        return (<uint32_t>p[0] << 24) | (<uint32_t>p[1] << 16) | (<uint32_t>p[2] << 8) | p[3]
    return (<uint32_t>p[3] << 24) | (<uint32_t>p[2] << 16) | (<uint32_t>p[1] << 8) | p[0]


cdef inline uint64_t u64_at(const uint8_t* p, bint big_endian) noexcept nogil:
    cdef uint64_t first = u32_at(p, big_endian)
    cdef uint64_t second = u32_at(p + 4, big_endian)
    return (first << 32) | second if big_endian else (second << 32) | first


cdef inline bint peek_u16(const Cursor* c, size_t ahead, uint16_t* out) noexcept nogil:
    """The 16-bit word `ahead` bytes from here; False when the bytes are not there."""
    if ahead > c.size - c.pos or 2 > c.size - c.pos - ahead:
        return False
    out[0] = u16_at(c.data + c.pos + ahead, c.big_endian)
    return True
