/* What the stages of the decoder share: the stream as its markers describe it, a tile as its packets fill it.
 *
 *     markers.c -> tiles.c -> packets.c        then, row by row: blocks.c -> bands.c -> wavelet.c -> output.c
 *
 * decode.c calls the first three and output.c, which asks for rows.
 *
 * Letters in comments (Mb, NL, PPx) are those of T.800.
 */
#ifndef DICOMDECODE_J2K_PARTS_H
#define DICOMDECODE_J2K_PARTS_H

#include <string.h>

#include "clones.h"
#include "j2k.h"

#define J2K_CLONES CLONES_V3
#if defined(__GNUC__)
#define J2K_INLINE static inline __attribute__((always_inline))
#define J2K_APART __attribute__((noinline))
#define J2K_RARE(x) __builtin_expect(!!(x), 0)
#define LOWEST_BIT(x) __builtin_ctzll(x)
#define LEADING_ZEROS(x) __builtin_clzll(x)
#else
#include <intrin.h>
#define J2K_INLINE static inline
#define J2K_APART
#define J2K_RARE(x) (x)
static inline int LOWEST_BIT(uint64_t x) {
    unsigned long n;
    _BitScanForward64(&n, x);
    return (int)n;
}
static inline int LEADING_ZEROS(uint64_t x) {
    unsigned long n;
    _BitScanReverse64(&n, x);
    return 63 - (int)n;
}
#endif

/* Table F.4 */
#define LIFT_ALPHA (-1.586134342059924)
#define LIFT_BETA (-0.052980118572961)
#define LIFT_GAMMA 0.882911075530934
#define LIFT_DELTA 0.443506852043971

enum {
    MOST_COMPONENTS = 4,
    MOST_RESOLUTIONS = 33,      /* 32 levels */
    MOST_STEPS = 97,            /* sub-bands of one component: 3 NL + 1 */
    MOST_CHANGES = 64,          /* of progression, in one tile */
    MOST_PLANES = 30,           /* magnitude bits of a coefficient in 32, beside its sign and half a bit */
    MOST_WIDE_PLANES = 60,      /* and in 64 */
    MOST_NARROW = 26,           /* bits of a sample that the wavelet and the transforms have room for in 32 */
    BLOCK_AREA = 4096,          /* code-blocks: A.6.1 */
    BLOCK_SIDE = 1024,
    LENGTH_BITS = 3,            /* Lblock before the first packet: B.10.7.1 */
    ROW_PAD = 8                 /* items before and behind a row of coefficients */
};
#define NONE 0xFFFFFFFFu        /* in an enum it would make all of it unsigned in C23 */

enum {                          /* tables A.19 of T.800 and A.6 of T.814 */
    STYLE_BYPASS = 1, STYLE_RESET = 2, STYLE_TERMINATE = 4, STYLE_CAUSAL = 8, STYLE_PREDICTABLE = 16,
    STYLE_SYMBOLS = 32, STYLE_HT = 64, STYLE_MIXED = 128           /* with STYLE_HT: each code-block says what it is */
};
/* Who coded a block. One of HT is open until its first cleanup segment: what came before were placeholders. */
enum { CODER_PART_1, CODER_HT_OPEN, CODER_HT };
enum { LRCP, RLCP, RPCL, PCRL, CPRL };
enum { KIND_LL, KIND_HL, KIND_LH, KIND_HH };

typedef struct {
    int32_t x0, y0, x1, y1;
} Rect;

typedef struct {                /* an array that only grows, kept from tile to tile */
    void *data;
    size_t room;
} Buffer;

typedef struct {                /* what COD, COC, QCD, QCC and RGN say of one component */
    int levels;                 /* NL */
    int block_width;            /* xcb, ycb: exponents */
    int block_height;
    int style;
    int reversible;
    uint8_t precincts[MOST_RESOLUTIONS];    /* PPx | PPy << 4 */
    int guard_bits;             /* G */
    uint16_t step[MOST_STEPS];  /* exponent << 11 | mantissa */
    int roi_shift;              /* s */
} Coding;

typedef struct {                /* one volume of packets, A.6.6; ends are one past the last */
    int first_resolution;
    int first_component;
    int layer_end;
    int resolution_end;
    int component_end;
    int progression;
} Change;

typedef struct {
    Coding component[MOST_COMPONENTS];
    int progression;
    int layers;
    int transform;              /* RCT or ICT */
    int sop;
    int eph;
    int changes;
    Change change[MOST_CHANGES];
} TileCoding;

