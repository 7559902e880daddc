# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""CRC-32C (RFC 3720 B.4), which TFRecord files are checked by: eight bytes a step, by eight tables."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint32_t

cdef uint32_t POLYNOMIAL = 0x82F63B78    # 0x1EDC6F41 with its bits reversed
cdef uint32_t[8][256] tables    # tables[n][b]: what byte b does to the remainder n bytes later


cdef int fill_tables() noexcept:
    cdef uint32_t value
    cdef int n, b, _bit
    for b in range(256):
        value = b
        for _bit in range(8):
            value = (value >> 1) ^ (POLYNOMIAL if value & 1 else 0)
        tables[0][b] = value
    for n in range(1, 8):
        for b in range(256):
            tables[n][b] = (tables[n - 1][b] >> 8) ^ tables[0][tables[n - 1][b] & 0xFF]
    return 0


fill_tables()


cdef uint32_t advance(uint32_t crc, const uint8_t* p, size_t n) noexcept nogil:
    cdef uint32_t low, high
    while n >= 8:
        # Little endian, put together byte by byte: one load where the machine is.
        low = crc ^ (<uint32_t>p[0] | <uint32_t>p[1] << 8 | <uint32_t>p[2] << 16 | <uint32_t>p[3] << 24)
        high = <uint32_t>p[4] | <uint32_t>p[5] << 8 | <uint32_t>p[6] << 16 | <uint32_t>p[7] << 24
        crc = (tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^ tables[4][low >> 24]
               ^ tables[3][high & 0xFF] ^ tables[2][high >> 8 & 0xFF] ^ tables[1][high >> 16 & 0xFF]
               ^ tables[0][high >> 24])
        p += 8
        n -= 8
    while n:
        crc = crc >> 8 ^ tables[0][(crc ^ p[0]) & 0xFF]
        p += 1
        n -= 1
    return crc


def crc32c(data, uint32_t crc=0):
    """The checksum of bytes, or of bytes that follow those with the checksum `crc`."""
    cdef Py_buffer buffer
    cdef uint32_t value = ~crc
    PyObject_GetBuffer(data, &buffer, PyBUF_SIMPLE)
    with nogil:
        value = advance(value, <const uint8_t*>buffer.buf, <size_t>buffer.len)
    PyBuffer_Release(&buffer)
    return ~value & 0xFFFFFFFF
