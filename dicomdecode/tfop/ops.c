/* TensorFlow ops DecodeDicomImage and DecodeDicomData, through TensorFlow's C API.
 *
 * A plain C library: no TensorFlow header, no Python, no C++. One binary serves every TensorFlow 2, because each function
 * is looked up by name in the TensorFlow that is already in the process. Decoding is done by the core (bridge.h), which is
 * attached after loading.
 */
#define _GNU_SOURCE
#include "bridge.h"
#include "float_mode.h"
#include "tensorflow_c.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PUBLIC __attribute__((visibility("default")))

/* --- TensorFlow's functions ---------------------------------------------------------------------------------------- */

static struct {
#define MEMBER(result, name, parameters) result(*name) parameters;
    DD_TENSORFLOW_FUNCTIONS(MEMBER)
#undef MEMBER
} tf;

/* Why the ops are not there; empty when they are. Read by dicomdecode.tensorflow. */
static char problem[256];

static int resolve(void) {
    /* NOLOAD: only what the process has loaded. The first holds ops and kernels, the second strings. */
    static const char *const names[] = {
#ifdef __APPLE__
        "@rpath/libtensorflow_framework.2.dylib", "@rpath/libtensorflow_cc.2.dylib"
#else
        "libtensorflow_framework.so.2", "libtensorflow_cc.so.2"
#endif
    };
    void *handles[3] = {dlopen(names[0], RTLD_LAZY | RTLD_NOLOAD), dlopen(names[1], RTLD_LAZY | RTLD_NOLOAD), RTLD_DEFAULT};
    const char *missing = NULL;
#define FIND(result, name, parameters)                                              \
    for (int i = 0; i < 3 && tf.name == NULL; i++)                                  \
        if (handles[i] != NULL || i == 2) {                                         \
            void *found = dlsym(handles[i], #name);                                 \
            memcpy(&tf.name, &found, sizeof found);                                 \
        }                                                                           \
    if (tf.name == NULL && missing == NULL) missing = #name;
    DD_TENSORFLOW_FUNCTIONS(FIND)
#undef FIND
    if (missing != NULL) snprintf(problem, sizeof problem, "TensorFlow's C API has no %s", missing);
    return missing == NULL;
}

/* --- the core ------------------------------------------------------------------------------------------------------ */

static const dd_core *core;

PUBLIC const char *dicomdecode_problem(void) { return problem; }

/* 0 when the core speaks this version. */
PUBLIC int dicomdecode_attach(const dd_core *given) {
    if (given->version != DD_CORE_VERSION) return -1;
    __atomic_store_n(&core, given, __ATOMIC_RELEASE);
    return 0;
}

static const dd_core *attached(dd_error *error) {
    const dd_core *found = __atomic_load_n(&core, __ATOMIC_ACQUIRE);
    if (found == NULL) {
        error->code = DD_FAILED_PRECONDITION;
        snprintf(error->message, sizeof error->message, "import dicomdecode.tensorflow before running its ops");
    }
    return found;
}

/* --- attributes ---------------------------------------------------------------------------------------------------- */

typedef struct {
    int original; /* the ops of tensorflow-io */
    int says_why; /* what is wrong with the contents is a second output, and no failure */
    dd_request request;
    TF_DataType type;
} kernel;

static int element_type(TF_DataType type) {
    switch ((int)type) { /* the order of words.h */
    case TF_UINT8: return 0;
    case TF_INT8: return 1;
    case TF_UINT16: return 2;
    case TF_INT16: return 3;
    case TF_UINT32: return 4;
    case TF_INT32: return 5;
    case TF_UINT64: return 6;
    case TF_INT64: return 7;
    case TF_FLOAT: return 8;
    case TF_DOUBLE: return 9;
    case TF_HALF: return 10;
    default: return -1;
    }
}

/* The position of a text attribute in `words`, which ends with NULL. TensorFlow has checked the op's own list. */
static int word(TF_OpKernelConstruction *construction, const char *name, const char *const *words, TF_Status *status) {
    char text[32] = {0}; /* TensorFlow writes no zero byte */
    tf.TF_OpKernelConstruction_GetAttrString(construction, name, text, sizeof text - 1, status);
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(words[i], text) == 0) return i;
    if (tf.TF_GetCode(status) == DD_OK) tf.TF_SetStatus(status, DD_INVALID_ARGUMENT, "attribute out of range");
    return 0;
}

