/* The part of TensorFlow's C API that the ops use, without TensorFlow: so that the ops run where it cannot, under
 * sanitizers above all. Each tensor is a block of memory of its own. test_ops_alone.py compiles it, and calls what begins
 * with fake_. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensorflow_c.h"

enum { MOST_OPS = 16, MOST_DIMS = 16, MESSAGE_BYTES = 600 };

struct TF_Status { int code; char message[MESSAGE_BYTES]; };
struct TF_TString { char *data; size_t size; size_t unused; };
struct TF_Tensor { int type, rank, users; int64_t dims[MOST_DIMS]; size_t bytes; void *data; };
struct TF_KernelBuilder { dd_create_function create; dd_compute_function compute; void (*end)(void *); };
struct TF_OpDefinitionBuilder { int unused; };
struct TF_ShapeHandle { int unused; };
struct TF_OpKernelConstruction { int type; const char *options; int samples, is_strict; TF_Status failure; };
struct TF_OpKernelContext { TF_Tensor *inputs[2], *outputs[2]; TF_Status failure; };

static struct { char name[64]; TF_KernelBuilder kernel; } ops[MOST_OPS];
static int op_count;

static size_t item_bytes(int type) {
    switch (type) {
    case TF_UINT8: case TF_INT8: return 1;
    case TF_UINT16: case TF_INT16: case TF_HALF: return 2;
    case TF_UINT32: case TF_INT32: case TF_FLOAT: return 4;
    case TF_STRING: return sizeof(TF_TString);
    default: return 8;
    }
}

TF_Status *TF_NewStatus(void) { return calloc(1, sizeof(TF_Status)); }
void TF_DeleteStatus(TF_Status *status) { free(status); }
void TF_SetStatus(TF_Status *status, TF_Code code, const char *message) {
    status->code = code;
    snprintf(status->message, sizeof status->message, "%s", message);
}
TF_Code TF_GetCode(const TF_Status *status) { return status->code; }
const char *TF_Message(const TF_Status *status) { return status->message; }

/* --- ops and kernels ---------------------------------------------------------------------------------------------------- */

TF_OpDefinitionBuilder *TF_NewOpDefinitionBuilder(const char *name) {
    (void)name;
    return calloc(1, sizeof(TF_OpDefinitionBuilder));
}
void TF_OpDefinitionBuilderAddInput(TF_OpDefinitionBuilder *b, const char *text) { (void)b; (void)text; }
void TF_OpDefinitionBuilderAddAttr(TF_OpDefinitionBuilder *b, const char *text) { (void)b; (void)text; }
void TF_OpDefinitionBuilderAddOutput(TF_OpDefinitionBuilder *b, const char *text) { (void)b; (void)text; }
void TF_OpDefinitionBuilderSetShapeInferenceFunction(TF_OpDefinitionBuilder *b, dd_shape_function f) { (void)b; (void)f; }
void TF_RegisterOpDefinition(TF_OpDefinitionBuilder *b, TF_Status *status) { free(b); (void)status; }
TF_KernelBuilder *TF_NewKernelBuilder(const char *op, const char *device, dd_create_function create,
                                      dd_compute_function compute, void (*end)(void *)) {
    TF_KernelBuilder *builder = malloc(sizeof *builder);
    (void)op;
    (void)device;
    *builder = (TF_KernelBuilder){create, compute, end};
    return builder;
}
void TF_RegisterKernelBuilder(const char *name, TF_KernelBuilder *builder, TF_Status *status) {
    (void)status;
    if (op_count == MOST_OPS) abort();
    snprintf(ops[op_count].name, sizeof ops[op_count].name, "%s", name);
    ops[op_count++].kernel = *builder;
    free(builder);
}
TF_Buffer *TF_GetAllOpList(void) { return calloc(1, sizeof(TF_Buffer)); }
void TF_DeleteBuffer(TF_Buffer *buffer) { free(buffer); }

