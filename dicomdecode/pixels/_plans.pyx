# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""Plans: everything that happens to stored values, folded into one map before a pixel is touched.

The formulas of ranges, stretches and folding stand here once, without the GIL; `transform.py` makes the maps that need
look-up tables and windows. Sizes of buffers are checked once a call; the loops check nothing.
"""
from libc.math cimport INFINITY, ceil, floor, isinf, ldexp
from libc.stdint cimport int64_t, uint8_t, uint64_t

from dicomdecode.reading._reading cimport ReadBuffer, WriteBuffer
from dicomdecode.words cimport (
    T_F16, T_F32, T_F64, T_I32, T_I64, T_U8, T_U16, T_U32, T_U64)

from dicomdecode.words import ELEMENT_TYPES

cdef enum:
    CELLS_AT_ONCE = 1 << 18

cdef extern from "cells.h" nogil:
    const size_t* bytes_of
    void dd_stored(int type, const void* src, void* dst, size_t n, int left, int right)
    void dd_swap(const uint8_t* src, uint8_t* dst, size_t n, int cell)
    void dd_unpack_bits(const uint8_t* src, size_t src_bytes, uint64_t first, size_t n, int allocated, int shift,
                        int stored, int is_signed, void* dst, int dst_bytes)

cdef extern from "kernels.h" nogil:
    int dd_affine(int source, int target, const void* src, void* dst, size_t n, int left, int right, double slope,
                  double intercept, double low, double high)
    int dd_clamp(int source, int target, const void* src, void* dst, size_t n, int left, int right, int64_t low,
                 int64_t high)
    void dd_lookup(int src_bytes, int dst_bytes, const void* src, void* dst, size_t n, const void* table)

cdef extern from "colors.h" nogil:
    void dd_interleave(const void* src, void* dst, size_t n, int samples, int bytes)
    void dd_expand_422(const void* src, void* dst, size_t rows, size_t columns, int bytes)
    void dd_ybr_to_rgb(const void* src, void* dst, size_t n, int bytes, int bits, int partial)
    void dd_palette(int source, int dst_bytes, const void* src, void* dst, size_t n, int64_t first, int64_t entries,
                    const void* table, int samples)


# --- ranges and maps --------------------------------------------------------------------------------------------------

cdef int item_bytes(int type) noexcept nogil:
    return <int>bytes_of[type]


cdef bint is_float(int type) noexcept nogil:
    return type == T_F32 or type == T_F64 or type == T_F16


cdef bint is_unsigned(int type) noexcept nogil:
    return type == T_U8 or type == T_U16 or type == T_U32 or type == T_U64


cdef double least_of(int type) noexcept nogil:
    """The lowest value of an element type."""
    if is_float(type):
        return -most_of(type)
    return 0 if is_unsigned(type) else -ldexp(1, 8 * item_bytes(type) - 1)


cdef double most_of(int type) noexcept nogil:
    """The highest value of an element type; for the 64-bit integers 2^63 and 2^64, which stand for 1 less."""
    if type == T_F16:
        return 65504
    if type == T_F32:
        return 3.4028234663852886e38
    if type == T_F64:
        return 1.7976931348623157e308
    if item_bytes(type) == 8:
        return ldexp(1, 64 if type == T_U64 else 63)
    return ldexp(1, 8 * item_bytes(type) - (not is_unsigned(type))) - 1


cdef void possible_range(int bits, bint is_signed, double* low, double* high) noexcept nogil:
    """The lowest and the highest integer of so many bits."""
    low[0] = -ldexp(1, bits - 1) if is_signed else 0
    high[0] = ldexp(1, bits - is_signed) - 1


cdef bint range_fits(double low, double high, int target) noexcept nogil:
    """Whether values of a range lie in an element type: range, not precision."""
    if is_float(target):
        return low >= least_of(target) and high <= most_of(target)
    return floor(low) >= least_of(target) and ceil(high) <= most_of(target)


cdef CAffine then(CAffine a, double slope, double intercept) noexcept nogil:
    """A map, then another one without a clip of its own."""
    cdef CAffine b
    cdef double low = a.low * slope + intercept
    cdef double high = a.high * slope + intercept
    b.slope = a.slope * slope
    b.intercept = a.intercept * slope + intercept
    if slope == 0:
        low = high = intercept
    b.low = low if low <= high else high
    b.high = high if low <= high else low
    return b


cdef CAffine stretched(CAffine a, double low, double high, int target) noexcept nogil:
    """A map, then the range [low, high] of its values onto that of an integer type, or onto [0, 1] for a float."""
    cdef double bottom = 0 if is_float(target) else least_of(target)
    cdef double top = 1 if is_float(target) else most_of(target)
    cdef double slope
    if low == high:
        a.slope = a.intercept = 0
        a.low = -INFINITY
        a.high = INFINITY
        return a
    slope = (top - bottom) / (high - low)
    return then(a, slope, bottom - low * slope)


cdef CAffine joined(CAffine first, CAffine second) noexcept nogil:
    """Two maps, of which the first is not clipped, as one."""
    cdef CAffine a = second
    a.slope = second.slope * first.slope
    a.intercept = second.slope * first.intercept + second.intercept
    return a


cdef CAffine window_onto_unit(double center, double width, bint is_exact) noexcept nogil:
    """A window onto [0, 1]: LINEAR, wider than 1, or LINEAR_EXACT (PS3.3 C.11.2.1.2.1 and C.11.2.1.3.2)."""
    cdef CAffine a
    a.low = 0
    a.high = 1
    if is_exact:
        a.slope = 1 / width
        a.intercept = 0.5 - center / width
    else:
        a.slope = 1 / (width - 1)
        a.intercept = 0.5 - (center - 0.5) / (width - 1)
    return a


cdef CAffine range_onto_unit(double low, double high) noexcept nogil:
    """A range onto [0, 1]; one of a single value onto 0."""
    cdef CAffine a
    cdef double span = high - low
    a.low = 0
    a.high = 1
    a.slope = 1 / span if span else 0
    a.intercept = -low / span if span else 0
    return a


cdef CAffine unit_onto(CAffine a, int target) noexcept nogil:
    """A map onto [0, 1], then that onto [0, maximum] of an integer type; floats keep [0, 1]."""
    return a if is_float(target) else then(a, most_of(target), 0)


cdef bint fold(const CAffine* a, int source, int target, CPlan* plan) noexcept nogil:
    """The plan of a map from stored values to an element type; False where there is no loop for it."""
    cdef bint is_identity = a.slope == 1 and a.intercept == 0 and isinf(a.low) and isinf(a.high)
    cdef bint is_small = source <= T_I32
    cdef double low, high
    plan.source = source
    plan.target = target
    if is_identity and source == target:
        plan.kind = PLAN_COPY
        return True
    if is_identity and is_small and not is_float(target):
        plan.kind = PLAN_CLAMP
        low = least_of(source)
        high = most_of(source)
        plan.clamp_low = <int64_t>(low if low >= least_of(target) else least_of(target))
        plan.clamp_high = <int64_t>(high if high <= most_of(target) else most_of(target))
        return True
    plan.kind = PLAN_AFFINE
    plan.map = a[0]
    if not is_float(target) or target == T_F16:
        plan.map.low = a.low if a.low >= least_of(target) else least_of(target)
        plan.map.high = a.high if a.high <= most_of(target) else most_of(target)
    return is_small and target != T_U64 and target != T_I64 and target != T_F16


# --- loops ------------------------------------------------------------------------------------------------------------

cdef bint has_loop(const CPlan* plan) noexcept nogil:
    return plan.kind != PLAN_FUNCTION


cdef size_t result_bytes(const CPlan* plan) noexcept nogil:
    """Of what one cell becomes."""
    return <size_t>item_bytes(plan.target) * <size_t>(plan.samples if plan.kind == PLAN_PALETTE else 1)


cdef void run_plan(const CPlan* plan, const Cells* cells, const uint8_t* src, size_t n, void* dst) noexcept nogil:
    """`n` cells to results in one pass. Looks no further than into cells: a palette's are values, with no bits left."""
    if plan.kind == PLAN_COPY:
        dd_stored(cells.type, src, dst, n, cells.left, cells.right)
    elif plan.kind == PLAN_CLAMP:
        dd_clamp(cells.type, plan.target, src, dst, n, cells.left, cells.right, plan.clamp_low, plan.clamp_high)
    elif plan.kind == PLAN_AFFINE:
        dd_affine(cells.type, plan.target, src, dst, n, cells.left, cells.right, plan.map.slope, plan.map.intercept,
                  plan.map.low, plan.map.high)
    elif plan.kind == PLAN_TABLE:
        dd_lookup(item_bytes(cells.type), item_bytes(plan.target), src, dst, n, plan.table)
    elif plan.kind == PLAN_PALETTE:
        dd_palette(cells.type, item_bytes(plan.target), src, dst, n, plan.first, plan.entries, plan.table,
                   plan.samples)


