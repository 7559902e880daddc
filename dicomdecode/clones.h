/* CLONES in front of a function: one portable build holds an AVX2 loop and a portable one, and the machine chooses.
 * CLONES_V3 is for loops that gain by BMI and LZCNT too. ("arch=haswell" asks for the same, but GCC looks at the model
 * of the processor there, and chooses it on no AMD.)
 */
#ifndef DICOMDECODE_CLONES_H
#define DICOMDECODE_CLONES_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#if __GNUC__ >= 12
#define CLONES_V3 __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define CLONES_V3 CLONES
#endif
#else
#define CLONES
#define CLONES_V3
#endif

#endif
