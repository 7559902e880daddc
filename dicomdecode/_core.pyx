# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""The decoding core as the TensorFlow op calls it: bytes in, a shape, then pixels into memory of the caller.

Frequent kinds of images go from scan to kernel without the GIL; `frames_of` says which. Every other image, and each one
that turns out to be damaged, is handed to the Python functions with the GIL held: they alone decide what is an error, and
how it is said.
"""
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_READ, PyBuffer_Release, PyObject_GetBuffer
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.math cimport INFINITY, ceil, floor, isfinite, ldexp
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy

from dicomdecode._core_texts cimport texts_of_file
from dicomdecode._cursor cimport u32_at
from dicomdecode._fault cimport NO_MEMORY, Fault
from dicomdecode._header cimport (
    PI_MONOCHROME1, PI_MONOCHROME2, PI_PALETTE_COLOR, PI_RGB, PIXELS_INTEGER, ImageHeader, check_header, parse_header)
from dicomdecode._kernels cimport (
    PLAN_AFFINE, PLAN_CLAMP, PLAN_COPY, T_F16, T_F32, T_F64, T_I8, T_I16, T_I32, T_I64, T_U8, T_U16, T_U32, T_U64,
    CPlan, item_bytes, run_plan)
from dicomdecode._limits cimport CLimits, fill_limits
from dicomdecode._scan cimport (
    SCAN_PIXELS, UNDEFINED, UNDEFINED_LENGTH, Element, FileMap, find, map_free, map_init, scan)
from dicomdecode._spec cimport Spec
from dicomdecode.codecs._ljpeg cimport ljpeg_decode, ljpeg_is_lossless
from dicomdecode.codecs._rle cimport rle_decode

import numpy as np

from dicomdecode.documented import decode_dicom_data, decode_dicom_image
from dicomdecode.limits import default_limits

cdef extern from * nogil:
    """
    #include <time.h>

    /* Threads of TensorFlow that are inside Python, and whether the interpreter is about to end. */
    static long dd_inside;
    static int dd_closing;
    /* The limits in force for calls that hold no GIL, replaced as a whole. */
    static void *dd_limits;

    static int dd_enter_python(void) {
        __atomic_add_fetch(&dd_inside, 1, __ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&dd_closing, __ATOMIC_SEQ_CST)) return 1;
        __atomic_sub_fetch(&dd_inside, 1, __ATOMIC_SEQ_CST);
        return 0;
    }
    static void dd_leave_python(void) { __atomic_sub_fetch(&dd_inside, 1, __ATOMIC_SEQ_CST); }
    static void dd_close(void) {
        struct timespec pause = {0, 1000000};
        __atomic_store_n(&dd_closing, 1, __ATOMIC_SEQ_CST);
        for (int i = 0; i < 10000 && __atomic_load_n(&dd_inside, __ATOMIC_SEQ_CST) > 0; i++) nanosleep(&pause, NULL);
    }
    static void dd_set_limits(void *limits) { __atomic_store_n(&dd_limits, limits, __ATOMIC_RELEASE); }
    static const void *dd_get_limits(void) { return __atomic_load_n(&dd_limits, __ATOMIC_ACQUIRE); }
    """
    bint dd_enter_python()
    void dd_leave_python()
    void dd_close()
    void dd_set_limits(void* limits)
    const void* dd_get_limits()

# Positions in these tables are the numbers of dd_request.
cdef tuple TYPES = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.uint64, np.int64, np.float32,
                    np.float64, np.float16)
cdef tuple ON_ERROR = ("strict", "skip", "lossy")
cdef tuple SCALES = ("preserve", "auto")
cdef tuple VALUES = ("stored", "modality", "voi", "display", "tfio")
cdef tuple COLORS = ("rgb", "stored", "palette")

cdef enum:
    LOSSY = 2
    AUTO = 1
    STORED = 0
    MODALITY = 1
    COLOR_RGB = 0
    COLOR_PALETTE = 2

cdef struct State:
    Frames frames
    bint is_array               # the result is an array that Python made; `frames` is not used
    Py_buffer array
    const dd_request* request
    const uint8_t* contents
    size_t size


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
    if h.pixel_kind != PIXELS_INTEGER or h.big_endian or r.color == COLOR_PALETTE:
        return False
    if h.bits_allocated != 8 and h.bits_allocated != 16 and h.bits_allocated != 32:
        return False
    if r.values != STORED and r.values != MODALITY:
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
    has_rescale = False
    if h.samples == 1 and r.values == MODALITY:
        has_rescale = h.has_slope or h.has_intercept or h.has_dose_scaling
        rescale[0] = h.slope if h.has_slope or h.has_intercept else h.dose_scaling
        rescale[1] = h.intercept if h.has_slope or h.has_intercept else 0
    if not simple_plan(h.bits_stored, h.is_signed == 1 and h.samples == 1, rescale if has_rescale else NULL,
                       f.layout.type, r.type, r.scale == AUTO, &f.plan, &fit):
        return False
    if not fit and r.on_error != LOSSY:
        return False
    total = cells * item_bytes(r.type)
    if total > m.limits.output_bytes // h.frames:
        return False
    image.bytes = <size_t>(total * h.frames)
    image.dim_count = 0
    if r.frame_dim == 1 or (r.frame_dim != 0 and h.frames > 1):
        add_dim(image, h.frames)
    add_dim(image, h.rows)
    add_dim(image, h.columns)
    if h.samples > 1 or r.color_dim:
        add_dim(image, h.samples)
    return True


cdef inline void add_dim(dd_image* image, uint64_t n) noexcept nogil:
    image.dims[image.dim_count] = <int64_t>n
    image.dim_count += 1


cdef bint frames_of(const dd_request* r, const uint8_t* contents, size_t size, Frames* f, dd_image* image) noexcept nogil:
    """Find frames, plan and shape of an image that needs no Python; False for any other, and for damaged ones."""
    cdef FileMap m
    cdef Fault fault
    cdef bint found
    cdef const CLimits* limits = <const CLimits*>dd_get_limits()
    if r.values > MODALITY or limits == NULL:
        return False
    map_init(&m, contents, size, 0, size)
    m.limits = limits[0]
    found = scan(&m, True, &fault) == SCAN_PIXELS and frames_of_map(r, &m, f, image)
    map_free(&m)
    return found


cdef bint write_coded(const Frames* f, uint8_t* out) noexcept nogil:
    """Decode fragment by fragment; False when one is damaged."""
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
                                f.spec.item_bytes, place, &fault)
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


# --- the functions of dd_core -----------------------------------------------------------------------------------------

cdef int prepare(const dd_request* request, const uint8_t* contents, size_t size, dd_image* image,
                 dd_error* error) noexcept nogil:
    cdef State* state = <State*>calloc(1, sizeof(State))
    cdef int result = 0
    if state == NULL:
        return say(error, DD_RESOURCE_EXHAUSTED, b"no memory to decode an image")
    state.request = request
    state.contents = contents
    state.size = size
    image.state = state
    if frames_of(request, contents, size, &state.frames, image):
        image.may_change = state.frames.coding != NATIVE
    else:
        image.may_change = 0
        result = ask_python(state, image, error)
        if result < 0:
            free(state)
    return result


cdef int fill(dd_image* image, void* out, dd_error* error) noexcept nogil:
    cdef State* state = <State*>image.state
    if state.is_array:
        if image.bytes:
            memcpy(out, state.array.buf, image.bytes)
        return DD_FILLED
    if state.frames.coding == NATIVE:
        run_plan(&state.frames.plan, NULL, &state.frames.layout, state.frames.data,
                 state.frames.cells * state.frames.count, out)
        return DD_FILLED
    if write_coded(&state.frames, <uint8_t*>out):
        return DD_FILLED
    return DD_FAILED if ask_python(state, image, error) < 0 else DD_AGAIN


cdef void release(dd_image* image) noexcept nogil:
    cdef State* state = <State*>image.state
    if state.is_array and dd_enter_python():
        forget(state)
        dd_leave_python()
    free(state)


cdef void forget(State* state) noexcept with gil:
    PyBuffer_Release(&state.array)


cdef int say(dd_error* error, int code, const char* text) noexcept nogil:
    cdef size_t n = 0
    while text[n] and n < DD_MESSAGE_BYTES - 1:
        error.message[n] = text[n]
        n += 1
    while text[n] and n and (text[n] & 0xC0) == 0x80:       # do not cut a character in two
        n -= 1
    error.message[n] = 0
    error.code = code
    return -1


cdef int ask_python(State* state, dd_image* image, dd_error* error) noexcept nogil:
    """Decode by the Python function, which takes every image and words every error."""
    cdef int result
    if not dd_enter_python():
        return say(error, DD_CANCELLED, b"the interpreter is shutting down")
    result = decode_in_python(state, image, error)
    dd_leave_python()
    return result


cdef int decode_in_python(State* state, dd_image* image, dd_error* error) noexcept with gil:
    cdef const dd_request* r = state.request
    cdef int i
    try:
        view = PyMemoryView_FromMemory(<char*>state.contents, <Py_ssize_t>state.size, PyBUF_READ)
        array = decode_dicom_image(
            view, bool(r.color_dim), ON_ERROR[r.on_error], SCALES[r.scale], TYPES[r.type], values=VALUES[r.values],
            color=COLORS[r.color], frame_dim=None if r.frame_dim < 0 else bool(r.frame_dim))
        if array.ndim > DD_MOST_DIMS:
            raise ValueError(f"an image of {array.ndim} dimensions")
        PyObject_GetBuffer(array, &state.array, PyBUF_C_CONTIGUOUS)
        state.is_array = True
        image.bytes = <size_t>state.array.len
        image.dim_count = state.array.ndim
        for i in range(state.array.ndim):
            image.dims[i] = state.array.shape[i]
    except BaseException as raised:
        return say_exception(raised, error)
    return 0


cdef int say_exception(object raised, dd_error* error) noexcept:
    cdef int code = DD_INTERNAL
    if isinstance(raised, (ValueError, TypeError)):
        code = DD_INVALID_ARGUMENT
    elif isinstance(raised, MemoryError):
        code = DD_RESOURCE_EXHAUSTED
    elif isinstance(raised, ImportError):
        code = DD_FAILED_PRECONDITION
    try:
        text = str(raised).encode("utf-8", "replace") or type(raised).__name__.encode("utf-8")
    except BaseException:
        text = b"an error without a text"
    return say(error, code, text)


cdef int texts(int tfio, const uint8_t* contents, size_t size, const uint32_t* numbers, const dd_span* written,
               size_t count, dd_text_sink sink, void* target, dd_error* error) noexcept nogil:
    cdef const CLimits* limits = <const CLimits*>dd_get_limits()
    cdef int result
    if not tfio and numbers != NULL and limits != NULL and texts_of_file(contents, size, limits, numbers, count, sink,
                                                                         target):
        return 0
    if not dd_enter_python():
        return say(error, DD_CANCELLED, b"the interpreter is shutting down")
    result = texts_in_python(tfio, contents, size, numbers, written, count, sink, target, error)
    dd_leave_python()
    return result


def encoded_texts(contents, list tags, bint tfio):
    """The texts of tags as bytes: UTF-8, or what tensorflow-io gave."""
    if tfio:
        from dicomdecode.tfio_text import tfio_data

        return tfio_data(contents, tags).tolist()
    return [text.encode("utf-8", "replace") for text in decode_dicom_data(contents, tags)]


cdef int texts_in_python(int tfio, const uint8_t* contents, size_t size, const uint32_t* numbers,
                         const dd_span* written, size_t count, dd_text_sink sink, void* target,
                         dd_error* error) noexcept with gil:
    cdef size_t i
    cdef bytes text
    try:
        view = PyMemoryView_FromMemory(<char*>contents, <Py_ssize_t>size, PyBUF_READ)
        if numbers != NULL:
            tags = [numbers[i] for i in range(count)]
        else:
            tags = [written[i].data[:written[i].size].decode("utf-8", "replace") for i in range(count)]
        found = encoded_texts(view, tags, tfio)
        for i in range(count):
            text = found[i]
            sink(target, i, text, len(text))
    except BaseException as raised:
        return say_exception(raised, error)
    return 0


cdef dd_core CORE
CORE.version = DD_CORE_VERSION
CORE.prepare = prepare
CORE.fill = fill
CORE.release = release
CORE.texts = texts


def address():
    """The address of the struct of functions, for the op's library."""
    return <uintptr_t>&CORE


