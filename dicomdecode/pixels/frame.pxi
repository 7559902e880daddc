# One frame after the other: cells or a codestream -> samples -> colour -> plan -> result, without the GIL.

cdef enum:
    # Bytes that are read at a time where a loop follows, so that it finds them in the cache. The loop for 8-bit
    # results makes itself a table for each call, and gets more.
    PART = 1 << 18
    PART_TO_8_BITS = 1 << 20
    AT_END = 1 << 25            # bytes of a frame's samples from which on they are not held beside the result

# The functions of the OpenJPEG that the codec has found; NULL until it was needed.
cdef const Api* openjpeg = NULL
cdef object openjpeg_owner = None


cdef int room_for(uint8_t** memory, size_t* size, size_t needed, Fault* fault) noexcept nogil:
    if needed > size[0] or memory[0] == NULL:
        free(memory[0])
        memory[0] = <uint8_t*>malloc(needed if needed else 1)
        size[0] = needed if memory[0] != NULL else 0
        if memory[0] == NULL:
            return no_memory(fault)
    return 0


cdef void free_scratch(Scratch* s) noexcept nogil:
    free(s.stream)
    free(s.cells)
    free(s.samples)
    free(s.planes)
    free(s.fragments)
    memset(s, 0, sizeof(Scratch))


