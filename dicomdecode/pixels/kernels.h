/* The loops of plans: stored values -> results. They know no DICOM: pointers, counts, element types, coefficients.
 *
 * Written in C because one macro makes the loop for every pair of types (Cython would spend half a second of compile
 * time on each), and because `target_clones` gives an AVX2 loop and a portable one from one portable build.
 * No function here checks a bound: the caller has checked source and destination sizes.
 */
#ifndef DICOMDECODE_KERNELS_H
#define DICOMDECODE_KERNELS_H

#include <math.h>
#include <stdlib.h>

#include "cells.h"

/* The same loop twice: shifts by a variable count cost narrow types half their speed, and most cells need none. */
#define EACH(S, SU, BODY)                                                                                        \
    if (left == 0 && right == 0)                                                                                 \
        for (size_t i = 0; i < n; i++) {                                                                         \
            const S v = (S)LOAD(SU, src, i);                                                                     \
            BODY                                                                                                 \
        }                                                                                                        \
    else                                                                                                         \
        for (size_t i = 0; i < n; i++) {                                                                         \
            const S v = FIELD(S, SU, LOAD(SU, src, i));                                                          \
            BODY                                                                                                 \
        }

/* For loops that multiply anyway: the stored bits stay at the top of the cell and `slope` is 2^-right times as large,
 * which is exact. A product and a mask stay in narrow lanes, where shifts by a variable count do not. */
#define EACH_AT_TOP(S, SU, BODY)                                                                                 \
    const SU up = (SU)((SU)1 << left), keep = (SU)(UINT32_MAX << right);                                         \
    if (left == 0 && right == 0)                                                                                 \
        for (size_t i = 0; i < n; i++) {                                                                         \
            const S v = (S)LOAD(SU, src, i);                                                                     \
            BODY                                                                                                 \
        }                                                                                                        \
    else                                                                                                         \
        for (size_t i = 0; i < n; i++) {                                                                         \
            const S v = (S)(SU)((SU)((uint32_t)LOAD(SU, src, i) * up) & keep);                                   \
            BODY                                                                                                 \
        }

/* Adding and subtracting 1.5 * 2^52 rounds a double below 2^51 half to even, and vectorises where rint() does not. */
#define ROUND 6755399441055744.0

#define TO_INTEGER(HOW, NAME, S, SU, DNAME, D, WIDE)                                                             \
    HOW static void affine_##NAME##_##DNAME(const void *src, void *dst, size_t n, int left, int right,        \
                                               double slope, double intercept, double low, double high) {        \
        D *out = (D *)dst;                                                                                       \
        EACH_AT_TOP(S, SU, double x = (double)v * slope + intercept; x = x > low ? x : low;                      \
                    out[i] = (D)(WIDE)(((x < high ? x : high) + ROUND) - ROUND);)                                \
    }
#define TO_FLOAT(HOW, NAME, S, SU, DNAME, D)                                                                     \
    HOW static void affine_##NAME##_##DNAME(const void *src, void *dst, size_t n, int left, int right,        \
                                               double slope, double intercept, double low, double high) {        \
        D *out = (D *)dst;                                                                                       \
        EACH_AT_TOP(S, SU, double x = (double)v * slope + intercept; x = x > low ? x : low;                      \
                    out[i] = (D)(x < high ? x : high);)                                                          \
    }
#define CLAMP(NAME, S, SU, DNAME, D, WIDE)                                                                       \
    static void clamp_##NAME##_##DNAME(const void *src, void *dst, size_t n, int left, int right,         \
                                              int64_t low, int64_t high) {                                       \
        D *out = (D *)dst;                                                                                       \
        WIDE lo = (WIDE)low, hi = (WIDE)high;                                                                    \
        EACH(S, SU, WIDE x = (WIDE)v; x = x > lo ? x : lo; out[i] = (D)(x < hi ? x : hi);)                       \
    }
