# From data elements to a flat struct `ImageHeader` (PS3.3 C.7.6.3, C.11), checked once.

cdef const char* photometric_name(int code) noexcept nogil:
    """The defined term (PS3.3 C.7.6.3.1.2), "" for what is none."""
    if code == PI_MONOCHROME1:
        return b"MONOCHROME1"
    if code == PI_MONOCHROME2:
        return b"MONOCHROME2"
    if code == PI_PALETTE_COLOR:
        return b"PALETTE COLOR"
    if code == PI_RGB:
        return b"RGB"
    if code == PI_YBR_FULL:
        return b"YBR_FULL"
    if code == PI_YBR_FULL_422:
        return b"YBR_FULL_422"
    if code == PI_YBR_PARTIAL_420:
        return b"YBR_PARTIAL_420"
    if code == PI_YBR_PARTIAL_422:
        return b"YBR_PARTIAL_422"
    if code == PI_YBR_ICT:
        return b"YBR_ICT"
    if code == PI_YBR_RCT:
        return b"YBR_RCT"
    if code == PI_XYB:
        return b"XYB"
    if code == PI_HSV:
        return b"HSV"
    if code == PI_ARGB:
        return b"ARGB"
    if code == PI_CMYK:
        return b"CMYK"
    return b""


PHOTOMETRIC_TERMS = frozenset([photometric_name(code).decode("ascii") for code in range(PI_MONOCHROME1, PI_OTHER)])


cdef void find_window(const FileMap* m, const Element* center, const Element* width, ImageHeader* h) noexcept nogil:
    """The first stored window that can be used (PS3.3 C.11.2.1.2)."""
    cdef int has_center = NO_NUMBER
    cdef int has_width = NO_NUMBER
    cdef size_t i = 0
    while i < 64 and has_center != NO_VALUE and has_width != NO_VALUE and not h.has_window:
        has_center = nth_number(value_at(m, center), center, is_big_endian(m, center), i, &h.center)
        has_width = nth_number(value_at(m, width), width, is_big_endian(m, width), i, &h.width)
        h.has_window = has_center == A_NUMBER and has_width == A_NUMBER and (
            h.width >= 1 if h.voi_function == VOI_LINEAR else h.width > 0) and h.voi_function != VOI_UNKNOWN
        i += 1


cdef size_t text_length(const uint8_t* p, const Element* e) noexcept nogil:
    """The length of the first value without trailing padding."""
    cdef size_t n = 0
    while n < e.length and p[n] != c'\\':
        n += 1
    while n and is_white(p[n - 1]):
        n -= 1
    return n


cdef bint text_is(const uint8_t* p, size_t n, const char* word) noexcept nogil:
    """Compare, letter case aside (a code string is upper case by PS3.5 6.2; not every writer knows)."""
    cdef size_t i
    cdef uint8_t c
    if n != strlen(word):
        return False
    for i in range(n):
        c = p[i]
        if c'a' <= c <= c'z':
            c -= 32
        if c != <uint8_t>word[i]:
            return False
    return True


cdef int photometric_code(const uint8_t* p, const Element* e) noexcept nogil:
    cdef size_t n = text_length(p, e)
    cdef int i = PI_MONOCHROME1
    if n == 0:
        return PI_MISSING
    while n and p[0] == c' ':
        p += 1
        n -= 1
    while i < PI_OTHER and not text_is(p, n, photometric_name(i)):
        i += 1
    return i


cdef struct Pending:
    # What is understood when all elements are known.
    const Element* center
    const Element* width
    int64_t padding_limit
    bint has_padding_limit


