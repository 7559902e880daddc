# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""Texts of data elements without the GIL: ASCII, Latin-1 and UTF-8, numbers, hexadecimal; the rest is left to Python."""
from libc.stdint cimport uint8_t, uint32_t

from dicomdecode._limits cimport CLimits


cdef bint texts_of_file(const uint8_t* contents, size_t size, const CLimits* limits, const uint32_t* tags, size_t count,
                        void (*sink)(void*, size_t, const char*, size_t) noexcept nogil, void* target) noexcept nogil:
    """Give the text of each tag to `sink`; False when any of them is for Python."""
    return False
