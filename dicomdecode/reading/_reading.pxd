# From the bytes of a file to its data set and its header: what other modules see of _reading.pyx.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp

from dicomdecode.reading._cursor cimport Cursor, tag_at, u32_at
from dicomdecode.reading._limits cimport CLimits

# --- faults: the error of functions without the GIL, turned into an exception by the first that holds it --------------

cdef enum FaultKind:
    NO_FAULT = 0
    MALFORMED = 1
    TRUNCATED = 2
    UNSUPPORTED = 3
    OVER_LIMIT = 4          # `what` is a phrase with its verb, "Number of Frames exceeds"; `expected` is the limit
    NO_MEMORY = 5           # becomes a MemoryError
    UNREADABLE = 6          # the system cannot read the source, which has kept the error

cdef struct Fault:
    int kind
    const char* code        # a stable word, static storage
    const char* what        # a phrase, static storage: never text of the file
    uint32_t tag            # 0: no element
    int64_t offset          # -1: no offset
    int64_t expected        # -1: not said
    int64_t found           # -1: not said

cdef inline int fail(Fault* fault, int kind, const char* code, const char* what, uint32_t tag,
                     int64_t offset, int64_t expected, int64_t found) noexcept nogil:
    """Fill the struct; returns -1, so that a caller can write `return fail(...)`."""
    fault.kind = kind
    fault.code = code
    fault.what = what
    fault.tag = tag
    fault.offset = offset
    fault.expected = expected
    fault.found = found
    return -1

cdef int raise_fault(const Fault* fault, int frame) except -1


# --- what Python objects lend -----------------------------------------------------------------------------------------

cdef class ReadBuffer:
    cdef Py_buffer buffer
    cdef const uint8_t* data
    cdef size_t size


cdef class WriteBuffer:
    cdef Py_buffer buffer
    cdef uint8_t* data
    cdef size_t size

    cdef int has_room_for(self, uint64_t size) except -1


# --- bytes ------------------------------------------------------------------------------------------------------------

# The number of bytes that were there, fewer than `n` at the end of the file; -1 when the system cannot read.
ctypedef int64_t (*ReadAt)(void* source, uint64_t offset, uint8_t* target, size_t n) noexcept nogil

cdef struct FileBytes:          # of a file: those in memory, and a way to the others
    const uint8_t* data         # bytes [0, held) of the file
    uint64_t held
    uint64_t size               # of the file
    ReadAt read                 # NULL where all are held
    void* source


cdef inline const uint8_t* held_at(const FileBytes* f, uint64_t offset, uint64_t n) noexcept nogil:
    """`n` bytes that are in memory; NULL where they are not all there."""
    return f.data + offset if offset <= f.held and n <= f.held - offset else NULL


cdef inline void hold_all(FileBytes* f, const uint8_t* data, size_t size) noexcept nogil:
    """A file that is in memory."""
    f.data = data
    f.held = f.size = size
    f.read = NULL
    f.source = NULL


cdef struct OpenFile:
    int descriptor
    int error                   # errno of the last read that failed

cdef int hold_front(const char* path, OpenFile* file, FileBytes* f, uint8_t* front, size_t room) noexcept nogil
cdef void close_file(OpenFile* file) noexcept nogil


cdef bytes path_of(source)
cdef int64_t read_bytes(const FileBytes* f, uint64_t offset, uint8_t* target, size_t n) noexcept nogil


cdef class Source:
    cdef readonly uint64_t size     # bytes in all
    cdef readonly bint is_far       # each read takes long: `prefetch` tells what is going to be read

    cdef int describe(self, FileBytes* f) except -1


cdef class MemorySource(Source):
    cdef readonly object view       # a memoryview of uint8

# --- data elements ----------------------------------------------------------------------------------------------------

cdef enum:
    UNDEFINED_LENGTH = 0xFFFFFFFFu
    ITEM = 0xFFFEE000u

cdef enum ElementFlag:
    UNDEFINED = 1           # the length was undefined: `length` is what the walk found, without the delimiter
    CUT = 2                 # the file ends inside the value: `length` is what the window holds (pixel data: the file)
    FAR = 4                 # the value was stepped over: it is not in memory

cdef packed struct Element:
    uint32_t tag            # 0xGGGGEEEE
    uint16_t vr             # two letters, the first in the high byte; 0: implicit VR
    uint16_t flags
    uint64_t offset         # of the value, from the start of the file
    uint64_t length         # of the value, in bytes

cdef struct ElementTable:
    Element* items
    size_t count
    size_t capacity
    bint disordered         # tags do not ascend, as PS3.5 7.1 demands

