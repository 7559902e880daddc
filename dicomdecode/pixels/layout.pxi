# What an image is: from the header to the layout of a frame's samples, and what integers become.

cdef struct KnownSyntax:        # a row of syntaxes.SYNTAXES and of codecs.CODECS
    Uid uid
    int codec                   # CodecKind; -1: no decoder
    bint swaps_pixels           # native pixels are not in the byte order of the data set
    bint gives_cells
    bint is_planar
    bint trims
    bint does_areas
    bint is_stream
    bint tells_colour           # its streams may say the colour of their samples
    bint is_lossy
    int family                  # of its streams; NO_FAMILY where their first bytes could be anything
    uint64_t ratio
    uint64_t pixels_per_bit

cdef KnownSyntax[64] known_syntaxes
cdef int syntax_count = 0
cdef list SYNTAX_ROWS = list(SYNTAXES.values())
cdef list SYNTAX_UIDS = [row.uid.encode() for row in SYNTAX_ROWS]      # keeps what `known_syntaxes` points to
cdef int NATIVE_ROW = list(SYNTAXES).index(EXPLICIT_LITTLE_ENDIAN)
cdef int UNCOMPRESSED_ROW = list(SYNTAXES).index(ENCAPSULATED_UNCOMPRESSED)
cdef int DEFLATED_ROW = list(SYNTAXES).index(DEFLATED_FRAME)
# Family -> the row that streams of it are decoded by where another transfer syntax is named.
cdef int[5] DECIDING_ROWS
DECIDING_ROWS = [-1, *[list(SYNTAXES).index(uid) for uid in (JPEG_BASELINE, JPEG2000, JPEG_XL, RLE)]]
cdef dict FAMILIES = {"jpeg": JPEG_FAMILY, "jpegls": JPEG_FAMILY, "jpeg2000": JPEG2000_FAMILY, "htj2k": JPEG2000_FAMILY,
                      "jpegxl": JPEG_XL_FAMILY, "rle": RLE_FAMILY}


cdef int learn_syntaxes() except -1:
    """The two tables for functions without the GIL, once."""
    global syntax_count
    cdef KnownSyntax* known
    for uid, row in zip(SYNTAX_UIDS, SYNTAX_ROWS, strict=True):
        known = &known_syntaxes[syntax_count]
        known.uid = uid_of(uid)
        known.swaps_pixels = row.swaps_pixels
        known.is_lossy = row.lossy
        known.family = FAMILIES.get(row.codec, NO_FAMILY)
        known.tells_colour = known.family == JPEG_FAMILY
        if row.codec == "native":
            known.codec = CODEC_NATIVE
        elif not row.codec:
            known.codec = -1
        else:
            codec = CODECS[row.codec]
            kinds = {"rle": CODEC_RLE, "jpeg": CODEC_JPEG, "jpegls": CODEC_JPEG_LS, "jpeg2000": CODEC_JPEG2000,
                     "htj2k": CODEC_JPEG2000}
            known.codec = kinds.get(row.codec, CODEC_LIBRARY)
            known.gives_cells = codec.cells
            known.is_planar = codec.planar
            known.trims = codec.trims
            known.does_areas = codec.areas
            known.is_stream = codec.stream
            known.ratio = codec.ratio
            known.pixels_per_bit = codec.pixels_per_bit
        syntax_count += 1
    return 0


learn_syntaxes()


cdef int find_syntax(const FileMap* m) noexcept nogil:
    """The row of the transfer syntax; -1 when it is unknown."""
    cdef Uid uid = syntax_of(m)
    cdef int i
    for i in range(syntax_count):
        if is_same(&known_syntaxes[i].uid, &uid):
            return i
    return -1


cdef int integer_type(int bits_allocated, bint is_signed) noexcept nogil:
    """The element type of stored integers. A bit has no room for a sign, whatever Pixel Representation says."""
    is_signed = is_signed and bits_allocated > 1
    if bits_allocated <= 8:
        return T_I8 if is_signed else T_U8
    if bits_allocated <= 16:
        return T_I16 if is_signed else T_U16
    if bits_allocated <= 32:
        return T_I32 if is_signed else T_U32
    return T_I64 if is_signed else T_U64


