/* What a JPEG-LS scan knows besides its bits (ITU-T T.87 A.1, A.2): coding parameters, quantised gradients, contexts.
 *
 *          Rc  Rb  Rd      the row above           D1 = Rd - Rb, D2 = Rb - Rc, D3 = Rc - Ra
 *          Ra  Ix          this row                each quantised to -4 .. 4: Q1, Q2, Q3
 *
 * A context is 81 * Q1 + 9 * Q2 + Q3, negated together with the sign of the error when it is negative: 365 of them.
 */
#ifndef DICOMDECODE_JPEGLS_CONTEXTS_H
#define DICOMDECODE_JPEGLS_CONTEXTS_H

#include "bits.h"

enum {
    JLS_CONTEXTS = 365,
    JLS_DIRECT = 4096,          /* Q3 of lesser differences is looked up: a larger table costs more than comparing */
    JLS_FAST = 39,              /* with 1 and JLS_MOST_K bits, what `jls_peek` gives */
    JLS_MOST_K = 16,            /* of errors of 16 bits */
    JLS_MARGIN = 32,            /* samples in front of a row and behind it */
    JLS_SHIFT = 57,             /* see JlsContext.shift */
    JLS_BLOCK = 128,            /* samples decoded without looking for the end of the window: of one component, or */
    JLS_PIXELS = 64             /* pixels of up to four. A pixel takes 120 bits at most, or 336: see JLS_NEED */
};

/* T.87 C.2.4.1.1 and C.2.3. */
typedef struct {
    int maxval;
    int near;
    int t1, t2, t3;
    int reset;
} JlsParameters;

/* A, B, N and C of T.87 A.2.1, and what decoding needs of them first. 16 bytes; contexts are addressed by bytes. */
typedef struct {
    uint32_t a;
    int32_t b;
    uint16_t n;
    int8_t c;
    int8_t biased;              /* -1 where 2 B <= -N: with k = 0, errors are mapped the other way round (A.5.2) */
    uint8_t k;
    uint8_t shift;              /* JLS_SHIFT - k */
    int16_t scaled;             /* 0 where k is 0, else -1 */
} JlsContext;

/* Run interruption (T.87 A.7.2), and k of the next one. */
typedef struct {
    uint32_t a;
    uint32_t n;
    uint32_t negative;
    int k;
} JlsRunContext;

/* What the row above says of the next samples of a component. */
typedef struct {
    uint16_t q12[JLS_BLOCK];    /* |81 * Q1 + 9 * Q2| * sizeof(JlsContext) */
    int16_t sign[JLS_BLOCK];    /* -1 where that was negative */
    uint16_t from[JLS_BLOCK];   /* Rc + JLS_DIRECT, in the half of `q3` for the sign */
} JlsBlock;

typedef struct {
    JlsReader reader;
    JlsParameters p;
    int range, qbpp;            /* T.87 A.2.1 */
    int most;                   /* LIMIT - qbpp - 1: zeros in front of a code (A.5.3) */
    int fast;                   /* fewer, and it is read in one go */
    int columns[4];
    int components;             /* of this scan */
    int damaged;                /* a code was met that no encoder writes */
    int run_index[4];
    int even[4];                /* `above` holds one value only */
    int whole[4];               /* this row was one run */
    JlsRunContext run[2];
    JlsContext contexts[JLS_CONTEXTS];
    JlsBlock blocks[4];
    uint16_t *above[4];         /* [-1] .. [columns] of them can be read */
    uint16_t *row[4];
    int16_t q3[4 * JLS_DIRECT]; /* Q3 * sizeof(JlsContext) by JLS_DIRECT + D3; then the same for negative contexts */
} JlsScan;

/* J of T.87 A.7.1.1: a full segment of a run is 1 << J[RUNindex] long. From 31 on J stays the same. */
static const uint8_t jls_j[64] = {
    0,  0,  0,  0,  1,  1,  1,  1,  2,  2,  2,  2,  3,  3,  3,  3,  4,  4,  5,  5,  6,  6,  7,  7,  8,  9,  10, 11,
    12, 13, 14, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15,
    15, 15, 15, 15, 15, 15, 15, 15};

