/* libFuzzer's entry to the preflight of JPEG 2000: main header, tile-parts, and what a data set says of them. */
#include "_j2k.c"

#include "module.h"

#define F(name) __pyx_f_11dicomdecode_6codecs_4_j2k_##name

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    import_this("dicomdecode.codecs._j2k", PyInit__j2k);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Input in = {data, size};
    struct __pyx_t_11dicomdecode_7reading_8_reading_Fault fault = {0};
    struct __pyx_t_11dicomdecode_6codecs_5_spec_Spec spec = {.threads = 1};
    struct __pyx_t_11dicomdecode_6codecs_4_j2k_Codestream stream;
    unsigned how = take(&in);
    uint8_t *copy = copy_of(in.data, in.size);
    if (F(read_header)(copy, in.size, &stream, &fault) == 0) {
        spec.rows = stream.y1 - stream.y0;
        spec.columns = stream.x1 - stream.x0;
        spec.samples = stream.components;
        spec.item_bytes = 1 << (how & 3);
        if (F(check_header)(&stream, &spec, &fault) == 0) {
            F(check_request)(&stream, &spec, (int)(how >> 2), &fault);
            F(check_alike)(&stream, &fault);
            F(check_tile_parts)(&stream, &fault);
            if (stream.data < copy || stream.size > in.size) abort();
        }
    } else if (fault.kind == 0) {
        abort();
    }
    free(copy);
    return 0;
}
