/* One tile as annex B divides it: resolutions, sub-bands, precincts, code-blocks, and what of them is wanted. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "threads.h"

/* How far a sample reaches into the sub-bands, and so into what lies around it (annex F). */
enum { REACH_5_3 = 2, REACH_9_7 = 4 };

/* Table F.4. 1 / K is OpenJPEG's, which is 1 / 30000 off: with the exact one, 16-bit pictures would differ by up to 3
 * from what other readers of DICOM show. */
static const double K = 1.230174104914001, ONE_BY_K = 1.625732422 / 2;

static Rect reduced(Rect r, int n) {
    return (Rect){ceil_shift(r.x0, n), ceil_shift(r.y0, n), ceil_shift(r.x1, n), ceil_shift(r.y1, n)};
}

static Rect tile_rect(const Stream *s, uint32_t tile) {
    int64_t x = s->tile_x0 + (int64_t)(tile % s->tiles_across) * s->tile_width;
    int64_t y = s->tile_y0 + (int64_t)(tile / s->tiles_across) * s->tile_height;
    int64_t x1 = x + s->tile_width, y1 = y + s->tile_height;
    Rect r = {(int32_t)x, (int32_t)y, x1 > INT32_MAX ? INT32_MAX : (int32_t)x1,
              y1 > INT32_MAX ? INT32_MAX : (int32_t)y1};
    return overlap(r, s->image);
}

/* Samples of a resolution that go to one of its four sub-bands: the even ones are low (B.5). */
static Rect part_of(Rect r, int kind) {
    int x = kind & 1, y = kind >> 1;
    return (Rect){(r.x0 + !x) >> 1, (r.y0 + !y) >> 1, (r.x1 + !x) >> 1, (r.y1 + !y) >> 1};
}

/* Lifting leaves out the scaling by K and 1/K, and the halving of a lone odd sample: both are put in here. */
static double axis_gain(int32_t first, int32_t end, int high) {
    if (end - first == 1) return high ? 0.5 : 1;
    return high ? ONE_BY_K : K;
}

static double gain(Rect r, int kind) {
    return axis_gain(r.x0, r.x1, kind & 1) * axis_gain(r.y0, r.y1, kind >> 1);
}

/* Equations E-2 to E-4; `number` counts the sub-bands of the component. Steps that are not given are 0. */
static void set_band(const Stream *s, const Coding *coding, int component, int number, Band *b) {
    static const int log2_gain[] = {0, 1, 1, 2};
    int exponent = coding->step[number] >> 11, mantissa = coding->step[number] & 0x7FF;
    b->coding = coding;
    b->planes = larger(coding->guard_bits + exponent - 1, 0) + coding->roi_shift;
    b->step = (float)ldexp(0.5 + mantissa / 4096.0, s->precision[component] + log2_gain[b->kind] - exponent);
    b->coefficients = NULL;
}

static void set_grid(const Resolution *res, int resolution, const Coding *coding, int number, Band *b) {
    const int half = resolution > 0;
    b->resolution = res;
    b->number = number;
    b->precinct_width = res->precinct_width - half;
    b->precinct_height = res->precinct_height - half;
    b->block_width = smaller(coding->block_width, b->precinct_width);
    b->block_height = smaller(coding->block_height, b->precinct_height);
}

static int set_component(const Stream *s, int component, int reduce, Tile *t, J2kFault *fault) {
    TileComponent *c = &t->component[component];
    const Coding *coding = &t->coding.component[component];
    const int dx = s->dx[component], dy = s->dy[component];
    c->rect = (Rect){ceil_by(t->rect.x0, dx), ceil_by(t->rect.y0, dy), ceil_by(t->rect.x1, dx), ceil_by(t->rect.y1, dy)};
    c->levels = coding->levels;
    c->top = coding->levels - reduce;
    if (c->top < 0)
        return j2k_fail(fault, J2K_UNSUPPORTED, "reduce",
                        "the codestream has fewer resolution levels than reduce asks for", -1, reduce, c->levels);
    for (int r = 0; r <= c->levels; r++) {
        Resolution *res = &c->resolution[r];
        res->rect = reduced(c->rect, c->levels - r);
        res->bands = r ? 3 : 1;
        res->band = t->bands;
        res->precinct_width = coding->precincts[r] & 15;
        res->precinct_height = coding->precincts[r] >> 4;
        for (int i = 0; i < res->bands; i++) {
            Band *b = &t->band[t->bands++];
            b->kind = r ? i + 1 : KIND_LL;
            b->rect = r ? part_of(res->rect, b->kind) : res->rect;
            set_band(s, coding, component, r ? 3 * r - 2 + i : 0, b);
            set_grid(res, r, coding, i, b);
        }
    }
    if (is_empty(c->resolution[c->top].rect))
        return j2k_fail(fault, J2K_UNSUPPORTED, "stream_subsampling",
                        "a tile has no sample of a subsampled component", -1, -1, -1);
    return 0;
}

