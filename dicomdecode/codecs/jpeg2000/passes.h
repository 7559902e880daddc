/* The three coding passes of a code-block (T.800 annex D). docs/architecture.md explains them with a drawing.
 *
 * State is kept twice, each time in the form that its reader wants:
 *
 *   - words in the order of the scan: one word holds 16 columns of a stripe of four rows, bit 4 * column + row. The
 *     members of a pass are found by counting trailing zeros, never by looking at each coefficient, and "has a
 *     significant neighbour" of 64 coefficients is a few shifts;
 *   - a cell of 16 bits for each coefficient, column by column, for the contexts of zero and sign coding:
 *
 *         bit   11 10  9  8     7  6  5  4  3  2  1  0
 *               signs S N E W   SE SW NE NW S  N  E  W  are significant
 *
 * Words and cells have a frame of zeros around the block, so that no edge is a special case.
 */
#ifndef DICOMDECODE_J2K_PASSES_H
#define DICOMDECODE_J2K_PASSES_H

#include "mq.h"

enum {
    CELLS_OF_64 = 80,           /* cells of a column, words of a stripe, values of a row: of blocks up to 64 x 64 */
    WORDS_OF_64 = 6,
    MOST_CELLS = 8448,          /* with the frame, for any shape that A.6.1 allows */
    MOST_WORDS = 800
};

#define ROW_0 UINT64_C(0x1111111111111111)
#define ROW_3 UINT64_C(0x8888888888888888)
#define COLUMN UINT64_C(15)

typedef struct {
    int width, height;
    int words, stripes;
    int value_pitch;
    int cell_pitch;
    int word_pitch;
    int causal;                 /* vertically: the next stripe counts as insignificant (D.7) */
    int wide;                   /* values have 64 bits */
} Shape;

typedef struct {
    uint64_t contexts[CONTEXTS];
    uint64_t full[MOST_WORDS];          /* which bits of a word are coefficients */
    uint64_t significant[MOST_WORDS];
    uint64_t visited[MOST_WORDS];       /* by the significance propagation pass of this bit-plane */
    uint64_t refined[MOST_WORDS];       /* at least once */
    uint16_t cells[MOST_CELLS];
    int32_t values[BLOCK_AREA];         /* twice the coefficient, the middle of its interval */
    int64_t *wide;                      /* the same in 64 bits, in place of `values` */
    Buffer wide_buffer;
    uint8_t *data;                      /* of one codeword segment, and 0xFF 0xFF */
    size_t data_size;
    Buffer data_buffer;
} BlockCoder;

static uint8_t zero_contexts[3][256];   /* LL and LH, HL, HH: table D.1 */
static uint8_t sign_contexts[256];      /* context, and whether the decision is turned in bit 7: tables D.2, D.3 */
static uint64_t neighbours[64];         /* of a bit, itself included, within its word */

/* Significant ones above and below each bit, `w` being the word in the frame of its block. */
J2K_INLINE uint64_t upright(const uint64_t *w, const Shape *s) {
    const uint64_t below = s->causal ? 0 : w[s->word_pitch];
    return (w[0] & ~ROW_3) << 1 | (w[0] & ~ROW_0) >> 1 | (w[-s->word_pitch] & ROW_3) >> 3 | (below & ROW_0) << 3;
}

/* Bits with a significant neighbour, word by word along a stripe: what the words left, here and right of it tell. */
typedef struct {
    uint64_t left, here, next;  /* significant ones of three columns, seen from the middle one's rows */
    uint64_t upright, next_upright;
} Near;

J2K_INLINE Near near_open(const uint64_t *w, const Shape *s) {
    Near n = {0, 0, 0, 0, upright(w, s)};
    n.next = n.next_upright | w[0];
    return n;
}

J2K_INLINE uint64_t near_of(Near *n, const uint64_t *w, const Shape *s) {
    n->left = n->here;
    n->here = n->next;
    n->upright = n->next_upright;
    n->next_upright = upright(w + 1, s);
    n->next = n->next_upright | w[1];
    return n->upright | n->here << 4 | n->here >> 4 | n->left >> 60 | n->next << 60;
}

/* The word has changed. */
J2K_INLINE void near_change(Near *n, const uint64_t *w, const Shape *s) { n->here = upright(w, s) | w[0]; }

/* The value of a coefficient that turns out significant. `s->wide` is known to the compiler. */
J2K_INLINE void set_value(BlockCoder *t, const Shape *s, int at, int64_t value, int negative) {
    if (s->wide)
        t->wide[at] = (value ^ -(int64_t)negative) + negative;
    else
        t->values[at] = ((int32_t)value ^ -negative) + negative;
}

