# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""JPEG 2000 frames through OpenJPEG, from memory into the caller's array, without the GIL.

The stream is read by `_j2k` first, and only what it found sound and whole goes to OpenJPEG: the bare codestream, with
an EOC marker appended where the file lacks it. So OpenJPEG stays in its strict mode, in which a packet that claims more
bytes than there are is an error; its tolerant mode would decode the rest of the picture from nothing, with a warning.
"""

from libc.stddef cimport size_t
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset, strstr

from dicomdecode.reading._reading cimport (
    MALFORMED, NO_MEMORY, TRUNCATED, UNSUPPORTED, Fault, ReadBuffer, WriteBuffer, fail, raise_fault)
from dicomdecode.codecs._spec cimport FrameSpec, Spec
from dicomdecode.codecs._j2k cimport (
    Area, Codestream, ceil_shift, check_alike, check_header, check_request, check_target, check_tile_parts, read_header,
    reduced)

cdef enum:
    CODEC_J2K = 0
    IGNORE_PALETTE = 1      # OPJ_DPARAMETERS_IGNORE_PCLR_CMAP_CDEF_FLAG
    BUFFER = 1 << 16        # bytes; OpenJPEG's default of 1 MiB would be cleared for every small frame
    MOST_THREADS = 64

ctypedef fused Item:
    uint8_t
    uint16_t
    uint32_t


cdef struct Input:
    const uint8_t* data
    size_t size
    size_t end              # `size`, or 2 more for the EOC marker that is not in the data
    size_t pos


cdef struct Window:         # which part of the decoded planes is wanted
    size_t row
    size_t column
    size_t height
    size_t width


cdef size_t read_input(void* buffer, size_t wanted, void* user) noexcept nogil:
    cdef Input* source = <Input*>user
    cdef uint8_t* to = <uint8_t*>buffer
    cdef size_t taken = min(wanted, source.end - source.pos)
    cdef size_t real = 0
    cdef size_t i
    if taken == 0:
        return <size_t>-1
    if source.pos < source.size:
        real = min(taken, source.size - source.pos)
        memcpy(to, source.data + source.pos, real)
    for i in range(real, taken):
        to[i] = 0xFF if source.pos + i == source.size else 0xD9
    source.pos += taken
    return taken


cdef int64_t skip_input(int64_t count, void* user) noexcept nogil:
    cdef Input* source = <Input*>user
    if count < 0 or <uint64_t>count > source.end - source.pos:
        return -1
    source.pos += <size_t>count
    return count


cdef int seek_input(int64_t pos, void* user) noexcept nogil:
    cdef Input* source = <Input*>user
    if pos < 0 or <uint64_t>pos > source.end:
        return 0
    source.pos = <size_t>pos
    return 1


cdef void note_error(const char* message, void* user) noexcept nogil:
    """Remember whether OpenJPEG ran out of data, by the words that its messages have used since 2.1."""
    if (strstr(message, b"too long") != NULL or strstr(message, b"too short") != NULL
            or strstr(message, b"Not enough space") != NULL or strstr(message, b"inconsistent with stream") != NULL):
        (<int*>user)[0] = 1


cdef uint32_t store(const int32_t* s, Item* d, size_t n, size_t step, uint32_t mask, uint32_t sign, uint32_t half,
                    int precision) noexcept nogil:
    """Write n samples `step` items apart; returns 0 when all lay within the precision.

    `mask` and `sign` turn a sample into the bits of the wanted representation, `half` moves the range to start at 0.
    """
    cdef size_t i
    cdef uint32_t v
    cdef uint32_t stray = 0
    if step == 1:
        for i in range(n):
            v = <uint32_t>s[i]
            stray |= (v + half) >> precision
            d[i] = <Item>(((v & mask) ^ sign) - sign)
    else:
        for i in range(n):
            v = <uint32_t>s[i]
            stray |= (v + half) >> precision
            d[i * step] = <Item>(((v & mask) ^ sign) - sign)
    return stray


cdef uint32_t store_three(const int32_t* a, const int32_t* b, const int32_t* c, Item* d, size_t n, uint32_t mask,
                          uint32_t sign, uint32_t half, int precision) noexcept nogil:
    """As `store`, three planes into one row of interleaved samples."""
    cdef size_t i
    cdef uint32_t u, v, w
    cdef uint32_t stray = 0
    for i in range(n):
        u = <uint32_t>a[i]
        v = <uint32_t>b[i]
        w = <uint32_t>c[i]
        stray |= ((u + half) >> precision) | ((v + half) >> precision) | ((w + half) >> precision)
        d[3 * i] = <Item>(((u & mask) ^ sign) - sign)
        d[3 * i + 1] = <Item>(((v & mask) ^ sign) - sign)
        d[3 * i + 2] = <Item>(((w & mask) ^ sign) - sign)
    return stray


cdef int write_planes(const opj_image* image, const Window* window, const Spec* spec, Item* out) noexcept nogil:
    """Write the window of every plane; returns 0, or -1 when a sample lies outside the stream's precision."""
    cdef const opj_image_comp* c = image.comps
    cdef int precision = <int>c[0].prec
    cdef bint signed_stream = c[0].sgnd != 0
    cdef uint32_t half = (<uint32_t>1 << (precision - 1)) if signed_stream else 0
    cdef uint32_t mask = 0xFFFFFFFF
    cdef uint32_t sign = 0
    cdef uint32_t stray = 0
    cdef size_t row, at
    cdef size_t samples = spec.samples
    cdef size_t k
    # PS3.5 8.2.4: Pixel Representation decides what the bits mean; streams are met that say otherwise
    if signed_stream != spec.is_signed:
        mask = (<uint32_t>1 << precision) - 1
        if spec.is_signed:
            sign = <uint32_t>1 << (precision - 1)
    for row in range(window.height):
        at = (window.row + row) * c[0].w + window.column
        if samples == 3:
            stray |= store_three(c[0].data + at, c[1].data + at, c[2].data + at, out, window.width, mask, sign, half,
                                 precision)
        else:
            for k in range(samples):
                stray |= store(c[k].data + at, out + k, window.width, samples, mask, sign, half, precision)
        out += window.width * samples
    return 0 if stray == 0 else -1


