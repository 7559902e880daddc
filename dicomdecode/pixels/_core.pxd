# From an opened file to results without Python: what the image is, where its frames are, what its values become.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from dicomdecode.codecs._j2k cimport Area
from dicomdecode.codecs._spec cimport Spec
from dicomdecode.pixels._plans cimport Cells, CPlan, Plan
from dicomdecode.reading._limits cimport CLimits
from dicomdecode.reading._reading cimport DicomFile, Fault, FileBytes, FileMap, ImageHeader

cdef enum CodecKind:
    CODEC_NATIVE            # no codec: pixel data that are not encapsulated
    CODEC_RLE
    CODEC_JPEG              # our own decoder for lossless streams, a library for all others
    CODEC_JPEG_LS
    CODEC_JPEG2000
    CODEC_LIBRARY           # a Python call

cdef enum Conversion:       # of three samples to RGB
    AS_THEY_ARE
    FULL_RANGE              # YBR_FULL
    PARTIAL_RANGE           # YBR_PARTIAL
    NO_CONVERSION           # RGB is asked for, and there is no way to it

cdef enum Status:
    DONE = 0
    FAILED = -1             # see the Fault
    FAILED_IN_CODEC = -2    # the offset of the Fault counts from the codestream's start
    NEEDS_LIBRARY = 1       # the codec is a Python call
    NEEDS_WALK = 2          # an offset table lies: the fragments must be walked first
    NEEDS_WORDS = 3         # Python says what is wrong
    OTHER_CODEC = 4         # the frame's stream is of another codec than that of the first frame

cdef enum WindowKind:
    WINDOW_STORED           # the first stored one that can be used
    WINDOW_GIVEN            # its numbers
    WINDOW_CHOSEN           # by Python

cdef struct WindowAsked:
    int kind                # WindowKind
    double center           # of WINDOW_GIVEN
    double width
    int function            # VoiFunction

cdef struct RegionAsked:    # in pixels of the full resolution
    bint is_given
    int64_t row
    int64_t column
    int64_t height
    int64_t width

cdef enum FramesKind:
    ALL_FRAMES
    ONE_FRAME               # its axis is dropped
    FRAMES_OF_SLICE
    FRAMES_OF_RANGE
    FRAMES_OF_LIST

cdef struct FramesAsked:
    int kind                # FramesKind
    Py_ssize_t start        # of all but FRAMES_OF_LIST, as Python has them
    Py_ssize_t stop         # of FRAMES_OF_RANGE the last one, `start - step` where there is none; of a list how many
    Py_ssize_t step
    int64_t* numbers        # of FRAMES_OF_LIST

cdef struct ChosenFrames:   # of one image
    uint64_t count
    int64_t first
    int64_t step
    const int64_t* numbers  # NULL: first, first + step, ...; else negative ones count from the end
    int64_t frames          # that the image has
    bint keeps_axis         # the result has an axis of frames where `frame_dim` does not say

cdef enum AreaStatus:
    AREA_FOUND = 0
    AREA_OF_NO_CODEC        # `reduce` where the codec has no resolutions
    AREA_OUTSIDE            # the region leaves the image
    AREA_EMPTY

cdef struct Asked:          # of a request, in the numbers of words.h
    int values
    int color
    int scale
    int target              # an element type; -1: the native one of the level
    int frame_dim           # -1: only where there are several frames; 0, 1: never, always
    bint color_dim
    bint must_fit           # a range that does not fit is an error; else values are clipped
    WindowAsked window
    FramesAsked frames
    RegionAsked region
    int reduce
    bint by_openjpeg        # JPEG 2000 and HTJ2K
    bint pads               # pixels that are padding become a value of the caller's
    bint overlays           # are drawn