/* A coefficient turns out significant: its sign is decoded, its value set, its neighbours' cells are told. */
J2K_INLINE void become(BlockCoder *t, Mq *m, Raw *raw, const Shape *s, int column, int row, int64_t value) {
    uint16_t *cell = &t->cells[(column + 1) * s->cell_pitch + row + 1];
    int negative;
    if (raw) {
        negative = raw_decode(raw);
    } else {
        const int context = sign_contexts[(*cell & 15) | (*cell >> 4 & 0xF0)];
        negative = mq_decode(m, &t->contexts[context & 31]) ^ context >> 7;
    }
    set_value(t, s, row * s->value_pitch + column, value, negative);
    const uint16_t sign = (uint16_t)-negative;
    uint16_t *left = cell - s->cell_pitch, *right = cell + s->cell_pitch;
    right[0] |= 1 | (sign & 0x100);
    left[0] |= 2 | (sign & 0x200);
    cell[1] |= 4 | (sign & 0x400);
    right[1] |= 16;
    left[1] |= 32;
    if (s->causal && !(row & 3)) return;
    cell[-1] |= 8 | (sign & 0x800);
    right[-1] |= 64;
    left[-1] |= 128;
}

/* D.3.1: insignificant ones with a significant neighbour. `raw` is NULL where the MQ decoder serves. */
J2K_INLINE void propagate(BlockCoder *t, Mq *m, Raw *raw, const Shape *s, const uint8_t *zero, int64_t value) {
    for (int stripe = 0; stripe < s->stripes; stripe++) {
        uint64_t *w = &t->significant[(stripe + 1) * s->word_pitch + 1];
        Near near = near_open(w, s);
        for (int k = 0; k < s->words; k++, w++) {
            const int at = stripe * s->word_pitch + k;
            const uint64_t before = *w, open = t->full[at] & ~before;
            const uint16_t *cells = &t->cells[(16 * k + 1) * s->cell_pitch + 4 * stripe + 1];
            uint64_t todo = near_of(&near, w, s) & open, done = 0, found = 0;
            while (todo) {
                const int b = LOWEST_BIT(todo);
                const uint64_t bit = (uint64_t)1 << b;
                done |= bit;
                todo &= todo - 1;
                const uint8_t around = (uint8_t)cells[(b >> 2) * s->cell_pitch + (b & 3)];
                const int one = raw ? raw_decode(raw) : mq_decode(m, &t->contexts[zero[around]]);
                if (one) {
                    become(t, m, raw, s, 16 * k + (b >> 2), 4 * stripe + (b & 3), value);
                    found |= bit;
                    todo |= neighbours[b] & open & ~(bit | (bit - 1));
                }
            }
            t->visited[at] = done;
            if (found) {
                *w = before | found;
                near_change(&near, w, s);
            }
        }
    }
}

/* The next bit of a value: from the middle of its interval to that of one of the halves. */
J2K_INLINE void refine_one(BlockCoder *t, const Shape *s, int at, int one, int64_t half) {
    if (s->wide) {
        const int64_t sign = t->wide[at] >> 63, up = one - 1;
        t->wide[at] += (((half ^ up) - up) ^ sign) - sign;
    } else {
        const int32_t sign = t->values[at] >> 31, up = one - 1;
        t->values[at] += ((((int32_t)half ^ up) - up) ^ sign) - sign;
    }
}

/* D.3.3: those that were significant before this bit-plane. */
J2K_INLINE void refine(BlockCoder *t, Mq *m, Raw *raw, const Shape *s, int64_t half) {
    uint64_t first_alone = t->contexts[CONTEXT_REFINE], first_near = t->contexts[CONTEXT_REFINE + 1],
             later = t->contexts[CONTEXT_REFINE + 2];
    for (int stripe = 0; stripe < s->stripes; stripe++)
        for (int k = 0; k < s->words; k++) {
            const int at = stripe * s->word_pitch + k;
            const uint64_t *w = &t->significant[(stripe + 1) * s->word_pitch + 1 + k];
            const uint64_t before = t->refined[at];
            uint64_t todo = *w & ~t->visited[at];
            const int first = 4 * stripe * s->value_pitch + 16 * k;
            t->refined[at] = before | todo;
            if (raw || !(todo & ~before)) {
                for (; todo; todo &= todo - 1) {
                    const int b = LOWEST_BIT(todo);
                    const int one = raw ? raw_decode(raw) : mq_decode(m, &later);
                    refine_one(t, s, first + (b & 3) * s->value_pitch + (b >> 2), one, half);
                }
                continue;
            }
            Near around = near_open(w - 1, s);
            near_of(&around, w - 1, s);
            const uint64_t near = near_of(&around, w, s);
            for (; todo; todo &= todo - 1) {
                const int b = LOWEST_BIT(todo);
                int one;
                if (before >> b & 1)
                    one = mq_decode(m, &later);
                else if (near >> b & 1)
                    one = mq_decode(m, &first_near);
                else
                    one = mq_decode(m, &first_alone);
                refine_one(t, s, first + (b & 3) * s->value_pitch + (b >> 2), one, half);
            }
        }
    t->contexts[CONTEXT_REFINE] = first_alone;
    t->contexts[CONTEXT_REFINE + 1] = first_near;
    t->contexts[CONTEXT_REFINE + 2] = later;
}

