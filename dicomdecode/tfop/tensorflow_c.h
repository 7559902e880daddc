/* The part of TensorFlow's C API that the op uses, written by hand: name and type of each function.
 *
 * TensorFlow's own headers are not needed to build (its c/ops.h is not valid C). A test compiles this list against the
 * headers that a TensorFlow ships, with DD_TENSORFLOW_HEADERS defined.
 */
#ifndef DICOMDECODE_TENSORFLOW_C_H
#define DICOMDECODE_TENSORFLOW_C_H

#include <stddef.h>
#include <stdint.h>

#ifndef DD_TENSORFLOW_HEADERS
typedef struct TF_Status TF_Status;
typedef struct TF_Tensor TF_Tensor;
typedef struct TF_TString TF_TString;
typedef struct TF_OpDefinitionBuilder TF_OpDefinitionBuilder;
typedef struct TF_ShapeInferenceContext TF_ShapeInferenceContext;
typedef struct TF_ShapeHandle TF_ShapeHandle;
typedef struct TF_KernelBuilder TF_KernelBuilder;
typedef struct TF_OpKernelConstruction TF_OpKernelConstruction;
typedef struct TF_OpKernelContext TF_OpKernelContext;
typedef unsigned char TF_Bool;
typedef int TF_Code;
typedef int TF_DataType;
typedef struct {
    const void *data;
    size_t length;
    void (*data_deallocator)(void *data, size_t length);
} TF_Buffer;
typedef struct {
    size_t struct_size;
    TF_Bool on_host;
} TF_AllocatorAttributes;
enum {
    TF_FLOAT = 1,
    TF_DOUBLE = 2,
    TF_INT32 = 3,
    TF_UINT8 = 4,
    TF_INT16 = 5,
    TF_INT8 = 6,
    TF_STRING = 7,
    TF_INT64 = 9,
    TF_UINT16 = 17,
    TF_HALF = 19,
    TF_UINT32 = 22,
    TF_UINT64 = 23
};
#endif

typedef void (*dd_shape_function)(TF_ShapeInferenceContext *, TF_Status *);
typedef void *(*dd_create_function)(TF_OpKernelConstruction *);
typedef void (*dd_compute_function)(void *, TF_OpKernelContext *);
typedef void (*dd_delete_function)(void *);

/* X(result, name, parameters) */
#define DD_TENSORFLOW_FUNCTIONS(X)                                                                                      \
    X(TF_Status *, TF_NewStatus, (void))                                                                               \
    X(void, TF_DeleteStatus, (TF_Status *))                                                                            \
    X(void, TF_SetStatus, (TF_Status *, TF_Code, const char *))                                                        \
    X(TF_Code, TF_GetCode, (const TF_Status *))                                                                        \
    X(const char *, TF_Message, (const TF_Status *))                                                                   \
    X(TF_OpDefinitionBuilder *, TF_NewOpDefinitionBuilder, (const char *))                                             \
    X(void, TF_OpDefinitionBuilderAddInput, (TF_OpDefinitionBuilder *, const char *))                                  \
    X(void, TF_OpDefinitionBuilderAddAttr, (TF_OpDefinitionBuilder *, const char *))                                   \
    X(void, TF_OpDefinitionBuilderAddOutput, (TF_OpDefinitionBuilder *, const char *))                                 \
    X(void, TF_OpDefinitionBuilderSetShapeInferenceFunction, (TF_OpDefinitionBuilder *, dd_shape_function))            \
    X(void, TF_RegisterOpDefinition, (TF_OpDefinitionBuilder *, TF_Status *))                                          \
    X(TF_ShapeHandle *, TF_NewShapeHandle, (void))                                                                     \
    X(void, TF_DeleteShapeHandle, (TF_ShapeHandle *))                                                                  \
    X(void, TF_ShapeInferenceContextGetInput, (TF_ShapeInferenceContext *, int, TF_ShapeHandle *, TF_Status *))        \
    X(void, TF_ShapeInferenceContextSetOutput, (TF_ShapeInferenceContext *, int, TF_ShapeHandle *, TF_Status *))       \
    X(void, TF_ShapeInferenceContextSetUnknownShape, (TF_ShapeInferenceContext *, TF_Status *))                        \
    X(TF_ShapeHandle *, TF_ShapeInferenceContextVectorFromSize, (TF_ShapeInferenceContext *, size_t))                  \
    X(void, TF_ShapeInferenceContextConcatenateShapes,                                                                 \
      (TF_ShapeInferenceContext *, TF_ShapeHandle *, TF_ShapeHandle *, TF_ShapeHandle *, TF_Status *))                 \
    X(TF_KernelBuilder *, TF_NewKernelBuilder,                                                                         \
      (const char *, const char *, dd_create_function, dd_compute_function, dd_delete_function))                       \
    X(void, TF_RegisterKernelBuilder, (const char *, TF_KernelBuilder *, TF_Status *))                                 \
    X(void, TF_OpKernelConstruction_GetAttrBool, (TF_OpKernelConstruction *, const char *, TF_Bool *, TF_Status *))    \
    X(void, TF_OpKernelConstruction_GetAttrInt32, (TF_OpKernelConstruction *, const char *, int32_t *, TF_Status *))   \
    X(void, TF_OpKernelConstruction_GetAttrSize,                                                                       \
      (TF_OpKernelConstruction *, const char *, int32_t *, int32_t *, TF_Status *))                                    \
    X(void, TF_OpKernelConstruction_GetAttrType, (TF_OpKernelConstruction *, const char *, TF_DataType *, TF_Status *)) \
    X(void, TF_OpKernelConstruction_GetAttrString,                                                                     \
      (TF_OpKernelConstruction *, const char *, char *, size_t, TF_Status *))                                          \
    X(void, TF_OpKernelConstruction_Failure, (TF_OpKernelConstruction *, TF_Status *))                                 \
    X(void, TF_OpKernelContext_Failure, (TF_OpKernelContext *, TF_Status *))                                           \
    X(void, TF_GetInput, (TF_OpKernelContext *, int, TF_Tensor **, TF_Status *))                                       \
    X(TF_Tensor *, TF_AllocateOutput,                                                                                  \
      (TF_OpKernelContext *, int, TF_DataType, const int64_t *, int, size_t, TF_Status *))                             \
    X(TF_Tensor *, TF_AllocateTemp,                                                                                    \
      (TF_OpKernelContext *, TF_DataType, const int64_t *, int, TF_AllocatorAttributes *, TF_Status *))                \
    X(void, TF_SetOutput, (TF_OpKernelContext *, int, const TF_Tensor *, TF_Status *))                                 \
    X(void, TF_DeleteTensor, (TF_Tensor *))                                                                            \
    X(void *, TF_TensorData, (const TF_Tensor *))                                                                      \
    X(TF_DataType, TF_TensorType, (const TF_Tensor *))                                                                 \
    X(int, TF_NumDims, (const TF_Tensor *))                                                                            \
    X(int64_t, TF_Dim, (const TF_Tensor *, int))                                                                       \
    X(void, TF_StringInit, (TF_TString *))                                                                             \
    X(void, TF_StringCopy, (TF_TString *, const char *, size_t))                                                       \
    X(const char *, TF_StringGetDataPointer, (const TF_TString *))                                                     \
    X(size_t, TF_StringGetSize, (const TF_TString *))                                                                  \
    X(TF_Buffer *, TF_GetAllOpList, (void))                                                                            \
    X(void, TF_DeleteBuffer, (TF_Buffer *))

#endif
