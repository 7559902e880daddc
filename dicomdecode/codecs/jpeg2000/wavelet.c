/* The inverse wavelet (T.800 annex F), as a pipeline of rows.
 *
 * A level takes rows of its sub-bands, the low ones from the level below, and gives rows of its resolution, in order.
 * A row that goes in is first put together horizontally; the vertical lifting then works on rows in place, each step
 * one row behind the step before it:
 *
 *     row goes in        i
 *     step 1 (even)      i - 1       needs i - 2 and i
 *     step 2 (odd)       i - 2       needs i - 3 and i - 1, both behind step 1
 *     step 3 (even)      i - 3       9/7 only
 *     step 4 (odd)       i - 4       9/7 only
 *
 * So a ring of eight rows is all that a level keeps. Beyond the window the lifting mirrors, which is the symmetric
 * extension of F.3.7 at the edges of a tile, and without effect on what is wanted elsewhere: windows are wide enough.
 */
#include <string.h>

#include "parts.h"

enum { RING = 8 };

static const float ALPHA = (float)LIFT_ALPHA, BETA = (float)LIFT_BETA, GAMMA = (float)LIFT_GAMMA,
                   DELTA = (float)LIFT_DELTA;

/* Sums wrap: coefficients of a damaged stream may be anything. */
J2K_INLINE int32_t add(int32_t a, int32_t b) { return (int32_t)((uint32_t)a + (uint32_t)b); }
J2K_INLINE int32_t minus(int32_t a, int32_t b) { return (int32_t)((uint32_t)a - (uint32_t)b); }
J2K_INLINE int32_t even_5_3(int32_t x, int32_t a, int32_t b) { return minus(x, add(add(a, b), 2) >> 2); }
J2K_INLINE int32_t odd_5_3(int32_t x, int32_t a, int32_t b) { return add(x, add(a, b) >> 1); }

/* The neighbours of a row's ends, mirrored: `row` has items before its first and behind its last. */
J2K_INLINE void mirror_whole(int32_t *row, int n) {
    row[-1] = row[0];
    row[n] = row[n - 1];
}

J2K_INLINE void mirror_real(float *row, int n) {
    row[-1] = row[0];
    row[n] = row[n - 1];
}

/* Low and high samples by turns; the first is a low one where `odd` is 0. */
J2K_CLONES static void alternate(const int32_t *restrict first, const int32_t *restrict second, int32_t *restrict to,
                                 size_t pairs) {
    for (size_t i = 0; i < pairs; i++) {
        to[2 * i] = first[i];
        to[2 * i + 1] = second[i];
    }
}

static void interleave(const void *low, int lows, const void *high, int highs, int odd, void *to) {
    const int32_t *first = odd ? high : low, *second = odd ? low : high;
    const int pairs = smaller(lows, highs);
    alternate(first, second, to, (size_t)pairs);
    if (lows != highs) ((int32_t *)to)[2 * pairs] = first[pairs];
}

/* A row from its low and high samples. `e` and `o` are room for them. */
J2K_CLONES static void join_5_3(const int32_t *restrict low, int lows, int32_t *restrict high, int highs, int odd,
                                int32_t *restrict e, int32_t *restrict o, int32_t *restrict to) {
    if (lows + highs == 1) {
        to[0] = lows ? low[0] : high[0] / 2;
        return;
    }
    mirror_whole(high, highs);
    const int32_t *h = high + odd;
    for (int i = 0; i < lows; i++) e[i] = even_5_3(low[i], h[i - 1], h[i]);
    mirror_whole(e, lows);
    const int32_t *l = e + !odd;
    for (int i = 0; i < highs; i++) o[i] = odd_5_3(high[i], l[i - 1], l[i]);
    interleave(e, lows, o, highs, odd, to);
}

J2K_CLONES static void lift_rows_5_3(int32_t *restrict x, const int32_t *a, const int32_t *b, int n, int odd) {
    if (odd)
        for (int i = 0; i < n; i++) x[i] = odd_5_3(x[i], a[i], b[i]);
    else
        for (int i = 0; i < n; i++) x[i] = even_5_3(x[i], a[i], b[i]);
}

