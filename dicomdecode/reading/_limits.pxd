# The C face of dicomdecode.limits.Limits.
from libc.stdint cimport uint64_t

cdef struct CLimits:
    uint64_t pixels_per_frame
    uint64_t frames
    uint64_t output_bytes
    uint64_t header_bytes
    uint64_t elements
    uint64_t fragments
    uint64_t inflate_ratio
    uint64_t pixels_per_byte
    int depth


cdef inline int fill_limits(object limits, CLimits* out) except -1:
    out.pixels_per_frame = limits.pixels_per_frame
    out.frames = limits.frames
    out.output_bytes = limits.output_bytes
    out.header_bytes = limits.header_bytes
    out.elements = limits.elements
    out.fragments = limits.fragments
    out.inflate_ratio = limits.inflate_ratio
    out.pixels_per_byte = limits.pixels_per_byte
    out.depth = limits.depth
    return 0