/* Shapes are for TensorFlow's graphs. */
TF_ShapeHandle *TF_NewShapeHandle(void) { abort(); }
void TF_DeleteShapeHandle(TF_ShapeHandle *s) { free(s); }
void TF_ShapeInferenceContextGetInput(TF_ShapeInferenceContext *c, int i, TF_ShapeHandle *s, TF_Status *t) {
    (void)c; (void)i; (void)s; (void)t;
}
void TF_ShapeInferenceContextSetOutput(TF_ShapeInferenceContext *c, int i, TF_ShapeHandle *s, TF_Status *t) {
    (void)c; (void)i; (void)s; (void)t;
}
void TF_ShapeInferenceContextSetUnknownShape(TF_ShapeInferenceContext *c, TF_Status *t) { (void)c; (void)t; }
TF_ShapeHandle *TF_ShapeInferenceContextVectorFromSize(TF_ShapeInferenceContext *c, size_t n) { (void)c; (void)n; abort(); }
void TF_ShapeInferenceContextConcatenateShapes(TF_ShapeInferenceContext *c, TF_ShapeHandle *a, TF_ShapeHandle *b,
                                               TF_ShapeHandle *r, TF_Status *t) {
    (void)c; (void)a; (void)b; (void)r; (void)t;
}

void TF_OpKernelConstruction_GetAttrBool(TF_OpKernelConstruction *c, const char *n, TF_Bool *value, TF_Status *t) {
    (void)n; (void)t;
    *value = (TF_Bool)c->is_strict;
}
void TF_OpKernelConstruction_GetAttrInt32(TF_OpKernelConstruction *c, const char *n, int32_t *value, TF_Status *t) {
    (void)n; (void)t;
    *value = c->samples;
}
void TF_OpKernelConstruction_GetAttrSize(TF_OpKernelConstruction *c, const char *n, int32_t *list, int32_t *size,
                                         TF_Status *t) {
    (void)n; (void)t;
    *list = -1;
    *size = (int32_t)strlen(c->options);
}
void TF_OpKernelConstruction_GetAttrType(TF_OpKernelConstruction *c, const char *n, TF_DataType *value, TF_Status *t) {
    (void)n; (void)t;
    *value = c->type;
}
/* No zero byte is written, as in TensorFlow. */
void TF_OpKernelConstruction_GetAttrString(TF_OpKernelConstruction *c, const char *n, char *value, size_t room,
                                           TF_Status *t) {
    const size_t size = strlen(c->options);
    (void)n; (void)t;
    memcpy(value, c->options, size < room ? size : room);
}
void TF_OpKernelConstruction_Failure(TF_OpKernelConstruction *c, TF_Status *status) { c->failure = *status; }
void TF_OpKernelContext_Failure(TF_OpKernelContext *c, TF_Status *status) { c->failure = *status; }

/* --- tensors -------------------------------------------------------------------------------------------------------------- */