cdef inline size_t cells_bytes(const Layout* layout) noexcept nogil:
    return <size_t>((layout.frame_bits + 7) // 8)


cdef inline size_t samples_bytes(const Layout* layout) noexcept nogil:
    return <size_t>(layout.pixels * <uint64_t>layout.spec.samples * <uint64_t>layout.spec.item_bytes)


cdef int native_cells(const Run* r, const ImageHeader* h, uint64_t frame, Scratch* s, const uint8_t** cells,
                      size_t* size, int* first_bit, Fault* fault) noexcept nogil:
    """The cells of a native frame: a slice, to the bit (PS3.5 8.1.1, 8.2)."""
    cdef const Layout* layout = r.layout
    cdef uint64_t first = frame * layout.frame_bits
    cdef uint64_t offset = first // 8
    cdef uint64_t end = (first + layout.frame_bits + 7) // 8
    cdef int64_t n
    first_bit[0] = <int>(first % 8)
    if layout.swapped == 2 and h.bits_allocated < 16:        # whole words of 16 bits
        first_bit[0] += 8 * <int>(offset % 2)
        offset -= offset % 2
        end = min(end + end % 2, h.pixels.length)
    size[0] = <size_t>(end - offset)
    cells[0] = held_at(r.bytes, h.pixels.offset + offset, size[0])
    if cells[0] != NULL:
        return 0
    if room_for(&s.cells, &s.cells_size, size[0], fault) < 0:
        return FAILED
    n = read_bytes(r.bytes, h.pixels.offset + offset, s.cells, size[0])
    cells[0] = s.cells
    return 0 if n == <int64_t>size[0] else unreadable(fault) if n < 0 else pixels_cut(h, fault)


cdef int pixels_cut(const ImageHeader* h, Fault* fault) noexcept nogil:
    return fail(fault, TRUNCATED, "pixels_cut", "The file ends inside the pixel data", h.pixels.tag, -1, -1, -1)


cdef int unpack(const Layout* layout, const uint8_t* cells, size_t size, int first_bit, Scratch* s, uint8_t* samples,
                Fault* fault) noexcept nogil:
    """Cells of one frame to samples [rows, columns, samples] of a machine type, their bits as in the cell."""
    cdef size_t n = <size_t>(layout.pixels * <uint64_t>layout.spec.samples)
    cdef size_t item = layout.spec.item_bytes
    cdef size_t whole
    cdef int allocated = layout.spec.bits_allocated
    cdef uint8_t* target
    if layout.swapped:
        whole = size - size % layout.swapped
        if room_for(&s.stream, &s.stream_size, size, fault) < 0:
            return FAILED
        swap_cells(cells, s.stream, whole // layout.swapped, layout.swapped)
        memcpy(s.stream + whole, cells + whole, size - whole)
        cells = s.stream
    if allocated % 8 == 0:
        cells += first_bit // 8
        size -= first_bit // 8
        first_bit = 0
    if layout.is_422:
        n = <size_t>(layout.pair_rows * ((layout.pair_columns + 1) // 2 * 4))
    if not layout.is_machine_type:
        target = samples
        if layout.is_planar or layout.is_422:
            if room_for(&s.planes, &s.planes_size, n * item, fault) < 0:
                return FAILED
            target = s.planes
        unpack_cells(cells, size, first_bit, n, allocated, layout.low_bit, min(layout.stored_bits, <int>(8 * item)),
                     layout.is_signed, target, <int>item)
        cells = target
    if layout.is_422:
        expand_half_chroma(cells, samples, <size_t>layout.pair_rows, <size_t>layout.pair_columns, <int>item)
    elif layout.is_planar:
        interleave_planes(cells, samples, <size_t>layout.pixels, layout.spec.samples, <int>item)
    elif cells != samples:
        memcpy(samples, cells, n * item)
    return 0


cdef int codestream_of(const Run* r, uint32_t tag, uint64_t frame, Scratch* s, const uint8_t** data, size_t* size,
                       Fault* fault) noexcept nogil:
    """The codestream of a frame: a view where it is in memory in one piece, else a copy in the scratch memory."""
    cdef const Fragment* fragments = NULL
    cdef const uint8_t* whole
    cdef size_t count = 0
    cdef size_t i
    cdef size_t at = 0
    cdef uint64_t start, span
    cdef int64_t n
    cdef int status = fragments_of(r.index, r.bytes, tag, frame, s, &fragments, &count, fault)
    if status != DONE:
        return status
    # From the first to the last byte: small fragments cost one read then, and not each a read of its own.
    start = fragments[0].offset
    span = fragments[count - 1].offset + fragments[count - 1].length - start
    whole = held_at(r.bytes, start, <size_t>span)
    if whole == NULL or count > 1:
        if room_for(&s.stream, &s.stream_size, <size_t>span, fault) < 0:
            return FAILED
    if whole == NULL:
        n = read_bytes(r.bytes, start, s.stream, <size_t>span)
        if n < 0:
            return unreadable(fault)
        if <uint64_t>n < span:
            return fail(fault, TRUNCATED, "fragment_cut", "The file ends inside the fragments of a frame", tag,
                        <int64_t>start, <int64_t>span, n)
        whole = s.stream
    data[0] = whole
    size[0] = <size_t>span
    if count > 1:
        for i in range(count):
            memmove(s.stream + at, whole + (fragments[i].offset - start), <size_t>fragments[i].length)
            at += <size_t>fragments[i].length
        data[0] = s.stream
        size[0] = at
    s.strays = 0
    if known_syntaxes[r.layout.syntax].family != NO_FAMILY:     # else any bytes may be a frame
        family_behind(data[0], size[0], &s.strays)
        data[0] += s.strays
        size[0] -= s.strays
    return DONE


cdef int decode_stream(const Run* r, const uint8_t* data, size_t size, uint8_t* out, int* conversion,
                       Fault* fault) noexcept nogil:
    """A codestream to cells or samples: DONE, FAILED_IN_CODEC, or NEEDS_LIBRARY. `conversion`: what makes them RGB."""
    cdef const Layout* layout = r.layout
    cdef bint transformed = False
    cdef int status
    cdef JpegHead head
    conversion[0] = layout.conversion
    if layout.codec == CODEC_RLE:
        return DONE if rle_decode(data, size, &layout.spec, out, fault) == 0 else FAILED_IN_CODEC
    if layout.codec == CODEC_JPEG:
        if is_lossless_jpeg(data, size, &head):
            conversion[0] = conversion_by_stream(layout, &head)
            # What is no plain stream of process 14 is for the library.
            if conversion[0] != NO_CONVERSION and ljpeg_decode(data, size, &layout.spec, out, fault) == 0:
                return DONE
        return NEEDS_LIBRARY
    if layout.codec == CODEC_JPEG_LS:
        if jpegls_decode(data, size, &layout.spec, out, fault) < 0:
            return FAILED_IN_CODEC
        if layout.to_rgb and read_jpeg_head(data, size, &head) and head.colour != SAYS_NOTHING:
            conversion[0] = conversion_by_stream(layout, &head)
        if conversion[0] == NO_CONVERSION:
            conversion[0] = AS_THEY_ARE
        return DONE
    if layout.codec == CODEC_JPEG2000:
        status = J2K_NOT_TAKEN
        if not r.by_openjpeg:
            status = j2k_decode(data, size, &layout.spec, r.reduce, r.area, out, &transformed, fault)
        if status == J2K_NOT_TAKEN:
            if openjpeg == NULL:
                return NEEDS_LIBRARY
            status = openjpeg_decode(openjpeg, data, size, &layout.spec, r.reduce, r.area, out, &transformed, fault)
        if status != 0:
            return FAILED_IN_CODEC
        if transformed or conversion[0] == NO_CONVERSION:
            conversion[0] = AS_THEY_ARE
        return DONE
    return NEEDS_LIBRARY


cdef bint is_lossless_jpeg(const uint8_t* data, size_t size, JpegHead* head) noexcept nogil:
    """Whether the stream is of process 14, SOF3, which our own decoder takes."""
    return read_jpeg_head(data, size, head) and head.process == SOF3


cdef int conversion_by_stream(const Layout* layout, const JpegHead* head) noexcept nogil:
    """The Conversion of a stream's samples, as `codecs._heads.colour_of` decides on their colour."""
    if not layout.to_rgb:
        return AS_THEY_ARE
    if head.colour == SAYS_RGB:
        return AS_THEY_ARE
    if head.colour != SAYS_NOTHING or layout.lacks_colour:
        return FULL_RANGE if item_bytes(layout.cell) <= 2 else NO_CONVERSION
    return layout.conversion


cdef void keep_stored_bits(const Run* r, const uint8_t* data, size_t size, uint8_t* samples) noexcept nogil:
    """The one rule for bits beside the stored ones in samples that a codec gave.

    A stream of more bits than Bits Stored, which loses none of them, holds whole cells, as native pixel data do: the
    stored bits end at High Bit, others are an overlay's, or a sign that was not extended. A lossy stream has no such
    bits, but values that overshoot.
    """
    cdef const Layout* layout = r.layout
    cdef size_t pixels = r.rows * r.columns if layout.does_areas else <size_t>layout.pixels
    cdef int allocated = layout.spec.bits_allocated
    cdef int precision = exact_bits(data, size, 0 if layout.is_lossy else allocated)
    cdef int high_bit = layout.high_bit if layout.high_bit < precision else layout.stored_bits - 1
    if precision > layout.stored_bits:
        shift_cells(layout.cell, samples, pixels * <size_t>layout.spec.samples, allocated - 1 - high_bit,
                    allocated - layout.stored_bits)
    elif layout.is_signed and layout.spec.bits_stored > layout.stored_bits:
        shift_cells(layout.cell, samples, pixels * <size_t>layout.spec.samples, allocated - layout.stored_bits,
                    allocated - layout.stored_bits)


cdef int samples_of(const Run* r, const ImageHeader* h, uint64_t frame, Scratch* s, uint8_t* place,
                    const uint8_t** found, int* conversion, Fault* fault) noexcept nogil:
    """The samples of one frame, with their bits as in the cell: in `place`, or where `place` is NULL, where they are.

    They may lie in the file's own memory then, unless something is to be done to them in place.
    """
    cdef const Layout* layout = r.layout
    cdef const uint8_t* data = NULL
    cdef size_t size = 0
    cdef int first_bit = 0
    cdef int status
    conversion[0] = layout.conversion
    if layout.codec == CODEC_NATIVE:
        status = native_cells(r, h, frame, s, &data, &size, &first_bit, fault)
        if status != DONE:
            return status
        if layout.in_order and place == NULL and not layout.shifts_first and layout.conversion == AS_THEY_ARE:
            found[0] = data
            return DONE
    else:
        status = codestream_of(r, h.pixels.tag, frame, s, &data, &size, fault)
        if status != DONE:
            return status
        if row_of_frame(layout.syntax, data, size) != layout.syntax:
            return OTHER_CODEC
    if place == NULL:
        if room_for(&s.samples, &s.samples_size, samples_bytes(layout), fault) < 0:
            return FAILED
        place = s.samples
    found[0] = place
    if layout.codec == CODEC_NATIVE:
        return unpack(layout, data, size, first_bit, s, place, fault)
    if not layout.gives_cells or layout.in_order:
        status = decode_stream(r, data, size, place, conversion, fault)
        if status == DONE and layout.trims_samples:
            keep_stored_bits(r, data, size, place)
        return status
    if room_for(&s.cells, &s.cells_size, cells_bytes(layout), fault) < 0:
        return FAILED
    status = decode_stream(r, data, size, s.cells, conversion, fault)
    if status != DONE:
        return status
    return unpack(layout, s.cells, cells_bytes(layout), 0, s, place, fault)


cdef void convert_samples(const Layout* layout, uint8_t* samples, size_t pixels, int conversion) noexcept nogil:
    """What happens to samples in place: the shifts that colour needs, and YBR to RGB."""
    if layout.shifts_first:
        shift_cells(layout.cell, samples, pixels * <size_t>layout.spec.samples, layout.left, layout.right)
    if conversion == FULL_RANGE or conversion == PARTIAL_RANGE:
        ybr_to_rgb(samples, pixels, item_bytes(layout.cell), layout.bits, conversion == PARTIAL_RANGE)


cdef bint is_cropped(const Run* r) noexcept nogil:
    return r.area != NULL and not r.layout.does_areas


cdef void finish(const Run* r, const CPlan* plan, const uint8_t* samples, uint8_t* out) noexcept nogil:
    """The plan over one frame's samples, or over the region of it that is asked for."""
    cdef const Layout* layout = r.layout
    cdef Cells cells = cells_for_plan(layout)
    cdef size_t per_pixel = <size_t>layout.spec.samples
    cdef size_t result = r.columns * per_pixel * result_bytes(plan)
    cdef size_t stride = <size_t>layout.spec.columns * per_pixel * <size_t>layout.spec.item_bytes
    cdef size_t row
    if not is_cropped(r):
        run_plan(plan, &cells, samples, r.rows * r.columns * per_pixel, out)
        return
    samples += r.area.row * stride + <size_t>r.area.column * per_pixel * <size_t>layout.spec.item_bytes
    for row in range(r.rows):
        run_plan(plan, &cells, samples + row * stride, r.columns * per_pixel, out + row * result)


cdef bint is_plain(const Layout* layout) noexcept nogil:
    """Whether what plans take of a native frame are its cells as they lie in the file."""
    return (layout.codec == CODEC_NATIVE and layout.in_order and layout.conversion == AS_THEY_ARE
            and not layout.shifts_first)


cdef size_t row_bytes(const Layout* layout) noexcept nogil:
    """Of a plain frame."""
    return <size_t>layout.spec.columns * <size_t>layout.spec.samples * <size_t>layout.spec.item_bytes


cdef uint64_t row_offset(const Run* r, const ImageHeader* h, uint64_t frame, size_t row) noexcept nogil:
    """Where a row of the region of a plain frame begins, from the frame's left edge on."""
    cdef size_t first = r.area.row if is_cropped(r) else 0
    return h.pixels.offset + frame * (r.layout.frame_bits // 8) + <uint64_t>(first + row) * row_bytes(r.layout)


cdef int read_rows(const Run* r, const ImageHeader* h, uint64_t frame, size_t row, size_t count, uint8_t* target,
                   Fault* fault) noexcept nogil:
    """Rows of the region of a plain frame, from edge to edge of the frame."""
    cdef size_t size = count * row_bytes(r.layout)
    cdef int64_t n = read_bytes(r.bytes, row_offset(r, h, frame, row), target, size)
    if n != <int64_t>size:
        return unreadable(fault) if n < 0 else pixels_cut(h, fault)
    return DONE


cdef size_t rows_at_once(const Run* r, size_t part) noexcept nogil:
    """How many rows of a plain frame make a part of so many bytes."""
    return max(<size_t>1, part // row_bytes(r.layout))


cdef int write_rows(const Run* r, const ImageHeader* h, uint64_t frame, const CPlan* plan, Scratch* s, uint8_t* out,
                    Fault* fault) noexcept nogil:
    """A region of a plain frame that is not in memory: of the others no row is read."""
    cdef Cells cells = cells_for_plan(r.layout)
    cdef size_t samples = <size_t>r.layout.spec.samples
    cdef size_t at = <size_t>r.area.column * samples * <size_t>r.layout.spec.item_bytes
    cdef size_t most = min(rows_at_once(r, PART), r.rows)
    cdef size_t top = 0
    cdef size_t count, row
    if room_for(&s.cells, &s.cells_size, most * row_bytes(r.layout), fault) < 0:
        return FAILED
    while top < r.rows:
        count = min(most, r.rows - top)
        if read_rows(r, h, frame, top, count, s.cells, fault) != DONE:
            return FAILED
        for row in range(count):
            run_plan(plan, &cells, s.cells + row * row_bytes(r.layout) + at, r.columns * samples, out)
            out += r.columns * samples * result_bytes(plan)
        top += count
    return DONE


cdef int write_parts(const Run* r, const ImageHeader* h, uint64_t frame, const CPlan* plan, Scratch* s, uint8_t* out,
                     Fault* fault) noexcept nogil:
    """A native frame that is not in memory: read part by part, each while the loop finds it in the cache."""
    cdef const Layout* layout = r.layout
    cdef Cells cells = cells_for_plan(layout)
    cdef uint64_t offset = h.pixels.offset + frame * (layout.frame_bits // 8)
    cdef size_t left = <size_t>(layout.frame_bits // 8)
    cdef bint is_copy = plan.kind == PLAN_COPY
    cdef size_t most = left if is_copy and not (cells.left or cells.right) else (
        PART if item_bytes(plan.target) > 1 else PART_TO_8_BITS)
    cdef size_t size
    cdef uint8_t* part
    cdef int64_t n
    if not is_copy and room_for(&s.cells, &s.cells_size, min(left, most), fault) < 0:
        return FAILED
    while left:
        size = min(left, most)
        # Where cells become values of the same size they are read into the result, and changed there.
        part = out if is_copy else s.cells
        n = read_bytes(r.bytes, offset, part, size)
        if n != <int64_t>size:
            return unreadable(fault) if n < 0 else pixels_cut(h, fault)
        size //= <size_t>layout.spec.item_bytes
        if is_copy:
            shift_cells(layout.cell, part, size, cells.left, cells.right)
        else:
            run_plan(plan, &cells, part, size, out)
        out += size * result_bytes(plan)
        offset += <uint64_t>n
        left -= <size_t>n
    return DONE


cdef bint fits_at_end(const Run* r, const CPlan* plan) noexcept nogil:
    """Whether the samples of a large frame lie at the end of its result while they become it: no memory twice.

    Each value is as large as its cell or larger, so that results never overtake the cells that are left.
    """
    return (not is_cropped(r) and plan.kind != PLAN_FUNCTION and samples_bytes(r.layout) > AT_END
            and result_bytes(plan) >= <size_t>r.layout.spec.item_bytes)


cdef int finish_at_end(const Run* r, const CPlan* plan, const uint8_t* samples, uint8_t* out, Scratch* s,
                       Fault* fault) noexcept nogil:
    """The plan over samples at the end of the result, part by part: each is copied before results cover it."""
    cdef Cells cells = cells_for_plan(r.layout)
    cdef size_t item = r.layout.spec.item_bytes
    cdef size_t left = r.rows * r.columns * <size_t>r.layout.spec.samples
    cdef size_t n
    if room_for(&s.cells, &s.cells_size, PART_TO_8_BITS, fault) < 0:
        return FAILED
    while left:
        n = min(left, <size_t>PART_TO_8_BITS // item)
        memcpy(s.cells, samples, n * item)
        run_plan(plan, &cells, s.cells, n, out)
        samples += n * item
        out += n * result_bytes(plan)
        left -= n
    return DONE


cdef int write_one(const Run* r, const ImageHeader* h, uint64_t frame, const CPlan* plan, Scratch* s, uint8_t* out,
                   Fault* fault) noexcept nogil:
    """One frame into the result: DONE, or another Status."""
    cdef const Layout* layout = r.layout
    cdef const uint8_t* samples = NULL
    cdef Cells cells = cells_for_plan(layout)
    cdef bint in_place = plan.kind == PLAN_COPY and not is_cropped(r)
    cdef uint8_t* place = NULL
    cdef int conversion = AS_THEY_ARE
    cdef int status
    cdef size_t bytes = <size_t>(layout.frame_bits // 8)
    cdef bint plain = is_plain(layout)
    if plain:
        in_place = False
        if held_at(r.bytes, h.pixels.offset + frame * bytes, bytes) == NULL:
            return (write_rows if is_cropped(r) else write_parts)(r, h, frame, plan, s, out, fault)
    cdef bint at_end = not (in_place or plain) and fits_at_end(r, plan)
    cdef size_t count = r.rows * r.columns * <size_t>layout.spec.samples
    if at_end:
        place = out + count * (result_bytes(plan) - <size_t>layout.spec.item_bytes)
    elif in_place:
        place = out
    status = samples_of(r, h, frame, s, place, &samples, &conversion, fault)
    if status != DONE:
        return status
    if layout.shifts_first or conversion != AS_THEY_ARE:
        convert_samples(layout, <uint8_t*>samples,
                        r.rows * r.columns if layout.does_areas else <size_t>layout.pixels, conversion)
    if in_place:
        shift_cells(layout.cell, out, count, cells.left, cells.right)
    elif at_end:
        return finish_at_end(r, plan, samples, out, s, fault)
    else:
        finish(r, plan, samples, out)
    return DONE


cdef bint needs_no_python(const Run* r, const ImageHeader* h) noexcept nogil:
    """Whether the codec of the frames is one of C; of a family of streams the first frame tells."""
    cdef Scratch s
    cdef Fault fault
    cdef const uint8_t* data = NULL
    cdef size_t size = 0
    cdef bint is_ours = False
    cdef JpegHead head
    if r.layout.codec != CODEC_JPEG:
        return r.layout.codec != CODEC_LIBRARY
    memset(&s, 0, sizeof(s))
    if codestream_of(r, h.pixels.tag, 0, &s, &data, &size, &fault) == DONE:
        is_ours = (is_lossless_jpeg(data, size, &head)
                   and conversion_by_stream(r.layout, &head) != NO_CONVERSION)
    free_scratch(&s)
    return is_ours
