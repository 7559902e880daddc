/* Rows of a JPEG-LS scan (ITU-T T.87 A.3 to A.7), from bits to samples.
 *
 * What a sample waits for is the one before it: Ra gives Q3, Q3 the context, the context k, k the error. All else (Q1
 * and Q2, the prediction, the context behind the sample) is computed before or beside that chain. The functions come in
 * kinds, which the compiler makes from one text:
 *
 *      kind        how a result is brought into range: see JLS_EXACT
 *      wide        MAXVAL is JLS_DIRECT or more: of large differences Q3 is computed, not looked up
 */
#ifndef DICOMDECODE_JPEGLS_SCAN_H
#define DICOMDECODE_JPEGLS_SCAN_H

#include "contexts.h"

enum {
    JLS_OK = 0,
    JLS_SHORT = 1,              /* the segment ends before its last sample */
    JLS_DAMAGED = 2,            /* a code that cannot be */
    JLS_STEP = 16               /* samples of the first block behind a run */
};

/* A mask, such that the compiler makes no branch of what is chosen by it. */
#if defined(__GNUC__)
#define JLS_OPAQUE(x) __asm__("" : "+r"(x))
#else
#define JLS_OPAQUE(x) (void)(x)
#endif

/* Of all samples of a scan; what the compiler makes of each is another function. */
enum {
    JLS_EXACT,                  /* lossless, RANGE is a power of two: a mask brings the result into range */
    JLS_NEAR,                   /* near-lossless: comparing does, and errors are mapped in one way only */
    JLS_ANY                     /* either, or a lossless scan of another RANGE */
};

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

/* The context of sample i of a block. Where Q1 and Q2 are 0, Q3 has the sign: `guess` it by a branch, which the next
 * sample need not wait for, or compute it; of three components at once some guess is wrong too often.
 */
JLS_INLINE JlsPlace jls_place_of(const JlsScan *s, const JlsBlock *block, int64_t i, uint32_t ra, uint32_t rc,
                                 int wide, int guess) {
    JlsPlace place;
    int64_t sign;
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
    if (guess && !JLS_RARE(place.q < 0)) return place;
    sign = place.q >> 63;
    place.q = (place.q ^ sign) - sign;
    place.sign |= (int32_t)sign;
    return place;
}

/* The context of one sample, without a block. */
JLS_INLINE JlsPlace jls_place_here(const JlsScan *s, const uint16_t *up, uint32_t ra, int wide) {
    const int d1 = up[1] - up[0], d2 = up[0] - up[-1], d3 = up[-1] - (int)ra;
    JlsPlace place;
    if (wide)
        place.q = (81 * jls_quantised(d1, &s->p) + 9 * jls_quantised(d2, &s->p) + jls_quantised(d3, &s->p)) *
                  (int)sizeof(JlsContext);
    else
        place.q = 81 * s->q3[JLS_DIRECT + d1] + 9 * s->q3[JLS_DIRECT + d2] + s->q3[JLS_DIRECT + d3];
    place.sign = (int32_t)(place.q >> 63);
    place.q = (place.q ^ place.sign) - place.sign;
    return place;
}

/* A code in one go: its mapped error, for fewer than JLS_FAST zeros. */
JLS_INLINE uint32_t jls_short_code(uint64_t bits, int zeros, int shift) {
    return (uint32_t)(((uint64_t)zeros << JLS_SHIFT | bits << zeros << 1 >> (64 - JLS_SHIFT)) >> shift);
}

/* T.87 A.5.2 backwards: even values are errors from 0 up, odd ones from -1 down, or the other way round. */
JLS_INLINE int32_t jls_error(const JlsContext *q, uint32_t mapped, int kind) {
    const int32_t error = (int32_t)(mapped >> 1) ^ -(int32_t)(mapped & 1);
    return kind == JLS_NEAR ? error : error ^ (q->biased & ~q->scaled);
}