J2K_CLONES static void join_9_7(const float *restrict low, int lows, float *restrict high, int highs, int odd,
                                float *restrict e, float *restrict o, float *restrict to) {
    if (lows + highs == 1) {
        to[0] = lows ? low[0] : high[0];
        return;
    }
    mirror_real(high, highs);
    const float *h = high + odd;
    for (int i = 0; i < lows; i++) e[i] = low[i] - DELTA * (h[i - 1] + h[i]);
    mirror_real(e, lows);
    const float *l = e + !odd;
    for (int i = 0; i < highs; i++) o[i] = high[i] - GAMMA * (l[i - 1] + l[i]);
    mirror_real(o, highs);
    h = o + odd;
    for (int i = 0; i < lows; i++) e[i] -= BETA * (h[i - 1] + h[i]);
    mirror_real(e, lows);
    l = e + !odd;
    for (int i = 0; i < highs; i++) o[i] -= ALPHA * (l[i - 1] + l[i]);
    interleave(e, lows, o, highs, odd, to);
}

J2K_CLONES static void lift_row_9_7(float *restrict x, const float *a, const float *b, int n, float by) {
    for (int i = 0; i < n; i++) x[i] -= by * (a[i] + b[i]);
}

/* All four steps at once, on the rows i - 5 to i. */
J2K_CLONES static void lift_rows_9_7(const float *restrict r5, float *restrict r4, float *restrict r3,
                                     float *restrict r2, float *restrict r1, const float *restrict r0, int n) {
    for (int i = 0; i < n; i++) {
        const float x1 = r1[i] - DELTA * (r2[i] + r0[i]);
        const float x2 = r2[i] - GAMMA * (r3[i] + x1);
        const float x3 = r3[i] - BETA * (r4[i] + x2);
        r1[i] = x1;
        r2[i] = x2;
        r3[i] = x3;
        r4[i] -= ALPHA * (r5[i] + x3);
    }
}

static int32_t *ring_row(const Level *l, int32_t row) { return l->ring + (size_t)(row & (RING - 1)) * l->pitch; }

/* One lifting step on one row of the window, mirrored at its ends. */
static void lift(const Level *l, int step, int32_t row) {
    static const float by[] = {DELTA, GAMMA, BETA, ALPHA};
    const int32_t rows = l->window.y1 - l->window.y0, n = l->window.x1 - l->window.x0;
    const int odd = !(step & 1);
    if (row < 0 || row >= rows || ((l->window.y0 + row) & 1) != odd) return;
    int32_t *x = ring_row(l, row);
    const int32_t *a = ring_row(l, row > 0 ? row - 1 : row + 1);
    const int32_t *b = ring_row(l, row < rows - 1 ? row + 1 : row - 1);
    if (l->reversible)
        lift_rows_5_3(x, a, b, n, odd);
    else
        lift_row_9_7((float *)x, (const float *)a, (const float *)b, n, by[step - 1]);
}

static int32_t *next_row(Tile *t, Level *levels, int r);

/* The next row of the window goes in, put together from its low and high half. */
static void take_row(Tile *t, Level *levels, int r) {
    Level *l = &levels[r];
    const int32_t y = l->window.y0 + l->event;
    const int lows = (int)(((int64_t)l->window.x1 + 1) >> 1) - (int)(((int64_t)l->window.x0 + 1) >> 1);
    const int highs = (l->window.x1 >> 1) - (l->window.x0 >> 1), odd = l->window.x0 & 1;
    const int32_t *low = NULL;
    int32_t *e = l->scratch + ROW_PAD, *o = e + l->pitch, *to = ring_row(l, l->event);
    if (y & 1) {
        low = j2k_band_row(t, &l->band[KIND_LH - 1], y >> 1);
    } else if (lows) {
        while (l->below_rows <= l->below_y) {
            low = next_row(t, levels, r - 1);
            l->below_rows++;
        }
        low += l->below_x;
        l->below_y++;
    }
    Band *const band = &l->band[y & 1 ? KIND_HH - 1 : KIND_HL - 1];
    int32_t *high = j2k_band_row(t, band, y >> 1);
    if (band->zeros && (y & 1) && l->band[KIND_LH - 1].zeros) /* at a low rate, most of the odd rows */
        memset(to, 0, sizeof *to * (size_t)(lows + highs));
    else if (l->reversible)
        join_5_3(low, lows, high, highs, odd, e, o, to);
    else
        join_9_7((const float *)low, lows, (float *)high, highs, odd, (float *)e, (float *)o, (float *)to);
}

