/* libFuzzer's entry to the scanner, the header, texts and the walk over fragments: a file, and a byte of options.
 *
 *     bit 0      in windows that grow, as a file on disk is read, else in memory as a whole
 *     bits 1-3   the first window is 1 << (4 + n) bytes
 *     bit 4      6,000 zeros follow, so that there may be values that are stepped over (build.sh: from 4096 bytes on)
 *     bit 5      the fragments are outside of memory
 *     bit 6      texts of a whole file at once, as the op reads them
 */
#include "_reading.c"

#include "module.h"

#define F(name) __pyx_f_11dicomdecode_7reading_8_reading_##name
#define T(name) struct __pyx_t_11dicomdecode_7reading_8_reading_##name
#define E(name) __pyx_e_11dicomdecode_7reading_8_reading_##name
enum { SCAN_DONE = E(SCAN_DONE), SCAN_PIXELS = E(SCAN_PIXELS), SCAN_MORE = E(SCAN_MORE), SCAN_FAR = E(SCAN_FAR),
       SCAN_FAULT = E(SCAN_FAULT), FAR = E(FAR) };

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

/* A file whose bytes behind `size` are zeros. */
typedef struct {
    Input front;
    uint64_t size;
    uint8_t *windows[64];
    int count;
} File;

static int64_t read_more(void *source, uint64_t offset, uint8_t *buffer, size_t size) {
    const File *file = source;
    if (offset >= file->size) return 0;
    if (size > file->size - offset) size = file->size - offset;
    const size_t copied = offset >= file->front.size ? 0 : size < file->front.size - offset ? size : file->front.size - offset;
    if (copied) memcpy(buffer, file->front.data + offset, copied);
    memset(buffer + copied, 0, size - copied);
    return (int64_t)size;
}

/* A window of the file, which is a copy: what lies behind it is not to be read. */
static uint8_t *open_window(File *file, uint64_t base, size_t size) {
    uint8_t *window = malloc(size ? size : 1);
    if (!window || file->count == 64) abort();
    read_more(file, base, window, size);
    return file->windows[file->count++] = window;
}

static int scan_windows(T(FileMap) *m, File *file, size_t first, T(Fault) *fault) {
    F(map_init)(m, NULL, 0, 0, file->size);
    m->limits = limits;
    m->steps_over = 1;
    for (size_t window = first;; window = m->wanted > 2 * m->cursor.size ? m->wanted : 2 * m->cursor.size) {
        if (window > m->file_size) window = m->file_size;
        if (m->cursor.size) free(file->windows[--file->count]);
        m->cursor.data = open_window(file, m->base, window);
        m->cursor.size = window;
        int result = F(scan)(m, 1, fault);
        if (result == SCAN_FAR) {
            F(add_window)(m, m->cursor.data, m->base);
            m->file_size = m->base + m->file_size - m->wanted;
            m->base = m->wanted;
            m->cursor.size = m->cursor.pos = 0;
            m->wanted = first < m->file_size ? first : m->file_size;
            if (file->count == 64) return SCAN_FAULT;
        } else if (result != SCAN_MORE) {
            return result;
        } else if (window == m->file_size) {
            abort();            /* a loop without progress */
        }
    }
}

/* The items of a sequence, as `Items` and `DataSet.child` go through them. */
static void walk_items(const T(FileMap) *m, const T(Element) *e) {
    struct __pyx_t_11dicomdecode_7reading_7_cursor_Cursor c = {F(value_at)(m, e), e->length, 0, m->cursor.big_endian};
    T(Fault) fault = {0};
    uint32_t tag = 0;
    uint64_t length = 0;
    while (F(next_item)(&c, c.size, &tag, &length) && tag == 0xFFFEE000) {
        if (length == 0xFFFFFFFF) {
            T(FileMap) walk = *m;
            walk.base = e->offset;
            walk.file_size = e->length;
            walk.walked = 0;
            walk.steps_over = 0;
            if (F(walk_undefined)(&walk, &c, m->explicit_vr, 1, &fault) != SCAN_DONE) break;
        } else if (length > c.size - c.pos) {
            break;
        } else {
            T(FileMap) item;
            F(map_init)(&item, c.data + c.pos, length, e->offset + c.pos, length);
            item.cursor.big_endian = c.big_endian;
            item.explicit_vr = F(item_is_explicit)(&item.cursor, length, m->explicit_vr);
            item.limits = m->limits;
            F(scan_item)(&item, &fault);
            F(map_free)(&item);
            c.pos += length;
        }
    }
}

