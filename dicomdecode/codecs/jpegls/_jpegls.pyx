# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False
"""JPEG-LS (ITU-T T.87), own decoder: the marker segments.

The scans are in scan.h, their bits in bits.h, their contexts in contexts.h. Names are those of T.87 Annex C.
"""
from libc.stddef cimport ptrdiff_t, size_t
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memset

from dicomdecode.codecs._markers cimport (
    APP8, DRI, EOI, LSE, RST0, SOF55, SOS, begin_stream, is_frame_header, next_marker, open_segment)
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
        int item, sign
        size_t stride
    void jls_store(const JlsStore* how, size_t n, const uint16_t* row, void* out)
    void jls_store_rgb(int item, size_t n, const uint16_t* r, const uint16_t* g, const uint16_t* b, void* out)
    void jls_to_rgb(int transform, int precision, size_t n, const uint16_t** source, uint16_t** to)

cdef enum:
    BY_COMPONENT = 0            # ILV of T.87 C.2.3
    BY_LINE = 1
    BY_SAMPLE = 2

cdef struct Frame:
    int precision               # P; 0: no frame header yet
    int n                       # components
    uint8_t ids[4]
    bint done[4]
    JlsParameters preset        # of the last LSE segment; 0: the default
    uint32_t interval           # Ri, in lines
    int transform               # of APP8 "mrfx"
    uint16_t* rows

cdef struct Order:              # what a scan header says
    int n
    int component[4]            # their place in the frame
    bint by_sample


cdef int marker_here(Cursor* c, Fault* fault) noexcept nogil:
    """The code of the marker here, RSTm and TEM left out; -1 with the fault filled."""
    cdef int marker
    if not short_of(c, 1) and c.data[c.pos] != 0xFF:
        return fail(fault, MALFORMED, "stream_marker", "a marker was expected", 0, c.pos, -1, -1)
    marker = next_marker(c)
    if marker < 0:
        return fail(fault, TRUNCATED, "stream_cut", "the stream ends before its last scan", 0, c.size, -1, -1)
    return marker


cdef int check_size(const uint8_t* p, int64_t at, const Spec* spec, Fault* fault) noexcept nogil:
    """P, Y, X and Nf of a frame header against the image's header."""
    cdef uint32_t rows = u16_at(p + 1, True)
    cdef uint32_t columns = u16_at(p + 3, True)
    if rows == 0 or columns == 0:
        return fail(fault, UNSUPPORTED, "stream_dnl", "the size of the picture is outside the frame header", 0,
                    at + 1, -1, -1)
    if rows != spec.rows:
        return fail(fault, MALFORMED, "stream_rows", "rows of the stream", 0x00280010u, at + 1, spec.rows, rows)
    if columns != spec.columns:
        return fail(fault, MALFORMED, "stream_columns", "columns of the stream", 0x00280011u, at + 3, spec.columns,
                    columns)
    if p[5] != spec.samples or not 1 <= p[5] <= 4:
        return fail(fault, MALFORMED, "stream_components", "components of the stream", 0x00280002u, at + 5,
                    spec.samples, p[5])
    if not 2 <= p[0] <= min(16, 8 * spec.item_bytes):
        return fail(fault, MALFORMED, "stream_precision", "bits of a sample of the stream, 2 to", 0x00280100u, at,
                    min(16, 8 * spec.item_bytes), p[0])
    return 0


cdef int read_frame(Frame* f, Cursor* part, const Spec* spec, Fault* fault) noexcept nogil:
    """The frame header against the image's header, before memory is asked for."""
    cdef const uint8_t* p = part.data + part.pos
    cdef int64_t at = part.pos
    cdef int i
    if f.precision:
        return fail(fault, MALFORMED, "stream_header", "there are two frame headers", 0, at, -1, -1)
    if short_of(part, 6) or part.size - part.pos != 6 + 3 * <size_t>p[5]:
        return fail(fault, MALFORMED, "stream_header", "the frame header contradicts itself", 0, at, -1, -1)
    if check_size(p, at, spec, fault) < 0:
        return -1
    f.n = p[5]
    for i in range(f.n):
        f.ids[i] = p[6 + 3 * i]
        if f.n > 1 and p[7 + 3 * i] != 0x11:
            return fail(fault, UNSUPPORTED, "stream_subsampling", "the components are subsampled", 0,
                        at + 7 + 3 * i, 0x11, p[7 + 3 * i])
    f.precision = p[0]
    # for each component the row above and this one; three to convert colour in
    f.rows = <uint16_t*>calloc((2 * f.n + 3) * (<size_t>spec.columns + 2 * JLS_MARGIN), sizeof(uint16_t))
    if f.rows == NULL:
        return fail(fault, NO_MEMORY, "no_memory", "Not enough memory for rows of JPEG-LS", 0, -1, -1, -1)
    return 0