cdef void parse_header(const FileMap* m, ImageHeader* h) noexcept nogil:
    """Read what is there; what is missing or unreadable keeps a value that says so."""
    cdef size_t i
    cdef const Element* e
    cdef bint big
    cdef Pending pending
    cdef uint64_t seen = 0      # a bit for each tag below: of duplicates the first that is not empty counts
    cdef int bit
    memset(&pending, 0, sizeof(Pending))
    memset(h, 0, sizeof(ImageHeader))
    h.frames = 1
    h.high_bit = h.is_signed = h.planar = -1
    h.slope = 1
    for i in range(m.elements.count):
        e = &m.elements.items[i]
        if e.tag < 0x00280002u or e.tag & 0x10000 or e.length == 0:
            continue            # in front of all of them, private, or empty
        if e.flags & FAR and not is_sequence_of_header(e.tag):
            continue            # of undefined length, as no number is
        bit = tag_bit(e.tag)
        if bit < 0 or seen >> bit & 1:
            continue
        seen |= <uint64_t>1 << bit
        big = is_big_endian(m, e)
        if is_sequence_of_header(e.tag):
            note_sequence(e.tag, h)
        elif e.tag <= 0x00280103u:
            take_cells(e, value_at(m, e), big, h)
        else:
            take_values(e, value_at(m, e), big, h, &pending)
    if pending.center != NULL and pending.width != NULL:
        find_window(m, pending.center, pending.width, h)
    h.pixels = m.pixels
    h.big_endian = m.cursor.big_endian
    complete_header(h, &pending)
    complete_length(m, h)


cdef inline void take_cells(const Element* e, const uint8_t* p, bint big, ImageHeader* h) noexcept nogil:
    """One attribute of the Image Pixel Module (PS3.3 C.7.6.3) that says how pixel data lie."""
    cdef int64_t number = 0
    cdef double real = 0
    if e.tag == 0x00280004u:
        h.photometric = photometric_code(p, e)
    elif e.tag == 0x00280008u:
        if first_decimal(p, e, big, &real) and 1 <= real < 9e15:
            h.frames = <uint64_t>real
    elif not integer(p, e, big, &number):
        return
    elif e.tag == 0x00280002u:
        h.samples = <int>number
    elif e.tag == 0x00280006u:
        h.planar = number == 1
    elif e.tag == 0x00280010u:
        if number > 0:
            h.rows = <uint32_t>number
    elif e.tag == 0x00280011u:
        if number > 0:
            h.columns = <uint32_t>number
    elif e.tag == 0x00280100u:
        h.bits_allocated = <int>(number & 0xFFFF)
    elif e.tag == 0x00280101u:
        h.bits_stored = <int>(number & 0xFFFF)
    elif e.tag == 0x00280102u:
        h.high_bit = <int>(number & 0xFFFF)
    elif e.tag == 0x00280103u:
        h.is_signed = number == 1


cdef inline void take_values(const Element* e, const uint8_t* p, bint big, ImageHeader* h,
                             Pending* pending) noexcept nogil:
    """One attribute that says what values mean: padding, modality, VOI, presentation, dose."""
    cdef size_t n
    if e.tag == 0x00280120u:
        h.has_padding = integer(p, e, big, &h.padding)
    elif e.tag == 0x00280121u:
        pending.has_padding_limit = integer(p, e, big, &pending.padding_limit)
    elif e.tag == 0x00281050u:
        pending.center = e
    elif e.tag == 0x00281051u:
        pending.width = e
    elif e.tag == 0x00281052u:
        h.has_intercept = first_decimal(p, e, big, &h.intercept)
        if not h.has_intercept and text_length(p, e):
            h.unreadable = e.tag
    elif e.tag == 0x00281053u:
        h.has_slope = first_decimal(p, e, big, &h.slope)
        if not h.has_slope and text_length(p, e):
            h.unreadable = e.tag
    elif e.tag == 0x00281056u:
        n = text_length(p, e)
        if text_is(p, n, b"LINEAR_EXACT"):
            h.voi_function = VOI_LINEAR_EXACT
        elif text_is(p, n, b"SIGMOID"):
            h.voi_function = VOI_SIGMOID
        elif n and not text_is(p, n, b"LINEAR"):
            h.voi_function = VOI_UNKNOWN
    elif e.tag == 0x20500020u:
        n = text_length(p, e)
        if text_is(p, n, b"INVERSE"):
            h.shape = SHAPE_INVERSE
        elif text_is(p, n, b"IDENTITY"):
            h.shape = SHAPE_IDENTITY
    elif e.tag == 0x3004000Eu:
        h.has_dose_scaling = first_decimal(p, e, big, &h.dose_scaling)
        if not (h.has_dose_scaling or h.has_slope or h.has_intercept) and text_length(p, e):
            h.unreadable = e.tag


