# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""`values="tfio"` of plain native images, whose values are one affine map of the stored ones, without the GIL.

That is MONOCHROME2 of at most 16 bits, with a whole intercept or none. `image.py` decodes every other image.
"""
from libc.math cimport INFINITY, floor, ldexp
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp

from dicomdecode.pixels._core cimport CODEC_NATIVE, DONE, Asked, Frames, Layout, PixelData, Request, describe
from dicomdecode.pixels._plans cimport CAffine, CPlan, Plan, fold, item_bytes
from dicomdecode.reading._cursor cimport u16_at, u32_at
from dicomdecode.reading._reading cimport (
    FAR, PI_MONOCHROME2, PIXELS_INTEGER, SHAPE_IDENTITY, UNDEFINED, DataSet, DicomFile, Element, Fault, FileMap,
    ImageHeader, check_header, find, letters, place_of, value_at)
from dicomdecode.words cimport COLOR_RGB, SCALE_AUTO, T_F32, T_F64, T_U8, T_U16, T_U32


cdef bint is_plain(const FileMap* m, uint32_t tag, const char* vr) noexcept nogil:
    """Whether an element is absent, or one number as text that everybody reads alike."""
    cdef const Element* e = find(&m.elements, tag)
    cdef const uint8_t* p
    cdef size_t i, n
    if e == NULL:
        return True
    if (e.vr and e.vr != letters(vr)) or e.length > 16:
        return False
    p = value_at(m, e)
    n = <size_t>e.length
    if n and (p[n - 1] == c' ' or p[n - 1] == 0):
        n -= 1
    for i in range(n):
        if not (c'0' <= p[i] <= c'9' or p[i] == c'.' or (i == 0 and (p[i] == c'-' or p[i] == c'+'))):
            return False
    return n > 0


cdef bint has_number(const FileMap* m, uint32_t tag, int64_t number) noexcept nogil:
    """Whether an element is there as US with this value: our header corrects some."""
    cdef const Element* e = find(&m.elements, tag)
    if e == NULL or e.length < 2 or e.flags or (e.vr and e.vr != letters(b"US")):
        return False
    return u16_at(value_at(m, e), False) == number


cdef bint is_command_set(const FileMap* m) noexcept nogil:
    """Whether what was passed over in front of the data set is a command set, encoded as the data set is."""
    cdef Element begin
    cdef const uint8_t* p
    cdef uint64_t left = m.skipped
    cdef uint64_t size
    if m.cursor.big_endian or m.dataset_offset < left:
        return False
    begin.offset = m.dataset_offset - left
    p = place_of(m, &begin)
    while left >= 8:
        if u16_at(p, False) != 0 or is_letter(p[4]) != m.explicit_vr:
            return False
        size = 8 + <uint64_t>(u16_at(p + 6, False) if m.explicit_vr else u32_at(p + 4, False))
        if size > left:
            return False
        p += size
        left -= size
    return left == 0


cdef inline bint is_letter(uint8_t c) noexcept nogil:
    return c'A' <= c <= c'Z'


cdef const char* LONG_VRS = b"OBODOFOLOVOWSQSVUCUNURUTUV"     # with a length of 32 bits, in DCMTK 3.6.6
cdef const char* SHORT_VRS = b"AEASATCSDADSDTFDFLISLOLTPNSHSLSSSTTMUIULUS"


cdef bint is_one_of(const uint8_t* vr, const char* names) noexcept nogil:
    while names[0]:
        if vr[0] == <uint8_t>names[0] and vr[1] == <uint8_t>names[1]:
            return True
        names += 2
    return False


cdef bint is_read_alike(const FileMap* m, const Element* e) noexcept nogil:
    """Whether DCMTK finds the value of an element in explicit VR where we do.

    It takes a VR of two capital letters that it does not know for one with a length of 32 bits, and any other for one
    with 16. Items of a UN element of undefined length have no VRs there (PS3.5 6.2.2).
    """
    cdef const uint8_t* value = place_of(m, e)
    cdef const uint8_t* vr = value - 8
    cdef bint is_long = not (u16_at(value - 8, m.cursor.big_endian) == e.tag >> 16
                             and u16_at(value - 6, m.cursor.big_endian) == e.tag & 0xFFFF)
    if not is_long:
        vr = value - 4
    if e.flags & UNDEFINED:
        return e.flags & FAR or vr[0] != c'U' or vr[1] != c'N' or e.length < 14 or not (
            is_letter(value[12]) and is_letter(value[13]))
    if is_one_of(vr, LONG_VRS) or (is_letter(vr[0]) and is_letter(vr[1]) and not is_one_of(vr, SHORT_VRS)):
        return is_long
    return not is_long and u16_at(value - 2, m.cursor.big_endian) == e.length


cdef bint pixels_are_found(const FileMap* m) noexcept nogil:
    """Whether DCMTK's parser comes to the pixel data as well.

    It stops at an item that is in no sequence, does not pass over bytes that belong to nothing, and counts as file meta
    information what begins within its Group Length, whatever the group is.
    """
    cdef const Element* length = find(&m.meta, 0x00020000u)
    cdef const Element* e
    cdef uint64_t end = 0
    cdef size_t i
    if (m.skipped and not is_command_set(m)) or (m.stray_item and m.stray_item < m.pixels.offset):
        return False
    if length != NULL and length.length == 4:
        end = length.offset + 4 + u32_at(value_at(m, length), False)
    for i in range(m.elements.count):
        e = &m.elements.items[i]
        if e.offset < end and e.tag >> 16 == 0x0028:
            return False
        if m.explicit_vr and e.offset < m.pixels.offset and not is_read_alike(m, e):
            return False
    return m.pixels.offset >= end


def finds_pixels(DicomFile file not None):
    """Whether tensorflow-io's parser comes to the pixel data, where ours does."""
    return pixels_are_found(&file.m)


