# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""Lossless JPEG (ITU-T T.81 process 14, DICOM .4.57 and .4.70), own decoder: the marker segments.

The entropy-coded segments are in ljpeg_bits.h. Marker codes and letters (Ss, Ri, Pt) are those of T.81 Annex B and H.
"""
from libc.stddef cimport ptrdiff_t, size_t
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memmove, memset

from dicomdecode.codecs._markers cimport (
    DHP, DHT, DRI, EOI, RST0, SOF3, SOI, SOS, are_done, begin_stream, is_frame_header, next_marker, open_segment)
from dicomdecode.reading._cursor cimport Cursor, peek_u16, short_of
from dicomdecode.reading._reading cimport MALFORMED, NO_MEMORY, TRUNCATED, UNSUPPORTED, Fault, fail
from dicomdecode.codecs._spec cimport FrameSpec, Spec, run_decoder

cdef extern from "ljpeg_bits.h" nogil:
    enum:
        LJ_MULTI
        LJ_SHORT
        LJ_SPILL
        LJ_OK
    ctypedef struct LjTable:
        pass
    ctypedef uint64_t LjMulti
    ctypedef struct LjReader:
        uint64_t missed
        int ended
        const uint8_t* next
    ctypedef struct LjStore:
        int item
        int transform
        int sign
        uint16_t bias
        uint16_t most
    void lj_start(LjReader* r, const uint8_t* next, const uint8_t* end)
    ptrdiff_t lj_left(const LjReader* r)
    const uint8_t* lj_place(const LjReader* r)
    bint lj_make_table(LjTable* t, const uint8_t* counts, const uint8_t* values)
    void lj_make_multi(LjMulti* multi, const LjTable* t)
    int lj_decode(LjReader* r, const LjTable** tables, int n, const LjMulti* multi, bint spill, uint16_t** out,
                  uint16_t* stop)
    void lj_predict(int predictor, size_t n, size_t s, uint16_t* d, const uint16_t* prev, uint16_t* cur)
    bint lj_fits(const LjStore* how, size_t n, const uint16_t* src)
    bint lj_store(const LjStore* how, size_t n, const uint16_t* src, size_t step, void* out, size_t stride)

cdef enum:
    MULTI_SAMPLES = 1 << 14     # below, the big look-up costs more than it saves
    MULTI_MISSES = 14           # one in so many samples is too often: without the big look-up for
    MULTI_PAUSE = 32            # rows, then it is tried again

cdef struct Huffman:            # a DHT segment as it is in the stream
    uint8_t counts[16]
    uint8_t values[256]
    bint defined
    bint made                   # the look-up is of these codes

cdef struct Scan:
    int n                       # components of this scan
    int component[4]            # their place in the frame
    int table[4]
    int predictor
    int transform               # Pt

cdef struct Work:
    LjReader reader
    LjTable tables[4]
    LjMulti multi[1 << LJ_MULTI]
    Huffman huffman[4]
    int precision               # 0: no SOF yet
    int n
    uint8_t ids[4]
    bint done[4]
    uint32_t interval           # Ri, in pixels
    uint16_t* rows              # differences, the row above, this row


cdef int read_dht(Work* w, Cursor* part, Fault* fault) noexcept nogil:
    cdef const uint8_t* p
    cdef Huffman* table
    cdef int i, n
    while part.pos < part.size:
        p = part.data + part.pos
        n = 0
        if not short_of(part, 17):
            for i in range(1, 17):
                n += p[i]
        if short_of(part, 17 + n):
            return fail(fault, MALFORMED, "stream_tables", "a Huffman table is longer than its segment (bytes)", 0,
                        part.pos, 17 + n, part.size - part.pos)
        if n > 256 or p[0] & 15 > 3:
            return fail(fault, MALFORMED, "stream_tables", "a Huffman table has a wrong number or size", 0, part.pos,
                        -1, n)
        if p[0] >> 4 == 0:      # class 1 (AC) has no use here
            table = &w.huffman[p[0] & 15]
            memcpy(table.counts, p + 1, 16)
            memset(table.values, 0, 256)
            memcpy(table.values, p + 17, n)
            table.defined = True
            table.made = False
        part.pos += 17 + n
    return 0


cdef int read_sof(Work* w, Cursor* part, const Spec* spec, Fault* fault) noexcept nogil:
    """The frame header against the image's header, before memory is asked for."""
    cdef const uint8_t* p = part.data + part.pos
    cdef int64_t at = part.pos
    cdef uint32_t rows, columns
    cdef int i
    if w.precision:
        return fail(fault, MALFORMED, "stream_header", "there are two frame headers", 0, at, -1, -1)
    if short_of(part, 6) or short_of(part, 6 + 3 * <size_t>p[5]):
        return fail(fault, MALFORMED, "stream_header", "the frame header is too short", 0, at, -1,
                    part.size - part.pos)
    rows = (<uint32_t>p[1] << 8) | p[2]
    columns = (<uint32_t>p[3] << 8) | p[4]
    if p[0] < 2 or p[0] > 16:
        return fail(fault, MALFORMED, "stream_precision", "bits of a sample of the stream", 0, at, 16, p[0])
    if rows == 0:
        return fail(fault, UNSUPPORTED, "stream_dnl", "the stream gives its number of lines after the scan (DNL)", 0,
                    at + 1, -1, -1)
    if rows != spec.rows:
        return fail(fault, MALFORMED, "stream_rows", "rows of the stream", 0x00280010u, at + 1, spec.rows, rows)
    if columns == 0 or columns != spec.columns:
        return fail(fault, MALFORMED, "stream_columns", "columns of the stream", 0x00280011u, at + 3,
                    spec.columns, columns)
    if p[5] != spec.samples:
        return fail(fault, MALFORMED, "stream_components", "components of the stream", 0x00280002u,
                    at + 5, spec.samples, p[5])
    if not 1 <= p[5] <= 4 or spec.item_bytes not in (1, 2, 4):
        return fail(fault, UNSUPPORTED, "stream_process", "lossless JPEG with this many components or bytes", 0, at + 5,
                    -1, p[5])
    if p[0] > 8 * spec.item_bytes:
        return fail(fault, MALFORMED, "stream_precision", "bits of a sample of the stream exceed Bits Allocated",
                    0x00280100u, at, 8 * spec.item_bytes, p[0])
    w.n = p[5]
    for i in range(w.n):
        w.ids[i] = p[6 + 3 * i]
        if w.n > 1 and p[7 + 3 * i] != 0x11:
            return fail(fault, UNSUPPORTED, "stream_subsampling", "lossless JPEG with subsampled components", 0,
                        at + 7 + 3 * i, 0x11, p[7 + 3 * i])
    w.precision = p[0]
    w.rows = <uint16_t*>calloc(3 * (<size_t>columns * w.n + 2 * LJ_SPILL), sizeof(uint16_t))
    if w.rows == NULL:
        return fail(fault, NO_MEMORY, "no_memory", "Not enough memory for three rows", 0, -1, -1, -1)
    return 0


