# The scanner: from the bytes of a file to a flat table of data elements (PS3.5 section 7, PS3.10 section 7).
#
# Nested data sets are walked only as far as needed to find where they end; what is in them is scanned when asked for.

cdef enum HeaderForm:
    SHORT_FORM      # tag, VR, 16-bit length
    LONG_FORM       # tag, VR, 2 reserved bytes, 32-bit length
    UNKNOWN_VR      # two capital letters of no VR
    NO_VR           # not a VR at all

cdef enum Following:        # what is where an element ends
    OUTSIDE             # the file has ended before
    NOTHING             # no element
    UNSEEN              # what is outside the window
    A_TAG               # a tag of the same group or the next, without a VR
    AN_ELEMENT          # an element with a VR, a delimiter, or the end

cdef enum Level:
    IN_SEQUENCE = 1     # items are expected here; else elements
    IS_EXPLICIT = 2
    IS_BIG_ENDIAN = 4

cdef enum:
    FOREIGN_BYTES = 512         # that may be in front of the file or the data set: fewer than a tar archive's header
    STACK_SIZE = 2 * 256 + 2    # limits.MAX_DEPTH levels of a sequence and an item each


cdef uint8_t[26 * 26] FORMS     # of each pair of capital letters: a HeaderForm (PS3.5 7.1.2)


cdef int learn_forms() except -1:
    cdef int i
    for i in range(26 * 26):
        FORMS[i] = UNKNOWN_VR
    for form, names in ((SHORT_FORM, "AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US"),
                        (LONG_FORM, "OB OD OF OL OV OW SQ SV UC UN UR UT UV")):
        for name in names.split():
            FORMS[26 * (ord(name[0]) - 65) + ord(name[1]) - 65] = form
    return 0


learn_forms()


cdef inline int form_of(uint8_t a, uint8_t b) noexcept nogil:
    """How the header of an element with this VR is laid out."""
    a -= c'A'
    b -= c'A'
    return FORMS[26 * a + b] if a < 26 and b < 26 else NO_VR


cdef inline bint element_header(const Cursor* c, uint64_t file_size, bint explicit_vr, uint32_t* tag, uint16_t* vr,
                                uint32_t* length, size_t* header) noexcept nogil:
    """Read one header without moving; False when it does not fit in the window."""
    cdef uint16_t short_length = 0
    cdef const uint8_t* p
    cdef int form
    if short_of(c, 8):
        return False
    p = c.data + c.pos
    tag[0] = <uint32_t>u16_at(p, c.big_endian) << 16 | u16_at(p + 2, c.big_endian)
    vr[0] = 0
    header[0] = 8
    if not explicit_vr or tag[0] >> 16 == 0xFFFE:
        length[0] = u32_at(p + 4, c.big_endian)
        return True
    form = form_of(p[4], p[5])
    vr[0] = <uint16_t>((p[4] << 8) | p[5])
    short_length = u16_at(p + 6, c.big_endian)
    if form == SHORT_FORM:
        length[0] = short_length
        return True
    if form == LONG_FORM:
        header[0] = 12
        return peek_u32(c, 8, length)
    return odd_header(c, file_size, vr, length, header)


cdef int follows(const Cursor* c, uint64_t file_size, uint32_t tag, uint64_t at) noexcept nogil:
    """How well byte `at` suits as the end of an element: a Following."""
    cdef const uint8_t* p
    cdef uint32_t next_tag
    if at > file_size:
        return OUTSIDE
    if at == file_size:
        return AN_ELEMENT
    if at + 8 > c.size:
        return UNSEEN if c.size < file_size else NOTHING
    p = c.data + at
    next_tag = <uint32_t>u16_at(p, c.big_endian) << 16 | u16_at(p + 2, c.big_endian)
    if next_tag >> 16 == 0xFFFE:
        return AN_ELEMENT if next_tag == ITEM_DELIMITATION or next_tag == SEQUENCE_DELIMITATION else NOTHING
    if next_tag < tag:
        return NOTHING
    return AN_ELEMENT if form_of(p[4], p[5]) <= LONG_FORM else A_TAG if next_tag - tag < 0x10000u else NOTHING


