# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""The decoding core as the TensorFlow op calls it: bytes in, a shape, then pixels into memory of the caller.

What pixels._core and reading._plain_texts take needs no GIL. Every other file, and each one that turns out to be damaged, is
handed to the Python functions with the GIL held: they alone decide what is an error, and how it is said.
"""
from cpython.buffer cimport PyBUF_C_CONTIGUOUS, PyBUF_READ, PyBuffer_Release, PyObject_GetBuffer
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport uint8_t, uint32_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

from dicomdecode.tfop._interface cimport (
    DD_AGAIN, DD_CANCELLED, DD_CORE_VERSION, DD_FAILED, DD_FAILED_PRECONDITION, DD_FILLED, DD_INTERNAL,
    DD_INVALID_ARGUMENT, DD_MESSAGE_BYTES, DD_MOST_DIMS, DD_RESOURCE_EXHAUSTED, dd_core, dd_error, dd_image, dd_request,
    dd_span, dd_text_sink)
from dicomdecode.pixels._core cimport NATIVE, Frames, frames_of, write_frames
from dicomdecode.reading._plain_texts cimport texts_of_file
from dicomdecode.reading._limits cimport CLimits, fill_limits

import numpy as np

from dicomdecode.pixels import arguments
from dicomdecode.decode_dicom import decode_dicom_data, decode_dicom_image
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
cdef tuple VALUES = (*arguments.LEVELS, "tfio")
cdef tuple COLORS = arguments.COLORS

cdef struct State:
    Frames frames
    bint is_array               # the result is an array that Python made; `frames` is not used
    Py_buffer array
    const dd_request* request
    const uint8_t* contents
    size_t size


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
    if frames_of(request, contents, size, <const CLimits*>dd_get_limits(), &state.frames, image):
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
    if write_frames(&state.frames, <uint8_t*>out):
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
