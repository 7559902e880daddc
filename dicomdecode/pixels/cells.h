/* Cells of pixel data: as they are in the file -> stored values.
 *
 * Like kernels.h: pointers and counts, and no function checks a bound.
 */
#ifndef DICOMDECODE_CELLS_H
#define DICOMDECODE_CELLS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "clones.h"
#include "words.h"

/* File bytes need not be aligned: memcpy of one element compiles to one (vector) load. */
#define LOAD(T, p, i) ({ T value_; memcpy(&value_, (const char *)(p) + (i) * sizeof(T), sizeof(T)); value_; })
#if !defined(__GNUC__)
#undef LOAD
#define LOAD(T, p, i) (((const T *)(p))[i])
#endif

/* Bytes of an element type (words.h). */
static const size_t bytes_of[T_COUNT] = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 2};

/* Ask for bytes that will be read soon: where they are not in a near cache, the loops would wait for half their time. */
static inline void dd_soon(const char *p, size_t size) {
#if defined(__GNUC__)
    for (size_t i = 0; i < size; i += 64) __builtin_prefetch(p + i);
#else
    (void)p, (void)size;
#endif
}

/* CALL for some cells at a time, `m` from `from` to `to`, while those of the next time come near. */
#define BLOCK ((size_t)2048)
#define IN_BLOCKS(SRC_BYTES, DST_BYTES, CALL)                                                                    \
    for (size_t at = 0; at < n; at += BLOCK) {                                                                   \
        const size_t left_over = n - at, m = left_over < BLOCK ? left_over : BLOCK;                              \
        const char *from = (const char *)src + at * (SRC_BYTES);                                                 \
        char *to = (char *)dst + at * (DST_BYTES);                                                               \
        dd_soon(from + m * (SRC_BYTES), (left_over - m < BLOCK ? left_over - m : BLOCK) * (SRC_BYTES));          \
        CALL;                                                                                                    \
    }

/* The stored bits end at High Bit: shift them to the top of the cell, then down with the sign (PS3.5 8.1.1).
 *
 *      cell  |....ssssssss..|      left  = Bits Allocated - 1 - High Bit
 *      left  |ssssssss......|      right = Bits Allocated - Bits Stored
 */
#define FIELD(T, U, x) ((T)((T)(U)((U)(x) << left) >> right))

#define STORED(NAME, T, U)                                                                                       \
    CLONES static void stored_##NAME(const void *src, void *dst, size_t n, int left, int right) {                \
        T *out = (T *)dst;                                                                                       \
        for (size_t i = 0; i < n; i++) out[i] = FIELD(T, U, LOAD(U, src, i));                                    \
    }
STORED(u8, uint8_t, uint8_t)
STORED(i8, int8_t, uint8_t)
STORED(u16, uint16_t, uint16_t)
STORED(i16, int16_t, uint16_t)
STORED(u32, uint32_t, uint32_t)
STORED(i32, int32_t, uint32_t)
STORED(u64, uint64_t, uint64_t)
STORED(i64, int64_t, uint64_t)

/* Whether cells whose stored bits are the low ones are values already: the bits above are 0, or copies of the sign.
 * With half = 2^(Bits Stored - 1) added, a sign-extended value has zeros there too. */
#define CLEAN(NAME, U)                                                                                           \
    CLONES static int clean_##NAME(const void *src, size_t n, int right, int is_signed) {                        \
        const int stored = (int)(8 * sizeof(U)) - right;                                                         \
        const U half = (U)(is_signed ? (U)1 << (stored - 1) : 0), above = (U)((uint64_t)(U)~(U)0 << (stored - 1) << 1);       \
        U seen = 0;                                                                                              \
        for (size_t i = 0; i < n; i++) seen = (U)(seen | (U)(LOAD(U, src, i) + half));                           \
        return (seen & above) == 0;                                                                              \
    }
CLEAN(8, uint8_t)
CLEAN(16, uint16_t)
CLEAN(32, uint32_t)

static int dd_is_clean(int type, const void *src, size_t n, int right) {
    const int is_signed = type == T_I8 || type == T_I16 || type == T_I32;
    switch (bytes_of[type]) {
    case 1: return clean_8(src, n, right, is_signed);
    case 2: return clean_16(src, n, right, is_signed);
    case 4: return clean_32(src, n, right, is_signed);
    default: return 0;
    }
}

