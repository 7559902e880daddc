# The C face of the pixel loops (kernels.h), for every module of the nogil core.
from libc.stdint cimport int64_t, uint8_t, uint64_t

cdef enum ElementType:      # the order of kernels.h
    T_U8 = 0
    T_I8
    T_U16
    T_I16
    T_U32
    T_I32
    T_U64
    T_I64
    T_F32
    T_F64
    T_F16                   # only as a target, through NumPy

cdef enum PlanKind:
    PLAN_COPY = 0           # the stored type is the target type
    PLAN_CLAMP              # stored integers to other integers, value by value
    PLAN_AFFINE             # slope * stored + intercept, clipped
    PLAN_TABLE              # a look-up in a table indexed by the whole cell
    PLAN_NUMPY              # a pair of types that no kernel was made for

cdef struct CPlan:
    int kind                # PlanKind
    int source              # ElementType of the stored values
    int target
    double slope
    double intercept
    double low              # clip after the affine map, in target units
    double high
    int64_t clamp_low       # of PLAN_CLAMP
    int64_t clamp_high

cdef struct Cells:          # how stored values lie in their cells
    int type                # ElementType of a cell
    int left                # shifts that bring the stored bits down, with their sign
    int right


cdef int item_bytes(int type) noexcept nogil
cdef void run_plan(const CPlan* plan, const void* table, const Cells* cells, const uint8_t* src, size_t n,
                   void* dst) noexcept nogil
cdef void unpack_cells(const uint8_t* src, size_t src_bytes, uint64_t first_bit, size_t n, int allocated, int shift,
                       int stored, bint is_signed, void* dst, int dst_bytes) noexcept nogil


cdef class Plan:
    cdef CPlan c
    cdef readonly object dtype      # numpy.dtype of the result
    cdef readonly object table      # of PLAN_TABLE: bytes-like, an entry per cell value
    cdef readonly tuple steps       # what is applied, in words and numbers
