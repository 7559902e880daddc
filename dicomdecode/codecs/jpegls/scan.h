/* Rows of a JPEG-LS scan (ITU-T T.87 A.3 to A.7), from bits to samples.
 *
 * What a sample waits for is the one before it: Ra gives Q3, Q3 the context, the context k, k the error. All else (Q1 and
 * Q2, predictor of Rb and Rc, k of the next sample in the same context) is computed before or beside that chain. The
 * functions come in kinds, which the compiler makes from one text:
 *
 *      general     near-lossless, or RANGE is no power of two: the result is brought into range by comparing
 *      wide        MAXVAL is JLS_DIRECT or more: Q3 is computed, not looked up
 */
#ifndef DICOMDECODE_JPEGLS_SCAN_H
#define DICOMDECODE_JPEGLS_SCAN_H

#include "contexts.h"

enum {
    JLS_OK = 0,
    JLS_SHORT = 1,              /* the segment ends before its last sample */
    JLS_DAMAGED = 2,            /* a code that can not be */
    JLS_FAST = 39               /* fewer zeros in front of a code, and it is read in one go */
};

/* A mask, such that the compiler makes no branch of what is chosen by it. */
#if defined(__GNUC__)
#define JLS_OPAQUE(x) __asm__("" : "+r"(x))
#else
#define JLS_OPAQUE(x) (void)(x)
#endif

typedef struct {
    uint64_t pos;
    uint64_t value;
} JlsCode;

/* A code of any length (T.87 A.5.3): up to `most` zeros, 1, then k bits; after `most` zeros the value less 1. */
JLS_APART JlsCode jls_long_code(JlsScan *s, uint64_t pos, int k, int most) {
    const uint8_t *window = s->reader.window;
    uint64_t bits = jls_peek(window, pos);
    int zeros = jls_zeros(bits | 1);
    JlsCode code;
    if (zeros > most) {
        s->damaged = 1;
        zeros = most;
    }
    pos += (uint64_t)zeros + 1;
    bits = jls_peek(window, pos);
    if (zeros < most) {
        code.value = ((uint64_t)zeros << k) | (bits >> 1 >> (63 - k));
        code.pos = pos + (uint64_t)k;
    } else {
        code.value = (bits >> (64 - s->qbpp)) + 1;
        code.pos = pos + (uint64_t)s->qbpp;
    }
    return code;
}

/* The median of Ra, Rb and Ra + Rb - Rc (T.87 A.4.1). */
JLS_INLINE int32_t jls_median(int32_t ra, int32_t rb, int32_t rc) {
    int32_t low = ra < rb ? ra : rb, high = ra < rb ? rb : ra, plane = ra + rb - rc;
    plane = plane < low ? low : plane;
    return plane > high ? high : plane;
}

/* The prediction plus the error, brought into range (T.87 A.4.4, A.5). */
JLS_INLINE int32_t jls_in_range(const JlsScan *s, int32_t value) {
    const int32_t maxval = s->p.maxval, near = s->p.near, span = s->range * (2 * near + 1);
    if (JLS_RARE((uint32_t)value > (uint32_t)maxval)) {
        if (value < -near)
            value += span;
        else if (value > maxval + near)
            value -= span;
        value = jls_clamp(value, 0, maxval);
    }
    return value;
}

/* Where a context is, and whether it was negative: -1. */
typedef struct {
    int64_t q;
    int32_t sign;
} JlsPlace;

/* The context of sample i of a block. */
JLS_INLINE JlsPlace jls_place_of(const JlsScan *s, const JlsBlock *block, int64_t i, uint32_t ra, uint32_t rc,
                                 int wide) {
    JlsPlace place;
    place.sign = block->sign[i];
    if (wide) {
        const uint32_t d = rc + JLS_DIRECT - ra;
        if (JLS_RARE(d - 1 >= 2 * JLS_DIRECT - 1))
            place.q = ((jls_quantised((int)rc - (int)ra, &s->p) ^ place.sign) - place.sign) * (int)sizeof(JlsContext);
        else
            place.q = s->q3[d + (uint32_t)(place.sign & (2 * JLS_DIRECT))];
    } else {
        place.q = s->q3[block->from[i] - ra];
    }
    place.q += block->q12[i];
    if (JLS_RARE(place.q < 0)) { /* Q1 and Q2 are 0 */
        place.q = -place.q;
        place.sign = -1;
    }
    return place;
}

