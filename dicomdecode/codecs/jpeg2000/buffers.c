/* Buffers that are kept from tile to tile, and the fault of a codestream: what all parts of the decoder call. */
#include <stdlib.h>

#include "parts.h"

int j2k_fail(J2kFault *fault, int kind, const char *code, const char *what, int64_t offset, int64_t expected,
             int64_t found) {
    *fault = (J2kFault){kind, code, what, offset, expected, found};
    return -1;
}

void *j2k_room(Buffer *buffer, size_t count, size_t size, J2kFault *fault) {
    if (count == 0) count = 1;
    if (count <= SIZE_MAX / size && count * size <= buffer->room) return buffer->data;
    free(buffer->data);
    *buffer = (Buffer){count <= SIZE_MAX / size ? malloc(count * size) : NULL, count * size};
    if (!buffer->data) {
        buffer->room = 0;
        j2k_fail(fault, J2K_NO_MEMORY, "no_memory", "No memory for the decoder", -1, -1, -1);
    }
    return buffer->data;
}

void *j2k_grow(Buffer *buffer, size_t count, size_t size, J2kFault *fault) {
    if (count <= buffer->room / size) return buffer->data;
    size_t more = buffer->room / size / 2 + 64;
    more = count > more ? count : more + buffer->room / size;
    void *data = more <= SIZE_MAX / size ? realloc(buffer->data, more * size) : NULL;
    if (!data) {
        j2k_fail(fault, J2K_NO_MEMORY, "no_memory", "No memory for the decoder", -1, -1, -1);
        return NULL;
    }
    *buffer = (Buffer){data, more * size};
    return data;
}