static void step_on(Tile *t, Level *levels, int r) {
    Level *l = &levels[r];
    const int32_t rows = l->window.y1 - l->window.y0, i = l->event, n = l->window.x1 - l->window.x0;
    if (i < rows) take_row(t, levels, r);
    if (rows == 1) {
        /* a lone odd row is halved; 9/7 has that in its scale */
        if (i == 0 && (l->window.y0 & 1) && l->reversible)
            for (int32_t k = 0; k < n; k++) l->ring[k] /= 2;
    } else if (l->reversible || i < 5 || i >= rows) {
        for (int step = 1; step <= (l->reversible ? 2 : 4); step++) lift(l, step, i - step);
    } else if (!((l->window.y0 + i - 1) & 1)) {
        float *x[6];
        for (int k = 0; k < 6; k++) x[k] = (float *)ring_row(l, i - k);
        lift_rows_9_7(x[5], x[4], x[3], x[2], x[1], x[0], n);
    }
    l->event++;
}

/* The next row of a resolution's window; it stays until the one after it is asked for. */
static int32_t *next_row(Tile *t, Level *levels, int r) {
    Level *l = &levels[r];
    const int32_t row = l->given++;
    if (r == 0) return j2k_band_row(t, l->band, l->window.y0 + row);
    while (l->event <= row + (l->reversible ? 2 : 4)) step_on(t, levels, r);
    return ring_row(l, row);
}

int j2k_open_levels(const Stream *s, Tile *t, J2kFault *fault) {
    size_t total = 0;
    for (int round = 0; round < 2; round++) {
        int32_t *room = t->row_buffer.data;
        for (int i = 0; i < s->components; i++)
            for (int r = 1; r <= t->component[i].top; r++) {
                Level *l = &t->level[i][r];
                const Rect w = t->component[i].resolution[r].window;
                l->pitch = is_empty(w) ? 0 : ((size_t)(w.x1 - w.x0) + 2 * ROW_PAD + 7) & ~(size_t)7;
                if (round) l->ring = room + total;
                if (round) l->scratch = l->ring + RING * l->pitch;
                total += (RING + 2) * l->pitch;
            }
        if (!round && !j2k_room(&t->row_buffer, total, sizeof(int32_t), fault)) return -1;
        if (!round) total = 0;
    }
    for (int i = 0; i < s->components; i++)
        for (int r = 0; r <= t->component[i].top; r++) {
            Level *l = &t->level[i][r];
            const Resolution *res = &t->component[i].resolution[r];
            l->reversible = t->coding.component[i].reversible;
            l->window = res->window;
            l->band = &t->band[res->band];
            l->below_rows = l->event = l->given = 0;
            if (r) {
                const Rect below = t->component[i].resolution[r - 1].window;
                l->below_x = ((l->window.x0 + 1) >> 1) - below.x0;
                l->below_y = ((l->window.y0 + 1) >> 1) - below.y0;
            }
        }
    return 0;
}

const void *j2k_next_row(Tile *t, int component) {
    const TileComponent *c = &t->component[component];
    Level *top = &t->level[component][c->top];
    int32_t *row = NULL;
    /* rows of the window above the wanted ones are passed over, once */
    for (int32_t skip = top->given ? 0 : c->wanted.y0 - top->window.y0; skip >= 0; skip--)
        row = next_row(t, t->level[component], c->top);
    return row + (c->wanted.x0 - top->window.x0);
}