def is_met(DicomFile file not None, uint32_t tag):
    """Whether tensorflow-io's parser comes to the first element with a tag of the data set, if there is one."""
    cdef const FileMap* m = &file.m
    cdef size_t i
    if m.skipped and not is_command_set(m):
        return False
    for i in range(m.elements.count):
        if m.elements.items[i].tag == tag:
            break
        if m.explicit_vr and not is_read_alike(m, &m.elements.items[i]):
            return False
    return True


cdef inline bint is_shadowed(const FileMap* m, size_t i) noexcept nogil:
    """Whether an element follows an empty one of the same tag: of duplicates, DCMTK has the first."""
    cdef const Element* before
    if i == 0:
        return False
    before = &m.elements.items[i - 1]
    return before.tag == m.elements.items[i].tag and before.length == 0


def is_first_empty(DataSet data not None, uint32_t tag):
    """Whether the first element with a tag has no value: it is what counts there, not one behind it."""
    cdef size_t i
    for i in range(data.m.elements.count):
        if data.m.elements.items[i].tag == tag:
            return data.m.elements.items[i].length == 0
    return False


cdef bint is_usual(const FileMap* m, const ImageHeader* h) noexcept nogil:
    """Whether tensorflow-io understands the header as we do, and draws no overlay and inverts nothing."""
    cdef const Element* uid
    cdef const Element* photometric = find(&m.elements, 0x00280004u)
    cdef size_t i
    if m.contradicts or h.is_renamed or h.photometric != PI_MONOCHROME2 or h.samples != 1 or h.bits_stored > 16 or (
            h.is_signed < 0 or not pixels_are_found(m)):
        return False
    if photometric == NULL or (photometric.vr and photometric.vr != letters(b"CS")):
        return False
    if h.high_bit < h.bits_stored - 1 or h.big_endian or h.pixel_kind != PIXELS_INTEGER:
        return False
    if h.has_modality_lut or h.has_functional_groups or h.unreadable:
        return False
    if not (has_number(m, 0x00280010u, h.rows) and has_number(m, 0x00280011u, h.columns)
            and has_number(m, 0x00280100u, h.bits_allocated) and has_number(m, 0x00280101u, h.bits_stored)
            and has_number(m, 0x00280102u, h.high_bit) and has_number(m, 0x00280103u, h.is_signed)):
        return False
    if h.pixels.vr != 0 and h.pixels.vr != letters(b"OW") and (h.pixels.vr != letters(b"OB") or h.bits_allocated > 16):
        return False
    if find(&m.elements, 0x20500020u) != NULL and h.shape != SHAPE_IDENTITY:
        return False
    for i in range(m.elements.count):
        if 0x60000000u <= m.elements.items[i].tag < 0x60200000u or is_shadowed(m, i):
            return False
    if h.has_slope != h.has_intercept or not is_plain(m, 0x00280008u, b"IS"):
        return False
    if not is_plain(m, 0x00281052u, b"DS") or not is_plain(m, 0x00281053u, b"DS"):
        return False
    if not h.has_slope:
        return True
    uid = find(&m.elements, 0x00080016u)        # X-ray angiography has no modality stage there
    if uid != NULL and uid.length >= 27 and memcmp(
            value_at(m, uid), <const char*>b"1.2.840.10008.5.1.4.1.1.12.", 27) == 0:
        return False
    return h.slope == 1 and h.intercept == floor(h.intercept) and -ldexp(1, 24) < h.intercept < ldexp(1, 24)


