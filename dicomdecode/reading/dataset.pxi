# A data set as Python sees it: look-up by tag, values by VR, items of sequences.

cdef enum:
    LISTED_ITEMS = 1024         # of a sequence whose items are all made at once when its value is asked for


cdef inline bint lacks_vr(const Element* e) noexcept nogil:
    """Whether the file does not say the VR: it is implicit, UN, or none that there is."""
    return e.vr == 0 or e.vr == VR_UN or form_of(<uint8_t>(e.vr >> 8), <uint8_t>(e.vr & 0xFF)) > LONG_FORM


cdef size_t bytes_of_values(const uint8_t* p, size_t n, uint16_t vr, int form, size_t most) noexcept nogil:
    """How many bytes the first `most` values of an element take, of `n` in all."""
    cdef size_t i
    if form > TEXTS:
        return min(n, most * <size_t>number_bytes(vr)) if most < n else n
    for i in range(n):
        most -= p[i] == c'\\'
        if most == 0:
            return i
    return n


cdef class DataSet:
    """Elements of one data set, read-only. Values are decoded when asked for."""

    def __cinit__(self):
        memset(&self.m, 0, sizeof(FileMap))

    def __dealloc__(self):
        map_free(&self.m)

    cdef const Element* element(self, uint32_t tag) except? NULL:
        if tag >> 16 == 2 and self.parent is None:
            return find(&self.m.meta, tag)
        return find(&self.m.elements, tag)

    cdef bint big_endian_of(self, const Element* e) noexcept:
        """File meta information is always little endian (PS3.10 7.1)."""
        return is_big_endian(&self.m, e) and not (e.tag >> 16 == 2 and self.parent is None)

    cdef uint16_t vr_of_element(self, const Element* e) except 0:
        """The VR as written, or by the data dictionary where the file does not say."""
        return e.vr if e.vr else self.meant_vr(e)

    cdef str known_vr(self, const Element* e):
        """The VR of a tag by the data dictionary, of a private one by that of its creator (PS3.5 7.8.1)."""
        cdef const Element* creator
        cdef uint32_t element = e.tag & 0xFFFF
        if not e.tag >> 16 & 1 or element < 0x1000:
            return vr_of(e.tag)
        creator = self.element(e.tag & 0xFFFF0000u | element >> 8)
        return "UN" if creator == NULL else private_vr_of(e.tag, self.text_of(creator, letters(b"LO")))

    cdef uint16_t meant_vr(self, const Element* e) except 0:
        """The VR by the data dictionary where the file writes none, UN, or what is no VR."""
        if not lacks_vr(e):
            return e.vr
        if e.flags & UNDEFINED:
            return letters(b"OB") if e.tag == PIXEL_DATA else letters(b"SQ")
        cdef str vr = self.known_vr(e)
        if len(vr) == 2:
            return <uint16_t>(ord(vr[0]) << 8 | ord(vr[1]))
        if vr == "OB or OW":
            return letters(b"OW")       # PS3.5 A.1: OW in implicit VR
        if "SS" in vr and self.is_signed():
            return letters(b"SS")
        if "OW" in vr and e.length > 6:
            return letters(b"OW")
        return letters(b"US")

    def is_signed(self):
        """Whether Pixel Representation says so: what "US or SS" means, in an item too (PS3.5 A.1)."""
        cdef const Element* sign = self.element(0x00280103u)
        if sign != NULL and sign.length >= 2 and not sign.flags & FAR:
            return u16_at(value_at(&self.m, sign), self.big_endian_of(sign)) == 1
        return self.parent is not None and self.parent.is_signed()

    cdef bytes value_of(self, const Element* e):
        return PyBytes_FromStringAndSize(<const char*>self.bytes_of(e), <Py_ssize_t>e.length)

    cdef const uint8_t* bytes_of(self, const Element* e) except NULL:
        return value_at(&self.m, e)

    cdef DataSet child(self, const uint8_t* data, uint64_t offset, uint64_t length, bint explicit_vr, bint big_endian):
        """The data set in `length` bytes at `data`, which is byte `offset` of the file."""
        cdef DataSet item = DataSet.__new__(DataSet)
        cdef Fault fault
        fault.kind = NO_FAULT
        item.parent = self
        map_init(&item.m, data, <size_t>length, offset, length)
        item.m.cursor.big_endian = big_endian
        item.m.explicit_vr = item_is_explicit(&item.m.cursor, length, explicit_vr)
        item.m.limits = self.m.limits
        # Most items are small, and there may be very many of them.
        item.m.elements.items = <Element*>malloc(8 * sizeof(Element))
        item.m.elements.capacity = 8 if item.m.elements.items != NULL else 0
        if scan_item(&item.m, &fault) == SCAN_FAULT:
            raise_fault(&fault, -1)
        return item

    cdef bint inner_encoding(self, const Element* e, bint* explicit_vr, bint* big_endian) except -1:
        """How the items of a sequence are encoded; False when the element is no sequence."""
        explicit_vr[0] = self.m.explicit_vr
        big_endian[0] = self.m.cursor.big_endian
        cdef bint is_undefined = (e.flags & UNDEFINED) != 0 and e.tag != PIXEL_DATA
        cdef Cursor c
        cdef int encoding
        if e.vr == letters(b"SQ") or (is_undefined and e.vr != VR_UN):
            c = self.cursor_of(e)
            big_endian[0] = order_of_items(&c)
            return True
        if not is_undefined and (not lacks_vr(e) or self.known_vr(e) != "SQ"):
            return False
        c = self.cursor_of(e)
        if e.vr == 0:
            big_endian[0] = order_of_items(&c)
        else:
            encoding = encoding_of_items(&c, e.length)
            explicit_vr[0] = (encoding & IS_EXPLICIT) != 0
            big_endian[0] = (encoding & IS_BIG_ENDIAN) != 0
        return True

    cdef Cursor cursor_of(self, const Element* e) except *:
        """A cursor over a value."""
        cdef Cursor c
        c.data = self.bytes_of(e)
        c.size = <size_t>e.length
        c.pos = 0
        c.big_endian = self.m.cursor.big_endian
        return c

    def items(self, tag):
        """The items of a sequence, an `Items`; an empty list when the sequence is absent."""
        cdef const Element* e = self.element(tag)
        return [] if e == NULL else self.items_of(e)

    cdef Items items_of(self, const Element* e):
        cdef Items items = Items.__new__(Items)
        if not self.inner_encoding(e, &items.explicit_vr, &items.big_endian):
            raise MalformedError("Not a sequence", code="not_a_sequence", tag=e.tag)
        if self.depth() >= self.m.limits.depth:
            raise over_limit("The nesting of sequences exceeds", "limit_depth", self.m.limits.depth, tag=e.tag)
        items.owner = self
        items.sequence = e[0]
        items.places = self.places_of(e)
        return items

    cdef Places places_of(self, const Element* e):
        return Places.__new__(Places)

    cdef DataSet nth_item(self, const Element* e, Py_ssize_t index):
        """Item `index` of a sequence; None when there are fewer."""
        return self.items_of(e).nth(<size_t>index)

    cdef int depth(self) noexcept:
        cdef int n = 0
        cdef DataSet at = self.parent
        while at is not None:
            n += 1
            at = at.parent
        return n

    cdef int charset(self) except -1:
        """Specific Character Set of the text in this data set: a Charset."""
        if self.found_charset == UNREAD:
            self.found_charset = charset_of(&self.m)
            if self.found_charset == NOT_NAMED and self.parent is not None:
                self.found_charset = self.parent.charset()
        return self.found_charset

    @property
    def charset_terms(self):
        """The terms of the Specific Character Set in force here."""
        cdef const Element* e
        if self.found_terms is None:
            self.charset()
            e = self.element(0x00080005u)
            if e != NULL:
                self.found_terms = terms_of(self.value_of(e))
            else:
                self.found_terms = [] if self.parent is None else self.parent.charset_terms
        return self.found_terms

    cdef str text_of(self, const Element* e, uint16_t vr):
        """The text of a value, by the rules of texts.pxi."""
        cdef const uint8_t* p = self.bytes_of(e)
        cdef char* text = NULL
        cdef bytes value
        cdef int64_t size = write_text(p, <size_t>e.length, vr, self.big_endian_of(e), self.charset(), &text)
        if size == NEEDS_PYTHON:
            if text_form(vr) == FLOATS:
                return text_of_floats(p, <size_t>e.length, vr, self.big_endian_of(e))
            value = to_utf_8(vr, self.value_of(e), self.charset(), self.charset_terms)
            p = <const uint8_t*>PyBytes_AS_STRING(value)
            text = <char*>malloc(len(value) + 1)
            size = NO_MEMORY_FOR_TEXT if text == NULL else <int64_t>put_texts(p, len(value), text_form(vr), False, text)
        if size < 0:
            raise MemoryError("no memory for a text")
        try:
            return PyUnicode_DecodeUTF8(text, <Py_ssize_t>size, "replace")
        finally:
            free(text)

    def locate(self, tuple path):
        """The data set that holds the last tag of a path; None when an item or a sequence on the way is absent."""
        cdef DataSet at = self
        cdef const Element* e
        cdef Py_ssize_t i
        for i in range(0, len(path) - 1, 2):
            e = at.element(path[i])
            if e == NULL:
                return None
            number = path[i + 1]
            at = at.nth_item(e, number) if 0 <= number < 1 << 62 else None
            if at is None:
                return None
        return at

    cdef tuple path_of(self, tag):
        """Any form of `parse_tag`, or a private element by its creator; without one, a tag that nothing has."""
        if isinstance(tag, str) and "[" in tag:
            private = parse_private_tag(tag)
            if private is not None:
                return (private_tag(self, private.group, private.creator, private.element) or 0,)
        return parse_tag(tag)

    def __contains__(self, tag):
        path = self.path_of(tag)
        cdef DataSet at = self.locate(path)
        return at is not None and at.element(path[len(path) - 1]) != NULL

    def vr(self, uint32_t tag):
        """The VR of an element, two letters; None when it is absent."""
        cdef const Element* e = self.element(tag)
        return None if e == NULL else vr_letters(self.vr_of_element(e))

    def written(self, uint32_t tag):
        """How the file writes an element: (VR, "" where implicit; whether its length is undefined), None if absent."""
        cdef const Element* e = self.element(tag)
        if e == NULL:
            return None
        return (vr_letters(e.vr), bool(e.flags & UNDEFINED))

    def raw(self, uint32_t tag):
        """The bytes of an element's value; None when it is absent."""
        cdef const Element* e = self.element(tag)
        return None if e == NULL else self.value_of(e)

    def length(self, uint32_t tag):
        """How many bytes an element's value has; 0 when it is absent."""
        cdef const Element* e = self.element(tag)
        return 0 if e == NULL else e.length

    def words(self, uint32_t tag, uint64_t start=0, uint64_t size=0xFFFFFFFFu):
        """`size` bytes of an element's value from `start` on, as far as they are there, and whether their words are big
        endian; None when it is absent.

        OB has no byte order (PS3.5 6.2), whatever is kept in it.
        """
        cdef const Element* e = self.element(tag)
        if e == NULL:
            return None
        big_endian = self.big_endian_of(e) and e.vr != letters(b"OB")
        if start == 0 and size >= e.length:
            return self.value_of(e), big_endian
        start = min(start, e.length)
        return (PyBytes_FromStringAndSize(<const char*>self.bytes_of(e) + start,
                                          <Py_ssize_t>min(size, e.length - start)), big_endian)

    def tags(self):
        """The tags of all elements, file meta information first, in the order of the file."""
        cdef size_t i
        cdef list found = []
        for i in range(self.m.meta.count):
            found.append(self.m.meta.items[i].tag)
        for i in range(self.m.elements.count):
            found.append(self.m.elements.items[i].tag)
        return found

    def tag(self, tag):
        """A value by its VR, in the type Python has for it.

        Parameters
        ----------
        tag : int or str
            Any form of `dicomdecode.tags.parse_tag`: a number, a keyword, ``"0010,0010"``, a path; or a private element
            by its creator, ``"(0029,[SIEMENS CSA HEADER],10)"``.

        Returns
        -------
        int, float, str, datetime.date, bytes, list or None
            None when the element is absent or holds no number; a list when there are several values; a list of
            `DataSet` for a sequence (`Items` where there are more than 1024); bytes for binary VRs. A text that its VR
            does not allow is returned as it is.
        """
        path = self.path_of(tag)
        cdef DataSet at = self if len(path) == 1 else self.locate(path)
        if at is None:
            return None
        cdef const Element* e = at.element(path[len(path) - 1])
        return None if e == NULL else at.typed_value(e)

    cdef object typed_value(self, const Element* e):
        """What `tag` gives for an element."""
        cdef bint explicit_vr = False
        cdef bint big_endian = False
        if e.flags & UNDEFINED or e.vr == letters(b"SQ") or lacks_vr(e):
            if self.inner_encoding(e, &explicit_vr, &big_endian):
                items = self.items_of(e)
                first = items[:LISTED_ITEMS + 1]
                return first if len(first) <= LISTED_ITEMS else items
        cdef uint16_t vr = self.meant_vr(e)
        cdef int form = text_form(vr)
        if form == SEQUENCE or form == BINARY:
            return self.value_of(e)
        if form == ONE_TEXT:
            return self.text_of(e, vr)
        values = self.typed_values(e, vr, form)
        if not values:
            return None
        return values[0] if len(values) == 1 else values

    cdef list typed_values(self, const Element* e, uint16_t vr, int form):
        cdef Py_ssize_t i
        cdef list values
        if form <= TEXTS:
            values = self.text_of(e, vr).split("\\")
            for i in range(len(values)):        # no second list: there may be millions
                values[i] = typed_text(vr, values[i])
            return values
        return numbers_of(self.bytes_of(e), <size_t>e.length, vr, self.big_endian_of(e))

    def first_values(self, uint32_t tag, size_t most):
        """The first values of an element, at most `most`, as `tag` gives them; [] when it is absent or empty.

        What follows them is not decoded: there may be millions.
        """
        cdef const Element* e = self.element(tag)
        cdef Element front
        cdef uint16_t vr
        cdef int form
        if e == NULL or e.length == 0:
            return []
        vr = self.meant_vr(e)
        form = text_form(vr)
        if form > FLOATS or e.flags & UNDEFINED:
            return [self.value_of(e)]
        if form == ONE_TEXT:
            return [self.text_of(e, vr)]
        front = e[0]
        if not e.flags & FAR:
            front.length = bytes_of_values(self.bytes_of(e), <size_t>e.length, vr, form, most)
        values = self.typed_values(&front, vr, form)
        return [] if values == [None] or values == [""] else values

    def cells(self, tuple tags):
        """The values of several elements, one after the other: as `tag` gives them; [] for an element without a value,
        None for one that is absent, and the DicomError of one that cannot be read."""
        cdef list found = []
        cdef const Element* e
        for tag in tags:
            try:
                e = self.element(tag)
                value = None if e == NULL else self.typed_value(e)
            except DicomError as error:
                found.append(error.with_traceback(None))
                continue
            found.append([] if e != NULL and (value is None or value == "" or value == b"") else value)
        return found

    def use_character_set(self, list terms):
        """Read texts in this Specific Character Set, whatever the data set says."""
        self.found_terms = terms
        self.found_charset = OTHER

    def text(self, tag):
        """A value as the text that `decode_dicom_data` documents; "" when it is absent.

        Raises
        ------
        MalformedError
            The element is a sequence.
        """
        path = self.path_of(tag)
        cdef DataSet at = self.locate(path)
        if at is None:
            return ""
        cdef const Element* e = at.element(path[len(path) - 1])
        if e == NULL:
            return ""
        cdef uint16_t vr = at.meant_vr(e)
        if vr == letters(b"SQ") or (e.flags & UNDEFINED and e.tag != PIXEL_DATA):
            raise MalformedError("A sequence has no text", code="sequence_text", tag=e.tag,
                                 hint="Give a path to an element of an item: '[tag][item][tag]'")
        return at.text_of(e, vr)

    def __repr__(self):
        return f"<{type(self).__name__} of {self.m.elements.count} elements>"


cdef str vr_letters(uint16_t vr):
    """The two letters of a VR; "" where the file writes none."""
    return chr(vr >> 8) + chr(vr & 0xFF) if vr else ""
