/* Packets (T.800 annex B): tag trees, packet headers, and the orders in which packets come. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum { MOST_ZERO_PLANES = 74, SOP = 0xFF91, EPH = 0xFF92, MOST_LENGTH_BITS = 32, MOST_PASSES = 1 << 12 };

typedef struct {                /* bits of packet headers, with their stuffing (B.10.1) */
    const uint8_t *at;
    const uint8_t *end;
    uint32_t byte;
    int left;
    int short_of;               /* bits were asked for that are not there */
} Bits;

typedef struct {
    const Stream *stream;
    Tile *tile;
    uint32_t part;              /* the tile-part that is read */
    const uint8_t *at;
    const uint8_t *end;
    Span headers;               /* packed ones, where the tile has them */
    int lengths_anew;           /* Lblock starts again in every packet: see j2k_read_packets */
    J2kFault *fault;
} Reader;

static void next_byte(Bits *b) {
    b->left = b->byte == 0xFF ? 7 : 8;
    b->short_of |= b->at == b->end;
    b->byte = b->short_of ? 0 : *b->at++;
}

static int next_bit(Bits *b) {
    if (!b->left) next_byte(b);
    return (int)(b->byte >> --b->left & 1);
}

static uint32_t next_bits(Bits *b, int n) {
    uint32_t v = 0;
    while (n > 0) {
        if (!b->left) next_byte(b);
        const int taken = smaller(n, b->left);
        b->left -= taken;
        v = v << taken | (b->byte >> b->left & ((1u << taken) - 1));
        n -= taken;
    }
    return v;
}

/* A tag tree (B.10.2): leaves row by row, then each coarser level. Returns whether the leaf's value is known to be
 * below `limit`; then *value is it. */
static int read_tag(Bits *b, Node *tree, uint32_t across, uint32_t down, uint32_t x, uint32_t y, uint32_t limit,
                    uint32_t *value) {
    Node *path[33];
    uint32_t low = 0;
    int n = 0;
    for (;;) {
        path[n++] = tree + (size_t)y * across + x;
        /* above a node that is settled all are */
        if (across * down <= 1 || path[n - 1]->known || path[n - 1]->low >= limit) break;
        tree += (size_t)across * down;
        across = (across + 1) / 2;
        down = (down + 1) / 2;
        x /= 2;
        y /= 2;
    }
    while (n-- > 0) {
        Node *node = path[n];
        if (node->low < low) node->low = (uint16_t)low;
        while (!node->known && node->low < limit) {
            if (next_bit(b))
                node->known = 1;
            else
                node->low++;
        }
        low = node->low;
    }
    *value = path[0]->low;
    return path[0]->known && path[0]->low < limit;
}

/* Table B.4 */
static int read_passes(Bits *b) {
    if (!next_bit(b)) return 1;
    if (!next_bit(b)) return 2;
    uint32_t n = next_bits(b, 2);
    if (n < 3) return 3 + (int)n;
    n = next_bits(b, 5);
    if (n < 31) return 6 + (int)n;
    return 37 + (int)next_bits(b, 7);
}

int j2k_segment_passes(int style, int first) {
    if (style & STYLE_TERMINATE) return 1;
    if (!(style & STYLE_BYPASS)) return 1 << 14;
    if (first < 10) return 10 - first;
    return (first - 10) % 3 == 2 ? 1 : 2;
}

static int log2_of(int n) {
    int k = 0;
    while (n >>= 1) k++;
    return k;
}

static int add_chunk(Reader *reader, Block *block, int passes, uint32_t size) {
    Tile *t = reader->tile;
    Chunk *chunks = j2k_grow(&t->chunk_buffer, (size_t)t->chunks + 1, sizeof *chunks, reader->fault);
    if (!chunks) return -1;
    chunks[t->chunks] = (Chunk){NULL, size, NONE, passes};
    *(block->first_chunk == NONE ? &block->first_chunk : &chunks[block->last_chunk].next) = t->chunks;
    block->last_chunk = t->chunks++;
    return 0;
}

static int bad_length(Reader *reader) {
    return j2k_fail(reader->fault, J2K_MALFORMED, "stream_damaged", "a packet header gives an impossible length", -1, -1,
                    -1);
}

/* The next `n` passes of a block, in `size` bytes of one codeword segment. */
static int take_passes(Reader *reader, const Bits *b, Block *block, int n, uint32_t size) {
    if (b->short_of) return 0;
    if (block->passes + n > MOST_PASSES) return bad_length(reader);
    block->passes = (uint16_t)(block->passes + n);
    return add_chunk(reader, block, n, size);
}