cdef int bit_length(double n) noexcept nogil:
    cdef int bits = 0
    while n >= 1:
        n /= 2
        bits += 1
    return bits


cdef bint tfio_plan(const Asked* asked, const FileMap* m, const ImageHeader* h, int cell, bint lossy,
                    CPlan* plan) noexcept nogil:
    """The plan of an image; False where it is for Python, errors among them."""
    cdef double low, high, spread
    cdef CAffine a
    cdef int depth
    cdef int target = asked.target
    cdef int width = 8 * item_bytes(target)
    cdef bint is_float = target == T_F32 or target == T_F64
    if not is_usual(m, h) or asked.frame_dim != -1 or asked.color != 0:
        return False
    if not is_float and target != T_U8 and target != T_U16 and target != T_U32:
        return False
    low = -ldexp(1, h.bits_stored - 1) if h.is_signed == 1 else 0
    high = low + ldexp(1, h.bits_stored) - 1 + h.intercept
    spread = low        # the lowest stored value becomes 0, whatever the intercept
    low += h.intercept
    if low >= 0:
        depth = bit_length(high)
    else:
        depth = 1 + (bit_length(-low - 1) if -low > (high if high >= 0 else -high) else bit_length(high))
    if depth == 0:
        depth = h.bits_stored
    if depth > width and (is_float or asked.scale == SCALE_AUTO or not lossy):
        return False
    if is_float and asked.scale == SCALE_AUTO:
        return False                            # a division, which no affine map equals
    a.slope = ldexp(1, depth - h.bits_stored)
    if asked.scale == SCALE_AUTO:
        a.slope = ldexp(a.slope, width - depth)
    a.intercept = -spread * a.slope
    a.low = -INFINITY
    a.high = INFINITY
    return fold(&a, cell, target, plan)


def decode_plain(DicomFile file not None, Request request not None, bint lossy):
    """A plain image as tensorflow-io returned it; None for any other."""
    cdef Plan plan = Plan.__new__(Plan)
    cdef Fault fault
    cdef Layout layout
    cdef Frames frames
    cdef Request whole
    if check_header(&file.m, &file.h, &fault) < 0 or file.h.pixels.flags:
        return None
    if describe(&file.m, &file.h, &file.bytes, COLOR_RGB, False, &layout) != DONE or layout.codec != CODEC_NATIVE:
        return None
    if not layout.in_order or not tfio_plan(&request.asked, &file.m, &file.h, layout.cell, lossy, &plan.c):
        return None
    if file.h.pixels.length * 8 < layout.frame_bits * file.h.frames:
        return None
    whole = Request(values="stored", dtype=request.dtype, color_dim=True, frame_dim=True)
    frames = Frames(PixelData(file), whole)
    plan.dtype = request.dtype
    out = frames.allocate(whole, request.dtype, 1)
    frames.write(0, file.h.frames, plan, out, 0)
    return out
