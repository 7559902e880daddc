/* The MQ decoder (T.800 annex C), and the raw bits that replace it in bypassed passes.
 *
 * C and A are kept at the top of 64-bit words, so that C < Qe and A < Qe are plain comparisons, a renormalisation is a
 * shift by the leading zeros of A, and bytes are needed every 40 bits or more:
 *
 *     bit   63         48 47                                0
 *     C     | 16 that   | read ahead | 1 | zeros             |
 *     A     | 16        |  zeros                             |
 *
 * The 1 marks the end of what was read ahead, and costs no register: when it has left the lower 48 bits, which are
 * zeros then, bytes are due. Until then it is below the bits that decide.
 *
 * The data end in 0xFF 0xFF, which no reader passes: it is a marker, and the decoder goes on with ones (C.3.4). So
 * there are no other checks of bounds here.
 *
 * A context is a word that holds what a decision needs:
 *
 *     bit   63  48        31   24       23   16       15    8       0
 *           | Qe |       | itself |   | if LPS |   | if MPS |     | MPS |
 *
 * The three middle fields index `mq_states`: next states, of which the decision picks one by a shift.
 */
#ifndef DICOMDECODE_J2K_MQ_H
#define DICOMDECODE_J2K_MQ_H

#include "parts.h"

enum { MQ_STATES = 47, CONTEXT_SIGN = 9, CONTEXT_REFINE = 14, CONTEXT_RUN = 17, CONTEXT_UNIFORM = 18, CONTEXTS = 19 };

/* Keeps the compiler from turning a mask back into a branch, which would be mispredicted every few decisions. */
#if defined(__GNUC__)
#define MQ_OPAQUE(x) __asm__("" : "+r"(x))
#else
#define MQ_OPAQUE(x) ((void)0)
#endif

typedef struct {
    uint64_t a;
    uint64_t c;
    const uint8_t *at;          /* the last byte that went in */
    int made_up;                /* bytes behind the end that went in after it */
} Mq;

static uint64_t mq_states[2 * MQ_STATES];

static void mq_make_states(void) {
    /* table C.2: Qe, NMPS, NLPS, SWITCH */
    static const struct { uint16_t qe; uint8_t mps, lps, change; } row[MQ_STATES] = {
        {0x5601, 1, 1, 1},    {0x3401, 2, 6, 0},    {0x1801, 3, 9, 0},    {0x0AC1, 4, 12, 0},   {0x0521, 5, 29, 0},
        {0x0221, 38, 33, 0},  {0x5601, 7, 6, 1},    {0x5401, 8, 14, 0},   {0x4801, 9, 14, 0},   {0x3801, 10, 14, 0},
        {0x3001, 11, 17, 0},  {0x2401, 12, 18, 0},  {0x1C01, 13, 20, 0},  {0x1601, 29, 21, 0},  {0x5601, 15, 14, 1},
        {0x5401, 16, 14, 0},  {0x5101, 17, 15, 0},  {0x4801, 18, 16, 0},  {0x3801, 19, 17, 0},  {0x3401, 20, 18, 0},
        {0x3001, 21, 19, 0},  {0x2801, 22, 19, 0},  {0x2401, 23, 20, 0},  {0x2201, 24, 21, 0},  {0x1C01, 25, 22, 0},
        {0x1801, 26, 23, 0},  {0x1601, 27, 24, 0},  {0x1401, 28, 25, 0},  {0x1201, 29, 26, 0},  {0x1101, 30, 27, 0},
        {0x0AC1, 31, 28, 0},  {0x09C1, 32, 29, 0},  {0x08A1, 33, 30, 0},  {0x0521, 34, 31, 0},  {0x0441, 35, 32, 0},
        {0x02A1, 36, 33, 0},  {0x0221, 37, 34, 0},  {0x0141, 38, 35, 0},  {0x0111, 39, 36, 0},  {0x0085, 40, 37, 0},
        {0x0049, 41, 38, 0},  {0x0025, 42, 39, 0},  {0x0015, 43, 40, 0},  {0x0009, 44, 41, 0},  {0x0005, 45, 42, 0},
        {0x0001, 45, 43, 0},  {0x5601, 46, 46, 0},
    };
    for (uint64_t i = 0; i < MQ_STATES; i++)
        for (uint64_t mps = 0; mps < 2; mps++) {
            uint64_t if_mps = 2u * row[i].mps + mps, if_lps = 2u * row[i].lps + (mps ^ row[i].change);
            mq_states[2 * i + mps] = (uint64_t)row[i].qe << 48 | (2 * i + mps) << 24 | if_lps << 16 | if_mps << 8 | mps;
        }
}

