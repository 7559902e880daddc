/* Rows of components to interleaved samples: component transform (annex G), level shift, clamping, sign. */
#include <math.h>

#include "output.h"

J2K_INLINE int32_t clamp(int32_t v, int32_t low, int32_t high) { return v < low ? low : v > high ? high : v; }

/* G.2; sums wrap, as in the wavelet */
J2K_CLONES static void undo_rct(const int32_t *restrict y, const int32_t *restrict u, const int32_t *restrict v,
                                int32_t *restrict r, int32_t *restrict g, int32_t *restrict b, int n) {
    for (int i = 0; i < n; i++) {
        const uint32_t green = (uint32_t)y[i] - (uint32_t)((int32_t)((uint32_t)u[i] + (uint32_t)v[i]) >> 2);
        r[i] = (int32_t)((uint32_t)v[i] + green);
        g[i] = (int32_t)green;
        b[i] = (int32_t)((uint32_t)u[i] + green);
    }
}

/* G.3 */
J2K_CLONES static void undo_ict(const float *restrict y, const float *restrict u, const float *restrict v,
                                float *restrict r, float *restrict g, float *restrict b, int n) {
    for (int i = 0; i < n; i++) {
        r[i] = y[i] + 1.402f * v[i];
        g[i] = y[i] - 0.344136f * u[i] - 0.714136f * v[i];
        b[i] = y[i] + 1.772f * u[i];
    }
}

#define FINISH(T, VALUE)                                                                                             \
    do {                                                                                                             \
        T *restrict items = (T *)to;                                                                                 \
        if (mask == 0xFFFFFFFF)                                                                                      \
            for (int i = 0; i < n; i++) items[i] = (T)(VALUE);                                                       \
        else                                                                                                         \
            for (int i = 0; i < n; i++) items[i] = (T)((((VALUE) & mask) ^ sign) - sign);                            \
    } while (0)

#define FINISH_ALL(VALUE)                                                                                            \
    const uint32_t mask = f->mask, sign = f->sign;                                                                   \
    if (item_bytes == 1)                                                                                             \
        FINISH(uint8_t, VALUE);                                                                                      \
    else if (item_bytes == 2)                                                                                        \
        FINISH(uint16_t, VALUE);                                                                                     \
    else                                                                                                             \
        FINISH(uint32_t, VALUE)

/* The level shift (G.1), clamping to the stream's precision, and the sign and size wanted. */
J2K_CLONES static void finish_whole(const Finish *f, const int32_t *restrict from, int item_bytes, void *to, int n) {
    const int32_t low = f->low, high = f->high;
    const uint32_t shift = f->shift;
    FINISH_ALL((uint32_t)clamp(from[i], low, high) + shift);
}

/* To a whole number, within what an int32_t holds; what is no number becomes the lowest. */
J2K_INLINE int32_t rounded(float v) {
    const float most = 1 << 30;
    v = v > -most ? v : -most;
    v = v < most ? v : most;
    return (int32_t)rintf(v);
}

/* The same for a precision of up to 22 bits: between 2^23 and 2^24 the last bit of a float is 1, so that adding
 * 1.5 * 2^23 leaves the number rounded in the lower bits of the sum, on top of those of 1.5 * 2^23, which are here. */
enum { MOST_ROUNDED = 22, ADDED_BITS = 0x4B400000 };

J2K_INLINE uint32_t rounded_bits(float v, float low, float high) {
    union { float f; uint32_t bits; } real;
    v = v > low ? v : low;
    v = v < high ? v : high;
    real.f = v + 1.5f * (1 << 23);
    return real.bits;
}

J2K_CLONES static void finish_real(const Finish *f, const float *restrict from, int item_bytes, void *to, int n) {
    if (f->high < 1 << (MOST_ROUNDED - 1)) {
        const float low = (float)f->low, high = (float)f->high;
        const uint32_t shift = f->shift - ADDED_BITS;
        FINISH_ALL(rounded_bits(from[i], low, high) + shift);
    } else {
        const int32_t low = f->low, high = f->high;
        const uint32_t shift = f->shift;
        FINISH_ALL((uint32_t)clamp(rounded(from[i]), low, high) + shift);
    }
}

#define PUT(T)                                                                                                       \
    do {                                                                                                             \
        T *restrict to = (T *)out;                                                                                   \
        for (int k = 0; k < count; k++)                                                                              \
            for (int i = 0; i < n; i++) to[(size_t)count * (size_t)i + (size_t)k] = ((const T *)rows[k])[i];         \
    } while (0)

/* Rows of components to one of pixels. */
static void put_row(void *const *rows, int count, int item_bytes, void *out, int n) {
    if (item_bytes == 1)
        PUT(uint8_t);
    else if (item_bytes == 2)
        PUT(uint16_t);
    else
        PUT(uint32_t);
}

/* The same for three bytes a pixel: a word for each, as vectors, then two at a time; what a store writes too much the
 * next one writes again. */
