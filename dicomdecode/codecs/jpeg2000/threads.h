/* Several threads on one list of things, code-blocks or tiles; each takes the next one when it is done with one. */
#ifndef DICOMDECODE_J2K_THREADS_H
#define DICOMDECODE_J2K_THREADS_H

#include "j2k.h"

typedef struct {
    uint32_t count;             /* of things */
    uint32_t next;              /* to be taken, by any thread */
    int failed;
    J2kFault fault;             /* the first one */
} Queue;

/* Calls `work` in so many threads, this one included, or in as many as there are; returns when all are done. */
void j2k_share(int threads, void *(*work)(void *), void *argument);

/* The next thing, in *number; 0 where there is none, or one has failed. */
int j2k_take(Queue *queue, uint32_t *number);
void j2k_give_up(Queue *queue, const J2kFault *fault);
/* Takes `n` of what is left; 0 where it is less. */
int j2k_spend(int64_t *left, int64_t n);

#endif
