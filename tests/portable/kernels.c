/* Digests of what the loops and the JPEG 2000 decoder give, one line each: two machines must print the same.
 *
 *     kernels [CODESTREAM...]
 *
 * Native, it runs the loops for AVX2 where the machine has them; .ci/arm compares that with 64-bit ARM.
 */
#include <stdio.h>

#include "colors.h"
#include "j2k.h"
#include "kernels.h"
#include "rle.h"

enum { CELLS = 70001, WIDEST = 8, MOST_SAMPLES = 4 };

static uint8_t source[CELLS * WIDEST * MOST_SAMPLES + 64], result[CELLS * WIDEST * MOST_SAMPLES + 64];

static void digest(const char *name, int a, int b, int c, size_t bytes) {
    uint64_t sum = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < bytes; i++) sum = (sum ^ result[i]) * 1099511628211u;
    printf("%s %d %d %d %016llx\n", name, a, b, c, (unsigned long long)sum);
    memset(result, 0, sizeof result);
}

static void values(void) {
    static const double slopes[][2] = {{1, -1024}, {0.5, 3}, {1.37, -0.21}, {-2.75, 1e4}};
    static const double ends[T_COUNT][2] = {{0, 255},          {-128, 127},          {0, 65535}, {-32768, 32767},
                                            {0, 4294967295.0}, {-2147483648.0, 2147483647.0}, {0, 0}, {0, 0},
                                            {-HUGE_VAL, HUGE_VAL}, {-HUGE_VAL, HUGE_VAL}, {0, 0}};
    for (int from = T_U8; from <= T_I32; from++) {
        const int bits = 8 * (int)bytes_of[from];
        for (int unused = 0; unused <= 4; unused += 4) {
            for (int to = T_U8; to <= T_F64; to++)
                for (int k = 0; k < 4; k++)
                    if (dd_affine(from, to, source, result, CELLS, unused, unused, slopes[k][0], slopes[k][1], ends[to][0],
                                  ends[to][1]))
                        digest("affine", 100 * from + to, unused, k, CELLS * bytes_of[to]);
            for (int to = T_U8; to <= T_I64; to++)
                if (dd_clamp(from, to, source, result, CELLS, unused, unused, from & 1 ? -100 : 0, 100))
                    digest("clamp", 100 * from + to, unused, bits, CELLS * bytes_of[to]);
            dd_stored(from, source, result, CELLS, unused, unused);
            digest("stored", from, unused, bits, CELLS * bytes_of[from]);
        }
    }
    for (int cell = 2; cell <= 8; cell *= 2) {
        dd_swap(source, result, CELLS, cell);
        digest("swap", cell, 0, 0, CELLS * (size_t)cell);
    }
    for (int allocated = 1; allocated <= 13; allocated += 3) {
        dd_unpack_bits(source, sizeof source, 5, CELLS, allocated, 0, allocated, allocated > 4, result, 2);
        digest("bits", allocated, 0, 0, CELLS * 2);
    }
}

static void colours(void) {
    for (int bytes = 1; bytes <= 2; bytes++) {
        dd_interleave(source, result, CELLS, 3, bytes);
        digest("interleave", bytes, 0, 0, (size_t)CELLS * 3 * (size_t)bytes);
        for (size_t columns = 100; columns <= 101; columns++) {
            dd_expand_422(source, result, CELLS / 101, columns, bytes);
            digest("expand", bytes, (int)columns, 0, CELLS / 101 * columns * 3 * (size_t)bytes);
        }
        for (int partial = 0; partial <= 1; partial++) {
            dd_ybr_to_rgb(source, result, CELLS, bytes, 8 * bytes, partial);
            digest("ybr", bytes, partial, 0, (size_t)CELLS * 3 * (size_t)bytes);
        }
    }
}

static void rle(int samples, int bytes) {
    static rle_plane planes[12];
    for (int i = 0; i < samples * bytes; i++) {
        memset(&planes[i], 0, sizeof planes[i]);
        planes[i].src = source + 1000 * i;
        planes[i].size = 30000;
    }
    const size_t each = rle_planes(planes, samples, bytes, 0, 0, result, CELLS);
    digest("rle", samples, bytes, (int)each, each * (size_t)(samples * bytes));
}

static uint32_t u32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int jpeg2000(const char *path, int number) {
    FILE *file = fopen(path, "rb");
    if (!file) return 1;
    const size_t size = fread(source, 1, sizeof source, file);
    fclose(file);
    if (size < 50) return 1;
    J2kJob job = {source, size, source[41] & 7, u32(source + 12), u32(source + 8), 0, 2, 1, 0, 0, 0, 0, 0};
    job.height = job.rows, job.width = job.columns;
    if ((uint64_t)job.rows * job.columns * (uint64_t)job.components * 2 > sizeof result) return 1;
    J2kFault fault = {0, "", "", 0, 0, 0};
    const int failed = j2k_run(&job, result, &fault);
    digest(failed ? fault.code : "jpeg2000", number, (int)job.rows, job.components,
           (size_t)job.rows * job.columns * (size_t)job.components * 2);
    return failed != 0;
}

int main(int count, char **paths) {
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof source; i++) {
        x = x * 1664525u + 1013904223u;
        source[i] = (uint8_t)(x >> 24);
    }
    values();
    colours();
    for (int bytes = 1; bytes <= 4; bytes++) rle(1, bytes);
    rle(3, 1);
    rle(3, 2);
    j2k_make_tables();
    int failed = 0;
    for (int i = 1; i < count; i++) failed |= jpeg2000(paths[i], i);
    return failed;
}
