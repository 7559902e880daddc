# What a caller asks for, as numbers: words are looked up once, when they are checked.

# Position: the number of an element type.
cdef tuple DTYPES = tuple([np.dtype(name) for name in ELEMENT_TYPES])
cdef dict TYPE_NUMBERS = {dtype: number for number, dtype in enumerate(DTYPES)}
TYPE_NUMBERS.update({dtype.type: number for number, dtype in enumerate(DTYPES)})
cdef dict VALUES_NUMBERS = {word: number for number, word in enumerate(LEVELS)}
cdef dict COLOR_NUMBERS = {word: number for number, word in enumerate(COLORS)}
cdef object ONLY_FRAME = range(1)
cdef object ZERO = 0
cdef object ONE = 1
cdef dict FUNCTION_NUMBERS = {"LINEAR": VOI_LINEAR, "LINEAR_EXACT": VOI_LINEAR_EXACT, "SIGMOID": VOI_SIGMOID}
cdef dict SCALE_NUMBERS = {word: number for number, word in enumerate(SCALES)}


cdef int number_of(dict numbers, str name, object word) except -1:
    try:
        return numbers[word]
    except (KeyError, TypeError):
        raise arguments.not_one_of(name, word, numbers) from None


cdef class Request:
    """What a caller asks for: the keywords of `imread` and `decode_dicom_image`, checked once.

    Raises
    ------
    ValueError, TypeError
        A keyword has a value that it cannot have. Whatever `on_error` says, this is never swallowed.
    """

    def __init__(self, *, values="modality", color="rgb", dtype=None, scale="preserve", color_dim=False,
                 frame_dim=None, frames=None, out=None, window=None, padding=None, reduce=0, region=None, threads=1,
                 overlays=False, codec=None, bint must_fit=False):
        cdef Asked* asked = &self.asked
        asked.values = number_of(VALUES_NUMBERS, "values", values)
        asked.color = number_of(COLOR_NUMBERS, "color", color)
        asked.scale = number_of(SCALE_NUMBERS, "scale", scale)
        asked.target = -1 if dtype is None else type_of(dtype)
        asked.color_dim = color_dim is True or (color_dim is not False and arguments.check_flag("color_dim", color_dim))
        asked.frame_dim = -1 if frame_dim is None else arguments.check_flag("frame_dim", frame_dim)
        asked.must_fit = must_fit
        self.dtype = None if dtype is None else DTYPES[asked.target]
        self.threads = 1
        # What is left at its default needs no check.
        if frames is not None:
            self.frames = arguments.check_frames(frames)
            take_frames(self, self.frames)
        if out is not None:
            self.out = arguments.check_out(out)
        if window is not None:
            self.window = arguments.check_window(window, values)
            take_window(&asked.window, self.window)
            # What lies below a supplemental palette is windowed at every level.
            if asked.values in (VALUES_STORED, VALUES_MODALITY) and asked.color != COLOR_PALETTE:
                raise ValueError(f'window has no effect with values="{values}"; '
                                 'ask for "display", "voi" or "real_world"')
        if padding is not None:
            self.padding = arguments.check_number("padding", padding)
            asked.pads = True
        if region is not None:
            self.region = arguments.check_region(region)
            asked.region.is_given = True
            if len(self.region) == 4:       # slices depend on the image
                take_region(&asked.region, self.region)
        if reduce is not ZERO:
            asked.reduce = arguments.check_whole("reduce", reduce, 0, 32)
        if threads is not ONE:
            self.threads = arguments.check_whole("threads", threads, 1)
        if codec is not None:
            arguments.one_of("codec", codec, ("openjpeg",))
            asked.by_openjpeg = True
        if overlays is not False:
            asked.overlays = arguments.check_flag("overlays", overlays)
        if asked.overlays and (asked.values != VALUES_DISPLAY or asked.reduce):
            raise ValueError('overlays=True needs values="display", at full resolution')

    @property
    def values(self):
        return LEVELS[self.asked.values]

    @property
    def color(self):
        return COLORS[self.asked.color]

    @property
    def scale(self):
        return SCALES[self.asked.scale]

    @property
    def reduce(self):
        return self.asked.reduce

    def frames_of(self, uint64_t count):
        """The numbers of the frames that are asked for of an image with so many.

        Raises
        ------
        IndexError
            One that the image does not have.
        """
        cdef ChosenFrames chosen
        if choose_frames(&self.asked.frames, count, &chosen) < 0:
            numbers = [self.frames] if isinstance(self.frames, int) else self.frames
            if isinstance(numbers, range):
                numbers = (numbers[0], numbers[len(numbers) - 1])
            i = next(i for i in numbers if not -<int64_t>count <= i < <int64_t>count)
            raise IndexError(f"frames: there is no frame {i} in an image with {count}")
        return numbers_of(&chosen)

    @property
    def overlays(self):
        return bool(self.asked.overlays)

    @property
    def must_fit(self):
        return bool(self.asked.must_fit)


cdef object numbers_of(const ChosenFrames* chosen):
    if chosen.numbers != NULL:
        return [nth_frame(chosen, i) for i in range(chosen.count)]
    if chosen.count == 1 and chosen.first == 0:
        return ONLY_FRAME
    if chosen.first < 0 or chosen.first + <int64_t>chosen.count * chosen.step < -1:
        return [nth_frame(chosen, i) for i in range(chosen.count)]
    return range(chosen.first, chosen.first + <int64_t>chosen.count * chosen.step, chosen.step)


cdef int type_of(dtype) except -1:
    """The number of the element type that a caller names."""
    try:
        return TYPE_NUMBERS[dtype]
    except (KeyError, TypeError):
        pass
    return TYPE_NUMBERS[arguments.check_dtype(dtype)]
