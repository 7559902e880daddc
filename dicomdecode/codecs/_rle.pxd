from libc.stdint cimport uint8_t

from dicomdecode.reading._reading cimport Fault


cdef int rle_decode(const uint8_t* data, size_t size, size_t pixels, int samples, int cell_bytes, int unused,
                    bint is_signed, uint8_t* out, Fault* fault) noexcept nogil
