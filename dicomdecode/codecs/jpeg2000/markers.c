/* Marker segments (T.800 annex A): the main header, tile-part headers, and where the tile-parts are. */
#include <stdlib.h>
#include <string.h>

#include "parts.h"

enum {
    SOC = 0xFF4F, SIZ = 0xFF51, COD = 0xFF52, COC = 0xFF53, QCD = 0xFF5C, QCC = 0xFF5D, RGN = 0xFF5E, POC = 0xFF5F,
    PPM = 0xFF60, PPT = 0xFF61, SOT = 0xFF90, SOD = 0xFF93, EOC = 0xFFD9,
    SOT_SIZE = 12,
    MOST_PRECISION = 32
};

typedef struct {                /* a marker segment: what follows its length field */
    int marker;
    const uint8_t *at;
    size_t size;
    int64_t offset;             /* of the marker */
} Segment;

static uint32_t u16(const uint8_t *p) { return (uint32_t)p[0] << 8 | p[1]; }
static uint32_t u32(const uint8_t *p) { return u16(p) << 16 | u16(p + 2); }

static int malformed(J2kFault *fault, const char *code, const char *what, int64_t offset) {
    return j2k_fail(fault, J2K_MALFORMED, code, what, offset, -1, -1);
}

static int bad_header(J2kFault *fault, const char *what, int64_t offset) {
    return malformed(fault, "stream_header", what, offset);
}

/* The segment at *pos, which moves behind it. Returns 1, 0 at the marker that ends the header, -1 when it is cut. */
static int next_segment(const Stream *s, size_t *pos, size_t end, int last, Segment *segment, J2kFault *fault) {
    if (end - *pos < 2) return malformed(fault, "stream_marker", "a header ends before its last marker", (int64_t)*pos);
    segment->marker = (int)u16(s->data + *pos);
    segment->offset = (int64_t)*pos;
    if (segment->marker == last) return 0;
    if (segment->marker < 0xFF50 || segment->marker == SOT || segment->marker == SOD || segment->marker == EOC)
        return malformed(fault, "stream_marker", "a header holds something that is no marker segment", (int64_t)*pos);
    if (end - *pos < 4) return malformed(fault, "stream_marker", "a header ends in a marker segment", (int64_t)*pos);
    uint32_t length = u16(s->data + *pos + 2);
    if (length < 2 || length > end - *pos - 2)
        return malformed(fault, "stream_marker", "a header ends in a marker segment", (int64_t)*pos);
    segment->at = s->data + *pos + 4;
    segment->size = length - 2;
    *pos += 2 + length;
    return 1;
}

/* SIZ (A.5.1) */
static int read_size(Stream *s, const Segment *segment, J2kFault *fault) {
    const uint8_t *p = segment->at;
    if (segment->size < 36 || segment->size != 36 + 3 * (size_t)u16(p + 34))
        return bad_header(fault, "the SIZ segment has a wrong length", segment->offset);
    uint32_t x1 = u32(p + 2), y1 = u32(p + 6), x0 = u32(p + 10), y0 = u32(p + 14);
    s->tile_width = u32(p + 18);
    s->tile_height = u32(p + 22);
    s->tile_x0 = u32(p + 26);
    s->tile_y0 = u32(p + 30);
    s->components = (int)u16(p + 34);
    if (x1 > INT32_MAX || y1 > INT32_MAX || x0 >= x1 || y0 >= y1)
        return bad_header(fault, "the SIZ segment describes an empty or too large image", segment->offset);
    if (!s->tile_width || !s->tile_height || s->tile_x0 > x0 || s->tile_y0 > y0 ||
        s->tile_width <= x0 - s->tile_x0 || s->tile_height <= y0 - s->tile_y0)
        return bad_header(fault, "the SIZ segment's tile grid does not cover the image", segment->offset);
    uint64_t across = ((uint64_t)(x1 - s->tile_x0) + s->tile_width - 1) / s->tile_width;
    uint64_t down = ((uint64_t)(y1 - s->tile_y0) + s->tile_height - 1) / s->tile_height;
    if (across > 65535 || down > 65535 || across * down > 65535)
        return bad_header(fault, "the SIZ segment asks for more than 65535 tiles", segment->offset);
    s->tiles_across = (uint32_t)across;
    s->tiles_down = (uint32_t)down;
    s->image = (Rect){(int32_t)x0, (int32_t)y0, (int32_t)x1, (int32_t)y1};
    if (s->components < 1 || s->components > MOST_COMPONENTS)
        return j2k_fail(fault, J2K_MALFORMED, "stream_components", "the codestream has more than 4 components",
                        segment->offset, MOST_COMPONENTS, s->components);
    for (int i = 0; i < s->components; i++) {
        const uint8_t *c = p + 36 + 3 * i;
        s->precision[i] = (c[0] & 0x7F) + 1;
        s->is_signed[i] = c[0] >> 7;
        if (s->precision[i] > MOST_PRECISION)
            return j2k_fail(fault, J2K_UNSUPPORTED, "stream_precision", "the codestream has more than 32 bits",
                            segment->offset, MOST_PRECISION, s->precision[i]);
        s->dx[i] = c[1];
        s->dy[i] = c[2];
        if (!c[1] || !c[2])
            return bad_header(fault, "the SIZ segment has a component separation of 0", segment->offset);
    }
    return 0;
}

