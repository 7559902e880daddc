# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""The marker segments of JPEG and JPEG-LS streams (ITU-T T.81 annex B, T.87 annex C), up to the first scan."""
from libc.stdint cimport uint64_t
from libc.string cimport memcmp, memset

from dicomdecode.codecs._spec cimport FrameSpec, Spec
from dicomdecode.reading._cursor cimport peek_u16, short_of, u16_at
from dicomdecode.reading._reading cimport MALFORMED, TRUNCATED, ReadBuffer, fail, raise_fault


cdef int begin_stream(Cursor* c, const uint8_t* data, size_t size, Fault* fault) noexcept nogil:
    """`c` goes behind the SOI of a stream."""
    cdef uint16_t word
    c.data = data
    c.size = size
    c.pos = 0
    c.big_endian = True
    if not peek_u16(c, 0, &word):
        return fail(fault, TRUNCATED, "stream_cut", "the stream is empty", 0, size, -1, -1)
    if word != 0xFF00 + SOI:
        return fail(fault, MALFORMED, "stream_start", "the stream does not begin with SOI", 0, 0, 0xFF00 + SOI, word)
    c.pos = 2
    return 0


cdef int next_marker(Cursor* c) noexcept nogil:
    """The code of the next marker that has a segment, or EOI; -1 at the end. What is no marker is passed over."""
    cdef uint8_t code
    while not short_of(c, 2):
        code = c.data[c.pos + 1]
        if c.data[c.pos] != 0xFF or code == FILL:
            c.pos += 1
            continue
        c.pos += 2
        if code != 0 and has_segment(code):     # 0: a stuffed byte of entropy-coded data
            return code
    return -1


cdef int open_segment(Cursor* c, Cursor* part, Fault* fault) noexcept nogil:
    """`part` becomes the segment behind a marker, with offsets of the stream; `c` goes behind it."""
    cdef uint16_t length
    if not peek_u16(c, 0, &length):
        return fail(fault, TRUNCATED, "stream_cut", "the stream ends inside a marker segment", 0, c.pos, -1, -1)
    if length < 2:
        return fail(fault, MALFORMED, "stream_segment", "a marker segment is shorter than its length field (bytes)", 0,
                    c.pos, 2, length)
    if short_of(c, length):
        return fail(fault, TRUNCATED, "stream_cut", "the stream ends inside a marker segment (bytes)", 0, c.pos,
                    length, c.size - c.pos)
    part[0] = c[0]
    c.pos += length
    part.pos += 2
    part.size = c.pos
    return 0


cdef struct Hints:          # what speaks of the colour of three components
    bint is_jfif
    int adobe               # the transform of APP14; -1: there is none
    bint is_subsampled
    bint is_named_rgb


cdef int colour_by(const Hints* hints) noexcept nogil:
    """The first that speaks (PS3.5 8.2.1): sampling factors that differ (chroma only is subsampled), JFIF, the
    transform of Adobe's APP14 where it is 0 or 1, components named R, G, B.
    """
    if hints.is_subsampled or hints.is_jfif:
        return SAYS_YCC
    if hints.adobe == 0 or hints.adobe == 1:
        return SAYS_YCC if hints.adobe else SAYS_RGB
    return SAYS_RGB if hints.is_named_rgb else SAYS_NOTHING


cdef int read_frame_header(int marker, const Cursor* part, JpegHead* head, Hints* hints, Fault* fault) noexcept nogil:
    """P, Y, X, Nf, and three bytes for each component: identifier, sampling factors, table."""
    cdef const uint8_t* body = part.data + part.pos
    cdef size_t length = part.size - part.pos
    cdef int i
    if head.process:
        return fail(fault, MALFORMED, "stream_header", "there are two frame headers", 0, part.pos, -1, -1)
    if length < 6 or body[5] == 0 or length != 6 + 3 * <size_t>body[5]:
        return fail(fault, MALFORMED, "stream_header", "the frame header contradicts itself", 0, part.pos, -1, -1)
    head.process = marker
    head.precision = body[0]
    head.rows = u16_at(body + 1, True)
    head.columns = u16_at(body + 3, True)
    head.components = body[5]
    for i in range(head.components):
        if i < 4:
            head.sampling[i] = body[7 + 3 * i]
        hints.is_subsampled = hints.is_subsampled or body[7 + 3 * i] != body[7]
    hints.is_named_rgb = head.components == 3 and body[6] == c'R' and body[9] == c'G' and body[12] == c'B'
    return 0


cdef int read_scan_header(const Cursor* part, JpegHead* head, Fault* fault) noexcept nogil:
    """Ns, two bytes for each component, and three: in JPEG-LS NEAR, ILV and Pt."""
    cdef const uint8_t* body = part.data + part.pos
    cdef size_t length = part.size - part.pos
    if head.process == 0:
        return fail(fault, MALFORMED, "stream_scan", "a scan comes before the frame header", 0, part.pos, -1, -1)
    if length < 1 or length != 4 + 2 * <size_t>body[0] or not 1 <= body[0] <= head.components:
        return fail(fault, MALFORMED, "stream_scan", "a scan header contradicts itself or the frame header", 0,
                    part.pos, -1, -1)
    head.scan = part.pos - 4
    head.entropy = part.size
    head.scan_components = body[0]
    head.near_lossless = body[1 + 2 * body[0]]
    return 0