/* The length of all full segments in front of an index. 32 segments are longer than a row can be. */
static const int32_t jls_length[64] = {
    0, 1, 2, 3, 4, 6, 8, 10, 12, 16, 20, 24, 28, 36, 44, 52, 60, 76, 92, 124, 156, 220, 284, 412, 540, 796, 1308, 2332,
    4380, 8476, 16668, 33052, 65820, 98588, 131356, 164124, 196892, 229660, 262428, 295196, 327964, 360732, 393500,
    426268, 459036, 491804, 524572, 557340, 590108, 622876, 655644, 688412, 721180, 753948, 786716, 819484, 852252,
    885020, 917788, 950556, 983324, 1016092, 1048860, 1081628};

JLS_INLINE int jls_clamp(int v, int low, int high) { return v < low ? low : v > high ? high : v; }

/* The CLAMP of T.87 C.2.4.1.1.1, which is another one. */
static int jls_default(int v, int low, int high) { return v > high || v < low ? low : v; }

static int jls_most(int a, int b) { return a > b ? a : b; }

static int jls_least(int a, int b) { return a < b ? a : b; }

/* Default values for parameters that are 0; returns 0 when one cannot be. */
static int jls_complete(JlsParameters *p) {
    const int maxval = p->maxval, near = p->near;
    int t1, t2, t3;
    if (near > (maxval / 2 < 255 ? maxval / 2 : 255)) return 0;
    if (maxval >= 128) {
        int factor = ((maxval < 4095 ? maxval : 4095) + 128) / 256;
        t1 = factor + 2 + 3 * near;
        t2 = 4 * factor + 3 + 5 * near;
        t3 = 17 * factor + 4 + 7 * near;
    } else {
        int factor = 256 / (maxval + 1);
        t1 = jls_most(2, 3 / factor + 3 * near);
        t2 = jls_most(3, 7 / factor + 5 * near);
        t3 = jls_most(4, 21 / factor + 7 * near);
    }
    if (!p->t1) p->t1 = jls_default(t1, near + 1, maxval);
    if (!p->t2) p->t2 = jls_default(t2, p->t1, maxval);
    if (!p->t3) p->t3 = jls_default(t3, p->t2, maxval);
    if (!p->reset) p->reset = 64;
    return near < p->t1 && p->t1 <= p->t2 && p->t2 <= p->t3 && p->t3 <= maxval && p->reset >= 3 &&
           p->reset <= jls_most(255, maxval);
}

JLS_INLINE int jls_quantised(int d, const JlsParameters *p) {
    return (d > p->near) + (d >= p->t1) + (d >= p->t2) + (d >= p->t3) - (d < -p->near) - (d <= -p->t1) -
           (d <= -p->t2) - (d <= -p->t3);
}

/* k is the least one with N << k >= A (T.87 A.5.1); a bound that a damaged stream does not break keeps errors small. */
JLS_INLINE int jls_k(uint32_t n, uint32_t a) {
    int k = jls_zeros(n) - jls_zeros(a | 1); /* or one more */
    k = jls_most(k, 0);
    return jls_least(k + ((uint64_t)n << k < a), JLS_MOST_K);
}

JLS_APART void jls_rescale(JlsContext *q) {
    int k = jls_k(q->n, q->a);
    q->k = (uint8_t)k;
    q->shift = (uint8_t)(JLS_SHIFT - k);
    q->scaled = (int16_t)-(k > 0);
}

/* What a scan and each restart interval begin with (T.87 A.2.1). */
static void jls_reset(JlsScan *s) {
    const uint32_t a = (uint32_t)jls_most(2, (s->range + 32) / 64);
    JlsContext first = {a, 0, 1, 0, 0, 0, JLS_SHIFT, 0};
    jls_rescale(&first);
    for (int i = 0; i < JLS_CONTEXTS; i++) s->contexts[i] = first;
    for (int i = 0; i < 2; i++) s->run[i] = (JlsRunContext){a, 1, 0, jls_k(1, a)};
    for (int c = 0; c < s->components; c++) {
        s->run_index[c] = 0;
        s->even[c] = 1; /* zeros (T.87 A.2.1) */
        memset(s->above[c] - 1, 0, ((size_t)s->columns[c] + 2) * sizeof *s->above[c]);
    }
}

/* Q3 of all differences that are looked up: four intervals of equal values for each |Q3|, written as vectors. */
JLS_INLINE void jls_fill_q3_from(int16_t *restrict at, int16_t value, int n) {
    for (int i = 0; i < n; i++) at[i] = value;
}