/* What COD and COC share (tables A.15 and A.20). */
static int read_style(Coding *c, const uint8_t *p, size_t size, int own_precincts, int64_t offset, J2kFault *fault) {
    if (size < 5 || p[0] > 32 || (own_precincts && size < 6 + (size_t)p[0]))
        return bad_header(fault, "a coding style segment is too short or asks for more than 32 levels", offset);
    c->levels = p[0];
    c->block_width = (p[1] & 15) + 2;
    c->block_height = (p[2] & 15) + 2;
    c->style = p[3];
    c->reversible = p[4];
    if (c->block_width > 10 || c->block_height > 10 || c->block_width + c->block_height > 12)
        return bad_header(fault, "a coding style segment asks for too large code-blocks", offset);
    if ((c->style & (STYLE_HT | STYLE_MIXED)) == STYLE_MIXED || c->reversible > 1)
        return j2k_fail(fault, J2K_UNSUPPORTED, "stream_process",
                        "a code-block style or wavelet that JPEG 2000 parts 1 and 15 lack", offset, -1, -1);
    memset(c->precincts, 0xFF, sizeof c->precincts);
    if (own_precincts) memcpy(c->precincts, p + 5, (size_t)c->levels + 1);
    for (int r = 1; r <= c->levels; r++)
        if (!(c->precincts[r] & 15) || !(c->precincts[r] >> 4))
            return bad_header(fault, "a precinct has half a sample of a sub-band", offset);
    return 0;
}

static int read_cod(const Stream *s, TileCoding *t, const Segment *segment, J2kFault *fault) {
    const uint8_t *p = segment->at;
    if (segment->size < 10) return bad_header(fault, "the COD segment is too short", segment->offset);
    t->sop = p[0] >> 1 & 1;
    t->eph = p[0] >> 2 & 1;
    t->progression = p[1];
    t->layers = (int)u16(p + 2);
    /* encoders are met that ask for a transform of fewer than the three components it takes (G.2, G.3) */
    t->transform = s->components > 2 ? p[4] : 0;
    if (t->progression > CPRL || t->layers == 0 || p[4] > 1)
        return bad_header(fault, "the COD segment's progression, layers or transform", segment->offset);
    for (int i = 0; i < s->components; i++)
        if (read_style(&t->component[i], p + 5, segment->size - 5, p[0] & 1, segment->offset, fault)) return -1;
    return 0;
}

/* QCD and QCC (A.6.4, A.6.5), from Sqcd on. */
static int read_quantization(Coding *c, const uint8_t *p, size_t size, int64_t offset, J2kFault *fault) {
    if (size < 1) return bad_header(fault, "a quantization segment is too short", offset);
    int style = p[0] & 31;
    c->guard_bits = p[0] >> 5;
    memset(c->step, 0, sizeof c->step);
    size_t given = style == 0 ? size - 1 : (size - 1) / 2;
    if (style > 2 || given < 1) return bad_header(fault, "a quantization segment's style or length", offset);
    for (int i = 0; i < MOST_STEPS && i < (int)given; i++)
        c->step[i] = style == 0 ? (uint16_t)((p[1 + i] & 0xF8) << 8) : (uint16_t)u16(p + 1 + 2 * i);
    if (style == 1) {           /* derived from that of LL: equation E-5 */
        int exponent = c->step[0] >> 11, mantissa = c->step[0] & 0x7FF;
        for (int i = 1; i < MOST_STEPS; i++)
            c->step[i] = (uint16_t)(larger(exponent - (i - 1) / 3, 0) << 11 | mantissa);
    }
    return 0;
}

