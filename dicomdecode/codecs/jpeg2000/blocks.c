/* One code-block from its bytes to quantized coefficients: the passes in turn, regions of interest. */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>

#include "ht.h"
#include "passes.h"

enum { PROPAGATE, REFINE, CLEAN_UP };

struct Worker {
    BlockCoder part_1;
    HtCoder ht;
    Buffer refinement;
};

void j2k_make_tables(void) {
    mq_make_states();
    make_pass_tables();
    ht_make_tables();
}

static Shape shape_of(const Block *block, int style) {
    Shape s;
    s.width = block->width;
    s.height = block->height;
    s.words = (s.width + 15) / 16;
    s.stripes = (s.height + 3) / 4;
    s.causal = (style & STYLE_CAUSAL) != 0;
    s.wide = 0;
    s.value_pitch = s.width;
    s.cell_pitch = 4 * s.stripes + 4;
    s.word_pitch = s.words + 2;
    return s;
}

/* Blocks up to 64 x 64, of which nearly all are: numbers that the compiler knows. */
J2K_INLINE Shape shape_of_64(const Block *block) {
    Shape s = shape_of(block, 0);
    s.value_pitch = 64;
    s.cell_pitch = CELLS_OF_64;
    s.word_pitch = WORDS_OF_64;
    return s;
}

J2K_INLINE void clear(BlockCoder *t, const Shape *s) {
    const size_t words = (size_t)(s->stripes + 2) * (size_t)s->word_pitch;
    memset(t->cells, 0, sizeof *t->cells * (size_t)(s->width + 2) * (size_t)s->cell_pitch);
    memset(t->significant, 0, sizeof *t->significant * words);
    memset(t->visited, 0, sizeof *t->visited * words);
    memset(t->refined, 0, sizeof *t->refined * words);
    if (s->wide)
        memset(t->wide, 0, sizeof *t->wide * (size_t)s->height * (size_t)s->value_pitch);
    else
        memset(t->values, 0, sizeof *t->values * (size_t)s->height * (size_t)s->value_pitch);
    for (int stripe = 0; stripe < s->stripes; stripe++) {
        const int rows = smaller(s->height - 4 * stripe, 4);
        const uint64_t columns = ROW_0 * ((1u << rows) - 1);
        for (int k = 0; k < s->words; k++) {
            const int width = smaller(s->width - 16 * k, 16);
            t->full[stripe * s->word_pitch + k] = columns & ~(uint64_t)0 >> (64 - 4 * width);
        }
    }
    mq_reset_contexts(t->contexts);
}

/* The data of the codeword segment that begins with *chunk, in one piece; *chunk moves on. How many passes it has. */
static int open_segment(BlockCoder *t, const Chunk *chunks, uint32_t *chunk, int room, J2kFault *fault) {
    size_t size = 0;
    int passes = 0;
    uint32_t i = *chunk;
    for (; i != NONE && passes < room; i = chunks[i].next) {
        size += chunks[i].size;
        passes += chunks[i].passes;
    }
    uint8_t *to = t->data = j2k_room(&t->data_buffer, size + 2, 1, fault);
    if (!to) return -1;
    for (; *chunk != i; *chunk = chunks[*chunk].next) {
        memcpy(to, chunks[*chunk].data, chunks[*chunk].size);
        to += chunks[*chunk].size;
    }
    to[0] = to[1] = 0xFF;
    t->data_size = size;
    return passes;
}

/* Whether a segment with predictable termination (D.4.2) ends as its encoder left it, after its last pass. */
static int ends_well(const BlockCoder *t, const Mq *mq, const Raw *raw) {
    const uint8_t *end = t->data + t->data_size;
    return raw ? raw_ends_well(raw, end) : mq_ends_well(mq, end);
}

/* The segmentation symbol 1010 (D.5). */
static int has_symbol(BlockCoder *t, Mq *mq) {
    int symbol = 0;
    for (int i = 0; i < 4; i++) symbol = symbol << 1 | mq_decode(mq, &t->contexts[CONTEXT_UNIFORM]);
    return symbol == 10;
}

static int wrong_end(J2kFault *fault) {
    return j2k_fail(fault, J2K_MALFORMED, "stream_damaged", "a code-block does not end where it should", -1, -1,
                    -1);
}

