/* What the TensorFlow op and the decoding core say to each other.
 *
 * The op (ops.c) knows TensorFlow and no DICOM; the core (_bridge.pyx) knows DICOM and no TensorFlow. The core hands the op
 * one struct of functions after the op's library is loaded. No function needs the GIL held; those that need Python take it.
 */
#ifndef DICOMDECODE_CORE_H
#define DICOMDECODE_CORE_H

#include <stddef.h>
#include <stdint.h>

#define DD_CORE_VERSION 2

enum { DD_MOST_DIMS = 4, DD_MESSAGE_BYTES = 512 };

/* Kinds of failure; the numbers are those of TF_Code, so that the op passes them on. */
enum {
    DD_OK = 0,
    DD_CANCELLED = 1,
    DD_INVALID_ARGUMENT = 3,
    DD_RESOURCE_EXHAUSTED = 8,
    DD_FAILED_PRECONDITION = 9,
    DD_INTERNAL = 13
};

typedef struct {
    int code;
    char message[DD_MESSAGE_BYTES]; /* UTF-8, ends with a zero byte */
} dd_error;

/* What an image op is to do with contents; the core's. */
typedef struct dd_request dd_request;

/* An image that is about to be written. */
typedef struct {
    int dim_count;
    int64_t dims[DD_MOST_DIMS];
    size_t bytes;
    int may_change; /* `fill` can end with DD_AGAIN */
    void *state;    /* the core's */
} dd_image;

enum { DD_FILLED = 0, DD_FAILED = -1, DD_AGAIN = 1 };

/* A text as the op takes it: element `index` of the result. */
typedef void (*dd_text_sink)(void *target, size_t index, const char *text, size_t size);

typedef struct {
    const char *data;
    size_t size;
} dd_span;

typedef struct {
    uint32_t version; /* DD_CORE_VERSION */

    /* The request that the text of options says (options.py), for results of an element type of words.h. Returns 0, or
     * -1 with `error`. The one function here that always needs Python: it is called once for each kernel. */
    int (*open)(int type, const char *options, size_t size, dd_request **request, dd_error *error);
    /* Once for each request. Never waits for Python. */
    void (*close)(dd_request *request);

    /* Find out what the result will be. Returns 0, or -1 with `error`. `contents` must stay until `release`. */
    int (*prepare)(const dd_request *request, const uint8_t *contents, size_t size, dd_image *image, dd_error *error);
    /* Write image->bytes bytes. DD_AGAIN: the pixels turned out to be damaged, the result has another shape now; allocate
     * and fill again. */
    int (*fill)(dd_image *image, void *out, dd_error *error);
    /* Once for each successful `prepare`. */
    void (*release)(dd_image *image);

    /* The texts of `count` data elements, given as numbers or, where `numbers` is NULL, as written tags. */
    int (*texts)(int tfio, const uint8_t *contents, size_t size, const uint32_t *numbers, const dd_span *written,
                 size_t count, dd_text_sink sink, void *target, dd_error *error);
} dd_core;

#endif
