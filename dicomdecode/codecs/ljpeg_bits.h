/* The entropy-coded segments of lossless JPEG (ITU-T T.81, process 14): Huffman codes to differences, differences to
 * samples. In C for the bit buffer kept in registers, and for `target_clones`: a BMI2/AVX2 loop in a portable build.
 *
 *      stream --lj_fill--> bytes without stuffing --lj_run_*--> differences --lj_predict--> samples --lj_store--> out
 */
#ifndef DICOMDECODE_LJPEG_BITS_H
#define DICOMDECODE_LJPEG_BITS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "clones.h"
#include "codecs/big_endian.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#define LJ_CLONES CLONES_V3
#if defined(__GNUC__)
#define LJ_RARE(x) __builtin_expect(!!(x), 0)
#define LJ_INLINE static inline __attribute__((always_inline))
#else
#define LJ_RARE(x) (x)
#define LJ_INLINE static inline
#endif

enum {
    LJ_LOOK = 10,               /* bits of the first look-up of a code */
    LJ_MULTI = 12,              /* bits of the look-up of up to three whole differences */
    LJ_SPILL = 16,              /* differences that may be written past the end asked for */
    LJ_BYTES = 4096,           /* bytes held without stuffing */
    LJ_MARGIN = 64,             /* more than one turn of any loop below takes */
    LJ_PAD = 128                /* zeros behind the last byte, so that no load needs a check */
};

enum { LJ_OK = 0, LJ_SHORT = 1, LJ_NO_CODE = 2 };

typedef struct {
    uint32_t look[1 << LJ_LOOK];    /* whole length | code length << 8 | SSSS << 16; 0: longer code, SSSS 16, no code */
    uint32_t limit[17];             /* first word past the codes of a length, left-justified in 16 bits */
    int32_t offset[17];             /* from a right-justified code of a length to its place in `values` */
    uint8_t values[256];
} LjTable;

/* What the next LJ_MULTI bits hold: 0-7 the whole length, 8-15 how many differences, 16-63 up to three of them.
 * 0: not one whole difference.
 */
typedef uint64_t LjMulti;

typedef struct {
    uint64_t bits;              /* the next bits, left-justified; those below `count` are right or zero */
    uint64_t count;             /* how many of them are accounted for: its low six bits, those above mean nothing */
    uint64_t missed;            /* look-ups of several differences that found not one; a branch guessed wrongly each */
    int ended;                  /* `next` is at a marker or at the end */
    const uint8_t *at;          /* next byte of `buffer` to load */
    const uint8_t *filled;      /* end of the bytes in `buffer` */
    const uint8_t *start;       /* the segment's first byte in the stream */
    const uint8_t *next;        /* next byte of the stream to take */
    const uint8_t *end;         /* of the stream */
    uint64_t dropped;           /* bytes of the segment that have left `buffer` */
    uint8_t buffer[LJ_BYTES + LJ_PAD];
} LjReader;

/* Move the bytes not yet used to the front and take more of the stream, FF 00 as FF, up to a marker (T.81 F.1.2.3). */
static void lj_fill(LjReader *r) {
    if (r->ended) return;
    size_t keep = (size_t)(r->filled - r->at);
    r->dropped += (uint64_t)(r->at - r->buffer);
    memmove(r->buffer, r->at, keep);
    uint8_t *out = r->buffer + keep;
    size_t room = LJ_BYTES - keep;
    while (room) {
        size_t left = (size_t)(r->end - r->next);
        size_t n = left < room ? left : room;
        const uint8_t *mark = n ? (const uint8_t *)memchr(r->next, 0xFF, n) : NULL;
        size_t run = mark ? (size_t)(mark - r->next) : n;
        memcpy(out, r->next, run);
        out += run;
        r->next += run;
        room -= run;
        if (mark) {
            if (left - run < 2 || mark[1] != 0) {
                r->ended = 1;
                break;
            }
            *out++ = 0xFF;
            r->next += 2;
            room--;
        } else if (run == left) {
            r->ended = 1;
            break;
        }
    }
    memset(out, 0, LJ_PAD);
    r->at = r->buffer;
    r->filled = out;
}