/* A code in one go: its mapped error, for fewer than JLS_FAST zeros. */
JLS_INLINE uint32_t jls_short_code(uint64_t bits, int zeros, int shift) {
    return (uint32_t)(((uint64_t)zeros << JLS_SHIFT | bits << zeros << 1 >> (64 - JLS_SHIFT)) >> shift);
}

/* The sample of a mapped error (T.87 A.4 to A.6), and the context behind it. */
JLS_INLINE uint32_t jls_sample(const JlsScan *s, JlsContext *q, int32_t sign, uint32_t mapped, uint32_t ra, uint32_t rb,
                               uint32_t rc, int general) {
    const int32_t maxval = s->p.maxval, unit = general ? 2 * s->p.near + 1 : 1;
    const int32_t flip = q->biased & ~q->scaled, old = q->c;
    /* T.87 A.5.2 backwards: even values are errors from 0 up, odd ones from -1 down, or the other way round. */
    const int32_t error = (int32_t)(mapped >> 1) ^ -(int32_t)(mapped & 1) ^ flip;
    int32_t px = jls_median((int32_t)ra, (int32_t)rb, (int32_t)rc) + ((old ^ sign) - sign), x, b, c, low, high, n;
    uint32_t a, most;
    if (JLS_RARE((uint32_t)px > (uint32_t)maxval)) px = px < 0 ? 0 : maxval;
    if (general)
        x = jls_in_range(s, (int32_t)((uint32_t)px + (uint32_t)((error ^ sign) - sign) * (uint32_t)unit));
    else
        x = (int32_t)(((uint32_t)(error ^ sign) + (uint32_t)(px - sign)) & (uint32_t)maxval);
    a = q->a + (uint32_t)(error < 0 ? -error : error);
    b = (int32_t)((uint32_t)q->b + (uint32_t)error * (uint32_t)unit);
    n = q->n;
    if (JLS_RARE(n == s->p.reset)) {
        a >>= 1;
        b >>= 1;
        n >>= 1;
    }
    n++;
    low = (b + n - 1) >> 31;    /* B <= -N: C goes down */
    high = -b >> 31;            /* B > 0: C goes up */
    JLS_OPAQUE(low);
    JLS_OPAQUE(high);
    b += (n & low) - (n & high);
    b = jls_clamp(b, 1 - n, 0);
    c = old + low - high;
    if (JLS_RARE(c != (int8_t)c)) c = old;
    q->a = a;
    q->b = b;
    q->n = (uint16_t)n;
    q->c = (int8_t)c;
    q->biased = (int8_t)((2 * b + n - 1) >> 31 & (general ? -(s->p.near == 0) : -1));
    most = (uint32_t)n << q->k; /* k stays, nearly always, and the next sample need not wait for it */
    if (JLS_RARE(a > most || a - 1 < (most >> 1 & (uint32_t)(int32_t)q->scaled))) jls_rescale(q);
    return (uint32_t)x;
}

/* The sample that ends a run (T.87 A.7.2); type 1: Ra and Rb are equal within NEAR. `bits` are those from `at` on, as
 * many as `valid`.
 */