/* The sample of an error (T.87 A.4, A.5). */
JLS_INLINE uint32_t jls_sample(const JlsScan *s, const JlsContext *q, int32_t sign, int32_t error, uint32_t ra,
                               uint32_t rb, uint32_t rc, int kind) {
    const int32_t maxval = s->p.maxval;
    int32_t px = jls_median((int32_t)ra, (int32_t)rb, (int32_t)rc) + ((q->c ^ sign) - sign);
    if (JLS_RARE((uint32_t)px > (uint32_t)maxval)) px = px < 0 ? 0 : maxval;
    if (kind == JLS_EXACT) return (uint32_t)(((error ^ sign) + (px - sign)) & maxval);
    return (uint32_t)jls_in_range(s, px + error * (((2 * s->p.near + 1) ^ sign) - sign));
}

/* A context behind a sample (T.87 A.6). */
JLS_INLINE void jls_update(const JlsScan *s, JlsContext *q, int32_t error, int kind) {
    uint32_t a = q->a + (uint32_t)(error < 0 ? -error : error), most;
    int32_t b = q->b + (kind != JLS_EXACT ? error * (2 * s->p.near + 1) : error), n = q->n, c, low, high;
    if (JLS_RARE(n == s->p.reset)) {
        a >>= 1;
        b >>= 1;
        n >>= 1;
    }
    n++;
    low = (b + n - 1) >> 31;    /* B <= -N: C goes down */
    high = -b >> 31;            /* B > 0: C goes up */
    b += (n & low) - (n & high);
    b = jls_clamp(b, 1 - n, 0);
    c = q->c + low - high;
    if (JLS_RARE(c != (int8_t)c)) c = q->c;
    q->a = a;
    q->b = b;
    q->n = (uint16_t)n;
    q->c = (int8_t)c;
    if (kind != JLS_NEAR) q->biased = (int8_t)((2 * b + n - 1) >> 31 & (kind == JLS_ANY ? -(s->p.near == 0) : -1));
    most = (uint32_t)n << q->k; /* k stays, nearly always, and the next sample need not wait for it */
    if (JLS_RARE(a > most || a - 1 < (most >> 1 & (uint32_t)(int32_t)q->scaled))) jls_rescale(q);
}

/* The sample that ends a run (T.87 A.7.2); type 1: Ra and Rb are equal within NEAR. `bits` are those from `at` on, as
 * many as `valid`.
 */
