/* RLE segments (PS3.5 Annex G): PackBits to bytes, and byte planes to cells.
 *
 * In C for the 16-byte copies that the compiler turns into single vector moves.
 */
#ifndef DICOMDECODE_RLE_H
#define DICOMDECODE_RLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Decode one segment until `want` bytes are there; returns how many are.
 *
 * control byte n:  0..127    n + 1 literal bytes follow
 *                  129..255  257 - n copies of the next byte
 *                  128       nothing
 */
static size_t rle_segment(const uint8_t *src, size_t size, uint8_t *dst, size_t want) {
    size_t at = 0, done = 0;
    while (done < want && at < size) {
        size_t n = src[at++];
        if (n < 128) {
            n++;
            if (n <= 16 && size - at >= 16 && want - done >= 16) {
                memcpy(dst + done, src + at, 16);
            } else {
                if (n > size - at) n = size - at;
                if (n > want - done) n = want - done;
                memcpy(dst + done, src + at, n);
            }
            at += n;
            done += n;
        } else if (n > 128) {
            if (at == size) break;
            n = 257 - n;
            if (n <= 16 && want - done >= 16) {
                memset(dst + done, src[at], 16);
            } else {
                if (n > want - done) n = want - done;
                memset(dst + done, src[at], n);
            }
            at++;
            done += n;
        }
    }
    return done;
}

/* Planes, most significant byte first, to little-endian cells: out[i][sample][byte] of `n` pixels. */
static void rle_merge(const uint8_t *planes, uint8_t *out, size_t n, int samples, int bytes) {
    if (samples == 1 && bytes == 2) {
        const uint8_t *high = planes, *low = planes + n;
        for (size_t i = 0; i < n; i++) {
            out[2 * i] = low[i];
            out[2 * i + 1] = high[i];
        }
        return;
    }
    if (samples == 3 && bytes == 1) {
        for (size_t i = 0; i < n; i++) {
            out[3 * i] = planes[i];
            out[3 * i + 1] = planes[n + i];
            out[3 * i + 2] = planes[2 * n + i];
        }
        return;
    }
    for (int s = 0; s < samples; s++)
        for (int b = 0; b < bytes; b++) {
            const uint8_t *plane = planes + (size_t)(s * bytes + b) * n;
            uint8_t *cell = out + s * bytes + (bytes - 1 - b);
            for (size_t i = 0; i < n; i++) cell[i * samples * bytes] = plane[i];
        }
}

#endif