static void lj_start(LjReader *r, const uint8_t *next, const uint8_t *end) {
    r->bits = 0;
    r->count = 0;
    r->ended = 0;
    r->start = r->next = next;
    r->end = end;
    r->dropped = 0;
    r->at = r->filled = r->buffer;
    lj_fill(r);
}

/* Whole bytes of the segment not used yet, in the buffer; negative when more bits were taken than there are. */
static ptrdiff_t lj_left(const LjReader *r) {
    return ((r->filled - r->at) * 8 + (ptrdiff_t)(r->count & 63)) >> 3;
}

/* How far into the stream the reader is: counts the stuffing again, so only for messages. */
static const uint8_t *lj_place(const LjReader *r) {
    uint64_t used = r->dropped + (uint64_t)(r->at - r->buffer) - (r->count & 63) / 8;
    const uint8_t *p = r->start;
    while (used-- && p < r->next) p += *p == 0xFF ? 2 : 1;
    return p < r->next ? p : r->next;
}

/* The difference of SSSS extra bits that begin `bits` (T.81 F.2.2.1 EXTEND, SSSS 0..15), without a branch. */
LJ_INLINE int lj_extend(uint64_t bits, int ssss) {
    int value = (int)((bits >> 1) >> (63 - ssss));
    return value - (int)(~(uint64_t)((int64_t)bits >> 63) & ((1u << ssss) - 1));
}

/* Tables from the 16 counts and the values of a DHT segment; 0 when the codes do not fit or are not of this process. */
static int lj_make_table(LjTable *t, const uint8_t *counts, const uint8_t *values) {
    uint32_t code = 0;
    int k = 0;
    memset(t, 0, sizeof *t);
    for (int length = 1; length <= 16; length++) {
        int n = counts[length - 1];
        t->offset[length] = k - (int)code;
        if (code + n > 1u << length || k + n > 256) return 0;
        for (int i = 0; i < n; i++, k++, code++) {
            int ssss = values[k];
            if (ssss > 16) return 0;
            t->values[k] = (uint8_t)ssss;
            if (length > LJ_LOOK || ssss == 16) continue;
            for (uint32_t j = 0; j < 1u << (LJ_LOOK - length); j++)
                t->look[(code << (LJ_LOOK - length)) + j] = (uint32_t)((length + ssss) | length << 8 | ssss << 16);
        }
        t->limit[length] = code << (16 - length);
        code <<= 1;
    }
    return k > 0;
}

static void lj_make_multi(LjMulti *multi, const LjTable *t) {
    for (uint32_t i = 0; i < 1u << LJ_MULTI; i++) {
        uint64_t bits = (uint64_t)i << (64 - LJ_MULTI), entry = 0;
        int used = 0, n = 0;
        uint32_t e = t->look[bits >> (64 - LJ_LOOK)];
        for (; n < 3 && e && used + (int)(e & 255) <= LJ_MULTI; n++) {
            entry |= (uint64_t)(uint16_t)lj_extend(bits << (e >> 8 & 63), (int)(e >> 16)) << (16 + 16 * n);
            bits <<= e & 63;
            used += (int)(e & 255);
            e = t->look[bits >> (64 - LJ_LOOK)];
        }
        multi[i] = entry | (uint64_t)used | (uint64_t)n << 8;
    }
}

/* A code longer than the look-up, or SSSS 16, which has no extra bits (T.81 H.1.2.2). Its whole length, 0: no code. */
static int lj_long(const LjTable *t, uint64_t bits, int *difference) {
    uint32_t word = (uint32_t)(bits >> 48);
    for (int length = 1; length <= 16; length++) {
        if (word < t->limit[length]) {
            int ssss = t->values[(int)(word >> (16 - length)) + t->offset[length]];
            *difference = ssss == 16 ? 32768 : lj_extend(bits << length, ssss);
            return ssss == 16 ? length : length + ssss;
        }
    }
    return 0;
}

/* After REFILL at least 56 bits are there: two differences that the look-up knows (25 bits each), one of any kind (31),
 * or four look-ups of LJ_MULTI bits. */
#define LJ_REFILL()                                                                                                  \
    do {                                                                                                             \
        bits |= load_big_64(at) >> (count & 63);                                                                     \
        at += (~count & 63) >> 3;                                                                                    \
        count |= 56;                                                                                                 \
    } while (0)
