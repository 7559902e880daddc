# The attributes that say what the pixel data are, in one flat struct.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from dicomdecode.reading._fault cimport Fault
from dicomdecode.reading._scan cimport Element, FileMap

cdef enum Photometric:
    PI_MISSING = 0
    PI_MONOCHROME1
    PI_MONOCHROME2
    PI_PALETTE_COLOR
    PI_RGB
    PI_YBR_FULL
    PI_YBR_FULL_422
    PI_YBR_PARTIAL_420
    PI_YBR_PARTIAL_422
    PI_YBR_ICT
    PI_YBR_RCT
    PI_XYB
    PI_HSV
    PI_ARGB
    PI_CMYK
    PI_OTHER

cdef enum PixelKind:
    PIXELS_NONE = 0
    PIXELS_INTEGER
    PIXELS_FLOAT
    PIXELS_DOUBLE

cdef enum VoiFunction:
    VOI_LINEAR = 0
    VOI_LINEAR_EXACT
    VOI_SIGMOID
    VOI_UNKNOWN

cdef enum PresentationShape:
    SHAPE_MISSING = 0
    SHAPE_IDENTITY
    SHAPE_INVERSE

cdef struct ImageHeader:
    uint32_t rows
    uint32_t columns
    uint64_t frames             # 1 where Number of Frames is missing or not a positive number
    int samples                 # 0: missing
    int bits_allocated          # 0: missing
    int bits_stored
    int high_bit                # -1: missing
    int is_signed               # Pixel Representation; -1: missing
    int planar                  # Planar Configuration; -1: missing
    int photometric             # Photometric
    int pixel_kind              # PixelKind
    Element pixels
    bint big_endian             # of the pixel data
    bint has_slope
    bint has_intercept
    double slope
    double intercept
    uint32_t unreadable         # Rescale Slope or Intercept, where its text is no number; else 0
    bint has_window             # both Window Center and Window Width are there
    double center               # the first of each
    double width
    int voi_function            # VoiFunction
    int shape                   # PresentationShape
    bint has_dose_scaling
    double dose_scaling         # RT Dose: Dose Grid Scaling
    bint has_padding
    int64_t padding             # Pixel Padding Value
    int64_t padding_limit       # Pixel Padding Range Limit, or the value again
    bint has_modality_lut
    bint has_voi_lut
    bint has_functional_groups


cdef void parse_header(const FileMap* m, ImageHeader* h) noexcept nogil
cdef int check_header(const FileMap* m, const ImageHeader* h, Fault* fault) noexcept nogil
cdef bint parse_decimal(const uint8_t* p, size_t n, double* out) noexcept nogil
cdef const char* photometric_name(int code) noexcept nogil
