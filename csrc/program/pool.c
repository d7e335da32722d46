/* pool.c - a few threads that wait for a task. One run at a time has them all; a run that begins meanwhile uses its own
 * thread only. */
#include "pool.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "../engine.h"
#include "../posix.h"

enum { MOST_THREADS = 256 };

static atomic_int threads = 1; /* to use, the caller's included */

int32_t mg_pool_threads(void)
{
    return atomic_load(&threads);
}

/* For so long a thread looks for the next task before it sleeps: to wake it costs as much. */
enum { SPIN_NS = 100000 };

/* All of this is guarded by `lock`; what is atomic may be read without it. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t called;  /* there is a task */
    pthread_cond_t through; /* `inside` fell to 0 */
    void (*task)(void *);   /* NULL: none */
    void *argument;
    int32_t wanted;    /* helpers that may still come in */
    atomic_int inside; /* helpers in the task */
    atomic_int calls;  /* how often there was a task */
    int32_t helpers;   /* threads there are */
    bool busy;         /* a run has the helpers */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
          .called = PTHREAD_COND_INITIALIZER,
          .through = PTHREAD_COND_INITIALIZER};

static void before_fork(void)
{
    pthread_mutex_lock(&pool.lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&pool.lock);
}

/* The child has none of the helpers, and no task. */
static void after_fork_in_child(void)
{
    pthread_mutex_init(&pool.lock, NULL);
    pthread_cond_init(&pool.called, NULL);
    pthread_cond_init(&pool.through, NULL);
    pool.task = NULL;
    pool.wanted = pool.helpers = 0;
    pool.inside = 0;
    pool.busy = false;
}

/* Without its handlers a fork might find the lock taken, and its child would wait for ever: nobody takes it until they are
 * in place, and there are no helpers. They are not asked for under the lock, which a fork that goes on would copy. */
static atomic_bool prepared;

int32_t mg_set_threads(int32_t n)
{
    static atomic_flag asked = ATOMIC_FLAG_INIT;

    if (n < 1)
        return MG_EARGUMENT;
    if (n > 1 && !atomic_flag_test_and_set(&asked))
        atomic_store(&prepared, pthread_atfork(before_fork, after_fork, after_fork_in_child) == 0);
    atomic_store(&threads, n < MOST_THREADS ? n : MOST_THREADS);
    return MG_OK;
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Waits a moment until `*value` is `was`; until it is something else where `differs`. */
static void spin(atomic_int *value, int was, bool differs)
{
    struct timespec begin, now;

    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        for (int i = 0; i < 32; i++, relax())
            if ((atomic_load_explicit(value, memory_order_acquire) != was) == differs)
                return;
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while ((now.tv_sec - begin.tv_sec) * 1000000000 + now.tv_nsec - begin.tv_nsec < SPIN_NS);
}

static void *help(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&pool.lock);
    for (;;) {
        while (!pool.task || pool.wanted == 0) {
            const int calls = atomic_load(&pool.calls);
            pthread_mutex_unlock(&pool.lock);
            spin(&pool.calls, calls, true);
            pthread_mutex_lock(&pool.lock);
            if ((!pool.task || pool.wanted == 0) && calls == atomic_load(&pool.calls))
                pthread_cond_wait(&pool.called, &pool.lock);
        }
        void (*task)(void *) = pool.task;
        void *argument = pool.argument;
        pool.wanted--;
        pool.inside++;
        pthread_mutex_unlock(&pool.lock);
        task(argument);
        pthread_mutex_lock(&pool.lock);
        if (--pool.inside == 0)
            pthread_cond_signal(&pool.through);
    }
    return NULL;
}

/* Signals are for Python's threads. Where no thread can be had there are fewer helpers, and that is all. */
static void hire(int32_t helpers)
{
    sigset_t all, before;

    if (pool.helpers >= helpers)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (pool.helpers < helpers) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, help, NULL) != 0)
            break;
        pthread_detach(thread);
        pool.helpers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void mg_pool_run(void (*task)(void *), void *argument, int32_t helpers)
{
    bool mine = false;

    if (helpers > 0 && atomic_load(&prepared)) {
        pthread_mutex_lock(&pool.lock);
        mine = !pool.busy;
        if (mine) {
            hire(helpers);
            pool.busy = true;
            pool.task = task;
            pool.argument = argument;
            pool.wanted = helpers;
            atomic_fetch_add(&pool.calls, 1);
            pthread_cond_broadcast(&pool.called);
        }
        pthread_mutex_unlock(&pool.lock);
    }
    task(argument);
    if (mine) {
        pthread_mutex_lock(&pool.lock);
        pool.task = NULL; /* who comes now comes too late */
        pthread_mutex_unlock(&pool.lock);
        spin(&pool.inside, 0, false);
        pthread_mutex_lock(&pool.lock);
        while (pool.inside > 0)
            pthread_cond_wait(&pool.through, &pool.lock);
        pool.busy = false;
        pthread_mutex_unlock(&pool.lock);
    }
}
