/* The image ops: attributes to a request of the core, contents to a tensor. */
#include "op.h"
#include "float_mode.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int element_type(TF_DataType type) {
    switch ((int)type) {
    case TF_UINT8: return T_U8;
    case TF_INT8: return T_I8;
    case TF_UINT16: return T_U16;
    case TF_INT16: return T_I16;
    case TF_UINT32: return T_U32;
    case TF_INT32: return T_I32;
    case TF_UINT64: return T_U64;
    case TF_INT64: return T_I64;
    case TF_FLOAT: return T_F32;
    case TF_DOUBLE: return T_F64;
    case TF_HALF: return T_F16;
    default: return -1;
    }
}

/* A text attribute, at most `room` - 1 bytes and ended by a zero byte, which TensorFlow does not write. */
static void text_attribute(TF_OpKernelConstruction *construction, const char *name, char *text, size_t room,
                           TF_Status *status) {
    memset(text, 0, room);
    tf.TF_OpKernelConstruction_GetAttrString(construction, name, text, room - 1, status);
}

/* The attribute `options`, to be freed; NULL where it cannot be had. */
static char *options_of(TF_OpKernelConstruction *construction, TF_Status *status) {
    int32_t list_size = 0, size = 0;
    tf.TF_OpKernelConstruction_GetAttrSize(construction, "options", &list_size, &size, status);
    if (tf.TF_GetCode(status) != DD_OK) return NULL;
    char *text = (char *)malloc((size_t)size + 1);
    if (text == NULL)
        tf.TF_SetStatus(status, DD_RESOURCE_EXHAUSTED, "no memory for options");
    else
        text_attribute(construction, "options", text, (size_t)size + 1, status);
    return text;
}

/* The attributes of the original as options. TensorFlow has checked the words. */
static char *options_of_original(TF_OpKernelConstruction *construction, TF_Status *status) {
    enum { ROOM = 128 };
    char on_error[16], scale[16];
    char *text = (char *)malloc(ROOM);
    text_attribute(construction, "on_error", on_error, sizeof on_error, status);
    if (tf.TF_GetCode(status) == DD_OK) text_attribute(construction, "scale", scale, sizeof scale, status);
    if (text == NULL)
        tf.TF_SetStatus(status, DD_RESOURCE_EXHAUSTED, "no memory for options");
    else if (tf.TF_GetCode(status) == DD_OK)
        snprintf(text, ROOM, "{\"values\": \"tfio\", \"on_error\": \"%s\", \"scale\": \"%s\"}", on_error, scale);
    return text;
}

typedef char *(*options_function)(TF_OpKernelConstruction *, TF_Status *);

static void open_request(kernel *k, TF_OpKernelConstruction *construction, options_function options, TF_Status *status) {
    dd_error error;
    char *text;
    tf.TF_OpKernelConstruction_GetAttrType(construction, "dtype", &k->type, status);
    if (tf.TF_GetCode(status) != DD_OK) return;
    k->element = element_type(k->type);
    if (k->element < 0) {
        tf.TF_SetStatus(status, DD_INVALID_ARGUMENT, "dtype is none that images are converted to");
        return;
    }
    text = options(construction, status);
    if (tf.TF_GetCode(status) == DD_OK &&
        ((k->decoder = attached(&error)) == NULL ||
         k->decoder->open(k->element, text, strlen(text), &k->request, &error) < 0))
        tf.TF_SetStatus(status, (TF_Code)error.code, error.message);
    free(text);
}

static void *image_kernel(TF_OpKernelConstruction *construction, options_function options, int says_why) {
    kernel *k = new_kernel(construction);
    if (k == NULL) return NULL;
    TF_Status *status = tf.TF_NewStatus();
    k->says_why = says_why;
    open_request(k, construction, options, status);
    if (tf.TF_GetCode(status) != DD_OK) tf.TF_OpKernelConstruction_Failure(construction, status);
    tf.TF_DeleteStatus(status);
    return k;
}

void *create_image(TF_OpKernelConstruction *construction) { return image_kernel(construction, options_of, 0); }
void *create_image_or_why(TF_OpKernelConstruction *construction) {
    return image_kernel(construction, options_of, 1);
}
void *create_original_image(TF_OpKernelConstruction *construction) {
    return image_kernel(construction, options_of_original, 0);
}

/* The one string of input 0; 0 when there is another number of them. */
static int contents_of(const TF_Tensor *tensor, const uint8_t **contents, size_t *size, dd_error *error) {
    if (element_count(tensor, 1) != 1) {
        error->code = DD_INVALID_ARGUMENT;
        snprintf(error->message, sizeof error->message,
                 "contents must be one string, the bytes of one DICOM file; decode_dicom_batch takes several");
        return 0;
    }
    const TF_TString *string = (const TF_TString *)tf.TF_TensorData(tensor);
    *contents = (const uint8_t *)tf.TF_StringGetDataPointer(string);
    *size = tf.TF_StringGetSize(string);
    return 1;
}

size_t item_bytes_of(const kernel *k) {
    static const size_t item_bytes[T_COUNT] = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 2};
    return item_bytes[k->element];
}

