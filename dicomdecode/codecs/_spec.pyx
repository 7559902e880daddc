# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""What a codec is told of one frame, and how our own decoders are run from Python."""
from dicomdecode.reading._reading cimport ReadBuffer, WriteBuffer, raise_fault


cdef class FrameSpec:
    """The header's word on one frame, for a codec to check its stream against and to fill an array by.

    A codec is `decode(data, spec, out) -> str`: `data` is the frame's codestream (bytes-like), `out` a C-contiguous
    array [rows, columns, samples] of the stored integer type; it returns the Photometric Interpretation of what it
    wrote: "MONOCHROME", "RGB", "YBR_FULL" or "PALETTE COLOR".
    """

    def __init__(self, *, int rows, int columns, int samples, int bits_allocated, int bits_stored, bint signed,
                 str photometric, bint to_rgb=True, int frame=0, str syntax="", int threads=1):
        self.c.rows = rows
        self.c.columns = columns
        self.c.samples = samples
        self.c.bits_allocated = bits_allocated
        self.c.bits_stored = bits_stored
        self.c.is_signed = signed
        self.c.item_bytes = 1
        while 8 * self.c.item_bytes < bits_allocated and self.c.item_bytes < 8:
            self.c.item_bytes *= 2
        self.c.threads = threads
        self.photometric = photometric
        self.to_rgb = to_rgb
        self.frame = frame
        self.syntax = syntax

    @property
    def rows(self):
        return self.c.rows

    @property
    def columns(self):
        return self.c.columns

    @property
    def samples(self):
        return self.c.samples

    @property
    def bits_allocated(self):
        return self.c.bits_allocated

    @property
    def bits_stored(self):
        return self.c.bits_stored

    @property
    def signed(self):
        return bool(self.c.is_signed)

    @property
    def threads(self):
        return self.c.threads

    cdef size_t out_size(self) noexcept:
        """Bytes of the array of a frame's samples."""
        return <size_t>self.c.rows * self.c.columns * self.c.samples * self.c.item_bytes


cdef int run_decoder(Decoder decoder, object data, FrameSpec spec, object out, size_t out_size) except -1:
    """Decode the bytes-like `data` into the array `out`, of `out_size` bytes, without the GIL."""
    cdef ReadBuffer source = ReadBuffer(data)
    cdef WriteBuffer target = WriteBuffer(out)
    cdef Fault fault
    cdef int status
    if target.size != out_size:
        raise ValueError("the output array does not have the size of the frame")
    with nogil:
        status = decoder(source.data, source.size, &spec.c, target.data, &fault)
    if status < 0:
        raise_fault(&fault, spec.frame)
    return 0
