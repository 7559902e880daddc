# The items of a sequence, found one by one: there may be millions, and most callers want one of them.

cdef enum:
    MARK_ITEMS = 64             # a place is kept for each so many items,
    MARK_BYTES = 1 << 16        # and for each so many bytes


cdef class Places:
    """Where the items of a sequence begin: of some, so that each is near one of them."""

    def __cinit__(self):
        self.count = -1

    def __dealloc__(self):
        free(self.marks)

    cdef int mark(self, const Mark* place) except -1:
        """Keep a place where the last one is far behind."""
        cdef const Mark* last
        cdef Mark* more
        if self.marked:
            last = &self.marks[self.marked - 1]
            if place.index <= last.index or (
                    place.index - last.index < MARK_ITEMS and place.at - last.at < MARK_BYTES):
                return 0
        elif place.index < MARK_ITEMS and place.at < MARK_BYTES:
            return 0
        if self.marked == self.room:
            more = <Mark*>realloc(self.marks, (2 * self.room + 16) * sizeof(Mark))
            if more == NULL:
                raise MemoryError("no memory for the places of items")
            self.marks = more
            self.room = 2 * self.room + 16
        self.marks[self.marked] = place[0]
        self.marked += 1
        return 0

    cdef Mark nearest(self, size_t index) noexcept:
        """The last known place that is not behind an item."""
        cdef Mark found
        cdef size_t low = 0
        cdef size_t high = self.marked
        cdef size_t middle
        found.index = found.at = 0
        while low < high:
            middle = (low + high) // 2
            if self.marks[middle].index <= index:
                low = middle + 1
            else:
                high = middle
        if low:
            found = self.marks[low - 1]
        if found.index <= self.last.index <= index:
            found = self.last
        return found


cdef size_t skip_items(Cursor* c, size_t most) noexcept nogil:
    """Go behind items that say how long they are, at most `most` and about MARK_BYTES; how many there were."""
    cdef size_t count = 0
    cdef size_t stop = c.pos + MARK_BYTES
    cdef uint32_t length
    while count < most and c.pos < stop and not short_of(c, 8) and tag_at(c.data + c.pos, c.big_endian) == ITEM:
        length = u32_at(c.data + c.pos + 4, c.big_endian)
        if length == UNDEFINED_LENGTH or length > c.size - c.pos - 8:
            break
        c.pos += 8 + <size_t>length
        count += 1
    return count


cdef class Items:
    """The items of a sequence, one `DataSet` each, made when they are asked for. Like a list that cannot be changed."""

    cdef int step(self, Cursor* c, size_t* start) except -1:
        """Go behind the item that is here; its value begins at `start`. False where no item is."""
        cdef const Element* e = &self.sequence
        cdef FileMap walk
        cdef Fault fault
        cdef uint32_t tag = 0
        cdef uint64_t length = 0
        if not next_item(c, c.size, &tag, &length):
            return False
        if tag != ITEM:
            if tag >> 16 == 0xFFFE:
                return False
            raise MalformedError("A sequence holds something that is not an item", code="item_expected", tag=e.tag,
                                 offset=e.offset + c.pos - 8)
        start[0] = c.pos
        if length == UNDEFINED_LENGTH:
            fault.kind = NO_FAULT
            walk = self.owner.m
            walk.base = e.offset
            walk.file_size = e.length
            walk.walked = 0
            walk.steps_over = False
            if walk_undefined(&walk, c, self.explicit_vr, True, &fault) != SCAN_DONE:
                if fault.kind != TRUNCATED:
                    raise_fault(&fault, -1)
                c.pos = c.size              # no delimiter: the item ends with its sequence
        elif length > c.size - c.pos:
            if not e.flags & CUT:
                raise MalformedError("An item is longer than its sequence", code="item_length", tag=e.tag,
                                     offset=e.offset + c.pos)
            c.pos = c.size
        else:
            c.pos += <size_t>length
        return True

    cdef DataSet nth(self, size_t index):
        """Item `index`; None when there are fewer."""
        cdef Cursor c
        cdef size_t start = 0
        cdef bint is_there = True
        cdef Mark place
        cdef Places known = self.places
        c.data = self.owner.bytes_of(&self.sequence)
        with critical_section(known):
            place = known.nearest(index)
            c.size = <size_t>self.sequence.length
            c.pos = place.at
            c.big_endian = self.big_endian
            while is_there and place.index <= index:
                known.mark(&place)
                known.last = place
                place.index += skip_items(&c, min(index - place.index, <size_t>MARK_ITEMS))
                is_there = self.step(&c, &start)
                place.index += is_there
                place.at = c.pos
            if is_there:
                known.last = place
            elif known.count < 0:
                known.count = <Py_ssize_t>place.index
        if not is_there:
            return None
        return self.owner.child(c.data + start, self.sequence.offset + start, c.pos - start, self.explicit_vr,
                                self.big_endian)

    def __len__(self):
        cdef Cursor c
        cdef size_t start = 0
        cdef Mark place
        cdef Places known = self.places
        if known.count < 0:
            c.data = self.owner.bytes_of(&self.sequence)
            with critical_section(known):
                place = known.last
                c.size = <size_t>self.sequence.length
                c.pos = place.at
                c.big_endian = self.big_endian
                while self.step(&c, &start):
                    known.mark(&place)
                    place.index += 1 + skip_items(&c, MARK_ITEMS)
                    place.at = c.pos
                known.count = <Py_ssize_t>place.index
        return known.count

    def __bool__(self):
        return self.places.count > 0 or self.nth(0) is not None

    def __getitem__(self, index):
        cdef DataSet found
        if isinstance(index, slice):
            start, stop, step = index.start or 0, index.stop, index.step or 1
            if stop is None or start < 0 or stop < 0 or step < 0:
                return [self.nth(i) for i in range(*index.indices(len(self)))]
            places = range(start, stop, step)       # the end need not be known
            return list(itertools.takewhile(is_item, map(self.nth_or_none, places)))
        i = operator.index(index)
        if i < 0:
            i += len(self)
        found = self.nth(i) if 0 <= i < 1 << 62 else None
        if found is None:
            raise IndexError("the sequence has no such item")
        return found

    def nth_or_none(self, size_t index):
        return self.nth(index)

    def __iter__(self):
        return itertools.takewhile(is_item, map(self.nth_or_none, itertools.count()))

    def __repr__(self):
        return f"<Items: {len(self)}>"


Sequence.register(Items)


def is_item(item):
    return item is not None
