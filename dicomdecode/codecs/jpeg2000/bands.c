/* Coefficients of sub-bands from their code-blocks: dequantization (annex E), and when a block is decoded.
 *
 * With one thread a row of code-blocks is decoded when the wavelet asks for its first row, and lies where the row of
 * code-blocks before it lay: a picture of any height needs so little memory that it stays in the cache. With several,
 * all blocks are decoded first.
 */
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "threads.h"

J2K_CLONES static void keep_whole(const int32_t *from, int32_t *to, int n) {
    for (int i = 0; i < n; i++) to[i] = (from[i] - (from[i] >> 31)) >> 1;       /* towards 0 */
}

J2K_CLONES static void keep_scaled(const int32_t *from, float *to, int n, float step) {
    for (int i = 0; i < n; i++) to[i] = (float)from[i] * step;
}

/* The same from a magnitude and a sign below it. The middle of an interval is half a unit up, but of whole numbers. */
J2K_CLONES static void keep_whole_signed(const int32_t *from, int32_t *to, int n, int plane) {
    for (int i = 0; i < n; i++) {
        const uint32_t v = (uint32_t)from[i], sign = -(v & 1);
        const uint32_t magnitude = plane ? (v | 1) << (plane - 1) : v >> 1;
        to[i] = (int32_t)((v ? magnitude ^ sign : sign) - sign);
    }
}

J2K_CLONES static void keep_scaled_signed(const int32_t *from, float *to, int n, float step) {
    for (int i = 0; i < n; i++) {
        const int32_t v = from[i], none = (v - 1) >> 31;        /* without a branch, for vectors */
        union { float f; int32_t bits; } real = {(float)(v | 1) * step};
        real.bits = (real.bits ^ (int32_t)((uint32_t)v << 31)) & ~none;
        to[i] = real.f;
    }
}

J2K_INLINE void keep_row(const Band *b, const Decoded *d, const int32_t *from, int32_t *to, int n) {
    if (!from)
        memset(to, 0, sizeof *to * (size_t)n);
    else if (b->coding->reversible && d->sign_last)
        keep_whole_signed(from, to, n, d->plane);
    else if (b->coding->reversible)
        keep_whole(from, to, n);
    else if (d->sign_last)
        keep_scaled_signed(from, (float *)to, n, b->step * (float)(1u << d->plane));
    else
        keep_scaled(from, (float *)to, n, b->step);
}

/* What the window wants of a block goes to its place. */
static int fill_block(Worker *w, const Tile *t, const Block *block, J2kFault *fault) {
    const Band *b = &t->band[block->band];
    const Rect rect = {block->x, block->y, block->x + block->width, block->y + block->height};
    const Rect r = overlap(rect, b->window);
    Decoded d;
    if (!b->coefficients || !b->coded || is_empty(r)) return 0;
    if (j2k_decode_block(w, t, block, &d, fault)) return -1;
    for (int32_t y = r.y0; y < r.y1; y++) {
        int32_t *to = b->coefficients + (size_t)(y - b->first) * b->pitch + (r.x0 - b->window.x0);
        const int32_t *from = d.values ? d.values + (y - block->y) * d.pitch + (r.x0 - block->x) : NULL;
        keep_row(b, &d, from, to, r.x1 - r.x0);
    }
    return 0;
}

/* Decodes a row of code-blocks, or only looks: whether any of it has data. */
static int walk_strip(Tile *t, const Band *b, int32_t row, int decode) {
    const Resolution *res = b->resolution;
    const Patch *patches = t->patch_buffer.data;
    const uint32_t down = (uint32_t)((row >> (b->precinct_height - b->block_height)) -
                                     (res->rect.y0 >> res->precinct_height));
    const int32_t left = res->rect.x0 >> res->precinct_width;
    const uint32_t end = (uint32_t)(((b->window.x1 - 1) >> b->precinct_width) - left + 1);
    int coded = 0;
    for (uint32_t i = (uint32_t)((b->window.x0 >> b->precinct_width) - left); i < end && !t->failed; i++) {
        const Patch *patch = patches + res->patches + (down * res->across + i) * (uint32_t)res->bands + b->number;
        const Block *block = (const Block *)t->block_buffer.data + patch->blocks;
        if (patch->across) block += (uint32_t)(row - (block->y >> b->block_height)) * patch->across;
        for (uint32_t k = 0; k < patch->across && !t->failed; k++, block++) {
            coded |= block->passes;
            if (decode) t->failed = fill_block(t->worker, t, block, t->fault) != 0;
        }
    }
    return coded != 0;
}

/* The row of code-blocks that holds row `y`, in place of the one before. */
static void fill_strip(Tile *t, Band *b, int32_t y) {
    const int32_t row = y >> b->block_height;
    b->first = larger(row << b->block_height, b->window.y0);
    b->end = smaller((int32_t)(((uint32_t)row + 1) << b->block_height), b->window.y1);
    b->zeros = !walk_strip(t, b, row, 0);
    if (!b->zeros) walk_strip(t, b, row, 1);
}

int32_t *j2k_band_row(Tile *t, Band *b, int32_t y) {
    if (!b->coefficients) return NULL;
    if (b->coded && y >= b->end) fill_strip(t, b, y);
    if (b->zeros) return (int32_t *)t->coefficient_buffer.data + ROW_PAD;
    return b->coefficients + (size_t)(y - b->first) * b->pitch;
}

typedef struct {
    Queue queue;
    const Tile *tile;
} BlockQueue;

static void *work(void *argument) {
    BlockQueue *q = argument;
    J2kFault fault;
    uint32_t i;
    Worker *w = j2k_open_worker(&fault);
    if (!w) j2k_give_up(&q->queue, &fault);
    while (w && j2k_take(&q->queue, &i))
        if (fill_block(w, q->tile, (const Block *)q->tile->block_buffer.data + i, &fault))
            j2k_give_up(&q->queue, &fault);
    j2k_close_worker(w);
    return NULL;
}

int j2k_decode_blocks(Tile *t, J2kFault *fault) {
    BlockQueue q = {{t->blocks, 0, 0, {0}}, t};
    j2k_share(t->threads, work, &q);
    if (q.queue.failed) *fault = q.queue.fault;
    return q.queue.failed ? -1 : 0;
}
