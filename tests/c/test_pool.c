/* Threads that help. */
#ifdef __linux__
#define _GNU_SOURCE /* pthread_setattr_default_np */
#endif
#include "check.h"
#include "program/pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

static atomic_int calls, inner_calls;

static void count(void *argument)
{
    atomic_fetch_add((atomic_int *)argument, 1);
}

/* A task that asks for helpers itself: all of them are taken. */
static void ask_again(void *argument)
{
    count(argument);
    mg_pool_run(count, &inner_calls, 3);
}

TEST(a_task_runs_on_the_callers_thread_and_on_no_more_than_were_asked_for)
{
    for (int32_t helpers = 0; helpers < 4; helpers++)
        for (int32_t i = 0; i < 200; i++) {
            atomic_store(&calls, 0);
            mg_pool_run(count, &calls, helpers);
            CHECK(atomic_load(&calls) >= 1 && atomic_load(&calls) <= helpers + 1);
        }
}

TEST(a_task_within_a_task_runs_on_one_thread)
{
    atomic_store(&calls, 0);
    atomic_store(&inner_calls, 0);
    mg_pool_run(ask_again, &calls, 2);
    CHECK_INT(atomic_load(&inner_calls), atomic_load(&calls));
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static pthread_t caller;
static atomic_int came, left;

/* The caller is through as soon as a helper has come; the helper takes longer than the caller looks out for it. */
static void leave_late(void *unused)
{
    const double begin = seconds();

    (void)unused;
    if (pthread_equal(pthread_self(), caller)) {
        while (!atomic_load(&came) && seconds() < begin + 20.0)
            continue;
        return;
    }
    atomic_store(&came, 1);
    while (seconds() < begin + 0.002)
        continue;
    atomic_store(&left, 1);
}

static int32_t came_and_left(void *unused)
{
    (void)unused;
    caller = pthread_self();
    atomic_store(&came, 0);
    atomic_store(&left, 0);
    mg_pool_run(leave_late, NULL, 1);
    return 2 * atomic_load(&came) + atomic_load(&left);
}

TEST(a_run_ends_when_the_last_helper_is_through)
{
    for (int32_t i = 0; i < 5; i++)
        CHECK_INT(came_and_left(NULL), 3);
}

TEST(a_child_of_fork_has_helpers_of_its_own)
{
    CHECK_INT(came_and_left(NULL), 3); /* there is a helper, whom the child does not have */
    CHECK_INT(in_child(came_and_left, NULL), 3);
    CHECK_INT(came_and_left(NULL), 3);
}

TEST(there_is_one_thread_at_least)
{
    CHECK_INT(mg_set_threads(0), MG_EARGUMENT);
    CHECK_INT(mg_pool_threads(), 1);
    CHECK_INT(mg_set_threads(1 << 16), MG_OK);
    CHECK(mg_pool_threads() >= 1);
    CHECK_INT(mg_set_threads(1), MG_OK);
    CHECK_INT(mg_pool_threads(), 1);
}

#ifdef __GLIBC__
extern int __register_atfork(void (*)(void), void (*)(void), void (*)(void), void *);
extern void *__dso_handle;

/* How a child went on that was forked while the pool asked for its fork handlers. */
static int32_t early_child;

static int32_t work_in_time(void *unused)
{
    (void)unused;
    alarm(20);
    atomic_store(&calls, 0);
    mg_pool_run(count, &calls, 2);
    return 1 + (atomic_load(&calls) == 0);
}

/* Stands before glibc's own. */
int pthread_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
    static int32_t asked; /* the engine asks first */

    if (asked++ == 1)
        early_child = in_child(work_in_time, NULL);
    return __register_atfork(prepare, parent, child, &__dso_handle);
}

TEST(a_child_of_a_fork_before_the_handlers_are_in_place_goes_on)
{
    CHECK_INT(early_child, 1);
}

static void *nobody(void *argument)
{
    return argument;
}

/* A stack for which there is no address space: no thread can be made. It comes first, while there are no helpers. */
TEST(where_no_thread_can_be_had_the_caller_works_alone)
{
    pthread_attr_t usual, huge;
    pthread_t thread;

    CHECK_INT(pthread_getattr_default_np(&usual), 0);
    CHECK_INT(pthread_attr_init(&huge), 0);
    CHECK_INT(pthread_attr_setstacksize(&huge, (size_t)1 << 60), 0);
    CHECK_INT(pthread_setattr_default_np(&huge), 0);
    CHECK(pthread_create(&thread, NULL, nobody, NULL) != 0);
    CHECK_INT(mg_set_threads(4), MG_OK);
    for (int32_t i = 0; i < 50; i++) {
        atomic_store(&calls, 0);
        mg_pool_run(count, &calls, 3);
        CHECK_INT(atomic_load(&calls), 1);
    }
    CHECK_INT(mg_set_threads(1), MG_OK);
    CHECK_INT(pthread_setattr_default_np(&usual), 0);
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&usual);
}
#endif

int main(void)
{
    CHECK_INT(mg_init(), MG_OK);
#ifdef __GLIBC__
    RUN(where_no_thread_can_be_had_the_caller_works_alone);
    RUN(a_child_of_a_fork_before_the_handlers_are_in_place_goes_on);
#endif
    RUN(there_is_one_thread_at_least);
    CHECK_INT(mg_set_threads(4), MG_OK);
    RUN(a_task_runs_on_the_callers_thread_and_on_no_more_than_were_asked_for);
    RUN(a_task_within_a_task_runs_on_one_thread);
    RUN(a_run_ends_when_the_last_helper_is_through);
    RUN_FORK(a_child_of_fork_has_helpers_of_its_own);
    return 0;
}
