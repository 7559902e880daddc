# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False
"""JPEG-LS (ITU-T T.87), own decoder: from marker to marker, scan after scan, row after row.

The marker segments are in segments.pxi, rows in scan.h, their bits in bits.h, their contexts in contexts.h.
"""
from libc.stddef cimport ptrdiff_t, size_t
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from dicomdecode.codecs._markers cimport (
    APP8, DNL, DRI, EOI, LSE, RST0, SOF55, SOS, are_done, begin_stream, is_frame_header, next_marker, open_segment)
from dicomdecode.reading._cursor cimport Cursor, short_of, u16_at
from dicomdecode.reading._reading cimport MALFORMED, NO_MEMORY, TRUNCATED, UNSUPPORTED, Fault, fail
from dicomdecode.codecs._spec cimport FrameSpec, Spec, run_decoder

from dicomdecode.codecs.samples import monochrome_or_palette, ycc_or_rgb

cdef extern from "contexts.h" nogil:
    enum:
        JLS_MARGIN
    ctypedef struct JlsReader:
        uint64_t pos
        const uint8_t* next
    ctypedef struct JlsParameters:
        int maxval, near, t1, t2, t3, reset
    ctypedef struct JlsScan:
        JlsReader reader
        int columns, components
        uint16_t* above[4]
        uint16_t* row[4]
    bint jls_complete(JlsParameters* p)
    void jls_prepare(JlsScan* s, const JlsParameters* p)
    void jls_reset(JlsScan* s)

cdef extern from "bits.h" nogil:
    void jls_start(JlsReader* r, const uint8_t* next, const uint8_t* end)
    bint jls_is_over(JlsReader* r)
    ptrdiff_t jls_place(const JlsReader* r, const uint8_t* start)

cdef extern from "scan.h" nogil:
    enum:
        JLS_OK
        JLS_SHORT
    int jls_next_row(JlsScan* s, bint by_sample)

cdef extern from "store.h" nogil:
    ctypedef struct JlsStore:
        int item, sign, point
        size_t stride
    ctypedef struct JlsTable:
        uint8_t* bytes
        size_t size
        int width
    void jls_store(const JlsStore* how, size_t n, const uint16_t* row, void* out)
    int jls_store_mapped(const JlsStore* how, size_t n, const uint16_t* row, const JlsTable* table, void* out)
    void jls_store_rgb(int item, size_t n, const uint16_t* r, const uint16_t* g, const uint16_t* b, void* out)
    void jls_to_rgb(int transform, int precision, size_t n, const uint16_t** source, uint16_t** to)

include "segments.pxi"


cdef int next_interval(JlsScan* s, uint32_t done, const uint8_t* data, const uint8_t* end, Fault* fault) noexcept nogil:
    """From the end of a restart interval over its marker RSTm; `done` counts the intervals."""
    cdef const uint8_t* p
    cdef int expected = RST0 + <int>((done - 1) & 7)
    if not jls_is_over(&s.reader):
        return fail(fault, MALFORMED, "stream_restart", "a restart interval holds more than its samples", 0,
                    jls_place(&s.reader, data), -1, -1)
    p = s.reader.next
    while end - p > 1 and p[0] == 0xFF and p[1] == 0xFF:
        p += 1
    if end - p < 2:
        return fail(fault, TRUNCATED, "stream_cut", "the stream ends before its last sample", 0, end - data, -1, -1)
    if p[1] != expected:
        return fail(fault, MALFORMED, "stream_restart", "marker after a restart interval", 0, p - data, expected, p[1])
    jls_start(&s.reader, p + 2, end)
    jls_reset(s)
    return 0


cdef JlsStore way_out(const Spec* spec, int bits) noexcept nogil:
    """How values of so many bits go out."""
    cdef JlsStore how
    how.item = spec.item_bytes
    how.stride = spec.samples
    how.sign = 0
    how.point = 0
    if spec.is_signed:
        if 1 <= spec.bits_stored < bits:
            bits = spec.bits_stored
        how.sign = 8 * spec.item_bytes - bits
    return how


cdef int store_row(const Frame* f, const JlsScan* s, const Order* order, const Spec* spec, uint8_t* line,
                   Fault* fault) noexcept nogil:
    """The row that was decoded last, to the components of this scan."""
    cdef const uint16_t* source[4]
    cdef uint16_t* to[3]
    cdef JlsStore how = way_out(spec, f.precision)
    cdef JlsStore mapped
    cdef size_t n = spec.columns
    cdef bint in_order = order.n == 3 and spec.samples == 3 and order.point == 0
    cdef uint8_t* item
    cdef int i, missing
    how.point = order.point
    for i in range(order.n):
        source[i] = s.above[i]
        in_order = in_order and order.component[i] == i and order.table[i] == NULL
    if f.transform:             # of three components, which stand behind the others
        for i in range(3):
            to[i] = f.rows + (2 * f.n + i) * (n + 2 * JLS_MARGIN)
        jls_to_rgb(f.transform, f.precision, n, source, to)
        for i in range(3):
            source[i] = to[i]
    if in_order and how.sign == 0 and how.item <= 2:
        jls_store_rgb(how.item, n, source[0], source[1], source[2], line)
        return 0
    for i in range(order.n):
        item = line + order.component[i] * spec.item_bytes
        if order.table[i] == NULL:
            jls_store(&how, n, source[i], item)
            continue
        mapped = way_out(spec, 8 * order.table[i].width)
        missing = jls_store_mapped(&mapped, n, source[i], order.table[i], item)
        if missing >= 0:
            return fail(fault, MALFORMED, "stream_mapping", "a sample is not in its mapping table", 0, -1, -1, missing)
    return 0


