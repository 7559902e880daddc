# The scanner: from the bytes of a file to a flat table of data elements (PS3.5 section 7, PS3.10 section 7).
#
# Nested data sets are walked only as far as needed to find where they end; what is in them is scanned when asked for.

cdef enum Level:
    IN_SEQUENCE = 1     # items are expected here; else elements
    IS_EXPLICIT = 2
    IS_BIG_ENDIAN = 4

cdef enum:
    STEP = 100                  # beside the words of ScanResult: the walk goes on
    FAR_FROM = 65536            # bytes of a value from which on it costs less to look behind it than to read it


cdef inline int append(ElementTable* table, const Element* element) noexcept nogil:
    cdef size_t capacity
    cdef Element* items
    if table.count == table.capacity:
        capacity = 2 * table.capacity if table.capacity else 512
        items = <Element*>realloc(table.items, capacity * sizeof(Element))
        if items == NULL:
            return -1
        table.items = items
        table.capacity = capacity
    if table.count and element.tag < table.items[table.count - 1].tag:
        table.disordered = True
    table.items[table.count] = element[0]
    table.count += 1
    return 0


cdef const Element* find(const ElementTable* table, uint32_t tag) noexcept nogil:
    """The element with this tag, or NULL. Of duplicates the first that is not empty counts."""
    cdef const Element* empty = NULL
    cdef size_t low = 0
    cdef size_t high = 0 if table.disordered else table.count
    cdef size_t middle, i
    while low < high:
        middle = (low + high) // 2
        if table.items[middle].tag < tag:
            low = middle + 1
        else:
            high = middle
    for i in range(low, table.count):
        if table.items[i].tag == tag:
            if table.items[i].length:
                return &table.items[i]
            if empty == NULL:
                empty = &table.items[i]
        elif not table.disordered:
            break
    return empty


cdef void map_init(FileMap* m, const uint8_t* data, size_t size, uint64_t base, uint64_t file_size) noexcept nogil:
    memset(m, 0, sizeof(FileMap))
    m.cursor.data = data
    m.cursor.size = size
    m.base = base
    m.file_size = file_size


cdef void map_free(FileMap* m) noexcept nogil:
    free(m.meta.items)
    free(m.elements.items)
    free(m.replaced)
    free(m.others)
    m.meta.items = NULL
    m.elements.items = NULL
    m.replaced = NULL
    m.others = NULL
    m.other_count = 0


cdef int more(FileMap* m, uint64_t wanted) noexcept nogil:
    m.wanted = wanted
    return SCAN_MORE


cdef inline bint is_far(const FileMap* m, uint32_t tag, uint64_t length) noexcept nogil:
    """Whether a value that the window does not hold is stepped over; the header and offset tables are needed."""
    return (m.steps_over and length >= FAR_FROM and tag != 0x7FE00001u and tag != 0x7FE00002u
            and (tag_bit(tag) < 0 or is_sequence_of_header(tag)))


cdef int add_window(FileMap* m, const uint8_t* data, uint64_t base) noexcept nogil:
    """Remember a window, so that the values in it are found; -1: no memory."""
    cdef Window* others = <Window*>realloc(m.others, (m.other_count + 1) * sizeof(Window))
    if others == NULL:
        return -1
    m.others = others
    m.others[m.other_count].data = data
    m.others[m.other_count].base = base
    m.other_count += 1
    return 0


cdef inline int count_element(FileMap* m, uint32_t tag, uint64_t pos, Fault* fault) noexcept nogil:
    m.walked += 1
    if m.walked > m.limits.elements:
        return fail(fault, OVER_LIMIT, "limit_elements", "The number of data elements exceeds", tag,
                    m.base + pos, m.limits.elements, -1)
    return 0


