# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""JPEG 2000 frames through our own decoder, from memory into the caller's array, without the GIL.

The stream is read by `_j2k` first, as it is for OpenJPEG: the rules on what a data set and its stream may disagree in,
and on streams that are cut, stand there. The decoder checks what it reads once more, for its own safety.
"""

import os

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint8_t, uint32_t

from dicomdecode.reading._reading cimport (
    MALFORMED, NO_MEMORY, TRUNCATED, UNSUPPORTED, Fault, ReadBuffer, WriteBuffer, fail, raise_fault)
from dicomdecode.codecs._spec cimport FrameSpec, Spec
from dicomdecode.codecs._j2k cimport (
    Area, Codestream, check_header, check_request, check_target, check_tile_parts, read_header)

cdef extern from "j2k.h" nogil:
    enum:
        J2K_TRUNCATED
        J2K_UNSUPPORTED
        J2K_NO_MEMORY
    ctypedef struct J2kFault:
        int kind
        const char* code
        const char* what
        int64_t offset
        int64_t expected
        int64_t found
    ctypedef struct J2kJob:
        const uint8_t* data
        size_t size
        int components
        uint32_t rows
        uint32_t columns
        int is_signed
        int item_bytes
        int threads
        int reduce
        uint32_t row
        uint32_t column
        uint32_t height
        uint32_t width
    void j2k_make_tables()
    int j2k_run(const J2kJob* job, void* out, J2kFault* fault)


# Whether this decoder is used at all: see `choose`.
cdef bint is_chosen = True


cdef bint takes(const Codestream* stream) noexcept nogil:
    """Whether a stream is of the kinds that this decoder is for: T.800 or T.814."""
    cdef int i
    for i in range(min(stream.components, 4)):
        if stream.component[i].transform > 1:
            return False
    return is_chosen and not stream.array_transform


cdef int translate(const J2kFault* theirs, Fault* fault) noexcept nogil:
    cdef int kind = MALFORMED
    if theirs.kind == J2K_TRUNCATED:
        kind = TRUNCATED
    elif theirs.kind == J2K_UNSUPPORTED:
        kind = UNSUPPORTED
    elif theirs.kind == J2K_NO_MEMORY:
        kind = NO_MEMORY
    return fail(fault, kind, theirs.code, theirs.what, 0, theirs.offset, theirs.expected, theirs.found)


cdef int j2k_decode(const uint8_t* data, size_t size, const Spec* spec, int reduce, const Area* area, void* out,
                    bint* component_transform, Fault* fault) noexcept nogil:
    """Decode one frame into `out`: the contract of `openjpeg_decode`.

    Or J2K_NOT_TAKEN, by the main header, before anything is decoded: then neither `out` nor `fault` say anything.
    """
    cdef Codestream stream
    cdef J2kJob job
    cdef J2kFault theirs
    if read_header(data, size, &stream, fault) != 0:
        return -1
    if not takes(&stream):
        return J2K_NOT_TAKEN
    if (check_header(&stream, spec, fault) != 0 or check_request(&stream, spec, reduce, fault) != 0
            or check_tile_parts(&stream, fault) != 0):
        return -1
    if component_transform != NULL:
        component_transform[0] = stream.component_transform
    job.data = stream.data
    job.size = stream.size
    job.components = spec.samples
    job.rows = spec.rows
    job.columns = spec.columns
    job.is_signed = spec.is_signed
    job.item_bytes = spec.item_bytes
    job.threads = spec.threads
    job.reduce = reduce
    job.row = area.row if area != NULL else 0
    job.column = area.column if area != NULL else 0
    job.height = area.height if area != NULL else spec.rows
    job.width = area.width if area != NULL else spec.columns
    if j2k_run(&job, out, &theirs) != 0:
        return translate(&theirs, fault)
    return 0


def decode(object data not None, FrameSpec spec not None, object out not None, int reduce=0, tuple region=None):
    """Decode one frame, see `dicomdecode.codecs.jpeg2000.decode`; returns whether the stream has the RCT or ICT.

    Returns None, and leaves `out` alone, where the stream is not of the kinds that this decoder is for.
    """
    cdef ReadBuffer source = ReadBuffer(data)
    cdef WriteBuffer target = WriteBuffer(out)
    cdef Fault fault
    cdef Area area
    cdef bint transformed = False
    cdef int status
    check_target(target, spec, reduce, region, &area)
    with nogil:
        status = j2k_decode(source.data, source.size, &spec.c, reduce, &area, target.data, &transformed, &fault)
    if status == J2K_NOT_TAKEN:
        return None
    if status != 0:
        raise_fault(&fault, spec.frame)
    return bool(transformed)


def choose(str decoder not None):
    """Who decodes JPEG 2000: "own", or "openjpeg" for everything. The environment's choice is made on import."""
    global is_chosen
    if decoder not in ("own", "openjpeg"):
        raise ValueError('DICOMDECODE_JPEG2000 is "own" or "openjpeg"')
    is_chosen = decoder == "own"


j2k_make_tables()
choose(os.environ.get("DICOMDECODE_JPEG2000", "own"))
