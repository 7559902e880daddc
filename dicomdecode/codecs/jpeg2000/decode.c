/* From a codestream to samples: tile after tile, each from packets to rows of output. */
#include <stdlib.h>
#include <string.h>

#include "output.h"

int j2k_fail(J2kFault *fault, int kind, const char *code, const char *what, int64_t offset, int64_t expected,
             int64_t found) {
    *fault = (J2kFault){kind, code, what, offset, expected, found};
    return -1;
}

void *j2k_room(Buffer *buffer, size_t count, size_t size, J2kFault *fault) {
    if (count == 0) count = 1;
    if (count <= SIZE_MAX / size && count * size <= buffer->room) return buffer->data;
    free(buffer->data);
    *buffer = (Buffer){count <= SIZE_MAX / size ? malloc(count * size) : NULL, count * size};
    if (!buffer->data) {
        buffer->room = 0;
        j2k_fail(fault, J2K_NO_MEMORY, "no_memory", "No memory for the decoder", -1, -1, -1);
    }
    return buffer->data;
}

void *j2k_grow(Buffer *buffer, size_t count, size_t size, J2kFault *fault) {
    if (count <= buffer->room / size) return buffer->data;
    size_t more = buffer->room / size / 2 + 64;
    more = count > more ? count : more + buffer->room / size;
    void *data = more <= SIZE_MAX / size ? realloc(buffer->data, more * size) : NULL;
    if (!data) {
        j2k_fail(fault, J2K_NO_MEMORY, "no_memory", "No memory for the decoder", -1, -1, -1);
        return NULL;
    }
    *buffer = (Buffer){data, more * size};
    return data;
}

static int check_job(const J2kJob *job, const Stream *s, J2kFault *fault) {
    const uint32_t rows = (uint32_t)(s->image.y1 - s->image.y0), columns = (uint32_t)(s->image.x1 - s->image.x0);
    if (rows != job->rows)
        return j2k_fail(fault, J2K_MALFORMED, "stream_rows", "rows of the stream", -1, job->rows, rows);
    if (columns != job->columns)
        return j2k_fail(fault, J2K_MALFORMED, "stream_columns", "columns of the stream", -1,
                        job->columns, columns);
    if (s->components != job->components)
        return j2k_fail(fault, J2K_MALFORMED, "stream_components", "components of the stream",
                        -1, job->components, s->components);
    for (int i = 0; i < s->components; i++)
        if (s->precision[i] > 8 * job->item_bytes)
            return j2k_fail(fault, J2K_MALFORMED, "stream_precision",
                            "bits of a sample of the stream exceed Bits Allocated", -1, 8 * job->item_bytes,
                            s->precision[i]);
    /* else the reduced picture would begin between two of its pixels */
    if (((uint64_t)s->image.x0 | (uint64_t)s->image.y0) & (((uint64_t)1 << job->reduce) - 1))
        return j2k_fail(fault, J2K_UNSUPPORTED, "reduce", "reduce does not divide the codestream's image offset",
                        -1, -1, -1);
    return 0;
}

static int decode_tile(const J2kJob *job, const Stream *s, uint32_t tile, const Output *output, Tile *t,
                       uint64_t *budget, J2kFault *fault) {
    if (s->first_part[tile] == NONE)
        return j2k_fail(fault, J2K_TRUNCATED, "stream_cut", "the codestream ends before its last tile", -1, -1, -1);
    if (j2k_read_tile_coding(s, tile, t, fault) ||
        j2k_lay_out(s, tile, job->reduce, output->area, t, budget, fault))
        return -1;
    if (is_empty(t->wanted)) return 0;
    if (j2k_read_packets(s, tile, t, fault) || j2k_give_room(s, t, fault) ||
        j2k_decode_blocks(t, job->threads, fault) || j2k_open_levels(s, t, fault))
        return -1;
    return j2k_write_tile(s, t, output, fault);
}

static int decode_tiles(const J2kJob *job, const Stream *s, Tile *t, void *out, J2kFault *fault) {
    const int64_t x = (int64_t)s->image.x0 + job->column, y = (int64_t)s->image.y0 + job->row;
    const Output output = {
        out,
        {ceil_shift(x, job->reduce), ceil_shift(y, job->reduce), ceil_shift(x + job->width, job->reduce),
         ceil_shift(y + job->height, job->reduce)},
        job->is_signed,
        job->item_bytes,
    };
    uint64_t budget = s->size;
    for (uint32_t i = 0; i < s->tiles_across * s->tiles_down; i++)
        if (decode_tile(job, s, i, &output, t, &budget, fault)) return -1;
    return 0;
}

int j2k_run(const J2kJob *job, void *out, J2kFault *fault) {
    Stream stream = {.data = job->data, .size = job->size};
    Tile *t = calloc(1, sizeof *t);
    if (!t) return j2k_fail(fault, J2K_NO_MEMORY, "no_memory", "No memory for the decoder", -1, -1, -1);
    int status = j2k_read_stream(&stream, fault);
    if (status == 0) status = check_job(job, &stream, fault);
    if (status == 0) status = decode_tiles(job, &stream, t, out, fault);
    Buffer *const buffers[] = {
        &t->layer_buffer, &t->patch_buffer, &t->block_buffer, &t->node_buffer,        &t->chunk_buffer,
        &t->turn_buffer,  &t->row_buffer,   &t->packed_buffer, &t->coefficient_buffer, &stream.packed,
        &stream.parts,    &stream.first_parts,
    };
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) free(buffers[i]->data);
    free(t);
    return status;
}
