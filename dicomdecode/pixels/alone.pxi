# One image without Python, from the bytes of its file to memory of the caller: what batches and TensorFlow's op try.
# What it does not take, damaged files among them, is decoded again with Python, which alone says what is wrong.


cdef bint prepare_alone(Alone* a, const CLimits* limits, MakePlan make_plan) noexcept nogil:
    """Find plan, frames and shape of the file whose `bytes` and `asked` are set; `make_plan` makes other plans than the
    core. False where Python is needed; else to be ended with `free_index`.
    """
    cdef FileMap m
    cdef Fault fault
    cdef bint found = False
    if scan_held(&m, &a.bytes, limits, &fault) == SCAN_PIXELS:
        parse_header(&m, &a.header)
        found = check_header(&m, &a.header, &fault) == 0 and describe_alone(a, &m, make_plan)
    map_free(&m)
    if not found:
        free_index(&a.index)
    return found


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
        if begin_index(&a.index, &a.bytes, m, h, &fault) < 0:
            return False
        if a.index.table == NULL and walk_index(&a.index, &a.bytes, h.pixels.tag, &fault) < 0:
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


# --- files by their paths, several in a row ---------------------------------------------------------------------------

cdef enum:
    FRONT = 65536               # bytes of a file that are read first
    BLOCKS = 64                 # that are kept at most,
    BLOCK_BYTES = 1 << 25       # with so many bytes in all

cdef struct Block:
    uint8_t* data               # NULL: there is none
    size_t size

cdef struct Made:               # of one file
    uint8_t* data               # NULL: Python is needed
    size_t room                 # bytes at `data`
    int dim_count
    int64_t[4] dims
    int type


cdef void make_alone(const char* path, const Asked* asked, const CLimits* limits, uint8_t* front,
                     Block* block, Made* made) noexcept nogil:
    """Decode one file, into the block if it is of about the size."""
    cdef Alone a
    cdef OpenFile file
    memset(&a, 0, sizeof(a))
    made.data = NULL
    a.asked = asked[0]
    if hold_front(path, &file, &a.bytes, front, FRONT) < 0:
        return
    if prepare_alone(&a, limits, NULL):
        if block.data != NULL and block.size // 2 <= a.size <= block.size:
            made.data = block.data
            made.room = block.size
            block.data = NULL
        else:
            made.room = a.size if a.size else 1
            made.data = <uint8_t*>malloc(made.room)
        if made.data != NULL and fill_alone(&a, made.data) != DONE:
            free(made.data)
            made.data = NULL
        made.dim_count = a.dim_count
        memcpy(made.dims, a.dims, sizeof(a.dims))
        made.type = a.asked.target
        free_index(&a.index)
    close_file(&file)


cdef class Blocks:
    """Memory of arrays that are gone, for arrays to come: the system takes longer to give new memory than a small file
    takes to be decoded. It is freed with the batch, and the last of its arrays."""
    cdef Block[BLOCKS] kept
    cdef int count
    cdef size_t bytes

    def __dealloc__(self):
        while self.count:
            self.count -= 1
            free(self.kept[self.count].data)

    cdef Block take(self) noexcept:
        cdef Block found
        found.data = NULL
        found.size = 0
        with critical_section(self):
            if self.count:
                self.count -= 1
                found = self.kept[self.count]
                self.bytes -= found.size
        return found

    cdef int keep(self, uint8_t* data, size_t size) noexcept:
        cdef bint is_kept = False
        with critical_section(self):
            if data != NULL and self.count < BLOCKS and size <= BLOCK_BYTES and self.bytes <= BLOCK_BYTES - size:
                self.kept[self.count].data = data
                self.kept[self.count].size = size
                self.count += 1
                self.bytes += size
                is_kept = True
        if not is_kept:
            free(data)
        return 0


@internal
cdef class Memory:
    """The memory of an array that was made without Python."""
    cdef Blocks blocks
    cdef uint8_t* data
    cdef size_t room
    cdef Py_ssize_t size

    def __dealloc__(self):
        if self.blocks is None:
            free(self.data)
        else:
            self.blocks.keep(self.data, self.room)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.data, self.size, False, flags)


cdef object array_of(Made* made, Blocks blocks):
    cdef Memory memory = Memory.__new__(Memory)
    cdef int i
    memory.blocks = blocks
    memory.data = made.data
    memory.room = made.room
    made.data = NULL
    memory.size = item_bytes(made.type)
    shape = tuple([made.dims[i] for i in range(made.dim_count)])
    for i in range(made.dim_count):
        memory.size *= made.dims[i]
    return np.ndarray(shape, DTYPES[made.type], memory)


def decode_paths(list paths, Request request not None, limits, Blocks blocks not None):
    """Decode several files without Python in between.

    Parameters
    ----------
    paths : list of bytes
    request : Request
        Without what is chosen in Python: `out`, `window`, `padding`, `overlays`.
    limits : dicomdecode.Limits
        Of each file.
    blocks : Blocks
        Of the batch.

    Returns
    -------
    list of ndarray or None
        None for a file that Python is needed for, be it for its pixels or to say what is wrong with it.
    """
    cdef size_t count = len(paths)
    cdef size_t i
    cdef CLimits allowed
    cdef Asked asked = request.asked
    cdef uint8_t* front = <uint8_t*>malloc(FRONT)
    cdef Made* made = <Made*>calloc(count, sizeof(Made))
    cdef Block* spare = <Block*>calloc(count, sizeof(Block))
    cdef const char** names = <const char**>malloc(count * sizeof(char*))
    cdef list found = []
    try:
        if front == NULL or made == NULL or spare == NULL or names == NULL:
            raise MemoryError("no memory for a batch")
        limits_of(limits, &allowed)
        for i in range(count):
            names[i] = PyBytes_AS_STRING(paths[i])
            spare[i] = blocks.take()
        with nogil:
            for i in range(count):
                make_alone(names[i], &asked, &allowed, front, &spare[i], &made[i])
        for i in range(count):
            found.append(None if made[i].data == NULL else array_of(&made[i], blocks))
        return found
    finally:
        for i in range(count):
            if made != NULL:
                free(made[i].data)
            if spare != NULL:
                blocks.keep(spare[i].data, spare[i].size)
        free(made)
        free(spare)
        free(front)
        free(names)
