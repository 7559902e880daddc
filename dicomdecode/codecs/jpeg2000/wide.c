/* Tiles that need more than 32 bits: samples of more than MOST_NARROW bits, or code-blocks of more than MOST_PLANES
 * bit-planes, as regions of interest have them.
 *
 * They are rare, so this is annex F and annex G as they stand: whole components, a resolution after the other, in 64
 * bits. Sub-bands are interleaved into the picture of their resolution (F.3.3), then its rows and its columns are lifted
 * in place.
 */
#include <math.h>
#include <string.h>

#include "blocks.h"
#include "output.h"

typedef union {
    int64_t whole;              /* 5/3 */
    double real;                /* 9/7 */
} Wide;

int j2k_is_wide(const Stream *s, const Tile *t) {
    for (int i = 0; i < s->components; i++) {
        const TileComponent *c = &t->component[i];
        if (s->precision[i] > MOST_NARROW) return 1;
        for (const Band *b = t->band + c->resolution[0].band; b < t->band + t->bands; b++)
            if (b->coded && b->planes > MOST_PLANES) return 1;
    }
    return 0;
}

/* What a block holds goes to its places in the picture of its resolution. */
static void put_block(const Band *b, const Block *block, const Decoded *d, int lowest, Wide *picture) {
    const Rect r = b->resolution->rect;
    const int32_t pitch = r.x1 - r.x0, step = lowest ? 1 : 2;
    const int32_t first_x = step * block->x + (b->kind & 1) - r.x0, first_y = step * block->y + (b->kind >> 1) - r.y0;
    for (int32_t y = 0; y < block->height; y++)
        for (int32_t x = 0; x < block->width; x++) {
            const size_t from = (size_t)y * (size_t)d->pitch + (size_t)x;
            const int64_t v = d->wide ? d->wide[from] : d->values[from];
            Wide *to = picture + (size_t)(first_y + step * y) * (size_t)pitch + (size_t)(first_x + step * x);
            if (b->coding->reversible)
                to->whole = (v - (v >> 63)) >> 1; /* towards 0 */
            else
                to->real = (double)v * b->step;
        }
}

/* The code-blocks of one resolution. */
static int put_blocks(Tile *t, const Resolution *res, int lowest, Wide *picture, J2kFault *fault) {
    const Block *blocks = t->block_buffer.data;
    for (uint32_t i = 0; i < t->blocks; i++) {
        const Band *b = &t->band[blocks[i].band];
        Decoded d;
        if (b->resolution != res || !b->coded) continue;
        if (j2k_decode_block(t->worker, t, &blocks[i], &d, fault)) return -1;
        if (d.values) put_block(b, &blocks[i], &d, lowest, picture);
    }
    return 0;
}

/* The picture of the resolution below goes to the even places. */
static void put_low(const Resolution *below, const Wide *low, const Resolution *res, Wide *picture) {
    const Rect from = below->rect, to = res->rect;
    for (int32_t y = from.y0; y < from.y1; y++)
        for (int32_t x = from.x0; x < from.x1; x++)
            picture[(size_t)(2 * y - to.y0) * (size_t)(to.x1 - to.x0) + (size_t)(2 * x - to.x0)] = *low++;
}

/* One lifting step on the even or the odd samples of a row or column, which is mirrored at its ends (F.3.7). Sums of
 * whole numbers wrap: coefficients of a damaged stream may be anything.
 */
static void lift_whole(Wide *line, size_t stride, int32_t first, int32_t n, int odd) {
    for (int32_t i = (first & 1) != odd; i < n; i += 2) {
        const int32_t before = i ? i - 1 : 1, after = i < n - 1 ? i + 1 : n - 2;
        const uint64_t sum = (uint64_t)line[(size_t)before * stride].whole + (uint64_t)line[(size_t)after * stride].whole;
        Wide *x = &line[(size_t)i * stride];
        if (odd)
            x->whole = (int64_t)((uint64_t)x->whole + (uint64_t)((int64_t)sum >> 1));
        else
            x->whole = (int64_t)((uint64_t)x->whole - (uint64_t)((int64_t)(sum + 2) >> 2));
    }
}

static void lift_real(Wide *line, size_t stride, int32_t first, int32_t n, int odd, double by) {
    for (int32_t i = (first & 1) != odd; i < n; i += 2) {
        const int32_t before = i ? i - 1 : 1, after = i < n - 1 ? i + 1 : n - 2;
        line[(size_t)i * stride].real -=
            by * (line[(size_t)before * stride].real + line[(size_t)after * stride].real);
    }
}

/* 1D_SR (F.3.6) */
static void restore_line(Wide *line, size_t stride, int32_t first, int32_t n, int reversible) {
    if (n == 1) {
        if (reversible && (first & 1)) line->whole /= 2; /* of 9/7 the scale has it */
    } else if (reversible) {
        lift_whole(line, stride, first, n, 0);
        lift_whole(line, stride, first, n, 1);
    } else {
        lift_real(line, stride, first, n, 0, LIFT_DELTA);
        lift_real(line, stride, first, n, 1, LIFT_GAMMA);
        lift_real(line, stride, first, n, 0, LIFT_BETA);
        lift_real(line, stride, first, n, 1, LIFT_ALPHA);
    }
}

/* 2D_SR (F.3.2), without the interleaving. */
static void restore(const Resolution *res, Wide *picture, int reversible) {
    const int32_t columns = res->rect.x1 - res->rect.x0, rows = res->rect.y1 - res->rect.y0;
    for (int32_t y = 0; y < rows; y++)
        restore_line(picture + (size_t)y * (size_t)columns, 1, res->rect.x0, columns, reversible);
    for (int32_t x = 0; x < columns; x++)
        restore_line(picture + x, (size_t)columns, res->rect.y0, rows, reversible);
}

