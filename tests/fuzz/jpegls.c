/* A libFuzzer target for the JPEG-LS decoder, marker segments and all. tests/fuzz/build.sh builds it.
 *
 * The C that Cython makes is included as it is. The header of the image says what that of the stream does, else nearly
 * every input would be refused; the last byte says the rest.
 */
#include "_jpegls.c"

#include "module.h"

#define DECODE __pyx_f_11dicomdecode_6codecs_6jpegls_7_jpegls_jpegls_decode

enum { PIXELS = 1 << 14 };

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    import_this("dicomdecode.codecs.jpegls._jpegls", PyInit__jpegls);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct __pyx_t_11dicomdecode_6codecs_5_spec_Spec spec = {.rows = 1, .columns = 1, .samples = 1, .bits_stored = 8};
    struct __pyx_t_11dicomdecode_7reading_8_reading_Fault fault = {0};
    const int how = size ? data[size - 1] : 0;
    int result;
    size_t bytes;
    uint8_t *out;
    for (size_t i = 2; i + 10 < size && i < 200; i++)
        if (data[i] == 0xFF && data[i + 1] == 0xF7) {
            spec.rows = data[i + 5] << 8 | data[i + 6];
            spec.columns = data[i + 7] << 8 | data[i + 8];
            spec.samples = data[i + 9];
            spec.item_bytes = data[i + 4] <= 8 ? 1 : 2;
            break;
        }
    if (!spec.item_bytes) spec.item_bytes = 1;
    spec.item_bytes <<= (how & 3) == 3;
    spec.bits_stored = 1 + (how >> 2) % (8 * spec.item_bytes);
    spec.is_signed = how >> 7;
    if ((uint64_t)spec.rows * spec.columns > PIXELS) return 0;
    bytes = (size_t)spec.rows * spec.columns * spec.samples * spec.item_bytes;
    out = malloc(bytes ? bytes : 1);
    result = DECODE(data, size, &spec, out, &fault);
    if ((result < 0) != (fault.kind != 0) || (result < 0 && fault.offset > (int64_t)size)) abort();
    free(out);
    return 0;
}
