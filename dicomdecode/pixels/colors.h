/* Samples of colour: planes to pixels, chroma to full resolution, YBR to RGB, palette indices to entries.
 *
 * Like kernels.h: pointers and counts, and no function checks a bound.
 */
#ifndef DICOMDECODE_COLORS_H
#define DICOMDECODE_COLORS_H

#include "cells.h"

/* Planes [samples][n] to pixels [n][samples]. */
#define INTERLEAVE(NAME, T)                                                                                      \
    CLONES static void interleave_##NAME(const void *src, void *dst, size_t n, int samples) {                    \
        T *out = (T *)dst;                                                                                       \
        if (samples == 3)                                                                                        \
            for (size_t i = 0; i < n; i++) {                                                                     \
                out[3 * i] = LOAD(T, src, i);                                                                    \
                out[3 * i + 1] = LOAD(T, src, n + i);                                                            \
                out[3 * i + 2] = LOAD(T, src, 2 * n + i);                                                        \
            }                                                                                                    \
        else                                                                                                     \
            for (size_t i = 0; i < n; i++)                                                                       \
                for (int s = 0; s < samples; s++) out[samples * i + s] = LOAD(T, src, s * n + i);                \
    }
INTERLEAVE(8, uint8_t)
INTERLEAVE(16, uint16_t)
INTERLEAVE(32, uint32_t)
INTERLEAVE(64, uint64_t)

static void dd_interleave(const void *src, void *dst, size_t n, int samples, int bytes) {
    switch (bytes) {
    case 1: interleave_8(src, dst, n, samples); break;
    case 2: interleave_16(src, dst, n, samples); break;
    case 4: interleave_32(src, dst, n, samples); break;
    default: interleave_64(src, dst, n, samples); break;
    }
}

/* Y1 Y2 Cb Cr -> Y1 Cb Cr Y2 Cb Cr (PS3.3 C.7.6.3.1.2), row by row; a row of an odd number of pixels ends with a pair
 * whose second pixel is not shown. */
#define EXPAND(NAME, T)                                                                                          \
    static void expand_##NAME(const void *src, void *dst, size_t rows, size_t columns) {                         \
        T *out = (T *)dst;                                                                                       \
        size_t at = 0;                                                                                           \
        for (size_t row = 0; row < rows; row++) {                                                                \
            for (size_t i = 0; i < columns / 2; i++, at += 4, out += 6) {                                        \
                const T b = LOAD(T, src, at + 2), r = LOAD(T, src, at + 3);                                      \
                out[0] = LOAD(T, src, at);                                                                       \
                out[1] = out[4] = b;                                                                             \
                out[2] = out[5] = r;                                                                             \
                out[3] = LOAD(T, src, at + 1);                                                                   \
            }                                                                                                    \
            if (columns % 2) {                                                                                   \
                out[0] = LOAD(T, src, at);                                                                       \
                out[1] = LOAD(T, src, at + 2);                                                                   \
                out[2] = LOAD(T, src, at + 3);                                                                   \
                at += 4, out += 3;                                                                               \
            }                                                                                                    \
        }                                                                                                        \
    }
EXPAND(8, uint8_t)
EXPAND(16, uint16_t)
EXPAND(32, uint32_t)
EXPAND(64, uint64_t)

static void dd_expand_422(const void *src, void *dst, size_t rows, size_t columns, int bytes) {
    switch (bytes) {
    case 1: expand_8(src, dst, rows, columns); break;
    case 2: expand_16(src, dst, rows, columns); break;
    case 4: expand_32(src, dst, rows, columns); break;
    default: expand_64(src, dst, rows, columns); break;
    }
}

/* YBR to RGB (PS3.3 C.7.6.3.1.2), the coefficients of ITU-T T.871, rounded to nearest; may work in place.
 * `partial`: Y has 219 steps from 16, Cb and Cr 224 around the middle (of 8 bits; more bits in proportion). */