cdef int odd_header(const Cursor* c, uint64_t file_size, uint16_t* vr, uint32_t* length,
                    size_t* header) noexcept nogil:
    """The header of an element whose VR is none; False when it cannot be told in this window.

    It may be of a later edition (32-bit length), damaged (16-bit length), or left out by a writer that then uses the
    implicit form. The layout is taken behind which the next element begins.
    """
    cdef const uint8_t* p = c.data + c.pos
    cdef uint32_t tag = <uint32_t>u16_at(p, c.big_endian) << 16 | u16_at(p + 2, c.big_endian)
    cdef bint has_letters = form_of(p[4], p[5]) == UNKNOWN_VR
    cdef uint64_t left = file_size - c.pos
    cdef uint32_t[3] lengths
    cdef size_t[3] headers
    cdef int best = OUTSIDE
    cdef int found, i
    headers = [8, 12, 8]
    lengths = [u16_at(p + 6, c.big_endian), 0, u32_at(p + 4, c.big_endian)]
    if has_letters and lengths[0] == 0:
        if left >= 12 and not peek_u32(c, 8, &lengths[1]):
            return False
        headers = [12, 8, 8]                # PS3.5 7.1.2: VRs of later editions have 32-bit lengths
        lengths[0], lengths[1] = lengths[1], lengths[0]
    elif lengths[0] == 0:
        if left >= 12 and not peek_u32(c, 8, &lengths[1]):
            return False
    else:
        lengths[1] = lengths[0]             # reserved bytes are 0: there is no 32-bit length
        headers[1] = 8
    if not has_letters:
        vr[0] = VR_UN
    length[0] = lengths[0]
    header[0] = headers[0]
    for i in range(3):
        if lengths[i] == UNDEFINED_LENGTH:
            if c.pos + headers[i] + 4 > c.size:
                found = UNSEEN if c.size < file_size else NOTHING
            else:
                found = AN_ELEMENT if items_begin(p + headers[i]) else NOTHING
        else:
            found = follows(c, file_size, tag, c.pos + headers[i] + lengths[i])
        if found == UNSEEN and lengths[i] <= 0xFFFF and c.size - c.pos < 0x10010:
            return False
        if found > best:
            best = found
            length[0] = lengths[i]
            header[0] = headers[i]
    return True


cdef inline bint items_begin(const uint8_t* p) noexcept nogil:
    """Whether an item or the end of a sequence is here, in either byte order."""
    cdef uint32_t tag = <uint32_t>u16_at(p, p[0] == 0xFF) << 16 | u16_at(p + 2, p[0] == 0xFF)
    return tag == ITEM or tag == SEQUENCE_DELIMITATION


cdef int encoding_of_items(const Cursor* c, uint64_t file_size) noexcept nogil:
    """How the items of a UN sequence, the first of which is here, are encoded: Level bits; -1: not in this window.

    PS3.5 6.2.2 says Implicit VR Little Endian. Writers that did not know the tag keep what they were given.
    """
    cdef Cursor at = c[0]
    cdef uint32_t tag = 0
    cdef uint32_t length = 0
    cdef uint32_t implicit_length
    cdef uint64_t end
    cdef uint16_t vr = 0
    cdef size_t header = 0
    cdef int form
    at.big_endian = not short_of(c, 2) and c.data[c.pos] == 0xFF
    while True:
        if short_of(&at, 16):
            return -1 if at.size < file_size else 0
        tag = <uint32_t>u16_at(at.data + at.pos, at.big_endian) << 16 | u16_at(at.data + at.pos + 2, at.big_endian)
        if tag >> 16 != 0xFFFE:
            break
        if tag == SEQUENCE_DELIMITATION:
            return 0
        at.pos += 8
    form = form_of(at.data[at.pos + 4], at.data[at.pos + 5])
    if form > LONG_FORM or (form == LONG_FORM and u16_at(at.data + at.pos + 6, False) != 0):
        return 0
    implicit_length = u32_at(at.data + at.pos + 4, at.big_endian)
    element_header(&at, file_size, True, &tag, &vr, &length, &header)
    end = at.pos + 8 + <uint64_t>implicit_length
    # Letters may be a length. Then an element ends where it says, and none where the other says.
    if end <= file_size and length != UNDEFINED_LENGTH and (
            follows(&at, file_size, tag, at.pos + header + length) <= NOTHING):
        return 0
    return IS_EXPLICIT | (IS_BIG_ENDIAN if at.big_endian else 0)


