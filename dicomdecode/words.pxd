# The numbers of the words in words.py, for Cython.
cdef extern from "words.h" nogil:
    enum:
        T_U8, T_I8, T_U16, T_I16, T_U32, T_I32, T_U64, T_I64, T_F32, T_F64, T_F16, T_COUNT
    enum:
        VALUES_STORED, VALUES_MODALITY, VALUES_VOI, VALUES_DISPLAY, VALUES_REAL_WORLD, VALUES_TFIO
    enum:
        COLOR_RGB, COLOR_STORED, COLOR_PALETTE, COLOR_RGBA, COLOR_SRGB
    enum:
        SCALE_PRESERVE, SCALE_AUTO
    enum:
        ON_ERROR_STRICT, ON_ERROR_SKIP, ON_ERROR_LOSSY