cdef int check_image(const opj_image* image, const Codestream* stream, const Window* window,
                     Fault* fault) noexcept nogil:
    """Hold what OpenJPEG decoded against what is about to be read of it."""
    cdef uint32_t i
    cdef const opj_image_comp* c
    for i in range(image.numcomps):
        c = &image.comps[i]
        if (c.data == NULL or c.prec != <uint32_t>stream.component[0].precision
                or (c.sgnd != 0) != stream.component[0].is_signed
                or c.w != image.comps[0].w or c.h != image.comps[0].h
                or window.row + window.height > c.h or window.column + window.width > c.w):
            return fail(fault, MALFORMED, b"stream_damaged",
                        b"OpenJPEG decoded a picture that does not match the header", 0, -1, -1, -1)
    return 0


cdef int refuse(Fault* fault, int ran_out) noexcept nogil:
    if ran_out:
        return fail(fault, TRUNCATED, b"stream_cut", b"the codestream ends before its last packet", 0, -1, -1, -1)
    return fail(fault, MALFORMED, b"stream_damaged", b"OpenJPEG cannot decode the codestream", 0, -1, -1, -1)


cdef int decode_stream(const Api* api, void* codec, void* source, const Codestream* stream, const Spec* spec,
                       int reduce, const Area* area, Window* window, opj_image** image, int* ran_out, void* out,
                       Fault* fault) noexcept nogil:
    cdef opj_dparameters parameters
    cdef int status
    memset(&parameters, 0, sizeof(parameters))
    parameters.cp_reduce = reduce
    parameters.flags = IGNORE_PALETTE
    api.set_error_handler(codec, note_error, ran_out)
    if not api.setup_decoder(codec, &parameters):
        return refuse(fault, 0)
    if spec.threads > 1 and api.codec_set_threads != NULL:
        # without thread support it says no, and decodes on this one
        api.codec_set_threads(codec, min(spec.threads, <int>MOST_THREADS))
    if not api.read_header(source, codec, image) or image[0] == NULL:
        return refuse(fault, ran_out[0])
    if (image[0].numcomps != <uint32_t>spec.samples or image[0].x0 != stream.x0 or image[0].y0 != stream.y0
            or image[0].x1 != stream.x1 or image[0].y1 != stream.y1):
        return refuse(fault, 0)
    if area != NULL and not stream.high_throughput:
        if not api.set_decode_area(codec, image[0], <int32_t>(stream.x0 + area.column),
                                   <int32_t>(stream.y0 + area.row),
                                   <int32_t>(stream.x0 + area.column + area.width),
                                   <int32_t>(stream.y0 + area.row + area.height)):
            return refuse(fault, ran_out[0])
        window.row = 0
        window.column = 0
    if not api.decode(codec, source, image[0]):
        return refuse(fault, ran_out[0])
    if check_image(image[0], stream, window, fault) != 0:
        return -1
    if spec.item_bytes == 1:
        status = write_planes[uint8_t](image[0], window, spec, <uint8_t*>out)
    elif spec.item_bytes == 2:
        status = write_planes[uint16_t](image[0], window, spec, <uint16_t*>out)
    else:
        status = write_planes[uint32_t](image[0], window, spec, <uint32_t*>out)
    if status != 0:
        return fail(fault, MALFORMED, b"stream_sample", b"a sample lies outside the codestream's precision", 0, -1, -1,
                    -1)
    return 0


