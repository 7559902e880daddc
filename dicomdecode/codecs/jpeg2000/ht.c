/* HTJ2K code-blocks (T.814 clause 7): cleanup, significance propagation, magnitude refinement.
 *
 * docs/architecture.md explains the cleanup pass. Samples of a quad are numbered as in the standard:
 *
 *     0 2        rho, epsilon: bit n is sample n
 *     1 3
 */
#include "ht.h"

#include <stdlib.h>

#include "ht_bits.h"
#include "ht_codes.h"

enum { CODES = 8 << 7, LEAST_EXTENDED = 28 };

/* A codeword of a quad, found by the next seven bits and the context:
 *
 *     bit  31       28          19      15      11    7       6       5        0
 *          | context | 0 ... 0 | eps_1 | eps_k | rho | gamma | u_off | length |
 *
 * "context" is what the quad adds to the context of the one right of it: shifted down, to its index. The fields on
 * which the next look-up waits, length and context, are where they need no mask.
 */
enum { U_OFF = 6, GAMMA = 7, RHO = 8, EPSILON_K = 12, EPSILON_1 = 16, CONTEXT = 29, TO_INDEX = CONTEXT - 7 };

/* The prefixes of u of two quads, found by the next six bits:
 *
 *     bit  31   28    24         20         16         12      5      0
 *          | u of 1 | u of 0 | suffix 1 | suffix 0 | prefixes | all bits |      lengths but for u
 *
 * There are six tables: quads that have u, 0 to 3; both of them in the first row, with MEL's symbol 0 or 1.
 */
enum { FIRST_ROW = 4, PREFIXES = 12, SUFFIX_0 = 16, SUFFIX_1 = 20, U_0 = 24, U_1 = 28 };

static uint32_t first_codes[CODES], later_codes[CODES];
static uint32_t u_codes[6 << 6];

static void spread_codes(const uint32_t *codes, int count, int first, uint32_t *table) {
    for (int i = 0; i < count; i++) {
        const uint32_t code = codes[i], rho = code >> 24 & 15, length = code & 15, word = code >> 4 & 0xFF;
        uint32_t next = rho & 12 ? 2 : 0;
        if (first) next = (rho & 3 ? 1 : 0) | (rho & 4 ? 2 : 0) | (rho & 8 ? 4 : 0);
        const uint32_t found = length | (code >> 20 & 1) << U_OFF | (uint32_t)((rho & (rho - 1)) != 0) << GAMMA |
                               rho << RHO | (code >> 16 & 15) << EPSILON_K | (code >> 12 & 15) << EPSILON_1 |
                               next << CONTEXT;
        for (uint32_t bits = word; bits < 128; bits += 1u << length) table[(code >> 28) << 7 | bits] = found;
    }
}

/* Table 3: 1, 01, 001, 000 are 1, 2, 3 with one more bit, 5 with five. Returns the prefix's length. */
static int read_prefix(int bits, int *u, int *suffix) {
    const int zeros = bits & 1 ? 0 : bits & 2 ? 1 : bits & 4 ? 2 : 3;
    static const uint8_t values[] = {1, 2, 3, 5}, suffixes[] = {0, 0, 1, 5}, lengths[] = {1, 2, 3, 3};
    *u = values[zeros];
    *suffix = suffixes[zeros];
    return lengths[zeros];
}

static void make_u_codes(void) {
    for (int mode = 0; mode < 6; mode++)
        for (int bits = 0; bits < 64; bits++) {
            int u[2] = {0, 0}, suffix[2] = {0, 0}, length = 0;
            if (mode != 2 && mode != 0) length += read_prefix(bits, &u[0], &suffix[0]);
            if (mode == FIRST_ROW && u[0] > 2)
                u[1] = 1 + (bits >> length++ & 1);
            else if (mode >= 2)
                length += read_prefix(bits >> length, &u[1], &suffix[1]);
            if (mode == FIRST_ROW + 1) {
                u[0] += 2;
                u[1] += 2;
            }
            const int all = length + suffix[0] + suffix[1];
            u_codes[mode << 6 | bits] = (uint32_t)all | (uint32_t)length << PREFIXES | (uint32_t)suffix[0] << SUFFIX_0 |
                                        (uint32_t)suffix[1] << SUFFIX_1 | (uint32_t)u[0] << U_0 | (uint32_t)u[1] << U_1;
        }
}

