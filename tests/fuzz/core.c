/* libFuzzer's entry to the core: a file, and options. What a file is, where its frames are, its frames through the plan
 * of integers; native cells, RLE, lossless JPEG, JPEG-LS and JPEG 2000. Only the core itself is sanitised.
 */
#include "_core.c"

#include "module.h"

#define F(name) __pyx_f_11dicomdecode_6pixels_5_core_##name
#define T(name) struct __pyx_t_11dicomdecode_6pixels_5_core_##name
#define R(name) struct __pyx_t_11dicomdecode_7reading_8_reading_##name

typedef struct __pyx_t_11dicomdecode_7reading_7_limits_CLimits Limits;

static const Limits limits = {
    .pixels_per_frame = 1 << 14, .frames = 1 << 8, .output_bytes = 1 << 20, .header_bytes = 1 << 20,
    .elements = 1 << 14, .fragments = 1 << 10, .inflate_ratio = 100, .pixels_per_byte = 1 << 10, .depth = 8};

static int (*scan_held)(R(FileMap) *, const R(FileBytes) *, const Limits *, R(Fault) *);
static void (*parse_header)(const R(FileMap) *, R(ImageHeader) *);
static void (*map_free)(R(FileMap) *);
static int (*header_is_sound)(const R(FileMap) *, const R(ImageHeader) *, R(Fault) *);

static void *function_of(PyObject *module, const char *name) {
    PyObject *table = PyObject_GetAttrString(module, "__pyx_capi__");
    PyObject *capsule = table ? PyDict_GetItemString(table, name) : NULL;
    if (!capsule) abort();
    return PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule));
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    import_this("dicomdecode.pixels._core", PyInit__core);
    PyObject *reading = PyImport_ImportModule("dicomdecode.reading._reading");
    if (!reading) abort();
    *(void **)&scan_held = function_of(reading, "scan_held");
    *(void **)&parse_header = function_of(reading, "parse_header");
    *(void **)&map_free = function_of(reading, "map_free");
    *(void **)&header_is_sound = function_of(reading, "check_header");
    PyEval_SaveThread();
    return 0;
}

static void decode(const R(FileMap) *m, const R(ImageHeader) *h, const R(FileBytes) *file, unsigned color,
                   unsigned target, unsigned frame) {
    T(Layout) layout;
    T(FrameIndex) index;
    T(Asked) asked = {.values = color & 1, .color = (int)color, .target = (int)(target % 11), .frame_dim = -1};
    struct __pyx_t_11dicomdecode_6pixels_6_plans_CPlan plan;
    R(Fault) fault = {0};
    T(Scratch) scratch;
    T(Run) run = {.bytes = file, .layout = &layout, .rows = h->rows, .columns = h->columns};
    int fits = 0;
    memset(&scratch, 0, sizeof scratch);
    memset(&index, 0, sizeof index);
    if (F(describe)(m, h, file, (int)(color % 2), (int)(color >> 2 & 1), &layout) != 0) return;
    if (F(plan_of_integers)(h, &layout, &asked, &plan, &fits) != 0) return;
    if (layout.codec && F(begin_index)(&index, file, m, h, &fault) < 0) goto end;
    run.index = layout.codec ? &index : NULL;
    frame %= (unsigned)h->frames;
    if (F(check_frames)(&layout, &index, h, frame, 1, &fault) < 0) goto end;
    if (layout.codec && index.table == NULL && F(walk_index)(&index, file, h->pixels.tag, &fault) < 0) goto end;
    if (F(needs_no_python)(&run, h)) {
        size_t bytes = run.rows * run.columns * (size_t)h->samples * 8;
        uint8_t *out = malloc(bytes);
        int status = 2;
        for (int k = 0; k < 2 && status == 2 && out; k++) {      /* NEEDS_WALK */
            status = F(write_one)(&run, h, frame, &plan, &scratch, out, &fault);
            if (status == 2 && F(walk_index)(&index, file, h->pixels.tag, &fault) < 0) break;
        }
        free(out);
    }
end:
    F(free_scratch)(&scratch);
    F(free_index)(&index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input in = {data, size};
    const unsigned color = take(&in), target = take(&in), frame = take(&in);
    uint8_t *copy = copy_of(in.data, in.size);
    R(FileMap) m;
    R(ImageHeader) h;
    R(Fault) fault = {0};
    const R(FileBytes) file = {copy, in.size, in.size, NULL, NULL};
    if (scan_held(&m, &file, &limits, &fault) == 1) {       /* SCAN_PIXELS */
        parse_header(&m, &h);
        if (header_is_sound(&m, &h, &fault) == 0) decode(&m, &h, &file, color, target, frame);
    }
    map_free(&m);
    free(copy);
    return 0;
}
