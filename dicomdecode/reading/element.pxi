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

cdef enum:
    ICON_BYTES = 1 << 20        # in which the end of an icon is looked for where its length is wrong

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


cdef struct ElementHeader:
    uint32_t tag            # 0xGGGGEEEE
    uint32_t length         # of the value
    size_t size             # of the header; 0: it does not fit in the window
    uint16_t vr             # two letters; 0: none is written


cdef inline void header_at(const Cursor* c, size_t at, uint64_t file_size, bint explicit_vr,
                           ElementHeader* h) noexcept nogil:
    """The header at byte `at` of the window. Most are of the short form in little endian: those cost no call."""
    cdef const uint8_t* p = c.data + at
    if (explicit_vr and 8 <= c.size - at and not c.big_endian and form_of(p[4], p[5]) == SHORT_FORM and p[1] != 0xFF
            and p[6] | p[7]):
        h.tag = tag_at(p, False)
        h.length = u16_at(p + 6, False)
        h.size = 8
        h.vr = <uint16_t>((p[4] << 8) | p[5])
    else:
        any_header(c, at, file_size, explicit_vr, h)


cdef void any_header(const Cursor* c, size_t at, uint64_t file_size, bint explicit_vr,
                     ElementHeader* h) noexcept nogil:
    cdef const uint8_t* p = c.data + at
    cdef int form
    h.tag = h.length = 0
    h.size = 0
    h.vr = 0
    if 8 > c.size - at:
        return
    h.tag = tag_at(p, c.big_endian)
    h.size = 8
    if not explicit_vr or h.tag >> 16 == 0xFFFE:
        h.length = u32_at(p + 4, c.big_endian)
        return
    h.vr = <uint16_t>((p[4] << 8) | p[5])
    form = form_of(p[4], p[5])
    if form > LONG_FORM:
        h[0] = uncommon_header(c, at, file_size)
    elif form == SHORT_FORM:
        h.length = u16_at(p + 6, c.big_endian)
        if h.length == 0 and may_be_long(c, at):
            h[0] = doubtful_header(c, at, file_size)
    elif 12 > c.size - at or (14 > c.size - at and c.size < file_size):
        h.size = 0
    else:
        h.size = 12
        h.length = u32_at(p + 8, c.big_endian)
        if 14 <= c.size - at and (p[6] | p[7] or form_of(p[12], p[13]) <= LONG_FORM):
            h[0] = doubtful_header(c, at, file_size)


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
    next_tag = tag_at(p, c.big_endian)
    if next_tag >> 16 == 0xFFFE:
        return AN_ELEMENT if next_tag == ITEM_DELIMITATION or next_tag == SEQUENCE_DELIMITATION else NOTHING
    if next_tag < tag:
        return NOTHING
    return AN_ELEMENT if form_of(p[4], p[5]) <= LONG_FORM else A_TAG if next_tag - tag < 0x10000u else NOTHING


cdef inline bint ends_nowhere(const Cursor* c, uint64_t file_size, const ElementHeader* h) noexcept nogil:
    """Whether the length of the element that is here cannot be right, as far as the window shows."""
    return follows(c, file_size, h.tag, c.pos + h.size + h.length) <= NOTHING


cdef bint find_delimiter(Cursor* c, size_t start) noexcept nogil:
    """Go to the Item Delimitation that ends the item whose last value begins at `start`: False where there is none.

    The length of an icon's pixel data is wrong in some files, and tells nothing of those of the image.
    """
    cdef size_t at = start
    cdef size_t end = min(c.size, start + ICON_BYTES)
    while at + 8 <= end:
        if tag_at(c.data + at, c.big_endian) == ITEM_DELIMITATION and u32_at(c.data + at + 4, False) == 0:
            c.pos = at
            return True
        at += 1
    return False


# A pointer, since a compiler that inlines the function makes each common element save its registers as well.
ctypedef ElementHeader (*HeaderFunction)(const Cursor*, size_t, uint64_t) noexcept nogil
cdef HeaderFunction uncommon_header = odd_header