static const char *const ON_ERROR[] = {"strict", "skip", "lossy", NULL};
static const char *const SCALE[] = {"preserve", "auto", NULL};
static const char *const VALUES[] = {"stored", "modality", "voi", "display", "real_world", "tfio", NULL};
static const char *const COLOR[] = {"rgb", "stored", "palette", "rgba", "srgb", NULL};
static const char *const TEXTS[] = {"documented", "tfio", NULL};
enum { VALUES_TFIO = 5 };

#define ON_ERROR_ATTR "on_error: {'strict', 'skip', 'lossy'} = 'skip'"
#define SCALE_ATTR "scale: {'preserve', 'auto'} = 'preserve'"

static void *image_kernel(TF_OpKernelConstruction *construction, int original) {
    TF_Status *status = tf.TF_NewStatus();
    kernel *k = (kernel *)calloc(1, sizeof *k);
    TF_Bool color_dim = 0;
    int32_t frame_dim = -1;
    if (k == NULL) {
        tf.TF_SetStatus(status, DD_RESOURCE_EXHAUSTED, "no memory for a kernel");
    } else {
        k->request.values = VALUES_TFIO;
        tf.TF_OpKernelConstruction_GetAttrBool(construction, "color_dim", &color_dim, status);
        tf.TF_OpKernelConstruction_GetAttrType(construction, "dtype", &k->type, status);
        k->request.on_error = word(construction, "on_error", ON_ERROR, status);
        k->request.scale = word(construction, "scale", SCALE, status);
        if (!original) {
            k->request.values = word(construction, "values", VALUES, status);
            k->request.color = word(construction, "color", COLOR, status);
            tf.TF_OpKernelConstruction_GetAttrInt32(construction, "frame_dim", &frame_dim, status);
        }
        if (frame_dim > 1 && tf.TF_GetCode(status) == DD_OK)
            tf.TF_SetStatus(status, DD_INVALID_ARGUMENT, "frame_dim must be -1 (where there are several frames), 0 or 1");
        k->request.color_dim = color_dim != 0;
        k->request.frame_dim = frame_dim;
        k->request.type = element_type(k->type);
        if (k->request.type < 0 && tf.TF_GetCode(status) == DD_OK)
            tf.TF_SetStatus(status, DD_INVALID_ARGUMENT, "dtype is none that images are converted to");
    }
    if (tf.TF_GetCode(status) != DD_OK) tf.TF_OpKernelConstruction_Failure(construction, status);
    tf.TF_DeleteStatus(status);
    return k;
}

static void *create_image(TF_OpKernelConstruction *construction) { return image_kernel(construction, 0); }
static void *create_image_or_why(TF_OpKernelConstruction *construction) {
    kernel *k = (kernel *)image_kernel(construction, 0);
    if (k != NULL) k->says_why = 1;
    return k;
}
static void *create_original_image(TF_OpKernelConstruction *construction) { return image_kernel(construction, 1); }

static void *create_data(TF_OpKernelConstruction *construction) {
    TF_Status *status = tf.TF_NewStatus();
    kernel *k = (kernel *)calloc(1, sizeof *k);
    if (k == NULL)
        tf.TF_SetStatus(status, DD_RESOURCE_EXHAUSTED, "no memory for a kernel");
    else
        k->original = word(construction, "values", TEXTS, status);
    if (tf.TF_GetCode(status) != DD_OK) tf.TF_OpKernelConstruction_Failure(construction, status);
    tf.TF_DeleteStatus(status);
    return k;
}

static void *create_original_data(TF_OpKernelConstruction *construction) {
    (void)construction;
    kernel *k = (kernel *)calloc(1, sizeof *k);
    if (k != NULL) k->original = 1;
    return k;
}

static void delete_kernel(void *k) { free(k); }

/* --- computing ----------------------------------------------------------------------------------------------------- */

enum { TSTRING_BYTES = 24 }; /* of an element of a string tensor */

static void failed(TF_OpKernelContext *context, TF_Status *status, const dd_error *error) {
    tf.TF_SetStatus(status, (TF_Code)error->code, error->message);
    tf.TF_OpKernelContext_Failure(context, status);
}

