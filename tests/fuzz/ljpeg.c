/* libFuzzer's entry to the decoder of lossless JPEG: a stream, then the sign and the stored bits. The size asked for is
 * the one that the stream names, else nearly every input would end at that check.
 */
#include "_ljpeg.c"

#include "module.h"

enum { PIXELS = 1 << 14 };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    import_this("dicomdecode.codecs._ljpeg", PyInit__ljpeg);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input in = {data, size};
    struct __pyx_t_11dicomdecode_7reading_8_reading_Fault fault = {0};
    struct __pyx_t_11dicomdecode_6codecs_5_spec_Spec spec = {.rows = 1, .columns = 1, .samples = 1, .item_bytes = 1,
                                                             .threads = 1};
    unsigned how = take(&in);
    data = in.data;
    for (size_t i = 2; i + 10 < in.size && i < 300; i++)
        if (data[i] == 0xFF && data[i + 1] == 0xC3) {
            spec.rows = (uint32_t)(data[i + 5] << 8 | data[i + 6]);
            spec.columns = (uint32_t)(data[i + 7] << 8 | data[i + 8]);
            spec.samples = data[i + 9] & 3;
            spec.item_bytes = data[i + 4] <= 8 ? 1 : 2;
            break;
        }
    if (!spec.samples) spec.samples = 1;
    spec.is_signed = how & 1;
    spec.bits_allocated = 8 * spec.item_bytes;
    spec.bits_stored = 1 + (int)(how >> 1) % spec.bits_allocated;
    if ((uint64_t)spec.rows * spec.columns > PIXELS) return 0;
    size_t bytes = (size_t)spec.rows * spec.columns * (size_t)spec.samples * (size_t)spec.item_bytes;
    uint8_t *copy = copy_of(data, in.size), *out = malloc(bytes ? bytes : 1);
    int result = __pyx_f_11dicomdecode_6codecs_6_ljpeg_ljpeg_decode(copy, in.size, &spec, out, &fault);
    if ((result < 0) != (fault.kind != 0)) abort();
    free(out);
    free(copy);
    return 0;
}