/* The samples that wanted pixels are shown by: each stands for the dx x dy pixels from its own place on, and the first
 * one of a tile for those before it, too. */
static Rect samples_of(Rect pixels, Rect component, int dx, int dy) {
    const int32_t right = component.x1 - 1, bottom = component.y1 - 1;
    return (Rect){between(pixels.x0 / dx, component.x0, right), between(pixels.y0 / dy, component.y0, bottom),
                  between((pixels.x1 - 1) / dx, component.x0, right) + 1,
                  between((pixels.y1 - 1) / dy, component.y0, bottom) + 1};
}

/* From the top down: which samples of each resolution and sub-band the wanted ones are made of. */
static void set_windows(const Stream *s, Tile *t, int component) {
    TileComponent *c = &t->component[component];
    const Coding *coding = &t->coding.component[component];
    int reach = coding->reversible ? REACH_5_3 : REACH_9_7;
    c->wanted = samples_of(t->wanted, c->resolution[c->top].rect, s->dx[component], s->dy[component]);
    Rect wanted = c->wanted;
    double above = 1;           /* gain of the levels above */
    for (int r = c->top; r >= 0; r--) {
        Resolution *res = &c->resolution[r];
        if (r == 0) reach = 0;
        Rect wide = {wanted.x0 - reach, wanted.y0 - reach, 0, 0};
        wide.x1 = wanted.x1 > INT32_MAX - reach ? INT32_MAX : wanted.x1 + reach;
        wide.y1 = wanted.y1 > INT32_MAX - reach ? INT32_MAX : wanted.y1 + reach;
        res->window = is_empty(wanted) ? wanted : overlap(wide, res->rect);
        for (int i = 0; i < res->bands; i++) {
            Band *b = &t->band[res->band + i];
            b->window = r ? part_of(res->window, b->kind) : res->window;
            b->step = (float)(b->step * above * (r ? gain(res->rect, b->kind) : 1));
        }
        wanted = part_of(res->window, KIND_LL);
        above *= gain(res->rect, KIND_LL);
    }
}

static size_t row_room(Rect window) { return ((size_t)(window.x1 - window.x0) + 2 * ROW_PAD + 7) & ~(size_t)7; }

/* Rows that are kept at a time: of one row of code-blocks, or all of them. */
static size_t rows_kept(const Tile *t, const Band *b) {
    const int32_t all = b->window.y1 - b->window.y0;
    return (size_t)(t->threads > 1 ? all : smaller(all, 1 << b->block_height));
}

/* A sub-band without data costs nothing: its rows are the first one, which is of zeros and as long as any. */
int j2k_give_room(const Stream *s, Tile *t, J2kFault *fault) {
    const size_t zeros = row_room(t->rect);
    size_t total = zeros;
    for (int round = 0; round < 2; round++) {
        int32_t *at = t->coefficient_buffer.data;
        total = zeros;
        for (int i = 0; i < s->components; i++)
            for (int r = 0; r <= t->component[i].top; r++)
                for (int k = 0; k < t->component[i].resolution[r].bands; k++) {
                    Band *b = &t->band[t->component[i].resolution[r].band + k];
                    b->zeros = !b->coded || is_empty(b->window);
                    if (is_empty(b->window)) continue;
                    const size_t rows = rows_kept(t, b);
                    b->pitch = b->coded ? row_room(b->window) : 0;
                    b->first = b->window.y0;
                    b->end = t->threads > 1 ? b->window.y1 : b->window.y0;
                    if (b->pitch && rows > (SIZE_MAX / 16 - total) / b->pitch)
                        return j2k_fail(fault, J2K_NO_MEMORY, "no_memory", "No memory for the coefficients", -1, -1,
                                        -1);
                    if (round) b->coefficients = at + (b->coded ? total : 0) + ROW_PAD;
                    total += rows * b->pitch;
                }
        if (!round && !j2k_room(&t->coefficient_buffer, total, sizeof(int32_t), fault)) return -1;
    }
    memset(t->coefficient_buffer.data, 0, zeros * sizeof(int32_t));
    return 0;
}

