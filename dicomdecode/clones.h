/* CLONES in front of a function: one portable build holds an AVX2 loop and a portable one, and the machine chooses.
 * CLONES_V3 is for loops that gain by BMI and LZCNT too. ("arch=haswell" asks for the same, but GCC looks at the model
 * of the processor there, and chooses it on no AMD.) Clang has had both since 18; the choice is glibc's to make.
 */
#ifndef DICOMDECODE_CLONES_H
#define DICOMDECODE_CLONES_H

#include <limits.h> /* says whether the library is glibc; stddef.h, which is the compiler's, does not */

#if defined(__clang__)
#define DD_HAS_CLONES (__clang_major__ >= 18)
#define DD_HAS_CLONES_V3 1
#elif defined(__GNUC__)
#define DD_HAS_CLONES 1
#define DD_HAS_CLONES_V3 (__GNUC__ >= 12)
#else
#define DD_HAS_CLONES 0
#endif

#if defined(__x86_64__) && defined(__GLIBC__) && DD_HAS_CLONES
#define CLONES __attribute__((target_clones("avx2", "default")))
#if DD_HAS_CLONES_V3
#define CLONES_V3 __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define CLONES_V3 CLONES
#endif
#else
#define CLONES
#define CLONES_V3
#endif

#endif