cdef inline bint is_sequence_of_header(uint32_t tag) noexcept nogil:
    return tag == 0x00283000u or tag == 0x00283010u or tag == 0x20500010u or tag >> 16 == 0x5200


cdef inline void note_sequence(uint32_t tag, ImageHeader* h) noexcept nogil:
    """That there are tables or functional groups; they may have been stepped over."""
    if tag == 0x00283000u:
        h.has_modality_lut = True
    elif tag == 0x00283010u:
        h.has_voi_lut = True
    elif tag == 0x20500010u:
        h.has_presentation_lut = True
    else:
        h.has_functional_groups = True


cdef void complete_header(ImageHeader* h, const Pending* pending) noexcept nogil:
    """What follows from other attributes where one is missing, or contradicts them."""
    if h.pixels.tag == 0x7FE00010u:
        h.pixel_kind = PIXELS_INTEGER
    elif h.pixels.tag == 0x7FE00008u:
        h.pixel_kind = PIXELS_FLOAT
        h.bits_allocated = h.bits_allocated or 32
    elif h.pixels.tag == 0x7FE00009u:
        h.pixel_kind = PIXELS_DOUBLE
        h.bits_allocated = h.bits_allocated or 64
    if h.samples == 0:
        h.samples = 3 if PI_RGB <= h.photometric <= PI_HSV else 4 if PI_ARGB <= h.photometric <= PI_CMYK else 1
    if h.bits_allocated < h.bits_stored:
        complete_cells(h)
    if h.bits_stored == 0:
        h.bits_stored = h.bits_allocated
    # PS3.5 8.1.1: the high bit lies inside the cell, the stored bits below it. Else the usual place is meant.
    if h.high_bit < h.bits_stored - 1 or h.high_bit >= h.bits_allocated:
        h.high_bit = h.bits_stored - 1
    if h.samples == 1 or h.samples == 3:
        reconcile(h)
    if h.has_padding:
        h.padding_limit = pending.padding_limit if pending.has_padding_limit else h.padding
        if h.is_signed == 1:
            h.padding = sign_extended(h.padding)
            h.padding_limit = sign_extended(h.padding_limit)


cdef void complete_cells(ImageHeader* h) noexcept nogil:
    """Where Bits Allocated is missing or below Bits Stored, native pixel data may tell it by their length.

    It is a multiple of 8 then, the first that holds the stored bits, and there are just so many bytes, padded or not.
    """
    cdef uint64_t plane = <uint64_t>h.rows * h.columns
    cdef int cell = (h.bits_stored + 7) // 8
    cdef uint64_t needed
    if h.pixel_kind != PIXELS_INTEGER or h.pixels.flags & (UNDEFINED | CUT):
        return
    if plane >= 0x40000000u or h.frames >= 0x100000u or not 1 <= h.samples <= 4 or not 1 <= cell <= 8:
        return
    needed = plane * h.frames * <uint64_t>h.samples * <uint64_t>cell
    if needed and needed <= h.pixels.length <= needed + needed % 2:
        h.bits_allocated = 8 * cell