typedef struct {
    const uint8_t *data;
    size_t size;
} Span;

typedef struct {                /* PPM or PPT segments by their index */
    Span segment[256];
    int count;
} Packed;

typedef struct {
    uint32_t next;              /* part of the same tile, or NONE */
    size_t header;              /* behind SOT */
    size_t body;                /* behind SOD */
    size_t end;
    Span packed;                /* its packet headers, where PPM holds them */
} TilePart;

typedef struct {
    const uint8_t *data;
    size_t size;
    Rect image;
    uint32_t tile_x0, tile_y0, tile_width, tile_height;
    uint32_t tiles_across, tiles_down;
    int components;
    int precision[MOST_COMPONENTS];
    int is_signed[MOST_COMPONENTS];
    int dx[MOST_COMPONENTS];    /* XRsiz, YRsiz: one sample stands for dx x dy pixels */
    int dy[MOST_COMPONENTS];
    TileCoding coding;
    size_t header_end;          /* where the first SOT is */
    int has_end;                /* EOC behind the last tile-part */
    int has_packed;             /* PPM */
    Buffer packed;
    Buffer parts;
    uint32_t *first_part;       /* of each tile */
    Buffer first_parts;
} Stream;

typedef struct {
    const uint8_t *data;
    uint32_t size;
    uint32_t next;              /* chunk of the same block, or NONE */
    int passes;                 /* with the placeholders before them */
} Chunk;

typedef struct {
    int32_t x, y;               /* in its sub-band */
    uint16_t width, height;
    uint16_t band;
    uint16_t passes;
    uint32_t first_chunk, last_chunk;
    uint8_t zero_planes;
    uint8_t length_bits;        /* Lblock */
    uint16_t segment_passes;    /* of the codeword segment that is open */
    uint8_t coder;
} Block;

typedef struct {                /* of a tag tree */
    uint16_t low;               /* the value, or what it is not below */
    uint16_t known;
} Node;

typedef struct {                /* a precinct's part of one sub-band */
    uint32_t blocks;            /* index of the first */
    uint32_t inclusion;         /* of the first node of either tag tree */
    uint32_t zero_planes;
    uint32_t across, down;      /* code-blocks */
} Patch;

typedef struct Resolution Resolution;
typedef struct Worker Worker;

typedef struct {
    int kind;
    const Resolution *resolution;
    int number;                 /* among the sub-bands of the resolution */
    Rect rect;
    int precinct_width, precinct_height;    /* exponents, in this sub-band */
    int block_width, block_height;          /* xcb', ycb': equations B-17 and B-18 */
    Rect window;                /* what of it is wanted */
    int planes;                 /* Mb, with the shift of a region of interest */
    float step;                 /* of half a coefficient, with the scale that the wavelet leaves out */
    const Coding *coding;
    int coded;                  /* some code-block of it has data */
    int32_t *coefficients;      /* of rows of the window, or NULL: float where the wavelet is 9/7 */
    size_t pitch;               /* 0 where nothing is coded */
    int32_t first, end;         /* rows that are there */
    int zeros;                  /* all of them are the row of zeros that the coefficients begin with */
} Band;

struct Resolution {
    Rect rect;
    Rect window;
    int bands;
    int band;                   /* index of the first */
    int precinct_width, precinct_height;    /* PPx, PPy */
    uint32_t across, down;      /* precincts */
    uint32_t precincts;         /* index of the first */
    uint32_t patches;
};

typedef struct {
    Rect rect;                  /* in its samples, as all below */
    Rect wanted;                /* of the reduced component */
    int levels;
    int top;                    /* the resolution that is wanted */
    Resolution resolution[MOST_RESOLUTIONS];
} TileComponent;

typedef struct {                /* a place in the order of packets */
    uint32_t x, y;              /* on the reference grid */
    uint32_t precinct;          /* its number in the tile */
    uint32_t patch;
    uint8_t component, resolution;
} Turn;

typedef struct {                /* one step of the inverse wavelet: rows in, rows out */
    int reversible;
    Rect window;
    Band *band;                 /* HL, LH, HH; LL alone in the lowest resolution */
    int32_t *ring;              /* the last 8 rows; float where the wavelet is 9/7 */
    int32_t *scratch;           /* two rows */
    size_t pitch;
    int32_t below_x, below_y;   /* where this level's LL begins in the window of the level below */
    int32_t below_rows;         /* rows asked of that level */
    int32_t event;              /* rows that went in, and those past the last that only let others finish */
    int32_t given;              /* rows that went out */
} Level;