cdef int conversion_of(int photometric, int cell) noexcept nogil:
    """How samples of a Photometric Interpretation become RGB; YBR_RCT and YBR_ICT are undone by their codec.

    Where it is missing they are taken for RGB; of a JPEG stream `conversion_by_stream` decides otherwise.
    """
    if photometric in (PI_RGB, PI_YBR_ICT, PI_YBR_RCT, PI_MISSING):
        return AS_THEY_ARE
    if item_bytes(cell) > 2:
        return NO_CONVERSION
    if photometric == PI_YBR_FULL or photometric == PI_YBR_FULL_422:
        return FULL_RANGE
    if photometric == PI_YBR_PARTIAL_420 or photometric == PI_YBR_PARTIAL_422:
        return PARTIAL_RANGE
    return NO_CONVERSION


cdef bint is_half_chroma(const ImageHeader* h) noexcept nogil:
    return h.photometric == PI_YBR_FULL_422 or h.photometric == PI_YBR_PARTIAL_422


cdef int row_of_stream(int named, int family, bint is_jpeg_process) noexcept nogil:
    """The row that a stream of this family is decoded by: the named one, unless the stream is plainly another's."""
    cdef const KnownSyntax* syntax = &known_syntaxes[named]
    if family == NO_FAMILY:
        return named
    # JPEG-LS and JPEG begin alike: the frame header tells. The decoder of JPEG takes both.
    if family == syntax.family and (syntax.codec != CODEC_JPEG_LS or family != JPEG_FAMILY or not is_jpeg_process):
        return named
    return DECIDING_ROWS[family]


cdef int row_of_frame(int row, const uint8_t* data, size_t size) noexcept nogil:
    """The same of one frame, where the first is decoded by `row`."""
    cdef JpegHead head
    cdef bint is_jpeg_process
    if known_syntaxes[row].family == NO_FAMILY:     # any bytes may be its frames
        return row
    is_jpeg_process = (known_syntaxes[row].codec == CODEC_JPEG_LS and read_jpeg_head(data, size, &head)
                       and head.process != SOF55)
    return row_of_stream(row, family_of(data, size), is_jpeg_process)


cdef int deciding_syntax(int named, const FileBytes* f, const ImageHeader* h) noexcept nogil:
    """The row that encapsulated frames are decoded by, as the first stream has it."""
    cdef const KnownSyntax* syntax = &known_syntaxes[named]
    cdef Fragment first
    cdef int family
    if syntax.codec < 0 or (syntax.codec != CODEC_NATIVE and syntax.family == NO_FAMILY):
        return named
    if not first_codestream(f, &h.pixels, &first):
        return named
    family = family_at(f, &first)
    if family == NO_FAMILY and (are_cells(h, 1, first.length) or are_cells(h, h.frames, first.length)):
        return UNCOMPRESSED_ROW
    if family == NO_FAMILY:
        find_family(f, NULL, &first)
        family = first.family
        first.offset += first.strays
        first.length -= first.strays
    return row_of_stream(named, family, syntax.codec == CODEC_JPEG_LS and is_jpeg_process(f, &first))


cdef bint are_cells(const ImageHeader* h, uint64_t frames, uint64_t length) noexcept nogil:
    """Whether a length, padded or not, is just that of the native cells of so many frames."""
    cdef uint64_t bits = <uint64_t>h.rows * h.columns * <uint64_t>h.samples * <uint64_t>h.bits_allocated
    cdef uint64_t needed
    if frames > (UINT64_MAX >> 1) // (bits + 1):
        return False
    needed = (bits * frames + 7) // 8
    return needed + needed % 2 == length + length % 2


cdef bint is_surely_native(const FileBytes* f, const ImageHeader* h) noexcept nogil:
    """Whether pixel data of a defined length are the cells that the header describes, whatever the transfer syntax.

    Writers forget to change its name when they decompress. There are as many bytes as there must be, and no item.
    """
    cdef uint8_t[4] head
    return (are_cells(h, h.frames, h.pixels.length)
            and read_bytes(f, h.pixels.offset, head, 4) == 4 and u32_at(head, False) != 0xE000FFFEu)