cdef enum ScanResult:
    SCAN_FAULT = -1
    SCAN_DONE = 0           # the end of the data set
    SCAN_PIXELS = 1         # stopped in front of the value of a pixel data element
    SCAN_MORE = 2           # the window is too small: enlarge it and call again
    SCAN_DEFLATED = 3       # the data set is deflated and starts at `dataset_offset`
    SCAN_FAR = 4            # a value was stepped over: go on with a window at `wanted`

cdef struct Window:         # bytes of the file that are in memory
    const uint8_t* data
    uint64_t base           # where in the file they begin

cdef struct Nesting:        # the levels of sequences and items that a walk is in
    uint8_t[514] levels     # limits.MAX_DEPTH levels of a sequence and an item each, and the outermost
    int depth

cdef struct FileMap:
    Cursor cursor           # over the window: data[0] is byte `base` of the file
    uint64_t base
    uint64_t file_size      # counted from `base`, as `cursor.size` is
    bint steps_over         # large values are not read: windows may follow each other with gaps between them
    Window* others          # that were scanned before, and those behind the pixel data
    size_t other_count
    Nesting nesting         # of a sequence whose walk goes on in the next window; depth 0: none
    Element unfinished      # that sequence
    bint explicit_vr
    bint begun              # the file meta information is read and the encoding known
    bint contradicts        # the data set is not encoded as its transfer syntax says
    bint guessed            # no transfer syntax in the file: it was guessed from the first element
    uint64_t skipped        # bytes in front of the file or of the data set that belong to nothing
    uint64_t stray_item     # where the first item lies that is in no sequence; 0: there is none
    uint64_t dataset_offset
    uint64_t walked         # elements met so far, nested ones too
    uint64_t wanted         # SCAN_MORE: bytes the window needs at least; SCAN_FAR: where in the file the next begins
    Element pixels          # the element that SCAN_PIXELS stopped at; tag 0: none
    ElementTable meta
    ElementTable elements
    Element* replaced       # the items of `elements` before the elements behind the pixel data were added, or NULL
    CLimits limits
    Fault ended             # why the walk ended early, if it did (a cut file); kind NO_FAULT otherwise


cdef inline const uint8_t* place_of(const FileMap* m, const Element* e) noexcept nogil:
    """Where the value begins, behind the header of the element, which is in memory in any case."""
    cdef Window window
    cdef size_t i
    window.data = m.cursor.data
    window.base = m.base
    for i in range(m.other_count):      # the header begins in the last window that begins before the value
        if m.others[i].base < e.offset and (m.others[i].base > window.base or window.base >= e.offset):
            window = m.others[i]
    return window.data + (e.offset - window.base)


cdef inline const uint8_t* value_at(const FileMap* m, const Element* e) noexcept nogil:
    """The bytes of a value; NULL where they were stepped over."""
    if e.flags & FAR:
        return NULL
    return place_of(m, e)


cdef void map_init(FileMap* m, const uint8_t* data, size_t size, uint64_t base, uint64_t file_size) noexcept nogil
cdef void map_free(FileMap* m) noexcept nogil
cdef int scan(FileMap* m, bint stop_at_pixels, Fault* fault) noexcept nogil
cdef int scan_item(FileMap* m, Fault* fault) noexcept nogil
cdef int scan_held(FileMap* m, const FileBytes* f, const CLimits* limits, Fault* fault) noexcept nogil
cdef const Element* find(const ElementTable* table, uint32_t tag) noexcept nogil
cdef int next_item(Cursor* c, uint64_t end, uint32_t* tag, uint64_t* length) noexcept nogil
cdef int walk_undefined(FileMap* m, Cursor* c, bint explicit_vr, bint in_item, Fault* fault) noexcept nogil


cdef inline bint is_white(uint8_t c) noexcept nogil:
    """NUL, space, tab, line feed and their like: what no number and no UID holds."""
    return c == 0 or c == c' ' or 9 <= c <= 13


cdef struct Uid:
    const char* text        # without padding
    size_t length

cdef inline bint is_same(const Uid* a, const Uid* b) noexcept nogil:
    return a.length == b.length and memcmp(a.text, b.text, a.length) == 0

cdef Uid uid_of(bytes text)
cdef Uid syntax_of(const FileMap* m) noexcept nogil


cdef inline uint16_t letters(const char* vr) noexcept nogil:
    return <uint16_t>((<uint8_t>vr[0] << 8) | <uint8_t>vr[1])


# --- fragments of encapsulated pixel data -----------------------------------------------------------------------------

