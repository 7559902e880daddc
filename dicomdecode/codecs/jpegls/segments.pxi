# The marker segments of JPEG-LS, up to a scan's entropy-coded data: T.87 annex C, whose names are used.

cdef enum:
    BY_COMPONENT = 0            # ILV of T.87 C.2.3
    BY_LINE = 1
    BY_SAMPLE = 2
    MOST_ENTRIES = 65536        # of a mapping table

cdef struct Frame:
    int precision               # P; 0: no frame header yet
    int64_t at                  # where P is
    uint32_t lines, columns     # Y and X, 0 where they are given elsewhere
    uint32_t more_lines, more_columns   # Ye and Xe of LSE
    int n                       # components
    uint8_t ids[4]
    uint8_t across[4]           # Hi
    uint8_t down[4]             # Vi
    uint32_t most_across, most_down     # Hmax, Vmax
    bint done[4]
    JlsParameters preset        # of the last LSE segment; 0: the default
    JlsTable tables[256]        # by TID
    uint32_t interval           # Ri, in lines
    int transform               # of APP8 "mrfx"
    uint16_t* rows

cdef struct Order:              # what a scan header says
    int n
    int component[4]            # their place in the frame
    const JlsTable* table[4]    # Tm; NULL: samples are values
    bint by_sample
    int point                   # Pt


cdef int marker_here(Cursor* c, Fault* fault) noexcept nogil:
    """The code of the marker here, RSTm and TEM left out; -1 with the fault filled."""
    cdef int marker
    if not short_of(c, 1) and c.data[c.pos] != 0xFF:
        return fail(fault, MALFORMED, "stream_marker", "a marker was expected", 0, c.pos, -1, -1)
    marker = next_marker(c)
    if marker < 0:
        return fail(fault, TRUNCATED, "stream_cut", "the stream ends before its last scan", 0, c.size, -1, -1)
    return marker


cdef int check_size(const Frame* f, const Spec* spec, Fault* fault) noexcept nogil:
    """Y and X against the image's header. Y may be 0: then DNL follows the first scan (T.81 B.2.5)."""
    cdef uint32_t lines = f.lines if f.lines else f.more_lines
    cdef uint32_t columns = f.columns if f.columns else f.more_columns
    if lines and lines != spec.rows:
        return fail(fault, MALFORMED, "stream_rows", "rows of the stream", 0x00280010u, f.at + 1, spec.rows, lines)
    if columns != spec.columns:
        return fail(fault, MALFORMED, "stream_columns", "columns of the stream", 0x00280011u, f.at + 3, spec.columns,
                    columns)
    return 0


cdef int check_precision(const Frame* f, const Spec* spec, const JlsTable* table, Fault* fault) noexcept nogil:
    """Whether the values of a component fit the samples of the image."""
    cdef int bits = 8 * table.width if table != NULL else f.precision
    if bits > 8 * spec.item_bytes:
        return fail(fault, MALFORMED, "stream_precision", "bits of a sample of the stream, at most", 0x00280100u, f.at,
                    8 * spec.item_bytes, bits)
    return 0


cdef int read_frame(Frame* f, Cursor* part, const Spec* spec, Fault* fault) noexcept nogil:
    """P, Y, X and Nf of the frame header, and its components."""
    cdef const uint8_t* p = part.data + part.pos
    cdef int64_t at = part.pos
    cdef int i
    if f.precision:
        return fail(fault, MALFORMED, "stream_header", "there are two frame headers", 0, at, -1, -1)
    if short_of(part, 6) or part.size - part.pos != 6 + 3 * <size_t>p[5]:
        return fail(fault, MALFORMED, "stream_header", "the frame header contradicts itself", 0, at, -1, -1)
    if p[5] != spec.samples or not 1 <= p[5] <= 4:
        return fail(fault, MALFORMED, "stream_components", "components of the stream", 0x00280002u, at + 5,
                    spec.samples, p[5])
    if not 2 <= p[0] <= 16:
        return fail(fault, MALFORMED, "stream_precision", "bits of a sample of the stream, 2 to", 0x00280100u, at, 16,
                    p[0])
    f.at = at
    f.lines = u16_at(p + 1, True)
    f.columns = u16_at(p + 3, True)
    f.n = p[5]
    for i in range(f.n):
        f.ids[i] = p[6 + 3 * i]
        f.across[i] = p[7 + 3 * i] >> 4 if f.n > 1 else 1
        f.down[i] = p[7 + 3 * i] & 15 if f.n > 1 else 1
        if not (1 <= f.across[i] <= 4 and 1 <= f.down[i] <= 4):     # T.81 B.2.2
            return fail(fault, MALFORMED, "stream_header", "impossible sampling factors of a component", 0,
                        at + 7 + 3 * i, -1, p[7 + 3 * i])
        f.most_across = max(f.most_across, <uint32_t>f.across[i])
        f.most_down = max(f.most_down, <uint32_t>f.down[i])
    f.precision = p[0]
    # for each component the row above and this one; three to convert colour in
    f.rows = <uint16_t*>calloc((2 * f.n + 3) * (<size_t>spec.columns + 2 * JLS_MARGIN), sizeof(uint16_t))
    if f.rows == NULL:
        return fail(fault, NO_MEMORY, "no_memory", "Not enough memory for rows of JPEG-LS", 0, -1, -1, -1)
    return 0


