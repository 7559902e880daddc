# Which frames a request wants, which part of them, and by which window. The forms of the keywords become numbers once.

cdef extern from *:
    int PySlice_Unpack(object slice, Py_ssize_t* start, Py_ssize_t* stop, Py_ssize_t* step) except -1
    Py_ssize_t PySlice_AdjustIndices(Py_ssize_t length, Py_ssize_t* start, Py_ssize_t* stop,
                                     Py_ssize_t step) noexcept nogil     # arithmetic only

cdef object FAR = 1 << 62


cdef int64_t bounded(number) except? -1:
    """A Python integer as one of 64 bits; one that is larger is out of every range all the same."""
    return max(-FAR, min(FAR, number))


cdef int take_frames(Request request, frames) except -1:
    """Frames in a form that `arguments.check_frames` gives."""
    cdef FramesAsked* asked = &request.asked.frames
    cdef Py_ssize_t i
    if isinstance(frames, slice):
        asked.kind = FRAMES_OF_SLICE
        PySlice_Unpack(frames, &asked.start, &asked.stop, &asked.step)
    elif isinstance(frames, int):
        asked.kind = ONE_FRAME
        asked.start = bounded(frames)
    elif isinstance(frames, range):         # which may be of any length
        asked.kind = FRAMES_OF_RANGE
        asked.start, asked.step = bounded(frames.start), bounded(frames.step)
        asked.stop = bounded(frames[len(frames) - 1]) if frames else asked.start - asked.step
    else:
        asked.kind = FRAMES_OF_LIST
        request.numbers = PyBytes_FromStringAndSize(NULL, len(frames) * <Py_ssize_t>sizeof(int64_t))
        asked.numbers = <int64_t*>PyBytes_AS_STRING(request.numbers)
        asked.stop = len(frames)
        for i in range(asked.stop):
            asked.numbers[i] = bounded(frames[i])
    return 0


cdef int take_window(WindowAsked* asked, window) except -1:
    """A window in a form that `arguments.check_window` gives."""
    asked.kind = WINDOW_CHOSEN
    if isinstance(window, tuple):
        asked.kind = WINDOW_GIVEN
        asked.center, asked.width, function = window
        asked.function = FUNCTION_NUMBERS[function]
    return 0


cdef int take_region(RegionAsked* asked, region) except -1:
    asked.is_given = True
    asked.row, asked.column, asked.height, asked.width = [bounded(number) for number in region]
    return 0


cdef int choose_frames(const FramesAsked* asked, uint64_t frames, ChosenFrames* chosen) noexcept nogil:
    """The frames that are asked for of an image that has so many; -1 where it does not have one of them."""
    cdef Py_ssize_t start = asked.start
    cdef Py_ssize_t stop = asked.stop
    cdef Py_ssize_t i
    chosen.frames = <int64_t>frames
    chosen.numbers = NULL
    chosen.first = 0
    chosen.step = 1
    chosen.count = frames
    chosen.keeps_axis = frames > 1
    if asked.kind == FRAMES_OF_SLICE:
        chosen.count = <uint64_t>PySlice_AdjustIndices(<Py_ssize_t>frames, &start, &stop, asked.step)
        chosen.first = start
        chosen.step = asked.step
        chosen.keeps_axis = True
    elif asked.kind == ONE_FRAME:
        chosen.count = 1
        chosen.first = start + chosen.frames if start < 0 else start
        chosen.keeps_axis = False
        return 0 if -chosen.frames <= start < chosen.frames else -1
    elif asked.kind == FRAMES_OF_RANGE:
        chosen.first = start
        chosen.step = asked.step
        chosen.keeps_axis = True
        chosen.count = 0
        if stop != start - asked.step:
            if not (-chosen.frames <= start < chosen.frames and -chosen.frames <= stop < chosen.frames):
                return -1
            chosen.count = <uint64_t>((stop - start) // asked.step + 1)
    elif asked.kind == FRAMES_OF_LIST:
        chosen.count = <uint64_t>stop
        chosen.numbers = asked.numbers
        chosen.keeps_axis = True
        for i in range(stop):
            if not -chosen.frames <= asked.numbers[i] < chosen.frames:
                return -1
    return 0


cdef uint64_t nth_frame(const ChosenFrames* chosen, uint64_t i) noexcept nogil:
    cdef int64_t number = chosen.first + <int64_t>i * chosen.step if chosen.numbers == NULL else chosen.numbers[i]
    return <uint64_t>(number + chosen.frames if number < 0 else number)


cdef uint64_t highest_frame(const ChosenFrames* chosen) noexcept nogil:
    """Of the frames that are asked for; 0 where there are none."""
    cdef uint64_t highest = 0
    cdef uint64_t i
    if chosen.count == 0:
        return 0
    if chosen.numbers == NULL and chosen.first >= 0 and chosen.first + <int64_t>(chosen.count - 1) * chosen.step >= 0:
        return max(nth_frame(chosen, 0), nth_frame(chosen, chosen.count - 1))
    for i in range(chosen.count):
        highest = max(highest, nth_frame(chosen, i))
    return highest


cdef int choose_area(const Asked* asked, const ImageHeader* h, const Layout* layout, Area* area,
                     Run* run) noexcept nogil:
    """The part of a frame that is asked for, and the size of the result: an AreaStatus."""
    cdef const RegionAsked* region = &asked.region
    if asked.reduce and not layout.does_areas:
        return AREA_OF_NO_CODEC
    area.row = area.column = 0
    area.height = h.rows
    area.width = h.columns
    if region.is_given:
        if not (0 <= region.row < h.rows and 1 <= region.height <= h.rows - region.row
                and 0 <= region.column < h.columns and 1 <= region.width <= h.columns - region.column):
            return AREA_OUTSIDE
        area.row = <uint32_t>region.row
        area.column = <uint32_t>region.column
        area.height = <uint32_t>region.height
        area.width = <uint32_t>region.width
        run.area = area
    run.reduce = asked.reduce
    # A region of a reduced picture is the slice of it that the region's corners fall on (ITU-T T.800 B.5).
    run.rows = <size_t>reduced(area.row, area.height, asked.reduce)
    run.columns = <size_t>reduced(area.column, area.width, asked.reduce)
    return AREA_EMPTY if run.rows == 0 or run.columns == 0 else AREA_FOUND
