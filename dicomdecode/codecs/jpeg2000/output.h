#ifndef DICOMDECODE_J2K_OUTPUT_H
#define DICOMDECODE_J2K_OUTPUT_H

#include "parts.h"

typedef struct {                /* what is done to each sample of a component */
    int32_t low, high;          /* of its precision, before the level shift */
    uint32_t shift;
    uint32_t mask;              /* and `sign`: turn its bits into the representation wanted */
    uint32_t sign;
} Finish;

typedef struct {
    void *data;
    Rect area;                  /* on the reduced picture's grid */
    int is_signed;
    int item_bytes;
} Output;

Finish j2k_finish_of(int precision, int is_signed, int wanted_signed);

int j2k_write_tile(const Stream *stream, Tile *tile, const Output *output, J2kFault *fault);

/* wide.c: whether a tile whose packets are read needs 64 bits; the same for it. */
int j2k_is_wide(const Stream *stream, const Tile *tile);
int j2k_write_wide_tile(const Stream *stream, Tile *tile, const Output *output, J2kFault *fault);

#endif