cdef int describe(const FileMap* m, const ImageHeader* h, const FileBytes* f, int color, bint whole_cells,
                  Layout* layout) noexcept nogil:
    """The layout of an image whose header was checked; `whole_cells`: with the bits that are not stored.

    The codec is that of the first codestream where it contradicts the transfer syntax.

    Returns DONE, or NEEDS_WORDS where no decoder takes it.
    """
    cdef bint is_encapsulated = (h.pixels.flags & UNDEFINED) != 0
    cdef int row = find_syntax(m)
    if row < 0 and not is_encapsulated:
        row = NATIVE_ROW        # a private syntax with native pixel data
    elif row >= 0 and is_encapsulated:
        row = deciding_syntax(row, f, h)
    elif row >= 0 and known_syntaxes[row].codec != CODEC_NATIVE and is_surely_native(f, h):
        row = NATIVE_ROW
    return describe_as(row, m.limits.pixels_per_byte, h, color, whole_cells, layout)


cdef int describe_as(int row, uint64_t pixels_per_byte, const ImageHeader* h, int color, bint whole_cells,
                     Layout* layout) noexcept nogil:
    """The layout where a row of the transfer syntaxes says how frames are coded; -1: an unknown one."""
    cdef const KnownSyntax* syntax = &known_syntaxes[max(row, 0)]
    memset(layout, 0, sizeof(Layout))
    layout.syntax = row
    if row < 0 or syntax.codec < 0 or (syntax.codec == CODEC_NATIVE and (h.pixels.flags & UNDEFINED)):
        return NEEDS_WORDS
    layout.codec = syntax.codec
    layout.gives_cells = syntax.gives_cells or layout.codec == CODEC_NATIVE
    layout.is_stream = syntax.is_stream
    layout.does_areas = syntax.does_areas
    layout.ratio = syntax.ratio
    layout.pixels_per_bit = syntax.pixels_per_bit
    layout.pixels_per_byte = pixels_per_byte
    layout.tells_colour = syntax.tells_colour
    layout.is_lossy = syntax.is_lossy
    layout.pixels = <uint64_t>h.rows * h.columns
    describe_colour(h, color, whole_cells, layout)
    if color == COLOR_RGBA and not whole_cells and (h.samples != 1 or h.photometric != PI_PALETTE_COLOR):
        return NEEDS_WORDS
    describe_cells(h, syntax, whole_cells, layout)
    if layout.conversion == NO_CONVERSION and layout.gives_cells:
        return NEEDS_WORDS
    return DONE


cdef void describe_colour(const ImageHeader* h, int color, bint whole_cells, Layout* layout) noexcept nogil:
    if h.pixel_kind == PIXELS_INTEGER:
        layout.cell = integer_type(h.bits_allocated, h.is_signed == 1 and not whole_cells)
    else:
        layout.cell = T_F32 if h.pixel_kind == PIXELS_FLOAT else T_F64
    layout.bits = h.bits_allocated if whole_cells else h.bits_stored
    if whole_cells:
        return
    layout.uses_palette = h.samples == 1 and (
        (h.photometric == PI_PALETTE_COLOR and color != COLOR_STORED) or color == COLOR_PALETTE)
    layout.to_rgb = h.samples == 3 and color != COLOR_STORED and (h.photometric != PI_RGB or layout.tells_colour)
    layout.uses_profiles = color == COLOR_SRGB and (layout.uses_palette or h.samples == 3)
    layout.lacks_colour = h.photometric == PI_MISSING
    layout.conversion = conversion_of(h.photometric, layout.cell) if layout.to_rgb else AS_THEY_ARE