cdef inline int append(ElementTable* table, const Element* element) noexcept nogil:
    cdef size_t capacity
    cdef Element* items
    if table.count == table.capacity:
        capacity = 2 * table.capacity if table.capacity else 128
        items = <Element*>realloc(table.items, capacity * sizeof(Element))
        if items == NULL:
            return -1
        table.items = items
        table.capacity = capacity
    table.items[table.count] = element[0]
    table.count += 1
    return 0


cdef const Element* find(const ElementTable* table, uint32_t tag) noexcept nogil:
    """The element with this tag, or NULL. Of duplicates the first that is not empty counts."""
    cdef const Element* empty = NULL
    cdef size_t low = 0
    cdef size_t high = table.count
    cdef size_t middle, i
    # Data sets are in ascending order (PS3.5 7.1); a file that is not is searched from the front.
    while low < high:
        middle = (low + high) // 2
        if table.items[middle].tag < tag:
            low = middle + 1
        else:
            high = middle
    if low < table.count and table.items[low].tag == tag and table.items[low].length and (
            low == 0 or table.items[low - 1].tag < tag):
        return &table.items[low]
    for i in range(table.count):
        if table.items[i].tag == tag:
            if table.items[i].length:
                return &table.items[i]
            empty = &table.items[i] if empty == NULL else empty
    return empty


cdef void map_init(FileMap* m, const uint8_t* data, size_t size, uint64_t base, uint64_t file_size) noexcept nogil:
    memset(m, 0, sizeof(FileMap))
    m.cursor.data = data
    m.cursor.size = size
    m.base = base
    m.file_size = file_size


cdef void map_free(FileMap* m) noexcept nogil:
    free(m.meta.items)
    free(m.elements.items)
    m.meta.items = NULL
    m.elements.items = NULL


cdef int more(FileMap* m, uint64_t wanted) noexcept nogil:
    m.wanted = wanted
    return SCAN_MORE


cdef inline int count_element(FileMap* m, uint32_t tag, uint64_t pos, Fault* fault) noexcept nogil:
    m.walked += 1
    if m.walked > m.limits.elements:
        return fail(fault, OVER_LIMIT, "limit_elements", "The number of data elements exceeds", tag,
                    m.base + pos, m.limits.elements, -1)
    return 0


cdef int cut(FileMap* m, uint32_t tag, uint64_t pos, uint64_t expected, Fault* fault) noexcept nogil:
    return fail(fault, TRUNCATED, "element_cut", "The file ends inside a data element (bytes)",
                tag, m.base + pos, expected, m.file_size - pos)


cdef int next_item(Cursor* c, uint64_t end, uint32_t* tag, uint64_t* length) noexcept nogil:
    """Read an item's tag and length and go behind them; False when no 8 bytes are left in front of `end`."""
    cdef uint32_t n = 0
    if c.pos + 8 > end or short_of(c, 8):
        return False
    peek_tag(c, tag)
    peek_u32(c, 4, &n)
    length[0] = n
    c.pos += 8
    return True


