# Where a data set begins, and how it is encoded (PS3.10 section 7).

cdef enum:
    FOREIGN_BYTES = 512         # that may be in front of the file or the data set: fewer than a tar archive's header


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
        tag = <uint32_t>group << 16 | u16_at(c.data + c.pos + 2, False)
        if not big_endian and length <= file_size - c.pos - 8 and implicit_follows(c, file_size, tag, length):
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


cdef bint begins_well(const Cursor* c, uint64_t file_size) noexcept nogil:
    """Whether the first bytes of a file without file meta information are an element of a data set."""
    cdef Cursor here = c[0]
    cdef uint32_t tag = 0
    cdef uint32_t length = 0
    cdef uint16_t vr = 0
    cdef size_t header = 0
    cdef bint explicit_vr = form_of(c.data[c.pos + 4], c.data[c.pos + 5]) <= LONG_FORM
    # In big endian a group up to 00FF has its zero first.
    here.big_endian = c.data[c.pos] == 0 and c.data[c.pos + 1] != 0
    element_header(&here, file_size, explicit_vr, &tag, &vr, &length, &header)
    if tag >> 16 > 0x00FF or tag >> 16 == 0 or (tag >> 16) & 1:
        return False
    if not explicit_vr and length == 0 and not short_of(c, 16) and u32_at(c.data + c.pos + 8, False) == 0:
        return False                # one byte, and zeros behind it
    return length == UNDEFINED_LENGTH or length <= file_size - c.pos - header


cdef void skip_to_dataset(FileMap* m) noexcept nogil:
    """Go behind a few bytes that belong to nothing, in front of a data set that has no file meta information.

    Only where it surely begins: two elements, the first of group 0008, with which nearly all do.
    """
    cdef Cursor* c = &m.cursor
    cdef size_t at
    for at in range(c.pos + 1, min(c.pos + <size_t>FOREIGN_BYTES, c.size)):
        if at + 8 <= c.size and u16_at(c.data + at, c.data[at] == 0) == 8 and does_begin(c, m.file_size, at):
            m.skipped += at - c.pos
            c.pos = at
            return


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


cdef bint is_vr_behind(const Cursor* c, uint64_t file_size) noexcept nogil:
    """Whether an element with a VR follows one whose VR is none: the data set is explicit then."""
    cdef uint32_t tag = 0
    cdef uint32_t length = 0
    cdef uint16_t vr = 0
    cdef size_t header = 0
    if not element_header(c, file_size, True, &tag, &vr, &length, &header) or length > c.size - c.pos - header:
        return False
    cdef uint64_t end = c.pos + header + <uint64_t>length
    return end + 8 <= c.size and follows(c, file_size, tag, end) == AN_ELEMENT


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
    if m.meta.count == 0 and not short_of(c, 12) and not begins_well(c, m.file_size):
        skip_to_dataset(m)
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
    looks_explicit = form <= LONG_FORM or is_vr_behind(c, m.file_size)
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
