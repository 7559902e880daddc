# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False
"""What a codec is told of one frame."""


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