/* The number of elements, -1 when it exceeds `most`. */
static int64_t element_count(const TF_Tensor *tensor, int64_t most) {
    int64_t count = 1;
    for (int i = 0; i < tf.TF_NumDims(tensor); i++) {
        int64_t n = tf.TF_Dim(tensor, i);
        if (n == 0) return 0;
        if (n < 0 || count > most / n) return -1;
        count *= n;
    }
    return count;
}

/* The one string of input 0; 0 when there is another number of them. */
static int contents_of(const TF_Tensor *tensor, const uint8_t **contents, size_t *size, dd_error *error) {
    if (element_count(tensor, 1) != 1) {
        error->code = DD_INVALID_ARGUMENT;
        snprintf(error->message, sizeof error->message,
                 "contents must be one string, the bytes of one DICOM file; use tf.map_fn or decode_dicom_batch for several");
        return 0;
    }
    const TF_TString *string = (const TF_TString *)tf.TF_TensorData(tensor);
    *contents = (const uint8_t *)tf.TF_StringGetDataPointer(string);
    *size = tf.TF_StringGetSize(string);
    return 1;
}

/* TensorFlow ends the process on a negative dimension or an overflowing product: look first. */
static int is_shape(const dd_image *image, size_t item_bytes) {
    size_t bytes = item_bytes;
    if (image->dim_count < 0 || image->dim_count > DD_MOST_DIMS) return 0;
    for (int i = 0; i < image->dim_count; i++) {
        if (image->dims[i] < 0) return 0;
        if (image->dims[i] != 0 && bytes > (size_t)INT64_MAX / (size_t)image->dims[i]) return 0;
        bytes *= (size_t)image->dims[i];
    }
    return bytes == image->bytes;
}

