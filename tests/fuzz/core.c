/* libFuzzer's entry to the core: a file, and options behind it. What a file is, where its frames are, its frames through
 * plans into the result: as batches and the op do it. Only the core itself is sanitised.
 *
 *     last byte   bits 0-1 values, bit 2 scale, bit 3 color_dim, bit 4 must_fit, bits 5-6 held (see below);
 *                 bit 7 OpenJPEG, and reads fail
 *     -2          color, element type of the result
 *     -3          frame_dim, kind of window and of frames
 *     -4 .. -7    start, stop and step of frames; resolution
 *     -8 .. -11   a region, where the resolution has bit 7
 *
 * held: the file is in memory; or up to the first byte of Pixel Data, or up to the 40th; or all but its last eight.
 */
#include "_core.c"

#include "module.h"

#define F(name) __pyx_f_11dicomdecode_6pixels_5_core_##name
#define T(name) struct __pyx_t_11dicomdecode_6pixels_5_core_##name
#define FILE_BYTES struct __pyx_t_11dicomdecode_7reading_8_reading_FileBytes

static const struct __pyx_t_11dicomdecode_7reading_7_limits_CLimits limits = {
    .pixels_per_frame = 1 << 14, .frames = 1 << 8, .output_bytes = 1 << 18, .header_bytes = 1 << 20,
    .elements = 1 << 14, .fragments = 1 << 4, .inflate_ratio = 100, .pixels_per_byte = 1 << 10, .depth = 8};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    import_this("dicomdecode.pixels._core", PyInit__core);
    PyEval_SaveThread();
    return 0;
}

static int read_fails;

/* Bytes of the file that are not in memory. */
static int64_t read_more(void *source, uint64_t offset, uint8_t *buffer, size_t size) {
    const Input *whole = source;
    if (read_fails) return offset & 1 ? -1 : 0;
    if (offset >= whole->size) return 0;
    if (size > whole->size - offset) size = whole->size - offset;
    memcpy(buffer, whole->data + offset, size);
    return (int64_t)size;
}

/* Where the value of Pixel Data (7FE0,0010) begins, in explicit VR; else the end. */
static size_t pixels_at(const Input *in) {
    for (size_t i = 0; i + 12 < in->size; i++)
        if (memcmp(in->data + i, "\xE0\x7F\x10\0O", 5) == 0) return i + 12;
    return in->size;
}

static void ask(Input *in, T(Asked) *asked) {
    static int64_t numbers[3];
    unsigned flags = take(in);
    asked->color = (int)(flags % 5);
    asked->target = (int)(flags / 5 % 12) - 1;
    flags = take(in);
    asked->frame_dim = (int)(flags & 3) % 3 - 1;
    asked->window.kind = (int)(flags >> 2 & 3) % 3;
    asked->frames.kind = (int)(flags >> 4 & 7) % 5;
    asked->frames.start = (int8_t)take(in);
    asked->frames.stop = (int8_t)take(in);
    asked->frames.step = (int8_t)take(in);
    if (asked->frames.step == 0) asked->frames.step = 1;
    if (asked->frames.kind == 3)        /* FRAMES_OF_RANGE: the last one is on the way */
        asked->frames.stop = asked->frames.start + asked->frames.step * (asked->frames.stop & 3);
    if (asked->frames.kind == 4) {      /* FRAMES_OF_LIST */
        numbers[0] = asked->frames.start;
        numbers[1] = asked->frames.step;
        asked->frames.numbers = numbers;
        asked->frames.stop &= 3;
    }
    asked->window.center = 30;
    asked->window.width = 1 + (int)asked->frames.step;
    asked->window.function = (int)(flags >> 2 & 3);
    flags = take(in);
    asked->reduce = (int)(flags & 15) % 6;
    asked->region.is_given = flags >> 7;
    asked->region.row = (int8_t)take(in);
    asked->region.column = (int8_t)take(in);
    asked->region.height = (int8_t)take(in);
    asked->region.width = (int8_t)take(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input in = {data, size};
    T(Alone) a;
    memset(&a, 0, sizeof a);
    const unsigned flags = take(&in);
    a.asked.values = (int)(flags & 3);
    a.asked.scale = (int)(flags >> 2 & 1);
    a.asked.color_dim = (int)(flags >> 3 & 1);
    a.asked.must_fit = (int)(flags >> 4 & 1);
    a.asked.by_openjpeg = read_fails = (int)(flags >> 7);
    ask(&in, &a.asked);
    Input whole = {copy_of(in.data, in.size), in.size};
#ifdef PLANTED
    whole.size -= whole.size > 0;
    const size_t held = in.size;
#else
    const size_t pixels = pixels_at(&in), parts[] = {0, in.size - pixels, in.size - pixels - 40, 8};
    const size_t left_out = parts[flags >> 5 & 3], held = in.size - (left_out <= in.size ? left_out : 0);
#endif
    uint8_t *front = copy_of(whole.data, held);
    a.bytes = (FILE_BYTES){front, held, in.size, read_more, &whole};
    if (F(prepare_alone)(&a, &limits, NULL)) {
        uint8_t *out = malloc(a.size ? a.size : 1);
        if (!out) abort();
        int status = F(fill_alone)(&a, out);
        if (status == 2) {                              /* NEEDS_WALK */
            struct __pyx_t_11dicomdecode_7reading_8_reading_Fault fault;
            const uint64_t last = a.header.frames - 1;
            if (F(walk_index)(&a.index, &a.bytes, a.header.pixels.tag, last, &fault) == 0) F(fill_alone)(&a, out);
        }
        F(free_index)(&a.index);
        free(out);
    }
    free(front);
    free((void *)whole.data);
    return 0;
}