cdef enum:
    WALK_BUFFER = 65536

cdef struct FragmentWalk:       # from item to item (PS3.5 A.4)
    const FileBytes* file
    uint64_t at                 # of the next item's tag
    uint64_t end                # of the pixel data
    uint64_t offset             # of the fragment that `next_fragment` found
    uint64_t length
    size_t ahead                # bytes of a large fragment that are read along with its header
    bint strict                 # an Item Delimitation ends the fragments
    bint delimited              # one was stepped over
    uint64_t kept               # where in the file the bytes in `buffer` are
    size_t count                # of them
    uint8_t* buffer             # NULL until one is needed

cdef enum FragmentKind:
    NO_FRAGMENT = 0             # the end of the pixel data, or what is no item
    FRAGMENT
    CUT_FRAGMENT                # the file ends inside it
    DELIMITER
    WALK_FAILED = -1            # the source cannot be read, or no memory

cdef void walk_init(FragmentWalk* w, const FileBytes* file, uint64_t at, uint64_t end) noexcept nogil
cdef void walk_free(FragmentWalk* w) noexcept nogil
cdef int next_fragment(FragmentWalk* w) noexcept nogil

cdef inline int step_fragment(FragmentWalk* w) noexcept nogil:
    """`next_fragment`, without a call where a fragment in memory is as long as the one before."""
    cdef const uint8_t* p = held_at(w.file, w.at, 8)
    if (p != NULL and w.end - w.at >= 8 and tag_at(p, False) == ITEM and u32_at(p + 4, False) == w.length
            and w.length != UNDEFINED_LENGTH and w.length <= w.end - w.at - 8):
        w.offset = w.at + 8
        w.at = w.offset + w.length
        return FRAGMENT
    return next_fragment(w)

cdef const uint8_t* begin_of_fragment(const FragmentWalk* w, size_t n) noexcept nogil


cdef inline bint is_pixel_tag(uint32_t tag) noexcept nogil:
    """Float Pixel Data, Double Float Pixel Data, Pixel Data."""
    return tag == 0x7FE00010u or tag == 0x7FE00008u or tag == 0x7FE00009u


# --- the header -------------------------------------------------------------------------------------------------------

cdef enum Photometric:
    PI_MISSING = 0
    PI_MONOCHROME1
    PI_MONOCHROME2
    PI_PALETTE_COLOR
    PI_RGB
    PI_YBR_FULL
    PI_YBR_FULL_422
    PI_YBR_PARTIAL_420
    PI_YBR_PARTIAL_422
    PI_YBR_ICT
    PI_YBR_RCT
    PI_XYB
    PI_HSV
    PI_ARGB
    PI_CMYK
    PI_OTHER

cdef enum PixelKind:
    PIXELS_NONE = 0
    PIXELS_INTEGER
    PIXELS_FLOAT
    PIXELS_DOUBLE

cdef enum VoiFunction:
    VOI_LINEAR = 0
    VOI_LINEAR_EXACT
    VOI_SIGMOID
    VOI_UNKNOWN

cdef enum PresentationShape:
    SHAPE_MISSING = 0
    SHAPE_IDENTITY
    SHAPE_INVERSE

cdef struct ImageHeader:
    uint32_t rows
    uint32_t columns
    uint64_t frames             # 1 where Number of Frames is missing or not a positive number
    int samples                 # 0: missing
    int bits_allocated          # 0: missing
    int bits_stored
    int high_bit                # -1: missing
    int is_signed               # Pixel Representation; -1: missing
    int planar                  # Planar Configuration; -1: missing
    int photometric             # Photometric
    int pixel_kind              # PixelKind
    Element pixels
    bint big_endian             # of the pixel data
    bint has_slope
    bint has_intercept
    double slope
    double intercept
    bint is_renamed             # Photometric Interpretation contradicts Samples per Pixel: `photometric` fits those
    uint32_t unreadable         # Rescale Slope or Intercept, where its text is no number; else 0
    bint has_window             # a stored window can be used: its width is not too small, both are numbers
    double center               # of the first such window
    double width
    int voi_function            # VoiFunction
    int shape                   # PresentationShape
    bint has_dose_scaling
    double dose_scaling         # RT Dose: Dose Grid Scaling
    bint has_padding
    int64_t padding             # Pixel Padding Value
    int64_t padding_limit       # Pixel Padding Range Limit, or the value again
    bint has_modality_lut
    bint has_voi_lut
    bint has_presentation_lut
    bint has_functional_groups


