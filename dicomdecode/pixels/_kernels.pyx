# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""The pixel loops, called with buffers. Every buffer's size is checked here, once a call; the loops check nothing."""
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t, uint64_t


cdef extern from "kernels.h" nogil:
    void dd_stored(int type, const void* src, void* dst, size_t n, int left, int right)
    void dd_swap(const uint8_t* src, uint8_t* dst, size_t n, int cell)
    void dd_unpack_bits(const uint8_t* src, size_t src_bytes, uint64_t first, size_t n, int allocated, int shift,
                        int stored, int is_signed, void* dst, int dst_bytes)
    int dd_affine(int source, int target, const void* src, void* dst, size_t n, int left, int right, double slope,
                  double intercept, double low, double high)
    int dd_clamp(int source, int target, const void* src, void* dst, size_t n, int left, int right, int64_t low,
                 int64_t high)
    void dd_lookup(int src_bytes, int dst_bytes, const void* src, void* dst, size_t n, const void* table)
    void dd_interleave(const void* src, void* dst, size_t n, int samples, int bytes)
    void dd_expand_422(const void* src, void* dst, size_t pairs, int bytes)
    void dd_ybr_to_rgb(const void* src, void* dst, size_t n, int bytes, int bits, int partial)
    void dd_palette(int source, int dst_bytes, const void* src, void* dst, size_t n, int64_t first, int64_t entries,
                    const void* table, int samples)


cdef dict CODES = {"u1": T_U8, "i1": T_I8, "u2": T_U16, "i2": T_I16, "u4": T_U32, "i4": T_I32, "u8": T_U64, "i8": T_I64,
                   "f4": T_F32, "f8": T_F64, "f2": T_F16}


def type_code(dtype):
    """The element type of a numpy.dtype; KeyError for one that images are never converted to."""
    return CODES[dtype.kind + str(dtype.itemsize)]


cdef int item_bytes(int type) noexcept nogil:
    if type <= T_I8:
        return 1
    if type <= T_I16 or type == T_F16:
        return 2
    return 4 if type <= T_I32 or type == T_F32 else 8


cdef void unpack_cells(const uint8_t* src, size_t src_bytes, uint64_t first_bit, size_t n, int allocated, int shift,
                       int stored, bint is_signed, void* dst, int dst_bytes) noexcept nogil:
    dd_unpack_bits(src, src_bytes, first_bit, n, allocated, shift, stored, is_signed, dst, dst_bytes)


cdef void run_plan(const CPlan* plan, const void* table, const Cells* cells, const uint8_t* src, size_t n,
                   void* dst) noexcept nogil:
    """Cells to results in one pass."""
    if plan.kind == PLAN_COPY:
        dd_stored(cells.type, src, dst, n, cells.left, cells.right)
    elif plan.kind == PLAN_CLAMP:
        dd_clamp(cells.type, plan.target, src, dst, n, cells.left, cells.right, plan.clamp_low, plan.clamp_high)
    elif plan.kind == PLAN_AFFINE:
        dd_affine(cells.type, plan.target, src, dst, n, cells.left, cells.right, plan.slope, plan.intercept, plan.low,
                  plan.high)
    elif plan.kind == PLAN_TABLE:
        dd_lookup(item_bytes(cells.type), item_bytes(plan.target), src, dst, n, table)


cdef class Plan:
    """The whole transform of stored values, folded into one map before a pixel is touched.

    `kind` is "copy", "clamp", "affine", "table" or "numpy"; the last holds the same numbers as "affine" for pairs of
    types that no kernel was made for.
    """

    def __init__(self, str kind, dtype, int source, int target, *, double slope=1, double intercept=0, double low=0,
                 double high=0, int64_t clamp_low=0, int64_t clamp_high=0, table=None, tuple steps=()):
        self.c.kind = ("copy", "clamp", "affine", "table", "numpy").index(kind)
        self.c.source = source
        self.c.target = target
        self.c.slope = slope
        self.c.intercept = intercept
        self.c.low = low
        self.c.high = high
        self.c.clamp_low = clamp_low
        self.c.clamp_high = clamp_high
        self.dtype = dtype
        self.table = table
        self.steps = steps
        if self.c.kind == PLAN_TABLE:
            entries = 256 if item_bytes(source) == 1 else 65536
            if item_bytes(source) > 2 or memoryview(table).nbytes != entries * item_bytes(target):
                raise ValueError("the table does not fit the cells")

    @property
    def kind(self):
        return ("copy", "clamp", "affine", "table", "numpy")[self.c.kind]

    @property
    def slope(self):
        return self.c.slope

    @property
    def intercept(self):
        return self.c.intercept

    @property
    def low(self):
        return self.c.low

    @property
    def high(self):
        return self.c.high


