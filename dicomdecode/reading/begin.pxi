# Where a data set begins, and how it is encoded (PS3.10 section 7).

cdef enum:
    FOREIGN_BYTES = 512         # that may be in front of the file or the data set: fewer than a tar archive's header


cdef bytes DEFLATED_UID = DEFLATED.encode()
cdef bytes BIG_ENDIAN_UID = EXPLICIT_BIG_ENDIAN.encode()
cdef bytes EXPLICIT_UID = EXPLICIT_LITTLE_ENDIAN.encode()
cdef bytes IMPLICIT_UID = IMPLICIT_LITTLE_ENDIAN.encode()
cdef bytes GE_UID = GE_PRIVATE.encode()
# The same without Python: the objects stay as long as the module.
cdef Uid DEFLATED_NAME = uid_of(DEFLATED_UID)
cdef Uid BIG_ENDIAN_NAME = uid_of(BIG_ENDIAN_UID)
cdef Uid EXPLICIT_NAME = uid_of(EXPLICIT_UID)
cdef Uid IMPLICIT_NAME = uid_of(IMPLICIT_UID)
cdef Uid GE_NAME = uid_of(GE_UID)


cdef Uid uid_of(bytes text):
    cdef Uid uid
    uid.text = PyBytes_AS_STRING(text)
    uid.length = len(text)
    return uid


cdef Uid syntax_of(const FileMap* m) noexcept nogil:
    """The transfer syntax; of a file without one that of the encoding it is written in. Its padding may be NUL or,
    against the rule, white space."""
    cdef const Element* e = find(&m.meta, TRANSFER_SYNTAX_UID)
    cdef Uid uid
    if e == NULL or e.length == 0:
        return IMPLICIT_NAME if not m.explicit_vr else BIG_ENDIAN_NAME if m.cursor.big_endian else EXPLICIT_NAME
    uid.text = <const char*>value_at(m, e)
    uid.length = <size_t>e.length
    while uid.length and is_white(<uint8_t>uid.text[uid.length - 1]):
        uid.length -= 1
    while uid.length and is_white(<uint8_t>uid.text[0]):
        uid.text += 1
        uid.length -= 1
    return uid


cdef bint may_begin(const Cursor* c, uint64_t file_size) noexcept nogil:
    """Whether a data set may begin here: a group that has a meaning, and a VR or a length that makes sense."""
    cdef Cursor here = c[0]
    cdef ElementHeader h
    cdef uint32_t length
    cdef uint16_t group
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
        if not big_endian and length <= file_size - c.pos - 8 and (
                implicit_follows(c, file_size, tag_at(c.data + c.pos, False), length)):
            return True
        header_at(&here, here.pos, file_size, True, &h)
        if h.size and follows(&here, file_size, h.tag, here.pos + h.size + h.length) == AN_ELEMENT:
            return True
    return False


cdef bint does_begin(const Cursor* c, uint64_t file_size, size_t at) noexcept nogil:
    """Whether a data set surely begins at byte `at`: two elements, in any encoding."""
    cdef Cursor here = c[0]
    cdef ElementHeader h
    cdef bint explicit_vr, big_endian
    if at + 8 > c.size:
        return False
    explicit_vr = form_of(c.data[at + 4], c.data[at + 5]) <= LONG_FORM
    here.pos = at
    for big_endian in range(2):
        here.big_endian = big_endian
        header_at(&here, at, file_size, explicit_vr, &h)
        if h.size == 0 or not 4 <= h.tag >> 16 <= 0x28:
            continue
        if explicit_vr and follows(&here, file_size, h.tag, at + h.size + h.length) > NOTHING:
            return True
        if not explicit_vr and not h.length & 1 and implicit_follows(&here, file_size, h.tag, h.length):
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
    behind = tag_at(c.data + at, c.big_endian)
    if behind == ITEM_DELIMITATION or behind == SEQUENCE_DELIMITATION:
        return True
    return behind > tag and behind >> 16 <= 0x7FE0 and u32_at(c.data + at + 4, c.big_endian) <= file_size - at - 8


cdef int skip_foreign(FileMap* m, Fault* fault) noexcept nogil:
    """Go behind what some writers leave between the file meta information and the data set.

    That is a command set (group 0000 of PS3.7, which only a message has), or a few bytes that belong to nothing; they
    are passed over only where no element begins at once and a data set begins soon.
    """
    cdef Cursor* c = &m.cursor
    cdef size_t start = c.pos
    cdef size_t at
    cdef ElementHeader h
    if c.size < m.file_size and short_of(c, 2 * FOREIGN_BYTES):
        return more(m, start + 2 * FOREIGN_BYTES)
    while not short_of(c, 12) and u16_at(c.data + c.pos, False) == 0 and c.data[c.pos + 4] | c.data[c.pos + 5]:
        header_at(c, c.pos, m.file_size, form_of(c.data[c.pos + 4], c.data[c.pos + 5]) <= LONG_FORM, &h)
        if h.length > c.size - c.pos - h.size:
            break
        if count_element(m, h.tag, c.pos, fault) < 0:
            return SCAN_FAULT
        c.pos += h.size + h.length
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
    cdef ElementHeader h
    cdef bint explicit_vr = form_of(c.data[c.pos + 4], c.data[c.pos + 5]) <= LONG_FORM
    # In big endian a group up to 00FF has its zero first.
    here.big_endian = c.data[c.pos] == 0 and c.data[c.pos + 1] != 0
    header_at(&here, c.pos, file_size, explicit_vr, &h)
    if not explicit_vr and h.length == 0 and not short_of(c, 16) and u32_at(c.data + c.pos + 8, False) == 0:
        return False                # one byte, and zeros behind it
    return is_early_group(h.tag) and has_room(&h, file_size - c.pos)