cdef int read_preset(Frame* f, Cursor* part, Fault* fault) noexcept nogil:
    """LSE (T.87 C.2.4): the coding parameters; mapping tables are passed over, and refused when a scan uses one."""
    cdef const uint8_t* p = part.data + part.pos
    cdef size_t length = part.size - part.pos
    if length < 1 or (p[0] == 1 and length != 11):
        return fail(fault, MALFORMED, "stream_preset", "coding parameters of a wrong length (bytes)", 0, part.pos, 11,
                    length)
    if p[0] == 1:
        f.preset.maxval = u16_at(p + 1, True)
        f.preset.t1 = u16_at(p + 3, True)
        f.preset.t2 = u16_at(p + 5, True)
        f.preset.t3 = u16_at(p + 7, True)
        f.preset.reset = u16_at(p + 9, True)
    elif not 2 <= p[0] <= 4:    # 4 holds a size, which the frame header has to have too
        return fail(fault, UNSUPPORTED, "stream_preset", "coding parameters of this kind", 0, part.pos, -1, p[0])
    return 0


cdef int read_interval(Frame* f, Cursor* part, Fault* fault) noexcept nogil:
    """DRI (T.87 C.2.5): Ri has 2, 3 or 4 bytes."""
    cdef size_t length = part.size - part.pos
    if not 2 <= length <= 4:
        return fail(fault, MALFORMED, "stream_restart", "a restart interval of a wrong length (bytes)", 0, part.pos, 2,
                    length)
    f.interval = 0
    while part.pos < part.size:
        f.interval = (f.interval << 8) | part.data[part.pos]
        part.pos += 1
    return 0


cdef int read_scan_header(Frame* f, Cursor* part, Order* order, JlsParameters* p, Fault* fault) noexcept nogil:
    """SOS (T.87 C.2.3): components and their order, and the coding parameters, completed."""
    cdef const uint8_t* h = part.data + part.pos
    cdef int64_t at = part.pos
    cdef int i, k
    if not f.precision:
        return fail(fault, MALFORMED, "stream_scan", "a scan comes before the frame header", 0, at, -1, -1)
    if short_of(part, 1) or part.size - part.pos != 4 + 2 * <size_t>h[0] or not 1 <= h[0] <= f.n:
        return fail(fault, MALFORMED, "stream_scan", "a scan header contradicts itself or the frame header", 0, at, -1,
                    -1)
    order.n = h[0]
    for i in range(order.n):
        k = 0
        while k < f.n and (f.done[k] or f.ids[k] != h[1 + 2 * i]):
            k += 1
        if k == f.n:            # also bounds the number of scans
            return fail(fault, MALFORMED, "stream_scan",
                        "a scan names an unknown component, or one for the second time", 0, at + 1 + 2 * i, -1,
                        h[1 + 2 * i])
        if h[2 + 2 * i]:
            return fail(fault, UNSUPPORTED, "stream_mapping", "a scan uses a mapping table", 0, at + 2 + 2 * i, 0,
                        h[2 + 2 * i])
        f.done[k] = True
        order.component[i] = k
    h += 1 + 2 * order.n
    at += 1 + 2 * order.n
    if h[1] > BY_SAMPLE or (order.n == 1) != (h[1] == BY_COMPONENT):
        return fail(fault, MALFORMED, "stream_scan", "interleave mode of a scan", 0, at + 1, -1, h[1])
    if h[2] & 15:
        return fail(fault, UNSUPPORTED, "stream_transform", "a scan uses a point transform (bits)", 0, at + 2, 0,
                    h[2] & 15)
    order.by_sample = h[1] == BY_SAMPLE
    p[0] = f.preset
    p.near = h[0]
    if p.maxval == 0:
        p.maxval = (1 << f.precision) - 1
    if p.maxval >= 1 << f.precision or not jls_complete(p):
        return fail(fault, MALFORMED, "stream_preset", "impossible coding parameters", 0, at, -1, -1)
    return 0


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