cdef int walk_undefined(FileMap* m, Cursor* c, bint explicit_vr, bint in_item, Fault* fault) noexcept nogil:
    """Go behind the delimiter of the sequence of undefined length whose first item is here (PS3.5 7.5).

    With `in_item` the first element of an item is here, and the end of that item is looked for. The stack of open
    levels is an array, so that depth costs no recursion. Moves `c` only when the end was found.
    """
    cdef uint8_t[STACK_SIZE] levels
    cdef int depth = 1
    cdef uint8_t level
    cdef Cursor at = c[0]
    cdef uint32_t tag = 0
    cdef uint32_t length = 0
    cdef uint16_t vr = 0
    cdef size_t header = 0
    cdef int encoding
    levels[0] = (IS_EXPLICIT if explicit_vr else 0) | (IS_BIG_ENDIAN if c.big_endian else 0)
    if not in_item:
        levels[0] |= IN_SEQUENCE
    while depth:
        level = levels[depth - 1]
        at.big_endian = (level & IS_BIG_ENDIAN) != 0
        if not element_header(&at, m.file_size, (level & IS_EXPLICIT) and not (level & IN_SEQUENCE),
                              &tag, &vr, &length, &header):
            if at.size < m.file_size:
                return more(m, at.pos + 12)
            fail(fault, TRUNCATED, "sequence_cut", "The file ends inside a sequence of undefined length", 0,
                 m.base + at.pos, -1, -1)
            return SCAN_FAULT
        if count_element(m, tag, at.pos, fault) < 0:
            return SCAN_FAULT
        if tag == SEQUENCE_DELIMITATION:
            # Also ends an item whose own delimiter is missing.
            if level & IN_SEQUENCE:
                at.pos += header
            depth -= 1
            continue
        if tag == ITEM_DELIMITATION:
            at.pos += header
            if not (level & IN_SEQUENCE):
                depth -= 1
            continue
        if level & IN_SEQUENCE and tag != ITEM:
            fail(fault, MALFORMED, "item_expected", "A sequence of undefined length holds something other than items",
                 tag, m.base + at.pos, -1, -1)
            return SCAN_FAULT
        if length == UNDEFINED_LENGTH:
            if depth >= 2 * m.limits.depth:
                fail(fault, OVER_LIMIT, "limit_depth", "The depth of sequences exceeds", tag,
                     m.base + at.pos, m.limits.depth, -1)
                return SCAN_FAULT
            at.pos += header
            if level & IN_SEQUENCE:
                levels[depth] = level & ~IN_SEQUENCE
            elif vr == VR_UN:
                encoding = encoding_of_items(&at, m.file_size)
                if encoding < 0:
                    return more(m, at.pos + 64)
                levels[depth] = <uint8_t>(IN_SEQUENCE | encoding)
            else:
                levels[depth] = level | IN_SEQUENCE
            depth += 1
            continue
        if length > m.file_size - at.pos - header:
            cut(m, tag, at.pos, length, fault)
            return SCAN_FAULT
        if length > at.size - at.pos - header:
            return more(m, at.pos + header + length)
        at.pos += header + length
    c.pos = at.pos
    return SCAN_DONE


cdef int walk_elements(FileMap* m, ElementTable* table, bint in_meta, bint stop_at_pixels, Fault* fault) noexcept nogil:
    """Fill the table from here to the end of the data set, or of group 0002 when `in_meta`."""
    cdef Cursor* c = &m.cursor
    cdef Element e
    cdef uint32_t tag = 0
    cdef uint32_t length = 0
    cdef uint16_t vr = 0
    cdef size_t header = 0
    cdef size_t start
    cdef int result, encoding
    cdef bint outer_big_endian
    cdef bint explicit_vr = in_meta or m.explicit_vr
    while True:
        start = c.pos
        # Fewer bytes than the shortest header are padding, or its beginning.
        if m.file_size - start < 8:
            if m.file_size - start >= 2 and c.size == m.file_size and u16_at(c.data + start, c.big_endian):
                cut(m, 0, start, 8, &m.ended)
            return SCAN_DONE
        if in_meta and c.pos + 2 <= c.size and u16_at(c.data + c.pos, False) != 2:
            return SCAN_DONE
        if not element_header(c, m.file_size, explicit_vr, &tag, &vr, &length, &header):
            if c.size < m.file_size:
                return more(m, start + 12)
            cut(m, tag, start, 12, &m.ended)
            return SCAN_DONE
        if tag == 0:
            return SCAN_DONE        # zeros behind the data set
        if count_element(m, tag, start, fault) < 0:
            return SCAN_FAULT
        if tag >> 16 == 0xFFFE:
            c.pos += header         # a delimiter that closes nothing: every reader passes over it
            continue
        e.tag = tag
        e.vr = vr
        e.flags = 0
        e.offset = m.base + start + header
        e.length = length
        if is_pixel_tag(tag) and not in_meta and m.pixels.tag == 0:
            if length == UNDEFINED_LENGTH:
                e.flags = UNDEFINED
                e.length = m.file_size - start - header
            elif length > m.file_size - start - header:
                e.flags = CUT
                e.length = m.file_size - start - header
            m.pixels = e
            if stop_at_pixels:
                return SCAN_PIXELS
        if length == UNDEFINED_LENGTH:
            e.flags = UNDEFINED
            c.pos += header
            if vr == VR_UN:
                encoding = encoding_of_items(c, m.file_size)
                if encoding < 0:
                    c.pos = start
                    return more(m, start + header + 64)
                outer_big_endian = c.big_endian
                c.big_endian = (encoding & IS_BIG_ENDIAN) != 0
                result = walk_undefined(m, c, (encoding & IS_EXPLICIT) != 0, False, fault)
                c.big_endian = outer_big_endian
            else:
                result = walk_undefined(m, c, explicit_vr, False, fault)
            if result == SCAN_MORE:
                c.pos = start
                return result
            if result == SCAN_FAULT:
                if fault.kind != TRUNCATED:
                    return result
                # A cut file: the tags in front are still good.
                m.ended = fault[0]
                fault.kind = NO_FAULT
                e.flags |= CUT
                e.length = c.size - start - header
                c.pos = c.size
                return result_of_append(m, table, &e, fault)
            e.length = m.base + c.pos - e.offset - 8
        elif length > m.file_size - start - header:
            e.flags |= CUT
            e.length = c.size - start - header if c.size > start + header else 0
            cut(m, tag, start, length, &m.ended)
            c.pos = c.size
            return result_of_append(m, table, &e, fault)
        elif length > c.size - start - header:
            return more(m, start + header + length)
        else:
            c.pos = start + header + length
        if append(table, &e) < 0:
            return out_of_memory(m, fault)