J2K_CLONES static void put_rgb(void *const *rows, uint8_t *to, int n) {
    const uint8_t *a = rows[0], *b = rows[1], *c = rows[2];
    uint32_t word[256];
    for (int m; n > 0; n -= m, a += m, b += m, c += m) {
        int i = 0;
        m = smaller(n, sizeof word / sizeof *word);
        for (int k = 0; k < m; k++) word[k] = a[k] | (uint32_t)b[k] << 8 | (uint32_t)c[k] << 16;
        for (; i + 4 <= m; i += 2, to += 6) store_64(to, word[i] | (uint64_t)word[i + 1] << 24);
        for (; i < m; i++, to += 3) {
            to[0] = a[i];
            to[1] = b[i];
            to[2] = c[i];
        }
    }
}

Finish j2k_finish_of(int precision, int is_signed, int wanted_signed) {
    const uint32_t half = (uint32_t)1 << (precision - 1);
    Finish f = {(int32_t)(0 - half), (int32_t)(half - 1), is_signed ? 0 : half, 0xFFFFFFFF, 0};
    if (is_signed != wanted_signed) {
        f.mask = (half << 1) - 1;
        f.sign = wanted_signed ? half : 0;
    }
    return f;
}

typedef struct {                /* a component on its way out */
    Finish finish;
    int dx, dy;
    Rect samples;
    int32_t row;                /* the sample row that is at hand */
    const int32_t *now;
    int32_t *changed;           /* room for a row */
    void *finished;             /* and for one of items */
} Outlet;

/* The row of samples for pixels of the row y, as wide as they are. */
static const int32_t *row_of(Tile *t, Outlet *o, int component, int32_t y) {
    const int32_t wanted = between(y / o->dy, o->samples.y0, o->samples.y1 - 1);
    if (wanted != o->row) o->now = j2k_next_row(t, component);
    o->row = wanted;
    if (o->dx == 1) return o->now;
    for (int32_t x = t->wanted.x0; x < t->wanted.x1; x++)
        o->changed[x - t->wanted.x0] = o->now[between(x / o->dx, o->samples.x0, o->samples.x1 - 1) - o->samples.x0];
    return o->changed;
}

static int open_outlets(const Stream *s, Tile *t, int is_signed, Outlet *outlets, J2kFault *fault) {
    const size_t n = (size_t)(t->wanted.x1 - t->wanted.x0);
    int32_t *room = j2k_room(&t->turn_buffer, n * 2 * MOST_COMPONENTS, sizeof *room, fault);
    if (!room) return -1;
    for (int i = 0; i < s->components; i++, room += 2 * n)
        outlets[i] = (Outlet){j2k_finish_of(s->precision[i], s->is_signed[i], is_signed), s->dx[i], s->dy[i],
                              t->component[i].wanted, -1, NULL, room, room + n};
    return 0;
}

/* Undoes the component transform, of three rows as they come. */
static void mix(const Tile *t, Outlet *outlets, const int32_t **rows, int n) {
    int32_t *a = outlets[0].changed, *b = outlets[1].changed, *c = outlets[2].changed;
    if (t->coding.component[0].reversible)
        undo_rct(rows[0], rows[1], rows[2], a, b, c, n);
    else
        undo_ict((const float *)rows[0], (const float *)rows[1], (const float *)rows[2], (float *)a, (float *)b,
                 (float *)c, n);
    for (int i = 0; i < 3; i++) rows[i] = outlets[i].changed;
}

int j2k_write_tile(const Stream *s, Tile *t, const Output *o, J2kFault *fault) {
    const int n = t->wanted.x1 - t->wanted.x0;
    Outlet outlets[MOST_COMPONENTS];
    const int32_t *rows[MOST_COMPONENTS];
    void *finished[MOST_COMPONENTS];
    t->failed = 0;
    t->fault = fault;
    if (open_outlets(s, t, o->is_signed, outlets, fault)) return -1;
    const size_t pixel = (size_t)s->components * (size_t)o->item_bytes;
    const size_t pitch = (size_t)(o->area.x1 - o->area.x0) * pixel;
    uint8_t *to = (uint8_t *)o->data + (size_t)(t->wanted.y0 - o->area.y0) * pitch +
                  (size_t)(t->wanted.x0 - o->area.x0) * pixel;
    for (int32_t y = t->wanted.y0; y < t->wanted.y1; y++, to += pitch) {
        for (int i = 0; i < s->components; i++) rows[i] = row_of(t, &outlets[i], i, y);
        if (t->failed) return -1;
        if (t->coding.transform) mix(t, outlets, rows, n);
        for (int i = 0; i < s->components; i++) {
            finished[i] = s->components == 1 ? to : outlets[i].finished;
            if (t->coding.component[i].reversible)
                finish_whole(&outlets[i].finish, rows[i], o->item_bytes, finished[i], n);
            else
                finish_real(&outlets[i].finish, (const float *)rows[i], o->item_bytes, finished[i], n);
        }
        if (s->components == 3 && o->item_bytes == 1)
            put_rgb(finished, to, n);
        else if (s->components > 1)
            put_row(finished, s->components, o->item_bytes, to, n);
    }
    return 0;
}
