/* TensorFlow ops DecodeDicomImage and DecodeDicomData, through TensorFlow's C API.
 *
 * A plain C library: no TensorFlow header, no Python, no C++. One binary serves every TensorFlow 2, because each function
 * is looked up by name in the TensorFlow that is already in the process. Decoding is done by the core (bridge.h), which is
 * attached after loading.
 */
#define _GNU_SOURCE
#include "loaded.h"
#include "op.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- TensorFlow's functions ---------------------------------------------------------------------------------------- */

tensorflow_functions tf;

/* Why the ops are not there; empty when they are. Read by dicomdecode.tensorflow. */
static char problem[256];

static int resolve(void) {
    const char *missing = NULL;
#define FIND(result, name, parameters)                                              \
    {                                                                               \
        void *found = find_function(#name);                                         \
        memcpy(&tf.name, &found, sizeof found);                                     \
    }                                                                               \
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

const dd_core *attached(dd_error *error) {
    const dd_core *found = __atomic_load_n(&core, __ATOMIC_ACQUIRE);
    if (found == NULL) {
        error->code = DD_FAILED_PRECONDITION;
        snprintf(error->message, sizeof error->message, "import dicomdecode.tensorflow before running its ops");
    }
    return found;
}

/* --- what the ops share -------------------------------------------------------------------------------------------- */

kernel *new_kernel(TF_OpKernelConstruction *construction) {
    kernel *k = (kernel *)calloc(1, sizeof *k);
    if (k == NULL) {
        TF_Status *status = tf.TF_NewStatus();
        tf.TF_SetStatus(status, DD_RESOURCE_EXHAUSTED, "no memory for a kernel");
        tf.TF_OpKernelConstruction_Failure(construction, status);
        tf.TF_DeleteStatus(status);
    }
    return k;
}

void delete_kernel(void *data) {
    kernel *k = (kernel *)data;
    if (k != NULL && k->request != NULL) k->decoder->close(k->request);
    free(k);
}

void failed(TF_OpKernelContext *context, TF_Status *status, const dd_error *error) {
    tf.TF_SetStatus(status, (TF_Code)error->code, error->message);
    tf.TF_OpKernelContext_Failure(context, status);
}

int64_t element_count(const TF_Tensor *tensor, int64_t most) {
    int64_t count = 1;
    for (int i = 0; i < tf.TF_NumDims(tensor); i++) {
        int64_t n = tf.TF_Dim(tensor, i);
        if (n == 0) return 0;
        if (n < 0 || count > most / n) return -1;
        count *= n;
    }
    return count;
}

void wrong_shape(dd_error *error) {
    error->code = DD_INTERNAL;
    snprintf(error->message, sizeof error->message, "the decoder gave an impossible shape");
}

/* --- registering --------------------------------------------------------------------------------------------------- */

typedef struct {
    const char *name;
    const char *inputs[2];
    const char *attributes[4];
    const char *outputs[2];
    dd_shape_function shape;
    dd_create_function create;
    dd_compute_function compute;
} operation;

/* `options` is the text of tfop/options.py. */
#define IMAGE_ATTRS_ALONE                                                                                 \
    "dtype: {uint8, int8, uint16, int16, uint32, int32, uint64, int64, half, float, double} = DT_UINT16", \
        "options: string = ''"
#define IMAGE_ATTRS {IMAGE_ATTRS_ALONE}

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
    /* For tensorflow-io's values: four dimensions are declared, as there. */
    {"DecodeDicomImageAsTfio",
     {"contents: string"},
     IMAGE_ATTRS,
     {"image: dtype"},
     shape_of_original, create_image, compute_image},
    /* The options keep both axes, of frames and of samples. */
    {"DecodeDicomBatch",
     {"contents: string"},
     {IMAGE_ATTRS_ALONE, "samples: int >= 0 = 0", "is_strict: bool = false"},
     {"cells: dtype", "sizes: int64"},
     shape_of_image, create_batch, compute_batch},
    {"DecodeDicomData",
     {"contents: string", "tags: tag_type"},
     {"tag_type: {uint32, string}"},
     {"texts: string"},
     shape_of_data, create_data, compute_data},
    {"DecodeDicomDataAsTfio",
     {"contents: string", "tags: tag_type"},
     {"tag_type: {uint32, string}"},
     {"texts: string"},
     shape_of_original_data, create_original_data, compute_data},
};

/* The ops of tensorflow-io 0.37.1, with its attributes. */
static const operation ORIGINALS[] = {
    {"IO>DecodeDICOMImage",
     {"contents: string"},
     {"dtype: {uint8, uint16, uint32, uint64, half, float, double} = DT_UINT16", "color_dim: bool = true",
      "on_error: {'strict', 'skip', 'lossy'} = 'skip'", "scale: {'preserve', 'auto'} = 'preserve'"},
     {"output: dtype"},
     shape_of_original, create_original_image, compute_image},
    {"IO>DecodeDICOMData",
     {"contents: string", "tags: dtype"},
     {"dtype: {uint32, string}"},
     {"tag_values: string"},
     shape_of_original_data, create_original_data, compute_data},
};

/* Register one op and its kernel; 0 with a text in `why`. */
static int registered(const operation *op, char *why, size_t why_bytes) {
    TF_Status *status = tf.TF_NewStatus();
    TF_OpDefinitionBuilder *builder = tf.TF_NewOpDefinitionBuilder(op->name);
    for (int i = 0; i < 2 && op->inputs[i] != NULL; i++) tf.TF_OpDefinitionBuilderAddInput(builder, op->inputs[i]);
    for (int i = 0; i < 4 && op->attributes[i] != NULL; i++) tf.TF_OpDefinitionBuilderAddAttr(builder, op->attributes[i]);
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
    const char *text = list->data;
    size_t length = strlen(name);
    int found = 0;
    for (size_t i = 0; i + length <= list->length && !found; i++) found = memcmp(text + i, name, length) == 0;
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

static void register_all(void) {
    if (!resolve()) return;
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; i++)
        if (!registered(&OPERATIONS[i], problem, sizeof problem)) return;
}

WHEN_LOADED(register_all)