cdef int out_of_memory(FileMap* m, Fault* fault) noexcept nogil:
    fail(fault, NO_MEMORY, "no_memory", "No memory for the table of elements", 0, -1, -1, -1)
    return SCAN_FAULT


cdef int result_of_append(FileMap* m, ElementTable* table, const Element* e, Fault* fault) noexcept nogil:
    return out_of_memory(m, fault) if append(table, e) < 0 else SCAN_DONE


cdef bint uid_is(const uint8_t* value, size_t length, const char* uid, size_t n) noexcept nogil:
    """Compare a UID, whose padding may be NUL or, against the rule, white space."""
    while length and is_white(value[length - 1]):
        length -= 1
    while length and is_white(value[0]):
        value += 1
        length -= 1
    return length == n and memcmp(value, uid, n) == 0


cdef bint may_begin(const Cursor* c, uint64_t file_size) noexcept nogil:
    """Whether a data set may begin here: a group that has a meaning, and a VR or a length that makes sense."""
    cdef Cursor here = c[0]
    cdef uint32_t tag = 0
    cdef uint32_t length = 0
    cdef uint16_t group
    cdef uint16_t vr = 0
    cdef size_t header = 0
    cdef bint big_endian
    if short_of(c, 8):
        return True
    for big_endian in range(2):
        here.big_endian = big_endian
        group = u16_at(c.data + c.pos, big_endian)
        length = u32_at(c.data + c.pos + 4, big_endian)
        if not 1 <= group <= 0x7FE0:
            continue
        if form_of(c.data[c.pos + 4], c.data[c.pos + 5]) <= LONG_FORM:
            return True
        # Implicit VR is little endian, and few data sets have nothing in the first groups.
        if not big_endian and group <= 0x60 and (length == UNDEFINED_LENGTH or length <= file_size - c.pos - 8):
            return True
        if element_header(&here, file_size, True, &tag, &vr, &length, &header) and (
                follows(&here, file_size, tag, here.pos + header + length) == AN_ELEMENT):
            return True
    return False


cdef bint does_begin(const Cursor* c, uint64_t file_size, size_t at) noexcept nogil:
    """Whether a data set surely begins at byte `at`: two elements, in any encoding."""
    cdef Cursor here = c[0]
    cdef uint32_t tag = 0
    cdef uint32_t length = 0
    cdef uint16_t vr = 0
    cdef size_t header = 0
    cdef bint explicit_vr, big_endian
    if at + 8 > c.size:
        return False
    explicit_vr = form_of(c.data[at + 4], c.data[at + 5]) <= LONG_FORM
    here.pos = at
    for big_endian in range(2):
        here.big_endian = big_endian
        if not element_header(&here, file_size, explicit_vr, &tag, &vr, &length, &header) or not 4 <= tag >> 16 <= 0x28:
            continue
        if explicit_vr and follows(&here, file_size, tag, at + header + length) > NOTHING:
            return True
        if not explicit_vr and not length & 1 and implicit_follows(&here, file_size, tag, length):
            return True
    return False