cdef int read_sos(Work* w, Cursor* part, Scan* scan, Fault* fault) noexcept nogil:
    """The scan header: components, their tables, predictor (Ss) and point transform (Al)."""
    cdef const uint8_t* p = part.data + part.pos
    cdef int64_t at = part.pos
    cdef int i, k
    if not w.precision:
        return fail(fault, MALFORMED, "stream_scan", "a scan comes before the frame header", 0, at, -1, -1)
    if short_of(part, 1) or short_of(part, 4 + 2 * <size_t>p[0]):
        return fail(fault, MALFORMED, "stream_scan", "the scan header is too short", 0, at, -1,
                    part.size - part.pos)
    scan.n = p[0]
    if not 1 <= scan.n <= w.n:
        return fail(fault, MALFORMED, "stream_scan", "components of a scan", 0, at, w.n, scan.n)
    for i in range(scan.n):
        k = 0
        while k < w.n and (w.done[k] or w.ids[k] != p[1 + 2 * i]):
            k += 1
        if k == w.n:            # also bounds the number of scans
            return fail(fault, MALFORMED, "stream_scan",
                        "a scan names an unknown component, or one for the second time", 0, at + 1 + 2 * i, -1,
                        p[1 + 2 * i])
        w.done[k] = True
        scan.component[i] = k
        scan.table[i] = p[2 + 2 * i] >> 4
        if scan.table[i] > 3 or not w.huffman[scan.table[i]].defined:
            return fail(fault, MALFORMED, "stream_tables", "a scan uses a Huffman table that is not there", 0,
                        at + 2 + 2 * i, -1, scan.table[i])
    p += 1 + 2 * scan.n
    at += 1 + 2 * scan.n
    scan.predictor = p[0]
    scan.transform = p[2] & 15
    if not 1 <= scan.predictor <= 7:
        return fail(fault, MALFORMED, "stream_scan", "predictor of a scan", 0, at, -1, p[0])
    if scan.transform >= w.precision:
        return fail(fault, MALFORMED, "stream_scan", "point transform of a scan", 0, at + 2, -1,
                    scan.transform)
    return 0


