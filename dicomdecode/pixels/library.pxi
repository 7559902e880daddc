# Frames whose codec is a Python call: that of a library.

cdef int decode_by_library(Frames frames, uint64_t frame, place, int* conversion) except -1:
    """Samples of a frame before colour, and what makes them RGB."""
    cdef FrameSpec spec = spec_of(frames, frame)
    if frames.layout.is_stream:
        conversion[0] = conversion_named(stream_of(frames, spec).read(frame, place), &frames.layout)
        return 0
    if frames.codec is None:
        frames.codec = codecs.load(frames.syntax.codec)
        if frames.layout.codec == CODEC_JPEG2000:
            use_openjpeg()
            if frames.run.by_openjpeg:
                frames.codec = codecs.load("openjpeg")
    data = frames.codestream_bytes(frame)
    if frames.layout.tells_colour and frames.layout.spec.samples == 3:
        spec.photometric = colour_of(data, spec.photometric)
    area = {}
    if frames.layout.does_areas and (frames.run.area != NULL or frames.run.reduce):
        area["reduce"] = frames.run.reduce
        if frames.run.area != NULL:
            area["region"] = (frames.area.row, frames.area.column, frames.area.height, frames.area.width)
    try:
        if frames.layout.gives_cells:
            cells_by_library(frames, data, spec, place)
            conversion[0] = frames.layout.conversion
        else:
            conversion[0] = conversion_named(frames.codec(data, spec, place, **area), &frames.layout)
    except DicomError as error:
        raise frames.located(error, frame) from error.__cause__
    if frames.layout.trims_samples:
        trim_by_library(frames, data, place)
    return 0


cdef FrameSpec spec_of(Frames frames, uint64_t frame):
    """What a codec is told of a frame."""
    cdef FrameSpec spec = FrameSpec.__new__(FrameSpec)
    spec.c = frames.layout.spec
    spec.photometric = frames.file.named_colour
    spec.to_rgb = frames.layout.to_rgb
    spec.frame = frame
    spec.syntax = frames.syntax.uid
    return spec


cdef object stream_of(Frames frames, FrameSpec spec):
    """The reader of all frames, kept because a frame is decoded only after those before it."""
    found = frames.pixels.stream_as_rgb if frames.layout.to_rgb else frames.pixels.stream_as_stored
    if found is None:
        data = frames.file.fragments(after=frames.run.index.first).joined()
        found = codecs.load(frames.syntax.codec)(data, spec)
        if frames.layout.to_rgb:
            frames.pixels.stream_as_rgb = found
        else:
            frames.pixels.stream_as_stored = found
    return found


cdef int cells_by_library(Frames frames, data, FrameSpec spec, place) except -1:
    cdef Scratch s
    cdef Fault fault
    cdef ReadBuffer source
    cdef WriteBuffer target
    cdef int status
    if frames.layout.in_order:
        frames.codec(data, spec, place.reshape(-1).view(np.uint8))
        return 0
    cells = np.empty(cells_bytes(&frames.layout), np.uint8)
    frames.codec(data, spec, cells)
    memset(&s, 0, sizeof(s))
    source = ReadBuffer(cells)
    target = WriteBuffer(place)
    with nogil:
        status = unpack(&frames.layout, source.data, source.size, 0, &s, target.data, &fault)
        free_scratch(&s)
    if status != DONE:
        frames.file.raise_fault(&fault, <int64_t>spec.frame)
    return 0


cdef int trim_by_library(Frames frames, data, place) except -1:
    cdef ReadBuffer stream = ReadBuffer(data)
    cdef WriteBuffer samples = WriteBuffer(place)
    with nogil:
        keep_stored_bits(&frames.run, stream.data, stream.size, samples.data)
    return 0
