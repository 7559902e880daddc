/* The block decoder of HTJ2K (T.814 clause 7): see ht.c. */
#ifndef DICOMDECODE_HT_H
#define DICOMDECODE_HT_H

#include "parts.h"

enum {
    HT_QUADS = BLOCK_SIDE / 2,              /* of a row */
    HT_MOST_SIZE = 65535,                   /* bytes of a cleanup segment: B.3 */
    HT_MOST_SUFFIX = 4079,                  /* Scup */
    HT_MOST_WIDE_PLANES = 55                /* bit-planes of a coefficient in 64 bits: what is read at once */
};

/* What is known of a row of quads, in arrays that loops without branches go over; codes and exponents have an item before
 * the first quad, and zeros are behind the last. */
typedef struct {
    uint32_t code[HT_QUADS + 16];
    uint32_t u[HT_QUADS + 16];              /* u, then U */
    uint32_t lengths[HT_QUADS + 16];        /* of MagSgn, a byte for each sample */
    uint32_t v[4][HT_QUADS + 16];
    uint32_t exponent[4][HT_QUADS + 16];    /* of v, 1 at least; of the samples below, 1 and 3 */
} HtRow;

typedef struct {
    int32_t values[4 * BLOCK_AREA];         /* rows of `pitch` */
    int64_t *wide;                          /* the same in 64 bits, or NULL */
    int pitch;
    int quads;                              /* of a row, rounded up for the loops */
    uint32_t context[HT_QUADS + 16];        /* by the quads above */
    HtRow row[2];
    uint8_t vlc[HT_MOST_SUFFIX + 2 * HT_QUADS + 32];
    Buffer bits;                            /* of MagSgn, or of both refinement passes */
    Buffer wide_buffer;
} HtCoder;

typedef struct {                /* the codeword segments of one HT set, whole */
    Span cleanup;
    Span refinement;
    int refinement_passes;      /* 0 to 2 */
    int plane;                  /* of the cleanup pass: p */
    int skipped;                /* bit-planes above it: S */
    int causal;
    int doubled;                /* the form of values that is wanted, whether or not there are refinement passes */
    int wide;                   /* values of 64 bits are wanted; they are doubled */
} HtSet;

void ht_make_tables(void);

/* The coefficients of a block into `values` or `wide`, as 2 * |coefficient| >> plane + sign, 0 where insignificant:
 * HT_SIGN_LAST; or, where there were refinement passes or 64 bits are wanted, doubled and in the middle of their
 * intervals, as those of part 1: HT_DOUBLED. -1 with the fault set. */
enum { HT_SIGN_LAST, HT_DOUBLED };
int ht_decode(HtCoder *coder, const HtSet *set, int width, int height, J2kFault *fault);

#endif