cdef inline int count_listed(FileMap* m, const ElementTable* table, uint32_t tag, uint64_t pos,
                             Fault* fault) noexcept nogil:
    """Elements that are not in sequences are few; the table of them takes three times the bytes of empty ones."""
    cdef uint64_t most = min(m.limits.elements, max(m.limits.elements // 8, <uint64_t>65536))
    if table.count < most:
        return 0
    return fail(fault, OVER_LIMIT, "limit_elements", "The number of data elements outside of sequences exceeds", tag,
                m.base + pos, most, -1)


cdef int cut(FileMap* m, uint32_t tag, uint64_t pos, uint64_t expected, Fault* fault) noexcept nogil:
    return fail(fault, TRUNCATED, "element_cut", "The file ends inside a data element (bytes)",
                tag, m.base + pos, expected, m.file_size - pos)


cdef int next_item(Cursor* c, uint64_t end, uint32_t* tag, uint64_t* length) noexcept nogil:
    """Read an item's tag and length and go behind them; False when no 8 bytes are left in front of `end`."""
    if c.pos + 8 > end or short_of(c, 8):
        return False
    tag[0] = tag_at(c.data + c.pos, c.big_endian)
    length[0] = u32_at(c.data + c.pos + 4, c.big_endian)
    c.pos += 8
    return True


cdef int walk_undefined(FileMap* m, Cursor* c, bint explicit_vr, bint in_item, Fault* fault) noexcept nogil:
    """Go behind the delimiter of the sequence of undefined length whose first item is here (PS3.5 7.5).

    With `in_item` the first element of an item is here, and the end of that item is looked for. Moves `c` only when the
    end was found.
    """
    cdef Nesting nesting
    nesting.depth = 1
    if in_item:
        explicit_vr = item_is_explicit(c, m.file_size, explicit_vr)
    nesting.levels[0] = (IS_EXPLICIT if explicit_vr else 0) | (IS_BIG_ENDIAN if c.big_endian else 0)
    if not in_item:
        nesting.levels[0] |= IN_SEQUENCE
    return walk_nested(m, c, &nesting, fault)


cdef int walk_nested(FileMap* m, Cursor* c, Nesting* nesting, Fault* fault) noexcept nogil:
    """Go on inside a sequence. The stack of open levels is an array, so that depth costs no recursion."""
    cdef Cursor at = c[0]
    cdef ElementHeader h
    cdef uint8_t level
    cdef int result
    while nesting.depth:
        level = nesting.levels[nesting.depth - 1]
        at.big_endian = (level & IS_BIG_ENDIAN) != 0
        header_at(&at, at.pos, m.file_size, (level & IS_EXPLICIT) and not (level & IN_SEQUENCE), &h)
        if h.size == 0:
            if at.size < m.file_size:
                return more(m, at.pos + 12)
            return fail(fault, TRUNCATED, "sequence_cut", "The file ends inside a sequence of undefined length", 0,
                        m.base + at.pos, -1, -1)
        if count_element(m, h.tag, at.pos, fault) < 0:
            return SCAN_FAULT
        if h.tag == SEQUENCE_DELIMITATION:
            # Also ends an item whose own delimiter is missing.
            if level & IN_SEQUENCE:
                at.pos += h.size
            nesting.depth -= 1
        elif h.tag == ITEM_DELIMITATION:
            at.pos += h.size
            if not level & IN_SEQUENCE:
                nesting.depth -= 1
        elif level & IN_SEQUENCE and h.tag != ITEM:
            return fail(fault, MALFORMED, "item_expected", "A sequence of undefined length holds something other than "
                        "items", h.tag, m.base + at.pos, -1, -1)
        elif h.length == UNDEFINED_LENGTH:
            result = enter(m, &at, nesting, level, &h, fault)
            if result != STEP:
                return result
        elif is_pixel_tag(h.tag) and ends_nowhere(&at, m.file_size, &h) and not level & IN_SEQUENCE:
            if at.size < min(m.file_size, at.pos + h.size + ICON_BYTES):
                return more(m, at.pos + h.size + ICON_BYTES)
            if not find_delimiter(&at, at.pos + h.size):
                cut(m, h.tag, at.pos, h.length, fault)
                return SCAN_FAULT
        elif h.length > m.file_size - at.pos - h.size:
            cut(m, h.tag, at.pos, h.length, fault)
            return SCAN_FAULT
        elif h.length > at.size - at.pos - h.size:
            m.wanted = at.pos + h.size + h.length
            if not is_far(m, h.tag, h.length):
                return SCAN_MORE
            m.wanted += m.base
            m.nesting = nesting[0]
            return SCAN_FAR
        else:
            at.pos += h.size + h.length
    c.pos = at.pos
    return SCAN_DONE


cdef int enter(FileMap* m, Cursor* at, Nesting* nesting, uint8_t level, const ElementHeader* h,
               Fault* fault) noexcept nogil:
    """Go into the item or the sequence of undefined length that is here: STEP, or why not."""
    cdef int encoding
    if nesting.depth >= 2 * m.limits.depth:
        return fail(fault, OVER_LIMIT, "limit_depth", "The depth of sequences exceeds", h.tag, m.base + at.pos,
                    m.limits.depth, -1)
    at.pos += h.size
    if level & IN_SEQUENCE:
        if short_of(at, 16) and at.size < m.file_size:
            return more(m, at.pos + 64)
        level = IS_EXPLICIT if item_is_explicit(at, m.file_size, (level & IS_EXPLICIT) != 0) else 0
        level |= IS_BIG_ENDIAN if at.big_endian else 0
    elif h.vr == VR_UN:
        encoding = encoding_of_items(at, m.file_size)
        if encoding < 0:
            return more(m, at.pos + 64)
        level = <uint8_t>(IN_SEQUENCE | encoding)
    else:
        if short_of(at, 4) and at.size < m.file_size:
            return more(m, at.pos + 64)
        level = IN_SEQUENCE | (level & IS_EXPLICIT) | (IS_BIG_ENDIAN if order_of_items(at) else 0)
    nesting.levels[nesting.depth] = level
    nesting.depth += 1
    return STEP


cdef int walk_value(FileMap* m, Cursor* c, bint explicit_vr, uint16_t vr, Fault* fault) noexcept nogil:
    """Go behind the value of undefined length that is here; the items of a UN element tell their own encoding."""
    cdef bint big_endian = c.big_endian
    cdef int encoding, result
    if vr != VR_UN:
        if short_of(c, 4) and c.size < m.file_size:
            return more(m, c.pos + 64)
        c.big_endian = order_of_items(c)
        result = walk_undefined(m, c, explicit_vr, False, fault)
        c.big_endian = big_endian
        return result
    encoding = encoding_of_items(c, m.file_size)
    if encoding < 0:
        return more(m, c.pos + 64)
    c.big_endian = (encoding & IS_BIG_ENDIAN) != 0
    result = walk_undefined(m, c, (encoding & IS_EXPLICIT) != 0, False, fault)
    c.big_endian = big_endian
    return result


cdef int walk_elements(FileMap* m, ElementTable* table, bint in_meta, bint stop_at_pixels, Fault* fault) noexcept nogil:
    """Fill the table from here to the end of the data set, or of group 0002 when `in_meta`."""
    cdef Cursor* c = &m.cursor
    cdef bint explicit_vr = in_meta or m.explicit_vr
    cdef int result = finish_sequence(m, table, explicit_vr, fault) if m.nesting.depth else STEP
    cdef size_t at = c.pos
    cdef ElementHeader h
    cdef Element e
    while result == STEP:
        # Fewer bytes than the shortest header are padding, or its beginning.
        if m.file_size - at < 8:
            if m.file_size - at >= 2 and c.size == m.file_size and u16_at(c.data + at, c.big_endian):
                cut(m, 0, at, 8, &m.ended)
            return SCAN_DONE
        if in_meta and at + 2 <= c.size and u16_at(c.data + at, False) != 2:
            return SCAN_DONE
        header_at(c, at, m.file_size, explicit_vr, &h)
        if h.size == 0:
            if c.size < m.file_size:
                return more(m, at + 12)
            cut(m, h.tag, at, 12, &m.ended)
            return SCAN_DONE
        if h.tag == 0:
            return SCAN_DONE        # zeros behind the data set
        if count_element(m, h.tag, at, fault) < 0 or count_listed(m, table, h.tag, at, fault) < 0:
            return SCAN_FAULT
        e.tag = h.tag
        e.vr = h.vr
        e.flags = 0
        e.offset = m.base + at + h.size
        e.length = h.length
        if is_pixel_tag(h.tag) and not in_meta and (m.pixels.tag == 0 or m.pixels.length == 0):
            note_pixels(m, &e, at + h.size)
            if stop_at_pixels and h.length:     # behind an empty one there may be another
                return SCAN_PIXELS
        if h.tag >> 16 == 0xFFFE:
            if h.tag == ITEM and m.stray_item == 0:
                m.stray_item = m.base + at
            at += h.size            # a delimiter that closes nothing: every reader passes over it
            c.pos = at
        elif h.length <= c.size - at - h.size and h.length != UNDEFINED_LENGTH:
            at += h.size + h.length
            c.pos = at
            if append(table, &e) < 0:
                return out_of_memory(m, fault)
        else:
            result = uncommon_element(m, table, &e, at + h.size, explicit_vr, in_meta, fault)
            at = c.pos
    return result


cdef int uncommon_element(FileMap* m, ElementTable* table, Element* e, size_t value, bint explicit_vr, bint in_meta,
                          Fault* fault) noexcept nogil:
    """An element of undefined length, or one that does not end in the window, in which its value begins at `value`."""
    cdef Cursor* c = &m.cursor
    cdef size_t start = c.pos
    cdef int result
    if e.length == UNDEFINED_LENGTH:
        m.unfinished = e[0]
        c.pos = value
        result = finish_sequence(m, table, explicit_vr, fault)
        if result == SCAN_MORE:
            c.pos = start
        return result
    if e.length > m.file_size - value:
        cut(m, e.tag, start, e.length, &m.ended)
        e.flags = CUT
        e.length = c.size - value
        c.pos = c.size
        return result_of_append(m, table, e, fault)
    if in_meta or not is_far(m, e.tag, e.length):
        return more(m, value + e.length)
    e.flags = FAR
    m.wanted = e.offset + e.length
    return out_of_memory(m, fault) if append(table, e) < 0 else SCAN_FAR


cdef void note_pixels(FileMap* m, const Element* e, size_t value) noexcept nogil:
    """The pixel data element, whose value begins at byte `value` of the window."""
    cdef uint64_t left = m.file_size - value
    m.pixels = e[0]
    if e.length == UNDEFINED_LENGTH or e.length > left:
        m.pixels.flags = UNDEFINED if e.length == UNDEFINED_LENGTH else CUT
        m.pixels.length = left


cdef int finish_sequence(FileMap* m, ElementTable* table, bint explicit_vr, Fault* fault) noexcept nogil:
    """Walk the value of undefined length of `m.unfinished` to its end, from its first item or the window's first byte.

    Returns STEP when it is in the table and the walk goes on behind it.
    """
    cdef Cursor* c = &m.cursor
    cdef Element* e = &m.unfinished
    cdef Nesting nesting
    cdef int result
    e.flags |= UNDEFINED
    if m.nesting.depth:
        nesting = m.nesting
        result = walk_nested(m, c, &nesting, fault)
    else:
        result = walk_value(m, c, explicit_vr, e.vr, fault)
    if result == SCAN_MORE:
        return result
    if result == SCAN_FAR:
        e.flags |= FAR
        return result
    m.nesting.depth = 0
    if result == SCAN_FAULT:
        if fault.kind != TRUNCATED:
            return result
        # A cut file: the tags in front are still good.
        m.ended = fault[0]
        fault.kind = NO_FAULT
        e.flags |= CUT
        e.length = m.base + c.size - e.offset
        c.pos = c.size
        return result_of_append(m, table, e, fault)
    e.length = m.base + c.pos - e.offset - 8
    return out_of_memory(m, fault) if append(table, e) < 0 else STEP


cdef int out_of_memory(FileMap* m, Fault* fault) noexcept nogil:
    fail(fault, NO_MEMORY, "no_memory", "No memory for the table of elements", 0, -1, -1, -1)
    return SCAN_FAULT


cdef int result_of_append(FileMap* m, ElementTable* table, const Element* e, Fault* fault) noexcept nogil:
    return out_of_memory(m, fault) if append(table, e) < 0 else SCAN_DONE


cdef int scan(FileMap* m, bint stop_at_pixels, Fault* fault) noexcept nogil:
    """Scan on from where the last call stopped. The caller may have given `m.cursor` a larger window."""
    cdef int result
    if not m.begun:
        result = begin(m, fault)
        if result != SCAN_DONE:
            return result
    return walk_elements(m, &m.elements, False, stop_at_pixels, fault)


cdef int scan_item(FileMap* m, Fault* fault) noexcept nogil:
    """Scan the elements of one item; the caller has set the encoding and the window to the item's value."""
    m.begun = True
    return walk_elements(m, &m.elements, False, False, fault)