#define CLAMP8(NAME, S, SU, WIDE)                                                                                \
    CLAMP(NAME, S, SU, u8, uint8_t, WIDE) CLAMP(NAME, S, SU, i8, int8_t, WIDE)                                   \
    CLAMP(NAME, S, SU, u16, uint16_t, WIDE) CLAMP(NAME, S, SU, i16, int16_t, WIDE)                               \
    CLAMP(NAME, S, SU, u32, uint32_t, WIDE) CLAMP(NAME, S, SU, i32, int32_t, WIDE)                               \
    CLAMP(NAME, S, SU, u64, uint64_t, WIDE) CLAMP(NAME, S, SU, i64, int64_t, WIDE)
#define AFFINE8(HOW, NAME, S, SU)                                                                                \
    TO_INTEGER(HOW, NAME, S, SU, u8, uint8_t, int32_t) TO_INTEGER(ONCE, NAME, S, SU, i8, int8_t, int32_t)        \
    TO_INTEGER(HOW, NAME, S, SU, u16, uint16_t, int32_t) TO_INTEGER(HOW, NAME, S, SU, i16, int16_t, int32_t)     \
    TO_INTEGER(ONCE, NAME, S, SU, u32, uint32_t, int64_t) TO_INTEGER(ONCE, NAME, S, SU, i32, int32_t, int32_t)   \
    TO_FLOAT(HOW, NAME, S, SU, f32, float) TO_FLOAT(ONCE, NAME, S, SU, f64, double)

/* Clones for the pairs of types that pictures have; each costs a tenth of a second of compile time. */
#define ONCE
AFFINE8(CLONES, u8, uint8_t, uint8_t)
AFFINE8(ONCE, i8, int8_t, uint8_t)
AFFINE8(CLONES, u16, uint16_t, uint16_t)
AFFINE8(CLONES, i16, int16_t, uint16_t)
AFFINE8(ONCE, u32, uint32_t, uint32_t)
AFFINE8(ONCE, i32, int32_t, uint32_t)
CLAMP8(u8, uint8_t, uint8_t, int16_t)
CLAMP8(i8, int8_t, uint8_t, int16_t)
CLAMP8(u16, uint16_t, uint16_t, int32_t)
CLAMP8(i16, int16_t, uint16_t, int32_t)
CLAMP8(u32, uint32_t, uint32_t, int64_t)
CLAMP8(i32, int32_t, uint32_t, int64_t)

/* Bytes to 16 bits, where nothing need be kept inside a range: 8-bit X-ray in the default dtype. */
CLONES static void widen_u8(const void *src, void *dst, size_t n) {
    const uint8_t *in = (const uint8_t *)src;
    uint16_t *out = (uint16_t *)dst;
    for (size_t i = 0; i < n; i++) out[i] = in[i];
}

/* Where float32 arithmetic is exact (see dd_affine) it takes half the time of float64. */
#define EXACT(NAME, S, SU)                                                                                       \
    CLONES static void exact_##NAME(const void *src, void *dst, size_t n, int left, int right, float slope,      \
                                    float intercept) {                                                           \
        float *out = (float *)dst;                                                                               \
        EACH_AT_TOP(S, SU, out[i] = (float)v * slope + intercept;)                                               \
    }
EXACT(u8, uint8_t, uint8_t)
EXACT(i8, int8_t, uint8_t)
EXACT(u16, uint16_t, uint16_t)
EXACT(i16, int16_t, uint16_t)

/* affine_*_u8 in float32, where 1.5 * 2^23 rounds half to even. Not exact: see dd_display. */
#define QUICK(NAME, S, SU)                                                                                       \
    CLONES static void quick_##NAME(const void *src, void *dst, size_t n, int left, int right, float slope,      \
                                    float intercept, float low, float high) {                                    \
        uint8_t *out = (uint8_t *)dst;                                                                           \
        EACH_AT_TOP(S, SU, float x = (float)v * slope + intercept; x = x > low ? x : low;                        \
                    x = (x < high ? x : high) + 12582912.0f; uint32_t bits; memcpy(&bits, &x, 4);                \
                    out[i] = (uint8_t)bits;)                                                                     \
    }