cdef void read_huffman_tables(const Cursor* part, JpegHead* head) noexcept nogil:
    """For each table Tc and Th, 16 counts of codes by their length, and so many values (T.81 B.2.4.2)."""
    cdef Cursor c = part[0]
    cdef int* shortest
    cdef int n
    cdef size_t values
    while not short_of(&c, 17):
        shortest = &head.shortest_code[1 if c.data[c.pos] >> 4 else 0]
        values = 0
        for n in range(16, 0, -1):
            values += c.data[c.pos + n]
            if c.data[c.pos + n] and (shortest[0] == 0 or n < shortest[0]):
                shortest[0] = n
        if short_of(&c, 17 + values):
            return
        c.pos += 17 + values


cdef int walk_segments(Cursor* c, JpegHead* head, Hints* hints, Fault* fault) noexcept nogil:
    cdef Cursor part
    cdef const uint8_t* body
    cdef size_t length
    cdef int marker
    while True:
        if head.stray < 0 and not short_of(c, 1) and c.data[c.pos] != 0xFF:
            head.stray = c.pos
        marker = next_marker(c)
        if marker < 0 or marker == EOI:
            return fail(fault, TRUNCATED, "stream_cut", "the stream ends before its first scan", 0, c.pos, -1, -1)
        if open_segment(c, &part, fault) < 0:
            return -1
        body = part.data + part.pos
        length = part.size - part.pos
        if marker == SOS:
            return read_scan_header(&part, head, fault)
        if is_frame_header(marker):
            if read_frame_header(marker, &part, head, hints, fault) < 0:
                return -1
        elif marker == APP0 and length >= 5 and memcmp(body, <const char*>b"JFIF\x00", 5) == 0:
            hints.is_jfif = True
        elif marker == APP14 and length >= 12 and memcmp(body, <const char*>b"Adobe", 5) == 0:
            hints.adobe = body[11]
        elif marker == DHT:
            read_huffman_tables(&part, head)
        elif marker == DRI and length >= 2:
            head.interval = u16_at(body, True)


cdef int walk_to_scan(const uint8_t* data, size_t size, JpegHead* head, Fault* fault) noexcept nogil:
    """Read the marker segments up to the first scan; 0, or -1 with the fault filled, and the head as far as it goes."""
    cdef Cursor c
    cdef Hints hints
    cdef int status
    memset(head, 0, sizeof(JpegHead))
    memset(&hints, 0, sizeof(Hints))
    head.stray = -1
    hints.adobe = -1
    if size < 4:
        return fail(fault, TRUNCATED, "stream_cut", "the stream ends before its first scan", 0, size, -1, -1)
    if begin_stream(&c, data, size, fault) < 0:
        return -1
    status = walk_segments(&c, head, &hints, fault)
    if head.components == 3:
        head.colour = colour_by(&hints)
    return status


cdef bint read_jpeg_head(const uint8_t* data, size_t size, JpegHead* head) noexcept nogil:
    """The head, as far as it goes; False where that is not as far as a frame header."""
    cdef Fault fault
    walk_to_scan(data, size, head, &fault)
    return head.process != 0


cdef inline uint64_t parts_of(uint64_t whole, int size) noexcept nogil:
    return (whole + <uint64_t>size - 1) // <uint64_t>size


cdef void largest_factors(const JpegHead* head, int* across, int* down) noexcept nogil:
    """The largest sampling factors; 0 where one of any component is 0."""
    cdef int h, v, i
    across[0] = down[0] = 0
    for i in range(min(head.components, 4)):
        h = head.sampling[i] >> 4
        v = head.sampling[i] & 15
        if not (h and v):
            across[0] = down[0] = 0
            return
        across[0] = max(across[0], h)
        down[0] = max(down[0], v)


cdef uint64_t count_blocks(const JpegHead* head) noexcept nogil:
    """Of 8 x 8 samples, of the first four components (T.81 A.1.1, A.2.3); 0 where a sampling factor is 0."""
    cdef uint64_t blocks = 0
    cdef int across, down, i
    largest_factors(head, &across, &down)
    if not (across and down):
        return 0
    for i in range(min(head.components, 4)):
        blocks += (parts_of(<uint64_t>head.columns * (head.sampling[i] >> 4), 8 * across)
                   * parts_of(<uint64_t>head.rows * (head.sampling[i] & 15), 8 * down))
    return blocks


cdef uint64_t least_bits(const JpegHead* head, uint64_t blocks) noexcept nogil:
    """The fewest bits of entropy-coded data that hold so many blocks.

    T.81 F.1.2 and G.1.2: a block of a sequential scan takes a code for DC and one that ends AC at least, one of a
    progressive picture a code for DC; in a lossless process each sample takes a code (H.1.2). Arithmetic coding has no
    least length; 64 blocks for a bit are more than any picture has.
    """
    # Where there are several scans, later ones may bring shorter codes.
    cdef bint knows_codes = head.scan_components == head.components
    cdef int dc = max(1, head.shortest_code[0]) if knows_codes else 1
    cdef int ac = max(1, head.shortest_code[1]) if knows_codes else 1
    if head.process == SOF3:
        return <uint64_t>head.rows * head.columns * <uint64_t>(head.components * dc)
    if head.process == SOF0 or head.process == SOF1:
        return blocks * <uint64_t>(dc + ac)
    return blocks if head.process == SOF2 else blocks // 64


