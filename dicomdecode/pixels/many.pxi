# Many files, several in a row without Python in between, and where their results go.

cdef enum:
    FRONT = 65536               # bytes of a file that are read first,
    PAGE = 4096                 # or as few of them as hold the header, by the file before
    BLOCKS = 128                # that are kept at most,
    BLOCK_BYTES = 1 << 25       # with so many bytes in all
    LINE = 64                   # bytes that memory goes by

cdef struct Block:
    uint8_t* data               # NULL: there is none
    size_t size

cdef struct Places:             # the rule for results
    uint8_t* out                # NULL: each has memory of its own
    Py_ssize_t count            # of places in `out`
    int dim_count               # of each result, as many as the caller has given; 0: any shape
    int64_t[4] dims             # where they are no more than images have
    bint[T_COUNT] pads          # by element type: smaller ones are filled up
    uint64_t[T_COUNT] pad       # with this

cdef struct OneOfMany:
    const char* path            # NULL: see `contents`
    const uint8_t* contents     # NULL too: Python is needed
    size_t size
    Block spare                 # memory for the result, if it is of about the size
    uint8_t* result             # NULL: Python is needed
    Block own                   # where the result lies, if not in `out`
    int type
    int dim_count               # of the image
    int64_t[4] dims

cdef struct Rules:              # for all files
    Asked asked
    CLimits limits
    Places places


cdef void make_one(const Rules* rules, OneOfMany* one, Py_ssize_t index, uint8_t* front,
                   size_t* room) noexcept nogil:
    """Decode a file, result `index` of the batch. `room` is how much of it is read first; then what is best for one
    like it."""
    cdef Alone a
    cdef OpenFile file
    memset(&a, 0, sizeof(a))
    a.asked = rules.asked
    if one.path != NULL:
        if hold_front(one.path, &file, &a.bytes, front, room[0]) < 0:
            return
    elif one.contents != NULL:
        hold_all(&a.bytes, one.contents, one.size)
    else:
        return
    if prepare_alone(&a, &rules.limits, NULL):
        one.type = a.asked.target
        one.dim_count = a.dim_count
        memcpy(one.dims, a.dims, sizeof(a.dims))
        put_in_place(rules, &a, one, index)
        room[0] = FRONT
        if a.layout.codec == CODEC_NATIVE and a.bytes.size > FRONT and a.header.pixels.offset < FRONT:
            # What is read of the pixels with the header has to be copied once more.
            room[0] = (<size_t>a.header.pixels.offset | (PAGE - 1)) + 1
        free_index(&a.index)
    elif one.path != NULL and room[0] < FRONT:      # the header may be longer than that of the file before
        close_file(&file)
        room[0] = FRONT
        make_one(rules, one, index, front, room)
        return
    if one.path != NULL:
        close_file(&file)


cdef void put_in_place(const Rules* rules, Alone* a, OneOfMany* one, Py_ssize_t index) noexcept nogil:
    """Decode into the place of a result. What has none is left to Python, which says why."""
    cdef const Places* places = &rules.places
    cdef size_t size = a.size
    cdef bint is_whole = True
    cdef uint8_t* small = NULL
    cdef bint done
    if places.dim_count:
        if places.dim_count != one.dim_count:
            return
        size = place_bytes(places, item_bytes(one.type), rules.limits.output_bytes)
        is_whole = memcmp(one.dims, places.dims, one.dim_count * sizeof(int64_t)) == 0
        if size == 0 or not (is_whole or places.pads[one.type] and is_smaller(one, places)):
            return
    if not take_memory(places, one, index, size, line_offset(a)):
        return
    if is_whole:
        done = fill_alone(a, one.result) == DONE
    else:
        small = <uint8_t*>malloc(a.size if a.size else 1)
        done = small != NULL and fill_alone(a, small) == DONE
        if done:
            fill_with(one.result, size, <const uint8_t*>&places.pad[one.type], item_bytes(one.type))
            copy_into(small, one.dims, one.result, places.dims, one.dim_count, item_bytes(one.type))
        free(small)
    if not done:
        free(one.own.data)
        one.own.data = one.result = NULL


