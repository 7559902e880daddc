/* What the compiler's run-time library knows of the processor, for wheels that zig makes.
 *
 * A function with `target_clones` (dicomdecode/clones.h) is chosen by what `__cpu_indicator_init` finds. zig's library
 * has only a stub of it, which finds nothing, so that the portable loop would always be taken. The names, and the
 * numbers of the bits, are those that GCC and Clang share: the i386 ABI of `__builtin_cpu_supports`.
 */
#include <cpuid.h>

#define HIDDEN __attribute__((visibility("hidden")))

/* Bits of __cpu_model.features and __cpu_features2, counted through: the first 32 are in the former. */
enum { AVX = 9, AVX2 = 10, X86_64_V3 = 97 };

HIDDEN struct {
    unsigned vendor, type, subtype, features[1];
} __cpu_model;
HIDDEN unsigned __cpu_features2[4];

static void have(unsigned bit) {
    if (bit < 32)
        __cpu_model.features[0] |= 1u << bit;
    else
        __cpu_features2[bit / 32 - 1] |= 1u << bit % 32;
}

/* Whether the operating system keeps the registers of AVX: XCR0, bits 1 (SSE) and 2 (AVX). */
static int keeps_avx(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & 6) == 6;
}

HIDDEN int __cpu_indicator_init(void) {
    const unsigned of_avx = bit_OSXSAVE | bit_AVX, of_v3 = bit_FMA | bit_F16C | bit_MOVBE | bit_POPCNT | bit_SSE4_2;
    const unsigned of_v3_later = bit_BMI | bit_BMI2 | bit_AVX2;
    unsigned a, b, c, d, later, extended;
    if (__cpu_model.vendor) return 0;
    __cpu_model.vendor = 1; /* looked at; nothing asks whose it is */
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & of_avx) != of_avx || !keeps_avx()) return 0;
    have(AVX);
    if (!__get_cpuid_count(7, 0, &a, &later, &b, &d) || !(later & bit_AVX2)) return 0;
    have(AVX2);
    if (!__get_cpuid(0x80000001, &a, &b, &extended, &d)) return 0;
    if ((c & of_v3) == of_v3 && (later & of_v3_later) == of_v3_later && (extended & bit_LZCNT)) have(X86_64_V3);
    return 0;
}
