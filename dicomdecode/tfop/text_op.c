/* The text ops: contents and tags to strings. */
#include "op.h"
#include "float_mode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *create_data(TF_OpKernelConstruction *construction) {
    return new_kernel(construction);
}

void *create_original_data(TF_OpKernelConstruction *construction) {
    kernel *k = new_kernel(construction);
    if (k != NULL) k->original = 1;
    return k;
}

static void put_text(void *target, size_t index, const char *text, size_t size) {
    tf.TF_StringCopy((TF_TString *)((char *)target + index * TSTRING_BYTES), text, size);
}

/* The tags as a row of spans, NULL where they are numbers; to be freed. */
static dd_span *written_tags(const TF_Tensor *tags, size_t count, dd_error *error) {
    const char *given = count ? (const char *)tf.TF_TensorData(tags) : NULL;
    dd_span *written = (dd_span *)malloc((count ? count : 1) * sizeof *written);
    if (written == NULL) {
        error->code = DD_RESOURCE_EXHAUSTED;
        snprintf(error->message, sizeof error->message, "no memory for %zu tags", count);
    }
    for (size_t i = 0; written != NULL && i < count; i++) {
        const TF_TString *string = (const TF_TString *)(given + i * TSTRING_BYTES);
        written[i].data = tf.TF_StringGetDataPointer(string);
        written[i].size = tf.TF_StringGetSize(string);
    }
    return written;
}

/* `count` tags of each file to texts, into `output`, which has as many elements for each. */
static void write_texts(const kernel *k, const TF_Tensor *files, size_t file_count, const TF_Tensor *tags, size_t count,
                        TF_Tensor *output, dd_error *error) {
    const int are_numbers = tf.TF_TensorType(tags) != TF_STRING;
    const dd_core *decoder = attached(error);
    char *target = file_count && count ? (char *)tf.TF_TensorData(output) : NULL;
    for (size_t i = 0; i < file_count * count; i++) tf.TF_StringInit((TF_TString *)(target + i * TSTRING_BYTES));
    if (target == NULL || decoder == NULL) return;
    dd_span *written = are_numbers ? NULL : written_tags(tags, count, error);
    const uint32_t *numbers = are_numbers ? (const uint32_t *)tf.TF_TensorData(tags) : NULL;
    const char *strings = (const char *)tf.TF_TensorData(files);
    for (size_t i = 0; i < file_count && (are_numbers || written != NULL) && error->code == DD_OK; i++) {
        const TF_TString *string = (const TF_TString *)(strings + i * TSTRING_BYTES);
        decoder->texts(k->original, (const uint8_t *)tf.TF_StringGetDataPointer(string), tf.TF_StringGetSize(string),
                       numbers, written, count, put_text, target + i * count * TSTRING_BYTES, error);
    }
    free(written);
}

/* The shape of the texts into `dims`: that of the files, then that of the tags; the original has one file. The number of
 * dimensions, or -1 with `error`. */
static int shape_of_texts(const kernel *k, const TF_Tensor *files, const TF_Tensor *tags, int64_t *dims, int most,
                          dd_error *error) {
    const int ranks[2] = {k->original ? 0 : tf.TF_NumDims(files), tf.TF_NumDims(tags)};
    const int64_t file_count = element_count(files, INT64_MAX / TSTRING_BYTES);
    const int64_t count = element_count(tags, INT64_MAX / TSTRING_BYTES);
    error->code = DD_INVALID_ARGUMENT;
    if (k->original && file_count != 1) {
        snprintf(error->message, sizeof error->message, "contents must be one string, the bytes of one DICOM file");
        return -1;
    }
    if (ranks[0] + ranks[1] > most || file_count < 0 || count < 0 ||
        (count && file_count > INT64_MAX / TSTRING_BYTES / count)) {
        snprintf(error->message, sizeof error->message, "contents and tags have more than %d dimensions, or are too many",
                 most);
        return -1;
    }
    error->code = DD_OK;
    for (int i = 0; i < ranks[0]; i++) dims[i] = tf.TF_Dim(files, i);
    for (int i = 0; i < ranks[1]; i++) dims[ranks[0] + i] = tf.TF_Dim(tags, i);
    return ranks[0] + ranks[1];
}

void compute_data(void *data, TF_OpKernelContext *context) {
    enum { MOST_DIMS = 16 };
    const kernel *k = (const kernel *)data;
    TF_Status *status = tf.TF_NewStatus();
    TF_Tensor *files = NULL, *tags = NULL, *output = NULL;
    int64_t dims[MOST_DIMS];
    dd_error error;
    float_mode mode = keep_subnormals();
    error.code = DD_OK;
    error.message[0] = 0;
    tf.TF_GetInput(context, 0, &files, status);
    if (tf.TF_GetCode(status) == DD_OK) tf.TF_GetInput(context, 1, &tags, status);
    if (tf.TF_GetCode(status) == DD_OK) {
        const int rank = shape_of_texts(k, files, tags, dims, MOST_DIMS, &error);
        if (rank >= 0) {
            const size_t file_count = (size_t)element_count(files, INT64_MAX), count = (size_t)element_count(tags, INT64_MAX);
            output = tf.TF_AllocateOutput(context, 0, TF_STRING, dims, rank, file_count * count * TSTRING_BYTES, status);
            if (tf.TF_GetCode(status) == DD_OK) write_texts(k, files, file_count, tags, count, output, &error);
        }
    }
    if (tf.TF_GetCode(status) != DD_OK)
        tf.TF_OpKernelContext_Failure(context, status);
    else if (error.code != DD_OK)
        failed(context, status, &error);
    if (output != NULL) tf.TF_DeleteTensor(output);
    if (tags != NULL) tf.TF_DeleteTensor(tags);
    if (files != NULL) tf.TF_DeleteTensor(files);
    tf.TF_DeleteStatus(status);
    restore(mode);
}

void shape_of_data(TF_ShapeInferenceContext *context, TF_Status *status) {
    TF_ShapeHandle *files = tf.TF_NewShapeHandle(), *tags = tf.TF_NewShapeHandle();
    tf.TF_ShapeInferenceContextGetInput(context, 0, files, status);
    if (tf.TF_GetCode(status) == DD_OK) tf.TF_ShapeInferenceContextGetInput(context, 1, tags, status);
    if (tf.TF_GetCode(status) == DD_OK)
        tf.TF_ShapeInferenceContextConcatenateShapes(context, files, tags, files, status);
    if (tf.TF_GetCode(status) == DD_OK) tf.TF_ShapeInferenceContextSetOutput(context, 0, files, status);
    tf.TF_DeleteShapeHandle(tags);
    tf.TF_DeleteShapeHandle(files);
}

void shape_of_original_data(TF_ShapeInferenceContext *context, TF_Status *status) {
    TF_ShapeHandle *tags = tf.TF_NewShapeHandle();
    tf.TF_ShapeInferenceContextGetInput(context, 1, tags, status);
    if (tf.TF_GetCode(status) == DD_OK) tf.TF_ShapeInferenceContextSetOutput(context, 0, tags, status);
    tf.TF_DeleteShapeHandle(tags);
}
