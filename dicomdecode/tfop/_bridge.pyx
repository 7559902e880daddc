# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""Between the TensorFlow op and the core: bytes in, a shape, then pixels into memory of the caller.

An image whose plan the core makes itself is decoded without Python. For any other the Python function chooses the plan,
and where its codec is C the pixels are still written without the GIL, into the caller's memory. What is left, and every
file that turns out to be damaged, is decoded by `run_call` as in the Python function: it alone says what is an error.
"""
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_READ, PyBuffer_Release, PyObject_GetBuffer
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport uint8_t, uint32_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from dicomdecode.pixels._core cimport (
    CODEC_NATIVE, DONE, Alone, Asked, Frames, Layout, MakePlan, PixelData, Request, fill_alone, free_index,
    highest_frame, needs_no_python, prepare_alone, shape_alone)
from dicomdecode.pixels._plans cimport CPlan, Plan, has_loop
from dicomdecode.reading._limits cimport CLimits, fill_limits
from dicomdecode.reading._reading cimport FileMap, ImageHeader, hold_all, texts_of_file
from dicomdecode.tfio_compat._plan cimport tfio_plan
from dicomdecode.tfop._interface cimport (
    DD_AGAIN, DD_CANCELLED, DD_CORE_VERSION, DD_FAILED, DD_FAILED_PRECONDITION, DD_FILLED, DD_INTERNAL,
    DD_INVALID_ARGUMENT, DD_MESSAGE_BYTES, DD_MOST_DIMS, DD_RESOURCE_EXHAUSTED, dd_core, dd_error, dd_image, dd_request,
    dd_span, dd_text_sink)
from dicomdecode.words cimport VALUES_TFIO

from dicomdecode.decode_dicom import decode_dicom_data, run_call
from dicomdecode.limits import default_limits
from dicomdecode.pixels.planning import Plans
from dicomdecode.reading import DicomFile, MemorySource
from dicomdecode.tfop.options import read_options
from dicomdecode.words import ELEMENT_TYPES

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

    /* Calls that no kernel has any more; what of them is Python's is freed by the next thread that is in there. */
    struct dd_link { struct dd_link *next; };
    static struct dd_link *dd_done;
    static void dd_push_done(struct dd_link *link) {
        link->next = __atomic_load_n(&dd_done, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(&dd_done, &link->next, link, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {}
    }
    static struct dd_link *dd_take_done(void) { return __atomic_exchange_n(&dd_done, NULL, __ATOMIC_ACQUIRE); }
    """
    bint dd_enter_python()
    void dd_leave_python()
    void dd_close()
    void dd_set_limits(void* limits)
    const void* dd_get_limits()
    struct dd_link:
        dd_link* next
    void dd_push_done(dd_link* link)
    dd_link* dd_take_done()

cdef struct Call:               # a dd_request
    dd_link link                # the first member
    Asked asked
    bint is_tfio
    PyObject* call              # the same as an ImageCall, which keeps what `asked` points to

cdef struct State:              # of one image
    const Call* call
    const uint8_t* contents
    size_t size
    Alone alone                 # its index is empty where Python found the frames
    PyObject* keeper            # what the plan and the frames that Python made live in; NULL where there is none
    bint is_array               # the result is an array that Python made
    Py_buffer array


# --- the functions of dd_core -----------------------------------------------------------------------------------------

cdef int open_request(int type, const char* options, size_t size, dd_request** request,
                      dd_error* error) noexcept nogil:
    cdef int result
    cdef Call* call = <Call*>calloc(1, sizeof(Call))
    if call == NULL:
        return say(error, DD_RESOURCE_EXHAUSTED, b"no memory for a request")
    if not dd_enter_python():
        free(call)
        return say(error, DD_CANCELLED, b"the interpreter is shutting down")
    result = read_call(type, options, size, call, error)
    dd_leave_python()
    if result < 0:
        free(call)
        return -1
    request[0] = <dd_request*>call
    return 0


cdef int read_call(int type, const char* options, size_t size, Call* call, dd_error* error) noexcept with gil:
    cdef Request request
    free_done()
    try:
        found = read_options(options[:size].decode("utf-8", "replace"), ELEMENT_TYPES[type])
        request = found.request
        call.asked = request.asked
        call.is_tfio = found.is_tfio
        if found.is_tfio:
            call.asked.values = VALUES_TFIO
        Py_INCREF(found)
        call.call = <PyObject*>found
    except BaseException as raised:
        return say_exception(raised, error)
    return 0


cdef void close_request(dd_request* request) noexcept nogil:
    """Whoever frees a kernel may hold a lock that somebody in Python waits for: the rest is for later."""
    dd_push_done(&(<Call*>request).link)


cdef int free_done() except -1:
    cdef dd_link* link = dd_take_done()
    cdef dd_link* after
    while link != NULL:
        after = link.next
        Py_DECREF(<object>(<Call*>link).call)
        free(link)
        link = after
    return 0


cdef int prepare(const dd_request* request, const uint8_t* contents, size_t size, dd_image* image,
                 dd_error* error) noexcept nogil:
    cdef State* state = <State*>calloc(1, sizeof(State))
    cdef MakePlan make_plan = NULL
    cdef int result = 0
    if state == NULL:
        return say(error, DD_RESOURCE_EXHAUSTED, b"no memory to decode an image")
    state.call = <const Call*>request
    state.alone.asked = state.call.asked
    hold_all(&state.alone.bytes, contents, size)
    state.contents = contents
    state.size = size
    image.state = state
    image.may_change = 0
    if state.call.is_tfio:
        make_plan = plan_like_tfio
    if prepare_alone(&state.alone, <const CLimits*>dd_get_limits(), make_plan):
        image.may_change = state.alone.layout.codec != CODEC_NATIVE
        tell_shape(state, image)
    else:
        result = ask_python(state, image, error)
        if result < 0:
            free(state)
    return result


