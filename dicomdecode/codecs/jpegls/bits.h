/* The entropy-coded segments of JPEG-LS (ITU-T T.87 A.1, C.1): bytes of the stream to a window of plain bits.
 *
 *      stream    ... 5A FF 3C 81 ...            after 0xFF the first bit of a byte is 0 and no data; were it 1, the
 *                                               two would be a marker, and the segment would have ended before 0xFF
 *      window    ... 01011010 11111111 0111100 10000001 ...
 *
 * Behind the last bit there are zeros for more than JLS_NEED bytes, so that a block of samples is decoded without a
 * check: `jls_ready` before a block says that it cannot leave the window.
 */
#ifndef DICOMDECODE_JPEGLS_BITS_H
#define DICOMDECODE_JPEGLS_BITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "clones.h"
#include "codecs/big_endian.h"

#if defined(__GNUC__)
#define JLS_RARE(x) __builtin_expect(!!(x), 0)
#define JLS_INLINE static inline __attribute__((always_inline))
#define JLS_APART static __attribute__((noinline))
#else
#define JLS_RARE(x) (x)
#define JLS_INLINE static inline
#define JLS_APART static
#endif

enum {
    JLS_WINDOW = 8192,          /* bytes held */
    JLS_NEED = 3072,            /* more than a block of samples takes: see JLS_BLOCK */
    JLS_SLACK = 32              /* loads and stores of 8 bytes begin anywhere; a turn of `jls_fill` makes 10 bytes */
};

typedef struct {
    uint64_t pos;               /* next bit of `window` */
    uint64_t filled;            /* bits that are there */
    uint64_t low;               /* from this bit on, a block may not find all that it needs */
    uint64_t part;              /* bits taken that make no whole byte yet, `parts` < 8 of them */
    int parts;
    int ended;                  /* `next` is at a marker, or at the end of the stream */
    const uint8_t *next;        /* next byte of the stream to take */
    const uint8_t *end;
    uint8_t window[JLS_WINDOW + JLS_NEED + JLS_SLACK];
} JlsReader;

/* Leading zeros of what is not zero. */
JLS_INLINE int jls_zeros(uint64_t v) {
#if defined(__GNUC__)
    return __builtin_clzll(v);
#else
    int n = 0;
    while (!(v >> 63)) v <<= 1, n++;
    return n;
#endif
}

/* The bits from `pos` on, left-justified: 57 at least. */
JLS_INLINE uint64_t jls_peek(const uint8_t *window, uint64_t pos) {
    return load_big_64(window + (pos >> 3)) << (pos & 7);
}

/* How many of 8 bytes come before the first 0xFF. */
JLS_INLINE int jls_before_ff(uint64_t bytes) {
    const uint64_t low = 0x0101010101010101u, high = 0x8080808080808080u;
    /* The top bit of a byte is set where all bits of it were; no carry leaves a byte. */
    uint64_t full = ((bytes & ~high) + low) & bytes & high;
    return full ? jls_zeros(full) >> 3 : 8;
}

/* n bits, at most 56, behind those that are there; returns where the next whole byte goes. */
JLS_INLINE uint8_t *jls_append(JlsReader *r, uint8_t *out, uint64_t bits, int n) {
    uint64_t all = r->part << n | bits;
    int count = r->parts + n;
    save_big_64(out, all << 1 << (63 - count));
    r->parts = count & 7;
    r->part = all & ((1u << r->parts) - 1);
    return out + (count >> 3);
}

/* Move what is not used to the front of the window and take more of the stream. */
JLS_APART void jls_fill(JlsReader *r) {
    const size_t used = (size_t)(r->pos >> 3), kept = (size_t)(r->filled >> 3) - used;
    const uint8_t *const full = r->window + JLS_WINDOW - 8;
    const uint8_t *next = r->next;
    uint8_t *out;
    if (r->ended) return;
    memmove(r->window, r->window + used, kept);
    out = r->window + kept;
    while (out < full) {
        ptrdiff_t left = r->end - next;
        if (left >= 8) {
            uint64_t bytes = load_big_64(next);
            int n = jls_before_ff(bytes);
            if (n == 8) {
                save_big_64(out, r->part << 1 << (63 - r->parts) | bytes >> r->parts);
                r->part = bytes & ((1u << r->parts) - 1);
                out += 8;
                next += 8;
                continue;
            }
            out = jls_append(r, out, bytes >> 1 >> (63 - 8 * n), 8 * n);
            next += n;
        } else if (left > 0 && *next != 0xFF) {
            out = jls_append(r, out, *next++, 8);
            continue;
        }
        if (r->end - next < 2 || next[1] & 0x80) {
            r->ended = 1;
            break;
        }
        out = jls_append(r, out, 0xFFu << 7 | next[1], 15);
        next += 2;
    }
    r->next = next;
    r->pos &= 7;
    r->filled = 8 * (uint64_t)(out - r->window);
    r->low = r->filled < 8 * JLS_NEED ? 0 : r->filled - 8 * JLS_NEED;
    if (r->ended) {
        save_big_64(out, r->part << 1 << (63 - r->parts));
        memset(out + 8, 0, JLS_NEED + 8);
        r->filled += (uint64_t)r->parts;
        r->low = r->filled + 1;
    }
}

static void jls_start(JlsReader *r, const uint8_t *next, const uint8_t *end) {
    r->pos = r->filled = r->part = 0;
    r->parts = r->ended = 0;
    r->next = next;
    r->end = end;
    jls_fill(r);
}

/* Before a block, whose first bit is at or behind `low`: 0 when the segment ended before that bit. */
JLS_APART int jls_ready(JlsReader *r, uint64_t pos) {
    r->pos = pos;
    jls_fill(r);
    return r->pos <= r->filled;
}

/* Behind the last sample: 0 when the segment goes on. Writers leave up to two bytes, or zeros. */
static int jls_is_over(JlsReader *r) {
    uint64_t at;
    jls_fill(r);
    at = r->pos + 24;
    for (;;) {
        for (; at + 8 <= r->filled || (r->ended && at < r->filled); at += 8)
            if (jls_peek(r->window, at) >> 56) return 0;
        if (r->ended) return 1;
        r->pos = at;
        jls_fill(r);
        at = r->pos;
    }
}

/* Where the reader is in the stream, but for stuffed bits: for messages. */
static ptrdiff_t jls_place(const JlsReader *r, const uint8_t *start) {
    uint64_t ahead = r->filled > r->pos ? (r->filled - r->pos) >> 3 : 0;
    ptrdiff_t taken = r->next - start;
    return (uint64_t)taken > ahead ? taken - (ptrdiff_t)ahead : 0;
}

#endif