cdef bint is_early_group(uint32_t tag) noexcept nogil:
    """Whether a data set without file meta information may begin with it: an even group up to 00FE."""
    return 0 < tag >> 16 <= 0x00FF and not tag >> 16 & 1


cdef bint has_room(const ElementHeader* h, uint64_t left) noexcept nogil:
    """Whether an element fits in the bytes that are left of the file."""
    return h.length == UNDEFINED_LENGTH or h.length <= left - h.size


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
        if memcmp(c.data + at, <const char*>b"\x02\x00\x00\x00UL\x04\x00", 8) == 0:
            return at               # (0002,0000), with which file meta information begins: the prefix is missing
    return 0


cdef bint is_vr_behind(const Cursor* c, uint64_t file_size) noexcept nogil:
    """Whether an element with a VR follows one whose VR is none: the data set is explicit then."""
    cdef ElementHeader h
    cdef uint64_t end
    header_at(c, c.pos, file_size, True, &h)
    if h.size == 0 or h.length > c.size - c.pos - h.size:
        return False
    end = c.pos + h.size + <uint64_t>h.length
    return end + 8 <= c.size and follows(c, file_size, h.tag, end) == AN_ELEMENT


cdef struct Claim:          # what the file meta information says of the data set
    bint is_explicit
    bint is_big_endian
    bint is_deflated


cdef Claim claim_of(FileMap* m) noexcept nogil:
    cdef const Element* uid = find(&m.meta, TRANSFER_SYNTAX_UID)
    cdef Uid named
    cdef Claim claim
    claim.is_explicit = True
    claim.is_big_endian = claim.is_deflated = False
    if uid == NULL or uid.length == 0:
        m.guessed = True
        return claim
    named = syntax_of(m)
    claim.is_deflated = is_same(&named, &DEFLATED_NAME)
    claim.is_big_endian = is_same(&named, &BIG_ENDIAN_NAME)
    claim.is_explicit = not (is_same(&named, &IMPLICIT_NAME) or is_same(&named, &GE_NAME))
    return claim


cdef int decide_encoding(FileMap* m, Fault* fault) noexcept nogil:
    """Find the first element, and how the data set is encoded."""
    cdef Cursor* c = &m.cursor
    cdef Claim claim = claim_of(m)
    cdef int result
    m.dataset_offset = m.base + c.pos
    # Some writers inflate and leave the name. No deflated data begin like two elements with VRs.
    if claim.is_deflated and (
            short_of(c, 12) or form_of(c.data[c.pos + 4], c.data[c.pos + 5]) > LONG_FORM
            or not does_begin(c, m.file_size, c.pos)):
        m.explicit_vr = True
        return SCAN_DEFLATED
    result = skip_foreign(m, fault)
    if result != SCAN_DONE:
        return result
    if m.meta.count == 0 and not short_of(c, 12) and not begins_well(c, m.file_size):
        skip_to_dataset(m)
    m.dataset_offset = m.base + c.pos
    if m.file_size - c.pos < 8:
        if m.meta.count == 0:
            return fail(fault, TRUNCATED, "element_cut", "The file ends after its prefix: it is cut", 0, m.file_size,
                        -1, -1)
        m.explicit_vr = claim.is_explicit
        c.big_endian = claim.is_big_endian
        return SCAN_DONE            # a file meta information with nothing behind it
    if short_of(c, 12) and c.size < m.file_size:
        return more(m, c.pos + 12)
    return compare_encoding(m, claim, fault)


cdef int compare_encoding(FileMap* m, Claim claim, Fault* fault) noexcept nogil:
    """What rules when the transfer syntax and the first element disagree, or when there is no transfer syntax.

    The byte order and the VR form are taken from the first element when it contradicts: pydicom does so for the VR
    form, and a data set read against its own bytes is garbage. How pixels are encoded is always believed.
    """
    cdef Cursor* c = &m.cursor
    cdef const uint8_t* p = c.data + c.pos
    cdef uint16_t little_group = u16_at(p, False)
    cdef uint16_t big_group = u16_at(p, True)
    cdef int form = form_of(p[4], p[5])
    cdef uint32_t length
    cdef ElementHeader h
    c.big_endian = claim.is_big_endian
    if little_group > 0xFF and big_group <= 0xFF:
        c.big_endian = True
    elif big_group > 0xFF and little_group <= 0xFF:
        c.big_endian = False
    m.explicit_vr = form <= LONG_FORM or is_vr_behind(c, m.file_size)
    if m.guessed:
        header_at(c, c.pos, m.file_size, m.explicit_vr, &h)
        if m.meta.count == 0 and not (is_early_group(h.tag) and has_room(&h, m.file_size - c.pos)):
            return fail(fault, MALFORMED, "not_dicom", "Not a DICOM file: no prefix 'DICM' at byte 128 and no data "
                        "element at the start", 0, 0, -1, -1)
        return SCAN_DONE
    if not m.explicit_vr and claim.is_explicit:
        # One odd VR does not make a data set implicit, unless its four bytes are a length that fits.
        length = u32_at(p + 4, c.big_endian)
        m.explicit_vr = form == UNKNOWN_VR or (length != UNDEFINED_LENGTH and length > m.file_size - c.pos - 8)
    m.contradicts = (claim.is_deflated or m.explicit_vr != claim.is_explicit
                     or c.big_endian != claim.is_big_endian)
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
    m.meta.disordered = False
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