cdef bint plan_like_tfio(Asked* asked, const FileMap* m, const ImageHeader* h, const Layout* layout,
                         CPlan* plan) noexcept nogil:
    if layout.codec != CODEC_NATIVE or not layout.in_order or h.pixels.flags:
        return False
    if not tfio_plan(asked, m, h, layout.cell, not asked.must_fit, plan):
        return False
    asked.frame_dim = asked.color_dim = 1
    return True


cdef void tell_shape(const State* state, dd_image* image) noexcept nogil:
    cdef int i
    image.dim_count = state.alone.dim_count
    for i in range(image.dim_count):
        image.dims[i] = state.alone.dims[i]
    image.bytes = state.alone.size


cdef int fill(dd_image* image, void* out, dd_error* error) noexcept nogil:
    cdef State* state = <State*>image.state
    if state.is_array:
        if image.bytes:
            memcpy(out, state.array.buf, image.bytes)
        return DD_FILLED
    if fill_alone(&state.alone, <uint8_t*>out) == DONE:
        return DD_FILLED
    return DD_FAILED if ask_python(state, image, error) < 0 else DD_AGAIN


cdef void release(dd_image* image) noexcept nogil:
    cdef State* state = <State*>image.state
    if (state.is_array or state.keeper != NULL) and dd_enter_python():
        forget(state)
        dd_leave_python()
    free_index(&state.alone.index)
    free(state)


cdef void forget(State* state) noexcept with gil:
    if state.is_array:
        PyBuffer_Release(&state.array)
    if state.keeper != NULL:
        Py_DECREF(<object>state.keeper)
        state.keeper = NULL


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
    """The plan by Python, or the whole image by the Python function, which takes every one and words every error."""
    cdef int result
    cdef bint is_new = not state.is_array and state.keeper == NULL and image.may_change == 0
    if not dd_enter_python():
        return say(error, DD_CANCELLED, b"the interpreter is shutting down")
    result = with_python(state, image, error, is_new)
    dd_leave_python()
    return result


cdef int with_python(State* state, dd_image* image, dd_error* error, bint is_new) noexcept with gil:
    """`is_new`: nothing was tried yet that failed."""
    try:
        view = PyMemoryView_FromMemory(<char*>state.contents, <Py_ssize_t>state.size, PyBUF_READ)
        if not (is_new and plan_with_python(state, view, image)):
            decode_with_python(state, view, image)
    except BaseException as raised:
        return say_exception(raised, error)
    return 0


cdef bint plan_with_python(State* state, object view, dd_image* image) except -1:
    """Let Python choose the plan of an image whose codec is C; False for all others, and where it finds an error."""
    cdef Frames frames
    cdef Plan plan
    cdef PixelData pixels
    cdef Request request
    call = <object>state.call.call
    if call.is_tfio:
        return False
    try:
        limits = default_limits()
        pixels = PixelData(DicomFile(MemorySource(view), limits))
        request = call.request
        frames = Frames(pixels, request)
        if frames.layout.uses_profiles and not frames.layout.uses_palette:
            return False
        plans = Plans(frames, request)
        plan = plans.one
        if plan is None or not has_loop(&plan.c) or frames.layout.is_stream:
            return False
        if frames.layout.codec != CODEC_NATIVE and frames.run.index.table == NULL:
            pixels.walk()
        if frames.chosen.count:
            frames.check(highest_frame(&frames.chosen), frames.chosen.count)
        if not needs_no_python(&frames.run, &pixels.file.h):
            return False
    except Exception:
        return False            # `run_call` meets it again, and says what is wrong
    state.alone.header = pixels.file.h
    state.alone.run = frames.run
    state.alone.chosen = frames.chosen
    state.alone.layout = frames.layout
    state.alone.plan = plan.c
    if not shape_alone(&state.alone, plans.samples, pixels.file.m.limits.output_bytes):
        return False
    tell_shape(state, image)
    keeper = (frames, plans)
    Py_INCREF(keeper)
    state.keeper = <PyObject*>keeper
    image.may_change = frames.layout.codec != CODEC_NATIVE
    return True


cdef int decode_with_python(State* state, object view, dd_image* image) except -1:
    cdef int i
    array = run_call(view, <object>state.call.call)
    if array.ndim > DD_MOST_DIMS:
        raise ValueError(f"an image of {array.ndim} dimensions")
    PyObject_GetBuffer(array, &state.array, PyBUF_C_CONTIGUOUS)
    state.is_array = True
    image.bytes = <size_t>state.array.len
    image.dim_count = state.array.ndim
    for i in range(state.array.ndim):
        image.dims[i] = state.array.shape[i]
    return 0


cdef int say_exception(object raised, dd_error* error) noexcept:
    cdef int code = DD_INTERNAL
    if isinstance(raised, (ValueError, TypeError, LookupError)):
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
    if not tfio and numbers != NULL and texts_of_file(contents, size, limits, numbers, count, sink, target):
        return 0
    if not dd_enter_python():
        return say(error, DD_CANCELLED, b"the interpreter is shutting down")
    result = texts_in_python(tfio, contents, size, numbers, written, count, sink, target, error)
    dd_leave_python()
    return result


def encoded_texts(contents, list tags, bint tfio):
    """The texts of tags as bytes: UTF-8, or what tensorflow-io gave."""
    if tfio:
        from dicomdecode.tfio_compat.texts import tfio_data

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
CORE.open = open_request
CORE.close = close_request
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