/* Lengths of codeword segments (B.10.7). */
static int read_segments(Reader *reader, Bits *b, Block *block, int style, int passes) {
    while (passes > 0 && !b->short_of) {
        int room = j2k_segment_passes(style, block->passes - block->segment_passes) - block->segment_passes;
        int n = smaller(passes, room);
        int bits = block->length_bits + log2_of(n);
        if (bits > MOST_LENGTH_BITS) return bad_length(reader);
        if (take_passes(reader, b, block, n, next_bits(b, bits))) return -1;
        block->segment_passes = (uint16_t)(n == room ? 0 : block->segment_passes + n);
        passes -= n;
    }
    return 0;
}

/* What comes before the first cleanup segment of an HT block (T.814 B.3): placeholders without bytes, in threes; the
 * length of that segment counts for those before it too. In a mixed stream the length also tells who coded the block:
 * its highest bit is 0 where it is HT. Returns how many passes are done with; 0 where the block is one of part 1. */
static int open_ht_block(Reader *reader, Bits *b, Block *block, int style, int passes) {
    const int refinement = (block->passes + passes + 2) % 3, mixed = style & STYLE_MIXED;
    if (passes > refinement) {
        const int n = passes - refinement, bits = block->length_bits + log2_of(n);
        Bits ahead = *b;
        const uint32_t size = next_bits(&ahead, bits);
        if (size && (!mixed || (block->length_bits > 3 && !(size >> (bits - 1))))) {
            *b = ahead;
            block->coder = CODER_HT;
            return take_passes(reader, b, block, n, size) ? -1 : n;
        }
    }
    Bits ahead = *b;
    if (next_bits(&ahead, block->length_bits + log2_of(passes))) {
        block->coder = CODER_PART_1;
        return mixed ? 0 : bad_length(reader);
    }
    *b = ahead;
    return take_passes(reader, b, block, passes, 0) ? -1 : passes;
}

/* Lengths of HT segments: a cleanup pass alone, the two refinement passes together, and so on. */
static int read_ht_segments(Reader *reader, Bits *b, Block *block, int style, int passes) {
    if (block->length_bits + log2_of(passes) > MOST_LENGTH_BITS) return bad_length(reader);
    if (block->coder == CODER_HT_OPEN) {
        const int n = open_ht_block(reader, b, block, style, passes);
        if (n < 0) return -1;
        if (n == 0) return read_segments(reader, b, block, style, passes);
        passes -= n;
    }
    while (passes > 0 && !b->short_of) {
        const int done = block->passes % 3, n = done ? smaller(passes, 3 - done) : 1;
        if (take_passes(reader, b, block, n, next_bits(b, block->length_bits + log2_of(n)))) return -1;
        passes -= n;
    }
    return 0;
}

/* How many passes of the block come, and the lengths of their codeword segments (B.10.6, B.10.7). */
static int read_block(Reader *reader, Bits *b, Block *block, int style) {
    int passes = read_passes(b);
    if (reader->lengths_anew) block->length_bits = LENGTH_BITS;
    while (next_bit(b) && block->length_bits < MOST_LENGTH_BITS + 1) block->length_bits++;
    return block->coder == CODER_PART_1 ? read_segments(reader, b, block, style, passes)
                                        : read_ht_segments(reader, b, block, style, passes);
}

static int read_patch(Reader *reader, Bits *b, const Patch *patch, Band *band, uint32_t layer) {
    Tile *t = reader->tile;
    Block *block = (Block *)t->block_buffer.data + patch->blocks;
    Node *nodes = t->node_buffer.data;
    uint32_t value;
    for (uint32_t y = 0; y < patch->down; y++)
        for (uint32_t x = 0; x < patch->across; x++, block++) {
            if (b->short_of) return 0;
            if (block->passes) {
                if (!next_bit(b)) continue;
            } else {
                if (!read_tag(b, nodes + patch->inclusion, patch->across, patch->down, x, y, layer + 1, &value))
                    continue;
                if (!read_tag(b, nodes + patch->zero_planes, patch->across, patch->down, x, y, MOST_ZERO_PLANES,
                              &value))
                    return b->short_of ? 0
                                       : j2k_fail(reader->fault, J2K_MALFORMED, "stream_damaged",
                                                  "a packet header gives an impossible number of bit-planes", -1,
                                                  band->planes, value);
                block->zero_planes = (uint8_t)value;
            }
            band->coded = 1;
            if (read_block(reader, b, block, band->coding->style)) return -1;
        }
    return 0;
}