/* All passes of a block (D.3, D.4). */
J2K_INLINE int run_passes(BlockCoder *t, const Shape *s, const Block *block, const Band *band, const Chunk *chunks,
                          int style, J2kFault *fault) {
    const uint8_t *zero = zero_contexts[band->kind == KIND_HH ? 2 : band->kind == KIND_HL ? 1 : 0];
    uint32_t chunk = block->first_chunk;
    int plane = band->planes - block->zero_planes, kind = CLEAN_UP, left = 0, whole = 0;
    /* passes below the last bit-plane are met, and passed over */
    const int passes = smaller(block->passes, 3 * plane - 2);
    Mq mq = {0, 0, NULL, 0};
    Raw raw = {NULL, 0, 0};
    for (int pass = 0; pass < passes; pass++) {
        const int bypassed = (style & STYLE_BYPASS) && pass >= 10 && kind != CLEAN_UP;
        if (left == 0) {
            const int room = j2k_segment_passes(style, pass);
            left = open_segment(t, chunks, &chunk, room, fault);
            if (left < 0) return -1;
            whole = left == room;
            if (bypassed)
                raw = raw_open(t->data);
            else
                mq = mq_open(t->data);
        }
        /* a bit above the point, so that the middle of an interval has a place */
        const int64_t half = (int64_t)1 << (plane - 1);
        if (kind == CLEAN_UP) {
            clean_up(t, &mq, s, zero, 3 * half);
            /* encoders that drop passes may cut the last one's symbol: what it is read from is made up then */
            const int cut = !whole && pass == passes - 1;
            if ((style & STYLE_SYMBOLS) && !has_symbol(t, &mq) && !(cut && mq.made_up)) return wrong_end(fault);
            plane--;
        } else if (kind == PROPAGATE) {
            if (bypassed)
                propagate(t, NULL, &raw, s, zero, 3 * half);
            else
                propagate(t, &mq, NULL, s, zero, 3 * half);
        } else {
            if (bypassed)
                refine(t, NULL, &raw, s, half);
            else
                refine(t, &mq, NULL, s, half);
        }
        if (style & STYLE_RESET) mq_reset_contexts(t->contexts);
        kind = kind == CLEAN_UP ? PROPAGATE : kind + 1;
        left--;
        if ((style & STYLE_PREDICTABLE) && whole && !left && !ends_well(t, &mq, bypassed ? &raw : NULL))
            return wrong_end(fault);
    }
    return 0;
}

J2K_CLONES static int run_plain(BlockCoder *t, const Block *block, const Band *band, const Chunk *chunks,
                                     J2kFault *fault) {
    const Shape s = shape_of_64(block);
    clear(t, &s);
    return run_passes(t, &s, block, band, chunks, 0, fault);
}

J2K_CLONES static int run_any(BlockCoder *t, const Block *block, const Band *band, const Chunk *chunks,
                              J2kFault *fault) {
    const Shape s = shape_of(block, band->coding->style);
    clear(t, &s);
    return run_passes(t, &s, block, band, chunks, band->coding->style, fault);
}

/* In 64 bits. */
J2K_APART static int run_wide(BlockCoder *t, const Block *block, const Band *band, const Chunk *chunks,
                              J2kFault *fault) {
    Shape s = shape_of(block, band->coding->style);
    s.wide = 1;
    t->wide = j2k_room(&t->wide_buffer, BLOCK_AREA, sizeof *t->wide, fault);
    if (!t->wide) return -1;
    clear(t, &s);
    return run_passes(t, &s, block, band, chunks, band->coding->style, fault);
}

/* The last HT set that has a cleanup segment, with what refines it. Returns 0 where there is none. */
static int find_set(const Tile *t, const Block *block, HtSet *set, uint32_t *refinement) {
    const Chunk *chunks = t->chunk_buffer.data;
    int pass = 0;
    set->cleanup.data = NULL;
    for (uint32_t i = block->first_chunk; i != NONE; i = chunks[i].next) {
        pass += chunks[i].passes;
        if (pass % 3 != 1 || !chunks[i].size) continue;
        const int skipped = block->zero_planes + pass / 3, plane = t->band[block->band].planes - 1 - skipped;
        if (plane < 0) break;
        *set = (HtSet){{chunks[i].data, chunks[i].size}, {NULL, 0}, 0, plane, skipped, 0, 0, 0};
        *refinement = chunks[i].next;
    }
    return set->cleanup.data != NULL;
}

/* The refinement segment in one piece: its passes may have come with two layers. */
static int join_refinement(Worker *w, const Tile *t, uint32_t first, HtSet *set, J2kFault *fault) {
    const Chunk *chunks = t->chunk_buffer.data;
    size_t size = 0;
    for (uint32_t i = first; i != NONE && set->refinement_passes < 2; i = chunks[i].next) {
        set->refinement_passes += chunks[i].passes;
        size += chunks[i].size;
    }
    uint8_t *to = j2k_room(&w->refinement, size, 1, fault);
    if (!to) return -1;
    set->refinement = (Span){to, size};
    for (uint32_t i = first; size; i = chunks[i].next) {
        memcpy(to, chunks[i].data, chunks[i].size);
        to += chunks[i].size;
        size -= chunks[i].size;
    }
    return 0;
}