static void mq_reset_contexts(uint64_t *contexts) {
    for (int i = 0; i < CONTEXTS; i++) contexts[i] = mq_states[0];      /* table D.7 */
    contexts[0] = mq_states[2 * 4];
    contexts[CONTEXT_RUN] = mq_states[2 * 3];
    contexts[CONTEXT_UNIFORM] = mq_states[2 * 46];
}

/* BYTEIN (C.3.4), as often as there is room: a byte goes below the `spare` bits that are still there, which may be less
 * than none. */
static J2K_APART Mq mq_refill(Mq m) {
    const int mark = LOWEST_BIT(m.c);
    int spare = 47 - mark;
    m.c ^= (uint64_t)1 << mark;
    do {
        if (*m.at == 0xFF) {
            if (m.at[1] > 0x8F) {
                m.c += (uint64_t)0xFF << (40 - spare);
                m.made_up++;
                spare += 8;
            } else {
                m.at++;
                m.c += (uint64_t)*m.at << (41 - spare);
                spare += 7;
            }
        } else {
            m.at++;
            m.c += (uint64_t)*m.at << (40 - spare);
            spare += 8;
        }
    } while (spare < 40);
    m.c |= (uint64_t)1 << (47 - spare);
    return m;
}

/* INITDEC (C.3.5) */
static Mq mq_open(const uint8_t *data) {
    Mq m = {(uint64_t)0x8000 << 48, (uint64_t)*data << 48 | (uint64_t)1 << 47, data, 0};
    m = mq_refill(m);
    m.c <<= 7;
    return m;
}

/* DECODE (C.3.2) without a branch: `low` says that C lies in the lower sub-interval, `less` that it is now the smaller
 * one, so that their difference is an LPS. */
J2K_INLINE int mq_decode(Mq *m, uint64_t *context) {
    const uint64_t state = *context;
    const uint64_t qe = state & (uint64_t)0xFFFF << 48;
    const uint64_t a = m->a - qe;
    uint64_t low = -(uint64_t)(m->c < qe);
    MQ_OPAQUE(low);
    const uint64_t less = -(uint64_t)(a < qe);
    const uint64_t lps = low ^ less;
    m->a = (a & ~low) | (qe & low);
    m->c -= qe & ~low;
    const int n = LEADING_ZEROS(m->a);
    uint32_t field = 24 - ((uint32_t)(n != 0) << 4) + ((uint32_t)lps & 8);
    MQ_OPAQUE(field);
    *context = mq_states[state >> field & 0xFF];
    m->a <<= n;
    m->c <<= n;
    if (J2K_RARE(!(m->c << 16))) *m = mq_refill(*m);
    return (int)((state ^ lps) & 1);
}

/* Whether data that end at `end` are what a predictable termination (D.4.2) leaves: the encoder wrote the lower end of its
 * interval, from which C is the distance. So those bits of C that came from data are 0, and eight of them at most. A
 * last byte 0xFF is not written, so that there may be eight fewer. */
static int mq_ends_well(const Mq *m, const uint8_t *end) {
    const int read_ahead = 47 - LOWEST_BIT(m->c), made_up = 8 * (m->made_up + (m->at == end));
    const int from_data = 16 + read_ahead - made_up;
    return m->at >= end - 1 && from_data >= -8 && from_data <= 8 && (from_data <= 0 || !(m->c >> (64 - from_data)));
}

typedef struct {                /* bits of a bypassed pass (D.6), of the same padded data */
    const uint8_t *next;
    uint32_t byte;
    int left;
} Raw;

static Raw raw_open(const uint8_t *data) {
    Raw r = {data, 0, 0};
    return r;
}

J2K_INLINE int raw_decode(Raw *r) {
    if (!r->left) {
        r->left = 8;
        if (r->byte != 0xFF) {
            r->byte = *r->next++;
        } else if (*r->next <= 0x8F) {
            r->byte = *r->next++;
            r->left = 7;
        }
    }
    return (int)(r->byte >> --r->left & 1);
}

/* The same after a raw pass: the last byte is filled up with 0 and 1 by turns. It is never 0xFF: one more follows that. */
static int raw_ends_well(const Raw *r, const uint8_t *end) {
    if (r->next != end) return r->next == end - 1 && r->byte == 0xFF && !r->left;
    return !r->left || (r->byte & ((1u << r->left) - 1)) == 0x55u >> (8 - r->left);
}

#endif
