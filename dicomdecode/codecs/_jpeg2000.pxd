# Our own JPEG 2000 decoder (ITU-T T.800 and T.814); its C is in the folder jpeg2000.
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t

from dicomdecode.reading._reading cimport Fault
from dicomdecode.codecs._j2k cimport Area
from dicomdecode.codecs._spec cimport Spec


cdef enum:
    J2K_NOT_TAKEN = 1       # OpenJPEG is for that stream

cdef int j2k_decode(const uint8_t* data, size_t size, const Spec* spec, int reduce, const Area* area, void* out,
                    bint* component_transform, Fault* fault) noexcept nogil