cdef bint implicit_follows(const Cursor* c, uint64_t file_size, uint32_t tag, uint32_t length) noexcept nogil:
    """Whether an element in implicit VR is behind the one that is here."""
    cdef uint64_t at = c.pos + 8 + <uint64_t>length
    cdef uint32_t behind
    if at + 8 > file_size:
        return at == file_size
    if at + 8 > c.size:
        return True
    behind = <uint32_t>u16_at(c.data + at, c.big_endian) << 16 | u16_at(c.data + at + 2, c.big_endian)
    return behind > tag and behind >> 16 <= 0x7FE0 and u32_at(c.data + at + 4, c.big_endian) <= file_size - at - 8


cdef int skip_foreign(FileMap* m, Fault* fault) noexcept nogil:
    """Go behind what some writers leave between the file meta information and the data set.

    That is a command set (group 0000 of PS3.7, which only a message has), or a few bytes that belong to nothing; they
    are passed over only where no element begins at once and a data set begins soon.
    """
    cdef Cursor* c = &m.cursor
    cdef size_t start = c.pos
    cdef size_t at
    cdef uint32_t tag = 0
    cdef uint32_t length = 0
    cdef uint16_t vr = 0
    cdef size_t header = 0
    if c.size < m.file_size and short_of(c, 2 * FOREIGN_BYTES):
        return more(m, start + 2 * FOREIGN_BYTES)
    while not short_of(c, 12) and u16_at(c.data + c.pos, False) == 0 and c.data[c.pos + 4] | c.data[c.pos + 5]:
        element_header(c, m.file_size, form_of(c.data[c.pos + 4], c.data[c.pos + 5]) <= LONG_FORM, &tag, &vr, &length,
                       &header)
        if length > c.size - c.pos - header:
            break
        if count_element(m, tag, c.pos, fault) < 0:
            return SCAN_FAULT
        c.pos += header + length
    if m.meta.count and not may_begin(c, m.file_size):
        for at in range(c.pos + 1, min(c.pos + <size_t>FOREIGN_BYTES, c.size)):
            if does_begin(c, m.file_size, at):
                c.pos = at
                break
    m.skipped += c.pos - start
    return SCAN_DONE


cdef size_t find_prefix(const Cursor* c) noexcept nogil:
    """Where the prefix of a file ends whose first bytes belong to nothing; 0: nowhere.

    An archive that holds a DICOM file is none itself.
    """
    cdef size_t at
    if memcmp(c.data, <const char*>b"PK", 2) == 0:
        return 0
    for at in range(min(c.size - 8, <size_t>(128 + FOREIGN_BYTES))):
        if memcmp(c.data + at, <const char*>b"DICM\x02\x00", 6) == 0:
            return at + 4
    return 0