#define LJ_TAKE(n)                                                                                                   \
    do {                                                                                                             \
        bits <<= (n) & 63;                                                                                           \
        count -= (uint64_t)(n);                                                                                      \
    } while (0)
#define LJ_ONE(t)                                                                                                    \
    do {                                                                                                             \
        uint32_t e_ = (t)->look[bits >> (64 - LJ_LOOK)];                                                             \
        int d_;                                                                                                      \
        if (LJ_RARE(!e_)) {                                                                                          \
            LJ_REFILL();                                                                                             \
            int whole_ = lj_long((t), bits, &d_);                                                                    \
            if (!whole_) goto no_code;                                                                               \
            LJ_TAKE(whole_);                                                                                         \
            LJ_REFILL();                                                                                             \
        } else {                                                                                                     \
            d_ = lj_extend(bits << (e_ >> 8 & 63), (int)(e_ >> 16));                                                 \
            LJ_TAKE(e_);                                                                                             \
        }                                                                                                            \
        *out++ = (uint16_t)d_;                                                                                       \
    } while (0)
#define LJ_OPEN()                                                                                                    \
    uint64_t bits = r->bits, count = r->count;                                                                       \
    int status = LJ_OK;                                                                                              \
    const uint8_t *at = r->at;                                                                                       \
    const uint8_t *const last = r->ended ? r->filled + LJ_PAD - LJ_MARGIN : r->filled - LJ_MARGIN;                   \
    uint16_t *out = *out_
#define LJ_CLOSE()                                                                                                   \
    goto close;                                                                                                      \
no_code:                                                                                                             \
    status = LJ_NO_CODE;                                                                                             \
close:                                                                                                               \
    r->bits = bits;                                                                                                  \
    r->count = count;                                                                                                \
    r->at = at;                                                                                                      \
    *out_ = out;                                                                                                     \
    return status

/* Each loop writes differences until `stop`, or until the buffer runs low. One table for all components: */
LJ_CLONES static int lj_run_one(LjReader *r, const LjTable *t, uint16_t **out_, uint16_t *stop) {
    LJ_OPEN();
    while (stop - out >= 2 && at <= last) {
        LJ_REFILL();
        LJ_ONE(t);
        LJ_ONE(t);
    }
    if (stop - out == 1 && at <= last) {
        LJ_REFILL();
        LJ_ONE(t);
    }
    LJ_CLOSE();
}

/* A table for each of n components; `out` begins a pixel and so does `stop`. */
LJ_CLONES static int lj_run_each(LjReader *r, const LjTable *const *tables, int n, uint16_t **out_, uint16_t *stop) {
    LJ_OPEN();
    while (out < stop && at <= last) {
        for (int i = 0; i < n; i++) {
            const LjTable *t = tables[i];
            LJ_REFILL();
            LJ_ONE(t);
        }
    }
    LJ_CLOSE();
}

LJ_INLINE void lj_put(uint16_t *out, uint64_t three) {
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy(out, &three, 8);
#else
    out[0] = (uint16_t)three;
    out[1] = (uint16_t)(three >> 16);
    out[2] = (uint16_t)(three >> 32);
#endif
}

/* One table, several differences a look-up; writes up to LJ_SPILL past `stop`. */
LJ_CLONES static int lj_run_multi(LjReader *r, const LjTable *t, const LjMulti *multi, uint16_t **out_,
                                  uint16_t *stop) {
    LJ_OPEN();
    while (out < stop && at <= last) {
        LJ_REFILL();
        for (int i = 0; i < 4; i++) {
            uint64_t e = multi[bits >> (64 - LJ_MULTI)];
            if (LJ_RARE(!e)) {
                r->missed++;
                LJ_REFILL();
                LJ_ONE(t);
                LJ_REFILL();
                continue;
            }
            LJ_TAKE(e);
            lj_put(out, e >> 16);
            out += e >> 8 & 3;
        }
    }
    LJ_CLOSE();
}

