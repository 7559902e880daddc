/* libFuzzer's entry to the loops over cells: they check no bounds, so each gets memory of just the size that is right.
 * Cells, then which loop, how many, and how they lie.
 */
#include "_plans.c"

#include "module.h"

#define F(name) __pyx_f_11dicomdecode_6pixels_6_plans_##name
#define F_TABLE __pyx_e_11dicomdecode_6pixels_6_plans_PLAN_TABLE
#define F_PALETTE __pyx_e_11dicomdecode_6pixels_6_plans_PLAN_PALETTE

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    import_this("dicomdecode.pixels._plans", PyInit__plans);
    return 0;
}

typedef struct __pyx_t_11dicomdecode_6pixels_6_plans_CPlan Plan;
typedef struct __pyx_t_11dicomdecode_6pixels_6_plans_CAffine Affine;
typedef struct __pyx_t_11dicomdecode_6pixels_6_plans_Cells Form;

/* Cells as often as it takes to have `n`: pictures become grey levels in another way where they are large. */
static uint8_t *repeated(const uint8_t *cells, size_t size, size_t bytes) {
    uint8_t *more = malloc(bytes);
    if (!more || !size) abort();
    for (size_t at = 0; at < bytes; at += size) memcpy(more + at, cells, size < bytes - at ? size : bytes - at);
    return more;
}

static Affine any_map(Input *in, int target) {
    const double slope = (double)(int8_t)take(in) / 16, intercept = (double)(int8_t)take(in) * (1 << take(in) % 16);
    const double low = (double)take(in) - 200, high = low + take(in) * 256.0;
    Affine map = {1, 0, -HUGE_VAL, HUGE_VAL};       /* values as they are */
    switch (take(in) % 6) {
    case 1: map = (Affine){slope, intercept, low, high}; break;
    case 2: map = (Affine){slope, intercept, -HUGE_VAL, HUGE_VAL}; break;
    case 3: map = F(unit_onto)(F(joined)(map, F(window_onto_unit)(low, 2 + high - low, (int)take(in) & 1)), target); break;
    case 4: map = F(unit_onto)(F(range_onto_unit)(low, high), target); break;
    case 5: map = F(stretched)(map, low, high, target); break;
    default: break;
    }
    return map;
}

static void run_any_plan(Input *in, const uint8_t *cells, size_t size) {
    Plan plan;
    const int source = (int)(take(in) % 10), target = (int)(take(in) % 11), item = F(item_bytes)(source);
    const Affine map = any_map(in, target);
    const int left = source < 8 ? (int)take(in) % (8 * item) : 0;
    const Form form = {source, left, source < 8 ? left + (int)take(in) % (8 * item - left) : 0};
    const int is_large = source <= 3 && target == 0 && size && (item == 1 || take(in) == 255);
    const size_t n = is_large ? (item == 1 ? 4096 : 262144) : size / (size_t)item;
    double low, high;
    F(possible_range)(1 + left % 16, left & 1, &low, &high);
    F(range_fits)(low, high, target);
    if (!F(fold)(&map, source, target, &plan) || !F(has_loop)(&plan)) return;
    uint8_t *more = is_large ? repeated(cells, size, n * (size_t)item) : NULL;
    void *out = malloc(n * F(result_bytes)(&plan) + 1);
    F(run_plan)(&plan, &form, more ? more : cells, n, out);
    free(out);
    free(more);
}

/* All tables end here, so that the sanitizer sees a byte behind them. */
static uint8_t tables[8 << 16];

/* A table with an entry for each cell, or a palette: cells of 8 or 16 bits. */
static void look_up_any(Input *in, const uint8_t *cells, size_t size, int is_palette) {
    const int source = (int)(take(in) % 4), target = (int)(take(in) % 11);
    Plan plan = {.kind = is_palette ? F_PALETTE : F_TABLE, .source = source, .target = target, .samples = 1};
    const Form form = {source, 0, 0};
    const size_t n = size / (size_t)F(item_bytes)(source);
    size_t entries = (size_t)1 << (8 * F(item_bytes)(source));
    if (is_palette) {
        plan.samples = 1 + (int)(take(in) % 4);
        plan.first = (int16_t)(take(in) << 8 | take(in));
        plan.entries = (int64_t)(entries = 1 + take(in) % 64);
    }
    const size_t bytes = entries * (size_t)plan.samples * (size_t)F(item_bytes)(target);
    plan.table = tables + sizeof tables - bytes;
    void *out = malloc(n * F(result_bytes)(&plan) + 1);
    F(run_plan)(&plan, &form, cells, n, out);
    free(out);
}

static void unpack_any(Input *in, const uint8_t *cells, size_t size) {
    const int allocated = 1 + (int)take(in) % 64;
    const int stored = 1 + (int)take(in) % allocated, shift = (int)take(in) % (allocated - stored + 1);
    const unsigned first = take(in);
    const int item = stored <= 8 ? 1 : stored <= 16 ? 2 : stored <= 32 ? 4 : 8;
    if (8 * size < first) return;
    const size_t n = (8 * size - first) / (size_t)allocated;
    void *out = malloc(n * (size_t)item + 1);
    F(unpack_cells)(cells, size, first, n, allocated, shift, stored, (int)take(in) & 1, out, item);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input in = {data, size};
    const unsigned which = take(&in) % 9;
    const int cell = 1 << (take(&in) & 3);
    uint8_t *cells, *out;
    if (size < 16) return 0;
    const size_t kept = (size - 16) & ~(size_t)7;
    cells = copy_of(data, kept);
    const size_t n = kept / (size_t)cell;
    out = malloc(3 * kept + 8);
    if (which == 0) run_any_plan(&in, cells, kept);
    if (which == 1) unpack_any(&in, cells, kept);
    if (which == 2 && cell > 1) F(swap_cells)(cells, out, n, cell);
    if (which == 3) F(interleave_planes)(cells, out, n / 4, 3 + (int)(take(&in) & 1), cell);
    if (which == 4) {
        const size_t columns = 1 + take(&in) % 16;
        F(expand_half_chroma)(cells, out, n / ((columns + 1) / 2 * 4), columns, cell);
    }
    if (which == 5) F(shift_cells)((int)take(&in) % 8, cells, kept / 8, (int)take(&in) % 8, (int)take(&in) % 8);
    if (which == 6 && cell <= 2)
        F(ybr_to_rgb)(cells, n / 3, cell, cell == 1 ? 8 : 9 + (int)take(&in) % 8, (int)take(&in) & 1);
    if (which >= 7) look_up_any(&in, cells, kept, which == 8);
    free(out);
    free(cells);
    return 0;
}
