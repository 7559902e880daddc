# Images that need neither Python nor the GIL, from scan to kernel.
from libc.stdint cimport uint8_t

from dicomdecode.tfop._interface cimport dd_image, dd_request
from dicomdecode.pixels._kernels cimport Cells, CPlan
from dicomdecode.reading._limits cimport CLimits
from dicomdecode.codecs._spec cimport Spec

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
    int unused                  # high bits of a cell that the codec clears
    Spec spec
    CPlan plan
    Cells layout


cdef bint frames_of(const dd_request* r, const uint8_t* contents, size_t size, const CLimits* limits, Frames* f,
                    dd_image* image) noexcept nogil
cdef bint write_frames(const Frames* f, uint8_t* out) noexcept nogil