static int read_changes(const Stream *s, TileCoding *t, const Segment *segment, J2kFault *fault) {
    if (segment->size % 7 || t->changes + segment->size / 7 > MOST_CHANGES)
        return bad_header(fault, "the POC segment has a wrong length, or more than 64 changes", segment->offset);
    for (const uint8_t *p = segment->at; p < segment->at + segment->size; p += 7) {
        Change *c = &t->change[t->changes++];
        c->first_resolution = p[0];
        c->first_component = p[1];
        c->layer_end = (int)u16(p + 2);
        c->resolution_end = smaller(p[4], MOST_RESOLUTIONS);
        c->component_end = p[5] && p[5] < s->components ? p[5] : s->components;
        c->progression = p[6];
        if (p[6] > CPRL) return bad_header(fault, "the POC segment's progression", segment->offset);
    }
    return 0;
}

/* COD and QCD speak of all components, so they are applied before the rest (`general`), wherever they stand. */
static int apply(const Stream *s, TileCoding *t, const Segment *segment, int general, J2kFault *fault) {
    const uint8_t *p = segment->at;
    int marker = segment->marker;
    if (general && marker == COD) return read_cod(s, t, segment, fault);
    if (general && marker == QCD) {
        for (int i = 0; i < s->components; i++)
            if (read_quantization(&t->component[i], p, segment->size, segment->offset, fault)) return -1;
        return 0;
    }
    if (general && marker == POC) return read_changes(s, t, segment, fault);
    if (general || (marker != COC && marker != QCC && marker != RGN)) return 0;
    if (segment->size < 2) return bad_header(fault, "a component's segment is too short", segment->offset);
    if (p[0] >= s->components) return 0;
    Coding *c = &t->component[p[0]];
    if (marker == COC)
        return read_style(c, p + 2, segment->size - 2, p[1] & 1, segment->offset, fault);
    if (marker == QCC) return read_quantization(c, p + 1, segment->size - 1, segment->offset, fault);
    if (segment->size < 3 || p[1] != 0 || p[2] > 37)
        return bad_header(fault, "the RGN segment's style or shift", segment->offset);
    c->roi_shift = p[2];
    return 0;
}

static int keep_packed(Packed *packed, const Segment *segment, J2kFault *fault) {
    if (segment->size < 1 || packed->segment[segment->at[0]].data)
        return malformed(fault, "stream_damaged", "packed packet headers are empty, or there twice", segment->offset);
    packed->segment[segment->at[0]] = (Span){segment->at + 1, segment->size - 1};
    packed->count++;
    return 0;
}

/* All packed headers in one piece; how many bytes goes to *size. */
static const uint8_t *join_packed(const Packed *packed, Buffer *buffer, size_t *size, J2kFault *fault) {
    *size = 0;
    for (int i = 0; i < 256; i++) *size += packed->segment[i].size;
    uint8_t *to = j2k_room(buffer, *size + 1, 1, fault);
    if (!to) return NULL;
    const uint8_t *first = to;
    for (int i = 0; i < 256; i++) {
        if (packed->segment[i].size) memcpy(to, packed->segment[i].data, packed->segment[i].size);
        to += packed->segment[i].size;
    }
    return first;
}

/* PPM (A.7.4): for each tile-part, in their order, Nppm and so many bytes of packet headers. */
static int share_packed(Stream *s, const Packed *packed, uint32_t count, J2kFault *fault) {
    size_t left;
    const uint8_t *p = join_packed(packed, &s->packed, &left, fault);
    TilePart *parts = s->parts.data;
    if (!p) return -1;
    for (uint32_t i = 0; i < count; i++) {
        if (left < 4 || u32(p) > left - 4)
            return malformed(fault, "stream_damaged", "the PPM segments end before the last tile-part's headers", -1);
        parts[i].packed = (Span){p + 4, u32(p)};
        left -= 4 + parts[i].packed.size;
        p += 4 + parts[i].packed.size;
    }
    return 0;
}

/* Behind SOD of a tile-part whose header begins at `pos`. */
static int find_body(const Stream *s, size_t pos, size_t end, size_t *body, J2kFault *fault) {
    Segment segment;
    int status;
    while ((status = next_segment(s, &pos, end, SOD, &segment, fault)) == 1) continue;
    *body = pos + 2;
    return status;
}

