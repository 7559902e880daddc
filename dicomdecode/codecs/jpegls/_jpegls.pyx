# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
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
        int columns[4]
        int components
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
    int jls_next_row(JlsScan* s, int first, int coded)

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


cdef int store_component(const Frame* f, const Order* order, int i, const uint16_t* source, const Spec* spec,
                         uint8_t* line, Fault* fault) noexcept nogil:
    """A row of pixels of component i of the scan."""
    cdef JlsStore how = way_out(spec, 8 * order.table[i].width if order.table[i] != NULL else f.precision)
    cdef uint8_t* item = line + order.component[i] * spec.item_bytes
    cdef int missing
    if order.table[i] == NULL:
        how.point = order.point
        jls_store(&how, spec.columns, source, item)
        return 0
    missing = jls_store_mapped(&how, spec.columns, source, order.table[i], item)
    if missing >= 0:
        return fail(fault, MALFORMED, "stream_mapping", "a sample is not in its mapping table", 0, -1, -1, missing)
    return 0


cdef uint16_t* spare_row(const Frame* f, const Spec* spec, int i) noexcept nogil:
    """One of three rows behind those of the components."""
    return f.rows + (2 * f.n + i) * (<size_t>spec.columns + 2 * JLS_MARGIN)


cdef int store_rows(const Frame* f, const JlsScan* s, const Order* order, const Spec* spec, uint8_t* line,
                    Fault* fault) noexcept nogil:
    """The row that was decoded last, of all components of this scan."""
    cdef const uint16_t* source[4]
    cdef uint16_t* to[3]
    cdef bint in_order = order.n == 3 and spec.samples == 3 and order.point == 0
    cdef int i
    for i in range(order.n):
        source[i] = s.above[i]
        in_order = in_order and order.component[i] == i and order.table[i] == NULL
    if f.transform:             # of three components
        for i in range(3):
            to[i] = spare_row(f, spec, i)
        jls_to_rgb(f.transform, f.precision, spec.columns, source, to)
        for i in range(3):
            source[i] = to[i]
    if in_order and not spec.is_signed and spec.item_bytes <= 2:
        jls_store_rgb(spec.item_bytes, spec.columns, source[0], source[1], source[2], line)
        return 0
    for i in range(order.n):
        if store_component(f, order, i, source[i], spec, line, fault) < 0:
            return -1
    return 0