cdef int make_tables(Work* w, Scan* scan, int64_t at, Fault* fault) noexcept nogil:
    cdef int i
    cdef Huffman* table
    cdef Huffman* first = &w.huffman[scan.table[0]]
    for i in range(scan.n):
        table = &w.huffman[scan.table[i]]
        if not memcmp(table.counts, first.counts, 16) and not memcmp(table.values, first.values, 256):
            scan.table[i] = scan.table[0]
            table = first
        if not table.made and not lj_make_table(&w.tables[scan.table[i]], table.counts, table.values):
            return fail(fault, MALFORMED, "stream_tables", "a Huffman table is not one of lossless JPEG", 0, at, -1, -1)
        table.made = True
    return 0


cdef int next_interval(Work* w, uint32_t done, const uint8_t* data, const uint8_t* end, Fault* fault) noexcept nogil:
    """From the end of a restart interval over its marker RSTm; `done` counts the intervals."""
    cdef const uint8_t* p = w.reader.next
    cdef int expected = RST0 + <int>((done - 1) & 7)
    # T.81 pads to a whole byte; two more are let pass, many say that the codes were read wrongly
    if not w.reader.ended or lj_left(&w.reader) > 2:
        return fail(fault, MALFORMED, "stream_restart", "a restart interval holds more than its samples", 0,
                    lj_place(&w.reader) - data, -1, -1)
    while end - p > 1 and p[0] == 0xFF and p[1] == 0xFF:
        p += 1
    if end - p < 2:
        return fail(fault, TRUNCATED, "stream_cut", "the stream ends before its last sample", 0, end - data, -1,
                    -1)
    if p[1] != expected:
        return fail(fault, MALFORMED, "stream_restart", "marker after a restart interval", 0, p - data, expected, p[1])
    lj_start(&w.reader, p + 2, end)
    return 0


cdef struct Rows:               # how the rows of a scan become samples of the result
    size_t n                    # samples of a row
    uint32_t interval           # rows from one restart marker to the next
    const LjTable* tables[4]
    int table_count             # 1 where all components share a table
    const LjMulti* multi        # of that table; NULL where it would not pay
    LjStore store
    bint in_order               # the scan holds all components, as the result does
    bint in_place               # the result holds the rows themselves
    uint16_t start[4]           # "above" the first row of an interval