cdef int check_version(const Api* api, const Codestream* stream, Fault* fault) noexcept nogil:
    if stream.high_throughput and not api.high_throughput:
        return fail(fault, UNSUPPORTED, b"no_openjpeg", b"HTJ2K needs OpenJPEG 2.5 or later", 0, -1, -1, -1)
    return 0


cdef int openjpeg_decode(const Api* api, const uint8_t* data, size_t size, const Spec* spec, int reduce,
                         const Area* area, void* out, bint* component_transform, Fault* fault) noexcept nogil:
    """Decode one frame into `out`, C-contiguous [rows, columns, samples] of `spec.item_bytes`.

    With `reduce` and `area` (or NULL), `out` has the size of the reduced picture's slice from ceil(first / 2^reduce)
    to ceil(last / 2^reduce) along each axis; the caller has checked that the area lies in the image. Returns 0, or -1
    with `fault` set. `component_transform`, unless NULL, is set to whether the stream has the RCT or ICT.
    """
    cdef Codestream stream
    cdef Input source
    cdef Window window
    cdef opj_image* image = NULL
    cdef void* codec
    cdef void* handle
    cdef int ran_out = 0
    cdef int status
    if read_header(data, size, &stream, fault) != 0 or check_header(&stream, spec, fault) != 0:
        return -1
    if (check_version(api, &stream, fault) != 0 or check_alike(&stream, fault) != 0
            or check_request(&stream, spec, reduce, fault) != 0 or check_tile_parts(&stream, fault) != 0):
        return -1
    if component_transform != NULL:
        component_transform[0] = stream.component_transform
    window.row = ceil_shift(area.row, reduce) if area != NULL else 0
    window.column = ceil_shift(area.column, reduce) if area != NULL else 0
    window.height = reduced(area.row, area.height, reduce) if area != NULL else ceil_shift(spec.rows, reduce)
    window.width = reduced(area.column, area.width, reduce) if area != NULL else ceil_shift(spec.columns, reduce)
    source.data = stream.data
    source.size = stream.size
    source.end = stream.size if stream.has_eoc else stream.size + 2
    source.pos = 0
    codec = api.create_decompress(CODEC_J2K)
    handle = api.stream_create(min(source.end, <size_t>BUFFER), 1)
    if codec == NULL or handle == NULL:
        status = fail(fault, NO_MEMORY, b"no_memory", b"No memory for the decoder", 0, -1, -1, -1)
    else:
        api.stream_set_read_function(handle, read_input)
        api.stream_set_skip_function(handle, skip_input)
        api.stream_set_seek_function(handle, seek_input)
        api.stream_set_user_data(handle, &source, NULL)
        api.stream_set_user_data_length(handle, source.end)
        status = decode_stream(api, codec, handle, &stream, spec, reduce, area, &window, &image, &ran_out, out, fault)
    if image != NULL:
        api.image_destroy(image)
    if handle != NULL:
        api.stream_destroy(handle)
    if codec != NULL:
        api.destroy_codec(codec)
    return status