QUICK(u8, uint8_t, uint8_t)
QUICK(i8, int8_t, uint8_t)
QUICK(u16, uint16_t, uint16_t)
QUICK(i16, int16_t, uint16_t)

typedef void (*affine_kernel)(const void *, void *, size_t, int, int, double, double, double, double);
typedef void (*clamp_kernel)(const void *, void *, size_t, int, int, int64_t, int64_t);

/* table[stored], for cells of 8 or 16 bits: `table` has 256 or 65536 entries, indexed by the stored bits as unsigned. */
#define LOOKUP(NAME, S, D)                                                                                       \
    static void lookup_##NAME(const void *src, void *dst, size_t n, const void *table) {                         \
        const D *entries = (const D *)table;                                                                     \
        D *out = (D *)dst;                                                                                       \
        size_t i = 0;                                                                                            \
        for (; i + 4 <= n; i += 4) {                                                                             \
            const D a = entries[LOAD(S, src, i)], b = entries[LOAD(S, src, i + 1)];                              \
            const D c = entries[LOAD(S, src, i + 2)], d = entries[LOAD(S, src, i + 3)];                          \
            out[i] = a, out[i + 1] = b, out[i + 2] = c, out[i + 3] = d;                                          \
        }                                                                                                        \
        for (; i < n; i++) out[i] = entries[LOAD(S, src, i)];                                                    \
    }
LOOKUP(8_8, uint8_t, uint8_t)
LOOKUP(8_16, uint8_t, uint16_t)
LOOKUP(8_32, uint8_t, uint32_t)
LOOKUP(8_64, uint8_t, uint64_t)
LOOKUP(16_8, uint16_t, uint8_t)
LOOKUP(16_16, uint16_t, uint16_t)
LOOKUP(16_32, uint16_t, uint32_t)
LOOKUP(16_64, uint16_t, uint64_t)

static void dd_lookup(int src_bytes, int dst_bytes, const void *src, void *dst, size_t n, const void *table) {
    typedef void (*kernel)(const void *, void *, size_t, const void *);
    static const kernel kernels[2][4] = {{lookup_8_8, lookup_8_16, lookup_8_32, lookup_8_64},
                                         {lookup_16_8, lookup_16_16, lookup_16_32, lookup_16_64}};
    const kernel one = kernels[src_bytes - 1][dst_bytes == 1 ? 0 : dst_bytes == 2 ? 1 : dst_bytes == 4 ? 2 : 3];
    IN_BLOCKS(src_bytes, dst_bytes, one(from, to, m, table))
}

/* Many 8- or 16-bit cells to 8 bits, as grey levels on a screen. There are so few cells that all of them are tried
 * first, in float64: where float32 gives the same for each, it is taken; else what float64 gave is the table. 0: no
 * memory for it. */
static int dd_display(int source, affine_kernel exact, const void *src, void *dst, size_t n, int left, int right,
                      double slope, double intercept, double low, double high) {
    typedef void (*kernel)(const void *, void *, size_t, int, int, float, float, float, float);
    static const kernel quick[4] = {quick_u8, quick_i8, quick_u16, quick_i16};
    const size_t bytes = source <= T_I8 ? 1 : 2, cells = (size_t)1 << (8 * bytes);
    uint8_t *table = (uint8_t *)malloc(4 * cells), *tried = table + cells, *all = tried + cells;
    if (table == NULL) return 0;
    for (size_t i = 0; i < cells; i++) {
        if (bytes == 1)
            all[i] = (uint8_t)i;
        else
            ((uint16_t *)(void *)all)[i] = (uint16_t)i;
    }
    exact(all, table, cells, left, right, slope, intercept, low, high);
    quick[source](all, tried, cells, left, right, (float)slope, (float)intercept, (float)low, (float)high);
    if (memcmp(table, tried, cells) == 0) {
        const kernel one = quick[source];
        IN_BLOCKS(bytes, 1, one(from, to, m, left, right, (float)slope, (float)intercept, (float)low, (float)high))
    } else
        dd_lookup((int)bytes, 1, src, dst, n, table);
    free(table);
    return 1;
}

