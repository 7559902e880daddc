/* From rows of samples to pixels: colour, sign, width and place. */
#ifndef DICOMDECODE_JPEGLS_STORE_H
#define DICOMDECODE_JPEGLS_STORE_H

#include "bits.h"

/* How samples go out: to every `stride`-th element of `item` bytes, moved up by `point` bits (Pt: T.87 C.2.3). The bit
 * below the highest `sign` ones of an element is the sign (0: there is none).
 */
typedef struct {
    int item;
    int sign;
    int point;
    size_t stride;
} JlsStore;

/* W: an unsigned type of at least 32 bits, in which shifts lose bits and are no fault. */
#define JLS_STORE(U, S, W)                                                                                           \
    do {                                                                                                             \
        U *restrict o = (U *)out;                                                                                    \
        if (how->sign || how->point)                                                                                 \
            for (size_t i = 0; i < n; i++)                                                                           \
                o[i * stride] = (U)((S)(U)((W)row[i] << how->point << how->sign) >> how->sign);                      \
        else                                                                                                         \
            for (size_t i = 0; i < n; i++) o[i * stride] = (U)row[i];                                                \
    } while (0)

JLS_INLINE void jls_store_by(const JlsStore *how, size_t n, const uint16_t *restrict row, void *out, size_t stride) {
    if (how->item == 1)
        JLS_STORE(uint8_t, int8_t, uint32_t);
    else if (how->item == 2)
        JLS_STORE(uint16_t, int16_t, uint32_t);
    else if (how->item == 4)
        JLS_STORE(uint32_t, int32_t, uint32_t);
    else
        JLS_STORE(uint64_t, int64_t, uint64_t);
}

/* A row of one component. */
CLONES_V3 static void jls_store(const JlsStore *how, size_t n, const uint16_t *row, void *out) {
    if (how->stride == 1)
        jls_store_by(how, n, row, out, 1);
    else
        jls_store_by(how, n, row, out, how->stride);
}

#define JLS_STORE_RGB(U)                                                                                             \
    do {                                                                                                             \
        U *restrict o = (U *)out;                                                                                    \
        for (size_t i = 0; i < n; i++) {                                                                             \
            o[3 * i] = (U)r[i];                                                                                      \
            o[3 * i + 1] = (U)g[i];                                                                                  \
            o[3 * i + 2] = (U)b[i];                                                                                  \
        }                                                                                                            \
    } while (0)

/* Three unsigned components of 1 or 2 bytes, in order. */
CLONES_V3 static void jls_store_rgb(int item, size_t n, const uint16_t *restrict r, const uint16_t *restrict g,
                                     const uint16_t *restrict b, void *out) {
    if (item == 1)
        JLS_STORE_RGB(uint8_t);
    else
        JLS_STORE_RGB(uint16_t);
}

/* A mapping table (T.87 C.2.4.1.2, C.2.4.1.3): the value of sample i in `width` bytes, the highest first. */
typedef struct {
    uint8_t *bytes;
    size_t size;
    int width;                  /* Wt; 0: there is no such table */
} JlsTable;

#define JLS_STORE_MAPPED(U, S)                                                                                       \
    do {                                                                                                             \
        U *o = (U *)out;                                                                                             \
        for (size_t i = 0; i < n; i++) {                                                                             \
            U value = 0;                                                                                             \
            if (row[i] >= entries) return row[i];                                                                    \
            for (size_t k = 0; k < width; k++)                                                                       \
                value = (U)((uint64_t)value << 8 | table->bytes[row[i] * width + k]);                                \
            o[i * how->stride] = how->sign ? (U)((S)(U)(value << how->sign) >> how->sign) : value;                   \
        }                                                                                                            \
    } while (0)

/* A row of one component through a table of at most `how->item` bytes an entry. Returns -1, or a sample behind the last
 * entry.
 */
static int jls_store_mapped(const JlsStore *how, size_t n, const uint16_t *row, const JlsTable *table, void *out) {
    const size_t width = (size_t)table->width, entries = table->size / width;
    if (how->item == 1)
        JLS_STORE_MAPPED(uint8_t, int8_t);
    else if (how->item == 2)
        JLS_STORE_MAPPED(uint16_t, int16_t);
    else if (how->item == 4)
        JLS_STORE_MAPPED(uint32_t, int32_t);
    else
        JLS_STORE_MAPPED(uint64_t, int64_t);
    return -1;
}

/* The colour transforms of HP's encoder, in APP8 "mrfx" (1 to 3), backwards, for samples of 8 or 16 bits. The rows that
 * come out are others: the next row is predicted from those that were coded.
 */
static void jls_to_rgb(int transform, int precision, size_t n, const uint16_t *const *from, uint16_t *const *to) {
    const int mask = (1 << precision) - 1, half = 1 << (precision - 1);
    for (size_t i = 0; i < n; i++) {
        const int v1 = from[0][i], v2 = from[1][i], v3 = from[2][i];
        int r, g, b;
        if (transform == 3) {
            g = (v1 - ((v3 + v2) >> 2) + half / 2) & mask;
            r = (v3 + g - half) & mask;
            b = (v2 + g - half) & mask;
        } else {
            g = v2;
            r = (v1 + v2 - half) & mask;
            b = (v3 + (transform == 1 ? g : (r + g) >> 1) - half) & mask;
        }
        to[0][i] = (uint16_t)r;
        to[1][i] = (uint16_t)g;
        to[2][i] = (uint16_t)b;
    }
}

#endif