typedef struct {                /* one tile at a time; the buffers serve all of them */
    Rect rect;
    Rect wanted;                /* of the tile, in pixels of the reduced picture's grid */
    TileCoding coding;
    TileComponent component[MOST_COMPONENTS];
    int bands;
    Band band[MOST_COMPONENTS * MOST_STEPS];
    uint32_t precincts, patches, blocks, nodes, chunks;
    Buffer layer_buffer, patch_buffer, block_buffer, node_buffer, chunk_buffer, turn_buffer, packed_buffer;
    Buffer coefficient_buffer, row_buffer;
    Packed packed;              /* PPT */
    Span packed_headers;        /* of PPM or PPT; no data where packets carry their own */
    int wide;                   /* its coefficients need 64 bits: see wide.c */
    int threads;                /* that decode its code-blocks; one: when rows are asked for */
    Worker *worker;             /* of that one */
    int failed;                 /* in a code-block, while rows were asked for */
    J2kFault *fault;
    Level level[MOST_COMPONENTS][MOST_RESOLUTIONS];
} Tile;

int j2k_fail(J2kFault *fault, int kind, const char *code, const char *what, int64_t offset, int64_t expected,
             int64_t found);
/* Room for count * size bytes, contents lost; NULL with the fault set. */
void *j2k_room(Buffer *buffer, size_t count, size_t size, J2kFault *fault);
/* The same with contents kept; grows by half at least. */
void *j2k_grow(Buffer *buffer, size_t count, size_t size, J2kFault *fault);

J2K_INLINE int32_t ceil_shift(int64_t a, int n) { return (int32_t)((a + ((int64_t)1 << n) - 1) >> n); }
J2K_INLINE int32_t ceil_by(int32_t a, int n) { return (int32_t)(((int64_t)a + n - 1) / n); }
J2K_INLINE int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }
J2K_INLINE int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }
J2K_INLINE int32_t between(int32_t a, int32_t low, int32_t high) { return larger(low, smaller(a, high)); }
J2K_INLINE int is_empty(Rect r) { return r.x0 >= r.x1 || r.y0 >= r.y1; }
J2K_INLINE Rect overlap(Rect a, Rect b) {
    Rect r = {larger(a.x0, b.x0), larger(a.y0, b.y0), smaller(a.x1, b.x1), smaller(a.y1, b.y1)};
    return r;
}

/* Eight bytes, the first one lowest. */
J2K_INLINE uint64_t load_64(const uint8_t *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

J2K_INLINE void store_64(uint8_t *p, uint64_t v) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    memcpy(p, &v, sizeof v);
}

/* markers.c */
int j2k_read_stream(Stream *stream, J2kFault *fault);
int j2k_read_tile_coding(const Stream *stream, uint32_t tile, Tile *t, J2kFault *fault);

/* tiles.c: `budget` is how many packets the stream's bytes can still hold. */
int j2k_lay_out(const Stream *stream, uint32_t tile, int reduce, Rect area, Tile *t, int64_t *budget, J2kFault *fault);
/* The code-blocks and tag trees as they are before the first packet. */
int j2k_make_blocks(const Stream *stream, Tile *t, J2kFault *fault);
/* What of a tile is wanted, as the area is: in pixels of the reduced picture's grid. */
Rect j2k_wanted(const Stream *stream, uint32_t tile, int reduce, Rect area);

/* Room for the coefficients that the packets bring. */
int j2k_give_room(const Stream *stream, Tile *t, J2kFault *fault);

/* packets.c */
int j2k_read_packets(const Stream *stream, uint32_t tile, Tile *t, J2kFault *fault);
/* How many coding passes the codeword segment that begins with pass `first` can have (D.6, table D.9). */
int j2k_segment_passes(int style, int first);

/* bands.c: all code-blocks of a tile by several threads; the row `y` of a sub-band's window, where it is not empty. Rows
 * are asked for in order; one stays until the next. Where a code-block cannot be decoded t->failed is set, and what
 * the rows hold does not matter. */
int j2k_decode_blocks(Tile *t, J2kFault *fault);
int32_t *j2k_band_row(Tile *t, Band *band, int32_t y);

/* wavelet.c */
int j2k_open_levels(const Stream *stream, Tile *t, J2kFault *fault);
const void *j2k_next_row(Tile *t, int component);

#endif