#define ROW(K, N) K##_##N##_u8, K##_##N##_i8, K##_##N##_u16, K##_##N##_i16, K##_##N##_u32, K##_##N##_i32

/* Whether slope * v + intercept is exact in float32 for each v of 16 bits: all products and sums are multiples of some
 * 2^-p, and fewer than 2^24 of these steps from 0. True of slopes such as 1, 0.5 and 1.5, and so of most CT. */
static int dd_exact_in_float(double slope, double intercept) {
    for (int p = 0; p <= 12; p++) {
        const double s = ldexp(slope, p), i = ldexp(intercept, p);
        if (s == floor(s) && i == floor(i)) return fabs(s) * 65535 + fabs(i) < 16777216;
    }
    return 0;
}

/* slope * stored + intercept, kept inside [low, high], rounded half to even for integers. 0: no kernel for the pair. */
static int dd_affine(int source, int target, const void *src, void *dst, size_t n, int left, int right, double slope,
                     double intercept, double low, double high) {
#define TARGETS(N) {ROW(affine, N), NULL, NULL, affine_##N##_f32, affine_##N##_f64}
    static const affine_kernel table[6][T_COUNT] = {TARGETS(u8),  TARGETS(i8),  TARGETS(u16),
                                                    TARGETS(i16), TARGETS(u32), TARGETS(i32)};
#undef TARGETS
    if (source > T_I32 || table[source][target] == NULL) return 0;
    const double at_top = ldexp(slope, -right);
    if (target == T_F32 && source <= T_I16 && low == -HUGE_VAL && high == HUGE_VAL &&
        dd_exact_in_float(slope, intercept)) {
        typedef void (*kernel)(const void *, void *, size_t, int, int, float, float);
        static const kernel exact[4] = {exact_u8, exact_i8, exact_u16, exact_i16};
        const kernel one = exact[source];
        IN_BLOCKS(bytes_of[source], 4, one(from, to, m, left, right, (float)at_top, (float)intercept))
        return 1;
    }
    if (target == T_U8 && n >= (source <= T_I8 ? 4096 : 262144) && source <= T_I16 && low >= 0 && high <= 255 &&
        dd_display(source, table[source][target], src, dst, n, left, right, at_top, intercept, low, high))
        return 1;
    const affine_kernel one = table[source][target];
    IN_BLOCKS(bytes_of[source], bytes_of[target], one(from, to, m, left, right, at_top, intercept, low, high))
    return 1;
}

/* Stored integers to integers, kept inside [low, high], which lies inside the range of the source type. 0: no kernel. */
static int dd_clamp(int source, int target, const void *src, void *dst, size_t n, int left, int right, int64_t low,
                    int64_t high) {
#define TARGETS(N) {ROW(clamp, N), clamp_##N##_u64, clamp_##N##_i64}
    static const clamp_kernel table[6][8] = {TARGETS(u8),  TARGETS(i8),  TARGETS(u16),
                                             TARGETS(i16), TARGETS(u32), TARGETS(i32)};
#undef TARGETS
    if (source > T_I32 || target > T_I64) return 0;
    if (source == T_U8 && (target == T_U16 || target == T_I16) && left == 0 && right == 0 && low == 0 && high >= 255) {
        IN_BLOCKS(1, 2, widen_u8(from, to, m))
        return 1;
    }
    const clamp_kernel one = table[source][target];
    IN_BLOCKS(bytes_of[source], bytes_of[target], one(from, to, m, left, right, low, high))
    return 1;
}

#endif