cdef void swap_cells(const uint8_t* src, uint8_t* dst, size_t n, int cell) noexcept nogil:
    dd_swap(src, dst, n, cell)


cdef void unpack_cells(const uint8_t* src, size_t src_bytes, uint64_t first_bit, size_t n, int allocated, int shift,
                       int stored, bint is_signed, void* dst, int dst_bytes) noexcept nogil:
    dd_unpack_bits(src, src_bytes, first_bit, n, allocated, shift, stored, is_signed, dst, dst_bytes)


cdef void interleave_planes(const void* src, void* dst, size_t n, int samples, int cell) noexcept nogil:
    dd_interleave(src, dst, n, samples, cell)


cdef void expand_half_chroma(const void* src, void* dst, size_t rows, size_t columns, int cell) noexcept nogil:
    dd_expand_422(src, dst, rows, columns, cell)


cdef void shift_cells(int type, void* cells, size_t n, int left, int right) noexcept nogil:
    """Whole cells to the values of their stored bits, in place."""
    if left or right:
        dd_stored(type, cells, cells, n, left, right)


cdef void ybr_to_rgb(void* samples, size_t n, int cell, int bits, bint partial) noexcept nogil:
    """`n` pixels of three samples of 1 or 2 bytes, in place."""
    dd_ybr_to_rgb(samples, samples, n, cell, bits, partial)


