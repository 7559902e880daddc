/* The decoder of single code-blocks: see blocks.c. */
#ifndef DICOMDECODE_J2K_BLOCKS_H
#define DICOMDECODE_J2K_BLOCKS_H

#include "parts.h"

typedef struct {                /* a decoded block */
    int32_t *values;            /* NULL: zeros */
    int64_t *wide;              /* where tile->wide is set, in place of them; NULL where the block is HT */
    int pitch;
    int sign_last;              /* 2 * |value| + sign, in units of the bit-plane `plane`; else doubled */
    int plane;
} Decoded;

/* What a thread needs for it; NULL with the fault set. */
Worker *j2k_open_worker(J2kFault *fault);
void j2k_close_worker(Worker *worker);

/* What is decoded stays until the next block is. */
int j2k_decode_block(Worker *worker, const Tile *t, const Block *block, Decoded *decoded, J2kFault *fault);

#endif
