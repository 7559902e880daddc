# Where the frames of encapsulated pixel data are: offset tables and fragments (PS3.5 A.4, PS3.3 C.7.6.3.1.8).

cdef extern from * nogil:
    """
    #if defined(__GNUC__)
    #define dd_publish(place, value) __atomic_store_n(place, value, __ATOMIC_RELEASE)
    #define dd_published(place) __atomic_load_n(place, __ATOMIC_ACQUIRE)
    #else
    #define dd_publish(place, value) (*(volatile uint64_t *)(place) = (value))
    #define dd_published(place) (*(const volatile uint64_t *)(place))
    #endif
    """
    void dd_publish(uint64_t* place, uint64_t value)
    uint64_t dd_published(const uint64_t* place)


cdef int unreadable(Fault* fault) noexcept nogil:
    return fail(fault, UNREADABLE, "", "", 0, -1, -1, -1)


cdef int no_memory(Fault* fault) noexcept nogil:
    return fail(fault, NO_MEMORY, "no_memory", "No memory for the frames", 0, -1, -1, -1)


cdef bint read_head(const FileBytes* f, const Fragment* fragment, uint64_t at, uint8_t* head, size_t n) noexcept nogil:
    """`n` bytes of a fragment from `at` on."""
    if fragment.length < n or at > fragment.length - n:
        return False
    return read_bytes(f, fragment.offset + at, head, n) == <int64_t>n


cdef int family_at(const FileBytes* f, const Fragment* fragment) noexcept nogil:
    """The family of the codestream that begins with a fragment, NO_FAMILY where it is none or cannot be read."""
    cdef uint8_t[HEAD_BYTES] head
    cdef size_t n = <size_t>min(fragment.length, <uint64_t>HEAD_BYTES)
    return family_of(head, n) if read_head(f, fragment, 0, head, n) else NO_FAMILY


cdef void find_family(const FileBytes* f, const uint8_t* head, Fragment* fragment) noexcept nogil:
    """Fill in the family of a fragment, and the bytes in front; `head`: its first bytes, NULL where they are not held.
    """
    cdef uint8_t[HEAD_BYTES] read
    cdef size_t n = <size_t>min(fragment.length, <uint64_t>HEAD_BYTES)
    cdef size_t strays = 0
    fragment.family = NO_FAMILY
    if head == NULL and read_head(f, fragment, 0, read, n):
        head = read
    if head != NULL:
        fragment.family = <uint16_t>family_behind(head, n, &strays)
    fragment.strays = <uint16_t>strays


cdef bint is_jpeg_process(const FileBytes* f, const Fragment* fragment) noexcept nogil:
    """Whether a stream has a frame header of T.81 (that of T.87, JPEG-LS, is SOF55), looked for in one fragment."""
    cdef uint8_t[4] head
    cdef uint64_t at = 2
    while read_head(f, fragment, at, head, 4) and head[0] == 0xFF and head[1] != 0xDA:
        if is_frame_header(head[1]):
            return head[1] != 0xF7
        at += 1 if head[1] == 0xFF else 2 + (<uint64_t>head[2] << 8 | head[3])
    return False


cdef bint first_codestream(const FileBytes* f, const Element* e, Fragment* found) noexcept nogil:
    """The first fragment that is not empty, behind a Basic Offset Table if there is one."""
    cdef FragmentWalk walk
    cdef bint is_first = True
    cdef bint is_found = False
    walk_init(&walk, f, e.offset, e.offset + e.length)
    while not is_found and next_fragment(&walk) in (FRAGMENT, CUT_FRAGMENT):
        found.offset = walk.offset
        found.length = <uint32_t>walk.length
        is_found = walk.length != 0 and (not is_first or family_at(f, found) != NO_FAMILY)
        is_first = False
    walk_free(&walk)
    return is_found


