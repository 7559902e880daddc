# The error of the nogil core: a plain struct, turned into an exception by the first function that holds the GIL.
from libc.stdint cimport int64_t, uint32_t

cdef enum FaultKind:
    NO_FAULT = 0
    MALFORMED = 1
    TRUNCATED = 2
    UNSUPPORTED = 3
    OVER_LIMIT = 4          # `what` is a phrase with its verb, "Number of Frames exceeds"; `expected` is the limit
    NO_MEMORY = 5           # becomes a MemoryError

cdef struct Fault:
    int kind
    const char* code        # a stable word, static storage
    const char* what        # a phrase, static storage: never text of the file
    uint32_t tag            # 0: no element
    int64_t offset          # -1: no offset
    int64_t expected        # -1: not said
    int64_t found           # -1: not said


cdef inline int fail(Fault* fault, int kind, const char* code, const char* what, uint32_t tag,
                     int64_t offset, int64_t expected, int64_t found) noexcept nogil:
    """Fill the struct; returns -1, so that a caller can write `return fail(...)`."""
    fault.kind = kind
    fault.code = code
    fault.what = what
    fault.tag = tag
    fault.offset = offset
    fault.expected = expected
    fault.found = found
    return -1


cdef int raise_fault(const Fault* fault, int frame) except -1
