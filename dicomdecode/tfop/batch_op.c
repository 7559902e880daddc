/* The batch op: the contents of several files to one row of cells, image after image, and the shape of each. */
#include "op.h"
#include "float_mode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t count;
    dd_image *images;
    size_t prepared;  /* of them, the first so many */
    int64_t *sizes;   /* four of each image; zeros where it has no cells */
    size_t item;      /* bytes of a cell */
    size_t bytes;     /* of all images, as they were prepared */
    int may_change;   /* one of them may turn out to be damaged */
} batch;

void *create_batch(TF_OpKernelConstruction *construction) {
    kernel *k = (kernel *)create_image(construction);
    if (k == NULL) return NULL;
    TF_Status *status = tf.TF_NewStatus();
    TF_Bool is_strict = 0;
    tf.TF_OpKernelConstruction_GetAttrInt32(construction, "samples", &k->samples, status);
    if (tf.TF_GetCode(status) == DD_OK)
        tf.TF_OpKernelConstruction_GetAttrBool(construction, "is_strict", &is_strict, status);
    k->is_strict = is_strict != 0;
    if (tf.TF_GetCode(status) != DD_OK) tf.TF_OpKernelConstruction_Failure(construction, status);
    tf.TF_DeleteStatus(status);
    return k;
}

/* The size of an image that has cells, and the samples that are asked for; else zeros. */
static int has_cells(const kernel *k, const dd_image *image, int64_t *size) {
    const int is_wanted = image->dim_count == 4 && (k->samples == 0 || image->dims[3] == k->samples);
    for (int i = 0; i < 4; i++) size[i] = is_wanted ? image->dims[i] : 0;
    return is_wanted;
}

/* What each file will give. 0, or -1 with `error`. */
static int prepare_all(const kernel *k, const TF_Tensor *input, batch *b, dd_error *error) {
    const char *strings = (const char *)tf.TF_TensorData(input);
    for (size_t i = 0; i < b->count; i++) {
        const TF_TString *string = (const TF_TString *)(strings + i * TSTRING_BYTES);
        dd_image *image = &b->images[i];
        if (k->decoder->prepare(k->request, (const uint8_t *)tf.TF_StringGetDataPointer(string),
                                tf.TF_StringGetSize(string), image, error) < 0)
            return -1;
        b->prepared++;
        b->may_change |= image->may_change;
        if (!is_shape(image, b->item) || image->bytes > (size_t)INT64_MAX - b->bytes) {
            wrong_shape(error);
            return -1;
        }
        if (has_cells(k, image, &b->sizes[4 * i]))
            b->bytes += image->bytes;
        else if (image->dim_count == 4 && k->is_strict) {
            error->code = DD_INVALID_ARGUMENT;
            snprintf(error->message, sizeof error->message, "an image has %d samples per pixel, not %d",
                     (int)image->dims[3], k->samples);
            return -1;
        }
    }
    return 0;
}

/* Write all images, one behind the other; how many bytes they take, -1 with `error`. An image that turns out to be damaged
 * takes none, where it is no error. */
static int64_t fill_all(const kernel *k, batch *b, char *cells, dd_error *error) {
    size_t at = 0;
    for (size_t i = 0; i < b->count; i++) {
        dd_image *image = &b->images[i];
        const size_t room = image->bytes;
        int result = DD_AGAIN;
        while (result == DD_AGAIN && has_cells(k, image, &b->sizes[4 * i]) && image->bytes <= room) {
            result = k->decoder->fill(image, cells + at, error);
            if (result == DD_AGAIN && !image->may_change) {
                wrong_shape(error);
                return -1;
            }
        }
        if (result == DD_FAILED) return -1;
        if (result == DD_FILLED)
            at += image->bytes;
        else
            memset(&b->sizes[4 * i], 0, 4 * sizeof *b->sizes);
    }
    return (int64_t)at;
}

