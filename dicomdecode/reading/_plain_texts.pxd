# Texts of data elements for the decoding core, without the GIL.
from libc.stdint cimport uint8_t, uint32_t

from dicomdecode.reading._limits cimport CLimits

ctypedef void (*Sink)(void* target, size_t index, const char* text, size_t size) noexcept nogil

cdef bint texts_of_file(const uint8_t* contents, size_t size, const CLimits* limits, const uint32_t* tags, size_t count,
                        Sink sink, void* target) noexcept nogil