/* Decisions of the run context that are MPS 0 and change no state, as many as there are, up to `most`: how many. */
J2K_INLINE int skip_runs(Mq *m, uint64_t context, int most) {
    const uint64_t qe = context & (uint64_t)0xFFFF << 48, half = (uint64_t)0x8000 << 48;
    int n = 0;
    if (context & 1) return 0;
    for (; n < most && m->c >= qe && m->a - qe >= half; n++) {
        m->a -= qe;
        m->c -= qe;
    }
    return n;
}

/* D.3.4: all that are left; whole columns without a significant neighbour at one decision. */
J2K_INLINE void clean_up(BlockCoder *t, Mq *m, const Shape *s, const uint8_t *zero, int64_t value) {
    for (int stripe = 0; stripe < s->stripes; stripe++) {
        uint64_t *w = &t->significant[(stripe + 1) * s->word_pitch + 1];
        const int whole = s->height - 4 * stripe >= 4;
        Near around = near_open(w, s);
        for (int k = 0; k < s->words; k++, w++) {
            const int at = stripe * s->word_pitch + k;
            const uint64_t before = *w;
            uint64_t todo = t->full[at] & ~before & ~t->visited[at], found = 0;
            uint64_t near = near_of(&around, w, s) | before;
            t->visited[at] = 0;
            const uint16_t *cells = &t->cells[(16 * k + 1) * s->cell_pitch + 4 * stripe + 1];
            while (todo) {
                int b = LOWEST_BIT(todo);
                if (!(b & 3) && whole && (todo >> b & COLUMN) == COLUMN && !(near >> b & COLUMN)) {
                    /* columns of this kind, from here on without a gap */
                    uint64_t alike = todo & ~near;
                    alike &= alike >> 1;
                    alike = (alike & alike >> 2 & ROW_0) >> b;
                    const uint64_t gap = ~alike & ROW_0;
                    const int most = gap ? LOWEST_BIT(gap) / 4 : 16;
                    const int skipped = skip_runs(m, t->contexts[CONTEXT_RUN], most);
                    if (skipped) {
                        todo &= skipped == 16 ? 0 : ~((((uint64_t)1 << 4 * skipped) - 1) << b);
                        if (skipped == most) continue;
                        b += 4 * skipped;
                    }
                    if (!mq_decode(m, &t->contexts[CONTEXT_RUN])) {
                        todo &= ~(COLUMN << b);
                        continue;
                    }
                    int run = mq_decode(m, &t->contexts[CONTEXT_UNIFORM]) << 1;
                    run |= mq_decode(m, &t->contexts[CONTEXT_UNIFORM]);
                    todo &= ~((((uint64_t)2 << run) - 1) << b);
                    b += run;
                } else {
                    todo &= todo - 1;
                    const uint8_t cell = (uint8_t)cells[(b >> 2) * s->cell_pitch + (b & 3)];
                    if (!mq_decode(m, &t->contexts[zero[cell]])) continue;
                }
                become(t, m, NULL, s, 16 * k + (b >> 2), 4 * stripe + (b & 3), value);
                found |= (uint64_t)1 << b;
                near |= neighbours[b];
            }
            if (found) {
                *w = before | found;
                near_change(&around, w, s);
            }
        }
    }
}

static uint8_t zero_context(int kind, int h, int v, int d) {
    if (kind == 1) {
        int swap = h;
        h = v;
        v = swap;
    }
    if (kind < 2) {
        if (h == 2) return 8;
        if (h == 1) return v ? 7 : d ? 6 : 5;
        if (v) return (uint8_t)(2 + v);
        return (uint8_t)(d < 2 ? d : 2);
    }
    if (d >= 3) return 8;
    if (d == 2) return h + v ? 7 : 6;
    return (uint8_t)(3 * d + (h + v < 2 ? h + v : 2));
}

static uint8_t sign_context(int h, int v) {
    static const uint8_t row[3][3] = {{9, 10, 10}, {11, 12, 13}, {0, 0, 0}};
    int turned = h < 0 || (h == 0 && v < 0);
    if (turned) {
        h = -h;
        v = -v;
    }
    return (uint8_t)((h ? row[1][v + 1] : row[0][v]) | turned << 7);
}

static void make_pass_tables(void) {
    for (int b = 0; b < 64; b++) {
        uint64_t column = (uint64_t)1 << b;
        column |= ((b & 3) ? column >> 1 : 0) | ((b & 3) < 3 ? column << 1 : 0);
        neighbours[b] = column | column << 4 | column >> 4;
    }
    for (int n = 0; n < 256; n++) {
        int h = (n & 1) + (n >> 1 & 1), v = (n >> 2 & 1) + (n >> 3 & 1);
        int d = (n >> 4 & 1) + (n >> 5 & 1) + (n >> 6 & 1) + (n >> 7 & 1);
        for (int kind = 0; kind < 3; kind++) zero_contexts[kind][n] = zero_context(kind, h, v, d);
        int side[4];
        for (int i = 0; i < 4; i++) side[i] = (n >> i & 1) ? 1 - 2 * (n >> (i + 4) & 1) : 0;
        h = side[0] + side[1];
        v = side[2] + side[3];
        sign_contexts[n] = sign_context((h > 0) - (h < 0), (v > 0) - (v < 0));
    }
}

#endif
