#include "threads.h"

enum { MOST_THREADS = 64 };

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>

void j2k_share(int threads, void *(*work)(void *), void *argument) {
    pthread_t other[MOST_THREADS];
    int started = 0;
    while (started < threads - 1 && started < MOST_THREADS && !pthread_create(&other[started], NULL, work, argument))
        started++;
    work(argument);
    while (started > 0) pthread_join(other[--started], NULL);
}

int j2k_take(Queue *q, uint32_t *number) {
    *number = __atomic_fetch_add(&q->next, 1, __ATOMIC_RELAXED);
    return *number < q->count && !__atomic_load_n(&q->failed, __ATOMIC_RELAXED);
}

void j2k_give_up(Queue *q, const J2kFault *fault) {
    if (!__atomic_exchange_n(&q->failed, 1, __ATOMIC_RELAXED)) q->fault = *fault;
}

int j2k_spend(int64_t *left, int64_t n) { return __atomic_fetch_sub(left, n, __ATOMIC_RELAXED) >= n; }
#else
void j2k_share(int threads, void *(*work)(void *), void *argument) {
    (void)threads;
    work(argument);
}

int j2k_take(Queue *q, uint32_t *number) {
    *number = q->next++;
    return *number < q->count && !q->failed;
}

void j2k_give_up(Queue *q, const J2kFault *fault) {
    if (!q->failed++) q->fault = *fault;
}

int j2k_spend(int64_t *left, int64_t n) { return (*left -= n) >= 0; }
#endif