cdef size_t place_bytes(const Places* places, size_t item, uint64_t limit) noexcept nogil:
    """The size of each place; 0 where it exceeds the limit."""
    cdef uint64_t size = item
    cdef int i
    for i in range(places.dim_count):
        if size > limit // <uint64_t>places.dims[i]:
            return 0
        size *= <uint64_t>places.dims[i]
    return <size_t>size


cdef bint is_smaller(const OneOfMany* one, const Places* places) noexcept nogil:
    cdef int i
    for i in range(one.dim_count):
        if one.dims[i] > places.dims[i]:
            return False
    return True


cdef size_t line_offset(const Alone* a) noexcept nogil:
    """Where in a line of memory a result begins best: what is copied from a file, where it lies in the file.

    The kernel copies twice as fast then, or faster.
    """
    cdef size_t offset = <size_t>(a.header.pixels.offset % LINE)
    if a.plan.kind != PLAN_COPY or a.layout.codec != CODEC_NATIVE or offset % <size_t>item_bytes(a.asked.target):
        return 0
    return offset


cdef bint take_memory(const Places* places, OneOfMany* one, Py_ssize_t index, size_t size,
                      size_t offset) noexcept nogil:
    cdef size_t room = size + 2 * LINE
    if places.out != NULL:
        if index < places.count:
            one.result = places.out + <size_t>index * size
        return one.result != NULL
    if one.spare.data != NULL and one.spare.size // 2 <= room <= one.spare.size:
        one.own = one.spare
        one.spare.data = NULL
    else:
        one.own.size = room
        one.own.data = <uint8_t*>malloc(room)
        if one.own.data == NULL:
            return False
    one.result = at_line(one.own.data) + offset
    return True


cdef inline uint8_t* at_line(uint8_t* memory) noexcept nogil:
    """The first line that begins in the memory."""
    return memory + (LINE - <uintptr_t>memory % LINE) % LINE


cdef void fill_with(uint8_t* target, size_t size, const uint8_t* value, size_t item) noexcept nogil:
    """Write one value over all of the target."""
    cdef size_t done = item
    memcpy(target, value, item)
    while done < size:                  # what is there is doubled
        memcpy(target + done, target, min(done, size - done))
        done += min(done, size - done)


cdef void copy_into(const uint8_t* small, const int64_t* dims, uint8_t* target, const int64_t* places, int dim_count,
                    size_t item) noexcept nogil:
    """Copy an array to the beginning of each axis of a larger one."""
    cdef size_t step = item
    cdef size_t target_step = item
    cdef int64_t i
    if dim_count == 1:
        memcpy(target, small, <size_t>dims[0] * item)
        return
    for i in range(1, dim_count):
        step *= <size_t>dims[i]
        target_step *= <size_t>places[i]
    for i in range(dims[0]):
        copy_into(small + i * step, dims + 1, target + i * target_step, places + 1, dim_count - 1, item)


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
    cdef Block own
    cdef uint8_t* data              # in it
    cdef Py_ssize_t size

    def __dealloc__(self):
        if self.blocks is None:
            free(self.own.data)
        else:
            self.blocks.keep(self.own.data, self.own.size)

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.data, self.size, False, flags)