cdef void describe_cells(const ImageHeader* h, const KnownSyntax* syntax, bint whole_cells,
                         Layout* layout) noexcept nogil:
    """Where the stored bits of a sample are, and what brings them there."""
    cdef int allocated = h.bits_allocated
    cdef bint is_big = (h.big_endian != 0) != (syntax.swaps_pixels != 0)
    cdef bint is_native = layout.codec == CODEC_NATIVE
    cdef bint has_planes = is_native or syntax.is_planar
    layout.is_machine_type = allocated == 8 or allocated == 16 or allocated == 32 or allocated == 64
    layout.is_422 = has_planes and h.samples == 3 and is_half_chroma(h)
    if layout.is_422 and is_native and h.pixels.length // 3 >= layout.pixels * allocated // 8 * h.frames:
        # Some writers name 4:2:2 and store every sample: the length tells (pydicom reads them so).
        layout.is_422 = False
    layout.is_planar = has_planes and h.planar == 1 and h.samples > 1 and not layout.is_422
    layout.frame_bits = layout.pixels * <uint64_t>h.samples * <uint64_t>allocated
    if layout.is_422:
        describe_pairs(h, is_native, layout)
    if is_native and is_big and (allocated >= 16 or h.pixels.vr == 0 or h.pixels.vr == letters(b"OW")):
        layout.swapped = 2 if allocated < 16 or allocated % 16 else allocated // 8
        if layout.swapped == 1:
            layout.swapped = 0
    layout.in_order = layout.is_machine_type and not (layout.is_planar or layout.is_422 or layout.swapped)
    layout.low_bit = 0 if whole_cells else low_bit_of(h)
    layout.stored_bits = allocated if whole_cells else h.bits_stored
    layout.is_signed = h.is_signed == 1 and allocated > 1 and not whole_cells
    if h.pixel_kind == PIXELS_INTEGER and layout.is_machine_type and not whole_cells and layout.gives_cells:
        layout.left = allocated - 1 - h.high_bit
        layout.right = allocated - h.bits_stored
    layout.spec.rows = h.rows
    layout.spec.columns = h.columns
    layout.spec.samples = h.samples
    layout.spec.bits_allocated = allocated
    layout.spec.bits_stored = layout.stored_bits
    layout.spec.is_signed = h.is_signed == 1 and not whole_cells
    layout.spec.item_bytes = item_bytes(layout.cell)
    layout.spec.threads = 1
    if layout.gives_cells and not is_native:
        if syntax.trims and layout.in_order and layout.left == layout.right < 8:
            layout.left = layout.right = 0        # the codec clears the bits, or fills them with the sign
        else:
            layout.spec.bits_stored = allocated
            layout.spec.is_signed = False
    # Of 8-bit cells the codestream is right where it has more bits than Bits Stored, and the header wrong.
    if not layout.gives_cells and layout.is_machine_type and allocated > 8 and not whole_cells:
        layout.trims_samples = h.bits_stored < allocated
        layout.high_bit = h.high_bit
        if layout.trims_samples and h.high_bit != h.bits_stored - 1:
            layout.spec.bits_stored = allocated     # no sign is extended before the stored bits are in their place
    layout.shifts_first = (layout.left or layout.right) and (
        layout.conversion != AS_THEY_ARE or layout.uses_palette or layout.uses_profiles)


