/* What the files of the ops share: TensorFlow's functions, the core, a kernel. */
#ifndef DICOMDECODE_OP_H
#define DICOMDECODE_OP_H

#include "bridge.h"
#include "tensorflow_c.h"

/* TensorFlow's functions, found by name. */
typedef struct {
#define MEMBER(result, name, parameters) result(*name) parameters;
    DD_TENSORFLOW_FUNCTIONS(MEMBER)
#undef MEMBER
} tensorflow_functions;
extern tensorflow_functions tf;

typedef struct {
    int original; /* the texts of tensorflow-io */
    int says_why; /* what is wrong with the contents is a second output, and no failure */
    const dd_core *decoder; /* of `request` */
    dd_request *request;
    int element; /* of words.h */
    TF_DataType type;
    int32_t samples; /* of a batch: how many each pixel has; 0: any number */
    int is_strict;   /* of a batch: another number is an error */
} kernel;

enum { TSTRING_BYTES = 24 }; /* of an element of a string tensor */

/* The core; NULL with `error` before it was attached. */
const dd_core *attached(dd_error *error);
/* A kernel of zeros; NULL, which is told as a failure, where there is no memory. */
kernel *new_kernel(TF_OpKernelConstruction *construction);
void delete_kernel(void *kernel);
void failed(TF_OpKernelContext *context, TF_Status *status, const dd_error *error);
/* The number of elements, -1 when it exceeds `most`. */
int64_t element_count(const TF_Tensor *tensor, int64_t most);
/* Fill in an error of the decoder's own: what it gave is no shape, or not the one that it had told. */
void wrong_shape(dd_error *error);

/* image_op.c */
void *create_image(TF_OpKernelConstruction *construction);
void *create_image_or_why(TF_OpKernelConstruction *construction);
void *create_original_image(TF_OpKernelConstruction *construction);
void compute_image(void *kernel, TF_OpKernelContext *context);
void shape_of_image(TF_ShapeInferenceContext *context, TF_Status *status);
void shape_of_original(TF_ShapeInferenceContext *context, TF_Status *status);

size_t item_bytes_of(const kernel *k);
int is_shape(const dd_image *image, size_t item_bytes);

/* batch_op.c */
void *create_batch(TF_OpKernelConstruction *construction);
void compute_batch(void *kernel, TF_OpKernelContext *context);

/* text_op.c */
void *create_data(TF_OpKernelConstruction *construction);
void *create_original_data(TF_OpKernelConstruction *construction);
void compute_data(void *kernel, TF_OpKernelContext *context);
void shape_of_data(TF_ShapeInferenceContext *context, TF_Status *status);
void shape_of_original_data(TF_ShapeInferenceContext *context, TF_Status *status);

#endif
