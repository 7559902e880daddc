# Fragments of encapsulated pixel data, from item to item (PS3.5 A.4).

cdef extern from * nogil:
    """
    #if defined(__GNUC__)
    #define dd_prefetch(place) __builtin_prefetch(place)
    #else
    #define dd_prefetch(place) ((void)(place))
    #endif
    """
    void dd_prefetch(const void* place)

cdef enum:
    # Bytes: to read so many takes longer than a read of its own for the next header, and to fetch them from memory
    # longer than to wait for that.
    LARGE_FRAGMENT = 4096
    FETCHED = 4096              # bytes in front of the walk
    CACHE_LINE = 64


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
    cdef uint64_t before = w.length
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
    if w.length != before and w.length < LARGE_FRAGMENT:
        fetch_in_front(w)
    return FRAGMENT


cdef inline void fetch_in_front(const FragmentWalk* w) noexcept nogil:
    """Have the processor fetch what comes a few fragments later: where each begins, only the one before it tells.

    Where all are of one length it does so by itself.
    """
    cdef uint64_t at = w.offset + FETCHED
    cdef uint64_t end = min(w.at + 8 + FETCHED, w.file.held)
    while at < end:
        dd_prefetch(w.file.data + at)
        at += CACHE_LINE


cdef class Fragments:
    """Items of encapsulated pixel data in their order: (offset, length) of each, found again by each who goes through
    them, since there may be millions.

    Of a fragment that the file cuts off it is what is there. `strict`: without that one, and without those behind an
    Item Delimitation.
    """
    cdef DicomFile file
    cdef int64_t after
    cdef bint strict
    cdef uint64_t count
    cdef readonly uint64_t bytes    # of all of them

    def __init__(self, DicomFile file not None, int64_t after, bint strict):
        cdef FragmentWalk walk
        cdef int found = 1
        self.file = file
        self.after = after
        self.strict = strict
        self.begin(&walk)
        with nogil:
            while found == 1 and self.count <= file.m.limits.fragments:
                found = self.step(&walk)
                if found == 1:
                    self.count += 1
                    self.bytes += walk.length
        walk_free(&walk)
        if found < 0:
            file.source.raise_failure()
        if found == 1:
            raise over_limit("The number of fragments exceeds", "limit_fragments", file.m.limits.fragments,
                             tag=file.h.pixels.tag)

    cdef void begin(self, FragmentWalk* walk) noexcept:
        cdef const Element* pixels = &self.file.h.pixels
        walk_init(walk, &self.file.bytes, pixels.offset, pixels.offset + pixels.length)
        walk.strict = self.strict

    cdef int step(self, FragmentWalk* walk) noexcept nogil:
        """Go to the next one: 1, or 0 where there is none, or -1 where the source cannot be read."""
        cdef int kind
        while True:
            kind = next_fragment(walk)
            if kind == WALK_FAILED:
                return -1
            if kind != FRAGMENT and (kind != CUT_FRAGMENT or self.strict):
                return 0
            if <int64_t>walk.offset > self.after:
                return 1

    def __len__(self):
        return self.count

    def __iter__(self):
        cdef FragmentWalk walk
        cdef int found
        self.begin(&walk)
        try:
            while (found := self.step(&walk)) == 1:
                yield walk.offset, walk.length
            if found < 0:
                self.file.source.raise_failure()
        finally:
            walk_free(&walk)

    def joined(self):
        """The bytes of all of them."""
        found = bytearray(self.bytes)
        at = 0
        for offset, length in self:
            part = self.file.source.read_at(offset, length)
            found[at:at + len(part)] = part
            at += len(part)
        del found[at:]
        return found
