# From bytes to a flat table of data elements: iterative, nogil, no copies.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from dicomdecode.reading._cursor cimport Cursor
from dicomdecode.reading._fault cimport Fault
from dicomdecode.reading._limits cimport CLimits

cdef enum:
    UNDEFINED_LENGTH = 0xFFFFFFFFu

cdef enum ElementFlag:
    UNDEFINED = 1           # the length was undefined: `length` is what the walk found, without the delimiter
    INNER_IMPLICIT = 2      # a UN sequence: its items are Implicit VR Little Endian (PS3.5 6.2.2)
    CUT = 4                 # the file ends inside the value: `length` is what the window holds (pixel data: the file)

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

cdef enum ScanResult:
    SCAN_FAULT = -1
    SCAN_DONE = 0           # the end of the data set
    SCAN_PIXELS = 1         # stopped in front of the value of a pixel data element
    SCAN_MORE = 2           # the window is too small: enlarge it and call again
    SCAN_DEFLATED = 3       # the data set is deflated and starts at `dataset_offset`

cdef struct FileMap:
    Cursor cursor           # over the window: data[0] is byte `base` of the file
    uint64_t base
    uint64_t file_size      # counted from `base`, as `cursor.size` is
    bint explicit_vr
    bint begun              # the file meta information is read and the encoding known
    bint contradicts        # the data set is not encoded as its transfer syntax says
    bint guessed            # no transfer syntax in the file: it was guessed from the first element
    uint64_t dataset_offset
    uint64_t walked         # elements met so far, nested ones too
    uint64_t wanted         # SCAN_MORE: bytes the window needs at least
    Element pixels          # the element that SCAN_PIXELS stopped at; tag 0: none
    ElementTable meta
    ElementTable elements
    CLimits limits
    Fault ended             # why the walk ended early, if it did (a cut file); kind NO_FAULT otherwise


cdef void map_init(FileMap* m, const uint8_t* data, size_t size, uint64_t base, uint64_t file_size) noexcept nogil
cdef void map_free(FileMap* m) noexcept nogil
cdef int scan(FileMap* m, bint stop_at_pixels, Fault* fault) noexcept nogil
cdef int scan_item(FileMap* m, Fault* fault) noexcept nogil
cdef const Element* find(const ElementTable* table, uint32_t tag) noexcept nogil
cdef int next_item(Cursor* c, uint64_t end, uint32_t* tag, uint64_t* length) noexcept nogil
cdef int walk_undefined(FileMap* m, Cursor* c, bint explicit_vr, bint in_item, Fault* fault) noexcept nogil


cdef inline uint16_t letters(const char* vr) noexcept nogil:
    return <uint16_t>((<uint8_t>vr[0] << 8) | <uint8_t>vr[1])


cdef inline bint is_pixel_tag(uint32_t tag) noexcept nogil:
    """Float Pixel Data, Double Float Pixel Data, Pixel Data."""
    return tag == 0x7FE00010u or tag == 0x7FE00008u or tag == 0x7FE00009u
