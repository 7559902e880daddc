# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""RLE Lossless (PS3.5 Annex G), own decoder."""
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc

from dicomdecode.reading._cursor cimport u32_at
from dicomdecode.reading._reading cimport MALFORMED, NO_MEMORY, TRUNCATED, Fault, ReadBuffer, fail
from dicomdecode.codecs._spec cimport FrameSpec, Spec, run_decoder

cdef extern from "rle.h" nogil:
    ctypedef struct rle_plane:
        const uint8_t* src
        size_t size
        size_t at
        size_t lowest_run
        size_t filled

    size_t rle_planes(rle_plane* planes, int samples, int bytes, int unused, bint is_signed, uint8_t* out,
                      size_t n)

    enum:
        RLE_BLOCK

cdef enum:
    HEADER = 64             # number of segments, then 15 offsets, 32 bits each
    MOST_SEGMENTS = 15
    LOWEST_RUN = 129        # a control byte of 128 says nothing (PS3.5 G.3.1)
    LOWEST_RUN_OF_DCMTK = 128


cdef size_t plane_bytes(const Spec* spec) noexcept nogil:
    """The length of a plane: pixels; of 1-bit cells packed bytes."""
    cdef size_t pixels = <size_t>spec.rows * spec.columns
    return (pixels + 7) // 8 if spec.bits_allocated == 1 else pixels


cdef int bytes_of_cell(const Spec* spec) noexcept nogil:
    return 1 if spec.bits_allocated == 1 else spec.bits_allocated // 8


cdef int decode_runs(const uint8_t* data, size_t size, const Spec* spec, void* out, size_t lowest_run,
                     Fault* fault) noexcept nogil:
    """One frame to little-endian cells, samples interleaved, into `out`.

    The highest bits of a cell, above Bits Stored, become 0 or copies of the sign below them where they are 1 to 7.
    """
    cdef size_t start, end
    cdef uint32_t i
    cdef size_t pixels = plane_bytes(spec)
    cdef uint32_t count = spec.samples * bytes_of_cell(spec)
    cdef int unused = spec.bits_allocated - spec.bits_stored
    cdef size_t done
    cdef rle_plane* planes
    if spec.bits_allocated != 1 and spec.bits_allocated % 8:
        return fail(fault, MALFORMED, "bits_allocated", "Bits Allocated of RLE is neither 1 nor a multiple of 8",
                    0x00280100u, -1, -1, spec.bits_allocated)
    if size < HEADER:
        return fail(fault, TRUNCATED, "stream_cut", "the RLE header is cut (bytes)", 0, size, HEADER, size)
    if u32_at(data, False) != count or count > MOST_SEGMENTS:
        return fail(fault, MALFORMED, "rle_segments", "the RLE segments do not match Samples per Pixel times the bytes "
                    "of Bits Allocated", 0, 0, count, u32_at(data, False))
    planes = <rle_plane*>malloc(count * sizeof(rle_plane))
    if planes == NULL:
        return fail(fault, NO_MEMORY, "no_memory", "No memory for the RLE planes", 0, -1, -1, -1)
    for i in range(count):
        start = u32_at(data + 4 + 4 * i, False)
        end = u32_at(data + 8 + 4 * i, False) if i + 1 < count else size
        if start < HEADER or end < start or end > size:
            free(planes)
            return fail(fault, TRUNCATED if end > size or start > size else MALFORMED, "rle_offset",
                        "an RLE segment lies outside its frame (end)", 0, 4 + 4 * i, size, end if end > size else start)
        planes[i].src = data + start
        planes[i].size = end - start
        planes[i].at = planes[i].filled = 0
        planes[i].lowest_run = lowest_run
    done = rle_planes(planes, spec.samples, bytes_of_cell(spec), unused if 0 < unused < 8 else 0, spec.is_signed,
                      <uint8_t*>out, pixels)
    end = size
    for i in range(count):
        if planes[i].at == planes[i].size and planes[i].filled < RLE_BLOCK:
            end = (planes[i].src - data) + planes[i].size
            break
    free(planes)
    if done < pixels:
        return fail(fault, TRUNCATED, "rle_segment", "an RLE segment ends too early (bytes)", 0, end, pixels, done)
    return 0


cdef int rle_decode(const uint8_t* data, size_t size, const Spec* spec, void* out, Fault* fault) noexcept nogil:
    return decode_runs(data, size, spec, out, LOWEST_RUN, fault)


cdef int rle_decode_as_dcmtk(const uint8_t* data, size_t size, const Spec* spec, void* out,
                             Fault* fault) noexcept nogil:
    return decode_runs(data, size, spec, out, LOWEST_RUN_OF_DCMTK, fault)


def decode(data, FrameSpec spec, out):
    """Decode one frame.

    Parameters
    ----------
    data : bytes-like
        The frame's fragment.
    spec : FrameSpec
        What the header says of the frame.
    out : ndarray of uint8, 1-D
        Receives the little-endian cells as native pixel data would hold them, samples interleaved; for Bits
        Allocated 1 the packed bits of the frame. Up to 7 bits above Bits Stored become 0, or the sign.
    """
    run_decoder(rle_decode, data, spec, out, plane_bytes(&spec.c) * spec.c.samples * bytes_of_cell(&spec.c))


def decode_as_dcmtk(data, FrameSpec spec, out):
    """`decode`, but that a control byte of 128 is a run of 129 bytes."""
    run_decoder(rle_decode_as_dcmtk, data, spec, out,
                plane_bytes(&spec.c) * spec.c.samples * bytes_of_cell(&spec.c))


def skip_packets(data, size_t at, int64_t left):
    """From packet to packet of a segment as DCMTK reads it, from byte `at` on: where it stops, because `left` bytes of
    the plane are there or the next packet is not whole; and how many are left then, below 0 for more than that."""
    cdef ReadBuffer source = ReadBuffer(data)
    cdef size_t length
    cdef int control
    with nogil:
        while left > 0 and at < source.size:
            control = source.data[at]
            length = control + 2 if control < LOWEST_RUN_OF_DCMTK else 2
            if length > source.size - at:
                break
            at += length
            left -= control + 1 if control < LOWEST_RUN_OF_DCMTK else 257 - control
    return at, left
