# From the error struct of functions without the GIL to an exception.

cdef bint is_four_letters(int64_t number) noexcept nogil:
    """Whether a length may have been read out of a text: a VR that is another's puts it there."""
    cdef int i
    for i in range(4):
        if (number >> 8 * i & 0xFF) < 0x20:
            return False
    return number >> 32 == 0


cdef int raise_fault(const Fault* fault, int frame) except -1:
    """Raise what the struct says; `frame` is -1 where no frame is concerned.

    OVER_LIMIT reads "{what} the limit of {expected}: {found}", every other kind "{what}: expected {expected}, found
    {found}", each without the numbers that are not said.
    """
    cdef str text = fault.what.decode("ascii")
    cdef str code = fault.code.decode("ascii")
    # A header that is misplaced makes a tag and a length of text: neither is told of a tag that nobody defines.
    tag = fault.tag if fault.tag and is_defined(fault.tag) else None
    cdef bint tells_numbers = fault.kind == OVER_LIMIT or (
        (tag is not None or fault.tag == 0) and not is_four_letters(fault.expected))
    offset = fault.offset if fault.offset >= 0 else None
    concerned = frame if frame >= 0 else None
    if fault.kind == NO_MEMORY:
        raise MemoryError(text)
    if fault.kind == OVER_LIMIT:
        raise over_limit(text, code, fault.expected, fault.found if fault.found >= 0 else None, tag=tag, offset=offset,
                         frame=concerned)
    if fault.expected >= 0 and tells_numbers:
        text += f": expected {fault.expected}"
        if fault.found >= 0:
            text += f", found {fault.found}"
    elif fault.found >= 0 and tells_numbers:
        text += f": found {fault.found}"
    if fault.kind == TRUNCATED:
        kind = TruncatedError
    elif fault.kind == UNSUPPORTED:
        kind = UnsupportedError
    else:
        kind = MalformedError
    raise kind(text, code=code, tag=tag, offset=offset, frame=concerned)
