/* From a codestream to samples: tile after tile, each from packets to rows of output. */
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "output.h"
#include "threads.h"

enum { TILES_A_THREAD = 2, BLOCKS_A_THREAD = 4 };

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

typedef struct {                /* what threads that decode tiles share */
    Queue queue;
    const J2kJob *job;
    const Stream *stream;
    Output output;
    int64_t packets;            /* that the stream's bytes can still hold */
    int block_threads;          /* of each tile */
} Tiles;

static int decode_tile(Tiles *tiles, uint32_t number, Tile *t, J2kFault *fault) {
    const Stream *s = tiles->stream;
    if (s->first_part[number] == NONE)
        return j2k_fail(fault, J2K_TRUNCATED, "stream_cut", "the codestream ends before its last tile", -1, -1, -1);
    if (j2k_read_tile_coding(s, number, t, fault) ||
        j2k_lay_out(s, number, tiles->job->reduce, tiles->output.area, t, &tiles->packets, fault))
        return -1;
    if (is_empty(t->wanted)) return 0;
    t->threads = smaller(tiles->block_threads, (int32_t)(t->blocks / BLOCKS_A_THREAD));
    if (j2k_read_packets(s, number, t, fault)) return -1;
    t->wide = j2k_is_wide(s, t);
    if (t->wide) return j2k_write_wide_tile(s, t, &tiles->output, fault);
    if (j2k_give_room(s, t, fault) || (t->threads > 1 && j2k_decode_blocks(t, fault)) || j2k_open_levels(s, t, fault))
        return -1;
    return j2k_write_tile(s, t, &tiles->output, fault);
}

static void close_tile(Tile *t) {
    Buffer *const buffers[] = {
        &t->layer_buffer, &t->patch_buffer, &t->block_buffer,  &t->node_buffer,        &t->chunk_buffer,
        &t->turn_buffer,  &t->row_buffer,   &t->packed_buffer, &t->coefficient_buffer,
    };
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) free(buffers[i]->data);
    j2k_close_worker(t->worker);
    free(t);
}

static Tile *open_tile(J2kFault *fault) {
    Tile *t = calloc(1, sizeof *t);
    if (!t) {
        j2k_fail(fault, J2K_NO_MEMORY, "no_memory", "No memory for the decoder", -1, -1, -1);
        return NULL;
    }
    t->worker = j2k_open_worker(fault);
    if (t->worker) return t;
    close_tile(t);
    return NULL;
}

static void *work(void *argument) {
    Tiles *tiles = argument;
    J2kFault fault;
    uint32_t number;
    Tile *t = open_tile(&fault);
    if (!t) {
        j2k_give_up(&tiles->queue, &fault);
        return NULL;
    }
    while (j2k_take(&tiles->queue, &number))
        if (decode_tile(tiles, number, t, &fault)) j2k_give_up(&tiles->queue, &fault);
    close_tile(t);
    return NULL;
}

/* Threads take tiles where there are enough of them, else the code-blocks of one tile after the other. */
static int decode_tiles(const J2kJob *job, const Stream *s, void *out, J2kFault *fault) {
    const int64_t x = (int64_t)s->image.x0 + job->column, y = (int64_t)s->image.y0 + job->row;
    const uint32_t count = s->tiles_across * s->tiles_down;
    int wanted = 0;
    Tiles tiles = {
        .queue = {.count = count},
        .job = job,
        .stream = s,
        .output = {out,
                   {ceil_shift(x, job->reduce), ceil_shift(y, job->reduce), ceil_shift(x + job->width, job->reduce),
                    ceil_shift(y + job->height, job->reduce)},
                   job->is_signed,
                   job->item_bytes},
        .packets = (int64_t)s->size,
        .block_threads = 1,
    };
    for (uint32_t i = 0; i < count; i++) wanted += !is_empty(j2k_wanted(s, i, job->reduce, tiles.output.area));
    if (wanted < TILES_A_THREAD * job->threads) tiles.block_threads = job->threads;
    j2k_share(tiles.block_threads > 1 ? 1 : job->threads, work, &tiles);
    if (tiles.queue.failed) *fault = tiles.queue.fault;
    return tiles.queue.failed ? -1 : 0;
}

int j2k_run(const J2kJob *job, void *out, J2kFault *fault) {
    Stream stream = {.data = job->data, .size = job->size};
    int status = j2k_read_stream(&stream, fault);
    if (status == 0) status = check_job(job, &stream, fault);
    if (status == 0) status = decode_tiles(job, &stream, out, fault);
    free(stream.packed.data);
    free(stream.parts.data);
    free(stream.first_parts.data);
    return status;
}