cdef ElementHeader odd_header(const Cursor* c, size_t at, uint64_t file_size) noexcept nogil:
    """The header of an element whose VR is none; of size 0 when it cannot be told in this window.

    It may be of a later edition (32-bit length), damaged (16-bit length), or left out by a writer that then uses the
    implicit form. The layout is taken behind which the next element begins.
    """
    cdef const uint8_t* p = c.data + at
    cdef uint64_t left = file_size - at
    cdef uint16_t short_length = u16_at(p + 6, c.big_endian)
    cdef ElementHeader[3] forms
    cdef ElementHeader best
    cdef int best_follows = OUTSIDE
    cdef int found, i
    for i in range(3):
        forms[i].tag = tag_at(p, c.big_endian)
        forms[i].vr = <uint16_t>((p[4] << 8) | p[5]) if form_of(p[4], p[5]) == UNKNOWN_VR else VR_UN
        forms[i].size = 8
    forms[0].length = forms[1].length = short_length
    forms[2].length = u32_at(p + 4, c.big_endian)
    best = forms[0]
    if short_length == 0:                   # else reserved bytes are not 0: there is no 32-bit length
        forms[1].size = 12
        if left >= 12:
            if c.size - at < 12:
                best.size = 0
                return best
            forms[1].length = u32_at(p + 8, c.big_endian)
        if form_of(p[4], p[5]) == UNKNOWN_VR:
            forms[0], forms[1] = forms[1], forms[0]     # PS3.5 7.1.2: VRs of later editions have 32-bit lengths
            best = forms[0]
    for i in range(3):
        found = suits(c, at, file_size, &forms[i])
        if found == UNSEEN and forms[i].length <= 0xFFFF and c.size - at < 0x10010:
            best.size = 0
            return best
        if found > best_follows:
            best_follows = found
            best = forms[i]
    return best


cdef inline bint may_be_long(const Cursor* c, size_t at) noexcept nogil:
    """Whether an empty element with a 16-bit length may be one of 32 bits: where the next VR should be is none.

    A length below 64 Ki, taken for a tag, is (gggg,0000) or (0000,eeee).
    """
    cdef const uint8_t* p = c.data + at
    return 14 > c.size - at or (
        (u16_at(p + 8, c.big_endian) == 0 or u16_at(p + 10, c.big_endian) == 0) and form_of(p[12], p[13]) > LONG_FORM)


cdef ElementHeader written_as(const Cursor* c, size_t at, int form) noexcept nogil:
    """The header at byte `at` as one of this form."""
    cdef const uint8_t* p = c.data + at
    cdef ElementHeader h
    h.tag = tag_at(p, c.big_endian)
    h.vr = <uint16_t>((p[4] << 8) | p[5])
    h.size = 8 if form == SHORT_FORM else 12
    h.length = u16_at(p + 6, c.big_endian) if form == SHORT_FORM else u32_at(p + 8, c.big_endian)
    return h


cdef ElementHeader doubtful_header(const Cursor* c, size_t at, uint64_t file_size) noexcept nogil:
    """The header of an element that may have a 16-bit length where its VR has one of 32 bits, or the reverse.

    It is read as its VR says, unless only the other way ends where an element begins.
    """
    cdef int form = form_of(c.data[at + 4], c.data[at + 5])
    cdef ElementHeader right = written_as(c, at, form)
    cdef ElementHeader other
    cdef int ends_right, ends_other
    if 14 > c.size - at:
        right.size = 0 if c.size < file_size else right.size
        return right
    other = written_as(c, at, LONG_FORM if form == SHORT_FORM else SHORT_FORM)
    ends_right = suits(c, at, file_size, &right)
    ends_other = suits(c, at, file_size, &other)
    if ends_other == UNSEEN and ends_right <= NOTHING and other.length <= 0xFFFF and c.size - at < 0x10010:
        right.size = 0
    # What cannot be seen is believed, but not behind reserved bytes that are not 0.
    elif ends_other == AN_ELEMENT and ends_right < AN_ELEMENT and not is_pixel_tag(right.tag) and (
            ends_right != UNSEEN or c.data[at + 6] | c.data[at + 7]):
        return other
    return right