cdef struct Layout:         # how stored values lie in a frame, and what they are
    int syntax              # row of the table of transfer syntaxes
    int codec               # CodecKind
    bint gives_cells        # the codec gives native cells, which are unpacked like native pixel data
    bint is_stream          # all frames are one stream
    bint does_areas         # the codec decodes reduced resolutions and regions by itself
    bint tells_colour       # streams may say the colour of their samples
    bint lacks_colour       # Photometric Interpretation is missing
    bint is_lossy           # by the transfer syntax
    uint64_t ratio          # of `gives_cells`: the most bytes for each byte of a codestream; 0: no bound
    uint64_t pixels_per_bit     # of other codecs: the most pixels for each bit of a codestream; 0: no bound
    uint64_t pixels_per_byte    # what the limits allow where there is none
    Spec spec
    uint64_t pixels         # of a frame
    int cell                # element type of a stored value
    int bits                # of a sample after colour
    int conversion          # of cells and of our own lossless JPEG
    bint to_rgb             # RGB is wanted
    bint uses_palette
    bint uses_profiles
    bint is_planar
    bint is_422             # stored as Y1 Y2 Cb Cr (PS3.3 C.7.6.3.1.2)
    uint64_t pair_rows      # of 4:2:2: how many rows, each of whole pairs, a frame is stored in
    uint64_t pair_columns   # and how many pixels each of these has
    int swapped             # bytes of a word that are in the other order; 0: none
    bint is_machine_type    # Bits Allocated is 8, 16, 32 or 64
    bint in_order           # the cells of a frame are its samples one after the other
    int left                # shifts that bring the stored bits of a cell down
    int right
    bint shifts_first       # they are made before colour; else the plan makes them
    bint trims_samples      # a codestream may store bits beside those of the values
    int high_bit
    int low_bit             # of the stored bits, where cells are unpacked bit by bit
    int stored_bits         # of a cell
    bint is_signed
    uint64_t frame_bits     # of native cells

cdef struct Fragment:
    uint64_t offset         # in the file
    uint32_t length
    uint16_t family         # of the codestream that begins here, where the walk looked
    uint16_t strays         # bytes in front of it

cdef struct FrameIndex:     # where the frames of encapsulated pixel data are
    uint64_t first          # of the first fragment's item
    uint64_t end
    uint64_t frames         # Number of Frames
    uint64_t limit          # of fragments
    uint64_t cells          # bytes of a frame, where fragments hold native cells and no codestream; else 0
    bint is_deflated        # these cells are
    size_t basic_entries    # of the Basic and of the Extended Offset Table
    size_t extended_entries
    uint64_t* table         # frame -> offset from `first`; NULL where no offset table can be believed
    Fragment* fragments     # all of them, after `walked`
    size_t count
    size_t* starts          # frame -> its first fragment, and one more entry; NULL: see `found`
    size_t found            # frames that the fragments make: one each, or all of them one
    uint64_t walked         # 1 after a walk over all fragments
    Fragment* front         # the first fragments, as far as a walk has gone that looked for some frames only
    size_t front_room       # of them; 0: no more of them are frames of their own
    size_t front_found
    uint64_t front_end      # where the next one is
    uint64_t front_count    # frames, the first `front_count` fragments

cdef struct Run:            # what writes frames
    const FileBytes* bytes
    const Layout* layout
    FrameIndex* index       # of encapsulated pixel data
    int reduce
    bint by_openjpeg        # not by our own decoder of JPEG 2000
    const Area* area        # NULL: whole frames
    size_t rows             # of the result
    size_t columns

cdef struct Scratch:        # memory that frames share, one after the other
    size_t strays           # bytes in front of the last codestream that belong to none of it
    uint8_t* stream
    size_t stream_size
    uint8_t* cells
    size_t cells_size
    uint8_t* samples
    size_t samples_size
    uint8_t* planes
    size_t planes_size
    Fragment* fragments
    size_t fragment_room


cdef struct Alone:              # one image, from the bytes of its file to memory of the caller
    Asked asked
    FileBytes bytes
    ImageHeader header
    Layout layout
    FrameIndex index
    ChosenFrames chosen
    Area area
    Run run
    CPlan plan
    int dim_count               # of the result
    int64_t[4] dims
    size_t size                 # of the result, in bytes

ctypedef bint (*MakePlan)(Asked* asked, const FileMap* m, const ImageHeader* h, const Layout* layout,
                          CPlan* plan) noexcept nogil

