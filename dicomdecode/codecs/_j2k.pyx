# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True, auto_pickle=False, binding=False
"""The structure of a JPEG 2000 codestream: main header, tile-parts, and whether all of it is there.

A codec is asked for memory only after this: OpenJPEG allocates by what a stream claims, and in its tolerant mode
decodes a cut stream with a warning. Markers and fields are those of ITU-T T.800 annex A, boxes those of annex I.
"""

from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memset

from dicomdecode.reading._cursor cimport u16_at, u32_at, u64_at
from dicomdecode.reading._reading cimport (
    MALFORMED, NO_MEMORY, OVER_LIMIT, TRUNCATED, UNSUPPORTED, Fault, ReadBuffer, WriteBuffer, fail, raise_fault)
from dicomdecode.codecs._spec cimport FrameSpec, Spec

cdef enum:
    SOC = 0xFF4F
    CAP = 0xFF50
    SIZ = 0xFF51
    COD = 0xFF52
    COC = 0xFF53
    DCO = 0xFF70            # the segments of ITU-T T.801 A.3 lie from here
    MCT = 0xFF74
    MCC = 0xFF75
    MCO = 0xFF77
    CBD = 0xFF78
    ATK = 0xFF79            # to here
    SOT = 0xFF90
    SOD = 0xFF93
    EOC = 0xFFD9
    SOT_SIZE = 12           # marker and segment
    RSIZ_HT = 0x4000
    RSIZ_PART_2 = 0x8000
    STYLE_HT = 0x40
    PIXELS_PER_TILE = 64    # the mean below which a tile grid is refused: a codec keeps some kilobytes per tile


cdef inline uint64_t ceil_div(uint64_t a, uint64_t b) noexcept nogil:
    return (a + b - 1) // b


cdef inline int malformed(Fault* fault, const char* code, const char* what, size_t offset) noexcept nogil:
    return fail(fault, MALFORMED, code, what, 0, <int64_t>offset, -1, -1)


cdef inline int cut(Fault* fault, const char* what, size_t offset, uint64_t expected, uint64_t found) noexcept nogil:
    return fail(fault, TRUNCATED, b"stream_cut", what, 0, <int64_t>offset, <int64_t>expected, <int64_t>found)


cdef int find_codestream(const uint8_t* data, size_t size, size_t* start, size_t* end, Fault* fault) noexcept nogil:
    """Where the codestream lies: the data themselves, or the contents of the first jp2c box of a JP2 file."""
    cdef size_t pos = 0
    cdef uint64_t length
    cdef size_t head
    end[0] = size
    if size >= 2 and u16_at(data, True) == SOC:
        start[0] = 0
        return 0
    if size < 12 or u32_at(data, True) != 12 or memcmp(data + 4, b"jP  \r\n\x87\n", 8) != 0:
        return malformed(fault, b"stream_start", b"neither a JPEG 2000 codestream nor a JP2 file", 0)
    while size - pos >= 8:
        length = u32_at(data + pos, True)
        head = 8
        if length == 1:
            if size - pos < 16:
                break
            length = u64_at(data + pos + 8, True)
            head = 16
        elif length == 0:
            length = size - pos
        if length < head:
            return malformed(fault, b"stream_box", b"a JP2 box is shorter than its own header", pos)
        if memcmp(data + pos + 4, b"jp2c", 4) == 0:
            start[0] = pos + head
            if length < size - pos:
                end[0] = pos + <size_t>length
            return 0
        if length > size - pos:
            break
        pos += <size_t>length
    return cut(fault, b"the JP2 file ends before its codestream box", pos, pos + 8, size)


