/* libFuzzer's entry to the block decoder of HTJ2K: six bytes of options, then a cleanup and a refinement segment.
 *
 *     byte 0, 1   width and height, 1 to 64; with bit 7 of byte 1 the height, and with bit 6 the width, times 16 where
 *                 the block stays allowed
 *     byte 2      bit-plane of the cleanup pass, 0 to 31
 *     byte 3      bit-planes above it
 *     byte 4      bits 0-1 refinement passes, bit 2 causal, bit 3 doubled values, bit 4 values of 64 bits
 *     byte 5      bytes of the refinement segment, at most a quarter of all
 */
#include <stdlib.h>
#include <string.h>

#include "ht.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* As in module.h. */
const char *__asan_default_options(void) { return "malloc_context_size=0:quarantine_size_mb=1"; }

enum { MOST_SAMPLES = 1 << 10 };        /* more rows cost time and reach nothing else */

static HtCoder *coder;

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    ht_make_tables();
    coder = calloc(1, sizeof *coder);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 8 || !coder) return 0;
    const uint8_t *options = data;
    int width = 1 + (options[0] & 63), height = 1 + (options[1] & 63);
    if (options[1] & 0x80 && width <= 4) height *= 16;
    if (options[1] & 0x40 && height <= 4) width *= 16;
    if (width <= 64 && width * height > MOST_SAMPLES) height = MOST_SAMPLES / width;
    data += 6;
    size -= 6;
    size_t refinement = options[5] < size / 4 ? options[5] : size / 4;
    HtSet set = {{NULL, size - refinement}, {NULL, refinement}, (options[4] & 3) % 3, options[2] % 30, options[3] & 63,
                 options[4] >> 2 & 1, options[4] >> 3 & 1, options[4] >> 4 & 1};
    /* copies of their own, so that the sanitizer sees a byte behind the end */
    uint8_t *first = malloc(set.cleanup.size), *second = malloc(refinement + 1);
    if (first && second) {
        J2kFault fault;
        memcpy(first, data, set.cleanup.size);
        memcpy(second, data + set.cleanup.size, refinement);
        set.cleanup.data = first;
        set.refinement.data = second;
        ht_decode(coder, &set, width, height, &fault);
    }
    free(first);
    free(second);
    return 0;
}
