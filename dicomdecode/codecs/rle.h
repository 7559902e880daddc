/* RLE segments (PS3.5 Annex G): PackBits to bytes, and byte planes to cells.
 *
 * All segments of a frame are decoded side by side, a block of each at a time, so that the planes stay in the cache
 * and are merged into cells from there. In C for the 16-byte copies that become single vector moves.
 */
#ifndef DICOMDECODE_RLE_H
#define DICOMDECODE_RLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "clones.h"

enum {
    RLE_BLOCK = 4096,
    RLE_SLACK = 129 + 15, /* a packet gives at most 129 bytes, written 16 at a time */
    RLE_BUFFER = RLE_BLOCK + RLE_SLACK
};

typedef struct {
    const uint8_t *src;
    size_t size, at;
    size_t lowest_run;             /* the lowest control byte of a run: 129, or 128 as DCMTK has it */
    size_t filled;                 /* bytes of `buffer` that are decoded and not yet used */
    uint8_t buffer[RLE_BUFFER];
} rle_plane;

/* Decode packets until a block is filled or the segment ends.
 *
 * control byte n:  0..127    n + 1 literal bytes follow
 *                  129..255  257 - n copies of the next byte
 *                  128       nothing
 */
static void rle_fill(rle_plane *p) {
    const uint8_t *src = p->src;
    const size_t size = p->size;
    size_t at = p->at, filled = p->filled;
    uint8_t *buffer = p->buffer;
    while (filled < RLE_BLOCK && at < size) {
        size_t n = src[at++];
        if (n < 128) {
            n++;
            if (size - at >= RLE_SLACK) {
                for (size_t k = 0; k < n; k += 16) memcpy(buffer + filled + k, src + at + k, 16);
            } else {
                if (n > size - at) n = size - at;
                memcpy(buffer + filled, src + at, n);
            }
            at += n;
            filled += n;
        } else if (n >= p->lowest_run) {
            if (at == size) break;
            n = 257 - n;
            for (size_t k = 0; k < n; k += 16) memset(buffer + filled + k, src[at], 16);
            at++;
            filled += n;
        }
    }
    p->at = at;
    p->filled = filled;
}

/* Merge `n` bytes of each plane, most significant byte first, into little-endian cells [n][sample][byte]. */
CLONES static void rle_merge(rle_plane *planes, uint8_t *restrict out, size_t n, int samples, int bytes) {
    const uint8_t *restrict a = planes[0].buffer;
    if (samples * bytes == 1) {
        memcpy(out, a, n);
    } else if (samples == 1 && bytes == 2) {
        const uint8_t *restrict b = planes[1].buffer;
        for (size_t i = 0; i < n; i++) {
            out[2 * i] = b[i];
            out[2 * i + 1] = a[i];
        }
    } else if (samples == 3 && bytes == 1) {
        const uint8_t *restrict b = planes[1].buffer;
        const uint8_t *restrict c = planes[2].buffer;
        for (size_t i = 0; i < n; i++) {
            out[3 * i] = a[i];
            out[3 * i + 1] = b[i];
            out[3 * i + 2] = c[i];
        }
    } else {
        for (int s = 0; s < samples; s++)
            for (int k = 0; k < bytes; k++) {
                const uint8_t *restrict plane = planes[s * bytes + k].buffer;
                uint8_t *restrict cell = out + s * bytes + (bytes - 1 - k);
                for (size_t i = 0; i < n; i++) cell[i * (size_t)(samples * bytes)] = plane[i];
            }
    }
}

/* The highest byte of cells without their `unused` highest bits; those become the sign, or 0. */
static void rle_trim(uint8_t *high, size_t n, int unused, int is_signed) {
    const uint8_t keep = (uint8_t)(0xFF >> unused), sign = is_signed ? (uint8_t)(0x80 >> unused) : 0;
    for (size_t i = 0; i < n; i++) high[i] = (uint8_t)(((high[i] & keep) ^ sign) - sign);
}

/* Decode all planes into `out`; returns how many bytes of each plane there were, at most `n`. */
static size_t rle_planes(rle_plane *planes, int samples, int bytes, int unused, int is_signed, uint8_t *out,
                         size_t n) {
    const int count = samples * bytes;
    for (size_t done = 0; done < n;) {
        size_t block = n - done < RLE_BLOCK ? n - done : RLE_BLOCK;
        for (int i = 0; i < count; i++) {
            rle_fill(&planes[i]);
            if (planes[i].filled < block) block = planes[i].filled;
        }
        if (unused)
            for (int i = 0; i < count; i += bytes) rle_trim(planes[i].buffer, block, unused, is_signed);
        rle_merge(planes, out + done * (size_t)count, block, samples, bytes);
        done += block;
        if (block < RLE_BLOCK) return done;
        for (int i = 0; i < count; i++) {
            planes[i].filled -= block;
            memmove(planes[i].buffer, planes[i].buffer + block, planes[i].filled);
        }
    }
    return n;
}

#endif