cdef int plan_rows(Work* w, const Scan* scan, const Spec* spec, const void* out, int64_t at, Rows* rows,
                   Fault* fault) noexcept nogil:
    cdef int bits = w.precision - scan.transform
    cdef int i
    rows.n = <size_t>spec.columns * scan.n
    rows.interval = spec.rows
    if w.interval:
        if w.interval % spec.columns:
            return fail(fault, UNSUPPORTED, "stream_restart", "a restart interval that is not a whole number of lines",
                        0, at, spec.columns, w.interval)
        rows.interval = w.interval // spec.columns
    rows.table_count = 1
    rows.in_order = scan.n == spec.samples
    for i in range(scan.n):
        rows.start[i] = <uint16_t>(1 << (bits - 1))
        rows.tables[i] = &w.tables[scan.table[i]]
        if scan.table[i] != scan.table[0]:
            rows.table_count = scan.n
        rows.in_order = rows.in_order and scan.component[i] == i
    rows.multi = NULL
    if rows.table_count == 1 and rows.n * spec.rows >= MULTI_SAMPLES:
        lj_make_multi(w.multi, rows.tables[0])
        rows.multi = w.multi
    rows.store.item = spec.item_bytes
    rows.store.transform = scan.transform
    rows.store.sign = 16 - spec.bits_stored if spec.is_signed and 1 <= spec.bits_stored <= 16 else -1
    # signed samples are met in `precision` bits and, by the arithmetic modulo 2^16, sign-extended to 16
    rows.store.bias = 1 << (bits - 1) if spec.is_signed and bits < 16 else 0
    rows.store.most = <uint16_t>((1 << bits) - 1 + rows.store.bias)
    rows.in_place = (rows.in_order and rows.store.item == 2 and rows.store.transform == 0 and rows.store.sign <= 0
                     and not <size_t>out & 1)
    return 0


cdef bint put_row(const Rows* rows, const Scan* scan, const Spec* spec, const uint16_t* row,
                  uint8_t* line) noexcept nogil:
    """Write a row to its line of the result; False where a sample exceeds the precision."""
    cdef bint fits = True
    cdef int i
    if rows.in_place:
        return lj_fits(&rows.store, rows.n, row)
    if rows.in_order:
        return lj_store(&rows.store, rows.n, row, 1, line, 1)
    for i in range(scan.n):
        fits &= lj_store(&rows.store, spec.columns, row + i, scan.n, line + scan.component[i] * spec.item_bytes,
                         spec.samples)
    return fits


