# The structure of a JPEG 2000 codestream (ITU-T T.800 annexes A and B), read before any codec sees the stream.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from dicomdecode.reading._reading cimport Fault, WriteBuffer
from dicomdecode.codecs._spec cimport FrameSpec, Spec

cdef struct Area:           # in pixels of the full resolution
    uint32_t row
    uint32_t column
    uint32_t height
    uint32_t width

cdef enum:
    MAX_COMPONENTS = 4      # what Samples per Pixel can ask for; further components are counted, not described

cdef struct Component:
    int precision           # bits, 1 to 38
    bint is_signed
    uint32_t dx             # XRsiz, YRsiz: one sample covers dx x dy points of the reference grid
    uint32_t dy
    int levels              # decomposition levels
    int code_block_style
    int code_block_bits     # log2 of the samples of a code-block
    int transform           # 0: 9/7 irreversible, 1: 5/3 reversible
    size_t precincts        # offset of the precinct sizes, 0 where they are not given: 2^15

cdef struct Codestream:
    const uint8_t* data     # from SOC on, one past `end` is never read
    size_t size             # of the codestream, EOC included where there is one
    size_t header_size      # from SOC to the first SOT
    bint has_eoc
    uint16_t capabilities   # Rsiz
    uint32_t x0             # the image area on the reference grid
    uint32_t y0
    uint32_t x1
    uint32_t y1
    uint32_t tile_x0
    uint32_t tile_y0
    uint32_t tile_width
    uint32_t tile_height
    uint32_t tiles_across
    uint32_t tiles_down
    int components
    Component component[MAX_COMPONENTS]
    bint subsampled
    int progression
    int layers
    bint component_transform    # RCT or ICT over the first three components
    bint array_transform        # one of JPEG 2000 Part 2, over any components
    bint high_throughput        # HTJ2K, ITU-T T.814
    uint64_t packets
    uint64_t code_blocks    # at least


cdef inline uint64_t ceil_shift(uint64_t a, int n) noexcept nogil:
    return (a + ((<uint64_t>1 << n) - 1)) >> n


cdef inline uint64_t reduced(uint64_t first, uint64_t count, int reduce) noexcept nogil:
    """How many pixels of a span are left in the picture whose resolution is halved `reduce` times (T.800 B.5)."""
    return ceil_shift(first + count, reduce) - ceil_shift(first, reduce)


cdef int check_target(WriteBuffer target, FrameSpec spec, int reduce, tuple region, Area* area) except -1
cdef int read_header(const uint8_t* data, size_t size, Codestream* stream, Fault* fault) noexcept nogil
cdef int check_header(const Codestream* stream, const Spec* spec, Fault* fault) noexcept nogil
cdef int check_tile_parts(Codestream* stream, Fault* fault) noexcept nogil
cdef int check_alike(const Codestream* stream, Fault* fault) noexcept nogil
cdef int check_request(const Codestream* stream, const Spec* spec, int reduce, Fault* fault) noexcept nogil
cdef int least_levels(const Codestream* stream) noexcept nogil
