# What Python objects lend to functions that run without the GIL: bytes to read, an array to write. Each is held as long
# as its object lives, whatever is raised meanwhile.

@freelist(8)
cdef class ReadBuffer:
    """The bytes of a bytes-like object."""

    def __cinit__(self, lender not None):
        PyObject_GetBuffer(lender, &self.buffer, PyBUF_SIMPLE)
        self.data = <const uint8_t*>self.buffer.buf
        self.size = <size_t>self.buffer.len

    def __dealloc__(self):
        PyBuffer_Release(&self.buffer)      # of nothing, where the lender gave none


@freelist(8)
cdef class WriteBuffer:
    """The memory of a C-contiguous, writable array."""

    def __cinit__(self, lender not None):
        PyObject_GetBuffer(lender, &self.buffer, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        self.data = <uint8_t*>self.buffer.buf
        self.size = <size_t>self.buffer.len

    def __dealloc__(self):
        PyBuffer_Release(&self.buffer)

    cdef int has_room_for(self, uint64_t size) except -1:
        if self.size < size:
            raise ValueError(f"the array has {self.size} bytes; the result needs {size}")
        return 0
