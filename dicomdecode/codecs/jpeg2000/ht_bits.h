/* The five bit streams of an HT code-block (T.814 clause 7.1).
 *
 *     cleanup segment, Lcup bytes                                              refinement segment, Lref bytes
 *     | MagSgn -->          | MEL -->      <-- VLC |                           | SigProp -->    <-- MagRef |
 *                           Pcup           Lcup = Pcup + Scup
 *
 * Scup stands in the last 12 bits. All but MEL are turned into plain bits before anything is decoded: bytes in the order
 * in which they are read, without the bits that were stuffed, the first bit lowest; so readers need only a place.
 */
#ifndef DICOMDECODE_HT_BITS_H
#define DICOMDECODE_HT_BITS_H

#include <string.h>

#include "parts.h"

enum { BITS_PAD = 16 };         /* bytes behind plain bits, which readers may load */

J2K_INLINE uint64_t reversed_64(uint64_t v) {
#if defined(__GNUC__)
    return __builtin_bswap64(v);
#else
    return _byteswap_uint64(v);
#endif
}

#define LOW_56 UINT64_C(0x00FFFFFFFFFFFFFF)
#define ONES UINT64_C(0x0101010101010101)
#define TOPS UINT64_C(0x8080808080808080)

/* Whether one of the lower seven bytes is 0xFF; or 0xFF or 0x7F. */
J2K_INLINE int has_ff(uint64_t v) {
    const uint64_t zero = ~v | ~LOW_56;
    return ((zero - ONES) & ~zero & TOPS) != 0;
}

J2K_INLINE int has_7f(uint64_t v) { return has_ff(v | TOPS); }

typedef struct {                /* plain bits that are written */
    uint8_t *to;
    uint64_t bits;              /* fewer than 8 of them, between calls */
    int count;
    uint8_t *first;
} Plain;

J2K_INLINE void put_bits(Plain *p, uint64_t bits, int count) {
    p->bits |= bits << p->count;
    p->count += count;
    store_64(p->to, p->bits);
    p->to += p->count >> 3;
    p->bits >>= p->count & ~7;
    p->count &= 7;
}

/* Ends plain bits with `filler` in at least `pad` bytes; how many bits there were. */
J2K_INLINE size_t end_bits(Plain *p, uint8_t filler, size_t pad) {
    const size_t bits = (size_t)(p->to - p->first) * 8 + (size_t)p->count;
    *p->to = (uint8_t)(p->bits | (uint64_t)filler << p->count);
    memset(p->to + 1, filler, pad);
    return bits;
}

/* Bytes from the front (MagSgn, SigProp): after a byte 0xFF the next has seven bits. */
J2K_INLINE void put_forward(Plain *p, const uint8_t *from, size_t size) {
    int after = 0;
    for (size_t i = 0; i < size;) {
        while (!after && size - i >= 8) {
            const uint64_t bytes = load_64(from + i);
            if (has_ff(bytes)) break;
            put_bits(p, bytes & LOW_56, 56);
            i += 7;
        }
        put_bits(p, after ? from[i] & 0x7F : from[i], 8 - after);
        after = from[i++] == 0xFF;
    }
}

/* Bytes from the back (VLC, MagRef), `from` being one past the first: after one above 0x8F, 0x7F and 0xFF have seven
 * bits. `last` is the byte before. */
J2K_INLINE void put_backward(Plain *p, const uint8_t *from, size_t size, int last) {
    while (size) {
        while (size >= 8) {
            const uint64_t bytes = reversed_64(load_64(from - 8));
            if (has_7f(bytes)) break;
            put_bits(p, bytes & LOW_56, 56);
            from -= 7;
            size -= 7;
            last = *from;
        }
        const int byte = *--from, stuffed = last > 0x8F && (byte & 0x7F) == 0x7F;
        put_bits(p, (uint64_t)(stuffed ? byte & 0x7F : byte), 8 - stuffed);
        last = byte;
        size--;
    }
}

typedef struct {                /* a reader with at least 56 bits at hand after `fill_window` */
    uint64_t bits;
    int count;
    const uint8_t *at;          /* goes up to 8 bytes ahead of what was used */
} Window;

/* Loads anew the bytes that are at hand in part: they are the same, and "or" leaves them so. */
J2K_INLINE void fill_window(Window *w) {
    w->bits |= load_64(w->at) << w->count;
    w->at += (63 - w->count) >> 3;
    w->count |= 56;
}

J2K_INLINE void drop_bits(Window *w, int n) {
    w->bits >>= n;
    w->count -= n;
}

typedef struct {                /* the adaptive run-length decoder (7.3.3): how often 0 comes before 1 */
    const uint8_t *at;
    const uint8_t *last;        /* the last byte but one of the segment, which it shares with VLC */
    uint32_t bits;
    int count;
    int after_ff;
    int k;
} Mel;

/* Symbols that come next: twice the number of 0, and 1 where a symbol 1 is behind them. */
J2K_APART static int next_run(Mel *m) {
    static const uint8_t exponent[13] = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 5};       /* table 2 */
    const int e = exponent[m->k];
    while (m->count < 6) {
        int byte = 0xFF;
        if (m->at < m->last) byte = *m->at++;
        else if (m->at == m->last) byte = *m->at++ | 0x0F;
        const int n = 8 - m->after_ff;
        m->bits = m->bits << n | (uint32_t)(byte & ((1 << n) - 1));
        m->count += n;
        m->after_ff = byte == 0xFF;
    }
    if (m->bits >> --m->count & 1) {
        m->k = smaller(m->k + 1, 12);
        return 2 << e;
    }
    m->count -= e;
    m->k = larger(m->k - 1, 0);
    return (int)(m->bits >> m->count & ((1u << e) - 1)) << 1 | 1;
}

/* `run` is what is left of it, apart from Mel so that it stays in a register. */
J2K_INLINE int next_symbol(Mel *m, int *run) {
    if (!*run) *run = next_run(m);
    const int one = *run == 1;
    *run -= 2 - one;
    return one;
}

#endif
