# Fragments of encapsulated pixel data, from item to item (PS3.5 A.4).

cdef enum:
    LARGE_FRAGMENT = 4096       # bytes; to read so many takes longer than a read of its own for the next header


cdef void walk_init(FragmentWalk* w, const FileBytes* file, uint64_t at, uint64_t end) noexcept nogil:
    w.file = file
    w.at = w.kept = at
    w.end = end
    w.count = 0
    w.length = w.ahead = 0
    w.strict = False
    w.delimited = False
    w.buffer = NULL


cdef void walk_free(FragmentWalk* w) noexcept nogil:
    free(w.buffer)
    w.buffer = NULL


cdef const uint8_t* walk_header(FragmentWalk* w) noexcept nogil:
    """The 8 bytes of the next item's header; NULL when they cannot be read.

    Where fragments are small, those that follow are read along; where they are large, each header is read alone.
    """
    cdef const uint8_t* p = held_at(w.file, w.at, 8)
    cdef size_t wanted
    cdef int64_t n
    if p != NULL:
        return p
    if w.count and w.at >= w.kept and w.at - w.kept <= w.count - 8:
        return w.buffer + (w.at - w.kept)
    if w.buffer == NULL:
        w.buffer = <uint8_t*>malloc(WALK_BUFFER)
        if w.buffer == NULL:
            return NULL
        wanted = 4096
    else:
        wanted = WALK_BUFFER if w.length < LARGE_FRAGMENT else 8 + w.ahead
    if wanted > w.end - w.at:
        wanted = <size_t>(w.end - w.at)
    n = read_bytes(w.file, w.at, w.buffer, wanted)
    if n < 8:
        w.count = 0
        return NULL
    w.kept = w.at
    w.count = <size_t>n
    return w.buffer


cdef const uint8_t* begin_of_fragment(const FragmentWalk* w, size_t n) noexcept nogil:
    """The first `n` bytes of the fragment that was found; NULL where they are not in memory."""
    cdef const uint8_t* p = held_at(w.file, w.offset, n)
    if p == NULL and w.offset >= w.kept and n <= w.count and w.offset - w.kept <= w.count - n:
        p = w.buffer + (w.offset - w.kept)
    return p


cdef int next_fragment(FragmentWalk* w) noexcept nogil:
    """Step over the next item; a FragmentKind. `at` then is the next one's, or stays at what is no fragment."""
    cdef const uint8_t* p
    cdef uint32_t tag
    if w.end - w.at < 8:
        return NO_FRAGMENT
    p = walk_header(w)
    if p == NULL:
        return WALK_FAILED
    tag = tag_at(p, False)
    if tag == ITEM_DELIMITATION and u32_at(p + 4, False) == 0 and w.end - w.at >= 16 and not w.strict:
        # PS3.5 A.4 knows none behind a fragment. Of some writers each has one.
        w.at += 8
        p = walk_header(w)
        if p == NULL:
            return WALK_FAILED
        tag = tag_at(p, False)
        if tag != ITEM and tag != SEQUENCE_DELIMITATION:
            w.at -= 8
            return NO_FRAGMENT
        w.delimited = True
    if tag == SEQUENCE_DELIMITATION:
        return DELIMITER
    w.length = u32_at(p + 4, False)
    if tag != ITEM or w.length == UNDEFINED_LENGTH:
        return NO_FRAGMENT
    w.offset = w.at + 8
    if w.length > w.end - w.offset:
        w.length = w.end - w.offset
        w.at = w.end
        return CUT_FRAGMENT
    w.at = w.offset + w.length
    return FRAGMENT
