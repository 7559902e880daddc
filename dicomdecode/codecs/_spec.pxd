# What a codec is told of one frame. Shared by the nogil decoders and, through the class, by the Python adapters.
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t

from dicomdecode.reading._reading cimport Fault

cdef struct Spec:
    uint32_t rows
    uint32_t columns
    int samples             # Samples per Pixel: 1, 3 or 4
    int bits_allocated
    int bits_stored
    bint is_signed          # Pixel Representation 1
    int item_bytes          # of one output sample: 1, 2, 4 or 8
    int threads             # the codec may use this many within the frame


cdef class FrameSpec:
    cdef Spec c
    cdef readonly str photometric   # Photometric Interpretation, (0028,0004)
    cdef readonly bint to_rgb       # the caller wants RGB: a codec that converts colour cheaply may do it
    cdef readonly int frame         # which frame of the image, for messages
    cdef readonly str syntax        # the transfer syntax UID

    cdef size_t out_size(self) noexcept


# A decoder of ours: one frame into `out`, C-contiguous; 0, or -1 with the fault filled.
ctypedef int (*Decoder)(const uint8_t* data, size_t size, const Spec* spec, void* out, Fault* fault) noexcept nogil

cdef int run_decoder(Decoder decoder, object data, FrameSpec spec, object out, size_t out_size) except -1
