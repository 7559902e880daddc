# What the TensorFlow op and the decoding core say to each other: bridge.h for Cython.
from libc.stdint cimport int64_t, uint8_t, uint32_t

cdef extern from "bridge.h" nogil:
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
        pass
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
        int (*open)(int, const char*, size_t, dd_request**, dd_error*) noexcept nogil
        void (*close)(dd_request*) noexcept nogil
        int (*prepare)(const dd_request*, const uint8_t*, size_t, dd_image*, dd_error*) noexcept nogil
        int (*fill)(dd_image*, void*, dd_error*) noexcept nogil
        void (*release)(dd_image*) noexcept nogil
        int (*texts)(int, const uint8_t*, size_t, const uint32_t*, const dd_span*, size_t, dd_text_sink, void*,
                     dd_error*) noexcept nogil
