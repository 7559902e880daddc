/* CLONES in front of a function: one portable build holds an AVX2 loop and a portable one, and the machine chooses. */
#ifndef DICOMDECODE_CLONES_H
#define DICOMDECODE_CLONES_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && defined(__GLIBC__)
#define CLONES __attribute__((target_clones("avx2", "default")))
#else
#define CLONES
#endif

#endif