/* The row of cells as output 0. */
static void write_cells(const kernel *k, batch *b, TF_OpKernelContext *context, TF_Status *status, dd_error *error) {
    TF_AllocatorAttributes attributes = {sizeof attributes, 1};
    int64_t dims[1] = {(int64_t)(b->bytes / b->item)};
    /* As for one image: what an output was allocated for cannot be taken back. */
    TF_Tensor *cells = b->may_change ? tf.TF_AllocateTemp(context, k->type, dims, 1, &attributes, status)
                                     : tf.TF_AllocateOutput(context, 0, k->type, dims, 1, b->bytes, status);
    if (tf.TF_GetCode(status) == DD_OK) {
        char *place = b->bytes ? (char *)tf.TF_TensorData(cells) : NULL;
        const int64_t filled = fill_all(k, b, place, error);
        if (filled >= 0 && (size_t)filled < b->bytes) {
            dims[0] = filled / (int64_t)b->item;
            TF_Tensor *shorter = tf.TF_AllocateOutput(context, 0, k->type, dims, 1, (size_t)filled, status);
            if (tf.TF_GetCode(status) == DD_OK && filled) memcpy(tf.TF_TensorData(shorter), place, (size_t)filled);
            if (shorter != NULL) tf.TF_DeleteTensor(shorter);
        } else if (filled >= 0 && b->may_change) {
            tf.TF_SetOutput(context, 0, cells, status);
        }
    }
    if (cells != NULL) tf.TF_DeleteTensor(cells);
}

/* The shapes as output 1, [files, 4]. */
static void write_sizes(const batch *b, TF_OpKernelContext *context, TF_Status *status) {
    const int64_t dims[2] = {(int64_t)b->count, 4};
    const size_t bytes = 4 * b->count * sizeof *b->sizes;
    TF_Tensor *sizes = tf.TF_AllocateOutput(context, 1, TF_INT64, dims, 2, bytes, status);
    if (tf.TF_GetCode(status) == DD_OK && bytes) memcpy(tf.TF_TensorData(sizes), b->sizes, bytes);
    if (sizes != NULL) tf.TF_DeleteTensor(sizes);
}

static void decode_all(const kernel *k, const TF_Tensor *input, TF_OpKernelContext *context, TF_Status *status,
                       dd_error *error) {
    batch b = {0};
    b.count = (size_t)element_count(input, INT64_MAX / (int64_t)sizeof(dd_image));
    b.item = item_bytes_of(k);
    b.images = (dd_image *)calloc(b.count ? b.count : 1, sizeof *b.images);
    b.sizes = (int64_t *)calloc(b.count ? b.count : 1, 4 * sizeof *b.sizes);
    if (b.images == NULL || b.sizes == NULL) {
        error->code = DD_RESOURCE_EXHAUSTED;
        snprintf(error->message, sizeof error->message, "no memory for %zu images", b.count);
    } else if (prepare_all(k, input, &b, error) == 0) {
        write_cells(k, &b, context, status, error);
        if (error->code == DD_OK && tf.TF_GetCode(status) == DD_OK) write_sizes(&b, context, status);
    }
    for (size_t i = 0; i < b.prepared; i++) k->decoder->release(&b.images[i]);
    free(b.images);
    free(b.sizes);
}

void compute_batch(void *data, TF_OpKernelContext *context) {
    const kernel *k = (const kernel *)data;
    TF_Status *status = tf.TF_NewStatus();
    TF_Tensor *input = NULL;
    dd_error error;
    float_mode mode = keep_subnormals();
    error.code = DD_OK;
    error.message[0] = 0;
    tf.TF_GetInput(context, 0, &input, status);
    if (tf.TF_GetCode(status) == DD_OK) {
        decode_all(k, input, context, status, &error);
        tf.TF_DeleteTensor(input);
    }
    if (tf.TF_GetCode(status) != DD_OK)
        tf.TF_OpKernelContext_Failure(context, status);
    else if (error.code != DD_OK)
        failed(context, status, &error);
    tf.TF_DeleteStatus(status);
    restore(mode);
}