# --- as Python sees them ----------------------------------------------------------------------------------------------

cdef dict NUMBERS = {name: number for number, name in enumerate(ELEMENT_TYPES)}
cdef tuple KINDS = ("copy", "clamp", "affine", "table", "palette", "function")


def type_number(dtype):
    """The number of a numpy.dtype in `words.ELEMENT_TYPES`; KeyError for one that images are never converted to."""
    return NUMBERS[dtype.name]


def range_of_type(int type):
    """(lowest, highest) of an element type as floats; 2^63 and 2^64 stand for the highest of 64-bit integers."""
    return (least_of(type), most_of(type))


def range_of_bits(int bits, bint is_signed):
    """(lowest, highest) integer of so many bits, as floats."""
    cdef double low, high
    possible_range(bits, is_signed, &low, &high)
    return (low, high)


def fits(double low, double high, int target):
    """Whether values of a range lie in an element type: range, not precision."""
    return bool(range_fits(low, high, target))


cdef class Affine:
    """slope * x + intercept, kept inside [low, high]; works on floats and on arrays of them."""

    def __init__(self, double slope=1.0, double intercept=0.0, double low=-INFINITY, double high=INFINITY):
        self.c.slope = slope
        self.c.intercept = intercept
        self.c.low = low
        self.c.high = high

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

    @property
    def is_clipped(self):
        return not (isinf(self.c.low) and isinf(self.c.high))

    def then(self, double slope, double intercept):
        """This map, then another one without a clip of its own."""
        cdef Affine b = Affine.__new__(Affine)
        b.c = then(self.c, slope, intercept)
        return b

    def before(self, Affine step not None):
        """This map, which is not clipped, then another one."""
        cdef Affine b = Affine.__new__(Affine)
        b.c = joined(self.c, step.c)
        return b

    def unit_onto(self, int target):
        """This map onto [0, 1], then that onto [0, maximum] of an integer type; floats keep [0, 1]."""
        cdef Affine b = Affine.__new__(Affine)
        b.c = unit_onto(self.c, target)
        return b

    @staticmethod
    def of_window(double center, double width, bint is_exact):
        """A window onto [0, 1]: LINEAR, wider than 1, or LINEAR_EXACT."""
        cdef Affine b = Affine.__new__(Affine)
        b.c = window_onto_unit(center, width, is_exact)
        return b

    @staticmethod
    def of_range(double low, double high):
        """A range onto [0, 1]; one of a single value onto 0."""
        cdef Affine b = Affine.__new__(Affine)
        b.c = range_onto_unit(low, high)
        return b

    def stretched(self, double low, double high, int target):
        """This map, then the range [low, high] onto that of an integer type, or onto [0, 1] for a float."""
        cdef Affine b = Affine.__new__(Affine)
        b.c = stretched(self.c, low, high, target)
        return b

    def __call__(self, x):
        import numpy as np

        return np.clip(x * self.c.slope + self.c.intercept, self.c.low, self.c.high)