JLS_INLINE uint32_t jls_interruption(JlsScan *s, uint64_t *at, uint64_t bits, int valid, int32_t ra, int32_t rb,
                                     const int type, int index, int general) {
    JlsRunContext *const q = &s->run[type];
    const int most = s->limit - jls_j[index] - 1 - s->qbpp - 1, k = q->k, zeros = jls_zeros(bits | 1);
    uint32_t mapped, sum, scale, a, n;
    int32_t flip, error;
    if (JLS_RARE(zeros >= most || zeros + k >= valid)) {
        JlsCode code = jls_long_code(s, *at, k, most);
        mapped = (uint32_t)code.value;
        *at = code.pos;
    } else {
        mapped = (uint32_t)((uint64_t)zeros << k | bits << zeros << 1 >> 1 >> (63 - k));
        *at += (uint64_t)(zeros + 1 + k);
    }
    /* The lowest bit says whether the error is negative, and the other way round where k is 0 and most errors were not. */
    sum = mapped + (uint32_t)type;
    flip = -(int32_t)(((k != 0) | (2 * q->negative >= q->n)) == (int)(sum & 1));
    error = ((int32_t)((sum + 1) >> 1) ^ flip) - flip;
    q->negative += (uint32_t)error >> 31;
    a = q->a + ((mapped + 1 - (uint32_t)type) >> 1);
    n = q->n;
    if (JLS_RARE(n == (uint32_t)s->p.reset)) {
        a >>= 1;
        n >>= 1;
        q->negative >>= 1;
    }
    n++;
    q->a = a;
    q->n = n;
    if (type) a += n >> 1;
    scale = n << k;
    if (JLS_RARE(a > scale || (a <= scale >> 1 && k))) q->k = jls_k(n, a);
    if (!type && ra > rb) error = -error;
    if (!general) return (uint32_t)((type ? ra : rb) + error) & (uint32_t)s->p.maxval;
    return (uint32_t)jls_in_range(
        s, (int32_t)((uint32_t)(type ? ra : rb) + (uint32_t)error * (2 * (uint32_t)s->p.near + 1)));
}

/* How long a run is of at most `left` samples, and its bits (T.87 A.7.1): a 1 for each full segment, and for the one
 * that the row ends in; a 0 and J bits for the rest of a run that ends before.
 */
typedef struct {
    int length;
    int used;
} JlsRun;

JLS_INLINE JlsRun jls_run(JlsScan *s, uint64_t bits, int left, int *run_index) {
    const int ones = jls_zeros(~bits | 1u << 31), index = *run_index, j = jls_j[index + ones];
    JlsRun run = {jls_length[index + ones] - jls_length[index], ones + 1 + j};
    if (run.length < left) {
        run.length += (int)(bits << ones << 1 >> 1 >> (63 - j));
        *run_index = jls_least(index + ones, 31);
        if (JLS_RARE(run.length > left)) {
            s->damaged = 1;
            run.length = left;
        }
        return run;
    }
    for (run.used = 1; jls_length[index + run.used] - jls_length[index] < left;) run.used++;
    run.length = jls_length[index + run.used] - jls_length[index];
    *run_index = jls_least(index + run.used - (run.length > left), 31);
    run.length = left;
    return run;
}

JLS_INLINE void jls_repeat(uint16_t *row, uint32_t value, int64_t n) {
    int64_t i = 0;
    do { /* always whole ones: a row has JLS_MARGIN behind it */
        for (int j = 0; j < 16; j++) row[i + j] = (uint16_t)value;
        i += 16;
    } while (i < n);
}

JLS_INLINE int jls_near_to(const JlsScan *s, uint32_t a, uint32_t b, int general) {
    return general ? a - b + (uint32_t)s->p.near <= 2 * (uint32_t)s->p.near : a == b;
}

/* Whether a context of one component is 0, without the tables: of a row of runs they are never made. */
JLS_INLINE int jls_flat(const JlsScan *s, const uint16_t *up, uint32_t ra, int general) {
    return jls_near_to(s, up[1], up[0], general) & jls_near_to(s, up[0], up[-1], general) &
           jls_near_to(s, up[-1], ra, general);
}

/* The sample of a long code: `code.value` is the sample. */
JLS_APART JlsCode jls_rare(JlsScan *s, uint64_t at, JlsPlace place, uint32_t ra, const uint16_t *up, int general) {
    JlsContext *q = (JlsContext *)((char *)s->contexts + place.q);
    JlsCode code = jls_long_code(s, at, JLS_SHIFT - q->shift, s->limit - s->qbpp - 1);
    code.value = jls_sample(s, q, place.sign, (uint32_t)code.value, ra, up[0], up[-1], general);
    return code;
}