void ht_make_tables(void) {
    spread_codes(ht_first_codes, sizeof ht_first_codes / sizeof *ht_first_codes, 1, first_codes);
    spread_codes(ht_later_codes, sizeof ht_later_codes / sizeof *ht_later_codes, 0, later_codes);
    make_u_codes();
}

static int damaged(J2kFault *fault, const char *what) {
    return j2k_fail(fault, J2K_MALFORMED, "stream_damaged", what, -1, -1, -1);
}

typedef struct {                /* the cleanup pass while it runs */
    Mel mel;
    int run;                    /* of MEL */
    Window vlc;
    const uint8_t *magsgn;
    uint64_t at;                /* bit of MagSgn that is next */
    uint64_t end;               /* there are ones from here on */
    const uint8_t *vlc_end;
    int most;                   /* U */
} Cleanup;

/* 1 bit in 4 to the lowest bits of four bytes. */
J2K_INLINE uint32_t spread(uint32_t nibble) { return nibble * 0x00204081 & 0x01010101; }

J2K_INLINE uint32_t quad_code(Window *vlc, Mel *mel, int *run, const uint32_t *codes, uint32_t context) {
    uint32_t code = codes[context | ((uint32_t)vlc->bits & 127)];
    if (!context && !next_symbol(mel, run)) code = 0;
    drop_bits(vlc, code & 63);
    return code;
}

/* Of u above 32: four bits more, behind the suffixes of both quads (table 3). */
J2K_INLINE void extend_u(Window *vlc, HtRow *row, int q, uint32_t suffix) {
    if (suffix < LEAST_EXTENDED) return;
    row->u[q] += 4 * ((uint32_t)vlc->bits & 15);
    drop_bits(vlc, 4);
}

/* Codewords and u of two quads (7.3.4 to 7.3.6). */
J2K_INLINE uint32_t read_codes(Window *vlc, Mel *mel, int *run, const uint32_t *context, uint32_t left, int both,
                               int first, int wide, HtRow *row, int q) {
    const uint32_t *codes = first ? first_codes : later_codes;
    if (J2K_RARE(*run >= 4) && both && !(first ? left : left | context[0] | context[1])) {
        *run -= 4;
        row->code[q + 1] = row->code[q + 2] = row->u[q] = row->u[q + 1] = 0;
        return 0;
    }
    fill_window(vlc);
    const uint32_t code_0 = quad_code(vlc, mel, run, codes, first ? left : left | context[0]);
    left = code_0 >> TO_INDEX;
    const uint32_t code_1 = both ? quad_code(vlc, mel, run, codes, first ? left : left | context[1]) : 0;
    uint32_t mode = (code_0 >> U_OFF & 1) << 6 | (code_1 >> U_OFF & 1) << 7;
    if (first && mode == 3 << 6) mode = (uint32_t)(FIRST_ROW + next_symbol(mel, run)) << 6;
    const uint32_t u = u_codes[mode | (uint32_t)(vlc->bits & 63)];
    const uint64_t suffixes = vlc->bits >> (u >> PREFIXES & 15);
    const int bits_0 = u >> SUFFIX_0 & 15, bits_1 = u >> SUFFIX_1 & 15;
    const uint32_t suffix_0 = (uint32_t)suffixes & ((1u << bits_0) - 1);
    const uint32_t suffix_1 = (uint32_t)(suffixes >> bits_0) & ((1u << bits_1) - 1);
    drop_bits(vlc, u & 63);
    row->code[q + 1] = code_0;
    row->code[q + 2] = code_1;
    row->u[q] = (u >> U_0 & 15) + suffix_0;
    row->u[q + 1] = (u >> U_1) + suffix_1;
    if (wide) {                 /* else U is too large as it is */
        extend_u(vlc, row, q, suffix_0);
        extend_u(vlc, row, q + 1, suffix_1);
    }
    return code_1 >> TO_INDEX;
}

/* What the row adds to the contexts of the next one (7.3.4). Returns whether any of its quads has anything. */
J2K_INLINE int set_contexts(const HtRow *row, uint32_t *context, int quads) {
    const uint32_t *code = row->code + 1;
    uint32_t all = 0;
    for (int q = 0; q < quads; q++) {
        all |= code[q];
        context[q] = ((code[q - 1] >> (RHO + 3) | code[q] >> (RHO + 1)) & 1) << 7 |
                     ((code[q] >> (RHO + 3) | code[q + 1] >> (RHO + 1)) & 1) << 9;
    }
    return all != 0;
}

