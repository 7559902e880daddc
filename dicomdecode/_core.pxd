# The C face of the decoding core: what the TensorFlow op calls, without the GIL.
from libc.stdint cimport int64_t, uint8_t, uint32_t

from dicomdecode._kernels cimport CPlan, Cells
from dicomdecode._spec cimport Spec

cdef extern from "core.h" nogil:
    enum:
        DD_CORE_VERSION
        DD_MOST_DIMS
        DD_MESSAGE_BYTES
        DD_OK
        DD_CANCELLED
        DD_INVALID_ARGUMENT
        DD_RESOURCE_EXHAUSTED
        DD_FAILED_PRECONDITION
        DD_INTERNAL
        DD_FILLED
        DD_FAILED
        DD_AGAIN
    ctypedef struct dd_error:
        int code
        char* message
    ctypedef struct dd_request:
        int type
        int color_dim
        int on_error
        int scale
        int values
        int color
        int frame_dim
    ctypedef struct dd_image:
        int dim_count
        int64_t* dims
        size_t bytes
        int may_change
        void* state
    ctypedef struct dd_span:
        const char* data
        size_t size
    ctypedef void (*dd_text_sink)(void* target, size_t index, const char* text, size_t size) noexcept nogil
    ctypedef struct dd_core:
        uint32_t version
        int (*prepare)(const dd_request*, const uint8_t*, size_t, dd_image*, dd_error*) noexcept nogil
        int (*fill)(dd_image*, void*, dd_error*) noexcept nogil
        void (*release)(dd_image*) noexcept nogil
        int (*texts)(int, const uint8_t*, size_t, const uint32_t*, const dd_span*, size_t, dd_text_sink, void*,
                     dd_error*) noexcept nogil


cdef enum Coding:
    NATIVE
    RLE
    LOSSLESS_JPEG

cdef struct Frames:             # of one image: native pixel data, or one fragment a frame
    int coding                  # Coding
    const uint8_t* data         # the first cell, or the first fragment's item
    size_t size
    size_t count
    size_t cells                # of a frame
    Spec spec
    CPlan plan
    Cells layout