cdef int begin_index(FrameIndex* index, const FileBytes* f, const FileMap* m, const ImageHeader* h,
                     const Layout* layout, Fault* fault) noexcept nogil:
    """Read the offset tables. To be ended with `free_index`, whatever it returns."""
    cdef const Element* e = &h.pixels
    cdef uint64_t end = e.offset + e.length
    cdef uint8_t[8] head
    cdef int64_t n
    cdef uint64_t length
    cdef Fragment item
    memset(index, 0, sizeof(FrameIndex))
    index.end = end
    index.frames = h.frames
    index.limit = m.limits.fragments
    if layout.syntax in (UNCOMPRESSED_ROW, DEFLATED_ROW):
        index.cells = cells_bytes(layout)
        index.is_deflated = layout.syntax == DEFLATED_ROW
    n = read_bytes(f, e.offset, head, 8) if e.length >= 8 else 0
    if n < 0:
        return unreadable(fault)
    if n < 8:
        return fail(fault, TRUNCATED, "fragment_cut", "The file ends between fragments", e.tag,
                    <int64_t>e.offset, -1, -1)
    if u32_at(head, False) != 0xE000FFFEu:
        # A defined length does not matter as long as items follow: every reader takes them.
        if e.flags & UNDEFINED:
            return fail(fault, MALFORMED, "item_expected", "Pixel data do not begin with an item", e.tag,
                        <int64_t>e.offset, -1, -1)
        return fail(fault, MALFORMED, "not_encapsulated", "Pixel data of this transfer syntax are not encapsulated",
                    e.tag, <int64_t>e.offset, -1, -1)
    item.offset = e.offset + 8
    item.length = length = u32_at(head + 4, False)
    if length and length <= e.length - 8 and is_first_frame(index, f, layout, &item):
        index.first = e.offset
        return read_tables(index, f, m, 0, fault)
    if length > e.length - 8:
        return fail(fault, TRUNCATED, "fragment_cut", "The file ends inside the Basic Offset Table (bytes)", e.tag,
                    <int64_t>e.offset, <int64_t>length, <int64_t>(e.length - 8))
    index.first = e.offset + 8 + length
    index.basic_entries = <size_t>(length // 4)
    return read_tables(index, f, m, e.offset + 8, fault)


cdef int read_tables(FrameIndex* index, const FileBytes* f, const FileMap* m, uint64_t basic,
                     Fault* fault) noexcept nogil:
    """The Extended Offset Table where it has an entry for each frame, else the Basic one; where it can be believed."""
    cdef const Element* extended = find(&m.elements, 0x7FE00001u)
    cdef const uint8_t* entries = NULL
    cdef uint8_t* copied = NULL
    cdef size_t frames = <size_t>index.frames
    cdef size_t i
    cdef uint64_t before = 0
    cdef bint is_sound = True
    if extended != NULL:
        index.extended_entries = <size_t>(extended.length // 8)
    if index.extended_entries >= frames:
        entries = value_at(m, extended)
    elif index.basic_entries < frames:
        return 0
    index.table = <uint64_t*>malloc(frames * sizeof(uint64_t))
    if index.table == NULL:
        return no_memory(fault)
    if entries != NULL:
        for i in range(frames):
            index.table[i] = u64_at(entries + 8 * i, False)
    else:
        entries = held_at(f, basic, 4 * frames)
        if entries == NULL:
            copied = <uint8_t*>malloc(4 * frames)
            if copied == NULL:
                return no_memory(fault)
            if read_bytes(f, basic, copied, 4 * frames) != <int64_t>(4 * frames):
                free(copied)
                return unreadable(fault)
            entries = copied
        for i in range(frames):
            index.table[i] = u32_at(entries + 4 * i, False)
        free(copied)
    for i in range(frames):
        is_sound = is_sound and (index.table[i] > before if i else index.table[i] == 0)
        before = index.table[i]
    is_sound = is_sound and index.end - index.first >= 8 and before <= index.end - index.first - 8
    if is_sound and (index.basic_entries > frames or index.extended_entries > frames):
        is_sound = begin_streams(index, f)      # it may have an entry for each fragment
    if not is_sound:
        free(index.table)
        index.table = NULL
    return 0


cdef bint begin_streams(const FrameIndex* index, const FileBytes* f) noexcept nogil:
    """Whether the offsets of a table are those of items with streams of one family, as far as that can be told."""
    cdef Fragment fragment
    cdef uint8_t[4] item
    cdef int family = NO_FAMILY
    cdef uint64_t i
    for i in range(index.frames):
        fragment.offset = index.first + index.table[i] + 8
        if fragment.offset >= index.end or read_bytes(f, fragment.offset - 8, item, 4) != 4 or (
                u32_at(item, False) != 0xE000FFFEu):
            return False
        fragment.length = <uint32_t>min(index.end - fragment.offset, <uint64_t>HEAD_BYTES)
        if i == 0:
            family = family_at(f, &fragment)
        if family != NO_FAMILY and family_at(f, &fragment) != family:
            return False
    return True


cdef void free_index(FrameIndex* index) noexcept nogil:
    free(index.table)
    free(index.fragments)
    free(index.starts)
    free(index.front)
    memset(index, 0, sizeof(FrameIndex))


cdef Fragment fragment_here(const FragmentWalk* walk) noexcept nogil:
    """The fragment that a walk has found, and its family where the walk looks for that."""
    cdef Fragment found
    found.offset = walk.offset
    found.length = <uint32_t>walk.length
    found.family = NO_FAMILY
    found.strays = 0
    if walk.ahead and walk.length:      # its first bytes may have been read already
        find_family(walk.file, begin_of_fragment(walk, <size_t>min(walk.length, <uint64_t>HEAD_BYTES)), &found)
    return found


cdef int add_fragment(Fragment** found, size_t* count, size_t* room, size_t limit,
                      const FragmentWalk* walk) noexcept nogil:
    """Keep the fragment that a walk has found. Room is made for as many as are left, if they are as long as this one:
    an array that grows is two arrays for a while."""
    cdef Fragment* more
    cdef uint64_t left
    if count[0] == room[0]:
        left = (walk.end - walk.at) // (8 + walk.length)
        room[0] = max(room[0] + room[0] // 2 + 64, count[0] + <size_t>min(left + 1, <uint64_t>limit))
        more = <Fragment*>realloc(found[0], room[0] * sizeof(Fragment))
        if more == NULL:
            return -1
        found[0] = more
    found[0][count[0]] = fragment_here(walk)
    count[0] += 1
    return 0


cdef int collect(const FrameIndex* index, const FileBytes* f, uint64_t start, uint64_t stop, size_t ahead,
                 uint32_t tag, Fragment** found, size_t* count, size_t* room, Fault* fault) noexcept nogil:
    """Add the fragments from `start` to `stop`, the delimiter, or what is no fragment; of a cut one what is there.

    `ahead` is HEAD_BYTES where it is to be told which of them begin a codestream, else 0.
    """
    cdef FragmentWalk walk
    cdef int kind = FRAGMENT
    cdef int status = 0
    walk_init(&walk, f, start, index.end)
    walk.ahead = ahead
    while kind == FRAGMENT and walk.at < stop and status == 0:
        kind = step_fragment(&walk)
        if kind == FRAGMENT or kind == CUT_FRAGMENT:
            if add_fragment(found, count, room, index.limit, &walk) < 0:
                status = no_memory(fault)
            elif count[0] > index.limit:
                status = fail(fault, OVER_LIMIT, "limit_fragments", "The number of fragments exceeds", tag, -1,
                              <int64_t>index.limit, <int64_t>count[0])
        elif kind == WALK_FAILED:
            status = unreadable(fault)
    walk_free(&walk)
    return status


cdef int walk_index(FrameIndex* index, const FileBytes* f, uint32_t tag, uint64_t last, Fault* fault) noexcept nogil:
    """Find the fragments of the frames up to `last` where that tells them, else all, and which make which frame.

    One thread at a time does so. Others read what is there meanwhile: it is complete, since it is published last, and
    it stays where it is.
    """
    cdef FrameIndex found = index[0]
    cdef size_t room = 0
    cdef int status = 0
    if index.walked or last < index.front_count:
        return 0
    if last < index.frames - 1 and index.cells == 0 and walk_front(index, f, last):
        return 0
    found.count = index.front_found
    if found.count:
        room = found.count
        found.fragments = <Fragment*>malloc(room * sizeof(Fragment))
        if found.fragments == NULL:
            return no_memory(fault)
        memcpy(found.fragments, index.front, room * sizeof(Fragment))
    if collect(&found, f, index.front_end if room else index.first, index.end, 0 if index.cells else HEAD_BYTES, tag,
               &found.fragments, &found.count, &room, fault) < 0:
        free(found.fragments)
        return -1
    if found.count > found.frames:
        drop_empty_fragments(&found)
    found.found = found.count
    if found.frames == 1:
        found.found = 1 if found.count else 0
    if found.cells and found.frames > 1:
        status = find_cells(&found, f, fault)
    elif found.count > found.frames:
        status = find_starts(&found, fault)
    if status < 0:
        free(found.fragments)
        return -1
    index.fragments = found.fragments
    index.count = found.count
    index.starts = found.starts
    index.found = found.found
    dd_publish(&index.walked, True)
    return 0


cdef bint walk_front(FrameIndex* index, const FileBytes* f, uint64_t last) noexcept nogil:
    """Find the frames up to `last`, which is not the last one; False where what follows them must be known to tell.

    Where the fragments up to there and one more all begin a codestream, each of them is a frame, by each of the rules
    for all fragments. What was found is kept, and the next call goes on from there, at least as far again.
    """
    cdef FragmentWalk walk
    cdef size_t wanted
    if index.front == NULL:
        index.front_room = <size_t>min(index.frames, (index.end - index.first) // 8, index.limit)
        index.front = <Fragment*>malloc(index.front_room * sizeof(Fragment) + 1)
        index.front_end = index.first
    if index.front == NULL or last + 2 > index.front_room:
        return False
    wanted = min(max(<size_t>last + 2, 2 * index.front_found), index.front_room)
    walk_init(&walk, f, index.front_end, index.end)
    walk.ahead = HEAD_BYTES
    while index.front_found < wanted and step_fragment(&walk) == FRAGMENT:
        index.front[index.front_found] = fragment_here(&walk)
        index.front_end = walk.at
        index.front_found += 1
        if not begins_alike(index.front, &index.front[index.front_found - 1]):
            index.front_room = 0            # only all fragments tell more
            break
    walk_free(&walk)
    if index.front_room and index.front_found:
        dd_publish(&index.front_count, index.front_found - 1)
    return last < index.front_count


cdef inline bint begins_alike(const Fragment* first, const Fragment* other) noexcept nogil:
    """Whether a fragment begins a codestream of the family of the first one, and behind stray bytes only if that does.

    In the SPIFF header of a JPEG-LS stream (T.84 annex F) there is an SOI: a second fragment may begin in front of it.
    """
    return other.family != NO_FAMILY and other.family == first.family and (other.strays == 0 or first.strays != 0)


cdef void drop_empty_fragments(FrameIndex* index) noexcept nogil:
    """Where there are more fragments than frames, empty ones hold the place of no frame."""
    cdef size_t i
    cdef size_t kept = 0
    for i in range(index.count):
        if index.fragments[i].length:
            index.fragments[kept] = index.fragments[i]
            kept += 1
    index.count = kept


cdef int find_starts(FrameIndex* index, Fault* fault) noexcept nogil:
    """Tell frames of several fragments apart: each begins as the first one does."""
    cdef size_t begun = 0
    cdef size_t i
    cdef int family = index.fragments[0].family
    # The two bytes that begin JPEG XL are met inside of a frame, too.
    if family == NO_FAMILY or (family == JPEG_XL_FAMILY and index.frames == 1):
        return 0
    index.starts = <size_t*>malloc((index.count + 1) * sizeof(size_t))
    if index.starts == NULL:
        return no_memory(fault)
    for i in range(index.count):
        if begins_alike(index.fragments, &index.fragments[i]):
            index.starts[begun] = i
            begun += 1
    index.starts[begun] = index.count
    if begun >= index.frames:
        index.found = begun
    else:
        free(index.starts)
        index.starts = NULL
    return 0


cdef int missing_frames(const FrameIndex* index, uint32_t tag, size_t found, Fault* fault) noexcept nogil:
    return fail(fault, TRUNCATED, "frames_missing", "Too few frames in the pixel data", tag, -1,
                <int64_t>index.frames, <int64_t>found)


cdef int fragments_of(FrameIndex* index, const FileBytes* f, uint32_t tag, uint64_t frame, Scratch* s,
                      const Fragment** found, size_t* count, Fault* fault) noexcept nogil:
    """The fragments of one frame, in their order: DONE, FAILED, or NEEDS_WALK."""
    cdef uint64_t start, stop
    cdef const Fragment* last
    if dd_published(&index.walked):
        if frame >= index.found:
            return missing_frames(index, tag, index.found, fault)
        if index.starts != NULL:
            found[0] = index.fragments + index.starts[frame]
            count[0] = index.starts[frame + 1] - index.starts[frame]
        elif index.frames == 1:
            found[0] = index.fragments
            count[0] = index.count
        else:
            found[0] = index.fragments + frame
            count[0] = 1
        return DONE
    if frame < dd_published(&index.front_count):
        found[0] = index.front + frame
        count[0] = 1
        return DONE
    if index.table == NULL:
        return NEEDS_WALK
    start = index.first + index.table[frame]
    stop = index.end if frame + 1 == index.frames else index.first + index.table[frame + 1]
    count[0] = 0
    if collect(index, f, start, stop, 0, tag, &s.fragments, count, &s.fragment_room, fault) < 0:
        return FAILED
    if count[0] == 0:
        return NEEDS_WALK
    last = &s.fragments[count[0] - 1]
    if stop != index.end and last.offset + last.length != stop:
        return NEEDS_WALK       # the table lies: the walk from the front tells where the frames are
    found[0] = s.fragments
    return DONE


cdef enum:
    FREE_PIXELS = 1 << 26       # that any codestream may give: 8192 x 8192, the largest that is made as one frame


cdef int check_frames(const Layout* layout, const FrameIndex* index, const ImageHeader* h, uint64_t last,
                      uint64_t count, Fault* fault) noexcept nogil:
    """Whether `count` frames, `last` the highest, can be there: before memory is asked for on the header's word."""
    cdef uint64_t room
    if layout.codec == CODEC_NATIVE:
        if layout.frame_bits and last + 1 > (UINT64_MAX - 7) // layout.frame_bits:
            room = UINT64_MAX
        else:
            room = ((last + 1) * layout.frame_bits + 7) // 8
        if room > h.pixels.length:
            return fail(fault, TRUNCATED, "pixels_cut", "The pixel data are too short for this frame (bytes)",
                        h.pixels.tag, <int64_t>h.pixels.offset,
                        <int64_t>min(room, <uint64_t>INT64_MAX), <int64_t>h.pixels.length)
        return 0
    room = index.end - index.first
    if not layout.is_stream and index.cells == 0 and room // 8 <= last:
        return missing_frames(index, h.pixels.tag, <size_t>(room // 8), fault)
    # A frame that is asked for twice is there once.
    return check_streams(layout, index, h, room - 8 if room > 8 else 0, min(count, last + 1), fault)


cdef int check_streams(const Layout* layout, const FrameIndex* index, const ImageHeader* h, uint64_t room,
                       uint64_t frames, Fault* fault) noexcept nogil:
    """Whether `room` bytes of codestreams can give so many frames."""
    cdef uint64_t frame_bytes = layout.frame_bits // 8
    cdef uint64_t needed, pixels
    if layout.gives_cells:
        if is_half_chroma(h):
            frame_bytes = layout.pixels * 2 * <uint64_t>h.bits_allocated // 8
        needed = (frame_bytes + layout.ratio - 1) // layout.ratio if layout.ratio else 0
    elif layout.pixels_per_bit:
        needed = layout.pixels // (8 * layout.pixels_per_bit)
    else:
        pixels = frames * layout.pixels if frames <= UINT64_MAX // layout.pixels else UINT64_MAX
        if pixels <= FREE_PIXELS or (pixels - FREE_PIXELS) // layout.pixels_per_byte < room:
            return 0
        return fail(fault, OVER_LIMIT, "limit_pixels_per_byte", "The pixels for each byte of the codestream exceed",
                    h.pixels.tag, <int64_t>index.first, <int64_t>layout.pixels_per_byte,
                    <int64_t>(pixels // room if room else pixels))
    if frames <= FREE_PIXELS // layout.pixels:
        frames = 1              # the decoder tells better which frame is not there
    if needed and frames > room // needed:
        return fail(fault, TRUNCATED, "frame_cut", "The pixel data cannot hold the frames (bytes)", h.pixels.tag,
                    <int64_t>index.first, <int64_t>min(needed * frames, <uint64_t>INT64_MAX), <int64_t>room)
    return 0