/* U = kappa + u, and how many bits of MagSgn the samples have (7.3.5, 7.3.7). Returns the largest U. */
J2K_INLINE uint32_t set_lengths(HtRow *row, const HtRow *above, int quads, int first) {
    uint32_t most = 0;
    const uint32_t *left = above->exponent[1], *right = above->exponent[3];
    for (int q = 0; q < quads; q++) {
        const uint32_t code = row->code[q + 1];
        uint32_t kappa = 1;
        if (!first) {
            const uint32_t a = left[q + 1] > right[q + 1] ? left[q + 1] : right[q + 1];
            const uint32_t b = left[q + 2] > right[q] ? left[q + 2] : right[q];
            const uint32_t e = a > b ? a : b;
            kappa = code >> GAMMA & 1 ? e : 1;
        }
        const uint32_t u = row->u[q] + kappa;
        row->lengths[q] = spread(code >> RHO & 15) * u - spread(code >> EPSILON_K & 15);
        most = u > most ? u : most;
    }
    return most;
}

/* The bits of MagSgn of a quad, with what comes behind them (7.3.7). Returns the place behind. */
J2K_INLINE uint64_t read_quad(const uint8_t *magsgn, uint64_t at, HtRow *row, int q) {
    const uint32_t lengths = row->lengths[q], places = lengths * 0x01010101;
    for (int n = 0; n < 4; n++) {
        const uint64_t here = at + (n ? places >> (8 * n - 8) & 0xFF : 0);
        row->v[n][q] = (uint32_t)(load_64(magsgn + (here >> 3)) >> (here & 7));
    }
    return at + (places >> 24);
}

/* From those bits to values and exponents. */
J2K_INLINE void set_values(HtRow *row, int quads, uint32_t *upper, uint32_t *lower) {
    for (int n = 0; n < 4; n++) {
        uint32_t *v = row->v[n], *exponent = row->exponent[n] + 1;
        for (int q = 0; q < quads; q++) {
            const uint32_t length = row->lengths[q] >> (8 * n) & 0xFF, code = row->code[q + 1];
            const uint32_t value = (v[q] & ((1u << length) - 1)) | (code >> (EPSILON_1 + n) & 1) << length;
            v[q] = value + (code >> (RHO + n) << 1 & 2);
            if (n & 1) {
                /* the exponent of a float is the place of its highest bit; the bit below is cleared, so that rounding
                 * does not reach it */
                const uint32_t top = value | 2;
                union { float f; uint32_t bits; } real = {(float)(int32_t)(top & ~(top >> 1))};
                exponent[q] = (real.bits >> 23) - 127;
            }
        }
    }
    for (int q = 0; q < quads; q++) {
        upper[2 * q] = row->v[0][q];
        upper[2 * q + 1] = row->v[2][q];
    }
    for (int q = 0; q < quads; q++) {
        lower[2 * q] = row->v[1][q];
        lower[2 * q + 1] = row->v[3][q];
    }
}

/* The same where no quad has anything: exponents are 1. */
static void set_nothing(HtRow *row, int quads, uint32_t *values) {
    memset(values, 0, sizeof *values * 4 * (size_t)quads);
    for (int n = 1; n < 4; n += 2)
        for (int q = 1; q <= quads; q++) row->exponent[n][q] = 1;
}

/* MagSgn of `row`, while codewords of the row below it, `next`, are read: neither waits for the other. */
J2K_INLINE int read_rows(HtCoder *t, Cleanup *c, int quads, HtRow *row, HtRow *next, int first,
                         int wide) {
    Window vlc = c->vlc;
    Mel mel = c->mel;
    int run = c->run;
    uint64_t at = c->at < c->end ? c->at : c->end;
    uint32_t left = 0;
    for (int q = 0; q < quads; q += 2) {
        if (next) left = read_codes(&vlc, &mel, &run, t->context + q, left, q + 1 < quads, first, wide, next, q);
        if (row && (row->lengths[q] | row->lengths[q + 1])) {       /* at low rates most have none */
            at = read_quad(c->magsgn, at, row, q);
            at = read_quad(c->magsgn, at, row, q + 1);
        }
    }
    c->vlc = vlc;
    c->mel = mel;
    c->run = run;
    c->at = at;
    return c->vlc.at > c->vlc_end ? -1 : 0;
}

