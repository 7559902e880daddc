# From the error struct of functions without the GIL to an exception.

cdef int raise_fault(const Fault* fault, int frame) except -1:
    """Raise what the struct says; `frame` is -1 where no frame is concerned."""
    cdef str text = fault.what.decode("ascii")
    cdef str hint = ""
    if fault.kind == NO_MEMORY:
        raise MemoryError(text)
    if fault.expected >= 0:
        text += f": expected {fault.expected}"
        if fault.found >= 0:
            text += f", found {fault.found}"
    elif fault.found >= 0:
        text += f": found {fault.found}"
    if fault.kind == OVER_LIMIT:
        kind = LimitError
        hint = "Pass limits=dicomdecode.Limits(...) to allow it"
    elif fault.kind == TRUNCATED:
        kind = TruncatedError
    elif fault.kind == UNSUPPORTED:
        kind = UnsupportedError
    else:
        kind = MalformedError
    raise kind(
        text,
        code=fault.code.decode("ascii"),
        tag=fault.tag if fault.tag else None,
        offset=fault.offset if fault.offset >= 0 else None,
        frame=frame if frame >= 0 else None,
        hint=hint,
    )
