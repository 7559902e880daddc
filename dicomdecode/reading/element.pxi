# One data element: how its header is laid out (PS3.5 7.1), also where its VR is none, and how items of UN are encoded.

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
    cdef bint big_endian = c.big_endian     # once: what is written below might change it, for all the compiler knows
    cdef const uint8_t* p
    cdef int form
    if short_of(c, 8):
        return False
    p = c.data + c.pos
    tag[0] = <uint32_t>u16_at(p, big_endian) << 16 | u16_at(p + 2, big_endian)
    vr[0] = 0
    header[0] = 8
    if not explicit_vr or tag[0] >> 16 == 0xFFFE:
        length[0] = u32_at(p + 4, big_endian)
        return True
    form = form_of(p[4], p[5])
    vr[0] = <uint16_t>((p[4] << 8) | p[5])
    if form == SHORT_FORM:
        length[0] = u16_at(p + 6, big_endian)
        return True
    if form == LONG_FORM:
        header[0] = 12
        return peek_u32(c, 8, length)
    return uncommon_header(c, file_size, vr, length, header)


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


# A pointer, since a compiler that inlines the function makes each common element save its registers as well.
ctypedef int (*HeaderFunction)(const Cursor*, uint64_t, uint16_t*, uint32_t*, size_t*) noexcept nogil
cdef HeaderFunction uncommon_header = odd_header


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