static void clear_row(HtRow *row, int quads) {
    memset(row->code, 0, sizeof *row->code * ((size_t)quads + 2));
    memset(row->u, 0, sizeof *row->u * (size_t)quads);
    for (int n = 0; n < 4; n++) {
        memset(row->v[n], 0, sizeof *row->v[n] * (size_t)quads);
        memset(row->exponent[n], 0, sizeof *row->exponent[n] * ((size_t)quads + 2));
    }
}

J2K_CLONES static int clean_rows(HtCoder *t, Cleanup *c, int width, int height) {
    const int quads = (width + 1) / 2;
    uint32_t *values = (uint32_t *)t->values;
    clear_row(&t->row[0], t->quads);
    clear_row(&t->row[1], t->quads);
    if (read_rows(t, c, quads, NULL, &t->row[0], 1, 0)) return -1;
    for (int y = 0; y < height; y += 2, values += 2 * t->pitch) {
        HtRow *row = &t->row[y >> 1 & 1], *other = &t->row[!(y >> 1 & 1)];
        const int last = y + 2 >= height;
        if (!set_contexts(row, t->context, t->quads)) {
            if (!last && read_rows(t, c, quads, NULL, other, 0, 0)) return -1;
            set_nothing(row, t->quads, values);
            continue;
        }
        if (set_lengths(row, other, t->quads, y == 0) > (uint32_t)c->most) return -1;
        if (last ? read_rows(t, c, quads, row, NULL, 0, 0) : read_rows(t, c, quads, row, other, 0, 0)) return -1;
        set_values(row, t->quads, values, values + t->pitch);
    }
    return 0;
}

/* Values of 64 bits of a row of quads, and their exponents. */
static void set_wide_values(HtCoder *t, Cleanup *c, HtRow *row, int64_t *values) {
    uint64_t at = c->at < c->end ? c->at : c->end;
    for (int q = 0; q < t->quads; q++)
        for (int n = 0; n < 4; n++) {
            const uint32_t length = row->lengths[q] >> (8 * n) & 0xFF, code = row->code[q + 1];
            const uint64_t bits = load_64(c->magsgn + (at >> 3)) >> (at & 7) & (((uint64_t)1 << length) - 1);
            const uint64_t value = bits | (uint64_t)(code >> (EPSILON_1 + n) & 1) << length;
            values[(n & 1) * t->pitch + 2 * q + (n >> 1)] = (int64_t)(value + (code >> (RHO + n) << 1 & 2));
            row->exponent[n][q + 1] = (uint32_t)(63 - LEADING_ZEROS(value | 2));
            at += length;
        }
    c->at = at;
}

static int clean_wide_rows(HtCoder *t, Cleanup *c, int width, int height) {
    const int quads = (width + 1) / 2;
    clear_row(&t->row[0], t->quads);
    clear_row(&t->row[1], t->quads);
    for (int y = 0; y < height; y += 2) {
        HtRow *row = &t->row[y >> 1 & 1], *above = &t->row[!(y >> 1 & 1)];
        if (read_rows(t, c, quads, NULL, row, y == 0, 1)) return -1;
        if (set_lengths(row, above, t->quads, y == 0) > (uint32_t)c->most) return -1;
        set_wide_values(t, c, row, t->wide + (size_t)y * (size_t)t->pitch);
        set_contexts(row, t->context, t->quads);
    }
    return 0;
}