cdef int decide_encoding(FileMap* m, Fault* fault) noexcept nogil:
    """What rules when the transfer syntax and the first element disagree, or when there is no transfer syntax.

    The byte order and the VR form are taken from the first element when it contradicts: pydicom does so for the VR
    form, and a data set read against its own bytes is garbage. How pixels are encoded is always believed.
    """
    cdef Cursor* c = &m.cursor
    cdef const Element* uid = find(&m.meta, TRANSFER_SYNTAX_UID)
    cdef const uint8_t* value
    cdef bint claims_explicit = True
    cdef bint claims_big = False
    cdef bint looks_explicit, big
    cdef int form, result
    cdef uint16_t little_group, big_group
    cdef uint32_t tag = 0
    cdef uint32_t length = 0
    cdef uint16_t vr = 0
    cdef size_t header = 0
    m.dataset_offset = m.base + c.pos
    if uid != NULL and uid.length:
        value = value_at(m, uid)
        if uid_is(value, uid.length, b"1.2.840.10008.1.2.1.99", 22):
            m.explicit_vr = True
            return SCAN_DEFLATED
        if uid_is(value, uid.length, b"1.2.840.10008.1.2", 17) or uid_is(value, uid.length, b"1.2.840.113619.5.2", 18):
            claims_explicit = False
        elif uid_is(value, uid.length, b"1.2.840.10008.1.2.2", 19):
            claims_big = True
    else:
        m.guessed = True
    result = skip_foreign(m, fault)
    if result != SCAN_DONE:
        return result
    m.dataset_offset = m.base + c.pos
    if m.file_size - c.pos < 8:
        if m.meta.count == 0:
            return fail(fault, TRUNCATED, "element_cut", "The file ends behind its prefix: it is cut", 0, m.file_size,
                        -1, -1)
        m.explicit_vr = claims_explicit
        c.big_endian = claims_big
        return SCAN_DONE            # a file meta information with nothing behind it
    if short_of(c, 12) and c.size < m.file_size:
        return more(m, c.pos + 12)
    little_group = u16_at(c.data + c.pos, False)
    big_group = u16_at(c.data + c.pos, True)
    big = claims_big
    if little_group > 0xFF and big_group <= 0xFF:
        big = True
    elif big_group > 0xFF and little_group <= 0xFF:
        big = False
    c.big_endian = big
    form = form_of(c.data[c.pos + 4], c.data[c.pos + 5])
    looks_explicit = form <= LONG_FORM
    if not looks_explicit and claims_explicit and not m.guessed:
        # One odd VR does not make a data set implicit, unless its four bytes are a length that fits.
        peek_u32(c, 4, &length)
        looks_explicit = form == UNKNOWN_VR or (length != UNDEFINED_LENGTH and length > m.file_size - c.pos - 8)
    if m.guessed:
        m.explicit_vr = looks_explicit
        element_header(c, m.file_size, looks_explicit, &tag, &vr, &length, &header)
        if m.meta.count == 0 and (tag >> 16 > 0x00FF or tag >> 16 == 0 or (tag >> 16) & 1
                                  or (length != UNDEFINED_LENGTH and length > m.file_size - c.pos - header)):
            return fail(fault, MALFORMED, "not_dicom", "Not a DICOM file: no prefix 'DICM' at byte 128 and no data "
                        "element at the start", 0, 0, -1, -1)
        return SCAN_DONE
    m.contradicts = looks_explicit != claims_explicit or big != claims_big
    m.explicit_vr = looks_explicit
    return SCAN_DONE


cdef int begin(FileMap* m, Fault* fault) noexcept nogil:
    """Find the data set: preamble and file meta information are optional (PS3.10 7.1; found missing in the wild)."""
    cdef Cursor* c = &m.cursor
    cdef int result
    if m.file_size == 0:
        return fail(fault, TRUNCATED, "empty", "The input holds no bytes", 0, 0, -1, -1)
    if c.size < m.file_size and c.size < 2 * FOREIGN_BYTES:
        return more(m, 2 * FOREIGN_BYTES)
    c.pos = 0
    m.skipped = 0
    if c.size >= 132 and memcmp(c.data + 128, <const char*>b"DICM", 4) == 0:
        c.pos = 132
    elif c.size >= 4 and memcmp(c.data, <const char*>b"DICM", 4) == 0:
        c.pos = 4
    elif c.size < 8:
        return fail(fault, TRUNCATED, "not_dicom", "Too short for a DICOM file (bytes)", 0, 0, 8, c.size)
    else:
        c.pos = find_prefix(c)
        m.skipped = c.pos - 132 if c.pos > 132 else 0
    c.big_endian = False
    m.meta.count = 0
    result = walk_elements(m, &m.meta, True, False, fault)
    if result != SCAN_DONE:
        return result
    if m.ended.kind:
        fault[0] = m.ended
        return SCAN_FAULT
    result = decide_encoding(m, fault)
    if result == SCAN_DONE:
        m.begun = True
    return result