cdef int check_layout(const JpegHead* head, const Spec* spec, Fault* fault) noexcept nogil:
    if head.rows != spec.rows:
        return fail(fault, MALFORMED, "stream_rows", "rows of the stream", 0x00280010u, -1, spec.rows, head.rows)
    if head.columns != spec.columns:
        return fail(fault, MALFORMED, "stream_columns", "columns of the stream", 0x00280011u, -1, spec.columns,
                    head.columns)
    if head.components != spec.samples:
        return fail(fault, MALFORMED, "stream_components", "components of the stream", 0x00280002u, -1, spec.samples,
                    head.components)
    if not 1 <= head.precision <= 8 * spec.item_bytes:
        return fail(fault, MALFORMED, "stream_precision", "bits of a sample of the stream, at most", 0x00280100u, -1,
                    8 * spec.item_bytes, head.precision)
    return 0


cdef class StreamHeader:
    """What a stream says of itself.

    Attributes
    ----------
    process : int
        The low byte of its SOF marker: 0xC0 baseline, 0xC1 extended, 0xC2 progressive, 0xC3 lossless, 0xF7 JPEG-LS.
    precision, rows, columns, components : int
        Of the frame header.
    units : int
        MCUs of a scan of all components (T.81 A.2); 0 where a sampling factor is 0.
    interval : int
        MCUs from one restart marker to the next; 0 where there are none.
    scan : int
        Offset of the first SOS marker.
    entropy : int
        Offset of what follows the segment of that marker.
    scan_components : int
        How many components the first scan holds.
    """
    cdef JpegHead head

    @property
    def process(self):
        return self.head.process

    @property
    def precision(self):
        return self.head.precision

    @property
    def rows(self):
        return self.head.rows

    @property
    def columns(self):
        return self.head.columns

    @property
    def components(self):
        return self.head.components

    @property
    def units(self):
        cdef int across, down
        largest_factors(&self.head, &across, &down)
        if not (across and down):
            return 0
        if self.head.components == 1:
            across = down = 1
        return parts_of(self.head.columns, 8 * across) * parts_of(self.head.rows, 8 * down)

    @property
    def interval(self):
        return self.head.interval

    @property
    def scan(self):
        return self.head.scan

    @property
    def entropy(self):
        return self.head.entropy

    @property
    def scan_components(self):
        return self.head.scan_components


def read_header(data, FrameSpec spec not None):
    """Walk the marker segments up to the first scan.

    Raises
    ------
    MalformedError
        No stream of this family begins here, or a segment is damaged.
    TruncatedError
        The stream ends before its first scan.
    """
    cdef ReadBuffer stream = ReadBuffer(data)
    cdef StreamHeader header = StreamHeader.__new__(StreamHeader)
    cdef Fault fault
    cdef int status = walk_to_scan(stream.data, stream.size, &header.head, &fault)
    if header.head.stray >= 0:
        status = fail(&fault, MALFORMED, "stream_marker", "a marker was expected", 0, header.head.stray, -1, -1)
    if status < 0:
        raise_fault(&fault, spec.frame)
    return header


def check_stream(StreamHeader header not None, FrameSpec spec not None):
    """Raise MalformedError, naming both, when stream and data set disagree in size, components or room for samples."""
    cdef Fault fault
    if check_layout(&header.head, &spec.c, &fault) < 0:
        raise_fault(&fault, spec.frame)


def check_length(StreamHeader header not None, int64_t end, FrameSpec spec not None):
    """Raise when what is in front of `end` cannot hold every block of the picture, whatever is in them."""
    cdef Fault fault
    cdef int64_t found = max(<int64_t>0, end - header.head.entropy)
    cdef uint64_t blocks = count_blocks(&header.head)
    cdef uint64_t bits = least_bits(&header.head, blocks)
    if blocks == 0:
        fail(&fault, MALFORMED, "stream_header", "the frame header has a sampling factor of 0", 0, -1, -1, -1)
        raise_fault(&fault, spec.frame)
    if bits > 8 * <uint64_t>found:
        fail(&fault, TRUNCATED, "stream_cut", "the stream is too short for its blocks (bytes)", 0, end,
             <int64_t>parts_of(bits, 8), found)
        raise_fault(&fault, spec.frame)


def find_end(data, StreamHeader header not None):
    """The offset of EOI, -1 where there is none: entropy-coded data hold no 0xFFD9, so the last one is the end."""
    cdef ReadBuffer stream = ReadBuffer(data)
    cdef int64_t at = <int64_t>stream.size - 2
    while at >= header.head.entropy:
        if stream.data[at] == 0xFF and stream.data[at + 1] == EOI:
            return at
        at -= 1
    return -1