static int clean_up(HtCoder *t, const HtSet *set, int width, int height, J2kFault *fault) {
    const uint8_t *data = set->cleanup.data;
    const size_t size = set->cleanup.size;
    if (size < 2 || size > HT_MOST_SIZE) return damaged(fault, "an HT cleanup segment has an impossible length");
    const size_t suffix = (size_t)data[size - 1] << 4 | (data[size - 2] & 15);
    if (suffix < 2 || suffix > size || suffix > HT_MOST_SUFFIX)
        return damaged(fault, "an HT cleanup segment's parts are longer than it");
    const int planes = set->wide ? HT_MOST_WIDE_PLANES : MOST_PLANES;
    const size_t row_room = (size_t)t->pitch * 2 * (size_t)(planes + 1) / 8 + BITS_PAD;
    uint8_t *magsgn = j2k_room(&t->bits, size + row_room + BITS_PAD, 1, fault);
    if (!magsgn) return -1;
    Plain plain = {magsgn, 0, 0, magsgn};
    put_forward(&plain, data, size - suffix);
    Cleanup c = {{data + size - suffix, data + size - 2, 0, 0, 0, 0}, 0, {0, 0, t->vlc}, magsgn, 0, 0, NULL, 0};
    c.end = end_bits(&plain, 0xFF, row_room);
    const int first = data[size - 2] | 15;
    plain = (Plain){t->vlc, 0, 0, t->vlc};
    put_bits(&plain, (uint64_t)first >> 4, (first & 0x70) == 0x70 ? 3 : 4);
    put_backward(&plain, data + size - 2, suffix - 2, first);
    const int64_t vlc_bits = (int64_t)end_bits(&plain, 0, 2 * (size_t)t->quads + BITS_PAD);
    c.vlc_end = plain.to + 8;
    c.most = smaller(set->skipped + 2, planes + 1 - set->plane);
    if (set->wide ? clean_wide_rows(t, &c, width, height) : clean_rows(t, &c, width, height)) {
        if (c.most < set->skipped + 2)
            return j2k_fail(fault, J2K_UNSUPPORTED, "stream_precision", "a code-block has too many bit-planes", -1,
                            planes, -1);
        return damaged(fault, "a quad of an HT code-block has more bits than its sub-band");
    }
    if (8 * (int64_t)(c.vlc.at - t->vlc) - c.vlc.count > vlc_bits)
        return damaged(fault, "an HT cleanup segment ends before its last quad");
    return 0;
}

/* From signs in the lowest bit to what part 1 has: twice the coefficient, in the middle of its interval. */
static void spread_values(HtCoder *t, int rows, int plane) {
    uint32_t *values = (uint32_t *)t->values;
    const int count = rows * t->pitch;
    for (int i = 0; t->wide && i < count; i++) {
        const uint64_t v = (uint64_t)t->wide[i], sign = -(v & 1);
        t->wide[i] = (int64_t)(v ? (((v | 1) << plane) ^ sign) - sign : 0);
    }
    for (int i = 0; !t->wide && i < count; i++) {
        const uint32_t v = values[i], sign = -(v & 1);
        values[i] = v ? (((v | 1) << plane) ^ sign) - sign : 0;
    }
}

J2K_INLINE int64_t value_at(const HtCoder *t, int y, int x) {
    const int i = y * t->pitch + x;
    return t->wide ? t->wide[i] : t->values[i];
}

J2K_INLINE void set_value(HtCoder *t, int y, int x, int64_t value) {
    const int i = y * t->pitch + x;
    if (t->wide)
        t->wide[i] = value;
    else
        t->values[i] = (int32_t)value;
}

/* Which of the (up to) four samples of a column of a stripe are not 0. */
J2K_INLINE uint32_t column_of(const HtCoder *t, int y, int x, int rows) {
    uint32_t column = 0;
    for (int i = 0; i < rows; i++) column |= (uint32_t)(value_at(t, y + i, x) != 0) << i;
    return column;
}

typedef struct {                /* stripes above, here and below, a nibble a column; from the second item on */
    uint8_t above[BLOCK_SIDE + 2];          /* with what this pass has found */
    uint8_t here[BLOCK_SIDE + 2];
    uint8_t below[BLOCK_SIDE + 2];
    uint8_t found[BLOCK_SIDE + 2];
} Stripes;

static void read_stripe(const HtCoder *t, uint8_t *stripe, int width, int height, int y) {
    const int rows = smaller(height - y, 4);
    for (int x = 0; x < width; x++) stripe[x + 1] = (uint8_t)(rows > 0 ? column_of(t, y, x, rows) : 0);
}

