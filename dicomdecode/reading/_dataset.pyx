# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""A data set as Python sees it: look-up by tag, values by VR, items of sequences."""
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memset

from dicomdecode.reading._cursor cimport Cursor
from dicomdecode.reading._fault cimport TRUNCATED, Fault, raise_fault
from dicomdecode.reading._scan cimport (
    CUT, INNER_IMPLICIT, SCAN_DONE, SCAN_FAULT, UNDEFINED, UNDEFINED_LENGTH, Element, FileMap, find, letters, map_free,
    map_init, next_item, scan_item, walk_undefined)

from dicomdecode.reading._texts import encodings_of, text_of, typed_of
from dicomdecode.errors import MalformedError
from dicomdecode.limits import over_limit
from dicomdecode.tags import parse_tag, vr_of

cdef enum:
    ITEM_TAG = 0xFFFEE000u


cdef class DataSet:
    """Elements of one data set, read-only. Values are decoded when asked for."""

    def __cinit__(self):
        memset(&self.m, 0, sizeof(FileMap))

    def __dealloc__(self):
        map_free(&self.m)

    cdef const Element* element(self, uint32_t tag) noexcept:
        if tag >> 16 == 2 and self.parent is None:
            return find(&self.m.meta, tag)
        return find(&self.m.elements, tag)

    cdef bint big_endian_of(self, const Element* e) noexcept:
        """File meta information is always little endian (PS3.10 7.1)."""
        return self.m.cursor.big_endian and not (e.tag >> 16 == 2 and self.parent is None)

    cdef str vr_text(self, const Element* e):
        """The VR as written, or by the data dictionary where the file does not say."""
        if e.vr:
            return chr(e.vr >> 8) + chr(e.vr & 0xFF)
        if e.flags & UNDEFINED:
            return "OB" if e.tag == 0x7FE00010u else "SQ"
        cdef str vr = vr_of(e.tag)
        cdef const Element* sign
        if len(vr) == 2:
            return vr
        if vr == "OB or OW":
            return "OW"             # PS3.5 A.1: OW in implicit VR
        if "SS" in vr:
            sign = self.element(0x00280103u)
            if sign == NULL and self.parent is not None:
                return self.parent.vr_of_sign()
            if sign != NULL and sign.length >= 2 and self.m.cursor.data[sign.offset - self.m.base] == 1:
                return "SS"
        if "OW" in vr and e.length > 6:
            return "OW"
        return "US"

    def vr_of_sign(self):
        """"SS" when Pixel Representation says signed, else "US": what "US or SS" means in an item (PS3.5 A.1)."""
        cdef const Element* sign = self.element(0x00280103u)
        if sign != NULL and sign.length >= 2 and self.m.cursor.data[sign.offset - self.m.base] == 1:
            return "SS"
        return "US" if sign != NULL or self.parent is None else self.parent.vr_of_sign()

    cdef bytes value_of(self, const Element* e):
        cdef const char* first = <const char*>self.m.cursor.data + (e.offset - self.m.base)
        return PyBytes_FromStringAndSize(first, <Py_ssize_t>e.length)

    cdef DataSet child(self, uint64_t offset, uint64_t length, bint explicit_vr, bint big_endian):
        """The data set in `length` bytes from `offset` of the file."""
        cdef DataSet item = DataSet.__new__(DataSet)
        cdef Fault fault
        fault.kind = 0
        item.parent = self
        map_init(&item.m, self.m.cursor.data + (offset - self.m.base), <size_t>length, offset, length)
        item.m.explicit_vr = explicit_vr
        item.m.cursor.big_endian = big_endian
        item.m.limits = self.m.limits
        if scan_item(&item.m, &fault) == SCAN_FAULT:
            raise_fault(&fault, -1)
        return item

    cdef bint inner_encoding(self, const Element* e, bint* explicit_vr, bint* big_endian) except -1:
        """How the items of a sequence are encoded; False when the element is no sequence."""
        explicit_vr[0] = self.m.explicit_vr
        big_endian[0] = self.m.cursor.big_endian
        if e.flags & INNER_IMPLICIT:
            explicit_vr[0] = big_endian[0] = False
            return True
        if e.vr == letters(b"SQ") or (e.vr != letters(b"UN") and e.flags & UNDEFINED and e.tag != 0x7FE00010u):
            return True
        if (e.vr == 0 or e.vr == letters(b"UN")) and vr_of(e.tag) == "SQ":
            if e.vr:
                explicit_vr[0] = big_endian[0] = False      # PS3.5 6.2.2 note: UN of a sequence is implicit
            return True
        return False

    def items(self, tag):
        """The items of a sequence, one `DataSet` each; an empty list when the sequence is absent."""
        cdef const Element* e = self.element(tag)
        cdef list found = []
        if e != NULL:
            self.collect_items(e, -1, found)
        return found

    cdef DataSet nth_item(self, const Element* e, Py_ssize_t index):
        """Item `index` of a sequence; None when there are fewer."""
        cdef list found = []
        self.collect_items(e, index, found)
        return found[0] if found else None

    cdef int collect_items(self, const Element* e, Py_ssize_t index, list found) except -1:
        """Append item `index` of a sequence, or every item when it is negative."""
        cdef bint explicit_vr = False
        cdef bint big_endian = False
        cdef bint every = index < 0
        cdef Cursor c = self.m.cursor
        cdef FileMap walk = self.m
        cdef Fault fault
        cdef uint32_t tag = 0
        cdef uint64_t length = 0
        cdef uint64_t end, start
        if not self.inner_encoding(e, &explicit_vr, &big_endian):
            raise MalformedError("Not a sequence", code="not_a_sequence", tag=e.tag)
        if self.depth() >= self.m.limits.depth:
            raise over_limit("The depth of sequences exceeds", "limit_depth", self.m.limits.depth, tag=e.tag)
        fault.kind = 0
        c.big_endian = big_endian
        c.pos = <size_t>(e.offset - self.m.base)
        end = c.pos + e.length
        c.size = <size_t>end
        walk.file_size = end
        walk.walked = 0
        while next_item(&c, end, &tag, &length):
            if tag != ITEM_TAG:
                if tag >> 16 == 0xFFFE:
                    break
                raise MalformedError("A sequence holds something that is not an item", code="item_expected", tag=e.tag,
                                     offset=self.m.base + c.pos - 8)
            start = c.pos
            if length == UNDEFINED_LENGTH:
                if walk_undefined(&walk, &c, explicit_vr, True, &fault) != SCAN_DONE:
                    if fault.kind != TRUNCATED:
                        raise_fault(&fault, -1)
                    c.pos = <size_t>end             # no delimiter: the item ends with its sequence
            elif length > end - c.pos:
                if not e.flags & CUT:
                    raise MalformedError("An item is longer than its sequence", code="item_length", tag=e.tag,
                                         offset=self.m.base + start)
                c.pos = <size_t>end
            else:
                c.pos += <size_t>length
            if every or index == 0:
                found.append(self.child(self.m.base + start, c.pos - start, explicit_vr, big_endian))
                if not every:
                    break
            index -= 1
        return 0

    cdef int depth(self) noexcept:
        cdef int n = 0
        cdef DataSet at = self.parent
        while at is not None:
            n += 1
            at = at.parent
        return n

    @property
    def encodings(self):
        """The Python codec of the text in this data set, or the list of them that code extensions need."""
        cdef const Element* e
        if self.found_encodings is None:
            e = self.element(0x00080005u)
            if e != NULL:
                self.found_encodings = encodings_of(self.value_of(e))
            elif self.parent is not None:
                self.found_encodings = self.parent.encodings
            else:
                self.found_encodings = "latin-1"
        return self.found_encodings

    def locate(self, tuple path):
        """The data set that holds the last tag of a path; None when an item or a sequence on the way is absent."""
        cdef DataSet at = self
        cdef const Element* e
        cdef Py_ssize_t i
        for i in range(0, len(path) - 1, 2):
            e = at.element(path[i])
            if e == NULL:
                return None
            at = at.nth_item(e, path[i + 1])
            if at is None:
                return None
        return at

    def __contains__(self, tag):
        path = parse_tag(tag)
        cdef DataSet at = self.locate(path)
        return at is not None and at.element(path[len(path) - 1]) != NULL

    def vr(self, uint32_t tag):
        """The VR of an element, two letters; None when it is absent."""
        cdef const Element* e = self.element(tag)
        return None if e == NULL else self.vr_text(e)

    def written(self, uint32_t tag):
        """How the file writes an element: (VR, "" where implicit; whether its length is undefined), None if absent."""
        cdef const Element* e = self.element(tag)
        if e == NULL:
            return None
        return (chr(e.vr >> 8) + chr(e.vr & 0xFF) if e.vr else "", bool(e.flags & UNDEFINED))

    def raw(self, uint32_t tag):
        """The bytes of an element's value; None when it is absent."""
        cdef const Element* e = self.element(tag)
        return None if e == NULL else self.value_of(e)

    def words(self, uint32_t tag):
        """The value of an element and whether it is big endian; None when it is absent."""
        cdef const Element* e = self.element(tag)
        return None if e == NULL else (self.value_of(e), self.big_endian_of(e))

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
            Any form of `dicomdecode.tags.parse_tag`: a number, a keyword, ``"0010,0010"``, a path.

        Returns
        -------
        int, float, str, datetime.date, bytes, list or None
            None when the element is absent or holds no number; a list when there are several values; a list of
            `DataSet` for a sequence; bytes for binary VRs. A text that its VR does not allow is returned as it is.
        """
        path = parse_tag(tag)
        cdef DataSet at = self if len(path) == 1 else self.locate(path)
        if at is None:
            return None
        cdef uint32_t number = path[len(path) - 1]
        cdef const Element* e = at.element(number)
        if e == NULL:
            return None
        cdef bint explicit_vr = False
        cdef bint big_endian = False
        if e.flags & UNDEFINED or e.vr == 0 or e.vr == letters(b"SQ") or e.vr == letters(b"UN"):
            if at.inner_encoding(e, &explicit_vr, &big_endian):
                return at.items(number)
        cdef str vr = at.vr_text(e)
        if vr == "UN":
            vr = vr_of(e.tag)[:2]
        return typed_of(vr, at.value_of(e), at.big_endian_of(e), at.encodings)

    def text(self, tag):
        """A value as the text that `decode_dicom_data` documents; "" when it is absent.

        Raises
        ------
        MalformedError
            The element is a sequence.
        """
        path = parse_tag(tag)
        cdef DataSet at = self.locate(path)
        if at is None:
            return ""
        cdef const Element* e = at.element(path[len(path) - 1])
        if e == NULL:
            return ""
        cdef str vr = at.vr_text(e)
        if vr == "SQ" or (e.flags & UNDEFINED and e.tag != 0x7FE00010u):
            raise MalformedError("A sequence has no text", code="sequence_text", tag=e.tag,
                                 hint="Give a path to an element of an item: '[tag][item][tag]'")
        return text_of(vr, at.value_of(e), at.big_endian_of(e), at.encodings)

    def __repr__(self):
        return f"<{type(self).__name__} of {self.m.elements.count} elements>"