/* Precincts of every resolution (B.6). Each of them has one packet a layer, of one byte at least (B.10.1). */
static int count_precincts(const Stream *s, Tile *t, int64_t *budget, J2kFault *fault) {
    uint64_t precincts = 0, patches = 0;
    for (int i = 0; i < s->components; i++)
        for (int r = 0; r <= t->component[i].levels; r++) {
            Resolution *res = &t->component[i].resolution[r];
            res->precincts = (uint32_t)precincts;
            res->patches = (uint32_t)patches;
            res->across = res->down = 0;
            if (is_empty(res->rect)) continue;
            res->across = (uint32_t)(ceil_shift(res->rect.x1, res->precinct_width) -
                                     (res->rect.x0 >> res->precinct_width));
            res->down = (uint32_t)(ceil_shift(res->rect.y1, res->precinct_height) -
                                   (res->rect.y0 >> res->precinct_height));
            uint64_t here = (uint64_t)res->across * res->down;
            if (here > s->size / (uint64_t)t->coding.layers || !j2k_spend(budget, (int64_t)here * t->coding.layers))
                return j2k_fail(fault, J2K_TRUNCATED, "stream_cut", "the codestream has fewer bytes than packets",
                                -1, -1, -1);
            precincts += here;
            patches += here * (uint64_t)res->bands;
        }
    if (patches >= NONE)
        return j2k_fail(fault, J2K_UNSUPPORTED, "stream_process", "the codestream has too many precincts", -1, -1, -1);
    t->precincts = (uint32_t)precincts;
    t->patches = (uint32_t)patches;
    return 0;
}

static uint64_t tag_tree_nodes(uint64_t across, uint64_t down) {
    uint64_t nodes = across * down;
    while (across * down > 1) {
        across = (across + 1) / 2;
        down = (down + 1) / 2;
        nodes += across * down;
    }
    return nodes;
}

typedef struct {                /* the code-blocks of a patch */
    Rect rect;                  /* of the precinct, in the sub-band */
    int32_t x, y;               /* of the grid's first line */
    int64_t across, down;
} Grid;

static Grid grid_of(const Resolution *res, const Band *b, uint32_t column, uint32_t row) {
    int64_t x = ((int64_t)(res->rect.x0 >> res->precinct_width) + column) << b->precinct_width;
    int64_t y = ((int64_t)(res->rect.y0 >> res->precinct_height) + row) << b->precinct_height;
    Grid g;
    g.rect.x0 = x > b->rect.x0 ? (int32_t)(x < b->rect.x1 ? x : b->rect.x1) : b->rect.x0;
    g.rect.y0 = y > b->rect.y0 ? (int32_t)(y < b->rect.y1 ? y : b->rect.y1) : b->rect.y0;
    x += (int64_t)1 << b->precinct_width;
    y += (int64_t)1 << b->precinct_height;
    g.rect.x1 = x < b->rect.x1 ? (int32_t)x : b->rect.x1;
    g.rect.y1 = y < b->rect.y1 ? (int32_t)y : b->rect.y1;
    g.x = g.rect.x0 >> b->block_width;
    g.y = g.rect.y0 >> b->block_height;
    g.across = g.down = 0;
    if (!is_empty(g.rect)) {
        g.across = ceil_shift(g.rect.x1, b->block_width) - g.x;
        g.down = ceil_shift(g.rect.y1, b->block_height) - g.y;
    }
    return g;
}

static void fill_blocks(const Grid *g, const Band *b, int band, uint8_t coder, Block *block) {
    const int width = b->block_width, height = b->block_height;
    for (int32_t j = 0; j < g->down; j++)
        for (int32_t i = 0; i < g->across; i++, block++) {
            Rect r = {(g->x + i) << width, (g->y + j) << height, 0, 0};
            int64_t x1 = (int64_t)r.x0 + (1 << width), y1 = (int64_t)r.y0 + (1 << height);
            r.x1 = x1 < g->rect.x1 ? (int32_t)x1 : g->rect.x1;
            r.y1 = y1 < g->rect.y1 ? (int32_t)y1 : g->rect.y1;
            r.x0 = larger(r.x0, g->rect.x0);
            r.y0 = larger(r.y0, g->rect.y0);
            *block = (Block){r.x0, r.y0, (uint16_t)(r.x1 - r.x0), (uint16_t)(r.y1 - r.y0), (uint16_t)band, 0,
                             NONE, NONE, 0, LENGTH_BITS, 0, coder};
        }
}