/* Significance propagation (7.4) in four columns of a stripe: first the bits of all, then the signs of those found. */
static void propagate_columns(HtCoder *t, Window *bits, Stripes *s, int x, int width, int y, int rows, int plane) {
    const uint32_t inside = (1u << rows) - 1;
    const int end = smaller(x + 4, width);
    fill_window(bits);
    for (int i = x; i < end; i++) {
        const uint8_t *here = s->here + 1 + i, *found = s->found + 1 + i;
        const uint32_t left = here[-1] | found[-1], right = here[1];    /* which holds what was found there: nothing yet */
        const uint32_t corner = (s->above[i] | s->above[i + 1] | s->above[i + 2]) >> 3;
        const uint32_t foot = (uint32_t)(s->below[i] | s->below[i + 1] | s->below[i + 2]) << 3;
        uint32_t near = left | right | left << 1 | right << 1 | left >> 1 | right >> 1 | here[0] << 1 | here[0] >> 1;
        near |= (corner & 1) | (foot & 8);
        uint32_t new_ones = 0;
        for (int k = 0; k < rows; k++) {
            if (!((near | new_ones << 1) & ~(uint32_t)here[0] & inside & 1u << k)) continue;
            new_ones |= (uint32_t)(bits->bits & 1) << k;
            drop_bits(bits, 1);
        }
        s->found[1 + i] = (uint8_t)new_ones;
    }
    for (int i = x; i < end; i++)
        for (int k = 0; k < rows; k++) {
            if (!(s->found[1 + i] >> k & 1)) continue;
            const int64_t value = (int64_t)3 << plane;
            set_value(t, y + k, i, bits->bits & 1 ? -value : value);
            drop_bits(bits, 1);
        }
}

/* `plane` is the one below that of the cleanup pass. */
static void propagate(HtCoder *t, Window *bits, int width, int height, int plane, int causal) {
    Stripes s;
    memset(&s, 0, sizeof s);
    read_stripe(t, s.below, width, height, 0);
    for (int y = 0; y < height; y += 4) {
        for (int x = 1; x <= width; x++) s.above[x] = s.here[x] | s.found[x];
        memcpy(s.here, s.below, sizeof s.here);
        memset(s.found, 0, sizeof s.found);
        read_stripe(t, s.below, width, height, y + 4);
        if (causal) memset(s.below, 0, sizeof s.below);
        for (int x = 0; x < width; x += 4) propagate_columns(t, bits, &s, x, width, y, smaller(height - y, 4), plane);
        if (causal) read_stripe(t, s.below, width, height, y + 4);
    }
}

/* Magnitude refinement (7.5) of those that the cleanup pass found. */
static void refine(HtCoder *t, Window *bits, int width, int height, int plane) {
    const int64_t half = (int64_t)1 << plane;
    for (int y = 0; y < height; y += 4)
        for (int x = 0; x < width; x++) {
            fill_window(bits);
            for (int k = y; k < smaller(y + 4, height); k++) {
                const int64_t value = value_at(t, k, x);
                if (!value) continue;
                const int64_t sign = value >> 63, step = bits->bits & 1 ? half : -half;
                set_value(t, k, x, value + (step ^ sign) - sign);
                drop_bits(bits, 1);
            }
        }
}

static int refine_block(HtCoder *t, const HtSet *set, int width, int height, J2kFault *fault) {
    const size_t size = set->refinement.size, zeros = BLOCK_AREA * 2 / 8 + BITS_PAD, room = size + zeros + BITS_PAD;
    uint8_t *forward = j2k_room(&t->bits, 2 * room, 1, fault);
    if (!forward) return -1;
    Plain plain = {forward, 0, 0, forward};
    put_forward(&plain, set->refinement.data, size);
    end_bits(&plain, 0, zeros);
    Window propagation = {0, 0, forward};
    plain = (Plain){forward + room, 0, 0, forward + room};
    put_backward(&plain, set->refinement.data + size, size, 0xFF);
    end_bits(&plain, 0, zeros);
    Window refinement = {0, 0, forward + room};
    /* first, so that it does not see what the other finds */
    if (set->refinement_passes > 1) refine(t, &refinement, width, height, set->plane - 1);
    propagate(t, &propagation, width, height, set->plane - 1, set->causal);
    return 0;
}

int ht_decode(HtCoder *t, const HtSet *set, int width, int height, J2kFault *fault) {
    t->quads = ((width + 1) / 2 + 7) & ~7;
    t->pitch = 2 * t->quads;
    t->wide = NULL;
    if (set->wide) {
        t->wide = j2k_room(&t->wide_buffer, sizeof t->values / sizeof *t->values, sizeof *t->wide, fault);
        if (!t->wide) return -1;
    }
    if (clean_up(t, set, width, height, fault)) return -1;
    const int refined = set->refinement_passes && set->plane;       /* below the last bit-plane there is nothing */
    if (!refined && !set->doubled && !set->wide) return HT_SIGN_LAST;
    spread_values(t, height, set->plane);
    return refined && refine_block(t, set, width, height, fault) ? -1 : HT_DOUBLED;
}