#define YBR(NAME, T, REAL)                                                                                       \
    CLONES static void ybr_##NAME(const void *src, void *dst, size_t n, int bits, int partial) {                 \
        const T *in = (const T *)src;                                                                            \
        T *out = (T *)dst;                                                                                       \
        const REAL middle = (REAL)((uint32_t)1 << (bits - 1));                                                   \
        const REAL top = (REAL)(((uint64_t)1 << bits) - 1);                                                      \
        const double unit = (double)((uint64_t)1 << bits) / 256;                                                 \
        const double chroma = partial ? top / (224 * unit) : 1;                                                  \
        const REAL black = (REAL)(partial ? 16 * unit : 0), luma = (REAL)(partial ? top / (219 * unit) : 1);     \
        const REAL rr = (REAL)(1.402 * chroma), gb = (REAL)(0.114 * 1.772 / 0.587 * chroma);                     \
        const REAL gr = (REAL)(0.299 * 1.402 / 0.587 * chroma), bb = (REAL)(1.772 * chroma);                     \
        for (size_t i = 0; i < n; i++) {                                                                         \
            REAL y = (in[3 * i] - black) * luma, b = in[3 * i + 1] - middle, r = in[3 * i + 2] - middle;         \
            REAL red = y + rr * r + (REAL)0.5;                                                                   \
            REAL green = y - gb * b - gr * r + (REAL)0.5;                                                        \
            REAL blue = y + bb * b + (REAL)0.5;                                                                  \
            out[3 * i] = (T)(int32_t)(red < 0 ? 0 : red > top ? top : red);                                      \
            out[3 * i + 1] = (T)(int32_t)(green < 0 ? 0 : green > top ? top : green);                            \
            out[3 * i + 2] = (T)(int32_t)(blue < 0 ? 0 : blue > top ? top : blue);                               \
        }                                                                                                        \
    }
YBR(8, uint8_t, float)
YBR(16, uint16_t, double)

static void dd_ybr_to_rgb(const void *src, void *dst, size_t n, int bytes, int bits, int partial) {
    if (bytes == 1)
        ybr_8(src, dst, n, bits, partial);
    else
        ybr_16(src, dst, n, bits, partial);
}

/* Palette indices to pixels of `samples` entries: `table` is [entries][samples]; indices outside are clamped. */
#define PALETTE(NAME, S, D)                                                                                      \
    static void palette_##NAME(const void *src, void *dst, size_t n, int64_t first, int64_t entries,             \
                               const void *table, int samples) {                                                 \
        const D *colours = (const D *)table;                                                                     \
        D *out = (D *)dst;                                                                                       \
        for (size_t i = 0; i < n; i++) {                                                                         \
            int64_t k = (int64_t)((const S *)src)[i] - first;                                                    \
            k = k < 0 ? 0 : k >= entries ? entries - 1 : k;                                                      \
            for (int s = 0; s < samples; s++) out[samples * i + s] = colours[samples * k + s];                   \
        }                                                                                                        \
    }
#define PALETTES(NAME, S)                                                                                        \
    PALETTE(NAME##_8, S, uint8_t) PALETTE(NAME##_16, S, uint16_t)                                                \
    PALETTE(NAME##_32, S, uint32_t) PALETTE(NAME##_64, S, uint64_t)
PALETTES(u8, uint8_t)
PALETTES(i8, int8_t)
PALETTES(u16, uint16_t)
PALETTES(i16, int16_t)

static void dd_palette(int source, int dst_bytes, const void *src, void *dst, size_t n, int64_t first, int64_t entries,
                       const void *table, int samples) {
    typedef void (*kernel)(const void *, void *, size_t, int64_t, int64_t, const void *, int);
#define SIZES(N) {palette_##N##_8, palette_##N##_16, palette_##N##_32, palette_##N##_64}
    static const kernel kernels[4][4] = {SIZES(u8), SIZES(i8), SIZES(u16), SIZES(i16)};
#undef SIZES
    const int size = dst_bytes == 1 ? 0 : dst_bytes == 2 ? 1 : dst_bytes == 4 ? 2 : 3;
    kernels[source][size](src, dst, n, first, entries, table, samples);
}

#endif