cdef int store_spread(const Frame* f, const JlsScan* s, const Order* order, int i, uint32_t y, const Spec* spec,
                      uint8_t* out, Fault* fault) noexcept nogil:
    """Line y of component i of the scan, to all pixels that its samples stand for."""
    cdef size_t line = <size_t>spec.columns * spec.samples * spec.item_bytes
    cdef uint32_t down = f.down[order.component[i]]
    cdef uint32_t across = f.across[order.component[i]]
    cdef uint16_t* spread = spare_row(f, spec, 0)
    cdef uint32_t x
    cdef uint32_t row = (y * f.most_down + down - 1) // down
    for x in range(spec.columns):
        spread[x] = s.above[i][x * across // f.most_across]
    while row < spec.rows and row * down // f.most_down == y:
        if store_component(f, order, i, spread, spec, out + row * line, fault) < 0:
            return -1
        row += 1
    return 0


cdef uint32_t lines_of(const Frame* f, const Order* order, int i, const Spec* spec) noexcept nogil:
    """The lines of component i of the scan."""
    return size_of(spec.rows, f.down[order.component[i]], f.most_down)


cdef int lines_together(const Frame* f, const Order* order, int i) noexcept nogil:
    """How many lines of component i of the scan come one after the other: an MCU is of Vi of each (T.81 A.2)."""
    return 1 if order.n == 1 or order.by_sample else f.down[order.component[i]]


cdef int next_row(const Frame* f, JlsScan* s, const Order* order, uint32_t y, const Spec* spec, uint8_t* out,
                  Fault* fault) noexcept nogil:
    """Row y of components that have all pixels; JLS_OK, another status of the scan, or -1 with the fault filled."""
    cdef int coded = order.n if order.by_sample else 1      # components that are coded together
    cdef int first = 0
    cdef int status = JLS_OK
    while first < order.n and status == JLS_OK:
        status = jls_next_row(s, first, coded)
        first += coded
    if status != JLS_OK:
        return status
    return store_rows(f, s, order, spec, out + y * (<size_t>spec.columns * spec.samples * spec.item_bytes), fault)


cdef int next_mcus(const Frame* f, JlsScan* s, const Order* order, uint32_t y, const Spec* spec, uint8_t* out,
                   Fault* fault) noexcept nogil:
    """The same of a row of MCUs of other components."""
    cdef int coded = order.n if order.by_sample else 1
    cdef int first = 0
    cdef int i, k, together, status
    cdef uint32_t line
    while first < order.n:
        together = lines_together(f, order, first)
        for k in range(together):
            line = y * together + k
            if line >= lines_of(f, order, first, spec):
                break
            status = jls_next_row(s, first, coded)
            if status != JLS_OK:
                return status
            for i in range(first, first + coded):
                if store_spread(f, s, order, i, line, spec, out, fault) < 0:
                    return -1
        first += coded
    return JLS_OK


cdef void open_scan(const Frame* f, JlsScan* s, const Order* order, const Spec* spec) noexcept nogil:
    """Rows for its components."""
    cdef size_t room = <size_t>spec.columns + 2 * JLS_MARGIN
    cdef int i
    s.components = order.n
    for i in range(order.n):
        s.columns[i] = size_of(spec.columns, f.across[order.component[i]], f.most_across)
        s.above[i] = f.rows + (2 * i) * room + JLS_MARGIN
        s.row[i] = f.rows + (2 * i + 1) * room + JLS_MARGIN


cdef int decode_scan(Frame* f, JlsScan* s, Order* order, Cursor* c, const Spec* spec, uint8_t* out,
                     Fault* fault) noexcept nogil:
    cdef const uint8_t* end = c.data + c.size
    cdef bint is_plain = not is_subsampled(f)
    cdef uint32_t rows = 0      # of MCUs
    cdef uint32_t interval, y
    cdef int i, status, together
    for i in range(order.n):
        together = lines_together(f, order, i)
        rows = max(rows, (lines_of(f, order, i, spec) + together - 1) // together)
        is_plain = is_plain and together == 1
    if f.transform and (order.n != 3 or f.precision & 7 or has_table(order) or order.point or not is_plain):
        return fail(fault, UNSUPPORTED, "stream_transform",
                    "a colour transform of other samples than three of 8 or 16 bits", 0, c.pos, -1, f.transform)
    interval = f.interval if f.interval else rows
    open_scan(f, s, order, spec)
    jls_start(&s.reader, c.data + c.pos, end)
    jls_reset(s)
    for y in range(rows):
        if y and y % interval == 0 and next_interval(s, y // interval, c.data, end, fault) < 0:
            return -1
        if is_plain:
            status = next_row(f, s, order, y, spec, out, fault)
        else:
            status = next_mcus(f, s, order, y, spec, out, fault)
        if status < 0:
            return -1
        if status == JLS_SHORT:
            return fail(fault, TRUNCATED, "stream_cut", "the stream ends before its last sample (lines)", 0,
                        s.reader.next - c.data, rows, y)
        if status != JLS_OK:
            return fail(fault, MALFORMED, "stream_damaged", "an impossible code (line)", 0,
                        jls_place(&s.reader, c.data), -1, y)
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
        A point transform together with a mapping table, or an unknown colour transform.
    """
    run_decoder(jpegls_decode, data, spec, out, spec.out_size())
    return monochrome_or_palette(spec) if spec.c.samples == 1 else ycc_or_rgb(spec)