cdef class _Views:
    """Two buffers, one read and one written, released whatever happens."""
    cdef Py_buffer source
    cdef Py_buffer target
    cdef bint has_source
    cdef bint has_target

    def __cinit__(self, source, target):
        PyObject_GetBuffer(source, &self.source, PyBUF_SIMPLE)
        self.has_source = True
        PyObject_GetBuffer(target, &self.target, PyBUF_WRITABLE)
        self.has_target = True

    def __dealloc__(self):
        if self.has_source:
            PyBuffer_Release(&self.source)
        if self.has_target:
            PyBuffer_Release(&self.target)

    cdef int check(self, size_t source_offset, size_t source_bytes, size_t target_offset,
                   size_t target_bytes) except -1:
        if (source_offset > <size_t>self.source.len or source_bytes > <size_t>self.source.len - source_offset
                or target_offset > <size_t>self.target.len or target_bytes > <size_t>self.target.len - target_offset):
            raise ValueError("a pixel loop would leave its buffer")
        return 0

    cdef const uint8_t* src(self, size_t offset) noexcept nogil:
        return <const uint8_t*>self.source.buf + offset

    cdef uint8_t* dst(self, size_t offset) noexcept nogil:
        return <uint8_t*>self.target.buf + offset


def run(Plan plan, source, size_t offset, size_t n, target, size_t target_offset=0, int left=0, int right=0):
    """Apply a plan to `n` cells from byte `offset` of `source`, into `target` from byte `target_offset`."""
    cdef Cells cells
    cdef _Views v = _Views(source, target)
    cdef Py_buffer table
    cells.type = plan.c.source
    cells.left = left
    cells.right = right
    if plan.c.kind == PLAN_NUMPY or (plan.c.kind == PLAN_COPY and plan.c.target != plan.c.source):
        raise ValueError("no kernel for this plan")
    v.check(offset, n * item_bytes(cells.type), target_offset, n * item_bytes(plan.c.target))
    if plan.c.kind == PLAN_TABLE:
        PyObject_GetBuffer(plan.table, &table, PyBUF_SIMPLE)
        try:
            with nogil:
                run_plan(&plan.c, table.buf, &cells, v.src(offset), n, v.dst(target_offset))
        finally:
            PyBuffer_Release(&table)
    elif n < 32768:             # giving up the GIL costs more than so few pixels
        run_plan(&plan.c, NULL, &cells, v.src(offset), n, v.dst(target_offset))
    else:
        with nogil:
            run_plan(&plan.c, NULL, &cells, v.src(offset), n, v.dst(target_offset))


def unpack(source, size_t offset, uint64_t first_bit, size_t n, int allocated, int shift, int stored, bint is_signed,
           target, int target_bytes):
    """Cells of any width, in a little-endian bit stream that starts at byte `offset`, as integers."""
    cdef _Views v = _Views(source, target)
    cdef uint64_t bits = first_bit + <uint64_t>n * allocated
    if not (0 < stored <= allocated - shift and allocated <= 64 and stored <= 8 * target_bytes):
        raise ValueError("stored bits outside their cell")
    v.check(offset, (bits + 7) // 8, 0, n * target_bytes)
    with nogil:
        unpack_cells(v.src(offset), (bits + 7) // 8, first_bit, n, allocated, shift, stored, is_signed, v.dst(0),
                     target_bytes)


def swap(source, size_t offset, size_t n, int cell, target):
    """`n` cells of `cell` bytes with their bytes reversed."""
    cdef _Views v = _Views(source, target)
    v.check(offset, n * cell, 0, n * cell)
    with nogil:
        dd_swap(v.src(offset), v.dst(0), n, cell)


def interleave(source, size_t offset, size_t n, int samples, int cell, target):
    """Planes [samples, n] (Planar Configuration 1) to pixels [n, samples]."""
    cdef _Views v = _Views(source, target)
    v.check(offset, n * samples * cell, 0, n * samples * cell)
    with nogil:
        dd_interleave(v.src(offset), v.dst(0), n, samples, cell)


def expand_422(source, size_t offset, size_t pixels, int cell, target):
    """YBR_FULL_422 as stored (two pixels: Y1 Y2 Cb Cr) to one Cb and Cr a pixel."""
    cdef _Views v = _Views(source, target)
    if pixels % 2:
        raise ValueError("an odd number of pixels has no 4:2:2 form")
    v.check(offset, pixels * 2 * cell, 0, pixels * 3 * cell)
    with nogil:
        dd_expand_422(v.src(offset), v.dst(0), pixels // 2, cell)


def ybr_to_rgb(source, size_t n, int cell, int bits, target, bint partial=False):
    """YBR_FULL (or YBR_PARTIAL) pixels of 1- or 2-byte samples to RGB; `source` may be `target`."""
    cdef _Views v = _Views(source, target)
    if cell not in (1, 2) or not 1 <= bits <= 8 * cell:
        raise ValueError("YBR samples have 1 to 16 bits")
    v.check(0, n * 3 * cell, 0, n * 3 * cell)
    with nogil:
        dd_ybr_to_rgb(v.src(0), v.dst(0), n, cell, bits, partial)


def palette(source, int source_type, size_t n, int64_t first, int64_t entries, table, int samples, int entry_bytes,
            target):
    """Indices to the entries of `table`, [entries, samples]; indices outside take the first or last entry."""
    cdef _Views v = _Views(source, target)
    cdef _Views t = _Views(table, target)
    if source_type > T_I16 or entry_bytes not in (1, 2, 4, 8) or entries < 1:
        raise ValueError("a palette has indices of 8 or 16 bits, and entries of 8 to 64")
    v.check(0, n * item_bytes(source_type), 0, n * samples * entry_bytes)
    t.check(0, entries * samples * entry_bytes, 0, 0)
    with nogil:
        dd_palette(source_type, entry_bytes, v.src(0), v.dst(0), n, first, entries, t.src(0), samples)
