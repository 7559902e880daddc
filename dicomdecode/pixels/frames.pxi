# The frames of a file as a request wants them: what Python calls, and what calls the codecs that are Python.


cdef enum:
    FETCHED_AHEAD = 1 << 24     # bytes of frames


cdef class Frames:
    """The frames of a file as a request wants them: their layout, and how they are decoded one by one.

    Parameters
    ----------
    pixels : PixelData
        Of a file whose header was checked.
    request : Request
        What to make of it.
    whole_cells : bool
        Stored values with the bits around them.

    Raises
    ------
    DicomError
        No decoder takes the image.
    """

    def __init__(self, PixelData pixels not None, Request request not None, bint whole_cells=False):
        cdef DicomFile file = pixels.file
        cdef Fault fault
        if check_header(&file.m, &file.h, &fault) < 0:
            file.raise_fault(&fault, -1)
        self.pixels = pixels
        self.file = file
        self.color = request.asked.color
        self.whole_cells = whole_cells
        if describe(&file.m, &file.h, &file.bytes, request.asked.color, whole_cells, &self.layout) != DONE:
            refuse(file, &self.layout, request.color)
        self.run.bytes = &file.bytes
        self.run.layout = &self.layout
        self.run.by_openjpeg = request.asked.by_openjpeg
        self.run.rows = file.h.rows
        self.run.columns = file.h.columns
        if choose_frames(&request.asked.frames, file.h.frames, &self.chosen) < 0:
            request.frames_of(file.h.frames)    # raises
        self.numbers = numbers_of(&self.chosen)
        if request.asked.reduce or request.asked.region.is_given:
            self.take_area(request)
        if self.layout.codec != CODEC_NATIVE:
            self.run.index = pixels.indexed(&self.layout)

    cdef int take_area(self, Request request) except -1:
        """The region and the resolution that are asked for."""
        cdef ImageHeader* h = &self.file.h
        cdef Asked asked = request.asked
        cdef int status
        if request.region is not None and len(request.region) == 2:
            take_region(&asked.region, arguments.region_in(request.region, h.rows, h.columns))
        status = choose_area(&asked, h, &self.layout, &self.area, &self.run)
        if status == AREA_OF_NO_CODEC:
            refuse_to_reduce(self.layout.syntax)
        if status == AREA_OUTSIDE:
            raise ValueError(f"region {request.region} is not inside {h.rows} rows and {h.columns} columns")
        if status == AREA_EMPTY:
            raise ValueError(f"no pixel is left of the region {request.region} reduced by {request.reduce}")
        return 0

    # What `image.issues` looks at, of frames that are not native.
    @property
    def basic_entries(self):
        """Entries of the Basic Offset Table."""
        return self.pixels.index.basic_entries

    @property
    def extended_entries(self):
        """Entries of the Extended Offset Table."""
        return self.pixels.index.extended_entries

    @property
    def has_table(self):
        """Whether an offset table tells where frames are."""
        return self.pixels.index.table != NULL

    def count_frames(self):
        """How many frames the fragments make, by walking all of them."""
        self.pixels.walk()
        return self.pixels.index.found

    # What plans go by.
    @property
    def syntax(self):
        """The row of `SYNTAXES`."""
        return SYNTAX_ROWS[self.layout.syntax]

    @property
    def cell(self):
        """numpy.dtype of a stored value."""
        return DTYPES[self.layout.cell]

    @property
    def left(self):
        """The shift that brings the stored bits of the cells that a plan sees to their top."""
        return cells_for_plan(&self.layout).left

    @property
    def right(self):
        """The shift that brings them down from there."""
        return cells_for_plan(&self.layout).right

    @property
    def bits(self):
        """Of a sample in the file."""
        return self.layout.bits

    @property
    def samples(self):
        """Of a pixel in the file."""
        return self.layout.spec.samples

    @property
    def converts_to_rgb(self):
        return bool(self.layout.to_rgb)

    @property
    def uses_palette(self):
        return bool(self.layout.uses_palette)

    @property
    def uses_profiles(self):
        return bool(self.layout.uses_profiles)

    @property
    def is_native(self):
        return self.layout.codec == CODEC_NATIVE

    @property
    def is_stream(self):
        """All frames are one stream."""
        return bool(self.layout.is_stream)

    @property
    def is_422(self):
        return bool(self.layout.is_422)

    @property
    def colour(self):
        """Photometric Interpretation of three samples; of JPEG what the stream of frame 0 says."""
        if self.layout.tells_colour and self.layout.spec.samples == 3:
            return colour_of(self.codestream_bytes(0), self.file.named_colour) or "RGB"
        return self.file.photometric or "RGB"

    @property
    def reads_rows(self):
        """Whether rows of a frame can be read without the others."""
        return is_plain(&self.layout)

    @property
    def frame_bits(self):
        """Of the native cells of a frame."""
        return self.layout.frame_bits

    def native_dtype(self, Request request):
        """The dtype of a level where the caller asks for none; None where a palette tells."""
        cdef int number = native_type(&self.file.h, &self.layout, request.asked.values)
        return None if number < 0 else DTYPES[number]

    def integer_plan(self, Request request):
        """The plan of values that are one map of stored integers, and whether their range fits; None for all others."""
        cdef Plan plan = Plan.__new__(Plan)
        cdef Asked asked = request.asked
        cdef bint fit = True
        if asked.target < 0:
            asked.target = native_type(&self.file.h, &self.layout, asked.values)
        if plan_of_integers(&self.file.h, &self.layout, &asked, &plan.c, &fit) != DONE:
            return None
        plan.dtype = DTYPES[asked.target]
        return plan, fit

    # Decoding.
    cdef int check(self, uint64_t last, uint64_t count) except -1:
        """Raise when `count` frames, `last` the highest, cannot be there."""
        cdef Fault fault
        if check_frames(&self.layout, self.run.index, &self.file.h, last, count, &fault) < 0:
            self.file.raise_fault(&fault, <int64_t>last)
        return 0

    def check_all(self):
        """Raise when there cannot be as many frames as the header says."""
        self.check(self.file.h.frames - 1, self.file.h.frames)

    def use_threads(self, int threads):
        """Let the codec use so many threads within a frame."""
        self.layout.spec.threads = threads

    def allocate(self, Request request, dtype, int samples, make=None):
        """The caller's `out`, checked, or a new array within the limits (by `make`), for the frames asked for."""
        cdef int64_t[4] dims
        cdef uint64_t limit = self.file.m.limits.output_bytes
        cdef uint64_t size = dtype.itemsize
        cdef int i
        cdef uint64_t count = len(self.numbers)
        cdef int n = result_dims(&request.asked, count, self.chosen.keeps_axis, self.run.rows, self.run.columns,
                                 samples, dims)
        if n < 0:
            raise ValueError(f"frame_dim=False with {count} frames selected; choose one with frames=")
        if count:
            self.check(highest_frame(&self.chosen), count)
        shape = tuple([dims[i] for i in range(n)])
        if request.out is not None:
            return arguments.fitting(request.out, shape, dtype)
        for i in range(n):
            if dims[i] and size > limit // <uint64_t>dims[i]:
                asked = math.prod(shape) * dtype.itemsize
                raise over_limit("The result exceeds", "limit_output_bytes", limit, asked, hint=(
                    "Select fewer frames with frames=, or pass limits=dicomdecode.Limits(output_bytes=...)"))
            size *= <uint64_t>dims[i]
        return np.empty(shape, dtype) if make is None else make(shape, dtype)

    def write(self, uint64_t first, uint64_t count, Plan plan not None, out, uint64_t at):
        """Write `count` frames from `first` on, by one plan, as frames `at` and following of `out`."""
        cdef WriteBuffer target = WriteBuffer(out)
        cdef Scratch s
        cdef Fault fault
        cdef uint64_t i = 0
        cdef uint64_t stop = count
        cdef size_t step
        cdef int status = DONE
        cdef uint8_t* place
        cdef bint is_far = self.file.bytes.read != NULL and self.file.source.is_far
        if is_far:
            stop = 0
        memset(&s, 0, sizeof(s))
        step = self.run.rows * self.run.columns * <size_t>self.layout.spec.samples * result_bytes(&plan.c)
        target.has_room_for((at + count) * step)
        place = target.data + at * step
        try:
            while i < count:
                if i == stop:
                    stop += self.fetch_ahead(first + i, count - i)
                if plan.c.kind == PLAN_FUNCTION or self.layout.uses_profiles or self.layout.is_stream:
                    self.write_with_python(first + i, NEEDS_WALK, plan, out, at + i)
                    i += 1
                    continue
                if self.layout.codec == CODEC_NATIVE and step < 1 << 17 and count == 1:   # the GIL would cost more
                    status = write_one(&self.run, &self.file.h, first, &plan.c, &s, place, &fault)
                    i += status == DONE
                else:
                    with nogil:
                        while i < stop:
                            status = write_one(&self.run, &self.file.h, first + i, &plan.c, &s, place + i * step,
                                               &fault)
                            if status != DONE:
                                break
                            i += 1
                if status == NEEDS_WALK:
                    self.pixels.walk(first + count - 1)
                elif status == NEEDS_LIBRARY or status == OTHER_CODEC:
                    self.write_with_python(first + i, status, plan, out, at + i)
                    i += 1
                elif status != DONE:
                    self.raise_located(&fault, status, first + i)
        finally:
            free_scratch(&s)

    cdef uint64_t fetch_ahead(self, uint64_t frame, uint64_t count) except 0:
        """Have what lies far away, and is about to be read in parts, fetched at once; how many frames that is."""
        cdef uint64_t* table
        cdef uint64_t start, end
        cdef uint64_t most = <uint64_t>FETCHED_AHEAD // <uint64_t>(cells_bytes(&self.layout) + 1) + 1
        count = min(count, most)
        if is_plain(&self.layout) and is_cropped(&self.run):
            count = 1
            self.file.source.prefetch(row_offset(&self.run, &self.file.h, frame, 0),
                                      self.run.rows * row_bytes(&self.layout))
        elif self.layout.codec == CODEC_NATIVE:
            start = self.file.h.pixels.offset + frame * self.layout.frame_bits // 8
            self.file.source.prefetch(start, (count * self.layout.frame_bits + 7) // 8)
        elif self.pixels.index.table != NULL:
            table = self.pixels.index.table
            start = self.run.index.first + table[frame]
            end = self.run.index.end
            if frame + count < self.run.index.frames:
                end = self.run.index.first + table[frame + count]
            self.file.source.prefetch(start, end - start)
        return count

    cdef int write_with_python(self, uint64_t frame, int status, Plan plan, out, uint64_t at) except -1:
        """One frame whose codec, profile or plan is a Python call; `status`: as in `read_samples`."""
        cdef Cells cells
        target = out.reshape((-1, self.run.rows, self.run.columns, plan.c.samples if plan.c.kind == PLAN_PALETTE else
                              self.layout.spec.samples))[at]
        if plan.c.kind == PLAN_FUNCTION and is_plain(&self.layout):
            return self.write_by_function(frame, plan, target)
        in_place = plan.c.kind == PLAN_COPY and not is_cropped(&self.run)
        cells = cells_for_plan(&self.layout)
        as_cells = plan.c.kind != PLAN_FUNCTION and not in_place
        samples = self.read_samples(frame, status, target if in_place else None, as_cells)
        if is_cropped(&self.run):
            samples = np.ascontiguousarray(
                samples[self.area.row:self.area.row + self.area.height,
                        self.area.column:self.area.column + self.area.width])
        if self.layout.uses_profiles and not self.layout.uses_palette:
            self.pixels.profiles.of(frame)(samples)
        if samples is not target:
            plan.apply(samples, target, cells.left, cells.right)

    cdef int write_by_function(self, uint64_t frame, Plan plan, target) except -1:
        """A plain frame by a Python function, some rows at a time: a frame of floats is larger than most results."""
        cdef size_t samples = <size_t>self.layout.spec.samples
        cdef size_t most = min(rows_at_once(&self.run, PART_TO_8_BITS), self.run.rows)
        cdef size_t column = self.area.column * samples if is_cropped(&self.run) else 0
        cdef size_t top = 0
        cdef size_t count
        cdef int status
        cdef Fault fault
        part = np.empty((most, self.layout.spec.columns * samples), DTYPES[self.layout.cell])
        cdef WriteBuffer cells = WriteBuffer(part)
        while top < self.run.rows:
            count = min(most, self.run.rows - top)
            with nogil:
                status = read_rows(&self.run, &self.file.h, frame, top, count, cells.data, &fault)
                if status == DONE:
                    shift_cells(self.layout.cell, cells.data, count * self.layout.spec.columns * samples,
                                self.layout.left, self.layout.right)
            if status != DONE:
                self.raise_located(&fault, status, frame)
            plan.apply(part[:count, column:column + self.run.columns * samples], target[top:top + count])
            top += count
        return 0

    def read(self, uint64_t frame, place=None, bint as_cells=False):
        """Samples of a frame [rows, columns, samples] after colour.

        Parameters
        ----------
        frame : int
            Counted from 0.
        place : ndarray, optional
            Where they go; a new array otherwise.
        as_cells : bool
            With the bits around the stored ones, which the plan removes (by `left` and `right`); else values.
        """
        return self.read_samples(frame, NEEDS_WALK, place, as_cells)

    cdef object read_samples(self, uint64_t frame, int status, place, bint as_cells):
        """What `read` gives; `status`: how the core has ended with the frame, NEEDS_WALK where it has not begun."""
        cdef int conversion = AS_THEY_ARE
        cdef WriteBuffer target
        cdef size_t pixels = <size_t>self.layout.pixels
        if self.layout.does_areas:
            pixels = self.run.rows * self.run.columns
            shape = (self.run.rows, self.run.columns, self.layout.spec.samples)
        else:
            shape = (self.file.h.rows, self.file.h.columns, self.layout.spec.samples)
        if place is None:
            place = np.empty(shape, DTYPES[self.layout.cell])
        if self.read_into(frame, status, place, &conversion) == OTHER_CODEC:
            self.read_by_other(frame, place, as_cells)
            return place
        target = WriteBuffer(place)
        with nogil:
            if not (as_cells or self.layout.shifts_first):
                shift_cells(self.layout.cell, target.data, pixels * <size_t>self.layout.spec.samples, self.layout.left,
                            self.layout.right)
            convert_samples(&self.layout, target.data, pixels, conversion)
        return place

    cdef int read_into(self, uint64_t frame, int status, place, int* conversion) except -1:
        """Samples of a frame before colour, with their bits as in the cell: DONE, or OTHER_CODEC and no samples."""
        cdef Scratch s
        cdef Fault fault
        cdef WriteBuffer target
        cdef const uint8_t* found = NULL
        if self.layout.is_stream or status == NEEDS_LIBRARY:
            decode_by_library(self, frame, place, conversion)
            return DONE
        memset(&s, 0, sizeof(s))
        status = NEEDS_WALK
        target = WriteBuffer(place)
        target.has_room_for(<uint64_t>self.run.rows * self.run.columns * self.layout.spec.samples
                            * self.layout.spec.item_bytes)
        try:
            while status == NEEDS_WALK:
                with nogil:
                    status = samples_of(&self.run, &self.file.h, frame, &s, target.data, &found, conversion, &fault)
                if status == NEEDS_WALK:
                    self.pixels.walk(frame)
            if status == NEEDS_LIBRARY:
                decode_by_library(self, frame, place, conversion)
            elif status == OTHER_CODEC:
                return OTHER_CODEC
            elif status != DONE:
                self.raise_located(&fault, status, frame)
        finally:
            free_scratch(&s)
        return DONE

    cdef int read_by_other(self, uint64_t frame, place, bint as_cells) except -1:
        """What `read` gives of a frame whose codec is not that of the first: decoded whole, by a layout of its own."""
        cdef Frames other = Frames.__new__(Frames)
        cdef ReadBuffer stream = ReadBuffer(self.codestream_bytes(frame))
        cdef WriteBuffer target
        cdef int row = row_of_frame(self.layout.syntax, stream.data, stream.size)
        if self.run.reduce:
            refuse_to_reduce(row)
        other.pixels = self.pixels
        other.file = self.file
        other.run = self.run
        other.run.layout = &other.layout
        other.run.area = NULL
        other.run.rows = self.file.h.rows
        other.run.columns = self.file.h.columns
        if describe_as(row, self.layout.pixels_per_byte, &self.file.h, self.color, self.whole_cells,
                       &other.layout) != DONE:
            refuse(self.file, &other.layout, COLORS[self.color])
        samples = other.read(frame)
        if self.run.area != NULL and self.layout.does_areas:
            samples = samples[self.area.row:self.area.row + self.area.height,
                              self.area.column:self.area.column + self.area.width]
        place[...] = samples
        if as_cells and not self.layout.shifts_first:
            target = WriteBuffer(place)
            shift_cells(self.layout.cell, target.data, place.size, self.layout.right - self.layout.left, 0)
        return 0

    def codestream_bytes(self, uint64_t frame):
        """The codestream of one frame, bytes-like; a view where nothing need be copied."""
        cdef Scratch s
        cdef const uint8_t* data = NULL
        cdef size_t size = 0
        memset(&s, 0, sizeof(s))
        try:
            self.codestream(frame, &s, &data, &size)
            if data != s.stream + s.strays and type(self.file.source) is MemorySource:
                start = data - self.file.bytes.data
                return self.file.source.view[start:start + <Py_ssize_t>size]
            return PyBytes_FromStringAndSize(<const char*>data, <Py_ssize_t>size)
        finally:
            free_scratch(&s)

    def stray_bytes(self, uint64_t frame):
        """How many bytes in front of the codestream of a frame belong to none of it."""
        cdef Scratch s
        cdef const uint8_t* data = NULL
        cdef size_t size = 0
        memset(&s, 0, sizeof(s))
        try:
            self.codestream(frame, &s, &data, &size)
            return s.strays
        finally:
            free_scratch(&s)

    cdef int codestream(self, uint64_t frame, Scratch* s, const uint8_t** data, size_t* size) except -1:
        cdef Fault fault
        cdef int status = NEEDS_WALK
        while status == NEEDS_WALK:
            with nogil:
                status = codestream_of(&self.run, self.file.h.pixels.tag, frame, s, data, size, &fault)
            if status == NEEDS_WALK:
                self.pixels.walk(frame)
        if status != DONE:
            self.file.raise_fault(&fault, <int64_t>frame)
        return 0

    def extents(self, uint64_t frame):
        """Where in the file the parts of the codestream of a frame are, (offset, length) each."""
        cdef Scratch s
        cdef Fault fault
        cdef const Fragment* fragments = NULL
        cdef size_t count = 0
        cdef size_t i
        cdef int status
        memset(&s, 0, sizeof(s))
        try:
            status = fragments_of(self.run.index, self.run.bytes, self.file.h.pixels.tag, frame, &s, &fragments,
                                  &count, &fault)
            if status == NEEDS_WALK:
                self.pixels.walk(frame)
                status = fragments_of(self.run.index, self.run.bytes, self.file.h.pixels.tag, frame, &s, &fragments,
                                      &count, &fault)
            if status != DONE:
                self.file.raise_fault(&fault, <int64_t>frame)
            return [(fragments[i].offset, fragments[i].length) for i in range(count)]
        finally:
            free_scratch(&s)

    def position(self, uint64_t frame, uint64_t offset):
        """Where in the file byte `offset` of the codestream of a frame is."""
        found = self.run.index.first
        try:
            offset += self.stray_bytes(frame)
            for start, length in self.extents(frame):
                found = start + min(offset, length)
                if offset <= length:
                    break
                offset -= length
        except DicomError:
            pass  # an error is located as well as can be
        return found

    cdef int raise_located(self, const Fault* fault, int status, uint64_t frame) except -1:
        """Raise what a function without the GIL met in a frame."""
        if status != FAILED_IN_CODEC:
            self.file.raise_fault(fault, <int64_t>frame)
        try:
            self.file.raise_fault(fault, <int64_t>frame)
        except DicomError as error:
            raise self.located(error, frame) from None
        return 0

    def located(self, error, frame):
        """The error of a codec, with the name of the syntax, and its offset in the file: of the codestream so far."""
        message = None if self.syntax.name in error.message else f"{self.syntax.name}: {error.message}"
        return error.located(message=message, offset=self.position(frame, error.offset or 0))