cdef bint prepare_alone(Alone* a, const CLimits* limits, MakePlan make_plan) noexcept nogil
cdef bint shape_alone(Alone* a, int samples, uint64_t limit) noexcept nogil
cdef int fill_alone(Alone* a, uint8_t* out) noexcept nogil


cdef int describe(const FileMap* m, const ImageHeader* h, const FileBytes* f, int color, bint whole_cells,
                  Layout* l) noexcept nogil
cdef int plan_of_integers(const ImageHeader* h, const Layout* l, const Asked* asked, CPlan* plan,
                          bint* fit) noexcept nogil
cdef int result_dims(const Asked* asked, uint64_t frames, bint keeps_axis, size_t rows, size_t columns, int samples,
                     int64_t* dims) noexcept nogil
cdef int choose_frames(const FramesAsked* asked, uint64_t frames, ChosenFrames* chosen) noexcept nogil
cdef uint64_t nth_frame(const ChosenFrames* chosen, uint64_t i) noexcept nogil
cdef uint64_t highest_frame(const ChosenFrames* chosen) noexcept nogil
cdef int choose_area(const Asked* asked, const ImageHeader* h, const Layout* layout, Area* area,
                     Run* run) noexcept nogil
cdef int begin_index(FrameIndex* index, const FileBytes* f, const FileMap* m, const ImageHeader* h,
                     const Layout* l, Fault* fault) noexcept nogil
cdef int walk_index(FrameIndex* index, const FileBytes* f, uint32_t tag, uint64_t last, Fault* fault) noexcept nogil
cdef void free_index(FrameIndex* index) noexcept nogil
cdef int check_frames(const Layout* l, const FrameIndex* index, const ImageHeader* h, uint64_t last, uint64_t count,
                      Fault* fault) noexcept nogil
cdef int write_one(const Run* r, const ImageHeader* h, uint64_t frame, const CPlan* plan, Scratch* s, uint8_t* out,
                   Fault* fault) noexcept nogil
cdef bint needs_no_python(const Run* r, const ImageHeader* h) noexcept nogil
cdef void free_scratch(Scratch* s) noexcept nogil


cdef class Request:
    cdef Asked asked
    cdef readonly object dtype
    cdef readonly object frames
    cdef bytes numbers              # what `asked.frames.numbers` points into
    cdef readonly object out
    cdef readonly object window
    cdef readonly object padding
    cdef readonly object region
    cdef readonly int threads


cdef class PixelData:
    cdef readonly DicomFile file
    cdef FrameIndex index
    cdef bint has_index
    cdef object walking             # a lock, of who walks over the fragments
    cdef public object palette
    cdef public object alpha_palette
    cdef public object profiles
    cdef public object auto_window
    cdef public object stream_as_rgb
    cdef public object stream_as_stored

    cdef FrameIndex* indexed(self, const Layout* layout) except NULL
    cdef int walk(self, uint64_t last=*) except -1


cdef class Frames:
    cdef readonly PixelData pixels
    cdef DicomFile file
    cdef Layout layout
    cdef Run run
    cdef Area area
    cdef int color                  # that the request asks for, and
    cdef bint whole_cells           # what else the layout depends on
    cdef object codec               # the codec's Python function, once it was needed
    cdef readonly object numbers    # of the frames that are asked for
    cdef ChosenFrames chosen

    cdef int check(self, uint64_t last, uint64_t count) except -1
    cdef uint64_t fetch_ahead(self, uint64_t frame, uint64_t count) except 0
    cdef int take_area(self, Request request) except -1
    cdef int write_with_python(self, uint64_t frame, int status, Plan plan, out, uint64_t at) except -1
    cdef int write_by_function(self, uint64_t frame, Plan plan, target) except -1
    cdef object read_samples(self, uint64_t frame, int status, place, bint as_cells)
    cdef int read_into(self, uint64_t frame, int status, place, int* conversion) except -1
    cdef int read_by_other(self, uint64_t frame, place, bint as_cells) except -1
    cdef int raise_located(self, const Fault* fault, int status, uint64_t frame) except -1
    cdef int codestream(self, uint64_t frame, Scratch* s, const uint8_t** data, size_t* size) except -1