static void read_texts(const T(FileMap) *m, const T(ElementTable) *table) {
    const int charset = F(charset_of)(m);
    for (size_t i = 0; i < table->count; i++) {
        const T(Element) *e = &table->items[i];
        if (e->flags & FAR) continue;
        const uint8_t *value = F(value_at)(m, e);
        char *text = NULL;
        const int64_t n = F(write_text)(value, e->length, e->vr, i & 1, charset, &text);
        if (n > (int64_t)(4 * e->length)) abort();
        free(text);
        if (F(bytes_of_values)(value, e->length, e->vr, (int)(i % 5), 1 + i % 3) > e->length) abort();
        if (F(find)(table, e->tag) == NULL) abort();
        if (e->vr == ('S' << 8 | 'Q')) walk_items(m, e);
    }
}

static void take_text(void *target, size_t index, const char *text, size_t size) {
    *(size_t *)target += index + (size ? (unsigned char)text[size - 1] : 0);
}

static void read_texts_at_once(const uint8_t *data, size_t size) {
    static const uint32_t tags[] = {0x00020010, 0x00080005, 0x00081140, 0x00100010, 0x00280120, 0x00281050, 0x00281053};
    size_t sum = 0;
    F(texts_of_file)(data, size, &limits, tags, sizeof tags / sizeof *tags, take_text, &sum);
}

static void walk_fragments(const T(FileBytes) *file, const T(Element) *pixels) {
    T(FragmentWalk) walk;
    uint64_t before = pixels->offset;
    int kind = 1;
    F(walk_init)(&walk, file, pixels->offset, pixels->offset + pixels->length);
    while (kind == 1) {         /* FRAGMENT */
        kind = F(next_fragment)(&walk);
        if (kind == 1 && (walk.at <= before || walk.offset + walk.length > walk.end)) abort();
        if (kind == 1 && walk.length) F(begin_of_fragment)(&walk, walk.length < 4 ? walk.length : 4);
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
    File file = {.front = in, .size = in.size + (options & 16 ? 6000 : 0)};
    int result;
    if (options & 1) {
        result = scan_windows(&m, &file, (size_t)16 << (options >> 1 & 7), &fault);
    } else {
        const T(FileBytes) held = {copy, in.size, in.size, NULL, NULL};
        result = F(scan_held)(&m, &held, &limits, &fault);
        if (options & 64) read_texts_at_once(copy, in.size);
    }
    if (result == SCAN_FAULT && fault.kind == 0) abort();
    if (result == SCAN_DONE || result == SCAN_PIXELS) {
        F(parse_header)(&m, &header);
        F(check_header)(&m, &header, &fault);
        double slope, intercept;
        if (F(rescale_of)(&header, &slope, &intercept) + F(is_shown_inverted)(&header) > 2) abort();
        read_texts(&m, &m.elements);
        read_texts(&m, &m.meta);
        if (!(options & 1) && header.pixels.tag) {
            T(FileBytes) held = {copy, in.size, in.size, NULL, NULL};
            if (options & 32) held = (T(FileBytes)){copy, in.size / 3, in.size, read_more, &file};
            walk_fragments(&held, &header.pixels);
        }
    }
    F(map_free)(&m);
    while (file.count) free(file.windows[--file.count]);
    free(copy);
    return 0;
}