cdef int scan(FileMap* m, bint stop_at_pixels, Fault* fault) noexcept nogil:
    """Scan on from where the last call stopped. The caller may have given `m.cursor` a larger window."""
    cdef int result
    if not m.begun:
        result = begin(m, fault)
        if result != SCAN_DONE:
            return result
    return walk_elements(m, &m.elements, False, stop_at_pixels, fault)


cdef int scan_item(FileMap* m, Fault* fault) noexcept nogil:
    """Scan the elements of one item; the caller has set the encoding and the window to the item's value."""
    m.begun = True
    return walk_elements(m, &m.elements, False, False, fault)


cdef int scan_behind(FileMap* m, const uint8_t* data, uint64_t base, size_t size, uint64_t file_size) noexcept nogil:
    """Scan the elements behind the pixel data, in the `size` bytes from byte `base` of a file of `file_size` bytes.

    They are added to those in front. Damage there takes nothing from these, and ends the walk without an error.
    Returns SCAN_DONE, or SCAN_MORE when the window is too small: nothing is added then.
    """
    cdef FileMap tail = m[0]
    cdef Fault fault
    cdef size_t i
    cdef int result
    fault.kind = NO_FAULT
    tail.base = base
    tail.file_size = file_size - base
    tail.cursor.data = data
    tail.cursor.size = size
    tail.cursor.pos = 0
    tail.elements.items = NULL
    tail.elements.count = tail.elements.capacity = 0
    tail.behind = NULL
    result = walk_elements(&tail, &tail.elements, False, False, &fault)
    if result == SCAN_MORE:
        m.wanted = tail.wanted
    else:
        m.behind = data
        m.behind_base = base
        m.walked = tail.walked
        result = SCAN_DONE
        for i in range(tail.elements.count):
            if append(&m.elements, &tail.elements.items[i]) < 0:
                break
    free(tail.elements.items)
    return result


cdef bint may_be_more(const FileMap* m, const FileBytes* f) noexcept nogil:
    """Whether elements may follow the pixel data: there are bytes, and a sequence of fragments does not end the file.

    A file that ends with a sequence delimiter ends with the pixel data, but for one kind: a file whose last element is
    another sequence of undefined length. What describes the image does not lie there.
    """
    cdef uint64_t end = m.pixels.offset + m.pixels.length
    cdef uint8_t[8] last
    if m.pixels.tag == 0 or m.pixels.flags & CUT:
        return False
    if not m.pixels.flags & UNDEFINED:
        return f.size - end >= 8
    if m.pixels.length < 8 or read_bytes(f, f.size - 8, last, 8) != 8:
        return False
    return not is_delimiter(last)


cdef inline bint is_delimiter(const uint8_t* p) noexcept nogil:
    return u32_at(p, False) == 0xE0DDFFFEu


cdef int64_t end_of_pixels(FileMap* m, const FileBytes* f) noexcept nogil:
    """Where the elements behind the pixel data begin, -1: nowhere. Adds the element of the pixel data to the table."""
    cdef FragmentWalk walk
    cdef Element e = m.pixels
    cdef uint64_t end = e.offset + e.length
    cdef int kind = FRAGMENT
    if e.flags & UNDEFINED:
        walk_init(&walk, f, e.offset, end)
        while kind == FRAGMENT:
            kind = next_fragment(&walk)
        end = walk.at
        e.length = end - e.offset
        if kind == DELIMITER:
            end += 8
        walk_free(&walk)
    if append(&m.elements, &e) < 0:
        return -1
    return <int64_t>end if kind == DELIMITER or not e.flags & (UNDEFINED | CUT) else -1


cdef int scan_memory(FileMap* m, const uint8_t* data, size_t size, const CLimits* limits, Fault* fault) noexcept nogil:
    """Scan a file that is in memory, elements behind the pixel data too; to be ended with `map_free`."""
    cdef FileBytes f
    cdef int result
    cdef int64_t end
    map_init(m, data, size, 0, size)
    m.limits = limits[0]
    result = scan(m, True, fault)
    if result == SCAN_PIXELS:
        f.data = data
        f.held = f.size = size
        f.read = NULL
        if may_be_more(m, &f):
            end = end_of_pixels(m, &f)
            if end >= 0:
                scan_behind(m, data + end, <uint64_t>end, size - <size_t>end, size)
    return result