cdef class OpenJPEG:
    """The functions of one OpenJPEG library.

    `address(name)` gives the address of a function, 0 where the library lacks it; `library` is kept alive.
    Raises `AttributeError` when a function that every version since 2.1 has is missing.
    """

    def __init__(self, object library, object address, str version):
        self._library = library
        self.version = version
        cdef uintptr_t a
        places = (
            (b"create_decompress", <uintptr_t>&self.api.create_decompress),
            (b"destroy_codec", <uintptr_t>&self.api.destroy_codec),
            (b"setup_decoder", <uintptr_t>&self.api.setup_decoder),
            (b"set_error_handler", <uintptr_t>&self.api.set_error_handler),
            (b"codec_set_threads", <uintptr_t>&self.api.codec_set_threads),
            (b"stream_create", <uintptr_t>&self.api.stream_create),
            (b"stream_destroy", <uintptr_t>&self.api.stream_destroy),
            (b"stream_set_read_function", <uintptr_t>&self.api.stream_set_read_function),
            (b"stream_set_skip_function", <uintptr_t>&self.api.stream_set_skip_function),
            (b"stream_set_seek_function", <uintptr_t>&self.api.stream_set_seek_function),
            (b"stream_set_user_data", <uintptr_t>&self.api.stream_set_user_data),
            (b"stream_set_user_data_length", <uintptr_t>&self.api.stream_set_user_data_length),
            (b"read_header", <uintptr_t>&self.api.read_header),
            (b"set_decode_area", <uintptr_t>&self.api.set_decode_area),
            (b"decode", <uintptr_t>&self.api.decode),
            (b"image_destroy", <uintptr_t>&self.api.image_destroy),
        )
        for name, place in places:
            a = address("opj_" + name.decode())
            if a == 0 and name != b"codec_set_threads":
                raise AttributeError(f"the OpenJPEG library lacks opj_{name.decode()}")
            (<void**><uintptr_t>place)[0] = <void*>a
        self.api.high_throughput = tuple(int(part) for part in version.split(".")[:2]) >= (2, 5)

    def decode(self, object data not None, FrameSpec spec not None, object out not None, int reduce=0,
               tuple region=None):
        """Decode one frame, see `dicomdecode.codecs.jpeg2000.decode`; returns whether the stream has the RCT or ICT."""
        cdef ReadBuffer source = ReadBuffer(data)
        cdef WriteBuffer target = WriteBuffer(out)
        cdef Fault fault
        cdef Area area
        cdef bint transformed = False
        cdef int status
        check_target(target, spec, reduce, region, &area)
        with nogil:
            status = openjpeg_decode(&self.api, source.data, source.size, &spec.c, reduce,
                                     &area if region is not None else NULL, target.data, &transformed, &fault)
        if status != 0:
            raise_fault(&fault, spec.frame)
        return bool(transformed)