static int cut(Reader *reader) {
    return j2k_fail(reader->fault, J2K_TRUNCATED, "stream_cut", "the codestream ends before its last packet",
                    reader->at - reader->stream->data, -1, -1);
}

static int is_marker(const uint8_t *at, const uint8_t *end, int marker) {
    return end - at >= 2 && at[0] == marker >> 8 && at[1] == (marker & 0xFF);
}

/* The next tile-part that has a body, when the one that is read is used up. */
static void turn_page(Reader *reader) {
    const TilePart *parts = reader->stream->parts.data;
    while (reader->at == reader->end && reader->part != NONE) {
        reader->at = reader->stream->data + parts[reader->part].body;
        reader->end = reader->stream->data + parts[reader->part].end;
        reader->part = parts[reader->part].next;
    }
}

static int read_packet(Reader *reader, const Turn *turn, uint32_t layer) {
    Tile *t = reader->tile;
    const Resolution *res = &t->component[turn->component].resolution[turn->resolution];
    const Patch *patch = (const Patch *)t->patch_buffer.data + turn->patch;
    uint32_t first = t->chunks;
    /* SOP may be left out, and is six bytes (A.8.1) */
    if (t->coding.sop && is_marker(reader->at, reader->end, SOP)) {
        if (reader->end - reader->at < 6) return cut(reader);
        reader->at += 6;
    }
    Bits b = {reader->at, reader->end, 0, 0, 0};
    if (reader->headers.data) {
        b.at = reader->headers.data;
        b.end = b.at + reader->headers.size;
    }
    if (next_bit(&b))
        for (int i = 0; i < res->bands; i++)
            if (read_patch(reader, &b, patch + i, &t->band[res->band + i], layer)) return -1;
    /* the last byte of a header is no 0xFF: a stuffed one follows it */
    if (b.byte == 0xFF && !b.short_of) {
        b.left = 0;
        next_bit(&b);
    }
    if (b.short_of) return cut(reader);
    if (t->coding.eph && is_marker(b.at, b.end, EPH)) b.at += 2;
    if (reader->headers.data) {
        reader->headers.size = (size_t)(b.end - b.at);
        reader->headers.data = b.at;
    } else {
        reader->at = b.at;
    }
    Chunk *chunks = t->chunk_buffer.data;
    for (uint32_t i = first; i < t->chunks; i++) {
        if (chunks[i].size > (size_t)(reader->end - reader->at)) return cut(reader);
        chunks[i].data = reader->at;
        reader->at += chunks[i].size;
    }
    return 0;
}

static int is_used_up(Reader *reader) {
    turn_page(reader);
    return reader->at == reader->end;
}

/* Whether a stream that has its EOC leaves out its last packets, all of them empty: such streams are met. */
static int is_over(Reader *reader) {
    return is_used_up(reader) && reader->stream->has_end && !reader->headers.data;
}

/* A packet that the volume before did not bring. */
static int take_turn(Reader *reader, const Turn *turn, uint32_t layer) {
    uint16_t *read = (uint16_t *)reader->tile->layer_buffer.data + turn->precinct;
    if (layer != *read || is_over(reader)) return 0;
    if (read_packet(reader, turn, layer)) return -1;
    ++*read;
    return 0;
}

#define BY(field)                                                                                                    \
    if (a->field != b->field) return a->field < b->field ? -1 : 1

static int by_rpcl(const void *left, const void *right) {
    const Turn *a = left, *b = right;
    BY(resolution);
    BY(y);
    BY(x);
    BY(component);
    BY(precinct);
    return 0;
}

static int by_pcrl(const void *left, const void *right) {
    const Turn *a = left, *b = right;
    BY(y);
    BY(x);
    BY(component);
    BY(resolution);
    BY(precinct);
    return 0;
}

static int by_cprl(const void *left, const void *right) {
    const Turn *a = left, *b = right;
    BY(component);
    return by_pcrl(left, right);
}

