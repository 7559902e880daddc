# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""Which images need neither Python nor the GIL, and how they are decoded: from scan to kernel in C.

Whatever is rare, or damaged, is refused here without a reason: the Python functions decode it, or say what is wrong.
"""
from libc.math cimport INFINITY, ceil, floor, isfinite, ldexp
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp

from dicomdecode.tfop._interface cimport dd_image, dd_request
from dicomdecode.reading._cursor cimport u32_at
from dicomdecode.reading._fault cimport Fault
from dicomdecode.reading._header cimport (
    PI_MONOCHROME1, PI_MONOCHROME2, PI_PALETTE_COLOR, PI_RGB, PIXELS_INTEGER, ImageHeader, check_header, parse_header)
from dicomdecode.pixels._kernels cimport (
    PLAN_AFFINE, PLAN_CLAMP, PLAN_COPY, T_F16, T_F32, T_F64, T_I8, T_I16, T_I32, T_I64, T_U8, T_U16, T_U32, T_U64,
    CPlan, item_bytes, run_plan)
from dicomdecode.reading._limits cimport CLimits
from dicomdecode.reading._scan cimport (
    SCAN_PIXELS, UNDEFINED, UNDEFINED_LENGTH, Element, FileMap, find, map_free, map_init, scan)
from dicomdecode.tfio_compat._plan cimport tfio_plan
from dicomdecode.codecs._ljpeg cimport ljpeg_decode, ljpeg_is_lossless
from dicomdecode.codecs._rle cimport rle_decode

# Positions in the tables of _bridge.pyx.
cdef enum:
    LOSSY = 2
    AUTO = 1
    STORED = 0
    MODALITY = 1
    TFIO = 5
    COLOR_RGB = 0
    COLOR_PALETTE = 2


# --- the plan of integer pixels: the formulas of transform.py, without the GIL ----------------------------------------

cdef double least_of(int type) noexcept nogil:
    if type == T_F32:
        return -3.4028234663852886e38
    if type == T_F64:
        return -1.7976931348623157e308
    if type == T_U8 or type == T_U16 or type == T_U32 or type == T_U64:
        return 0
    return -ldexp(1, 8 * item_bytes(type) - 1)


cdef double most_of(int type) noexcept nogil:
    """As a double: 2^63 and 2^64 stand for the 64-bit types."""
    if type == T_F32 or type == T_F64:
        return -least_of(type)
    if type == T_U8 or type == T_U16 or type == T_U32:
        return ldexp(1, 8 * item_bytes(type)) - 1
    if type == T_I8 or type == T_I16 or type == T_I32:
        return ldexp(1, 8 * item_bytes(type) - 1) - 1
    return ldexp(1, 64 if type == T_U64 else 63)


cdef bint simple_plan(int bits, bint is_signed, const double* rescale, int source, int target, bint auto_scale,
                      CPlan* plan, bint* fit) noexcept nogil:
    """`plans._simple_plan`: the map of integers of so many bits to a type. False where it is for NumPy to follow."""
    cdef double low = -ldexp(1, bits - 1) if is_signed else 0
    cdef double high = ldexp(1, bits - 1) - 1 if is_signed else ldexp(1, bits) - 1
    cdef double slope = 1
    cdef double intercept = 0
    cdef double bottom = 0
    cdef double top = 1
    cdef double first, stretch
    cdef bint is_float = target == T_F32 or target == T_F64
    if target == T_F16:
        return False
    if rescale != NULL:
        slope = rescale[0]
        intercept = rescale[1]
        first = low * slope + intercept
        high = high * slope + intercept
        low = first if first <= high else high
        high = high if first <= high else first
    if not (isfinite(low) and isfinite(high) and isfinite(high - low)):
        return False
    if is_float:
        fit[0] = low >= least_of(target) and high <= most_of(target)
    else:
        fit[0] = floor(low) >= least_of(target) and ceil(high) <= most_of(target)
    plan.source = source
    plan.target = target
    if auto_scale:
        if low == high:
            slope = intercept = 0
        else:
            if not is_float:
                bottom = least_of(target)
                top = most_of(target)
            stretch = (top - bottom) / (high - low)
            slope = slope * stretch
            intercept = intercept * stretch + (bottom - low * stretch)
    if slope == 1 and intercept == 0 and source == target:
        plan.kind = PLAN_COPY
        return True
    if slope == 1 and intercept == 0 and not is_float:
        plan.kind = PLAN_CLAMP
        first = least_of(source)
        plan.clamp_low = <int64_t>(first if first >= least_of(target) else least_of(target))
        first = most_of(source)
        plan.clamp_high = <int64_t>(first if first <= most_of(target) else most_of(target))
        return True
    if target == T_U64 or target == T_I64:
        return False
    plan.kind = PLAN_AFFINE
    plan.slope = slope
    plan.intercept = intercept
    plan.low = -INFINITY if is_float else least_of(target)
    plan.high = INFINITY if is_float else most_of(target)
    return True


# --- which images need no GIL -----------------------------------------------------------------------------------------

cdef int coding_of(const FileMap* m, const ImageHeader* h) noexcept nogil:
    """How the pixel data are coded: one of Coding, or -1 where Python is asked."""
    cdef const Element* uid = find(&m.meta, 0x00020010u)
    cdef const uint8_t* text
    cdef size_t n
    if uid == NULL or uid.length == 0:
        return -1 if h.pixels.flags & UNDEFINED else NATIVE
    text = m.cursor.data + (uid.offset - m.base)
    n = uid.length
    while n and (text[n - 1] == 0 or text[n - 1] == c' '):
        n -= 1
    if n < 17 or memcmp(text, <const char*>b"1.2.840.10008.1.2", 17) != 0:
        return -1
    text += 17
    n -= 17
    if n == 0 or (n == 2 and memcmp(text, <const char*>b".1", 2) == 0):
        return -1 if h.pixels.flags & UNDEFINED else NATIVE
    if n == 2 and memcmp(text, <const char*>b".5", 2) == 0:
        return RLE
    if n == 5 and (memcmp(text, <const char*>b".4.57", 5) == 0 or memcmp(text, <const char*>b".4.70", 5) == 0):
        return LOSSLESS_JPEG
    return -1


cdef bint is_simple(const dd_request* r, const ImageHeader* h) noexcept nogil:
    """Whether stored integers become the result by one plan, without a change of colour or a table."""
    if h.pixel_kind != PIXELS_INTEGER or h.big_endian or r.color >= COLOR_PALETTE:
        return False
    if h.bits_allocated != 8 and h.bits_allocated != 16 and h.bits_allocated != 32:
        return False
    if r.values != STORED and r.values != MODALITY and r.values != TFIO:
        return False
    if r.frame_dim == 0 and h.frames != 1:
        return False
    if h.samples == 3:
        return h.photometric == PI_RGB
    if h.samples != 1 or (h.photometric == PI_PALETTE_COLOR and r.color == COLOR_RGB):
        return False
    if r.values == STORED:
        return True
    if h.photometric != PI_MONOCHROME1 and h.photometric != PI_MONOCHROME2:
        return False
    return not (h.has_modality_lut or h.has_functional_groups or h.unreadable)


cdef bint one_fragment_a_frame(const FileMap* m, const ImageHeader* h, Frames* f) noexcept nogil:
    """Find the fragments. False where they are not as many as frames, or an offset table says something else."""
    cdef uint64_t at = h.pixels.offset
    cdef uint64_t end = at + h.pixels.length
    cdef uint64_t length, table
    cdef size_t table_length
    cdef size_t n = 0
    cdef const uint8_t* p = m.cursor.data
    if end > m.cursor.size or at + 8 > end or find(&m.elements, 0x7FE00001u) != NULL:
        return False
    if not is_item(p + at, &length) or length > end - at - 8 or (length and length != 4 * h.frames):
        return False
    table_length = <size_t>length
    table = at + 8
    at = table + length
    f.data = p + at
    f.size = <size_t>(end - at)
    while end - at >= 8 and is_item(p + at, &length):
        if n == h.frames or length > end - at - 8:
            return False
        if table_length and u32_at(p + table + 4 * n, False) != at - (f.data - p):
            return False
        n += 1
        at += 8 + length
    return n == h.frames


cdef inline bint is_item(const uint8_t* p, uint64_t* length) noexcept nogil:
    """Whether an item of defined length begins at these 8 bytes (PS3.5 A.4)."""
    length[0] = u32_at(p + 4, False)
    return p[0] == 0xFE and p[1] == 0xFF and p[2] == 0x00 and p[3] == 0xE0 and length[0] != UNDEFINED_LENGTH


cdef bint frames_of_map(const dd_request* r, const FileMap* m, Frames* f, dd_image* image) noexcept nogil:
    cdef ImageHeader h
    cdef Fault fault
    cdef double[2] rescale
    cdef bint has_rescale, fit
    cdef uint64_t pixels, cells, total
    cdef int cell_bytes
    parse_header(m, &h)
    if check_header(m, &h, &fault) < 0 or not is_simple(r, &h):
        return False
    f.coding = coding_of(m, &h)
    if f.coding < 0 or (f.coding == NATIVE and h.samples == 3 and h.planar == 1):
        return False
    pixels = <uint64_t>h.rows * h.columns
    if pixels >> 48:            # products with what a pixel has stay inside 64 bits
        return False
    cell_bytes = h.bits_allocated // 8
    cells = pixels * <uint64_t>h.samples
    f.spec.rows = h.rows
    f.spec.columns = h.columns
    f.spec.samples = h.samples
    f.spec.bits_allocated = h.bits_allocated
    f.spec.bits_stored = h.bits_stored
    f.spec.is_signed = h.is_signed == 1
    f.spec.item_bytes = cell_bytes
    f.spec.threads = 1
    f.cells = <size_t>cells
    f.count = <size_t>h.frames
    if f.coding == NATIVE:
        if h.pixels.length // (cells * cell_bytes) < h.frames or h.pixels.offset > m.cursor.size:
            return False
        f.data = m.cursor.data + h.pixels.offset
        f.size = <size_t>h.pixels.length
        if f.size > m.cursor.size - <size_t>h.pixels.offset:
            return False
    elif not one_fragment_a_frame(m, &h, f):
        return False
    elif f.coding == RLE and (f.size <= 8 or (f.size - 8) * 64 < cells * cell_bytes):
        return False
    f.layout.type = (T_U8 if cell_bytes == 1 else T_U16 if cell_bytes == 2 else T_U32) + (h.is_signed == 1)
    f.layout.left = f.layout.right = 0
    if f.coding != LOSSLESS_JPEG:
        f.layout.left = h.bits_allocated - 1 - h.high_bit
        f.layout.right = h.bits_allocated - h.bits_stored
    f.unused = 0
    if f.coding == RLE and f.layout.left == f.layout.right and f.layout.right < 8:
        f.unused = f.layout.right               # the codec clears them
        f.layout.left = f.layout.right = 0
    has_rescale = False
    if h.samples == 1 and r.values == MODALITY:
        has_rescale = h.has_slope or h.has_intercept or h.has_dose_scaling
        rescale[0] = h.slope if h.has_slope or h.has_intercept else h.dose_scaling
        rescale[1] = h.intercept if h.has_slope or h.has_intercept else 0
    if r.values == TFIO:
        if f.coding != NATIVE or not tfio_plan(r, m, &h, f.layout.type, r.on_error == LOSSY, &f.plan):
            return False
    elif not simple_plan(h.bits_stored, h.is_signed == 1 and h.samples == 1, rescale if has_rescale else NULL,
                         f.layout.type, r.type, r.scale == AUTO, &f.plan, &fit):
        return False
    elif not fit and r.on_error != LOSSY:
        return False
    total = cells * item_bytes(r.type)
    if total > m.limits.output_bytes // h.frames:
        return False
    image.bytes = <size_t>(total * h.frames)
    image.dim_count = 0
    if r.values == TFIO or r.frame_dim == 1 or (r.frame_dim != 0 and h.frames > 1):
        add_dim(image, h.frames)
    add_dim(image, h.rows)
    add_dim(image, h.columns)
    if h.samples > 1 or r.color_dim or r.values == TFIO:
        add_dim(image, h.samples)
    return True


cdef inline void add_dim(dd_image* image, uint64_t n) noexcept nogil:
    image.dims[image.dim_count] = <int64_t>n
    image.dim_count += 1


cdef bint frames_of(const dd_request* r, const uint8_t* contents, size_t size, const CLimits* limits, Frames* f,
                    dd_image* image) noexcept nogil:
    """Find frames, plan and shape of an image that needs no Python; False for any other, and for damaged ones."""
    cdef FileMap m
    cdef Fault fault
    cdef bint found
    if r.values > MODALITY and r.values != TFIO:
        return False
    map_init(&m, contents, size, 0, size)
    m.limits = limits[0]
    found = scan(&m, True, &fault) == SCAN_PIXELS and frames_of_map(r, &m, f, image)
    map_free(&m)
    return found


cdef bint write_frames(const Frames* f, uint8_t* out) noexcept nogil:
    """Write all pixels; False when a fragment is damaged."""
    if f.coding != NATIVE:
        return write_coded(f, out)
    run_plan(&f.plan, NULL, &f.layout, f.data, f.cells * f.count, out)
    return True


cdef bint write_coded(const Frames* f, uint8_t* out) noexcept nogil:
    """Decode fragment by fragment."""
    cdef size_t i
    cdef uint64_t length
    cdef const uint8_t* p = f.data
    cdef Fault fault
    cdef bint direct = f.plan.kind == PLAN_COPY and not f.layout.left and not f.layout.right
    cdef size_t step = f.cells * item_bytes(f.plan.target)
    cdef uint8_t* scratch = NULL
    cdef uint8_t* place
    cdef int result = 0
    if not direct:
        scratch = <uint8_t*>malloc(f.cells * f.spec.item_bytes)
        if scratch == NULL:
            return False
    for i in range(f.count):
        is_item(p, &length)
        place = out + i * step if direct else scratch
        if f.coding == RLE:
            result = rle_decode(p + 8, <size_t>length, <size_t>f.spec.rows * f.spec.columns, f.spec.samples,
                                f.spec.item_bytes, f.unused, f.spec.is_signed, place, &fault)
        elif ljpeg_is_lossless(p + 8, <size_t>length):
            result = ljpeg_decode(p + 8, <size_t>length, &f.spec, place, &fault)
        else:
            result = -1
        if result < 0:
            break
        if not direct:
            run_plan(&f.plan, NULL, &f.layout, scratch, f.cells, out + i * step)
        p += 8 + length
    free(scratch)
    return result == 0