cdef int decode_scan(Work* w, Scan* scan, Cursor* c, const Spec* spec, uint8_t* out, Fault* fault) noexcept nogil:
    cdef Rows rows
    cdef size_t room = <size_t>spec.columns * scan.n + 2 * LJ_SPILL
    cdef uint16_t* d = w.rows
    cdef uint16_t* above = d + room
    cdef uint16_t* row = above + room
    cdef uint16_t* to
    cdef size_t ahead = 0                           # differences of the next row that are there already
    cdef uint32_t y, left
    cdef uint32_t again = 0                         # the row from which the big look-up is used
    cdef int status
    cdef uint8_t* line = out
    if plan_rows(w, scan, spec, out, c.pos, &rows, fault) < 0:
        return -1
    lj_start(&w.reader, c.data + c.pos, c.data + c.size)
    for y in range(spec.rows):
        if y and y % rows.interval == 0 and next_interval(w, y // rows.interval, c.data, c.data + c.size, fault) < 0:
            return -1
        left = min(rows.interval - y % rows.interval, spec.rows - y) - 1    # rows of the interval below this one
        to = d + ahead
        status = lj_decode(&w.reader, rows.tables, rows.table_count, rows.multi if y >= again else NULL,
                           left * rows.n >= LJ_SPILL, &to, d + rows.n)
        if w.reader.missed > rows.n // MULTI_MISSES:
            again = y + MULTI_PAUSE
        w.reader.missed = 0
        if status == LJ_SHORT:
            return fail(fault, TRUNCATED, "stream_cut", "the stream ends before its last sample (lines)", 0,
                        w.reader.next - c.data, spec.rows, y)
        if status != LJ_OK:
            return fail(fault, MALFORMED, "stream_damaged", "no Huffman code of the stream begins here", 0,
                        lj_place(&w.reader) - c.data, -1, -1)
        if rows.in_place:
            row = <uint16_t*>line
        if y % rows.interval:
            lj_predict(scan.predictor, rows.n, scan.n, d, above, row)
        else:
            lj_predict(1, rows.n, scan.n, d, rows.start, row)
        ahead = to - (d + rows.n)
        memmove(d, d + rows.n, ahead * sizeof(uint16_t))
        if not put_row(&rows, scan, spec, row, line):
            return fail(fault, MALFORMED, "stream_sample", "a sample exceeds the precision of the stream (bits)",
                        0, lj_place(&w.reader) - c.data, w.precision, -1)
        above, row = row, above
        line += <size_t>spec.columns * spec.samples * spec.item_bytes
    c.pos = w.reader.next - c.data
    return 0


cdef int decode_stream(Work* w, const uint8_t* data, size_t size, const Spec* spec, uint8_t* out,
                       Fault* fault) noexcept nogil:
    cdef Cursor c
    cdef Cursor part
    cdef Scan scan
    cdef uint16_t word
    cdef int marker
    if begin_stream(&c, data, size, fault) < 0:
        return -1
    while True:
        marker = next_marker(&c)
        if marker == -1 or marker == EOI:
            return fail(fault, TRUNCATED, "stream_cut", "the stream ends before its last scan", 0, c.pos, -1, -1)
        if marker == SOI:
            continue
        if (is_frame_header(marker) and marker != SOF3) or marker == DHP:
            return fail(fault, UNSUPPORTED, "stream_process", "the JPEG process is not lossless (marker)", 0,
                        c.pos - 1, SOF3, marker)
        if open_segment(&c, &part, fault) < 0:
            return -1
        if marker == DHT:
            if read_dht(w, &part, fault) < 0:
                return -1
        elif marker == SOF3:
            if read_sof(w, &part, spec, fault) < 0:
                return -1
        elif marker == DRI:
            if not peek_u16(&part, 0, &word):
                return fail(fault, MALFORMED, "stream_segment", "a DRI segment is too short", 0, part.pos,
                            -1, -1)
            w.interval = word
        elif marker == SOS:
            if (read_sos(w, &part, &scan, fault) < 0 or make_tables(w, &scan, part.pos, fault) < 0
                    or decode_scan(w, &scan, &c, spec, out, fault) < 0):
                return -1
            if are_done(w.done, w.n):
                return 0


cdef int ljpeg_decode(const uint8_t* data, size_t size, const Spec* spec, void* out, Fault* fault) noexcept nogil:
    """One frame into `out`, [rows, columns, samples] of spec.item_bytes (1, 2 or 4); 0, or -1 with the fault filled."""
    cdef Work* w = <Work*>calloc(1, sizeof(Work))
    cdef int result
    if w == NULL:
        return fail(fault, NO_MEMORY, "no_memory", "Not enough memory for Huffman tables", 0, -1, -1, -1)
    result = decode_stream(w, data, size, spec, <uint8_t*>out, fault)
    free(w.rows)
    free(w)
    return result


def decode(data, FrameSpec spec, out):
    """Decode one frame.

    Parameters
    ----------
    data : bytes-like
        The frame's JPEG stream. Bytes behind the last sample are not looked at.
    spec : FrameSpec
        What the header says of the frame.
    out : ndarray [rows, columns, samples] of the stored integer type, C-contiguous
        Receives the samples. Signed ones are sign-extended from Bits Stored; no colour is converted.

    Returns
    -------
    str
        Photometric Interpretation of what was written.

    Raises
    ------
    TruncatedError
        The stream ends too early.
    MalformedError
        The stream contradicts itself or the header.
    UnsupportedError
        Not process 14, or a rare form of it (subsampling, DNL); libjpeg-turbo may decode it.
    """
    run_decoder(ljpeg_decode, data, spec, out, spec.out_size())
    if spec.c.samples == 1:
        return "PALETTE COLOR" if spec.photometric == "PALETTE COLOR" else "MONOCHROME"
    return "YBR_FULL" if spec.photometric.startswith("YBR_FULL") else spec.photometric