JLS_INLINE uint32_t jls_interruption(JlsScan *s, uint64_t *at, uint64_t bits, int valid, int32_t ra, int32_t rb,
                                     const int type, int index, int kind) {
    JlsRunContext *const q = &s->run[type];
    const int most = s->most - jls_j[index] - 1, k = q->k, zeros = jls_zeros(bits | 1);
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
    /* The lowest bit says whether the error is negative, or whether it is not where k is 0 and most errors were not. */
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
    if (kind == JLS_EXACT) return (uint32_t)((type ? ra : rb) + error) & (uint32_t)s->p.maxval;
    return (uint32_t)jls_in_range(s, (type ? ra : rb) + error * (2 * s->p.near + 1));
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

/* n samples of one value, and up to JLS_MARGIN - 1 more: a row has room for them behind it. */
JLS_INLINE void jls_repeat(uint16_t *row, uint32_t value, int64_t n) {
    for (int j = 0; j < 16; j++) row[j] = (uint16_t)value;
    for (int64_t i = 16; i < n; i += JLS_MARGIN)
        for (int j = 0; j < JLS_MARGIN; j++) row[i + j] = (uint16_t)value;
}

JLS_INLINE int jls_near_to(const JlsScan *s, uint32_t a, uint32_t b, int kind) {
    return kind != JLS_EXACT ? a - b + (uint32_t)s->p.near <= 2 * (uint32_t)s->p.near : a == b;
}

/* Whether a context of one component is 0, without the tables: of a row of runs they are never made. */
JLS_INLINE int jls_flat(const JlsScan *s, const uint16_t *up, uint32_t ra, int kind) {
    return jls_near_to(s, up[1], up[0], kind) & jls_near_to(s, up[0], up[-1], kind) &
           jls_near_to(s, up[-1], ra, kind);
}

/* The sample of a long code: `code.value` is the sample. */
JLS_APART JlsCode jls_rare(JlsScan *s, uint64_t at, JlsPlace place, uint32_t ra, const uint16_t *up, int kind) {
    JlsContext *q = (JlsContext *)((char *)s->contexts + place.q);
    JlsCode code = jls_long_code(s, at, q->k, s->most);
    const int32_t error = jls_error(q, (uint32_t)code.value, kind);
    code.value = jls_sample(s, q, place.sign, error, ra, up[0], up[-1], kind);
    jls_update(s, q, error, kind);
    return code;
}

/* One sample in regular mode. */
JLS_INLINE uint32_t jls_one(JlsScan *s, uint64_t *at, JlsPlace place, uint32_t ra, const uint16_t *up, int kind) {
    JlsContext *const q = (JlsContext *)((char *)s->contexts + place.q);
    const uint64_t bits = jls_peek(s->reader.window, *at);
    const int zeros = jls_zeros(bits | 1);
    int32_t error;
    if (JLS_RARE(zeros >= s->fast)) {
        JlsCode code = jls_rare(s, *at, place, ra, up, kind);
        *at = code.pos;
        return (uint32_t)code.value;
    }
    *at += (uint64_t)zeros + q->k + 1;
    error = jls_error(q, jls_short_code(bits, zeros, q->shift), kind);
    ra = jls_sample(s, q, place.sign, error, ra, up[0], up[-1], kind);
    jls_update(s, q, error, kind);
    return ra;
}

/* What goes from sample to sample of a row. */
typedef struct {
    uint64_t at;                /* in the window */
    uint32_t ra;
    int index;                  /* RUNindex */
} JlsState;

/* Regular samples of a block from i on. Stops at a run and at a long code. */
JLS_INLINE int64_t jls_regulars(JlsScan *s, JlsState *t, const uint16_t *up, uint16_t *to, int64_t i, int64_t n,
                                int kind, int wide) {
    for (; i < n; i++) {
        const JlsPlace place = jls_place_of(s, &s->blocks[0], i, t->ra, up[i - 1], wide, 1);
        JlsContext *const q = (JlsContext *)((char *)s->contexts + place.q);
        const uint64_t bits = jls_peek(s->reader.window, t->at);
        const int zeros = jls_zeros(bits | 1);
        int32_t error;
        if (JLS_RARE(place.q == 0 || zeros >= s->fast)) break;
        t->at += (uint64_t)zeros + q->k + 1;
        error = jls_error(q, jls_short_code(bits, zeros, q->shift), kind);
        t->ra = jls_sample(s, q, place.sign, error, t->ra, up[i], up[i - 1], kind);
        to[i] = (uint16_t)t->ra;
        jls_update(s, q, error, kind);
    }
    return i;
}

/* A run from here on, and the sample that ends it; returns how many samples. */
JLS_INLINE int64_t jls_line_run(JlsScan *s, int c, JlsState *t, const uint16_t *up, uint16_t *to, int left,
                                int kind) {
    const uint64_t bits = jls_peek(s->reader.window, t->at);
    const JlsRun run = jls_run(s, bits, left, &t->index);
    int32_t rb;
    t->at += (uint64_t)run.used;
    if (run.length == left) {
        s->whole[c] = left == s->columns[c];
        if (!(s->whole[c] && s->even[c])) jls_repeat(to, t->ra, left);
        return left;
    }
    jls_repeat(to, t->ra, run.length);
    rb = up[run.length];
    if (jls_near_to(s, t->ra, (uint32_t)rb, kind)) /* a branch, guessed: k is there before Rb is */
        t->ra = jls_interruption(s, &t->at, bits << run.used, 56 - run.used, (int32_t)t->ra, rb, 1, t->index, kind);
    else
        t->ra = jls_interruption(s, &t->at, bits << run.used, 56 - run.used, (int32_t)t->ra, rb, 0, t->index, kind);
    t->index -= t->index > 0;
    to[run.length] = (uint16_t)t->ra;
    return run.length + 1;
}

/* One row of component c, ILV none or line. */
JLS_INLINE int jls_line(JlsScan *s, int c, int kind, int wide) {
    const uint16_t *up = s->above[c];
    uint16_t *to = s->row[c];
    JlsState t = {s->reader.pos, to[-1], s->run_index[c]};
    int left = s->columns[c];
    int size = JLS_BLOCK; /* of the next block; 0: one sample alone, since another run may be near */
    while (left > 0) {
        int64_t i = 0, n = 0;
        if (t.at >= s->reader.low) {
            if (!jls_ready(&s->reader, t.at)) return JLS_SHORT;
            t.at = s->reader.pos;
        }
        if (!jls_flat(s, up, t.ra, kind)) {
            if (size == 0) {
                t.ra = jls_one(s, &t.at, jls_place_here(s, up, t.ra, wide), t.ra, up, kind);
                *to++ = (uint16_t)t.ra;
                up++;
                left--;
                size = JLS_STEP;
                continue;
            }
            n = jls_least(left, size);
            size = JLS_BLOCK;
            jls_look_up(&s->p, up, &s->blocks[0], (int)n);
        }
        do {
            JlsPlace place = {0, 0}; /* a run, if there is no block */
            i = jls_regulars(s, &t, up, to, i, n, kind, wide);
            if (i < n)
                place = jls_place_of(s, &s->blocks[0], i, t.ra, up[i - 1], wide, 1);
            else if (n)
                break;
            if (place.q == 0) {
                i += jls_line_run(s, c, &t, up + i, to + i, left - (int)i, kind);
                size = 0;
            } else {
                JlsCode code = jls_rare(s, t.at, place, t.ra, up + i, kind);
                t.ra = (uint32_t)code.value;
                t.at = code.pos;
                to[i++] = (uint16_t)t.ra;
            }
        } while (i < n);
        up += i;
        to += i;
        left -= (int)i;
    }
    s->reader.pos = t.at;
    s->run_index[c] = t.index;
    return s->damaged ? JLS_DAMAGED : JLS_OK;
}

/* The next block of n components; 0 when all contexts of its first pixel are 0, and it was not made. */
JLS_INLINE int jls_pixels_block(JlsScan *s, const uint32_t *ra, int n, int x, int kind) {
    const int size = jls_least(s->columns[0] - x, JLS_PIXELS);
    int flat = 1;
    for (int c = 0; c < n; c++) flat &= jls_flat(s, s->above[c] + x, ra[c], kind);
    if (flat) return 0;
    for (int c = 0; c < n; c++) jls_look_up(&s->p, s->above[c] + x, &s->blocks[c], size);
    return size;
}

/* A run of n components from x on, and the pixel that ends it; returns where the next one is. */
JLS_INLINE int jls_pixels_run(JlsScan *s, uint64_t *at, uint32_t *ra, int n, int x, int kind) {
    const JlsRun run = jls_run(s, jls_peek(s->reader.window, *at), s->columns[0] - x, &s->run_index[0]);
    *at += (uint64_t)run.used;
    for (int c = 0; c < n; c++) jls_repeat(s->row[c] + x, ra[c], run.length);
    x += run.length;
    if (x == s->columns[0]) return x;
    for (int c = 0; c < n; c++) {
        ra[c] = jls_interruption(s, at, jls_peek(s->reader.window, *at), 56, (int32_t)ra[c], s->above[c][x], 0,
                                 s->run_index[0], kind);
        s->row[c][x] = (uint16_t)ra[c];
    }
    s->run_index[0] -= s->run_index[0] > 0;
    return x + 1;
}

/* One row of n components, ILV sample: a run is one of all components at once. */
JLS_INLINE int jls_pixels(JlsScan *s, int n, int kind, int wide) {
    uint64_t at = s->reader.pos;
    uint32_t ra[4];
    int end = 0, start = 0, x = 0; /* the block is of pixels start .. end - 1 */
    for (int c = 0; c < n; c++) ra[c] = s->row[c][-1];
    while (x < s->columns[0]) {
        JlsPlace place[4];
        int64_t any = 0;
        if (JLS_RARE(x >= end)) {
            if (at >= s->reader.low) {
                if (!jls_ready(&s->reader, at)) return JLS_SHORT;
                at = s->reader.pos;
            }
            start = x;
            end = x + jls_pixels_block(s, ra, n, x, kind);
        }
        if (x < end)
            for (int c = 0; c < n; c++) {
                place[c] = jls_place_of(s, &s->blocks[c], x - start, ra[c], s->above[c][x - 1], wide, 0);
                any |= place[c].q;
            }
        if (any == 0) {
            x = jls_pixels_run(s, &at, ra, n, x, kind);
            continue;
        }
#if defined(__GNUC__)
#pragma GCC unroll 4 /* so that `ra` and `place` are no arrays in memory: a tenth of the time */
#endif
        for (int c = 0; c < n; c++) {
            ra[c] = jls_one(s, &at, place[c], ra[c], s->above[c] + x, kind);
            s->row[c][x] = (uint16_t)ra[c];
        }
        x++;
    }
    s->reader.pos = at;
    return s->damaged ? JLS_DAMAGED : JLS_OK;
}

#define JLS_KIND(NAME, KIND, WIDE)                                                                                   \
    CLONES_V3 static int jls_line_##NAME(JlsScan *s, int c) { return jls_line(s, c, KIND, WIDE); }                   \
    CLONES_V3 static int jls_three_##NAME(JlsScan *s) { return jls_pixels(s, 3, KIND, WIDE); }
JLS_KIND(exact, JLS_EXACT, 0)
JLS_KIND(exact_wide, JLS_EXACT, 1)
JLS_KIND(near, JLS_NEAR, 0)
JLS_KIND(near_wide, JLS_NEAR, 1)
static int jls_line_any(JlsScan *s, int c) { return jls_line(s, c, JLS_ANY, 1); }
static int jls_pixels_any(JlsScan *s) { return jls_pixels(s, s->components, JLS_ANY, 1); }

static int jls_is_any(const JlsScan *s) { return !s->p.near && s->range & (s->range - 1); }

static int jls_next_line(JlsScan *s, int c) {
    if (jls_is_any(s)) return jls_line_any(s, c);
    if (s->p.near) return s->p.maxval < JLS_DIRECT ? jls_line_near(s, c) : jls_line_near_wide(s, c);
    return s->p.maxval < JLS_DIRECT ? jls_line_exact(s, c) : jls_line_exact_wide(s, c);
}

static int jls_next_pixels(JlsScan *s) {
    if (s->components != 3 || jls_is_any(s)) return jls_pixels_any(s);
    if (s->p.near) return s->p.maxval < JLS_DIRECT ? jls_three_near(s) : jls_three_near_wide(s);
    return s->p.maxval < JLS_DIRECT ? jls_three_exact(s) : jls_three_exact_wide(s);
}

/* The next row of `coded` components from `first` on, into `row`; afterwards it is `above`. */
static int jls_next_row(JlsScan *s, int first, int coded) {
    const int end = first + coded;
    int status;
    for (int c = first; c < end; c++) {
        s->above[c][s->columns[c]] = s->above[c][s->columns[c] - 1]; /* Rd of the last sample (T.87 A.2.1) */
        s->row[c][-1] = s->above[c][0];                              /* Ra of the first, and Rc of the one below */
        s->whole[c] = 0;
    }
    status = coded > 1 ? jls_next_pixels(s) : jls_next_line(s, first);
    if (s->reader.pos > s->reader.filled) return JLS_SHORT;
    for (int c = first; c < end; c++) {
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
