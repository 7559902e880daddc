# A DICOM file: source -> scan -> header.

cdef ForkLock BEHIND = ForkLock()         # one thread at a time looks behind the pixel data of a file

cdef enum:
    FIRST_WINDOW = 65536        # bytes; the headers of most files fit, and small files whole


@internal
cdef class KnownLimits:
    """The C face of one `Limits`, so that it is not made for each file again."""
    cdef object limits
    cdef CLimits c


cdef KnownLimits last_limits = None     # replaced as a whole


cdef int limits_of(object limits, CLimits* out) except -1:
    global last_limits
    cdef KnownLimits known = last_limits
    if known is None or known.limits is not limits:
        known = KnownLimits.__new__(KnownLimits)
        known.limits = limits
        fill_limits(limits, &known.c)
        last_limits = known
    out[0] = known.c
    return 0


cdef class DicomFile(DataSet):
    """The data set of a file, and the header of its image. Of its pixel data nothing is read.

    Parameters
    ----------
    source : Source
        Where the bytes are.
    limits : dicomdecode.Limits
        What the file may ask for.
    """

    def __init__(self, Source source not None, limits):
        self.source = source
        self.limits = limits
        map_init(&self.m, NULL, 0, 0, source.size)
        self.read_from_source()
        limits_of(limits, &self.m.limits)
        self.grow(&self.m, FIRST_WINDOW)
        self.scan_front()
        if may_be_more(&self.m, &self.bytes):
            self.look_behind()
        parse_header(&self.m, &self.h)

    cdef int read_from_source(self) except -1:
        """Be told how the bytes are read, and hold none of them yet."""
        self.source.describe(&self.bytes)
        if self.bytes.read != NULL:
            self.m.steps_over = True
            self.windows = []
            self.far_values = {}
            self.held = 0
        return 0

    cdef int scan_front(self) except -1:
        cdef Fault fault
        cdef int result = SCAN_DEFLATED
        fault.kind = NO_FAULT
        while result == SCAN_DEFLATED:
            result = self.scan_windows(&self.m, True, &fault)
            if result == SCAN_FAULT:
                self.raise_fault(&fault, -1)
            elif result == SCAN_DEFLATED:
                self.inflate()
        return 0

    cdef int scan_windows(self, FileMap* m, bint stop_at_pixels, Fault* fault) except -2:
        """`scan`, with the windows that it asks for."""
        cdef int result
        while True:
            result = scan(m, stop_at_pixels, fault)
            if result == SCAN_FAR:
                if add_window(m, m.cursor.data, m.base) < 0:
                    return out_of_memory(m, fault)
                m.file_size = m.base + m.file_size - m.wanted
                m.base = m.wanted
                m.cursor.size = m.cursor.pos = 0
                m.wanted = min(<uint64_t>FIRST_WINDOW, m.file_size)
            elif result != SCAN_MORE:
                return result
            if self.held + m.wanted - m.cursor.size > m.limits.header_bytes:
                return fail(fault, OVER_LIMIT, "limit_header_bytes", "The header exceeds", 0,
                            <int64_t>(m.base + m.cursor.pos), <int64_t>m.limits.header_bytes, -1)
            self.grow(m, m.wanted)

    cdef int grow(self, FileMap* m, uint64_t wanted) except -1:
        """Hold at least the first `wanted` bytes of a window; positions stay."""
        cdef uint64_t size = m.cursor.size
        cdef bytes window
        cdef uint8_t* place
        cdef int64_t n
        if self.bytes.read == NULL:
            m.cursor.data = self.bytes.data + m.base
            m.cursor.size = <size_t>(self.bytes.held - m.base)
            return 0
        wanted = min(max(wanted, 4 * size), m.file_size)
        window = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>wanted)
        place = <uint8_t*>PyBytes_AS_STRING(window)
        n = read_bytes(&self.bytes, m.base, place, <size_t>wanted)
        if n < 0:
            self.source.raise_failure()
        if <uint64_t>n < wanted:
            raise MalformedError("The file changed while it was read: it holds fewer bytes than its size said",
                                 code="file_changed", offset=m.base + n)
        if size:
            self.windows.pop()
        self.windows.append(window)
        self.held += wanted - size
        if m.base == 0:
            self.bytes.data = place
            self.bytes.held = wanted
        m.cursor.data = place
        m.cursor.size = <size_t>wanted
        return 0

    cdef int look_behind(self) except -1:
        """Scan the elements behind the pixel data, once; damage there is no error, nor are more than may be read."""
        cdef FileMap tail
        cdef Element pixels
        cdef Fault fault
        cdef int64_t end
        if self.m.pixels.tag == 0 or self.looked_behind:
            return 0
        end = end_of_pixels(&self.m, &self.bytes, &pixels)
        if end == -2:
            self.source.raise_failure()
        if end < 0 or <uint64_t>end >= self.bytes.size:
            join_tail(&self.m, &pixels, NULL)
            self.looked_behind = True
            return 0
        begin_tail(&tail, &self.m, <uint64_t>end, self.bytes.size)
        fault.kind = NO_FAULT
        try:
            tail.cursor.data = held_at(&self.bytes, <uint64_t>end, tail.file_size)
            if tail.cursor.data != NULL:
                tail.cursor.size = <size_t>tail.file_size
            else:
                self.grow(&tail, FIRST_WINDOW)
            self.scan_windows(&tail, False, &fault)
            # With the GIL held: others look up elements in the table that grows here, once they see that it is whole.
            join_tail(&self.m, &pixels, &tail)
            self.looked_behind = True
        finally:
            map_free(&tail)
        return 0

    cdef int look_behind_later(self) except -1:
        """`look_behind` of a file at rest."""
        if self.m.pixels.tag and not self.looked_behind:
            self.source.wake()
            try:
                with BEHIND:
                    self.look_behind()
            finally:
                self.source.rest()
        return 0

    cdef const Element* element(self, uint32_t tag) except? NULL:
        cdef const Element* e
        if tag >> 16 == 2:
            return find(&self.m.meta, tag)
        e = find(&self.m.elements, tag)
        if e == NULL and self.m.pixels.tag and tag >= self.m.pixels.tag and not self.looked_behind:
            self.look_behind_later()
            e = find(&self.m.elements, tag)
        return e

    cdef Places places_of(self, const Element* e):
        """Those of a sequence of the file are kept: frame after frame asks for its functional groups."""
        if self.places is None:
            self.places = {}
        return self.places.setdefault(e.offset, Places.__new__(Places))

    cdef const uint8_t* bytes_of(self, const Element* e) except NULL:
        cdef bytes value
        if held_at(&self.bytes, e.offset, e.length) != NULL:
            return self.bytes.data + e.offset
        if not e.flags & FAR and e.offset != self.m.pixels.offset:
            return value_at(&self.m, e)
        value = self.far_values.get(e.offset)
        if value is None:
            value = self.far_value(e)
        return <const uint8_t*>PyBytes_AS_STRING(value)

    cdef bytes far_value(self, const Element* e):
        """Read a value that is not in memory, and keep it: items of sequences point into it."""
        if e.length > self.m.limits.header_bytes:
            raise over_limit("The value exceeds", "limit_header_bytes", self.m.limits.header_bytes, e.length, tag=e.tag)
        self.source.wake()
        try:
            value = bytes(self.source.read_at(e.offset, e.length))
        finally:
            self.source.rest()
        if <uint64_t>len(value) < e.length:
            raise MalformedError("The file changed while it was read: it holds fewer bytes than its size said",
                                 code="file_changed", offset=e.offset + <uint64_t>len(value))
        return self.far_values.setdefault(e.offset, value)

    cdef int raise_fault(self, const Fault* fault, int64_t frame) except -1:
        """Raise what a function without the GIL has met."""
        if fault.kind == UNREADABLE:
            self.source.raise_failure()
        if strcmp(fault.code, b"not_dicom") == 0:
            head = PyBytes_FromStringAndSize(<const char*>self.bytes.data, min(self.bytes.held, <size_t>512))
            if len(head) >= 8 or is_path(head):
                raise not_dicom(head)
        return raise_fault(fault, <int>frame)

    cdef int inflate(self) except -1:
        """Go on in the file as it is without deflation."""
        cdef uint64_t start = self.m.dataset_offset
        found = inflated_file(self.source, start, self.limits)
        self.source = FileSource(found) if type(found) is InflatedFile else MemorySource(found)
        self.read_from_source()
        self.m.file_size = self.bytes.size
        self.m.cursor.size = self.m.cursor.pos = 0
        self.grow(&self.m, start + FIRST_WINDOW)
        self.m.cursor.pos = <size_t>start
        self.m.begun = True
        return 0

    def tags(self):
        """The tags of all elements, file meta information first, then the data set in the order of the file."""
        self.look_behind_later()
        return DataSet.tags(self)

    def check(self):
        """Raise when the attributes do not describe an image, or one beyond the limits."""
        cdef Fault fault
        if check_header(&self.m, &self.h, &fault) < 0:
            raise_fault(&fault, -1)

    # The header, read-only. What is missing reads as 0 or None.
    @property
    def rows(self):
        return self.h.rows

    @property
    def columns(self):
        return self.h.columns

    @property
    def frames(self):
        return self.h.frames

    @property
    def samples(self):
        return self.h.samples

    @property
    def bits_allocated(self):
        return self.h.bits_allocated

    @property
    def bits_stored(self):
        return self.h.bits_stored

    @property
    def high_bit(self):
        return self.h.high_bit

    @property
    def low_bit(self):
        return low_bit_of(&self.h)

    @property
    def signed(self):
        return self.h.is_signed == 1

    @property
    def planar(self):
        return self.h.planar == 1

    @property
    def transfer_syntax(self):
        """Its UID; of a file without one that of the encoding it is written in."""
        cdef Uid uid = syntax_of(&self.m)
        return uid.text[:uid.length].decode("latin-1")

    @property
    def photometric(self):
        if self.h.photometric:
            name = photometric_name(self.h.photometric).decode("ascii")
            return name or self.text(0x00280004)
        return ""

    @property
    def named_colour(self):
        """Photometric Interpretation for `colour_of`: one of a single sample too, where there are three."""
        return "MONOCHROME2" if self.h.is_renamed and self.h.samples == 3 else self.photometric

    @property
    def photometric_term(self):
        """Photometric Interpretation for messages: a defined term, "" where it is missing, else "(no defined term)"."""
        term = photometric_name(self.h.photometric).decode("ascii")
        return "(no defined term)" if self.h.photometric == PI_OTHER else term

    @property
    def pixel_kind(self):
        """"integer", "float", "double", or "" when there are no pixel data."""
        return ("", "integer", "float", "double")[self.h.pixel_kind]

    @property
    def pixels_tag(self):
        """The tag of the pixel data element; 0 where there is none."""
        return self.h.pixels.tag

    @property
    def pixels_vr(self):
        """The VR of the pixel data; OW in implicit VR."""
        return vr_letters(self.h.pixels.vr) or "OW"

    @property
    def pixels_offset(self):
        """Where in the file the value of the pixel data begins."""
        return self.h.pixels.offset

    @property
    def pixels_length(self):
        """Bytes of the pixel data; where their length is undefined, to the end of the file."""
        return self.h.pixels.length

    @property
    def pixels_length_told(self):
        """The same as the element says it; `pixels_length` is more where that is too few."""
        return self.m.pixels.length

    @property
    def is_encapsulated(self):
        """Whether the length of the pixel data is undefined (PS3.5 A.4)."""
        return bool(self.h.pixels.flags & UNDEFINED)

    @property
    def pixels_cut(self):
        """Whether the file ends before the declared end of the pixel data."""
        return bool(self.h.pixels.flags & CUT)

    @property
    def big_endian(self):
        return bool(self.h.big_endian)

    @property
    def contradicts(self):
        """The data set is not encoded as its transfer syntax says."""
        return bool(self.m.contradicts)

    @property
    def guessed(self):
        """The file names no transfer syntax."""
        return bool(self.m.guessed)

    @property
    def skipped(self):
        """Bytes in front of the file, or of the data set, that belong to nothing; a command set counts as such."""
        return self.m.skipped

    @property
    def is_renamed(self):
        """Photometric Interpretation contradicts Samples per Pixel: `photometric` is one that does not."""
        return bool(self.h.is_renamed)

    @property
    def pixel_data_elements(self):
        """How many elements are named Pixel Data."""
        cdef size_t i
        cdef size_t n = 0
        self.look_behind_later()
        for i in range(self.m.elements.count):
            n += self.m.elements.items[i].tag == PIXEL_DATA
        return n

    @property
    def first_undelimited(self):
        """The first sequence of undefined length whose end is not there; 0 where there is none."""
        cdef size_t i
        for i in range(self.m.elements.count):
            if self.m.elements.items[i].flags == (UNDEFINED | CUT):
                return self.m.elements.items[i].tag
        return 0

    @property
    def first_odd_vr(self):
        """The first element whose VR does not exist; 0 if there is none."""
        cdef size_t i
        cdef const Element* e
        for i in range(self.m.elements.count):
            e = &self.m.elements.items[i]
            if e.vr and lacks_vr(e) and not is_written_un(&self.m, e):
                return e.tag
        return 0

    @property
    def first_repeated(self):
        """The first element that another one repeats; 0 where there is none."""
        cdef size_t i
        for i in range(1, self.m.elements.count):
            if self.m.elements.items[i].tag == self.m.elements.items[i - 1].tag:
                return self.m.elements.items[i].tag
        return 0

    @property
    def first_odd(self):
        """The first element of an odd length (PS3.5 7.1.1 forbids it); 0 where there is none."""
        cdef size_t i
        cdef const Element* e
        for i in range(self.m.elements.count):
            e = &self.m.elements.items[i]
            if e.length & 1 and not e.flags & (UNDEFINED | CUT):
                return e.tag
        e = &self.h.pixels
        return e.tag if e.length & 1 and not e.flags & (UNDEFINED | CUT) else 0

    @property
    def rescale(self):
        """(slope, intercept) of the modality stage, None when the data set has none (PS3.3 C.11.1)."""
        cdef double slope, intercept
        if self.h.unreadable:
            raise MalformedError("A decimal string is not a finite number", code="decimal_string",
                                 tag=self.h.unreadable)
        return (slope, intercept) if rescale_of(&self.h, &slope, &intercept) else None

    @property
    def window(self):
        """(center, width, function) of the first stored window, None when there is none."""
        if not self.h.has_window:
            return None
        return (self.h.center, self.h.width, ("LINEAR", "LINEAR_EXACT", "SIGMOID", "")[self.h.voi_function])

    @property
    def inverse(self):
        return bool(is_shown_inverted(&self.h))

    @property
    def padding_range(self):
        """The stored values that are padding, (first, last), None when the data set names none."""
        if not self.h.has_padding:
            return None
        return (min(self.h.padding, self.h.padding_limit), max(self.h.padding, self.h.padding_limit))

    @property
    def has_modality_lut(self):
        return bool(self.h.has_modality_lut)

    @property
    def has_voi_lut(self):
        return bool(self.h.has_voi_lut)

    @property
    def has_functional_groups(self):
        return bool(self.h.has_functional_groups)

    @property
    def delimits_items(self):
        """Whether an Item Delimitation follows one of the first two items of encapsulated pixel data."""
        cdef FragmentWalk walk
        cdef int i
        walk_init(&walk, &self.bytes, self.h.pixels.offset, self.h.pixels.offset + self.h.pixels.length)
        for i in range(3):
            if next_fragment(&walk) != FRAGMENT:
                break
        walk_free(&walk)
        return bool(walk.delimited)

    def fragments(self, *, int64_t after=-1, bint strict=False):
        """The items of encapsulated pixel data behind byte `after`, the Basic Offset Table among them: `Fragments`."""
        return Fragments(self, after, strict)
