# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""`values="tfio"` without the GIL: plain native images, whose values are one affine map of the stored ones.

That is MONOCHROME2 of at most 16 bits, with a whole intercept or none. `tfio_values` decodes every other image.
"""
from libc.math cimport INFINITY, floor, ldexp
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp

from dicomdecode.tfop._interface cimport dd_request
from dicomdecode.reading._cursor cimport u16_at
from dicomdecode.reading._header cimport PI_MONOCHROME2, SHAPE_IDENTITY, ImageHeader
from dicomdecode.pixels._kernels cimport (
    PLAN_AFFINE, PLAN_CLAMP, PLAN_COPY, T_F32, T_F64, T_U8, T_U16, T_U32, CPlan, item_bytes)
from dicomdecode.reading._scan cimport Element, FileMap, find, letters


cdef bint is_plain(const FileMap* m, uint32_t tag, const char* vr) noexcept nogil:
    """Whether an element is absent, or one number as text that everybody reads alike."""
    cdef const Element* e = find(&m.elements, tag)
    cdef const uint8_t* p
    cdef size_t i, n
    if e == NULL:
        return True
    if (e.vr and e.vr != letters(vr)) or e.length > 16:
        return False
    p = m.cursor.data + (e.offset - m.base)
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
    return u16_at(m.cursor.data + (e.offset - m.base), False) == number


cdef bint is_usual(const FileMap* m, const ImageHeader* h) noexcept nogil:
    """Whether tensorflow-io understands the header as we do, and draws no overlay and inverts nothing."""
    cdef const Element* uid
    cdef size_t i
    if m.contradicts or h.photometric != PI_MONOCHROME2 or h.samples != 1 or h.bits_stored > 16 or h.is_signed < 0:
        return False
    if h.high_bit < h.bits_stored - 1 or h.big_endian:
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
        if 0x60000000u <= m.elements.items[i].tag < 0x60200000u:
            return False
    if h.has_slope != h.has_intercept or not is_plain(m, 0x00280008u, b"IS"):
        return False
    if not is_plain(m, 0x00281052u, b"DS") or not is_plain(m, 0x00281053u, b"DS"):
        return False
    if not h.has_slope:
        return True
    uid = find(&m.elements, 0x00080016u)        # X-ray angiography has no modality stage there
    if uid != NULL and uid.length >= 27 and memcmp(
            m.cursor.data + (uid.offset - m.base), <const char*>b"1.2.840.10008.5.1.4.1.1.12.", 27) == 0:
        return False
    return h.slope == 1 and h.intercept == floor(h.intercept) and -ldexp(1, 24) < h.intercept < ldexp(1, 24)


cdef int bit_length(double n) noexcept nogil:
    cdef int bits = 0
    while n >= 1:
        n /= 2
        bits += 1
    return bits


cdef bint tfio_plan(const dd_request* r, const FileMap* m, const ImageHeader* h, int source, bint lossy,
                    CPlan* plan) noexcept nogil:
    """The plan of an image; False where it is for Python, errors among them."""
    cdef double low, high, most, spread
    cdef int depth
    cdef int width = 8 * item_bytes(r.type)
    cdef bint is_float = r.type == T_F32 or r.type == T_F64
    if not is_usual(m, h) or r.frame_dim != -1 or r.color != 0:
        return False
    if not is_float and r.type != T_U8 and r.type != T_U16 and r.type != T_U32:
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
    if depth > width and (is_float or r.scale or not lossy):
        return False
    if is_float and r.scale:
        return False                            # a division, which no affine map equals
    plan.source = source
    plan.target = r.type
    plan.slope = ldexp(1, depth - h.bits_stored)
    if r.scale:
        plan.slope = ldexp(plan.slope, width - depth)
    plan.intercept = -spread * plan.slope
    most = ldexp(1, width) - 1
    if plan.slope == 1 and plan.intercept == 0 and source == r.type:
        plan.kind = PLAN_COPY
    elif plan.slope == 1 and plan.intercept == 0 and not is_float:
        plan.kind = PLAN_CLAMP
        plan.clamp_low = 0
        plan.clamp_high = <long long>(most if most < ldexp(1, 8 * item_bytes(source)) - 1
                                      else ldexp(1, 8 * item_bytes(source)) - 1)
    else:
        plan.kind = PLAN_AFFINE
        plan.low = -INFINITY if is_float else 0
        plan.high = INFINITY if is_float else most
    return True
