/* libFuzzer's entry to the scanner, the header, texts and the walk over fragments: a file, and a byte of options.
 *
 *     bit 0      in windows that grow, as a file on disk is read, else in memory as a whole
 *     bits 1-3   the first window is 1 << (4 + n) bytes
 */
#include "_reading.c"

#include "module.h"

#define F(name) __pyx_f_11dicomdecode_7reading_8_reading_##name
#define T(name) struct __pyx_t_11dicomdecode_7reading_8_reading_##name

static const struct __pyx_t_11dicomdecode_7reading_7_limits_CLimits limits = {
    .pixels_per_frame = 1 << 20, .frames = 1 << 12, .output_bytes = 1 << 24, .header_bytes = 1 << 20,
    .elements = 1 << 14, .fragments = 1 << 12, .inflate_ratio = 100, .pixels_per_byte = 1 << 10, .depth = 8};

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    import_this("dicomdecode.reading._reading", PyInit__reading);
    PyEval_SaveThread();        /* a number of many digits is read by Python, which takes the GIL by itself */
    return 0;
}

/* Windows of the file, each a copy: what lies behind one is not to be read. */
static int scan_windows(T(FileMap) *m, const uint8_t *data, size_t size, size_t window, uint8_t **held,
                        T(Fault) *fault) {
    F(map_init)(m, NULL, 0, 0, size);
    m->limits = limits;
    for (int result = 2; result == 2;) {        /* SCAN_MORE */
        if (window > size) window = size;
        free(*held);
        *held = copy_of(data, window);
        m->cursor.data = *held;
        m->cursor.size = window;
        result = F(scan)(m, 1, fault);
        if (result != 2) return result;
        if (window == size) abort();            /* a loop without progress */
        window = m->wanted > 2 * window ? m->wanted : 2 * window;
    }
    return -1;
}

static void read_texts(const T(FileMap) *m, const T(ElementTable) *table) {
    const int charset = F(charset_of)(m);
    for (size_t i = 0; i < table->count; i++) {
        const T(Element) *e = &table->items[i];
        const uint8_t *value = F(value_at)(m, e);
        char *text = NULL;
        const int64_t n = F(write_text)(value, e->length, e->vr, i & 1, charset, &text);
        if (n > (int64_t)(4 * e->length)) abort();
        free(text);
        if (F(bytes_of_values)(value, e->length, e->vr, (int)(i % 5), 1 + i % 3) > e->length) abort();
        if (F(find)(table, e->tag) == NULL) abort();
    }
}

static void walk_fragments(const T(FileBytes) *file, const T(Element) *pixels) {
    T(FragmentWalk) walk;
    uint64_t before = pixels->offset;
    int kind = 1;
    F(walk_init)(&walk, file, pixels->offset, pixels->offset + pixels->length);
    while (kind == 1) {         /* FRAGMENT */
        kind = F(next_fragment)(&walk);
        if (kind == 1 && (walk.at <= before || walk.offset + walk.length > walk.end)) abort();
        before = walk.at;
    }
    F(walk_free)(&walk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input in = {data, size};
    const unsigned options = take(&in);
    T(FileMap) m;
    T(ImageHeader) header;
    T(Fault) fault = {0};
    uint8_t *copy = copy_of(in.data, in.size);
    int result;
    if (options & 1) {
        free(copy);
        copy = NULL;
        result = scan_windows(&m, in.data, in.size, (size_t)16 << (options >> 1 & 7), &copy, &fault);
    } else {
        const T(FileBytes) file = {copy, in.size, in.size, NULL, NULL};
        result = F(scan_held)(&m, &file, &limits, &fault);
    }
    if (result < 0 && fault.kind == 0) abort();
    if (result == 0 || result == 1) {           /* SCAN_DONE, SCAN_PIXELS */
        F(parse_header)(&m, &header);
        F(check_header)(&m, &header, &fault);
        read_texts(&m, &m.elements);
        read_texts(&m, &m.meta);
        if (!(options & 1) && header.pixels.tag) {
            T(FileBytes) file = {copy, in.size, in.size, NULL, NULL};
            walk_fragments(&file, &header.pixels);
        }
    }
    F(map_free)(&m);
    free(copy);
    return 0;
}
