from libc.stddef cimport size_t
from libc.stdint cimport uint8_t

from dicomdecode.reading._reading cimport Fault
from dicomdecode.codecs._spec cimport Spec


cdef int rle_decode(const uint8_t* data, size_t size, const Spec* spec, void* out, Fault* fault) noexcept nogil
