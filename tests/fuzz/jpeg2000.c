/* libFuzzer's entry to the JPEG 2000 decoder: two bytes of options, then a codestream.
 *
 *     option byte 0   bits 0-1 reduce, bit 2 signed, bit 3 an area, bits 4 and 7 threads, bits 5-6 bytes of an item
 *     option byte 1   where the area lies
 *
 * The size asked for is the one that the stream itself names, else nearly every input would end at that check. Large
 * pictures are left out: they cost time and reach nothing that small ones do not.
 */
#include <stdlib.h>
#include <string.h>

#include "j2k.h"

enum { MOST_SAMPLES = 1 << 11 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

/* As in module.h. */
const char *__asan_default_options(void) { return "malloc_context_size=0:quarantine_size_mb=1"; }

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    j2k_make_tables();
    return 0;
}

static uint32_t u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t reduced(uint32_t first, uint32_t count, int by) {
    uint64_t round = ((uint64_t)1 << by) - 1;
    return (uint32_t)(((first + (uint64_t)count + round) >> by) - ((first + round) >> by));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 50) return 0;
    const uint8_t options = data[0], place = data[1];
    /* a copy of its own, so that the sanitizer sees a byte behind the end */
    uint8_t *stream = malloc(size - 2);
    if (!stream) return 0;
    memcpy(stream, data + 2, size - 2);
    J2kJob job = {stream, size - 2, stream[41] & 7, 0, 0, options >> 2 & 1, 1 << (options >> 5 & 3), 1, options & 3,
                  0, 0, 0, 0};
    job.columns = u32(stream + 8) - u32(stream + 16);
    job.rows = u32(stream + 12) - u32(stream + 20);
    job.height = job.rows;
    job.width = job.columns;
    if ((options & 0x90) == 0x90) job.threads = 2;
    if (job.item_bytes > 4) job.item_bytes = 4;
    if (options & 8 && job.rows && job.columns) {
        job.row = (place & 15) * (job.rows - 1) / 15;
        job.column = (place >> 4) * (job.columns - 1) / 15;
        job.height = (job.rows - job.row + 1) / 2;
        job.width = (job.columns - job.column + 1) / 2;
    }
    const uint64_t samples = (uint64_t)job.rows * job.columns * (uint64_t)job.components;
    if (samples && samples <= MOST_SAMPLES && job.rows <= MOST_SAMPLES && job.columns <= MOST_SAMPLES) {
        const size_t cells = (size_t)reduced(job.row, job.height, job.reduce) *
                             reduced(job.column, job.width, job.reduce) * (size_t)job.components;
        void *out = malloc(cells * (size_t)job.item_bytes + 1);
        J2kFault fault;
        if (out) j2k_run(&job, out, &fault);
        free(out);
    }
    free(stream);
    return 0;
}