cdef class Plan:
    """The whole transform of stored values. `kind` is one of copy, clamp, affine, table, palette, function."""

    @staticmethod
    def of_affine(Affine a not None, int source, int target, dtype):
        """The plan of a map; None where there is no loop for the pair of types."""
        cdef Plan plan = Plan.__new__(Plan)
        plan.dtype = dtype
        return plan if fold(&a.c, source, target, &plan.c) else None

    @staticmethod
    def of_table(table, int source, int target, dtype):
        """A look-up of each cell of 8 or 16 bits in `table`: bytes-like, an entry of the target for each cell."""
        cdef Plan plan = Plan.__new__(Plan)
        if item_bytes(source) > 2:
            raise ValueError("a table is for cells of 8 or 16 bits")
        plan.keep_table(table, <size_t>(256 if item_bytes(source) == 1 else 65536) * item_bytes(target))
        plan.c.kind = PLAN_TABLE
        plan.c.source = source
        plan.c.target = target
        plan.dtype = dtype
        return plan

    @staticmethod
    def of_palette(table, int source, int target, dtype, int64_t first):
        """Stored values to the rows of `table`, [entries, samples]; those outside take its first or its last row."""
        cdef Plan plan = Plan.__new__(Plan)
        plan.c.entries, plan.c.samples = table.shape
        if item_bytes(source) > 2 or plan.c.entries < 1:
            raise ValueError("a palette has entries, and indices of 8 or 16 bits")
        plan.keep_table(table, <size_t>plan.c.entries * plan.c.samples * item_bytes(target))
        plan.c.kind = PLAN_PALETTE
        plan.c.source = source
        plan.c.target = target
        plan.c.first = first
        plan.dtype = dtype
        return plan

    @staticmethod
    def of_function(function, int source, int target, dtype):
        """What has no loop: `function` makes an array of `dtype` from an array of stored values."""
        cdef Plan plan = Plan.__new__(Plan)
        plan.c.kind = PLAN_FUNCTION
        plan.c.source = source
        plan.c.target = target
        plan.function = function
        plan.dtype = dtype
        return plan

    cdef int keep_table(self, table, size_t size) except -1:
        cdef ReadBuffer lent
        self.table = memoryview(table)
        lent = ReadBuffer(self.table)
        self.c.table = lent.data
        if <size_t>self.table.nbytes != size:
            raise ValueError("the table does not fit the cells")
        return 0

    @property
    def kind(self):
        return KINDS[self.c.kind]

    def apply(self, samples, out, int left=0, int right=0):
        """The results of all cells of a contiguous array, into `out`, which has room for them."""
        cdef Cells cells
        cdef ReadBuffer source
        cdef WriteBuffer target
        cdef size_t n
        if self.c.kind == PLAN_FUNCTION:
            flat, place = samples.reshape(-1), out.reshape(-1)
            for start in range(0, len(flat), CELLS_AT_ONCE):    # it makes arrays of float64 of them
                place[start:start + CELLS_AT_ONCE] = self.function(flat[start:start + CELLS_AT_ONCE])
            return
        source = ReadBuffer(samples)
        target = WriteBuffer(out)
        cells.type = self.c.source
        cells.left = left
        cells.right = right
        n = source.size // item_bytes(self.c.source)
        target.has_room_for(n * result_bytes(&self.c))
        if n < 32768:           # giving up the GIL costs more than so few pixels
            run_plan(&self.c, &cells, source.data, n, target.data)
        else:
            with nogil:
                run_plan(&self.c, &cells, source.data, n, target.data)


def unpack_bits(source, uint64_t first_bit, size_t n, target):
    """`n` bits of a little-endian stream, from bit `first_bit`, as a byte of 0 or 1 each."""
    cdef ReadBuffer bits = ReadBuffer(source)
    cdef WriteBuffer out = WriteBuffer(target)
    if bits.size < (first_bit + n + 7) // 8:
        raise ValueError(f"{bits.size} bytes do not hold {n} bits from bit {first_bit} on")
    out.has_room_for(n)
    with nogil:
        unpack_cells(bits.data, bits.size, first_bit, n, 1, 0, 1, False, out.data, 1)