cdef int read_size(Codestream* stream, size_t pos, size_t length, Fault* fault) noexcept nogil:
    """The SIZ segment (A.5.1) whose length field lies at `pos`."""
    cdef const uint8_t* p = stream.data + pos
    cdef int i
    cdef uint64_t across, down
    cdef Component* c
    if length < 41:
        return malformed(fault, b"stream_header", b"the SIZ segment is too short", pos)
    stream.capabilities = u16_at(p + 2, True)
    stream.high_throughput = (stream.capabilities & RSIZ_HT) != 0
    stream.x1 = u32_at(p + 4, True)
    stream.y1 = u32_at(p + 8, True)
    stream.x0 = u32_at(p + 12, True)
    stream.y0 = u32_at(p + 16, True)
    stream.tile_width = u32_at(p + 20, True)
    stream.tile_height = u32_at(p + 24, True)
    stream.tile_x0 = u32_at(p + 28, True)
    stream.tile_y0 = u32_at(p + 32, True)
    stream.components = u16_at(p + 36, True)
    if stream.components < 1 or length != 38 + 3 * <size_t>stream.components:
        return malformed(fault, b"stream_header", b"the SIZ segment's length and component count disagree", pos)
    if stream.x0 >= stream.x1 or stream.y0 >= stream.y1:
        return malformed(fault, b"stream_header", b"the SIZ segment describes an empty image", pos)
    if (stream.tile_width == 0 or stream.tile_height == 0 or stream.tile_x0 > stream.x0 or stream.tile_y0 > stream.y0
            or <uint64_t>stream.tile_x0 + stream.tile_width <= stream.x0
            or <uint64_t>stream.tile_y0 + stream.tile_height <= stream.y0):
        return malformed(fault, b"stream_header", b"the SIZ segment's tile grid does not cover the image", pos)
    across = ceil_div(<uint64_t>stream.x1 - stream.tile_x0, stream.tile_width)
    down = ceil_div(<uint64_t>stream.y1 - stream.tile_y0, stream.tile_height)
    # Isot has 16 bits
    if across > 65535 or down > 65535 or across * down > 65535:
        return malformed(fault, b"stream_header", b"the SIZ segment asks for more than 65535 tiles", pos)
    stream.tiles_across = <uint32_t>across
    stream.tiles_down = <uint32_t>down
    for i in range(stream.components):
        p = stream.data + pos + 38 + 3 * i
        if p[1] == 0 or p[2] == 0:
            return malformed(fault, b"stream_header", b"the SIZ segment has a component separation of 0", pos)
        if p[1] != 1 or p[2] != 1:
            stream.subsampled = True
        if i < MAX_COMPONENTS:
            c = &stream.component[i]
            c.precision = (p[0] & 0x7F) + 1
            c.is_signed = (p[0] & 0x80) != 0
            c.dx = p[1]
            c.dy = p[2]
    return 0


cdef int read_style(const Codestream* stream, Component* c, size_t pos, size_t left, bint own_precincts,
                    Fault* fault) noexcept nogil:
    """The parameters that COD and COC share (tables A.15 and A.20), from `pos`, into one component."""
    cdef const uint8_t* p = stream.data + pos
    # a decomposition by DFS or ADS, a kernel by ATK
    if stream.capabilities & RSIZ_PART_2 and left >= 5 and (p[0] & 0x80 or p[4] > 1):
        return fail(fault, UNSUPPORTED, b"stream_process", b"the codestream has a wavelet of JPEG 2000 Part 2", 0,
                    <int64_t>pos, -1, -1)
    if left < 5 or (own_precincts and left < 6 + <size_t>p[0]):
        return malformed(fault, b"stream_header", b"a coding style segment is too short", pos)
    if p[0] > 32:
        return malformed(fault, b"stream_header", b"a coding style segment asks for more than 32 levels", pos)
    c.levels = p[0]
    c.code_block_bits = (p[1] & 15) + (p[2] & 15) + 4
    c.code_block_style = p[3]
    c.transform = p[4]
    c.precincts = pos + 5 if own_precincts else 0
    return 0


