# A DICOM file: its data set, its header, its source.
from cpython.buffer cimport Py_buffer
from libc.stdint cimport uint64_t

from dicomdecode._dataset cimport DataSet
from dicomdecode._header cimport ImageHeader


cdef class DicomFile(DataSet):
    cdef ImageHeader h
    cdef Py_buffer view             # the window; its bytes are what the element table points into
    cdef bint has_view
    cdef readonly object source     # where pixels are read from: the inflated data set of a deflated file
    cdef readonly object limits
    cdef readonly str transfer_syntax

    cdef int set_window(self, object window) except -1
    cdef int inflate(self) except -1
