from libc.stdint cimport uint8_t, uint32_t

from dicomdecode._limits cimport CLimits


cdef bint texts_of_file(const uint8_t* contents, size_t size, const CLimits* limits, const uint32_t* tags, size_t count,
                        void (*sink)(void*, size_t, const char*, size_t) noexcept nogil, void* target) noexcept nogil