static void write_image(const dd_core *decoder, const kernel *k, dd_image *image, TF_OpKernelContext *context,
                        TF_Status *status, dd_error *error) {
    static const size_t item_bytes[] = {1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 2};
    for (;;) {
        if (!is_shape(image, item_bytes[k->request.type])) {
            error->code = DD_INTERNAL;
            snprintf(error->message, sizeof error->message, "the decoder gave an impossible shape");
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
        int result = decoder->fill(image, image->bytes ? tf.TF_TensorData(tensor) : NULL, error);
        if (result == DD_FILLED && is_temporary) {
            tf.TF_SetOutput(context, 0, tensor, status);
            if (tf.TF_GetCode(status) != DD_OK) tf.TF_OpKernelContext_Failure(context, status);
        }
        tf.TF_DeleteTensor(tensor);
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

static void compute_image(void *data, TF_OpKernelContext *context) {
    const kernel *k = (const kernel *)data;
    TF_Status *status = tf.TF_NewStatus();
    TF_Tensor *input = NULL;
    dd_error error;
    dd_image image;
    const uint8_t *contents = NULL;
    size_t size = 0;
    const dd_core *decoder;
    float_mode mode = keep_subnormals();
    error.code = DD_OK;
    error.message[0] = 0;
    tf.TF_GetInput(context, 0, &input, status);
    if (tf.TF_GetCode(status) != DD_OK) {
        tf.TF_OpKernelContext_Failure(context, status);
    } else {
        if ((decoder = attached(&error)) != NULL && contents_of(input, &contents, &size, &error) &&
            decoder->prepare(&k->request, contents, size, &image, &error) == 0) {
            write_image(decoder, k, &image, context, status, &error);
            decoder->release(&image);
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

static void put_text(void *target, size_t index, const char *text, size_t size) {
    tf.TF_StringCopy((TF_TString *)((char *)target + index * TSTRING_BYTES), text, size);
}

/* `tags` to texts, into `output`, which has as many elements. */
static void write_texts(const kernel *k, const TF_Tensor *input, const TF_Tensor *tags, TF_Tensor *output, size_t count,
                        dd_error *error) {
    const uint8_t *contents = NULL;
    size_t size = 0;
    const dd_core *decoder = attached(error);
    if (decoder == NULL || !contents_of(input, &contents, &size, error)) return;
    char *target = count ? (char *)tf.TF_TensorData(output) : NULL;
    for (size_t i = 0; i < count; i++) tf.TF_StringInit((TF_TString *)(target + i * TSTRING_BYTES));
    const char *given = count ? (const char *)tf.TF_TensorData(tags) : NULL;
    if (tf.TF_TensorType(tags) != TF_STRING) {
        decoder->texts(k->original, contents, size, (const uint32_t *)given, NULL, count, put_text, target, error);
        return;
    }
    dd_span *written = (dd_span *)malloc((count ? count : 1) * sizeof *written);
    if (written == NULL) {
        error->code = DD_RESOURCE_EXHAUSTED;
        snprintf(error->message, sizeof error->message, "no memory for %zu tags", count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const TF_TString *string = (const TF_TString *)(given + i * TSTRING_BYTES);
        written[i].data = tf.TF_StringGetDataPointer(string);
        written[i].size = tf.TF_StringGetSize(string);
    }
    decoder->texts(k->original, contents, size, NULL, written, count, put_text, target, error);
    free(written);
}

static void compute_data(void *data, TF_OpKernelContext *context) {
    enum { MOST_DIMS = 16 };
    const kernel *k = (const kernel *)data;
    TF_Status *status = tf.TF_NewStatus();
    TF_Tensor *input = NULL, *tags = NULL, *output = NULL;
    int64_t dims[MOST_DIMS];
    dd_error error;
    float_mode mode = keep_subnormals();
    error.code = DD_OK;
    error.message[0] = 0;
    tf.TF_GetInput(context, 0, &input, status);
    if (tf.TF_GetCode(status) == DD_OK) tf.TF_GetInput(context, 1, &tags, status);
    if (tf.TF_GetCode(status) == DD_OK) {
        int rank = tf.TF_NumDims(tags);
        int64_t count = element_count(tags, INT64_MAX / TSTRING_BYTES);
        if (rank > MOST_DIMS || count < 0) {
            error.code = DD_INVALID_ARGUMENT;
            snprintf(error.message, sizeof error.message, "tags has more than %d dimensions", MOST_DIMS);
        } else {
            for (int i = 0; i < rank; i++) dims[i] = tf.TF_Dim(tags, i);
            output = tf.TF_AllocateOutput(context, 0, TF_STRING, dims, rank, (size_t)count * TSTRING_BYTES, status);
            if (tf.TF_GetCode(status) == DD_OK) write_texts(k, input, tags, output, (size_t)count, &error);
        }
    }
    if (tf.TF_GetCode(status) != DD_OK)
        tf.TF_OpKernelContext_Failure(context, status);
    else if (error.code != DD_OK)
        failed(context, status, &error);
    if (output != NULL) tf.TF_DeleteTensor(output);
    if (tags != NULL) tf.TF_DeleteTensor(tags);
    if (input != NULL) tf.TF_DeleteTensor(input);
    tf.TF_DeleteStatus(status);
    restore(mode);
}

/* --- registering --------------------------------------------------------------------------------------------------- */

/* A skipped image is one-dimensional: the rank of an image is known to the caller alone. */
static void shape_of_image(TF_ShapeInferenceContext *context, TF_Status *status) {
    tf.TF_ShapeInferenceContextSetUnknownShape(context, status);
}

static void shape_of_data(TF_ShapeInferenceContext *context, TF_Status *status) {
    TF_ShapeHandle *handle = tf.TF_NewShapeHandle();
    tf.TF_ShapeInferenceContextGetInput(context, 1, handle, status);
    if (tf.TF_GetCode(status) == DD_OK) tf.TF_ShapeInferenceContextSetOutput(context, 0, handle, status);
    tf.TF_DeleteShapeHandle(handle);
}

typedef struct {
    const char *name;
    const char *inputs[2];
    const char *attributes[7];
    const char *outputs[2];
    dd_shape_function shape;
    dd_create_function create;
    dd_compute_function compute;
} operation;

#define IMAGE_ATTRS                                                                                       \
    {"dtype: {uint8, int8, uint16, int16, uint32, int32, uint64, int64, half, float, double} = DT_UINT16", \
      "color_dim: bool = false", ON_ERROR_ATTR, SCALE_ATTR, \
      "values: {'stored', 'modality', 'voi', 'display', 'real_world', 'tfio'} = 'stored'", \
      "color: {'rgb', 'stored', 'palette', 'rgba', 'srgb'} = 'rgb'", "frame_dim: int >= -1 = -1"}

static const operation OPERATIONS[] = {
    {"DecodeDicomImage",
     {"contents: string"},
     IMAGE_ATTRS,
     {"image: dtype"},
     shape_of_image, create_image, compute_image},
    /* For eager calls: TensorFlow loses memory with each failure of an op that it raises. */
    {"DecodeDicomImageOrWhy",
     {"contents: string"},
     IMAGE_ATTRS,
     {"image: dtype", "why: string"},
     shape_of_image, create_image_or_why, compute_image},
    {"DecodeDicomData",
     {"contents: string", "tags: tag_type"},
     {"tag_type: {uint32, string}", "values: {'documented', 'tfio'} = 'documented'"},
     {"texts: string"},
     shape_of_data, create_data, compute_data},
};

/* The ops of tensorflow-io 0.37.1, with its attributes. */
static const operation ORIGINALS[] = {
    {"IO>DecodeDICOMImage",
     {"contents: string"},
     {"dtype: {uint8, uint16, uint32, uint64, half, float, double} = DT_UINT16", "color_dim: bool = true", ON_ERROR_ATTR,
      SCALE_ATTR},
     {"output: dtype"},
     shape_of_image, create_original_image, compute_image},
    {"IO>DecodeDICOMData",
     {"contents: string", "tags: dtype"},
     {"dtype: {uint32, string}"},
     {"tag_values: string"},
     shape_of_data, create_original_data, compute_data},
};

/* Register one op and its kernel; 0 with a text in `why`. */
static int registered(const operation *op, char *why, size_t why_bytes) {
    TF_Status *status = tf.TF_NewStatus();
    TF_OpDefinitionBuilder *builder = tf.TF_NewOpDefinitionBuilder(op->name);
    for (int i = 0; i < 2 && op->inputs[i] != NULL; i++) tf.TF_OpDefinitionBuilderAddInput(builder, op->inputs[i]);
    for (int i = 0; i < 7 && op->attributes[i] != NULL; i++) tf.TF_OpDefinitionBuilderAddAttr(builder, op->attributes[i]);
    for (int i = 0; i < 2 && op->outputs[i] != NULL; i++) tf.TF_OpDefinitionBuilderAddOutput(builder, op->outputs[i]);
    tf.TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, op->shape);
    tf.TF_RegisterOpDefinition(builder, status);
    if (tf.TF_GetCode(status) == DD_OK) {
        TF_KernelBuilder *kernels = tf.TF_NewKernelBuilder(op->name, "CPU", op->create, op->compute, delete_kernel);
        tf.TF_RegisterKernelBuilder(op->name, kernels, status);
    }
    int done = tf.TF_GetCode(status) == DD_OK;
    if (!done) snprintf(why, why_bytes, "%s: %s", op->name, tf.TF_Message(status));
    tf.TF_DeleteStatus(status);
    return done;
}

/* Whether an op of this name is there. Registering it twice outside tf.load_op_library would end the process. */
static int has_op(const char *name) {
    TF_Buffer *list = tf.TF_GetAllOpList();
    int found = memmem(list->data, list->length, name, strlen(name)) != NULL;
    tf.TF_DeleteBuffer(list);
    return found;
}

/* NULL, or why the ops of tensorflow-io were not registered. The caller calls it once. */
PUBLIC const char *dicomdecode_register_originals(void) {
    static char why[256];
    for (size_t i = 0; i < sizeof ORIGINALS / sizeof *ORIGINALS; i++)
        if (has_op(ORIGINALS[i].name)) {
            snprintf(why, sizeof why, "this process has an op %s already: tensorflow-io is loaded", ORIGINALS[i].name);
            return why;
        }
    for (size_t i = 0; i < sizeof ORIGINALS / sizeof *ORIGINALS; i++)
        if (!registered(&ORIGINALS[i], why, sizeof why)) return why;
    return NULL;
}

__attribute__((constructor)) static void register_all(void) {
    if (!resolve()) return;
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; i++)
        if (!registered(&OPERATIONS[i], problem, sizeof problem)) return;
}