cdef bint are_alike(const Frame* f, int i, int k) noexcept nogil:
    return f.across[i] == f.across[k] and f.down[i] == f.down[k]


cdef bint is_subsampled(const Frame* f) noexcept nogil:
    cdef int i
    for i in range(1, f.n):
        if not are_alike(f, 0, i):
            return True
    return False


cdef uint32_t size_of(uint32_t pixels, uint32_t factor, uint32_t most) noexcept nogil:
    """How many columns or lines a component has (T.81 A.1.1)."""
    return <uint32_t>((<uint64_t>pixels * factor + most - 1) // most)


cdef uint32_t number_of(const uint8_t* p, size_t length) noexcept nogil:
    cdef uint32_t number = 0
    cdef size_t i
    for i in range(length):
        number = (number << 8) | p[i]
    return number


cdef int read_table(Frame* f, Cursor* part, bint goes_on, Fault* fault) noexcept nogil:
    """A mapping table (T.87 C.2.4.1.2), or the next part of one (C.2.4.1.3): TID, Wt, entries."""
    cdef const uint8_t* p = part.data + part.pos + 1
    cdef size_t length = part.size - part.pos - 1
    cdef JlsTable* table
    cdef uint8_t* grown
    if length < 2 or p[0] == 0 or p[1] == 0 or (length - 2) % p[1]:
        return fail(fault, MALFORMED, "stream_mapping", "a mapping table of a wrong length", 0, part.pos, -1, -1)
    table = &f.tables[p[0]]
    if not goes_on:
        table.size = 0
        table.width = p[1]
    length -= 2
    if table.width != p[1] or (table.size + length) // p[1] > MOST_ENTRIES:
        return fail(fault, MALFORMED, "stream_mapping", "a mapping table goes on differently, or without an end", 0,
                    part.pos, -1, -1)
    grown = <uint8_t*>realloc(table.bytes, table.size + length + 1)
    if grown == NULL:
        return fail(fault, NO_MEMORY, "no_memory", "Not enough memory for a mapping table", 0, -1, -1, -1)
    memcpy(grown + table.size, p + 2, length)
    table.bytes = grown
    table.size += length
    return 0


cdef int read_preset(Frame* f, Cursor* part, Fault* fault) noexcept nogil:
    """LSE (T.87 C.2.4): coding parameters, mapping tables, or the size of a picture that needs more than 16 bits."""
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
        return 0
    if p[0] == 2 or p[0] == 3:
        return read_table(f, part, p[0] == 3, fault)
    if p[0] != 4:
        return fail(fault, UNSUPPORTED, "stream_preset", "coding parameters of this kind", 0, part.pos, -1, p[0])
    if length < 2 or not 2 <= p[1] <= 4 or length != 2 + 2 * <size_t>p[1]:
        return fail(fault, MALFORMED, "stream_preset", "a size of a wrong length (bytes)", 0, part.pos, -1, length)
    f.more_lines = number_of(p + 2, p[1])
    f.more_columns = number_of(p + 2 + p[1], p[1])
    return 0


cdef int read_lines(Cursor* part, const Spec* spec, Fault* fault) noexcept nogil:
    """DNL (T.81 B.2.5): NL has 2, 3 or 4 bytes."""
    cdef size_t length = part.size - part.pos
    cdef uint32_t lines
    if not 2 <= length <= 4:
        return fail(fault, MALFORMED, "stream_dnl", "a number of lines of a wrong length (bytes)", 0, part.pos, 2,
                    length)
    lines = number_of(part.data + part.pos, length)
    if lines != spec.rows:
        return fail(fault, MALFORMED, "stream_rows", "rows of the stream", 0x00280010u, part.pos, spec.rows, lines)
    return 0


cdef int lines_behind_scan(Cursor* c, const Spec* spec, Fault* fault) noexcept nogil:
    """DNL, which has to follow the first scan where no header gives the number of lines."""
    cdef Cursor part
    cdef int marker = marker_here(c, fault)
    if marker < 0:
        return -1
    if marker != DNL:
        return fail(fault, MALFORMED, "stream_dnl", "nothing gives the number of lines (marker)", 0, c.pos - 2, DNL,
                    marker)
    return -1 if open_segment(c, &part, fault) < 0 else read_lines(&part, spec, fault)


cdef int read_interval(Frame* f, Cursor* part, Fault* fault) noexcept nogil:
    """DRI (T.87 C.2.5): Ri has 2, 3 or 4 bytes."""
    cdef size_t length = part.size - part.pos
    if not 2 <= length <= 4:
        return fail(fault, MALFORMED, "stream_restart", "a restart interval of a wrong length (bytes)", 0, part.pos, 2,
                    length)
    f.interval = number_of(part.data + part.pos, length)
    return 0


cdef int read_components(Frame* f, const uint8_t* h, int64_t at, const Spec* spec, Order* order,
                         Fault* fault) noexcept nogil:
    """Ns components of a scan header, and their mapping tables, from Ns on."""
    cdef int i, k
    order.n = h[0]
    for i in range(order.n):
        k = 0
        while k < f.n and (f.done[k] or f.ids[k] != h[1 + 2 * i]):
            k += 1
        if k == f.n:            # also bounds the number of scans
            return fail(fault, MALFORMED, "stream_scan",
                        "a scan names an unknown component, or one for the second time", 0, at + 1 + 2 * i, -1,
                        h[1 + 2 * i])
        order.table[i] = &f.tables[h[2 + 2 * i]] if h[2 + 2 * i] else NULL
        if order.table[i] != NULL and order.table[i].width == 0:
            return fail(fault, MALFORMED, "stream_mapping", "a scan uses a mapping table that is not there", 0,
                        at + 2 + 2 * i, -1, h[2 + 2 * i])
        if check_precision(f, spec, order.table[i], fault) < 0:
            return -1
        f.done[k] = True
        order.component[i] = k
    return 0


cdef bint has_table(const Order* order) noexcept nogil:
    cdef int i
    for i in range(order.n):
        if order.table[i] != NULL:
            return True
    return False


cdef int read_order(const Frame* f, const uint8_t* h, int64_t at, Order* order, Fault* fault) noexcept nogil:
    """ILV and Pt of a scan header, from ILV on."""
    cdef int i
    if h[0] > BY_SAMPLE or (order.n == 1) != (h[0] == BY_COMPONENT):
        return fail(fault, MALFORMED, "stream_scan", "interleave mode of a scan", 0, at, -1, h[0])
    order.by_sample = h[0] == BY_SAMPLE
    order.point = h[1] & 15
    if order.point >= f.precision:
        return fail(fault, MALFORMED, "stream_scan", "a point transform leaves no bit, of", 0, at + 1, f.precision,
                    order.point)
    if order.point and has_table(order):        # T.87 does not say which comes first
        return fail(fault, UNSUPPORTED, "stream_transform",
                    "a point transform together with a mapping table is not supported", 0, at + 1, -1, -1)
    for i in range(order.n):
        if order.by_sample and not are_alike(f, order.component[0], order.component[i]):
            return fail(fault, MALFORMED, "stream_scan", "a scan by sample of components of different sizes", 0, at,
                        -1, -1)
    return 0


cdef int read_scan_header(Frame* f, Cursor* part, const Spec* spec, Order* order, JlsParameters* p,
                          Fault* fault) noexcept nogil:
    """SOS (T.87 C.2.3): components and their order, and the coding parameters, completed."""
    cdef const uint8_t* h = part.data + part.pos
    cdef int64_t at = part.pos
    if not f.precision:
        return fail(fault, MALFORMED, "stream_scan", "a scan comes before the frame header", 0, at, -1, -1)
    if short_of(part, 1) or part.size - part.pos != 4 + 2 * <size_t>h[0] or not 1 <= h[0] <= f.n:
        return fail(fault, MALFORMED, "stream_scan", "a scan header contradicts itself or the frame header", 0, at, -1,
                    -1)
    if check_size(f, spec, fault) < 0 or read_components(f, h, at, spec, order, fault) < 0:
        return -1
    h += 1 + 2 * order.n
    at += 1 + 2 * order.n
    if read_order(f, h + 1, at + 1, order, fault) < 0:
        return -1
    p[0] = f.preset
    p.near = h[0]
    if p.maxval == 0:
        p.maxval = (1 << f.precision) - 1
    if p.maxval >= 1 << f.precision or not jls_complete(p):
        return fail(fault, MALFORMED, "stream_preset", "impossible coding parameters", 0, at, -1, -1)
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
    if marker == DNL:
        return read_lines(part, spec, fault)
    if is_frame_header(marker):
        return fail(fault, MALFORMED, "stream_process", "the stream is of another JPEG process (marker)", 0,
                    part.pos - 3, SOF55, marker)
    if marker == APP8 and part.size - part.pos == 5 and memcmp(p, b"mrfx", 4) == 0:
        if p[4] > 3:
            return fail(fault, UNSUPPORTED, "stream_transform", "an unknown colour transform", 0, part.pos + 4, 3, p[4])
        f.transform = p[4]
    return 0
