/* The C face of our own JPEG 2000 decoder: ITU-T T.800 and T.814 (JPEG 2000 parts 1 and 15), one codestream into
 * interleaved samples.
 *
 * Nothing here knows Python or DICOM. Every byte is read under a bounds check, memory is asked for only after the
 * stream was seen to be long enough for what it claims, and nothing global is written once `j2k_make_tables` has run.
 */
#ifndef DICOMDECODE_J2K_H
#define DICOMDECODE_J2K_H

#include <stddef.h>
#include <stdint.h>

enum { J2K_MALFORMED = 1, J2K_TRUNCATED, J2K_UNSUPPORTED, J2K_NO_MEMORY };

typedef struct {
    int kind;
    const char *code;           /* a stable word */
    const char *what;           /* a phrase, never text of the stream */
    int64_t offset;             /* from SOC; -1: not said, here and below */
    int64_t expected;
    int64_t found;
} J2kFault;

typedef struct {
    const uint8_t *data;        /* the bare codestream, from SOC on */
    size_t size;
    int components;             /* 1 to 4; a stream that disagrees is refused */
    uint32_t rows;
    uint32_t columns;
    int is_signed;              /* of the samples wanted: unsigned ones of the stream are sign-extended */
    int item_bytes;             /* of one sample wanted: 1, 2 or 4 */
    int threads;
    int reduce;                 /* resolution levels left out */
    uint32_t row;               /* the area wanted, in pixels of the full resolution */
    uint32_t column;
    uint32_t height;
    uint32_t width;
} J2kJob;

/* Fill the constant tables; before anything else, once. */
void j2k_make_tables(void);

/* Decode into `out`, [rows, columns, components] of the area, from ceil(first / 2^reduce) to ceil(last / 2^reduce)
 * along each axis. Returns 0, or -1 with `fault` filled. */
int j2k_run(const J2kJob *job, void *out, J2kFault *fault);

#endif
