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
        for (int i = 0; i < n; i++) {                                                                                \
            const uint32_t v = (uint32_t)clamp(VALUE, low, high) + shift;                                            \
            items[i] = (T)(((v & mask) ^ sign) - sign);                                                              \
        }                                                                                                            \
    } while (0)

#define FINISH_ALL(VALUE)                                                                                            \
    const int32_t low = f->low, high = f->high;                                                                      \
    const uint32_t shift = f->shift, mask = f->mask, sign = f->sign;                                                 \
    if (item_bytes == 1)                                                                                             \
        FINISH(uint8_t, VALUE);                                                                                      \
    else if (item_bytes == 2)                                                                                        \
        FINISH(uint16_t, VALUE);                                                                                     \
    else                                                                                                             \
        FINISH(uint32_t, VALUE)

/* The level shift (G.1), clamping to the stream's precision, and the sign and size wanted. */
J2K_CLONES static void finish_whole(const Finish *f, const int32_t *restrict from, int item_bytes, void *to, int n) {
    FINISH_ALL(from[i]);
}

/* To a whole number, within what an int32_t holds; what is no number becomes the lowest. */
J2K_INLINE int32_t rounded(float v) {
    const float most = 1 << 30;
    v = v > -most ? v : -most;
    v = v < most ? v : most;
    return (int32_t)rintf(v);
}

J2K_CLONES static void finish_real(const Finish *f, const float *restrict from, int item_bytes, void *to, int n) {
    FINISH_ALL(rounded(from[i]));
}

#define PUT(T)                                                                                                       \
    do {                                                                                                             \
        T *restrict to = (T *)out;                                                                                   \
        if (count == 3) {                                                                                            \
            const T *a = rows[0], *b = rows[1], *c = rows[2];                                                        \
            for (int i = 0; i < n; i++) {                                                                            \
                to[3 * i] = a[i];                                                                                    \
                to[3 * i + 1] = b[i];                                                                                \
                to[3 * i + 2] = c[i];                                                                                \
            }                                                                                                        \
        } else {                                                                                                     \
            for (int k = 0; k < count; k++)                                                                          \
                for (int i = 0; i < n; i++) to[(size_t)count * (size_t)i + (size_t)k] = ((const T *)rows[k])[i];     \
        }                                                                                                            \
    } while (0)

/* Rows of components to one of pixels. */
J2K_CLONES static void put_row(void *const *rows, int count, int item_bytes, void *out, int n) {
    if (item_bytes == 1)
        PUT(uint8_t);
    else if (item_bytes == 2)
        PUT(uint16_t);
    else
        PUT(uint32_t);
}

static Finish finish_of(int precision, int is_signed, int wanted_signed) {
    const int32_t half = (int32_t)((uint32_t)1 << (precision - 1));
    Finish f = {-half, half - 1, is_signed ? 0 : (uint32_t)half, 0xFFFFFFFF, 0};
    if (is_signed != wanted_signed) {
        f.mask = ((uint32_t)half << 1) - 1;
        f.sign = wanted_signed ? (uint32_t)half : 0;
    }
    return f;
}

int j2k_write_tile(const Stream *s, Tile *t, const Output *o, J2kFault *fault) {
    const int n = t->wanted.x1 - t->wanted.x0;
    Finish finish[MOST_COMPONENTS];
    int32_t *changed[MOST_COMPONENTS];
    const int32_t *rows[MOST_COMPONENTS];
    void *finished[MOST_COMPONENTS];
    int32_t *room = j2k_room(&t->turn_buffer, (size_t)n * 2 * MOST_COMPONENTS, sizeof *room, fault);
    if (!room) return -1;
    for (int i = 0; i < s->components; i++) {
        finish[i] = finish_of(s->precision[i], s->is_signed[i], o->is_signed);
        changed[i] = room + (size_t)n * 2 * (size_t)i;
        finished[i] = changed[i] + n;
    }
    const size_t pixel = (size_t)s->components * (size_t)o->item_bytes;
    const size_t pitch = (size_t)(o->area.x1 - o->area.x0) * pixel;
    uint8_t *to = (uint8_t *)o->data + (size_t)(t->wanted.y0 - o->area.y0) * pitch +
                  (size_t)(t->wanted.x0 - o->area.x0) * pixel;
    for (int32_t y = t->wanted.y0; y < t->wanted.y1; y++, to += pitch) {
        for (int i = 0; i < s->components; i++) rows[i] = j2k_next_row(t, i);
        if (t->coding.transform && t->coding.component[0].reversible)
            undo_rct(rows[0], rows[1], rows[2], changed[0], changed[1], changed[2], n);
        else if (t->coding.transform)
            undo_ict((const float *)rows[0], (const float *)rows[1], (const float *)rows[2], (float *)changed[0],
                     (float *)changed[1], (float *)changed[2], n);
        for (int i = 0; i < s->components; i++) {
            if (t->coding.transform && i < 3) rows[i] = changed[i];
            void *items = s->components == 1 ? to : finished[i];
            if (t->coding.component[i].reversible)
                finish_whole(&finish[i], rows[i], o->item_bytes, items, n);
            else
                finish_real(&finish[i], (const float *)rows[i], o->item_bytes, items, n);
        }
        if (s->components > 1) put_row(finished, s->components, o->item_bytes, to, n);
    }
    return 0;
}