/* One row of component c, ILV none or line. */
JLS_INLINE int jls_line(JlsScan *s, int c, int general, int wide) {
    const int fast = s->limit - s->qbpp - 1 < JLS_FAST ? s->limit - s->qbpp - 1 : JLS_FAST;
    const uint8_t *const window = s->reader.window;
    const uint16_t *up = s->above[c];
    uint16_t *to = s->row[c];
    uint64_t at = s->reader.pos;
    uint32_t ra = to[-1];
    int left = s->columns, size = JLS_BLOCK, index = s->run_index[c];
    while (left > 0) {
        JlsPlace place = {0, 0};
        int64_t i = 0, n = 0;
        if (at >= s->reader.low) {
            if (!jls_ready(&s->reader, at)) return JLS_SHORT;
            at = s->reader.pos;
        }
        if (!jls_flat(s, up, ra, general)) {
            n = jls_least(left, size);
            size = JLS_BLOCK;
            jls_look_up(&s->p, up, &s->blocks[0], (int)n);
        }
        do {
            for (; i < n; i++) {
                place = jls_place_of(s, &s->blocks[0], i, ra, up[i - 1], wide);
                JlsContext *const q = (JlsContext *)((char *)s->contexts + place.q);
                const uint64_t bits = jls_peek(window, at);
                const int zeros = jls_zeros(bits | 1);
                if (JLS_RARE(place.q == 0 || zeros >= fast)) break;
                at += (uint64_t)zeros + q->k + 1;
                ra = jls_sample(s, q, place.sign, jls_short_code(bits, zeros, q->shift), ra, up[i], up[i - 1], general);
                to[i] = (uint16_t)ra;
            }
            if (i < n && place.q) {
                JlsCode code = jls_rare(s, at, place, ra, up + i, general);
                ra = (uint32_t)code.value;
                at = code.pos;
                to[i++] = (uint16_t)ra;
            } else if (i < n || n == 0) {
                const uint64_t bits = jls_peek(window, at);
                const JlsRun run = jls_run(s, bits, left - (int)i, &index);
                at += (uint64_t)run.used;
                i += run.length;
                size = 16;
                s->whole[c] = run.length == s->columns;
                if (!(s->whole[c] && s->even[c])) jls_repeat(to + i - run.length, ra, run.length);
                if (i < left) {
                    /* a branch, guessed, so that k is there before Rb is */
                    const int32_t rb = up[i];
                    const uint64_t behind = bits << run.used;
                    if (jls_near_to(s, ra, (uint32_t)rb, general))
                        ra = jls_interruption(s, &at, behind, 56 - run.used, (int32_t)ra, rb, 1, index, general);
                    else
                        ra = jls_interruption(s, &at, behind, 56 - run.used, (int32_t)ra, rb, 0, index, general);
                    index -= index > 0;
                    to[i++] = (uint16_t)ra;
                }
            }
        } while (i < n);
        up += i;
        to += i;
        left -= (int)i;
    }
    s->reader.pos = at;
    s->run_index[c] = index;
    return s->damaged ? JLS_DAMAGED : JLS_OK;
}