cdef void parse_header(const FileMap* m, ImageHeader* h) noexcept nogil
cdef int check_header(const FileMap* m, const ImageHeader* h, Fault* fault) noexcept nogil
cdef bint parse_decimal(const uint8_t* p, size_t n, double* out) noexcept nogil
cdef bint is_shown_inverted(const ImageHeader* h) noexcept nogil
cdef bint rescale_of(const ImageHeader* h, double* slope, double* intercept) noexcept nogil


cdef inline int low_bit_of(const ImageHeader* h) noexcept nogil:
    """The lowest bit of a cell that belongs to the stored value (PS3.5 8.1.1)."""
    return h.high_bit + 1 - h.bits_stored

cdef const char* photometric_name(int code) noexcept nogil


# --- data sets and files ----------------------------------------------------------------------------------------------

cdef struct Mark:           # where an item of a sequence is
    size_t index
    size_t at               # its header, in the value of the sequence


cdef class DataSet


cdef class Places:              # of the items of a sequence, as far as they are known
    cdef Mark* marks
    cdef size_t marked
    cdef size_t room
    cdef Mark last              # where the item behind the last one that was found begins
    cdef Py_ssize_t count       # of items; -1 until it is known

    cdef int mark(self, const Mark* place) except -1
    cdef Mark nearest(self, size_t index) noexcept


cdef class Items:
    cdef DataSet owner
    cdef Element sequence
    cdef bint explicit_vr
    cdef bint big_endian
    cdef Places places

    cdef int step(self, Cursor* c, size_t* start) except -1
    cdef DataSet nth(self, size_t index)


cdef class DataSet:
    cdef FileMap m
    cdef readonly DataSet parent    # keeps the bytes that `m` points into alive; None for the data set of a file
    cdef int found_charset
    cdef list found_terms

    cdef tuple path_of(self, tag)
    cdef const Element* element(self, uint32_t tag) except? NULL
    cdef bint big_endian_of(self, const Element* e) noexcept
    cdef uint16_t vr_of_element(self, const Element* e) except 0
    cdef str known_vr(self, const Element* e)
    cdef uint16_t meant_vr(self, const Element* e) except 0
    cdef const uint8_t* bytes_of(self, const Element* e) except NULL
    cdef bytes value_of(self, const Element* e)
    cdef Cursor cursor_of(self, const Element* e) except *
    cdef bint inner_encoding(self, const Element* e, bint* explicit_vr, bint* big_endian) except -1
    cdef Items items_of(self, const Element* e)
    cdef Places places_of(self, const Element* e)
    cdef list typed_values(self, const Element* e, uint16_t vr, int form)
    cdef int depth(self) noexcept
    cdef DataSet child(self, const uint8_t* data, uint64_t offset, uint64_t length, bint explicit_vr, bint big_endian)
    cdef DataSet nth_item(self, const Element* e, Py_ssize_t index)
    cdef int charset(self) except -1
    cdef str text_of(self, const Element* e, uint16_t vr)
    cdef object typed_value(self, const Element* e)


cdef class DicomFile(DataSet):
    cdef ImageHeader h
    cdef FileBytes bytes            # of `source`, those of the front window held
    cdef list windows               # keeps their bytes alive; None where all is in memory
    cdef uint64_t held              # bytes in all windows
    cdef dict places                # offset of a sequence -> `Places`, once its items were asked for; or None
    cdef dict far_values            # offset -> bytes of values that were stepped over, once asked for; or None
    cdef bint looked_behind
    cdef readonly Source source     # where pixels are read from: the inflated data set of a deflated file
    cdef readonly object limits     # dicomdecode.Limits

    cdef int scan_front(self) except -1
    cdef int scan_windows(self, FileMap* m, bint stop_at_pixels, Fault* fault) except -2
    cdef int grow(self, FileMap* m, uint64_t wanted) except -1
    cdef bytes far_value(self, const Element* e)
    cdef int read_from_source(self) except -1
    cdef int inflate(self) except -1
    cdef int look_behind(self) except -1
    cdef int look_behind_later(self) except -1
    cdef int raise_fault(self, const Fault* fault, int64_t frame) except -1


cdef int limits_of(object limits, CLimits* out) except -1

# --- texts ------------------------------------------------------------------------------------------------------------

# A text: element `index` of the result.
ctypedef void (*TextSink)(void* target, size_t index, const char* text, size_t size) noexcept nogil

cdef bint texts_of_file(const uint8_t* contents, size_t size, const CLimits* limits, const uint32_t* tags, size_t count,
                        TextSink sink, void* target) noexcept nogil
