# A data set (of a file, or of a sequence item) as Python sees it.
from libc.stdint cimport uint32_t, uint64_t

from dicomdecode.reading._scan cimport Element, FileMap


cdef class DataSet:
    cdef FileMap m
    cdef readonly DataSet parent    # keeps the bytes that `m` points into alive; None for the data set of a file
    cdef object found_encodings

    cdef const Element* element(self, uint32_t tag) noexcept
    cdef bint big_endian_of(self, const Element* e) noexcept
    cdef str vr_text(self, const Element* e)
    cdef bytes value_of(self, const Element* e)
    cdef bint inner_encoding(self, const Element* e, bint* explicit_vr, bint* big_endian) except -1
    cdef int collect_items(self, const Element* e, Py_ssize_t index, list found) except -1
    cdef int depth(self) noexcept
    cdef DataSet child(self, uint64_t offset, uint64_t length, bint explicit_vr, bint big_endian)
    cdef DataSet nth_item(self, const Element* e, Py_ssize_t index)
