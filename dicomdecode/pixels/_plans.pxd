# Plans: everything that happens to stored values, folded into one map. The loops are in cells.h, kernels.h, colors.h.
from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef enum PlanKind:
    PLAN_COPY = 0           # the stored type is the target type
    PLAN_CLAMP              # stored integers to other integers, value by value
    PLAN_AFFINE             # slope * stored + intercept, clipped
    PLAN_TABLE              # a look-up in a table indexed by the whole cell
    PLAN_PALETTE            # a look-up of several samples for each stored value
    PLAN_FUNCTION           # a function on arrays: pairs of types, and maps, that have no loop

cdef struct CAffine:        # slope * x + intercept, kept inside [low, high]
    double slope
    double intercept
    double low
    double high

cdef struct CPlan:
    int kind                # PlanKind
    int source              # element type of the stored values
    int target
    CAffine map             # of PLAN_AFFINE; its clip is in units of the target
    int64_t clamp_low       # of PLAN_CLAMP
    int64_t clamp_high
    const void* table       # of PLAN_TABLE: an entry for each cell; of PLAN_PALETTE: [entries][samples]
    int64_t first           # of PLAN_PALETTE: the stored value of entry 0
    int64_t entries
    int samples

cdef struct Cells:          # how stored values lie in their cells
    int type                # element type of a cell
    int left                # shifts that bring the stored bits down, with their sign
    int right


cdef int item_bytes(int type) noexcept nogil
cdef void possible_range(int bits, bint is_signed, double* low, double* high) noexcept nogil
cdef bint range_fits(double low, double high, int target) noexcept nogil
cdef CAffine stretched(CAffine a, double low, double high, int target) noexcept nogil
cdef CAffine then(CAffine a, double slope, double intercept) noexcept nogil
cdef CAffine joined(CAffine first, CAffine second) noexcept nogil
cdef CAffine window_onto_unit(double center, double width, bint is_exact) noexcept nogil
cdef CAffine range_onto_unit(double low, double high) noexcept nogil
cdef CAffine unit_onto(CAffine a, int target) noexcept nogil
cdef bint fold(const CAffine* a, int source, int target, CPlan* plan) noexcept nogil
cdef bint has_loop(const CPlan* plan) noexcept nogil
cdef size_t result_bytes(const CPlan* plan) noexcept nogil
cdef void run_plan(const CPlan* plan, const Cells* cells, const uint8_t* src, size_t n, void* dst) noexcept nogil
cdef void swap_cells(const uint8_t* src, uint8_t* dst, size_t n, int cell) noexcept nogil
cdef void unpack_cells(const uint8_t* src, size_t src_bytes, uint64_t first_bit, size_t n, int allocated, int shift,
                       int stored, bint is_signed, void* dst, int dst_bytes) noexcept nogil
cdef void interleave_planes(const void* src, void* dst, size_t n, int samples, int cell) noexcept nogil
cdef void expand_half_chroma(const void* src, void* dst, size_t rows, size_t columns, int cell) noexcept nogil
cdef void shift_cells(int type, void* cells, size_t n, int left, int right) noexcept nogil
cdef void ybr_to_rgb(void* samples, size_t n, int cell, int bits, bint partial) noexcept nogil


cdef class Affine:
    cdef CAffine c


cdef class Plan:
    cdef CPlan c
    cdef readonly object dtype      # numpy.dtype of the result
    cdef readonly object table      # keeps `c.table` alive
    cdef readonly object function   # of PLAN_FUNCTION: stored values -> an array of the result's dtype

    cdef int keep_table(self, table, size_t size) except -1