/* Differences from *out_ to `stop`. With `spill`, up to LJ_SPILL more. */
static int lj_decode(LjReader *r, const LjTable *const *tables, int n, const LjMulti *multi, int spill,
                     uint16_t **out_, uint16_t *stop) {
    int status = LJ_OK;
    while (*out_ < stop) {
        if (n > 1)
            status = lj_run_each(r, tables, n, out_, stop);
        else if (multi && (spill || stop - *out_ > LJ_SPILL))
            status = lj_run_multi(r, tables[0], multi, out_, spill ? stop : stop - LJ_SPILL);
        else
            status = lj_run_one(r, tables[0], out_, stop);
        /* The zeros of the padding make no code, or a wrong one: what was cut is told from what is damaged. */
        if (r->ended && lj_left(r) < (status == LJ_NO_CODE ? 2 : 0)) return LJ_SHORT;
        if (status != LJ_OK) return status;
        lj_fill(r);
    }
    return LJ_OK;
}

/* Sum along a row: cur[i] = cur[i - s] + d[i] modulo 2^16, from the s samples that are there. */
static void lj_sum(size_t n, size_t s, const uint16_t *d, uint16_t *cur) {
    size_t i = s;
    if (s == 1) {
        uint16_t a = cur[0];
#if defined(__SSE2__)
        __m128i carry = _mm_set1_epi16((short)a);
        for (; i + 8 <= n; i += 8) {
            __m128i v = _mm_loadu_si128((const __m128i *)(d + i));
            v = _mm_add_epi16(v, _mm_slli_si128(v, 2));
            v = _mm_add_epi16(v, _mm_slli_si128(v, 4));
            v = _mm_add_epi16(_mm_add_epi16(v, _mm_slli_si128(v, 8)), carry);
            _mm_storeu_si128((__m128i *)(cur + i), v);
            carry = _mm_shufflehi_epi16(v, 0xFF);
            carry = _mm_unpackhi_epi64(carry, carry);
        }
        a = cur[i - 1];
#endif
        for (; i < n; i++) cur[i] = a = (uint16_t)(a + d[i]);
    } else if (s == 3) {
        uint16_t a = cur[0], b = cur[1], c = cur[2];
        for (; i < n; i += 3) {
            cur[i] = a = (uint16_t)(a + d[i]);
            cur[i + 1] = b = (uint16_t)(b + d[i + 1]);
            cur[i + 2] = c = (uint16_t)(c + d[i + 2]);
        }
    } else {
        for (; i < n; i++) cur[i] = (uint16_t)(cur[i - s] + d[i]);
    }
}

/* Predictors 6 and 7 need the sample before (T.81 table H.1); `s` is a constant where this is inlined. */
LJ_INLINE void lj_serial(int predictor, size_t n, size_t s, const uint16_t *d, const uint16_t *prev, uint16_t *cur) {
    if (predictor == 6)
        for (size_t i = s; i < n; i++) cur[i] = (uint16_t)(prev[i] + ((cur[i - s] - prev[i - s]) >> 1) + d[i]);
    else
        for (size_t i = s; i < n; i++) cur[i] = (uint16_t)(((cur[i - s] + prev[i]) >> 1) + d[i]);
}

/* The same for one component, in half the steps from sample to sample: what the next sample needs, Ra - Rc or Ra + Rb,
 * is carried instead of Ra. Right while nothing leaves 16 bits; returns 0 when something did.
 */
LJ_INLINE int lj_serial_one(int predictor, size_t n, const uint16_t *restrict d, const uint16_t *restrict prev,
                            uint16_t *restrict cur) {
    int32_t any = 0, carried, value;
    if (predictor == 6) {
        carried = cur[0] - prev[0];
        for (size_t i = 1; i < n; i++) {
            carried = (carried >> 1) + (int16_t)d[i];
            value = carried + prev[i];
            any |= value;
            cur[i] = (uint16_t)value;
        }
    } else {
        if (n < 2) return 1;
        carried = cur[0] + prev[1];
        for (size_t i = 1; i < n - 1; i++) {
            value = (carried >> 1) + (int16_t)d[i];
            carried = (carried >> 1) + ((int16_t)d[i] + prev[i + 1]);
            any |= value;
            cur[i] = (uint16_t)value;
        }
        value = (carried >> 1) + (int16_t)d[n - 1];
        any |= value;
        cur[n - 1] = (uint16_t)value;
    }
    return !(any & ~0xFFFF);
}