cdef int suits(const Cursor* c, size_t at, uint64_t file_size, const ElementHeader* h) noexcept nogil:
    """How well the header at byte `at` is read as this one: a Following."""
    if h.length != UNDEFINED_LENGTH:
        return follows(c, file_size, h.tag, at + h.size + h.length)
    if at + h.size + 4 > c.size:
        return UNSEEN if c.size < file_size else NOTHING
    return AN_ELEMENT if items_begin(c.data + at + h.size) else NOTHING


cdef inline bint items_begin(const uint8_t* p) noexcept nogil:
    """Whether an item or the end of a sequence is here, in either byte order."""
    cdef uint32_t tag = tag_at(p, p[0] == 0xFF)
    return tag == ITEM or tag == SEQUENCE_DELIMITATION


cdef inline bint order_of_items(const Cursor* c) noexcept nogil:
    """The byte order of the items of a sequence, the first of which is here: few writers swap private ones apart."""
    if short_of(c, 4) or not items_begin(c.data + c.pos):
        return c.big_endian
    return c.data[c.pos] == 0xFF


cdef int encoding_of_items(const Cursor* c, uint64_t file_size) noexcept nogil:
    """How the items of a UN sequence, the first of which is here, are encoded: Level bits; -1: not in this window.

    PS3.5 6.2.2 says Implicit VR Little Endian. Writers that did not know the tag keep what they were given.
    """
    cdef Cursor at = c[0]
    cdef ElementHeader h
    cdef const uint8_t* p
    cdef uint32_t tag
    cdef uint64_t end
    cdef int form
    at.big_endian = not short_of(c, 2) and c.data[c.pos] == 0xFF
    while True:
        if short_of(&at, 16):
            return -1 if at.size < file_size else 0
        p = at.data + at.pos
        tag = tag_at(p, at.big_endian)
        if tag >> 16 != 0xFFFE:
            break
        if tag == SEQUENCE_DELIMITATION:
            return 0
        at.pos += 8
    form = form_of(p[4], p[5])
    if form > LONG_FORM or (form == LONG_FORM and u16_at(p + 6, False) != 0):
        return 0
    header_at(&at, at.pos, file_size, True, &h)
    end = at.pos + 8 + <uint64_t>u32_at(p + 4, at.big_endian)
    # Letters may be a length. Then an element ends where it says, and none where the other says.
    if end <= file_size and h.length != UNDEFINED_LENGTH and (
            follows(&at, file_size, h.tag, at.pos + h.size + h.length) <= NOTHING):
        return 0
    return IS_EXPLICIT | (IS_BIG_ENDIAN if at.big_endian else 0)


cdef bint item_is_explicit(const Cursor* c, uint64_t file_size, bint is_usual) noexcept nogil:
    """Whether the item whose first element is here has VRs: some writers put items of one form into a data set of the
    other, which is `is_usual`."""
    cdef const uint8_t* p = c.data + c.pos
    cdef ElementHeader h
    cdef uint32_t tag, length
    if short_of(c, 8):
        return is_usual
    tag = tag_at(p, c.big_endian)
    length = u32_at(p + 4, c.big_endian)
    if tag >> 16 == 0xFFFE or is_usual == (form_of(p[4], p[5]) <= LONG_FORM):
        return is_usual
    # Letters may be a length, and a VR may be none: what follows the element tells.
    if length == UNDEFINED_LENGTH or (length <= file_size - c.pos - 8 and implicit_follows(c, file_size, tag, length)):
        return False
    header_at(c, c.pos, file_size, True, &h)
    return is_usual or (h.size and follows(c, file_size, tag, c.pos + h.size + h.length) > NOTHING)
