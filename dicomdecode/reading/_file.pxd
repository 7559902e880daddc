# A DICOM file: its data set, its header, its source.
from dicomdecode.reading._dataset cimport DataSet
from dicomdecode.reading._header cimport ImageHeader


cdef class DicomFile(DataSet):
    cdef ImageHeader h
    cdef object window              # a memoryview: its bytes are what the element table points into
    cdef readonly object source     # where pixels are read from: the inflated data set of a deflated file
    cdef readonly object limits
    cdef readonly dict kept         # what later decodes of the same file use again: the index of its frames
    cdef readonly str transfer_syntax

    cdef int set_window(self, object window) except -1
    cdef int inflate(self) except -1
