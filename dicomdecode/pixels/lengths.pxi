# Fragments that hold the cells of frames, plain or deflated: no first bytes tell where a frame begins, but lengths do.

cdef enum:
    MOST_INFLATED = 1 << 30     # bytes of all frames; of more, frames are not looked for by inflating them


cdef bint looks_like_table(const FileBytes* f, const Fragment* item, uint64_t frames) noexcept nogil:
    """Whether the first item may be an offset table: it has an entry for each frame, or its first ones ascend from 0.
    """
    cdef uint8_t[HEAD_BYTES] head
    cdef size_t n = <size_t>min(item.length, <uint64_t>HEAD_BYTES)
    cdef uint32_t before = 0
    cdef size_t i
    if item.length % 4 or not read_head(f, item, 0, head, n):
        return False
    for i in range(n // 4):
        if u32_at(head + 4 * i, False) <= before if i else u32_at(head, False) != 0:
            return item.length == 4 * frames
        before = u32_at(head + 4 * i, False)
    return True


cdef bint is_first_frame(const FrameIndex* index, const FileBytes* f, const Layout* layout,
                         Fragment* item) noexcept nogil:
    """Whether the first item, the place of the Basic Offset Table, holds the first frame: there is no table then.

    A table begins with the offset 0, a codestream does not. What begins with any bytes is a frame where the items
    behind it are one too few; all frames of a video are one stream.
    """
    cdef FragmentWalk walk
    cdef uint64_t behind = 0
    if family_at(f, item) != NO_FAMILY:
        return True
    if looks_like_table(f, item, index.frames):
        return False
    if known_syntaxes[layout.syntax].family != NO_FAMILY:
        find_family(f, NULL, item)
        return item.family != NO_FAMILY
    walk_init(&walk, f, item.offset + item.length, index.end)
    while behind < index.frames and next_fragment(&walk) in (FRAGMENT, CUT_FRAGMENT):
        behind += 1
    walk_free(&walk)
    return behind == (0 if layout.is_stream else index.frames - 1)


cdef int find_cells(FrameIndex* index, const FileBytes* f, Fault* fault) noexcept nogil:
    """Tell frames apart that are not one fragment each."""
    if index.is_deflated:
        if index.count > index.frames and index.cells <= <uint64_t>MOST_INFLATED // index.frames:
            return starts_by_inflating(index, f, fault)
        return 0
    return 0 if has_one_each(index) else cut_at_frames(index, fault)


cdef bint has_one_each(const FrameIndex* index) noexcept nogil:
    """Whether each of the first fragments holds a frame."""
    cdef size_t i
    if index.count < index.frames:
        return False
    for i in range(<size_t>index.frames):
        if index.fragments[i].length < index.cells:
            return False
    return True


cdef int cut_at_frames(FrameIndex* index, Fault* fault) noexcept nogil:
    """Cut fragments where frames end, if all of them have just the bytes of all frames, each or the last one padded."""
    cdef size_t frames = <size_t>index.frames
    cdef uint64_t size = index.cells + index.cells % 2
    cdef uint64_t total = 0
    cdef uint64_t room = 0
    cdef uint64_t left
    cdef size_t i
    cdef size_t begun = 0
    cdef size_t n = 0
    cdef Fragment* parts
    for i in range(index.count):
        total += index.fragments[i].length
    if total // size != frames or total % size:
        size = index.cells
    if total // size != frames or total % size > 1:
        return 0
    parts = <Fragment*>malloc((index.count + frames) * sizeof(Fragment))
    index.starts = <size_t*>malloc((frames + 1) * sizeof(size_t))
    if parts == NULL or index.starts == NULL:
        free(parts)
        free(index.starts)
        index.starts = NULL
        return no_memory(fault)
    for i in range(index.count):
        left = index.fragments[i].length
        while left and (room or begun < frames):
            if room == 0:
                index.starts[begun] = n
                begun += 1
                room = size
            parts[n] = index.fragments[i]
            parts[n].offset += index.fragments[i].length - left
            parts[n].length = <uint32_t>min(left, room)
            room -= parts[n].length
            left -= parts[n].length
            n += 1
    index.starts[frames] = n
    free(index.fragments)
    index.fragments = parts
    index.count = n
    index.found = frames
    return 0


cdef int starts_by_inflating(FrameIndex* index, const FileBytes* f, Fault* fault) noexcept with gil:
    """Find where the deflate streams of frames end, if all of them end with a fragment; else frames stay unknown."""
    cdef size_t* starts = <size_t*>malloc((<size_t>index.frames + 1) * sizeof(size_t))
    cdef size_t begun = 0
    cdef size_t i
    cdef bint is_begin = True
    if starts == NULL:
        return no_memory(fault)
    from dicomdecode.codecs.deflate import FrameEnds

    try:
        ends = FrameEnds(index.cells)
        for i in range(index.count):
            if is_begin:
                if begun == index.frames:
                    break
                starts[begun] = i
                begun += 1
            data = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>index.fragments[i].length)
            if read_bytes(f, index.fragments[i].offset, <uint8_t*>PyBytes_AS_STRING(data), <size_t>len(data)) < 0:
                free(starts)
                return unreadable(fault)
            is_begin = ends.take(data)
        else:
            i = index.count
    except (zlib.error, MemoryError):
        is_begin = False
    if begun < index.frames or not is_begin:
        free(starts)
        return 0
    starts[begun] = i
    index.starts = starts
    index.found = begun
    return 0