/* One row of n components, ILV sample: a run is one of all components at once. */
JLS_INLINE int jls_pixels(JlsScan *s, int n, int general, int wide) {
    const int fast = s->limit - s->qbpp - 1 < JLS_FAST ? s->limit - s->qbpp - 1 : JLS_FAST;
    const int columns = s->columns;
    const uint8_t *const window = s->reader.window;
    uint64_t at = s->reader.pos;
    uint32_t ra[4];
    int ready = 0, x = 0, start = 0;
    for (int c = 0; c < n; c++) ra[c] = s->row[c][-1];
    while (x < columns) {
        JlsPlace place[4];
        int64_t any = 0;
        if (JLS_RARE(x >= ready)) {
            int same = 1;
            if (at >= s->reader.low) {
                if (!jls_ready(&s->reader, at)) return JLS_SHORT;
                at = s->reader.pos;
            }
            for (int c = 0; c < n; c++) same &= jls_flat(s, s->above[c] + x, ra[c], general);
            if (!same) {
                const int m = columns - x < JLS_PIXELS ? columns - x : JLS_PIXELS;
                for (int c = 0; c < n; c++) jls_look_up(&s->p, s->above[c] + x, &s->blocks[c], m);
                ready = x + m;
                start = x;
            }
        }
        if (x < ready)
            for (int c = 0; c < n; c++) {
                place[c] = jls_place_of(s, &s->blocks[c], x - start, ra[c], s->above[c][x - 1], wide);
                any |= place[c].q;
            }
        if (any) {
            for (int c = 0; c < n; c++) {
                const uint16_t *const up = s->above[c] + x;
                JlsContext *const q = (JlsContext *)((char *)s->contexts + place[c].q);
                const uint64_t bits = jls_peek(window, at);
                const int zeros = jls_zeros(bits | 1);
                if (JLS_RARE(zeros >= fast)) {
                    JlsCode code = jls_rare(s, at, place[c], ra[c], up, general);
                    ra[c] = (uint32_t)code.value;
                    at = code.pos;
                } else {
                    at += (uint64_t)zeros + q->k + 1;
                    ra[c] = jls_sample(s, q, place[c].sign, jls_short_code(bits, zeros, q->shift), ra[c], up[0], up[-1],
                                       general);
                }
                s->row[c][x] = (uint16_t)ra[c];
            }
            x++;
            continue;
        }
        const JlsRun run = jls_run(s, jls_peek(window, at), columns - x, &s->run_index[0]);
        at += (uint64_t)run.used;
        for (int c = 0; c < n; c++) jls_repeat(s->row[c] + x, ra[c], run.length);
        x += run.length;
        if (x < columns) {
            for (int c = 0; c < n; c++) {
                ra[c] = jls_interruption(s, &at, jls_peek(window, at), 56, (int32_t)ra[c], s->above[c][x], 0,
                                         s->run_index[0], general);
                s->row[c][x] = (uint16_t)ra[c];
            }
            s->run_index[0] -= s->run_index[0] > 0;
            x++;
        }
    }
    s->reader.pos = at;
    return s->damaged ? JLS_DAMAGED : JLS_OK;
}

#define JLS_KIND(NAME, GENERAL, WIDE)                                                                                \
    JLS_CLONES static int jls_line_##NAME(JlsScan *s, int c) { return jls_line(s, c, GENERAL, WIDE); }               \
    JLS_CLONES static int jls_three_##NAME(JlsScan *s) { return jls_pixels(s, 3, GENERAL, WIDE); }
JLS_KIND(exact, 0, 0)
JLS_KIND(exact_wide, 0, 1)
JLS_KIND(general, 1, 0)
JLS_KIND(general_wide, 1, 1)
JLS_CLONES static int jls_few(JlsScan *s) { return jls_pixels(s, s->components, 1, 1); }

static int jls_is_general(const JlsScan *s) { return s->p.near || s->range & (s->range - 1); }

static int jls_next_line(JlsScan *s, int c) {
    if (jls_is_general(s)) return s->p.maxval < JLS_DIRECT ? jls_line_general(s, c) : jls_line_general_wide(s, c);
    return s->p.maxval < JLS_DIRECT ? jls_line_exact(s, c) : jls_line_exact_wide(s, c);
}

static int jls_next_pixels(JlsScan *s) {
    if (s->components != 3) return jls_few(s);
    if (jls_is_general(s)) return s->p.maxval < JLS_DIRECT ? jls_three_general(s) : jls_three_general_wide(s);
    return s->p.maxval < JLS_DIRECT ? jls_three_exact(s) : jls_three_exact_wide(s);
}

/* The next row of all components of the scan, into `row`; afterwards it is `above`. */
static int jls_next_row(JlsScan *s, int by_sample) {
    int status = JLS_OK;
    for (int c = 0; c < s->components; c++) {
        s->above[c][s->columns] = s->above[c][s->columns - 1]; /* Rd of the last sample (T.87 A.2.1) */
        s->row[c][-1] = s->above[c][0];                        /* Ra of the first, and Rc of the one below */
        s->whole[c] = 0;
    }
    if (by_sample)
        status = jls_next_pixels(s);
    else
        for (int c = 0; c < s->components && status == JLS_OK; c++) status = jls_next_line(s, c);
    if (s->reader.pos > s->reader.filled) return JLS_SHORT;
    for (int c = 0; c < s->components; c++) {
        uint16_t *row = s->row[c];
        if (s->whole[c] && s->even[c]) { /* it was not written: it is the row above */
            s->above[c][-1] = row[-1];
            continue;
        }
        s->even[c] = s->whole[c];
        s->row[c] = s->above[c];
        s->above[c] = row;
    }
    return status;
}

#endif