cdef void store_row(const Frame* f, const JlsScan* s, const Order* order, const Spec* spec,
                    uint8_t* line) noexcept nogil:
    """The row that was decoded last, to the components of this scan."""
    cdef const uint16_t* source[4]
    cdef uint16_t* to[3]
    cdef JlsStore how
    cdef int bits = f.precision
    cdef size_t n = spec.columns
    cdef bint in_order = order.n == 3 and spec.samples == 3
    cdef int i
    how.item = spec.item_bytes
    how.stride = spec.samples
    how.sign = 0
    if spec.is_signed:
        if 1 <= spec.bits_stored < bits:
            bits = spec.bits_stored
        how.sign = 8 * spec.item_bytes - bits
    for i in range(order.n):
        source[i] = s.above[i]
        in_order = in_order and order.component[i] == i
    if f.transform:             # of three components, which stand behind the others
        for i in range(3):
            to[i] = f.rows + (2 * f.n + i) * (n + 2 * JLS_MARGIN)
        jls_to_rgb(f.transform, f.precision, n, source, to)
        for i in range(3):
            source[i] = to[i]
    if in_order and how.sign == 0 and how.item <= 2:
        jls_store_rgb(how.item, n, source[0], source[1], source[2], line)
        return
    for i in range(order.n):
        jls_store(&how, n, source[i], line + order.component[i] * spec.item_bytes)


cdef int decode_scan(Frame* f, JlsScan* s, Order* order, Cursor* c, const Spec* spec, uint8_t* out,
                     Fault* fault) noexcept nogil:
    cdef const uint8_t* end = c.data + c.size
    cdef size_t room = <size_t>spec.columns + 2 * JLS_MARGIN
    cdef size_t line = <size_t>spec.columns * spec.samples * spec.item_bytes
    cdef uint32_t interval = f.interval if f.interval else spec.rows
    cdef uint32_t y
    cdef int i, status
    if f.transform and (order.n != 3 or f.precision & 7):
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
        store_row(f, s, order, spec, out + y * line)
    if not jls_is_over(&s.reader):
        return fail(fault, MALFORMED, "stream_damaged", "a scan holds more than its samples", 0,
                    jls_place(&s.reader, c.data), -1, -1)
    c.pos = s.reader.next - c.data
    return 0


cdef int read_segment(Frame* f, int marker, Cursor* part, const Spec* spec, Fault* fault) noexcept nogil:
    """Any segment but SOS."""
    cdef const uint8_t* p = part.data + part.pos
    if marker == SOF55:
        return read_frame(f, part, spec, fault)
    if marker == LSE:
        return read_preset(f, part, fault)
    if marker == DRI:
        return read_interval(f, part, fault)
    if is_frame_header(marker):
        return fail(fault, MALFORMED, "stream_process", "the stream is of another JPEG process (marker)", 0,
                    part.pos - 3, SOF55, marker)
    if marker == APP8 and part.size - part.pos == 5 and memcmp(p, b"mrfx", 4) == 0:
        if p[4] > 3:
            return fail(fault, UNSUPPORTED, "stream_transform", "an unknown colour transform", 0, part.pos + 4, 3, p[4])
        f.transform = p[4]
    return 0


cdef int decode_stream(Frame* f, JlsScan* s, const uint8_t* data, size_t size, const Spec* spec, uint8_t* out,
                       Fault* fault) noexcept nogil:
    cdef Cursor c
    cdef Cursor part
    cdef Order order
    cdef JlsParameters parameters
    cdef int marker
    cdef int i, missing
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
        if read_scan_header(f, &part, &order, &parameters, fault) < 0:
            return -1
        jls_prepare(s, &parameters)
        if decode_scan(f, s, &order, &c, spec, out, fault) < 0:
            return -1
        missing = 0
        for i in range(f.n):
            missing += not f.done[i]
        if not missing:         # what follows, EOI or not, holds no samples
            return 0


cdef int jpegls_decode(const uint8_t* data, size_t size, const Spec* spec, void* out, Fault* fault) noexcept nogil:
    """One frame into `out`, C-contiguous [rows, columns, samples] of spec.item_bytes (1, 2, 4 or 8) and of at most 4
    samples; 0, or -1 with the fault filled."""
    cdef Frame frame
    cdef JlsScan* scan = <JlsScan*>malloc(sizeof(JlsScan))
    cdef int result
    if scan == NULL:
        return fail(fault, NO_MEMORY, "no_memory", "Not enough memory for the contexts of JPEG-LS", 0, -1, -1, -1)
    memset(&frame, 0, sizeof(Frame))
    result = decode_stream(&frame, scan, data, size, spec, <uint8_t*>out, fault)
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
        A mapping table, a point transform, subsampling, or a size that is not in the frame header.
    """
    run_decoder(jpegls_decode, data, spec, out, spec.out_size())
    return monochrome_or_palette(spec) if spec.c.samples == 1 else ycc_or_rgb(spec)