static void jls_fill_q3(JlsScan *s) {
    const JlsParameters *p = &s->p;
    const int most = jls_least(p->maxval, JLS_DIRECT - 1);
    int16_t *const plus = s->q3 + JLS_DIRECT, *const minus = plus + 2 * JLS_DIRECT;
    const int ends[5] = {p->near + 1, p->t1, p->t2, p->t3, most + 1}; /* |D3| of Q3 = 0, 1, 2, 3, 4 is less */
    for (int q = 0, d = 0; q < 5; q++) {
        const int16_t value = (int16_t)(q * (int)sizeof(JlsContext));
        const int end = jls_least(ends[q], most + 1), n = jls_most(end - d, 0);
        jls_fill_q3_from(plus + d, value, n);
        jls_fill_q3_from(minus + 1 - d - n, value, n);
        jls_fill_q3_from(plus + 1 - d - n, (int16_t)-value, n);
        jls_fill_q3_from(minus + d, (int16_t)-value, n);
        d += n;
    }
}

/* What follows from the parameters, which are complete. */
static void jls_prepare(JlsScan *s, const JlsParameters *p) {
    const int maxval = p->maxval, near = p->near;
    int bpp = 2;
    s->p = *p;
    s->range = (maxval + 2 * near) / (2 * near + 1) + 1;
    for (s->qbpp = 1; 1 << s->qbpp < s->range; s->qbpp++) {}
    while (1 << bpp < maxval + 1) bpp++;
    s->most = 2 * (bpp + jls_most(8, bpp)) - s->qbpp - 1;
    s->fast = jls_least(s->most, JLS_FAST);
    s->damaged = 0;
    jls_fill_q3(s);
}

/* What the row above says of n samples, in steps of 16: there is room for them, and JLS_MARGIN behind a row. T is wide
 * enough for a difference, MOST its greatest value; everything is T, so that 16 samples make one vector.
 */
#define JLS_LOOK_UP(T, MOST)                                                                                         \
    do {                                                                                                             \
        const T near = (T)p->near, t1 = (T)jls_least(p->t1 - 1, MOST);                                               \
        const T t2 = (T)jls_least(p->t2 - 1, MOST), t3 = (T)jls_least(p->t3 - 1, MOST);                              \
        const T near_ = (T)-near, t1_ = (T)-t1, t2_ = (T)-t2, t3_ = (T)-t3;                                          \
        for (int i = 0; i < n; i += 16)                                                                              \
            for (int j = i; j < i + 16; j++) {                                                                       \
                T d1 = (T)(above[j + 1] - above[j]), d2 = (T)(above[j] - above[j - 1]), q, sign;                     \
                T q1 = (T)((T)(d1 > near) + (T)(d1 > t1) + (T)(d1 > t2) + (T)(d1 > t3));                             \
                T q2 = (T)((T)(d2 > near) + (T)(d2 > t1) + (T)(d2 > t2) + (T)(d2 > t3));                             \
                q1 = (T)(q1 - (T)(d1 < near_) - (T)(d1 < t1_) - (T)(d1 < t2_) - (T)(d1 < t3_));                      \
                q2 = (T)(q2 - (T)(d2 < near_) - (T)(d2 < t1_) - (T)(d2 < t2_) - (T)(d2 < t3_));                      \
                q = (T)(q1 * 81 + q2 * 9);                                                                           \
                sign = (T)(q >> 15);                                                                                 \
                to->q12[j] = (uint16_t)(((q ^ sign) - sign) * (T)sizeof(JlsContext));                                \
                to->sign[j] = (int16_t)sign;                                                                         \
                to->from[j] = (uint16_t)(above[j - 1] + JLS_DIRECT + (sign & (2 * JLS_DIRECT)));                     \
            }                                                                                                        \
    } while (0)

/* Whether differences of a row fit into 16 bits, whatever MAXVAL allows: 12 bits are often written as 16. */
JLS_INLINE int jls_is_low(const uint16_t *above, int n) {
    uint16_t any = above[-1];
    for (int i = 0; i <= n; i++) any |= above[i];
    return any < 32768;
}

JLS_INLINE void jls_look_up(const JlsParameters *p, const uint16_t *restrict above, JlsBlock *restrict to, int n) {
    if (p->maxval < 32768 || jls_is_low(above, n))
        JLS_LOOK_UP(int16_t, INT16_MAX);
    else
        JLS_LOOK_UP(int32_t, INT32_MAX);
}

#endif
