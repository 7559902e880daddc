/* The numbers of the words in words.py: each list below has the order of the tuple there, and a test holds the two
 * together. Everything in C that has to do with an element type or an option goes by these.
 */
#ifndef DICOMDECODE_WORDS_H
#define DICOMDECODE_WORDS_H

/* ELEMENT_TYPES */
enum { T_U8, T_I8, T_U16, T_I16, T_U32, T_I32, T_U64, T_I64, T_F32, T_F64, T_F16, T_COUNT };

/* VALUES */
enum { VALUES_STORED, VALUES_MODALITY, VALUES_VOI, VALUES_DISPLAY, VALUES_REAL_WORLD, VALUES_TFIO };

/* COLORS */
enum { COLOR_RGB, COLOR_STORED, COLOR_PALETTE, COLOR_RGBA, COLOR_SRGB };

/* SCALES */
enum { SCALE_PRESERVE, SCALE_AUTO };

/* ON_ERROR */
enum { ON_ERROR_STRICT, ON_ERROR_SKIP, ON_ERROR_LOSSY };

#endif