/* TensorFlow ends the process on a negative dimension or an overflowing product: look first. */
int is_shape(const dd_image *image, size_t item_bytes) {
    size_t bytes = item_bytes;
    if (image->dim_count < 0 || image->dim_count > DD_MOST_DIMS) return 0;
    for (int i = 0; i < image->dim_count; i++) {
        if (image->dims[i] < 0) return 0;
        if (image->dims[i] != 0 && bytes > (size_t)INT64_MAX / (size_t)image->dims[i]) return 0;
        bytes *= (size_t)image->dims[i];
    }
    return bytes == image->bytes;
}

static void write_image(const kernel *k, dd_image *image, TF_OpKernelContext *context, TF_Status *status,
                        dd_error *error) {
    for (;;) {
        if (!is_shape(image, item_bytes_of(k))) {
            wrong_shape(error);
            return;
        }
        TF_AllocatorAttributes attributes = {sizeof attributes, 1};
        /* What an output was allocated for cannot be taken back: where the shape may change, it becomes one at the end. */
        TF_Tensor *tensor = image->may_change
                                ? tf.TF_AllocateTemp(context, k->type, image->dims, image->dim_count, &attributes, status)
                                : tf.TF_AllocateOutput(context, 0, k->type, image->dims, image->dim_count, image->bytes, status);
        if (tf.TF_GetCode(status) != DD_OK) {
            if (tensor != NULL) tf.TF_DeleteTensor(tensor);
            tf.TF_OpKernelContext_Failure(context, status);
            return;
        }
        int is_temporary = image->may_change;
        int result = k->decoder->fill(image, image->bytes ? tf.TF_TensorData(tensor) : NULL, error);
        if (result == DD_FILLED && is_temporary) {
            tf.TF_SetOutput(context, 0, tensor, status);
            if (tf.TF_GetCode(status) != DD_OK) tf.TF_OpKernelContext_Failure(context, status);
        }
        tf.TF_DeleteTensor(tensor);
        if (result == DD_AGAIN && !is_temporary) wrong_shape(error);
        if (result != DD_AGAIN || !is_temporary) return;
    }
}

/* The outputs of an op that says why: the image, empty with an error, and its text. */
static void say_why(const kernel *k, TF_OpKernelContext *context, TF_Status *status, const dd_error *error) {
    const int64_t none = 0;
    TF_Tensor *why = tf.TF_AllocateOutput(context, 1, TF_STRING, NULL, 0, TSTRING_BYTES, status);
    if (tf.TF_GetCode(status) == DD_OK) {
        TF_TString *text = (TF_TString *)tf.TF_TensorData(why);
        tf.TF_StringInit(text);
        tf.TF_StringCopy(text, error->message, strlen(error->message));
    }
    if (why != NULL) tf.TF_DeleteTensor(why);
    if (tf.TF_GetCode(status) == DD_OK && error->code != DD_OK) {
        TF_Tensor *image = tf.TF_AllocateOutput(context, 0, k->type, &none, 1, 0, status);
        if (image != NULL) tf.TF_DeleteTensor(image);
    }
    if (tf.TF_GetCode(status) != DD_OK) tf.TF_OpKernelContext_Failure(context, status);
}

void compute_image(void *data, TF_OpKernelContext *context) {
    const kernel *k = (const kernel *)data;
    TF_Status *status = tf.TF_NewStatus();
    TF_Tensor *input = NULL;
    dd_error error;
    dd_image image;
    const uint8_t *contents = NULL;
    size_t size = 0;
    float_mode mode = keep_subnormals();
    error.code = DD_OK;
    error.message[0] = 0;
    tf.TF_GetInput(context, 0, &input, status);
    if (tf.TF_GetCode(status) != DD_OK) {
        tf.TF_OpKernelContext_Failure(context, status);
    } else {
        if (contents_of(input, &contents, &size, &error) &&
            k->decoder->prepare(k->request, contents, size, &image, &error) == 0) {
            write_image(k, &image, context, status, &error);
            k->decoder->release(&image);
        }
        if (k->says_why && tf.TF_GetCode(status) == DD_OK && (error.code == DD_OK || error.code == DD_INVALID_ARGUMENT))
            say_why(k, context, status, &error);
        else if (error.code != DD_OK)
            failed(context, status, &error);
        tf.TF_DeleteTensor(input);
    }
    tf.TF_DeleteStatus(status);
    restore(mode);
}

/* A skipped image is one-dimensional: the rank of an image is known to the caller alone. */
void shape_of_image(TF_ShapeInferenceContext *context, TF_Status *status) {
    tf.TF_ShapeInferenceContextSetUnknownShape(context, status);
}

/* What tensorflow-io declared, whatever its arguments; a skipped image is one-dimensional all the same. */
void shape_of_original(TF_ShapeInferenceContext *context, TF_Status *status) {
    TF_ShapeHandle *unknown = tf.TF_ShapeInferenceContextVectorFromSize(context, (size_t)-1);
    TF_ShapeHandle *shape = tf.TF_ShapeInferenceContextVectorFromSize(context, (size_t)-1);
    for (int rank = 1; rank < 4 && tf.TF_GetCode(status) == DD_OK; rank++)
        tf.TF_ShapeInferenceContextConcatenateShapes(context, shape, unknown, shape, status);
    if (tf.TF_GetCode(status) == DD_OK) tf.TF_ShapeInferenceContextSetOutput(context, 0, shape, status);
    tf.TF_DeleteShapeHandle(shape);
    tf.TF_DeleteShapeHandle(unknown);
}