def close():
    """Let no thread of TensorFlow into Python any more, and wait for those inside; called when the process exits."""
    with nogil:
        dd_close()


def use_limits(limits):
    """Make `limits` those of calls without the GIL. The struct before it is left to threads that may still read it."""
    cdef CLimits* new = <CLimits*>malloc(sizeof(CLimits))
    if new == NULL:
        raise MemoryError("no memory for limits")
    fill_limits(limits, new)
    dd_set_limits(new)


use_limits(default_limits())


# --- for tests --------------------------------------------------------------------------------------------------------

cdef void collect(void* target, size_t index, const char* text, size_t size) noexcept nogil:
    with gil:
        (<list>target)[index] = text[:size]


def direct_texts(const uint8_t[::1] contents, tags):
    """The texts of tags given as numbers, in bytes; None when some are left to Python."""
    cdef uint32_t[::1] numbers = np.array(tags, np.uint32)
    cdef list found = [b""] * len(tags)
    cdef bint done
    with nogil:
        done = texts_of_file(&contents[0], contents.shape[0], <const CLimits*>dd_get_limits(), &numbers[0],
                             numbers.shape[0], collect, <void*>found)
    return found if done else None


def decode(const uint8_t[::1] contents, *, dtype=np.uint16, color_dim=False, on_error="skip", scale="preserve",
           values="stored", color="rgb", frame_dim=None):
    """What the op does, without TensorFlow.

    Returns
    -------
    (array, direct)
        The image, and whether it was decoded without the GIL.
    """
    cdef dd_request request
    cdef dd_image image
    cdef dd_error error
    cdef uint8_t[::1] out
    cdef int result
    cdef State* state
    cdef const uint8_t* data = &contents[0] if contents.shape[0] else <const uint8_t*>b""
    cdef size_t size = contents.shape[0]
    request.type = TYPES.index(np.dtype(dtype).type)
    request.color_dim = color_dim
    request.on_error = ON_ERROR.index(on_error)
    request.scale = SCALES.index(scale)
    request.values = VALUES.index(values)
    request.color = COLORS.index(color)
    request.frame_dim = -1 if frame_dim is None else bool(frame_dim)
    with nogil:
        result = prepare(&request, data, size, &image, &error)
    if result < 0:
        raise ValueError(error.message.decode("utf-8"))
    state = <State*>image.state
    try:
        while True:
            buffer = bytearray(image.bytes)
            out = buffer
            result = fill(&image, &out[0] if image.bytes else NULL, &error)
            if result == DD_FAILED:
                raise ValueError(error.message.decode("utf-8"))
            if result == DD_FILLED:
                shape = [image.dims[i] for i in range(image.dim_count)]
                return np.frombuffer(buffer, dtype).reshape(shape), not state.is_array
    finally:
        release(&image)
