# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""RLE Lossless (PS3.5 Annex G), own decoder."""
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport free, malloc

from dicomdecode._cursor cimport u32_at
from dicomdecode._fault cimport MALFORMED, TRUNCATED, Fault, fail, raise_fault
from dicomdecode._spec cimport FrameSpec

cdef extern from "rle.h" nogil:
    size_t rle_segment(const uint8_t* src, size_t size, uint8_t* dst, size_t want)
    void rle_merge(const uint8_t* planes, uint8_t* out, size_t n, int samples, int bytes)

cdef enum:
    HEADER = 64     # number of segments, then 15 offsets, 32 bits each


cdef int rle_decode(const uint8_t* data, size_t size, size_t pixels, int samples, int cell_bytes, uint8_t* planes,
                    uint8_t* out, Fault* fault) noexcept nogil:
    """One frame to little-endian cells, samples interleaved.

    `pixels` is the length of a plane: pixels, or for 1-bit cells packed bytes. `planes` is scratch of the size of the
    frame, not used when there is one plane.
    """
    cdef uint32_t count, start, end
    cdef uint32_t expected = samples * cell_bytes
    cdef uint32_t i
    cdef size_t done
    cdef uint8_t* target = out if expected == 1 else planes
    if size < HEADER:
        return fail(fault, TRUNCATED, "rle_header", "The RLE header is cut (bytes)", 0, 0, HEADER, size)
    count = u32_at(data, False)
    if count != expected:
        return fail(fault, MALFORMED, "rle_segments", "Number of RLE segments against Samples per Pixel times the bytes "
                    "of Bits Allocated", 0, 0, expected, count)
    for i in range(count):
        start = u32_at(data + 4 + 4 * i, False)
        end = <uint32_t>size
        if i + 1 < count:
            end = u32_at(data + 8 + 4 * i, False)
        if start < HEADER or start > size or end > size or end < start:
            return fail(fault, TRUNCATED if start > size or end > size else MALFORMED, "rle_offset",
                        "An RLE segment lies outside its frame (offset)", 0, 4 + 4 * i, size, start if start > size else end)
        done = rle_segment(data + start, end - start, target + i * pixels, pixels)
        if done < pixels:
            return fail(fault, TRUNCATED, "rle_segment", "An RLE segment ends too early (bytes)", 0, start, pixels, done)
    if expected > 1:
        rle_merge(planes, out, pixels, samples, cell_bytes)
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
        Allocated 1 the packed bits of the frame.
    """
    cdef Py_buffer source
    cdef Py_buffer target
    cdef Fault fault
    cdef size_t pixels = <size_t>spec.c.rows * spec.c.columns
    cdef int cell_bytes = spec.c.bits_allocated // 8
    cdef int result
    cdef uint8_t* planes = NULL
    fault.kind = 0
    if spec.c.bits_allocated == 1:
        pixels = (pixels + 7) // 8
        cell_bytes = 1
    elif spec.c.bits_allocated % 8:
        fail(&fault, MALFORMED, "bits_allocated", "Bits Allocated of RLE is neither 1 nor a multiple of 8", 0x00280100u, -1,
             -1, spec.c.bits_allocated)
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
            if spec.c.samples * cell_bytes > 1:
                planes = <uint8_t*>malloc(pixels * spec.c.samples * cell_bytes)
            if planes == NULL and spec.c.samples * cell_bytes > 1:
                result = -2
            else:
                result = rle_decode(<const uint8_t*>source.buf, source.len, pixels, spec.c.samples, cell_bytes, planes,
                                    <uint8_t*>target.buf, &fault)
            free(planes)
        if result == -2:
            raise MemoryError
        if result < 0:
            raise_fault(&fault, spec.frame)
    finally:
        PyBuffer_Release(&target)
        PyBuffer_Release(&source)
