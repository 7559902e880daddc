# Elements that follow the pixel data: they are scanned apart, and join the table of the others.

cdef void begin_tail(FileMap* tail, const FileMap* m, uint64_t base, uint64_t size) noexcept nogil:
    """Make a map of the elements behind the pixel data, from byte `base` of a file of `size` bytes; to be joined."""
    tail[0] = m[0]
    tail.base = base
    tail.file_size = size - base
    tail.cursor.data = NULL
    tail.cursor.size = tail.cursor.pos = 0
    memset(&tail.meta, 0, sizeof(ElementTable))
    memset(&tail.elements, 0, sizeof(ElementTable))
    tail.replaced = NULL
    tail.others = NULL
    tail.other_count = 0
    tail.nesting.depth = 0


cdef void join_tail(FileMap* m, const Element* pixels, const FileMap* tail) noexcept nogil:
    """Add the element of the pixel data and, if there is a tail, what it has found. Damage there leaves the rest alone.

    Another thread may be reading the value of an element of the table: where that has to grow, it is replaced, and the
    old one is kept until `map_free`.
    """
    cdef size_t i
    cdef size_t count = m.elements.count + 1 + (tail.elements.count if tail != NULL else 0)
    cdef Element* items
    if count > m.elements.capacity:
        items = <Element*>malloc(count * sizeof(Element))
        if items == NULL:
            return
        if m.elements.count:
            memcpy(items, m.elements.items, m.elements.count * sizeof(Element))
        m.replaced = m.elements.items
        m.elements.items = items
        m.elements.capacity = count
    append(&m.elements, pixels)
    if tail == NULL:
        return
    m.walked = tail.walked
    if add_window(m, tail.cursor.data, tail.base) < 0:
        return
    for i in range(tail.other_count):
        if add_window(m, tail.others[i].data, tail.others[i].base) < 0:
            return
    for i in range(tail.elements.count):
        append(&m.elements, &tail.elements.items[i])


cdef bint may_be_more(const FileMap* m, const FileBytes* f) noexcept nogil:
    """Whether elements may follow the pixel data: there are bytes, and a sequence of fragments does not end the file.

    A file that ends with a sequence delimiter ends with the pixel data, but for one kind: a file whose last element is
    another sequence of undefined length. What describes the image does not lie there.
    """
    cdef uint64_t end = m.pixels.offset + m.pixels.length
    cdef uint8_t[8] last
    if m.pixels.tag == 0 or m.pixels.flags & CUT:
        return False
    if not m.pixels.flags & UNDEFINED:
        return f.size - end >= 8
    if m.pixels.length < 8 or read_bytes(f, f.size - 8, last, 8) != 8:
        return False
    return not is_delimiter(last)


cdef inline bint is_delimiter(const uint8_t* p) noexcept nogil:
    return u32_at(p, False) == 0xE0DDFFFEu


cdef int64_t end_of_pixels(const FileMap* m, const FileBytes* f, Element* pixels) noexcept nogil:
    """Where the elements behind the pixel data begin, -1: nowhere, -2: they could not be read.

    `pixels` gets the element of the pixel data, with its whole length.
    """
    cdef FragmentWalk walk
    cdef Element e = m.pixels
    cdef uint64_t end = e.offset + e.length
    cdef int kind = FRAGMENT
    if e.flags & UNDEFINED:
        walk_init(&walk, f, e.offset, end)
        while kind == FRAGMENT:
            kind = next_fragment(&walk)
        end = walk.at
        e.length = end - e.offset
        if kind == DELIMITER:
            end += 8
        walk_free(&walk)
    pixels[0] = e
    if kind == WALK_FAILED:
        return -2
    # Where the delimiter is missing, elements may follow all the same.
    return <int64_t>end if kind in (DELIMITER, NO_FRAGMENT) or not e.flags & (UNDEFINED | CUT) else -1


cdef int scan_held(FileMap* m, const FileBytes* f, const CLimits* limits, Fault* fault) noexcept nogil:
    """Scan what is held of a file, elements behind the pixel data too; to be ended with `map_free`.

    SCAN_MORE where too little is held.
    """
    cdef FileMap tail
    cdef Element pixels
    cdef Fault ignored
    cdef int result
    cdef int64_t end
    cdef const uint8_t* behind
    map_init(m, f.data, <size_t>f.held, 0, f.size)
    m.limits = limits[0]
    result = scan(m, True, fault)
    if result == SCAN_PIXELS:
        if may_be_more(m, f):
            end = end_of_pixels(m, f, &pixels)
            if end < 0 or <uint64_t>end > f.size:
                join_tail(m, &pixels, NULL)
            else:
                behind = held_at(f, <uint64_t>end, f.size - <uint64_t>end)
                if behind == NULL:
                    return SCAN_MORE
                begin_tail(&tail, m, <uint64_t>end, f.size)
                tail.cursor.data = behind
                tail.cursor.size = <size_t>(f.size - <uint64_t>end)
                ignored.kind = NO_FAULT
                scan(&tail, False, &ignored)
                join_tail(m, &pixels, &tail)
                map_free(&tail)
    return result