static size_t area_of(Rect r) { return is_empty(r) ? 0 : (size_t)(r.x1 - r.x0) * (size_t)(r.y1 - r.y0); }

/* A component into `picture`, which holds its top resolution; `other` has the same room. Returns where it is. */
static Wide *restore_component(Tile *t, int component, Wide *picture, Wide *other, J2kFault *fault) {
    const TileComponent *c = &t->component[component];
    const int reversible = t->coding.component[component].reversible;
    for (int r = 0; r <= c->top; r++) {
        const Resolution *res = &c->resolution[r];
        Wide *const low = picture;
        if (r) {
            picture = other;
            other = low;
        }
        memset(picture, 0, area_of(res->rect) * sizeof *picture);
        if (r) put_low(res - 1, low, res, picture);
        if (put_blocks(t, res, r == 0, picture, fault)) return NULL;
        if (r && !is_empty(res->rect)) restore(res, picture, reversible);
    }
    return picture;
}

/* To a whole number; what is no number becomes the lowest. */
static int64_t rounded(double v) {
    const double most = (double)((int64_t)1 << 40);
    v = v > -most ? v : -most;
    return (int64_t)rint(v < most ? v : most);
}

/* G.2 and G.3, on the first three components of a pixel. */
static void undo_transform(Wide *v, int reversible) {
    const Wide y = v[0], u = v[1], w = v[2];
    if (reversible) {
        const uint64_t green = (uint64_t)y.whole - (uint64_t)((int64_t)((uint64_t)u.whole + (uint64_t)w.whole) >> 2);
        v[0].whole = (int64_t)((uint64_t)w.whole + green);
        v[1].whole = (int64_t)green;
        v[2].whole = (int64_t)((uint64_t)u.whole + green);
    } else {
        v[0].real = y.real + 1.402 * w.real;
        v[1].real = y.real - 0.344136 * u.real - 0.714136 * w.real;
        v[2].real = y.real + 1.772 * u.real;
    }
}

/* OpenJPH's encoder takes unsigned samples of 32 bits for signed ones: it writes those from 2^31 on 2^32 too low. */
static int64_t mended(const Stream *s, const Coding *coding, int component, int64_t value) {
    const int may_be_low = s->precision[component] == 32 && !s->is_signed[component] && (coding->style & STYLE_HT);
    return may_be_low && value < INT32_MIN ? value + ((int64_t)1 << 32) : value;
}

static void put_item(const Finish *f, int64_t value, int item_bytes, uint8_t *to) {
    const int64_t clamped = value < f->low ? f->low : value > f->high ? f->high : value;
    const uint32_t item = ((((uint32_t)clamped + f->shift) & f->mask) ^ f->sign) - f->sign;
    if (item_bytes == 1)
        *to = (uint8_t)item;
    else if (item_bytes == 2)
        *(uint16_t *)(void *)to = (uint16_t)item;
    else
        *(uint32_t *)(void *)to = item;
}

static void put_pixel(const Stream *s, const Tile *t, const Output *o, Wide *const *pictures, int32_t x, int32_t y,
                      uint8_t *to) {
    Wide v[MOST_COMPONENTS];
    for (int i = 0; i < s->components; i++) {
        const TileComponent *c = &t->component[i];
        const Rect r = c->resolution[c->top].rect;
        const int32_t column = between(x / s->dx[i], c->wanted.x0, c->wanted.x1 - 1) - r.x0;
        const int32_t row = between(y / s->dy[i], c->wanted.y0, c->wanted.y1 - 1) - r.y0;
        v[i] = pictures[i][(size_t)row * (size_t)(r.x1 - r.x0) + (size_t)column];
    }
    if (t->coding.transform) undo_transform(v, t->coding.component[0].reversible);
    for (int i = 0; i < s->components; i++, to += o->item_bytes) {
        const Finish f = j2k_finish_of(s->precision[i], s->is_signed[i], o->is_signed);
        const Coding *coding = &t->coding.component[i];
        put_item(&f, coding->reversible ? mended(s, coding, i, v[i].whole) : rounded(v[i].real), o->item_bytes, to);
    }
}

int j2k_write_wide_tile(const Stream *s, Tile *t, const Output *o, J2kFault *fault) {
    Wide *pictures[MOST_COMPONENTS], *room, *spare;
    const size_t pixel = (size_t)s->components * (size_t)o->item_bytes;
    const size_t pitch = (size_t)(o->area.x1 - o->area.x0) * pixel;
    size_t most = 0;
    for (int i = 0; i < s->components; i++) {
        const size_t area = area_of(t->component[i].resolution[t->component[i].top].rect);
        most = area > most ? area : most;
    }
    room = j2k_room(&t->coefficient_buffer, most, ((size_t)s->components + 1) * sizeof *room, fault);
    if (!room) return -1;
    spare = room + (size_t)s->components * most;
    for (int i = 0; i < s->components; i++) {
        Wide *const own = room + (size_t)i * most;
        pictures[i] = restore_component(t, i, own, spare, fault);
        if (!pictures[i]) return -1;
        if (pictures[i] != own) spare = own;
    }
    for (int32_t y = t->wanted.y0; y < t->wanted.y1; y++) {
        uint8_t *to = (uint8_t *)o->data + (size_t)(y - o->area.y0) * pitch +
                      (size_t)(t->wanted.x0 - o->area.x0) * pixel;
        for (int32_t x = t->wanted.x0; x < t->wanted.x1; x++, to += pixel) put_pixel(s, t, o, pictures, x, y, to);
    }
    return 0;
}
