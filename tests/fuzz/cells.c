/* libFuzzer's entry to the loops over cells: they check no bounds, so each gets memory of just the size that is right.
 * Cells, then which loop, how many, and how they lie.
 */
#include "_plans.c"

#include "module.h"

#define F(name) __pyx_f_11dicomdecode_6pixels_6_plans_##name

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    import_this("dicomdecode.pixels._plans", PyInit__plans);
    return 0;
}

static void run_any_plan(Input *in, const uint8_t *cells, size_t size) {
    struct __pyx_t_11dicomdecode_6pixels_6_plans_CPlan plan;
    struct __pyx_t_11dicomdecode_6pixels_6_plans_CAffine map;
    struct __pyx_t_11dicomdecode_6pixels_6_plans_Cells form;
    const int source = (int)(take(in) % 10), target = (int)(take(in) % 11), bits = 8 * F(item_bytes)(source);
    const size_t n = size / (size_t)F(item_bytes)(source);
    map.slope = (double)(int8_t)take(in) / 16;
    map.intercept = (double)(int8_t)take(in) * (1 << take(in) % 16);
    map.low = (double)take(in) - 200;
    map.high = map.low + take(in) * 256.0;
    form.type = source;
    form.left = source < 8 ? (int)take(in) % bits : 0;
    form.right = source < 8 ? form.left + (int)take(in) % (bits - form.left) : 0;
    if (!F(fold)(&map, source, target, &plan) || !F(has_loop)(&plan)) return;
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
    const unsigned which = take(&in) % 7;
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
    if (which == 3) F(interleave_planes)(cells, out, n / 3, 3, cell);
    if (which == 4 && cell <= 2) F(expand_half_chroma)(cells, out, n / 4, cell);
    if (which == 5) F(shift_cells)((int)take(&in) % 8, cells, kept / 8, (int)take(&in) % 8, (int)take(&in) % 8);
    if (which == 6 && cell <= 2)
        F(ybr_to_rgb)(cells, n / 3, cell, cell == 1 ? 8 : 9 + (int)take(&in) % 8, (int)take(&in) & 1);
    free(out);
    free(cells);
    return 0;
}