cdef int decode_scan(Frame* f, JlsScan* s, Order* order, Cursor* c, const Spec* spec, uint8_t* out,
                     Fault* fault) noexcept nogil:
    cdef const uint8_t* end = c.data + c.size
    cdef size_t room = <size_t>spec.columns + 2 * JLS_MARGIN
    cdef size_t line = <size_t>spec.columns * spec.samples * spec.item_bytes
    cdef uint32_t interval = f.interval if f.interval else spec.rows
    cdef uint32_t y
    cdef int i, status
    for i in range(order.n):
        if f.transform and (order.n != 3 or f.precision & 7 or order.table[i] != NULL or order.point):
            return fail(fault, UNSUPPORTED, "stream_transform",
                        "a colour transform of other samples than three of 8 or 16 bits", 0, c.pos, -1, f.transform)
    s.columns = spec.columns
    s.components = order.n
    for i in range(order.n):
        s.above[i] = f.rows + (2 * i) * room + JLS_MARGIN
        s.row[i] = f.rows + (2 * i + 1) * room + JLS_MARGIN
    jls_start(&s.reader, c.data + c.pos, end)
    jls_reset(s)
    for y in range(spec.rows):
        if y and y % interval == 0 and next_interval(s, y // interval, c.data, end, fault) < 0:
            return -1
        status = jls_next_row(s, order.by_sample)
        if status == JLS_SHORT:
            return fail(fault, TRUNCATED, "stream_cut", "the stream ends before its last sample (lines)", 0,
                        s.reader.next - c.data, spec.rows, y)
        if status != JLS_OK:
            return fail(fault, MALFORMED, "stream_damaged", "an impossible code (line)", 0,
                        jls_place(&s.reader, c.data), -1, y)
        if store_row(f, s, order, spec, out + y * line, fault) < 0:
            return -1
    if not jls_is_over(&s.reader):
        return fail(fault, MALFORMED, "stream_damaged", "a scan holds more than its samples", 0,
                    jls_place(&s.reader, c.data), -1, -1)
    c.pos = s.reader.next - c.data
    return 0


cdef int decode_stream(Frame* f, JlsScan* s, const uint8_t* data, size_t size, const Spec* spec, uint8_t* out,
                       Fault* fault) noexcept nogil:
    cdef Cursor c
    cdef Cursor part
    cdef Order order
    cdef JlsParameters parameters
    cdef int marker
    if begin_stream(&c, data, size, fault) < 0:
        return -1
    while True:
        marker = marker_here(&c, fault)
        if marker < 0:
            return -1
        if marker == EOI:
            return fail(fault, TRUNCATED, "stream_cut", "the stream ends before its last scan", 0, c.pos - 2,
                        -1, -1)
        if open_segment(&c, &part, fault) < 0:
            return -1
        if marker != SOS:
            if read_segment(f, marker, &part, spec, fault) < 0:
                return -1
            continue
        if read_scan_header(f, &part, spec, &order, &parameters, fault) < 0:
            return -1
        jls_prepare(s, &parameters)
        if decode_scan(f, s, &order, &c, spec, out, fault) < 0:
            return -1
        if f.lines == 0 and f.more_lines == 0:
            if lines_behind_scan(&c, spec, fault) < 0:
                return -1
            f.lines = spec.rows
        if are_done(f.done, f.n):
            return 0


cdef int jpegls_decode(const uint8_t* data, size_t size, const Spec* spec, void* out, Fault* fault) noexcept nogil:
    """One frame into `out`, C-contiguous [rows, columns, samples] of spec.item_bytes (1, 2, 4 or 8) and of at most 4
    samples; 0, or -1 with the fault filled."""
    cdef Frame frame
    cdef JlsScan* scan = <JlsScan*>malloc(sizeof(JlsScan))
    cdef int result, i
    if scan == NULL:
        return fail(fault, NO_MEMORY, "no_memory", "Not enough memory for the contexts of JPEG-LS", 0, -1, -1, -1)
    memset(&frame, 0, sizeof(Frame))
    result = decode_stream(&frame, scan, data, size, spec, <uint8_t*>out, fault)
    for i in range(256):
        free(frame.tables[i].bytes)
    free(frame.rows)
    free(scan)
    return result


def decode(data, FrameSpec spec, out):
    """Decode one frame, lossless or near-lossless, of any interleave mode.

    Parameters
    ----------
    data : bytes-like
        The codestream. Bytes behind the last sample are not looked at, so that EOI may be missing.
    spec : FrameSpec
        The header's word on the frame.
    out : ndarray
        C-contiguous [rows, columns, samples] of the stored integer type. Where that is signed, the sign bit is the
        highest of the stream's precision, or of Bits Stored where those are fewer.

    Returns
    -------
    str
        "MONOCHROME", "PALETTE COLOR", "RGB", "YBR_FULL", or YBR_PARTIAL_* as in the header: no colour is converted but
        by the transforms of HP's encoder, which are part of its streams.

    Raises
    ------
    MalformedError
        The stream is damaged, or disagrees with the header.
    TruncatedError
        The stream ends too early.
    UnsupportedError
        Subsampled components.
    """
    run_decoder(jpegls_decode, data, spec, out, spec.out_size())
    return monochrome_or_palette(spec) if spec.c.samples == 1 else ycc_or_rgb(spec)
