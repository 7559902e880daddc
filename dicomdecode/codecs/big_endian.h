/* Eight bytes of a bit stream as a word, the first byte highest. */
#ifndef DICOMDECODE_BIG_ENDIAN_H
#define DICOMDECODE_BIG_ENDIAN_H

#include <stdint.h>
#include <string.h>

static inline uint64_t load_big_64(const uint8_t *p) {
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t v;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
#else
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v = v << 8 | p[i];
    return v;
#endif
}

static inline void save_big_64(uint8_t *p, uint64_t v) {
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    v = __builtin_bswap64(v);
    memcpy(p, &v, 8);
#else
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)(v >> (56 - 8 * i));
#endif
}

#endif