static TF_Tensor *new_tensor(int type, const int64_t *dims, int rank) {
    TF_Tensor *tensor = calloc(1, sizeof *tensor);
    if (rank > MOST_DIMS) abort();
    tensor->type = type;
    tensor->rank = rank;
    tensor->users = 1;
    tensor->bytes = item_bytes(type);
    for (int i = 0; i < rank; i++) tensor->bytes *= (size_t)(tensor->dims[i] = dims[i]);
    tensor->data = malloc(tensor->bytes ? tensor->bytes : 1);
    if (tensor->data == NULL) abort();
    return tensor;
}
void TF_DeleteTensor(TF_Tensor *tensor) {
    if (--tensor->users) return;
    for (size_t i = 0; tensor->type == TF_STRING && i < tensor->bytes / sizeof(TF_TString); i++)
        free(((TF_TString *)tensor->data)[i].data);
    free(tensor->data);
    free(tensor);
}
void TF_GetInput(TF_OpKernelContext *c, int index, TF_Tensor **tensor, TF_Status *t) {
    (void)t;
    *tensor = c->inputs[index];
    c->inputs[index]->users++;
}
void TF_SetOutput(TF_OpKernelContext *c, int index, const TF_Tensor *tensor, TF_Status *t) {
    (void)t;
    if (c->outputs[index]) TF_DeleteTensor(c->outputs[index]);
    c->outputs[index] = (TF_Tensor *)tensor;
    c->outputs[index]->users++;
}
TF_Tensor *TF_AllocateOutput(TF_OpKernelContext *c, int index, TF_DataType type, const int64_t *dims, int rank,
                             size_t bytes, TF_Status *status) {
    TF_Tensor *tensor = new_tensor(type, dims, rank);
    if (tensor->bytes != bytes) abort();
    TF_SetOutput(c, index, tensor, status);
    return tensor;
}
TF_Tensor *TF_AllocateTemp(TF_OpKernelContext *c, TF_DataType type, const int64_t *dims, int rank,
                           TF_AllocatorAttributes *a, TF_Status *t) {
    (void)c; (void)a; (void)t;
    return new_tensor(type, dims, rank);
}
void *TF_TensorData(const TF_Tensor *tensor) { return tensor->data; }
TF_DataType TF_TensorType(const TF_Tensor *tensor) { return tensor->type; }
int TF_NumDims(const TF_Tensor *tensor) { return tensor->rank; }
int64_t TF_Dim(const TF_Tensor *tensor, int index) { return tensor->dims[index]; }
void TF_StringInit(TF_TString *string) { memset(string, 0, sizeof *string); }
void TF_StringCopy(TF_TString *string, const char *data, size_t size) {
    free(string->data);
    string->data = malloc(size ? size : 1);
    string->size = size;
    memcpy(string->data, data, size);
}
const char *TF_StringGetDataPointer(const TF_TString *string) { return string->data; }
size_t TF_StringGetSize(const TF_TString *string) { return string->size; }

/* --- what Python calls ---------------------------------------------------------------------------------------------------- */

static int place_of(const char *op) {
    for (int i = 0; i < op_count; i++)
        if (strcmp(ops[i].name, op) == 0) return i;
    abort();
}

/* A kernel; NULL with a message of at most MESSAGE_BYTES. */
void *fake_create(const char *op, int type, const char *options, int samples, int is_strict, char *message) {
    TF_OpKernelConstruction construction = {type, options, samples, is_strict, {0, ""}};
    const TF_KernelBuilder *known = &ops[place_of(op)].kernel;
    void *kernel = known->create(&construction);
    if (construction.failure.code == 0) return kernel;
    known->end(kernel);
    snprintf(message, MESSAGE_BYTES, "%s", construction.failure.message);
    return NULL;
}
void fake_end(const char *op, void *kernel) { ops[place_of(op)].kernel.end(kernel); }

TF_Tensor *fake_strings(const char *const *data, const size_t *sizes, int64_t count, int rank) {
    TF_Tensor *tensor = new_tensor(TF_STRING, &count, rank);
    memset(tensor->data, 0, tensor->bytes);
    for (int64_t i = 0; i < count; i++) TF_StringCopy((TF_TString *)tensor->data + i, data[i], sizes[i]);
    return tensor;
}
TF_Tensor *fake_numbers(const uint32_t *numbers, int64_t count) {
    TF_Tensor *tensor = new_tensor(TF_UINT32, &count, 1);
    memcpy(tensor->data, numbers, tensor->bytes);
    return tensor;
}
/* Run a kernel; inputs are taken, outputs are the caller's. The code, with a message of at most MESSAGE_BYTES. */
int fake_compute(const char *op, void *kernel, TF_Tensor *first, TF_Tensor *second, TF_Tensor **outputs, char *message) {
    TF_OpKernelContext context = {{first, second}, {NULL, NULL}, {0, ""}};
    ops[place_of(op)].kernel.compute(kernel, &context);
    TF_DeleteTensor(first);
    if (second) TF_DeleteTensor(second);
    memcpy(outputs, context.outputs, sizeof context.outputs);
    snprintf(message, MESSAGE_BYTES, "%s", context.failure.message);
    return context.failure.code;
}
