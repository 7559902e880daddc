/* libFuzzer's entry to the RLE decoder: a frame, then rows, columns, and how a sample lies. */
#include "_rle.c"

#include "module.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    import_this("dicomdecode.codecs._rle", PyInit__rle);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const int SAMPLES[] = {1, 3, 4, 1}, ALLOCATED[] = {8, 16, 32, 64, 1, 8, 16, 24};
    Input in = {data, size};
    struct __pyx_t_11dicomdecode_7reading_8_reading_Fault fault = {0};
    struct __pyx_t_11dicomdecode_6codecs_5_spec_Spec spec = {.threads = 1};
    unsigned how = take(&in);
    spec.samples = SAMPLES[how & 3];
    spec.bits_allocated = ALLOCATED[how >> 2 & 7];
    spec.is_signed = how >> 5 & 1;
    spec.rows = 1 + take(&in) % 64;
    spec.columns = 1 + take(&in) % 64;
    spec.bits_stored = spec.bits_allocated - (int)take(&in) % 8;
    if (spec.bits_stored < 1) spec.bits_stored = spec.bits_allocated;
    spec.item_bytes = (spec.bits_allocated + 7) / 8;
    size_t pixels = (size_t)spec.rows * spec.columns;
    size_t bytes = spec.bits_allocated == 1 ? (pixels + 7) / 8 * (size_t)spec.samples
                                            : pixels * (size_t)spec.samples * (size_t)spec.item_bytes;
    uint8_t *copy = copy_of(in.data, in.size), *out = malloc(bytes);
    int result = how & 64 ? __pyx_f_11dicomdecode_6codecs_4_rle_rle_decode_as_dcmtk(copy, in.size, &spec, out, &fault)
                          : __pyx_f_11dicomdecode_6codecs_4_rle_rle_decode(copy, in.size, &spec, out, &fault);
    if ((result < 0) != (fault.kind != 0)) abort();
    free(out);
    free(copy);
    return 0;
}
