# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False
"""RLE Lossless (PS3.5 Annex G), own decoder."""
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, malloc

from dicomdecode.reading._cursor cimport u32_at
from dicomdecode.reading._reading cimport MALFORMED, NO_MEMORY, TRUNCATED, Fault, fail, raise_fault
from dicomdecode.codecs._spec cimport FrameSpec

cdef extern from "rle.h" nogil:
    ctypedef struct rle_plane:
        const uint8_t* src
        size_t size
        size_t at
        size_t filled

    size_t rle_planes(rle_plane* planes, int samples, int bytes, int unused, bint is_signed, uint8_t* out,
                      size_t n)

    enum:
        RLE_BLOCK

cdef enum:
    HEADER = 64             # number of segments, then 15 offsets, 32 bits each
    MOST_SEGMENTS = 15


cdef int rle_decode(const uint8_t* data, size_t size, size_t pixels, int samples, int cell_bytes, int unused,
                    bint is_signed, uint8_t* out, Fault* fault) noexcept nogil:
    """One frame to little-endian cells, samples interleaved, into `out`: pixels * samples * cell_bytes bytes.

    `pixels` is the length of a plane: pixels, or for 1-bit cells packed bytes. The `unused` highest bits of a cell,
    0 to 7, become 0 or copies of the sign below them.
    """
    cdef size_t start, end
    cdef uint32_t i
    cdef uint32_t count = samples * cell_bytes
    cdef size_t done
    cdef rle_plane* planes
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
    done = rle_planes(planes, samples, cell_bytes, unused, is_signed, out, pixels)
    end = size
    for i in range(count):
        if planes[i].at == planes[i].size and planes[i].filled < RLE_BLOCK:
            end = (planes[i].src - data) + planes[i].size
            break
    free(planes)
    if done < pixels:
        return fail(fault, TRUNCATED, "rle_segment", "an RLE segment ends too early (bytes)", 0, end, pixels, done)
    return 0


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
    cdef Py_buffer source
    cdef Py_buffer target
    cdef Fault fault
    cdef size_t pixels = <size_t>spec.c.rows * spec.c.columns
    cdef int cell_bytes = spec.c.bits_allocated // 8
    cdef int unused = spec.c.bits_allocated - spec.c.bits_stored
    cdef int result
    fault.kind = 0
    if not 0 < unused < 8:
        unused = 0
    if spec.c.bits_allocated == 1:
        pixels = (pixels + 7) // 8
        cell_bytes = 1
    elif spec.c.bits_allocated % 8:
        fail(&fault, MALFORMED, "bits_allocated", "Bits Allocated of RLE is neither 1 nor a multiple of 8", 0x00280100u,
             -1, -1, spec.c.bits_allocated)
        raise_fault(&fault, spec.frame)
    PyObject_GetBuffer(data, &source, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(out, &target, PyBUF_WRITABLE)
    except BaseException:
        PyBuffer_Release(&source)
        raise
    try:
        if <size_t>target.len < pixels * spec.c.samples * cell_bytes:
            raise ValueError("the output array is smaller than the frame")
        with nogil:
            result = rle_decode(<const uint8_t*>source.buf, source.len, pixels, spec.c.samples, cell_bytes,
                                unused, spec.c.is_signed, <uint8_t*>target.buf, &fault)
        if result < 0:
            raise_fault(&fault, spec.frame)
    finally:
        PyBuffer_Release(&target)
        PyBuffer_Release(&source)