/* Where each tile-part is (A.4.2). A chain that ends early leaves tiles without parts. */
static int find_parts(Stream *s, const Packed *packed, J2kFault *fault) {
    uint32_t tiles = s->tiles_across * s->tiles_down, count = 0;
    uint32_t *last = j2k_room(&s->first_parts, tiles, 2 * sizeof *last, fault);
    if (!last) return -1;
    s->first_part = last + tiles;
    memset(last, 0xFF, 2 * sizeof *last * tiles);
    size_t pos = s->header_end;
    while (s->size - pos >= SOT_SIZE && u16(s->data + pos) == SOT) {
        uint32_t tile = u16(s->data + pos + 4);
        size_t length = u32(s->data + pos + 6);
        if (u16(s->data + pos + 2) != 10 || tile >= tiles)
            return malformed(fault, "stream_tile_part", "an SOT segment has a wrong length or tile", (int64_t)pos);
        if (length == 0) {
            length = s->size - pos;
            if (length >= SOT_SIZE + 2 && u16(s->data + s->size - 2) == EOC) length -= 2;
        }
        if (length < SOT_SIZE)
            return malformed(fault, "stream_tile_part", "a tile-part is shorter than its SOT segment", (int64_t)pos);
        if (length > s->size - pos)
            return j2k_fail(fault, J2K_TRUNCATED, "stream_cut", "the codestream ends within a tile-part",
                            (int64_t)pos, (int64_t)(pos + length), (int64_t)s->size);
        TilePart *parts = j2k_grow(&s->parts, (size_t)count + 1, sizeof *parts, fault);
        if (!parts) return -1;
        TilePart *part = &parts[count];
        *part = (TilePart){NONE, pos + SOT_SIZE, pos + SOT_SIZE, pos + length, {NULL, 0}};
        if (length > SOT_SIZE && find_body(s, part->header, part->end, &part->body, fault)) return -1;
        *(last[tile] == NONE ? &s->first_part[tile] : &parts[last[tile]].next) = count;
        last[tile] = count++;
        pos += length;
    }
    s->has_end = s->size - pos >= 2 && u16(s->data + pos) == EOC;
    s->has_packed = packed->count != 0;
    return s->has_packed ? share_packed(s, packed, count, fault) : 0;
}

int j2k_read_stream(Stream *s, J2kFault *fault) {
    Packed packed = {0};
    Segment segment;
    int status, coded = 0, quantized = 0;
    if (s->size < 2 || u16(s->data) != SOC) return malformed(fault, "stream_start", "no JPEG 2000 codestream", 0);
    for (int general = 1; general >= 0; general--) {
        size_t pos = 2;
        while ((status = next_segment(s, &pos, s->size, SOT, &segment, fault)) == 1) {
            if ((segment.marker == SIZ) != (segment.offset == 2))
                return bad_header(fault, "SIZ is not the first and only segment of its kind", segment.offset);
            if (segment.marker == SIZ) {
                if (general && read_size(s, &segment, fault)) return -1;
            } else if (segment.marker == PPM) {
                if (general && keep_packed(&packed, &segment, fault)) return -1;
            } else if (apply(s, &s->coding, &segment, general, fault)) {
                return -1;
            }
            coded |= segment.marker == COD;
            quantized |= segment.marker == QCD;
        }
        if (status < 0) return -1;
        s->header_end = pos;
    }
    if (!coded || !quantized)
        return bad_header(fault, "the main header lacks SIZ, COD or QCD", (int64_t)s->header_end);
    return find_parts(s, &packed, fault);
}

/* The coding of one tile: the main header's, with what the tile-part headers change (A.6); PPT on the way. */
int j2k_read_tile_coding(const Stream *s, uint32_t tile, Tile *t, J2kFault *fault) {
    const TilePart *parts = s->parts.data;
    int own_changes = 0, status;
    t->coding = s->coding;
    memset(&t->packed, 0, sizeof t->packed);
    for (int general = 1; general >= 0; general--)
        for (uint32_t i = s->first_part[tile]; i != NONE; i = parts[i].next) {
            Segment segment;
            size_t pos = parts[i].header;
            if (pos == parts[i].end) continue;
            while ((status = next_segment(s, &pos, parts[i].end, SOD, &segment, fault)) == 1) {
                if (segment.marker == POC && general && !own_changes) {
                    own_changes = 1;
                    t->coding.changes = 0;
                }
                if (segment.marker == PPT && general && keep_packed(&t->packed, &segment, fault)) return -1;
                if (apply(s, &t->coding, &segment, general, fault)) return -1;
            }
            if (status < 0) return -1;
        }
    if (s->has_packed && !t->packed.count) {
        size_t size = 0;
        for (uint32_t i = s->first_part[tile]; i != NONE; i = parts[i].next) size += parts[i].packed.size;
        uint8_t *to = j2k_room(&t->packed_buffer, size + 1, 1, fault);
        if (!to) return -1;
        t->packed_headers = (Span){to, size};
        for (uint32_t i = s->first_part[tile]; i != NONE; i = parts[i].next) {
            memcpy(to, parts[i].packed.data, parts[i].packed.size);
            to += parts[i].packed.size;
        }
    } else if (t->packed.count) {
        t->packed_headers.data = join_packed(&t->packed, &t->packed_buffer, &t->packed_headers.size, fault);
        if (!t->packed_headers.data) return -1;
    } else {
        t->packed_headers = (Span){NULL, 0};
    }
    return 0;
}