cdef void describe_pairs(const ImageHeader* h, bint is_native, Layout* layout) noexcept nogil:
    """How 4:2:2 is stored (PS3.3 C.7.6.3.1.2): all pixels of a frame in pairs, Y1 Y2 Cb Cr.

    The standard asks for an even number of columns. Of an odd number some writers fill each row up to a pair: where
    the pixels of a frame make no pairs, or the length of native pixel data is just that.
    """
    cdef uint64_t row_bits = (<uint64_t>h.columns + 1) // 2 * 4 * <uint64_t>h.bits_allocated
    cdef uint64_t bits = h.rows * row_bits
    layout.pair_rows = 1
    layout.pair_columns = layout.pixels
    layout.frame_bits = layout.pixels * 2 * <uint64_t>h.bits_allocated
    if h.columns % 2 and (layout.pixels % 2 or (
            is_native and h.pixels.length % h.frames == 0 and bits == h.pixels.length // h.frames * 8)):
        layout.pair_rows = h.rows
        layout.pair_columns = h.columns
        layout.frame_bits = bits


cdef Cells cells_for_plan(const Layout* layout) noexcept nogil:
    """How a plan finds stored values."""
    cdef Cells cells
    cells.type = layout.cell
    cells.left = cells.right = 0
    if not layout.shifts_first:
        cells.left = layout.left
        cells.right = layout.right
    return cells


cdef bint modality_of(const ImageHeader* h, const Layout* layout, bint is_stored, CAffine* a, double* low,
                      double* high) noexcept nogil:
    """The map from stored integers to modality values, or to stored ones, and their range.

    False where `transform.py` makes it: look-up tables, functional groups, a range without bounds.
    """
    cdef bint is_monochrome = h.samples == 1
    cdef double first
    possible_range(layout.bits, h.is_signed == 1 and is_monochrome, low, high)
    a.slope = 1
    a.intercept = 0
    a.low = -INFINITY
    a.high = INFINITY
    if is_monochrome and not is_stored:
        if h.has_modality_lut or h.has_functional_groups or h.unreadable:
            return False
        rescale_of(h, &a.slope, &a.intercept)
        first = low[0] * a.slope + a.intercept
        high[0] = high[0] * a.slope + a.intercept
        low[0] = first if first <= high[0] else high[0]
        high[0] = high[0] if first <= high[0] else first
    return isfinite(low[0]) and isfinite(high[0]) and isfinite(high[0] - low[0])


cdef bint onto_unit(const ImageHeader* h, const Asked* asked, double low, double high, CAffine* a) noexcept nogil:
    """Modality values, of the range [low, high], onto [0, 1] as "voi" and "display" are.

    False where `transform.py` makes the map: look-up tables, a window that was chosen, one that is no affine map.
    """
    cdef WindowAsked window = asked.window
    cdef CAffine step
    if h.samples > 1:
        step = range_onto_unit(low, high)
        a[0] = joined(a[0], step)
        return True
    if window.kind == WINDOW_CHOSEN or (window.kind == WINDOW_STORED and h.has_voi_lut):
        return False
    if window.kind == WINDOW_STORED and not h.has_window:
        step = range_onto_unit(low, high)
    else:
        if window.kind == WINDOW_STORED:
            window.center = h.center
            window.width = h.width
            window.function = h.voi_function
        if window.function == VOI_SIGMOID or (window.function == VOI_LINEAR and window.width == 1):
            return False
        step = window_onto_unit(window.center, window.width, window.function == VOI_LINEAR_EXACT)
    a[0] = joined(a[0], step)
    if asked.values == VALUES_DISPLAY:
        if h.has_presentation_lut:
            return False
        if is_shown_inverted(h):
            a[0] = then(a[0], -1, 1)
    return True


cdef int plan_of_integers(const ImageHeader* h, const Layout* layout, const Asked* asked, CPlan* plan,
                          bint* fit) noexcept nogil:
    """The plan of values that are one map of stored integers, up to a window.

    Returns DONE, or NEEDS_WORDS where `transform.py` makes the plan: look-up tables, palettes, floats, and pairs of
    types without a loop.
    """
    cdef CAffine a
    cdef double low = 0
    cdef double high = 0
    if h.pixel_kind != PIXELS_INTEGER or layout.uses_palette or asked.values > VALUES_DISPLAY or asked.target < 0:
        return NEEDS_WORDS
    if asked.pads and h.has_padding:
        return NEEDS_WORDS
    if not modality_of(h, layout, asked.values == VALUES_STORED, &a, &low, &high):
        return NEEDS_WORDS
    if asked.values >= VALUES_VOI:
        if not onto_unit(h, asked, low, high, &a):
            return NEEDS_WORDS
        fit[0] = True
        a = unit_onto(a, asked.target)
    else:
        fit[0] = range_fits(low, high, asked.target)
        if asked.scale == SCALE_AUTO:
            a = stretched(a, low, high, asked.target)
    return DONE if fold(&a, layout.cell, asked.target, plan) else NEEDS_WORDS


cdef int native_type(const ImageHeader* h, const Layout* layout, int values) noexcept nogil:
    """The element type of a level where none is asked for; -1 where a palette tells."""
    if values == VALUES_DISPLAY:
        return T_U8
    if values == VALUES_VOI:
        return T_F32
    if layout.uses_palette:
        return -1
    return layout.cell if h.samples > 1 or values == VALUES_STORED else T_F32


cdef int result_dims(const Asked* asked, uint64_t frames, bint keeps_axis, size_t rows, size_t columns, int samples,
                     int64_t* dims) noexcept nogil:
    """The shape [frames, rows, columns, samples] by the rules of frame_dim and color_dim; how many dimensions it has.

    -1: frame_dim=0 with several frames.
    """
    cdef int n = 0
    cdef bint keeps = keeps_axis if asked.frame_dim < 0 else asked.frame_dim
    if not keeps and frames != 1:
        return -1
    if keeps:
        dims[n] = <int64_t>frames
        n += 1
    dims[n] = <int64_t>rows
    dims[n + 1] = <int64_t>columns
    n += 2
    if samples > 1 or asked.color_dim:
        dims[n] = samples
        n += 1
    return n
