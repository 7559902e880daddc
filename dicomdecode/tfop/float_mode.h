/* TensorFlow's threads flush subnormal numbers to zero; NumPy does not, and results are to be equal. */
#ifndef DICOMDECODE_FLOAT_MODE_H
#define DICOMDECODE_FLOAT_MODE_H

#include <stdint.h>

#if defined(__x86_64__)
#include <xmmintrin.h>
typedef unsigned float_mode;
static float_mode keep_subnormals(void) {
    float_mode before = _mm_getcsr();
    _mm_setcsr(before & ~0x8040u); /* FTZ, DAZ */
    return before;
}
static void restore(float_mode before) { _mm_setcsr(before); }
#elif defined(__aarch64__)
typedef uint64_t float_mode;
static float_mode keep_subnormals(void) {
    float_mode before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before & ~((float_mode)1 << 24))); /* FZ */
    return before;
}
static void restore(float_mode before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
#else
typedef int float_mode;
static float_mode keep_subnormals(void) { return 0; }
static void restore(float_mode before) { (void)before; }
#endif

#endif