/* A row of n samples, s components interleaved: Ra left, Rb above, Rc above left; the first column takes Rb (T.81
 * H.1.2.1). For the first row of an interval the caller gives predictor 1 and the start value as `prev`.
 * `d` is spoiled.
 */
LJ_CLONES static void lj_predict(int predictor, size_t n, size_t s, uint16_t *restrict d, const uint16_t *restrict prev,
                                 uint16_t *restrict cur) {
    for (size_t i = 0; i < s; i++) cur[i] = (uint16_t)(prev[i] + d[i]);
    switch (predictor) {
    case 2:
        for (size_t i = s; i < n; i++) cur[i] = (uint16_t)(prev[i] + d[i]);
        return;
    case 3:
        for (size_t i = s; i < n; i++) cur[i] = (uint16_t)(prev[i - s] + d[i]);
        return;
    case 4:
        for (size_t i = s; i < n; i++) d[i] = (uint16_t)(d[i] + prev[i] - prev[i - s]);
        break;
    case 5:
        for (size_t i = s; i < n; i++) d[i] = (uint16_t)(d[i] + ((prev[i] - prev[i - s]) >> 1));
        break;
    case 6:
    case 7:
        if (s == 1 && lj_serial_one(predictor, n, d, prev, cur)) return;
        if (s == 3)
            lj_serial(predictor, n, 3, d, prev, cur);
        else
            lj_serial(predictor, n, s, d, prev, cur);
        return;
    }
    lj_sum(n, s, d, cur);
}

/* How samples go out: shifted by the point transform, sign-extended, every `stride`-th element of `item` bytes. */
typedef struct {
    int item;
    int transform;
    int sign;                   /* 16 - Bits Stored of signed pixels; -1: not signed */
    uint16_t bias;              /* a right sample plus bias is at most `most` */
    uint16_t most;
} LjStore;

#define LJ_WRITE(T, VALUE)                                                                                           \
    do {                                                                                                             \
        T *restrict o = (T *)out;                                                                                    \
        for (size_t i = 0; i < n; i++) {                                                                             \
            uint16_t v = src[i * step];                                                                              \
            wrong |= (uint16_t)(v + bias) > most;                                                                    \
            v = (uint16_t)(v << transform);                                                                          \
            o[i * stride] = (T)(VALUE);                                                                              \
        }                                                                                                            \
    } while (0)

/* Whether all samples fit: for those that `out` already holds as they are. */
LJ_CLONES static int lj_fits(const LjStore *how, size_t n, const uint16_t *src) {
    const uint16_t bias = how->bias, most = how->most;
    uint16_t wrong = 0;
    if (most < 65535)
        for (size_t i = 0; i < n; i++) wrong |= (uint16_t)(src[i] + bias) > most;
    return !wrong;
}

/* n samples, every `step`-th of src; returns 0 when one does not fit in the precision of the stream. */
LJ_INLINE int lj_store_by(const LjStore *how, size_t n, const uint16_t *restrict src, size_t step, void *out,
                          size_t stride) {
    const uint16_t bias = how->bias, most = how->most;
    const int transform = how->transform, sign = how->sign;
    uint16_t wrong = 0;
    if (how->item == 1 && sign <= 8)
        LJ_WRITE(uint8_t, v);
    else if (how->item == 1)
        LJ_WRITE(uint8_t, (int16_t)(uint16_t)(v << sign) >> sign);
    else if (how->item == 2 && sign <= 0)
        LJ_WRITE(uint16_t, v);
    else if (how->item == 2)
        LJ_WRITE(uint16_t, (int16_t)(uint16_t)(v << sign) >> sign);
    else if (sign < 0)
        LJ_WRITE(uint32_t, v);
    else
        LJ_WRITE(uint32_t, (int16_t)(uint16_t)(v << sign) >> sign);
    return !wrong;
}

LJ_CLONES static int lj_store(const LjStore *how, size_t n, const uint16_t *src, size_t step, void *out,
                              size_t stride) {
    if (step == 1 && stride == 1) return lj_store_by(how, n, src, 1, out, 1);
    return lj_store_by(how, n, src, step, out, stride);
}

#endif