/* Coefficients above the shift are those of the region of interest (H.1). */
J2K_INLINE int64_t shifted_down(int64_t value, int shift) {
    const int64_t magnitude = value < 0 ? -value : value, low = magnitude >> shift;
    return low <= 1 ? value : value < 0 ? -low : low;
}

static void shift_down(Decoded *d, size_t rows, int shift) {
    for (size_t i = 0; i < rows * (size_t)d->pitch; i++)
        if (d->wide)
            d->wide[i] = shifted_down(d->wide[i], shift);
        else
            d->values[i] = (int32_t)shifted_down(d->values[i], shift);
}

static int decode_ht(Worker *w, const Tile *t, const Block *block, Decoded *d, J2kFault *fault) {
    const Band *b = &t->band[block->band];
    HtSet set;
    uint32_t refinement = NONE;
    if (!find_set(t, block, &set, &refinement)) return 0;
    const int most = t->wide ? HT_MOST_WIDE_PLANES : MOST_PLANES;
    if (set.plane >= most)
        return j2k_fail(fault, J2K_UNSUPPORTED, "stream_precision", "a code-block has too many bit-planes", -1, most,
                        set.plane + 1);
    set.causal = (b->coding->style & STYLE_CAUSAL) != 0;
    set.doubled = b->coding->roi_shift != 0;
    set.wide = t->wide;
    if (join_refinement(w, t, refinement, &set, fault)) return -1;
    /* rows come one after the other: those below the window are left out, but for passes that go over the whole block */
    const int all = set.refinement_passes || t->wide;
    const int rows = all ? block->height : smaller(block->height, b->window.y1 - block->y);
    const int form = ht_decode(&w->ht, &set, block->width, rows, fault);
    if (form < 0) return -1;
    *d = (Decoded){w->ht.values, w->ht.wide, w->ht.pitch, form == HT_SIGN_LAST, set.plane};
    if (b->coding->roi_shift) shift_down(d, (size_t)rows, b->coding->roi_shift);
    return 0;
}

static int decode_part_1(Worker *w, const Tile *t, const Block *block, Decoded *d, J2kFault *fault) {
    const Band *b = &t->band[block->band];
    const int planes = b->planes - block->zero_planes, style = b->coding->style & ~(STYLE_HT | STYLE_MIXED);
    if (planes < 1) return 0;
    const int most = t->wide ? MOST_WIDE_PLANES : MOST_PLANES;
    if (planes > most)
        return j2k_fail(fault, J2K_UNSUPPORTED, "stream_precision", "a code-block has too many bit-planes", -1, most,
                        planes);
    const int plain = style == 0 && block->width <= 64 && block->height <= 64 && !t->wide;
    const Chunk *chunks = t->chunk_buffer.data;
    BlockCoder *coder = &w->part_1;
    if (t->wide ? run_wide(coder, block, b, chunks, fault)
                : plain ? run_plain(coder, block, b, chunks, fault) : run_any(coder, block, b, chunks, fault))
        return -1;
    *d = (Decoded){coder->values, t->wide ? coder->wide : NULL, plain ? 64 : block->width, 0, 0};
    if (b->coding->roi_shift) shift_down(d, block->height, b->coding->roi_shift);
    return 0;
}

int j2k_decode_block(Worker *w, const Tile *t, const Block *block, Decoded *d, J2kFault *fault) {
    *d = (Decoded){NULL, NULL, 0, 0, 0};
    if (!block->passes) return 0;
    return block->coder == CODER_PART_1 ? decode_part_1(w, t, block, d, fault) : decode_ht(w, t, block, d, fault);
}

Worker *j2k_open_worker(J2kFault *fault) {
    Worker *w = malloc(sizeof *w);
    if (w)
        w->part_1.data_buffer = w->part_1.wide_buffer = w->ht.bits = w->ht.wide_buffer = w->refinement =
            (Buffer){NULL, 0};
    else
        j2k_fail(fault, J2K_NO_MEMORY, "no_memory", "No memory for a code-block", -1, -1, -1);
    return w;
}

void j2k_close_worker(Worker *w) {
    if (!w) return;
    free(w->part_1.data_buffer.data);
    free(w->part_1.wide_buffer.data);
    free(w->ht.bits.data);
    free(w->ht.wide_buffer.data);
    free(w->refinement.data);
    free(w);
}