cdef int read_coding(Codestream* stream, Component* components, int marker, size_t pos, size_t length,
                     Fault* fault) noexcept nogil:
    """A COD (A.6.1) or COC (A.6.2) segment whose length field lies at `pos`."""
    cdef const uint8_t* p = stream.data + pos
    cdef int i
    cdef size_t wide = 1 if stream.components < 257 else 2
    if marker == COD:
        if length < 12:
            return malformed(fault, b"stream_header", b"a coding style segment is too short", pos)
        stream.progression = p[3]
        stream.layers = u16_at(p + 4, True)
        if stream.capabilities & RSIZ_PART_2 and p[6] > 1:      # which OpenJPEG 2.5 writes, but does not read
            return fail(fault, UNSUPPORTED, b"stream_process",
                        b"the codestream has a component transform of JPEG 2000 Part 2", 0, <int64_t>pos + 6, -1, -1)
        stream.component_transform = p[6] != 0 and stream.components > 2
        for i in range(min(stream.components, <int>MAX_COMPONENTS)):
            if read_style(stream, &components[i], pos + 7, length - 7, (p[2] & 1) != 0, fault) != 0:
                return -1
    else:
        if length < 8 + wide:
            return malformed(fault, b"stream_header", b"a coding style segment is too short", pos)
        i = p[2] if wide == 1 else u16_at(p + 2, True)
        if i < min(stream.components, <int>MAX_COMPONENTS):
            if read_style(stream, &components[i], pos + 3 + wide, length - 3 - wide, (p[2 + wide] & 1) != 0,
                          fault) != 0:
                return -1
    return 0


cdef int read_extension(Codestream* stream, int marker, size_t pos, Fault* fault) noexcept nogil:
    """A segment of JPEG 2000 Part 2: OpenJPEG has its array-based component transforms, nobody here has the rest."""
    if marker == MCT or marker == MCC or marker == MCO or marker == CBD:
        stream.array_transform = True
        return 0
    return fail(fault, UNSUPPORTED, b"stream_process", b"the codestream has an extension of JPEG 2000 Part 2", 0,
                <int64_t>pos, -1, -1)


cdef uint64_t precincts_along(const Codestream* stream, uint32_t first, uint32_t count, bint across, uint32_t step,
                              int down_by, int exponent) noexcept nogil:
    """Precincts of one resolution along one axis, over `count` tiles from `first` (B.6).

    `step` is the component's separation, `down_by` how many levels are left out, `exponent` PPx or PPy.
    """
    cdef uint64_t total = 0
    cdef uint64_t low, high, origin, size, image_low, image_high
    cdef uint64_t i
    if across:
        origin, size, image_low, image_high = stream.tile_x0, stream.tile_width, stream.x0, stream.x1
    else:
        origin, size, image_low, image_high = stream.tile_y0, stream.tile_height, stream.y0, stream.y1
    for i in range(first, <uint64_t>first + count):
        low = ceil_shift(ceil_div(max(origin + i * size, image_low), step), down_by)
        high = ceil_shift(ceil_div(min(origin + (i + 1) * size, image_high), step), down_by)
        if high > low:
            total += ceil_shift(high, exponent) - (low >> exponent)
    return total