cdef class ManyFiles:
    """Decodes files of a batch without Python.

    Parameters
    ----------
    request : Request
        What to make of them.
    limits : dicomdecode.Limits
        Of each file.
    out : ndarray (N, ...) or None
        Result i goes into ``out[i]``. C-contiguous, writable, of the dtype of the request.
    shape : tuple of int or None
        Of each result: with `out` that of its places.
    pads : list of bytes or None
        The value that smaller results are filled up with, by element type; None: they are not.
    """

    cdef Request request            # what `rules` points into
    cdef Rules rules
    cdef object out
    cdef WriteBuffer held           # of `out`
    cdef tuple shape
    cdef Blocks blocks
    cdef size_t room                # see `make_one`

    def __init__(self, Request request not None, limits, out, shape, list pads):
        cdef Places* places = &self.rules.places
        cdef bytes value
        cdef int i
        memset(places, 0, sizeof(Places))
        self.request = request
        self.rules.asked = request.asked
        limits_of(limits, &self.rules.limits)
        self.blocks = Blocks()
        self.room = FRONT
        self.out = out
        self.shape = shape
        if out is not None:
            self.held = WriteBuffer(out)
            places.out = self.held.data
            places.count = len(out)
        if shape is not None:
            places.dim_count = len(shape)
            for i in range(min(places.dim_count, 4)):
                places.dims[i] = bounded(shape[i])
        for i in range(T_COUNT):
            value = pads[i]
            if value is not None:
                places.pads[i] = True
                memcpy(&places.pad[i], PyBytes_AS_STRING(value), min(len(value), <Py_ssize_t>sizeof(uint64_t)))

    def decode(self, list sources, Py_ssize_t first):
        """Decode several files without Python in between.

        Parameters
        ----------
        sources : list
            Paths and bytes are decoded.
        first : int
            The index of the first of them.

        Returns
        -------
        list of (ndarray, tuple of int) or None
            The result, and the shape that it had before it was filled up. None for a file that Python is needed for,
            be it for its pixels or to say what is wrong with it.
        """
        cdef Py_ssize_t count = len(sources)
        cdef Py_ssize_t i
        cdef const Rules* rules = &self.rules
        cdef OneOfMany* files = <OneOfMany*>calloc(<size_t>count, sizeof(OneOfMany))
        cdef uint8_t* memory = <uint8_t*>malloc(FRONT + LINE)
        cdef uint8_t* front = at_line(memory)
        cdef size_t room = self.room
        cdef list paths = []
        cdef list found = [None] * count
        cdef tuple shape = None
        try:
            if files == NULL or memory == NULL:
                raise MemoryError("no memory for a batch")
            for i in range(count):
                take_source(sources[i], &files[i], paths)
                if self.held is None:
                    files[i].spare = self.blocks.take()
            with nogil:
                for i in range(count):
                    make_one(rules, &files[i], first + i, front, &room)
            self.room = room
            for i in range(count):
                if files[i].result != NULL:
                    shape = shape_of(&files[i], shape)
                    found[i] = self.result(&files[i], first + i, shape), shape
            return found
        finally:
            if files != NULL:
                for i in range(count):
                    free(files[i].own.data)
                    if files[i].spare.data != NULL:
                        self.blocks.keep(files[i].spare.data, files[i].spare.size)
            free(files)
            free(memory)

    cdef object result(self, OneOfMany* one, Py_ssize_t index, tuple of_image):
        """The array of a file."""
        cdef Memory memory
        cdef tuple shape = of_image if self.shape is None else self.shape
        if self.held is not None:
            return self.out[index]
        memory = Memory.__new__(Memory)
        memory.blocks = self.blocks
        memory.own = one.own
        memory.data = one.result
        one.own.data = NULL         # from now on it is the array's
        memory.size = item_bytes(one.type)
        for n in shape:
            memory.size *= n
        return np.ndarray(shape, DTYPES[one.type], memory)


cdef tuple shape_of(const OneOfMany* one, tuple before):
    """The shape of an image; most have that of the one before."""
    cdef int i
    if before is not None and len(before) == one.dim_count:
        for i in range(one.dim_count):
            if one.dims[i] != <int64_t>before[i]:
                break
        else:
            return before
    return tuple([one.dims[i] for i in range(one.dim_count)])


cdef int take_source(source, OneOfMany* one, list paths) except -1:
    """Paths, as the system has them, are kept in `paths`."""
    cdef bytes found
    if type(source) is bytes:
        found = source
        one.contents = <const uint8_t*>PyBytes_AS_STRING(found)
        one.size = len(found)
    else:
        found = path_of(source)
        if found is not None:
            paths.append(found)
            one.path = PyBytes_AS_STRING(found)
    return 0
