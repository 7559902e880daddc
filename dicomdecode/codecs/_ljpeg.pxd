from libc.stddef cimport size_t
from libc.stdint cimport uint8_t

from dicomdecode.reading._reading cimport Fault
from dicomdecode.codecs._spec cimport Spec


# UNSUPPORTED is for the caller to try libjpeg-turbo: another process than 14, subsampling, DNL.
cdef int ljpeg_decode(const uint8_t* data, size_t size, const Spec* spec, void* out, Fault* fault) noexcept nogil