cdef void reconcile(ImageHeader* h) noexcept nogil:
    """Where Samples per Pixel contradicts Photometric Interpretation, native pixel data tell by their length.

    Else the samples count: three of no colour space are RGB, one is MONOCHROME2. They are taken as they are.
    """
    cdef bint is_colour = PI_RGB <= h.photometric <= PI_CMYK
    cdef uint64_t plane = <uint64_t>h.rows * h.columns
    cdef uint64_t bits
    if h.photometric == PI_MISSING or h.photometric == PI_OTHER or is_colour == (h.samples == 3):
        return
    if not h.pixels.flags & (UNDEFINED | CUT) and 0 < plane < 0x40000000u and (
            h.frames < 0x100000u and h.bits_allocated <= 64):
        bits = plane * h.frames * <uint64_t>h.bits_allocated
        if h.samples == 3 and h.pixels.length < (bits * 3 + 7) // 8 and (
                (bits + 7) // 8 <= h.pixels.length <= (bits + 7) // 8 + 1):
            h.samples = 1
            return
        if h.samples == 1 and h.photometric <= PI_HSV and (
                (bits * 3 + 7) // 8 <= h.pixels.length <= (bits * 3 + 7) // 8 + 1):
            h.samples = 3
            return
    h.is_renamed = True
    h.photometric = PI_RGB if h.samples == 3 else PI_MONOCHROME2


cdef void complete_length(const FileMap* m, ImageHeader* h) noexcept nogil:
    """Native pixel data may say fewer bytes than the image has, where the file ends just behind these."""
    cdef uint64_t plane = <uint64_t>h.rows * h.columns
    cdef uint64_t needed
    if h.pixels.tag == 0 or h.pixels.flags & (UNDEFINED | CUT) or plane >= 0x40000000u or h.frames >= 0x100000u:
        return
    if not 1 <= h.samples <= 4 or h.bits_allocated > 64:
        return
    needed = (plane * h.frames * <uint64_t>h.samples * <uint64_t>h.bits_allocated + 7) // 8
    if h.pixels.length < needed and needed <= m.file_size - h.pixels.offset <= needed + needed % 2:
        h.pixels.length = needed


cdef bint rescale_of(const ImageHeader* h, double* slope, double* intercept) noexcept nogil:
    """The slope and intercept of the modality stage (PS3.3 C.11.1), or Dose Grid Scaling (C.8.8.3); False: none."""
    slope[0] = 1
    intercept[0] = 0
    if h.has_slope or h.has_intercept:
        slope[0] = h.slope
        intercept[0] = h.intercept
    elif h.has_dose_scaling:
        slope[0] = h.dose_scaling
    else:
        return False
    return True


cdef bint is_shown_inverted(const ImageHeader* h) noexcept nogil:
    """Whether display inverts: shape INVERSE, or MONOCHROME1 with a shape other than IDENTITY."""
    return h.shape == SHAPE_INVERSE or (h.photometric == PI_MONOCHROME1 and h.shape != SHAPE_IDENTITY)


cdef int64_t sign_extended(int64_t number) noexcept nogil:
    """A 16-bit word read as unsigned, as SS."""
    return <int16_t><uint16_t>number if number <= 0xFFFF else number


cdef int tag_bit(uint32_t tag) noexcept nogil:
    """A small number for each attribute of the header, -1 for all others."""
    cdef uint32_t element = tag & 0xFFFF
    if tag >> 16 == 0x0028:
        if element <= 0x0011:
            return element
        if 0x0100 <= element <= 0x0103:
            return 18 + (element - 0x0100)
        if 0x0120 <= element <= 0x0121:
            return 22 + (element - 0x0120)
        if 0x1050 <= element <= 0x1056:
            return 24 + (element - 0x1050)
        if element == 0x3000:
            return 31
        if element == 0x3010:
            return 32
    elif tag == 0x20500020u:
        return 33
    elif tag == 0x3004000Eu:
        return 34
    elif tag == 0x52009229u:
        return 35
    elif tag == 0x52009230u:
        return 36
    elif tag == 0x20500010u:
        return 37
    return -1


cdef int missing(uint32_t tag, const char* what, Fault* fault) noexcept nogil:
    return fail(fault, MALFORMED, "attribute_missing", what, tag, -1, -1, -1)


cdef int check_header(const FileMap* m, const ImageHeader* h, Fault* fault) noexcept nogil:
    """Whether these attributes describe an image, and one within the limits."""
    cdef uint64_t pixels
    if h.pixel_kind == PIXELS_NONE:
        if m.ended.kind:
            fault[0] = m.ended
            return -1
        if m.elements.count == 0:
            return fail(fault, TRUNCATED, "element_cut", "The file ends in front of its data set: it is cut", 0,
                        <int64_t>m.file_size, -1, -1)
        if find(&m.elements, 0x07A1100Au) != NULL:      # of Elscint, later Philips; (07A1,1011) names the compression
            return fail(fault, UNSUPPORTED, "transfer_syntax", "The pixels are in a private element of Elscint "
                        "(PMSCT_RLE1), for which there is no decoder", 0x07A1100Au, -1, -1, -1)
        if find(&m.elements, 0x00287FE0u) != NULL:
            return fail(fault, UNSUPPORTED, "no_pixel_data", "The pixel data are not in the file: Pixel Data Provider "
                        "URL says where they are", 0x00287FE0u, -1, -1, -1)
        if h.rows and h.columns:
            return fail(fault, MALFORMED, "no_pixel_data",
                        "The data set describes an image and ends without pixel data: the file may be cut",
                        0x7FE00010u, -1, -1, -1)
        return fail(fault, MALFORMED, "no_pixel_data", "The data set holds no pixel data", 0x7FE00010u, -1, -1, -1)
    if h.rows == 0:
        return missing(0x00280010u, "Rows is missing or 0", fault)
    if h.columns == 0:
        return missing(0x00280011u, "Columns is missing or 0", fault)
    if h.bits_allocated == 0:
        return missing(0x00280100u, "Bits Allocated is missing or 0", fault)
    if h.pixels.length == 0:
        return fail(fault, MALFORMED, "no_pixel_data", "The pixel data element is empty", h.pixels.tag,
                    <int64_t>h.pixels.offset, -1, -1)
    if h.bits_allocated > 64:
        return fail(fault, MALFORMED, "bits_allocated", "Bits Allocated exceeds 64", 0x00280100u, -1, -1,
                    h.bits_allocated)
    if h.bits_stored > h.bits_allocated:
        return fail(fault, MALFORMED, "bits_stored", "Bits Stored exceeds Bits Allocated", 0x00280101u, -1,
                    h.bits_allocated, h.bits_stored)
    if h.pixel_kind == PIXELS_FLOAT and h.bits_allocated != 32:
        return fail(fault, MALFORMED, "bits_allocated", "Bits Allocated of Float Pixel Data", 0x00280100u, -1,
                    32, h.bits_allocated)
    if h.pixel_kind == PIXELS_DOUBLE and h.bits_allocated != 64:
        return fail(fault, MALFORMED, "bits_allocated", "Bits Allocated of Double Float Pixel Data", 0x00280100u,
                    -1, 64, h.bits_allocated)
    if h.samples != 1 and h.samples != 3 and h.samples != 4:
        return fail(fault, MALFORMED, "samples_per_pixel", "Samples per Pixel is not 1, 3 or 4", 0x00280002u, -1,
                    -1, h.samples)
    if h.samples == 4 and h.photometric in (PI_MONOCHROME1, PI_MONOCHROME2, PI_PALETTE_COLOR):
        return fail(fault, MALFORMED, "samples_per_pixel", "Samples per Pixel contradicts Photometric Interpretation",
                    0x00280002u, -1, 1, h.samples)
    pixels = <uint64_t>h.rows * h.columns
    if pixels > m.limits.pixels_per_frame or pixels >> 48:      # products with what a pixel has stay inside 64 bits
        return fail(fault, OVER_LIMIT, "limit_pixels_per_frame", "Rows times Columns exceed", 0x00280010u, -1,
                    <int64_t>m.limits.pixels_per_frame, <int64_t>pixels)
    if h.frames > m.limits.frames:
        return fail(fault, OVER_LIMIT, "limit_frames", "Number of Frames exceeds", 0x00280008u, -1,
                    <int64_t>m.limits.frames, <int64_t>h.frames)
    return 0