cdef uint64_t count_packets(const Codestream* stream, const Component* components, int layers,
                            int64_t tile) noexcept nogil:
    """Packets of one tile, or of all when `tile` is -1: one per layer, component, resolution and precinct (B.9)."""
    cdef uint64_t total = 0
    cdef uint64_t wide, high
    cdef int i, r, exponents
    cdef const Component* c
    cdef uint32_t tx = 0, ty = 0, nx = stream.tiles_across, ny = stream.tiles_down
    if tile >= 0:
        tx, ty, nx, ny = <uint32_t>(tile % stream.tiles_across), <uint32_t>(tile // stream.tiles_across), 1, 1
    for i in range(min(stream.components, <int>MAX_COMPONENTS)):
        c = &components[i]
        for r in range(c.levels + 1):
            exponents = stream.data[c.precincts + r] if c.precincts != 0 else 0xFF
            wide = precincts_along(stream, tx, nx, True, c.dx, c.levels - r, exponents & 15)
            high = precincts_along(stream, ty, ny, False, c.dy, c.levels - r, exponents >> 4)
            if wide != 0 and high > (<uint64_t>1 << 40) // wide:
                return <uint64_t>1 << 62
            total += wide * high
    return total * layers


cdef inline uint64_t points_of(const Codestream* stream) noexcept nogil:
    return (<uint64_t>stream.x1 - stream.x0) * (stream.y1 - stream.y0)


cdef uint64_t count_code_blocks(const Codestream* stream, const Component* components, uint64_t points) noexcept nogil:
    """Code-blocks (B.7) of so many points of the reference grid, at least."""
    cdef uint64_t total = 0
    cdef int i
    for i in range(min(stream.components, <int>MAX_COMPONENTS)):
        total += points // (<uint64_t>components[i].dx * components[i].dy) >> components[i].code_block_bits
    return total


cdef int check_code_blocks(const Codestream* stream, size_t pos, Fault* fault) noexcept nogil:
    """Whether there are bits for the code-blocks: a decoder keeps a hundred bytes for each.

    Each that has data takes a bit of a packet header at least. Empty ones cost hardly one, so that black pictures have
    any number of them; they pass as long as a code-block has 1024 samples in the mean, or there are few.
    """
    cdef uint64_t samples = points_of(stream) * <uint64_t>stream.components
    if stream.code_blocks > 65536 + samples // 1024 + 8 * <uint64_t>stream.size:
        return malformed(fault, b"stream_header", b"the codestream has fewer bits than code-blocks", pos)
    return 0


cdef int read_header(const uint8_t* data, size_t size, Codestream* stream, Fault* fault) noexcept nogil:
    """Fill `stream` from the main header; returns 0, or -1 with `fault` set. Offsets count from SOC."""
    cdef size_t start = 0
    cdef size_t end = 0
    cdef size_t pos = 2
    cdef size_t length
    cdef int i
    cdef int marker
    cdef bint coded = False
    memset(stream, 0, sizeof(Codestream))
    if find_codestream(data, size, &start, &end, fault) != 0:
        return -1
    stream.data = data + start
    stream.size = end - start
    if stream.size < 2 or u16_at(stream.data, True) != SOC:
        return malformed(fault, b"stream_start", b"the codestream box does not hold a codestream", start)
    while True:
        if stream.size - pos < 4:
            return cut(fault, b"the codestream ends in its main header", pos, pos + 4, stream.size)
        marker = u16_at(stream.data + pos, True)
        if marker == SOT:
            break
        if marker < 0xFF50 or marker == SOD or marker == EOC:
            return malformed(fault, b"stream_marker", b"the main header holds something that is not a marker segment",
                             pos)
        length = u16_at(stream.data + pos + 2, True)
        if length < 2:
            return malformed(fault, b"stream_segment", b"a marker segment is shorter than its length field", pos)
        if length > stream.size - pos - 2:
            return cut(fault, b"the codestream ends in its main header", pos, pos + 2 + length, stream.size)
        if (pos == 2) != (marker == SIZ):
            return malformed(fault, b"stream_header", b"SIZ is not the first and only segment of its kind", pos)
        if marker == SIZ:
            if read_size(stream, pos + 2, length, fault) != 0:
                return -1
        elif marker == CAP:
            stream.high_throughput = True
        elif marker == COD or marker == COC:
            coded = coded or marker == COD
            if read_coding(stream, stream.component, marker, pos + 2, length, fault) != 0:
                return -1
        elif DCO <= marker <= ATK and stream.capabilities & RSIZ_PART_2:
            if read_extension(stream, marker, pos, fault) != 0:
                return -1
        pos += 2 + length
    if pos == 2 or not coded:
        return malformed(fault, b"stream_header", b"the main header lacks SIZ or COD", pos)
    if stream.layers == 0:
        return malformed(fault, b"stream_header", b"the coding style asks for 0 layers", pos)
    for i in range(min(stream.components, <int>MAX_COMPONENTS)):
        if stream.component[i].code_block_style & STYLE_HT:
            stream.high_throughput = True
    stream.header_size = pos
    stream.packets = count_packets(stream, stream.component, stream.layers, -1)
    stream.code_blocks = count_code_blocks(stream, stream.component, points_of(stream))
    return 0


cdef int least_levels(const Codestream* stream) noexcept nogil:
    """How many resolutions can be left out: the fewest decomposition levels of any component."""
    cdef int least = stream.component[0].levels
    cdef int i
    for i in range(1, min(stream.components, <int>MAX_COMPONENTS)):
        least = min(least, stream.component[i].levels)
    return least


cdef int check_header(const Codestream* stream, const Spec* spec, Fault* fault) noexcept nogil:
    """Hold the stream's size, components and precision against the data set's."""
    cdef int i
    cdef uint64_t rows = <uint64_t>stream.y1 - stream.y0
    cdef uint64_t columns = <uint64_t>stream.x1 - stream.x0
    cdef uint64_t tiles = <uint64_t>stream.tiles_across * stream.tiles_down
    if rows != spec.rows:
        return fail(fault, MALFORMED, b"stream_rows", b"rows of the stream", 0x00280010, -1,
                    spec.rows, <int64_t>rows)
    if columns != spec.columns:
        return fail(fault, MALFORMED, b"stream_columns", b"columns of the stream", 0x00280011, -1,
                    spec.columns, <int64_t>columns)
    if stream.components != spec.samples or stream.components > <int>MAX_COMPONENTS:
        if stream.capabilities & RSIZ_PART_2:
            return fail(fault, UNSUPPORTED, b"stream_process",
                        b"the codestream holds several frames as components (JPEG 2000 Part 2)", 0x00280002, -1,
                        spec.samples, stream.components)
        return fail(fault, MALFORMED, b"stream_components", b"components of the stream",
                    0x00280002, -1, spec.samples, stream.components)
    for i in range(stream.components):
        # more than Bits Stored is met, even where Bits Allocated is 1: what fits an output sample is taken
        if stream.component[i].precision > 8 * spec.item_bytes:
            return fail(fault, MALFORMED, b"stream_precision", b"bits of a sample of the stream exceed Bits Allocated",
                        0x00280100, -1, 8 * spec.item_bytes, stream.component[i].precision)
    # Xsiz and Ysiz may have 32 bits; OpenJPEG counts with int
    if stream.x1 > 0x7FFFFFFF or stream.y1 > 0x7FFFFFFF:
        return fail(fault, UNSUPPORTED, b"stream_process", b"the codestream's reference grid is too large", 0, -1, -1,
                    -1)
    if tiles > 64 + rows * columns // PIXELS_PER_TILE:
        return fail(fault, OVER_LIMIT, b"stream_tiles", b"tiles of the codestream exceed", 0, -1,
                    <int64_t>(64 + rows * columns // PIXELS_PER_TILE), <int64_t>tiles)
    # a packet has at least one byte (B.10.1), and a codec allocates for each of them
    if stream.packets > stream.size:
        return cut(fault, b"the codestream has fewer bytes than packets", stream.header_size, stream.packets,
                   stream.size)
    return check_code_blocks(stream, stream.header_size, fault)


cdef int check_request(const Codestream* stream, const Spec* spec, int reduce, Fault* fault) noexcept nogil:
    """What a decoder is asked for, against what the stream has and what decoders here can give."""
    cdef int i
    for i in range(stream.components):
        if spec.item_bytes > 4 or stream.component[i].precision > 32:
            return fail(fault, UNSUPPORTED, b"stream_precision", b"JPEG 2000 is decoded up to 32 bits", 0x00280100, -1,
                        32, stream.component[i].precision)
    if reduce > least_levels(stream):
        return fail(fault, UNSUPPORTED, b"reduce", b"the codestream has fewer resolution levels than reduce asks for",
                    0, -1, reduce, least_levels(stream))
    # else the reduced picture would begin between two of its pixels
    if (stream.x0 | stream.y0) & ((<uint64_t>1 << reduce) - 1):
        return fail(fault, UNSUPPORTED, b"reduce", b"reduce does not divide the codestream's image offset", 0, -1,
                    -1, -1)
    return 0


cdef int check_alike(const Codestream* stream, Fault* fault) noexcept nogil:
    """What our own decoder takes and the binding of OpenJPEG does not: components that differ, and 32 bits."""
    cdef int i
    cdef const Component* first = &stream.component[0]
    if stream.subsampled:
        return fail(fault, UNSUPPORTED, b"stream_subsampling", b"the codestream's components are subsampled", 0, -1, -1,
                    -1)
    if first.precision > 31:
        return fail(fault, UNSUPPORTED, b"stream_precision", b"OpenJPEG decodes up to 31 bits", 0x00280100, -1, 31,
                    first.precision)
    for i in range(stream.components):
        if stream.component[i].precision != first.precision or stream.component[i].is_signed != first.is_signed:
            return fail(fault, UNSUPPORTED, b"stream_precision",
                        b"the codestream's components differ in precision or sign", 0x00280100, -1, first.precision,
                        stream.component[i].precision)
    return 0


include "tile_parts.pxi"


cdef dict summary(const Codestream* stream, size_t offset):
    orders = ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL")
    return {
        "rows": stream.y1 - stream.y0,
        "columns": stream.x1 - stream.x0,
        "components": stream.components,
        "precision": stream.component[0].precision,
        "signed": bool(stream.component[0].is_signed),
        "subsampled": bool(stream.subsampled),
        "tiles": (stream.tiles_down, stream.tiles_across),
        "tile_shape": (stream.tile_height, stream.tile_width),
        "levels": least_levels(stream),
        "layers": stream.layers,
        "progression": orders[stream.progression] if stream.progression < 5 else str(stream.progression),
        "transform": "5/3 reversible" if stream.component[0].transform == 1 else "9/7 irreversible",
        "component_transform": bool(stream.component_transform),
        "high_throughput": bool(stream.high_throughput),
        "jp2": offset != 0,
        "offset": offset,
    }


cdef int check_target(WriteBuffer target, FrameSpec spec, int reduce, tuple region, Area* area) except -1:
    """Hold an array against what is asked for; fills `area` with the region, or with the whole image."""
    cdef uint64_t rows, columns
    area.row, area.column, area.height, area.width = region or (0, 0, spec.c.rows, spec.c.columns)
    if <uint64_t>area.row + area.height > spec.c.rows or <uint64_t>area.column + area.width > spec.c.columns:
        raise ValueError("region does not lie in the image")
    if not 0 <= reduce <= 32:
        raise ValueError("reduce must be 0 to 32")
    rows = reduced(area.row, area.height, reduce)
    columns = reduced(area.column, area.width, reduce)
    if (target.size == 0 or target.buffer.ndim != 3 or <uint64_t>target.buffer.shape[0] != rows
            or <uint64_t>target.buffer.shape[1] != columns or target.buffer.shape[2] != spec.c.samples
            or target.buffer.itemsize != spec.c.item_bytes):
        raise ValueError(f"out must be [{rows}, {columns}, {spec.c.samples}] of {spec.c.item_bytes} bytes")
    return 0


def describe(data):
    """What the main header of a codestream says; see `dicomdecode.codecs.jpeg2000.inspect_codestream`."""
    cdef ReadBuffer view = ReadBuffer(data)
    cdef Codestream stream
    cdef Fault fault
    cdef const uint8_t* first = view.data
    if read_header(first, view.size, &stream, &fault) != 0:
        raise_fault(&fault, -1)
    return summary(&stream, stream.data - first)


def prepare(data, FrameSpec spec not None):
    """The bare codestream, checked against the header, whole and with its EOC; and what `describe` says of it."""
    cdef ReadBuffer view = ReadBuffer(data)
    cdef Codestream stream
    cdef Fault fault
    cdef const uint8_t* first = view.data
    if (read_header(first, view.size, &stream, &fault) != 0
            or check_header(&stream, &spec.c, &fault) != 0 or check_alike(&stream, &fault) != 0
            or check_tile_parts(&stream, &fault) != 0):
        raise_fault(&fault, spec.frame)
    return (stream.data[:stream.size] + (b"" if stream.has_eoc else b"\xff\xd9"),
            summary(&stream, stream.data - first))
