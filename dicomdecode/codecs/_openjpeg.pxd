# OpenJPEG's decoder, called without the GIL by the addresses of its functions in a shared library found at run time.
from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from dicomdecode.reading._reading cimport Fault
from dicomdecode.codecs._j2k cimport Area
from dicomdecode.codecs._spec cimport Spec

# The public structures of OpenJPEG 2.1 to 2.5 (openjpeg.h); enumerations are int, OPJ_BOOL is int.
cdef struct opj_image_comp:
    uint32_t dx
    uint32_t dy
    uint32_t w
    uint32_t h
    uint32_t x0
    uint32_t y0
    uint32_t prec
    uint32_t bpp
    uint32_t sgnd
    uint32_t resno_decoded
    uint32_t factor
    int32_t* data
    uint16_t alpha

cdef struct opj_image:
    uint32_t x0
    uint32_t y0
    uint32_t x1
    uint32_t y1
    uint32_t numcomps
    int color_space
    opj_image_comp* comps
    uint8_t* icc_profile_buf
    uint32_t icc_profile_len

cdef struct opj_dparameters:
    uint32_t cp_reduce
    uint32_t cp_layer
    char infile[4096]
    char outfile[4096]
    int decod_format
    int cod_format
    uint32_t area[4]
    int m_verbose
    uint32_t tile_index
    uint32_t nb_tile_to_decode
    int jpwl_correct
    int jpwl_exp_comps
    int jpwl_max_tiles
    unsigned int flags
    char later[512]         # not OpenJPEG's: room for what a later version may append

ctypedef size_t (*opj_read_fn)(void*, size_t, void*) noexcept nogil
ctypedef int64_t (*opj_skip_fn)(int64_t, void*) noexcept nogil
ctypedef int (*opj_seek_fn)(int64_t, void*) noexcept nogil
ctypedef void (*opj_message_fn)(const char*, void*) noexcept nogil

cdef struct Api:
    void* (*create_decompress)(int) noexcept nogil
    void (*destroy_codec)(void*) noexcept nogil
    int (*setup_decoder)(void*, opj_dparameters*) noexcept nogil
    int (*set_error_handler)(void*, opj_message_fn, void*) noexcept nogil
    int (*codec_set_threads)(void*, int) noexcept nogil            # NULL before 2.2
    void* (*stream_create)(size_t, int) noexcept nogil
    void (*stream_destroy)(void*) noexcept nogil
    void (*stream_set_read_function)(void*, opj_read_fn) noexcept nogil
    void (*stream_set_skip_function)(void*, opj_skip_fn) noexcept nogil
    void (*stream_set_seek_function)(void*, opj_seek_fn) noexcept nogil
    void (*stream_set_user_data)(void*, void*, void*) noexcept nogil
    void (*stream_set_user_data_length)(void*, uint64_t) noexcept nogil
    int (*read_header)(void*, void*, opj_image**) noexcept nogil
    int (*set_decode_area)(void*, opj_image*, int32_t, int32_t, int32_t, int32_t) noexcept nogil
    int (*decode)(void*, void*, opj_image*) noexcept nogil
    void (*image_destroy)(opj_image*) noexcept nogil
    bint high_throughput    # 2.5 and later decode HTJ2K


cdef int openjpeg_decode(const Api* api, const uint8_t* data, size_t size, const Spec* spec, int reduce,
                         const Area* area, void* out, bint* component_transform, Fault* fault) noexcept nogil


cdef class OpenJPEG:
    cdef Api api
    cdef object _library    # keeps the shared library loaded
    cdef readonly str version