/* Count the code-blocks and nodes of all patches, or fill them: `blocks` is NULL or the array. */
static void walk_patches(const Stream *s, const Tile *t, Patch *patch, Block *blocks, uint64_t *block_count,
                         uint64_t *node_count) {
    for (int i = 0; i < s->components; i++)
        for (int r = 0; r <= t->component[i].levels; r++) {
            const Resolution *res = &t->component[i].resolution[r];
            for (uint32_t k = 0; k < res->across * res->down; k++)
                for (int n = 0; n < res->bands; n++, patch++) {
                    const Band *b = &t->band[res->band + n];
                    Grid g = grid_of(res, b, k % res->across, k / res->across);
                    const int style = t->coding.component[i].style;
                    if (blocks) {
                        fill_blocks(&g, b, res->band + n, style & STYLE_HT ? CODER_HT_OPEN : CODER_PART_1,
                                    blocks + patch->blocks);
                        continue;
                    }
                    uint64_t nodes = tag_tree_nodes((uint64_t)g.across, (uint64_t)g.down);
                    *patch = (Patch){(uint32_t)*block_count, (uint32_t)*node_count, (uint32_t)(*node_count + nodes),
                                     (uint32_t)g.across, (uint32_t)g.down};
                    *block_count += (uint64_t)(g.across * g.down);
                    *node_count += 2 * nodes;
                    if (*node_count >= NONE) return;
                }
        }
}

int j2k_make_blocks(const Stream *s, Tile *t, J2kFault *fault) {
    uint64_t blocks = 0, nodes = 0;
    for (int i = 0; i < t->bands; i++) t->band[i].coded = 0;
    t->chunks = 0;
    Patch *patch = j2k_room(&t->patch_buffer, t->patches, sizeof *patch, fault);
    if (!patch) return -1;
    walk_patches(s, t, patch, NULL, &blocks, &nodes);
    if (nodes >= NONE)
        return j2k_fail(fault, J2K_UNSUPPORTED, "stream_process", "a tile has too many code-blocks", -1, -1, -1);
    t->blocks = (uint32_t)blocks;
    t->nodes = (uint32_t)nodes;
    Block *block = j2k_room(&t->block_buffer, t->blocks, sizeof *block, fault);
    Node *node = j2k_room(&t->node_buffer, t->nodes, sizeof *node, fault);
    uint16_t *layer = j2k_room(&t->layer_buffer, t->precincts, sizeof *layer, fault);
    if (!block || !node || !layer) return -1;
    memset(node, 0, sizeof *node * t->nodes);
    memset(layer, 0, sizeof *layer * t->precincts);
    walk_patches(s, t, patch, block, &blocks, &nodes);
    return 0;
}

Rect j2k_wanted(const Stream *s, uint32_t tile, int reduce, Rect area) {
    return overlap(reduced(tile_rect(s, tile), reduce), area);
}

int j2k_lay_out(const Stream *s, uint32_t tile, int reduce, Rect area, Tile *t, int64_t *budget, J2kFault *fault) {
    t->rect = tile_rect(s, tile);
    t->wanted = j2k_wanted(s, tile, reduce, area);
    t->bands = 0;
    if (is_empty(t->wanted)) return 0;
    for (int i = 0; i < s->components; i++)
        if (set_component(s, i, reduce, t, fault)) return -1;
    if (t->coding.transform) {
        const Coding *c = t->coding.component;
        int alike = 1;
        for (int i = 1; i < 3; i++)
            alike &= c[i].reversible == c[0].reversible && s->dx[i] == s->dx[0] && s->dy[i] == s->dy[0];
        if (!alike)
            return j2k_fail(fault, J2K_MALFORMED, "stream_header",
                            "a component transform without three components of one kind", -1, -1, -1);
    }
    if (count_precincts(s, t, budget, fault) || j2k_make_blocks(s, t, fault)) return -1;
    for (int i = 0; i < s->components; i++) set_windows(s, t, i);
    return 0;
}
