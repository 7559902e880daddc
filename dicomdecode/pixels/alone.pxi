# One image without Python, from the bytes of its file to memory of the caller: what batches and TensorFlow's op try.
# What it does not take, damaged files among them, is decoded again with Python, which alone says what is wrong.

cdef enum:
    OVERLAYS = 0x6000           # the first group of overlays, and the last (PS3.5 7.6)
    LAST_OVERLAYS = 0x601E


cdef bint prepare_alone(Alone* a, const CLimits* limits, MakePlan make_plan) noexcept nogil:
    """Find plan, frames and shape of the file whose `bytes` and `asked` are set; `make_plan` makes other plans than the
    core. False where Python is needed; else to be ended with `free_index`.
    """
    cdef FileMap m
    cdef Fault fault
    cdef bint found = False
    if scan_held(&m, &a.bytes, limits, &fault) == SCAN_PIXELS:
        parse_header(&m, &a.header)
        found = (check_header(&m, &a.header, &fault) == 0 and not (a.asked.overlays and has_overlays(&m))
                 and describe_alone(a, &m, make_plan))
    map_free(&m)
    if not found:
        free_index(&a.index)
    return found


cdef bint has_overlays(const FileMap* m) noexcept nogil:
    cdef size_t i
    for i in range(m.elements.count):
        if OVERLAYS <= m.elements.items[i].tag >> 16 <= LAST_OVERLAYS:
            return True
    return False


cdef bint describe_alone(Alone* a, const FileMap* m, MakePlan make_plan) noexcept nogil:
    cdef const ImageHeader* h = &a.header
    cdef Layout* layout = &a.layout
    cdef Fault fault
    cdef bint fit = True
    if (describe(m, h, &a.bytes, a.asked.color, False, layout) != DONE or layout.uses_palette
            or layout.uses_profiles or layout.is_stream):
        return False
    if make_plan != NULL:
        if not make_plan(&a.asked, m, h, layout, &a.plan):
            return False
    else:
        if a.asked.target < 0:
            a.asked.target = native_type(h, layout, a.asked.values)
        if a.asked.target < 0 or plan_of_integers(h, layout, &a.asked, &a.plan, &fit) != DONE:
            return False
        if not fit and a.asked.must_fit:
            return False
    a.run.bytes = &a.bytes
    a.run.layout = layout
    a.run.by_openjpeg = a.asked.by_openjpeg
    a.run.rows = h.rows
    a.run.columns = h.columns
    if choose_frames(&a.asked.frames, h.frames, &a.chosen) < 0:
        return False
    if a.asked.reduce or a.asked.region.is_given:
        if choose_area(&a.asked, h, layout, &a.area, &a.run) != AREA_FOUND:
            return False
    if layout.codec != CODEC_NATIVE:
        a.run.index = &a.index
        if begin_index(&a.index, &a.bytes, m, h, layout, &fault) < 0:
            return False
        if a.index.table == NULL and (
                walk_index(&a.index, &a.bytes, h.pixels.tag, highest_frame(&a.chosen), &fault) < 0):
            return False
    if not needs_no_python(&a.run, h):
        return False
    if a.chosen.count and check_frames(layout, &a.index, h, highest_frame(&a.chosen), a.chosen.count, &fault) < 0:
        return False
    return shape_alone(a, layout.spec.samples, m.limits.output_bytes)


cdef bint shape_alone(Alone* a, int samples, uint64_t limit) noexcept nogil:
    """The shape of the result; False where there is none within the limits."""
    cdef uint64_t bytes = item_bytes(a.asked.target)
    cdef int i
    a.dim_count = result_dims(&a.asked, a.chosen.count, a.chosen.keeps_axis, a.run.rows, a.run.columns, samples, a.dims)
    if a.dim_count < 0:
        return False
    for i in range(a.dim_count):
        if a.dims[i] and bytes > limit // <uint64_t>a.dims[i]:
            return False
        bytes *= <uint64_t>a.dims[i]
    a.size = <size_t>bytes
    return True


cdef int fill_alone(Alone* a, uint8_t* out) noexcept nogil:
    """Write `size` bytes: DONE, or another Status."""
    cdef Scratch scratch
    cdef Fault fault
    cdef uint64_t i
    cdef size_t step = a.size // <size_t>a.chosen.count if a.chosen.count else 0
    cdef int status = DONE
    memset(&scratch, 0, sizeof(scratch))
    for i in range(a.chosen.count):
        status = write_one(&a.run, &a.header, nth_frame(&a.chosen, i), &a.plan, &scratch, out + i * step, &fault)
        if status != DONE:
            break
    free_scratch(&scratch)
    return status