static void dd_shift(int type, const void *src, void *dst, size_t n, int left, int right) {
    switch (type) {
    case T_U8: stored_u8(src, dst, n, left, right); break;
    case T_I8: stored_i8(src, dst, n, left, right); break;
    case T_U16: stored_u16(src, dst, n, left, right); break;
    case T_I16: stored_i16(src, dst, n, left, right); break;
    case T_U32: stored_u32(src, dst, n, left, right); break;
    case T_I32: stored_i32(src, dst, n, left, right); break;
    case T_U64: stored_u64(src, dst, n, left, right); break;
    case T_I64: stored_i64(src, dst, n, left, right); break;
    default: break;
    }
}

/* Cells to values, in place or not. Most cells are values already, and to see that takes less time than to shift them. */
static void dd_stored(int type, const void *src, void *dst, size_t n, int left, int right) {
    const size_t bytes = bytes_of[type];
    if (left == 0 && right == 0) {
        if (src != dst) memcpy(dst, src, n * bytes);
        return;
    }
    IN_BLOCKS(bytes, bytes, {
        if (src != dst) memcpy(to, from, m * bytes);
        if (left != right || !dd_is_clean(type, to, m, right)) dd_shift(type, from, to, m, left, right);
    })
}

/* Reverse the bytes of each cell. */
CLONES static void dd_swap(const uint8_t *src, uint8_t *dst, size_t n, int cell) {
    if (cell == 2) {
        for (size_t i = 0; i < n; i++) {
            uint16_t x;
            memcpy(&x, src + 2 * i, 2);
            x = (uint16_t)(x << 8 | x >> 8);
            memcpy(dst + 2 * i, &x, 2);
        }
        return;
    }
    for (size_t i = 0; i < n; i++)
        for (int b = 0; b < cell; b++) dst[i * cell + b] = src[i * cell + cell - 1 - b];
}

/* Cells of any width in one little-endian bit stream: cell k is the bits [first + k * allocated, ...). */
static void dd_unpack_bits(const uint8_t *src, size_t src_bytes, uint64_t first, size_t n, int allocated, int shift,
                           int stored, int is_signed, void *dst, int dst_bytes) {
    size_t i = 0;
    if (allocated == 1 && dst_bytes == 1 && !is_signed) {
        uint8_t *out = (uint8_t *)dst;
        for (; i < n && (first + i) & 7; i++) out[i] = src[(first + i) >> 3] >> ((first + i) & 7) & 1;
        /* Eight bits to eight bytes: byte j of the product keeps bit j only, then "not zero" becomes 1. */
        for (; i + 8 <= n; i += 8) {
            uint64_t x = src[(first + i) >> 3] * 0x0101010101010101u & 0x8040201008040201u;
            x = (x + 0x7F7F7F7F7F7F7F7Fu) >> 7 & 0x0101010101010101u;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
            x = __builtin_bswap64(x);
#endif
            memcpy(out + i, &x, 8);
        }
        for (; i < n; i++) out[i] = src[(first + i) >> 3] >> ((first + i) & 7) & 1;
        return;
    }
    uint64_t mask = stored == 64 ? ~(uint64_t)0 : ((uint64_t)1 << stored) - 1;
    uint64_t sign = (uint64_t)1 << (stored - 1);
    for (; i < n; i++) {
        uint64_t bit = first + (uint64_t)i * allocated + shift;
        size_t byte = (size_t)(bit >> 3);
        int within = (int)(bit & 7);
        uint64_t x = 0;
        for (int b = 0; b < 8 && byte + b < src_bytes && 8 * b < stored + within; b++)
            x |= (uint64_t)src[byte + b] << (8 * b);
        x >>= within;
        if (within + stored > 64 && byte + 8 < src_bytes) x |= (uint64_t)src[byte + 8] << (64 - within);
        x &= mask;
        if (is_signed) x = (x ^ sign) - sign;
        switch (dst_bytes) {
        case 1: ((uint8_t *)dst)[i] = (uint8_t)x; break;
        case 2: ((uint16_t *)dst)[i] = (uint16_t)x; break;
        case 4: ((uint32_t *)dst)[i] = (uint32_t)x; break;
        default: ((uint64_t *)dst)[i] = x; break;
        }
    }
}

#endif