/* The precincts of a volume in the order in which a layer of it visits them (B.12.1); how many. */
static uint32_t list_turns(const Stream *s, const Tile *t, const Change *v, Turn *turns) {
    uint32_t count = 0;
    for (int r = v->first_resolution; r < v->resolution_end; r++)
        for (int i = v->first_component; i < v->component_end && i < s->components; i++) {
            const TileComponent *c = &t->component[i];
            if (r > c->levels) continue;
            const Resolution *res = &c->resolution[r];
            int down_by = c->levels - r;
            for (uint32_t k = 0; k < res->across * res->down; k++) {
                /* a precinct that begins before the tile is met at the tile's edge */
                int64_t x = ((int64_t)(res->rect.x0 >> res->precinct_width) + k % res->across)
                            << (res->precinct_width + down_by);
                int64_t y = ((int64_t)(res->rect.y0 >> res->precinct_height) + k / res->across)
                            << (res->precinct_height + down_by);
                x *= s->dx[i];
                y *= s->dy[i];
                turns[count++] = (Turn){(uint32_t)(x > t->rect.x0 ? x : t->rect.x0),
                                        (uint32_t)(y > t->rect.y0 ? y : t->rect.y0), res->precincts + k,
                                        res->patches + k * (uint32_t)res->bands, (uint8_t)i, (uint8_t)r};
            }
        }
    static int (*const order[])(const void *, const void *) = {NULL, NULL, by_rpcl, by_pcrl, by_cprl};
    if (order[v->progression]) qsort(turns, count, sizeof *turns, order[v->progression]);
    return count;
}

static int read_volume(Reader *reader, const Change *v, Turn *turns) {
    const uint16_t *read = reader->tile->layer_buffer.data;
    uint32_t count = list_turns(reader->stream, reader->tile, v, turns);
    uint32_t end = (uint32_t)smaller(v->layer_end, reader->tile->coding.layers);
    if (v->progression != LRCP && v->progression != RLCP) {
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t layer = read[turns[i].precinct]; layer < end; layer++)
                if (take_turn(reader, &turns[i], layer)) return -1;
        return 0;
    }
    /* all of them (LRCP), or one resolution at a time (RLCP), layer by layer from the first that is not there */
    for (uint32_t from = 0, to; from < count; from = to) {
        uint32_t layer = end;
        to = v->progression == LRCP ? count : from;
        while (to < count && turns[to].resolution == turns[from].resolution) to++;
        for (uint32_t i = from; i < to; i++)
            if (read[turns[i].precinct] < layer) layer = read[turns[i].precinct];
        for (; layer < end; layer++)
            for (uint32_t i = from; i < to; i++)
                if (take_turn(reader, &turns[i], layer)) return -1;
    }
    return 0;
}

static int read_volumes(Reader *reader) {
    const Stream *s = reader->stream;
    Tile *t = reader->tile;
    const Change whole = {0, 0, t->coding.layers, MOST_RESOLUTIONS, s->components, t->coding.progression};
    Turn *turns = j2k_room(&t->turn_buffer, t->precincts, sizeof *turns, reader->fault);
    if (!turns) return -1;
    if (!t->coding.changes) return read_volume(reader, &whole, turns);
    for (int i = 0; i < t->coding.changes; i++)
        if (read_volume(reader, &t->coding.change[i], turns)) return -1;
    return 0;
}

/* Whether the packets took all bytes of the tile, and no code-block of part 1 has more passes than its bit-planes. */
static int makes_sense(Reader *reader) {
    const Tile *t = reader->tile;
    const Block *block = t->block_buffer.data;
    for (uint32_t i = 0; i < t->blocks; i++, block++)
        if (block->coder == CODER_PART_1 && block->passes > 0 &&
            block->passes > 3 * (t->band[block->band].planes - block->zero_planes) - 2)
            return 0;
    return is_used_up(reader);
}

/* Lblock is kept from layer to layer (B.10.7.1), but there are encoders that start it anew in every packet. Where the
 * standard's reading of the headers makes no sense, and the other one does, that one counts. */
int j2k_read_packets(const Stream *s, uint32_t tile, Tile *t, J2kFault *fault) {
    J2kFault other;
    const Reader start = {s, t, s->first_part[tile], s->data, s->data, t->packed_headers, 0, fault};
    Reader reader = start;
    const int status = read_volumes(&reader);
    if (t->coding.layers == 1 || (!status && makes_sense(&reader))) return status;
    if (j2k_make_blocks(s, t, fault)) return -1;
    reader = start;
    reader.lengths_anew = 1;
    reader.fault = &other;
    if (!read_volumes(&reader) && makes_sense(&reader)) return 0;
    if (status || j2k_make_blocks(s, t, fault)) return -1;
    reader = start;
    return read_volumes(&reader);
}
